"""up: the whole platform in one command. A light supervisor: data base, broker, ingest, scenes, serve, simulator.

What enters are options; what leaves is one line of JSON on stdout when everything is ready, logs on stderr, and, when
asked to stop, an ordered end: devices first, the data base last. A child that dies is started again; none outlives this
process.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from brain.cli.banner import banner
from brain.cli.options import DataDir, run, write_runtime
from brain.errors import ConfigurationError, ServiceError
from brain.settings import Settings

__all__ = ["register"]

_READY_S = 60.0
# ingest is ready when it has subscribed: what comes earlier would be dropped by a broker that nobody told to keep it
_SAYS_READY = {"ingest": "broker_connected", "scenes": "scenes_ready", "serve": "serve_ready"}


def _say(name: str, line: str) -> None:
    sys.stderr.write(f"{name:>10} | {line}\n")
    sys.stderr.flush()


@dataclass(slots=True)
class _Options:
    """What the command line said."""

    data_dir: Path
    port: int
    port_given: bool
    mqtt_port: int
    mqtt_port_given: bool
    dsn: str | None
    mqtt: str | None
    city: Path | None
    simulate: bool
    seed: int | None


@dataclass(slots=True)
class _Platform:
    """The running parts and what they said of themselves."""

    options: _Options
    exits: contextlib.AsyncExitStack
    seen: dict[str, asyncio.Event] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def emit(self, name: str, line: str) -> None:
        """Forward a log line; some of them say that a part is ready."""
        if name in self.seen and f"event={_SAYS_READY[name]}" in line:
            self.seen[name].set()
        _say(name, line)

    async def part(self, name: str, *arguments: str, environment: dict[str, str], announced: bool = True) -> None:
        """Start a part as a child and, where it announces that, wait until it is ready."""
        from brain.embedded.children import Child

        if announced:
            self.seen[name] = asyncio.Event()

        async def ready(_: Child) -> None:
            await self.seen[name].wait()

        child = Child(
            name,
            [sys.executable, "-m", "brain", name, *arguments],
            environment=environment,
            ready=ready if announced else None,
            emit=self.emit,
            patience=timedelta(seconds=_READY_S),
        )
        await self.exits.enter_async_context(child)


async def _services(platform: _Platform) -> tuple[str, str]:
    """Start what is not given from outside; data base and broker at the same time. Answers (dsn, mqtt)."""
    from brain.embedded import EmbeddedNats, EmbeddedPostgres, pick_port

    o = platform.options
    tasks: list[asyncio.Task[Any]] = []
    dsn, mqtt = o.dsn, o.mqtt
    if mqtt is None:
        port = pick_port(o.mqtt_port, explicit=o.mqtt_port_given, option="--mqtt-port")
        if port != o.mqtt_port and o.mqtt_port:
            _say("up", f"MQTT port {o.mqtt_port} is taken; the broker listens on {port}")
        broker = EmbeddedNats(o.data_dir, port, emit=_say)
        mqtt = broker.url
        tasks.append(asyncio.create_task(platform.exits.enter_async_context(broker)))
    if dsn is None:
        postgres = EmbeddedPostgres(o.data_dir, emit=_say)
        await platform.exits.enter_async_context(postgres)
        dsn = postgres.dsn
    for task in tasks:
        await task
    return dsn, mqtt


async def _prepare(environment: dict[str, str], options: _Options) -> str:
    """Schema, sensor types, city; answers the storage in use."""
    from brain.embedded.children import run_once

    arguments = ["prepare", "--data-dir", str(options.data_dir)]
    if options.city is not None:
        arguments += ["--city", str(options.city)]
    if options.simulate:
        arguments += ["--history"]
    try:
        text = await run_once([sys.executable, "-m", "brain", *arguments], environment=environment)
    except ServiceError as error:
        # its own sentence says it all; that a child said it is no matter of the reader's
        raise ServiceError(str(error).rsplit("cloudbrain: ", 1)[-1]) from None
    *lines, last = text.splitlines()
    for line in lines:
        _say("prepare", line)
    if not last.startswith("storage="):
        raise ServiceError(
            f"preparing the data base ended with {last!r} instead of its storage; look at the lines above"
        )
    return last.removeprefix("storage=")


async def _until_ready(base: str) -> None:
    """Until the platform says of itself that all its parts are well."""

    def ask() -> int:
        try:
            with urllib.request.urlopen(f"{base}/health/ready", timeout=2) as answer:  # noqa: S310 - our own address
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    deadline = time.monotonic() + _READY_S
    while (status := await asyncio.to_thread(ask)) != 200:
        if time.monotonic() > deadline:
            raise ServiceError(
                f"{base}/health/ready still answers {status} after {_READY_S:.0f} s; look at the log above"
            )
        await asyncio.sleep(0.05)


def _check_city(options: _Options) -> None:
    """A wrong city model is refused before anything is started."""
    if options.city is None:
        return
    if not options.city.is_file():
        raise ConfigurationError(f"there is no city model {options.city}; give a YAML or JSON file with --city")


async def _up(options: _Options, stop: asyncio.Event) -> None:
    from brain.embedded import FolderLock, pick_port

    _check_city(options)
    with FolderLock(options.data_dir):
        async with contextlib.AsyncExitStack() as exits:
            platform = _Platform(options, exits)
            stopping = asyncio.create_task(stop.wait())
            starting = asyncio.create_task(_start(platform, pick_port))
            await asyncio.wait({stopping, starting}, return_when=asyncio.FIRST_COMPLETED)
            if not starting.done():
                starting.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await starting
                return
            await starting
            await stopping
            _say("up", "stopping: devices first, the data base last")
        (options.data_dir / "running.json").unlink(missing_ok=True)


async def _start(platform: _Platform, pick_port: Any) -> None:
    o = platform.options
    port = pick_port(o.port, explicit=o.port_given, option="--port")
    if port != o.port and o.port:
        _say("up", f"port {o.port} is taken; the page is on {port}")
    dsn, mqtt = await _services(platform)
    environment = {
        **os.environ,
        "CLOUDBRAIN_DSN": dsn,
        "CLOUDBRAIN_MQTT": mqtt,
        "CLOUDBRAIN_DATA_DIR": str(o.data_dir),
        # one thread each: the parts share two cores, and linear algebra is not what they do
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    storage = await _prepare(environment, o)
    base = f"http://127.0.0.1:{port}"
    await asyncio.gather(
        platform.part("serve", "--port", str(port), environment=environment),
        platform.part("scenes", environment=environment),
        # our own broker is asked for everything: a filtered queue costs NATS more the more devices there are
        platform.part("ingest", "--subscribe", "city/#" if o.mqtt else "#", environment=environment),
    )
    await _until_ready(base)
    if o.simulate:
        chosen = () if o.seed is None else ("--seed", str(o.seed))
        await platform.part("simulate", "first-minute", *chosen, environment=environment, announced=False)
    ready = {"ready": True, "http": base, "mqtt": mqtt, "dsn": dsn, "storage": storage}
    write_runtime(o.data_dir, {**ready, "pid": os.getpid()})
    sys.stdout.write(json.dumps(ready) + "\n")
    sys.stdout.flush()
    if sys.stderr.isatty():
        sys.stderr.write(banner(ready, o.data_dir, simulated=o.simulate, seconds=time.monotonic() - platform.started))
        sys.stderr.flush()


def up(
    context: typer.Context,
    data_dir: DataDir = None,
    port: Annotated[int, typer.Option("--port", help="Port of the page and the API; 0 picks a free one.")] = 8080,
    mqtt_port: Annotated[
        int, typer.Option("--mqtt-port", help="Port of the embedded broker; 0 picks a free one.")
    ] = 1883,
    dsn: Annotated[str | None, typer.Option("--dsn", help="PostgreSQL to use instead of the embedded one.")] = None,
    mqtt: Annotated[str | None, typer.Option("--mqtt", help="Broker to use instead of the embedded one.")] = None,
    city: Annotated[Path | None, typer.Option("--city", help="City model; default: the demo city Qingdao.")] = None,
    simulate: Annotated[bool, typer.Option("--simulate/--no-simulate", help="Drive the simulated city.")] = False,
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of the simulated city.")] = None,
) -> None:
    """Start the whole platform: data base, broker, ingest, scenes, page. Ctrl-C or SIGTERM stops it and loses nothing.

    Example: `cloudbrain up --simulate`
    """

    def given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    settings = Settings.from_environment()
    options = _Options(
        data_dir=(data_dir or settings.data_dir).resolve(),
        port=port,
        port_given=given("port"),
        mqtt_port=mqtt_port,
        mqtt_port_given=given("mqtt_port"),
        dsn=dsn or settings.dsn,
        mqtt=mqtt or settings.mqtt,
        city=city.resolve() if city else None,
        simulate=simulate,
        seed=seed,
    )
    run(lambda stop: _up(options, stop))


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)
