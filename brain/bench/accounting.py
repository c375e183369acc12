"""Who used the processor and the memory: ``/proc`` of a process and all below it, summed up by part of the platform.

Times of children that have ended are in their parent's account (``cutime``), so nothing is lost when, say, a worker of
PostgreSQL ends between two looks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Memory", "Times", "memory", "parse_stat", "part_of", "snapshot", "used"]

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PARTS: Final = ("ingest", "scenes", "serve", "simulate", "up")


class Times(NamedTuple):
    """Processor seconds, in the program and in the kernel."""

    user: float
    system: float


class Memory(NamedTuple):
    """Of one part, MB: resident at its peak (shared pages counted in each process), and its own share now (PSS)."""

    peak_rss: float
    pss: float


@dataclass(frozen=True, slots=True)
class Stat:
    """What a line of ``/proc/PID/stat`` says."""

    pid: int
    parent: int
    times: Times


def parse_stat(line: str, ticks: int = _TICKS) -> Stat:
    """Read a line of ``/proc/PID/stat``; the name of the program may hold blanks and brackets.

    Example:
        >>> parse_stat("7 (a) b) S 1 7 7 0 -1 4194304 1 2 3 4 100 50 10 5 20 0 1 0 9 8 7", ticks=100)
        Stat(pid=7, parent=1, times=Times(user=1.1, system=0.55))
    """
    head, _, tail = line.rpartition(")")
    cells = tail.split()
    user, system, child_user, child_system = (int(c) for c in cells[11:15])
    times = Times((user + child_user) / ticks, (system + child_system) / ticks)
    return Stat(int(head.split(" ", 1)[0]), int(cells[1]), times)


def part_of(command: str) -> str:
    """The part of the platform that a command line belongs to.

    Example:
        >>> part_of("python -m brain ingest"), part_of("postgres: cloudbrain x"), part_of("/x/nats-server --config y")
        ('ingest', 'postgresql', 'nats')
    """
    words = command.split()
    if "-m" in words and "brain" in words:
        name = words[words.index("brain") + 1] if words.index("brain") + 1 < len(words) else ""
        return name if name in _PARTS else "other"
    if "brain.bench.peers.tutorial" in words:
        return "tutorial"
    program = words[0].rsplit("/", 1)[-1].rstrip(":") if words else ""
    return {"postgres": "postgresql", "nats-server": "nats", "mosquitto": "mosquitto", "node": "node-red"}.get(
        program, "other"
    )


def _processes(roots: Iterable[int]) -> dict[int, tuple[str, Stat]]:
    """Process id -> (part, stat) of these and all below them."""
    stats: dict[int, Stat] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = parse_stat((entry / "stat").read_text())
            except (OSError, ValueError):
                continue
            stats[stat.pid] = stat
    below: dict[int, list[int]] = {}
    for stat in stats.values():
        below.setdefault(stat.parent, []).append(stat.pid)
    out: dict[int, tuple[str, Stat]] = {}
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid in stats and pid not in out:
            try:
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                command = ""
            out[pid] = (part_of(command), stats[pid])
            todo += below.get(pid, ())
    return out


def snapshot(roots: Iterable[int]) -> dict[str, Times]:
    """Processor seconds so far of each part."""
    out: dict[str, Times] = {}
    for part, stat in _processes(roots).values():
        had = out.get(part, Times(0.0, 0.0))
        out[part] = Times(had.user + stat.times.user, had.system + stat.times.system)
    return out


def used(before: Mapping[str, Times], after: Mapping[str, Times]) -> dict[str, Times]:
    """Processor seconds between two looks.

    Example:
        >>> used({"ingest": Times(1.0, 0.5)}, {"ingest": Times(1.5, 0.75)})
        {'ingest': Times(user=0.5, system=0.25)}
    """
    nothing = Times(0.0, 0.0)
    return {
        part: Times(t.user - before.get(part, nothing).user, t.system - before.get(part, nothing).system)
        for part, t in sorted(after.items())
    }


def memory(roots: Iterable[int]) -> dict[str, Memory]:
    """Memory of each part; a process that may not be looked at counts nothing."""
    out: dict[str, Memory] = {}
    for pid, (part, _) in _processes(roots).items():
        had = out.get(part, Memory(0.0, 0.0))
        peak, pss = _kilobytes(f"/proc/{pid}/status", "VmHWM:"), _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:")
        out[part] = Memory(had.peak_rss + peak / 1024, had.pss + pss / 1024)
    return dict(sorted(out.items()))


def _kilobytes(path: str, key: str) -> int:
    try:
        for line in Path(path).read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return 0
