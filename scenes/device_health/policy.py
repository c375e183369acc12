"""Device faults go to those who look after the device, never to departments; one notice a device and fault."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from brain.model import LEVELS, Level, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.toolkit.places import name_of, site_of

if TYPE_CHECKING:
    from brain.scene_api import View, World

__all__ = ["DeviceCheck", "DeviceFault"]


class _Notice(Policy):
    gate: ClassVar[Gate] = Gate(-1.0, 600.0)  # by subject only: this device, this fault
    hold_s: ClassVar[float] = 300.0
    reopen_s: ClassVar[float] = 3600.0
    fused: ClassVar[bool] = False
    periodic_s: ClassVar[float] = 0.0
    verifiable: ClassVar[bool] = False
    title: ClassVar[Text]
    steps: ClassVar[tuple[Text, ...]]

    def assess(self, view: View, world: World) -> Assessment:
        """Blue, or as its highest line says; the words are the witness's own."""
        line = view.witnesses[-1]
        level = max((w.level for w in view.witnesses if w.level is not None), key=LEVELS.index, default=Level.BLUE)
        device = world.registry.find(line.sensor_type, line.device)
        site = site_of(world.city, device, line.lon, line.lat)
        place = name_of(site, "")
        return Assessment(
            level=level,
            lon=line.lon,
            lat=line.lat,
            plan={"device": line.device, "sensor_type": line.sensor_type, "fault": line.rule},
            headline=Text(
                f"{self.title.zh}：{place.zh}{' ' if place.zh else ''}{line.summary.zh}",
                f"{self.title.en}: {place.en}{', ' if place.en else ''}{line.summary.en}",
            ),
            actions=self.steps,
        )


class DeviceFault(_Notice):
    """A device that certainly does not work."""

    event: ClassVar[str] = "device_fault"
    title: ClassVar[Text] = Text("设备故障", "Device fault")
    steps: ClassVar[tuple[Text, ...]] = (
        Text("维保单位到场检修或更换", "Maintenance company repairs or replaces it"),
        Text("检修期间将设备置为维护状态", "Set it to maintenance while it is worked on"),
        Text("现场用便携设备代替监测", "Watch the place with a portable instrument meanwhile"),
    )


class DeviceCheck(_Notice):
    """A device whose word is doubted: to be verified on the spot."""

    event: ClassVar[str] = "device_check"
    title: ClassVar[Text] = Text("待核实", "To be verified")
    steps: ClassVar[tuple[Text, ...]] = (
        Text("责任单位立即到现场核实读数", "Site operator verifies the reading on the spot at once"),
        Text("核实为真即按处置流程执行并上报", "If it is real, follow the procedure and report"),
        Text("核实为误报则置维护状态并报修", "If it is not, set it to maintenance and order a repair"),
    )
