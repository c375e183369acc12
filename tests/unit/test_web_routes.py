"""Every route of the API on a MemoryStore: what it answers when asked rightly, and what when asked wrongly."""

from __future__ import annotations

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from brain.errors import StoreError
from brain.store import MemoryStore
from brain.times import iso
from brain.web.app import make_app
from brain.web.context import now_us
from brain.web.settings import WebSettings
from scenes import load
from tests.websupport import CITY, INCIDENT, gas_step, town

MAY = "2026-05-01T00:00:00Z"
INCIDENT_KEYS = {
    "at",
    "seq",
    "op",
    "incident",
    "scene",
    "event",
    "level",
    "state",
    "raised_at",
    "updated_at",
    "cleared_at",
}
LATER = iso(now_us() + 3_600_000_000)
A_YEAR_ON = iso(now_us() + 365 * 86_400_000_000)

# method, path, body, status, words of the detail
WRONG: list[tuple[str, str, Any, int, str]] = [
    ("GET", "/api/v1/incidents?level=pink", None, 422, "level: 'pink'"),
    ("GET", "/api/v1/incidents?state=asleep", None, 422, "state: 'asleep'"),
    ("GET", "/api/v1/incidents?limit=0", None, 422, "limit: '0' is below 1"),
    ("GET", "/api/v1/incidents?limit=1001", None, 422, "limit: '1001' is above 1000"),
    ("GET", "/api/v1/incidents?limit=many", None, 422, "whole number"),
    ("GET", "/api/v1/incidents?open=perhaps", None, 422, "neither true nor false"),
    ("GET", "/api/v1/incidents?cursor=%21%21", None, 422, "cursor"),
    ("GET", "/api/v1/incidents?bbox=1,2", None, 422, "bbox"),
    ("GET", "/api/v1/incidents?start=soon", None, 422, "start"),
    ("GET", "/api/v1/incidents/none", None, 404, "no incident 'none'"),
    ("GET", "/api/v1/incidents/none/log", None, 404, "no incident 'none'"),
    ("POST", "/api/v1/incidents/none/acknowledge", {}, 404, "no incident 'none'"),
    ("POST", "/api/v1/incidents/none/comment", {"text": "x"}, 404, "no incident"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", {}, 422, "text"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", {"text": ""}, 422, "text"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", b"[1]", 422, "expected `object`, got `array`"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", b'{"x":' + b"[" * 5000, 422, "not JSON"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", b"text=x", 422, "not JSON"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", b"\xff", 422, "not JSON"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/acknowledge", {"by": 7}, 422, "by"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/acknowledge", {"by": "a\nb"}, 422, "cannot be printed"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/assign", {"department": "Gas Company!"}, 422, "department"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/assign", {"department": "gas_works"}, 422, "one of operations_centre"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/shelve", {"until": LATER}, 422, "reason"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/shelve", {"until": "later", "reason": "x"}, 422, "until"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/shelve", {"until": MAY, "reason": "x"}, 422, "seven days"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/shelve", {"until": A_YEAR_ON, "reason": "x"}, 422, "seven days"),
    ("GET", "/api/v1/observations?sensor_type=ufo-detector", None, 422, "'ufo-detector' is not registered"),
    ("GET", "/api/v1/observations?limit=10001", None, 422, "above 10000"),
    ("GET", "/api/v1/observations?cursor=zzz", None, 422, "cursor"),
    ("GET", "/api/v1/observations/latest?bbox=x", None, 422, "bbox"),
    ("GET", "/api/v1/devices?district=mars", None, 422, "it has shinan"),
    ("GET", "/api/v1/devices?cursor=zzz", None, 422, "cursor"),
    ("GET", "/api/v1/devices?sensor_type=ufo", None, 422, "not registered"),
    ("PUT", "/api/v1/devices/G9", {"sensor_type": "ufo"}, 422, "not registered"),
    ("PUT", "/api/v1/devices/G9", {}, 422, "sensor_type"),
    ("PUT", "/api/v1/devices/G9", {"sensor_type": "gas-detector", "lon": 1}, 422, "only one of lon and lat"),
    ("PUT", "/api/v1/devices/G9", {"sensor_type": "gas-detector", "lon": 200, "lat": 1}, 422, "lon"),
    ("PUT", "/api/v1/devices/G9", {"sensor_type": "gas-detector", "long": 2}, 422, "long"),
    ("PUT", "/api/v1/devices/a%20b", {"sensor_type": "gas-detector"}, 422, "device_id"),
    ("PUT", "/api/v1/devices/a%23b", {"sensor_type": "gas-detector"}, 422, "device_id"),
    ("PUT", "/api/v1/devices/" + "x" * 129, {"sensor_type": "gas-detector"}, 422, "device_id"),
    ("GET", "/api/v1/sensor-types/ufo", None, 404, "no sensor type 'ufo'"),
    ("GET", "/api/v1/sensor-types?limit=0", None, 422, "limit"),
    ("GET", "/api/v1/quarantine?limit=-1", None, 422, "limit"),
    ("GET", "/api/v1/quarantine?start=x", None, 422, "start"),
    ("POST", "/api/v1/quarantine/7/retry", None, 404, "no record '7'"),
    ("POST", "/api/v1/quarantine/seven/retry", None, 404, "no record 'seven'"),
    ("POST", f"/api/v1/quarantine/{'9' * 30}/retry", None, 404, "no record"),
    ("POST", "/api/v1/messages/", b"{}", 422, "topic"),
    ("POST", "/api/v1/messages/city/%00/x", b"{}", 404, "leave out %00"),
    ("GET", "/api/v1/incidents?scene=a%00b", None, 422, "NUL"),
    ("POST", f"/api/v1/incidents/{INCIDENT}/comment", {"text": "a\x00b"}, 422, "NUL"),
    ("GET", "/api/v1/nothing", None, 404, "/api/v1/nothing"),
    ("GET", "/api/v1/incidents/", None, 404, ""),
    ("GET", "/nothing.js", None, 404, "/nothing.js"),
    ("DELETE", f"/api/v1/incidents/{INCIDENT}", None, 405, "use GET"),
    ("PATCH", f"/api/v1/incidents/{INCIDENT}/log", None, 405, "use GET"),
    ("GET", f"/api/v1/incidents/{INCIDENT}/close", None, 405, "use POST"),
    ("POST", "/api/v1/city", None, 405, "use GET"),
    ("POST", "/index.html", None, 405, "GET"),
    ("TRACE", "/api/v1/city", None, 405, "use GET"),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "says"), WRONG)
async def test_what_is_asked_wrongly_is_a_problem_with_a_sentence(
    method: str, path: str, body: Any, status: int, says: str
) -> None:
    async with town() as (place, client):
        await place.steps(gas_step(1))
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        answer = await client.request(method, path, **content)
        assert answer.headers["content-type"] == "application/problem+json"
        found = answer.json()
        assert (answer.status_code, found["status"]) == (status, status)
        assert says in found["detail"]
        assert found["detail_zh"]
        assert found["title"]
        assert found["instance"] == path.split("?", maxsplit=1)[0] or "%" in path
        assert found["code"].startswith("CB-")
        assert "Traceback" not in answer.text


async def test_all_that_is_wrong_with_a_document_stands_in_the_problem() -> None:
    async with town() as (_, client):
        document = "id: A\nfamily: metre\nname: {zh: 甲, en: A}\nfields: {x: {unit: m, from: it.x +}}\n"
        answer = await client.post("/api/v1/sensor-types", json={"document": document})
        found = answer.json()
        assert answer.status_code == 422
        assert found["detail"].startswith("line 1: id: ")
        assert found["detail"].endswith("; and 2 more, see errors")
        assert "另有 2 处" in found["detail_zh"]
        assert [next(iter(e.values())) for e in found["errors"]] == ["id", "family", "fields.x.from"]
        dry = (await client.post("/api/v1/sensor-types?dry_run=true", json={"document": document})).json()
        assert [e.split(":")[0] for e in dry["errors"]] == ["line 1", "line 2", "line 4"]


async def test_what_was_just_changed_is_read_as_it_is_now_also_before_the_wake_up_has_come() -> None:
    async with town() as (place, client):
        place.app.state.context.wakes.wake = lambda _: None  # it is still on its way
        document = "id: air\nfamily: meter\nname: {zh: 甲, en: Air}\nfields: {x: {unit: m, from: it.x}}\n"
        one = "/api/v1/sensor-types/air"
        for version, text in enumerate((document, document.replace("en: Air", "en: Street")), 1):
            assert (await client.post("/api/v1/sensor-types", json={"document": text})).status_code == 201
            assert (await client.get(one)).json()["version"] == version
        assert (await client.delete(one)).json()["retired"] is True
        assert (await client.get(one)).json()["retired"] is True


async def items(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """All pages of a list."""
    out: list[dict[str, Any]] = []
    cursor = None
    while True:
        parameters = {k: v for k, v in {**query, "cursor": cursor}.items() if v is not None}
        answer = await client.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        out += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return out


async def test_an_incident_shows_its_log_and_the_steps_of_people() -> None:
    async with town() as (place, client):
        await place.steps(gas_step(1), gas_step(2, "update"))
        (one,) = await items(client, "/api/v1/incidents")
        assert one.keys() >= INCIDENT_KEYS
        assert one["state"] == "raised"
        base = f"/api/v1/incidents/{one['incident']}"
        assert (await client.get(base)).json() == one
        first = (await client.post(f"{base}/acknowledge", json={"by": "王警官"})).json()
        assert (first["first"], first["log"]["op"], first["log"]["by"], first["log"]["seq"]) == (
            True,
            "acknowledge",
            "王警官",
            3,
        )
        second = (await client.post(f"{base}/acknowledge", json={"by": "李警官"})).json()
        assert second == {"log": first["log"], "first": False}
        for name, body in [
            ("comment", {"by": "a", "text": "smell of gas"}),
            ("assign", {"department": "gas_company"}),
            ("shelve", {"until": iso(now_us() + 60_000_000), "reason": "drill"}),
            ("close", {"text": "valve replaced"}),
        ]:
            answer = await client.post(f"{base}/{name}", json=body)
            assert answer.status_code == 200, answer.text
            assert answer.json()["first"] is True
        log = (await client.get(f"{base}/log")).json()["items"]
        assert [s["seq"] for s in log] == [1, 2, 3, 4, 5, 6, 7]
        assert [s["op"] for s in log] == ["raise", "update", "acknowledge", "comment", "assign", "shelve", "close"]
        now = (await client.get(base)).json()
        assert (now["state"], now["acknowledged_by"], now["assigned_to"]) == ("closed", "王警官", "gas_company")
        assert now["shelved_until"] is not None
        assert (await client.post(f"{base}/close")).json()["first"] is False
        refused = await client.post(f"{base}/assign", json={"department": "gas_company"})
        assert (refused.status_code, refused.json()["state"]) == (409, "closed")
        assert (await client.post(f"{base}/shelve", json={"until": LATER, "reason": "x"})).status_code == 409


async def test_an_acknowledgement_needs_no_body_and_no_name() -> None:
    async with town() as (place, client):
        await place.steps(gas_step(1))
        answer = await client.post(f"/api/v1/incidents/{INCIDENT}/acknowledge")
        assert answer.json()["log"]["by"] == "operator"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, 3),
        ({"state": "open"}, 2),
        ({"open": "true"}, 2),
        ({"state": "cleared"}, 1),
        ({"state": "acknowledged"}, 1),
        ({"level": "orange"}, 3),
        ({"level": "red"}, 0),
        ({"scene": "travel"}, 0),
        ({"event": "gas_leak"}, 3),
        ({"department": "fire_rescue"}, 3),
        ({"department": "health_120"}, 0),
        ({"bbox": "120,36,121,37"}, 3),
        ({"bbox": "0,0,1,1"}, 0),
        ({"start": "2026-05-01T00:00:03Z"}, 3),
        ({"start": "2026-05-01T00:00:04Z"}, 2),
        ({"end": "2026-05-01T00:00:04Z"}, 1),
    ],
)
async def test_incidents_are_filtered_and_paged_newest_first(query: dict[str, str], found: int) -> None:
    async with town() as (place, client):
        at = 1_777_593_603_000_000
        for n in range(3):
            await place.steps(gas_step(1, incident=f"i-{n}", at=at + n * 1_000_000))
        await place.steps(gas_step(2, "clear", incident="i-0", at=at + 9_000_000))
        await client.post("/api/v1/incidents/i-1/acknowledge")
        all_of_them = await items(client, "/api/v1/incidents", **query)
        by_pages = await items(client, "/api/v1/incidents", **query, limit=1)
        assert len(all_of_them) == found
        assert by_pages == all_of_them
        raised = [i["raised_at"] for i in all_of_them]
        assert raised == sorted(raised, reverse=True)


async def test_observations_come_oldest_first_with_units_and_pages() -> None:
    async with town() as (place, client):
        await place.gas(*range(10, 35))
        await place.drive("TAXI-1", 120.38, 36.06)
        query = {"sensor_type": "gas-detector", "limit": 10}
        first = (await client.get("/api/v1/observations", params=query)).json()
        assert first["units"] == {"gas-detector": {"lel_pct": "%"}}
        rows = await items(client, "/api/v1/observations", **query)
        assert [r["lel_pct"] for r in rows] == list(range(10, 35))
        assert rows[0].keys() >= {"sensor_type", "device", "time", "received_at", "id", "lon", "lat", "status"}
        part = await items(
            client, "/api/v1/observations", device="G1", start="2026-05-01T00:00:05Z", end="2026-05-01T00:00:08Z"
        )
        assert [r["lel_pct"] for r in part] == [15, 16, 17]
        both = await items(client, "/api/v1/observations", sensor_type="gas-detector,vehicle")
        assert {r["sensor_type"] for r in both} == {"gas-detector", "vehicle"}
        assert len(await items(client, "/api/v1/observations")) == 26
        assert await items(client, "/api/v1/observations", bbox="0,0,1,1") == []


async def test_observations_as_csv_and_geojson() -> None:
    async with town() as (place, client):
        await place.gas(1, 2, 3)
        path = "/api/v1/observations?sensor_type=gas-detector&limit=2"
        answer = await client.get(path, headers={"Accept": "text/csv"})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        table = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(r["device"], r["lel_pct"], r["gas"]) for r in table] == [("G1", "1", "CH4"), ("G1", "2", "CH4")]
        following = answer.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
        rest = await client.get(following, headers={"Accept": "text/csv"})
        assert [r["lel_pct"] for r in csv.DictReader(io.StringIO(rest.text))] == ["3"]
        assert "link" not in rest.headers
        shapes = (await client.get(path, headers={"Accept": "application/geo+json"})).json()
        assert shapes["type"] == "FeatureCollection"
        assert shapes["features"][0]["geometry"] == {"type": "Point", "coordinates": [120.37, 36.05]}
        assert (await client.get(path, headers={"Accept": "image/png"})).status_code == 406


async def test_latest_is_one_row_a_device() -> None:
    async with town() as (place, client):
        await place.gas(1, 2, 3)
        await place.gas(7, device="G2")
        rows = await items(client, "/api/v1/observations/latest", sensor_type="gas-detector")
        assert {(r["device"], r["lel_pct"]) for r in rows} == {("G1", 3), ("G2", 7)}
        (row,) = await items(client, "/api/v1/observations/latest", sensor_type="gas-detector", device="G2")
        assert row["device"] == "G2"


async def test_devices_are_listed_by_place_district_and_type() -> None:
    async with town() as (_, client):
        path = "/api/v1/devices"
        everyone = await items(client, path)
        assert [d["id"] for d in everyone] == ["G1", "G2", "TAXI-1", "TAXI-2"]
        assert everyone[0] == {
            "id": "G1", "sensor_type": "gas-detector", "family": "meter", "device_id": everyone[0]["device_id"],
            "lon": 120.37, "lat": 36.05, "site": "RQ-07", "simulated": True,
            "name": {"zh": "探测器一", "en": "Detector 1"},
        }  # fmt: skip
        assert await items(client, path, limit=1) == everyone
        assert [d["id"] for d in await items(client, path, bbox="120,36,121,36.1")] == ["G1"]
        assert [d["id"] for d in await items(client, path, district="shinan")] == ["G1"]
        assert [d["id"] for d in await items(client, path, sensor_type="vehicle")] == ["TAXI-1", "TAXI-2"]
        shapes = (await client.get(path, headers={"Accept": "application/geo+json"})).json()
        assert [f["geometry"] is None for f in shapes["features"]] == [False, False, True, True]
        assert shapes["features"][0]["id"] == "G1"


async def test_a_device_is_registered_and_changed() -> None:
    async with town() as (_, client):
        body = {
            "sensor_type": "gas_detector",
            "lon": 120.4,
            "lat": 36.07,
            "name": {"zh": "新", "en": "new"},
            "capacity": 3,
        }
        made = await client.put("/api/v1/devices/新-9", json=body)
        assert made.status_code == 201, made.text
        assert made.json()["sensor_type"] == "gas-detector"
        again = await client.put("/api/v1/devices/新-9", json={"sensor_type": "gas-detector", "site": "S1"})
        assert again.status_code == 200
        assert (again.json()["lon"], again.json()["site"]) == (None, "S1")
        assert again.json()["device_id"] == made.json()["device_id"]
        assert again.json() in await items(client, "/api/v1/devices")


async def test_sensor_types_are_listed_and_shown() -> None:
    async with town() as (_, client):
        assert [t["id"] for t in await items(client, "/api/v1/sensor-types", limit=1)] == ["gas-detector", "vehicle"]
        one = (await client.get("/api/v1/sensor-types/gas_detector")).json()
        assert one["fields"][0]["unit"] == "%"
        assert (one["topic"], one["late_s"], one["past_s"]) == ("city/gas-detector/<device-id>", 30, 604800)


async def test_a_message_over_http_answers_with_its_rows_or_its_refusal() -> None:
    async with town() as (_, client):
        good = await client.post("/api/v1/messages/city/gas-detector/G1", json={"lel_pct": 12.5})
        assert good.status_code == 200
        assert [(r["device"], r["lel_pct"]) for r in good.json()["rows"]] == [("G1", 12.5)]
        assert (good.json()["refused"], good.json()["duplicates"]) == ([], 0)
        bad = await client.post("/api/v1/messages/city/gas-detector/G1", json={"lel_pct": 365})
        assert bad.status_code == 200
        assert bad.json()["refused"] == [{"reason": "out_of_range", "detail": "lel_pct: 365 is outside 0..100"}]
        assert (await items(client, "/api/v1/observations", device="G1"))[0]["lel_pct"] == 12.5


async def test_a_message_that_ingest_does_not_take_is_kept_and_said_so() -> None:
    async with town(WebSettings(inbox_wait_s=0.05)) as (place, client):
        original = place._answer

        async def asleep(*_: Any) -> None:
            await asyncio.Event().wait()

        place._answer = asleep  # type: ignore[method-assign]
        answer = await client.post("/api/v1/messages/city/gas-detector/G1", json={"lel_pct": 1})
        assert answer.status_code == 503
        assert "will be stored" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "10"
        place._answer = original  # type: ignore[method-assign]
        assert len(await place.store.inbox_take(10)) == 1


async def test_the_quarantine_is_listed_and_tried_again() -> None:
    async with town() as (place, client):
        await place.refuse()
        await place.refuse("lel_pct: is text", payload=b'{"lel_pct":50}')
        found = await items(client, "/api/v1/quarantine", limit=1)
        assert [f["detail"] for f in found] == ["lel_pct: is text", "lel_pct: 365 is outside 0..100"]
        assert found[0].keys() >= {"id", "received_at", "topic", "reason", "payload_base64", "size", "retries"}
        assert await items(client, "/api/v1/quarantine", reason="not_json") == []
        assert len(await items(client, "/api/v1/quarantine", topic="city/gas-detector/G1")) == 2
        mended = await client.post(f"/api/v1/quarantine/{found[0]['id']}/retry")
        assert [r["lel_pct"] for r in mended.json()["rows"]] == [50]
        still = await client.post(f"/api/v1/quarantine/{found[1]['id']}/retry")
        assert still.json()["refused"][0]["reason"] == "out_of_range"
        after = {f["id"]: f["retries"] for f in await items(client, "/api/v1/quarantine")}
        assert after[found[1]["id"]] == 1


async def test_the_ledger_adds_up() -> None:
    async with town() as (place, client):
        await place.gas(1, 2)
        await place.gas(1, 2)
        await place.refuse()
        found = (await client.get("/api/v1/statistics/ingest")).json()
        assert found["total"] == {"received": 5, "stored": 2, "duplicate": 2, "quarantined": 1}
        assert found["sensor_types"]["gas-detector"] == found["total"]
        assert found["since"].endswith("Z")


async def test_drills_are_kept_out_of_every_figure_and_told_beside_them() -> None:
    async with town() as (place, client):
        before = (await client.get("/api/v1/statistics/ingest")).json()
        assert before["exercise"]["total"] == {"received": 0, "stored": 0, "duplicate": 0, "quarantined": 0}
        for device in await place.store.admit([("gas-detector", "exercise:G1")]):
            place.devices[device.name] = device
        await place.gas(1)
        await place.gas(5, 6, 7, device="exercise:G1")
        found = (await client.get("/api/v1/statistics/ingest")).json()
        real = {"received": 1, "stored": 1, "duplicate": 0, "quarantined": 0}
        drills = {"received": 3, "stored": 3, "duplicate": 0, "quarantined": 0}
        assert (found["total"], found["sensor_types"]) == (real, {"gas-detector": real})
        assert found["exercise"] == {"total": drills, "sensor_types": {"gas-detector": drills}}
        assert (await place.app.state.context.feed.measure())["ledger"] == {"total": real, "exercise": drills}
        families = {f.name: f for f in text_string_to_metric_families((await client.get("/metrics")).text)}
        for name, figures in (("cloudbrain_readings", real), ("cloudbrain_exercise_readings", drills)):
            assert {s.labels["outcome"]: s.value for s in families[name].samples} == figures
        assert families["cloudbrain_table_rows"].samples[0].value == 4  # what the table really holds


async def test_the_city_comes_without_its_devices() -> None:
    async with town() as (_, client):
        found = (await client.get("/api/v1/city")).json()
        assert found["name"] == {"zh": "青岛", "en": "Qingdao"}
        assert found["simulated"] is True
        assert "devices" not in found


async def test_scenes_tell_their_thresholds_with_sources_and_what_the_city_changes() -> None:
    scenes = [s for s in load() if s.name == "safety_production"]
    app = make_app(MemoryStore(), CITY, scenes=scenes)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        (one,) = (await client.get("/api/v1/scenes")).json()["items"]
    assert (one["name"], one["version"]) == ("safety_production", scenes[0].version)
    assert "gas_leak" in one["events"]
    assert one["title"].keys() == {"zh", "en"}
    assert {i["sensor_type"] for i in one["interests"]} >= {"gas-detector"}
    assert all(p["source"] and p["text"]["zh"] and p["text"]["en"] for p in one["parameters"])
    assert one["settings"] == [{"districts": ["shinan"], "parameters": {"l1_pct": 8.0}}]


async def test_health_says_which_part_is_not_well() -> None:
    async with town() as (place, client):
        assert (await client.get("/health/live")).json() == {"status": "ok"}
        await place.flush()
        ready = await client.get("/health/ready")
        assert ready.status_code == 200
        assert ready.json()["parts"]["ingest"]["ok"] is True
    async with town(WebSettings(log_quiet_s=-1.0)) as (place, client):
        await place.flush()
        quiet = await client.get("/health/ready")
        assert quiet.status_code == 503
        assert "ingest" in quiet.json()["detail"]
        assert quiet.json()["parts"]["database"]["ok"] is True


async def test_nothing_works_without_the_data_base_but_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: Any, **__: Any) -> Any:
        raise StoreError("connection to server at 10.0.0.7 with password hunter2 failed")

    async with town() as (place, client):
        for name in ("ledger", "log_end", "incidents", "observations"):
            monkeypatch.setattr(place.store, name, gone)
        for path in ("/api/v1/statistics/ingest", "/api/v1/incidents", "/api/v1/observations", "/health/ready"):
            answer = await client.get(path)
            assert answer.status_code == 503, path
            assert "hunter2" not in answer.text
            assert answer.headers["retry-after"]
        metrics = await client.get("/metrics")
        assert metrics.status_code == 200
        assert "cloudbrain_database_up 0.0" in metrics.text
        assert (await client.get("/health/live")).status_code == 200


async def test_what_nobody_expected_is_a_problem_without_a_word_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError("secret of the house")

    async with town() as (place, client):
        monkeypatch.setattr(place.store, "incidents", broken)
        answer = await client.get("/api/v1/incidents")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["reference"] in answer.json()["detail"]
        assert "secret" not in answer.text
        assert "ZeroDivision" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


async def test_metrics_are_prometheus_text_and_hold_the_ledger() -> None:
    async with town() as (place, client):
        await place.gas(1, 2)
        await client.get("/api/v1/incidents")
        answer = await client.get("/metrics")
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        families = {f.name: f for f in text_string_to_metric_families(answer.text)}
        stored = [
            s.value
            for s in families["cloudbrain_readings"].samples
            if s.labels == {"sensor_type": "gas-detector", "outcome": "stored"}
        ]
        assert stored == [2]
        rows = {s.labels["sensor_type"]: s.value for s in families["cloudbrain_table_rows"].samples}
        assert rows == {"gas-detector": 2, "vehicle": 0}
        assert families["cloudbrain_scenes_behind_entries"].samples[0].value == 1
        assert families["cloudbrain_store_devices"].samples[0].value == 4
        assert families["cloudbrain_database_up"].samples[0].value == 1
        assert "process_resident_memory_bytes" in families
        routes = {s.labels["route"] for s in families["cloudbrain_http_requests"].samples}
        assert "/api/v1/incidents" in routes
