"""Remote ID: broadcasts of 25 bytes, and what service providers tell."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from brain.errors import SensorTypeError
from ingest.decoders import Message, Notes, formats
from ingest.profile.functions import WrongValueError
from ingest.profile.stages import compile_input
from tests.contract.format_walk import FOLDER, load
from tests.shared_samples import shared_sample

NOW = 1_782_885_600_000_000  # 06:00:00 UTC
SECOND = 1_000_000


def read(
    data: bytes, memory: Notes | None = None, received: int = NOW, mac: str | None = "m", **settings: Any
) -> list[Any]:
    form = formats()["odid"]
    captures = {"topic": "odid/r/m", **({"mac": mac} if mac else {})}
    return form.read(Message(data, captures, received, memory or Notes()), {**form.settings, **settings})


def refusal(data: bytes, **more: Any) -> str:
    with pytest.raises(WrongValueError) as caught:
        read(data, **more)
    return caught.value.reason


def basic(name: str | bytes, kind: int = 1) -> bytes:
    data = name if isinstance(name, bytes) else name.encode()
    return bytes([0x02, kind << 4 | 2]) + data.ljust(20, b"\0") + bytes(3)


def location(
    flags: int = 0x24,
    track: int = 90,
    speed: int = 20,
    climb: int = 0,
    place: tuple[int, int] = (360671000, 1203826000),
    altitudes: tuple[int, int, int] = (2234, 2240, 2160),
    tenths: int = 0xFFFF,
) -> bytes:
    parts = (track, speed, climb, *place, *altitudes, 0x3B, 0x33, tenths, 2)
    return bytes([0x12, flags]) + struct.pack("<BBbiiHHHBBHB", *parts) + b"\0"


def pack(*messages: bytes) -> bytes:
    return bytes([0xF2, 25, len(messages)]) + b"".join(messages)


def place_of(data: bytes, **more: Any) -> dict[str, Any]:
    return read(data, **more)[0]["location"]


def test_a_location_in_metres_degrees_and_metres_a_second():
    got = place_of(location())
    assert (got["lat"], got["lon"], got["heading_deg"], got["speed_ms"]) == (36.0671, 120.3826, 90, 5.0)
    assert (got["geodetic_m"], got["alt_m"], got["pressure_m"]) == (120.0, 120.0, 117.0)
    assert (got["height_agl_m"], got["height_takeoff_m"], got["status"]) == (80.0, None, "airborne")
    assert place_of(location(), geoid_m=7.5)["alt_m"] == 112.5


def test_direction_and_speed_have_a_bit_each_that_widens_them():
    got = place_of(location(flags=0x23, track=90, speed=11))
    assert (got["heading_deg"], got["speed_ms"], got["height_takeoff_m"]) == (270, 72.0, 80.0)


def test_what_is_not_known_is_no_value():
    got = place_of(location(0x23, 181, 255, 126, (0, 0), (0, 0, 0)))
    values = ("heading_deg", "speed_ms", "climb_ms", "lat", "lon", "alt_m", "pressure_m", "height_takeoff_m", "time")
    assert [got[k] for k in values] == [None] * 9


@pytest.mark.parametrize(
    ("received", "tenths", "time"),
    [
        (NOW, 0, NOW),
        (NOW + SECOND, 36_000 - 5, NOW - SECOND // 2),
        (NOW - SECOND, 5, NOW + SECOND // 2),
        (NOW + 600 * SECOND, 5990, NOW + 599 * SECOND),
        (NOW + 600 * SECOND, 36_000, NOW),
    ],
)
def test_the_tenths_of_the_hour_are_put_into_the_nearest_hour(received: int, tenths: int, time: int):
    assert place_of(location(tenths=tenths), received=received)["time"] == time


def test_names_and_places_of_one_sender_are_joined():
    memory = Notes()
    assert read(location(), memory)[0]["device"] == "mac:m"
    assert read(basic("SN1"), memory) == []
    assert read(basic("REG/7", kind=2), memory) == []
    [got] = read(location(), memory)
    assert (got["device"], got["registration"]) == ("SN1", "REG/7")
    assert read(location(), memory, mac="other")[0]["device"] == "mac:other"
    assert read(location(), memory, received=NOW + 3601 * SECOND)[0]["device"] == "mac:m"


def test_the_registration_names_a_drone_without_a_serial_number():
    assert read(pack(basic("REG/7 +", kind=2), location()))[0]["device"] == "REG_7__"
    assert read(pack(basic(bytes(range(16)), kind=3), location()))[0]["device"] == bytes(range(16)).hex()


def test_packs_rows_of_messages_and_the_element_of_the_radio():
    assert len(read(pack(basic("SN1"), location(), location()))) == 2
    assert len(read(location() * 3)) == 3
    assert read(b"\x0d\x07" + location()) == read(location())
    assert read(b"\x0d\x07" + pack(basic("SN1"), location())) == read(pack(basic("SN1"), location()))
    assert read(location().hex().encode()) == read(location())


def test_operator_and_purpose_are_known_to_the_document():
    system = b"\x42\x01" + struct.pack("<ii", 360660000, 1203810000) + bytes(15)
    purpose, operator = b"\x32\x00" + b"survey".ljust(23, b"\0"), b"\x52\x00" + b"OP1".ljust(23, b"\0")
    [got] = read(pack(system, purpose, operator, location()))
    assert (got["operator_lat"], got["operator_lon"], got["self_id"], got["operator_id"]) == (
        36.066,
        120.381,
        "survey",
        "OP1",
    )


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "missing"),
        (location()[:-1], "missing"),
        (pack(basic("a"))[:-1], "missing"),
        (bytes([0xF2, 24, 1]) + bytes(24), "wrong_type"),
        (bytes([0xF2, 25, 10]) + bytes(250), "wrong_type"),
        (bytes([0xF2, 25, 0]), "wrong_type"),
        (pack(bytes([0xF2]) + bytes(24)), "no_match"),
        (b"\x15" + location()[1:], "not_in_list"),
        (location(place=(900_000_001, 0)), "out_of_range"),
        (location(tenths=36_001), "bad_time"),
        (basic(b"\xff\xfe"), "bad_text"),
        (basic("a\tb"), "bad_text"),
        (location() * 60, "too_large"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, reason: str):
    assert refusal(data) == reason


def test_a_place_of_nobody_is_refused():
    assert refusal(location(), mac=None) == "missing"
    assert read(pack(basic("SN1"), location()), mac=None)[0]["device"] == "SN1"


def test_a_geoid_that_cannot_be_is_refused_when_the_profile_is_registered():
    with pytest.raises(SensorTypeError, match="sea level"):
        compile_input({"format": "odid", "geoid_m": 1000.0}, "input")


def test_collected_flights_are_a_row_a_state():
    data = shared_sample("remote_id/zurich_flights.json").read_bytes()
    got = load(FOLDER / "remote-id").read(Message(data, {"uss": "u"}, NOW))
    assert got is not None
    assert [r.device for r in got] == ["1AKGAAN8G70R7JS"] * 17 + ["ULYK563L5G"] * 13
    first = got[0]
    assert first.time == 1_640_995_201_000_000
    assert first.values == {
        "lon": 8.488106090860573,
        "lat": 47.37063724619898,
        "alt_m": 496.0,
        "height_m": 0.0,
        "speed_ms": 5.0,
        "heading_deg": 162.3752362098515,
        "mission": "U-turn south of takeoff",
    }


def test_of_collected_flights_the_state_without_a_time_is_refused_and_named():
    data = shared_sample("remote_id/invalid_no_timestamp.json").read_bytes()
    got = load(FOLDER / "remote-id").read(Message(data, {"uss": "u"}, NOW))
    assert got is not None
    refused = got[0]
    assert refused.reason == "missing"
    assert "flights[0].states[0]" in refused.detail
    assert [r.device for r in got[1:]] == ["1AKGAAN8G70R7JS"] * 16 + ["ULYK563L5G"] * 13
