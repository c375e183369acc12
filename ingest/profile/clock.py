"""Times as devices write them -> microseconds since 1970 UTC. What a profile says of them is compiled once. Pure.

| form | takes |
|---|---|
| ``iso`` | ISO 8601 in its many dresses: ``T`` or a blank, any fraction with point or comma, ``Z``, ``+08:00``, ``+0800``, ``+08``, no zone, no seconds, the date alone, ``24:00``; ``2026/7/1``, ``2026.7.1``, ``2026年7月1日14时5分``; behind it ``[Asia/Shanghai]`` as RFC 9557 has it |
| ``unix_s`` ``unix_ms`` ``unix_us`` ``unix_ns`` | a number, or a text that holds one |
| ``auto`` | ``iso``, or a number whose size tells its unit: seconds below 1e11, then ms below 1e14, us below 1e17, ns |
| a pattern | ``%Y %y %m %d %H %I %M %S %f %p %b %B %a %A %j %z %%``, like ``%Y%m%d%H%M%S``; names of months in English |

A pattern without a year, a month or a day (``%H%M%S``, ``%d%H%M``, ``%b %d %H:%M:%S``) means the time that is nearest
to that of receipt. A text without a zone is read in the profile's ``zone``; without one it is refused, since hours
would be a guess. The unit by size is our own default; the four ranges do not overlap between the years 1973 and 5138.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from calendar import isleap
from datetime import UTC, datetime, timedelta, timezone
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, available_timezones

from brain.errors import SensorTypeError
from ingest.profile import hints

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import tzinfo

__all__ = ["is_zone", "time_reader", "zone_named", "zone_of"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_STEP: Final = timedelta(microseconds=1)
_DAY_US: Final = 86_400_000_000
_UNITS: Final = {"unix_s": 1_000_000, "unix_ms": 1_000, "unix_us": 1, "unix_ns": 0}
_ISO: Final = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})"
    r"(?:(?:[Tt]| +)?(\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d{1,12}))?)?)?"
    r"\s*([Zz]|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
_DATE: Final = re.compile(r"(\d{4})(?:-|/|\.|年)(\d{1,2})(?:-|/|\.|月)(\d{1,2})日?", re.ASCII)
_CLOCK: Final = re.compile(r"(\d{1,2})[:时点](\d{1,2})(?:[:分](\d{1,2})?)?(?!\d)", re.ASCII)
_NOTE: Final = re.compile(r"\[(!?[\w+\-/.=]{1,40})\]", re.ASCII)
_MONTHS: Final = "january february march april may june july august september october november december".split()  # noqa: SIM905
_NAME: Final = r"([A-Za-z]{3,9})"
_GROUPS: Final = {
    "Y": r"(\d{4})",
    "y": r"(\d{2})",
    "j": r"(\d{3})",
    "f": r"(\d{1,9})",
    "p": r"([AaPp][Mm])",
    "b": _NAME,
    "B": _NAME,
    "a": _NAME,
    "A": _NAME,
    "z": r"([Zz]|[+-]\d{2}:?\d{2})",
    **dict.fromkeys("mdHIMS", r"(\d{2})"),
}
_LONGEST: Final = 64
_OFFSET: Final = re.compile(
    r"(?i:(UTC|GMT|Z)?)\s*(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>\d{2}))?)?", re.ASCII
)
_MOST_HOURS: Final = 18
_FARTHEST_HOURS: Final = 14  # Kiribati
_SECONDS_BELOW, _MS_BELOW, _US_BELOW = 1e11, 1e14, 1e17
_PIVOT: Final = 69  # two-digit years from here on are of the 20th century, as POSIX has it


@cache
def _zones() -> Collection[str]:
    return available_timezones()


def is_zone(name: str) -> bool:
    """Whether this names a zone or an offset.

    Example:
        >>> is_zone("Asia/Shanghai"), is_zone("UTC+8"), is_zone("it.tz")
        (True, True, False)
    """
    try:
        zone_named(name)
    except ValueError:
        return False
    return True


def zone_of(name: str, path: str) -> tzinfo:
    """The time zone of that name or offset.

    Raises:
        SensorTypeError: There is none.

    Example:
        >>> zone_of("Asia/Shanghai", "zone").key
        'Asia/Shanghai'
    """
    try:
        return zone_named(name)
    except ValueError as e:
        raise SensorTypeError(path, str(e)) from None


@lru_cache(maxsize=1024)
def zone_named(told: str | float) -> tzinfo:
    """The zone that a device tells: a name, an offset (``+08:00``, ``UTC+8``), or a number to the east.

    A number is hours to 14, minutes to 840, else seconds; it has to make whole quarters of an hour, as all zones do.

    Raises:
        ValueError: It is none of these; a sentence.

    Example:
        >>> [zone_named(z).utcoffset(None) for z in ("+0530", "GMT-3", 8, 480, 28800)]
        [datetime.timedelta(seconds=19800), datetime.timedelta(days=-1, seconds=75600), \
datetime.timedelta(seconds=28800), datetime.timedelta(seconds=28800), datetime.timedelta(seconds=28800)]
    """
    text = told.strip() if isinstance(told, str) else ""
    if isinstance(told, str) and re.fullmatch(r"0|[1-9]\d{0,4}|[+-][1-9]\d{4}", text, re.ASCII):
        told = int(text)
    if isinstance(told, (int, float)) and not isinstance(told, bool) and abs(told) <= 3600 * _FARTHEST_HOURS:
        scale = 3600 if abs(told) <= _FARTHEST_HOURS else 60 if abs(told) <= 60 * _FARTHEST_HOURS else 1
        if (told * scale) % 900 == 0:
            return timezone(timedelta(seconds=told * scale))
    found = _OFFSET.fullmatch(text)
    if found is not None and (found[1] or text):
        sign, hours, minutes = found["sign"], int(found["hours"] or 0), int(found["minutes"] or 0)
        if hours <= _MOST_HOURS and minutes < 60:
            return timezone((-1 if sign == "-" else 1) * timedelta(hours=hours, minutes=minutes))
    if text in _zones():
        return ZoneInfo(text)
    raise ValueError(f"{told!r:.60} is no time zone; write one like Asia/Shanghai, UTC or +08:00")


def time_reader(form: str, zone: tzinfo | None, path: str) -> Callable[..., int]:
    """A function from a value to microseconds since 1970 UTC; it raises ``ValueError`` that says what is wrong.

    It may be given the time of receipt as well, in microseconds, for forms that leave out the year, month or day.

    Args:
        form: See the table above.
        zone: Of texts that name none.
        path: Where the form stands in the profile, for errors.

    Raises:
        SensorTypeError: There is no such form.

    Example:
        >>> shanghai = zone_of("Asia/Shanghai", "zone")
        >>> read = time_reader("%Y%m%d%H%M%S", shanghai, "time.as")
        >>> read("19700101080001"), time_reader("auto", None, "time.as")("1970-01-01 00:00:02,5Z")
        (1000000, 2500000)
        >>> read("1970")
        Traceback (most recent call last):
        ValueError: '1970' does not have the form %Y%m%d%H%M%S
    """
    if form in _UNITS:
        return _epoch_reader(form)
    if form == "iso":
        return lambda value, _=None: _iso(value, zone)
    if form == "auto":
        return lambda value, _=None: _auto(value, zone)
    if "%" in form:
        return _pattern_reader(form, zone, path)
    raise SensorTypeError(
        path,
        f"{form[:60]!r:.62} is no form of time; use iso, unix_s, unix_ms, unix_us, unix_ns, auto or a %-pattern"
        f"{hints.of_time(form)}",
    )


def _bounded(us: int, value: Any) -> int:
    if not -62_135_596_800_000_000 <= us < 253_402_300_800_000_000:
        raise ValueError(f"{_shown(value)} is outside the years 0001 to 9999")
    return us


def _number(value: Any) -> int | float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number: int | float = value
    elif isinstance(value, str) and len(value) <= _LONGEST and re.fullmatch(r"\s*[+-]?\d+(\.\d*)?\s*", value, re.ASCII):
        number = int(value) if "." not in value else float(value)
    else:
        raise ValueError(f"{_shown(value)} is no number")
    if not abs(number) < 1e25:  # also NaN
        raise ValueError(f"{_shown(value)} is outside the years 0001 to 9999")
    return number


def _epoch_reader(form: str) -> Callable[..., int]:
    scale = _UNITS[form]

    def read(value: Any, _: int | None = None) -> int:
        number = _number(value)
        if scale == 0:
            return _bounded(int(number) // 1000, value)
        return _bounded(number * scale if isinstance(number, int) else round(number * scale), value)

    return read


def _auto(value: Any, zone: tzinfo | None) -> int:
    if isinstance(value, str) and not re.fullmatch(r"\s*[+-]?(\d{9,13}|\d{15,19})(\.\d*)?\s*", value, re.ASCII):
        return _iso(value, zone)  # 8 digits are a date and 14 a date with a time
    number = _number(value)
    size = abs(number)
    if size < _SECONDS_BELOW:
        return _bounded(round(number * 1_000_000), value)
    if size < _MS_BELOW:
        return _bounded(round(number * 1_000), value)
    return _bounded(int(number) if size < _US_BELOW else int(number) // 1000, value)


def _iso(value: Any, zone: tzinfo | None) -> int:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is no text like 2026-07-01T14:00:00+08:00")  # noqa: TRY004 - told as a refusal
    text = value.strip() if len(value) <= _LONGEST else ""
    if text.endswith("]"):
        text, zone = _without_note(text, zone)
    found = _ISO.fullmatch(text) or _ISO.fullmatch(_in_digits(text))
    if found is None:
        raise ValueError(
            f"{_shown(value)} is no time like 2026-07-01T14:00:00+08:00; say its form, like as: '%d.%m.%Y %H:%M'"
        )
    year, month, day, hour, minute, second, fraction, offset = found.groups(default="0")
    if second == "60":
        second, more = "59", 1_000_000
    else:
        more = 0
    micros = int(fraction[:6].ljust(6, "0"))
    where = zone if offset == "0" else _offset(offset)
    return more + _micros(value, where, int(year), int(month), int(day), int(hour), int(minute), int(second), micros)


def _in_digits(text: str) -> str:
    """A date and a time as people write them, years first, with the signs and zeros of ISO 8601."""
    found = _DATE.match(text)
    if found is None:
        return text
    date = f"{found[1]}-{found[2]:0>2}-{found[3]:0>2}"
    rest = text[found.end() :].lstrip(" T")
    clock = _CLOCK.match(rest)
    if clock is None:
        return f"{date} {rest}" if rest else date
    seconds = f":{clock[3]:0>2}" if clock[3] else ""
    return f"{date} {clock[1]:0>2}:{clock[2]:0>2}{seconds}{rest[clock.end() :].removeprefix('秒')}"


def _without_note(text: str, zone: tzinfo | None) -> tuple[str, tzinfo | None]:
    """A time without what stands behind it in brackets (RFC 9557), and the zone that this names."""
    head, _, tail = text.partition("[")
    for note in _NOTE.findall("[" + tail):
        if "=" not in note:
            zone = zone_named(note.removeprefix("!"))
    return head.rstrip(), zone


@lru_cache(maxsize=256)
def _offset(text: str) -> tzinfo:
    if text in ("Z", "z", "UTC"):
        return UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes >= 24 * 60:
        raise ValueError(f"{text!r} is no offset from UTC")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _micros(value: Any, zone: tzinfo | None, *parts: int) -> int:
    if zone is None:
        raise ValueError(f"{_shown(value)} names no time zone; give the profile one, like zone: Asia/Shanghai")
    more = 0
    if parts[3:] == (24, 0, 0, 0):  # midnight at the end of the day
        parts, more = (*parts[:3], 0, 0, 0, 0), _DAY_US
    try:
        return more + (datetime(*parts, tzinfo=zone) - _EPOCH) // _STEP  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError) as e:
        raise ValueError(f"{_shown(value)} names no time: {e}") from None


def _pattern_reader(form: str, zone: tzinfo | None, path: str) -> Callable[..., int]:
    pattern, letters = _compiled(form, path)

    def read(value: Any, near: int | None = None) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1e18:
            value = str(value)  # 20260701140000 comes as a number, too
        found = pattern.fullmatch(value.strip()) if isinstance(value, str) and len(value) <= _LONGEST else None
        if found is None:
            raise ValueError(f"{_shown(value)} does not have the form {form}")
        return _assembled(value, dict(zip(letters, found.groups(), strict=True)), zone, near)

    return read


def _compiled(form: str, path: str) -> tuple[re.Pattern[str], list[str]]:
    """The expression that reads a pattern, and the letter of each of its groups."""
    out, letters = [], []
    pieces = re.split(r"(%.)", form)
    for i, piece in enumerate(pieces):
        if piece == "%%":
            out.append("%")
        elif piece.startswith("%"):
            group = _GROUPS.get(piece[1:])
            if group is None:
                raise SensorTypeError(
                    path, f"{piece} is not known in a pattern of time; known are %{' %'.join(_GROUPS)}"
                )
            if piece[1:] in letters:
                raise SensorTypeError(path, f"{piece} stands twice in {form!r}")
            before, after = (pieces[i - 1] if i else "", pieces[i + 1] if i + 1 < len(pieces) else "")
            apart = not (before.startswith("%") or after.startswith("%")) and (after or len(pieces) - i <= 2)
            if piece[1:] in "mdHIMS" and apart and not after[:1].isdigit() and (before or i <= 1):
                group = r"(\d{1,2})"  # 7/1/2026: what stands apart needs no zero in front
            out.append(group)
            letters.append(piece[1:])
        else:
            out.append(re.escape(piece))
    read = set(letters)
    if not _can_be_dated(read):
        raise SensorTypeError(
            path,
            f"{form!r} names no day; it needs a year, a month and a day, or leaves out the first of these and tells "
            "the hour, like %H:%M:%S or %d%H%M: then the day nearest to that of receipt is meant",
        )
    if "I" in read and "p" not in read:
        raise SensorTypeError(path, f"{form!r} has hours to 12 without %p")
    return re.compile("".join(out), re.ASCII), letters


def _can_be_dated(read: set[str]) -> bool:
    """Whether these letters name a day, or leave out only what the time of receipt can tell."""
    year, month, day = bool(read & {"Y", "y"}), bool(read & {"m", "b", "B"}), "d" in read
    if "j" in read:
        return not (month or day)
    if month or year:
        return day and month
    return bool(read & {"H", "I"})


def _assembled(value: Any, parts: dict[str, str], zone: tzinfo | None, near: int | None) -> int:
    if "Y" not in parts and "y" not in parts:
        return _nearest(value, parts, zone, near)
    year = int(parts["Y"]) if "Y" in parts else int(parts["y"]) + (1900 if int(parts["y"]) >= _PIVOT else 2000)
    name = parts.get("b") or parts.get("B")
    if name:
        month = next((i for i, m in enumerate(_MONTHS, 1) if m == name.lower() or m[:3] == name.lower()), 0)
    else:
        month = int(parts.get("m", 1))
    hour = int(parts.get("H") or parts.get("I") or 0)
    if "p" in parts:
        hour = hour % 12 + (12 if parts["p"].lower() == "pm" else 0)
    micros = int(parts.get("f", "0")[:6].ljust(6, "0"))
    where: tzinfo | None = _offset(parts["z"]) if "z" in parts else zone
    day = int(parts.get("d", 1))
    if "j" in parts:
        if not (1 <= year <= 9999 and 1 <= int(parts["j"]) <= 365 + isleap(year)):
            raise ValueError(f"{_shown(value)} names no time: day {parts['j']} of the year")
        date = datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=int(parts["j"]) - 1)
        month, day = date.month, date.day
    return _micros(value, where, year, month, day, hour, int(parts.get("M", 0)), int(parts.get("S", 0)), micros)


def _nearest(value: Any, parts: dict[str, str], zone: tzinfo | None, near: int | None) -> int:
    """The time nearest to that of receipt, of all that a text without year, month or day can mean."""
    where = _offset(parts["z"]) if "z" in parts else zone
    if where is None or near is None:
        return _micros(value, None)  # refused for want of a zone
    period, days = _days(near, where, "month" if parts.keys() & {"m", "b", "B", "j"} else "day" if "d" in parts else "")
    found: list[int] = []
    wrong: ValueError | None = None
    for day in days:
        try:
            us = _assembled(value, {**parts, **day}, zone, None)
        except ValueError as e:  # there is no 30th of February
            wrong = e
            continue
        if abs(us - near) < period:
            return us
        found.append(us)
    if not found:
        raise wrong or ValueError(f"{_shown(value)} names no time")
    return min(found, key=lambda us: abs(us - near))


@lru_cache(maxsize=64)
def _days(near: int, zone: tzinfo, told: str) -> tuple[int, list[dict[str, str]]]:
    """How near is surely the nearest, and what a text may leave out, likeliest first; ``told`` is its largest part."""
    now = (_EPOCH + timedelta(microseconds=near)).astimezone(zone)
    if told == "month":
        return 180 * _DAY_US, [{"Y": f"{now.year + n:04}"} for n in (0, -1, 1)]
    if told == "day":
        months = [now.year * 12 + now.month - 1 + n for n in (0, -1, 1, -2)]  # the month before may have no 31st
        return 14 * _DAY_US, [{"Y": f"{m // 12:04}", "m": str(m % 12 + 1)} for m in months]
    dates = [now + timedelta(days=n) for n in (0, -1, 1)]
    return _DAY_US * 11 // 24, [{"Y": f"{d.year:04}", "m": str(d.month), "d": str(d.day)} for d in dates]


def _shown(value: Any) -> str:
    shown = repr(value) if not isinstance(value, int) or abs(value) < 1e30 else "a number beyond 1e30"
    return shown if len(shown) <= 60 else shown[:60] + "…"
