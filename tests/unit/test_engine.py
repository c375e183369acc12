"""The engine: marks, order, lateness, districts, parameters, scenes that fail, saved states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest

from brain.city import City, parse_city
from brain.errors import ConfigurationError, SceneError
from brain.model import Level, Piece
from brain.pipeline.codec import pack, unpack
from brain.pipeline.engine import Engine
from brain.scene_api import Interest, Mark
from tests.unit.engine_world import CITY, SECOND, T0, Echo, EchoState, piece, told, world

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brain.registry import Registry
    from brain.scene_api import Evidence, World


def engine_of(
    *scenes: Any, city: City = CITY, overrides: dict[str, float] | None = None, strict: bool = True
) -> tuple[Engine, Registry]:
    registry = world(city).registry
    registry.add("hydrant", "H1")
    registry.add("hydrant", "H2")
    return Engine(scenes or (Echo(),), city, registry, overrides, strict=strict), registry


def row(seconds: float, device: int = 1, pressure: float = 0.1, **more: Any) -> dict[str, Any]:
    at = T0 + round(seconds * SECOND)
    base = {"type": "hydrant", "device": device, "time": at, "pressure_mpa": pressure, "lon": 120.4, "lat": 36.1}
    return base | more


def state_of(engine: Engine) -> EchoState:
    state = engine.seats[0].state
    assert isinstance(state, EchoState)
    return state


def seconds(marks: Iterable[int]) -> list[float]:
    return [(m - T0) / SECOND for m in marks]


def test_a_mark_comes_after_all_rows_before_its_second_and_before_those_at_it() -> None:
    engine, registry = engine_of()
    order: list[Any] = []
    scene = engine.seats[0].scene
    step = scene.step
    scene.step = lambda state, feed, w: (order.append(feed), step(state, feed, w))[1]  # type: ignore[method-assign]
    engine.feed(piece(registry, [row(0.25), row(0.999999), row(1), row(3.5), row(3.6)]))
    engine.advance(T0 + 5 * SECOND)
    told_in_order = [
        (f.at - T0) // SECOND if isinstance(f, Mark) else [int(p) for p in f.batches["hydrant"].position] for f in order
    ]
    assert told_in_order == [[1, 2], 1, [3], 2, 3, [4, 5], 4, 5]


def test_the_clock_starts_with_the_first_row() -> None:
    engine, registry = engine_of()
    engine.advance(T0 + 100 * SECOND)
    engine.feed(piece(registry, [row(200), row(200)]))
    assert seconds(state_of(engine).marks) == []
    engine.advance(T0 + 201 * SECOND)
    assert seconds(state_of(engine).marks) == [201]


def test_a_scene_that_says_when_it_is_due_is_left_in_peace_till_then() -> None:
    class Patient(Echo):
        def due(self, state: EchoState, world: World) -> int | None:
            return None if state.marks else T0 + 70 * SECOND + 1

    engine, registry = engine_of(Patient())
    engine.feed(piece(registry, [row(0)]))
    engine.advance(T0 + 1_000_000 * SECOND)
    assert seconds(state_of(engine).marks) == [71]


def test_rows_of_unknown_types_are_ignored_but_move_the_clock_no_further_than_they_may() -> None:
    engine, registry = engine_of()
    b = piece(registry, [row(0.5)]).batches["hydrant"]
    assert engine.feed(Piece({"martian": b})) == []
    assert state_of(engine).heard == []


def test_late_rows_are_kept_from_scenes_that_do_not_want_them() -> None:
    class Eager(Echo):
        interests: ClassVar[tuple[Interest, ...]] = (Interest("hydrant", (), late=True),)

    late = row(0, received=T0 + 31 * SECOND)
    just = row(1, received=T0 + 31 * SECOND)
    engine, registry = engine_of()
    engine.feed(piece(registry, [late, just]))
    assert state_of(engine).heard == [2]
    engine, registry = engine_of(Eager())
    engine.feed(piece(registry, [late, just]))
    assert state_of(engine).heard == [1, 2]
    assert registry.sensor_types["hydrant"].late == timedelta(seconds=30)


def test_evidence_of_several_scenes_is_heard_in_order_of_position() -> None:
    class Backwards(Echo):
        def step(self, state: EchoState, feed: Piece | Mark, world: World) -> Iterable[Evidence]:
            return list(super().step(state, feed, world))[::-1]

    engine, registry = engine_of(Backwards())
    rows = [row(k / 10, device=k % 2 + 1, pressure=0.9, lon=120.4 + k) for k in range(4)]
    steps = engine.feed(piece(registry, rows))
    assert [s.at for s in steps] == [r["time"] for r in rows]


def test_evidence_of_a_row_that_was_not_given_is_a_broken_contract() -> None:
    class Liar(Echo):
        def step(self, state: EchoState, feed: Piece | Mark, world: World) -> Iterable[Evidence]:
            return [told(0, position=77)]

    engine, registry = engine_of(Liar())
    with pytest.raises(SceneError, match="position 77"):
        engine.feed(piece(registry, [row(0)]))


def test_a_scene_that_fails_is_named_or_taken_out_of_service() -> None:
    class Broken(Echo):
        name: ClassVar[str] = "broken"
        policies: ClassVar[Any] = ()

        def step(self, state: EchoState, feed: Piece | Mark, world: World) -> Iterable[Evidence]:
            raise ValueError("seven")

    engine, registry = engine_of(Broken(), Echo())
    with pytest.raises(SceneError, match=r"scene broken broke its contract: ValueError at 1 rows of hydrant: seven"):
        engine.feed(piece(registry, [row(0)]))
    engine, registry = engine_of(Broken(), Echo(), strict=False)
    steps = engine.feed(piece(registry, [row(0), row(0.5, pressure=0.9)]))
    assert [s.op for s in steps] == ["raise"]
    assert list(engine.failed) == ["broken"]
    engine.restore(engine.snapshot())


DISTRICTS = """
districts:
  - {id: west, polygon: [[120.0, 36.0], [120.5, 36.0], [120.5, 36.5], [120.0, 36.5]]}
  - {id: east, polygon: [[120.5, 36.0], [121.0, 36.0], [121.0, 36.5], [120.5, 36.5]]}
scenes:
  - {name: fire_rescue, districts: [west], parameters: {least: 0.2}}
"""


def test_evidence_outside_the_districts_of_a_scene_is_dropped() -> None:
    engine, registry = engine_of(city=parse_city(DISTRICTS))
    steps = engine.feed(piece(registry, [row(0, pressure=0.3), row(1, device=2, pressure=0.9, lon=120.7)]))
    assert [s.document["position"][0] for s in steps] == [120.4]
    assert steps[0].document["rule"] == {
        "scene": "fire_rescue",
        "version": "1",
        "overlay": "west",
        "parameters": {"least": 0.2, "weight": 7.5},
    }


def test_each_district_has_its_own_parameters() -> None:
    text = DISTRICTS + "  - {name: fire_rescue, districts: [east], parameters: {least: 0.8}}\n"
    engine, registry = engine_of(city=parse_city(text))
    rows = [row(0, pressure=0.3), row(1, device=2, pressure=0.3, lon=120.7), row(2, device=2, pressure=0.9, lon=120.7)]
    steps = engine.feed(piece(registry, rows))
    assert [(s.document["position"][0], s.document["rule"]["overlay"]) for s in steps] == [
        (120.4, "west"),
        (120.7, "east"),
    ]


@pytest.mark.parametrize(
    ("entries", "overlays"),
    [
        ("- {name: fire_rescue}\n  - {name: fire_rescue, districts: [west], parameters: {least: 0.2}}", ["west", None]),
        ("- {name: fire_rescue, districts: [west], parameters: {least: 0.2}}\n  - {name: fire_rescue}", ["west", None]),
        (
            "- {name: fire_rescue, districts: [west, east]}\n  - {name: fire_rescue, districts: [west]}",
            ["west", "west+east"],
        ),
        ("- {name: fire_rescue, parameters: {least: 0.8}}\n  - {name: fire_rescue}", [None, None]),
    ],
)
def test_a_place_belongs_to_one_entry_of_a_scene(entries: str, overlays: list[str | None]) -> None:
    """The most particular one, of equal ones the last; so that one happening is raised once."""
    text = DISTRICTS.partition("scenes:")[0] + f"scenes:\n  {entries}\n"
    engine, registry = engine_of(city=parse_city(text))
    steps = engine.feed(piece(registry, [row(0, pressure=0.9), row(1, device=2, pressure=0.9, lon=120.7)]))
    assert [(s.document["position"][0], s.document["rule"]["overlay"]) for s in steps] == [
        (120.4, overlays[0]),
        (120.7, overlays[1]),
    ]


def test_what_has_no_known_place_is_told_once() -> None:
    text = DISTRICTS + "  - {name: fire_rescue, districts: [east]}\n"
    engine, registry = engine_of(city=parse_city(text))
    steps = engine.feed(piece(registry, [row(0, pressure=0.9, lon=None, lat=None)]))
    assert [(s.op, s.document["rule"]["overlay"]) for s in steps] == [("raise", "west")]


def test_overrides_are_stronger_than_the_city_and_stand_in_the_rule() -> None:
    engine, registry = engine_of(city=parse_city(DISTRICTS), overrides={"fire_rescue.least": 0.05})
    (step,) = engine.feed(piece(registry, [row(0, pressure=0.06)]))
    assert step.document["rule"]["overlay"] == "west+set"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("fire_rescue.leest", 'fire_rescue has no parameter "leest"; it has least, weight'),
        ("travel.x", 'no scene "travel" runs here; one of fire_rescue'),
    ],
)
def test_a_wrong_override_is_told_with_the_names_there_are(name: str, sentence: str) -> None:
    with pytest.raises(ConfigurationError, match=sentence):
        engine_of(overrides={name: 1.0})


def test_a_wrong_parameter_of_the_city_is_told() -> None:
    with pytest.raises(ConfigurationError, match='no parameter "leest"'):
        engine_of(city=parse_city(DISTRICTS.replace("least", "leest")))


def test_two_scenes_cannot_claim_one_event() -> None:
    class Other(Echo):
        name: ClassVar[str] = "other"

    with pytest.raises(ConfigurationError, match="both claim the event fire"):
        engine_of(Echo(), Other())


def test_a_scene_may_speak_for_another_scenes_event() -> None:
    class Spy(Echo):
        name: ClassVar[str] = "spy"
        policies: ClassVar[Any] = ()

        def step(self, state: EchoState, feed: Piece | Mark, world: World) -> Iterable[Evidence]:
            return [] if isinstance(feed, Mark) else [told(0, position=1)]

    engine, registry = engine_of(Spy(), Echo())
    (step,) = engine.feed(piece(registry, [row(0)]))
    assert step.document["scene"] == "fire_rescue"
    engine, registry = engine_of(Spy())
    assert engine.feed(piece(registry, [row(0)])) == []  # nobody judges fires here


def test_a_state_that_cannot_be_read_begins_afresh_and_the_others_go_on() -> None:
    engine, registry = engine_of()
    engine.feed(piece(registry, [row(0, pressure=0.9)]))
    data = unpack(engine.snapshot())
    data["seats"]["fire_rescue"] = ("1", 0, pack(5))
    fresh, _ = engine_of()
    (sentence,) = fresh.restore(pack(data))
    assert "fire_rescue begins afresh" in sentence
    assert fresh.seats[0].state == EchoState()
    steps = fresh.feed(piece(registry, [row(1, device=2, pressure=0.9)]))
    assert [s.op for s in steps] == []  # it joins the incident that the desk still has


def test_a_snapshot_of_another_form_is_refused() -> None:
    engine, _ = engine_of()
    with pytest.raises(SceneError, match="another form"):
        engine.restore(pack({"form": 99}))
    with pytest.raises(SceneError, match="cannot be read"):
        engine.restore(b"rubbish")


@dataclass
class Odd:
    kept: dict[Any, Any]
    cache: list[int] = field(default_factory=list, init=False)


def test_states_come_back_equal_in_value_and_type() -> None:
    value = Odd({("a", 1): np.array([1, 2], np.int16), 3: {Level.RED, Level.BLUE}, "t": (1.0, None, [b"x", True])})
    value.kept["times"] = np.array([5], "M8[us]")
    value.kept["words"] = np.array([["a", None]], object)
    value.kept["nan"] = float("nan")
    value.cache.append(1)
    back = unpack(pack(value), {"brain", __name__.partition(".")[0]})
    assert back.cache == []
    assert list(back.kept) == list(value.kept)
    assert back.kept["a", 1].dtype == np.int16
    assert back.kept[3] == {Level.RED, Level.BLUE}
    assert back.kept["t"] == (1.0, None, [b"x", True])
    assert back.kept["times"].dtype == "M8[us]"
    assert back.kept["words"].tolist() == [["a", None]]
    assert pack(back) == pack(value)
    back.kept["a", 1][0] = 9  # arrays may be written to


def test_a_state_from_elsewhere_is_not_made() -> None:
    with pytest.raises(SceneError, match="outside the scenes"):
        unpack(pack(timedelta_box()))


def timedelta_box() -> Any:
    @dataclass
    class Box:
        x: int = 1

    Box.__module__ = "shutil"
    return Box()


def test_what_cannot_be_saved_is_named() -> None:
    with pytest.raises(SceneError, match=r"datetime.timedelta, which cannot be saved"):
        pack({"x": timedelta(1)})
