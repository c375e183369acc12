"""The live channels and the server over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from brain.errors import ConfigurationError, InUseError, StoreError
from brain.web.serve import run_serve
from brain.web.settings import WebSettings
from tests.websupport import CITY, Town, gas_step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = WebSettings(health_every_s=0.2, frame_every_s=0.05, reset_after=1000)


class Server:
    """A town whose application listens on a free port."""

    def __init__(self, place: Town) -> None:
        self.place = place
        self.stop = asyncio.Event()
        self.port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(
            run_serve(place.store, CITY, (), "127.0.0.1", 0, self.stop, ready=self.port.set_result, settings=QUICK)
        )
        self.base = ""

    async def __aenter__(self) -> Server:
        self.base = f"http://127.0.0.1:{await asyncio.wait_for(self.port, 10)}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        await asyncio.wait_for(self.task, 10)


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[Server]:
    place = Town()
    await place.found()
    async with Server(place) as running:
        yield running


class Event:
    def __init__(self, lines: list[str]) -> None:
        fields = [line.partition(": ")[::2] for line in lines]
        found = dict(fields)
        self.id = found.get("id")
        self.event = found.get("event")
        self.data = json.loads(found["data"]) if "data" in found else None


async def events(answer: httpx.Response) -> AsyncIterator[Event]:
    """Blocks of a stream of server-sent events."""
    lines: list[str] = []
    async for line in answer.aiter_lines():
        if line:
            lines.append(line)
        elif lines:
            yield Event(lines)
            lines = []


@contextlib.asynccontextmanager
async def stream(base: str, last: str | None = None, query: str = "") -> AsyncIterator[AsyncIterator[Event]]:
    headers = {} if last is None else {"Last-Event-ID": last}
    async with (
        asyncio.timeout(20),
        httpx.AsyncClient(timeout=20) as client,
        client.stream("GET", f"{base}/api/v1/live{query}", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream"
        assert "no-cache" in answer.headers["cache-control"]
        yield events(answer)


async def first(found: AsyncIterator[Event], *kinds: str) -> Event:
    async for event in found:
        if event.event in kinds:
            return event
    pytest.fail("the stream ended")


async def test_a_stream_begins_now_and_tells_each_step_with_its_incident() -> None:
    async with server() as s:
        await s.place.steps(gas_step(1))
        async with stream(s.base) as found:
            assert (await anext(found)).id == "1"
            await s.place.steps(gas_step(2, "update"))
            event = await first(found, "incident", "reset")
            assert (event.event, event.id) == ("incident", "2")
            assert event.data["log"]["op"] == "update"
            assert event.data["incident"]["state"] == "raised"
            health = await first(found, "health")
            assert health.id is None
            assert health.data.keys() == {"ledger", "rate_per_s", "lag_s", "at"}
            assert health.data["ledger"]["total"]["received"] == 0


async def test_coming_back_with_the_last_number_gives_every_later_step_exactly_once() -> None:
    """A client that is cut off again and again, while steps keep coming, sees each once and in order."""
    async with server() as s:
        total = 300
        sent = asyncio.Event()

        async def tell() -> None:
            for n in range(1, total + 1):
                await s.place.steps(gas_step(n, "raise" if n == 1 else "update"))
                if n % 7 == 0:
                    await asyncio.sleep(0)
            sent.set()

        teller = asyncio.create_task(tell())
        seen: list[int] = []
        cuts = 0
        last = "0"
        while len(seen) < total:
            async with stream(s.base, last) as found:
                async for event in found:
                    assert event.event != "reset"
                    if event.event == "incident":
                        seen.append(int(event.id or 0))
                        last = event.id or last
                        if len(seen) % 23 == 0 or len(seen) == total:
                            cuts += 1
                            break
        await teller
        assert seen == list(range(1, total + 1))
        assert cuts > 10
        assert [e["seq"] for e in await s.place.store.incident_log(gas_step(1).incident)] == list(range(1, total + 1))


@pytest.mark.parametrize("last", ["999999", "-1", "abc", "9" * 30])
async def test_an_unknown_number_is_told_to_begin_anew_and_goes_on_from_there(last: str) -> None:
    async with server() as s:
        await s.place.steps(gas_step(1))
        async with stream(s.base, last) as found:
            reset = await first(found, "reset", "incident")
            assert (reset.event, reset.id) == ("reset", "1")
            await s.place.steps(gas_step(2, "update"))
            assert (await first(found, "incident")).id == "2"


async def test_a_number_too_old_is_told_to_begin_anew() -> None:
    async with server() as s:
        await s.place.steps(*(gas_step(n, "update" if n > 1 else "raise") for n in range(1, 1012)))
        async with stream(s.base, "5") as found:
            assert (await first(found, "reset", "incident")).event == "reset"
        async with stream(s.base, query="?after=1009") as found:
            assert [(await first(found, "incident", "reset")).id for _ in range(2)] == ["1010", "1011"]


async def test_a_listener_that_reads_slowly_gets_everything_in_the_end() -> None:
    """More steps than the ring holds, while the client reads nothing: nothing is lost, the order stays."""
    async with server() as s:
        async with stream(s.base) as found:
            await anext(found)
            total = 2600
            for low in range(1, total + 1, 200):
                await s.place.steps(
                    *(gas_step(n, "update" if n > 1 else "raise") for n in range(low, min(low + 200, total + 1)))
                )
            seen = [int((await first(found, "incident", "reset")).id or 0) for _ in range(total)]
        assert seen == list(range(1, total + 1))


async def test_the_steps_of_people_reach_every_listener() -> None:
    async with server() as s, httpx.AsyncClient(base_url=s.base) as client:
        await s.place.steps(gas_step(1))
        async with stream(s.base) as one, stream(s.base) as other:
            await anext(one)
            await anext(other)
            await client.post(f"/api/v1/incidents/{gas_step(1).incident}/acknowledge", json={"by": "王警官"})
            for found in (one, other):
                event = await first(found, "incident")
                assert event.data["log"]["by"] == "王警官"
                assert event.data["incident"]["state"] == "acknowledged"


async def test_nothing_is_read_while_nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server() as s:
        asked = 0
        original = s.place.store.steps_after

        async def counted(*args: Any) -> Any:
            nonlocal asked
            asked += 1
            return await original(*args)

        monkeypatch.setattr(s.place.store, "steps_after", counted)
        await s.place.steps(gas_step(1))
        async with httpx.AsyncClient(base_url=s.base) as client:
            for _ in range(5):
                assert (await client.get("/health/live")).status_code == 200
        assert asked == 0
        async with stream(s.base, "0") as found:
            await first(found, "incident")
        assert asked > 0


async def test_a_data_base_that_goes_and_comes_back_costs_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    async with server() as s:
        await s.place.steps(gas_step(1))
        original = s.place.store.steps_after
        failures = 0

        async def failing(*args: Any) -> Any:
            nonlocal failures
            failures += 1
            if failures <= 3:
                raise StoreError("out of reach")
            return await original(*args)

        monkeypatch.setattr(s.place.store, "steps_after", failing)
        seen: list[str] = []
        async with asyncio.timeout(15):
            while len(seen) < 2:  # as a browser does: come back with the number of the last step
                async with stream(s.base, seen[-1] if seen else "0") as found:
                    async for event in found:
                        if event.event == "incident":
                            seen.append(event.id or "")
                            if len(seen) == 1:
                                await s.place.steps(gas_step(2, "update"))
                            else:
                                break
        assert failures > 3
        assert seen == ["1", "2"]


def tracks(s: Server, **options: Any) -> connect:
    return connect(f"ws{s.base[4:]}/api/v1/live/tracks", max_size=2**24, compression=None, **options)


async def frame(socket_: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await asyncio.wait_for(socket_.recv(), 10))
    return found


async def test_the_first_frame_has_all_movers_and_later_ones_who_moved() -> None:
    async with server() as s:
        await s.place.drive("TAXI-1", 120.30, 36.01)
        await s.place.drive("TAXI-2", 120.31, 36.02)
        await s.place.gas(1)
        async with tracks(s) as socket_:
            whole = await frame(socket_)
            assert whole["type"] == "frame"
            assert whole["id"] == ["TAXI-1", "TAXI-2"]
            assert (whole["lon"], whole["lat"]) == ([120.30, 120.31], [36.01, 36.02])
            assert whole["sensor_type"] == ["vehicle", "vehicle"]
            assert whole["heading_deg"] == [90.0, 90.0]
            assert whole["height_m"] == [None, None]
            assert whole["simulated"] == [True, False]
            assert all(t.endswith("Z") for t in whole["time"])
            await s.place.drive("TAXI-2", 120.32, 36.02)
            later = await frame(socket_)
            assert (later["id"], later["lon"]) == (["TAXI-2"], [120.32])
            assert later["seq"] > whole["seq"]


async def test_a_device_admitted_while_somebody_watches_is_seen() -> None:
    async with server() as s, tracks(s) as socket_:
        assert (await frame(socket_))["id"] == []
        (made,) = await s.place.store.admit([("vehicle", "TAXI-NEW")])
        s.place.devices["TAXI-NEW"] = made
        await s.place.drive("TAXI-NEW", 120.3, 36.0)
        assert (await frame(socket_))["id"] == ["TAXI-NEW"]


async def test_an_older_position_never_replaces_a_newer_one() -> None:
    async with server() as s, tracks(s) as socket_:
        await frame(socket_)
        now = time.time_ns() // 1000
        await s.place.drive("TAXI-1", 120.5, 36.0, at=now)
        assert (await frame(socket_))["lon"] == [120.5]
        await s.place.drive("TAXI-1", 120.4, 36.0, at=now - 5_000_000)
        await s.place.drive("TAXI-2", 120.1, 36.0)
        assert (await frame(socket_))["id"] == ["TAXI-2"]


async def test_a_page_of_another_origin_gets_no_socket() -> None:
    async with server() as s:
        for origin in ("http://evil.example", "null", f"{s.base}.evil.example", "http://localhost:1"):
            with pytest.raises(InvalidStatus) as caught:
                await tracks(s, origin=origin).__aenter__()
            assert caught.value.response.status_code == 403
        async with tracks(s, origin=s.base) as socket_:
            assert (await frame(socket_))["type"] == "frame"


async def test_open_streams_end_at_once_when_the_server_is_asked_to_stop() -> None:
    place = Town()
    await place.found()
    s = await Server(place).__aenter__()
    async with stream(s.base) as found, tracks(s) as socket_:
        await anext(found)
        await frame(socket_)
        s.stop.set()
        async with asyncio.timeout(20):
            async for _ in found:
                pass
            async for _ in socket_:
                pass
            await s.task


async def test_only_loopback_is_bound_and_a_taken_port_is_a_sentence() -> None:
    place = Town()
    with pytest.raises(ConfigurationError, match=r"give 127\.0\.0\.1"):
        await run_serve(place.store, CITY, (), "0.0.0.0", 0, asyncio.Event())
    with pytest.raises(ConfigurationError, match="not an address"):
        await run_serve(place.store, CITY, (), "example.org", 0, asyncio.Event())
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InUseError, match="--port"):
            await run_serve(place.store, CITY, (), "127.0.0.1", taken.getsockname()[1], asyncio.Event())


async def test_a_body_without_a_length_is_cut_off_at_one_mebibyte() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(32):
            yield b"x" * 65_536

    async with server() as s, httpx.AsyncClient(base_url=s.base) as client:
        answer = await client.post("/api/v1/messages/city/gas-detector/G1", content=chunks())
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        whole = await client.post("/api/v1/messages/city/gas-detector/G1", content=b"x" * 2_097_152)
        assert whole.status_code == 413
        assert (await client.get("/health/live")).status_code == 200


async def test_a_raw_path_that_climbs_out_finds_nothing() -> None:
    """Written on the socket byte by byte: no client library tidies the path first."""
    async with server() as s:
        for path in (
            b"/../app.py",
            b"/vendor/../../app.py",
            b"/%2e%2e/app.py",
            b"//etc/passwd",
            b"/app/..\\..\\app.py",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", int(s.base.rsplit(":", 1)[1]))
            writer.write(b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = await asyncio.wait_for(reader.read(), 30)
            assert b" 404 " in answer.split(b"\r\n")[0], path
            assert b"make_app" not in answer
            writer.close()
            await writer.wait_closed()
