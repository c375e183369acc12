"""Reading what a request asks, without an application."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from starlette.requests import Request

from brain.web.guard import _is_same_origin, is_allowed_host
from brain.web.problems import Problem
from brain.web.query import open_cursor, parse_bbox, parse_choice, parse_time, seal_cursor, split_list
from brain.web.reply import csv_reply, negotiate

MAY = 1_777_593_600_000_000  # 2026-05-01T00:00:00Z


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("2026-05-01T00:00:00Z", MAY),
        ("2026-05-01T08:00:00+08:00", MAY),
        ("2026-05-01T08:00:00 08:00", MAY),  # a plus sign that was not encoded
        ("1777593600000", MAY),
        ("2026-05-01T00:00:00.000001Z", MAY + 1),
        ("", None),
        (None, None),
    ],
)
def test_times_are_rfc_3339_or_milliseconds(text: str | None, us: int | None) -> None:
    assert parse_time("start", text) == us


@pytest.mark.parametrize("text", ["2026-05-01", "yesterday", "2026-05-01T00:00:00", "9" * 15, "9" * 40, "-1e3", "\x00"])
def test_a_wrong_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(Problem, match=r"^end: .*RFC 3339") as caught:
        parse_time("end", text)
    assert caught.value.status == 422


def test_a_box_is_west_south_east_north() -> None:
    assert parse_bbox("120.1,35.9,120.6,36.3") == (120.1, 35.9, 120.6, 36.3)
    assert parse_bbox(None) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2,3", "four numbers"),
        ("1,2,3,4,5", "four numbers"),
        ("a,b,c,d", "four numbers"),
        ("36.0,120.1,36.3,120.6", "longitude first"),
        ("nan,nan,nan,nan", "outside the Earth"),
        ("inf,0,inf,0", "outside the Earth"),
        ("120.6,35.9,120.1,36.3", "turned round"),
    ],
)
def test_a_wrong_box_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(Problem, match=says):
        parse_bbox(text)


def test_a_word_outside_its_list_names_the_list() -> None:
    assert parse_choice("level", "red", ("blue", "red")) == "red"
    with pytest.raises(Problem, match="one of blue, red"):
        parse_choice("level", "pink", ("blue", "red"))


def test_lists_may_be_repeated_or_separated() -> None:
    assert split_list(["a, b", "", "c"]) == ["a", "b", "c"]
    assert split_list(None) == []


@pytest.mark.parametrize(
    "text", ["", "x", "!!!!", "W10", "eyJhIjoxfQ", "WzEsMl0\r\nSet-Cookie: a=b", "é", "W1tdLFtdXQ"]
)
def test_a_foreign_cursor_is_refused(text: str) -> None:
    with pytest.raises(Problem, match="cursor"):
        open_cursor(text, 2)


def test_a_cursor_keeps_its_parts() -> None:
    assert open_cursor(seal_cursor("设备", "G/1"), 2) == ["设备", "G/1"]


def request(accept: str | None) -> Request:
    headers = [] if accept is None else [(b"accept", accept.encode())]
    return Request({"type": "http", "headers": headers})


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        (None, "application/json"),
        ("*/*", "application/json"),
        ("text/csv", "text/csv"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/json;q=0.5, text/csv", "text/csv"),
        ("text/*", "text/csv"),
        ("application/json;q=0, */*", "text/csv"),
        ("APPLICATION/JSON", "application/json"),
    ],
)
def test_the_format_is_what_the_caller_likes_best(accept: str | None, kind: str) -> None:
    assert negotiate(request(accept), "application/json", "text/csv") == kind


def test_a_format_that_nobody_speaks_is_406() -> None:
    with pytest.raises(Problem) as caught:
        negotiate(request("application/pdf"), "application/json", "text/csv")
    assert caught.value.status == 406


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("+1", "'+1"),
        ("@x", "'@x"),
        ("-x", "'-x"),
        (-1.5, "-1.5"),
        (3.0, "3"),
        (None, ""),
        (True, "true"),
        ("a", "a"),
        ('say "a"\n,b', 'say "a"\n,b'),
    ],
)
def test_a_csv_cell_is_never_a_formula(value: Any, cell: str) -> None:
    body = bytes(csv_reply([{"a": value, "b": 1}], ["a", "b"], "x", None).body).decode()
    assert list(csv.reader(io.StringIO(body, newline=""))) == [["a", "b"], [cell, "1"]]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:8080", True),
        ("LOCALHOST:1", True),
        ("[::1]:8080", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1:8080@evil.example", False),
        ("evil.example#localhost", False),
        ("localhost:8080\r\nX: y", False),
        ("localhost\n", False),
        ("", False),
        ("127.0.0.1:", False),
        ("0.0.0.0:8080", False),
        ("192.168.1.7", False),
    ],
)
def test_only_names_of_this_machine_are_hosts(host: str, allowed: bool) -> None:
    assert is_allowed_host(host) is allowed


def test_further_hosts_can_be_named() -> None:
    assert is_allowed_host("brain.city.example", ["Brain.City.Example"])


@pytest.mark.parametrize(
    ("origin", "same"),
    [
        ("http://localhost:8080", True),
        ("HTTP://LOCALHOST:8080", True),
        ("http://localhost:8081", False),
        ("http://evil.example", False),
        ("http://localhost:8080.evil.example", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("ftp://localhost:8080", False),
        ("http://[::1", False),
    ],
)
def test_an_origin_is_the_same_only_with_host_and_port(origin: str, same: bool) -> None:
    assert _is_same_origin(origin, "localhost:8080") is same
