"""Open Drone ID: what drones broadcast on Bluetooth and Wi-Fi, ASTM F3411-22a and ASD-STAN EN 4709-002. Pure.

Messages of 25 bytes, little-endian (F3411 clause 5.4.5, tables 5 to 13); byte 0 is type (upper half) and version:

| type | bytes |
|---|---|
| 0 basic id | 1 kind of id, kind of aircraft; 2..21 id |
| 1 location | 1 status (upper half), bit 2 height type, 1 east or west, 0 speed factor; 2 direction; 3 speed; 4 vertical speed 0.5 m/s; 5 latitude, 9 longitude 1e-7 deg (i32); 13 pressure altitude, 15 geodetic altitude, 17 height 0.5 m - 1000 (u16); 19, 20 accuracies; 21 tenths of a second in the hour (u16); 23 its accuracy |
| 3 self id | 1 kind; 2..24 text |
| 4 system | 1 flags; 2, 6 operator's latitude, longitude; 18 altitude; 20 seconds since 2019 |
| 5 operator id | 1 kind; 2..21 id |
| F pack | 1 size of a message (25); 2 how many (at most 9); then the messages |

Not known: speed 255 with factor, direction 361, vertical speed 63, altitudes -1000, latitude and longitude both 0, time FFFF. Basic id and location come apart:
they are joined by the sender's MAC (of the topic, ``{mac}``), remembered for an hour. Altitudes are above the ellipsoid; ``alt_m`` is that less the setting
``geoid_m``, how far the sea level is above it here. In front may stand the ``0D`` and counter of the Bluetooth and Wi-Fi element.
"""  # noqa: E501 - a table

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Memory, Message
from ingest.decoders._serial import raw_bytes
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_SIZE, _MOST_IN_PACK, _MOST_MESSAGES, _APPLICATION = 25, 9, 40, 0x0D
_HIGHEST_GEOID: Final = 120
_HOUR: Final = 3_600_000_000
_LAST_VERSION: Final = 2
_STATUS: Final = {0: "undeclared", 1: "ground", 2: "airborne", 3: "emergency", 4: "system_failure"}
_AIRCRAFT: Final = (
    *("none", "aeroplane", "rotorcraft", "gyroplane", "hybrid_lift", "ornithopter", "glider", "kite", "free_balloon"),
    *("captive_balloon", "airship", "parachute", "rocket", "tethered", "ground_obstacle", "other"),
)
_SERIAL, _REGISTRATION, _UTM, _SESSION = 1, 2, 3, 4
_NOT_IN_IDS: Final = str.maketrans(dict.fromkeys("/+# ", "_"))
_LOCATION: Final = struct.Struct("<BBbiiHHHBBHB")
_SYSTEM: Final = struct.Struct("<Bii")


def _messages(data: bytes) -> list[bytes]:
    """The messages of a payload, packs opened."""
    if len(data) % _SIZE and data[0] == _APPLICATION and (len(data) - 2) % _SIZE in (0, 3):
        data = data[2:]
    out: list[bytes] = []
    at = 0
    while at < len(data):
        if len(out) > _MOST_MESSAGES:
            raise WrongValueError(f"payload: more than {_MOST_MESSAGES} messages", "too_large")
        if data[at] >> 4 == 0xF:
            size, count = data[at + 1 : at + 2], data[at + 2 : at + 3]
            if size != bytes([_SIZE]) or not count or not 1 <= count[0] <= _MOST_IN_PACK:
                raise WrongValueError(f"pack: {data[at : at + 3].hex()} are not 1 to 9 messages of {_SIZE} bytes")
            end = at + 3 + _SIZE * count[0]
            inner = [data[i : i + _SIZE] for i in range(at + 3, end, _SIZE)]
        else:
            end = at + _SIZE
            inner = [data[at:end]]
        if end > len(data):
            raise WrongValueError(
                f"length: {len(data)} bytes; the messages from byte {at} on need {end - at}", "missing"
            )
        out += inner
        at = end
    for message in out:
        if message[0] & 15 > _LAST_VERSION:
            raise WrongValueError(f"version: {message[0] & 15} is newer than {_LAST_VERSION}", "not_in_list")
        if message[0] >> 4 == 0xF:
            raise WrongValueError("pack: a pack in a pack", "no_match")
    return out


def _text(data: bytes, name: str) -> str | None:
    text = data.rstrip(b"\0 ").decode("ascii", "replace")
    if not text.isprintable() or "\ufffd" in text:
        raise WrongValueError(f"{name}: {data.hex()[:60]} is no printable ASCII", "bad_text")
    return text or None


def _basic(message: bytes) -> dict[str, Any]:
    kind, aircraft = message[1] >> 4, message[1] & 15
    data = message[2:22]
    if kind in (_UTM, _SESSION):
        text = (data[:16] if kind == _UTM else data).hex() if any(data) else None
    else:
        text = _text(data, "basic id")
    key = {_SERIAL: "serial", _REGISTRATION: "registration", _UTM: "utm", _SESSION: "session"}.get(kind)
    return {"aircraft": _AIRCRAFT[aircraft], **({key: text} if key and text else {})}


def _degrees(latitude: int, longitude: int, name: str) -> tuple[float | None, float | None]:
    if latitude == longitude == 0:
        return None, None
    if abs(latitude) > 900_000_000 or abs(longitude) > 1_800_000_000:
        raise WrongValueError(f"{name}: {latitude / 1e7}, {longitude / 1e7} is no place", "out_of_range")
    return latitude / 1e7, longitude / 1e7


def _metres(raw: int) -> float | None:
    return raw * 0.5 - 1000 if raw else None


def _location(message: bytes, received: int, geoid_m: float) -> dict[str, Any]:
    flags = message[1]
    parts = _LOCATION.unpack(message[2:24])
    track, speed, climb, latitude, longitude, pressure, geodetic, height, accuracy, _, tenths, _ = parts
    lat, lon = _degrees(latitude, longitude, "location")
    heading = track + (180 if flags & 2 else 0)
    speed_ms = speed * 0.75 + 63.75 if flags & 1 else speed * 0.25
    alt, above = _metres(geodetic), _metres(height)
    time = None
    if tenths != 0xFFFF:
        if tenths > 36_000:
            raise WrongValueError(f"location: {tenths / 10} s is more than an hour", "bad_time")
        here = received - received % _HOUR + tenths * 100_000
        time = min((here - _HOUR, here, here + _HOUR), key=lambda t: abs(t - received))
    return {
        "status": _STATUS.get(flags >> 4, "reserved"),
        "lon": lon,
        "lat": lat,
        "heading_deg": heading if heading <= 360 else None,
        "speed_ms": None if flags & 1 and speed == 255 else speed_ms,
        "climb_ms": climb * 0.5 if climb != 126 else None,
        "geodetic_m": alt,
        "pressure_m": _metres(pressure),
        "alt_m": None if alt is None else alt - geoid_m,
        "height_agl_m": above if flags & 4 else None,
        "height_takeoff_m": None if flags & 4 else above,
        "horizontal_accuracy": accuracy & 15,
        "vertical_accuracy": accuracy >> 4,
        "time": time,
    }


def _system(message: bytes) -> dict[str, Any]:
    _, latitude, longitude = _SYSTEM.unpack(message[1:10])
    lat, lon = _degrees(latitude, longitude, "operator")
    return {"operator_lon": lon, "operator_lat": lat}


def _joined(told: dict[str, Any], mac: str | None, received: int, memory: Memory) -> dict[str, Any]:
    """What is known of the sender: what this payload tells over what earlier ones did."""
    if not mac:
        return told
    key = f"mac/{mac[:100]}"
    kept = memory.get(key)
    known = kept["told"] if kept is not None and received - kept["at"] <= _HOUR else {}
    both = {**known, **told}
    if told:
        memory.put(key, {"told": both, "at": received})
    return both


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """A document a location; messages without one are remembered for those that follow.

    Raises:
        WrongValueError: A message cannot be read; ``missing``, ``wrong_type``, ``not_in_list``, ``out_of_range``,
            ``bad_time``, ``bad_text``, ``too_large``.

    Example:
        >>> data = bytes.fromhex("10 20 5a 14 00 00e57f15 00d0c047 0000 0000 0000 00 00 ffff 00 00")
        >>> got = read(Message(data, {"mac": "aa"}, 0), FORMAT.settings)[0]
        >>> got["location"]["heading_deg"], got["location"]["speed_ms"], got["device"]
        (90, 5.0, 'mac:aa')
    """
    told: dict[str, Any] = {}
    places: list[dict[str, Any]] = []
    for one in _messages(raw_bytes(message.payload)):
        kind = one[0] >> 4
        if kind == 0:
            told |= _basic(one)
        elif kind == 1:
            places.append(_location(one, message.received, settings["geoid_m"]))
        elif kind == 3:
            told["self_id"] = _text(one[2:25], "self id")
        elif kind == 4:
            told |= _system(one)
        elif kind == 5:
            told["operator_id"] = _text(one[2:22], "operator id")
    mac = message.captures.get("mac")
    known = _joined(told, mac, message.received, message.memory)
    name = next((known[k] for k in ("serial", "registration", "utm", "session") if known.get(k)), None)
    device = name.translate(_NOT_IN_IDS) if name else f"mac:{mac}" if mac else None
    if places and device is None:
        raise WrongValueError(
            "basic id: none in the payload, and the topic has no {mac} to know the sender by", "missing"
        )
    return [{"device": device, "mac": mac, **known, "location": place} for place in places]


def _check(settings: Mapping[str, Any]) -> None:
    if not abs(settings["geoid_m"]) < _HIGHEST_GEOID:
        raise ValueError(f"geoid_m: {settings['geoid_m']!r:.40} is no height of the sea level above the ellipsoid in m")


FORMAT: Final = Format(
    name="odid",
    title="Open Drone ID broadcasts, ASTM F3411 and EN 4709-002",
    read=read,
    settings={"geoid_m": 0.0},
    check=_check,
)
