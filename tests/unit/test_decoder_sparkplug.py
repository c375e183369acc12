"""Sparkplug B: births, data by alias, deaths."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ingest.decoders import Message, Notes, formats
from ingest.decoders._protobuf import fields_of
from ingest.memory import Memories
from ingest.profile.functions import WrongValueError

NODE, DEVICE = "spBv1.0/G/{}/N", "spBv1.0/G/{}/N/D"


def varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def double(number: int, value: float) -> bytes:
    return varint(number << 3 | 1) + struct.pack("<d", value)


def metric(value: bytes = b"", **said: Any) -> bytes:
    places = {"name": 1, "alias": 2, "timestamp": 3, "type": 4, "is_historical": 5, "is_null": 7, "properties": 9}
    return field(2, b"".join(field(places[k], v) for k, v in said.items()) + value)


def payload(*metrics: bytes, seq: int | None = None) -> bytes:
    return field(1, 1000) + b"".join(metrics) + (b"" if seq is None else field(3, seq))


def read(topic: str, data: bytes, memory: Any = None) -> list[Any]:
    return formats()["sparkplug"].read(Message(data, {"topic": topic}, 0, memory or Notes()), {})


def refusal(topic: str, data: bytes, memory: Any = None) -> tuple[str, str]:
    with pytest.raises(WrongValueError) as caught:
        read(topic, data, memory)
    return caught.value.reason, str(caught.value)


BIRTH = payload(
    metric(field(11, 7), name="bdSeq", type=8),
    metric(double(13, 1.5), name="T", alias=1, type=10, properties=field(1, "engUnit") + field(2, field(8, "Cel"))),
    metric(field(10, 5), name="n", type=1),
    seq=0,
)


def test_a_birth_names_what_data_call_by_alias():
    memory = Notes()
    read(NODE.format("NBIRTH"), BIRTH, memory)
    [got] = read(NODE.format("NDATA"), payload(metric(double(13, 2.5), alias=1), seq=1), memory)
    told = got["metrics"][0]
    assert (told["name"], told["number"], told["unit"], told["type"], got["seq_gap"]) == ("T", 2.5, "Cel", 10, 0)


def test_a_name_without_datatype_has_that_of_the_birth():
    memory = Notes()
    read(NODE.format("NBIRTH"), BIRTH, memory)
    [got] = read(NODE.format("NDATA"), payload(metric(field(10, 0xFFFF_FFFB), name="n"), seq=1), memory)
    assert got["metrics"][0]["number"] == -5


def test_data_of_a_device_may_use_aliases_of_its_node():
    memory = Notes()
    read(NODE.format("NBIRTH"), BIRTH, memory)
    [got] = read(DEVICE.format("DDATA"), payload(metric(double(13, 2.5), alias=1), seq=1), memory)
    assert got["metrics"][0]["name"] == "T"


def test_an_unknown_alias_asks_for_a_rebirth_and_the_message_is_read_after_it():
    memory, data = Notes(), payload(metric(double(13, 2.5), alias=1), seq=1)
    reason, told = refusal(NODE.format("NDATA"), data, memory)
    assert reason == "missing"
    assert "rebirth" in told
    read(NODE.format("NBIRTH"), BIRTH, memory)
    assert read(NODE.format("NDATA"), data, memory)[0]["metrics"][0]["number"] == 2.5


def test_a_new_birth_forgets_the_aliases_of_the_old_one():
    memory = Notes()
    read(NODE.format("NBIRTH"), BIRTH, memory)
    read(NODE.format("NBIRTH"), payload(metric(name="U", alias=2, type=10), seq=0), memory)
    assert refusal(NODE.format("NDATA"), payload(metric(alias=1), seq=1), memory)[0] == "missing"


@pytest.mark.parametrize(
    ("datatype", "value", "wanted"),
    [
        (1, field(10, 0xFFFF_FFFF), -1),
        (1, field(10, 0xFF), -1),
        (2, field(10, 0x8000), -32768),
        (3, field(10, 0xFFFF_FFFE), -2),
        (4, field(11, -3), -3),
        (5, field(10, 255), 255),
        (7, field(10, 0xFFFF_FFFF), 4294967295),
        (8, field(11, (1 << 64) - 1), (1 << 64) - 1),
        (9, varint(12 << 3 | 5) + struct.pack("<f", 0.5), 0.5),
        (10, double(13, -0.5), -0.5),
        (11, field(14, 1), True),
        (12, field(15, "on"), "on"),
        (13, field(11, 1_782_885_600_000), 1_782_885_600_000),
        (16, field(17, b""), None),
        (12, field(10, 1), None),
        (3, field(15, "1"), None),
    ],
)
def test_the_datatype_decides_width_sign_and_kind(datatype: int, value: bytes, wanted: Any):
    [got] = read(NODE.format("NBIRTH"), payload(metric(value, name="x", type=datatype), seq=0))
    told = got["metrics"][0]
    found = [told[k] for k in ("number", "text", "flag") if told[k] is not None]
    assert found == ([] if wanted is None else [wanted])
    assert told["has_value"] is (wanted is not None)


def test_nulls_have_no_value_and_history_is_marked():
    [got] = read(
        NODE.format("NDATA"),
        payload(
            metric(double(13, 1), name="a", type=10, is_null=1),
            metric(double(13, 1), name="b", type=10, is_historical=1, timestamp=5),
        ),
    )
    a, b = got["metrics"]
    assert not a["has_value"]
    assert (b["is_historical"], b["timestamp"]) == (True, 5)


def test_missing_messages_are_counted_and_repeated_ones_are_not_gaps():
    memory = Notes()
    read(NODE.format("NBIRTH"), BIRTH, memory)

    def gap(seq: int, topic: str = NODE.format("NDATA")) -> Any:
        return read(topic, payload(metric(field(10, 1), name="n"), seq=seq), memory)[0]["seq_gap"]

    assert [gap(1), gap(2, DEVICE.format("DDATA")), gap(5), gap(5), gap(4), gap(6)] == [0, 0, 2, 0, 0, 0]
    assert gap(255 - 130) == 118
    assert [gap(220), gap(255), gap(0)] == [94, 34, 0]


def test_quality_is_a_status():
    props = field(1, "Quality") + field(2, field(1, 3) + field(3, 500))
    [got] = read(NODE.format("NDATA"), payload(metric(double(13, 1), name="a", type=10, properties=props)))
    assert (got["metrics"][0]["status"], got["metrics"][0]["stale"]) == ("fault", True)


def test_a_death_takes_the_devices_with_it_and_one_of_an_older_birth_nothing():
    memory = Notes()
    read(NODE.format("NBIRTH"), BIRTH, memory)
    read(DEVICE.format("DBIRTH"), payload(seq=1), memory)
    death = field(2, field(1, "bdSeq") + field(4, 8) + field(11, 6))
    assert read(NODE.format("NDEATH"), death, memory) == []
    [got] = read(NODE.format("NDEATH"), death[:-1] + b"\x07", memory)
    assert got["gone"] == ["G:N", "G:N:D"]
    [device] = read(DEVICE.format("DDEATH"), payload(seq=2), memory)
    assert device["gone"] == ["G:N:D"]


def test_commands_and_hosts_are_nothing_to_store():
    assert read(NODE.format("NCMD"), payload(metric(name="x"))) == []
    assert read("spBv1.0/STATE/host", b"{}") == []


@pytest.mark.parametrize(
    ("topic", "data", "reason"),
    [
        ("spBv1.0/G/NDATA/N/D", b"", "bad_topic"),
        ("spBv1.0/G/DDATA/N", b"", "bad_topic"),
        ("spBv1.0/G/XDATA/N", b"", "bad_topic"),
        ("spBv1.0/G", b"", "bad_topic"),
        (NODE.format("NDATA"), b"\x08", "wrong_type"),
        (NODE.format("NDATA"), b"\x0b", "wrong_type"),
        (NODE.format("NDATA"), b"\x12\x7f\x00", "wrong_type"),
        (NODE.format("NDATA"), field(2, field(1, b"\xff")), "bad_text"),
        (NODE.format("NDATA"), field(2, field(1, "x" * 600)), "bad_text"),
        (NODE.format("NDATA"), field(2, b"") * 5001, "too_large"),
        (NODE.format("NDATA"), field(2, field(12, b"123")), "wrong_type"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(topic: str, data: bytes, reason: str):
    assert refusal(topic, data)[0] == reason


def test_births_of_thousands_of_metrics_fit_the_memory_in_pieces():
    memories = Memories()
    names = [f"Area {i % 7}/Line/{'m' * 60}/{i}" for i in range(4000)]
    birth = payload(*(metric(name=n, alias=i, type=10) for i, n in enumerate(names)), seq=0)
    read(NODE.format("NBIRTH"), birth, memories.view("sparkplug", 0, []))
    assert len(memories.values) > 10
    data = payload(*(metric(double(13, i), alias=i) for i in range(4000)), seq=1)
    [got] = read(NODE.format("NDATA"), data, memories.view("sparkplug", 1, []))
    assert [m["name"] for m in got["metrics"]] == names
    read(NODE.format("NBIRTH"), BIRTH, memories.view("sparkplug", 2, []))
    assert len(memories.values) == 3


def test_long_names_of_nodes_are_kept_apart():
    memory = Notes()
    for last in "ab":
        read(f"spBv1.0/G/NBIRTH/{'n' * 300}{last}", BIRTH.replace(b"\x01T", b"\x01" + last.encode()), memory)
    [got] = read(f"spBv1.0/G/NDATA/{'n' * 300}a", payload(metric(double(13, 2.5), alias=1), seq=1), memory)
    assert got["metrics"][0]["name"] == "a"


def test_fields_of_protocol_buffers_end_where_they_say():
    assert list(fields_of(field(1, 300) + double(2, 1.0), "x")) == [(1, 300), (2, struct.pack("<d", 1.0))]
    for data in (b"\x00", b"\x80" * 12, b"\x09\x00", b"\x0d\x00", b"\x0a\x05a", b"\x0b"):
        with pytest.raises(WrongValueError):
            list(fields_of(data, "x"))
