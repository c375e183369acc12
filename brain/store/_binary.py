"""A batch as the bytes of a binary COPY: columns go in as arrays, no object is made for a row or a cell.

Form of PostgreSQL's documentation (COPY, "Binary Format"): a header, for each row the number of its cells (int16), each
cell as its length (int32, -1 for NULL) and its value, all big-endian; at the end int16 -1. Cells of one width in all
rows are laid out as one matrix; only columns with NULLs or texts of several lengths are placed cell by cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from brain.model import FieldKind
from brain.store.rows import EPOCH_2000, columns_of, storage_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from brain.model import Batch, SensorType

__all__ = ["CopyData", "copy_data"]

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER: Final = b"\xff\xff"
_PREFIX: Final = 4  # bytes of a cell's length


class CopyData(NamedTuple):
    """What to hand to ``COPY table (names) FROM STDIN (FORMAT binary)``."""

    names: list[str]
    data: bytes


class _Column(NamedTuple):
    """Cells of one column, n rows.

    Attributes:
        sizes: Length of each cell, -1 where it is NULL: int32[n].
        cells: All of one width: uint8[n, width]. Else those that are there, one after the other: uint8[total].
    """

    name: str
    sizes: NDArray[np.int32]
    cells: NDArray[np.uint8]

    @property
    def is_even(self) -> bool:
        return self.cells.ndim == 2


def copy_data(sensor_type: SensorType, batch: Batch) -> CopyData:
    """The rows of a batch (one at least) as COPY takes them; columns without any value are left out (they become NULL).

    Raises:
        UnicodeEncodeError: A text holds half a surrogate pair.

    Example:
        >>> from brain.model import Batch, Modality, SensorType, Text
        >>> t = SensorType(id="a", family=Modality.METER, name=Text("", ""), fields=())
        >>> b = Batch("a", *(np.zeros(2, k) for k in ("i4", "M8[us]", "M8[us]", "i8")), {"lon": np.full(2, np.nan)})
        >>> copy_data(t, b).names, len(copy_data(t, b).data)
        (['time', 'received_at', 'position', 'device_id'], 113)
    """
    n = len(batch)
    longs = {"time": _times(batch.time), "received_at": _times(batch.received_at), "position": batch.position}
    even = [_Column("device_id", np.full(n, 4, np.int32), batch.device.astype(">i4")[:, None].view(np.uint8))]
    others: list[_Column] = []
    if sensor_type.key:
        others.append(_texts("row_key", storage_keys(sensor_type, batch)))
    for name, column in columns_of(sensor_type).items():
        values = batch.columns.get(name)
        if values is None:
            continue
        if column.kind is FieldKind.TEXT:
            if values[0] is not None or any(t is not None for t in values):
                others.append(_texts(column.stored, values.tolist()))
            continue
        absent = np.isnan(values)
        count = int(np.count_nonzero(absent))
        if count == 0 and column.kind is FieldKind.NUMBER:
            longs[column.stored] = values.view(np.int64)
        elif count < n:
            others.append(_some(column.stored, values, absent, is_flag=column.kind is FieldKind.BOOLEAN))
    even += [c for c in others if c.is_even]
    uneven = [c for c in others if not c.is_even]
    data = _HEADER + _rows(n, np.stack(list(longs.values())), even, uneven).tobytes() + _TRAILER
    return CopyData([*longs, *(c.name for c in even), *(c.name for c in uneven)], data)


def _times(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return times.astype("M8[us]").view(np.int64) - EPOCH_2000


def _some(name: str, values: NDArray[Any], absent: NDArray[np.bool_], *, is_flag: bool) -> _Column:
    """A column of flags, or of numbers of which some are NULL."""
    there = values[~absent]
    cells = (there != 0).astype(np.uint8)[:, None] if is_flag else there.astype(">f8")[:, None].view(np.uint8)
    if len(there) == len(values):
        return _Column(name, np.full(len(values), cells.shape[1], np.int32), cells)
    return _Column(name, np.where(absent, -1, cells.shape[1]).astype(np.int32), cells.ravel())


def _texts(name: str, texts: Sequence[str | None]) -> _Column:
    said = [t or "" for t in texts]
    joined = "".join(said)
    data = joined.encode()
    lengths = map(len, said) if len(data) == len(joined) else (len(t.encode()) for t in said)
    sizes = np.fromiter(lengths, np.int32, len(said))
    if None in texts:
        sizes[[i for i, t in enumerate(texts) if t is None]] = -1
    cells = np.frombuffer(data, np.uint8)
    width = int(sizes[0])
    return _Column(name, sizes, cells.reshape(len(said), width) if width > 0 and (sizes == width).all() else cells)


def _rows(n: int, longs: NDArray[np.int64], even: list[_Column], uneven: list[_Column]) -> NDArray[np.uint8]:
    """The bytes of all rows: cells of eight bytes (``longs``: one row a column), other even columns, uneven ones."""
    wide = _PREFIX + 8
    at = 2 + wide * len(longs)
    width = at + sum(_PREFIX + c.cells.shape[1] for c in even)
    block = np.empty((n, width), np.uint8)
    block[:, :2] = _big_endian(len(longs) + len(even) + len(uneven), ">i2")
    cells = np.empty((n, len(longs), wide), np.uint8)
    cells[:, :, :_PREFIX] = _big_endian(8, ">i4")
    cells[:, :, _PREFIX:] = longs.T.astype(">i8", order="C").view(np.uint8).reshape(n, len(longs), 8)
    block[:, 2:at] = cells.reshape(n, -1)
    for c in even:
        size = c.cells.shape[1]
        block[:, at : at + _PREFIX] = _big_endian(size, ">i4")
        block[:, at + _PREFIX : at + _PREFIX + size] = c.cells
        at += _PREFIX + size
    if not uneven:
        return block
    held = [np.maximum(c.sizes, 0).astype(np.int64) for c in uneven]
    sizes = width + _PREFIX * len(uneven) + np.sum(held, axis=0)
    offset = np.cumsum(sizes) - sizes  # where the next cell of each row goes
    out = np.empty(int(sizes.sum()), np.uint8)
    out[offset[:, None] + np.arange(width)] = block
    offset += width
    for c, lengths in zip(uneven, held, strict=True):
        out[offset[:, None] + np.arange(_PREFIX)] = c.sizes.astype(">i4")[:, None].view(np.uint8)
        offset += _PREFIX
        first = np.cumsum(lengths) - lengths
        out[np.repeat(offset - first, lengths) + np.arange(len(c.cells))] = c.cells
        offset += lengths
    return out


def _big_endian(value: int, kind: str) -> NDArray[np.uint8]:
    return np.array([value], kind).view(np.uint8)
