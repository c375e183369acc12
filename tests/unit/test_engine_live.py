"""Scenes live, on the store in memory: the log of the backtest, over crashes, outages, fencing and changes."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from brain.backtest import backtest_store, city_registry
from brain.city import parse_city
from brain.errors import FencedError, StoreError
from brain.pipeline.engine import Engine
from brain.pipeline.live import Runner, run_live
from brain.store.base import Flush, IncidentQuery
from brain.store.memory import MemoryStore
from brain.times import iso
from ingest.seed import seed
from ingest.sensor_types import load_builtin
from scenes.safety_production.scene import SafetyProduction
from tests.unit.engine_world import SECOND, T0

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from brain.city import City
    from brain.registry import Registry
    from brain.store.base import Checkpoint, Lease, LogEntry

CITY = parse_city("devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1}]")
VALUES = [1, 1, 5, 12, 19, 26, 33, 40, 41, 41, 5, *[1.0] * 34, 12, 20, 29, 35, 41, 44]


class Planned(msgspec.Struct):
    at_us: int
    topic: str
    payload: bytes


def messages(values: list[float] = VALUES, device: str = "G1", start: int = T0) -> list[Planned]:
    out = []
    for k, v in enumerate(values):
        time = start + 10 * SECOND * k
        payload = json.dumps({"time": iso(time), "lel_pct": v, "lon": 120.4, "lat": 36.1}).encode()
        out.append(Planned(time + 120_000, f"city/gas-detector/{device}", payload))
    return out


async def store_with(city: City = CITY) -> MemoryStore:
    store = MemoryStore()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    await store.put_city(msgspec.json.encode(city))
    await store.put_devices(city_registry((), city).devices())
    return store


def engine_of(city: City, registry: Registry) -> Engine:
    return Engine([SafetyProduction()], city, registry)


async def steps_of(store: MemoryStore) -> list[dict[str, Any]]:
    page = await store.incidents(IncidentQuery(limit=100))
    out = [s for i in page.items for s in await store.incident_log(i["incident"])]
    return sorted(out, key=lambda s: (s["at"], s["incident"], s["seq"]))


async def expected(store: MemoryStore) -> list[dict[str, Any]]:
    got = [x async for x in backtest_store(CITY, store, 0, 2**60, [SafetyProduction()])]
    return sorted(got, key=lambda s: (s["at"], s["incident"], s["seq"]))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await condition():
            await asyncio.sleep(0.005)


async def run_until_read(runner: Runner, store: MemoryStore) -> None:
    stop = asyncio.Event()
    task = asyncio.create_task(runner.run(stop))

    async def read() -> bool:
        return task.done() or runner.entry >= (await store.log_end())[0]

    await until(read)
    stop.set()
    await task


async def test_the_live_log_is_that_of_the_backtest() -> None:
    store = await store_with()
    await seed(store, CITY, messages())
    await run_until_read(Runner(store, engine_of), store)
    log = await steps_of(store)
    assert [s["op"] for s in log] == ["raise", "update", "clear", "reopen", "update"]
    assert log == await expected(store)


async def test_it_wakes_up_for_what_comes_later_and_for_new_devices() -> None:
    store = await store_with()
    runner = Runner(store, engine_of)
    stop = asyncio.Event()
    task = asyncio.create_task(runner.run(stop))
    await seed(store, CITY, messages(VALUES[:9], "NEW"))

    async def said() -> bool:
        return len(await steps_of(store)) == 2

    await until(said)
    stop.set()
    await task
    assert (await steps_of(store))[0]["evidence"][0]["device"] == "NEW"


class Crash(BaseException):
    """kill -9, as far as one process can play it."""


async def test_a_crash_at_any_commit_raises_nothing_twice_and_loses_nothing() -> None:
    class Dying(MemoryStore):
        left = 10**9
        after = False

        async def commit_steps(self, *args: Any) -> None:
            await self.maybe(super().commit_steps(*args))

        async def keep_checkpoint(self, *args: Any) -> None:
            await self.maybe(super().keep_checkpoint(*args))

        async def maybe(self, work: Coroutine[Any, Any, None]) -> None:
            self.left -= 1
            if self.left == 0 and not self.after:
                work.close()
                raise Crash
            await work
            if self.left == 0:
                raise Crash

    for crash_at in range(1, 12):
        for after in (False, True):
            store = Dying()
            for sensor_type in load_builtin():
                await store.put_sensor_type(sensor_type)
            await store.put_devices(city_registry((), CITY).devices())
            await seed(store, CITY, messages())
            store.left, store.after = crash_at, after
            runner = Runner(store, engine_of)
            runner_reads = 3  # so that commits come between
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("brain.pipeline.live.AT_ONCE", runner_reads)
                patch.setattr("brain.pipeline.live.CHECKPOINT_S", 0.0)
                patch.setattr("brain.pipeline.live.CHECKPOINT_SHARE", 1.0)
                try:
                    await run_until_read(runner, store)
                except Crash:
                    store.left = 10**9
                    await run_until_read(Runner(store, engine_of), store)
            assert await steps_of(store) == await expected(store), (crash_at, after)


async def test_the_end_keeps_a_checkpoint_also_where_the_one_before_could_not_be_stored() -> None:
    class Stumbling(MemoryStore):
        refused: list[int]

        async def keep_checkpoint(self, name: str, lease: Lease, checkpoint: Checkpoint) -> None:
            if not self.refused:
                self.refused.append(checkpoint.entry)
                stop.set()  # before anybody sees that it failed
                raise StoreError("the data base is out of reach; try again")
            await super().keep_checkpoint(name, lease, checkpoint)

    store, stop = Stumbling(), asyncio.Event()
    store.refused = []
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    await store.put_devices(city_registry((), CITY).devices())
    await seed(store, CITY, messages())
    await asyncio.wait_for(Runner(store, engine_of).run(stop), 10)
    kept = await store.load_checkpoint("city")
    assert kept is not None
    assert [kept.entry] == store.refused
    assert kept.entry == (await store.log_end())[0]


async def test_an_outage_of_the_data_base_is_waited_out() -> None:
    class Flaky(MemoryStore):
        calls = 0

        def stumble(self) -> None:
            self.calls += 1
            if self.calls % 3:
                raise StoreError("the data base is out of reach; try again")

        async def read_log(self, after: int, limit: int = 200) -> list[LogEntry]:
            self.stumble()
            return await super().read_log(after, limit)

        async def commit_steps(self, name: str, lease: Lease, entry: int, steps: Any) -> None:
            await super().commit_steps(name, lease, entry, steps)
            self.stumble()  # the answer is lost, the commit is not

        async def keep_checkpoint(self, name: str, lease: Lease, checkpoint: Checkpoint) -> None:
            await super().keep_checkpoint(name, lease, checkpoint)
            self.stumble()

    store = Flaky()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    await store.put_devices(city_registry((), CITY).devices())
    await seed(store, CITY, messages())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("brain.pipeline.live.RETRY_S", (0.001, 0.002))
        await run_until_read(Runner(store, engine_of), store)
    assert await steps_of(store) == await expected(store)


async def test_whoever_comes_second_owns_the_scenes() -> None:
    store = await store_with()
    first, stop = Runner(store, engine_of), asyncio.Event()
    task = asyncio.create_task(first.run(stop))
    await until(lambda: _true(first.entry == 0 and first._lease is not None))
    await store.claim_lease("city")
    await seed(store, CITY, messages())
    with pytest.raises(FencedError):
        await asyncio.wait_for(task, 20)


async def _true(value: bool) -> bool:
    return value


async def test_ticks_move_the_clock_of_waiting_rules() -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES[:12]))  # ended at 100 s
    head = await store.claim_head()
    at = T0 + 400 * SECOND
    await store.write(Flush(epoch=head.epoch, position=head.position, received_at=at))
    await run_until_read(Runner(store, engine_of), store)
    assert [s["op"] for s in await steps_of(store)] == ["raise", "update", "clear"]


async def test_a_new_city_model_is_taken_up_with_the_incidents_that_are_open() -> None:
    store = await store_with()
    runner, stop = Runner(store, engine_of), asyncio.Event()
    task = asyncio.create_task(runner.run(stop))
    await seed(store, CITY, messages(VALUES[:9]))

    async def said() -> bool:
        return len(await steps_of(store)) == 2

    await until(said)
    document = msgspec.to_builtins(CITY) | {"scenes": [{"name": "safety_production", "parameters": {"l2_pct": 30}}]}
    await store.put_city(msgspec.json.encode(document))
    await seed(store, CITY, messages([41, 42, 43], start=T0 + 90 * SECOND))

    async def rose() -> bool:
        return (await steps_of(store))[-1]["level"] == "orange"

    await until(rose)
    stop.set()
    await task
    log = await steps_of(store)
    assert len({s["incident"] for s in log}) == 1
    assert log[-1]["rule"]["overlay"] == "city"


async def test_a_city_model_that_cannot_be_used_leaves_the_former_one_in_force() -> None:
    store = await store_with()
    stop = asyncio.Event()
    task = asyncio.create_task(run_live(store, [SafetyProduction()], stop))
    await seed(store, CITY, messages(VALUES[:3]))
    await until(lambda: _true("city" in store._checkpoints))
    document = msgspec.to_builtins(CITY) | {"scenes": [{"name": "safety_production", "parameters": {"l3_pct": 30}}]}
    await store.put_city(msgspec.json.encode(document))
    await seed(store, CITY, messages(VALUES[3:9], start=T0 + 30 * SECOND))

    async def said() -> bool:
        return len(await steps_of(store)) == 2

    await until(said)
    stop.set()
    await task
