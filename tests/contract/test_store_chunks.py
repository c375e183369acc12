"""Rows go straight into the newest chunk of their table, and never into one that is no part of it any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from brain.errors import StoreError
from brain.store import open_store
from brain.store.base import Counts, ObservationQuery
from tests.contract.conftest import emptied
from tests.contract.store_world import DAY, GAS, SECOND, T0, VIDEO, Writer, gas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = pytest.mark.timescale

CHUNKS = "SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks ORDER BY range_start"


@pytest.fixture
async def city(data_bases: Callable[[str], str]) -> AsyncIterator[tuple[Any, asyncpg.Connection[asyncpg.Record]]]:
    """A store with two sensor types, and a connection that looks at it from outside."""
    dsn = await emptied(data_bases("timescaledb"))
    store = await open_store(dsn)
    await store.migrate()
    for sensor_type in (GAS, VIDEO):
        await store.put_sensor_type(sensor_type)
    await store.admit([("gas-detector", "G1")])
    connection = await asyncpg.connect(dsn)
    for chunk in await connection.fetch(CHUNKS):  # of earlier tests
        await connection.execute(f"DROP TABLE {chunk[0]}")
    yield store, connection
    await connection.close()
    await store.close()


def sent_to(line: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that COPYs go to from now on."""
    out: list[str] = []
    whole = line.exchange

    async def exchange(steps: Any, **options: Any) -> Any:
        out.extend(s.sql.split()[1] for s in steps if s.data is not None)
        return await whole(steps, **options)

    monkeypatch.setattr(line, "exchange", exchange)
    return out


async def seen(store: Any) -> int:
    return len((await store.observations(ObservationQuery(limit=1000))).items)


async def test_rows_of_the_newest_day_go_into_its_chunk_and_others_by_the_table(
    city: tuple[Any, asyncpg.Connection[asyncpg.Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, connection = city
    writer = await Writer.start(store)
    await writer.write({"gas-detector": [gas(1, 0)]})
    tables = sent_to(store._door._standing, monkeypatch)
    await writer.write({"gas-detector": [gas(1, 1)]})
    (chunk,) = [r[0] for r in await connection.fetch(CHUNKS)]
    await writer.write({"gas-detector": [gas(1, 2), {**gas(1, 3), "time": T0 - 3 * DAY}]})
    await writer.write({"gas-detector": [{**gas(1, 4), "time": T0 + DAY}]})
    await writer.write({"gas-detector": [{**gas(1, 5), "time": T0 + DAY + SECOND}]})
    newest = [r[0] for r in await connection.fetch(CHUNKS)][-1]
    whole = 'observations."gas_detector"'
    assert tables == [chunk, whole, whole, newest]
    again = await writer.write({"gas-detector": [{**gas(1, 5), "time": T0 + DAY + SECOND}]})
    assert again.counts == {"gas-detector": Counts(1, 0, 1, 0)}, "a copy is known in a chunk as in the table"
    assert await seen(store) == 6


async def test_a_chunk_that_was_dropped_is_made_anew(city: tuple[Any, asyncpg.Connection[asyncpg.Record]]) -> None:
    store, connection = city
    writer = await Writer.start(store)
    for k in range(2):
        await writer.write({"gas-detector": [gas(1, k)]})
    everything = "newer_than => timestamptz '1970-01-01'"
    await connection.execute(f"SELECT drop_chunks('observations.gas_detector', {everything})")
    written = await writer.write({"gas-detector": [gas(1, 2)]})
    assert written.counts == {"gas-detector": Counts(1, 1, 0, 0)}
    assert await seen(store) == 1


async def test_a_chunk_that_is_there_but_out_of_use_takes_no_rows(
    city: tuple[Any, asyncpg.Connection[asyncpg.Record]],
) -> None:
    """As one that is compressed, frozen or detached: its table could be written to, and must not be."""
    store, connection = city
    writer = await Writer.start(store)
    for k in range(2):
        await writer.write({"gas-detector": [gas(1, k)]})
    flush = writer.flush({"gas-detector": [gas(1, 2)]})
    await connection.execute("UPDATE _timescaledb_catalog.chunk SET status = 4 WHERE NOT dropped")
    with pytest.raises(StoreError, match="frozen"):
        await store.write(flush)
    await connection.execute("UPDATE _timescaledb_catalog.chunk SET status = 0")
    assert (await store.write(flush)).counts == {"gas-detector": Counts(1, 1, 0, 0)}
    assert await seen(store) == 3
