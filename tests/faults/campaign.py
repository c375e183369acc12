"""One run: traffic, faults at seeded random points, recovery, and the check at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.faults import checker
from tests.faults.sampler import Sampler
from tests.faults.sendlog import SendLog
from tests.faults.world import FaultSuiteError, Sender, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.faults.inject import Fault
    from tests.faults.world import World

RATE = 200.0
_RECOVERED_BY_S = 180.0


@dataclass(slots=True)
class Result:
    """One row of the table."""

    fault: str
    seed: int
    sent: int = 0
    acknowledged: int = 0
    stored: int = 0
    quarantined: int = 0
    duplicates: int = 0
    resent: int = 0
    expected: int = 0
    raised: int = 0
    recovery_s: float = 0.0
    broken: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every invariant holds."""
        return not any(self.broken.values())

    def as_dict(self) -> dict[str, Any]:
        """For the JSON table."""
        return asdict(self) | {"holds": self.holds}


class People:
    """Acknowledges incidents while everything is being hurt; keeps what was answered with 200."""

    def __init__(self, world: World) -> None:
        self.answered: set[str] = set()
        self._world = world
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="people", daemon=True)

    def __enter__(self) -> People:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(40)

    def _run(self) -> None:
        while not self._stop.wait(0.3):
            found = self._world.get("/api/v1/incidents?state=raised&limit=1000")
            for incident in (found or {"items": []})["items"][::2]:  # every other one
                name = incident["incident"]
                status, _ = self._world.post(f"/api/v1/incidents/{name}/acknowledge", {"by": "faults"})
                if status == 200:
                    self.answered.add(name)


def run(name: str, faults: Sequence[Fault], world: World, seed: int, rate: float = RATE) -> Result:
    """Hurt a started platform with one fault after the other, then check everything.

    Args:
        name: For the table.
        faults: In order.
        world: Started, without data.
        seed: Of traffic, points and durations.
        rate: Messages a second.
    """
    print(f"{name}: seed {seed}", flush=True)
    chance = random.Random(seed)
    began = datetime.now(UTC) - timedelta(seconds=5)
    result = Result(name, seed)
    log = SendLog(world.folder / "sent.jsonl")
    sender = world.sender(seed, rate, log.path)
    try:
        with Sampler(world.dsn) as sampler, People(world) as people:
            for fault in faults:
                _pause_for(log, chance.uniform(0.8, 1.6) * rate)
                started = time.monotonic()
                fault.inject(world, chance)
                try:
                    fault.hold(world, chance)
                finally:
                    fault.heal(world)
                healed = time.monotonic()
                _recovered(world, sampler, log, fault)
                taken = time.monotonic() - healed
                result.recovery_s = round(max(result.recovery_s, taken), 1)
                print(f"  {fault.name}: {healed - started:.1f} s, whole again after {taken:.1f} s", flush=True)
            _pause_for(log, rate)
            sender.finish()
            log.read()
            _drained(sampler, log)
            with contextlib.suppress(FaultSuiteError):  # the check says so
                until(lambda: people.answered, "an incident that somebody acknowledged", 10)
        forgotten = Counter(kind for fault in faults for kind in fault.forgets)
        _check(world, log, sampler, people, began, result, forgotten)
    finally:
        sender.kill()
    return result


def _pause_for(log: SendLog, messages: float) -> None:
    """Until so many more messages were acknowledged."""
    wanted = len(log.read().acked) + messages
    until(lambda: len(log.read().acked) >= wanted, f"{messages:.0f} more acknowledged messages")


def _recovered(world: World, sampler: Sampler, log: SendLog, fault: Fault) -> None:
    """Until rows of messages sent after now are stored and the scenes have read them, and serve is well."""
    first = until(sampler.now, f"an answer of the data base after {fault.name}", _RECOVERED_BY_S)
    healed_at = sampler.samples[-1].ledger[0]
    acked = len(log.read().acked)

    def whole() -> bool:
        now = sampler.now()
        return (
            now is not None
            and now.ledger[0] > healed_at + 50
            and now.lease_entry > first.entry
            and len(log.read().acked) > acked + 50
        )

    until(whole, f"stored and judged messages after {fault.name}", _RECOVERED_BY_S)
    until(world.is_well, f"an answer of the page after {fault.name}", _RECOVERED_BY_S)


def _drained(sampler: Sampler, log: SendLog) -> None:
    """Until the data base has everything acknowledged, copies have come to an end, and the scenes have read all."""
    wanted = sum(len(s.rows) or 1 for n, s in log.sent.items() if n in log.acked)

    def stored() -> bool:
        now = sampler.now()
        return now is not None and now.ledger[1] + now.ledger[3] >= wanted

    try:
        until(stored, "", 60)
    except FaultSuiteError:
        print(f"  of {wanted} readings {sampler.samples[-1].ledger} came; the check says which are lost", flush=True)

    def quiet() -> bool:
        newest = sampler.now()
        before = [s for s in sampler.samples[-100:] if newest is not None and newest.at - 2 < s.at]
        return newest is not None and len(before) > 5 and before[0].ledger == newest.ledger

    until(quiet, "an end of copies")
    end = sampler.samples[-1].entry
    until(lambda: (now := sampler.now()) and now.lease_entry >= end, "the scenes at the end of the log")


def _check(
    world: World,
    log: SendLog,
    sampler: Sampler,
    people: People,
    began: datetime,
    result: Result,
    forgotten: Counter[str],
) -> None:
    t = asyncio.run(checker.read_tables(world.dsn))
    end = datetime.now(UTC) + timedelta(hours=3)
    replay = sorted(checker.canonical(json.loads(line)) for line in world.backtest(began.isoformat(), end.isoformat()))
    live = checker.live_steps(t, max(t.received.values(), default=0))
    i1, i2 = checker.check_rows(log, t, forgotten)
    if twice := len(checker.check_rows(log, t)[0]) - len(i1):
        result.notes.append(
            f"{twice} messages without id, without time or refused came again unmarked, and count twice"
        )
    result.broken = {
        "I1": i1,
        "I2": i2,
        "I3": checker.check_replay(live, replay),
        "I4": checker.check_incidents(t),
        "I5": checker.check_order(t),
        "I6": checker.check_people(t, people.answered),
        "I7": checker.check_samples(sampler.samples),
        "I8": checker.check_ledger(t, sampler.samples),
        "I9": checker.check_alive(list(world.platform.stderr)),
    }
    if not people.answered:
        result.broken["I6"].append("nobody could acknowledge anything, so nothing was compared")
    _, result.stored, result.duplicates, result.quarantined = (sum(v[i] for v in t.ledger.values()) for i in range(4))
    result.sent, result.acknowledged, result.resent = len(log.sent), len(log.acked), log.again + log.twice
    result.expected = len({json.loads(line)["incident"] for line in replay})
    result.raised = len({json.loads(line)["incident"] for line in live})
    if not result.holds:
        for name, sentences in result.broken.items():
            for sentence in sentences[:5]:
                print(f"  {name}: {sentence}", flush=True)
            if len(sentences) > 5:
                print(f"  {name}: and {len(sentences) - 5} more", flush=True)


__all__ = ["RATE", "People", "Result", "Sender", "run"]
