"""Devices: the registry's list, and registering one."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
import numpy as np
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.city.fences import Fences, polygon_of
from brain.model import Device
from brain.registry import Registry
from brain.web.context import Context, context_of
from brain.web.examples import DEVICE
from brain.web.parameters import Bbox, Cursor, Limit, SensorTypes
from brain.web.problems import Problem
from brain.web.query import decode_body, open_cursor, parse_bbox, seal_cursor, split_list
from brain.web.reply import GEOJSON, JSON, Json, body_of, feature_collection, negotiate, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/devices", tags=["devices"])
_ID = re.compile(r"[^\s/+#]{1,128}")

Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]
Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class Name(msgspec.Struct, forbid_unknown_fields=True):
    """A name in both languages."""

    zh: Annotated[str, msgspec.Meta(max_length=200)] = ""
    en: Annotated[str, msgspec.Meta(max_length=200)] = ""


class Registration(msgspec.Struct, forbid_unknown_fields=True):
    """What is known of a device; ``lon`` and ``lat`` are left out for what moves."""

    sensor_type: Short
    lon: Longitude | None = None
    lat: Latitude | None = None
    site: Short | None = None
    simulated: bool = False
    name: Name | None = None
    capacity: Annotated[int, msgspec.Meta(ge=0)] | None = None
    watches: Short | None = None
    span: dict[Short, tuple[float, float]] | None = None
    work_order: bool | None = None


def _item(device: Device, registry: Registry) -> dict[str, Any]:
    kind = registry.sensor_type(device.sensor_type)
    extra = dict(device.extra)
    name = extra.pop("name", None)
    return {
        "id": device.name,
        "sensor_type": device.sensor_type,
        "family": None if kind is None else kind.family.value,
        "device_id": device.device_id,
        "lon": device.lon,
        "lat": device.lat,
        "site": device.site,
        "simulated": device.simulated,
        "name": name,
        **{k: v for k, v in extra.items() if v is not None and v != {}},
    }


def _inside(context: Context, district: str, devices: Sequence[Device]) -> list[Device]:
    found = next((d for d in context.city.districts if d.id == district), None)
    if found is None:
        listed = ", ".join(d.id for d in context.city.districts) or "none: the city model has no districts"
        raise Problem.input(
            "district",
            f"{district[:60]!r:.62} is not in the city model; it has {listed}",
            f"城市模型中没有；可用：{listed}",
        )
    placed = [d for d in devices if d.lon is not None and d.lat is not None]
    if not placed or len(found.polygon) < 3:
        return []
    place = np.array([(d.lon, d.lat) for d in placed], np.float64)
    hits = Fences([polygon_of(found.polygon)]).inside(place[:, 0], place[:, 1])
    return [placed[k] for k in hits.point.tolist()]


@router.get(
    "",
    operation_id="list_devices",
    summary="Registered devices",
    responses=responses({"items": [DEVICE], "next_cursor": None}, 422, also={GEOJSON: {"type": "FeatureCollection"}}),
)
async def list_devices(
    request: Request,
    bbox: Bbox = None,
    sensor_type: SensorTypes = None,
    district: Annotated[str | None, Query(description="Id of a district.", examples=["shinan"])] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """In order of sensor type and id. `bbox` and `district` look at the registered place, so what moves is in neither.

    GeoJSON by `Accept: application/geo+json`.
    """
    kind = negotiate(request, JSON, GEOJSON)
    context = context_of(request)
    box = parse_bbox(bbox)
    wanted = {t.id for t in await context.known_types(split_list(sensor_type))}
    found: list[Device] = await context.devices()
    if wanted:
        found = [d for d in found if d.sensor_type in wanted]
    if box is not None:
        west, south, east, north = box
        found = [
            d
            for d in found
            if d.lon is not None and d.lat is not None and west <= d.lon <= east and south <= d.lat <= north
        ]
    if district:
        found = _inside(context, district, found)
    if cursor:
        after = tuple(str(p) for p in open_cursor(cursor, 2))
        found = [d for d in found if (d.sensor_type, d.name) > after]
    page = found[:limit]
    following = seal_cursor(page[-1].sensor_type, page[-1].name) if len(found) > limit else None
    registry = await context.registry()
    items = [_item(d, registry) for d in page]
    if kind == GEOJSON:
        return feature_collection(items, following)
    return Json({"items": items, "next_cursor": following})


@router.put(
    "/{device_id}",
    operation_id="put_device",
    summary="Register or change a device",
    responses=responses(DEVICE, 422) | responses(DEVICE, status=201, says="Registered: it was not known before"),
    openapi_extra=body_of(
        Registration, {"sensor_type": "gas-detector", "lon": 120.3702, "lat": 36.0911, "site": "RQ-07"}
    ),
)
async def put_device(request: Request, device_id: str) -> Response:
    """The body is all that is known of it: what is left out is forgotten. 201 when it is new, 200 when it was known.

    Ids are 1 to 128 printable characters without blanks and `/ + #`, unique within a sensor type.
    """
    if not _ID.fullmatch(device_id) or not device_id.isprintable():
        raise Problem.input(
            "device_id",
            "is not 1 to 128 printable characters without blanks and / + #; choose another id",
            "须为 1 至 128 个可打印字符，不含空白与 / + #；请换一个编号",
        )
    body = await decode_body(request, Registration)
    if (body.lon is None) != (body.lat is None):
        raise Problem.input(
            "body",
            "has only one of lon and lat; give both, or none for what moves",
            "lon 与 lat 须同时给出，移动设备则都不给",
        )
    context = context_of(request)
    (kind,) = await context.known_types([body.sensor_type])
    known = (await context.registry()).find(kind.id, device_id)
    extra = {
        k: v
        for k in ("name", "capacity", "watches", "span", "work_order")
        if (v := msgspec.to_builtins(getattr(body, k))) is not None
    }
    wanted = Device(
        device_id=0,
        sensor_type=kind.id,
        name=device_id,
        lon=body.lon,
        lat=body.lat,
        site=body.site,
        simulated=body.simulated,
        extra=extra,
    )
    (kept,) = await context.store.put_devices([wanted])
    registry = await context.registry(fresh=True)
    return Json(_item(kept, registry), 200 if known is not None else 201)
