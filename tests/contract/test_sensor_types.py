"""Walks the folders of the sensor types: profile, page, samples and the rows they become."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
import pytest

from brain.model import FieldKind
from brain.times import to_us
from ingest.preview import preview
from ingest.profile.native import document_of, sensor_type_from
from ingest.sensor_types import FOLDER, load_builtin

if TYPE_CHECKING:
    from pathlib import Path

METER = "total_m3 total_kwh flow_m3h power_kw supply_c return_c pressure_bar voltage_v current_a battery_pct"
METHANE = "methane_ppm_m methane_background_ppm_m"
BOX = "box_x box_y box_w box_h"
# Section 2 of the public surface.
FIELDS = {
    "gas-detector": ("meter", "lel_pct ppm gas"),
    "water-meter": ("meter", METER),
    "gas-meter": ("meter", METER),
    "heat-meter": ("meter", METER),
    "power-meter": ("meter", METER),
    "heat-station": ("meter", "makeup_m3h supply_bar supply_c"),
    "hydrant": ("meter", "pressure_mpa"),
    "water-level": ("meter", "depth_cm"),
    "rain-gauge": ("meter", "rain_mm"),
    "smoke-detector": ("meter", "smoke_pct alarm"),
    "elevator": ("meter", "state floor load_kg mode"),
    "parking-lot": ("meter", "occupied"),
    "weather": ("meter", "wind_from_deg wind_ms stability air_c visibility_m rain_mm_h road_surface_c"),
    "traffic-detector": ("vehicle", "occupancy_pct speed_kmh flow_vph"),
    "vehicle": ("vehicle", "speed_kmh heading_deg kind route"),
    "ambulance": ("vehicle", "speed_kmh heading_deg kind route duty"),
    "drone": (
        "low_altitude",
        f"speed_ms heading_deg battery_pct mission {METHANE} thermal_max_c ambient_c crowd_per_m2 queue_length_m zone",
    ),
    "video-event": ("video", f"event track confidence count zone pos_err_m snapshot_url {BOX}"),
    "emergency-call": ("service", "call_id complaint priority caller node pos_err_m"),
    "hospital-status": ("service", "state load"),
    "road-status": ("service", "link_from link_to speed_kmh cause"),
}
CLOSED = {
    ("gas-detector", "gas"): "CH4 CO H2S NH3 Cl2 O2",
    ("elevator", "state"): "idle moving stopped_between_floors door_fault alarm_button",
    ("elevator", "mode"): "normal test",
    ("weather", "stability"): "A B C D E F",
    ("ambulance", "duty"): "available dispatched on_scene transporting off_duty",
    ("hospital-status", "state"): "open divert",
}
KEYS = {
    "video-event": ("track", "event", "zone"),
    "emergency-call": ("call_id",),
    "road-status": ("link_from", "link_to"),
}
ONE_HOUR_LATE = {
    "emergency-call",
    "hospital-status",
    "road-status",
    "elevator",
    "smoke-detector",
    "gas-detector",
}
MOVING = {"drone", "vehicle", "ambulance"}
FOLDERS = sorted(p.parent for p in FOLDER.glob("*/profile.yaml"))
by_id = {t.id: t for t in load_builtin()}


def test_the_built_in_types_are_those_of_the_public_surface():
    assert {t.id: (t.family.value, " ".join(f.name for f in t.fields)) for t in load_builtin()} == FIELDS
    assert {p.name for p in FOLDERS} == set(FIELDS)


def test_lists_are_closed_only_where_the_public_surface_closes_them():
    closed = {(t.id, f.name): " ".join(f.values) for t in load_builtin() for f in t.fields if f.values is not None}
    assert closed == CLOSED


def test_keys_lateness_window_and_movement():
    for t in load_builtin():
        assert t.key == KEYS.get(t.id, ())
        assert t.late == (timedelta(hours=1) if t.id in ONE_HOUR_LATE else timedelta(seconds=30)), t.id
        assert (t.past, t.future) == (timedelta(days=7), timedelta(minutes=5))
        assert t.moving == (t.id in MOVING)
        assert (t.admission, t.max_bytes) == ("open", 65536)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_a_profile_is_complete(folder: Path):
    warnings: list[str] = []
    sensor_type = sensor_type_from((folder / "profile.yaml").read_text("utf-8"), warnings)
    assert warnings == []
    assert sensor_type.id == folder.name
    assert sensor_type_from(document_of(sensor_type)) == sensor_type
    assert sensor_type.name.zh
    assert sensor_type.name.en
    for field in sensor_type.fields:
        assert field.label.zh, field.name
        assert field.label.en, field.name
        if field.kind is FieldKind.NUMBER:
            assert field.low is not None, field.name
            assert field.high is not None, field.name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_a_page_names_every_field_in_both_languages(folder: Path):
    page = (folder / "README.md").read_text("utf-8")
    sensor_type = by_id[folder.name]
    assert f"city/{folder.name}/<device-id>" in page
    for field in sensor_type.fields:
        name = "box" if field.name.startswith("box_") else field.name
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        zh, en = (cell.strip() for cell in row.split("|")[3:5])
        assert zh.startswith(field.label.zh)
        assert en.startswith(field.label.en)
        for value in field.values or ():
            assert f"`{value}`" in row


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_samples_become_the_expected_rows(folder: Path):
    rows = []
    samples = sorted((folder / "samples").glob("*.json"))
    assert samples
    for path in samples:
        sample = msgspec.json.decode(path.read_bytes())
        payload = msgspec.json.encode(sample["payload"])
        got = preview(by_id[folder.name], [(sample["topic"], payload)], to_us(sample["received_at"]))[0]
        assert got.refused is None, path.name
        assert got.ignored == [], path.name
        rows += [{k: v for k, v in row.items() if v is not None} for row in got.rows]
    expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
    assert rows == expected
