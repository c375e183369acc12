"""HJ 212: frames of monitoring stations."""

from __future__ import annotations

from typing import Any

import pytest

from brain.errors import SensorTypeError
from ingest.decoders import Message, Notes, formats
from ingest.profile.checksums import CHECKSUMS
from ingest.profile.functions import WrongValueError
from ingest.profile.stages import compile_input
from tests.contract.format_walk import FOLDER, load
from tests.shared_samples import shared_sample

FORMAT = formats()["hj212"]
crc = CHECKSUMS["crc16_hj212"][1]


def frame(body: str, told: int | None = None) -> bytes:
    raw = body.encode()
    return b"##%04d%s%04X\r\n" % (len(raw) if told is None else told, raw, crc(raw))


def read(data: bytes, memory: Notes | None = None, **settings: Any) -> list[Any]:
    return FORMAT.read(Message(data, {}, 0, memory or Notes()), {**FORMAT.settings, **settings})


def refusal(data: bytes, **settings: Any) -> tuple[str, str]:
    with pytest.raises(WrongValueError) as caught:
        read(data, **settings)
    return caught.value.reason, str(caught.value)


def body(data: str, cn: str = "2011", **more: str) -> str:
    extra = "".join(f"{k}={v};" for k, v in more.items())
    return f"QN=20260701140001001;ST=31;CN={cn};PW=1;MN=S1;Flag=5;{extra}CP=&&{data}&&"


def test_a_frame_gives_an_object_a_code_with_name_unit_and_status():
    [got] = read(frame(body("DataTime=20260701140000;a21026-Rtd=12.5,a21026-Flag=N;a00000-Rtd=3.1,a00000-Flag=D")))
    assert (got["mn"], got["window"], got["data_time"]) == ("S1", "real_time", "20260701140000")
    assert got["values"] == [
        {"code": "a21026", "name": "so2", "unit": "mg/m3", "rtd": "12.5", "flag": "N", "status": "ok"},
        {"code": "a00000", "name": "gas_flow", "unit": "m3/s", "rtd": "3.1", "flag": "D", "status": "fault"},
    ]


@pytest.mark.parametrize(
    ("cn", "window"), [("2011", "real_time"), ("2051", "minutes"), ("2061", "hours"), ("2031", "day")]
)
def test_the_command_tells_the_window_and_means_never_become_real_time_values(cn: str, window: str):
    [got] = read(frame(body("DataTime=20260701140000;060-Avg=1.5,060-Cou=3", cn)))
    assert got["window"] == window
    assert got["values"] == [{"code": "060", "name": "ammonia_nitrogen", "unit": "mg/L", "avg": "1.5", "cou": "3"}]


def test_every_flag_has_a_status_and_none_drops_the_value():
    for flag, status in {"N": "ok", "C": "calibrating", "M": "maintenance", "B": "fault", "T": "fault"}.items():
        [got] = read(frame(body(f"DataTime=20260701140000;011-Rtd=1,011-Flag={flag}")))
        assert (got["values"][0]["rtd"], got["values"][0]["status"]) == ("1", status)


def test_units_of_ambient_air_and_of_a_station_that_says_its_own():
    data = frame(body("DataTime=20260701140000;a21026-Rtd=9;a21005-Rtd=1").replace("ST=31", "ST=22"))
    assert [v["unit"] for v in read(data)[0]["values"]] == ["ug/m3", "mg/m3"]
    assert read(data, units={"a21026": "[ppb]"})[0]["values"][0]["unit"] == "[ppb]"


def test_a_wrong_checksum_is_refused_unless_the_site_is_known_for_it():
    data = frame(body("DataTime=20260701140000;011-Rtd=1"))[:-6] + b"0000\r\n"
    assert refusal(data)[0] == "bad_checksum"
    assert read(data, accept_bad_crc=True)[0]["crc_ok"] is False
    assert read(data, bad_crc_stations=["S0", "S1"])[0]["crc_ok"] is False
    assert refusal(data, bad_crc_stations=["S0"])[0] == "bad_checksum"


@pytest.mark.parametrize("wrong", [{"bad_crc_stations": [7]}, {"units": {60: "mg/L"}}, {"units": {"060": "mg L"}}])
def test_wrong_settings_are_refused_when_the_profile_is_registered(wrong: dict[str, Any]):
    with pytest.raises(SensorTypeError, match=r"quote|texts"):
        compile_input({"format": "hj212", **wrong}, "input")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "missing"),
        (b"#0123", "no_match"),
        (b"##01x3", "wrong_type"),
        (frame("CN=2011;MN=A;CP=&&DataTime=20260701140000;011-Rtd=1&&", told=9999), "missing"),
        (frame("ST=31;MN=A;CP=&&DataTime=20260701140000;011-Rtd=1&&"), "missing"),
        (frame("ST=31;CN=2011;CP=&&DataTime=20260701140000;011-Rtd=1&&"), "missing"),
        (frame("CN=2011;MN=A;DataTime=20260701140000"), "missing"),
        (frame("CN=2011;MN=A;CP=&&011-Rtd=1&&"), "missing"),
        (frame(f"CN=2011;MN={'A' * 101};CP=&&DataTime=20260701140000;011-Rtd=1&&"), "wrong_type"),
        (frame("CN=2011;MN=A;CP=&&" + ";" * 6000 + "&&"), "too_large"),
    ],
)
def test_what_is_refused_says_why(data: bytes, reason: str):
    assert refusal(data)[0] == reason


def test_a_wrong_length_is_seen_even_when_bytes_follow():
    good = frame(body("DataTime=20260701140000;011-Rtd=1"))
    assert refusal(good.replace(b"##0", b"##1", 1) + good)[0] in ("missing", "bad_checksum")


def test_commands_without_measurements_are_no_error():
    assert read(frame("QN=1;ST=91;CN=9014;MN=A;CP=&&QnRtn=1&&")) == []
    assert read(frame(body("DataTime=20260701140000"))) == []


def test_frames_that_stick_together_are_taken_apart():
    one = frame(body("DataTime=20260701140000;011-Rtd=1"))
    assert len(read(one + one.rstrip() + one)) == 3


def test_packets_store_their_own_and_take_the_time_from_the_one_before():
    memory = Notes()
    first = frame(body("DataTime=20260701140000;011-Rtd=1", PNUM="2", PNO="1"))
    second = frame(body("060-Rtd=2", PNUM="2", PNO="2"))
    assert refusal(second)[0] == "missing"
    read(first, memory)
    [got] = read(second, memory)
    assert (got["data_time"], got["values"][0]["code"]) == ("20260701140000", "060")
    other = second.replace(b"QN=20260701140001001", b"QN=20260701140001999")
    with pytest.raises(WrongValueError):
        read(frame(other[6:-6].decode()), memory)


def test_the_memory_of_a_station_does_not_grow():
    memory = Notes()
    for i in range(100):
        read(
            frame(
                f"QN={i};ST=31;CN=2011;MN=S1;PNUM=2;PNO=1;CP=&&DataTime=20260701140000;011-Rtd=1&&",
            ),
            memory,
        )
    assert len(memory.kept) == 1
    assert len(memory.kept["S1"]) == 8


def test_collected_frames_give_rows_or_a_bad_checksum():
    read_row = load(FOLDER / "hj212").read
    lines = shared_sample("hj212/frames.txt").read_bytes().splitlines()
    got = [read_row(Message(line + b"\r\n", {"topic": "hj212/x/up"}, 0, Notes())) for line in lines]
    assert [r[0].reason if len(r) == 1 else len(r) for r in got] == [7, *["bad_checksum"] * 3, 7, 7, "bad_checksum"]
    by_code = {r.values["code"]: r.values for r in got[0]}
    assert by_code["a21002"]["rtd"] == 49.2
    assert by_code["a21005"]["name"] == "co"
    assert {r.time for r in got[0]} == {1_570_858_630_000_000}
    assert {r.device for r in got[5]} == {"hj212:Y80110010000010"}


def test_the_same_frames_are_taken_where_bad_checksums_are_accepted():
    lines = shared_sample("hj212/frames.txt").read_bytes().splitlines()
    documents = [read(line, accept_bad_crc=True)[0] for line in lines]
    assert [len(d["values"]) for d in documents] == [7, 6, 3, 7, 7, 7, 1]
    assert documents[2]["values"][0]["name"] == "water_flow"
    assert documents[6]["window"] == "minutes"
    assert documents[6]["values"][0]["avg"] == "101.85"


def test_the_example_of_the_standard_passes_length_and_checksum():
    """HJ 212-2017, a command without measurements: its CRC is what the algorithm of appendix A has to give."""
    head = b"##0101QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;"
    data = head + b"Flag=5;CP=&&RtdInterval=30&&1C80"
    assert read(data) == []
    assert refusal(data[:-4] + b"1C81")[0] == "bad_checksum"
