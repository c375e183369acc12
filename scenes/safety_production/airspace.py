"""S8: drones outside their corridor, inside a no-fly zone or too high. One incident a drone; one bad fix is none.

A drone with a plan that is valid now is held to the plan's corridor and height; any other only to no-fly zones and the
general ceiling. Police, fire and medical missions with a plan are exempt. Heights are those above ground; a fix that
knows only its height above the sea is not judged for height.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from brain.model import Level, Modality, Text, microseconds
from brain.scene_api import Evidence, Fact
from scenes.safety_production.ground import ground_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from brain.model import Batch, Device
    from brain.scene_api import World
    from scenes.safety_production.ground import Ground, Plan

__all__ = [
    "Fix",
    "Flight",
    "LastFix",
    "drone_facts",
    "end_flights",
    "fixes_of",
    "judge_fix",
    "last_facts",
    "next_landing",
]

EXEMPT: Final = frozenset({"police", "fire", "fire_rescue", "medical", "ambulance", "aed", "rescue", "emergency"})
CORRIDOR, NO_FLY, CEILING = "corridor", "no_fly", "ceiling"
BREACHES: Final = (CORRIDOR, NO_FLY, CEILING)
_WORDS: Final = {
    CORRIDOR: Text("偏离批准航线", "outside its corridor"),
    NO_FLY: Text("进入禁飞区", "inside a no-fly zone"),
    CEILING: Text("超过限高", "above its height limit"),
}


@dataclass(slots=True)
class Flight:
    """What one drone does.

    Attributes:
        runs: Breach -> fixes in a row that show it, and event time of the first of them.
        violation: The breach that is told, or None.
        count, first: Fixes of the violation so far, and event time of the first of them.
        lon, lat: Where it began.
        at_lon, at_lat: Of the last fix.
        last, received: Of the last fix.
        values: Of the last fix: metres off the corridor, zone, height, limit.
    """

    runs: dict[str, tuple[int, int]] = field(default_factory=dict)
    violation: str | None = None
    count: int = 0
    first: int = 0
    lon: float = 0.0
    lat: float = 0.0
    at_lon: float = 0.0
    at_lat: float = 0.0
    last: int = 0
    received: int = 0
    values: dict[str, float | str | None] = field(default_factory=dict)


@dataclass(slots=True)
class LastFix:
    """The last row of a drone: event time in microseconds, metres, and what it measured over background and ambient."""

    time: int
    lon: float
    lat: float
    off_m: float
    allowed_m: float
    zone: str | None
    height_m: float
    limit_m: float
    exempt: bool
    methane: float
    heat: float


class Fix(NamedTuple):
    """One fix that must be looked at: times in microseconds, metres; NaN and None where not known or not judged."""

    device: Device
    time: int
    received: int
    position: int
    lon: float
    lat: float
    off_m: float
    allowed_m: float
    zone: str | None
    height_m: float
    limit_m: float


def fixes_of(batch: Batch, flights: dict[int, Flight], lasts: dict[int, LastFix], world: World) -> Iterator[Fix]:
    """Fixes that break a rule, and all fixes of drones that did so before. Vectorised over the rest.

    ``lasts`` keeps the last row of every drone, to say why not.
    """
    lon, lat, height = batch["lon"], batch["lat"], batch["height_m"]
    here = np.isfinite(lon) & np.isfinite(lat)
    if not here.any():
        return
    p, ground = world.parameters, ground_of(world.city)
    n = len(batch)
    off, allowed, limit = np.full(n, np.nan), np.full(n, np.nan), np.full(n, p["ceiling_m"])
    exempt = np.zeros(n, bool)
    time = microseconds(batch.time)
    if ground.plans:
        _hold_to_plans(batch, time, ground, world, off, allowed, limit, exempt)
    zone = np.full(n, -1)
    _, fences = ground.no_fly
    if fences is not None:
        hits = fences.inside(np.where(here, lon, np.nan), np.where(here, lat, np.nan))
        zone[hits.point[::-1]] = hits.fence[::-1]
    over = batch["methane_ppm_m"] - np.nan_to_num(batch["methane_background_ppm_m"])
    hot = batch["thermal_max_c"] - np.where(np.isnan(batch["ambient_c"]), p["usual_air_c"], batch["ambient_c"])
    names = ground.no_fly[0]
    device_ids, back = np.unique(batch.device[::-1], return_index=True)
    for device_id, i in zip(device_ids.tolist(), (n - 1 - back).tolist(), strict=True):
        lasts[device_id] = LastFix(
            int(time[i]), float(lon[i]), float(lat[i]), float(off[i]), float(allowed[i]),
            None if zone[i] < 0 else names[zone[i]], float(height[i]), float(limit[i]), bool(exempt[i]),
            float(over[i]), float(hot[i]),
        )  # fmt: skip
    bad = (off > allowed) | (zone >= 0) | (height > limit + p["height_margin_m"])
    known = np.isin(batch.device, list(flights)) if flights else np.zeros(n, bool)
    interesting = here & ((bad & ~exempt) | known | np.isin(batch.device, batch.device[bad & ~exempt]))
    received = microseconds(batch.received_at)
    for i in np.flatnonzero(interesting).tolist():
        device = world.registry.by_id(int(batch.device[i]))
        if device is None:
            continue
        free = bool(exempt[i])
        yield Fix(
            device,
            int(time[i]),
            int(received[i]),
            int(batch.position[i]),
            float(lon[i]),
            float(lat[i]),
            np.nan if free else float(off[i]),
            float(allowed[i]),
            None if free or zone[i] < 0 else names[zone[i]],
            np.nan if free else float(height[i]),
            float(limit[i]),
        )


def _hold_to_plans(
    batch: Batch,
    time: NDArray[np.int64],
    ground: Ground,
    world: World,
    off: NDArray[np.float64],
    allowed: NDArray[np.float64],
    limit: NDArray[np.float64],
    exempt: NDArray[np.bool_],
) -> None:
    """Fill in distance, allowed distance and height limit of fixes whose drone has a plan that is valid then."""
    for device_id in np.unique(batch.device).tolist():
        device = world.registry.by_id(device_id)
        plans = [] if device is None else ground.plans.get(device.name, [])
        if not plans:
            continue
        mine = np.flatnonzero(batch.device == device_id)
        missions = [str(m).lower() in EXEMPT for m in batch["mission"][mine].tolist()]
        for plan in plans:
            _hold_to(plan, mine, batch, time, world, off, allowed, limit)
            during = (time[mine] >= plan.start) & (time[mine] <= plan.end)
            exempt[mine] |= during & np.array(missions, bool)


def _hold_to(
    plan: Plan,
    mine: NDArray[np.intp],
    batch: Batch,
    time: NDArray[np.int64],
    world: World,
    off: NDArray[np.float64],
    allowed: NDArray[np.float64],
    limit: NDArray[np.float64],
) -> None:
    rows = mine[(time[mine] >= plan.start) & (time[mine] <= plan.end)]
    away = plan.away_m(batch["lon"][rows], batch["lat"][rows])
    reach = plan.half_width_m + world.parameters["gps_error_m"]
    first = np.isnan(off[rows])
    better = first | (away - reach < off[rows] - allowed[rows])  # of several plans the one it keeps best
    some = rows[better]
    off[some], allowed[some], limit[some] = away[better], reach, plan.height_max_m


def judge_fix(flights: dict[int, Flight], fix: Fix, world: World) -> Iterator[Evidence]:
    """Take a fix: a violation begins with the third bad one in a row, goes on, or ends with a good one."""
    p = world.parameters
    flight = flights.setdefault(fix.device.device_id, Flight())
    if fix.time <= flight.last and flight.received:
        return  # out of order: what came later has been judged
    gap = fix.time - flight.last > p["fix_gap_s"] * 1e6
    over = {
        CORRIDOR: fix.off_m > fix.allowed_m,
        NO_FLY: fix.zone is not None,
        CEILING: fix.height_m > fix.limit_m + p["height_margin_m"],
    }
    for breach in BREACHES:
        if not over[breach]:
            flight.runs.pop(breach, None)
            continue
        count, first = (0, fix.time) if gap or breach not in flight.runs else flight.runs[breach]
        flight.runs[breach] = count + 1, first
    flight.last, flight.received = fix.time, fix.received
    flight.at_lon, flight.at_lat = fix.lon, fix.lat
    off_m = None if np.isnan(fix.off_m) else round(fix.off_m, 1)
    height_m = None if np.isnan(fix.height_m) else round(fix.height_m, 1)
    flight.values = {
        "off_m": off_m,
        "allowed_m": None if np.isnan(fix.allowed_m) else fix.allowed_m,
        "zone": fix.zone,
        "height_m": height_m,
        "limit_m": fix.limit_m,
    }
    if flight.violation is not None:
        if any(over.values()):
            flight.violation = flight.violation if over[flight.violation] else next(b for b in BREACHES if over[b])
            flight.count += 1
            yield _line(flight, fix.device, fix.position, world, holds=True)
            return
        yield _line(flight, fix.device, fix.position, world, holds=False)
        del flights[fix.device.device_id]
        return
    for breach in BREACHES:
        count, first = flight.runs.get(breach, (0, 0))
        if count >= p["fixes"] and fix.time - first >= p["fixes_span_s"] * 1e6:
            flight.violation, flight.count, flight.first = breach, count, first
            flight.lon, flight.lat = fix.lon, fix.lat
            yield _line(flight, fix.device, fix.position, world, holds=True)
            return
    if not flight.runs:
        del flights[fix.device.device_id]


def next_landing(flights: dict[int, Flight], world: World) -> int | None:
    """When the next drone may have fallen silent, microseconds of receipt; None for none."""
    wait = int(world.parameters["drone_silence_s"] * 1e6)
    return min((f.received + wait for f in flights.values()), default=None)


def end_flights(flights: dict[int, Flight], at: int, world: World) -> Iterator[Evidence]:
    """End what drones do that have fallen silent, at a mark."""
    for device_id, flight in list(flights.items()):
        if at - flight.received >= world.parameters["drone_silence_s"] * 1e6:
            del flights[device_id]
            device = world.registry.by_id(device_id)
            if flight.violation is not None and device is not None:
                yield _line(flight, device, -1, world, holds=False)


def last_facts(last: LastFix, flight: Flight | None, breach: str, world: World) -> tuple[Fact, ...]:
    """The conditions of one breach for the last row of a drone, with its run where it breaks a rule already."""
    known = Flight() if flight is None else flight
    now = Flight(runs=known.runs, last=last.time)
    now.values = {
        "off_m": None if np.isnan(last.off_m) else round(last.off_m, 1),
        "allowed_m": None if np.isnan(last.allowed_m) else last.allowed_m,
        "zone": last.zone,
        "height_m": None if np.isnan(last.height_m) else round(last.height_m, 1),
        "limit_m": last.limit_m,
    }
    exempt = Fact("exempt_by_plan", str(last.exempt).lower(), "==", "false", "1", not last.exempt)
    return (*drone_facts(now, breach, world), exempt)


def drone_facts(flight: Flight, breach: str, world: World) -> tuple[Fact, ...]:
    """The conditions of one breach as they stand."""
    p, v = world.parameters, flight.values
    count, first = flight.runs.get(breach, (0, flight.last))
    seconds = (flight.last - first) / 1e6
    off_m, height_m, limit_m = v.get("off_m"), v.get("height_m"), v.get("limit_m")
    if breach == CORRIDOR:
        allowed = v.get("allowed_m")
        what = Fact("off_corridor_m", off_m, ">", allowed, "m", _over(off_m, allowed))
    elif breach == NO_FLY:
        what = Fact("no_fly_zone", v.get("zone"), "!=", None, "1", v.get("zone") is not None)
    else:
        top = (float(limit_m) if limit_m is not None else p["ceiling_m"]) + p["height_margin_m"]
        what = Fact("height_m", height_m, ">", top, "m", _over(height_m, top))
    return (
        what,
        Fact("fixes_in_a_row", float(count), ">=", p["fixes"], "1", count >= p["fixes"]),
        Fact("seconds_in_a_row", round(seconds, 3), ">=", p["fixes_span_s"], "s", seconds >= p["fixes_span_s"]),
    )


def _over(value: float | str | None, limit: float | str | None) -> bool:
    return isinstance(value, int | float) and isinstance(limit, int | float) and value > limit


def _line(flight: Flight, device: Device, position: int, world: World, *, holds: bool) -> Evidence:
    breach = flight.violation or CORRIDOR
    word, v = _WORDS[breach], flight.values
    detail = {
        CORRIDOR: Text(f"偏出 {v.get('off_m')} 米", f"{v.get('off_m')} m off the middle line"),
        NO_FLY: Text(f"区域 {v.get('zone')}", f"zone {v.get('zone')}"),
        CEILING: Text(f"高度 {v.get('height_m')} 米", f"{v.get('height_m')} m above ground"),
    }[breach]
    if holds:
        summary = Text(f"{device.name} {word.zh}（{detail.zh}）", f"{device.name} is {word.en} ({detail.en})")
    else:
        summary = Text(f"{device.name} 已恢复合规或降落", f"{device.name} keeps the rules again, or has landed")
    return Evidence(
        event="drone_violation",
        rule=f"S8.{breach}",
        witness=f"drone/{device.name}/airspace",
        modality=Modality.LOW_ALTITUDE,
        sensor_type=device.sensor_type,
        device=device.name,
        time=flight.last,
        position=position,
        weight=world.parameters["weight_violation"],
        summary=summary,
        holds=holds,
        ended=None if holds else flight.last,
        level=Level.YELLOW,
        lon=flight.lon,
        lat=flight.lat,
        subject=f"drone/{device.name}",
        messages=flight.count,
        facts=drone_facts(flight, breach, world),
        values={"breach": breach, **flight.values},
        window=(min(flight.first, flight.last), flight.last),
    )
