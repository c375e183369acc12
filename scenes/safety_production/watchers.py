"""Second witnesses: smoke and flame on video, methane under drones. Each fills a finding and ends it by silence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from brain.model import microseconds
from scenes.safety_production.reading import BAD_STATUS
from scenes.safety_production.state import Sight, Whiff
from scenes.safety_production.statements import seen_line, smelt_line
from scenes.toolkit.places import index_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from brain.city.index import CityIndex
    from brain.model import Batch, Device
    from brain.scene_api import Evidence, World
    from scenes.safety_production.state import SafetyState

__all__ = ["KINDS", "Seen", "call_rows", "drone_rows", "fall_silent", "look", "next_silence", "smell", "video_rows"]

KINDS = frozenset({"smoke", "flame"})
COMPLAINTS = ("gas_smell", "gas_leak")
MOST_TRACKS = 32


class Seen(NamedTuple):
    """A row of a camera or drone that matters, as plain numbers; ``value`` is confidence, or ppm.m over background."""

    device: Device
    time: int
    received: int
    position: int
    lon: float
    lat: float
    value: float
    kind: str = ""
    track: str = ""


def _rows(batch: Batch, index: NDArray[np.intp], value: NDArray[np.float64], world: World) -> Iterator[Seen]:
    if not len(index):
        return
    time, received = microseconds(batch.time), microseconds(batch.received_at)
    place = world.registry.places(batch.device)
    status = batch["status"]
    for i in index.tolist():
        device = world.registry.by_id(int(batch.device[i]))
        if device is None or status[i] in BAD_STATUS:
            continue
        lon, lat = float(batch["lon"][i]), float(batch["lat"][i])
        if math.isnan(lon) or math.isnan(lat):
            lon, lat = float(place[i, 0]), float(place[i, 1])
        if math.isnan(lon) or math.isnan(lat):
            lon, lat = _watched(index_of(world.city), device)
        yield Seen(device, int(time[i]), int(received[i]), int(batch.position[i]), lon, lat, float(value[i]))


def _watched(index: CityIndex, device: Device) -> tuple[float, float]:
    """The site a camera looks at stands for a camera without a place."""
    site = index.sites.get(str(device.extra.get("watches"))) or index.sites.get(str(device.site))
    return (math.nan, math.nan) if site is None else (site.lon, site.lat)


def video_rows(batch: Batch, world: World) -> Iterator[Seen]:
    """Confident rows of smoke and flame."""
    events = batch["event"].tolist()
    if KINDS.isdisjoint(events):
        return
    mine = np.array([e in KINDS for e in events], bool)
    mine &= batch["confidence"] >= world.parameters["video_confidence"]
    index = np.flatnonzero(mine)
    by_position = {int(batch.position[i]): i for i in index.tolist()}
    for seen in _rows(batch, index, batch["confidence"], world):
        i = by_position[seen.position]
        track = batch["track"][i] or batch["zone"][i] or ""
        yield seen._replace(kind=str(events[i]), track=str(track))


def look(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take a confident row of smoke or flame; a statement once a track was seen long enough."""
    p = world.parameters
    sight = state.sights.setdefault((seen.device.device_id, seen.kind), Sight())
    first, last = sight.tracks.get(seen.track, (seen.time, seen.time))
    if seen.time - last > p["video_gap_s"] * 1e6 or first - seen.time > p["video_gap_s"] * 1e6:
        first, last = seen.time, seen.time
    first, last = min(first, seen.time), max(last, seen.time)
    if len(sight.tracks) > MOST_TRACKS:  # the tracker of a camera counts on for ever
        sight.tracks = {k: v for k, v in sight.tracks.items() if sight.last - v[1] <= p["video_gap_s"] * 1e6}
    sight.tracks[seen.track] = first, last
    sight.last, sight.received = max(sight.last, seen.time), seen.received
    sight.count += 1
    sight.confidence = max(sight.confidence, seen.value)
    if not math.isnan(seen.lon):
        sight.lon, sight.lat = seen.lon, seen.lat
    sight.seconds = max(sight.seconds, (last - first) / 1e6)
    sight.confirmed |= last - first >= p["video_seconds"] * 1e6
    if sight.confirmed:
        yield from seen_line(sight, seen.kind, seen.device, seen.position, world, holds=True)


def call_rows(batch: Batch, world: World) -> Iterator[Seen]:
    """Calls that tell of gas; ``track`` is the call."""
    complaints = batch["complaint"]
    index = np.flatnonzero(np.array([c in COMPLAINTS for c in complaints.tolist()], bool))
    by_position = {int(batch.position[i]): i for i in index.tolist()}
    for seen in _rows(batch, index, np.zeros(len(batch)), world):
        i = by_position[seen.position]
        call = batch["call_id"][i] or batch["id"][i] or f"{seen.device.name}/{seen.time}"
        yield seen._replace(kind=str(complaints[i]), track=str(call))


def drone_rows(batch: Batch, state: SafetyState, world: World) -> Iterator[Seen]:
    """Rows of methane that start a finding, and all measuring rows of drones that have one or get one here."""
    methane, background = batch["methane_ppm_m"], batch["methane_background_ppm_m"]
    over = methane - np.where(np.isnan(background), 0.0, background)
    strong = over >= world.parameters["drone_over_ppm_m"]
    if not state.whiffs and not strong.any():
        return
    at_it = np.isin(batch.device, list(state.whiffs)) | np.isin(batch.device, batch.device[strong])
    yield from _rows(batch, np.flatnonzero(at_it & np.isfinite(over)), over, world)


def smell(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take a measurement of a drone: begins, carries on or ends its finding."""
    p = world.parameters
    whiff = state.whiffs.get(seen.device.device_id)
    strong = seen.value >= p["drone_over_ppm_m"] and not math.isnan(seen.lon)
    if whiff is not None and (seen.value < p["drone_over_ppm_m"] * p["drone_exit_share"]):
        del state.whiffs[seen.device.device_id]
        whiff.last = max(whiff.last, seen.time)
        yield from smelt_line(whiff, seen.device, seen.position, world, holds=False)
        return
    if whiff is None:
        if not strong:
            return
        whiff = state.whiffs[seen.device.device_id] = Whiff(seen.value, seen.lon, seen.lat, seen.time, seen.received)
    else:
        whiff.count += 1
        whiff.last, whiff.received = max(whiff.last, seen.time), seen.received
        if seen.value > whiff.peak and not math.isnan(seen.lon):
            whiff.peak, whiff.lon, whiff.lat = seen.value, seen.lon, seen.lat
    yield from smelt_line(whiff, seen.device, seen.position, world, holds=True)


def next_silence(state: SafetyState, world: World) -> int | None:
    """When the next finding may have fallen silent, microseconds of receipt; None for none."""
    p = world.parameters
    times = [s.received + int(p["video_silence_s"] * 1e6) for s in state.sights.values()]
    times += [w.received + int(p["drone_silence_s"] * 1e6) for w in state.whiffs.values()]
    return min(times, default=None)


def fall_silent(state: SafetyState, at: int, world: World) -> Iterator[Evidence]:
    """End what nobody has spoken of for long, at a mark."""
    p = world.parameters
    for key, sight in list(state.sights.items()):
        if at - sight.received >= p["video_silence_s"] * 1e6:
            del state.sights[key]
            device = world.registry.by_id(key[0])
            if sight.confirmed and device is not None:
                yield from seen_line(sight, key[1], device, -1, world, holds=False)
    for device_id, whiff in list(state.whiffs.items()):
        if at - whiff.received >= p["drone_silence_s"] * 1e6:
            del state.whiffs[device_id]
            device = world.registry.by_id(device_id)
            if device is not None:
                yield from smelt_line(whiff, device, -1, world, holds=False)
