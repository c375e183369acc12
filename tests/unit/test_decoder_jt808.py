"""JT/T 808: terminals of vehicles."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ingest.decoders import Message, Notes, formats
from ingest.profile.functions import WrongValueError


def read(data: bytes, memory: Notes | None = None) -> list[Any]:
    return formats()["jt808"].read(Message(data, {}, 0, memory or Notes()), {})


def refusal(data: bytes) -> str:
    with pytest.raises(WrongValueError) as caught:
        read(data)
    return caught.value.reason


def sealed(plain: bytes) -> bytes:
    check = 0
    for byte in plain:
        check ^= byte
    data = plain + bytes([check])
    return b"\x7e" + data.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02") + b"\x7e"


def frame(
    message: int,
    body: bytes,
    phone: str = "013800138000",
    number: int = 1,
    packets: tuple[int, int] | None = None,
    encryption: int = 0,
    told: int | None = None,
) -> bytes:
    newer = len(phone) == 20
    properties = (len(body) if told is None else told) | encryption << 10 | (0x2000 if packets else 0) | newer << 14
    head = struct.pack(">HH", message, properties) + (b"\x01" if newer else b"") + bytes.fromhex(phone)
    return sealed(head + struct.pack(">H", number) + (struct.pack(">HH", *packets) if packets else b"") + body)


def location(
    alarm: int = 0,
    status: int = 3,
    place: tuple[int, int] = (36068444, 120382264),
    time: str = "260701135900",
    items: bytes = b"",
) -> bytes:
    return struct.pack(">IIIIHHH", alarm, status, *place, 20, 605, 359) + bytes.fromhex(time) + items


def test_a_location_of_both_editions():
    [old] = read(frame(0x0200, location()))
    [new] = read(frame(0x0200, location(), phone="00000000013800138000"))
    assert (old["phone"], old["edition"], new["phone"], new["edition"]) == ("13800138000", 2013, "13800138000", 2019)
    assert (old["lat"], old["lon"], old["speed_kmh"], old["heading_deg"]) == (36.068444, 120.382264, 60.5, 359)
    assert (old["time"], old["alt_m"], old["ignition"], old["kept"]) == ("260701135900", 20, True, False)


def test_bytes_that_begin_frames_are_escaped_in_them():
    [got] = read(frame(0x0200, location(place=(0x7E7D7E, 0x7D017D02 % 180_000_000))))
    assert got["lat"] == 0x7E7D7E / 1e6


def test_south_west_and_below_the_sea():
    body = bytearray(location(status=0xF))
    body[16:18] = struct.pack(">h", -154)
    [got] = read(frame(0x0200, bytes(body)))
    assert (got["lat"], got["lon"], got["alt_m"]) == (-36.068444, -120.382264, -154)


@pytest.mark.parametrize("status", [0x1, 0x23])
def test_a_position_that_is_not_valid_or_encrypted_is_none(status: int):
    [got] = read(frame(0x0200, location(status=status)))
    assert (got["fixed"], got["lat"], got["lon"], got["speed_kmh"]) == (False, None, None, 60.5)


def test_items_behind_the_location():
    items = b"\x01\x04\x00\x01\xe2\x40\x02\x02\x01\xc7\x03\x02\x02\x58\x30\x01\x1f\x31\x01\x0c\xeb\x03abc\x25\x00"
    [got] = read(frame(0x0200, location(items=items)))
    told = [got[k] for k in ("mileage_km", "fuel_l", "recorder_kmh", "signal", "satellites")]
    assert told == [12345.6, 45.5, 60.0, 31, 12]


def test_alarms_are_words_and_those_of_the_terminal_are_a_fault():
    [crash] = read(frame(0x0200, location(alarm=1 << 29 | 1)))
    [broken] = read(frame(0x0200, location(alarm=1 << 5)))
    assert (crash["alarms"], crash["fault"]) == ("emergency collision", False)
    assert (broken["alarms"], broken["fault"]) == ("antenna_open", True)
    assert read(frame(0x0200, location()))[0]["alarms"] is None


def batch(*locations: bytes, kind: int = 1, count: int | None = None) -> bytes:
    parts = b"".join(struct.pack(">H", len(part)) + part for part in locations)
    return struct.pack(">HB", len(locations) if count is None else count, kind) + parts


def test_a_batch_is_a_document_a_location():
    times = ["260701135810", "260701135820"]
    got = read(frame(0x0704, batch(*(location(time=t) for t in times))))
    assert [(g["time"], g["kept"]) for g in got] == [(t, True) for t in times]
    assert read(frame(0x0704, batch(location(), kind=0)))[0]["kept"] is False


def test_packets_are_put_together_in_any_order():
    body, memory = batch(*(location(time=f"26070113580{i}") for i in range(5))), Notes()
    cuts = [body[:60], body[60:90], body[90:]]
    frames = [frame(0x0704, cut, number=9 + i, packets=(3, i + 1)) for i, cut in enumerate(cuts)]
    assert read(frames[2], memory) == read(frames[0], memory) == []
    assert len(read(frames[1], memory)) == 5
    assert memory.kept == {}


def test_packets_of_another_message_take_the_place_of_those_that_wait():
    body, memory = batch(location(), location()), Notes()
    read(frame(0x0704, body[:40], number=1, packets=(2, 1)), memory)
    assert read(frame(0x0704, body[40:], number=6, packets=(2, 2)), memory) == []
    assert len(read(frame(0x0704, body[:40], number=5, packets=(2, 1)), memory)) == 2


def test_heartbeats_are_nothing_and_frames_in_a_row_are_taken_apart():
    answer = frame(0x0201, b"\x00\x01" + location())
    assert read(frame(0x0002, b"")) == []
    assert len(read(frame(0x0002, b"") + answer + frame(0x0200, location()))) == 2
    assert len(read((answer + answer[1:]).hex().encode())) == 2


def test_a_clock_of_zeros_is_no_time():
    assert read(frame(0x0200, location(time="000000000000")))[0]["time"] is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "missing"),
        (b"\x7e", "no_match"),
        (b"\x7e\x00", "no_match"),
        (b"\x00" + frame(0x0200, location()), "no_match"),
        (b"\x7e\x7d\x03\x7e", "wrong_type"),
        (frame(0x0200, location())[:-2] + b"\xee\x7e", "bad_checksum"),
        (sealed(b"\x02"), "missing"),
        (sealed(b"\x02\x00\x00\x00\x01"), "missing"),
        (frame(0x0200, location(), told=30), "missing"),
        (frame(0x0200, location(), phone="0138001380ab"), "wrong_type"),
        (frame(0x0200, location(), encryption=1), "encrypted"),
        (frame(0x0200, location()[:-1]), "missing"),
        (frame(0x0200, location(time="2607011359aa")), "bad_time"),
        (frame(0x0200, location(place=(95_000_000, 0))), "out_of_range"),
        (frame(0x0200, location(items=b"\x01")), "missing"),
        (frame(0x0200, location(items=b"\x01\x04\x00")), "missing"),
        (frame(0x0704, b"\x00"), "missing"),
        (frame(0x0704, batch(location(), count=2)), "missing"),
        (frame(0x0704, batch(location())[:-1]), "missing"),
        (frame(0x0704, b"\x00\x01\x01\x00\x00"), "missing"),
        (frame(0x0704, b"", packets=(2, 3)), "out_of_range"),
        (frame(0x0704, b"", packets=(200, 1)), "out_of_range"),
        (frame(0x0002, b"") * 501, "too_large"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, reason: str):
    assert refusal(data) == reason


def test_a_frame_known_from_the_field():
    data = (
        "7e02000026123456789012007d02000000010000000200ba7f0e07e4f11c0028003c00001810151010100104000000640202007d01137e"
    )
    [got] = read(bytes.fromhex(data))
    assert (got["phone"], got["lat"], got["lon"], got["alt_m"]) == ("123456789012", 12.222222, 132.444444, 40)
    assert (got["speed_kmh"], got["mileage_km"], got["fuel_l"], got["time"]) == (6.0, 10.0, 12.5, "181015101010")
