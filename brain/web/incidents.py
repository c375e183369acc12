"""Incidents: what happened, why, and the steps of people."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.city.check import DEPARTMENTS
from brain.model import LEVELS
from brain.store.base import IncidentQuery
from brain.times import iso
from brain.web.context import context_of, now_us
from brain.web.examples import INCIDENT, LOG
from brain.web.parameters import Bbox, Cursor, End, Limit, Start
from brain.web.problems import Problem
from brain.web.query import checked_cursor, decode_body, parse_bbox, parse_choice, parse_time
from brain.web.reply import GEOJSON, JSON, Json, body_of, feature_collection, negotiate, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])

_STATES: Final = ("open", "raised", "unacknowledged", "acknowledged", "cleared", "closed")
_LEVELS: Final = tuple(level.value for level in LEVELS)
_LONGEST_SHELF_US: Final = 7 * 86_400_000_000

Person = Annotated[str, msgspec.Meta(min_length=1, max_length=128, description="Who does it.")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=4000, description="What there is to say.")]


class Acknowledge(msgspec.Struct):
    """Somebody has seen it."""

    by: Person = "operator"


class Comment(msgspec.Struct):
    """A remark."""

    text: Words
    by: Person = "operator"


class Assign(msgspec.Struct):
    """A department takes it."""

    department: Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,47}$", description="Id of a department.")]
    by: Person = "operator"


class Shelve(msgspec.Struct):
    """Out of sight for a while, with a reason."""

    until: Annotated[
        str | int, msgspec.Meta(description="RFC 3339 with a zone, or epoch milliseconds; at most 7 days ahead.")
    ]
    reason: Words
    by: Person = "operator"


class Close(msgspec.Struct):
    """Done."""

    text: Annotated[str, msgspec.Meta(max_length=4000, description="How it ended.")] = ""
    by: Person = "operator"


def _unknown(incident_id: str) -> Problem:
    shown = repr(incident_id[:80])
    return Problem(
        404,
        f"no incident {shown}; GET /api/v1/incidents lists them",
        f"没有事件 {shown}；可用 GET /api/v1/incidents 查看",
    )


@router.get(
    "",
    operation_id="list_incidents",
    summary="Incidents, newest first",
    responses=responses({"items": [INCIDENT], "next_cursor": None}, 422, also={GEOJSON: {"type": "FeatureCollection"}}),
)
async def list_incidents(
    request: Request,
    state: Annotated[str | None, Query(description=f"One of {', '.join(_STATES)}.")] = None,
    is_open: Annotated[bool | None, Query(alias="open", description="`true` is `state=open`.")] = None,
    level: Annotated[str | None, Query(description=f"One of {', '.join(_LEVELS)}.")] = None,
    scene: Annotated[str | None, Query(description="Name of a scene.", examples=["safety_production"])] = None,
    event: Annotated[str | None, Query(description="Kind of incident.", examples=["gas_leak"])] = None,
    department: Annotated[str | None, Query(description="Id of a department that acts or is informed.")] = None,
    status: Annotated[str | None, Query(description="`actual` or `exercise` (of a drill); both when left out.")] = None,
    start: Start = None,
    end: End = None,
    bbox: Bbox = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """What happened, one INCIDENT each.

    INCIDENT is the last object of its log, plus `state`, `raised_at`, `updated_at`, `cleared_at`, `status` (`Actual`,
    or `Exercise` of a drill) and what people made of it. `start` and `end` are times of the raise. GeoJSON by
    `Accept: application/geo+json`.
    """
    kind = negotiate(request, JSON, GEOJSON)
    page = await context_of(request).store.incidents(
        IncidentQuery(
            state=parse_choice("state", state, _STATES) or ("open" if is_open else None),
            level=parse_choice("level", level, _LEVELS),
            scene=scene or None,
            event=event or None,
            department=department or None,
            status=parse_choice("status", status, ("actual", "exercise")),
            start=parse_time("start", start),
            end=parse_time("end", end),
            bbox=parse_bbox(bbox),
            limit=limit,
            cursor=checked_cursor(cursor),
        )
    )
    if kind == GEOJSON:
        return feature_collection(page.items, page.cursor, id_key="incident")
    return Json({"items": page.items, "next_cursor": page.cursor})


@router.get(
    "/{incident_id}",
    operation_id="show_incident",
    summary="One incident",
    responses=responses(INCIDENT, 404),
)
async def show_incident(request: Request, incident_id: str) -> Response:
    """The whole state of an incident as it is now."""
    found = await context_of(request).store.incident(incident_id)
    if found is None:
        raise _unknown(incident_id)
    return Json(found)


@router.get(
    "/{incident_id}/log",
    operation_id="show_incident_log",
    summary="Every step of an incident",
    responses=responses({"items": [LOG]}, 404),
)
async def show_incident_log(request: Request, incident_id: str) -> Response:
    """Steps in order of `seq`; each carries the whole state after it. Nothing is ever taken out of it."""
    items = await context_of(request).store.incident_log(incident_id)
    if not items:
        raise _unknown(incident_id)
    return Json({"items": items})


async def _step(
    request: Request, incident_id: str, op: str, by: str, states: tuple[str, ...], **fields: Any
) -> Response:
    """Append a step by a person, where the incident is in one of the states it fits."""
    if not by.isprintable() or not by.strip():
        raise Problem.input("body.by", "holds what cannot be printed; give a name", "含不可打印字符；请填写姓名")
    store = context_of(request).store
    found = await store.incident(incident_id)
    if found is None:
        raise _unknown(incident_id)
    if found["state"] not in states:
        listed = ", ".join(states)
        raise Problem(
            409,
            f"the incident is {found['state']}, and {op} is for {listed} ones; reload it to see who changed it",
            f"事件当前状态为 {found['state']}，{op} 只适用于 {listed}；请刷新后再试",
            extra={"state": found["state"]},
        )
    log, first = await store.person_step(incident_id, op, by, now_us(), fields)
    return Json({"log": log, "first": first})


_ANSWER = {"log": LOG | {"op": "acknowledge", "by": "operator"}, "first": True}
_ANY: Final = ("raised", "acknowledged", "cleared", "closed")
_NOT_CLOSED: Final = ("raised", "acknowledged", "cleared")
_OPEN: Final = ("raised", "acknowledged")


@router.post(
    "/{incident_id}/acknowledge",
    operation_id="acknowledge_incident",
    summary="Say that somebody has seen it",
    responses=responses(_ANSWER, 404, 409, 422),
    openapi_extra=body_of(Acknowledge, {"by": "operator"}, is_required=False),
)
async def acknowledge(request: Request, incident_id: str) -> Response:
    """The second acknowledgement adds nothing: it answers `first: false` with the log object of the first."""
    body = await decode_body(request, Acknowledge)
    return await _step(request, incident_id, "acknowledge", body.by, _ANY)


@router.post(
    "/{incident_id}/comment",
    operation_id="comment_incident",
    summary="Add a remark",
    responses=responses(_ANSWER, 404, 422),
    openapi_extra=body_of(Comment, {"by": "operator", "text": "Crew reports smell of gas in the yard"}),
)
async def comment(request: Request, incident_id: str) -> Response:
    """At any time, also after the close."""
    body = await decode_body(request, Comment)
    return await _step(request, incident_id, "comment", body.by, _ANY, text=body.text)


@router.post(
    "/{incident_id}/assign",
    operation_id="assign_incident",
    summary="Give it to a department",
    responses=responses(_ANSWER, 404, 409, 422),
    openapi_extra=body_of(Assign, {"by": "operator", "department": "gas_company"}),
)
async def assign(request: Request, incident_id: str) -> Response:
    """Not for closed incidents."""
    body = await decode_body(request, Assign)
    known = dict.fromkeys([*DEPARTMENTS, *(d.id for d in context_of(request).city.departments)])
    if body.department not in known:
        listed = ", ".join(known)
        raise Problem.input(
            "body.department", f"{body.department!r} is not known; give one of {listed}", f"没有此部门；可用：{listed}"
        )
    return await _step(request, incident_id, "assign", body.by, _NOT_CLOSED, department=body.department)


@router.post(
    "/{incident_id}/shelve",
    operation_id="shelve_incident",
    summary="Put it aside for a while",
    responses=responses(_ANSWER, 404, 409, 422),
    openapi_extra=body_of(Shelve, {"by": "operator", "until": "2026-05-01T12:00:00+08:00", "reason": "Planned drill"}),
)
async def shelve(request: Request, incident_id: str) -> Response:
    """Only open incidents, at most seven days ahead, always with a reason."""
    body = await decode_body(request, Shelve)
    until = parse_time("body.until", str(body.until))
    if until is None or not now_us() < until <= now_us() + _LONGEST_SHELF_US:
        raise Problem.input(
            "body.until",
            "is not within the next seven days; give a time between now and then",
            "不在未来七天之内；请给出此范围内的时间",
        )
    return await _step(request, incident_id, "shelve", body.by, _OPEN, until=iso(until), reason=body.reason)


@router.post(
    "/{incident_id}/close",
    operation_id="close_incident",
    summary="Say that it is done",
    responses=responses(_ANSWER, 404, 422),
    openapi_extra=body_of(Close, {"by": "operator", "text": "Valve replaced, site handed back"}),
)
async def close(request: Request, incident_id: str) -> Response:
    """The second close adds nothing: it answers `first: false`."""
    body = await decode_body(request, Close)
    return await _step(request, incident_id, "close", body.by, _ANY, text=body.text)
