"""Random streams through travel and first aid together: cuts, saving and a second run change nothing."""

from __future__ import annotations

import random

import pytest

from scenes.first_aid import FirstAid
from scenes.travel import Travel
from tests.unit.first_aid_city import town
from tests.unit.scene_bench import Bench
from tests.unit.travel_road import LAT, at, road


def stream(seed: int) -> Bench:
    """Some 250 messages of all kinds in ten minutes, with delays, jumps, repeats and empty fields."""
    dice = random.Random(seed)
    city = road() | {"ems": town()["ems"]}
    city["roads"] |= {k: v for k, v in town()["roads"].items() if k != "corridors"}
    zone = [[120.308, 36.058], [120.312, 36.058], [120.312, 36.062], [120.308, 36.062]]
    city["zones"] = [{"id": "ZP", "kind": "coverage", "demand": 0.6, "polygon": zone}]
    b = Bench([Travel(), FirstAid()], city)
    for s in range(0, 600, 30):
        for k, station in enumerate(("U", "M", "D", "E")):
            if dice.random() < 0.93:
                dense = dice.random() < 0.3
                late = dice.choice((0.1, 0.1, 3.0, 28.0)) + 0.01 * k
                b.say(
                    s, "traffic-detector", station, late, occupancy_pct=55 if dense else 6, speed_kmh=8 if dense else 50
                )
    for _ in range(110):
        s, place = dice.uniform(0, 600), {"lon": at(dice.uniform(0, 1500)), "lat": LAT}
        late = dice.choice((0.1, 0.5, 5.0))
        match dice.randrange(9):
            case 0 | 1 | 2:
                event = dice.choice(
                    ("crash", "stopped_vehicle", "stopped_vehicle", "debris", "cleared", "fall", "flame")
                )
                sight = {"track": dice.choice(("a", "b", None)), "confidence": dice.choice((0.6, 0.8, 0.9))}
                camera = dice.choice(("CAM", "C2"))
                for k in range(dice.randrange(1, 9)):
                    b.say(s + 3 * k, "video-event", camera, late, event=event, **sight, **place)
            case 3:
                b.say(s, "drone", "UAV", late, height_m=50, queue_length_m=dice.choice((0, 30, 200, 900)), **place)
            case 4:
                word = dice.choice(("cardiac_arrest", "stemi", "stroke", "trauma_road", "cough", "gas_smell"))
                b.say(s, "emergency-call", "C120", late, call_id=f"c{dice.randrange(6)}", complaint=word,
                      priority=dice.choice((1, 2, 3)), caller=dice.choice(("x", "y", None)),
                      node=dice.choice(("Q", "P", "S")))  # fmt: skip
            case 5 | 6:
                duty = dice.choice(("available", "dispatched", "on_scene", "transporting", None))
                b.say(
                    s,
                    "ambulance",
                    dice.choice(("A1", "A2", "C1")),
                    late,
                    duty=duty,
                    speed_kmh=dice.choice((0, 36)),
                    **place,
                )
            case 7:
                a, z = dice.choice((("S", "P"), ("P", "Q"), ("B", "P"), ("P", "S")))
                b.say(s, "road-status", "R", late, link_from=a, link_to=z, speed_kmh=dice.choice((0, 5, 20, 36)))
            case _:
                b.say(
                    s,
                    "hospital-status",
                    dice.choice(("H", "H2")),
                    late,
                    state=dice.choice(("open", "divert")),
                    load=0.9,
                )
    return b


@pytest.mark.parametrize("seed", range(3))
def test_any_stream_gives_one_log_however_it_is_fed(seed: int) -> None:
    log = stream(seed).same_however_cut(4500)
    assert {s["scene"] for s in log} == {"travel", "first_aid"}
    assert [s["op"] for s in log].count("raise") == len({s["incident"] for s in log})
