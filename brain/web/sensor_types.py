"""Sensor types: the declared kinds of stream."""

from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.model import SensorType
from brain.web.context import context_of
from brain.web.parameters import Cursor, Limit
from brain.web.problems import Problem
from brain.web.query import open_cursor, seal_cursor
from brain.web.reply import Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/sensor-types", tags=["sensor types"])
_SECOND = timedelta(seconds=1)
_EXAMPLE: dict[str, Any] = {
    "id": "gas-detector",
    "version": 1,
    "family": "meter",
    "name": {"zh": "可燃有毒气体探测器", "en": "Gas detector"},
    "topic": "city/gas-detector/<device-id>",
    "fields": [
        {
            "name": "lel_pct",
            "kind": "number",
            "unit": "%",
            "low": 0.0,
            "high": 100.0,
            "values": None,
            "label": {"zh": "爆炸下限百分比", "en": "Share of the lower explosive limit"},
        }
    ],
    "key": [],
    "moving": False,
    "admission": "open",
    "max_bytes": 65536,
    "past_s": 604800.0,
    "future_s": 300.0,
    "late_s": 30.0,
}


def _item(kind: SensorType) -> dict[str, Any]:
    return {
        "id": kind.id,
        "version": kind.version,
        "family": kind.family.value,
        "name": {"zh": kind.name.zh, "en": kind.name.en},
        "topic": f"city/{kind.id}/<device-id>",
        "fields": [
            {
                "name": f.name,
                "kind": f.kind.value,
                "unit": f.unit,
                "low": f.low,
                "high": f.high,
                "values": None if f.values is None else list(f.values),
                "label": {"zh": f.label.zh, "en": f.label.en},
            }
            for f in kind.fields
        ],
        "key": list(kind.key),
        "moving": kind.moving,
        "admission": kind.admission,
        "max_bytes": kind.max_bytes,
        "past_s": kind.past / _SECOND,
        "future_s": kind.future / _SECOND,
        "late_s": kind.late / _SECOND,
    }


@router.get(
    "",
    operation_id="list_sensor_types",
    summary="Registered sensor types",
    responses=responses({"items": [_EXAMPLE], "next_cursor": None}, 422),
)
async def list_sensor_types(request: Request, limit: Limit = 1000, cursor: Cursor = None) -> Response:
    """In order of their ids, with fields, units, ranges, and how old or early a reading may be."""
    registry = await context_of(request).registry()
    after = str(open_cursor(cursor, 1)[0]) if cursor else ""
    names = sorted(n for n in registry.sensor_types if n > after)
    page = names[:limit]
    following = seal_cursor(page[-1]) if len(names) > limit else None
    return Json({"items": [_item(registry.sensor_types[n]) for n in page], "next_cursor": following})


@router.get(
    "/{sensor_type_id}",
    operation_id="show_sensor_type",
    summary="One sensor type",
    responses=responses(_EXAMPLE, 404),
)
async def show_sensor_type(request: Request, sensor_type_id: str) -> Response:
    """`-` and `_` count as the same."""
    found = await context_of(request).sensor_type(sensor_type_id)
    if found is None:
        shown = repr(sensor_type_id[:60])
        raise Problem(
            404,
            f"no sensor type {shown}; GET /api/v1/sensor-types lists them",
            f"没有传感器类型 {shown}；可用 GET /api/v1/sensor-types 查看",
        )
    return Json(_item(found))
