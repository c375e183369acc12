"""M-Bus on wire and radio."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.decoders import Message, Notes, formats
from ingest.profile.checksums import CHECKSUMS
from ingest.profile.functions import WrongValueError
from tests.contract.format_walk import FOLDER, load
from tests.shared_samples import shared_sample

crc = CHECKSUMS["crc16_en13757"][1]
KAM = "78563412 2d2c 08 04"
RECORD = "0406e7910000"


def read(name: str, data: bytes) -> list[Any]:
    return formats()[name].read(Message(data, {}, 0), {})


def refusal(name: str, data: bytes) -> tuple[str, str]:
    with pytest.raises(WrongValueError) as caught:
        read(name, data)
    return caught.value.reason, str(caught.value)


def frame(body: str, c: int = 0x08, address: int = 1) -> bytes:
    data = bytes([c, address]) + bytes.fromhex(body)
    return bytes([0x68, len(data), len(data), 0x68]) + data + bytes([sum(data) & 0xFF, 0x16])


def record(text: str) -> dict[str, Any]:
    [document] = read("mbus", frame(f"72 {KAM} 01 00 0000 {text}"))
    [found] = document["records"]
    return found


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "value", "unit"),
    [
        ("04 06 e7910000", "energy", 37351, "kW.h"),
        ("04 03 e7910000", "energy", 37.351, "kW.h"),
        ("04 0e a0860100", "energy", 27777.777777778, "kW.h"),
        ("04 fb09 0a000000", "energy", 2777.777777778, "kW.h"),
        ("04 fb01 05000000", "energy", 5000, "kW.h"),
        ("0c 13 67452301", "volume", 1234.567, "m3"),
        ("0b 2b 120000", "power", 0.012, "kW"),
        ("02 3b 1f02", "volume_flow", 0.543, "m3/h"),
        ("02 42 3c00", "volume_flow", 0.036, "m3/h"),
        ("02 5a feff", "flow_temperature", -0.2, "Cel"),
        ("0a 65 85f1", "external_temperature", -1.85, "Cel"),
        ("02 fd48 eb08", "voltage", 228.3, "V"),
        ("02 fd5a eb08", "current", 22.83, "A"),
        ("02 fb2e 8813", "frequency", 500.0, "Hz"),
        ("05 2e 0000803f", "power", 1, "kW"),
        ("05 2e 0000c07f", "power", None, "kW"),
        ("02 9474 0200", "volume", 0.0002, "m3"),
        ("02 947d 0200", "volume", 20, "m3"),
        ("0a 13 1a00", "volume", None, "m3"),
        ("02 9416 0200", "volume", None, "m3"),
        ("02 fc03 48522574 d411", "relative_humidity", 45.64, "%"),
        ("02 fc02 4148 76 0500", "text_unit", 5, "HA"),
    ],
)
def test_values_have_their_unit_and_power_of_ten(text: str, name: str, value: Any, unit: str):
    found = record(text)
    assert (found["name"], found["unit"]) == (name, unit)
    assert found["value"] == (None if value is None else pytest.approx(value, rel=1e-12))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("04 06 00000000", (0, 0, 0, "instantaneous")),
        ("44 06 00000000", (1, 0, 0, "instantaneous")),
        ("14 06 00000000", (0, 0, 0, "maximum")),
        ("24 06 00000000", (0, 0, 0, "minimum")),
        ("34 06 00000000", (0, 0, 0, "during_error")),
        ("8410 06 00000000", (0, 1, 0, "instantaneous")),
        ("848040 06 00000000", (0, 0, 2, "instantaneous")),
        ("c48f01 06 00000000", (63, 0, 0, "instantaneous")),
    ],
)
def test_storage_tariff_unit_and_function_are_told(text: str, part: tuple[Any, ...]):
    found = record(text)
    assert tuple(found[k] for k in ("storage", "tariff", "subunit", "function")) == part


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("04 6d 3b 0d e1 37", "2031-07-01 13:59:00"),
        ("04 6d 3b 0d 41 37", "2026-07-01 13:59:00"),
        ("02 6c 5f1c", "2010-12-31"),
        ("06 6d 05 3b 0d 41 37 00", "2026-07-01 13:59:05"),
        ("02 6c ffff", None),
        ("04 6d bb 0d 41 37", None),
        ("02 6c 0000", None),
    ],
)
def test_dates_are_texts_in_the_meters_time(text: str, moment: str | None):
    assert record(text)["text"] == moment


def test_texts_and_numbers_of_variable_length():
    assert record("0d 78 04 44434241")["text"] == "ABCD"
    assert record("0d 13 c4 67452301")["value"] == 1234.567
    assert record("0d 13 d1 67")["value"] == -0.067
    assert record("0d 13 e2 e803")["value"] == 1
    assert refusal("mbus", frame(f"72 {KAM} 01 00 0000 0d 13 f5 00"))[0] == "not_in_list"


def test_extensions_that_change_the_meaning_are_kept_beside_the_value():
    assert record("02 fdc9ff01 ed00")["extension"] == "7F 01"
    assert record("02 953c 0100")["extension"] == "3C"
    assert record("02 7f 0100")["name"] == "vif_7F"


def test_the_makers_data_end_the_records_and_tell_whether_more_follows():
    [got] = read("mbus", frame(f"72 {KAM} 01 00 0000 2f2f {RECORD} 1f 0102"))
    assert (len(got["records"]), got["more"], got["maker"]) == (1, True, "0102")


@pytest.mark.parametrize(
    "status", [(0x00, "ok"), (0x04, "maintenance"), (0x08, "fault"), (0x10, "fault"), (2, "fault")]
)
def test_the_status_of_the_meter_is_one_of_ours(status: tuple[int, str]):
    [got] = read("mbus", frame(f"72 {KAM} 01 {status[0]:02x} 0000 {RECORD}"))
    assert got["status"] == status[1]


# -- frames ------------------------------------------------------------------------------------------------------------


def test_an_answer_says_whose_it_is():
    [got] = read("mbus", b"\xe5" + frame(f"72 {KAM} 01 00 0000 {RECORD}", address=17))
    assert tuple(got[k] for k in ("manufacturer", "id", "version", "medium", "address")) == (
        "KAM",
        "12345678",
        8,
        "heat",
        17,
    )
    [short] = read("mbus", frame(f"7a 01 00 0000 {RECORD}", address=17))
    assert (short["id"], short["address"], len(short["records"])) == (None, 17, 1)


def test_questions_and_acknowledgements_hold_nothing():
    assert read("mbus", bytes.fromhex("e5 105b015c16")) == []
    assert read("mbus", frame("51 0800", c=0x53)) == []


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "missing"),
        (b"\x01\x02", "no_match"),
        (frame(f"72 {KAM} 01 00 0000 {RECORD}")[:-3], "missing"),
        (frame(f"72 {KAM} 01 00 0000 {RECORD}")[:-2] + b"\x00\x16", "bad_checksum"),
        (frame(f"72 {KAM} 01 00 0000 {RECORD}")[:-1] + b"\x17", "no_match"),
        (b"\x68\x02\x02\x68\x08\x01\x09\x16", "missing"),
        (frame("7003"), "missing"),
        (frame("99 00"), "not_in_list"),
        (frame("72 7856"), "missing"),
        (frame(f"72 {KAM} 01 00 0005 {RECORD}"), "encrypted"),
        (frame(f"72 {KAM} 01 00 0000 0406e791"), "missing"),
        (frame(f"72 {KAM} 01 00 0000 84{'80' * 11}"), "too_large"),
        (frame(f"72 {KAM} 01 00 0000 0486{'f0' * 11}"), "too_large"),
        (frame(f"72 {KAM} 01 00 0000 08 06"), "wrong_type"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_reason(data: bytes, reason: str):
    assert refusal("mbus", data)[0] == reason


# -- radio -------------------------------------------------------------------------------------------------------------


def telegram(rest: str, device: str = "2d2c 44332211 01 07") -> bytes:
    body = b"\x44" + bytes.fromhex(device) + bytes.fromhex(rest)
    return bytes([len(body)]) + body


def sealed(block: bytes) -> bytes:
    return block + crc(block).to_bytes(2, "big")


def format_a(data: bytes) -> bytes:
    rest = data[10:]
    return sealed(data[:10]) + b"".join(sealed(rest[i : i + 16]) for i in range(0, len(rest), 16))


def format_b(data: bytes) -> bytes:
    blocks = [data[:126], data[126:]]
    size = len(data) - 1 + 2 * sum(1 for b in blocks if b)
    return b"".join(sealed(b) for b in (bytes([size]) + blocks[0][1:], blocks[1]) if b)


@pytest.mark.parametrize("count", [1, 2, 3, 10, 19, 20])
def test_telegrams_are_the_same_with_checksums_of_both_formats_and_without(count: int):
    plain = telegram("7a 01 00 0000" + RECORD * count)
    [wanted] = read("wmbus", plain)
    assert len(wanted["records"]) == count
    assert read("wmbus", format_a(plain)) == read("wmbus", format_b(plain)) == [wanted]
    assert read("wmbus", plain.hex().encode()) == [wanted]


def test_a_meter_behind_a_radio_module_is_known_by_its_own_number():
    [got] = read("wmbus", telegram(f"72 {KAM} 01 00 0000 {RECORD}"))
    assert (got["id"], got["medium"]) == ("12345678", "heat")


@pytest.mark.parametrize("layer", ["8c2011", "8d2011000000000000", "8e2011" + "00" * 8, "90 0500000000 00"])
def test_link_layers_before_the_header_are_passed(layer: str):
    assert read("wmbus", telegram(f"{layer} 7a 01 00 0000 {RECORD}"))[0]["id"] == "11223344"


def test_mode_5_without_encrypted_blocks_is_open():
    assert read("wmbus", telegram(f"7a 01 00 0005 2f2f {RECORD}"))[0]["records"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x05\x44", "missing"),
        (telegram(f"7a 01 00 0000 {RECORD}")[:-1], "missing"),
        (format_a(telegram(f"7a 01 00 0000 {RECORD}"))[:-1] + b"\x00", "bad_checksum"),
        (telegram("7a 01 00 2005" + "00" * 32), "encrypted"),
        (telegram("7a 01 00 0007" + "00" * 32), "encrypted"),
        (telegram("8d2011 00000020 0000" + "00" * 16), "encrypted"),
        (telegram("a1" + "00" * 16), "not_in_list"),
        (telegram("8c20"), "missing"),
        (telegram(""), "missing"),
        (telegram("8c2011" * 4), "too_large"),
        (telegram("7a 01"), "missing"),
    ],
)
def test_a_telegram_that_cannot_be_read_is_refused_with_its_reason(data: bytes, reason: str):
    assert refusal("wmbus", data)[0] == reason


# -- collected ---------------------------------------------------------------------------------------------------------


def rows(name: str, folder: str = "mbus") -> list[Any]:
    data = shared_sample(f"mbus/{name}.hex").read_bytes()
    found = load(FOLDER / folder).read(Message(data, {"gateway": "g"}, 1_782_885_600_000_000, Notes()))
    assert found is not None
    return found


def values_of(found: list[Any]) -> dict[tuple[str, float], Any]:
    """Value or text of each row that is neither of a tariff nor of a part, nor a largest one."""
    return {
        (r.values["name"], r.values["storage"]): r.values.get("value", r.values.get("text"))
        for r in found
        if (r.values["tariff"], r.values["subunit"], r.values["function"]) == (0, 0, "instantaneous")
    }


def test_a_collected_heat_meter():
    found = rows("kamstrup_multical_601")
    got = values_of(found)
    assert {r.device for r in found} == {"mbus:KAM-06855817-8-4"}
    assert got["energy", 0] == 37351
    assert got["volume", 0] == 561.08
    assert got["flow_temperature", 0] == 101.69
    assert got["return_temperature", 0] == 46.16
    assert got["power", 0] == 34.7
    assert got["energy", 1] == 33361
    assert got["date", 1] == "2010-12-31"
    assert {r.time for r in found} == {1_294_212_360_000_000}  # 2011-01-05 15:26 in Shanghai
    [one] = rows("kamstrup_multical_601", "mbus-heat-meter")
    assert (one.values["total_kwh"], one.values["power_kw"], one.values["supply_c"]) == (37351, 34.7, 101.69)


def test_a_collected_water_meter():
    got = values_of(rows("els_falcon"))
    assert (got["volume", 0], got["volume", 1]) == (1234.567, 456.951)
    assert got["datetime", 0] == "2007-02-06 13:58:00"
    [one] = rows("els_falcon", "mbus-water-meter")
    assert (one.device, one.values["total_m3"]) == ("mbus:ELS-70112345-10-7", 1234.567)


def test_a_collected_electricity_meter_whose_number_has_a_letter():
    found = rows("electricity-meter-1")
    assert {r.device for r in found} == {"mbus:SBC-0500023e-18-2"}
    phases = {r.values["extension"]: r.values["value"] for r in found if r.values["name"] == "voltage"}
    assert phases == {"7F 01": 237, "7F 02": 231, "7F 03": 228}
    energy = {r.values["tariff"]: r.values["value"] for r in found if r.values["name"] == "energy"}
    assert energy == {1: 12.52, 2: 17744.33}


def test_a_collected_thermometer_with_a_unit_in_words():
    got = values_of(rows("elv_temp_humid"))
    assert got["relative_humidity", 0] == 45.64
    assert got["external_temperature", 0] == 22.56


def test_a_collected_error_answer_is_refused():
    [refused] = rows("error_too_many_records")
    assert refused.reason == "missing"
    assert "too many records" in refused.detail


def test_the_example_of_the_standard():
    """EN 13757-4, annex: a water meter in frame format A."""
    [got] = read("wmbus", bytes.fromhex("0f44ae0c785634120107 4447 780b13436587 1e6d"))
    assert (got["manufacturer"], got["id"], got["medium"]) == ("CEN", "12345678", "water")
    assert got["records"][0]["value"] == 876.543
