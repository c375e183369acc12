"""What is usual for a detector at a time of day: the city's baselines, and how far a value is from them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from scenes.toolkit.baseline import Usual

if TYPE_CHECKING:
    from brain.city import Baseline, City

__all__ = ["Profiles", "profiles_of"]

KEPT: Final = 20_000
_DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Profiles:
    """Baselines of a city by device and field; the most particular one that holds at a time counts.

    Args:
        city: The city model.
        floor: Least spread, as a share of the median.
    """

    def __init__(self, city: City, floor: float) -> None:
        self.city = city
        self.floor = floor
        self._zone = ZoneInfo(city.timezone)
        self._known: dict[tuple[str, str, int], Usual | None] = {}  # a cache only: times of baselines are whole minutes
        self._by: dict[tuple[str, str], list[Baseline]] = {}
        for b in city.baselines:
            self._by.setdefault((b.device, b.field), []).append(b)
        for found in self._by.values():  # stable: of equals the first of the model
            found.sort(key=lambda b: -((b.from_ is not None) + (b.days is not None)))

    def at(self, device: str, field: str, time: int) -> Baseline | None:
        """The baseline of a device's field at a time (microseconds), or None."""
        found = self._by.get((device, field))
        if not found:
            return None
        local = datetime.fromtimestamp(time // 1_000_000, UTC).astimezone(self._zone)
        return next((b for b in found if _holds(b, local)), None)

    def usual(self, device: str, field: str, time: int) -> Usual | None:
        """Median and spread of a device's field at a time (microseconds), or None."""
        if (device, field) not in self._by:
            return None
        key = device, field, time // 60_000_000
        if key not in self._known:
            if len(self._known) >= KEPT:
                self._known.clear()
            b = self.at(device, field, time)
            self._known[key] = None if b is None else Usual(b.median, max(1.4826 * b.mad, self.floor * abs(b.median)))
        return self._known[key]

    def devices(self, *fields: str) -> list[str]:
        """Devices with a baseline of one of these fields."""
        return sorted({device for device, field in self._by if field in fields})


def _holds(b: Baseline, local: datetime) -> bool:
    clock, day = f"{local:%H:%M}", local.weekday()
    start, end = b.from_ or "00:00", b.to or "24:00"
    over_midnight = start > end
    if over_midnight:
        if not (clock >= start or clock < end):
            return False
        if clock < end:  # the part after midnight belongs to the day it began on
            day = (day - 1) % 7
    elif not start <= clock < end:
        return False
    return b.days is None or _DAYS[day] in b.days


_PROFILES: OrderedDict[tuple[int, float], Profiles] = OrderedDict()


def profiles_of(city: City, floor: float) -> Profiles:
    """The profiles of a city object, sorted once."""
    known = _PROFILES.get((id(city), floor))
    if known is None or known.city is not city:
        known = _PROFILES[id(city), floor] = Profiles(city, floor)
        while len(_PROFILES) > 4:
            _PROFILES.popitem(last=False)
    return known
