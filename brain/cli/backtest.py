"""backtest: scenes over recorded traffic or stored history, at full speed, through the same code as live."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brain.cli.options import DataDir, Dsn, configure_logging, resolve_dsn, run, stoppable
from brain.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable, Mapping

__all__ = ["parse_overrides", "register"]


def parse_overrides(items: Iterable[str]) -> dict[str, float]:
    """``scene.parameter=value`` texts as a mapping.

    Example:
        >>> parse_overrides(["safety_production.l1_pct=20"])
        {'safety_production.l1_pct': 20.0}
    """
    out: dict[str, float] = {}
    for item in items:
        name, equals, value = item.partition("=")
        try:
            if not equals or "." not in name:
                raise ValueError(item)  # noqa: TRY301 - one sentence for every wrong form
            out[name.strip()] = float(value)
        except ValueError:
            raise ConfigurationError(
                f"--set {item} is not scene.parameter=number; try --set safety_production.l1_pct=20"
            ) from None
    return out


Against = Annotated[
    str,
    typer.Option("--against", help="With --diff: `run`, the same without --set, or `log`, what was raised live."),
]


def backtest(
    city: Annotated[Path, typer.Option("--city", help="City model, YAML or JSON.")],
    traffic: Annotated[Path | None, typer.Option("--traffic", help="Traffic file, .jsonl or .jsonl.gz.")] = None,
    start: Annotated[str | None, typer.Option(help="With --dsn: first time of receipt, RFC 3339.")] = None,
    end: Annotated[str | None, typer.Option(help="With --dsn: end (not included), RFC 3339.")] = None,
    dsn: Dsn = None,
    data_dir: DataDir = None,
    scene: Annotated[list[str] | None, typer.Option("--scene", help="Only this scene; may be repeated.")] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", help="scene.parameter=value; may be repeated.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="File for the log; default stdout.")] = None,
    diff: Annotated[
        bool, typer.Option("--diff", help="Print what --set changes instead of the log (which --out still gets).")
    ] = False,
    diff_out: Annotated[Path | None, typer.Option("--diff-out", help="File for the difference as JSON.")] = None,
    against: Against = "run",
) -> None:
    """Run scenes over recorded traffic (--traffic) or stored history (--start --end --dsn); prints the incident log.

    With --diff it says which incidents a changed rule adds, removes, raises earlier or later, or gives another level.

    Example: `cloudbrain backtest --city city.yaml --traffic may.jsonl.gz --set safety_production.l1_pct=20 --diff`
    """
    if (traffic is None) == (start is None or end is None):
        raise ConfigurationError("say either --traffic FILE, or --start T and --end T of stored history")
    if against not in ("run", "log"):
        raise ConfigurationError(f"--against {against} is neither run nor log")
    if against == "log" and traffic is not None:
        raise ConfigurationError("--against log compares with what was raised live: say --start T and --end T")
    import brain.backtest as engine
    from brain.cli.cities import read_city
    from brain.times import to_us
    from scenes import load

    configure_logging()
    overrides = parse_overrides(set_ or ())
    model = read_city(city)
    chosen = engine.choose_scenes(load(), scene or ())
    progress = engine.Progress(sys.stderr if sys.stderr.isatty() else None)
    compared = diff or diff_out is not None
    if traffic is not None:
        if compared:
            logs = engine.compare_file(model, traffic, chosen, overrides, progress)
            _tell(logs, against, overrides, out, diff_out, quiet=not diff)
        else:
            _write(out, engine.backtest_file(model, traffic, chosen, overrides, progress))
        return
    address = resolve_dsn(dsn, data_dir)
    first, last = to_us(start or ""), to_us(end or "")

    async def body(stop: asyncio.Event) -> None:
        from brain.store import open_store

        tell = stoppable(stop, progress)
        store = await open_store(address)
        try:
            if compared:
                both = engine.compare_store if against == "run" else engine.compare_log
                logs = await both(model, store, first, last, chosen, overrides, tell)
                _tell(logs, against, overrides, out, diff_out, quiet=not diff)
            else:
                lines = engine.backtest_store(model, store, first, last, chosen, overrides, tell)
                _write(out, [x async for x in lines])
        finally:
            await store.close()

    run(body)


def _tell(
    logs: tuple[list[dict[str, Any]], list[dict[str, Any]]],
    against: str,
    overrides: Mapping[str, float],
    out: Path | None,
    diff_out: Path | None,
    *,
    quiet: bool,
) -> None:
    """Print the difference, or the log where only a file was asked for; write what has a file."""
    import msgspec

    from brain.backtest import compare

    before, after = logs
    found = compare(before, after)
    if diff_out is not None:
        was: dict[str, Any] = {"set": {}} if against == "run" else {"log": "stored"}
        document = found.document(was, {"set": dict(overrides)})
        diff_out.write_bytes(msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n")
    if quiet or out is not None:
        _write(out, after)
    if not quiet:
        for line in found.lines():
            typer.echo(line)


def _write(out: Path | None, documents: Iterable[object]) -> None:
    import msgspec

    encode = msgspec.json.Encoder().encode
    if out is None:
        for document in documents:
            sys.stdout.buffer.write(encode(document) + b"\n")
        sys.stdout.buffer.flush()
        return
    with out.open("wb") as file:
        for document in documents:
            file.write(encode(document) + b"\n")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(backtest)
