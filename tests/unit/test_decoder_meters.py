"""DL/T 645 and CJ/T 188: Chinese meters behind transparent gateways."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from ingest.decoders import Message, Notes, formats
from ingest.decoders._serial import LARGEST, raw_bytes
from ingest.profile.functions import WrongValueError
from tests.contract.format_walk import FOLDER, load
from tests.shared_samples import shared_sample


def read(name: str, data: bytes, memory: Notes | None = None) -> list[Any]:
    return formats()[name].read(Message(data, {}, 0, memory or Notes()), {})


def refusal(name: str, data: bytes) -> tuple[str, str]:
    with pytest.raises(WrongValueError) as caught:
        read(name, data)
    return caught.value.reason, str(caught.value)


def dlt645(control: int, data: str, address: str = "000000123456") -> bytes:
    body = bytes((b + 0x33) & 0xFF for b in bytes.fromhex(data))
    frame = b"\x68" + bytes.fromhex(address)[::-1] + b"\x68" + bytes([control, len(body)]) + body
    return frame + bytes([sum(frame) & 0xFF, 0x16])


def cjt188(kind: int, control: int, data: str, address: str = "00110000001234") -> bytes:
    body = bytes.fromhex(data)
    frame = bytes([0x68, kind]) + bytes.fromhex(address)[::-1] + bytes([control, len(body)]) + body
    return frame + bytes([sum(frame) & 0xFF, 0x16])


WATER = "901f01 67452301 2c 00000000 2c 00581301072620 0000"


# -- the line ----------------------------------------------------------------------------------------------------------


WAYS = [bytes.hex, lambda b: b.hex(" ").upper(), lambda b: f'"{b.hex()}"' + "\n", lambda b: f"0x{b.hex()}"]


@pytest.mark.parametrize("write", WAYS)
def test_gateways_write_bytes_or_hexadecimal_text(write: Any):
    frame = b"\xfe\xfe" + dlt645(0x91, "00000100 67452301")
    assert read("dlt645", write(frame).encode()) == read("dlt645", frame)


def test_hexadecimal_text_of_half_bytes_nothing_and_too_much_are_refused():
    for data, reason in (
        (b"681", "wrong_type"),
        (b"  ", "missing"),
        (b'"', "missing"),
        (b"\x68" * (LARGEST + 1), "too_large"),
    ):
        with pytest.raises(WrongValueError) as caught:
            raw_bytes(data)
        assert caught.value.reason == reason


@pytest.mark.parametrize("name", ["dlt645", "cjt188"])
def test_noise_of_the_line_is_passed_over_and_frames_in_a_row_are_taken_apart(name: str):
    frame = dlt645(0x91, "00000100 67452301") if name == "dlt645" else cjt188(0x10, 0x81, WATER)
    assert len(read(name, b"\x00\xff" + frame + b"\xfe\xfe\x01" + frame)) == 2
    assert refusal(name, b"\x01\x02\x03")[0] == "no_match"
    assert refusal(name, frame[:-3])[0] == "missing"
    assert refusal(name, frame + frame[:-3])[0] == "missing"
    assert refusal(name, frame[:-1] + b"\x17")[0] == "no_match"
    wrong = bytearray(frame)
    wrong[-4] ^= 1
    assert refusal(name, bytes(wrong))[0] == "bad_checksum"


# -- DL/T 645 ----------------------------------------------------------------------------------------------------------


def value_of(di: str, data: str, control: int = 0x91) -> list[tuple[Any, ...]]:
    [got] = read("dlt645", dlt645(control, bytes.fromhex(di)[::-1].hex() + data))
    return [tuple(v[k] for k in ("name", "value", "unit", "phase", "tariff", "settlement")) for v in got["values"]]


@pytest.mark.parametrize(
    ("di", "data", "value"),
    [
        ("00010000", "67452301", ("active_import", 12345.67, "kW.h", None, 0, 0)),
        ("00000000", "67452381", ("active_combined", -12345.67, "kW.h", None, 0, 0)),
        ("00020301", "01000000", ("active_export", 0.01, "kW.h", None, 3, 1)),
        ("00150000", "01000000", ("active_import", 0.01, "kW.h", "A", 0, 0)),
        ("003E0000", "01000000", ("active_export", 0.01, "kW.h", "C", 0, 0)),
        ("02010200", "0123", ("voltage", 230.1, "V", "B", 0, 0)),
        ("02020300", "564380", ("current", -4.356, "A", "C", 0, 0)),
        ("02030000", "125503", ("active_power", 3.5512, "kW", None, 0, 0)),
        ("02060100", "8009", ("power_factor", 0.98, "1", "A", 0, 0)),
        ("02800002", "9849", ("frequency", 49.98, "Hz", None, 0, 0)),
        ("02800007", "5182", ("meter_temperature", -25.1, "Cel", None, 0, 0)),
        ("02010100", "ffff", ("voltage", None, "V", "A", 0, 0)),
    ],
)
def test_values_of_2007_have_their_decimals_signs_phases_and_tariffs(di: str, data: str, value: tuple[Any, ...]):
    assert value_of(di, data) == [value]


@pytest.mark.parametrize(
    ("di", "data", "value"),
    [
        ("9010", "67452301", ("active_import", 12345.67, "kW.h", None, 0, 0)),
        ("9422", "01000000", ("active_export", 0.01, "kW.h", None, 2, 1)),
        ("B612", "2002", ("voltage", 220.0, "V", "B", 0, 0)),
        ("B621", "3412", ("current", 12.34, "A", "A", 0, 0)),
        ("B630", "125503", ("active_power", 3.5512, "kW", None, 0, 0)),
    ],
)
def test_values_of_1997_have_their_own_decimals(di: str, data: str, value: tuple[Any, ...]):
    assert value_of(di, data, 0x81) == [value]


def test_blocks_are_a_value_a_phase_a_tariff_or_a_day():
    assert [(v[0], v[3], v[1]) for v in value_of("0203FF00", "010000 020000 030000 040000")] == [
        ("active_power", phase, value) for phase, value in ((None, 1e-4), ("A", 2e-4), ("B", 3e-4), ("C", 4e-4))
    ]
    assert [v[4:] for v in value_of("0001FF02", "01000000" * 3)] == [(0, 2), (1, 2), (2, 2)]
    assert [v[4:] for v in value_of("000100FF", "01000000" * 2)] == [(0, 1), (0, 2)]
    assert [(v[3], v[1]) for v in value_of("B61F", "2002 2102 2202", 0x81)] == [("A", 220), ("B", 221), ("C", 222)]


def test_a_demand_has_its_time():
    [got] = read("dlt645", dlt645(0x91, "00000101 125503 0014010726"))
    assert got["values"][0]["name"] == "active_import_demand_max"
    assert (got["values"][0]["value"], got["values"][0]["unit"]) == (3.5512, "kW")
    assert got["values"][0]["time"] == "20260701140000"


def test_an_address_may_hold_the_bytes_that_begin_and_end_a_frame():
    [got] = read("dlt645", b"\xfe" + dlt645(0x91, "00000100 67452301", "681668166816"))
    assert got["address"] == "681668166816"


def test_what_is_no_measurement_is_no_error():
    assert read("dlt645", dlt645(0x11, "00000100")) == []  # a question
    assert read("dlt645", dlt645(0x94, "")) == []
    assert read("dlt645", dlt645(0x91, "0c010004 01")) == []
    assert read("dlt645", dlt645(0x93, "563412000000"))[0]["kind"] == "address"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (dlt645(0xD1, "02"), "missing"),
        (dlt645(0xC1, ""), "missing"),
        (dlt645(0x91, "0000"), "missing"),
        (dlt645(0x91, "00000100 6745230a"), "wrong_type"),
        (dlt645(0x91, "00000100 674523"), "wrong_type"),
        (dlt645(0x91, "00000101 67"), "wrong_type"),
        (dlt645(0x91, "0000017f 67452301"), None),
        (dlt645(0x91, "00007702 01"), "not_in_list"),
        (dlt645(0x81, "9990 01"), "not_in_list"),
        (dlt645(0x91, "00000100 67452301", "aaaaaaaaaaaa"), "wrong_type"),
    ],
)
def test_what_a_meter_refuses_or_says_wrongly_is_refused_with_its_reason(data: bytes, reason: str | None):
    if reason is None:
        assert read("dlt645", data) == []
    else:
        assert refusal("dlt645", data)[0] == reason


def test_parts_are_joined_in_order_and_read_when_whole():
    first, second, last = (
        dlt645(0xB1, "00ff0100 01000000"),
        dlt645(0xB2, "00ff0100 02000000 01"),
        dlt645(0x92, "00ff0100 03000000 02"),
    )
    memory = Notes()
    assert read("dlt645", first, memory) == []
    assert read("dlt645", second, memory) == []
    [got] = read("dlt645", last, memory)
    assert [v["value"] for v in got["values"]] == [0.01, 0.02, 0.03]
    assert memory.kept == {}
    read("dlt645", first, memory)
    with pytest.raises(WrongValueError, match="came without those before it"):
        read("dlt645", last, memory)
    assert refusal("dlt645", last)[0] == "missing"


def test_parts_of_1997_have_no_number():
    memory = Notes()
    assert read("dlt645", dlt645(0xA1, "1f90 01000000"), memory) == []
    [got] = read("dlt645", dlt645(0x82, "1f90 02000000"), memory)
    assert [v["tariff"] for v in got["values"]] == [0, 1]


def test_parts_without_end_do_not_fill_the_memory():
    memory = Notes()
    read("dlt645", dlt645(0xA1, "1f90" + "01000000" * 40), memory)
    for _ in range(100):
        with contextlib.suppress(WrongValueError):
            read("dlt645", dlt645(0xA2, "1f90" + "01000000" * 40), memory)
    assert sum(len(v["data"]) for v in memory.kept.values()) < 8192


# -- CJ/T 188 ----------------------------------------------------------------------------------------------------------


def test_a_water_meter_answers_with_its_total_clock_and_status():
    [got] = read("cjt188", cjt188(0x10, 0x81, WATER))
    assert (got["meter"], got["type"], got["address"]) == ("water", "10", "00110000001234")
    assert (got["total_m3"], got["clock"], got["valve"], got["battery_low"]) == (
        12345.67,
        "20260701135800",
        "open",
        False,
    )


def test_the_identifier_may_stand_in_both_orders():
    assert read("cjt188", cjt188(0x30, 0x81, WATER.replace("901f", "1f90")))[0]["total_m3"] == 12345.67


@pytest.mark.parametrize(("unit", "kwh"), [("05", 1234.5), ("08", 1234500.0), ("11", 342916.666666667), ("02", 1.2345)])
def test_heat_is_told_in_kilowatt_hours_whatever_the_meter_counts_in(unit: str, kwh: float):
    rest = "00001700 17 23810000 35 90784506 2c 126500 054200 452301 00581301072620 0000"
    [got] = read("cjt188", cjt188(0x20, 0x81, f"901f01 00000000 {unit} 50341200 {unit} {rest}"))
    assert got["total_kwh"] == kwh
    assert (got["flow_m3h"], got["supply_c"], got["return_c"], got["hours"]) == (0.8123, 65.12, 42.05, 12345)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (cjt188(0x10, 0xC1, "0100"), "missing"),
        (cjt188(0x10, 0x81, "90"), "missing"),
        (cjt188(0x10, 0x81, "d12001 00"), "not_in_list"),
        (cjt188(0x10, 0x81, WATER + "00"), "no_match"),
        (cjt188(0x20, 0x81, WATER), "no_match"),
        (cjt188(0x10, 0x81, WATER.replace("2c", "05", 1)), "not_in_list"),
        (cjt188(0x10, 0x81, WATER.replace("67", "6a")), "wrong_type"),
        (cjt188(0x10, 0x81, WATER, "aaaaaaaaaaaaaa"), "wrong_type"),
        (cjt188(0x50, 0x81, WATER), "no_match"),
    ],
)
def test_what_a_meter_says_wrongly_is_refused_with_its_reason(data: bytes, reason: str):
    assert refusal("cjt188", data)[0] == reason


def test_a_clock_that_does_not_run_is_no_time():
    assert read("cjt188", cjt188(0x10, 0x81, WATER.replace("00581301072620", "0" * 14)))[0]["clock"] is None


def test_collected_frames_are_an_address_and_a_question():
    lines = shared_sample("cjt188/frames.txt").read_text().splitlines()
    answer, question = (line.split()[1].encode() for line in lines if not line.startswith("#"))
    assert read("cjt188", answer) == [{"kind": "address", "meter": "water", "type": "10", "address": "00000000000012"}]
    assert read("cjt188", question) == []
    assert load(FOLDER / "cjt188-water").read(Message(answer, {"gateway": "g"}, 0)) is None
