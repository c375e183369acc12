"""The stores of the contract suite: the twin in memory and both dialects, each empty at the start of a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import pytest

from brain.store import MemoryStore, open_store
from tests.contract.store_world import GAS, VIDEO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from brain.store.base import Store

#: Deletes what a test may have written; the two tables of observations that nearly every test uses stay, without rows.
EMPTY = """
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'brain' AND tablename NOT IN
        ('setting', 'migration', 'head', 'event_head')
    LOOP
        EXECUTE format('DELETE FROM brain.%I', name);
    END LOOP;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'observations' LOOP
        IF name IN ('gas_detector', 'video_event') AND NOT EXISTS (
            SELECT FROM information_schema.columns c
            WHERE c.table_schema = 'observations' AND c.table_name = name AND c.column_name = 'ppm')
        THEN
            EXECUTE format('DELETE FROM observations.%I', name);
        ELSE
            EXECUTE format('DROP TABLE observations.%I CASCADE', name);
        END IF;
    END LOOP;
    UPDATE brain.head SET epoch = 0, position = 0, received_at = 'epoch', entry = 0, token = 0, ignored = 0;
    UPDATE brain.event_head SET event = 0;
    ALTER TABLE brain.quarantine ALTER COLUMN quarantine_id RESTART;
    ALTER TABLE brain.inbox ALTER COLUMN inbox_id RESTART;
    ALTER TABLE brain.outbox ALTER COLUMN outbox_id RESTART;
END
$$
"""


@pytest.fixture(scope="session")
def data_bases(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Address of one data base a dialect, made when first asked for; it lives as long as the session."""
    made: dict[str, str] = {}

    def address(dialect: str) -> str:
        if dialect not in made:
            servers = request.getfixturevalue("postgres_servers")
            servers.get(dialect)
            made[dialect] = request.getfixturevalue("services").enter(servers.database(dialect))
        return made[dialect]

    return address


async def emptied(dsn: str) -> str:
    """The same address, the data base as good as new: quicker than a new one."""
    connection = await asyncpg.connect(dsn)
    try:
        if await connection.fetchval("SELECT to_regclass('brain.setting')") is not None:
            await connection.execute(EMPTY)
    finally:
        await connection.close()
    return dsn


@pytest.fixture(params=["timescaledb", "postgresql"])
async def sql_dsn(request: pytest.FixtureRequest, data_bases: Callable[[str], str]) -> str:
    """Address of an empty data base, for what only real stores can do."""
    return await emptied(data_bases(request.param))


@pytest.fixture
async def sql_store(sql_dsn: str) -> AsyncIterator[Store]:
    """A real store with the two sensor types of ``store_world``."""
    opened = await open_store(sql_dsn)
    await opened.migrate()
    for sensor_type in (GAS, VIDEO):
        await opened.put_sensor_type(sensor_type)
    yield opened
    await opened.close()


@pytest.fixture(params=["memory", "timescaledb", "postgresql"])
async def store(request: pytest.FixtureRequest, data_bases: Callable[[str], str]) -> AsyncIterator[Store]:
    """Every store, migrated, with the two sensor types of ``store_world``."""
    opened: Store = MemoryStore()
    if request.param != "memory":
        opened = await open_store(await emptied(data_bases(request.param)))
    await opened.migrate()
    for sensor_type in (GAS, VIDEO):
        await opened.put_sensor_type(sensor_type)
    yield opened
    await opened.close()
