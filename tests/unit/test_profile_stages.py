"""Inputs of profiles: what each makes of a payload, and what it refuses."""

from __future__ import annotations

import gzip
import re
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.errors import SensorTypeError
from ingest.decoders import Message
from ingest.profile.functions import WrongValueError
from ingest.profile.stages import DEEPEST, compile_input

FRAME = [{"name": "temp_c", "type": "i16", "scale": 0.1}]
XML = """<?xml version="1.0" encoding="GB2312"?>
<Notify xmlns:t="urn:x"><t:CmdType>Alarm</t:CmdType><Info id="7">火警</Info>
<Item>1</Item><Item><A>2</A></Item><Empty/></Notify>"""


@pytest.mark.parametrize(
    ("spec", "payload", "wanted"),
    [
        ("json", b'{"a": [1]}', [{"a": [1]}]),
        ("json", b'\xef\xbb\xbf{"a": 1}', [{"a": 1}]),
        ({"format": "json", "charset": "gbk"}, '{"名": "水"}'.encode("gbk"), [{"名": "水"}]),
        ("json_lines", b'{"a": 1}\n\n{"a": 2}\r\n', [{"a": 1}, {"a": 2}]),
        ("lenient_json", b'{"a": 1, "b": [1, 2,],}', [{"a": 1, "b": [1, 2]}]),
        ("lenient_json", b"{a: 'it\\'s \"x\"', b: NaN, c: True, // no\n d: -Infinity}", None),
        ("lenient_json", b'{"a": "http://x, }", /* c */ "b": "# no"}', [{"a": "http://x, }", "b": "# no"}]),
        ("key_value", b"T=21.5\nH = 40\nnoise\n", [{"T": "21.5", "H": "40"}]),
        ({"format": "key_value", "pairs": "&", "equals": ":"}, b"a:1&b:2:3", [{"a": "1", "b": "2:3"}]),
        ("csv", b'time,temp\n1,"2,5"\n3,4\n', [{"time": "1", "temp": "2,5"}, {"time": "3", "temp": "4"}]),
        ({"format": "csv", "separator": ";", "header": ["a", "b"]}, b"1; 2", [{"a": "1", "b": "2"}]),
        ({"format": "csv", "separator": "blanks"}, b" a  b\tc\n1   2 3\n", [{"a": "1", "b": "2", "c": "3"}]),
        ({"format": "csv", "skip": 2, "header": ["a"]}, b"x\n\n1\n", [{"a": "1"}]),
        ("form", b"/r?ID=7&d=2026-07-01+06%3A00&n=%E6%B0%B4&a=1&a=2&empty", [
            {"ID": "7", "d": "2026-07-01 06:00", "n": "水", "a": ["1", "2"]}
        ]),
        ({"format": "form", "charset": "gbk"}, b"n=%CB%AE", [{"n": "水"}]),
        ({"format": "fixed_width", "columns": {"a": [0, 3], "b": [3, 6]}}, b"AB   21.5\nCD\n", [
            {"a": "AB", "b": "21.5"}, {"a": "CD"}
        ]),
        ({"format": "regex", "pattern": ["T=(?P<t>[0-9.]+)", "H=(?P<h>\\d+)"], "else": "skip"}, b"T=1 H=2\nH=3\nx", [
            {"t": "1"}, {"h": "3"}
        ]),
        ({"format": "regex", "pattern": "(?s)A=(?P<a>\\d).*B=(?P<b>\\d)", "per": "message"}, b"A=1\nB=2", [
            {"a": "1", "b": "2"}
        ]),
        ("json_or_text", b'{"a": 1}', [{"a": 1}]),
        ("json_or_text", b" 21.5\n", [21.5]),
        ("json_or_text", b"ON", ["ON"]),
        ("json_or_text", b"007", ["007"]),
        ("json_or_text", b"", [""]),
        ({"format": "json", "empty": "ignore"}, b" ", []),
        ("text", "温度 21".encode(), ["温度 21"]),
        ("bytes", b"\x01\x02", [b"\x01\x02"]),
        ("hex", b" 01 ff\n", [b"\x01\xff"]),
        ("base64", b'"AQI="', [b"\x01\x02"]),
        ({"format": "hex", "frame": FRAME}, b"0064", [{"temp_c": 10.0}]),
        ({"format": "bytes", "frame": FRAME, "order": "little"}, b"\x64\x00", [{"temp_c": 10.0}]),
        ("msgpack", msgspec.msgpack.encode({"a": [1, None]}), [{"a": [1, None]}]),
        ("xml", XML.encode("gb2312"), [
            {"Notify": {
                "CmdType": "Alarm", "Info": {"@id": "7", "#text": "火警"}, "Item": ["1", {"A": "2"}], "Empty": None
            }},
        ]),
    ],
)  # fmt: skip
def test_documents(spec: Any, payload: bytes, wanted: Any) -> None:
    got = compile_input(spec, "input")(Message(payload, {}, 0))
    if wanted is None:
        wanted = [{"a": 'it\'s "x"', "b": None, "c": True, "d": None}]
    assert got == wanted


BOMB = b'<!DOCTYPE l [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><l>&b;</l>'
OUTSIDE = b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'


@pytest.mark.parametrize(
    ("spec", "payload", "reason", "told"),
    [
        ("json", b"{", "not_json", "payload: "),
        ("json", b"\xff", "not_json", "byte 0 is not utf-8"),
        ("json", b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "too_deep", "deeper than 32"),
        ("json", b"[" * 100_000, "too_deep", "deeper than 32"),
        ("json_lines", b'{"a": 1}\n{', "not_json", "payload: "),
        ("json_lines", b"\n \n", "missing", "no line"),
        ("json_lines", b"1\n" * 10_001, "too_large", "more than 10000"),
        ("lenient_json", b"{a b c", "not_json", "payload: "),
        ("key_value", b"nothing", "missing", "no pair with '='"),
        ("csv", b"a,b\n", "missing", "below the names"),
        ("json", b"", "not_json", "is empty"),
        ("form", b"nothing", "missing", "no pair like"),
        ("json_or_text", b'{"a": ', "not_json", "payload: "),
        ("hex", b"0g", "wrong_type", "no hexadecimal"),
        ("hex", b"abc", "wrong_type", "has 3 hexadecimal digits, an odd number"),
        ("base64", b"%", "wrong_type", "no base64"),
        ({"format": "hex", "frame": FRAME}, b"00", "wrong_type", "needs 2 bytes"),
        ("msgpack", b"\xc1", "not_json", "MessagePack"),
        ("xml", b"<a><b></a>", "not_json", "is no XML"),
        ("xml", BOMB, "not_json", "not allowed"),
        ("xml", OUTSIDE, "not_json", "not allowed"),
        ("xml", b"<a>" * 40 + b"</a>" * 40, "too_deep", "deeper than 32"),
        ("xml", b'<?xml version="1.0" encoding="klingon"?><a/>', "not_json", "is not klingon"),
        ("xml", b"", "not_json", "is no XML"),
    ],
)
def test_what_is_refused(spec: Any, payload: bytes, reason: str, told: str) -> None:
    with pytest.raises(WrongValueError) as e:
        compile_input(spec, "input")(Message(payload, {}, 0))
    assert e.value.reason == reason
    assert told in str(e.value)
    assert len(str(e.value)) < 250


def test_as_deep_as_allowed_is_taken() -> None:
    payload = b"[" * DEEPEST + b"]" * DEEPEST
    assert compile_input("json", "input")(Message(payload, {}, 0))


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("yaml", "input"),
        (None, "input"),
        ([], "input"),
        ({"format": "json", "pairs": ";"}, "input.pairs"),
        ({"format": "json", "charset": "klingon"}, "input.charset"),
        ({"format": "json", "charset": 5}, "input.charset"),
        ({"format": "key_value", "pairs": ""}, "input.pairs"),
        ({"format": "csv", "separator": "::"}, "input.separator"),
        ({"format": "csv", "header": "a,b"}, "input.header"),
        ({"format": "csv", "skip": -1}, "input.skip"),
        ({"format": "json", "empty": "maybe"}, "input.empty"),
        ({"format": "fixed_width"}, "input.columns"),
        ({"format": "fixed_width", "columns": {"a": [0, 0]}}, "input.columns.a"),
        ({"format": "fixed_width", "columns": {"a": [-1, 3]}}, "input.columns.a"),
        ({"format": "regex"}, "input.pattern"),
        ({"format": "regex", "pattern": "(?P<a>x"}, "input.pattern"),
        ({"format": "regex", "pattern": ["(?P<a>x)", "x"]}, "input.pattern[1]"),
        ({"format": "regex", "pattern": "(?P<a>x)", "per": "page"}, "input.per"),
        ({"format": "regex", "pattern": "(?P<a>x)", "else": "stop"}, "input.else"),
        ({"format": "hex", "frame": []}, "input.frame"),
        ({"format": "hex", "frame": FRAME, "order": "up"}, "input.frame"),
    ],
)
def test_a_wrong_input_is_refused_with_its_place(spec: Any, path: str) -> None:
    with pytest.raises(SensorTypeError) as e:
        compile_input(spec, "input")
    assert e.value.path == path


def test_a_line_that_fits_no_pattern_is_refused_beside_those_that_do() -> None:
    got = compile_input({"format": "regex", "pattern": "T=(?P<t>\\d+)"}, "input")(Message(b"T=1\nnoise\nT=2", {}, 0))
    assert [d for d in got if isinstance(d, dict)] == [{"t": "1"}, {"t": "2"}]
    assert [d.reason for d in got if isinstance(d, WrongValueError)] == ["no_match"]


_INPUTS = [
    compile_input(spec, "input")
    for spec in (
        *("json", "json_lines", "json_or_text", "lenient_json", "key_value", "form", "csv", "text", "hex", "base64"),
        *("msgpack", "xml", "nmea", "line_protocol", "prometheus"),
        {"format": "fixed_width", "columns": {"a": [1, 3]}},
    )
]


@given(
    read=st.sampled_from(_INPUTS),
    payload=st.one_of(st.binary(max_size=200), st.text("{}[]',:/*#ab1=<>&;\n ").map(str.encode)),
)
def test_whatever_comes_an_input_gives_documents_or_refuses(read: Any, payload: bytes) -> None:
    try:
        assert isinstance(read(Message(payload, {}, 0)), list)
    except WrongValueError as e:
        told = str(e)
    else:
        return
    assert told


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("gzip", gzip.compress(b'{"t": 21.5}')),
        ("zlib", zlib.compress(b'{"t": 21.5}')),
        ("deflate", zlib.compress(b'{"t": 21.5}')[2:-4]),
    ],
)
def test_a_packed_payload_is_unpacked(name: str, packed: bytes) -> None:
    read = compile_input({"format": "json", "compression": name}, "input")
    assert read(Message(packed, {}, 0)) == [{"t": 21.5}]
    for wrong, reason in ((b"{}", "not_json"), (packed[:-6], "not_json"), (b"", "not_json")):
        with pytest.raises(WrongValueError) as e:
            read(Message(wrong, {}, 0))
        assert e.value.reason == reason


def test_a_small_payload_is_not_unpacked_without_end() -> None:
    read = compile_input({"format": "text", "compression": "gzip"}, "input")
    assert len(read(Message(gzip.compress(b"a" * 262_144), {}, 0))[0]) == 262_144
    with pytest.raises(WrongValueError, match="unpacked it is more than 262144 bytes") as e:
        read(Message(gzip.compress(b"a" * 262_145), {}, 0))
    assert e.value.reason == "too_large"
    with pytest.raises(SensorTypeError, match="is no compression; known are gzip, zlib, deflate"):
        compile_input({"format": "json", "compression": "rar"}, "input")


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b'{"t": NaN}', "lenient_json reads what is written by hand"),
        (b"<t>1</t>", "is it input: xml"),
        (b'{"t":1}\n{"t":2}\n', "input: json_lines"),
        (b"68 01 02 aa 16", "is it input: hex"),
        (gzip.compress(b"{}"), "compression: gzip"),
        ("正常".encode("gbk"), "another charset, like gb18030"),
        ("{}".encode("utf-16"), "another charset, like utf-16"),
    ],
)
def test_what_is_no_json_is_told_what_it_may_be(payload: bytes, told: str) -> None:
    with pytest.raises(WrongValueError, match=re.escape(told)):
        compile_input("json", "input")(Message(payload, {}, 0))


def test_the_end_of_a_c_text_is_left_out() -> None:
    assert compile_input("json", "input")(Message(b'{"t": 1}\0\0', {}, 0)) == [{"t": 1}]
