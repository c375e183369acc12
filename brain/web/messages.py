"""Messages of devices that speak only HTTP."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.web.context import context_of
from brain.web.examples import ROW
from brain.web.inbox import hand_in
from brain.web.problems import Problem
from brain.web.reply import JSON, Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/messages", tags=["messages"])
_LONGEST_TOPIC = 65_535


@router.post(
    "/{topic:path}",
    operation_id="post_message",
    summary="Hand in a device's message",
    responses=responses({"rows": [ROW], "refused": [], "duplicates": 0}, 413, 422, 503),
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": "The bytes a device would publish over MQTT.",
            "content": {
                JSON: {"example": {"time": "2026-05-01T08:00:02.500+08:00", "lel_pct": 63}},
                "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
            },
        }
    },
)
async def post_message(request: Request, topic: str) -> Response:
    """The same path as MQTT: the topic stands in the path (`city/gas-detector/G1`), the body is the payload.

    The answer comes after the commit, within 10 s: the stored rows, the refusals with their reasons, and how many
    readings were known already. A refused message also answers 200, and lies in the quarantine.
    """
    if not topic or len(topic.encode("utf-8", "replace")) > _LONGEST_TOPIC:
        raise Problem.input(
            "topic",
            "is empty or too long; write city/<sensor type>/<device>",
            "为空或过长；请写 city/<传感器类型>/<设备>",
        )
    return Json(await hand_in(context_of(request), topic, await request.body()))
