"""SenML (RFC 8428) in JSON and CBOR: measurement lists with base values, resolved. Pure.

| JSON | CBOR | field |
|---|---|---|
| ``bn bt bu bv bs bver`` | -2 -3 -4 -5 -6 -1 | base name, time (s), unit, value, sum; version: hold from their record on |
| ``n u t ut`` | 0 1 6 7 | name behind the base name, unit, time added to the base time, update time (s) |
| ``v vs vb vd`` | 2 3 4 8 | number (added to the base value), text, truth value, bytes (base64url in JSON) |
| ``s`` | 5 | sum (added to the base sum) |

Times of 2^28 s and more are since 1970, smaller ones are relative to now: the time of receipt (4.5.3). A version above 10, or a field that ends in ``_`` and is
not known, refuses the pack (4.4). Records of units ``lon`` and ``lat`` are the position of the other records of that base name and time. With ``stream: true``
base values hold on in the next message of the topic (SenSML, clause 5).
"""  # noqa: E501 - a table

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingest.decoders import Format, Message
from ingest.decoders._cbor import loads
from ingest.profile.functions import FUNCTIONS, WrongValueError
from ingest.profile.units import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_LABELS: Final = {
    "-1": "bver", "-2": "bn", "-3": "bt", "-4": "bu", "-5": "bv", "-6": "bs",
    "0": "n", "1": "u", "2": "v", "3": "vs", "4": "vb", "5": "s", "6": "t", "7": "ut", "8": "vd",
}  # fmt: skip
_NUMBERS, _TEXTS = ("bt", "bv", "bs", "v", "s", "t", "ut"), ("bn", "bu", "n", "u", "vs")
_BASES: Final = ("bn", "bt", "bu", "bv", "bs", "bver")
_VERSION: Final = 10
_ABSOLUTE: Final = 1 << 28
_MOST_RECORDS: Final = 10_000
_LONGEST: Final = 1024
_UCUM: Final = {"%EL": "%", "EL": "s", "/": "1", "beat/min": "/min", "beats": "1"}
_NOT_IN_IDS: Final = str.maketrans({"/": ":", "+": "_", "#": "_", " ": "_"})


def _records(payload: bytes) -> list[dict[str, Any]]:
    """The records with JSON's labels."""
    if payload.lstrip()[:1] in (b"[", b"{"):
        try:
            found = msgspec.json.decode(payload)
        except RecursionError:
            raise WrongValueError("payload: nested too deeply", "too_deep") from None
        except (msgspec.DecodeError, ValueError) as e:
            raise WrongValueError(f"payload: {str(e)[:120]}", "not_json") from None
        labels: Mapping[str, str] = {}
    else:
        found, labels = loads(payload), _LABELS
    records = found if isinstance(found, list) else [found]
    if len(records) > _MOST_RECORDS:
        raise WrongValueError(f"payload: {len(records)} records are more than {_MOST_RECORDS}", "too_large")
    out = []
    for i, record in enumerate(records):
        if not isinstance(record, dict):
            raise WrongValueError(f"[{i}]: {record!r:.60} is no record of SenML")
        out.append({labels.get(k, k): v for k, v in record.items()})
    return out


def _checked(record: dict[str, Any], i: int) -> None:
    for key in record:
        if key.endswith("_"):
            raise WrongValueError(f"[{i}].{key[:60]!a:.62}: must be understood, and is not known", "not_in_list")
    for key in _NUMBERS:
        value = record.get(key)
        if value is None and key not in record:
            continue
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e300:
            raise WrongValueError(f"[{i}].{key}: {value!r:.60} stands where a number is wanted")
    for key in _TEXTS:
        value = record.get(key, "")
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise WrongValueError(f"[{i}].{key}: {value!r:.60} stands where a text of at most {_LONGEST} is wanted")
    if not isinstance(record.get("vb", False), bool):
        raise WrongValueError(f"[{i}].vb: {record['vb']!r:.60} is neither true nor false")
    version = record.get("bver", _VERSION)
    if isinstance(version, bool) or not isinstance(version, int) or version > _VERSION:
        raise WrongValueError(f"[{i}].bver: version {version!r:.20} is newer than {_VERSION}", "not_in_list")


def _data(value: Any, i: int) -> str | None:
    """Bytes as hexadecimal text."""
    if value is None or isinstance(value, bytes):
        return None if value is None else value.hex()
    if not isinstance(value, str):
        raise WrongValueError(f"[{i}].vd: {value!r:.60} is no base64")
    data: bytes = FUNCTIONS["base64"](value)
    return data.hex()


def _moment(record: dict[str, Any], base: dict[str, Any], key: str, received: int) -> int | None:
    """Microseconds; None where neither base nor record says a time."""
    if key not in record and "bt" not in base:
        return None
    seconds = base.get("bt", 0) + record.get(key, 0)
    if not abs(seconds) < 1e13:
        raise WrongValueError(f"{key}: {seconds!r} s is no time", "bad_time")
    us: int = round(seconds * 1_000_000)
    return us if seconds >= _ABSOLUTE else received + us


def _resolved(record: dict[str, Any], base: dict[str, Any], i: int, received: int) -> dict[str, Any]:
    base_name, name = base.get("bn", ""), record.get("n", "")
    full = base_name + name
    if not full:
        raise WrongValueError(f"[{i}].n: neither a name nor a base name", "missing")
    unit = record.get("u") or base.get("bu")
    value = record.get("v")
    total = record.get("s")
    if total is not None or "bs" in base:
        total = base.get("bs", 0) + (total or 0)
    if value is not None:
        value = base.get("bv", 0) + value
        if not math.isfinite(value):
            raise WrongValueError(f"[{i}].v: with the base value it is beyond what can be stored", "out_of_range")
    update = record.get("ut")
    return {
        "name": full,
        "device": base_name.rstrip(":/.-_").translate(_NOT_IN_IDS) or None,
        "label": name or None,
        "time": _moment(record, base, "t", received),
        "update_s": update,
        "unit": (_UCUM.get(unit) or canonical(unit) or unit) if unit else None,
        "value": value,
        "text": record.get("vs"),
        "flag": record.get("vb"),
        "data": _data(record.get("vd"), i),
        "sum": total,
        "lon": None,
        "lat": None,
    }


def _placed(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The other records with the position that lon and lat of their base name and time say; else all."""
    places: dict[tuple[Any, Any], dict[str, float]] = {}
    for one in found:
        if one["unit"] in ("lon", "lat") and one["value"] is not None:
            places.setdefault((one["device"], one["time"]), {})[one["unit"]] = one["value"]
    whole = {key: place for key, place in places.items() if len(place) == 2}
    out = []
    for one in found:
        place = whole.get((one["device"], one["time"]))
        if place is None or one["unit"] not in ("lon", "lat"):
            out.append({**one, **(place or {})})
    if out or not whole:
        return out
    return [{**found[0], **place, "label": "position", "unit": None, "value": None} for place in whole.values()]


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """One document: ``records``, resolved.

    Raises:
        WrongValueError: A record is wrong; ``not_json``, ``wrong_type``, ``missing``, ``not_in_list``, ``bad_time``,
            ``too_large`` ...

    Example:
        >>> pack = b'[{"bn": "x:", "bt": 1782885600, "bu": "Cel", "n": "in", "v": 21.5}, {"n": "out", "v": 3, "t": -9}]'
        >>> [(r["label"], r["value"], r["time"]) for r in read(Message(pack, {}, 0), FORMAT.settings)[0]["records"]]
        [('in', 21.5, 1782885600000000), ('out', 3, 1782885591000000)]
    """
    records = _records(message.payload)
    key = f"base/{message.captures.get('topic', '')[:150]}"
    base: dict[str, Any] = dict(message.memory.get(key) or {}) if settings["stream"] else {}
    found = []
    for i, record in enumerate(records):
        _checked(record, i)
        base.update({k: float(record[k]) if k in _NUMBERS else record[k] for k in _BASES if k in record})
        one = _resolved(record, base, i, message.received)
        if any(one[k] is not None for k in ("value", "text", "flag", "data", "sum")):
            found.append(one)
    if settings["stream"]:
        message.memory.put(key, base)
    return [{"records": _placed(found)}] if found else []


FORMAT: Final = Format(
    name="senml",
    title="SenML, RFC 8428, JSON and CBOR",
    read=read,
    settings={"stream": False},
)
