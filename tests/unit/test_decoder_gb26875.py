"""GB/T 26875.3: fire alarm systems of buildings."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.decoders import Message, formats
from ingest.profile.functions import WrongValueError

TIME = bytes([1, 59, 13, 1, 7, 26])


def read(data: bytes) -> list[Any]:
    return formats()["gb26875"].read(Message(data, {}, 0), {})


def refusal(data: bytes) -> str:
    with pytest.raises(WrongValueError) as caught:
        read(data)
    return caught.value.reason


def frame(data: bytes, command: int = 2) -> bytes:
    source = bytes.fromhex("370202000001")[::-1]
    body = b"\x07\x00\x01\x01" + TIME + source + bytes(6) + len(data).to_bytes(2, "little") + bytes([command]) + data
    return b"@@" + body + bytes([sum(body) & 0xFF]) + b"##"


def objects(kind: int, *parts: bytes) -> list[dict[str, Any]]:
    [document] = read(frame(bytes([kind, len(parts)]) + b"".join(part + TIME for part in parts)))
    return document["objects"]


def component(code: int, status: int, text: str = "", address: bytes = b"\x01\x00\x11\x00") -> bytes:
    return bytes([1, 2, code]) + address + status.to_bytes(2, "little") + text.encode("gb18030").ljust(31, b"\0")


def test_the_state_of_a_component_with_its_place_words_and_time():
    [got] = objects(2, component(40, 0b11, "三层走廊"))
    assert (got["kind"], got["system"], got["component"], got["address"]) == (
        "component",
        "fire_alarm",
        "smoke_detector",
        "1-17",
    )
    assert (got["fire"], got["fault"], got["test"], got["states"]) == (True, False, False, ["fire"])
    assert (got["description"], got["time"]) == ("三层走廊", "2026-07-01 13:59:01")


@pytest.mark.parametrize(
    ("bits", "states", "flags"),
    [
        (0b1, [], (False, False, False)),
        (0b0, [], (False, False, True)),
        (0b101, ["fault"], (False, True, False)),
        (0b1001, ["shielded"], (False, False, False)),
        (0b1_0000_0001, ["power_fault"], (False, True, False)),
        (0b10_0001, ["started"], (False, False, False)),
    ],
)
def test_bits_of_a_component(bits: int, states: list[str], flags: tuple[bool, ...]):
    [got] = objects(2, component(42, bits))
    assert (got["states"], (got["fire"], got["fault"], got["test"])) == (states, flags)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (1, "alarm_controller"),
        (11, "gas_detector"),
        (23, "manual_call_point"),
        (32, "heat_detector"),
        (44, "smoke_detector"),
        (62, "flame_detector"),
        (85, "module"),
        (200, "other"),
    ],
)
def test_components_are_named_by_their_code(code: int, name: str):
    assert objects(2, component(code, 1))[0]["component"] == name


def test_systems_devices_and_operations():
    [system] = objects(1, bytes([11, 3]) + (0b1_0000_0011).to_bytes(2, "little"))
    assert (system["system"], system["system_address"], system["states"]) == ("hydrant", 3, ["fire", "mains_fault"])
    assert (system["fire"], system["fault"]) == (True, True)
    [device] = objects(21, b"\x29")
    assert (device["states"], device["fault"]) == (["mains_fault", "centre_line_fault"], True)
    [operation] = objects(4, bytes([1, 1, 2, 9]))
    assert (operation["operation_bits"], operation["operator"]) == (2, 9)
    assert objects(24, bytes([2, 9]))[0]["kind"] == "device_operation"


@pytest.mark.parametrize(
    ("quantity", "raw", "told"),
    [
        (2, 512, ("height", 5.12, "m")),
        (3, -55, ("temperature", -5.5, "Cel")),
        (4, 3, ("pressure", 0.3, "MPa")),
        (6, 105, ("gas", 10.5, "%")),
        (8, 2301, ("voltage", 230.1, "V")),
        (77, 5, ("quantity_77", 5.0, None)),
    ],
)
def test_analog_values_in_their_unit(quantity: int, raw: int, told: tuple[Any, ...]):
    data = bytes([11, 1, 92, 1, 0, 1, 0, quantity]) + raw.to_bytes(2, "little", signed=True)
    [got] = objects(3, data)
    assert (got["quantity"], got["value"], got["unit"]) == told


def test_several_objects_and_several_frames():
    assert [o["address"] for o in objects(2, component(40, 1), component(40, 1, address=b"\x02\x00\x05\x01"))] == [
        "1-17",
        "2-261",
    ]
    one = frame(bytes([21, 1, 1]) + TIME)
    assert len(read(one + one)) == 2
    assert read(one.hex().encode()) == read(one)


def test_confirmations_versions_and_clocks_are_nothing_to_store():
    assert read(frame(b"", command=3)) == []
    assert read(frame(bytes([28, 1]) + TIME)) == []
    assert read(frame(bytes([2, 0]))) == []


def test_a_clock_that_does_not_run_is_no_time():
    for clock in (bytes(6), bytes([61, 0, 0, 1, 1, 26]), bytes([0, 0, 0, 0, 1, 26]), bytes([0, 0, 0, 1, 1, 200])):
        [document] = read(frame(bytes([21, 1, 1]) + clock))
        assert document["objects"][0]["time"] is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "missing"),
        (b"@@", "no_match"),
        (frame(bytes([21, 1, 1]) + TIME)[:-1], "missing"),
        (frame(bytes([21, 1, 1]) + TIME)[:-1] + b"!", "no_match"),
        (frame(bytes([21, 1, 1]) + TIME)[:-3] + b"\x00##", "bad_checksum"),
        (frame(b""), "missing"),
        (frame(bytes([21, 2, 1]) + TIME), "missing"),
        (frame(bytes([21, 1, 1]) + TIME + b"\0"), "missing"),
        (frame(bytes(1100)), "missing"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, reason: str):
    assert refusal(data) == reason
