"""backtest: scenes over recorded traffic or stored history, at full speed, through the same code as live."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from brain.cli.options import DataDir, Dsn, configure_logging, resolve_dsn, run
from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable

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
) -> None:
    """Run scenes over recorded traffic (--traffic) or stored history (--start --end --dsn); prints the incident log.

    Example: `cloudbrain backtest --city city.yaml --traffic may.jsonl.gz --set safety_production.l1_pct=20`
    """
    if (traffic is None) == (start is None or end is None):
        raise ConfigurationError("say either --traffic FILE, or --start T and --end T of stored history")
    import brain.backtest as engine
    from brain.city import load_city
    from brain.times import to_us
    from scenes import load

    configure_logging()
    overrides = parse_overrides(set_ or ())
    model = load_city(city)
    chosen = engine.choose_scenes(load(), scene or ())
    progress = engine.Progress(sys.stderr if sys.stderr.isatty() else None)
    if traffic is not None:
        lines = engine.backtest_file(model, traffic, chosen, overrides, progress)
        _write(out, lines)
        return
    address = resolve_dsn(dsn, data_dir)

    async def body(_: object) -> None:
        from brain.store import open_store

        store = await open_store(address)
        try:
            first, last = to_us(start or ""), to_us(end or "")
            _write(
                out, [x async for x in engine.backtest_store(model, store, first, last, chosen, overrides, progress)]
            )
        finally:
            await store.close()

    run(body)


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
