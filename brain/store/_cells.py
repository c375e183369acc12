"""A few rows as the bytes of a binary COPY, cell by cell: what arrays cost at each step is more than a few rows do.

The form is that of ``_binary``, which lays out many rows at once; the two give the same rows (the order of columns,
which COPY is told, may differ).
"""

from __future__ import annotations

from itertools import chain, repeat, starmap
from math import isnan
from struct import Struct
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from brain.model import FieldKind
from brain.store.rows import EPOCH_2000, storage_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from brain.model import Batch, SensorType

__all__ = ["FEW", "cells_of"]

#: Up to so many rows of a sensor type are laid out cell by cell.
FEW: Final = 24

_NULL: Final = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
_NUMBER: Final = Struct(">id").pack
_LENGTH: Final = Struct(">i").pack


def cells_of(
    sensor_type: SensorType, batch: Batch, columns: Sequence[tuple[str, str, FieldKind]]
) -> tuple[tuple[str, ...], bytes]:
    """Names of the columns, and the rows without header and trailer, sorted as the unique index is.

    Args:
        sensor_type: Of the rows.
        batch: One row at least; its columns are left out where they hold nothing.
        columns: Name in the batch, name in the table and kind of each column.

    Raises:
        UnicodeEncodeError: A text holds half a surrogate pair.
    """
    devices, times = batch.device.tolist(), _times(batch.time)
    order = sorted(range(len(devices)), key=lambda i: (devices[i], times[i]))
    names = ["time", "received_at", "position", "device_id"]
    plain: list[list[Any]] = []  # numbers that are there in all rows
    others: list[tuple[str, list[bytes]]] = []
    if sensor_type.key:
        others.append(("row_key", list(map(_text, storage_keys(sensor_type, batch)))))
    for name, stored, kind in columns:
        given = batch.columns.get(name)
        if given is None:
            continue
        values = given.tolist()
        if kind is FieldKind.TEXT:
            if values.count(None) < len(values):
                others.append((stored, list(map(_text, values))))
            continue
        absent = list(map(isnan, values))
        if kind is FieldKind.NUMBER and True not in absent:
            names.append(stored)
            plain.append(values)
        elif False in absent:
            others.append((stored, [_number(v) if kind is FieldKind.NUMBER else _flag(v) for v in values]))
    count = len(names) + len(others)
    pack = Struct(">hiqiqiqii" + "id" * len(plain)).pack
    fixed = (times, repeat(8), _times(batch.received_at), repeat(8), batch.position.tolist(), repeat(4), devices)
    numbers = chain.from_iterable((repeat(8), values) for values in plain)
    heads = list(starmap(pack, zip(repeat(count), repeat(8), *fixed, *numbers, strict=False)))
    rows = [b"".join(row) for row in zip(heads, *(cells for _, cells in others), strict=True)] if others else heads
    return (*names, *(name for name, _ in others)), b"".join([rows[i] for i in order])


def _times(times: NDArray[np.datetime64]) -> list[int]:
    return [t - EPOCH_2000 for t in times.astype("M8[us]", copy=False).view(np.int64).tolist()]


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    data = value.encode()
    return _LENGTH(len(data)) + data


def _number(value: float) -> bytes:
    return _NUMBER(8, value) if not isnan(value) else _NULL


def _flag(value: float) -> bytes:
    if isnan(value):
        return _NULL
    return _TRUE if value else _FALSE
