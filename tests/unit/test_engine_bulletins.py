"""Scenes hear what open incidents do to the city: when, of whom, in which order, over cuts and saved states."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brain.city import City, parse_city
from brain.errors import SceneError
from brain.model import Level, Modality, Text
from brain.pipeline.engine import Engine
from brain.scene_api import (
    Assessment,
    Bulletin,
    Effect,
    EffectKind,
    Evidence,
    Gate,
    Interest,
    Mark,
    Policy,
    Scene,
    View,
    World,
)
from tests.unit.engine_world import CITY, SECOND, T0, Echo, Fire, piece, world

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brain.model import Piece, Step
    from brain.registry import Registry
    from brain.scene_api import Parameter

CLOSED = Effect(kind=EffectKind.ROAD_CLOSED, links=(("A", "B"),))
SLOW = Effect(kind=EffectKind.ROAD_SLOW, links=(("A", "B"),), speed_kmh=5.0)
DANGER = Effect(kind=EffectKind.HAZARD, area={"type": "Point", "coordinates": [120.4, 36.1]})
LEVELS = (Level.YELLOW, Level.ORANGE)


class Blaze(Fire):
    """A fire does to the city what its newest line says; it ends at once."""

    hold_s: ClassVar[float] = 0.0
    latched: ClassVar[bool] = False

    def assess(self, view: View, world: World) -> Assessment:
        newest = max(view.witnesses, key=lambda w: w.position)
        effects = tuple(Effect(**e) for e in newest.values.get("effects", ()))
        return replace(super().assess(view, world), effects=effects)


class Flames(Echo):
    """A row of a hydrant is a flame: below 0.1 MPa its end; the code in ``status`` says what it does to the city."""

    policies: ClassVar[tuple[Policy, ...]] = (Blaze(),)
    does: ClassVar[dict[str | None, tuple[Effect, ...]]] = {
        None: (),
        "closed": (CLOSED,),
        "both": (CLOSED, DANGER),
        "slow": (SLOW,),
    }

    def step(self, state: Any, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        assert not isinstance(feed, Bulletin), "of one's own scene nothing is told"
        if isinstance(feed, Mark):
            return
        b = feed.batches["hydrant"]
        for i in range(len(b)):
            holds = bool(b["pressure_mpa"][i] >= 0.1)
            effects = [
                {"kind": e.kind, "links": e.links, "speed_kmh": e.speed_kmh, "area": e.area}
                for e in self.does[b["status"][i]]
            ]
            yield Evidence(
                event="fire",
                rule="T",
                witness=f"hydrant/{b.device[i]}",
                modality=Modality.METER,
                sensor_type="hydrant",
                device=f"H{b.device[i]}",
                time=int(b.time[i].astype("i8")),
                position=int(b.position[i]),
                weight=8.0,
                summary=Text("火", "fire"),
                level=LEVELS[int(b["pressure_mpa"][i] >= 0.6)],
                lon=float(b["lon"][i]),
                lat=float(b["lat"][i]),
                holds=holds,
                values={"effects": effects, "ended": not holds},
            )


@dataclass
class EarState:
    heard: list[Any] = field(default_factory=list)
    words: int = 0


class Gap(Policy):
    """A gap in the cover, as bulletins make one; it is a hazard itself."""

    event: ClassVar[str] = "coverage_gap"
    gate: ClassVar[Gate] = Gate(-1, 600.0)
    fused: ClassVar[bool] = False
    hold_s: ClassVar[float] = 0.0

    def assess(self, view: View, world: World) -> Assessment:
        holds = any(w.holds for w in view.witnesses)
        return Assessment(level=Level.BLUE if holds else None, effects=(DANGER,), headline=Text("缺", "gap"))


class Ear(Scene[EarState]):
    """Writes down what it is given; while a road is closed somewhere it sees a gap."""

    name: ClassVar[str] = "first_aid"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("耳", "Ear")
    interests: ClassVar[tuple[Interest, ...]] = (Interest("hydrant", ()),)
    policies: ClassVar[tuple[Policy, ...]] = (Gap(),)
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    state_type: ClassVar[type[EarState]] = EarState
    hears: ClassVar[frozenset[EffectKind]] = frozenset({EffectKind.ROAD_CLOSED, EffectKind.ROAD_SLOW})

    def initial(self, world: World) -> EarState:
        return EarState()

    def due(self, state: EarState, world: World) -> int | None:
        return None

    def step(self, state: EarState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        if isinstance(feed, Mark):
            state.heard.append(feed.at)
        elif isinstance(feed, Bulletin):
            state.heard.append(feed)
            state.words += 1
            yield Evidence(
                event="coverage_gap",
                rule="E",
                witness=f"zone/{feed.incident}",
                modality=Modality.SERVICE,
                sensor_type="hydrant",
                device="?",
                time=feed.at,
                position=-1,
                weight=8.0,
                summary=Text("缺", "gap"),
                level=Level.BLUE,
                subject=feed.incident,
                holds=bool(feed.effects),
                messages=state.words,
            )
        else:
            state.heard += [int(p) for b in feed.batches.values() for p in b.position]


class Gossip(Ear):
    """Hears of hazards and says nothing."""

    name: ClassVar[str] = "flood"
    policies: ClassVar[tuple[Policy, ...]] = ()
    hears: ClassVar[frozenset[EffectKind]] = frozenset({EffectKind.HAZARD})

    def step(self, state: EarState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        list(super().step(state, feed, world))
        return ()


REGISTRY = world().registry
for name in ("H1", "H2", "H3"):
    REGISTRY.add("hydrant", name)


def engine_of(*more: Scene[Any], city: City = CITY, registry: Registry = REGISTRY, strict: bool = True) -> Engine:
    return Engine([Flames(), Ear(), *more], city, registry, strict=strict)


def row(seconds: float, does: str | None = None, device: int = 1, pressure: float = 0.3) -> dict[str, Any]:
    at = T0 + round(seconds * SECOND)
    base = {"type": "hydrant", "device": device, "time": at, "pressure_mpa": pressure, "status": does}
    return base | {"lon": 120.4 + 0.01 * device, "lat": 36.1}


def heard(engine: Engine, number: int = 1) -> list[Any]:
    """What a seat was given: bulletins as (second, level, kinds), marks as seconds, rows as positions."""
    return [
        (round((f.at - T0) / SECOND), str(f.level), "+".join(e.kind for e in f.effects))
        if isinstance(f, Bulletin)
        else f"mark {(f - T0) // SECOND}"
        if f > T0
        else f
        for f in engine.seats[number].state.heard
    ]


def test_a_bulletin_comes_at_the_first_whole_second_after_the_step_between_the_rows_before_and_after_it() -> None:
    engine = engine_of()
    engine.feed(piece(REGISTRY, [row(0.2, "closed"), row(0.9, "closed"), row(1, "closed"), row(1.1, "closed")]))
    assert heard(engine) == [1, 2, (1, "yellow", "road_closed"), 3, 4]


def test_of_effects_that_stay_nothing_more_is_said_and_of_a_new_level_all_again() -> None:
    engine = engine_of()
    engine.feed(piece(REGISTRY, [row(0, "closed"), row(12, "closed"), row(24, "closed", pressure=0.7)]))
    engine.advance(T0 + 60 * SECOND)
    assert heard(engine) == [1, (1, "yellow", "road_closed"), 2, 3, (25, "orange", "road_closed")]


def test_an_incident_that_is_over_does_nothing_any_more() -> None:
    engine = engine_of()
    steps = engine.feed(piece(REGISTRY, [row(0, "closed"), row(12, "closed", pressure=0)]))
    engine.advance(T0 + 20 * SECOND)
    assert [s.op for s in steps if s.document["event"] == "fire"] == ["raise", "clear"]
    assert heard(engine) == [1, (1, "yellow", "road_closed"), 2, (13, "yellow", "")]
    assert engine.seats[1].heard == {}


def test_what_came_and_went_within_a_second_is_not_told() -> None:
    engine = engine_of()
    engine.feed(piece(REGISTRY, [row(0, "closed"), row(0.5, "closed", pressure=0)]))
    engine.advance(T0 + 20 * SECOND)
    assert heard(engine) == [1, 2]


def test_each_scene_hears_its_kinds_and_none_of_its_own_incidents() -> None:
    engine = engine_of(Gossip())
    engine.feed(piece(REGISTRY, [row(0, "both")]))
    engine.advance(T0 + 20 * SECOND)
    assert heard(engine) == [1, (1, "yellow", "road_closed")]
    # The gap that the first bulletin made is told a second later, as a mark's would be.
    assert heard(engine, 2) == [1, (1, "yellow", "hazard"), (2, "blue", "hazard")]


def test_evidence_on_a_bulletin_is_heard_like_that_of_a_mark() -> None:
    engine = engine_of()
    steps = engine.feed(piece(REGISTRY, [row(0.3, "closed"), row(2, "closed", pressure=0)]))
    steps += engine.advance(T0 + 3 * SECOND)
    gap = [(s.op, (s.at - T0) / SECOND) for s in steps if s.document["event"] == "coverage_gap"]
    assert gap == [("raise", 1.0), ("clear", 3.0)]


def test_bulletins_of_one_second_come_in_the_order_of_the_steps() -> None:
    engine = engine_of()
    engine.feed(piece(REGISTRY, [row(0.1, "slow", 3), row(0.2, "closed", 1), row(0.3, "slow", 2)]))
    engine.advance(T0 + SECOND)
    assert [h[2] for h in heard(engine)[3:]] == ["road_slow", "road_closed", "road_slow"]


def test_every_district_hears_of_the_whole_city() -> None:
    text = """
    districts:
      - {id: west, polygon: [[120.0, 36.0], [120.5, 36.0], [120.5, 36.5], [120.0, 36.5]]}
      - {id: east, polygon: [[120.5, 36.0], [121.0, 36.0], [121.0, 36.5], [120.5, 36.5]]}
    scenes: [{name: first_aid, districts: [west]}, {name: first_aid, districts: [east]}]
    """
    engine = engine_of(city=parse_city(text))
    engine.feed(piece(REGISTRY, [row(0, "closed")]))
    engine.advance(T0 + SECOND)
    assert heard(engine, 1) == heard(engine, 2) == [1, (1, "yellow", "road_closed")]


def test_a_scene_that_begins_afresh_is_told_what_is_open() -> None:
    engine = engine_of(Gossip())
    engine.feed(piece(REGISTRY, [row(0, "both"), row(0.1, "closed", 2)]))
    engine.advance(T0 + 20 * SECOND)
    saved = engine.snapshot()
    again = engine_of(Gossip())
    again.restore(saved)
    again.advance(T0 + 30 * SECOND)
    assert heard(again) == heard(engine)  # it knew all of it
    fresh = engine_of()
    fresh.restore(saved.replace(b"EarState", b"EarStole"))
    fresh.advance(T0 + 30 * SECOND)
    assert heard(fresh) == [(21, "yellow", "road_closed"), (21, "yellow", "road_closed")]


def test_an_incident_whose_judge_is_gone_does_nothing_any_more() -> None:
    engine = engine_of()
    engine.feed(piece(REGISTRY, [row(0, "closed")]))
    engine.advance(T0 + 20 * SECOND)
    without = Engine([Ear()], CITY, REGISTRY)
    without.restore(engine.snapshot())
    without.advance(T0 + 30 * SECOND)
    assert heard(without, 0)[-1] == (21, "yellow", "")


def test_a_scene_that_fails_at_a_bulletin_is_named_or_taken_out_of_service() -> None:
    class Deaf(Gossip):
        hears: ClassVar[frozenset[EffectKind]] = frozenset(EffectKind)

        def step(self, state: EarState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
            if isinstance(feed, Bulletin):
                int("seven")
            return ()

    rows = [row(0, "closed"), row(0.1, "closed", 2), row(2, "closed")]
    with pytest.raises(SceneError, match=r"flood broke its contract: ValueError at the bulletin of fire-"):
        engine_of(Deaf()).feed(piece(REGISTRY, rows))
    engine = engine_of(Deaf(), strict=False)
    engine.feed(piece(REGISTRY, rows))
    assert list(engine.failed) == ["flood"]
    assert len(heard(engine)) == 5


def log_of(steps: list[Step]) -> list[bytes]:
    return [msgspec.json.encode(s.document) for s in steps]


@st.composite
def traffic(draw: st.DrawFn) -> list[dict[str, Any]]:
    out, at = [], 0.0
    for _ in range(draw(st.integers(1, 25))):
        at += draw(st.sampled_from([0.0, 0.3, 0.5, 1.0, 3.0, 11.0]))
        pressure = draw(st.sampled_from([0.0, 0.3, 0.3, 0.7]))
        out.append(row(at, draw(st.sampled_from(list(Flames.does))), draw(st.integers(1, 3)), pressure))
    return out


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(traffic(), st.data())
def test_what_is_heard_depends_on_neither_cuts_nor_saving(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    whole, end = piece(REGISTRY, rows), rows[-1]["time"] + 30 * SECOND
    engine = engine_of(Gossip())
    expected = log_of(engine.feed(whole) + engine.advance(end))
    given_to = [heard(engine, 1), heard(engine, 2)]
    got, low = [], 1
    engine = engine_of(Gossip())
    for high in [*data.draw(st.lists(st.integers(2, len(rows) + 1), unique=True).map(sorted)), len(rows) + 1]:
        got += engine.feed(whole.between(low, high))
        if data.draw(st.booleans()):
            got += engine.advance(rows[high - 2]["time"])
        if data.draw(st.booleans()):
            saved = engine.snapshot()
            engine = engine_of(Gossip())
            assert engine.restore(saved) == []
        low = high
    assert log_of(got + engine.advance(end)) == expected
    assert [heard(engine, 1), heard(engine, 2)] == given_to
