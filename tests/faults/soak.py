"""The long form: every fault at several seeds, each on a platform of its own, then the steady load; a table at the end.

    make soak [SEEDS=5] [FAULTS=kill-ingest,cable] [STEADY_MINUTES=3]

SEEDS is how many seeds a fault, or the seeds themselves (``SEEDS=17,99``). STEADY_MINUTES alone (with no FAULTS and no
SEEDS) runs the steady load alone. The tables go to .cache/soak/ as JSON and Markdown. Exits with 1 where something does
not hold, also where a fault cannot run here and CI=true.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.faults import campaign, suite
from tests.faults.checker import INVARIANTS
from tests.faults.steady import Steady, steady_table
from tests.faults.world import ROOT, CannotRunError

HEAD = (
    *("fault", "seed", "sent", "acknowledged", "stored", "quarantined", "duplicates", "incidents expected/raised"),
    *("whole again s", *INVARIANTS),
)


def table(results: list[campaign.Result]) -> str:
    """The table, Markdown."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for r in results:
        marks = [("-" if name not in r.broken else "no" if r.broken[name] else "yes") for name in INVARIANTS]
        cells = [r.fault, r.seed, r.sent, r.acknowledged, r.stored, r.quarantined, r.duplicates]
        cells += [f"{r.expected}/{r.raised}", r.recovery_s, *marks]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    notes = [f"- {r.fault}, seed {r.seed}: {note}" for r in results for note in r.notes]
    notes += [
        f"- {r.fault}, seed {r.seed}, {name}: {sentence}"
        for r in results
        for name, sentences in r.broken.items()
        for sentence in sentences[:5]
    ]
    return "\n".join([*lines, "", *notes]).rstrip() + "\n"


def run_one(name: str, seed: int) -> campaign.Result:
    """One fault at one seed on a fresh platform."""
    with tempfile.TemporaryDirectory(prefix="cloudbrain-soak-") as folder:
        fault = suite.FAULTS[name](True)
        world = suite.WORLDS[fault.place](Path(folder))
        try:
            with world:
                return campaign.run(name, [fault], world, seed)
        except CannotRunError:
            raise
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - the other faults go on, this one is told of
            traceback.print_exc()
            print("".join(world.platform.stderr[-40:]), flush=True)
            return campaign.Result(name, seed, broken={i: [str(error)] for i in INVARIANTS[:1]}, notes=[str(error)])


def write(folder: Path, results: list[campaign.Result], steady: list[Steady]) -> str:
    """The tables as files; answers the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    text = "# Soak\n\n" + (table(results) if results else "") + ("\n" + steady_table(steady) if steady else "")
    stamp = time.strftime("%Y%m%d-%H%M%S")
    document = {"faults": [r.as_dict() for r in results], "steady": [s.as_dict() for s in steady]}
    for name in (stamp, "latest"):
        (folder / f"{name}.md").write_text(text)
        (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    return text


def seeds_of(text: str) -> list[int]:
    """``5`` is five random seeds, ``17,99`` are these (``17,`` is one)."""
    if "," in text:
        return [int(word) for word in text.split(",") if word]
    chance = random.SystemRandom()
    return [chance.randrange(1, 10**6) for _ in range(int(text))]


def main() -> int:
    """Read the options, run, print and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="")
    parser.add_argument("--faults", default="")
    parser.add_argument("--steady-minutes", default="")
    parser.add_argument("--out", type=Path, default=ROOT / ".cache" / "soak")
    given = parser.parse_args()
    alone = bool(given.steady_minutes) and not given.faults and not given.seeds
    names = [] if alone else [n for n in given.faults.split(",") if n] or list(suite.FAULTS)
    for name in names:
        if name not in suite.FAULTS:
            parser.error(f'no fault "{name}"; one of {", ".join(suite.FAULTS)}')
    results: list[campaign.Result] = []
    missing: dict[str, str] = {}
    for name in names:
        for seed in seeds_of(given.seeds or "5"):
            try:
                results.append(run_one(name, seed))
            except CannotRunError as error:
                missing[name] = str(error)
                break
            write(given.out, results, [])
    minutes = float(given.steady_minutes or (0 if given.faults else 3))
    steady = [Steady.run(minutes, random.SystemRandom().randrange(1, 10**6))] if minutes else []
    print(write(given.out, results, steady))
    for name, why in missing.items():
        print(f"NOT RUN: {name}: {why}")
    print(f"{given.out / 'latest.md'}")
    failed = not all(r.holds for r in results) or not all(s.holds for s in steady)
    return 1 if failed or (missing and os.environ.get("CI") == "true") else 0


if __name__ == "__main__":
    sys.exit(main())
