"""Many statements in one exchange: what they give, what a failure leaves, and what becomes of a cut connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import asyncpg
import pytest

from brain.errors import StoreError
from brain.store import open_store
from brain.store._exchange import Line, Step, int4s, int8, int8s, moments, octet_strings, text, texts
from brain.store.base import Counts
from tests.contract.store_world import GAS, Writer, gas

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def line(sql_dsn: str) -> AsyncIterator[Line]:
    """A line with a table to write to."""
    connection = await asyncpg.connect(sql_dsn)
    await connection.execute("DROP TABLE IF EXISTS public.exchange; CREATE TABLE public.exchange (n int8 UNIQUE)")
    yield Line(connection)
    if not connection.is_closed():
        await connection.execute("DROP TABLE public.exchange")
    await connection.close()


def insert(n: int) -> Step:
    return Step("INSERT INTO public.exchange VALUES ($1)", [int8(n)], keep=True)


def copy(*numbers: int) -> Step:
    rows = b"".join(b"\0\1\0\0\0\x08" + int8(n) for n in numbers)
    data = b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows + b"\xff\xff"
    return Step("COPY public.exchange FROM STDIN (FORMAT binary)", data=data)


NUMBERS = Step("SELECT n FROM public.exchange ORDER BY n")


async def test_statements_and_copies_in_a_row_are_one_transaction(line: Line) -> None:
    got = await line.exchange([insert(1), copy(2, 3), NUMBERS, copy(4), insert(5)])
    assert got[2] == [(int8(n),) for n in (1, 2, 3)]
    assert [r["n"] for r in await line.connection.fetch(NUMBERS.sql)] == [1, 2, 3, 4, 5]
    with pytest.raises(asyncpg.UniqueViolationError):
        await line.exchange([insert(6), copy(7, 1), copy(8), insert(9)])
    assert line.done == 1
    assert [r["n"] for r in await line.connection.fetch(NUMBERS.sql)] == [1, 2, 3, 4, 5]
    await line.exchange([insert(6), copy(7)])
    assert [r["n"] for r in await line.connection.fetch(NUMBERS.sql)] == [1, 2, 3, 4, 5, 6, 7]


async def test_a_block_goes_on_over_exchanges_until_it_is_committed_or_rolled_back(line: Line) -> None:
    await line.exchange([Step("BEGIN"), insert(1)])
    assert line.in_block
    assert await line.connection.fetchval("SELECT count(*) FROM public.exchange") == 1
    await line.exchange([insert(2), Step("COMMIT")])
    assert not line.in_block
    await line.exchange([Step("BEGIN"), insert(3)])
    with pytest.raises(asyncpg.UniqueViolationError):
        await line.exchange([insert(1), Step("COMMIT")])
    assert line.in_block
    await line.roll_back()
    assert not line.in_block
    assert await line.connection.fetchval("SELECT count(*) FROM public.exchange") == 2


async def test_arguments_arrive_as_they_were_given(line: Line) -> None:
    sql = (
        "SELECT to_json(ARRAY[$1::int8[]::text, $2::text[]::text, $3::bytea[]::text, $4::int4[]::text, $5::text])::text"
    )
    said = [int8s([1, -2]), texts(["一", None]), octet_strings([b"\0\xff"]), int4s([7, None]), text("two\nlines")]
    ((got,),) = await line.exchange([Step(sql, said)])
    assert got[0] == (r'["{1,-2}","{一,NULL}","{\"\\\\x00ff\"}","{7,NULL}","two\nlines"]').encode()
    ((empty,),) = await line.exchange(
        [
            Step(
                "SELECT cardinality($1::text[]), $2::timestamptz[] = '{1970-01-01Z}', $3::int8",
                [texts([]), moments([0]), None],
            )
        ]
    )
    assert empty == (bytes(4), b"\1", None)


async def test_large_exchanges_come_through_whole(line: Line) -> None:
    steps = [copy(*range(k * 1000, (k + 1) * 1000)) for k in range(300)]
    await line.exchange([*steps, insert(10**6)])
    assert await line.connection.fetchval("SELECT count(*) FROM public.exchange") == 300_001


async def test_an_exchange_that_takes_too_long_ends_its_connection(line: Line) -> None:
    with pytest.raises(TimeoutError):
        await line.exchange([insert(1), Step("SELECT pg_sleep(60)")], patience_s=0.2)
    assert line.connection.is_closed()
    with pytest.raises(asyncpg.InterfaceError):
        await line.exchange([insert(2)])


async def test_an_exchange_whose_server_ends_is_an_error(line: Line, sql_dsn: str) -> None:
    pid = line.connection.get_server_pid()
    waiting = asyncio.create_task(line.exchange([insert(1), Step("SELECT pg_sleep(60)")]))
    admin = await asyncpg.connect(sql_dsn)
    while not await admin.fetchval(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%pg_sleep%'", pid
    ):
        await asyncio.sleep(0.01)
    with pytest.raises((OSError, asyncpg.PostgresError)):
        await waiting
    assert line.connection.is_closed()
    assert await admin.fetchval("SELECT count(*) FROM public.exchange") == 0
    await admin.execute("DROP TABLE public.exchange")
    await admin.close()


async def test_a_standing_connection_that_was_ended_between_flushes_is_made_anew(sql_dsn: str) -> None:
    store = await open_store(sql_dsn)
    await store.migrate()
    await store.put_sensor_type(GAS)
    writer = await Writer.start(store)
    for k in range(3):
        flush = writer.flush({"gas-detector": [gas(1, k)]})
        written, refusals = None, []
        for _ in range(5):  # as ingest does: try again until it is stored
            try:
                written = await store.write(flush)
                break
            except StoreError as error:
                refusals.append(error)
        assert written is not None
        assert not any(e.poison for e in refusals)
        assert written.counts == {"gas-detector": Counts(1, 1, 0, 0)}
        admin = await asyncpg.connect(sql_dsn)
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'cloudbrain'"
        )
        await admin.close()
    await store.close()
