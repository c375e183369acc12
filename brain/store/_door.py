"""The door itself: a pool of connections, times as microseconds, and the data base's errors in our words."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from brain.errors import StoreError
from brain.store._exchange import Line
from brain.store.rows import EPOCH_2000

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from asyncpg.pool import PoolConnectionProxy

    Connection = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]

__all__ = ["Door", "connect", "store_error"]

_SETTINGS: Final = {
    "application_name": "cloudbrain",
    "jit": "off",
    "timezone": "UTC",
    # A machine or a line that dies within a transaction says nothing, and its server would hold our locks for hours:
    # the server gives them up by itself, a little after we have given up waiting.
    "idle_in_transaction_session_timeout": "20s",
    "statement_timeout": "65s",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

#: A COPY meets half a surrogate pair while it encodes, so that comes as Python's own error.
_TROUBLE: Final = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, UnicodeError)
#: The same value will be refused again: bad texts and numbers, broken rules, an id too long for an index.
_POISON: Final = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    UnicodeError,
)


def store_error(trouble: BaseException) -> StoreError:
    """Our error for one of the driver: says what the data base said, and whether a new try can help."""
    said = str(trouble).strip().rstrip(".") or type(trouble).__name__
    poison = isinstance(trouble, _POISON)
    hint = "the same values will be refused again" if poison else "try again when it is back"
    error = StoreError(f"the data base could not do this ({said}); {hint}")
    error.poison = poison
    error.too_much = isinstance(trouble, asyncpg.OutOfMemoryError)
    return error


async def prepare_connection(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Times go in and out as integer microseconds since 1970: no datetime objects on the way of the data."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        format="tuple",
        encoder=lambda us: (us - EPOCH_2000,),
        decoder=lambda since_2000: since_2000[0] + EPOCH_2000,
    )


async def connect(dsn: str, *, timeout: float = 10) -> asyncpg.Connection[asyncpg.Record]:  # noqa: ASYNC109
    """One connection outside the pool, e.g. for listening."""
    try:
        return await asyncpg.connect(dsn, timeout=timeout, server_settings=_SETTINGS)
    except (*_TROUBLE, ValueError) as trouble:
        raise store_error(trouble) from trouble


async def _nothing_to_reset(_connection: object) -> None:
    """No session setting, cursor or lock of ours outlives its transaction: spares a round trip per use."""


async def _is_rolled_back(line: Line, trouble: BaseException) -> bool:
    """Roll back after an error that left the connection standing."""
    if not isinstance(trouble, Exception):
        return False
    try:
        if line.connection.is_closed():
            return False
        await line.roll_back()
    except (*_TROUBLE, TimeoutError):
        return False
    return True


def _cut(connection: Connection) -> None:
    """End a connection at once. One that was lost has left the pool by itself, and then may not even be asked."""
    with contextlib.suppress(asyncpg.InterfaceError):
        connection.terminate()


class Door:
    """A pool and ways to borrow from it; every error that leaves is a StoreError.

    Lifetime: ``await Door.open(dsn, n)``, then ``close()`` once. Safe for tasks of one event loop.
    """

    def __init__(self, dsn: str, pool: asyncpg.Pool[asyncpg.Record]) -> None:
        self.dsn = dsn
        self._pool = pool
        self._standing: Line | None = None
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, dsn: str, pool_size: int) -> Door:
        """Open the pool; one connection is made at once, so that a wrong address shows here."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=0,  # nothing is restored behind our back: while the data base is away nobody asks for it
                max_size=pool_size,
                init=prepare_connection,
                reset=_nothing_to_reset,
                command_timeout=60,
                timeout=10,
                server_settings=_SETTINGS,
                # A connection idle this long is closed, so that a pool that once was busy does not hold servers.
                max_inactive_connection_lifetime=300,
            )
        except (*_TROUBLE, ValueError) as trouble:
            raise store_error(trouble) from trouble
        door = cls(dsn, pool)
        try:
            await door.value("SELECT 1")
        except BaseException:
            pool.terminate()
            raise
        return door

    async def close(self) -> None:
        """Give the connections back; cuts those that do not end within 5 s."""
        if self._standing is not None:
            _cut(self._standing.connection)
            self._standing = None
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except (*_TROUBLE, TimeoutError):
            self._pool.terminate()

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Borrow a connection."""
        try:
            async with self._pool.acquire(timeout=10) as connection:
                yield connection
        except _TROUBLE as trouble:
            if isinstance(trouble, TimeoutError):  # the line may be dead: each of its connections would cost as long
                await self._pool.expire_connections()
            raise store_error(trouble) from trouble

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Borrow a connection with an open transaction: committed at the end, rolled back on any error."""
        async with self.connection() as connection:
            transaction = connection.transaction()
            await transaction.start()
            try:
                yield connection
            except TimeoutError:  # who did not answer will not answer a ROLLBACK either; the server does that by itself
                _cut(connection)
                raise
            except BaseException:
                await transaction.rollback()
                raise
            await transaction.commit()

    @contextlib.asynccontextmanager
    async def standing(self) -> AsyncIterator[Line]:
        """A connection that is kept from one use to the next, for a task that writes all day; one use at a time.

        An error rolls back what the block began; where that fails, or the task is cancelled, the connection is cut and
        the next use makes a new one.
        """
        async with self._writing:
            line: Line | None = None
            try:
                if self._standing is None:
                    self._standing = Line(await self._pool.acquire(timeout=10))
                line = self._standing
                yield line
            except BaseException as trouble:
                if line is not None and not await _is_rolled_back(line, trouble):
                    self._standing = None
                    _cut(line.connection)
                    await self._pool.release(line.connection)  # type: ignore[arg-type]
                if isinstance(trouble, _TROUBLE):
                    raise store_error(trouble) from trouble
                raise

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        """Rows of one statement."""
        async with self.connection() as connection:
            return await connection.fetch(sql, *arguments)

    async def value(self, sql: str, *arguments: Any) -> Any:
        """First value of one statement, None without a row."""
        async with self.connection() as connection:
            return await connection.fetchval(sql, *arguments)
