"""What every store promises to those who look: observations, quarantine, history, statistics; and cleaning up."""

from __future__ import annotations

import asyncio
import base64
import itertools
import random
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from brain.errors import ConfigurationError, NotFoundError, StoreError
from brain.model import Field
from brain.store import MemoryStore, keep_house
from brain.store.base import (
    Activity,
    Answer,
    Checkpoint,
    Counts,
    Flush,
    IncidentQuery,
    ObservationQuery,
    Quarantined,
    QuarantineQuery,
)
from brain.store.rows import row_dicts
from brain.times import iso
from tests.contract.store_world import DAY, GAS, SECOND, T0, VIDEO, Writer, batch, gas, plain, refused

if TYPE_CHECKING:
    from brain.store.base import Store

NAMES = [("gas-detector", "G1"), ("gas-detector", "G2"), ("video-event", "CAM"), ("video-event", "G1")]


async def filled(store: Store) -> Writer:
    """Four devices; a row a second, gas and video in turn."""
    await store.admit(NAMES)
    writer = await Writer.start(store)
    for second in range(0, 20, 2):
        await writer.write(
            {
                "gas-detector": [gas(second % 4 // 2 + 1, second, lel_pct=float(second), lon=120.0 + second, lat=36.0)],
                "video-event": [{"device": 3 + second % 4 // 2, "time": T0 + (second + 1) * SECOND, "event": "smoke"}],
            }
        )
    return writer


async def all_pages(store: Store, **query: Any) -> list[dict[str, Any]]:
    """Items of all pages of a query."""
    items: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = await store.observations(ObservationQuery(cursor=cursor, **query))
        items += page.items
        cursor = page.cursor
        if cursor is None:
            return items
        assert page.items


async def test_a_row_has_the_common_keys_and_its_fields(store: Store) -> None:
    await store.admit(NAMES)
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0.25, lel_pct=1.5, alarm=0.0, status="fault", id="a", height_m=2.0)]})
    (row,) = (await store.observations(ObservationQuery())).items
    assert row == {
        "sensor_type": "gas-detector",
        "device": "G1",
        "time": "2026-07-01T06:00:00.250Z",
        "received_at": "2026-07-01T06:00:01.000Z",
        "id": "a",
        "lon": None,
        "lat": None,
        "alt_m": None,
        "height_m": 2.0,
        "status": "fault",
        "lel_pct": 1.5,
        "alarm": False,
    }
    (entry,) = await store.read_log(0)
    assert row_dicts(entry.piece.batches["gas-detector"], await store.load_registry()) == [row]


async def test_a_box_that_is_stored_as_four_numbers_is_a_list_in_a_row(store: Store) -> None:
    boxed = replace(GAS, id="boxed", fields=tuple(Field(name=f"box_{n}") for n in "xywh"))
    await store.put_sensor_type(boxed)
    await store.admit([("boxed", "C")])
    writer = await Writer.start(store)
    rows = [gas(1, 0, box_x=0.1, box_y=0.2, box_w=0.3, box_h=0.4), gas(1, 1)]
    b = batch(boxed, 1, T0, rows)
    await store.write(Flush(epoch=writer.epoch, position=2, received_at=T0, batches=[b]))
    first, second = (await store.observations(ObservationQuery())).items
    assert first["box"] == [0.1, 0.2, 0.3, 0.4]
    assert not [k for row in (first, second) for k in row if k.startswith("box_")]
    assert "box" not in second


async def test_observations_come_oldest_first_over_all_sensor_types(store: Store) -> None:
    await filled(store)
    items = (await store.observations(ObservationQuery())).items
    assert [i["time"][17:19] for i in items] == [f"{s:02d}" for s in range(20)]
    assert {i["sensor_type"] for i in items} == {"gas-detector", "video-event"}


@pytest.mark.parametrize("limit", [1, 3, 19, 20, 100])
async def test_pages_hold_every_row_once_in_order(store: Store, limit: int) -> None:
    await filled(store)
    everything = (await store.observations(ObservationQuery())).items
    assert await all_pages(store, limit=limit) == everything
    gas_only = [i for i in everything if i["sensor_type"] == "gas-detector"]
    assert await all_pages(store, limit=limit, sensor_types=["gas-detector"]) == gas_only


async def test_rows_of_one_time_are_paged_by_their_order_of_receipt(store: Store) -> None:
    await store.admit(NAMES)
    writer = await Writer.start(store)
    for i in range(5):
        await writer.write(
            {
                "gas-detector": [gas(1, 0, id=str(i))],
                "video-event": [{"device": 3, "time": T0, "event": "smoke", "track": str(i)}],
            }
        )
    items = await all_pages(store, limit=3)
    assert [i["id"] or i["track"] for i in items] == [c for i in range(5) for c in (str(i), str(i))]


async def test_observations_are_filtered(store: Store) -> None:
    await filled(store)

    async def seconds(**query: Any) -> list[int]:
        return [int(i["time"][17:19]) for i in (await store.observations(ObservationQuery(**query))).items]

    assert await seconds(start=T0 + 5 * SECOND, end=T0 + 8 * SECOND) == [5, 6, 7]
    assert await seconds(device="G2") == [2, 6, 10, 14, 18]
    assert await seconds(device="G1", end=T0 + 8 * SECOND) == [0, 3, 4, 7]
    assert await seconds(device="G1", sensor_types=["video_event"]) == [3, 7, 11, 15, 19]
    assert await seconds(device="nobody") == []
    assert await seconds(sensor_types=["nothing"]) == []
    assert await seconds(bbox=(123.0, 35.0, 127.0, 37.0)) == [4, 6]
    assert await seconds(sensor_types=["video-event", "gas-detector"], limit=2) == [0, 1]
    huge = base64.urlsafe_b64encode(b"[9999999999999999999,1]").decode()
    for cursor in ("x", "W10", "WyJhIiwxXQ", "bm9uc2Vuc2U=", "å", huge):
        with pytest.raises(ConfigurationError):
            await store.observations(ObservationQuery(cursor=cursor))


async def test_what_no_store_can_hold_is_not_found(store: Store) -> None:
    await filled(store)
    for text in ("G1\0", "\ud800"):
        assert (await store.observations(ObservationQuery(device=text))).items == []
        assert (await store.observations(ObservationQuery(device=text, latest=True))).items == []
        assert (await store.observations(ObservationQuery(sensor_types=[text]))).items == []
        assert (await store.quarantine(QuarantineQuery(topic=text))).items == []
        assert (await store.incidents(IncidentQuery(department=text))).items == []
        assert await store.incident(text) is None
        assert await store.incident_log(text) == []
        with pytest.raises(NotFoundError):
            await store.person_step(text, "comment", "Wang", T0, {})
        with pytest.raises(NotFoundError):
            await store.device_ledger("gas-detector", text)


async def test_latest_gives_the_newest_row_of_each_device(store: Store) -> None:
    writer = await filled(store)
    await writer.write({"gas-detector": [gas(1, -9 * 86_400)]})  # late news is not the newest

    async def latest(**query: Any) -> list[tuple[str, str, int]]:
        items = await all_pages(store, latest=True, **query)
        return [(i["sensor_type"], i["device"], int(i["time"][17:19])) for i in items]

    newest = [
        ("gas-detector", "G1", 16),
        ("gas-detector", "G2", 18),
        ("video-event", "CAM", 17),
        ("video-event", "G1", 19),
    ]
    assert await latest() == newest
    for limit in (1, 2, 3):
        assert await latest(limit=limit) == newest
    assert await latest(device="G1") == [newest[0], newest[3]]
    assert await latest(sensor_types=["gas-detector"]) == newest[:2]
    assert await latest(start=T0 + 17 * SECOND) == newest[1:]
    assert await latest(bbox=(137.0, 30.0, 139.0, 40.0)) == newest[1:2]


async def test_the_quarantine_is_listed_newest_first_and_filtered(store: Store) -> None:
    writer = await Writer.start(store)
    records = [
        refused("G1"),
        refused("G2", received_at=T0 + SECOND, reason="missing"),
        refused(None, received_at=T0 + 2 * SECOND, topic="city/x/y", sensor_type=None, payload=b"cut", size=9_000_000),
        refused("G1", received_at=T0 + 3 * SECOND),
    ]
    await writer.write(quarantined=records)

    async def found(**query: Any) -> list[str]:
        return [r["id"] for r in (await store.quarantine(QuarantineQuery(**query))).items]

    assert await found() == ["4", "3", "2", "1"]
    assert await found(reason="missing") == ["2"]
    assert await found(topic="city/x/y") == ["3"]
    assert await found(sensor_type="gas-detector") == ["4", "2", "1"]
    assert await found(start=T0 + SECOND, end=T0 + 3 * SECOND) == ["3", "2"]
    page = await store.quarantine(QuarantineQuery(limit=3))
    assert [r["id"] for r in page.items] == ["4", "3", "2"]
    rest = await store.quarantine(QuarantineQuery(limit=3, cursor=page.cursor))
    assert ([r["id"] for r in rest.items], rest.cursor) == (["1"], None)
    assert page.items[1]["size"] == 9_000_000
    whole = await store.quarantine_payload(4)
    assert whole is not None
    assert whole.payload == b'{"lel_pct": 365}'
    assert await store.quarantine_payload(3) is None, "of this one only the beginning is kept"
    assert await store.quarantine_payload(99) is None


async def test_history_is_what_was_received_in_order_of_receipt(store: Store) -> None:
    await store.admit(NAMES)
    writer = await Writer.start(store)
    sent: list[tuple[int, int]] = []
    for i in range(40):
        writer.now += 17 * SECOND  # over several minutes, so that the short cut by minutes is used
        rows = {
            "gas-detector": [gas(1, 1000 - i, lel_pct=1.0), gas(2, i * 3000)],
            "video-event": [{"device": 3, "time": T0 + i * DAY, "event": "smoke"}] if i % 3 == 0 else [],
        }
        first = writer.position + 1
        await writer.write(rows)
        sent += [(p, writer.now) for p in range(first, writer.position + 1)]
    for low, high in ((0, 40), (7, 23), (7, 8), (13, 13), (39, 40)):
        start, end = T0 + low * 18 * SECOND, T0 + high * 18 * SECOND + 1
        for limit in (1000, 10, 1):
            pieces = [p async for p in store.history(start, end, limit)]
            found = [b.position.tolist() for p in pieces for b in p.batches.values()]
            assert sorted(p for f in found for p in f) == [p for p, at in sent if start <= at < end]
            assert all(p.rows <= limit for p in pieces)
            edges = [[int(b.position[i]) for b in p.batches.values() for i in (0, -1)] for p in pieces]
            assert all(max(a) < min(b) for a, b in itertools.pairwise(edges))


async def test_the_ledger_of_a_device_needs_the_device(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    assert await store.device_ledger("gas_detector", "G1") == Counts()
    for sensor_type, device in (("gas-detector", "G2"), ("nothing", "G1")):
        with pytest.raises(NotFoundError):
            await store.device_ledger(sensor_type, device)


async def test_statistics_have_the_same_keys_everywhere(store: Store) -> None:
    writer = await filled(store)
    found = await store.statistics()
    assert found.keys() == (await MemoryStore().statistics()).keys()
    assert {n: t["rows"] for n, t in found["tables"].items()} == {"gas-detector": 10, "video-event": 10}
    assert (found["log_first"], found["log_last"], found["log_entries"], found["devices"]) == (1, 10, 10, 4)
    assert (found["position"], found["received_at"]) == (20, writer.now)
    assert found["storage"] == store.storage


async def test_what_waits_is_counted_and_handed_in_again_once_oldest_first(store: Store) -> None:
    writer = await Writer.start(store)
    records = [
        Quarantined(
            received_at=T0 + n,
            topic=f"air/{n}",
            sensor_type="air" if n != 2 else None,
            device=None,
            reason="missing" if n < 3 else "bad_time",
            detail="x",
            payload=b"{}",
            size=2 if n != 4 else 999_999,
            place=n,
        )
        for n in range(5)
    ]
    await writer.write(quarantined=records)
    assert await store.quarantine_summary() == [
        {"reason": "bad_time", "sensor_type": "air", "count": 2, "oldest": T0 + 3, "newest": T0 + 4},
        {"reason": "missing", "sensor_type": "air", "count": 2, "oldest": T0, "newest": T0 + 1},
        {"reason": "missing", "sensor_type": None, "count": 1, "oldest": T0 + 2, "newest": T0 + 2},
    ]
    assert await store.quarantine_retry(QuarantineQuery(reason="missing", sensor_type="air")) == 2
    assert await store.quarantine_retry(QuarantineQuery(reason="missing")) == 1, "two are handed in already"
    assert await store.quarantine_retry(QuarantineQuery(reason="bad_time")) == 1, "of one only the beginning was kept"
    items = await store.inbox_take(10)
    assert [(i.topic, i.first_received_at, i.place) for i in items] == [(f"air/{n}", T0 + n, n) for n in (0, 1, 2, 3)]
    refused = Answer(refused=[("wrong_type", "y")])
    await writer.write(answers={items[0].inbox_id: Answer(), items[1].inbox_id: refused})
    waiting = {(g["reason"], g["sensor_type"]): g["count"] for g in await store.quarantine_summary()}
    assert waiting == {("bad_time", "air"): 2, ("wrong_type", "air"): 1, ("missing", None): 1}
    mended = await store.quarantine(QuarantineQuery(mended=True))
    assert [r["topic"] for r in mended.items] == ["air/0"]
    assert await store.quarantine_retry(QuarantineQuery()) == 1, "what is mended stays so, the rest still waits"
    later = await store.housekeeping(T0 + 91 * DAY)
    assert later["quarantine"] == 5


async def test_housekeeping_deletes_only_what_has_served(store: Store) -> None:
    writer = await Writer.start(store)
    await writer.write(timeless=[b"1" * 16])
    for _ in range(4):
        await writer.write({"gas-detector": [gas(1, writer.position)]})
    inbox_id = await store.inbox_put("t", b"")
    waiting = await store.inbox_put("t", b"")
    await writer.write(answers={inbox_id: Answer()})
    day_later = writer.now + DAY + SECOND
    lease = await store.claim_lease("city")
    done = await store.housekeeping(writer.now)
    assert done == dict.fromkeys(("log", "timeless", "inbox", "outbox", "quarantine", "states"), 0)
    assert await store.inbox_answer(inbox_id) is not None
    done = await store.housekeeping(day_later)
    assert (done["log"], done["timeless"], done["inbox"]) == (0, 1, 1), "the scenes have no checkpoint yet"
    await store.keep_checkpoint("city", lease, Checkpoint(3, b""))
    assert (await store.housekeeping(writer.now + DAY - 10 * SECOND))["log"] == 0, "not a day old"
    assert await store.timeless_since(0) == set()
    assert (await store.housekeeping(day_later))["log"] == 3
    assert [e.entry for e in await store.read_log(0)] == [4, 5, 6]
    await store.keep_checkpoint("city", lease, Checkpoint(6, b""))
    assert (await store.housekeeping(day_later))["log"] == 2, "the last flush stays: it may come again"
    assert await store.inbox_answer(inbox_id) is None
    assert [i.inbox_id for i in await store.inbox_take(9)] == [waiting]
    assert sum([p.rows async for p in store.history(0, 2**60)]) == 4
    assert (await store.ledger())[0]["gas-detector"].stored == 4


@pytest.mark.parametrize("seed", range(3))
async def test_a_real_store_and_its_twin_answer_alike(sql_store: Store, seed: int) -> None:
    """The same random flushes to both: every answer is the same."""
    chance = random.Random(seed)
    twin = MemoryStore()
    for sensor_type in (GAS, VIDEO):
        await twin.put_sensor_type(sensor_type)
    stores: list[Store] = [sql_store, twin]
    writers = []
    for s in stores:
        await s.admit(NAMES)
        writers.append(await Writer.start(s))
    for _ in range(25):
        rows = {
            "gas-detector": [
                gas(
                    chance.randint(1, 2),
                    chance.randint(0, 30),
                    id=chance.choice([None, None, "a"]),
                    lel_pct=chance.choice([None, 1.5]),
                    alarm=chance.choice([None, 0.0, 1.0]),
                    lon=chance.choice([None, 120.0, 121.0]),
                    lat=36.0,
                )
                for _ in range(chance.choice([0, 1, 5, 80]))
            ],
            "video-event": [
                {
                    "device": chance.randint(3, 4),
                    "time": T0 + chance.randint(-9, 9) * DAY,
                    "track": chance.choice([None, "1", "2"]),
                    "event": chance.choice(["smoke", "flame"]),
                    "id": chance.choice([None, None, "x"]),
                }
                for _ in range(chance.randint(0, 6))
            ],
        }
        more: dict[str, Any] = {
            "quarantined": [refused(chance.choice(["G1", "G2", "nobody", None])) for _ in range(chance.randint(0, 2))],
            "known": {"video-event": {"CAM": chance.randint(0, 2)}},
        }
        flushes = [w.flush(rows, **more) for w in writers]
        written = [await s.write(f) for s, f in zip(stores, flushes, strict=True)]
        if chance.random() < 0.2:
            assert (await sql_store.write(flushes[0])).counts == written[0].counts
        assert written[0].counts == written[1].counts
        assert plain(written[0].piece) == plain(written[1].piece)
    queries = [
        {},
        {"latest": True},
        {"device": "G1"},
        {"bbox": (119.5, 35.0, 120.5, 37.0)},
        {"start": T0, "end": T0 + 9 * SECOND},
    ]
    for query in queries:
        for limit in (3, 1000):
            assert await all_pages(sql_store, limit=limit, **query) == await all_pages(twin, limit=limit, **query)
    for device in NAMES:
        assert await sql_store.device_ledger(*device) == await twin.device_ledger(*device)
    assert (await sql_store.ledger())[0] == (await twin.ledger())[0]
    assert [plain(e.piece) for e in await sql_store.read_log(0)] == [plain(e.piece) for e in await twin.read_log(0)]
    histories = [[plain(p) async for p in s.history(T0, T0 + 20 * SECOND, 50)] for s in stores]
    rows_of = [sorted((r for p in h for b in p.values() for r in b), key=lambda r: r["position"]) for h in histories]
    assert rows_of[0] == rows_of[1]


async def test_housekeeping_goes_on_by_itself_also_after_trouble(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0
    enough = asyncio.Event()
    real = store.housekeeping

    async def counted(now: int) -> dict[str, int]:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise StoreError("out of reach for once")
        done = await real(now)
        if calls == 4:
            enough.set()
        return done

    monkeypatch.setattr(store, "housekeeping", counted)
    writer = await Writer.start(store)
    old = Flush(epoch=writer.epoch, position=0, received_at=SECOND, timeless=[b"1" * 16])  # of 1970
    await store.write(old)
    async with keep_house(store, every=timedelta(0)):
        await asyncio.wait_for(enough.wait(), 10)
    assert await store.timeless_since(0) == set()
    after = calls
    await asyncio.sleep(0)
    assert calls == after, "it ends with its block"


async def test_activity_tells_rows_since_a_time_and_when_the_last_ones_came(store: Store) -> None:
    writer = await filled(store)
    (before,) = {a.rows for k, a in (await store.activity(0)).items() if k == "video-event"}
    written = await writer.write({"gas-detector": [gas(1, 500), gas(1, 501)]})
    assert written.counts["gas-detector"].stored == 2
    (head, *_) = [e.received_at for e in reversed(await store.read_log(0))]
    since = await store.activity(head)
    assert (since["gas-detector"].rows, since["gas-detector"].newest) == (2, head)
    assert since["video-event"].rows == 0
    assert since["video-event"].newest is not None
    assert since["video-event"].newest < head  # known although nothing came since
    assert (await store.activity(0))["video-event"].rows == before


async def test_activity_of_devices_counts_by_the_time_of_their_rows(store: Store) -> None:
    await filled(store)
    devices = await store.admit([("gas-detector", "G1"), ("gas-detector", "silent"), ("video-event", "G1")])
    found = await store.device_activity(devices, T0 + 8 * SECOND)
    rows = (await store.observations(ObservationQuery(device="G1", start=T0 + 8 * SECOND))).items
    by_type = {d.sensor_type: found[d.device_id] for d in devices if d.name == "G1"}
    for name, activity in by_type.items():
        mine = [r["time"] for r in rows if r["sensor_type"] == name]
        assert activity.rows == len(mine)
        assert activity.newest is not None
        assert iso(activity.newest) == mine[-1]
    assert found[devices[1].device_id] == Activity(0, None, 0)
    assert await store.device_activity([], 0) == {}


async def test_a_new_try_of_one_reading_leaves_its_neighbours_to_their_own_records(store: Store) -> None:
    writer = await Writer.start(store)
    bad = [("out_of_range", "list[0].lel: 365 is outside 0..100"), ("missing", "list[2]: no field is there")]
    await writer.write(quarantined=[refused("G1", reason=r, detail=d) for r, d in bad])

    async def tried(record: int, *still: tuple[str, str]) -> list[tuple[str, str, bool]]:
        number = await store.inbox_put("city/gas-detector/G1", b"{}", retry_of=record)
        await writer.write(answers={number: Answer(refused=list(still))})
        items = (await store.quarantine(QuarantineQuery())).items
        return [(r["reason"], r["detail"], r["mended_at"] is None) for r in reversed(items)]

    assert await tried(1, *bad) == [(*bad[0], True), (*bad[1], True)]
    assert await tried(1, bad[1]) == [(*bad[0], False), (*bad[1], True)], "the first is mended, the second waits"
    new = ("not_in_list", "list[1].gas: He is in no list")
    assert await tried(2, new) == [(*bad[0], False), (*new, True)], "nobody else waits for it"
    assert await tried(1, new) == [(*bad[0], False), (*new, True)]
    assert await tried(2) == [(*bad[0], False), (*new, False)]
