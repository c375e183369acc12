"""The city model in force, for the map."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.web.context import context_of
from brain.web.reply import Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/city", tags=["city"])


@router.get(
    "",
    operation_id="show_city",
    summary="The city model in force",
    responses=responses(
        {"name": {"zh": "青岛", "en": "Qingdao"}, "timezone": "Asia/Shanghai", "districts": [], "simulated": True}
    ),
)
async def show_city(request: Request) -> Response:
    """Everything but the devices, which `/api/v1/devices` pages; `simulated` says whether any of them is simulated."""
    context = context_of(request)
    document = context.city.document()
    document.pop("devices", None)
    document["simulated"] = any(d.simulated for d in context.city.devices)
    return Json(document)
