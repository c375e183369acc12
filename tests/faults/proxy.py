"""A TCP proxy that hurts: latency, a narrow line, resets, refusals, silence. One thread, one asyncio loop, no root.

The line between two computers, as far as it can be had without them. ``blackhole`` forgets what comes in, on both sides
and for ever for connections that were open then, and nobody is told: the other end is gone without a word.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Coroutine

KEEPALIVE_S = 30.0


@dataclass(slots=True)
class Line:
    """How the line is now.

    Attributes:
        latency_s: Added to each chunk, each way.
        bytes_per_s: Each way, all connections together; 0 is no limit.
        stalled: Nothing moves; what was sent arrives when this ends.
        refusing: New connections are closed at once.
    """

    latency_s: float = 0.0
    bytes_per_s: float = 0.0
    stalled: bool = False
    refusing: bool = False


class Proxy:
    """Listens on ``host`` and forwards to a TCP port or a unix socket. Enter to start, leave to stop.

    Args:
        target: ``(host, port)`` to connect to.
        host: Address to listen on.
    """

    def __init__(self, target: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.target, self.host, self.port = target, host, 0
        self.line = Line()
        self.accepted = 0
        self._loop = asyncio.new_event_loop()
        self._pairs: dict[int, tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = {}
        self._dead: set[int] = set()
        self._free_at = [0.0, 0.0]
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._do(asyncio.start_server(self._accept, self.host, 0))
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def reset(self) -> None:
        """Cut all open connections with RST, on both sides."""

        async def cut() -> None:
            for number, pair in self._pairs.items():
                if number not in self._dead:
                    for writer in pair:
                        writer.transport.abort()

        self._do(cut())

    def blackhole(self) -> None:
        """From now on the open connections carry nothing, and stay open. New ones work.

        Real servers learn by TCP keep-alive that the other computer is gone, 30 s with our settings; this proxy answers
        the server's probes, so it has to cut that side itself.
        """

        async def forget() -> None:
            self._dead.update(self._pairs)
            for _, back in self._pairs.values():
                self._loop.call_later(KEEPALIVE_S, back.transport.abort)

        self._do(forget())

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.line.refusing:
            writer.transport.abort()
            return
        self.accepted += 1
        number = self.accepted
        try:
            there, back = await asyncio.open_connection(*self.target)
        except OSError:
            writer.transport.abort()
            return
        self._pairs[number] = writer, back
        ways = [asyncio.create_task(self._carry(number, *way)) for way in ((reader, back, 0), (there, writer, 1))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            while number in self._dead and not all(way.done() for way in ways):
                await asyncio.wait([way for way in ways if not way.done()])  # the other side must not learn of it
        except asyncio.CancelledError:
            pass  # the proxy is closed; asyncio's own callback would only complain
        finally:
            for task in ways:
                task.cancel()
            for end in (writer, back):
                end.close()
            del self._pairs[number]

    async def _carry(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: int) -> None:
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(256)

        async def deliver() -> None:
            while True:
                due, chunk = await waiting.get()
                if (delay := due - time.monotonic()) > 0:
                    await asyncio.sleep(delay)
                while self.line.stalled:
                    await asyncio.sleep(0.01)
                if number not in self._dead and chunk:
                    writer.write(chunk)
                    await writer.drain()
                if not chunk:
                    return

        delivery = asyncio.create_task(deliver())
        try:
            while chunk := await reader.read(16384):
                due = time.monotonic() + self.line.latency_s
                if self.line.bytes_per_s:
                    self._free_at[way] = max(self._free_at[way], time.monotonic())
                    self._free_at[way] += len(chunk) / self.line.bytes_per_s
                    due = max(due, self._free_at[way])
                await waiting.put((due, chunk))
            await waiting.put((0.0, b""))
            await delivery
        except OSError:
            pass
        finally:
            delivery.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await delivery

    async def _close(self) -> None:
        self._server.close()
        me = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not me]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
