"""Sentences, points and samples of texts: NMEA 0183, the line protocol of InfluxDB, the text format of Prometheus."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.decoders import Message, formats
from ingest.profile.functions import WrongValueError

RMC = "$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A"
VDM = "!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D"


def read(name: str, text: str, **settings: Any) -> list[Any]:
    form = formats()[name]
    return form.read(Message(text.encode(), {}, 0), {**form.settings, **settings})


def refusals(documents: list[Any]) -> list[str]:
    return [f"{e.reason}: {e}" for e in documents if isinstance(e, WrongValueError)]


def test_sentences_have_talker_kind_and_numbered_fields() -> None:
    [sentences] = read("nmea", f"{RMC}\r\n\\s:gw,c:1*00\\{VDM}\n$PGRMZ,246,f,3*1b\n")
    assert [(s["talker"], s["type"]) for s in sentences] == [("GP", "RMC"), ("AI", "VDM"), ("P", "GRMZ")]
    assert sentences[0]["fields"][0:4] == ["GPRMC", "123519", "A", "4807.038"]
    assert sentences[1]["fields"][5].startswith("14eG;o@")


def test_a_wrong_checksum_refuses_its_sentence_only() -> None:
    got = read("nmea", RMC.replace("6A", "6B") + "\n" + VDM + "\nnoise")
    assert [s["type"] for s in got[0]] == ["VDM"]
    assert refusals(got) == [
        "bad_checksum: payload: the checksum of '$GPRMC,123519,A,4807.038,N,01131.000,E,02' is 6A, not '6B'",
        "not_json: payload: 'noise' is no sentence like $GPRMC,...*6A",
    ]


def test_a_sentence_without_checksum_needs_a_word_of_the_profile() -> None:
    bare = RMC.partition("*")[0]
    assert refusals(read("nmea", bare))[0].startswith("bad_checksum: ")
    assert read("nmea", bare, checksum="optional")[0][0]["type"] == "RMC"
    assert refusals(read("nmea", bare + "*00", checksum="optional"))
    check = formats()["nmea"].check
    assert check is not None
    with pytest.raises(ValueError, match="neither required nor optional"):
        check({"checksum": "never"})


def test_points_have_tags_and_typed_fields() -> None:
    text = (
        "# comment\n"
        r'weather\ x,site=us\ mid,k=c\=d t=82,n=5i,u=6u,s="a \"q\", =",ok=T,no=false 1465839830100400200'
        "\nm a=-1e-3"
    )
    [one, two] = read("line_protocol", text)
    assert one == {
        "measurement": "weather x",
        "tags": {"site": "us mid", "k": "c=d"},
        "fields": {"t": 82.0, "n": 5, "u": 6, "s": 'a "q", =', "ok": True, "no": False},
        "time": 1465839830100400200,
    }
    assert (two["fields"], two["time"]) == ({"a": -0.001}, None)


def test_a_text_may_run_over_lines_and_a_wrong_line_stands_alone() -> None:
    got = read("line_protocol", 'm s="a\nb" 1\nm,x a=1\nm a=word\nm a=1 noon\nm b=2 2')
    assert [d["fields"] for d in got if isinstance(d, dict)] == [{"s": "a\nb"}, {"b": 2.0}]
    assert refusals(got) == [
        "not_json: payload: 'm,x a=1' has no blank before its fields, or a tag that is none",
        "wrong_type: payload: 'word' is no value of a field; texts stand in double quotes",
        "not_json: payload: 'm a=1 noon' ends in what is no time; it is a whole number",
    ]


def test_samples_have_labels_value_time_and_type() -> None:
    text = '# TYPE h counter\nh_total{a="1",b="C:\\\\D \\"x\\"\\n",} 1027 1395066363000\nh{} +Inf\nlone 2 # {t="1"} 3\n'
    [samples] = read("prometheus", text)
    assert samples[0] == {
        "name": "h_total", "labels": {"a": "1", "b": 'C:\\D "x"\n'}, "value": 1027.0, "time": 1395066363000,
        "type": "counter",
    }  # fmt: skip
    assert [(s["name"], s["value"], s["time"], s["type"]) for s in samples[1:]] == [
        ("h", None, None, "counter"),
        ("lone", 2.0, None, None),
    ]


def test_times_with_a_point_are_seconds_and_a_wrong_sample_stands_alone() -> None:
    got = read("prometheus", 'a 1 1395066363.5\nb{c=1} 2\nd{e="f"} x\n')
    assert got[0] == [{"name": "a", "labels": {}, "value": 1.0, "time": 1395066363500, "type": None}]
    assert [r.partition(":")[0] for r in refusals(got)] == ["not_json", "not_json"]


@pytest.mark.parametrize("name", ["nmea", "line_protocol", "prometheus"])
def test_a_message_without_lines_is_refused(name: str) -> None:
    with pytest.raises(WrongValueError) as told:
        read(name, " \r\n")
    assert told.value.reason == "missing"
