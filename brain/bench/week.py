"""``python -m brain.bench.week``: a week of the simulated city through the backtest, held against what is true of it.

The simulator writes traffic and truth into two files; the backtest gets the traffic and the city, nothing else; the
scorer compares its log with the truth. One JSON object on stdout. Figures are reported, nothing is tuned to them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brain.backtest import Progress, backtest_file, choose_scenes
from brain.bench.score import load, score
from brain.times import to_us
from scenes import load as load_scenes
from simulators import demo_city
from simulators.week import make_programme, read_truth, write_week

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["SCENES", "measure"]

SCENES = ("travel", "safety_production", "first_aid", "device_health")
DAY_S = 86_400


def measure(
    folder: Path,
    seconds: int,
    seed: int,
    positives: int,
    start: str = "2026-06-01T00:00:00+08:00",
    *,
    devices: int | None = None,
    kinds: Collection[str] | None = None,
    scenes: Sequence[str] = SCENES,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Make the files in a folder, run the backtest, score its log.

    Args:
        folder: For ``traffic.jsonl``, ``truth.jsonl`` and ``log.jsonl``.
        seconds: Length.
        seed: Of every chance.
        positives: True happenings; six hard negatives come with each play of them.
        start: RFC 3339 with a zone.
        devices: Everyday devices; None: all of the demo city.
        kinds: Plays to choose from; None: all.
        scenes: To run.
        progress: Told how far the backtest is.
    """
    traffic, truth = folder / "traffic.jsonl", folder / "truth.jsonl"
    start_us = to_us(start)
    programme = make_programme(start_us, seconds, seed, positives, kinds)
    messages = write_week(traffic, truth, programme, seed, devices)
    began = time.process_time()
    log = list(backtest_file(demo_city(), traffic, choose_scenes(load_scenes(), scenes), progress=progress))
    took = time.process_time() - began
    (folder / "log.jsonl").write_text("".join(json.dumps(s, ensure_ascii=False) + "\n" for s in log), encoding="utf-8")
    return {
        "shape": {"seconds": seconds, "seed": seed, "messages": messages, "plays": len(programme.acts)},
        "score": score(log, read_truth(truth)),
        "load": load(log, start_us, start_us + seconds * 1_000_000),
        "backtest": {"cpu_s": round(took, 1), "times_real_time": round(seconds / took)},
    }


def main() -> None:
    """One JSON object on stdout."""
    ask = argparse.ArgumentParser(prog="python -m brain.bench.week", description=__doc__)
    ask.add_argument("--hours", type=float, default=168.0, help="length (default a week)")
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--positives", type=int, help="true happenings (default 8 a day)")
    ask.add_argument("--devices", type=int, help="everyday devices (default all of the demo city)")
    ask.add_argument("--keep", type=Path, help="folder that keeps traffic, truth and log")
    given = ask.parse_args()
    seconds = int(given.hours * 3600)
    positives = max(1, round(8 * seconds / DAY_S)) if given.positives is None else given.positives
    progress = Progress(sys.stderr if sys.stderr.isatty() else None)
    with tempfile.TemporaryDirectory(prefix="cloudbrain-week-") as scratch:
        folder = given.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        result = measure(folder, seconds, given.seed, positives, devices=given.devices, progress=progress)
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
