"""Corridors on the ground: where stations, signals and places lie along a driving direction. Built once for a city.

A corridor's line follows the road graph between its stations where the graph joins them, else it is straight. Places
are metres from its first station, in driving order; less is upstream.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import shapely
from shapely.ops import substring

from brain.city.fences import Fences, polygon_of
from brain.city.index import METRES_PER_DEGREE
from brain.model import Text
from scenes.toolkit.area import compass
from scenes.toolkit.places import index_of
from scenes.toolkit.roads import graph_of, metres
from scenes.travel.streets import streets_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.city import City, Corridor
    from brain.city.model import Link
    from scenes.toolkit.roads import RoadGraph, Spot
    from scenes.travel.streets import Streets

__all__ = ["Along", "Line", "Network", "Pair", "network_of"]

SIGNAL_WIDTH_M: Final = 30.0  # a signal this near to the line stands on it
SAME_WAY_COS: Final = 0.7  # within 45 degrees; a crossing road's signals are its own
STEP_M: Final = 20.0  # along a corridor, to find the links it runs on
STOP_ZONES: Final = frozenset({"stop", "bus_stop", "taxi_rank", "parking", "depot"})  # who stands there may
SKIPS: Final = 3  # so many stations in a row may be off before a pair is given up


class Along(NamedTuple):
    """A place on a corridor: metres from its first station."""

    corridor: str
    m: float


class Pair(NamedTuple):
    """Two stations of a corridor, with those between them (which must be off)."""

    corridor: str
    up: str
    down: str
    between: tuple[str, ...]

    @property
    def name(self) -> str:
        """Stable name for the witness."""
        return f"{self.corridor}/{self.up}-{self.down}"


class Line:
    """One corridor as a line on a plane of metres."""

    def __init__(self, corridor: Corridor, places: list[tuple[str, bool, float, float]], graph: RoadGraph) -> None:
        self.corridor = corridor
        self._k = METRES_PER_DEGREE * math.cos(math.radians(places[0][3]))
        points, at = [places[0][2:]], [0]
        for (_, _, lon1, lat1), (_, _, lon2, lat2) in pairwise(places):
            points += _between(graph, (lon1, lat1), (lon2, lat2))
            points.append((lon2, lat2))
            at.append(len(points) - 1)
        xy = np.array(points, dtype=np.float64) * (self._k, METRES_PER_DEGREE)
        steps = np.hypot(*np.diff(xy, axis=0).T)
        far = np.concatenate([[0.0], np.cumsum(steps)])
        self.line = shapely.LineString(xy)
        self.length_m = float(far[-1])
        self.stations: dict[str, float] = {p[0]: float(far[i]) for p, i in zip(places, at, strict=True)}
        self.order: list[str] = [p[0] for p in places]
        at_m = [self.stations[s] for s in self.order]
        edges = [at_m[0], *((a + b) / 2 for a, b in pairwise(at_m)), at_m[-1]]
        self.stretches = list(zip(self.order, edges, edges[1:], strict=False))  # each half the way to its neighbours
        self.signals: list[float] = sorted(self.stations[p[0]] for p in places if p[1])

    def locate(self, lon: float, lat: float) -> tuple[float, float]:
        """(metres along, metres beside) of a place."""
        point = shapely.Point(lon * self._k, lat * METRES_PER_DEGREE)
        return float(shapely.line_locate_point(self.line, point)), float(shapely.distance(self.line, point))

    def degrees(self, m: float) -> tuple[float, float]:
        """Degrees of a place on the line."""
        p = shapely.line_interpolate_point(self.line, min(max(m, 0.0), self.length_m))
        return p.x / self._k, p.y / METRES_PER_DEGREE

    def between(self, up: str, down: str) -> tuple[float, float, float]:
        """Degrees of the middle between two stations, and metres from there to either."""
        a, b = self.stations[up], self.stations[down]
        return *self.degrees((a + b) / 2), (b - a) / 2

    def part(self, start_m: float, end_m: float, half_width_m: float) -> shapely.Polygon:
        """The road between two places as a polygon in degrees."""
        low, high = max(0.0, start_m), min(self.length_m, max(end_m, start_m + 1.0))
        ring = substring(self.line, low, high).buffer(half_width_m, quad_segs=2)
        scale = np.array([self._k, METRES_PER_DEGREE])
        return shapely.transform(ring, lambda p: p / scale)

    def signal_upstream(self, m: float) -> float | None:
        """Metres along of the next signal against the driving direction, or None."""
        found = [s for s in self.signals if s < m - 10.0]
        return max(found) if found else None

    def signal_downstream(self, m: float) -> float | None:
        """Metres along of the next signal in driving direction (10 m back for the stop line), or None."""
        found = [s for s in self.signals if s >= m - 10.0]
        return min(found) if found else None

    def text(self) -> Text:
        """Name and direction for people."""
        name, direction = self.corridor.name, self.corridor.direction_deg
        zh, en = (name.zh or name.en, name.en or name.zh) if name is not None else (self.corridor.id, self.corridor.id)
        if direction is None:
            return Text(zh, en)
        word = compass(direction)
        return Text(f"{zh}（{word.zh}向）", f"{en} {word.en}bound")


def _between(graph: RoadGraph, a: tuple[float, float], b: tuple[float, float]) -> list[tuple[float, float]]:
    """Nodes of the way between two stations; none when the graph would go a long way round."""
    one, two = graph.snap(*a), graph.snap(*b)
    if one is None or two is None or max(one.off_m, two.off_m) > SIGNAL_WIDTH_M:
        return []
    path = graph.tree(two, measure="metres", limit_s=2 * metres(*a, *b) + 200).path(one)
    if path is None or path.seconds > 1.5 * metres(*a, *b) + 50:
        return []
    ids = [graph.index[n] for n in path.nodes]
    return [(float(graph.lon[i]), float(graph.lat[i])) for i in ids]


class Network:
    """All corridors of a city whose stations have places, with their pairs and signals."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.graph = graph_of(city)
        where = {d.id: (d.lon, d.lat) for d in city.devices if d.sensor_type == "traffic-detector"}
        self.watches = {d.id: d.watches for d in city.devices if d.sensor_type == "video-event" and d.watches}
        self.watched = self._watched_places(where)
        self.lines: dict[str, Line] = {}
        self.pairs: dict[str, list[Pair]] = {}  # by station
        self.corridors_of: dict[str, list[str]] = {}
        for c in city.roads.corridors:
            places = [
                (s.device, s.signal, p[0], p[1])
                for s in c.stations
                if (p := where.get(s.device)) is not None and p[0] is not None and p[1] is not None
            ]
            if len({p[2:] for p in places}) < 2:
                continue  # no line, no driving direction
            self.lines[c.id] = Line(c, places, self.graph)
            self._pair(c.id, [p[0] for p in places])
        self._along: dict[str, list[tuple[int, float]]] = {}
        self.stops = Fences([polygon_of(z.polygon) for z in city.zones if z.kind in STOP_ZONES and len(z.polygon) >= 3])
        self.signals = self._signals()
        self.signal_nodes = frozenset(n.id for n in city.roads.nodes if n.signal)
        for line in self.lines.values():
            for lon, lat, toward in self.signals:
                m, beside = line.locate(lon, lat)
                if beside <= SIGNAL_WIDTH_M and 0 < m < line.length_m and _agrees(line, m, toward):
                    line.signals.append(m)
            line.signals.sort()

    def _watched_places(
        self, stations: Mapping[str, tuple[float | None, float | None]]
    ) -> dict[str, tuple[float, float]]:
        """Where cameras without a place of their own look: the station, site or zone they watch."""
        places = {s.id: (s.lon, s.lat) for s in self.city.sites}
        for z in self.city.zones:
            if len(z.polygon) >= 3:
                middle = shapely.Polygon(z.polygon).centroid
                places[z.id] = (float(middle.x), float(middle.y))
        places |= {k: (p[0], p[1]) for k, p in stations.items() if p[0] is not None and p[1] is not None}
        return {camera: places[target] for camera, target in self.watches.items() if target in places}

    def _pair(self, corridor: str, order: list[str]) -> None:
        for i, up in enumerate(order):
            self.corridors_of.setdefault(up, []).append(corridor)
            for j in range(i + 1, min(i + 2 + SKIPS, len(order))):
                pair = Pair(corridor, up, order[j], tuple(order[i + 1 : j]))
                for station in (up, order[j]):
                    self.pairs.setdefault(station, []).append(pair)

    def _signals(self) -> list[tuple[float, float, tuple[float, float] | None]]:
        """Degrees of each signal, and the direction (dx, dy in degrees) it stands for where it is on a link."""
        roads, graph = self.city.roads, self.graph
        out: list[tuple[float, float, tuple[float, float] | None]] = [
            (n.lon, n.lat, None) for n in roads.nodes if n.signal
        ]
        for s in roads.signals:
            arc = graph.arc_of.get(f"{s.from_}>{s.to}")
            if arc is None:
                continue
            a, b = int(graph.tail[arc]), int(graph.head[arc])
            share = min(1.0, s.at_m / float(graph.length_m[arc]))
            dx, dy = float(graph.lon[b] - graph.lon[a]), float(graph.lat[b] - graph.lat[a])
            out.append((float(graph.lon[a]) + share * dx, float(graph.lat[a]) + share * dy, (dx, dy)))
        return out

    def locate(self, lon: float, lat: float, width_m: float, camera: str | None = None) -> list[Along]:
        """The corridors a place may be on, nearest first; those a camera is said to watch before all others."""
        found = []
        target = self.watches.get(camera or "")
        for name, line in self.lines.items():
            m, beside = line.locate(lon, lat)
            if beside <= width_m:
                found.append((target != name and target not in line.stations, round(beside, 1), name, m))
        found.sort()
        if found and not found[0][0]:
            found = [f for f in found if not f[0]]
        return [Along(name, m) for _, _, name, m in found]

    @cached_property
    def streets(self) -> Streets:
        """The links of the city, for vehicles."""
        return streets_of(self.city)

    @cached_property
    def _links(self) -> dict[str, Link]:
        return {f"{a}>{b}": k for k in self.city.roads.links for a, b in ((k.from_, k.to), (k.to, k.from_))}

    def arcs(self, corridor: str, start_m: float, end_m: float) -> list[int]:
        """Arcs of the road graph that run along a part of a corridor, in driving order."""
        known = self._along.get(corridor)
        if known is None:
            known = self._along[corridor] = self._arcs_along(self.lines[corridor])
        return list(dict.fromkeys(arc for arc, m in known if start_m <= m <= end_m))

    def _arcs_along(self, line: Line) -> list[tuple[int, float]]:
        """(arc, metres along the corridor) every 20 m where a link runs the same way."""
        at = np.linspace(0.0, line.length_m, max(2, math.ceil(line.length_m / STEP_M) + 1))
        places = np.array([line.degrees(float(m)) for m in at])
        ahead = np.array([line.degrees(float(m) + 5.0) for m in at]) - [line.degrees(float(m) - 5.0) for m in at]
        east = math.cos(math.radians(places[0][1]))
        heading = np.degrees(np.arctan2(ahead[:, 0] * east, ahead[:, 1])) % 360
        found, _ = self.streets.match(places[:, 0], places[:, 1], heading, SIGNAL_WIDTH_M, 45.0)
        return [(int(a), float(m)) for a, m in zip(found, at, strict=True) if a >= 0]

    def link_at(self, lon: float, lat: float, within_m: float = 50.0) -> list[int]:
        """Arcs of the link at a place, both directions; none far from roads."""
        spot = self.graph.snap(lon, lat)
        if spot is None or spot.off_m > within_m:
            return []
        if spot.arc < 0:
            return np.flatnonzero(self.graph.head == spot.node).tolist()
        return [a for a in (spot.arc, int(self.graph.twin[spot.arc])) if a >= 0]

    def classes_at(self, lon: float, lat: float) -> frozenset[str]:
        """Classes of the roads at a place: of corridors, of links, and kinds of sites that are tunnels or bridges."""
        found = {self.lines[a.corridor].corridor.class_ for a in self.locate(lon, lat, SIGNAL_WIDTH_M)}
        arcs = self.link_at(lon, lat)
        found |= {k.class_ for a in arcs if (k := self._links.get(self.streets.name(a))) is not None}
        found |= {s.kind for s in index_of(self.city).sites_at(lon, lat)}
        return frozenset(found)

    def lanes_at(self, lon: float, lat: float) -> int:
        """Lanes of the link at a place, of one direction; 0 where nobody says."""
        return max((self._links[n].lanes for a in self.link_at(lon, lat) if (n := self.streets.name(a)) in self._links),
                   default=0)  # fmt: skip

    def near_signal(self, lon: float, lat: float, radius_m: float) -> bool:
        """Whether a signal stands within a distance, whatever its direction."""
        up = radius_m / METRES_PER_DEGREE
        return any(abs(y - lat) <= up and metres(lon, lat, x, y) <= radius_m for x, y, _ in self.signals)

    def in_signal_queue(self, places: list[Along], lon: float, lat: float, reach_m: float) -> bool:
        """Whether a vehicle standing here may wait for green: close before a signal of its direction."""
        if not places:
            return self.near_signal(lon, lat, reach_m)
        for place in places:
            ahead = self.lines[place.corridor].signal_downstream(place.m)
            if ahead is not None and ahead - place.m <= reach_m:
                return True
        return False

    def signal_behind_m(self, places: list[Along], lon: float, lat: float) -> float | None:
        """Metres of queue from a place back to the next signal upstream; off corridors along its link, either way."""
        if places:
            line, m = self.lines[places[0].corridor], places[0].m
            behind = line.signal_upstream(m)
            return None if behind is None else m - behind
        spot = self.graph.snap(lon, lat)
        return None if spot is None or spot.arc < 0 else min(self._on_link(spot), default=None)

    def _on_link(self, spot: Spot) -> list[float]:
        graph, out = self.graph, []
        length = float(graph.length_m[spot.arc])
        for arc, along in ((spot.arc, spot.along_m), (int(graph.twin[spot.arc]), length - spot.along_m)):
            if arc < 0:
                continue
            tail, head = graph.ids[graph.tail[arc]], graph.ids[graph.head[arc]]
            out += [
                along - s.at_m for s in self.city.roads.signals if (s.from_, s.to) == (tail, head) and s.at_m < along
            ]
        return out


def _agrees(line: Line, m: float, toward: tuple[float, float] | None) -> bool:
    """Whether a signal of a direction stands for this corridor's direction."""
    if toward is None:
        return True
    (x1, y1), (x2, y2) = line.degrees(m - 20.0), line.degrees(m + 20.0)
    east = math.cos(math.radians(y1))
    a, b = ((x2 - x1) * east, y2 - y1), (toward[0] * east, toward[1])
    size = math.hypot(*a) * math.hypot(*b)
    return size > 0 and (a[0] * b[0] + a[1] * b[1]) / size >= SAME_WAY_COS


_NETWORKS: OrderedDict[int, Network] = OrderedDict()


def network_of(city: City) -> Network:
    """The network of a city object, built once."""
    known = _NETWORKS.get(id(city))
    if known is None or known.city is not city:
        known = _NETWORKS[id(city)] = Network(city)
        while len(_NETWORKS) > 4:
            _NETWORKS.popitem(last=False)
    return known
