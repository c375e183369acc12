"""Health: is the process alive; is the platform ready."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.errors import StoreError
from brain.times import iso
from brain.web.context import Context, context_of, now_us
from brain.web.problems import Problem
from brain.web.reply import Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/health", tags=["health"])
_EXAMPLE = {
    "ready": True,
    "parts": {
        "database": {"ok": True, "storage": "timescaledb 2.19.3"},
        "ingest": {"ok": True, "last_moved_at": "2026-05-01T00:00:04.000Z", "quiet_s": 0.4},
    },
}


@router.get("/live", operation_id="health_live", summary="Is the process alive", responses=responses({"status": "ok"}))
async def health_live() -> Response:
    """Answers whenever the process can answer at all."""
    return Json({"status": "ok"})


async def look(context: Context) -> dict[str, dict[str, Any]]:
    """The parts and how they are."""
    try:
        _, moved = await context.store.log_end()
    except StoreError:
        silent = {"ok": False, "says": "the data base does not answer"}
        return {"database": silent, "ingest": {"ok": False, "says": "unknown without the data base"}}
    quiet_s = (now_us() - moved) / 1e6
    ingest = {
        "ok": quiet_s <= context.settings.log_quiet_s,
        "last_moved_at": iso(moved) if moved else None,
        "quiet_s": round(max(quiet_s, 0.0), 3) if moved else None,
    }
    return {"database": {"ok": True, "storage": context.store.storage}, "ingest": ingest}


@router.get("/ready", operation_id="health_ready", summary="Is the platform ready", responses=responses(_EXAMPLE, 503))
async def health_ready(request: Request) -> Response:
    """200 when the data base answers and ingest's log moved within 10 s; it moves each second, traffic or not."""
    parts = await look(context_of(request))
    bad = [name for name, part in parts.items() if not part["ok"]]
    if bad:
        listed = ", ".join(bad)
        raise Problem(
            503,
            f"not ready: {listed}; `cloudbrain doctor` says more",
            f"未就绪：{listed}；可运行 cloudbrain doctor 查看",
            extra={"ready": False, "parts": parts},
            headers={"Retry-After": "2"},
        )
    return Json({"ready": True, "parts": parts})
