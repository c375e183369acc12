"""Simulated traffic: the same bytes again, in order of time, calm in the background, whole under a story."""

from __future__ import annotations

import gzip
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from brain.city.index import distance_m
from brain.errors import ConfigurationError
from simulators import demo_city, history, traffic
from simulators.company import Company
from simulators.file import line, read_traffic, write_traffic
from simulators.fleet import muster
from simulators.message import Draft
from simulators.plan import Traffic
from simulators.replay import shifted
from simulators.story import story_names

START = 1_790_000_000_000_000
DIGEST = """
import hashlib, sys
from simulators import traffic
digest = hashlib.sha256()
plans = [traffic(s, int(sys.argv[1]), int(sys.argv[2]), duration_s=40) for s in ("first-minute", "crash")]
for plan in plans:
    for message in plan:
        digest.update(repr(message).encode())
print(digest.hexdigest())
"""


def digest(hash_seed: str, seed: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, str(seed), str(START)],
        env={"PYTHONHASHSEED": hash_seed, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


def bodies(plan: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(m.topic, json.loads(m.payload)) for m in plan]


def test_two_processes_with_other_hash_seeds_make_the_same_bytes_and_another_seed_other_ones() -> None:
    first = digest("0", 3)
    assert digest("12345", 3) == first
    assert digest("0", 4) != first


@pytest.mark.parametrize("story", [*story_names()])
def test_messages_come_in_order_of_time_under_their_own_topics(story: str) -> None:
    last = START
    seen: set[tuple[str, int, str]] = set()
    for message in traffic(story, None, START, duration_s=180):
        assert message.at_us >= last
        last = message.at_us
        assert message.at_us % 1000 == 0
        body = json.loads(message.payload)
        # Unique by device and time, as a data base would want it (a camera may say two things at once).
        key = (message.topic, message.at_us, str(body.get("event")))
        assert key not in seen
        seen.add(key)
    assert last > START + 179_000_000


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    long = list(traffic("first-minute", 5, START, duration_s=60))
    assert list(traffic("first-minute", 5, START, duration_s=30)) == [m for m in long if m.at_us < START + 30_000_000]


def test_background_runs_for_ever_and_is_a_few_tens_of_messages_a_second() -> None:
    plan = traffic("quiet", None, START)
    assert 20 * 60 < len(list(itertools.takewhile(lambda m: m.at_us < START + 60_000_000, plan))) < 60 * 60


def test_no_story_of_that_name_is_a_sentence() -> None:
    with pytest.raises(
        ConfigurationError, match='no story "nothing"; the stories are cardiac-arrest, crash, first-minute'
    ):
        traffic("nothing", None, START)


@pytest.mark.parametrize("count", [40, 2000])
def test_the_number_of_devices_can_be_chosen(count: int) -> None:
    names = {(d.sensor_type, d.device) for d in Traffic("quiet", 1, START, count, 310)}
    assert len(names) == count
    if count > 600:
        body = next(
            b for t, b in bodies(traffic("quiet", 1, START, count, 60)) if t.startswith("city/water-meter/SIM-")
        )
        assert {"lon", "lat"} < set(body)


def test_calm_values_stay_below_every_first_threshold() -> None:
    calm = {
        "gas-detector": lambda b: b["lel_pct"] < 10,
        "smoke-detector": lambda b: b["smoke_pct"] < 5 and not b["alarm"],
        "water-level": lambda b: b["depth_cm"] < 3,
        "hydrant": lambda b: b["pressure_mpa"] > 0.14,
        "weather": lambda b: b["wind_ms"] < 8 and b["visibility_m"] > 500 and b["rain_mm_h"] == 0,
        "hospital-status": lambda b: b["state"] == "open" and b["load"] <= 0.85,
        "drone": lambda b: b["height_m"] <= 120 and b.get("methane_ppm_m", 0) < 50,
        "elevator": lambda b: b["state"] in {"idle", "moving"},
        "ambulance": lambda b: b["duty"] == "available",
        "video-event": lambda b: b["event"] == "crowd_count" and b["count"] / 4900 < 2,
        "emergency-call": lambda _: False,
    }
    capacity = {d.id: d.capacity for d in demo_city().devices}
    for message in traffic("quiet", None, START, duration_s=400):
        _, kind, device = message.topic.split("/")
        body = json.loads(message.payload)
        assert kind not in calm or calm[kind](body), message
        if kind == "parking-lot":
            assert body["occupied"] < 0.9 * (capacity[device] or 0)


def test_calm_stations_stay_within_two_deviations_of_their_baselines() -> None:
    usual = {(b.device, b.field): (b.median, b.mad) for b in demo_city().baselines}
    assert usual
    looked = 0
    for topic, body in bodies(traffic("quiet", 2, START, duration_s=600)):
        device = topic.rpartition("/")[2]
        for field, value in body.items():
            if (device, field) in usual:
                median, mad = usual[device, field]
                assert abs(value - median) <= 2 * mad
                looked += 1
    assert looked > 1000


def test_vehicles_drive_and_never_jump_or_stand_for_a_minute() -> None:
    last: dict[str, tuple[int, float, float]] = {}
    standing: dict[str, int] = {}
    for message in traffic("quiet", 7, START, duration_s=500):
        kind, device = message.topic.split("/")[1:]
        if kind != "vehicle":
            continue
        body = json.loads(message.payload)
        if device in last:
            at_us, lon, lat = last[device]
            assert distance_m(lon, lat, body["lon"], body["lat"]) < 55 * (message.at_us - at_us) / 1e6
        last[device] = (message.at_us, body["lon"], body["lat"])
        since = standing.setdefault(device, message.at_us)
        if body["speed_kmh"] >= 10:
            standing[device] = message.at_us
        assert message.at_us - since < 45_000_000
    assert len(last) == 76


def test_buses_of_a_route_keep_their_distance() -> None:
    buses: dict[tuple[str, str], tuple[float, float]] = {}
    for message in traffic("quiet", 7, START, duration_s=600):
        device = message.topic.rpartition("/")[2]
        if device.startswith("GJ-"):
            body = json.loads(message.payload)
            buses[body["route"], device] = (body["lon"], body["lat"])
    for route in {r for r, _ in buses}:
        places = [p for (r, _), p in buses.items() if r == route]
        assert len(places) == 5
        # Two may meet on opposite sides of the road; three of five never stand together.
        assert max(sum(distance_m(*a, *b) < 200 for b in places) for a in places) <= 2


def test_history_ends_at_its_end_and_is_thinner_than_life() -> None:
    hour = list(history(1, START))
    assert START - 3_600_000_000 <= hour[0].at_us <= hour[-1].at_us < START
    assert 20_000 < len(hour) < 100_000
    part = list(history(1, START, 600))
    assert part == [m for m in hour if m.at_us >= START - 600_000_000]


def test_actors_speak_for_every_device_that_speaks_by_itself() -> None:
    spoken = {(a.sensor_type, a.device) for a in muster(demo_city(), 1)}
    silent = {(d.sensor_type, d.id) for d in demo_city().devices} - spoken
    assert {kind for kind, _ in silent} == {"video-event", "emergency-call", "road-status"}


# -- traffic files --------------------------------------------------------------------------------------------------


def test_a_traffic_file_is_in_order_of_receipt_and_the_same_again(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz", "c.jsonl"):
        write_traffic(tmp_path / name, Traffic("first-minute", 1, START, duration_s=40), 1)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == (tmp_path / "c.jsonl").read_bytes()
    read = list(read_traffic(tmp_path / "a.jsonl.gz"))
    assert read == list(read_traffic(tmp_path / "c.jsonl"))
    planned = list(traffic("first-minute", 1, START, duration_s=40))
    assert [r[0] for r in read] == sorted(r[0] for r in read)
    assert sorted(r[1:] for r in read) == sorted((p.topic, p.payload) for p in planned)
    due = {(p.topic, p.payload): p.at_us for p in planned}
    assert all(50_000 <= at - due[topic, payload] < 200_000 for at, topic, payload in read)


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{}", b'{"x": 1}', b'{"x":1.0}', b'{"x":1e5}', b"\xff\x00", b"[1,2", b"NaN", b'{"a":1,"a":1}'),
        *(b"[" * 5000 + b"]" * 5000, '{"地":"青岛"}'.encode(), b'{"x":"\\u9752"}'),
        b'{"big":123456789012345678901234567890}',
    ],
)  # fmt: skip
def test_every_payload_survives_a_file(tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "one.jsonl"
    path.write_bytes(line(START + 1, "city/a/b", payload))
    assert list(read_traffic(path)) == [(START + 1, "city/a/b", payload)]
    assert json.loads(path.read_bytes())["received_at"].endswith("001Z")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'{"received_at": "2026-07-01T14:00:00Z", "topic": "a", "payload": 1}\n{"topic": 3}', "line 2: "),
        (b'{"received_at": "yesterday", "topic": "a", "payload": 1}', "line 1: 'yesterday' is not RFC 3339"),
        (b'{"received_at": 0, "topic": "a"}', "line 1: neither payload nor payload_base64"),
        (b'{"received_at": 0, "topic": "a", "payload_base64": "?"}', "line 1: "),
        (b"\x1f\x8bnot gzip", "cannot read "),
    ],
)
def test_a_wrong_line_is_named_by_its_number(tmp_path: Path, text: bytes, sentence: str) -> None:
    path = tmp_path / "wrong"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=sentence):
        list(read_traffic(path))


def test_retiming_moves_the_times_of_native_messages_only() -> None:
    pack = b'[{"device":"a","time":1000,"x":1},{"time":"1970-01-01T00:00:01.0000015Z"},{"x":2},{"time":"soon"},5]'
    moved = json.loads(shifted("city/gas-detector/p", pack, 5_000_000))
    assert moved == [
        {"device": "a", "time": 6000, "x": 1},
        {"time": "1970-01-01T00:00:06.000001Z"},
        {"x": 2},
        {"time": "soon"},
        5,
    ]
    for topic, payload in (("city/a/b", b'{ "x": 1}'), ("city/a/b", b"\xff"), ("frigate/events", b'{"time":1}')):
        assert shifted(topic, payload, 5_000_000) == payload


# -- several simulators on one broker -------------------------------------------------------------------------------


def tell(speaker: Company, hearer: Company, now_us: int, claims: dict[tuple[str, str], tuple[int, int]]) -> None:
    word = speaker.word(claims, now_us)
    assert word is not None
    hearer.hear(*word, now_us)


def test_the_first_simulator_plays_the_everyday_city_and_the_next_takes_over_when_it_leaves() -> None:
    first, second = Company(0), Company(1_000_000)
    assert not first.plays_everyday(1_000_000), "it listens before it speaks"
    tell(first, second, 2_000_000, {})
    tell(second, first, 2_000_000, {})
    assert first.plays_everyday(4_000_000)
    assert not second.plays_everyday(4_000_000)
    assert second.plays_everyday(8_100_000)


def test_everyday_messages_give_way_to_a_story_elsewhere() -> None:
    first, second = Company(0), Company(0)
    tell(second, first, 0, {("gas-detector", "G1"): (1_000_000, 2_000_000)})
    draft = Draft(0, "gas-detector", "G1", {}, everyday=True)
    held = [first.holds_back(draft, at) for at in (999_999, 1_000_000, 1_999_999, 2_000_000)]
    assert held == [False, True, True, False]
    assert not first.holds_back(draft._replace(device="G2"), 1_500_000)
    assert second.word({("gas-detector", "G1"): (1_000_000, 2_000_000)}, 1_000_000) is None, "nothing new to say"
    first.hear("cloudbrain-simulators/x", b"nonsense", 0)


def test_public_names_are_not_hidden_by_modules_of_the_same_name() -> None:
    import simulators

    modules = {p.stem for p in Path(simulators.__file__).parent.glob("*.py")}
    assert not modules & set(simulators.__all__)
