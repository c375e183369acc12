"""Planned works on the road: inside the place and time of a permit, what they do to traffic is no incident.

A permit of kind ``road_works`` or ``lane_closure`` covers vehicles that stand there, things and people on the road, and
what stations and floating cars make of the lane that is missing. A crash or a wrong-way driver there is one all the
same, and so is what goes on when the permit has run out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from brain.times import to_us
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.city import City
    from brain.scene_api import Evidence

__all__ = ["WORKS", "covers"]

WORKS: Final = frozenset({"road_works", "lane_closure"})
PLANNED: Final = frozenset({"pair", "single", "probes", "mcmaster", "stopped_vehicle", "debris", "pedestrian_on_road"})


class Works(NamedTuple):
    """A permit: place, radius in metres, from and until when (both included), microseconds."""

    lon: float
    lat: float
    radius_m: float
    start: int
    end: int


def covers(city: City, claims: Sequence[Evidence]) -> bool:
    """Whether planned works explain all that is claimed.

    Args:
        city: Its permits.
        claims: Lines that claim a level; ``half_m`` of their values is how far to either side they may mean.
    """
    return all(any(_explains(w, claim) for w in _works_of(city)) for claim in claims)


def _explains(works: Works, claim: Evidence) -> bool:
    if claim.values.get("kind") not in PLANNED or not works.start <= claim.time <= works.end:
        return False
    if claim.lon is None or claim.lat is None:
        return claim.values.get("kind") == "mcmaster"  # it speaks of a pair, which is judged beside it
    reach = works.radius_m + float(claim.values.get("half_m", 0.0))
    return metres(works.lon, works.lat, claim.lon, claim.lat) <= reach


@lru_cache(maxsize=4)
def _sorted(key: tuple[tuple[str, float, float, float, str, str], ...]) -> tuple[Works, ...]:
    return tuple(Works(lon, lat, r, to_us(a), to_us(b)) for _, lon, lat, r, a, b in key)


def _works_of(city: City) -> tuple[Works, ...]:
    some = tuple((p.id, p.lon, p.lat, p.radius_m, p.start, p.end) for p in city.permits if p.kind in WORKS)
    return _sorted(some) if some else ()
