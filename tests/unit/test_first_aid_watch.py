"""After the dispatch: the way, the arrival, the hospital, duplicates, the end, coverage (town in first_aid_city)."""

from __future__ import annotations

from typing import Any

import pytest

from scenes.first_aid import FirstAid
from tests.unit.first_aid_city import arrest, bench, town
from tests.unit.scene_bench import Bench, advice, brief

LON = 120.30  # 0.01 degree of longitude stands for 1000 m of road: 0.001 is 10 s of driving


def drive(b: Bench, at_s: float, metres: float, **more: Any) -> Bench:
    """A1 that many metres from S towards Q."""
    return b.say(at_s, "ambulance", "A1", lon=LON + metres / 100_000, lat=36.06, **more)


def arrived(b: Bench, at_s: float = 245.0) -> Bench:
    return drive(b, at_s, 2000, duty="on_scene")


# -- the way ---------------------------------------------------------------------------------------------------------


def test_a_link_that_slows_sends_the_unit_another_way() -> None:
    b = arrest(bench()).say(20, "road-status", "R", link_from="S", link_to="P", speed_kmh=6)  # 600 s; by B 350 s
    log = b.same_however_cut()
    assert brief(log)[1] == (20.1, "update", "orange", "reroute")
    assert log[1]["plan"]["route"] == ["S", "B", "P", "Q"]
    assert log[1]["plan"]["eta_s"] == 495.0  # 45 + 150 + 200 + 100
    assert log[1]["plan"]["green_wave"] == {"X2": 445.0}  # 45 + 350 + 50


def test_a_report_that_was_delivered_late_does_not_undo_a_later_one() -> None:
    b = arrest(bench()).say(20, "road-status", "R", link_from="S", link_to="P", speed_kmh=36)
    b.say(10, "road-status", "R", delay_s=20, link_from="S", link_to="P", speed_kmh=0)
    assert len(b.same_however_cut()) == 1


def test_a_link_behind_the_unit_does_not_matter() -> None:
    b = drive(arrest(bench()), 95, 500, duty="dispatched")
    drive(b, 150, 1050, duty="dispatched").say(160, "road-status", "R", link_from="S", link_to="P", speed_kmh=2)
    assert brief(b.same_however_cut()) == [(0.1, "raise", "orange", "evidence")]


def test_the_arrival_of_one_that_drives_counts_from_its_last_position() -> None:
    # At P at 145 s, and on its way since: what it has driven when the road slows 14 s later is not to be driven again.
    b = drive(arrest(bench()), 145, 1000, duty="dispatched", speed_kmh=36)
    b.say(159, "road-status", "R", link_from="P", link_to="Q", speed_kmh=18)  # 145 + 200 = 345 s
    log = b.same_however_cut()
    assert brief(log)[1] == (159.1, "update", "orange", "eta_slip")
    assert log[1]["plan"]["eta_s"] == pytest.approx(345.0, abs=0.3)


def test_a_way_round_is_not_looked_for_before_the_arrival_slips() -> None:
    # A2 to Q: 45 + 600 s. H2 to S at 31 km/h is 464.5 s, 64.5 s late, 10 %; by W 394.6 s, a gain of 70 s.
    city = town(units=[{"id": "A2", "node": "H2"}])
    city["roads"]["nodes"].append({"id": "W", "lon": 120.29, "lat": 36.075})
    city["roads"]["links"] += [
        {"from": a, "to": b, "length_m": 2000, "speed_kmh": 36} for a, b in (("H2", "W"), ("W", "S"))
    ]
    b = arrest(Bench([FirstAid()], city)).say(20, "road-status", "R", link_from="H2", link_to="S", speed_kmh=31)
    b.say(20, "road-status", "R", link_from="H2", link_to="W", speed_kmh=37)
    assert len(b.same_however_cut()) == 1
    b.say(30, "road-status", "R", link_from="H2", link_to="S", speed_kmh=29)  # 496.6 s, 96.6 s late
    assert brief(b.same_however_cut())[1] == (30.1, "update", "orange", "reroute")


def test_a_unit_that_turns_round_is_told_so_once() -> None:
    # To P: 300 m beyond S the road ahead slows to 1 m/s, 700 s; back to S and by B it is 30 + 350 s.
    b = drive(arrest(bench(), node="P"), 75, 300, duty="dispatched", speed_kmh=36)
    b.say(80, "road-status", "R", link_from="S", link_to="P", speed_kmh=3.6)
    for s in range(85, 105, 5):
        drive(b, s, 300 - 10 * (s - 80), speed_kmh=36)
    log = b.same_however_cut()
    assert brief(log)[1:] == [(80.1, "update", "orange", "reroute")]
    assert log[1]["plan"]["route"] == ["S", "B", "P"]
    assert log[1]["plan"]["eta_s"] == pytest.approx(455.0, abs=0.3)  # 75 + 30 + 350


def test_a_gain_under_a_minute_is_no_new_way_but_a_slip_is_told() -> None:
    # 320 s instead of 100 s, by B 350 s: stays; 45 + 320 + 100 = 465 s
    b = arrest(bench()).say(20, "road-status", "R", link_from="S", link_to="P", speed_kmh=11.25)
    log = b.same_however_cut()
    assert brief(log)[1] == (20.1, "update", "orange", "eta_slip")
    assert log[1]["plan"]["route"] == ["S", "P", "Q"]
    assert log[1]["plan"]["eta_s"] == 465.0


def test_a_closed_link_is_left_within_the_same_message() -> None:
    b = arrest(bench()).say(30, "road-status", "R", link_from="S", link_to="P", speed_kmh=0)
    log = b.same_however_cut()
    assert brief(log)[1] == (30.1, "update", "orange", "reroute")
    assert log[1]["plan"]["route"] == ["S", "B", "P", "Q"]


@pytest.mark.parametrize("status", ["calibrating", "maintenance", "fault"])
def test_what_is_out_of_order_bears_no_witness_but_a_crew_is_heard(status: str) -> None:
    b = arrest(bench(), at_s=0).say(30, "road-status", "R", link_from="S", link_to="P", speed_kmh=0, status=status)
    b.say(40, "video-event", "CAM", event="fall", track="t", confidence=0.9, lon=120.32, lat=36.06, status=status)
    drive(b, 50, 5000, duty="off_duty", status=status)
    log = b.same_however_cut()
    assert brief(log)[1:] == [(50.1, "update", "orange", "unit_change")]
    assert log[1]["plan"]["primary_unit"] == "A2"
    ok = arrest(bench()).say(30, "road-status", "R", link_from="S", link_to="P", speed_kmh=0, status="ok")
    assert brief(ok.run())[1][3] == "reroute"


def test_a_closure_is_also_told_by_its_cause() -> None:
    b = arrest(bench()).say(30, "road-status", "R", link_from="S", link_to="P", cause="closed")
    assert brief(b.run())[1] == (30.1, "update", "orange", "reroute")


def test_a_unit_without_positions_is_taken_to_be_where_the_plan_has_it() -> None:
    # At 150 s it has passed P (145 s) and is on P-Q: a jam on S-P is behind it, one on P-Q is not.
    b = arrest(bench()).say(150, "road-status", "R", link_from="S", link_to="P", speed_kmh=2)
    assert len(b.same_however_cut()) == 1
    b = arrest(bench()).say(100, "road-status", "R", link_from="P", link_to="Q", speed_kmh=6)  # 600 s
    log = b.same_however_cut()
    assert log[1]["reason"] == "eta_slip"
    assert log[1]["plan"]["eta_s"] == 745.0  # at P at 145 s, then 600 s


def test_a_unit_that_falls_behind_is_told_as_a_slip() -> None:
    b = drive(arrest(bench()), 50, 0, duty="dispatched")
    drive(b, 100, 100)  # 10 s driven in 55 s: arrival at 290 s, 45 s late, 18 %
    log = b.same_however_cut()
    assert len(log) == 1
    drive(b, 120, 100)  # 310 s: 65 s late, 26 %
    log = b.same_however_cut()
    assert brief(log)[1:] == [(120.1, "update", "orange", "eta_slip")]
    assert log[1]["plan"]["eta_s"] == pytest.approx(310.0, abs=0.3)
    assert log[1]["plan"]["route"] == ["P", "Q"]


def test_a_way_that_was_lost_and_opens_again_is_told() -> None:
    b = arrest(bench()).say(10, "road-status", "R", link_from="P", link_to="Q", speed_kmh=0)
    b.say(30, "road-status", "R", link_from="P", link_to="Q", speed_kmh=36)
    log = b.same_however_cut()
    assert [(s["reason"], s["plan"]["eta_s"]) for s in log[1:]] == [("eta_slip", None), ("reroute", 245.0)]
    assert log[2]["plan"]["green_wave"] == {"X1": 85.0, "X2": 195.0}


def test_a_link_that_closes_under_the_unit_is_driven_off() -> None:
    b = drive(arrest(bench()), 75, 300, duty="dispatched")
    b.say(80, "road-status", "R", link_from="S", link_to="P", speed_kmh=0)
    assert len(b.same_however_cut()) == 1  # 70 s to P, as planned


def test_a_low_priority_that_slips_is_yellow() -> None:
    b = arrest(bench(), complaint="cough", priority=3)
    b.say(20, "road-status", "R", link_from="P", link_to="Q", speed_kmh=18)  # C1: 145 -> 245 s
    assert brief(b.same_however_cut()) == [(0.1, "raise", "blue", "evidence"), (20.1, "update", "yellow", "eta_slip")]


def test_a_unit_much_earlier_takes_over() -> None:
    units = [{"id": "A1", "node": "S", "capability": "ALS"}, {"id": "A3", "node": "B", "capability": "ALS"}]
    b = arrest(bench(units=units))  # A1 245 s, A3 345 s
    b.say(10, "road-status", "R", link_from="S", link_to="P", speed_kmh=2)  # A1 by B: 495 s; A3: 10 + 45 + 300 = 355 s
    log = b.same_however_cut()
    assert brief(log)[1] == (10.1, "update", "orange", "unit_change")
    assert (log[1]["plan"]["primary_unit"], log[1]["plan"]["eta_s"]) == ("A3", 355.0)


def test_a_unit_that_cannot_go_is_replaced() -> None:
    b = arrest(bench()).say(20, "ambulance", "A1", duty="off_duty")
    log = b.same_however_cut()
    assert brief(log)[1] == (20.1, "update", "orange", "unit_change")
    assert (log[1]["plan"]["primary_unit"], log[1]["plan"]["eta_s"]) == ("A2", 665.0)  # 20 + 45 + 600


def test_available_before_it_has_left_says_nothing() -> None:
    b = drive(arrest(bench()), 10, 0, duty="available")
    assert len(b.same_however_cut()) == 1


def test_a_unit_that_stands_for_a_minute_is_stuck() -> None:
    b = drive(arrest(bench()), 50, 0, duty="dispatched", speed_kmh=10)
    drive(b, 75, 300, speed_kmh=36)
    for s in range(80, 150, 10):
        drive(b, s, 310, speed_kmh=1.0)
    log = b.same_however_cut()
    stuck = [s for s in log if s["reason"] == "unit_stuck"]
    assert brief(stuck) == [(140.0, "update", "orange", "unit_stuck")]  # 80 + 60, at the mark
    assert stuck[0]["plan"]["eta_s"] == pytest.approx(140 + 169, abs=0.5)


def test_near_a_signal_it_may_stand_for_two() -> None:
    b = drive(arrest(bench()), 50, 0, duty="dispatched", speed_kmh=10)
    for s in range(80, 190, 10):
        drive(b, s, 380, speed_kmh=0)  # X1 stands at 400 m
    assert not [s for s in b.same_however_cut() if s["reason"] == "unit_stuck"]
    for s in range(190, 211, 10):
        drive(b, s, 380, speed_kmh=0)
    assert brief(s for s in b.same_however_cut() if s["reason"] == "unit_stuck") == [
        (200.0, "update", "orange", "unit_stuck")
    ]


def test_a_position_that_jumps_changes_nothing() -> None:
    b = drive(arrest(bench()), 95, 500, duty="dispatched")
    b.say(100, "ambulance", "A1", lon=120.30, lat=36.09)  # 3.4 km in 5 s
    drive(b, 105, 600)
    assert brief(b.same_however_cut()) == [(0.1, "raise", "orange", "evidence")]


# -- hospital --------------------------------------------------------------------------------------------------------


def test_a_hospital_that_diverts_is_changed_at_once() -> None:
    log = arrest(bench()).say(60, "hospital-status", "H", state="divert").same_however_cut()
    assert brief(log)[1] == (60.1, "update", "orange", "hospital_change")
    assert log[1]["plan"]["hospital"] == "H2"


def test_another_hospital_for_load_must_save_two_minutes() -> None:
    # H: 90 s + wait, H2: 600 s. Load 0.95: wait 600 s, gain 90 s; 0.96: wait 660 s, gain 150 s.
    assert len(arrest(bench()).say(60, "hospital-status", "H", load=0.95).same_however_cut()) == 1
    log = arrest(bench()).say(60, "hospital-status", "H", load=0.96).same_however_cut()
    assert brief(log)[1] == (60.1, "update", "orange", "hospital_change")


def test_a_diversion_on_the_way_to_hospital_counts_too() -> None:
    b = arrived(arrest(bench()))
    drive(b, 600, 2000, duty="transporting").say(700, "hospital-status", "H", state="divert")
    log = b.same_however_cut(1000)
    assert brief(log)[1:] == [(700.1, "update", "orange", "hospital_change")]


def test_a_road_to_the_hospital_that_slows_counts_within_ten_seconds() -> None:
    hospitals = [{"id": h, "node": n, "capabilities": ["pci"]} for h, n in (("H", "H"), ("HS", "S"))]  # 90 and 200 s
    b = arrest(bench(hospitals=hospitals))
    b.say(23, "road-status", "R", link_from="Q", link_to="H", speed_kmh=10.2)  # 318 s: 118 s more than HS
    assert len(b.same_however_cut(60)) == 1
    b = arrest(bench(hospitals=hospitals))
    b.say(23, "road-status", "R", link_from="Q", link_to="H", speed_kmh=10)  # 324 s
    log = b.same_however_cut(60)
    assert brief(log)[1:] == [(30.0, "update", "orange", "hospital_change")]
    assert log[1]["plan"]["hospital"] == "HS"


def test_a_hospital_that_diverts_when_the_patient_is_there_is_not_changed() -> None:
    b = arrived(arrest(bench()))
    drive(b, 600, 2000, duty="transporting").say(690, "ambulance", "A1", lon=120.33, lat=36.06)
    b.say(700, "hospital-status", "H", state="divert")
    assert len(b.same_however_cut(800)) == 1


# -- duplicates ------------------------------------------------------------------------------------------------------


def second(b: Bench, at_s: float, **more: Any) -> Bench:
    call = {"call_id": "c2", "complaint": "stemi", "priority": 1, "lon": 120.321, "lat": 36.06, "caller": "b"}
    return b.say(at_s, "emergency-call", "C120", **(call | more))


def test_a_second_caller_joins_and_confirms_an_arrest() -> None:
    log = second(arrest(bench()), 60).same_however_cut()  # 90 m away
    assert brief(log)[1] == (60.1, "merge", "red", "level")
    assert (log[1]["report_count"], log[1]["certainty"]) == (2, "observed")
    assert log[1]["incident"] == log[0]["incident"]
    assert log[1]["plan"] == log[0]["plan"]


def test_the_same_caller_again_confirms_nothing() -> None:
    log = second(arrest(bench()), 60, caller="a").same_however_cut()
    assert brief(log)[1] == (60.1, "merge", "orange", "evidence")
    assert log[1]["certainty"] == "likely"


@pytest.mark.parametrize(
    "other",
    [{"lon": 120.3218}, {"complaint": "stroke"}, {"at_s": 301}],
    ids=["162 m away", "another complaint", "301 s later"],
)
def test_what_is_too_far_too_late_or_another_complaint_is_another_patient(other: dict[str, Any]) -> None:
    log = second(arrest(bench()), other.pop("at_s", 60), **other).same_however_cut()
    assert [s["op"] for s in log] == ["raise", "raise"]
    assert log[0]["incident"] != log[1]["incident"]


def test_another_complaint_next_door_is_linked_for_the_dispatcher() -> None:
    log = second(arrest(bench()), 60, complaint="stroke").same_however_cut()
    assert any("Suspected cardiac arrest" in a for a in log[1]["actions"]["en"])


def test_the_same_call_again_is_no_new_report() -> None:
    b = arrest(bench())
    b.say(30, "emergency-call", "C120", call_id="c1", complaint="cardiac_arrest", priority=1, node="Q", caller="a")
    log = b.same_however_cut()
    assert len(log) == 1
    assert log[0]["report_count"] == 1


def test_a_graver_second_call_lifts_the_plan() -> None:
    b = arrest(bench(), complaint="chest_pain", priority=2)  # C1 goes, 145 s
    log = second(b, 30, complaint="cardiac_arrest", priority=1).same_however_cut()
    assert log[-1]["level"] == "red"
    assert log[-1]["plan"]["primary_unit"] == "A1"
    assert log[-1]["plan"]["eta_s"] == 275.0  # 30 + 245


def test_a_fall_on_video_is_a_second_witness_before_or_after_the_call() -> None:
    for at_s in (-200, 200):
        b = arrest(bench())
        b.say(at_s, "video-event", "CAM", event="fall", track="7", confidence=0.9, lon=120.3205, lat=36.06)
        log = b.same_however_cut()
        assert log[-1]["level"] == "red"
        assert [e["modality"] for e in log[-1]["evidence"]].count("video") == 1


@pytest.mark.parametrize(("at_s", "confidence", "lon"), [(-301, 0.9, 120.32), (60, 0.69, 120.32), (60, 0.9, 120.3218)])
def test_a_fall_elsewhere_earlier_or_unsure_is_none(at_s: float, confidence: float, lon: float) -> None:
    b = arrest(bench())
    b.say(at_s, "video-event", "CAM", event="fall", track="7", confidence=confidence, lon=lon, lat=36.06)
    assert [s["level"] for s in b.same_however_cut()] == ["orange"]


def test_a_fall_alone_is_no_emergency() -> None:
    b = bench().say(0, "video-event", "CAM", event="fall", track="7", confidence=0.9, lon=120.32, lat=36.06)
    assert b.same_however_cut(100) == []


# -- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("duty", ["available", "off_duty", "dispatched"])
def test_it_ends_when_the_patient_is_handed_over_and_clears_after_the_hold(duty: str) -> None:
    b = arrived(drive(arrest(bench()), 95, 500, duty="dispatched"))
    drive(b, 545, 2000, duty="transporting")
    b.say(845, "ambulance", "A1", lon=120.33, lat=36.06, duty=duty)
    log = b.same_however_cut(1200)
    assert [s for s in brief(log) if s[3] != "periodic"][1:] == [(1145.0, "clear", "orange", "ended")]


def test_it_ends_when_the_crew_is_free_again() -> None:
    b = arrived(arrest(bench()))
    drive(b, 845, 2000, duty="available")
    assert brief(b.same_however_cut(1200))[-1] == (1145.0, "clear", "orange", "ended")


def test_arrival_is_also_seen_by_position() -> None:
    b = drive(arrest(bench()), 50, 0, duty="dispatched")
    drive(b, 240, 1960)  # 36 m from Q
    drive(b, 500, 1990, duty="available")
    assert brief(b.same_however_cut(900))[1:] == [(800.0, "clear", "orange", "ended")]


def test_without_news_for_an_hour_it_ends() -> None:
    log = arrest(bench()).same_however_cut(4000)
    assert [s for s in brief(log) if s[1] == "clear"] == [(3901.0, "clear", "orange", "ended")]


def test_its_units_are_free_afterwards() -> None:
    b = arrived(arrest(bench()))
    drive(b, 845, 2000, duty="available")
    arrest(b, 1200, call_id="c9", node="Q")
    log = b.same_however_cut()
    assert log[-1]["op"] == "raise"
    assert log[-1]["plan"]["primary_unit"] == "A1"


# -- coverage --------------------------------------------------------------------------------------------------------


def covered_town(**ems: Any) -> Bench:
    d = 0.002
    ring = [(120.31 - d, 36.06 - d), (120.31 + d, 36.06 - d), (120.31 + d, 36.06 + d), (120.31 - d, 36.06 + d)]
    city = town(**ems)
    city["zones"] = [{"id": "ZP", "kind": "coverage", "demand": 0.6, "polygon": [*ring, ring[0]]}]
    return Bench([FirstAid()], city)


UNITS = [{"id": "C1", "node": "P"}, {"id": "C2", "node": "H2"}]  # 145 s and 545 s from the zone, target 480 s


def test_a_zone_left_bare_for_a_minute_is_a_gap_with_advice() -> None:
    b = covered_town(units=UNITS).say(0, "ambulance", "C1", duty="dispatched")
    log = b.same_however_cut(100)
    assert brief(log) == [(60.0, "raise", "blue", "evidence")]
    assert log[0]["event"] == "coverage_gap"
    assert advice(log[0]) == {"zone": "ZP", "move_up": "C2"}
    assert log[0]["position"] == [120.31, 36.06]
    assert log[0]["departments"] == {"act": ["health_120"], "inform": []}


def test_it_clears_as_soon_as_the_zone_is_covered() -> None:
    b = (
        covered_town(units=UNITS)
        .say(0, "ambulance", "C1", duty="dispatched")
        .say(90, "ambulance", "C1", duty="available")
    )
    assert brief(b.same_however_cut(200))[1:] == [(90.1, "clear", "blue", "ended")]


def test_a_unit_that_moves_up_covers_it() -> None:
    b = covered_town(units=UNITS).say(0, "ambulance", "C1", duty="dispatched")
    b.say(100, "ambulance", "C2", lon=120.30, lat=36.06, duty="available")  # at S: 45 + 100 s
    assert brief(b.same_however_cut(200))[1:] == [(100.1, "clear", "blue", "ended")]


def test_less_than_a_minute_is_no_gap() -> None:
    b = (
        covered_town(units=UNITS)
        .say(0, "ambulance", "C1", duty="dispatched")
        .say(59, "ambulance", "C1", duty="available")
    )
    assert b.same_however_cut(200) == []


def test_a_given_time_overrides_the_routed_one() -> None:
    b = covered_town(units=UNITS, travel_s=[{"unit": "C2", "zone": "ZP", "seconds": 400}])
    assert b.say(0, "ambulance", "C1", duty="dispatched").same_however_cut(200) == []
    b = covered_town(units=UNITS, travel_s=[{"unit": "C2", "zone": "ZP", "seconds": 436}])  # 45 + 436 > 480
    assert len(b.say(0, "ambulance", "C1", duty="dispatched").same_however_cut(200)) == 1


def test_nobody_to_move_up_is_said() -> None:
    b = covered_town(units=UNITS[:1]).say(0, "ambulance", "C1", duty="off_duty")
    assert advice(b.same_however_cut(100)[0]) == {"zone": "ZP", "move_up": None}


def test_unknown_units_and_empty_fields_are_survived() -> None:
    b = arrest(covered_town())
    b.say(5, "ambulance", "STRANGER", lon=120.3, lat=36.06, duty="available")
    b.say(6, "ambulance", "A1").say(7, "hospital-status", "NOWHERE", state="divert")
    b.say(8, "road-status", "R", link_from="S", link_to="Z", speed_kmh=3).say(9, "road-status", "R")
    b.say(10, "emergency-call", "C120", call_id="e")
    b.say(11, "video-event", "CAM", event="fall").say(12, "weather", "W")
    assert [s["op"] for s in b.same_however_cut()] == ["raise", "raise"]


def test_no_zone_of_many_is_forgotten_when_speeds_change() -> None:
    shape = [[120.318, 36.058], [120.322, 36.058], [120.322, 36.062], [120.318, 36.062]]  # A1: 45 + 200 s
    city = town(units=[{"id": "A1", "node": "S"}])
    city["zones"] = [{"id": f"Z{k}", "kind": "coverage", "demand": 0.3, "polygon": shape} for k in range(10)]
    b = Bench([FirstAid()], city).say(0, "ambulance", "A1", duty="available")
    b.say(33, "road-status", "R", link_from="P", link_to="Q", speed_kmh=3.6)  # 45 + 1100 s
    b.say(147, "road-status", "R", link_from="P", link_to="Q", speed_kmh=36)
    log = b.same_however_cut(160)
    assert {at for at, op, *_ in brief(log) if op == "raise"} == {93.0}
    assert len({s["plan"]["zone"] for s in log if s["op"] == "raise"}) == 10
    cleared = [at for at, op, *_ in brief(log) if op == "clear"]
    assert cleared == [148.0] * 4 + [149.0] * 4 + [150.0] * 2


def test_a_zone_without_a_polygon_goes_by_given_times() -> None:
    city = {
        "zones": [{"id": "Z1", "kind": "coverage", "demand": 0.6}],
        "ems": {
            "turnout_s": 45,
            "units": [{"id": "A1"}, {"id": "A2"}],
            "travel_s": [{"unit": "A1", "zone": "Z1", "seconds": 200}, {"unit": "A2", "zone": "Z1", "seconds": 500}],
        },
    }
    b = Bench([FirstAid()], city).say(0, "ambulance", "A1", duty="dispatched")
    log = b.same_however_cut(100)
    assert brief(log) == [(60.0, "raise", "blue", "evidence")]
    assert advice(log[0]) == {"zone": "Z1", "move_up": "A2"}


def test_a_unit_that_is_not_sent_says_why() -> None:
    b = arrest(bench()).say(5, "ambulance", "A2", duty="off_duty")
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    seat = engine.seats[0]
    told = list(seat.scene.explain(seat.state, 120.30, 36.075, 5000.0, seat.world))
    found = {r.device: r.facts for r in told if r.rule == "F1.dispatch"}
    assert [f.met for f in found["ambulance/A1"]] == [True, False]  # planned for the call
    assert [f.met for f in found["ambulance/A2"]] == [False, True]
    found = {r.device: r.facts for r in told if r.rule.endswith("_for_c1")}
    assert all(f.met for f in found["ambulance/A1"])
    assert [f.quantity for f in found["ambulance/A2"] if not f.met] == ["duty", "eta_s"]
    assert [f.quantity for f in found["ambulance/C1"] if not f.met] == ["capability"]
    assert all(f.met for f in found["hospital-status/H"])
    assert [(f.quantity, f.value, f.threshold) for f in found["hospital-status/H2"] if not f.met] == [
        ("travel_and_wait_s", 600.0, 90.0)
    ]
