"""DL/T 645-2007 and DL/T 645-1997: Chinese electricity meters on RS-485, through a transparent gateway. Pure.

Frame (2007 chapter 5.2, figure 2):

| part | bytes | holds |
|---|---|---|
| wake-up | 0.. | ``FE`` |
| start | 1 | ``68`` |
| address | 6 | decimal digits, low byte first |
| start | 1 | ``68``: a frame is known by the two at a distance of 7, since an address may hold 68 and 16, too |
| control C | 1 | bit 7 from the meter, bit 6 error answer, bit 5 more follows, bits 0..4 function |
| length L | 1 | bytes of the data |
| data | L | each byte + 33 |
| checksum | 1 | sum of all bytes from the first 68 on |
| end | 1 | ``16`` |

Functions of answers: 2007 ``11`` read, ``12`` read what follows, ``13`` address; 1997 ``01``, ``02``. Data begin with the
identifier, low byte first: 4 bytes in 2007, 2 in 1997; then the values (appendix A, see ``_dlt645_table``), in 2007 and
function 12 then a sequence number. Values carry no time. What follows is put behind what came before and read when it is whole.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest.decoders import Format, Memory, Message
from ingest.decoders import _dlt645_table as table
from ingest.decoders._serial import bcd, frames_in, raw_bytes
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_STARTS: Final = re.compile(rb"\x68")

_START, _END = 0x68, 0x16
_READ, _FOLLOW, _ADDRESS = {0x11: 2007, 0x01: 1997}, {0x12: 2007, 0x02: 1997}, 0x13
_PHASES: Final = (None, "A", "B", "C")
_ALL: Final = 0xFF
_MOST_JOINED: Final = 4096
_ERRORS: Final = ("other error", "no such data", "no permission", "rate", "year", "day", "tariff")


class _Frame(NamedTuple):
    address: str
    control: int
    data: bytes


def _frame_at(data: bytes, at: int) -> tuple[_Frame | None, int, str]:
    """The frame that begins at a byte and where it ends, or why there is none (``""``: nothing looks like one)."""
    if data[at] != _START or at + 10 > len(data) or data[at + 7] != _START:
        return None, at, ""
    end = at + 12 + data[at + 9]
    if end > len(data):
        return None, at, f"length: the frame at byte {at} is {end - at} bytes long, {len(data) - at} are there"
    if data[end - 1] != _END:
        return None, at, f"end: byte {end - 1} is {data[end - 1]:02x} where 16 ends a frame"
    wanted = sum(data[at : end - 2]) & 0xFF
    if wanted != data[end - 2]:
        return None, at, f"checksum: the frame at byte {at} says {data[end - 2]:02x}, its bytes make {wanted:02x}"
    address = data[at + 1 : at + 7][::-1].hex()
    body = bytes((b - 0x33) & 0xFF for b in data[at + 10 : end - 2])
    return _Frame(address, data[at + 8], body), end, ""


def _value(quantity: table.Quantity, data: bytes, **where: Any) -> dict[str, Any]:
    number = bcd(data, quantity.name, signed=quantity.signed)
    return {
        "name": quantity.name,
        "unit": quantity.unit,
        "value": None if number is None else number / 10**quantity.digits,
        "phase": None,
        "tariff": 0,
        "settlement": 0,
        **where,
    }


def _cut(quantity: table.Quantity, data: bytes, di: str, most: int) -> list[bytes]:
    count, rest = divmod(len(data), quantity.size)
    if rest or not 1 <= count <= most:
        raise WrongValueError(
            f"{di}: {len(data)} bytes of data are not 1 to {most} values of {quantity.size} bytes", "wrong_type"
        )
    return [data[i * quantity.size : (i + 1) * quantity.size] for i in range(count)]


def _energy(quantity: table.Quantity, di: str, tariff: int, settlement: int, data: bytes, **where: Any) -> list[Any]:
    """Registers of energy: one, all tariffs of a day, or one tariff of all days."""
    if _ALL in (tariff, settlement):
        parts = _cut(quantity, data, di, 64)
        days = settlement == _ALL
        first = 1 if days and tariff != _ALL else 0
        return [
            _value(quantity, part, **where, tariff=tariff if days else i, settlement=i + first if days else settlement)
            for i, part in enumerate(parts)
        ]
    [one] = _cut(quantity, data, di, 1)
    return [_value(quantity, one, **where, tariff=tariff, settlement=settlement)]


def _values_2007(di: int, data: bytes) -> list[dict[str, Any]] | None:
    d3, d2, d1, d0 = di.to_bytes(4, "big")
    name = f"{di:08X}"
    if di in table.FIXED_2007:
        quantity = table.FIXED_2007[di]
        return [_value(quantity, part) for part in _cut(quantity, data, name, 1)]
    if d3 == 0 and d2 in table.ENERGY_2007:
        phase = _PHASES[(d2 - 0x15) // 0x14 + 1] if d2 >= 0x15 else None
        return _energy(table.ENERGY_2007[d2], name, d1, d0, data, phase=phase)
    if d3 == 1 and d2 in table.ENERGY_2007 and _ALL not in (d1, d0):
        kind = table.ENERGY_2007[d2]
        demand = kind._replace(name=f"{kind.name}_demand_max", unit=kind.unit.replace(".h", ""), size=3, digits=4)
        if len(data) != 8:
            raise WrongValueError(f"{name}: {len(data)} bytes of data are no demand of 3 and a time of 5", "wrong_type")
        at = data[3:][::-1].hex()
        when = f"20{at}00" if at.isdecimal() and int(at) else None
        return [_value(demand, data[:3], tariff=d1, settlement=d0, time=when)]
    if d3 == 2 and d2 in table.PHASED_2007 and d0 == 0:
        quantity = table.PHASED_2007[d2]
        if d1 == _ALL:
            parts = _cut(quantity, data, name, 4 - quantity.first)
            return [_value(quantity, p, phase=_PHASES[i]) for i, p in enumerate(parts, quantity.first)]
        if quantity.first <= d1 <= 3:
            return [_value(quantity, part, phase=_PHASES[d1]) for part in _cut(quantity, data, name, 1)]
    return None if d3 in (0, 1, 2) else []


def _values_1997(di: int, data: bytes) -> list[dict[str, Any]] | None:
    name = f"{di:04X}"
    if di in table.FIXED_1997:
        quantity, phase = table.FIXED_1997[di]
        return [_value(quantity, part, phase=_PHASES[phase]) for part in _cut(quantity, data, name, 1)]
    if di & 15 == 15 and (block := [v for k, v in table.FIXED_1997.items() if k >> 4 == di >> 4]):
        parts = _cut(block[0][0], data, name, len(block))
        return [_value(q, part, phase=_PHASES[p]) for (q, p), part in zip(block, parts, strict=False)]
    month = {0x90: 0, 0x94: 1, 0x98: 2}.get(di >> 8)
    quantity_ = table.ENERGY_1997.get(di >> 4 & 15)
    if month is not None and quantity_ is not None:
        tariff = _ALL if di & 15 == 15 else di & 15
        return _energy(quantity_, name, tariff, month, data)
    return None if di >> 12 in (9, 10, 11) else []


def _joined(frame: _Frame, edition: int, function: int, memory: Memory) -> tuple[int, bytes] | None:
    """Identifier and data; None while there is more to come."""
    size = 4 if edition == 2007 else 2
    if len(frame.data) < size:
        raise WrongValueError(f"data: {len(frame.data)} bytes hold no identifier of {size}", "missing")
    di, data = int.from_bytes(frame.data[:size], "little"), frame.data[size:]
    key, part = f"{frame.address}/{di:X}", 0
    if function in _FOLLOW:
        before = memory.get(key) or {"parts": 0, "data": b""}
        part = number = before["parts"]
        if edition == 2007:
            data, number = data[:-1], data[-1] if data else 0
        if not part or number != part or len(before["data"]) > _MOST_JOINED:
            raise WrongValueError(
                f"data: part {number} of {di:X} of meter {frame.address} came without those before it; read it again",
                "missing",
            )
        data = before["data"] + data
        memory.put(key, None)
    if frame.control & 0x20:
        memory.put(key, {"data": data, "parts": part + 1})
        return None
    return di, data


def _document(frame: _Frame, memory: Memory) -> dict[str, Any] | None:
    control, function = frame.control, frame.control & 0x1F
    if not control & 0x80:
        return None  # what the master asked, heard on the line
    if not frame.address.isdecimal():
        raise WrongValueError(f"address: {frame.address} are no decimal digits")
    edition = _READ.get(function) or _FOLLOW.get(function)
    if control & 0x40:
        code = frame.data[0] if frame.data else 0
        told = [text for bit, text in enumerate(_ERRORS) if code >> bit & 1]
        named = ", ".join(told) or "none named"
        raise WrongValueError(
            f"control {control:02X}: meter {frame.address} answers with error {code:02X} ({named}) instead of data",
            "missing",
        )
    if edition is None:
        found = {"kind": "address", "address": frame.address, "values": []}
        return found if function == _ADDRESS else None
    whole = _joined(frame, edition, function, memory)
    if whole is None:
        return None
    di, data = whole
    name = f"{di:08X}" if edition == 2007 else f"{di:04X}"
    values = _values_2007(di, data) if edition == 2007 else _values_1997(di, data)
    if values is None:
        raise WrongValueError(f"identifier: {name} is not in the table of measured values", "not_in_list")
    return (
        {"kind": "data", "edition": edition, "address": frame.address, "di": name, "values": values} if values else None
    )


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The documents of a payload, one an answer of a meter.

    Raises:
        WrongValueError: A frame cannot be read, or the meter answers with an error; ``bad_checksum``, ``missing``,
            ``no_match``, ``not_in_list``, ``wrong_type``, ``too_large``.

    Example:
        >>> answer = bytes.fromhex("fefefefe 68 563412000000 68 91 06 33343435 3456 5d 16")
        >>> read(Message(answer, {}, 0), {})[0]["values"][0]
        {'name': 'voltage', 'unit': 'V', 'value': 230.1, 'phase': 'A', 'tariff': 0, 'settlement': 0}
    """
    found = [_document(frame, message.memory) for frame in frames_in(raw_bytes(message.payload), _STARTS, _frame_at)]
    return [document for document in found if document is not None]


FORMAT: Final = Format(
    name="dlt645",
    title="DL/T 645-2007 and DL/T 645-1997, electricity meters",
    read=read,
)
