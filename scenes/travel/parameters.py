"""Every threshold of travel, by name, with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from brain.model import Text
from brain.scene_api import Parameter

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PARAMETERS"]

OURS: Final = "default"
FRUIN: Final = "levels of service after Fruin; value: default"
MCMASTER: Final = "McMaster algorithm (Persaud, Hall 1989); value: default"
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
    "period_s": Parameter(
        30,
        "s",
        Text("检测器周期", "Period of a detector before two of its reports tell it"),
        "30 s loop detector stations",
    ),
    "stale_periods": Parameter(
        3,
        "1",
        Text("检测站离线判定周期数", "A station silent for more periods is off: its neighbours make the pair"),
        OURS,
    ),
    "stale_least_s": Parameter(60, "s", Text("检测站离线判定下限", "... but not before this"), OURS),
    "flat_periods": Parameter(
        20, "1", Text("恒值周期数", "A full station that says exactly the same this often is stuck"), "QARTOD flat line"
    ),
    "flat_occupancy_pct": Parameter(20, "%", Text("恒值判定占有率", "... from this occupancy on"), OURS),
    "clear_speed_share": Parameter(
        0.8, "1", Text("解除速度（占同期）", "Over only at this share of the usual speed, where it is known"), OURS
    ),
    "baseline_series": Parameter(
        6000, "1", Text("自学习画像序列上限", "Series of detectors that are learned at most"), OURS
    ),
    "single_periods": Parameter(
        3, "1", Text("单站连续周期数", "Periods in a row of a station by itself"), "SND/DES; persistence: default"
    ),
    "single_speed_share": Parameter(
        0.6, "1", Text("单站速度（占同期）", "Speed of a station by itself, of the usual one, at most"), OURS
    ),
    "single_long_period_s": Parameter(
        120, "s", Text("长周期", "A period this long is a mean that may count alone"), OURS
    ),
    "single_extreme_z": Parameter(
        3.5,
        "1",
        Text("长周期极端偏离", "... when it deviates this much"),
        "robust score of one value (Iglewicz, Hoaglin 1993)",
    ),
    "single_extreme_share": Parameter(
        0.4, "1", Text("长周期极端速度（占同期）", "... and is at most this share of the usual speed"), OURS
    ),
    "single_extreme_occupancy_pct": Parameter(
        20, "%", Text("长周期极端占有率", "... or, without a speed, is at least this full"), MCMASTER
    ),
    "single_extreme_relative": Parameter(
        0.5,
        "1",
        Text("长周期极端占有率增幅（占自身）", "... of which at least this share is more than usual"),
        CALIFORNIA,
    ),
    "single_occupancy_pct": Parameter(
        15, "%", Text("单站最低占有率", "Occupancy of a station by itself that gives no speed, at least"), OURS
    ),
    "mcmaster_periods": Parameter(
        3, "1", Text("二次判别连续周期数", "Periods in a row of the second opinion"), MCMASTER
    ),
    "mcmaster_occupancy_pct": Parameter(
        20, "%", Text("二次判别占有率", "A station is congested from this occupancy on"), MCMASTER
    ),
    "mcmaster_kmh": Parameter(30, "km/h", Text("二次判别速度", "... and below this speed"), MCMASTER),
    "mcmaster_flow_z": Parameter(
        1, "1", Text("下游流量偏低", "Flow downstream this many spreads below its usual one"), MCMASTER
    ),
    "probe_vehicles": Parameter(3, "1", Text("缓行车辆数", "Different vehicles that crawl on one link"), OURS),
    "probe_kmh": Parameter(10, "km/h", Text("缓行速度", "Slower than this a vehicle crawls"), OURS),
    "probe_s": Parameter(60, "s", Text("缓行时长", "... for this long"), OURS),
    "probe_link_kmh": Parameter(20, "km/h", Text("路段通常速度", "Usual speed of the link, more than this"), OURS),
    "probe_silent_s": Parameter(120, "s", Text("车辆失联判定", "A vehicle silent for this long counts no more"), OURS),
    "probe_parked_s": Parameter(1800, "s", Text("停放判定", "A vehicle that stands this long is parked"), OURS),
    "probe_free_s": Parameter(120, "s", Text("下游畅通时效", "Free flow downstream, seen within this time"), OURS),
    "free_share": Parameter(
        0.6, "1", Text("畅通速度（占通常）", "A vehicle drives freely from this share of the usual speed on"), OURS
    ),
    "match_m": Parameter(
        30, "m", Text("地图匹配距离（不超过 30）", "A vehicle is on a link within this distance (at most 30)"), OURS
    ),
    "match_deg": Parameter(45, "deg", Text("地图匹配航向差", "... and within this angle of its direction"), OURS),
    "floating_fixes": Parameter(
        3, "1", Text("浮动车最少样本", "Fixes of a link in the window, below which its usual time is blended in"), OURS
    ),
    "lanes_closed_share": Parameter(0.5, "1", Text("占道比例", "Share of the lanes closed"), OURS),
    "lanes_closed_s": Parameter(600, "s", Text("占道时长", "... for this long: orange"), OURS),
    "incident_kmh": Parameter(
        10, "km/h", Text("事件路段速度", "Speed past an incident where nothing measures it"), OURS
    ),
    "spillback_warn_s": Parameter(
        300, "s", Text("回溢预警", "Warn when the queue reaches the signal upstream within this time"), OURS
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
    "weight_single": Parameter(6.0, "1", Text("单站权重", "Log-odds of a station by itself"), OURS),
    "weight_mcmaster": Parameter(3.0, "1", Text("二次判别权重", "Log-odds of the second opinion on a pair"), OURS),
    "weight_probes": Parameter(4.0, "1", Text("浮动车权重", "Log-odds of vehicles that crawl"), OURS),
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
    "weight_nothing_seen": Parameter(
        1.5, "1", Text("视频查看未见异常的反证权重", "Log-odds against, of a camera that looked and saw nothing"), OURS
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
    "weight_first_threshold": Parameter(
        6.2, "1", Text("超过第一阈值的权重", "Log-odds of a measurement persistently over its first threshold"), OURS
    ),
    "weight_second_threshold": Parameter(
        7.5, "1", Text("超过第二阈值的权重", "Log-odds of a measurement persistently over its second threshold"), OURS
    ),
    "crowd_blue_per_m2": Parameter(2.0, "/m2", Text("人群密度蓝色", "Crowd density, blue"), FRUIN),
    "crowd_yellow_per_m2": Parameter(3.5, "/m2", Text("人群密度黄色", "Crowd density, yellow"), FRUIN),
    "crowd_orange_per_m2": Parameter(5.0, "/m2", Text("人群密度橙色", "Crowd density, orange"), FRUIN),
    "crowd_red_per_m2": Parameter(
        6.5, "/m2", Text("人群密度红色（须无人机与视频）", "Crowd density, red; wants a drone and a camera"), FRUIN
    ),
    "crowd_s": Parameter(60, "s", Text("人群密度持续时长", "Each band must hold this long"), OURS),
    "crowd_clear_per_m2": Parameter(1.8, "/m2", Text("人群密度解除", "Below this it is over"), OURS),
    "crowd_frames": Parameter(3, "1", Text("平滑帧数（中位数）", "Frames of the smoothing median"), OURS),
    "crowd_gap_s": Parameter(300, "s", Text("计数中断判定", "A longer silence of a source begins anew"), OURS),
    "crowd_drone_silent_s": Parameter(120, "s", Text("无人机离开判定", "A drone silent for this long has left"), OURS),
    "crowd_trend_s": Parameter(300, "s", Text("趋势窗口", "Window of the trend"), OURS),
    "crowd_projection_s": Parameter(
        600, "s", Text("趋势预测时长", "The next band is shown when the trend reaches it within this time"), OURS
    ),
    "fog_blue_m": Parameter(500, "m", Text("能见度蓝色", "Visibility below this, blue"), OURS),
    "fog_yellow_m": Parameter(200, "m", Text("能见度黄色", "Visibility below this, yellow"), OURS),
    "fog_orange_m": Parameter(50, "m", Text("能见度橙色", "Visibility below this, orange"), OURS),
    "surface_max_c": Parameter(0, "Cel", Text("湿路面结冰温度", "A wet surface at or below this may freeze"), OURS),
    "surface_dead_band_c": Parameter(1, "K", Text("路面温度解除死区", "Dead band of the surface temperature"), OURS),
    "wet_after_rain_s": Parameter(3600, "s", Text("雨后路面湿时长", "A surface stays wet this long after rain"), OURS),
    "ice_s": Parameter(3600, "s", Text("结冰报告有效期", "A report of ice holds this long"), OURS),
    "weather_samples": Parameter(2, "1", Text("气象连续样本数", "Weather samples in a row"), OURS),
    "weather_dead_band": Parameter(0.1, "1", Text("能见度解除死区比例", "Dead band of the visibility"), OURS),
    "weather_radius_m": Parameter(2000, "m", Text("气象站代表半径", "A weather station stands for this radius"), OURS),
    "bunching_share": Parameter(
        0.25, "1", Text("串车间隔比例", "Headway as a share of the usual one, below which buses bunch"), OURS
    ),
    "bunching_gates": Parameter(3, "1", Text("连续站数", "Gates (stops) in a row"), OURS),
    "bunching_cv": Parameter(
        0.75, "1", Text("间隔变异系数", "Coefficient of variation of the last 6 headways"), "TCQSM worst band; default"
    ),
    "bunching_dead_band": Parameter(0.2, "1", Text("串车解除死区比例", "Dead band at the end"), OURS),
    "bunching_headway_s": Parameter(
        0, "s", Text("计划间隔（0 为自学习）", "Scheduled headway; 0: learned from the buses"), OURS
    ),
    "bunching_least_headways": Parameter(
        6, "1", Text("学习所需间隔数", "Headways of a route before anything is said"), OURS
    ),
    "bunching_least_headway_s": Parameter(
        180, "s", Text("最小计划间隔", "A denser route cannot bunch by this rule"), OURS
    ),
    "bunching_spacing_m": Parameter(400, "m", Text("虚拟站距", "Distance of gates along a route"), "usual urban stops"),
    "bunching_gate_m": Parameter(40, "m", Text("虚拟站横向范围", "A bus passes a gate within this distance"), OURS),
    "bunching_silent_s": Parameter(600, "s", Text("公交失联判定", "A bus silent for this long has left"), OURS),
    "bunching_gap_s": Parameter(3600, "s", Text("停运判定", "A longer headway is a break of service"), OURS),
    "gps_jump_kmh": Parameter(
        180, "km/h", Text("定位跳变速度", "A vehicle that moves faster than this has jumped"), OURS
    ),
}
