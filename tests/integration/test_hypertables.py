"""Each sensor type has its hypertable."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from ingest.sensor_types import load_builtin


@pytest.mark.timescale
async def test_one_hypertable_per_sensor_type(platform: Any) -> None:
    assert platform.ready["storage"].startswith("timescaledb ")
    connection = await asyncpg.connect(platform.ready["dsn"])
    try:
        found = await connection.fetch(
            "SELECT hypertable_name FROM timescaledb_information.hypertables WHERE hypertable_schema = 'observations'"
        )
    finally:
        await connection.close()
    assert sorted(r["hypertable_name"] for r in found) == sorted(t.table for t in load_builtin())
