"""A city to search ways in: a square grid of roads with ambulances and hospitals, made by number alone."""

from __future__ import annotations

import json
import math

from brain.city import City, parse_city

__all__ = ["grid_city"]

_STEP = 0.002  # degrees, some 180 to 220 m


def grid_city(nodes: int, units: int = 40, hospitals: int = 12) -> City:
    """A grid of about ``nodes`` crossings, every fifth street an arterial, others slower by number.

    Example:
        >>> city = grid_city(100)
        >>> len(city.roads.nodes), len(city.roads.links), len(city.ems.units)
        (100, 180, 40)
    """
    side = max(2, math.isqrt(nodes))

    def name(x: int, y: int) -> str:
        return f"N{y * side + x}"

    crossings = [
        {
            "id": name(x, y),
            "lon": round(120.0 + x * _STEP, 6),
            "lat": round(36.0 + y * _STEP, 6),
            "signal": (x + y) % 7 == 0,
        }
        for y in range(side)
        for x in range(side)
    ]
    links = []
    for y in range(side):
        for x in range(side):
            for dx, dy, length in ((1, 0, 180), (0, 1, 222)):
                if x + dx < side and y + dy < side:
                    fast = (y if dx else x) % 5 == 0
                    speed = 60 if fast else 25 + (x * 31 + y * 17) % 16
                    links.append(
                        {
                            "from": name(x, y),
                            "to": name(x + dx, y + dy),
                            "length_m": length,
                            "speed_kmh": speed,
                            "class": "arterial" if fast else "branch",
                        }
                    )
    count = side * side
    document = {
        "name": {"zh": "网格城", "en": "Grid"},
        "timezone": "Asia/Shanghai",
        "roads": {"nodes": crossings, "links": links},
        "ems": {
            "units": [
                {
                    "id": f"A{k}",
                    "node": f"N{(k * 7919 + 13) % count}",
                    "capability": "ALS" if k % 3 else "BLS",
                    "status": "available",
                }
                for k in range(units)
            ],
            "hospitals": [
                {
                    "id": f"H{k}",
                    "node": f"N{(k * 104_729 + 7) % count}",
                    "capabilities": ["pci", "stroke", "trauma"],
                    "load": k % 10 / 10,
                }
                for k in range(hospitals)
            ],
        },
    }
    return parse_city(json.dumps(document), "grid")
