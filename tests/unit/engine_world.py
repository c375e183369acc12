"""A small world for tests of desk and engine: a registry, batches from rows, a scene that says what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from brain.backtest import city_registry
from brain.city import parse_city
from brain.city.index import CityIndex
from brain.desk import Desk, Judge
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Batch, FieldKind, Level, Modality, Piece, Text
from brain.scene_api import Assessment, Evidence, Gate, Interest, Mark, Parameter, Policy, Scene, View, World
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from brain.city import City
    from brain.registry import Registry

T0 = 1_782_885_600_000_000  # 2026-07-01T06:00:00Z
SECOND = 1_000_000
CITY = parse_city(
    """
    districts:
      - {id: west, polygon: [[120.0, 36.0], [120.5, 36.0], [120.5, 36.5], [120.0, 36.5]]}
      - {id: east, polygon: [[120.5, 36.0], [121.0, 36.0], [121.0, 36.5], [120.5, 36.5]]}
    """
)


def world(city: City = CITY, **parameters: float) -> World:
    return World(city, city_registry(load_builtin(), city), parameters)


class Fire(Policy):
    """A policy that judges by what the lines claim: their highest level, their plan, their area."""

    event: ClassVar[str] = "fire"
    gate: ClassVar[Gate] = Gate(150.0, 600.0)

    def assess(self, view: View, world: World) -> Assessment:
        claims = [w for w in view.witnesses if w.level is not None and w.holds]
        values: dict[str, Any] = {}
        for w in view.witnesses:
            values |= w.values
        level = max((w.level for w in claims if w.level), key=lambda x: x.rank, default=None)
        return Assessment(
            level=level,
            area=values.get("area"),
            plan=values.get("plan", {}),
            headline=Text("着火", "Fire"),
            actions=(Text("灭火", "Put it out"),),
            conditions=frozenset(values.get("conditions", ())),
            ended=values.get("ended"),
        )


def desk(policy: Policy, city: City = CITY, **parameters: float) -> Desk:
    w = world(city, **parameters)
    return Desk({"k": Judge("fire_rescue", "7", policy, w)}, w.registry, CityIndex(city))


def told(at: float = 0.0, **changes: Any) -> Evidence:
    """A statement at a second after T0: a flame that a camera sees, unless said otherwise."""
    base: dict[str, Any] = {
        "event": "fire",
        "rule": "T.flame",
        "witness": "video-event/C1/flame",
        "modality": Modality.VIDEO,
        "sensor_type": "video-event",
        "device": "C1",
        "time": T0 + round(at * SECOND),
        "position": 1,
        "weight": 7.5,
        "summary": Text("明火", "flame"),
        "level": Level.YELLOW,
        "lon": 120.4,
        "lat": 36.1,
    }
    return Evidence(**(base | changes))


def batch(registry: Registry, name: str, rows: Sequence[Mapping[str, Any]], first: int = 1) -> Batch:
    """Rows {device, time, received, position?, column: value}, times in microseconds."""
    sensor_type = registry.sensor_types[name]
    n = len(rows)
    columns: dict[str, Any] = {c: np.array([r.get(c, np.nan) for r in rows], float) for c in COMMON_NUMBERS}
    texts = [*COMMON_TEXTS, *(f.name for f in sensor_type.fields if f.kind is FieldKind.TEXT)]
    for c in texts:
        columns[c] = np.empty(n, object)
        columns[c][:] = [r.get(c) for r in rows]
    for f in sensor_type.fields:
        if f.kind is not FieldKind.TEXT:
            columns[f.name] = np.array([r.get(f.name, np.nan) for r in rows], float)
    return Batch(
        name,
        np.array([r["device"] for r in rows], np.int32),
        np.array([r["time"] for r in rows], "M8[us]"),
        np.array([r.get("received", r["time"]) for r in rows], "M8[us]"),
        np.array([r.get("position", first + i) for i, r in enumerate(rows)], np.int64),
        columns,
    )


def piece(registry: Registry, rows: Sequence[Mapping[str, Any]]) -> Piece:
    """Rows {type, ...} in order of receipt as a piece; positions are given where they have none."""
    numbered = [{"position": i, **r} for i, r in enumerate(rows, 1)]
    types = dict.fromkeys(r["type"] for r in numbered)
    return Piece({t: batch(registry, t, [r for r in numbered if r["type"] == t]) for t in types})


@dataclass(slots=True)
class EchoState:
    heard: list[int] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)


class Echo(Scene[EchoState]):
    """Says a flame for every hydrant row above 0.5 MPa; keeps what it was given."""

    name: ClassVar[str] = "fire_rescue"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("回声", "Echo")
    interests: ClassVar[tuple[Interest, ...]] = (Interest("hydrant", ("pressure_mpa",)),)
    policies: ClassVar[tuple[Policy, ...]] = (Fire(),)
    parameters: ClassVar[Mapping[str, Parameter]] = {
        "least": Parameter(0.5, "MPa", Text("下限", "Least"), "default"),
        "weight": Parameter(7.5, "1", Text("权重", "Weight"), "default"),
    }
    state_type: ClassVar[type[EchoState]] = EchoState

    def initial(self, world: World) -> EchoState:
        return EchoState()

    def step(self, state: EchoState, feed: Piece | Mark, world: World) -> Iterable[Evidence]:
        if isinstance(feed, Mark):
            state.marks.append(feed.at)
            return
        b = feed.get("hydrant")
        assert b is not None
        state.heard += b.position.tolist()
        for i in np.flatnonzero(b["pressure_mpa"] >= world.parameters["least"]).tolist():
            device = world.registry.by_id(int(b.device[i]))
            yield told(
                device="?" if device is None else device.name,
                witness=f"hydrant/{b.device[i]}",
                sensor_type="hydrant",
                time=int(b.time[i].astype(np.int64)),
                position=int(b.position[i]),
                weight=world.parameters["weight"],
                lon=float(b["lon"][i]),
                lat=float(b["lat"][i]),
            )
