"""Which evidence belongs together on a road: along the driving direction, not as the crow flies.

The desk's gate is a plain circle, so this scene ties its evidence itself: each happening is a ``Case`` with a key, and
all its evidence carries that key as ``subject``. Evidence joins a case when its place lies at most ``reach_upstream_m``
(or the known queue) upstream or ``reach_downstream_m`` downstream of the source on one corridor; off the corridors by
metres of road, without roads by metres as the crow flies. A crash farther than ``new_crash_m`` from the source is
another happening even in the queue of the first. While only a pair of stations tells of it, the source may be anywhere
between the two: what is seen there is the same, and settles the place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from scenes.toolkit.roads import metres
from scenes.travel.state import Case

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brain.registry import Registry
    from scenes.travel.corridors import Along, Network
    from scenes.travel.profile import Profiles
    from scenes.travel.state import TravelState

__all__ = ["SECOND", "Context", "Place", "find", "found", "narrow", "place_of", "reaches"]

SECOND = 1_000_000


@dataclass(slots=True)
class Context:
    """What the rules of travel work with during one step."""

    network: Network
    profiles: Profiles
    state: TravelState
    parameters: Mapping[str, float]
    registry: Registry


class Place(NamedTuple):
    """Where evidence is: degrees, and the corridors it may be on; a pair reaches from one station to the next."""

    lon: float
    lat: float
    along: tuple[Along, ...]
    before_m: float = 0.0
    after_m: float = 0.0


def place_of(ctx: Context, lon: float, lat: float, width_m: float, camera: str | None = None) -> Place:
    """A place in degrees, on the corridors within a width."""
    return Place(lon, lat, tuple(ctx.network.locate(lon, lat, width_m, camera)))


def reaches(ctx: Context, case: Case, place: Place, *, crash: bool = False, off_m: float | None = None) -> float | None:
    """Distance of a place from the source of a case when it belongs to it, or None.

    Args:
        ctx: Of this step.
        case: To belong to.
        place: Of the evidence.
        crash: It is a crash of its own.
        off_m: Reach off the corridors; None: ``reach_downstream_m``.
    """
    if case.against and place.along:
        return None
    p = ctx.parameters
    half_m = 0.0 if place.after_m > 0 else case.half_m  # two stretches that only touch at a station are not the same
    upstream = max(p["reach_upstream_m"], case.queue_m + p["reach_downstream_m"], half_m)
    downstream = max(p["reach_downstream_m"], half_m)
    best: float | None = None
    for source in case.places:
        for here in place.along:
            if here.corridor != source.corridor:
                continue
            gap = here.m - source.m
            inside = gap + place.after_m >= -upstream and gap - place.before_m <= downstream
            if inside and not (crash and abs(gap) >= max(p["new_crash_m"], half_m)):
                best = abs(gap) if best is None else min(best, abs(gap))
    if best is not None or (case.places and place.along):
        return best
    limit = p["reach_downstream_m"] if off_m is None else off_m
    if crash:
        limit = min(limit, p["new_crash_m"])
    far = _road_metres(ctx, case, place, limit)
    return far if far <= limit else None


def _road_metres(ctx: Context, case: Case, place: Place, limit: float) -> float:
    """Metres by road between a case and a place, the shorter direction; as the crow flies where there is no road."""
    crow = metres(case.lon, case.lat, place.lon, place.lat)
    if crow > limit or crow < 1.0:
        return crow
    graph = ctx.network.graph
    one, two = graph.snap(case.lon, case.lat), graph.snap(place.lon, place.lat)
    if one is None or two is None or max(one.off_m, two.off_m) > ctx.parameters["corridor_width_m"]:
        return crow
    return min(
        graph.tree(one, inward=inward, measure="metres", limit_s=limit + 50.0).reach(two) for inward in (True, False)
    )


def find(ctx: Context, place: Place, time: int, *, crash: bool = False, off_m: float | None = None) -> Case | None:
    """The case that evidence belongs to: the one with the nearest source."""
    hits: list[tuple[float, str, Case]] = []
    for case in ctx.state.cases.values():
        if not case.holding and time - case.last > ctx.parameters["reach_s"] * SECOND:
            continue
        far = reaches(ctx, case, place, crash=crash, off_m=off_m)
        if far is not None:
            hits.append((far, case.key, case))
    return min(hits, key=lambda h: h[:2])[2] if hits else None


def found(ctx: Context, witness: str, place: Place, time: int) -> Case:
    """A new case, its key made from its first witness."""
    key = f"travel/{witness}/{time}"
    case = Case(key=key, places=list(place.along), lon=place.lon, lat=place.lat, last=time, first=time)
    ctx.state.cases[case.key] = case
    return case


def narrow(case: Case, corridors: Sequence[str]) -> None:
    """Evidence that knows its direction settles the direction of the case."""
    if len(case.places) > 1 and (kept := [a for a in case.places if a.corridor in corridors]):
        case.places = kept


def finite(*values: float) -> bool:
    """Whether all are numbers."""
    return not any(map(math.isnan, values))
