"""A sensor type is registered while everything runs, and its first message is stored."""

from __future__ import annotations

import base64
import json
import subprocess
from typing import Any

AIR = """
id: air-quality
family: meter
name: {zh: 空气质量, en: Air quality}
topics: ["air/{device}/up"]
time: it.ts
fields:
  pm25_ugm3: {unit: ug/m3, range: [0, 1000], from: it.pm25}
"""


def cli(platform: Any, *arguments: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    command = [*platform.arguments[:3], *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=90, input=given)


def test_a_type_is_tried_added_fed_mended_and_retired_without_a_restart(
    platform: Any, sender: Any, until: Any, tmp_path: Any
) -> None:
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat()
    sample = {"topic": "air/A1/up", "payload": {"ts": now, "pm25": 12, "rssi": -70}}
    status, dry = platform.post("/api/v1/sensor-types?dry_run=true", {"document": AIR, "samples": [sample]})
    assert status == 200
    assert (dry["ok"], dry["errors"]) == (True, [])
    assert dry["samples"][0]["rows"][0]["pm25_ugm3"] == 12
    assert dry["samples"][0]["ignored"] == ["rssi"]
    assert "air-quality" not in [t["id"] for t in platform.get("/api/v1/sensor-types")["items"]]

    wrong = AIR.replace("range: [0, 1000]", "range: [1000, 0]")
    status, dry = platform.post("/api/v1/sensor-types?dry_run=true", {"document": wrong})
    assert (status, dry["ok"]) == (200, False)
    assert dry["errors"][0].startswith("line 8: fields.pm25_ugm3.range: ")
    status, problem = platform.post("/api/v1/sensor-types", {"document": wrong})
    assert status == 422
    assert "fields.pm25_ugm3.range" in problem["detail"]

    status, made = platform.post("/api/v1/sensor-types", {"document": AIR, "samples": [sample]})
    assert (status, made["id"], made["version"]) == (201, "air-quality", 1)
    with sender(platform.ready["mqtt"]) as mqtt:
        mqtt.send(1, "air/A1/up", json.dumps({"ts": now, "pm25": 31}))
        mqtt.send(2, "air/A2/up", json.dumps({"ts": now, "pm25": 4000}))
        mqtt.send(3, "air/A3/up", b"\xff")
        mqtt.flush()
    rows = until(lambda: platform.rows(sensor_type="air-quality"))
    assert [(r["device"], r["pm25_ugm3"]) for r in rows] == [("A1", 31)]
    assert platform.get("/api/v1/observations", sensor_type="air-quality")["units"] == {
        "air-quality": {"pm25_ugm3": "ug/m3"}
    }
    refused = until(lambda: len(q := platform.get("/api/v1/quarantine", sensor_type="air-quality")["items"]) == 2 and q)
    assert {q["topic"]: q["reason"] for q in refused} == {"air/A2/up": "out_of_range", "air/A3/up": "not_json"}
    assert "pm25: 4000 is outside 0..1000" in [q["detail"] for q in refused]

    wider = AIR.replace("[0, 1000]", "[0, 5000]") + '  co2_ppm: {unit: "[ppm]", from: it.co2}\n'
    status, made = platform.post("/api/v1/sensor-types", {"document": wider})
    assert (status, made["version"]) == (201, 2)
    bad = next(q for q in refused if q["reason"] == "out_of_range")
    status, answer = platform.post(f"/api/v1/quarantine/{bad['id']}/retry", {})
    assert status == 200
    assert [r["pm25_ugm3"] for r in answer["rows"]] == [4000]
    status, answer = platform.post(f"/api/v1/quarantine/{bad['id']}/retry", {})
    assert answer["duplicates"] == 1
    status, answer = platform.post("/api/v1/messages/air/A4/up", {"ts": now, "co2": 420})
    assert [r["co2_ppm"] for r in answer["rows"]] == [420]

    data = ("--data-dir", str(platform.data_dir))
    assert cli(platform, "sensor-type", "add", "cjt188-water", *data).returncode == 0
    shown = cli(platform, "sensor-type", "show", "air-quality", "--document", *data)
    assert shown.stdout.strip() == wider.strip()
    assert "+  co2_ppm" in cli(platform, "sensor-type", "diff", "air-quality", *data).stdout
    assert cli(platform, "sensor-type", "retire", "air-quality", *data).returncode == 0
    until(lambda: platform.post("/api/v1/messages/air/A4/up", {"ts": now, "co2": 1})[1]["refused"])
    assert len(platform.rows(sensor_type="air-quality")) == 3
    total = platform.ledger()
    assert total["received"] == total["stored"] + total["duplicate"] + total["quarantined"]

    document, message = tmp_path / "air.yaml", tmp_path / "message.json"
    document.write_text(AIR)
    message.write_text(json.dumps({"ts": now, "pm25": 7}))
    checked = cli(platform, "sensor-type", "check", str(document), "--sample", str(message))
    assert checked.returncode == 0, checked.stderr
    assert '"pm25_ugm3": 7' in checked.stdout
    message.write_text(json.dumps({"ts": now, "pm25": "?"}))
    checked = cli(platform, "sensor-type", "check", str(document), "--sample", str(message))
    assert checked.returncode == 1
    assert "wrong_type" in checked.stdout


def test_bytes_and_topics_that_begin_with_a_dollar_come_in(platform: Any, sender: Any, until: Any) -> None:
    document = """
    id: iot-da
    family: meter
    name: {zh: 云, en: Cloud}
    topics: ["$oc/devices/{device}/sys/properties/report", "/sys/{device}/thing/#"]
    input: {format: base64, frame: [{name: t, type: i16}]}
    fields: {temp_c: {unit: Cel, from: it.t, scale: 0.1}}
    """
    sample = {"topic": "/sys/D/thing/x", "payload_base64": base64.b64encode(b"ANc=").decode()}
    status, made = platform.post("/api/v1/sensor-types", {"document": document, "samples": [sample]})
    assert status == 201, made
    with sender(platform.ready["mqtt"]) as mqtt:
        mqtt.send(1, "$oc/devices/D1/sys/properties/report", b"ANc=")
        mqtt.send(2, "/sys/D2/thing/event/post", b"/////w==")
        mqtt.send(3, "/sys/D3/thing", b"AAA=")
        mqtt.flush()
    rows = until(lambda: len(r := platform.rows(sensor_type="iot-da")) == 3 and r)
    assert {r["device"]: r["temp_c"] for r in rows} == {"D1": 21.5, "D2": -0.1, "D3": 0}


def test_all_of_a_reason_is_tried_again_once_its_type_is_registered(platform: Any, sender: Any, until: Any) -> None:
    document = """
    id: wells
    family: meter
    name: {zh: 井, en: Wells}
    fields: {depth_m: {unit: m, from: it.d}}
    """
    with sender(platform.ready["mqtt"]) as mqtt:
        for n in range(30):
            mqtt.send(n, f"city/wells/W{n % 3}", json.dumps({"d": n}))
        mqtt.flush()
    ask = "/api/v1/quarantine/summary"
    until(lambda: sum(g["count"] for g in platform.get(ask)["items"]) == 30)
    assert platform.post("/api/v1/sensor-types", {"document": document})[0] == 201
    done = cli(platform, "quarantine", "retry", "--reason", "unknown_sensor_type", "--data-dir", str(platform.data_dir))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "30 tried again, 30 stored, 0 wait"
    rows = platform.rows(sensor_type="wells")
    assert sorted(r["depth_m"] for r in rows) == list(range(30))
    again = cli(platform, "quarantine", "retry", "--data-dir", str(platform.data_dir))
    assert again.stdout.strip() == "0 tried again, 0 stored, 0 wait"
    assert len(platform.rows(sensor_type="wells")) == 30
