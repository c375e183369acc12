"""The catalogue: every sensor type, data set, interface, scene, story and device as one list with one search."""

from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.catalogue import KINDS
from brain.model import Text
from brain.web.catalogue_items import HOUR_US, device_resource
from brain.web.context import context_of, now_us
from brain.web.parameters import Cursor, Limit
from brain.web.query import bad_cursor, open_cursor, parse_choice, seal_cursor
from brain.web.reply import CSV, JSON, Json, csv_reply, negotiate, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/catalogue", tags=["catalogue"])
_MOST_WORDS: Final = 8
_COLUMNS: Final = (
    *("kind", "id", "name_zh", "name_en", "family", "sensor_type", "owner_kind", "owner", "district", "rows_per_h"),
    *("newest_at", "age_s", "quality", "access", "access_reason", "rows", "bytes", "version", "href"),
)
_EXAMPLE: Final[dict[str, Any]] = {
    "kind": "data-set",
    "id": "observations.gas_detector",
    "name": {"zh": "燃气与有毒气体探测器", "en": "Gas detector"},
    "family": "meter",
    "sensor_type": "gas-detector",
    "owner": {"kind": "department", "id": "gas_company", "name": None},
    "district": None,
    "rows_per_h": 36000,
    "newest_at": "2026-05-01T00:00:00.000Z",
    "age_s": 0.8,
    "quality": 0.9998,
    "access": {
        "class": "internal",
        "reason": {"zh": "设施运行数据，供城市运行使用", "en": "running data of facilities"},
    },
    "href": "/api/v1/observations?sensor_type=gas-detector",
    "rows": 864000,
    "bytes": 94371840,
}


@router.get(
    "",
    operation_id="list_catalogue",
    summary="Catalogue of resources",
    responses=responses({"items": [_EXAMPLE], "next_cursor": None}, 422, also={CSV: "kind,id,name_zh\n"}),
)
async def list_catalogue(
    request: Request,
    kind: Annotated[
        str | None, Query(description=f"One of {', '.join(KINDS)}; all when left out.", examples=["data-set"])
    ] = None,
    q: Annotated[
        str | None, Query(description="Words that must all occur in id, name, owner or class.", max_length=200)
    ] = None,
    district: Annotated[str | None, Query(description="Only devices of this district.", examples=["shinan"])] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """Each resource with owner, district, rows an hour, age of its newest row, share that was stored, and access class.

    Figures of all but devices are at most 30 s old. `quality` is the share of readings received that were not refused;
    of a device it is null, `quarantined` counts its refused readings. Access classes are defaults by family, with the
    reason. CSV by `Accept: text/csv`.
    """
    wanted = parse_choice("kind", kind, KINDS)
    answer = negotiate(request, JSON, CSV)
    context = context_of(request)
    now = now_us()
    words = (q or "").lower().split()[:_MOST_WORDS]
    if district and district not in {d.id for d in context.city.districts}:
        parse_choice("district", district, [d.id for d in context.city.districts])
    after_kind, *rest = open_cursor(cursor, 3) if cursor else (KINDS[0], "", "")
    if after_kind not in KINDS or not all(isinstance(p, str) for p in rest):
        raise bad_cursor()
    after = KINDS.index(after_kind), str(rest[0]), str(rest[1])
    found: list[tuple[str, str, str, dict[str, Any]]] = []
    if wanted != "device" and not district:
        for r in await context.catalogue.few(context, request.app, now):
            place = KINDS.index(r.kind), "", r.key
            if place > after and wanted in (None, r.kind) and all(w in r.haystack() for w in words):
                found.append((r.kind, "", r.key, r.document(now)))
                if len(found) > limit:
                    break
    if len(found) <= limit and wanted in (None, "device"):
        found += await _devices(request, words, district, after, limit + 1 - len(found), now)
    page = found[:limit]
    following = seal_cursor(*page[-1][:3]) if len(found) > limit else None
    items = [item for *_, item in page]
    if answer == CSV:
        kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        path = None if following is None else f"{request.url.path}?{urlencode([*kept, ('cursor', following)])}"
        return csv_reply([_flat(i) for i in items], _COLUMNS, "catalogue", path)
    return Json({"items": items, "next_cursor": following})


async def _devices(
    request: Request, words: list[str], district: str | None, after: tuple[int, str, str], most: int, now: int
) -> list[tuple[str, str, str, dict[str, Any]]]:
    context = context_of(request)
    registry = await context.registry()
    from_ = after[1:] if after[0] == KINDS.index("device") else None
    found = await context.catalogue.devices.page(context, words, district, from_, most)
    activity = await context.store.device_activity([d for d, _ in found], now - HOUR_US)
    sites = {s.id: Text(s.name.zh, s.name.en) for s in context.city.sites if s.name.zh or s.name.en}
    out = []
    for d, where in found:
        kind = registry.sensor_type(d.sensor_type)
        r = device_resource(d, where, kind, sites, activity.get(d.device_id))
        out.append(("device", d.sensor_type, d.name, r.document(now)))
    return out


def _flat(item: dict[str, Any]) -> dict[str, Any]:
    return {
        **item,
        "name_zh": item["name"]["zh"],
        "name_en": item["name"]["en"],
        "owner_kind": item["owner"]["kind"],
        "owner": item["owner"]["id"],
        "access": item["access"]["class"],
        "access_reason": item["access"]["reason"]["en"],
    }
