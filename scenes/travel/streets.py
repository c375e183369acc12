"""Vehicles on the road graph: which link and direction each drives, and how fast the links flow (rules T1, T2).

A fix belongs to the nearest link within ``match_m`` whose direction is within ``match_deg`` of its heading; one without
a heading to the nearest link, where all within ``match_m`` lead the same way. Links are found by cells of the ground,
so a whole batch is matched at once. Flow is kept a link and minute, as the sum of 1 / v (the harmonic mean is the one
that gives travel time), and where on the link something drove freely last.
"""

# ruff: noqa: RUF009 - column() makes a dataclass field
from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from brain.city.index import METRES_PER_DEGREE
from scenes.toolkit.roads import graph_of
from scenes.toolkit.table import Slots, column, grow

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from brain.city import City
    from scenes.toolkit.roads import RoadGraph

__all__ = ["LinkSpeeds", "Streets", "streets_of"]

REACH_M: Final = 30.0  # of a link; a fix farther away is on none
BOX_M: Final = 34.0  # half a box round a point every 30 m of a link that holds all within reach, whatever its bearing
CELL_M: Final = 2 * BOX_M
MOST: Final = 24  # links in a cell
MINUTES: Final = 8  # of the ring; a window is five, clocks of devices may run ahead
PARTS: Final = 4  # of a link, for where it flows
SLOWEST_KMH: Final = 3.0  # a standing vehicle would make the time infinite
ONWARD_COS: Final = 0.5  # a way on within 60 degrees is straight on
MINUTE_US: Final = 60_000_000


class Streets:
    """The links of a city as segments on a plane, with the cells they run through. Built once for a city."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.graph: RoadGraph = graph_of(city)
        g = self.graph
        self.east = METRES_PER_DEGREE * math.cos(math.radians(float(np.mean(g.lat)) if len(g.lat) else 0.0))
        x, y = g.lon * self.east, g.lat * METRES_PER_DEGREE
        self.x, self.y = x[g.tail], y[g.tail]
        self.dx, self.dy = x[g.head] - self.x, y[g.head] - self.y
        self.way = np.maximum(np.hypot(self.dx, self.dy), 1e-6)
        self.bearing = np.degrees(np.arctan2(self.dx, self.dy)) % 360
        self._cells()
        self.leaving: dict[int, list[int]] = {}
        for arc, tail in enumerate(g.tail.tolist()):
            self.leaving.setdefault(tail, []).append(arc)

    def _cells(self) -> None:
        """Cell -> up to ``MOST`` arcs within reach of a place in it, the lowest arcs first."""
        steps = np.maximum(1, np.ceil(self.way / REACH_M)).astype(np.int64) + 1
        arc = np.repeat(np.arange(len(steps)), steps)
        share = (np.arange(len(arc)) - np.repeat(np.cumsum(steps) - steps, steps)) / np.repeat(steps - 1, steps)
        x, y = self.x[arc] + share * self.dx[arc], self.y[arc] + share * self.dy[arc]
        sides = (-BOX_M, BOX_M)  # a box as wide as a cell lies in no other cells than its corners
        near = np.concatenate([_cell(x + a, y + b) for a in sides for b in sides])
        self._codes, at, arc = _distinct(near, np.tile(arc, 4))
        first = np.searchsorted(at, np.arange(len(self._codes)))
        rank = np.arange(len(at)) - first[at]
        self._arcs = np.full((len(self._codes), min(MOST, int(rank.max(initial=0)) + 1)), -1, np.int32)
        kept = rank < MOST
        self._arcs[at[kept], rank[kept]] = arc[kept]

    def match(
        self,
        lon: NDArray[np.float64],
        lat: NDArray[np.float64],
        heading: NDArray[np.float64],
        reach_m: float,
        within_deg: float,
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The arc of each fix (-1: none), int32[n], and metres along its segment, float64[n]."""
        arc, along = np.full(len(lon), -1, np.int32), np.zeros(len(lon))
        if not len(self._codes) or not len(lon):
            return arc, along
        x, y = lon * self.east, lat * METRES_PER_DEGREE
        good = np.isfinite(x) & np.isfinite(y)
        code = np.full(len(lon), -1, np.int64)
        code[good] = _cell(x[good], y[good])
        k = np.minimum(np.searchsorted(self._codes, code), len(self._codes) - 1)
        rows = np.flatnonzero(good & (self._codes[k] == code))
        if not len(rows):
            return arc, along
        some = self._arcs[k[rows]]
        px, py = x[rows, None] - self.x[some], y[rows, None] - self.y[some]
        share = np.clip((px * self.dx[some] + py * self.dy[some]) / self.way[some] ** 2, 0.0, 1.0)
        far = np.hypot(px - share * self.dx[some], py - share * self.dy[some])
        near = (some >= 0) & (far <= min(reach_m, REACH_M))
        at, silent = np.arange(len(rows)), ~np.isfinite(heading[rows])
        if silent.any():  # they drive as the nearest link does, if no other way is possible
            nearest = self.bearing[some[at, np.where(near, far, np.inf).argmin(axis=1)]]
            heading = heading.copy()
            heading[rows[silent]] = nearest[silent]
        turn = np.abs((heading[rows, None] - self.bearing[some] + 180.0) % 360.0 - 180.0)
        chosen = near & (turn <= within_deg)
        if silent.any():
            chosen &= ~silent[:, None] | (chosen == near).all(axis=1)[:, None]
        far = np.where(chosen, far, np.inf)
        best = far.argmin(axis=1)
        hit = np.isfinite(far[at, best])
        arc[rows[hit]] = some[at, best][hit]
        along[rows[hit]] = (share[at, best] * self.way[some[at, best]])[hit]
        return arc, along

    def onward(self, arc: int) -> list[int]:
        """Arcs that go on from the end of one, straight on where there are such."""
        g = self.graph
        ways = [a for a in self.leaving.get(int(g.head[arc]), ()) if a != int(g.twin[arc])]
        straight = [
            a
            for a in ways
            if (self.dx[a] * self.dx[arc] + self.dy[a] * self.dy[arc]) / (self.way[a] * self.way[arc]) >= ONWARD_COS
        ]
        return straight or ways

    def name(self, arc: int) -> str:
        """``FROM>TO`` of an arc."""
        g = self.graph
        return f"{g.ids[g.tail[arc]]}>{g.ids[g.head[arc]]}"


def _distinct(
    code: NDArray[np.int64], arc: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The cells; then of each different pair of cell and arc the index of the cell and the arc, in that order."""
    codes, at = np.unique(code, return_inverse=True)
    many = int(arc.max(initial=0)) + 1
    pairs = np.unique(at * many + arc)
    return codes, pairs // many, pairs % many


def _cell(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """One number for the cell of each place."""
    across, up = np.floor(x / CELL_M).astype(np.int64), np.floor(y / CELL_M).astype(np.int64)
    return (across << 32) + up + (1 << 31)


@dataclass(slots=True)
class LinkSpeeds:
    """How the links that are driven flowed in the last minutes; part of a scene's state, one row an arc seen.

    Attributes:
        rows: Arc -> row.
        minute: Which minute each cell of the ring holds, int32[rows, MINUTES].
        pace: Sum of 1 / km/h, float64[rows, MINUTES].
        count: Fixes, int32[rows, MINUTES].
        free: When each part of a link was last driven freely, microseconds, int64[rows, PARTS].
        waiting: Fixes since the last mark: arcs, parts, times, speeds, whether free.
    """

    rows: Slots = field(default_factory=Slots)
    minute: NDArray[np.int32] = column("i4", -1, MINUTES)
    pace: NDArray[np.float64] = column("f8", 0.0, MINUTES)
    count: NDArray[np.int32] = column("i4", 0, MINUTES)
    free: NDArray[np.int64] = column("i8", -1, PARTS)
    waiting: list[tuple[NDArray[Any], ...]] = field(default_factory=list)

    def wait(
        self,
        arc: NDArray[np.int32],
        part: NDArray[np.int64],
        time: NDArray[np.int64],
        kmh: NDArray[np.float64],
        free: NDArray[np.bool_],
    ) -> None:
        """Take matched fixes in order of receipt; they count from the next mark on, however the stream was cut."""
        self.waiting.append((arc, part, time, kmh, free))

    def settle(self) -> None:
        """Let the fixes that wait count (at a mark)."""
        if not self.waiting:
            return
        arc, part, time, kmh, free = (np.concatenate(column) for column in zip(*self.waiting, strict=True))
        self.waiting = []
        row = self.rows.of(arc)
        grow(self, self.rows.used)
        minute = time // MINUTE_US
        for now in np.unique(minute).tolist():
            mine = np.flatnonzero(minute == now)
            place = now % MINUTES
            old = row[mine][self.minute[row[mine], place] < now]
            self.minute[old, place], self.pace[old, place], self.count[old, place] = now, 0.0, 0
            mine = mine[self.minute[row[mine], place] == now]
            np.add.at(self.pace, (row[mine], place), 1.0 / np.maximum(kmh[mine], SLOWEST_KMH))
            np.add.at(self.count, (row[mine], place), 1)
        np.maximum.at(self.free, (row[free], part[free]), time[free])

    def _row(self, arc: int) -> int:
        return int(self.rows.row[arc]) if arc < len(self.rows.row) else -1

    def is_free(self, arc: int, since: int, from_part: int = 0) -> bool:
        """Whether something drove freely on a link, from a part of it on, at or after a time (microseconds)."""
        row = self._row(arc)
        return row >= 0 and bool((self.free[row, from_part:] >= since).any())

    def speed(self, arc: int, now: int, window_us: int) -> tuple[float, int]:
        """Harmonic mean speed (km/h, NaN for none) and number of fixes of a link in the window before now."""
        row = self._row(arc)
        if row < 0:
            return math.nan, 0
        start = self.minute[row].astype(np.int64) * MINUTE_US
        inside = (start > now - window_us) & (start <= now)
        n = int(self.count[row][inside].sum())
        return (n / float(self.pace[row][inside].sum()), n) if n else (math.nan, 0)


_STREETS: OrderedDict[int, Streets] = OrderedDict()


def streets_of(city: City) -> Streets:
    """The streets of a city object, built once."""
    known = _STREETS.get(id(city))
    if known is None or known.city is not city:
        known = _STREETS[id(city)] = Streets(city)
        while len(_STREETS) > 4:
            _STREETS.popitem(last=False)
    return known
