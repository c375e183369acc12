"""quarantine: what was refused and why, and trying it again."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from brain.cli.options import DataDir, Dsn, resolve_dsn, run

__all__ = ["register"]

_SHOWN = 20
_AT_ONCE = 10_000
_Reason = Annotated[str | None, typer.Option("--reason", help="Only this reason, e.g. out_of_range.")]
_Type = Annotated[str | None, typer.Option("--sensor-type", help="Only what was meant for this sensor type.")]
_Topic = Annotated[str | None, typer.Option("--topic", help="Only this topic.")]


def list_refused(
    reason: _Reason = None, sensor_type: _Type = None, topic: _Topic = None, dsn: Dsn = None, data_dir: DataDir = None
) -> None:
    """Count what waits by reason and sensor type, then show the newest."""
    from brain.store import open_store
    from brain.store.base import QuarantineQuery

    address = resolve_dsn(dsn, data_dir)

    async def body(_: object) -> None:
        store = await open_store(address)
        try:
            groups = await store.quarantine_summary()
            page = await store.quarantine(
                QuarantineQuery(reason=reason, sensor_type=sensor_type, topic=topic, mended=False, limit=_SHOWN)
            )
        finally:
            await store.close()
        if not groups:
            typer.echo("nothing waits in the quarantine")
        for g in groups:
            typer.echo(f"{g['count']:8}  {g['reason']:20} {g['sensor_type'] or '-'}")
        for q in page.items:
            typer.echo(f"{q['id']:>8}  {q['received_at']}  {q['topic']}  {q['reason']}: {q['detail']}")

    run(body)


def retry(
    reason: _Reason = None, sensor_type: _Type = None, topic: _Topic = None, dsn: Dsn = None, data_dir: DataDir = None
) -> None:
    """Try all of a reason again, after a profile was mended or a device registered; each is stored once.

    Example: `cloudbrain quarantine retry --reason unknown_sensor_type`
    """
    from brain.store import open_store
    from brain.store.base import QuarantineQuery

    address = resolve_dsn(dsn, data_dir)
    query = QuarantineQuery(reason=reason, sensor_type=sensor_type, topic=topic, limit=_AT_ONCE)

    async def body(stop: asyncio.Event) -> None:
        store = await open_store(address)
        try:
            before = left = sum(g["count"] for g in await store.quarantine_summary())
            tried = 0
            for _ in range(-(-before // _AT_ONCE)):  # so that what is refused again is not tried for ever
                queued = await store.quarantine_retry(query)
                while (await store.statistics())["inbox_waiting"] and not stop.is_set():  # noqa: ASYNC110 - ingest's
                    await asyncio.sleep(0.1)
                tried += queued
                left = sum(g["count"] for g in await store.quarantine_summary())
                sys.stderr.write(f"\rtried {tried}, {left} wait")
                sys.stderr.flush()
                if queued < _AT_ONCE or stop.is_set():
                    break
        finally:
            await store.close()
        sys.stderr.write("\n" * bool(tried))
        typer.echo(f"{tried} tried again, {max(0, before - left)} stored, {left} wait")

    run(body)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="What was refused, and trying it again.")
    group.command("list")(list_refused)
    group.command("retry")(retry)
    app.add_typer(group, name="quarantine")
