"""Live log = backtest of the store = backtest of the exported file, byte for byte, for every story."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import scenes
from brain import backtest
from brain.cli.prepare import city_devices
from brain.export import export_traffic
from brain.pipeline.live import run_live
from brain.store import open_store
from brain.store.base import IncidentQuery
from ingest.seed import seed
from ingest.sensor_types import load_builtin
from simulators import demo_city
from simulators.plan import traffic
from simulators.run import story_names

if TYPE_CHECKING:
    from pathlib import Path

ENGINE = {"raise", "update", "clear", "merge", "cancel", "reopen"}
STORY_S = 420.0


def lines(documents: Any) -> list[bytes]:
    return sorted(msgspec.json.encode(d) for d in documents)


async def live(store: Any, last: int) -> list[dict[str, Any]]:
    """Every step of the engine that the store keeps."""
    page = await store.incidents(IncidentQuery(limit=1000))
    steps = []
    for incident in page.items:
        log = [s for s in await store.incident_log(incident["incident"]) if s["op"] in ENGINE]
        steps += [{**s, "seq": n} for n, s in enumerate(log, 1)]
    return steps


@pytest.mark.parametrize("run", [1, 2])
@pytest.mark.parametrize("story", story_names())
async def test_replay_gives_the_live_log(any_dsn: str, tmp_path: Path, story: str, run: int) -> None:
    city = demo_city()
    store = await open_store(any_dsn)
    try:
        await store.migrate()
        for sensor_type in load_builtin():
            await store.put_sensor_type(sensor_type)
        await store.put_city(msgspec.json.encode(city))
        await store.put_devices(city_devices(city))
        start = time.time_ns() // 1000 - int(STORY_S * 1e6) - 60_000_000
        rows = await seed(store, city, traffic(story, seed=run, start_us=start, duration_s=STORY_S))
        assert rows > 100

        stop = asyncio.Event()
        pipeline = asyncio.create_task(run_live(store, scenes.load(), stop))
        try:
            end = time.time_ns() // 1000
            from_store = lines(
                [
                    d
                    async for d in backtest.backtest_store(
                        city, store, start, end, scenes.load(), {}, backtest.Progress(None)
                    )
                ]
            )
            if story != "quiet":
                assert from_store
            deadline = time.monotonic() + 60
            while len(await live(store, end)) < len(from_store):
                assert time.monotonic() < deadline, "the live log stays shorter than the backtest's"
                await asyncio.sleep(0.05)
            assert lines(await live(store, end)) == from_store
        finally:
            stop.set()
            await pipeline

        file = tmp_path / "traffic.jsonl.gz"
        assert await export_traffic(store, file, start, end) == rows
        from_file = lines(backtest.backtest_file(city, file, scenes.load(), {}, backtest.Progress(None)))
        assert from_file == from_store
    finally:
        await store.close()
