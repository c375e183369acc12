"""A drill beside real traffic: seen, marked, and never mixed with it, however the stream is cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from brain.backtest import backtest_file, city_registry
from brain.city import parse_city
from brain.cli import app
from brain.model import EXERCISE
from brain.pipeline.engine import Engine
from brain.pipeline.exercise import ExerciseRegistry
from brain.registry import Registry
from ingest.sensor_types import load_builtin
from scenes.safety_production.scene import SafetyProduction
from simulators import demo_city
from tests.unit import test_engine_bulletins as bulletins
from tests.unit import test_engine_properties as traffic_of
from tests.unit.engine_world import CITY, SECOND, T0, piece
from tests.unit.test_why import traffic

if TYPE_CHECKING:
    from pathlib import Path

    from brain.model import Step

LEAK = [1.0, 1, 5, 12, 19, 26, 33, 40, 41, 41]
TOWN = parse_city("devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1}]")


def played(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A real log as the drill would have said it."""
    out = []
    for step in json.loads(json.dumps(log)):
        step["incident"] = "exercise-" + step["incident"]
        step["headline"]["zh"] = step["headline"]["zh"].replace("【", "【演练·", 1)
        step["headline"]["en"] = step["headline"]["en"].replace("[", "[EXERCISE, ", 1)
        for witness in step["evidence"]:
            witness["device"] = EXERCISE + witness["device"]
        out.append(step | {"simulated": True, "status": "Exercise"})
    return out


def both(path: Path, *files: Path) -> Path:
    lines = sorted((x for f in files for x in f.read_text().splitlines()), key=lambda x: json.loads(x)["received_at"])
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_drill_at_the_same_detector_makes_its_own_incident_and_leaves_the_real_one_alone(tmp_path: Path) -> None:
    real = traffic(tmp_path / "real.jsonl", LEAK)
    drill = tmp_path / "drill.jsonl"
    drill.write_text(real.read_text().replace("city/gas-detector/G1", "city/gas-detector/exercise:G1"))
    alone = list(backtest_file(TOWN, real, [SafetyProduction()]))
    together = list(backtest_file(TOWN, both(tmp_path / "both.jsonl", real, drill), [SafetyProduction()]))
    assert [s["op"] for s in alone] == ["raise", "update"]
    assert [s for s in together if s.get("status") is None] == alone
    assert [s for s in together if s.get("status") == "Exercise"] == played(alone)
    assert list(backtest_file(TOWN, drill, [SafetyProduction()])) == played(alone)


@pytest.mark.parametrize("story", ["gas-leak", "crash", "cardiac-arrest"])
def test_a_story_played_as_a_drill_gives_its_incidents_and_none_beside_them(tmp_path: Path, story: str) -> None:
    base = ["simulate", story, "--seed", "7", "--devices", "0", "--start", "2026-07-01T14:00:00+08:00", "--out"]
    files = {name: tmp_path / f"{name}.jsonl" for name in ("real", "drill")}
    import scenes

    for name, file in files.items():
        said = CliRunner().invoke(app, [*base, str(file), *(["--exercise"] if name == "drill" else [])])
        assert said.exit_code == 0, said.output
    real, drill = (list(backtest_file(demo_city(), f, scenes.built_in())) for f in files.values())
    assert {s["event"] for s in real if s["op"] == "raise"}
    assert {s.get("status") for s in drill} == {"Exercise"}
    assert [(s["at"], s["op"], s["event"], s["level"]) for s in drill] == [
        (s["at"], s["op"], s["event"], s["level"]) for s in real
    ]


def as_drill(rows: list[dict[str, Any]], ids: dict[int, int]) -> list[dict[str, Any]]:
    return [r | {"device": ids.get(r["device"], r["device"])} for r in rows]


def mixed(registry: Registry) -> dict[int, int]:
    """Real device id -> that of the one that plays its part."""
    real = [d for d in registry.devices() if not d.is_exercise]
    return {d.device_id: registry.add(d.sensor_type, EXERCISE + d.name).device_id for d in real}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic_of.rows(), traffic_of.rows(), st.data())
def test_neither_side_hears_of_the_other_wherever_pieces_are_cut_and_states_saved(
    real: list[dict[str, Any]], drill: list[dict[str, Any]], data: st.DataObject
) -> None:
    registry = city_registry(load_builtin(), traffic_of.CITY)
    ids = mixed(registry)
    acted = as_drill(drill, ids)
    stream = sorted([*real, *acted], key=lambda r: r["received"])
    end = stream[-1]["received"] + 400 * SECOND

    def engine() -> Engine:
        return Engine(traffic_of.CHOSEN, traffic_of.CITY, registry)

    def ran(rows: list[dict[str, Any]]) -> list[Step]:
        one = engine()
        return one.feed(piece(registry, rows)) + one.advance(end)

    whole = ran(stream)
    sides = [[s for s in whole if ("status" in s.document) is drilled] for drilled in (False, True)]
    # The clock begins with the first row of either side, which only an earlier mark could tell.
    assert traffic_of.log_of(sides[0]) == traffic_of.log_of(ran(real))
    assert traffic_of.log_of(sides[1]) == traffic_of.log_of(ran(acted))
    part, got, low = engine(), [], 1
    rows = piece(registry, stream)
    for high in [*data.draw(st.lists(st.integers(2, len(stream)), unique=True).map(sorted)), len(stream) + 1]:
        got += part.feed(rows.between(low, high))
        if data.draw(st.booleans()):
            saved, part = part.snapshot(), engine()
            assert part.restore(saved) == []
        low = high
    assert traffic_of.log_of(got + part.advance(end)) == traffic_of.log_of(whole)


def test_what_happens_in_a_drill_is_told_to_the_drill_only() -> None:
    registry = Registry(load_builtin(), [])
    registry.add("hydrant", "H1")
    registry.add("hydrant", "exercise:H1")
    engine = bulletins.engine_of(registry=registry)
    engine.feed(piece(registry, [bulletins.row(0, "closed", 2), bulletins.row(0.5, None, 1)]))
    engine.advance(T0 + 5 * SECOND)
    heard = {seat.key: bulletins.heard(engine, k) for k, seat in enumerate(engine.seats) if seat.scene.hears}
    assert heard == {"first_aid": [2], "exercise/first_aid": [1, (1, "yellow", "road_closed")]}


def test_drones_of_one_side_are_never_sent_to_the_other() -> None:
    registry = Registry(load_builtin(), [])
    for name in ("H1", "exercise:H1"):
        registry.add("hydrant", name)
    for name in ("UAV-1", "exercise:UAV-2"):
        registry.add("drone", name)
    engine = bulletins.engine_of(registry=registry)
    fixes = [
        {"type": "drone", "device": d, "time": T0, "lon": 120.41, "lat": 36.1, "height_m": 60, "speed_ms": 10}
        for d in (3, 4)
    ]
    steps = engine.feed(piece(registry, [*fixes, bulletins.row(0.1, None, 1), bulletins.row(0.2, None, 2)]))
    named = {s.document["evidence"][0]["device"]: s.document["plan"]["verify"]["drone"]["device"] for s in steps}
    assert named == {"H1": "UAV-1", "exercise:H2": "exercise:UAV-2"}


def test_a_part_is_played_at_the_place_and_with_the_instrument_of_the_real_one() -> None:
    registry = city_registry(
        load_builtin(), parse_city("devices: [{id: G1, sensor_type: gas-detector, lon: 1, lat: 2}]")
    )
    view = ExerciseRegistry(registry)
    assert view.devices() == []
    player = registry.add("gas-detector", "exercise:G1")
    view.follow()
    found = view.find("gas-detector", "G1")
    assert found is not None
    assert (found.device_id, found.lon, found.lat) == (player.device_id, 1, 2)
    assert view.find("gas-detector", "exercise:G1") is None
    assert registry.find("gas-detector", "G1") is not None


def test_a_device_that_nobody_knows_is_none_of_a_drill() -> None:
    registry = Registry([], [])
    for k in range(40):
        registry.add("hydrant", f"exercise:H{k}")
        assert not registry.in_exercise(np.array([0, registry.top + 1, 999], np.int32)).any()
        assert np.isnan(registry.places(np.array([registry.top + 1], np.int32))).all()


def test_without_a_drill_there_are_no_seats_for_one() -> None:
    engine = bulletins.engine_of(city=CITY)
    engine.feed(piece(bulletins.REGISTRY, [bulletins.row(0)]))
    assert [s.key for s in engine.seats] == ["fire_rescue", "first_aid"]
    assert b"exercise/" not in engine.snapshot()


def test_the_headline_says_that_it_is_a_drill(tmp_path: Path) -> None:
    real = traffic(tmp_path / "a.jsonl", LEAK)
    real.write_text(real.read_text().replace("gas-detector/G1", "gas-detector/exercise:G1"))
    log = list(backtest_file(TOWN, real, [SafetyProduction()]))
    assert log[0]["headline"]["zh"].startswith("【演练·蓝色】")
    assert log[1]["headline"]["en"].startswith("[EXERCISE, YELLOW] ")
    assert msgspec.json.encode(log[0]).count(b"exercise:G1") >= 1
