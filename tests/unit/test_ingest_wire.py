"""MQTT packets in any pieces, and the small parts of ingest that have clocks passed in."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest._wire import (
    CONNACK,
    LONGEST,
    SUBACK,
    Arrivals,
    Packet,
    Splitter,
    WireError,
    connect,
    pubacks,
    publish,
    subscribe,
)
from ingest.batcher import Batcher
from ingest.copies import Copies
from ingest.stamp import Stamper

messages = st.lists(
    st.tuples(
        st.text(max_size=8, alphabet=st.characters(exclude_categories=["Cs"])),
        st.binary(max_size=300),
        st.integers(0, 65535),
        st.booleans(),
        st.booleans(),
    ),
    max_size=6,
)


@given(messages, st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_packets_are_found_however_the_bytes_arrive(sent, cuts):
    wire = b"\x20\x02\x01\x00" + b"".join(publish(t, p, i, dup=d, retain=r) for t, p, i, d, r in sent) + b"\xd0\x00"
    splitter, others, at = Splitter(), [], 0
    got = Arrivals()
    for k in range(len(wire)):
        size = cuts[k % len(cuts)]
        others += splitter.feed(wire[at : at + size], got)
        at += size
    assert others == [Packet(CONNACK, b"\x01\x00"), Packet(13, b"")]
    assert list(zip(got.topics, got.payloads, got.packet_ids, got.heads, strict=True)) == [
        (t, p, i, 0x30 | 8 * d | 2 * (i > 0) | r) for t, p, i, d, r in sent
    ]


def test_messages_of_other_topics_are_only_counted():
    splitter, got = Splitter(("city/",)), Arrivals()
    wire = publish("city/a/b", b"1", 1) + publish("other", b"2", 2) + publish("other", b"3") + publish("other", b"4", 3)
    assert splitter.feed(wire, got) == []
    assert got.topics == ["city/a/b"]
    assert splitter.unwanted == [2, 3]


def fed(wire: bytes) -> tuple[list[Packet], Arrivals]:
    got = Arrivals()
    return Splitter().feed(wire, got), got


def test_a_long_payload_has_a_long_length():
    for size in (100, 127, 128, 16_383, 16_384, 2_097_152):
        _, got = fed(publish("city/a/b", b"x" * size, 1))
        assert [len(p) for p in got.payloads] == [size]


def test_a_long_packet_in_many_pieces_is_joined_once_it_is_there():
    wire, splitter, got = publish("city/a/b", b"x" * 1_000_000, 1), Splitter(), Arrivals()
    counts = []
    for i in range(0, len(wire), 65536):
        splitter.feed(wire[i : i + 65536], got)
        counts.append(len(got))
    assert counts == [0] * (len(counts) - 1) + [1]


@pytest.mark.parametrize("piece", [1000, 65_536, 10_000_000])
def test_of_a_message_that_is_too_long_for_anybody_only_the_beginning_is_held(piece):
    wire = publish("city/a/b", b"x" * (3 * LONGEST), 1) + publish("city/a/c", b"next", 2)
    splitter, got, held = Splitter(), Arrivals(), 0
    for i in range(0, len(wire), piece):
        splitter.feed(wire[i : i + piece], got)
        held = max(held, len(splitter._rest))
    assert [(t, len(p), i) for t, p, i in zip(got.topics, got.payloads, got.packet_ids, strict=True)] == [
        ("city/a/b", LONGEST, 1),
        ("city/a/c", 4, 2),
    ]
    assert held < LONGEST + 70_000 + piece


def test_an_answer_of_many_megabytes_is_refused():
    with pytest.raises(WireError, match="an answer"):
        fed(b"\x20" + publish("", bytes(3 * LONGEST))[1:])


@pytest.mark.parametrize(
    "wire",
    [
        b"\x30\x80\x80\x80\x80\x01",  # five bytes of length
        b"\x36\x05\x00\x01a\x00\x01",  # QoS 3
        b"\x32\x03\x00\x09a",  # topic longer than the packet
        b"\x32\x03\x00\x01a",  # no room for the packet id
        b"\x30\x01\x00",  # no topic
    ],
)
def test_what_is_not_mqtt_is_refused(wire):
    with pytest.raises(WireError):
        fed(wire)


def test_a_topic_that_is_not_utf8_is_marked():
    _, got = fed(b"\x30\x05\x00\x03a\xffb")
    assert got.topics == ["a\ufffdb"]


def test_our_packets_are_those_of_the_standard():
    assert connect("ab", 30) == bytes.fromhex("100e 0004 4d515454 04 00 001e 0002") + b"ab"
    assert connect("ab", 30, "u", "p") == bytes.fromhex("1014 0004 4d515454 04 c0 001e 0002 6162 0001 75 0001 70")
    assert subscribe(1, ["city/#"]) == bytes.fromhex("820b 0001 0006") + b"city/#" + b"\x01"
    assert pubacks([7]) == struct.pack(">BBH", 0x40, 2, 7)
    assert fed(b"\x90\x03\x00\x01\x80")[0] == [Packet(SUBACK, b"\x00\x01\x80")]


def test_a_flush_waits_as_long_as_commits_take_and_never_after_a_pause():
    b = Batcher()
    assert b.delay(5.0, 1) == 0
    b.flushed(5.0, 5.001)
    assert b.delay(5.002, 1) == pytest.approx(0.008)
    b.flushed(5.0, 5.02)
    assert b.delay(5.021, 1) == pytest.approx(0.009)
    b.flushed(5.0, 7.0)
    assert b.delay(5.01, 1) == pytest.approx(0.04)
    assert b.delay(5.01, b.enough) == 0
    assert b.delay(9.0, 1) == 0


def test_a_flush_does_not_wait_with_something_urgent_but_for_so_many_a_second():
    b = Batcher()
    b.flushed(5.0, 5.001)
    assert b.delay(5.002, 1, urgent=True) == 0
    b.flushed(5.002, 5.003)
    assert b.delay(5.004, 1, urgent=True) == pytest.approx(0.008), "a flood of calls makes no flood of flushes"
    b.flushed(5.004, 5.6)
    assert b.delay(5.004, 1, urgent=True) == pytest.approx(0.018), "not longer than until the next may hurry"
    b.flushed(5.018, 5.019)
    assert b.delay(5.0221, 1, urgent=True) == 0


@given(st.lists(st.tuples(st.integers(-5_000_000, 5_000_000), st.floats(0, 2), st.integers(1, 50)), min_size=1))
def test_stamps_only_grow_and_follow_the_wall_clock(steps):
    wall, steady = 1_000_000_000, 0.0
    stamper = Stamper(lambda: wall, lambda: steady)
    before = 0
    for jump, passed, room in steps:
        wall, steady = wall + jump, steady + passed
        stamp = stamper.next(room)
        assert stamp > before
        assert stamp >= wall
        before = stamper.last
        assert before == stamp + room - 1


def test_stamps_go_on_at_half_speed_while_the_wall_clock_is_behind():
    now = {"wall": 10_000_000, "steady": 0.0}
    stamper = Stamper(lambda: int(now["wall"]), lambda: now["steady"])
    first = stamper.next()
    now["wall"] -= 3_000_000
    ticks = 0
    for _ in range(80):
        now["wall"] += 100_000
        now["steady"] += 0.1
        if stamper.due(1_000_000):
            ticks += 1
            stamper.next()
    assert ticks >= 4
    assert stamper.last - first <= 5_000_001
    assert stamper.last >= now["wall"] - 1_000_000


def test_the_oldest_copies_are_forgotten_first():
    copies = Copies(most=3)
    keys = [i.to_bytes(16, "big") for i in range(4)]
    assert not any(copies.seen(key, 0) for key in keys)
    assert copies.seen(keys[3], 1)
    assert not copies.seen(keys[0], 1)
