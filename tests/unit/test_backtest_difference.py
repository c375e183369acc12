"""What a changed rule changes: incidents of two logs found again, their differences in words and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from brain.backtest import compare, compare_file, compare_log, compare_store
from brain.cli import app
from brain.errors import ConfigurationError
from brain.pipeline.engine import Engine
from brain.pipeline.live import Runner
from brain.times import iso
from ingest.seed import seed
from scenes.safety_production.scene import SafetyProduction
from tests.unit.engine_world import SECOND, T0
from tests.unit.test_engine_live import CITY, messages, run_until_read, store_with
from tests.unit.test_why import traffic

if TYPE_CHECKING:
    from pathlib import Path

VALUES = [1.0, 1, 5, 12, 19, 26, 33, 40, 41, 41, 5, *[1.0] * 34]
LOWER = {"safety_production.l1_pct": 15.0}
DEAF = {"safety_production.l1_pct": 95.0, "safety_production.prealarm_level_pct": 95.0}
SCENES = [SafetyProduction()]


def step(seconds: float, op: str = "raise", level: str = "blue", **more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "at": iso(T0 + round(seconds * SECOND)),
        "op": op,
        "incident": "a",
        "scene": "s",
        "event": "fire",
        "level": level,
        "position": [120.4, 36.1],
        "headline": {"zh": "火", "en": "fire"},
        "evidence": [{"sensor_type": "video-event", "device": "C1"}],
    }
    return base | more


WAS = [step(0), step(20, "update", "yellow"), step(400, "clear", "yellow")]


def told(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[Any]:
    return [(i["changes"], i["shift_s"]) for i in compare(before, after).document({}, {})["items"]]


def test_of_equal_logs_there_is_nothing_to_tell() -> None:
    found = compare(WAS, WAS)
    assert found.document({}, {})["items"] == []
    assert list(found.lines()) == ["1 the same of 1"]


@pytest.mark.parametrize(
    ("after", "words", "shift"),
    [
        ([step(-5), *WAS[1:]], ["earlier"], {"blue": -5, "yellow": 0}),
        ([WAS[0], step(50, "update", "yellow"), WAS[2]], ["later"], {"blue": 0, "yellow": 30}),
        ([step(0), step(400, "clear")], ["level_down"], {"blue": 0}),
        ([step(0, level="orange"), WAS[2] | {"level": "orange"}], ["earlier", "level_up"], {"blue": 0, "yellow": -20}),
        (WAS[:2], ["longer"], {"blue": 0, "yellow": 0}),
        ([*WAS[:2], step(300, "clear", "yellow")], ["shorter"], {"blue": 0, "yellow": 0}),
        ([*WAS, step(500, "reopen", "yellow")], ["longer"], {"blue": 0, "yellow": 0}),
    ],
)
def test_what_changed_is_named(after: list[dict[str, Any]], words: list[str], shift: dict[str, float]) -> None:
    assert told(WAS, after) == [(words, shift)]


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ({}, True),
        ({"position": [120.4033, 36.1], "evidence": []}, True),  # 297 m away
        ({"position": [120.4034, 36.1], "evidence": []}, False),  # 306 m away, another witness
        ({"position": None, "evidence": []}, False),
        ({"event": "gas_leak"}, False),
        ({"at": iso(T0 + 3600 * SECOND)}, True),
        ({"at": iso(T0 + 3601 * SECOND)}, False),
        ({"at": iso(T0 - 3601 * SECOND)}, False),
    ],
)
def test_an_incident_of_another_id_is_known_by_event_witness_or_place_and_time(
    other: dict[str, Any], same: bool
) -> None:
    found = compare([step(0)], [step(1, incident="b") | other]).pairs
    assert len(found) == (1 if same else 2)


def test_the_nearest_in_time_go_together_and_each_only_once() -> None:
    before = [step(0, incident="a"), step(100, incident="b")]
    after = [step(90, incident="x"), step(95, incident="y"), step(3000, incident="z")]
    pairs = [(a and a.incident, b and b.incident) for a, b in compare(before, after).pairs]
    assert pairs == [("a", "x"), ("b", "y"), (None, "z")]


def test_a_lower_threshold_is_earlier_and_a_deaf_rule_misses_it(tmp_path: Path) -> None:
    path = traffic(tmp_path / "a.jsonl", VALUES)
    found = compare(*compare_file(CITY, path, SCENES, LOWER))
    (item,) = found.document({"set": {}}, {"set": LOWER})["items"]
    assert item["changes"][0] == "earlier"
    assert item["shift_s"]["yellow"] < 0
    (line, total) = found.lines()
    assert "earlier" in line
    assert total.startswith("1 earlier")
    assert told(*compare_file(CITY, path, SCENES, DEAF)) == [(["removed"], {})]
    assert [c for c, _ in told(*compare_file(CITY, path, SCENES, DEAF)[::-1])] == [["added"]]


async def test_history_compares_like_the_file_and_with_what_was_raised_live(tmp_path: Path) -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES))
    end = T0 + 10 * SECOND * len(VALUES)
    history = await compare_store(CITY, store, T0, end, SCENES, LOWER)
    recorded = compare_file(CITY, traffic(tmp_path / "a.jsonl", VALUES), SCENES, LOWER)
    assert compare(*history).document({}, {}) == compare(*recorded).document({}, {})
    await run_until_read(Runner(store, lambda city, registry: Engine(SCENES, city, registry)), store)
    live = await compare_log(CITY, store, T0, end, SCENES, {})
    assert told(*live) == []
    assert len(live[0]) == len(live[1]) > 0
    assert told(*await compare_log(CITY, store, T0, end, SCENES, LOWER)) == told(*history)


def test_the_command_prints_the_difference_and_writes_it(tmp_path: Path) -> None:
    path = traffic(tmp_path / "a.jsonl", VALUES)
    city, out, diff = tmp_path / "city.yaml", tmp_path / "log.jsonl", tmp_path / "diff.json"
    city.write_text("devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1}]")
    asked = ["backtest", "--city", str(city), "--traffic", str(path), "--scene", "safety_production"]
    asked += ["--set", "safety_production.l1_pct=15", "--diff-out", str(diff)]
    said = CliRunner().invoke(app, [*asked, "--diff", "--out", str(out)])
    assert said.exit_code == 0, said.output
    assert said.stdout.splitlines()[-1].endswith("of 1")
    document = json.loads(diff.read_text())
    assert document["after"]["set"] == {"safety_production.l1_pct": 15.0}
    assert document["summary"]["earlier"] == 1
    plain = CliRunner().invoke(app, asked).stdout
    assert plain == out.read_text()
    assert json.loads(plain.splitlines()[0])["rule"]["overlay"] == "set"


@pytest.mark.parametrize("words", [["--against", "yesterday"], ["--against", "log", "--diff"]])
def test_what_cannot_be_compared_is_told(words: list[str]) -> None:
    said = CliRunner().invoke(app, ["backtest", "--city", "c.yaml", "--traffic", "t.jsonl", *words])
    assert isinstance(said.exception, ConfigurationError)
