"""From decoded readings of one sensor type to columns, and which rows deserve a second look. Pure."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from msgspec.structs import astuple

from brain.times import to_us, to_us_many
from ingest.profile.native import BOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest._structs import Column, Kind

__all__ = ["Table", "table_of"]


_STEP = timedelta(microseconds=1)


class Table(NamedTuple):
    """Readings as columns, all of length n.

    Attributes:
        time: Microseconds; the time of receipt where ``timeless``.
        timeless: Readings that carried no time.
        suspect: Readings that break a range, hold half a position, no content or a wrong time: judge them one by one.
        columns: ``COMMON_NUMBERS``, ``COMMON_TEXTS`` and the fields, as in a ``Batch``.
    """

    time: NDArray[np.int64]
    timeless: NDArray[np.bool_]
    suspect: NDArray[np.bool_]
    columns: dict[str, NDArray[Any]]


def table_of(kind: Kind, readings: Sequence[Any], received_at: NDArray[np.int64]) -> Table:
    """Columns of readings.

    Args:
        kind: Their sensor type.
        readings: As the decoders of ``kind`` gave them; one at least.
        received_at: Microseconds, one a reading.
    """
    n = len(readings)
    cells = zip(*map(astuple, readings), strict=False)  # readings of packs have their device as one more, last
    columns: dict[str, NDArray[Any]] = {}
    suspect = np.zeros(n, dtype=np.bool_)
    content = np.zeros(n, dtype=np.bool_)
    absent = np.full(n, np.nan)  # one for all columns that nobody filled in: nobody writes into columns
    unsaid: NDArray[Any] = np.full(n, None, dtype=object)
    numbers: list[tuple[Column, tuple[Any, ...]]] = []
    for column, values in zip(kind.columns, cells, strict=False):
        there = values.count(column.default) < n  # compares by identity first: absent columns cost next to nothing
        if column.kind == "text":
            columns[column.name] = unsaid
            if there:
                texts = columns[column.name] = np.empty(n, dtype=object)
                texts[:] = values
                if column.own or column.name == "status":
                    content |= np.fromiter((v is not None for v in values), np.bool_, n) if None in values else True
        elif column.kind == "box":
            boxes = np.full((4, n), np.nan)
            if there:
                for i, box in enumerate(values):
                    if box is not None:
                        boxes[:, i] = box
                suspect |= ((boxes < 0) | (boxes > 1)).any(axis=0)
                content |= ~np.isnan(boxes[0])
            columns.update(zip(BOX, boxes, strict=True))
        else:
            columns[column.name] = absent
            if there:
                numbers.append((column, values))
    if numbers:
        filled = np.array([values for _, values in numbers], dtype=np.float64)  # None becomes NaN, True 1.0
        columns.update((column.name, row) for (column, _), row in zip(numbers, filled, strict=True))
        low = np.array([column.low for column, _ in numbers])[:, None]
        high = np.array([column.high for column, _ in numbers])[:, None]
        suspect |= ((filled < low) | (filled > high)).any(axis=0)
        own = [i for i, (column, _) in enumerate(numbers) if column.own]
        if own:
            content |= ~np.isnan(filled[own]).all(axis=0)
    if columns["lon"] is absent and columns["lat"] is absent:
        suspect |= ~content
    else:
        has_lon, has_lat = ~np.isnan(columns["lon"]), ~np.isnan(columns["lat"])
        suspect |= has_lon != has_lat
        suspect |= ~(content | has_lon) if kind.positioned else ~content
    time, timeless, bad = _times(next(cells), received_at)
    ahead = time - received_at
    suspect |= bad | (ahead > kind.type.future // _STEP) | (-ahead > kind.type.past // _STEP)
    return Table(time, timeless, suspect, columns)


def _times(
    values: tuple[Any, ...], received_at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Microseconds, which had none, and which are no times."""
    n = len(values)
    kinds = set(map(type, values))
    if kinds == {str}:
        us, good = to_us_many(values)
        return us, np.zeros(n, dtype=np.bool_), ~good
    us = received_at.copy()
    timeless = np.zeros(n, dtype=np.bool_)
    bad = np.zeros(n, dtype=np.bool_)
    texts = [i for i, v in enumerate(values) if type(v) is str]
    if texts:
        us[texts], good = to_us_many([values[i] for i in texts])
        bad[texts] = ~good
    for i, v in enumerate(values):
        if v is None:
            timeless[i] = True
        elif type(v) is not str:
            try:
                us[i] = to_us(v)
            except ValueError:
                bad[i] = True
    return us, timeless, bad
