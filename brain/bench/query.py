"""``bench query``: how long the questions of the page and of other programs take, with millions of rows of history.

One client asks one question at a time over one connection that stays open; answers are read whole, not parsed. The time
is that from the request to the last byte, the client's own part of a third of a millisecond included.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from brain.bench.figures import percentiles
from brain.bench.fill import fill
from brain.bench.probe import Probe
from brain.bench.rig import Platform, Sender
from brain.bench.shapes import Shape
from brain.errors import ServiceError
from brain.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Options", "measure", "questions"]

_DEVICES: Final = 1000
_CALLS: Final = 100
_REFUSED: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured: each question ``times`` times over ``rows`` rows, for ``seconds`` a question at most."""

    rows: int = 1_000_000
    times: int = 200
    seconds: float = 10.0


def questions(now: datetime, shape: Shape) -> dict[str, list[str]]:
    """Name -> paths to ask in turn; each question changes device, hour or box, so that no answer is simply repeated."""

    def path(place: str, **query: Any) -> str:
        return f"/api/v1/{place}?{urlencode(query)}"

    def hour(k: int) -> dict[str, str]:
        start = now - timedelta(hours=2 + k % 20)
        return {"start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat()}

    out: dict[str, list[str]] = {
        n: [] for n in ("device_hour", "device_day_1000", "box_hour", "latest_device", "latest_100")
    }
    for k in range(40):
        kind, name = shape.device(k * 23 % shape.devices)
        west, south = 120.1 + k % 20 * 0.01, 36.03 + k % 13 * 0.01
        box = f"{west:.4f},{south:.4f},{west + 0.02:.4f},{south + 0.02:.4f}"
        day = {"start": (now - timedelta(hours=23)).isoformat(), "end": now.isoformat()}
        out["device_hour"].append(path("observations", sensor_type=kind, device=name, limit=100, **hour(k)))
        out["device_day_1000"].append(path("observations", sensor_type=kind, device=name, limit=1000, **day))
        out["box_hour"].append(path("observations", sensor_type=kind, bbox=box, limit=100, **hour(k)))
        out["latest_device"].append(path("observations/latest", sensor_type=kind, device=name))
        out["latest_100"].append(path("observations/latest", sensor_type=kind, limit=100))
    return out | {
        "incidents_open": [path("incidents", state="open", limit=100)],
        "quarantine": [path("quarantine", limit=100)],
        "ledger": ["/api/v1/statistics/ingest"],
        "metrics": ["/metrics"],
        "health": ["/health/ready"],
    }


def _ask(address: str, paths: list[str], times: int, seconds: float) -> list[float]:
    """Milliseconds of each answer; every one must be a 200."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=60)
    out: list[float] = []
    try:
        deadline = time.monotonic() + seconds
        for k in range(-2, times):  # two to warm up
            began = time.perf_counter()
            connection.request("GET", paths[k % len(paths)])
            answer = connection.getresponse()
            body = answer.read()
            took = (time.perf_counter() - began) * 1000
            if answer.status != 200:
                raise ServiceError(f"{paths[k % len(paths)]} was answered {answer.status}: {body[:200]!r:.202}")
            if k >= 0:
                out.append(took)
                if time.monotonic() > deadline:
                    break
    finally:
        connection.close()
    return out


async def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it.

    Raises:
        ServiceError: The platform did not start, or a question was refused.
    """
    shape = Shape(form="single", devices=_DEVICES, types=3)
    async with contextlib.AsyncExitStack() as exits:
        say("starting the platform")
        platform = await exits.enter_async_context(Platform(say=say))
        probe = await exits.enter_async_context(Probe(platform.ready["dsn"]))
        await _prepare(options, shape, platform, probe, say)
        queries: dict[str, dict[str, float]] = {}
        for name, paths in questions(datetime.now(UTC), shape).items():
            asked = await asyncio.to_thread(_ask, platform.ready["http"], paths, options.times, options.seconds)
            queries[name] = percentiles(asked)
            say(f"{name}: {queries[name]['p50']} ms, p99 {queries[name]['p99']} ms")
        figures = {f"{n}_{p}_ms": v[p] for n, v in queries.items() for p in ("p50", "p99")}
        return {
            "storage": platform.ready["storage"],
            "shape": {"rows": options.rows, "devices": _DEVICES, "types": 3},
            "figures": figures,
            "queries": queries,
            "details": {
                "data base, MB": round(int(await probe.value("SELECT pg_database_size(current_database())")) / 1e6)
            },
        }


async def _prepare(
    options: Options, shape: Shape, platform: Platform, probe: Probe, say: Callable[[str], None]
) -> None:
    """History, some open incidents, some refused readings."""
    store = await open_store(platform.ready["dsn"])
    try:
        devices = await store.admit([shape.device(d) for d in range(shape.devices)])
        types = (await store.load_registry()).sensor_types
    finally:
        await store.close()
    names = shape.names()
    for name in names:
        mine = [d.device_id for d in devices if d.sensor_type == name]
        await fill(probe, types[name], mine, options.rows // len(names), say)
    say("making incidents and refusals")
    job = {"form": "single", "devices": shape.devices, "types": 3, "messages": 1000, "rate": 500}
    async with Sender(platform.ready["mqtt"], job | {"calls_every_ms": 2000 // _CALLS, "refused": _REFUSED}) as sender:
        await probe.start_watch()
        await sender.go()
        if await probe.committed(1000 + _CALLS, 60) is None:
            raise ServiceError("the messages before the questions were not stored within a minute")
        await probe.stop_watch()
