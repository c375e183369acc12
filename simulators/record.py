"""Record live device traffic to a traffic file, with the recorder's own times of receipt."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time
from typing import TYPE_CHECKING, Final

import aiomqtt

from brain.errors import ConfigurationError
from simulators.file import line, open_traffic
from simulators.publish import connect

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

__all__ = ["record"]

RETRY_S: Final = 0.5
FLUSH_S: Final = 1.0


async def record(
    path: Path,
    mqtt_url: str,
    topic_filter: str = "city/#",
    stop: asyncio.Event | None = None,
    listening: asyncio.Event | None = None,
) -> None:
    """Write every message of a topic filter until ``stop`` is set.

    A payload stands in the file as JSON where that gives back its bytes exactly, else in base64. Times of receipt have
    microseconds and never decrease. When the broker goes away the recorder waits for it; what is sent meanwhile is not
    in the file, and it says so.

    Args:
        path: The file; ``.gz`` compresses. It is replaced.
        mqtt_url: The broker.
        topic_filter: MQTT topic filter.
        stop: Ends it.
        listening: Is set once the broker has taken the subscription.

    Raises:
        ConfigurationError: The file cannot be written, or nobody answers at the address.
    """
    stop = stop or asyncio.Event()
    taker = _Taker()
    try:
        with open_traffic(path) as file:
            while not stop.is_set():
                try:
                    async with connect(mqtt_url) as client:
                        await client.subscribe(topic_filter, qos=1)
                        if listening is not None:
                            listening.set()
                        taker.connected = True
                        await _until_stopped(taker.take(client, file), file, stop)
                except aiomqtt.MqttError as e:
                    if not taker.connected:
                        raise ConfigurationError(f"no broker answers at {mqtt_url} ({e}); is it running?") from None
                    sys.stderr.write("the broker went away; recording goes on when it is back, with a gap\n")
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), RETRY_S)
    except OSError as e:
        raise ConfigurationError(f"cannot write {path}: {e.strerror or e}; name another file") from None
    sys.stderr.write(f"{taker.count} messages recorded in {path}\n")


class _Taker:
    """Writes what comes, stamped."""

    def __init__(self) -> None:
        self.count = 0
        self.connected = False
        self._last_us = 0

    async def take(self, client: aiomqtt.Client, file: IO[bytes]) -> None:
        async for message in client.messages:
            self._last_us = max(self._last_us, time.time_ns() // 1000)
            payload = message.payload if isinstance(message.payload, bytes) else b""
            file.write(line(self._last_us, str(message.topic), payload))
            self.count += 1


async def _until_stopped(taking: object, file: IO[bytes], stop: asyncio.Event) -> None:
    """Take messages until the stop, on disk within a second; a broken connection is raised."""
    task = asyncio.ensure_future(taking)  # type: ignore[call-overload]
    stopped = asyncio.ensure_future(stop.wait())
    while not (task.done() or stopped.done()):
        await asyncio.wait({task, stopped}, timeout=FLUSH_S, return_when=asyncio.FIRST_COMPLETED)
        file.flush()
    stopped.cancel()
    if task.done():
        task.result()
    else:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
