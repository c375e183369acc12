"""Units: the spellings of devices become UCUM codes, and values go from one unit to another of the same kind."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.profile._units import ATOMS, CODES, DEFINED, WHOLE
from ingest.profile.units import canonical, convert
from ingest.sensor_types import load_builtin

SPELLINGS = {
    "Cel": "℃ °C ° C Cel C degC CEL 摄氏度 celsius",
    "[degF]": "°F ℉ degF FAH",
    "m3": "m³ ㎥ m3 m^3 m**3 MTQ 立方米 cbm",
    "m3/h": "m³/h m3/h m3/hr MQH 立方米/小时 立方米每小时",
    "m3{norm}/h": "Nm3/h Nm³/h",
    "kW.h": "kWh KWH Kwh kW.h kW·h 千瓦时",
    "ug/m3": "ug/m3 μg/m³ µg/m³ ㎍/㎥ GQ 微克/立方米",
    "mg/m3{norm}": "mg/Nm3 mg/Nm³",
    "mg/L": "mg/L mg/l M1 毫克/升",
    "%": "% ％ %RH P1 percent",
    "m/s": "m/s m·s⁻¹ m.s-1 MTS 米/秒",
    "km/h": "km/h kmh kph KMH",
    "[kn_i]": "kn kt knots KNT",
    "[mi_i]/h": "mph HM",
    "V": "V v VLT volts",
    "mA": "mA 4K",
    "hPa": "hPa hpa A97",
    "MPa": "MPa Mpa 兆帕",
    "/min": "rpm 1/min r/min min-1 /min",
    "[ppm]": "ppm PPM [ppm] 59",
    "dB{A}": "dB(A) dBA dba",
    "W/m2": "W/m2 W/m² D54",
    "uS/cm": "uS/cm μS/cm µS/cm us/cm",
    "kgf/cm2": "kgf/cm2 kgf/cm² 千克力/cm2",
    "[pH]": "pH ph Q30",
    "1": "1 C62 count",
    "deg": "° deg DD degrees",
    "L/h": "l/h L/h E32",
    "mA.h": "mAh E09",
    "kV.A": "kVA",
    "W/m2/K": "W/(m²·K)",
    "dB": "dB 2N 分贝",
}


@pytest.mark.parametrize("code", SPELLINGS)
def test_the_spellings_of_a_unit_become_its_code(code: str) -> None:
    texts = SPELLINGS[code].replace("° C", "").split()
    assert {t: canonical(t) for t in texts} == dict.fromkeys(texts, code)


def test_units_in_words() -> None:
    words = {
        "micrograms per cubic metre": "ug/m3",
        "degrees Celsius": "Cel",
        "kilowatt hours": "kW.h",
        "litres per hour": "L/h",
        "cubic meters": "m3",
        "vehicles per hour": "{vehicles}/h",
        "m s-1": "m/s",
        "Deg C": "Cel",
        "wmoUnit:km_h-1": "km/h",
        "obix:units/liters_per_second": "L/s",
        "degrees-fahrenheit": "[degF]",
        "liters-per-second": "L/s",
        "us-gallons-per-minute": "[gal_us]/min",
        "percent-relative-humidity": "%",
        "% RH": "%",
        "mm Hg": "mm[Hg]",
        "beats/minute": "{beats}/min",
        "NM": "[nmi_i]",
        "cfs": "[cft_i]/s",
        "公里/小时": "km/h",
        "转/分": "/min",
        "pCi/L": "pCi/L",
    }
    assert {t: canonical(t) for t in words} == words


@pytest.mark.parametrize(
    "text", ["", " ", "apples", "10", "-", "m//s", "W/(m2", "m)", "{}", "x" * 65, "m.", "°C°C°C/0"]
)
def test_what_is_no_unit(text: str) -> None:
    assert canonical(text) is None


def test_every_entry_of_the_tables_is_a_unit_that_its_own_code_names() -> None:
    texts = [*(t for t in DEFINED if t != "C"), *(t for t in ATOMS if not re.search("[./]", t)), *WHOLE, *CODES]
    wrong = {t: c for t in texts if (c := canonical(t)) is None or canonical(c) != c}
    assert wrong == {}
    assert len(CODES) > 140


def test_units_of_the_built_in_types_are_written_as_they_come_out() -> None:
    units = {f.unit for t in load_builtin() for f in t.fields if f.unit}
    assert {u: canonical(u) for u in units} == {u: u for u in units}


@pytest.mark.parametrize(
    ("source", "target", "value", "wanted"),
    [
        ("°F", "Cel", 212, 100),
        ("K", "Cel", 273.15, 0),
        ("Cel", "[degF]", -40, -40),
        ("km/h", "m/s", 36, 10),
        ("kn", "m/s", 1, 0.514444),
        ("mph", "km/h", 1, 1.609344),
        ("kWh", "MJ", 1, 3.6),
        ("Wh", "kW.h", 1500, 1.5),
        ("L/min", "m3/h", 1000, 60),
        ("l/h", "m3/h", 620, 0.62),
        ("hPa", "mbar", 1013.25, 1013.25),
        ("mmHg", "kPa", 760, 101.325),
        ("kgf/cm²", "MPa", 10, 0.980665),
        ("psi", "bar", 14.5038, 1.0),
        ("mH2O", "kPa", 1, 9.80665),
        ("mg/Nm3", "ug/m3", 2, 2000),
        ("ug/L", "ug/m3", 1, 1000),
        ("%", "1", 54, 0.54),
        ("ppb", "ppm", 12, 0.012),
        ("mV", "V", 3600, 3.6),
        ("dB(A)", "dB", 61, 61),
        ("veh/h", "/h", 900, 900),
        ("rad", "deg", 3.14159265, 180),
        ("inHg", "hPa", 29.92, 1013.2),
        ("kVA", "V.A", 1, 1000),
        ("Cel/h", "K/h", 2, 2),
    ],
)
def test_values_go_from_unit_to_unit(source: str, target: str, value: float, wanted: float) -> None:
    scale, offset = convert(source, target)
    assert value * scale + offset == pytest.approx(wanted, rel=1e-4, abs=1e-6)


@pytest.mark.parametrize(
    ("source", "target"), [("m3/h", "kW.h"), ("ug/m3", "ppb"), ("%", "Cel"), ("deg", "%"), ("NTU", "1"), ("dB", "1")]
)
def test_units_of_different_kinds_are_refused_with_both_kinds(source: str, target: str) -> None:
    with pytest.raises(ValueError, match=r"is .+ and .+ is .+; give the field a unit of the same kind"):
        convert(source, target)


def test_an_unknown_unit_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=r"'apples' is no unit that is known here; write its UCUM code"):
        convert("apples", "m")


@settings(deadline=None)
@given(st.text(max_size=70))
def test_any_text_is_a_unit_or_none_and_a_code_stays_as_it_is(text: str) -> None:
    code = canonical(text)
    if code is not None:
        assert canonical(code) in (code, "Cel")
        convert(text, code)


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted({*CODES.values()})), st.floats(-1e6, 1e6))
def test_there_and_back_is_the_same_value(unit: str, value: float) -> None:
    scale, offset = convert(unit, unit)
    assert (scale, offset) == (1.0, 0.0)
    for target in {*CODES.values()}:
        try:
            there, back = convert(unit, target), convert(target, unit)
        except ValueError:
            continue
        assert (value * there[0] + there[1]) * back[0] + back[1] == pytest.approx(value, rel=1e-9, abs=1e-6)
