"""The in-memory twin's tables of observations: rows by position and by what makes them unique."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from brain.errors import StoreError
from brain.store._filters import is_storable
from brain.store.rows import batch_from_sql, columns_of, microseconds, plain_values, row_maker, storage_keys
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from brain.model import Batch, SensorType
    from brain.store.base import ObservationQuery

__all__ = ["Row", "Table", "refuse_bad_texts"]


class Row(NamedTuple):
    """One stored row; ``values`` holds what is present."""

    time: int
    device: int
    received_at: int
    position: int
    values: dict[str, Any]


def refuse_bad_texts(batch: Batch) -> None:
    """PostgreSQL takes no NUL and no half surrogate in a text; neither do we.

    Raises:
        StoreError: With ``poison`` set.
    """
    for name, values in batch.columns.items():
        if values.dtype == object:
            for text in values.tolist():
                if not is_storable(text):
                    error = StoreError(
                        f"a text of {name} has a NUL or half a surrogate pair; the same will be refused again"
                    )
                    error.poison = True
                    raise error


class Table:
    """Observations of one sensor type."""

    def __init__(self, sensor_type: SensorType) -> None:
        self.sensor_type = sensor_type
        self.rows: dict[int, Row] = {}
        #: Column -> kind of all columns there ever were.
        self.kinds = {c.stored: c.kind.value for c in columns_of(sensor_type).values()}
        self._unique: dict[tuple[int, int, str | None], int] = {}

    def fresh(self, batch: Batch) -> NDArray[np.bool_]:
        """Which rows are not stored yet and come for the first time here; bool[n]."""
        seen: set[tuple[int, int, str | None]] = set()
        out = np.zeros(len(batch), np.bool_)
        for i, key in enumerate(self._keys(batch)):
            out[i] = key not in self._unique and key not in seen
            seen.add(key)
        return out

    def _keys(self, batch: Batch) -> Iterable[tuple[int, int, str | None]]:
        keys = storage_keys(self.sensor_type, batch)
        return zip(batch.device.tolist(), microseconds(batch.time), keys, strict=True)

    def add(self, batch: Batch) -> None:
        """Store rows that are all fresh."""
        columns = columns_of(self.sensor_type)
        cells = {n: plain_values(columns[n], v) for n, v in batch.columns.items()}
        received = microseconds(batch.received_at)
        for i, key in enumerate(self._keys(batch)):
            position = int(batch.position[i])
            values = {columns[n].stored: v[i] for n, v in cells.items() if v is not None and v[i] is not None}
            self._unique[key] = position
            self.rows[position] = Row(key[1], key[0], received[i], position, values)

    def twin(self, batch: Batch, i: int) -> Row:
        """The stored row that has the same key as row i of a batch."""
        return self.rows[self._unique[list(self._keys(batch))[i]]]

    def rowdict(self, row: Row, device: str | None) -> dict[str, Any]:
        """ROW of the public surface."""
        columns = columns_of(self.sensor_type)
        make = row_maker(self.sensor_type, list(columns))
        cells = [row.values.get(c.stored) for c in columns.values()]
        return make(device, iso(row.time), iso(row.received_at), cells)

    def matching(self, query: ObservationQuery, device: int | None) -> list[Row]:
        """Rows that pass the filters, oldest first."""
        return sorted(
            (r for r in self.rows.values() if (device is None or r.device == device) and _passes(r, query)),
            key=lambda r: (r.time, r.position),
        )

    def latest(self, query: ObservationQuery) -> dict[int, Row]:
        """The newest row of each device, where it passes the filters."""
        newest: dict[int, Row] = {}
        for r in self.rows.values():
            if r.device not in newest or r.time >= newest[r.device].time:
                newest[r.device] = r
        return {d: r for d, r in newest.items() if _passes(r, query)}

    def batch(self, rows: list[Row]) -> Batch:
        """Rows as a batch with all columns."""
        columns = columns_of(self.sensor_type)
        records = [
            (r.time, r.device, r.received_at, r.position, *(r.values.get(c.stored) for c in columns.values()))
            for r in rows
        ]
        return batch_from_sql(self.sensor_type, records, list(columns))

    def widen(self, sensor_type: SensorType) -> None:
        """Take a new version of the sensor type; fields that are gone stay stored."""
        self.sensor_type = sensor_type
        self.kinds |= {c.stored: c.kind.value for c in columns_of(sensor_type).values()}


def _passes(row: Row, query: ObservationQuery) -> bool:
    if query.start is not None and row.time < query.start:
        return False
    if query.end is not None and row.time >= query.end:
        return False
    if query.bbox is None:
        return True
    west, south, east, north = query.bbox
    lon, lat = row.values.get("lon"), row.values.get("lat")
    return lon is not None and lat is not None and west <= lon <= east and south <= lat <= north
