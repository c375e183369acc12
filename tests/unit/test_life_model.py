"""A city's life against a small model: whatever devices, crashes and people do, in whatever order, it comes out right.

Decoder, store in memory, engine and runner are the real ones; broker, processes and clocks are played here. The model
below knows only the contract: which readings are rows, copies or refused, and what people said.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from brain.backtest import city_registry
from brain.city import parse_city
from brain.errors import FencedError, StoreError
from brain.pipeline.engine import Engine
from brain.pipeline.live import Runner
from brain.store.base import IncidentQuery, ObservationQuery
from brain.store.memory import MemoryStore
from brain.times import iso
from ingest.copies import Copies
from ingest.decode import Decoder
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin
from scenes.safety_production.scene import SafetyProduction
from tests.unit.engine_world import SECOND, T0

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from brain.city import City
    from brain.model import Step
    from brain.registry import Registry
    from brain.store.base import Checkpoint, Flush, Lease, Written

EXAMPLES = int(os.environ.get("CLOUDBRAIN_LIFE_EXAMPLES", "200"))
CITY = parse_city(
    "devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1}, "
    "{id: G2, sensor_type: gas-detector, lon: 120.4002, lat: 36.1}]"
)
TYPES = load_builtin()
MEMORY = 600 * SECOND  # how long a reading without time is known again
OLDEST = 7 * 86400 * SECOND


def done(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits: nothing on the store in memory does."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waited")


# -- the model -----------------------------------------------------------------------------------------------------


class Reading(NamedTuple):
    """One reading as its device means it; ``time`` None: the time of receipt counts."""

    device: str
    time: int | None
    key: str | None
    value: float


class Sent(NamedTuple):
    """A message: one reading, or a pack of some."""

    number: int
    readings: tuple[Reading, ...]
    dup: bool = False

    def envelope(self, at: int) -> Envelope:
        bodies = []
        for r in self.readings:
            body: dict[str, Any] = {"lel_pct": r.value} | ({} if r.key is None else {"id": r.key})
            bodies.append(body | ({} if r.time is None else {"time": iso(r.time)}))
        whole = bodies[0] if len(bodies) == 1 else bodies
        return Envelope(f"city/gas-detector/{self.readings[0].device}", json.dumps(whole).encode(), at, self.dup)


class Model:
    """What the contract says of every message that was committed."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int, str | None], float] = {}
        self.count: Counter[str] = Counter()
        self._seen: dict[Any, int] = {}  # readings without time and refused ones: when they came last
        self._kept: dict[Any, int] = {}  # as the store has them

    def committed(self, flush: Sequence[tuple[Sent, int]]) -> None:
        """A flush of messages with their times of receipt."""
        new: set[Any] = set()
        for sent, at in flush:
            for place, r in enumerate(sent.readings):
                self.count["received"] += 1
                self.count[self._becomes(sent, place, r, at, new)] += 1
        self._kept |= dict.fromkeys(new, flush[-1][1])

    def _becomes(self, sent: Sent, place: int, r: Reading, at: int, new: set[Any]) -> str:
        bad = not 0 <= r.value <= 100 or (r.time is not None and at - r.time > OLDEST)
        if bad or r.time is None:
            mark = (bad, sent.readings, place)
            known = at - self._seen.get(mark, -MEMORY - at - 1) <= MEMORY
            self._seen[mark] = at
            new.add(mark)
            if bad:
                return "duplicate" if known and sent.dup else "quarantined"
            if known and (sent.dup or r.key is not None):
                return "duplicate"
        key = (r.device, at if r.time is None else r.time, r.key)
        if key in self.rows:
            return "duplicate"
        self.rows[key] = r.value
        return "stored"

    def restarted(self, at: int) -> None:
        """Ingest begins again: it knows what the store has of the last 10 minutes, as if it had come just now."""
        self._seen = {mark: at for mark, kept in self._kept.items() if kept >= at - MEMORY}


def state_after(ops: Sequence[str]) -> str:
    """The state of an incident after these steps."""
    state = "none"
    for op in ops:
        if op in ("raise", "reopen"):
            state = "raised"
        elif op == "acknowledge" and state == "raised":
            state = "acknowledged"
        elif op == "close" or state == "closed":
            state = "closed"
        elif op in ("clear", "cancel"):
            state = "cleared"
    return state


# -- the system ----------------------------------------------------------------------------------------------------


class Crash(BaseException):
    """kill -9, as far as one process can play it."""


class Frail(MemoryStore):
    """A store in whose calls processes may die, before or after the commit, or lose the answer."""

    fate = "none"

    def _meet(self, when: str) -> None:
        if self.fate == when:
            self.fate = "none"
            if when == "no answer":
                raise StoreError("the answer got lost")
            raise Crash

    async def write(self, flush: Flush) -> Written:
        self._meet("before")
        written = await super().write(flush)
        self._meet("no answer")
        self._meet("after")
        return written

    async def commit_steps(self, name: str, lease: Lease, entry: int, steps: Sequence[Step]) -> None:
        self._meet("before")
        await super().commit_steps(name, lease, entry, steps)
        self._meet("after")

    async def keep_checkpoint(self, name: str, lease: Lease, checkpoint: Checkpoint) -> None:
        self._meet("before")
        await super().keep_checkpoint(name, lease, checkpoint)
        self._meet("after")


async def read_all(runner: Runner) -> None:
    """What the life of the scenes is made of: read to the end of the log, store the checkpoint if one was made."""
    await runner._read()
    await runner._kept()


class Ingest:
    """The writer of the log, as the service drives decoder and store."""

    def __init__(self, store: MemoryStore, now: int) -> None:
        self.store = store
        head = done(store.claim_head())
        self.epoch, self.position = head.epoch, head.position
        copies = Copies(done(store.timeless_since(now - MEMORY)), now)
        self.decoder = Decoder(done(store.load_registry()), copies=copies)

    def write(self, envelopes: Sequence[Envelope], received_at: int) -> None:
        decoded = self.decoder.decode(envelopes)
        for device in done(self.store.admit(decoded.unknown)):
            self.decoder.registry.put(device)
        outcome = decoded.finish(self.decoder.registry, self.position + 1)
        flush = outcome.flush(self.epoch, received_at)
        try:
            done(self.store.write(flush))
        except FencedError:
            raise
        except StoreError:
            done(self.store.write(flush))  # the same object again, as the service does
        self.position = outcome.position


def engine_of(city: City, registry: Registry) -> Engine:
    return Engine([SafetyProduction()], city, registry)


class Life(RuleBasedStateMachine):
    """Devices, a broker, ingest, scenes and people."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.now = T0
        self.store = Frail()
        for sensor_type in TYPES:
            done(self.store.put_sensor_type(sensor_type))
        done(self.store.put_city(msgspec.json.encode(CITY)))
        done(self.store.put_devices(city_registry((), CITY).devices()))
        self.model = Model()
        self.queue: list[Sent] = []  # what the broker has not had acknowledged
        self.history: list[Sent] = []
        self.said: dict[str, list[tuple[str, str]]] = {}
        self.ingest = Ingest(self.store, self.now)
        self.restart_scenes()

    def restart_scenes(self) -> None:
        self.runner = Runner(self.store, engine_of)
        done(self.runner._begin())

    def restart_ingest(self) -> None:
        self.queue = [s._replace(dup=True) if i < self.held else s for i, s in enumerate(self.queue)]
        self.held = 0
        self.ingest = Ingest(self.store, self.now)
        self.model.restarted(self.now)

    held = 0  # so many of the queue were delivered to an ingest that has died

    # -- devices -----------------------------------------------------------------------------------------------------
    def publish(self, *readings: Reading) -> None:
        self.history.append(Sent(len(self.history), readings))
        self.queue.append(self.history[-1])

    @rule(
        device=st.sampled_from(["G1", "G1", "G2"]),
        first=st.sampled_from([0.5, 3.0, 12.0, 30.0]),
        rise=st.sampled_from([0.0, 0.0, 7.0, -6.0]),
        count=st.integers(1, 8),
    )
    def a_series(self, device: str, first: float, rise: float, count: int) -> None:
        for i in range(count):
            self.now += 10 * SECOND
            self.publish(Reading(device, self.now - 120_000, None, min(99.0, max(0.0, first + rise * i))))

    @rule(values=st.sampled_from([[5.0, 12, 19, 26, 33, 40, 41, 41], [0.5] * 36, [30.0, 60, 60, 60], [12.0] * 5]))
    def a_story_that_the_scenes_hear(self, values: list[float]) -> None:
        for value in values:
            self.now += 10 * SECOND
            self.publish(Reading("G1", self.now - 120_000, None, value))
        while self.queue:
            self.ingest_takes_some(40, "none")
        self.scenes_run("none", checkpoint=False)

    @rule(
        device=st.sampled_from(["G1", "G2", "NEW"]),
        age=st.sampled_from([0, 40, 3000, 4000, 90_000, 8 * 86400]),
        value=st.sampled_from([0.5, 30.0, 60.0]),
    )
    def a_late_one(self, device: str, age: int, value: float) -> None:
        self.publish(Reading(device, self.now - age * SECOND - 5000, None, value))

    @rule(value=st.sampled_from([0.5, 30.0]), key=st.sampled_from(["a", "b", None]))
    def one_without_time(self, value: float, key: str | None) -> None:
        self.publish(Reading("G2", None, key, value))

    @rule(value=st.sampled_from([-1.0, 101.0, 1e300]))
    def a_bad_one(self, value: float) -> None:
        self.publish(Reading("G1", self.now, None, value))

    @rule(values=st.lists(st.sampled_from([0.5, 20.0, 45.0, 500.0]), min_size=2, max_size=4))
    def a_pack(self, values: list[float]) -> None:
        self.publish(*(Reading("G1", self.now - i // 2 * SECOND, None, v) for i, v in enumerate(values)))

    @precondition(lambda self: self.history)
    @rule(which=st.integers(0, 10**6))
    def a_duplicate(self, which: int) -> None:
        self.queue.append(self.history[-1 - which % min(20, len(self.history))])

    @precondition(lambda self: len(self.queue) > self.held + 1)
    @rule(which=st.integers(0, 10**6))
    def a_reordering(self, which: int) -> None:
        at = self.held + which % (len(self.queue) - self.held - 1)
        self.queue[at], self.queue[at + 1] = self.queue[at + 1], self.queue[at]

    @rule(seconds=st.sampled_from([1, 20, 61, 400, 700]))
    def silence(self, seconds: int) -> None:
        self.now += seconds * SECOND
        self.ingest.write((), self.now)

    # -- ingest ------------------------------------------------------------------------------------------------------
    def flush(self, most: int) -> list[tuple[Sent, int]]:
        taken = []
        for sent in self.queue[:most]:
            taken.append((sent, self.now))
            self.now += len(sent.readings)
        return taken

    @precondition(lambda self: self.queue)
    @rule(most=st.integers(1, 40), fate=st.sampled_from(["none", "none", "none", "before", "after", "no answer"]))
    def ingest_takes_some(self, most: int, fate: str) -> None:
        taken = self.flush(most)
        self.store.fate = fate
        try:
            self.ingest.write([s.envelope(at) for s, at in taken], taken[-1][1])
        except Crash:
            self.held = max(self.held, len(taken))
            if fate == "after":
                self.model.committed(taken)
            self.restart_ingest()
        else:
            self.model.committed(taken)
            del self.queue[: len(taken)]
            self.held = max(0, self.held - len(taken))

    @precondition(lambda self: self.queue)
    @rule(most=st.integers(1, 40))
    def another_ingest_takes_over(self, most: int) -> None:
        former, taken = self.ingest, self.flush(most)
        self.held = max(self.held, len(taken))
        self.restart_ingest()
        with pytest.raises(FencedError):
            former.write([s.envelope(at) for s, at in taken], taken[-1][1])

    # -- scenes ------------------------------------------------------------------------------------------------------
    @rule(fate=st.sampled_from(["none", "none", "before", "after"]), checkpoint=st.booleans())
    def scenes_run(self, fate: str, checkpoint: bool) -> None:
        self.runner._next_checkpoint = 0.0 if checkpoint else 1e18
        self.store.fate = fate
        try:
            self.loop.run_until_complete(read_all(self.runner))
        except Crash:
            self.restart_scenes()
        self.store.fate = "none"

    @rule()
    def other_scenes_take_over(self) -> None:
        former = self.runner
        self.restart_scenes()
        with contextlib.suppress(FencedError):  # nothing to say, nothing to be fenced from
            self.loop.run_until_complete(read_all(former))

    # -- people ------------------------------------------------------------------------------------------------------
    def incidents(self) -> list[dict[str, Any]]:
        return list(done(self.store.incidents(IncidentQuery(limit=1000))).items)

    @precondition(lambda self: self.store._incidents)
    @rule(
        ops=st.lists(
            st.sampled_from(["acknowledge", "acknowledge", "comment", "escalate", "close", "shelve"]),
            min_size=1,
            max_size=3,
        ),
        which=st.integers(0, 10**6),
        person=st.sampled_from(["first", "second"]),
    )
    def somebody_acts(self, ops: list[str], which: int, person: str) -> None:
        found = self.incidents()
        for op in ops:
            self.act(found[which % len(found)], op, person)

    def act(self, incident: dict[str, Any], op: str, person: str) -> None:
        fields = {"escalate": {"level": "red"}, "shelve": {"until": iso(self.now + SECOND)}, "comment": {"text": "x"}}
        _, new = done(self.store.person_step(incident["incident"], op, person, self.now, fields.get(op, {})))
        if new:
            self.said.setdefault(incident["incident"], []).append((op, person))
        else:
            assert op in ("acknowledge", "close")

    # -- what must hold ----------------------------------------------------------------------------------------------
    @invariant()
    def every_row_is_there_exactly_once_and_the_ledger_adds_up(self) -> None:
        ledger = done(self.store.ledger())[0]
        assert set(ledger) <= {"gas-detector"}
        for c in ledger.values():
            assert c.received == c.stored + c.duplicate + c.quarantined
            assert Counter(received=c.received, stored=c.stored, duplicate=c.duplicate, quarantined=c.quarantined) == (
                self.model.count
            )
        assert len(self.model.rows) == self.model.count["stored"]

    @invariant()
    def steps_are_numbered_and_what_people_said_stays(self) -> None:
        for incident in self.incidents():
            name = incident["incident"]
            log = done(self.store.incident_log(name))
            assert [s["seq"] for s in log] == list(range(1, len(log) + 1))
            assert [(s["op"], s["by"]) for s in log if "by" in s] == self.said.get(name, [])
            assert log[0]["op"] == "raise"
            assert incident["state"] == state_after([s["op"] for s in log])
        own = [s for s in self.store._steps if s.engine_number is not None]
        numbers: dict[str, int] = {}
        for step in own:
            numbers[step.incident] = numbers.get(step.incident, 0) + 1
            assert step.engine_number == numbers[step.incident]

    def teardown(self) -> None:
        """Let everything come to its end; then an engine that never crashed says the same."""
        try:
            self.come_to_an_end()
        finally:
            self.loop.close()

    def come_to_an_end(self) -> None:
        while self.queue:
            self.ingest_takes_some(40, "none")
        self.silence(700)
        self.scenes_run("none", checkpoint=True)
        self.every_row_is_there_exactly_once_and_the_ledger_adds_up()
        self.steps_are_numbered_and_what_people_said_stays()
        query = ObservationQuery(sensor_types=["gas-detector"], limit=10_000)
        rows = done(self.store.observations(query)).items
        assert {(r["device"], r["time"], r["id"]): r["lel_pct"] for r in rows} == {
            (device, iso(time), key): value for (device, time, key), value in self.model.rows.items()
        }
        engine = engine_of(CITY, done(self.store.load_registry()))
        told: list[Step] = []
        for entry in done(self.store.read_log(0, 10**6)):
            told += engine.feed(entry.piece) + engine.advance(entry.received_at)
        kept = [
            (s.incident, s.engine_number, s.op, {k: v for k, v in s.document.items() if k != "seq"})
            for s in self.store._steps
            if s.engine_number is not None
        ]
        wanted = [(s.incident, s.number, s.op, {**s.document, "at": iso(s.at), "op": s.op}) for s in told]
        assert kept == wanted


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
