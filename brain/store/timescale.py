"""TimescaleDB: a hypertable per sensor type, a chunk per day, made by the extension as rows arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.store._dialect import SCHEMA, Room, create_columns, index_statements, quoted
from brain.store._exchange import Step, int4s, int8
from brain.store._summaries import Summaries

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from brain.model import SensorType
    from brain.store._door import Connection, Door
    from brain.store.rows import Column

__all__ = ["Timescale"]

_CHUNK: Final = (
    "SELECT format('%I.%I', chunk_schema, chunk_name) FROM timescaledb_information.chunks "
    "WHERE hypertable_schema = 'observations' AND hypertable_name = $1 AND range_start <= $2 AND range_end > $2"
)


_FIND: Final = """
SELECT c.hypertable_name AS table, k.id, format('%I.%I', c.chunk_schema, c.chunk_name) AS name,
       c.range_start, c.range_end
FROM unnest($1::text[], $2::timestamptz[]) AS g (name, time)
JOIN timescaledb_information.chunks c
    ON c.hypertable_schema = 'observations' AND c.hypertable_name = g.name
    AND c.range_start <= g.time AND g.time < c.range_end
JOIN _timescaledb_catalog.chunk k ON k.schema_name = c.chunk_schema AND k.table_name = c.chunk_name
WHERE k.status = 0 AND NOT k.dropped
"""
#: Behind the rows, which hold off whoever wants to drop, detach or compress a chunk until they are committed.
_CHECK: Final = """
SELECT 1 / (count(*) = $2::int8)::int FROM _timescaledb_catalog.chunk
WHERE id = ANY ($1::int[]) AND status = 0 AND NOT dropped
"""
#: Tables that have a chunk of the day before a time, and none of that time.
_OPEN_SOON: Final = """
SELECT c.hypertable_name AS table FROM timescaledb_information.chunks c
WHERE c.hypertable_schema = 'observations' AND c.hypertable_name = ANY ($1::text[])
GROUP BY 1
HAVING bool_or(c.range_start <= $2::timestamptz - interval '1 day' AND c.range_end > $2::timestamptz - interval '1 day')
    AND NOT bool_or(c.range_start <= $2 AND c.range_end > $2)
ORDER BY 1
"""
_HOUR: Final = 3_600_000_000
_FEW: Final = 64  # up to so many values are looked through faster as a list


async def _open(connection: Connection, sensor_type: SensorType, time: int) -> None:
    """Make the chunk of a time: a row comes and goes within the transaction, the extension offers no other way."""
    table = quoted(sensor_type)
    key, value = (", row_key", ", ''") if sensor_type.key else ("", "")
    columns = f"time, received_at, position, device_id{key}"
    await connection.execute(f"INSERT INTO {table} ({columns}) VALUES ($1, $1, 0, 0{value})", time)  # noqa: S608
    await connection.execute(f"DELETE FROM {table} WHERE time = $1 AND device_id = 0 AND position = 0", time)  # noqa: S608


class _Chunk(NamedTuple):
    """The newest chunk of a table: its id and name as SQL (None: it is not there, or compressed), and its times."""

    id: int
    name: str | None
    start: int
    end: int


def _ends(times: NDArray[np.int64]) -> tuple[int, int]:
    if len(times) > _FEW:
        return int(times.min()), int(times.max())
    few = times.tolist()
    return min(few), max(few)


class Timescale:
    """Hypertables of the Apache edition: no compression, no continuous aggregates."""

    name = "timescaledb"

    def __init__(self) -> None:
        self._summaries = Summaries(_CHUNK)
        self._newest: dict[str, _Chunk] = {}
        self._unknown: set[str] = set()  # tables whose newest chunk is to be found

    async def create_table(self, connection: Connection, sensor_type: SensorType, columns: Sequence[Column]) -> None:
        """CREATE TABLE, then create_hypertable without the default index on time (ours are made here)."""
        table = quoted(sensor_type)
        await connection.execute(f"CREATE TABLE {table} ({create_columns(sensor_type, columns)})")
        await connection.execute(
            "SELECT create_hypertable($1::regclass, 'time', chunk_time_interval => interval '1 day', "
            "create_default_indexes => false)",
            table,
        )
        for statement in index_statements(sensor_type):
            await connection.execute(statement)
        await _open(connection, sensor_type, await connection.fetchval("SELECT now()"))

    async def make_room_ahead(self, door: Door, sensor_types: Sequence[SensorType], time: int) -> int:
        """The chunks of a time for tables that have rows of late: made at midnight, they would hold all rows up."""
        made = 0
        wanted = {t.table: t for t in sensor_types if t.into is None}
        for name in await door.fetch(_OPEN_SOON, list(wanted), time):
            async with door.transaction() as c:  # one at a time: whoever writes waits for none but his own
                await _open(c, wanted[name["table"]], time)
            made += 1
        return made

    async def make_room(self, door: Door, rows: Sequence[tuple[SensorType, NDArray[np.int64]]]) -> Room:
        """Chunks are made by the extension, which finds the one of each row anew in every COPY.

        That is a third of the work for a COPY of a few rows, so rows of the newest chunk go there directly.
        """
        stretches = {t.table: _ends(times) for t, times in rows}
        if wanted := {name: high for name, (_, high) in stretches.items() if name in self._unknown}:
            await self._find(door, wanted)
        tables: dict[str, str] = {}
        ids: list[int] = []
        for sensor_type, times in rows:
            await self._summaries.count(door, sensor_type, times)
            low, high = stretches[sensor_type.table]
            chunk = self._newest.get(sensor_type.table)
            if chunk is None or high >= chunk.end:
                self._unknown.add(sensor_type.table)  # it may be made by these rows; then the next ones go there
            elif chunk.name is not None and low >= chunk.start:
                tables[sensor_type.id] = chunk.name
                ids.append(chunk.id)
        return Room(tables, Step(_CHECK, [int4s(ids), int8(len(ids))], keep=True) if ids else None)

    async def _find(self, door: Door, wanted: dict[str, int]) -> None:
        """Learn the chunks of these tables and times."""
        found = await door.fetch(_FIND, list(wanted), list(wanted.values()))
        self._newest |= {name: _Chunk(0, None, high, high + _HOUR) for name, high in wanted.items()}
        self._newest |= {r["table"]: _Chunk(r["id"], r["name"], r["range_start"], r["range_end"]) for r in found}
        self._unknown.difference_update(wanted)

    def forget(self) -> None:
        """Look for the chunks again."""
        self._newest.clear()

    async def spans(self, connection: Connection, sensor_types: Sequence[SensorType]) -> list[tuple[int, int]]:
        """The chunks' days."""
        rows = await connection.fetch(
            "SELECT DISTINCT range_start, range_end FROM timescaledb_information.chunks "
            "WHERE hypertable_schema = $1 AND hypertable_name = ANY ($2::text[])",
            SCHEMA,
            [t.table for t in sensor_types],
        )
        return [(r["range_start"], r["range_end"]) for r in rows]

    async def sizes(self, connection: Connection, sensor_types: Sequence[SensorType]) -> dict[str, int]:
        """Bytes per sensor type, all chunks and indexes."""
        rows = await connection.fetch(
            "SELECT t.id, hypertable_size(t.name::regclass) AS bytes "
            "FROM unnest($1::text[], $2::text[]) AS t (id, name)",
            [t.id for t in sensor_types],
            [quoted(t) for t in sensor_types],
        )
        return {r["id"]: r["bytes"] or 0 for r in rows}
