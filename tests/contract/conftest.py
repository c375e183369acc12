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

SCHEMAS = ("observations", "observations_parts", "brain")


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
    """The same address, the data base without our schemas: quicker than a new data base."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET client_min_messages = warning")
        for schema in SCHEMAS:
            await connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")
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
