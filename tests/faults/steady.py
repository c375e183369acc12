"""The steady load: 1,000 messages a second of the mix, one burst of five times as many for 10 s, and what it costs.

Loss is asserted, everything else is told: latencies from publish to committed row and to the pushed incident, memory a
process, connections and queue, and how long the burst's backlog took to drain.
"""

from __future__ import annotations

import asyncio
import json
import math
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from tests.faults import checker
from tests.faults.sampler import Sampler
from tests.faults.sendlog import SendLog
from tests.faults.world import Sender, World, until

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 1000.0
BURST_S, BURST_TIMES = 10.0, 5.0
_PARTS = ("ingest", "scenes", "serve", "nats-server", "postgres")


def quantile(values: Sequence[float], share: float) -> float:
    """Nearest rank; NaN of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Least squares, per unit of x; NaN of fewer than three points."""
    if len(points) < 3:
        return math.nan
    mean_x, mean_y = (sum(p[i] for p in points) / len(points) for i in (0, 1))
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / sum((x - mean_x) ** 2 for x, _ in points)


class CommitWatch:
    """When each row was committed, by LISTEN: the new log entries are read as soon as they are told of."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.at: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="commits", daemon=True)

    def __enter__(self) -> CommitWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    async def _run(self) -> None:
        connection = await asyncpg.connect(self.dsn)
        told = asyncio.Event()
        await connection.add_listener("log", lambda *_: told.set())
        last = await connection.fetchval("SELECT entry FROM brain.head")
        while not self._stop.is_set():
            try:
                async with asyncio.timeout(1):
                    await told.wait()
            except TimeoutError:
                continue
            told.clear()
            at = time.time_ns() // 1000
            for r in await connection.fetch("SELECT entry, piece FROM brain.log WHERE entry > $1 ORDER BY entry", last):
                last = r["entry"]
                for batch in msgspec.msgpack.decode(r["piece"])["b"].values():
                    ids = batch[5].get("id")
                    if isinstance(ids, list):
                        self.at.update({i: at for i in ids if i is not None and i not in self.at})
        await connection.close()


class PushWatch:
    """When each incident was first pushed, by the live stream a page listens to."""

    def __init__(self, http: str) -> None:
        self.http = http
        self.raised: list[tuple[int, str]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pushes", daemon=True)

    def __enter__(self) -> PushWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(15)

    def _run(self) -> None:
        with urllib.request.urlopen(f"{self.http}/api/v1/live", timeout=30) as stream:
            for line in stream:
                if self._stop.is_set():
                    return
                if line.startswith(b"data: ") and b'"op":"raise"' in line.replace(b" ", b""):
                    self.raised.append((time.time_ns() // 1000, line.decode()))


@dataclass(slots=True)
class Steady:
    """What one run of the steady load showed. Seconds, MB a minute, counts."""

    seed: int
    minutes: float
    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    row_p50_s: float = math.nan
    row_p99_s: float = math.nan
    row_p99_all_s: float = math.nan
    push_p50_s: float = math.nan
    push_p99_s: float = math.nan
    incidents: int = 0
    drained_s: float = math.nan
    slopes: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    connections: tuple[int, int] = (0, 0)
    queue: tuple[float, float] = (0.0, 0.0)
    behind_s: float = math.nan
    broken: dict[str, list[str]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing twice, the ledger adds up."""
        return not any(self.broken.values())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"holds": self.holds}

    @classmethod
    def run(cls, minutes: float, seed: int, rate: float = RATE) -> Steady:
        """Start a platform, load it, look at it, check it."""
        print(f"steady: seed {seed}, {minutes} min at {rate:.0f} messages/s", flush=True)
        with tempfile.TemporaryDirectory(prefix="cloudbrain-steady-") as folder, World(Path(folder)) as world:
            return _run(world, cls(seed, minutes), rate)


def _run(world: World, result: Steady, rate: float) -> Steady:
    seconds = result.minutes * 60
    burst = seconds * 0.6
    log = SendLog(world.folder / "sent.jsonl")
    memory: dict[str, list[tuple[float, float]]] = defaultdict(list)
    options = ("--seconds", str(seconds), "--burst", f"{burst},{BURST_S},{BURST_TIMES}")
    with (
        Sampler(world.dsn, 0.5) as sampler,
        CommitWatch(world.dsn) as commits,
        PushWatch(world.platform.ready["http"]) as p,
    ):
        sender = Sender(world.mqtt, result.seed, rate, log.path, *options)
        began = time.monotonic()
        try:
            while sender.process.poll() is None:
                for name, mb in _memory(world).items():
                    memory[name].append((time.monotonic() - began, mb))
                threading.Event().wait(2.0)
                if time.monotonic() - began > 2 * seconds + 300:
                    break
        finally:
            sender.kill()
        log.read()
        wanted = sum(len(s.rows) or 1 for n, s in log.sent.items() if n in log.acked)
        until(lambda: (s := sampler.now()) and s.ledger[1] + s.ledger[3] >= wanted, "every reading stored", 300)
        until(lambda: (s := sampler.now()) and s.lease_entry >= s.entry - 3, "the scenes at the end of the log", 120)
    t = asyncio.run(checker.read_tables(world.dsn))
    i1, i2 = checker.check_rows(log, t)
    result.broken = {"I1": i1, "I2": i2, "I4": checker.check_incidents(t), "I5": checker.check_order(t)}
    result.broken |= {"I7": checker.check_samples(sampler.samples), "I8": checker.check_ledger(t, sampler.samples)}
    result.sent, result.acknowledged = len(log.sent), len(log.acked)
    result.lost = sum("is lost" in sentence for sentence in i1) + len(log.sent) - len(log.acked)
    if result.lost and not i1:
        i1.append(f"{result.lost} messages were not acknowledged")
    _latencies(result, log, commits, p, burst)
    _costs(result, sampler, memory, began)
    return result


def _latencies(result: Steady, log: SendLog, commits: CommitWatch, pushes: PushWatch, burst: float) -> None:
    """From when a message was due (not when it could be sent: no coordinated omission) to its committed row."""
    start = min(s.due for s in log.sent.values())
    calm: list[float] = []
    all_of_them: list[float] = []
    late_until = burst
    for s in log.sent.values():
        for _, column, value in s.rows:
            if column != "id" or (at := commits.at.get(value)) is None:
                continue
            waited, second = (at - s.due) / 1e6, (s.due - start) / 1e6
            all_of_them.append(waited)
            if burst <= second < burst + 90 and waited > 1.0:
                late_until = max(late_until, second + waited)
            if second < burst:
                calm.append(waited)
    result.behind_s = round(max(((s.at - s.due) / 1e6 for s in log.sent.values()), default=math.nan), 3)
    result.row_p50_s, result.row_p99_s = (round(quantile(calm, q), 3) for q in (0.5, 0.99))
    result.row_p99_all_s = round(quantile(all_of_them, 0.99), 3)
    result.drained_s = round(max(0.0, late_until - burst - BURST_S), 1)
    told = {s.story: s.due for s in log.sent.values() if s.story}
    waits = []
    for at, line in pushes.raised:
        result.incidents += 1
        story = _story_of(line, told)
        if story and (told[story] - start) / 1e6 < burst:
            waits.append((at - told[story]) / 1e6)
    result.push_p50_s, result.push_p99_s = (round(quantile(waits, q), 3) for q in (0.5, 0.99))


def _story_of(line: str, told: dict[str, int]) -> str:
    """The happening an incident came from: the device of its evidence bears its tag."""
    log = json.loads(line.removeprefix("data: "))["log"]
    return next((e["device"] for e in log.get("evidence", ()) if e.get("device") in told), "")


def _memory(world: World) -> dict[str, float]:
    """Proportional set size (MB) of each part."""
    out: dict[str, float] = defaultdict(float)
    for pid, line in world.platform.children().items():
        program = Path(line.split(" ")[0].rstrip(":")).name
        name = next((n for n in _PARTS if f"-m brain {n}" in line or n == program), "")
        try:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        pss = next((row for row in rollup.splitlines() if row.startswith("Pss:")), "Pss: 0 kB")
        out[name or "others"] += int(pss.split()[1]) / 1024
    return dict(out)


def _costs(result: Steady, sampler: Sampler, memory: dict[str, list[tuple[float, float]]], began: float) -> None:
    """Memory slopes after the first minute; connections and queue of its first and last quarter."""
    for name, points in memory.items():
        later = [(second / 60, mb) for second, mb in points if second >= 60]
        result.slopes[name] = round(slope(later), 2)
        result.memory_mb[name] = round(points[-1][1], 1)
    samples = [s for s in sampler.samples if s.at - began >= min(60, result.minutes * 15)]
    if len(samples) > 8:
        ends = samples[: len(samples) // 4], samples[-len(samples) // 4 :]
        result.connections = tuple(max(s.connections for s in part) for part in ends)  # type: ignore[assignment]
        depth = [sum(s.entry - s.lease_entry for s in part) / len(part) for part in ends]
        result.queue = round(depth[0], 1), round(depth[1], 1)


def steady_table(results: list[Steady]) -> str:
    """Markdown, a line a figure."""
    lines = ["| steady load | " + " | ".join(f"seed {r.seed}" for r in results) + " |", "|---|" + "---|" * len(results)]
    for name, value in (results[0].as_dict() if results else {}).items():
        cells = [r.as_dict()[name] for r in results]
        if not isinstance(value, dict):
            lines.append(f"| {name} | " + " | ".join(map(str, cells)) + " |")
            continue
        for key in value:
            shown = [(len(c.get(key, ())) if name == "broken" else c.get(key)) for c in cells]
            lines.append(f"| {name} {key} | " + " | ".join(map(str, shown)) + " |")
    return "\n".join(lines) + "\n"
