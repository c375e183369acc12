"""CJ/T 188-2004, and its frames in CJ/T 188-2018: Chinese water, heat and gas meters, through a transparent gateway. Pure.

Frame (6.2, table 1):

| part | bytes | holds |
|---|---|---|
| wake-up | 0.. | ``FE`` |
| start | 1 | ``68`` |
| type T | 1 | ``10..19`` water (``11`` hot), ``20..29`` heat (``21`` cold), ``30..39`` gas, ``40..49`` other (``40`` electricity) |
| address | 7 | decimal digits, low byte first; the upper two bytes are the maker's |
| control C | 1 | bit 7 from the meter, bit 6 error answer, bits 0..5 function: ``01`` read, ``03`` address |
| length L | 1 | bytes of the data |
| data | L | identifier (2), sequence number (1), values |
| checksum | 1 | sum of all bytes from 68 on |
| end | 1 | ``16`` |

Answer ``901F``, measured values (annex A). Numbers are decimal digits, low byte first; ``N.u`` has a unit byte behind it:

| meter | values |
|---|---|
| water, gas (22 bytes) | total 4.u, total on the settlement day 4.u, clock 7, status 2 |
| heat (46 bytes) | heat on the settlement day 4.u, heat 4.u, power 4.u, flow 4.u, total 4.u, supply 3, return 3, hours 3, clock 7, status 2 |

Two digits stand behind the point, four in the flow. Status (table 14): bits 0, 1 valve (0 open, 1 closed, 3 broken), bit 2 battery low. Makers send
the identifier in both orders. Answers of other lengths, as later editions and makers have them, are refused, not guessed.
"""  # noqa: E501 - tables

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest.decoders import Format, Message
from ingest.decoders._serial import bcd, frames_in, raw_bytes
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_STARTS: Final = re.compile(rb"\x68")

_START, _END = 0x68, 0x16
_READ, _ADDRESS = 0x01, 0x03
_MEASURED, _ADDRESS_ID = 0x901F, 0x810A
_KINDS: Final = {1: "water", 2: "heat", 3: "gas", 4: "other"}
_KJ = 1 / 3600
# Unit byte (annex B) -> our unit, factor to it.
_ENERGY: Final = {
    0x01: _KJ / 1000, 0x0B: _KJ, 0x0E: _KJ * 1e3, 0x11: _KJ * 1e6, 0x13: _KJ * 1e8,
    0x02: 1e-3, 0x05: 1.0, 0x08: 1e3, 0x0A: 1e5,
}  # fmt: skip
_POWER: Final = {0x14: 1e-3, 0x17: 1.0, 0x1A: 1e3}
_VOLUME: Final = {0x29: 1e-3, 0x2C: 1.0}
_FLOW: Final = {0x32: 1e-3, 0x35: 1.0}
_VALVE: Final = {0: "open", 1: "closed", 3: "fault"}


class _Frame(NamedTuple):
    type: int
    address: str
    control: int
    data: bytes


def _frame_at(data: bytes, at: int) -> tuple[_Frame | None, int, str]:
    """The frame that begins at a byte and where it ends, or why there is none (``""``: nothing looks like one)."""
    if data[at] != _START or at + 13 > len(data) or not 0x10 <= data[at + 1] <= 0x49:
        return None, at, ""
    end = at + 13 + data[at + 10]
    if end > len(data):
        return None, at, f"length: the frame at byte {at} is {end - at} bytes long, {len(data) - at} are there"
    if data[end - 1] != _END:
        return None, at, f"end: byte {end - 1} is {data[end - 1]:02x} where 16 ends a frame"
    wanted = sum(data[at : end - 2]) & 0xFF
    if wanted != data[end - 2]:
        return None, at, f"checksum: the frame at byte {at} says {data[end - 2]:02x}, its bytes make {wanted:02x}"
    address = data[at + 2 : at + 9][::-1].hex()
    return _Frame(data[at + 1], address, data[at + 9], data[at + 11 : end - 2]), end, ""


def _quantity(data: bytes, name: str, units: Mapping[int, float], digits: int = 2) -> float | None:
    """A number of 4 bytes and its unit byte, in our unit."""
    number = bcd(data[:4], name)
    if number is None:
        return None
    if data[4] not in units:
        known = " ".join(f"{u:02X}" for u in units)
        raise WrongValueError(f"{name}: unit {data[4]:02X} is none of {known}", "not_in_list")
    value: float = round(number / 10**digits * units[data[4]], 9)
    return value


def _degrees(data: bytes, name: str) -> float | None:
    number = bcd(data, name, signed=True)
    return None if number is None else number / 100


def _clock(data: bytes) -> str | None:
    """``YYYYmmddHHMMSS``, None where the meter has no clock that runs."""
    text = data[::-1].hex()
    try:
        datetime.strptime(text, "%Y%m%d%H%M%S")  # noqa: DTZ007 - only whether it is a time
    except ValueError:
        return None
    return text


def _values(kind: str, data: bytes) -> dict[str, Any]:
    if kind == "heat" and len(data) == 43:
        out = {
            "settlement_kwh": _quantity(data[0:5], "settlement_kwh", _ENERGY),
            "total_kwh": _quantity(data[5:10], "total_kwh", _ENERGY),
            "power_kw": _quantity(data[10:15], "power_kw", _POWER),
            "flow_m3h": _quantity(data[15:20], "flow_m3h", _FLOW, 4),
            "total_m3": _quantity(data[20:25], "total_m3", _VOLUME),
            "supply_c": _degrees(data[25:28], "supply_c"),
            "return_c": _degrees(data[28:31], "return_c"),
            "hours": bcd(data[31:34], "hours"),
        }
    elif kind != "heat" and len(data) == 19:
        out = {
            "total_m3": _quantity(data[0:5], "total_m3", _VOLUME),
            "settlement_m3": _quantity(data[5:10], "settlement_m3", _VOLUME),
        }
    else:
        wanted = 46 if kind == "heat" else 22
        raise WrongValueError(
            f"data: an answer of {len(data) + 3} bytes; a {kind} meter of CJ/T 188-2004 answers with {wanted}",
            "no_match",
        )
    status = int.from_bytes(data[-2:], "little")
    return {
        **out,
        "clock": _clock(data[-9:-2]),
        "valve": _VALVE.get(status & 3),
        "battery_low": bool(status >> 2 & 1),
        "status_bits": status,
    }


def _document(frame: _Frame) -> dict[str, Any] | None:
    if not frame.control & 0x80:
        return None  # what the master asked, heard on the line
    if not frame.address.isdecimal():
        raise WrongValueError(f"address: {frame.address} are no decimal digits")
    kind = _KINDS[frame.type >> 4]
    head = {"meter": kind, "type": f"{frame.type:02X}", "address": frame.address}
    if frame.control & 0x40:
        code = frame.data[-2:].hex() or "without a code"
        raise WrongValueError(
            f"control {frame.control:02X}: meter {frame.address} answers with error {code} instead of data", "missing"
        )
    function = frame.control & 0x3F
    if function not in (_READ, _ADDRESS):
        return None
    if len(frame.data) < 3:
        raise WrongValueError(f"data: {len(frame.data)} bytes hold no identifier and sequence number", "missing")
    identifiers = {int.from_bytes(frame.data[:2], "big"), int.from_bytes(frame.data[:2], "little")}
    if function == _ADDRESS and _ADDRESS_ID in identifiers:
        return {"kind": "address", **head}
    if _MEASURED not in identifiers:
        raise WrongValueError(f"identifier: {frame.data[:2].hex().upper()} is not 901F", "not_in_list")
    return {"kind": "data", **head, **_values(kind, frame.data[3:])}


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The documents of a payload, one an answer of a meter.

    Raises:
        WrongValueError: A frame cannot be read, or the meter answers with an error; ``bad_checksum``, ``missing``,
            ``no_match``, ``not_in_list``, ``wrong_type``, ``too_large``.

    Example:
        >>> read(Message(bytes.fromhex("fefe6810120000000000008303810a009b16"), {}, 0), {})
        [{'kind': 'address', 'meter': 'water', 'type': '10', 'address': '00000000000012'}]
    """
    found = [_document(frame) for frame in frames_in(raw_bytes(message.payload), _STARTS, _frame_at)]
    return [document for document in found if document is not None]


FORMAT: Final = Format(
    name="cjt188",
    title="CJ/T 188-2004 and 2018, water, heat and gas meters",
    read=read,
)
