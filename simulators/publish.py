"""Send messages to a broker so that none is lost: QoS 1, a bounded window in flight, again after a cut, in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import secrets
import socket
import sys
from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import unquote, urlsplit

import aiomqtt

from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from types import TracebackType

__all__ = ["Publisher", "connect", "publish_once"]

WINDOW: Final = 100  # messages on their way without the broker's acknowledgement
RETRY_S: Final = (0.2, 5.0)  # first and longest wait before the broker is tried again
_LOGGER = logging.getLogger("simulators.mqtt")
_LOGGER.setLevel(logging.ERROR)  # aiomqtt warns of a window that is meant


@contextlib.asynccontextmanager
async def connect(url: str, *, timeout_s: float = 10.0) -> AsyncIterator[aiomqtt.Client]:
    """A connection to the broker of an ``mqtt://[user:password@]host[:port]`` address.

    Raises:
        ConfigurationError: The address is not one.
        aiomqtt.MqttError: Nobody answers, or the broker refuses.
    """
    address = urlsplit(url)
    if address.scheme not in {"mqtt", "tcp"} or not address.hostname:
        raise ConfigurationError(f"{url} is not a broker's address; write it like mqtt://127.0.0.1:1883")
    async with aiomqtt.Client(
        address.hostname,
        address.port or 1883,
        username=unquote(address.username) if address.username else None,
        password=unquote(address.password) if address.password else None,
        identifier=f"simulator-{secrets.token_hex(8)}",
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=True,
        timeout=timeout_s,
        max_inflight_messages=WINDOW,
        max_queued_outgoing_messages=0,
        socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
        logger=_LOGGER,
    ) as client:
        client.pending_calls_threshold = 10 * WINDOW
        yield client


async def publish_once(url: str, topic: str, payload: bytes) -> None:
    """Send one message and wait for the broker's acknowledgement.

    Raises:
        ConfigurationError: The address is wrong or nobody answers there.
    """
    try:
        async with connect(url, timeout_s=5.0) as client:
            await client.publish(topic, payload, qos=1)
    except aiomqtt.MqttError as e:
        raise ConfigurationError(f"no broker answers at {_public(url)} ({e}); is `cloudbrain up` running?") from None


def _public(url: str) -> str:
    address = urlsplit(url)
    return f"{address.scheme}://{address.hostname}:{address.port or 1883}"


class Publisher:
    """An ``async with`` sender that outlives its broker: while the broker is away, ``send`` waits.

    Messages without acknowledgement are sent again after a reconnect, in their order; a message that was acknowledged
    is never sent again.

    Args:
        url: The broker.
        listen: Topic filter to subscribe to, and
        heard: what to call with the topic and payload of each message there.

    Attributes:
        acknowledged: How many messages the broker has acknowledged.
        cuts: How often the connection broke or could not be made.
    """

    def __init__(
        self, url: str, *, listen: str | None = None, heard: Callable[[str, bytes], None] | None = None
    ) -> None:
        self._url, self._listen, self._heard = url, listen, heard
        self._queue: asyncio.Queue[tuple[int, str, bytes, int]] = asyncio.Queue(WINDOW)
        self._open: OrderedDict[int, tuple[int, str, bytes, int]] = OrderedDict()
        self._taken = 0
        self._room = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._number = 0
        self.acknowledged = 0
        self.cuts = 0
        self.connected = asyncio.Event()

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(contextlib.suppress(aiomqtt.MqttError))
            # A wrong address is an error now; a broker that is away is not.
            await stack.enter_async_context(connect(self._url))
        self._task = asyncio.create_task(self._keep_connected())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def send(self, topic: str, payload: bytes, qos: int = 1) -> None:
        """Hand a message over; returns when it has a place in the window, not when it is acknowledged."""
        while not self.offer(topic, payload, qos):
            self._room.clear()
            await self._or_failed(self._room.wait())

    def offer(self, topic: str, payload: bytes, qos: int = 1) -> bool:
        """As ``send`` without waiting; False when the window is full."""
        if self._taken >= WINDOW:
            return False
        self._taken += 1
        self._number += 1
        self._empty.clear()
        self._queue.put_nowait((self._number, topic, payload, qos))
        return True

    async def drain(self) -> None:
        """Wait until everything handed over is acknowledged."""
        await self._or_failed(self._empty.wait())

    async def _or_failed(self, wait: Awaitable[object]) -> None:
        """Wait, but not for a keeper that has ended: its error is the caller's."""
        waiting = asyncio.ensure_future(wait)
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                self._task.result()
        finally:
            if not waiting.done():
                waiting.cancel()

    async def _keep_connected(self) -> None:
        wait_s = first = RETRY_S[0]
        while True:
            try:
                async with connect(self._url) as client:
                    if self.cuts:
                        sys.stderr.write(f"connected to {_public(self._url)}\n")
                    wait_s = first
                    await self._serve(client)
            except (aiomqtt.MqttError, ExceptionGroup) as e:
                if isinstance(e, ExceptionGroup) and e.split(aiomqtt.MqttError)[1] is not None:
                    raise
                if wait_s == first:
                    sys.stderr.write(f"no broker at {_public(self._url)}; trying again until it answers\n")
                self.cuts += 1
            self.connected.clear()
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, RETRY_S[1])

    async def _serve(self, client: aiomqtt.Client) -> None:
        if self._listen is not None:
            await client.subscribe(self._listen, qos=0)
        self.connected.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._hear(client))
            for message in list(self._open.values()):
                group.create_task(self._deliver(client, message))
            while True:
                message = await self._queue.get()
                self._open[message[0]] = message
                group.create_task(self._deliver(client, message))

    async def _hear(self, client: aiomqtt.Client) -> None:
        """Ends with MqttError when the connection does, which ends the whole group."""
        async for message in client.messages:
            if self._heard is not None and isinstance(message.payload, bytes):
                self._heard(str(message.topic), message.payload)

    async def _deliver(self, client: aiomqtt.Client, message: tuple[int, str, bytes, int]) -> None:
        number, topic, payload, qos = message
        await client.publish(topic, payload, qos=qos, timeout=math.inf)
        del self._open[number]
        self.acknowledged += 1
        self._taken -= 1
        self._room.set()
        if not self._taken:
            self._empty.set()
