"""What an emergency and a coverage gap mean: level, texts, check list (rules F1, F4, F6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from brain.model import Certainty, Level, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.first_aid.statements import LEVELS_BY_PRIORITY
from scenes.toolkit.area import circle, geojson
from scenes.toolkit.calls import complaint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.scene_api import Evidence, View, World

__all__ = ["CoverageGap", "MedicalEmergency"]


class MedicalEmergency(Policy):
    """A patient somebody called for. The scene itself says which calls belong together, by subject."""

    event: ClassVar[str] = "medical_emergency"
    gate: ClassVar[Gate] = Gate(-1.0, 300.0)  # nothing joins by distance alone: complaint groups decide (F7)
    fused: ClassVar[bool] = False
    two_devices: ClassVar[bool] = True

    def assess(self, view: View, world: World) -> Assessment:
        """Level by priority; an arrest is red with a second witness; a unit too late or none is at least orange."""
        main = next((w for w in view.witnesses if "plan" in w.values), None)
        if main is None:
            return Assessment(level=None)
        v, plan = main.values, main.values["plan"]
        level = LEVELS_BY_PRIORITY[v["priority"]]
        if v["complaint"] == "cardiac_arrest" and view.certainty is Certainty.OBSERVED:
            level = Level.RED
        if v["slipped"]:
            level = max(level, Level.YELLOW, key=lambda x: x.rank)
        if not v["capable"] or plan["eta_s"] is None or plan["eta_s"] > v["target_s"]:
            level = max(level, Level.ORANGE, key=lambda x: x.rank)
        conditions = {"green_wave"} if plan["green_wave"] else set[str]()
        if v["complaint"] == "entrapment":
            conditions.add("entrapment")
        return Assessment(
            level=level,
            lon=main.lon,
            lat=main.lat,
            area=None if main.lon is None or main.lat is None else geojson(circle(main.lon, main.lat, 100.0)),
            plan=plan,
            headline=_headline(v, plan),
            actions=_actions(v, plan),
            conditions=frozenset(conditions),
            ended=not main.holds,
        )

    def second_witness(self, one: Evidence, other: Evidence, world: World) -> bool:
        """Two calls are two witnesses unless the same caller made both."""
        a, b = one.values.get("caller"), other.values.get("caller")
        return bool(one.reports and other.reports) and one.witness != other.witness and (a is None or a != b)


def _headline(v: Mapping[str, Any], plan: Mapping[str, Any]) -> Text:
    title, (place_zh, place_en) = complaint_of(v["complaint"]).title, v["place"]
    at_en = place_en if place_en.startswith("near ") else f"at {place_en}"
    zh, en = [f"{title.zh}：{place_zh}"], [f"{title.en} {at_en}"]
    if plan["primary_unit"] is None:
        zh.append("暂无可派救护车")
        en.append("no ambulance free")
    elif plan["eta_s"] is None:
        zh.append(f"已派 {plan['primary_unit']}（到达时间未知）")
        en.append(f"{plan['primary_unit']} sent, arrival unknown")
    else:
        zh.append(f"已派 {plan['primary_unit']}（预计 {plan['eta_s']:.0f} 秒）")
        en.append(f"{plan['primary_unit']} ETA {plan['eta_s']:.0f} s")
    if plan["first_responder"] is not None:
        zh.append(f"先遣 {plan['first_responder']}（{plan['first_responder_eta_s']:.0f} 秒）")
        en.append(f"first responder {plan['first_responder']} {plan['first_responder_eta_s']:.0f} s")
    if plan["aed"] is not None:
        zh.append(f"{'AED 无人机' if v['drone'] else 'AED 志愿者'} {plan['aed']}（{plan['aed_eta_s']:.0f} 秒）")
        en.append(f"AED {'drone' if v['drone'] else 'volunteer'} {plan['aed']} {plan['aed_eta_s']:.0f} s")
    if plan["hospital"] is not None:
        zh.append(f"送 {v['hospital_name'][0]}")
        en.append(f"to {v['hospital_name'][1]}")
    if plan["green_wave"]:
        zh.append(f"请交警保障 {len(plan['green_wave'])} 个路口绿波")
        en.append(f"green wave at {len(plan['green_wave'])} signals")
    return Text("，".join(zh), ", ".join(en))


def _actions(v: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[Text, ...]:
    out: list[Text] = []
    if v["complaint"] in {"cardiac_arrest", "unconscious"}:
        out.append(Text("电话指导心肺复苏", "Guide CPR over the telephone"))
    if plan["primary_unit"] is None:
        out.append(Text("无可派救护车：请求邻区增援", "No ambulance free: ask the neighbouring centre for help"))
    else:
        out.append(Text(f"派出 {plan['primary_unit']}", f"Send {plan['primary_unit']}"))
        if not v["capable"]:
            out.append(Text("无具备能力的车组：请求增援", "No capable crew free: ask for help"))
        elif plan["eta_s"] is None or plan["eta_s"] > v["target_s"]:
            out.append(Text("超出到达目标：请求增援", "Later than the target: ask for help"))
    if v["stuck"]:
        out.append(
            Text("救护车滞留：联系车组，核实能否继续", "The ambulance stands: ask its crew whether it can go on")
        )
    if plan["first_responder"] is not None:
        out.append(Text(f"派出先遣 {plan['first_responder']}", f"Send first responder {plan['first_responder']}"))
    if plan["aed"] is not None:
        out.append(Text(f"启动 AED：{plan['aed']}", f"Send the AED: {plan['aed']}"))
    if plan["green_wave"]:
        out.append(Text("交警按时刻保障沿途绿波", "Traffic police: green wave at the times of the plan"))
    if plan["hospital"] is not None:
        zh, en = v["hospital_name"]
        out.append(Text(f"通知 {zh} 做好接诊准备", f"Tell {en} to prepare"))
    if v["complaint"] == "entrapment":
        out.append(Text("消防到场破拆救援", "Fire and rescue: free the person"))
    if v["linked"]:
        names = [complaint_of(c).title for c in v["linked"]]
        out.append(
            Text(
                f"附近另有呼叫（{'、'.join(n.zh for n in names)}），请调度员核对是否同一事件",
                f"Another call nearby ({', '.join(n.en for n in names)}): check whether it is the same happening",
            )
        )
    out.append(Text("警方维持现场秩序，保留通道", "Police: keep order and access at the scene"))
    return tuple(out)


class CoverageGap(Policy):
    """A zone without a free unit in reach; it clears at once when there is one."""

    event: ClassVar[str] = "coverage_gap"
    gate: ClassVar[Gate] = Gate(-1.0, 300.0)
    hold_s: ClassVar[float] = 0.0
    fused: ClassVar[bool] = False

    def assess(self, view: View, world: World) -> Assessment:
        """Blue, with the unit that should move up."""
        main = view.witnesses[0]
        v = main.values
        unit = v["move_up"]
        return Assessment(
            level=Level.BLUE,
            lon=main.lon,
            lat=main.lat,
            plan={"zone": v["zone"], "move_up": unit},
            headline=Text(
                f"急救力量空缺：{v['zh']}" + (f"，建议 {unit} 机动补位" if unit else "，暂无车可补位"),
                f"Coverage gap: {v['en']}" + (f", move up {unit}" if unit else ", no unit to move up"),
            ),
            actions=(
                Text(f"{unit} 前往 {v['zh']} 待命", f"Move {unit} up to {v['en']}")
                if unit
                else Text("请求邻区机动力量", "Ask the neighbouring centre for a standby unit"),
            ),
            ended=not main.holds,
        )
