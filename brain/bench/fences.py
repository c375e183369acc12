"""Points in fences: how many points a second each way of asking decides, all ways giving the same answer."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from brain.city import City, District
from brain.city.fences import Fences, polygon_of
from brain.city.index import CityIndex

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["make_fences", "make_points", "measure"]


def make_fences(count: int, vertices: int) -> list[list[tuple[float, float]]]:
    """Rings on a lattice that do not touch, each a wobbly circle, 120..121 east, 36..37 north."""
    side = math.ceil(math.sqrt(count))
    step = 1 / side
    rings = []
    for k in range(count):
        x, y = 120 + (k % side + 0.5) * step, 36 + (k // side + 0.5) * step
        ring = []
        for v in range(vertices):
            angle, far = 2 * math.pi * v / vertices, step * (0.32 + 0.12 * ((k + v * 5) % 4) / 3)
            ring.append((x + far * math.cos(angle), y + far * math.sin(angle)))
        rings.append(ring)
    return rings


def make_points(count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitudes and latitudes over the same square degree; always the same."""
    chance = np.random.default_rng(5)
    return chance.uniform(120, 121, count), chance.uniform(36, 37, count)


def _rate(points: int, work: Callable[[], Any]) -> tuple[int, Any]:
    best = math.inf
    for _ in range(3):
        began = time.process_time()
        out = work()
        best = min(best, time.process_time() - began)
    return round(points / max(best, 1e-9)), out


def measure(points: int, fences: int, vertices: int) -> dict[str, Any]:
    """Points a second (best of three): STRtree and our grid asked for all at once, the city's index for one at a time.

    Raises:
        AssertionError: Two ways disagree.
    """
    rings = make_fences(fences, vertices)
    lon, lat = make_points(points)
    tree = shapely.STRtree([shapely.Polygon(r) for r in rings])
    rate, (at, which) = _rate(points, lambda: tree.query(shapely.points(lon, lat), predicate="within"))
    truth = np.full(points, -1)
    truth[at] = which
    out = {"strtree": rate}
    began = time.process_time()
    grid = Fences([polygon_of(r) for r in rings])
    built = time.process_time() - began
    out["grid"], hits = _rate(points, lambda: grid.inside(lon, lat))
    found = np.full(points, -1)
    found[hits.point] = hits.fence
    assert (found == truth).all()
    city = City(districts=[District(str(k), polygon=r) for k, r in enumerate(rings)])
    index = CityIndex(city)
    few = min(points, 5000)

    def one_by_one() -> list[int]:
        found = (index.district_of(x, y) for x, y in zip(lon[:few].tolist(), lat[:few].tolist(), strict=True))
        return [-1 if f is None else int(f.id) for f in found]

    out["city_index"], singly = _rate(few, one_by_one)
    assert singly == truth[:few].tolist()
    return {
        "points": points,
        "fences": fences,
        "vertices": vertices,
        "points_per_s": out,
        "inside": int((truth >= 0).sum()),
        "build_ms": round(built * 1000, 1),
    }
