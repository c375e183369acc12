"""Bus bunching (rule T4): buses of one route close behind one another, stop after stop.

The city model has no stops and no timetable, so both come from the buses themselves. A *gate* is laid where a bus of
the route drives and none lies within ``bunching_spacing_m`` in its direction; it stands for a stop. A bus passes a gate
where its way crosses within ``bunching_gate_m`` of it in that direction; the time between is interpolated. The usual
headway of a route is the mean of its last 36 headways, which bunching does not change (a city may give it:
``bunching_headway_s``).

Bunched: a bus follows the same bus within a quarter of the usual headway at three gates in a row; or the last six
headways at a gate have a coefficient of variation of 0.75 or more (transit capacity manual, worst band; from memory).
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from brain.city.index import METRES_PER_DEGREE
from brain.model import Level, Modality, Text
from brain.scene_api import Assessment, Evidence, Fact, Gate, Policy
from scenes.travel.state import Bus, BusRoute, RouteGate
from scenes.travel.ties import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import View, World
    from scenes.travel.ties import Context

__all__ = ["BusBunching", "Fix", "next_due", "on_bus", "silent"]

HEADWAYS: Final = 6  # at a gate
ROUTE_HEADWAYS: Final = 36
MOST_GATES: Final = 300  # of a route
FORGET_S: Final = 86_400  # a route without buses for a day
STEP_M: Final = 15.0  # a shorter way tells no direction
SAME_WAY: Final = 0.5  # cosine: within 60 degrees
PLACES_APART_S: Final = 300.0  # a bus not seen for this long may have gone anywhere


class Fix(NamedTuple):
    """A bus of a route at a place and time (microseconds)."""

    route: str
    bus: str
    lon: float
    lat: float
    time: int
    position: int


def on_bus(ctx: Context, fix: Fix) -> Iterator[Evidence]:
    """Take a position of a bus."""
    route = ctx.state.routes.setdefault(fix.route, BusRoute())
    bus, route.last = route.buses.get(fix.bus), max(route.last, fix.time)
    if bus is None or fix.time - bus.time > PLACES_APART_S * SECOND:
        if bus is not None and bus.leader is not None:
            yield from _part(ctx, fix.route, route, bus, fix.bus, bus.time, fix.position)
        route.buses[fix.bus] = Bus(fix.time, fix.lon, fix.lat)
        return
    if fix.time <= bus.time:
        return
    east = METRES_PER_DEGREE * math.cos(math.radians(fix.lat))
    dx, dy = (fix.lon - bus.lon) * east, (fix.lat - bus.lat) * METRES_PER_DEGREE
    way = math.hypot(dx, dy)
    if way < STEP_M:
        return
    if way * 3.6 * SECOND / (fix.time - bus.time) > ctx.parameters["gps_jump_kmh"]:
        route.buses[fix.bus] = Bus(fix.time, fix.lon, fix.lat, leader=bus.leader, close=bus.close, told=bus.told)
        return
    for share, k in _crossed(ctx, route, bus, dx, dy, way, east):
        if k != bus.gate:
            bus.gate = k
            at = bus.time + round(share * (fix.time - bus.time))
            yield from _pass(ctx, fix, route, bus, k, at)
    if len(route.gates) < MOST_GATES and not _near(ctx, route, fix, dx / way, dy / way, east):
        _lay(ctx, route, RouteGate(fix.lon, fix.lat, dx / way, dy / way))
        bus.gate = len(route.gates) - 1
        yield from _pass(ctx, fix, route, bus, bus.gate, fix.time)
    bus.time, bus.lon, bus.lat = fix.time, fix.lon, fix.lat


def _cell(ctx: Context, lon: float, lat: float) -> tuple[int, int]:
    size = ctx.parameters["bunching_spacing_m"] / METRES_PER_DEGREE
    return math.floor(lon / (1.25 * size)), math.floor(lat / size)


def _lay(ctx: Context, route: BusRoute, gate: RouteGate) -> None:
    route.gates.append(gate)
    route.cells.setdefault(_cell(ctx, gate.lon, gate.lat), []).append(len(route.gates) - 1)


def _around(ctx: Context, route: BusRoute, lon: float, lat: float) -> list[int]:
    x, y = _cell(ctx, lon, lat)
    return sorted(k for i in (-1, 0, 1) for j in (-1, 0, 1) for k in route.cells.get((x + i, y + j), ()))


def _near(ctx: Context, route: BusRoute, fix: Fix, ux: float, uy: float, east: float) -> bool:
    spacing = ctx.parameters["bunching_spacing_m"]
    for k in _around(ctx, route, fix.lon, fix.lat):
        g = route.gates[k]
        far = math.hypot((g.lon - fix.lon) * east, (g.lat - fix.lat) * METRES_PER_DEGREE)
        if far < spacing and g.dx * ux + g.dy * uy >= SAME_WAY:
            return True
    return False


def _crossed(
    ctx: Context, route: BusRoute, bus: Bus, dx: float, dy: float, way: float, east: float
) -> list[tuple[float, int]]:
    """(share of the way, gate) of the gates that a straight way passes, in its order."""
    width, out = ctx.parameters["bunching_gate_m"], []
    for k in _around(ctx, route, bus.lon, bus.lat):
        g = route.gates[k]
        if (g.dx * dx + g.dy * dy) / way < SAME_WAY:
            continue
        gx, gy = (g.lon - bus.lon) * east, (g.lat - bus.lat) * METRES_PER_DEGREE
        share = (gx * dx + gy * dy) / way**2
        if 0.0 < share <= 1.0 and abs(gx * dy - gy * dx) / way <= width:
            out.append((share, k))
    return sorted(out)


def _usual(ctx: Context, route: BusRoute) -> float | None:
    """The usual headway of a route in seconds, or None while too little is known or it is too dense to bunch."""
    p = ctx.parameters
    given = p["bunching_headway_s"]
    if given <= 0 and len(route.headways) < p["bunching_least_headways"]:
        return None
    usual = given if given > 0 else fmean(route.headways)
    return usual if usual >= p["bunching_least_headway_s"] else None


def _pass(ctx: Context, fix: Fix, route: BusRoute, bus: Bus, k: int, at: int) -> Iterator[Evidence]:
    """A bus passes a gate."""
    p, gate = ctx.parameters, route.gates[k]
    before, previous = gate.bus, gate.previous
    gate.bus, gate.previous = fix.bus, at
    if before is None or before == fix.bus or previous < 0:
        return
    headway = max(0.0, (at - previous) / 1e6)
    if headway > p["bunching_gap_s"]:
        gate.headways = []  # a break of service
        return
    usual = _usual(ctx, route)
    gate.headways = [*gate.headways, headway][-HEADWAYS:]
    route.headways = [*route.headways, headway][-ROUTE_HEADWAYS:]
    if usual is None:
        return
    close = headway < p["bunching_share"] * usual
    if close and bus.leader == before:
        bus.close += 1
    elif close:
        yield from _part(ctx, fix.route, route, bus, fix.bus, at, fix.position)
        bus.leader, bus.close = before, 1
    elif headway >= p["bunching_share"] * (1 + p["bunching_dead_band"]) * usual or bus.leader != before:
        yield from _part(ctx, fix.route, route, bus, fix.bus, at, fix.position)
    if bus.leader is not None and bus.close >= p["bunching_gates"]:
        bus.told = True
        yield _pair_line(ctx, fix, bus, headway, usual)
    yield from _uneven(ctx, fix, route, k, usual)


def _part(
    ctx: Context, name: str, route: BusRoute, bus: Bus, follower: str, at: int, position: int
) -> Iterator[Evidence]:
    """A bus follows its leader closely no more."""
    if bus.told and bus.leader is not None:
        fix = Fix(name, follower, bus.lon, bus.lat, at, position)
        yield _pair_line(ctx, fix, bus, math.nan, _usual(ctx, route) or math.nan, ended=at)
    bus.leader, bus.close, bus.told = None, 0, False


def _uneven(ctx: Context, fix: Fix, route: BusRoute, k: int, usual: float) -> Iterator[Evidence]:
    """The spread of the last headways at a gate."""
    p, headways = ctx.parameters, route.gates[k].headways
    if len(headways) < HEADWAYS:
        return
    mean = sum(headways) / len(headways)
    cv = math.sqrt(sum((h - mean) ** 2 for h in headways) / len(headways)) / mean if mean > 0 else 0.0
    if cv >= p["bunching_cv"]:
        route.uneven[k] = fix.time
        yield _cv_line(ctx, fix, cv, usual)
    elif k in route.uneven and cv < p["bunching_cv"] * (1 - p["bunching_dead_band"]):
        del route.uneven[k]
        if not route.uneven:
            yield _cv_line(ctx, fix, cv, usual, ended=fix.time)


def silent(ctx: Context, now: int) -> Iterator[Evidence]:
    """Buses and gates that nothing is heard of any more (at a mark)."""
    wait, gone = (ctx.parameters[k] * SECOND for k in ("bunching_gap_s", "bunching_silent_s"))
    for name, route in list(ctx.state.routes.items()):
        for follower, bus in list(route.buses.items()):
            if now - bus.time > gone:
                yield from _part(ctx, name, route, bus, follower, bus.time, -1)
                del route.buses[follower]
        for k, time in list(route.uneven.items()):
            if now - time > wait:
                del route.uneven[k]
                if not route.uneven:
                    g = route.gates[k]
                    yield _cv_line(ctx, Fix(name, g.bus or "", g.lon, g.lat, time, -1), math.nan, math.nan, ended=time)
        if now - route.last > FORGET_S * SECOND:
            del ctx.state.routes[name]


def next_due(ctx: Context) -> Iterator[int]:
    """Times at which a mark may say something here."""
    wait, gone = (int(ctx.parameters[k] * SECOND) + 1 for k in ("bunching_gap_s", "bunching_silent_s"))
    for route in ctx.state.routes.values():
        yield from (bus.time + gone for bus in route.buses.values())
        yield from (time + wait for time in route.uneven.values())
        yield route.last + FORGET_S * SECOND + 1


def _pair_line(ctx: Context, fix: Fix, bus: Bus, headway: float, usual: float, ended: int | None = None) -> Evidence:
    least = ctx.parameters["bunching_share"] * usual
    return _line(
        ctx,
        fix,
        "close",
        f"bus/{fix.route}/{bus.leader}+{fix.bus}",
        Text(
            f"{fix.bus} 紧随 {bus.leader}，间隔 {_number(headway)} 秒",
            f"{fix.bus} follows {bus.leader} by {_number(headway)} s",
        ),
        (
            Fact("headway_s", _round(headway), "<", _round(least), "s", ended is None),
            Fact("gates_in_a_row", bus.close, ">=", ctx.parameters["bunching_gates"], "1", ended is None),
        ),
        {"buses": [bus.leader, fix.bus], "headway_s": _round(headway), "usual_headway_s": _round(usual)},
        ended,
    )


def _cv_line(ctx: Context, fix: Fix, cv: float, usual: float, ended: int | None = None) -> Evidence:
    return _line(
        ctx,
        fix,
        "uneven",
        f"route/{fix.route}/headways",
        Text(f"发车间隔变异系数 {cv:.2f}", f"Headways vary by a coefficient of {cv:.2f}"),
        (
            Fact(
                "headway_cv",
                None if math.isnan(cv) else round(cv, 2),
                ">=",
                ctx.parameters["bunching_cv"],
                "1",
                ended is None,
            ),
        ),
        {"buses": [], "headway_s": None, "usual_headway_s": _round(usual)},
        ended,
    )


def _line(
    ctx: Context,
    fix: Fix,
    rule: str,
    witness: str,
    text: Text,
    facts: tuple[Fact, ...],
    values: dict[str, object],
    ended: int | None,
) -> Evidence:
    return Evidence(
        event="bus_bunching",
        rule=f"T4.{rule}",
        witness=witness,
        modality=Modality.VEHICLE,
        sensor_type="vehicle",
        device=fix.bus,
        time=fix.time,
        position=fix.position,
        weight=ctx.parameters["weight_pair"],
        summary=text,
        holds=ended is None,
        ended=ended,
        level=Level.BLUE,
        lon=fix.lon,
        lat=fix.lat,
        subject=f"bunching/{fix.route}",
        facts=facts,
        values={"route": fix.route, **values},
    )


def _round(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 1)


def _number(value: float) -> str:
    return "—" if math.isnan(value) else f"{value:.0f}"


class BusBunching(Policy):
    """Buses of a route run in a bunch: for those who steer the buses."""

    event: ClassVar[str] = "bus_bunching"
    gate: ClassVar[Gate] = Gate(-1.0, 3600.0)  # the route is the subject
    fused: ClassVar[bool] = False

    def assess(self, view: View, world: World) -> Assessment:
        """Blue, whatever the size."""
        holding = [w for w in view.witnesses if w.holds] or list(view.witnesses[-1:])
        main = next((w for w in holding if w.values["buses"]), holding[0])
        route = str(main.values["route"])
        buses = [str(b) for b in main.values["buses"]]
        zh, en = ("、".join(buses), " and ".join(buses)) if buses else ("发车间隔不均", "uneven headways")
        lon, lat = (main.lon, main.lat) if view.previous is None else (view.previous.lon, view.previous.lat)
        return Assessment(  # where it was first seen: buses that drive on are no news
            level=Level.BLUE,
            lon=lon,
            lat=lat,
            plan={k: main.values[k] for k in ("route", "buses", "headway_s", "usual_headway_s")},
            headline=Text(f"{route} 路公交串车：{zh}", f"Buses of route {route} bunch: {en}"),
            actions=(
                Text("后车在下一站停站拉开间隔", "Hold the follower at the next stop"),
                Text("前车快车跳站", "Let the leader skip stops"),
                Text("检查线路是否受阻", "Look whether the route is blocked"),
            ),
        )
