"""Who has fallen silent: the heartbeat of devices that report regularly, from times of receipt. O(1) a device.

A device is judged once its last intervals are alike (the longest at most three times the shortest); what speaks only
when something happens never is. Intervals are counted in whole seconds of receipt, so that it does not matter how the
stream was cut.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from scenes.toolkit.table import NEVER, Slots, column, grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Beats"]

KEPT: Final = 8
SECOND: Final = 1_000_000


@dataclass(slots=True)
class Beats:
    """One row a device.

    Attributes:
        last: Time of receipt of its last row, microseconds.
        gaps: Its last intervals, seconds; 0 where there is none yet.
        seen: Intervals so far.
        lost: It was told to be silent.
        resting: Its last row said that it is worked on, so that silence means nothing.
        stalled: When the whole stream was last seen to stand, microseconds; silence counts from there.
    """

    slots: Slots = field(default_factory=Slots)
    last: NDArray[np.int64] = column("i8", NEVER)
    gaps: NDArray[np.int32] = column("i4", 0, KEPT)
    seen: NDArray[np.int32] = column("i4", 0)
    lost: NDArray[np.bool_] = column("?", 0)
    resting: NDArray[np.bool_] = column("?", 0)
    stalled: int = NEVER

    def hear(self, device: NDArray[np.int32], received: NDArray[np.int64]) -> NDArray[np.intp]:
        """Take rows: ids int32[n] and times of receipt int64[n], never decreasing. Their rows here, intp[n].

        Example:
            >>> beats = Beats()
            >>> for second in range(0, 70, 10):
            ...     _ = beats.hear(np.array([5]), np.array([second * 1_000_000]))
            >>> beats.wait_s(60.0, 3.0, 5).tolist()
            [60.0]
        """
        rows = self.slots.of(device).astype(np.intp)
        if self.slots.used > len(self.last):
            grow(self, self.slots.used)
        before = self.last[rows]
        gap = received // SECOND - before // SECOND
        counts = (gap > 0) & (before > self.stalled) & ~self.lost[rows]
        if counts.any():
            some = rows[counts]
            self.gaps[some, self.seen[some] % KEPT] = np.minimum(gap[counts], 2**31 - 1)
            self.seen[some] = self.seen[some] + 1
        self.last[rows] = received
        return rows

    def period_s(self, intervals: int) -> NDArray[np.float64]:
        """The longest usual interval of each device, seconds, float64[rows]; infinite for irregular ones."""
        used = self.slots.used
        gaps = self.gaps[:used]
        longest = gaps.max(axis=1) if used else np.zeros(0)
        shortest = np.where(gaps > 0, gaps, 2**31 - 1).min(axis=1) if used else np.zeros(0)
        judged = (self.seen[:used] >= intervals) & (longest <= 3 * shortest)
        return np.where(judged, longest, np.inf)

    def wait_s(self, least_s: float, periods: float, intervals: int) -> NDArray[np.float64]:
        """Seconds after which each device counts as silent, float64[rows]; infinite for irregular ones."""
        return np.maximum(least_s, periods * self.period_s(intervals))
