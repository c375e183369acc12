"""A small town for first aid, every time in it worked out by hand.

    H2 --4000 m-- S --1000 m-- P --1000 m-- Q --900 m-- H        all at 36 km/h = 10 m/s
                   \\-1500 m- B -2000 m-/                          signals X1 (S to P, 400 m), X2 (P to Q, 500 m)

A1 (ALS) at S, A2 (ALS) at H2, C1 (BLS) at P; turnout 45 s. Q is 200 s from S, 100 s from P, 600 s from H2.
"""

from __future__ import annotations

from typing import Any

from scenes.first_aid import FirstAid
from tests.unit.scene_bench import Bench

Q = (120.32, 36.06)


def town(**ems: Any) -> dict[str, Any]:
    """The city document; keys of ``ems`` replace those below."""
    links = [("S", "P", 1000), ("P", "Q", 1000), ("B", "P", 2000), ("S", "B", 1500), ("Q", "H", 900), ("S", "H2", 4000)]
    places = {"S": 120.30, "P": 120.31, "Q": 120.32, "H": 120.33}
    nodes = [{"id": n, "lon": lon, "lat": 36.06} for n, lon in places.items()]
    return {
        "roads": {
            "nodes": [*nodes, {"id": "B", "lon": 120.31, "lat": 36.07}, {"id": "H2", "lon": 120.30, "lat": 36.09}],
            "links": [{"from": a, "to": b, "length_m": m, "speed_kmh": 36} for a, b, m in links],
            "signals": [
                {"id": "X1", "from": "S", "to": "P", "at_m": 400},
                {"id": "X2", "from": "P", "to": "Q", "at_m": 500},
            ],
        },
        "ems": {
            "turnout_s": 45,
            "target_s": 480,
            "units": [
                {"id": "A1", "node": "S", "capability": "ALS"},
                {"id": "A2", "node": "H2", "capability": "ALS"},
                {"id": "C1", "node": "P", "capability": "BLS", "aed": True},
            ],
            "hospitals": [
                {"id": "H", "node": "H", "capabilities": ["pci"]},
                {"id": "H2", "node": "H2", "capabilities": ["pci", "stroke", "trauma"]},
            ],
            **ems,
        },
    }


def bench(**ems: Any) -> Bench:
    """A bench with first aid in that town."""
    return Bench([FirstAid()], town(**ems))


def arrest(b: Bench, at_s: float = 0.0, **more: Any) -> Bench:
    """A call for a cardiac arrest at Q."""
    call = {"call_id": "c1", "complaint": "cardiac_arrest", "priority": 1, "node": "Q", "caller": "a"}
    return b.say(at_s, "emergency-call", "C120", **(call | more))
