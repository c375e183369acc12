"""Positions in texts: degrees with minutes and letters, well-known text, ISO 6709; and what is none of these."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.profile.places import coordinate, point_of


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("36°04'12.0\"N, 120°22'48.0\"E", (120.38, 36.07)),
        ("120°22′48″E 36°04′12″N", (120.38, 36.07)),
        ("36.07N,120.38E", (120.38, 36.07)),
        ("N36.07 E120.38", (120.38, 36.07)),
        ("北纬36°4′12″，东经120°22′48″".replace("，", ","), (120.38, 36.07)),
        ("36°04.2'S 120°22.8'W", (-120.38, -36.07)),
        ("+36.07+120.38/", ("+120.38", "+36.07")),
        ("-36.0700-120.3800+012CRSWGS_84/", ("-120.3800", "-36.0700")),
    ],
)
def test_a_text_that_tells_which_is_which_needs_no_order(text: str, wanted: tuple[object, object]) -> None:
    assert point_of(text) == (*wanted, True)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("POINT(120.38 36.07)", ("120.38", "36.07")),
        ("SRID=4326;POINT Z (120.38 36.07 12)", ("120.38", "36.07")),
        ("point zm ( -120.38   36.07 12 1 )", ("-120.38", "36.07")),
        ("36°04'12\" 120°22'48\"", (36.07, 120.38)),
    ],
)
def test_others_come_in_the_order_of_the_profile(text: str, wanted: tuple[object, object]) -> None:
    assert point_of(text) == (*wanted, False)


@pytest.mark.parametrize("text", ["36.07,120.38", "", "N E", "POINT EMPTY", "here", "36.07N", "1e5,2e5", "9" * 500])
def test_what_is_no_such_text_is_left_to_others(text: str) -> None:
    assert point_of(text) is None


@pytest.mark.parametrize("text", ["36.07", "1.2e2", "N36.07N", "36.07X", "°", "36 04 12 N", "nan"])
def test_what_is_no_coordinate_is_left_to_others(text: str) -> None:
    assert coordinate(text) is None


@given(st.text(alphabet="0123456789.°'\"NSEW北纬东经 ,;+-()POINT", max_size=90))
def test_any_text_is_read_or_left(text: str) -> None:
    point_of(text)
    coordinate(text)
