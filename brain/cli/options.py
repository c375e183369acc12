"""Options that several commands share, and small things every command needs."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brain.errors import ConfigurationError
from brain.settings import Settings

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

__all__ = [
    "DataDir",
    "Dsn",
    "Http",
    "Mqtt",
    "Speed",
    "configure_logging",
    "read_runtime",
    "resolve_dsn",
    "resolve_http",
    "resolve_mqtt",
    "run",
    "stoppable",
    "write_runtime",
]

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder of the data base and broker store (default .data).")
]
Dsn = Annotated[
    str | None, typer.Option("--dsn", help="PostgreSQL to use, postgresql://...; default: that of the running `up`.")
]
Mqtt = Annotated[
    str | None, typer.Option("--mqtt", help="Broker to use, mqtt://host:port; default: that of the running `up`.")
]
Http = Annotated[str | None, typer.Option("--http", help="Address of the running platform, http://127.0.0.1:8080.")]
Speed = Annotated[str, typer.Option("--speed", help="How many times faster than life, or `max`.")]

_RUNTIME = "running.json"


def configure_logging() -> None:
    """Structured log lines on stderr; nothing of ours ever goes to stdout but results."""
    import structlog

    level = getattr(logging, Settings.from_environment().log_level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="level=%(levelname)s event=%(message)s")


def run(make: Callable[[asyncio.Event], Coroutine[Any, Any, int | None]]) -> None:
    """Run a coroutine until it ends; SIGTERM and SIGINT set the event it is given. Its number is the exit status."""
    import asyncio
    import gc

    async def body() -> int:
        # A flush makes thousands of tuples that die together: looking for cycles among them every 700 costs as much as
        # decoding them, every 100,000 a thirtieth. What is there at the start stays for good and is not
        # looked at again.
        gc.freeze()
        gc.set_threshold(100_000, 20, 20)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        return await make(stop) or 0

    try:
        import uvloop

        status = uvloop.run(body())
    except ImportError:
        status = asyncio.run(body())
    if status:
        raise typer.Exit(status)


def stoppable(stop: asyncio.Event, progress: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """The same progress, but the work ends (exit status 130) at its next call once somebody asked to stop."""

    def tell(done: int, total: int) -> None:
        if stop.is_set():
            raise typer.Exit(130)
        progress(done, total)

    return tell


def write_runtime(data_dir: Path, ready: dict[str, Any]) -> None:
    """Leave the ready line in the data folder, so that other commands find the running platform."""
    target = data_dir / _RUNTIME
    scratch = target.with_suffix(".new")
    scratch.write_text(json.dumps(ready))
    scratch.chmod(0o600)
    scratch.replace(target)


def read_runtime(data_dir: Path | None) -> dict[str, Any]:
    """What the running platform of this folder said of itself; empty when none runs."""
    folder = data_dir or Settings.from_environment().data_dir
    try:
        found: dict[str, Any] = json.loads((folder / _RUNTIME).read_text())
        os.kill(int(found.get("pid", 0)) or 2**30, 0)
    except (OSError, ValueError):
        return {}
    return found


def _resolve(given: str | None, from_environment: str | None, key: str, option: str, data_dir: Path | None) -> str:
    found = given or from_environment or read_runtime(data_dir).get(key)
    if not found:
        raise ConfigurationError(
            f"no running platform found here; start one with `cloudbrain up`, or say which with {option}"
        )
    return str(found)


def resolve_dsn(given: str | None, data_dir: Path | None = None) -> str:
    """The data base: option, environment, or the running platform's."""
    return _resolve(given, Settings.from_environment().dsn, "dsn", "--dsn postgresql://...", data_dir)


def resolve_mqtt(given: str | None, data_dir: Path | None = None) -> str:
    """The broker: option, environment, or the running platform's."""
    return _resolve(given, Settings.from_environment().mqtt, "mqtt", "--mqtt mqtt://host:1883", data_dir)


def resolve_http(given: str | None, data_dir: Path | None = None) -> str:
    """The platform's address: option, or the running platform's."""
    return _resolve(given, None, "http", "--http http://127.0.0.1:8080", data_dir)
