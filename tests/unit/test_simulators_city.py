"""The demo city stands on land, is made anew byte for byte, and marks everything in it as simulated."""

from __future__ import annotations

import json
import re

import pytest
import shapely
from shapely.geometry import shape

from brain.city.index import CityIndex, distance_m
from simulators import demo_bytes, demo_city
from simulators.city import DEMO, build
from simulators.layout.ground import GEO
from simulators.roads import RoadGraph
from simulators.stage import stages

CITY = demo_city()


def features(name: str) -> list[shapely.Geometry]:
    return [shape(f["geometry"]) for f in json.loads((GEO / name).read_text(encoding="utf-8"))["features"]]


@pytest.fixture(scope="module")
def ground() -> shapely.Geometry:
    """Land that is also inside a district: what both maps of the console draw as ground."""
    ground = shapely.union_all(features("land.geojson")).intersection(
        shapely.union_all([f.buffer(1e-4) for f in features("districts.geojson")])
    )
    shapely.prepare(ground)
    return ground


def test_the_committed_file_is_what_the_generator_makes() -> None:
    assert build() == demo_bytes()
    assert DEMO.stat().st_size < 400_000


def test_nothing_on_the_ground_stands_in_the_sea(ground: shapely.Geometry) -> None:
    things = [
        *CITY.devices,
        *CITY.sites,
        *CITY.roads.nodes,
        *CITY.ems.units,
        *CITY.ems.drones,
        *CITY.ems.volunteers,
        *CITY.ems.hospitals,
    ]
    placed = [t for t in things if t.lon is not None]
    assert len(placed) > 1000
    wet = [t.id for t in placed if not ground.covers(shapely.Point(t.lon, t.lat))]
    assert wet == []


def test_no_road_leads_through_the_sea(ground: shapely.Geometry) -> None:
    places = {n.id: (n.lon, n.lat) for n in CITY.roads.nodes}
    links = CITY.roads.links
    wet = [li for li in links if not ground.covers(shapely.LineString([places[li.from_], places[li.to]]))]
    assert wet == []
    assert len(links) > 500


def test_links_are_as_long_as_the_way_between_their_nodes_and_hang_together() -> None:
    places = {n.id: (n.lon, n.lat) for n in CITY.roads.nodes}
    for link in CITY.roads.links:
        assert link.length_m == pytest.approx(distance_m(*places[link.from_], *places[link.to]), rel=0.005)
    graph = RoadGraph(CITY)
    assert len(graph.reach(CITY.roads.nodes[0].id)[0]) == len(CITY.roads.nodes)


def test_everything_is_simulated_and_nothing_is_a_real_firm_or_person() -> None:
    assert 300 <= len(CITY.devices) <= 650
    assert all(d.simulated for d in CITY.devices)
    for thing in [*CITY.sites, *CITY.ems.hospitals, *(z for z in CITY.zones if z.kind != "coverage")]:
        assert thing.name is not None
        assert re.search("示例|示意", thing.name.zh), thing.name
        assert re.search("Example|Schematic", thing.name.en), thing.name


def test_every_text_for_people_has_both_languages() -> None:
    named = [*CITY.districts, *CITY.sites, *CITY.zones, *CITY.ems.hospitals, *CITY.roads.corridors]
    named += [x for x in (*CITY.devices, *CITY.roads.links) if x.name is not None]
    assert all(x.name.zh and x.name.en for x in named)
    assert len(CITY.districts) == 10


def test_devices_lie_in_the_district_the_index_says_and_outer_districts_have_some() -> None:
    index = CityIndex(CITY)
    found = {index.district_of(d.lon, d.lat).id for d in CITY.devices if d.lon is not None}  # type: ignore[union-attr]
    assert found == {d.id for d in CITY.districts}


def test_stages_share_nothing_and_lie_outside_each_others_gates() -> None:
    sets = stages(CITY)
    assert len(sets) == 31
    places = {n.id: (n.lon, n.lat) for n in CITY.roads.nodes}
    for part in (
        [(s.site.lon, s.site.lat) for s in sets],
        [(s.camera.lon, s.camera.lat) for s in sets],
        [places[s.patient] for s in sets],
    ):
        for i, a in enumerate(part):
            assert all(distance_m(*a, *b) >= 690 for b in part[:i])  # type: ignore[arg-type]
    assert len({s.drone.id for s in sets}) == len({s.detector.id for s in sets}) == 31


def test_each_zone_that_needs_cover_has_three_units_well_within_the_target() -> None:
    graph = RoadGraph(CITY)
    for zone in (z for z in CITY.zones if z.kind == "coverage"):
        middle = shapely.Polygon(zone.polygon).centroid
        back, _ = graph.reach(graph.nearest(middle.x, middle.y))
        assert sum(back[u.node] < 0.85 * CITY.ems.target_s for u in CITY.ems.units if u.node is not None) >= 3, zone.id
