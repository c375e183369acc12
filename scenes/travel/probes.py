"""Floating cars that crawl (rule T1): three vehicles below 10 km/h for a minute on a link that is quick, free beyond.

Who waits in a stop zone (taxi rank, car park, bus stop) or before a signal for less than the longest red does not
count; nor does a vehicle that has stood for half an hour (parked), nor a fix that no vehicle could have
reached (a GPS jump).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from brain.scene_api import Fact, Reasoning
from scenes.toolkit.roads import metres
from scenes.travel.corridors import Along
from scenes.travel.state import Probe
from scenes.travel.statements import probe_line
from scenes.travel.streets import PARTS
from scenes.travel.ties import SECOND, Place, find, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brain.scene_api import Evidence
    from scenes.travel.state import Case
    from scenes.travel.ties import Context

__all__ = ["Fix", "explain", "next_due", "on_probe", "silent_probes"]


class Fix(NamedTuple):
    """A vehicle on the road graph; arc -1 where it is on no link of its direction. Time in microseconds."""

    vehicle: str
    lon: float
    lat: float
    kmh: float
    arc: int
    along_m: float
    time: int
    position: int


def on_probe(ctx: Context, fix: Fix, joined: Callable[[Case, int], Iterator[Evidence]]) -> Iterator[Evidence]:
    """Take a fix of a vehicle that is slow, or was so at its last fix."""
    p = ctx.parameters
    at = ctx.state.probe_arc.get(fix.vehicle)
    known = None if at is None else ctx.state.probes[at][fix.vehicle]
    if known is not None:
        if fix.time <= known.last:
            return
        hours = (fix.time - known.last) / 3.6e9
        if metres(known.lon, known.lat, fix.lon, fix.lat) / 1000 > p["gps_jump_kmh"] * hours:
            return
    slow = fix.arc >= 0 and fix.kmh < p["probe_kmh"] and not ctx.network.stops.at(fix.lon, fix.lat)
    if known is not None and at is not None and (not slow or at != fix.arc):
        _drop(ctx, at, fix.vehicle)
        yield from _judge(ctx, at, fix.time, fix.position, joined)
        known = None
    if not slow:
        return
    if known is not None and fix.time - known.last > p["probe_silent_s"] * SECOND:
        known.since = fix.time
    if known is None:
        known = Probe(fix.along_m, fix.lon, fix.lat, fix.time, fix.time)
        ctx.state.probes.setdefault(fix.arc, {})[fix.vehicle] = known
        ctx.state.probe_arc[fix.vehicle] = fix.arc
    known.along_m, known.lon, known.lat, known.last = fix.along_m, fix.lon, fix.lat, fix.time
    yield from _judge(ctx, fix.arc, fix.time, fix.position, joined)


def _drop(ctx: Context, arc: int, vehicle: str) -> None:
    mine = ctx.state.probes[arc]
    del mine[vehicle], ctx.state.probe_arc[vehicle]
    if not mine:
        del ctx.state.probes[arc]


def _crawling(ctx: Context, arc: int, now: int) -> list[tuple[float, str, Probe]]:
    """(metres along, vehicle, state) of those that count, the foremost first."""
    p, out = ctx.parameters, []
    silent = p["probe_silent_s"] * SECOND
    for vehicle, probe in ctx.state.probes.get(arc, {}).items():
        lasted = (probe.last - probe.since) / SECOND
        if now - probe.last > silent or not p["probe_s"] <= lasted <= p["probe_parked_s"]:
            continue
        if lasted < p["signal_red_s"] and _before_signal(ctx, arc, probe.along_m):
            continue
        out.append((-probe.along_m, vehicle, probe))
    out.sort(key=lambda v: v[:2])
    return out


def _before_signal(ctx: Context, arc: int, along_m: float) -> bool:
    """Whether a vehicle may wait for green: close before a signal on its link or at the end of it."""
    reach, g = ctx.parameters["signal_queue_m"], ctx.network.graph
    tail, head = g.ids[g.tail[arc]], g.ids[g.head[arc]]
    places = [s.at_m for s in ctx.network.city.roads.signals if (s.from_, s.to) == (tail, head)]
    if head in ctx.network.signal_nodes:
        places.append(float(ctx.network.streets.way[arc]))
    return any(-10.0 <= at - along_m <= reach for at in places)


def _is_free_beyond(ctx: Context, arc: int, along_m: float, now: int) -> bool:
    """Whether something drove freely downstream of a place lately, on the rest of the link or straight on."""
    links, streets = ctx.state.links, ctx.network.streets
    if links is None:
        return False
    since = round(now - ctx.parameters["probe_free_s"] * SECOND)
    part = min(PARTS - 1, int(PARTS * along_m / streets.way[arc]))
    return links.is_free(arc, since, part + 1) or any(links.is_free(a, since) for a in streets.onward(arc))


def _facts(ctx: Context, arc: int, now: int) -> tuple[Fact, ...]:
    p, some = ctx.parameters, _crawling(ctx, arc, now)
    usual = float(ctx.network.graph.usual_kmh[arc])
    front = -some[0][0] if some else 0.0
    free = _is_free_beyond(ctx, arc, front, now)
    return (
        Fact("slow_vehicles", len(some), ">=", p["probe_vehicles"], "1", len(some) >= p["probe_vehicles"]),
        Fact("usual_kmh", usual, ">", p["probe_link_kmh"], "km/h", usual > p["probe_link_kmh"]),
        Fact("free_downstream", str(free), "==", "True", "", free),
    )


def _judge(
    ctx: Context,
    arc: int,
    now: int,
    position: int,
    joined: Callable[[Case, int], Iterator[Evidence]],
    seen: int | None = None,
) -> Iterator[Evidence]:
    case = ctx.state.cases.get(ctx.state.probe_cases.get(arc, ""))
    some = _crawling(ctx, arc, now)
    if case is not None:
        holds = len(some) > ctx.parameters["probe_vehicles"] - 2
        yield _say(ctx, case, arc, some, now if seen is None else seen, position, holds=holds)
        return
    if len(some) < ctx.parameters["probe_vehicles"] or not all(f.met for f in _facts(ctx, arc, now)):
        return
    place, other = _place(ctx, arc, some[0][2])
    case = find(ctx, other or place, now)
    if case is None:
        case = found(ctx, f"probes/{ctx.network.streets.name(arc)}", place, now)
        case.against = other is not None
        yield from joined(case, position)
    ctx.state.probe_cases[arc] = case.key
    yield _say(ctx, case, arc, some, now, position, holds=True)


def _place(ctx: Context, arc: int, probe: Probe) -> tuple[Place, Place | None]:
    """Where the foremost vehicle stands, on the corridors of its direction; also a place that joins none of them.

    The latter is for who drives against all corridors of the road: what happens on those is another incident.
    """
    near = ctx.network.locate(probe.lon, probe.lat, ctx.parameters["corridor_width_m"])
    along = tuple(a for a in near if arc in ctx.network.arcs(a.corridor, a.m - 60.0, a.m + 60.0))
    against = Place(probe.lon, probe.lat, (Along("", 0.0),)) if near and not along else None
    return Place(probe.lon, probe.lat, along), against


def _say(
    ctx: Context,
    case: Case,
    arc: int,
    some: list[tuple[float, str, Probe]],
    now: int,
    position: int,
    *,
    holds: bool,
) -> Evidence:
    name = ctx.network.streets.name(arc)
    witness = f"probes/{name}"
    case.last = max(case.last, now)
    case.holding = [w for w in case.holding if w != witness]
    if holds:
        case.holding = [*case.holding, witness]
    else:
        del ctx.state.probe_cases[arc]
    place = (some[0][2].lon, some[0][2].lat) if some else (case.lon, case.lat)
    vehicles = [v for _, v, _ in some]
    return probe_line(ctx, case, name, vehicles, place, [name.split(">")], now, position, holds=holds)


def silent_probes(ctx: Context, now: int, joined: Callable[[Case, int], Iterator[Evidence]]) -> Iterator[Evidence]:
    """Vehicles not heard of any more (at a mark)."""
    silent = ctx.parameters["probe_silent_s"] * SECOND
    for arc in list(ctx.state.probes):
        gone = {v: probe.last for v, probe in ctx.state.probes[arc].items() if now - probe.last > silent}
        for vehicle in gone:
            _drop(ctx, arc, vehicle)
        if gone and arc in ctx.state.probe_cases:
            yield from _judge(ctx, arc, now, -1, joined, max(gone.values()))


def next_due(ctx: Context) -> Iterator[int]:
    """Times at which a mark may say something here."""
    silent = int(ctx.parameters["probe_silent_s"] * SECOND) + 1
    for mine in ctx.state.probes.values():
        yield min(probe.last for probe in mine.values()) + silent


def explain(ctx: Context, lon: float, lat: float, radius_m: float) -> Iterator[Reasoning]:
    """Links near a place on which somebody crawls, each condition with its value."""
    for arc, mine in ctx.state.probes.items():
        near = [v for v, q in mine.items() if metres(lon, lat, q.lon, q.lat) <= radius_m]
        if near:
            now = max(q.last for q in mine.values())
            yield Reasoning("T1.probes", f"vehicle/{min(near)}", _facts(ctx, arc, now))
