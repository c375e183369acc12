"""What the registry says of devices, as arrays by device id: whole batches are looked up at once.

A cache of the registry, brought up to date by what was put into it since; the last entry of each array stands for all
ids beyond, which nobody knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

import numpy as np

from scenes.toolkit.quality import outside

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from brain.registry import Registry

__all__ = ["Roster", "roster_of"]

_ROOM: Final = 64


class Roster:
    """Devices of one registry.

    Attributes:
        known: Whether there is a device of that id.
        work_order: Whether it is under repair by the registry.
        spans: Field -> lower and upper end of the instrument's span, [ids, 2]; infinite where none is known. Only
            fields that some device has a span of.
    """

    def __init__(self) -> None:
        self._seen = 0
        self.known = np.zeros(_ROOM, bool)
        self.work_order = np.zeros(_ROOM, bool)
        self.has_work_orders = False
        self.spans: dict[str, NDArray[np.float64]] = {}

    def update(self, registry: Registry) -> None:
        """Take in what was put since."""
        puts = registry.puts
        if self._seen == len(puts):
            return
        if registry.top + 2 > len(self.known):
            size = max(registry.top + 2, 2 * len(self.known))
            self.known = _longer(self.known, size)
            self.work_order = _longer(self.work_order, size)
            self.spans = {k: _longer(v, size, (-np.inf, np.inf)) for k, v in self.spans.items()}
        for device_id in puts[self._seen :]:
            device = registry.by_id(device_id)
            if device is not None:
                self._put(device_id, device.extra)
        self._seen = len(puts)

    def _put(self, device_id: int, extra: Any) -> None:
        self.known[device_id] = True
        self.work_order[device_id] = has_order = bool(extra.get("work_order"))
        self.has_work_orders |= has_order
        spans = extra.get("span") or {}
        for name in [n for n in spans if n not in self.spans]:
            self.spans[name] = _longer(np.zeros((0, 2)), len(self.known), (-np.inf, np.inf))
        for name, ends in self.spans.items():
            ends[device_id] = spans.get(name, (-np.inf, np.inf))

    def are_known(self, device: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these ids are devices, bool[n]."""
        return self.known.take(device, mode="clip")

    def have_work_orders(self, device: NDArray[np.int32]) -> NDArray[np.bool_] | None:
        """Which of these are under repair, bool[n]; None while no device is."""
        return self.work_order.take(device, mode="clip") if self.has_work_orders else None

    def span(self, device: NDArray[np.int32], field: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Lower and upper end of the span of each of these devices, float64[n] each; None where no device has one."""
        ends = self.spans.get(field)
        if ends is None:
            return None
        mine = ends.take(device, axis=0, mode="clip")
        return mine[:, 0], mine[:, 1]

    def inside_span(self, device: NDArray[np.int32], field: str, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The values with NaN where one lies outside its instrument's span; the same array where none has a span."""
        ends = self.span(device, field)
        return values if ends is None else np.where(outside(values, *ends), np.nan, values)


def _longer(old: NDArray[Any], size: int, fill: Any = 0) -> NDArray[Any]:
    new = np.empty((size, *old.shape[1:]), old.dtype)
    new[:] = fill
    new[: len(old)] = old
    return new


_rosters: WeakKeyDictionary[Registry, Roster] = WeakKeyDictionary()  # a cache only


def roster_of(registry: Registry) -> Roster:
    """The roster of a registry, up to date."""
    roster = _rosters.get(registry)
    if roster is None:
        roster = _rosters[registry] = Roster()
    roster.update(registry)
    return roster
