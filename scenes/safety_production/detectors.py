"""Gas detectors one by one: persistence, pre-alarm, exit, and readings that are the detector's and not the gas's.

A table holds one kind of measurement (combustible gas in %LEL, or one toxic gas, or oxygen). ``calm`` takes the many
quiet samples at once, ``sample`` one that matters; on a quiet sample both do the same. Steps of a finding:
1 pre-alarm, 2 first alarm, 3 second alarm. Times are event times in microseconds.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from scenes.safety_production.dose import Doses  # noqa: TC001 - a state's types are there at run time
from scenes.toolkit.history import Recent, slope_per_minute
from scenes.toolkit.table import NEVER, Slots, column, grow, runs_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["Detectors", "Limits", "Outcome", "Rise"]

SECOND = 1_000_000
KEEP_US = 900 * SECOND  # 15 minutes of raw samples


class Limits(NamedTuple):
    """Thresholds of one table.

    Attributes:
        levels: Pre-alarm, first and second alarm, gas beside a permit; infinite where there is none.
        stel, twa: Limits of the mean of 15 minutes and of 8 hours, of toxic gas.
    """

    levels: tuple[float, float, float, float]
    exits: tuple[float, float]  # of a pre-alarm, of an alarm
    samples: int
    span_us: int
    exit_hold_us: int
    slope: float = np.inf
    slope_window_s: float = 120.0
    mean: float = np.inf
    mean_window_s: float = 600.0
    mean_cover_s: float = 540.0
    step: float = np.inf
    stuck_us: int = 300 * SECOND
    fall_from: float = np.inf
    fall_to: float = -np.inf
    stel: float = np.inf
    twa: float = np.inf
    stel_window_s: float = 900.0

    @property
    def quiet_below(self) -> float:
        """No sample below this can start anything."""
        return min(self.levels)


class Rise(NamedTuple):
    """Slope over the short window and mean over the long one; NaN where there is too little."""

    slope: float
    mean: float


class Outcome(NamedTuple):
    """What a sample did.

    Attributes:
        word: ``none``, ``finding`` (goes on), ``ended``, ``held`` (a step that may be a fault), ``let_go`` (not held
            any more), ``dead`` (fell to nothing at once).
        released: The finding was held until this sample.
    """

    word: str
    released: bool = False


@dataclass(slots=True)
class Detectors:
    """One row a detector.

    Attributes:
        value, time: Of the last good sample; NaN before the first.
        run, run_from: Samples in a row at or over each level, and since when.
        same, same_from, jump: Identical samples in a row, since when, and the step that led there.
        stage, since, ended, count, peak: Of the finding; ``ended`` is NEVER while it holds.
        held, held_at: The finding waits, since it looks like a broken detector; since which time of receipt.
        beside: It has told of gas beside a running permit.
        dead: Fell from high to nothing in one sample; silent until it moves or is serviced.
        good: Its last message was no calibration, maintenance or fault.
    """

    slots: Slots = field(default_factory=Slots)
    recent: Recent = field(default_factory=lambda: Recent(KEEP_US))
    value: NDArray[np.float64] = column("f8", np.nan)
    time: NDArray[np.int64] = column("i8", NEVER)
    lon: NDArray[np.float64] = column("f8", np.nan)
    lat: NDArray[np.float64] = column("f8", np.nan)
    run: NDArray[np.int32] = column("i4", 0, 4)
    run_from: NDArray[np.int64] = column("i8", NEVER, 4)
    same: NDArray[np.int32] = column("i4", 0)
    same_from: NDArray[np.int64] = column("i8", NEVER)
    jump: NDArray[np.float64] = column("f8", np.nan)
    stage: NDArray[np.int8] = column("i1", 0)
    since: NDArray[np.int64] = column("i8", NEVER)
    ended: NDArray[np.int64] = column("i8", NEVER)
    count: NDArray[np.int32] = column("i4", 0)
    peak: NDArray[np.float64] = column("f8", np.nan)
    held: NDArray[np.bool_] = column("?", 0)
    held_at: NDArray[np.int64] = column("i8", NEVER)
    beside: NDArray[np.bool_] = column("?", 0)
    dead: NDArray[np.bool_] = column("?", 0)
    good: NDArray[np.bool_] = column("?", 1)
    dose: Doses | None = None

    def rows_of(self, device: NDArray[np.int32]) -> NDArray[np.intp]:
        """Rows of these devices, made where new."""
        rows = self.slots.of(device).astype(np.intp)
        if self.slots.used > len(self.value):
            grow(self, self.slots.used)
            self.recent.grow(len(self.value))
            if self.dose is not None:
                grow(self.dose, len(self.value))
        return rows

    def watched(self, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Which of these rows must be looked at one by one because of what they did before."""
        out: NDArray[np.bool_] = (self.stage[rows] > 0) | self.held[rows] | self.beside[rows] | ~self.good[rows]
        return out

    def disordered(self, rows: NDArray[np.intp], time: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of these samples are not newer than the one before them of their row, bool[n]: late ones and copies."""
        out: NDArray[np.bool_] = time <= self.time[rows]
        runs = runs_of(rows)
        if runs is not None:
            order, starts = runs
            ordered = time[order]
            back = np.zeros(len(order), bool)
            np.less_equal(ordered[1:], ordered[:-1], out=back[1:])
            back[starts] = False
            out[order] |= back
        return out

    def calm(
        self,
        rows: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
    ) -> None:
        """Take quiet samples, none of them late, of detectors that are not watched."""
        if self.dose is not None:
            self.dose.add(rows, time, value)
        runs = runs_of(rows)
        if runs is None:
            self._note(rows, time, value, lon, lat)
        else:
            order, starts = runs
            rows = rows[order[starts]]
            self._note_runs(rows, starts, time[order], value[order], lon[order], lat[order])
        self.run[rows] = 0

    def _note(
        self,
        rows: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
    ) -> None:
        """Take one sample of each of these different rows."""
        before = self.value[rows]
        same = value == before
        self.same[rows] = np.where(same, self.same[rows] + 1, 1)
        self.same_from[rows] = np.where(same, self.same_from[rows], time)
        self.jump[rows] = np.where(same, self.jump[rows], value - before)
        self.value[rows], self.time[rows] = value, time
        here = np.isfinite(lon) & np.isfinite(lat)
        if here.all():
            self.lon[rows], self.lat[rows] = lon, lat
        else:
            self.lon[rows] = np.where(here, lon, self.lon[rows])
            self.lat[rows] = np.where(here, lat, self.lat[rows])
        self.recent.push(rows, time, value)

    def _note_runs(
        self,
        rows: NDArray[np.intp],
        starts: NDArray[np.intp],
        time: NDArray[np.int64],
        value: NDArray[np.float64],
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
    ) -> None:
        """Take several samples of each row, ``rows[k]`` those from ``starts[k]`` on; as ``_note`` would one by one."""
        at = np.arange(len(value))
        ends = np.append(starts[1:], len(value)) - 1
        before = np.empty_like(value)
        before[1:] = value[:-1]
        before[starts] = self.value[rows]
        moved = np.maximum.reduceat(np.where(value == before, -1, at), starts)  # the last sample that differed
        some = moved >= 0
        self.same[rows] = np.where(some, ends - moved + 1, self.same[rows] + (ends - starts + 1))
        self.same_from[rows] = np.where(some, time[moved], self.same_from[rows])
        self.jump[rows] = np.where(some, value[moved] - before[moved], self.jump[rows])
        self.value[rows], self.time[rows] = value[ends], time[ends]
        here = np.maximum.reduceat(np.where(np.isfinite(lon) & np.isfinite(lat), at, -1), starts)
        self.lon[rows] = np.where(here >= 0, lon[here], self.lon[rows])
        self.lat[rows] = np.where(here >= 0, lat[here], self.lat[rows])
        self.recent.push_runs(rows, starts, time, value)

    def out_of_service(self, row: int) -> None:
        """A calibration, maintenance or fault message: no sample, but whoever worked on it revived it."""
        self.good[row] = False
        self.dead[row] = False

    def sample(
        self,
        row: int,
        time: int,
        value: float,
        lon: float,
        lat: float,
        limits: Limits,
        is_doubtful: Callable[[int, int], bool],
    ) -> Outcome:
        """Take one sample that matters.

        Args:
            row: Of the detector.
            time: Event time, microseconds.
            value: In the unit of the table.
            lon: Degrees, NaN where unknown.
            lat: The same.
            limits: In force.
            is_doubtful: Asked with row and time when a finding starts with a step that has not moved since: True holds.
        """
        self.good[row] = True
        if time <= self.time[row]:
            return self._late(row, time, value, limits, is_doubtful)
        if self.dead[row]:
            if value <= limits.fall_to:
                return Outcome("none")
            self.dead[row] = False
        elif self.stage[row] >= 2 and self.value[row] > limits.fall_from and value <= limits.fall_to:
            self.dead[row] = True
            return Outcome("dead")
        if self.stage[row] and self.ended[row] != NEVER and time - self.ended[row] >= limits.exit_hold_us:
            self._reset(row)
        one = np.array([row])
        self._note(one, np.array([time]), np.array([value]), np.array([lon]), np.array([lat]))
        if self.dose is not None:
            self.dose.add(one, np.array([time]), np.array([value]))
        self._count_runs(row, time, value, limits)
        return self._judge(row, limits, is_doubtful)

    def _late(
        self, row: int, time: int, value: float, limits: Limits, is_doubtful: Callable[[int, int], bool]
    ) -> Outcome:
        """Take a sample not newer than the last one: in its place by event time, or a copy, which is dropped."""
        newest = int(self.time[row])
        known = self.recent.window(row, newest, KEEP_US / 1e6)
        if ((known.time == time) & (known.value == value)).any():
            return Outcome("none")
        one = np.array([row])
        self.recent.push(one, np.array([time]), np.array([value]))
        if self.dose is not None:
            self.dose.add(one, np.array([time]), np.array([value]))
        if self.dead[row] or newest - time > KEEP_US:
            return Outcome("none")
        self._recount(row, limits)
        return self._judge(row, limits, is_doubtful)

    def _recount(self, row: int, limits: Limits) -> None:
        """Count the samples in a row anew, in the order of event time; what began before the window goes on."""
        window = self.recent.window(row, int(self.time[row]), KEEP_US / 1e6)
        order = np.argsort(window.time, kind="stable")
        time, value = window.time[order], window.value[order]
        self.value[row] = value[-1]
        for k, level in enumerate(limits.levels):
            start = _tail(value >= level)
            run, begin = len(np.unique(time[start:])), int(time[start]) if start < len(time) else NEVER
            if start == 0 and self.run[row, k]:
                run, begin = max(run, int(self.run[row, k])), min(begin, int(self.run_from[row, k]))
            self.run[row, k], self.run_from[row, k] = run, begin
        start = _tail(value == value[-1])
        self.same[row], self.same_from[row] = len(value) - start, time[start]
        if start > 0:
            self.jump[row] = value[start] - value[start - 1]

    def _judge(self, row: int, limits: Limits, is_doubtful: Callable[[int, int], bool]) -> Outcome:
        """What the last sample means, by event time, after it or a late one was taken."""
        time, value = int(self.time[row]), float(self.value[row])
        stage = int(self.stage[row])
        was_over = self.ended[row] != NEVER
        reached = self._reached(row, time, limits)
        if reached > stage:
            if stage == 0 and reached < 3 and self._is_step(row, reached, limits) and is_doubtful(row, time):
                self.held[row] = True
                return Outcome("held")
            return self._promote(row, time, reached)
        if self.held[row]:
            self.held[row] = bool(value >= limits.levels[0] and self.same[row] > 1)
            return Outcome("held" if self.held[row] else "let_go")
        if stage == 0:
            return Outcome("none")
        self.peak[row] = max(self.peak[row], value)
        if value < limits.exits[0 if stage == 1 else 1]:
            if not was_over:
                self.ended[row] = time
                return Outcome("ended")
            return Outcome("none")
        self.ended[row] = NEVER
        self.count[row] += 1
        return Outcome("finding")

    def _promote(self, row: int, time: int, reached: int) -> Outcome:
        if self.stage[row] == 0:
            self.since[row] = self.run_from[row, reached - 1]
            self.count[row] = self.run[row, reached - 1]
            self.peak[row] = self.value[row]
        else:
            self.count[row] += 1
            self.peak[row] = max(self.peak[row], self.value[row])
        self.stage[row], self.ended[row] = reached, NEVER
        released = bool(self.held[row])
        self.held[row] = False
        return Outcome("finding", released)

    def release(self, row: int, time: int, limits: Limits) -> bool:
        """Let a held finding stand, since somebody else bears witness; whether there was one."""
        if not self.held[row]:
            return False
        self._promote(row, time, max(1, self._reached(row, time, limits)))
        return True

    def _count_runs(self, row: int, time: int, value: float, limits: Limits) -> None:
        for k, level in enumerate(limits.levels):
            if value >= level:
                self.run_from[row, k] = min(self.run_from[row, k], time) if self.run[row, k] else time
                self.run[row, k] += 1
            else:
                self.run[row, k] = 0

    def _persists(self, row: int, k: int, time: int, limits: Limits) -> bool:
        return bool(self.run[row, k] >= limits.samples and time - self.run_from[row, k] >= limits.span_us)

    def _reached(self, row: int, time: int, limits: Limits) -> int:
        """The highest step whose conditions hold now."""
        if self._persists(row, 2, time, limits):
            return 3
        if self._persists(row, 1, time, limits):
            return 2
        if self.dose is not None:
            return self._dosed(row, time, limits)
        if self.stage[row] == 0 and self._persists(row, 0, time, limits):
            rise = self.rise(row, time, limits)
            if rise.slope >= limits.slope or rise.mean >= limits.mean:
                return 1
        return 0

    def _dosed(self, row: int, time: int, limits: Limits) -> int:
        """2 when the mean of 15 minutes is over its limit, 1 when that of 8 hours is; only a sample that is high."""
        if self.value[row] < limits.levels[0]:
            return 0
        if self.stage[row] < 2 and self.stel(row, time, limits) >= limits.stel:
            return 2
        return int(self.stage[row] == 0 and self.twa(row, time) >= limits.twa)

    def stel(self, row: int, time: int, limits: Limits) -> float:
        """Mean of the last 15 minutes, NaN where they are not covered."""
        window = self.recent.window(row, time, limits.stel_window_s)
        return window.mean() if window.seconds >= 0.9 * limits.stel_window_s else float("nan")

    def twa(self, row: int, time: int) -> float:
        """Mean of the last 8 hours, NaN for what is no toxic gas."""
        return float("nan") if self.dose is None else self.dose.mean(row, time)

    def rise(self, row: int, time: int, limits: Limits) -> Rise:
        """How the last minutes went."""
        short = self.recent.window(row, time, limits.slope_window_s)
        long = self.recent.window(row, time, limits.mean_window_s)
        known_s = self.recent.window(row, time, KEEP_US / 1e6).seconds
        is_covered = known_s >= limits.mean_window_s and long.seconds >= limits.mean_cover_s
        return Rise(slope_per_minute(short), long.mean() if is_covered else float("nan"))

    def _is_step(self, row: int, reached: int, limits: Limits) -> bool:
        """Whether the value came in one step and has not moved by a bit since it crossed the level it stands over.

        That may be the first alarm while only a pre-alarm persists yet: the samples before the step then count for it.
        """
        over = self.run[row, 1] > 0
        k = 1 if over else reached - 1
        least = limits.step if over else limits.step / 2
        return bool(self.same[row] >= self.run[row, k] and self.jump[row] >= least)

    def is_stuck(self, row: int, time: int, limits: Limits) -> bool:
        """Whether a held value has not moved for so long that it is a fault."""
        return bool(self.held[row] and time - self.same_from[row] >= limits.stuck_us)

    def _reset(self, row: int) -> None:
        self.stage[row], self.count[row], self.peak[row] = 0, 0, np.nan
        self.since[row], self.ended[row] = NEVER, NEVER


def _tail(mask: NDArray[np.bool_]) -> int:
    """Where the last run of True begins; the length where the last one is False.

    Example:
        >>> _tail(np.array([True, False, True, True])), _tail(np.array([True, False]))
        (2, 2)
    """
    wrong = np.flatnonzero(~mask)
    return int(wrong[-1]) + 1 if len(wrong) else 0
