"""False alarms of travel in undisturbed hours of a simulated road: ``python -m tests.bench.undisturbed FOLDER``.

FOLDER holds recordings of ``tools/record_sumo.py --undisturbed SEED...``; baselines are those of the recording beside
the tests, which is of another seed. Each recording is 12 hours of 20 stations, 10 station-days.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.unit.test_travel_blocked_lanes import play, raises, usual


def main(folder: Path) -> None:
    """One line a recording, then the sum."""
    days = false = 0.0
    baselines = usual()
    for path in sorted(folder.glob("undisturbed-*.txt.gz")):
        truth, log = play(path, baselines=baselines)
        days += len(truth["stations_m"]) / 2
        false += len(raises(log))
        sys.stdout.write(f"{path.name}: {[(s['event'], s['at']) for s in raises(log)]}\n")
    sys.stdout.write(f"{days:.0f} station-days, {false:.0f} false alarms\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
