"""kill -9 of ingest, three times at random points: every acknowledged message is stored exactly once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from brain.store import open_store
from brain.store.base import ObservationQuery
from brain.times import iso
from ingest.mqtt import AckingSource, client_id
from ingest.sensor_types import load_builtin
from ingest.service import wall_clock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MESSAGES = 2000


class Ingest:
    """`python -m brain ingest`, a process that can be killed and started again."""

    def __init__(self, dsn: str, mqtt: str, folder: Path) -> None:
        self.command = [
            sys.executable,
            "-m",
            "brain",
            "ingest",
            "--dsn",
            dsn,
            "--mqtt",
            mqtt,
            "--data-dir",
            str(folder),
        ]
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        quiet = asyncio.subprocess.DEVNULL
        self.process = await asyncio.create_subprocess_exec(*self.command, stdout=quiet, stderr=quiet)

    async def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        assert await self.process.wait() == -signal.SIGKILL

    async def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), 30)


def messages(chance: random.Random) -> list[tuple[str, bytes]]:
    """Single readings and packs, every tenth without time but with an id, and one bad one in fifty."""
    start = wall_clock() - 3_600_000_000
    out = []
    for i in range(MESSAGES):
        body: Any = {"time": iso(start + i * 1_000_000), "pressure_mpa": round(chance.uniform(0, 9), 6), "id": str(i)}
        if i % 10 == 3:
            del body["time"]
        if i % 50 == 7:
            body["pressure_mpa"] = "low"
        if i % 20 == 11:
            body = [body, {**body, "id": f"{i}b"}]
        out.append((f"city/hydrant/K{i % 30}", msgspec.json.encode(body)))
    return out


async def test_acknowledged_messages_are_stored_once_over_kill_9_of_ingest(
    dsn: str, broker: str, tmp_path: Path, sender: Callable[..., Any]
) -> None:
    seed = int(os.environ.get("CLOUDBRAIN_SEED", random.SystemRandom().randrange(10**6)))
    print(f"CLOUDBRAIN_SEED={seed}")
    chance = random.Random(seed)
    traffic = messages(chance)
    kills = sorted(chance.sample(range(MESSAGES // 10, MESSAGES * 9 // 10), 3))
    store = await open_store(dsn)
    await store.migrate()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    async with AckingSource(broker, client_id(tmp_path)) as source:
        async with asyncio.timeout(20):
            while not source.connected:  # a broker drops what nobody has subscribed to
                await asyncio.sleep(0.01)
    ingest = Ingest(dsn, broker, tmp_path)
    await ingest.start()
    try:
        with sender(broker) as s:
            for i, (topic, body) in enumerate(traffic):
                await asyncio.to_thread(s.send, i, topic, body)
                if i in kills:
                    async with asyncio.timeout(30):  # it must be at work, or the kill would hit nothing
                        while await received(store) < i // 3:
                            await asyncio.sleep(chance.uniform(0, 0.02))
                    await ingest.kill()
                    await ingest.start()
            await asyncio.to_thread(s.flush, 60)
            assert s.acked == set(range(MESSAGES))
        readings = sum(2 if body[:1] == b"[" else 1 for _, body in traffic)
        async with asyncio.timeout(60):
            while await received(store) < readings:
                await asyncio.sleep(0.05)
        assert await ingest.stop() == 0
        await check(store, traffic)
    finally:
        if ingest.process is not None and ingest.process.returncode is None:
            await ingest.kill()
        await store.close()


async def received(store: Any) -> int:
    by_key, _ = await store.ledger()
    return sum(c.received for c in by_key.values())


async def check(store: Any, traffic: list[tuple[str, bytes]]) -> None:
    wanted: Counter[tuple[str, str, float]] = Counter()
    bad = 0
    for topic, body in traffic:
        document = msgspec.json.decode(body)
        for reading in document if isinstance(document, list) else [document]:
            if isinstance(reading["pressure_mpa"], str):
                bad += 1
            else:
                wanted[topic.rsplit("/", 1)[1], reading["id"], reading["pressure_mpa"]] += 1
    rows: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await store.observations(ObservationQuery(sensor_types=["hydrant"], limit=1000, cursor=cursor))
        rows += page.items
        cursor = page.cursor
        if cursor is None:
            break
    assert Counter((r["device"], r["id"], r["pressure_mpa"]) for r in rows) == wanted
    by_key, _ = await store.ledger()
    (ledger,) = by_key.values()
    assert ledger.received == ledger.stored + ledger.duplicate + ledger.quarantined
    assert (ledger.stored, ledger.quarantined) == (sum(wanted.values()), bad)
