"""The SQL files: every query is described, used, and takes values as arguments only; migrations are dated."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

import brain.store
from brain.store._filters import Filter
from brain.store._queries import KEEP
from brain.store._sql import load_migrations, load_queries, parse

ROOM = Path(brain.store.__file__).parent
FILES = sorted(f.stem for f in (ROOM / "queries").glob("*.sql"))


def test_there_are_queries() -> None:
    assert len(FILES) >= 4
    assert sum(len(load_queries(f)) for f in FILES) > 30


@pytest.mark.parametrize("file", FILES)
def test_every_query_is_named_once_and_described(file: str) -> None:
    text = (ROOM / "queries" / f"{file}.sql").read_text("utf-8")
    assert text.count("-- name:") == len(load_queries(file))
    for query in load_queries(file).values():
        assert len(query.description) > 10, query.name
        assert ";" not in query.text, f"{query.name} is more than one statement"
        assert "--" not in query.text, f"{query.name} begins with its comment"


def test_every_query_is_used() -> None:
    code = "".join(f.read_text("utf-8") for f in ROOM.glob("*.py"))
    for file in FILES:
        for name in load_queries(file):
            by_age = name.removeprefix("clean_") in KEEP
            assert f'"{name}"' in code or by_age, f"{file}.{name} is not used"


def test_only_our_own_clauses_go_into_the_text_of_a_query() -> None:
    allowed = {"table", "columns", "conditions", "devices", "key", "keys", "packed"}
    for file in FILES:
        for query in load_queries(file).values():
            assert set(re.findall(r"{(\w*)}", query.text)) <= allowed, query.name


def test_a_query_without_a_description_is_not_one() -> None:
    assert parse("-- name: bare\nSELECT 1;\n") == {}


def test_migrations_are_dated_and_in_order() -> None:
    names = [name for name, _ in load_migrations()]
    assert names == sorted(names)
    assert names[0].endswith("-foundation")
    for name in names:
        year, month, day, number = name.split("-")[:4]
        assert date(int(year), int(month), int(day))
        assert number.isdigit()


def test_a_filter_never_puts_a_value_into_its_text() -> None:
    f = Filter(1)
    f.add("name = {}", "x'; DROP TABLE brain.head; --")
    f.add_where_given("level = {}", None)
    f.add_where_given("lon > {}", 0.0)
    assert f.text == "name = $2 AND lon > $3"
    assert f.arguments == [1, "x'; DROP TABLE brain.head; --", 0.0]
    assert Filter().text == "true"
