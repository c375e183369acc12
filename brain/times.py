"""Times: RFC 3339 texts and epoch milliseconds outside, integer microseconds since 1970-01-01 UTC inside.

The one place that converts. Fractions are cut to microseconds, never rounded, so that a
time never moves into the future. A leap second (23:59:60 UTC) counts as the second after it, as POSIX does.
Pure.
"""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["EARLIEST", "LATEST", "iso", "to_us", "to_us_many"]

_RFC_3339: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_SECOND: Final = 1_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS_BEFORE_MONTH: Final = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], dtype=np.int32)
_DAYS_OF_MONTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int32)
_DAYS_TO_1970: Final = 719_162  # from 0001-01-01
_SHORTEST: Final = 20  # lengths of texts that are read by columns
_LONGEST: Final = 35
_MANY: Final = 64  # below this many texts, one call each is cheaper
EARLIEST: Final = -62_135_596_800 * _SECOND
"""Microseconds of 0001-01-01T00:00:00Z, the first time that is accepted."""
LATEST: Final = 253_402_300_800 * _SECOND - 1
"""Microseconds of the end of the year 9999, the last time that is accepted."""


def to_us(value: str | float) -> int:
    """Microseconds since 1970 UTC of a time as devices give it.

    Args:
        value: RFC 3339 text with a zone and any number of fraction digits, or epoch milliseconds.

    Raises:
        ValueError: It is neither, or lies outside the years 0001 to 9999; the message says how to mend it.

    Example:
        >>> to_us("1970-01-01T08:00:01.2345678+08:00")
        1234567
        >>> to_us(1.5)
        1500
        >>> to_us("2026-07-01 14:00")
        Traceback (most recent call last):
        ValueError: '2026-07-01 14:00' is not RFC 3339 with a zone, like 2026-07-01T14:00:00.250+08:00
    """
    us = _of_text(value) if isinstance(value, str) else _of_number(value)
    if not EARLIEST <= us <= LATEST:
        raise ValueError(f"{_shown(value)} is outside the years 0001 to 9999")
    return us


def _shown(value: str | float) -> str:
    """A value as an error may tell it: devices send times of thousands of digits."""
    if isinstance(value, str):
        shown = repr(value[:64])
        return shown if len(shown) <= 80 else shown[:80] + "…"
    return repr(value) if abs(value) < 1e30 else "a number beyond 1e30"


def _of_number(value: float) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is neither RFC 3339 text nor a number of milliseconds")  # noqa: TRY004
    if isinstance(value, int):
        return value * 1000
    if not abs(value) < 1e15:  # also NaN; beyond the year 9999 anyway
        raise ValueError(f"{value!r} is outside the years 0001 to 9999")
    return round(value * 1000)


def _of_text(text: str) -> int:
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError(f"{_shown(text)} is not RFC 3339 with a zone, like 2026-07-01T14:00:00.250+08:00")
    if (found[10] or "00") <= "59":
        with contextlib.suppress(ValueError):  # leap seconds and what names no time go the long way
            since = datetime.fromisoformat(text) - _EPOCH
            return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds
    year, month, day, hour, minute, second = (int(g) for g in found.group(1, 2, 3, 4, 5, 6))
    leap = second == 60
    try:
        local = datetime(year, month, day, hour, minute, 59 if leap else second, tzinfo=UTC)
    except ValueError as e:
        raise ValueError(f"{_shown(text)} names no time: {e}") from None
    zone = 0
    if found[8]:
        hours, minutes = int(found[9]), int(found[10])
        if hours > 23 or minutes > 59:
            raise ValueError(f"{_shown(text)} has a zone beyond 23:59")
        zone = (hours * 3600 + minutes * 60) * (1 if found[8] == "+" else -1)
    seconds = (local - _EPOCH) // timedelta(seconds=1) - zone
    fraction = int((found[7] or "0")[:6].ljust(6, "0"))
    if leap:
        if seconds % 86400 != 86399:
            raise ValueError(f"{_shown(text)} has second 60, which only 23:59 UTC can have")
        return (seconds + 1) * _SECOND
    return seconds * _SECOND + fraction


def to_us_many(texts: Sequence[str], joined: str | None = None) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """``to_us`` of many texts at once: microseconds int64[n], and which of them are times bool[n].

    Texts of the usual shapes (``...Z`` or ``+hh:mm``, any fraction) are read a column of digits at a time, all texts of
    one length together: about a tenth of the cost of one call each. What does not fit goes through ``to_us``.

    Args:
        texts: Any texts.
        joined: The same one after the other, where the caller has them so.

    Example:
        >>> to_us_many(["1970-01-01T00:00:00.001Z", "yesterday"])
        (array([1000,    0]), array([ True, False]))
    """
    n = len(texts)
    us = np.zeros(n, dtype=np.int64)
    good = np.zeros(n, dtype=np.bool_)
    if n < _MANY:
        with contextlib.suppress(ValueError):
            return np.array([to_us(t) for t in texts], dtype=np.int64), ~good
    else:
        joined = "".join(texts) if joined is None else joined
        length = len(texts[0])
        if n * length == len(joined) and _SHORTEST <= length <= _LONGEST and min(map(len, texts)) == length:
            us, good = _columns(joined, n, length)
            if good.all():
                return us, good
            us, good = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
        lengths = np.fromiter(map(len, texts), dtype=np.int64, count=n)
        for length in np.unique(lengths).tolist():
            if _SHORTEST <= length <= _LONGEST:
                rows = np.flatnonzero(lengths == length)
                chosen = texts if len(rows) == n else [texts[i] for i in rows.tolist()]
                us[rows], good[rows] = _columns("".join(chosen), len(rows), length)
    for i in (~good).nonzero()[0].tolist():
        try:
            us[i] = to_us(texts[i])
        except ValueError:
            continue
        good[i] = True
    return us, good


def _columns(joined: str, n: int, length: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Texts of one length, read by columns; what is not of the plain shape is left out of the mask, right or wrong."""
    raw = joined.encode("ascii", "replace")  # one character stays one byte; "?" is no digit
    cells = np.ascontiguousarray(np.frombuffer(raw, dtype=np.uint8).reshape(n, length).T)
    zulu = bool(cells[-1, 0] == 90)  # Z
    end = length - (1 if zulu else 6)  # where the fraction ends
    if end < 19 or end == 20:
        return np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
    if (us := _within_an_hour(joined[:length], cells, end)) is not None:
        return us, np.ones(n, dtype=np.bool_)
    d = cells.astype(np.int32) - 48
    marks = {4: 45, 7: 45, 10: 84, 13: 58, 16: 58}  # - - T : :
    if end > 20:
        marks[19] = 46
    digits = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, *range(20, end)]
    if zulu:
        marks[end] = 90
        ok = np.ones(n, dtype=np.bool_)
    else:
        marks[end + 3] = 58
        digits += [end + 1, end + 2, end + 4, end + 5]
        ok = (d[end] == 43 - 48) | (d[end] == 45 - 48)
    for at, mark in marks.items():
        ok &= d[at] == mark - 48
    picked = d[digits].view(np.uint32)  # what is below "0" becomes huge
    ok &= (picked <= 9).all(axis=0)
    year = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3]
    month, day, hour, minute, second = (d[i] * 10 + d[i + 1] for i in (5, 8, 11, 14, 17))
    ok &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour <= 23) & (minute <= 59) & (second <= 59)
    month = np.where(ok, month, 1)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    ok &= day <= _DAYS_OF_MONTH[month] + (leap & (month == 2))
    before = year - 1
    days = before * 365 + before // 4 - before // 100 + before // 400
    days += _DAYS_BEFORE_MONTH[month] + (leap & (month > 2)) + day - 1
    seconds = (days.astype(np.int64) - _DAYS_TO_1970) * 86400 + hour * 3600 + minute * 60 + second
    if not zulu:
        zone_hour, zone_minute = (d[i] * 10 + d[i + 1] for i in (end + 1, end + 4))
        ok &= (zone_hour <= 23) & (zone_minute <= 59)
        seconds -= np.where(d[end] == 43 - 48, 1, -1) * (zone_hour * 3600 + zone_minute * 60)
    us = seconds * _SECOND
    for at, weight in zip(range(20, min(end, 26)), (100_000, 10_000, 1000, 100, 10, 1), strict=False):
        us += d[at] * weight
    ok &= (us >= EARLIEST) & (us <= LATEST)
    return np.where(ok, us, 0), ok


def _within_an_hour(first: str, cells: NDArray[np.uint8], end: int) -> NDArray[np.int64] | None:
    """Times of the plain shape that differ in minutes, seconds and fraction only, as those of a flush mostly do.

    Args:
        first: The first of them.
        cells: Their characters, uint8[length, n].
        end: Where the fraction ends.

    Returns:
        Microseconds; None where they differ in more, or one of them is no time: look at each.
    """
    alike, digits = _alike(len(cells), end)
    if (cells[alike] != cells[alike, :1]).any():
        return None
    try:
        hour = to_us(first[:14] + "00:00" + first[end:])
        to_us(first)
    except ValueError:
        return None
    d = cells[digits] - np.uint8(48)  # what is below "0" becomes large
    if (d > 9).any() or (d[[0, 2]] > 5).any():
        return None
    within = (d[0] * np.int32(600) + d[1] * np.int32(60) + d[2] * np.int32(10) + d[3]).astype(np.int64) * _SECOND
    for digit, weight in zip(d[4:10], (100_000, 10_000, 1000, 100, 10, 1), strict=False):
        within += digit * np.int32(weight)
    us = within + hour
    return us if us.max() <= LATEST else None


@lru_cache(maxsize=64)
def _alike(length: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where times of one hour are alike, and where their other digits are: minutes, seconds, fraction."""
    digits = np.array([14, 15, 17, 18, *range(20, end)])
    return np.setdiff1d(np.arange(length), digits), digits


def iso(us: int) -> str:
    """RFC 3339 in UTC of microseconds: three digits of fraction, six where they are not whole milliseconds.

    Example:
        >>> iso(1_500_000), iso(1_500_001)
        ('1970-01-01T00:00:01.500Z', '1970-01-01T00:00:01.500001Z')
    """
    text = (_EPOCH + timedelta(microseconds=int(us))).isoformat(
        timespec="microseconds" if us % 1000 else "milliseconds"
    )
    return text[:-6] + "Z"
