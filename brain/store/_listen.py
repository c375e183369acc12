"""Wake-ups by NOTIFY: a connection of its own that comes back by itself. Calls of a channel that wait become one."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from brain.errors import StoreError
from brain.store._door import connect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

__all__ = ["CHANNELS", "WakeUps", "listen"]

CHANNELS: Final = ("log", "incidents", "inbox", "registry", "devices")
#: A connection that says nothing for so long is asked whether it is still there (a cut cable tells nobody).
_ASK_AFTER: Final = 15.0
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 2.0


class WakeUps:
    """Channels that were called and not yet seen, each once: bounded whatever the traffic."""

    def __init__(self, channels: Sequence[str]) -> None:
        self.channels = tuple(channels)
        self._waiting: dict[str, None] = {}
        self._called = asyncio.Event()

    def call(self, *channels: str) -> None:
        """Wake up the iterator for these channels."""
        self._waiting.update(dict.fromkeys(channels))
        self._called.set()

    def __aiter__(self) -> AsyncIterator[str]:
        return self

    async def __anext__(self) -> str:
        await self._called.wait()
        channel = next(iter(self._waiting))
        del self._waiting[channel]
        if not self._waiting:
            self._called.clear()
        return channel


@contextlib.asynccontextmanager
async def listen(dsn: str, channels: Sequence[str]) -> AsyncIterator[AsyncIterator[str]]:
    """Wake-ups of these channels (all four where none is named).

    When this returns, the server listens: what is notified later wakes up. After a lost connection every channel is
    called once, since a call may have been lost with it.

    Raises:
        StoreError: The first connection fails.
    """
    wake_ups = WakeUps(channels or CHANNELS)
    unknown = set(wake_ups.channels) - set(CHANNELS)
    if unknown:
        raise StoreError(f"there is no channel {min(unknown)!r}; listen to some of {', '.join(CHANNELS)}")
    connection = await _open(dsn, wake_ups)
    keeper = asyncio.create_task(_keep(dsn, wake_ups, connection))
    try:
        yield wake_ups
    finally:
        keeper.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await keeper


async def _open(dsn: str, wake_ups: WakeUps) -> asyncpg.Connection[asyncpg.Record]:
    connection = await connect(dsn)

    def called(_connection: Any, _pid: int, channel: str, _payload: object) -> None:
        wake_ups.call(channel)

    try:
        for channel in wake_ups.channels:
            await connection.add_listener(channel, called)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _keep(dsn: str, wake_ups: WakeUps, connection: asyncpg.Connection[asyncpg.Record]) -> None:
    """Watch the connection; make a new one, with growing patience, when it is gone."""
    while True:
        try:
            await _until_gone(connection)
        finally:
            connection.terminate()
        wait = _FIRST_WAIT
        while True:
            try:
                connection = await _open(dsn, wake_ups)
                break
            except (StoreError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT)
        wake_ups.call(*wake_ups.channels)


async def _until_gone(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    gone = asyncio.Event()
    connection.add_termination_listener(lambda _: gone.set())
    if connection.is_closed():
        return
    while True:
        try:
            async with asyncio.timeout(_ASK_AFTER):
                await gone.wait()
                return
        except TimeoutError:
            pass
        try:
            await connection.execute("SELECT 1", timeout=_ASK_AFTER)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            return
