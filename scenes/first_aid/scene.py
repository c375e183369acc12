"""First aid (智慧急救): from the call to a plan in one step, then watch over it.

A call raises an incident at once, with unit, first responder, AED, hospital, the way and its green wave.
Rows are taken in receipt order; unit positions, link speeds and hospital loads only update what is known, and are
compared with the open plans (``watch``). Marks bring time-outs, standing units and coverage gaps.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from brain.model import Piece, Text
from brain.scene_api import Bulletin, Fact, Interest, Mark, Parameter, Reasoning, Scene
from scenes.first_aid import coverage, watch
from scenes.first_aid.dispatch import home, make_plan, patient_place
from scenes.first_aid.parameters import PARAMETERS
from scenes.first_aid.policy import CoverageGap, MedicalEmergency
from scenes.first_aid.state import Case, Crew, Fall, FirstAidState, Fix, Plan, Ward, Wind
from scenes.first_aid.statements import call_line, fall_line, joined_line
from scenes.first_aid.town import Context, town_of
from scenes.toolkit.calls import calls_of, complaint_of, is_medical, same_patient
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from brain.model import Batch
    from brain.scene_api import Evidence, Policy, World
    from scenes.toolkit.calls import Call

__all__ = ["FirstAid"]

SECOND = 1_000_000
COVERAGE_EVERY_S = 10  # unit positions and speeds change all the time; zones are compared this often
FALLS_KEPT_S = 3900  # calls may reach the rules an hour late


class FirstAid(Scene[FirstAidState]):
    """Who goes to whom, and whether they will be there in time."""

    name: ClassVar[str] = "first_aid"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("智慧急救", "First aid")
    interests: ClassVar[tuple[Interest, ...]] = (
        Interest("emergency-call", ("call_id", "complaint", "priority", "caller", "node", "lon", "lat")),
        Interest("ambulance", ("lon", "lat", "speed_kmh", "duty")),
        Interest("hospital-status", ("state", "load")),
        Interest("road-status", ("link_from", "link_to", "speed_kmh", "cause")),
        Interest("video-event", ("event", "track", "confidence", "lon", "lat")),
        Interest("weather", ("wind_ms", "rain_mm_h")),
    )
    policies: ClassVar[tuple[Policy, ...]] = (MedicalEmergency(), CoverageGap())
    parameters: ClassVar[Mapping[str, Parameter]] = PARAMETERS
    state_type: ClassVar[type[Any]] = FirstAidState

    def initial(self, world: World) -> FirstAidState:
        """Units at their stations, hospitals as the city model has them."""
        state, town = FirstAidState(), town_of(world.city)
        for unit in town.units.values():
            state.crews[unit.id] = Crew(duty=unit.status)
        for hospital in town.hospitals.values():
            state.wards[hospital.id] = Ward(hospital.state, hospital.load)
        return state

    def step(self, state: FirstAidState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """Take rows in order of position, or a mark."""
        ctx = Context(town_of(world.city), state, world.parameters)
        if isinstance(feed, Mark):
            yield from _on_mark(ctx, feed.at)
            return
        if isinstance(feed, Bulletin):
            return
        for _, batch, i in _in_order(ctx, feed, world):
            yield from _ROW[batch.sensor_type](ctx, batch, i, world)

    def due(self, state: FirstAidState, world: World) -> int | None:
        """The next second at which somebody waits for something."""
        if (state.coverage_stale and state.crews) or any(
            c.slow_since is not None and c.case for c in state.crews.values()
        ):
            return 0
        p = world.parameters
        times = [g.since + int(p["coverage_s"] * SECOND) for g in state.gaps.values() if not g.raised]
        wait = int(p["no_news_s"] * SECOND)
        times += [c.news + wait if c.ended is None else _forget_at(c) for c in state.cases.values()]
        return min(times, default=None)

    def explain(
        self, state: FirstAidState, lon: float, lat: float, radius_m: float, world: World
    ) -> Iterable[Reasoning]:
        """Which units near a place could be sent, and which conditions keep the others back."""
        ctx = Context(town_of(world.city), state, world.parameters)
        for unit, crew in state.crews.items():
            place = home(ctx, unit, crew)
            if place is None or metres(lon, lat, place.lon, place.lat) > radius_m:
                continue
            yield Reasoning(
                "F1.dispatch",
                f"ambulance/{unit}",
                (
                    Fact("duty", crew.duty, "==", "available", "", crew.duty == "available"),
                    Fact("planned_for", crew.case, "==", None, "", crew.case is None),
                ),
            )


def _in_order(ctx: Context, piece: Piece, world: World) -> Iterator[tuple[int, Batch, int]]:
    """(position, batch, row) of the rows that matter here, in order of position."""
    rows: list[tuple[int, Batch, int]] = []
    for name, batch in piece.batches.items():
        if name not in _ROW or not len(batch):
            continue
        which = (
            [i for i, e in enumerate(batch["event"].tolist()) if e == "fall"]
            if name == "video-event"
            else range(len(batch))
        )
        rows += [(int(batch.position[i]), batch, i) for i in which]
    rows.sort(key=lambda r: r[0])
    return iter(rows)


def _time(batch: Batch, i: int) -> int:
    return int(batch.time[i].astype("M8[us]").astype(np.int64))


def _name(batch: Batch, i: int, world: World) -> str | None:
    device = world.registry.by_id(int(batch.device[i]))
    return None if device is None else device.name


# -- calls -----------------------------------------------------------------------------------------------------------


def _on_call(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    call = next(calls_of(batch.take(slice(i, i + 1)), world.registry))
    if not is_medical(call.complaint):
        return
    known = next((c for c in ctx.state.cases.values() if call.call_id in c.calls), None)
    if known is not None:
        if known.ended is None:
            known.messages += 1
            _graver(ctx, known, call)
            yield call_line(ctx, known, call.position)
        return
    case, near = _same(ctx, call)
    if case is not None:
        case.calls.append(call.call_id)
        case.last_call = max(case.last_call, call.time)
        yield joined_line(ctx, case, call)
        if _graver(ctx, case, call):
            yield call_line(ctx, case, call.position)
        return
    yield from _new_case(ctx, call, near)


def _same(ctx: Context, call: Call) -> tuple[Case | None, list[Case]]:
    """The open emergency that a call tells of (the nearest one), and those next to it with another complaint."""
    p, found, near = ctx.parameters, [], []
    here = ctx.town.place(call.lon, call.lat, call.node)
    for case in ctx.state.cases.values():
        there = patient_place(ctx, case)
        if case.ended is not None or here is None or there is None:
            continue
        a = (complaint_of(call.complaint).group, here.lon, here.lat, call.time)
        b = (complaint_of(case.complaint).group, there.lon, there.lat, case.last_call)
        if same_patient(a, b, p["duplicate_radius_m"], p["duplicate_s"]):
            found.append((metres(*here[:2], *there[:2]), case.key, case))
        elif same_patient((b[0], *a[1:]), b, p["duplicate_radius_m"], p["duplicate_s"]):
            near.append(case)
    return min(found, key=lambda f: f[:2])[2] if found else None, near


def _graver(ctx: Context, case: Case, call: Call) -> bool:
    """Take over a graver complaint or priority of a later call, and plan for it."""
    arrest = call.complaint == "cardiac_arrest" != case.complaint
    if not arrest and call.priority >= case.priority:
        return False
    if arrest or call.priority < case.priority:
        case.complaint = call.complaint if call.complaint != "unknown" else case.complaint
        case.priority = min(case.priority, call.priority)
    if case.arrived is None:
        watch.assign(ctx, case, make_plan(ctx, case, call.time))
    return True


def _new_case(ctx: Context, call: Call, near: list[Case]) -> Iterator[Evidence]:
    late = (call.received_at - call.time) / 1e6
    case = Case(
        key=f"call/{call.call_id}",
        call=call,
        complaint=call.complaint,
        priority=call.priority,
        last_call=call.time,
        calls=[call.call_id],
        plan=Plan(),
        delay_s=late if late > ctx.parameters["late_call_s"] else 0.0,
        news=call.received_at,
        linked=[other.complaint for other in near],
    )
    ctx.state.cases[case.key] = case
    watch.assign(ctx, case, make_plan(ctx, case, call.time))
    for fall in ctx.state.falls:  # before the line that opens, so that the raise knows it all
        yield from _join_fall(ctx, case, fall, call.position)
    yield call_line(ctx, case, call.position)


# -- units -----------------------------------------------------------------------------------------------------------


def _on_ambulance(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    unit = _name(batch, i, world)
    crew = ctx.state.crews.get(unit or "")
    if unit is None or crew is None:
        return
    now, position = _time(batch, i), int(batch.position[i])
    lon, lat, kmh = float(batch["lon"][i]), float(batch["lat"][i]), float(batch["speed_kmh"][i])
    before = crew.fix
    moved = not math.isnan(lon) and not math.isnan(lat) and watch.believe(ctx, crew, Fix(now, lon, lat))
    if moved:
        ctx.state.coverage_stale = True
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
            crew.case, crew.confirmed = None, False
        else:
            crew.confirmed = crew.confirmed or duty in ("dispatched", "on_scene")
    if duty == "available" and crew.case is None:
        waiting = [c for c in ctx.state.cases.values() if c.plan.primary_unit is None and c.ended is None]
        for other in sorted(waiting, key=lambda c: (c.priority, c.call.time, c.key)):
            for reason in watch.redispatch(ctx, other, now):
                yield call_line(ctx, other, position, reason)
    if was != duty:
        yield from coverage.look(ctx, now, position, unit)


def _primary_said(ctx: Context, case: Case, crew: Crew, duty: str, now: int, position: int) -> Iterator[Evidence]:
    if duty in ("dispatched", "on_scene", "transporting"):
        crew.confirmed = True
        if duty != "dispatched" and case.arrived is None:
            case.arrived = now
        if duty == "transporting":
            case.hospital_bound = True
            yield _end(ctx, case, now, position)
    elif case.arrived is not None:
        yield _end(ctx, case, now, position)
    elif duty == "off_duty" or crew.confirmed:  # it will not come after all; "available" before it left says nothing
        crew.confirmed, crew.case = False, None
        for reason in watch.redispatch(ctx, case, now):
            yield call_line(ctx, case, position, reason)


def _end(ctx: Context, case: Case, now: int, position: int) -> Evidence:
    """The patient is on the way to hospital, or the crew is free again: the emergency at this place is over."""
    case.ended = now
    for crew in ctx.state.crews.values():
        if crew.case == case.key:
            crew.case, crew.confirmed = None, False
    return call_line(ctx, case, position)


def _forget_at(case: Case) -> int:
    assert case.ended is not None
    return case.ended + int(MedicalEmergency.hold_s * SECOND)


# -- roads, hospitals, cameras, weather ------------------------------------------------------------------------------


def _on_road(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    a, b, kmh = batch["link_from"][i], batch["link_to"][i], float(batch["speed_kmh"][i])
    if a is None or b is None:
        return
    closed = math.isnan(kmh) and str(batch["cause"][i] or "").startswith("clos")
    if not ctx.state.live.put(a, b, 0.0 if closed else None if math.isnan(kmh) else kmh):
        return
    ctx.state.coverage_stale = True
    now, position = _time(batch, i), int(batch.position[i])
    for case in list(ctx.state.cases.values()):
        if case.ended is not None or case.arrived is not None:
            continue
        behind = watch.uses_link(case.plan.responder_route, f"{a}>{b}")
        late = watch.check_responder(ctx, case, now) if behind else []
        changed = watch.check_way(ctx, case, now) if watch.uses_link(case.plan.route, f"{a}>{b}") else []
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
        yield from _join_fall(ctx, case, fall, int(batch.position[i]))


def _join_fall(ctx: Context, case: Case, fall: Fall, position: int) -> Iterator[Evidence]:
    place, witness = patient_place(ctx, case), f"{fall.device}/{fall.track}"
    if place is None or case.ended is not None or witness in case.falls:
        return
    if abs(fall.time - case.call.time) > ctx.parameters["video_s"] * SECOND:
        return
    if metres(fall.lon, fall.lat, place.lon, place.lat) <= ctx.parameters["video_radius_m"]:
        case.falls.append(witness)
        yield fall_line(ctx, case, fall, position)


def _on_weather(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    name, lon, lat = _name(batch, i, world), float(batch["lon"][i]), float(batch["lat"][i])
    if name is not None and not math.isnan(lon) and not math.isnan(lat):
        wind, rain = float(batch["wind_ms"][i]), float(batch["rain_mm_h"][i])
        ctx.state.winds[name] = Wind(_time(batch, i), wind, rain, lon, lat)
    return
    yield


_ROW = {
    "emergency-call": _on_call,
    "ambulance": _on_ambulance,
    "hospital-status": _on_hospital,
    "road-status": _on_road,
    "video-event": _on_video,
    "weather": _on_weather,
}


# -- marks -----------------------------------------------------------------------------------------------------------


def _on_mark(ctx: Context, now: int) -> Iterator[Evidence]:
    state, p = ctx.state, ctx.parameters
    for case in list(state.cases.values()):
        if case.ended is not None:
            if now >= _forget_at(case):
                del state.cases[case.key]
            continue
        if now - case.news >= p["no_news_s"] * SECOND:
            yield _end(ctx, case, now, -1)
            continue
        for reason in watch.check_stuck(ctx, case, now):
            yield call_line(ctx, case, -1, reason)
            for further in watch.change_stuck(ctx, case, now):
                yield call_line(ctx, case, -1, further)
    if state.falls and state.falls[0].time < now - FALLS_KEPT_S * SECOND:
        state.falls = [f for f in state.falls if f.time >= now - FALLS_KEPT_S * SECOND]
    if state.coverage_stale and now % (COVERAGE_EVERY_S * SECOND) == 0:
        yield from coverage.look(ctx, now, -1, "")
    yield from coverage.speak_up(ctx, now)
