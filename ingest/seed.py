"""Traffic with given times of receipt goes into a store as if it had been received then: demo history, tests.

Enters: planned messages in order of time; leaves: the same flushes that ingest would have written. It takes the head of
the log, so an ingest that runs on the same store is fenced: seed before it starts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from ingest.decode import Decoder, Places
from ingest.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brain.city import City
    from brain.store.base import Store

__all__ = ["Message", "seed"]

_MOST: Final = 10_000  # rows of a flush: few large ones, nobody waits for an acknowledgement


class Message(Protocol):
    """A message and when it counts as received (``simulators.Planned`` is one)."""

    @property
    def at_us(self) -> int:
        """Microseconds."""

    @property
    def topic(self) -> str:
        """``city/<sensor-type>/<device-id>``."""

    @property
    def payload(self) -> bytes:
        """Its bytes."""


async def seed(store: Store, city: City, messages: Iterable[Message]) -> int:
    """Store messages as if received at their time.

    Args:
        store: Migrated, with the sensor types registered.
        city: Its zones and nodes give places to messages without.
        messages: In order of ``at_us``; what lies before the head of the log counts as received right after it.

    Returns:
        How many rows were stored.

    Raises:
        StoreError: The store is out of reach; what was written before stays.
    """
    head = await store.claim_head()
    decoder = Decoder(await store.load_registry(), Places.of(city))
    position, last, stored = head.position, head.received_at, 0

    async def write(envelopes: list[Envelope]) -> None:
        nonlocal position, stored
        decoded = decoder.decode(envelopes)
        if decoded.unknown:
            for device in await store.admit(decoded.unknown):
                decoder.registry.put(device)
        outcome = decoded.finish(decoder.registry, position + 1)
        written = await store.write(outcome.flush(head.epoch, envelopes[-1].received_at))
        position = outcome.position
        stored += sum(c.stored for c in written.counts.values())

    waiting: list[Envelope] = []
    for message in messages:
        received_at = max(message.at_us, last + 1)
        if len(waiting) >= _MOST:
            await write(waiting)
            waiting = []
        waiting.append(Envelope(message.topic, message.payload, received_at))
        last = received_at
    if waiting:
        await write(waiting)
    return stored
