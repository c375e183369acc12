"""Second witnesses: methane and heat under drones, smoke detectors. Each fills a finding; silence ends all of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from brain.city.index import distance_m
from scenes.safety_production.airspace import end_flights, next_landing
from scenes.safety_production.fire import end_sight
from scenes.safety_production.people import end_breaches, next_absence
from scenes.safety_production.state import Heat, SmokeAlarm, Whiff
from scenes.safety_production.statements import alarm_line, heat_line, smelt_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import Evidence, World
    from scenes.safety_production.seen import Seen
    from scenes.safety_production.state import SafetyState

__all__ = ["fall_silent", "feel", "next_silence", "smell", "sniff"]


def smell(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take methane under a drone: begins, carries on or ends its finding."""
    p = world.parameters
    whiff = state.whiffs.get(seen.device.device_id)
    strong = seen.value >= p["drone_over_ppm_m"] and not math.isnan(seen.lon)
    if whiff is not None and seen.value < p["drone_over_ppm_m"] * p["drone_exit_share"]:
        if seen.time < whiff.last:
            return  # a late row from before it was there
        del state.whiffs[seen.device.device_id]
        whiff.last = max(whiff.last, seen.time)
        yield from smelt_line(whiff, seen.device, seen.position, world, holds=False)
        return
    reason = None
    if whiff is None:
        if not strong:
            return
        whiff = state.whiffs[seen.device.device_id] = Whiff(
            seen.value, seen.lon, seen.lat, seen.time, seen.time, seen.received
        )
        whiff.said = seen.lon, seen.lat
    else:
        whiff.count += 1
        whiff.last, whiff.received = max(whiff.last, seen.time), seen.received
        if seen.value > whiff.peak and not math.isnan(seen.lon):
            whiff.peak, whiff.lon, whiff.lat = seen.value, seen.lon, seen.lat
            if whiff.said is None or distance_m(*whiff.said, seen.lon, seen.lat) >= p["located_moved_m"]:
                whiff.said, reason = (seen.lon, seen.lat), "located"
    yield from smelt_line(whiff, seen.device, seen.position, world, holds=True, reason=reason)


def feel(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take heat under a drone: begins, carries on or ends its finding."""
    p = world.parameters
    heat = state.heats.get(seen.device.device_id)
    if heat is not None and seen.value < p["thermal_over_c"] * p["thermal_exit_share"]:
        if seen.time < heat.last:
            return  # a late row from before it was there
        del state.heats[seen.device.device_id]
        heat.last = max(heat.last, seen.time)
        yield heat_line(heat, seen.device, seen.position, world, holds=False)
        return
    if heat is None:
        if seen.value < p["thermal_over_c"] or math.isnan(seen.lon):
            return
        heat = state.heats[seen.device.device_id] = Heat(
            seen.value, seen.lon, seen.lat, seen.time, seen.time, seen.received
        )
    else:
        heat.count += 1
        heat.last, heat.received = max(heat.last, seen.time), seen.received
        if seen.value > heat.peak and not math.isnan(seen.lon):
            heat.peak, heat.lon, heat.lat = seen.value, seen.lon, seen.lat
    yield heat_line(heat, seen.device, seen.position, world, holds=True)


def sniff(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take a smoke detector: its alarm begins, goes on or ends."""
    alarm = state.alarms.get(seen.device.device_id)
    if not seen.value:
        if alarm is not None and seen.time >= alarm.last:  # not a late row from before it rang
            del state.alarms[seen.device.device_id]
            alarm.last = max(alarm.last, seen.time)
            yield alarm_line(alarm, seen.device, seen.position, world, holds=False)
        return
    if alarm is None:
        alarm = state.alarms[seen.device.device_id] = SmokeAlarm(seen.time, seen.time, seen.received)
    else:
        alarm.count += 1
        alarm.last, alarm.received = max(alarm.last, seen.time), seen.received
    if not math.isnan(seen.lon):
        alarm.lon, alarm.lat = seen.lon, seen.lat
    yield alarm_line(alarm, seen.device, seen.position, world, holds=True)


def next_silence(state: SafetyState, world: World) -> int | None:
    """When the next finding may have fallen silent, microseconds of receipt; None for none."""
    p = world.parameters
    times = [s.received + int(p["video_silence_s"] * 1e6) for s in state.sights.values()]
    times += [w.received + int(p["drone_silence_s"] * 1e6) for w in state.whiffs.values()]
    times += [h.received + int(p["drone_silence_s"] * 1e6) for h in state.heats.values()]
    times += [a.received + int(p["smoke_silence_s"] * 1e6) for a in state.alarms.values()]
    times += [t for t in (next_absence(state.conduct, world), next_landing(state.flights, world)) if t is not None]
    return min(times, default=None)


def fall_silent(state: SafetyState, at: int, world: World) -> Iterator[Evidence]:
    """End what nobody has spoken of for long, at a mark."""
    p, known = world.parameters, world.registry.by_id
    for key, sight in list(state.sights.items()):
        if at - sight.received >= p["video_silence_s"] * 1e6:
            del state.sights[key]
            if (device := known(key[0])) is not None:
                yield from end_sight(sight, key[1], device, world)
    for device_id, whiff in list(state.whiffs.items()):
        if at - whiff.received >= p["drone_silence_s"] * 1e6:
            del state.whiffs[device_id]
            if (device := known(device_id)) is not None:
                yield from smelt_line(whiff, device, -1, world, holds=False)
    for device_id, heat in list(state.heats.items()):
        if at - heat.received >= p["drone_silence_s"] * 1e6:
            del state.heats[device_id]
            if (device := known(device_id)) is not None:
                yield heat_line(heat, device, -1, world, holds=False)
    for device_id, alarm in list(state.alarms.items()):
        if at - alarm.received >= p["smoke_silence_s"] * 1e6:
            del state.alarms[device_id]
            if (device := known(device_id)) is not None:
                yield alarm_line(alarm, device, -1, world, holds=False)
    yield from end_breaches(state.conduct, at, world)
    yield from end_flights(state.flights, at, world)
