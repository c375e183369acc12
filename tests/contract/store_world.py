"""A small world for the contract suite of stores: two sensor types, batches, steps, and the stores themselves."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brain.model import (
    COMMON_NUMBERS,
    COMMON_TEXTS,
    Batch,
    Field,
    FieldKind,
    Modality,
    SensorType,
    Step,
    Text,
)
from brain.store.base import Flush, Quarantined
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brain.model import Piece
    from brain.store.base import Head, Store, Written

T0 = 1_782_885_600_000_000  # 2026-07-01T06:00:00Z
SECOND = 1_000_000
DAY = 86_400 * SECOND

GAS = SensorType(
    id="gas-detector",
    family=Modality.METER,
    name=Text("燃气探测器", "Gas detector"),
    fields=(
        Field(name="lel_pct", unit="%", low=0, high=100, label=Text("爆炸下限", "LEL")),
        Field(name="alarm", kind=FieldKind.BOOLEAN),
        Field(name="gas", kind=FieldKind.TEXT, values=("CH4", "CO")),
    ),
)
VIDEO = SensorType(
    id="video-event",
    family=Modality.VIDEO,
    name=Text("视频事件", "Video event"),
    fields=(
        Field(name="event", kind=FieldKind.TEXT),
        Field(name="track", kind=FieldKind.TEXT),
        Field(name="zone", kind=FieldKind.TEXT),
        Field(name="confidence"),
    ),
    key=("track", "event", "zone"),
)


def batch(sensor_type: SensorType, first: int, received_at: int, rows: Sequence[Mapping[str, Any]]) -> Batch:
    """Rows {device, time, column: value} as a batch with all columns, positions from ``first``."""
    n = len(rows)
    columns: dict[str, Any] = {}
    kinds = {f.name: f.kind for f in sensor_type.fields}
    for name in (*COMMON_NUMBERS, *COMMON_TEXTS, *kinds):
        cells = [r.get(name) for r in rows]
        if name in COMMON_TEXTS or kinds.get(name) is FieldKind.TEXT:
            texts = np.empty(n, object)
            texts[:] = cells
            columns[name] = texts
        else:
            columns[name] = np.array([np.nan if c is None else c for c in cells], np.float64)
    return Batch(
        sensor_type.id,
        np.array([r["device"] for r in rows], np.int32),
        np.array([r["time"] for r in rows], np.int64).view("M8[us]"),
        np.full(n, received_at, np.int64).view("M8[us]"),
        np.arange(first, first + n, dtype=np.int64),
        columns,
    )


class Writer:
    """Ingest in short: gives positions and times of receipt, writes flushes."""

    def __init__(self, store: Store, head: Head) -> None:
        self.store, self.epoch = store, head.epoch
        self.position, self.now = head.position, max(head.received_at, T0)

    @classmethod
    async def start(cls, store: Store) -> Writer:
        """Claim the head."""
        return cls(store, await store.claim_head())

    def flush(self, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, **more: Any) -> Flush:
        """A flush of rows by sensor type; moves position and time on."""
        self.now += SECOND
        batches = []
        for name, cells in (rows or {}).items():
            batches.append(batch({t.id: t for t in (GAS, VIDEO)}[name], self.position + 1, self.now, cells))
            self.position += len(cells)
        return Flush(epoch=self.epoch, position=self.position, received_at=self.now, batches=batches, **more)

    async def write(self, rows: Mapping[str, Sequence[Mapping[str, Any]]] | None = None, **more: Any) -> Written:
        """Make a flush and write it."""
        return await self.store.write(self.flush(rows, **more))


def gas(device: int, second: float, **values: Any) -> dict[str, Any]:
    """A row of a gas detector, some seconds after T0."""
    return {"device": device, "time": T0 + round(second * SECOND), **values}


def refused(device: str | None = "G1", **changes: Any) -> Quarantined:
    """A refused reading."""
    record = Quarantined(
        received_at=T0,
        topic=f"city/gas-detector/{device}",
        sensor_type="gas-detector",
        device=device,
        reason="out_of_range",
        detail="lel_pct: 365 is outside 0..100",
        payload=b'{"lel_pct": 365}',
        size=16,
        ledger_key="gas-detector",
    )
    return replace(record, **changes)


def plain(piece: Piece) -> dict[str, list[dict[str, Any]]]:
    """A piece as comparable Python values, NaN as None."""
    out: dict[str, list[dict[str, Any]]] = {}
    for name, b in sorted(piece.batches.items()):
        out[name] = [
            {
                "position": int(b.position[i]),
                "device": int(b.device[i]),
                "time": int(b.time[i].astype("M8[us]").astype(np.int64)),
                "received_at": int(b.received_at[i].astype("M8[us]").astype(np.int64)),
                **{
                    c: (None if isinstance(v[i], float) and np.isnan(v[i]) else v[i])
                    for c, v in sorted(b.columns.items())
                },
            }
            for i in range(len(b))
        ]
    return out


def step(incident: str, number: int, at: int, op: str, **changes: Any) -> Step:
    """A step of the engine."""
    document = {
        "at": iso(at),
        "op": op,
        "incident": incident,
        "scene": "safety_production",
        "event": "gas_leak",
        "level": "yellow",
        "certainty": "likely",
        "reason": "level",
        "position": [120.37, 36.09],
        "area": None,
        "departments": {"act": ["gas_company", "site_operator"], "inform": ["public_security"]},
        "evidence": [],
        "report_count": 0,
        "count": number,
        "plan": {},
        "headline": {"zh": "燃气泄漏", "en": "Gas leak"},
        "actions": {"zh": [], "en": []},
        "simulated": True,
        **changes,
    }
    return Step(incident, number, at, op, document)
