"""Why not: history is played up to a moment, then a scene is asked for the conditions of its rules round a place.

A replay begins with empty states ``window_s`` before the moment: what a rule learnt earlier is unknown to it, so the
window must be longer than the rules look back (an hour covers all of ours but the notices about devices). The present
is told from the checkpoint of the scenes that run and the log since, with nothing forgotten.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brain.backtest.feeds import city_registry, file_feeds, store_feeds
from brain.backtest.run import choose_scenes, take
from brain.city.index import distance_m
from brain.desk.incident import plain
from brain.errors import ConfigurationError, SceneError
from brain.pipeline.engine import Engine
from brain.times import iso
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from brain.city import City
    from brain.registry import Registry
    from brain.scene_api import Reasoning, Scene
    from brain.store.base import Store

__all__ = ["RADIUS_M", "WINDOW_S", "Question", "explain_file", "explain_now", "explain_store"]

WINDOW_S: Final = 3600.0
RADIUS_M: Final = 300.0
MOST_ROWS: Final = 5_000_000  # of a replay: a minute or two
_DEVICES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which rules, where, when.

    Attributes:
        scene: Its name.
        lon, lat: The place, degrees.
        at: Microseconds; None: the end of what there is.
        radius_m: Devices within this distance of the place are asked about.
        window_s: So much of history is played before ``at``.
        most_rows: A replay longer than this is refused.
    """

    scene: str
    lon: float
    lat: float
    at: int | None = None
    radius_m: float = RADIUS_M
    window_s: float = WINDOW_S
    most_rows: int = MOST_ROWS


@dataclass(slots=True)
class _Replay:
    """An engine that is being brought to the moment of a question."""

    question: Question
    engine: Engine
    registry: Registry
    rows: int = 0
    clock: int = 0

    def count(self, rows: int) -> None:
        self.rows += rows
        if self.rows > self.question.most_rows:
            raise ConfigurationError(
                f"the replay before that time holds more than {self.question.most_rows} rows; ask with a shorter window"
            )


def _needed(scenes: Sequence[Scene[Any]], question: Question) -> list[Scene[Any]]:
    """The scene asked, and all others where it hears of what theirs do."""
    (asked,) = choose_scenes(scenes, [question.scene])
    return list(scenes) if asked.hears else [asked]


def explain_file(
    city: City,
    path: str | Path,
    scenes: Sequence[Scene[Any]],
    question: Question,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """The answer from a traffic file, played from its beginning (``window_s`` plays no part).

    Raises:
        ConfigurationError: The file or the scene's name is wrong, or the file is too long.
    """
    registry = city_registry(load_builtin(), city)
    replay = _Replay(question, Engine(_needed(scenes, question), city, registry), registry)
    first: int | None = None
    for feed in file_feeds(city, Path(path), registry, question.at):
        replay.count(feed.piece.rows)
        take(replay.engine, feed)
        replay.clock = feed.clock
        first = feed.clock if first is None else first
        if progress is not None:
            progress(feed.done, feed.total)
    if progress is not None:
        progress(1, 1)
    return _answer(replay, "replay", first)


async def explain_store(
    city: City,
    store: Store,
    scenes: Sequence[Scene[Any]],
    question: Question,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """The answer from stored history of ``window_s`` before the moment. The event loop stays free meanwhile.

    Raises:
        ConfigurationError: The scene's name is wrong, or there is too much history in the window.
        StoreError: The data base is out of reach.
    """
    if question.at is None:
        return await explain_now(city, store, scenes, question, progress)
    registry = city_registry((), city, await store.load_registry())
    replay = _Replay(question, Engine(_needed(scenes, question), city, registry), registry)
    start = question.at - round(question.window_s * 1e6)
    async for feed in store_feeds(store, start, question.at + 1, 5000):
        replay.count(feed.piece.rows)
        await asyncio.to_thread(take, replay.engine, feed)
        replay.clock = feed.clock
        if progress is not None:
            progress(feed.done, feed.total)
    if progress is not None:
        progress(1, 1)
    return _answer(replay, "replay", start)


async def explain_now(
    city: City,
    store: Store,
    scenes: Sequence[Scene[Any]],
    question: Question,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """The answer about the present: from the newest checkpoint and the log since, as the running scenes know it.

    Without a checkpoint that can be read: from a replay up to the end of the log.
    """
    choose_scenes(scenes, [question.scene])
    checkpoint = await store.load_checkpoint("city")
    registry = city_registry((), city, await store.load_registry())
    engine = Engine(scenes, city, registry, strict=False)
    _, end = await store.log_end()
    try:
        is_readable = checkpoint is not None and not engine.restore(checkpoint.state)
    except SceneError:
        is_readable = False
    if checkpoint is None or not is_readable:
        return await explain_store(city, store, scenes, replace(question, at=end), progress)
    replay = _Replay(question, engine, registry)
    entry = checkpoint.entry
    while entries := await store.read_log(entry):
        for one in entries:
            replay.count(one.piece.rows)
            engine.feed(one.piece)
            engine.advance(one.received_at)
            entry, replay.clock = one.entry, one.received_at
        if entry >= (await store.log_end())[0]:
            break
    replay.clock = replay.clock or end
    return _answer(replay, "live", None)


def _answer(replay: _Replay, basis: str, start: int | None) -> dict[str, Any]:
    question, engine = replay.question, replay.engine
    at = question.at if question.at is not None else replay.clock
    engine.advance(at)
    if question.scene in engine.failed:
        raise SceneError(engine.failed[question.scene])
    seats = engine.explain(question.scene, question.lon, question.lat, question.radius_m)
    items = [_item(reasoning, seat.world.overlay) for seat, found in seats for reasoning in found]
    scene = next(s.scene for s in engine.seats if s.scene.name == question.scene)
    wanted = {i.sensor_type for i in scene.interests}
    return {
        "scene": scene.name,
        "version": scene.version,
        "place": [question.lon, question.lat],
        "radius_m": question.radius_m,
        "at": iso(at),
        "basis": basis,
        "from": None if start is None else iso(start),
        "rows": replay.rows,
        "runs_here": bool(seats),
        "incidents": engine.standing(scene.name, question.lon, question.lat, question.radius_m),
        "devices": _near(replay.registry, question, wanted),
        "items": sorted(items, key=lambda x: (len(x["unmet"]), x["device"], x["rule"])),
    }


def _item(reasoning: Reasoning, overlay: str | None) -> dict[str, Any]:
    facts = [plain(f._asdict()) for f in reasoning.facts]
    unmet = list(dict.fromkeys(f["quantity"] for f in facts if not f["met"]))
    sensor_type, _, device = reasoning.device.partition("/")
    return {
        "rule": reasoning.rule,
        "sensor_type": sensor_type if device else None,
        "device": device or reasoning.device,
        "speaks": not unmet,
        "unmet": unmet,
        "facts": facts,
        "overlay": overlay,
    }


def _near(registry: Registry, question: Question, wanted: set[str]) -> list[dict[str, Any]]:
    """The fixed devices a scene listens to within the radius, nearest first; where there is none, the nearest one."""
    near = sorted(
        (distance_m(question.lon, question.lat, d.lon, d.lat), d.sensor_type, d.name)
        for d in registry.devices()
        if d.sensor_type in wanted and d.lon is not None and d.lat is not None
    )
    inside = [n for n in near if n[0] <= question.radius_m][:_DEVICES_SHOWN]
    return [{"sensor_type": t, "device": name, "distance_m": round(far, 1)} for far, t, name in inside or near[:1]]
