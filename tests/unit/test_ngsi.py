"""NGSI: entities in all their dresses become documents by time; any model becomes a sensor type by itself."""

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
from ingest.decoders import Message, formats
from ingest.ngsi import document_from_entities, document_from_schema
from ingest.preview import Preview, Sample
from ingest.profile.functions import WrongValueError
from ingest.profile.native import sensor_type_from
from ingest.registration import check

ROOT = Path(__file__).parents[2]
PLACES = [parent / "shared" / "samples" / "ngsi" for parent in (ROOT.parent, ROOT.parent.parent)]
SAMPLES = next((p for p in PLACES if p.is_dir()), PLACES[0])
RECEIVED = to_us("2026-07-01T06:00:00Z")


def read(entity: Any) -> list[Any]:
    raw = entity if isinstance(entity, bytes) else json.dumps(entity).encode()
    return formats()["ngsi"].read(Message(raw, {}, 0), {})


def tried(text: str, *messages: Any) -> list[Preview]:
    """What a document makes of messages; it has to be right."""
    type_name = yaml.safe_load(text)["topics"][0].split("/")[1]
    samples = [Sample(f"ngsi/{type_name}/x", json.dumps(m).encode()) for m in messages]
    checked = check(text, samples, Registry({}, {}), RECEIVED)
    assert checked.errors == []
    return checked.previews


NORMALIZED_LD = {
    "id": "urn:ngsi-ld:Air:S1",
    "type": "Air",
    "no2": {"type": "Property", "value": 45, "unitCode": "GQ", "observedAt": "2026-07-01T05:59:00Z"},
    "calibrated": {"type": "Property", "value": True},
    "refDevice": {"type": "Relationship", "object": "urn:ngsi-ld:Device:7"},
    "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [120.4, 36.1]}},
    "@context": ["https://example.org/context.jsonld"],
}
NORMALIZED_V2 = {
    "id": "S1",
    "type": "Air",
    "no2": {"type": "Number", "value": 45, "metadata": {"unitCode": {"type": "Text", "value": "GQ"}}},
    "TimeInstant": {"type": "DateTime", "value": "2026-07-01T05:59:00Z"},
    "calibrated": {"type": "Boolean", "value": True},
    "refDevice": {"type": "Text", "value": "urn:ngsi-ld:Device:7"},
    "location": {"type": "geo:point", "value": "36.1, 120.4"},
}
KEY_VALUES = {
    "id": "S1",
    "type": "Air",
    "no2": 45,
    "dateObserved": "2026-07-01T05:59:00Z",
    "calibrated": True,
    "refDevice": "urn:ngsi-ld:Device:7",
    "location": {"type": "Point", "coordinates": [120.4, 36.1]},
}


WITHOUT_TYPES = {
    "id": "S1",
    "type": "Air",
    "no2": {"value": 45},
    "dateObserved": {"value": "2026-07-01T05:00:00Z/2026-07-01T05:59:00Z"},
    "calibrated": {"value": True},
    "refDevice": {"value": "urn:ngsi-ld:Device:7", "metadata": {}},
    "location": {"type": "geo:json", "value": {"type": "Point", "coordinates": [120.4, 36.1]}},
}
FEATURE = {
    "id": "S1",
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [120.4, 36.1]},
    "properties": {k: v for k, v in NORMALIZED_LD.items() if k != "id"},
}


@pytest.mark.parametrize(
    "entity",
    [NORMALIZED_LD, NORMALIZED_V2, KEY_VALUES, WITHOUT_TYPES, FEATURE],
    ids=["ld", "v2", "keys", "v2 without types", "GeoJSON"],
)
def test_every_dress_of_an_entity_says_the_same(entity: dict[str, Any]) -> None:
    (document,) = read(entity)
    assert document["type"] == "Air"
    assert document["time"] == "2026-07-01T05:59:00Z"
    assert document["location"] == {"type": "Point", "coordinates": [120.4, 36.1]}
    assert {k: document["values"][k] for k in ("no2", "calibrated", "refDevice")} == {
        "no2": 45,
        "calibrated": True,
        "refDevice": "urn:ngsi-ld:Device:7",
    }


def test_what_was_observed_at_different_times_is_told_apart_oldest_first() -> None:
    entity = {
        "id": "a",
        "type": "T",
        "x": {"type": "Property", "value": 1, "observedAt": "2026-07-01T06:00:00Z"},
        "y": {"type": "Property", "value": 2, "observedAt": "2026-07-01T06:30:00+02:00"},
        "z": {"type": "Property", "value": 3},
    }
    assert [(d["time"], d["values"]) for d in read(entity)] == [
        ("2026-07-01T06:30:00+02:00", {"y": 2}),
        ("2026-07-01T06:00:00Z", {"z": 3, "x": 1}),
    ]


def test_lists_notifications_intervals_and_long_names() -> None:
    interval = {"id": "b", "type": "T", "dateObserved": "2026-07-01T05:00:00Z/2026-07-01T06:00:00Z", "x": 1}
    long = {"@id": "c", "@type": ["https://uri.example/T"], "https://uri.example/x": [{"@value": 7}]}
    got = read({"subscriptionId": "s", "data": [interval, long]})
    assert [(d["id"], d["start"], d["time"], d["values"]["x"]) for d in got] == [
        ("b", "2026-07-01T05:00:00Z", "2026-07-01T06:00:00Z", 1),
        ("c", None, None, 7),
    ]
    assert len(read([interval, long])) == 2
    assert len(read({"type": "FeatureCollection", "features": [FEATURE, FEATURE]})) == 2


def test_a_device_is_the_id_without_the_time_that_some_put_behind_it() -> None:
    (document,) = read({"id": "Madrid/Station 7-2016-03-15T11:00:00", "type": "T", "x": 1})
    assert document["device"] == "Madrid_Station_7"


@pytest.mark.parametrize("payload", [b"7", b"{", b'{"id": "a"}', b'[{"type": "T"}]', b'{"data": [1]}', b"null"])
def test_what_is_no_entity_is_refused(payload: bytes) -> None:
    with pytest.raises(WrongValueError, match=r"payload|entity"):
        read(payload)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("type value metadata unitCode observedAt object coordinates a @value data id".split()),  # noqa: SIM905
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["x", "location", "TimeInstant", "@context", "y/z"]), json_values, max_size=4))
def test_any_entity_is_read_or_refused(attributes: dict[str, Any]) -> None:
    entity = {"id": "a", "type": "T", **attributes}
    try:
        documents = read(entity)
    except WrongValueError:
        return
    assert documents
    text, _ = document_from_entities(entity)
    sensor_type_from(text)
    tried(text, entity)


def test_an_entity_becomes_a_sensor_type_that_reads_it() -> None:
    text, doubts = document_from_entities(NORMALIZED_LD)
    assert doubts == []
    (got,) = tried(text, NORMALIZED_LD)
    (row,) = got.rows
    assert (row["device"], row["no2"], row["calibrated"], row["lon"]) == ("urn:ngsi-ld:Air:S1", 45.0, True, 120.4)
    assert row["ref_device"] == "urn:ngsi-ld:Device:7"


def test_one_document_takes_every_dress_and_converts_units_that_messages_tell() -> None:
    text, _ = document_from_entities(NORMALIZED_LD)
    in_mg = {**KEY_VALUES, "no2": {"type": "Property", "value": 0.045, "unitCode": "GP"}}
    previews = tried(text, NORMALIZED_LD, NORMALIZED_V2, KEY_VALUES, in_mg)
    assert [p.rows[0]["no2"] for p in previews] == [45.0, 45.0, 45.0, 45.0]
    wrong = {**KEY_VALUES, "no2": {"type": "Property", "value": 1, "unitCode": "CEL"}}
    (refused,) = tried(text, wrong)
    assert refused.refused is not None
    assert "CEL is temperature" in refused.refused[1]


def test_areas_have_a_middle_and_are_kept_as_text() -> None:
    ring = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]
    entity = {"id": "z", "type": "Zone", "name": "A", "location": {"type": "Polygon", "coordinates": [ring]}}
    text, _ = document_from_entities(entity)
    (got,) = tried(text, entity)
    assert (got.rows[0]["lon"], got.rows[0]["lat"]) == (1.0, 1.0)
    assert json.loads(got.rows[0]["geometry"]) == entity["location"]


def test_names_that_are_taken_or_that_yaml_takes_for_others_are_renamed_or_quoted() -> None:
    entity = {"id": "p", "type": "ParkingSpot", "status": "free", "no": 1, "on": True, "time": 3, "温度": 4}
    text, _ = document_from_entities(entity)
    (got,) = tried(text, entity)
    row = got.rows[0]
    assert (row["parking_spot_status"], row["no"], row["on"], row["time_2"]) == ("free", 1, True, 3)
    assert row["temperature"] == 4


def test_long_texts_and_nested_values_do_not_refuse_the_row() -> None:
    entity = {"id": "p", "type": "T", "words": "x" * 5000, "list": ["a", 1], "address": {"street": "S"}}
    text, _ = document_from_entities(entity)
    (got,) = tried(text, entity)
    assert got.refused is None
    assert got.rows[0]["list"] == '["a",1]'
    assert got.rows[0]["address"] == '{"street":"S"}'


def test_a_schema_becomes_a_sensor_type_with_the_units_of_its_words() -> None:
    schema = {
        "title": "Smart Data Models - Tank schema",
        "allOf": [
            {"$ref": "https://example.org/common.json#/definitions/Commons"},
            {
                "properties": {
                    "type": {"type": "string", "enum": ["Tank"]},
                    "dateObserved": {"type": "string", "format": "date-time"},
                    "temperature": {"type": "number", "description": "Property. Units:'Celsius degrees'. Of the air."},
                    "level": {"type": "number", "minimum": 0, "x-ngsi": {"type": "Property", "units": "meters"}},
                    "windDirection": {"type": "number", "minimum": -180, "maximum": 180},
                    "state": {"type": "string", "enum": ["open", "closed"]},
                    "refDevice": {"anyOf": [{"type": "string"}, {"type": "string", "format": "uri"}]},
                    "parts": {"type": "array", "items": {"type": "string"}},
                    "ok": {"type": "boolean"},
                }
            },
        ],
    }
    text, doubts = document_from_schema(schema)
    made = sensor_type_from(text)
    assert made.id == "ngsi-tank"
    kinds = {f.name: (f.kind.value, f.unit) for f in made.fields}
    assert kinds == {
        "temperature": ("number", "Cel"),
        "level": ("number", "m"),
        "wind_direction": ("number", "deg"),
        "state": ("text", None),
        "ref_device": ("text", None),
        "parts": ("text", None),
        "ok": ("boolean", None),
        "geometry": ("text", None),
    }
    assert any("-180..180" in d for d in doubts)
    entity = {"id": "t", "type": "Tank", "dateObserved": "2026-07-01T05:59:00Z", "windDirection": 186, "parts": ["a"]}
    (got,) = tried(text, entity)
    assert got.rows[0]["wind_direction"] == 186.0


def test_hundreds_of_models_register_in_one_loop() -> None:
    ids = set()
    for i in range(300):
        entity = {"id": f"e{i}", "type": f"Model{i}Observed", "dateObserved": "2026-07-01T05:59:00Z", "value": i}
        text, _ = document_from_entities(entity)
        made = sensor_type_from(text)
        ids.add(made.id)
    assert len(ids) == 300


def test_entities_of_two_types_and_schemas_without_properties_are_refused() -> None:
    with pytest.raises(SensorTypeError, match="several types"):
        document_from_entities([{"id": "a", "type": "A", "x": 1}, {"id": "b", "type": "B", "x": 1}])
    with pytest.raises(SensorTypeError, match="names no properties"):
        document_from_schema({"title": "x"})


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder ../shared/samples is not on this machine")
@pytest.mark.parametrize(
    ("name", "device", "time", "some"),
    [
        (
            "AirQualityObserved.example.json",
            "Madrid-AmbientObserved-28079004",
            "2016-03-15T11:00:00.000Z",
            {"co": 500.0, "relative_humidity": 0.54, "air_quality_level": "moderate", "lon": -3.712247222222222},
        ),
        (
            "AirQualityObserved.example-normalized.json",
            "Madrid-AmbientObserved-28079004",
            "2016-03-15T11:00:00.000Z",
            {"co": 500.0, "no2": 69.0, "precipitation": False, "lat": 40.423852777777775},
        ),
        (
            "AirQualityObserved.example-normalized.jsonld",
            "urn:ngsi-ld:AirQualityObserved:Madrid-AmbientObserved-28079004",
            "2016-03-15T11:00:00.000Z",
            {"co": 500.0, "ref_point_of_interest": "urn:ngsi-ld:PointOfInterest:28079004-Pza.deEspanya"},
        ),
        (
            "ParkingSpot.example-normalized.json",
            "santander:daoiz_velarde_1_5:3",
            "2018-09-21T12:00:00.000Z",
            {"parking_spot_status": "free", "category": '["onStreet"]', "name": "A-13"},
        ),
        (
            "Alert.example.json",
            "Alert:1",
            "2017-01-02T09:25:55.000Z",
            {"category": "traffic", "severity": "high", "sub_category": "trafficJam"},
        ),
        (
            "WaterConsumptionObserved.example-normalized.jsonld",
            "urn:ngsi-ld:Consumer:Consumer01",
            "2021-05-23T23:14:16.000Z",
            {"max_flow": 620.0, "water_consumption": 191051.0, "alarm_in_progress": 1.0, "lat": 50.95822},
        ),
    ],
)
def test_public_entities_register_by_themselves(name: str, device: str, time: str, some: dict[str, Any]) -> None:
    entity = json.loads((SAMPLES / name).read_bytes())
    text, _ = document_from_entities(entity)
    (got,) = tried(text, entity)
    (row,) = got.rows
    assert (row["device"], row["time"]) == (device, time)
    assert {k: row.get(k) for k in some} == some
