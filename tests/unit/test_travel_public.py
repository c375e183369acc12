"""Crowds, road weather and buses: bands, waits, ends (squares and roads of their own)."""

from __future__ import annotations

from typing import Any

import pytest

from scenes.travel import Travel
from tests.unit.scene_bench import Bench, brief
from tests.unit.travel_road import LAT, at

RING = [[120.3, 36.07], [120.3011, 36.07], [120.3011, 36.0709], [120.3, 36.0709]]


def square(**zone: Any) -> Bench:
    """A square of 1000 m2 with a camera."""
    city = {
        "devices": [{"id": "CAM", "sensor_type": "video-event", "watches": "SQ"}],
        "zones": [{"id": "SQ", "kind": "crowd", "area_m2": 1000, "polygon": RING} | zone],
    }
    return Bench([Travel()], city)


def count(b: Bench, start_s: int, end_s: int, people: float, step: int = 10, **more: Any) -> Bench:
    fields = {"zone": "SQ", "camera": "CAM"} | more
    camera = fields.pop("camera")
    for s in range(start_s, end_s + 1, step):
        b.say(s, "video-event", camera, event="crowd_count", count=people, **fields)
    return b


def fly(b: Bench, start_s: int, end_s: int, density: float) -> Bench:
    for s in range(start_s, end_s + 1, 10):
        b.say(s, "drone", "UAV", 0.2, lon=120.3005, lat=36.0705, height_m=80, crowd_per_m2=density)
    return b


# -- crowds ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("people", "level", "certainty"),
    [(2000, "blue", "possible"), (3500, "yellow", "likely"), (5000, "orange", "likely"), (9000, "orange", "likely")],
)
def test_each_band_is_raised_after_a_minute(people: int, level: str, certainty: str) -> None:
    log = count(count(square(), 0, 90, 500), 100, 200, people).same_however_cut()
    # the median of three follows with the second dense frame, at 110 s
    assert brief(log) == [(170.0, "raise", level, "evidence")]
    assert log[0]["certainty"] == certainty
    assert log[0]["plan"]["density_per_m2"] == people / 1000
    assert log[0]["area"]["type"] == "Polygon"


def test_below_the_first_band_and_for_less_than_a_minute_nothing_is_said() -> None:
    assert count(square(), 0, 600, 1999).same_however_cut() == []
    assert count(count(count(square(), 0, 90, 500), 100, 140, 5000), 150, 400, 500).same_however_cut(500) == []


def test_one_wild_frame_is_smoothed_away() -> None:
    b = count(square(), 0, 300, 1500)
    b.say(305, "video-event", "CAM", event="crowd_count", count=9000, zone="SQ")
    assert count(b, 310, 600, 1500).same_however_cut() == []
    b = square().say(0, "video-event", "CAM", event="crowd_count", count=9000, zone="SQ")  # the very first one
    assert count(b, 60, 600, 1500, 60).same_however_cut() == []


def test_it_clears_after_five_minutes_below_the_dead_band_only() -> None:
    b = count(count(square(), 0, 200, 2500), 210, 600, 1900)
    assert [x["op"] for x in b.same_however_cut(1300) if x["op"] != "update"] == ["raise"]
    log = count(count(square(), 0, 200, 2500), 210, 600, 1700).same_however_cut(600)
    assert brief(log)[-1] == (520.0, "clear", "blue", "ended")  # the second sparse frame is at 220 s


def test_red_wants_a_camera_and_a_drone_that_both_see_it() -> None:
    log = fly(count(square(), 0, 300, 7000), 100, 300, 5.5).same_however_cut()
    assert {s["level"] for s in log} == {"orange"}
    log = fly(count(square(), 0, 300, 7000), 100, 300, 6.6).same_however_cut()
    assert brief(log)[-1] == (160.0, "update", "red", "level")
    assert "health_120" in log[-1]["departments"]["act"]
    log = fly(square(), 100, 300, 9.0).same_however_cut()
    assert {s["level"] for s in log} == {"orange"}


def test_a_drone_that_has_left_holds_nothing() -> None:
    log = fly(square(), 0, 100, 4.0).same_however_cut(600)
    assert brief(log)[-1] == (400.0, "clear", "yellow", "ended")  # last seen at 100 s


def test_a_rise_is_shown_and_not_raised() -> None:
    b = square()
    for k in range(61):
        b.say(10 * k, "video-event", "CAM", event="crowd_count", count=2000 + 10 * k, zone="SQ")
    plan = b.same_however_cut()[-1]["plan"]
    assert plan["next_level"] is None  # 1 a square metre in 1000 s: yellow is 15 minutes away
    b = square()
    for k in range(31):
        b.say(10 * k, "video-event", "CAM", event="crowd_count", count=2000 + 40 * k, zone="SQ")
    step = b.same_however_cut()[-1]
    assert (step["level"], step["plan"]["next_level"]) == ("blue", "yellow")
    assert 0 < step["plan"]["next_level_in_s"] <= 600


def test_a_zone_without_an_area_has_that_of_its_polygon() -> None:
    b = square(area_m2=None)
    log = count(b, 0, 100, 25_000).same_however_cut()  # 99 m x 100 m
    assert log[0]["plan"]["area_m2"] == pytest.approx(9893, abs=60)
    assert log[0]["level"] == "blue"


def test_counts_of_no_zone_say_nothing() -> None:
    b = Bench([Travel()], {})
    assert count(b, 0, 200, 9000).same_however_cut() == []


# -- weather ---------------------------------------------------------------------------------------------------------


def station(*values: tuple[int, dict[str, float]]) -> Bench:
    b = Bench([Travel()], {"devices": [{"id": "W", "sensor_type": "weather", "lon": at(0), "lat": LAT}]})
    for s, fields in values:
        b.say(s, "weather", "W", **fields)
    return b


@pytest.mark.parametrize(("metres", "level"), [(499, "blue"), (199, "yellow"), (49, "orange")])
def test_two_samples_of_fog_are_raised(metres: float, level: str) -> None:
    b = station((0, {"visibility_m": 3000}), (60, {"visibility_m": metres}), (120, {"visibility_m": metres}))
    log = b.same_however_cut()
    assert brief(log) == [(120.1, "raise", level, "evidence")]
    assert log[0]["departments"] == {"act": ["traffic_police", "transport"], "inform": []}


def test_one_sample_of_fog_or_a_clear_view_is_nothing() -> None:
    assert station(*((60 * k, {"visibility_m": 40 if k % 2 else 500}) for k in range(9))).same_however_cut() == []


def test_a_cold_surface_counts_while_it_is_wet_only() -> None:
    dry = [(60 * k, {"road_surface_c": -5.0, "rain_mm_h": 0.0}) for k in range(5)]
    assert station(*dry).same_however_cut() == []
    wet = [(60 * k, {"road_surface_c": -5.0, "rain_mm_h": 1.0 if k == 0 else 0.0}) for k in range(62)]
    log = station(*wet).same_however_cut(4300)
    assert brief(log)[0] == (60.1, "raise", "blue", "evidence")
    assert brief(log)[-1] == (3960.0, "clear", "blue", "ended")  # an hour after the rain, at 3660 s


def test_ice_that_a_camera_reports_is_yellow_and_forgotten_after_an_hour() -> None:
    b = Bench([Travel()], {}).say(0, "video-event", "CAM", event="ice", confidence=0.9, lon=at(0), lat=LAT)
    log = b.same_however_cut(4000)
    assert brief(log)[0] == (0.1, "raise", "yellow", "evidence")
    assert brief(log)[-1] == (3900.0, "clear", "yellow", "ended")


def test_stations_in_the_same_fog_are_one_incident() -> None:
    b = station(*((60 * k, {"visibility_m": 400.0}) for k in range(4)))
    for k in range(4):
        b.say(60 * k, "weather", "W2", 0.3, visibility_m=300, lon=at(3000), lat=LAT)
        b.say(60 * k, "weather", "W3", 0.4, visibility_m=300, lon=at(30_000), lat=LAT)
    assert len({s["incident"] for s in b.same_however_cut()}) == 2


# -- buses -----------------------------------------------------------------------------------------------------------


def buses(*departures: float, route: str = "25", kmh: float = 30.0, metres: int = 2000) -> Bench:
    b = Bench([Travel()], {})
    for n, start in enumerate(departures):
        for k in range(0, int(metres * 3.6 / kmh), 15):
            place = {"lon": at(k * kmh / 3.6), "lat": LAT, "heading_deg": 90}
            b.say(start + k, "vehicle", f"B{n}", 0.1, kind="bus", route=route, speed_kmh=kmh, **place)
    return b


def test_a_follower_within_a_quarter_of_the_headway_at_three_gates_is_bunching() -> None:
    log = buses(0, 600, 1200, 1800, 2400, 2500).same_however_cut(3000)
    assert [(s["op"], s["level"]) for s in log] == [("raise", "blue")]
    assert log[0]["departments"] == {"act": ["transport"], "inform": []}
    assert log[0]["plan"]["buses"] == ["B4", "B5"]
    assert log[0]["plan"]["headway_s"] == pytest.approx(100, abs=1)
    assert log[0]["plan"]["usual_headway_s"] == pytest.approx(530, abs=20)
    assert buses(0, 600, 1200, 1800, 2400, 2560).same_however_cut(3000) == []  # 160 s: more than a quarter


def test_too_few_headways_and_dense_routes_are_not_judged() -> None:
    assert buses(0, 30, metres=1300).same_however_cut(900) == []
    assert buses(*(120 * k for k in range(8)), 8 * 120 - 110).same_however_cut(2500) == []


def test_very_uneven_headways_are_bunching_too() -> None:
    b = buses(*range(0, 1151, 230), 3150)  # five of 230 s and one of 2000 s: a coefficient of 1.3
    log = b.same_however_cut(3400)
    assert log[0]["evidence"][0]["rule"] == "T4.uneven"
    assert {s["level"] for s in log} == {"blue"}


def test_the_other_direction_and_another_route_are_not_followed() -> None:
    b = buses(0, 600, 1200, 1800, 2400)
    for k in range(0, 240, 15):
        b.say(2450 + k, "vehicle", "X", 0.2, kind="bus", route="26", lon=at(k * 8.33), lat=LAT, speed_kmh=30)
        b.say(2450 + k, "vehicle", "Y", 0.3, kind="bus", route="25", lon=at(2000 - k * 8.33), lat=LAT, speed_kmh=30)
    assert b.same_however_cut(3000) == []


def test_a_silent_crowd_says_which_condition_fails() -> None:
    b = count(square(), 0, 60, 2600)
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    seat = engine.seats[0]
    (why,) = seat.scene.explain(seat.state, 120.3005, 36.0705, 100.0, seat.world)
    assert (why.rule, why.device) == ("T3.yellow", "video-event/CAM")  # blue holds; yellow is next
    assert [(f.quantity, f.value, f.met) for f in why.facts[:2]] == [
        ("density_per_m2", 2.6, False),
        ("seconds_in_band", 0.0, False),
    ]
