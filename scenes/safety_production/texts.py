"""Words of safety production: headlines and check lists, Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from brain.model import Level, Modality, Text
from scenes.safety_production.source import DENSE
from scenes.safety_production.state import COMBUSTIBLE, OXYGEN
from scenes.toolkit.area import compass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.scene_api import Evidence, World

__all__ = ["actions_of", "headline_of", "told_of"]

_MODALITIES: Final = {
    Modality.METER: Text("物联感知", "meters"),
    Modality.VEHICLE: Text("车辆", "vehicles"),
    Modality.LOW_ALTITUDE: Text("低空", "drones"),
    Modality.VIDEO: Text("视频", "video"),
    Modality.SERVICE: Text("业务系统", "calls"),
}
_TWO: Final = Text("两台探测器", "two detectors")
_STAGES: Final = {1: Text("预警", "pre-alarm"), 2: Text("一级", "first alarm"), 3: Text("二级", "second alarm")}

_WATCH: Final = (
    Text("派员到现场核实浓度并查找泄漏点", "Send somebody to verify the reading and look for the leak"),
    Text("禁止明火和电器操作，开窗通风", "No flame, no switches; open the windows"),
    Text("持续监测，达到一级报警即按处置流程执行", "Keep watching; at the first alarm follow the procedure"),
)
_LEAK: Final = (
    Text("确认泄漏点并关闭阀门", "Find the leak and shut the valves"),
    Text("禁火断电（防爆），严禁操作电器开关", "No flame, cut the power by explosion-proof means; touch no switch"),
    Text("疏散人员并设警戒，交警封闭道路", "Evacuate and cordon off; traffic police close the road"),
    Text("消防到场持续检测浓度", "Fire brigade measures on the spot"),
    Text("入户排查相邻地下空间和管沟", "Check neighbouring cellars and ducts, door by door"),
    Text("自然通风，必要时防爆风机强制通风", "Ventilate, with explosion-proof fans where needed"),
    Text("120 救护力量现场待命", "Ambulance stands by"),
    Text("1 小时内书面报告主管部门", "Report to the authority in writing within 1 hour"),
    Text("解除前两次复测均低于 1 %LEL", "Stand down only after two readings below 1 %LEL"),
)
_TOXIC: Final = (
    Text("佩戴正压式空气呼吸器后方可进入", "Enter with positive-pressure breathing apparatus only"),
    Text("切断泄漏源，停止作业", "Shut off the source and stop work"),
    Text("向上风向疏散人员并设警戒", "Evacuate upwind and cordon off"),
    Text("强制通风并持续检测", "Ventilate by force and keep measuring"),
    Text("搜救可能中毒人员，120 到场", "Search for people poisoned; ambulance to the spot"),
    Text("1 小时内书面报告主管部门", "Report to the authority in writing within 1 hour"),
    Text("解除前两次复测均低于一级报警值", "Stand down only after two readings below the first alarm"),
)
_AIR: Final = (
    Text("立即撤出作业人员，禁止盲目施救", "Take everybody out at once; no rescue without apparatus"),
    Text("佩戴空气呼吸器，强制通风", "Breathing apparatus; ventilate by force"),
    Text("查明缺氧或富氧原因", "Find out why the oxygen is off"),
    Text("120 救护力量现场待命", "Ambulance stands by"),
    Text("氧含量恢复至 19.5–23 %vol 并复测后方可作业", "Work again only at 19.5 to 23 % vol, measured twice"),
)


def actions_of(key: str, level: Level) -> tuple[Text, ...]:
    """The check list of the duty officer for what was measured, most urgent first."""
    if key == COMBUSTIBLE:
        return _WATCH if level is Level.BLUE else _LEAK
    return _AIR if key == OXYGEN else _TOXIC


def headline_of(
    first: Evidence,
    place: Text,
    gas: Text,
    level: Level,
    modalities: Sequence[Modality],
    wind: Sequence[Any] | None,
    evacuate_m: float,
    world: World,
    *,
    seconded: bool,
) -> Text:
    """One line: where, what, how much, who confirms, what to do. The colour is put in front by the desk.

    Args:
        first: The leading detector's line.
        place: Name of the site.
        gas: What is measured.
        level: Of the hazard.
        modalities: Kinds of eyes that see it.
        wind: From where, m/s, steady; or None.
        evacuate_m: How far people all round must leave.
        world: For thresholds.
        seconded: A second detector is in alarm too.
    """
    key, stage = first.values["key"], _STAGES[first.values["stage"]]
    unit = "%LEL" if key == COMBUSTIBLE else "%vol" if key == OXYGEN else "ppm"
    full = "≥" if first.values.get("saturated") else ""
    peak = full + f"{first.values['peak']:g}{unit}" if key == COMBUSTIBLE else f"{first.values['peak']:g} {unit}"
    name = Text("燃气", "Gas") if key == COMBUSTIBLE else Text(gas.zh, gas.en[:1].upper() + gas.en[1:])
    if not first.holds:
        return Text(
            f"{place.zh}{name.zh}已恢复正常（曾达{peak}），两次复测正常后解除警戒",
            f"{name.en} at {place.en} is back to normal (was {peak}); stand down after two good readings",
        )
    zh = f"{place.zh}{name.zh}{'' if key == OXYGEN else '浓度'}达{peak}（{stage.zh}）"
    en = f"{name.en} {peak} ({stage.en}) at {place.en}"
    if len(modalities) > 1 or seconded:
        words = [_TWO if seconded and m is Modality.METER else _MODALITIES[m] for m in modalities]
        zh += "，经" + "、".join(w.zh for w in words) + "印证"
        en += ", confirmed by " + ", ".join(w.en for w in words)
    if level is Level.BLUE:
        return Text(f"{zh}，请立即现场核查、禁止明火", f"{en}; check on the spot, no flame")
    if wind is not None and wind[2] and wind[1] >= world.parameters["calm_ms"]:
        toward = compass((wind[0] + 180) % 360)
        zh, en = f"{zh}，下风向{toward.zh}", f"{en}, wind toward {toward.en}"
    metres = f"{evacuate_m:g}"
    if key == COMBUSTIBLE:
        return Text(f"{zh}，请立即关阀、疏散{metres}米范围", f"{en}; shut valves, evacuate {metres} m")
    if first.values.get("key") in DENSE:
        zh, en = f"{zh}（重气，扩散模型不适用，按 ERG 距离）", f"{en} (heavier than air: ERG distances, no plume)"
    if key == OXYGEN:
        return Text(f"{zh}，请立即撤出人员并通风", f"{en}; take everybody out and ventilate")
    return Text(
        f"{zh}，请佩戴呼吸器、切断泄漏源、疏散{metres}米范围", f"{en}; breathing apparatus, evacuate {metres} m"
    )


def told_of(place: Text, *, is_leak: bool) -> Text:
    """One line for what only callers told of."""
    if is_leak:
        return Text(
            f"{place.zh}来电反映燃气泄漏，请立即到场检测、禁止明火",
            f"A caller tells of a gas leak at {place.en}; measure on the spot at once, no flame",
        )
    return Text(
        f"{place.zh}来电反映燃气异味，请到场检测、禁止明火",
        f"A caller smells gas at {place.en}; measure on the spot, no flame",
    )
