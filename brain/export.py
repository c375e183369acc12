"""Stored history as a traffic file: one line a row, in the order and with the times of receipt that ingest stamped.

Playing the file through ``backtest`` gives the log that the platform gave live: rows are written as native messages,
whatever profile they came by.
"""

from __future__ import annotations

import gzip
import heapq
import io
from typing import TYPE_CHECKING, Any, TextIO

import msgspec

from brain.store.rows import row_dicts
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from brain.model import Batch, Piece
    from brain.registry import Registry
    from brain.store.base import Store

__all__ = ["export_traffic", "traffic_lines"]

_ENVELOPE = ("sensor_type", "device", "received_at")


def _messages(batch: Batch, registry: Registry) -> Iterator[tuple[int, int, str, dict[str, Any]]]:
    received = batch.received_at.astype("datetime64[us]").astype("int64").tolist()
    for position, at, row in zip(batch.position.tolist(), received, row_dicts(batch, registry), strict=True):
        topic = f"city/{row['sensor_type']}/{row['device']}"
        yield position, at, topic, {k: v for k, v in row.items() if k not in _ENVELOPE and v is not None}


def traffic_lines(piece: Piece, registry: Registry) -> Iterator[str]:
    """Lines of a traffic file for the rows of a piece, in order of position."""
    streams = [_messages(batch, registry) for batch in piece.batches.values()]
    for _, at, topic, payload in heapq.merge(*streams, key=lambda m: m[0]):
        line = {"received_at": iso(at), "topic": topic, "payload": payload}
        yield msgspec.json.encode(line).decode()


async def export_traffic(store: Store, path: Path, start: int, end: int) -> int:
    """Write what was received in [start, end) microseconds; answers the number of lines.

    Raises:
        StoreError: The data base is out of reach.
    """
    registry = await store.load_registry()
    rows = 0

    async def write(out: TextIO) -> None:
        nonlocal rows
        async for piece in store.history(start, end):
            for line in traffic_lines(piece, registry):
                out.write(line + "\n")
                rows += 1

    if path.suffix == ".gz":
        # mtime 0: the same history gives the same bytes
        with path.open("wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", mtime=0, filename="") as packed:
            text = io.TextIOWrapper(packed, encoding="utf-8")
            await write(text)
            text.flush()
            text.detach()
    else:
        with path.open("w", encoding="utf-8") as out:
            await write(out)
    return rows
