"""MQTT 3.1.1 on the wire, as much of it as a subscriber needs (OASIS standard, section numbers below). Pure.

| packet | § | direction | bytes |
|---|---|---|---|
| CONNECT | 3.1 | out | ``10 len 0004 "MQTT" 04 flags keepalive client-id [user] [password]`` |
| CONNACK | 3.2 | in | ``20 02 session-present code`` |
| PUBLISH | 3.3 | in | ``3x len topic [packet-id] payload``; x = dup 8, qos 6, retain 1 |
| PUBACK | 3.4 | out | ``40 02 packet-id`` |
| SUBSCRIBE | 3.8 | out | ``82 len packet-id (filter qos)*`` |
| SUBACK | 3.9 | in | ``90 len packet-id code*``; 80 = refused |
| PINGREQ, PINGRESP | 3.12 | out, in | ``c0 00``, ``d0 00`` |
| DISCONNECT | 3.14 | out | ``e0 00`` |
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "CONNACK",
    "DISCONNECT",
    "PINGREQ",
    "PINGRESP",
    "PUBLISH",
    "REFUSALS",
    "SUBACK",
    "Packet",
    "Publish",
    "Splitter",
    "WireError",
    "connect",
    "pubacks",
    "publish",
    "subscribe",
]

CONNACK: Final = 2
PUBLISH: Final = 3
SUBACK: Final = 9
PINGRESP: Final = 13
PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"
REFUSALS: Final = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not accept our client id",
    3: "it is not available",
    4: "user name or password is wrong",
    5: "we may not connect; give a user and a password in the URL",
}


class WireError(ValueError):
    """The other side does not speak MQTT 3.1.1."""


class Packet(NamedTuple):
    """A packet that is no PUBLISH: its type (CONNACK, SUBACK, PINGRESP) and what follows the header."""

    kind: int
    body: bytes


class Publish(NamedTuple):
    """A received PUBLISH; ``packet_id`` is 0 at QoS 0. A topic that is not UTF-8 has U+FFFD where it is not."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    dup: bool
    retain: bool


class Splitter:
    """Cuts the bytes of a connection into packets, however they arrive.

    Example:
        >>> splitter = Splitter()
        >>> wire = publish("city/a/1", b"{}", packet_id=7)
        >>> [*splitter.feed(wire[:5]), *splitter.feed(wire[5:])]
        [Publish(topic='city/a/1', payload=b'{}', qos=1, packet_id=7, dup=False, retain=False)]
    """

    def __init__(self) -> None:
        self._rest = b""
        self._wanted = 2
        self._topics: dict[bytes, str] = {}

    def feed(self, data: bytes) -> Iterator[Packet | Publish]:
        """Packets that are complete now.

        Raises:
            WireError: A length or a QoS that MQTT does not know.
        """
        if self._rest:
            data = self._rest + data
        if len(data) < self._wanted:  # a long packet in many pieces is not looked at again for each
            self._rest = data
            return
        at, end = 0, len(data)
        self._wanted = 2
        while end - at >= 2:
            size = data[at + 1]
            start = at + 2
            if size > 127:
                size, start = self._long(data, at)
                if start == 0:
                    break
            after = start + size
            if after > end:
                self._wanted = after - at
                break
            head = data[at]
            at = after
            if head >> 4 == PUBLISH:
                yield self._publish(head, data, start, after)
            else:
                yield Packet(head >> 4, data[start:after])
        self._rest = data[at:]

    @staticmethod
    def _long(data: bytes, at: int) -> tuple[int, int]:
        """Remaining length of several bytes (§2.2.3) and where the body starts; 0, 0 where bytes are missing."""
        size, shift = 0, 0
        for i in range(at + 1, at + 5):
            if i >= len(data):
                return 0, 0
            size |= (data[i] & 127) << shift
            if data[i] < 128:
                return size, i + 1
            shift += 7
        raise WireError("a packet's length has more than four bytes")

    def _publish(self, head: int, data: bytes, start: int, after: int) -> Publish:
        qos = head >> 1 & 3
        begin = start + 2
        if begin > after or qos == 3:
            raise WireError("a PUBLISH without a topic, or of QoS 3")
        middle = begin + (data[start] << 8 | data[start + 1])
        body = middle + 2 if qos else middle
        if body > after:
            raise WireError("a PUBLISH whose topic is longer than itself")
        raw = data[begin:middle]
        topic = self._topics.get(raw)
        if topic is None:
            if len(self._topics) > 100_000:
                self._topics.clear()
            topic = self._topics[raw] = raw.decode(errors="replace")
        packet_id = data[middle] << 8 | data[middle + 1] if qos else 0
        return Publish(topic, data[body:after], qos, packet_id, bool(head & 8), bool(head & 1))


def connect(client_id: str, keep_alive_s: int, user: str | None = None, password: str | None = None) -> bytes:
    """CONNECT that keeps its session when the connection ends (clean session off)."""
    flags = (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    texts = [client_id, *(t for t in (user, password) if t is not None)]
    body = struct.pack(">H4sBBH", 4, b"MQTT", 4, flags, keep_alive_s)
    return _packet(0x10, body + b"".join(map(_text, texts)))


def subscribe(packet_id: int, filters: Sequence[str], qos: int = 1) -> bytes:
    """SUBSCRIBE to topic filters."""
    return _packet(0x82, struct.pack(">H", packet_id) + b"".join(_text(f) + bytes([qos]) for f in filters))


def pubacks(packet_ids: Iterable[int]) -> bytes:
    """One PUBACK each, in one piece.

    Example:
        >>> pubacks([1, 256]).hex(" ")
        '40 02 00 01 40 02 01 00'
    """
    return b"".join([struct.pack(">HH", 0x4002, i) for i in packet_ids])


def publish(topic: str, payload: bytes, packet_id: int = 0, *, dup: bool = False, retain: bool = False) -> bytes:
    """PUBLISH at QoS 1, or at QoS 0 without a packet id (tests speak the broker's part with it)."""
    head = 0x30 | (8 if dup else 0) | (2 if packet_id else 0) | (1 if retain else 0)
    return _packet(head, _text(topic) + (struct.pack(">H", packet_id) if packet_id else b"") + payload)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def _packet(head: int, body: bytes) -> bytes:
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (128 if size else 0))
        if not size:
            return bytes([head]) + bytes(length) + body
