"""Scenes: which rules run, and every threshold with where it comes from."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.model import Text
from brain.web.context import context_of
from brain.web.reply import Json, responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1/scenes", tags=["scenes"])
_EXAMPLE: dict[str, Any] = {
    "items": [
        {
            "name": "safety_production",
            "title": {"zh": "安全生产", "en": "Work safety"},
            "version": "1.0",
            "events": ["gas_leak"],
            "interests": [{"sensor_type": "gas-detector", "columns": ["lel_pct"], "late": False}],
            "parameters": [
                {
                    "name": "l1_pct",
                    "default": 10.0,
                    "unit": "%",
                    "text": {"zh": "一级报警", "en": "First alarm level"},
                    "source": "GB/T 50493-2019",
                }
            ],
            "settings": [{"districts": ["shinan"], "parameters": {"l1_pct": 8.0}}],
        }
    ],
    "next_cursor": None,
}


def _text(text: Text) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}


@router.get("", operation_id="list_scenes", summary="The scenes that run", responses=responses(_EXAMPLE))
async def list_scenes(request: Request) -> Response:
    """Names, titles, versions, the events each can raise, and its parameters with defaults and sources.

    `settings` is what the city model changes; a scene without settings runs everywhere with its defaults.
    """
    context = context_of(request)
    items = [
        {
            "name": s.name,
            "title": _text(s.title),
            "version": s.version,
            "events": [p.event for p in s.policies],
            "interests": [
                {"sensor_type": i.sensor_type, "columns": list(i.columns), "late": i.late} for i in s.interests
            ],
            "parameters": [
                {"name": n, "default": p.default, "unit": p.unit, "text": _text(p.text), "source": p.source}
                for n, p in s.parameters.items()
            ],
            "settings": [
                {"districts": x.districts, "parameters": x.parameters} for x in context.city.scenes if x.name == s.name
            ],
        }
        for s in context.scenes
    ]
    return Json({"items": items, "next_cursor": None})
