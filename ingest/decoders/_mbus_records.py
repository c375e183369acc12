"""Application layer of M-Bus, on wire and radio: header and records of EN 13757-3. Pure.

Header: identification (4, decimal digits, low byte first), manufacturer (2: three letters of 5 bits), version (1),
medium (1, table 3), access number (1), status (1, table 5), configuration (2). The short one begins at the access number.

Record (clause 6.2, 6.3): DIF, up to 10 DIFE, VIF, up to 10 VIFE, data.

| byte | bits |
|---|---|
| DIF | 7 DIFE follows, 6 storage (lowest bit), 5..4 function (instantaneous, max, min, during error), 3..0 data: 0 none, 1 2 3 4 6 7 whole numbers of 1 2 3 4 6 8 bytes, 5 float, 9..C E 2 4 6 8 12 digits, D by a length byte, F special |
| DIFE | 7 more, 6 unit, 5..4 tariff, 3..0 storage |
| VIF | 7 VIFE follows, 6..0 table 10; FB, FD tables 12, 14; 7C a text unit; 7F the maker's own |
| VIFE | 70..77 times ten to n-6, 7D times 1000; FF the maker's own follow; other ones change what the value is: kept in ``extension`` |

Special DIF: 0F the maker's data to the end, 1F the same and more records follow in another answer, 2F nothing.
"""  # noqa: E501 - a table

from __future__ import annotations

import math
import struct
from typing import Any, Final

from ingest.decoders._mbus_vif import Kind, kind_of
from ingest.profile.functions import WrongValueError

__all__ = ["header", "manufacturer_of", "records", "status_of"]

_FUNCTIONS: Final = ("instantaneous", "maximum", "minimum", "during_error")
_SIZES: Final = {0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6, 7: 8, 9: 1, 10: 2, 11: 3, 12: 4, 14: 6}
_MOST_EXTENSIONS: Final = 10
_MOST_RECORDS: Final = 1_000
_MEDIA: Final = {
    0x00: "other", 0x01: "oil", 0x02: "electricity", 0x03: "gas", 0x04: "heat", 0x05: "steam", 0x06: "warm_water",
    0x07: "water", 0x08: "heat_cost", 0x09: "compressed_air", 0x0A: "cooling", 0x0B: "cooling", 0x0C: "heat",
    0x0D: "heat_cooling", 0x0E: "bus", 0x0F: "unknown", 0x15: "hot_water", 0x16: "cold_water", 0x17: "dual_water",
    0x18: "pressure", 0x19: "converter", 0x1A: "smoke", 0x1B: "room", 0x1C: "gas_detector", 0x20: "breaker",
    0x21: "valve",
}  # fmt: skip

_TEXT_UNITS: Final = {"%RH": Kind("relative_humidity", "%")}


def manufacturer_of(code: int) -> str:
    """Three letters of 15 bits.

    Example:
        >>> manufacturer_of(0x2C2D)
        'KAM'
    """
    return "".join(chr(64 + (code >> shift & 31)) for shift in (10, 5, 0))


def status_of(status: int) -> str:
    """A word of ours: bits 0..1 application, 2 power low, 3 permanent error, 4 temporary error (table 5).

    Example:
        >>> status_of(0), status_of(0x04), status_of(0x10)
        ('ok', 'maintenance', 'fault')
    """
    if status & 0x18 or status & 3 >= 2:
        return "fault"
    return "maintenance" if status & 4 else "ok"


def header(data: bytes) -> dict[str, Any]:
    """Who sent it, of the 8 bytes identification, manufacturer, version and medium."""
    return {
        "id": data[:4][::-1].hex(),
        "manufacturer": manufacturer_of(int.from_bytes(data[4:6], "little")),
        "version": data[6],
        "medium_code": data[7],
        "medium": _MEDIA.get(data[7], "reserved"),
    }


class _Cursor:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def byte(self, name: str) -> int:
        return self.take(1, name)[0]

    def take(self, size: int, name: str) -> bytes:
        out = self.data[self.at : self.at + size]
        if len(out) < size:
            raise WrongValueError(
                f"record: {name} at byte {self.at} needs {size} bytes, {len(out)} are left", "missing"
            )
        self.at += size
        return out


def records(data: bytes) -> dict[str, Any]:
    """``records``, ``more`` (another answer has the rest) and ``maker`` (hexadecimal) of the bytes behind a header.

    Raises:
        WrongValueError: A record ends too early, or has too many parts.

    Example:
        >>> records(bytes.fromhex("04 06 e7910000"))["records"][0]["value"]
        37351
    """
    cursor = _Cursor(data)
    out: dict[str, Any] = {"records": [], "more": False, "maker": None}
    while cursor.at < len(data):
        dif = cursor.byte("DIF")
        if dif == 0x2F:
            continue
        if dif in (0x0F, 0x1F):
            out["more"] = dif == 0x1F
            out["maker"] = data[cursor.at :].hex()
            break
        if len(out["records"]) >= _MOST_RECORDS:
            raise WrongValueError(f"payload: more than {_MOST_RECORDS} records", "too_large")
        out["records"].append(_record(dif, cursor))
    return out


def _record(dif: int, cursor: _Cursor) -> dict[str, Any]:
    storage, tariff, unit = dif >> 6 & 1, 0, 0
    more, count = dif >> 7, 0
    while more:
        if count == _MOST_EXTENSIONS:
            raise WrongValueError("record: more than 10 DIFE", "too_large")
        dife = cursor.byte("DIFE")
        storage |= (dife & 15) << (1 + 4 * count)
        tariff |= (dife >> 4 & 3) << (2 * count)
        unit |= (dife >> 6 & 1) << count
        more, count = dife >> 7, count + 1
    kind, factor, extension, error = _value_information(cursor)
    value, text = _value(dif & 15, kind, cursor)
    if error:
        value = None
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        value = _scaled(value, kind.power + factor, kind.divide)
    return {
        "name": kind.name,
        "unit": kind.unit,
        "value": value,
        "text": text,
        "function": _FUNCTIONS[dif >> 4 & 3],
        "storage": storage,
        "tariff": tariff,
        "subunit": unit,
        "extension": " ".join(f"{e:02X}" for e in extension) or None,
    }


def _scaled(value: float, power: int, divide: float) -> float | None:
    scaled = value * 10**power if power >= 0 else value / 10**-power
    if divide != 1.0:
        scaled = round(scaled / divide, 9)
    return scaled if math.isfinite(scaled) else None


def _value_information(cursor: _Cursor) -> tuple[Kind, int, list[int], bool]:
    """Kind of value, further power of ten, extensions that change what it is, whether the meter says it is wrong."""
    vif = cursor.byte("VIF")
    code, table, more = vif & 0x7F, None, vif >> 7
    kind: Kind | None
    if vif in (0xFB, 0xFD):
        table = vif
        code = cursor.byte("VIFE")
        code, more = code & 0x7F, code >> 7
        kind = kind_of(code, table)
    elif code == 0x7C:
        unit = cursor.take(cursor.byte("length of the unit"), "the unit")[::-1].decode("latin-1")
        unit = "".join(c if c.isprintable() else "?" for c in unit)
        kind = _TEXT_UNITS.get(unit) or Kind("text_unit", unit or None)
    else:
        kind = kind_of(code)
    name = f"vif_{table:02X}{code:02X}" if table else f"vif_{code:02X}"
    kind = kind or Kind(name)
    factor, extension, own, error, count = 0, list[int](), False, False, 0
    while more:
        if count == _MOST_EXTENSIONS:
            raise WrongValueError("record: more than 10 VIFE", "too_large")
        vife = cursor.byte("VIFE")
        code, more, count = vife & 0x7F, vife >> 7, count + 1
        if own:
            extension.append(code)
        elif 0x70 <= code <= 0x77:
            factor += code - 0x76
        elif code == 0x7D:
            factor += 3
        elif code == 0x7F:
            own = True
            extension.append(code)
        elif 0x01 <= code <= 0x1F:
            error = True
        elif code:
            extension.append(code)
    return kind, factor, extension, error


def _value(field: int, kind: Kind, cursor: _Cursor) -> tuple[float | None, str | None]:
    """The raw number, or the text of texts, dates and identifications."""
    if field == 13:
        return _variable(cursor)
    size = _SIZES.get(field)
    if size is None:
        raise WrongValueError(f"record: data field {field:X} at byte {cursor.at} holds no value", "wrong_type")
    data = cursor.take(size, "the value")
    if size == 0:
        return None, None
    if kind.form in ("date", "datetime") and field in (2, 3, 4, 6):
        return None, _moment(data)
    if field == 5:
        number: float = struct.unpack("<f", data)[0]
        return (number if math.isfinite(number) else None), None
    if field >= 9:
        digits = data[::-1].hex()
        negative = digits[0] == "f"
        digits = digits.lstrip("f") if negative else digits
        return ((-int(digits) if negative else int(digits)) if digits.isdecimal() else None), None
    return int.from_bytes(data, "little", signed=kind.form != "bits"), None


def _variable(cursor: _Cursor) -> tuple[float | None, str | None]:
    length = cursor.byte("length of the value")
    if length < 0xC0:
        text = cursor.take(length, "the text")[::-1].decode("latin-1")
        return None, "".join(c if c.isprintable() else "?" for c in text)
    if length < 0xE0:
        digits = cursor.take(length & 15, "the digits")[::-1].hex()
        return ((-int(digits) if length & 16 else int(digits)) if digits.isdecimal() else None), None
    if length < 0xF0:
        number = int.from_bytes(cursor.take(length & 15, "the number"), "little", signed=True)
        return (number if abs(number) < 1 << 63 else None), None
    raise WrongValueError(f"record: a value of variable length {length:02X} is not known", "not_in_list")


def _moment(data: bytes) -> str | None:
    """Type G (2 bytes), F (4) or I (6): ``YYYY-MM-DD`` or ``YYYY-MM-DD HH:MM:SS``; None where it is not valid."""
    seconds, minutes, hours = 0, 0, 0
    if len(data) == 6:
        seconds, minutes, hours, days = data[0] & 63, data[1] & 63, data[2] & 31, data[3:5]
    elif len(data) == 4:
        minutes, hours, days = data[0] & 63, data[1] & 31, data[2:4]
        if data[0] & 0x80:
            return None
    else:
        days = data[:2]
    day, month, year = days[0] & 31, days[1] & 15, (days[0] >> 5) | (days[1] >> 1 & 0x78)
    if not (1 <= day <= 31 and 1 <= month <= 12 and minutes < 60 and hours < 24 and seconds < 60):
        return None
    century = 1900 + 100 * (data[1] >> 5 & 3) if len(data) == 4 and data[1] & 0x60 else 1900 if year > 80 else 2000
    date = f"{century + year}-{month:02}-{day:02}"
    return date if len(data) in (2, 3) else f"{date} {hours:02}:{minutes:02}:{seconds:02}"
