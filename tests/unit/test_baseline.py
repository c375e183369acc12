"""What is usual, learned: times of the week, kinds of days, what is left out, memory that stays bounded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from brain.pipeline.codec import pack, unpack
from scenes.toolkit.baseline import DAYS, SLOTS, Learned, Usual, slot_keys

if TYPE_CHECKING:
    from collections.abc import Callable

MONDAY = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())
DAY = 86_400


def us(day: int, hour: float = 0.0) -> int:
    return round((MONDAY + day * DAY + hour * 3600) * 1e6)


def taught(
    days: range,
    value: Callable[[int, float], float],
    *,
    hours: tuple[int, int] = (10, 14),
    busy: Callable[[int], bool] | None = None,
) -> Learned:
    """A table that saw device 1 every five minutes of these hours of these days."""
    table, device = Learned("UTC", 1.0), np.array([1], np.int32)
    for day in days:
        for slot in range(12 * hours[0], 12 * hours[1] + 1):
            hour = slot / 12
            table.observe(device, np.array([us(day, hour)]), np.array([value(day, hour)]))
            table.commit(lambda _, time: busy is not None and busy(time))
    return table


def median(table: Learned, day: int, hour: float) -> float | None:
    found = table.usual(1, us(day, hour))
    return None if found is None else found.median


def test_nothing_is_usual_after_one_day_and_something_after_two() -> None:
    assert median(taught(range(1), lambda *_: 60), 1, 12) is None
    assert median(taught(range(2), lambda *_: 60), 2, 12) == 60


def test_today_never_counts() -> None:
    table = taught(range(3), lambda day, _: 60 if day < 2 else 10)
    assert median(table, 2, 13) == 60
    assert median(table, 3, 12) == 60  # two days of three


def test_hours_and_kinds_of_days_are_told_apart() -> None:
    table = taught(range(8), lambda day, hour: 100 if day % 7 >= 5 else 40 if 6 <= hour < 9 else 80, hours=(6, 13))
    assert median(table, 8, 8) == 40
    assert median(table, 8, 12) == 80
    assert median(taught(range(5), lambda *_: 80), 5, 12) == 80  # the first Saturday: working days stand in
    assert median(taught(range(5, 7), lambda *_: 80), 7, 12) is None  # but not the other way round
    assert median(table, 12, 8) == 100


def test_three_weeks_make_a_profile_of_the_time_of_the_week() -> None:
    fridays = lambda day, hour: 30 if day % 7 == 4 and hour > 11 else 80  # noqa: E731
    assert median(taught(range(18), fridays), 18, 12.5) == 80  # two Fridays: pooled with the other working days
    assert median(taught(range(25), fridays), 25, 12.5) == 30
    assert median(taught(range(25), fridays), 24, 12.5) == 80  # a Thursday


def test_the_spread_is_that_of_the_median_with_a_least_one() -> None:
    table = taught(range(3), lambda _, hour: 60 + 4 * (round(hour * 12) % 3 - 1))  # 56, 60, 64
    assert table.usual(1, us(3, 12)) == Usual(60.0, pytest.approx(1.4826 * 4))
    assert taught(range(3), lambda *_: 60).usual(1, us(3, 12)) == Usual(60.0, 3.0)  # 5 % of the median over all


def test_what_was_sampled_in_an_incident_is_left_out() -> None:
    low = us(1, 11), us(1, 13)
    table = taught(range(3), lambda day, hour: 10 if day == 1 and 11 <= hour < 13 else 60,
                   busy=lambda time: low[0] <= time < low[1])  # fmt: skip
    found = table.usual(1, us(3, 12))
    assert found == Usual(60.0, 3.0)


def test_local_time_decides_the_slot() -> None:
    assert slot_keys(np.array([us(0, 16)]), "Asia/Shanghai")[0] % SLOTS == 0
    winter, summer = (
        int(datetime(2026, month, 1, 12, tzinfo=UTC).timestamp() * 1e6) for month in (1, 7)
    )  # fmt: skip
    keys = slot_keys(np.array([winter, summer]), "Europe/Berlin") % SLOTS
    assert (keys / 12).tolist() == [13, 14]


def test_memory_is_bounded_and_old_days_are_forgotten() -> None:
    table = taught(range(30), lambda day, _: 20 if day < 5 else 60)
    assert table.pages.samples.shape[1] == DAYS * SLOTS
    assert table.used == 1
    assert median(table, 30, 12) == 60
    few = Learned("UTC", 1.0, most=2)
    for day in range(3):
        for slot in range(SLOTS):
            few.observe(np.array([1, 2, 3], np.int32), np.full(3, us(day, slot / 12)), np.full(3, 50.0))
            few.commit(lambda *_: False)
    assert [few.usual(d, us(3, 12)) is not None for d in (1, 2, 3)] == [True, True, False]


def test_many_rows_at_once_teach_the_same_as_one_by_one() -> None:
    chance = np.random.default_rng(1)
    device = chance.integers(1, 4, 4000).astype(np.int32)
    time = us(0) + np.sort(chance.integers(0, 3 * DAY, 4000)) * 1_000_000
    value = np.where(chance.random(4000) < 0.1, np.nan, chance.normal(60, 5, 4000))
    one, many = Learned("UTC", 1.0), Learned("UTC", 1.0)
    asked = []
    for low in range(0, 4000, 40):
        rows = slice(low, low + 40)
        asked.append(many.observe(device[rows], time[rows], value[rows]))
        many.commit(lambda *_: False)
        single = [one.observe(device[i : i + 1], time[i : i + 1], value[i : i + 1]) for i in range(low, low + 40)]
        one.commit(lambda *_: False)
        told = ~np.isnan(value[rows])
        for k in (0, 1):
            assert np.array_equal(np.concatenate([s[k] for s in single])[told], asked[-1][k][told], equal_nan=True)
    again = unpack(pack(many))
    assert again.usual(2, us(3, 12)) == many.usual(2, us(3, 12)) == one.usual(2, us(3, 12))


def test_pages_grow_by_little_more_than_is_used() -> None:
    """They are the largest part of a checkpoint, and what is spare is saved with the rest."""
    table = Learned("UTC", 1.0)
    for device in range(1, 101):
        for k in range(2):
            table.observe(np.array([device], np.int32), np.array([us(0) + k * 300_000_000]), np.array([50.0]))
        table.commit(lambda *_: False)
    assert table.used == 100
    assert len(table.pages.samples) <= 1.2 * table.used
