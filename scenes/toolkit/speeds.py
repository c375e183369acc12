"""Live speeds of driving directions: what roads report, and what open incidents do to them. Plain data, serialisable.

Two kinds of word may speak of one direction: a ``road-status`` (it holds until the next one) and the effect of an open
incident of another scene (it holds while that incident is open). **The slower one wins**: a jam that the incident has
made may not be reported yet, and a report of a jam says nothing of a closure round the corner.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["LiveSpeeds"]


@dataclass(slots=True)
class LiveSpeeds:
    """Speeds that override the usual ones, by driving direction ``"FROM>TO"``, in km/h; 0 means closed.

    Attributes:
        kmh: What holds: the slowest word of all. Direction to km/h.
        digest: Fingerprint of ``kmh``, kept up to date; graphs remember results by it.
        reported: What the roads said.
        told: What each source (an open incident) says besides.

    Example:
        >>> live = LiveSpeeds()
        >>> live.put("A", "B", 12.0), live.put("A", "B", 12.0)
        (True, False)
        >>> live.tell("incident 1", {"A>B": 0.0, "B>C": 20.0}), live.kmh
        (['A>B', 'B>C'], {'A>B': 0.0, 'B>C': 20.0})
        >>> live.put("A", "B", 30.0), live.tell("incident 1", {}), live.kmh
        (False, ['A>B', 'B>C'], {'A>B': 30.0})
    """

    kmh: dict[str, float] = field(default_factory=dict)
    digest: int = 0
    reported: dict[str, float] = field(default_factory=dict)
    told: dict[str, dict[str, float]] = field(default_factory=dict)

    def put(self, link_from: str, link_to: str, kmh: float | None) -> bool:
        """What a road reports of a direction, None: nothing any more; True when that changes what holds."""
        key = f"{link_from}>{link_to}"
        if kmh is None:
            self.reported.pop(key, None)
        else:
            self.reported[key] = kmh
        return self._settle(key)

    def tell(self, source: str, kmh: Mapping[str, float]) -> list[str]:
        """All that a source says of roads from now on, in place of what it said; the directions that change by it."""
        before = self.told.pop(source, {})
        if kmh:
            self.told[source] = dict(kmh)
        return [key for key in dict.fromkeys([*before, *kmh]) if self._settle(key)]

    def without(self, sources: Collection[str]) -> LiveSpeeds:
        """The same roads as if these sources said nothing; a copy, to look at only."""
        silent = [s for s in self.told if s in sources]
        if not silent:
            return self
        out = LiveSpeeds(dict(self.kmh), self.digest, self.reported, dict(self.told))
        for source in silent:
            out.tell(source, {})
        return out

    def _settle(self, key: str) -> bool:
        said = [x for x in (self.reported.get(key), *(t.get(key) for t in self.told.values())) if x is not None]
        old, new = self.kmh.get(key), min(said, default=None)
        if old == new:
            return False
        if old is not None:
            self.digest ^= _fingerprint(key, old)
            del self.kmh[key]
        if new is not None:
            self.digest ^= _fingerprint(key, new)
            self.kmh[key] = new
        return True


def _fingerprint(key: str, kmh: float) -> int:
    return int.from_bytes(blake2b(f"{key}={kmh!r}".encode(), digest_size=7).digest(), "big")
