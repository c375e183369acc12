"""Protocol buffers by a descriptor that the profile brings."""

from __future__ import annotations

import base64
import struct
from typing import Any

import pytest

from brain.errors import SensorTypeError
from ingest.decoders import Message, formats
from ingest.profile.functions import WrongValueError
from ingest.profile.mapping import compile_mapping
from ingest.profile.stages import compile_input

DOUBLE, FLOAT, INT64, INT32, FIXED32, BOOL, STRING, MESSAGE, BYTES, ENUM, SINT32 = 1, 2, 3, 5, 7, 8, 9, 11, 12, 14, 17
ONE, MANY = 1, 3


def varint(n: int) -> bytes:
    n &= (1 << 64) - 1
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def put(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def fixed(number: int, form: str, value: float) -> bytes:
    data = struct.pack(form, value)
    return varint(number << 3 | (1 if len(data) == 8 else 5)) + data


def field(name: str, number: int, kind: int, label: int = ONE, type_name: str = "", **more: int) -> bytes:
    out = put(1, name) + put(3, number) + put(4, label) + put(5, kind) + (put(6, type_name) if type_name else b"")
    return out + b"".join(put({"member": 9, "optional": 17}[k], v) for k, v in more.items())


def message(name: str, *fields: bytes, inner: bytes = b"", entry: bool = False) -> bytes:
    out = put(1, name) + b"".join(put(2, f) for f in fields) + inner
    return out + (put(7, put(7, 1)) if entry else b"")


def enumeration(name: str, **words: int) -> bytes:
    return put(1, name) + b"".join(put(2, put(1, word) + put(2, number)) for word, number in words.items())


def descriptor(*messages: bytes, enums: tuple[bytes, ...] = (), package: str = "city", syntax: str = "proto3") -> bytes:
    parts = b"".join(put(4, m) for m in messages) + b"".join(put(5, e) for e in enums)
    return put(1, put(1, "x.proto") + put(2, package) + parts + put(12, syntax))


ENTRY = put(3, message("LevelsEntry", field("key", 1, STRING), field("value", 2, DOUBLE), entry=True))
READING = message(
    "Reading",
    field("serial", 1, STRING),
    field("temp_c", 2, DOUBLE),
    field("count", 3, INT64),
    field("low", 4, SINT32),
    field("state", 5, ENUM, type_name=".city.State"),
    field("values", 6, INT32, MANY),
    field("kids", 7, MESSAGE, MANY, ".city.Reading"),
    field("levels", 8, MESSAGE, MANY, ".city.Reading.LevelsEntry"),
    field("raw", 9, BYTES),
    field("maybe", 10, DOUBLE, optional=1, member=0),
    field("on", 11, BOOL),
    field("one", 12, MESSAGE, ONE, ".city.Reading"),
    field("floats", 13, FLOAT, MANY),
    inner=ENTRY,
)
SET = descriptor(READING, enums=(enumeration("State", OK=0, BAD=2, OFF=-1),))


def settings(data: bytes = SET, name: str = "city.Reading", **more: Any) -> dict[str, Any]:
    return {"format": "protobuf", "descriptor": base64.b64encode(data).decode(), "message": name, **more}


def read(payload: bytes, **more: Any) -> list[Any]:
    return compile_input(settings(**more), "input")(Message(payload, {}, 0))


def refusal(payload: bytes, **more: Any) -> str:
    with pytest.raises(WrongValueError) as caught:
        read(payload, **more)
    return caught.value.reason


def test_values_have_the_names_and_types_of_the_descriptor():
    payload = (
        put(1, "A-17")
        + fixed(2, "<d", 21.5)
        + put(3, -5)
        + put(4, 9)
        + put(5, 2)
        + put(9, b"\x01\xff")
        + fixed(10, "<d", 0.0)
        + put(11, 1)
    )
    [got] = read(payload)
    wanted = {"serial": "A-17", "temp_c": 21.5, "count": -5, "low": -5, "state": "BAD", "raw": b"\x01\xff", "on": True}
    assert {k: got[k] for k in wanted} == wanted
    assert got["maybe"] == 0.0


def test_what_proto3_sends_as_nothing_is_its_zero_and_what_can_be_absent_is_absent():
    [got] = read(b"")
    assert got == {
        "serial": "",
        "temp_c": 0.0,
        "count": 0,
        "low": 0,
        "state": "OK",
        "values": [],
        "kids": [],
        "levels": {},
        "raw": b"",
        "on": False,
        "floats": [],
    }
    assert read(b"", data=descriptor(READING, enums=(enumeration("State", OK=0),), syntax="proto2"))[0] == {
        "values": [],
        "kids": [],
        "levels": {},
        "floats": [],
    }


def test_lists_are_packed_or_not_and_maps_are_objects():
    [got] = read(
        put(6, varint(1) + varint(-2)) + put(6, 3) + put(13, struct.pack("<2f", 0.5, 1.5)) + fixed(13, "<f", 2.5)
    )
    assert (got["values"], got["floats"]) == ([1, -2, 3], [0.5, 1.5, 2.5])
    [got] = read(put(8, put(1, "a") + fixed(2, "<d", 1.5)) + put(8, put(1, "b")))
    assert got["levels"] == {"a": 1.5, "b": 0.0}


def test_messages_in_messages_and_one_that_came_in_pieces():
    [got] = read(put(7, put(1, "k1")) + put(7, put(1, "k2")) + put(12, put(1, "a")) + put(12, put(3, 7)))
    assert [k["serial"] for k in got["kids"]] == ["k1", "k2"]
    assert (got["one"]["serial"], got["one"]["count"]) == ("a", 7)


def test_words_that_are_not_in_the_list_are_numbers_and_unknown_fields_are_passed_over():
    [got] = read(put(5, 9) + put(99, 1) + put(5, -1))
    assert got["state"] == "OFF"
    assert read(put(5, 9))[0]["state"] == 9


def test_a_row_of_messages_with_their_lengths():
    payload = b"".join(varint(len(m)) + m for m in (put(1, "a"), b"", put(1, "b")))
    assert [d["serial"] for d in read(payload, delimited=True)] == ["a", "", "b"]
    assert refusal(payload[:-1], delimited=True) == "missing"


def test_a_profile_maps_it_like_any_other_input():
    profile = {
        "input": settings(),
        "device": "serial",
        "fields": {"temp_c": {"from": "temp_c"}, "state": {"from": "state"}},
    }
    run = compile_mapping(profile, {"temp_c": "number", "state": "text"})
    [row] = run(Message(put(1, "A-17"), {}, 0)) or []
    assert (row.device, row.values) == ("A-17", {"temp_c": 0.0, "state": "OK"})


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"\xff", "wrong_type"),
        (put(2, 5), "wrong_type"),
        (put(1, 5), "wrong_type"),
        (put(3, b"abc"), "wrong_type"),
        (fixed(2, "<f", 1.0), "wrong_type"),
        (put(7, 5), "wrong_type"),
        (put(1, b"\xff"), "bad_text"),
        (put(13, b"abc"), "wrong_type"),
        (put(6, b"\x80"), "wrong_type"),
        (put(6, b"\x01" * 20_001), "too_large"),
        (put(7, b"") * 20_001, "too_large"),
        (put(13, bytes(4 * 20_001)), "too_large"),
    ],
)
def test_what_does_not_fit_the_descriptor_is_refused(payload: bytes, reason: str):
    assert refusal(payload) == reason


def test_levels_are_bounded():
    payload = b""
    for _ in range(40):
        payload = put(7, payload)
    assert refusal(payload) == "too_deep"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"format": "protobuf"}, "needs descriptor"),
        (settings(name="city.Other"), "there are city.Reading"),
        ({**settings(), "descriptor": "*"}, "no base64"),
        (settings(data=b"\x0a\x05\x01"), "descriptor"),
        (settings(data=descriptor(message("Reading", field("x", 1, 10)))), "groups are not read"),
        (settings(data=descriptor(message("Reading", field("x", 1, MESSAGE, ONE, ".other.T")))), "include_imports"),
        (settings(data=descriptor(message("Reading"), syntax="editions")), "neither proto2 nor proto3"),
    ],
)
def test_a_wrong_descriptor_is_refused_when_the_profile_is_registered(given: dict[str, Any], sentence: str):
    with pytest.raises(SensorTypeError, match=sentence):
        compile_input(given, "input")


def test_a_descriptor_is_read_once():
    form = formats()["protobuf"]
    given = {k: v for k, v in settings(delimited=False).items() if k != "format"}
    assert form.read(Message(b"", {}, 0), given) == form.read(Message(b"", {}, 0), given)
