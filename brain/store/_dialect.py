"""What differs between TimescaleDB and plain PostgreSQL: how a table of observations is cut by time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from brain.model import FieldKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from brain.model import SensorType
    from brain.store._door import Connection, Door
    from brain.store._exchange import Step
    from brain.store.rows import Column

__all__ = ["SCHEMA", "Dialect", "Room", "create_columns", "index_statements", "quoted", "unique_key"]

SCHEMA: Final = "observations"
_BRIN: Final = "WITH (pages_per_range = 32, autosummarize = on)"


def quoted(sensor_type: SensorType) -> str:
    """The table of a sensor type in SQL; its id is a validated identifier, quoted because it may be a reserved word.

    Example:
        >>> from brain.model import Modality, SensorType, Text
        >>> quoted(SensorType(id="gas-detector", family=Modality.METER, name=Text("", ""), fields=()))
        'observations."gas_detector"'
    """
    return f'{SCHEMA}."{sensor_type.table}"'


def unique_key(sensor_type: SensorType) -> tuple[str, str, str]:
    """Columns that make a row of this sensor type unique."""
    return ("device_id", "time", "row_key" if sensor_type.key else "id")


def create_columns(sensor_type: SensorType, columns: Sequence[Column]) -> str:
    """The column list of a CREATE TABLE: columns of eight bytes first, then smaller ones, so that little is padding."""
    parts = ["time timestamptz NOT NULL", "received_at timestamptz NOT NULL", "position int8 NOT NULL"]
    parts += [f'"{c.stored}" {c.sql}' for c in columns if c.kind is FieldKind.NUMBER]
    parts.append("device_id int4 NOT NULL")
    parts += [f'"{c.stored}" {c.sql}' for c in columns if c.kind is FieldKind.BOOLEAN]
    parts += [f'"{c.stored}" {c.sql}' for c in columns if c.kind is FieldKind.TEXT]
    if sensor_type.key:
        parts.append("row_key text NOT NULL")
    return ", ".join(parts)


class Room(NamedTuple):
    """Where the rows of a flush go.

    Attributes:
        tables: By sensor type, the part of its table that takes all of its rows, as SQL. The others go by their table.
        check: To be sent behind the rows; it divides by zero where one of the parts is none any more.
    """

    tables: Mapping[str, str]
    check: Step | None


class Dialect(Protocol):
    """The two ways of keeping observations."""

    name: str

    async def create_table(self, connection: Connection, sensor_type: SensorType, columns: Sequence[Column]) -> None:
        """Make the table of a sensor type with its indexes."""

    async def make_room(self, door: Door, rows: Sequence[tuple[SensorType, NDArray[np.int64]]]) -> Room:
        """See to it that rows of these times (microseconds) find a place; called before each write: be quick."""

    async def make_room_ahead(self, door: Door, sensor_types: Sequence[SensorType], time: int) -> int:
        """The room for rows of a time to come, for tables in use; how many got some."""

    def forget(self) -> None:
        """What ``make_room`` said of rooms does not hold any more."""

    async def spans(self, connection: Connection, sensor_types: Sequence[SensorType]) -> list[tuple[int, int]]:
        """Stretches of time [from, to), microseconds, outside of which these tables have no room; in any order."""

    async def sizes(self, connection: Connection, sensor_types: Sequence[SensorType]) -> dict[str, int]:
        """Bytes of each sensor type's table with its indexes."""


def index_statements(sensor_type: SensorType) -> list[str]:
    """Indexes of a table of observations.

    The unique one finds copies and serves queries by device. Rows arrive nearly in order of time and of position, so
    one BRIN index over both finds a stretch of either for next to nothing per row. It gives no order, though:
    ``brain.store._paging`` pages through a sensor type by stretches of time.
    """
    table = quoted(sensor_type)
    name = sensor_type.table
    return [
        f'CREATE UNIQUE INDEX "{name}_unique" ON {table} ({", ".join(unique_key(sensor_type))}) NULLS NOT DISTINCT',
        f'CREATE INDEX "{name}_stretch" ON {table} USING brin (time, position) {_BRIN}',
    ]
