"""The script of a tutorial: subscribe with aiomqtt, INSERT each message with asyncpg. Run as a process of its own.

    python -m brain.bench.peers.tutorial HOST PORT DSN

Prints ``ready`` when it is subscribed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from typing import Final

import aiomqtt
import asyncpg

__all__ = ["CREATE", "main"]

CREATE: Final = """
CREATE TABLE IF NOT EXISTS readings (
    time timestamptz NOT NULL, device text NOT NULL, lon float8, lat float8, lel_pct float8, ppm float8, gas text,
    UNIQUE (device, time)
)
"""
_INSERT: Final = "INSERT INTO readings (time, device, lon, lat, lel_pct, ppm, gas) VALUES ($1, $2, $3, $4, $5, $6, $7)"


async def _run(host: str, port: int, dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(CREATE)
    async with aiomqtt.Client(host, port, max_queued_incoming_messages=1_000_000) as client:
        await client.subscribe("city/#", qos=1)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        async for message in client.messages:
            said = json.loads(message.payload)
            await connection.execute(
                _INSERT,
                datetime.fromisoformat(said["time"]),
                str(message.topic).rsplit("/", 1)[-1],
                said["lon"],
                said["lat"],
                said["lel_pct"],
                said["ppm"],
                said["gas"],
            )


def main() -> None:
    """Run until killed."""
    host, port, dsn = sys.argv[1:]
    asyncio.run(_run(host, int(port), dsn))


if __name__ == "__main__":
    main()
