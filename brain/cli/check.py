"""doctor: looks at every part of an installation and says in plain words what is wrong."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, NamedTuple

import typer

from brain.cli.options import DataDir, Dsn, Mqtt, read_runtime, run
from brain.errors import CloudBrainError
from brain.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["register"]

_FREE_GB = 2.0


class Finding(NamedTuple):
    """One look: which part, whether it is well, and a sentence."""

    part: str
    well: bool
    sentence: str


def _host(folder: Path) -> Iterator[Finding]:
    from brain.embedded.server import find_server

    v = sys.version_info
    yield Finding(
        "python", v >= (3, 11), f"{v.major}.{v.minor}.{v.micro}" + ("" if v >= (3, 11) else "; 3.11 or newer is needed")
    )
    place = folder if folder.exists() else folder.resolve().parent
    free = shutil.disk_usage(place).free / 1e9
    yield Finding(
        "disk", free > _FREE_GB, f"{free:.1f} GB free at {place}" + ("" if free > _FREE_GB else "; make room")
    )
    try:
        server = find_server()
    except CloudBrainError as error:
        yield Finding("embedded data base", False, str(error))
    else:
        hint = "" if server.timescale else "; install gcc and run `make setup` for TimescaleDB"
        yield Finding("embedded data base", True, server.storage + hint)


def _broker(url: str) -> Finding:
    parts = urllib.parse.urlsplit(url)
    try:
        with socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 1883), timeout=3):
            return Finding("broker", True, f"{parts.hostname}:{parts.port or 1883} answers")
    except OSError as error:
        return Finding(
            "broker", False, f"{parts.hostname}:{parts.port or 1883} does not answer ({error}); is it running?"
        )


def _http(base: str) -> Iterator[Finding]:
    try:
        with urllib.request.urlopen(f"{base}/api/v1/statistics/ingest", timeout=5) as answer:  # noqa: S310
            total = json.loads(answer.read())["total"]
        sums = total["received"] == total["stored"] + total["duplicate"] + total["quarantined"]
        yield Finding(
            "ledger",
            sums,
            f"received {total['received']} = {total['stored']} + {total['duplicate']} + {total['quarantined']}",
        )
        with urllib.request.urlopen(f"{base}/health/ready", timeout=5) as answer:  # noqa: S310
            yield Finding("platform", answer.status == 200, f"{base} is ready")
    except OSError as error:
        yield Finding("platform", False, f"{base} is not well ({error}); look at its log on stderr")


async def _store(dsn: str) -> Finding:
    from brain.store import open_store

    try:
        store = await open_store(dsn)
    except CloudBrainError as error:
        return Finding("data base", False, str(error))
    try:
        types = (await store.load_registry()).sensor_types
        return Finding("data base", bool(types), f"{store.storage}, {len(types)} sensor types")
    except CloudBrainError as error:
        return Finding("data base", False, str(error))
    finally:
        await store.close()


def doctor(dsn: Dsn = None, mqtt: Mqtt = None, data_dir: DataDir = None) -> None:
    """Check every part of an installation and say in plain words what is wrong."""
    folder = data_dir or Settings.from_environment().data_dir
    running = read_runtime(folder)
    bad = 0

    def show(finding: Finding) -> None:
        nonlocal bad
        bad += not finding.well
        typer.echo(f"{'ok ' if finding.well else 'BAD'}  {finding.part:20} {finding.sentence}")

    for finding in _host(folder):
        show(finding)
    address, broker = dsn or running.get("dsn"), mqtt or running.get("mqtt")
    if not address and not broker:
        show(Finding("platform", True, "nothing runs here; start it with `cloudbrain up`"))
    if broker:
        show(_broker(broker))
    if running.get("http"):
        for finding in _http(running["http"]):
            show(finding)
    if address:

        async def body(_: object) -> None:
            show(await _store(str(address)))

        run(body)
    if bad:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)
