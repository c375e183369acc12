"""``python -m simulators.week TRAFFIC TRUTH``: write days of the city, and what is true of them, into two files."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from brain.errors import ConfigurationError
from brain.times import to_us
from simulators.week.programme import make_programme
from simulators.week.traffic import write_week

DAY_S = 86_400


def main() -> int:
    """Write both files; the exit status."""
    ask = argparse.ArgumentParser(prog="python -m simulators.week", description=__doc__)
    ask.add_argument("traffic", type=Path, help="traffic file to write; .gz compresses")
    ask.add_argument("truth", type=Path, help="truth file to write")
    ask.add_argument("--hours", type=float, default=168.0, help="length (default a week)")
    ask.add_argument("--seed", type=int, default=1, help="of every chance")
    ask.add_argument(
        "--positives", type=int, help="plays of true happenings (default 8 a day), six hard negatives each"
    )
    ask.add_argument("--start", default="2026-06-01T00:00:00+08:00", help="RFC 3339 with a zone")
    ask.add_argument("--devices", type=int, help="everyday devices (default all of the demo city)")
    given = ask.parse_args()
    seconds = int(given.hours * 3600)
    positives = max(1, round(8 * seconds / DAY_S)) if given.positives is None else given.positives
    try:
        programme = make_programme(to_us(given.start), seconds, given.seed, positives)
        count = write_week(given.traffic, given.truth, programme, given.seed, given.devices)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stderr.write(f"{count} messages, {len(programme.acts)} plays ({positives} true)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
