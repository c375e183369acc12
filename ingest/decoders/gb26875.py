"""GB/T 26875.3-2011: fire alarm systems of buildings, through their user information transmission devices. Pure.

Frame (6.1, figure 2), low byte first:

| part | bytes | holds |
|---|---|---|
| start | 2 | ``40 40`` (``@@``) |
| number | 2 | of the message |
| version | 2 | major, minor |
| time | 6 | second, minute, hour, day, month, year - 2000, binary |
| source, target | 6 + 6 | addresses |
| length | 2 | bytes of the application data, at most 1024 |
| command | 1 | 2 send, 5 answer hold data; 1 control, 3 confirm, 4 request, 6 deny do not |
| data | L | type, count of objects, objects |
| checksum | 1 | sum from the number to the end of the data |
| end | 2 | ``23 23`` (``##``) |

Objects (8.2, tables 3 to 10), each with its time of 6 bytes behind it:

| type | object |
|---|---|
| 1 system status | system, address, status 2 |
| 2 component status | system, address, component, address 4, status 2, description 31 (GB 18030) |
| 3 analog value | system, address, component, address 4, quantity, value 2 (signed) |
| 4 operation | system, address, what, by whom |
| 21 device status | status 1 |
| 24 device operation | what, by whom |

Status bits: 0 runs normally (0: under test), 1 fire alarm, 2 fault, 3 shielded, 4 supervised, 5 started, 6 feedback, 7 delayed; of a component 8 power
fault; of a system 8 mains, 9 battery, 10 bus fault, 11 manual, 12 configuration changed, 13 reset. Of the device: 3 mains, 4 battery, 5 line to the
centre, 6 line to the system.
"""  # noqa: E501 - tables

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.decoders._serial import frames_in, raw_bytes
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_STARTS: Final = re.compile(rb"@@")

_HEAD, _TAIL = b"@@", b"##"
_CONTROL = 25  # bytes between start and data
_LONGEST: Final = 1024
_WITH_DATA: Final = {2, 5}
_SIZES: Final = {1: 4, 2: 40, 3: 10, 4: 4, 21: 1, 24: 2}
_KINDS: Final = {1: "system", 2: "component", 3: "analog", 4: "operation", 21: "device", 24: "device_operation"}
_COMMON: Final = ("normal", "fire", "fault", "shielded", "supervised", "started", "feedback", "delayed")
_BITS: Final = {
    1: (*_COMMON, "mains_fault", "battery_fault", "bus_fault", "manual", "configured", "reset"),
    2: (*_COMMON, "power_fault"),
    21: ("normal", "fire", "fault", "mains_fault", "battery_fault", "centre_line_fault", "system_line_fault"),
}
_SYSTEMS: Final = {
    0: "general", 1: "fire_alarm", 10: "linkage_control", 11: "hydrant", 12: "sprinkler", 13: "gas_extinguishing",
    14: "water_mist_pump", 15: "water_mist_vessel", 16: "foam", 17: "powder", 18: "smoke_control", 19: "fire_door",
    20: "fire_lift", 21: "broadcast", 22: "emergency_lighting", 23: "fire_power", 24: "fire_phone",
}  # fmt: skip
_COMPONENTS: Final = {
    1: "alarm_controller", 23: "manual_call_point", 24: "hydrant_button", 82: "electric_control", 91: "fire_pump",
    92: "fire_tank", 95: "sprinkler_pump", 96: "flow_switch", 97: "signal_valve", 98: "alarm_valve",
    99: "pressure_switch", 121: "sounder",
}  # fmt: skip
_RANGES: Final = (
    (10, 15, "gas_detector"), (16, 18, "electrical_fire"), (25, 25, "fire_detector"), (30, 39, "heat_detector"),
    (40, 49, "smoke_detector"), (50, 59, "combined_detector"), (60, 69, "flame_detector"),
    (74, 74, "gas_fire_detector"),
    (78, 78, "video_fire_detector"), (84, 88, "module"), (102, 103, "fire_door"), (111, 116, "smoke_exhaust"),
    (117, 118, "fire_shutter"),
)  # fmt: skip
# Kind of analog value -> name, UCUM unit, factor (table 7).
_QUANTITIES: Final = {
    1: ("events", "1", 1.0), 2: ("height", "m", 0.01), 3: ("temperature", "Cel", 0.1), 4: ("pressure", "MPa", 0.1),
    5: ("pressure", "kPa", 0.1), 6: ("gas", "%", 0.1), 7: ("time", "s", 1.0), 8: ("voltage", "V", 0.1),
    9: ("current", "A", 0.1), 10: ("flow", "L/s", 0.1), 11: ("air_volume", "m3/min", 0.1),
    12: ("wind_speed", "m/s", 1.0),
}  # fmt: skip
_NO_DESCRIPTION: Final = "\0 "


def _frame_at(data: bytes, at: int) -> tuple[bytes | None, int, str]:
    """Control unit and data of the frame that begins at a byte and where it ends, or why there is none."""
    if data[at : at + 2] != _HEAD or at + 30 > len(data):
        return None, at, ""
    size = int.from_bytes(data[at + 24 : at + 26], "little")
    end = at + 2 + _CONTROL + size + 3
    if size > _LONGEST:
        return None, at, f"length: {size} bytes of data are more than {_LONGEST}"
    if end > len(data):
        return None, at, f"length: the frame at byte {at} is {end - at} bytes long, {len(data) - at} are there"
    if data[end - 2 : end] != _TAIL:
        return None, at, f"end: bytes {end - 2} and {end - 1} are {data[end - 2 : end].hex()} where 2323 ends a frame"
    body = data[at + 2 : end - 3]
    wanted = sum(body) & 0xFF
    if wanted != data[end - 3]:
        return None, at, f"checksum: the frame at byte {at} says {data[end - 3]:02x}, its bytes make {wanted:02x}"
    return body, end, ""


def _moment(data: bytes) -> str | None:
    """``YYYY-MM-DD HH:MM:SS``, None where the device has no clock that runs."""
    second, minute, hour, day, month, year = data
    if not any(data) or not (second < 60 and minute < 60 and hour < 24 and 1 <= day <= 31 and 1 <= month <= 12):
        return None
    return f"20{year:02}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}" if year < 100 else None


def _component(code: int) -> str:
    found = _COMPONENTS.get(code)
    return found or next((name for low, high, name in _RANGES if low <= code <= high), "other")


def _object(kind: int, data: bytes) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": _KINDS[kind]}
    if kind in (1, 2, 3, 4):
        out |= {"system": _SYSTEMS.get(data[0], "other"), "system_code": data[0], "system_address": data[1]}
    if kind in (2, 3):
        out |= {"component": _component(data[2]), "component_code": data[2]}
        # four bytes that makers fill as loop and number, each low byte first
        out["address"] = f"{int.from_bytes(data[3:5], 'little')}-{int.from_bytes(data[5:7], 'little')}"
    if kind in _BITS:
        place = {1: 2, 2: 7, 21: 0}[kind]
        bits = int.from_bytes(data[place : place + (1 if kind == 21 else 2)], "little")
        names = _BITS[kind]
        out |= {"bits": bits, "states": [n for i, n in enumerate(names) if bits >> i & 1 and n != "normal"]}
        out |= {"test": not bits & 1, "fire": bool(bits & 2)}
        out["fault"] = any(n == "fault" or n.endswith("_fault") for n in out["states"])
    if kind == 2:
        text = data[9:40].decode("gb18030", "replace").partition("\0")[0].strip(_NO_DESCRIPTION)
        out["description"] = "".join(c if c.isprintable() else "?" for c in text) or None
    if kind == 3:
        name, unit, factor = _QUANTITIES.get(data[7], (f"quantity_{data[7]}", None, 1.0))
        value = int.from_bytes(data[8:10], "little", signed=True)
        out |= {"quantity": name, "unit": unit, "value": round(value * factor, 9)}
    if kind in (4, 24):
        out |= {"operation_bits": data[-2], "operator": data[-1]}
    return out


def _document(body: bytes) -> dict[str, Any] | None:
    if body[24] not in _WITH_DATA:
        return None
    data = body[_CONTROL:]
    if len(data) < 2:
        raise WrongValueError(f"data: {len(data)} bytes hold no type and count", "missing")
    kind, count = data[0], data[1]
    size = _SIZES.get(kind)
    if size is None:
        return None  # versions, configurations and clocks
    if len(data) != 2 + count * (size + 6):
        raise WrongValueError(
            f"data: {count} objects of type {kind} are {2 + count * (size + 6)} bytes, {len(data)} are there", "missing"
        )
    places = range(2, len(data), size + 6)
    return {
        "source": body[10:16][::-1].hex(),
        "number": int.from_bytes(body[:2], "little"),
        "sent": _moment(body[4:10]),
        "objects": [
            {**_object(kind, data[at : at + size]), "time": _moment(data[at + size : at + size + 6])} for at in places
        ],
    }


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The documents of a payload, one a frame with objects.

    Raises:
        WrongValueError: A frame cannot be read; ``bad_checksum``, ``missing``, ``no_match``, ``wrong_type``,
            ``too_large``.

    Example:
        >>> head = "0100 0101 000000010720 010000000000 000000000000"
        >>> body = bytes.fromhex(f"{head} 0c00 02 01 01 01 01 0300 3b0d0e01071a")
        >>> frame = b"@@" + body + bytes([sum(body) & 255]) + b"##"
        >>> read(Message(frame, {}, 0), {})[0]["objects"][0]["states"]
        ['fire']
    """
    found = [_document(body) for body in frames_in(raw_bytes(message.payload), _STARTS, _frame_at)]
    return [document for document in found if document is not None and document["objects"]]


FORMAT: Final = Format(
    name="gb26875",
    title="GB/T 26875.3-2011, fire alarm systems of buildings",
    read=read,
)
