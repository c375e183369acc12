"""From batches to samples: which rows of gas detectors are measurements of which gas, and which of them matter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from brain.model import Batch, microseconds
from scenes.safety_production.detectors import Detectors, Limits
from scenes.safety_production.dose import Doses
from scenes.safety_production.parameters import TOXIC
from scenes.safety_production.state import COMBUSTIBLE, OXYGEN
from scenes.toolkit.roster import roster_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from brain.registry import Registry
    from scenes.safety_production.state import SafetyState
    from scenes.toolkit.roster import Roster

__all__ = ["BAD_STATUS", "Gas", "Samples", "gas_of", "limits_of"]

BAD_STATUS = frozenset({"calibrating", "maintenance", "fault"})
PPM_OF_ONE_LEL = 500.0  # methane: LEL 5 % vol, so 1 %LEL is 500 ppm
JUST_OVER = 1e-9  # oxygen exactly on its limit is still inside


class Samples(NamedTuple):
    """Samples of one table out of a batch, in order of position.

    Attributes:
        row: Of the table.
        matters: Those that must be taken one by one, in order; ``quiet`` all others.
    """

    key: str
    row: NDArray[np.intp]
    position: NDArray[np.int64]
    received: NDArray[np.int64]
    time: NDArray[np.int64]
    value: NDArray[np.float64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    matters: NDArray[np.intp]
    quiet: NDArray[np.intp]


class Gas(NamedTuple):
    """What a batch of gas detectors says.

    Attributes:
        tables: Measurements, one entry a table.
        service: Rows of the batch that say that a known device is calibrated, maintained or broken.
    """

    tables: list[Samples]
    service: NDArray[np.intp]


def limits_of(key: str, p: Mapping[str, float]) -> Limits:
    """Thresholds of a table from the parameters in force."""
    samples, span, hold = int(p["min_samples"]), int(p["min_span_s"] * 1e6), int(p["exit_hold_s"] * 1e6)
    if key == COMBUSTIBLE:
        return Limits(
            (p["prealarm_level_pct"], p["l1_pct"], p["l2_pct"], p["permit_gas_pct"]),
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
        exit_ = -p["o2_exit_pct"]
        return Limits((math.inf, JUST_OVER, math.inf, math.inf), (exit_, exit_), samples, span, hold)
    low = key.lower()
    first = p[f"{low}_l1_ppm"]
    stel, twa = p.get(f"{low}_stel_ppm", math.inf), p.get(f"{low}_twa_ppm", math.inf)
    dosed = min(stel, twa) / 2  # a mean is asked for only at samples that are high themselves
    share = p["toxic_exit_share"]
    return Limits(
        (dosed, first, p[f"{low}_l2_ppm"], math.inf),
        (dosed * share, first * share),
        samples,
        span,
        hold,
        stel=stel,
        twa=twa,
    )


def gas_of(batch: Batch, state: SafetyState, registry: Registry, parameters: Mapping[str, float]) -> Gas:
    """The measurements of a batch of gas detectors by table, and its rows of devices out of service.

    A work order in the registry counts as maintenance. Most batches hold one gas, no service and known devices only:
    nothing is copied for them.
    """
    roster = roster_of(registry)
    device = batch.device
    known = roster.are_known(device)
    service = _service(batch, known, roster)
    usable = known if service is None else known & ~service
    lel = roster.inside_span(device, "lel_pct", batch["lel_pct"])
    ppm = roster.inside_span(device, "ppm", batch["ppm"])
    serviced = None if service is None else device[service]
    out: list[Samples] = []
    for key, values in _measured(batch["gas"].tolist(), lel, ppm, parameters).items():
        usable_here = usable & np.isfinite(values)
        if usable_here.all():
            out.append(_samples(key, batch, values, serviced, state, registry, parameters))
        elif usable_here.any():
            some = np.flatnonzero(usable_here)
            out.append(_samples(key, _narrow(batch, some), values[some], serviced, state, registry, parameters))
    return Gas(out, _NONE if service is None else np.flatnonzero(service))


_NONE: Final = np.zeros(0, np.intp)


def _narrow(batch: Batch, rows: NDArray[np.intp]) -> Batch:
    place = {k: batch.columns[k][rows] for k in ("lon", "lat")}
    return Batch(
        batch.sensor_type, batch.device[rows], batch.time[rows], batch.received_at[rows], batch.position[rows], place
    )


def _service(batch: Batch, known: NDArray[np.bool_], roster: Roster) -> NDArray[np.bool_] | None:
    """Rows of known devices that say the device is out of service, or of which the registry says so; None: no row."""
    words = batch["status"].tolist()
    service = None if BAD_STATUS.isdisjoint(words) else np.array([s in BAD_STATUS for s in words], bool)
    ordered = roster.have_work_orders(batch.device)
    if ordered is not None and ordered.any():
        service = ordered if service is None else service | ordered
    if service is None:
        return None
    service = service & known
    return service if service.any() else None


def _measured(
    gases: list[str | None], lel: NDArray[np.float64], ppm: NDArray[np.float64], parameters: Mapping[str, float]
) -> dict[str, NDArray[np.float64]]:
    """Table -> value of each row, NaN where the row measures something else."""
    found = set(gases)
    if all(not isinstance(g, str) or g.upper() == "CH4" for g in found):
        return {COMBUSTIBLE: np.where(np.isnan(lel), ppm / PPM_OF_ONE_LEL, lel)}
    formula = np.array([g.upper() if isinstance(g, str) else "CH4" for g in gases], object)
    measured = {COMBUSTIBLE: np.where((formula == "CH4") & np.isnan(lel), ppm / PPM_OF_ONE_LEL, lel)}
    is_oxygen = formula == OXYGEN
    measured[COMBUSTIBLE][is_oxygen] = np.nan
    if is_oxygen.any():
        # oxygen comes in ppm, or as per cent of volume in the field for per cent
        oxygen = np.where(np.isnan(ppm), lel, ppm / 10_000)
        outside = np.fmax(parameters["o2_low_pct"] - oxygen, oxygen - parameters["o2_high_pct"])
        measured[OXYGEN] = np.where(is_oxygen, outside, np.nan)
    for gas in TOXIC:
        if (formula == gas).any():
            measured[gas] = np.where(formula == gas, ppm, np.nan)
    return measured


def _samples(
    key: str,
    batch: Batch,
    values: NDArray[np.float64],
    serviced: NDArray[np.int32] | None,
    state: SafetyState,
    registry: Registry,
    parameters: Mapping[str, float],
) -> Samples:
    table = state.tables.get(key)
    if table is None:
        table = state.tables[key] = Detectors(dose=Doses() if key in TOXIC else None)
    row = table.rows_of(batch.device)
    lon, lat = batch["lon"], batch["lat"]
    absent = np.isnan(lon), np.isnan(lat)
    if absent[0].any() or absent[1].any():
        place = registry.places(batch.device)
        lon, lat = np.where(absent[0], place[:, 0], lon), np.where(absent[1], place[:, 1], lat)
    time = microseconds(batch.time)
    special = table.watched(row) | table.disordered(row, time) | (values >= limits_of(key, parameters).quiet_below)
    if serviced is not None:
        special |= np.isin(batch.device, serviced)
    matters, quiet = _NONE, np.arange(len(row))
    if special.any():
        is_special = np.isin(row, row[special])
        matters, quiet = np.flatnonzero(is_special), np.flatnonzero(~is_special)
    return Samples(
        key,
        row,
        batch.position,
        microseconds(batch.received_at),
        time,
        values,
        lon,
        lat,
        matters,
        quiet,
    )
