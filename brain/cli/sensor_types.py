"""sensor-type: what is registered, and registering more by one document."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from brain.cli.infer import infer_type
from brain.cli.options import DataDir, Dsn, resolve_dsn, run
from brain.errors import CloudBrainError, ConfigurationError, NotFoundError, SensorTypeError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from brain.model import SensorType
    from brain.store.base import Store
    from ingest.preview import Preview, Sample
    from ingest.registration import Checked

__all__ = ["register"]

_MOST_SHOWN = 20


def _with_store(
    dsn: str | None, data_dir: Path | None, work: Callable[[Store], Coroutine[Any, Any, int | None]]
) -> None:
    from brain.store import open_store

    address = resolve_dsn(dsn, data_dir)

    async def body(_: object) -> int | None:
        store = await open_store(address)
        try:
            return await work(store)
        finally:
            await store.close()

    run(body)


def _document(name: str) -> str:
    """The text of a document: a file, or the name of a format that we bring along."""
    from ingest.formats import shipped

    path = Path(name)
    if not path.exists():
        path = shipped().get(name, path)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{name} is not UTF-8; save it as UTF-8") from None
    except OSError as error:
        raise ConfigurationError(
            f"cannot read {name} ({error.strerror}); name a file, or one of the formats brought along: "
            f"{', '.join(shipped())}"
        ) from None


def _samples(files: list[Path]) -> list[Sample]:
    """Samples of files: lines of {"topic", "payload"}, or the bytes of one message."""
    from ingest.preview import Sample
    from ingest.registration import samples_from

    out: list[Sample] = []
    for path in files:
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise ConfigurationError(f"cannot read {path} ({error.strerror}); name a file after --sample") from None
        lines: list[Any] = []
        try:
            lines = [json.loads(line) for line in raw.decode().splitlines() if line.strip()]
        except (ValueError, UnicodeDecodeError):
            lines = []
        if lines and all(
            isinstance(x, dict) and "topic" in x and {"payload", "payload_base64"} & x.keys() for x in lines
        ):
            out += samples_from(lines)
        else:
            out.append(Sample("", raw))
    return out


def _told(checked: Checked) -> None:
    """Print what a document and its samples come to."""
    made = checked.sensor_type
    if made is None:
        return
    typer.echo(f"{made.id} version {made.version}: {len(made.fields)} fields, topics {', '.join(made.topics) or '-'}")
    for change in checked.changes:
        typer.echo(f"  change: {change}")
    for i, (sample, got) in enumerate(zip(checked.samples, checked.previews, strict=True)):
        _show(i, sample, got)
    for warning in checked.warnings:
        typer.secho(f"warning: {warning}", fg="yellow")


def _show(i: int, sample: Sample, got: Preview) -> None:
    from brain.model import COMMON_NUMBERS, COMMON_TEXTS

    typer.echo(f"sample {i} {sample.topic}: {len(got.rows)} rows")
    for row in got.rows[:_MOST_SHOWN]:
        shown = {k: v for k, v in row.items() if v is not None and k not in ("sensor_type", "received_at")}
        first = {k: shown.pop(k) for k in ("device", "time", *COMMON_TEXTS, *COMMON_NUMBERS) if k in shown}
        typer.echo("  " + json.dumps(first | shown, ensure_ascii=False))
    if len(got.rows) > _MOST_SHOWN:
        typer.echo(f"  ... and {len(got.rows) - _MOST_SHOWN} more")
    if got.refused is not None:
        typer.secho(f"  refused ({got.refused[0]}): {got.refused[1]}", fg="red")
    if got.ignored:
        typer.echo(f"  nothing is read from: {', '.join(got.ignored[:_MOST_SHOWN])}")


def list_types(dsn: Dsn = None, data_dir: DataDir = None) -> None:
    """Name the registered sensor types, then the formats that can be added by name."""

    async def work(store: Store) -> None:
        from ingest.formats import shipped

        known = (await store.load_registry()).sensor_types
        for t in sorted(known.values(), key=lambda t: t.id):
            gone = "  retired" if t.retired else f"  into {t.into}" if t.into else ""
            typer.echo(f"{t.id:20} v{t.version}  {t.family.value:12} {t.name.zh} / {t.name.en}{gone}")
        more = [name for name in shipped() if name not in known]
        if more:
            typer.echo(f"to be added by name (`cloudbrain sensor-type add NAME`): {', '.join(more)}")

    _with_store(dsn, data_dir, work)


def show(
    name: Annotated[str, typer.Argument(help="Id, e.g. gas-detector.")],
    document: Annotated[bool, typer.Option("--document", help="Print the document it was registered by.")] = False,
    dsn: Dsn = None,
    data_dir: DataDir = None,
) -> None:
    """Show a sensor type: its topics, table, window of times and fields."""

    async def work(store: Store) -> None:
        t = (await store.load_registry()).sensor_type(name)
        if t is None:
            raise NotFoundError(f"there is no sensor type {name!r}; `cloudbrain sensor-type list` names them")
        if document:
            versions = await store.sensor_type_versions(t.id)
            if not versions:
                raise NotFoundError(f"{t.id} is built in; its document is ingest/sensor_types/{t.id}/profile.yaml")
            typer.echo(versions[-1]["source"])
            return
        _describe(t)

    _with_store(dsn, data_dir, work)


def _describe(t: SensorType) -> None:
    typer.echo(f"{t.id} v{t.version}: {t.name.zh} / {t.name.en}{'  (retired)' if t.retired else ''}")
    topics = ", ".join(t.topics) or f"city/{t.id}/<device>"
    typer.echo(
        f"topics {topics}   table observations.{(t.into or t.table).replace('-', '_')}   admission {t.admission}"
    )
    typer.echo(f"accepted times: {t.past} back to {t.future} ahead; late after {t.late}")
    for f in t.fields:
        limits = (
            ""
            if f.low is None and f.high is None
            else f"{f.low:g}..{f.high:g}"
            if f.low is not None and f.high is not None
            else f">= {f.low:g}"
            if f.low is not None
            else f"<= {f.high:g}"
        )
        listed = "" if f.values is None else " | ".join(f.values)
        typer.echo(f"  {f.name:22} {f.kind.value:8} {f.unit or '':8} {limits}{listed}  {f.label.zh} / {f.label.en}")


_File = Annotated[str, typer.Argument(help="Document (YAML or JSON), or the name of a format brought along.")]
_SampleFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--sample", help='File with the bytes of one message, or lines of {"topic": ..., "payload": ...}; repeat it.'
    ),
]


def check(file: _File, sample: _SampleFiles = None) -> None:
    """Say what a document would do: the rows of each sample, why it would be refused, and every warning.

    Needs no running platform. Example: `cloudbrain sensor-type check air.yaml --sample message.json`
    """
    import time

    from brain.registry import Registry
    from ingest.registration import check as look
    from ingest.sensor_types import load_builtin

    samples = _samples(sample or [])
    checked = look(_document(file), samples, Registry(load_builtin(), []), time.time_ns() // 1000)
    if checked.errors:
        raise CloudBrainError("\n".join(checked.errors))
    assert checked.sensor_type is not None
    _told(checked)
    if any(got.refused is not None for got in checked.previews):
        raise CloudBrainError("a sample would be refused; see above")


def add(file: _File, sample: _SampleFiles = None, dsn: Dsn = None, data_dir: DataDir = None) -> None:
    """Register a sensor type while the platform runs; the same id again makes a new version.

    Example: `cloudbrain sensor-type add air.yaml --sample message.json`
    """
    from ingest.registration import register as put

    text, samples = _document(file), _samples(sample or [])

    async def work(store: Store) -> None:
        try:
            checked = await put(store, text, samples)
        except SensorTypeError as e:
            raise CloudBrainError("\n".join(f"{file}: {one}" for one in e.every)) from None
        _told(checked)

    _with_store(dsn, data_dir, work)


def retire(
    name: Annotated[str, typer.Argument(help="Id of the sensor type.")], dsn: Dsn = None, data_dir: DataDir = None
) -> None:
    """Take no more messages of a sensor type; what is stored stays. Adding it again takes it back."""
    from ingest.registration import retire as put

    async def work(store: Store) -> None:
        gone = await put(store, name)
        typer.echo(f"{gone.id} is retired; its rows stay in observations.{gone.table}")

    _with_store(dsn, data_dir, work)


def diff(
    name: Annotated[str, typer.Argument(help="Id of the sensor type.")], dsn: Dsn = None, data_dir: DataDir = None
) -> None:
    """Show how each version of a sensor type's document differs from the one before."""
    import difflib

    async def work(store: Store) -> None:
        versions = await store.sensor_type_versions(name)
        if not versions:
            raise NotFoundError(f"no versions of {name!r} are kept; built-in types have none until you add one")
        for before, after in zip([None, *versions], versions, strict=False):
            old = [] if before is None else before["source"].splitlines()
            names = ("nothing" if before is None else f"version {before['version']}", f"version {after['version']}")
            typer.echo("\n".join(difflib.unified_diff(old, after["source"].splitlines(), *names, lineterm="")))

    _with_store(dsn, data_dir, work)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    types = typer.Typer(no_args_is_help=True, help="The registry of sensor types.")
    types.command("list")(list_types)
    types.command("show")(show)
    types.command("check")(check)
    types.command("add")(add)
    types.command("retire")(retire)
    types.command("diff")(diff)
    types.command("infer")(infer_type)
    app.add_typer(types, name="sensor-type")
