"""The scenes' side of the SQL store: the log as they read it, and incidents with all they change in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec

from brain.errors import FencedError, NotFoundError
from brain.store._cursor import decode_cursor, encode_cursor
from brain.store._exchange import (
    Line,
    Step,
    float8,
    instant,
    int4,
    int4s,
    int8,
    int8s,
    moment,
    moments,
    number,
    text,
    texts,
)
from brain.store._filters import Filter, is_storable
from brain.store._sql import load_queries
from brain.store._write import WritePart
from brain.store.base import ROWS_READ, Checkpoint, Lease, LogEntry, Page, ToldStep
from brain.store.incidents import (
    MOST_INCIDENTS,
    OF_A_DRILL,
    Incident,
    apply_engine_step,
    apply_person_step,
    incident_object,
    outbox_rows,
    says_nothing_new,
    states_of,
)
from brain.store.pieces import decode_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from brain.model import Step as EngineStep
    from brain.store._door import Connection
    from brain.store._exchange import Cell
    from brain.store.base import IncidentQuery
    from brain.store.incidents import LogRow

__all__ = ["ScenesPart"]

_Q: Final = load_queries("scenes")
_BEGIN: Final = Step("BEGIN", keep=True)
_COMMIT: Final = Step("COMMIT", keep=True)
_LOCK: Final = Step(_Q["lock_events"].text, keep=True)
_COLUMNS: Final = (
    "incident", "scene", "event", "level", "state", "departments", "lon", "lat", "raised_at", "updated_at",
    "cleared_at", "last_seq", "engine_number", "document", "acknowledged_by", "acknowledged_at", "assigned_to",
    "shelved_until", "closed_at",
)  # fmt: skip

_AS: Final[Mapping[str, Callable[[Any], bytes]]] = {  # how columns are sent that are no texts
    "departments": texts,
    **dict.fromkeys(("lon", "lat"), float8),
    **dict.fromkeys(("last_seq", "engine_number"), int4),
    **dict.fromkeys([c for c in _COLUMNS if c.endswith(("_at", "_until"))], moment),
}


def _fenced() -> FencedError:
    return FencedError("another process runs these scenes now; stop this one, or start it again to take over")


def _storable(incidents: Iterable[str]) -> list[str]:
    return sorted(i for i in incidents if is_storable(i))


def _json(document: Any) -> str:
    return msgspec.json.encode(document).decode()


def _incident_of(record: Any) -> Incident:
    return Incident(**{**dict(record.items()), "document": msgspec.json.decode(record["document"])})


def _cells(record: Incident) -> list[Cell]:
    values = {c: getattr(record, c) for c in _COLUMNS}
    values["document"] = _json(record.document)
    return [None if v is None else _AS.get(c, text)(v) for c, v in values.items()]


def _engine_steps(steps: Sequence[EngineStep], records: dict[str, Incident], last: int) -> tuple[list[Step], int]:
    """What to send for the steps that are new, and the newest event then; ``records`` become what they are after."""
    rows: list[LogRow] = []
    for step in steps:
        if (applied := apply_engine_step(records.get(step.incident), step)) is not None:
            records[step.incident], row = applied
            rows.append(row)
    if not rows:
        return [], last
    out = _appended(last, rows, [records[i] for i in dict.fromkeys(r.incident for r in rows)])
    if owed := [o for r in rows for o in outbox_rows(r)]:
        incidents, seqs, *others = zip(*owed, strict=True)
        out.append(Step(_Q["put_outbox"].text, [texts(incidents), int4s(seqs), *map(texts, others)], keep=True))
    return out, last + len(rows)


def _appended(last: int, rows: Sequence[LogRow], records: Sequence[Incident]) -> list[Step]:
    """What appends log lines as events last+1, ... and keeps the changed records; needs lock_events."""
    lines = [
        int8s(range(last + 1, last + 1 + len(rows))),
        *(texts([r.incident for r in rows]), int4s([r.seq for r in rows]), int4s([r.engine_number for r in rows])),
        *(texts([r.op for r in rows]), moments([r.at for r in rows]), texts([_json(r.document) for r in rows])),
    ]
    return [
        Step(_Q["put_steps"].text, lines, keep=True),
        *(Step(_Q["put_incident"].text, _cells(r), keep=True) for r in records),
        Step(_Q["advance_events"].text, [int8(last + len(rows))], keep=True),
    ]


class ScenesPart(WritePart):
    """Methods of the store about the log, steps and incidents."""

    def __init__(self) -> None:
        super().__init__()
        self._newest: int | None = None  # event, as of our last commit
        self._has_lease = False

    async def claim_lease(self, name: str) -> Lease:
        """Own the scenes of a partition; a former owner is fenced."""
        self._has_lease = True
        return Lease(await self._door.value(_Q["claim_lease"].text, name))

    async def read_log(self, after: int, limit: int = 200) -> list[LogEntry]:
        """Entries after a number, in order."""
        ask = Step(_Q["read_log"].text, [int8(after), int8(limit), int8(ROWS_READ)], keep=self._has_lease)
        if self._has_lease:  # the scenes take turns reading and writing: one server for both
            async with self._door.standing() as line:
                (rows,) = await line.exchange([ask])
        else:
            async with self._door.connection() as c:
                (rows,) = await Line(c).exchange([ask])
        return [LogEntry(number(entry), instant(at), decode_piece(piece or b"")) for entry, at, piece in rows]

    async def log_end(self) -> tuple[int, int]:
        """Number of the newest log entry and the head's time of receipt."""
        (row,) = await self._door.fetch(_Q["log_end"].text)
        return row["entry"], row["received_at"]

    async def load_checkpoint(self, name: str) -> Checkpoint | None:
        """The newest checkpoint of a partition."""
        async with self._door.connection() as c:
            found = await c.fetchrow(_Q["load_checkpoint"].text, name)
        return None if found is None else Checkpoint(found["entry"], found["state"])

    async def commit_steps(self, name: str, lease: Lease, entry: int, steps: Sequence[EngineStep]) -> None:
        """One transaction: offset, new steps, incidents, outbox; see ``Store.commit_steps``."""
        lease_moves = Step(_Q["advance_lease"].text, [text(name), int8(lease.epoch), int8(entry)], keep=True)
        async with self._door.standing() as line:
            try:
                if not steps:
                    await line.exchange([lease_moves])
                elif not await self._raised(line, lease_moves, steps):
                    await self._stepped(line, lease_moves, steps)
            except asyncpg.DivisionByZeroError as error:  # only advance_lease still divides
                raise _fenced() from error

    async def keep_checkpoint(self, name: str, lease: Lease, checkpoint: Checkpoint) -> None:
        """Keep the state, on a connection of its own: it is large; see ``Store.keep_checkpoint``.

        Two transactions, or steps would wait for the lease until the state is on the disk.
        """
        async with self._door.connection() as c:
            await c.execute(_Q["put_checkpoint"].text, name, lease.epoch, checkpoint.entry, checkpoint.state)
            try:
                await c.execute(_Q["advance_lease"].text, name, lease.epoch, checkpoint.entry)
            except asyncpg.DivisionByZeroError as error:
                raise _fenced() from error

    async def _raised(self, line: Line, lease_moves: Step, steps: Sequence[EngineStep]) -> bool:
        """Commit steps that make new incidents in one exchange; False where another one's step came after our last."""
        if self._newest is None or any(s.op != "raise" for s in steps):
            return False
        names = _storable(s.incident for s in steps)
        new, newest = _engine_steps(steps, {}, self._newest)
        lock = Step(_Q["lock_events_after"].text, [int8(self._newest), texts(names)], keep=True)
        self._newest = None
        try:
            await line.exchange([lease_moves, lock, *new])
        except asyncpg.DivisionByZeroError:
            if line.done == 0:
                raise
            return False
        self._newest = newest
        return True

    async def _stepped(self, line: Line, lease_moves: Step, steps: Sequence[EngineStep]) -> None:
        """Look which of the steps are new, then commit those."""
        names = {s.incident for s in steps}
        look = Step(_Q["known_incidents"].text, [texts(_storable(names))], keep=True)
        *_, (found,), known = await line.exchange([_BEGIN, lease_moves, _LOCK, look])
        records = await self._records(line.connection, names) if known else {}
        new, newest = _engine_steps(steps, records, int.from_bytes(found[0] or b"", "big"))
        await line.exchange([*new, _COMMIT])
        self._newest = newest

    async def _records(self, c: Connection, incidents: Iterable[str]) -> dict[str, Incident]:
        found = await c.fetch(_Q["find_incidents"].text, _storable(incidents))
        return {r["incident"]: _incident_of(r) for r in found}

    async def person_step(
        self, incident_id: str, op: str, person: str, at: int, fields: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Append a step by a person; see ``Store.person_step``."""
        async with self._door.transaction() as c:
            last = await c.fetchval(_Q["lock_events"].text)
            record = (await self._records(c, [incident_id])).get(incident_id)
            if record is None:
                raise NotFoundError(f"there is no incident {incident_id!r}; take an id from the list of incidents")
            if says_nothing_new(record, op):
                earlier = await c.fetchval(_Q["last_of_op"].text, incident_id, op)
                return msgspec.json.decode(earlier), False
            engine = await c.fetchval(_Q["engine_document"].text, incident_id, record.engine_number)
            row = apply_person_step(record, msgspec.json.decode(engine), op, person, at, fields)
            # nothing is kept prepared: who borrows this connection next knows of no statement of ours
            await Line(c).exchange([step._replace(keep=False) for step in _appended(last, [row], [record])])
        return row.document, True

    async def incidents(self, query: IncidentQuery) -> Page:
        """INCIDENTs, newest first."""
        if not is_storable(query.level, query.scene, query.event, query.department):
            return Page([], None)
        limit = max(1, min(query.limit, MOST_INCIDENTS))
        f = Filter(limit + 1)
        if query.state is not None:
            f.add("state = ANY ({}::text[])", states_of(query.state))
        f.add_where_given("level = {}", query.level)
        f.add_where_given("scene = {}", query.scene)
        f.add_where_given("event = {}", query.event)
        f.add_where_given("{} = ANY (departments)", query.department)
        if query.status is not None:
            f.add("starts_with(incident, {}) = {}", OF_A_DRILL, query.status == "exercise")
        f.add_where_given("raised_at >= {}", query.start)
        f.add_where_given("raised_at < {}", query.end)
        if query.bbox is not None:
            west, south, east, north = query.bbox
            f.add("lon BETWEEN {} AND {} AND lat BETWEEN {} AND {}", west, east, south, north)
        if query.cursor is not None:
            f.add("(raised_at, incident) < ({}, {})", *decode_cursor(query.cursor, int, str))
        found = await self._door.fetch(_Q["list_incidents"].text.format(conditions=f.text), *f.arguments)
        records = [_incident_of(r) for r in found[:limit]]
        last = records[-1] if len(found) > limit else None
        return Page(
            [incident_object(r) for r in records],
            None if last is None else encode_cursor(last.raised_at, last.incident),
        )

    async def incident(self, incident_id: str) -> dict[str, Any] | None:
        """One INCIDENT."""
        async with self._door.connection() as c:
            record = (await self._records(c, [incident_id])).get(incident_id)
        return None if record is None else incident_object(record)

    async def incident_log(self, incident_id: str) -> list[dict[str, Any]]:
        """All steps of an incident in order of ``seq``."""
        if not is_storable(incident_id):
            return []
        rows = await self._door.fetch(_Q["incident_log"].text, incident_id)
        return [msgspec.json.decode(r["document"]) for r in rows]

    async def steps_after(self, event_id: int, limit: int = 500) -> list[ToldStep]:
        """Steps of all incidents after an event number."""
        rows = await self._door.fetch(_Q["steps_after"].text, event_id, limit)
        incidents: dict[str, dict[str, Any] | None] = {}
        for r in rows:
            if r["incident"] not in incidents:
                known = None if r["scene"] is None else _incident_of({c: r[c] for c in _COLUMNS})
                incidents[r["incident"]] = None if known is None else incident_object(known)
        return [ToldStep(r["number"], msgspec.json.decode(r["step"]), incidents[r["incident"]]) for r in rows]

    async def last_event(self) -> int:
        """Number of the newest step, 0 when there is none."""
        event: int = await self._door.value(_Q["last_event"].text)
        return event
