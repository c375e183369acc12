"""A check that cannot fail proves nothing: each invariant is broken here on purpose, and the checker has to say so."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from tests.faults import checker
from tests.faults.publisher import packets, publish_packet
from tests.faults.sampler import Sample
from tests.faults.sendlog import SendLog, Sent
from tests.faults.traffic import Pace, messages

if TYPE_CHECKING:
    from pathlib import Path

T0 = datetime(2026, 7, 1, tzinfo=UTC)
BAD = b"{"
SAMPLE = Sample(0.0, 1, 2, 2, 5, 1, 2, 1, 1, (3, 2, 0, 1), 3)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def us(second: float) -> int:
    return round(at(second).timestamp() * 1e6)


def step(number: int, op: str = "raise", engine: int | None = None) -> dict[str, Any]:
    document = {"at": "t", "seq": number, "op": op, "incident": "i", "departments": {"act": ["a"]}}
    return {
        "event": number,
        "incident": "i",
        "seq": number,
        "engine_number": engine,
        "op": op,
        "at": at(1),
        "document": json.dumps(document),
    }


def owed(seq: int) -> dict[str, Any]:
    return {"incident": "i", "seq": seq, "department": "a", "idempotency_key": f"i/{seq}/a"}


def piece(first: int) -> bytes:
    return msgspec.msgpack.encode({"v": 1, "b": {"a": [1, b"\1\0\0\0", b"\0" * 8, us(first), first, {}]}})


@pytest.fixture
def sent(tmp_path: Path) -> SendLog:
    log = SendLog(tmp_path / "none")
    for n in (1, 2):
        log.sent[n] = Sent(n, 0, 0, "city/a/1", "row", (("a", "id", str(n)),), f"digest {n}", "")
    log.sent[3] = Sent(3, 0, 0, "city/a/1", "refused", (), hashlib.sha256(BAD).hexdigest()[:32], "")
    log.acked = dict.fromkeys(log.sent, 0)
    return log


@pytest.fixture
def tables() -> checker.Tables:
    return checker.Tables(
        rows=Counter({("a", "id", "1"): 1, ("a", "id", "2"): 1}),
        positions=[1, 2],
        received={1: us(1), 2: us(2)},
        quarantine=[("city/a/1", BAD)],
        ledger={"a": (3, 2, 0, 1)},
        counts={"a": 2},
        head={"entry": 2, "position": 2},
        log=[{"entry": n, "received_at": at(n), "rows": 1, "piece": piece(n)} for n in (1, 2)],
        incidents={"i": {"last_seq": 2, "acknowledged_at": at(2), "state": "acknowledged"}},
        steps=[step(1, engine=1), step(2, "acknowledge")],
        outbox=[owed(1)],
    )


def everything(log: SendLog, t: checker.Tables, samples: list[Sample]) -> dict[str, list[str]]:
    i1, i2 = checker.check_rows(log, t)
    found = {"I1": i1, "I2": i2, "I3": checker.check_replay(checker.live_steps(t, us(5)), LIVE)}
    found |= {"I4": checker.check_incidents(t), "I5": checker.check_order(t), "I6": checker.check_people(t, ["i"])}
    found |= {"I7": checker.check_samples(samples), "I8": checker.check_ledger(t, samples)}
    return {name: sentences for name, sentences in found.items() if sentences}


LIVE = [checker.canonical({**json.loads(step(1)["document"]), "seq": 1})]


def test_what_is_whole_is_found_whole(sent: SendLog, tables: checker.Tables) -> None:
    assert everything(sent, tables, [SAMPLE, SAMPLE]) == {}


BREAKS: dict[str, tuple[str, Any]] = {
    "an acknowledged row is lost": ("I1", lambda t: t.rows.pop(("a", "id", "1"))),
    "a row stands twice": ("I1", lambda t: t.rows.update([("a", "id", "1")])),
    "a refused message is lost": ("I1", lambda t: t.quarantine.clear()),
    "a row was never sent": ("I2", lambda t: t.rows.update([("a", "id", "9")])),
    "a refusal was never sent": ("I2", lambda t: t.quarantine.append(("city/a/1", b"["))),
    "a step is missing": ("I3", lambda t: t.steps.pop(0)),
    "a step differs": ("I3", lambda t: t.steps[0].update(document=t.steps[0]["document"].replace('"t"', '"u"'))),
    "a step stands twice": ("I4", lambda t: t.steps.append(step(3, engine=1))),
    "a message to a department stands twice": ("I4", lambda t: t.outbox.append(owed(1))),
    "a message to a department is missing": ("I4", lambda t: t.outbox.clear()),
    "an entry is missing": ("I5", lambda t: t.log.pop(0)),
    "a position goes back": ("I5", lambda t: t.log[1].update(piece=piece(1))),
    "a time of receipt goes back": ("I5", lambda t: t.log[1].update(received_at=at(0))),
    "a position stands twice": ("I5", lambda t: t.positions.append(2)),
    "log and table differ": ("I5", lambda t: t.received.pop(2)),
    "an acknowledgement is forgotten": ("I6", lambda t: t.incidents["i"].update(acknowledged_at=None)),
    "an acknowledgement is not in the log": ("I6", lambda t: t.steps.pop()),
    "a row is not counted": ("I8", lambda t: t.counts.update(a=3)),
    "a refusal is not counted": ("I8", lambda t: t.quarantine.append(("city/a/1", BAD))),
    "the ledger does not add up": ("I8", lambda t: t.ledger.update(a=(4, 2, 0, 1))),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_found(name: str, sent: SendLog, tables: checker.Tables) -> None:
    invariant, do = BREAKS[name]
    do(tables)
    assert invariant in everything(sent, tables, [SAMPLE])


@pytest.mark.parametrize("field", ["epoch", "position", "entry", "received_at", "lease_epoch", "lease_entry", "event"])
def test_what_goes_back_is_found(field: str, sent: SendLog, tables: checker.Tables) -> None:
    assert "I7" in everything(
        sent, tables, [SAMPLE, Sample._make(0 if name == field else v for name, v in SAMPLE._asdict().items())]
    )


def test_a_nameless_message_may_be_there_as_often_as_its_device_sent_it(sent: SendLog, tables: checker.Tables) -> None:
    tables.rows[("a", "id", "1")] = 2
    sent.sent[1].kind, sent.sent[1].again = "nameless", 1
    assert checker.check_rows(sent, tables) == ([], [])
    sent.sent[1].again = 0
    assert checker.check_rows(sent, tables)[0]


def test_traffic_is_the_same_for_a_seed_and_has_the_mix_it_claims() -> None:
    plan = [list(islice(messages(5, Pace(1000), T0), 20_000)) for _ in range(2)]
    assert plan[0] == plan[1]
    share = Counter(m.topic.split("/")[1] for m in plan[0])
    meters = sum(n for t, n in share.items() if t.endswith("meter"))
    assert 0.65 < meters / 20_000 < 0.75
    assert 0.17 < share["drone"] / 20_000 < 0.23
    assert 0.08 < share["video-event"] / 20_000 < 0.12
    assert {m.kind for m in plan[0]} == {"row", "timeless", "nameless", "either", "refused"}
    assert [m.due_s for m in plan[0]] != sorted({m.due_s for m in plan[0]})  # copies come later than they were due
    sizes = [len(m.payload) for m in plan[0] if m.kind in ("row", "timeless")]
    assert max(sizes) < 6500
    assert sum(sizes) / len(sizes) > 300


def test_packets_are_cut_wherever_the_stream_is() -> None:
    stream = publish_packet("a", b"x" * 300, 7) + publish_packet("b", b"", 8)
    for cut in range(len(stream) + 1):
        buffer = bytearray(stream[:cut])
        found = packets(buffer)
        buffer += stream[cut:]
        found += packets(buffer)
        assert [body[3:5] for _, body in found] == [b"\0\7", b"\0\x08"]


def test_a_part_that_ended_by_itself_is_found() -> None:
    said = [f"    ingest | ended with status {n}; starting it again in 0.2 s\n" for n in (-9, 1)]
    assert checker.check_alive(said) == ["ingest ended by itself with status 1"]
