"""Traffic files: JSON Lines of what was received when, optionally gzip (section 4 of the public surface)."""

from __future__ import annotations

import base64
import gzip
import heapq
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

import msgspec

from brain.errors import ConfigurationError
from brain.times import to_us
from simulators.actor import chance
from simulators.message import encode, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from simulators.message import Draft

__all__ = ["line", "open_traffic", "read_traffic", "received_iso", "write_traffic"]

WAY_MS = (50, 200)  # how long a message takes to the receiver


def received_iso(us: int) -> str:
    """RFC 3339 with microseconds where there are any.

    Example:
        >>> received_iso(1_500_000), received_iso(1_500_001)
        ('1970-01-01T00:00:01.500Z', '1970-01-01T00:00:01.500001Z')
    """
    return iso(us) if us % 1000 == 0 else f"{iso(us)[:-1]}{us % 1000:03d}Z"


def line(received_us: int, topic: str, payload: bytes) -> bytes:
    r"""One line of a traffic file: ``payload`` where its bytes are exactly what writing it as compact JSON gives.

    Example:
        >>> line(0, "city/a/b", b'{"x":1}')
        b'{"received_at":"1970-01-01T00:00:00.000Z","topic":"city/a/b","payload":{"x":1}}\n'
        >>> line(0, "city/a/b", b'{"x": 1}')
        b'{"received_at":"1970-01-01T00:00:00.000Z","topic":"city/a/b","payload_base64":"eyJ4IjogMX0="}\n'
    """
    head = {"received_at": received_iso(received_us), "topic": topic}
    try:
        same = msgspec.json.encode(msgspec.json.decode(payload)) == payload
    except (msgspec.DecodeError, RecursionError, ValueError):
        same = False
    body = {"payload": msgspec.Raw(payload)} if same else {"payload_base64": base64.b64encode(payload).decode()}
    return msgspec.json.encode(head | body) + b"\n"


@contextmanager
def open_traffic(path: Path) -> Iterator[IO[bytes]]:
    """A traffic file to write; ``.gz`` at the end of its name compresses. The same lines give the same bytes."""
    with path.open("wb") as raw:
        if path.name.endswith(".gz"):
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        else:
            yield raw


class _Line(msgspec.Struct):
    received_at: str | float
    topic: str
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payload_base64: str | None = None


def read_traffic(path: Path) -> Iterator[tuple[int, str, bytes]]:
    """Times of receipt (microseconds), topics and payloads of a traffic file, plain or gzip, in order.

    Raises:
        ConfigurationError: The file cannot be read, or a line is wrong; it is named by its number.
    """
    number = 0
    try:
        with path.open("rb") as raw:
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            for text in gzip.GzipFile(fileobj=raw) if packed else raw:
                number += 1
                if text.strip():
                    yield _parsed(text)
    except (msgspec.DecodeError, ValueError) as e:
        raise ConfigurationError(f"{path}, line {number}: {e}; a line is one message as `record` writes it") from None
    except (OSError, EOFError) as e:
        raise ConfigurationError(f"cannot read {path}: {e}; name a traffic file") from None


def _parsed(text: bytes) -> tuple[int, str, bytes]:
    message = msgspec.json.decode(text, type=_Line)
    if message.payload_base64 is not None:
        payload = base64.b64decode(message.payload_base64, validate=True)
    elif message.payload is not msgspec.UNSET:
        payload = bytes(message.payload)
    else:
        raise ValueError("neither payload nor payload_base64")
    return to_us(message.received_at), message.topic, payload


def write_traffic(path: Path, drafts: Iterable[Draft], seed: int = 0) -> int:
    """Write drafts as if they had been received 50 to 200 ms after their time, in order of receipt; their number."""
    random = chance(seed, "receipt")
    waiting: list[tuple[int, int, str, bytes]] = []
    count = 0
    with open_traffic(path) as file:
        for draft in drafts:
            message = encode(draft)
            received_us = message.at_us + int(random.integers(*WAY_MS)) * 1000
            heapq.heappush(waiting, (received_us, count, message.topic, message.payload))
            count += 1
            while waiting[0][0] < message.at_us + WAY_MS[0] * 1000:
                due_us, _, topic, payload = heapq.heappop(waiting)
                file.write(line(due_us, topic, payload))
        while waiting:
            due_us, _, topic, payload = heapq.heappop(waiting)
            file.write(line(due_us, topic, payload))
    return count
