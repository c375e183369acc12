"""Wake-ups of the data base, listened to once and handed to everybody here who waits."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from brain.errors import StoreError

if TYPE_CHECKING:
    from brain.store.base import Store

__all__ = ["CHANNELS", "Wakes"]

CHANNELS: Final = ("log", "incidents", "registry", "devices")
_PAUSE_S: Final = 1.0


class Wakes:
    """One listener for all.

    Waiters remember how many wake-ups of a channel they have seen, so none is missed between look and wait.

    For tasks of one event loop. ``run`` is its life and never returns by itself.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._count = dict.fromkeys(CHANNELS, 0)
        self._events = {c: asyncio.Event() for c in CHANNELS}

    def count(self, channel: str) -> int:
        """How many wake-ups of the channel there have been."""
        return self._count[channel]

    def wake(self, channel: str) -> None:
        """Wake whoever waits for the channel."""
        if channel in self._count:
            self._count[channel] += 1
            self._events[channel].set()
            self._events[channel] = asyncio.Event()

    async def wait(self, channel: str, seen: int, timeout_s: float) -> int:
        """Wait until there were more than ``seen`` wake-ups, at most so long; the number there are now."""
        if self._count[channel] <= seen:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._events[channel].wait()
        return self._count[channel]

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                async with self._store.listen(*CHANNELS) as channels:
                    # What came before anybody listened was heard by nobody.
                    for channel in CHANNELS:
                        self.wake(channel)
                    async for channel in channels:
                        self.wake(channel)
            except StoreError:
                pass
            # The data base was out of reach: whoever waits looks for himself.
            await asyncio.sleep(_PAUSE_S)
            for channel in CHANNELS:
                self.wake(channel)
