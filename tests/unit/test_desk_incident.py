"""The life of an incident: raised, updated, cleared, re-opened, cancelled, merged, forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from brain.model import Certainty, Level, Modality
from brain.scene_api import Gate
from tests.unit.engine_world import CITY, SECOND, T0, Fire, desk, told

if TYPE_CHECKING:
    from brain.desk import Desk
    from brain.model import Step


def at(seconds: float) -> int:
    return T0 + round(seconds * SECOND)


def hear(d: Desk, seconds: float, **changes: Any) -> list[Step]:
    return d.hear("k", told(seconds, **changes), at(seconds))


def marks(d: Desk, until: float, start: float = 0) -> list[Step]:
    return [s for t in range(int(start), int(until) + 1) for s in d.mark(at(t))]


def brief(steps: list[Step]) -> list[tuple[str, float, str]]:
    return [(s.op, (s.at - T0) / SECOND, s.document["reason"]) for s in steps]


def drone(**changes: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"modality": Modality.LOW_ALTITUDE, "sensor_type": "drone", "device": "U1", "witness": "d"}
    return base | {"weight": 4.5, "opens": False, "level": None} | changes


def test_a_log_object_has_all_keys_in_order_and_explains_itself() -> None:
    (step,) = hear(desk(Fire()), 1.5)
    d = step.document
    assert list(d) == [
        *("at", "op", "incident", "scene", "event", "level", "certainty", "reason", "position", "area", "departments"),
        *("evidence", "report_count", "count", "plan", "headline", "actions", "rule", "simulated"),
    ]
    assert (d["at"], d["op"], d["level"], d["certainty"]) == ("2026-07-01T06:00:01.500Z", "raise", "yellow", "likely")
    assert d["incident"].startswith("fire-20260701T060001-")
    assert d["headline"] == {"zh": "【黄色】着火", "en": "[YELLOW] Fire"}
    assert d["rule"] == {"scene": "fire_rescue", "version": "7", "overlay": None, "parameters": {}}
    assert d["plan"] == {"verify": {"camera": None, "drone": None}}
    assert d["evidence"][0]["window"] == {"from": d["evidence"][0]["at"], "to": d["evidence"][0]["at"]}
    assert d["evidence"][0]["device"] == "C1"
    assert d["position"] == [120.4, 36.1]
    assert d["simulated"] is False


def test_too_little_evidence_waits_as_a_candidate_and_is_raised_by_a_second_eye() -> None:
    d = desk(Fire())
    assert hear(d, 0, weight=4.5) == []
    (step,) = hear(d, 30, **drone())
    assert (step.op, step.document["certainty"]) == ("raise", "observed")
    assert [e["device"] for e in step.document["evidence"]] == ["C1", "U1"]


def test_a_candidate_is_forgotten_after_the_gate() -> None:
    d = desk(Fire())
    hear(d, 0, weight=4.5)
    assert marks(d, 601) == []
    assert d.state.incidents["k"] == []
    assert hear(d, 610, **drone()) == []


def test_loose_evidence_joins_an_incident_raised_later_within_the_gate_only() -> None:
    d = desk(Fire())
    hear(d, 0, **drone())
    hear(d, 0, **drone(witness="far", device="U2", lon=120.5))
    hear(d, 0, **drone(witness="old", device="U3", time=T0))
    (step,) = hear(d, 599)
    assert sorted(e["device"] for e in step.document["evidence"]) == ["C1", "U1", "U3"]
    d = desk(Fire())
    hear(d, 0, **drone())
    (step,) = hear(d, 601)
    assert [e["device"] for e in step.document["evidence"]] == ["C1"]


def test_an_end_without_a_beginning_says_nothing() -> None:
    d = desk(Fire())
    assert hear(d, 0, holds=False, ended=T0) == []
    assert d.state.incidents["k"] == []


def test_updates_keep_ten_seconds_apart_and_the_held_back_one_falls_due_at_a_mark() -> None:
    d = desk(Fire())
    hear(d, 0)
    steps = hear(d, 1, **drone())
    steps += hear(d, 3.2, modality=Modality.METER, sensor_type="smoke-detector", device="S1", witness="s", level=None)
    steps += marks(d, 30, 2)
    assert brief(steps) == [("update", 1, "certainty"), ("update", 11, "evidence")]


def test_a_rising_level_does_not_wait() -> None:
    d = desk(Fire())
    hear(d, 0)
    steps = hear(d, 1, **drone()) + hear(d, 2, level=Level.ORANGE) + hear(d, 3, level=Level.RED)
    assert brief(steps) == [("update", 1, "certainty"), ("update", 2, "level"), ("update", 3, "level")]


def test_a_change_that_went_back_while_held_back_is_not_told() -> None:
    d = desk(Fire())
    hear(d, 0, values={"plan": {"hospital": "H1"}})
    steps = hear(d, 1, values={"plan": {"hospital": "H2"}})
    steps += hear(d, 3, values={"plan": {"hospital": "H1"}})
    steps += hear(d, 5, values={"plan": {"hospital": "H2"}})
    steps += marks(d, 60, 6)
    assert brief(steps) == [("update", 1, "hospital_change")]  # what it showed is what holds at second 11


@pytest.mark.parametrize(
    ("key", "word"),
    [
        ("primary_unit", "unit_change"),
        ("hospital", "hospital_change"),
        ("route", "reroute"),
        ("move_up", "unit_change"),
    ],
)
def test_changes_of_the_plan_have_their_words(key: str, word: str) -> None:
    d = desk(Fire())
    hear(d, 0, values={"plan": {key: "A"}})
    assert hear(d, 5, values={"plan": {key: "A", "eta_s": 3}}) == []
    assert brief(hear(d, 6, values={"plan": {key: "B"}})) == [("update", 6, word)]


def square(side: float, lon: float = 120.4) -> dict[str, Any]:
    ring = [[lon, 36.1], [lon + side, 36.1], [lon + side, 36.1 + side], [lon, 36.1 + side], [lon, 36.1]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_the_area_must_grow_by_a_fifth_or_move_fifty_metres() -> None:
    d = desk(Fire())
    hear(d, 0, values={"area": square(0.002)})
    assert hear(d, 20, values={"area": square(0.00215)}) == []
    assert brief(hear(d, 40, values={"area": square(0.0023)})) == [("update", 40, "area")]
    assert brief(hear(d, 60, values={"area": square(0.0023, 120.401)})) == [("update", 60, "area")]


def test_evidence_may_ask_for_an_update_by_its_own_word() -> None:
    d = desk(Fire())
    hear(d, 0)
    assert brief(hear(d, 5, reason="located")) == [("update", 5, "located")]
    assert brief(hear(d, 6, reason="eta_slip") + marks(d, 20, 7)) == [("update", 15, "eta_slip")]


def test_an_open_incident_says_itself_again_every_quarter_of_an_hour() -> None:
    d = desk(Fire())
    hear(d, 0.5)
    assert brief(marks(d, 1900)) == [("update", 901, "periodic"), ("update", 1801, "periodic")]


def test_it_clears_at_the_first_mark_after_the_hold_by_event_time() -> None:
    d = desk(Fire())
    hear(d, 0)
    d.hear("k", told(20, holds=False, ended=at(20), messages=7), at(22.7))
    (clear,) = marks(d, 400, 23)
    assert brief([clear]) == [("clear", 320, "ended")]
    assert clear.document["level"] == "yellow"
    assert clear.document["count"] == 7
    assert clear.document["evidence"][0]["holds"] is False
    assert clear.document["headline"]["zh"] == "【黄色·解除】着火"


def test_a_return_within_the_hold_begins_it_anew() -> None:
    d = desk(Fire())
    hear(d, 0)
    hear(d, 20, holds=False, ended=at(20))
    hear(d, 200)
    hear(d, 220, holds=False, ended=at(220))
    assert brief(marks(d, 600, 221)) == [("clear", 520, "ended")]


def test_a_policy_without_hold_clears_at_once() -> None:
    class Gap(Fire):
        hold_s = 0.0

    d = desk(Gap())
    hear(d, 0)
    assert brief(hear(d, 20.25, holds=False, ended=at(20.25))) == [("clear", 20.25, "ended")]


def test_a_policy_may_say_itself_when_it_ended() -> None:
    d = desk(Fire())
    hear(d, 0)
    hear(d, 30, values={"ended": True})
    assert brief(marks(d, 331, 31)) == [("clear", 330, "ended")]
    assert hear(d, 340, values={"ended": True}) == []


def test_a_trigger_soon_after_the_clear_reopens_the_same_incident_with_its_level_judged_anew() -> None:
    d = desk(Fire())
    (first,) = hear(d, 0, level=Level.ORANGE)
    hear(d, 10, holds=False, ended=at(10), level=Level.ORANGE)
    marks(d, 310, 11)
    (again,) = hear(d, 600, level=Level.YELLOW)
    assert (again.op, again.incident, again.number) == ("reopen", first.incident, 3)
    assert again.document["level"] == "yellow"


def test_a_trigger_long_after_the_clear_is_a_new_incident() -> None:
    d = desk(Fire())
    (first,) = hear(d, 0)
    hear(d, 10, holds=False, ended=at(10))
    marks(d, 611, 11)
    (again,) = hear(d, 612)
    assert again.op == "raise"
    assert again.incident != first.incident


def test_the_level_stays_while_open_unless_the_policy_says_otherwise() -> None:
    d = desk(Fire())
    hear(d, 0, level=Level.ORANGE)
    assert hear(d, 30, level=Level.YELLOW) == []

    class Loose(Fire):
        latched = False

    d = desk(Loose())
    hear(d, 0, level=Level.ORANGE)
    (step,) = hear(d, 30, level=Level.YELLOW)
    assert (step.document["level"], step.document["reason"]) == ("yellow", "level")


def test_certainty_never_falls_while_open() -> None:
    d = desk(Fire())
    hear(d, 0)
    hear(d, 1, **drone())
    hear(d, 60, **drone(holds=False, ended=at(60)))
    steps = marks(d, 2000, 61)
    assert {s.document["certainty"] for s in steps} == {"observed"}


def test_a_report_that_joins_is_a_merge() -> None:
    d = desk(Fire())
    hear(d, 0, reports=1, weight=7.5)
    call = {"modality": Modality.SERVICE, "sensor_type": "emergency-call", "device": "119", "reports": 1}
    (step,) = hear(d, 5, witness="call/2", **call)
    assert (step.op, step.document["report_count"]) == ("merge", 2)
    assert hear(d, 6, witness="call/2", **call) == []  # the same call again


def test_a_false_alarm_cancels_and_its_witnesses_do_not_raise_it_again() -> None:
    d = desk(Fire())
    hear(d, 0)
    (step,) = hear(d, 10, witness="look", modality=Modality.LOW_ALTITUDE, false_alarm=True, opens=False, level=None)
    assert (step.op, step.document["reason"]) == ("cancel", "false_alarm")
    assert step.document["headline"]["en"] == "[YELLOW, CANCELLED] Fire"
    assert hear(d, 20) == []
    (other,) = hear(d, 30, witness="video-event/C2/flame", device="C2")
    assert other.op == "raise"
    assert other.incident != step.incident


def test_a_false_alarm_about_a_candidate_drops_it() -> None:
    d = desk(Fire())
    hear(d, 0, weight=4.5)
    assert hear(d, 5, false_alarm=True) == []
    assert d.state.incidents["k"] == []


def test_what_is_far_is_another_incident() -> None:
    d = desk(Fire())
    (one,) = hear(d, 0)
    (two,) = hear(d, 1, witness="w2", device="C2", lon=120.402)  # 180 m
    (near,) = hear(d, 2, witness="w3", device="C3", lon=120.4012, modality=Modality.METER)  # 108 m and 72 m
    assert one.incident != two.incident
    assert near.incident == two.incident


def test_an_equal_subject_joins_at_any_distance() -> None:
    d = desk(Fire())
    (one,) = hear(d, 0, subject="lift/7")
    (two,) = hear(d, 1, subject="lift/7", witness="w2", device="C2", lon=120.45, modality=Modality.METER)
    assert two.incident == one.incident


def test_a_witness_that_moved_away_after_its_end_starts_anew() -> None:
    d = desk(Fire())
    (one,) = hear(d, 0)
    hear(d, 5, lon=120.409)  # while it holds it may move
    hear(d, 10, holds=False, ended=at(10), lon=120.409)
    (two,) = hear(d, 20, lon=120.43)
    assert (two.op, two.incident != one.incident) == ("raise", True)


def test_count_never_falls_when_a_finding_begins_again() -> None:
    d = desk(Fire())
    hear(d, 0, messages=9)
    hear(d, 5, messages=10, holds=False, ended=at(5))
    (step,) = hear(d, 6, messages=1, reason="queue")
    assert step.document["count"] == 11


def test_ids_follow_from_the_cause_alone() -> None:
    ids = set()
    for _ in range(2):
        d = desk(Fire())
        hear(d, -500, witness="other", device="C9", lon=120.45)
        (step,) = hear(d, 0)
        ids.add(step.incident)
    assert len(ids) == 1


def test_saved_and_restored_it_goes_on() -> None:
    from brain.pipeline.codec import pack, unpack

    d = desk(Fire())
    hear(d, 0)
    hear(d, 20, holds=False, ended=at(20))
    hear(d, 21, **drone(lon=120.5))
    other = desk(Fire())
    other.restore(unpack(pack(d.state)))
    assert brief(marks(other, 400, 22)) == brief(marks(d, 400, 22)) == [("clear", 320, "ended")]


def test_thousands_of_loose_lines_are_swept() -> None:
    class Wide(Fire):
        gate = Gate(150.0, 1.0)

    d = desk(Wide(), CITY)
    for k in range(5000):
        hear(d, k, **drone(witness=f"w{k}"))
    assert len(d.state.loose["k"]) < 200


def test_certainty_given_by_a_line_is_a_floor() -> None:
    d = desk(Fire())
    (step,) = hear(d, 0, weight=0.5, certainty=Certainty.LIKELY, reports=1)
    assert step.document["certainty"] == "likely"
