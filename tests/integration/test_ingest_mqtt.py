"""The broker's door: nothing is acknowledged before we say so, on real brokers and on one that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from typing import TYPE_CHECKING, Any, NamedTuple

import paho.mqtt.client as paho
import pytest
from structlog.testing import capture_logs

from brain.errors import ConfigurationError
from ingest import _wire, mqtt
from ingest.mqtt import AckingSource, BrokerAddress, Messages, client_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


@pytest.fixture(params=["broker", "mosquitto"])
def any_broker(request: pytest.FixtureRequest) -> str:
    """Each test runs on the embedded broker and on mosquitto."""
    url: str = request.getfixturevalue(request.param)
    return url


async def until(ask: Callable[[], Any], what: str) -> None:
    async with asyncio.timeout(20):
        while not ask():
            await asyncio.sleep(0.005)
    assert ask(), what


class Got(NamedTuple):
    """One message, and what acknowledges it."""

    topic: str
    payload: bytes
    dup: bool
    retain: bool
    packet_id: int
    receipt: Messages


def each(messages: Messages) -> list[Got]:
    a = messages.arrivals
    return [
        Got(t, p, bool(h & _wire.DUP), bool(h & _wire.RETAIN), i, Messages(a[k : k + 1], messages.generation))
        for k, (t, p, i, h) in enumerate(zip(a.topics, a.payloads, a.packet_ids, a.heads, strict=True))
    ]


def ack(source: AckingSource, got: list[Got]) -> None:
    for m in got:
        source.ack(m.receipt)


async def gather(source: AckingSource, count: int) -> list[Got]:
    got: list[Got] = []
    async with asyncio.timeout(20):
        while len(got) < count:
            got += each(await source.next_batch(count - len(got), 1.0))
    return got


def send(url: str, messages: list[tuple[str, bytes]], *, qos: int = 1, retain: bool = False) -> None:
    address = BrokerAddress.parse(url)
    client = paho.Client(paho.CallbackAPIVersion.VERSION2)
    client.connect(address.host, address.port)
    client.loop_start()
    for topic, payload in messages:
        sent = client.publish(topic, payload, qos=qos, retain=retain)
    sent.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


# -- real brokers --------------------------------------------------------------------------------------------------


async def test_nothing_is_acknowledged_before_we_say_so(any_broker: str):
    """The guard: what we did not acknowledge comes again in the next connection, what we did does not."""
    texts = [f"m{i}".encode() for i in range(40)]
    async with AckingSource(any_broker, "guard") as source:
        await until(lambda: source.connected, "the subscription")
        await asyncio.to_thread(send, any_broker, [("city/a/1", t) for t in texts])
        first = await gather(source, 40)
        assert [m.payload for m in first] == texts
        assert all(m.packet_id for m in first)
        ack(source, first[:30:2])
    async with AckingSource(any_broker, "guard") as source:
        again = await gather(source, 25)
        assert sorted(m.payload for m in again) == sorted(set(texts) - {m.payload for m in first[:30:2]})
        assert all(m.dup for m in again)
        ack(source, again)
    async with AckingSource(any_broker, "guard") as source:
        await until(lambda: source.connected, "the subscription")
        await asyncio.to_thread(send, any_broker, [("city/a/1", b"last")])
        assert [(m.payload, m.dup) for m in await gather(source, 1)] == [(b"last", False)]


async def test_messages_wait_at_the_broker_while_we_are_away(any_broker: str):
    async with AckingSource(any_broker, "away") as source:
        await until(lambda: source.connected, "the subscription")
    await asyncio.to_thread(send, any_broker, [(f"city/水表/{i}", b"x" * i) for i in range(300)])
    async with AckingSource(any_broker, "away") as source:
        got = await gather(source, 300)
    assert [(m.topic, len(m.payload)) for m in got] == [(f"city/水表/{i}", i) for i in range(300)]


async def test_retained_and_qos_0_messages_say_what_they_are(any_broker: str):
    await asyncio.to_thread(send, any_broker, [("city/a/kept", b"1")], retain=True)
    async with AckingSource(any_broker, "flags") as source:
        (kept,) = await gather(source, 1)
        assert (kept.topic, kept.retain) == ("city/a/kept", True)
        await asyncio.to_thread(send, any_broker, [("city/a/plain", b"2")], qos=0)
        (plain,) = await gather(source, 1)
        assert (plain.topic, plain.retain, plain.packet_id) == ("city/a/plain", False, 0)


async def test_large_messages_arrive_whole(broker: str):
    payload = bytes(range(256)) * 4096
    async with AckingSource(broker, "large") as source:
        await until(lambda: source.connected, "the subscription")
        await asyncio.to_thread(send, broker, [("city/a/1", payload)] * 3)
        assert [m.payload for m in await gather(source, 3)] == [payload] * 3


# -- a broker of our own that misbehaves ------------------------------------------------


class FakeBroker:
    """Speaks the broker's part, one connection at a time, as a test tells it."""

    def __init__(self) -> None:
        self.connects: list[bytes] = []
        self.acked: list[int] = []
        self.subscribed = 0
        self.pings = 0
        self.disconnects = 0
        self.session = False
        self.code = 0
        self.grant = 1
        self.answers_pings = True
        self.writer: asyncio.StreamWriter | None = None
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rest = b""
        try:
            while data := await reader.read(65536):
                rest += data
                while len(rest) >= 2 and len(rest) >= 2 + rest[1]:
                    head, body, rest = rest[0] >> 4, rest[2 : 2 + rest[1]], rest[2 + rest[1] :]
                    self.react(head, body, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def react(self, head: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        if head == 1:
            self.connects.append(body)
            self.writer = writer
            writer.write(bytes([0x20, 2, int(self.session), self.code]))
        elif head == 8:
            writer.write(bytes([0x90, 3, *body[:2], self.grant]))
            self.subscribed += 1
        elif head == 4:
            self.acked.append(int.from_bytes(body, "big"))
        elif head == 12:
            self.pings += 1
            if self.answers_pings:
                writer.write(b"\xd0\x00")
        elif head == 14:
            self.disconnects += 1
            writer.close()

    def send(self, payload: bytes, packet_id: int = 0, **flags: bool) -> None:
        assert self.writer is not None
        self.writer.write(_wire.publish("city/a/1", payload, packet_id, **flags))

    def cut(self) -> None:
        assert self.writer is not None
        self.writer.transport.abort()


@pytest.fixture
async def fake() -> AsyncIterator[FakeBroker]:
    """A fake broker on a free port."""
    broker = FakeBroker()
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    broker.url = f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield broker
    server.close()
    await server.wait_closed()


async def test_copies_of_messages_we_hold_are_dropped(fake: FakeBroker):
    async with AckingSource(fake.url, "x") as source:
        await until(lambda: source.connected, "the subscription")
        fake.send(b"one", 7)
        fake.send(b"one", 7, dup=True)
        fake.send(b"two", 8)
        got = await gather(source, 2)
        assert ([m.payload for m in got], source.copies) == ([b"one", b"two"], 1)
        source.ack(got[0].receipt)
        await until(lambda: fake.acked == [7], "one acknowledgement")
        fake.send(b"three", 7)
        assert [m.payload for m in await gather(source, 1)] == [b"three"]
        ack(source, [got[0], got[0], got[1]])
        await until(lambda: len(fake.acked) >= 3, "the acknowledgements")
        assert fake.acked == [7, 7, 8]


async def test_tokens_of_an_ended_connection_acknowledge_nothing(fake: FakeBroker):
    async with AckingSource(fake.url, "x") as source:
        await until(lambda: source.connected, "the subscription")
        fake.send(b"old", 7)
        (old,) = await gather(source, 1)
        fake.cut()
        await until(lambda: source.connections == 2, "the second connection")
        fake.send(b"new", 7)
        (new,) = await gather(source, 1)
        source.ack(old.receipt)
        source.ack(new.receipt)
        fake.send(b"", 9)
        ack(source, await gather(source, 1))
        await until(lambda: len(fake.acked) == 2, "the acknowledgements")
    assert fake.acked == [7, 9]
    assert fake.disconnects == 1
    assert fake.connects[0] == fake.connects[1]


@pytest.mark.parametrize("session", [True, False])
async def test_what_waits_over_a_reconnect_is_kept_unless_the_broker_has_it(fake: FakeBroker, session: bool):
    async with AckingSource(fake.url, "x") as source:
        await until(lambda: source.connected, "the subscription")
        fake.send(b"first", 1)
        fake.send(b"zero")
        await until(lambda: len(source) == 2, "two messages")
        fake.session = session
        fake.cut()
        await until(lambda: source.connections == 2, "the second connection")
        fake.send(b"first", 1, dup=True)
        await until(lambda: source.received == 3, "the third message")
        got = each(source.take(10))
        assert [m.payload for m in got] == ([b"zero", b"first"] if session else [b"first", b"zero", b"first"])
        ack(source, got)
        await until(lambda: fake.acked == [1], "one acknowledgement")


async def test_qos_0_is_shed_first_and_counted(fake: FakeBroker):
    async with AckingSource(fake.url, "x", most_waiting=3) as source:
        await until(lambda: source.connected, "the subscription")
        for i in range(10):
            fake.send(b"zero")
            fake.send(b"one", i + 1)
        await until(lambda: source.received + source.shed == 20, "all messages")
        got = each(source.take(100))
        assert [m.payload for m in got].count(b"one") == 10
        assert source.shed == 8


async def test_a_full_house_is_not_read(fake: FakeBroker):
    async with AckingSource(fake.url, "x", most_bytes=1_000_000) as source:
        await until(lambda: source.connected, "the subscription")
        for i in range(400):
            fake.send(bytes(100_000), i + 1)
        await until(lambda: len(source) > 10, "the first messages")
        total, held = 0, 0
        while total < 400:
            got = await gather(source, 1)
            held = max(held, len(got) + len(source))
            total += len(got)
            ack(source, got)
        assert held < 60  # 1 MB and what one read may bring


async def test_a_paused_source_takes_nothing_and_still_acknowledges(fake: FakeBroker):
    async with AckingSource(fake.url, "x") as source:
        await until(lambda: source.connected, "the subscription")
        fake.send(b"one", 1)
        (one,) = await gather(source, 1)
        source.pause()
        fake.send(b"two", 2)
        source.ack(one.receipt)
        await until(lambda: fake.acked == [1], "the acknowledgement")
        assert not await source.next_batch(1, 0.05)
    assert fake.disconnects == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"code": 4}, "user name or password is wrong"),
        ({"code": 5}, "we may not connect"),
        ({"code": 99}, "code 99"),
        ({"grant": 0x80}, "refused the subscription"),
    ],
)
async def test_a_refusal_is_told_and_tried_again(fake: FakeBroker, change: dict[str, int], words: str):
    for name, value in change.items():
        setattr(fake, name, value)
    with capture_logs() as logs:
        async with AckingSource(fake.url, "x") as source:
            await until(lambda: len(fake.connects) >= 2, "a second try")
            assert not source.connected
            fake.code, fake.grant = 0, 1
            await until(lambda: source.connected, "the subscription")
    assert any(words in entry.get("error", "") for entry in logs)


async def test_what_is_not_mqtt_ends_the_connection_and_a_new_one_follows(fake: FakeBroker):
    async with AckingSource(fake.url, "x") as source:
        await until(lambda: source.connected, "the subscription")
        assert fake.writer is not None
        fake.writer.write(b"\x36\x05\x00\x01a\x00\x01")
        await until(lambda: source.connections == 2, "the second connection")


async def test_a_silent_broker_is_left(fake: FakeBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mqtt, "_KEEP_ALIVE_S", 0.2)
    monkeypatch.setattr(_wire, "connect", lambda *_: b"\x10\x00")
    async with AckingSource(fake.url, "x") as source:
        await until(lambda: fake.pings >= 3, "pings")
        assert source.connections == 1
        fake.answers_pings = False
        await until(lambda: source.connections == 2, "the second connection")


async def test_a_broker_that_is_not_there_is_waited_for():
    server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    fake = FakeBroker()
    async with AckingSource(f"mqtt://127.0.0.1:{port}", "x") as source:
        assert not await source.next_batch(1, 0.15)
        assert not source.connected
        server = await asyncio.start_server(fake.serve, "127.0.0.1", port)
        await until(lambda: source.connected, "the subscription")
    server.close()
    await server.wait_closed()


# -- addresses and the client id ---------------------------------------------------------------------------------------


def test_urls_of_brokers():
    assert BrokerAddress.parse("mqtt://127.0.0.1") == ("127.0.0.1", 1883, None, None, False)
    assert BrokerAddress.parse("mqtts://u:p%2F@broker.example:8884") == ("broker.example", 8884, "u", "p/", True)
    for wrong in ("", "http://h", "mqtt://", "mqtt://h:port", "127.0.0.1:1883"):
        with pytest.raises(ConfigurationError, match="write it like mqtt://"):
            BrokerAddress.parse(wrong)
    with pytest.raises(ConfigurationError) as e:
        BrokerAddress.parse("tcp://user:secret@h")
    assert "secret" not in str(e.value)


def test_the_client_id_is_random_secret_and_kept(tmp_path: Path):
    first = client_id(tmp_path / "data")
    assert client_id(tmp_path / "data") == first
    assert client_id(tmp_path / "other") != first
    assert len(first) == 23
    assert stat.S_IMODE((tmp_path / "data" / "ingest-client-id").stat().st_mode) == 0o600
