"""The road graph of a city as a driver sees it: shortest ways by usual speeds, and where one is on a way at a time."""

from __future__ import annotations

import heapq
import math
from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from brain.city.index import distance_m

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.city import City, Link

__all__ = ["Fix", "Journey", "RoadGraph", "heading_deg"]


class Fix(NamedTuple):
    """Where a vehicle is, where it looks, how fast it goes."""

    lon: float
    lat: float
    heading_deg: float
    speed_kmh: float


def heading_deg(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Course from one place to another, degrees clockwise from north.

    Example:
        >>> heading_deg(120.0, 36.0, 120.1, 36.0)
        90.0
    """
    east = (lon_b - lon_a) * math.cos(math.radians((lat_a + lat_b) / 2))
    return math.degrees(math.atan2(east, lat_b - lat_a)) % 360


class Journey:
    """Driving along nodes at a factor of the usual speeds.

    Attributes:
        seconds: How long it takes from the first node to the last.
    """

    def __init__(self, graph: RoadGraph, nodes: Sequence[str], factor: float = 1.0) -> None:
        self.nodes = list(nodes)
        self._at = [graph.places[n] for n in nodes]
        self._speed = [graph.links[a, b].speed_kmh * factor for a, b in pairwise(nodes)]
        self._start = [0.0]
        for (a, b), kmh in zip(pairwise(nodes), self._speed, strict=True):
            self._start.append(self._start[-1] + graph.links[a, b].length_m / kmh * 3.6)
        self.seconds = self._start[-1]

    def fix(self, after_s: float) -> Fix:
        """Where the driver is that many seconds after leaving; standing at the end afterwards."""
        if len(self._at) == 1 or after_s >= self.seconds:
            a, b = self._at[-2:] if len(self._at) > 1 else (self._at[0], self._at[0])
            return Fix(*self._at[-1], heading_deg(*a, *b), 0.0)
        i = max(0, min(bisect_right(self._start, after_s) - 1, len(self._speed) - 1))
        along = max(0.0, after_s - self._start[i]) / (self._start[i + 1] - self._start[i])
        (ax, ay), (bx, by) = self._at[i], self._at[i + 1]
        return Fix(ax + (bx - ax) * along, ay + (by - ay) * along, heading_deg(ax, ay, bx, by), self._speed[i])


class RoadGraph:
    """Nodes, links both ways, and shortest ways in seconds at usual speeds."""

    def __init__(self, city: City) -> None:
        self.places = {n.id: (n.lon, n.lat) for n in city.roads.nodes}
        self.signalled = {n.id for n in city.roads.nodes if n.signal}
        self.links: dict[tuple[str, str], Link] = {}
        self.beside: dict[str, list[str]] = {n: [] for n in self.places}
        for link in city.roads.links:
            for a, b in ((link.from_, link.to), (link.to, link.from_))[: 1 if link.one_way else 2]:
                self.links[a, b] = link
                self.beside[a].append(b)
        self._steps = {a: [(b, self.seconds(a, b)) for b in ways] for a, ways in self.beside.items()}
        self._journeys: dict[tuple[str, str], Journey] = {}

    def seconds(self, a: str, b: str) -> float:
        """Usual travel time of one link."""
        link = self.links[a, b]
        return link.length_m / link.speed_kmh * 3.6

    def reach(self, start: str) -> tuple[dict[str, float], dict[str, str]]:
        """Seconds from a node to every node, and each node's predecessor on the way."""
        best = {start: 0.0}
        before: dict[str, str] = {}
        heap = [(0.0, start)]
        while heap:
            cost, here = heapq.heappop(heap)
            if cost > best[here]:
                continue
            for there, seconds in self._steps[here]:
                new = cost + seconds
                if new < best.get(there, math.inf):
                    best[there] = new
                    before[there] = here
                    heapq.heappush(heap, (new, there))
        return best, before

    def leg(self, a: str, b: str) -> Journey:
        """The journey along one link at its usual speed; made once."""
        known = self._journeys.get((a, b))
        if known is None:
            known = self._journeys[a, b] = Journey(self, (a, b))
        return known

    def way(self, start: str, end: str) -> list[str]:
        """Nodes of the fastest way, both ends included."""
        _, before = self.reach(start)
        nodes = [end]
        while nodes[-1] != start:
            nodes.append(before[nodes[-1]])
        return nodes[::-1]

    def nearest(self, lon: float, lat: float) -> str:
        """The node nearest to a place."""
        return min(self.places, key=lambda n: (distance_m(lon, lat, *self.places[n]), n))
