"""Which incidents of one judge a statement may belong to: found by witness, subject and place instead of asking all.

Answers hold all that belong (``association`` decides) and few that do not, so that a thousand open incidents cost a
statement no more than one. Made anew from the incidents after a restart; nothing of it is saved.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from brain.city.index import METRES_PER_DEGREE

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from brain.desk.incident import Incident
    from brain.scene_api import Evidence, Gate

__all__ = ["Neighbours"]

_LEAST_M: Final = 10.0  # side of a cell
_POLAR_DEG: Final = 80.0  # beyond it a degree of longitude is too short for cells: all incidents are asked


class Neighbours:
    """The incidents before one judge.

    Args:
        gate: Of the judge's policy; with a radius below 0 places tell nothing.
    """

    def __init__(self, gate: Gate) -> None:
        self._has_place = gate.radius_m >= 0
        self._cell = max(gate.radius_m, _LEAST_M) * (1 + 1e-9) / METRES_PER_DEGREE
        self._by: dict[Hashable, dict[int, Incident]] = {}
        self._keys: dict[int, set[Hashable]] = {}
        self._all: dict[int, Incident] = {}

    def add(self, incident: Incident, evidence: Evidence) -> None:
        """A statement became part of an incident."""
        keys = self._keys.setdefault(incident.order, set())
        self._all[incident.order] = incident
        for key in self._keys_of(evidence):
            if key not in keys:
                keys.add(key)
                self._by.setdefault(key, {})[incident.order] = incident

    def forget(self, incident: Incident) -> None:
        """The incident is gone."""
        self._all.pop(incident.order, None)
        for key in self._keys.pop(incident.order, ()):
            found = self._by[key]
            del found[incident.order]
            if not found:
                del self._by[key]

    def of(self, *evidence: Evidence) -> list[Incident]:
        """All incidents that share a witness or a subject with one of these statements or may be near it, by age."""
        found: dict[int, Incident] = {}
        for e in evidence:
            for key in self._asked(e):
                if key is None:
                    return [self._all[k] for k in sorted(self._all)]
                found |= self._by.get(key, {})
        return [found[k] for k in sorted(found)]

    def _keys_of(self, e: Evidence) -> Iterator[Hashable]:
        yield "witness", e.witness
        if e.subject is not None:
            yield "subject", e.subject
        if self._has_place and e.lon is not None and e.lat is not None:
            yield self._cell_of(e.lon, e.lat)

    def _asked(self, e: Evidence) -> Iterator[Hashable | None]:
        """Keys under which what belongs to a statement stands; None where all must be asked."""
        yield "witness", e.witness
        if e.subject is not None:
            yield "subject", e.subject
        if not self._has_place or e.lon is None or e.lat is None:
            return
        if abs(e.lat) + self._cell > _POLAR_DEG:
            yield None
            return
        x, y = self._cell_of(e.lon, e.lat)
        wide = math.ceil(1 / math.cos(math.radians(abs(e.lat) + self._cell)))
        for dy in (-1, 0, 1):
            for dx in range(-wide, wide + 1):
                yield x + dx, y + dy

    def _cell_of(self, lon: float, lat: float) -> tuple[int, int]:
        return math.floor(lon / self._cell), math.floor(lat / self._cell)
