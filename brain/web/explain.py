"""Why not: what a scene knows round a place at a moment, and which condition of which rule is not met."""

from dataclasses import replace
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from brain.backtest import Question, explain_store
from brain.city import City, read_stored_city
from brain.web.context import Context, context_of, now_us
from brain.web.problems import Problem
from brain.web.query import parse_time
from brain.web.reply import Json, responses

__all__ = ["router", "scenes_of", "stored_city"]

router = APIRouter(prefix="/api/v1/scenes", tags=["scenes"])
MOST_ROWS: Final = 500_000  # of a replay for one question: seconds, while the page stays alive
_LATEST_US: Final = 5_000_000  # a moment that has hardly passed is the present
_EXAMPLE: Final[dict[str, Any]] = {
    "scene": "safety_production",
    "version": "1",
    "place": [120.3702, 36.0911],
    "radius_m": 300.0,
    "at": "2026-05-01T00:00:00.000Z",
    "basis": "replay",
    "from": "2026-04-30T23:00:00.000Z",
    "rows": 4210,
    "runs_here": True,
    "incidents": [],
    "devices": [{"sensor_type": "gas-detector", "device": "G1", "distance_m": 12.0}],
    "items": [
        {
            "rule": "S1.LEL.level_1",
            "sensor_type": "gas-detector",
            "device": "G1",
            "speaks": False,
            "unmet": ["lel_pct"],
            "facts": [
                {"quantity": "lel_pct", "value": 12.0, "op": ">=", "threshold": 25.0, "unit": "%", "met": False},
            ],
            "overlay": None,
        }
    ],
}


def scenes_of(context: Context) -> list[Any]:
    """One of each scene of the application."""
    return [s() if isinstance(s, type) else s for s in context.scenes]


async def stored_city(context: Context) -> City:
    """The city model in force: the stored one, else that of the application."""
    document = await context.store.load_city()
    return context.city if document is None else read_stored_city(document)


@router.get(
    "/{name}/explain",
    operation_id="explain_scene",
    summary="Why a scene keeps silent round a place",
    responses=responses(_EXAMPLE, 404, 422),
)
async def explain_scene(
    request: Request,
    name: str,
    lon: Annotated[float, Query(ge=-180, le=180, description="Longitude of the place, degrees.", examples=[120.37])],
    lat: Annotated[float, Query(ge=-90, le=90, description="Latitude of the place, degrees.", examples=[36.09])],
    at: Annotated[
        str | None, Query(description="Moment: RFC 3339 with a zone, or epoch milliseconds; now when left out.")
    ] = None,
    radius_m: Annotated[float, Query(ge=0, le=20_000, description="Devices within this distance are asked.")] = 300.0,
    window_s: Annotated[float, Query(ge=1, le=21_600, description="So much history is played before `at`.")] = 3600.0,
) -> Response:
    """Each condition of each rule for the devices there: `value` `op` `threshold`, and whether it is `met`.

    The present comes from the checkpoint of the running scenes and the log since (`basis: live`). A past moment is
    played again from stored history, beginning `window_s` before it with empty states (`basis: replay`); a replay of
    more than 500,000 rows is refused with 422. `items` come with the fewest unmet conditions first.
    """
    context = context_of(request)
    scenes = scenes_of(context)
    known = [s.name for s in scenes]
    if name not in known:
        listed = ", ".join(known) or "none"
        raise Problem(
            404, f"no scene {name[:60]!r:.62}; one of {listed}", f"没有场景 {name[:60]!r:.62}；可用：{listed}"
        )
    moment = parse_time("at", at)
    question = Question(
        scene=name, lon=lon, lat=lat, at=moment, radius_m=radius_m, window_s=window_s, most_rows=MOST_ROWS
    )
    if moment is not None and moment > now_us() - _LATEST_US:
        question = replace(question, at=None)
    city = await stored_city(context)
    async with context.replays:
        return Json(await explain_store(city, context.store, scenes, question))
