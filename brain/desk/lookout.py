"""Who could confirm an incident: the nearest camera that watches the place, the nearest drone in the air. Pure.

Cameras are those of the city model, so that the answer does not depend on who was admitted when. A camera watches what
its ``watches`` names: a zone round the place, a site that reaches it, a device that bears witness or stands within
``WATCHED_M``; where none does, any within ``SEEN_M`` will do but those that look at one device (the inside of a lift).
Drones are known by their last rows, kept as columns; one that bears witness itself is no other eye and is left out.
Distances are straight lines. The numbers are our defaults.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from brain.city.index import METRES_PER_DEGREE
from brain.model import EXERCISE, Modality, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from brain.city import City, CityDevice
    from brain.city.index import CityIndex
    from brain.model import Batch
    from brain.registry import Registry
    from brain.scene_api import Evidence

__all__ = ["Fixes", "Lookout"]

WATCHED_M: Final = 50.0  # from a watched device to the place
SEEN_M: Final = 200.0  # from a camera that watches nothing near to the place
RECENT_US: Final = 60_000_000  # a drone that said nothing for longer may have landed
AIRBORNE_M: Final = 5.0  # above ground; where a drone does not say its height, its speed tells
MOVING_MS: Final = 2.0  # slower than this it hovers: it would come at its nominal speed
NOMINAL_MS: Final = 15.0  # of drones that the city model does not list, as there
_LON, _LAT, _HEIGHT, _SPEED = range(4)


@dataclass(slots=True)
class Fixes:
    """The last row of each drone, one column a drone; plain data that can be saved.

    Attributes:
        slots: Device id -> column.
        rows: float64[4, n]: lon, lat, metres above ground, metres a second; NaN where not said.
        received: int64[n], microseconds.
    """

    slots: dict[int, int] = field(default_factory=dict)
    rows: NDArray[np.float64] = field(default_factory=lambda: np.full((4, 8), np.nan))
    received: NDArray[np.int64] = field(default_factory=lambda: np.zeros(8, np.int64))

    def column(self, device_id: int) -> int:
        """The column of a device, a new one where it has none."""
        n = len(self.slots)
        if n == len(self.received) and device_id not in self.slots:
            self.rows = np.concatenate([self.rows, np.full((4, n), np.nan)], axis=1)
            self.received = np.concatenate([self.received, np.zeros(n, np.int64)])
        return self.slots.setdefault(device_id, n)


class _Cameras:
    """The cameras of a city with a known place or a known target, by what they watch."""

    def __init__(self, city: City, index: CityIndex, registry: Registry) -> None:
        self.all = [d for d in city.devices if _is_camera(d, registry)]
        self.of: dict[str, list[int]] = {}
        places, targets = [], []
        by_name = {d.id: d for d in reversed(city.devices)}
        for k, camera in enumerate(self.all):
            target = by_name.get(camera.watches or "")
            if camera.watches:
                self.of.setdefault(camera.watches, []).append(k)
            place = _place(camera) or (_place(target) if target is not None else None)
            site = index.sites.get(camera.watches or "")
            if place is None and site is not None:
                place = site.lon, site.lat
            places.append(place or (math.nan, math.nan))
            targets.append((target and _place(target)) or (math.nan, math.nan))
        self.place = np.array(places, np.float64).reshape(-1, 2)
        self.target = np.array(targets, np.float64).reshape(-1, 2)
        watches_device = np.array([(d.watches or "") in by_name for d in self.all], bool)
        self.is_free = np.array([_place(d) is not None for d in self.all], bool) & ~watches_device


def _is_camera(device: CityDevice, registry: Registry) -> bool:
    kind = registry.sensor_type(device.sensor_type)
    return kind is not None and kind.family is Modality.VIDEO


def _place(device: CityDevice) -> tuple[float, float] | None:
    return None if device.lon is None or device.lat is None else (device.lon, device.lat)


class Lookout:
    """Keeps where drones are and finds eyes for a place.

    Args:
        index: Of the city.
        registry: Tells which sensor types are drones and cameras, and names of devices.
    """

    def __init__(self, index: CityIndex, registry: Registry) -> None:
        self._index = index
        self._registry = registry
        self._cameras = _Cameras(index.city, index, registry)
        self._nominal = {d.id: d.speed_ms for d in index.city.ems.drones}
        self._column = np.empty(0, np.int32)  # device id -> column, -1 where none: a look-up made from the fixes
        self.fixes = Fixes()

    def restore(self, fixes: Fixes) -> None:
        """Go on from saved fixes."""
        self.fixes = fixes
        self._column = np.empty(0, np.int32)

    def follows(self, sensor_type: str) -> bool:
        """Whether rows of a sensor type tell where drones are: low altitude and moving."""
        kind = self._registry.sensor_type(sensor_type)
        return kind is not None and kind.moving and kind.family is Modality.LOW_ALTITUDE

    def see(self, batch: Batch) -> None:
        """Take in rows of drones, in order of position; those without a place say nothing."""
        lon, lat = batch["lon"], batch["lat"]
        said = np.flatnonzero(np.isfinite(lon) & np.isfinite(lat))
        if not len(said):
            return
        column = self._columns_of(batch.device[said])
        nothing = np.full(len(batch), np.nan)
        columns = (lon, lat, batch["height_m"], batch.columns.get("speed_ms", nothing))
        for row, values in zip(self.fixes.rows, columns, strict=True):
            row[column] = values[said]  # of several rows of one drone the last one stays
        self.fixes.received[column] = microseconds(batch.received_at)[said]

    def _columns_of(self, device: NDArray[np.int32]) -> NDArray[np.int32]:
        top = int(device.max())
        if top >= len(self._column):
            table = np.full(max(top + 1, 2 * len(self._column)), -1, np.int32)
            for device_id, slot in self.fixes.slots.items():
                if device_id < len(table):
                    table[device_id] = slot
            self._column = table
        found: NDArray[np.int32] = self._column[device]
        if (found < 0).any():
            for device_id in device[found < 0].tolist():
                self._column[device_id] = self.fixes.column(device_id)
            found = self._column[device]
        return found

    def eyes(
        self,
        lon: float | None,
        lat: float | None,
        witnesses: Iterable[Evidence],
        at: int,
        *,
        is_exercise: bool = False,
    ) -> dict[str, Any]:
        """``verify`` of a plan: who could look at a place at a time of receipt (microseconds).

        In a drill the drones of the drill; real ones are never sent there, and never the other way round.

        Example:
            >>> from brain.city import City
            >>> from brain.city.index import CityIndex
            >>> from brain.registry import Registry
            >>> Lookout(CityIndex(City()), Registry([], [])).eyes(120.0, 36.0, (), 0)
            {'camera': None, 'drone': None}
        """
        seen_by = {(e.sensor_type, e.device) for e in witnesses}
        drone = None if lon is None or lat is None else self._drone(lon, lat, seen_by, at, is_exercise=is_exercise)
        return {
            "camera": self._camera(lon, lat, seen_by) if self._cameras.all else None,
            "drone": drone,
        }

    def _camera(self, lon: float | None, lat: float | None, seen_by: set[tuple[str, str]]) -> dict[str, Any] | None:
        cameras = self._cameras
        names = {name for _, name in seen_by}
        names |= {d.site for d in (self._registry.find(*w) for w in seen_by) if d is not None and d.site is not None}
        far = np.full(len(cameras.all), np.nan)
        near: list[int] = []
        if lon is not None and lat is not None:
            far = _distances(cameras.place, lon, lat)
            near = np.flatnonzero(_distances(cameras.target, lon, lat) <= WATCHED_M).tolist()
            if cameras.of:
                names |= {z.id for z in self._index.zones_at(lon, lat)} | {s.id for s in self._index.sites_at(lon, lat)}
        chosen = sorted({*near, *(k for name in names for k in cameras.of.get(name, ()))})
        if not chosen:
            chosen = np.flatnonzero(cameras.is_free & (far <= SEEN_M)).tolist()
        best = min(((_least(far[k]), cameras.all[k].id) for k in chosen), default=None)
        if best is None:
            return None
        return {"device": best[1], "distance_m": None if math.isinf(best[0]) else round(best[0], 1)}

    def _drone(
        self, lon: float, lat: float, seen_by: set[tuple[str, str]], at: int, *, is_exercise: bool
    ) -> dict[str, Any] | None:
        n = len(self.fixes.slots)
        if not n:
            return None
        rows = self.fixes.rows[:, :n]
        height, speed = rows[_HEIGHT], rows[_SPEED]
        flies = np.where(np.isnan(height), np.isnan(speed) | (speed >= MOVING_MS), height >= AIRBORNE_M)
        recent = np.flatnonzero(flies & (at - self.fixes.received[:n] <= RECENT_US))
        far = _distances(rows[:2].T, lon, lat)
        ids = list(self.fixes.slots)
        best: tuple[float, str, int] | None = None
        for k in recent[np.argsort(far[recent], kind="stable")].tolist():
            if best is not None and far[k] > best[0]:
                break
            device = self._registry.by_id(ids[k])
            if device is None or device.is_exercise is not is_exercise:
                continue
            if (device.sensor_type, device.name.removeprefix(EXERCISE)) in seen_by:
                continue
            best = min(best or (math.inf, "", k), (float(far[k]), device.name, k))
        if best is None:
            return None
        distance, name, k = best
        pace = float(speed[k]) if speed[k] >= MOVING_MS else self._nominal.get(name.removeprefix(EXERCISE), NOMINAL_MS)
        return {"device": name, "distance_m": round(distance, 1), "eta_s": round(distance / pace, 1)}


def _least(value: float) -> float:
    """A distance to compare by: what has no place comes last."""
    return math.inf if math.isnan(value) else float(value)


def _distances(places: NDArray[np.float64], lon: float, lat: float) -> NDArray[np.float64]:
    """Metres from places (float64[n, 2], lon and lat) to one, as ``brain.city.index.distance_m``; NaN stays."""
    east = (places[:, 0] - lon) * np.cos(np.radians((places[:, 1] + lat) / 2))
    out: NDArray[np.float64] = np.hypot(east, places[:, 1] - lat) * METRES_PER_DEGREE
    return out
