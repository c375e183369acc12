"""simulate, record, replay, export: device traffic made, kept, played again and taken out of the store."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from brain.cli.options import DataDir, Dsn, Mqtt, Speed, configure_logging, resolve_dsn, resolve_mqtt, run
from brain.errors import ConfigurationError

__all__ = ["parse_speed", "register"]


def parse_speed(text: str) -> float | None:
    """``max`` is None; everything else a positive number.

    Example:
        >>> parse_speed("max") is None, parse_speed("2.5")
        (True, 2.5)
    """
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1e6:
        raise ConfigurationError(f"--speed {text} is neither a positive number nor max; try --speed 10")
    return speed


def simulate(
    story: Annotated[str, typer.Argument(help="Name of a story; `--list` names them.")] = "first-minute",
    mqtt: Mqtt = None,
    data_dir: DataDir = None,
    speed: Speed = "1",
    seed: Annotated[
        int | None, typer.Option(help="Same seed, same traffic; without it, elsewhere at each start.")
    ] = None,
    devices: Annotated[int | None, typer.Option(help="At most this many background devices.")] = None,
    duration: Annotated[float | None, typer.Option(help="Stop after this many seconds of story time.")] = None,
    start: Annotated[str | None, typer.Option(help="Start of the story, RFC 3339; default now.")] = None,
    out: Annotated[Path | None, typer.Option(help="Write a traffic file instead of publishing.")] = None,
    exercise: Annotated[
        bool, typer.Option("--exercise", help="As a drill beside real traffic: devices speak as exercise:ID.")
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="Name the stories and leave.")] = False,
) -> None:
    """Drive a simulated city over MQTT.

    Example: `cloudbrain simulate gas-leak --seed 7`
    """
    from brain.times import to_us
    from simulators import run as simulators_run

    if show:
        for name in simulators_run.story_names():
            typer.echo(name)
        return
    configure_logging()
    url = None if out is not None else resolve_mqtt(mqtt, data_dir)
    start_us = to_us(start) if start else None
    run(
        lambda stop: simulators_run.simulate(
            story,
            url,
            speed=parse_speed(speed),
            seed=seed,
            devices=devices,
            duration_s=duration,
            start_us=start_us,
            out=out,
            exercise=exercise,
            stop=stop,
        )
    )


def record(
    file: Annotated[Path, typer.Argument(help="Traffic file to write; .gz compresses.")],
    mqtt: Mqtt = None,
    data_dir: DataDir = None,
    topic: Annotated[str, typer.Option(help="MQTT topic filter.")] = "city/#",
) -> None:
    """Record live device traffic until Ctrl-C, with the recorder's own times of receipt."""
    from simulators.record import record as do

    configure_logging()
    run(lambda stop: do(file, resolve_mqtt(mqtt, data_dir), topic, stop))


def replay(
    file: Annotated[Path, typer.Argument(help="Traffic file to play.")],
    mqtt: Mqtt = None,
    data_dir: DataDir = None,
    speed: Speed = "1",
    retime: Annotated[
        bool,
        typer.Option("--retime", help="Shift all times: the file begins now, or, played faster than life, ends now."),
    ] = False,
) -> None:
    """Play a traffic file again over MQTT."""
    from simulators.replay import replay as do

    configure_logging()
    run(lambda stop: do(file, resolve_mqtt(mqtt, data_dir), speed=parse_speed(speed), retime=retime, stop=stop))


def export_traffic(
    file: Annotated[Path, typer.Argument(help="Traffic file to write; .gz compresses.")],
    start: Annotated[str, typer.Option(help="First time of receipt, RFC 3339.")],
    end: Annotated[str, typer.Option(help="End (not included), RFC 3339.")],
    dsn: Dsn = None,
    data_dir: DataDir = None,
) -> None:
    """Write stored history as a traffic file, with the times and order of receipt that ingest stamped."""
    from brain.export import export_traffic as do
    from brain.store import open_store
    from brain.times import to_us

    configure_logging()
    first, last = to_us(start), to_us(end)
    address = resolve_dsn(dsn, data_dir)

    async def body(_: object) -> None:
        store = await open_store(address)
        try:
            rows = await do(store, file, first, last)
        finally:
            await store.close()
        sys.stderr.write(f"{rows} messages written to {file}\n")

    run(body)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(simulate)
    app.command()(record)
    app.command()(replay)
    export = typer.Typer(no_args_is_help=True, help="Take stored history out.")
    export.command("traffic")(export_traffic)
    app.add_typer(export, name="export")

    @export.callback()
    def _group() -> None:
        """Take stored history out."""
