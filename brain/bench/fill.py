"""History to measure against: rows made by the data base itself, a day of them that ends now, before the log begins.

They go straight into the tables (the log, the ledger and the scenes know nothing of them), at positions below zero.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from brain.model import FieldKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from brain.bench.probe import Probe
    from brain.model import SensorType

__all__ = ["SPAN", "fill", "fill_statement"]

SPAN: Final = timedelta(hours=24)
_AT_ONCE: Final = 250_000


def fill_statement(sensor_type: SensorType) -> str:
    """INSERT of rows ``$1 <= k < $2`` of a series: devices ``$3`` in turn, from ``$4`` on, ``$5`` apart, ``$6`` in all.

    Example:
        >>> from ingest.sensor_types import load_builtin
        >>> "depth_cm" in fill_statement(next(t for t in load_builtin() if t.id == "water-level"))
        True
    """
    names = ["time", "device_id", "received_at", "position", "lon", "lat"]
    values = [
        "$4::timestamptz + k * $5::interval",
        "($3::int[])[1 + k % cardinality($3::int[])]",
        "$4::timestamptz + k * $5::interval",
        "k - $6::int8",
        "120.1 + k % 997 * 3e-4",
        "36.03 + k % 613 * 3e-4",
    ]
    if sensor_type.key:
        names.append("row_key")
        values.append("k::text")
    for f in sensor_type.fields:
        if f.name in names:
            continue
        if f.kind is FieldKind.NUMBER:
            low = max(f.low or 0.0, 0.0)
            high = min(100.0 if f.high is None else f.high, low + 100.0)
            names.append(f.name)
            values.append(f"{low} + k * 7919 % 1000 * {(high - low) / 1000}")
        elif f.values:
            names.append(f.name)
            values.append(f"'{f.values[0]}'")
    listed = ", ".join(f'"{n}"' for n in names)
    made = ", ".join(values)
    return (
        f'INSERT INTO observations."{sensor_type.table}" ({listed}) '  # noqa: S608 - names of a registered type
        f"SELECT {made} FROM generate_series($1::int8, $2::int8 - 1) AS k"
    )


async def fill(
    probe: Probe, sensor_type: SensorType, devices: list[int], rows: int, say: Callable[[str], None]
) -> None:
    """Fill a table.

    Args:
        probe: Of the data base.
        sensor_type: Registered there.
        devices: Ids, in turn.
        rows: How many.
        say: Takes progress.
    """
    start = datetime.now(UTC) - SPAN
    apart = SPAN / max(rows, 1)
    statement = fill_statement(sensor_type)
    for first in range(0, rows, _AT_ONCE):
        last = min(first + _AT_ONCE, rows)
        arguments: tuple[Any, ...] = (first, last, devices, start, apart, rows)
        await probe.execute(statement, *arguments)
        say(f"{sensor_type.id}: {last:,} of {rows:,} rows of history")
    await probe.execute(f'ANALYZE observations."{sensor_type.table}"')
