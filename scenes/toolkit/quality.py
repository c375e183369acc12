"""Quality control of measurements before any rule: which samples are to be trusted. Pure, columnar, O(1) a series.

Any scene may use it: keep a ``Series`` table in its state (one a sensor type and field), give it each batch with
``take`` and read the verdicts. Flags are those of QARTOD (ioos_qc): 1 pass, 2 not evaluated, 3 suspect, 4 fail, 9
missing.

=================  =====================================================================  =========================
test               rule                                                                   default
=================  =====================================================================  =========================
gross range        outside the instrument's span: fail                                    span of the registry
spike              far from the median, and not for several samples in a row: suspect     6 MAD, 3 samples
rate of change     faster than the metric can: suspect, never a reason to discard         none
flat line          range within a window under a tolerance: suspect, twice as long fail   300 s, 0, 10 samples
attenuated         range of a day under a tenth of the usual one: suspect                 24 h
drift              robust slope of the daily low (5th percentile): suspect                 1 % of the span a day, 14 d
duplicate          time and value of the sample before: to be dropped
out of order       older than the sample before
=================  =====================================================================  =========================

Gaps and clocks need the time of receipt, not values: ``Beats`` tells which devices have fallen silent, and the scene
device health judges clocks. Spikes are judged in real time by persistence, since the next sample is not there yet: a
value that stays is a change and passes from its third sample on. A flat line counts only where the value is above 5 %
of a known span, or the series moved at every other sample before; and it needs some samples, since three alike readings
of a device that reports every five minutes say nothing.

Sources: QARTOD and ioos_qc for the tests, defaults our own.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scenes.toolkit.table import NEVER, column, grow, turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FAIL", "MISSING", "NOT_EVALUATED", "PASS", "SUSPECT", "Checks", "Series", "Verdicts", "outside", "repeats"]

PASS: Final = 1
NOT_EVALUATED: Final = 2
SUSPECT: Final = 3
FAIL: Final = 4
MISSING: Final = 9

DAY_US: Final = 86_400_000_000
HALF_DAY_US: Final = DAY_US // 2
HOUR_US: Final = DAY_US // 24
LEAST_HOURS: Final = 12
DAYS: Final = 14
LEARNT: Final = 8
_SLOW: Final = 1 / 32  # weight of a new sample in running figures


class Checks(NamedTuple):
    """Thresholds of one kind of series, in its unit; the tests of spikes and rates are left out where infinite."""

    spike_mads: float = 6.0
    spike_samples: int = 3
    rate_per_s: float = np.inf
    flat_s: float = 300.0
    flat_tolerance: float = 0.0
    flat_samples: int = 10
    flat_span_share: float = 0.05
    flat_moves: float = 0.5
    attenuated_share: float = 0.1
    drift_share_per_day: float = 0.01


class Verdicts(NamedTuple):
    """Flags of each sample, uint8[n] each; ``repeated`` and ``unordered`` bool[n]."""

    gross: NDArray[np.uint8]
    spike: NDArray[np.uint8]
    rate: NDArray[np.uint8]
    flat: NDArray[np.uint8]
    attenuated: NDArray[np.uint8]
    drift: NDArray[np.uint8]
    repeated: NDArray[np.bool_]
    unordered: NDArray[np.bool_]

    @property
    def worst(self) -> NDArray[np.uint8]:
        """The most serious flag of each sample: fail before suspect before pass; 9 where there is no value."""
        flags = np.stack(self[:6])
        judged = np.where(flags == NOT_EVALUATED, PASS, flags)
        out: NDArray[np.uint8] = judged.max(axis=0).astype(np.uint8)
        return out


def outside(
    values: NDArray[np.float64], low: NDArray[np.float64] | float, high: NDArray[np.float64] | float
) -> NDArray[np.bool_]:
    """Which values lie outside their instrument's span (gross range); NaN does not. bool[n].

    Example:
        >>> outside(np.array([5.0, 120.0, np.nan]), 0.0, 100.0).tolist()
        [False, True, False]
    """
    out: NDArray[np.bool_] = (values < low) | (values > high)
    return out


def repeats(
    time: NDArray[np.int64],
    value: NDArray[np.float64],
    last_time: NDArray[np.int64],
    last_value: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Which samples repeat the time and value of the one before them (redelivered under another id). bool[n]."""
    out: NDArray[np.bool_] = (time == last_time) & (value == last_value)
    return out


@dataclass(slots=True)
class Series:
    """One row a series; rows are the caller's (``Slots``).

    Attributes:
        value, time: Of the last sample in order.
        seen: Samples so far.
        middle, spread: Running median and mean absolute deviation of the last ``learnt`` samples.
        away: Samples in a row far from the median.
        flat_low, flat_high, flat_from, flat_samples: Range, begin and length of the run that may be a flat line.
        moves, moved: Share of samples that differ from the one before, now and when the run began.
        half, low, high: Number and range of this half day; ``low_before``, ``high_before`` of the last one.
        usual: Range of a half day.
        day, hours: Number of this day and the lowest value of each of its hours.
        days, lows: Days of the last two weeks and their low.
        slope: Drift by those, units a day.

    Example:
        >>> series = Series()
        >>> rows, at = np.zeros(3, np.intp), np.array([0, 10_000_000, 20_000_000])
        >>> series.take(rows, at, np.array([1.0, 1.0, 120.0]), 0.0, 100.0, Checks()).gross.tolist()
        [1, 1, 4]
    """

    value: NDArray[np.float64] = column("f8", np.nan)
    time: NDArray[np.int64] = column("i8", NEVER)
    middle: NDArray[np.float64] = column("f8", np.nan)
    spread: NDArray[np.float64] = column("f8", 0)
    seen: NDArray[np.int32] = column("i4", 0)
    learnt: NDArray[np.int32] = column("i4", 0)
    away: NDArray[np.int32] = column("i4", 0)
    flat_low: NDArray[np.float64] = column("f8", np.nan)
    flat_high: NDArray[np.float64] = column("f8", np.nan)
    flat_from: NDArray[np.int64] = column("i8", NEVER)
    flat_samples: NDArray[np.int32] = column("i4", 0)
    moves: NDArray[np.float64] = column("f8", 0)
    moved: NDArray[np.float64] = column("f8", 0)
    half: NDArray[np.int64] = column("i8", -1)
    low: NDArray[np.float64] = column("f8", np.nan)
    high: NDArray[np.float64] = column("f8", np.nan)
    low_before: NDArray[np.float64] = column("f8", np.nan)
    high_before: NDArray[np.float64] = column("f8", np.nan)
    usual: NDArray[np.float64] = column("f8", np.nan)
    day: NDArray[np.int64] = column("i8", -1)
    hours: NDArray[np.float64] = column("f8", np.nan, 24)
    days: NDArray[np.int64] = column("i8", -1, DAYS)
    lows: NDArray[np.float64] = column("f8", np.nan, DAYS)
    slope: NDArray[np.float64] = column("f8", np.nan)

    def take(
        self,
        rows: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        low: NDArray[np.float64] | float,
        high: NDArray[np.float64] | float,
        checks: Checks,
    ) -> Verdicts:
        """Judge samples and remember them.

        Args:
            rows: Of the series, intp[n]; the samples of one row in order.
            time: Event times, microseconds, int64[n].
            value: float64[n]; NaN for none.
            low: Lower end of the span, float64[n] or one number; infinite where unknown.
            high: Upper end.
            checks: Thresholds.
        """
        n = len(rows)
        if n and (wanted := int(rows.max()) + 1) > len(self.value):
            grow(self, wanted)
        low, high = (x if isinstance(x, np.ndarray) else np.full(n, x) for x in (low, high))
        flags = np.full((6, n), NOT_EVALUATED, np.uint8)
        marks = np.zeros((2, n), bool)
        for turn in turns(rows):
            self._turn(rows[turn], time[turn], value[turn], low[turn], high[turn], checks, flags, marks, turn)
        return Verdicts(*flags, *marks)

    def _turn(
        self,
        rows: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        checks: Checks,
        flags: NDArray[np.uint8],
        marks: NDArray[np.bool_],
        at: NDArray[np.intp],
    ) -> None:
        """One sample of each of these different rows."""
        absent = np.isnan(value)
        before, when = self.value[rows], self.time[rows]
        marks[0, at] = repeats(time, value, when, before)
        marks[1, at] = time < when
        bad = outside(value, low, high)
        flags[0, at] = np.where(absent, MISSING, np.where(bad, FAIL, PASS))
        keep = ~(absent | bad | marks[0, at] | marks[1, at])
        if not keep.all():
            rows, time, value, low, high, at = (x[keep] for x in (rows, time, value, low, high, at))
            before, when = before[keep], when[keep]
        if not len(rows):
            return
        has = self.seen[rows] > 0
        if np.isfinite(checks.rate_per_s):
            with np.errstate(invalid="ignore", divide="ignore"):
                speed = np.abs(value - before) / ((time - when) / 1e6)
            flags[2, at] = np.where(has, np.where(speed > checks.rate_per_s, SUSPECT, PASS), NOT_EVALUATED)
        if np.isfinite(checks.spike_mads):
            flags[1, at] = self._spike(rows, value, checks)
        flags[3, at] = self._flat(rows, time, value, high - low, checks, has)
        flags[4, at] = self._attenuated(rows, time, value, checks)
        flags[5, at] = self._drift(rows, time, value, high - low, checks)
        self.value[rows], self.time[rows] = value, time
        self.seen[rows] += 1

    def _spike(self, rows: NDArray[np.intp], value: NDArray[np.float64], checks: Checks) -> NDArray[np.uint8]:
        middle, spread, learnt = self.middle[rows], self.spread[rows], self.learnt[rows]
        off = np.where(learnt == 0, 0.0, np.abs(value - middle))
        ready = learnt >= LEARNT
        far = ready & (spread > 0) & (off > checks.spike_mads * spread)
        away = np.where(far, self.away[rows] + 1, 0)
        stays = away >= checks.spike_samples  # a change: begin to learn anew
        lone = far & ~stays
        share = np.maximum(_SLOW, 1.0 / (learnt + 1.0))
        near = np.where(ready, np.clip(value - middle, -3 * spread, 3 * spread), value - middle)
        step = np.where(learnt == 0, value, middle + near * share)
        self.away[rows] = np.where(stays, 0, away)
        self.middle[rows] = np.where(lone, middle, np.where(stays, value, step))
        self.spread[rows] = np.where(lone, spread, np.where(stays, 0.0, spread + (off - spread) * share))
        self.learnt[rows] = np.where(lone, learnt, np.where(stays, 1, learnt + 1))
        out: NDArray[np.uint8] = np.where(ready, np.where(lone, SUSPECT, PASS), NOT_EVALUATED).astype(np.uint8)
        return out

    def _flat(
        self,
        rows: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        span: NDArray[np.float64],
        checks: Checks,
        has: NDArray[np.bool_],
    ) -> NDArray[np.uint8]:
        changed = has & (value != self.value[rows])
        self.moves[rows] += np.where(
            has, (changed - self.moves[rows]) * np.maximum(_SLOW, 1 / (self.seen[rows] + 1)), 0
        )
        low, high = np.fmin(self.flat_low[rows], value), np.fmax(self.flat_high[rows], value)
        breaks = ~has | (high - low > checks.flat_tolerance)
        self.flat_low[rows], self.flat_high[rows] = np.where(breaks, value, low), np.where(breaks, value, high)
        self.flat_from[rows] = np.where(breaks, time, self.flat_from[rows])
        self.flat_samples[rows] = np.where(breaks, 1, self.flat_samples[rows] + 1)
        self.moved[rows] = np.where(breaks, self.moves[rows], self.moved[rows])
        seconds = (time - self.flat_from[rows]) / 1e6
        if seconds.max() < checks.flat_s:  # as nearly always
            return np.full(len(rows), PASS, np.uint8)
        matters = (np.isfinite(span) & (value > checks.flat_span_share * span)) | (
            (self.moved[rows] >= checks.flat_moves) & (self.seen[rows] >= 20)
        )
        matters &= self.flat_samples[rows] >= checks.flat_samples
        flag = np.where(seconds >= 2 * checks.flat_s, FAIL, np.where(seconds >= checks.flat_s, SUSPECT, PASS))
        out: NDArray[np.uint8] = np.where(matters, flag, PASS).astype(np.uint8)
        return out

    def flat_seconds(self, row: int) -> float:
        """How long the last value of a row has stood, within the tolerance."""
        return float(self.time[row] - self.flat_from[row]) / 1e6 if self.seen[row] else 0.0

    def _attenuated(
        self, rows: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64], checks: Checks
    ) -> NDArray[np.uint8]:
        half = time // HALF_DAY_US
        new = half != self.half[rows]
        if new.any():
            turned = rows[new]
            follows = half[new] == self.half[turned] + 1
            span = self.high[turned] - self.low[turned]
            usual = self.usual[turned]
            quiet = span < checks.attenuated_share * usual  # the usual range learns from usual half days only
            self.usual[turned] = np.where(np.isnan(usual), span, np.where(quiet, usual, 0.9 * usual + 0.1 * span))
            self.low_before[turned] = np.where(follows, self.low[turned], np.nan)
            self.high_before[turned] = np.where(follows, self.high[turned], np.nan)
            self.low[turned], self.high[turned], self.half[turned] = np.nan, np.nan, half[new]
        self.low[rows], self.high[rows] = np.fmin(self.low[rows], value), np.fmax(self.high[rows], value)
        late = time % HALF_DAY_US >= HALF_DAY_US * 0.9  # the half day before and nearly all of this one: about a day
        if not late.any():
            return np.full(len(rows), NOT_EVALUATED, np.uint8)
        whole = np.fmax(self.high[rows], self.high_before[rows]) - np.fmin(self.low[rows], self.low_before[rows])
        usual = self.usual[rows]
        ready = late & np.isfinite(self.low_before[rows]) & (usual > 0)
        weak = ready & (whole < checks.attenuated_share * usual)
        out: NDArray[np.uint8] = np.where(ready, np.where(weak, SUSPECT, PASS), NOT_EVALUATED).astype(np.uint8)
        return out

    def _drift(
        self,
        rows: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        span: NDArray[np.float64],
        checks: Checks,
    ) -> NDArray[np.uint8]:
        day = time // DAY_US
        for k in np.flatnonzero(day != self.day[rows]).tolist():  # once a day
            self._close_day(int(rows[k]), int(day[k]))
        hour = time % DAY_US // HOUR_US
        self.hours[rows, hour] = np.fmin(self.hours[rows, hour], value)
        slope = self.slope[rows]
        if np.isnan(slope).all():  # days are still to be learnt
            return np.full(len(rows), NOT_EVALUATED, np.uint8)
        ready = np.isfinite(slope) & np.isfinite(span)
        with np.errstate(invalid="ignore"):
            drifts = ready & (np.abs(slope) > checks.drift_share_per_day * span)
        out: NDArray[np.uint8] = np.where(ready, np.where(drifts, SUSPECT, PASS), NOT_EVALUATED).astype(np.uint8)
        return out

    def _close_day(self, row: int, day: int) -> None:
        """A day is over: its low is the second lowest of its hourly lows, near the 5th percentile of its 24 hours."""
        lows = np.sort(self.hours[row][np.isfinite(self.hours[row])])
        if len(lows) >= LEAST_HOURS:
            cell = int(self.day[row]) % DAYS
            self.days[row, cell], self.lows[row, cell] = self.day[row], lows[1]
            here = self.days[row] > day - DAYS - 1
            self.slope[row] = robust_slope(self.days[row, here], self.lows[row, here])
        self.day[row] = day
        self.hours[row] = np.nan


def robust_slope(x: NDArray[np.int64], y: NDArray[np.float64]) -> float:
    """Median of the slopes of all pairs (Theil-Sen); NaN for fewer than 10 points.

    Example:
        >>> robust_slope(np.arange(12), np.arange(12) * 2.0)
        2.0
    """
    if len(x) < 10:
        return float("nan")
    i, j = np.triu_indices(len(x), 1)
    return float(np.median((y[j] - y[i]) / (x[j] - x[i])))
