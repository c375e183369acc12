"""Congestion: slower than usual for a quarter of an hour (road in travel_road, usual speed 45 km/h)."""

from __future__ import annotations

from typing import Any

from tests.unit.scene_bench import Bench, advice, brief
from tests.unit.travel_road import USUAL, bench, watch

SPEEDS = [{"device": d, "field": "speed_kmh", "median": 45, "mad": 2} for d in "UMDE"]


def flow(b: Bench, start_s: int, end_s: int, kmh: float, **more: Any) -> Bench:
    """Periods of 30 s, both ends included, at one speed everywhere."""
    for s in range(start_s, end_s + 1, 30):
        for k, station in enumerate("UMDE"):
            speed = more.get(station, kmh)
            if speed is not None:
                b.say(s, "traffic-detector", station, 0.1 * (k + 1), occupancy_pct=15, speed_kmh=speed)
    return b


def slow(**more: Any) -> Bench:
    return bench(baselines=[*USUAL, *SPEEDS], **more)


def test_a_quarter_of_an_hour_at_half_speed_is_congestion() -> None:
    # n slow periods of 10 in the window: 1 + 0.1045 n times the usual; 1.5 from n = 5 on
    b = flow(flow(slow(), 0, 300, 45), 330, 1500, 22)
    log = b.same_however_cut(1500)
    assert brief(log) == [(1350.0, "raise", "blue", "evidence")]  # since 450 s
    assert log[0]["event"] == "congestion"
    assert log[0]["departments"] == {"act": ["traffic_police", "transport"], "inform": []}
    assert advice(log[0]) == {"corridor": "EAST", "travel_time_ratio": 2.05}


def test_it_clears_when_the_travel_time_falls_below_the_dead_band() -> None:
    b = flow(flow(flow(slow(), 0, 300, 45), 330, 1500, 22), 1530, 2100, 45)
    # n slow of 10: 1 + n * 0.1045 < 1.35 from n = 3 on: the 7th good period, 1710 s
    assert brief(b.same_however_cut(2100))[-1] == (2010.0, "clear", "blue", "ended")


def test_the_daily_rush_hour_is_silent() -> None:
    usual = [{"device": d, "field": "speed_kmh", "median": 18, "mad": 2} for d in "UMDE"]
    assert flow(bench(baselines=usual), 0, 1800, 15).same_however_cut() == []  # 1.2 times


def test_without_usual_speeds_nothing_is_said() -> None:
    assert flow(bench(baselines=USUAL), 0, 1800, 5).same_however_cut() == []


def test_one_slow_station_of_four_is_not_the_corridor() -> None:
    # D stands for 500 of 1500 m: (1000 / 45 + 500 / 22) / (1500 / 45) = 1.35
    assert flow(slow(), 0, 1800, 45, D=22).same_however_cut() == []


def test_half_the_corridor_must_be_known() -> None:
    b = flow(slow(), 0, 1500, 20, U=None, E=None)  # M and D stand for 1000 of 1500 m
    assert len(b.same_however_cut()) == 1
    b = flow(slow(), 0, 1500, 20, U=None, M=None, D=None)  # E for 250 m: what it shows by itself is an incident
    assert {s["event"] for s in b.same_however_cut()} == {"traffic_incident"}


def test_an_incident_tells_its_own_queue() -> None:
    b = watch(flow(flow(slow(), 0, 300, 45), 330, 1500, 22), 400, 1500, "crash")
    assert {s["event"] for s in b.same_however_cut()} == {"traffic_incident"}


def test_silence_ends_it() -> None:
    b = flow(flow(slow(), 0, 300, 45), 330, 1400, 22)
    assert brief(b.same_however_cut(2000))[-1] == (1680.0, "clear", "blue", "ended")  # last heard at 1380


def test_a_silent_corridor_says_which_condition_fails() -> None:
    b = flow(flow(slow(), 0, 300, 45), 330, 600, 22)
    engine, rows = b.fresh()
    engine.feed(b.piece(rows))
    seat = engine.seats[0]
    found = {r.rule: r for r in seat.scene.explain(seat.state, b.city.devices[0].lon, 36.06, 50.0, seat.world)}
    facts = {f.quantity: (f.value, f.threshold, f.met) for f in found["T2.travel_time"].facts}
    assert facts["travel_time_ratio"] == (2.05, 1.5, True)
    assert facts["minutes"] == (2.5, 15.0, False)  # since 450 s
    assert facts["incident_on_corridor"][2]
    single = {f.quantity: f.met for f in found["T1.single_station"].facts}
    assert single == {"z_speed": True, "speed_kmh": True, "periods_in_a_row": False, "partner_downstream": False}
