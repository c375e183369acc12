"""The evidence of device health: one line a device and kind of fault, for those who look after the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from brain.model import Level, Modality, Text
from brain.scene_api import Evidence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.model import Device
    from brain.scene_api import Fact, World

__all__ = ["notice"]

WEIGHT = 6.2  # notices are not fused; the number only stands in the log


def notice(
    event: str,
    rule: str,
    kind: str,
    device: Device,
    time: int,
    position: int,
    summary: Text,
    facts: tuple[Fact, ...],
    world: World,
    *,
    holds: bool,
    messages: int = 1,
    level: Level = Level.BLUE,
    values: Mapping[str, Any] | None = None,
    subject: str | None = None,
) -> Evidence:
    """One notice.

    Args:
        event: ``device_fault`` or ``device_check``.
        rule: Name of the rule, like ``D2.offline``.
        kind: Of the fault: with the device it makes the witness.
        device: What it is about.
        time: Event time, microseconds.
        position: Of the row, -1 at a mark.
        summary: For people.
        facts: Values against thresholds.
        world: For the sensor type.
        holds: False when it is over.
        messages: Rows of the finding so far.
        level: Blue, or yellow where nothing else watches a dangerous place.
        values: For the policy.
        subject: What several witnesses speak of together, with the device; None: of ``kind`` alone.
    """
    sensor_type = world.registry.sensor_type(device.sensor_type)
    name = f"{device.sensor_type}/{device.name}/{kind}"
    return Evidence(
        event=event,
        rule=rule,
        witness=name,
        modality=Modality.METER if sensor_type is None else sensor_type.family,
        sensor_type=device.sensor_type,
        device=device.name,
        time=time,
        position=position,
        weight=WEIGHT,
        summary=summary,
        holds=holds,
        ended=None if holds else time,
        level=level,
        lon=device.lon,
        lat=device.lat,
        subject=name if subject is None else f"{device.sensor_type}/{device.name}/{subject}",
        messages=messages,
        facts=facts,
        values=values or {},
    )
