"""Stations by themselves on weeks of 5-minute series: ones of our own that always run, and a public recording.

The public one is a loop detector of the Twin Cities (NAB, ``realTraffic/speed_7578``, MIT): speeds about every 5
minutes, 9 days, with labelled windows round what people found unusual. It is not part of this repository.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from brain.bench.recordings import measure, read_recording
from scenes.travel import Travel
from tests.unit.scene_bench import Bench, at_s

if TYPE_CHECKING:
    from collections.abc import Iterable

ZONE = ZoneInfo("America/Chicago")
ROOT = Path(__file__).parents[2]
PLACES = [p / "shared" / "samples" / "traffic" / "nab_speed_7578.csv" for p in (ROOT.parent, ROOT.parent.parent)]
PUBLIC = next((p for p in PLACES if p.exists()), PLACES[0])  # beside a clone or a worktree
LABELS = ("2015-09-11 16:44", "2015-09-15 14:34", "2015-09-16 14:14", "2015-09-16 17:10")
HALF_WINDOW = timedelta(minutes=70)  # a tenth of the series, shared by its labels
MONDAY = datetime(2026, 6, 1, tzinfo=ZONE)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def raises(rows: Iterable[tuple[float, dict[str, float]]], start: datetime) -> list[float]:
    """Seconds after the start at which a lone station raises an incident."""
    city: dict[str, object] = {
        "timezone": "America/Chicago",
        "devices": [{"id": "S1", "sensor_type": "traffic-detector", "lon": -93.2, "lat": 44.9}],
    }
    b = Bench([Travel()], city, int(start.timestamp() * 1e6))
    for second, fields in rows:
        b.say(second, "traffic-detector", "S1", **fields)
    log = b.run(cut=500)
    assert {s["event"] for s in log} <= {"traffic_incident"}
    return [at_s(s, b.start) for s in log if s["op"] == "raise"]


def weeks(days: int, seed: int, *, every_s: int = 300, field: str = "speed") -> list[tuple[float, dict[str, float]]]:
    """Working days with a slow rush hour from 16:30 to 18:00, and noise; speed in km/h, or occupancy only."""
    chance = np.random.default_rng(seed)
    out: list[tuple[float, dict[str, float]]] = []
    for k in range(days * 86_400 // every_s):
        second = k * every_s
        day, clock = divmod(second, 86_400)
        rush = 59_400 <= clock < 64_800 and day % 7 < 5
        kmh = float(max(3.0, chance.normal(45 if rush else 100, 4)))
        occupancy = float(max(0.0, chance.normal(24 if rush else 8, 1.5)))
        out.append((second, {"speed_kmh": kmh} if field == "speed" else {"occupancy_pct": occupancy}))
    return out


def disturbed(
    rows: list[tuple[float, dict[str, float]]], low: float, minutes: float, **value: float
) -> list[tuple[float, dict[str, float]]]:
    return [(s, value if low <= s < low + minutes * 60 else f) for s, f in rows]


NOON = 3 * 86_400 + 43_200  # of the fourth day, a Thursday


def test_weeks_with_their_daily_rush_hour_are_silent() -> None:
    assert raises(weeks(9, 1), MONDAY) == []
    assert raises(weeks(9, 2, field="occupancy"), MONDAY) == []


def test_a_slow_while_at_noon_is_found_within_three_periods() -> None:
    found = raises(disturbed(weeks(4, 3), NOON, 40, speed_kmh=50.0), MONDAY)
    assert len(found) == 1
    assert 0 <= found[0] - NOON <= 3 * 300


def test_one_extreme_mean_of_five_minutes_counts_alone() -> None:
    assert len(raises(disturbed(weeks(4, 4), NOON, 5, speed_kmh=20.0), MONDAY)) == 1


@pytest.mark.parametrize(("minutes", "incidents"), [(0.5, 0), (1.0, 0), (1.5, 1)])
def test_of_periods_of_thirty_seconds_three_are_wanted(minutes: float, incidents: int) -> None:
    rows = [r for r in weeks(3, 5) if r[0] < NOON - 3600]
    rows += [(NOON - 3600.0 + k * 30, {"speed_kmh": 100.0}) for k in range(300)]
    assert len(raises(disturbed(rows, NOON, minutes, speed_kmh=20.0), MONDAY)) == incidents


def test_a_full_hour_of_a_station_without_speeds_is_found() -> None:
    found = raises(disturbed(weeks(4, 6, field="occupancy"), NOON, 60, occupancy_pct=45.0), MONDAY)
    assert len(found) == 1


def test_a_slow_hour_on_the_second_day_is_not_judged() -> None:
    assert raises(disturbed(weeks(2, 7), NOON - 2 * 86_400, 60, speed_kmh=20.0), MONDAY) == []


def test_what_was_an_incident_does_not_become_usual() -> None:
    rows = weeks(9, 8)
    for day in (0, 1, 4, 5):  # Thursday, Friday, Monday, Tuesday
        rows = disturbed(rows, NOON + day * 86_400, 60, speed_kmh=30.0)
    assert len(raises(rows, MONDAY)) == 4


def test_the_usual_flow_is_learned_only_where_a_pair_asks_for_it() -> None:
    city: dict[str, object] = {
        "devices": [
            {"id": f"S{i}", "sensor_type": "traffic-detector", "lon": 120.0 + i / 100, "lat": 36.0} for i in range(3)
        ],
        "roads": {
            "corridors": [
                {
                    "id": "E",
                    "class": "arterial",
                    "free_kmh": 50,
                    "direction_deg": 90,
                    "stations": [{"device": "S0"}, {"device": "S1"}],
                }
            ]
        },
    }
    b = Bench([Travel()], city)
    for k in range(4):
        for i in range(3):
            b.say(k * 300, "traffic-detector", f"S{i}", occupancy_pct=8.0 + k, speed_kmh=60.0 + k, flow_vph=900.0)
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    engine.advance(b.start + 1_200_000_000)
    learned = engine.seats[0].state.learned
    assert {name: table.used for name, table in learned.items()} == {"occupancy_pct": 3, "speed_kmh": 3, "flow_vph": 2}


def test_a_stuck_detector_stays_silent() -> None:
    assert raises(disturbed(weeks(4, 9), NOON, 300, speed_kmh=100.0), MONDAY) == []


def test_a_weekend_before_any_other_is_held_against_working_days() -> None:
    saturday = 5 * 86_400 + 43_200
    assert len(raises(disturbed(weeks(6, 10), saturday, 40, speed_kmh=40.0), MONDAY)) == 1
    assert raises(weeks(6, 10), MONDAY) == []


def test_a_first_monday_is_not_held_against_a_weekend() -> None:
    assert raises(weeks(5, 11), MONDAY - timedelta(days=3)) == []


@pytest.mark.parametrize(("percent", "incidents"), [(19.0, 0), (22.0, 1)])
def test_five_minutes_without_a_speed_count_alone_in_the_congested_region(percent: float, incidents: int) -> None:
    assert len(raises(disturbed(weeks(4, 12, field="occupancy"), NOON, 5, occupancy_pct=percent), MONDAY)) == incidents


def test_the_public_recording_gives_its_four_windows_and_two_others(tmp_path: Path) -> None:
    if not PUBLIC.exists():
        pytest.skip("the public recording is not beside the repository (../shared/samples/traffic)")
    windows = [(local(text) - HALF_WINDOW, local(text) + HALF_WINDOW) for text in LABELS]
    result = measure(read_recording(PUBLIC, ZONE.key), windows, tmp_path)
    assert result["found"] == 4
    assert result["false"] <= 2
