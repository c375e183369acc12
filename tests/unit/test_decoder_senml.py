"""SenML and CBOR."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decoders import Message, Notes, formats
from ingest.decoders._cbor import loads
from ingest.profile.functions import WrongValueError

NOW = 1_782_885_600_000_000
T = 1_782_885_540


def read(pack: Any, memory: Notes | None = None, topic: str = "a/b", **settings: Any) -> list[dict[str, Any]]:
    payload = pack if isinstance(pack, bytes) else json.dumps(pack).encode()
    form = formats()["senml"]
    got = form.read(Message(payload, {"topic": topic}, NOW, memory or Notes()), {**form.settings, **settings})
    return got[0]["records"] if got else []


def refusal(pack: Any) -> tuple[str, str]:
    with pytest.raises(WrongValueError) as caught:
        read(pack)
    return caught.value.reason, str(caught.value)


def cbor(value: Any) -> bytes:
    """An encoder of the test's own."""

    def head(major: int, n: int) -> bytes:
        if n < 24:
            return bytes([major << 5 | n])
        size = next(i for i in range(4) if n < 1 << (8 << i))
        return bytes([major << 5 | 24 + size]) + n.to_bytes(1 << size, "big")

    match value:
        case bool() | None:
            return bytes([{False: 0xF4, True: 0xF5, None: 0xF6}[value]])
        case int():
            return head(0, value) if value >= 0 else head(1, -1 - value)
        case float():
            return b"\xfb" + struct.pack(">d", value)
        case bytes():
            return head(2, len(value)) + value
        case str():
            return head(3, len(value.encode())) + value.encode()
        case list():
            return head(4, len(value)) + b"".join(map(cbor, value))
        case dict():
            return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    raise TypeError(value)


# -- SenML -------------------------------------------------------------------------------------------------------------


def test_base_values_hold_from_their_record_on():
    got = read(
        [
            {"n": "a", "u": "V", "v": 1},
            {"bn": "dev:", "bt": T, "bu": "A", "bv": 10, "n": "b", "v": 1},
            {"n": "c", "t": -5, "v": 2, "u": "W"},
            {"bn": "other:", "n": "d", "v": 3},
        ]
    )
    assert [(r["name"], r["device"], r["unit"], r["value"]) for r in got] == [
        ("a", None, "V", 1),
        ("dev:b", "dev", "A", 11),
        ("dev:c", "dev", "W", 12),
        ("other:d", "other", "A", 13),
    ]
    assert [r["time"] for r in got] == [None, T * 1_000_000, (T - 5) * 1_000_000, T * 1_000_000]


@pytest.mark.parametrize(
    ("record", "time"),
    [
        ({}, None),
        ({"t": 0}, NOW),
        ({"t": -5.5}, NOW - 5_500_000),
        ({"t": (1 << 28) - 1}, NOW + ((1 << 28) - 1) * 1_000_000),
        ({"t": 1 << 28}, (1 << 28) * 1_000_000),
        ({"bt": T, "t": 0.25}, T * 1_000_000 + 250_000),
        ({"bt": -10}, NOW - 10_000_000),
    ],
)
def test_small_times_are_relative_to_now(record: dict[str, Any], time: int | None):
    assert read([{"n": "x", "v": 1, **record}])[0]["time"] == time


def test_texts_truth_values_bytes_and_sums():
    got = read([{"n": "x", "vs": "on"}, {"n": "x", "vb": False}, {"n": "x", "vd": "_-8"}, {"n": "x", "bs": 5, "s": 1}])
    assert [got[0]["text"], got[1]["flag"], got[2]["data"], got[3]["sum"]] == ["on", False, "ffef", 6]


def test_json_and_cbor_of_one_pack_are_the_same():
    labels = {"bn": -2, "bt": -3, "bu": -4, "bv": -5, "bs": -6, "bver": -1}
    labels |= {"n": 0, "u": 1, "v": 2, "vs": 3, "vb": 4, "s": 5, "t": 6, "ut": 7, "vd": 8}
    pack = [
        {"bn": "d:", "bt": T, "bu": "Cel", "bv": 20.5, "n": "in", "v": 1, "ut": 60},
        {"n": "door", "vb": True, "t": 1},
    ]
    assert read(cbor([{labels[k]: v for k, v in r.items()} for r in pack])) == read(pack)


def test_position_records_place_the_others_of_their_time():
    lat, lon = {"n": "lat", "u": "lat", "v": 36.07}, {"n": "lon", "u": "lon", "v": 120.38}
    got = read([{"bn": "d:", "bt": T, **lat}, lon, {"n": "x", "v": 1}, {"n": "y", "v": 1, "t": 5}])
    assert [(r["label"], r["lon"], r["lat"]) for r in got] == [("x", 120.38, 36.07), ("y", None, None)]
    [alone] = read([{"bn": "d:", "bt": T, **lat}, lon])
    assert (alone["label"], alone["lon"], alone["value"]) == ("position", 120.38, None)
    assert [r["label"] for r in read([{"bn": "d:", "bt": T, **lat}])] == ["lat"]


def test_base_values_go_on_in_the_next_message_of_a_stream_only():
    memory = Notes()
    read([{"bn": "d:", "bt": T, "n": "x", "v": 1}], memory, stream=True)
    assert read([{"n": "y", "v": 2}], memory, stream=True)[0]["name"] == "d:y"
    assert read([{"n": "y", "v": 2}], memory, topic="c/d", stream=True)[0]["name"] == "y"
    assert read([{"n": "y", "v": 2}], memory)[0]["name"] == "y"


def test_units_are_ucum_where_senml_writes_them_otherwise():
    units = [("%RH", "%"), ("kWh", "kW.h"), ("/", "1"), ("Cel", "Cel"), ("lx", "lx")]
    assert [read([{"n": "x", "u": u, "v": 1}])[0]["unit"] for u, _ in units] == [ucum for _, ucum in units]


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (b"[{", "not_json"),
        (b"", "not_json"),
        ([1], "wrong_type"),
        ([{"v": 1}], "missing"),
        ([{"n": "x", "v": "1"}], "wrong_type"),
        ([{"n": "x", "v": True}], "wrong_type"),
        ([{"n": "x", "v": 1e301}], "wrong_type"),
        ([{"n": "x", "vb": 1}], "wrong_type"),
        ([{"n": "x", "vs": 1}], "wrong_type"),
        ([{"n": "x", "vd": "*"}], "wrong_type"),
        ([{"n": 1, "v": 1}], "wrong_type"),
        ([{"n": "x", "v": 1, "t": 1e14}], "bad_time"),
        ([{"n": "x", "v": 1, "bver": 11}], "not_in_list"),
        ([{"n": "x", "v": 1, "new_": 1}], "not_in_list"),
        ([{"n": "x", "v": 1}] * 10_001, "too_large"),
    ],
)
def test_a_wrong_record_refuses_the_pack_and_is_named(pack: Any, reason: str):
    assert refusal(pack)[0] == reason


def test_a_pack_without_values_holds_nothing():
    assert read([{"bn": "d:"}]) == []
    assert read([]) == []


# -- CBOR --------------------------------------------------------------------------------------------------------------

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 64), (1 << 64) - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(plain)
def test_what_is_written_is_read(value: Any):
    assert loads(cbor(value)) == value


@given(st.binary(max_size=64))
def test_any_bytes_are_a_value_or_one_sentence(data: bytes):
    try:
        loads(data)
    except WrongValueError as e:
        told = str(e)
        assert told.isprintable()


@pytest.mark.parametrize(
    ("data", "value"),
    [
        ("f93c00", 1.0),
        ("fa47c35000", 100000.0),
        ("9f0102ff", [1, 2]),
        ("bf6161 01ff", {"a": 1}),
        ("7f6161 6162ff", "ab"),
        ("5f4101 4102ff", b"\x01\x02"),
        ("c1 1a6a455e60", 1_782_931_040),
        ("c2 42 0100", 256),
        ("c3 42 0100", -257),
        ("c4 82 21 19 6ab3", 273.15),
        ("c4 82 02 03", 300),
        ("a2 20 01 f5 02", {"-1": 1, "true": 2}),
        ("f7", None),
    ],
)
def test_the_examples_of_the_rfc_and_of_devices(data: str, value: Any):
    assert loads(bytes.fromhex(data)) == value


def test_not_a_number_is_read():
    assert math.isnan(loads(bytes.fromhex("f97e00")))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("", "not_json"),
        ("19 01", "not_json"),
        ("0101", "not_json"),
        ("1c", "not_json"),
        ("ff", "not_json"),
        ("9f01", "not_json"),
        ("bf01ff", "not_json"),
        ("f8ff", "not_json"),
        ("7f41 61ff", "not_json"),
        ("a1 80 01", "not_json"),
        ("61ff", "bad_text"),
        ("81" * 40 + "01", "too_deep"),
        ("c1" * 40 + "01", "too_deep"),
        ("9b ffffffffffffffff", "not_json"),
        ("c2 49 000000000000000000", "out_of_range"),
        ("c4 82 1a 7fffffff 01", "out_of_range"),
        ("9a 0000c351" + "00" * 30_001, "too_large"),
        ("5f" + "40" * 30_001, "too_large"),
    ],
)
def test_what_is_no_cbor_or_too_much_is_refused(data: str, reason: str):
    with pytest.raises(WrongValueError) as caught:
        loads(bytes.fromhex(data))
    assert caught.value.reason == reason


def test_the_cbor_example_of_the_rfc():
    """RFC 8428 clause 6, the first two records."""
    data = (
        "82 a7 21 781b 75726e3a6465763a6f773a3130653230373361303130383030363a 22 fb41d303a15b001062 23 6141 20 05"
        " 00 67766f6c74616765 01 6156 02 fb405e066666666666 a3 00 6763757272656e74 06 24 02 fb3ff3333333333333"
    )
    voltage, current = read(bytes.fromhex(data))
    assert (voltage["name"], voltage["value"], voltage["unit"]) == ("urn:dev:ow:10e2073a0108006:voltage", 120.1, "V")
    assert (current["label"], current["value"], current["unit"]) == ("current", 1.2, "A")
    assert voltage["time"] - current["time"] == 5_000_000
    assert voltage["time"] == 1_276_020_076_001_000
