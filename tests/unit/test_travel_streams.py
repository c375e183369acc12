"""Random streams of everything travel listens to: cuts, saving and order of arrival leave one log."""

from __future__ import annotations

import random

import pytest

from scenes.travel import Travel
from tests.unit.scene_bench import Bench
from tests.unit.test_travel_probes import city
from tests.unit.travel_road import LAT, at

SQUARE = {
    "id": "SQ",
    "kind": "crowd",
    "area_m2": 1000,
    "polygon": [[120.3, 36.07], [120.301, 36.07], [120.301, 36.071]],
}


def stream(seed: int) -> Bench:
    """Some 600 messages in 15 minutes, with delays, jumps, repeats and empty fields."""
    dice = random.Random(seed)
    b = Bench([Travel()], city(zones=[SQUARE]))

    def late() -> float:
        return dice.choice((0.1, 0.3, 0.9, 2.0, 20.0)) + dice.random() / 10

    for s in range(0, 900, 30):
        jam = jam_at(s)
        for k, station in enumerate(("U", "M", "D", "E")):
            if dice.random() < 0.9:
                full = jam and k < 2
                b.say(s, "traffic-detector", station, late(), occupancy_pct=dice.gauss(55 if full else 12, 2),
                      speed_kmh=dice.choice((None, dice.gauss(9 if full else 45, 2))),
                      flow_vph=dice.gauss(500 if jam else 1100, 30))  # fmt: skip
    for s in range(0, 900, 15):
        for k in range(5):
            jump = 3000 if dice.random() < 0.05 else 0
            m = 600 + 10 * k if k < 3 else (s * 12 + 700 * k) % 1500
            b.say(s, "vehicle", f"T{k}", late(), lon=at(m + jump), lat=LAT, heading_deg=dice.choice((88, 95, None)),
                  speed_kmh=dice.choice((2, 6, 11)) if k < 3 and jam_at(s) else 45, kind="taxi")  # fmt: skip
        b.say(s, "vehicle", f"B{s // 300}", late(), lon=at(s % 300 * 8), lat=LAT, speed_kmh=29, kind="bus", route="7")
    for s in range(0, 900, 10):
        people = 1000 + 9 * s if s < 700 else 500
        b.say(s, "video-event", "CAM-SQ", late(), event="crowd_count", count=people + dice.gauss(0, 200), zone="SQ")
        if s % 20 == 0:
            b.say(s, "drone", "UAV", late(), lon=120.3008, lat=36.0703, crowd_per_m2=people / 1000, height_m=70)
    for s in range(0, 900, 60):
        b.say(s, "weather", "W", late(), lon=at(0), lat=LAT, visibility_m=dice.choice((30, 150, 400, 2000)),
              road_surface_c=dice.choice((-2, 0, 3, None)), rain_mm_h=dice.choice((0, 2)))  # fmt: skip
        b.say(
            s, "road-status", "R", late(), link_from="A", link_to="B", speed_kmh=30, cause=dice.choice(("ice", "jam"))
        )
        event = dice.choice(("crash", "debris", "wrong_way", "stopped_vehicle", "cleared", "flame", "ice"))
        for k in range(dice.randrange(2, 9)):
            b.say(s + 2 * k, "video-event", "CAM", late(), event=event, track=dice.choice(("a", "b")), confidence=0.9)
    return b


def jam_at(s: int) -> bool:
    return 200 <= s < 500


@pytest.mark.parametrize("seed", range(3))
def test_any_stream_of_travel_gives_one_log_however_it_is_fed(seed: int) -> None:
    log = stream(seed).same_however_cut(2500)
    assert {"traffic_incident", "crowd_density", "road_weather"} <= {s["event"] for s in log}
    assert [s["op"] for s in log].count("raise") == len({s["incident"] for s in log})
