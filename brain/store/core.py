"""The SQL store: the same statements for both dialects, put together from its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.store._listen import listen
from brain.store._queries import QueriesPart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from brain.store._dialect import Dialect
    from brain.store._door import Door

__all__ = ["SqlStore"]


class SqlStore(QueriesPart):
    """``brain.store.base.Store`` on PostgreSQL; make it with ``brain.store.open_store``.

    Lifetime: close it once. Safe for tasks of one event loop.
    """

    def __init__(self, door: Door, dialect: Dialect, storage: str) -> None:
        super().__init__()
        self._door = door
        self._dialect = dialect
        self.storage = storage

    async def close(self) -> None:
        """Give connections back."""
        await self._door.close()

    def listen(self, *channels: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Wake-ups; see ``Store.listen``."""
        return listen(self._door.dsn, channels)
