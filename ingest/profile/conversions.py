"""Functions of expressions that turn bytes, bits, texts and numbers into one another. Pure.

``None`` becomes ``None``; what is there and wrong raises ``WrongValueError``.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from typing import Any

import msgspec

from ingest.profile.limits import LONGEST, STEPS, WrongValueError
from ingest.profile.markup import xml_of

__all__ = [
    "base64_bytes",
    "bits",
    "bits_at",
    "bytes_of",
    "degrees",
    "float32",
    "hex_bytes",
    "hex_text",
    "json_of",
    "json_text",
    "pairs_of",
    "seconds",
    "signed",
    "sixbit",
    "whole",
    "xml_document",
]

_DURATION: re.Pattern[str] = re.compile(
    r"([+-])?P(?:(\d{1,6})W)?(?:(\d{1,6}(?:[.,]\d{1,9})?)D)?"
    r"(?:T(?:(\d{1,9}(?:[.,]\d{1,9})?)H)?(?:(\d{1,9}(?:[.,]\d{1,9})?)M)?(?:(\d{1,9}(?:[.,]\d{1,9})?)S)?)?",
    re.ASCII,
)
_LONGEST_SIXBIT = 400  # five sentences of AIS have fewer
_CLOCK: re.Pattern[str] = re.compile(r"([+-])?(?:(\d{1,6})\.)?(\d{1,6}):(\d{2}):(\d{2}(?:[.,]\d{1,9})?)", re.ASCII)


def whole(value: Any, base: int) -> int | None:
    """A whole number of a number or a text to a base."""
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise WrongValueError(f"{value!r} is no whole number")
        return int(value)
    text = str(value)
    try:
        if len(text) <= 64:
            return int(text, base)
    except ValueError:
        pass
    raise WrongValueError(f"{text[:60]!r:.62} is no whole number to base {base}")


def bits(value: Any, low: int, count: int = 1) -> int | None:
    """Some bits of a whole number or of bytes, the lowest is 0."""
    if value is None:
        return None
    if isinstance(value, bytes):
        value = int.from_bytes(value[:16], "big")
    if not isinstance(value, int) or not 0 <= low <= 127 or not 1 <= count <= 64:
        raise WrongValueError(f"bits() wants a whole number, a first bit from 0 and a count from 1, not {value!r:.40}")
    taken: int = (value >> low) & ((1 << count) - 1)
    return taken


def bits_at(value: Any, first: int, count: int = 1) -> int | None:
    """A whole number of some bits of bytes, counted from the front: the first bit of the first byte is 0."""
    if value is None:
        return None
    if not isinstance(value, bytes) or not isinstance(first, int) or first < 0 or not 1 <= count <= 64:
        raise WrongValueError(f"bits_at() wants bytes, a first bit from 0 and a count from 1 to 64, not {value!r:.40}")
    if first + count > 8 * len(value):
        raise WrongValueError(f"bits_at(): {len(value)} bytes have no bits {first} to {first + count - 1}")
    end = first + count
    part = int.from_bytes(value[first // 8 : -(-end // 8)], "big")
    return part >> (-end % 8) & ((1 << count) - 1)


def sixbit(value: str) -> bytes:
    """The bytes of six bits a character, as AIS sentences hold them (ITU-R M.1371, IEC 61162-1 annex)."""
    number = 0
    for c in value:
        code = ord(c) - 48
        code -= 8 if code > 40 else 0
        if not 0 <= code < 64 or len(value) > _LONGEST_SIXBIT:
            raise WrongValueError(f"{value[:60]!a:.62} is no text of six bits a character")
        number = number << 6 | code
    return (number << (-6 * len(value) % 8)).to_bytes(-(-6 * len(value) // 8), "big")


def signed(value: Any, width: int) -> int | None:
    """Two's complement of a width in bits."""
    if value is None:
        return None
    if not isinstance(value, int) or not 1 <= width <= 64:
        raise WrongValueError(f"signed() wants a whole number and a width of 1 to 64 bits, not {value!r:.40}")
    low: int = value & ((1 << width) - 1)
    return low - (1 << width) if low >> (width - 1) else low


def float32(value: Any) -> float | None:
    """The number whose 32 bits (IEEE 754) these are; None for NaN and infinity."""
    if value is None:
        return None
    if not isinstance(value, int) or not 0 <= value < 1 << 32:
        raise WrongValueError(f"float32() wants a whole number of 32 bits, not {value!r:.40}")
    number: float = struct.unpack(">f", value.to_bytes(4, "big"))[0]
    return float(f"{number:.8g}") if math.isfinite(number) else None


def bytes_of(value: Any) -> bytes | None:
    """Bytes of a list of whole numbers, 0 to 255, or -128 to 127 as some write them."""
    if value is None:
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(v, int) and -128 <= v < 256 for v in value):
        raise WrongValueError(f"{value!r:.60} is no list of bytes")
    return bytes(v & 255 for v in value)


def base64_bytes(value: str) -> bytes:
    """The bytes of a base64 text, in both alphabets, with or without padding."""
    text = value.strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise WrongValueError(f"{value[:60]!r:.62} is no base64") from None


def hex_bytes(value: str) -> bytes:
    """The bytes of a hexadecimal text; blanks, ``:``, ``-`` and a ``0x`` in front do not count."""
    text = re.sub(r"[\s:-]", "", value)
    text = text[2:] if text[:2] in ("0x", "0X") else text
    if not re.fullmatch(r"[0-9a-fA-F]*", text):
        raise WrongValueError(f"{value[:60]!r:.62} is no hexadecimal text")
    if len(text) % 2:
        raise WrongValueError(
            f"{value[:60]!r:.62} has {len(text)} hexadecimal digits, an odd number; a byte has two, so one is missing"
        )
    return bytes.fromhex(text)


def hex_text(value: Any) -> str | None:
    """Bytes as a hexadecimal text."""
    if value is None or isinstance(value, bytes):
        return None if value is None else value.hex()
    raise WrongValueError(f"hex() writes bytes, and {value!r:.60} is none; hex_bytes() reads a hexadecimal text")


def degrees(value: Any, letter: Any = None) -> float | None:
    """Degrees of ``ddmm.mmmm`` or ``dddmm.mmmm`` (NMEA 0183) and the letter of its half of the world.

    Example:
        >>> degrees("3604.20", "S"), degrees("12022.8", "E"), degrees("", "N")
        (-36.07, 120.38, None)
    """
    if value is None or value == "":
        return None
    text = str(value).strip()
    if isinstance(value, bool) or not re.fullmatch(r"[+-]?\d{1,5}(\.\d{0,12})?", text, re.ASCII):
        raise WrongValueError(f"{text[:60]!r:.62} is no angle in degrees and minutes like 3604.20")
    number = abs(float(text))
    whole_degrees, minutes = divmod(number, 100)
    if minutes >= 60:
        raise WrongValueError(f"{text[:60]!r:.62} has {minutes:g} minutes; is it in degrees already?", "out_of_range")
    sign = "" if letter is None else str(letter).strip().upper()
    if sign not in ("", "N", "S", "E", "W"):
        raise WrongValueError(f"{sign[:20]!r:.22} is none of N, S, E, W", "not_in_list")
    return round((whole_degrees + minutes / 60) * (-1 if sign in ("S", "W") or text.startswith("-") else 1), 9)


def seconds(value: Any) -> float | None:
    """Seconds of a duration: ISO 8601 without months and years (``PT1M30S``), or ``h:mm:ss``, with days before a point.

    Example:
        >>> seconds("-PT1M30S"), seconds("P1DT0.5H"), seconds("1:30:00.5"), seconds("1.02:00:00"), seconds(7)
        (-90.0, 88200.0, 5400.5, 93600.0, 7.0)
    """
    if value is None or value == "":
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    text = str(value).strip()
    iso = _DURATION.fullmatch(text) if len(text) <= 80 else None
    if iso is not None and any(iso.groups()[1:]) and not text.endswith("T"):
        sign, *parts = iso.groups()
        worth = (604800, 86400, 3600, 60, 1)
    elif (clock := _CLOCK.fullmatch(text[:80])) is not None:
        sign, *parts = clock.groups()
        worth = (0, 86400, 3600, 60, 1)
        parts = [None, *parts]
    else:
        raise WrongValueError(f"{text[:60]!r:.62} is no duration like PT1M30S or 1:30:00")
    total = math.fsum(float(p.replace(",", ".")) * w for p, w in zip(parts, worth, strict=True) if p)
    return -total if sign == "-" else total


def xml_document(value: str) -> Any:
    """The document of XML inside a text, as the input ``xml`` gives it."""
    STEPS.spend(len(value) // 4)
    try:
        return xml_of(value)
    except WrongValueError as e:
        raise WrongValueError(f"{value[:60]!r:.62} is no XML that can be read", e.reason) from None


def pairs_of(value: str, between: str = "\n", equals: str = "=") -> dict[str, str]:
    """An object of the texts of ``a=1;b=2``.

    Example:
        >>> pairs_of("T=21.5; RH=40", ";")
        {'T': '21.5', 'RH': '40'}
    """
    if not between or not equals:
        raise WrongValueError("pairs() wants the sign between pairs and the one between a name and its value")
    parts = value.split(between)
    STEPS.spend(len(parts) // 4)
    split = (part.partition(equals) for part in parts)
    return {key.strip(): text.strip() for key, found, text in split if found and key.strip()}


def json_of(value: str) -> Any:
    """The document inside a text."""
    try:
        return msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise WrongValueError(f"{value[:60]!r:.62} is no JSON", "not_json") from None


def json_text(value: Any) -> str | None:
    """The JSON of a value."""
    if value is None:
        return None
    try:
        text = msgspec.json.encode(value).decode()
    except (msgspec.EncodeError, TypeError, RecursionError, ValueError):
        raise WrongValueError(f"{value!r:.60} cannot be written as JSON") from None
    if len(text) > LONGEST:
        raise WrongValueError(f"a text of more than {LONGEST} characters is too long")
    return text
