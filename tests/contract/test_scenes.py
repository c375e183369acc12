"""Every scene keeps its contract: its cases give the log that lies beside them, and how it is fed changes nothing.

A case is a folder ``scenes/<scene>/cases/<name>/`` with ``city.yaml``, ``in.jsonl`` (a traffic file) and
``expected.jsonl`` (the incident log of that scene and of device health). ``EXPECT=write`` writes what comes out beside
what went in; read the difference before it is committed.
"""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

import scenes
from brain.backtest import AT_ONCE, Uniques, backtest_file, city_registry, log_line, read_traffic
from brain.city import City, load_city
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Batch, FieldKind, Piece
from brain.pipeline.codec import pack, unpack
from brain.pipeline.engine import Engine
from brain.scene_api import Mark, World
from ingest.decode import Decoder, Places
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from brain.registry import Registry
    from brain.scene_api import Scene

ROOT = Path(scenes.__file__).parent
CASES = sorted(p.parent for p in ROOT.glob("*/cases/*/in.jsonl"))
SCENES = scenes.load()
KEYS = [
    *(
        "at",
        "seq",
        "op",
        "incident",
        "scene",
        "event",
        "level",
        "certainty",
        "reason",
        "position",
        "area",
        "departments",
    ),
    *("evidence", "report_count", "count", "plan", "headline", "actions", "rule", "simulated"),
]


def named(case: Path) -> str:
    return f"{case.parent.parent.name}/{case.name}"


def running(case: Path) -> list[Scene[Any]]:
    return [s for s in scenes.load() if s.name in (case.parent.parent.name, "device_health")]


def city_of(case: Path) -> City:
    return load_city(case / "city.yaml")


def rows_of(case: Path) -> tuple[Registry, Piece, int]:
    """All stored rows of a case as one piece, and the last time of receipt."""
    city = city_of(case)
    registry = city_registry(load_builtin(), city)
    envelopes = [r.envelope for r in read_traffic(case / "in.jsonl")]
    assert len(envelopes) <= AT_ONCE, "keep cases small"
    decoder = Decoder(registry, Places.of(city), admit_all=True)
    decoded = decoder.decode(envelopes)
    for sensor_type, name in decoded.unknown:
        registry.add(sensor_type, name)
    uniques = Uniques(registry)
    batches = decoded.finish(registry, 1).batches
    return registry, Piece({b.sensor_type: uniques.fresh(b) for b in batches}), envelopes[-1].received_at


def encoded(steps: list[Any]) -> list[bytes]:
    return [msgspec.json.encode(log_line(s)) for s in steps]


def expected(case: Path) -> list[dict[str, Any]]:
    return [msgspec.json.decode(line) for line in (case / "expected.jsonl").read_bytes().splitlines()]


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_case_gives_the_log_beside_it(case: Path) -> None:
    log = list(backtest_file(city_of(case), case / "in.jsonl", running(case)))
    if os.environ.get("EXPECT") == "write":
        (case / "expected.jsonl").write_bytes(b"".join(msgspec.json.encode(x) + b"\n" for x in log))
    assert [msgspec.json.decode(msgspec.json.encode(x)) for x in log] == expected(case)
    for line in log:
        assert list(line) == KEYS


@pytest.mark.parametrize("case", CASES, ids=named)
def test_where_pieces_are_cut_changes_nothing(case: Path) -> None:
    registry, piece, last = rows_of(case)
    city, chosen = city_of(case), running(case)
    whole = Engine(chosen, city, registry)
    steps = encoded(whole.feed(piece) + whole.advance(last))
    assert steps == [msgspec.json.encode(x) for x in backtest_file(city, case / "in.jsonl", chosen)]
    positions = sorted(int(p) for b in piece.batches.values() for p in b.position)
    for seed in range(3):
        dice = random.Random(seed)
        cuts = sorted(dice.sample([*positions, 2**62], min(len(positions), 5 ** (seed + 1))))
        engine, got, low = Engine(chosen, city, registry), [], 0
        for high in [*cuts, 2**62]:
            got += engine.feed(piece.between(low, high))
            if dice.random() < 0.3:
                got += engine.feed(Piece({}))
            low = high
        assert encoded(got + engine.advance(last)) == steps


@pytest.mark.parametrize("case", CASES, ids=named)
def test_saving_and_going_on_changes_nothing(case: Path) -> None:
    registry, piece, last = rows_of(case)
    city, chosen = city_of(case), running(case)
    engine = Engine(chosen, city, registry)
    steps = encoded(engine.feed(piece) + engine.advance(last))
    positions = sorted(int(p) for b in piece.batches.values() for p in b.position)
    engine, got, low = Engine(chosen, city, registry), [], 0
    for high in [*positions[:: max(1, len(positions) // 12)], 2**62]:
        got += engine.feed(piece.between(low, high))
        data = engine.snapshot()
        engine = Engine(running(case), city, registry)
        assert engine.restore(data) == []
        low = high
    assert encoded(got + engine.advance(last)) == steps


def strange_batch(sensor_type: Any, device: int, n: int) -> Batch:
    """Rows of one device with nothing in them but NaN and None."""
    at = (1_000_000 * (1_782_900_000 + np.arange(n))).astype("M8[us]")
    columns: dict[str, Any] = {name: np.full(n, np.nan) for name in COMMON_NUMBERS}
    columns |= {name: np.full(n, None, object) for name in COMMON_TEXTS}
    for f in sensor_type.fields:
        columns[f.name] = np.full(n, None, object) if f.kind is FieldKind.TEXT else np.full(n, np.nan)
    return Batch(sensor_type.id, np.full(n, device, np.int32), at, at, np.arange(1, n + 1), columns)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_a_scene_survives_nothing_nan_and_unknown_devices(scene: Scene[Any]) -> None:
    registry = city_registry(load_builtin(), City())
    known = registry.add("gas-detector", "K").device_id
    parameters = {k: float(p.default) for k, p in scene.parameters.items()}
    world = World(City(), registry, parameters)
    state = scene.initial(world)
    assert list(scene.step(state, Piece({}), world)) == []
    assert isinstance(state, scene.state_type)
    for interest in scene.interests:
        sensor_type = registry.sensor_type(interest.sensor_type)
        assert sensor_type is not None, f"{interest.sensor_type} is no built-in sensor type"
        for name in interest.columns:
            assert name in {*COMMON_NUMBERS, *COMMON_TEXTS, *(f.name for f in sensor_type.fields)}, name
        ours = registry.add(interest.sensor_type, "K").device_id
        for device in (4711, known, ours):
            for evidence in scene.step(state, Piece({sensor_type.id: strange_batch(sensor_type, device, 5)}), world):
                assert evidence.device
    for second in range(3):
        list(scene.step(state, Mark(1_000_000 * (1_782_900_010 + second)), world))
    again = unpack(pack(state))
    assert pack(again) == pack(state)


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)
def test_a_scene_has_a_page_a_loud_case_and_a_silent_one(scene: Scene[Any]) -> None:
    folder = ROOT / scene.name
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert scene.title.zh in page
    for name, parameter in scene.parameters.items():
        assert f"`{name}`" in page, f"{scene.name}/README.md does not name the parameter {name}"
        assert all((parameter.text.zh, parameter.text.en, parameter.source))
    logs = [expected(case) for case in CASES if case.parent.parent.name == scene.name]
    assert any(any(line["scene"] == scene.name for line in log) for log in logs), "no case raises anything"
    assert any(not any(line["scene"] == scene.name for line in log) for log in logs), "no case stays silent"


def test_events_belong_to_one_scene_each() -> None:
    events = [policy.event for scene in SCENES for policy in scene.policies]
    assert len(events) == len(set(events))
