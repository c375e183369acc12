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
from dataclasses import dataclass, field
from itertools import compress
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CONNACK",
    "DISCONNECT",
    "DUP",
    "LONGEST",
    "PINGREQ",
    "PINGRESP",
    "PUBLISH",
    "QOS",
    "REFUSALS",
    "RETAIN",
    "SUBACK",
    "Arrivals",
    "Packet",
    "Splitter",
    "WireError",
    "connect",
    "pubacks",
    "publish",
    "subscribe",
    "unsubscribe",
]

CONNACK: Final = 2
PUBLISH: Final = 3
SUBACK: Final = 9
PINGRESP: Final = 13
DUP: Final = 8
QOS: Final = 6
RETAIN: Final = 1
PINGREQ: Final = b"\xc0\x00"
DISCONNECT: Final = b"\xe0\x00"
REFUSALS: Final = {
    1: "it does not speak MQTT 3.1.1",
    2: "it does not accept our client id",
    3: "it is not available",
    4: "user name or password is wrong",
    5: "we may not connect; give a user and a password in the URL",
}


#: Bytes kept of a payload; no sensor type takes as many. MQTT would let a packet have 256 MB.
LONGEST: Final = 2 * 1024 * 1024
_LONGEST_PACKET: Final = LONGEST + 65_535 + 4  # with the longest topic, its length and a packet id


class WireError(ValueError):
    """The other side does not speak MQTT 3.1.1."""


class Packet(NamedTuple):
    """A packet that is no PUBLISH: its type (CONNACK, SUBACK, PINGRESP) and what follows the header."""

    kind: int
    body: bytes


@dataclass(slots=True)
class Arrivals:
    """Received PUBLISH packets as columns, in order of arrival; a topic that is not UTF-8 has U+FFFD where it is not.

    Attributes:
        packet_ids: 0 at QoS 0.
        heads: First byte of each packet; ``head & DUP``, ``head & QOS``, ``head & RETAIN``.

    Example:
        >>> arrivals = Arrivals(["a", "b"], [b"1", b"2"], [7, 0], [0x32, 0x30])
        >>> arrivals.cut(1), len(arrivals)
        (Arrivals(topics=['a'], payloads=[b'1'], packet_ids=[7], heads=[50]), 1)
    """

    topics: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    packet_ids: list[int] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.topics)

    def __getitem__(self, part: slice) -> Self:
        return type(self)(self.topics[part], self.payloads[part], self.packet_ids[part], self.heads[part])

    def extend(self, others: Arrivals) -> None:
        """Append others."""
        self.topics += others.topics
        self.payloads += others.payloads
        self.packet_ids += others.packet_ids
        self.heads += others.heads

    def keep(self, which: Sequence[bool]) -> None:
        """Keep only some."""
        columns: tuple[list[Any], ...] = (self.topics, self.payloads, self.packet_ids, self.heads)
        for column in columns:
            column[:] = compress(column, which)

    def cut(self, n: int) -> Self:
        """Take the first ``n`` out."""
        first = self[:n]
        for column in (self.topics, self.payloads, self.packet_ids, self.heads):
            del column[:n]
        return first


class Splitter:
    """Cuts the bytes of a connection into packets, however they arrive. Of a longer message ``LONGEST`` bytes are kept.

    Args:
        wanted: How topics begin whose messages are wanted, None: all; the packet ids of others go to ``unwanted``.

    Attributes:
        unwanted: Packet ids (not 0) of messages that nobody wants, to be acknowledged by the owner, who empties it.

    Example:
        >>> splitter, arrivals = Splitter(), Arrivals()
        >>> wire = publish("city/a/1", b"{}", packet_id=7)
        >>> splitter.feed(wire[:5], arrivals) + splitter.feed(wire[5:] + bytes.fromhex("d000"), arrivals)
        [Packet(kind=13, body=b'')]
        >>> arrivals
        Arrivals(topics=['city/a/1'], payloads=[b'{}'], packet_ids=[7], heads=[50])
    """

    def __init__(self, wanted: tuple[str, ...] | None = None) -> None:
        self._rest = bytearray()
        self._wanted = 2
        self._dropping = 0  # bytes of a message that is too long still to come
        self._wanted_topic = wanted
        self.unwanted: list[int] = []

    def want(self, wanted: tuple[str, ...] | None) -> None:
        """Change which topics are wanted."""
        self._wanted_topic = wanted

    def feed(self, data: bytes, arrivals: Arrivals) -> list[Packet]:
        """Append the messages that are complete now; the complete packets of other types are returned.

        Raises:
            WireError: A length or a QoS that MQTT does not know, or an answer that is longer than any.
        """
        others: list[Packet] = []
        if self._dropping:
            dropped = min(self._dropping, len(data))
            self._dropping -= dropped
            data = data[dropped:]
        if self._rest or len(data) < self._wanted:
            if len(self._rest) + len(data) < self._wanted:  # a long packet in many pieces is not copied again for each
                self._rest += data
                return others
            data = b"".join((self._rest, data))
        wanted = self._wanted_topic
        add_topic, add_payload = arrivals.topics.append, arrivals.payloads.append
        add_id, add_head = arrivals.packet_ids.append, arrivals.heads.append
        at, end = 0, len(data)
        self._wanted = 2
        while end - at >= 2:
            size = data[at + 1]
            start = at + 2
            if size > 127:
                size, start = self._long(data, at)
                if start == 0:
                    break
            after = start + min(size, _LONGEST_PACKET)
            if after > end:
                self._wanted = after - at
                break
            head = data[at]
            at = after
            if size > _LONGEST_PACKET:
                if head >> 4 != PUBLISH:
                    raise WireError(f"an answer of {size} bytes")
                at = min(start + size, end)
                self._dropping = start + size - at
            if head >> 4 != PUBLISH:
                others.append(Packet(head >> 4, data[start:after]))
                continue
            begin = start + 2
            if begin > after or head & QOS == QOS:
                raise WireError("a PUBLISH without a topic, or of QoS 3")
            middle = begin + (data[start] << 8 | data[start + 1])
            body = middle + 2 if head & QOS else middle
            if body > after:
                raise WireError("a PUBLISH whose topic is longer than itself")
            packet_id = data[middle] << 8 | data[middle + 1] if head & QOS else 0
            topic = str(data[begin:middle], "utf-8", "replace")
            if wanted is not None and not topic.startswith(wanted):
                if packet_id:
                    self.unwanted.append(packet_id)
                continue
            add_topic(topic)
            add_payload(data[body : min(after, body + LONGEST)] if size > LONGEST else data[body:after])
            add_id(packet_id)
            add_head(head)
        self._rest = bytearray(data[at:])
        return others

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


def connect(client_id: str, keep_alive_s: int, user: str | None = None, password: str | None = None) -> bytes:
    """CONNECT that keeps its session when the connection ends (clean session off)."""
    flags = (0x80 if user is not None else 0) | (0x40 if password is not None else 0)
    texts = [client_id, *(t for t in (user, password) if t is not None)]
    body = struct.pack(">H4sBBH", 4, b"MQTT", 4, flags, keep_alive_s)
    return _packet(0x10, body + b"".join(map(_text, texts)))


def subscribe(packet_id: int, filters: Sequence[str], qos: int = 1) -> bytes:
    """SUBSCRIBE to topic filters."""
    return _packet(0x82, struct.pack(">H", packet_id) + b"".join(_text(f) + bytes([qos]) for f in filters))


def unsubscribe(packet_id: int, filters: Sequence[str]) -> bytes:
    """UNSUBSCRIBE from topic filters."""
    return _packet(0xA2, struct.pack(">H", packet_id) + b"".join(_text(f) for f in filters))


def pubacks(packet_ids: Sequence[int]) -> bytes:
    """One PUBACK each, in one piece.

    Example:
        >>> pubacks([1, 256]).hex(" ")
        '40 02 00 01 40 02 01 00'
    """
    out = np.full((len(packet_ids), 2), 0x4002, ">u2")
    out[:, 1] = packet_ids
    return out.tobytes()


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
