"""The catalogue: one list of all resources, with owners, figures and access classes."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from brain.catalogue import KINDS, access_of, department_of
from brain.city.check import DEPARTMENTS
from brain.model import Modality, SensorType, Text
from brain.web.catalogue_names import CHINESE
from brain.web.settings import WebSettings
from ingest.sensor_types import load_builtin
from tests.websupport import Town, town

SETTINGS = WebSettings(stories={"gas-leak": Text("燃气泄漏", "Gas leak")})


async def everything(client: Any, **query: Any) -> list[dict[str, Any]]:
    """Items of all pages."""
    items: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/v1/catalogue", params={"limit": 7, "cursor": cursor, **query})).json()
        items += page["items"]
        cursor = page["next_cursor"]
    return items


async def test_every_kind_is_there_in_order_and_pages_hold_each_once() -> None:
    async with town(SETTINGS) as (_, client):
        items = await everything(client)
        keys = [(i["kind"], i["sensor_type"] if i["kind"] == "device" else "", i["id"]) for i in items]
        assert len(keys) == len(set(keys))
        places = [KINDS.index(i["kind"]) for i in items]
        assert places == sorted(places)
        assert {i["kind"] for i in items} >= {"sensor-type", "data-set", "interface", "story", "device"}
        assert (await client.get("/api/v1/catalogue", params={"limit": 1000})).json()["items"] == items
        for kind in KINDS:
            assert await everything(client, kind=kind) == [i for i in items if i["kind"] == kind]


async def test_a_device_has_its_site_or_department_its_district_and_what_was_stored_of_it() -> None:
    async with town() as (place, client):
        await place.gas(1.0, 2.0)
        await place.refuse()
        devices = {i["id"]: i for i in await everything(client, kind="device")}
        assert (devices["G1"]["owner"]["kind"], devices["G1"]["owner"]["id"]) == ("site", "RQ-07")
        assert devices["G2"]["owner"]["id"] == "gas_company"
        assert devices["TAXI-1"]["owner"]["id"] == "transport"
        assert (devices["G1"]["district"], devices["G2"]["district"]) == ("shinan", None)
        assert [i["id"] for i in await everything(client, district="shinan")] == ["G1"]
        assert [i["id"] for i in await everything(client, q="detector 1")] == ["G1"]
        latest = (await client.get("/api/v1/observations/latest", params={"device": "G1"})).json()["items"]
        assert devices["G1"]["newest_at"] == latest[0]["time"]
        assert (devices["G1"]["quarantined"], devices["G2"]["quarantined"]) == (1, 0)


async def test_figures_of_a_data_set_are_those_of_the_ledger() -> None:
    async with town() as (place, client):
        await place.gas(1.0, 2.0, 3.0)
        await place.refuse()
        ledger = (await client.get("/api/v1/statistics/ingest")).json()["sensor_types"]["gas-detector"]
        (found,) = await everything(client, kind="data-set", q="gas_detector")
        assert found["rows"] == ledger["stored"] == 3
        assert found["rows_per_h"] > 0
        assert found["quality"] == round(1 - ledger["quarantined"] / ledger["received"], 4)
        assert found["newest_at"] is not None
        assert found["access"]["class"] == "internal"
        assert found["access"]["reason"]["zh"]


async def test_csv_has_a_line_for_each_and_a_link_to_the_next_page() -> None:
    async with town() as (_, client):
        answer = await client.get("/api/v1/catalogue?limit=2&kind=device", headers={"Accept": "text/csv"})
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert [(x["kind"], x["id"], x["owner"]) for x in lines] == [
            ("device", "G1", "RQ-07"),
            ("device", "G2", "gas_company"),
        ]
        following = answer.headers["link"].partition("<")[2].partition(">")[0]
        more = await client.get(following, headers={"Accept": "text/csv"})
        assert [x["id"] for x in csv.DictReader(io.StringIO(more.text))] == ["TAXI-1", "TAXI-2"]


@pytest.mark.parametrize("query", ["kind=car", "district=nowhere", "cursor=x", "limit=0", "cursor=WyJhIiwiYiIsImMiXQ"])
async def test_what_cannot_be_asked_is_refused_with_a_sentence(query: str) -> None:
    async with town() as (_, client):
        answer = await client.get(f"/api/v1/catalogue?{query}")
        assert answer.status_code == 422
        assert answer.json()["detail_zh"]


def test_every_operation_of_the_api_has_a_chinese_name() -> None:
    operations = {o["operationId"] for methods in Town().app.openapi()["paths"].values() for o in methods.values()}
    assert sorted(operations - CHINESE.keys()) == []


def test_every_built_in_sensor_type_has_an_owner_that_exists_and_a_class_with_a_reason() -> None:
    for t in load_builtin():
        assert department_of(t) in DEPARTMENTS
        access = access_of(t)
        assert access.level in {"public", "internal", "personal"}
        assert access.reason.zh
        assert access.reason.en


def test_what_stores_as_another_type_has_the_class_of_that_type() -> None:
    kind = SensorType(id="vendor", family=Modality.METER, name=Text("", ""), fields=(), into="power-meter")
    assert access_of(kind).level == "personal"
    assert department_of(kind) == "power_company"
