"""Messages become columns, refusals and copies; the ledger adds up whatever comes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.model import Device
from brain.registry import Registry
from ingest._faults import Fault, examine, judge
from ingest._structs import kind_of
from ingest.copies import Copies
from ingest.decode import Decoder, Places, decode
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from ingest.outcome import Outcome

NOW = 1_782_885_600_000_000
SECOND = 1_000_000
TYPES = {t.id: t for t in load_builtin()}


def envelope(topic: str, payload: Any, at: int = 0, **more: Any) -> Envelope:
    raw = payload if isinstance(payload, bytes) else json.dumps(payload, ensure_ascii=False).encode()
    return Envelope(f"city/{topic}", raw, NOW + at, **more)


def finished(decoder: Decoder, *envelopes: Envelope, first: int = 1) -> Outcome:
    decoded = decoder.decode(envelopes)
    for sensor_type, name in decoded.unknown:
        decoder.registry.add(sensor_type, name)
    return decoded.finish(decoder.registry, first)


def fresh(places: Places | None = None, **more: Any) -> Decoder:
    return Decoder(Registry(TYPES.values(), []), places, **more)


def rows(outcome: Outcome) -> int:
    return sum(len(b) for b in outcome.batches)


def counted(outcome: Outcome) -> int:
    known = sum(n for devices in outcome.known.values() for n in devices.values())
    return rows(outcome) + known + len(outcome.quarantined)


def test_a_flush_tells_which_rows_are_of_a_drill():
    decoder = fresh()
    assert finished(decoder, envelope("gas-detector/G1", {"time": NOW // 1000, "lel_pct": 1.0})).exercise == {}
    pack = [{"time": NOW // 1000, "device": d, "lel_pct": 2.0} for d in ("G2", "exercise:G1", "G3")]
    got = finished(
        decoder, envelope("gas-detector/x", pack), envelope("elevator/L1", {"time": NOW // 1000, "state": "idle"})
    )
    assert {k: v.tolist() for k, v in got.exercise.items()} == {"gas-detector": [False, True, False]}
    assert dict(got.flush(1, NOW).exercise) == got.exercise


def test_a_message_becomes_a_row_with_every_value_exact():
    got = finished(
        fresh(),
        envelope(
            "drone/UAV-7",
            {
                "time": "2026-07-01T14:00:00.2509999+08:00",
                "lon": 120.3702,
                "lat": 36.0911,
                "alt_m": 95,
                "height_m": 80.25,
                "id": "x-1",
                "status": "ok",
                "speed_ms": 8.5,
                "heading_deg": 360,
                "battery_pct": 0,
                "mission": "巡查",
            },
        ),
    )
    (batch,) = got.batches
    values = {k: v[0] for k, v in batch.columns.items() if not (v[0] is None or v[0] != v[0])}
    assert values == {
        "lon": 120.3702,
        "lat": 36.0911,
        "alt_m": 95.0,
        "height_m": 80.25,
        "id": "x-1",
        "status": "ok",
        "speed_ms": 8.5,
        "heading_deg": 360.0,
        "battery_pct": 0.0,
        "mission": "巡查",
    }
    assert batch.time.tolist() == [np.datetime64(NOW + 250_999, "us").item()]
    assert (batch.device.tolist(), batch.position.tolist()) == ([1], [1])
    assert {k: v.dtype.kind for k, v in batch.columns.items()}["mission"] == "O"
    assert batch.device.dtype == np.int32
    assert batch.time.dtype == batch.received_at.dtype == np.dtype("M8[us]")


def test_positions_follow_receipt_over_all_types_and_packs():
    got = finished(
        fresh(),
        envelope("hydrant/H1", {"pressure_mpa": 0.2}),
        envelope("gas-detector/G1", [{"lel_pct": 1}, {"lel_pct": 999}, {"lel_pct": 3}], 1),
        envelope("hydrant/H2", b' {"pressure_mpa": 0.3}', 2),
        envelope("hydrant/H1", {"pressure_mpa": 0.4}, 3),
        first=100,
    )
    at = {b.sensor_type: b.position.tolist() for b in got.batches}
    assert at == {"hydrant": [100, 103, 104], "gas-detector": [101, 102]}
    assert got.position == 104
    hydrants = next(b for b in got.batches if b.sensor_type == "hydrant")
    assert hydrants["pressure_mpa"].tolist() == [0.2, 0.3, 0.4]
    assert hydrants.received_at.astype(np.int64).tolist() == [NOW, NOW + 2, NOW + 3]


def test_an_empty_flush_has_no_rows():
    got = finished(fresh(), first=7)
    assert (got.position, got.batches, counted(got)) == (6, [], 0)


def test_dash_and_underscore_name_the_same_type():
    got = finished(fresh(), envelope("gas_detector/G1", {"lel_pct": 1}), envelope("gas-detector/G1", {"lel_pct": 2}, 1))
    assert [b.sensor_type for b in got.batches] == ["gas-detector"]
    assert got.batches[0].device.tolist() == [1, 1]


def test_a_pack_speaks_for_several_devices_and_a_single_object_only_for_its_topic():
    decoder = fresh()
    got = finished(
        decoder,
        envelope("hydrant/GW", [{"device": "H1", "pressure_mpa": 0.1}, {"pressure_mpa": 0.2}]),
        envelope("hydrant/GW", {"device": "H1", "pressure_mpa": 0.3}, 5),
    )
    names = [decoder.registry.by_id(int(d)).name for d in got.batches[0].device]
    assert names == ["H1", "GW", "GW"]


def test_the_box_of_a_video_event_becomes_four_columns():
    got = finished(
        fresh(),
        envelope("video-event/C1", {"event": "smoke", "box": [0, 0.25, 0.5, 1]}),
        envelope("video-event/C1", {"event": "smoke", "box": None}, 1),
    )
    columns = got.batches[0].columns
    assert [columns[f"box_{c}"][0] for c in "xywh"] == [0, 0.25, 0.5, 1]
    assert all(np.isnan(columns[f"box_{c}"][1]) for c in "xywh")
    assert "box" not in columns


def test_null_is_absent_and_unknown_keys_are_ignored():
    got = finished(
        fresh(),
        envelope(
            "smoke-detector/S1",
            {
                "smoke_pct": None,
                "alarm": False,
                "id": None,
                "time": None,
                "lon": None,
                "rssi": {"a": [1]},
                "status": None,
            },
        ),
    )
    (batch,) = got.batches
    assert batch["alarm"].tolist() == [0.0]
    assert np.isnan(batch["smoke_pct"]).all()
    assert batch["id"].tolist() == [None]
    assert "rssi" not in batch.columns


def test_a_status_alone_is_a_reading_and_so_is_the_position_of_what_moves():
    got = finished(
        fresh(),
        envelope("gas-detector/G1", {"status": "fault"}),
        envelope("vehicle/V1", {"lon": 120.3, "lat": 36.1}),
    )
    assert rows(got) == 2


def test_a_key_written_with_escapes_is_the_same_key():
    got = finished(fresh(), envelope("gas-detector/G1", rb'{"lel\u005fpct": 5, "\u0069d": "a"}'))
    assert got.batches[0]["lel_pct"].tolist() == [5.0]
    assert got.batches[0]["id"].tolist() == ["a"]


@pytest.mark.parametrize(
    ("time", "us"),
    [
        ("2026-07-01T05:59:59.5Z", NOW - 500_000),
        (NOW // 1000 - 1, NOW - 1000),
        (NOW / 1000 - 0.5, NOW - 500),
        ("2026-06-24T06:00:00Z", NOW - 7 * 86_400 * SECOND),
        ("2026-07-01T06:05:00Z", NOW + 300 * SECOND),
        (None, NOW),
    ],
)
def test_times_within_the_window_are_kept(time: Any, us: int):
    got = finished(fresh(), envelope("hydrant/H1", {"time": time, "pressure_mpa": 1}))
    assert got.batches[0].time.astype(np.int64).tolist() == [us]


def test_times_of_all_shapes_in_one_flush():
    times = [NOW // 1000, "2026-07-01T06:00:00Z", None, "yesterday", 5]
    got = finished(fresh(), *(envelope(f"hydrant/H{i}", {"time": t, "pressure_mpa": 1}) for i, t in enumerate(times)))
    assert rows(got) == 3
    assert [q.reason for q in got.quarantined] == ["bad_time", "time_out_of_window"]


def test_each_sensor_type_has_its_own_window():
    decoder = fresh()
    decoder.registry.put_sensor_type(replace(TYPES["hydrant"], past=TYPES["hydrant"].past * 1000))
    got = finished(decoder, envelope("hydrant/H1", {"time": "2009-07-01T00:00:00Z", "pressure_mpa": 1}))
    assert rows(got) == 1


PLACES = Places(zones={"WSGC": (120.1, 36.1)}, nodes={"N5": (120.5, 36.5)})


@pytest.mark.parametrize(
    ("topic", "message", "place"),
    [
        ("video-event/CAM", {"event": "smoke", "lon": 1, "lat": 2, "zone": "WSGC"}, (1.0, 2.0)),
        ("video-event/CAM", {"event": "smoke", "zone": "WSGC"}, (120.1, 36.1)),
        ("video-event/CAM", {"event": "smoke", "zone": "elsewhere"}, (120.9, 36.9)),
        ("video-event/CAM", {"event": "smoke"}, (120.9, 36.9)),
        ("video-event/NEW", {"event": "smoke"}, None),
        ("emergency-call/120", {"call_id": "C1", "node": "N5"}, (120.5, 36.5)),
        ("drone/D1", {"zone": "WSGC"}, (120.1, 36.1)),
    ],
)
def test_a_message_without_position_has_that_of_its_zone_node_or_device(topic, message, place):
    decoder = fresh(PLACES)
    decoder.registry.put(Device(device_id=9, sensor_type="video-event", name="CAM", lon=120.9, lat=36.9))
    batch = finished(decoder, envelope(topic, message)).batches[0]
    got = (batch["lon"][0], batch["lat"][0])
    assert (got == place) if place else np.isnan(got).all()


def test_a_closed_type_wants_its_devices_registered():
    closed = replace(TYPES["hydrant"], admission="closed")
    decoder = Decoder(Registry([closed], [Device(device_id=4, sensor_type="hydrant", name="H1")]))
    messages = [envelope("hydrant/H1", [{"pressure_mpa": 1}, {"pressure_mpa": 2, "device": "H2"}])]
    got = finished(decoder, *messages)
    assert (rows(got), [(q.reason, q.device) for q in got.quarantined]) == (1, [("unknown_device", "H2")])
    lenient = Decoder(decoder.registry, admit_all=True)
    assert rows(finished(lenient, *messages)) == 2


def test_only_good_readings_let_a_device_in():
    decoded = decode(
        [envelope("hydrant/H1", {"pressure_mpa": 99}), envelope("hydrant/H2", {"pressure_mpa": 1})],
        Registry(TYPES.values(), []),
    )
    assert decoded.unknown == [("hydrant", "H2")]


def test_a_device_that_the_store_did_not_admit_is_refused():
    decoded = decode([envelope("hydrant/H1", {"pressure_mpa": 1})], Registry(TYPES.values(), []))
    got = decoded.finish(Registry(TYPES.values(), []), 1)
    assert ([q.reason for q in got.quarantined], got.position) == (["unknown_device"], 0)


# -- copies ----------------------------------------


@pytest.mark.parametrize(
    ("message", "more", "later", "copies"),
    [
        ({"pressure_mpa": 1}, {}, SECOND, 0),  # says the same again: two readings
        ({"pressure_mpa": 1}, {"dup": True}, SECOND, 1),
        ({"pressure_mpa": 1}, {"dup": True}, 600 * SECOND, 1),
        ({"pressure_mpa": 1}, {"dup": True}, 601 * SECOND, 0),
        ({"pressure_mpa": 1, "id": "a"}, {}, SECOND, 1),
        ({"pressure_mpa": 1, "id": "a"}, {}, 601 * SECOND, 0),
        ({"pressure_mpa": 1, "time": "2026-07-01T06:00:00Z"}, {"dup": True}, SECOND, 0),  # the store knows those
        ([{"pressure_mpa": 1}, {"pressure_mpa": 2, "id": "b"}], {}, SECOND, 1),
        ([{"pressure_mpa": 1}, {"pressure_mpa": 2, "id": "b"}], {"dup": True}, SECOND, 2),
    ],
)
def test_a_copy_without_time_is_known_by_its_bytes(message, more, later, copies):
    decoder = fresh()
    first = finished(decoder, envelope("hydrant/H1", message))
    again = finished(decoder, envelope("hydrant/H1", message, later, **more))
    assert not first.known
    assert again.known == ({"hydrant": {"H1": copies}} if copies else {})
    assert counted(again) == counted(first)


def test_a_copy_in_the_same_flush_is_known_too():
    message = envelope("hydrant/H1", {"pressure_mpa": 1, "id": "a"})
    got = finished(fresh(), message, message._replace(received_at=NOW + 1), message._replace(received_at=NOW + 2))
    assert (rows(got), got.known) == (1, {"hydrant": {"H1": 2}})


def test_copies_are_remembered_over_a_restart():
    first = finished(fresh(), envelope("hydrant/H1", {"pressure_mpa": 1}))
    assert len(first.timeless[0]) == 16
    restarted = fresh(copies=Copies(first.timeless, NOW))
    assert rows(finished(restarted, envelope("hydrant/H1", {"pressure_mpa": 1}, SECOND, dup=True))) == 0


def test_a_redelivered_bad_message_is_quarantined_once():
    decoder = fresh()
    bad = envelope("hydrant/H1", [{"pressure_mpa": "x"}, {"pressure_mpa": 1}])
    first, again = finished(decoder, bad), finished(decoder, bad._replace(received_at=NOW + 9, dup=True))
    assert (len(first.quarantined), rows(first)) == (1, 1)
    assert (len(again.quarantined), rows(again), again.known) == (0, 0, {"hydrant": {"H1": 2}})
    repeated = finished(decoder, bad._replace(received_at=NOW + 99))
    assert (len(repeated.quarantined), rows(repeated)) == (1, 1)


def test_a_message_refused_for_its_device_is_no_copy_once_the_device_is_registered():
    closed = replace(TYPES["hydrant"], admission="closed")
    decoder = Decoder(Registry([closed], []))
    message = envelope("hydrant/H1", {"pressure_mpa": 1, "id": "a"})
    assert finished(decoder, message).quarantined[0].reason == "unknown_device"
    decoder.registry.add("hydrant", "H1")
    assert rows(finished(decoder, message._replace(received_at=NOW + 5, retry_of=3))) == 1


def test_retained_messages_without_time_are_counted_as_ignored():
    decoder = fresh()
    got = finished(
        decoder,
        envelope("hydrant/H1", {"pressure_mpa": 1}, retain=True),
        envelope("hydrant/H2", {"pressure_mpa": 1, "time": "2026-07-01T06:00:00Z"}, retain=True),
        envelope("hydrant/H3", b"?", retain=True),
    )
    assert (rows(got), got.ignored, [q.device for q in got.quarantined]) == (1, 1, ["H3"])


def test_readings_of_one_device_without_time_are_all_kept():
    pack = [
        {"pressure_mpa": 1},
        {"pressure_mpa": 2},
        {"pressure_mpa": 3, "device": "H2"},
        {"pressure_mpa": 4, "id": "i"},
    ]
    batch = finished(fresh(), envelope("hydrant/H1", pack)).batches[0]
    assert len({*zip(batch.device.tolist(), batch.time.tolist(), batch["id"].tolist(), strict=True)}) == 4
    assert batch.time.astype(np.int64).tolist() == [
        NOW,
        NOW + 1,
        NOW + 2,
        NOW,
    ]  # by place, so that a mended neighbour finds its own


# -- what goes to quarantine and back ----------------------------------------


def test_a_huge_message_leaves_its_head_in_quarantine():
    got = finished(fresh(), envelope("hydrant/H1", b"x" * 300_000))
    assert (len(got.quarantined[0].payload), got.quarantined[0].size) == (10_240, 300_000)


def test_many_refused_readings_of_one_message_do_not_keep_it_many_times():
    pack = [{"pressure_mpa": 900 + i} for i in range(2000)]
    got = finished(fresh(), envelope("hydrant/H1", pack))
    assert len(got.quarantined) == 2000
    assert sum(len(q.payload) for q in got.quarantined) < 2_000_000
    last = got.quarantined[-1]
    assert msgspec.json.decode(last.payload) == [{"pressure_mpa": 2899}]
    assert last.size == len(json.dumps(pack))


def test_what_a_data_base_cannot_keep_is_replaced_in_topics():
    got = finished(fresh(), Envelope("city/hydrant/a\0b\ud800", b"{}", NOW))
    assert got.quarantined[0].topic == "city/hydrant/a\ufffdb?"


def test_answers_name_positions_copies_and_refusals():
    decoder = fresh()
    got = finished(
        decoder,
        envelope("hydrant/H1", [{"pressure_mpa": 1}, {"pressure_mpa": "x"}, {"pressure_mpa": 2}], inbox_id=5),
        envelope("hydrant/H1", {"pressure_mpa": 3, "id": "a"}, 5),
        envelope("hydrant/H1", {"pressure_mpa": 3, "id": "a"}, 6, inbox_id=6),
        envelope("nothing", {}, 7, inbox_id=7, retry_of=12),
    )
    assert (list(got.answers[5].positions), got.answers[5].refused[0][0]) == ([1, 2], "wrong_type")
    assert (list(got.answers[6].positions), got.answers[6].duplicates) == ([], 1)
    assert got.answers[7].refused[0][0] == "bad_topic"
    assert got.quarantined[-1].retry_of == 12


def test_a_flush_can_be_finished_in_halves_and_a_message_taken_back():
    decoder = fresh()
    messages = [envelope(f"hydrant/H{i}", [{"pressure_mpa": 1}, {"pressure_mpa": -9}], i, inbox_id=i) for i in range(4)]
    decoded = decoder.decode(messages)
    for sensor_type, name in decoded.unknown:
        decoder.registry.add(sensor_type, name)
    low = decoded.finish(decoder.registry, 1, 0, 2)
    assert (rows(low), low.position, len(low.quarantined), list(low.answers)) == (2, 2, 2, [0, 1])
    decoded.refuse(2, Fault("refused_by_store", "payload: no"))
    high = decoded.finish(decoder.registry, low.position + 1, 2, 4)
    assert (rows(high), high.batches[0].position.tolist()) == (1, [3])
    assert [q.reason for q in high.quarantined] == ["refused_by_store", "out_of_range", "out_of_range"]


# -- properties ----------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 500),
    st.integers(),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(
        ["CH4", "ok", "H1", "2026-07-01T06:00:00Z", "2026-07-01T05:59:59.123456789+00:00", NOW // 1000, 36.1]
    ),
)
values = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))
keys = st.sampled_from(
    [
        "time",
        "lon",
        "lat",
        "id",
        "status",
        "device",
        "lel_pct",
        "ppm",
        "gas",
        "alarm",
        "smoke_pct",
        "event",
        "box",
        "track",
    ]
)
objects = st.dictionaries(keys, values, max_size=6)
documents = st.one_of(objects, st.lists(objects | scalars, max_size=5), values)
payloads = st.one_of(
    st.binary(max_size=60),
    documents.map(lambda d: json.dumps(d).encode()),
    documents.map(lambda d: json.dumps(d, ensure_ascii=False).encode(errors="surrogatepass")),
    st.tuples(documents.map(lambda d: json.dumps(d).encode()), st.integers(0, 40)).map(lambda p: p[0][: p[1]]),
)
topics = st.one_of(
    st.sampled_from(["city/gas-detector/G1", "city/smoke_detector/S1", "city/video-event/C1", "city/vehicle/V1"]),
    st.text(max_size=12).map(lambda t: "city/" + t),
    st.text(max_size=12),
)
floods = st.lists(st.tuples(topics, payloads, st.booleans(), st.booleans()), max_size=8)


def readings_of(topic: str, payload: bytes) -> int:
    """How many readings a message counts as: the objects of a pack that can be read as JSON, else one."""
    if topic.count("/") != 2 or not topic.startswith("city/"):
        return 1
    try:
        document = json.loads(payload, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError, RecursionError):
        return 1
    return max(1, len(document)) if isinstance(document, list) else 1


@settings(max_examples=60, deadline=None)
@given(floods)
def test_the_decoder_never_raises_and_the_ledger_adds_up(flood: list[tuple[str, bytes, bool, bool]]):
    decoder = fresh()
    messages = [Envelope(t, p, NOW + i, dup=d, retain=r) for i, (t, p, d, r) in enumerate(flood)]
    got = finished(decoder, *messages)
    positions = sorted(int(p) for b in got.batches for p in b.position)
    assert positions == list(range(1, len(positions) + 1))
    assert got.position == len(positions)
    registered = [
        decoder.registry.sensor_type(m.topic.split("/")[1]) if m.topic.count("/") == 2 else None for m in messages
    ]
    most = sum(readings_of(m.topic, m.payload) if t else 1 for m, t in zip(messages, registered, strict=True))
    if not any(m.retain for m in messages):
        assert counted(got) + sum(not (m.topic + "/").startswith("city/") for m in messages) == most
    assert counted(got) + got.ignored <= most
    for batch in got.batches:
        kind = kind_of(TYPES[batch.sensor_type])
        assert set(batch.columns) >= {c.name for c in kind.columns if c.kind != "box"}
        assert {len(v) for v in batch.columns.values()} == {len(batch)}
        assert np.isfinite(batch.time.astype(np.int64)).all()
        assert (np.diff(batch.position) > 0).all()
    for q in got.quarantined:
        q.topic.encode()
        q.detail.encode()
        assert "\0" not in q.topic + q.detail
        assert (q.sensor_type or "unknown") == q.ledger_key


@settings(max_examples=60, deadline=None)
@given(
    st.lists(objects, min_size=1, max_size=4),
    st.sampled_from(["gas-detector", "smoke-detector", "video-event", "vehicle"]),
)
def test_columns_judge_as_readings_one_by_one(pack: list[dict[str, Any]], sensor_type: str):
    raw = json.dumps(pack).encode()
    kind = kind_of(TYPES[sensor_type])
    one_by_one: list[Any] = []
    for place, found in examine(kind, raw):
        fault = found if isinstance(found, Fault) else judge(kind, found, NOW, place)
        one_by_one += [(place, fault.reason)] if fault else []
    got = finished(fresh(), envelope(f"{sensor_type}/X", raw))
    places = [int(q.detail[1 : q.detail.index("]")]) if q.detail[0] == "[" else -1 for q in got.quarantined]
    assert list(zip(places, (q.reason for q in got.quarantined), strict=True)) == one_by_one


@settings(max_examples=40, deadline=None)
@given(floods, st.integers(1, 4))
def test_cutting_a_stream_into_flushes_changes_nothing(flood: list[tuple[str, bytes, bool, bool]], step: int):
    messages = [Envelope(t, p, NOW + i, dup=d, retain=r) for i, (t, p, d, r) in enumerate(flood)]

    def all_of(size: int) -> tuple[list[Any], Counter[Any], int]:
        decoder, at, stored, other, ignored = fresh(), 0, [], Counter[Any](), 0
        for k in range(0, len(messages), size):
            got = finished(decoder, *messages[k : k + size], first=at + 1)
            at, ignored = got.position, ignored + got.ignored
            for b in got.batches:
                names = [decoder.registry.by_id(int(d)).name for d in b.device]
                stored += [
                    (int(p), b.sensor_type, n, t, repr([v[i] for v in b.columns.values()]))
                    for i, (p, n, t) in enumerate(zip(b.position, names, b.time.tolist(), strict=True))
                ]
            other.update((q.topic, q.reason, q.detail) for q in got.quarantined)
            for sensor_type, devices in got.known.items():
                other.update({(sensor_type, device): n for device, n in devices.items()})
        return sorted(stored), other, ignored

    assert all_of(step) == all_of(max(1, len(messages)))
