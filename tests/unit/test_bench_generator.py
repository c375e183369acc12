"""What the generator says is what ingest reads: packets, shapes, schedules."""

from __future__ import annotations

import json

import pytest

from brain.bench.sender import plan
from brain.bench.shapes import PACK, Shape, call_packet, generated_type
from brain.bench.stages import cut
from brain.registry import Registry
from brain.times import to_us
from ingest.decode import Decoder
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin

START = to_us("2026-07-01T10:00:00Z")


def decoded(shape: Shape, packets: list[bytes], received_at: int = START + 10_000_000):
    arrivals = cut(packets)
    types = [*load_builtin(), *(generated_type(k) for k in range(shape.types))]
    registry = Registry(types, [])
    found = Decoder(registry).decode(
        [Envelope(t, p, received_at) for t, p in zip(arrivals.topics, arrivals.payloads, strict=True)]
    )
    for name in found.unknown:
        registry.add(*name)
    return arrivals, found.finish(registry, 1)


@pytest.mark.parametrize(
    "shape",
    [
        Shape(form="single", devices=7, types=1),
        Shape(form="single", devices=1000, types=3),
        Shape(form="single", devices=2000, types=1000),
        Shape(form="pack", devices=100, types=3),
        Shape(form="pack", devices=3, types=3),
    ],
    ids=str,
)
def test_every_reading_is_taken_and_no_two_rows_are_equal(shape: Shape) -> None:
    messages = 400
    arrivals, outcome = decoded(shape, list(shape.packets(messages, START, 1)))
    assert len(arrivals) == messages
    assert outcome.quarantined == []
    assert sum(len(b) for b in outcome.batches) == messages * shape.readings
    times = sorted(int(t.astype("i8")) for b in outcome.batches for t in b.time)
    assert times == list(range(START, START + messages * shape.readings))
    assert {b.sensor_type for b in outcome.batches} <= set(shape.names())


def test_packet_ids_go_round_and_are_never_zero() -> None:
    shape = Shape(form="single", devices=1, types=1)
    arrivals = cut(list(shape.packets(3, START, 1, first=65533)))
    assert arrivals.packet_ids == [65534, 65535, 1]


def test_a_single_message_has_about_150_bytes_and_a_pack_50_readings() -> None:
    sizes = [len(p) for p in Shape(form="single", devices=100, types=3).packets(100, START, 1)]
    assert 130 <= sum(sizes) / len(sizes) <= 170
    [payload] = cut(list(Shape(form="pack").packets(1, START, 1))).payloads
    assert len(json.loads(payload)) == PACK


def test_a_call_is_stored_as_one_emergency_call() -> None:
    _, outcome = decoded(Shape(types=1), [call_packet(7, START, 9), call_packet(8, START, 10)])
    assert outcome.quarantined == []
    [batch] = outcome.batches
    assert batch.sensor_type == "emergency-call"
    assert list(batch["call_id"]) == ["BENCH-000007", "BENCH-000008"]
    assert batch["lon"][0] != batch["lon"][1]


def job(**more: object) -> dict[str, object]:
    return {"form": "single", "devices": 10, "types": 1, "messages": 100, **more}


def test_an_open_loop_sends_each_message_at_its_time_and_calls_between_them() -> None:
    stream, due = plan(job(rate=100, calls_every_ms=200, first_call=3))
    assert len(stream) == len(due) == 100 + 5
    assert due == sorted(due)
    calls = [(t, p) for t, p in zip(due, stream, strict=True) if b"emergency-call" in p]
    assert [t for t, _ in calls] == [k * 200_000_000 for k in range(5)]
    assert b"BENCH-000003" in calls[0][1]


def test_a_closed_loop_has_no_schedule_and_ends_with_its_sentinel() -> None:
    stream, due = plan(job(window=10, sentinel=True))
    assert due == []
    assert len(stream) == 101
    assert b"emergency-call" in stream[-1]


def test_refused_messages_come_first_and_are_quarantined() -> None:
    stream, due = plan(job(rate=100, refused=4))
    assert len(stream) == len(due) == 104
    _, outcome = decoded(Shape(types=1), stream[:4])
    assert [q.reason for q in outcome.quarantined] == ["out_of_range"] * 4
