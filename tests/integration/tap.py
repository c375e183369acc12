"""A line to the broker that is listened in on: what was handed to ingest, and which acknowledgements it keeps back."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from urllib.parse import urlsplit

from ingest._wire import DUP, RETAIN, Arrivals, Splitter

if TYPE_CHECKING:
    from collections.abc import Coroutine

_PUBACK = 4


class Delivery(NamedTuple):
    """A message as the broker handed it over, on which connection."""

    connection: int
    topic: str
    payload: bytes
    dup: bool
    retain: bool


class Tap:
    """Forwards MQTT connections to a broker. Enter to start, leave to stop; its attributes are read from outside.

    Attributes:
        deliveries: Each message that was handed over, in order. One that comes again while the client has not yet
            acknowledged it is not listed again: the client passes it over, too.
        connection: Number of the connection that something was handed over on last.
        waiting: What was handed over on it and is not acknowledged by the client.
        keeping_back: Acknowledgements are not passed on.
    """

    def __init__(self, broker: str) -> None:
        address = urlsplit(broker)
        self._target = address.hostname or "127.0.0.1", address.port or 1883
        self.deliveries: list[Delivery] = []
        self.waiting: dict[int, tuple[str, bytes]] = {}
        self.keeping_back = False
        self.connection = 0
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tap", daemon=True)
        self._accepted = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there, back = await asyncio.open_connection(*self._target)
        self._accepted += 1
        waiting: dict[int, tuple[str, bytes]] = {}
        ways = [
            asyncio.create_task(self._to_client(self._accepted, there, writer, waiting)),
            asyncio.create_task(self._to_broker(reader, back, waiting)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            pass  # the tap is closed; asyncio's own callback would only complain
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (writer, back):
                end.close()
            self._tasks.discard(task)

    async def _to_client(
        self,
        connection: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        waiting: dict[int, tuple[str, bytes]],
    ) -> None:
        splitter = Splitter()
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65536):
                got = Arrivals()
                splitter.feed(chunk, got)
                if got:
                    self.connection, self.waiting = connection, waiting
                for topic, payload, i, head in zip(got.topics, got.payloads, got.packet_ids, got.heads, strict=True):
                    if waiting.get(i) != (topic, payload):
                        marks = bool(head & DUP), bool(head & RETAIN)
                        self.deliveries.append(Delivery(connection, topic, payload, *marks))
                    waiting[i] = topic, payload
                writer.write(chunk)
                await writer.drain()

    async def _to_broker(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: dict[int, tuple[str, bytes]]
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                packet = await reader.readexactly(2)
                size = packet[1] & 127
                for shift in (7, 14, 21):
                    if packet[-1] < 128:
                        break
                    packet += await reader.readexactly(1)
                    size |= (packet[-1] & 127) << shift
                packet += await reader.readexactly(size)
                if packet[0] >> 4 == _PUBACK:
                    waiting.pop(int.from_bytes(packet[2:4], "big"), None)
                    if self.keeping_back:
                        continue
                writer.write(packet)
                await writer.drain()
