"""JT/T 808-2013 and JT/T 808-2019: terminals of Chinese buses, lorries, taxis and dangerous-goods vehicles. Pure.

Frame (4.4): ``7E`` header body check ``7E``. Between the two, 7D 02 stands for 7E and 7D 01 for 7D; the check is all bytes of
header and body xored. Header (table 2), high byte first:

| part | bytes | holds |
|---|---|---|
| message | 2 | ``0200`` location, ``0201`` answer with one, ``0704`` locations kept while there was no network |
| properties | 2 | bits 0..9 bytes of the body, 10..12 encryption, 13 sent in packets, 14 edition 2019 |
| edition | 1 | 2019 only |
| phone | 6 or 10 | decimal digits of the terminal; 10 bytes in 2019 |
| number | 2 | of the message |
| packets | 2 + 2 | how many, which one (from 1); only when sent in packets |

Location (8.18, table 23): alarms 4, status 4, latitude 4, longitude 4 (1e-6 deg), altitude 2 (m), speed 2 (0.1 km/h), direction 2, time 6
(``YYMMDDhhmmss``, China), then items of id 1, length 1, value: ``01`` mileage 0.1 km, ``02`` fuel 0.1 L, ``03`` speed 0.1 km/h, ``30`` signal, ``31`` satellites.
Status: bit 0 ignition, 1 position is valid, 2 south, 3 west, 5 position encrypted. ``0704``: count 2, kind 1 (1: kept), each length 2 and location.
Other messages (heartbeat, registration ...) hold nothing to store.
"""  # noqa: E501 - a table

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ingest.decoders import Format, Memory, Message
from ingest.decoders._serial import raw_bytes
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_LOCATION, _ANSWER, _BATCH = 0x0200, 0x0201, 0x0704
_FLAG: Final = b"\x7e"
_BASE: Final = struct.Struct(">IIIIHHH6s")
_MOST_FRAMES, _MOST_LOCATIONS, _MOST_PACKETS = 500, 1_000, 40
_LARGEST: Final = 60_000
_ALARMS: Final = {
    0: "emergency", 1: "speeding", 2: "fatigue", 3: "danger", 4: "gnss_fault", 5: "antenna_open", 6: "antenna_short",
    7: "power_low", 8: "power_off", 9: "display_fault", 10: "voice_fault", 11: "camera_fault", 12: "card_fault",
    13: "speeding_warning", 14: "fatigue_warning", 18: "driving_too_long", 19: "parking_too_long", 20: "area",
    21: "route", 22: "segment_time", 23: "off_route", 24: "speed_sensor_fault", 25: "fuel", 26: "stolen",
    27: "illegal_ignition", 28: "illegal_move", 29: "collision", 30: "rollover", 31: "illegal_door",
}  # fmt: skip
_FAULTS: Final = 0x1001FF0  # of the terminal and its parts: bits 4 to 12 and 24, table 24
_ITEMS: Final = {0x01: ("mileage_km", 4, 10), 0x02: ("fuel_l", 2, 10), 0x03: ("recorder_kmh", 2, 10)}
_COUNTS: Final = {0x30: "signal", 0x31: "satellites"}


class _Body(NamedTuple):
    message: int
    phone: str
    edition: int
    number: int
    packets: tuple[int, int] | None
    data: bytes


def _frames(data: bytes) -> list[bytes]:
    """Header and body of each frame, checked."""
    if data[:1] != _FLAG or data[-1:] != _FLAG or len(data) < 2:
        raise WrongValueError(
            f"payload: {data[:1].hex()}...{data[-1:].hex()} where 7e begins and ends a frame", "no_match"
        )
    parts = [part for part in data.split(_FLAG) if part]
    if len(parts) > _MOST_FRAMES:
        raise WrongValueError(f"payload: {len(parts)} frames are more than {_MOST_FRAMES}", "too_large")
    out = []
    for part in parts:
        pieces = part.split(b"\x7d")
        if any(piece[:1] not in (b"\x01", b"\x02") for piece in pieces[1:]):
            raise WrongValueError("escape: 7d is followed by neither 01 nor 02", "wrong_type")
        plain = pieces[0] + b"".join((b"\x7d" if p[0] == 1 else _FLAG) + p[1:] for p in pieces[1:])
        wanted = 0
        for byte in plain[:-1]:
            wanted ^= byte
        if plain[-1] != wanted:
            raise WrongValueError(f"check: the frame says {plain[-1]:02x}, its bytes make {wanted:02x}", "bad_checksum")
        out.append(plain[:-1])
    return out


def _body(frame: bytes) -> _Body:
    if len(frame) < 4:
        raise WrongValueError(f"header: {len(frame)} bytes are none", "missing")
    message, properties = struct.unpack(">HH", frame[:4])
    edition = 2019 if properties & 0x4000 else 2013
    at, digits = (5, 10) if edition == 2019 else (4, 6)
    end = at + digits + 2 + (4 if properties & 0x2000 else 0)
    if len(frame) < end:
        raise WrongValueError(f"header: {len(frame)} bytes are less than its {end}", "missing")
    phone = frame[at : at + digits].hex()
    if not phone.isdecimal():
        raise WrongValueError(f"phone: {phone} are no decimal digits")
    phone = phone.lstrip("0") or "0"
    size = properties & 0x3FF
    if len(frame) - end != size:
        raise WrongValueError(f"length: the header says {size} bytes of body, {len(frame) - end} are there", "missing")
    if properties & 0x1C00:
        raise WrongValueError(f"properties: message {message:04x} of terminal {phone} is encrypted", "encrypted")
    number: int = struct.unpack(">H", frame[at + digits : at + digits + 2])[0]
    packets = struct.unpack(">HH", frame[end - 4 : end]) if properties & 0x2000 else None
    return _Body(message, phone, edition, number, packets, frame[end:])


def _whole(body: _Body, memory: Memory) -> bytes | None:
    """The data of a message sent in packets; None while some are missing."""
    if body.packets is None:
        return body.data
    count, place = body.packets
    if not 1 <= place <= count <= _MOST_PACKETS:
        raise WrongValueError(f"packets: {place} of {count}; there are 1 to {_MOST_PACKETS}", "out_of_range")
    key = f"{body.phone}/{body.message:04x}"
    first = (body.number - place + 1) & 0xFFFF
    kept = memory.get(key)
    parts = dict(kept["parts"]) if kept is not None and (kept["first"], kept["count"]) == (first, count) else {}
    parts[str(place)] = body.data
    if len(parts) < count:
        memory.put(key, {"first": first, "count": count, "parts": parts})
        return None
    memory.put(key, None)
    return b"".join(parts[str(i)] for i in range(1, count + 1))


def _location(data: bytes, body: _Body, kept: bool) -> dict[str, Any]:
    if len(data) < _BASE.size:
        raise WrongValueError(f"location: {len(data)} bytes are less than its {_BASE.size}", "missing")
    alarm, status, latitude, longitude, altitude, speed, heading, clock = _BASE.unpack(data[: _BASE.size])
    lat, lon = latitude / 1e6, longitude / 1e6
    fixed = bool(status & 2) and not status & 0x20
    if fixed and (lat > 90 or lon > 180):
        raise WrongValueError(f"location: {lat}, {lon} is no place", "out_of_range")
    time = clock.hex()
    if not time.isdecimal():
        raise WrongValueError(f"time: {time} are no decimal digits", "bad_time")
    out: dict[str, Any] = {
        "phone": body.phone,
        "edition": body.edition,
        "message": f"{body.message:04X}",
        "kept": kept,
        "time": time if int(time) else None,
        "fixed": fixed,
        "lat": (-lat if status & 4 else lat) if fixed else None,
        "lon": (-lon if status & 8 else lon) if fixed else None,
        "alt_m": (altitude - 0x10000 if altitude >= 0x8000 else altitude) if fixed else None,
        "speed_kmh": speed / 10,
        "heading_deg": heading,
        "ignition": bool(status & 1),
        "alarms": " ".join(name for bit, name in _ALARMS.items() if alarm >> bit & 1) or None,
        "fault": bool(alarm & _FAULTS),
    }
    at = _BASE.size
    while at < len(data):
        head = data[at : at + 2]
        value = data[at + 2 : at + 2 + head[-1]]
        if len(head) < 2 or len(value) < head[1]:
            raise WrongValueError(f"item {head[:1].hex()}: is longer than the message", "missing")
        name, size, divide = _ITEMS.get(head[0], ("", -1, 1))
        if len(value) == size:
            out[name] = int.from_bytes(value, "big") / divide
        elif head[0] in _COUNTS and len(value) == 1:
            out[_COUNTS[head[0]]] = value[0]
        at += 2 + head[1]
    return out


def _batch(data: bytes, body: _Body) -> list[dict[str, Any]]:
    if len(data) < 3:
        raise WrongValueError(f"batch: {len(data)} bytes hold no count and kind", "missing")
    count, kind = struct.unpack(">HB", data[:3])
    out: list[dict[str, Any]] = []
    at = 3
    while at < len(data):
        size = int.from_bytes(data[at : at + 2], "big")
        part = data[at + 2 : at + 2 + size]
        if len(part) < max(size, 1):
            raise WrongValueError(f"batch: location {len(out) + 1} ends too early", "missing")
        out.append(_location(part, body, kind == 1))
        at += 2 + size
    if len(out) != count:
        raise WrongValueError(f"batch: it says {count} locations, {len(out)} are there", "missing")
    return out


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """A document a location.

    Raises:
        WrongValueError: A frame cannot be read; ``bad_checksum``, ``missing``, ``no_match``, ``wrong_type``,
            ``encrypted``, ``out_of_range``, ``bad_time``, ``too_large``.

    Example:
        >>> body = "00000000 00000003 02265c5c 072ce338 0014 0258 005a 260701135900"
        >>> frame = bytes.fromhex(f"7e 0200 001c 013800138000 0001 {body} 1c 7e")
        >>> got = read(Message(frame, {}, 0), {})[0]
        >>> got["phone"], got["lat"], got["speed_kmh"], got["time"]
        ('13800138000', 36.068444, 60.0, '260701135900')
    """
    data = raw_bytes(message.payload)
    if len(data) > _LARGEST:
        raise WrongValueError(f"payload: {len(data)} bytes are more than {_LARGEST}", "too_large")
    out: list[dict[str, Any]] = []
    for frame in _frames(data):
        body = _body(frame)
        if body.message not in (_LOCATION, _ANSWER, _BATCH):
            continue
        whole = _whole(body, message.memory)
        if whole is None:
            continue
        if body.message == _BATCH:
            out += _batch(whole, body)
        else:
            out.append(_location(whole[2:] if body.message == _ANSWER else whole, body, kept=False))
        if len(out) > _MOST_LOCATIONS:
            raise WrongValueError(f"payload: more than {_MOST_LOCATIONS} locations", "too_large")
    return out


FORMAT: Final = Format(
    name="jt808",
    title="JT/T 808-2013 and JT/T 808-2019, terminals of vehicles",
    read=read,
)
