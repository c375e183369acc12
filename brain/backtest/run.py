"""Scenes over recorded traffic or stored history, at full speed: the incident log leaves. No broker, no clock."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brain.backtest.feeds import city_registry, file_feeds, store_feeds
from brain.errors import ConfigurationError
from brain.pipeline.engine import Engine
from brain.pipeline.seats import check_overrides
from brain.store.base import IncidentQuery
from brain.times import to_us
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TextIO

    from brain.backtest.feeds import Feed
    from brain.city import City
    from brain.model import SensorType, Step
    from brain.registry import Registry
    from brain.scene_api import Scene
    from brain.store.base import Store

__all__ = [
    "Progress",
    "Rivals",
    "backtest_file",
    "backtest_store",
    "choose_scenes",
    "compare_file",
    "compare_log",
    "compare_store",
    "log_line",
    "stored_log",
    "take",
]


class Progress:
    """Says on a terminal how far a long run is and how long it will take; silent without one.

    Args:
        stream: A terminal, or None.
        what: What is being done.
    """

    def __init__(self, stream: TextIO | None = None, what: str = "backtest") -> None:
        self._stream = stream
        self._what = what
        self._shown = -1
        self._began = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Done of total, in any unit; total 0 says only that work goes on."""
        percent = 100 * done // total if total else 0
        if self._stream is None or percent == self._shown:
            return
        self._shown = percent
        left = (time.monotonic() - self._began) * (total - done) / done if done > 0 else 0.0
        rest = f", {left:.0f} s left" if 0 < percent < 100 and left >= 1 else ""
        self._stream.write(f"\r\x1b[K{self._what} {percent} %{rest}" + ("\n" if percent >= 100 else ""))
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


def take(engine: Engine, feed: Feed) -> list[Step]:
    """Feed an engine a piece and its clock; the steps that follow."""
    return engine.feed(feed.piece) + engine.advance(feed.clock)


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
    registry = city_registry(load_builtin() if sensor_types is None else sensor_types, city)
    engine = Engine(scenes, city, registry, overrides)
    for feed in file_feeds(city, Path(path), registry):
        yield from map(log_line, take(engine, feed))
        if progress is not None:
            progress(feed.done, feed.total)
    if progress is not None:
        progress(1, 1)


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
    engine = Engine(scenes, city, city_registry((), city, await store.load_registry()), overrides)
    async for feed in store_feeds(store, start, end):
        for step in take(engine, feed):
            yield log_line(step)
        if progress is not None:
            progress(feed.done, feed.total)
    if progress is not None:
        progress(1, 1)


def compare_file(
    city: City,
    path: str | Path,
    scenes: Sequence[Scene[Any]],
    overrides: Mapping[str, float],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The logs of a traffic file without and with overrides; it is read and decoded once for both.

    Raises:
        ConfigurationError: As ``backtest_file``.
    """
    registry = city_registry(load_builtin(), city)
    rivals = Rivals(scenes, city, registry, overrides)
    for feed in file_feeds(city, Path(path), registry):
        rivals.take(feed)
        if progress is not None:
            progress(feed.done, feed.total)
    if progress is not None:
        progress(1, 1)
    return rivals.before, rivals.after


class Rivals:
    """Two engines over the same rows: as the city has it, and with overrides.

    Attributes:
        before, after: Their logs so far.
    """

    def __init__(
        self, scenes: Sequence[Scene[Any]], city: City, registry: Registry, overrides: Mapping[str, float]
    ) -> None:
        self._plain = Engine(scenes, city, registry)
        self._changed = Engine(scenes, city, registry, overrides)
        self.before: list[dict[str, Any]] = []
        self.after: list[dict[str, Any]] = []

    def take(self, feed: Feed) -> None:
        """Feed both."""
        self.before += map(log_line, take(self._plain, feed))
        self.after += map(log_line, take(self._changed, feed))


async def compare_store(
    city: City,
    store: Store,
    start: int,
    end: int,
    scenes: Sequence[Scene[Any]],
    overrides: Mapping[str, float],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The logs of stored history without and with overrides; it is read once for both."""
    rivals = Rivals(scenes, city, city_registry((), city, await store.load_registry()), overrides)
    async for feed in store_feeds(store, start, end):
        rivals.take(feed)
        if progress is not None:
            progress(feed.done, feed.total)
    if progress is not None:
        progress(1, 1)
    return rivals.before, rivals.after


async def compare_log(
    city: City,
    store: Store,
    start: int,
    end: int,
    scenes: Sequence[Scene[Any]],
    overrides: Mapping[str, float],
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The log that was kept live and that of stored history with overrides, both up to the same clock."""
    engine = Engine(scenes, city, city_registry((), city, await store.load_registry()), overrides)
    after: list[dict[str, Any]] = []
    async for feed in store_feeds(store, start, end):
        after += map(log_line, take(engine, feed))
        if progress is not None:
            progress(feed.done, feed.total)
    _, clock = await store.log_end()
    after += map(log_line, engine.advance(min(end - 1, clock)))
    if progress is not None:
        progress(1, 1)
    return await stored_log(store, start, end, scenes), after


async def stored_log(store: Store, start: int, end: int, scenes: Sequence[Scene[Any]]) -> list[dict[str, Any]]:
    """The steps of the incidents of these scenes that were raised live in ``[start, end)`` microseconds.

    Steps made at or after ``end`` are left out: a replay up to there cannot know them.
    """
    names = {s.name for s in scenes}
    query = IncidentQuery(start=start, end=end, limit=1000)
    log: list[dict[str, Any]] = []
    while True:
        page = await store.incidents(query)
        for incident in page.items:
            if incident["scene"] in names:
                log += [s for s in await store.incident_log(incident["incident"]) if to_us(s["at"]) < end]
        if page.cursor is None:
            return log
        query = replace(query, cursor=page.cursor)
