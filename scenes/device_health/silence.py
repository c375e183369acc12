"""Heartbeat lost: a device that reported regularly and does so no more (D2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from brain.city.hazard import hazard_level_of
from brain.model import Level, Text, microseconds
from brain.scene_api import Fact
from scenes.device_health.notice import notice
from scenes.toolkit.places import site_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from brain.model import Batch, Device
    from brain.scene_api import Evidence, World
    from scenes.device_health.state import HealthState

__all__ = ["HEARTBEAT", "hear", "look_for_silence", "silence_facts"]

#: sensor types that report by the clock; cameras, calls, lifts and what moves speak when something happens
HEARTBEAT: Final = frozenset(
    (
        *("gas-detector", "water-meter", "gas-meter", "heat-meter", "power-meter", "heat-station", "hydrant"),
        *("water-level", "rain-gauge", "smoke-detector", "parking-lot", "weather", "traffic-detector"),
    )
)
GUARDS: Final = frozenset({"gas-detector", "smoke-detector"})  # the last of these at a dangerous site matters more
RESTING: Final = frozenset({"calibrating", "maintenance"})
SECOND: Final = 1_000_000
LATE_PERIODS: Final = 2.0
_LOOK_US: Final = 60 * SECOND


def hear(state: HealthState, batch: Batch, world: World) -> Iterator[Evidence]:
    """Take rows of a sensor type with a heartbeat; those that were silent speak again."""
    beats = state.beats
    received = microseconds(batch.received_at)
    if state.check_at is None:
        state.check_at = int(received[0]) + _LOOK_US
    rows = beats.hear(batch.device, received)
    words = batch["status"].tolist()
    if RESTING.isdisjoint(words):
        if beats.resting[rows].any():
            beats.resting[rows] = False
    else:
        for row, word in zip(rows.tolist(), words, strict=True):
            beats.resting[row] = word in RESTING
    lost = beats.lost[rows]
    if not lost.any():
        return
    for i in np.flatnonzero(lost).tolist():
        if beats.lost[rows[i]]:
            beats.lost[rows[i]] = False
            device = world.registry.by_id(int(batch.device[i]))
            if device is not None:
                time = int(microseconds(batch.time)[i])
                summary = Text(f"{device.name} 已恢复在线", f"{device.name} reports again")
                fact = Fact("silent_s", 0.0, ">", world.parameters["offline_s"], "s", False)
                yield notice(
                    "device_fault", "D2.offline", "offline", device, time, int(batch.position[i]), summary, (fact,),
                    world, holds=False,
                )  # fmt: skip


def _waits(state: HealthState, world: World) -> NDArray[np.float64]:
    p = world.parameters
    wait = state.beats.wait_s(p["offline_s"], p["offline_periods"], int(p["offline_intervals"]))
    return np.where(state.beats.resting[: len(wait)], np.inf, wait)


def look_for_silence(state: HealthState, at: int, world: World) -> Iterator[Evidence]:
    """At a mark: who should have spoken by now. Where half of many fell silent together, the feed is to blame."""
    if state.check_at is None or at < state.check_at:
        return
    beats = state.beats
    wait = _waits(state, world)
    used = len(wait)
    due = np.where(
        np.isfinite(wait),
        np.maximum(beats.last[:used], beats.stalled) + np.where(np.isfinite(wait), wait, 0) * 1e6,
        2**62,
    ).astype(np.int64)
    awake = ~beats.lost[:used] & np.isfinite(wait)
    silent = awake & (due <= at)
    if silent.any() and _is_stall(state, at, awake, silent, world):
        beats.stalled = at
        state.check_at = at + SECOND
        return
    for row in np.flatnonzero(silent).tolist():
        device = world.registry.by_id(int(beats.slots.device[row]))
        beats.lost[row] = True
        if device is None or device.simulated or device.extra.get("work_order"):
            continue  # of a simulated device nobody looks after: its story is over
        yield _line(state, row, device, at, float(wait[row]), wait, world)
    ahead = due[awake & ~silent]
    state.check_at = min(at + _LOOK_US, int(ahead.min()) if len(ahead) else 2**62)


def _is_stall(state: HealthState, at: int, awake: NDArray[np.bool_], silent: NDArray[np.bool_], world: World) -> bool:
    """Whether many are silent, not these alone: devices speak in turn, so those of a dead feed fall due in turn.

    Who has let two of its periods pass counts as silent; only those whose periods are short enough to tell are asked.
    """
    p = world.parameters
    late_s = LATE_PERIODS * state.beats.period_s(int(p["offline_intervals"]))
    since_s = (at - state.beats.last[: len(late_s)]) / 1e6
    asked = awake & (late_s <= since_s[silent].max())
    count = int(asked.sum())
    return bool(count >= p["stall_devices"] and (asked & (since_s >= late_s)).sum() >= p["stall_share"] * count)


def _line(
    state: HealthState, row: int, device: Device, at: int, wait: float, waits: NDArray[np.float64], world: World
) -> Evidence:
    silent = (at - int(state.beats.last[row])) / 1e6
    site = site_of(world.city, device, device.lon, device.lat)
    level = Level.BLUE
    zh, en = f"{device.name} 已 {silent:.0f} 秒无数据", f"{device.name} has been silent for {silent:.0f} s"
    if (
        device.sensor_type in GUARDS
        and site is not None
        and (hazard_level_of(site) is not None or site.kind == "hazardous")
        and not _is_watched(state, device, site.id, at, waits, world)
    ):
        level = Level.YELLOW
        zh, en = f"{zh}，该危险源已无在线探测器", f"{en}; no detector of this dangerous site is left"
    return notice(
        "device_fault", "D2.offline", "offline", device, at, -1, Text(zh, en), silence_facts(silent, wait), world,
        holds=True, level=level, values={"silent_s": round(silent, 1)},
    )  # fmt: skip


def _is_watched(
    state: HealthState, device: Device, site_id: str, at: int, waits: NDArray[np.float64], world: World
) -> bool:
    """Whether another detector of the site speaks still."""
    beats, least = state.beats, world.parameters["offline_s"]
    for other in world.registry.devices():
        if other.sensor_type not in GUARDS or other.device_id == device.device_id:
            continue
        site = site_of(world.city, other, other.lon, other.lat)
        if site is None or site.id != site_id or other.device_id >= len(beats.slots.row):
            continue
        row = int(beats.slots.row[other.device_id])
        if row < 0 or beats.lost[row]:
            continue
        wait = float(waits[row]) if np.isfinite(waits[row]) else least
        if at - int(beats.last[row]) < wait * 1e6:
            return True
    return False


def silence_facts(silent: float, wait: float) -> tuple[Fact, ...]:
    """Silence against what is usual for the device."""
    return (Fact("silent_s", round(silent, 3), ">=", None if np.isinf(wait) else wait, "s", silent >= wait),)
