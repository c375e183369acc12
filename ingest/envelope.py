"""Received messages, before anybody looked inside: one by one, and as columns, which is how a flush carries them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Envelope", "Envelopes"]


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
        first_received_at: ... and when it was received at first: that time counts for what it says.
        place: ... and which reading of it was refused; None: all are tried.

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
    first_received_at: int | None = None
    place: int | None = None


@dataclass(slots=True)
class Envelopes:
    """The messages of a flush as columns of length n; what few of them have is kept by index.

    Attributes:
        topics, payloads: As in ``Envelope``.
        received_at: Microseconds, int64[n], never decreasing.
        dup, retain: Indices of the messages that are so marked.
        asked: Index -> (inbox id, retry of) of those that came over HTTP.
        again: Index -> (first time of receipt, place) of quarantined ones that are tried again.

    Example:
        >>> flush = Envelopes.of([Envelope("city/a/1", b"{}", 5), Envelope("city/a/2", b"{}", 6, dup=True)])
        >>> len(flush), flush[1].dup, flush.received_at.tolist()
        (2, True, [5, 6])
    """

    topics: list[str]
    payloads: list[bytes]
    received_at: NDArray[np.int64]
    dup: set[int] = field(default_factory=set)
    retain: set[int] = field(default_factory=set)
    asked: dict[int, tuple[int, int | None]] = field(default_factory=dict)
    again: dict[int, tuple[int, int | None]] = field(default_factory=dict)

    @classmethod
    def of(cls, envelopes: Sequence[Envelope]) -> Self:
        """Columns of single messages."""
        return cls(
            [e.topic for e in envelopes],
            [e.payload for e in envelopes],
            np.array([e.received_at for e in envelopes], np.int64),
            {i for i, e in enumerate(envelopes) if e.dup},
            {i for i, e in enumerate(envelopes) if e.retain},
            {i: (e.inbox_id, e.retry_of) for i, e in enumerate(envelopes) if e.inbox_id is not None},
            {i: (e.first_received_at, e.place) for i, e in enumerate(envelopes) if e.first_received_at is not None},
        )

    def __len__(self) -> int:
        return len(self.topics)

    def __getitem__(self, i: int) -> Envelope:
        inbox_id, retry_of = self.asked.get(i, (None, None))
        first, place = self.again.get(i, (None, None))
        return Envelope(
            self.topics[i],
            self.payloads[i],
            int(self.received_at[i]),
            i in self.dup,
            i in self.retain,
            inbox_id,
            retry_of,
            first,
            place,
        )

    def __iter__(self) -> Iterator[Envelope]:
        return (self[i] for i in range(len(self)))
