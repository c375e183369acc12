"""Byte tables: each entry, frames that are cut or damaged, tables that are wrong, and bytes at random."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.errors import SensorTypeError
from ingest.profile.checksums import CHECKSUMS
from ingest.profile.frame import compile_frame
from ingest.profile.functions import WrongValueError


def read(table: list[dict[str, Any]], frame: str, order: str = "big") -> dict[str, Any]:
    """The values of a frame in hexadecimal."""
    return compile_frame(table, "bytes.frame", order)(bytes.fromhex(frame))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("sum8", 0xDD), ("xor8", 0x31), ("crc8", 0xF4), ("crc16_modbus", 0x4B37), ("crc16_ccitt", 0x29B1),
     ("crc16_xmodem", 0x31C3), ("crc16_en13757", 0xC2B7), ("crc32", 0xCBF43926)],
)  # fmt: skip
def test_checksums_of_the_catalogue(name: str, wanted: int) -> None:
    assert CHECKSUMS[name][1](b"123456789") == wanted


def test_checksum_of_hj_212_as_the_standard_prints_it() -> None:
    body = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
    assert CHECKSUMS["crc16_hj212"][1](body) == 0x1C80


@pytest.mark.parametrize(
    ("entry", "frame", "wanted"),
    [
        ({"type": "u8"}, "ff", 255),
        ({"type": "i8"}, "ff", -1),
        ({"type": "u16"}, "0102", 0x0102),
        ({"type": "u16le"}, "0102", 0x0201),
        ({"type": "u16", "order": "little"}, "0102", 0x0201),
        ({"type": "i24"}, "fffffe", -2),
        ({"type": "u24le"}, "010203", 0x030201),
        ({"type": "i32"}, "80000000", -(2**31)),
        ({"type": "u64"}, "ffffffffffffffff", 2**64 - 1),
        ({"type": "f32"}, struct.pack(">f", 1.5).hex(), 1.5),
        ({"type": "f64le"}, struct.pack("<d", -2.25).hex(), -2.25),
        ({"type": "f32"}, struct.pack(">f", 12.34).hex(), 12.34),
        ({"type": "f32"}, "7fc00000", None),
        ({"type": "hex", "size": 3}, "01abff", "01abff"),
        ({"type": "ascii", "size": "rest"}, "41422000", "AB"),
        ({"type": "bcd", "size": 2}, "1234", 1234),
        ({"type": "bcd_le", "size": 2, "scale": 0.01}, "3412", 12.34),
        ({"type": "i16", "scale": 0.1}, "0003", 0.3),
        ({"type": "u8", "scale": 0.5, "offset": -40}, "64", 10.0),
        ({"type": "u16", "missing": [65535]}, "ffff", None),
        ({"type": "u8", "values": {0: "closed", 1: "open"}}, "01", "open"),
        ({"type": "u8", "values": {"1": "open"}}, "01", "open"),
        ({"type": "u8", "values": {0: "closed"}}, "07", None),
    ],
)
def test_values(entry: dict[str, Any], frame: str, wanted: Any) -> None:
    assert read([{"name": "v", **entry}], frame) == {"v": wanted}


def test_order_of_the_table_holds_where_a_value_does_not_say() -> None:
    assert read([{"name": "a", "type": "u16"}, {"name": "b", "type": "u16be"}], "01000100", "little") == {
        "a": 1,
        "b": 256,
    }


def test_bits_places_and_skips() -> None:
    table: list[dict[str, Any]] = [
        {"name": "flags", "type": "u8", "bits": {"door": 0, "mode": [1, 3]}},
        {"skip": 2},
        {"name": "a", "type": "u8"},
        {"at": -1},
        {"name": "last", "type": "u8"},
        {"at": 1},
        {"name": "second", "type": "u8"},
    ]
    wanted = {"flags": 0x0B, "door": 1, "mode": 5, "a": 4, "last": 9, "second": 2}
    assert read(table, "0b0203040809") == wanted


def test_fixed_bytes_length_and_checksum_of_a_meter_frame() -> None:
    table: list[dict[str, Any]] = [
        {"expect": "68", "name": "start"},
        {"name": "length", "type": "u8"},
        {"name": "body", "type": "hex", "size": "length"},
        {"check": "sum8"},
        {"expect": "16", "name": "end"},
    ]
    assert read(table, "6802aabbcf16")["body"] == "aabb"
    with pytest.raises(WrongValueError, match="sum8: the frame says d0, its bytes make cf") as e:
        read(table, "6802aabbd016")
    assert e.value.reason == "bad_checksum"
    with pytest.raises(WrongValueError, match="start: byte 0 is 69 where 68 is wanted") as e:
        read(table, "6902aabbcf16")
    assert e.value.reason == "wrong_type"
    with pytest.raises(WrongValueError, match="body: byte 2 needs 9 bytes, the frame has 6"):
        read(table, "6809aabbcf16")


def test_conditions_and_lists() -> None:
    table: list[dict[str, Any]] = [
        {"name": "version", "type": "u8"},
        {"when": "version == 2", "fields": [{"name": "count", "type": "u8"}]},
        {"when": "version == 1", "fields": [{"name": "one", "type": "u8"}]},
        {"name": "items", "repeat": "count", "fields": [{"name": "v", "type": "u8"}]},
        {"name": "more", "repeat": "rest", "fields": [{"name": "w", "type": "u16"}]},
    ]
    got = read(table, "0202060700010002")
    assert got["items"] == [{"v": 6}, {"v": 7}]
    assert got["more"] == [{"w": 1}, {"w": 2}]
    assert "one" not in got


def test_tags_with_channel_and_type() -> None:
    table = [
        {"tags": ["u8", "u8"], "cases": {
            "1.117": [{"name": "battery_pct", "type": "u8"}],
            "0x03.0x67": [{"name": "temp_c", "type": "i16le", "scale": 0.1}],
            "4.104": [{"name": "humidity_pct", "type": "u8", "scale": 0.5}],
        }},
    ]  # fmt: skip
    assert read(table, "01755c03673401046865") == {"battery_pct": 92, "temp_c": 30.8, "humidity_pct": 50.5}
    assert read(table, "01755cff00112233") == {"battery_pct": 92}
    with pytest.raises(WrongValueError, match=r"tag 255\.0 at byte 5 is not in the table") as e:
        read([{**table[0], "else": "refuse"}], "01755cff00112233")
    assert e.value.reason == "no_match"


def test_tags_with_length_pass_over_what_is_not_known() -> None:
    table = [{"tags": "u8", "length": "u8", "cases": {"1": [{"name": "a", "type": "u8"}]}}]
    assert read(table, "0903aabbcc010205ff") == {"a": 5}
    with pytest.raises(WrongValueError, match="9 bytes are more than the frame has left"):
        read(table, "0109aa")


@pytest.mark.parametrize(
    ("table", "path"),
    [
        (None, "bytes.frame"),
        ([], "bytes.frame"),
        (["u8"], "bytes.frame[0]"),
        ([{"type": "u8"}], "bytes.frame[0].name"),
        ([{"name": "a-b", "type": "u8"}], "bytes.frame[0].name"),
        ([{"name": "a"}], "bytes.frame[0].type"),
        ([{"name": "a", "type": "u7"}], "bytes.frame[0].type"),
        ([{"name": "a", "type": "u8", "colour": 1}], "bytes.frame[0].colour"),
        ([{"name": "a", "type": "hex"}], "bytes.frame[0].size"),
        ([{"name": "a", "type": "hex", "size": -1}], "bytes.frame[0].size"),
        ([{"name": "a", "type": "u8", "order": "middle"}], "bytes.frame[0].order"),
        ([{"name": "a", "type": "u8", "scale": "x"}], "bytes.frame[0].scale"),
        ([{"name": "a", "type": "hex", "size": 1, "scale": 2}], "bytes.frame[0].scale"),
        ([{"name": "a", "type": "u8", "missing": 5}], "bytes.frame[0].missing"),
        ([{"name": "a", "type": "u8", "values": [1]}], "bytes.frame[0].values"),
        ([{"name": "a", "type": "u8", "bits": {"x": -1}}], "bytes.frame[0].bits.x"),
        ([{"name": "a", "type": "f32", "bits": {"x": 1}}], "bytes.frame[0].bits"),
        ([{"at": "x"}], "bytes.frame[0].at"),
        ([{"skip": [1]}], "bytes.frame[0].skip"),
        ([{"expect": "6"}], "bytes.frame[0].expect"),
        ([{"check": "crc99"}], "bytes.frame[0].check"),
        ([{"check": "crc8", "from": -1}], "bytes.frame[0].from"),
        ([{"when": "open('x')", "fields": [{"name": "a", "type": "u8"}]}], "bytes.frame[0].when"),
        ([{"when": 5, "fields": []}], "bytes.frame[0].when"),
        ([{"when": "a", "fields": []}], "bytes.frame[0].fields"),
        ([{"name": "l", "repeat": -1, "fields": [{"name": "a", "type": "u8"}]}], "bytes.frame[0].repeat"),
        ([{"tags": "u8", "cases": {}}], "bytes.frame[0].cases"),
        ([{"tags": "u8", "cases": {"x": [{"name": "a", "type": "u8"}]}}], "bytes.frame[0].cases"),
        ([{"tags": "u8", "cases": {"1.2": [{"name": "a", "type": "u8"}]}}], "bytes.frame[0].cases"),
        ([{"tags": "u8", "else": "skip", "cases": {"1": [{"name": "a", "type": "u8"}]}}], "bytes.frame[0].else"),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(table: Any, path: str) -> None:
    with pytest.raises(SensorTypeError) as e:
        compile_frame(table, "bytes.frame")
    assert e.value.path == path


def test_a_table_has_bounds() -> None:
    deep: list[dict[str, Any]] = [{"name": "a", "type": "u8"}]
    for _ in range(10):
        deep = [{"when": "1", "fields": deep}]
    for table in (deep, [{"name": "a", "type": "u8"}] * 501):
        with pytest.raises(SensorTypeError, match="at most"):
            compile_frame(table, "bytes.frame")
    endless: list[dict[str, Any]] = [
        {"name": "l", "repeat": "rest", "fields": [{"at": 0}, {"name": "a", "type": "u8"}]}
    ]
    with pytest.raises(WrongValueError, match="takes no bytes"):
        read(endless, "0102")
    with pytest.raises(WrongValueError, match="more than 20000 values"):
        read([{"name": "l", "repeat": "rest", "fields": [{"name": "a", "type": "u8"}]}], "00" * 30_000)


_TABLE: list[dict[str, Any]] = [
    {"name": "n", "type": "u8", "bits": {"low": [0, 4]}},
    {"name": "text", "type": "ascii", "size": "low"},
    {"when": "n > 128", "fields": [{"name": "number", "type": "bcd", "size": 2}, {"name": "f", "type": "f32"}]},
    {"name": "items", "repeat": "low", "fields": [{"name": "v", "type": "i16", "scale": 0.1}]},
    {"tags": "u8", "length": "u8", "cases": {"1": [{"name": "a", "type": "u8"}], "2": [{"at": 0}]}},
]
_FRAME = compile_frame(_TABLE, "bytes.frame")


@given(st.binary(max_size=200))
def test_whatever_comes_a_frame_is_read_or_refused(data: bytes) -> None:
    try:
        assert "n" in _FRAME(data)
    except WrongValueError as e:
        told = str(e)
    else:
        return
    assert told


# What each makes of the bytes "123456789": the check values of the catalogue of parametrised CRC algorithms.
CHECK_VALUES = {
    "sum8": 0xDD,
    "sum16": 0x01DD,
    "lrc8": 0x23,
    "fletcher_ubx": 0xDD15,
    "xor8": 0x31,
    "crc8": 0xF4,
    "crc8_maxim": 0xA1,
    "crc16_modbus": 0x4B37,
    "crc16_arc": 0xBB3D,
    "crc16_ccitt": 0x29B1,
    "crc16_x25": 0x906E,
    "crc16_kermit": 0x2189,
    "crc16_dnp": 0xEA82,
    "crc16_xmodem": 0x31C3,
    "crc16_en13757": 0xC2B7,
    "crc32": 0xCBF43926,
}


def test_each_checksum_has_its_check_value() -> None:
    made = {name: run(b"123456789") for name, (_, run) in CHECKSUMS.items() if name != "crc16_hj212"}
    assert made == CHECK_VALUES
