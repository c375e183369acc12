"""A device's end of MQTT 3.1.1, QoS 1 only: it keeps what was not acknowledged and sends it again (DUP) after a cut.

A codec of its own, because a check that shares code with what it checks proves little.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SILENT_S = 5.0
_DISCONNECT, _PING = b"\xe0\x00", b"\xc0\x00"


def _length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, low = divmod(n, 128)
        out.append(low | (128 if n else 0))
        if not n:
            return bytes(out)


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw


def connect_packet(client_id: str) -> bytes:
    """CONNECT with a clean session, keep-alive of 60 s."""
    body = _text("MQTT") + b"\x04\x02" + struct.pack(">H", 60) + _text(client_id)
    return b"\x10" + _length(len(body)) + body


def publish_packet(topic: str, payload: bytes, packet_id: int) -> bytes:
    """PUBLISH at QoS 1."""
    body = _text(topic) + struct.pack(">H", packet_id) + payload
    return b"\x32" + _length(len(body)) + body


def packets(buffer: bytearray) -> list[tuple[int, bytes]]:
    """Whole packets (first byte, body) at the beginning of a buffer, taken out of it."""
    out = []
    while len(buffer) >= 2:
        size, shift, at = 0, 0, 1
        while at < len(buffer):
            size |= (buffer[at] & 127) << shift
            shift += 7
            at += 1
            if not buffer[at - 1] & 128:
                break
        else:
            break
        if len(buffer) < at + size:
            break
        out.append((buffer[0], bytes(buffer[at : at + size])))
        del buffer[: at + size]
    return out


class Publisher:
    """One connection that comes back for ever.

    Args:
        host, port, client_id: Of the broker and to it.
        acknowledged: Called with the numbers of messages whose PUBACK came.
        again: Called with the numbers of messages that are sent again after a reconnect, before they are.
        most: So many unacknowledged messages at once.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        acknowledged: Callable[[list[int]], None],
        again: Callable[[list[int]], None],
        most: int = 20_000,
    ) -> None:
        self.host, self.port, self.client_id, self.most = host, port, client_id, most
        self.connections = 0
        self.unacknowledged: dict[int, tuple[int, bytes]] = {}
        self._free = deque(range(1, most + 1))
        self._acknowledged, self._again = acknowledged, again
        self._writer: asyncio.StreamWriter | None = None
        self._closing = False
        self._heard = 0.0

    @property
    def room(self) -> int:
        """How many more messages may be sent now."""
        return len(self._free)

    def publish(self, n: int, topic: str, payload: bytes) -> None:
        """Send a message, now or when there is a connection; the caller has looked for room."""
        packet_id = self._free.popleft()
        packet = publish_packet(topic, payload, packet_id)
        self.unacknowledged[packet_id] = (n, packet)
        if self._writer is not None:
            self._writer.write(packet)

    async def run(self) -> None:
        """Connect, read acknowledgements, connect again, until closed."""
        while not self._closing:
            with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await self._session()
            await asyncio.sleep(0.1)

    async def close(self) -> None:
        """Say goodbye and connect no more."""
        self._closing = True
        if self._writer is not None:
            self._writer.write(_DISCONNECT)
            self._writer.close()

    async def _session(self) -> None:
        async with asyncio.timeout(SILENT_S):
            reader, writer = await asyncio.open_connection(self.host, self.port)
        try:
            writer.write(connect_packet(self.client_id))
            async with asyncio.timeout(SILENT_S):
                connack = await reader.readexactly(4)
            if connack[0] != 0x20 or connack[3]:
                raise ConnectionRefusedError(f"CONNACK {connack!r}")
            self.connections += 1
            if self.unacknowledged:
                self._again([n for n, _ in self.unacknowledged.values()])
                for _, packet in self.unacknowledged.values():
                    writer.write(bytes((packet[0] | 8,)) + packet[1:])
            self._writer = writer
            await self._read(reader, writer)
        finally:
            self._writer = None
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        buffer, asked = bytearray(), False
        while True:
            try:
                async with asyncio.timeout(SILENT_S / 2):
                    chunk = await reader.read(65536)
            except TimeoutError:  # a cut cable tells nobody: who has been asked and stays silent is gone
                if asked:
                    raise
                asked = True
                writer.write(_PING)
                continue
            if not chunk:
                return
            asked = False
            buffer += chunk
            done = []
            for first, body in packets(buffer):
                if first >> 4 == 4 and (found := self.unacknowledged.pop(struct.unpack(">H", body)[0], None)):
                    done.append(found[0])
                    self._free.append(struct.unpack(">H", body)[0])
            if done:
                self._acknowledged(done)
