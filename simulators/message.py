"""What a simulated device says: a draft while it is planned, bytes when it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

__all__ = ["SECOND", "Draft", "Planned", "encode", "iso"]

SECOND: Final = 1_000_000  # microseconds


class Draft(NamedTuple):
    """A message that will be said at ``at_us``; its time is written when it is encoded.

    Attributes:
        everyday: True for what a device says of itself, False for what a story makes it say.
    """

    at_us: int
    sensor_type: str
    device: str
    body: dict[str, Any]
    everyday: bool = False


class Planned(NamedTuple):
    """A message with its due time (microseconds since 1970 UTC), as it goes over the wire."""

    at_us: int
    topic: str
    payload: bytes


def iso(us: int) -> str:
    """RFC 3339 in UTC with milliseconds, as many devices write it.

    Example:
        >>> iso(1_782_885_600_120_000)
        '2026-07-01T06:00:00.120Z'
    """
    return f"{_second(us // SECOND)}.{us // 1000 % 1000:03d}Z"


@lru_cache(1024)
def _second(s: int) -> str:
    """Neighbours in time share their second, and formatting it is what costs."""
    return datetime.fromtimestamp(s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def encode(draft: Draft, shift_us: int = 0) -> Planned:
    """The message of a draft, due and stamped ``shift_us`` later than planned.

    Example:
        >>> encode(Draft(0, "gas-detector", "G1", {"lel_pct": 1.5})).payload
        b'{"time":"1970-01-01T00:00:00.000Z","lel_pct":1.5}'
    """
    at_us = draft.at_us + shift_us
    payload = msgspec.json.encode({"time": iso(at_us), **draft.body})
    return Planned(at_us, f"city/{draft.sensor_type}/{draft.device}", payload)
