"""Every threshold of device health, by name."""

from __future__ import annotations

from typing import Final

from brain.model import Text
from brain.scene_api import Parameter

__all__ = ["PARAMETERS"]

PARAMETERS: Final[dict[str, Parameter]] = {
    "clock_s": Parameter(300, "s", Text("时钟偏差阈值", "A clock is wrong by more than this"), "default"),
    "clock_rows": Parameter(20, "1", Text("时钟偏差连续行数", "... in this many rows in a row"), "default"),
    "offline_s": Parameter(
        60, "s", Text("离线最短时长", "A device that reports regularly is offline after this long at least"), "default"
    ),
    "offline_periods": Parameter(3, "1", Text("离线周期数", "... and after this many of its periods"), "default"),
    "offline_intervals": Parameter(
        5, "1", Text("周期学习间隔数", "Intervals that must have been seen before a period is known"), "default"
    ),
    "stall_devices": Parameter(
        20,
        "1",
        Text("整体中断最少设备数", "From this many devices on, when half fall silent together it is the feed"),
        "default",
    ),
    "stall_share": Parameter(0.5, "1", Text("整体中断比例", "... the share that must fall silent together"), "default"),
    "range_rows": Parameter(
        3, "1", Text("超量程连续行数", "Rows in a row outside the span that make a fault"), "default"
    ),
    "flat_s": Parameter(
        300,
        "s",
        Text("恒值判定窗口", "A flat line this long is suspect, twice as long a fault"),
        "QARTOD flat line; default",
    ),
    "flat_samples": Parameter(
        10,
        "1",
        Text("恒值最少采样数", "... and made of this many samples at least, for what reports every few minutes"),
        "default",
    ),
    "attenuated_share": Parameter(
        0.1,
        "1",
        Text("衰减判定比例", "A day's range under this share of the usual one is attenuated"),
        "ioos_qc attenuated signal; default",
    ),
    "drift_share": Parameter(
        0.01,
        "1",
        Text("漂移判定比例", "Drift of the daily 5th percentile over 14 days, share of the span a day"),
        "default",
    ),
}
