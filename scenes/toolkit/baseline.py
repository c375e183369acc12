"""What is usual for a series at a time of the week, learned from its own past in bounded memory.

One sample of each slot of five minutes is kept, in one byte, for the last 22 days: 6.3 kB a series. The usual value at
a time is the median and the median absolute deviation (MAD) of what earlier days say of it (never of today: a strange
hour cannot excuse itself):

* time of week: the same weekday of the last three weeks, 15 minutes before and after, when all three are there;
* else pooled by day type (working day, weekend): one hour before and after, from two days and 24 samples on;
* a weekend of which too little is known is held against working days, never the other way round: a rush hour that
  no weekend has would be found unusual on the first Monday;
* else nothing is known.

What was sampled while an incident held is left out, so that an incident never becomes usual. Samples become history
only at a mark (``commit``), so how a stream was cut changes nothing. Median and MAD as a robust profile: Leys et al.
2013; the numbers are our defaults.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from scenes.toolkit.table import Slots, column, grow, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.typing import NDArray

__all__ = ["DAYS", "SLOTS", "Learned", "Usual", "slot_keys"]

DAYS: Final = 22
SLOTS: Final = 288  # of a day
SLOT_US: Final = 300_000_000
EMPTY: Final = 255
WEEKS: Final = 3
NEAR_SLOTS: Final = 3  # round the time of the week
POOL_SLOTS: Final = 12  # round the time of day, pooled by day type
POOL_DAYS: Final = 2
POOL_SAMPLES: Final = 24
PAGES_SPARE: Final = 0.125  # pages are large, and those that wait are saved with the rest
_THURSDAY: Final = 3  # 1970-01-01


class Usual(NamedTuple):
    """What is usual: a median, and the spread that makes one unit of a robust score.

    Example:
        >>> Usual(60.0, 4.0).z(48.0)
        -3.0
    """

    median: float
    spread: float

    def z(self, value: float) -> float:
        """Distance of a value from the median, in spreads."""
        return (value - self.median) / max(self.spread, 1e-9)


@lru_cache(maxsize=4)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=4096)
def _offset_s(zone: str, hour: int) -> int:
    """Seconds that local time is ahead of UTC in an hour since 1970."""
    ahead = datetime.fromtimestamp(hour * 3600, UTC).astimezone(_zone(zone)).utcoffset()
    return 0 if ahead is None else int(ahead.total_seconds())


def slot_keys(time: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """The local five-minute slot of each time (microseconds), counted from 1970. int64[n].

    Example:
        >>> slot_keys(np.array([0]), "Asia/Shanghai").tolist()  # 08:00 local time
        [96]
    """
    hours = time // 3_600_000_000
    if not len(hours):
        return hours
    low, high = int(hours.min()), int(hours.max())
    ahead: NDArray[np.int64] | int
    if low == high:
        ahead = _offset_s(zone, low)
    else:
        known, back = np.unique(hours, return_inverse=True)
        ahead = np.array([_offset_s(zone, int(h)) for h in known], np.int64)[back]
    return (time + ahead * 1_000_000) // SLOT_US


@dataclass(slots=True)
class _Series:
    """One row a series.

    Attributes:
        now, value: The slot being filled, and its sample (the latest one).
        at: When that was sampled, microseconds.
        done, sample, done_at: A slot that is over and waits for a mark; -1: none.
        page: Its page of history, -1: none yet.
        asked, median, spread: The usual value as last looked up, and for which slot.
        whole_day, whole: Median of all that is known, as of which day.
    """

    now: NDArray[np.int64] = column("i8", -1)
    value: NDArray[np.float64] = column("f8", np.nan)
    at: NDArray[np.int64] = column("i8", -1)
    done_at: NDArray[np.int64] = column("i8", -1)
    done: NDArray[np.int64] = column("i8", -1)
    sample: NDArray[np.float64] = column("f8", np.nan)
    page: NDArray[np.int32] = column("i4", -1)
    asked: NDArray[np.int64] = column("i8", -1)
    median: NDArray[np.float64] = column("f8", np.nan)
    spread: NDArray[np.float64] = column("f8", np.nan)
    whole_day: NDArray[np.int64] = column("i8", -1)
    whole: NDArray[np.float64] = column("f8", np.nan)


@dataclass(slots=True)
class _Pages:
    """Histories: samples in steps, by day of the ring and slot, and which day each row of the ring holds."""

    samples: NDArray[np.uint8] = column("u1", EMPTY, DAYS * SLOTS)
    days: NDArray[np.int64] = column("i8", -1, DAYS)


@dataclass(slots=True)
class Learned:
    """Usual values of one field of many devices; part of a scene's state.

    Attributes:
        zone: Local time of the city.
        step: One step of a stored sample; the largest is 254 steps.
        floor: Least spread, as a share of the series' median over all.
        most: Series that get a history at most.

    Example:
        >>> learned = Learned("UTC", 1.0)
        >>> day, device = 86_400_000_000, np.array([1])
        >>> for minute in range(0, 4 * 1440, 5):
        ...     _ = learned.observe(device, np.array([minute * 60_000_000]), np.array([60.0 + minute % 3]))
        ...     learned.commit(lambda device, time: False)
        >>> learned.usual(1, 4 * day + 36_000_000_000)
        Usual(median=61.0, spread=3.0500000000000003)
    """

    zone: str
    step: float
    floor: float = 0.05
    most: int = 6000
    rows: Slots = field(default_factory=Slots)
    series: _Series = field(default_factory=_Series)
    pages: _Pages = field(default_factory=_Pages)
    used: int = 0
    is_waiting: bool = False

    def observe(
        self, device: NDArray[np.int32], time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Take samples in order of receipt; what was usual for each: medians and spreads, NaN where nothing is known.

        Args:
            device: Registry ids, int32[n].
            time: Microseconds, int64[n].
            value: float64[n], NaN where a row says nothing.
        """
        median, spread = np.full(len(device), np.nan), np.full(len(device), np.nan)
        if np.isnan(value).all():
            return median, spread
        row = self.rows.of(device)
        grow(self.series, self.rows.used)
        key, s = slot_keys(time, self.zone), self.series
        if (s.now[row] == key).all() and ((s.page[row] < 0) | (s.asked[row] == key)).all():
            said = ~np.isnan(value)
            s.value[row[said]], s.at[row[said]] = value[said], time[said]  # of equal rows the last one stays
            known = np.flatnonzero(s.page[row] >= 0)
            median[known], spread[known] = s.median[row[known]], s.spread[row[known]]
            return median, spread
        for turn in turns(row):
            self._turn(row[turn], key[turn], time[turn], value[turn])
            known = turn[s.page[row[turn]] >= 0]
            median[known], spread[known] = s.median[row[known]], s.spread[row[known]]
        return median, spread

    def _turn(
        self, row: NDArray[np.int32], key: NDArray[np.int64], time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        """One sample each of different series."""
        s = self.series
        fresh = (key > s.now[row]) & ~np.isnan(value)
        over = row[fresh]
        if len(over):
            had = over[~np.isnan(s.value[over])]
            s.done[had], s.sample[had], s.done_at[had] = s.now[had], s.value[had], s.at[had]
            self.is_waiting |= len(had) > 0
            s.now[over] = key[fresh]
        told = (key == s.now[row]) & ~np.isnan(value)
        s.value[row[told]], s.at[row[told]] = value[told], time[told]
        ask = np.flatnonzero((s.page[row] >= 0) & (s.asked[row] != key))
        for i in ask.tolist():
            self._ask(int(row[i]), int(key[i]))

    def commit(self, is_busy: Callable[[int, int], bool], busy: Collection[int] | None = None) -> None:
        """Let slots that are over become history (at a mark).

        Args:
            is_busy: Whether an incident held at a device (registry id) at a time (microseconds); that sample is left
                out.
            busy: Devices that may be busy; None: ask about all.
        """
        if not self.is_waiting:
            return
        self.is_waiting = False
        s = self.series
        rows = np.flatnonzero(s.done[: self.rows.used] >= 0)
        keep = np.ones(len(rows), bool)
        for i, row in enumerate(rows.tolist()):
            device = int(self.rows.device[row])
            if busy is None or device in busy:
                keep[i] = not is_busy(device, int(s.done_at[row]))
        self._write(rows[keep])
        s.done[rows] = -1

    def _write(self, rows: NDArray[np.intp]) -> None:
        s, p = self.series, self.pages
        new = rows[s.page[rows] < 0][: max(0, self.most - self.used)]
        s.page[new] = np.arange(self.used, self.used + len(new))
        self.used += len(new)
        grow(p, self.used, PAGES_SPARE)
        rows = rows[s.page[rows] >= 0]
        day, slot = np.divmod(s.done[rows], SLOTS)
        page, place = s.page[rows], day % DAYS
        for i in np.flatnonzero(p.days[page, place] != day).tolist():
            start = int(place[i]) * SLOTS
            p.samples[page[i], start : start + SLOTS] = EMPTY
            p.days[page[i], place[i]] = day[i]
        steps = np.clip(np.rint(s.sample[rows] / self.step), 0, EMPTY - 1).astype(np.uint8)
        p.samples[page, place * SLOTS + slot] = steps

    def usual(self, device: int, time: int) -> Usual | None:
        """What is usual for a device at a time (microseconds), or None; changes nothing."""
        if not 0 <= device < len(self.rows.row):
            return None
        row = int(self.rows.row[device])
        if row < 0 or self.series.page[row] < 0:
            return None
        key = int(slot_keys(np.array([time], np.int64), self.zone)[0])
        return self._at(row, key)

    def _ask(self, row: int, key: int) -> None:
        s = self.series
        if s.whole_day[row] != key // SLOTS:
            s.whole_day[row], s.whole[row] = key // SLOTS, self._whole(row, key // SLOTS)
        found = self._at(row, key)
        s.asked[row] = key
        s.median[row], s.spread[row] = (np.nan, np.nan) if found is None else found

    def _at(self, row: int, key: int) -> Usual | None:
        s, p = self.series, self.pages
        day, slot = divmod(key, SLOTS)
        page = int(s.page[row])
        samples, days = p.samples[page].reshape(DAYS, SLOTS), p.days[page]
        past = (days < day) & (days >= day - 7 * WEEKS)
        if not past.any():
            return None
        same = past & ((day - days) % 7 == 0)
        codes = np.zeros(0)
        if int(same.sum()) == WEEKS:
            codes = _known(samples[same, max(0, slot - NEAR_SLOTS) : slot + NEAR_SLOTS + 1])
        if len(codes) < WEEKS * NEAR_SLOTS:
            weekend = _is_weekend(days)
            today = bool(_is_weekend(np.array([day]))[0])
            around = samples[:, max(0, slot - POOL_SLOTS) : slot + POOL_SLOTS + 1]
            codes = _pooled(around[past & (weekend == today)])
            if not len(codes) and today:
                codes = _pooled(around[past & ~weekend])
            if not len(codes):
                return None
        middle = float(np.median(codes))
        mad = float(np.median(np.abs(codes - middle)))
        whole = float(s.whole[row]) if s.whole_day[row] == day else self._whole(row, day)
        least = max(self.floor * whole, 0.5)  # half a step: finer cannot be told
        return Usual(middle * self.step, max(1.4826 * mad, least) * self.step)

    def _whole(self, row: int, day: int) -> float:
        """Median of all samples of earlier days, in steps; 0 where there are none."""
        page, p = int(self.series.page[row]), self.pages
        past = (p.days[page] < day) & (p.days[page] >= day - 7 * WEEKS)
        codes = _known(p.samples[page].reshape(DAYS, SLOTS)[past])
        return float(np.median(codes)) if len(codes) else 0.0


def _pooled(part: NDArray[np.uint8]) -> NDArray[np.float64]:
    """What is known of a few hours of several days; nothing where it is too little to say what is usual."""
    codes = _known(part)
    enough = len(codes) >= POOL_SAMPLES and int((part != EMPTY).any(axis=1).sum()) >= POOL_DAYS
    return codes if enough else codes[:0]


def _known(codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = codes[codes != EMPTY].astype(np.float64)
    return found


def _is_weekend(days: NDArray[np.int64]) -> NDArray[np.bool_]:
    weekend: NDArray[np.bool_] = (days + _THURSDAY) % 7 >= 5
    return weekend
