"""Payloads from public repositories, where this machine has them: each becomes the rows that stand here.

They are not part of this repository; without them the tests are skipped and say so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingest.decoders import Message, Notes
from tests.contract.format_walk import FOLDER, captures, load

ROOT = Path(__file__).parents[2]
PLACES = [parent / "shared" / "samples" for parent in (ROOT.parent, ROOT.parent.parent)]  # beside a clone or a worktree
SAMPLES = next((p for p in PLACES if p.is_dir()), PLACES[0])
pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the folder ../shared/samples is not on this machine")


def rows(format_id: str, topic: str, name: str) -> list[tuple[Any, ...]]:
    """Device, time in seconds, and values of each row; a refusal as it is."""
    found = load(FOLDER / format_id)
    taken = captures(found.document["topics"], topic)
    assert taken is not None
    made = found.read(Message((SAMPLES / name).read_bytes(), taken, 0, Notes()))
    assert made is not None
    return [(m.device, m.time, m.values) if hasattr(m, "device") else m for m in made]


def test_an_uplink_of_the_things_stack() -> None:
    device, at = "lorawan:0004A30B001C0530", 1_581_520_545_789_585
    place = {"lon": 23.72678801175413, "lat": 37.97155556731436, "alt_m": 10.0}
    assert rows("lorawan-tts", "v3/app1@tenant1/devices/dev1/up", "lorawan/tts_v3_uplink.json") == [
        (
            device,
            at,
            {"id": "1", **place, "temperature_c": 1.0, "f_cnt": 1.0, "f_port": 0.0, "rssi_dbm": -35.0, "snr_db": 5.0}
            | {"gateways": 1.0, "spreading_factor": 7.0},
        ),
        (device, at, {"id": "1/luminosity", **place, "property": "luminosity", "value": 0.64}),
    ]


def test_an_event_of_frigate() -> None:
    assert rows("frigate", "frigate/events", "frigate/events.json") == [
        (
            "frigate:front_door",
            1_607_123_962_082_975,
            {
                "event": "person_present",
                "track": "1607123955.475377-mxklsc",
                "confidence": 0.87890625,
                "zone": "driveway",
            },
        )
    ]


def test_a_review_of_frigate_is_a_row_for_each_kind_of_object() -> None:
    track = {"track": "1718987129.308396-fqk5ka", "zone": "front_yard"}
    assert rows("frigate", "frigate/reviews", "frigate/reviews.json") == [
        (
            "frigate:front_cam",
            1_718_987_129_308_396,
            {"id": "1718987129.308396-fqk5ka/person", "event": "person_present", **track},
        ),
        (
            "frigate:front_cam",
            1_718_987_129_308_396,
            {"id": "1718987129.308396-fqk5ka/car", "event": "vehicle_present", **track},
        ),
    ]


def test_a_plate_that_frigate_read_is_an_event_without_the_plate() -> None:
    topic = "frigate/tracked_object_update"
    assert rows("frigate", topic, "frigate/tracked_object_update_lpr.json") == [
        (
            "frigate:driveway_cam",
            1_607_123_958_748_393,
            {"event": "plate_read", "track": "1607123955.475377-mxklsc", "confidence": 0.95},
        )
    ]


@pytest.mark.parametrize(
    ("name", "device", "at", "values"),
    [
        (
            "alarm_info_overrides.xml",
            "34020000001320000001",
            1_780_626_600,
            {"lon": 116.397, "lat": 39.908, "event": "motion"},
        ),
        ("alarm_no_alarmtype.xml", "55123456781381000010", 1_780_623_965, {"event": "alarm"}),
        (
            "alarm_video_loss.xml",
            "34020000001320000001",
            1_780_626_600,
            {"status": "fault", "lon": 116.397, "lat": 39.908, "event": "video_loss"},
        ),
    ],
)
def test_alarms_of_gb28181(name: str, device: str, at: int, values: dict[str, Any]) -> None:
    assert rows("gb28181-alarm", "gb28181/alarm", f"gb28181/{name}") == [(device, at * 1_000_000, values)]
