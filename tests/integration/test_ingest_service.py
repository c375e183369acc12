"""Ingest as a loop: what it writes, when it acknowledges, what it does when data base or broker go away."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest

from brain.errors import FencedError, StoreError
from brain.model import Device
from brain.store import MemoryStore
from brain.store.base import Flush, ObservationQuery, QuarantineQuery
from brain.times import iso
from ingest import service
from ingest.decode import Decoder
from ingest.mqtt import AckingSource, BrokerAddress, client_id
from ingest.sensor_types import load_builtin
from ingest.service import run_ingest, wall_clock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from brain.store.base import Store, Written


class Troubled(MemoryStore):
    """A store that fails as told."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False
        self.fenced = False
        self.loses_answers = 0
        self.flushes: list[Flush] = []
        self.tries = 0
        self.refuses: bytes | None = None
        self.most_rows = 10**9

    async def write(self, flush: Flush) -> Written:
        self.tries += 1
        if self.down:
            raise StoreError("the data base is out of reach")
        if self.fenced:
            raise FencedError("another ingest writes")
        rows = [str(v) for b in flush.batches for v in b.columns["id"]]
        if self.refuses is not None and "poison" in rows:
            error = StoreError("a value was refused")
            error.poison = True
            raise error
        if sum(len(b) for b in flush.batches) > self.most_rows:
            error = StoreError("out of shared memory")
            error.too_much = True
            raise error
        written = await super().write(flush)
        self.flushes.append(flush)
        if self.loses_answers:
            self.loses_answers -= 1
            raise StoreError("the answer got lost")
        return written


async def until(ask: Callable[[], Any], what: str) -> None:
    async with asyncio.timeout(30):
        while not ask():
            await asyncio.sleep(0.01)
    assert ask(), what


async def prepared(store: Any) -> Any:
    await store.migrate()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    return store


@asynccontextmanager
async def running(store: Store, url: str, folder: Path) -> AsyncIterator[asyncio.Task[None]]:
    """Ingest, stopped at the end."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_ingest(store, url, folder, stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait_for(task, 20)


def send(url: str, messages: Iterable[tuple[str, Any]]) -> None:
    """Publish at QoS 1 and wait until the broker has all."""
    address = BrokerAddress.parse(url)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(500)
    client.connect(address.host, address.port)
    client.loop_start()
    sent = [client.publish(t, p if isinstance(p, bytes) else json.dumps(p), qos=1) for t, p in messages]
    for one in sent:
        one.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


async def publish(url: str, *messages: tuple[str, Any]) -> None:
    await asyncio.to_thread(send, url, messages)


async def counts(store: Store) -> tuple[int, int, int, int]:
    by_type, _ = await store.ledger()
    total = [sum(getattr(c, k) for c in by_type.values()) for k in ("received", "stored", "duplicate", "quarantined")]
    assert total[0] == sum(total[1:])
    return (total[0], total[1], total[2], total[3])


async def counted(store: Store, received: int) -> tuple[int, int, int, int]:
    async with asyncio.timeout(30):
        while (got := await counts(store))[0] < received:
            await asyncio.sleep(0.01)
    return got


def hydrant(i: int, **more: Any) -> tuple[str, Any]:
    return f"city/hydrant/H{i}", {"time": iso(wall_clock() - 1_000_000 + i), "pressure_mpa": 0.2, **more}


async def subscribed(url: str, folder: Path) -> None:
    """Make the session at the broker, so that it keeps messages while no ingest runs."""
    async with AckingSource(url, client_id(folder)) as source:
        await until(lambda: source.connected, "the subscription")


class Slow(Troubled):
    """A store that is at its first flush with readings until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.go = asyncio.Event()

    async def write(self, flush: Flush) -> Written:
        if flush.batches:
            await self.go.wait()
        return await super().write(flush)


async def test_a_large_flush_is_decoded_aside_while_the_one_before_is_written(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    store = await prepared(Slow())
    await subscribed(broker, tmp_path)
    aside: list[tuple[int, bool]] = []
    decode = Decoder.decode

    def watched(self: Decoder, envelopes: Any) -> Any:
        if len(envelopes):
            aside.append((len(envelopes), threading.current_thread() is not threading.main_thread()))
        return decode(self, envelopes)

    monkeypatch.setattr(Decoder, "decode", watched)
    monkeypatch.setattr(service, "_LARGE", service.Batcher().enough)
    now, filler = wall_clock() - 1_000_000, "x" * 8000
    async with running(store, broker, tmp_path):
        await publish(broker, hydrant(0))
        await until(lambda: aside, "the first flush")
        packs = [
            [{"time": iso(now + 10 * k + j), "pressure_mpa": 0.2, "note": filler} for j in range(2)] for k in range(200)
        ]
        await publish(broker, *((f"city/hydrant/H{k % 7}", pack) for k, pack in enumerate(packs)))
        await until(lambda: len(aside) > 1, "the large flush")
        store.go.set()
        assert await counted(store, 401) == (401, 401, 0, 0)
    assert aside[0] == (1, False)
    assert any(is_aside for _, is_aside in aside[1:])


async def test_messages_of_the_broker_become_rows(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    await subscribed(broker, tmp_path)
    before = wall_clock()
    async with running(store, broker, tmp_path):
        await publish(broker, *(hydrant(i % 7, id=str(i)) for i in range(500)), ("city/hydrant/H1", b"?"))
        assert await counted(store, 501) == (501, 500, 0, 1)
        page = await store.observations(ObservationQuery(sensor_types=["hydrant"], limit=1000))
    assert {r["id"] for r in page.items} == {str(i) for i in range(500)}
    received = [f.received_at for f in store.flushes]
    assert received == sorted(set(received))
    assert before < received[0] <= received[-1] <= wall_clock() + 1000
    for flush in store.flushes:
        for batch in flush.batches:
            assert batch.received_at.astype(int).max() <= flush.received_at
    positions = [int(p) for f in store.flushes for b in f.batches for p in b.position]
    assert sorted(positions) == list(range(1, 501))
    assert len(await store.read_log(0, 10_000)) == len(store.flushes)


async def test_a_second_without_traffic_is_a_tick(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    async with running(store, broker, tmp_path):
        await until(lambda: len(store.flushes) >= 4, "four ticks")
    ticks = [f.received_at for f in store.flushes]
    assert all(not f.batches for f in store.flushes)
    assert [t // 1_000_000 for t in ticks] == list(range(ticks[0] // 1_000_000, ticks[0] // 1_000_000 + len(ticks)))
    assert all(t % 1_000_000 < 200_000 for t in ticks)


async def test_the_same_message_twice_is_one_row(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    async with running(store, broker, tmp_path):
        await until(lambda: store.flushes, "the first tick")
        message, timeless = hydrant(1), ("city/hydrant/H2", {"pressure_mpa": 0.3, "id": "a"})
        await publish(broker, message, message, timeless, timeless, ("city/hydrant/H3", {"pressure_mpa": 0.3}))
        await publish(broker, message, timeless, ("city/hydrant/H3", {"pressure_mpa": 0.3}))
        assert await counted(store, 8) == (8, 4, 4, 0)


async def test_messages_of_the_inbox_are_answered_with_their_rows(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    async with running(store, broker, tmp_path):
        good = await store.inbox_put("city/hydrant/H1", b'[{"pressure_mpa": 0.2}, {"pressure_mpa": 99}]')
        async with asyncio.timeout(10):
            while (answer := await store.inbox_answer(good)) is None:
                await asyncio.sleep(0.005)
        assert [(r["device"], r["pressure_mpa"]) for r in answer["rows"]] == [("H1", 0.2)]
        assert answer["refused"][0]["reason"] == "out_of_range"
        many = [await store.inbox_put(*_text(hydrant(i))) for i in range(120)]
        async with asyncio.timeout(10):
            while any([await store.inbox_answer(i) is None for i in many]):
                await asyncio.sleep(0.005)
        assert (await counts(store))[1] == 121


def _text(message: tuple[str, Any]) -> tuple[str, bytes]:
    return message[0], json.dumps(message[1]).encode()


async def test_a_new_device_is_admitted_and_a_registered_one_gives_its_place(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    await store.put_city(
        b"zones: [{id: Z1, kind: crowd, polygon: [[120, 36], [120.2, 36], [120.2, 36.2], [120, 36.2]]}]"
    )
    await store.put_devices([Device(device_id=0, sensor_type="hydrant", name="H1", lon=120.5, lat=36.5)])
    async with running(store, broker, tmp_path):
        await until(lambda: store.flushes, "the first tick")
        await publish(broker, hydrant(1), ("city/video-event/C1", {"event": "crowd_count", "count": 3, "zone": "Z1"}))
        await counted(store, 2)
        rows = (await store.observations(ObservationQuery(sensor_types=["hydrant", "video-event"]))).items
    places = {r["device"]: (r["lon"], r["lat"]) for r in rows}
    assert places["H1"] == (120.5, 36.5)
    assert places["C1"] == pytest.approx((120.1, 36.1))


async def test_a_sensor_type_registered_meanwhile_is_known_at_once(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    async with running(store, broker, tmp_path):
        await until(lambda: store.flushes, "the first tick")
        await publish(broker, ("city/well/W1", {"pressure_mpa": 1}))
        assert await counted(store, 1) == (1, 0, 0, 1)
        closed = replace(next(t for t in load_builtin() if t.id == "hydrant"), id="well", admission="closed")
        await store.put_sensor_type(closed)
        await publish(broker, ("city/well/W1", {"pressure_mpa": 1}))
        await counted(store, 2)
        await store.put_devices([Device(device_id=0, sensor_type="well", name="W1")])
        await publish(broker, ("city/well/W1", {"pressure_mpa": 1}))
        assert await counted(store, 3) == (3, 1, 0, 2)
        refused = (await store.quarantine(QuarantineQuery())).items
    assert [r["reason"] for r in refused] == ["unknown_device", "unknown_sensor_type"]


async def test_nothing_is_acknowledged_while_the_data_base_is_away(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    async with running(store, broker, tmp_path):
        await until(lambda: store.flushes, "the first tick")
        store.down = True
        await publish(broker, *(hydrant(i) for i in range(300)))
        tried = store.tries
        await until(lambda: store.tries > tried + 3, "some tries")
        assert (await counts(store))[0] == 0
        store.down = False
        assert await counted(store, 300) == (300, 300, 0, 0)
    async with AckingSource(broker, client_id(tmp_path)) as source:
        await until(lambda: source.connected, "the subscription")
        assert not await source.next_batch(10, 0.3)  # all were acknowledged


async def test_messages_come_again_after_ingest_died_before_the_commit(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    await subscribed(broker, tmp_path)
    store.down = True
    task = asyncio.create_task(run_ingest(store, broker, tmp_path, asyncio.Event()))
    await publish(broker, *(hydrant(i) for i in range(50)), ("city/hydrant/H1", {"pressure_mpa": 0.1}))
    await until(lambda: store.tries > 2, "some tries")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (await counts(store))[0] == 0
    store.down = False
    async with running(store, broker, tmp_path):
        assert await counted(store, 51) == (51, 51, 0, 0)


async def test_a_lost_answer_of_the_data_base_counts_nothing_twice(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    async with running(store, broker, tmp_path):
        await until(lambda: store.flushes, "the first tick")
        store.loses_answers = 2
        await publish(broker, *(hydrant(i) for i in range(30)), ("city/hydrant/H1", b"?"))
        await counted(store, 31)
        await until(lambda: store.loses_answers == 0, "two lost answers")
        await publish(broker, hydrant(99))
        assert await counted(store, 32) == (32, 31, 0, 1)


async def test_a_flush_that_is_too_much_for_the_data_base_goes_in_smaller_parts(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    await subscribed(broker, tmp_path)
    store.most_rows = 7
    await publish(broker, *(hydrant(i, id=str(i)) for i in range(64)))
    async with running(store, broker, tmp_path):
        assert await counted(store, 64) == (64, 64, 0, 0)
    assert max(sum(len(b) for b in f.batches) for f in store.flushes) <= 7


async def test_a_message_that_the_data_base_refuses_goes_alone_to_quarantine(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    await subscribed(broker, tmp_path)
    store.refuses = b"poison"
    await publish(broker, *(hydrant(i, id="poison" if i in (17, 40) else str(i)) for i in range(64)))
    async with running(store, broker, tmp_path):
        assert await counted(store, 64) == (64, 62, 0, 2)
        refused = (await store.quarantine(QuarantineQuery())).items
    assert sorted((r["device"], r["reason"]) for r in refused) == [
        ("H17", "refused_by_store"),
        ("H40", "refused_by_store"),
    ]


async def test_a_second_ingest_fences_the_first(broker: str, tmp_path: Path):
    store = await prepared(MemoryStore())
    stop = asyncio.Event()
    first = asyncio.create_task(run_ingest(store, broker, tmp_path / "a", stop))
    async with asyncio.timeout(10):
        while not await store.read_log(0, 1):
            await asyncio.sleep(0.01)
    async with running(store, broker, tmp_path / "b"):
        with pytest.raises(FencedError):
            await asyncio.wait_for(first, 10)


async def test_stopping_writes_what_was_taken_and_keeps_the_session(broker: str, tmp_path: Path):
    store = await prepared(Troubled())
    await subscribed(broker, tmp_path)
    await publish(broker, *(hydrant(i) for i in range(400)))
    async with running(store, broker, tmp_path):
        await until(lambda: store.flushes, "the first flush")
    stored = (await counts(store))[1]
    await publish(broker, *(hydrant(i) for i in range(400, 420)))
    async with running(store, broker, tmp_path):
        got = await counted(store, 420)
    assert got == (420, 420, 0, 0)
    assert stored > 0


async def test_stopping_does_not_wait_for_ever_for_the_data_base(
    broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("ingest.service._PATIENCE_S", 0.2)
    store = await prepared(Troubled())
    store.down = True
    stop = asyncio.Event()
    task = asyncio.create_task(run_ingest(store, broker, tmp_path, stop))
    await until(lambda: store.tries, "a try")
    stop.set()
    with pytest.raises(StoreError):
        await asyncio.wait_for(task, 10)


async def test_history_goes_in_with_its_times_of_receipt(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("ingest.seed._MOST", 30)
    from ingest.seed import seed

    class Planned:
        def __init__(self, at_us: int, topic: str, payload: bytes) -> None:
            self.at_us, self.topic, self.payload = at_us, topic, payload

    from brain.city import City

    store = await prepared(MemoryStore())
    start = 1_782_885_600_000_000
    plan = [Planned(start + i * 500_000, f"city/hydrant/H{i % 3}", b'{"pressure_mpa": 0.2}') for i in range(100)]
    plan.append(Planned(start + 49_500_000, "city/hydrant/H0", b'{"pressure_mpa": 0.3}'))
    assert await seed(store, City(), plan) == 101
    pieces = [p async for p in store.history(start, start + 60_000_000)]
    times = [int(t) for p in pieces for t in p.batches["hydrant"].received_at.astype(int)]
    assert times == [*(start + i * 500_000 for i in range(100)), start + 49_500_001]
    entries = await store.read_log(0, 100)
    assert [e.received_at for e in entries] == [times[29], times[59], times[89], times[100]]
