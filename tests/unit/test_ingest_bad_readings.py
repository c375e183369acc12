"""Every bad reading of the corpus is refused with its reason, its good neighbours are kept, and the ledger adds up."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from brain.store import MemoryStore
from brain.store.base import Counts, ObservationQuery
from ingest.decode import Decoder
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin
from tests.contract.bad_readings.corpus import CATEGORIES, Bad, bad_readings, lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.store.base import Quarantined

NOW = 1_782_885_600_000_000
CORPUS = bad_readings(NOW)
GOOD = Envelope("city/hydrant/GOOD", b'{"pressure_mpa": 0.5, "id": "good"}', NOW)


def test_the_corpus_is_large():
    sizes = Counter(b.category for b in CORPUS)
    assert set(sizes) == set(CATEGORIES)
    assert min(sizes.values()) >= 25
    assert min(len(lines_of("mqtt_client")), len(lines_of("mqtt_broker"))) >= 25
    assert len(sizes) + 1 == 16
    assert len({b.name for b in CORPUS}) == len(CORPUS) >= 400
    assert len({m.topic for b in CORPUS for m in b.messages}) == len(CORPUS)  # what comes back is known by its topic
    assert {r for b in CORPUS for r in b.refused} == {
        *("not_json", "wrong_type", "missing", "out_of_range", "not_in_list", "bad_time", "time_out_of_window"),
        *("bad_text", "too_large", "too_deep", "bad_topic", "unknown_sensor_type"),
    }


def test_most_of_every_kind_is_bad():
    for category in CATEGORIES:
        bad = [b for b in CORPUS if b.category == category]
        assert sum(bool(b.refused or b.duplicate) for b in bad) >= 13, category


class World:
    """Decoder and store as ingest has them, without broker and clock."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.refused: list[Quarantined] = []
        self.ignored = 0

    async def begin(self) -> World:
        for sensor_type in load_builtin():
            await self.store.put_sensor_type(sensor_type)
        head = await self.store.claim_head()
        self.epoch, self.position = head.epoch, head.position
        self.decoder = Decoder(await self.store.load_registry())
        return self

    async def flush(self, envelopes: Sequence[Envelope]) -> None:
        decoded = self.decoder.decode(envelopes)
        for device in await self.store.admit(decoded.unknown):
            self.decoder.registry.put(device)
        outcome = decoded.finish(self.decoder.registry, self.position + 1)
        self.position = outcome.position
        self.refused += outcome.quarantined
        self.ignored += outcome.ignored
        await self.store.write(outcome.flush(self.epoch, envelopes[-1].received_at))

    async def rows(self) -> list[dict[str, Any]]:
        return (await self.store.observations(ObservationQuery(limit=10_000))).items


@pytest.mark.parametrize("flushes", ["one flush", "a flush each"])
@pytest.mark.parametrize("bad", CORPUS, ids=lambda b: b.name)
async def test_what_becomes_of_a_bad_reading(bad: Bad, flushes: str):
    world = await World().begin()
    messages = [Envelope(m.topic, m.payload, NOW + i, m.dup, m.retain) for i, m in enumerate(bad.messages)]
    after = GOOD._replace(payload=b'{"pressure_mpa": 0.6, "id": "2"}', received_at=NOW + len(messages))
    messages = [GOOD, *messages, after]
    for some in [messages] if flushes == "one flush" else [[m] for m in messages]:
        await world.flush(some)
    await check(bad, world)


async def check(bad: Bad, world: World) -> None:
    assert [q.reason for q in world.refused] == list(bad.refused)
    ledger, _ = await world.store.ledger()
    want = {bad.ledger: Counts(bad.received, bad.stored, bad.duplicate, len(bad.refused))} if bad.received else {}
    neighbours = want.setdefault("hydrant", Counts())
    neighbours.received += 2
    neighbours.stored += 2
    assert ledger == want
    assert world.ignored == bad.ignored
    rows = await world.rows()
    assert {r["id"] for r in rows if r["device"] == "GOOD"} == {"good", "2"}
    own = [r for r in rows if r["device"] != "GOOD"]
    assert len(own) == bad.stored
    for name, value in bad.row.items():
        assert all(r[name] == value for r in own), name
    payloads = {m.payload for m in bad.messages}
    for q in world.refused:
        assert q.ledger_key == bad.ledger
        assert q.size in {len(p) for p in payloads}
        assert NOW <= q.received_at < NOW + len(bad.messages)
        assert ": " in q.detail
        assert q.detail.isprintable()
        assert len(q.detail) < 400
    if world.refused:
        first = world.refused[0]
        assert bad.detail in first.detail
        assert first.payload in {p if len(p) <= 262_144 else p[:10_240] for p in payloads}


def test_what_grows_when_it_is_unpacked_is_never_unpacked():
    bombs = [b.messages[0] for b in CORPUS if b.category == "bombs"]
    decoder = Decoder(World().store._registry)
    for sensor_type in load_builtin():
        decoder.registry.put_sensor_type(sensor_type)
    tracemalloc.start()
    try:
        for topic, payload, *_ in bombs:
            decoder.decode([Envelope(topic, payload, NOW)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sum(len(m.payload) for m in bombs) < 1_000_000
    assert peak < 5_000_000
