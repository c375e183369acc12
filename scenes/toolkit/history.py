"""The last minutes of one series a device, and what they say: slope and mean over a window of event time.

Samples lie in pages of 16 in one pool, and a device has the pages it needs: one that speaks fast makes room for itself
only. A page is written over when all of it is too old, or when a device has its most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Recent", "Window", "slope_per_minute"]

PAGE: Final = 16  # samples
MOST_PAGES: Final = 256  # of a device
_ROOM: Final = 64  # pages of a new pool


class Window(NamedTuple):
    """Samples of one device in a window, in order of receipt: microseconds int64[n], values float64[n]."""

    time: NDArray[np.int64]
    value: NDArray[np.float64]

    @property
    def seconds(self) -> float:
        """From the first to the last sample."""
        return float(self.time.max() - self.time.min()) / 1e6 if len(self.time) else 0.0

    def mean(self) -> float:
        """Mean of the samples, NaN for none."""
        return float(self.value.mean()) if len(self.value) else float("nan")


@dataclass(slots=True)
class Recent:
    """Recent samples, a chain of pages a row of a table.

    Attributes:
        keep_us: A sample older than this before the newest may be written over.
        time, value: The pool, cell by cell; page 0 is nobody's.
        link: Page -> the next younger page of the same row.
        used: Pages of the pool given so far, page 0 with them.
        first, pages: Row -> its oldest page and how many it has.
        next: Row -> the cell for its next sample; at the start of a page a new page is wanted.
    """

    keep_us: int
    time: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_ROOM * PAGE, np.int64))
    value: NDArray[np.float64] = field(default_factory=lambda: np.zeros(_ROOM * PAGE))
    link: NDArray[np.int32] = field(default_factory=lambda: np.zeros(_ROOM, np.int32))
    used: int = 1
    first: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    pages: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    next: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        more = rows - len(self.next)
        if more > 0:
            self.first = np.concatenate([self.first, np.zeros(more, np.int32)])
            self.pages = np.concatenate([self.pages, np.zeros(more, np.int32)])
            self.next = np.concatenate([self.next, np.zeros(more, np.int64)])

    def push(self, rows: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Add one sample to each of these different rows."""
        cell = self._cells(rows, time)
        self.time[cell] = time
        self.value[cell] = value
        self.next[rows] = cell + 1

    def push_runs(
        self, rows: NDArray[np.intp], starts: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64]
    ) -> None:
        """Add many samples: those of ``rows[k]``, in order, are ``time[starts[k]:starts[k + 1]]``."""
        ends = np.append(starts[1:], len(time))
        while len(rows):
            cell = self._cells(rows, time[starts])
            count = np.minimum(PAGE - (cell & (PAGE - 1)), ends - starts)
            step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
            source, target = np.repeat(starts, count) + step, np.repeat(cell, count) + step
            self.time[target] = time[source]
            self.value[target] = value[source]
            self.next[rows] = cell + count
            starts = starts + count
            left = np.flatnonzero(starts < ends)
            rows, starts, ends = rows[left], starts[left], ends[left]

    def _cells(self, rows: NDArray[np.intp], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """The cell for the next sample of each of these different rows."""
        cell: NDArray[np.int64] = self.next[rows]
        wanting = np.flatnonzero((cell & (PAGE - 1)) == 0)
        if len(wanting):
            cell[wanting] = self._pages_for(rows[wanting], cell[wanting], time[wanting])
        return cell

    def _pages_for(self, rows: NDArray[np.intp], cell: NDArray[np.int64], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """First cells of pages to go on with: the oldest page of a row where it may be written over, else a new one."""
        first, pages = self.first[rows], self.pages[rows]
        newest = self.time.reshape(-1, PAGE)[first].max(axis=1)
        has = pages > 0
        again = has & ((time - newest > self.keep_us) | (pages >= MOST_PAGES))
        page = first.astype(np.int64)
        fresh = np.flatnonzero(~again)
        page[fresh] = np.arange(self.used, self.used + len(fresh))
        self._reserve(len(fresh))
        self.pages[rows[fresh]] += 1
        moves = again & (pages > 1)
        self.first[rows[moves]] = self.link[first[moves]]
        joins = (has & ~again) | moves
        self.link[(cell[joins] - 1) // PAGE] = page[joins]
        begins = ~has
        self.first[rows[begins]] = page[begins]
        return page * PAGE

    def _reserve(self, pages: int) -> None:
        self.used += pages
        have = len(self.link)
        if self.used > have:
            more = max(self.used, have + max(have // 4, _ROOM)) - have
            self.time = np.concatenate([self.time, np.zeros(more * PAGE, np.int64)])
            self.value = np.concatenate([self.value, np.zeros(more * PAGE)])
            self.link = np.concatenate([self.link, np.zeros(more, np.int32)])

    def window(self, row: int, end: int, seconds: float) -> Window:
        """Samples of a row with ``end - seconds <= time <= end``; ``end`` in microseconds."""
        chain: list[int] = []
        page = int(self.first[row])
        for _ in range(int(self.pages[row])):
            chain.append(page)
            page = int(self.link[page])
        cells = (np.array(chain, np.int64)[:, None] * PAGE + np.arange(PAGE)).ravel()
        if chain:
            cells = cells[: len(cells) - PAGE + (int(self.next[row]) - 1) % PAGE + 1]
        time, value = self.time[cells], self.value[cells]
        inside = (time <= end) & (time >= end - round(seconds * 1e6))
        return Window(time[inside], value[inside])


def slope_per_minute(window: Window) -> float:
    """Least-squares slope of a window, units a minute; NaN for fewer than three different times.

    Example:
        >>> w = Window(np.array([0, 30_000_000, 60_000_000]), np.array([1.0, 2.0, 3.0]))
        >>> round(slope_per_minute(w), 6)
        2.0
    """
    if len(np.unique(window.time)) < 3:
        return float("nan")
    minutes = (window.time - window.time[0]) / 60e6
    centred = minutes - minutes.mean()
    return float((centred * (window.value - window.value.mean())).sum() / (centred**2).sum())
