"""Fuzz for a while: ``python -m tests.fuzz.run [--seconds 60] [--seed N] [--plain] [TARGET...]``.

With atheris (the optional dependencies ``fuzz``) it is guided by coverage, each target in a process of its own;
without, or with ``--plain``, a small seeded mutation fuzzer does it. Exit status 1 and the bytes where something broke.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import subprocess
import sys
import tempfile
from pathlib import Path

FORMATS = (
    "cbor",
    "cjt188",
    "dlt645",
    "gb26875",
    "hj212",
    "jt808",
    "line_protocol",
    "mbus",
    "ngsi",
    "nmea",
    "odid",
    "prometheus",
    "protobuf",
    "senml",
    "sparkplug",
    "wmbus",
)
NAMES = ("decoder", "splitter", "topic", "times", "city", "profile", "piece", *FORMATS)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET", help=f"some of {', '.join(NAMES)}; all where none is named"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="for each target")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--plain", action="store_true", help="without atheris")
    parser.add_argument("--guided", metavar="FOLDER", help=argparse.SUPPRESS)
    given = parser.parse_args()
    names = given.targets or list(NAMES)
    if wrong := set(names) - set(NAMES):
        parser.error(f"no target {min(wrong)!r}; one of {', '.join(NAMES)}")
    if given.guided:
        guided(names[0], Path(given.guided), given.seconds, given.seed)
        return 0
    has_atheris = importlib.util.find_spec("atheris") is not None
    run = plainly if given.plain or not has_atheris else by_coverage
    broken = [name for name in names if not run(name, given.seconds, given.seed)]
    print(f"{len(names) - len(broken)} passed, {len(broken)} failed")
    return 1 if broken else 0


def plainly(name: str, seconds: float, seed: int) -> bool:
    """The mutation fuzzer; whether nothing broke."""
    from tests.fuzz.mutate import fuzz, smallest
    from tests.fuzz.targets import TARGETS, seeds_of

    target = TARGETS[name]
    done, found = fuzz(target.fuzz_one, seeds_of(name), seconds, seed)
    print(f"{name}: {done} inputs, seed {seed}", flush=True)
    if found is not None:
        print(f"{name}: {type(found.error).__name__}: {found.error}\n{smallest(target.fuzz_one, found)!r}")
    return found is None


def by_coverage(name: str, seconds: float, seed: int) -> bool:
    """Atheris, in a process of its own because it ends the one it runs in; whether nothing broke."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        command = [sys.executable, "-m", "tests.fuzz.run", name, "--guided", folder]
        done = subprocess.run(
            [*command, "--seconds", str(seconds), "--seed", str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds * 2 + 120,
            check=False,
        )
        lines = done.stdout.splitlines()
        ran = next((line for line in reversed(lines) if line.startswith("Done ")), "no end")
        print(f"{name}: {ran}, seed {seed}", flush=True)
        if done.returncode:
            print("\n".join(lines[-60:]))
            for path in sorted(Path(folder).glob("found-*")):
                print(f"{name}: {path.name}: {path.read_bytes()[:2000]!r}")
        return done.returncode == 0


def guided(name: str, folder: Path, seconds: float, seed: int) -> None:
    """Atheris in this process; never returns."""
    import atheris

    with atheris.instrument_imports(include=["ingest", "brain"]):
        from tests.fuzz.targets import TARGETS, seeds_of
    corpus = folder / "corpus"
    corpus.mkdir()
    for i, data in enumerate(seeds_of(name)):
        (corpus / f"{i:05}").write_bytes(data)
    options = [f"-max_total_time={max(1, round(seconds))}", f"-seed={seed + 1}", "-max_len=20000", "-timeout=20"]
    options += ["-rss_limit_mb=2048", f"-artifact_prefix={folder}/found-", "-verbosity=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[name].fuzz_one)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
