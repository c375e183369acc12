"""Pages of observations over all devices: every store gives the same rows and cursors, however rows lie in time."""

from __future__ import annotations

import itertools
import random
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.store import MemoryStore, _paging, _summaries, open_store
from brain.store._paging import Walk
from brain.store._sql import load_migrations
from brain.store.base import ObservationQuery
from tests.contract.store_world import DAY, GAS, SECOND, T0, VIDEO, Writer, gas

if TYPE_CHECKING:
    from brain.store.base import Page, Store

NAMES = [("gas-detector", "G1"), ("gas-detector", "G2"), ("video-event", "CAM"), ("video-event", "G1")]
EDGES = st.integers(-(10**12), 10**12)
SPANS = st.lists(st.tuples(EDGES, st.integers(0, 10**11)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@given(SPANS, st.none() | EDGES, st.none() | EDGES, st.lists(EDGES, max_size=30), st.integers(1, 40), st.data())
def test_windows_come_in_order_and_cover_every_row_once(
    spans: list[tuple[int, int]], start: int | None, end: int | None, times: list[int], n: int, data: st.DataObject
) -> None:
    """Whatever is said about a window, every row where rows can be is in one window that was not crowded."""
    times = [t for t in times if any(a <= t < b for a, b in spans)]
    low, high = -(2**62) if start is None else start, 2**62 if end is None else end
    walk = Walk(spans, start, end, n)
    seen: list[int] = []
    passed: list[tuple[int, int]] = []
    for _ in range(200):
        window = walk.window
        if window is None:
            break
        assert window.low < window.high
        if window.most is not None and data.draw(st.integers(0, 9)) == 0:
            walk.crowded(data.draw(EDGES))
            smaller = walk.window
            assert smaller is not None
            assert (smaller.low, smaller.high) < (window.low, window.high)
            continue
        held = [t for t in times if window.low <= t < window.high]
        walk.passed(len(held))
        seen += held
        passed.append((window.low, window.high))
    assert walk.window is None, "it widens, so it ends soon"
    assert sorted(seen) == sorted(t for t in times if low <= t < high)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(passed))


def test_a_window_of_one_instant_is_not_cut_further() -> None:
    walk = Walk([(0, DAY)], None, None, 1)
    walk.crowded(-5)
    window = walk.window
    assert window is not None
    assert (window.low, window.high, window.most) == (0, 1, None)


PARTS_WITH_ROWS = "SELECT DISTINCT tableoid::regclass::text FROM observations.gas_detector"


async def new_store(dsn: str) -> Store:
    """A real store in a data base of its own, which nobody has used before."""
    store = await open_store(dsn)
    await store.migrate()
    for sensor_type in (GAS, VIDEO):
        await store.put_sensor_type(sensor_type)
    await store.admit(NAMES)
    return store


#: Rows of a write: some ten stretches of 32 pages. A table is extended by up to 64 pages ahead of its rows, and a
#: summary may be made of pages that are still empty: fewer rows could find theirs made.
ROWS = 20_000


async def leave_summaries_to_us(connection: asyncpg.Connection[asyncpg.Record], part: str) -> None:
    """The server makes no summaries of a part in the background."""
    await connection.execute(f"ALTER TABLE {part} SET (autovacuum_enabled = off)")
    for index in await connection.fetch(
        "SELECT x.indexrelid::regclass::text AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid "
        "JOIN pg_am a ON a.oid = i.relam WHERE a.amname = 'brin' AND x.indrelid = $1::text::regclass",
        part,
    ):
        await connection.execute(f"ALTER INDEX {index['name']} SET (autosummarize = off)")


async def fresh_summaries(connection: asyncpg.Connection[asyncpg.Record], part: str) -> list[int]:
    """Makes the summaries that are missing; how many, for each BRIN index of a part."""
    found = await connection.fetch(
        "SELECT brin_summarize_new_values(x.indexrelid::regclass) FROM pg_index x "
        "JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam "
        "WHERE a.amname = 'brin' AND x.indrelid = $1::text::regclass",
        part,
    )
    return [r[0] for r in found]


async def pair(sql_store: Store) -> list[Writer]:
    """Writers of a real store and of its twin in memory."""
    twin = MemoryStore()
    for sensor_type in (GAS, VIDEO):
        await twin.put_sensor_type(sensor_type)
    for s in (sql_store, twin):
        await s.admit(NAMES)
    return [await Writer.start(s) for s in (sql_store, twin)]


def a_time(chance: random.Random, shape: str) -> int:
    """Dense: many at one instant; sparse: years apart; mixed: an outlier, a desert, then a crowd, not in order."""
    if shape == "dense":
        return T0 + chance.randint(0, 3) * SECOND // 2
    if shape == "sparse":
        return T0 + chance.choice([-4000, -3999, -700, -90, -8, 0, 1, 400]) * DAY + chance.randint(0, DAY)
    return T0 + chance.choice([-9000 * DAY, chance.randint(0, 5), DAY + chance.randint(0, 60_000_000)])


async def all_pages(store: Store, query: dict[str, Any]) -> list[Page]:
    """Pages up to the last one."""
    out: list[Page] = []
    cursor = None
    while not out or cursor is not None:
        out.append(await store.observations(ObservationQuery(cursor=cursor, **query)))
        cursor = out[-1].cursor
    return out


@pytest.mark.parametrize("crowd", [1, 400])
@pytest.mark.parametrize("shape", ["dense", "sparse", "mixed"])
async def test_pages_of_a_real_store_and_its_twin_are_the_same(
    sql_store: Store, shape: str, crowd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_paging, "CROWD", crowd)
    chance = random.Random(f"{shape} {crowd}")
    writers = await pair(sql_store)
    for i in range(8):
        rows = {
            "gas-detector": [
                {**gas(chance.randint(1, 2), 0), "time": a_time(chance, shape), "id": f"{i} {k}"}
                | {"lon": chance.choice([None, 120.0, 121.0]), "lat": 36.0}
                for k in range(chance.choice([0, 2, 25]))
            ],
            "video-event": [
                {"device": 3, "time": a_time(chance, shape), "track": f"{i} {k}", "event": "smoke"}
                for k in range(chance.choice([0, 1, 9]))
            ],
        }
        for w in writers:
            await w.write(rows)
    for _ in range(16):
        first, last = sorted(a_time(chance, shape) for _ in range(2))
        query = {
            "limit": chance.choice([1, 2, 7, 30, 1000]),
            "start": chance.choice([None, first]),
            "end": chance.choice([None, last]),
            "bbox": chance.choice([None, None, (119.5, 35.0, 120.5, 37.0), (0.0, 0.0, 1.0, 1.0)]),
            "device": chance.choice([None, None, None, "G1"]),
            "sensor_types": chance.choice([[], [], ["gas-detector"], ["video-event"]]),
        }
        assert await all_pages(sql_store, query) == await all_pages(writers[1].store, query)


async def test_tables_of_earlier_versions_get_the_one_small_index(dsn: str) -> None:
    """The migrations on a data base with rows, with parts; and again, where there is nothing left to do."""
    store = await new_store(dsn)
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [{**gas(1, 0), "time": T0 + d * DAY} for d in (-9, 0)]})
    connection = await asyncpg.connect(dsn)
    await connection.execute("DROP INDEX observations.gas_detector_stretch")
    await connection.execute("CREATE INDEX gas_detector_time ON observations.gas_detector (time)")
    await connection.execute("CREATE INDEX gas_detector_position ON observations.gas_detector USING brin (position)")
    for _ in range(2):
        for name, sql in load_migrations():
            if "brin" in name:
                await connection.execute(sql)
        kinds = await connection.fetch(
            "SELECT a.amname, x.indkey::text = (SELECT string_agg(attnum::text, ' ' ORDER BY attname DESC) "
            "FROM pg_attribute WHERE attrelid = x.indrelid AND attname IN ('time', 'position')) "
            "FROM pg_class i JOIN pg_am a ON a.oid = i.relam JOIN pg_index x ON x.indexrelid = i.oid "
            "WHERE NOT x.indisunique AND (x.indrelid = 'observations.gas_detector'::regclass OR x.indrelid IN "
            "(SELECT inhrelid FROM pg_inherits WHERE inhparent = 'observations.gas_detector'::regclass))"
        )
        parts = await connection.fetchval(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'observations.gas_detector'::regclass"
        )
        assert parts >= 2
        assert [tuple(k) for k in kinds] == [("brin", True)] * (1 + parts), "the table and its parts"
    await connection.close()
    await writer.write({"gas-detector": [gas(1, 1)]})
    assert [r["time"][:10] for r in (await store.observations(ObservationQuery())).items] == [
        "2026-06-22",
        "2026-07-01",
        "2026-07-01",
    ]
    await store.close()


async def test_summaries_keep_up_with_rows_unless_a_vacuum_is_at_it(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a data base of its own: rows that others deleted leave room in pages that have their summaries."""
    monkeypatch.setattr(_summaries, "EVERY", ROWS)
    store = await new_store(dsn)
    writer = await Writer.start(store)

    async def store_rows(first: int) -> None:
        await writer.write({"gas-detector": [gas(1, first + i / 10_000) for i in range(ROWS)]})

    connection = await asyncpg.connect(dsn)
    try:
        await store_rows(0)
        await store_rows(10)
        parts = [r[0] for r in await connection.fetch(PARTS_WITH_ROWS)]
        assert len(parts) == 1
        await leave_summaries_to_us(connection, parts[0])
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {parts[0]} IN SHARE UPDATE EXCLUSIVE MODE")
            await store_rows(20)
            missing = sum(await fresh_summaries(connection, parts[0]))
            assert missing > 1, "nobody made them while the lock was held"
        for first in (30, 40, 50):
            await store_rows(first)
        await writer.write({"gas-detector": [gas(1, 60)]})
        assert sum(await fresh_summaries(connection, parts[0])) <= 1, "no more than the last stretch"
    finally:
        await connection.close()
        await store.close()


async def test_room_is_made_before_its_rows_come_for_tables_in_use_only(dsn: str) -> None:
    """At midnight a thousand sensor types would wait for a thousand parts to be made."""
    store = await new_store(dsn)
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0)]})
    connection = await asyncpg.connect(dsn)
    try:

        async def parts() -> dict[str, int]:
            rows = await connection.fetch(
                "SELECT p.relname AS name, count(*) AS n FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent "
                "JOIN pg_namespace n ON n.oid = p.relnamespace WHERE n.nspname = 'observations' GROUP BY 1"
            )
            return {r["name"]: r["n"] for r in rows if r["name"] in ("gas_detector", "video_event")}

        before = await parts()
        assert await store.make_room_ahead(T0 - 2 * DAY) == 0, "there are no rows of the day before"
        assert await parts() == before
        soon, made = T0 - DAY, 0
        while not made:  # where parts are weeks, a week has one such day
            soon += DAY
            assert soon < T0 + 8 * DAY
            made = await store.make_room_ahead(soon)
        after = await parts()
        assert made == 1
        assert after["gas_detector"] == before["gas_detector"] + 1
        assert after.get("video_event") == before.get("video_event"), "it has no rows"
        assert await store.make_room_ahead(soon) == 0
        page = await store.observations(ObservationQuery(sensor_types=["gas-detector"]))
        assert len(page.items) == 1, "what made room has left no row"
    finally:
        await connection.close()
        await store.close()
