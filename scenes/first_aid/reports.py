"""What units, roads, hospitals, cameras, drones and weather stations report, row by row (rules F2, F4, F6)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

from scenes.first_aid import coverage, watch
from scenes.first_aid.dispatch import elapsed_s, needs_help, patient_place
from scenes.first_aid.emergencies import end, join_fall, on_call
from scenes.first_aid.state import Fall, Fix, Wind
from scenes.first_aid.statements import call_line
from scenes.toolkit.calls import calls_of
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from brain.model import Batch
    from brain.scene_api import Evidence, World
    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case, Crew

__all__ = ["BAD_STATUS", "ROWS"]

BAD_STATUS: Final = ("calibrating", "maintenance", "fault")  # what such an instrument measures says nothing

_UNDER_WAY: Final = ("dispatched", "on_scene", "transporting")


def _time(batch: Batch, i: int) -> int:
    return int(batch.time[i].astype("M8[us]").astype(np.int64))


def _name(batch: Batch, i: int, world: World) -> str | None:
    device = world.registry.by_id(int(batch.device[i]))
    return None if device is None else device.name


def _on_call(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    yield from on_call(ctx, next(calls_of(batch.take(slice(i, i + 1)), world.registry)))


# -- units -----------------------------------------------------------------------------------------------------------


def _on_ambulance(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    unit = _name(batch, i, world)
    crew = ctx.state.crews.get(unit or "")
    if unit is None or crew is None:
        return
    now, position = _time(batch, i), int(batch.position[i])
    lon, lat, kmh = float(batch["lon"][i]), float(batch["lat"][i]), float(batch["speed_kmh"][i])
    before = crew.fix
    is_in_order = batch["status"][i] not in BAD_STATUS
    moved = is_in_order and not math.isnan(lon) and not math.isnan(lat) and watch.believe(ctx, crew, Fix(now, lon, lat))
    if moved:
        assert crew.fix is not None
        if before is None or before[1:] != crew.fix[1:]:
            ctx.state.touch(now)
        _note_standing(ctx, crew, before, kmh)
    case = ctx.state.cases.get(crew.case or "")
    if case is not None and case.plan.primary_unit == unit:
        case.news = max(case.news, int(batch.received_at[i].astype("M8[us]").astype(np.int64)))
        if moved:
            yield from _on_progress(ctx, case, crew, now, position)
    duty = batch["duty"][i]
    if duty is not None and now >= crew.heard:
        crew.heard = now
        yield from _on_duty(ctx, unit, crew, duty, now, position)
    if moved and crew.duty == "available" and ctx.state.gaps:
        yield from coverage.look(ctx, now, position, unit)


def _note_standing(ctx: Context, crew: Crew, before: Fix | None, kmh: float) -> None:
    assert crew.fix is not None
    if math.isnan(kmh) and before is not None and crew.fix.time > before.time:
        metre = metres(before.lon, before.lat, crew.fix.lon, crew.fix.lat)
        kmh = metre / ((crew.fix.time - before.time) / 1e6) * 3.6
    if kmh < ctx.parameters["stuck_kmh"]:
        crew.slow_since = crew.fix.time if crew.slow_since is None else crew.slow_since
    else:
        crew.slow_since = None


def _on_progress(ctx: Context, case: Case, crew: Crew, now: int, position: int) -> Iterator[Evidence]:
    place = patient_place(ctx, case)
    if case.arrived is not None or place is None or crew.fix is None:
        return
    if metres(crew.fix.lon, crew.fix.lat, place.lon, place.lat) <= ctx.parameters["arrived_m"]:
        case.arrived = now
        return
    for reason in watch.check_way(ctx, case, now):
        yield call_line(ctx, case, position, reason)


def _on_duty(ctx: Context, unit: str, crew: Crew, duty: str, now: int, position: int) -> Iterator[Evidence]:
    was, crew.duty = crew.duty, duty
    case = ctx.state.cases.get(crew.case or "")
    if case is not None and case.ended is None:
        if case.plan.primary_unit == unit:
            yield from _primary_said(ctx, case, crew, duty, now, position)
        elif duty in ("off_duty", "transporting") or (duty == "available" and crew.confirmed):
            crew.release()
            for reason in watch.replace_responder(ctx, case, now):
                yield call_line(ctx, case, position, reason)
        else:
            crew.confirmed = crew.confirmed or duty in ("dispatched", "on_scene")
    crew.offered = crew.offered and was == duty
    if duty == "available" and crew.case is None and not crew.offered:
        crew.offered = True
        yield from _serve_waiting(ctx, now, position)
    if was != duty:
        yield from coverage.look(ctx, now, position, unit)


def _serve_waiting(ctx: Context, now: int, position: int) -> Iterator[Evidence]:
    """A crew is free: the emergencies that want for one, or for a better one, are planned anew, gravest first."""
    waiting = [c for c in ctx.state.cases.values() if c.arrived is None and c.ended is None]
    for other in sorted(waiting, key=lambda c: (c.priority, c.call.time, c.key)):
        if other.plan.primary_unit is None or not other.plan.capable:
            reasons = watch.redispatch(ctx, other, now)
        elif needs_help(ctx, other, other.plan):
            reasons = watch.change_stuck(ctx, other, now)
        else:
            continue
        for reason in reasons:
            yield call_line(ctx, other, position, reason)


def _primary_said(ctx: Context, case: Case, crew: Crew, duty: str, now: int, position: int) -> Iterator[Evidence]:
    if duty in _UNDER_WAY:
        if duty == "dispatched" and case.hospital_bound:  # handed over, and sent elsewhere at once
            yield end(ctx, case, now, position)
            return
        crew.confirmed = True
        if duty != "dispatched" and case.arrived is None:
            case.arrived = now
        if duty == "transporting" and not case.hospital_bound:
            case.hospital_bound, case.hazards = True, []
    elif case.arrived is not None or _was_there(case, crew, now):
        yield end(ctx, case, now, position)
    elif duty == "off_duty" or crew.confirmed:  # it will not come after all; "available" before it left says nothing
        crew.release()
        for reason in watch.redispatch(ctx, case, now):
            yield call_line(ctx, case, position, reason)


def _was_there(case: Case, crew: Crew, now: int) -> bool:
    """Whether a crew that set out, and never told its positions, has arrived by its plan."""
    eta = case.plan.eta_s
    return crew.confirmed and crew.fix is None and eta is not None and elapsed_s(case, now) >= eta


# -- roads, hospitals, cameras, weather, drones ------------------------------------------------------------------------


def _on_road(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    a, b, kmh = batch["link_from"][i], batch["link_to"][i], float(batch["speed_kmh"][i])
    key = f"{a}>{b}"
    if a is None or b is None or _time(batch, i) < ctx.state.roads_heard.get(key, 0):
        return  # a report holds until the next one, not until one that was only delivered later
    ctx.state.roads_heard[key] = _time(batch, i)
    closed = math.isnan(kmh) and "clos" in str(batch["cause"][i] or "").lower()
    was_closed = ctx.state.live.kmh.get(key) == 0.0
    if not ctx.state.live.put(a, b, 0.0 if closed else None if math.isnan(kmh) else kmh):
        return
    ctx.news()
    if was_closed:  # who could not be reached may be now
        for crew in ctx.state.crews.values():
            crew.offered = False
    now, position = _time(batch, i), int(batch.position[i])
    ctx.state.touch(now)
    for case in list(ctx.state.cases.values()):
        if case.ended is not None or case.arrived is not None:
            continue
        behind = watch.uses_link(case.plan.responder_route, key)
        late = watch.check_responder(ctx, case, now) if behind else []
        changed = watch.check_way(ctx, case, now) if watch.drives_on(ctx, case, key) else []
        for reason in changed or late:
            yield call_line(ctx, case, position, reason)


def _on_hospital(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    ward = ctx.state.wards.get(_name(batch, i, world) or "")
    now = _time(batch, i)
    if ward is None or (ward.time is not None and now < ward.time):
        return
    load = float(batch["load"][i])
    ward.state, ward.time = batch["state"][i] or ward.state, now
    ward.load = ward.load if math.isnan(load) else load
    for case in list(ctx.state.cases.values()):
        for reason in watch.check_hospital(ctx, case, now):
            yield call_line(ctx, case, int(batch.position[i]), reason)


def _on_video(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    confidence, name = float(batch["confidence"][i]), _name(batch, i, world)
    lon, lat = float(batch["lon"][i]), float(batch["lat"][i])
    if name is None or not confidence >= ctx.parameters["video_confidence"] or math.isnan(lon) or math.isnan(lat):
        return
    fall = Fall(name, _time(batch, i), lon, lat, confidence, batch["track"][i] or "")
    if not any(f.device == fall.device and f.track == fall.track and f.track for f in ctx.state.falls):
        ctx.state.falls.append(fall)
    for case in ctx.state.cases.values():
        yield from join_fall(ctx, case, fall, int(batch.position[i]))


def _on_weather(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    name, now = _name(batch, i, world), _time(batch, i)
    known = ctx.state.winds.get(name or "")
    if name is None or (known is not None and now < known.time):
        return
    wind, rain = float(batch["wind_ms"][i]), float(batch["rain_mm_h"][i])
    if known is not None:  # what a report leaves out is as it was
        wind, rain = (known.wind_ms if math.isnan(wind) else wind), (known.rain_mm_h if math.isnan(rain) else rain)
    ctx.state.winds[name] = Wind(now, wind, rain, float(batch["lon"][i]), float(batch["lat"][i]))
    for case in list(ctx.state.cases.values()):
        for reason in watch.check_aed(ctx, case, now):
            yield call_line(ctx, case, int(batch.position[i]), reason)


def _on_drone(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    name, charge = _name(batch, i, world), float(batch["battery_pct"][i])
    if name is not None and not math.isnan(charge):
        ctx.state.batteries[name] = charge
    return
    yield


ROWS: Final[dict[str, Callable[[Context, Batch, int, World], Iterator[Evidence]]]] = {
    "emergency-call": _on_call,
    "ambulance": _on_ambulance,
    "hospital-status": _on_hospital,
    "road-status": _on_road,
    "video-event": _on_video,
    "weather": _on_weather,
    "drone": _on_drone,
}
