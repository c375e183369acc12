"""Sites, zones and ambulances of the demo city. All names are examples (示例): no firm, no person is real."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import shapely

from simulators.layout.ground import Ground, to_degrees, to_metres

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np

    from simulators.layout.roads import RoadMap

__all__ = ["Layout", "beside", "lay_places", "spread"]

STAGES: Final = 31  # gas sites with a drone dock each; see simulators/stage.py for why 31
OUTER: Final = ("huangdao", "jimo", "jiaozhou", "pingdu", "laixi")
GAS_KINDS: Final = (  # the last: class of major hazard unit (GB 18218), 1 the most dangerous
    ("gas_station", "示例加油站", "Example Filling Station", 4),
    ("industrial", "示例加工厂", "Example Works", 4),
    ("school", "示例学校食堂", "Example School Canteen", None),
    ("restaurant", "示例餐厅", "Example Restaurant", None),
    ("warehouse", "示例仓库", "Example Warehouse", 4),
)
OTHER_SITES: Final = (
    ("construction", "GD", 8, 90.0, "示例工地", "Example Building Site", None),
    ("heat_station", "HR", 8, 40.0, "示例换热站", "Example Heat Station", None),
    ("underpass", "XC", 8, 60.0, "示意下穿桥", "Schematic Underpass", None),
    ("fire_lane", "FL", 6, 25.0, "示例小区消防通道", "Example Estate Fire Lane", None),
    ("school", "XX", 6, 120.0, "示例小学", "Example Primary School", None),
    ("warehouse", "CK", 4, 80.0, "示例物流库", "Example Depot", 3),
)


@dataclass
class Layout:
    """What stands where: parts of the city model as plain data, and the places devices are put at."""

    ground: Ground
    roads: RoadMap
    sites: list[dict[str, Any]] = field(default_factory=list)
    zones: list[dict[str, Any]] = field(default_factory=list)
    ems: dict[str, Any] = field(default_factory=dict)
    taken: list[tuple[float, float]] = field(default_factory=list)

    def of_kind(self, *prefixes: str) -> list[dict[str, Any]]:
        """Sites whose id starts with one of the prefixes, in order."""
        return [s for s in self.sites if s["id"].partition("-")[0] in prefixes]


def beside(
    layout: Layout,
    random: np.random.Generator,
    apart_m: float,
    others: Iterable[tuple[float, float]] | None = None,
    *,
    lanes: int | None = None,
    off_m: tuple[float, float] = (45.0, 95.0),
    longer_m: float = 0.0,
) -> tuple[float, float]:
    """A place beside the middle of a random link, on safe ground, at least ``apart_m`` from the others."""
    taken = [to_metres(*p) for p in (layout.taken if others is None else others)]
    links = [
        link
        for link in layout.roads.links
        if (lanes is None or link["lanes"] == lanes) and link["length_m"] >= longer_m
    ]
    for _ in range(4000):
        link = links[int(random.integers(len(links)))]
        (ax, ay), (bx, by) = (to_metres(*layout.roads.nodes[link[k]]) for k in ("from", "to"))
        along, off = random.uniform(0.42, 0.58), random.uniform(*off_m) * random.choice((-1.0, 1.0))
        length = math.hypot(bx - ax, by - ay)
        x = ax + (bx - ax) * along - (by - ay) / length * off
        y = ay + (by - ay) * along + (bx - ax) / length * off
        place = to_degrees(float(x), float(y))
        if layout.ground.holds(*place) and all(math.hypot(x - u, y - v) >= apart_m for u, v in taken):
            layout.taken.append(place)
            return place
    raise AssertionError("the road network is too small for so many places; lower the distance between them")


def spread(places: dict[str, tuple[float, float]], count: int, first: str) -> list[str]:
    """Names of ``count`` places far from each other (each next one is the farthest from those before)."""
    at = {n: to_metres(*p) for n, p in places.items()}
    chosen = [first]
    gap = {n: math.dist(p, at[first]) for n, p in at.items()}
    while len(chosen) < count:
        best = max(sorted(gap), key=lambda n: gap[n])
        chosen.append(best)
        gap = {n: min(g, math.dist(at[n], at[best])) for n, g in gap.items()}
    return chosen


def outlying(layout: Layout, random: np.random.Generator, district: str, apart_m: float = 300.0) -> tuple[float, float]:
    """A place within 4 km of the middle of a district."""
    x, y = to_metres(*layout.ground.labels[district])
    for _ in range(4000):
        east, north = (float(v) for v in random.uniform(-4000, 4000, 2))
        place = to_degrees(x + east, y + north)
        near = any(math.dist(to_metres(*place), to_metres(*p)) < apart_m for p in layout.taken)
        if not near and layout.ground.holds(*place) and layout.ground.district_of(*place) == district:
            layout.taken.append(place)
            return place
    raise AssertionError(f"no room left round the middle of {district}")


def square(place: tuple[float, float], side_m: float) -> list[list[float]]:
    """A square round a place."""
    x, y = to_metres(*place)
    h = side_m / 2
    return [list(to_degrees(x + i * h, y + j * h)) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def lay_places(ground: Ground, roads: RoadMap, random: np.random.Generator) -> Layout:
    """Sites, zones and ambulances over a road map."""
    layout = Layout(ground, roads)
    _gas_sites(layout, random)
    for kind, prefix, count, radius_m, zh, en, hazard in OTHER_SITES:
        for i in range(1, count + 1):
            place = beside(layout, random, 320.0)
            layout.sites.append(_site(f"{prefix}-{i:02d}", kind, place, radius_m, f"{zh}{i}", f"{en} {i}", hazard))
    for i, district in enumerate(OUTER[:2], 1):
        place = outlying(layout, random, district)
        layout.sites.append(
            _site(f"HZ-{i:02d}", "hazardous", place, 200.0, f"示例化工仓储{i}", f"Example Chemical Store {i}", 1)
        )
    _zones(layout, random)
    _ems(layout, random)
    return layout


def _site(
    name: str, kind: str, place: Sequence[float], radius_m: float, zh: str, en: str, hazard: int | None
) -> dict[str, Any]:
    site: dict[str, Any] = {"id": name, "kind": kind, "lon": place[0], "lat": place[1], "radius_m": radius_m}
    if hazard is not None:
        site["hazard_level"] = hazard
    return site | {"name": {"zh": zh, "en": en}}


def _gas_sites(layout: Layout, random: np.random.Generator) -> None:
    """Sites with gas detectors, each with a drone dock 200 to 300 m away."""
    counts: dict[str, int] = {}
    places: list[tuple[float, float]] = []
    docks: list[dict[str, Any]] = []
    for i in range(1, STAGES + 1):
        place = beside(layout, random, 1000.0, places)
        places.append(place)
        kind, zh, en, hazard = GAS_KINDS[i % len(GAS_KINDS)]
        counts[kind] = number = counts.get(kind, 0) + 1
        layout.sites.append(_site(f"RQ-{i:02d}", kind, place, 60.0, f"{zh}{number}", f"{en} {number}", hazard))
        x, y = to_metres(*place)
        for _ in range(500):
            angle, far = random.uniform(0, 2 * math.pi), random.uniform(200, 300)
            dock = to_degrees(float(x + far * math.cos(angle)), float(y + far * math.sin(angle)))
            if layout.ground.holds(*dock):
                break
        docks.append(
            _site(f"JC-{i:02d}", "drone_dock", dock, 15.0, f"示例无人机机场{i}", f"Example Drone Dock {i}", None)
        )
        layout.taken.append(dock)
    layout.sites.extend(docks)


def _zones(layout: Layout, random: np.random.Generator) -> None:
    for i in range(1, 6):
        place = beside(layout, random, 400.0, off_m=(90.0, 120.0))
        layout.zones.append(
            {"id": f"GC-{i}", "kind": "crowd", "area_m2": 4900.0, "polygon": square(place, 70.0)}
            | {"name": {"zh": f"示例广场{i}", "en": f"Example Square {i}"}}
        )
    for i, district in enumerate(("jiaozhou", "huangdao"), 1):
        place = outlying(layout, random, district)
        layout.zones.append(
            {"id": f"JF-{i}", "kind": "no_fly", "polygon": square(place, 2400.0)}
            | {"name": {"zh": f"示意禁飞区{i}", "en": f"Schematic No-Fly Zone {i}"}}
        )
    demands = {"shinan": 0.2, "shibei": 0.3, "licang": 0.25, "laoshan": 0.1, "chengyang": 0.15}
    for district, demand in demands.items():
        inside = [p for p in layout.roads.nodes.values() if layout.ground.district_of(*p) == district]
        hull = shapely.convex_hull(shapely.MultiPoint(inside))
        ring = [list(p) for p in shapely.get_coordinates(hull)[:-1].tolist()]
        zh, en = layout.ground.names[district]
        layout.zones.append(
            {"id": f"JJ-{district}", "kind": "coverage", "demand": demand, "polygon": ring}
            | {"name": {"zh": f"{zh}急救保障区", "en": f"{en} ambulance cover"}}
        )


def _ems(layout: Layout, random: np.random.Generator) -> None:
    nodes = layout.roads.nodes
    first = min(nodes, key=lambda n: math.dist(to_metres(*nodes[n]), to_metres(120.385, 36.075)))
    skills = (
        ["pci", "stroke", "trauma"],
        ["pci", "stroke"],
        ["trauma"],
        ["pci", "trauma", "paediatric"],
        ["stroke", "burns"],
    )
    hospitals = []
    homes = spread(nodes, 10, first)
    for i, node in enumerate(homes, 1):
        name = {"zh": f"示例第{i}医院", "en": f"Example Hospital {i}"}
        load = round(float(random.uniform(0.45, 0.75)), 2)
        hospitals.append(
            {"id": f"YY-{i:02d}", "node": node, "capabilities": list(skills[(i - 1) % 5]), "load": load, "name": name}
        )
        layout.sites.append(_site(f"YY-{i:02d}", "hospital", nodes[node], 120.0, name["zh"], name["en"], None))
    free = {n: p for n, p in nodes.items() if n not in homes}
    stations = spread(free, 28, min(free, key=lambda n: math.dist(to_metres(*free[n]), to_metres(120.40, 36.10))))
    for zone in layout.zones:
        if zone["kind"] == "coverage":  # three more about the middle, so that a unit at work leaves no gap
            middle = shapely.Polygon(zone["polygon"]).centroid
            near = sorted(free, key=lambda n: math.dist(to_metres(*free[n]), to_metres(middle.x, middle.y)))
            stations += [n for n in near if n not in stations][4:16:5]
    units = [
        {
            "id": f"JH-{i:02d}",
            "node": node,
            "capability": "BLS" if i % 4 == 0 else "ALS",
            "aed": True,
            "status": "available",
        }
        for i, node in enumerate(stations, 1)
    ]
    drones: list[dict[str, Any]] = []
    for i in range(1, 9):
        lon, lat = beside(layout, random, 1500.0, [(d["lon"], d["lat"]) for d in drones], off_m=(60.0, 100.0))
        drones.append({"id": f"AED-{i:02d}", "lon": lon, "lat": lat})
    volunteers = []
    for i in range(1, 41):
        lon, lat = beside(layout, random, 120.0, off_m=(30.0, 60.0))
        volunteers.append({"id": f"ZY-{i:02d}", "lon": lon, "lat": lat, "speed_ms": 2.0})
    layout.ems = {
        "turnout_s": 60.0,
        "target_s": 480.0,
        "units": units,
        "drones": drones,
        "volunteers": volunteers,
        "hospitals": hospitals,
    }
