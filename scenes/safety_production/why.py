"""Why not: each rule's conditions for the devices round a place, as the state stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from brain.city.index import distance_m
from brain.scene_api import Fact, Reasoning
from scenes.safety_production.airspace import BREACHES as AIRSPACE
from scenes.safety_production.airspace import last_facts
from scenes.safety_production.fire import sight_facts
from scenes.safety_production.ground import ground_of, hazard_facts
from scenes.safety_production.people import breach_facts, joins
from scenes.safety_production.permits import PERMIT_LEVEL, permit_facts
from scenes.safety_production.reading import limits_of
from scenes.safety_production.state import COMBUSTIBLE
from scenes.safety_production.statements import dose_facts, persistence_facts, rise_facts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import World
    from scenes.safety_production.airspace import Flight, LastFix
    from scenes.safety_production.detectors import Detectors
    from scenes.safety_production.state import SafetyState

__all__ = ["reasons"]


def reasons(state: SafetyState, lon: float, lat: float, radius_m: float, world: World) -> Iterator[Reasoning]:
    """All rules, in the order S1 to S8, then what was held back on purpose."""

    def near(x: float | None, y: float | None) -> bool:
        return x is not None and y is not None and bool(distance_m(lon, lat, x, y) <= radius_m)

    here: list[str] = []
    for key, table in state.tables.items():
        for row in range(table.slots.used):
            device = world.registry.by_id(int(table.slots.device[row]))
            if device is not None and near(float(table.lon[row]), float(table.lat[row])):
                here.append(device.name)
                yield from _of_detector(key, table, row, f"{device.sensor_type}/{device.name}", world)
    p = world.parameters
    for (device_id, kind), sight in state.sights.items():
        device = world.registry.by_id(device_id)
        if device is not None and near(sight.lon, sight.lat):
            here.append(device.name)
            free = not sight.confirmed or bool(sight.told)
            covered = Fact("permit_covers_it", str(not free).lower(), "==", "false", "1", free)
            yield Reasoning(f"S4.{kind}", f"{device.sensor_type}/{device.name}", (*sight_facts(sight, world), covered))
    for permit in ground_of(world.city).permits:
        if near(permit.lon, permit.lat):
            facts = permit_facts(permit, state.clock or 0, world)
            yield Reasoning("S5.test_too_old", f"permit/{permit.permit_id}", facts)
    for site in world.city.sites:
        if (site.hazard_level is not None or site.inventory) and near(site.lon, site.lat):
            yield Reasoning("S7.major_hazard", f"site/{site.id}", hazard_facts(site, world))
    for (device_id, *_), breach in state.conduct.live.items():
        device = world.registry.by_id(device_id)
        if device is not None and near(breach.lon, breach.lat):
            spoken = state.conduct.spoken.get(breach.subject)
            ago = None if spoken is None else (breach.received - spoken) / 1e6
            met = joins(state.conduct, breach) or ago is None or ago >= p["zone_message_s"]
            quiet = Fact("seconds_since_last_message", ago, ">=", p["zone_message_s"], "s", met)
            facts = (*breach_facts(state.conduct, breach, device, world)[:2], quiet)
            yield Reasoning(f"S6.{breach.kind}", f"{device.sensor_type}/{device.name}", facts)
    for device_id, last in state.fixes.items():
        device = world.registry.by_id(device_id)
        if device is not None and near(last.lon, last.lat):
            here.append(device.name)
            yield from _of_drone(last, state.flights.get(device_id), f"{device.sensor_type}/{device.name}", world)
    for entry in state.suppressed:
        if entry.device in here:
            why = Fact(entry.what, entry.why, "==", None, "1", False)
            yield Reasoning("S2.suppressed", entry.device, (why,))


def _of_drone(last: LastFix, flight: Flight | None, name: str, world: World) -> Iterator[Reasoning]:
    p = world.parameters
    for quantity, rule, value, limit, unit in (
        ("methane_over_background", "S1.drone_methane", last.methane, p["drone_over_ppm_m"], "ppm.m"),
        ("thermal_over_ambient", "S4.drone_thermal", last.heat, p["thermal_over_c"], "Cel"),
    ):
        if np.isfinite(value):
            yield Reasoning(rule, name, (Fact(quantity, round(value, 2), ">=", limit, unit, value >= limit),))
    for breach in AIRSPACE:
        yield Reasoning(f"S8.{breach}", name, last_facts(last, flight, breach, world))


def _ways(key: str, table: Detectors, row: int, world: World) -> Iterator[tuple[str, tuple[Fact, ...]]]:
    """Every way into an alarm with its conditions: a pre-alarm by slope or mean, an alarm by value or by exposure."""
    levels = limits_of(key, world.parameters).levels
    if key == COMBUSTIBLE:
        base = persistence_facts(table, row, key, 1, world)
        slope, mean = rise_facts(table, row, key, world)
        yield "prealarm_slope", (*base, slope)
        yield "prealarm_mean", (*base, mean)
    for stage, word in ((2, "level_1"), (3, "level_2")):
        if np.isfinite(levels[stage - 1]):
            yield word, persistence_facts(table, row, key, stage, world)
    if table.dose is not None:
        for word, exposed in dose_facts(table, row, key, world).items():
            yield word, (persistence_facts(table, row, key, 1, world)[0], exposed)


def _of_detector(key: str, table: Detectors, row: int, name: str, world: World) -> Iterator[Reasoning]:
    held = Fact("held_back", str(bool(table.held[row])).lower(), "==", "false", "1", not table.held[row])
    good = bool(table.good[row])
    serving = Fact("in_service", str(good).lower(), "==", "true", "1", good)
    for word, facts in _ways(key, table, row, world):
        yield Reasoning(f"S1.{key}.{word}", name, (*facts, held, serving))
    if key != COMBUSTIBLE:
        return
    p = world.parameters
    lon, lat, run, value = (
        float(table.lon[row]),
        float(table.lat[row]),
        int(table.run[row, PERMIT_LEVEL]),
        float(table.value[row]),
    )
    for permit in ground_of(world.city).permits:
        far = distance_m(lon, lat, permit.lon, permit.lat)
        if permit.kind == "hot_work" and far <= 2 * p["permit_gas_m"]:
            runs = permit.runs(int(table.time[row]))
            facts = (
                Fact("lel_pct", round(value, 2), ">=", p["permit_gas_pct"], "%", value >= p["permit_gas_pct"]),
                Fact(
                    "samples_in_a_row", float(run), ">=", p["permit_gas_samples"], "1", run >= p["permit_gas_samples"]
                ),
                Fact("distance_m", round(far, 1), "<=", p["permit_gas_m"], "m", far <= p["permit_gas_m"]),
                Fact("permit_runs", str(runs).lower(), "==", "true", "1", runs),
            )
            yield Reasoning("S5.hot_work_gas", name, facts)
