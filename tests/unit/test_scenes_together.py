"""Travel, safety production and first aid at once: what one sees on a road changes where another sends its crews."""

from __future__ import annotations

from typing import Any

from scenes.first_aid import FirstAid
from scenes.safety_production.scene import SafetyProduction
from scenes.travel import Travel
from tests.unit.first_aid_city import arrest, town
from tests.unit.scene_bench import Bench, at_s


def together(**parameters: float) -> Bench:
    """The town of first aid with a camera and a gas detector half way from S to P, 500 m of road from each."""
    city = town()
    city["devices"] = [
        {"id": "CAM", "sensor_type": "video-event", "lon": 120.305, "lat": 36.06},
        {"id": "G1", "sensor_type": "gas-detector", "lon": 120.305, "lat": 36.06},
        {"id": "GQ", "sensor_type": "gas-detector", "lon": 120.3201, "lat": 36.06},
    ]
    city["scenes"] = [{"name": "travel", "parameters": parameters}]
    return Bench([Travel(), SafetyProduction(), FirstAid()], city)


def stopped(b: Bench, first_s: float) -> Bench:
    for k in range(13):
        b.say(first_s + k, "video-event", "CAM", event="stopped_vehicle", track="t", confidence=0.9)
    return b


def leak(b: Bench, first_s: float, device: str = "G1") -> Bench:
    for k, lel in enumerate((58.0, 61.0, 59.5, 62.0)):
        b.say(first_s + 10 * k, "gas-detector", device, lel_pct=lel)
    return b


def of(log: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [s for s in log if s["event"] == event]


def test_a_vehicle_that_blocks_a_link_sends_the_ambulance_another_way() -> None:
    log = stopped(arrest(together(incident_kmh=5)), 5).same_however_cut(60)  # S-P: 720 s instead of 100 s
    seen, sent = of(log, "traffic_incident"), of(log, "medical_emergency")
    assert [(s["op"], s["reason"]) for s in sent] == [("raise", "evidence"), ("update", "reroute")]
    assert 0 < at_s(sent[1]) - at_s(seen[0]) <= 1.0  # the first whole second after
    assert sent[1]["plan"]["route"] == ["S", "B", "P", "Q"]
    assert sent[1]["plan"]["eta_s"] == 495.0  # 45 + 350 + 100


def test_a_jam_that_costs_less_than_the_way_round_is_driven_through_and_told() -> None:
    log = stopped(arrest(together(incident_kmh=10)), 5).same_however_cut(60)  # 360 s, by B 350 s: no gain of 60 s
    sent = of(log, "medical_emergency")
    assert [s["reason"] for s in sent] == ["evidence", "eta_slip"]
    assert (sent[1]["plan"]["route"], sent[1]["plan"]["eta_s"]) == (["S", "P", "Q"], 505.0)


def test_a_call_after_the_incident_is_planned_round_it_at_once() -> None:
    log = arrest(stopped(together(incident_kmh=5), -30)).same_however_cut(30)
    sent = of(log, "medical_emergency")
    assert [s["op"] for s in sent] == ["raise"]
    assert sent[0]["plan"]["route"] == ["S", "B", "P", "Q"]


def test_gas_closes_the_road_to_the_ambulance_from_orange_on() -> None:
    log = leak(arrest(together()), 5).same_however_cut(60)
    gas, sent = of(log, "gas_leak"), of(log, "medical_emergency")
    orange = next(s for s in gas if s["level"] == "orange")
    assert [s["reason"] for s in sent] == ["evidence", "reroute"]
    assert 0 < at_s(sent[1]) - at_s(orange) <= 1.0
    assert sent[1]["plan"]["route"] == ["S", "B", "P", "Q"]
    assert "hazards" not in sent[1]["plan"]


def test_a_crew_that_must_go_into_the_gas_goes_warned() -> None:
    log = leak(arrest(together()), 5, "GQ").same_however_cut(60)
    sent = of(log, "medical_emergency")
    assert [s["reason"] for s in sent] == ["evidence", "hazard"]
    assert sent[1]["plan"]["route"] == ["S", "P", "Q"]
    assert [h["event"] for h in sent[1]["plan"]["hazards"]] == ["gas_leak"]
    assert sent[1]["actions"]["en"][0].startswith("Warn the crew")


def test_when_the_gas_is_gone_the_road_is_open_for_the_next_call() -> None:
    b = leak(together(), 0)
    for s in range(40, 500, 10):
        b.say(s, "gas-detector", "G1", lel_pct=2.0 + s % 3 / 10)
    arrest(b, 480)
    log = b.same_however_cut(490)
    assert [s["op"] for s in of(log, "gas_leak")][-1] == "clear"
    assert of(log, "medical_emergency")[0]["plan"]["route"] == ["S", "P", "Q"]
