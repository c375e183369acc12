"""Backtests over the API: try other thresholds on stored history and see what would have been raised."""

from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.backtest import choose_scenes
from brain.pipeline.seats import check_overrides
from brain.web.backtest_jobs import MOST_WAITING, Job, Order
from brain.web.context import context_of
from brain.web.examples import LOG
from brain.web.explain import scenes_of, stored_city
from brain.web.problems import Problem
from brain.web.query import decode_body, parse_choice, parse_time
from brain.web.reply import Json, body_of, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/backtests", tags=["backtests"])
_LONGEST_US: Final = 31 * 86_400_000_000
_ORDER: Final[dict[str, Any]] = {
    "start": "2026-05-01T00:00:00Z",
    "end": "2026-05-02T00:00:00Z",
    "set": {"safety_production.l1_pct": 20.0},
    "scenes": ["safety_production"],
    "against": "run",
}
_COUNTS: Final[dict[str, Any]] = {
    "incidents": 3,
    "steps": 9,
    "levels": {"blue": 1, "yellow": 2, "orange": 0, "red": 0},
}
_SUMMARY: Final[dict[str, Any]] = {
    "before": {"set": {}, **_COUNTS},
    "after": {"set": {"safety_production.l1_pct": 20.0}, **_COUNTS},
    "summary": {
        "added": 1,
        "removed": 0,
        "earlier": 2,
        "later": 0,
        "level_up": 0,
        "level_down": 0,
        "longer": 0,
        "shorter": 0,
        "same": 1,
    },
}
_JOB: Final[dict[str, Any]] = {
    "id": "9f8e7d6c5b4a3921",
    "state": "done",
    "progress": 1.0,
    "order": _ORDER,
    "created_at": "2026-05-02T01:00:00.000Z",
    "finished_at": "2026-05-02T01:00:09.000Z",
    "rows": 864_000,
    "steps": 9,
    "error": None,
    "difference": _SUMMARY,
}
_ITEM: Final[dict[str, Any]] = {
    "changes": ["earlier"],
    "scene": "safety_production",
    "event": "gas_leak",
    "shift_s": {"blue": 0.0, "yellow": -20.0},
    "before": {"incident": "gas_leak-20260501T000003-0123456789", "level": "yellow"},
    "after": {"incident": "gas_leak-20260501T000003-0123456789", "level": "yellow"},
}


class NewBacktest(msgspec.Struct, forbid_unknown_fields=True):
    """What to run."""

    start: Annotated[str | int, msgspec.Meta(description="First time of receipt, RFC 3339 or epoch milliseconds.")]
    end: Annotated[str | int, msgspec.Meta(description="End, not included; at most 31 days later.")]
    set: dict[str, float] = {}
    scenes: list[str] = []
    against: Annotated[
        str | None,
        msgspec.Meta(description="`run`: without `set`; `log`: what was raised live; or null."),
    ] = "run"


def _job(request: Request, job_id: str) -> Job:
    found = context_of(request).backtests.jobs.get(job_id)
    if found is None:
        shown = repr(job_id[:40])
        raise Problem(
            404,
            f"no backtest {shown}; GET /api/v1/backtests lists those that are kept",
            f"没有回测 {shown}；可用 GET /api/v1/backtests 查看",
        )
    return found


@router.post(
    "",
    operation_id="start_backtest",
    summary="Run scenes over stored history with other thresholds",
    responses=responses(_JOB | {"state": "queued"}, 422, 503),
    openapi_extra=body_of(NewBacktest, _ORDER),
    status_code=202,
)
async def start_backtest(request: Request) -> Response:
    """Answers 202 at once; ask `GET /api/v1/backtests/{id}` for `progress` and the `difference`.

    One runs at a time, eight may wait (503 beyond), the last twenty are kept until the web restarts. Nothing of it is
    stored or sent to anybody. A span of more than five million rows fails: use `cloudbrain backtest` for it.
    """
    context = context_of(request)
    body = await decode_body(request, NewBacktest)
    start, end = parse_time("body.start", str(body.start)), parse_time("body.end", str(body.end))
    if start is None or end is None or not 0 < end - start <= _LONGEST_US:
        raise Problem.input(
            "body.end",
            "is not after start, or more than 31 days after it; give a span",
            "不晚于 start，或相隔超过 31 天",
        )
    scenes = choose_scenes(scenes_of(context), body.scenes)
    check_overrides(scenes, body.set)
    against = parse_choice("body.against", body.against, ("run", "log"))
    if context.backtests.waiting >= MOST_WAITING:
        raise Problem(
            503,
            f"{MOST_WAITING} backtests wait already; try again when one is done",
            f"已有 {MOST_WAITING} 个回测在等待；请稍后再试",
            headers={"Retry-After": "10"},
        )
    order = Order(start=start, end=end, overrides=body.set, scenes=tuple(s.name for s in scenes), against=against)
    job = context.backtests.put(order, await stored_city(context), scenes)
    return Json(job.document(), 202)


@router.get(
    "",
    operation_id="list_backtests",
    summary="Backtests that wait, run or are kept",
    responses=responses({"items": [_JOB], "next_cursor": None}),
)
async def list_backtests(request: Request) -> Response:
    """Newest first; `difference` without its single incidents."""
    jobs = reversed(list(context_of(request).backtests.jobs.values()))
    return Json({"items": [job.document() for job in jobs], "next_cursor": None})


@router.get(
    "/{job_id}",
    operation_id="show_backtest",
    summary="How far a backtest is, and what the change would change",
    responses=responses(_JOB | {"difference": _SUMMARY | {"items": [_ITEM]}}, 404),
)
async def show_backtest(request: Request, job_id: str) -> Response:
    """`difference.items` has each incident that was added, removed, came at another time or got another level."""
    job = _job(request, job_id)
    return Json(job.document() | {"difference": job.difference})


@router.get(
    "/{job_id}/log",
    operation_id="show_backtest_log",
    summary="The incident log of a backtest",
    responses=responses({"items": [LOG]}, 404),
)
async def show_backtest_log(request: Request, job_id: str) -> Response:
    """The log objects so far, in order; at most the first 20,000 (`steps` of the backtest counts all)."""
    return Json({"items": _job(request, job_id).log})


@router.delete(
    "/{job_id}",
    operation_id="drop_backtest",
    summary="Stop or forget a backtest",
    responses=responses({"id": "9f8e7d6c5b4a3921"}, 404),
)
async def drop_backtest(request: Request, job_id: str) -> Response:
    """Stops one that waits or runs; forgets one that is over."""
    context_of(request).backtests.drop(_job(request, job_id).job_id)
    return Json({"id": job_id})
