"""Vehicles on the road graph: matching, crawling cars, what an incident does to links."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from brain.city import parse_city
from brain.scene_api import EffectKind
from scenes.travel import Travel
from scenes.travel.streets import streets_of
from tests.unit.scene_bench import Bench, brief
from tests.unit.travel_road import LAT, at, period, road, watch

NODES = {"A": 0, "B": 500, "C": 1000, "X": 1500}
GRAPH: dict[str, Any] = {
    "nodes": [{"id": n, "lon": at(m), "lat": LAT} for n, m in NODES.items()],
    "links": [
        {"from": a, "to": b, "length_m": 500, "speed_kmh": 50, "lanes": 2} for a, b in ("AB", "BC", "CX")
    ],
}  # fmt: skip


def city(**more: Any) -> dict[str, Any]:
    document = road()
    document["roads"] = document["roads"] | GRAPH
    return document | more


def taxis(b: Bench, *places: float, start_s: int = 0, end_s: int = 120, kmh: float = 4, **more: Any) -> Bench:
    fields = {"heading_deg": 90, "kind": "taxi"} | more
    name = fields.pop("name", "T")
    for s in range(start_s, end_s + 1, 10):
        for k, m in enumerate(places):
            b.say(s, "vehicle", f"{name}{k}", 0.1 + 0.01 * k, lon=at(m), lat=LAT, speed_kmh=kmh, **fields)
    return b


def crawl(**more: Any) -> Bench:
    """Three taxis stand at 600 m, one drives beyond, a camera sees a crash from 100 s on."""
    b = taxis(Bench([Travel()], city(**more)), 600, 620, 640)
    taxis(b, 1200, kmh=48, name="F")
    return watch(b, 100, 120, lon=at(655), lat=LAT)


def rules(b: Bench, until_s: float = 125) -> list[str]:
    log = b.same_however_cut(until_s)
    return [e["rule"] for e in log[0]["evidence"]]


def test_fixes_go_to_the_nearest_link_of_their_direction() -> None:
    import json

    streets = streets_of(parse_city(json.dumps(city()), "city.json"))
    lon = np.array([at(600), at(600), at(600), at(600), at(9000), np.nan])
    lat = np.full(6, LAT) + np.array([0, 0, 0, 35 / 111_195, 0, 0])
    heading = np.array([90.0, 272.0, 140.0, 90.0, 90.0, 90.0])
    arc, along = streets.match(lon, lat, heading, 30.0, 45.0)
    assert [streets.name(a) if a >= 0 else None for a in arc.tolist()] == ["B>C", "C>B", None, None, None, None]
    assert along[:2] == pytest.approx([100, 400], abs=0.5)


def test_a_fix_without_a_heading_is_on_the_one_way_it_can_be_on() -> None:
    import json

    links = [{"from": "B", "to": "C", "length_m": 500, "speed_kmh": 50, "one_way": True}]
    one_way = streets_of(parse_city(json.dumps(city(roads=GRAPH | {"links": links})), "city.json"))
    both_ways = streets_of(parse_city(json.dumps(city()), "city.json"))
    lon, lat = np.array([at(600), at(600), at(600)]), np.full(3, LAT) + np.array([0, 35 / 111_195, 0])
    heading = np.array([np.nan, np.nan, 272.0])
    found = [streets.match(lon, lat, heading, 30.0, 45.0)[0].tolist() for streets in (one_way, both_ways)]
    assert [one_way.name(found[0][0]), *found[0][1:]] == ["B>C", -1, -1]
    assert found[1][:2] == [-1, -1]  # which of the two directions it drives nobody knows
    assert both_ways.name(found[1][2]) == "C>B"


def test_three_crawling_vehicles_for_a_minute_are_a_second_kind_of_witness() -> None:
    log = crawl().same_however_cut(125)
    assert brief(log)[0] == (110.1, "raise", "yellow", "evidence")
    assert log[0]["certainty"] == "observed"
    assert [(e["rule"], e["weight"]) for e in log[0]["evidence"]] == [("T1.probes", 4.0), ("T1.crash", 6.0)]


def test_by_themselves_they_never_raise() -> None:
    b = taxis(taxis(Bench([Travel()], city()), 600, 620, 640), 1200, kmh=48, name="F")
    assert b.same_however_cut(400) == []


def test_two_vehicles_or_a_road_that_is_slow_beyond_are_no_witness() -> None:
    b = taxis(Bench([Travel()], city()), 600, 620)
    taxis(b, 1200, kmh=48, name="F")
    assert rules(watch(b, 100, 120, lon=at(655), lat=LAT)) == ["T1.crash"]
    b = taxis(Bench([Travel()], city()), 600, 620, 640)
    taxis(b, 1200, kmh=12, name="F")
    assert rules(watch(b, 100, 120, lon=at(655), lat=LAT)) == ["T1.crash"]


def test_who_stands_in_a_stop_zone_or_at_red_does_not_count() -> None:
    ring = [[at(590), LAT - 1e-4], [at(650), LAT - 1e-4], [at(650), LAT + 1e-4], [at(590), LAT + 1e-4]]
    assert rules(crawl(zones=[{"id": "R", "kind": "taxi_rank", "polygon": ring}])) == ["T1.crash"]
    document = city()
    document["roads"] = document["roads"] | {"signals": [{"id": "S", "from": "B", "to": "C", "at_m": 150}]}
    assert rules(crawl(roads=document["roads"])) == ["T1.crash"]


def test_the_other_direction_is_another_link() -> None:
    b = taxis(Bench([Travel()], city()), 600, 620, 640, heading_deg=270)
    taxis(b, 300, kmh=48, name="F", heading_deg=270)
    log = watch(b, 100, 120, lon=at(655), lat=LAT).same_however_cut(125)
    assert log[0]["certainty"] == "possible"


def assessed(b: Bench) -> Any:
    """The effects of the one incident of a story as it stands at its end."""
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    found = [i for some in engine._desk.state.incidents.values() for i in some]
    assert len(found) == 1
    return found[0].assessment.effects


def test_an_incident_slows_its_links_back_to_the_tail_of_the_queue() -> None:
    b = watch(Bench([Travel()], city()), 100, 160, lon=at(1100), lat=LAT)
    (effect,) = assessed(b)
    assert (effect.kind, effect.links, effect.speed_kmh) == (EffectKind.ROAD_SLOW, (("C", "X"),), 10.0)
    b.say(140, "drone", "UAV", lon=at(1000), lat=LAT, height_m=100, queue_length_m=400)
    (effect,) = assessed(b)
    assert effect.links == (("B", "C"), ("C", "X"))


def test_measured_speeds_are_told_and_fire_closes_the_road() -> None:
    b = Bench([Travel()], city())
    for s in (30, 60, 90):
        period(b, s, **({} if s == 30 else {"M": 60, "D": 4}))
    (effect,) = assessed(b)
    assert (effect.links, effect.speed_kmh) == ((("A", "B"), ("B", "C")), 8.0)
    b = watch(watch(Bench([Travel()], city()), 100, 160), 120, 124, "flame", track="f")
    b.say(130, "drone", "UAV", lon=at(710), lat=LAT, height_m=100, thermal_max_c=95, ambient_c=20)
    (effect,) = assessed(b)
    assert (effect.kind, effect.links, effect.speed_kmh) == (EffectKind.ROAD_CLOSED, (("B", "C"),), None)


def test_below_yellow_and_off_the_graph_nothing_is_told() -> None:
    b = Bench([Travel()], city(baselines=[]))
    for s in (30, 60):
        period(b, s, M=40, D=5)
    assert assessed(b) == ()
    assert assessed(watch(Bench([Travel()], road()), 100, 120)) == ()


def test_congestion_slows_the_links_of_its_corridor() -> None:
    speeds = [{"device": d, "field": "speed_kmh", "median": 45, "mad": 2} for d in "UMDE"]
    b = Bench([Travel()], city(baselines=speeds))
    for s in range(0, 1500, 30):
        for k, d in enumerate("UMDE"):
            b.say(s, "traffic-detector", d, 0.1 * (k + 1), occupancy_pct=15, speed_kmh=20)
    (effect,) = assessed(b)
    assert effect.links == (("A", "B"), ("B", "C"), ("C", "X"))
    assert effect.speed_kmh == 20.0


@pytest.mark.parametrize("device", ["T", "none"])
def test_floating_cars_tell_the_travel_time_where_stations_do_not(device: str) -> None:
    b = Bench([Travel()], city(baselines=[]))
    for s in range(0, 1500, 30):
        b.say(s, "traffic-detector", "U", 0.1, occupancy_pct=15)
    if device == "T":
        taxis(b, 100, 300, 600, 800, 1100, 1300, end_s=1490, kmh=18)
    log = b.same_however_cut()
    assert [s["event"] for s in log] == (["congestion"] if device == "T" else [])


def test_explain_names_the_condition_that_fails() -> None:
    b = taxis(Bench([Travel()], city()), 600, 620)
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    seat = engine.seats[0]
    found = {r.rule: r for r in seat.scene.explain(seat.state, at(620), LAT, 200.0, seat.world)}
    assert [(f.quantity, f.met) for f in found["T1.probes"].facts] == [
        ("slow_vehicles", False),
        ("usual_kmh", True),
        ("free_downstream", False),
    ]


def test_every_fix_within_reach_of_a_link_is_on_one() -> None:
    import json

    chance = np.random.default_rng(3)
    nodes = [{"id": f"N{k}", "lon": 120.3 + x, "lat": LAT + y} for k, (x, y) in enumerate(chance.random((20, 2)) / 100)]
    links = [{"from": f"N{k}", "to": f"N{k + 1}", "length_m": 500, "speed_kmh": 50} for k in range(19)]
    streets = streets_of(parse_city(json.dumps({"roads": {"nodes": nodes, "links": links}}), "city.json"))
    arcs = chance.integers(0, len(streets.way), 3000)
    share, beside = chance.random(3000), chance.uniform(-29.9, 29.9, 3000)
    x = streets.x[arcs] + share * streets.dx[arcs] + beside * streets.dy[arcs] / streets.way[arcs]
    y = streets.y[arcs] + share * streets.dy[arcs] - beside * streets.dx[arcs] / streets.way[arcs]
    found, _ = streets.match(x / streets.east, y / 111_195.0, streets.bearing[arcs], 30.0, 45.0)
    assert (found >= 0).all()


def test_crawling_vehicles_show_the_place_between_two_stations() -> None:
    b = taxis(taxis(Bench([Travel()], city()), 600, 620, 640, end_s=200), 1200, end_s=200, kmh=48, name="F")
    for s in range(30, 200, 30):
        period(b, s, **({} if s == 30 else {"M": 60, "D": 4}))
    log = b.same_however_cut()
    assert len({s["incident"] for s in log}) == 1
    assert log[-1]["position"] == [pytest.approx(at(640), abs=1e-6), LAT]
