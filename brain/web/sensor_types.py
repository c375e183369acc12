"""Sensor types: the declared kinds of stream; registering new ones by one document while everything runs."""

from __future__ import annotations

import difflib
import json
from datetime import timedelta
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response  # noqa: TC002

from brain.errors import SensorTypeError
from brain.model import SensorType  # noqa: TC001
from brain.times import iso
from brain.web.context import context_of, now_us
from brain.web.parameters import Cursor, Limit  # noqa: TC001
from brain.web.problems import Problem
from brain.web.query import decode_body, open_cursor, seal_cursor
from brain.web.reply import JSON, Json, responses
from ingest.registration import Checked, check, register, retire, samples_from

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/sensor-types", tags=["sensor types"])
_SECOND = timedelta(seconds=1)
_EXAMPLE: dict[str, Any] = {
    "id": "gas-detector",
    "version": 1,
    "family": "meter",
    "name": {"zh": "可燃有毒气体探测器", "en": "Gas detector"},
    "topic": "city/gas-detector/<device-id>",
    "topics": [],
    "into": None,
    "retired": False,
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
        "topics": list(kind.topics),
        "into": kind.into,
        "retired": kind.retired,
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
    """With `document`, the text it was registered by (null for built-in ones). `-` and `_` count as the same."""
    found = await _known(request, sensor_type_id)
    versions = await context_of(request).store.sensor_type_versions(found.id)
    return Json(_item(found) | {"document": versions[-1]["source"] if versions else None})


async def _known(request: Request, name: str) -> SensorType:
    found = await context_of(request).sensor_type(name)
    if found is None:
        shown = repr(name[:60])
        raise Problem(
            404,
            f"no sensor type {shown}; GET /api/v1/sensor-types lists them",
            f"没有传感器类型 {shown}；可用 GET /api/v1/sensor-types 查看",
        )
    return found


class NewSensorType(msgspec.Struct, forbid_unknown_fields=True):
    """What registers a sensor type."""

    document: str | dict[str, Any]
    samples: list[Any] = []


_DRY: dict[str, Any] = {
    "id": "air-quality",
    "ok": True,
    "errors": [],
    "warnings": ["fields.pm25_ugm3: a number without a unit; give its UCUM code, or 1 for a plain count or ratio"],
    "changes": [],
    "samples": [
        {"rows": [{"sensor_type": "air-quality", "device": "A1", "pm25_ugm3": 12}], "refused": None, "ignored": []}
    ],
}
_NEW: dict[str, Any] = {"id": "air-quality", "version": 1, "warnings": []}


@router.post(
    "",
    operation_id="add_sensor_type",
    summary="Register a sensor type by its document",
    status_code=201,
    responses={
        **responses(_NEW, 413, 422, 503, status=201),
        200: {"description": "Dry run", "content": {JSON: {"example": _DRY}}},
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The document (YAML or JSON text, or the object) and samples to try it on.",
            "content": {
                JSON: {
                    "example": {
                        "document": "id: air-quality\nfamily: meter\nname: {zh: 空气质量, en: Air quality}\n"
                        "topics: ['air/{device}']\ntime: it.ts\nfields:\n  pm25_ugm3: {unit: ug/m3, from: it.pm25}\n",
                        "samples": [{"topic": "air/A1", "payload": {"ts": 1782885600, "pm25": 12}}],
                    }
                },
                "application/yaml": {"schema": {"type": "string"}},
            },
        }
    },
)
async def add_sensor_type(
    request: Request,
    dry_run: Annotated[bool, Query(description="Only say what would happen; nothing is kept.")] = False,
) -> Response:
    """Messages of its topics are stored from the answer on, without a restart.

    The same id again makes a new version: new fields get columns, fields left out keep what is stored, and the samples
    of the version before are tried again. `dry_run=true` answers 200 with the rows each sample would store, why it
    would be refused, and the paths that nothing is read from. `errors` lists all that is wrong with the document.
    """
    body = await _body_of(request)
    context = context_of(request)
    try:
        samples = samples_from(body.samples)
        if dry_run:
            registry = await context.registry(fresh=True)
            checked = check(body.document, samples, registry, now_us())
            return Json(_told(checked, body.document))
        checked = await register(context.store, body.document, samples)
        await context.forget_registry()
    except SensorTypeError as e:
        more = len(e.others)
        raise Problem(
            422,
            f"{e}; and {more} more, see errors" if more else str(e),
            f"文档有误：{e}" + (f"；另有 {more} 处，见 errors" if more else ""),
            errors=[(one.path or "document", str(one)) for one in e.every],
        ) from None
    made = checked.sensor_type
    assert made is not None
    answer = {"id": made.id, "version": made.version, "warnings": checked.warnings, "changes": checked.changes}
    return Json(answer, status_code=201)


async def _body_of(request: Request) -> NewSensorType:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/yaml", "text/yaml", "application/x-yaml", "text/plain"):
        try:
            return NewSensorType((await request.body()).decode())
        except UnicodeDecodeError:
            raise Problem.input(
                "body", "is not UTF-8; send the document as UTF-8", "不是 UTF-8；请以 UTF-8 发送"
            ) from None
    return await decode_body(request, NewSensorType)


def _told(checked: Checked, document: Any) -> dict[str, Any]:
    made = checked.sensor_type
    named = document.get("id") if isinstance(document, dict) else None
    return {
        "id": made.id if made else named if isinstance(named, str) else None,
        "ok": not checked.errors,
        "errors": checked.errors,
        "warnings": checked.warnings,
        "changes": checked.changes,
        "samples": [
            {
                "rows": got.rows,
                "refused": None if got.refused is None else dict(zip(("reason", "detail"), got.refused, strict=True)),
                "ignored": got.ignored,
            }
            for got in checked.previews
        ],
    }


@router.get(
    "/{sensor_type_id}/versions",
    operation_id="list_sensor_type_versions",
    summary="Versions of a sensor type",
    responses=responses(
        {
            "items": [
                {
                    "version": 2,
                    "added_at": "2026-05-01T08:00:00Z",
                    "document": "id: air-quality ...",
                    "diff": "--- version 1\n+++ version 2\n",
                    "samples": 1,
                }
            ],
            "next_cursor": None,
        },
        404,
    ),
)
async def list_versions(request: Request, sensor_type_id: str) -> Response:
    """Newest first, each with its document and the difference from the version before."""
    found = await _known(request, sensor_type_id)
    versions = await context_of(request).store.sensor_type_versions(found.id)
    items = [
        {
            "version": v["version"],
            "added_at": iso(v["added_at"]),
            "document": v["source"],
            "diff": _diff(versions[i - 1] if i else None, v),
            "samples": len(json.loads(v["samples"])),
        }
        for i, v in enumerate(versions)
    ]
    return Json({"items": items[::-1], "next_cursor": None})


def _diff(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    if before is None:
        return ""
    names = f"version {before['version']}", f"version {after['version']}"
    old, new = before["source"].splitlines(), after["source"].splitlines()
    return "\n".join(difflib.unified_diff(old, new, *names, lineterm=""))


@router.delete(
    "/{sensor_type_id}",
    operation_id="retire_sensor_type",
    summary="Retire a sensor type",
    responses=responses({"id": "air-quality", "version": 1, "retired": True}, 404, 503),
)
async def retire_sensor_type(request: Request, sensor_type_id: str) -> Response:
    """Its messages are refused from now on; what is stored stays and can be read. Adding it again takes it back."""
    found = await _known(request, sensor_type_id)
    context = context_of(request)
    gone = await retire(context.store, found.id)
    await context.forget_registry()
    return Json({"id": gone.id, "version": gone.version, "retired": gone.retired})
