"""The detector pair and the queue behind an incident (rule T1). Rows come one by one, in order of receipt."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

from brain.model import Level
from brain.scene_api import Fact
from scenes.toolkit.edges import at_least, at_most
from scenes.travel.corridors import Along
from scenes.travel.queues import seconds_to_signal
from scenes.travel.state import PairState, Report
from scenes.travel.statements import pair_line, queue_line, second_line
from scenes.travel.ties import SECOND, Place, find, found, narrow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brain.scene_api import Evidence
    from scenes.travel.corridors import Line, Pair
    from scenes.travel.state import Case
    from scenes.travel.ties import Context

__all__ = ["has_partner", "is_off", "keep", "on_report", "pair_facts", "period_s", "silent_pairs", "stale_us"]

KEPT = 10  # periods of a station


def on_report(
    ctx: Context, station: str, report: Report, position: int, joined: Callable[[Case, int], Iterator[Evidence]]
) -> Iterator[Evidence]:
    """Take one period of one station that is kept; ``joined`` tells first what waited for a new case."""
    for pair in ctx.network.pairs.get(station, ()):
        yield from _compare(ctx, pair, report.time, position, joined)
    for corridor in ctx.network.corridors_of.get(station, ()):
        for case in list(ctx.state.cases.values()):
            if case.holding and any(a.corridor == corridor for a in case.places):
                yield from _queue(ctx, case, report.time, position)


def keep(ctx: Context, station: str, report: Report) -> None:
    """Remember a period of a station, in order of time."""
    kept = ctx.state.stations.setdefault(station, [])
    same = bool(kept) and kept[-1].time < report.time and _says_the_same(kept[-1], report)
    ctx.state.flat[station] = ctx.state.flat.get(station, 0) + 1 if same else 0
    kept.append(report)
    kept.sort(key=lambda r: r.time)
    del kept[:-KEPT]
    gaps = sorted(b.time - a.time for a, b in pairwise(kept) if b.time > a.time)
    if gaps:
        ctx.state.gap[station] = gaps[(len(gaps) - 1) // 2]


def _says_the_same(one: Report, other: Report) -> bool:
    """Whether two periods show exactly the same; what neither of them gives is the same too."""
    return all(a == b or (math.isnan(a) and math.isnan(b)) for a, b in zip(one[1:3], other[1:3], strict=True))


def period_s(ctx: Context, station: str) -> float:
    """Seconds of one period of a station: the (lower) median of its last gaps, the usual one before there are any."""
    gap = ctx.state.gap.get(station)
    return ctx.parameters["period_s"] if gap is None else gap / SECOND


def stale_us(ctx: Context, station: str) -> int:
    """A station silent for longer than this (microseconds) is off."""
    p = ctx.parameters
    return round(max(p["stale_periods"] * period_s(ctx, station), p["stale_least_s"]) * SECOND)


def is_off(ctx: Context, station: str, time: int) -> bool:
    """Whether nothing has been heard of a station for too long."""
    kept = ctx.state.stations.get(station)
    return not kept or time - kept[-1].time > stale_us(ctx, station)


def has_partner(ctx: Context, station: str, time: int) -> bool:
    """Whether a station downstream speaks, so that the pair test can judge."""
    return any(
        pair.up == station and not is_off(ctx, pair.down, time) and all(is_off(ctx, s, time) for s in pair.between)
        for pair in ctx.network.pairs.get(station, ())
    )


def _period(ctx: Context, station: str, time: int) -> Report | None:
    """The report of a station for the period that ends at a time, give or take half a period."""
    half = period_s(ctx, station) * SECOND / 2
    near = [r for r in ctx.state.stations.get(station, ()) if abs(r.time - time) <= half]
    return min(near, key=lambda r: abs(r.time - time)) if near else None


def _compare(
    ctx: Context, pair: Pair, time: int, position: int, joined: Callable[[Case, int], Iterator[Evidence]]
) -> Iterator[Evidence]:
    if pair.between and not all(is_off(ctx, s, time) for s in pair.between):
        return
    up, down = _period(ctx, pair.up, time), _period(ctx, pair.down, time)
    if up is None or down is None or math.isnan(up.occupancy) or math.isnan(down.occupancy):
        return
    now, p = max(up.time, down.time), ctx.parameters
    state = ctx.state.pairs.setdefault(pair.name, PairState(pair.up, pair.down))
    period = max(period_s(ctx, pair.up), period_s(ctx, pair.down)) * SECOND
    if now - state.seen < period / 2:
        return
    if now - state.seen > 3 * period:
        state.count = state.second = 0
    state.seen = now
    case = ctx.state.cases.get(state.case or "")
    if case is not None:
        facts, level = pair_facts(ctx, pair, up, down, p["pair_dead_band"])
        state.periods += 1
        over = not all(f.met for f in facts[:3]) and _flows(ctx, up) and _flows(ctx, down)
        yield _say(ctx, case, pair, state, up, down, facts, position, now if over else None)
        yield from _second(ctx, case, pair, state, up, down, position)
        return
    facts, level = pair_facts(ctx, pair, up, down)
    state.count = state.count + 1 if all(f.met for f in facts[:3]) and not _is_stuck(ctx, pair.up, up) else 0
    _agrees(ctx, state, up, down)
    if state.count < p["pair_periods"] or level is None:
        return
    line = ctx.network.lines[pair.corridor]
    place = _middle(line, pair)
    case = find(ctx, place, now)
    new = case is None
    if case is None:
        case = found(ctx, f"pair/{pair.name}", place, now)
        case.half_m = place.after_m
    narrow(case, [pair.corridor])
    state.case, state.periods, state.level = case.key, state.count, level.value
    if new:  # before the line that opens, so that the raise knows it all
        yield from joined(case, position)
        yield from _queue(ctx, case, now, position)
    yield _say(ctx, case, pair, state, up, down, facts, position, None)
    if state.second >= p["mcmaster_periods"]:
        yield second_line(ctx, case, pair, up, down, position, holds=True)


def _is_stuck(ctx: Context, station: str, report: Report) -> bool:
    """Whether a full station has said exactly the same for too long to be believed (flat line)."""
    p = ctx.parameters
    return report.occupancy >= p["flat_occupancy_pct"] and ctx.state.flat.get(station, 0) >= p["flat_periods"]


def _flows(ctx: Context, report: Report) -> bool:
    """Whether a station runs nearly as fast as usual; true where nobody knows."""
    if math.isnan(report.kmh) or report.usual_kmh is None:
        return True
    return at_least(report.kmh, ctx.parameters["clear_speed_share"] * report.usual_kmh.median)


def _agrees(ctx: Context, state: PairState, up: Report, down: Report) -> bool:
    """The second opinion after McMaster: a congested station, and downstream free flow with less of it than usual.

    Behind a bottleneck of every day the flow downstream is as high as usual; behind an incident it is not.
    """
    p = ctx.parameters
    if down.usual_flow is None or any(math.isnan(v) for v in (up.kmh, up.occupancy, down.kmh, down.flow)):
        state.second = 0
        return False
    full = up.occupancy >= p["mcmaster_occupancy_pct"] and up.kmh <= p["mcmaster_kmh"]
    free = down.occupancy < p["mcmaster_occupancy_pct"] and down.kmh > p["mcmaster_kmh"]
    less = down.usual_flow.z(down.flow) <= -p["mcmaster_flow_z"]
    state.second = state.second + 1 if full and free and less else 0
    return state.second >= p["mcmaster_periods"]


def _second(
    ctx: Context, case: Case, pair: Pair, state: PairState, up: Report, down: Report, position: int
) -> Iterator[Evidence]:
    before = state.second >= ctx.parameters["mcmaster_periods"]
    after = _agrees(ctx, state, up, down)
    if before != after:
        yield second_line(ctx, case, pair, up, down, position, holds=after)


def _middle(line: Line, pair: Pair) -> Place:
    lon, lat, half_m = line.between(pair.up, pair.down)
    return Place(lon, lat, (Along(pair.corridor, line.stations[pair.up] + half_m),), half_m, half_m)


def pair_facts(
    ctx: Context, pair: Pair, up: Report, down: Report, dead_band: float = 0.0
) -> tuple[tuple[Fact, ...], Level | None]:
    """The three conditions of the pair test and the profile gate; level it may claim, None where it is as usual.

    Without any baseline nothing tells a recurrent jam: then the pair claims blue only.
    """
    p = ctx.parameters
    least, share = p["pair_min_difference_pct"] * (1 - dead_band), p["pair_min_relative"] * (1 - dead_band)
    most = p["pair_max_down_pct"] * (1 + dead_band)
    gap = up.occupancy - down.occupancy
    relative = gap / up.occupancy if up.occupancy > 0 else 0.0
    facts = [
        Fact("occupancy_difference_pct", round(gap, 2), ">=", least, "%", at_least(gap, least)),
        Fact("occupancy_difference_relative", round(relative, 3), ">=", share, "1", at_least(relative, share)),
        Fact("occupancy_downstream_pct", down.occupancy, "<=", most, "%", at_most(down.occupancy, most)),
    ]
    usual: bool | None = None
    for report, sign, name in ((up, 1, "z_upstream"), (down, -1, "z_downstream")):
        if report.usual_occupancy is None:
            continue
        z = report.usual_occupancy.z(report.occupancy)
        met = at_least(sign * z, p["profile_z"])
        facts.append(Fact(name, round(z, 2), ">=" if sign > 0 else "<=", sign * p["profile_z"], "1", met))
        if met:
            usual = False
        elif usual is None and sign > 0:
            usual = True  # the side that fills up is as full as it always is
    level = {None: Level.BLUE, False: Level.YELLOW, True: None}[usual]
    return tuple(facts), level


def _say(
    ctx: Context,
    case: Case,
    pair: Pair,
    state: PairState,
    up: Report,
    down: Report,
    facts: tuple[Fact, ...],
    position: int,
    ended: int | None,
) -> Evidence:
    witness = f"pair/{pair.name}"
    case.last = max(case.last, up.time, down.time)
    if ended is None:
        case.holding = case.holding if witness in case.holding else [*case.holding, witness]
    else:
        case.holding = [w for w in case.holding if w != witness]
        state.case, state.count = None, 0
    return pair_line(ctx, case, pair, up, down, facts, Level(state.level), state.periods, position, ended)


def silent_pairs(ctx: Context, now: int) -> Iterator[Evidence]:
    """Pairs that hold but of which a side has gone silent: nothing shows any more that it holds (at a mark)."""
    for pairs in ctx.network.pairs.values():
        for pair in pairs:
            state = ctx.state.pairs.get(pair.name)
            case = None if state is None else ctx.state.cases.get(state.case or "")
            if state is None or case is None or now - state.seen <= max(stale_us(ctx, s) for s in pair[1:3]):
                continue
            up, down = _period(ctx, pair.up, state.seen), _period(ctx, pair.down, state.seen)
            if up is None or down is None:
                gone = Report(state.seen, math.nan, math.nan)
                up, down = up or gone, down or gone
            yield _say(ctx, case, pair, state, up, down, (), -1, state.seen)


# -- the queue -------------------------------------------------------------------------------------------------------


def _queue(ctx: Context, case: Case, now: int, position: int) -> Iterator[Evidence]:
    """How far back the stations upstream of the source stand, and whether that is past the signal there."""
    best: tuple[float, str, Report] | None = None
    for source in case.places:
        tail = _tail(ctx, ctx.network.lines[source.corridor], source.m, now)
        if tail is not None and (best is None or source.m - tail[0] > best[0]):
            best = (source.m - tail[0], *tail[1:])
    if best is None:
        if case.queue_holds:
            case.queue_holds = False
            station = _nearest_upstream(ctx, case)
            if station is not None:
                yield queue_line(ctx, case, station, ctx.state.stations[station][-1], position, holds=False)
        return
    length, station, report = best
    case.queue_m = max(case.queue_m, length)
    behind = ctx.network.signal_behind_m(case.places, case.lon, case.lat)
    reason = None
    if behind is not None and not case.spilled:
        case.spillback_s = seconds_to_signal(ctx, case, station, behind - length, now)
    if not case.spilled and behind is not None and length >= behind:
        case.spilled, reason, case.spillback_s = True, "spillback_to_signal", None
    elif not case.warned and case.spillback_s is not None and case.spillback_s <= ctx.parameters["spillback_warn_s"]:
        case.warned, reason = True, "queue"
    elif case.queue_holds and case.queue_m - case.told_m >= ctx.parameters["queue_growth_m"]:
        reason = "queue"
    if reason is not None or not case.queue_holds:
        case.queue_holds, case.told_m = True, case.queue_m
        yield queue_line(ctx, case, station, report, position, holds=True, reason=reason)


def _nearest_upstream(ctx: Context, case: Case) -> str | None:
    for source in case.places:
        line = ctx.network.lines[source.corridor]
        behind = [s for s in line.order if line.stations[s] <= source.m and ctx.state.stations.get(s)]
        if behind:
            return behind[-1]
    return None


def _tail(ctx: Context, line: Line, source_m: float, now: int) -> tuple[float, str, Report] | None:
    """(metres along of the tail, last station in the queue, its report), or None when the first one upstream moves.

    Between the last station that stands and the next one that moves, the tail is where the speed would be 15 km/h.
    """
    found: tuple[float, str, Report] | None = None
    for station in reversed([s for s in line.order if line.stations[s] <= source_m]):
        kept = ctx.state.stations.get(station)
        if not kept or is_off(ctx, station, now):
            continue  # the next one upstream tells
        last = kept[-1]
        if _stands(ctx, last) and len(kept) > 1 and _stands(ctx, kept[-2]):
            found = (line.stations[station], station, last)
            continue
        slow = ctx.parameters["queue_kmh"]
        if found is not None and found[2].kmh < slow < last.kmh:
            share = (slow - found[2].kmh) / (last.kmh - found[2].kmh)
            found = (found[0] - share * (found[0] - line.stations[station]), *found[1:])
        break
    return found


def _stands(ctx: Context, report: Report) -> bool:
    """Slow, and not as slow or full as it always is at this time."""
    p = ctx.parameters
    slow = report.occupancy >= p["queue_occupancy_pct"] if math.isnan(report.kmh) else report.kmh < p["queue_kmh"]
    if not slow or report.usual_occupancy is None or math.isnan(report.occupancy):
        return slow
    return report.usual_occupancy.z(report.occupancy) >= p["profile_z"]
