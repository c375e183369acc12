"""The hub of the live stream: steps of incidents, encoded once for all who listen, and the health of the platform.

Steps are never lost and never merged: every listener keeps the number of the last step it was sent, takes newer ones
from a bounded ring here, and from the store when it is further behind. Health is newest-wins. Nothing is read while
nobody listens.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from brain.errors import StoreError
from brain.store.base import split_ledger, total_of
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Callable

    from brain.store.base import Store
    from brain.web.wakes import Wakes

__all__ = ["Feed", "LiveStep", "sse"]

_RING: Final = 2_000
_BATCH: Final = 200
_LOOK_ANYWAY_S: Final = 5.0
_PAUSE_S: Final = 1.0
_encode = msgspec.json.Encoder(decimal_format="number").encode


class LiveStep(NamedTuple):
    """A step as it goes over the wire; ``number`` orders all steps of all incidents."""

    number: int
    wire: bytes


def sse(data: bytes, *, event: str, number: int | None = None) -> bytes:
    r"""One server-sent event; ``data`` is JSON and so has no line break.

    Example:
        >>> sse(b"{}", event="incident", number=7)
        b'event: incident\nid: 7\ndata: {}\n\n'
    """
    head = f"event: {event}\n" + (f"id: {number}\n" if number is not None else "")
    return head.encode() + b"data: " + data + b"\n\n"


class Feed:
    """Steps after a number, and the newest health event; lives as ``run`` does.

    Attributes:
        listeners: How many streams are open.
        health: The newest health event on the wire, and its number.
    """

    def __init__(self, store: Store, wakes: Wakes, clock: Callable[[], int], health_every_s: float) -> None:
        self._store = store
        self._wakes = wakes
        self._clock = clock
        self._every_s = health_every_s
        self._ring: deque[LiveStep] = deque(maxlen=_RING)
        self._floor = self._top = -1
        self._changed = asyncio.Event()
        self._wanted = asyncio.Event()
        self._last_received: tuple[float, int] | None = None
        self.listeners = 0
        self.health: tuple[int, bytes] = (0, b"")

    def join(self) -> None:
        """A listener comes."""
        self.listeners += 1
        self._wanted.set()

    def leave(self) -> None:
        """A listener goes; with the last one the reading ends."""
        self.listeners -= 1
        if not self.listeners:
            self._wanted.clear()
            self.stir()

    def changed(self) -> asyncio.Event:
        """Set at the next change; take it before looking, wait for it after."""
        return self._changed

    def stir(self) -> None:
        """Let every listener look again."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def after(self, number: int) -> list[LiveStep]:
        """Some of the steps after a number, in order; empty when there are none now.

        Raises:
            StoreError: The data base is out of reach.
        """
        if self._floor < 0 or number < self._floor:
            return await self._read(number)
        at = bisect_right(self._ring, number, key=lambda s: s.number)
        return [self._ring[i] for i in range(at, min(len(self._ring), at + _BATCH))]

    async def _read(self, number: int) -> list[LiveStep]:
        return [
            LiveStep(event, sse(_encode({"log": log, "incident": incident}), event="incident", number=event))
            for event, log, incident in await self._store.steps_after(number, _BATCH)
        ]

    async def run(self) -> None:
        """Follow the steps and the health until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._watch())

    async def _follow(self) -> None:
        while True:
            if not self.listeners:
                self._ring.clear()
                self._floor = self._top = -1
                await self._wanted.wait()
            try:
                seen = self._wakes.count("incidents")
                if self._top < 0:
                    self._floor = self._top = await self._store.last_event()
                while steps := await self._read(self._top):
                    full = len(self._ring) + len(steps) - _RING
                    if full > 0:
                        self._floor = self._ring[min(full, len(self._ring)) - 1].number if self._ring else self._top
                    self._ring.extend(steps)
                    self._top = steps[-1].number
                    self.stir()
                await self._wakes.wait("incidents", seen, _LOOK_ANYWAY_S)
            except StoreError:
                await asyncio.sleep(_PAUSE_S)

    async def _watch(self) -> None:
        while True:
            await self._wanted.wait()
            try:
                document = await self.measure()
                self.health = (self.health[0] + 1, sse(_encode(document), event="health"))
                self.stir()
            except StoreError:
                pass
            await asyncio.sleep(self._every_s)

    async def measure(self) -> dict[str, Any]:
        """Ledger, readings a second since the last look (both without drills), how far the log is behind the clock."""
        real, drills = split_ledger((await self._store.ledger())[0])
        total = total_of(real)
        now = time.monotonic()
        rate = 0.0
        if self._last_received is not None and now > self._last_received[0]:
            rate = (total["received"] - self._last_received[1]) / (now - self._last_received[0])
        self._last_received = now, total["received"]
        at = self._clock()
        _, moved = await self._store.log_end()
        lag = None if not moved else max(0.0, (at - moved) / 1e6)
        return {
            "ledger": {"total": total, "exercise": total_of(drills)},
            "rate_per_s": round(max(rate, 0.0), 1),
            "lag_s": None if lag is None else round(lag, 3),
            "at": iso(at),
        }
