"""The whole corpus of bad readings through a real broker into a real data base: refused, kept, counted; nobody hurt."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import psutil

from brain.store import open_store
from brain.store.base import ObservationQuery, QuarantineQuery
from ingest.mqtt import AckingSource, BrokerAddress, client_id
from ingest.sensor_types import load_builtin
from ingest.service import run_ingest, wall_clock
from tests.contract.bad_readings.corpus import Bad, bad_readings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from brain.store.base import Store

#: Bytes that the process may grow by, for each byte sent: it is both the sender and the ingest, and allocators keep
#: what was free in between. A payload that is unpacked without a bound costs a thousand times its size.
MOST_GROWTH = 20


def send(url: str, messages: list[tuple[str, bytes]]) -> None:
    address = BrokerAddress.parse(url)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.max_inflight_messages_set(100)
    client.connect(address.host, address.port)
    client.loop_start()
    sent = [client.publish(topic, payload, qos=1) for topic, payload in messages]
    for one in sent:
        one.wait_for_publish(30)
    client.disconnect()
    client.loop_stop()


async def received(store: Store) -> int:
    by_key, _ = await store.ledger()
    return sum(c.received for c in by_key.values())


async def refused(store: Store) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await store.quarantine(QuarantineQuery(limit=100, cursor=cursor))
        items += page.items
        cursor = page.cursor
        if cursor is None:
            return items


async def test_every_bad_reading_is_refused_and_its_neighbours_are_stored(dsn: str, broker: str, tmp_path: Path):
    corpus = [b for b in bad_readings(wall_clock()) if b.way != "decoder"]
    # A broker may close the connection over a topic that is odd by its own rules; those come over HTTP.
    by_mqtt = [b for b in corpus if b.way == "mqtt"]
    messages: list[tuple[str, bytes]] = []
    for i, bad in enumerate(by_mqtt):
        messages += [(m.topic, m.payload) for m in bad.messages]
        messages.append((f"city/hydrant/GOOD-{i % 5}", b'{"pressure_mpa": 0.2, "id": "%d"}' % i))
    by_http = [(m.topic, m.payload) for b in corpus if b.way == "http" for m in b.messages]
    store = await open_store(dsn)
    stop = asyncio.Event()
    async with subscribed(broker, tmp_path):
        pass
    await store.migrate()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    ingest = asyncio.create_task(run_ingest(store, broker, tmp_path, stop))
    try:
        async with asyncio.timeout(30):
            while not await store.read_log(0, 1):
                await asyncio.sleep(0.02)
        memory = psutil.Process().memory_info().rss
        await asyncio.to_thread(send, broker, messages)
        for topic, payload in by_http:
            await store.inbox_put(topic, payload)
        wanted = sum(b.received for b in corpus) + len(by_mqtt)
        async with asyncio.timeout(90):
            while await received(store) < wanted:
                await asyncio.sleep(0.02)
        assert not ingest.done()
        assert psutil.Process().memory_info().rss - memory < MOST_GROWTH * sum(len(p) for _, p in messages + by_http)
        await check(store, corpus, len(by_mqtt))
    finally:
        stop.set()
        await asyncio.wait_for(ingest, 20)
        await store.close()
    await nothing_is_left(broker, tmp_path)


@contextlib.asynccontextmanager
async def subscribed(url: str, folder: Path) -> AsyncIterator[AckingSource]:
    """The session that ingest has at the broker, which keeps messages while no ingest runs."""
    async with AckingSource(url, client_id(folder)) as source:
        async with asyncio.timeout(20):
            while not source.connected:
                await asyncio.sleep(0.01)
        yield source


async def nothing_is_left(url: str, folder: Path) -> None:
    """Every message was acknowledged: the broker has none left for this session but what is sent now."""
    async with subscribed(url, folder) as source:
        await asyncio.to_thread(send, url, [("city/hydrant/LAST", b"last")])
        async with asyncio.timeout(20):
            got = await source.next_batch(10, 20)
        assert got.arrivals.payloads == [b"last"]


async def check(store: Store, corpus: list[Bad], good: int) -> None:
    items = await refused(store)
    by_topic: dict[str, list[dict[str, Any]]] = {}
    for item in reversed(items):  # they come newest first
        by_topic.setdefault(item["topic"], []).append(item)
    assert sum(len(b.refused) for b in corpus) == len(items)
    for bad in corpus:
        got = [i for m in dict.fromkeys(m.topic for m in bad.messages) for i in by_topic.get(m, [])]
        assert Counter(i["reason"] for i in got) == Counter(bad.refused), bad.name
        payloads = {m.payload if len(m.payload) <= 262_144 else m.payload[:10_240] for m in bad.messages}
        if got:
            assert base64.b64decode(got[0]["payload_base64"]) in payloads, bad.name
            assert any(bad.detail in i["detail"] for i in got), bad.name
        assert {i["size"] for i in got} <= {len(m.payload) for m in bad.messages}, bad.name
    assert all(": " in i["detail"] for i in items)
    by_key, _ = await store.ledger()
    for key, c in by_key.items():
        mine = [b for b in corpus if b.ledger == key]
        assert c.received == c.stored + c.duplicate + c.quarantined, key
        assert c.quarantined == sum(len(b.refused) for b in mine), key
        assert c.duplicate == sum(b.duplicate for b in mine), key
        assert c.stored == sum(b.stored for b in mine) + (good if key == "hydrant" else 0), key
    rows = (await store.observations(ObservationQuery(sensor_types=["hydrant"], limit=10_000))).items
    assert {r["id"] for r in rows if r["device"].startswith("GOOD-")} == {str(i) for i in range(good)}
