"""What an emergency says to people: headline and check list, in both languages; of the patient only the complaint."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brain.model import Text
from scenes.toolkit.calls import complaint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["actions", "headline"]


def headline(v: Mapping[str, Any], plan: Mapping[str, Any]) -> Text:
    """One line: what, where, who comes and when, to which hospital."""
    title, (place_zh, place_en) = complaint_of(v["complaint"]).title, v["place"]
    at_en = place_en if place_en.startswith("near ") else f"at {place_en}"
    mass_zh = mass_en = ""
    if v["mass"] > 1:
        mass_zh, mass_en = f"群体伤病（{v['mass']} 人）·", f"Mass casualty ({v['mass']} patients): "
    zh, en = [f"{mass_zh}{title.zh}：{place_zh}"], [f"{mass_en}{title.en} {at_en}"]
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
        drone = plan["aed"] in v["drones"]
        zh.append(f"{'AED 无人机' if drone else 'AED 志愿者'} {plan['aed']}（{plan['aed_eta_s']:.0f} 秒）")
        en.append(f"AED {'drone' if drone else 'volunteer'} {plan['aed']} {plan['aed_eta_s']:.0f} s")
    if plan["hospital"] is not None:
        zh.append(f"送 {v['hospital_name'][0]}")
        en.append(f"to {v['hospital_name'][1]}")
    if plan["green_wave"]:
        zh.append(f"请交警保障 {len(plan['green_wave'])} 个路口绿波")
        en.append(f"green wave at {len(plan['green_wave'])} signals")
    return Text("，".join(zh), ", ".join(en))


def actions(v: Mapping[str, Any], plan: Mapping[str, Any]) -> tuple[Text, ...]:
    """The check list of the duty officer, most urgent first."""
    out: list[Text] = []
    for hazard in plan.get("hazards", ()):
        zh, en = hazard["text"]["zh"], hazard["text"]["en"]
        out.append(Text(f"警告车组：现场或途中有危险（{zh}）", f"Warn the crew, danger there or on the way: {en}"))
    if v["complaint"] in {"cardiac_arrest", "unconscious"}:
        out.append(Text("电话指导心肺复苏", "Guide CPR over the telephone"))
    out += _who_goes(v, plan)
    if plan["hospital"] is not None:
        zh, en = v["hospital_name"]
        out.append(Text(f"通知 {zh} 做好接诊准备", f"Tell {en} to prepare"))
        if not v["able"]:
            out.append(
                Text("该院不具备所需救治能力：具备的均不可用", "It cannot treat the complaint; none that can is open")
            )
    if v["complaint"] == "entrapment":
        out.append(Text("消防到场破拆救援", "Fire and rescue: free the person"))
    out += _to_ask(v)
    out.append(Text("警方维持现场秩序，保留通道", "Police: keep order and access at the scene"))
    return tuple(out)


def _who_goes(v: Mapping[str, Any], plan: Mapping[str, Any]) -> list[Text]:
    out: list[Text] = []
    if plan["primary_unit"] is None:
        out.append(Text("无可派救护车：请求邻区增援", "No ambulance free: ask the neighbouring centre for help"))
    else:
        out.append(Text(f"派出 {plan['primary_unit']}", f"Send {plan['primary_unit']}"))
        if not v["capable"]:
            out.append(Text("无具备能力的车组：请求增援", "No capable crew free: ask for help"))
        elif v["help"]:
            out.append(Text("超出到达目标：请求增援", "Later than the target: ask for help"))
    if v["stuck"]:
        out.append(
            Text("救护车滞留：联系车组，核实能否继续", "The ambulance stands: ask its crew whether it can go on")
        )
    if plan["first_responder"] is not None:
        out.append(Text(f"派出先遣 {plan['first_responder']}", f"Send first responder {plan['first_responder']}"))
    if plan["aed"] is not None:
        sent = plan.get("aed_options", {plan["aed"]: plan["aed_eta_s"]})
        out.append(
            Text(
                "启动 AED：" + "、".join(f"{k}（{s:.0f} 秒）" for k, s in sent.items()),
                "Send the AED: " + ", ".join(f"{k} ({s:.0f} s)" for k, s in sent.items()),
            )
        )
    if "survival_pct" in plan:
        worth, more = plan["survival_pct"], plan["survival_gain_pct"]
        out.append(
            Text(
                f"参考生存率约 {worth:.0f} %（其中先遣与 AED 增加 {more:.0f} 个百分点）",
                f"Survival by the model about {worth:.0f} % ({more:.0f} points of it by first responder and AED)",
            )
        )
    if plan["green_wave"]:
        ahead, hold = v["green"]
        signals = "、".join(plan["green_wave"])
        out.append(
            Text(
                f"交警按计划时刻保障绿波（{signals}）：提前 {ahead:.0f} 秒请求，保持不超过 {hold:.0f} 秒，通过即取消",
                f"Traffic police: green wave at the times of the plan ({signals.replace('、', ', ')}), asked for "
                f"{ahead:.0f} s ahead, held {hold:.0f} s at most, over once passed",
            )
        )
    return out


def _to_ask(v: Mapping[str, Any]) -> list[Text]:
    out: list[Text] = []
    if v["mass"]:
        out.append(Text("启动群体伤救治：按容量分流医院", "Mass casualty plan: patients spread over hospitals"))
    if v["pos_err_m"]:
        m = v["pos_err_m"]
        out.append(
            Text(f"来电位置误差约 {m:.0f} 米：先派往该区域，向来电人核实位置",
                 f"The call's place is off by up to {m:.0f} m: send to the area, ask the caller where")
        )  # fmt: skip
    if v["linked"]:
        names = [complaint_of(c).title for c in v["linked"]]
        out.append(
            Text(
                f"附近另有呼叫（{'、'.join(n.zh for n in names)}），请调度员核对是否同一事件",
                f"Another call nearby ({', '.join(n.en for n in names)}): check whether it is the same happening",
            )
        )
    return out
