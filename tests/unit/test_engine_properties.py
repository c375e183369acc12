"""However a stream is cut, and wherever the state is saved and taken up again, the incident log is the same."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scenes
from brain.backtest import city_registry
from brain.city import parse_city
from brain.model import Piece
from brain.pipeline.engine import Engine
from ingest.sensor_types import load_builtin
from tests.unit.engine_world import SECOND, T0, piece

CITY = parse_city(
    """
    devices:
      - {id: G1, sensor_type: gas-detector, lon: 120.4100, lat: 36.1000, span: {lel_pct: [0, 90]}}
      - {id: G2, sensor_type: gas-detector, lon: 120.4102, lat: 36.1000}
      - {id: G3, sensor_type: gas-detector, lon: 120.4106, lat: 36.1000}
      - {id: C1, sensor_type: video-event, lon: 120.4101, lat: 36.1001}
      - {id: W1, sensor_type: weather, lon: 120.4000, lat: 36.1000}
      - {id: U1, sensor_type: drone}
      - {id: U2, sensor_type: drone}
    """
)
REGISTRY = city_registry(load_builtin(), CITY)
CHOSEN = [s for s in scenes.load() if s.name in ("safety_production", "device_health")]
IDS = {d.name: d.device_id for d in REGISTRY.devices()}
STATUS = st.sampled_from([None, None, None, None, "ok", "calibrating", "maintenance"])
LEVELS = st.sampled_from([0.0, 0.9, 4.9, 5.0, 9.9, 10.0, 14.0, 20.0, 24.9, 25.0, 38.0, 50.0, 51.0, 66.0, 95.0])


@st.composite
def rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Minutes of traffic of all interests, dense enough that findings begin, go on, end and come again."""
    out: list[dict[str, Any]] = []
    held = {"G1": 0.9, "G2": 0.9, "G3": 0.9}
    received = T0
    for _ in range(draw(st.integers(10, 60))):
        received += draw(st.sampled_from([0, 300_000, 2 * SECOND, 10 * SECOND, 10 * SECOND, 20 * SECOND, 90 * SECOND]))
        time = received - draw(st.sampled_from([0, 100_000, SECOND, 40 * SECOND, 3601 * SECOND]) | st.just(100_000))
        common = {"time": time, "received": received}
        what = draw(st.sampled_from(["gas"] * 8 + ["toxic", "video", "video", "drone", "weather", "unknown"]))
        if what == "gas":
            name = draw(st.sampled_from(["G1", "G1", "G1", "G2", "G3"]))
            if not draw(st.booleans()):
                held[name] = draw(LEVELS)
            row = {"type": "gas-detector", "device": IDS[name], "lel_pct": held[name], "status": draw(STATUS)}
        elif what == "toxic":
            row = {"type": "gas-detector", "device": IDS["G3"], "ppm": draw(LEVELS) * 4, "gas": "CO"}
        elif what == "video":
            row = {
                "type": "video-event",
                "device": IDS["C1"],
                "event": draw(st.sampled_from(["smoke", "flame", "crash"])),
                "track": draw(st.sampled_from(["1", "2", None])),
                "confidence": draw(st.sampled_from([0.6, 0.8, np.nan])),
            }
        elif what == "drone":
            name, lon = draw(st.sampled_from([("U1", 120.4101), ("U2", 120.4301), ("U2", 120.4201), ("U2", 120.4051)]))
            row = {"type": "drone", "device": IDS[name], "lon": lon, "lat": 36.1}
            row |= {"height_m": draw(st.sampled_from([0.0, 60.0, np.nan])), "speed_ms": draw(LEVELS)}
            row |= {"methane_ppm_m": draw(st.sampled_from([50.0, 250.0, 600.0, np.nan]))}
        elif what == "weather":
            row = {"type": "weather", "device": IDS["W1"], "wind_from_deg": draw(LEVELS) * 3.6, "wind_ms": draw(LEVELS)}
        else:
            row = {"type": draw(st.sampled_from(["gas-detector", "drone"])), "device": 999, "lel_pct": 60.0}
        out.append(common | row)
    return out


def log_of(steps: list[Any]) -> list[bytes]:
    return [msgspec.json.encode(s.document) for s in steps]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows(), st.data())
def test_cuts_and_saving_change_nothing(traffic: list[dict[str, Any]], data: st.DataObject) -> None:
    whole = piece(REGISTRY, traffic)
    end = traffic[-1]["received"] + data.draw(st.sampled_from([0, 400 * SECOND, 1500 * SECOND]))
    engine = Engine(CHOSEN, CITY, REGISTRY)
    expected = log_of(engine.feed(whole) + engine.advance(end))
    cuts = data.draw(st.lists(st.integers(2, len(traffic)), unique=True).map(sorted))
    engine, got, low = Engine(CHOSEN, CITY, REGISTRY), [], 1
    for high in [*cuts, len(traffic) + 1]:
        got += engine.feed(whole.between(low, high))
        if data.draw(st.booleans()):
            got += engine.advance(traffic[high - 2]["received"])  # a tick between two flushes
        if data.draw(st.booleans()):
            saved = engine.snapshot()
            engine = Engine(CHOSEN, CITY, REGISTRY)
            assert engine.restore(saved) == []
        low = high
    assert log_of(got + engine.advance(end)) == expected


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows())
def test_every_log_keeps_the_rules_of_incidents(traffic: list[dict[str, Any]]) -> None:
    engine = Engine(CHOSEN, CITY, REGISTRY)
    steps = engine.feed(piece(REGISTRY, traffic)) + engine.advance(traffic[-1]["received"] + 4000 * SECOND)
    levels = ["blue", "yellow", "orange", "red"]
    caps = {"possible": 1, "likely": 2, "observed": 3}
    logs: dict[str, list[dict[str, Any]]] = {}
    for step in steps:
        log = logs.setdefault(step.incident, [])
        d = step.document
        assert step.number == len(log) + 1
        assert levels.index(d["level"]) <= caps[d["certainty"]]
        assert d["evidence"]
        if d["level"] == "red":
            assert len({(e["modality"], e["device"]) for e in d["evidence"]}) >= 2
        if not log:
            assert d["op"] == "raise"
        else:
            before = log[-1]
            assert step.at >= msgspec.json.decode(msgspec.json.encode(before["_at"]))
            assert (before["op"] in ("clear", "cancel")) == (d["op"] == "reopen")
            if d["op"] in ("update", "clear"):
                assert levels.index(d["level"]) >= levels.index(before["level"])
            if d["op"] == "clear":
                assert d["level"] == before["level"]
        log.append({**d, "_at": step.at})


def test_an_empty_piece_and_a_tick_before_the_first_row_do_nothing() -> None:
    engine = Engine(CHOSEN, CITY, REGISTRY)
    assert engine.advance(T0) == []
    assert engine.feed(Piece({})) == []
    assert engine.advance(T0 + 10 * SECOND) == []
