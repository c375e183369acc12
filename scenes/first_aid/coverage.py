"""Coverage: a zone with much of the demand must always have a free unit in reach (rule F6).

Unlike an emergency a gap ends at once when the zone is covered again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.model import Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.first_aid.dispatch import free_units, in_reach, zone_travel
from scenes.first_aid.state import NEVER, Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenes.first_aid.context import Context
    from scenes.first_aid.town import ZonePlace

__all__ = ["look", "look_round", "speak_up"]


A_SECOND = 4  # zones that are compared at a mark while speeds change, which wants a new tree each ...
GAPS_A_SECOND = 2  # ... gaps first, so many at most


def look(ctx: Context, now: int, position: int, unit: str) -> Iterator[Evidence]:
    """Compare the zones that a unit's change can concern: gaps when it is free, what it covered when it is not."""
    free, state = free_units(ctx), ctx.state
    for zone in _zones(ctx):
        gap, cover = state.gaps.get(zone.zone), state.covering.get(zone.zone)
        if gap is not None:
            is_concerned = unit in free or gap.move_up == unit
        else:
            is_concerned = cover is None or (cover == unit and unit not in free)
        if is_concerned:
            yield from _compare(ctx, zone, free, now, position, Gap(now, unit))


def look_round(ctx: Context, now: int) -> Iterator[Evidence]:
    """Compare the zones for which something has changed, at a mark.

    While speeds change that is a few every second, the longest unseen first. A gap found so began with the change.
    """
    state, zones = ctx.state, {z.zone: z for z in _zones(ctx)}
    since = now if state.looked == NEVER and state.stale_from is None else state.stale_from
    if since is not None:
        state.stale = {name: state.stale.get(name, since) for name in zones}
        state.stale_from = None
    due = sorted(state.stale, key=lambda z: state.stale[z])
    if state.looked not in (NEVER, state.live.digest):
        first = [z for z in due if z in state.gaps][:GAPS_A_SECOND]
        due = (first + [z for z in due if z not in first])[:A_SECOND]
    free, anyone = free_units(ctx), next(iter(ctx.town.units), None)
    for name in due:
        yield from _compare(ctx, zones[name], free, now, -1, Gap(state.stale.pop(name), anyone or name))
    if not state.stale:
        state.looked = state.live.digest


def _zones(ctx: Context) -> Iterator[ZonePlace]:
    return (z for z in ctx.town.zones if z.demand >= ctx.parameters["coverage_demand"])


def _compare(
    ctx: Context, zone: ZonePlace, free: list[str], now: int, position: int, if_bare: Gap
) -> Iterator[Evidence]:
    gap = ctx.state.gaps.get(zone.zone)
    if _is_covered(ctx, zone.zone, free):
        if ctx.state.gaps.pop(zone.zone, None) is not None and gap is not None and gap.raised:
            yield _statement(ctx, zone, gap, position, covered=now)
    elif gap is None:
        ctx.state.gaps[zone.zone] = if_bare
    elif gap.raised and (advice := _move_up(ctx, zone, free)) != gap.move_up:
        gap.move_up = advice
        yield _statement(ctx, zone, gap, position)


def _is_covered(ctx: Context, zone: str, free: list[str]) -> bool:
    """Whether a free unit reaches a zone; the one that did last time is asked first."""
    last = ctx.state.covering.pop(zone, None)
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
    travel = {u: s for u, s in zone_travel(ctx, zone.zone, free).items() if s < float("inf")}
    state = ctx.state
    for unit in sorted(travel, key=lambda u: (travel[u], u)):
        others = [u for u in free if u != unit]
        # Where another free unit is known to cover a zone, this one may leave; gaps are bare anyhow.
        mine = [z.zone for z in _zones(ctx) if state.covering.get(z.zone) not in others and z.zone not in state.gaps]
        if all(in_reach(ctx, z, others) for z in mine if z != zone.zone):
            return unit
    return None


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
