"""TimescaleDB: a hypertable per sensor type, a chunk per day, made by the extension as rows arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from brain.store._dialect import SCHEMA, create_columns, index_statements, quoted
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


class Timescale:
    """Hypertables of the Apache edition: no compression, no continuous aggregates."""

    name = "timescaledb"

    def __init__(self) -> None:
        self._summaries = Summaries(_CHUNK)

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

    async def make_room(self, door: Door, sensor_type: SensorType, times: NDArray[np.int64]) -> None:
        """Chunks are made by the extension; only their BRIN indexes want looking after."""
        await self._summaries.count(door, sensor_type, times)

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
