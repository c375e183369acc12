"""Exercises beside real traffic: the devices of a drill under their plain names, as the scenes of the drill see them.

A device of an exercise is known by its id alone: ``exercise:G1`` plays the part of ``G1``. Its rows are stored like all
others, and judged by seats of their own with states of their own, to whom it is ``G1``, at the place and with the
instrument of the real one; so neither side ever hears of the other.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from brain.model import EXERCISE
from brain.registry import Registry

if TYPE_CHECKING:
    from brain.model import Device

__all__ = ["ExerciseRegistry"]


class ExerciseRegistry(Registry):
    """A view of a registry: only devices of the exercise, named as the real ones whose part they play.

    Args:
        real: Whose exercise it is; ids are the same in both.

    Example:
        >>> real = Registry([], [])
        >>> _ = real.add("gas-detector", "exercise:G1")
        >>> ExerciseRegistry(real).find("gas-detector", "G1").device_id
        1
    """

    def __init__(self, real: Registry) -> None:
        super().__init__((), ())
        self.sensor_types, self._folded = real.sensor_types, real._folded  # noqa: SLF001 - a view of it, always current
        self._real = real
        self._read = 0
        self.follow()

    def follow(self) -> None:
        """Take in what was put into the real registry since."""
        puts = self._real.puts
        for device_id in puts[self._read :]:
            device = self._real.by_id(device_id)
            if device is None:
                continue
            if device.is_exercise:
                self._play(device)
            elif (player := self._real.find(device.sensor_type, EXERCISE + device.name)) is not None:
                self._play(player)
        self._read = len(puts)

    def _play(self, device: Device) -> None:
        name = device.name.removeprefix(EXERCISE)
        part = self._real.find(device.sensor_type, name)
        if part is not None and device.lon is None:
            device = replace(device, lon=part.lon, lat=part.lat, site=part.site, extra=part.extra)
        # Nobody repairs what does not exist: it may fall silent, as all that is simulated.
        self.put(replace(device, name=name, simulated=True))
