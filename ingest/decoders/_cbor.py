"""CBOR (RFC 8949) read into plain values, bounded. Pure.

A byte says major type (upper three bits) and a number or where it follows (lower five: to 23 itself, 24 to 27 in 1, 2,
4, 8 bytes, 31 without length until ``ff``): 0 whole number, 1 negative, 2 bytes, 3 text, 4 list, 5 object, 6 tag, 7
float and simple values. Tags 2, 3 are whole numbers of at most 8 bytes, 4 a decimal fraction; other tags stand for what
is in them. Keys that are no texts become texts. A library reads more than devices send (shared references that go in
circles, regular expressions, numbers of any length), each a way to be slow; therefore our own.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from ingest.profile.functions import WrongValueError

__all__ = ["loads"]

_DEEPEST: Final = 32
_MOST: Final = 30_000
_BREAK: Final = object()
_FLOATS: Final = {25: ">e", 26: ">f", 27: ">d"}
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_MOST_EXPONENT: Final = 30


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.left = data, 0, _MOST

    def take(self, size: int) -> bytes:
        out = self.data[self.at : self.at + size]
        if len(out) < size:
            raise WrongValueError(
                f"payload: CBOR at byte {self.at} needs {size} bytes, {len(out)} are left", "not_json"
            )
        self.at += size
        return out

    def head(self) -> tuple[int, int, int | None]:
        """Major type, the lower five bits, the number (None: without length)."""
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if low < 24:
            return major, low, low
        if low <= 27:
            return major, low, int.from_bytes(self.take(1 << (low - 24)), "big")
        if low == 31 and major in (2, 3, 4, 5, 7):
            return major, low, None
        raise WrongValueError(f"payload: byte {self.at - 1} begins no CBOR value", "not_json")

    def value(self, depth: int, *, may_end: bool = False) -> Any:
        self.left -= 1
        if self.left < 0:
            raise WrongValueError(f"payload: more than {_MOST} values", "too_large")
        if depth > _DEEPEST:
            raise WrongValueError(f"payload: nested deeper than {_DEEPEST} levels", "too_deep")
        start = self.at
        major, low, number = self.head()
        if major == 7:
            return self._simple(low, number, start, may_end)
        if major < 2:
            assert number is not None
            return number if major == 0 else -1 - number
        if major < 4:
            data = self._bytes(number, major)
            return data if major == 2 else self._text(data, start)
        if major == 4:
            return list(self._elements(number, depth))
        if major == 5:
            flat = self._elements(None if number is None else 2 * number, depth)
            if len(flat) % 2:
                raise WrongValueError(f"payload: the object at byte {start} ends after a key", "not_json")
            return {_key(k): v for k, v in zip(flat[::2], flat[1::2], strict=True)}
        return self._tagged(number, self.value(depth + 1))

    def _elements(self, number: int | None, depth: int) -> list[Any]:
        out: list[Any] = []
        while number is None or len(out) < number:
            value = self.value(depth + 1, may_end=number is None)
            if value is _BREAK:
                break
            out.append(value)
        return out

    def _bytes(self, number: int | None, major: int) -> bytes:
        if number is not None:
            return self.take(number)
        out = bytearray()
        while True:
            inner, _, size = self.head()
            if inner == 7 and size is None:
                return bytes(out)
            if inner != major or size is None:
                raise WrongValueError(f"payload: byte {self.at - 1} is no piece of a text", "not_json")
            self.left -= 1
            if self.left < 0:
                raise WrongValueError(f"payload: more than {_MOST} values", "too_large")
            out += self.take(size)

    def _text(self, data: bytes, start: int) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise WrongValueError(f"payload: the text at byte {start} is not UTF-8", "bad_text") from None

    def _simple(self, low: int, number: int | None, start: int, may_end: bool) -> Any:
        if low in _FLOATS:
            size = 1 << (low - 24)
            return struct.unpack(_FLOATS[low], self.data[self.at - size : self.at])[0]
        if number is None and may_end:
            return _BREAK
        if number in _SIMPLE and low < 24:
            return _SIMPLE[number]
        raise WrongValueError(f"payload: the simple value at byte {start} is not known", "not_json")

    def _tagged(self, tag: int | None, value: Any) -> Any:
        if tag in (2, 3) and isinstance(value, bytes):
            if len(value) > 8:
                raise WrongValueError("payload: a whole number of more than 8 bytes", "out_of_range")
            number = int.from_bytes(value, "big")
            return number if tag == 2 else -1 - number
        if tag == 4:
            match value:
                case [int(exponent), int(mantissa)] if abs(exponent) <= _MOST_EXPONENT:
                    return mantissa * 10**exponent if exponent >= 0 else mantissa / 10**-exponent
            raise WrongValueError(f"payload: {value!r:.60} is no decimal fraction that can be read", "out_of_range")
        return value


def _key(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if value is None or isinstance(value, (bool, int, float)):
        return str(value).lower()
    raise WrongValueError("payload: a list or an object is the key of an object", "not_json")


def loads(data: bytes) -> Any:
    """The one value of a payload.

    Raises:
        WrongValueError: It is no CBOR; ``not_json``, ``bad_text``, ``too_deep``, ``too_large``, ``out_of_range``.

    Example:
        >>> loads(bytes.fromhex("a2616101 02 82f5f94900"))
        {'a': 1, '2': [True, 10.0]}
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise WrongValueError(f"payload: {len(data) - reader.at} bytes follow the CBOR value", "not_json")
    return value
