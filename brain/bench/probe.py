"""A look into the data base while it is measured: the end of the log, the scenes' offset, sizes. Reads; fills history.

The only module of the benchmarks that speaks to the driver itself: what it asks must not go through the code it times.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import asyncpg

from brain.bench.figures import percentiles

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["End", "Probe", "Watch"]

_END = "SELECT position, entry FROM brain.head"
_LEASE = "SELECT coalesce(max(entry), 0) FROM brain.lease"
_SIZE = """
SELECT sum(pg_table_size(part)) AS heap, sum(pg_indexes_size(part)) AS indexes, (SELECT count(*) FROM {table}) AS rows
FROM (SELECT inhrelid AS part FROM pg_inherits WHERE inhparent = $1::regclass UNION SELECT $1::regclass) parts
"""


class End(NamedTuple):
    """The end of the log: position of the last row, number of the last entry."""

    position: int
    entry: int


class Watch:
    """What was seen of the head since it was made: (CLOCK_MONOTONIC ns, position, entry), in order."""

    def __init__(self, base: End) -> None:
        self.base = base
        self.seen: list[tuple[int, int, int]] = []

    def when(self, rows: int) -> tuple[int, int] | None:
        """When so many rows were first seen committed, and the entry they were seen with; None: not yet."""
        if not self.seen or self.seen[-1][1] - self.base.position < rows:
            return None
        at, _, entry = next(s for s in self.seen if s[1] - self.base.position >= rows)
        return at, entry

    def latencies_ms(self, scheduled: Sequence[int], readings: int = 1) -> dict[str, float]:
        """From the scheduled time of each message (ns) to the first look that saw its last row."""
        out: list[float] = []
        k = 0
        for i, due in enumerate(scheduled):
            wanted = self.base.position + (i + 1) * readings
            while k < len(self.seen) and self.seen[k][1] < wanted:
                k += 1
            if k == len(self.seen):
                break
            out.append((self.seen[k][0] - due) / 1e6)
        return percentiles(out)


class Probe:
    """Two connections to a data base: one listens, one asks. An async context manager, for one event loop."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._called = asyncio.Event()
        self._watching: asyncio.Task[None] | None = None
        self._moved = asyncio.Event()
        self.watch = Watch(End(0, 0))

    async def __aenter__(self) -> Self:
        self._asks = await asyncpg.connect(self._dsn, server_settings={"jit": "off"})
        self._hears = await asyncpg.connect(self._dsn, server_settings={"jit": "off"})
        self._asking = asyncio.Lock()
        for channel in ("log", "incidents"):
            await self._hears.add_listener(channel, lambda *_: self._called.set())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_watch()
        for connection in (self._asks, self._hears):
            with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=5)

    async def end(self) -> End:
        """The end of the log now."""
        async with self._asking:
            row = await self._asks.fetchrow(_END)
        assert row is not None
        return End(row["position"], row["entry"])

    async def judged(self) -> int:
        """The log entry whose effects the scenes have committed."""
        return int(await self.value(_LEASE))

    async def value(self, sql: str, *arguments: Any) -> Any:
        """First value of one statement."""
        async with self._asking:
            return await self._asks.fetchval(sql, *arguments)

    async def execute(self, sql: str, *arguments: Any, timeout: float = 300) -> None:  # noqa: ASYNC109 - the driver's
        """One statement whose answer nobody wants."""
        async with self._asking:
            await self._asks.execute(sql, *arguments, timeout=timeout)

    async def start_watch(self) -> Watch:
        """Look at the head at every commit of ingest from now on."""
        await self.stop_watch()
        self.watch = Watch(await self.end())
        self._called.clear()
        self._watching = asyncio.create_task(self._keep_looking(self.watch))
        return self.watch

    async def stop_watch(self) -> None:
        """Look no more."""
        task, self._watching = self._watching, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_looking(self, watch: Watch) -> None:
        while True:
            await self._called.wait()
            self._called.clear()
            end = await self.end()
            if not watch.seen or end.entry != watch.seen[-1][2]:
                watch.seen.append((time.monotonic_ns(), *end))
            self._moved.set()

    async def committed(self, rows: int, patience_s: float) -> tuple[int, int] | None:
        """Wait until so many rows are committed since ``start_watch``: when, and with which entry; None: too late."""
        deadline = time.monotonic() + patience_s
        while (found := self.watch.when(rows)) is None and time.monotonic() < deadline:
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), 0.5)
        return found

    async def evaluated(self, entry: int, patience_s: float) -> int | None:
        """Wait until the scenes have committed this entry: when (ns); None: too late. Looks every 5 ms."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if await self.judged() >= entry:
                return time.monotonic_ns()
            await asyncio.sleep(0.005)
        return None

    async def ledger(self) -> dict[str, int]:
        """The ledger, all sensor types together."""
        async with self._asking:
            row = await self._asks.fetchrow(
                "SELECT coalesce(sum(received), 0)::int8 AS received, coalesce(sum(stored), 0)::int8 AS stored, "
                "coalesce(sum(duplicate), 0)::int8 AS duplicate, coalesce(sum(quarantined), 0)::int8 AS quarantined "
                "FROM brain.ledger"
            )
        assert row is not None
        return dict(row)

    async def bytes_a_row(self, table: str) -> dict[str, float]:
        """Heap and index bytes a row of a table of observations, all its chunks, after VACUUM."""
        name = f'observations."{table}"'
        await self.execute(f"VACUUM (ANALYZE) {name}")
        async with self._asking:
            row = await self._asks.fetchrow(_SIZE.format(table=name), name)
        assert row is not None
        rows = max(1, row["rows"])
        heap, indexes = float(row["heap"]) / rows, float(row["indexes"]) / rows
        return {"rows": rows, "heap": round(heap, 1), "indexes": round(indexes, 1), "total": round(heap + indexes, 1)}
