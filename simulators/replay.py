"""Play a traffic file against a broker, at its own pace or another, with its own times or with times of now."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import msgspec

from brain.errors import ConfigurationError
from brain.times import to_us
from simulators.file import read_traffic, received_iso
from simulators.publish import Publisher
from simulators.run import finish, unless, until

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["replay", "shifted"]


async def replay(
    path: Path,
    mqtt_url: str,
    *,
    speed: float | None = 1.0,
    retime: bool = False,
    stop: asyncio.Event | None = None,
) -> None:
    """Publish the messages of a traffic file in their order, spaced as they were received.

    Args:
        path: The file, plain or gzip.
        mqtt_url: The broker.
        speed: Times faster than life; None: as fast as the broker acknowledges.
        retime: Shift every ``time`` of native messages by one offset, so that the file begins now; when it is played
            faster than life, so that it ends now, for nothing may lie in the future. Spacing stays as it was.
        stop: Ends it early.

    Raises:
        ConfigurationError: The file or the address is wrong; a wrong line is named by its number.
    """
    stop = stop or asyncio.Event()
    first_us, last_us, total = await asyncio.to_thread(_extent, path)
    if not total:
        raise ConfigurationError(f"{path} holds no messages; record some with `cloudbrain record`")
    began_us = time.time_ns() // 1000
    anchor_us = first_us if speed is not None and speed <= 1 else last_us
    offset_us = (began_us - anchor_us) // 1000 * 1000 if retime else 0
    started = time.monotonic()
    async with Publisher(mqtt_url) as publisher:
        for received_us, topic, payload in read_traffic(path):
            if speed is not None:
                await until(began_us + int((received_us - first_us) / speed), stop)
            if stop.is_set():
                break
            message = shifted(topic, payload, offset_us) if offset_us else payload
            if not publisher.offer(topic, message):
                await unless(stop, publisher.send(topic, message))
        await finish(publisher, stop)
        count = publisher.acknowledged
    sys.stderr.write(f"{count} of {total} messages of {path} in {time.monotonic() - started:.1f} s\n")


def _extent(path: Path) -> tuple[int, int, int]:
    """First and last time of receipt, and how many messages; reads the whole file, so a wrong line is known at once."""
    first = last = count = 0
    for received_us, _, _ in read_traffic(path):
        first = received_us if count == 0 else first
        last = max(last, received_us)
        count += 1
    return first, last, count


def shifted(topic: str, payload: bytes, offset_us: int) -> bytes:
    """A native message with its times moved; every other message as it is.

    Example:
        >>> shifted("city/a/b", b'{"time":"2026-07-01T14:00:00+08:00","x":1}', 1_000_000)
        b'{"time":"2026-07-01T06:00:01.000Z","x":1}'
        >>> shifted("other/a", b'{"time":0}', 1_000_000)
        b'{"time":0}'
    """
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != "city":
        return payload
    try:
        document = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return payload
    moved = sum(_move(reading, offset_us) for reading in (document if isinstance(document, list) else [document]))
    return msgspec.json.encode(document) if moved else payload


def _move(reading: Any, offset_us: int) -> bool:
    """Move the time of one reading in place; False where it has none that can be read."""
    if not isinstance(reading, dict):
        return False
    told = reading.get("time")
    if isinstance(told, int | float) and not isinstance(told, bool):
        reading["time"] = told + offset_us // 1000
        return True
    if not isinstance(told, str):
        return False
    try:
        reading["time"] = received_iso(to_us(told) + offset_us)
    except ValueError:
        return False
    return True
