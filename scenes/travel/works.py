"""Planned works on the road: inside the place and time of a permit, what they do to traffic is no incident.

A permit of kind ``road_works`` or ``lane_closure`` covers vehicles that stand there, things and people on the road, and
what stations and floating cars make of the lane that is missing. A crash or a wrong-way driver there is one all the
same, and so is what goes on when the permit has run out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from brain.scene_api import Fact
from brain.times import to_us
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.city import City
    from brain.scene_api import Evidence

__all__ = ["PLANNED", "WORKS", "covers", "works_facts"]

WORKS: Final = frozenset({"road_works", "lane_closure"})
PLANNED: Final = frozenset({"pair", "single", "probes", "mcmaster", "stopped_vehicle", "debris", "pedestrian_on_road"})


class Works(NamedTuple):
    """A permit: id, place, radius in metres, from and until when (both included), microseconds."""

    permit: str
    lon: float
    lat: float
    radius_m: float
    start: int
    end: int

    def reaches(self, lon: float, lat: float, time: int, half_m: float = 0.0) -> bool:
        """Whether they run at a time and lie within so many metres of a place, their own radius apart."""
        runs = self.start <= time <= self.end
        return runs and metres(self.lon, self.lat, lon, lat) <= self.radius_m + half_m


def covers(city: City, claims: Sequence[Evidence]) -> bool:
    """Whether planned works explain all that is claimed.

    Args:
        city: Its permits.
        claims: Lines that claim a level; ``half_m`` of their values is how far to either side they may mean.
    """
    return all(any(_explains(w, claim) for w in _works_of(city)) for claim in claims)


def _explains(works: Works, claim: Evidence) -> bool:
    kind = claim.values.get("kind")
    if claim.lon is None or claim.lat is None:
        return kind == "mcmaster"  # it speaks of a pair, which is judged beside it
    half_m = float(claim.values.get("half_m", 0.0))
    return kind in PLANNED and works.reaches(claim.lon, claim.lat, claim.time, half_m)


def works_facts(city: City, lon: float, lat: float, time: int, half_m: float = 0.0) -> tuple[Fact, ...]:
    """That no planned works explain what is seen at a place; nothing where the city plans none."""
    some = _works_of(city)
    here = next((w.permit for w in some if w.reaches(lon, lat, time, half_m)), "none")
    return (Fact("planned_works", here, "==", "none", "", here == "none"),) if some else ()


@lru_cache(maxsize=4)
def _sorted(key: tuple[tuple[str, float, float, float, str, str], ...]) -> tuple[Works, ...]:
    return tuple(Works(name, lon, lat, r, to_us(a), to_us(b)) for name, lon, lat, r, a, b in key)


def _works_of(city: City) -> tuple[Works, ...]:
    some = tuple((p.id, p.lon, p.lat, p.radius_m, p.start, p.end) for p in city.permits if p.kind in WORKS)
    return _sorted(some) if some else ()
