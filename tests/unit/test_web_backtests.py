"""Backtests over the API: ordered, watched, compared, stopped; bounded and refused with a sentence."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from brain.errors import StoreError
from brain.times import iso
from brain.web import backtest_jobs
from brain.web.app import make_app
from brain.web.settings import WebSettings
from ingest.seed import seed
from scenes.safety_production.scene import SafetyProduction
from tests.unit.engine_world import SECOND, T0
from tests.unit.test_backtest_difference import VALUES
from tests.unit.test_engine_live import CITY, messages, store_with

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from brain.model import Piece
    from brain.store.memory import MemoryStore

BASE = "/api/v1/backtests"
OPS = ["raise", "update", "clear"]
SPAN = {"start": iso(T0), "end": iso(T0 + 10 * SECOND * len(VALUES))}


@contextlib.asynccontextmanager
async def web(store: MemoryStore | None = None) -> AsyncIterator[tuple[MemoryStore, httpx.AsyncClient]]:
    store = store or await store_with()
    await seed(store, CITY, messages(VALUES))
    app = make_app(store, CITY, WebSettings(), [SafetyProduction()])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        try:
            yield store, client
        finally:
            await app.state.context.backtests.close()


async def over(client: httpx.AsyncClient, job_id: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await client.get(f"{BASE}/{job_id}")).json()
            if found["state"] in ("done", "failed", "cancelled"):
                return found
            await asyncio.sleep(0.005)


async def ordered(client: httpx.AsyncClient, **more: Any) -> str:
    answer = await client.post(BASE, json=SPAN | more)
    assert answer.status_code == 202, answer.text
    assert answer.json()["state"] == "queued"
    job_id: str = answer.json()["id"]
    return job_id


async def test_a_lower_threshold_is_compared_and_its_log_is_there() -> None:
    async with web() as (_, client):
        job = await over(client, await ordered(client, set={"safety_production.l1_pct": 15}))
        assert (job["state"], job["progress"], job["error"], job["rows"]) == ("done", 1.0, None, len(VALUES))
        difference = job["difference"]
        assert difference["summary"]["earlier"] == 1
        assert difference["items"][0]["shift_s"]["yellow"] < 0
        assert difference["after"]["set"] == {"safety_production.l1_pct": 15.0}
        log = (await client.get(f"{BASE}/{job['id']}/log")).json()["items"]
        assert len(log) == job["steps"] == difference["after"]["steps"]
        assert {s["rule"]["overlay"] for s in log} == {"set"}
        (listed,) = (await client.get(BASE)).json()["items"]
        assert "items" not in listed["difference"]


async def test_without_comparison_and_against_the_live_log() -> None:
    async with web() as (_, client):
        plain = await over(client, await ordered(client, against=None))
        live = await over(client, await ordered(client, against="log"))
        assert plain["difference"] is None
        assert [s["op"] for s in (await client.get(f"{BASE}/{plain['id']}/log")).json()["items"]] == OPS
        assert live["difference"]["before"]["log"] == "stored"
        assert live["difference"]["summary"]["added"] == 1  # nothing ran live here


async def test_a_job_that_waits_or_runs_can_be_stopped_and_one_that_is_over_forgotten() -> None:
    gate = asyncio.Event()

    async with web() as (store, client):
        history = store.history

        async def slow(*spans: int) -> AsyncIterator[Piece]:
            async for piece in history(*spans):
                await gate.wait()
                yield piece

        store.history = slow  # type: ignore[method-assign, assignment]
        running, waiting = await ordered(client), await ordered(client)
        await client.delete(f"{BASE}/{waiting}")
        await client.delete(f"{BASE}/{running}")
        assert (await over(client, waiting))["state"] == "cancelled"
        gate.set()
        assert (await over(client, running))["state"] == "cancelled"
        assert (await client.delete(f"{BASE}/{running}")).json() == {"id": running}
        assert (await client.get(f"{BASE}/{running}")).status_code == 404
        assert (await over(client, await ordered(client)))["state"] == "done"


async def test_only_so_many_wait_and_only_so_many_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_jobs, "KEPT", 3)
    async with web() as (_, client):
        ids = [await ordered(client, against=None) for _ in range(backtest_jobs.MOST_WAITING)]
        refused = await client.post(BASE, json=SPAN)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        for job_id in ids:
            assert (await over(client, job_id))["state"] == "done"
        last = await ordered(client, against=None)
        assert [j["id"] for j in (await client.get(BASE)).json()["items"]] == [last, *ids[:-3:-1]]


async def test_a_span_with_too_many_rows_fails_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest_jobs, "MOST_ROWS", 3)
    async with web() as (_, client):
        job = await over(client, await ordered(client))
        assert job["state"] == "failed"
        assert "more than 3 rows" in job["error"]


async def test_a_data_base_that_goes_away_fails_the_job_and_says_nothing_of_it() -> None:
    async with web() as (store, client):

        async def gone() -> Any:
            raise StoreError("host db-7 refused")

        load, store.load_registry = store.load_registry, gone  # type: ignore[method-assign]
        job = await over(client, await ordered(client))
        assert job["state"] == "failed"
        assert "db-7" not in job["error"]
        store.load_registry = load  # type: ignore[method-assign]
        assert (await over(client, await ordered(client)))["state"] == "done"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"end": iso(T0)}, "body.end"),
        ({"end": iso(T0 + 32 * 86_400 * SECOND)}, "31 days"),
        ({"start": "soon"}, "body.start"),
        ({"set": {"safety_production.l9": 1}}, 'no parameter "l9"'),
        ({"set": {"travel.x": 1}}, 'no scene "travel"'),
        ({"set": {"safety_production.l1_pct": "low"}}, "float"),
        ({"scenes": ["nope"]}, 'no scene "nope"'),
        ({"against": "tomorrow"}, "body.against"),
        ({"scene": "travel"}, "scene"),
    ],
)
async def test_a_wrong_order_is_refused(more: dict[str, Any], says: str) -> None:
    async with web() as (_, client):
        answer = await client.post(BASE, json=SPAN | more)
        assert answer.status_code == 422
        assert says in answer.json()["detail"]


async def test_a_backtest_nobody_knows_is_not_found() -> None:
    async with web() as (_, client):
        for path in (f"{BASE}/x", f"{BASE}/x/log"):
            assert (await client.get(path)).status_code == 404
        assert (await client.delete(f"{BASE}/x")).status_code == 404
