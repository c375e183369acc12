"""What is wrong with a message, in a reason word and one sentence: the slow path of the decoder. Pure, never raises.

A message that the typed decoder takes in whole never comes here. One that it refuses is cut into its objects, and each
is decoded by itself, so that good readings beside a bad one are kept.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from brain.times import iso, to_us
from ingest._structs import LONGEST_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from brain.model import SensorType
    from ingest._structs import Column, Kind

__all__ = ["DEEPEST", "Fault", "examine", "judge", "time_of", "valid_id"]

DEEPEST: Final = 32
_RAW: Final = msgspec.json.Decoder(msgspec.Raw)
_ARRAY: Final = msgspec.json.Decoder(list[msgspec.Raw])
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TIME: Final = msgspec.json.Decoder(str | int | float | None)
_DEVICE: Final = msgspec.json.Decoder(str | None)
_REFUSALS: Final = (msgspec.DecodeError, RecursionError, UnicodeDecodeError, ValueError, OverflowError)
_BLANKS: Final = b" \t\r\n"
_QUOTE: Final = ord('"')
_COMMA: Final = ord(",")
_OPENING: Final = np.frombuffer(b"[{", dtype=np.uint8)
_CLOSING: Final = np.frombuffer(b"]}", dtype=np.uint8)
# Left to right: a whole surrogate pair, a lone half, any other escape.
_ESCAPES: Final = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_WORDS: Final = {ord("n"): "null", ord("t"): "true", ord("f"): "false", ord("["): "a list", ord("{"): "an object"}


_FORBIDDEN: Final = re.compile("[ /+#\ufffd]")


class Fault(NamedTuple):
    """Why a reading is refused: one of the reason words of the quarantine, and a sentence that names the path."""

    reason: str
    detail: str


def valid_id(name: str) -> bool:
    """Whether this can be a device's id: 1 to 128 printable characters without blanks and ``/ + #``.

    Example:
        >>> valid_id("水表-7"), valid_id("a b"), valid_id("")
        (True, False, False)
    """
    return 1 <= len(name) <= 128 and name.isprintable() and not _FORBIDDEN.search(name)


def examine(kind: Kind, payload: bytes) -> Iterator[tuple[int, Any]]:
    """Every reading of a message as (place in the pack, decoded reading or Fault); place -1 outside a pack.

    Yields one Fault with place -1 for a message that yields no reading at all.
    """
    if len(payload) > kind.type.max_bytes:
        yield -1, Fault("too_large", f"payload: {len(payload)} bytes are more than {kind.type.max_bytes}")
        return
    try:
        payload.decode()
    except UnicodeDecodeError as e:
        yield -1, Fault("not_json", f"payload: byte {e.start} is not UTF-8")
        return
    first = payload.lstrip(_BLANKS)[:1]
    try:
        parts = _parts(payload, first)
    except _REFUSALS as e:
        mended = _ESCAPES.sub(lambda m: b"\\u0000" if m[1] else m[0], payload)
        if mended == payload:
            yield -1, _unreadable(e)
            return
        try:
            payload, parts = mended, _parts(mended, first)  # half a pair is now NUL, refused where it stands
        except _REFUSALS as again:
            yield -1, _unreadable(again)
            return
    if parts is None:
        yield (
            -1,
            Fault("wrong_type", f"payload: {_kind_of_value(first)} stands where an object or a list of them is wanted"),
        )
    elif not parts:
        yield -1, Fault("missing", "payload: an empty list holds no reading")
    elif first == b"{":
        yield -1, _reading(kind, payload, -1)
    else:
        for i, part in enumerate(parts):
            yield i, _reading(kind, part, i)


def _parts(payload: bytes, first: bytes) -> list[bytes] | None:
    """The objects of a message; None where it is neither an object nor a list."""
    if first == b"[":
        try:
            return [bytes(raw) for raw in _ARRAY.decode(payload)]
        except RecursionError:
            return _split(payload)
    _RAW.decode(payload)
    return [payload] if first == b"{" else None


def _unreadable(error: Exception) -> Fault:
    if isinstance(error, RecursionError):
        return Fault("too_deep", f"payload: nested deeper than {DEEPEST} levels")
    return Fault("not_json", f"payload: {error}")


def _reading(kind: Kind, raw: bytes, place: int) -> Any:
    """A decoded reading, or the Fault of it."""
    path = "" if place < 0 else f"[{place}]."
    inner = DEEPEST if place < 0 else DEEPEST - 1
    if raw.count(b"[") + raw.count(b"{") > inner and int(_scan(raw)[0].max()) > inner:
        return Fault("too_deep", f"{path or 'payload'}: nested deeper than {DEEPEST} levels".replace(".:", ":"))
    decoder = kind.single if place < 0 else kind.element
    try:
        reading = decoder.decode(raw)
    except _REFUSALS:
        fault = _explain(kind, raw, path)
        if fault is not None:
            return fault
        try:  # a key stood there twice, and only the first was wrong: the last one counts
            reading = decoder.decode(msgspec.json.encode(_OBJECT.decode(raw)))
        except _REFUSALS as e:
            return Fault("wrong_type", f"{path}{e}")
    if place >= 0 and (name := kind.device(reading)) is not None and not valid_id(name):
        return Fault(
            "bad_text", f"{path}device: {name[:140]!r:.142} is no device id; use 1 to 128 characters without / + #"
        )
    return reading


def _explain(kind: Kind, raw: bytes, path: str) -> Fault | None:
    """What is wrong with an object that was refused, key by key."""
    head = raw.lstrip(_BLANKS)[:1]
    if head != b"{":
        return Fault("wrong_type", f"{path[:-1] or 'payload'}: {_kind_of_value(head)} stands where an object is wanted")
    try:
        values = {name: bytes(value) for name, value in _OBJECT.decode(raw).items()}
    except _REFUSALS as e:
        return Fault("not_json", f"{path[:-1] or 'payload'}: {e}")
    if path and "device" in values and not _decodes(_DEVICE, values["device"]):
        return Fault("wrong_type", f"{path}device: {_shown(values['device'])} is no text")
    if "time" in values and not _decodes(_TIME, values["time"]):
        return Fault(
            "bad_time", f"{path}time: {_shown(values['time'])} is neither RFC 3339 text nor epoch milliseconds"
        )
    for column in kind.columns:
        value = values.get(column.name)
        if value is not None and not _decodes(column.decoder, value):
            return _misfit(column, value, path + column.name)
    return None


def _decodes(decoder: msgspec.json.Decoder[Any], value: bytes) -> bool:
    try:
        decoder.decode(value)
    except _REFUSALS:
        return False
    return True


def _misfit(column: Column, value: bytes, path: str) -> Fault:
    """Why a value does not fit its column; it is known not to."""
    is_text = value[:1] == b'"'
    if column.kind == "number":
        if value[:1] in b"-0123456789":
            return Fault("out_of_range", f"{path}: {_shown(value)} is beyond what a number can hold")
        return Fault("wrong_type", f"{path}: {_shown(value)} stands where a number is wanted")
    if column.kind == "boolean":
        return Fault("wrong_type", f"{path}: {_shown(value)} is neither true nor false")
    if column.kind == "box":
        return Fault("wrong_type", f"{path}: {_shown(value)} is no list of four numbers")
    if not is_text:
        return Fault("wrong_type", f"{path}: {_shown(value)} stands where a text is wanted")
    if column.values is not None:
        return Fault("not_in_list", f"{path}: {_shown(value)} is none of {', '.join(column.values)}")
    length = len(msgspec.json.decode(value))
    return Fault("bad_text", f"{path}: {length} characters are more than {LONGEST_TEXT}")


def judge(kind: Kind, reading: Any, received_at: int, place: int = -1) -> Fault | None:
    """What is wrong with a decoded reading, or None: ranges, texts, position, content and time.

    The decoder checks whole columns at once and asks here only about rows that fail, so this is also the reference.
    """
    path = "" if place < 0 else f"[{place}]."
    time = kind.time(reading)
    at = None
    if time is not None:
        try:
            at = to_us(time)
        except ValueError as e:
            return Fault("bad_time", f"{path}time: {e}")
    content = False
    for column in kind.columns:
        value = column.get(reading)
        if _absent(value):
            continue
        content = content or column.own or column.name == "status"
        if column.kind == "number":
            if not column.low <= value <= column.high:
                return Fault("out_of_range", f"{path}{column.name}: {_number(value)} {_outside(column)}")
        elif column.kind == "box":
            for i, part in enumerate(value):
                if not 0 <= part <= 1:
                    return Fault("out_of_range", f"{path}box[{i}]: {_number(part)} {_outside(column)}")
        elif column.kind == "text" and "\0" in value:
            return Fault("bad_text", f"{path}{column.name}: NUL or half a surrogate pair cannot be stored")
    lon, lat = reading.v_lon, reading.v_lat
    has_lon, has_lat = (not _absent(v) for v in (lon, lat))
    if has_lon != has_lat:
        there, gone = ("lon", "lat") if has_lon else ("lat", "lon")
        return Fault("missing", f"{path}{gone}: missing beside {there}")
    if not content and not (kind.positioned and has_lon):
        wanted = ", ".join(kind.content)
        return Fault(
            "missing", f"{path[:-1] or 'payload'}: none of {wanted}{' or lon, lat' * kind.positioned} is there"
        )
    return None if at is None else _outside_window(kind.type, at, received_at, path)


def _outside_window(sensor_type: SensorType, time: int, received_at: int, path: str) -> Fault | None:
    step = timedelta(microseconds=1)
    old, ahead = received_at - time, time - received_at
    past, future = sensor_type.past // step, sensor_type.future // step
    if old > past:
        far = f"{_span(old)} before its receipt, more than {_span(past)}"
    elif ahead > future:
        far = f"{_span(ahead)} after its receipt, more than {_span(future)}"
    else:
        return None
    return Fault("time_out_of_window", f"{path}time: {iso(time)} is {far}")


def time_of(kind: Kind, reading: Any) -> int | None:
    """Microseconds of a reading whose time is known to be good; None where it has none."""
    time = kind.time(reading)
    return None if time is None else to_us(time)


def _absent(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _scan(raw: bytes) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Nesting depth after each byte, and which bytes stand outside texts (brackets inside texts do not nest)."""
    plain = raw.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in raw else raw
    c = np.frombuffer(plain, dtype=np.uint8)
    outside = np.cumsum(c == _QUOTE) % 2 == 0
    step = np.isin(c, _OPENING).astype(np.int32) - np.isin(c, _CLOSING)
    return np.cumsum(np.where(outside, step, 0), dtype=np.int32), outside


def _split(payload: bytes) -> list[bytes]:
    """The elements of a list that is nested too deep for the decoder, cut at its own commas.

    Raises:
        RecursionError: The brackets do not match, so there is nothing to cut.
    """
    body = payload.strip(_BLANKS)
    depths, outside = _scan(body)
    if int(depths[-1]) != 0 or int(depths[:-1].min()) < 1:
        raise RecursionError
    commas = outside & (depths == 1) & (np.frombuffer(body, dtype=np.uint8) == _COMMA)
    edges = [0, *np.flatnonzero(commas).tolist(), len(body) - 1]
    return [body[a + 1 : b].strip(_BLANKS) for a, b in pairwise(edges)]


def _kind_of_value(head: bytes) -> str:
    if not head:
        return "nothing"
    return _WORDS.get(head[0], "a text" if head == b'"' else "a number")


def _shown(value: bytes) -> str:
    text = value[:80].decode(errors="replace")
    return text if len(value) <= 80 else text + "…"


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))


def _outside(column: Column) -> str:
    if math.isinf(column.low):
        return f"is above {_number(column.high)}"
    if math.isinf(column.high):
        return f"is below {_number(column.low)}"
    return f"is outside {_number(column.low)}..{_number(column.high)}"


def _span(us: int) -> str:
    for unit, size in (("d", 86_400_000_000), ("h", 3_600_000_000), ("min", 60_000_000), ("s", 1_000_000)):
        if us >= size:
            return f"{us / size:.0f} {unit}" if us >= 10 * size else f"{us / size:.2g} {unit}"
    return f"{us // 1000} ms"
