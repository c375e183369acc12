"""What a dry run says beyond the rows: copies among them, columns that stay empty, samples that changed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from brain.errors import SensorTypeError
from brain.registry import Registry
from brain.store.memory import MemoryStore
from brain.times import to_us
from ingest.preview import Sample
from ingest.registration import Checked, check, register, samples_from
from ingest.sensor_types import load_builtin

NOW = to_us("2026-07-01T06:00:10Z")
LISTED = """
id: probes
family: meter
name: {zh: 探头, en: Probes}
topics: ["p/{device}"]
each: msg.l
time: msg.t
fields: {temp_c: {unit: Cel, from: it.t, label: {zh: 温度, en: Temperature}}}
"""
MESSAGE = {"t": "2026-07-01T06:00:00Z", "l": [{"t": 1}, {"t": 2}]}


def looked(document: str, message: Any, registry: Registry | None = None) -> Checked:
    known = registry or Registry(load_builtin(), [])
    return check(document, [Sample("p/D1", json.dumps(message).encode())], known, NOW)


WRONG = """
id: Street Air
family: metre
name: {zh: 站, en: Station}
topics: ["air/{device}/up", "a/#/b"]
zone: Mars/Base
time: {from: it.ts, as: unix_x}
let: {a: "1 +"}
accept: {past: 7}
input: {format: hex, frame: [{name: 7, type: u8}, {name: a, type: u9}]}
fields:
  pm25_ugm3: {unit: ug/m3, range: [9, 0], from: it.pm25 +, scale: x}
  temp_c: {unit: Cel, from: nummer(it.t), unit_from: km/h, missing: 3}
  Bad: it.x
  state: {values: [ok, dirty], from: it.st, requird: true}
"""
WRONG_PLACES = [
    (2, "id"), (3, "family"), (5, "topics[1]"), (6, "zone"), (7, "time.as"), (8, "let.a"), (9, "accept.past"),
    (10, "input.frame[0].name"), (10, "input.frame[1].type"), (12, "fields.pm25_ugm3.range"),
    (12, "fields.pm25_ugm3.from"), (12, "fields.pm25_ugm3.scale"), (13, "fields.temp_c.missing"),
    (13, "fields.temp_c.from"), (13, "fields.temp_c.unit_from"), (14, "fields.Bad"), (15, "fields.state.requird"),
]  # fmt: skip


def test_all_that_is_wrong_with_a_document_is_told_at_once_in_its_order() -> None:
    checked = check(WRONG, [], Registry(load_builtin(), []), NOW)
    assert checked.sensor_type is None
    assert [path for path, _ in checked.wrong] == [path for _, path in WRONG_PLACES]
    for told, (line, path) in zip(checked.errors, WRONG_PLACES, strict=True):
        assert told.startswith(f"line {line}: {path}: "), told
    assert checked.errors[-1].endswith("did you mean required?")


def test_what_stands_above_several_forms_is_told_once_and_where_it_stands() -> None:
    forms = """
id: a
family: meter
name: {zh: 甲, en: A}
topics: ["a/{device}"]
time: {from: it.t, as: noon}
fields: {x: {unit: "1", from: it.x +}, y: {unit: m}}
observations:
  - {when: it.a == 1, fields: {y: it.y}}
  - {when: it.a == , fields: {y: it.z}, whem: 1}
"""
    checked = check(forms, [], Registry(load_builtin(), []), NOW)
    assert [path for path, _ in checked.wrong] == [
        "time.as", "fields.x.from", "observations[1].whem", "observations[1].when",
    ]  # fmt: skip


def test_fields_are_looked_at_though_into_is_wrong_only_where_they_can_be() -> None:
    checked = check("{id: a, name: {zh: 甲, en: A}, into: nothing, late: 1}", [], Registry(load_builtin(), []), NOW)
    assert [path for path, _ in checked.wrong] == ["into", "late"]


def test_a_document_of_nothing_but_errors_is_told_in_part() -> None:
    document = {"id": "a", "family": "meter", "name": {"zh": "甲", "en": "A"}, "fields": {"x": {"unit": "1"}}}
    checked = check({**document, **{f"no{i}": 1 for i in range(90)}}, [], Registry(load_builtin(), []), NOW)
    assert len(checked.errors) == 51
    assert checked.errors[-1] == "and 40 more errors; mend these first"


def test_registering_tells_all_errors_too() -> None:
    with pytest.raises(SensorTypeError) as told:
        asyncio.run(register(MemoryStore(), WRONG))
    assert [e.path for e in told.value.every] == [path for _, path in WRONG_PLACES]
    assert str(told.value).startswith("line 2: id: ")


def test_rows_that_would_count_as_copies_are_told() -> None:
    (warning,) = looked(LISTED, MESSAGE).warnings
    assert warning.startswith("samples[0]: 1 of 2 rows share device, time and row_id")
    assert looked(LISTED + "row_id: key\n", MESSAGE).warnings == []


def test_a_column_that_stays_empty_in_every_sample_is_told() -> None:
    misspelt = LISTED.replace("it.t,", "first(it.tmp, None),") + "row_id: key\nstatus: '\"ok\"'\n"
    told = looked(misspelt, MESSAGE).warnings
    assert any(w.startswith("fields: temp_c are empty in every sample") for w in told), told


def test_the_name_that_was_probably_meant_is_told() -> None:
    document = LISTED + "row_id: key\nlet: {v: msg.volt-age}\n"
    document = document.replace("fields: {", "fields: {b: {unit: V, from: it.volt-age}, c: {unit: V, from: it.zzz}, ")
    told = looked(document.replace("it.t,", "it.tempp,"), {**MESSAGE, "l": [{"temp": 1, "volt-age": 2}]})
    assert told.previews[0].refused == ("missing", "l[0]: none of b, c, temp_c is there")
    assert told.previews[0].ignored == ["l[0].temp", "l[0].volt-age"]
    document = document.replace("from: it.zzz", "from: 1 + 0")
    told = looked(document.replace("it.t,", "it.tempp,"), {**MESSAGE, "l": [{"temp": 1, "volt-age": 2}]})
    (warning,) = [w for w in told.warnings if w.startswith("fields: b, temp_c are empty")]
    assert warning.endswith('(b: it["volt-age"]?, temp_c: l[0].temp?)')


def test_a_name_of_a_device_with_blanks_is_told_where_it_stands_and_what_mends_it() -> None:
    document = LISTED + "row_id: key\ndevice: msg.name\n"
    told = looked(document, {**MESSAGE, "name": "Roof 1"}).previews[0]
    assert told.refused == (
        "bad_text",
        (
            "name: 'Roof 1' is no device id; use 1 to 128 characters without blanks and / + #; "
            "name_of(...) makes one of it"
        ),
    )
    (row, _) = (
        looked(document.replace("msg.name", "name_of(msg.name)"), {**MESSAGE, "name": " Roof 1/a "}).previews[0].rows
    )
    assert row["device"] == "Roof_1_a"


def test_keys_and_kinds_of_other_languages_are_told_in_ours() -> None:
    document = """
id: a
family: meter
name: {zh: 甲, en: A}
topic: "a/{device}"
timezone: UTC
time: {from: it.ts, format: iso}
fields:
  a: {type: string, from: it.a}
  b: {kind: integer, from: it.b, min: 0}
  c: {unit: Cel, from: it.c, factor: 0.1}
observations:
  - {filter: it.x, fields: {a: it.a}}
"""
    errors = check(document, [], Registry([], []), NOW).errors
    assert [e.partition("; ")[2] for e in errors] == [
        "write topics", "write zone", "write as", "write kind", "write range", "write number", "write scale",
        "write when",
    ]  # fmt: skip


def test_words_of_a_table_that_the_list_of_values_does_not_have_are_told() -> None:
    field = "s: {values: [ok, bad], from: it.s, table: {0: ok, 1: broken, 2: null, else: bad}, label: {zh: 态, en: S}}"
    told = looked(LISTED.replace("fields: {", f"fields: {{{field}, ") + "row_id: key\n", MESSAGE).warnings
    assert "fields.s.table: broken would be refused; values has ok, bad" in told
    fits = looked(
        LISTED.replace("fields: {", f"fields: {{{field}, ").replace("broken", "ok") + "row_id: key\n", MESSAGE
    )
    assert not [w for w in fits.warnings if "would be refused" in w]


def test_a_unit_of_one_may_be_written_as_a_number() -> None:
    checked = check(LISTED.replace("unit: Cel", "unit: 1"), [], Registry([], []), NOW)
    assert checked.sensor_type is not None
    assert checked.sensor_type.fields[0].unit == "1"


def test_a_unit_in_another_spelling_is_told_in_that_of_ucum() -> None:
    checked = check(LISTED.replace("unit: Cel", "unit: °C"), [], Registry([], []), NOW)
    assert checked.errors == ["line 8: fields.temp_c.unit: '°C': UCUM writes it Cel"]


def test_a_time_outside_the_window_says_which_end_to_widen() -> None:
    late = looked(LISTED, MESSAGE | {"t": "2020-01-01T00:00:00Z"}).warnings
    early = looked(LISTED, MESSAGE | {"t": "2027-01-01T00:00:00Z"}).warnings
    assert "widen accept: {past: ...}" in late[-1]
    assert "widen accept: {future: ...}" in early[-1]


def test_a_field_that_changes_its_unit_gets_a_column_of_its_own_in_the_next_version() -> None:
    first = looked(LISTED, MESSAGE).sensor_type
    assert first is not None
    registry = Registry([*load_builtin(), first], [])
    second = looked(LISTED.replace("unit: Cel", 'unit: "[degF]"'), MESSAGE, registry)
    assert second.sensor_type is not None
    assert (second.sensor_type.version, second.sensor_type.fields[0].column) == (2, "temp_c__v2")
    assert "field temp_c: unit Cel becomes [degF]; it goes on in column temp_c__v2" in second.changes
    same = looked(LISTED, MESSAGE, registry).sensor_type
    assert same == first


TEXT = """
id: tank-text
family: meter
name: {zh: 液位, en: Tank}
topics: ["tank/{device}"]
input: {format: key_value, pairs: ";"}
fields: {level_m: {unit: m, from: it.L, label: {zh: 液位, en: Level}}}
"""


def test_a_text_as_payload_is_the_message_itself_where_no_json_is_read() -> None:
    known = Registry(load_builtin(), [])
    given = samples_from([{"topic": "tank/T1", "payload": "L=1.25;B=3"}])
    checked = check(TEXT, given, known, NOW)
    assert checked.previews[0].rows[0]["level_m"] == 1.25
    assert checked.samples[0].payload == b"L=1.25;B=3"
    plain = check(TEXT.replace('{format: key_value, pairs: ";"}', "json").replace("it.L", "it"), given, known, NOW)
    assert plain.samples[0].payload == b'"L=1.25;B=3"'


def test_a_profile_that_would_replace_a_built_in_type_is_told() -> None:
    taken = TEXT.replace("tank-text", "elevator")
    told = check(taken, [], Registry(load_builtin(), []), NOW).warnings
    assert any("elevator is a built-in sensor type" in w and "into: elevator" in w for w in told), told
    assert not any("built-in" in w for w in check(TEXT, [], Registry(load_builtin(), []), NOW).warnings)


def test_a_place_a_time_or_an_id_that_no_sample_gives_is_told() -> None:
    slips = """
id: slips
family: meter
name: {zh: 误, en: Slips}
topics: ["s/{device}"]
time: it.tme
row_id: it.nr
position: {lon: it.where.lng, lat: it.where.lat}
fields: {v: {unit: "1", from: it.v, label: {zh: 值, en: Value}}}
"""
    given = [Sample("s/1", b'{"v": 1, "time": "2026-07-01T06:00:00Z", "where": {"lon": 1, "lat": 2}}')]
    told = check(slips, given, Registry([], []), NOW).warnings
    assert [w.split(":")[0] for w in told] == ["position", "row_id", "time"], told
    right = slips.replace("tme", "time").replace("it.nr", "it.v").replace("lng", "lon")
    assert check(right, given, Registry([], []), NOW).warnings == []


def test_a_key_with_a_dash_that_is_read_as_a_subtraction_is_told() -> None:
    dashed = TEXT.replace("it.L", "first(it.level-m, it.total-it.used, it.L)")
    (told,) = check(dashed, [], Registry([], []), NOW).warnings[1:]
    assert told == 'it.level-m: is a subtraction of m; a key with - in it is written it["level-m"]'
