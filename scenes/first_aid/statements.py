"""What first aid says to the desk: one line a call, one a fall seen; the first call's line carries the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brain.model import Certainty, Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.first_aid.benefit import benefit
from scenes.first_aid.dispatch import needs_help, patient_place, place_of_call, target_s
from scenes.first_aid.mass import together
from scenes.toolkit.calls import complaint_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case, Fall
    from scenes.toolkit.calls import Call

__all__ = ["LEVELS_BY_PRIORITY", "call_line", "fall_line", "joined_line", "mass_lines", "red_line"]

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
        values=_plan_values(ctx, case) | {"caller": call.caller},
        reason=reason,
        false_alarm=case.cancelled,
    )


def _plan_values(ctx: Context, case: Case) -> dict[str, Any]:
    """Complaint and plan as they stand; of several lines that carry them the policy takes the latest."""
    call, plan, place = case.call, case.plan, patient_place(ctx, case)
    case.said += 1
    return {
        "said": case.said,
        "plan": _document(ctx, case),
        "complaint": case.complaint,
        "priority": case.priority,
        "target_s": target_s(ctx, case.priority),
        "capable": plan.capable,
        "help": place is None or needs_help(ctx, case, plan),
        "slipped": case.slipped,
        "stuck": case.stuck,
        "mass": case.mass,
        "linked": [other.complaint for other in case.linked],
        "pos_err_m": call.pos_err_m if call.pos_err_m >= ctx.parameters["call_error_m"] else 0.0,
        "place": list(ctx.town.place_text(call.lon, call.lat, call.node)),
        "hospital_name": list(ctx.town.hospital_text(plan.hospital)),
        "able": plan.able,
        "drones": [d.id for d in ctx.town.drones if d.id in plan.aed_options],
        "green": [ctx.parameters["green_ahead_s"], ctx.parameters["green_hold_s"]],
    }


def _document(ctx: Context, case: Case) -> dict[str, Any]:
    """The plan as shown, with what only some emergencies have."""
    plan, out = case.plan, case.plan.document()
    if (worth := benefit(ctx, case)) is not None:
        out["survival_pct"], out["survival_gain_pct"] = (round(x, 1) for x in worth)
    if len(plan.aed_options) > 1:
        out["aed_options"] = {k: round(v, 1) for k, v in plan.aed_options.items()}
    if patient_place(ctx, case) is not None and needs_help(ctx, case, plan):
        out["mutual_aid"] = True
    if case.hazards:
        known = [(i, n) for i in case.hazards if (n := ctx.state.notices.get(i)) is not None]
        out["hazards"] = [
            {"incident": i, "event": n.event, "text": {"zh": n.words[0], "en": n.words[1]}} for i, n in known
        ]
    if case.linked:
        out["linked_calls"] = [other.key.removeprefix("call/") for other in case.linked]
    if case.mass:
        out["patients"] = case.mass
    return out


def joined_line(ctx: Context, case: Case, call: Call, *, graver: bool = False) -> Evidence:
    """A further call for the same patient; a graver one brings the new plan with it, so that they are one step."""
    title = complaint_of(call.complaint).title
    place = place_of_call(ctx, call)
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
        values=(_plan_values(ctx, case) if graver else {}) | {"caller": call.caller},
    )


def mass_lines(ctx: Context, case: Case, position: int) -> Iterator[Evidence]:
    """The other patients of a mass casualty bear witness for this one."""
    for other in together(ctx, case):
        if other is case:
            continue
        title = complaint_of(other.complaint).title
        yield _beside(
            ctx,
            case,
            f"mass/{case.key}/{other.key}",
            "F6.mass_casualty",
            other.call.time,
            position,
            Text(f"同一现场另有患者：{title.zh}", f"Another patient at the same place: {title.en}"),
            Fact("patients", case.mass, ">=", ctx.parameters["mass_patients"], "", met=True),
            other.call.caller,
        )


def red_line(ctx: Context, case: Case, incident: str, now: int, position: int) -> Evidence:
    """A red incident of another scene, in which the patient is."""
    zh, en = ctx.state.notices[incident].words
    return _beside(
        ctx,
        case,
        f"notice/{case.key}/{incident}",
        "F6.red_incident",
        now,
        position,
        Text(f"患者位于红色事件现场：{zh}", f"The patient is in a red incident: {en}"),
        Fact("incident", incident, "level", "red", "", met=True),
    )


def _beside(
    ctx: Context,
    case: Case,
    witness: str,
    rule: str,
    time: int,
    position: int,
    summary: Text,
    fact: Fact,
    caller: str | None = None,
) -> Evidence:
    place = patient_place(ctx, case)
    return Evidence(
        event="medical_emergency",
        rule=rule,
        witness=witness,
        modality=Modality.SERVICE,
        sensor_type="emergency-call",
        device=case.call.device,
        time=time,
        position=position,
        weight=ctx.parameters["weight_call"],
        summary=summary,
        certainty=Certainty.LIKELY,
        opens=False,
        lon=None if place is None else place.lon,
        lat=None if place is None else place.lat,
        subject=case.key,
        messages=0,
        facts=(fact,),
        values={"beside": True, "caller": caller},
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
