"""A received message, before anybody looked inside."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Envelope"]


class Envelope(NamedTuple):
    """One received message.

    Attributes:
        topic: As it stood on the wire.
        payload: Its bytes.
        received_at: Microseconds since 1970 UTC, given once by ingest, never decreasing.
        dup: Marked as a redelivery by the sender (MQTT DUP).
        retain: Came from the broker's retained store.
        inbox_id: Set where it came over HTTP and somebody waits for the answer.
        retry_of: Set where a quarantined message is tried again.

    Example:
        >>> Envelope("city/gas-detector/G1", b"{}", 0).dup
        False
    """

    topic: str
    payload: bytes
    received_at: int
    dup: bool = False
    retain: bool = False
    inbox_id: int | None = None
    retry_of: int | None = None
