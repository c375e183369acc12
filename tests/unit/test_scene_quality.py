"""Quality control of measured series, heartbeats and doses: what each test says of samples, however they are cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.pipeline.codec import pack, unpack
from scenes.safety_production.detectors import Detectors, Limits
from scenes.safety_production.dose import Doses
from scenes.toolkit.beats import Beats
from scenes.toolkit.quality import FAIL, MISSING, NOT_EVALUATED, PASS, SUSPECT, Checks, Series, Verdicts
from scenes.toolkit.table import grow

SECOND = 1_000_000
DAY_S = 86_400


def judged(values: list[float], step_s: float = 10.0, low: float = 0.0, high: float = 100.0, **checks: Any) -> Verdicts:
    n = len(values)
    time = (np.arange(n) * step_s * SECOND).astype(np.int64)
    return Series().take(np.zeros(n, np.intp), time, np.array(values, float), low, high, Checks(**checks))


def test_values_outside_the_span_fail_and_absent_ones_are_missing() -> None:
    assert judged([5.0, 120.0, -1.0, np.nan, 100.0]).gross.tolist() == [PASS, FAIL, FAIL, MISSING, PASS]


def test_one_value_far_off_is_a_spike_and_one_that_stays_is_a_change() -> None:
    noise = [1.0, 1.1, 0.9, 1.05, 0.95] * 6
    flags = judged([*noise, 60.0, 1.0, 1.1]).spike.tolist()
    assert flags[:8] == [NOT_EVALUATED] * 8
    assert flags[30] == SUSPECT
    assert flags[31:] == [PASS, PASS]
    stays = judged([*noise, 60.0, 61.0, 60.5, *[60.0, 60.4] * 8]).spike.tolist()[30:]
    assert stays[:3] == [SUSPECT, SUSPECT, PASS]
    assert SUSPECT not in stays[3:]


def test_a_fast_change_is_only_suspect() -> None:
    verdicts = judged([1.0, 2.0, 80.0], rate_per_s=1.0)
    assert verdicts.rate.tolist() == [NOT_EVALUATED, PASS, SUSPECT]
    assert verdicts.worst.tolist() == [PASS, PASS, SUSPECT]


def test_a_flat_line_above_a_twentieth_of_the_span_is_suspect_and_then_fails() -> None:
    flags = judged([38.0] * 62).flat.tolist()
    assert flags[29] == PASS
    assert flags[30] == SUSPECT
    assert flags[59:61] == [SUSPECT, FAIL]


def test_a_flat_line_needs_some_samples_however_long_it_lasts() -> None:
    flags = judged([38.0] * 12, step_s=300).flat.tolist()
    assert flags == [PASS] * 9 + [FAIL] * 3


def test_a_flat_line_near_zero_counts_only_where_the_series_used_to_move() -> None:
    assert set(judged([1.0] * 100).flat.tolist()) == {PASS}
    moving = [1.0 + 0.1 * (k % 3) for k in range(60)]
    assert judged([*moving, *[1.0] * 62]).flat.tolist()[-1] == FAIL


def test_a_repeated_or_older_sample_is_marked_and_changes_nothing() -> None:
    series = Series()
    rows = np.zeros(4, np.intp)
    time = np.array([0, 10, 10, 5]) * SECOND
    verdicts = series.take(rows, time, np.array([1.0, 2.0, 2.0, 9.0]), 0.0, 100.0, Checks())
    assert verdicts.repeated.tolist() == [False, False, True, False]
    assert verdicts.unordered.tolist() == [False, False, False, True]
    assert series.value[0] == 2.0
    assert series.seen[0] == 2


def test_a_signal_that_fades_is_attenuated_after_a_day() -> None:
    half_hours = np.arange(4 * 48)
    size = np.where(half_hours < 2 * 48, 10.0, 0.2)
    values = 50 + size * np.sin(half_hours)
    flags = judged(values.tolist(), step_s=1800).attenuated
    assert SUSPECT not in flags[: 2 * 48].tolist()
    assert SUSPECT in flags[3 * 48 :].tolist()


@pytest.mark.parametrize(("per_day", "flag"), [(2.0, SUSPECT), (-2.0, SUSPECT), (0.2, PASS)])
def test_a_zero_that_moves_by_more_than_a_hundredth_of_the_span_a_day_drifts(per_day: float, flag: int) -> None:
    hours = np.arange(16 * 24)
    values = 40 + per_day * hours / 24 + 0.3 * np.sin(hours * 1.7)
    flags = judged(values.tolist(), step_s=3600).drift
    assert set(flags[: 9 * 24].tolist()) == {NOT_EVALUATED}
    assert set(flags[15 * 24 :].tolist()) == {flag}


SAMPLES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 40), st.sampled_from([1.0, 1.0, 1.5, 38.0, 130.0, np.nan])), max_size=60
)


@settings(max_examples=100, deadline=None)
@given(SAMPLES, st.lists(st.integers(0, 60), max_size=3))
def test_how_samples_are_cut_changes_no_verdict(samples: list[tuple[int, int, float]], cuts: list[int]) -> None:
    rows = np.array([s[0] for s in samples], np.intp)
    time = np.cumsum([s[1] for s in samples]).astype(np.int64) * 10 * SECOND
    value = np.array([s[2] for s in samples], float)
    whole, parts = Series(), Series()
    expected = whole.take(rows, time, value, 0.0, 100.0, Checks())
    ends = sorted({*(c for c in cuts if c < len(rows)), len(rows)})
    got, low = [], 0
    for high in ends:
        got.append(parts.take(rows[low:high], time[low:high], value[low:high], 0.0, 100.0, Checks()))
        parts = unpack(pack(parts))
        low = high
    for k in range(len(expected)):
        assert np.concatenate([g[k] for g in got]).tolist() == expected[k].tolist()


def test_a_heartbeat_is_known_after_some_alike_intervals_only() -> None:
    beats = Beats()
    for second in (0, 10, 20, 30, 40):
        beats.hear(np.array([7], np.int32), np.array([second * SECOND]))
    assert beats.wait_s(60.0, 3.0, 5).tolist() == [np.inf]
    beats.hear(np.array([7], np.int32), np.array([50 * SECOND]))
    assert beats.wait_s(60.0, 3.0, 5).tolist() == [60.0]
    for second in (110, 170, 230, 290, 350, 410, 470, 530):
        beats.hear(np.array([7], np.int32), np.array([second * SECOND]))
    assert beats.wait_s(60.0, 3.0, 5).tolist() == [180.0]


def test_what_reports_when_something_happens_has_no_heartbeat() -> None:
    beats = Beats()
    for second in (0, 3, 50, 52, 90, 170, 172, 400):
        beats.hear(np.array([7], np.int32), np.array([second * SECOND]))
    assert beats.wait_s(60.0, 3.0, 5).tolist() == [np.inf]


def test_eight_hours_of_exposure_are_the_mean_of_their_quarter_hours() -> None:
    doses = Doses()
    grow(doses, 1)
    rows = np.zeros(1, np.intp)
    for quarter in range(40):
        for value in (10.0, 30.0):
            doses.add(rows, np.array([quarter * 900 * SECOND + int(value)]), np.array([value]))
    assert doses.mean(0, 39 * 900 * SECOND) == pytest.approx(20.0)
    assert doses.mean(0, 55 * 900 * SECOND) == pytest.approx(10.0)  # half of the 8 hours without a sample


LIMITS = Limits((10.0, 25.0, 50.0, 10.0), (8.0, 20.0), 3, 20 * SECOND, 300 * SECOND, step=15.0)


def table_of(samples: list[tuple[int, float]]) -> str:
    """What a detector's table knows of the last minutes after these samples, given in this order of receipt."""
    table = Detectors()
    row = int(table.rows_of(np.array([3], np.int32))[0])
    for second, value in samples:
        table.sample(row, second * SECOND, value, np.nan, np.nan, LIMITS, lambda _row, _time: False)
    begin = np.where(table.run[row] > 0, table.run_from[row], 0)
    known = (table.value[row], table.time[row], table.same[row], table.same_from[row], table.jump[row])
    return f"{known} {table.run[row].tolist()} {begin.tolist()}"


@given(
    st.dictionaries(st.integers(0, 60), st.sampled_from([1.0, 12.0, 30.0, 60.0]), min_size=2, max_size=12), st.data()
)
@settings(max_examples=60, deadline=None)
def test_late_samples_stand_in_their_place_and_copies_count_once(
    by_time: dict[int, float], data: st.DataObject
) -> None:
    ordered = sorted(by_time.items())
    mixed = data.draw(st.permutations(ordered))
    copies = data.draw(st.lists(st.sampled_from(ordered), max_size=4))
    assert table_of([*mixed, *copies]) == table_of(ordered)
