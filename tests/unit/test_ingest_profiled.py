"""Messages that profiles read: from topics and payloads of any shape to rows, refusals and what is remembered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from brain.errors import SensorTypeError
from brain.registry import Registry
from brain.times import to_us
from ingest.decode import Decoder
from ingest.envelope import Envelope
from ingest.memory import Memories
from ingest.profile.native import sensor_type_from
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from ingest.outcome import Outcome

NOW = to_us("2026-07-01T06:00:00Z")
BUILT_IN = {t.id: t for t in load_builtin()}
FLIGHTS = """
id: remote-id
family: low_altitude
name: {zh: 远程识别, en: Remote ID}
moving: true
topics: ["rid/{receiver}/flights"]
each: [flights, it.states]
device: parent.id
time: {from: it.timestamp, as: iso, required: true}
position: {lon: it.position.lng, lat: it.position.lat}
fields:
  track_deg: {unit: deg, range: [0, 360], from: it.track}
  speed_ms: {unit: m/s, from: it.speed, missing: [255]}
"""


def decoder(*documents: str, memories: Memories | None = None) -> Decoder:
    types = [*BUILT_IN.values(), *(sensor_type_from(d, known=BUILT_IN) for d in documents)]
    return Decoder(Registry(types, []), memories=memories)


def finished(of: Decoder, *messages: tuple[str, Any] | Envelope) -> Outcome:
    envelopes = [
        m
        if isinstance(m, Envelope)
        else Envelope(m[0], m[1] if isinstance(m[1], bytes) else json.dumps(m[1]).encode(), NOW + i * 1000)
        for i, m in enumerate(messages)
    ]
    decoded = of.decode(envelopes)
    for sensor_type, name in decoded.unknown:
        of.registry.add(sensor_type, name)
    return decoded.finish(of.registry, 1)


def state(**more: Any) -> dict[str, Any]:
    return {"timestamp": "2026-07-01T06:00:00Z", "position": {"lng": 8.5, "lat": 47.3}, "track": 10, "speed": 5} | more


def test_a_nested_document_becomes_rows_of_its_own_type() -> None:
    flights = [{"id": "A", "states": [state(), state(timestamp="2026-07-01T06:00:01Z", speed=255)]}]
    got = finished(decoder(FLIGHTS), ("rid/r1/flights", {"flights": flights}))
    (batch,) = got.batches
    assert batch.sensor_type == "remote-id"
    assert batch["speed_ms"][0] == 5
    assert np.isnan(batch["speed_ms"][1])
    assert batch["lon"].tolist() == [8.5, 8.5]
    assert batch.time.astype(np.int64).tolist() == [NOW, NOW + 1_000_000]


def test_a_refusal_names_the_place_in_the_document_and_good_neighbours_stay() -> None:
    flights = [{"id": "A", "states": [state(track=365), state(timestamp=None), state(track="north"), state()]}]
    got = finished(decoder(FLIGHTS), ("rid/r1/flights", {"flights": flights}))
    assert [len(b) for b in got.batches] == [1]
    assert [(q.reason, q.detail, q.sensor_type) for q in got.quarantined] == [
        ("out_of_range", "flights[0].states[0].track: 365 is outside 0..360", "remote-id"),
        ("missing", "flights[0].states[1]: time.from: it.timestamp is missing", "remote-id"),
        (
            "wrong_type",
            (
                "flights[0].states[2]: fields.track_deg.from: 'north' stands where a number is wanted; "
                "where it means nothing, list it in missing"
            ),
            "remote-id",
        ),
    ]


METER = """
id: vendor-meter
name: {zh: 某厂电表, en: A vendor's meter}
into: power-meter
topics: ["meters/{device}/up"]
time: {from: it.ts, as: unix_s}
fields:
  total_kwh: {from: it.e, scale: 0.01}
  voltage_v: it.u
"""


def test_a_profile_may_store_as_a_built_in_type_beside_native_messages() -> None:
    of = decoder(METER)
    native = {"total_kwh": 1, "time": "2026-07-01T06:00:00Z"}
    got = finished(
        of,
        ("city/power-meter/N1", native),
        ("meters/V1/up", {"ts": NOW // 1_000_000, "e": 12345, "u": 230.5}),
        ("meters/V2/up", {"ts": NOW // 1_000_000, "u": -5}),
    )
    (batch,) = got.batches
    assert batch.sensor_type == "power-meter"
    assert batch["total_kwh"].tolist() == [1, 123.45]
    assert [(q.reason, q.detail, q.sensor_type, q.ledger_key) for q in got.quarantined] == [
        ("out_of_range", "u: -5 is outside 0..2000000", "vendor-meter", "vendor-meter")
    ]


def test_lists_and_lengths_of_texts_hold_for_profiles_too() -> None:
    lift = """
    id: lifts
    name: {zh: 梯, en: Lifts}
    into: elevator
    topics: ["lifts/{device}"]
    fields: {state: it.s, mode: it.m}
    """
    got = finished(decoder(lift), ("lifts/L1", {"s": "flying"}), ("lifts/L2", {"m": "x" * 2000}))
    assert [(q.reason, q.detail.partition(":")[0]) for q in got.quarantined] == [
        ("not_in_list", "s"),
        ("bad_text", "m"),
    ]


def test_other_topics_are_passed_over_and_those_below_city_are_refused() -> None:
    got = finished(decoder(METER), ("elsewhere/x", {}), ("city/nothing/x", {}), ("meters/a/b/c", {}))
    assert got.ignored == 2
    assert [q.reason for q in got.quarantined] == ["unknown_sensor_type"]


def test_of_several_profiles_on_a_topic_one_that_fits_is_enough() -> None:
    kinds = [
        f"""
        id: kind-{k}
        family: meter
        name: {{zh: 甲, en: A}}
        topics: ["z/{{device}}"]
        when: it.kind == "{k}"
        fields: {{v: {{unit: "1", from: it.v}}}}
        """
        for k in ("a", "b")
    ]
    of = decoder(*kinds)
    got = finished(of, ("z/1", {"kind": "a", "v": 1}), ("z/2", {"kind": "c"}), ("z/3", b"{"), ("z/4", {"kind": "b"}))
    assert {b.sensor_type: len(b) for b in got.batches} == {"kind-a": 1}
    assert [(q.topic, q.reason) for q in got.quarantined] == [
        ("z/2", "no_match"),
        ("z/3", "not_json"),
        ("z/4", "missing"),
    ]


def test_what_a_profile_ignores_is_counted_and_nothing_else() -> None:
    ignoring = METER + "ignore: it.type == 'join'\n"
    got = finished(decoder(ignoring), ("meters/V1/up", {"type": "join"}))
    assert (got.ignored, got.batches, got.quarantined) == (1, [], [])


MERGED = """
id: osd
family: low_altitude
name: {zh: 姿态, en: OSD}
moving: true
topics: ["thing/{sn}/osd"]
device: topic.sn
merge: {by: topic.sn, for: 1min}
position: {lon: it.lon, lat: it.lat}
fields:
  battery_pct: {unit: "%", from: it.battery.pct}
"""


def test_pieces_of_a_document_are_merged_and_what_is_remembered_belongs_to_its_message() -> None:
    of = decoder(MERGED)
    got = finished(of, ("thing/D1/osd", {"battery": {"pct": 80}}), ("thing/D1/osd", {"lon": 120.3, "lat": 36.0}))
    (batch,) = got.batches
    assert batch["battery_pct"].tolist() == [80, 80]
    assert np.isnan(batch["lon"][0])
    assert batch["lon"][1] == 120.3
    assert [*got.states] == [("osd", "merge/D1")]
    decoded = of.decode([Envelope("thing/D1/osd", b'{"battery": {"pct": 1}}', NOW + i) for i in range(2)])
    early = decoded.finish(of.registry, 3, 0, 1).states["osd", "merge/D1"]
    assert early is not None
    assert msgspec.msgpack.decode(early)["at"] == NOW


def test_memory_read_back_goes_on_where_it_stopped() -> None:
    got = finished(decoder(MERGED), ("thing/D1/osd", {"battery": {"pct": 80}}))
    kept = [(t, k, v) for (t, k), v in got.states.items() if v is not None]
    again = finished(decoder(MERGED, memories=Memories(kept)), ("thing/D1/osd", {"lon": 120.3, "lat": 36.0}))
    assert again.batches[0]["battery_pct"].tolist() == [80]


def test_remembered_values_join_two_messages_and_give_increases() -> None:
    document = """
    id: pulses
    family: meter
    name: {zh: 脉冲, en: Pulses}
    topics: ["p/{device}"]
    remember: {by: topic.device, values: {count: it.count, site: it.site}}
    when: present(it.count)
    fields:
      more: {unit: "1", from: "increase(it.count, last.count)"}
      site: {kind: text, from: "first(it.site, last.site)"}
    """
    got = finished(decoder(document), *(("p/1", m) for m in ({"site": "S"}, {"count": 5}, {"count": 7}, {"count": 2})))
    (batch,) = got.batches
    assert batch["site"].tolist() == ["S", "S", "S"]
    assert batch["more"].tolist()[1:] == [2, 2]  # a counter that fell has begun again


def test_copies_by_what_the_profile_says_count_as_duplicates() -> None:
    document = METER + "dedupe: {by: 'f\"{it.seq}\"'}\n"
    of = decoder(document)
    first = finished(of, ("meters/V1/up", {"u": 1, "seq": 9}), ("meters/V1/up", {"u": 2, "seq": 9}))
    assert first.known == {"power-meter": {"V1": 1}}
    later = finished(of, Envelope("meters/V1/up", b'{"u": 1, "seq": 9}', NOW + 60_000_000))
    assert later.known == {"power-meter": {"V1": 1}}


def test_a_mended_reading_is_tried_again_at_the_time_it_was_received_first() -> None:
    of = decoder()
    pack = json.dumps([{"pressure_mpa": 1}, {"pressure_mpa": 2}]).encode()
    again = Envelope("city/hydrant/H1", pack, NOW + 9_000_000, inbox_id=4, retry_of=7, first_received_at=NOW, place=1)
    got = finished(of, again)
    (batch,) = got.batches
    assert batch["pressure_mpa"].tolist() == [2]
    assert batch.time.astype(np.int64).tolist() == [NOW + 1]
    assert batch.received_at.astype(np.int64).tolist() == [NOW + 9_000_000]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("into: no-such", "into"),
        ("topics: [meters/x/up]", "topics[0]"),
        ("topics: ['city/other/{device}']", "topics[0]"),
        ("topics: ['a/{b*}/c']", "topics[0]"),
        ("late: 5s", "late"),
        ("fields: {nothing: it.x}", "fields.nothing"),
        ("fields: {total_kwh: {unit: J, from: it.x}}", "fields.total_kwh.unit"),
        ("fields: {total_kwh: 'it.x +'}", "fields.total_kwh.from"),
    ],
)
def test_what_is_wrong_with_a_document_is_named_with_its_path(change: str, path: str) -> None:
    key = change.partition(":")[0]
    text = METER if key == "fields" else "\n".join(x for x in METER.splitlines() if not x.startswith(key + ":"))
    text = text.partition("fields:")[0] if key == "fields" else text
    with pytest.raises(SensorTypeError) as e:
        sensor_type_from(f"{text}\n{change}\n", known=BUILT_IN)
    assert e.value.path == path


def test_equal_values_polled_again_are_new_rows_though_their_profile_gives_ids() -> None:
    of = decoder(METER.replace("time: {from: it.ts, as: unix_s}", "row_id: '\"L1\"'"))
    polled = [Envelope("meters/V1/up", b'{"u": 230}', NOW + n * 60_000_000) for n in range(3)]
    assert [len(b) for b in finished(of, *polled).batches] == [3]
    again = finished(of, Envelope("meters/V1/up", b'{"u": 230}', NOW + 200_000_000, dup=True))
    assert again.known == {"power-meter": {"V1": 1}}


def test_what_is_too_long_says_which_key_of_the_profile_takes_more() -> None:
    document = """
id: notes
family: meter
name: {zh: 备注, en: Notes}
topics: ["notes/{device}"]
max_bytes: 4000
fields: {note: {kind: text, from: it.note}}
"""
    got = finished(decoder(document), ("notes/A", {"note": "x" * 1025}), ("notes/A", {"note": "x" * 5000}))
    assert [(q.reason, q.detail) for q in got.quarantined] == [
        ("bad_text", "note: 1025 characters are more than 1024; cut it: from: ...[:1024]"),
        ("too_large", "payload: 5012 bytes are more than 4000; say max_bytes: 1048576"),
    ]


def test_readings_without_time_of_one_message_never_reach_into_the_next() -> None:
    of = decoder("""
id: wells
family: meter
name: {zh: 井, en: Wells}
topics: ["wells/{device}/up"]
each: msg.list
fields: {depth_m: {unit: m, range: [0, 9], from: it}}
""")
    lists = [[1, 2, 99], [3, 4, 5, 6], [7]]
    messages = [Envelope("wells/W1/up", json.dumps({"list": m}).encode(), NOW + i) for i, m in enumerate(lists)]
    decoded = of.decode(messages)
    of.registry.add(*decoded.unknown[0])
    assert decoded.make_room() == NOW + 7
    outcome = decoded.finish(of.registry, 1)
    (batch,) = outcome.batches
    assert batch["depth_m"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert batch.time.astype(np.int64).tolist() == [NOW + i for i in (0, 1, 3, 4, 5, 6, 7)]
    assert batch.received_at.astype(np.int64).tolist() == [NOW + i for i in (0, 0, 3, 3, 3, 3, 7)]
    (refused,) = outcome.quarantined  # tried again it finds its place, between the others
    again = Envelope("wells/W1/up", refused.payload, NOW + 9, retry_of=7, first_received_at=refused.received_at)
    decoded = of.decode([again])
    assert decoded.make_room() >= NOW + 9
    assert decoded.parts[0].time.tolist() == [NOW, NOW + 1, NOW + 2]
