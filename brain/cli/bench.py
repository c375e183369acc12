"""bench: the benchmarks, with their figures. What is measured and how: docs/reference/benchmarks.md."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import typer

from brain.cli.options import configure_logging, run
from brain.errors import ConfigurationError

__all__ = ["register"]

_PARTS = ("ingest", "alert", "scenes", "query")


def bench(
    part: Annotated[str | None, typer.Argument(help="ingest, alert, scenes or query; without it all, short.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of tables.")] = False,
    broker: Annotated[str, typer.Option(help="ingest: nats (embedded) or mosquitto.")] = "nats",
    messages: Annotated[int, typer.Option(min=100, max=5_000_000, help="Messages of a repeat.")] = 50_000,
    repeats: Annotated[int, typer.Option(min=1, max=20, help="How often; the median counts.")] = 3,
    shape: Annotated[str, typer.Option(help="single (150 bytes) or pack (50 readings).")] = "single",
    devices: Annotated[int, typer.Option(min=1, max=1_000_000, help="Devices that speak in turn.")] = 1000,
    types: Annotated[int, typer.Option(min=1, max=2000, help="Sensor types; above 3 they are generated.")] = 3,
    window: Annotated[int, typer.Option(min=1, max=60_000, help="Messages without acknowledgement.")] = 2000,
    latency: Annotated[float, typer.Option(min=0, max=600, help="Seconds at 1,000 a second for latencies.")] = 10.0,
) -> None:
    """Measure this installation: rates, latencies, costs. Starts what it measures itself; leaves nothing behind.

    Example: `cloudbrain bench ingest --messages 100000 --repeats 5 --json`
    """
    from brain.bench.ingest import Options, measure
    from brain.bench.shapes import Shape

    configure_logging()
    if part is not None and part not in _PARTS:
        raise ConfigurationError(f"there is no benchmark {part!r}; name one of {', '.join(_PARTS)}")
    traffic = Shape(form=shape, devices=devices, types=types)
    options = Options(
        shape=traffic, messages=messages, repeats=repeats, window=window, broker=broker, latency_s=latency
    )
    found: dict[str, Any] = {}

    async def body(stop: Any) -> None:
        found["ingest"] = await measure(options, _say)

    run(body)
    sys.stdout.write(json.dumps(found) + "\n")


def _say(line: str) -> None:
    sys.stderr.write(f"bench | {line}\n")
    sys.stderr.flush()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)
