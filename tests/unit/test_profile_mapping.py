"""Profiles as a whole: payloads in the shapes that devices really send -> readings and refusals."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from brain.errors import SensorTypeError
from brain.times import to_us
from ingest.decoders import Message, Notes
from ingest.profile.datum import to_wgs84
from ingest.profile.mapping import Mapped, Refused, compile_mapping

KINDS = {"temp_c": "number", "power_w": "number", "open": "boolean", "state": "text", "code": "text"}


class Row(NamedTuple):
    """A reading without where it came from."""

    device: str
    time: int | None
    values: dict[str, Any]


def rows(profile: str, payload: Any, device: str = "D1") -> list[Row | Refused] | None:
    """What a profile (YAML) makes of a message."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    got = compile_mapping(yaml.safe_load(profile), KINDS)(Message(raw, {"device": device}, 0))
    return None if got is None else [Row(*r[:3]) if isinstance(r, Mapped) else r for r in got]


def one(profile: str, payload: Any) -> dict[str, Any]:
    """The values of the only reading."""
    got = rows(profile, payload)
    assert got is not None
    assert len(got) == 1
    assert isinstance(got[0], Row), got[0]
    return got[0].values


def refusal(profile: str, payload: Any) -> Refused:
    """The only refusal."""
    got = rows(profile, payload)
    assert got is not None
    assert len(got) == 1
    assert isinstance(got[0], Refused), got[0]
    return got[0]


def test_a_flat_object() -> None:
    profile = "{time: {from: ts, as: unix_ms}, fields: {temp_c: t, open: door, state: s}}"
    got = rows(profile, {"ts": 1_782_914_400_500, "t": "21.5", "door": "on", "s": 3, "rssi": -70})
    assert got == [Row("D1", to_us("2026-07-01T14:00:00.5Z"), {"temp_c": 21.5, "open": True, "state": "3"})]


def test_dynamic_keys_become_readings_with_their_key_as_id() -> None:
    profile = 'each: filter(msg.params, starts(_key, "em:"))\nrow_id: text(it._key)\nfields: {power_w: it.act_power}'
    got = rows(profile, {"params": {"em:0": {"act_power": 5}, "em:1": {"act_power": 7}, "wifi": {"rssi": 1}}})
    assert got == [
        Row("D1", None, {"id": "em:0", "power_w": 5.0}),
        Row("D1", None, {"id": "em:1", "power_w": 7.0}),
    ]


def test_nested_lists_see_the_element_round_them_and_the_message() -> None:
    profile = """
    each: [msg.flights, it.states]
    device: parent.id
    time: {from: it.t, as: iso}
    fields: {temp_c: it.v, state: msg.site}
    """
    got = rows(
        profile, {"site": "S", "flights": [{"id": "A", "states": [{"t": "1970-01-01T00:00:01Z", "v": 1}]}, {"id": "B"}]}
    )
    assert got == [Row("A", 1_000_000, {"temp_c": 1.0, "state": "S"})]


def test_pairs_of_type_and_value() -> None:
    profile = """
    fields:
      temp_c: find(msg.sensordatavalues, value_type == "T").value
    """
    assert one(
        profile, {"sensordatavalues": [{"value_type": "H", "value": "1"}, {"value_type": "T", "value": "2.5"}]}
    ) == {"temp_c": 2.5}


def test_bytes_inside_of_a_document() -> None:
    profile = "{let: {raw: base64(msg.data)}, fields: {temp_c: {from: 'signed(bits(raw, 0, 16), 16)', scale: 0.1}}}"
    assert one(profile, {"data": "/5w="}) == {"temp_c": -10.0}


def test_a_frame_in_hexadecimal() -> None:
    profile = "{input: {format: hex, frame: [{name: t, type: i16, scale: 0.1}]}, fields: {temp_c: t}}"
    assert one(profile, b"ff9c") == {"temp_c": -10.0}


def test_forms_all_or_the_first_that_fits() -> None:
    forms = """
    observations:
      - {when: kind == 1, fields: {temp_c: v}}
      - {when: v > 5, row_id: '"high"', fields: {state: '"high"'}}
    """.replace("\n    ", "\n")
    assert rows(forms, {"kind": 1, "v": 9}) == [
        Row("D1", None, {"temp_c": 9.0}),
        Row("D1", None, {"id": "high", "state": "high"}),
    ]
    assert rows(forms + "choose: first", {"kind": 1, "v": 9}) == [Row("D1", None, {"temp_c": 9.0})]
    assert refusal(forms, {"kind": 2, "v": 1}).reason == "no_match"


def test_messages_to_ignore() -> None:
    profile = "{ignore: msg.kind != 'up', fields: {temp_c: v}}"
    assert rows(profile, {"kind": "join"}) is None
    assert one(profile, {"kind": "up", "v": 1}) == {"temp_c": 1.0}


def test_tables_sentinels_scale_and_truth() -> None:
    profile = """
    fields:
      state: {from: s, table: {0: closed, 1: open}}
      temp_c: {from: t, missing: [65535, "--"], scale: 0.1, offset: -40}
      code: {from: c, table: {1: known, else: other}}
    """
    assert one(profile, {"s": "1", "t": 650, "c": 9}) == {"state": "open", "temp_c": 25.0, "code": "other"}
    assert one(profile, {"s": True, "t": 65535}) == {"state": "open"}
    assert one(profile, {"s": 0.0, "t": "--"}) == {"state": "closed"}
    got = refusal(profile, {"s": 7})
    assert got == Refused("not_in_list", "fields.state.table: 7 is not in the table of 0, 1")


@pytest.mark.parametrize(
    ("position", "payload", "wanted"),
    [
        ("{lon: x, lat: y}", {"x": "120.38", "y": 36.07}, (120.38, 36.07)),
        ("{point: loc}", {"loc": {"type": "Point", "coordinates": [120.38, 36.07]}}, (120.38, 36.07)),
        ("{point: loc, order: latlon}", {"loc": [36.07, 120.38]}, (120.38, 36.07)),
        ("{lon: x, lat: y}", {"x": 0, "y": 0.0}, None),
        ("{lon: x, lat: y}", {"x": 120.38}, None),
        ("{lon: x, lat: y, datum: gcj02}", {"x": 116.41024449916938, "y": 39.91640428150164}, (116.404, 39.915)),
        ("{lon: x, lat: y, datum: gcj02}", {"x": 2.35, "y": 48.85}, (2.35, 48.85)),
    ],
)
def test_positions(position: str, payload: Any, wanted: tuple[float, float] | None) -> None:
    got = one(f"{{position: {position}, fields: {{temp_c: '1'}}}}", payload)
    if wanted is None:
        assert "lon" not in got
    else:
        assert (got["lon"], got["lat"]) == pytest.approx(wanted, abs=1e-7)


def test_the_way_back_from_bd_09_over_gcj_02() -> None:
    assert to_wgs84(116.404, 39.915, "bd09") == pytest.approx(to_wgs84(116.39762729, 39.90865674, "gcj02"), abs=1e-6)


def test_good_readings_beside_bad_ones_stay() -> None:
    got = rows("{each: msg, row_id: text(key), fields: {temp_c: it.t}}", [{"t": 1}, {"t": "warm"}, {"t": 3}])
    assert got is not None
    assert [type(r).__name__ for r in got] == ["Row", "Refused", "Row"]
    assert got[1] == Refused(
        "wrong_type",
        "[1]: fields.temp_c.from: 'warm' stands where a number is wanted; where it means nothing, list it in missing",
    )


@pytest.mark.parametrize(
    ("profile", "payload", "reason", "told"),
    [
        ("fields: {temp_c: t}", b"{", "not_json", "payload: "),
        ("{device: msg.id, fields: {temp_c: t}}", {"t": 1}, "missing", "device: msg.id names no device"),
        ("{time: ts, fields: {temp_c: t}}", {"t": 1, "ts": "soon"}, "bad_time", "time.from: 'soon' is no time"),
        ("{time: ts, fields: {temp_c: t}}", {"t": 1, "ts": "2026-07-01T14:00:00"}, "bad_time", "zone: Asia/Shanghai"),
        ("{each: msg.list, fields: {temp_c: t}}", {"list": 5}, "wrong_type", "each: 5 is neither a list nor an object"),
        ("{each: msg.list, fields: {temp_c: t}}", {}, "no_match", "fits this message: each: msg.list is missing"),
        ("{when: it.k == 1, fields: {temp_c: t}}", {"k": 2}, "no_match", "fits this message: when: it.k == 1 fails"),
        (
            "{each: [{in: msg.list, when: it.ok}], fields: {temp_c: t}}",
            {"list": [{}]},
            "no_match",
            "each[0].when: it.ok fails",
        ),
        (
            "{observations: [{when: a}, {when: b}, {when: a}], fields: {temp_c: t}}",
            {},
            "no_match",
            "observations[0].when: a fails; observations[1].when: b fails; observations[2].when: a fails",
        ),
        ("{each: msg, fields: {temp_c: it}}", [1] * 10_001, "too_large", "more than 10000"),
        ("fields: {open: t}", {"t": "maybe"}, "wrong_type", "'maybe' is neither true nor false"),
        ("fields: {state: t}", {"t": [1]}, "wrong_type", "stands where a text is wanted"),
        ("fields: {temp_c: t}", {"t": "inf"}, "wrong_type", "a number is wanted"),
        (
            "{let: {raw: hex_bytes(msg.d)}, fields: {temp_c: 'raw[0]'}}",
            {"d": "zz"},
            "wrong_type",
            "let.raw: 'zz' is no hex",
        ),
    ],
)
def test_refusals_name_their_place(profile: str, payload: Any, reason: str, told: str) -> None:
    got = refusal(profile, payload)
    assert got.reason == reason
    assert told in got.detail


def test_levels_that_multiply_end_at_the_limit() -> None:
    profile = "{each: [msg, msg, msg], fields: {temp_c: it}}"
    assert refusal(profile, list(range(5_000))).reason == "too_large"


@pytest.mark.parametrize(
    ("profile", "path"),
    [
        ("fields: {unknown: t}", "fields.unknown"),
        ("fields: {}", "fields"),
        ("fields: {temp_c: {from: 'open(1)'}}", "fields.temp_c.from"),
        ("fields: {temp_c: {from: t, scale: x}}", "fields.temp_c.scale"),
        ("fields: {state: {from: t, scale: 2}}", "fields.state.scale"),
        ("fields: {temp_c: {from: t, missing: 5}}", "fields.temp_c.missing"),
        ("fields: {temp_c: {from: t, table: []}}", "fields.temp_c.table"),
        ("{time: {from: t, as: soon}, fields: {temp_c: t}}", "time.as"),
        ("{time: {from: t, zone: x}, fields: {temp_c: t}}", "time.zone"),
        ("{time: {as: iso}, fields: {temp_c: t}}", "time.from"),
        ("{zone: Nowhere/Else, fields: {temp_c: t}}", "zone"),
        ("{position: {lon: x}, fields: {temp_c: t}}", "position"),
        ("{position: {lon: x, lat: y, datum: moon}, fields: {temp_c: t}}", "position.datum"),
        ("{position: {point: x, order: up}, fields: {temp_c: t}}", "position.order"),
        ("{position: {x: 1}, fields: {temp_c: t}}", "position.x"),
        ("{choose: any, fields: {temp_c: t}}", "choose"),
        ("{observations: [], fields: {temp_c: t}}", "observations"),
        ("{observations: [{colour: 1}], fields: {temp_c: t}}", "observations[0].colour"),
        ("{observations: [{when: '('}], fields: {temp_c: t}}", "observations[0].when"),
        ("{let: {it: 1}, fields: {temp_c: t}}", "let.it"),
        ("{let: [], fields: {temp_c: t}}", "let"),
        ("{let: {a: it.a}, let_each: {a: it.b}, fields: {temp_c: t}}", "let_each.a"),
        ("{observations: [{let_each: {x: '('}}], fields: {temp_c: t}}", "observations[0].let_each.x"),
        ("{remember_each: {by: it.a}, fields: {temp_c: t}}", "remember_each.values"),
        ("{let_each: {x: last.y}, remember_each: {by: a, values: {y: b}}, fields: {temp_c: t}}", "let_each.x"),
        ("{input: yaml, fields: {temp_c: t}}", "input"),
        ("{each: [a, b, c, d, e, f, g], fields: {temp_c: t}}", "each"),
        ("{device: '', fields: {temp_c: t}}", "device"),
    ],
)
def test_a_wrong_profile_is_refused_with_its_place(profile: str, path: str) -> None:
    with pytest.raises(SensorTypeError) as e:
        compile_mapping(yaml.safe_load(profile), KINDS)
    assert e.value.path == path


_FULL = compile_mapping(
    yaml.safe_load("""
    zone: Asia/Shanghai
    let: {n: "first(msg.n, 0)"}
    each: first(msg.list, [msg])
    device: first(it.id, topic.device)
    time: first(it.t, msg.t)
    position: {lon: it.x, lat: it.y}
    fields:
      temp_c: {from: it.v * 1.5, missing: [9]}
      state: {from: it.s, table: {a: b, else: c}}
      open: it.o
    """),
    KINDS,
)
_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["n", "list", "id", "t", "x", "y", "v", "s", "o"]), inner, max_size=5)
    ),
    max_leaves=12,
)


@given(_VALUE)
def test_whatever_comes_a_profile_gives_readings_or_refusals(message: Any) -> None:
    got = _FULL(Message(json.dumps(message).encode(), {"device": "D"}, 0))
    if got is None:
        assert message["list"] in ([], {})
        return
    assert got
    for reading in got:
        assert isinstance(reading, Refused) or set(reading.values) <= {"lon", "lat", "temp_c", "state", "open"}


@pytest.mark.parametrize(
    "profile",
    [
        "fields: {temp_c: 'sum(map(it.l, sum(map(msg.l, count(msg.l, it > 0)))))'}",
        "{each: [msg.l, msg.l, msg.l], fields: {temp_c: it}}",
        "{each: msg.l, when: count(msg.l) > 1, fields: {temp_c: 'count(msg.l, it == 1)'}}",
        "{each: msg.l, fields: {temp_c: sum(msg.l)}}",
        "{each: msg.l, fields: {temp_c: 'index(msg.l, 7)'}}",
        "{each: msg.l, fields: {temp_c: 'length(join(msg.l))'}}",
        "{each: msg.l, let_each: {o: 'zip(msg.l, msg.l)'}, fields: {temp_c: o.b}}",
        "{each: msg.l, let_each: {o: 'msg.l[1:]'}, fields: {temp_c: 'o[0]'}}",
        "{each: msg.l, when: 'not (2 in msg.l)', fields: {temp_c: it}}",
    ],
)
def test_a_small_message_cannot_cost_without_end(profile: str) -> None:
    got = rows(profile, {"l": [1] * 5_000})
    assert got is not None
    assert len(got) == 1, got[:2]
    assert isinstance(got[0], Refused)
    assert got[0].reason == "too_large"


def test_a_list_without_elements_is_right_and_holds_nothing() -> None:
    profile = "{each: msg.l, fields: {temp_c: it.t}}"
    assert rows(profile, {"l": []}) is None
    assert refusal(profile, {}).reason == "no_match"


def test_names_of_an_element_are_made_once_for_all_that_read_it() -> None:
    profile = """
    let: {unit: msg.u}
    each: msg.rows
    let_each:
      v: it.value
      site: find(msg.sites, id == v.site)
      raw: {of: hex_bytes(v.hex), frame: [{name: t, type: i16, scale: 0.1}]}
    when: present(site.name)
    device: site.name
    fields: {temp_c: raw.t, state: unit, power_w: {from: v.watts}}
    """
    message = {
        "u": "x",
        "sites": [{"id": 1, "name": "A"}],
        "rows": [
            {"value": {"site": 1, "hex": "00d7", "watts": 5}},
            {"value": {"site": 2, "hex": "00d7"}},
            {"value": {"site": 1, "hex": "00d8", "watts": "many"}},
        ],
    }
    got = rows(profile, message)
    assert got is not None
    assert got[0] == Row("A", None, {"temp_c": 21.5, "state": "x", "power_w": 5})
    assert isinstance(got[1], Refused)
    assert got[1].detail.startswith("rows[2]: fields.power_w.from: 'many' stands where a number is wanted")


def test_names_of_an_element_stand_above_observations_and_in_them() -> None:
    profile = """
    let_each: {a: it.x.a, b: it.x.b}
    observations:
      - {let_each: {b: a * 10, c: a + b}, fields: {temp_c: b, power_w: c}}
      - {when: present(b), fields: {temp_c: b}}
    """
    got = rows(profile, {"x": {"a": 1, "b": 2}})
    assert got == [Row("D1", None, {"temp_c": 10, "power_w": 11}), Row("D1", None, {"temp_c": 2})]


def test_elements_remember_by_themselves_and_those_that_only_tell_are_passed_over() -> None:
    profile = """
    remember: {by: msg.gw, values: {site: msg.site}}
    each: msg.l
    let_each: {n: it.nr}
    remember_each: {by: n, for: 1h, values: {e: it.e}}
    when: present(it.e) or present(it.t)
    device: text(n)
    fields: {temp_c: it.t, power_w: "increase(it.e, last.e)", state: last.site}
    """
    run = compile_mapping(yaml.safe_load(profile), KINDS)
    notes = Notes()

    def read(document: Any, at: int) -> Any:
        got = run(Message(json.dumps(document).encode(), {}, at, notes))
        return None if got is None else [Row(*r[:3]) if isinstance(r, Mapped) else r for r in got]

    first = read({"gw": 1, "site": "A", "l": [{"nr": 1, "e": 5}, {"nr": 2, "e": 7}, {"nr": 1, "e": 6}]}, 0)
    assert first == [Row("1", None, {}), Row("2", None, {}), Row("1", None, {"power_w": 1})]
    second = read({"gw": 1, "l": [{"nr": 2, "e": 9}, {"nr": 1, "e": 6}, {"nr": 3, "t": 1}]}, 1)
    assert second == [
        Row("2", None, {"power_w": 2, "state": "A"}),
        Row("1", None, {"power_w": 0, "state": "A"}),
        Row("3", None, {"temp_c": 1, "state": "A"}),
    ]
    late = read({"gw": 1, "l": [{"nr": 2, "e": 9, "t": 1}]}, 7_200_000_000)
    assert late == [Row("2", None, {"temp_c": 1})]
