"""A first profile from messages: it compiles, makes rows of the same messages, and says what it guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.errors import SensorTypeError
from brain.registry import Registry
from brain.times import to_us
from ingest.infer.messages import infer
from ingest.preview import Preview, Sample
from ingest.registration import check
from tests.contract.format_walk import FOLDER, payload_of, samples

RECEIVED = to_us("2026-07-01T06:00:00Z")
ROOT = Path(__file__).parents[2]
PLACES = [parent / "shared" / "samples" for parent in (ROOT.parent, ROOT.parent.parent)]
SAMPLES = next((p for p in PLACES if p.is_dir()), PLACES[0])


def raw(payload: Any) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


def tried(text: str, messages: list[tuple[str, bytes]]) -> list[Preview]:
    """What the document makes of messages; it has to be right."""
    checked = check(text, [Sample(t, p) for t, p in messages], Registry([], []), RECEIVED)
    assert checked.errors == []
    return checked.previews


def learnt(*messages: tuple[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """The parsed document, the rows it makes of the messages it was learnt from, and its doubts."""
    given_ = [(topic, raw(payload)) for topic, payload in messages]
    text, doubts = infer(given_)
    rows = [row for got in tried(text, given_) for row in got.rows]
    return yaml.safe_load(text), rows, doubts


def picked(rows: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(row.get(n) for n in names) for row in rows]


JSON_FORMATS = [
    p.parent.name
    for p in sorted(FOLDER.glob("*/profile.yaml"))
    if yaml.safe_load(p.read_text("utf-8")).get("input", "json") in ("json", "xml", "ngsi")
]


@pytest.mark.parametrize("name", JSON_FORMATS)
def test_the_samples_of_every_json_format_yield_a_profile_that_makes_rows_of_them(name: str) -> None:
    messages = [(s["topic"], payload_of(s)) for _, lines in samples(FOLDER / name) for _, s in lines]
    if name == "ngsi-entity":
        messages = messages[1:2]  # a document is for one type
    text, _ = infer(messages, now=RECEIVED)
    assert sum(len(got.rows) for got in tried(text, messages)) > 0


def test_a_flat_object_with_changing_topics() -> None:
    document, rows, doubts = learnt(
        ("zigbee2mqtt/kitchen", {"temperature": 22.7, "humidity": 48, "battery": 97, "last_seen": 1782885590000}),
        ("zigbee2mqtt/door", {"contact": False, "battery": 12, "last_seen": 1782885591000}),
    )
    assert document["topics"] == ["zigbee2mqtt/{device}"]
    assert document["time"] == {"from": "msg.last_seen", "as": "unix_ms"}
    assert document["fields"]["temperature"]["unit"] == "Cel"
    assert picked(rows, "device", "time", "temperature", "contact") == [
        ("kitchen", "2026-07-01T05:59:50.000Z", 22.7, None),
        ("door", "2026-07-01T05:59:51.000Z", None, False),
    ]
    assert "temperature: Cel is guessed from the name" in doubts


def test_a_list_of_records_with_the_device_and_time_of_each() -> None:
    document, rows, _ = learnt(
        (
            "gw/1",
            {"readings": [{"sn": f"M{i}", "ts": f"2026-07-01T05:5{i}:00Z", "flow_m3h": i} for i in range(3)], "v": 1},
        )
    )
    assert document["observations"][1]["each"] == "msg.readings"
    assert document["observations"][1]["device"] == "it.sn"
    assert picked(rows, "device", "time", "flow_m3h")[1:] == [
        ("M0", "2026-07-01T05:50:00.000Z", 0.0),
        ("M1", "2026-07-01T05:51:00.000Z", 1.0),
        ("M2", "2026-07-01T05:52:00.000Z", 2.0),
    ]


def test_nested_lists_take_the_device_of_the_outer_one() -> None:
    flights = [
        {"id": "A", "sn": "S1", "states": [{"t": "2026-07-01T05:59:00Z", "lat": 36.1, "lng": 120.3, "speed": 3}]}
    ]
    document, rows, _ = learnt(("rid", {"flights": flights}))
    assert document["each"] == ["msg.flights", "it.states"]
    assert picked(rows, "device", "lon", "lat", "speed") == [("S1", 120.3, 36.1, 3.0)]


def test_keys_that_name_like_things_become_rows() -> None:
    params = {"ts": 1782885590.5, "em:0": {"act_power": 5, "voltage": 230}, "em:1": {"act_power": 7, "voltage": 231}}
    document, rows, _ = learnt(("shelly/status", {"src": "pro3em-1", "params": params}))
    assert document["each"] == {"in": "msg.params", "when": 'kind(it) == "object"'}
    assert picked(rows, "device", "time", "id", "act_power") == [
        ("pro3em-1", "2026-07-01T05:59:50.500Z", "em:0", 5.0),
        ("pro3em-1", "2026-07-01T05:59:50.500Z", "em:1", 7.0),
    ]


def test_lists_of_names_and_values_become_fields_with_their_units() -> None:
    document, rows, _ = learnt(
        (
            "x/y",
            {
                "dev": "A1",
                "t": "2026-07-01 05:59:00",
                "list": [
                    {"name": "temp", "value": "21.5", "unit": "°C"},
                    {"name": "flow", "value": 3, "unit": "L/min"},
                ],
            },
        )
    )
    assert document["fields"]["temp"]["unit"] == "Cel"
    assert picked(rows, "device", "temp", "flow") == [("A1", 21.5, 3.0)]
    assert document["zone"] == "UTC"


def test_units_behind_numbers_and_beside_them() -> None:
    document, rows, _ = learnt(
        ("m/7/data", {"supply": "68,4 °C", "level": {"value": 1.2, "unit": "m"}, "serial": "000123", "e": "12"})
    )
    fields = document["fields"]
    assert (fields["supply"]["unit"], fields["level"]["unit"]) == ("Cel", "m")
    assert picked(rows, "supply", "level", "e") == [(68.4, 1.2, 12.0)]
    assert document["device"] == "msg.serial"


def test_words_that_stand_for_no_number_are_missing_values() -> None:
    document, rows, _ = learnt(("a/d1", {"t": 1}), ("a/d1", {"t": "n/a"}), ("a/d1", {"t": 2.5}))
    assert document["fields"]["t"]["missing"] == ["n/a"]
    assert [row["t"] for row in rows] == [1.0, 2.5]


def test_the_place_of_a_gateway_is_not_that_of_the_device() -> None:
    document, _, _ = learnt(
        (
            "up/dev7",
            {"devEui": "A7", "rxInfo": [{"location": {"latitude": 36, "longitude": 120}}], "object": {"temp": 3}},
        )
    )
    assert "position" not in document


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ({"x": 1, "gps": {"lat": "36.1", "lon": "120.4", "alt": 12}}, (120.4, 36.1, 12.0)),
        ({"x": 1, "latitude_i": 361000000, "longitude_i": 1204000000}, (120.4, 36.1, None)),
        ({"x": 1, "location": {"type": "Point", "coordinates": [120.4, 36.1]}}, (120.4, 36.1, None)),
    ],
)
def test_places_in_their_ways(payload: dict[str, Any], place: tuple[Any, ...]) -> None:
    _, rows, _ = learnt(("a/d1", payload))
    assert picked(rows, "lon", "lat", "alt_m") == [place]


@pytest.mark.parametrize(
    ("told", "form", "zone"),
    [
        (1782885590, "unix_s", None),
        (1782885590.25, "unix_s", None),
        ("1782885590000", "unix_ms", None),
        ("2026-07-01T13:59:50+08:00", "iso", None),
        ("2026-07-01 05:59:50", "iso", "UTC"),
        ("20260701055950", "%Y%m%d%H%M%S", "UTC"),
        ("2026/07/01 05:59:50", "iso", "UTC"),
        ("01.07.2026 05:59:50", "%d.%m.%Y %H:%M:%S", "UTC"),
    ],
)
def test_times_in_their_ways(told: Any, form: str, zone: str | None) -> None:
    document, rows, _ = learnt(("a/d1", {"time": told, "x": 1}))
    assert document["time"] == {"from": "msg.time", "as": form}
    assert document.get("zone") == zone
    assert rows[0]["time"].startswith("2026-07-01T05:59:50")


@pytest.mark.parametrize(
    ("payload", "how"),
    [
        (b"{'x': 1, 'y': 2,}", "lenient_json"),
        (b'{"x": 1}\n{"x": 2}\n', "json_lines"),
        (b"<m><x>1</x></m>", "xml"),
        (b"x=1;y=2", {"format": "key_value", "pairs": ";"}),
        (b"x=1 y=2", {"format": "key_value", "pairs": " "}),
        (b"x:1,y:2", {"format": "key_value", "pairs": ",", "equals": ":"}),
        (b"x=1&note=a%20b", "form"),
        (b"weather,host=a x=1,y=2i 1782885590000000000", "line_protocol"),
        (b"time,x\n2026-07-01T05:59:50Z,1\n", "csv"),
    ],
)
def test_other_inputs_are_found(payload: bytes, how: Any) -> None:
    document, rows, _ = learnt(("a/d1", payload))
    assert document["input"] == how
    assert rows[0]["x"] == 1.0


def test_a_native_topic_keeps_its_sensor_type() -> None:
    document, rows, _ = learnt(("city/well/W-1", {"depth_cm": 3}))
    assert (document["id"], document["topics"]) == ("well", ["city/well/{device}"])
    assert picked(rows, "device", "depth_cm") == [("W-1", 3.0)]


def test_an_entity_of_ngsi_is_known_as_one() -> None:
    entity = {"id": "t1", "type": "Tank", "fill": {"type": "Number", "value": 3}}
    document, rows, _ = learnt(("ngsi/Tank/x", entity))
    assert document["topics"] == ["ngsi/Tank/{rest*}"]
    assert yaml.safe_load(infer([("broker/tanks/attrs", raw(entity))], "tank")[0])["topics"] == ["broker/tanks/attrs"]
    assert document["input"] == "ngsi"
    assert picked(rows, "device", "fill") == [("t1", 3.0)]


def test_old_messages_get_a_wide_window_and_local_times_a_zone_that_fits() -> None:
    old = [("a/d1", raw({"time": "2020-02-12T15:15:46Z", "x": 1}))]
    text, doubts = infer(old, now=RECEIVED)
    (got,) = tried(text, old)
    assert len(got.rows) == 1
    assert any("accept is wide" in d for d in doubts)
    local = [("a/d1", raw({"time": "2026-07-01 13:59:00", "x": 1}))]
    text, _ = infer(local, now=RECEIVED)
    assert yaml.safe_load(text)["zone"] == "Asia/Shanghai"
    (got,) = tried(text, local)
    assert got.rows[0]["time"] == "2026-07-01T05:59:00.000Z"


def test_an_event_with_an_id_and_a_type_is_no_entity() -> None:
    event = {"specversion": "1.0", "type": "x", "id": "A1", "time": "2026-07-01T05:59:50Z", "data": {"t": 21.5}}
    document, rows, _ = learnt(("events/dev-7", event))
    assert "input" not in document
    assert picked(rows, "device", "time", "t") == [("dev-7", "2026-07-01T05:59:50.000Z", 21.5)]


def test_a_time_under_an_unusual_name_is_found_by_its_looks() -> None:
    reading = {"resourceName": "Int16", "id": "r1", "value": "-8146"}
    document, rows, _ = learnt(
        ("edgex/events", {"deviceName": "D7", "origin": 1782885590000000000, "readings": [reading]}),
        ("edgex/events", {"deviceName": "D7", "gestempelt": 1782885591000, "readings": [reading]}),
    )
    assert picked(rows, "device", "int16")[0] == ("D7", -8146.0)
    assert document["fields"]["int16"]["from"].startswith("find(msg.readings, it.resourceName")
    plain, _, _ = learnt(("a/d1", {"gestempelt": "2026-07-01T05:59:50Z", "x": 1}))
    assert plain["time"] == {"from": "msg.gestempelt", "as": "iso"}


def test_doubts_stand_in_the_text_and_what_is_left_out_is_named() -> None:
    text, doubts = infer([("a/b", b'{"gizmo": 7, "nothing": null, "list": [1, 2]}')])
    assert any("left out: nothing (always null)" in d for d in doubts)
    assert all(f"# DOUBT: {d}" in text for d in doubts)
    assert any("gizmo: the unit is not known" in d for d in doubts)


UNITS = [
    ("temp_in", "Cel", True), ("temp_min", "Cel", True), ("temp_f", "[degF]", False), ("solar_rad", "W/m2", True),
    ("generationtime_ms", "ms", False), ("rtt_ms", "ms", False), ("wind_ms", "m/s", False), ("foo_ms", "ms", True),
    ("rain_in", "[in_i]", False), ("pressure_in", "[in_i'Hg]", False), ("level_m", "m", False),
    ("battery_v", "V", False), ("battery_level", "%", True), ("voltage_a", "V", True), ("current_c", "A", True),
    ("energy_kwh", "kW.h", False), ("total_m3", "m3", False), ("door_c", "Cel", True), ("power_factor", "1", True),
    ("tempinf", "[degF]", True), ("baromrelin", "[in_i'Hg]", True), ("windspeedmph", "[mi_i]/h", True),
    ("humidity_kwh", "kW.h", True), ("压力(MPa)", "MPa", False), ("水温（℃）", "Cel", False), ("电压", "V", True),
    ("flow_l", "L", True),
]  # fmt: skip


@pytest.mark.parametrize(("name", "unit", "doubted"), UNITS)
def test_an_ending_counts_as_a_unit_only_of_what_the_name_measures(name: str, unit: str, doubted: bool) -> None:
    document, _, doubts = learnt(("a/d1", {name: 40.5, "ts": 1782885590}))
    (field,) = document["fields"]
    assert document["fields"][field]["unit"] == unit
    assert any(d.startswith(f"{field}: {unit} is guessed") for d in doubts) == doubted


def test_chinese_keys_become_english_names_with_units_roles_and_labels() -> None:
    message = {
        "设备编号": "A1", "采集时间": "2026-07-01 05:59:50", "环境温度": 21.5, "瞬时流量": 3.2, "经度": 120.38,
        "纬度": 36.07,
        "A相电压": 230, "奇怪": 7, "参数列表": [{"名称": "浊度", "数值": 1.5, "单位": "NTU"}],
    }  # fmt: skip
    document, rows, doubts = learnt(("dtu/up", message))
    fields = document["fields"]
    assert picked(rows, "device", "lon", "lat", "ambient_temperature", "flow_rate", "a_phase_voltage", "turbidity") == [
        ("A1", 120.38, 36.07, 21.5, 3.2, 230, 1.5)
    ]
    assert document["time"] == {"from": 'msg["采集时间"]', "as": "iso"}
    assert fields["ambient_temperature"]["label"] == {"zh": "环境温度", "en": "ambient temperature"}
    assert fields["turbidity"]["unit"] == "{NTU}"
    assert "these keys are not understood, give their fields names: 奇怪" in doubts


def test_numbers_in_texts_make_a_list_worth_opening() -> None:
    message = {
        "time": "2026-07-01T05:59:50Z",
        "sn": "G1",
        "nodes": [{"n": "a", "tem": "21.5"}, {"n": "b", "tem": "22.0"}],
    }
    document, rows, _ = learnt(("x/up", message))
    assert document["each"] == "msg.nodes"
    assert document["fields"]["tem"]["unit"] == "Cel"
    assert picked(rows, "device", "tem") == [("G1", 21.5), ("G1", 22.0)]


def test_lists_that_make_no_rows_are_named() -> None:
    message = {
        "ts": 1782885590, "data": [{"temp_c": 1}, {"temp_c": 2}], "alarms": [{"code": "x"}], "a": {"b": [{"c": "y"}]},
        "rxInfo": [{"rssi": -7}],
    }  # fmt: skip
    _, rows, doubts = learnt(("a/d1", message))
    assert len(rows) == 2
    (told,) = [d for d in doubts if d.startswith("left out: ")]
    assert told == (
        "left out: alarms (a list; make rows of it with observations and each), "
        "a.b (a list; make rows of it with observations and each), rxInfo"
    )


def test_what_cannot_be_printed_makes_no_document_that_cannot_be_read() -> None:
    document, rows, doubts = learnt(("\x1b/0", {"a": None, "奇\x1b": 7, "ts": 1782885590}))
    assert len(rows) == 1
    assert all(d.isprintable() for d in doubts)
    assert document["fields"]


def test_more_fields_than_a_first_profile_takes_are_told() -> None:
    _, _, doubts = learnt(("a/d1", {f"v{i}_c": i for i in range(200)}))
    assert any(d.startswith("150 fields are taken, there are more") for d in doubts)


@pytest.mark.parametrize("payloads", [[], [("a/b", b"\x01\x02\xff")], [("a/b", b"7")], [("a/b", b"")]])
def test_what_teaches_nothing_is_refused_with_a_sentence(payloads: list[tuple[str, bytes]]) -> None:
    with pytest.raises(SensorTypeError, match=r"no message|none of JSON"):
        infer(payloads)


keys = st.sampled_from("a em:0 em:1 name value unit ts time lat lon id devEui list from on 温度 type rxInfo".split())  # noqa: SIM905
scalars = st.none() | st.booleans() | st.integers(-9, 2_000_000_000) | st.floats(-1e9, 1e9) | st.text(max_size=6)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=15
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.dictionaries(keys, values, min_size=1, max_size=5)), min_size=1, max_size=3
    )
)
def test_any_objects_yield_a_document_that_is_right(messages: list[tuple[str, dict[str, Any]]]) -> None:
    given_ = [(topic.replace("\0", ""), raw(payload)) for topic, payload in messages]
    text, _ = infer(given_)
    assert check(text, [], Registry([], []), RECEIVED).errors == []


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder ../shared/samples is not on this machine")
@pytest.mark.parametrize(
    ("topic", "name", "device", "count"),
    [
        ("v3/app1/devices/dev1/up", "lorawan/tts_v3_uplink.json", "0004A30B001C0530", 1),
        ("frigate/events", "frigate/events.json", "front_door", 2),
        ("frigate/reviews", "frigate/reviews.json", "front_cam", 1),
        ("gb28181/alarm", "gb28181/alarm_video_loss.xml", "34020000001320000001", 1),
    ],
)
def test_public_payloads_yield_profiles(topic: str, name: str, device: str, count: int) -> None:
    payload = (SAMPLES / name).read_bytes()
    text, _ = infer([(topic, payload)], now=RECEIVED)
    (got,) = tried(text, [(topic, payload)])
    assert [row["device"] for row in got.rows] == [device] * count


def test_ids_are_neither_numbers_nor_times_and_words_are_not_lost() -> None:
    first = {"devId": 1000000034001, "ts": "2026-07-01T06:00:00Z", "gw": "08060412", "pkt": "06a6", "st": "MOVING"}
    second = {"devId": 1000000034002, "ts": "2026-07-01T06:00:01Z", "gw": "33d13a41", "pkt": "17b6", "st": 1}
    document, rows, doubts = learnt(("fleet/up", first), ("fleet/up", second))
    assert document["time"] == {"from": "msg.ts", "as": "iso"}
    assert picked(rows, "gw", "pkt", "st") == [("08060412", "06a6", "MOVING"), ("33d13a41", "17b6", "1")]
    assert not any("a6" in d for d in doubts)


def test_a_word_among_numbers_that_is_taken_for_nothing_is_told() -> None:
    _, rows, doubts = learnt(*(("t/1", {"temp_c": v}) for v in (1, 2, 3, 4, "COLD")), ("t/1", {"temp_c": 5}))
    assert [row.get("temp_c") for row in rows][:4] == [1, 2, 3, 4]
    assert any("COLD is taken for nothing" in d for d in doubts)
    _, _, quiet = learnt(("t/1", {"temp_c": 1}), ("t/1", {"temp_c": "--"}))
    assert not any("taken for nothing" in d for d in quiet)


def test_the_place_of_a_radio_is_not_that_of_the_device() -> None:
    place = {"lat": 36.07, "lng": 120.38}
    document, _, _ = learnt(("x/D1", {"t": 1, "radio": {"hardware": {"gps": place}}}))
    assert document.get("position") is None
    document, _, _ = learnt(("x/D1", {"t": 1, "where": place}))
    assert document["position"] == {"lon": "msg.where.lng", "lat": "msg.where.lat"}


def test_heights_beside_scaled_degrees_are_not_taken_for_metres() -> None:
    document, _, _ = learnt(("x/D1", {"lat": 360700000, "lon": 1203800000, "alt": 52000}))
    assert "alt_m" not in document["position"]


def test_a_date_without_its_clock_is_told() -> None:
    _, _, doubts = learnt(("x/D1", {"date": "2026-07-01", "clock": "14:00:00", "v": 1}))
    assert any("is a date without a clock" in d for d in doubts)
