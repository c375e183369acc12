"""From calls to emergencies (rules F1 and F7): a new one, another report of one, a graver word, the end."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from brain.city.index import METRES_PER_DEGREE
from scenes.first_aid import mass, notices, watch
from scenes.first_aid.dispatch import make_plan, patient_place, place_of_call
from scenes.first_aid.policy import MedicalEmergency
from scenes.first_aid.state import Case, Link, Plan
from scenes.first_aid.statements import call_line, fall_line, joined_line, mass_lines
from scenes.toolkit.calls import TAKEN_BACK, complaint_of, is_medical, same_patient
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import Evidence
    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Fall
    from scenes.toolkit.calls import Call

__all__ = ["end", "forget_at", "join_fall", "on_call"]

SECOND = 1_000_000


def on_call(ctx: Context, call: Call) -> Iterator[Evidence]:
    """Take a call: the same again, another one for the same patient, or a new emergency."""
    known = next((c for c in ctx.state.cases.values() if call.call_id in c.calls), None)
    if call.complaint in TAKEN_BACK:
        if known is not None and known.ended is None and known.calls[0] == call.call_id:
            yield from _cancel(ctx, known, call)
        return
    if not is_medical(call.complaint):
        return
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
        graver = _graver(ctx, case, call)
        yield joined_line(ctx, case, call, graver=graver)
        return
    yield from _new(ctx, call, near)


def _same(ctx: Context, call: Call) -> tuple[Case | None, list[Case]]:
    """The open emergency that a call tells of (the nearest one), and those next to it with another complaint."""
    p = ctx.parameters
    found: list[tuple[float, str, Case]] = []
    near: list[Case] = []
    here = place_of_call(ctx, call)
    if here is None:
        return None, near
    high = 1.01 * p["duplicate_radius_m"] / METRES_PER_DEGREE
    narrowing = math.cos(math.radians(abs(here.lat) + high))
    wide = high / narrowing if narrowing > 0.01 else 360.0
    for case in ctx.state.cases.values():
        if case.ended is not None:
            continue
        off_lat, off_lon = abs(here.lat - case.call.lat), abs(here.lon - case.call.lon)
        if (off_lat > high or wide < off_lon < 360.0 - wide) and not math.isnan(off_lat + off_lon):
            continue  # one of them alone says that it is farther away
        there = patient_place(ctx, case)
        if there is None:
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
        watch.assign(ctx, case, make_plan(ctx, case, call.time), call.time)
    return True


def _new(ctx: Context, call: Call, near: list[Case]) -> Iterator[Evidence]:
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
        ways_seen=ctx.state.live.digest,
        linked=[Link(other.key, other.complaint) for other in near],
    )
    ctx.state.cases[case.key] = case
    watch.assign(ctx, case, make_plan(ctx, case, call.time), call.received_at if case.delay_s else call.time)
    for fall in ctx.state.falls:  # before the line that opens, so that the raise knows it all
        yield from join_fall(ctx, case, fall, call.position)
    yield from notices.look_round(ctx, case, call.time, call.position)
    others = [c for c in mass.gather(ctx, case, call.time) if c is not case]
    if case.mass:
        yield from mass_lines(ctx, case, call.position)
    yield call_line(ctx, case, call.position)
    for other in others:
        yield from mass_lines(ctx, other, call.position)
        yield call_line(ctx, other, call.position)


def join_fall(ctx: Context, case: Case, fall: Fall, position: int) -> Iterator[Evidence]:
    """A fall on video bears witness for an emergency when it was near in place and time."""
    place, witness = patient_place(ctx, case), f"{fall.device}/{fall.track}"
    if place is None or case.ended is not None or witness in case.falls:
        return
    if abs(fall.time - case.call.time) > ctx.parameters["video_s"] * SECOND:
        return
    if metres(fall.lon, fall.lat, place.lon, place.lat) <= ctx.parameters["video_radius_m"]:
        case.falls.append(witness)
        yield fall_line(ctx, case, fall, position)


def _cancel(ctx: Context, case: Case, call: Call) -> Iterator[Evidence]:
    """The caller takes it back: a false alarm."""
    case.cancelled = True
    yield end(ctx, case, call.time, call.position)


def end(ctx: Context, case: Case, now: int, position: int) -> Evidence:
    """The patient was handed over, or the crew is free again: the emergency is over."""
    case.ended = now
    ctx.state.touch(now)
    for crew in ctx.state.crews.values():
        if crew.case == case.key:
            crew.release()
    return call_line(ctx, case, position)


def forget_at(case: Case) -> int:
    """When an emergency that has ended need not be remembered any more: when its incident clears."""
    assert case.ended is not None
    return case.ended + int(MedicalEmergency.hold_s * SECOND)
