"""What a store can do: the one door to the data base, as shapes and a protocol. No driver is imported here.

Implementations: ``timescale.py`` and ``postgres.py`` (asyncpg; one SQL core, two dialects) and ``memory.py`` (public
in-memory twin). One contract test suite runs on all.

Who writes what: *ingest* is the only writer of the log (head row with a fencing epoch), *scenes* the only writer of
engine steps and checkpoints (lease row with a fencing epoch), *serve* writes the steps of people, the inbox and the
registry.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from brain.model import EXERCISE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    import numpy as np
    from numpy.typing import NDArray

    from brain.model import Batch, Device, Piece, SensorType, Step
    from brain.registry import Registry

__all__ = [
    "ROWS_READ",
    "Activity",
    "Answer",
    "Checkpoint",
    "Counts",
    "Flush",
    "Head",
    "InboxItem",
    "IncidentQuery",
    "Lease",
    "LogEntry",
    "ObservationQuery",
    "Page",
    "QuarantineQuery",
    "Quarantined",
    "Store",
    "ToldStep",
    "Written",
    "drill_key",
    "rows_stored",
    "split_ledger",
    "total_of",
]


#: Rows of log entries that are read at a time, so that a long backlog fits into memory.
ROWS_READ: Final = 50_000


@dataclass(slots=True)
class Counts:
    """The ledger of one sensor type: received = stored + duplicate + quarantined, always."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0


def drill_key(sensor_type: str) -> str:
    """Key of the ledger under which readings of a sensor type count that belong to a drill (decision 0008).

    Example:
        >>> drill_key("gas-detector")
        'exercise:gas-detector'
    """
    return EXERCISE + sensor_type


def split_ledger(ledger: Mapping[str, Counts]) -> tuple[dict[str, Counts], dict[str, Counts]]:
    """The ledger of the real city and that of drills, both by sensor type (or ``unknown``).

    Example:
        >>> split_ledger({"drone": Counts(2, 2), "exercise:drone": Counts(1, 1)})[1]
        {'drone': Counts(received=1, stored=1, duplicate=0, quarantined=0)}
    """
    real = {k: c for k, c in ledger.items() if not k.startswith(EXERCISE)}
    return real, {k.removeprefix(EXERCISE): c for k, c in ledger.items() if k.startswith(EXERCISE)}


def total_of(ledger: Mapping[str, Counts]) -> dict[str, int]:
    """The four figures of all keys together.

    Example:
        >>> total_of({"drone": Counts(2, 1, 1), "elevator": Counts(3, 2, 0, 1)})
        {'received': 5, 'stored': 3, 'duplicate': 1, 'quarantined': 1}
    """
    names = ("received", "stored", "duplicate", "quarantined")
    return {k: sum(getattr(c, k) for c in ledger.values()) for k in names}


def rows_stored(ledger: Mapping[str, Counts], sensor_type: str) -> int:
    """Rows in the table of a sensor type, those of drills among them."""
    return sum(ledger[k].stored for k in (sensor_type, drill_key(sensor_type)) if k in ledger)


class Head(NamedTuple):
    """The end of the log as its writer claimed it.

    Attributes:
        epoch: Fencing number; every write must carry it.
        position: Last position given to a row (0 for an empty log).
        received_at: Last time of receipt, microseconds (0 for an empty log).
    """

    epoch: int
    position: int
    received_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """One refused reading or message.

    Attributes:
        payload: The bytes of the whole message (up to 256 KiB, else its first 10 KiB); ``size`` is the true size.
        sensor_type: The type it was meant for, None where the topic names no registered one.
        retry_of: Id of the quarantine record this is a new try of, else None.
        place: Of the reading in its message; -1 for the whole message.
        version: Of the sensor type that refused it, None where there is none.
        ledger_key: Key of the ledger it counts under: the sensor type, or ``unknown``.
    """

    received_at: int
    topic: str
    sensor_type: str | None
    device: str | None
    reason: str
    detail: str
    payload: bytes
    size: int
    retry_of: int | None = None
    place: int = -1
    version: int | None = None
    ledger_key: str = "unknown"


@dataclass(slots=True, kw_only=True)
class Flush:
    """Everything of one commit of ingest.

    Attributes:
        epoch: Of the head.
        position, received_at: The head after this flush (also for a tick without rows: moves the clock of the scenes).
        batches: One per sensor type; positions unique over all batches, increasing with time of receipt.
        quarantined: Refused readings.
        known: Readings known to be duplicates before the store was asked (sensor type -> device name -> n).
        timeless: Hashes of messages without time, to know their copies by; 16 bytes each.
        exercise: Sensor type -> which rows of its batch come from devices of a drill; only types that have some.
        answers: Inbox id -> positions of its rows and its refusals, answered in the same transaction.
        ignored: Messages that are counted, not ingested: retained ones without time, those a profile passes over.
        states: What profiles remember from here on: (sensor type, key) -> value, None where it is forgotten.
        token: Tells this flush from all others. Writing the *same object* again after a lost answer is safe: the store
            knows it by its token and returns what it did the first time.
    """

    epoch: int
    position: int
    received_at: int
    batches: Sequence[Batch] = ()
    quarantined: Sequence[Quarantined] = ()
    known: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    timeless: Sequence[bytes] = ()
    exercise: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    answers: Mapping[int, Answer] = field(default_factory=dict)
    ignored: int = 0
    states: Mapping[tuple[str, str], bytes | None] = field(default_factory=dict)
    token: int = field(default_factory=lambda: secrets.randbits(62) + 1)


@dataclass(slots=True, kw_only=True)
class Answer:
    """What became of one inbox message: positions of its rows, known duplicates, refusals (reason, detail)."""

    positions: Sequence[int] = ()
    duplicates: int = 0
    refused: Sequence[tuple[str, str]] = ()


class Written(NamedTuple):
    """Outcome of a flush.

    Attributes:
        counts: Ledger change per key.
        pieces: The rows really stored, as logged for the scenes.
    """

    counts: Mapping[str, Counts]
    piece: Piece


class InboxItem(NamedTuple):
    """A message that came over HTTP, or a quarantined one that is tried again.

    Attributes:
        first_received_at: Of a quarantined one, microseconds.
        place: Of the refused reading in it; -1 or None for the whole message.
    """

    inbox_id: int
    topic: str
    payload: bytes
    retry_of: int | None
    first_received_at: int | None = None
    place: int | None = None


class LogEntry(NamedTuple):
    """One committed flush as scenes read it.

    Attributes:
        entry: Number of the log entry, 1, 2, ...; gaps are possible, order is not.
        received_at: Microseconds; every row of later entries was received at or after this.
        piece: Its stored rows, late ones included.
    """

    entry: int
    received_at: int
    piece: Piece


class ToldStep(NamedTuple):
    """A step as the live stream tells it.

    Attributes:
        event: Numbers all steps of all incidents.
        log: LOG OBJECT.
        incident: INCIDENT as it is now; None where somebody has deleted it.
    """

    event: int
    log: dict[str, Any]
    incident: dict[str, Any] | None


class Lease(NamedTuple):
    """Ownership of the scenes of a partition; ``epoch`` fences."""

    epoch: int


class Checkpoint(NamedTuple):
    """Engine state as of a log entry; ``state`` is opaque bytes of the engine."""

    entry: int
    state: bytes


class Activity(NamedTuple):
    """How lively a sensor type or device is.

    Attributes:
        rows: Stored in the stretch of time asked for.
        newest: Microseconds: of a sensor type when its last rows were received, of a device the time of its newest row;
            None where there is none.
        quarantined: Of a device: readings refused, ever. 0 for a sensor type: the ledger has it.
    """

    rows: int
    newest: int | None
    quarantined: int = 0


class Page(NamedTuple):
    """A page of a list; ``cursor`` opens the next one, None at the end."""

    items: list[dict[str, Any]]
    cursor: str | None


@dataclass(slots=True, kw_only=True)
class ObservationQuery:
    """Filters of observations; times in microseconds, bbox west, south, east, north; oldest first."""

    sensor_types: Sequence[str] = ()
    device: str | None = None
    start: int | None = None
    end: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    limit: int = 100
    cursor: str | None = None
    latest: bool = False


@dataclass(slots=True, kw_only=True)
class QuarantineQuery:
    """Filters of the quarantine, newest first; ``mended``: whether a new try was stored, None: both."""

    reason: str | None = None
    topic: str | None = None
    sensor_type: str | None = None
    start: int | None = None
    end: int | None = None
    mended: bool | None = None
    limit: int = 100
    cursor: str | None = None


@dataclass(slots=True, kw_only=True)
class IncidentQuery:
    """Filters of incidents, newest first.

    ``state``: open, acknowledged, unacknowledged, cleared, closed. ``status``: actual, exercise (of a drill).
    """

    state: str | None = None
    level: str | None = None
    scene: str | None = None
    event: str | None = None
    department: str | None = None
    status: str | None = None
    start: int | None = None
    end: int | None = None
    bbox: tuple[float, float, float, float] | None = None
    limit: int = 100
    cursor: str | None = None


class Store(Protocol):
    """The one door to the data base.

    Lifetime: make it with ``brain.store.open_store(dsn)``, close it once. Safe for use by tasks of one event loop.
    Every method raises ``StoreError`` when the data base is out of reach; the caller decides about trying again.
    """

    storage: str  # "timescaledb 2.19.3" or "postgresql 16.14"

    async def migrate(self) -> None:
        """Bring the schema up to date; safe to call from several processes at once."""

    async def close(self) -> None:
        """Give connections back."""

    # -- registry ------------------------------------------------------------------------------------------------
    async def load_registry(self) -> Registry:
        """All sensor types and devices."""

    async def put_sensor_type(self, sensor_type: SensorType, source: str = "", samples: str = "[]") -> int:
        """Register a sensor type and make or extend its hypertable; notifies channel ``registry``.

        Args:
            sensor_type: As it shall be from now on.
            source: The document as it was handed in; kept with its version where it is not empty.
            samples: JSON of the samples that came with it.

        Returns:
            The revision of the registry with it: ``registry_taken`` tells when ingest reads by it.

        Raises:
            SensorTypeError: It does not go together with what is stored.
        """

    async def sensor_type_versions(self, sensor_type: str) -> list[dict[str, Any]]:
        """Versions, oldest first: ``version``, ``source``, ``samples`` (JSON) and ``added_at`` (microseconds)."""

    async def note_registry_taken(self, revision: int) -> None:
        """Ingest reads messages by this revision of the registry from now on."""

    async def registry_taken(self) -> int:
        """The revision that ingest reads by."""

    async def admit(self, names: Sequence[tuple[str, str]]) -> list[Device]:
        """Devices of these (sensor type, name), made where new, in the order asked; notifies ``devices``."""

    async def devices_after(self, device_id: int) -> list[Device]:
        """Devices with greater ids, in order: those that came since one knew all up to this id."""

    async def put_devices(self, devices: Sequence[Device]) -> list[Device]:
        """Insert or update devices by (sensor type, name), whatever their ``device_id``; notifies ``registry``."""

    async def put_city(self, document: bytes) -> None:
        """Keep the city model in force (JSON); notifies ``registry`` when it changed."""

    async def load_city(self) -> bytes | None:
        """The city model in force."""

    # -- ingest --------------------------------------------------------------------------------------------------
    async def claim_head(self) -> Head:
        """Become the log's writer: raises the epoch, so that a former writer is fenced at its next write."""

    async def write(self, flush: Flush) -> Written:
        """Store a flush in one transaction: hypertables, quarantine, ledger, log entry, answers.

        Rows whose (device, time, id or key) is stored already, or comes twice in the flush, count as duplicate.

        Raises:
            FencedError: Another writer claimed the head; nothing was written.
            StoreError: Out of reach (try again), or a row was refused (``poison`` attribute True: bisect).
        """

    async def load_states(self) -> list[tuple[str, str, bytes]]:
        """What profiles remember: (sensor type, key, value), longest unchanged first."""

    async def timeless_since(self, received_at: int) -> set[bytes]:
        """Hashes of messages without time received since (10 minutes are kept)."""

    async def inbox_put(self, topic: str, payload: bytes, retry_of: int | None = None) -> int:
        """Hand in a message over HTTP; notifies channel ``inbox``."""

    async def inbox_take(self, limit: int) -> list[InboxItem]:
        """Unanswered messages, oldest first (they stay until answered by a flush)."""

    async def inbox_answer(self, inbox_id: int) -> dict[str, Any] | None:
        """``{"rows": [ROW], "duplicates": n, "refused": [{"reason", "detail"}]}`` once it is committed, else None."""

    # -- scenes --------------------------------------------------------------------------------------------------
    async def claim_lease(self, name: str) -> Lease:
        """Own the scenes of a partition; a former owner is fenced."""

    async def read_log(self, after: int, limit: int = 200) -> list[LogEntry]:
        """The next entries after a number, in order: at most ``limit``, and no more once they hold ``ROWS_READ`` rows.

        A list short of both is the end of the log.
        """

    async def log_end(self) -> tuple[int, int]:
        """Number of the newest log entry and the head's time of receipt, microseconds (0, 0 for an empty log).

        One cheap row: the web asks every few seconds for its health and to follow the log from its end.
        """

    async def load_checkpoint(self, name: str) -> Checkpoint | None:
        """The newest checkpoint of a partition."""

    async def commit_steps(self, name: str, lease: Lease, entry: int, steps: Sequence[Step]) -> None:
        """One transaction: offset, steps but those known by (incident, number), incidents, outbox.

        ``seq`` of the public log is given here, after the steps people made meanwhile. Notifies channel ``incidents``.

        Raises:
            FencedError: Another process owns the scenes now.
        """

    async def keep_checkpoint(self, name: str, lease: Lease, checkpoint: Checkpoint) -> None:
        """Keep the scenes' state in place of the one before; the steps up to its entry are committed.

        Raises:
            FencedError: Another process owns the scenes now.
        """

    def listen(self, *channels: str) -> AbstractAsyncContextManager[AsyncIterator[str]]:
        """Wake-ups: iterates names of ``log``, ``incidents``, ``inbox``, ``registry``, ``devices``; all by default.

        Reconnects by itself and yields every channel once after a reconnect.
        """

    # -- history -------------------------------------------------------------------------------------------------
    def history(self, start: int, end: int, limit: int = 20_000) -> AsyncIterator[Piece]:
        """Stored rows received in [start, end), in order of position, as pieces of about ``limit`` rows."""

    # -- queries of the web ----------------------------------------------------------------------------------------
    async def observations(self, query: ObservationQuery) -> Page:
        """ROWs, oldest first."""

    async def quarantine(self, query: QuarantineQuery) -> Page:
        """Quarantine records as the public surface shows them."""

    async def quarantine_summary(self) -> list[dict[str, Any]]:
        """What still waits, most first: ``reason sensor_type count oldest newest``, times in microseconds."""

    async def quarantine_retry(self, query: QuarantineQuery) -> int:
        """Hand in again what waits and passes the filters, ``limit`` at most; notifies ``inbox``.

        What was tried least comes first, then the oldest, so that repeated calls get through all of it.
        Records of which only the beginning was kept, and those already handed in, are left out.
        """

    async def quarantine_payload(self, quarantine_id: int) -> InboxItem | None:
        """One record's topic and bytes, for a new try."""

    async def ledger(self) -> tuple[dict[str, Counts], int]:
        """Counts per ledger key, those of drills under ``drill_key``, and since when (microseconds)."""

    async def activity(self, since: int) -> dict[str, Activity]:
        """Per ledger key, rows stored since a time of receipt (the last 24 h are known); one query for all of them."""

    async def device_activity(self, devices: Sequence[Device], since: int) -> dict[int, Activity]:
        """Per device id, rows whose time is at or after ``since``; one query per sensor type among them."""

    async def incidents(self, query: IncidentQuery) -> Page:
        """INCIDENTs, newest first."""

    async def incident(self, incident_id: str) -> dict[str, Any] | None:
        """One INCIDENT."""

    async def incident_log(self, incident_id: str) -> list[dict[str, Any]]:
        """All steps of an incident in order of ``seq``; empty when unknown."""

    async def steps_after(self, event_id: int, limit: int = 500) -> list[ToldStep]:
        """Steps of all incidents after an event number, for the live stream."""

    async def last_event(self) -> int:
        """Number of the newest step, 0 when there is none."""

    async def person_step(
        self, incident_id: str, op: str, person: str, at: int, fields: Mapping[str, Any]
    ) -> tuple[dict[str, Any], bool]:
        """Append a step by a person: (log object, True), or (the earlier one, False) where it says nothing new.

        A second acknowledge or close says nothing new. ``fields`` go into the log object: ``department`` of assign,
        ``until`` (RFC 3339) of shelve, ``level`` of escalate are kept in the incident, too.

        Raises:
            NotFoundError: There is no such incident.
        """

    async def statistics(self) -> dict[str, Any]:
        """Sizes and counts for health: rows per table, data base bytes, log entries, checkpoint lag."""

    async def device_ledger(self, sensor_type: str, device: str) -> Counts:
        """The ledger of one device: stored is counted from its rows, the rest is kept. Raises NotFoundError."""

    async def housekeeping(self, now: int) -> dict[str, int]:
        """Delete what has served, as of now (microseconds). Called hourly.

        Log entries older than 24 h that every checkpoint is past, hashes of messages without time after 10 minutes,
        answered inbox messages after an hour, sent outbox messages after 7 days, quarantine records and what profiles
        remember after 90 days without a change.

        Returns:
            What was deleted: log, timeless, inbox, outbox, quarantine, states.
        """

    async def make_room_ahead(self, now: int) -> int:
        """Give tables in use the room (chunk, partition) for rows of half a day later. Called hourly.

        Made by the first rows themselves it would hold them up: a hundredth of a second for each sensor type.

        Returns:
            How many tables got some.
        """
