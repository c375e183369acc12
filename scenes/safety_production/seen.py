"""Rows of cameras, drones, smoke detectors and calls that matter here, as plain numbers in order of receipt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from brain.model import microseconds
from scenes.safety_production.people import BREACHES
from scenes.safety_production.reading import BAD_STATUS
from scenes.toolkit.places import index_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from brain.city.index import CityIndex
    from brain.model import Batch, Device
    from brain.scene_api import World
    from scenes.safety_production.state import SafetyState

__all__ = ["GAS_CALLS", "Seen", "call_rows", "heat_rows", "methane_rows", "smoke_rows", "video_rows"]

SIGHTS: Final = frozenset({"smoke", "flame"})
PEOPLE: Final = frozenset({"person_present", "fall", "crowd_count"})
_WATCHED: Final = SIGHTS | PEOPLE | BREACHES.keys()
GAS_CALLS: Final = ("gas_smell", "gas_leak")
FIRE_CALLS: Final = ("fire", "smoke", "flame", "explosion")


class Seen(NamedTuple):
    """A row that matters.

    Attributes:
        lon, lat: NaN where nobody knows.
        value: Confidence; ppm.m over background; kelvin over ambient; 1 or 0 for a smoke detector in alarm or not.
        kind: Event of a camera, complaint of a call, else ``methane``, ``heat`` or ``smoke_detector``.
        track: Of a camera; the call of a call.
        sure: Of a camera: its confidence is high enough.
        own_place: The message says itself where it is; else it has the place of its camera or site.
    """

    device: Device
    time: int
    received: int
    position: int
    lon: float
    lat: float
    value: float
    kind: str = ""
    track: str = ""
    zone: str = ""
    number: float = math.nan
    snapshot: str | None = None
    own_place: bool = False
    sure: bool = True


def _rows(
    batch: Batch, index: NDArray[np.intp], value: NDArray[np.float64], kind: str, world: World
) -> Iterator[tuple[int, Seen]]:
    if not len(index):
        return
    time, received = microseconds(batch.time), microseconds(batch.received_at)
    place = world.registry.places(batch.device)
    status = batch["status"]
    for i in index.tolist():
        device = world.registry.by_id(int(batch.device[i]))
        if device is None or status[i] in BAD_STATUS or device.extra.get("work_order"):
            continue
        lon, lat = float(batch["lon"][i]), float(batch["lat"][i])
        own = math.isfinite(lon) and math.isfinite(lat) and (lon, lat) != (float(place[i, 0]), float(place[i, 1]))
        if math.isnan(lon) or math.isnan(lat):
            lon, lat = float(place[i, 0]), float(place[i, 1])
        if math.isnan(lon) or math.isnan(lat):
            lon, lat = _watched(index_of(world.city), device)
        yield (
            i,
            Seen(
                device, int(time[i]), int(received[i]), int(batch.position[i]), lon, lat, float(value[i]), kind,
                own_place=own,
            ),
        )  # fmt: skip


def _watched(index: CityIndex, device: Device) -> tuple[float, float]:
    """The site a camera looks at stands for a camera without a place."""
    site = index.sites.get(str(device.extra.get("watches"))) or index.sites.get(str(device.site))
    return (math.nan, math.nan) if site is None else (site.lon, site.lat)


def video_rows(batch: Batch, world: World) -> Iterator[Seen]:
    """Rows of smoke and flame, of people, and of what people do wrong; doubtful ones too, since they break a run."""
    events = batch["event"].tolist()
    if _WATCHED.isdisjoint(events):
        return
    mine = np.array([e in _WATCHED for e in events], bool)
    sure = batch["confidence"] >= world.parameters["video_confidence"]
    mine &= sure | ~np.array([e in PEOPLE for e in events], bool)
    for i, seen in _rows(batch, np.flatnonzero(mine), batch["confidence"], "", world):
        zone = str(batch["zone"][i] or "")
        yield seen._replace(
            kind=str(events[i]),
            track=str(batch["track"][i] or ""),
            zone=zone,
            number=float(batch["count"][i]),
            snapshot=batch["snapshot_url"][i],
            sure=bool(sure[i]),
        )


def call_rows(batch: Batch, world: World) -> Iterator[Seen]:
    """Calls that tell of gas or fire; ``track`` is the call."""
    complaints = batch["complaint"]
    wanted = (*GAS_CALLS, *FIRE_CALLS)
    index = np.flatnonzero(np.array([c in wanted for c in complaints.tolist()], bool))
    for i, seen in _rows(batch, index, np.zeros(len(batch)), "", world):
        call = batch["call_id"][i] or batch["id"][i] or f"{seen.device.name}/{seen.time}"
        yield seen._replace(kind=str(complaints[i]), track=str(call))


def methane_rows(batch: Batch, state: SafetyState, world: World) -> Iterator[Seen]:
    """Rows of methane that start a finding, and all measuring rows of drones that have one or get one here."""
    methane, background = batch["methane_ppm_m"], batch["methane_background_ppm_m"]
    over = methane - np.where(np.isnan(background), 0.0, background)
    strong = over >= world.parameters["drone_over_ppm_m"]
    if not state.whiffs and not strong.any():
        return
    at_it = np.isin(batch.device, list(state.whiffs)) | np.isin(batch.device, batch.device[strong])
    for _, seen in _rows(batch, np.flatnonzero(at_it & np.isfinite(over)), over, "methane", world):
        yield seen


def heat_rows(batch: Batch, state: SafetyState, world: World) -> Iterator[Seen]:
    """Rows of heat far over ambient, and all measuring rows of drones that see such or begin to here.

    A drone that does not tell the ambient temperature is judged against a usual one.
    """
    hot, ambient = batch["thermal_max_c"], batch["ambient_c"]
    over = hot - np.where(np.isnan(ambient), world.parameters["usual_air_c"], ambient)
    strong = over >= world.parameters["thermal_over_c"]
    if not state.heats and not strong.any():
        return
    at_it = np.isin(batch.device, list(state.heats)) | np.isin(batch.device, batch.device[strong])
    for _, seen in _rows(batch, np.flatnonzero(at_it & np.isfinite(over)), over, "heat", world):
        yield seen


def smoke_rows(batch: Batch, state: SafetyState, world: World) -> Iterator[Seen]:
    """Smoke detectors in alarm, or thick with smoke, and all rows of those that were."""
    smoke, alarm = batch["smoke_pct"], batch["alarm"]
    on = (alarm > 0) | (smoke >= world.parameters["smoke_alarm_pct"])
    if not state.alarms and not on.any():
        return
    at_it = np.isin(batch.device, list(state.alarms)) | np.isin(batch.device, batch.device[on])
    known = np.isfinite(smoke) | np.isfinite(alarm)
    for _, seen in _rows(batch, np.flatnonzero(at_it & known), on.astype(np.float64), "smoke_detector", world):
        yield seen
