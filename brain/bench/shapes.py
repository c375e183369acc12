"""What the generator says: quiet, varied readings of many devices, encoded before the clock starts. Pure.

Device number ``d`` has sensor type ``d % types``; message ``i`` is of device ``i % devices``. Times are strictly
increasing over all readings, so that no two rows are equal. Nothing said here may raise an incident.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from brain.model import Field, Modality, SensorType, Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["BUILT_IN", "PACK", "Shape", "call_device", "call_packet", "generated_type", "packet"]

PACK: Final = 50
"""Readings of a pack."""
BUILT_IN: Final = ("gas-detector", "water-level", "vehicle")
"""The sensor types of a shape with up to three of them: scenes listen to each."""
_SECOND: Final = 1_000_000


def generated_type(number: int) -> SensorType:
    """Sensor type ``number`` of a shape with more than three: four numbers, judged by no scene.

    Example:
        >>> generated_type(7).id, [f.name for f in generated_type(7).fields]
        ('bench-0007', ['level_pct', 'flow_m3h', 'supply_bar', 'supply_c'])
    """
    names = (("level_pct", "%"), ("flow_m3h", "m3/h"), ("supply_bar", "bar"), ("supply_c", "Cel"))
    return SensorType(
        id=f"bench-{number:04}",
        family=Modality.METER,
        name=Text(f"压测类型 {number}", f"Bench type {number}"),
        fields=tuple(Field(name=n, unit=u, low=-1000, high=100_000) for n, u in names),
        late=timedelta(hours=1),
    )


@lru_cache(maxsize=8)
def _generated_ids(types: int) -> tuple[str, ...]:
    return tuple(generated_type(k).id for k in range(types))


def _gas(i: int) -> str:
    return f'"lel_pct":{0.5 + i * 7919 % 200 / 100:.2f},"ppm":{i * 104_729 % 3000 / 10:.1f},"gas":"CH4"'


def _water(i: int) -> str:
    return f'"depth_cm":{i * 7919 % 40 / 10:.2f},"alt_m":{12 + i % 7 / 10:.1f},"id":null'


def _vehicle(i: int) -> str:
    return f'"speed_kmh":{20 + i * 7919 % 300 / 10:.1f},"heading_deg":{i * 31 % 360},"kind":"taxi"'


def _generated(i: int) -> str:
    return (
        f'"level_pct":{i * 7919 % 1000 / 10:.1f},"flow_m3h":{i * 31 % 900 / 10:.1f},'
        f'"supply_bar":{3 + i % 50 / 10:.1f},"supply_c":{40 + i % 300 / 10:.1f}'
    )


_FIELDS: Final[dict[str, Callable[[int], str]]] = {"gas-detector": _gas, "water-level": _water, "vehicle": _vehicle}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A shape of traffic.

    Attributes:
        form: ``single`` (one reading of about 150 bytes a message) or ``pack`` (an array of 50 of them).
        devices: How many speak in turn.
        types: Of how many sensor types they are; up to three are built-in ones, more are generated.

    Example:
        >>> shape = Shape(form="single", devices=4, types=2)
        >>> shape.names(), shape.device(3)
        (('gas-detector', 'water-level'), ('water-level', 'B000003'))
    """

    form: str = "single"
    devices: int = 1000
    types: int = 3

    @property
    def readings(self) -> int:
        """Readings of one message."""
        return PACK if self.form == "pack" else 1

    def names(self) -> tuple[str, ...]:
        """The sensor types."""
        return BUILT_IN[: self.types] if self.types <= len(BUILT_IN) else self.generated()

    def generated(self) -> tuple[str, ...]:
        """Those that must be registered first."""
        return () if self.types <= len(BUILT_IN) else _generated_ids(self.types)

    def device(self, number: int) -> tuple[str, str]:
        """Sensor type and name of a device."""
        names = self.names()
        return names[number % len(names)], f"B{number:06}"

    def packets(self, messages: int, start_us: int, step_us: int, first: int = 0) -> Iterator[bytes]:
        """MQTT PUBLISH packets of QoS 1, in order; packet ids go round from 1 to 65535.

        Args:
            messages: How many.
            start_us: Time of the first reading, microseconds since 1970 UTC.
            step_us: Between readings, at least 1.
            first: Number of the first message; it varies values and devices.
        """
        devices = [self.device(d) for d in range(self.devices)]
        topics = [_text(f"city/{t}/{n}") for t, n in devices]
        makers = [_FIELDS.get(t, _generated) for t, _ in devices]
        places = [f'"lon":{120.1 + d % 997 * 3e-4:.6f},"lat":{36.03 + d % 613 * 3e-4:.6f}' for d in range(self.devices)]
        stamp = _Stamp()
        time = start_us
        per_type = len(self.names())
        for i in range(first, first + messages):
            d = i % self.devices
            if self.form == "pack":
                parts = []
                for k in range(PACK):
                    e = (d + k * per_type) % (self.devices - self.devices % per_type or self.devices)
                    n = i * PACK + k
                    parts.append(
                        f'{{"device":"{devices[e][1]}","time":"{stamp(time)}",{places[e]},{makers[d](n)},"status":"ok"}}'
                    )
                    time += step_us
                body = f"[{','.join(parts)}]".encode()
            else:
                body = f'{{"time":"{stamp(time)}",{places[d]},{makers[d](i)},"status":"ok"}}'.encode()
                time += step_us
            yield packet(topics[d], i % 65535 + 1, body)


def call_device(number: int) -> tuple[str, str]:
    """Sensor type and name of the desk that a call comes from; register it first, as real desks are."""
    return "emergency-call", f"BENCH-{number:06}"


def call_packet(number: int, time_us: int, packet_id: int) -> bytes:
    """An emergency call that becomes an incident at once, each in another place.

    Args:
        number: Of the call; places are some 800 m apart, 1,200 of them.
        time_us: When it happened.
        packet_id: 1 to 65535.
    """
    name = call_device(number)[1]
    lon, lat = 120.05 + number % 40 * 0.009, 36.03 + number // 40 % 30 * 0.0085
    body = (
        f'{{"time":"{_Stamp()(time_us)}","lon":{lon:.6f},"lat":{lat:.6f},"call_id":"{name}",'
        f'"complaint":"cardiac_arrest","priority":1,"caller":"bench"}}'
    )
    return packet(_text(f"city/emergency-call/{name}"), packet_id, body.encode())


def packet(topic: bytes, packet_id: int, body: bytes) -> bytes:
    r"""PUBLISH of QoS 1 (MQTT 3.1.1, section 3.3); the topic with its length before it.

    Example:
        >>> packet(b"\x00\x01a", 1, b"{}").hex(" ")
        '32 07 00 01 61 00 01 7b 7d'
    """
    rest = topic + packet_id.to_bytes(2, "big") + body
    size, length = len(rest), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (128 if size else 0))
        if not size:
            return b"\x32" + bytes(length) + rest


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


class _Stamp:
    """RFC 3339 of microseconds; remembers the second it is in."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, us: int) -> str:
        second, rest = divmod(us, _SECOND)
        if second != self._second:
            self._second = second
            self._text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return f"{self._text}{rest:06}Z"
