"""Arrays that hold one row a device, dense however sparse the ids of devices are, and growing.

A scene keeps a dataclass of arrays; ``Slots`` gives each device a row at its first appearance, ``grow`` makes room.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["NEVER", "Slots", "column", "grow", "runs_of", "turns"]

NEVER: Final = -(2**62)  #: in a column of times: not yet


def column(dtype: str, fill: float = 0, width: int = 0) -> Any:
    """A dataclass field: an array, one row (of ``width`` cells, 0: one number) a device, new rows filled with ``fill``.

    Example:
        >>> @dataclass
        ... class Table:
        ...     value: Any = column("f8", np.nan)
        >>> t = Table()
        >>> grow(t, 3)
        >>> len(t.value) >= 3
        True
    """
    shape = (0, width) if width else (0,)
    return field(default_factory=lambda: np.empty(shape, dtype), metadata={"fill": fill})


def grow(table: Any, rows: int, share: float = 1.0) -> None:
    """Make every array of a dataclass of ``column`` fields at least this long.

    Args:
        table: The dataclass.
        rows: Wanted.
        share: Room to spare, of what there is; by default it doubles, so that it is rarely done. Wide rows want less.
    """
    for f in fields(table):
        if "fill" not in f.metadata:
            continue
        old = getattr(table, f.name)
        if len(old) >= rows:
            continue
        new = np.full((max(rows, int((1 + share) * len(old)), 16), *old.shape[1:]), f.metadata["fill"], dtype=old.dtype)
        new[: len(old)] = old
        setattr(table, f.name, new)


@dataclass(slots=True)
class Slots:
    """Which row stands for which device.

    Attributes:
        row: Device id -> row, -1 where it has none. int32[ids]
        device: Row -> device id. int32[rows]
        used: Rows given so far.
    """

    row: NDArray[np.int32] = field(default_factory=lambda: np.full(16, -1, np.int32))
    device: NDArray[np.int32] = field(default_factory=lambda: np.zeros(16, np.int32))
    used: int = 0

    def of(self, device: NDArray[np.int32]) -> NDArray[np.int32]:
        """Rows of these devices, int32[n]; new devices get the next rows in order of appearance."""
        if not len(device):
            return np.zeros(0, np.int32)
        top = int(device.max())
        if top >= len(self.row):
            self.row = np.r_[self.row, np.full(max(top + 1, 2 * len(self.row)) - len(self.row), -1, np.int32)]
        rows: NDArray[np.int32] = self.row[device]
        if rows.min() < 0:
            found, at = np.unique(device[rows < 0], return_index=True)
            new = found[np.argsort(at)]
            end = self.used + len(new)
            if end > len(self.device):
                more = max(end, 2 * len(self.device)) - len(self.device)
                self.device = np.r_[self.device, np.zeros(more, np.int32)]
            self.row[new] = np.arange(self.used, end)
            self.device[self.used : end] = new
            self.used = end
            rows = self.row[device]
        return rows

    def have(self, device: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which of these devices have a row, bool[n]."""
        out: NDArray[np.bool_] = (self.row.take(device, mode="clip") >= 0) & (device < len(self.row))
        return out


def runs_of(rows: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
    """Order that brings equal row numbers together, each in its order, and where each begins; None if all differ.

    Example:
        >>> runs_of(np.array([7, 4, 7]))
        (array([1, 0, 2]), array([0, 1]))
    """
    if len(rows) < 2:
        return None
    ranked = np.sort(rows)
    if not (ranked[1:] == ranked[:-1]).any():
        return None
    small = rows.astype(np.uint16) if ranked[-1] < 65536 and ranked[0] >= 0 else rows  # 16 bits are sorted by radix
    order = np.argsort(small, kind="stable")
    begins = np.empty(len(rows), bool)
    begins[0] = True
    np.not_equal(ranked[1:], ranked[:-1], out=begins[1:])
    return order, np.flatnonzero(begins)


def turns(rows: NDArray[Any]) -> Iterator[NDArray[np.intp]]:
    """Indices into ``rows`` such that each row number occurs at most once a turn, in order.

    Example:
        >>> [t.tolist() for t in turns(np.array([4, 4, 7]))]
        [[0, 2], [1]]
    """
    runs = runs_of(rows)
    if runs is None:
        if len(rows):
            yield np.arange(len(rows))
        return
    order, starts = runs
    length = np.diff(np.append(starts, len(order)))
    for turn in range(int(length.max())):
        yield np.sort(order[starts[length > turn] + turn])
