"""Coverage: a zone with much of the demand must always have a free unit in reach (rule F6).

Unlike an emergency a gap ends at once when the zone is covered again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.model import Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.first_aid.dispatch import free_units, in_reach, zone_travel
from scenes.first_aid.state import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenes.first_aid.context import Context
    from scenes.first_aid.town import ZonePlace

__all__ = ["look", "look_at_gaps", "speak_up"]


def look(ctx: Context, now: int, position: int, unit: str) -> Iterator[Evidence]:
    """Compare zones and free units after a change; ``unit`` is the one that changed, or "" at a mark.

    A gap found at a mark began when the first thing changed that the mark looks at.
    """
    since = now if unit or ctx.state.stale_from is None else ctx.state.stale_from
    ctx.state.coverage_stale, ctx.state.stale_from = False, None
    ctx.state.looked = ctx.state.live.digest
    free = free_units(ctx)
    for zone in ctx.town.zones:
        if zone.demand < ctx.parameters["coverage_demand"]:
            continue
        gap = ctx.state.gaps.get(zone.zone)
        if _is_covered(ctx, zone.zone, free):
            yield from _close(ctx, zone, now, position)
        elif gap is None:
            ctx.state.gaps[zone.zone] = Gap(since, unit or next(iter(ctx.town.units), zone.zone))
        elif gap.raised and (advice := _move_up(ctx, zone, free)) != gap.move_up:
            gap.move_up = advice
            yield _statement(ctx, zone, gap, position)


def look_at_gaps(ctx: Context, now: int) -> Iterator[Evidence]:
    """Whether the gaps are covered again: a look that costs little between those at all zones, at a mark."""
    free = free_units(ctx)
    for zone in ctx.town.zones:
        if zone.zone in ctx.state.gaps and _is_covered(ctx, zone.zone, free):
            yield from _close(ctx, zone, now, -1)


def _close(ctx: Context, zone: ZonePlace, now: int, position: int) -> Iterator[Evidence]:
    gap = ctx.state.gaps.pop(zone.zone, None)
    if gap is not None and gap.raised:
        yield _statement(ctx, zone, gap, position, covered=now)


def _is_covered(ctx: Context, zone: str, free: list[str]) -> bool:
    """Whether a free unit reaches a zone; the one that did last time is asked first."""
    last = ctx.state.covering.get(zone)
    reach = in_reach(ctx, zone, [last]) if last in free else {}
    reach = reach or in_reach(ctx, zone, free)
    if reach:
        ctx.state.covering[zone] = min(reach, key=lambda u: (reach[u], u))
    return bool(reach)


def speak_up(ctx: Context, now: int) -> Iterator[Evidence]:
    """Gaps that have lasted long enough, at a mark."""
    for zone in ctx.town.zones:
        gap = ctx.state.gaps.get(zone.zone)
        if gap is not None and not gap.raised and now - gap.since >= ctx.parameters["coverage_s"] * 1e6:
            gap.raised = True
            gap.move_up = _move_up(ctx, zone, free_units(ctx))
            yield _statement(ctx, zone, gap, -1)


def _move_up(ctx: Context, zone: ZonePlace, free: list[str]) -> str | None:
    """The free unit that is there soonest and whose leaving bares no other zone; None where there is none."""
    least = ctx.parameters["coverage_demand"]
    others = [set(in_reach(ctx, z.zone, free)) for z in ctx.town.zones if z.zone != zone.zone and z.demand >= least]
    travel = zone_travel(ctx, zone.zone, [u for u in free if {u} not in others])
    there = {u: s for u, s in travel.items() if s < float("inf")}
    return min(there, key=lambda u: (there[u], u)) if there else None


def _statement(ctx: Context, zone: ZonePlace, gap: Gap, position: int, covered: int | None = None) -> Evidence:
    ems = ctx.town.city.ems
    zh, en = zone.name
    return Evidence(
        event="coverage_gap",
        rule="F6.coverage",
        witness=f"coverage/{zone.zone}",
        modality=Modality.VEHICLE,
        sensor_type="ambulance",
        device=gap.unit,
        time=gap.since,
        position=position,
        weight=ctx.parameters["weight_gap"],
        summary=Text(
            f"{zh}：{ems.target_s:.0f} 秒内无可用救护车可达", f"{en}: no free ambulance within {ems.target_s:.0f} s"
        ),
        holds=covered is None,
        ended=covered,
        level=Level.BLUE,
        lon=None if zone.place is None else zone.place.lon,
        lat=None if zone.place is None else zone.place.lat,
        subject=f"coverage/{zone.zone}",
        facts=(
            Fact("free_units_in_reach", 0 if covered is None else 1, "<", 1, "", covered is None),
            Fact("demand", zone.demand, ">=", ctx.parameters["coverage_demand"], "1", met=True),
            Fact("target_s", ems.target_s, "<=", ems.target_s, "s", met=True),
        ),
        values={"zone": zone.zone, "zh": zh, "en": en, "move_up": gap.move_up},
    )
