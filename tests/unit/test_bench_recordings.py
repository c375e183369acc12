"""A recording with known disturbances through the backtest: what is found, what is false, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from brain.bench.recordings import Recording, measure, read_recording, read_windows, total
from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
FIRST, SECOND = MONDAY + timedelta(days=3, hours=10), MONDAY + timedelta(days=3, hours=15)


def series(slow: tuple[datetime, ...], field: str = "speed_kmh") -> list[tuple[datetime, float]]:
    """Four working days of 5-minute means, half an hour of them disturbed from each given time on."""
    usual, wrong = (100.0, 30.0) if field == "speed_kmh" else (9.0, 35.0)
    rows: list[tuple[datetime, float]] = []
    for k in range(4 * 288):
        at = MONDAY + timedelta(minutes=5 * k)
        is_slow = any(begin <= at < begin + timedelta(minutes=30) for begin in slow)
        rows.append((at, (wrong if is_slow else usual) + k % 3))
    return rows


def around(at: datetime) -> tuple[datetime, datetime]:
    return at - timedelta(hours=1), at + timedelta(hours=1)


@pytest.mark.parametrize("field", ["speed_kmh", "occupancy_pct"])
def test_a_disturbance_in_a_window_is_found_and_one_outside_is_false(field: str, tmp_path: Path) -> None:
    recording = Recording("D", field, series((FIRST, SECOND), field))
    result = measure(recording, [around(FIRST), around(FIRST - timedelta(days=1))], tmp_path)
    assert (result["windows"], result["found"], result["false"]) == (2, 1, 1)
    assert result["found_after_min"] == [60, None]
    assert result["false_at"] == [SECOND.isoformat()]
    assert total({"a": result, "b": result})["found"] == 2


def test_speeds_in_miles_become_kilometres_and_occupancies_stay(tmp_path: Path) -> None:
    for name in ("speed_1", "occupancy_1"):
        (tmp_path / f"{name}.csv").write_text("timestamp,value\n2015-09-01 11:25:00,50\n")
    speed = read_recording(tmp_path / "speed_1.csv", "America/Chicago")
    assert speed.rows == [(datetime(2015, 9, 1, 16, 25, tzinfo=UTC), 80.467)]
    assert read_recording(tmp_path / "speed_1.csv", "UTC", "kmh").rows[0][1] == 50
    occupancy = read_recording(tmp_path / "occupancy_1.csv", "UTC")
    assert (occupancy.field, occupancy.rows[0][1]) == ("occupancy_pct", 50)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("travel_time.csv", "timestamp,value\n", "rename it"),
        ("speed.csv", "timestamp,value\n", "holds no row"),
        ("speed.csv", "timestamp,value\n2015-09-01 11:25:00,fast\n", "speed.csv:2: write a line"),
        ("speed.csv", "time,mph\n1,2\n", "speed.csv:2: write a line"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(name: str, text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=says):
        read_recording(tmp_path / name, "UTC")


def test_the_command_finds_the_windows_of_each_file_by_its_name(tmp_path: Path) -> None:
    file, windows = tmp_path / "speed_9.csv", tmp_path / "windows.json"
    file.write_text("timestamp,value\n" + "".join(f"{at:%Y-%m-%d %H:%M:%S},{v}\n" for at, v in series((FIRST,))))
    windows.write_text(json.dumps({"realTraffic/speed_9.csv": [[f"{t:%Y-%m-%d %H:%M:%S}" for t in around(FIRST)]]}))
    command = [sys.executable, "-m", "brain.bench.recordings", "--zone", "UTC", "--windows", str(windows)]
    said = subprocess.run([*command, str(file)], capture_output=True, text=True, check=True).stdout
    assert json.loads(said)["total"] == {"windows": 1, "found": 1, "false": 0, "days": 4.0}
    windows.write_text("[]")
    refused = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("windows.json: write it as")


def test_windows_are_read_in_the_zone_of_the_recording(tmp_path: Path) -> None:
    path = tmp_path / "windows.json"
    path.write_text('{"x/speed_9.csv": [["2015-09-01 11:25:00.000000", "2015-09-01 12:00:00.000000"]]}')
    first, last = read_windows(path, "America/Chicago")["speed_9"][0]
    assert (last - first, first.astimezone(UTC).hour) == (timedelta(minutes=35), 16)
