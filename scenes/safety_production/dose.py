"""What people breathed in a shift: the 8-hour time-weighted average of each detector of toxic gas, in 32 quarter hours.

A quarter hour counts with the mean of its samples, one without samples with nothing, so 8 hours are always the
denominator (PC-TWA of GBZ 2.1). O(1) a detector.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from scenes.toolkit.table import column

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Doses"]

BINS: Final = 32
BIN_US: Final = 900_000_000


@dataclass(slots=True)
class Doses:
    """Sum and number of samples of each of the last quarter hours, a row a detector; ``bin`` says which ones."""

    total: NDArray[np.float64] = column("f8", 0, BINS)
    count: NDArray[np.int32] = column("i4", 0, BINS)
    bin: NDArray[np.int64] = column("i8", -1, BINS)

    def add(self, rows: NDArray[np.intp], time: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Take samples: rows intp[n] (a row may come again), times in microseconds int64[n], values float64[n].

        Example:
            >>> from scenes.toolkit.table import grow
            >>> doses = Doses()
            >>> grow(doses, 1)
            >>> doses.add(np.array([0, 0]), np.array([0, 1]), np.array([30.0, 34.0]))
            >>> doses.mean(0, 1)
            1.0
        """
        which = time // BIN_US
        cell = which % BINS
        keep = which >= self.bin[rows, cell]  # a sample of a quarter hour long gone is lost
        if not keep.all():
            rows, value, which, cell = rows[keep], value[keep], which[keep], cell[keep]
        for n in np.flatnonzero(which > self.bin[rows, cell]).tolist():
            if which[n] > self.bin[rows[n], cell[n]]:
                self.bin[rows[n], cell[n]] = which[n]
                self.total[rows[n], cell[n]], self.count[rows[n], cell[n]] = 0.0, 0
        np.add.at(self.total, (rows, cell), value)
        np.add.at(self.count, (rows, cell), 1)

    def mean(self, row: int, time: int) -> float:
        """Mean of the 8 hours that end with the quarter hour of a time, microseconds."""
        here = (self.bin[row] > time // BIN_US - BINS) & (self.bin[row] <= time // BIN_US) & (self.count[row] > 0)
        return float((self.total[row, here] / self.count[row, here]).sum()) / BINS
