"""Reads ``queries/*.sql``: SQL lives in SQL files, where every query has a name and a description."""

from __future__ import annotations

import re
from importlib import resources
from typing import Final, NamedTuple

__all__ = ["Query", "load_migrations", "load_queries"]

_HEAD: Final = re.compile(r"^-- name: (?P<name>[a-z_]+)\n(?P<description>(?:-- .*\n)+)", re.MULTILINE)


class Query(NamedTuple):
    """One named statement; braces in ``text`` take quoted identifiers or clauses of our own, never values."""

    name: str
    description: str
    text: str


def parse(text: str) -> dict[str, Query]:
    r"""Queries of one file.

    Example:
        >>> parse("-- name: one\n-- The number one.\nSELECT 1;\n")["one"].text
        'SELECT 1'
    """
    heads = list(_HEAD.finditer(text))
    ends = [*(h.start() for h in heads[1:]), len(text)]
    out: dict[str, Query] = {}
    for head, end in zip(heads, ends, strict=False):
        description = " ".join(line.removeprefix("-- ") for line in head["description"].splitlines())
        out[head["name"]] = Query(head["name"], description, text[head.end() : end].strip().removesuffix(";"))
    return out


def load_queries(file: str) -> dict[str, Query]:
    """The named queries of ``queries/<file>.sql``."""
    return parse(resources.files("brain.store").joinpath(f"queries/{file}.sql").read_text("utf-8"))


def load_migrations() -> list[tuple[str, str]]:
    """(name, SQL) of all migrations in the order they are applied: their names begin with a date and a number."""
    folder = resources.files("brain.store").joinpath("migrations")
    return sorted(
        (f.name.removesuffix(".sql"), f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".sql")
    )
