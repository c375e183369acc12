"""Statistics: the ledger, which always adds up."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.store.base import Counts, split_ledger, total_of
from brain.times import iso
from brain.web.context import context_of
from brain.web.reply import Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/statistics", tags=["statistics"])
_KEYS = ("received", "stored", "duplicate", "quarantined")
_COUNTS = {"received": 3, "stored": 2, "duplicate": 1, "quarantined": 0}


@router.get(
    "/ingest",
    operation_id="show_ingest_statistics",
    summary="The ledger of ingest",
    responses=responses(
        {
            "total": _COUNTS,
            "sensor_types": {"gas-detector": _COUNTS},
            "exercise": {"total": dict.fromkeys(_KEYS, 0), "sensor_types": {}},
            "since": "2026-05-01T00:00:00.000Z",
        }
    ),
)
async def show_ingest_statistics(request: Request) -> Response:
    """Readings received, stored, known already and quarantined: received is always the sum of the other three.

    `unknown` counts messages whose topic names no registered sensor type. Readings of drills count under `exercise`
    only. Survives restarts.
    """
    ledger, since = await context_of(request).store.ledger()
    real, drills = split_ledger(ledger)
    return Json({**_document(real), "exercise": _document(drills), "since": iso(since)})


def _document(ledger: Mapping[str, Counts]) -> dict[str, Any]:
    types = {name: {k: getattr(c, k) for k in _KEYS} for name, c in sorted(ledger.items())}
    return {"total": total_of(ledger), "sensor_types": types}
