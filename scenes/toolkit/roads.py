"""The road graph: live travel times to or from a place, ways as node ids, the signals on them, places snapped to roads.

Enters: the roads of a city model, the live speeds of ``road-status`` rows. Leaves: seconds, node ids, signal times,
metres. Pure; the only file of the scenes that imports scipy. A graph is built once for a city (``graph_of``) and only
re-weighted afterwards; shortest paths are Dijkstra's, by ``scipy.sparse.csgraph`` (3-31 ms for 50,000 nodes).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, cast

import numpy as np
import shapely

from brain.model import Text

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from brain.city import City, Link, Roads
    from scenes.toolkit.speeds import LiveSpeeds

__all__ = ["Path", "RoadGraph", "Spot", "Tree", "graph_of", "metres"]

EARTH_M: Final = 6_371_008.8  # mean radius, IUGG
AT_NODE_M: Final = 15.0  # a place this near to a node is at the node: the error of a good GPS fix
STOP_LINE_M: Final = 50.0  # a signal on a link this near to its end stands at the node
KEPT_TREES: Final = 32  # 0.6 MB each at 50,000 nodes


def metres(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance in metres (haversine).

    Example:
        >>> round(metres(120.0, 36.0, 120.0, 36.001), 1)
        111.2
    """
    p1, p2 = math.radians(lat1), math.radians(lat2)
    a = math.sin((p2 - p1) / 2) ** 2 + math.cos(p1) * math.cos(p2) * math.sin(math.radians(lon2 - lon1) / 2) ** 2
    return 2 * EARTH_M * math.asin(min(1.0, math.sqrt(a)))


class Spot(NamedTuple):
    """A place on the road graph: at a node, or somewhere on a link.

    Attributes:
        node: Index of the node, -1 on a link.
        arc: Index of the arc it lies on (of the two directions the lower one), -1 at a node.
        along_m: Metres from the start of that arc, in the length the city model gives.
        off_m: Metres beside the road; they are gone at the speed of the link.
    """

    node: int
    arc: int
    along_m: float
    off_m: float


class Path(NamedTuple):
    """A way from one spot to another.

    Attributes:
        nodes: Node ids passed, in driving order.
        at_s: Seconds after departure at each node.
        seconds: Seconds after departure at the end.
        signals: Signal id to seconds after departure, in the order they are passed.
    """

    nodes: tuple[str, ...]
    at_s: tuple[float, ...]
    seconds: float
    signals: dict[str, float]


@dataclass(slots=True, eq=False)
class Tree:
    """Travel times between all nodes and one spot, by one run of Dijkstra.

    Attributes:
        spot: The root.
        inward: True for times **to** the spot, False for times **from** it.
        seconds: float64[nodes], inf where unreachable or beyond the limit.
        previous: int32[nodes], the next node on the way to the root, -1 when the root comes next or there is no way.
    """

    graph: RoadGraph
    cost: NDArray[np.float64]
    spot: Spot
    inward: bool
    seconds: NDArray[np.float64]
    previous: NDArray[np.int32]

    def reach(self, other: Spot) -> float:
        """Seconds between the spot and another one, in the tree's direction; inf when there is no way."""
        return self._best(other)[0]

    def path(self, other: Spot) -> Path | None:
        """The way itself, or None."""
        total, node, edge = self._best(other)
        if math.isinf(total):
            return None
        chain: list[int] = []
        while node >= 0:
            chain.append(node)
            node = int(self.previous[node])
        if not self.inward:
            chain.reverse()
        start, end = (other, self.spot) if self.inward else (self.spot, other)
        return self.graph.describe(start, end, chain, self.cost, edge)

    def _best(self, other: Spot) -> tuple[float, int, float]:
        """(seconds, node where ``other`` joins the tree or -1, seconds of a direct way along one link)."""
        start, end = (other, self.spot) if self.inward else (self.spot, other)
        total, node = self.graph.direct(start, end, self.cost), -1
        edge = total
        for n, s in self.graph.ends(other, self.cost, leaving=self.inward):
            if s + self.seconds[n] < total:
                total, node = float(s + self.seconds[n]), n
        return total, node, edge


class RoadGraph:
    """Nodes and directed arcs of a city model. Immutable but for its memory of recent trees; use from one thread."""

    def __init__(self, roads: Roads) -> None:
        self.ids: list[str] = [n.id for n in roads.nodes]
        self.index: dict[str, int] = {n: i for i, n in enumerate(self.ids)}
        self.lon: NDArray[np.float64] = np.array([n.lon for n in roads.nodes], dtype=np.float64)
        self.lat: NDArray[np.float64] = np.array([n.lat for n in roads.nodes], dtype=np.float64)
        self._node_signal = {n.id for n in roads.nodes if n.signal}
        self._arcs(roads)
        self._names = {k: link.name for link in roads.links if link.name is not None for k in _keys(link)}
        self._signals: dict[int, list[tuple[float, str]]] = {}
        for s in roads.signals:
            if (arc := self.arc_of.get(f"{s.from_}>{s.to}")) is not None:
                self._signals.setdefault(arc, []).append((s.at_m, s.id))
        for found in self._signals.values():
            found.sort()
        n = len(self.ids)
        order_out = np.lexsort((self.head, self.tail))
        order_in = np.lexsort((self.tail, self.head))
        self._csr = {
            False: (order_out, self.head[order_out], np.searchsorted(self.tail[order_out], np.arange(n + 1))),
            True: (order_in, self.tail[order_in], np.searchsorted(self.head[order_in], np.arange(n + 1))),
        }
        self._weights: OrderedDict[int, NDArray[np.float64]] = OrderedDict()
        self._trees: OrderedDict[Hashable, Tree] = OrderedDict()
        if (
            self.ids
        ):  # a second of time and 30 MB, which only a city with roads needs; not in the minute of the first call
            import scipy.sparse.csgraph  # noqa: F401, PLC0415
        self._index_places()

    def _arcs(self, roads: Roads) -> None:
        """Both directions of each link; where two links join the same nodes, the quicker one stays."""
        best: dict[tuple[int, int], tuple[float, float]] = {}
        for link in roads.links:
            a, b = self.index.get(link.from_), self.index.get(link.to)
            if a is None or b is None or a == b:
                continue
            for pair in ((a, b),) if link.one_way else ((a, b), (b, a)):
                old = best.get(pair)
                if old is None or link.length_m / link.speed_kmh < old[0] / old[1]:
                    best[pair] = (link.length_m, link.speed_kmh)
        pairs = list(best)
        self.tail: NDArray[np.int32] = np.array([p[0] for p in pairs], dtype=np.int32)
        self.head: NDArray[np.int32] = np.array([p[1] for p in pairs], dtype=np.int32)
        self.length_m: NDArray[np.float64] = np.array([v[0] for v in best.values()], dtype=np.float64)
        self.usual_kmh: NDArray[np.float64] = np.array([v[1] for v in best.values()], dtype=np.float64)
        arc_by_pair = {p: i for i, p in enumerate(pairs)}
        self.twin: NDArray[np.int32] = np.array([arc_by_pair.get((b, a), -1) for a, b in pairs], dtype=np.int32)
        self.arc_of: dict[str, int] = {f"{self.ids[a]}>{self.ids[b]}": i for i, (a, b) in enumerate(pairs)}
        self._node_kmh = np.full(len(self.ids), 30.0)  # of an isolated node, where no link says anything
        self._node_kmh[self.head] = np.inf
        np.minimum.at(self._node_kmh, self.head, self.usual_kmh)
        isolated = np.isinf(self._node_kmh)
        self._node_kmh[isolated] = 30.0

    def _index_places(self) -> None:
        """Links as lines in metres on a plane at the city's middle, for snapping."""
        self._lat0 = float(np.mean(self.lat)) if len(self.lat) else 0.0
        self._shown = np.flatnonzero((self.twin < 0) | (np.arange(len(self.twin)) < self.twin))
        xy = np.column_stack(self._plane(self.lon, self.lat))
        ends = np.stack([xy[self.tail[self._shown]], xy[self.head[self._shown]]], axis=1)
        self._lines = cast("list[shapely.LineString]", shapely.linestrings(ends) if len(ends) else [])
        self._line_tree = shapely.STRtree(self._lines)
        self._point_tree = shapely.STRtree(cast("list[shapely.Point]", shapely.points(xy) if len(xy) else []))

    def _plane(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        k = math.radians(1.0) * EARTH_M
        return lon * (k * math.cos(math.radians(self._lat0))), lat * k

    # -- places ------------------------------------------------------------------------------------------------------

    def at(self, node: str) -> Spot | None:
        """The spot of a node, or None when there is no such node."""
        i = self.index.get(node)
        return None if i is None else Spot(i, -1, 0.0, 0.0)

    def nearest_node(self, lon: float, lat: float) -> str | None:
        """Id of the nearest node, or None in a city without roads."""
        if not self.ids or math.isnan(lon) or math.isnan(lat):
            return None
        found = self._point_tree.query_nearest(self._point(lon, lat))
        return self.ids[int(found.min())]

    def snap(self, lon: float, lat: float) -> Spot | None:
        """The spot nearest to a place; at the node when it is within 15 m of one along the link. None without roads."""
        if not self.ids or math.isnan(lon) or math.isnan(lat):
            return None
        point = self._point(lon, lat)
        if not len(self._lines):
            i = int(self._point_tree.query_nearest(point).min())
            return Spot(i, -1, 0.0, metres(lon, lat, float(self.lon[i]), float(self.lat[i])))
        k = int(self._line_tree.query_nearest(point).min())
        line, arc = self._lines[k], int(self._shown[k])
        along, whole = float(shapely.line_locate_point(line, point)), float(shapely.length(line))
        for node, gap in ((self.tail[arc], along), (self.head[arc], whole - along)):
            if gap <= AT_NODE_M:
                return Spot(int(node), -1, 0.0, metres(lon, lat, float(self.lon[node]), float(self.lat[node])))
        return Spot(-1, arc, along / whole * float(self.length_m[arc]), float(shapely.distance(line, point)))

    def street(self, lon: float, lat: float, within_m: float = 100.0) -> Text | None:
        """Name of the road next to a place, where the city model gives one."""
        spot = self.snap(lon, lat)
        if spot is None or spot.off_m > within_m:
            return None
        arcs = [spot.arc] if spot.arc >= 0 else np.flatnonzero(self.tail == spot.node).tolist()
        keys = [f"{self.ids[self.tail[a]]}>{self.ids[self.head[a]]}" for a in arcs]
        found = next((self._names[k] for k in keys if k in self._names), None)
        return None if found is None else Text(found.zh or found.en, found.en or found.zh)

    def links_in(self, area: BaseGeometry) -> list[str]:
        """Driving directions ``FROM>TO`` of the links that an area (degrees) touches, in the order of the model.

        Example:
            >>> from brain.city import Link, Node, Roads
            >>> roads = Roads(nodes=[Node("A", 120.0, 36.0), Node("B", 120.01, 36.0)], links=[Link("A", "B", 900, 36)])
            >>> RoadGraph(roads).links_in(shapely.box(120.004, 35.99, 120.005, 36.01))
            ['A>B', 'B>A']
        """
        if not len(self._lines) or area.is_empty:
            return []
        flat = shapely.transform(area, lambda p: np.column_stack(self._plane(p[:, 0], p[:, 1])))
        arcs = self._shown[np.sort(self._line_tree.query(flat, predicate="intersects"))]
        both = sorted({int(a) for a in arcs} | {int(t) for t in self.twin[arcs] if t >= 0})
        return [f"{self.ids[self.tail[a]]}>{self.ids[self.head[a]]}" for a in both]

    def line_of(self, key: str) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """The two ends (lon, lat) of a driving direction ``FROM>TO``; None where there is no such link."""
        arc = self.arc_of.get(key)
        if arc is None:
            return None
        a, b = int(self.tail[arc]), int(self.head[arc])
        return (float(self.lon[a]), float(self.lat[a])), (float(self.lon[b]), float(self.lat[b]))

    def _point(self, lon: float, lat: float) -> shapely.Point:
        x, y = self._plane(np.float64(lon), np.float64(lat))  # type: ignore[arg-type]
        return shapely.Point(float(x), float(y))

    # -- times -------------------------------------------------------------------------------------------------------

    def weights(self, live: LiveSpeeds | None) -> NDArray[np.float64]:
        """Seconds of each arc with live speeds, inf where closed; float64[arcs]."""
        digest = 0 if live is None else live.digest
        known = self._weights.get(digest)
        if known is None:
            kmh = self.usual_kmh.copy()
            if live is not None and live.kmh:
                pairs = [(arc, v) for key, v in live.kmh.items() if (arc := self.arc_of.get(key)) is not None]
                if pairs:
                    kmh[np.array([p[0] for p in pairs])] = np.maximum([p[1] for p in pairs], 0.0)
            with np.errstate(divide="ignore"):
                known = self.length_m * 3.6 / kmh
            self._weights[digest] = known
            while len(self._weights) > 4:
                self._weights.popitem(last=False)
        return known

    def tree(
        self,
        spot: Spot,
        live: LiveSpeeds | None = None,
        *,
        inward: bool = True,
        limit_s: float = math.inf,
        measure: Literal["seconds", "metres"] = "seconds",
    ) -> Tree:
        """Travel times of all nodes to (``inward``) or from a spot.

        Args:
            spot: The root.
            live: Live speeds, or None for the usual ones.
            inward: Times to the spot; False: times from it.
            limit_s: Look no further than this; nodes beyond are inf.
            measure: ``metres`` gives road distances instead of seconds (closures still count).
        """
        key = (spot, inward, 0 if live is None else live.digest, limit_s, measure)
        known = self._trees.get(key)
        if known is not None:
            self._trees.move_to_end(key)
            return known
        cost = self.weights(live)
        if measure == "metres":
            cost = np.where(np.isinf(cost), np.inf, self.length_m)
        ends = self.ends(spot, cost, leaving=not inward)
        n = len(self.ids)
        order, indices, indptr = self._csr[inward]
        from scipy.sparse import csr_array  # noqa: PLC0415
        from scipy.sparse.csgraph import dijkstra  # noqa: PLC0415

        # One more row stands for the root, so a root in the middle of a link costs one run, not two.
        matrix = csr_array(
            (
                np.concatenate([cost[order], [s for _, s in ends]]),
                np.concatenate([indices, [i for i, _ in ends]]).astype(np.int32),
                np.concatenate([indptr, [len(order) + len(ends)]]).astype(np.int32),
            ),
            shape=(n + 1, n + 1),
        )
        far, back = dijkstra(matrix, indices=np.array([n]), return_predecessors=True, limit=limit_s)
        previous = np.where((back[0, :n] == n) | (back[0, :n] < 0), -1, back[0, :n]).astype(np.int32)
        tree = Tree(self, cost, spot, inward, far[0, :n], previous)
        self._trees[key] = tree
        while len(self._trees) > KEPT_TREES:
            self._trees.popitem(last=False)
        return tree

    def ends(self, spot: Spot, cost: NDArray[np.float64], *, leaving: bool) -> list[tuple[int, float]]:
        """Nodes a spot leads to (``leaving``) or is reached from, with the seconds between.

        A vehicle on a closed link may still drive off it: such a link counts with its usual speed.
        """
        if spot.arc < 0:
            return [(spot.node, spot.off_m * 3.6 / float(self._node_kmh[spot.node]))]
        forth, back, length = spot.arc, int(self.twin[spot.arc]), float(self.length_m[spot.arc])
        rest = length - spot.along_m
        out: list[tuple[int, float]] = []
        head, tail = int(self.head[forth]), int(self.tail[forth])
        one, two = (head, tail) if leaving else (tail, head)
        out.append((one, self._pace(forth, cost) * ((rest if leaving else spot.along_m) + spot.off_m)))
        if back >= 0:
            out.append((two, self._pace(back, cost) * ((spot.along_m if leaving else rest) + spot.off_m)))
        return out

    def _pace(self, arc: int, cost: NDArray[np.float64]) -> float:
        """Seconds a metre."""
        c = float(cost[arc])
        return 3.6 / float(self.usual_kmh[arc]) if math.isinf(c) else c / float(self.length_m[arc])

    def direct(self, start: Spot, end: Spot, cost: NDArray[np.float64]) -> float:
        """Seconds along one link when both spots lie on it, or at one node; inf otherwise."""
        if start.arc < 0 and start.node == end.node:
            return (start.off_m + end.off_m) * 3.6 / float(self._node_kmh[start.node])
        if start.arc < 0 or start.arc != end.arc:
            return math.inf
        gap, arc = end.along_m - start.along_m, start.arc
        if gap < 0:
            arc = int(self.twin[arc])
        return math.inf if arc < 0 else self._pace(arc, cost) * (abs(gap) + start.off_m + end.off_m)

    # -- ways --------------------------------------------------------------------------------------------------------

    def describe(
        self, start: Spot, end: Spot, chain: list[int], cost: NDArray[np.float64], direct: float = math.inf
    ) -> Path | None:
        """A way through the given nodes (indices, in driving order); None when a part of it is closed."""
        if not chain:
            if math.isinf(direct):
                return None
            if start.arc < 0:  # both at one node: that is the way
                onto = start.off_m * 3.6 / float(self._node_kmh[start.node])
                return Path((self.ids[start.node],), (onto,), direct, {})
            return Path((), (), direct, dict(self._on_part(start, end, cost)))
        first = dict(self.ends(start, cost, leaving=True)).get(chain[0])
        last = dict(self.ends(end, cost, leaving=False)).get(chain[-1])
        if first is None or last is None:
            return None
        signals = dict(self._on_part(start, Spot(chain[0], -1, 0.0, 0.0), cost))
        at, times = first, [first]
        if start.arc >= 0:
            onto = start.arc if int(self.head[start.arc]) == chain[0] else int(self.twin[start.arc])
            self._node(onto, at, signals)
        for a, b in pairwise(chain):
            arc = self.arc_of.get(f"{self.ids[a]}>{self.ids[b]}")
            if arc is None or math.isinf(cost[arc]):
                return None
            for at_m, name in self._signals.get(arc, ()):
                signals.setdefault(name, at + at_m * float(cost[arc]) / float(self.length_m[arc]))
            at += float(cost[arc])
            times.append(at)
            if b != chain[-1] or end.arc >= 0:
                self._node(arc, at, signals)
        for k, v in self._on_part(Spot(chain[-1], -1, 0.0, 0.0), end, cost):
            signals.setdefault(k, at + v)
        return Path(tuple(self.ids[i] for i in chain), tuple(times), at + last, signals)

    def _node(self, arc: int, at: float, signals: dict[str, float]) -> None:
        """A signal at the node an arc leads to is passed when the node is left behind.

        Where the model also has a signal on the last metres of the arc, that is the same one.
        """
        node, length = self.ids[self.head[arc]], float(self.length_m[arc])
        here = any(length - at_m <= STOP_LINE_M for at_m, _ in self._signals.get(arc, ()))
        if node in self._node_signal and not here:
            signals.setdefault(node, at)

    def _on_part(self, start: Spot, end: Spot, cost: NDArray[np.float64]) -> Iterator[tuple[str, float]]:
        """Signals on a part of one link, with seconds from the start of the part."""
        spot = start if start.arc >= 0 else end
        if spot.arc < 0:
            return
        arc, length = spot.arc, float(self.length_m[spot.arc])

        def place(s: Spot) -> float:
            return s.along_m if s.arc >= 0 else (0.0 if s.node == self.tail[arc] else length)

        low, high = place(start), place(end)
        if high < low:
            arc, low, high = int(self.twin[arc]), length - low, length - high
        for at_m, name in self._signals.get(arc, ()):
            if low < at_m <= high:
                yield name, (at_m - low) * self._pace(arc, cost)


def _keys(link: Link) -> tuple[str, str]:
    return f"{link.from_}>{link.to}", f"{link.to}>{link.from_}"


_GRAPHS: OrderedDict[int, tuple[City, RoadGraph]] = OrderedDict()


def graph_of(city: City) -> RoadGraph:
    """The graph of a city, built once for each city object (a city model never changes; a new one is a new object)."""
    known = _GRAPHS.get(id(city))
    if known is None or known[0] is not city:
        known = (city, RoadGraph(city.roads))
        _GRAPHS[id(city)] = known
        while len(_GRAPHS) > 8:
            _GRAPHS.popitem(last=False)
    return known[1]
