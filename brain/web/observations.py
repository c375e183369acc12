"""Observations: what was stored, as rows, oldest first; and the newest row of each device."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.model import SensorType
from brain.store.base import ObservationQuery, Page
from brain.web.context import Context, context_of, units_of
from brain.web.examples import ROW
from brain.web.parameters import Bbox, Cursor, End, SensorTypes, Start
from brain.web.query import checked_cursor, parse_bbox, parse_time, split_list
from brain.web.reply import CSV, GEOJSON, JSON, Json, csv_reply, feature_collection, negotiate, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/observations", tags=["observations"])

Rows = Annotated[int, Query(ge=1, le=10_000, description="Most rows of a page, 1..10000.")]
DeviceId = Annotated[str | None, Query(description="Id of a device.", examples=["G1"])]
_COMMON = ("sensor_type", "device", "time", "received_at", "id", "lon", "lat", "alt_m", "height_m", "status")
_EXAMPLE = {"items": [ROW], "units": {"gas-detector": {"lel_pct": "%"}}, "next_cursor": None}
_OTHER = {CSV: ",".join(_COMMON) + ",lel_pct\r\n", GEOJSON: {"type": "FeatureCollection"}}


def _columns(types: Sequence[SensorType]) -> list[str]:
    return list(dict.fromkeys([*_COMMON, *(f.name for t in types for f in t.fields)]))


async def _answer(request: Request, context: Context, asked: Sequence[SensorType], page: Page, kind: str) -> Response:
    registry = await context.registry()
    if kind == GEOJSON:
        return feature_collection(page.items, page.cursor)
    if kind == CSV:
        following = None
        if page.cursor is not None:
            kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
            following = request.url.path + "?" + urlencode([*kept, ("cursor", page.cursor)])
        types = asked or list(registry.sensor_types.values())
        return csv_reply(page.items, _columns(types), "observations", following)
    seen = dict.fromkeys(str(row["sensor_type"]) for row in page.items)
    types = asked or [t for n in seen if (t := registry.sensor_type(n)) is not None]
    document: dict[str, Any] = {"items": page.items, "units": units_of(types), "next_cursor": page.cursor}
    return Json(document)


@router.get(
    "",
    operation_id="list_observations",
    summary="Observations, oldest first",
    responses=responses(_EXAMPLE, 422, also=_OTHER),
)
async def list_observations(
    request: Request,
    sensor_type: SensorTypes = None,
    device: DeviceId = None,
    start: Start = None,
    end: End = None,
    bbox: Bbox = None,
    limit: Rows = 100,
    cursor: Cursor = None,
) -> Response:
    """Rows as a native message would carry them, `start` included, `end` not.

    JSON by default; `Accept: text/csv` gives CSV with the next page in `Link`, `Accept: application/geo+json` gives
    GeoJSON.
    """
    kind = negotiate(request, JSON, CSV, GEOJSON)
    context = context_of(request)
    types = await context.known_types(split_list(sensor_type))
    query = ObservationQuery(
        sensor_types=[t.id for t in types],
        device=device or None,
        start=parse_time("start", start),
        end=parse_time("end", end),
        bbox=parse_bbox(bbox),
        limit=limit,
        cursor=checked_cursor(cursor),
    )
    return await _answer(request, context, types, await context.store.observations(query), kind)


@router.get(
    "/latest",
    operation_id="list_latest_observations",
    summary="The newest observation of each device",
    responses=responses(_EXAMPLE, 422, also=_OTHER),
)
async def list_latest_observations(
    request: Request,
    sensor_type: SensorTypes = None,
    device: DeviceId = None,
    bbox: Bbox = None,
    limit: Rows = 100,
    cursor: Cursor = None,
) -> Response:
    """One row a device: the one with the newest `time`. Formats as for `/api/v1/observations`."""
    kind = negotiate(request, JSON, CSV, GEOJSON)
    context = context_of(request)
    types = await context.known_types(split_list(sensor_type))
    query = ObservationQuery(
        sensor_types=[t.id for t in types],
        device=device or None,
        bbox=parse_bbox(bbox),
        limit=limit,
        cursor=checked_cursor(cursor),
        latest=True,
    )
    return await _answer(request, context, types, await context.store.observations(query), kind)
