"""A bare binary COPY of rows made beforehand, into a table as ingest's: what the data base takes on one connection."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import asyncpg

from brain.bench.fill import fill_statement
from brain.store import open_store
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from brain.model import SensorType

__all__ = ["Copier"]

_ROWS: Final = 10_000  # of one transaction
_SPARE: Final = 3  # batches that warm up


class Copier:
    """Rows of one sensor type, prepared as bytes; each run copies the next of them.

    Args:
        dsn: Of an empty data base.
    """

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._batches: list[bytes] = []
        self._columns: list[str] = []
        self._type: SensorType = next(t for t in load_builtin() if t.id == "gas-detector")

    async def prepare(self, rows: int) -> None:
        """Make the table and the bytes of so many rows and the spare ones."""
        store = await open_store(self._dsn)
        try:
            await store.migrate()
            await store.put_sensor_type(self._type)
        finally:
            await store.close()
        insert = fill_statement(self._type)
        self._columns = [c.strip(' "') for c in insert[insert.index("(") + 1 : insert.index(")")].split(",")]
        listed = ", ".join(f'"{c}"' for c in self._columns)
        table = f'observations."{self._type.table}"'
        start = datetime.now(UTC)
        connection: Any = await asyncpg.connect(self._dsn)
        try:
            for k in range(rows // _ROWS + _SPARE):
                first, last = k * _ROWS, (k + 1) * _ROWS
                await connection.execute(
                    insert, first, last, list(range(1, 1001)), start, timedelta(microseconds=10), 0
                )
                out = io.BytesIO()
                select = f"SELECT {listed} FROM {table} ORDER BY position"  # noqa: S608 - names of a built-in type
                await connection.copy_from_query(select, output=out, format="binary")
                self._batches.append(out.getvalue())
                await connection.execute(f"TRUNCATE {table}")
        finally:
            await connection.close()
        await self.run(_SPARE * _ROWS)

    async def run(self, rows: int) -> dict[str, float]:
        """Copy the next rows, 10,000 a transaction: rows a second."""
        connection: Any = await asyncpg.connect(self._dsn)
        done = 0
        try:
            began = time.perf_counter()
            while done < rows and self._batches:
                source = io.BytesIO(self._batches.pop(0))
                await connection.copy_to_table(
                    self._type.table, schema_name="observations", source=source, format="binary", columns=self._columns
                )
                done += _ROWS
            took = time.perf_counter() - began
        finally:
            await connection.close()
        return {"rows": done, "rows_stored_per_s": round(done / took, 1)}
