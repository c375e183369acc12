"""What a replay is fed: pieces of a traffic file or of stored history, each with the clock it brings along.

The same decoder and the same rule for duplicates as live. The devices of the city come first into the registry, then
every device of the traffic; all are admitted. The clock is that of receipt and stops with the last message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from brain.backtest.traffic import read_traffic
from brain.model import Batch, Device, Piece, microseconds
from brain.registry import Registry
from brain.store.rows import storage_keys
from ingest.copies import Copies
from ingest.decode import Decoder, Places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from brain.city import City
    from brain.model import SensorType
    from brain.store.base import Store
    from ingest.envelope import Envelope

__all__ = ["AT_ONCE", "Feed", "Uniques", "city_registry", "file_feeds", "store_feeds"]

AT_ONCE: Final = 2000  # messages decoded together
_EXTRA: Final = ("span", "capacity", "watches", "name", "work_order")


class Feed(NamedTuple):
    """A piece and how far the clock has come with it.

    Attributes:
        clock: Microseconds: no row received before it comes any more.
        done, total: How far the source is read, in any unit.
    """

    piece: Piece
    clock: int
    done: int
    total: int


class Uniques:
    """The unique keys of the data base, in memory: which rows of a batch are stored and which are duplicates.

    For one registry; 60 to 200 bytes a row.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen: dict[str, set[tuple[int, int, str | None]]] = {}

    def fresh(self, batch: Batch) -> Batch:
        """The rows that were not there before."""
        sensor_type = self._registry.sensor_types[batch.sensor_type]
        seen = self._seen.setdefault(batch.sensor_type, set())
        times = batch.time.astype("M8[us]").astype(np.int64).tolist()
        keep = np.ones(len(batch), bool)
        for i, key in enumerate(zip(batch.device.tolist(), times, storage_keys(sensor_type, batch), strict=True)):
            if key in seen:
                keep[i] = False
            seen.add(key)
        return batch if keep.all() else batch.take(keep)


def city_registry(sensor_types: Iterable[SensorType], city: City, registry: Registry | None = None) -> Registry:
    """A registry with the devices of a city, in the order of the model; laid over a given one, ids stay."""
    registry = registry or Registry(sensor_types, [])
    for d in city.devices:
        plain: dict[str, Any] = msgspec.to_builtins(d)
        extra = {k: plain[k] for k in _EXTRA if plain.get(k)}
        known = registry.find(d.sensor_type, d.id)
        template = Device(
            device_id=known.device_id if known is not None else 0,
            sensor_type=d.sensor_type,
            name=d.id,
            lon=d.lon,
            lat=d.lat,
            site=d.site,
            simulated=d.simulated,
            extra=extra,
        )
        if known is None:
            registry.add(d.sensor_type, d.id, template)
        else:
            registry.put(template)
    return registry


def file_feeds(city: City, path: Path, registry: Registry, until: int | None = None) -> Iterator[Feed]:
    """The stored rows of a traffic file, about ``AT_ONCE`` messages a piece; devices it names come into the registry.

    Args:
        city: For places of zones and nodes.
        path: JSON Lines, optionally gzip.
        registry: Of the replay; it grows.
        until: Microseconds: messages received later are left out.

    Raises:
        ConfigurationError: The file cannot be read, or a line is wrong; the sentence names its number.
    """
    decoder = Decoder(registry, Places.of(city), copies=Copies(), admit_all=True)
    uniques = Uniques(registry)
    total = path.stat().st_size if path.exists() else 0
    position = 0
    waiting: list[Envelope] = []

    def flush(done: int) -> Feed:
        nonlocal position
        decoded = decoder.decode(waiting)
        for sensor_type, name in decoded.unknown:
            registry.add(sensor_type, name)
        outcome = decoded.finish(registry, position + 1)
        position = outcome.position
        feed = Feed(
            Piece({b.sensor_type: uniques.fresh(b) for b in outcome.batches}), waiting[-1].received_at, done, total
        )
        waiting.clear()
        return feed

    for recorded in read_traffic(path):
        if until is not None and recorded.envelope.received_at > until:
            break
        waiting.append(recorded.envelope)
        if len(waiting) >= AT_ONCE:
            yield flush(recorded.done)
    if waiting:
        yield flush(total)


async def store_feeds(store: Store, start: int, end: int, rows: int = 20_000) -> AsyncIterator[Feed]:
    """Stored history received in ``[start, end)``, microseconds, about so many rows a piece."""
    async for piece in store.history(start, end, rows):
        last = max(int(microseconds(b.received_at)[-1]) for b in piece.batches.values())
        yield Feed(piece, last, last - start, end - start)
