"""sensor-type: what is registered."""

from __future__ import annotations

from typing import Annotated

import typer

from brain.cli.options import DataDir, Dsn, resolve_dsn, run
from brain.errors import NotFoundError

__all__ = ["register"]


def sensor_type_list(dsn: Dsn = None, data_dir: DataDir = None) -> None:
    """Name the registered sensor types."""
    from brain.store import open_store

    address = resolve_dsn(dsn, data_dir)

    async def body(_: object) -> None:
        store = await open_store(address)
        try:
            for t in sorted((await store.load_registry()).sensor_types.values(), key=lambda t: t.id):
                typer.echo(f"{t.id:20} v{t.version}  {t.family.value:12} {t.name.zh} / {t.name.en}")
        finally:
            await store.close()

    run(body)


def sensor_type_show(
    name: Annotated[str, typer.Argument(help="Id, e.g. gas-detector.")], dsn: Dsn = None, data_dir: DataDir = None
) -> None:
    """Show a sensor type: its topic, table, window of times and fields."""
    from brain.store import open_store

    address = resolve_dsn(dsn, data_dir)

    async def body(_: object) -> None:
        store = await open_store(address)
        try:
            t = (await store.load_registry()).sensor_type(name)
        finally:
            await store.close()
        if t is None:
            raise NotFoundError(f"there is no sensor type {name!r}; `cloudbrain sensor-type list` names them")
        typer.echo(f"{t.id} v{t.version}: {t.name.zh} / {t.name.en}")
        typer.echo(f"topic city/{t.id}/<device>   table observations.{t.table}   admission {t.admission}")
        typer.echo(f"accepted times: {t.past} back to {t.future} ahead; late after {t.late}")
        for f in t.fields:
            limits = (
                ""
                if f.low is None and f.high is None
                else f"{f.low:g}..{f.high:g}"
                if f.high is not None
                else f">= {f.low:g}"
            )
            listed = "" if f.values is None else " | ".join(f.values)
            typer.echo(f"  {f.name:22} {f.kind.value:8} {f.unit or '':8} {limits}{listed}  {f.label.zh} / {f.label.en}")

    run(body)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    types = typer.Typer(no_args_is_help=True, help="The registry of sensor types.")
    types.command("list")(sensor_type_list)
    types.command("show")(sensor_type_show)
    app.add_typer(types, name="sensor-type")
