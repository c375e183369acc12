"""What every store promises about the registry and about flushes."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import numpy as np
import pytest

from brain.errors import FencedError, SensorTypeError, StoreError
from brain.model import Device, Field, FieldKind, Piece
from brain.store import open_store
from brain.store._door import store_error
from brain.store.base import ROWS_READ, Answer, Counts, Flush, ObservationQuery, QuarantineQuery, split_ledger
from tests.contract.store_world import DAY, GAS, SECOND, T0, VIDEO, Writer, batch, gas, plain, refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from brain.store.base import Store


# -- registry --------------------------------------------------------------------------------------------------------
async def test_sensor_types_and_devices_come_back_as_they_went_in(store: Store) -> None:
    await store.put_devices([Device(device_id=0, sensor_type="gas-detector", name="G1", lon=120.5, lat=36.0, site="S")])
    registry = await store.load_registry()
    assert registry.sensor_types == {GAS.id: GAS, VIDEO.id: VIDEO}
    device = registry.find("gas-detector", "G1")
    assert device == Device(device_id=1, sensor_type="gas-detector", name="G1", lon=120.5, lat=36.0, site="S")


async def test_admitted_devices_get_dense_ids_in_the_order_asked(store: Store) -> None:
    first = await store.admit([("gas-detector", "G2"), ("gas-detector", "G1"), ("gas-detector", "G2")])
    assert [(d.device_id, d.name) for d in first] == [(1, "G2"), (2, "G1"), (1, "G2")]
    second = await store.admit([("video-event", "G1"), ("gas-detector", "G1"), ("gas-detector", "摄像头 7 号")])
    assert [d.device_id for d in second] == [3, 2, 4]
    assert await store.admit([]) == []


async def test_devices_are_updated_by_name_and_keep_their_id(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    extra = {"z": 1, "span": {"lel_pct": [0, 100]}, "a": [1, 2]}
    new = [
        Device(device_id=99, sensor_type="gas-detector", name="G9", simulated=True),
        Device(device_id=99, sensor_type="gas-detector", name="G1", lon=1.0, lat=2.0, extra=extra),
    ]
    kept = await store.put_devices(new)
    assert [(d.device_id, d.name, d.simulated) for d in kept] == [(2, "G9", True), (1, "G1", False)]
    registry = await store.load_registry()
    found = registry.by_id(1)
    assert found is not None
    assert list(found.extra) == ["z", "span", "a"]
    assert found.extra == extra


async def test_a_sensor_type_may_gain_a_field_and_old_rows_have_none_of_it(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0, lel_pct=1.0)]})
    wider = replace(GAS, version=2, fields=(*GAS.fields, Field(name="ppm")))
    await store.put_sensor_type(wider)
    writer.now += SECOND
    b = batch(wider, 2, writer.now, [gas(1, 1, lel_pct=2.0, ppm=30.0)])
    await store.write(Flush(epoch=writer.epoch, position=2, received_at=writer.now, batches=[b]))
    rows = (await store.observations(ObservationQuery())).items
    assert [(r["lel_pct"], r.get("ppm")) for r in rows] == [(1.0, None), (2.0, 30.0)]
    assert (await store.load_registry()).sensor_types["gas-detector"] == wider


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"fields": (Field(name="lel_pct", kind=FieldKind.TEXT),)}, "fields.lel_pct.kind"),
        ({"key": ("gas",)}, "key"),
        ({"key": ("nothing",)}, "key"),
        ({"id": "gas_detector"}, "id"),
        ({"id": 'x"; DROP TABLE brain.head; --'}, "id"),
        ({"id": "g" * 49}, "id"),
        ({"fields": (Field(name='a" text); --'),)}, "fields"),
        ({"fields": (Field(name="position"),)}, "fields.position"),
        ({"fields": (Field(name="lon", kind=FieldKind.TEXT),)}, "fields.lon"),
    ],
)
async def test_a_sensor_type_that_would_change_what_is_stored_is_refused(
    store: Store, change: dict[str, Any], path: str
) -> None:
    with pytest.raises(SensorTypeError) as caught:
        await store.put_sensor_type(replace(GAS, **change))
    assert caught.value.path == path
    assert (await store.load_registry()).sensor_types == {GAS.id: GAS, VIDEO.id: VIDEO}


async def test_a_field_named_like_a_word_of_sql_is_a_field(store: Store) -> None:
    odd = replace(GAS, id="select", fields=(Field(name="group"), Field(name="order", kind=FieldKind.TEXT)))
    await store.put_sensor_type(odd)
    await store.admit([("select", "S")])
    writer = await Writer.start(store)
    b = batch(odd, 1, T0, [gas(1, 0, group=1.5, order="x")])
    await store.write(Flush(epoch=writer.epoch, position=1, received_at=T0, batches=[b]))
    (row,) = (await store.observations(ObservationQuery(sensor_types=["select"]))).items
    assert (row["group"], row["order"]) == (1.5, "x")


async def test_the_city_model_in_force_is_kept_as_bytes(store: Store) -> None:
    assert await store.load_city() is None
    await store.put_city('{"name": "青岛"}'.encode())
    await store.put_city(b'{"b": 1, "a": 2}')
    assert await store.load_city() == b'{"b": 1, "a": 2}'


async def test_only_a_change_of_the_registry_wakes_up_its_listeners(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    await store.put_city(b"{}")
    async with store.listen("registry", "devices", "inbox") as wake_ups:
        await store.admit([("gas-detector", "G1")])
        await store.put_city(b"{}")
        await store.put_sensor_type(GAS)
        await store.put_devices([Device(device_id=0, sensor_type="gas-detector", name="G1")])
        await store.inbox_put("t", b"")  # comes after whatever the others had sent
        assert await asyncio.wait_for(anext(wake_ups), 30) == "inbox"
        await store.admit([("gas-detector", "G2")])
        assert await asyncio.wait_for(anext(wake_ups), 30) == "devices"
        await store.put_devices([Device(device_id=0, sensor_type="gas-detector", name="G2", lon=1.0, lat=2.0)])
        assert await asyncio.wait_for(anext(wake_ups), 30) == "registry"
    top = (await store.load_registry()).top
    (third,) = await store.admit([("gas-detector", "G3")])
    assert await store.devices_after(top) == [third]
    assert len(await store.devices_after(0)) == 3


async def test_several_processes_may_migrate_and_admit_at_once(dsn: str) -> None:
    stores = [await open_store(dsn) for _ in range(4)]
    await asyncio.gather(*(s.migrate() for s in stores))
    await asyncio.gather(*(s.put_sensor_type(t) for s in stores for t in (GAS, VIDEO)))
    names = [("gas-detector", f"G{i}") for i in range(20)]
    admitted = await asyncio.gather(*(s.admit(names[i:] + names[:i]) for i, s in enumerate(stores)))
    by_name = [{d.name: d.device_id for d in devices} for devices in admitted]
    assert all(b == by_name[0] for b in by_name)
    assert sorted(by_name[0].values()) == list(range(1, 21))
    for s in stores:
        await s.close()


async def test_a_data_base_keeps_the_dialect_it_was_made_with(dsn: str) -> None:
    plain_one = await open_store(dsn, timescale=False)
    assert plain_one.storage.startswith("postgresql ")
    await plain_one.migrate()
    await plain_one.close()
    again = await open_store(dsn)
    assert again.storage == plain_one.storage
    await again.migrate()
    await again.close()
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE brain.setting SET value = 'timescaledb' WHERE name = 'dialect'")
    preloaded = "timescaledb" in await connection.fetchval("SHOW shared_preload_libraries")
    await connection.close()
    if preloaded:
        other = await open_store(dsn, timescale=False)
        assert other.storage.startswith("timescaledb ")
        await other.close()
    else:
        with pytest.raises(StoreError, match="shared_preload_libraries"):
            await open_store(dsn)


# -- flushes ---------------------------------------------------------------------------------------------------------
async def test_rows_come_back_from_log_and_history_as_they_went_in(store: Store) -> None:
    writer = await Writer.start(store)
    rows = {
        "gas-detector": [
            gas(1, 0.000001, lel_pct=0.1 + 0.2, alarm=1.0, gas="CH4", lon=120.123456789, lat=36.0, status="ok"),
            gas(2, 0, alarm=0.0, alt_m=-1.5, height_m=1e300, id="一号 \"引\" '号' \\ \t 😀"),
            gas(2, -3, lel_pct=float("inf")),
        ],
        "video-event": [{"device": 3, "time": T0, "event": "smoke", "confidence": 0.5}],
    }
    flush = writer.flush(rows)
    written = await store.write(flush)
    sent = plain(Piece({b.sensor_type: b for b in flush.batches}))
    assert plain(written.piece) == sent
    (entry,) = await store.read_log(0)
    assert plain(entry.piece) == sent
    assert entry.piece.batches["gas-detector"].columns["gas"].dtype == object
    assert entry.received_at == flush.received_at
    pieces = [p async for p in store.history(flush.received_at, flush.received_at + 1)]
    assert [plain(p) for p in pieces] == [sent]


async def test_copies_are_counted_and_not_stored(store: Store) -> None:
    devices = await store.admit([("gas-detector", "G1"), ("gas-detector", "G2")])
    assert [d.device_id for d in devices] == [1, 2]
    writer = await Writer.start(store)
    first = await writer.write({"gas-detector": [gas(1, 0, lel_pct=1.0), gas(1, 0, lel_pct=2.0), gas(2, 0, id="a")]})
    assert first.counts == {"gas-detector": Counts(3, 2, 1, 0)}
    assert first.piece.batches["gas-detector"].position.tolist() == [1, 3]
    second = await writer.write(
        {"gas-detector": [gas(1, 0), gas(1, 0, id="b"), gas(2, 0, id="a"), gas(2, 0), gas(1, 1)]},
        known={"gas-detector": {"G1": 2, "G2": 1}},
    )
    assert second.counts == {"gas-detector": Counts(8, 3, 5, 0)}
    assert second.piece.batches["gas-detector"].position.tolist() == [5, 7, 8]
    assert [e.piece.rows for e in await store.read_log(0)] == [2, 3]
    rows = (await store.observations(ObservationQuery())).items
    assert [(r["device"], r["id"], r.get("lel_pct")) for r in rows] == [
        ("G1", None, 1.0),
        ("G2", "a", None),
        ("G1", "b", None),
        ("G2", None, None),
        ("G1", None, None),
    ]
    ledger, _ = await store.ledger()
    assert ledger == {"gas-detector": Counts(11, 5, 6, 0)}
    assert await store.device_ledger("gas-detector", "G1") == Counts(7, 3, 4, 0)
    assert await store.device_ledger("gas-detector", "G2") == Counts(4, 2, 2, 0)


async def test_key_fields_tell_rows_apart_where_a_reading_has_no_id(store: Store) -> None:
    def seen(**values: Any) -> dict[str, Any]:
        return {"device": 1, "time": T0, **values}

    writer = await Writer.start(store)
    written = await writer.write(
        {
            "video-event": [
                seen(track="1", event="smoke"),
                seen(track="1", event="smoke", confidence=0.9),
                seen(track="2", event="smoke"),
                seen(event="smoke"),
                seen(event="smoke"),
                seen(id="x", track="1", event="smoke"),
                seen(id="x", track="9", event="flame"),
                seen(id='["1","smoke",null]'),
            ]
        }
    )
    assert written.piece.batches["video-event"].position.tolist() == [1, 3, 4, 6, 8]


@pytest.mark.parametrize("n", [63, 64, 700])
async def test_a_large_flush_with_copies_stores_the_others(store: Store, n: int) -> None:
    writer = await Writer.start(store)
    first = await writer.write({"gas-detector": [gas(i % 7 + 1, i, lel_pct=float(i % 100)) for i in range(n)]})
    assert first.counts["gas-detector"] == Counts(n, n, 0, 0)
    for again in range(1, 4):  # a store may go another way once it has met copies
        rows = [gas((i % 7) + 1, i, lel_pct=50.0) for i in range(10 * again, n + 10 * again)]
        written = await writer.write({"gas-detector": rows})
        assert written.counts["gas-detector"] == Counts(n, 10, n - 10, 0)
        assert written.piece.batches["gas-detector"].position.tolist() == [writer.position - 9 + i for i in range(10)]
    total = sum([len(p.batches["gas-detector"]) async for p in store.history(0, 2**60)])
    assert total == (await store.ledger())[0]["gas-detector"].stored == n + 30


async def test_refused_readings_are_kept_and_counted(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    writer = await Writer.start(store)
    strange = refused(None, sensor_type=None, topic="city/x/y", reason="unknown_sensor_type", ledger_key="unknown")
    written = await writer.write(
        {"gas-detector": [gas(1, 0)]},
        quarantined=[replace(refused("G1"), version=3), refused("nobody"), strange],
        ignored=2,
    )
    assert written.counts == {"gas-detector": Counts(3, 1, 0, 2), "unknown": Counts(1, 0, 0, 1)}
    assert (await store.ledger())[0] == written.counts
    assert await store.device_ledger("gas-detector", "G1") == Counts(2, 1, 0, 1)
    page = await store.quarantine(QuarantineQuery())
    assert [r["device"] for r in page.items] == [None, "nobody", "G1"]
    assert page.items[2] == {
        "id": "1",
        "received_at": "2026-07-01T06:00:00.000Z",
        "topic": "city/gas-detector/G1",
        "sensor_type": "gas-detector",
        "device": "G1",
        "reason": "out_of_range",
        "detail": "lel_pct: 365 is outside 0..100",
        "payload_base64": "eyJsZWxfcGN0IjogMzY1fQ==",
        "size": 16,
        "retries": 0,
        "version": 3,
        "mended_at": None,
    }
    assert page.items[0]["version"] is None
    assert (await store.statistics())["ignored"] == 2


async def test_readings_of_a_drill_count_apart(store: Store) -> None:
    await store.admit([("gas-detector", "G1"), ("gas-detector", "exercise:G1")])
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(2, 0)]}, exercise={"gas-detector": np.array([True])})
    written = await writer.write(
        {"gas-detector": [gas(1, 0), gas(2, 0), gas(2, 1), gas(1, 0)]},
        exercise={"gas-detector": np.array([False, True, True, False])},
        known={"gas-detector": {"G1": 1, "exercise:G1": 2}},
        quarantined=[refused("exercise:G1"), refused("G1"), refused("G1")],
    )
    assert written.counts == {"gas-detector": Counts(5, 1, 2, 2), "exercise:gas-detector": Counts(5, 1, 3, 1)}
    real, drills = split_ledger((await store.ledger())[0])
    assert (real, drills) == ({"gas-detector": Counts(5, 1, 2, 2)}, {"gas-detector": Counts(6, 2, 3, 1)})
    assert (await store.statistics())["tables"]["gas-detector"]["rows"] == 3  # the table holds both
    assert (await store.activity(0))["gas-detector"].rows == 1
    assert (await store.statistics())["devices"] == 1


async def test_a_flush_written_again_after_a_lost_answer_changes_nothing(store: Store) -> None:
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0)]})
    flush = writer.flush({"gas-detector": [gas(1, 0), gas(1, 1)]}, quarantined=[refused()])
    first = await store.write(flush)
    again = await store.write(flush)
    assert again.counts == first.counts == {"gas-detector": Counts(3, 1, 1, 1)}
    assert plain(again.piece) == plain(first.piece)
    assert (await store.ledger())[0] == {"gas-detector": Counts(4, 2, 1, 1)}
    assert [e.entry for e in await store.read_log(0)] == [1, 2]
    assert len((await store.quarantine(QuarantineQuery())).items) == 1


async def test_an_equal_flush_is_not_taken_for_the_same(store: Store) -> None:
    writer = await Writer.start(store)  # a clock that was set back stands still: position and time stay the same
    for _ in range(2):
        await store.write(
            Flush(epoch=writer.epoch, position=0, received_at=T0, quarantined=[refused()], known={"x": {"d": 1}})
        )
    assert (await store.ledger())[0] == {"gas-detector": Counts(2, 0, 0, 2), "x": Counts(2, 0, 2, 0)}


async def test_a_commit_whose_answer_is_lost_is_recognised(sql_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = await Writer.start(sql_store)
    flush = writer.flush({"gas-detector": [gas(1, i) for i in range(100)]})
    whole = sql_store._door.standing

    @contextlib.asynccontextmanager
    async def cut() -> AsyncIterator[Any]:
        async with whole() as line:
            yield line
        raise store_error(ConnectionResetError("the cable was cut after the commit"))

    with monkeypatch.context() as m:
        m.setattr(sql_store._door, "standing", cut)
        with pytest.raises(StoreError):
            await sql_store.write(flush)
    written = await sql_store.write(flush)
    assert written.counts == {"gas-detector": Counts(100, 100, 0, 0)}
    assert written.piece.rows == 100
    assert (await sql_store.ledger())[0] == written.counts


async def test_a_former_writer_is_fenced_and_changes_nothing(store: Store) -> None:
    former = await Writer.start(store)
    await former.write({"gas-detector": [gas(1, 0)]})
    late = former.flush({"gas-detector": [gas(1, 1)]}, quarantined=[refused()])
    now = await Writer.start(store)
    assert (now.position, now.now) == (1, former.now - SECOND)
    with pytest.raises(FencedError):
        await store.write(late)
    assert (await store.ledger())[0] == {"gas-detector": Counts(1, 1, 0, 0)}
    await now.write({"gas-detector": [gas(1, 1)]})
    with pytest.raises(FencedError):
        await store.write(late)
    assert [e.entry for e in await store.read_log(0)] == [1, 2]


async def test_a_poisoned_row_spoils_its_flush_and_no_other(store: Store) -> None:
    writer = await Writer.start(store)
    for bad in ("nul \0", "half \ud83d"):
        flush = writer.flush({"gas-detector": [gas(1, 0), gas(1, 1, gas=bad)]}, quarantined=[refused()])
        with pytest.raises(StoreError) as caught:
            await store.write(flush)
        assert caught.value.poison
        writer.position -= 2
    assert (await store.ledger())[0] == {}
    assert await store.read_log(0) == []
    written = await writer.write({"gas-detector": [gas(1, 0)]})
    assert written.counts == {"gas-detector": Counts(1, 1, 0, 0)}


async def test_rows_of_an_unregistered_type_or_field_are_a_mistake_that_is_told(store: Store) -> None:
    writer = await Writer.start(store)
    for strange in (replace(GAS, id="other"), replace(GAS, fields=(Field(name="new"),))):
        b = batch(strange, 1, T0, [gas(1, 0)])
        with pytest.raises(StoreError, match="register it first"):
            await store.write(Flush(epoch=writer.epoch, position=1, received_at=T0, batches=[b]))


async def test_a_tick_moves_the_clock_of_the_log(store: Store) -> None:
    writer = await Writer.start(store)
    assert await store.log_end() == (0, 0)
    await writer.write()
    await writer.write({"gas-detector": []})
    entries = await store.read_log(0)
    assert [(e.entry, e.received_at, e.piece.rows) for e in entries] == [
        (1, T0 + SECOND, 0),
        (2, T0 + 2 * SECOND, 0),
    ]
    assert await store.log_end() == (2, T0 + 2 * SECOND)
    assert (await store.read_log(1))[0].entry == 2
    assert len(await store.read_log(0, limit=1)) == 1


async def test_a_long_backlog_is_read_in_parts(store: Store) -> None:
    writer = await Writer.start(store)
    n = ROWS_READ // 4
    for i in range(6):
        await writer.write({"gas-detector": [gas(1, i * n + k) for k in range(n)]})
    first = await store.read_log(0)
    assert [e.entry for e in first] == [1, 2, 3, 4]
    assert [e.entry for e in await store.read_log(4)] == [5, 6]
    assert [e.entry for e in await store.read_log(0, limit=3)] == [1, 2, 3]


async def test_times_far_apart_find_their_place(store: Store) -> None:
    writer = await Writer.start(store)
    times = [-20_000, -400, -8, -7, -1, 0, 1]
    written = await writer.write({"gas-detector": [{"device": 1, "time": T0 + d * DAY} for d in times]})
    assert written.counts["gas-detector"].stored == len(times)
    rows = (await store.observations(ObservationQuery())).items
    assert [r["time"][:10] for r in rows] == [
        "1971-09-28", "2025-05-27", "2026-06-23", "2026-06-24", "2026-06-30", "2026-07-01", "2026-07-02",
    ]  # fmt: skip


async def test_hashes_of_messages_without_time_are_remembered(store: Store) -> None:
    writer = await Writer.start(store)
    one, two = b"1" * 16, b"2" * 16
    await writer.write(timeless=[one, one])
    between = writer.now
    await writer.write(timeless=[two])
    await writer.write(timeless=[one])
    assert await store.timeless_since(between) == {one, two}
    assert await store.timeless_since(between + SECOND) == {one, two}
    assert await store.timeless_since(between + 2 * SECOND) == {one}


async def test_the_ledger_adds_up_at_every_instant(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    writer = await Writer.start(store)
    done = asyncio.Event()

    async def look() -> int:
        seen = 0
        while not done.is_set():
            ledger, _ = await store.ledger()
            for c in ledger.values():
                assert c.received == c.stored + c.duplicate + c.quarantined
            received = sum(c.received for c in ledger.values())
            assert received % 5 == 0, "a flush of 5 is seen whole or not at all"
            assert received >= seen
            seen = received
            await asyncio.sleep(0)
        return seen

    looking = asyncio.create_task(look())
    for i in range(30):
        rows = {
            "gas-detector": [gas(1, i), gas(1, i - 1)],
            "video-event": [{"device": 1, "time": T0 + i, "event": "smoke"}],
        }
        await writer.write(rows, quarantined=[refused()], known={"gas-detector": {"G1": 1}})
        await asyncio.sleep(0)
    done.set()
    await looking
    assert (await store.ledger())[0] == {
        "gas-detector": Counts(120, 31, 59, 30),
        "video-event": Counts(30, 30, 0, 0),
    }


async def test_ledger_head_and_registry_survive_a_restart(sql_dsn: str) -> None:
    first = await open_store(sql_dsn)
    await first.migrate()
    await first.put_sensor_type(GAS)
    await first.admit([("gas-detector", "G1")])
    writer = await Writer.start(first)
    await writer.write({"gas-detector": [gas(1, 0)]}, quarantined=[refused()])
    ledger = await first.ledger()
    await first.close()
    second = await open_store(sql_dsn)
    await second.migrate()
    assert second.storage == first.storage
    assert await second.ledger() == ledger
    head = await second.claim_head()
    assert head == (writer.epoch + 1, 1, writer.now)
    assert (await second.load_registry()).top == 1
    written = await second.write(
        Flush(
            epoch=head.epoch,
            position=2,
            received_at=writer.now,
            batches=[batch(GAS, 2, writer.now, [gas(1, 0)])],
        )
    )
    assert written.counts == {"gas-detector": Counts(1, 0, 1, 0)}
    await second.close()


async def test_the_data_base_out_of_reach_is_a_store_error_that_may_be_tried_again(sql_dsn: str) -> None:
    opened = await open_store(sql_dsn)
    await opened.migrate()
    await opened.put_sensor_type(GAS)
    writer = await Writer.start(opened)
    flush = writer.flush({"gas-detector": [gas(1, 0)]})
    admin = await asyncpg.connect(sql_dsn)
    await admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'cloudbrain'"
    )
    await admin.close()
    refusals: list[StoreError] = []
    written = None
    while written is None and len(refusals) < 10:  # as ingest does: try again until it is stored
        try:
            written = await opened.write(flush)
        except StoreError as error:
            refusals.append(error)
    assert written is not None
    assert not any(e.poison for e in refusals)
    assert written.counts == {"gas-detector": Counts(1, 1, 0, 0)}
    await opened.close()
    with pytest.raises(StoreError) as caught:
        await open_store(sql_dsn.replace("?host=", "?host=/nowhere"))
    assert not caught.value.poison


# -- messages over HTTP ----------------------------------------------------------------------------------------------
async def test_a_message_over_http_is_answered_when_its_flush_is_committed(store: Store) -> None:
    await store.admit([("gas-detector", "G1")])
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0, lel_pct=7.0)]})
    async with store.listen("inbox") as wake_ups:
        inbox_id = await store.inbox_put("city/gas-detector/G1", b"[...]")
        assert await asyncio.wait_for(anext(wake_ups), 30) == "inbox"
    assert [(i.inbox_id, i.topic, i.payload, i.retry_of) for i in await store.inbox_take(10)] == [
        (inbox_id, "city/gas-detector/G1", b"[...]", None)
    ]
    assert await store.inbox_answer(inbox_id) is None
    assert await store.inbox_answer(10**6) is None
    answer = Answer(positions=[3, 2], duplicates=1, refused=[("missing", "time: is missing")])
    await writer.write(
        {"gas-detector": [gas(1, 0, lel_pct=99.0), gas(1, 1, lel_pct=8.0, alarm=1.0)]},
        quarantined=[refused()],
        answers={inbox_id: answer},
    )
    told = await store.inbox_answer(inbox_id)
    assert told is not None
    assert [(r["time"], r["received_at"], r["lel_pct"], r.get("alarm")) for r in told["rows"]] == [
        ("2026-07-01T06:00:01.000Z", "2026-07-01T06:00:02.000Z", 8.0, True),
        ("2026-07-01T06:00:00.000Z", "2026-07-01T06:00:01.000Z", 7.0, None),  # the row that was there before
    ]
    assert told["rows"][0] == (await store.observations(ObservationQuery(start=T0 + SECOND))).items[0]
    assert (told["duplicates"], told["refused"]) == (2, [{"reason": "missing", "detail": "time: is missing"}])
    assert await store.inbox_take(10) == []
    msgspec.json.encode(told)


async def test_a_new_try_of_a_refused_message_is_noted_on_its_record(store: Store) -> None:
    writer = await Writer.start(store)
    await writer.write(quarantined=[refused("G1"), refused("G2")])
    found = await store.quarantine_payload(1)
    assert found is not None
    assert (found.topic, found.payload, found.retry_of) == ("city/gas-detector/G1", b'{"lel_pct": 365}', 1)
    again = await store.inbox_put(found.topic, found.payload, retry_of=1)
    (item,) = await store.inbox_take(10)
    assert item.retry_of == 1
    retried = refused("G1", reason="missing", detail="gas: is missing", retry_of=1)
    written = await writer.write(
        quarantined=[retried], answers={again: Answer(refused=[("missing", "gas: is missing")])}
    )
    assert written.counts == {}, "a refusal of what was counted when it first came is not counted again"
    page = await store.quarantine(QuarantineQuery())
    assert [(r["id"], r["reason"], r["retries"], r["mended_at"]) for r in page.items] == [
        ("2", "out_of_range", 0, None),
        ("1", "missing", 1, None),
    ]
    last = await store.inbox_put(found.topic, found.payload, retry_of=1)
    await writer.write({"gas-detector": [gas(1, 0)]}, answers={last: Answer(positions=[1])})
    (record,) = (await store.quarantine(QuarantineQuery(reason="missing"))).items
    assert (record["retries"], record["mended_at"]) == (2, "2026-07-01T06:00:03.000Z")
    assert (await store.ledger())[0] == {"gas-detector": Counts(3, 1, 0, 2)}


async def test_positions_and_arrays_of_a_log_entry_are_ready_for_scenes(store: Store) -> None:
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0), gas(1, 0), gas(2, 0)]})
    (entry,) = await store.read_log(0)
    b = entry.piece.batches["gas-detector"]
    assert (b.device.dtype, b.position.dtype, b.time.dtype) == (np.int32, np.int64, np.dtype("M8[us]"))
    assert b.columns["lel_pct"].dtype == np.float64
    b.columns["lel_pct"][0] = 1.0  # a scene may write into what it is given
    assert entry.piece.between(1, 3).rows == 1
