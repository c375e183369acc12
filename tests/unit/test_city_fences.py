"""Points in fences by the grid are those that shapely finds one by one; districts and zones are looked up by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.city import City, District, Site, Zone
from brain.city.fences import Fences, polygon_of
from brain.city.index import CityIndex

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

CORNER = st.tuples(st.integers(0, 12), st.integers(0, 12)).map(lambda p: (120.0 + p[0] / 8, 36.0 + p[1] / 8))
RING = st.lists(CORNER, min_size=3, max_size=9)


@st.composite
def shapes(draw: st.DrawFn) -> list[BaseGeometry]:
    """Rings on a lattice, also such that cross themselves or have no area; some with holes, some of several parts."""
    out: list[BaseGeometry] = []
    for _ in range(draw(st.integers(0, 8))):
        one = polygon_of(draw(RING))
        kind = draw(st.sampled_from(["plain", "plain", "hole", "parts"]))
        if kind == "hole":
            one = shapely.difference(one, shapely.centroid(one).buffer(0.1))
        elif kind == "parts":
            one = shapely.union(one, polygon_of(draw(RING)))
        out.append(one)
    return out


def one_by_one(polygons: list[BaseGeometry], lon: np.ndarray, lat: np.ndarray) -> list[tuple[int, int]]:
    return [
        (i, k)
        for i, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True))
        for k, p in enumerate(polygons)
        if p.intersects(shapely.Point(x, y))
    ]


@settings(max_examples=150, deadline=None)
@given(shapes(), st.integers(0, 2**32 - 1))
def test_hits_are_those_of_every_pair_compared(polygons: list[BaseGeometry], seed: int) -> None:
    dice = np.random.default_rng(seed)
    # corners and outlines of the lattice, their nearest neighbours among the floats, and places anywhere
    origin = np.array((120.0, 36.0))
    lattice = origin + np.stack(np.meshgrid(np.arange(-1, 14), np.arange(-1, 14)), -1).reshape(-1, 2) / 8.0
    halves = lattice + dice.choice([0.0, 1 / 16], lattice.shape)
    near = np.nextafter(halves, dice.choice([-np.inf, np.inf], halves.shape))
    anywhere = origin + dice.uniform(-0.2, 1.7, (200, 2))
    places = np.concatenate([lattice, halves, near, anywhere, [[np.nan, 36.5]]])
    fences = Fences(polygons)
    hits = fences.inside(places[:, 0], places[:, 1])
    expected = one_by_one(polygons, places[:-1, 0], places[:-1, 1])
    assert list(zip(hits.point.tolist(), hits.fence.tolist(), strict=True)) == expected
    for i in dice.choice(len(places), 40):
        assert fences.at(*places[i].tolist()) == [k for p, k in expected if p == i]


def test_many_fences_of_a_city_are_found_as_by_a_tree() -> None:
    dice = np.random.default_rng(5)
    polygons: list[BaseGeometry] = []
    for _ in range(500):
        turn = np.sort(dice.random(12)) * 2 * np.pi
        reach = 0.01 * (0.5 + 0.5 * dice.random(12))
        middle = dice.uniform((120.2, 36.0), (120.6, 36.3))
        polygons.append(polygon_of((middle + np.column_stack([np.cos(turn), np.sin(turn)]) * reach[:, None]).tolist()))
    corners = shapely.get_coordinates(np.array(polygons, object))
    places = np.concatenate([dice.uniform((120.2, 36.0), (120.6, 36.3), (20_000, 2)), corners])
    hits = Fences(polygons).inside(places[:, 0], places[:, 1])
    tree = shapely.STRtree(polygons)
    point, fence = tree.query(shapely.points(places), predicate="intersects")
    order = np.lexsort((fence, point))
    assert np.array_equal(hits.point, point[order])
    assert np.array_equal(hits.fence, fence[order])
    assert len(hits.point) > len(corners)  # every corner lies in its own fence


def test_fences_that_all_cover_the_city_stay_small() -> None:
    square = [(120.0, 36.0), (121.0, 36.0), (121.0, 37.0), (120.0, 37.0)]
    fences = Fences([polygon_of([(x + k * 1e-4, y) for x, y in square]) for k in range(300)])
    hits = fences.inside(np.array([120.5, 120.0]), np.array([36.5, 36.0]))
    assert hits.fence.tolist() == [*range(300), 0]


def test_no_fences_and_no_places() -> None:
    nothing = np.zeros(0)
    assert len(Fences([]).inside(nothing, nothing).point) == 0
    assert Fences([]).at(120.0, 36.0) == []
    assert len(Fences([polygon_of([(0, 0), (1, 0), (1, 1)])]).inside(nothing, nothing).point) == 0


@pytest.fixture
def index() -> CityIndex:
    west = [(120.0, 36.0), (120.5, 36.0), (120.5, 36.5), (120.0, 36.5)]
    east = [(120.5, 36.0), (121.0, 36.0), (121.0, 36.5), (120.5, 36.5)]
    return CityIndex(
        City(
            districts=[District("west", polygon=west), District("nowhere"), District("east", polygon=east)],
            zones=[Zone("z1", "crowd", polygon=east), Zone("point", "crowd"), Zone("z2", "no_fly", polygon=west)],
            sites=[Site("s1", "plant", 120.1, 36.1, 100.0), Site("s2", "plant", 120.1005, 36.1, 100.0)],
        )
    )


def test_a_shared_border_belongs_to_the_first_district_and_to_both_zones(index: CityIndex) -> None:
    found = index.district_of(120.5, 36.2)
    assert found is not None
    assert found.id == "west"
    assert [z.id for z in index.zones_at(120.5, 36.2)] == ["z1", "z2"]
    assert [z.id for z in index.zones_at(120.7, 36.2)] == ["z1"]
    assert index.district_of(119.0, 36.2) is None


def test_sites_are_found_nearest_first(index: CityIndex) -> None:
    assert [s.id for s in index.sites_at(120.1001, 36.1)] == ["s1", "s2"]
    assert [s.id for s in index.sites_at(120.1004, 36.1)] == ["s2", "s1"]
    assert [s.id for s in index.sites_at(120.1013, 36.1)] == ["s2"]
    assert index.site_at(120.2, 36.1) is None
