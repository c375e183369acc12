"""Every threshold of first aid, by name, with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from brain.model import Text
from brain.scene_api import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARAMETERS"]

OURS: Final = "default"

PARAMETERS: Final[Mapping[str, Parameter]] = {
    "duplicate_radius_m": Parameter(
        150, "m", Text("同类主诉呼叫并案的最大距离", "Calls of one complaint group this near are one patient"), OURS
    ),
    "duplicate_s": Parameter(
        300, "s", Text("同类主诉呼叫并案的最大时间差", "... and this near in time, from call to call"), OURS
    ),
    "first_responder_gain_s": Parameter(
        60, "s", Text("基础车组早到多少秒则同时派作先遣", "A BLS crew this much faster goes as first responder"), OURS
    ),
    "aed_gain_s": Parameter(
        60, "s", Text("AED 须比救护车早到的秒数", "An AED is sent when it is this much ahead of the ambulance"), OURS
    ),
    "target_p2_s": Parameter(900, "s", Text("二级呼叫到达目标", "Call to arrival, priority 2"), OURS),
    "target_p3_s": Parameter(1800, "s", Text("三级呼叫到达目标", "Call to arrival, priority 3"), OURS),
    "target_margin_s": Parameter(
        60,
        "s",
        Text("为保覆盖改派时须比目标早的秒数", "Another unit may spare the nearest one when this far inside"),
        OURS,
    ),
    "busy_fraction": Parameter(
        0.3,
        "1",
        Text("车组忙碌概率（覆盖损失计算）", "Probability that a unit is busy, for the coverage loss"),
        "DMEXCLP (Jagtenberg et al. 2015); value: default",
    ),
    "volunteer_detour": Parameter(
        1.3,
        "1",
        Text("志愿者步行绕行系数", "Way on foot over distance as the crow flies, where the way is not known"),
        OURS,
    ),
    "drone_wind_max_ms": Parameter(
        8,
        "m/s",
        Text("无人机送 AED 的最大风速", "No AED drone in stronger wind"),
        "default; check with the drone's manual",
    ),
    "drone_battery_min_pct": Parameter(
        30, "%", Text("无人机起飞的最低电量", "No AED drone that last reported a lower charge"), OURS
    ),
    "phone_cpr_s": Parameter(
        150,
        "s",
        Text(
            "电话指导下首次按压的时间（生存率模型）",
            "Call to the first compression guided by telephone, for the survival",
        ),
        "AHA recommendations for telephone CPR (from memory)",
    ),
    "green_ahead_s": Parameter(30, "s", Text("绿波请求提前量", "A green light is asked for this long ahead"), OURS),
    "green_hold_s": Parameter(30, "s", Text("绿灯最长保持", "... and held this long at most"), OURS),
    "mass_patients": Parameter(3, "", Text("群体伤病的患者数", "Patients at one place that are a mass casualty"), OURS),
    "mass_load_step": Parameter(
        0.1,
        "1",
        Text("群体伤病中每名患者折算的医院负荷", "Load that each patient of a mass casualty adds to a hospital"),
        OURS,
    ),
    "red_near_m": Parameter(
        50,
        "m",
        Text("距红色事件所涉路段多近视为在其中", "A patient this near to a link of a red incident is in it"),
        OURS,
    ),
    "call_error_m": Parameter(
        500, "m", Text("需向来电人核实位置的误差", "A call whose place is less sure: send to the area, and ask"), OURS
    ),
    "weather_valid_s": Parameter(3600, "s", Text("气象数据有效时长", "Weather older than this says nothing"), OURS),
    "hospital_load_valid_s": Parameter(
        1800, "s", Text("医院负荷有效时长", "A hospital's live load older than this counts as unknown"), OURS
    ),
    "hospital_load_unknown": Parameter(0.7, "1", Text("负荷未知时的取值", "The load then assumed"), OURS),
    "hospital_gain_s": Parameter(
        120, "s", Text("因负荷改送医院的最小收益", "Another hospital is advised for load when it saves this much"), OURS
    ),
    "eta_slip_s": Parameter(90, "s", Text("到达时间延误阈值（秒）", "The arrival slips by this much"), OURS),
    "eta_slip_pct": Parameter(25, "%", Text("到达时间延误阈值（比例）", "... or by this share of the plan"), OURS),
    "reroute_gain_s": Parameter(
        60, "s", Text("改道的最小收益", "A new route is advised when it saves this much"), OURS
    ),
    "unit_change_gain_s": Parameter(
        120, "s", Text("改派的最小收益", "Another unit is advised when it saves this much"), OURS
    ),
    "stuck_kmh": Parameter(2, "km/h", Text("滞留速度阈值", "Slower than this is standing"), OURS),
    "stuck_s": Parameter(60, "s", Text("信号灯以外滞留时长", "Standing away from signals this long is stuck"), OURS),
    "stuck_signal_s": Parameter(120, "s", Text("信号灯附近滞留时长", "... and this long near a signal"), OURS),
    "signal_near_m": Parameter(60, "m", Text("视为信号灯附近的距离", "Near a signal"), OURS),
    "fix_speed_max_ms": Parameter(
        55, "m/s", Text("定位跳变阈值", "A position that implies a higher speed is ignored"), OURS
    ),
    "arrived_m": Parameter(50, "m", Text("视为到达现场的距离", "A unit this near has arrived"), OURS),
    "video_radius_m": Parameter(
        150, "m", Text("跌倒视频佐证的最大距离", "A fall seen this near is a second witness"), OURS
    ),
    "video_s": Parameter(300, "s", Text("跌倒视频佐证的最大时间差", "... and this near in time"), OURS),
    "video_confidence": Parameter(0.7, "1", Text("视频最低置信度", "Least confidence of a video event"), OURS),
    "no_news_s": Parameter(
        3600, "s", Text("车组无消息的结案时限", "Without news of its unit for this long an emergency has ended"), OURS
    ),
    "late_call_s": Parameter(
        30,
        "s",
        Text("呼叫迟到计入预计时间的阈值", "A call that reaches us later than this: the delay is in the times"),
        OURS,
    ),
    "coverage_demand": Parameter(
        0.2, "1", Text("须保持覆盖的区域需求占比", "Zones with this share of the demand must be covered"), OURS
    ),
    "coverage_s": Parameter(60, "s", Text("覆盖空缺持续时长", "Uncovered for this long is a gap"), OURS),
    "weight_call": Parameter(4.5, "1", Text("来电权重", "Log-odds of a call"), OURS),
    "weight_fall": Parameter(3.7, "1", Text("跌倒视频权重", "Log-odds of a fall on video"), OURS),
    "weight_gap": Parameter(4.0, "1", Text("覆盖空缺权重", "Log-odds of a coverage gap"), OURS),
    "crow_kmh": Parameter(
        30,
        "km/h",
        Text("无路网时的直线行驶速度", "Speed over the straight line where the city has no road there"),
        OURS,
    ),
}
