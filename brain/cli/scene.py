"""scene: which rules run, whether one keeps its contract, why one keeps silent."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brain.cli.options import DataDir, Dsn, configure_logging, resolve_dsn, run, stoppable
from brain.errors import ConfigurationError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from brain.scene_api import Scene

__all__ = ["parse_place", "register"]


def scene_list() -> None:
    """Name the scenes that run, with their versions, events and parameters."""
    from scenes import load

    for scene in load():
        events = ", ".join(p.event for p in scene.policies)
        typer.echo(f"{scene.name} {scene.version}  {scene.title.zh} / {scene.title.en}  raises {events}")
        for name, p in scene.parameters.items():
            typer.echo(f"  {name:28} {p.default:g} {p.unit:8} {p.text.en} [{p.source}]")


def parse_place(text: str) -> tuple[float, float]:
    """``LON,LAT`` as two numbers.

    Raises:
        ConfigurationError: It is none.

    Example:
        >>> parse_place("120.37,36.09")
        (120.37, 36.09)
    """
    try:
        lon, lat = (float(part) for part in text.split(","))
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            raise ValueError(text)  # noqa: TRY301 - one sentence for every wrong form
    except ValueError:
        raise ConfigurationError(f"--place {text} is not LON,LAT in degrees; try --place 120.37,36.09") from None
    return lon, lat


def scene_explain(
    name: Annotated[str, typer.Argument(help="Name of the scene, e.g. safety_production.")],
    place: Annotated[str, typer.Option("--place", help="LON,LAT in degrees.")],
    at: Annotated[
        str | None, typer.Option("--at", help="Moment, RFC 3339 with a zone; default: now, or the end of the file.")
    ] = None,
    radius_m: Annotated[float, typer.Option("--radius-m", min=0, help="Devices within this distance are asked.")] = 300,
    window_s: Annotated[
        float, typer.Option("--window-s", min=0, max=86_400, help="So much history is played before the moment.")
    ] = 3600,
    traffic: Annotated[
        Path | None, typer.Option("--traffic", help="Ask a traffic file instead of the platform.")
    ] = None,
    city: Annotated[Path | None, typer.Option("--city", help="City model, with --traffic.")] = None,
    dsn: Dsn = None,
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say why a scene speaks or keeps silent round a place: each condition, what was measured, what it asks for.

    Example: `cloudbrain scene explain safety_production --place 120.3702,36.0911 --at 2026-07-01T14:05:00+08:00`
    """
    import brain.backtest as replay
    from brain.city import City
    from brain.cli.cities import parse_stored_city, read_city
    from brain.times import to_us
    from scenes import load

    lon, lat = parse_place(place)
    question = replay.Question(
        scene=name,
        lon=lon,
        lat=lat,
        at=None if at is None else to_us(at),
        radius_m=radius_m,
        window_s=window_s,
    )
    progress = replay.Progress(sys.stderr if sys.stderr.isatty() else None, "replay")
    if traffic is not None:
        model = City() if city is None else read_city(city)
        _show(replay.explain_file(model, traffic, load(), question, progress), as_json=as_json)
        return
    configure_logging()
    address = resolve_dsn(dsn, data_dir)

    async def body(stop: asyncio.Event) -> None:
        from brain.store import open_store

        tell = stoppable(stop, progress)
        store = await open_store(address)
        try:
            model = await parse_stored_city(store)
            answer = await replay.explain_store(model, store, load(), question, tell)
        finally:
            await store.close()
        _show(answer, as_json=as_json)

    run(body)


def _show(answer: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
        sys.stdout.buffer.flush()
        return
    for line in _lines(answer):
        typer.echo(line)


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    lon, lat = answer["place"]
    known = "as the running scenes know it" if answer["basis"] == "live" else f"{answer['rows']} rows played"
    where = f"{answer['radius_m']:g} m round {lon},{lat}"
    yield f"{answer['scene']} {answer['version']} at {answer['at']}, {where} ({known})"
    for incident in answer["incidents"]:
        yield f"  raised and open: {incident}"
    if not answer["runs_here"]:
        yield "  it does not run in this district; the city model's `scenes` says where it does"
        return
    for item in answer["items"]:
        who = f"{item['sensor_type']}/{item['device']}" if item["sensor_type"] else item["device"]
        says = "speaks" if item["speaks"] else f"silent: {', '.join(item['unmet'])}"
        yield f"{who}  {item['rule']}  {says}"
        for f in item["facts"]:
            unit = "" if f["unit"] == "1" else f["unit"]
            condition = f"{_value(f['value'])} {f['op']} {_value(f['threshold'])} {unit}".rstrip()
            yield f"  {'yes' if f['met'] else 'NO '} {f['quantity']} {condition}"
    if not answer["items"]:
        yield "  no rule has heard of a device there"
        for device in answer["devices"]:
            yield f"  it listens to {device['sensor_type']}/{device['device']}, {device['distance_m']:g} m away"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    return f"{value:g}" if isinstance(value, float) else str(value)


def scene_check(
    scene: Annotated[str, typer.Argument(help="Name of a scene that runs here, or a folder with a scene.py.")],
    write: Annotated[
        bool, typer.Option("--write", help="Write what comes out of each case as its expected.jsonl.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out the runs in processes of their own.")] = False,
) -> None:
    """Check that a scene keeps its contract; exit status 1 when it does not.

    Determinism, any cut of the stream, any save and restore, nothing and NaN and strangers, page, parameters, cases.

    Example: `cloudbrain scene check travel`
    """
    from brain import scene_check as looks

    wrong = 0
    for one in _named(scene):
        typer.echo(f"{one.name} {one.version}")
        if write:
            for case in looks.cases_of(one):
                typer.echo(f"wrote {looks.write_expected(one, case)} steps of {case.name}")
        for finding in looks.check_scene(one, thorough=not quick):
            wrong += finding.wrong is not None
            typer.echo(f"{'ok ' if finding.wrong is None else 'BAD'}  {finding.what}", nl=False)
            typer.echo("" if finding.wrong is None else f": {finding.wrong}")
    if wrong:
        raise typer.Exit(1)


def _named(scene: str) -> list[Scene[Any]]:
    """The scenes of a folder, or the one that runs here under a name."""
    from brain.backtest import choose_scenes
    from scenes import load, load_folder

    if "/" in scene or scene == "." or (Path(scene) / "scene.py").is_file():
        found = load_folder(scene)
        if not found:
            raise ConfigurationError(f"{scene}/scene.py defines no scene: derive a class from Scene")
        return found
    return choose_scenes(load(), [scene])


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="The scenes.")
    group.command("list")(scene_list)
    group.command("check")(scene_check)
    group.command("explain")(scene_explain)
    app.add_typer(group, name="scene")
