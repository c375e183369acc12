"""catalogue: every resource of the running platform as one list."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlencode

import typer

from brain.catalogue import KINDS
from brain.cli.options import DataDir, Http, resolve_http
from brain.errors import ConfigurationError

__all__ = ["register"]

_PAGE = 1000


def _line(one: dict[str, Any]) -> str:
    rate = "-" if one["rows_per_h"] is None else f"{one['rows_per_h']}/h"
    age = "-" if one["age_s"] is None else f"{one['age_s']:.0f} s"
    quality = "-" if one["quality"] is None else f"{100 * one['quality']:.2f} %"
    where, access = one["district"] or "-", one["access"]["class"]
    cells = (one["kind"], one["id"], one["owner"]["id"], where, rate, age, quality, access)
    return "\t".join(cells)


def catalogue(
    q: Annotated[str | None, typer.Argument(help="Words that must all occur in id, name, owner or class.")] = None,
    kind: Annotated[str | None, typer.Option(help=f"One of {', '.join(KINDS)}; default: all but devices.")] = None,
    district: Annotated[str | None, typer.Option(help="Only devices of this district.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines instead of columns.")] = False,
    http: Http = None,
    data_dir: DataDir = None,
) -> None:
    """List resources: sensor types, data sets, interfaces, scenes, stories, devices.

    Columns: kind, id, owner, district, rows an hour, age of the newest row, share that was not refused, access class.

    Example: `cloudbrain catalogue --kind data-set`
    """
    from brain.cli.send import call

    if kind is not None and kind not in KINDS:
        raise ConfigurationError(f"--kind {kind} is not known; give one of {', '.join(KINDS)}")
    base = resolve_http(http, data_dir).rstrip("/")
    for one in [kind] if kind else ["device"] if district else KINDS[:-1]:
        query = {"kind": one, "q": q or "", "district": district or "", "limit": _PAGE}
        cursor: str | None = ""
        while cursor is not None:
            page = call("GET", f"{base}/api/v1/catalogue?{urlencode(query | {'cursor': cursor})}")
            for item in page["items"]:
                typer.echo(json.dumps(item, ensure_ascii=False) if as_json else _line(item))
            cursor = page["next_cursor"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(catalogue)
