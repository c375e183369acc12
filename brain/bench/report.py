"""Results as tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from brain.bench.history import Change

__all__ = ["show"]


def show(
    part: str, result: Mapping[str, Any], changes: Sequence[Change], machine: Mapping[str, Any], tolerance_pct: float
) -> None:
    """Print a result on stdout: its figures beside earlier runs, then what belongs to it."""
    console = Console()
    where = ", ".join(f"{k} {v}" for k, v in result["shape"].items())
    console.print(f"\n[bold]bench {part}[/bold]  {where}")
    storage, commit = result.get("storage", "no data base"), machine["commit"] or "unknown"
    console.print(
        f"{machine['cores']} cores of {machine['cpu']}, Python {machine['python']}, {storage}, "
        f"commit {commit}, load before {machine['load_before']}"
    )
    table = Table("figure", "now", "median before", "runs", "change", highlight=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for c in changes:
        table.add_row(
            c.name,
            _number(c.now),
            "" if c.before is None else _number(c.before),
            str(c.runs),
            _change(c, tolerance_pct),
        )
    console.print(table)
    for title, rows in _details(result):
        _print(console, title, rows)
    for note in result.get("notes", ()):
        console.print(note, highlight=False)
    worse = [c for c in changes if c.worse_pct is not None and c.worse_pct > tolerance_pct]
    if worse:
        named = ", ".join(f"{c.name} by {c.worse_pct:.0f} %" for c in worse)
        console.print(f"[red]worse than earlier runs by more than {tolerance_pct:.0f} %: {named}[/red]")


def _change(c: Change, tolerance_pct: float) -> str:
    if c.worse_pct is None:
        return ""
    color = "red" if c.worse_pct > tolerance_pct else "green" if c.worse_pct < -tolerance_pct else "default"
    return f"[{color}]{abs(c.worse_pct):.1f} % {'worse' if c.worse_pct > 0 else 'better'}[/{color}]"


def _number(value: Any) -> str:
    if isinstance(value, dict):
        if {"median", "min", "max"} <= value.keys():
            return f"{_number(value['median'])} [{_number(value['min'])}..{_number(value['max'])}]"
        return " ".join(f"{k}={_number(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.3g}"
    return str(value)


def _details(result: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """(title, rows) of everything that is a table of its own."""
    out: list[tuple[str, Mapping[str, Any]]] = []
    if "summary" in result:
        out.append(("CPU microseconds a message, median [min..max]", result["summary"]["cpu_us_a_message"]))
    titles = (
        ("latency", "Latency, open loop"),
        ("memory_mb", "Memory, MB"),
        ("bytes_a_row", "Bytes a row"),
        ("stages", "CPU of ingest by stage, microseconds a reading"),
        ("peers", "Peers"),
        ("listening", "Which scenes listen"),
        ("queries", "Queries, milliseconds"),
        ("a_scene", "Quiet rows in each scene by itself"),
        ("details", "Details"),
    )
    out += [(title, result[key]) for key, title in titles if result.get(key)]
    return out


def _print(console: Console, title: str, rows: Mapping[str, Any]) -> None:
    """Rows that are dictionaries of one kind become columns."""
    inner = [v for v in rows.values() if isinstance(v, dict)]
    columns = list(dict.fromkeys(k for v in inner for k in v)) if len(inner) == len(rows) else []
    if not columns or len(columns) > 8:
        table = Table("", "", title=escape(title), title_justify="left", highlight=False)
        for name, value in rows.items():
            table.add_row(name, _number(value))
    else:
        table = Table("", *columns, title=escape(title), title_justify="left", highlight=False)
        for column in table.columns[1:]:
            column.justify = "right"
        for name, value in rows.items():
            table.add_row(name, *(_number(value[c]) if c in value else "" for c in columns))
    console.print(table)
