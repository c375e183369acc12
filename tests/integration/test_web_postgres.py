"""The web on the real stores: pages, filters, the live stream and the inbox as the data base gives them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from brain.store import open_store
from tests.integration.test_web_live import Server, first, stream
from tests.websupport import INCIDENT, Town, gas_step, town


async def pages(client: Any, path: str, **query: Any) -> list[dict[str, Any]]:
    out: list[dict[str, Any]] = []
    cursor = None
    while True:
        answer = await client.get(path, params={**query, "cursor": cursor} if cursor else query)
        assert answer.status_code == 200, answer.text
        out += answer.json()["items"]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return out


async def test_lists_page_and_filter_on_the_data_base(dsn: str) -> None:
    async with town(store=await open_store(dsn)) as (place, client):
        await place.gas(*range(25))
        await place.drive("TAXI-1", 120.38, 36.06)
        await place.refuse()
        await place.refuse()
        for n in range(3):
            await place.steps(gas_step(1, incident=f"i-{n}", at=1_777_593_603_000_000 + n))
        rows = await pages(client, "/api/v1/observations", sensor_type="gas-detector", limit=7)
        assert [r["lel_pct"] for r in rows] == list(range(25))
        assert len(await pages(client, "/api/v1/observations", limit=3)) == 26
        latest = await pages(client, "/api/v1/observations/latest", limit=1)
        assert {r["device"] for r in latest} == {"G1", "TAXI-1"}
        assert len(await pages(client, "/api/v1/quarantine", limit=1)) == 2
        assert [i["incident"] for i in await pages(client, "/api/v1/incidents", limit=1)] == ["i-2", "i-1", "i-0"]
        assert (await client.get("/health/ready")).status_code == 200
        assert "cloudbrain_database_up 1.0" in (await client.get("/metrics")).text
        total = (await client.get("/api/v1/statistics/ingest")).json()["total"]
        assert total == {"received": 28, "stored": 26, "duplicate": 0, "quarantined": 2}


async def test_a_message_over_http_is_answered_after_its_commit(dsn: str) -> None:
    async with town(store=await open_store(dsn)) as (_, client):
        answers = await asyncio.gather(
            *(client.post("/api/v1/messages/city/gas-detector/G1", json={"lel_pct": n}) for n in (1, 2, 365))
        )
        assert [len(a.json()["rows"]) for a in answers] == [1, 1, 0]
        assert answers[2].json()["refused"][0]["reason"] == "out_of_range"
        (kept,) = await pages(client, "/api/v1/quarantine")
        again = await client.post(f"/api/v1/quarantine/{kept['id']}/retry")
        assert again.json()["refused"][0]["reason"] == "out_of_range"


CURSORS = [
    "WzEsMl0",  # [1,2]
    "WzEsMSwxXQ",  # [1,1,1]
    "Wzk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSwgImEiXQ",  # a number no column can hold
    "WyJhIiwiYiJd",
    "WzkyMjMzNzIwMzY4NTQ3NzU4MDgsImEiXQ",  # 2**63
    "WzkyMjMzNzIwMzY4NTQ3NzU4MDhd",  # [2**63]
    "WyJhXHUwMDAwIiwgImIiXQ",  # a NUL
    "WzEsICJhXHUwMDAwIl0",
]


@pytest.mark.parametrize("name", ["incidents", "observations", "observations/latest", "quarantine", "devices"])
async def test_odd_cursors_and_words_are_never_an_error_of_ours(any_dsn: str, name: str) -> None:
    async with town(store=await open_store(any_dsn)) as (place, client):
        await place.gas(1, 2, 3)
        await place.steps(gas_step(1))
        for cursor in CURSORS:
            answer = await client.get(f"/api/v1/{name}", params={"cursor": cursor, "limit": 1})
            assert answer.status_code in {200, 422}, (cursor, answer.text)
        for word in ("a\x00b", "'; DROP TABLE brain.log; --", "%", "\ud7ff", "x" * 5000):
            for key in ("device", "reason", "topic", "scene", "event", "department", "sensor_type", "district"):
                answer = await client.get(f"/api/v1/{name}", params={key: word})
                assert answer.status_code in {200, 422}, (key, word[:20], answer.text)
        for path in ("/api/v1/incidents/a%00b", "/api/v1/incidents/a%00b/log"):
            assert (await client.get(path)).status_code == 404
        assert (await client.post("/api/v1/incidents/a%00b/acknowledge")).status_code == 404
        odd = {"text": "a\x00b", "by": "x"}
        answer = await client.post(f"/api/v1/incidents/{INCIDENT}/comment", json=odd)
        assert answer.status_code in {200, 422}, answer.text
        answer = await client.put("/api/v1/devices/N1", json={"sensor_type": "vehicle", "site": "a\x00b"})
        assert answer.status_code in {201, 422}, answer.text


async def test_the_live_stream_resumes_on_the_data_base(any_dsn: str) -> None:
    place = Town(store=await open_store(any_dsn))
    await place.found()
    async with Server(place) as s:
        await place.steps(*(gas_step(n, "update" if n > 1 else "raise") for n in range(1, 8)))
        async with stream(s.base, "5") as found:
            assert [(await first(found, "incident", "reset")).id for _ in range(2)] == ["6", "7"]
            await place.steps(gas_step(8, "clear"))
            event = await first(found, "incident", "reset")
            assert (event.id, event.data["incident"]["state"]) == ("8", "cleared")
    await place.store.close()
