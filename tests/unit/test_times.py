"""Times outside and inside."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.times import EARLIEST, LATEST, iso, to_us, to_us_many

NOT_TIMES = [
    "",
    "2026-07-01",
    "2026-07-01T14:00:00",
    "2026-07-01T14:00Z",
    "2026-07-01T14:00:00.Z",
    "2026-07-01T14:00:00,5Z",
    "2026-07-01T24:00:00Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-07-01T14:00:00+0800",
    "2026-07-01T14:00:00+24:00",
    "2026-07-01T14:00:00+08:60",
    "20260701T140000Z",
    "0000-01-01T00:00:00Z",
    "2026-07-01T14:00:60Z",
    "2026-07-01T14:61:00Z",
    "2026-07-01T14:00:00Z ",
    "２026-07-01T14:00:00Z",
    "2026-07-01T14:00:00.１Z",
    "2026-W27-3T14:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "1721000000000",
]
TIMES = {
    "1970-01-01T00:00:00Z": 0,
    "1969-12-31T23:59:59.999999Z": -1,
    "2026-07-01T14:00:00+08:00": 1_782_885_600_000_000,
    "2026-07-01T14:00:00.120+08:00": 1_782_885_600_120_000,
    "2026-07-01 06:00:00.1239999999z": 1_782_885_600_123_999,
    "2026-07-01t06:00:00.9z": 1_782_885_600_900_000,
    "2024-02-29T12:00:00-03:30": 1_709_220_600_000_000,
    "2016-12-31T23:59:60Z": 1_483_228_800_000_000,
    "2017-01-01T07:59:60.5+08:00": 1_483_228_800_000_000,
    "0001-01-01T00:00:00Z": EARLIEST,
    "9999-12-31T23:59:59.999999Z": LATEST,
    "2026-07-01T06:00:00." + "123456789" * 9 + "Z": 1_782_885_600_123_456,
}


@pytest.mark.parametrize("text", NOT_TIMES)
def test_what_is_not_rfc_3339_with_a_zone_is_refused(text: str):
    with pytest.raises(ValueError, match=r"RFC 3339|names no time|years|zone|second 60"):
        to_us(text)
    assert not to_us_many([text] * 64)[1].any()


@pytest.mark.parametrize(("text", "us"), TIMES.items())
def test_texts_with_a_zone_become_microseconds(text: str, us: int):
    assert to_us(text) == us
    many, good = to_us_many([text] * 64)
    assert good.all()
    assert (many == us).all()


@pytest.mark.parametrize("number", [True, None, [], float("nan"), float("inf"), 1e18, -1e18, 10**30])
def test_numbers_that_are_no_times_are_refused(number):
    with pytest.raises(ValueError, match=r"years|neither"):
        to_us(number)


def test_numbers_are_epoch_milliseconds():
    assert to_us(1_782_885_600_120) == 1_782_885_600_120_000
    assert to_us(1_782_885_600_120.25) == 1_782_885_600_120_250


def test_texts_of_mixed_shapes_are_read_together():
    texts = [*TIMES, *NOT_TIMES] * 3
    us, good = to_us_many(texts)
    assert good.tolist() == ([True] * len(TIMES) + [False] * len(NOT_TIMES)) * 3
    assert us.tolist() == ([*TIMES.values()] + [0] * len(NOT_TIMES)) * 3


@given(st.lists(st.integers(EARLIEST, LATEST), min_size=1, max_size=8))
def test_iso_and_back_is_the_same(times: list[int]):
    texts = [iso(t) for t in times]
    assert [to_us(t) for t in texts] == times
    assert to_us_many(texts * 64)[0].tolist() == times * 64


two = st.integers(0, 69).map("{:02d}".format)
near_times = st.builds(
    "{:04d}-{}-{}T{}:{}:{}{}{}".format,
    st.integers(0, 9999),
    st.integers(0, 13).map("{:02d}".format),
    st.integers(0, 32).map("{:02d}".format),
    st.integers(0, 25).map("{:02d}".format),
    two,
    two,
    st.sampled_from(["", ".", ".5", ".123456", ".123456789"]),
    st.one_of(st.just("Z"), st.builds("{}{}:{}".format, st.sampled_from("+-"), two, two)),
)


@given(st.lists(near_times, min_size=1, max_size=6))
def test_reading_many_agrees_with_reading_one(some: list[str]):
    texts = some * 64
    us, good = to_us_many(texts)
    for text, value, is_time in zip(some, us.tolist(), good.tolist(), strict=False):
        try:
            assert to_us(text) == value
            assert is_time
        except ValueError:
            assert not is_time


@given(
    st.sampled_from(["2026-07-01T14:", "2026-07-01 14:", "9999-12-31T23:", "0001-01-01T00:", "2026-02-30T10:"]),
    st.sampled_from(["Z", "z", "+08:00", "-00:01", "+00:01", "+24:00"]),
    st.integers(0, 9),
    st.lists(st.tuples(st.integers(0, 61), st.integers(0, 61), st.integers(0, 10**9 - 1)), min_size=1, max_size=8),
    st.sampled_from([None, (16, "-"), (17, "x"), (20, "x"), (3, "7")]),
)
def test_times_of_one_hour_are_read_as_each_by_itself(hour, zone, places, many, wrong):
    texts = [f"{hour}{m:02}:{s:02}" + f".{f:09}"[: places + 1 if places else 0] + zone for m, s, f in many]
    if wrong:
        at, mark = wrong
        texts[-1] = texts[-1][:at] + mark + texts[-1][at + 1 :]
    texts = (texts * 64)[:80]
    us, good = to_us_many(texts)
    for text, one, is_good in zip(texts, us.tolist(), good.tolist(), strict=True):
        try:
            assert (to_us(text), True) == (one, is_good)
        except ValueError:
            assert (one, is_good) == (0, False)


def test_borders_between_texts_are_not_guessed():
    a, b = "2026-07-01T14:00:00.001Z", "2026-07-01T14:00:00.002Z"
    for wrong in ([a + b, ""], [a[:10], a[10:] + b], [a + b[:1], b[1:]]):
        texts = [a] * 40 + wrong + [b] * 40
        us, good = to_us_many(texts)
        assert good.tolist() == [True] * 40 + [False] * 2 + [True] * 40
        assert us.tolist() == [to_us(a)] * 40 + [0] * 2 + [to_us(b)] * 40
