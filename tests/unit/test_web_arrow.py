"""Arrow streams of rows, against bytes that pyarrow 26.0.1 and polars 2.1.0 were seen to read."""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from typing import Any

import pytest

from brain.model import FieldKind
from brain.web.arrow import ARROW, Column, arrow_stream
from tests.websupport import town

COLUMNS = [
    Column("device", FieldKind.TEXT),
    Column("time", None),
    Column("lel_pct", FieldKind.NUMBER, "%"),
    Column("alarm", FieldKind.BOOLEAN),
]
ROWS: list[dict[str, Any]] = [
    {"device": "G1", "time": "2026-05-01T00:00:00.000001Z", "lel_pct": 63.5, "alarm": True},
    {"device": "市南-2", "time": "2026-05-01T00:00:01Z"},
    {"device": None, "time": None, "lel_pct": -1.0, "alarm": False},
]


def test_the_bytes_are_those_that_other_readers_were_seen_to_read() -> None:
    data = arrow_stream(ROWS, COLUMNS)
    assert hashlib.sha256(data).hexdigest() == "d19a5c5f569e353182574b70a6b23055d96906f440f47ed834726a0734f7d1e0"


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 64, 65])
def test_every_message_begins_and_ends_at_a_multiple_of_eight(n: int) -> None:
    data = arrow_stream(ROWS[:1] * n, COLUMNS)
    at = messages = 0
    while True:
        mark, size = struct.unpack_from("<II", data, at)
        assert mark == 0xFFFFFFFF
        if not size:
            break
        assert (at + 8 + size) % 8 == 0
        root = at + 8 + struct.unpack_from("<I", data, at + 8)[0]
        vtable = root - struct.unpack_from("<i", data, root)[0]
        body_at = struct.unpack_from("<H", data, vtable + 4 + 2 * 3)[0]
        body = struct.unpack_from("<q", data, root + body_at)[0] if body_at else 0
        assert body % 8 == 0
        at += 8 + size + body
        messages += 1
    assert messages == 2
    assert at + 8 == len(data)


@pytest.mark.skipif(importlib.util.find_spec("pyarrow") is None, reason="pyarrow is not installed")
def test_pyarrow_reads_what_we_wrote() -> None:
    from pyarrow import ipc

    table = ipc.open_stream(arrow_stream(ROWS, COLUMNS)).read_all()
    table.validate(full=True)
    assert table.column("device").to_pylist() == ["G1", "市南-2", None]
    assert table.column("lel_pct").to_pylist() == [63.5, None, -1.0]
    assert table.column("alarm").to_pylist() == [True, None, False]
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert table.schema.field("lel_pct").metadata == {b"unit": b"%"}


async def test_observations_come_as_a_stream_with_the_next_page_in_a_header() -> None:
    async with town() as (place, client):
        await place.gas(1, 2, 3)
        path = "/api/v1/observations?sensor_type=gas-detector&limit=2"
        answer = await client.get(path, headers={"Accept": ARROW})
        assert answer.headers["content-type"] == ARROW
        assert b"lel_pct" in answer.content
        assert struct.pack("<dd", 1, 2) in answer.content
        following = answer.headers["link"].removeprefix("<").removesuffix('>; rel="next"')
        rest = await client.get(following, headers={"Accept": ARROW})
        assert struct.pack("<d", 3) in rest.content
        assert "link" not in rest.headers
