"""Earlier runs: one JSON object a line, and how a run differs from the median of those like it.

Like it means: the same part and shape, on the same processor with as many cores, with the same storage. Figures are
compared by their names: what ends in ``_per_s`` or ``_times`` is better when higher, all else when lower.
"""

from __future__ import annotations

import json
import os
import statistics
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["TOLERANCE_PCT", "Change", "append", "compare", "default_file", "like", "read"]

TOLERANCE_PCT: Final = 15.0
"""A figure that is worse by more than this is named as a regression."""
_HIGHER_IS_BETTER: Final = ("_per_s", "_times")


class Change(NamedTuple):
    """One figure beside the earlier ones.

    Attributes:
        before: Median of the earlier runs, None where there is none.
        runs: How many they are.
        worse_pct: By how much it is worse; negative: better; None where nothing can be said.
    """

    name: str
    now: float
    before: float | None
    runs: int
    worse_pct: float | None


def default_file() -> Path:
    """``cloudbrain/bench.jsonl`` in the user's folder for state."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "cloudbrain" / "bench.jsonl"


def read(file: Path) -> list[dict[str, Any]]:
    """All runs of a file, oldest first; a line that cannot be read (half written) is passed over."""
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read ({error.strerror}); give another with --history") from error
    runs: list[dict[str, Any]] = []
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict):
            runs.append(found)
    return runs


def append(file: Path, part: str, result: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Add a run; what was written.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    at = datetime.now(UTC).isoformat(timespec="seconds")
    record = {"at": at, "part": part, "machine": dict(machine), **result}
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as out:
            out.write(json.dumps(record) + "\n")
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be written ({error.strerror}); give another with --history") from error
    return record


def like(record: Mapping[str, Any], runs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of the runs that this one may be compared with."""

    def key(run: Mapping[str, Any]) -> tuple[Any, ...]:
        machine = run.get("machine", {})
        storage = str(run.get("storage", "")).split(" ")[0]
        return run.get("part"), run.get("shape"), machine.get("cpu"), machine.get("cores"), storage

    wanted = key(record)
    return [run for run in runs if key(run) == wanted]


def compare(figures: Mapping[str, float], earlier: Sequence[Mapping[str, Any]]) -> list[Change]:
    """Each figure beside the median of the same one in earlier runs (their key ``figures``).

    Example:
        >>> compare({"stored_per_s": 80.0}, [{"figures": {"stored_per_s": 100.0}}])[0].worse_pct
        20.0
    """
    out: list[Change] = []
    for name, now in figures.items():
        values = [v for run in earlier if isinstance(v := run.get("figures", {}).get(name), int | float)]
        before = statistics.median(values) if values else None
        worse = None
        if before:
            sign = -1 if name.endswith(_HIGHER_IS_BETTER) else 1
            worse = round(sign * (now - before) / before * 100, 1)
        out.append(Change(name, now, before, len(values), worse))
    return out
