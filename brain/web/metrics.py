"""Metrics in Prometheus' text format: ledger, log, data base, live channels, requests, process."""

from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.responses import Response

from brain.errors import StoreError
from brain.store.base import Counts, split_ledger
from brain.web.context import Context, context_of, now_us

__all__ = ["router"]

router = APIRouter(tags=["health"])
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Found(Collector):
    """Families that were measured a moment ago."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Metric]:
        return self._families


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"cloudbrain_{name}", text, value=value)


def _sizes(facts: Mapping[str, Any]) -> list[Metric]:
    """What the store counts: numbers as they are, tables and leases by name."""
    out: list[Metric] = []
    rows = GaugeMetricFamily("cloudbrain_table_rows", "Stored observations.", labels=["sensor_type"])
    size = GaugeMetricFamily("cloudbrain_table_bytes", "Their size with indexes.", labels=["sensor_type"])
    for name, table in facts.get("tables", {}).items():
        rows.add_metric([name], table["rows"])
        size.add_metric([name], table["bytes"])
    behind = GaugeMetricFamily("cloudbrain_scenes_behind_entries", "Log entries not judged yet.", labels=["name"])
    for name, lease in facts.get("leases", {}).items():
        behind.add_metric([name], lease["behind"])
    out += [rows, size, behind]
    for key, value in sorted(facts.items()):
        if isinstance(value, int | float) and key not in {"since", "received_at", "log_last"}:
            out.append(_gauge(f"store_{key}", "As the store counts it.", value))
    return out


def _readings(name: str, text: str, ledger: Mapping[str, Counts]) -> Metric:
    out = CounterMetricFamily(name, text, labels=["sensor_type", "outcome"])
    for sensor_type, counts in sorted(ledger.items()):
        for outcome in ("received", "stored", "duplicate", "quarantined"):
            out.add_metric([sensor_type, outcome], getattr(counts, outcome))
    return out


async def _families(context: Context) -> list[Metric]:
    out: list[Metric] = []
    store = context.store
    try:
        ledger, _ = await store.ledger()
        real, drills = split_ledger(ledger)
        entry, moved = await store.log_end()
        out += [
            _readings("cloudbrain_readings", "Readings by what became of them: received is the others' sum.", real),
            _readings("cloudbrain_exercise_readings", "The same of drills, which the others leave out.", drills),
            CounterMetricFamily("cloudbrain_log_entries", "Commits of ingest.", value=entry),
            CounterMetricFamily("cloudbrain_incident_steps", "Steps of all incidents.", value=await store.last_event()),
        ]
        if moved:
            lag = max(0.0, (now_us() - moved) / 1e6)
            out.append(_gauge("log_quiet_seconds", "Time since ingest's log moved; it moves each second.", lag))
        out += _sizes(await store.statistics())
        up = 1.0
    except StoreError:
        # A scrape must work above all when something is wrong.
        out.clear()
        up = 0.0
    out.append(_gauge("database_up", "1 when the data base answers.", up))
    out.append(_gauge("live_streams", "Open live streams.", context.feed.listeners))
    out.append(_gauge("track_sockets", "Open sockets of moving devices.", context.tracks.clients))
    requests = CounterMetricFamily("cloudbrain_http_requests", "Answered.", labels=["route", "method", "status"])
    for (route, method, status), number in sorted(context.requests.items()):
        requests.add_metric([route, method, str(status)], number)
    out.append(requests)
    return out


@router.get(
    "/metrics",
    operation_id="show_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text format 0.0.4",
            "content": {
                "text/plain": {
                    "example": 'cloudbrain_readings_total{outcome="stored",sensor_type="gas-detector"} 2.0\n'
                }
            },
        }
    },
)
async def show_metrics(request: Request) -> Response:
    """Ledger per sensor type, how long the log is quiet, data base, live channels, requests, this process."""
    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Found(await _families(context_of(request))))
    return Response(generate_latest(registry), headers={"Content-Type": _TYPE})
