"""A station without a partner downstream (rule T1): unusually slow for three periods in a row.

Standard normal deviate with a robust profile: ``z(speed) <= -3`` and at most 0.6 of the usual speed; where a station
gives no speed, ``z(occupancy) >= 3`` and at least 1 / 0.6 of the usual one. A period of two minutes or more is itself a
mean over many of 30 s: then one that is extreme counts alone. Extreme is a robust score of 3.5 or more (the cut of
Iglewicz, Hoaglin 1993 for a single value) that is also far off in traffic's own terms: at most 0.4 of the usual speed;
or an occupancy in the congested region (20 %, as in the second opinion) and twice the usual one (the relative
difference 0.5 of the pair test, held against the station's own past).

A station at the end of a corridor speaks only while the next one upstream still flows: where both are slow the whole
road is, which is congestion (T2), or a queue that the pair test tells. Sources: Dudek, Messer 1974 (SND); Cook,
Cleveland 1974 (single-station tests); thresholds default.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from brain.scene_api import Fact, Reasoning
from scenes.toolkit.edges import at_least, at_most
from scenes.toolkit.roads import metres
from scenes.travel.corridors import Along
from scenes.travel.detectors import has_partner, period_s, stale_us
from scenes.travel.state import Single
from scenes.travel.statements import single_line
from scenes.travel.ties import SECOND, Place, find, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brain.registry import Registry
    from brain.scene_api import Evidence
    from scenes.travel.state import Case, Report
    from scenes.travel.ties import Context

__all__ = ["explain", "next_due", "on_single", "silent_singles", "single_facts"]


def single_facts(ctx: Context, report: Report, scale: float = 1.0, share: float | None = None) -> tuple[Fact, ...]:
    """The two conditions of a station by itself; none where nothing is usual.

    Args:
        ctx: Of this step.
        report: One period.
        scale: Of the score (1.5: extreme).
        share: Of the usual speed; None: the parameter.
    """
    p = ctx.parameters
    least, part = p["profile_z"] * scale, p["single_speed_share"] if share is None else share
    if not math.isnan(report.kmh) and report.usual_kmh is not None:
        z, most = report.usual_kmh.z(report.kmh), part * report.usual_kmh.median
        return (
            Fact("z_speed", round(z, 2), "<=", -least, "1", at_most(z, -least)),
            Fact("speed_kmh", report.kmh, "<=", round(most, 2), "km/h", at_most(report.kmh, most)),
        )
    if math.isnan(report.kmh) and not math.isnan(report.occupancy) and report.usual_occupancy is not None:
        z = report.usual_occupancy.z(report.occupancy)
        full = max(report.usual_occupancy.median / part, p["single_occupancy_pct"])
        return (
            Fact("z_occupancy", round(z, 2), ">=", least, "1", at_least(z, least)),
            Fact("occupancy_pct", report.occupancy, ">=", round(full, 2), "%", at_least(report.occupancy, full)),
        )
    return ()


def _is_over(ctx: Context, report: Report) -> bool:
    """As fast (or as empty) as usual again, beyond the dead band."""
    p = ctx.parameters
    scale, share = 1 - p["pair_dead_band"], p["clear_speed_share"]
    facts = single_facts(ctx, report, scale, share)
    return bool(facts) and not any(f.met for f in facts)


def _weight(ctx: Context, device: str, report: Report) -> int:
    """How many periods this one counts for; 0 where it is nothing unusual."""
    p = ctx.parameters
    facts = single_facts(ctx, report)
    if not facts or not all(f.met for f in facts):
        return 0
    if period_s(ctx, device) >= p["single_long_period_s"] and _is_extreme(ctx, report):
        return int(p["single_periods"])
    return 1


def _is_extreme(ctx: Context, report: Report) -> bool:
    """Whether a mean of minutes, which is unusual already, needs no second one beside it."""
    p = ctx.parameters
    if not math.isnan(report.kmh):
        usual = report.usual_kmh
        return (
            usual is not None
            and at_most(usual.z(report.kmh), -p["single_extreme_z"])
            and at_most(report.kmh, p["single_extreme_share"] * usual.median)
        )
    usual, occupancy = report.usual_occupancy, report.occupancy
    return (
        usual is not None
        and at_least(usual.z(occupancy), p["single_extreme_z"])
        and at_least(occupancy, p["single_extreme_occupancy_pct"])
        and at_least(occupancy - usual.median, p["single_extreme_relative"] * occupancy)
    )


def _slow_upstream(ctx: Context, device: str, time: int) -> bool:
    """Whether the next station upstream on a corridor is as unusually slow."""
    for corridor in ctx.network.corridors_of.get(device, ()):
        order = ctx.network.lines[corridor].order
        for station in reversed(order[: order.index(device)]):
            kept = ctx.state.stations.get(station)
            if kept and time - kept[-1].time <= stale_us(ctx, station):
                return _weight(ctx, station, kept[-1]) > 0
    return False


def on_single(
    ctx: Context,
    device: str,
    report: Report,
    where: tuple[float, float],
    position: int,
    joined: Callable[[Case, int], Iterator[Evidence]],
) -> Iterator[Evidence]:
    """Take one period of a station that is kept."""
    state = ctx.state.singles.get(device)
    case = None if state is None else ctx.state.cases.get(state.case or "")
    count = _weight(ctx, device, report)
    if state is None:
        if count == 0:
            return
        state = ctx.state.singles[device] = Single()
    if report.time <= state.last:
        return
    if state.last and report.time - state.last > 3 * period_s(ctx, device) * SECOND:
        state.count = 0
    state.last = report.time
    if case is not None:
        state.periods += 1
        yield _say(ctx, case, device, state, report, position, over=_is_over(ctx, report))
        return
    if has_partner(ctx, device, report.time):
        count = 0
    state.count = state.count + count if count else 0
    if state.count == 0:
        del ctx.state.singles[device]
        return
    if state.count < ctx.parameters["single_periods"] or _slow_upstream(ctx, device, report.time):
        return
    place = _place(ctx, device, where)
    case = find(ctx, place, report.time)
    if case is None:
        case = found(ctx, f"single/{device}", place, report.time)
        yield from joined(case, position)
    state.case, state.periods = case.key, state.count
    yield _say(ctx, case, device, state, report, position, over=False)


def _place(ctx: Context, device: str, where: tuple[float, float]) -> Place:
    along = tuple(
        Along(name, ctx.network.lines[name].stations[device]) for name in ctx.network.corridors_of.get(device, ())
    )
    return Place(*where, along)


def _say(
    ctx: Context, case: Case, device: str, state: Single, report: Report, position: int, *, over: bool
) -> Evidence:
    witness = f"single/{device}"
    case.last = max(case.last, report.time)
    if over:
        case.holding = [w for w in case.holding if w != witness]
        ctx.state.singles.pop(device, None)
    elif witness not in case.holding:
        case.holding = [*case.holding, witness]
    facts = single_facts(ctx, report)
    return single_line(ctx, case, device, report, facts, max(1, state.periods), position, holds=not over)


def silent_singles(ctx: Context, now: int) -> Iterator[Evidence]:
    """Stations that hold but have gone silent: nothing shows any more that they do (at a mark)."""
    for device, state in list(ctx.state.singles.items()):
        if now - state.last <= stale_us(ctx, device):
            continue
        case, kept = ctx.state.cases.get(state.case or ""), ctx.state.stations.get(device)
        if case is None or not kept:
            del ctx.state.singles[device]
        else:
            yield _say(ctx, case, device, state, kept[-1], -1, over=True)


def next_due(ctx: Context) -> Iterator[int]:
    """Times at which a mark may say something here."""
    return (s.last + stale_us(ctx, device) + 1 for device, s in ctx.state.singles.items())


def explain(ctx: Context, lon: float, lat: float, radius_m: float, registry: Registry) -> Iterator[Reasoning]:
    """Stations near a place for which something is usual, each condition with its value."""
    for device, kept in ctx.state.stations.items():
        known = registry.find("traffic-detector", device)
        if known is None or known.lon is None or known.lat is None:
            continue
        if metres(lon, lat, known.lon, known.lat) > radius_m:
            continue
        report = kept[-1]
        if facts := single_facts(ctx, report):
            partner = has_partner(ctx, device, report.time)
            state = ctx.state.singles.get(device)
            count, least = 0 if state is None else state.count, ctx.parameters["single_periods"]
            yield Reasoning(
                "T1.single_station",
                f"traffic-detector/{device}",
                (
                    *facts,
                    Fact("periods_in_a_row", count, ">=", least, "1", count >= least),
                    Fact("partner_downstream", str(partner), "==", "False", "", not partner),
                ),
            )
