"""Points against many polygons: a grid decided once; a point is compared only with outlines that cross its cell.

Each cell knows the polygons that cover it wholly and those whose outline crosses it (compressed rows). Points of the
first kind are decided by looking up their cell; only those of the second are compared exactly. A place on an outline is
inside, also of two neighbours that share it. Prior art: grids of geofencing engines, the spatial join of shapely.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

__all__ = ["Fences", "Hits", "polygon_of"]

_FINEST: Final = 512  # cells along one side
_COARSEST: Final = 64
_MOST_ENTRIES: Final = 4_000_000  # (cell, polygon) pairs; a coarser grid where polygons cover one another many times
_MARGIN: Final = 1e-6  # of a cell: an outline this near to a cell crosses it, so rounding never decides wrongly


class Hits(NamedTuple):
    """Which points lie in which fences, by point and then by fence.

    Attributes:
        point: Index of the point, intp[hits].
        fence: Index of the fence, intp[hits].
    """

    point: NDArray[np.intp]
    fence: NDArray[np.intp]


def polygon_of(ring: Sequence[tuple[float, float]]) -> BaseGeometry:
    """The area inside a ring of (lon, lat); one that crosses itself is mended."""
    polygon = shapely.Polygon(ring)
    return polygon if polygon.is_valid else shapely.make_valid(polygon)


class Fences:
    """Areas to look up points in, built once: 10 to 60 ms for 500 polygons.

    Args:
        polygons: Polygons and multipolygons, with holes or without, in degrees; they may overlap.

    Example:
        >>> fences = Fences([polygon_of([(0, 0), (2, 0), (2, 2), (0, 2)]), polygon_of([(1, 1), (3, 1), (3, 3)])])
        >>> hits = fences.inside(np.array([0.5, 1.5, 9.0]), np.array([0.5, 1.2, 9.0]))
        >>> hits.point.tolist(), hits.fence.tolist()
        ([0, 1, 1], [0, 0, 1])
        >>> fences.at(2.0, 0.0)
        [0]
    """

    def __init__(self, polygons: Sequence[BaseGeometry]) -> None:
        self._shapes: NDArray[Any] = np.array([*polygons, None], object)[:-1]
        shapely.prepare(self._shapes)
        a, b, owner = _segments(self._shapes)
        ends = np.concatenate([a, b]) if len(a) else np.zeros((1, 2))
        low, high = ends.min(axis=0), ends.max(axis=0)
        self._side = _side_for(len(self._shapes), float(shapely.area(self._shapes).sum()), high - low)
        size = np.maximum((high - low) / self._side, 1e-12)
        self._origin = low - size  # a ring of empty cells round everything
        self._side += 2
        self._per_degree = 1 / size
        self._build(*self._crossed((a - self._origin) * self._per_degree, (b - self._origin) * self._per_degree, owner))

    # -- building ------------------------------------------------------------------------------------------------------
    def _crossed(
        self, a: NDArray[np.float64], b: NDArray[np.float64], owner: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """(fence, row, column) of the cells that outlines cross, sorted, each once; a and b in cells."""
        swap = a[:, 1] > b[:, 1]
        a, b = np.where(swap[:, None], b, a), np.where(swap[:, None], a, b)
        first = np.floor(a[:, 1] - _MARGIN).astype(np.int64)
        which, row = _spread(first, np.floor(b[:, 1] + _MARGIN).astype(np.int64))
        ax, ay, bx, by = a[which, 0], a[which, 1], b[which, 0], b[which, 1]
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(by > ay, (bx - ax) / (by - ay), 0.0)
        at_low = np.where(by > ay, ax + np.clip(row - _MARGIN - ay, 0, by - ay) * slope, ax)
        at_high = np.where(by > ay, ax + np.clip(row + 1 + _MARGIN - ay, 0, by - ay) * slope, bx)
        left = np.floor(np.minimum(at_low, at_high) - _MARGIN).astype(np.int64)
        which2, column = _spread(left, np.floor(np.maximum(at_low, at_high) + _MARGIN).astype(np.int64))
        key = np.unique((owner[which][which2] * self._side + row[which2]) * self._side + column)
        return key // self._side**2, key // self._side % self._side, key % self._side

    def _build(self, fence: NDArray[np.int64], row: NDArray[np.int64], column: NDArray[np.int64]) -> None:
        """Decide the cells between outlines, a run of cells in a row at once, and put all into compressed rows."""
        gap = (fence[1:] == fence[:-1]) & (row[1:] == row[:-1]) & (column[1:] > column[:-1] + 1)
        k = np.flatnonzero(gap)
        middle = np.column_stack([column[k] + 1.5, row[k] + 0.5]) / self._per_degree + self._origin
        covered = k[self._compare(fence[k], middle[:, 0], middle[:, 1])] if len(k) else k
        run, inner = _spread(column[covered] + 1, column[covered + 1] - 1)
        cell = np.concatenate([row * self._side + column, row[covered][run] * self._side + inner])
        owner = np.concatenate([fence, fence[covered][run]])
        is_sure = np.repeat([False, True], [len(fence), len(inner)])
        order = np.lexsort((owner, cell))
        self._fence = owner[order].astype(np.int32)
        self._is_sure = is_sure[order]
        counts = np.bincount(cell, minlength=self._side**2)
        self._start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)

    def _compare(
        self, fence: NDArray[np.int64], lon: NDArray[np.float64], lat: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whether each place lies in its fence, exactly."""
        out = np.zeros(len(fence), bool)
        order = np.argsort(fence.astype(np.uint16) if len(self._shapes) < 65536 else fence, kind="stable")
        begins = np.flatnonzero(np.diff(fence[order], prepend=-1))
        for start, end in zip(begins.tolist(), [*begins[1:].tolist(), len(order)], strict=True):
            mine = order[start:end]
            out[mine] = shapely.intersects_xy(self._shapes[fence[mine[0]]], lon[mine], lat[mine])
        return out

    # -- asking --------------------------------------------------------------------------------------------------------
    def inside(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> Hits:
        """Which of these places (degrees, float64[n]; NaN lies nowhere) lie in which fences."""
        x = (lon - self._origin[0]) * self._per_degree[0]
        y = (lat - self._origin[1]) * self._per_degree[1]
        here = (x >= 0) & (x < self._side) & (y >= 0) & (y < self._side)
        if not here.all():
            x, y = np.where(here, x, 0.0), np.where(here, y, 0.0)  # the corner cell is empty
        cell = y.astype(np.int64) * self._side + x.astype(np.int64)
        start = self._start[cell]
        count = self._start[cell + 1] - start
        some = np.flatnonzero(count)
        start, count = start[some], count[some]
        which = np.repeat(np.arange(len(some)), count)
        entry = start[which] + np.arange(len(which)) - (np.cumsum(count) - count)[which]
        point, fence, is_hit = some[which], self._fence[entry], self._is_sure[entry]
        unsure = np.flatnonzero(~is_hit)
        if len(unsure):
            where = point[unsure]
            is_hit[unsure] = self._compare(fence[unsure], lon[where], lat[where])
        return Hits(point[is_hit], fence[is_hit].astype(np.intp))

    def at(self, lon: float, lat: float) -> list[int]:
        """The fences one place lies in, in order."""
        x = (lon - float(self._origin[0])) * float(self._per_degree[0])
        y = (lat - float(self._origin[1])) * float(self._per_degree[1])
        if not (0 <= x < self._side and 0 <= y < self._side):
            return []
        cell = math.floor(y) * self._side + math.floor(x)
        entries = range(int(self._start[cell]), int(self._start[cell + 1]))
        return [
            int(self._fence[k])
            for k in entries
            if self._is_sure[k] or shapely.intersects_xy(self._shapes[self._fence[k]], lon, lat)
        ]


def _side_for(fences: int, area: float, extent: NDArray[np.float64]) -> int:
    side = _COARSEST
    while side < _FINEST and side < 32 * math.sqrt(fences):
        side *= 2
    whole = float(extent[0] * extent[1])
    while side > _COARSEST and whole > 0 and area / whole * side**2 > _MOST_ENTRIES:
        side //= 2
    return side


def _spread(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """All integers of each closed range, with the number of the range they come from."""
    count = high - low + 1
    which = np.repeat(np.arange(len(low)), count)
    return which, low[which] + np.arange(len(which)) - (np.cumsum(count) - count)[which]


def _segments(shapes: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """Both ends of every straight piece of the outlines, float64[n, 2] each, and whose it is."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    parts, part_of = shapely.get_parts(parts, return_index=True)  # a mended ring may be a collection of collections
    owner = owner[part_of]
    is_area = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    rings, ring_of = shapely.get_rings(parts[is_area], return_index=True)
    lines = np.concatenate([rings, parts[~is_area]])
    line_of = np.concatenate([owner[is_area][ring_of], owner[~is_area]])
    points, point_of = shapely.get_coordinates(lines, return_index=True)
    joined = np.flatnonzero(point_of[1:] == point_of[:-1])
    alone = np.flatnonzero(~np.isin(np.arange(len(points)), [joined, joined + 1]))
    a, b = np.concatenate([joined, alone]), np.concatenate([joined + 1, alone])
    return points[a], points[b], line_of[point_of[a]]
