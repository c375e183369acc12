"""The wire format of protocol buffers, read field by field. Pure.

A message is fields: a key (varint: number << 3 | wire type) and a value. Wire types: 0 varint, 1 eight bytes, 2 length
and bytes, 5 four bytes (developers' documentation of protocol buffers, "Encoding"; groups are refused).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["as_double", "as_float", "as_text", "fields_of", "varint_at"]

_MOST_FIELDS: Final = 50_000
_FIXED: Final = {1: 8, 5: 4}


def varint_at(data: bytes, at: int, name: str) -> tuple[int, int]:
    """The number that begins at a byte, 64 bits of it, and where it ends.

    Raises:
        WrongValueError: It does not end.

    Example:
        >>> varint_at(bytes.fromhex("9601"), 0, "x")
        (150, 2)
    """
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise WrongValueError(f"{name}: a number at byte {at} does not end")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at


def fields_of(data: bytes, name: str) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of each field: an int of wire type 0, bytes of the other ones.

    Args:
        data: A message.
        name: What it is, for refusals.

    Raises:
        WrongValueError: It is no message of protocol buffers.

    Example:
        >>> list(fields_of(bytes.fromhex("089601 1203746578"), "payload"))
        [(1, 150), (2, b'tex')]
    """
    at = count = 0
    while at < len(data):
        key, at = varint_at(data, at, name)
        number, wire = key >> 3, key & 7
        count += 1
        if not number or number >= 1 << 29 or wire not in (0, 1, 2, 5):
            raise WrongValueError(f"{name}: byte {at - 1} begins no field of protocol buffers")
        if count > _MOST_FIELDS:
            raise WrongValueError(f"{name}: more than {_MOST_FIELDS} fields", "too_large")
        if wire == 0:
            value, at = varint_at(data, at, name)
            yield number, value
            continue
        size = _FIXED.get(wire)
        if size is None:
            size, at = varint_at(data, at, name)
        if size > len(data) - at:
            raise WrongValueError(f"{name}: field {number} needs {size} bytes, {len(data) - at} are left")
        yield number, data[at : at + size]
        at += size


def as_float(value: int | bytes, name: str) -> float:
    """A float of four bytes."""
    if not isinstance(value, bytes) or len(value) != 4:
        raise WrongValueError(f"{name}: is no float")
    out: float = struct.unpack("<f", value)[0]
    return out


def as_double(value: int | bytes, name: str) -> float:
    """A float of eight bytes."""
    if not isinstance(value, bytes) or len(value) != 8:
        raise WrongValueError(f"{name}: is no double")
    out: float = struct.unpack("<d", value)[0]
    return out


def as_text(value: int | bytes, name: str) -> str:
    """A text in UTF-8."""
    if not isinstance(value, bytes):
        raise WrongValueError(f"{name}: is no text")
    try:
        return value.decode()
    except UnicodeDecodeError as e:
        raise WrongValueError(f"{name}: byte {e.start} of it is not UTF-8", "bad_text") from None
