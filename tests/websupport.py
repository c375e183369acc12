"""A small city in a MemoryStore behind the web: two sensor types, a few devices, rows, refusals, one incident."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np

from brain.city import City, CityDevice, District, Name, SceneSetting
from brain.model import Batch, Device, Field, FieldKind, Modality, SensorType, Step, Text
from brain.store import MemoryStore
from brain.store.base import Answer, Flush, Quarantined
from brain.times import iso
from brain.web.app import make_app
from brain.web.context import now_us
from brain.web.settings import WebSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from fastapi import FastAPI

    from brain.store.base import Store

GAS = SensorType(
    id="gas-detector",
    family=Modality.METER,
    name=Text("可燃气体探测器", "Gas detector"),
    fields=(
        Field(name="lel_pct", unit="%", low=0, high=100, label=Text("爆炸下限百分比", "Share of LEL")),
        Field(name="gas", kind=FieldKind.TEXT, values=("CH4", "CO")),
    ),
)
TAXI = SensorType(
    id="vehicle",
    family=Modality.VEHICLE,
    name=Text("车辆", "Vehicle"),
    fields=(Field(name="speed_kmh", unit="km/h"), Field(name="heading_deg", unit="deg")),
    moving=True,
)
CITY = City(
    name=Name("青岛", "Qingdao"),
    districts=[
        District("shinan", Name("市南区", "Shinan"), [(120.3, 36.0), (120.5, 36.0), (120.5, 36.08), (120.3, 36.08)]),
    ],
    devices=[CityDevice("G1", "gas-detector", 120.37, 36.05, simulated=True)],
    scenes=[SceneSetting("safety_production", ["shinan"], {"l1_pct": 8.0})],
)
DEVICES = (
    Device(device_id=0, sensor_type="gas-detector", name="G1", lon=120.37, lat=36.05, site="RQ-07", simulated=True,
           extra={"name": {"zh": "探测器一", "en": "Detector 1"}}),
    Device(device_id=0, sensor_type="gas-detector", name="G2", lon=120.37, lat=36.20),
    Device(device_id=0, sensor_type="vehicle", name="TAXI-1", simulated=True),
    Device(device_id=0, sensor_type="vehicle", name="TAXI-2"),
)  # fmt: skip
INCIDENT = "gas_leak-20260501T000003-0123456789"


def gas_step(number: int, op: str = "raise", *, incident: str = INCIDENT, at: int = 1_777_593_603_000_000) -> Step:
    """A step of the engine about a gas leak."""
    document: dict[str, Any] = {
        "at": iso(at),
        "op": op,
        "incident": incident,
        "scene": "safety_production",
        "event": "gas_leak",
        "level": "orange",
        "certainty": "likely",
        "reason": "level",
        "position": [120.37, 36.05],
        "area": None,
        "departments": {"act": ["gas_company"], "inform": ["fire_rescue"]},
        "evidence": [],
        "report_count": 0,
        "count": number,
        "plan": {},
        "headline": {"zh": "燃气泄漏", "en": "Gas leak"},
        "actions": {"zh": [], "en": []},
    }
    return Step(incident, number, at, op, document)


class Town:
    """The store, its app, and an ingest that answers the inbox; everything a test turns."""

    def __init__(self, settings: WebSettings | None = None, store: Store | None = None) -> None:
        self.store = store or MemoryStore()
        self.app: FastAPI = make_app(self.store, CITY, settings or WebSettings(inbox_wait_s=5.0))
        self.position = 0
        self.received_at = now_us()
        self._lock = asyncio.Lock()

    async def found(self) -> None:
        """Migrate, register, claim."""
        await self.store.migrate()
        for kind in (GAS, TAXI):
            await self.store.put_sensor_type(kind)
        self.devices = {d.name: d for d in await self.store.put_devices(DEVICES)}
        self.head = await self.store.claim_head()
        self.lease = await self.store.claim_lease("city")

    def batch(self, kind: SensorType, rows: Sequence[dict[str, Any]]) -> Batch:
        """Rows ``{"device": name, "time": microseconds, field: value}`` received now."""
        n = len(rows)
        self.received_at = max(self.received_at, now_us())
        texts = {"id", "status"} | {f.name for f in kind.fields if f.kind is FieldKind.TEXT}
        names = ["lon", "lat", "alt_m", "height_m", "id", "status", *(f.name for f in kind.fields)]
        columns: dict[str, Any] = {}
        for name in names:
            values = [r.get(name) for r in rows]
            columns[name] = np.array(values, object) if name in texts else np.array(values, np.float64)
        positions = np.arange(self.position + 1, self.position + 1 + n, dtype=np.int64)
        self.position += n
        return Batch(
            kind.id,
            np.array([self.devices[r["device"]].device_id for r in rows], np.int32),
            np.array([r["time"] for r in rows], np.int64).astype("M8[us]"),
            np.full(n, self.received_at, np.int64).astype("M8[us]"),
            positions,
            columns,
        )

    async def flush(
        self,
        *batches: Batch,
        quarantined: Sequence[Quarantined] = (),
        answers: dict[int, Answer] | None = None,
        known: dict[str, dict[str, int]] | None = None,
    ) -> None:
        """Commit, as ingest does."""
        self.received_at = max(self.received_at, now_us())
        drilled = [d.device_id for d in self.devices.values() if d.is_exercise]
        await self.store.write(
            Flush(
                epoch=self.head.epoch,
                position=self.position,
                received_at=self.received_at,
                batches=batches,
                quarantined=quarantined,
                answers=answers or {},
                known=known or {},
                exercise={b.sensor_type: np.isin(b.device, drilled) for b in batches} if drilled else {},
            )
        )

    async def gas(self, *values: float, device: str = "G1", start: int = 1_777_593_600_000_000) -> None:
        """One gas reading a second."""
        rows = [
            {"device": device, "time": start + i * 1_000_000, "lel_pct": v, "gas": "CH4", "lon": 120.37, "lat": 36.05}
            for i, v in enumerate(values)
        ]
        await self.flush(self.batch(GAS, rows))

    async def drive(self, device: str, lon: float, lat: float, *, at: int | None = None) -> None:
        """A vehicle says where it is."""
        row = {"device": device, "time": at or now_us(), "lon": lon, "lat": lat, "heading_deg": 90.0}
        await self.flush(self.batch(TAXI, [row]))

    async def refuse(self, detail: str = "lel_pct: 365 is outside 0..100", payload: bytes = b'{"lel_pct":365}') -> None:
        """A reading goes to quarantine."""
        record = Quarantined(
            received_at=now_us(),
            topic="city/gas-detector/G1",
            sensor_type="gas-detector",
            device="G1",
            reason="out_of_range",
            detail=detail,
            payload=payload,
            size=len(payload),
            ledger_key="gas-detector",
        )
        await self.flush(quarantined=[record])

    async def steps(self, *steps: Step) -> None:
        """Commit steps, as scenes do."""
        entry, _ = await self.store.log_end()
        await self.store.commit_steps("city", self.lease, entry, steps)

    async def answer_inbox(self) -> None:
        """Ingest in small: numbers up to 100 are stored, the rest refused; runs until cancelled."""
        async with self.store.listen("inbox") as wakes:
            while True:
                for item in await self.store.inbox_take(100):
                    await self._answer(item.inbox_id, item.topic, item.payload, item.retry_of)
                await anext(wakes)

    async def _answer(self, inbox_id: int, topic: str, payload: bytes, retry_of: int | None) -> None:
        value = json.loads(payload).get("lel_pct")
        if value is not None and value <= 100:
            row = {"device": topic.rsplit("/", 1)[-1], "time": now_us(), "lel_pct": value}
            batch = self.batch(GAS, [row])
            await self.flush(batch, answers={inbox_id: Answer(positions=[self.position])})
            return
        detail = f"lel_pct: {value} is outside 0..100"
        record = Quarantined(
            received_at=now_us(), topic=topic, sensor_type="gas-detector", device="G1", reason="out_of_range",
            detail=detail, payload=payload, size=len(payload), retry_of=retry_of, ledger_key="gas-detector",
        )  # fmt: skip
        answer = Answer(refused=[("out_of_range", detail)])
        await self.flush(quarantined=[record], answers={inbox_id: answer})


@contextlib.asynccontextmanager
async def town(
    settings: WebSettings | None = None, store: Store | None = None
) -> AsyncIterator[tuple[Town, httpx.AsyncClient]]:
    """A founded town, its application alive, and a client in the same process."""
    place = Town(settings, store)
    await place.found()
    transport = httpx.ASGITransport(place.app)
    ingest = asyncio.create_task(place.answer_inbox())
    try:
        async with (
            place.app.router.lifespan_context(place.app),
            httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client,
        ):
            yield place, client
    finally:
        ingest.cancel()
        await asyncio.gather(ingest, return_exceptions=True)
        await place.store.close()
