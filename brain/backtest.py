"""Backtest: recorded traffic or stored history enters, the incident log leaves, at full speed. No broker, no clock.

The same decoder, the same rule for duplicates, the same engine, scenes and desk as live. The devices of the city come
first into the registry, then every device of the traffic; all are admitted. The clock is that of receipt and stops with
the last message.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from brain.errors import ConfigurationError
from brain.model import Batch, Device, Piece
from brain.pipeline.engine import Engine
from brain.pipeline.seats import check_overrides
from brain.registry import Registry
from brain.store.rows import storage_keys
from brain.times import to_us
from ingest.copies import Copies
from ingest.decode import Decoder, Places
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from brain.city import City
    from brain.model import SensorType, Step
    from brain.scene_api import Scene
    from brain.store.base import Store

__all__ = [
    "Progress",
    "Uniques",
    "backtest_file",
    "backtest_store",
    "choose_scenes",
    "city_registry",
    "log_line",
    "read_traffic",
]

AT_ONCE: Final = 2000  # messages decoded together
_EXTRA: Final = ("span", "capacity", "watches", "name", "work_order")


class Progress:
    """Says on a terminal how far a backtest is; silent without one."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._shown = -1

    def __call__(self, done: int, total: int) -> None:
        """Done of total, in any unit; total 0 says only that work goes on."""
        percent = 100 * done // total if total else 0
        if self._stream is not None and percent != self._shown:
            self._shown = percent
            self._stream.write(f"\rbacktest {percent} %" + ("\n" if percent >= 100 else ""))
            self._stream.flush()


def choose_scenes(scenes: Sequence[Scene[Any]], names: Sequence[str]) -> list[Scene[Any]]:
    """The named scenes in the order they have; all where no name is given.

    Raises:
        ConfigurationError: A name is none of theirs.
    """
    known = [s.name for s in scenes]
    for name in names:
        if name not in known:
            raise ConfigurationError(f'no scene "{name}"; one of {", ".join(known)}')
    return [s for s in scenes if not names or s.name in names]


def log_line(step: Step) -> dict[str, Any]:
    """A step as the incident log shows it where nobody but the engine made steps."""
    document = dict(step.document)
    return {"at": document.pop("at"), "seq": step.number, **document}


# -- traffic files -----------------------------------------------------------------------------------------------
class _Line(msgspec.Struct):
    received_at: str | int | float
    topic: str
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payload_base64: str | None = None


class Recorded(NamedTuple):
    """A line of a traffic file; ``done`` is how many bytes of the file were read for it."""

    envelope: Envelope
    done: int


_decoder: Final = msgspec.json.Decoder(_Line)


def read_traffic(path: Path) -> Iterator[Recorded]:
    """The messages of a traffic file in order of receipt, one at a time.

    A time of receipt that lies before that of the line above counts as that one, as it would live.

    Raises:
        ConfigurationError: The file cannot be read, or a line is wrong; the sentence names its number.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.peek(2)[:2] == b"\x1f\x8b"
            lines: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if is_packed else raw
            last: int | None = None
            for number, line in enumerate(lines, 1):
                if line.strip():
                    envelope = _envelope(path, number, line, last)
                    last = envelope.received_at
                    yield Recorded(envelope, raw.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"cannot read {path}: {error}; name a traffic file (.jsonl or .jsonl.gz)") from error


def _envelope(path: Path, number: int, line: bytes, last: int | None) -> Envelope:
    try:
        found = _decoder.decode(line)
        received_at = to_us(found.received_at)
        if found.payload_base64 is not None:
            payload = base64.b64decode(found.payload_base64, validate=True)
        elif isinstance(found.payload, msgspec.Raw):
            payload = bytes(found.payload)
        else:
            raise ValueError("it has neither payload nor payload_base64")  # noqa: TRY301 - one sentence for all
    except (ValueError, RecursionError, binascii.Error) as error:
        raise ConfigurationError(
            f"{path.name}, line {number}: {error}; a line is "
            '{"received_at": "2026-07-01T14:00:00.120+08:00", "topic": "city/...", "payload": ...}'
        ) from error
    return Envelope(found.topic, payload, received_at if last is None else max(last, received_at))


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


def backtest_file(
    city: City,
    path: str | Path,
    scenes: Sequence[Scene[Any]],
    overrides: Mapping[str, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    sensor_types: Iterable[SensorType] | None = None,
) -> Iterator[dict[str, Any]]:
    """Run scenes over a traffic file.

    Args:
        city: The city model.
        path: JSON Lines, optionally gzip.
        scenes: To run.
        overrides: ``scene.parameter`` -> value.
        progress: Called with bytes read and bytes of the file.
        sensor_types: Known types; the built-in ones by default.

    Yields:
        Log objects in order.

    Raises:
        ConfigurationError: The file or an override is wrong; the sentence says where.
    """
    check_overrides(scenes, overrides or {})
    file = Path(path)
    registry = city_registry(load_builtin() if sensor_types is None else sensor_types, city)
    engine = Engine(scenes, city, registry, overrides)
    decoder = Decoder(registry, Places.of(city), copies=Copies(), admit_all=True)
    uniques = Uniques(registry)
    total = file.stat().st_size if file.exists() else 0
    position = 0
    waiting: list[Envelope] = []

    def flush() -> list[Step]:
        nonlocal position
        decoded = decoder.decode(waiting)
        for sensor_type, name in decoded.unknown:
            registry.add(sensor_type, name)
        outcome = decoded.finish(registry, position + 1)
        position = outcome.position
        steps = engine.feed(Piece({b.sensor_type: uniques.fresh(b) for b in outcome.batches}))
        steps += engine.advance(waiting[-1].received_at)
        waiting.clear()
        return steps

    for recorded in read_traffic(file):
        waiting.append(recorded.envelope)
        if len(waiting) >= AT_ONCE:
            yield from map(log_line, flush())
            if progress is not None:
                progress(recorded.done, total)
    if waiting:
        yield from map(log_line, flush())
    if progress is not None:
        progress(total, total)


async def backtest_store(
    city: City,
    store: Store,
    start: int,
    end: int,
    scenes: Sequence[Scene[Any]],
    overrides: Mapping[str, float] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> AsyncIterator[dict[str, Any]]:
    """Run scenes over stored history received in ``[start, end)``, microseconds; as ``backtest_file`` else."""
    check_overrides(scenes, overrides or {})
    stored = await store.load_registry()
    registry = city_registry((), city, stored)
    engine = Engine(scenes, city, registry, overrides)
    async for piece in store.history(start, end):
        for step in engine.feed(piece):
            yield log_line(step)
        if progress is not None:
            last = max(int(b.received_at[-1].astype("M8[us]").astype(np.int64)) for b in piece.batches.values())
            progress(last - start, end - start)
    if progress is not None:
        progress(1, 1)
