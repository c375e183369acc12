"""bench: the benchmarks, with their figures. What is measured and how: docs/reference/benchmarks.md."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brain.cli.options import configure_logging, run
from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["register"]

_PARTS = ("ingest", "alert", "scenes", "query")
_FORMS = ("single", "pack")
_BROKERS = ("nats", "mosquitto")


def bench(
    part: Annotated[str | None, typer.Argument(help="ingest, alert, scenes or query; without it all, short.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout instead of tables.")] = False,
    short: Annotated[bool, typer.Option("--short", help="Smaller and quicker, for a first look.")] = False,
    history: Annotated[
        Path | None, typer.Option(help="File of earlier runs; default in the user's state folder.")
    ] = None,
    fail_on_regression: Annotated[
        float | None, typer.Option(min=0, help="Exit status 1 where a figure is worse by more than this many percent.")
    ] = None,
    broker: Annotated[str, typer.Option(help="ingest: nats (embedded) or mosquitto.")] = "nats",
    messages: Annotated[int | None, typer.Option(min=100, max=5_000_000, help="ingest: of one repeat.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, max=20, help="ingest: how often; the median counts.")] = None,
    shape: Annotated[str, typer.Option(help="single (150 bytes) or pack (50 readings a message).")] = "single",
    devices: Annotated[int, typer.Option(min=1, max=1_000_000, help="Devices that speak in turn.")] = 1000,
    types: Annotated[int, typer.Option(min=1, max=2000, help="Sensor types; above 3 they are generated.")] = 3,
    window: Annotated[int, typer.Option(min=1, max=60_000, help="ingest: messages without acknowledgement.")] = 2000,
    rate: Annotated[int, typer.Option(min=10, max=50_000, help="Messages a second where latency is measured.")] = 1000,
    seconds: Annotated[float | None, typer.Option(min=0, max=600, help="How long latency is measured.")] = None,
    history_rows: Annotated[int, typer.Option(min=0, max=100_000_000, help="ingest: rows stored before.")] = 0,
    rows: Annotated[int | None, typer.Option(min=1000, max=100_000_000, help="query: rows of history.")] = None,
    peers: Annotated[str, typer.Option(help="ingest: some of tutorial,node-red,copy, in turn with ours.")] = "",
) -> None:
    """Measure this installation: rates, latencies, costs. Starts what it measures itself; leaves nothing behind.

    Example: `cloudbrain bench ingest --messages 100000 --repeats 5 --json`
    """
    from brain.bench import alert, ingest, query
    from brain.bench.history import TOLERANCE_PCT, append, compare, default_file, like, read
    from brain.bench.machine import facts
    from brain.bench.peers.compare import NAMES
    from brain.bench.report import show
    from brain.bench.shapes import Shape

    configure_logging()
    _check("benchmark", part, _PARTS)
    _check("broker", broker, _BROKERS)
    _check("shape", shape, _FORMS)
    brief = short or part is None
    chosen = tuple(filter(None, (p.strip() for p in peers.split(","))))
    traffic = Shape(form=shape, devices=devices, types=1 if chosen else types)
    for peer in chosen:
        _check("peer", peer, NAMES)
    machine = facts()
    file = history or default_file()
    tolerance = TOLERANCE_PCT if fail_on_regression is None else fail_on_regression
    said: dict[str, Any] = {"machine": machine, "tolerance_pct": tolerance, "regressions": []}
    for name in _PARTS if part is None else (part,):
        if name == "scenes":
            result = _scenes(short=brief)
        elif name == "ingest":
            result = _await(
                ingest.measure(
                    ingest.Options(
                        shape=traffic,
                        messages=messages or (20_000 if brief else 100_000) // traffic.readings ** (shape == "pack"),
                        repeats=repeats or (1 if brief else 3),
                        window=window,
                        broker=broker,
                        latency_s=(3.0 if brief else 10.0) if seconds is None else seconds,
                        rate=rate,
                        history_rows=history_rows,
                        peers=chosen,
                    ),
                    _say,
                )
            )
        elif name == "alert":
            alerts = alert.Options(shape=traffic, rate=rate, seconds=min(200.0, seconds or (5.0 if brief else 20.0)))
            result = _await(alert.measure(alerts, _say))
        else:
            asked = query.Options(rows=rows or (100_000 if brief else 2_000_000), times=50 if brief else 300)
            result = _await(query.measure(asked, _say))
        earlier = read(file)
        record = append(file, name, result, machine)
        changes = compare(result["figures"], like(record, earlier))
        worse = [c for c in changes if c.worse_pct is not None and c.worse_pct > tolerance]
        said["regressions"] += [
            f"{name}.{c.name}: {c.worse_pct} % worse than the median of {c.runs} runs" for c in worse
        ]
        said[name] = result | {
            "changes": {c.name: {"before": c.before, "runs": c.runs, "worse_pct": c.worse_pct} for c in changes}
        }
        if not as_json:
            show(name, result, changes, machine, tolerance)
    if as_json:
        sys.stdout.write(json.dumps(said) + "\n")
    if fail_on_regression is not None and said["regressions"]:
        sys.stderr.write(f"cloudbrain: slower than before: {'; '.join(said['regressions'])}\n")
        raise typer.Exit(1)


def _check(what: str, given: str | None, known: tuple[str, ...]) -> None:
    if given is not None and given not in known:
        raise ConfigurationError(f"there is no {what} {given!r}; name one of {', '.join(known)}")


def _await(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    """Run a part; a signal cancels it, so that it takes down what it started, and ends the command."""
    found: dict[str, Any] = {}

    async def body(stop: asyncio.Event) -> int:
        task, stopped = asyncio.create_task(work), asyncio.create_task(stop.wait())
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
            return 130
        found.update(task.result())
        return 0

    run(body)
    return found


def _scenes(*, short: bool) -> dict[str, Any]:
    """Rules alone, in this process; no loop runs meanwhile, so that Ctrl-C ends it at once."""
    from brain.bench.scenes import measure

    return measure(short=short)


def _say(line: str) -> None:
    sys.stderr.write(f"bench | {line}\n")
    sys.stderr.flush()


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)
