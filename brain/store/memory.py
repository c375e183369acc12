"""The store without a data base: same behaviour, but nothing survives the process. For tests and try-outs."""

from __future__ import annotations

import contextlib
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brain.errors import FencedError, NotFoundError, StoreError
from brain.model import Device, Piece
from brain.registry import Registry
from brain.store._answers import answer_json, count_flush, device_tallies
from brain.store._cursor import decode_cursor, encode_cursor
from brain.store._listen import CHANNELS, WakeUps
from brain.store._memory_quarantine import Quarantine
from brain.store._memory_rows import Row, Table, refuse_bad_texts
from brain.store._queries import KEEP, MOST_QUARANTINE, MOST_ROWS, quarantine_item
from brain.store._registry import check_change, check_into, check_spelling
from brain.store.base import (
    ROWS_READ,
    Activity,
    Checkpoint,
    Counts,
    Head,
    InboxItem,
    Lease,
    LogEntry,
    Page,
    ToldStep,
    Written,
    drill_key,
)
from brain.store.incidents import (
    MOST_INCIDENTS,
    OF_A_DRILL,
    Incident,
    LogRow,
    OutboxRow,
    apply_engine_step,
    apply_person_step,
    incident_object,
    outbox_rows,
    says_nothing_new,
    states_of,
)
from brain.store.rows import columns_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from brain.model import SensorType, Step
    from brain.store.base import Flush, IncidentQuery, ObservationQuery, QuarantineQuery

__all__ = ["MemoryStore"]


class MemoryStore:
    """``brain.store.base.Store`` in memory.

    Lifetime: as long as the object. For tasks of one event loop. No method waits, so each is a transaction.

    Args:
        now: Microseconds since 1970, the time the ledger counts from.
    """

    storage = "memory"

    def __init__(self, now: int = 0) -> None:
        self._since = now
        self._registry = Registry([], [])
        self._tables: dict[str, Table] = {}
        self._city: bytes | None = None
        self._head = Head(0, 0, 0)
        self._ignored = 0
        self._last: tuple[int, Written] | None = None
        self._log: dict[int, LogEntry] = {}
        self._entry = 0
        self._ledger: dict[str, Counts] = {}
        self._stored_at: dict[str, int] = {}
        self._tally: dict[int, tuple[int, int]] = {}
        self._timeless: dict[bytes, int] = {}
        self._states: dict[tuple[str, str], bytes] = {}
        self._versions: dict[str, list[dict[str, Any]]] = {}
        self._revision = self._taken = 0
        self._quarantine = Quarantine()
        self._inbox: dict[int, tuple[InboxItem, dict[str, Any] | None, int]] = {}
        self._inbox_top = 0
        self._leases: dict[str, tuple[int, int]] = {}
        self._checkpoints: dict[str, Checkpoint] = {}
        self._incidents: dict[str, Incident] = {}
        self._steps: list[LogRow] = []
        self._outbox: dict[str, OutboxRow] = {}
        self._listeners: list[WakeUps] = []

    async def migrate(self) -> None:
        """Nothing to bring up to date."""

    async def close(self) -> None:
        """Nothing to give back."""

    def _notify(self, channel: str) -> None:
        for wake_ups in self._listeners:
            if channel in wake_ups.channels:
                wake_ups.call(channel)

    @contextlib.asynccontextmanager
    async def listen(self, *channels: str) -> AsyncIterator[AsyncIterator[str]]:
        """Wake-ups; see ``Store.listen``."""
        if unknown := set(channels) - set(CHANNELS):
            raise StoreError(f"there is no channel {min(unknown)!r}; listen to some of {', '.join(CHANNELS)}")
        wake_ups = WakeUps(channels or CHANNELS)
        self._listeners.append(wake_ups)
        try:
            yield wake_ups
        finally:
            self._listeners.remove(wake_ups)

    # -- registry ------------------------------------------------------------------------------------------------
    async def load_registry(self) -> Registry:
        """All sensor types and devices."""
        devices = sorted(self._registry.devices(), key=lambda d: d.device_id)
        registry = Registry(self._registry.sensor_types.values(), devices)
        registry.revision = self._revision
        return registry

    async def put_sensor_type(self, sensor_type: SensorType, source: str = "", samples: str = "[]") -> int:
        """Register a sensor type."""
        columns_of(sensor_type)
        known = self._registry.sensor_type(sensor_type.id)
        if known is not None:
            check_spelling(sensor_type, known.id)
            if known == sensor_type:
                return self._revision
        if sensor_type.into is not None:
            check_into(sensor_type, sensor_type.id in self._tables)
        elif sensor_type.id in self._tables and known is not None:
            table = self._tables[sensor_type.id]
            check_change(sensor_type, table.kinds, bool(known.key))
            table.widen(sensor_type)
        else:
            self._tables[sensor_type.id] = Table(sensor_type)
        self._registry.put_sensor_type(sensor_type)
        if source:
            version = {"version": sensor_type.version, "source": source, "samples": samples, "added_at": self._since}
            others = [v for v in self._versions.get(sensor_type.id, ()) if v["version"] != sensor_type.version]
            self._versions[sensor_type.id] = sorted([*others, version], key=lambda v: v["version"])
        self._revision += 1
        self._notify("registry")
        return self._revision

    async def sensor_type_versions(self, sensor_type: str) -> list[dict[str, Any]]:
        """Versions with their documents, oldest first."""
        return deepcopy(self._versions.get(sensor_type, []))

    async def note_registry_taken(self, revision: int) -> None:
        """Ingest reads messages by this revision from now on."""
        self._taken = revision

    async def registry_taken(self) -> int:
        """The revision that ingest reads by."""
        return self._taken

    async def admit(self, names: Sequence[tuple[str, str]]) -> list[Device]:
        """Devices of these (sensor type, name), made where new."""
        top = self._registry.top
        out = [self._registry.add(t, n) for t, n in names]
        if self._registry.top > top:
            self._notify("devices")
        return out

    async def devices_after(self, device_id: int) -> list[Device]:
        """Devices with greater ids."""
        ids = range(device_id + 1, self._registry.top + 1)
        return [d for i in ids if (d := self._registry.by_id(i)) is not None]

    async def put_devices(self, devices: Sequence[Device]) -> list[Device]:
        """Insert or update devices by (sensor type, name)."""
        changed = False
        for d in devices:
            kept = self._registry.find(d.sensor_type, d.name)
            new = replace(d, device_id=self._registry.top + 1 if kept is None else kept.device_id)
            if new != kept:
                changed = True
                self._registry.put(new)
        if changed:
            self._notify("registry")
        return [found for d in devices if (found := self._registry.find(d.sensor_type, d.name)) is not None]

    async def put_city(self, document: bytes) -> None:
        """Keep the city model in force."""
        if document != self._city:
            self._city = document
            self._notify("registry")

    async def load_city(self) -> bytes | None:
        """The city model in force."""
        return self._city

    # -- ingest --------------------------------------------------------------------------------------------------
    async def claim_head(self) -> Head:
        """Become the log's writer."""
        self._head = self._head._replace(epoch=self._head.epoch + 1)
        return self._head

    async def write(self, flush: Flush) -> Written:
        """Store a flush; see ``Store.write``."""
        batches = [b for b in flush.batches if len(b)]
        for b in batches:
            if (
                b.sensor_type not in self._tables
                or not b.columns.keys() <= columns_of(self._type(b.sensor_type)).keys()
            ):
                raise StoreError(f"the store does not know {b.sensor_type} with these fields; register it first")
        if flush.epoch != self._head.epoch:
            raise FencedError("another process writes the log now; stop this one, or start it again to take over")
        if self._last is not None and self._last[0] == flush.token:
            return self._last[1]
        for b in batches:
            refuse_bad_texts(b)
        fresh = {b.sensor_type: self._tables[b.sensor_type].fresh(b) for b in batches}
        piece = Piece({b.sensor_type: b.take(fresh[b.sensor_type]) for b in batches if fresh[b.sensor_type].any()})
        for t, b in piece.batches.items():
            self._tables[t].add(b)
        written = Written(count_flush(flush, fresh), piece)
        for key, n in written.counts.items():
            kept = self._ledger.setdefault(key, Counts())
            kept.received += n.received
            kept.stored += n.stored
            kept.duplicate += n.duplicate
            kept.quarantined += n.quarantined
            if n.stored:
                self._stored_at[key] = flush.received_at
        for b in batches:
            for device in b.device[~fresh[b.sensor_type]].tolist():
                self._tally_device(device, 1, 0)
        for (sensor_type, name), (duplicate, quarantined) in device_tallies(flush).items():
            if (d := self._registry.find(sensor_type, name)) is not None:
                self._tally_device(d.device_id, duplicate, quarantined)
        self._keep_refused(flush)
        self._timeless.update(dict.fromkeys(flush.timeless, flush.received_at))
        for state, value in flush.states.items():
            self._states.pop(state, None)
            if value is not None:
                self._states[state] = value
        self._answer(flush, fresh)
        self._entry += 1
        self._log[self._entry] = LogEntry(self._entry, flush.received_at, piece)
        self._head = Head(flush.epoch, flush.position, flush.received_at)
        self._ignored += flush.ignored
        self._last = flush.token, written
        self._notify("log")
        return written

    def _type(self, name: str) -> SensorType:
        return self._tables[name].sensor_type

    def _tally_device(self, device_id: int, duplicate: int, quarantined: int) -> None:
        d, q = self._tally.get(device_id, (0, 0))
        self._tally[device_id] = (d + duplicate, q + quarantined)

    def _keep_refused(self, flush: Flush) -> None:
        for q in flush.quarantined:
            if q.retry_of is None:
                self._quarantine.add(q)

    def _answer(self, flush: Flush, fresh: Mapping[str, Any]) -> None:
        for inbox_id, answer in flush.answers.items():
            item, answered, _ = self._inbox.get(inbox_id, (None, None, 0))
            if item is None or answered is not None:
                continue
            document = answer_json(answer, lambda p: self._told(flush, fresh, p))
            self._inbox[inbox_id] = (item, document, flush.received_at)
            if item.retry_of is not None:
                self._quarantine.tried(item.retry_of, answer.refused, flush.received_at)

    def _told(self, flush: Flush, fresh: Mapping[str, Any], position: int) -> tuple[dict[str, Any], bool]:
        for b in flush.batches:
            found = np.flatnonzero(b.position == position).tolist()
            if found:
                table = self._tables[b.sensor_type]
                row = table.twin(b, found[0])
                return table.rowdict(row, self._name(row.device)), bool(fresh[b.sensor_type][found[0]])
        raise KeyError(position)

    def _name(self, device_id: int) -> str | None:
        device = self._registry.by_id(device_id)
        return None if device is None else device.name

    async def load_states(self) -> list[tuple[str, str, bytes]]:
        """What profiles remember, longest unchanged first."""
        return [(t, k, v) for (t, k), v in self._states.items()]

    async def timeless_since(self, received_at: int) -> set[bytes]:
        """Hashes of messages without time received since."""
        return {h for h, at in self._timeless.items() if at >= received_at}

    async def inbox_put(self, topic: str, payload: bytes, retry_of: int | None = None) -> int:
        """Hand in a message over HTTP."""
        self._inbox_top += 1
        inbox_id = self._inbox_top
        first: tuple[int | None, int | None] = None, None
        if retry_of is not None and (record := self._quarantine.records.get(retry_of)) is not None:
            first = record["received_at"], record["place"]
        self._inbox[inbox_id] = (InboxItem(inbox_id, topic, payload, retry_of, *first), None, 0)
        self._notify("inbox")
        return inbox_id

    async def inbox_take(self, limit: int) -> list[InboxItem]:
        """Unanswered messages, oldest first."""
        return [item for item, answer, _ in self._inbox.values() if answer is None][:limit]

    async def inbox_answer(self, inbox_id: int) -> dict[str, Any] | None:
        """The answer once it is committed, else None."""
        return deepcopy(self._inbox[inbox_id][1]) if inbox_id in self._inbox else None

    # -- scenes --------------------------------------------------------------------------------------------------
    async def claim_lease(self, name: str) -> Lease:
        """Own the scenes of a partition."""
        epoch, entry = self._leases.get(name, (0, 0))
        self._leases[name] = (epoch + 1, entry)
        return Lease(epoch + 1)

    async def read_log(self, after: int, limit: int = 200) -> list[LogEntry]:
        """Entries after a number, in order."""
        out: list[LogEntry] = []
        rows = 0
        for n, entry in self._log.items():
            if n > after and rows < ROWS_READ and len(out) < limit:
                out.append(entry)
                rows += entry.piece.rows
        return out

    async def log_end(self) -> tuple[int, int]:
        """Number of the newest log entry and the head's time of receipt."""
        return self._entry, self._head.received_at

    async def load_checkpoint(self, name: str) -> Checkpoint | None:
        """The newest checkpoint of a partition."""
        return self._checkpoints.get(name)

    def _advance_lease(self, name: str, lease: Lease, entry: int) -> None:
        epoch, offset = self._leases.get(name, (0, 0))
        if epoch != lease.epoch:
            raise FencedError("another process runs these scenes now; stop this one, or start it again to take over")
        self._leases[name] = (epoch, max(entry, offset))

    async def keep_checkpoint(self, name: str, lease: Lease, checkpoint: Checkpoint) -> None:
        """Offset and state."""
        self._advance_lease(name, lease, checkpoint.entry)
        if self._checkpoints.get(name, checkpoint).entry <= checkpoint.entry:
            self._checkpoints[name] = checkpoint

    async def commit_steps(self, name: str, lease: Lease, entry: int, steps: Sequence[Step]) -> None:
        """Offset, new steps, incidents, outbox."""
        self._advance_lease(name, lease, entry)
        for step in steps:
            applied = apply_engine_step(self._incidents.get(step.incident), deepcopy(step))
            if applied is not None:
                self._incidents[step.incident], row = applied
                self._steps.append(row)
                for owed in outbox_rows(row):
                    self._outbox.setdefault(owed.idempotency_key, owed)
                self._notify("incidents")

    # -- history -------------------------------------------------------------------------------------------------
    async def history(self, start: int, end: int, limit: int = 20_000) -> AsyncIterator[Piece]:
        """Stored rows received in [start, end), in order of position."""
        found = sorted(
            (r.position, t, r)
            for t, table in self._tables.items()
            for r in table.rows.values()
            if start <= r.received_at < end
        )
        for i in range(0, len(found), limit):
            rows: dict[str, list[Row]] = {}
            for _, t, r in found[i : i + limit]:
                rows.setdefault(t, []).append(r)
            yield Piece({t: self._tables[t].batch(r) for t, r in rows.items()})

    # -- queries of the web ----------------------------------------------------------------------------------------
    async def observations(self, query: ObservationQuery) -> Page:
        """ROWs, oldest first; with ``latest`` the newest of each device, by sensor type and device."""
        asked = [self._registry.sensor_type(w) for w in query.sensor_types]
        folded = {(t.into or t.id).replace("-", "_") for t in asked if t is not None} or set(query.sensor_types)
        tables = [self._tables[t] for t in sorted(self._tables) if not folded or t.replace("-", "_") in folded]
        limit = max(1, min(query.limit, MOST_ROWS))
        if query.latest:
            return self._latest(query, tables, limit)
        after = (-(2**63), 0) if query.cursor is None else tuple(decode_cursor(query.cursor, int, int))
        found: list[tuple[tuple[int, int], Table, Row]] = []
        for table in tables:
            device = None
            if query.device is not None:
                d = self._registry.find(table.sensor_type.id, query.device)
                if d is None:
                    continue
                device = d.device_id
            found += [((r.time, r.position), table, r) for r in table.matching(query, device)]
        found = sorted((f for f in found if f[0] > after), key=lambda f: f[0])
        items = [table.rowdict(r, self._name(r.device)) for _, table, r in found[:limit]]
        return Page(items, encode_cursor(*found[limit - 1][0]) if len(found) > limit else None)

    def _latest(self, query: ObservationQuery, tables: list[Table], limit: int) -> Page:
        after = ("", "") if query.cursor is None else tuple(decode_cursor(query.cursor, str, str))
        found = sorted(
            ((table.sensor_type.id, name), table, r)
            for table in tables
            for d, r in table.latest(query).items()
            if (name := self._name(d)) is not None and query.device in (None, name)
        )
        found = [f for f in found if f[0] > after]
        items = [table.rowdict(r, key[1]) for key, table, r in found[:limit]]
        return Page(items, encode_cursor(*found[limit - 1][0]) if len(found) > limit else None)

    async def quarantine(self, query: QuarantineQuery) -> Page:
        """Quarantine records, newest first."""
        limit = max(1, min(query.limit, MOST_QUARANTINE))
        (before,) = (2**63,) if query.cursor is None else decode_cursor(query.cursor, int)
        found = [r for r in self._quarantine.matching(query) if r["quarantine_id"] < before]
        cursor = encode_cursor(found[limit - 1]["quarantine_id"]) if len(found) > limit else None
        return Page([quarantine_item(r) for r in found[:limit]], cursor)

    async def quarantine_summary(self) -> list[dict[str, Any]]:
        """What still waits, most first."""
        return self._quarantine.summary()

    async def quarantine_retry(self, query: QuarantineQuery) -> int:
        """Hand in again what waits and passes the filters, oldest first."""
        handed = {i.retry_of for i, answer, _ in self._inbox.values() if answer is None and i.retry_of is not None}
        chosen = self._quarantine.waiting(query, handed)
        for r in chosen:
            await self.inbox_put(r["topic"], r["payload"], r["quarantine_id"])
        return len(chosen)

    async def quarantine_payload(self, quarantine_id: int) -> InboxItem | None:
        """One record's topic and bytes, for a new try."""
        record = self._quarantine.records.get(quarantine_id)
        if record is None or len(record["payload"]) != record["size"]:
            return None
        return InboxItem(0, record["topic"], record["payload"], quarantine_id)

    async def ledger(self) -> tuple[dict[str, Counts], int]:
        """Counts per ledger key, and since when."""
        return {k: replace(self._ledger[k]) for k in sorted(self._ledger)}, self._since

    async def activity(self, since: int) -> dict[str, Activity]:
        """Per ledger key, rows stored since a time of receipt."""
        rows: dict[str, int] = {}
        for entry in [e for e in self._log.values() if e.received_at >= since]:
            for name, batch in entry.piece.batches.items():
                drilled = int(np.count_nonzero(self._registry.in_exercise(batch.device)))
                rows[name] = rows.get(name, 0) + len(batch) - drilled
                rows[drill_key(name)] = rows.get(drill_key(name), 0) + drilled
        return {key: Activity(rows.get(key, 0), self._stored_at.get(key)) for key in self._ledger}

    async def device_activity(self, devices: Sequence[Device], since: int) -> dict[int, Activity]:
        """Per device id, rows since a time."""
        out = {}
        for d in devices:
            times = [r.time for r in self._tables[d.sensor_type].rows.values() if r.device == d.device_id]
            quarantined = self._tally.get(d.device_id, (0, 0))[1]
            out[d.device_id] = Activity(sum(t >= since for t in times), max(times, default=None), quarantined)
        return out

    async def device_ledger(self, sensor_type: str, device: str) -> Counts:
        """The ledger of one device."""
        known = self._registry.sensor_type(sensor_type)
        d = None if known is None else self._registry.find(known.id, device)
        if known is None or d is None:
            raise NotFoundError(
                f"there is no device {device!r} of type {sensor_type!r}; take one from the list of devices"
            )
        stored = sum(r.device == d.device_id for r in self._tables[known.id].rows.values())
        duplicate, quarantined = self._tally.get(d.device_id, (0, 0))
        return Counts(stored + duplicate + quarantined, stored, duplicate, quarantined)

    async def incidents(self, query: IncidentQuery) -> Page:
        """INCIDENTs, newest first."""
        limit = max(1, min(query.limit, MOST_INCIDENTS))
        states = None if query.state is None else states_of(query.state)
        before = None if query.cursor is None else tuple(decode_cursor(query.cursor, int, str))
        found = [
            i
            for i in sorted(self._incidents.values(), key=lambda i: (i.raised_at, i.incident), reverse=True)
            if (states is None or i.state in states)
            and query.level in (None, i.level)
            and query.scene in (None, i.scene)
            and query.event in (None, i.event)
            and (query.department is None or query.department in i.departments)
            and (query.status is None or i.incident.startswith(OF_A_DRILL) == (query.status == "exercise"))
            and (query.start is None or i.raised_at >= query.start)
            and (query.end is None or i.raised_at < query.end)
            and (query.bbox is None or _inside(i, query.bbox))
            and (before is None or (i.raised_at, i.incident) < before)
        ]
        last = found[limit - 1] if len(found) > limit else None
        return Page(
            [deepcopy(incident_object(i)) for i in found[:limit]],
            None if last is None else encode_cursor(last.raised_at, last.incident),
        )

    async def incident(self, incident_id: str) -> dict[str, Any] | None:
        """One INCIDENT."""
        found = self._incidents.get(incident_id)
        return None if found is None else deepcopy(incident_object(found))

    async def incident_log(self, incident_id: str) -> list[dict[str, Any]]:
        """All steps of an incident in order of ``seq``."""
        return [deepcopy(s.document) for s in self._steps if s.incident == incident_id]

    async def steps_after(self, event_id: int, limit: int = 500) -> list[ToldStep]:
        """Steps of all incidents after an event number."""
        first = max(event_id, 0)
        return [
            ToldStep(n, deepcopy(s.document), deepcopy(incident_object(self._incidents[s.incident])))
            for n, s in enumerate(self._steps[first : first + limit], first + 1)
        ]

    async def last_event(self) -> int:
        """Number of the newest step, 0 when there is none."""
        return len(self._steps)

    async def person_step(
        self, incident_id: str, op: str, person: str, at: int, fields: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Append a step by a person."""
        record = self._incidents.get(incident_id)
        if record is None:
            raise NotFoundError(f"there is no incident {incident_id!r}; take an id from the list of incidents")
        own = [s for s in self._steps if s.incident == incident_id]
        if says_nothing_new(record, op):
            return deepcopy(next(s.document for s in reversed(own) if s.op == op)), False
        engine = next(s.document for s in own if s.engine_number == record.engine_number)
        row = apply_person_step(record, engine, op, person, at, deepcopy(dict(fields)))
        self._steps.append(row)
        self._notify("incidents")
        return deepcopy(row.document), True

    async def statistics(self) -> dict[str, Any]:
        """Sizes and counts for health."""
        return {
            "storage": self.storage,
            "since": self._since,
            "tables": {t: {"rows": len(table.rows), "bytes": 0} for t, table in sorted(self._tables.items())},
            "leases": {
                name: {
                    "entry": entry,
                    "behind": self._entry - entry,
                    "checkpoint": (done := self._checkpoints.get(name, Checkpoint(0, b"")).entry),
                    "checkpoint_behind": self._entry - done,
                }
                for name, (_, entry) in sorted(self._leases.items())
            },
            "log_last": self._entry,
            "position": self._head.position,
            "received_at": self._head.received_at,
            "ignored": self._ignored,
            "log_first": min(self._log, default=None),
            "log_entries": len(self._log),
            "log_bytes": 0,
            "database_bytes": 0,
            "devices": sum(not d.is_exercise for d in self._registry.devices()),
            "quarantine": len(self._quarantine),
            "inbox_waiting": sum(a is None for _, a, _ in self._inbox.values()),
            "outbox_waiting": len(self._outbox),
            "incidents": len(real := [i for i in self._incidents.values() if not i.incident.startswith(OF_A_DRILL)]),
            "incidents_open": sum(i.state in states_of("open") for i in real),
        }

    async def make_room_ahead(self, now: int) -> int:
        """There is always room."""
        return 0

    async def housekeeping(self, now: int) -> dict[str, int]:
        """Delete what has served."""
        safe = min((self._checkpoints.get(n, Checkpoint(0, b"")).entry for n in self._leases), default=self._entry)
        entries = [
            n for n, e in self._log.items() if e.received_at < now - KEEP["log"] and n <= safe and n < self._entry
        ]
        hashes = [h for h, at in self._timeless.items() if at < now - KEEP["timeless"]]
        for n in entries:
            del self._log[n]
        for h in hashes:
            del self._timeless[h]
        answered = [i for i, (_, a, at) in self._inbox.items() if a is not None and at < now - KEEP["inbox"]]
        for i in answered:
            del self._inbox[i]
        gone = self._quarantine.clean(now - KEEP["quarantine"])
        done = {"log": len(entries), "timeless": len(hashes), "inbox": len(answered)}
        return {**done, "outbox": 0, "quarantine": gone, "states": 0}


def _inside(incident: Incident, bbox: tuple[float, float, float, float]) -> bool:
    west, south, east, north = bbox
    if incident.lon is None or incident.lat is None:
        return False
    return west <= incident.lon <= east and south <= incident.lat <= north
