"""Keeps the BRIN indexes of rows just stored up to date while they come faster than the server does it by itself.

A stretch of pages without a summary is read by every query that uses the index. The server makes summaries in the
background, once a minute and for no more than 256 stretches: 18,000 rows a second for both indexes of a table.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from brain.errors import StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from brain.model import SensorType
    from brain.store._door import Door

__all__ = ["EVERY", "Summaries"]

#: Rows of a sensor type between two looks; 1,000 pages, which every query may have to read besides its own.
EVERY: Final = 65_536
#: {part}: SQL of the table that holds rows of time $2, by the table's name $1.
_SUMMARIZE: Final = """
SELECT brin_summarize_new_values(x.indexrelid::regclass)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
WHERE a.amname = 'brin' AND x.indrelid = ({part})::regclass AND $1::text <> '' AND $2::timestamptz IS NOT NULL
"""


class Summaries:
    """Counts rows per sensor type; every so many it has the newest part of the table summarised.

    Args:
        part: SQL for the part of table $1 that holds rows of time $2, NULL where there is none.
    """

    def __init__(self, part: str) -> None:
        self._sql = _SUMMARIZE.format(part=part)
        self._rows: Counter[str] = Counter()

    async def count(self, door: Door, sensor_type: SensorType, times: NDArray[np.int64]) -> None:
        """Rows of these times (microseconds) are about to be stored; those before them may be summarised now."""
        name = sensor_type.table
        if self._rows[name] >= EVERY:
            newest = int(times.max())
            self._rows[name] = 0
            # A vacuum that holds the lock makes the summaries itself; whatever else is wrong, the next write meets it.
            with contextlib.suppress(StoreError):
                async with door.transaction() as c:
                    await c.execute("SELECT set_config('lock_timeout', '20ms', true)")
                    await c.execute(self._sql, name, newest)
        self._rows[name] += len(times)
