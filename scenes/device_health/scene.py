"""Device health: clocks that are wrong. Other scenes speak of faults they find themselves; the notices are the same.

A device whose last rows were all far ahead of, or all far behind, the time of receipt has a wrong clock. Its rows keep
the time they carry; the notice asks for the clock to be set.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from brain.model import Level, Piece, Text, microseconds
from brain.scene_api import Bulletin, Evidence, Fact, Interest, Mark, Parameter, Policy, Scene, World
from scenes.device_health.policy import DeviceCheck, DeviceFault
from scenes.toolkit.table import Slots, column, grow, turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from brain.model import Batch

__all__ = ["ClockState", "DeviceHealth"]

SENSOR_TYPES = (
    *("gas-detector", "water-meter", "gas-meter", "heat-meter", "power-meter", "heat-station", "hydrant"),
    *("water-level", "rain-gauge", "smoke-detector", "elevator", "parking-lot", "weather", "traffic-detector"),
    *("vehicle", "ambulance", "drone", "video-event", "emergency-call", "hospital-status", "road-status"),
)


@dataclass(slots=True)
class ClockState:
    """Rows in a row that a device's clock was ahead (positive) or behind (negative), and whether that was said."""

    slots: Slots = field(default_factory=Slots)
    streak: NDArray[np.int32] = column("i4", 0)
    told: NDArray[np.bool_] = column("?", 0)


class DeviceHealth(Scene[ClockState]):
    """Wrong clocks, and the desk for device faults that other scenes find."""

    name: ClassVar[str] = "device_health"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("设备健康", "Device health")
    interests: ClassVar[tuple[Interest, ...]] = tuple(Interest(t, (), late=True) for t in SENSOR_TYPES)
    policies: ClassVar[tuple[Policy, ...]] = (DeviceFault(), DeviceCheck())
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "clock_s": Parameter(300, "s", Text("时钟偏差阈值", "A clock is wrong by more than this"), "default"),
        "clock_rows": Parameter(20, "1", Text("时钟偏差连续行数", "... in this many rows in a row"), "default"),
    }
    state_type: ClassVar[type[ClockState]] = ClockState

    def initial(self, world: World) -> ClockState:
        """Nothing heard yet."""
        return ClockState()

    def due(self, state: ClockState, world: World) -> int | None:
        """Marks change nothing."""
        return None

    def step(self, state: ClockState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """See the module."""
        if not isinstance(feed, Piece):
            return
        for batch in feed.batches.values():
            if len(batch):
                yield from self._batch(state, batch, world)

    def _batch(self, state: ClockState, batch: Batch, world: World) -> Iterator[Evidence]:
        p = world.parameters
        limit = int(p["clock_s"] * 1e6)
        skew = microseconds(batch.time) - microseconds(batch.received_at)
        if not state.slots.used and -limit <= skew.min() and skew.max() <= limit:
            return  # a clock that was never wrong takes no room
        sign = (skew > limit).astype(np.int32) - (skew < -limit).astype(np.int32)
        relevant = np.flatnonzero((sign != 0) | state.slots.have(batch.device))
        if not len(relevant):
            return
        device, sign = batch.device[relevant], sign[relevant]
        rows = state.slots.of(device).astype(np.intp)
        grow(state, state.slots.used)
        least = int(p["clock_rows"])
        for turn in turns(rows):
            row, way = rows[turn], sign[turn]
            streak = state.streak[row]
            state.streak[row] = np.where(way == 0, 0, np.where(streak * way > 0, streak + way, way))
            wrong = np.abs(state.streak[row]) >= least
            for k in np.flatnonzero(wrong != state.told[row]).tolist():
                state.told[row[k]] = wrong[k]
                evidence = self._notice(batch, int(relevant[turn[k]]), bool(wrong[k]), world)
                if evidence is not None:
                    yield evidence

    def _notice(self, batch: Batch, i: int, wrong: bool, world: World) -> Evidence | None:
        device = world.registry.by_id(int(batch.device[i]))
        sensor_type = world.registry.sensor_type(batch.sensor_type)
        if device is None or sensor_type is None:
            return None
        p = world.parameters
        time = int(microseconds(batch.time)[i])
        seconds = round((time - int(microseconds(batch.received_at)[i])) / 1e6)
        zh, en = ("快", "ahead") if seconds > 0 else ("慢", "behind")
        if wrong:
            summary = Text(
                f"{device.name} 时钟{zh} {abs(seconds)} 秒，请校时",
                f"{device.name}: clock {abs(seconds)} s {en}; set it",
            )
        else:
            summary = Text(f"{device.name} 时钟已恢复", f"{device.name}: clock is right again")
        name = f"{batch.sensor_type}/{device.name}/clock"
        return Evidence(
            event="device_check",
            rule="D1.clock",
            witness=name,
            modality=sensor_type.family,
            sensor_type=batch.sensor_type,
            device=device.name,
            time=time,
            position=int(batch.position[i]),
            weight=6.2,
            summary=summary,
            holds=wrong,
            ended=None if wrong else time,
            level=Level.BLUE,
            lon=device.lon,
            lat=device.lat,
            subject=name,
            messages=int(p["clock_rows"]),
            facts=(
                Fact("clock_error_s", float(abs(seconds)), ">", p["clock_s"], "s", wrong),
                Fact("rows_in_a_row", p["clock_rows"] if wrong else 0.0, ">=", p["clock_rows"], "1", wrong),
            ),
            values={"seconds": seconds},
        )
