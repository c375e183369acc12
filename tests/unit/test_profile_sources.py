"""Where values of a profile come from: sentinels, tables, units, zones, places; what goes from message to message."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from brain.errors import SensorTypeError
from brain.times import to_us
from ingest.decoders import Message, Notes
from ingest.profile.clock import zone_named
from ingest.profile.functions import FUNCTIONS, WrongValueError
from ingest.profile.mapping import Mapped, Refused, compile_mapping
from ingest.profile.units import convert

KINDS = {"t": "number", "word": "text", "flag": "boolean", "box": "box"}


def read(profile: str, *payloads: Any, topics: list[dict[str, str]] | None = None) -> list[Mapped | Refused]:
    """The readings of messages one after the other, 10 s apart."""
    run, memory = compile_mapping(yaml.safe_load(profile), KINDS), Notes()
    out: list[Mapped | Refused] = []
    for i, payload in enumerate(payloads):
        raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        captures = topics[i] if topics else {"device": "D1"}
        out += run(Message(raw, captures, i * 10_000_000, memory)) or []
    return out


def values(profile: str, payload: Any) -> Any:
    [got] = read(profile, payload)
    return got.values if isinstance(got, Mapped) else (got.reason, got.detail)


@pytest.mark.parametrize(
    ("source", "missing", "payload", "wanted"),
    [
        ("number(it.a)", ["--"], {"a": "--"}, None),
        ("number(it.a)", ["--"], {"a": " -- "}, None),
        ("number(it.a)", ["--"], {"a": "21,5 C"}, 21.5),
        ("it.a * 0.1", [65535], {"a": 65535}, None),
        ("it.a * 0.5", [65535], {"a": 6553}, 3276.5),
        ("it.a", [-999], {"a": "-999.0"}, None),
        ("it.a", ["-999"], {"a": -999}, None),
        ("int(it.a, 16)", [65535], {"a": "ffff"}, None),
        ("mean(it.a, it.b)", [32767], {"a": 20, "b": 32767}, 20),
        ("first(it.a, it.b)", [0], {"a": 0, "b": 7}, 7),
        ("it.a if it.q == 0 else it.b", [0], {"a": 5, "b": 6, "q": 0}, 5),
        ("it.list[it.i]", [0], {"list": [5, 6], "i": 0}, 5),
        ("find(it.list, n == 0).v", [0], {"list": [{"n": 0, "v": 3}]}, 3),
        ("split(it.a, ',')[1]", ["x"], {"a": "1,x"}, None),
    ],
)
def test_what_means_nothing_is_found_before_anything_is_computed(
    source: str, missing: list[Any], payload: Any, wanted: float | None
) -> None:
    profile = yaml.safe_dump({"fields": {"t": {"from": source, "missing": missing}, "word": "'x'"}})
    assert values(profile, payload) == {"word": "x", **({} if wanted is None else {"t": wanted})}


@pytest.mark.parametrize("missing", [[True], [[1]], "--", {"a": 1}])
def test_what_means_nothing_is_a_list_of_numbers_and_texts(missing: Any) -> None:
    with pytest.raises(SensorTypeError) as told:
        compile_mapping({"fields": {"t": {"from": "it.t", "missing": missing}}}, KINDS)
    assert told.value.path == "fields.t.missing"


def test_times_and_positions_have_values_that_mean_nothing() -> None:
    profile = """
        time: {from: it.ts, as: unix_s, missing: [0]}
        position: {lon: it.x, lat: it.y, alt_m: it.z, missing: [181, 91, -1000]}
        fields: {t: it.t}
    """
    [got] = read(profile, {"ts": 0, "x": 181, "y": 91, "z": -1000, "t": 1})
    assert isinstance(got, Mapped)
    assert (got.time, got.values) == (None, {"t": 1.0})


def test_a_table_may_keep_what_is_not_in_it() -> None:
    profile = "{fields: {word: {from: it.a, table: {0: ok}, keep_unlisted: true}}}"
    assert values(profile, {"a": 0}) == {"word": "ok"}
    assert values(profile, {"a": "E7"}) == {"word": "E7"}


@pytest.mark.parametrize("entry", ["keep_unlisted: true", "table: {0: ok, else: no}, keep_unlisted: true"])
def test_keeping_needs_a_table_without_else(entry: str) -> None:
    with pytest.raises(SensorTypeError, match="stands beside a table without else"):
        compile_mapping(yaml.safe_load(f"{{fields: {{word: {{from: it.a, {entry}}}}}}}"), KINDS)


def test_tables_of_let_are_looked_up_by_any_spelling_of_a_key() -> None:
    profile = """
        let: {words: {table: {1: one, false: never, else: other}}, of: {of: msg.k, table: {1: uno}}}
        fields: {word: 'f"{lookup(words, it.a)}-{first(of, 0)}"'}
    """
    assert values(profile, {"a": "1", "k": 1.0}) == {"word": "one-uno"}
    assert values(profile, {"a": True, "k": 2}) == {"word": "one-0"}
    assert values(profile, {"a": "z"}) == {"word": "other-0"}


@pytest.mark.parametrize(
    ("let", "path"),
    [("{a: {table: []}}", "let.a.table"), ("{a: {table: {1: 2}, frame: []}}", "let.a.frame")],
)
def test_a_wrong_table_of_let_is_refused_with_its_place(let: str, path: str) -> None:
    with pytest.raises(SensorTypeError) as told:
        compile_mapping({"let": yaml.safe_load(let), "fields": {"t": "it.t"}}, KINDS)
    assert told.value.path == path


def test_units_that_only_the_quantity_tells_apart() -> None:
    assert convert("F", "Cel")[0] == pytest.approx(5 / 9)
    assert convert("度", "kW.h") == (1.0, 0.0)
    assert convert("度", "deg") == (1.0, 0.0)
    assert convert("F", "uF") == (1e6, 0.0)


def test_a_unit_that_the_message_leaves_out_says_how_to_give_a_default() -> None:
    fields = {"t": {"from": "it.t", "unit_from": "it.u", "unit_to": "Cel", "missing": ["--"]}}
    reason, told = values(json.dumps({"fields": fields}), {"t": 1})
    assert reason == "missing"
    assert told.endswith('write first(it.u, "Cel")')
    assert values(json.dumps({"fields": {**fields, "word": "'x'"}}), {"t": "--"}) == {"word": "x"}


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("Asia/Shanghai", 8), ("+08:00", 8), ("UTC+8", 8), ("GMT-0330", -3.5), ("Z", 0), (8, 8), (-5, -5), (480, 8),
     (28_800, 8), ("28800", 8), ("8", 8), (5.5, 5.5), (0, 0)],
)  # fmt: skip
def test_the_zone_may_stand_in_the_message(zone: Any, hours: float) -> None:
    profile = "{zone: it.tz, time: it.at, fields: {t: it.t}}"
    [got] = read(profile, {"at": "2026-07-01 12:00:00", "tz": zone, "t": 1})
    assert isinstance(got, Mapped)
    assert got.time == to_us("2026-07-01T12:00:00Z") - int(hours * 3_600_000_000)


@pytest.mark.parametrize("zone", ["Mars", "+99:00", 1e9, "", None, [], True, "0800", 800, 7.1])
def test_a_zone_that_is_none_is_told(zone: Any) -> None:
    reason, _ = values("{zone: it.tz, time: it.at, fields: {t: it.t}}", {"at": "2026-07-01 12:00", "tz": zone, "t": 1})
    assert reason == "bad_time"


def test_a_time_with_a_zone_of_its_own_needs_none() -> None:
    [got] = read("{zone: it.tz, time: it.at, fields: {t: it.t}}", {"at": "2026-07-01T12:00Z", "t": 1})
    assert isinstance(got, Mapped)
    assert got.time == to_us("2026-07-01T12:00:00Z")


@pytest.mark.parametrize("zone", ["Mars", "+25:00", "Asia/Nowhere"])
def test_a_constant_zone_has_to_exist(zone: str) -> None:
    with pytest.raises(SensorTypeError, match="is no time zone"):
        compile_mapping({"zone": zone, "fields": {"t": "it.t"}}, KINDS)


def test_a_zone_is_not_looked_up_on_the_disk() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        zone_named("../../etc/localtime")


NESTED = "each: [msg.flights, it.states]\n"
PLACES = [
    (NESTED, "it.t", "flights[0].states[1].t"),
    (NESTED, "t", "flights[0].states[1].t"),
    (NESTED, "parent.t", "flights[0].t"),
    (NESTED, "up[0].t", "flights[0].t"),
    (NESTED, "up[1].head.t", "head.t"),
    (NESTED, "msg.head.t", "head.t"),
    (NESTED, 'msg["head"].t', '["head"].t'),
    (NESTED, "topic.t", "topic.t"),
    (NESTED, "head.t", "head.t"),
    (NESTED, "it.t + 0", "flights[0].states[1].word"),
    ("let: {f: msg.flights, g: f}\neach: [g, it.states]\n", "it.t", "flights[0].states[1].t"),
    ("each: [list(msg.flights), it.states]\n", "parent.t", "flights[0].t"),
    ("each: msg.numbers\n", "it", "numbers[0]"),
    ("", "it.head.t", "head.t"),
]


@pytest.mark.parametrize(("levels", "source", "place"), PLACES)
def test_a_refusal_names_the_place_that_a_value_was_read_from(levels: str, source: str, place: str) -> None:
    lets = {"let": {"head": "msg.head"}} if source.startswith("head") else {}
    profile = {**yaml.safe_load(levels or "{}"), **lets, "fields": {"word": source}}
    message = {
        "flights": [{"t": "f", "states": [{"t": "s0"}, {"t": "s1"}]}], "head": {"t": "h"}, "numbers": [5],
    }  # fmt: skip
    run = compile_mapping(profile, KINDS)
    got = run(Message(json.dumps(message).encode(), {"device": "D", "t": "topic"}, 0))
    assert got is not None
    last = got[-1]
    if source == "it.t + 0":  # a text and a number: the step of the profile is told, at the element
        assert isinstance(last, Refused)
        assert last.detail.startswith("flights[0].states[1]: fields.word.from: ")
        return
    assert isinstance(last, Mapped)
    assert last.told("word: is wrong") == f"{place}: is wrong"


def test_a_document_a_line_has_its_place_as_key_and_one_alone_has_none() -> None:
    profile = "{input: csv, row_id: key, fields: {t: it.t}}"
    assert [r.values for r in read(profile, b"t\n1\n2\n") if isinstance(r, Mapped)] == [
        {"id": "0", "t": 1.0},
        {"id": "1", "t": 2.0},
    ]
    assert values("{row_id: key, fields: {t: it.t}}", {"t": 1}) == {"t": 1.0}


LEAVES = """
    input: json_or_text
    merge: {by: topic.device, as: topic.leaf, for: 15s}
    fields: {t: it.temp, word: it.state}
"""


def test_a_value_a_topic_joins_what_is_known_of_the_device() -> None:
    topics = [
        {"device": d, "leaf": leaf} for d, leaf in (("A", "temp"), ("B", "state"), ("A", "state"), ("A", "state"))
    ]
    got = read(LEAVES, b"21.5", b"on", b"off", b"on", topics=topics)
    assert [(r.device, r.values) for r in got if isinstance(r, Mapped)] == [
        ("A", {"t": 21.5}),
        ("B", {"word": "on"}),
        ("A", {"word": "off"}),  # 20 s after: the temperature is as if it had never been said
        ("A", {"word": "on"}),
    ]


def test_what_was_said_again_is_kept_and_what_was_not_is_forgotten() -> None:
    topics = [{"device": "A", "leaf": leaf} for leaf in ("temp", "state", "state")]
    got = read(LEAVES, b"21.5", b"on", b"off", topics=topics)
    assert [r.values for r in got if isinstance(r, Mapped)] == [
        {"t": 21.5},
        {"t": 21.5, "word": "on"},
        {"word": "off"},
    ]


def test_a_key_that_is_not_said_again_is_forgotten_though_others_are() -> None:
    profile = "{merge: {by: topic.device, for: 15s}, fields: {t: it.temp, word: it.state}}"
    got = read(profile, {"temp": 1}, {"state": "on"}, {"state": "off"})
    assert [r.values for r in got if isinstance(r, Mapped)] == [{"t": 1.0}, {"t": 1.0, "word": "on"}, {"word": "off"}]


def test_an_empty_payload_wipes_a_value() -> None:
    topics = [{"device": "A", "leaf": leaf} for leaf in ("state", "temp", "temp")]
    got = read(LEAVES, b"on", b"5", b"", topics=topics)
    assert [r.values for r in got if isinstance(r, Mapped)][-1] == {}


@pytest.mark.parametrize(
    ("states", "wanted"),
    [
        ([False, True, True, False, False], [None, "start", "update", "end", None]),
        (["off", "on", 1, 0], [None, "start", "update", "end"]),
        (["new", "update", "ended"], ["start", "update", "end"]),
        ([None, "pulse"], [None, "pulse"]),
    ],
)
def test_what_became_of_a_state(states: list[Any], wanted: list[str | None]) -> None:
    profile = """
        remember: {by: topic.device, values: {s: it.s}}
        fields: {word: "first(phase(it.s, last.s), '-')"}
    """
    got = read(profile, *({"s": s} for s in states))
    assert [r.values["word"] for r in got if isinstance(r, Mapped)] == [w or "-" for w in wanted]


def test_a_word_of_no_phase_is_told() -> None:
    reason, told = values("{fields: {word: phase(it.s)}}", {"s": "sideways"})
    assert reason == "not_in_list"
    assert "table" in told


@pytest.mark.parametrize(
    ("function", "value", "told"),
    [
        ("hex", "abc", "hex_bytes() reads a hexadecimal text"),
        ("hex_bytes", "abc", "has 3 hexadecimal digits, an odd number"),
        ("hex_bytes", "0x1", "has 1 hexadecimal digits, an odd number"),
        ("hex_bytes", "xy", "is no hexadecimal text"),
        ("degrees", "4875.1", "has 75.1 minutes"),
        ("degrees", "N48", "no angle"),
    ],
)
def test_what_cannot_be_read_is_told_and_never_guessed(function: str, value: str, told: str) -> None:
    with pytest.raises(WrongValueError) as refused:
        FUNCTIONS[function](value)
    assert told in str(refused.value)


def test_degrees_and_minutes_of_both_halves_of_the_world() -> None:
    degrees = FUNCTIONS["degrees"]
    assert [degrees("4807.038", h) for h in ("N", "s", None)] == [48.1173, -48.1173, 48.1173]
    assert (degrees("-02230.0"), degrees(4807.038, "N"), degrees(""), degrees("00030.0", "W")) == (
        -22.5, 48.1173, None, -0.5,
    )  # fmt: skip


def test_bits_are_counted_from_the_front_over_the_borders_of_bytes() -> None:
    bits_at, data = FUNCTIONS["bits_at"], bytes.fromhex("a5f00fc3")
    whole = int.from_bytes(data, "big")
    for first in range(32):
        for count in range(1, 33 - first):
            assert bits_at(data, first, count) == whole >> (32 - first - count) & ((1 << count) - 1)
    assert bits_at(None, 0, 1) is None
    for first, count in ((32, 1), (30, 3), (-1, 1), (0, 65)):
        with pytest.raises(WrongValueError):
            bits_at(data, first, count)


def test_a_position_report_of_a_ship_as_the_published_example_has_it() -> None:
    bits_at, signed = FUNCTIONS["bits_at"], FUNCTIONS["signed"]
    report = FUNCTIONS["sixbit"]("14eG;o@034o8sd<L9i:a;WF>062D")
    assert (len(report), bits_at(report, 0, 6), bits_at(report, 8, 30)) == (21, 1, 316001245)
    assert signed(bits_at(report, 61, 28), 28) / 600000 == pytest.approx(-123.877748, abs=1e-5)
    assert signed(bits_at(report, 89, 27), 27) / 600000 == pytest.approx(49.200283, abs=1e-5)
    with pytest.raises(WrongValueError):
        FUNCTIONS["sixbit"]("14 G")


def test_short_lines_with_many_columns_cannot_cost_without_end() -> None:
    taken = {"format": "fixed_width", "columns": {f"c{i}": [0, 1] for i in range(200)}}
    (got,) = read(json.dumps({"input": taken, "fields": {"word": "it.a"}}), b"x\n" * 10_000)
    assert isinstance(got, Refused)
    assert got.reason == "too_large"


def test_the_size_of_a_picture_may_be_one_expression() -> None:
    profile = """
        let: {sizes: {table: {a: [200, 100]}}}
        fields: {box: {from: it.b, divide: "lookup(sizes, it.c)"}, word: "'x'"}
    """
    assert values(profile, {"b": [20, 10, 20, 10], "c": "a"})["box"] == (0.1, 0.1, 0.1, 0.1)
    assert "box" not in values(profile, {"b": [20, 10, 20, 10], "c": "z"})
