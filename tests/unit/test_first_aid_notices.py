"""First aid hears of other scenes' incidents: slow and closed roads, hazards, red ones (town in first_aid_city)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from brain.model import Certainty, Level, Modality, Text
from brain.scene_api import Assessment, Bulletin, Effect, EffectKind, Evidence, Gate, Interest, Policy, Scene
from scenes.first_aid import FirstAid
from scenes.first_aid.context import Context
from scenes.first_aid.notices import hear
from scenes.first_aid.town import town_of
from tests.unit.first_aid_city import arrest, town
from tests.unit.scene_bench import Bench, brief

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brain.model import Piece
    from brain.scene_api import Mark, Parameter, View, World


def box(low: float, high: float, south: float = 36.059, north: float = 36.061) -> dict[str, Any]:
    """An area on the road S-P-Q, from one longitude to another."""
    ring = [[low, south], [high, south], [high, north], [low, north], [low, south]]
    return {"type": "Polygon", "coordinates": [ring]}


GAS = Text("燃气泄漏", "gas leak at RQ-07")
ON_SP, AT_Q = box(120.304, 120.306), box(120.318, 120.322)
TROUBLES: dict[str, tuple[Level, tuple[Effect, ...]]] = {
    "slow": (Level.YELLOW, (Effect(kind=EffectKind.ROAD_SLOW, links=(("S", "P"),), speed_kmh=6.0),)),
    "a little slow": (Level.YELLOW, (Effect(kind=EffectKind.ROAD_SLOW, links=(("S", "P"),), speed_kmh=30.0),)),
    "closed": (Level.ORANGE, (Effect(kind=EffectKind.ROAD_CLOSED, links=(("S", "P"), ("P", "S"))),)),
    "closed area": (Level.YELLOW, (Effect(kind=EffectKind.ROAD_CLOSED, area=ON_SP),)),
    "gas on the way": (Level.ORANGE, (Effect(kind=EffectKind.HAZARD, area=ON_SP, text=GAS),)),
    "yellow gas on the way": (Level.YELLOW, (Effect(kind=EffectKind.HAZARD, area=ON_SP, text=GAS),)),
    "gas at the patient": (Level.ORANGE, (Effect(kind=EffectKind.HAZARD, area=AT_Q, text=GAS),)),
    "gas elsewhere": (Level.ORANGE, (Effect(kind=EffectKind.HAZARD, area=box(120.40, 120.41), text=GAS),)),
    "red gas": (Level.RED, (Effect(kind=EffectKind.HAZARD, area=AT_Q, text=GAS),)),
    "red crash": (Level.RED, (Effect(kind=EffectKind.ROAD_SLOW, links=(("P", "Q"),), speed_kmh=30.0),)),
}


@dataclass
class Nothing:
    """No state."""


class Leak(Policy):
    """What its newest line says, with its effects."""

    event: ClassVar[str] = "gas_leak"
    gate: ClassVar[Gate] = Gate(-1.0, 600.0)
    hold_s: ClassVar[float] = 0.0
    fused: ClassVar[bool] = False

    def assess(self, view: View, world: World) -> Assessment:
        level, effects = TROUBLES[view.witnesses[0].values["trouble"]]
        return Assessment(level=level, lon=120.305, lat=36.06, effects=effects)


class Trouble(Scene[Nothing]):
    """A row of a hydrant makes the trouble that its ``status`` names, or ends it (below 0.1 MPa)."""

    name: ClassVar[str] = "safety_production"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("险", "Trouble")
    interests: ClassVar[tuple[Interest, ...]] = (Interest("hydrant", ("pressure_mpa", "status")),)
    policies: ClassVar[tuple[Policy, ...]] = (Leak(),)
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    state_type: ClassVar[type[Nothing]] = Nothing

    def initial(self, world: World) -> Nothing:
        return Nothing()

    def due(self, state: Nothing, world: World) -> int | None:
        return None

    def step(self, state: Nothing, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        for b in getattr(feed, "batches", {}).values():
            for i in range(len(b)):
                for modality in (Modality.METER, Modality.VIDEO):
                    yield Evidence(
                        event="gas_leak", rule="T", witness=f"{modality}/{b.device[i]}", modality=modality,
                        sensor_type="hydrant", device="T", time=int(b.time[i].astype("M8[us]").astype("i8")),
                        position=int(b.position[i]), weight=8.0, summary=Text("险", "trouble"), subject="t",
                        certainty=Certainty.LIKELY, level=Level.BLUE, holds=bool(b["pressure_mpa"][i] >= 0.1),
                        values={"trouble": b["status"][i]},
                    )  # fmt: skip


def both(**ems: Any) -> Bench:
    return Bench([Trouble(), FirstAid()], town(**ems))


def trouble(b: Bench, at_s: float, name: str) -> Bench:
    return b.say(at_s, "hydrant", "T", pressure_mpa=0.5, status=name)


def over(b: Bench, at_s: float, name: str) -> Bench:
    return b.say(at_s, "hydrant", "T", pressure_mpa=0.0, status=name)


def aid(b: Bench, until_s: float = 60) -> list[dict[str, Any]]:
    return [s for s in b.same_however_cut(until_s) if s["scene"] == "first_aid"]


# -- roads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "eta_s"), [("slow", 495.0), ("closed", 495.0), ("closed area", 495.0)])
def test_a_road_that_an_incident_slows_or_closes_sends_the_unit_another_way(name: str, eta_s: float) -> None:
    log = aid(trouble(arrest(both()), 20, name))
    assert brief(log)[1:] == [(21.0, "update", "orange", "reroute")]  # the first whole second after the step
    assert (log[1]["plan"]["route"], log[1]["plan"]["eta_s"]) == (["S", "B", "P", "Q"], eta_s)  # 45 + 350 + 100


def test_an_incident_before_the_call_counts_in_the_plan() -> None:
    log = aid(arrest(trouble(both(), -20, "closed")))
    assert brief(log) == [(0.1, "raise", "orange", "evidence")]
    assert log[0]["plan"]["route"] == ["S", "B", "P", "Q"]


def test_a_little_slower_is_not_worth_a_word() -> None:
    assert len(aid(trouble(arrest(both()), 20, "a little slow"))) == 1  # 120 s instead of 100 s


def test_where_a_road_and_an_incident_speak_of_one_link_the_slower_holds() -> None:
    b = trouble(both(), -30, "slow").say(-20, "road-status", "R", link_from="S", link_to="P", speed_kmh=36)
    assert aid(arrest(b))[0]["plan"]["route"] == ["S", "B", "P", "Q"]
    b = trouble(both(), -30, "a little slow").say(-20, "road-status", "R", link_from="S", link_to="P", speed_kmh=6)
    assert aid(arrest(b))[0]["plan"]["route"] == ["S", "B", "P", "Q"]


def test_when_the_incident_is_over_the_road_is_as_it_reports_itself() -> None:
    b = over(trouble(both(), -30, "closed"), -10, "closed")
    assert aid(arrest(b))[0]["plan"]["eta_s"] == 245.0


# -- hazards ---------------------------------------------------------------------------------------------------------


def test_a_hazard_on_the_way_is_driven_round() -> None:
    log = aid(trouble(arrest(both()), 20, "gas on the way"))
    assert brief(log)[1:] == [(21.0, "update", "orange", "reroute")]
    assert log[1]["plan"]["route"] == ["S", "B", "P", "Q"]
    assert "hazards" not in log[1]["plan"]


def test_a_yellow_hazard_on_the_way_is_a_warning_only() -> None:
    log = aid(trouble(arrest(both()), 20, "yellow gas on the way"))
    assert brief(log)[1:] == [(21.0, "update", "orange", "hazard")]
    assert log[1]["plan"]["route"] == ["S", "P", "Q"]
    assert [h["text"]["en"] for h in log[1]["plan"]["hazards"]] == ["gas leak at RQ-07"]


def test_who_must_go_into_a_hazard_goes_warned() -> None:
    log = aid(trouble(arrest(both()), 20, "gas at the patient"))
    assert brief(log)[1:] == [(21.0, "update", "orange", "hazard")]
    assert (log[1]["plan"]["eta_s"], log[1]["plan"]["route"]) == (245.0, ["S", "P", "Q"])
    assert log[1]["plan"]["hazards"][0]["event"] == "gas_leak"
    assert log[1]["actions"]["en"][0] == "Warn the crew, danger there or on the way: gas leak at RQ-07"
    later = aid(arrest(trouble(both(), -20, "gas at the patient")))
    assert brief(later) == [(0.1, "raise", "orange", "evidence")]
    assert len(later[0]["plan"]["hazards"]) == 1


def test_a_unit_inside_a_hazard_may_leave_it_and_is_warned() -> None:
    b = trouble(both(), -20, "gas on the way").say(-10, "ambulance", "A1", lon=120.305, lat=36.06, duty="available")
    log = aid(arrest(b))
    assert log[0]["plan"]["primary_unit"] == "A1"
    assert log[0]["plan"]["eta_s"] == pytest.approx(45 + 50 + 100, abs=0.5)
    assert len(log[0]["plan"]["hazards"]) == 1


def test_a_hazard_elsewhere_is_nothing_to_the_crew() -> None:
    assert len(aid(trouble(arrest(both()), 20, "gas elsewhere"))) == 1


def test_a_hospital_inside_a_hazard_is_not_gone_to() -> None:
    hospitals = [{"id": "HP", "lon": 120.305, "lat": 36.06, "capabilities": ["pci"]}, *town()["ems"]["hospitals"][1:]]
    plan = aid(arrest(both(hospitals=hospitals)))[0]["plan"]
    assert plan["hospital"] == "HP"
    plan = aid(arrest(trouble(both(hospitals=hospitals), -20, "gas on the way")))[0]["plan"]
    assert plan["hospital"] == "H2"  # by Q-P-B-S-H2
    log = aid(trouble(arrest(both(hospitals=hospitals), node="H"), 20, "gas on the way"))
    assert [(s["reason"], s["plan"]["hospital"]) for s in log] == [("evidence", "HP"), ("reroute", "H2")]


# -- red incidents ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["red gas", "red crash"])
def test_a_patient_in_a_red_incident_of_another_scene_is_red(name: str) -> None:
    log = aid(trouble(arrest(both(), complaint="trauma_fall", priority=2), 20, name))
    assert [s["level"] for s in log] == ["yellow", "red"]
    assert log[1]["plan"]["patients"] == 1
    assert "F6.red_incident" in [e["rule"] for e in log[1]["evidence"]]
    assert aid(arrest(trouble(both(), -20, name), complaint="cough", priority=3))[0]["level"] == "red"


def test_two_patients_in_a_red_incident_are_spread_over_the_hospitals() -> None:
    able = ["pci", "stroke", "trauma"]
    hospitals = [
        {"id": "H", "node": "H", "capabilities": able, "load": 0.85},  # the second finds 0.95: 90 + 600 s
        {"id": "H2", "node": "H2", "capabilities": able, "load": 0.2},  # 600 s
    ]
    b = arrest(trouble(both(hospitals=hospitals), -20, "red gas"), complaint="stemi")
    b.say(400, "emergency-call", "C120", call_id="c2", complaint="stemi", priority=1, node="Q", caller="b")
    log = aid(b, 410)
    assert (log[0]["op"], log[0]["level"], log[0]["plan"]["hospital"]) == ("raise", "red", "H")
    second = [s for s in log if s["incident"] != log[0]["incident"]]
    assert (second[0]["level"], second[0]["plan"]["hospital"], second[0]["plan"]["patients"]) == ("red", "H2", 2)


def test_a_red_incident_elsewhere_makes_nobody_red() -> None:
    log = aid(trouble(arrest(both(), complaint="trauma_fall", priority=2, node="S"), 20, "red gas"))
    assert {s["level"] for s in log} == {"yellow"}


def test_a_bulletin_replaces_the_one_before_and_an_empty_one_ends_it() -> None:
    b = both()
    state = FirstAid().initial(b.fresh()[0].seats[1].world)
    world = b.fresh()[0].seats[1].world
    ctx = Context(town_of(world.city), state, world.parameters)
    closed, slow = TROUBLES["closed"][1], TROUBLES["slow"][1]
    list(hear(ctx, Bulletin(1_000_000, "i", "travel", "traffic_incident", Level.YELLOW, closed)))
    assert state.live.kmh == {"S>P": 0.0, "P>S": 0.0}
    list(hear(ctx, Bulletin(2_000_000, "i", "travel", "traffic_incident", Level.YELLOW, slow)))
    assert state.live.kmh == {"S>P": 6.0}
    list(hear(ctx, Bulletin(3_000_000, "i", "travel", "traffic_incident", Level.YELLOW, ())))
    assert (state.live.kmh, state.live.digest, state.notices) == ({}, 0, {})
