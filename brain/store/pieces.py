"""The log's own format: a piece as compact columnar msgpack.

```
{"v": 1, "b": {sensor type: [n, device, time, received_at, position, {column: values}]}}
    device        bytes, int32 little-endian
    time          bytes, int64 microseconds
    received_at   bytes as time; an integer where all are equal
    position      bytes, int64; an integer (the first) where they follow one another
    numbers       bytes, float64; nil where all are absent
    texts         list of texts and nil; 0 where all are absent; a text where all are this one
```
"""

from __future__ import annotations

from collections.abc import Sized
from math import isnan
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import msgspec
import numpy as np

from brain.errors import StoreError
from brain.model import Batch, Piece

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["decode_piece", "encode_piece"]

T = TypeVar("T", bound=Sized)


class _Document(msgspec.Struct):
    v: Literal[1]
    b: dict[str, list[Any]]


_I4: Final = np.dtype("<i4")
_I8: Final = np.dtype("<i8")
_F8: Final = np.dtype("<f8")
_US: Final = np.dtype("<M8[us]")
_NAN: Final = np.full(1, np.nan, _F8).tobytes()

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Document)


def encode_piece(piece: Piece) -> bytes:
    """The bytes of a piece.

    Example:
        >>> decode_piece(encode_piece(Piece({}))).rows
        0
    """
    return _encoder.encode({"v": 1, "b": {t: _pack(b) for t, b in piece.batches.items() if len(b)}})


def decode_piece(data: bytes) -> Piece:
    """The piece of these bytes; its arrays may be written to.

    Raises:
        StoreError: They are no piece: bytes that were damaged, or of another version.
    """
    try:
        document = _decoder.decode(data)
        return Piece({t: _unpack(t, *packed) for t, packed in document.b.items()})
    except (msgspec.DecodeError, ValueError, TypeError, AttributeError) as error:
        raise StoreError(
            f"an entry of the log cannot be read ({error}); restore the data base from a backup"
        ) from error


def _pack(batch: Batch) -> list[Any]:
    received = _plain(batch.received_at)
    position = _plain(batch.position)
    n = len(position)
    at, first = received.item(0), position.item(0)
    return [
        n,
        batch.device.astype(_I4, copy=False).tobytes(),
        _plain(batch.time).tobytes(),
        at if received.item(-1) == at and (received == at).all() else received.tobytes(),
        first if position.item(-1) - first == n - 1 else position.tobytes(),
        {name: _pack_column(values) for name, values in batch.columns.items()},
    ]


def _plain(values: NDArray[Any]) -> NDArray[np.int64]:
    """Whole numbers, or times as microseconds, of eight bytes; no copy where they are so already."""
    if values.dtype.kind == "M":
        return values.astype(_US, copy=False).view(_I8)
    return values.astype(_I8, copy=False)


def _pack_column(values: NDArray[Any]) -> bytes | list[str | None] | str | int | None:
    if values.dtype == object:
        texts: list[str | None] = values.tolist()
        first = texts[0]
        if texts.count(first) == len(texts):
            return 0 if first is None else first
        return texts
    data = values.astype(_F8, copy=False).tobytes()
    if not isnan(values.item(0)) or (data != _NAN * len(values) and not np.isnan(values).all()):
        return data
    return None


def _unpack(
    sensor_type: str, n: int, device: bytes, time: bytes, received_at: bytes | int, position: bytes | int, columns: Any
) -> Batch:
    devices = _counted(n, np.frombuffer(device, "<i4")).astype(np.int32)
    received = np.full(n, received_at, np.int64) if isinstance(received_at, int) else _longs(n, received_at)
    return Batch(
        sensor_type,
        devices,
        _longs(n, time).view("M8[us]"),
        received.view("M8[us]"),
        np.arange(position, position + n, dtype=np.int64) if isinstance(position, int) else _longs(n, position),
        {name: _unpack_column(n, values) for name, values in columns.items()},
    )


def _longs(n: int, data: bytes) -> NDArray[np.int64]:
    return _counted(n, np.frombuffer(data, "<i8")).astype(np.int64)


def _unpack_column(n: int, values: bytes | list[str | None] | str | int | None) -> NDArray[Any]:
    if values is None:
        return np.full(n, np.nan)
    if isinstance(values, bytes):
        return _counted(n, np.frombuffer(values, "<f8")).astype(np.float64)
    texts = np.full(n, None, object)
    if isinstance(values, list):
        texts[:] = _counted(n, values)
    elif isinstance(values, str):
        texts[:] = values
    return texts


def _counted(n: int, values: T) -> T:
    if len(values) != n:
        raise ValueError(f"{len(values)} values for {n} rows")
    return values
