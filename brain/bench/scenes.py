"""``bench scenes``: the rules alone, on one core, in one process, without data base or broker.

Rows are made or decoded before the clock starts; what is timed is the engine (cutting, marks, scenes, desk). Time is
that of the process (CPU), so that neighbours on the machine count little.
"""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from brain.bench.figures import percentiles
from brain.bench.town import grid_city
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Batch, FieldKind, Piece
from brain.pipeline.engine import Engine
from brain.registry import Registry
from ingest.decode import Decoder, Places
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin
from scenes import load
from simulators import demo_city, traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from brain.city import City
    from brain.model import SensorType

__all__ = ["QUIET", "Row", "measure", "quiet_piece"]

_SECOND: Final = 1_000_000
_START: Final = 1_782_871_200 * _SECOND  # 2026-07-01T02:00:00Z: any day will do, always the same
QUIET: Final[dict[str, tuple[dict[str, tuple[float, float]], dict[str, str]]]] = {
    "gas-detector": ({"lel_pct": (0.5, 2.5), "ppm": (1, 300)}, {"gas": "CH4"}),
    "water-level": ({"depth_cm": (0, 4)}, {}),
    "vehicle": ({"speed_kmh": (20, 50), "heading_deg": (0, 359)}, {"kind": "taxi"}),
    "smoke-detector": ({"smoke_pct": (0, 0.5), "alarm": (0, 0)}, {}),
    "parking-lot": ({"occupied": (100, 200)}, {}),
    "power-meter": ({"power_kw": (1, 5), "voltage_v": (225, 235)}, {}),
    "traffic-detector": ({"occupancy_pct": (5, 12), "speed_kmh": (45, 55), "flow_vph": (600, 900)}, {}),
}
"""Sensor types of the quiet city: ranges of numbers, fixed texts."""


class Row:
    """Makes batches of a sensor type: of the devices that the city has of it, and of others up to a number."""

    def __init__(self, sensor_type: SensorType, registry: Registry, devices: int, city: City | None = None) -> None:
        self.type = sensor_type
        names = [d.id for d in (city.devices if city else ()) if d.sensor_type == sensor_type.id]
        names += [f"B{d:06}" for d in range(devices - len(names))]
        self.devices = np.array([registry.add(sensor_type.id, n).device_id for n in names], np.int32)
        self.turn = 0

    def batch(
        self,
        received: NDArray[np.int64],
        position: NDArray[np.int64],
        numbers: dict[str, NDArray[np.float64]],
        texts: dict[str, str],
    ) -> Batch:
        """Rows of the devices in turn, each said 50 ms before it was received."""
        n = len(received)
        at = (self.turn + np.arange(n)) % len(self.devices)
        self.turn = (self.turn + n) % len(self.devices)
        place = {"lon": 120.1 + at % 997 * 3e-4, "lat": 36.03 + at % 613 * 3e-4}
        columns: dict[str, NDArray[Any]] = {c: np.full(n, np.nan) for c in COMMON_NUMBERS}
        columns |= {c: np.full(n, None, object) for c in COMMON_TEXTS}
        for f in self.type.fields:
            columns[f.name] = np.full(n, None, object) if f.kind is FieldKind.TEXT else np.full(n, np.nan)
        columns |= place | numbers | {k: np.full(n, v, object) for k, v in texts.items()}
        return Batch(
            self.type.id,
            self.devices[at],
            (received - 50_000).view("M8[us]"),
            received.view("M8[us]"),
            position,
            columns,
        )


def quiet_piece(makers: dict[str, Row], start_us: int, span_us: int, rows: int, first: int, seed: int) -> Piece:
    """Quiet rows of all sensor types, mixed evenly over a span of receipt time."""
    chance = np.random.default_rng(seed)
    received = start_us + np.arange(rows, dtype=np.int64) * span_us // rows
    position = first + np.arange(rows, dtype=np.int64)
    kind = np.arange(rows) % len(makers)
    batches = {}
    for k, (name, maker) in enumerate(makers.items()):
        mine = kind == k
        ranges, texts = QUIET[name]
        numbers = {n: chance.uniform(low, high, int(mine.sum())) for n, (low, high) in ranges.items()}
        batches[name] = maker.batch(received[mine], position[mine], numbers, texts)
    return Piece(batches)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    out = work()
    return time.process_time() - began, out


def _feed(engine: Engine, pieces: Iterable[Piece]) -> tuple[float, int]:
    """CPU seconds and how many steps of incidents came out."""
    seconds, steps = 0.0, 0
    for piece in pieces:
        took, out = _timed(lambda p=piece: engine.feed(p))  # type: ignore[misc]
        seconds += took
        steps += len(out)
    return seconds, steps


def _quiet(rows: int, piece_rows: int) -> tuple[dict[str, Any], dict[str, dict[str, float]]]:
    """Quiet traffic of 10,000 devices in pieces of one second each: all scenes together, then each by itself."""
    types = {t.id: t for t in load_builtin()}
    city = demo_city()

    def pieces(registry: Registry, names: Iterable[str]) -> list[Piece]:
        makers = {n: Row(types[n], registry, 10_000 // len(QUIET), city) for n in names}
        return [
            quiet_piece(makers, _START + k * _SECOND, _SECOND, piece_rows, k * piece_rows + 1, k)
            for k in range(max(1, rows // piece_rows) + 1)
        ]

    def run(scenes: list[Any]) -> tuple[float, int]:
        registry = Registry(types.values(), [])
        fed = pieces(registry, QUIET)
        engine = Engine(scenes, city, registry)
        _feed(engine, fed[:1])  # the first piece warms caches and makes room for the devices
        return _feed(engine, fed[1:])

    seconds, steps = run(load())
    fed = max(1, rows // piece_rows) * piece_rows
    out: dict[str, Any] = {"rows": fed, "steps": steps, "rows_per_s": round(fed / seconds)}
    each: dict[str, dict[str, float]] = {}
    for scene in load():
        took, _ = run([scene])
        listens = sorted({i.sensor_type for i in scene.interests} & QUIET.keys())
        each[scene.name] = {"us_a_row_fed": round(took / fed * 1e6, 4), "types_it_listens_to": len(listens)}
    return out, each


def _demo(story: str, seconds: int) -> dict[str, Any]:
    """The demo city with a story, decoded as ingest does, fed in flushes of 100 ms."""
    city = demo_city()
    registry = Registry(load_builtin(), [])
    for d in city.devices:
        registry.put(registry.add(d.sensor_type, d.id))
    decoder = Decoder(registry, Places.of(city), admit_all=True)
    flushes: dict[int, list[Envelope]] = {}
    for m in traffic(story, 1, _START, None, seconds):
        flushes.setdefault(m.at_us // 100_000, []).append(Envelope(m.topic, m.payload, m.at_us))
    position, pieces = 0, []
    for envelopes in flushes.values():
        decoded = decoder.decode(envelopes)
        for name in decoded.unknown:
            registry.add(*name)
        outcome = decoded.finish(registry, position + 1)
        position = outcome.position
        pieces.append(Piece({b.sensor_type: b for b in outcome.batches}))
    engine = Engine(load(), city, registry)
    took, steps = _feed(engine, pieces)
    return {
        "story": story,
        "rows": position,
        "seconds": seconds,
        "steps": steps,
        "rows_per_s": round(position / took),
        "times_real_time": round(seconds / took, 1),
    }


def _flood(detectors: int, seconds: int) -> dict[str, Any]:
    """Gas detectors that all rise far above every threshold at once, each once a second."""
    types = {t.id: t for t in load_builtin()}
    registry = Registry(types.values(), [])
    maker = Row(types["gas-detector"], registry, detectors)
    engine = Engine(load(), demo_city(), registry)
    pieces = []
    for k in range(seconds):
        received = _START + k * _SECOND + np.arange(detectors, dtype=np.int64) * _SECOND // detectors
        position = k * detectors + 1 + np.arange(detectors, dtype=np.int64)
        level = np.full(detectors, 1.0 if k < 2 else min(60.0, 10.0 * k))
        pieces.append(Piece({"gas-detector": maker.batch(received, position, {"lel_pct": level}, {"gas": "CH4"})}))
    each = []
    steps = 0
    for piece in pieces:
        took, out = _timed(lambda p=piece: engine.feed(p))  # type: ignore[misc]
        each.append(took * 1000)
        steps += len(out)
    rows = detectors * seconds
    return {
        "detectors": detectors,
        "rows": rows,
        "steps": steps,
        "rows_per_s": round(rows / sum(each) * 1000),
        "worst_second_ms": round(max(each), 1),
    }


def _dispatch(nodes: int, calls: int) -> dict[str, Any]:
    """One emergency call at a time in a grid of roads: milliseconds until its plan is there."""
    began = time.process_time()
    city: City = grid_city(nodes)
    parsed = time.process_time() - began
    types = {t.id: t for t in load_builtin()}
    registry = Registry(types.values(), [])
    began = time.process_time()
    engine = Engine([s for s in load() if s.name == "first_aid"], city, registry)
    started = time.process_time() - began
    chance = np.random.default_rng(1)
    each, raised = [], 0
    maker = Row(types["emergency-call"], registry, calls + 1)
    for k in range(calls + 1):
        node = city.roads.nodes[int(chance.integers(len(city.roads.nodes)))]
        at = np.array([_START + k * 200_000], np.int64)
        numbers = {"lon": np.array([node.lon]), "lat": np.array([node.lat]), "priority": np.array([1.0])}
        texts = {"call_id": f"C{k}", "complaint": "cardiac_arrest"}
        piece = Piece({"emergency-call": maker.batch(at, np.array([k + 1], np.int64), numbers, texts)})
        took, out = _timed(lambda p=piece: engine.feed(p))  # type: ignore[misc]
        if k:  # the first call builds the graph
            each.append(took * 1000)
            raised += any(s.op == "raise" for s in out)
        else:
            first_ms = took * 1000
    return {
        "nodes": len(city.roads.nodes),
        "links": len(city.roads.links),
        "calls": calls,
        "raised": raised,
        "decision_ms": percentiles(each),
        "first_ms": round(first_ms, 1),
        "city_s": round(parsed, 2),
        "engine_s": round(started, 2),
    }


def measure(*, short: bool = False) -> dict[str, Any]:
    """Run all of it, in this process; progress on stderr."""
    from brain.bench.fences import measure as fences  # noqa: PLC0415 - shapely is its own matter

    def say(line: str) -> None:
        sys.stderr.write(f"bench | {line}\n")
        sys.stderr.flush()

    say("quiet traffic")
    quiet, each = _quiet(100_000 if short else 1_000_000, 50_000)
    say("demo city")
    demo = _demo("first-minute", 30 if short else 120)
    say("gas flood")
    flood = _flood(100 if short else 300, 30)
    say("dispatch")
    dispatch = _dispatch(2500 if short else 50_000, 10 if short else 50)
    say("fences")
    spatial = fences(points=20_000 if short else 100_000, fences=500, vertices=12)
    figures = {
        "quiet_rows_per_s": float(quiet["rows_per_s"]),
        "demo_real_times": demo["times_real_time"],
        "flood_rows_per_s": float(flood["rows_per_s"]),
        "dispatch_p50_ms": dispatch["decision_ms"]["p50"],
        "dispatch_p99_ms": dispatch["decision_ms"]["p99"],
    } | {f"fences_{k}_points_per_s": float(v) for k, v in spatial["points_per_s"].items()}
    return {
        "shape": {"short": short, "scenes": ",".join(s.name for s in load())},
        "figures": figures,
        "a_scene": each,
        "details": {"demo": demo, "flood": flood, "dispatch": dispatch, "fences": spatial} | {"quiet": quiet},
    }


def main() -> None:
    """One line of JSON on stdout."""
    sys.stdout.write(json.dumps(measure(short="--short" in sys.argv)) + "\n")


if __name__ == "__main__":
    main()
