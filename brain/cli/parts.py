"""ingest, scenes, serve: the three parts as separate processes; prepare makes a data base ready for them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brain.cli.options import DataDir, Dsn, Mqtt, configure_logging, resolve_dsn, resolve_mqtt, run
from brain.settings import Settings

if TYPE_CHECKING:
    import asyncio

__all__ = ["register"]

CityFile = Annotated[
    Path | None, typer.Option("--city", help="City model, YAML or JSON; default: the demo city Qingdao.")
]


def ingest(
    dsn: Dsn = None,
    mqtt: Mqtt = None,
    data_dir: DataDir = None,
    subscribe: Annotated[
        str, typer.Option("--subscribe", help="What to ask the broker for; '#' where no other traffic runs over it.")
    ] = "city/#",
) -> None:
    """Take device messages in: broker to data base, acknowledged after the commit."""
    from brain.store import open_store
    from ingest.service import run_ingest

    configure_logging()
    address, broker = resolve_dsn(dsn, data_dir), resolve_mqtt(mqtt, data_dir)
    folder = data_dir or Settings.from_environment().data_dir

    async def body(stop: asyncio.Event) -> None:
        store = await open_store(address)
        try:
            await run_ingest(store, broker, folder, stop, subscribe=subscribe)
        finally:
            await store.close()

    run(body)


def scenes(dsn: Dsn = None, data_dir: DataDir = None) -> None:
    """Judge what was stored: rows to evidence, evidence to incidents."""
    from brain.pipeline.live import run_live
    from brain.store import keep_house, open_store
    from scenes import load

    configure_logging()
    address = resolve_dsn(dsn, data_dir)

    async def body(stop: asyncio.Event) -> None:
        store = await open_store(address)
        try:
            async with keep_house(store):
                await run_live(store, load(), stop)
        finally:
            await store.close()

    run(body)


def serve(
    dsn: Dsn = None,
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option(help="Port of the page and the API, on loopback.")] = 8080,
) -> None:
    """Serve the page and the HTTP API on loopback."""
    import structlog

    from brain.cli.cities import parse_stored_city
    from brain.model import Text
    from brain.store import open_store
    from brain.web.serve import run_serve
    from brain.web.settings import WebSettings
    from scenes import load
    from simulators.story import load_story, story_names

    configure_logging()
    address = resolve_dsn(dsn, data_dir)

    def ready(bound: int) -> None:
        structlog.get_logger(__name__).info("serve_ready", port=bound)

    async def body(stop: asyncio.Event) -> None:
        store = await open_store(address)
        try:
            city = await parse_stored_city(store)
            titles = {name: load_story(name).title for name in story_names()}
            settings = WebSettings(stories={name: Text(title.zh, title.en) for name, title in titles.items()})
            await run_serve(store, city, load(), "127.0.0.1", port, stop, ready=ready, settings=settings)
        finally:
            await store.close()

    run(body)


def prepare(
    dsn: Dsn = None,
    data_dir: DataDir = None,
    city: CityFile = None,
    history: Annotated[
        bool, typer.Option("--history", help="Seed an hour of simulated history into an empty log.")
    ] = False,
) -> None:
    """Bring a data base up to date: schema, built-in sensor types, city model and its devices."""
    from brain.cli.prepare import prepare as do

    configure_logging()
    address = resolve_dsn(dsn, data_dir)
    run(lambda _stop: do(address, city, history=history))


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for command in (ingest, scenes, serve, prepare):
        app.command()(command)
