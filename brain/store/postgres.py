"""Plain PostgreSQL: a table per sensor type, range-partitioned by time into weeks that are made when rows need them.

Weeks begin on Mondays, UTC. Partitions live in schema ``observations_parts``; their names end in the Monday's date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from brain.store._dialect import Room, create_columns, index_statements, quoted
from brain.store._summaries import Summaries
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from brain.model import SensorType
    from brain.store._door import Connection, Door
    from brain.store.rows import Column

__all__ = ["Postgres", "week_of"]

_DAY: Final = 86_400_000_000
_WEEK: Final = 7 * _DAY
_MONDAY: Final = 4 * _DAY  # 1970-01-05 was one
_PART: Final = (
    "to_regclass(format('observations_parts.%I', "
    "$1 || '_' || to_char(date_trunc('week', $2 AT TIME ZONE 'UTC'), 'YYYYMMDD')))"
)


#: Tables that have one partition and not the other.
_WITHOUT_NEXT: Final = """
SELECT name FROM unnest($1::text[]) AS t (name)
WHERE to_regclass(format('observations_parts.%I', name || $2)) IS NOT NULL
    AND to_regclass(format('observations_parts.%I', name || $3)) IS NULL
"""


def week_of(time: int) -> int:
    """Number of the week that holds a time; week 0 began on 1970-01-05.

    Example:
        >>> week_of(_MONDAY - 1), week_of(_MONDAY)
        (-1, 0)
    """
    return (time - _MONDAY) // _WEEK


def _suffix(week: int) -> str:
    """How the name of a week's partition ends: with its Monday."""
    return "_" + iso(_MONDAY + week * _WEEK)[:10].replace("-", "")


class Postgres:
    """Declarative partitions. Remembers which weeks it has made or seen, so that the way of the data asks nothing."""

    name = "postgresql"

    def __init__(self) -> None:
        self._weeks: dict[str, set[int]] = {}
        self._summaries = Summaries(_PART)

    async def create_table(self, connection: Connection, sensor_type: SensorType, columns: Sequence[Column]) -> None:
        """CREATE TABLE ... PARTITION BY RANGE (time), with indexes that every partition inherits."""
        await connection.execute("CREATE SCHEMA IF NOT EXISTS observations_parts")
        await connection.execute(
            f"CREATE TABLE {quoted(sensor_type)} ({create_columns(sensor_type, columns)}) PARTITION BY RANGE (time)"
        )
        for statement in index_statements(sensor_type):
            await connection.execute(statement)

    async def make_room(self, door: Door, rows: Sequence[tuple[SensorType, NDArray[np.int64]]]) -> Room:
        """Make the weeks of these times that are not there yet; look after the BRIN indexes of the newest."""
        for sensor_type, times in rows:
            await self._summaries.count(door, sensor_type, times)
            known = self._weeks.setdefault(sensor_type.table, set())
            low, high = week_of(int(times.min())), week_of(int(times.max()))
            if low != high or low not in known:
                await self._make_weeks(door, sensor_type, np.unique((times - _MONDAY) // _WEEK).tolist())
        return Room({}, None)

    async def make_room_ahead(self, door: Door, sensor_types: Sequence[SensorType], time: int) -> int:
        """The week of a time, for tables that have the week of the day before."""
        by_table = {t.table: t for t in sensor_types if t.into is None}
        weeks = [_suffix(week_of(time - _DAY)), _suffix(week_of(time))]
        found = await door.fetch(_WITHOUT_NEXT, list(by_table), *weeks)
        for record in found:
            self._weeks.setdefault(record["name"], set())
            await self._make_weeks(door, by_table[record["name"]], [week_of(time)])
        return len(found)

    def forget(self) -> None:
        """Nothing is said of rooms."""

    async def _make_weeks(self, door: Door, sensor_type: SensorType, weeks: list[int]) -> None:
        known = self._weeks[sensor_type.table]
        missing = [w for w in weeks if w not in known]
        if not missing:
            return
        async with door.transaction() as connection:
            # Several writers may need the same week at the same time.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('observations_parts'))")
            for week in missing:
                await self._make_week(connection, sensor_type, week)
        known.update(missing)

    async def _make_week(self, connection: Connection, sensor_type: SensorType, week: int) -> None:
        start, end = (iso(_MONDAY + w * _WEEK) for w in (week, week + 1))
        part = f'observations_parts."{sensor_type.table}{_suffix(week)}"'
        if await connection.fetchval("SELECT to_regclass($1)", part) is not None:
            return
        table = quoted(sensor_type)
        # Made apart and attached: attaching lets readers and writers of the other weeks go on, PARTITION OF does not.
        await connection.execute(f"CREATE TABLE {part} (LIKE {table})")
        await connection.execute(
            f"ALTER TABLE {table} ATTACH PARTITION {part} FOR VALUES FROM ('{start}') TO ('{end}')"
        )

    async def spans(self, connection: Connection, sensor_types: Sequence[SensorType]) -> list[tuple[int, int]]:
        """The partitions' weeks."""
        rows = await connection.fetch(
            "SELECT DISTINCT right(c.relname, 8)::date - date '1970-01-05' AS days "
            "FROM unnest($1::text[]) AS t (name) JOIN pg_inherits i ON i.inhparent = t.name::regclass "
            "JOIN pg_class c ON c.oid = i.inhrelid",
            [quoted(t) for t in sensor_types],
        )
        mondays = [_MONDAY + r["days"] * _DAY for r in rows]
        return [(m, m + _WEEK) for m in mondays]

    async def sizes(self, connection: Connection, sensor_types: Sequence[SensorType]) -> dict[str, int]:
        """Bytes per sensor type, all partitions and indexes."""
        rows = await connection.fetch(
            "SELECT t.id, "
            "(SELECT sum(pg_total_relation_size(p.relid)) FROM pg_partition_tree(t.name::regclass) p)::int8 AS bytes "
            "FROM unnest($1::text[], $2::text[]) AS t (id, name)",
            [t.id for t in sensor_types],
            [quoted(t) for t in sensor_types],
        )
        return {r["id"]: r["bytes"] or 0 for r in rows}
