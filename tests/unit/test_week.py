"""The week against a truth file: the programme keeps its promises, the scorer counts, the scenes get it right."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest

from brain.backtest import backtest_file, choose_scenes
from brain.bench.score import load, score
from brain.bench.week import SCENES, measure
from brain.errors import ConfigurationError
from brain.times import iso, to_us
from scenes import load as load_scenes
from simulators import demo_city
from simulators.file import write_traffic
from simulators.roads import RoadGraph
from simulators.week import Truth, make_programme, read_truth, write_week
from simulators.week.act import PLAYS, Act, load_plays
from simulators.week.programme import APART_M, APART_S, NEGATIVES_EACH
from simulators.week.traffic import drafts_of

if TYPE_CHECKING:
    from pathlib import Path

START = to_us("2026-06-01T00:00:00+08:00")
HOUR = 3600
KINDS = sorted(load_plays())


# -- the programme -----------------------------------------------------------------------------------------------------


def test_more_than_five_hard_negatives_come_with_each_true_happening() -> None:
    acts = make_programme(START, 12 * HOUR, 3, 12).acts
    assert sum(not a.play.is_negative for a in acts) == 12
    negatives = sum(a.play.is_negative for a in acts)
    assert negatives == 12 * NEGATIVES_EACH == 72
    assert negatives >= 5 * sum(len(a.play.truth) for a in acts), "a play may hold two happenings"


def test_a_week_plays_everything_there_is() -> None:
    acts = make_programme(START, 168 * HOUR, 1, 56).acts
    assert {a.kind for a in acts} == set(KINDS)


def test_every_play_is_on_the_page() -> None:
    page = (PLAYS.parent / "README.md").read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []


def test_nothing_happens_near_anything_else_or_with_the_same_devices() -> None:
    acts = make_programme(START, 6 * HOUR, 5, 10).acts
    for a, b in itertools.combinations(acts, 2):
        assert not a.clashes(b, APART_M, APART_S * 1_000_000)


def test_the_same_seed_gives_the_same_files_and_another_one_others(tmp_path: Path) -> None:
    written = []
    for k, seed in enumerate((7, 7, 8)):
        traffic, truth = tmp_path / f"{k}.jsonl.gz", tmp_path / f"{k}.truth.jsonl"
        write_week(traffic, truth, make_programme(START, 2 * HOUR, seed, 2), seed, 20)
        written.append((traffic.read_bytes(), truth.read_bytes()))
    assert written[0] == written[1] != written[2]


def test_messages_come_in_order_and_a_device_in_a_play_says_nothing_of_its_own() -> None:
    programme = make_programme(START, 2 * HOUR, 4, 2)
    drafts = list(drafts_of(programme, 4, 60))
    assert [d.at_us for d in drafts] == sorted(d.at_us for d in drafts)
    for act in programme.acts:
        for key, (begins, ends) in act.claims.items():
            own = [d for d in drafts if d.everyday and (d.sensor_type, d.device) == key and begins <= d.at_us <= ends]
            assert own == []


def test_traffic_does_not_tell_the_truth(tmp_path: Path) -> None:
    programme = make_programme(START, 2 * HOUR, 4, 2)
    write_week(tmp_path / "t.jsonl", tmp_path / "truth.jsonl", programme, 4, 20)
    text = (tmp_path / "t.jsonl").read_text(encoding="utf-8")
    assert "levels" not in text
    assert not [kind for kind in KINDS if "-" in kind and kind in text]
    assert read_truth(tmp_path / "truth.jsonl") == programme.truths()


def test_what_does_not_fit_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match="do not fit into 3600 s"):
        make_programme(START, HOUR, 1, 50)
    with pytest.raises(ConfigurationError, match='no play "flood"'):
        make_programme(START, HOUR, 1, 1, ["flood"])


# -- the scorer --------------------------------------------------------------------------------------------------------


def truth(event: str = "gas_leak", at_s: float = 100, lon: float = 120.3, **more: Any) -> Truth:
    start_us = START + int(at_s * 1e6)
    given = {
        "run": "r",
        "kind": "k",
        "event": event,
        "lon": lon,
        "lat": 36.0,
        "radius_m": 300.0,
        "levels": ("blue", "red"),
    }
    return Truth(start_us=start_us, end_us=start_us + 100_000_000, **(given | more))


def step(
    at_s: float, incident: str, event: str = "gas_leak", level: str = "yellow", op: str = "raise", **more: Any
) -> Any:
    at = iso(START + int(at_s * 1e6))
    return {"at": at, "incident": incident, "event": event, "level": level, "op": op, "position": [120.3, 36.0]} | more


def test_a_detection_has_its_delay_and_its_level() -> None:
    log = [step(130, "a"), step(140, "a", level="red", op="update")]
    found = score(log, [truth(levels=("orange", "red"))])
    assert (found["precision"], found["recall"], found["incidents_per_true_happening"]) == (1.0, 1.0, 1.0)
    assert found["delay_s"] == {"p50": 30.0, "max": 30.0}
    assert found["level_as_expected"] == 1.0
    assert score(log, [truth(levels=("blue", "yellow"))])["level_as_expected"] == 0.0


def test_a_second_incident_about_one_happening_is_a_split() -> None:
    found = score([step(130, "a"), step(150, "b")], [truth()])
    assert (found["incidents_per_true_happening"], found["precision"]) == (2.0, 1.0)
    assert found["split_names"] == ["k r: 2"]


@pytest.mark.parametrize(
    "wrong", [{"event": "fire"}, {"at_s": 90}, {"at_s": 801}, {"position": [120.31, 36.0]}], ids=lambda w: str(*w)
)
def test_another_event_time_or_place_is_a_false_alarm_and_a_miss(wrong: dict[str, Any]) -> None:
    found = score([step(wrong.pop("at_s", 130), "a", **wrong)], [truth()])
    assert (found["precision"], found["recall"], found["false"]) == (0.0, 0.0, 1)
    assert found["missed_names"] == ["k r"]


def test_a_false_alarm_is_put_down_to_the_hard_negative_near_it() -> None:
    found = score([step(130, "a")], [truth(event="", kind="gas-spike")])
    assert (found["true_happenings"], found["hard_negatives"]) == (0, 1)
    assert found["false_names"] == ["gas_leak (gas-spike) a"]


def test_two_happenings_at_one_place_have_an_incident_each() -> None:
    log = [step(130, "a"), step(410, "b")]
    found = score(log, [truth(), truth(at_s=400)])
    assert (found["recall"], found["incidents_per_true_happening"]) == (1.0, 1.0)


def test_notices_about_devices_are_counted_aside_but_are_load() -> None:
    log = [step(130, "a", event="device_fault", level="blue"), *(step(700 + k, f"b{k}") for k in range(11))]
    found = score(log, [])
    assert (found["false"], found["aside"]) == (11, {"device_fault": 1})
    operator = load(log, START, START + 3_600_000_000)
    assert (operator["alarms"], operator["alarms_in_10_min"]["most"], operator["flood_share"]) == (12, 11, 0.1667)
    assert operator["levels"] == {"blue": 0.0833, "yellow": 0.9167, "orange": 0.0, "red": 0.0}


# -- the scenes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_each_play_alone_makes_its_incidents_and_no_other(kind: str, tmp_path: Path) -> None:
    city = demo_city()
    act = Act(kind, city, RoadGraph(city), 11, START, 1, "alone", set())
    write_traffic(tmp_path / "t.jsonl", act.drafts())
    log = list(backtest_file(city, tmp_path / "t.jsonl", choose_scenes(load_scenes(), SCENES)))
    found = score(log, act.truths())
    wanted = len(act.play.truth)
    assert (found["true"], found["detected"], found["false"]) == (wanted, wanted, 0), found
    assert (found["split_names"], found["level_as_expected"]) == ([], 1.0 if wanted else None)


def test_two_hours_of_the_city_are_told_without_a_miss_or_a_false_alarm(tmp_path: Path) -> None:
    result = measure(tmp_path, 2 * HOUR, 2, 6, devices=40)
    found = result["score"]
    assert result["shape"]["plays"] == 6 * (1 + NEGATIVES_EACH)
    assert found["hard_negatives"] == 36
    assert (found["true"], found["detected"], found["false"]) == (7, 7, 0), found
    assert found["incidents_per_true_happening"] == found["precision"] == found["recall"] == 1.0
    assert found["level_as_expected"] == 1.0
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len({s["incident"] for s in log if s["scene"] != "device_health"}) == 7
