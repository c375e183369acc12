"""What the rules of first aid work with during one step: the town, the state, and the ways that hold for whom.

Roads inside a hazard area (from orange on) or a closed area are barred to all but those who must go there: a way whose
patient, or whose unit, is inside such an area may use the roads in it. A link that an incident itself closes or slows
is so for everybody.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import shapely
from shapely.geometry import shape

from brain.model import Level
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from scenes.first_aid.state import FirstAidState, Notice
    from scenes.first_aid.town import Place, Town
    from scenes.toolkit.roads import Tree
    from scenes.toolkit.speeds import LiveSpeeds

__all__ = ["AREA", "Context", "area_of", "bars"]

AREA = "/area"  # behind an incident's id: the source that bars the roads inside its areas
_KEPT = 256
# A cache only: what a notice covers never changes, and an entry holds its notice, so that no other one takes its id.
_areas: OrderedDict[tuple[int, str], tuple[Notice, BaseGeometry]] = OrderedDict()


def area_of(notice: Notice, which: Literal["barred", "hazards", "all"]) -> BaseGeometry:
    """Areas of a notice as one geometry in degrees: whose roads are barred, that endanger, or all; made once."""
    key = (id(notice), which)
    known = _areas.get(key)
    if known is None or known[0] is not notice:
        chosen = {"barred": bars(notice), "hazards": notice.hazards, "all": [*notice.hazards, *notice.closed]}[which]
        parts = [shape(a) for a in chosen]
        geometry = shapely.unary_union([p if p.is_valid else shapely.make_valid(p) for p in parts])
        shapely.prepare(geometry)
        known = _areas[key] = (notice, geometry)
        while len(_areas) > _KEPT:
            _areas.popitem(last=False)
    return known[1]


def bars(notice: Notice) -> list[dict[str, object]]:
    """Areas of an incident whose roads are barred: closed ones, and hazards from orange on."""
    hazard = Level(notice.level).rank >= Level.ORANGE.rank
    return [*notice.closed, *(notice.hazards if hazard else [])]


@dataclass(slots=True)
class Context:
    """What the rules of first aid work with during one step."""

    town: Town
    state: FirstAidState
    parameters: Mapping[str, float]
    _inside: dict[tuple[float, float], frozenset[str]] = field(default_factory=dict)
    _speeds: dict[frozenset[str], LiveSpeeds] = field(default_factory=dict)

    def inside(self, place: Place | None) -> frozenset[str]:
        """Sources of speeds whose barred area a place lies in."""
        if place is None or not self.state.notices:
            return frozenset()
        key = (place.lon, place.lat)
        known = self._inside.get(key)
        if known is None:
            point = shapely.Point(*key)
            known = frozenset(
                incident + AREA
                for incident, notice in self.state.notices.items()
                if bars(notice) and area_of(notice, "barred").intersects(point)
            )
            self._inside[key] = known
        return known

    def speeds(self, *places: Place | None) -> LiveSpeeds:
        """Live speeds for who must get to, or away from, these places."""
        if not self.state.notices:
            return self.state.live
        free = frozenset[str]().union(*(self.inside(p) for p in places))
        if free not in self._speeds:
            self._speeds[free] = self.state.live.without(free)
        return self._speeds[free]

    def news(self) -> None:
        """Notices or speeds have changed."""
        self._inside.clear()
        self._speeds.clear()

    def travel(self, origins: Mapping[str, Place], to: Place, first_limit_s: float = 900.0) -> dict[str, float]:
        """Seconds from each origin to a place, without turnout; inf for those that are farther than the nearest search.

        The search widens until at least one origin is found, so the smallest time is exact, and so are all up to
        ``first_limit_s``.
        """
        turnout = self.town.city.ems.turnout_s
        near = self.spread(origins, to, first_limit_s, inward=True)
        if any(s <= first_limit_s - turnout for s in near.values()):  # a unit on the road saves at most its turnout
            return near
        return self.spread(origins, to, math.inf, inward=True)

    def spread(self, ends: Mapping[str, Place], root: Place, limit_s: float, *, inward: bool) -> dict[str, float]:
        """Seconds between one place and others, to it (``inward``) or from it; inf beyond the limit."""
        if root.spot is None:
            pace = self.parameters["crow_kmh"] / 3.6
            return {k: metres(p.lon, p.lat, root.lon, root.lat) / pace for k, p in ends.items()}
        graph, out = self.town.graph, {}
        trees: dict[int, Tree] = {}
        for name, place in ends.items():
            # A hospital inside a hazard is not gone to; a unit inside one may leave it.
            live = self.speeds(root, place) if inward else self.speeds(root)
            tree = trees.get(live.digest)
            if tree is None:
                tree = trees[live.digest] = graph.tree(root.spot, live, inward=inward, limit_s=limit_s)
            out[name] = math.inf if place.spot is None else tree.reach(place.spot)
        return out
