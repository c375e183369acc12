"""From batches to samples: which rows of gas detectors are measurements of which gas, and which of them matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scenes.safety_production.detectors import Detectors, Limits
from scenes.safety_production.parameters import TOXIC
from scenes.safety_production.state import COMBUSTIBLE, OXYGEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from brain.model import Batch
    from brain.registry import Registry
    from scenes.safety_production.state import SafetyState

__all__ = ["BAD_STATUS", "Samples", "event_us", "limits_of", "samples_of", "service_rows"]

BAD_STATUS = frozenset({"calibrating", "maintenance", "fault"})
PPM_OF_ONE_LEL = 500.0  # methane: LEL 5 % vol, so 1 %LEL is 500 ppm
JUST_OVER = 1e-9  # oxygen exactly on its limit is still inside


class Samples(NamedTuple):
    """Samples of one table out of a batch, in order of position.

    Attributes:
        row: Of the table; ``source`` are rows of the batch.
        matters: Those that must be taken one by one.
    """

    key: str
    row: NDArray[np.intp]
    source: NDArray[np.intp]
    position: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    matters: NDArray[np.bool_]


def event_us(batch: Batch) -> NDArray[np.int64]:
    """Event times of a batch in microseconds, int64[n]."""
    out: NDArray[np.int64] = batch.time.astype("M8[us]").astype(np.int64)
    return out


def limits_of(key: str, p: Mapping[str, float]) -> Limits:
    """Thresholds of a table from the parameters in force."""
    samples, span, hold = int(p["min_samples"]), int(p["min_span_s"] * 1e6), int(p["exit_hold_s"] * 1e6)
    if key == COMBUSTIBLE:
        return Limits(
            (p["prealarm_level_pct"], p["l1_pct"], p["l2_pct"]),
            (p["prealarm_exit_pct"], p["l1_pct"] - p["exit_drop_pct"]),
            samples,
            span,
            hold,
            slope=p["prealarm_slope"],
            slope_window_s=p["slope_window_s"],
            mean=p["prealarm_level_pct"],
            mean_window_s=p["mean_window_s"],
            mean_cover_s=p["mean_window_s"] * p["mean_cover"],
            step=p["step_min_pct"],
            stuck_us=int(p["stuck_s"] * 1e6),
            fall_from=p["fall_from_pct"],
            fall_to=p["fall_to_pct"],
        )
    if key == OXYGEN:  # how far outside the good range, so that one direction is enough
        return Limits((math.inf, JUST_OVER, math.inf), (-p["o2_exit_pct"],) * 2, samples, span, hold)
    low = key.lower()
    first = p[f"{low}_l1_ppm"]
    return Limits((math.inf, first, p[f"{low}_l2_ppm"]), (first * p["toxic_exit_share"],) * 2, samples, span, hold)


def service_rows(batch: Batch, registry: Registry) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Rows of known devices, and rows that say the device is calibrated, maintained or broken; bool[n] each.

    A work order in the registry counts as maintenance.
    """
    known = np.ones(len(batch), bool)
    service = np.array([s in BAD_STATUS for s in batch["status"].tolist()], bool)
    for device_id in np.unique(batch.device).tolist():
        device = registry.by_id(device_id)
        if device is None:
            known[batch.device == device_id] = False
        elif device.extra.get("work_order"):
            service[batch.device == device_id] = True
    return known, service


def _inside_span(batch: Batch, field: str, registry: Registry) -> NDArray[np.float64]:
    """The field with NaN where it lies outside the instrument's span."""
    values: NDArray[np.float64] = batch[field].copy()
    for device_id in np.unique(batch.device).tolist():
        device = registry.by_id(device_id)
        span = (device.extra.get("span") or {}).get(field) if device is not None else None
        if span is not None:
            mine = batch.device == device_id
            values[mine & ~((values >= span[0]) & (values <= span[1]))] = np.nan
    return values


def samples_of(
    batch: Batch,
    known: NDArray[np.bool_],
    service: NDArray[np.bool_],
    state: SafetyState,
    registry: Registry,
    parameters: Mapping[str, float],
) -> list[Samples]:
    """The measurements of a batch of gas detectors, a table each."""
    lel = _inside_span(batch, "lel_pct", registry)
    ppm = _inside_span(batch, "ppm", registry)
    formula = np.array([g.upper() if isinstance(g, str) else "CH4" for g in batch["gas"].tolist()], object)
    usable = known & ~service
    measured = {COMBUSTIBLE: np.where((formula == "CH4") & np.isnan(lel), ppm / PPM_OF_ONE_LEL, lel)}
    measured[COMBUSTIBLE][formula == OXYGEN] = np.nan
    if (formula == OXYGEN).any():
        # oxygen comes in ppm, or as per cent of volume in the field for per cent
        oxygen = np.where(np.isnan(ppm), lel, ppm / 10_000)
        outside = np.fmax(parameters["o2_low_pct"] - oxygen, oxygen - parameters["o2_high_pct"])
        measured[OXYGEN] = np.where(formula == OXYGEN, outside, np.nan)
    for gas in TOXIC:
        if (formula == gas).any():
            measured[gas] = np.where(formula == gas, ppm, np.nan)
    time, out = event_us(batch), []
    place = registry.places(batch.device)
    lon = np.where(np.isnan(batch["lon"]), place[:, 0], batch["lon"])
    lat = np.where(np.isnan(batch["lat"]), place[:, 1], batch["lat"])
    for key, values in measured.items():
        index = np.flatnonzero(usable & np.isfinite(values))
        if not len(index):
            continue
        table = state.tables.setdefault(key, Detectors())
        row = table.rows_of(batch.device[index])
        serviced = np.isin(batch.device[index], batch.device[service])
        special = table.watched(row) | (values[index] >= limits_of(key, parameters).quiet_below) | serviced
        matters = np.isin(row, row[special])
        out.append(
            Samples(key, row, index, batch.position[index], time[index], values[index], lon[index], lat[index], matters)
        )
    return out
