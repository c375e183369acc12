"""Rows as an Arrow IPC stream (columnar format 1.5, "IPC Streaming Format"): one schema, one record batch, the end.

Only what rows need: float64, utf8, bool, timestamps in UTC. The metadata of a message is a FlatBuffer, which is
written from its end to its front; positions below are counted from the end. Layout of a message:

| bytes | what |
|---|---|
| 4 | 0xFFFFFFFF |
| 4 | length of the metadata, padded so that the body begins at a multiple of 8 |
| n | metadata: table ``Message`` {0 version, 1 header type, 2 header, 3 body length} |
| m | body: the buffers, each padded to 8 |

``Schema`` {0 endianness, 1 fields}; ``Field`` {0 name, 1 nullable, 2 type type, 3 type, 5 children, 6 metadata};
``RecordBatch`` {0 length, 1 nodes, 2 buffers}.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from brain.model import FieldKind
from brain.times import to_us_many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ARROW", "Column", "arrow_stream"]

ARROW: Final = "application/vnd.apache.arrow.stream"
_END: Final = struct.pack("<II", 0xFFFFFFFF, 0)
_V5: Final = 4
_SCHEMA, _RECORD_BATCH = 1, 3
_FLOAT, _UTF8, _BOOL, _TIMESTAMP = 3, 5, 6, 10
_DOUBLE, _MICROSECONDS = 2, 2


class Column(NamedTuple):
    """A column: its name, what it holds (None: a time), its UCUM unit."""

    name: str
    kind: FieldKind | None
    unit: str | None = None


class _Flat:
    """A FlatBuffer under construction, from the end to the front."""

    def __init__(self) -> None:
        self._data = b""

    def _align(self, size: int, following: int) -> None:
        self._data = bytes(-(len(self._data) + following) % size) + self._data

    def _put(self, data: bytes, align: int) -> int:
        self._align(align, len(data))
        self._data = data + self._data
        return len(self._data)

    def text(self, value: str) -> int:
        """A string."""
        data = value.encode() + b"\0"
        self._align(4, len(data))
        return self._put(struct.pack("<I", len(data) - 1) + data, 1)

    def offsets(self, targets: Sequence[int]) -> int:
        """A vector of tables."""
        self._align(4, 4 * len(targets))
        for target in reversed(targets):
            self._put(struct.pack("<I", len(self._data) + 4 - target), 4)
        return self._put(struct.pack("<I", len(targets)), 4)

    def pairs(self, values: Sequence[tuple[int, int]]) -> int:
        """A vector of structs of two int64."""
        self._align(8, 0)
        for pair in reversed(values):
            self._put(struct.pack("<qq", *pair), 8)
        return self._put(struct.pack("<I", len(values)), 4)

    def table(self, slots: Mapping[int, tuple[str, int]]) -> int:
        """A table of ``slot -> (format, value)``; format ``O`` is a position made before."""
        end = len(self._data)
        at: dict[int, int] = {}
        for slot, (form, value) in sorted(slots.items(), key=lambda s: -struct.calcsize(s[1][0].replace("O", "I"))):
            size = struct.calcsize("<" + form.replace("O", "I"))
            self._align(size, size)
            found = len(self._data) + size - value if form == "O" else value
            at[slot] = self._put(struct.pack("<" + form.replace("O", "I"), found), size)
        count = max(slots, default=-1) + 1
        size = 4 + 2 * count
        start = self._put(struct.pack("<i", size), 4)
        entries = [start - at[slot] if slot in at else 0 for slot in range(count)]
        self._put(struct.pack(f"<{count + 2}H", size, start - end, *entries), 2)
        return start

    def finish(self, root: int) -> bytes:
        """The whole, its length a multiple of 8."""
        self._align(8, 4)
        return struct.pack("<I", len(self._data) + 4 - root) + self._data


def _message(flat: _Flat, kind: int, header: int, body: bytes) -> bytes:
    root = flat.table({0: ("h", _V5), 1: ("B", kind), 2: ("O", header), 3: ("q", len(body))})
    metadata = flat.finish(root)
    return struct.pack("<II", 0xFFFFFFFF, len(metadata)) + metadata + body


def _schema(columns: Sequence[Column]) -> bytes:
    flat = _Flat()
    fields = []
    for column in columns:
        if column.kind is None:
            zone = flat.text("UTC")
            code, type_ = _TIMESTAMP, flat.table({0: ("h", _MICROSECONDS), 1: ("O", zone)})
        elif column.kind is FieldKind.NUMBER:
            code, type_ = _FLOAT, flat.table({0: ("h", _DOUBLE)})
        else:
            code, type_ = (_BOOL if column.kind is FieldKind.BOOLEAN else _UTF8), flat.table({})
        slots = {1: ("?", 1), 2: ("B", code), 3: ("O", type_), 5: ("O", flat.offsets([]))}
        if column.unit is not None:
            value = flat.text(column.unit)
            pair = flat.table({0: ("O", flat.text("unit")), 1: ("O", value)})
            slots[6] = ("O", flat.offsets([pair]))
        slots[0] = ("O", flat.text(column.name))
        fields.append(flat.table(slots))
    return _message(flat, _SCHEMA, flat.table({1: ("O", flat.offsets(fields))}), b"")


def _buffers(column: Column, values: Sequence[Any]) -> tuple[int, list[bytes]]:
    """Number of absent values, and the buffers: validity, then (offsets and) data."""
    n = len(values)
    present = np.fromiter((v is not None for v in values), np.bool_, n)
    absent = n - int(present.sum())
    validity = np.packbits(present, bitorder="little").tobytes() if absent else b""
    if column.kind is None:
        times, _ = to_us_many([v or "1970-01-01T00:00:00Z" for v in values])
        return absent, [validity, times.astype("<i8").tobytes()]
    if column.kind is FieldKind.NUMBER:
        return absent, [validity, np.array([v or 0.0 for v in values], "<f8").tobytes()]
    if column.kind is FieldKind.BOOLEAN:
        return absent, [
            validity,
            np.packbits(np.array([bool(v) for v in values], np.bool_), bitorder="little").tobytes(),
        ]
    texts = [str(v).encode() if v is not None else b"" for v in values]
    ends = np.cumsum([0, *map(len, texts)]).astype("<i4")
    return absent, [validity, ends.tobytes(), b"".join(texts)]


def arrow_stream(rows: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> bytes:
    """The stream of these rows.

    Args:
        rows: ROWs; a column that a row leaves out is null there.
        columns: In this order; units become field metadata ``unit``.

    Example:
        >>> arrow_stream([], [Column("device", FieldKind.TEXT)])[-8:].hex()
        'ffffffff00000000'
    """
    nodes: list[tuple[int, int]] = []
    places: list[tuple[int, int]] = []
    body = bytearray()
    for column in columns:
        absent, buffers = _buffers(column, [row.get(column.name) for row in rows])
        nodes.append((len(rows), absent))
        for buffer in buffers:
            places.append((len(body), len(buffer)))
            body += buffer + bytes(-len(buffer) % 8)
    flat = _Flat()
    at_places = flat.pairs(places)
    at_nodes = flat.pairs(nodes)
    header = flat.table({0: ("q", len(rows)), 1: ("O", at_nodes), 2: ("O", at_places)})
    return _schema(columns) + _message(flat, _RECORD_BATCH, header, bytes(body)) + _END
