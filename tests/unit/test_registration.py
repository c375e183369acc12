"""What a dry run says beyond the rows: copies among them, columns that stay empty, samples that changed."""

from __future__ import annotations

import json
from typing import Any

from brain.registry import Registry
from brain.times import to_us
from ingest.preview import Sample
from ingest.registration import Checked, check, samples_from
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


def test_rows_that_would_count_as_copies_are_told() -> None:
    (warning,) = looked(LISTED, MESSAGE).warnings
    assert warning.startswith("samples[0]: 1 of 2 rows share device, time and row_id")
    assert looked(LISTED + "row_id: key\n", MESSAGE).warnings == []


def test_a_column_that_stays_empty_in_every_sample_is_told() -> None:
    misspelt = LISTED.replace("it.t,", "first(it.tmp, None),") + "row_id: key\nstatus: '\"ok\"'\n"
    told = looked(misspelt, MESSAGE).warnings
    assert any(w.startswith("fields: temp_c are empty in every sample") for w in told), told


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
