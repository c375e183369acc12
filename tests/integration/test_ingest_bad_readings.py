"""The whole corpus of bad readings through a real broker into a real data base: refused, kept, counted; nobody hurt."""

from __future__ import annotations

import asyncio
import base64
from collections import Counter
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import psutil

from brain.store import open_store
from brain.store.base import ObservationQuery, QuarantineQuery
from ingest.mqtt import BrokerAddress
from ingest.sensor_types import load_builtin
from ingest.service import run_ingest, wall_clock
from tests.contract.bad_readings.corpus import Bad, bad_readings

if TYPE_CHECKING:
    from pathlib import Path

    from brain.store.base import Store


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
    corpus = bad_readings(wall_clock())
    # A broker may close the connection over a topic that is odd by its own rules; those come over HTTP.
    by_http = [b for b in corpus if b.name.startswith("topics: ")]
    by_mqtt = [b for b in corpus if b not in by_http]
    store = await open_store(dsn)
    stop = asyncio.Event()
    await store.migrate()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    ingest = asyncio.create_task(run_ingest(store, broker, tmp_path, stop))
    try:
        async with asyncio.timeout(30):
            while not await store.read_log(0, 1):
                await asyncio.sleep(0.02)
        memory = psutil.Process().memory_info().rss
        messages: list[tuple[str, bytes]] = []
        for i, bad in enumerate(by_mqtt):
            messages.append((bad.topic, bad.payload))
            messages.append((f"city/hydrant/GOOD-{i % 5}", b'{"pressure_mpa": 0.2, "id": "%d"}' % i))
        await asyncio.to_thread(send, broker, messages)
        for bad in by_http:
            await store.inbox_put(bad.topic, bad.payload)
        wanted = sum(len(b.refused) + b.stored for b in corpus) + len(by_mqtt)
        async with asyncio.timeout(60):
            while await received(store) < wanted:
                await asyncio.sleep(0.02)
        assert not ingest.done()
        assert psutil.Process().memory_info().rss - memory < 150_000_000
        await check(store, corpus, len(by_mqtt))
    finally:
        stop.set()
        await asyncio.wait_for(ingest, 20)
        await store.close()


async def check(store: Store, corpus: list[Bad], good: int) -> None:
    items = await refused(store)
    got = Counter((i["topic"], i["reason"], i["size"]) for i in items)
    assert got == Counter((b.topic, r, len(b.payload)) for b in corpus for r in b.refused)
    kept = {(i["topic"], base64.b64decode(i["payload_base64"])) for i in items}
    for bad in corpus:
        whole = bad.payload if len(bad.payload) <= 262_144 else bad.payload[:10_240]
        assert (bad.topic, whole) in kept, bad.name
    assert all(": " in i["detail"] for i in items)
    by_key, _ = await store.ledger()
    for key, c in by_key.items():
        assert c.received == c.stored + c.duplicate + c.quarantined, key
        assert c.quarantined == sum(len(b.refused) for b in corpus if b.ledger == key), key
        assert c.duplicate == 0, key
        neighbours = sum(b.stored for b in corpus if b.ledger == key)
        assert c.stored == neighbours + (good if key == "hydrant" else 0), key
    rows = (await store.observations(ObservationQuery(sensor_types=["hydrant"], limit=10_000))).items
    assert {r["id"] for r in rows if r["device"].startswith("GOOD-")} == {str(i) for i in range(good)}
