"""The plan of a call: unit, first responder, AED, hospital, way, green wave; figures by hand (see first_aid_city)."""

from __future__ import annotations

from typing import Any

import pytest

from scenes.first_aid import FirstAid
from tests.unit.first_aid_city import Q, arrest, bench, town
from tests.unit.scene_bench import Bench, advice, brief


def plan_of(b: Bench) -> dict[str, Any]:
    log = b.same_however_cut()
    assert log[0]["op"] == "raise"
    return dict(log[-1]["plan"])


def test_a_call_raises_at_once_with_the_whole_plan() -> None:
    log = arrest(bench()).same_however_cut()
    assert brief(log) == [(0.1, "raise", "orange", "evidence")]
    step = log[0]
    assert step["certainty"] == "likely"
    assert step["position"] == list(Q)
    assert step["report_count"] == 1
    assert step["departments"]["act"] == ["traffic_police", "health_120"]
    assert advice(step) == {
        "primary_unit": "A1",
        "eta_s": 245.0,  # 45 + 100 + 100
        "first_responder": "C1",
        "first_responder_eta_s": 145.0,  # 45 + 100: 100 s ahead
        "aed": None,
        "aed_eta_s": None,
        "hospital": "H",  # 90 s; H2 is 600 s away
        "route": ["S", "P", "Q"],
        "green_wave": {"X1": 85.0, "X2": 195.0},  # 45 + 40; 45 + 100 + 50
        # 67 - 2.3 * 145/60 - 1.1 * 145/60 - 2.1 * 245/60; A1 alone, CPR by telephone after 150 s: 2.0 less
        "survival_pct": 50.2,
        "survival_gain_pct": 2.0,
    }


def test_the_words_tell_the_plan_in_both_languages() -> None:
    step = arrest(bench()).run()[0]
    assert step["headline"]["zh"].startswith("【橙色】疑似心脏骤停：路口 Q，已派 A1（预计 245 秒）")
    assert step["headline"]["en"].startswith("[ORANGE] Suspected cardiac arrest at node Q, A1 ETA 245 s")
    assert len(step["actions"]["zh"]) == len(step["actions"]["en"]) >= 5
    assert step["actions"]["en"][0] == "Guide CPR over the telephone"


def test_a_slow_link_makes_another_unit_the_faster_one() -> None:
    b = bench().say(-5, "road-status", "R", link_from="S", link_to="P", speed_kmh=3)  # 1200 s; by B 350 s
    b.say(-4, "road-status", "R", link_from="B", link_to="P", speed_kmh=3)  # 2400 s
    plan = plan_of(arrest(b))
    # A1: 45 + 1200 + 100 = 1345 s. A2 has to pass S as well, so A1 stays, far beyond the target.
    assert (plan["primary_unit"], plan["eta_s"]) == ("A1", 1345.0)
    units = [{"id": "A1", "node": "S", "capability": "ALS"}, {"id": "A3", "node": "H", "capability": "ALS"}]
    b = bench(units=units).say(-5, "road-status", "R", link_from="Q", link_to="H", speed_kmh=36)
    assert plan_of(arrest(b))["primary_unit"] == "A3"  # 45 + 90
    b = bench(units=units).say(-5, "road-status", "R", link_from="H", link_to="Q", speed_kmh=9)  # 360 s
    assert plan_of(arrest(b))["primary_unit"] == "A1"


def test_live_speed_holds_for_its_direction_only() -> None:
    b = bench().say(-5, "road-status", "R", link_from="P", link_to="S", speed_kmh=3)
    assert plan_of(arrest(b))["eta_s"] == 245.0


def test_a_basic_crew_less_than_a_minute_ahead_stays() -> None:
    units = [{"id": "A1", "node": "S", "capability": "ALS"}, {"id": "C2", "lon": 120.305, "lat": 36.06}]
    plan = plan_of(arrest(bench(units=units)))
    assert plan["first_responder"] is None  # 45 + 50 + 100 = 195 s, 50 s ahead
    units[1]["lon"] = 120.3062  # 620 m from S: 45 + 38 + 100 = 183 s, 62 s ahead
    assert plan_of(arrest(bench(units=units)))["first_responder"] == "C2"


def test_priority_two_takes_the_nearest_of_all_crews_and_no_first_responder() -> None:
    log = arrest(bench(), complaint="trauma_fall", priority=2).same_however_cut()
    assert log[0]["level"] == "yellow"
    assert (log[0]["plan"]["primary_unit"], log[0]["plan"]["eta_s"]) == ("C1", 145.0)
    assert log[0]["plan"]["first_responder"] is None
    assert log[0]["plan"]["green_wave"] == {"X2": 95.0}
    assert log[0]["plan"]["hospital"] == "H"  # a minor injury needs no trauma centre


def test_priority_three_is_blue_and_asks_no_green_wave() -> None:
    log = arrest(bench(), complaint="cough", priority=3).same_however_cut()
    assert log[0]["level"] == "blue"
    assert log[0]["plan"]["green_wave"] == {}
    assert log[0]["departments"]["act"] == ["health_120"]


@pytest.mark.parametrize(
    ("complaint", "priority", "hospital"),
    [("stemi", 1, "H"), ("stroke", 1, "H2"), ("trauma_road", 1, "H2"), ("trauma_road", 2, "H"), ("cough", 3, "H")],
)
def test_the_hospital_must_be_able_to_treat(complaint: str, priority: int, hospital: str) -> None:
    assert plan_of(arrest(bench(), complaint=complaint, priority=priority))["hospital"] == hospital


def test_a_full_hospital_costs_its_wait() -> None:
    hospitals = [
        {"id": "H", "node": "H", "capabilities": ["pci"], "load": 0.95},  # 90 + 900 * (0.10 / 0.15) = 690 s
        {"id": "H2", "node": "H2", "capabilities": ["pci"], "load": 0.80},  # 600 s
    ]
    assert plan_of(arrest(bench(hospitals=hospitals)))["hospital"] == "H2"
    hospitals[0]["load"] = 0.93  # 90 + 480 = 570 s
    assert plan_of(arrest(bench(hospitals=hospitals)))["hospital"] == "H"


def test_a_hospital_that_diverts_is_left_out() -> None:
    b = bench().say(-60, "hospital-status", "H", state="divert")
    assert plan_of(arrest(b))["hospital"] == "H2"
    b.say(-30, "hospital-status", "H", load=0.2)  # keeps what it leaves out: still diverting
    assert plan_of(b)["hospital"] == "H2"


def test_only_available_units_are_sent() -> None:
    b = bench().say(-10, "ambulance", "A1", duty="transporting")
    plan = plan_of(arrest(b))
    assert (plan["primary_unit"], plan["eta_s"]) == ("A2", 645.0)  # 45 + 400 + 200


def test_a_unit_is_sent_from_where_it_is() -> None:
    b = bench().say(-10, "ambulance", "A2", lon=120.314, lat=36.06, duty="available")
    plan = plan_of(arrest(b))  # 400 m past P: 600 m to go
    assert plan["primary_unit"] == "A2"
    assert plan["eta_s"] == pytest.approx(45 + 60, abs=0.3)
    assert plan["route"] == ["Q"]
    assert plan["green_wave"] == {"X2": pytest.approx(45 + 10, abs=0.3)}


def test_a_position_that_jumps_is_ignored() -> None:
    b = bench().say(-20, "ambulance", "A2", lon=120.30, lat=36.09, duty="available")
    b.say(-10, "ambulance", "A2", lon=120.32, lat=36.06, duty="available")  # 3.8 km in 10 s
    assert plan_of(arrest(b))["primary_unit"] == "A1"


def test_three_far_positions_that_agree_are_believed() -> None:
    b = bench().say(-40, "ambulance", "A2", lon=120.30, lat=36.09)
    for s in (-30, -20, -10):
        b.say(s, "ambulance", "A2", lon=120.32, lat=36.0601)
    assert plan_of(arrest(b))["primary_unit"] == "A2"


def test_without_a_crew_that_can_treat_the_best_there_is_goes_and_help_is_called() -> None:
    log = arrest(bench(units=[{"id": "C1", "node": "P"}])).same_however_cut()
    assert log[0]["plan"]["primary_unit"] == "C1"
    assert "No capable crew free: ask for help" in log[0]["actions"]["en"]


def test_without_any_crew_the_call_waits_and_gets_the_first_that_is_free() -> None:
    b = bench(units=[{"id": "A1", "node": "S", "capability": "ALS", "status": "dispatched"}])
    arrest(b).say(100, "ambulance", "A1", duty="available", lon=120.31, lat=36.06)
    log = b.same_however_cut()
    assert brief(log) == [(0.1, "raise", "orange", "evidence"), (100.1, "update", "orange", "unit_change")]
    assert log[0]["plan"]["primary_unit"] is None
    assert (log[1]["plan"]["primary_unit"], log[1]["plan"]["eta_s"]) == ("A1", 245.0)  # 100 + 45 + 100


def test_a_call_that_nobody_can_reach_gets_a_unit_when_the_road_opens() -> None:
    b = bench(units=[{"id": "A1", "node": "S", "capability": "ALS"}])
    b.say(-5, "road-status", "R", link_from="P", link_to="Q", speed_kmh=0)
    arrest(b).say(30, "ambulance", "A1", duty="available").say(60, "ambulance", "A1", duty="available")
    b.say(70, "road-status", "R", link_from="P", link_to="Q", speed_kmh=36).say(75, "ambulance", "A1", duty="available")
    log = b.same_however_cut()
    assert brief(log) == [(0.1, "raise", "orange", "evidence"), (75.1, "update", "orange", "unit_change")]
    assert (log[1]["plan"]["primary_unit"], log[1]["plan"]["eta_s"]) == ("A1", 320.0)  # 75 + 45 + 200


def test_a_capable_crew_that_is_free_at_last_takes_over_and_the_other_goes_ahead() -> None:
    units = [{"id": "A1", "node": "S", "capability": "ALS", "status": "transporting"}, {"id": "C1", "node": "P"}]
    b = arrest(bench(units=units)).say(20, "ambulance", "A1", duty="available")
    log = b.same_however_cut()
    assert [(s["plan"]["primary_unit"], s["plan"]["eta_s"]) for s in log] == [("C1", 145.0), ("A1", 265.0)]
    assert (log[1]["plan"]["first_responder"], log[1]["plan"]["first_responder_eta_s"]) == ("C1", 145.0)


def test_a_low_priority_is_orange_when_nobody_is_in_time() -> None:
    units = [{"id": "A2", "node": "H2", "capability": "ALS"}]  # 645 s
    late = arrest(bench(units=units), complaint="cough", priority=1)
    assert late.run()[0]["level"] == "orange"
    slow = arrest(bench(units=units), complaint="trauma_fall", priority=2)
    assert slow.run()[0]["level"] == "yellow"  # within 900 s
    slow.say(-5, "road-status", "R", link_from="S", link_to="P", speed_kmh=6)  # 45 + 400 + 350 + 100 (by B) = 895 s
    assert slow.run()[0]["level"] == "yellow"
    slow.say(-4, "road-status", "R", link_from="B", link_to="P", speed_kmh=18)  # S-P 600 s or S-B-P 550 s
    assert slow.run()[0]["level"] == "orange"


# D1 stands 556 m north of Q: 30 + 37.1 + 20 s. V1 walks 300 m at 2 m/s: 150 s.
DRONE = {"id": "D1", "lon": 120.32, "lat": 36.065}
VOLUNTEER = {"id": "V1", "lon": 120.3205, "lat": 36.06, "distance_via_aed_m": 300}


def test_the_fastest_aed_that_no_crew_brings_is_sent() -> None:
    plan = plan_of(arrest(bench(drones=[DRONE], volunteers=[VOLUNTEER])))
    assert (plan["aed"], plan["aed_eta_s"]) == ("D1", 87.1)
    plan = plan_of(arrest(bench(drones=[DRONE | {"launch_s": 120}], volunteers=[VOLUNTEER])))
    assert (plan["aed"], plan["aed_eta_s"]) == ("V1", 150.0)


def test_an_aed_must_be_a_minute_ahead_of_the_ambulance() -> None:
    near = VOLUNTEER | {"distance_via_aed_m": 370}  # 185 s, the ambulance 245 s
    assert plan_of(arrest(bench(volunteers=[near])))["aed"] == "V1"
    far = VOLUNTEER | {"distance_via_aed_m": 371}
    assert plan_of(arrest(bench(volunteers=[far])))["aed"] is None


def test_an_aed_is_for_a_suspected_arrest_only() -> None:
    assert plan_of(arrest(bench(drones=[DRONE]), complaint="stemi"))["aed"] is None


def test_a_report_without_wind_leaves_the_wind_as_it_was() -> None:
    b = bench(drones=[DRONE]).say(-60, "weather", "W", lon=120.3, lat=36.06, wind_ms=9.0)
    b.say(-30, "weather", "W", lon=120.3, lat=36.06, rain_mm_h=0.0)
    assert arrest(b).same_however_cut()[0]["plan"]["aed"] is None


def test_a_station_without_a_place_counts_where_there_is_no_other() -> None:
    b = bench(drones=[DRONE]).say(-60, "weather", "W", wind_ms=9.0)
    assert arrest(b).same_however_cut()[0]["plan"]["aed"] is None
    b = bench(drones=[DRONE]).say(-60, "weather", "W", wind_ms=9.0)
    b.say(-50, "weather", "W2", lon=120.3, lat=36.06, wind_ms=2.0)
    assert arrest(b).same_however_cut()[0]["plan"]["aed"] == "D1"


@pytest.mark.parametrize("priority", [2, 3])
def test_an_arrest_is_orange_whatever_its_priority(priority: int) -> None:
    assert arrest(bench(), priority=priority).same_however_cut()[0]["level"] == "orange"


@pytest.mark.parametrize("weather", [{"wind_ms": 8.1}, {"wind_ms": 1.0, "rain_mm_h": 0.4}])
def test_no_drone_in_strong_wind_or_rain(weather: dict[str, float]) -> None:
    b = bench(drones=[DRONE]).say(-60, "weather", "W", lon=120.3, lat=36.06, **weather)
    assert plan_of(arrest(b))["aed"] is None
    calm = bench(drones=[DRONE]).say(-60, "weather", "W", lon=120.3, lat=36.06, wind_ms=8.0, rain_mm_h=0.0)
    assert plan_of(arrest(calm))["aed"] == "D1"


def test_no_drone_through_a_no_fly_zone() -> None:
    city = town(drones=[DRONE])
    ring = [(120.319, 36.062), (120.321, 36.062), (120.321, 36.063), (120.319, 36.063), (120.319, 36.062)]
    city["zones"] = [{"id": "NF", "kind": "no_fly", "polygon": ring}]
    assert plan_of(arrest(Bench([FirstAid()], city)))["aed"] is None


def test_a_volunteer_of_another_quarter_is_not_reckoned_by_a_way_that_is_not_theirs() -> None:
    away = VOLUNTEER | {"lon": 120.33, "distance_via_aed_m": 200}  # 899 m as the crow flies: 1169 m, 584 s
    assert plan_of(arrest(bench(volunteers=[away])))["aed"] is None


def test_one_unit_is_not_planned_twice() -> None:
    b = arrest(bench())
    b.say(10, "emergency-call", "C120", call_id="c2", complaint="stroke", priority=1, node="P", caller="x")
    log = b.same_however_cut()
    assert [s["plan"]["primary_unit"] for s in log] == ["A1", "A2"]
    assert len({s["incident"] for s in log}) == 2


def zones() -> list[dict[str, Any]]:
    def square(lon: float, lat: float) -> list[tuple[float, float]]:
        d = 0.002
        return [(lon - d, lat - d), (lon + d, lat - d), (lon + d, lat + d), (lon - d, lat + d), (lon - d, lat - d)]

    return [
        {"id": "ZP", "kind": "coverage", "demand": 0.6, "polygon": square(120.31, 36.06)},
        {"id": "ZH", "kind": "coverage", "demand": 0.1, "polygon": square(120.30, 36.09)},
    ]


def test_a_lower_priority_spares_the_only_unit_of_a_zone() -> None:
    units = [{"id": "C1", "node": "P"}, {"id": "C2", "node": "H2"}]
    city = town(units=units, target_s=480)  # only C1 reaches ZP in 480 s (C2: 45 + 500)
    city["zones"] = zones()
    plan = plan_of(arrest(Bench([FirstAid()], city), complaint="cough", priority=2))
    assert (plan["primary_unit"], plan["eta_s"]) == ("C2", 645.0)  # well inside 900 - 60 s
    plan = plan_of(arrest(Bench([FirstAid()], city), complaint="cardiac_arrest", priority=1))
    assert plan["primary_unit"] == "C1"  # not for the highest


def test_of_all_within_the_target_the_one_that_costs_least_cover_spares_the_nearest() -> None:
    # Q, priority 2, target 900 s. C1 (145 s) leaves ZP bare; C2 (645 s) is 60 s inside the target but all that ZH has;
    # C3 comes from H at 4 km/h, 45 + 810 s, and covers nothing.
    units = [{"id": "C1", "node": "P"}, {"id": "C2", "node": "H2"}, {"id": "C3", "node": "H"}]
    city = town(units=units, target_s=480)
    city["zones"] = [zones()[0], zones()[1] | {"demand": 0.3}]  # ZH is C2's alone
    b = Bench([FirstAid()], city)
    for a, z in (("H", "Q"), ("Q", "P")):
        b.say(-5, "road-status", "R", link_from=a, link_to=z, speed_kmh=4 if a == "H" else 2)
    plan = plan_of(arrest(b, complaint="cough", priority=2))
    assert (plan["primary_unit"], plan["eta_s"]) == ("C3", 855.0)  # beyond 840 s, but within 900 s and no loss


def test_an_aed_that_is_out_is_not_sent_again_until_it_can_be_back() -> None:
    b = arrest(bench(drones=[DRONE]))  # 87.1 s there
    for at_s, call_id in ((100, "c2"), (500, "c3")):
        b.say(
            at_s, "emergency-call", "C", call_id=call_id, complaint="cardiac_arrest", priority=1, lon=120.318, lat=36.06
        )
    assert [s["plan"]["aed"] for s in b.same_however_cut() if s["op"] == "raise"] == ["D1", None, "D1"]


def test_three_patients_that_one_caller_tells_of_are_no_more_than_orange() -> None:
    b = bench()
    for k, complaint in enumerate(("stroke", "chest_pain", "trauma_road")):
        arrest(b, 10 * k, call_id=f"m{k}", complaint=complaint, priority=2)
    assert {s["level"] for s in b.same_however_cut()} == {"yellow", "orange"}


def test_a_call_with_a_node_and_degrees_is_shown_where_it_is_and_driven_to_by_the_node() -> None:
    log = arrest(bench(), lon=120.3203, lat=36.0602).same_however_cut()
    assert log[0]["position"] == [120.3203, 36.0602]
    assert (log[0]["plan"]["eta_s"], log[0]["plan"]["route"]) == (245.0, ["S", "P", "Q"])


def test_a_call_without_a_place_is_raised_without_a_plan() -> None:
    log = arrest(bench(), node="nowhere").same_however_cut()
    assert (log[0]["op"], log[0]["level"], log[0]["position"]) == ("raise", "orange", None)
    assert log[0]["plan"]["primary_unit"] is None


def test_a_call_that_comes_late_counts_its_delay() -> None:
    b = bench().say(0, "emergency-call", "C120", delay_s=100, call_id="c1", complaint="stemi", priority=1, node="Q")
    assert plan_of(b)["eta_s"] == 345.0  # 100 + 45 + 200


def test_calls_of_other_services_are_left_alone() -> None:
    assert arrest(bench(), complaint="gas_smell").run() == []


def test_a_city_without_roads_reckons_by_the_crow() -> None:
    city = {"ems": {"turnout_s": 45, "units": [{"id": "A1", "lon": 120.30, "lat": 36.06, "capability": "ALS"}]}}
    b = Bench([FirstAid()], city).say(
        0, "emergency-call", "C120", call_id="c1", complaint="stemi", priority=1, lon=120.32, lat=36.06
    )
    plan = plan_of(b)
    assert plan["primary_unit"] == "A1"
    assert plan["eta_s"] == pytest.approx(45 + 1798 / (30 / 3.6), abs=1)
    assert plan["route"] == []


def test_a_city_with_nothing_survives_a_call() -> None:
    log = arrest(Bench([FirstAid()], {})).same_however_cut()
    assert [s["op"] for s in log] == ["raise"]


def test_every_call_in_a_large_city_gets_its_plan() -> None:
    n = 100
    nodes = [{"id": f"{i},{j}", "lon": 120 + 0.002 * i, "lat": 36 + 0.002 * j} for i in range(n) for j in range(n)]
    links = [
        {"from": f"{i},{j}", "to": f"{a},{b}", "length_m": 200 + (7 * i + 11 * j) % 50, "speed_kmh": 30 + (i * j) % 30}
        for i in range(n)
        for j in range(n)
        for a, b in ((i + 1, j), (i, j + 1))
        if a < n and b < n
    ]
    units = [{"id": f"U{k}", "node": f"{(k * 37) % n},{(k * 53) % n}", "capability": "ALS"} for k in range(40)]
    hospitals = [{"id": f"H{k}", "node": f"{(k * 71) % n},{(k * 29) % n}", "capabilities": ["pci"]} for k in range(10)]
    b = Bench(
        [FirstAid()], {"roads": {"nodes": nodes, "links": links}, "ems": {"units": units, "hospitals": hospitals}}
    )
    for k in range(6):
        b.say(10 * k + 1, "road-status", "R", link_from="50,50", link_to="50,51", speed_kmh=10 + k)
        arrest(b, 10 * k + 2, call_id=f"c{k}", node=f"{50 + 5 * k},50")
    engine, rows = b.fresh()
    steps = [step for row in rows for step in engine.feed(b.piece([row]))]
    raised = [s.document for s in steps if s.op == "raise"]
    assert len(raised) == 6  # 10,000 nodes, 39,600 arcs
    assert all(d["plan"]["primary_unit"] and d["plan"]["hospital"] and len(d["plan"]["route"]) > 1 for d in raised)


def test_given_times_serve_a_city_without_roads() -> None:
    d = 0.01
    ring = [(120.3, 36.0), (120.3 + d, 36.0), (120.3 + d, 36.0 + d), (120.3, 36.0 + d)]
    city = {
        "zones": [{"id": "Z1", "kind": "coverage", "demand": 0.6, "polygon": ring}],
        "ems": {
            "turnout_s": 45,
            "units": [{"id": u, "lon": 120.4, "lat": 36.1, "capability": "ALS"} for u in ("A1", "A2")],
            "travel_s": [{"unit": "A1", "zone": "Z1", "seconds": 300}, {"unit": "A2", "zone": "Z1", "seconds": 200}],
        },
    }
    b = Bench([FirstAid()], city).say(
        0, "emergency-call", "C", call_id="c1", complaint="stemi", priority=1, lon=120.305, lat=36.005
    )
    plan = plan_of(b)
    assert (plan["primary_unit"], plan["eta_s"]) == ("A2", 245.0)
