"""The quarantine: what was refused and why; trying it again after the cause was mended."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.store.base import QuarantineQuery
from brain.times import iso
from brain.web.context import context_of
from brain.web.examples import QUARANTINED, ROW
from brain.web.inbox import hand_in
from brain.web.parameters import Cursor, End, Limit, Start
from brain.web.problems import Problem
from brain.web.query import checked_cursor, parse_time
from brain.web.reply import Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/quarantine", tags=["quarantine"])


@router.get(
    "",
    operation_id="list_quarantine",
    summary="Refused readings, newest first",
    responses=responses({"items": [QUARANTINED], "next_cursor": None}, 422),
)
async def list_quarantine(
    request: Request,
    reason: Annotated[str | None, Query(description="Reason word.", examples=["out_of_range"])] = None,
    topic: Annotated[str | None, Query(description="Topic as it came.", examples=["city/gas-detector/G1"])] = None,
    sensor_type: Annotated[str | None, Query(description="Sensor type it was meant for.")] = None,
    start: Start = None,
    end: End = None,
    mended: Annotated[bool | None, Query(description="Only those that a new try has stored, or only the rest.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """`detail` is one sentence that names the path inside the message. `start` and `end` are times of receipt.

    All bytes are kept up to 256 KiB, then the first 10 KiB with the true `size`.
    """
    page = await context_of(request).store.quarantine(
        QuarantineQuery(
            reason=reason or None,
            topic=topic or None,
            sensor_type=sensor_type or None,
            start=parse_time("start", start),
            end=parse_time("end", end),
            mended=mended,
            limit=limit,
            cursor=checked_cursor(cursor),
        )
    )
    return Json({"items": page.items, "next_cursor": page.cursor})


@router.get(
    "/summary",
    operation_id="summarise_quarantine",
    summary="How much waits, by reason and sensor type",
    responses=responses(
        {
            "items": [
                {
                    "reason": "out_of_range",
                    "sensor_type": "gas-detector",
                    "count": 3,
                    "oldest": "2026-05-01T08:00:00.000Z",
                    "newest": "2026-05-01T09:00:00.000Z",
                }
            ],
            "next_cursor": None,
        }
    ),
)
async def summarise_quarantine(request: Request) -> Response:
    """Refused readings that no new try has mended yet, most first."""
    groups = await context_of(request).store.quarantine_summary()
    items = [{**g, "oldest": iso(g["oldest"]), "newest": iso(g["newest"])} for g in groups]
    return Json({"items": items, "next_cursor": None})


@router.post(
    "/retry",
    operation_id="retry_all_quarantined",
    summary="Try all of a reason again",
    status_code=202,
    responses=responses({"queued": 3}, 422, 503, status=202),
)
async def retry_all_quarantined(
    request: Request,
    reason: Annotated[str | None, Query(description="Reason word.", examples=["out_of_range"])] = None,
    sensor_type: Annotated[str | None, Query(description="Sensor type it was meant for.")] = None,
    topic: Annotated[str | None, Query(description="Topic as it came.")] = None,
    start: Start = None,
    end: End = None,
) -> Response:
    """Hands in again what waits, oldest first, at most 10,000 a call; each goes through ingest like a new message.

    A reading keeps the time it was received at first, and is stored once. Ask `summary` for what is left.
    """
    query = QuarantineQuery(
        reason=reason,
        sensor_type=sensor_type,
        topic=topic,
        start=parse_time("start", start),
        end=parse_time("end", end),
        limit=10_000,
    )
    return Json({"queued": await context_of(request).store.quarantine_retry(query)}, status_code=202)


@router.post(
    "/{quarantine_id}/retry",
    operation_id="retry_quarantined",
    summary="Try a refused message again",
    responses=responses({"rows": [ROW], "refused": [], "duplicates": 0}, 404, 503),
)
async def retry_quarantined(request: Request, quarantine_id: str) -> Response:
    """Sends the kept bytes through ingest once more, as after a profile was mended or a device registered.

    Answers like `POST /api/v1/messages/{topic}`. What is refused again stays in its record, with the new reason and
    one more in `retries`.
    """
    context = context_of(request)
    is_number = quarantine_id.isascii() and quarantine_id.isdigit() and len(quarantine_id) <= 18
    kept = await context.store.quarantine_payload(int(quarantine_id)) if is_number else None
    if kept is None:
        shown = repr(quarantine_id[:40])
        raise Problem(
            404,
            f"no record {shown} in the quarantine; GET /api/v1/quarantine lists them",
            f"待修复区没有记录 {shown}；可用 GET /api/v1/quarantine 查看",
        )
    return Json(await hand_in(context, kept.topic, kept.payload, int(quarantine_id)))
