"""What first aid says to the desk: one line a call, one a fall seen; the first call's line carries the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.model import Certainty, Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.first_aid.dispatch import patient_place, target_s
from scenes.toolkit.calls import complaint_of

if TYPE_CHECKING:
    from scenes.first_aid.state import Case, Fall
    from scenes.first_aid.town import Context
    from scenes.toolkit.calls import Call

__all__ = ["LEVELS_BY_PRIORITY", "call_line", "fall_line", "joined_line"]

LEVELS_BY_PRIORITY = {1: Level.ORANGE, 2: Level.YELLOW, 3: Level.BLUE}


def call_line(ctx: Context, case: Case, position: int, reason: str | None = None) -> Evidence:
    """The statement of the first call: complaint, plan, whether it still holds."""
    call, plan, place = case.call, case.plan, patient_place(ctx, case)
    title, target = complaint_of(case.complaint).title, target_s(ctx, case.priority)
    facts = [Fact("priority", case.priority, "<=", 3, "", met=True)]
    if plan.eta_s is not None:
        facts.append(Fact("eta_s", round(plan.eta_s, 1), "<=", target, "s", plan.eta_s <= target))
    return Evidence(
        event="medical_emergency",
        rule="F1.call",
        witness=f"call/{call.call_id}",
        modality=Modality.SERVICE,
        sensor_type="emergency-call",
        device=call.device,
        time=call.time,
        position=position,
        weight=ctx.parameters["weight_call"],
        summary=Text(
            f"急救呼叫：{title.zh}（{case.priority} 级）", f"Emergency call: {title.en}, priority {case.priority}"
        ),
        holds=case.ended is None,
        ended=case.ended,
        level=LEVELS_BY_PRIORITY[case.priority],
        certainty=Certainty.LIKELY,
        lon=None if place is None else place.lon,
        lat=None if place is None else place.lat,
        subject=case.key,
        reports=1,
        messages=case.messages,
        facts=tuple(facts),
        values={
            "plan": plan.document(),
            "complaint": case.complaint,
            "priority": case.priority,
            "target_s": target,
            "capable": plan.capable,
            "slipped": case.slipped,
            "stuck": case.stuck,
            "caller": call.caller,
            "linked": list(case.linked),
            "place": list(ctx.town.place_text(call.lon, call.lat, call.node)),
            "hospital_name": list(ctx.town.hospital_text(plan.hospital)),
            "drone": any(d.id == plan.aed for d in ctx.town.drones),
        },
        reason=reason,
    )


def joined_line(ctx: Context, case: Case, call: Call) -> Evidence:
    """A further call for the same patient."""
    title = complaint_of(call.complaint).title
    place = ctx.town.place(call.lon, call.lat, call.node)
    return Evidence(
        event="medical_emergency",
        rule="F7.duplicate",
        witness=f"call/{call.call_id}",
        modality=Modality.SERVICE,
        sensor_type="emergency-call",
        device=call.device,
        time=call.time,
        position=call.position,
        weight=ctx.parameters["weight_call"],
        summary=Text(f"重复呼叫并案：{title.zh}", f"Another call for the same patient: {title.en}"),
        certainty=Certainty.LIKELY,
        opens=False,
        lon=None if place is None else place.lon,
        lat=None if place is None else place.lat,
        subject=case.key,
        reports=1,
        facts=(
            Fact(
                "seconds_from_call", (call.time - case.call.time) / 1e6, "<=", ctx.parameters["duplicate_s"], "s", True
            ),
        ),
        values={"caller": call.caller},
    )


def fall_line(ctx: Context, case: Case, fall: Fall, position: int) -> Evidence:
    """A person seen to fall where the call came from."""
    return Evidence(
        event="medical_emergency",
        rule="F1.video_fall",
        witness=f"fall/{fall.device}/{fall.track}",
        modality=Modality.VIDEO,
        sensor_type="video-event",
        device=fall.device,
        time=fall.time,
        position=position,
        weight=ctx.parameters["weight_fall"],
        summary=Text(
            f"视频发现人员跌倒（置信度 {fall.confidence:.2f}）", f"Camera saw a fall (confidence {fall.confidence:.2f})"
        ),
        opens=False,
        lon=fall.lon,
        lat=fall.lat,
        subject=case.key,
        facts=(Fact("confidence", fall.confidence, ">=", ctx.parameters["video_confidence"], "1", met=True),),
    )
