"""Packets that break MQTT, as data: a hostile client at our broker, and a hostile broker at our receiver."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import time
import tracemalloc
from collections import Counter
from typing import TYPE_CHECKING, Any

import paho.mqtt.client as paho
import pytest
from structlog.testing import capture_logs

from brain.embedded import EmbeddedNats, pick_port
from brain.store import MemoryStore
from brain.store.base import Counts, ObservationQuery, QuarantineQuery
from brain.times import iso
from ingest import mqtt
from ingest._routes import OURS
from ingest.mqtt import AckingSource, BrokerAddress, client_id
from ingest.sensor_types import load_builtin
from ingest.service import run_ingest, wall_clock
from tests.conftest import ServiceLoop, silent
from tests.contract.bad_readings.corpus import lines_of, words_of
from tests.contract.bad_readings.wire import bytes_of, connect, packet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CLIENT = lines_of("mqtt_client")
BROKER = lines_of("mqtt_broker")
CONNACK = b"\x20\x02\x00\x00"
PINGREQ, PINGRESP = b"\xc0\x00", b"\xd0\x00"
PATIENCE_S = 60.0
MOST_MEMORY = 50_000_000  # bytes that are held at any moment of a case; the process as a whole holds what others left


def name_of(case: dict[str, Any]) -> str:
    return str(case["name"])


@pytest.fixture
def _held_little() -> Iterator[None]:
    """What this process holds at any moment of a case is bounded, whatever others left or the system kept for it."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < MOST_MEMORY


# -- a hostile client ----------------------------------------------------------------------------------------------


class Town:
    """The embedded broker and ingest on a store in memory, on the loop of the services."""

    def __init__(self, services: ServiceLoop, folder: Path) -> None:
        self._services = services
        self._folder = folder
        self._nats = EmbeddedNats(folder / "nats", pick_port(0, explicit=False), emit=silent)
        self._stop = asyncio.Event()
        self._sent = 0
        self.store = MemoryStore()

    async def start(self) -> None:
        await self._nats.start()
        self.address = BrokerAddress.parse(self._nats.url)
        for sensor_type in load_builtin():
            await self.store.put_sensor_type(sensor_type)
        self._ingest = asyncio.create_task(run_ingest(self.store, self._nats.url, self._folder, self._stop))

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.wait_for(self._ingest, PATIENCE_S)
        await self._nats.stop()

    @property
    def client_id(self) -> str:
        return client_id(self._folder)

    def found(self, device: str) -> tuple[int, int, Counter[str]]:
        """Rows, duplicates and reasons of refusal of a device."""
        return self._services.run(self._found(device))

    async def _found(self, device: str) -> tuple[int, int, Counter[str]]:
        rows = await self.store.observations(ObservationQuery(sensor_types=["gas-detector"], device=device, limit=1000))
        topic = f"city/gas-detector/{device}"
        refused = await self.store.quarantine(QuarantineQuery(topic=topic, limit=1000))
        duplicate = (await self.store.device_ledger("gas-detector", device)).duplicate if rows.items else 0
        return len(rows.items), duplicate, Counter(i["reason"] for i in refused.items)

    def serves(self, until: Callable[..., Any]) -> None:
        """A normal device's message is stored, ingest lives, the ledger adds up."""
        self._sent += 1
        payload = json.dumps({"time": iso(wall_clock()), "pressure_mpa": 0.2, "id": str(self._sent)})
        client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        client.connect(self.address.host, self.address.port)
        client.loop_start()
        due = 0.0

        def stored() -> bool:
            nonlocal due
            if time.monotonic() > due:  # who has just lost its session is sent it again
                client.publish("city/hydrant/NORMAL", payload, qos=1)
                due = time.monotonic() + 1
            query = ObservationQuery(sensor_types=["hydrant"], latest=True)
            items = self._services.run(self.store.observations(query)).items
            return [i["id"] for i in items] == [str(self._sent)]

        try:
            until(stored, PATIENCE_S, "the message of a normal device")
        finally:
            client.disconnect()
            client.loop_stop()
        assert not self._ingest.done()
        ledger, _ = self._services.run(self.store.ledger())
        total = Counts()
        for c in ledger.values():
            total.received += c.received
            total.stored += c.stored + c.duplicate + c.quarantined
        assert total.received == total.stored


@pytest.fixture(scope="module")
def town(services: ServiceLoop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """One town for all cases: what one of them breaks, the next one notices."""
    place = Town(services, tmp_path_factory.mktemp("town"))
    services.run(place.start())
    yield place
    services.run(place.stop())


def deliver(line: socket.socket, steps: list[dict[str, Any]]) -> None:
    """Send; the other side may hang up at any byte."""
    with contextlib.suppress(ConnectionError):
        for step in steps:
            raw = bytes_of(step)
            for piece in (raw[i : i + 1] for i in range(len(raw))) if step.get("slow") else [raw]:
                line.sendall(piece)


def hung_up(line: socket.socket) -> bool:
    """Read until the other side closes; fails with a time-out where it does not."""
    with contextlib.suppress(ConnectionError):
        while line.recv(65536):
            pass
    return True


def answers_a_ping(line: socket.socket) -> bool:
    """Whether a PINGRESP comes, among answers to other things; none of those has its bytes in it."""
    line.sendall(PINGREQ)
    got = b""
    while PINGRESP not in got:
        data = line.recv(65536)
        if not data:
            return False
        got += data
    return True


@pytest.mark.usefixtures("_held_little")
@pytest.mark.parametrize("number", range(len(CLIENT)), ids=[name_of(c) for c in CLIENT])
def test_a_hostile_client_hurts_nobody(number: int, town: Town, until: Callable[..., Any]):
    device = f"PKT-{number}"
    text = json.dumps(CLIENT[number]).replace("$D", device).replace("$INGEST", town.client_id)
    case = json.loads(text.replace("@+0s", iso(wall_clock())))
    with socket.create_connection((town.address.host, town.address.port), PATIENCE_S) as line:
        if case.get("connected", True):
            line.sendall(connect(id=device))
            assert line.recv(4) == CONNACK
        deliver(line, case["send"])
        if case["ends"] == "closed":
            assert hung_up(line)
        elif case["ends"] == "open":
            assert answers_a_ping(line)
        elif case["ends"] == "cut":
            if not case.get("connected", True):
                assert line.recv(4) == CONNACK
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close resets
    expected = case.get("stored", 0), case.get("duplicate", 0), Counter(words_of(case.get("refused", ())))
    until(lambda: town.found(device) == expected, PATIENCE_S, f"{expected}")
    town.serves(until)
    assert town.found(device) == expected


# -- a hostile broker ----------------------------------------------------------------------------------------------


class HostileBroker:
    """Speaks the broker's part; on its first connections it plays a case's steps instead of what is due."""

    def __init__(self, case: dict[str, Any], hostile: int = 1) -> None:
        self.case = case
        self.hostile = hostile
        self.began: list[float] = []
        self.played = False
        self.muted = False
        self.acked: list[int] = []
        self.writer: asyncio.StreamWriter | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.began.append(time.monotonic())
        self.muted = False
        self.writer = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head, size = await reader.readexactly(2)  # what ingest says is short
                body = await reader.readexactly(size)
                await self.react(head >> 4, body, writer)
        writer.close()

    async def react(self, kind: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        if kind == 1:
            await self.play_or("connect", writer, CONNACK)
        elif kind == 8:
            await self.play_or("subscribe", writer, packet(0x90, body[:2] + b"\x01"))
            await self.play_or("later", writer, b"")
        elif kind == 4:
            self.acked.append(int.from_bytes(body, "big"))
        elif kind == 12 and not self.muted:
            writer.write(PINGRESP)

    async def play_or(self, when: str, writer: asyncio.StreamWriter, usual: bytes) -> None:
        if len(self.began) > self.hostile or self.case["when"] != when:
            writer.write(usual)
            return
        for step in self.case["send"]:
            raw = bytes_of(step)
            for piece in (raw[i : i + 1] for i in range(len(raw))) if step.get("slow") else [raw]:
                writer.write(piece)
                await writer.drain()
            self.muted = self.muted or "mute" in step
            if "cut" in step:
                writer.transport.abort()
        self.played = True

    def send(self, payload: bytes, packet_id: int) -> None:
        assert self.writer is not None
        topic = b"city/gas-detector/A"
        self.writer.write(packet(0x32, struct.pack(">H", len(topic)) + topic + struct.pack(">H", packet_id) + payload))


@contextlib.asynccontextmanager
async def standing(broker: HostileBroker) -> Any:
    server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
    try:
        yield f"mqtt://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        if broker.writer is not None:
            broker.writer.transport.abort()
        server.close()
        await server.wait_closed()


async def wait(ask: Callable[[], Any], what: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not ask():
            await asyncio.sleep(0.005)
    assert ask(), what


async def taken(source: AckingSource, count: int) -> list[bytes]:
    got: list[bytes] = []
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < count:
            messages = await source.next_batch(100, 1.0)
            source.check()
            got += messages.arrivals.payloads
            source.ack(messages)
    return got


@pytest.mark.usefixtures("_held_little")
@pytest.mark.parametrize("case", BROKER, ids=name_of)
async def test_a_hostile_broker_is_left_or_borne_and_served_again(
    case: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(mqtt, "_FAREWELL_S", 0.2)
    monkeypatch.setattr(mqtt, "_FIRST_PAUSE_S", 0.02)
    if case["ends"] == "reconnect":  # who is to be borne may be slow, as a busy machine makes everybody
        monkeypatch.setattr(mqtt, "_ANSWER_S", 0.5)
        monkeypatch.setattr(mqtt, "_KEEP_ALIVE_S", 1)
    wanted = [(text * int(times or 1)).encode() for text, _, times in (g.partition("*") for g in case.get("got", ()))]
    broker = HostileBroker(case)
    async with standing(broker) as url, AckingSource(url, "x", wanted=(OURS,)) as source:
        connections = 2 if case["ends"] == "reconnect" else 1

        def served() -> bool:
            source.check()
            return len(broker.began) == connections and source.connected and (broker.played or connections == 2)

        await wait(served, "a good connection")
        broker.send(b"good", 4711)
        assert await taken(source, len(wanted) + 1) == [*wanted, b"good"]
        await wait(lambda: 4711 in broker.acked, "the acknowledgement")
        assert len(broker.began) == connections
        source.check()


async def test_a_broker_that_stays_hostile_is_asked_ever_less_often(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mqtt, "_FAREWELL_S", 0.05)
    broker = HostileBroker(BROKER[0], hostile=10**9)
    with capture_logs() as logs:
        async with standing(broker) as url, AckingSource(url, "x") as source:
            await wait(lambda: len(broker.began) >= 5, "five tries")
            source.check()
            assert not source.connected
    gaps = [b - a for a, b in zip(broker.began, broker.began[1:], strict=False)]
    assert all(gap >= 0.05 * 2**k for k, gap in enumerate(gaps[:4]))
    assert {entry["event"] for entry in logs} == {"broker_out_of_reach"}
    assert all(len(entry["error"]) < 200 for entry in logs)
