"""The application: routers, the guard in front, the listener behind."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from brain.web import (
    backtests,
    catalogue,
    devices,
    explain,
    health,
    incidents,
    live,
    messages,
    metrics,
    observations,
    problems,
    quarantine,
    sensor_types,
    statistics,
)
from brain.web import (
    city as city_routes,
)
from brain.web import (
    scenes as scene_routes,
)
from brain.web.context import Context, now_us
from brain.web.feed import Feed
from brain.web.guard import Guard
from brain.web.pages import make_pages
from brain.web.reply import Json
from brain.web.settings import WebSettings
from brain.web.static import Site
from brain.web.tracks import Tracks
from brain.web.wakes import Wakes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from brain.city import City
    from brain.scene_api import Scene
    from brain.store.base import Store

__all__ = ["make_app"]

_ABOUT = """City cloud brain (城市云脑): meters, drones and cameras of a city become explained incidents.

Times are RFC 3339 in UTC, positions WGS-84 `[lon, lat]`. Lists page by `next_cursor`. Errors are RFC 9457 problem
documents.
时间为 UTC 的 RFC 3339，位置为 WGS-84 `[lon, lat]`，列表以 `next_cursor` 翻页，错误为 RFC 9457 问题文档。"""


def make_app(
    store: Store,
    city: City,
    settings: WebSettings | None = None,
    scenes: Sequence[Scene[Any] | type[Scene[Any]]] = (),
) -> FastAPI:
    """The web of a store.

    Lifetime: the listener and the live hubs live between start and stop of the server (ASGI lifespan). The store is
    the caller's and is not closed here. For one event loop.

    Args:
        store: Where everything is.
        city: The model in force.
        settings: Limits; those of a platform on loopback when left out.
        scenes: For ``/api/v1/scenes``.
    """
    chosen = settings or WebSettings()
    wakes = Wakes(store)
    feed = Feed(store, wakes, now_us, chosen.health_every_s)
    tracks = Tracks(store, wakes, now_us, chosen.frame_every_s)
    context = Context(store, city, scenes, chosen, wakes, feed, tracks)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        tasks = [asyncio.create_task(part.run()) for part in (wakes, feed, tracks)]
        try:
            yield
        finally:
            context.stop.set()
            feed.stir()
            tracks.stir()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await context.backtests.close()

    app = FastAPI(
        title="Cloud Brain",
        version="1",
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        default_response_class=Json,
        lifespan=lifespan,
    )
    app.state.context = context
    problems.install(app)
    app.add_middleware(Guard, hosts=chosen.hosts, body_limit=chosen.body_limit, seen=context.count_request)
    for room in (
        incidents,
        live,
        observations,
        devices,
        sensor_types,
        quarantine,
        messages,
        scene_routes,
        explain,
        backtests,
        city_routes,
        statistics,
        catalogue,
        health,
        metrics,
    ):
        app.include_router(room.router)
    app.include_router(make_pages(Site(chosen.console)))
    return app
