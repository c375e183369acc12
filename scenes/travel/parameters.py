"""Every threshold of travel, by name, with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from brain.model import Text
from brain.scene_api import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARAMETERS"]

OURS: Final = "default"
CALIFORNIA: Final = "shape of California algorithm 7; value: default"

PARAMETERS: Final[Mapping[str, Parameter]] = {
    "pair_min_difference_pct": Parameter(
        8, "%", Text("上下游占有率差", "Occupancy upstream minus downstream, points"), CALIFORNIA
    ),
    "pair_min_relative": Parameter(
        0.5, "1", Text("占有率相对差", "... as a share of the occupancy upstream"), CALIFORNIA
    ),
    "pair_max_down_pct": Parameter(20, "%", Text("下游占有率上限", "Highest occupancy downstream"), CALIFORNIA),
    "pair_periods": Parameter(
        2, "1", Text("连续周期数", "Periods in a row"), "persistence check, McMaster field tests; value: default"
    ),
    "pair_dead_band": Parameter(0.2, "1", Text("解除死区比例", "Dead band of the three thresholds at the end"), OURS),
    "period_s": Parameter(30, "s", Text("检测器周期", "Period of the detectors"), "30 s loop detector stations"),
    "station_stale_s": Parameter(
        120, "s", Text("检测站离线判定", "A station silent for this long is off: its neighbours make the pair"), OURS
    ),
    "profile_z": Parameter(
        3, "1", Text("画像偏离阈值", "At least one side deviates this much from its usual occupancy"), OURS
    ),
    "profile_floor": Parameter(
        0.05, "1", Text("画像离散度下限（占中位数）", "Least spread of a profile, as a share of its median"), OURS
    ),
    "video_confidence": Parameter(0.7, "1", Text("视频最低置信度", "Least confidence of a video event"), OURS),
    "video_s": Parameter(10, "s", Text("同一目标停驶时长", "A track must stand this long before one camera"), OURS),
    "fire_s": Parameter(3, "s", Text("烟火持续时长", "Smoke or flame must last this long"), OURS),
    "track_silent_s": Parameter(
        60, "s", Text("目标丢失判定", "A track not seen for this long has gone, since it was last seen"), OURS
    ),
    "signal_queue_m": Parameter(
        80, "m", Text("红灯排队长度", "This near before a signal a stopped vehicle may wait for green"), OURS
    ),
    "signal_red_s": Parameter(
        120, "s", Text("红灯排队最长等待", "... for this long at most"), "usual longest red of urban cycles; default"
    ),
    "reach_upstream_m": Parameter(
        600, "m", Text("上游关联距离", "Evidence this far upstream belongs to the incident"), OURS
    ),
    "reach_downstream_m": Parameter(150, "m", Text("下游关联距离", "... and this far downstream"), OURS),
    "reach_s": Parameter(900, "s", Text("关联时间", "... and this near in time"), OURS),
    "new_crash_m": Parameter(
        300, "m", Text("队列中新事故的最小距离", "A crash this far from the source is another incident"), OURS
    ),
    "corridor_width_m": Parameter(50, "m", Text("走廊横向范围", "A camera this near to a corridor looks at it"), OURS),
    "drone_width_m": Parameter(150, "m", Text("无人机观测横向范围", "... and a drone"), OURS),
    "queue_min_m": Parameter(
        50, "m", Text("无人机排队长度下限", "A shorter queue seen from a drone says nothing"), OURS
    ),
    "queue_growth_m": Parameter(200, "m", Text("排队增长更新阈值", "A queue longer by this is told again"), OURS),
    "queue_kmh": Parameter(15, "km/h", Text("排队速度阈值", "Slower than this a station stands in the queue"), OURS),
    "queue_occupancy_pct": Parameter(
        40, "%", Text("排队占有率阈值（无速度时）", "... or above this, where it gives no speed"), OURS
    ),
    "fire_radius_m": Parameter(
        100, "m", Text("烟火关联距离", "Smoke or flame this near to the source is part of it"), OURS
    ),
    "thermal_over_ambient_c": Parameter(60, "K", Text("热异常阈值", "A drone sees this much over ambient: fire"), OURS),
    "congestion_ratio": Parameter(
        1.5, "1", Text("行程时间相对同期的倍数", "Travel time over the usual of this time of the week"), OURS
    ),
    "congestion_s": Parameter(900, "s", Text("拥堵持续时长", "Slower than that for this long"), OURS),
    "congestion_window_s": Parameter(300, "s", Text("行程时间统计窗口", "Window of the mean speed"), OURS),
    "congestion_dead_band": Parameter(0.1, "1", Text("拥堵解除死区比例", "Dead band of the ratio at the end"), OURS),
    "congestion_known_share": Parameter(
        0.5, "1", Text("须有数据的走廊长度占比", "Least share of a corridor with live and usual speeds"), OURS
    ),
    "weight_video": Parameter(
        6.0, "1", Text("停驶/碰撞视频权重", "Log-odds of a stopped vehicle or crash on video"), OURS
    ),
    "weight_pair": Parameter(6.5, "1", Text("检测器对权重", "Log-odds of a detector pair"), OURS),
    "weight_queue": Parameter(4.0, "1", Text("无人机排队权重", "Log-odds of a queue seen by a drone"), OURS),
    "weight_detector_queue": Parameter(
        1.0,
        "1",
        Text("检测器排队权重", "Log-odds of a queue over detectors; small, for pairs show the same stations"),
        OURS,
    ),
    "weight_no_queue": Parameter(
        2.5, "1", Text("无人机未见排队的反证权重", "Log-odds against, of a low drone that sees no queue"), OURS
    ),
    "weight_thermal": Parameter(5.1, "1", Text("热异常权重", "Log-odds of heat seen by a drone"), OURS),
    "weight_call": Parameter(4.5, "1", Text("伤员来电权重", "Log-odds of a call for an injured person"), OURS),
    "weight_smoke": Parameter(3.7, "1", Text("视频烟雾权重", "Log-odds of smoke on video"), OURS),
    "weight_flame": Parameter(6.0, "1", Text("视频明火权重", "Log-odds of flame on video"), OURS),
    "weight_sighting": Parameter(
        1.5,
        "1",
        Text("其他视频事件权重", "Log-odds of congestion, debris, wrong-way driving or people on the road"),
        OURS,
    ),
    "drone_low_m": Parameter(
        60, "m", Text("无人机低空观测高度", "A drone this low that sees no queue speaks against one"), OURS
    ),
}
