"""The embedded broker under kill -9: what it acknowledged is delivered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

import aiomqtt
import pytest

from brain.embedded import EmbeddedNats, EmbeddedPostgres, find_server, pick_port


def silent(name: str, line: str) -> None:
    """What the broker says here is provoked."""


async def connect(port: int, identifier: str) -> aiomqtt.Client:
    """A client that keeps its session, once the broker lets it in."""
    async with asyncio.timeout(30):
        while True:
            client = aiomqtt.Client("127.0.0.1", port, identifier=identifier, clean_session=False, timeout=3)
            try:
                return await client.__aenter__()
            except aiomqtt.MqttError:
                await asyncio.sleep(0.05)


async def test_every_acknowledged_message_outlives_kill_9_of_the_broker(tmp_path: Path) -> None:
    port = pick_port(0, explicit=False)
    async with EmbeddedNats(tmp_path, port, emit=silent) as broker:
        reader = await connect(port, "reader")
        await reader.subscribe("city/#", qos=1)
        await reader.__aexit__(None, None, None)

        device = await connect(port, "device")
        acknowledged: set[int] = set()

        async def publish(numbers: range) -> None:
            for number in numbers:
                await device.publish("city/gas-detector/G1", str(number), qos=1)
                acknowledged.add(number)

        publishing = [asyncio.create_task(publish(range(start, 2000, 20))) for start in range(20)]
        while len(acknowledged) < 500:
            await asyncio.sleep(0)
        assert broker.pid is not None
        os.kill(broker.pid, signal.SIGKILL)
        await asyncio.gather(*publishing, return_exceptions=True)
        assert 500 <= len(acknowledged) < 2000

        reader = await connect(port, "reader")
        await reader.subscribe("city/#", qos=1)
        received: set[int] = set()
        async with asyncio.timeout(60):
            async for message in reader.messages:
                received.add(int(bytes(message.payload)))
                if acknowledged <= received:
                    break
        await reader.__aexit__(None, None, None)
        assert broker.restarts == 1


async def test_messages_wait_over_an_orderly_stop(tmp_path: Path) -> None:
    port = pick_port(0, explicit=False)
    async with EmbeddedNats(tmp_path, port, emit=silent):
        reader = await connect(port, "reader")
        await reader.subscribe("city/#", qos=1)
        await reader.__aexit__(None, None, None)
        device = await connect(port, "device")
        await device.publish("city/gas-detector/G.1/城", b"waiting", qos=1)
        await device.__aexit__(None, None, None)
    async with EmbeddedNats(tmp_path, port, emit=silent):
        reader = await connect(port, "reader")
        await reader.subscribe("city/#", qos=1)
        async with asyncio.timeout(30):
            message = await anext(aiter(reader.messages))
        assert (message.topic.value, message.payload) == ("city/gas-detector/G.1/城", b"waiting")
        await reader.__aexit__(None, None, None)


async def test_its_settings_are_private_and_nothing_but_mqtt_is_open_to_all(tmp_path: Path) -> None:
    async with EmbeddedNats(tmp_path, pick_port(0, explicit=False), emit=silent) as broker:
        assert (tmp_path / "broker" / "nats.conf").stat().st_mode & 0o077 == 0
        inodes = set()
        for file in Path(f"/proc/{broker.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile: no listener
                inodes.add(str(file.readlink()))
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        listening = [row[1] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in inodes]
        assert sorted(address.split(":")[0] for address in listening) == ["0100007F", "0100007F"]
        native = next(port for a in listening if (port := int(a.split(":")[1], 16)) != broker.mqtt_port)
        reader, writer = await asyncio.open_connection("127.0.0.1", native)
        assert b'"auth_required":true' in await reader.readline()
        writer.write(b"CONNECT {}\r\nPING\r\n")
        assert b"Authorization Violation" in await reader.readline()
        writer.close()
        await writer.wait_closed()


def resident_mb(pid: int) -> float:
    """What a process and its children take of the memory, shared pages divided."""
    total = 0.0
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                if pid in {int(folder.name), parent}:
                    lines = (folder / "smaps_rollup").read_text().splitlines()
                    total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
            except (OSError, StopIteration):
                continue
    return total


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look at the memory of another user's server")
async def test_both_services_at_rest_are_small(tmp_path: Path) -> None:
    async with (
        EmbeddedPostgres(tmp_path, server=find_server(), emit=silent) as postgres,
        EmbeddedNats(tmp_path, pick_port(0, explicit=False), emit=silent) as broker,
    ):
        assert postgres.pid is not None
        assert broker.pid is not None
        assert 1 < resident_mb(postgres.pid) < 120
        assert 1 < resident_mb(broker.pid) < 80
