"""Batches as the bytes of binary COPYs: columns go in as arrays, no object is made for a row or a cell.

Form of PostgreSQL's documentation (COPY, "Binary Format"): a header, for each row the number of its cells (int16), each
cell as its length (int32, -1 for NULL) and its value, all big-endian; at the end int16 -1. Cells of one width in all
rows are laid out as one matrix; only columns with NULLs or texts of several lengths are placed cell by cell. Batches of
sensor types with as many columns of the same kinds are laid out together and cut apart at the end. A few rows alone in
their layout are written cell by cell (``_cells``).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from brain.model import FieldKind
from brain.store._cells import FEW, cells_of
from brain.store.rows import EPOCH_2000, columns_of, storage_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from brain.model import Batch, SensorType

__all__ = ["CopyData", "copies_of"]

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_US: Final = np.dtype("M8[us]")
_PREFIX: Final = 4  # bytes of a cell's length


class CopyData(NamedTuple):
    """What to hand to ``COPY table (names) FROM STDIN (FORMAT binary)``."""

    names: tuple[str, ...]
    data: bytes


class _Form(NamedTuple):
    """Names and kinds of a sensor type's columns; types of equal kinds are laid out together.

    Attributes:
        names, stored: Of the fields, and of the columns that hold them.
        layout: Whether there is a ``row_key``, and the kinds.
    """

    names: tuple[str, ...]
    stored: tuple[str, ...]
    layout: tuple[bool, tuple[FieldKind, ...]]


@lru_cache(maxsize=8192)
def _form(sensor_type: SensorType) -> _Form:
    columns = columns_of(sensor_type)
    stored = tuple(c.stored for c in columns.values())
    return _Form(tuple(columns), stored, (bool(sensor_type.key), tuple(c.kind for c in columns.values())))


class _Column(NamedTuple):
    """Cells of one column, n rows.

    Attributes:
        key: Its name, or where its name stands in a form.
        sizes: Length of each cell, -1 where it is NULL: int32[n].
        cells: All of one width: uint8[n, width], or uint8[1, width] where all are equal. Else those that are there, one
            after the other: uint8[total].
    """

    key: str | int
    sizes: NDArray[np.int32]
    cells: NDArray[np.uint8]

    @property
    def is_even(self) -> bool:
        return self.cells.ndim == 2


def copies_of(batches: Sequence[tuple[SensorType, Batch]]) -> list[CopyData]:
    """The rows of batches (one row at least in each) as COPY takes them, in the order of the batches.

    Rows are sorted as the unique index is: its pages are touched one after the other, a quarter less work for it. Rows
    that are equal there stay in the order they came. Columns without any value are left out (they become NULL).

    Raises:
        UnicodeEncodeError: A text holds half a surrogate pair.

    Example:
        >>> from brain.model import Batch, Modality, SensorType, Text
        >>> t = SensorType(id="a", family=Modality.METER, name=Text("", ""), fields=())
        >>> b = Batch("a", *(np.zeros(2, k) for k in ("i4", "M8[us]", "M8[us]", "i8")), {"lon": np.full(2, np.nan)})
        >>> (copy,) = copies_of([(t, b)])
        >>> copy.names, len(copy.data)
        (('time', 'received_at', 'position', 'device_id'), 113)
    """
    alike: dict[tuple[bool, tuple[FieldKind, ...]], list[int]] = {}
    for i, (sensor_type, _) in enumerate(batches):
        alike.setdefault(_form(sensor_type).layout, []).append(i)
    out: dict[int, CopyData] = {}
    for chosen in alike.values():
        alone = batches[chosen[0]]
        if len(chosen) == 1 and len(alone[1]) <= FEW:
            out[chosen[0]] = _few(*alone)
        else:
            out.update(zip(chosen, _together([batches[i] for i in chosen]), strict=True))
    return [out[i] for i in range(len(batches))]


def _few(sensor_type: SensorType, batch: Batch) -> CopyData:
    form = _form(sensor_type)
    names, data = cells_of(sensor_type, batch, list(zip(form.names, form.stored, form.layout[1], strict=True)))
    return CopyData(names, _HEADER + data + _TRAILER)


def _together(batches: list[tuple[SensorType, Batch]]) -> list[CopyData]:
    """Batches of sensor types of one layout."""
    forms = [_form(t) for t, _ in batches]
    rows = [b for _, b in batches]
    counts = [len(b) for b in rows]
    n = sum(counts)
    time, device = _times(_joined([b.time for b in rows])), _joined([b.device for b in rows])
    group = device if len(batches) == 1 else np.repeat(np.arange(len(batches)) << 32, counts) | device
    order = np.lexsort((time, group))
    sort = slice(None) if (order[1:] > order[:-1]).all() else order
    received_at, position = _times(_joined([b.received_at for b in rows])), _joined([b.position for b in rows])
    fixed = np.stack([time, received_at, position])
    others = [_Column("device_id", np.full(n, 4, np.int32), device[sort].astype(">i4")[:, None].view(np.uint8))]
    has_key, kinds = forms[0].layout
    if has_key:
        others.append(_texts("row_key", [k for t, b in batches for k in storage_keys(t, b)], sort))
    numbers: list[int] = []
    held: list[NDArray[Any]] = []
    for slot, kind in enumerate(kinds):
        given = [b.columns.get(f.names[slot]) for f, b in zip(forms, rows, strict=True)]
        if kind is not FieldKind.TEXT:
            numbers.append(slot)
            held.append(_joined([np.full(m, np.nan) if v is None else v for v, m in zip(given, counts, strict=True)]))
            continue
        texts = _joined_texts(given, counts)
        if texts.count(None) < n:
            others.append(_texts(slot, texts, sort))
    block = np.array(held, np.float64)
    absent = np.isnan(block)
    missing = np.count_nonzero(absent, axis=1).tolist()
    whole = [i for i, slot in enumerate(numbers) if not missing[i] and kinds[slot] is FieldKind.NUMBER]
    longs = np.concatenate([fixed, block[whole].view(np.int64)])[:, sort]
    for i, slot in enumerate(numbers):
        if missing[i] < n and (missing[i] or kinds[slot] is FieldKind.BOOLEAN):
            is_flag = kinds[slot] is FieldKind.BOOLEAN
            others.append(_some(slot, block[i][sort], absent[i][sort], is_flag=is_flag))
    even = [c for c in others if c.is_even]
    uneven = [c for c in others if not c.is_even]
    data, ends = _rows(n, longs, even, uneven)
    keys = ["time", "received_at", "position", *(numbers[i] for i in whole), *(c.key for c in (*even, *uneven))]
    cuts = [0, *ends[np.cumsum(counts) - 1].tolist()]
    names = [tuple(form.stored[k] if isinstance(k, int) else k for k in keys) for form in forms]
    return [
        CopyData(told, b"".join((_HEADER, data[a:b].data, _TRAILER)))
        for told, a, b in zip(names, cuts, cuts[1:], strict=False)
    ]


def _joined(arrays: list[NDArray[Any]]) -> NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _joined_texts(given: list[NDArray[Any] | None], counts: list[int]) -> list[str | None]:
    some: list[list[str | None]] = [[None] * m if v is None else v.tolist() for v, m in zip(given, counts, strict=True)]
    return some[0] if len(some) == 1 else list(chain.from_iterable(some))


def _times(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return times.astype(_US, copy=False).view(np.int64) - EPOCH_2000


def _some(key: int, values: NDArray[Any], absent: NDArray[np.bool_], *, is_flag: bool) -> _Column:
    """A column of flags, or of numbers of which some are NULL."""
    there = values[~absent]
    cells = (there != 0).astype(np.uint8)[:, None] if is_flag else there.astype(">f8")[:, None].view(np.uint8)
    if len(there) == len(values):
        return _Column(key, np.full(len(values), cells.shape[1], np.int32), cells)
    return _Column(key, np.where(absent, -1, cells.shape[1]).astype(np.int32), cells.ravel())


def _texts(key: str | int, texts: list[str | None], sort: NDArray[np.int64] | slice) -> _Column:
    first = texts[0]
    if first and texts.count(first) == len(texts):
        one = np.frombuffer(first.encode(), np.uint8)
        return _Column(key, np.full(len(texts), len(one), np.int32), one[None])
    if not isinstance(sort, slice):
        texts = [texts[i] for i in sort.tolist()]
    said = [t or "" for t in texts]
    joined = "".join(said)
    data = joined.encode()
    lengths = map(len, said) if len(data) == len(joined) else (len(t.encode()) for t in said)
    sizes = np.fromiter(lengths, np.int32, len(said))
    if None in texts:
        sizes[[i for i, t in enumerate(texts) if t is None]] = -1
    cells = np.frombuffer(data, np.uint8)
    width = int(sizes[0])
    return _Column(key, sizes, cells.reshape(len(said), width) if width > 0 and (sizes == width).all() else cells)


def _rows(
    n: int, longs: NDArray[np.int64], even: list[_Column], uneven: list[_Column]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """The bytes of all rows, uint8[total], and where each row ends.

    Args:
        n: How many rows.
        longs: Cells of eight bytes, one row a column.
        even: Other columns of one width.
        uneven: The rest.
    """
    wide = _PREFIX + 8
    count = len(longs) + len(even) + len(uneven)
    head = count.to_bytes(2, "big") + ((8).to_bytes(_PREFIX, "big") + bytes(8)) * len(longs)
    for c in even:
        head += c.cells.shape[1].to_bytes(_PREFIX, "big") + bytes(c.cells.shape[1])
    width = len(head)
    block = np.empty((n, width), np.uint8)
    block[:] = np.frombuffer(head, np.uint8)
    for i, values in enumerate(longs):
        np.ndarray((n,), ">i8", block, 2 + wide * i + _PREFIX, (width,))[:] = values
    at = 2 + wide * len(longs)
    for c in even:
        end = at + _PREFIX + c.cells.shape[1]
        block[:, at + _PREFIX : end] = c.cells
        at = end
    if not uneven:
        return block.reshape(-1), np.arange(1, n + 1) * width
    held = [np.maximum(c.sizes, 0).astype(np.int64) for c in uneven]
    sizes = width + _PREFIX * len(uneven) + np.sum(held, axis=0)
    ends = np.cumsum(sizes)
    offset = ends - sizes  # where the next cell of each row goes
    out = np.empty(int(ends[-1]), np.uint8)
    out[offset[:, None] + np.arange(width)] = block
    offset += width
    for c, lengths in zip(uneven, held, strict=True):
        out[offset[:, None] + np.arange(_PREFIX)] = c.sizes.astype(">i4")[:, None].view(np.uint8)
        offset += _PREFIX
        first = np.cumsum(lengths) - lengths
        out[np.repeat(offset - first, lengths) + np.arange(len(c.cells))] = c.cells
        offset += lengths
    return out, ends
