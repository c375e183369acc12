"""What device health remembers: clocks, heartbeats, and the quality of measured series."""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scenes.toolkit.beats import Beats
from scenes.toolkit.quality import Series
from scenes.toolkit.table import Slots, column

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["ClockState", "HealthState", "Measured"]


@dataclass(slots=True)
class ClockState:
    """Rows in a row that a device's clock was ahead (positive) or behind (negative), and whether that was said."""

    slots: Slots = field(default_factory=Slots)
    streak: NDArray[np.int32] = column("i4", 0)
    told: NDArray[np.bool_] = column("?", 0)


@dataclass(slots=True)
class Measured:
    """One field of one sensor type: its quality, and which notices stand."""

    slots: Slots = field(default_factory=Slots)
    series: Series = field(default_factory=Series)
    outside: NDArray[np.int32] = column("i4", 0)
    told_range: NDArray[np.bool_] = column("?", 0)
    told_flat: NDArray[np.bool_] = column("?", 0)
    told_attenuated: NDArray[np.bool_] = column("?", 0)
    told_drift: NDArray[np.bool_] = column("?", 0)


@dataclass(slots=True)
class HealthState:
    """Everything.

    Attributes:
        measured: ``sensor type/field`` -> its series.
        faulty: Device ids that say themselves that they are broken.
        check_at: When silence is looked at next, microseconds of receipt; None before the first regular report.
    """

    clock: ClockState = field(default_factory=ClockState)
    beats: Beats = field(default_factory=Beats)
    measured: dict[str, Measured] = field(default_factory=dict)
    faulty: dict[int, int] = field(default_factory=dict)
    check_at: int | None = None
