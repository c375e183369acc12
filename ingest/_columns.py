"""From decoded readings to columns, and which rows deserve a second look. Pure.

Sensor types whose messages are laid out alike (as many columns of the same kinds) are done together, and each gets its
stretch of the columns: a flush of a thousand sensor types with sixteen readings each costs about what one of sixteen
thousand readings does.
"""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from itertools import accumulate, chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from msgspec.structs import astuple

from brain.times import to_us, to_us_many
from ingest.profile.native import BOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest._structs import Kind

__all__ = ["Readings", "Table", "tables_of"]


_STEP: Final = timedelta(microseconds=1)
_NUMBERS: Final = ("number", "boolean")


class Readings(NamedTuple):
    """Decoded readings of one sensor type, one at least.

    Attributes:
        kind: Their sensor type.
        readings: As the decoders of ``kind`` gave them.
        received_at: Microseconds, one a reading.
    """

    kind: Kind
    readings: Sequence[Any]
    received_at: NDArray[np.int64]


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


class _Form(NamedTuple):
    """What the columns of a sensor type must be like.

    Attributes:
        layout: What sensor types done together have in common: kind of each column, and whether it is their own.
        low, high: Of the columns with numbers or flags.
        past, future: How far from the time of receipt a time may be, microseconds.
    """

    layout: tuple[tuple[str, bool], ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    past: int
    future: int
    positioned: bool


@lru_cache(maxsize=8192)
def _form(kind: Kind) -> _Form:
    numbers = [c for c in kind.columns if c.kind in _NUMBERS]
    return _Form(
        tuple((c.kind, c.own) for c in kind.columns),
        np.array([c.low for c in numbers]),
        np.array([c.high for c in numbers]),
        kind.type.past // _STEP,
        kind.type.future // _STEP,
        kind.positioned,
    )


def tables_of(gathered: Sequence[Readings]) -> list[Table]:
    """Columns of the readings of several sensor types, in the order given; nobody writes into them but ``time``."""
    alike: dict[tuple[tuple[str, bool], ...], list[int]] = {}
    for i, some in enumerate(gathered):
        alike.setdefault(_form(some.kind).layout, []).append(i)
    out: dict[int, Table] = {}
    for chosen in alike.values():
        out.update(zip(chosen, _together([gathered[i] for i in chosen]), strict=True))
    return [out[i] for i in range(len(gathered))]


def _together(gathered: list[Readings]) -> list[Table]:
    """Tables of sensor types of one layout."""
    kinds = [some.kind for some in gathered]
    counts = [len(some.readings) for some in gathered]
    forms = [_form(kind) for kind in kinds]
    if len(gathered) == 1:
        readings, received_at = gathered[0].readings, gathered[0].received_at
    else:
        readings = list(chain.from_iterable(some.readings for some in gathered))
        received_at = np.concatenate([some.received_at for some in gathered])
    n = len(readings)
    cells = zip(*map(astuple, readings), strict=False)  # readings of packs have their device as one more, last
    suspect = np.zeros(n, dtype=np.bool_)
    content = np.zeros(n, dtype=np.bool_)
    absent = np.full(n, np.nan)  # one for all columns that nobody filled in
    unsaid: NDArray[Any] = np.full(n, None, dtype=object)
    columns: list[NDArray[Any]] = []
    numbers: list[int] = []  # columns with a number anywhere, ...
    filled: list[tuple[Any, ...]] = []  # ... and what is in them
    bounds: list[int] = []
    own = []
    at = 0
    for k, (column, values) in enumerate(zip(kinds[0].columns, cells, strict=False)):
        there = values.count(column.default) < n  # compares by identity first: absent columns cost next to nothing
        if column.kind in _NUMBERS:
            columns.append(absent)
            if there:
                numbers.append(k)
                filled.append(values)
                bounds.append(at)
                own.append(column.own)
            at += 1
        elif column.kind == "box":
            boxes = np.full((4, n), np.nan)
            if there:
                for i, box in enumerate(values):
                    if box is not None:
                        boxes[:, i] = box
                suspect |= ((boxes < 0) | (boxes > 1)).any(axis=0)
                content |= ~np.isnan(boxes[0])
            columns.append(boxes)
        else:
            columns.append(unsaid)
            if there:
                texts = columns[-1] = np.empty(n, dtype=object)
                texts[:] = values
                if column.own or column.name == "status":
                    content |= np.fromiter((v is not None for v in values), np.bool_, n) if None in values else True
    if filled:
        block = np.array(filled, dtype=np.float64)  # None becomes NaN, True 1.0
        for k, row in zip(numbers, block, strict=True):
            columns[k] = row
        low = _spread([f.low[bounds] for f in forms], counts)
        high = _spread([f.high[bounds] for f in forms], counts)
        suspect |= ((block < low) | (block > high)).any(axis=0)
        if any(own):
            content |= ~np.isnan(block[own]).all(axis=0)
    lon, lat = columns[0], columns[1]
    if lon is absent and lat is absent:
        suspect |= ~content
    else:
        has_lon, has_lat = ~np.isnan(lon), ~np.isnan(lat)
        suspect |= has_lon != has_lat
        suspect |= ~(content | (has_lon & _each([f.positioned for f in forms], counts)))
    time, timeless, bad = _times(next(cells), received_at)
    ahead = time - received_at
    suspect |= bad | (ahead > _each([f.future for f in forms], counts))
    suspect |= -ahead > _each([f.past for f in forms], counts)
    if len(gathered) == 1:
        return [Table(time, timeless, suspect, _named(kinds[0], columns, 0, n))]
    ends = list(accumulate(counts))
    return [
        Table(time[a:b], timeless[a:b], suspect[a:b], _named(kind, columns, a, b))
        for kind, a, b in zip(kinds, [0, *ends], ends, strict=False)
    ]


def _each(said: list[int], counts: list[int]) -> NDArray[np.int64] | int:
    """What each sensor type says, for each row."""
    return said[0] if len(said) == 1 else np.repeat(np.array(said), counts)


def _spread(bounds: list[NDArray[np.float64]], counts: list[int]) -> NDArray[np.float64]:
    """A bound of each column and row: columns x rows, or columns x 1 where all rows have the same."""
    if len(bounds) == 1:
        return bounds[0][:, None]
    return np.repeat(np.stack(bounds, axis=1), counts, axis=1)


def _named(kind: Kind, columns: list[NDArray[Any]], a: int, b: int) -> dict[str, NDArray[Any]]:
    """Rows ``a`` to ``b`` of the columns under the names that they have with a sensor type."""
    out: dict[str, NDArray[Any]] = {}
    for column, values in zip(kind.columns, columns, strict=True):
        if values.ndim == 1:
            out[column.name] = values[a:b]
        else:
            out.update(zip(BOX, values[:, a:b], strict=True))
    return out


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
