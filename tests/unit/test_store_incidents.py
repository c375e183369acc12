"""What steps do to an incident's record."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from brain.errors import ConfigurationError
from brain.model import Step
from brain.store.incidents import (
    Incident,
    apply_engine_step,
    apply_person_step,
    incident_object,
    outbox_rows,
    says_nothing_new,
    states_of,
)

DOCUMENT: dict[str, Any] = {
    "at": "1970-01-01T00:00:01.000Z",
    "op": "raise",
    "incident": "i",
    "scene": "travel",
    "event": "congestion",
    "level": "yellow",
    "position": [120.0, 36.0],
    "departments": {"act": ["traffic_police"], "inform": ["transport", "traffic_police"]},
}


def engine(known: Incident | None, number: int, op: str, at: int = 1_000_000, **changes: Any) -> Incident:
    applied = apply_engine_step(known, Step("i", number, at, op, {**DOCUMENT, "op": op, **changes}))
    assert applied is not None
    return applied[0]


def test_the_first_step_makes_the_record() -> None:
    record = engine(None, 1, "raise")
    assert (record.state, record.last_seq, record.engine_number, record.level) == ("raised", 1, 1, "yellow")
    assert (record.lon, record.lat) == (120.0, 36.0)
    assert record.departments == ["traffic_police", "transport"]


def test_a_known_step_changes_nothing() -> None:
    record = engine(engine(None, 1, "raise"), 2, "update")
    before = deepcopy(record)
    for number in (1, 2):
        assert apply_engine_step(record, Step("i", number, 9, "update", DOCUMENT)) is None
    assert record == before


def test_a_step_without_a_position_keeps_the_last_one_for_the_map() -> None:
    assert engine(engine(None, 1, "raise"), 2, "update", position=None).lon == 120.0


@pytest.mark.parametrize(
    ("ops", "state"),
    [
        ("raise", "raised"),
        ("raise acknowledge", "acknowledged"),
        ("raise acknowledge update", "acknowledged"),
        ("raise acknowledge merge", "acknowledged"),
        ("raise clear", "cleared"),
        ("raise cancel", "cleared"),
        ("raise clear acknowledge", "cleared"),
        ("raise acknowledge clear", "cleared"),
        ("raise close", "closed"),
        ("raise close clear", "closed"),
        ("raise close update", "closed"),
        ("raise clear close", "closed"),
        ("raise clear reopen", "raised"),
        ("raise acknowledge close reopen", "raised"),
        ("raise acknowledge clear reopen acknowledge", "acknowledged"),
        ("raise assign comment shelve escalate", "raised"),
    ],
)
def test_states(ops: str, state: str) -> None:
    record: Incident | None = None
    number = 0
    for op in ops.split():
        if op in ("acknowledge", "close", "assign", "comment", "shelve", "escalate"):
            assert record is not None
            apply_person_step(record, DOCUMENT, op, "Wang", 2_000_000, {})
        else:
            number += 1
            record = engine(record, number, op)
    assert record is not None
    assert record.state == state


def test_a_persons_step_repeats_the_state_and_says_who() -> None:
    record = engine(None, 1, "raise")
    row = apply_person_step(
        record, {**DOCUMENT, "seq": 1}, "escalate", "Wang", 2_000_000, {"level": "red", "text": "x"}
    )
    assert list(row.document)[:3] == ["at", "seq", "op"]
    assert row.document == {
        **DOCUMENT,
        "at": "1970-01-01T00:00:02.000Z",
        "seq": 2,
        "op": "escalate",
        "level": "red",
        "by": "Wang",
        "text": "x",
    }
    assert row.engine_number is None
    later = apply_person_step(record, {**DOCUMENT, "seq": 1}, "comment", "Li", 3_000_000, {"text": "y"})
    assert later.document["level"] == "red", "only the engine or a person's escalate changes the level"


def test_only_a_second_acknowledge_or_close_says_nothing_new() -> None:
    record = engine(None, 1, "raise")
    assert not says_nothing_new(record, "acknowledge")
    apply_person_step(record, DOCUMENT, "acknowledge", "Wang", 1, {})
    assert says_nothing_new(record, "acknowledge")
    assert not says_nothing_new(record, "comment")
    assert not says_nothing_new(record, "close")


def test_an_incident_object_is_the_last_log_object_and_more() -> None:
    record = engine(None, 1, "raise", at=5_000_000)
    found = incident_object(record)
    assert list(found)[: len(DOCUMENT) + 1] == list(record.document)
    assert (found["state"], found["raised_at"], found["cleared_at"]) == ("raised", "1970-01-01T00:00:05.000Z", None)


def test_a_department_that_acts_is_not_informed_as_well() -> None:
    applied = apply_engine_step(None, Step("i", 1, 1, "raise", DOCUMENT))
    assert applied is not None
    owed = {(o.department, o.role, o.idempotency_key) for o in outbox_rows(applied[1])}
    assert owed == {("traffic_police", "act", "i/1/traffic_police"), ("transport", "inform", "i/1/transport")}


def test_an_unknown_state_word_is_told_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="unacknowledged"):
        states_of("happy")
