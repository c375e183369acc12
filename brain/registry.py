"""The registry: which sensor types and devices there are. A view in memory; what lasts is in the store.

Enters: sensor types and devices as read from the store, a city model or traffic. Leaves: look-ups by name and by the
small integer that stands for a device in batches. Ids of devices are dense, so scenes index arrays by them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from brain.model import Device, SensorType

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

__all__ = ["Registry"]


class Registry:
    """Sensor types by id; devices by (sensor type, name) and by id.

    Example:
        >>> r = Registry([], [])
        >>> r.add("gas-detector", "G1").device_id
        1
        >>> r.find("gas-detector", "G1").name
        'G1'
    """

    def __init__(self, sensor_types: Iterable[SensorType], devices: Iterable[Device]) -> None:
        self.sensor_types: dict[str, SensorType] = {}
        self._folded: dict[str, str] = {}
        self._by_id: list[Device | None] = [None]  # ids are dense and begin at 1
        self._ids: dict[str, dict[str, int]] = {}
        self._place: NDArray[np.float64] = np.full((16, 2), np.nan)
        self._exercise: NDArray[np.bool_] = np.zeros(16, bool)
        self.has_exercise = False
        self.top = 0
        self.revision = 0  # of the sensor types, as the store counts it
        self.puts: list[int] = []  # ids in the order they were put: who keeps tables by id learns here what is new
        for t in sensor_types:
            self.put_sensor_type(t)
        for d in devices:
            self.put(d)

    def put_sensor_type(self, sensor_type: SensorType) -> None:
        """Add or replace a sensor type."""
        self.sensor_types[sensor_type.id] = sensor_type
        self._folded[sensor_type.id.replace("_", "-")] = sensor_type.id

    def sensor_type(self, name: str) -> SensorType | None:
        """The sensor type of that id; ``-`` and ``_`` count as the same."""
        return self.sensor_types.get(name) or self.sensor_types.get(self._folded.get(name.replace("_", "-"), ""))

    def put(self, device: Device) -> None:
        """Add or replace a device under its id."""
        while len(self._by_id) <= device.device_id:
            self._by_id.append(None)
        self._by_id[device.device_id] = device
        self._ids.setdefault(device.sensor_type, {})[device.name] = device.device_id
        self.top = max(self.top, device.device_id)
        self.puts.append(device.device_id)
        if device.device_id + 1 >= len(self._place):  # the last entry stands for all ids beyond and stays empty
            grown = np.full((max(device.device_id + 2, 2 * len(self._place)), 2), np.nan)
            grown[: len(self._place)] = self._place
            self._place = grown
            self._exercise = np.concatenate([self._exercise, np.zeros(len(grown) - len(self._exercise), bool)])
        self._exercise[device.device_id] = device.is_exercise
        self.has_exercise |= device.is_exercise
        self._place[device.device_id] = (
            np.nan if device.lon is None else device.lon,
            np.nan if device.lat is None else device.lat,
        )

    def add(self, sensor_type: str, name: str, template: Device | None = None) -> Device:
        """The device of that name, made with the next id when it is new (for backtests; live, the store does it)."""
        known = self.find(sensor_type, name)
        if known is None:
            known = (
                replace(template, device_id=self.top + 1)
                if template is not None
                else Device(device_id=self.top + 1, sensor_type=sensor_type, name=name)
            )
            self.put(known)
        return known

    def find(self, sensor_type: str, name: str) -> Device | None:
        """The device of that name, or None."""
        known = self._ids.get(sensor_type)
        return None if known is None else self._by_id[known.get(name, 0)]

    def by_id(self, device_id: int) -> Device | None:
        """The device of that id, or None."""
        return self._by_id[device_id] if 0 <= device_id < len(self._by_id) else None

    def named(self, name: str) -> Device | None:
        """The first device of that name of any sensor type (``watches`` of a camera names no type)."""
        found = [t for t, ids in self._ids.items() if name in ids]
        return self.find(min(found), name) if found else None

    def ids(self, sensor_type: str) -> Mapping[str, int]:
        """Name to id of all devices of a sensor type; a live view."""
        return self._ids.setdefault(sensor_type, {})

    def places(self, device_ids: NDArray[np.int32]) -> NDArray[np.float64]:
        """Registered lon, lat; float64[n, 2], NaN where the device moves or is unknown."""
        out: NDArray[np.float64] = self._place.take(device_ids, axis=0, mode="clip")
        return out

    def in_exercise(self, device_ids: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these devices only play a part in a drill, bool[n]."""
        out: NDArray[np.bool_] = self._exercise.take(device_ids, mode="clip")
        return out

    def devices(self) -> list[Device]:
        """All devices, ordered by sensor type and name."""
        named = (self.find(t, n) for t in sorted(self._ids) for n in sorted(self._ids[t]))
        return [d for d in named if d is not None]
