"""Tables of devices: many samples at once leave what one by one leaves, and recent samples are those that came."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.model import Device
from brain.pipeline.codec import pack, unpack
from brain.registry import Registry
from scenes.safety_production.detectors import Detectors
from scenes.toolkit.history import MOST_PAGES, PAGE, Recent
from scenes.toolkit.roster import roster_of
from scenes.toolkit.table import Slots, grow, runs_of

SECOND = 1_000_000
SAMPLES = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.integers(0, 2000),
        st.sampled_from([0.5, 0.5, 0.9, np.nan]),
        st.sampled_from([120.4, 120.5, np.nan]),
    ),
    max_size=120,
)


def columns(samples: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    rows = np.array([s[0] for s in samples], np.intp)
    time = np.array([s[1] for s in samples], np.int64) * SECOND
    value, lon = (np.array([s[k] for s in samples], float) for k in (2, 3))
    return rows, time, value, lon, np.where(np.isnan(lon), np.nan, 36.1)


def table() -> Detectors:
    out = Detectors()
    out.rows_of(np.arange(5, dtype=np.int32))
    return out


@settings(max_examples=150, deadline=None)
@given(SAMPLES, st.lists(st.integers(0, 120), max_size=4))
def test_many_samples_at_once_are_as_one_by_one(samples: list[tuple[Any, ...]], cuts: list[int]) -> None:
    one, many = table(), table()
    whole = columns(samples)
    for k in range(len(samples)):
        one.calm(*(c[k : k + 1] for c in whole))
    bounds = [0, *sorted(c for c in cuts if c < len(samples)), len(samples)]
    for low, high in pairwise(bounds):
        many.calm(*(c[low:high] for c in whole))
    for name in ("value", "time", "lon", "lat", "run", "same", "same_from", "jump"):
        assert np.array_equal(getattr(one, name), getattr(many, name), equal_nan=name not in ("time", "same_from")), (
            name
        )
    for row in range(5):
        a, b = (t.recent.window(row, 3000 * SECOND, 1e6) for t in (one, many))
        assert np.array_equal(a.time, b.time)
        assert np.array_equal(a.value, b.value, equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60), st.integers(1, 40)), max_size=30))
def test_recent_samples_are_those_of_the_last_minutes(bursts: list[tuple[int, int, int]]) -> None:
    """Each burst: a device, seconds since the burst before, samples a second apart."""
    recent = Recent(100 * SECOND)
    kept: dict[int, list[tuple[int, float]]] = {row: [] for row in range(3)}
    recent.grow(3)
    now = 0
    for row, pause, count in bursts:
        now += pause * SECOND
        time = now + SECOND * np.arange(count, dtype=np.int64)
        value = time / 7
        recent.push_runs(np.array([row]), np.array([0]), time, value)
        now = int(time[-1])
        kept[row] += zip(time.tolist(), value.tolist(), strict=True)
        if row == 1:
            recent = unpack(pack(recent))
    for row, samples in kept.items():
        end = samples[-1][0] if samples else 0
        window = recent.window(row, end, 100)
        expected = [s for s in samples if end - 100 * SECOND <= s[0] <= end]
        assert list(zip(window.time.tolist(), window.value.tolist(), strict=True)) == expected


def test_a_fast_device_has_its_most_and_makes_no_room_for_others() -> None:
    recent = Recent(900 * SECOND)
    recent.grow(1000)
    recent.push(np.arange(1000), np.zeros(1000, np.int64), np.ones(1000))
    for k in range(50):
        time = np.arange(k * 400, k * 400 + 400, dtype=np.int64) * 1000
        recent.push_runs(np.array([7]), np.array([0]), time, np.full(400, float(k)))
    assert int(recent.pages[7]) == MOST_PAGES
    assert recent.used == 1 + 999 + MOST_PAGES
    window = recent.window(7, 20 * SECOND, 3600)
    assert (MOST_PAGES - 1) * PAGE < len(window.time) <= MOST_PAGES * PAGE
    assert window.time[-1] == 19_999_000
    assert np.all(np.diff(window.time) == 1000)


def test_a_quiet_device_reuses_its_pages() -> None:
    recent = Recent(900 * SECOND)
    recent.grow(1)
    for k in range(2000):
        recent.push(np.array([0]), np.array([k * 60 * SECOND]), np.array([float(k)]))
    assert recent.used <= 4
    assert recent.window(0, 1999 * 60 * SECOND, 600).value.tolist() == [float(k) for k in range(1989, 2000)]


def test_slots_are_given_in_order_of_appearance() -> None:
    slots = Slots()
    assert slots.of(np.array([9, 4, 9, 300], np.int32)).tolist() == [0, 1, 0, 2]
    assert slots.of(np.array([4, 2, 300], np.int32)).tolist() == [1, 3, 2]
    assert slots.device[: slots.used].tolist() == [9, 4, 300, 2]
    assert slots.have(np.array([9, 3, 300, 100_000], np.int32)).tolist() == [True, False, True, False]


def test_runs_bring_equal_rows_together() -> None:
    assert runs_of(np.array([3, 1, 2])) is None
    found = runs_of(np.array([70_000, 1, 70_000, 1, 5]))
    assert found is not None
    assert [x.tolist() for x in found] == [[1, 3, 4, 0, 2], [0, 2, 3]]


def test_the_roster_follows_the_registry() -> None:
    registry = Registry([], [])
    device = registry.add("gas-detector", "G1")
    roster = roster_of(registry)
    ids = np.array([device.device_id, 2, 5000], np.int32)
    assert roster.are_known(ids).tolist() == [True, False, False]
    assert roster.have_work_orders(ids) is None
    values = np.array([5.0, 95.0, np.nan])
    assert roster.inside_span(ids, "lel_pct", values) is values
    registry.put(replace(device, extra={"work_order": True}))
    registry.put(Device(device_id=2, sensor_type="gas-detector", name="G2", extra={"span": {"lel_pct": (0, 90)}}))
    for k in range(300):
        registry.add("gas-detector", f"N{k}")
    roster = roster_of(registry)
    assert roster.are_known(ids).tolist() == [True, True, False]
    ordered = roster.have_work_orders(ids)
    assert ordered is not None
    assert ordered.tolist() == [True, False, False]
    assert np.array_equal(roster.inside_span(ids, "lel_pct", values), [5.0, np.nan, np.nan], equal_nan=True)
    registry.put(replace(device, extra={}))
    again = roster_of(registry).have_work_orders(ids)
    assert again is None or not again.any()


def test_tables_grow_by_doubling() -> None:
    many = table()
    grow(many, 1000)
    assert len(many.value) >= 1000
    assert np.isnan(many.value[999])
