"""An independent check of what must hold whatever died: raw tables by plain SQL against the sender's own log.

Shares no code with ingest, the store or the scenes. Each invariant gives a list of sentences; an empty one means it
holds. The words are those of docs/reference/faults.md.
"""

from __future__ import annotations

import itertools
import json
import re
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from tests.faults.sampler import Sample
    from tests.faults.sendlog import Key, SendLog

ENGINE_STEPS = ("raise", "update", "clear", "merge", "cancel", "reopen")
INVARIANTS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9")


@dataclass(slots=True)
class Tables:
    """Everything the check reads, at one instant (one repeatable-read transaction)."""

    rows: Counter[Key] = field(default_factory=Counter)
    positions: list[int] = field(default_factory=list)
    received: dict[int, int] = field(default_factory=dict)
    quarantine: list[tuple[str, bytes]] = field(default_factory=list)
    ledger: dict[str, tuple[int, int, int, int]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    head: dict[str, Any] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    incidents: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    outbox: list[dict[str, Any]] = field(default_factory=list)


async def read_tables(dsn: str) -> Tables:
    """Read all raw tables."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _read(connection)
    finally:
        await connection.close()


async def _read(c: asyncpg.Connection[asyncpg.Record]) -> Tables:
    t = Tables()
    t.head = dict(await c.fetchrow("SELECT * FROM brain.head") or {})
    names = {r["device_id"]: r["name"] for r in await c.fetch("SELECT device_id, name FROM brain.device")}
    for sensor_type in [r["sensor_type"] for r in await c.fetch("SELECT sensor_type FROM brain.sensor_type")]:
        table = f'observations."{sensor_type.replace("-", "_")}"'
        for record in await c.fetch(f"SELECT * FROM {table}"):
            row = dict(record)
            assert row["device_id"] in names, f"a row of {sensor_type} names no device"
            t.rows[identity(sensor_type, row)] += 1
            t.positions.append(row["position"])
            t.received[row["position"]] = _us(row["received_at"])
        t.counts[sensor_type] = await c.fetchval(f"SELECT count(*) FROM {table}")
    t.quarantine = [(r["topic"], bytes(r["payload"])) for r in await c.fetch("SELECT * FROM brain.quarantine")]
    t.ledger = {
        r["key"]: (r["received"], r["stored"], r["duplicate"], r["quarantined"])
        for r in await c.fetch("SELECT * FROM brain.ledger")
    }
    t.log = [dict(r) for r in await c.fetch("SELECT entry, received_at, rows, piece FROM brain.log ORDER BY entry")]
    t.incidents = {r["incident"]: dict(r) for r in await c.fetch("SELECT * FROM brain.incident")}
    t.steps = [dict(r) for r in await c.fetch("SELECT * FROM brain.incident_log ORDER BY event")]
    t.outbox = [dict(r) for r in await c.fetch("SELECT * FROM brain.outbox ORDER BY outbox_id")]
    return t


def _us(moment: datetime) -> int:
    return round(moment.timestamp() * 1e6)


def identity(sensor_type: str, row: dict[str, Any]) -> Key:
    """What the sender's log calls this row."""
    for column in ("id", "track", "total_m3", "total_kwh"):
        if row.get(column) is not None:
            value = row[column]
            return sensor_type, column, value if isinstance(value, str) else int(value)
    return sensor_type, "?", repr(sorted(row.items(), key=str))


def check_rows(log: SendLog, t: Tables, forgotten: Counter[str] | None = None) -> tuple[list[str], list[str]]:
    """I1: what was acknowledged is stored once or quarantined once. I2: nothing is there that was never sent.

    ``forgotten`` says how often copies of a kind of messages may have been forgotten: by a killed broker what it had
    delivered, by a clock that jumped the ten minutes for which a message without time is known.
    """
    import hashlib

    refused = Counter(hashlib.sha256(p).hexdigest()[:32] for _, p in t.quarantine)
    i1: list[str] = []
    sent_rows: set[Key] = set()
    sent_refused: set[str] = set()
    for n, s in log.sent.items():
        sent_rows.update(s.rows)
        found = [t.rows[key] for key in s.rows]
        if s.kind == "refused":
            sent_refused.add(s.digest)
            found = [refused[s.digest]]
        elif s.kind == "either":
            sent_refused.add(s.digest)
            found = [found[0] + refused[s.digest]]
        elif refused[s.digest]:
            i1.append(f"good message {n} ({s.topic}) is in quarantine")
        # Sent again by a device after a cut, or by a broker that forgot, a message arrives without DUP. Without id
        # and time it may as well be another reading that is alike, and a refused one is refused again: the contract
        # counts those twice.
        allowed = 1 + (s.again if s.kind in ("nameless", "refused", "either") else 0) + (forgotten or Counter())[s.kind]
        most = max(found)
        if most > allowed:
            i1.append(f"{s.kind} message {n} ({s.topic}) is there {most} times")
        if n in log.acked and min(found) < 1:
            i1.append(f"acknowledged message {n} ({s.topic}, {s.kind}) is lost")
    i2 = [f"a row that was never sent: {key}" for key in t.rows if key not in sent_rows]
    i2 += [f"a quarantine record that was never sent: {digest}" for digest in refused if digest not in sent_refused]
    return i1, i2


def live_steps(t: Tables, last_us: int) -> list[str]:
    """Steps of the engine up to the last row's receipt, as the backtest prints them, in a comparable form."""
    return sorted(
        canonical({**json.loads(s["document"]), "seq": s["engine_number"]})
        for s in t.steps
        if s["op"] in ENGINE_STEPS and _us(s["at"]) <= last_us
    )


def canonical(document: dict[str, Any]) -> str:
    """Equal texts for equal log objects."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def check_replay(live: Sequence[str], replay: Sequence[str]) -> list[str]:
    """I3: the incidents are those of an uncrashed replay of the same rows."""
    out = []
    for name, more, less in (("live only", live, replay), ("replay only", replay, live)):
        for line, times in (Counter(more) - Counter(less)).items():
            d = json.loads(line)
            out.append(f"{name}: {d['incident']} {d['seq']} {d['op']} at {d['at']}, {times} times")
    if not replay:
        out.append("the replay raised no incident, so nothing was compared")
    return out


def check_incidents(t: Tables) -> list[str]:
    """I4: no step twice, numbers without gaps, one message a department and step."""
    out = []
    by_incident: dict[str, list[dict[str, Any]]] = {}
    for s in t.steps:
        by_incident.setdefault(s["incident"], []).append(s)
    if set(by_incident) != set(t.incidents):
        out.append(f"steps and incidents differ: {sorted(set(by_incident) ^ set(t.incidents))}")
    for incident, steps in by_incident.items():
        if [s["seq"] for s in steps] != list(range(1, len(steps) + 1)):
            out.append(f"{incident}: its steps are numbered {[s['seq'] for s in steps]}")
        engine = [s["engine_number"] for s in steps if s["engine_number"] is not None]
        if engine != list(range(1, len(engine) + 1)):
            out.append(f"{incident}: the engine's steps are numbered {engine}")
        if (known := t.incidents.get(incident)) and known["last_seq"] != len(steps):
            out.append(f"{incident}: it says {known['last_seq']} steps and has {len(steps)}")
    owed: Counter[Any] = Counter()
    for s in t.steps:
        if s["engine_number"] is not None:
            departments = json.loads(s["document"]).get("departments") or {}
            for d in {*departments.get("act", ()), *departments.get("inform", ())}:
                owed[s["incident"], s["seq"], d] = 1
    there = Counter((o["incident"], o["seq"], o["department"]) for o in t.outbox)
    out += [
        f"outbox: {key} is owed once and there {there[key]} times" for key in owed | there if there[key] != owed[key]
    ]
    keys = Counter(o["idempotency_key"] for o in t.outbox)
    return out + [f"outbox: key {k} stands {n} times" for k, n in keys.items() if n > 1]


def piece_rows(piece: bytes) -> Iterable[tuple[int, int, int]]:
    """(position, device id, received_at in us) of the rows in a log entry; the format is brain/store/pieces.py's."""
    for n, device, _time, received, position, _columns in msgspec.msgpack.decode(piece)["b"].values():
        devices = struct.unpack(f"<{n}i", device)
        at = [received] * n if isinstance(received, int) else struct.unpack(f"<{n}q", received)
        places = range(position, position + n) if isinstance(position, int) else struct.unpack(f"<{n}q", position)
        yield from zip(places, devices, at, strict=True)


def check_order(t: Tables) -> list[str]:
    """I5: what the scenes read is the log: entries without gap, positions and times of receipt that only grow."""
    out = []
    entries = [e["entry"] for e in t.log]
    if entries != list(range(1, t.head["entry"] + 1)):  # it is kept for a day, so the first entry is still there
        out.append(f"log entries have gaps: {len(entries)} entries of {t.head['entry']}")
    position = at = before = 0
    seen: dict[int, int] = {}
    for e in t.log:
        for place, _device, received in sorted(piece_rows(e["piece"])):
            if place <= position:
                out.append(f"entry {e['entry']}: position {place} after {position}")
            if received < at:
                out.append(f"entry {e['entry']}: received_at goes back by {at - received} us at position {place}")
            position, at = place, max(at, received)
            seen[place] = received
        if _us(e["received_at"]) < max(at, before):
            out.append(f"entry {e['entry']}: its received_at is before what it holds or what came before")
        before = _us(e["received_at"])
    if seen != t.received:
        both = set(seen) ^ set(t.received)
        out.append(f"log and tables differ in {len(both)} positions (or their times of receipt)")
    if len(set(t.positions)) != len(t.positions):
        out.append("a position stands twice in the tables")
    stored, duplicate = (sum(v[i] for v in t.ledger.values()) for i in (1, 2))
    if not stored <= t.head["position"] <= stored + duplicate:
        out.append(f"position {t.head['position']} is no sum of {stored} stored and some of {duplicate} copies")
    return out[:20]


def check_people(t: Tables, acknowledged: Iterable[str]) -> list[str]:
    """I6: what a person acknowledged stays acknowledged, unless it burns again."""
    out = []
    for incident in acknowledged:
        steps = [s["op"] for s in t.steps if s["incident"] == incident]
        if steps.count("acknowledge") < 1:
            out.append(f"{incident}: the acknowledgement was answered and is not in its log")
            continue
        after = steps[len(steps) - steps[::-1].index("acknowledge") :]
        state = t.incidents[incident]
        if "reopen" not in after and (state["acknowledged_at"] is None or state["state"] == "raised"):
            out.append(f"{incident}: acknowledged, and now it is {state['state']}")
        if steps.count("acknowledge") > 1 + steps.count("reopen"):
            out.append(f"{incident}: acknowledged {steps.count('acknowledge')} times")
    return out


def check_samples(samples: Sequence[Sample]) -> list[str]:
    """I7: epochs, positions, entries, offsets and the clock of receipt never go back."""
    out = []
    for name in ("epoch", "position", "entry", "received_at", "lease_epoch", "lease_entry", "checkpoint", "event"):
        values = [getattr(s, name) for s in samples]
        out += [f"{name} went from {a} to {b}" for a, b in itertools.pairwise(values) if b < a]
    out += [f"the scenes committed entry {s.lease_entry} of {s.entry}" for s in samples if s.lease_entry > s.entry]
    return out[:20]


def check_ledger(t: Tables, samples: Sequence[Sample]) -> list[str]:
    """I8: received = stored + duplicate + quarantined, and both are what the tables hold."""
    out = [f"ledger of {k}: {v}" for k, v in t.ledger.items() if v[0] != v[1] + v[2] + v[3]]
    out += [f"ledger at {s.at}: {s.ledger}" for s in samples if s.ledger[0] != sum(s.ledger[1:])]
    for sensor_type, rows in t.counts.items():
        if (stored := t.ledger.get(sensor_type, (0, 0, 0, 0))[1]) != rows:
            out.append(f"{sensor_type}: the ledger says {stored} stored, the table has {rows}")
    quarantined = sum(v[3] for v in t.ledger.values())
    if quarantined != len(t.quarantine):
        out.append(f"the ledger says {quarantined} quarantined, the table has {len(t.quarantine)}")
    return out[:20]


_ENDED = re.compile(r"(ingest|scenes|serve) \| ended with status (?!-9;)(-?\d+);")


def check_alive(said: Iterable[str]) -> list[str]:
    """I9: no part ended that nobody killed, by what the supervisor said."""
    return [f"{found[1]} ended by itself with status {found[2]}" for line in said if (found := _ENDED.search(line))]
