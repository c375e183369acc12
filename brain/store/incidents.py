"""What a step does to an incident's record: pure, shared by all stores, so that they cannot differ.

The engine's steps come with a log object; people's steps (acknowledge, assign, comment, escalate, shelve, close) repeat
the state the engine last gave and add who did what. ``seq`` counts both.

| state | entered by |
|---|---|
| raised | raise, reopen |
| acknowledged | acknowledge while raised |
| cleared | clear, cancel |
| closed | close (people); only reopen leaves it |
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.errors import ConfigurationError
from brain.times import iso, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.model import Step

__all__ = [
    "MOST_INCIDENTS",
    "OF_A_DRILL",
    "Incident",
    "LogRow",
    "OutboxRow",
    "apply_engine_step",
    "apply_person_step",
    "incident_object",
    "outbox_rows",
    "says_nothing_new",
    "states_of",
]

OPEN: Final = ("raised", "acknowledged")
#: Incidents a page may hold.
MOST_INCIDENTS: Final = 1000
#: What the id of an incident of a drill begins with.
OF_A_DRILL: Final = "exercise-"
_STATES: Final = {
    "open": OPEN,
    "raised": ("raised",),
    "unacknowledged": ("raised",),
    "acknowledged": ("acknowledged",),
    "cleared": ("cleared",),
    "closed": ("closed",),
}


def states_of(word: str) -> list[str]:
    """States a filter word admits.

    Raises:
        ConfigurationError: It is none of the filter words.

    Example:
        >>> states_of("open")
        ['raised', 'acknowledged']
    """
    if word not in _STATES:
        raise ConfigurationError(f"state {word[:60]!r:.62} is unknown; use one of {', '.join(_STATES)}")
    return list(_STATES[word])


@dataclass(slots=True, kw_only=True)
class Incident:
    """The record of an incident; times in microseconds, ``document`` is the last log object."""

    incident: str
    scene: str
    event: str
    level: str
    raised_at: int
    updated_at: int
    document: dict[str, Any]
    state: str = "raised"
    departments: list[str] = field(default_factory=list)
    lon: float | None = None
    lat: float | None = None
    cleared_at: int | None = None
    last_seq: int = 0
    engine_number: int = 0
    acknowledged_by: str | None = None
    acknowledged_at: int | None = None
    assigned_to: str | None = None
    shelved_until: int | None = None
    closed_at: int | None = None


class LogRow(NamedTuple):
    """A line of an incident's log; ``engine_number`` is None for steps by people."""

    incident: str
    seq: int
    engine_number: int | None
    op: str
    at: int
    document: dict[str, Any]


class OutboxRow(NamedTuple):
    """A message to a department that has to go out at least once."""

    incident: str
    seq: int
    department: str
    role: str
    idempotency_key: str


def _log_object(seq: int, at: str, op: str, rest: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": at, "seq": seq, "op": op, **{k: v for k, v in rest.items() if k not in ("at", "seq", "op")}}


def apply_engine_step(known: Incident | None, step: Step) -> tuple[Incident, LogRow] | None:
    """The record after a step of the engine (a new one where ``known`` is None) and its log line.

    None where the step is known already, as after a crash between commit and answer.
    """
    if known is not None and step.number <= known.engine_number:
        return None
    d = step.document
    record = known or Incident(
        incident=step.incident,
        scene=d["scene"],
        event=d["event"],
        level=d["level"],
        raised_at=step.at,
        updated_at=step.at,
        document={},
    )
    record.last_seq += 1
    record.engine_number = step.number
    record.level = d["level"]
    record.updated_at = step.at
    if (position := d.get("position")) is not None:
        record.lon, record.lat = position
    departments = d.get("departments") or {}
    record.departments = list(dict.fromkeys([*departments.get("act", ()), *departments.get("inform", ())]))
    if step.op in ("clear", "cancel"):
        record.cleared_at = step.at
        if record.state != "closed":
            record.state = "cleared"
    elif step.op == "reopen":
        # it burns again: whoever had acknowledged the first fire has not seen this one
        record.state = "raised"
        record.cleared_at = record.closed_at = record.acknowledged_at = record.acknowledged_by = None
        record.shelved_until = None
    record.document = _log_object(record.last_seq, d.get("at") or iso(step.at), step.op, d)
    return record, LogRow(step.incident, record.last_seq, step.number, step.op, step.at, record.document)


def says_nothing_new(known: Incident, op: str) -> bool:
    """A second acknowledge or close of what is acknowledged or closed already."""
    return (op == "acknowledge" and known.acknowledged_at is not None) or (
        op == "close" and known.closed_at is not None
    )


def apply_person_step(
    known: Incident, engine_document: Mapping[str, Any], op: str, person: str, at: int, fields: Mapping[str, Any]
) -> LogRow:
    """Changes the record by a step of a person; ``engine_document`` is the last log object of the engine."""
    known.last_seq += 1
    known.updated_at = at
    if op == "acknowledge":
        known.acknowledged_by, known.acknowledged_at = person, at
        if known.state == "raised":
            known.state = "acknowledged"
    elif op == "assign":
        known.assigned_to = fields.get("department")
    elif op == "shelve":
        known.shelved_until = _moment(fields.get("until"))
    elif op == "escalate":
        known.level = fields.get("level") or known.level
    elif op == "close":
        known.state, known.closed_at = "closed", at
    state = {**engine_document, "level": known.level}
    known.document = _log_object(known.last_seq, iso(at), op, {**state, "by": person, **fields})
    return LogRow(known.incident, known.last_seq, None, op, at, known.document)


def _moment(until: str | int | None) -> int | None:
    return to_us(until) if isinstance(until, str) else until


def incident_object(record: Incident) -> dict[str, Any]:
    """INCIDENT of the public surface: the last log object, the state, and what people made of it."""

    def moment(us: int | None) -> str | None:
        return None if us is None else iso(us)

    return {
        **record.document,
        "status": record.document.get("status", "Actual"),
        "state": record.state,
        "raised_at": iso(record.raised_at),
        "updated_at": iso(record.updated_at),
        "cleared_at": moment(record.cleared_at),
        "acknowledged_by": record.acknowledged_by,
        "acknowledged_at": moment(record.acknowledged_at),
        "assigned_to": record.assigned_to,
        "shelved_until": moment(record.shelved_until),
        "closed_at": moment(record.closed_at),
    }


def outbox_rows(row: LogRow) -> list[OutboxRow]:
    """Messages a step of the engine owes to departments; keys stay the same when the step is computed again.

    A drill owes nobody a message: it is seen on the page.
    """
    if row.incident.startswith(OF_A_DRILL):
        return []
    departments = row.document.get("departments") or {}
    return [
        OutboxRow(row.incident, row.seq, department, role, f"{row.incident}/{row.engine_number}/{department}")
        for department, role in dict(
            [(d, "inform") for d in departments.get("inform", ())] + [(d, "act") for d in departments.get("act", ())]
        ).items()
    ]
