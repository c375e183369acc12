"""Sightings that only support a case: debris, a call for an injured person, a queue seen from above, smoke, heat."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from scenes.toolkit.roads import metres
from scenes.travel.statements import AGAINST, support_line
from scenes.travel.ties import SECOND, Place, reaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import Evidence
    from scenes.travel.state import Case, Support
    from scenes.travel.ties import Context

__all__ = ["FIRE", "forget", "gather", "on_support", "take_back"]

FIRE = ("smoke", "flame", "thermal")
CALL_LATE_S = 3600


def on_support(ctx: Context, support: Support, position: int) -> Iterator[Evidence]:
    """Tell a sighting to the case it belongs to, and keep it for one that may come."""
    take_back(ctx, support.witness)
    ctx.state.supports.append(support)
    hits = [
        (far, case.key, case) for case in ctx.state.cases.values() if (far := _belongs(ctx, case, support)) is not None
    ]
    if hits:
        yield from _tell(ctx, min(hits, key=lambda h: h[:2])[2], support, position)


def _belongs(ctx: Context, case: Case, support: Support) -> float | None:
    p = ctx.parameters
    if not case.holding and abs(support.time - case.last) > p["reach_s"] * SECOND:
        return None
    if support.kind in FIRE:
        far = metres(case.lon, case.lat, support.lon, support.lat)
        return far if far <= p["fire_radius_m"] else None
    place = Place(support.lon, support.lat, support.places)
    off = p["reach_upstream_m"] if support.kind in ("queue", "no_queue", "congestion") else None
    along = reaches(ctx, case, place, off_m=off)
    if support.kind == "nothing" and along is not None and along > p["reach_downstream_m"]:
        return None  # a camera sees as far as that
    return along


def _tell(ctx: Context, case: Case, support: Support, position: int) -> Iterator[Evidence]:
    reason = None
    if support.kind == "queue":
        case.queue_m = max(case.queue_m, support.value)
        behind = ctx.network.signal_behind_m(case.places, case.lon, case.lat)
        if not case.spilled and behind is not None and support.value >= behind:
            case.spilled, reason = True, "spillback_to_signal"
        elif support.witness in case.supports and case.queue_m - case.told_m >= ctx.parameters["queue_growth_m"]:
            reason = "queue"
        if reason is not None or support.witness not in case.supports:
            case.told_m = case.queue_m
    if support.witness not in case.supports:
        case.supports.append(support.witness)
    line = support_line(ctx, case, support, position, reason)
    yield line
    if support.kind in AGAINST:  # a look is over as soon as it was taken: what it says against fades from then on
        yield replace(line, holds=False, ended=support.time)


def gather(ctx: Context, case: Case, position: int, founder: str | None = None) -> Iterator[Evidence]:
    """What was seen before the case began and belongs to it, but for what its founder itself has seen."""
    reach = ctx.parameters["reach_s"] * SECOND
    for support in ctx.state.supports:
        if (
            support.witness != founder
            and abs(case.last - support.time) <= reach
            and _belongs(ctx, case, support) is not None
        ):
            yield from _tell(ctx, case, support, position)


def take_back(ctx: Context, witness: str) -> None:
    """Drop what was seen and is not true any more, so that no new case hears of it."""
    ctx.state.supports = [s for s in ctx.state.supports if s.witness != witness]


def forget(ctx: Context, now: int) -> None:
    """Drop what is too old to support anything."""
    reach = (ctx.parameters["reach_s"] + CALL_LATE_S) * SECOND
    if ctx.state.supports and now - ctx.state.supports[0].time > reach:
        ctx.state.supports = [s for s in ctx.state.supports if now - s.time <= reach]
