"""Looks at the data base ten times a second while it is being hurt; by a way of its own, past any proxy."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import NamedTuple

import asyncpg

_SQL = """
SELECT h.epoch, h.position, h.entry, h.received_at,
       coalesce(l.epoch, 0) AS lease_epoch, coalesce(l.entry, 0) AS lease_entry, coalesce(c.entry, 0) AS checkpoint,
       (SELECT event FROM brain.event_head) AS event,
       (SELECT array[coalesce(sum(received), 0), coalesce(sum(stored), 0), coalesce(sum(duplicate), 0),
                     coalesce(sum(quarantined), 0)]::int8[] FROM brain.ledger) AS ledger,
       (SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cloudbrain') AS connections
FROM brain.head h LEFT JOIN brain.lease l ON true LEFT JOIN brain.checkpoint c USING (name)
"""


class Sample(NamedTuple):
    """The state of the log at one instant; ``ledger`` is (received, stored, duplicate, quarantined)."""

    at: float
    epoch: int
    position: int
    entry: int
    received_at: int
    lease_epoch: int
    lease_entry: int
    checkpoint: int
    event: int
    ledger: tuple[int, int, int, int]
    connections: int


class Sampler:
    """A thread that keeps samples; data bases come and go."""

    def __init__(self, dsn: str, every_s: float = 0.1) -> None:
        self.dsn, self.every_s = dsn, every_s
        self.samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="sampler", daemon=True)

    def __enter__(self) -> Sampler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(20)

    def now(self) -> Sample | None:
        """The newest sample, unless it is older than two seconds."""
        newest = self.samples[-1] if self.samples else None
        return newest if newest and time.monotonic() - newest.at < 2 else None

    async def _run(self) -> None:
        connection: asyncpg.Connection[asyncpg.Record] | None = None
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(5):
                    if connection is None:
                        connection = await asyncpg.connect(self.dsn)
                    r = await connection.fetchrow(_SQL)
                if r is not None:
                    first = [r[name] for name in Sample._fields[1:9]]
                    first[3] = round(r["received_at"].timestamp() * 1e6)
                    self.samples.append(Sample._make((time.monotonic(), *first, tuple(r["ledger"]), r["connections"])))
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
                if connection is not None:
                    connection.terminate()
                connection = None
            await asyncio.sleep(self.every_s)
        if connection is not None:
            connection.terminate()
