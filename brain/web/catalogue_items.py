"""The resources of an installation: few of them made anew each half minute, devices from the registry page by page."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import numpy as np

from brain.catalogue import Access, Owner, Resource, access_of, department_of
from brain.city.fences import Fences, polygon_of
from brain.desk.routing import default_duties
from brain.errors import StoreError
from brain.model import Text
from brain.store.base import rows_stored
from brain.web.catalogue_names import CHINESE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fastapi import FastAPI

    from brain.model import Device, SensorType
    from brain.registry import Registry
    from brain.store.base import Activity, Counts
    from brain.web.context import Context

__all__ = ["HOUR_US", "Catalogue", "DeviceList"]

HOUR_US: Final = 3_600_000_000
_FRESH_S: Final = 30.0
_SIZES_S: Final = 600.0
_PATIENCE_S: Final = 1.0
_OURS: Final = Owner("department", "operations_centre")
_INSIDE: Final = Access("internal", Text("平台只在本机开放", "the platform listens on its own machine only"))
_SCRIPT: Final = Access("public", Text("编写的情景，不含真实数据", "a written story without real data"))
_KEPT: Final = {
    "incidents": (Text("事件", "Incidents"), "/api/v1/incidents"),
    "quarantine": (Text("待修复区", "Quarantine"), "/api/v1/quarantine"),
}


def _quality(counts: Counts | None) -> float | None:
    return None if counts is None or not counts.received else round(1 - counts.quarantined / counts.received, 4)


class Catalogue:
    """Everything but devices. One for an application; for one event loop.

    The figures cost a grouped query over an hour of the log, so they are kept for 30 s and made by one request at a
    time. Sizes of tables cost milliseconds each, seconds for a thousand of them: they are measured beside the requests
    and kept for ten minutes; until they are known they are null.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._made = float("-inf")
        self._items: list[Resource] = []
        self._sizes: dict[str, Any] = {}
        self._sized = float("-inf")
        self._sizing: asyncio.Task[None] | None = None
        self.devices = DeviceList()

    async def few(self, context: Context, app: FastAPI, now: int) -> list[Resource]:
        """All resources that are no devices, in order of kind and key."""
        async with self._lock:
            if time.monotonic() - self._made > _FRESH_S:
                self._made = time.monotonic()
                try:
                    self._items = await self._make(context, app, now)
                except StoreError:
                    self._made = float("-inf")
                    raise
            return self._items

    async def _measure(self, context: Context) -> None:
        """See to it that sizes are known soon; where that is quick, now."""
        if time.monotonic() - self._sized > _SIZES_S and self._sizing is None:
            self._sizing = asyncio.create_task(self._size(context))
            await asyncio.wait({self._sizing}, timeout=_PATIENCE_S)

    async def _size(self, context: Context) -> None:
        try:
            self._sizes = await context.store.statistics()
            self._sized = time.monotonic()
            self._made = float("-inf")
        except StoreError:
            pass  # the next request that finds the data base well tries again
        finally:
            self._sizing = None

    async def _make(self, context: Context, app: FastAPI, now: int) -> list[Resource]:
        registry = await context.registry()
        store = context.store
        await self._measure(context)
        ledger, _ = await store.ledger()
        activity = await store.activity(now - HOUR_US)
        types = [registry.sensor_types[n] for n in sorted(registry.sensor_types)]
        figures = {t.id: _figures(ledger.get(t.id), activity.get(t.id)) for t in types if t.into is None}
        return [
            *_of_types(types, figures),
            *sorted(_of_data(types, figures, ledger, self._sizes), key=lambda r: r.key),
            *sorted(_of_interfaces(app, types), key=lambda r: r.key),
            *sorted(_of_scenes(context), key=lambda r: r.key),
            *sorted(_of_stories(context), key=lambda r: r.key),
        ]


def _figures(counts: Counts | None, activity: Activity | None) -> dict[str, Any]:
    return {
        "rows_per_h": activity.rows if activity else 0,
        "newest": activity.newest if activity else None,
        "quality": _quality(counts),
    }


def _of_types(types: Iterable[SensorType], figures: Mapping[str, dict[str, Any]]) -> Iterator[Resource]:
    for t in types:
        yield Resource(
            kind="sensor-type",
            key=t.id,
            name=t.name,
            family=t.family.value,
            sensor_type=t.id,
            owner=Owner("department", department_of(t)),
            access=access_of(t),
            href=f"/api/v1/sensor-types/{t.id}",
            facts={"version": t.version, "retired": t.retired, "into": t.into},
            **figures.get(t.id, {}),
        )


def _of_data(
    types: Iterable[SensorType],
    figures: Mapping[str, dict[str, Any]],
    ledger: Mapping[str, Counts],
    sizes: Mapping[str, Any],
) -> Iterator[Resource]:
    tables = sizes.get("tables", {})
    for t in types:
        if t.into is None:
            rows = rows_stored(ledger, t.id)
            yield Resource(
                kind="data-set",
                key=f"observations.{t.table}",
                name=t.name,
                family=t.family.value,
                sensor_type=t.id,
                owner=Owner("department", department_of(t)),
                access=access_of(t),
                href=f"/api/v1/observations?sensor_type={t.id}",
                facts={"rows": rows, "bytes": tables.get(t.id, {}).get("bytes")},
                **figures[t.id],
            )
    for name, (text, href) in _KEPT.items():
        yield Resource(
            kind="data-set",
            key=f"brain.{name}",
            name=text,
            owner=_OURS,
            access=_INSIDE,
            href=href,
            facts={"rows": sizes.get(name), "bytes": None},
        )


def _of_interfaces(app: FastAPI, types: Iterable[SensorType]) -> Iterator[Resource]:
    for path, methods in app.openapi()["paths"].items():
        for method, told in methods.items():
            summary = str(told.get("summary", ""))
            name = Text(CHINESE.get(told.get("operationId", ""), summary), summary)
            yield Resource(
                kind="interface", key=f"{method.upper()} {path}", name=name, owner=_OURS, access=_INSIDE, href="/docs"
            )
    moving = Text("移动设备实时位置", "Moving devices, live")
    yield Resource(
        kind="interface", key="WS /api/v1/live/tracks", name=moving, owner=_OURS, access=_INSIDE, href="/docs"
    )
    for t in types:
        for topic in t.topics or (f"city/{t.id}/{{device}}",):
            yield Resource(
                kind="interface",
                key=f"MQTT {topic}",
                name=t.name,
                family=t.family.value,
                sensor_type=t.id,
                owner=Owner("department", department_of(t)),
                access=access_of(t),
                href=f"/api/v1/sensor-types/{t.id}",
            )


def _of_scenes(context: Context) -> Iterator[Resource]:
    for s in context.scenes:
        events = [p.event for p in s.policies]
        acting = [d.department for e in events[:1] for d in default_duties(e) if d.role == "act"]
        yield Resource(
            kind="scene",
            key=s.name,
            name=s.title,
            owner=Owner("department", acting[0]) if acting else _OURS,
            access=_INSIDE,
            href="/api/v1/scenes",
            facts={"version": s.version, "events": events},
        )


def _of_stories(context: Context) -> Iterator[Resource]:
    for name, title in context.settings.stories.items():
        yield Resource(
            kind="story", key=name, name=title, owner=_OURS, access=_SCRIPT, href=f"cloudbrain simulate {name}"
        )


class DeviceList:
    """Devices with their districts and what a search looks at, made once for each state of the registry."""

    def __init__(self) -> None:
        self._of: Registry | None = None
        self._devices: Sequence[Device] = ()
        self._keys: list[tuple[str, str]] = []
        self._districts: list[str | None] = []
        self._hay: list[str] = []

    async def page(
        self, context: Context, words: Sequence[str], district: str | None, after: tuple[str, str] | None, most: int
    ) -> list[tuple[Device, str | None]]:
        """The next devices that fit, at most ``most``, with their districts."""
        registry = await context.registry()
        if self._of is not registry:
            devices = await context.devices()
            # Seconds of work for 100,000 devices would hold everybody up; a thread does it.
            made = await asyncio.to_thread(_prepare, context, devices)
            self._of, self._devices = registry, devices
            self._districts, self._hay = made
            self._keys = [(d.sensor_type, d.name) for d in devices]
        if words or district:
            return await asyncio.to_thread(self._search, words, district, after, most)
        return self._search(words, district, after, most)

    def _search(
        self, words: Sequence[str], district: str | None, after: tuple[str, str] | None, most: int
    ) -> list[tuple[Device, str | None]]:
        out: list[tuple[Device, str | None]] = []
        devices, districts, hay = self._devices, self._districts, self._hay
        for i in range(0 if after is None else bisect_right(self._keys, after), len(devices)):
            if (not district or districts[i] == district) and all(w in hay[i] for w in words):
                out.append((devices[i], districts[i]))
                if len(out) == most:
                    break
        return out


def _prepare(context: Context, devices: Sequence[Device]) -> tuple[list[str | None], list[str]]:
    districts: list[str | None] = [None] * len(devices)
    known = [d for d in context.city.districts if len(d.polygon) >= 3]
    placed = [i for i, d in enumerate(devices) if d.lon is not None and d.lat is not None]
    if known and placed:
        place = np.array([(devices[i].lon, devices[i].lat) for i in placed], np.float64)
        hits = Fences([polygon_of(d.polygon) for d in known]).inside(place[:, 0], place[:, 1])
        for point, fence in zip(hits.point.tolist(), hits.fence.tolist(), strict=True):
            districts[placed[point]] = known[fence].id
    hay = []
    for d in devices:
        name = d.extra.get("name") or {}
        parts = (d.name, d.sensor_type, d.site or "", str(name.get("zh", "")), str(name.get("en", "")))
        hay.append(" ".join(parts).lower())
    return districts, hay


def device_resource(
    device: Device, district: str | None, kind: SensorType | None, sites: Mapping[str, Text], activity: Activity | None
) -> Resource:
    """A device as a line of the catalogue."""
    name = device.extra.get("name") or {}
    known = Text(str(name.get("zh") or device.name), str(name.get("en") or name.get("zh") or device.name))
    owner = _OURS
    if device.site is not None:
        owner = Owner("site", device.site, sites.get(device.site))
    elif kind is not None:
        owner = Owner("department", department_of(kind))
    return Resource(
        kind="device",
        key=device.name,
        name=known,
        family=None if kind is None else kind.family.value,
        sensor_type=device.sensor_type,
        owner=owner,
        district=district,
        access=_INSIDE if kind is None else access_of(kind),
        href=f"/api/v1/observations/latest?sensor_type={device.sensor_type}&device={quote(device.name)}",
        rows_per_h=activity.rows if activity else 0,
        newest=activity.newest if activity else None,
        facts={"simulated": device.simulated, "quarantined": activity.quarantined if activity else 0},
    )
