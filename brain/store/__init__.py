"""The one door to PostgreSQL.

In go flushes of decoded batches, refused readings, steps of incidents and of people, the registry and the city model;
out come log entries for the scenes, stored rows as pieces or ROWs, incidents, the ledger, and wake-ups. Nothing else of
the platform talks to a data base. ``open_store`` picks the dialect (TimescaleDB where the server has it, else plain
PostgreSQL); ``MemoryStore`` is the same without a server, for tests and try-outs.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from brain.errors import StoreError
from brain.store._door import Door
from brain.store.core import SqlStore
from brain.store.house import keep_house
from brain.store.memory import MemoryStore
from brain.store.postgres import Postgres
from brain.store.timescale import Timescale

if TYPE_CHECKING:
    from brain.store._door import Connection
    from brain.store.base import Store

__all__ = ["MemoryStore", "keep_house", "open_store"]

_SETTLED: Final = "SELECT to_regclass('brain.setting') IS NOT NULL"
_EXTENSION: Final = "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'"


async def open_store(dsn: str, *, pool_size: int = 4, timescale: bool | None = None) -> Store:
    """Open the store of a data base; call ``migrate()`` on it before anything else.

    A data base keeps the dialect it was made with. A new one takes TimescaleDB where the server has preloaded it.

    Args:
        dsn: ``postgresql://user@host/data base``; a unix socket folder as ``?host=/folder``.
        pool_size: Most connections at a time (listening takes one more).
        timescale: For a new data base: False never uses TimescaleDB; None asks the environment (CLOUDBRAIN_TIMESCALE).

    Raises:
        StoreError: Out of reach, or made with TimescaleDB on a server without it.
    """
    wanted = os.environ.get("CLOUDBRAIN_TIMESCALE", "on") != "off" if timescale is None else timescale
    door = await Door.open(dsn, pool_size)
    try:
        async with door.connection() as c:
            extension = await _extension_to_use(c, wanted=wanted)
            server = (await c.fetchval("SHOW server_version")).split()[0]
    except BaseException:
        await door.close()
        raise
    if extension is not None:
        return SqlStore(door, Timescale(), f"timescaledb {extension}")
    return SqlStore(door, Postgres(), f"postgresql {server}")


async def _extension_to_use(c: Connection, *, wanted: bool) -> str | None:
    """Version of TimescaleDB if this data base is to use it; the one it was made with decides."""
    made_with = None
    if await c.fetchval(_SETTLED):
        made_with = await c.fetchval("SELECT value FROM brain.setting WHERE name = 'dialect'")
    if made_with == Postgres.name or (made_with is None and not wanted):
        return None
    extension = await _timescale_version(c)
    if made_with == Timescale.name and extension is None:
        raise StoreError(
            "this data base was made with TimescaleDB and the server does not have it; "
            "start the server with shared_preload_libraries = 'timescaledb'"
        )
    return extension


async def _timescale_version(c: Connection) -> str | None:
    """Version of the extension, made in this data base if need be; None where the server cannot have it."""
    version: str | None = await c.fetchval(_EXTENSION)
    if version is not None:
        return version
    if "timescaledb" not in await c.fetchval("SHOW shared_preload_libraries"):
        return None
    if not await c.fetchval("SELECT count(*) FROM pg_available_extensions WHERE name = 'timescaledb'"):
        return None
    async with c.transaction():
        # several processes may be first at the same time
        await c.execute("SELECT pg_advisory_xact_lock(hashtext('brain.migrate'))")
        await c.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return str(await c.fetchval(_EXTENSION))
