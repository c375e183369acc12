"""A road for travel: one straight corridor eastwards, places in metres from its first station.

U (signal) --500 m-- M --500 m-- D --500 m-- E        camera CAM at 700 m; the opposite corridor W on the same road
"""

from __future__ import annotations

import math
from typing import Any

from scenes.travel import Travel
from tests.unit.scene_bench import Bench

LAT = 36.06
DEGREE_M = 111_195.0 * math.cos(math.radians(LAT))
USUAL = [{"device": d, "field": "occupancy_pct", "median": 12, "mad": 2} for d in ("U", "M", "D", "E")]


def at(m: float) -> float:
    """Longitude of a place on the road."""
    return 120.30 + m / DEGREE_M


def road(**more: Any) -> dict[str, Any]:
    """The city document; ``more`` replaces keys."""
    places = {"U": 0, "M": 500, "D": 1000, "E": 1500}
    return {
        "roads": {
            "corridors": [
                {
                    "id": "EAST",
                    "direction_deg": 90,
                    "name": {"zh": "香港中路", "en": "Xianggang Middle Rd"},
                    "stations": [{"device": d, "signal": d == "U"} for d in places],
                }
            ]
        },
        "devices": [
            *({"id": d, "sensor_type": "traffic-detector", "lon": at(m), "lat": LAT} for d, m in places.items()),
            {"id": "CAM", "sensor_type": "video-event", "lon": at(700), "lat": LAT},
        ],
        "baselines": USUAL,
        **more,
    }


def bench(**more: Any) -> Bench:
    """A bench with travel on that road."""
    return Bench([Travel()], road(**more))


def period(b: Bench, at_s: float, **occupancy: float) -> Bench:
    """One period of the four stations; what is not named flows as usual. Above 40 % the speed is 8 km/h."""
    for k, station in enumerate(("U", "M", "D", "E")):
        occ = occupancy.get(station, 12.0)
        if not math.isnan(occ):
            b.say(at_s, "traffic-detector", station, 0.1 * (k + 1), occupancy_pct=occ, speed_kmh=8 if occ > 40 else 45)
    return b


def watch(b: Bench, start_s: float, end_s: float, event: str = "crash", **more: Any) -> Bench:
    """Sightings of one track every 2 s, both ends included."""
    fields = {"track": "t1", "confidence": 0.9} | more
    camera = fields.pop("camera", "CAM")
    for k in range(int((end_s - start_s) / 2) + 1):
        b.say(start_s + 2 * k, "video-event", camera, event=event, **fields)
    return b
