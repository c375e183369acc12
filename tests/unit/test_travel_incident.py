"""Traffic incidents: cameras, detector pairs, what belongs together, levels, the end (road in travel_road)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scenes.travel import Travel
from tests.unit.scene_bench import Bench, brief
from tests.unit.travel_road import LAT, USUAL, at, bench, period, road, watch

# -- cameras ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["crash", "stopped_vehicle"])
def test_ten_seconds_on_one_track_raise_yellow(event: str) -> None:
    log = watch(bench(), 100, 120, event).same_however_cut()
    assert brief(log) == [(110.1, "raise", "yellow", "evidence")]
    assert log[0]["certainty"] == "possible"  # P = 1 / (1 + exp(6.907 - 6)) = 0.29
    assert log[0]["position"] == [pytest.approx(at(700), abs=1e-6), LAT]
    assert log[0]["departments"] == {"act": ["traffic_police", "transport"], "inform": []}
    assert log[0]["evidence"][0]["weight"] == 6.0


def test_less_than_ten_seconds_are_nothing() -> None:
    assert watch(bench(), 100, 108).same_however_cut(400) == []


def test_two_tracks_do_not_add_up() -> None:
    b = watch(watch(bench(), 100, 106, track="a"), 108, 114, track="b")
    assert b.same_however_cut(400) == []


def test_two_cameras_do_not_add_up() -> None:
    b = watch(watch(bench(), 100, 106), 108, 114, camera="CAM-2", lon=at(700), lat=LAT)
    assert b.same_however_cut(400) == []


def test_unsure_sightings_do_not_count() -> None:
    assert watch(bench(), 100, 200, confidence=0.69).same_however_cut() == []
    assert len(watch(bench(), 100, 120, confidence=0.7).same_however_cut()) == 1


def test_a_gap_of_a_minute_begins_anew() -> None:
    b = bench().say(100, "video-event", "CAM", event="crash", track="t1", confidence=0.9)
    assert watch(b, 161, 169).same_however_cut(400) == []


@pytest.mark.parametrize("event", ["congestion", "pedestrian_on_road"])
def test_what_is_daily_on_a_street_never_raises(event: str) -> None:
    assert watch(bench(), 100, 300, event).same_however_cut(400) == []


@pytest.mark.parametrize("event", ["debris", "wrong_way"])
def test_debris_and_wrong_way_driving_raise_after_ten_seconds(event: str) -> None:
    log = watch(bench(), 100, 130, event).same_however_cut(400)
    assert brief(log)[0] == (110.1, "raise", "yellow", "evidence")
    assert ("city_management" in log[0]["departments"]["act"]) == (event == "debris")
    assert watch(bench(), 100, 108, event).same_however_cut(400) == []


def test_somebody_on_foot_on_an_expressway_raises() -> None:
    city = road()
    city["roads"]["corridors"][0]["class"] = "expressway"
    b = watch(Bench([Travel()], city), 100, 130, "pedestrian_on_road")
    assert brief(b.same_however_cut(400))[0] == (110.1, "raise", "yellow", "evidence")


def test_other_sightings_support_before_and_after() -> None:
    b = watch(bench(), 60, 62, "debris", track="x")
    watch(b, 100, 120)
    watch(b, 130, 132, "congestion", track="y")
    log = b.same_however_cut()
    assert [e["rule"] for e in log[-1]["evidence"]] == ["T1.debris", "T1.crash"]
    assert "city_management" in log[-1]["departments"]["act"]
    log = watch(b, 150, 152, "crash").same_however_cut(1100)
    assert "T1.congestion" in [e["rule"] for e in log[-1]["evidence"]]


def test_a_stop_near_before_a_signal_may_be_a_queue_at_red() -> None:
    stations = {"roads": road()["roads"]}
    stations["roads"]["corridors"][0]["stations"][1]["signal"] = True  # M, at 500 m
    place = {"lon": at(450), "lat": LAT}
    b = watch(bench(**stations), 100, 218, "stopped_vehicle", **place)
    assert b.same_however_cut(300) == []
    b = watch(bench(**stations), 100, 230, "stopped_vehicle", **place)  # longer than any red
    assert brief(b.same_however_cut()) == [(220.1, "raise", "yellow", "evidence")]
    b = watch(bench(**stations), 100, 120, "crash", **place)  # a crash is one anywhere
    assert len(b.same_however_cut()) == 1
    b = watch(bench(**stations), 100, 120, "stopped_vehicle", lon=at(520), lat=LAT)  # behind the signal
    assert len(b.same_however_cut()) == 1


def test_a_signal_of_the_road_graph_counts_too() -> None:
    graph: dict[str, Any] = {
        "nodes": [{"id": "A", "lon": at(0), "lat": LAT}, {"id": "B", "lon": at(1000), "lat": LAT}],
        "links": [{"from": "A", "to": "B", "length_m": 1000, "speed_kmh": 50}],
        "signals": [{"id": "X", "from": "A", "to": "B", "at_m": 500}],
    }
    b = watch(Bench([Travel()], {"roads": graph}), 100, 130, "stopped_vehicle", lon=at(450), lat=LAT)
    assert b.same_however_cut() == []
    b = watch(Bench([Travel()], {"roads": graph}), 100, 130, "stopped_vehicle", lon=at(300), lat=LAT)
    assert len(b.same_however_cut()) == 1


# -- detector pairs --------------------------------------------------------------------------------------------------


def test_a_pair_of_two_periods_raises_between_its_stations() -> None:
    b = period(period(period(bench(), 30), 60, M=40, D=5), 90, M=40, D=5)
    log = b.same_however_cut()
    assert brief(log) == [(90.3, "raise", "yellow", "evidence")]
    assert log[0]["position"] == [pytest.approx(at(750), abs=2e-6), LAT]
    line = log[0]["evidence"][0]
    assert (line["modality"], line["weight"], line["device"]) == ("vehicle", 6.5, "M")
    assert {f["quantity"]: f["value"] for f in line["facts"]}["occupancy_difference_pct"] == 35.0


@pytest.mark.parametrize(
    ("up", "down"),
    [(19.9, 12.0), (30.0, 16.0), (60.0, 20.1)],
    ids=["7.9 points", "a share of 0.47", "20.1 % downstream"],
)
def test_what_fails_one_condition_is_no_pair(up: float, down: float) -> None:
    b = bench(baselines=[])
    for s in (30, 60, 90, 120):
        period(b, s, U=up, M=up, D=down, E=down)
    assert b.same_however_cut() == []


def test_one_period_is_no_pair() -> None:
    b = period(period(period(bench(), 30), 60, M=40, D=5), 90)
    assert period(b, 120, M=40, D=5).same_however_cut() == []


def test_a_recurrent_jam_stays_silent() -> None:
    usual = [{"device": "M", "field": "occupancy_pct", "median": 34, "mad": 4, "from": "09:30", "to": "10:30"}]
    b = bench(baselines=usual)
    for s in range(30, 300, 30):
        period(b, s, U=12, M=36, D=10)
    assert b.same_however_cut() == []  # z = (36 - 34) / 5.93 = 0.34
    b = bench(baselines=usual)
    for s in range(30, 300, 30):
        period(b, s, U=12, M=52, D=10)  # z = 3.04
    assert brief(b.same_however_cut())[0] == (60.3, "raise", "yellow", "evidence")


def test_out_of_the_hours_of_a_baseline_there_is_none() -> None:
    usual = [{"device": "M", "field": "occupancy_pct", "median": 34, "mad": 4, "from": "17:30", "to": "18:30"}]
    b = bench(baselines=usual)
    for s in (30, 60):
        period(b, s, M=36, D=10)
    assert b.same_however_cut()[0]["level"] == "blue"


def test_without_any_baseline_a_pair_is_blue_until_a_camera_sees_it() -> None:
    b = bench(baselines=[])
    for s in (30, 60, 90, 120):
        period(b, s, M=40, D=5)
    assert {s["level"] for s in b.same_however_cut()} == {"blue"}
    log = watch(b, 125, 140).same_however_cut()
    assert brief(log)[-1] == (135.1, "update", "yellow", "located")
    assert log[-1]["certainty"] == "observed"
    assert log[-1]["position"] == [pytest.approx(at(700), abs=1e-6), LAT]


def test_an_empty_road_downstream_is_unusual_too() -> None:
    usual = [{"device": "D", "field": "occupancy_pct", "median": 14, "mad": 1}]
    b = bench(baselines=usual)
    for s in (30, 60):
        period(b, s, M=30, D=5)  # z = -9 / 1.48 = -6.1
    assert b.same_however_cut()[0]["level"] == "yellow"


def test_a_station_that_is_off_is_skipped() -> None:
    b = bench()
    for s in (30, 60, 90, 120):
        period(b, s, U=40, M=math.nan, D=5)
    log = b.same_however_cut()
    assert log[0]["evidence"][0]["device"] == "U"
    assert log[0]["position"] == [pytest.approx(at(500), abs=2e-6), LAT]


def test_a_station_in_maintenance_bears_no_witness() -> None:
    b = bench()
    for s in (30, 60, 90):
        b.say(s, "traffic-detector", "M", occupancy_pct=60, speed_kmh=5, status="maintenance")
        b.say(s, "traffic-detector", "D", occupancy_pct=4, speed_kmh=60)
    assert b.same_however_cut() == []


def test_reports_that_come_out_of_order_make_the_same_pair() -> None:
    b = bench()
    for s, late in ((30, 25.0), (60, 0.1), (90, 25.0), (120, 0.1)):
        b.say(s, "traffic-detector", "M", late, occupancy_pct=40, speed_kmh=8)
        b.say(s, "traffic-detector", "D", 0.2, occupancy_pct=5, speed_kmh=60)
    assert len([x for x in b.same_however_cut() if x["op"] == "raise"]) == 1


# -- what belongs together -------------------------------------------------------------------------------------------


def jam(b: Bench, start_s: float, end_s: float, **more: float) -> Bench:
    for s in range(int(start_s), int(end_s) + 1, 30):
        period(b, s, **({"M": 60.0, "D": 4.0} | more))
    return b


def test_camera_and_pair_are_one_incident_observed() -> None:
    log = watch(jam(period(bench(), 90), 120, 240), 100, 240).same_however_cut()
    assert len({s["incident"] for s in log}) == 1
    assert log[-1]["certainty"] == "observed"
    assert log[-1]["level"] == "yellow"


def test_the_queue_that_grows_upstream_belongs_to_it() -> None:
    b = watch(bench(), 100, 300, lon=at(1200), lat=LAT)
    jam(jam(period(bench(), 90), 120, 210, D=60.0, E=4.0), 240, 300)
    for s in range(120, 301, 30):
        period(b, s, D=60, E=4, M=60 if s >= 180 else 12, U=60 if s >= 240 else 12)
    log = b.same_however_cut()
    assert len({s["incident"] for s in log}) == 1
    assert [s for s in brief(log) if s[3] == "spillback_to_signal"] == [
        (270.1, "update", "orange", "spillback_to_signal")
    ]
    assert log[-1]["plan"]["queue_m"] == 1200


@pytest.mark.parametrize(
    ("m", "incidents"), [(-560, 1), (-640, 2), (140, 1), (160, 2)], ids=["560 up", "640 up", "140 down", "160 down"]
)
def test_evidence_joins_along_the_driving_direction(m: float, incidents: int) -> None:
    b = watch(bench(), 100, 120, "stopped_vehicle", lon=at(800), lat=LAT)
    watch(b, 130, 150, "stopped_vehicle", camera="CAM-2", track="t2", lon=at(800 + m), lat=LAT)
    assert len({s["incident"] for s in b.same_however_cut()}) == incidents


def test_a_crash_in_the_queue_is_another_incident() -> None:
    b = watch(bench(), 100, 160)
    watch(b, 130, 150, camera="CAM-2", track="t2", lon=at(390), lat=LAT)  # 310 m upstream
    assert len({s["incident"] for s in b.same_however_cut()}) == 2
    b = watch(bench(), 100, 160)
    watch(b, 130, 150, camera="CAM-2", track="t2", lon=at(410), lat=LAT)
    assert len({s["incident"] for s in b.same_however_cut()}) == 1


def test_the_other_direction_is_another_incident_where_the_camera_says_so() -> None:
    city = road()
    city["roads"]["corridors"].append(
        {"id": "WEST", "direction_deg": 270, "stations": [{"device": d} for d in ("WE", "WM")]}
    )
    city["devices"] += [
        {"id": "WE", "sensor_type": "traffic-detector", "lon": at(1500), "lat": LAT},
        {"id": "WM", "sensor_type": "traffic-detector", "lon": at(0), "lat": LAT},
        {"id": "CAM-E", "sensor_type": "video-event", "lon": at(700), "lat": LAT, "watches": "M"},
        {"id": "CAM-W", "sensor_type": "video-event", "lon": at(720), "lat": LAT, "watches": "WE"},
    ]
    b = watch(Bench([Travel()], city), 100, 160, camera="CAM-E")
    watch(b, 130, 150, camera="CAM-W", track="t2")
    assert len({s["incident"] for s in b.same_however_cut()}) == 2
    b = watch(Bench([Travel()], city), 100, 160, camera="CAM-E")
    watch(b, 130, 150, camera="CAM", track="t2")  # it may look at either
    assert len({s["incident"] for s in b.same_however_cut()}) == 1


def test_off_the_corridors_the_road_counts_and_not_the_crow() -> None:
    north = LAT + 100 / 111_195
    graph: dict[str, Any] = {
        "nodes": [
            {"id": "A", "lon": at(0), "lat": LAT},
            {"id": "B", "lon": at(1000), "lat": LAT},
            {"id": "C", "lon": at(0), "lat": north},
            {"id": "D", "lon": at(1000), "lat": north},
        ],
        "links": [{"from": a, "to": b, "length_m": m, "speed_kmh": 50} for a, b, m in
                  [("A", "B", 1000), ("C", "D", 1000), ("B", "D", 100)]],
    }  # fmt: skip

    def two(lon: float, lat: float) -> int:
        b = watch(Bench([Travel()], {"roads": graph}), 100, 120, "stopped_vehicle", lon=at(400), lat=LAT)
        watch(b, 130, 150, "stopped_vehicle", camera="CAM-2", track="t2", lon=lon, lat=lat)
        return len({s["incident"] for s in b.same_however_cut()})

    assert two(at(520), LAT) == 1  # 120 m along the same road
    assert two(at(400), north) == 2  # 100 m as the crow flies, 1300 m by road
    assert two(at(560), LAT) == 2


def test_a_call_for_an_injured_person_makes_it_orange() -> None:
    b = watch(bench(), 100, 160)
    b.say(130, "emergency-call", "C120", call_id="1", complaint="trauma_road", priority=1, lon=at(690), lat=LAT)
    log = b.same_however_cut()
    assert brief(log)[1] == (130.1, "merge", "orange", "level")
    assert {"health_120", "fire_rescue"} <= set(log[1]["departments"]["act"])
    assert log[1]["report_count"] == 1


def test_a_call_before_the_camera_counts_from_the_raise_on() -> None:
    b = bench().say(60, "emergency-call", "C", call_id="1", complaint="trauma_road", priority=1, lon=at(690), lat=LAT)
    assert watch(b, 100, 120).same_however_cut()[-1]["level"] == "orange"


def test_a_call_alone_or_for_another_complaint_is_nothing_here() -> None:
    b = bench().say(60, "emergency-call", "C", call_id="1", complaint="trauma_road", priority=1, lon=at(690), lat=LAT)
    assert b.same_however_cut(1000) == []
    b.say(90, "emergency-call", "C", call_id="2", complaint="stroke", priority=1, lon=at(690), lat=LAT)
    log = watch(bench(), 100, 120)
    log.say(130, "emergency-call", "C", call_id="2", complaint="stroke", priority=1, lon=at(690), lat=LAT)
    assert log.same_however_cut()[-1]["level"] == "yellow"


# -- levels ----------------------------------------------------------------------------------------------------------


def test_a_queue_past_the_signal_upstream_is_orange() -> None:
    b = watch(bench(), 100, 200)  # at 700 m; the signal stands at 0
    b.say(130, "drone", "UAV", lon=at(600), lat=LAT, height_m=100, queue_length_m=690)
    log = b.same_however_cut()
    assert log[-1]["level"] == "yellow"
    assert log[-1]["certainty"] == "observed"
    b.say(150, "drone", "UAV", lon=at(600), lat=LAT, height_m=100, queue_length_m=705)
    log = b.same_however_cut()
    assert brief(log)[-1] == (150.1, "update", "orange", "spillback_to_signal")
    assert log[-1]["plan"]["queue_m"] == 705


def test_a_longer_queue_is_told_every_two_hundred_metres() -> None:
    b = watch(bench(), 100, 200)
    for s, q in ((130, 100), (145, 250), (160, 310)):
        b.say(s, "drone", "UAV", lon=at(600), lat=LAT, height_m=100, queue_length_m=q)
    assert [s for s in brief(b.same_however_cut()) if s[3] == "queue"] == [(160.1, "update", "yellow", "queue")]


def test_a_short_queue_or_a_high_drone_says_nothing() -> None:
    b = watch(bench(), 100, 160)
    b.say(130, "drone", "UAV", lon=at(600), lat=LAT, height_m=100, queue_length_m=49)
    b.say(140, "drone", "UAV", lon=at(600), lat=LAT, height_m=61, queue_length_m=0)
    assert len(b.same_however_cut()) == 1


def test_a_low_drone_that_sees_no_queue_speaks_against() -> None:
    b = bench().say(95, "drone", "UAV", lon=at(690), lat=LAT, height_m=50, queue_length_m=0)
    assert watch(b, 100, 120).same_however_cut() == []  # P = 1 / (1 + exp(6.907 - 6 + 2.5)) = 0.03


def test_red_needs_fire_and_two_kinds_of_witness() -> None:
    b = watch(watch(bench(), 100, 160), 120, 124, "flame", track="f")
    assert {s["level"] for s in b.same_however_cut()} == {"yellow"}
    b.say(130, "drone", "UAV", lon=at(710), lat=LAT, height_m=100, thermal_max_c=95, ambient_c=20)
    log = b.same_however_cut()
    assert log[-1]["level"] == "red"
    assert {"fire_rescue", "health_120"} <= set(log[-1]["departments"]["act"])


# -- the end ---------------------------------------------------------------------------------------------------------


def test_it_clears_five_minutes_after_the_camera_says_so() -> None:
    b = watch(bench(), 100, 200).say(205, "video-event", "CAM", event="cleared", track="t1", confidence=0.9)
    assert brief(b.same_however_cut(600))[-1] == (505.0, "clear", "yellow", "ended")


def test_it_clears_five_minutes_after_the_track_was_last_seen() -> None:
    log = watch(bench(), 100, 200).same_however_cut(600)
    assert brief(log)[-1] == (500.0, "clear", "yellow", "ended")
    assert log[-1]["count"] == 51


def test_it_stays_while_the_pair_holds() -> None:
    b = watch(jam(period(bench(), 90), 120, 390), 100, 200)
    b.say(205, "video-event", "CAM", event="cleared", track="t1", confidence=0.9)
    period(period(b, 420), 450)
    assert brief(b.same_however_cut(800))[-1] == (720.0, "clear", "yellow", "ended")


def test_a_pair_ends_below_its_dead_band_only() -> None:
    b = jam(period(bench(), 90), 120, 180)
    for s in (210, 240):
        period(b, s, M=20.0, D=13.0)  # 7 points, a share of 0.35: below 0.4, so it ends at 210
    assert brief(b.same_however_cut(600))[-1][0] == 510.0
    b = jam(period(bench(), 90), 120, 180)
    for s in (210, 240):
        period(b, s, M=20.0, D=12.0)  # 8 points, 0.40: goes on
    period(b, 270)
    assert brief(b.same_however_cut(600))[-1][0] == 570.0


def test_a_pair_whose_station_goes_silent_ends() -> None:
    b = jam(period(bench(), 90), 120, 180)
    assert brief(b.same_however_cut(800))[-1] == (480.0, "clear", "yellow", "ended")  # last compared at 180


def test_a_stop_within_five_minutes_of_the_end_reopens_it() -> None:
    b = watch(watch(bench(), 100, 200), 600, 620, track="t2")
    log = b.same_however_cut()
    assert brief(log)[-2:] == [(500.0, "clear", "yellow", "ended"), (610.1, "reopen", "yellow", "evidence")]
    b = watch(watch(bench(), 100, 200), 1300, 1320, track="t2")
    log = b.same_however_cut()
    assert [s["op"] for s in log] == ["raise", "clear", "raise"]
    assert log[0]["incident"] != log[2]["incident"]


def test_words_tell_road_direction_and_queue() -> None:
    b = watch(bench(), 100, 160).say(130, "drone", "UAV", lon=at(600), lat=LAT, height_m=100, queue_length_m=300)
    step = b.run()[-1]
    assert step["headline"] == {
        "zh": "【黄色】香港中路（东向）交通事故，排队约 300 米",
        "en": "[YELLOW] Crash, Xianggang Middle Rd eastbound, queue of about 300 m",
    }
    ring = step["area"]["coordinates"][0]
    assert min(p[0] for p in ring) == pytest.approx(at(700 - 300 - 200 - 15), abs=2e-5)
    assert max(p[0] for p in ring) == pytest.approx(at(700 + 15 + 15), abs=2e-5)


def test_a_camera_without_a_place_has_that_of_what_it_watches() -> None:
    city = road()
    city["devices"].append({"id": "CAM-M", "sensor_type": "video-event", "watches": "M"})
    log = watch(Bench([Travel()], city), 100, 120, camera="CAM-M").same_however_cut()
    assert log[0]["position"] == [pytest.approx(at(500), abs=1e-6), LAT]


def test_signals_of_a_crossing_road_are_not_those_of_the_corridor() -> None:
    north = LAT + 300 / 111_195
    graph: dict[str, Any] = {
        "nodes": [
            {"id": "A", "lon": at(0), "lat": LAT},
            {"id": "B", "lon": at(400), "lat": LAT},
            {"id": "C", "lon": at(1500), "lat": LAT},
            {"id": "N", "lon": at(400), "lat": north},
        ],
        "links": [{"from": a, "to": b, "length_m": m, "speed_kmh": 50} for a, b, m in
                  [("A", "B", 400), ("B", "C", 1100), ("N", "B", 300)]],
        "signals": [{"id": "X", "from": "N", "to": "B", "at_m": 285}],
        "corridors": road()["roads"]["corridors"],
    }  # fmt: skip
    b = watch(bench(roads=graph), 100, 200)
    b.say(130, "drone", "UAV", lon=at(600), lat=LAT, height_m=100, queue_length_m=350)  # past X, not past U
    assert b.same_however_cut()[-1]["level"] == "yellow"


def test_baselines_choose_the_most_particular_one() -> None:
    usual = [*USUAL, {"device": "M", "field": "occupancy_pct", "median": 40, "mad": 4, "days": ["wed"]}]
    b = bench(baselines=usual)  # 2026-07-01 is a Wednesday
    jam(b, 30, 90, M=45.0)
    assert b.same_however_cut() == []


def test_empty_fields_and_unknown_cameras_are_survived() -> None:
    b = bench().say(1, "traffic-detector", "U").say(2, "traffic-detector", "STRANGER", occupancy_pct=90)
    b.say(3, "video-event", "NEW", event="crash", confidence=0.9).say(4, "video-event", "CAM").say(5, "drone", "UAV")
    b.say(6, "drone", "UAV", queue_length_m=300).say(7, "emergency-call", "C", complaint="trauma_road")
    b.say(8, "video-event", "CAM", event="cleared")
    assert b.same_however_cut(100) == []


def test_a_silent_rule_says_which_condition_fails() -> None:
    b = period(period(bench(), 30, M=19, D=12), 60, M=19, D=12)
    watch(b, 40, 46, "stopped_vehicle")
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    seat = engine.seats[0]
    found = {r.device: r for r in seat.scene.explain(seat.state, at(700), LAT, 100.0, seat.world)}
    facts = {f.quantity: (f.value, f.met) for f in found["traffic-detector/M"].facts}
    assert facts["occupancy_difference_pct"] == (7.0, False)
    assert facts["occupancy_downstream_pct"] == (12.0, True)
    assert [(f.quantity, f.value, f.met) for f in found["video-event/CAM"].facts] == [
        ("seconds_on_track", 6.0, False),
        ("in_signal_queue", "False", True),
    ]


def test_why_a_pair_is_silent_names_the_permit_of_planned_works() -> None:
    works = {"id": "RW-3", "kind": "road_works", "lon": at(800), "lat": LAT, "radius_m": 40}
    works |= {"start": "2026-07-01T00:00:00+08:00", "end": "2026-07-02T00:00:00+08:00"}
    b = bench(permits=[works])
    jam(b, 30, 90)
    watch(b, 40, 52, "stopped_vehicle", lon=at(790), lat=LAT)
    assert b.same_however_cut() == []
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    seat = engine.seats[0]
    found = {r.device: r for r in seat.scene.explain(seat.state, at(750), LAT, 100.0, seat.world)}
    for device in ("traffic-detector/M", "video-event/CAM"):
        assert [(f.value, f.met) for f in found[device].facts if f.quantity == "planned_works"] == [("RW-3", False)]


def test_two_neighbouring_pairs_are_two_incidents() -> None:
    """M-D and D-E only touch at D, wherever between its stations each of them has its source."""
    b = jam(bench(), 30, 570)
    for s in range(600, 721, 30):
        period(b, s, M=60.0, D=61.0, E=4.0)
    log = b.same_however_cut()
    assert [op for _, op, *_ in brief(log)].count("raise") == 2
    assert len({s["incident"] for s in log}) == 2
