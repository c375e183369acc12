"""The services that other tests stand on."""

import aiomqtt
import asyncpg
import pytest


async def test_each_dialect_gives_a_fresh_data_base(dsn: str, request: pytest.FixtureRequest) -> None:
    connection = await asyncpg.connect(dsn)
    extensions = {row["extname"] for row in await connection.fetch("SELECT extname FROM pg_extension")}
    tables = await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    await connection.close()
    assert ("timescaledb" in extensions) == ("timescaledb" in request.node.name)
    assert tables == 0


@pytest.mark.parametrize("kind", ["broker", "mosquitto"])
async def test_a_broker_keeps_messages_for_a_session_that_is_away(kind: str, request: pytest.FixtureRequest) -> None:
    url: str = request.getfixturevalue(kind)
    port = int(url.rpartition(":")[2])
    async with aiomqtt.Client("127.0.0.1", port, identifier="reader", clean_session=False) as reader:
        await reader.subscribe("city/#", qos=1)
    async with aiomqtt.Client("127.0.0.1", port) as device:
        for number in range(20):
            await device.publish("city/gas-detector/G1", str(number), qos=1)
    received: list[int] = []
    async with aiomqtt.Client("127.0.0.1", port, identifier="reader", clean_session=False) as reader:
        await reader.subscribe("city/#", qos=1)
        async for message in reader.messages:
            received.append(int(bytes(message.payload)))
            if len(received) == 20:
                break
    assert received == list(range(20))
