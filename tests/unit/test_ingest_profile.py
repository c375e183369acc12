"""Documents that declare a sensor type: what they say, and what is wrong with them, to the path."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from brain.errors import SensorTypeError
from brain.model import FieldKind, Modality
from ingest.preview import preview
from ingest.profile.documents import parsed
from ingest.profile.native import document_of, sensor_type_from

WELL: dict[str, Any] = {
    "id": "well",
    "version": 3,
    "family": "meter",
    "name": {"zh": "井", "en": "Well"},
    "moving": True,
    "late": "2min",
    "accept": {"past": "30d", "future": "500ms"},
    "admission": "closed",
    "max_bytes": 1_048_576,
    "key": ["cover"],
    "fields": {
        "depth_cm": {"unit": "cm", "range": [0, None], "label": {"zh": "水深", "en": "Depth"}},
        "open": {"kind": "boolean", "label": {"zh": "井盖打开", "en": "Cover open"}},
        "cover": {"values": ["shut", "ajar"], "label": {"zh": "井盖", "en": "Cover"}},
        "box": {"kind": "box", "label": {"zh": "框", "en": "Box"}},
    },
}


def test_a_document_says_everything():
    warnings: list[str] = []
    well = sensor_type_from(WELL, warnings)
    assert warnings == []
    assert (well.id, well.version, well.family, well.name.zh) == ("well", 3, Modality.METER, "井")
    assert (well.late, well.past, well.future) == (
        timedelta(minutes=2),
        timedelta(days=30),
        timedelta(milliseconds=500),
    )
    assert (well.admission, well.max_bytes, well.key, well.moving) == ("closed", 1_048_576, ("cover",), True)
    depth, is_open, cover, *box = well.fields
    assert (depth.unit, depth.low, depth.high, depth.label.en) == ("cm", 0.0, None, "Depth")
    assert (is_open.kind, cover.kind, cover.values) == (FieldKind.BOOLEAN, FieldKind.TEXT, ("shut", "ajar"))
    assert [(f.name, f.low, f.high) for f in box] == [(f"box_{c}", 0.0, 1.0) for c in "xywh"]
    assert sensor_type_from(document_of(well)) == well
    assert sensor_type_from(msgspec.json.encode(WELL)) == well


def test_what_is_left_out_has_its_default():
    warnings: list[str] = []
    plain = sensor_type_from("{id: a, family: video, name: {zh: 甲, en: A}, fields: {x: , y: {kind: text}}}", warnings)
    assert (plain.version, plain.admission, plain.max_bytes, plain.key, plain.moving) == (1, "open", 65536, (), False)
    assert (plain.late, plain.past, plain.future) == (timedelta(seconds=30), timedelta(days=7), timedelta(minutes=5))
    assert [w.split(":")[0] for w in warnings] == ["fields.x", "fields"]
    assert "x, y have no label" in warnings[1]


ABSENT = object()
WRONG: list[tuple[str, Any, str]] = [
    ("id", "Gas", "id"),
    ("id", "9a", "id"),
    ("id", "a" * 49, "id"),
    ("id", "a;drop table x", "id"),
    ("id", "gаs", "id"),
    ("id", None, "id"),
    ("version", 0, "version"),
    ("version", True, "version"),
    ("family", "satellite", "family"),
    ("family", ABSENT, "family"),
    ("name", "Well", "name"),
    ("name.zh", 5, "name.zh"),
    ("name.en", "a\nb", "name.en"),
    ("name.fr", "Puits", "name.fr"),
    ("late", 30, "late"),
    ("late", "30 s", "late"),
    ("late", "-5s", "late"),
    ("late", "9999999999d", "late"),
    ("accept", "7d", "accept"),
    ("accept.past", "week", "accept.past"),
    ("accept.back", "7d", "accept.back"),
    ("admission", "maybe", "admission"),
    ("max_bytes", 2_000_000, "max_bytes"),
    ("max_bytes", 0, "max_bytes"),
    ("moving", "yes", "moving"),
    ("key", "cover", "key"),
    ("key", ["lid"], "key[0]"),
    ("key", ["cover", "cover"], "key"),
    ("topic", "a/b", "topic"),
    ("fields", {}, "fields"),
    ("fields", ["depth_cm"], "fields"),
    ("fields", {f"f{i}": {} for i in range(201)}, "fields"),
    ("fields.Depth", {}, "fields.Depth"),
    ("fields.a-b", {}, "fields.a-b"),
    ("fields.time", {}, "fields.time"),
    ("fields.lon", {}, "fields.lon"),
    ("fields.device_id", {}, "fields.device_id"),
    ("fields.ctid", {}, "fields.ctid"),
    ("fields.box_x", {}, "fields.box_x"),
    ("fields.depth_cm", 5, "fields.depth_cm"),
    ("fields.depth_cm.kind", "integer", "fields.depth_cm.kind"),
    ("fields.depth_cm.kind", "box", "fields.depth_cm"),
    ("fields.depth_cm.unit", 5, "fields.depth_cm.unit"),
    ("fields.depth_cm.unit", "cubic metre", "fields.depth_cm.unit"),
    ("fields.depth_cm.range", [5], "fields.depth_cm.range"),
    ("fields.depth_cm.range", [5, 1], "fields.depth_cm.range"),
    ("fields.depth_cm.range", ["0", 1], "fields.depth_cm.range[0]"),
    ("fields.depth_cm.range", [0, float("nan")], "fields.depth_cm.range[1]"),
    ("fields.depth_cm.range", "0..1", "fields.depth_cm.range"),
    ("fields.depth_cm.values", ["a"], "fields.depth_cm.unit"),
    ("fields.depth_cm.label", "Depth", "fields.depth_cm.label"),
    ("fields.depth_cm.labels", {}, "fields.depth_cm.labels"),
    ("fields.open.values", ["a"], "fields.open.values"),
    ("fields.open.unit", "1", "fields.open.unit"),
    ("fields.cover.values", [], "fields.cover.values"),
    ("fields.cover.values", [True], "fields.cover.values[0]"),
    ("fields.cover.values", ["a", "a"], "fields.cover.values"),
    ("fields.cover.range", [0, 1], "fields.cover.range"),
    ("fields.box.range", [0, 1], "fields.box"),
]


@pytest.mark.parametrize(("at", "value", "path"), WRONG, ids=lambda v: str(v)[:40])
def test_what_is_wrong_is_named_with_its_path(at: str, value: Any, path: str):
    document = copy.deepcopy(WELL)
    *parents, last = at.split(".")
    place = document
    for key in parents:
        place = place[key]
    if value is ABSENT:
        del place[last]
    else:
        place[last] = value
    with pytest.raises(SensorTypeError) as e:
        sensor_type_from(document)
    assert e.value.path == path
    assert str(e.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "just words",
        "id: a\n  b: c",
        "{id: a, id: b}",
        "a: &x [1]\nb: *x",
        "!!python/object/apply:os.system [ls]",
        "x" * 300_000,
        b"\xff\xfe",
        "{" * 5000,
        "? [1, 2]\n: x",
    ],
    ids=lambda t: repr(t[:20]),
)
def test_what_is_no_document_is_refused_in_one_sentence(text: str | bytes):
    with pytest.raises(SensorTypeError) as e:
        sensor_type_from(text)
    assert "\n" not in str(e.value)
    assert len(str(e.value)) < 400


def test_a_preview_shows_rows_refusals_and_what_is_ignored():
    well = sensor_type_from(WELL)
    good, bad, odd = preview(
        well,
        [
            ("city/well/W1", b'{"depth_cm": 5, "open": true, "rssi": -70, "device": "W2", "box": [0, 0, 1, 1]}'),
            ("city/well/W1", b'[{"depth_cm": 5}, {"depth_cm": -5, "note": 1, "device": "W2"}]'),
            ("city/other/W1", b"?"),
        ],
        received_at=1_782_885_600_000_000,
    )
    (row,) = good.rows
    assert (row["device"], row["depth_cm"], row["open"], row["box"]) == ("W1", 5.0, True, [0.0, 0.0, 1.0, 1.0])
    assert row["time"] == row["received_at"] == "2026-07-01T06:00:00.000Z"
    assert (good.refused, good.ignored) == (None, ["rssi", "device"])
    assert [r["device"] for r in bad.rows] == ["W1"]
    assert bad.refused == ("out_of_range", "[1].depth_cm: -5 is below 0")
    assert bad.ignored == ["[1].note"]
    assert (odd.rows, odd.ignored) == ([], [])
    assert odd.refused is not None
    assert odd.refused[0] == "unknown_sensor_type"


def test_words_that_yaml_1_1_takes_for_truth_values_are_words() -> None:
    text = """
    id: plug
    family: meter
    name: {zh: 插座, en: Plug}
    fields:
      state: {values: [on, off], from: it.state, table: {ON: on, OFF: off, yes: on}}
      on: {kind: boolean, from: it.on}
      no: {unit: ug/m3, from: it.no}
    """
    made = sensor_type_from(text)
    assert [f.name for f in made.fields] == ["state", "on", "no"]
    assert made.fields[0].values == ("on", "off")
    assert '"ON": "on"' in (made.profile or "")


def test_codes_and_clocks_stay_as_they_are_written_and_numbers_are_numbers() -> None:
    text = "a: [007, 010, 12:30, 2026-01-01, 1e-7, 0x1F, -2, 1.5, .5, true, null, 1_000]"
    assert parsed(text) == {"a": ["007", "010", "12:30", "2026-01-01", 1e-7, 31, -2, 1.5, 0.5, True, None, 1000]}
