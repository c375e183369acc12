"""Simulators against a real broker: sent, recorded, replayed; nothing lost over a cut; two that share a city."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from brain.embedded import EmbeddedNats, pick_port
from brain.errors import ConfigurationError
from brain.times import to_us
from simulators import traffic
from simulators.file import read_traffic, write_traffic
from simulators.plan import Traffic
from simulators.publish import Publisher, publish_once
from simulators.record import record
from simulators.replay import replay
from simulators.run import simulate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

START = 1_790_000_000_000_000


async def until(ask: Callable[[], Any], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not ask():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def recording(path: Path, broker: str, topic: str = "city/#") -> AsyncIterator[None]:
    """A recorder that listens inside and has written its file outside."""
    stop, listening = asyncio.Event(), asyncio.Event()
    task = asyncio.create_task(record(path, broker, topic, stop, listening))
    await asyncio.wait_for(listening.wait(), 10)
    try:
        yield
        # The broker has acknowledged everything; a last message of our own shows that the recorder has seen it all.
        await publish_once(broker, topic.removesuffix("#") + "end/mark", b"the end")
        await until(lambda: b"end/mark" in path.read_bytes(), "the mark")
    finally:
        stop.set()
        await task


def read(path: Path) -> list[tuple[int, str, bytes]]:
    return [m for m in read_traffic(path) if not m[1].endswith("/end/mark")]


async def test_what_is_played_is_recorded_byte_for_byte_and_played_again(broker: str, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    planned = list(traffic("first-minute", 4, START, duration_s=20))
    async with recording(first, broker):
        await simulate("first-minute", broker, speed=None, seed=4, duration_s=20, start_us=START)
    recorded = read(first)
    assert [(topic, payload) for _, topic, payload in recorded] == [(p.topic, p.payload) for p in planned]
    times = [at for at, _, _ in recorded]
    assert times == sorted(times)
    assert abs(times[0] - time.time_ns() // 1000) < 60_000_000

    async with recording(second, broker):
        await replay(first, broker, speed=None)
    again = read(second)
    assert [m[1:] for m in again] == [m[1:] for m in recorded]


async def test_payloads_that_are_no_json_survive_recording_and_replay(broker: str, tmp_path: Path) -> None:
    odd = [b"", b"\xff\xfe", b'{"x": 1.50}', b"[1,2]", '{"地":1}'.encode(), b"{" * 100]
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    async with recording(first, broker):
        for i, payload in enumerate(odd):
            await publish_once(broker, f"city/odd/d{i}", payload)
    async with recording(second, broker):
        await replay(first, broker, speed=None)
    assert [m[2] for m in read(second)] == [m[2] for m in read(first)] == odd


async def test_retimed_replay_ends_now_and_keeps_its_spacing(broker: str, tmp_path: Path) -> None:
    source, out = tmp_path / "source.jsonl.gz", tmp_path / "out.jsonl"
    write_traffic(source, Traffic("quiet", 1, START, 30, 40))
    before = [to_us(json.loads(p)["time"]) for _, _, p in read_traffic(source)]
    async with recording(out, broker):
        began = time.time_ns() // 1000
        await replay(source, broker, speed=None, retime=True)
        ended = time.time_ns() // 1000
    after = [to_us(json.loads(p)["time"]) for _, _, p in read(out)]
    assert len({b - a for a, b in zip(before, after, strict=True)}) == 1
    assert began - 1_000_000 < max(after) <= ended
    # At the pace of life the file begins now.
    async with recording(out, broker):
        began = time.time_ns() // 1000
        stop = asyncio.Event()
        task = asyncio.create_task(replay(source, broker, speed=1, retime=True, stop=stop))
        await until(lambda: out.read_bytes().count(b"\n") > 3, "the first messages")
        stop.set()
        await task
    ended = time.time_ns() // 1000
    assert began - 1_000_000 < min(to_us(json.loads(p)["time"]) for _, _, p in read(out)) <= ended


async def test_at_the_pace_of_life_messages_carry_the_time_they_are_sent(broker: str, tmp_path: Path) -> None:
    out = tmp_path / "live.jsonl"
    async with recording(out, broker):
        began, start = time.monotonic(), time.time_ns() // 1000
        await simulate("first-minute", broker, duration_s=7)
        assert time.monotonic() - began > 6.5  # never faster than life; slower is the machine's matter
    received = read(out)
    assert len(received) > 40
    assert {t.split("/")[1] for _, t, _ in received} >= {"emergency-call", "gas-detector", "video-event", "vehicle"}
    times = [to_us(json.loads(payload)["time"]) for _, _, payload in received]
    assert all(start - 1_000_000 < told < at + 5_000 for told, (at, _, _) in zip(times, received, strict=True))
    assert max(times) - min(times) > 4_000_000


async def test_faster_than_life_nothing_lies_in_the_future(broker: str, tmp_path: Path) -> None:
    out = tmp_path / "fast.jsonl"
    async with recording(out, broker):
        await simulate("quiet", broker, speed=50, duration_s=60)
    received = read(out)
    assert len(received) > 1000
    assert all(at >= to_us(json.loads(payload)["time"]) for at, _, payload in received)


async def test_no_message_is_lost_or_doubled_while_the_broker_is_away(tmp_path: Path) -> None:
    port = pick_port(0, explicit=False)
    count = 300
    seen: list[bytes] = []

    def nats() -> EmbeddedNats:
        return EmbeddedNats(tmp_path / "nats", port, emit=lambda *_: None)

    url = f"mqtt://127.0.0.1:{port}"
    async with Publisher(url) as publisher:  # nobody there yet: it waits
        sending = asyncio.create_task(send(publisher, 0, count))
        async with nats():
            await sending
            await asyncio.wait_for(publisher.drain(), 30)
            assert publisher.acknowledged == count
        await until(lambda: not publisher.connected.is_set(), "the cut is noticed")
        sending = asyncio.create_task(send(publisher, count, 2 * count))
        async with nats(), Publisher(url, listen="city/#", heard=lambda _, payload: seen.append(payload)) as listener:
            await asyncio.wait_for(listener.connected.wait(), 30)
            await publisher.send("city/a/last", b"last")
            await sending
            await asyncio.wait_for(publisher.drain(), 30)
            await until(lambda: b"last" in seen, "the last message")
    assert publisher.acknowledged == 2 * count + 1
    assert publisher.cuts >= 1
    assert len(set(seen)) == len(seen)


async def send(publisher: Publisher, first: int, last: int) -> None:
    for i in range(first, last):
        await publisher.send("city/a/b", str(i).encode())


async def test_a_second_simulator_leaves_the_everyday_city_to_the_first(broker: str, tmp_path: Path) -> None:
    out = tmp_path / "both.jsonl"
    stop = asyncio.Event()
    async with recording(out, broker):
        one = asyncio.create_task(simulate("quiet", broker, stop=stop))
        await until(lambda: out.read_bytes().count(b"\n") > 20, "the first one's everyday city")
        two = asyncio.create_task(simulate("first-minute", broker, stop=stop))
        await until(lambda: b"emergency-call" in out.read_bytes(), "the second one's story")
        detector = next(t for _, t, p in read_so_far(out) if "gas-detector" in t and json.loads(p)["lel_pct"] > 20)
        await until(lambda: sum(t == detector for _, t, _ in read_so_far(out)) > 4, "more of the story", 60)
        stop.set()
        await asyncio.gather(one, two)
    received = read(out)
    leak = [json.loads(p)["lel_pct"] for _, t, p in received if t == detector]
    first = next(i for i, v in enumerate(leak) if v > 20)
    assert all(v > 20 for v in leak[first:]), "the first one's calm values gave way"
    cars: dict[str, list[int]] = {}
    for _, topic, payload in received:
        if topic.startswith("city/vehicle/"):
            cars.setdefault(topic, []).append(to_us(json.loads(payload)["time"]))
    assert len(cars) == 76
    assert min(b - a for times in cars.values() for a, b in itertools.pairwise(times)) > 4_000_000


def read_so_far(path: Path) -> list[tuple[int, str, bytes]]:
    """Whole lines only: the recorder is still writing."""
    whole = path.read_bytes().rpartition(b"\n")[0]
    copy = path.with_suffix(".part")
    copy.write_bytes(whole)
    return list(read_traffic(copy))


async def test_an_address_without_a_broker_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no broker answers at mqtt://127\.0\.0\.1:9"):
        await publish_once("mqtt://127.0.0.1:9", "city/a/b", b"{}")
    with pytest.raises(ConfigurationError, match="no broker answers"):
        await record(tmp_path / "x.jsonl", "mqtt://127.0.0.1:9")
    with pytest.raises(ConfigurationError, match="is not a broker's address; write it like mqtt://"):
        await simulate("quiet", "127.0.0.1", duration_s=1)
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="holds no messages"):
        await replay(tmp_path / "empty", "mqtt://127.0.0.1:9")
