"""When the messages of each story cross the platform's default thresholds, told from the traffic alone."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from brain.city.check import EVENTS
from brain.city.index import distance_m
from brain.errors import ConfigurationError
from brain.model import LEVELS
from simulators import demo_city, traffic
from simulators.roads import RoadGraph
from simulators.run import story_names
from simulators.stage import number_of, stages
from simulators.story import STORIES, load_story

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

START = 1_790_000_000_000_000
CITY = demo_city()
DEVICES = {(d.sensor_type, d.id): d for d in CITY.devices}


class Said(NamedTuple):
    second: float
    kind: str
    device: str
    body: dict[str, Any]


def play(story: str, seconds: float, start_us: int = START, seed: int | None = None) -> list[Said]:
    out = []
    for message in traffic(story, seed, start_us, duration_s=seconds):
        _, kind, device = message.topic.split("/")
        out.append(Said((message.at_us - start_us) / 1e6, kind, device, json.loads(message.payload)))
    return out


def held(samples: Iterable[Said], field: str, limit: float, count: int = 3, seconds: float = 20.0) -> float | None:
    """When a field has been at or above a limit for so many samples in a row and so long."""
    since: list[float] = []
    for sample in samples:
        since = [*since, sample.second] if sample.body[field] >= limit else []
        if len(since) >= count and since[-1] - since[0] >= seconds:
            return sample.second
    return None


def of(said: list[Said], kind: str, test: Callable[[Said], bool] = lambda _: True) -> list[Said]:
    return [s for s in said if s.kind == kind and test(s)]


def leaking(said: list[Said]) -> list[str]:
    return sorted({s.device for s in of(said, "gas-detector", lambda s: s.body["lel_pct"] >= 25)})


@pytest.fixture(scope="module")
def first_minute() -> list[Said]:
    return play("first-minute", 600)


def run_of(said: list[Said], device: str) -> list[Said]:
    return [s for s in said if s.device == device and s.second < 300]


def test_first_minute_calls_120_at_five_seconds(first_minute: list[Said]) -> None:
    call = of(first_minute, "emergency-call")[0]
    assert call.second == 5.0
    assert (call.body["complaint"], call.body["priority"]) == ("cardiac_arrest", 1)
    graph = RoadGraph(CITY)
    assert distance_m(*graph.places[call.body["node"]], call.body["lon"], call.body["lat"]) < 30
    back, before = graph.reach(call.body["node"])
    ranked = sorted((back[u.node or ""], u.id) for u in CITY.ems.units if u.capability == "ALS")
    assert ranked[1][0] - ranked[0][0] >= 25, "one unit is clearly the fastest"
    home = next(u.node or "" for u in CITY.ems.units if u.id == ranked[0][1])
    way = [home]
    while way[-1] in before:
        way.append(before[way[-1]])
    assert len(graph.signalled & set(way[1:])) >= 1, "there is a signal to turn green"


def test_first_minute_has_a_vehicle_stand_for_ten_seconds_at_fifteen(first_minute: list[Said]) -> None:
    events = of(first_minute, "video-event", lambda s: s.body["event"] == "stopped_vehicle" and s.second < 300)
    assert len({(s.device, s.body["track"]) for s in events}) == 1
    assert min(s.body["confidence"] for s in events) > 0.7
    due = next(s.second for s in events if s.second - events[0].second >= 10)
    assert 14 < due <= 15
    camera = DEVICES["video-event", events[0].device]
    assert camera.lon is not None
    near = min(distance_m(camera.lon, camera.lat or 0, n.lon, n.lat) for n in CITY.roads.nodes if n.signal)
    assert near > 250, "no queue of a red light reaches it"


def test_first_minute_leak_is_yellow_at_22_orange_at_37_and_seen_by_a_drone_at_45(first_minute: list[Said]) -> None:
    device = leaking([s for s in first_minute if s.second < 300])
    assert len(device) == 1, "one detector only: the second witness is the drone"
    samples = run_of(first_minute, device[0])
    assert held(samples, "lel_pct", 25) == 22
    assert held(samples, "lel_pct", 50) == 37
    values = [s.body["lel_pct"] for s in samples if 2 <= s.second <= 47]
    assert len(set(values)) > 5, "the values vary, so it is no stuck sensor"
    over = of(
        first_minute,
        "drone",
        lambda s: s.body.get("methane_ppm_m", 0) - s.body.get("methane_background_ppm_m", 0) >= 200 and s.second < 300,
    )
    assert over[0].second == 45
    site = DEVICES["gas-detector", device[0]]
    assert site.lon is not None
    for sample in over:
        assert distance_m(site.lon, site.lat or 0, sample.body["lon"], sample.body["lat"]) < 100
        assert sample.body["height_m"] <= 60
    calm = next(s.second for s in samples if s.second > 45 and s.body["lel_pct"] < 20)
    assert calm < 70
    assert all(s.body["lel_pct"] < 10 for s in samples if s.second > calm + 5), "so that it clears"


def test_the_drone_of_the_first_minute_flies_like_one(first_minute: list[Said]) -> None:
    device = next(s.device for s in of(first_minute, "drone", lambda s: s.body["mission"] == "gas_check"))
    track = [s for s in first_minute if s.kind == "drone" and s.device == device]
    for a, b in itertools.pairwise(track):
        metres = distance_m(a.body["lon"], a.body["lat"], b.body["lon"], b.body["lat"])
        assert metres <= 16 * (b.second - a.second), (a, b)
        assert b.body["height_m"] <= 120


def test_the_ambulance_of_the_first_minute_drives_to_the_patient_and_home() -> None:
    said = play("first-minute", 299)
    call = of(said, "emergency-call")[0]
    said += [s for s in play("first-minute", 1500) if s.second >= 299]
    moved = of(said, "ambulance", lambda s: s.body["duty"] != "available")
    unit = moved[0].device
    track = [s for s in said if s.kind == "ambulance" and s.device == unit]
    duties = [k for k, _ in itertools.groupby(s.body["duty"] for s in track)]
    assert duties == ["available", "dispatched", "on_scene", "transporting", "available"]
    for a, b in itertools.pairwise(track):
        metres = distance_m(a.body["lon"], a.body["lat"], b.body["lon"], b.body["lat"])
        assert metres <= 60 / 3.6 * (b.second - a.second) + 25, (a, b)
    there = next(s for s in track if s.body["duty"] == "on_scene")
    assert distance_m(there.body["lon"], there.body["lat"], call.body["lon"], call.body["lat"]) < 60
    # It never stands 60 s on the way: it leaves on time and drives.
    driving = [s for s in track if s.body["duty"] == "dispatched" and s.second > 66]
    assert all(s.body["speed_kmh"] > 2 for s in driving)


def test_it_plays_again_elsewhere_every_five_minutes_under_other_names(first_minute: list[Said]) -> None:
    calls = of(first_minute, "emergency-call")
    assert [c.second for c in calls] == [5, 305]
    assert calls[0].body["call_id"] != calls[1].body["call_id"]
    assert len(leaking(first_minute)) == 2


@pytest.mark.parametrize("later_s", [21, 60, 140, 300, 599])
def test_a_second_start_minutes_later_is_out_of_reach_of_the_first(later_s: int) -> None:
    sets = stages(CITY)
    places = RoadGraph(CITY).places
    for start_us in range(START, START + 620_000_000, 7_000_000):
        a, b = (sets[number_of(t, len(sets))] for t in (start_us, start_us + later_s * 1_000_000))
        assert distance_m(a.site.lon, a.site.lat, b.site.lon, b.site.lat) > 600
        assert distance_m(a.camera.lon or 0, a.camera.lat or 0, b.camera.lon or 0, b.camera.lat or 0) > 600
        assert distance_m(*places[a.patient], *places[b.patient]) > 600


def test_a_seed_chooses_the_stage_and_the_names_whatever_the_time() -> None:
    now, later = (
        [s for s in play("first-minute", 10, start, seed=9) if s.kind == "emergency-call"]
        for start in (START, START + 777_000_000)
    )
    for a, b in zip(now, later, strict=True):
        assert {**a.body, "time": 0} == {**b.body, "time": 0}


def test_gas_leak_passes_both_levels_slowly_and_is_seen_twice() -> None:
    said = play("gas-leak", 900)
    site = DEVICES["gas-detector", leaking(said)[0]].site
    assert len(leaking(said)) == 2
    assert {DEVICES["gas-detector", d].site for d in leaking(said)} == {site}
    first = next(d for d in leaking(said) if d.endswith("-A"))
    samples = [s for s in said if s.device == first]
    assert held(samples, "lel_pct", 25) == 181
    assert held(samples, "lel_pct", 50) == 261
    assert held([s for s in said if s.device == first[:-1] + "B"], "lel_pct", 25) == pytest.approx(323, abs=10)
    jumps = [b.body["lel_pct"] - a.body["lel_pct"] for a, b in itertools.pairwise(samples)]
    assert max(jumps) < 15
    assert max(s.body["lel_pct"] for s in samples if s.second > 480) < 20


def test_crash_makes_one_side_of_it_full_and_the_other_empty() -> None:
    said = play("crash", 600)
    crash = of(said, "video-event", lambda s: s.body["event"] == "crash")
    assert crash[0].second == 20
    full = sorted({s.device for s in of(said, "traffic-detector", lambda s: s.body["occupancy_pct"] > 30)})
    corridor = next(c for c in CITY.roads.corridors if any(x.device == full[0] for x in c.stations))
    names = [s.device for s in corridor.stations]
    assert full == [names[1], names[2]]
    pairs = {}
    for name in (names[2], names[3]):
        pairs[name] = {s.second: s.body["occupancy_pct"] for s in said if s.device == name}
    periods = [
        second
        for second, up in pairs[names[2]].items()
        if second in pairs[names[3]] and up - (down := pairs[names[3]][second]) >= 8 and down <= 20 < up
    ]
    assert [p for p in periods if p < 100] == [60, 90], "the pair test holds for its second period at 90 s"
    here = (crash[0].body["lon"], crash[0].body["lat"])
    for name in (names[2], names[3]):
        station = DEVICES["traffic-detector", name]
        assert distance_m(*here, station.lon or 0, station.lat or 0) < 900


def test_cardiac_arrest_is_called_twice_and_the_hospital_closes_on_the_way() -> None:
    said = play("cardiac-arrest", 400)
    one, two = of(said, "emergency-call")
    assert (one.second, two.second) == (5, 40)
    assert one.body["call_id"] != two.body["call_id"]
    assert distance_m(one.body["lon"], one.body["lat"], two.body["lon"], two.body["lat"]) < 150
    closed = of(said, "hospital-status", lambda s: s.body["state"] == "divert")
    assert closed[0].second == 150
    hospital = next(h for h in CITY.ems.hospitals if h.id == closed[0].device)
    assert "pci" in hospital.capabilities


@pytest.mark.parametrize("name", story_names())
def test_every_story_says_what_it_is_in_both_languages_and_what_to_expect(name: str) -> None:
    story = load_story(name)
    assert story.title.zh
    assert story.title.en
    assert story.about.zh
    assert story.about.en
    assert bool(story.expect) == bool(story.tracks)
    for step in story.expect:
        assert step["event"] in EVENTS
        assert step.get("op") == "clear" or step["level"] in LEVELS
        assert 0 <= step["at_s"] <= story.length_s
    page = (STORIES / "README.md").read_text(encoding="utf-8")
    assert f"## {name}\n" in page


def test_a_story_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(ConfigurationError, match='no story "x"; the stories are cardiac-arrest'):
        load_story("x")
