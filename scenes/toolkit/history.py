"""The last minutes of one series a device, and what they say: slope and mean over a window of event time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["History", "Window", "slope_per_minute"]

START = 64  # samples kept a device at first; doubled where a device reports faster
MOST = 4096


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
class History:
    """Rings of samples, one a row of a table.

    Attributes:
        keep_us: A sample older than this before the newest may be overwritten.
        time, value: [rows, samples]; head is the oldest cell, size how many are filled.
    """

    keep_us: int
    time: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, START), np.int64))
    value: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, START)))
    head: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))
    size: NDArray[np.int32] = field(default_factory=lambda: np.zeros(0, np.int32))

    def grow(self, rows: int) -> None:
        """Make room for this many rows."""
        have = len(self.head)
        if have >= rows:
            return
        more = max(rows, 2 * have, 16) - have
        cap = self.time.shape[1]
        self.time = np.concatenate([self.time, np.zeros((more, cap), np.int64)])
        self.value = np.concatenate([self.value, np.zeros((more, cap))])
        self.head = np.concatenate([self.head, np.zeros(more, np.int32)])
        self.size = np.concatenate([self.size, np.zeros(more, np.int32)])

    def push(self, rows: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Add one sample to each of these different rows."""
        cap = self.time.shape[1]
        full = self.size[rows] == cap
        if full.any():
            oldest = self.time[rows, self.head[rows]]
            if cap < MOST and (full & (time - oldest <= self.keep_us)).any():
                self._widen()
                self.push(rows, time, value)
                return
            self.head[rows] = np.where(full, (self.head[rows] + 1) % cap, self.head[rows])
            self.size[rows] -= full
        cell = (self.head[rows] + self.size[rows]) % cap
        self.time[rows, cell] = time
        self.value[rows, cell] = value
        self.size[rows] += 1

    def _widen(self) -> None:
        cap = self.time.shape[1]
        unrolled = (self.head[:, None] + np.arange(cap)) % cap
        self.time = np.concatenate([np.take_along_axis(self.time, unrolled, 1), np.zeros_like(self.time)], 1)
        self.value = np.concatenate([np.take_along_axis(self.value, unrolled, 1), np.zeros_like(self.value)], 1)
        self.head[:] = 0

    def window(self, row: int, end: int, seconds: float) -> Window:
        """Samples of a row with ``end - seconds <= time <= end``; ``end`` in microseconds."""
        cells = (int(self.head[row]) + np.arange(int(self.size[row]))) % self.time.shape[1]
        time, value = self.time[row, cells], self.value[row, cells]
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
