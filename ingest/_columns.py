"""From decoded readings to columns, and which rows deserve a second look. Pure.

Sensor types whose messages are laid out alike (as many columns of the same kinds) are done together, and each gets its
stretch of the columns: a flush of a thousand sensor types with sixteen readings each costs about what one of sixteen
thousand readings does.
"""

from __future__ import annotations

import struct
from datetime import timedelta
from functools import lru_cache
from itertools import accumulate, chain
from math import isnan
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from msgspec.structs import astuple

from brain.times import to_us, to_us_many
from ingest.profile.native import BOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest._structs import Kind

__all__ = ["Readings", "Table", "has", "tables_of"]


_STEP: Final = timedelta(microseconds=1)
_NUMBERS: Final = ("number", "boolean")
#: So few readings are looked at cell by cell first: a check of whole columns costs as much for one as for a hundred.
_FEW: Final = 24


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
        names: Of the columns.
    """

    layout: tuple[tuple[str, bool], ...]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    past: int
    future: int
    positioned: bool
    names: tuple[str, ...]
    has_box: bool


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
        tuple(c.name for c in kind.columns),
        any(c.kind == "box" for c in kind.columns),
    )


class _Stretch(NamedTuple):
    """Readings of sensor types of one layout, one after the other.

    Attributes:
        gathered: Of each sensor type.
        counts: How many of each.
        received_at: Microseconds: int64[n].
        cells: Columns of Python values, in the order of the layout.
        times: What the readings say of their time.
    """

    gathered: list[Readings]
    counts: list[int]
    received_at: NDArray[np.int64]
    cells: Sequence[tuple[Any, ...]]
    times: tuple[Any, ...]


def tables_of(gathered: Sequence[Readings]) -> list[Table]:
    """Columns of the readings of several sensor types, in the order given; nobody writes into them but ``time``."""
    alike: dict[tuple[tuple[str, bool], ...], list[int]] = {}
    for i, some in enumerate(gathered):
        alike.setdefault(_form(some.kind).layout, []).append(i)
    stretches = [_stretch([gathered[i] for i in chosen]) for chosen in alike.values()]
    if not stretches:
        return []
    said = stretches[0].times if len(stretches) == 1 else tuple(chain.from_iterable(s.times for s in stretches))
    time, timeless, bad = _times(said, _joined([s.received_at for s in stretches]))
    out: dict[int, Table] = {}
    start = 0
    for chosen, stretch in zip(alike.values(), stretches, strict=True):
        rows = slice(start, start + len(stretch.times))
        out.update(zip(chosen, _tables(stretch, time[rows], timeless[rows], bad[rows]), strict=True))
        start = rows.stop
    return [out[i] for i in range(len(gathered))]


def _joined(arrays: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _stretch(gathered: list[Readings]) -> _Stretch:
    counts = [len(some.readings) for some in gathered]
    readings = gathered[0].readings if len(gathered) == 1 else list(chain.from_iterable(s.readings for s in gathered))
    cells = list(zip(*map(astuple, readings), strict=False))  # readings of packs have their device as one more, last
    received_at = _joined([some.received_at for some in gathered])
    return _Stretch(gathered, counts, received_at, cells, cells[len(gathered[0].kind.columns)])


def _tables(
    stretch: _Stretch, time: NDArray[np.int64], timeless: NDArray[np.bool_], bad: NDArray[np.bool_]
) -> list[Table]:
    """Tables of sensor types of one layout."""
    kinds, counts = [some.kind for some in stretch.gathered], stretch.counts
    n = len(stretch.times)
    absent = np.empty(n)  # one for all columns that nobody filled in
    absent.fill(np.nan)
    unsaid: NDArray[Any] = np.empty(n, dtype=object)  # all None
    columns: list[NDArray[Any]] = []
    numbers: list[int] = []  # columns with a number anywhere
    told: list[int] = []  # columns with a text that counts as content
    for k, (column, values) in enumerate(zip(kinds[0].columns, stretch.cells, strict=False)):
        # Compares by identity first: absent columns cost next to nothing, and those that begin filled are not counted.
        there = values[0] is not column.default or values.count(column.default) < n
        if column.kind in _NUMBERS:
            columns.append(absent)
            if there:
                numbers.append(k)
        elif column.kind == "box":
            boxes = np.full((4, n), np.nan)
            if there:
                for i, box in enumerate(values):
                    if box is not None:
                        boxes[:, i] = box
            columns.append(boxes)
        else:
            columns.append(unsaid)
            if there:
                columns[-1] = np.fromiter(values, dtype=object, count=n)
                if column.own or column.name == "status":
                    told.append(k)
    block = _block([stretch.cells[k] for k in numbers], n)
    for k, row in zip(numbers, block, strict=True):
        columns[k] = row
    suspect = _untimely(stretch, time, bad) if n > _FEW or not _is_timely(stretch, time, bad) else np.zeros(n, np.bool_)
    if n > _FEW or not _are_plain(stretch, numbers, told):
        suspect |= _broken(stretch, columns, block, numbers, told)
    if len(kinds) == 1:
        return [Table(time, timeless, suspect, _named(kinds[0], columns))]
    ends = list(accumulate(counts))
    return [
        Table(time[a:b], timeless[a:b], suspect[a:b], _named(kind, [values[..., a:b] for values in columns]))
        for kind, a, b in zip(kinds, [0, *ends], ends, strict=False)
    ]


def _block(cells: list[tuple[Any, ...]], n: int) -> NDArray[np.float64]:
    """Numbers as rows of an array; None becomes NaN, True 1.0."""
    pack = struct.Struct(f"{n}d").pack
    try:  # four times as fast as an array of tuples
        return np.frombuffer(bytearray().join([pack(*values) for values in cells])).reshape(len(cells), n)
    except struct.error:  # a None
        return np.array(cells, dtype=np.float64)


def _are_plain(stretch: _Stretch, numbers: list[int], told: list[int]) -> bool:
    """Whether all readings of one sensor type are whole and within all ranges, seen at a glance; False where unsure."""
    if len(stretch.gathered) > 1 or _form(stretch.gathered[0].kind).has_box:
        return False
    layout, cells, n = stretch.gathered[0].kind.columns, stretch.cells, len(stretch.times)
    has_content = any(not _has_none(cells[k]) for k in told)
    positions = [0, 0]
    for k in numbers:
        column = layout[k]
        values: Sequence[float] = cells[k]
        if _lacks(values):
            values = [v for v in values if v is not None and not isnan(v)]
        if values and not (column.low <= min(values) and max(values) <= column.high):
            return False
        if k < len(positions):
            positions[k] = len(values)
        elif column.own and len(values) == n:
            has_content = True
    return has_content and positions in ([0, 0], [n, n])


def _has_none(texts: tuple[str | None, ...]) -> bool:
    return not all(texts) and None in texts  # the first does not compare, so it is much the faster


def _lacks(numbers: Sequence[float | None]) -> bool:
    """Whether a number is not there: None, or NaN, which a sum does not lose."""
    try:
        return isnan(sum(numbers))  # type: ignore[arg-type]
    except TypeError:
        return True


def _broken(
    stretch: _Stretch, columns: list[NDArray[Any]], block: NDArray[np.float64], numbers: list[int], told: list[int]
) -> NDArray[np.bool_]:
    """Readings that break a range, or hold half a position, or no content; bool[n]."""
    n, counts = len(stretch.times), stretch.counts
    forms = [_form(some.kind) for some in stretch.gathered]
    layout = stretch.gathered[0].kind.columns
    suspect = np.zeros(n, dtype=np.bool_)
    content = np.zeros(n, dtype=np.bool_)
    for values in columns:
        if values.ndim == 2:
            suspect |= ((values < 0) | (values > 1)).any(axis=0)
            content |= ~np.isnan(values[0])
    for k in told:
        values = columns[k]
        content |= np.fromiter((v is not None for v in values), np.bool_, n) if _has_none(stretch.cells[k]) else True
    if numbers:
        slots = [k for k, column in enumerate(layout) if column.kind in _NUMBERS]
        bounds = [slots.index(k) for k in numbers]
        low = _spread([f.low[bounds] for f in forms], counts)
        high = _spread([f.high[bounds] for f in forms], counts)
        suspect |= ((block < low) | (block > high)).any(axis=0)
        own = [i for i, k in enumerate(numbers) if layout[k].own]
        if own:
            content |= ~np.isnan(block[own]).all(axis=0)
    lon, lat = columns[0], columns[1]
    has_lon, has_lat = ~np.isnan(lon), ~np.isnan(lat)
    suspect |= has_lon != has_lat
    suspect |= ~(content | (has_lon & _each([f.positioned for f in forms], counts)))
    return suspect


def _untimely(stretch: _Stretch, time: NDArray[np.int64], bad: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Readings whose time is none, or too far from that of their receipt; bool[n]."""
    forms = [_form(some.kind) for some in stretch.gathered]
    ahead = time - stretch.received_at
    suspect: NDArray[np.bool_] = bad | (ahead > _each([f.future for f in forms], stretch.counts))
    suspect |= -ahead > _each([f.past for f in forms], stretch.counts)
    return suspect


def _is_timely(stretch: _Stretch, time: NDArray[np.int64], bad: NDArray[np.bool_]) -> bool:
    """Whether all times of one sensor type are right, seen at a glance; False where unsure."""
    if len(stretch.gathered) > 1 or has(bad, True):
        return False
    form, ahead = _form(stretch.gathered[0].kind), (time - stretch.received_at).tolist()
    return bool(-form.past <= min(ahead) and max(ahead) <= form.future)


def _each(said: list[int], counts: list[int]) -> NDArray[np.int64] | int:
    """What each sensor type says, for each row."""
    return said[0] if len(said) == 1 else np.repeat(np.array(said), counts)


def _spread(bounds: list[NDArray[np.float64]], counts: list[int]) -> NDArray[np.float64]:
    """A bound of each column and row: columns x rows, or columns x 1 where all rows have the same."""
    if len(bounds) == 1:
        return bounds[0][:, None]
    return np.repeat(np.stack(bounds, axis=1), counts, axis=1)


def _named(kind: Kind, columns: list[NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The columns under the names that they have with a sensor type."""
    out = dict(zip(_form(kind).names, columns, strict=True))
    if (boxes := out.get("box")) is not None and boxes.ndim == 2:
        del out["box"]
        out.update(zip(BOX, boxes, strict=True))
    return out


def _times(
    values: tuple[Any, ...], received_at: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """Microseconds, which had none, and which are no times."""
    n = len(values)
    try:
        joined = "".join(values)
    except TypeError:  # a number, or none
        pass
    else:
        us, good = to_us_many(values, joined)
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


def has(mask: NDArray[np.bool_], value: bool) -> bool:
    """Whether a mask has a value anywhere; a tenth of the cost of ``any`` or ``all`` for the few rows of most masks."""
    return (1 if value else 0) in mask.tobytes()
