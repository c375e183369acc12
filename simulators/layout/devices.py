"""The devices of the demo city: which meter, drone, camera, vehicle there is, where, and what it watches."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from simulators.layout.ground import to_degrees, to_metres
from simulators.layout.places import OUTER, STAGES, Layout, beside, outlying

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from simulators.layout.roads import RoadMap

__all__ = ["lay_corridors", "lay_devices"]

BUS_ROUTES: Final = 4
BUSES_A_ROUTE: Final = 5
TAXIS: Final = 50
Device = dict[str, Any]


def lay_corridors(roads: RoadMap) -> list[dict[str, Any]]:
    """Six stations along each of the six longest arterials, both ways in turn."""
    longest = sorted(roads.lines, key=lambda k: (-len(roads.lines[k]), k))[:6]
    corridors = []
    for i, line in enumerate(sorted(longest), 1):
        run = roads.lines[line][:8] if i % 2 else roads.lines[line][:8][::-1]
        (ax, ay), (bx, by) = to_metres(*roads.nodes[run[0]]), to_metres(*roads.nodes[run[-1]])
        zh, en = roads.line_names[line]
        stations = [{"device": f"JC{i}-{j}", "signal": run[j] in roads.signalled} for j in range(1, 7)]
        corridors.append(
            {
                "id": f"ZD-{i}",
                "class": "arterial",
                "free_kmh": 48.0,
                "direction_deg": float(round(math.degrees(math.atan2(bx - ax, by - ay)) % 360)),
                "stations": stations,
                "name": {"zh": f"{zh}走廊", "en": f"{en} corridor"},
                "_run": run,
            }
        )
    return corridors


def _device(name: str, sensor_type: str, place: Sequence[float] | None = None, /, **extra: Any) -> Device:
    device: Device = {"id": name, "sensor_type": sensor_type}
    if place is not None:
        device |= {"lon": place[0], "lat": place[1]}
    return device | extra | {"simulated": True}


def _near(place: Sequence[float], east: float, north: float) -> tuple[float, float]:
    x, y = to_metres(place[0], place[1])
    return to_degrees(x + east, y + north)


def lay_devices(layout: Layout, corridors: list[dict[str, Any]], random: np.random.Generator) -> list[Device]:
    """All devices, each ``simulated``."""
    devices = [*_at_sites(layout), *_on_roads(layout, corridors, random), *_about_town(layout, random)]
    devices += _movers(layout)
    devices.append(_device("120-DESK", "emergency-call"))
    devices.append(_device("TRAFFIC-CENTRE", "road-status"))
    return devices


def _at_sites(layout: Layout) -> list[Device]:
    out: list[Device] = []
    span = {"lel_pct": [0.0, 100.0]}
    for site in layout.of_kind("RQ"):
        here = (site["lon"], site["lat"])
        for letter, east in (("A", -12.0), ("B", 12.0)):
            out.append(
                _device(f"{site['id']}-{letter}", "gas-detector", _near(here, east, 0), site=site["id"], span=span)
            )
        out.append(_device(f"{site['id']}-YG", "smoke-detector", _near(here, 0, 14.0), site=site["id"]))
    for site in layout.of_kind("HZ"):
        here = (site["lon"], site["lat"])
        for letter, east, north in (("A", -60.0, 0.0), ("B", 60.0, 0.0), ("C", 0.0, 60.0), ("D", 0.0, -60.0)):
            out.append(_device(f"{site['id']}-{letter}", "gas-detector", _near(here, east, north), site=site["id"]))
    for site in layout.of_kind("GD", "FL", "CK", "HZ"):
        here = _near((site["lon"], site["lat"]), 15.0, 15.0)
        out.append(_device(f"SXT-{site['id']}", "video-event", here, watches=site["id"], site=site["id"]))
    for prefix, ending, sensor_type in (
        ("HR", "-R", "heat-station"),
        ("XC", "-SW", "water-level"),
        ("YY", "", "hospital-status"),
    ):
        out += [
            _device(s["id"] + ending, sensor_type, (s["lon"], s["lat"]), site=s["id"]) for s in layout.of_kind(prefix)
        ]
    out += [
        _device(f"SXT-{z['id']}", "video-event", z["polygon"][0], watches=z["id"])
        for z in layout.zones
        if z["kind"] == "crowd"
    ]
    return out


def _on_roads(layout: Layout, corridors: list[dict[str, Any]], random: np.random.Generator) -> list[Device]:
    out: list[Device] = []
    for corridor in corridors:
        run = corridor["_run"]
        for j, station in enumerate(corridor["stations"], 1):
            (ax, ay), (bx, by) = to_metres(*layout.roads.nodes[run[j]]), to_metres(*layout.roads.nodes[run[j + 1]])
            out.append(
                _device(station["device"], "traffic-detector", to_degrees(ax + 0.2 * (bx - ax), ay + 0.2 * (by - ay)))
            )
        (ax, ay), (bx, by) = (to_metres(*layout.roads.nodes[n]) for n in run[3:5])
        here = to_degrees(ax + 0.6 * (bx - ax), ay + 0.6 * (by - ay))
        out.append(_device(f"SXT-{corridor['id']}", "video-event", here))
    cameras: list[tuple[float, float]] = []
    for i in range(1, STAGES + 1):
        place = beside(layout, random, 1000.0, cameras, lanes=3, off_m=(5.0, 6.0), longer_m=700.0)
        cameras.append(place)
        name = {"zh": f"示意路口间{i}号摄像机", "en": f"Schematic road camera {i}"}
        out.append(_device(f"SXT-L{i:02d}", "video-event", place, name=name))
    return out


def _about_town(layout: Layout, random: np.random.Generator) -> list[Device]:
    out: list[Device] = []
    for i in range(1, 25):
        here = beside(layout, random, 120.0)
        out.append(_device(f"DT-{i:02d}", "elevator", here))
        if i % 2:
            out.append(_device(f"SXT-DT-{i:02d}", "video-event", here, watches=f"DT-{i:02d}"))
    out += [
        _device(f"TC-{i:02d}", "parking-lot", beside(layout, random, 150.0), capacity=200 + 40 * (i % 6))
        for i in range(1, 15)
    ]
    out += [_device(f"XHS-{i:02d}", "hydrant", beside(layout, random, 100.0, off_m=(10.0, 20.0))) for i in range(1, 25)]
    for sensor_type, prefix, count in (
        ("water-meter", "SB", 34),
        ("gas-meter", "QB", 24),
        ("heat-meter", "RB", 16),
        ("power-meter", "DB", 24),
    ):
        out += [
            _device(f"{prefix}-{i:03d}", sensor_type, beside(layout, random, 60.0, off_m=(30.0, 110.0)))
            for i in range(1, count + 1)
        ]
    for district in layout.ground.outlines:
        outer = district in OUTER
        for prefix, sensor_type in (("QX", "weather"), ("YL", "rain-gauge"), ("HD", "water-level")):
            apart = 300.0
            place = outlying(layout, random, district, apart) if outer else _inside(layout, random, district)
            out.append(_device(f"{prefix}-{district}", sensor_type, place))
        if outer:
            for prefix, sensor_type in (("SB", "water-meter"), ("QB", "gas-meter"), ("DB", "power-meter")):
                for i in (1, 2):
                    place = outlying(layout, random, district)
                    out.append(_device(f"{prefix}-{district}-{i}", sensor_type, place))
    return out


def _inside(layout: Layout, random: np.random.Generator, district: str) -> tuple[float, float]:
    while True:
        place = beside(layout, random, 60.0)
        if layout.ground.district_of(*place) == district:
            return place


def _movers(layout: Layout) -> list[Device]:
    out = [_device(f"CZC-{i:03d}", "vehicle") for i in range(1, TAXIS + 1)]
    out += [_device(f"GJ-{r}{b:02d}", "vehicle") for r in range(1, BUS_ROUTES + 1) for b in range(1, BUSES_A_ROUTE + 1)]
    out += [_device(f"XL-{i:02d}", "vehicle") for i in range(1, 7)]
    out += [_device(unit["id"], "ambulance") for unit in layout.ems["units"]]
    out += [_device(f"UAV-{site['id'][3:]}", "drone", site=site["id"]) for site in layout.of_kind("JC")]
    out += [_device(f"XF-{i:02d}", "drone") for i in range(1, 9)]
    return out
