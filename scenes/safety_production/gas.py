"""S1 and S2: samples of gas detectors that matter, one by one; findings, and readings that look like faults.

A step that looks like a broken detector is held back and the site is asked to look (step-hold). It is let through when
the value varies or reaches the second alarm, when anybody else bears witness, when no healthy neighbour is left, and by
time alone after ``hold_limit_s``: people's acknowledgement never reaches a scene, so the site ends a hold by setting
the detector to maintenance, calibration or fault, or by a work order.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from brain.city.index import distance_m
from brain.model import Text
from scenes.safety_production.permits import gas_beside
from scenes.safety_production.policy import GasLeak
from scenes.safety_production.reading import limits_of
from scenes.safety_production.state import COMBUSTIBLE
from scenes.safety_production.statements import gas_line, held_line
from scenes.toolkit.table import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import Evidence, World
    from scenes.safety_production.detectors import Detectors
    from scenes.safety_production.reading import Samples
    from scenes.safety_production.seen import Seen
    from scenes.safety_production.state import SafetyState

FAR_OFF_US: Final = 30_000_000  # a row that is this late, or early, is told by a wrong clock or came out of a buffer

__all__ = ["next_release", "release", "release_due", "take_sample", "take_service"]


def take_sample(state: SafetyState, samples: Samples, n: int, world: World) -> Iterator[Evidence]:
    """Take one sample that matters."""
    table, row = state.tables[samples.key], int(samples.row[n])
    device = world.registry.by_id(int(table.slots.device[row]))
    if device is None:
        return
    position, time = int(samples.position[n]), int(samples.time[n])
    limits = limits_of(samples.key, world.parameters)
    was_dead, was_held = bool(table.dead[row]), bool(table.held[row])
    outcome = table.sample(
        row,
        time,
        float(samples.value[n]),
        float(samples.lon[n]),
        float(samples.lat[n]),
        limits,
        lambda r, t: samples.key == COMBUSTIBLE and _is_doubtful(state, r, t, world),
    )
    if outcome.word == "dead" or (was_dead and not table.dead[row]):
        yield held_line(table, row, device, time, position, "fell", world, holds=outcome.word == "dead")
    if outcome.word == "held":
        if not was_held:
            table.held_at[row] = int(samples.received[n])
        state.audit(time, device.name, samples.key, "step-hold")
        yield held_line(table, row, device, time, position, "step_hold", world, holds=True)
        if table.is_stuck(row, time, limits):
            yield held_line(table, row, device, time, position, "stuck", world, holds=True)
    elif was_held:
        yield from _let_go(table, row, time, position, world)
    if samples.key == COMBUSTIBLE and not table.held[row] and not table.dead[row]:
        yield from gas_beside(state, table, row, device, position, world)
    watched = outcome.word == "finding" and table.stage[row] == 1 and table.beside[row]
    if outcome.word in ("finding", "ended") and not watched:  # gas beside hot work says more than its pre-alarm
        lag = int(samples.received[n]) - time
        yield gas_line(
            table, row, samples.key, device, position, state, world, shift_us=lag if abs(lag) > FAR_OFF_US else 0
        )


def take_service(
    state: SafetyState, device_id: int, position: int, time: int, status: str, value: float, world: World
) -> Iterator[Evidence]:
    """Take a message of a detector that is calibrated, maintained or broken: no measurement, but kept for the audit.

    Args:
        state: Changed in place.
        device_id: Of the detector.
        position: Of the row.
        time: Event time, microseconds.
        status: Its word, or ``work_order``.
        value: What it measured; NaN for nothing.
        world: For thresholds.
    """
    device = world.registry.by_id(device_id)
    if device is None:
        return
    if value >= world.parameters["prealarm_level_pct"]:
        state.audit(time, device.name, COMBUSTIBLE, status)
    for table in state.tables.values():
        if device_id >= len(table.slots.row) or table.slots.row[device_id] < 0:
            continue
        row = int(table.slots.row[device_id])
        was_dead, was_held = bool(table.dead[row]), bool(table.held[row])
        table.out_of_service(row)
        if was_dead:
            yield held_line(table, row, device, time, position, "fell", world, holds=False)
        if was_held:
            table.held[row] = False
            yield from _let_go(table, row, time, position, world)


def _let_go(table: Detectors, row: int, time: int, position: int, world: World) -> Iterator[Evidence]:
    device = world.registry.by_id(int(table.slots.device[row]))
    if device is not None:
        for rule in ("step_hold", "stuck"):
            yield held_line(table, row, device, time, position, rule, world, holds=False)


def _is_doubtful(state: SafetyState, row: int, time: int, world: World) -> bool:
    """A step may be a broken detector: a healthy neighbour sees nothing, and nobody else bears witness."""
    table = state.tables[COMBUSTIBLE]
    lon, lat = float(table.lon[row]), float(table.lat[row])
    if np.isnan(lon) or np.isnan(lat):
        return False
    p = world.parameters
    if _has_witness(state, row, lon, lat, world):
        return False
    used = table.slots.used
    fresh = table.time[:used] >= time - int(p["neighbour_fresh_s"] * 1e6)  # also where the held one fell silent
    healthy = table.good[:used] & ~table.dead[:used] & (table.value[:used] < p["neighbour_below_pct"]) & fresh
    healthy[row] = False
    return any(
        distance_m(lon, lat, float(table.lon[r]), float(table.lat[r])) <= p["neighbour_m"]
        for r in np.flatnonzero(healthy).tolist()
    )


def _has_witness(state: SafetyState, row: int, lon: float, lat: float, world: World) -> bool:
    reach = world.parameters["witness_m"]
    seen = [(s.lon, s.lat) for s in state.sights.values() if s.confirmed]
    seen += [(w.lon, w.lat) for w in state.whiffs.values()]
    recent = GasLeak.gate.seconds * 1e6
    now = int(state.tables[COMBUSTIBLE].time[row])
    seen += [(a, b) for time, a, b in state.calls if abs(now - time) <= recent and not np.isnan(a)]
    for key, table in state.tables.items():
        active = np.flatnonzero((table.stage[: table.slots.used] > 0) & (table.ended[: table.slots.used] == NEVER))
        seen += [
            (float(table.lon[r]), float(table.lat[r])) for r in active.tolist() if not (key == COMBUSTIBLE and r == row)
        ]
    return any(a is not None and b is not None and distance_m(lon, lat, a, b) <= reach for a, b in seen)


def release(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """A camera, drone or caller bears witness: what was held near by is no broken detector."""
    table = state.tables.get(COMBUSTIBLE)
    if table is None:
        return
    for row in np.flatnonzero(table.held[: table.slots.used]).tolist():
        if _has_witness(state, row, float(table.lon[row]), float(table.lat[row]), world):
            yield from _release(state, table, row, seen.time, seen.position, world)


def _release(
    state: SafetyState, table: Detectors, row: int, time: int, position: int, world: World, note: Text | None = None
) -> Iterator[Evidence]:
    device = world.registry.by_id(int(table.slots.device[row]))
    if device is not None:
        table.release(row, int(table.time[row]), limits_of(COMBUSTIBLE, world.parameters))
        yield from _let_go(table, row, time, position, world)
        line = gas_line(table, row, COMBUSTIBLE, device, position, state, world)
        if note is not None:
            line = replace(line, summary=Text(f"{line.summary.zh}，{note.zh}", f"{line.summary.en}; {note.en}"))
        yield line


def _held(state: SafetyState) -> list[int]:
    """Rows of detectors of combustible gas that are held back."""
    table = state.tables.get(COMBUSTIBLE)
    return [] if table is None else np.flatnonzero(table.held[: table.slots.used]).tolist()


def next_release(state: SafetyState) -> int | None:
    """When a held step may be let through: at the next mark, since a neighbour may rise or fall silent; None for none.

    In microseconds of receipt.
    """
    return state.clock + 1 if state.clock is not None and _held(state) else None


def release_due(state: SafetyState, at: int, world: World) -> Iterator[Evidence]:
    """At a mark: let through what no healthy neighbour contradicts any more, and what nobody set right in time."""
    limit = world.parameters["hold_limit_s"]
    note = Text(f"保持 {limit / 60:g} 分钟未见核实", f"held back for {limit / 60:g} minutes and not verified")
    for row in _held(state):
        table = state.tables[COMBUSTIBLE]
        overdue = int(table.held_at[row]) + int(limit * 1e6) <= at
        time = int(table.time[row])
        if overdue or not _is_doubtful(state, row, time, world):
            yield from _release(state, table, row, time, -1, world, note if overdue else None)
