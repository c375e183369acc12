"""A schematic road network (示意路网): a bent grid of arterials and branches over the urban districts, with signals.

Every link is straight, so that vehicles that follow the links stay on safe ground.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from simulators.layout.ground import Ground, to_degrees, to_metres

if TYPE_CHECKING:
    import numpy as np

__all__ = ["RoadMap", "lay_roads"]

SPACING_M: Final = 830.0
TURN_DEG: Final = 14.0  # the grid leans with the coast
REACH: Final = 34  # lines each way from the middle
ARTERIAL_EVERY: Final = 3
# Lines that bear the name of a street that runs about there; all others are numbered.
ROW_NAMES: Final = {
    -6: ("香港中路", "Xianggang Middle Rd"),
    -3: ("辽阳路", "Liaoyang Rd"),
    0: ("长沙路", "Changsha Rd"),
}
COLUMN_NAMES: Final = {-3: ("重庆路", "Chongqing Rd"), 0: ("山东路", "Shandong Rd"), 3: ("福州路", "Fuzhou Rd")}


@dataclass
class RoadMap:
    """Nodes by id, links both ways, signals; ``lines`` lists the nodes of each arterial in driving order."""

    nodes: dict[str, tuple[float, float]] = field(default_factory=dict)
    signalled: set[str] = field(default_factory=set)
    links: list[dict[str, Any]] = field(default_factory=list)
    lines: dict[str, list[str]] = field(default_factory=dict)
    line_names: dict[str, tuple[str, str]] = field(default_factory=dict)

    def neighbours(self) -> dict[str, list[str]]:
        """Node -> nodes one link away, in order of the links."""
        out: dict[str, list[str]] = {n: [] for n in self.nodes}
        for link in self.links:
            out[link["from"]].append(link["to"])
            out[link["to"]].append(link["from"])
        return out

    def document(self) -> dict[str, Any]:
        """``roads`` of the city model without its corridors."""
        nodes = [
            {"id": n, "lon": lon, "lat": lat, "signal": n in self.signalled}
            for n, (lon, lat) in sorted(self.nodes.items())
        ]
        signals = []
        for link in self.links:
            for start, end in ((link["from"], link["to"]), (link["to"], link["from"])):
                if end in self.signalled:
                    at_m = link["length_m"] - 15.0
                    signals.append({"id": f"X-{end}-{start}", "from": start, "to": end, "at_m": at_m})
        signals.sort(key=lambda s: str(s["id"]))
        return {"nodes": nodes, "links": self.links, "signals": signals}


def lay_roads(ground: Ground, random: np.random.Generator) -> RoadMap:
    """Lay the grid, drop what would touch the sea, keep what hangs together."""
    turn = math.radians(TURN_DEG)
    grid: dict[tuple[int, int], tuple[float, float]] = {}
    for row in range(-REACH, REACH + 1):
        for column in range(-REACH, REACH + 1):
            away_x, away_y = (float(v) for v in random.uniform(-90, 90, 2))
            x, y = column * SPACING_M + away_x, row * SPACING_M + away_y
            lon, lat = to_degrees(x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn))
            if _is_urban(ground, lon, lat):
                grid[row, column] = (lon, lat)
    edges = []
    for (row, column), (lon, lat) in sorted(grid.items()):
        for other in ((row, column + 1), (row + 1, column)):
            main = (row if other[0] == row else column) % ARTERIAL_EVERY == 0
            kept = main or random.random() > 0.16
            if other in grid and kept and ground.holds(lon, lat, *grid[other]):
                edges.append(((row, column), other, main))
    whole = _largest_part(list(grid), [(a, b) for a, b, _ in edges])
    ids = {place: f"N{i:03d}" for i, place in enumerate(sorted(whole), 1)}
    roads = RoadMap(nodes={ids[p]: grid[p] for p in sorted(whole)})
    for a, b, main in edges:
        if a in ids and b in ids:
            roads.links.append(_link(roads, ids[a], ids[b], main=main, line=_line_of(a, b)))
    crossing = [p for p in sorted(whole) if p[0] % ARTERIAL_EVERY == 0 and p[1] % ARTERIAL_EVERY == 0]
    roads.signalled = {ids[p] for p in crossing}
    for p in sorted(whole):
        if (p[0] % ARTERIAL_EVERY == 0) != (p[1] % ARTERIAL_EVERY == 0) and random.random() < 0.2:
            roads.signalled.add(ids[p])
    _trace_lines(roads, ids, {(a, b) for a, b, main in edges if main and a in ids and b in ids})
    return roads


def _is_urban(ground: Ground, lon: float, lat: float) -> bool:
    if not ground.holds(lon, lat):
        return False
    district = ground.district_of(lon, lat)
    if district in {"shinan", "shibei", "licang"}:
        return True
    if district == "laoshan":  # its west only: the east is a mountain
        return lon < 120.475 and lat < 36.16
    return district == "chengyang" and lon > 120.36 and lat < 36.285 and lon < 120.46


def _line_of(a: tuple[int, int], b: tuple[int, int]) -> str:
    return f"R{a[0]:+d}" if a[0] == b[0] else f"C{a[1]:+d}"


def _name_of(line: str) -> tuple[str, str]:
    number = int(line[1:])
    known = (ROW_NAMES if line[0] == "R" else COLUMN_NAMES).get(number)
    if known is not None:
        return known
    way = ("东西", "E-W") if line[0] == "R" else ("南北", "N-S")
    return f"示意{way[0]}{number + REACH + 1}路", f"Schematic {way[1]} Rd {number + REACH + 1}"


def _link(roads: RoadMap, a: str, b: str, *, main: bool, line: str) -> dict[str, Any]:
    (ax, ay), (bx, by) = to_metres(*roads.nodes[a]), to_metres(*roads.nodes[b])
    link: dict[str, Any] = {
        "from": a,
        "to": b,
        "length_m": float(round(math.hypot(bx - ax, by - ay))),
        "speed_kmh": 45.0 if main else 30.0,
        "class": "arterial" if main else "branch",
        "lanes": 3 if main else 1,
    }
    if main:
        zh, en = _name_of(line)
        link["name"] = {"zh": zh, "en": en}
    return link


def _largest_part(places: list[tuple[int, int]], edges: list[tuple[Any, Any]]) -> set[tuple[int, int]]:
    beside: dict[tuple[int, int], list[tuple[int, int]]] = {p: [] for p in places}
    for a, b in edges:
        beside[a].append(b)
        beside[b].append(a)
    best: set[tuple[int, int]] = set()
    seen: set[tuple[int, int]] = set()
    for start in sorted(places):
        if start in seen:
            continue
        part, todo = {start}, [start]
        while todo:
            new = [b for b in beside[todo.pop()] if b not in part]
            part.update(new)
            todo.extend(new)
        seen |= part
        if len(part) > len(best):
            best = part
    return best


def _trace_lines(roads: RoadMap, ids: dict[tuple[int, int], str], edges: set[tuple[Any, Any]]) -> None:
    """The longest unbroken run of each arterial."""
    for axis, letter in ((0, "R"), (1, "C")):
        for number in range(-REACH, REACH + 1):
            run: list[str] = []
            best: list[str] = []
            if number % ARTERIAL_EVERY:
                continue
            for along in range(-REACH, REACH + 1):
                here = (number, along) if axis == 0 else (along, number)
                before = (number, along - 1) if axis == 0 else (along - 1, number)
                run = [*run, ids[here]] if (before, here) in edges else [ids[here]] if here in ids else []
                best = max(best, run, key=len)
            line = f"{letter}{number:+d}"
            if len(best) > 1:
                roads.lines[line] = best
                roads.line_names[line] = _name_of(line)
