"""The road graph: times, ways, signals and snapping, against figures worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.city import City, Link, Node, Roads, Signal
from scenes.toolkit.roads import RoadGraph, Spot, graph_of, metres
from scenes.toolkit.speeds import LiveSpeeds

# A---B---C with a long way round A---D---C; 0.01 degree of latitude is 1112 m on the ground, the model says 1000 m.
ROADS = Roads(
    nodes=[
        Node("A", 120.0, 36.00),
        Node("B", 120.0, 36.01, signal=True),
        Node("C", 120.0, 36.02),
        Node("D", 120.02, 36.01),
        Node("E", 120.1, 36.1),
    ],
    links=[
        Link("A", "B", 1000, 36.0),  # 100 s
        Link("B", "C", 1000, 36.0),  # 100 s
        Link("A", "D", 2000, 60.0),  # 120 s
        Link("D", "C", 2000, 60.0),  # 120 s
        Link("C", "E", 5000, 36.0, one_way=True),
    ],
    signals=[Signal("X1", "A", "B", 500), Signal("X2", "C", "B", 250)],
)


def graph() -> RoadGraph:
    return RoadGraph(ROADS)


def node(g: RoadGraph, name: str) -> Spot:
    spot = g.at(name)
    assert spot is not None
    return spot


def test_the_quickest_way_names_its_nodes_times_and_signals() -> None:
    g = graph()
    path = g.tree(node(g, "C")).path(node(g, "A"))
    assert path is not None
    assert path.nodes == ("A", "B", "C")
    assert path.at_s == (0.0, 100.0, 200.0)
    assert path.signals == {"X1": 50.0, "B": 100.0}  # X2 stands on the other direction


def test_signals_count_only_in_the_direction_they_stand() -> None:
    g = graph()
    path = g.tree(node(g, "C"), inward=False).path(node(g, "A"))
    assert path is not None
    assert path.nodes == ("C", "B", "A")
    assert path.signals == {"X2": 25.0, "B": 100.0}


def test_a_signal_at_the_stop_line_and_at_the_node_are_one() -> None:
    g = RoadGraph(Roads(nodes=ROADS.nodes, links=ROADS.links, signals=[Signal("X3", "A", "B", 960)]))
    path = g.tree(node(g, "C")).path(node(g, "A"))
    assert path is not None
    assert path.signals == {"X3": 96.0}
    spot = g.snap(120.0, 36.008)  # on A-B, before the stop line
    assert spot is not None
    path = g.tree(node(g, "C")).path(spot)
    assert path is not None
    assert list(path.signals) == ["X3"]


def test_a_live_speed_holds_for_one_direction_only() -> None:
    g, live = graph(), LiveSpeeds()
    live.put("A", "B", 9.0)  # 400 s
    there = g.tree(node(g, "C"), live).path(node(g, "A"))
    back = g.tree(node(g, "A"), live).path(node(g, "C"))
    assert there is not None
    assert back is not None
    assert (there.nodes, there.seconds) == (("A", "D", "C"), 240.0)
    assert (back.nodes, back.seconds) == (("C", "B", "A"), 200.0)


def test_speed_zero_closes_a_direction_and_none_opens_it_again() -> None:
    g, live = graph(), LiveSpeeds()
    live.put("A", "B", 0.0)
    live.put("A", "D", 0.0)
    assert math.isinf(g.tree(node(g, "C"), live).reach(node(g, "A")))
    assert g.tree(node(g, "C"), live).path(node(g, "A")) is None
    live.put("A", "B", None)
    assert g.tree(node(g, "C"), live).reach(node(g, "A")) == 200.0


def test_one_way_links_are_not_driven_backwards() -> None:
    g = graph()
    assert g.tree(node(g, "E")).reach(node(g, "A")) == 700.0
    assert math.isinf(g.tree(node(g, "A")).reach(node(g, "E")))


def test_a_vehicle_in_the_middle_of_a_link_may_turn_to_either_end() -> None:
    g = graph()
    spot = g.snap(120.0, 36.0025)  # a quarter of A-B
    assert spot is not None
    assert spot.along_m == pytest.approx(250.0, abs=0.5)
    assert g.tree(node(g, "C")).reach(spot) == pytest.approx(175.0, abs=0.1)
    assert g.tree(node(g, "D")).reach(spot) == pytest.approx(25.0 + 120.0, abs=0.1)
    path = g.tree(node(g, "C")).path(spot)
    assert path is not None
    assert path.nodes == ("B", "C")
    assert path.signals["X1"] == pytest.approx(25.0, abs=0.1)


def test_two_places_on_one_link_are_joined_along_it() -> None:
    g = graph()
    a, b = g.snap(120.0, 36.0025), g.snap(120.0, 36.0075)
    assert a is not None
    assert b is not None
    forth, back = g.tree(b).path(a), g.tree(a).path(b)
    assert forth is not None
    assert back is not None
    assert forth.nodes == ()
    assert forth.seconds == pytest.approx(50.0, abs=0.1)
    assert forth.signals["X1"] == pytest.approx(25.0, abs=0.1)
    assert back.seconds == pytest.approx(50.0, abs=0.1)
    assert back.signals == {}


def test_the_way_between_two_places_at_one_node_is_that_node() -> None:
    g = graph()
    path = g.tree(node(g, "B")).path(node(g, "B"))
    assert path is not None
    assert (path.nodes, path.at_s, path.seconds, path.signals) == (("B",), (0.0,), 0.0, {})


def test_a_patient_in_the_middle_of_a_link_is_reached_from_both_ends() -> None:
    g = graph()
    spot = g.snap(120.0, 36.0175)  # three quarters of B-C
    assert spot is not None
    assert g.tree(spot).reach(node(g, "A")) == pytest.approx(175.0, abs=0.1)
    path = g.tree(spot).path(node(g, "D"))
    assert path is not None
    assert path.nodes == ("D", "C")
    assert path.seconds == pytest.approx(145.0, abs=0.1)


def test_the_metres_beside_the_road_go_at_the_speed_of_the_link() -> None:
    g = graph()
    beside = 100 / metres(120.0, 36.0, 120.001, 36.0) * 0.001
    spot = g.snap(120.0 - beside, 36.005)
    assert spot is not None
    assert spot.off_m == pytest.approx(100.0, abs=1.0)
    assert g.tree(node(g, "B")).reach(spot) == pytest.approx(60.0, abs=0.2)  # (500 + 100) m at 10 m/s


def test_a_place_near_a_node_is_at_the_node() -> None:
    g = graph()
    assert g.snap(120.0, 36.0101) == Spot(1, -1, 0.0, pytest.approx(11.1, abs=0.1))
    assert g.nearest_node(120.0, 36.0101) == "B"


def test_a_unit_on_a_closed_link_drives_off_at_the_usual_speed() -> None:
    g, live = graph(), LiveSpeeds()
    live.put("A", "B", 0.0)
    live.put("B", "A", 0.0)
    spot = g.snap(120.0, 36.005)
    assert spot is not None
    assert g.tree(node(g, "C"), live).reach(spot) == pytest.approx(150.0, abs=0.1)


def test_distances_follow_the_road() -> None:
    g = graph()
    assert g.tree(node(g, "C"), measure="metres").reach(node(g, "A")) == 2000.0
    assert g.tree(node(g, "C"), measure="metres").reach(node(g, "D")) == 2000.0


def test_a_limit_leaves_out_what_is_farther() -> None:
    g = graph()
    tree = g.tree(node(g, "C"), limit_s=150.0)
    assert tree.reach(node(g, "B")) == 100.0
    assert math.isinf(tree.reach(node(g, "A")))


def test_a_city_without_roads_has_no_places() -> None:
    g = RoadGraph(Roads())
    assert g.snap(120.0, 36.0) is None
    assert g.nearest_node(120.0, 36.0) is None
    assert g.at("A") is None
    lonely = RoadGraph(Roads(nodes=[Node("A", 120.0, 36.0)]))
    spot = lonely.snap(120.0, 36.001)
    assert spot is not None
    assert lonely.tree(spot).reach(node(lonely, "A")) == pytest.approx(111.2 / (30 / 3.6), abs=0.1)


def test_no_place_for_an_unknown_position() -> None:
    assert graph().snap(math.nan, 36.0) is None


def test_live_speeds_have_the_same_fingerprint_in_any_order() -> None:
    one, two = LiveSpeeds(), LiveSpeeds()
    one.put("A", "B", 5.0)
    one.put("B", "C", 7.0)
    two.put("B", "C", 9.0)
    two.put("B", "C", 7.0)
    two.put("A", "B", 5.0)
    assert one == two
    one.put("A", "B", None)
    one.put("B", "C", None)
    assert one.digest == 0


def test_a_graph_is_built_once_for_a_city() -> None:
    city = City(roads=ROADS)
    assert graph_of(city) is graph_of(city)
    assert graph_of(city) is not graph_of(City(roads=ROADS))


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    pairs=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24), st.integers(0, 60)), max_size=12),
)
def test_times_agree_with_a_plain_relaxation(seed: int, pairs: list[tuple[int, int, int]]) -> None:
    rng = np.random.default_rng(seed)
    n = 5
    nodes = [Node(f"{i}", 120 + 0.01 * (i % n), 36 + 0.01 * (i // n)) for i in range(n * n)]
    links = [
        Link(f"{i}", f"{j}", float(rng.integers(100, 900)), float(rng.integers(10, 60)), one_way=bool(rng.integers(2)))
        for i in range(n * n)
        for j in (i + 1, i + n)
        if j < n * n and (j % n or j == i + n)
    ]
    g, live = RoadGraph(Roads(nodes=nodes, links=links)), LiveSpeeds()
    for a, b, kmh in pairs:
        live.put(f"{a}", f"{b}", float(kmh))
    cost = {
        (a, b): m * 3.6 / v if v else math.inf
        for k in links
        for a, b in (((k.from_, k.to),) if k.one_way else ((k.from_, k.to), (k.to, k.from_)))
        for m, v in [(k.length_m, live.kmh.get(f"{a}>{b}", k.speed_kmh))]
    }
    best = dict.fromkeys(map(str, range(n * n)), math.inf) | {"12": 0.0}
    for _ in range(n * n):
        for (tail, head), c in cost.items():
            best[tail] = min(best[tail], c + best[head])
    tree = g.tree(node(g, "12"), live)
    for name, seconds in best.items():
        assert tree.reach(node(g, name)) == pytest.approx(seconds)
        path = tree.path(node(g, name))
        if path is not None:
            assert sum(cost[ab] for ab in zip(path.nodes, path.nodes[1:], strict=False)) == pytest.approx(seconds)


def test_ways_are_found_at_city_size() -> None:
    n = 224
    nodes = [Node(f"{i},{j}", 120 + 0.002 * i, 36 + 0.002 * j) for i in range(n) for j in range(n)]
    links = [
        Link(f"{i},{j}", f"{a},{b}", 200.0, 40.0 + (i * j) % 20)
        for i in range(n)
        for j in range(n)
        for a, b in ((i + 1, j), (i, j + 1))
        if a < n and b < n
    ]
    g, live = RoadGraph(Roads(nodes=nodes, links=links)), LiveSpeeds()
    for k in range(2):
        live.put("3,3", "3,4", 20.0 + k)
        spot = g.snap(120.2 + 0.001 * k, 36.2)
        assert spot is not None
        inward, outward = g.tree(spot, live, limit_s=600.0), g.tree(spot, live, inward=False, limit_s=600.0)
        assert 100 < np.isfinite(inward.seconds).sum() < n * n  # 50,176 nodes, 199,808 arcs; the limit holds
        assert 100 < np.isfinite(outward.seconds).sum() < n * n
