"""Device health: clocks, heartbeats, readings that cannot be. Other scenes speak of faults they find themselves.

Every notice goes to those who look after the device, one a device and kind of fault, whoever found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from brain.city.index import distance_m
from brain.model import Piece, Text
from brain.scene_api import Bulletin, Evidence, Fact, Interest, Mark, Parameter, Policy, Reasoning, Scene, World
from scenes.device_health.clock import judge_clocks
from scenes.device_health.parameters import PARAMETERS
from scenes.device_health.policy import DeviceCheck, DeviceFault
from scenes.device_health.readings import FIELDS, judge_status, judge_values
from scenes.device_health.silence import HEARTBEAT, hear, look_for_silence
from scenes.device_health.state import HealthState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DeviceHealth", "HealthState"]

SENSOR_TYPES = (
    *("gas-detector", "water-meter", "gas-meter", "heat-meter", "power-meter", "heat-station", "hydrant"),
    *("water-level", "rain-gauge", "smoke-detector", "elevator", "parking-lot", "weather", "traffic-detector"),
    *("vehicle", "ambulance", "drone", "video-event", "emergency-call", "hospital-status", "road-status"),
)


class DeviceHealth(Scene[HealthState]):
    """Wrong clocks (D1), lost heartbeats (D2), impossible readings (D3 to D6), devices that say so themselves (D7)."""

    name: ClassVar[str] = "device_health"
    version: ClassVar[str] = "3"
    title: ClassVar[Text] = Text("设备健康", "Device health")
    interests: ClassVar[tuple[Interest, ...]] = tuple(
        Interest(t, ("status", *FIELDS.get(t, ())), late=True) for t in SENSOR_TYPES
    )
    policies: ClassVar[tuple[Policy, ...]] = (DeviceFault(), DeviceCheck())
    parameters: ClassVar[Mapping[str, Parameter]] = PARAMETERS
    state_type: ClassVar[type[HealthState]] = HealthState

    def initial(self, world: World) -> HealthState:
        """Nothing heard yet."""
        return HealthState()

    def due(self, state: HealthState, world: World) -> int | None:
        """Marks look for silence, at most a minute apart."""
        return state.check_at

    def step(self, state: HealthState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """See the module."""
        if isinstance(feed, Mark):
            yield from look_for_silence(state, feed.at, world)
            return
        if isinstance(feed, Bulletin):
            return
        for batch in feed.batches.values():
            if not len(batch):
                continue
            yield from judge_clocks(state.clock, batch, world)
            if batch.sensor_type in HEARTBEAT:
                yield from hear(state, batch, world)
            yield from judge_status(state, batch, world)
            if batch.sensor_type in FIELDS:
                yield from judge_values(state, batch, world)

    def explain(self, state: HealthState, lon: float, lat: float, radius_m: float, world: World) -> Iterable[Reasoning]:
        """Heartbeat and flat line of the devices round a place, as they stand after their last row."""
        p = world.parameters
        beats = state.beats
        wait = beats.wait_s(p["offline_s"], p["offline_periods"], int(p["offline_intervals"]))
        for row in range(beats.slots.used):
            device = world.registry.by_id(int(beats.slots.device[row]))
            if device is None or device.lon is None or device.lat is None:
                continue
            if distance_m(lon, lat, device.lon, device.lat) > radius_m:
                continue
            name = f"{device.sensor_type}/{device.name}"
            known = Fact(
                "intervals_seen", float(beats.seen[row]), ">=", p["offline_intervals"], "1", bool(wait[row] > 0)
            )
            lost = Fact("offline", str(bool(beats.lost[row])).lower(), "==", "true", "1", bool(beats.lost[row]))
            yield Reasoning("D2.offline", name, (known, lost))
            for field_name in FIELDS.get(device.sensor_type, ()):
                measured = state.measured.get(f"{device.sensor_type}/{field_name}")
                if measured is None or device.device_id >= len(measured.slots.row):
                    continue
                k = int(measured.slots.row[device.device_id])
                if k >= 0:
                    seconds, limit = measured.series.flat_seconds(k), 2 * p["flat_s"]
                    samples, least = float(measured.series.flat_samples[k]), p["flat_samples"]
                    facts = (
                        Fact("unmoved_s", round(seconds, 3), ">=", limit, "s", seconds >= limit),
                        Fact("unmoved_samples", samples, ">=", least, "1", samples >= least),
                    )
                    yield Reasoning(f"D4.flat_line.{field_name}", name, facts)
