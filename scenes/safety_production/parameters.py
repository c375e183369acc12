"""Every threshold of safety production, by name, with its source. A district may change each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.model import Text
from brain.scene_api import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARAMETERS", "TOXIC", "ToxicGas"]

_STANDARD = "GB/T 50493-2019"
_GBZ = "GBZ 2.1 (to be checked with the text)"
_HOT_WORK = "GB 30871-2022"
_PRACTICE = "gas alarm practice list (GB 6222, GBZ)"


class ToxicGas(NamedTuple):
    """A gas judged by its concentration in the air people breathe; levels in ppm by parameter name."""

    formula: str
    name: Text


TOXIC: Final[Mapping[str, ToxicGas]] = {
    g.formula: g
    for g in (
        ToxicGas("CO", Text("一氧化碳", "carbon monoxide")),
        ToxicGas("H2S", Text("硫化氢", "hydrogen sulphide")),
        ToxicGas("NH3", Text("氨气", "ammonia")),
        ToxicGas("CL2", Text("氯气", "chlorine")),
    )
}

#: 60-minute acute exposure guideline levels 3, 2, 1 in ppm (carbon monoxide has no level 1)
_AEGL: Final = {"NH3": (1100.0, 160.0, 30.0), "H2S": (50.0, 27.0, 0.51), "CO": (330.0, 83.0)}


def _aegl() -> dict[str, Parameter]:
    return {
        f"{gas.lower()}_aegl{level}_ppm": Parameter(
            ppm,
            "ppm",
            Text(f"{TOXIC[gas].name.zh} AEGL-{level}（60 分钟）", f"{gas}: AEGL-{level} at 60 minutes"),
            "US EPA AEGL (to be checked with the table)",
        )
        for gas, levels in _AEGL.items()
        for level, ppm in zip((3, 2, 1), levels, strict=False)
    }


PARAMETERS: Final[dict[str, Parameter]] = {
    # -- combustible gas (S1)
    "l1_pct": Parameter(
        25,
        "%",
        Text("可燃气体一级报警值(%LEL)", "First alarm of combustible gas (%LEL)"),
        f"{_STANDARD}: L1 <= 25 %LEL",
    ),
    "l2_pct": Parameter(
        50,
        "%",
        Text("可燃气体二级报警值(%LEL)", "Second alarm of combustible gas (%LEL)"),
        f"{_STANDARD}: L2 <= 50 %LEL",
    ),
    "min_samples": Parameter(
        3, "1", Text("连续超限采样数", "Samples in a row at or over a threshold"), "McMaster test: 3 instead of 2"
    ),
    "min_span_s": Parameter(20, "s", Text("连续超限的最短时长", "Time those samples must span at least"), "default"),
    "exit_drop_pct": Parameter(
        5, "%", Text("解除回差(%LEL)", "Below the first alarm by this much, the leak counts as over"), "default"
    ),
    "exit_hold_s": Parameter(
        300, "s", Text("解除保持时间", "A finding is forgotten this long after it ended"), "default"
    ),
    "prealarm_level_pct": Parameter(
        10,
        "%",
        Text("预警最低浓度(%LEL)", "Pre-alarm from this concentration on (%LEL)"),
        "US pipeline emergency guidelines: 10 % of the LEL",
    ),
    "prealarm_exit_pct": Parameter(
        8, "%", Text("预警解除浓度(%LEL)", "A pre-alarm is over below this (%LEL)"), "default: 20 % dead band"
    ),
    "prealarm_slope": Parameter(
        5, "%/min", Text("预警上升速率(%LEL/分)", "Pre-alarm from this slope on (%LEL a minute)"), "default"
    ),
    "slope_window_s": Parameter(120, "s", Text("上升速率统计窗口", "Window of the slope"), "default"),
    "mean_window_s": Parameter(600, "s", Text("均值统计窗口", "Window of the mean"), "default"),
    "mean_cover": Parameter(
        0.9,
        "1",
        Text("均值窗口最低覆盖率", "Share of its window that samples must span before a mean counts"),
        "default",
    ),
    "saturated_pct": Parameter(
        100, "%", Text("饱和读数(%LEL)", "From this reading on a detector is at its end (%LEL)"), "default"
    ),
    "second_sensor_m": Parameter(
        60, "m", Text("第二探测器转红距离", "A second detector in alarm this near makes a second alarm red"), "default"
    ),
    # -- toxic gas and oxygen
    "co_l1_ppm": Parameter(24, "ppm", Text("一氧化碳一级", "CO, first alarm"), _PRACTICE),
    "co_l2_ppm": Parameter(160, "ppm", Text("一氧化碳二级", "CO, second alarm"), _PRACTICE),
    "h2s_l1_ppm": Parameter(6, "ppm", Text("硫化氢一级", "H2S, first alarm"), _PRACTICE),
    "h2s_l2_ppm": Parameter(20, "ppm", Text("硫化氢二级", "H2S, second alarm"), _PRACTICE),
    "nh3_l1_ppm": Parameter(
        28,
        "ppm",
        Text("氨气一级", "NH3, first alarm"),
        f"default: {_STANDARD} 100 % OEL, taken as 20 mg/m3 (to be checked with GBZ 2.1)",
    ),
    "nh3_l2_ppm": Parameter(
        56, "ppm", Text("氨气二级", "NH3, second alarm"), f"default: {_STANDARD} 200 % OEL, see nh3_l1_ppm"
    ),
    "cl2_l1_ppm": Parameter(
        0.34,
        "ppm",
        Text("氯气一级", "Cl2, first alarm"),
        f"default: {_STANDARD} 100 % OEL, taken as 1 mg/m3 (to be checked with GBZ 2.1)",
    ),
    "cl2_l2_ppm": Parameter(
        0.68, "ppm", Text("氯气二级", "Cl2, second alarm"), f"default: {_STANDARD} 200 % OEL, see cl2_l1_ppm"
    ),
    # -- toxic gas over longer times
    "co_stel_ppm": Parameter(
        26, "ppm", Text("一氧化碳 15 分钟均值限值", "CO, limit of the mean of 15 minutes"), f"{_GBZ}: PC-STEL 30 mg/m3"
    ),
    "co_twa_ppm": Parameter(
        17, "ppm", Text("一氧化碳 8 小时均值限值", "CO, limit of the mean of 8 hours"), f"{_GBZ}: PC-TWA 20 mg/m3"
    ),
    "nh3_stel_ppm": Parameter(
        43, "ppm", Text("氨气 15 分钟均值限值", "NH3, limit of the mean of 15 minutes"), f"{_GBZ}: PC-STEL 30 mg/m3"
    ),
    "nh3_twa_ppm": Parameter(
        28, "ppm", Text("氨气 8 小时均值限值", "NH3, limit of the mean of 8 hours"), f"{_GBZ}: PC-TWA 20 mg/m3"
    ),
    "toxic_exit_share": Parameter(
        0.8,
        "1",
        Text("有毒气体解除比例", "Toxic gas is over below this share of the first alarm"),
        "default: 20 % dead band",
    ),
    "o2_low_pct": Parameter(19.5, "%", Text("缺氧报警值(%vol)", "Oxygen alarm below this (% vol)"), _PRACTICE),
    "o2_high_pct": Parameter(23, "%", Text("富氧报警值(%vol)", "Oxygen alarm above this (% vol)"), _PRACTICE),
    "o2_exit_pct": Parameter(
        0.2, "%", Text("氧含量解除回差(%vol)", "Dead band of the oxygen alarm (% vol)"), "default"
    ),
    # -- second witnesses
    "video_confidence": Parameter(
        0.7, "1", Text("视频烟火最低置信度", "Smoke or flame on video counts from this confidence on"), "default"
    ),
    "video_seconds": Parameter(3, "s", Text("视频烟火最短持续", "... seen on one track for this long"), "default"),
    "video_gap_s": Parameter(10, "s", Text("视频烟火最大间断", "... with no gap longer than this"), "default"),
    "video_silence_s": Parameter(
        60, "s", Text("视频烟火消失判定", "Smoke or flame is over after this long without a message"), "default"
    ),
    "drone_over_ppm_m": Parameter(
        200,
        "ppm.m",
        Text("无人机甲烷超背景值", "Path-integrated methane over background that counts"),
        "drone methane studies; our default",
    ),
    "drone_exit_share": Parameter(
        0.8, "1", Text("无人机甲烷解除比例", "... and is over below this share of it"), "default"
    ),
    "drone_silence_s": Parameter(
        60, "s", Text("无人机甲烷消失判定", "... or after this long without a message"), "default"
    ),
    "witness_m": Parameter(
        150, "m", Text("佐证距离", "A camera or drone this near bears witness"), "default, as the gate"
    ),
    # -- step-hold (S2)
    "step_min_pct": Parameter(
        15, "%", Text("阶跃判定(%LEL)", "A jump of one sample of at least this may be a broken detector"), "default"
    ),
    "hold_limit_s": Parameter(
        1800, "s", Text("阶跃保持时限", "A held step is let through to the departments after this long"), "default"
    ),
    "neighbour_m": Parameter(30, "m", Text("邻近探测器距离", "A healthy neighbour is at most this far"), "default"),
    "neighbour_below_pct": Parameter(
        5, "%", Text("邻近探测器正常值上限(%LEL)", "... reads less than this (%LEL)"), "default"
    ),
    "neighbour_fresh_s": Parameter(
        120, "s", Text("邻近探测器数据时效", "... and has spoken within this time"), "default"
    ),
    "stuck_s": Parameter(
        300, "s", Text("卡滞判定时长", "A held value that has not moved this long is a fault"), "default"
    ),
    "fall_from_pct": Parameter(
        50, "%", Text("中毒判定起点(%LEL)", "From above this to nothing in one sample is no end of a leak"), "default"
    ),
    "fall_to_pct": Parameter(1, "%", Text("中毒判定终点(%LEL)", "... nothing means at most this"), "default"),
    # -- fire (S4)
    "thermal_over_c": Parameter(
        60, "K", Text("热像超环境温度", "Heat over ambient that bears witness for a fire"), "default"
    ),
    "thermal_exit_share": Parameter(
        0.8, "1", Text("热像解除比例", "... and is over below this share of it"), "default"
    ),
    "usual_air_c": Parameter(
        25, "Cel", Text("缺省环境温度", "Ambient temperature where a drone tells none"), "default"
    ),
    "smoke_alarm_pct": Parameter(
        10, "%", Text("烟感浓度报警值", "Smoke density that counts as an alarm of a smoke detector"), "default"
    ),
    "smoke_silence_s": Parameter(
        600,
        "s",
        Text("烟感报警消失判定", "A smoke detector's alarm is over after this long without a message"),
        "default",
    ),
    "fire_gate_m": Parameter(
        150, "m", Text("火情关联距离", "People, gas and other eyes this near belong to a fire"), "default, as the gate"
    ),
    "fire_gate_s": Parameter(
        900, "s", Text("火情关联时间", "... people seen within this time"), "default, as the gate"
    ),
    "fire_spread_m2": Parameter(
        100, "m2", Text("蔓延面积", "A fire that spreads over more than this is red"), "default"
    ),
    "fire_radius_m": Parameter(
        100, "m", Text("火灾警戒半径", "Radius of the area that must act for a fire"), "default"
    ),
    # -- work under permits (S5)
    "permit_gas_pct": Parameter(
        10,
        "%",
        Text("动火点可燃气体限值(%LEL)", "Gas beside hot work from this on (%LEL)"),
        f"{_HOT_WORK}: 0.5 % vol of methane",
    ),
    "permit_gas_exit_share": Parameter(
        0.8, "1", Text("动火点气体解除比例", "... and is over below this share of it"), "default"
    ),
    "permit_gas_samples": Parameter(
        3, "1", Text("动火点气体连续采样数", "... in this many samples in a row"), "default"
    ),
    "permit_gas_m": Parameter(
        15, "m", Text("动火点气体距离", "A detector this near to a permit stands beside it"), _HOT_WORK
    ),
    "gas_test_s": Parameter(
        1800, "s", Text("气体检测有效时长", "A gas test holds this long"), f"{_HOT_WORK}: 30 min, 60 at most"
    ),
    "camera_view_m": Parameter(
        50,
        "m",
        Text("摄像机视距", "How far a camera sees that tells neither place nor site of what it sees"),
        "default",
    ),
    # -- people at work (S6)
    "workers_yellow": Parameter(
        3, "1", Text("违规人数升级", "From this many people on a violation is yellow"), "default"
    ),
    "zone_message_s": Parameter(
        600, "s", Text("同区域最短间隔", "A zone opens no second violation within this time"), "default"
    ),
    # -- major hazard units (S7)
    "raising_unit_level": Parameter(
        2,
        "1",
        Text("升级的重大危险源级别", "Units of this class and above raise every level by one"),
        "default; classes of GB 18218-2018",
    ),
    # -- drones (S8)
    "ceiling_m": Parameter(
        120,
        "m",
        Text("真高上限", "Height above ground that needs no plan"),
        "Interim regulation on unmanned aircraft: 120 m true height",
    ),
    "height_margin_m": Parameter(
        10, "m", Text("高度容差", "A drone may be this much higher than its limit"), "default"
    ),
    "gps_error_m": Parameter(10, "m", Text("定位误差", "A drone may be this much farther off its corridor"), "default"),
    "fixes": Parameter(3, "1", Text("连续违规定位数", "Fixes in a row that break the rule"), "default"),
    "fixes_span_s": Parameter(6, "s", Text("连续违规最短时长", "Time those fixes must span at least"), "default"),
    "fix_gap_s": Parameter(60, "s", Text("定位最大间断", "Fixes further apart than this are not in a row"), "default"),
    # -- where and how far (S3)
    "evacuate_m": Parameter(
        100, "m", Text("疏散半径", "Radius of the area that must act"), "ERG guide 115, pipeline guidelines"
    ),
    "downwind_m": Parameter(300, "m", Text("下风向距离", "Reach of the sector downwind"), "default"),
    "downwind_half_deg": Parameter(30, "deg", Text("下风向扇形半角", "Half angle of that sector"), "default"),
    "calm_ms": Parameter(1, "m/s", Text("静风判定", "Below this wind the sector is a circle"), "default"),
    "located_every_s": Parameter(10, "s", Text("定位间隔", "A source is searched at most this often"), "default"),
    "located_within_s": Parameter(
        600,
        "s",
        Text("定位时限", "... in the first while of a finding, while detectors still remember their zero"),
        "default",
    ),
    "located_mean_s": Parameter(
        60,
        "s",
        Text("定位用读数平均时长", "... from mean readings over this long, never from before the alarm"),
        "default",
    ),
    "located_sensors": Parameter(3, "1", Text("定位最少探测器", "... from this many detectors on"), "default"),
    "located_seeing": Parameter(
        2,
        "1",
        Text("定位最少受影响探测器", "... of which this many read a twentieth of the highest or more"),
        "default",
    ),
    "located_misfit": Parameter(
        0.3, "1", Text("定位最大残差", "... and believed when it leaves no larger share unexplained"), "default"
    ),
    "located_ellipse_m": Parameter(
        50, "m", Text("定位最大椭圆", "... and its ellipse is no longer than this"), "default"
    ),
    "erg_isolate_m": Parameter(
        60,
        "m",
        Text("重气隔离半径", "Chlorine: isolate all round"),
        "ERG table 1, small spill (to be checked with the edition)",
    ),
    "erg_day_m": Parameter(
        400, "m", Text("重气昼间下风防护距离", "Chlorine: protect downwind by day"), "ERG table 1, see erg_isolate_m"
    ),
    "erg_night_m": Parameter(
        1500, "m", Text("重气夜间下风防护距离", "Chlorine: protect downwind by night"), "ERG table 1, see erg_isolate_m"
    ),
    "located_moved_m": Parameter(10, "m", Text("定位更新距离", "A place found anew this far off is told"), "default"),
    "wind_fresh_s": Parameter(1800, "s", Text("气象数据时效", "Wind older than this is not used"), "default"),
    # -- weights (log-odds of the fusion)
    "weight_prealarm": Parameter(5.9, "1", Text("预警权重", "Weight of a pre-alarm"), "default"),
    "weight_l1": Parameter(6.2, "1", Text("一级报警权重", "Weight of the first alarm"), "default"),
    "weight_l2": Parameter(7.5, "1", Text("二级报警权重", "Weight of the second alarm"), "default"),
    "weight_smoke": Parameter(3.7, "1", Text("视频烟雾权重", "Weight of smoke on video"), "default"),
    "weight_flame": Parameter(6.0, "1", Text("视频明火权重", "Weight of flame on video"), "default"),
    "weight_call": Parameter(4.5, "1", Text("来电权重", "Weight of a call that tells of gas"), "default"),
    "weight_thermal": Parameter(5.1, "1", Text("热像权重", "Weight of heat seen by a drone"), "default"),
    "weight_smoke_detector": Parameter(4.5, "1", Text("烟感权重", "Weight of a smoke detector in alarm"), "default"),
    "weight_permit": Parameter(6.2, "1", Text("作业票权重", "Weight of what a permit says"), "default"),
    "weight_breach": Parameter(6.2, "1", Text("违规行为权重", "Weight of a violation on video"), "default"),
    "weight_violation": Parameter(6.2, "1", Text("飞行违规权重", "Weight of fixes that break a rule"), "default"),
    "weight_drone": Parameter(4.5, "1", Text("无人机甲烷权重", "Weight of methane seen by a drone"), "default"),
}
PARAMETERS.update(_aegl())
