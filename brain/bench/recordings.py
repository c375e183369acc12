"""``python -m brain.bench.recordings``: public series of one detector through the backtest, beside labelled windows.

Reads files of ``timestamp,value`` whose name begins with ``speed`` or ``occupancy`` (the form of NAB ``realTraffic``)
and a file of windows (its ``combined_windows.json``). Each becomes a traffic file of native messages and a city model
with one detector and no baseline; the backtest gets these two, nothing else. One JSON object on stdout.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

from brain.backtest import backtest_file, choose_scenes
from brain.city import load_city
from brain.errors import ConfigurationError
from scenes import load as load_scenes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Recording", "measure", "read_recording", "read_windows", "total"]

Windows = list[tuple[datetime, datetime]]
KMH: Final = {"mph": 1.609344, "kmh": 1.0}


class Recording:
    """One series of one detector.

    Attributes:
        name: Of the detector; the file's without its ending.
        field: What it measures: ``speed_kmh`` or ``occupancy_pct``.
        rows: (time with a zone, value) in order.
    """

    def __init__(self, name: str, field: str, rows: Sequence[tuple[datetime, float]]) -> None:
        self.name = name
        self.field = field
        self.rows = rows

    def days(self) -> float:
        """How long it lasts."""
        return (self.rows[-1][0] - self.rows[0][0]) / timedelta(days=1)


def read_recording(path: Path, zone: str, unit: str = "mph") -> Recording:
    """A file of ``timestamp,value``.

    Args:
        path: Its name says what is measured: ``occupancy`` (percent) or ``speed``.
        zone: Of its times, which have none.
        unit: Of its speeds, ``mph`` or ``kmh``.

    Raises:
        ConfigurationError: Neither a file of speeds nor of occupancies, or a row cannot be read.
    """
    field = next((f for f in ("speed_kmh", "occupancy_pct") if f.partition("_")[0] in path.stem), None)
    if field is None:
        raise ConfigurationError(f'{path.name}: rename it so that "speed" or "occupancy" says what it measures')
    factor, local = KMH[unit] if field == "speed_kmh" else 1.0, ZoneInfo(zone)
    rows: list[tuple[datetime, float]] = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            try:
                at = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=local)
                rows.append((at, round(float(row["value"]) * factor, 3)))
            except (KeyError, TypeError, ValueError) as error:
                raise ConfigurationError(f"{path.name}:{number}: write a line as timestamp,value") from error
    if not rows:
        raise ConfigurationError(f"{path.name}: holds no row; give a recording of some days")
    return Recording(path.stem, field, rows)


def read_windows(path: Path, zone: str) -> dict[str, Windows]:
    """Labelled windows by the stem of the file they belong to; times are in the zone.

    Raises:
        ConfigurationError: It is not an object of lists of [first, last].
    """
    local = ZoneInfo(zone)
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {
            Path(name).stem: [
                (datetime.fromisoformat(a).replace(tzinfo=local), datetime.fromisoformat(b).replace(tzinfo=local))
                for a, b in windows
            ]
            for name, windows in found.items()
        }
    except (AttributeError, TypeError, ValueError) as error:
        raise ConfigurationError(f'{path.name}: write it as {{"file.csv": [["first", "last"], ...]}}') from error


def measure(recording: Recording, windows: Windows, folder: Path) -> dict[str, Any]:
    """Run travel over a recording; which windows it found, after how long, and what it said outside of them.

    Args:
        recording: A series.
        windows: Its labelled windows.
        folder: For the traffic file and the city model.
    """
    city, traffic = folder / f"{recording.name}.city.json", folder / f"{recording.name}.jsonl"
    _write(recording, city, traffic)
    log = backtest_file(load_city(city), traffic, choose_scenes(load_scenes(), ("travel",)))
    local = recording.rows[0][0].tzinfo
    said = [datetime.fromisoformat(step["at"]).astimezone(local) for step in log if step["op"] in {"raise", "reopen"}]
    inside = [[at for at in said if first <= at <= last] for first, last in windows]
    outside = [at for at in said if not any(first <= at <= last for first, last in windows)]
    return {
        "rows": len(recording.rows),
        "days": round(recording.days(), 1),
        "windows": len(windows),
        "found": sum(map(bool, inside)),
        "false": len(outside),
        "false_at": [at.isoformat() for at in outside],
        "found_after_min": [
            round((times[0] - first) / timedelta(minutes=1)) if times else None
            for (first, _), times in zip(windows, inside, strict=True)
        ],
    }


def _write(recording: Recording, city: Path, traffic: Path) -> None:
    device = {"id": recording.name, "sensor_type": "traffic-detector", "lon": 0.0, "lat": 0.0}
    zone = str(recording.rows[0][0].tzinfo)
    city.write_text(json.dumps({"timezone": zone, "devices": [device]}), encoding="utf-8")
    topic = f"city/traffic-detector/{recording.name}"
    with traffic.open("w", encoding="utf-8") as file:
        for at, value in recording.rows:
            payload = {"time": at.isoformat(), recording.field: value}
            line = {"received_at": at.isoformat(), "topic": topic, "payload": payload}
            file.write(json.dumps(line) + "\n")


def total(series: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sums over several series."""
    added: dict[str, Any] = {key: sum(s[key] for s in series.values()) for key in ("windows", "found", "false")}
    added["days"] = round(sum(s["days"] for s in series.values()), 1)
    return added


def main() -> None:
    """One JSON object on stdout."""
    ask = argparse.ArgumentParser(prog="python -m brain.bench.recordings", description=__doc__)
    ask.add_argument("files", nargs="+", type=Path, help="timestamp,value; speed* or occupancy*")
    ask.add_argument("--windows", type=Path, required=True, help="labelled windows (combined_windows.json)")
    ask.add_argument("--zone", default="America/Chicago", help="of the times (default America/Chicago)")
    ask.add_argument("--unit", choices=sorted(KMH), default="mph", help="of the speeds (default mph)")
    given = ask.parse_args()
    try:
        windows = read_windows(given.windows, given.zone)
        series: dict[str, dict[str, Any]] = {}
        with tempfile.TemporaryDirectory(prefix="cloudbrain-recordings-") as folder:
            for path in given.files:
                recording = read_recording(path, given.zone, given.unit)
                label = next((w for name, w in windows.items() if recording.name.endswith(name)), [])
                series[recording.name] = measure(recording, label, Path(folder))
    except ConfigurationError as error:
        raise SystemExit(str(error)) from error
    sys.stdout.write(json.dumps({"total": total(series), "series": series}) + "\n")


if __name__ == "__main__":
    main()
