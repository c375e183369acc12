"""Times as devices write them: each form, zones, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.errors import SensorTypeError
from brain.times import iso, to_us
from ingest.profile.clock import time_reader, zone_of

SHANGHAI = zone_of("Asia/Shanghai", "zone")
BERLIN = zone_of("Europe/Berlin", "zone")


@pytest.mark.parametrize(
    ("form", "value", "wanted"),
    [
        ("iso", "2026-07-01T14:00:00Z", "2026-07-01T14:00:00Z"),
        ("iso", "2026-07-01T14:00:00.123456789Z", "2026-07-01T14:00:00.123456Z"),
        ("iso", "2026-07-01 14:00:00,5+08:00", "2026-07-01T06:00:00.5Z"),
        ("iso", "2026-07-01T14:00:00+0800", "2026-07-01T06:00:00Z"),
        ("iso", "2026-07-01T14:00:00-08", "2026-07-01T22:00:00Z"),
        ("iso", "2026-07-01 14:00:00 UTC", "2026-07-01T14:00:00Z"),
        ("iso", "2026-07-01T14:00", "2026-07-01T06:00:00Z"),
        ("iso", "2026-07-01", "2026-06-30T16:00:00Z"),
        ("iso", "20260701T140000Z", "2026-07-01T14:00:00Z"),
        ("iso", "20260701140000", "2026-07-01T06:00:00Z"),
        ("iso", "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("iso", "2026/7/1 14:00:05", "2026-07-01T06:00:05Z"),
        ("iso", "2026-7-1 8:05", "2026-07-01T00:05:00Z"),
        ("iso", "2026.07.01 14:00:00.5", "2026-07-01T06:00:00.5Z"),
        ("auto", "2026年7月1日 14:00:00", "2026-07-01T06:00:00Z"),
        ("auto", "2026年07月01日14时5分6秒", "2026-07-01T06:05:06Z"),
        ("auto", "2026年7月1日14时5分", "2026-07-01T06:05:00Z"),
        ("auto", "2026年7月1日", "2026-06-30T16:00:00Z"),
        ("iso", "2026-06-30 24:00:00", "2026-06-30T16:00:00Z"),
        ("%Y%m%d%H%M", "202606302400", "2026-06-30T16:00:00Z"),
        ("iso", "2026-07-01T06:00:00.5Z[UTC]", "2026-07-01T06:00:00.5Z"),
        ("iso", "2026-07-01T08:00:00+02:00[Europe/Berlin][u-ca=gregory]", "2026-07-01T06:00:00Z"),
        ("iso", "2026-07-01T08:00:00[Europe/Berlin]", "2026-07-01T06:00:00Z"),
        ("unix_s", 1_782_914_400, "2026-07-01T14:00:00Z"),
        ("unix_s", 1_782_914_400.25, "2026-07-01T14:00:00.25Z"),
        ("unix_s", "1782914400", "2026-07-01T14:00:00Z"),
        ("unix_ms", 1_782_914_400_500, "2026-07-01T14:00:00.5Z"),
        ("unix_us", 1_782_914_400_500_001, "2026-07-01T14:00:00.500001Z"),
        ("unix_ns", 1_782_914_400_500_001_999, "2026-07-01T14:00:00.500001Z"),
        ("auto", 1_782_914_400, "2026-07-01T14:00:00Z"),
        ("auto", "1782914400500", "2026-07-01T14:00:00.5Z"),
        ("auto", 1_782_914_400_500_001, "2026-07-01T14:00:00.500001Z"),
        ("auto", 1_782_914_400_500_001_000, "2026-07-01T14:00:00.500001Z"),
        ("auto", "20260701140000", "2026-07-01T06:00:00Z"),
        ("auto", "2026-07-01T14:00:00Z", "2026-07-01T14:00:00Z"),
        ("%Y%m%d%H%M%S", "20260701140000", "2026-07-01T06:00:00Z"),
        ("%Y%m%d%H%M%S", 20260701140000, "2026-07-01T06:00:00Z"),
        ("%y%m%d%H%M%S", "260701140000", "2026-07-01T06:00:00Z"),
        ("%d/%m/%Y %I:%M %p", "01/07/2026 02:00 PM", "2026-07-01T06:00:00Z"),
        ("%d/%m/%Y %I:%M %p", "01/07/2026 12:00 am", "2026-06-30T16:00:00Z"),
        ("%a %b %d %H:%M:%S %Y", "Wed Jul 01 14:00:00 2026", "2026-07-01T06:00:00Z"),
        ("%d %B %Y", "01 July 2026", "2026-06-30T16:00:00Z"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-07-01T14:00:00.123456789+02:00", "2026-07-01T12:00:00.123456Z"),
        ("%Y%j", "2026182", "2026-06-30T16:00:00Z"),
        ("%Y年%m月%d日 %H:%M", "2026年07月01日 14:00", "2026-07-01T06:00:00Z"),
    ],
)
def test_forms(form: str, value: object, wanted: str) -> None:
    assert iso(time_reader(form, SHANGHAI, "time.as")(value)) == iso(to_us(wanted))


def test_summer_and_winter_have_their_own_offset() -> None:
    read = time_reader("iso", BERLIN, "time.as")
    assert iso(read("2026-01-15T12:00:00")) == "2026-01-15T11:00:00.000Z"
    assert iso(read("2026-07-15T12:00:00")) == "2026-07-15T10:00:00.000Z"


@pytest.mark.parametrize(
    ("form", "value", "told"),
    [
        ("iso", "2026-07-01T14:00:00", "names no time zone; give the profile one, like zone: Asia/Shanghai"),
        ("iso", "2026-02-30T00:00:00Z", "names no time"),
        ("iso", "2026-07-01T24:00:01Z", "names no time"),
        ("iso", "2026-07-01T00:00:00[../../etc/passwd]", "is no time zone"),
        ("iso", "2026年13月1日 25时", "is no time like"),
        ("iso", "01.07.2026 14:00", "say its form, like as:"),
        ("%H:%M", "14:00", "names no time zone"),
        ("iso", "2026-07-01T14:00:00+99:00", "is no offset from UTC"),
        ("iso", "yesterday", "is no time like 2026-07-01T14:00:00+08:00"),
        ("iso", 5, "is no text like"),
        ("iso", "9" * 100_000, "is no time like"),
        ("unix_s", "soon", "is no number"),
        ("unix_s", True, "is no number"),
        ("unix_s", 1e300, "outside the years"),
        ("unix_s", float("nan"), "outside the years"),
        ("unix_ms", 10**30, "outside the years"),
        ("unix_s", 1_782_914_400_500, "outside the years"),
        ("auto", [1], "is no number"),
        ("%Y%m%d", "2026-07-01", "does not have the form %Y%m%d"),
        ("%Y%m%d", "20261301", "names no time"),
        ("%Y%m%d", None, "does not have the form"),
    ],
)
def test_what_is_no_time_is_told(form: str, value: object, told: str) -> None:
    with pytest.raises(ValueError, match=r".") as e:
        time_reader(form, None, "time.as")(value)
    if form == "%Y%m%d" and value == "20261301":
        return  # without a zone it is refused for that already
    assert told in str(e.value)
    assert len(str(e.value)) < 200


@pytest.mark.parametrize("form", ["rfc", "", "%Q", "%M:%S", "%Y%Y%m%d", "%Y-%m-%d %I:%M", "%Y-%m", "%m %H:%M", "%d"])
def test_what_is_no_form_is_refused_with_its_place(form: str) -> None:
    with pytest.raises(SensorTypeError) as e:
        time_reader(form, None, "time.as")
    assert e.value.path == "time.as"


@pytest.mark.parametrize(
    ("form", "value", "received", "wanted"),
    [
        ("%H%M%S", "060000", "2026-07-01T06:00:05Z", "2026-07-01T06:00:00Z"),
        ("%H%M%S", "235958", "2026-07-01T00:00:02Z", "2026-06-30T23:59:58Z"),
        ("%H%M%S.%f", "000001.50", "2026-06-30T23:59:59Z", "2026-07-01T00:00:01.5Z"),
        ("%I:%M %p", "11:59 PM", "2026-07-01T00:01:00Z", "2026-06-30T23:59:00Z"),
        ("%d%H%MZ", "302350Z", "2026-07-01T00:10:00Z", "2026-06-30T23:50:00Z"),
        ("%d%H%M", "312350", "2026-03-01T00:10:00Z", "2026-01-31T23:50:00Z"),
        ("%b %d %H:%M:%S", "Dec 31 23:59:59", "2027-01-01T00:00:03Z", "2026-12-31T23:59:59Z"),
        ("%m-%d %H:%M", "02-29 12:00", "2028-03-01T00:00:00Z", "2028-02-29T12:00:00Z"),
        ("%H:%M:%S%z", "08:00:00+0200", "2026-07-01T06:00:05Z", "2026-07-01T06:00:00Z"),
    ],
)
def test_a_form_without_a_date_means_the_time_nearest_to_receipt(
    form: str, value: str, received: str, wanted: str
) -> None:
    read = time_reader(form, zone_of("UTC", "zone"), "time.as")
    assert iso(read(value, to_us(received))) == iso(to_us(wanted))


def test_a_day_that_no_month_near_has_is_refused() -> None:
    read = time_reader("%m-%d %H:%M", zone_of("UTC", "zone"), "time.as")
    with pytest.raises(ValueError, match="names no time"):
        read("02-30 12:00", to_us("2026-03-01T00:00:00Z"))


def test_a_zone_has_to_exist() -> None:
    for name in ("Asia/Qingdao", "", "../../etc/passwd", "\0"):
        with pytest.raises(SensorTypeError):
            zone_of(name, "zone")


@given(st.datetimes(min_value=datetime(1973, 4, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive
def test_every_time_survives_every_form(when: datetime) -> None:
    us = to_us(when.replace(tzinfo=UTC).isoformat())
    assert time_reader("iso", None, "t")(iso(us)) == us
    assert time_reader("auto", None, "t")(us // 1_000_000) == us // 1_000_000 * 1_000_000
    assert time_reader("auto", None, "t")(us // 1_000) == us // 1_000 * 1_000
    assert time_reader("auto", None, "t")(us) == us
    local = datetime.fromtimestamp(us // 1_000_000, SHANGHAI)
    text = local.strftime("%Y%m%d%H%M%S")
    if local.fold == 0:
        assert time_reader("%Y%m%d%H%M%S", SHANGHAI, "t")(text) == us // 1_000_000 * 1_000_000


@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.none(), st.lists(st.integers(), max_size=2)))
def test_whatever_comes_a_reader_answers_or_refuses(value: object) -> None:
    for form in ("iso", "auto", "unix_s", "unix_ns", "%Y%m%d%H%M%S", "%d %b %Y"):
        try:
            us = time_reader(form, SHANGHAI, "t")(value)
        except ValueError:
            continue
        assert isinstance(us, int)
