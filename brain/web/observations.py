"""Observations: what was stored, as rows, oldest first; and the newest row of each device."""

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.model import FieldKind, SensorType
from brain.store.base import ObservationQuery, Page
from brain.web.arrow import ARROW, Column, arrow_stream
from brain.web.context import Context, context_of, units_of
from brain.web.examples import ROW
from brain.web.parameters import Bbox, Cursor, End, SensorTypes, Start
from brain.web.query import checked_cursor, parse_bbox, parse_time, split_list
from brain.web.reply import CSV, GEOJSON, JSON, Json, csv_reply, feature_collection, negotiate, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/observations", tags=["observations"])

Rows = Annotated[int, Query(ge=1, le=10_000, description="Most rows of a page, 1..10000.")]
DeviceId = Annotated[str | None, Query(description="Id of a device.", examples=["G1"])]
_COMMON = (
    *(Column(n, FieldKind.TEXT) for n in ("sensor_type", "device")),
    *(Column(n, None) for n in ("time", "received_at")),
    Column("id", FieldKind.TEXT),
    *(Column(n, FieldKind.NUMBER) for n in ("lon", "lat", "alt_m", "height_m")),
    Column("status", FieldKind.TEXT),
)
_NAMES = frozenset(c.name for c in _COMMON)
_EXAMPLE = {"items": [ROW], "units": {"gas-detector": {"lel_pct": "%"}}, "next_cursor": None}
_OTHER = {
    CSV: ",".join(c.name for c in _COMMON) + ",lel_pct\r\n",
    ARROW: "(binary)",
    GEOJSON: {"type": "FeatureCollection"},
}


def _columns(types: Sequence[SensorType]) -> list[Column]:
    """The common columns, then the fields of these types; a field that types declare differently is a text."""
    out = {c.name: c for c in _COMMON}
    for field in (f for t in types for f in t.fields):
        known = out.setdefault(field.name, Column(field.name, field.kind, field.unit))
        if field.name not in _NAMES and known != (field.name, field.kind, field.unit):
            kind = field.kind if field.kind is known.kind else FieldKind.TEXT
            out[field.name] = Column(field.name, kind)
    return list(out.values())


async def _answer(request: Request, context: Context, asked: Sequence[SensorType], page: Page, kind: str) -> Response:
    registry = await context.registry()
    if kind == GEOJSON:
        return feature_collection(page.items, page.cursor)
    if kind in (CSV, ARROW):
        following = None
        if page.cursor is not None:
            kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
            following = request.url.path + "?" + urlencode([*kept, ("cursor", page.cursor)])
        columns = _columns(asked or list(registry.sensor_types.values()))
        if kind == CSV:
            return csv_reply(page.items, [c.name for c in columns], "observations", following)
        link = {} if following is None else {"Link": f'<{following}>; rel="next"'}
        return Response(arrow_stream(page.items, columns), media_type=ARROW, headers=link)
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
    kind = negotiate(request, JSON, CSV, ARROW, GEOJSON)
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
    kind = negotiate(request, JSON, CSV, ARROW, GEOJSON)
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
