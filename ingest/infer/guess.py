"""What names of keys and values of devices let guess: units, times, who speaks. Data and small functions; pure."""

from __future__ import annotations

import re
from typing import Any, Final

from ingest.infer.draft import field_name
from ingest.profile.units import canonical, convert

__all__ = ["unit_of_name", "unit_of_words"]

# The last word of a name: its unit is in the name.
_SPELLED: Final = """
c=Cel f=[degF] v=V a=A w=W l=L m=m s=s h=h g=g t=t j=J pct=% m3h=m3/h lph=L/h ugm3=ug/m3 mgm3=mg/m3 mgl=mg/L uscm=uS/cm ms=ms
kmh=km/h mmh=mm/h wm2=W/m2 mw=MW mpa=MPa mj=MJ mwh=MW.h inhg=[in_i'Hg]
"""  # noqa: E501 - a table
_SUFFIXES: Final = dict(pair.split("=") for pair in _SPELLED.split())
_BARE: Final = (
    "count counts ratio none day days month year second minute hour time b d k p n x y z max avg mean sum out"
)
_NO_UNITS: Final = frozenset(_BARE.split())
_UNSURE: Final = frozenset("in rad ms min a c s h g t m d k n mo ar f j v nm mi ft b ha".split())  # noqa: SIM905
"""Endings that may be words, places or phases as well: temp_in, solar_rad, voltage_a."""
_OTHER: Final[dict[str, tuple[str, ...]]] = {
    "in": ("[in_i]", "[in_i'Hg]", "[in_i]/h"),
    "ms": ("ms", "m/s"),
    "f": ("[degF]",),
}
"""What an ending stands for where the quantity in the name has it."""
# Names that say what is measured; the usual unit, hence a guess, and other units that devices give it in.
_USUAL: Final = (
    (r"^(temp|dewpt|windchill|heatindex|feelslike|soiltemp)(in|out)?\d{0,2}f$", "[degF]"),
    (r"^barom(rel|abs)?in$", "[in_i'Hg]"),
    (r"rainratein$", "[in_i]/h"),
    (r"rainin$", "[in_i]"),
    (r"mph$", "[mi_i]/h"),
    (r"temp(erature)?|^te?mp?$|dew_?point|dewpoint", "Cel"),
    (r"(relative_?)?humidity|moisture|^hum|^rh$", "%", "g/m3", "kPa"),
    (r"batt?(ery)?(_?(level|charge|percent(age)?))?$|^soc$|capacity_percent", "%", "V", "A.h"),
    (r"atmospheric_?pressure|barometric_?pressure|^pressure$|air_pressure|^baro(meter)?$", "hPa"),
    (r"pressure", "kPa"),
    (r"volt(age)?", "V"),
    (r"(active_?)?power$|act_power|^p$", "W", "V.A", "dB{mW}"),
    (r"energy|consumption", "kW.h", "m3", "W"),
    (r"^current$|amp(erage|s)?$|_current$", "A"),
    (r"freq(uency)?$", "Hz"),
    (r"rssi|^signal(_strength)?$", "dB{mW}", "%"),
    (r"snr", "dB"),
    (r"^co2|carbon_?dioxide|eco2", "[ppm]", "mg/m3"),
    (r"^pm_?(1|2_?5|4|10)(_|$)|^(no2?|nox|so2|o3)$|^dust$|particulate", "ug/m3", "[ppb]"),
    (r"tvoc|voc", "[ppb]", "ug/m3", "Ohm"),
    (r"illumin|luminosity|^light$|lux", "lx", "%", "W/m2"),
    (r"noise|sound|la_?eq", "dB{A}"),
    (r"^deg$|heading|bearing|direction|azimuth|course|^cog$|yaw|angle|(^|_)wind_?dir$|tilt", "deg"),
    (r"wind_?speed|windspeed|gust|^wind$|flow_velocity", "m/s"),
    (r"rotation_speed|fan_speed|^rpm$", "/min", "%"),
    (r"^speed$|velocity|_speed$", "km/h", "%"),
    (r"altitude|elevation|height|distance|^dist$|(snow|water)_?(level|depth)|depth|range$|visibility", "m"),
    (r"precipitation|rain(fall)?|evaporation", "mm", "mm/h"),
    (r"flow(_?rate)?$", "m3/h", "kg/h"),
    (r"volume$|water_?(total|volume)", "m3", "%"),
    (r"^ph$", "[pH]"),
    (r"turbidity", "{NTU}"),
    (r"conductivity", "uS/cm"),
    (r"radiation|irradiance|solar", "W/m2", "J/m2", "W", "V", "A"),
    (r"weight|mass$", "kg", "%"),
    (r"^occupancy$|score|confidence|probability|likelihood|reliability", "1"),
    (r"uptime|duration|interval|latency|rtt$|delay|elapsed|runtime|(^|_|[a-z])time$|^period$", "s"),
    (
        r"count|counter|cnt$|^number|_num$|quantity|index|^seq|link_?quality|^lqi$|port$|version|^code$|factor$|^uv$",
        "1",
    ),
)
_COMPILED: Final = [(re.compile(pattern), units) for pattern, *units in _USUAL]


def unit_of_name(name: str, values: list[float]) -> tuple[str | None, bool]:
    """The unit that a key lets guess, and whether the name itself says it.

    An ending counts where it can be a unit of what the name measures: ``temp_f`` is Fahrenheit, ``temp_in`` no inch.

    Example:
        >>> unit_of_name("total_m3", []), unit_of_name("temperature", [21.5]), unit_of_name("gizmo", [])
        (('m3', True), ('Cel', False), (None, False))
        >>> unit_of_name("batteryLevel", [0.8]), unit_of_name("voltage", [3012.0]), unit_of_name("压力(MPa)", [])
        (('1', False), ('mV', False), ('MPa', True))
        >>> [unit_of_name(n, []) for n in ("temp_in", "solar_rad", "rtt_ms", "wind_ms", "door_c")]
        [('Cel', False), ('W/m2', False), ('ms', True), ('m/s', True), ('Cel', False)]
    """
    if (told := re.search(r"[(（\[]\s*([^()（）\[\]]{1,20}?)\s*[)）\]]\s*$", name)) and (code := canonical(told[1])):
        return code, True
    plain = field_name(name)
    stem, _, last = plain.rpartition("_")
    numbered = last[-1:].isdigit() and not last.endswith(("m2", "m3"))  # voltage_l1 is no litre
    if stem and last not in _NO_UNITS and not numbered and (code := _SUFFIXES.get(last) or canonical(last)):
        return _of_ending(code, last, _units_of_stem(stem), values)
    if last in ("type", "state", "mode", "status", "code", "id", "kind", "flag", "class", "index"):
        return "1", False
    units = _units_of(plain)
    return (_usual(units[0], values) if units else None), False


_OF_STEMS: Final = (re.compile(r"(^|_)level$"), ["m", "%", "dB", "dB{A}"])
"""A level says nothing of its unit, an ending may."""


def _units_of(plain: str) -> list[str]:
    """The usual unit of what a name measures, and others that it comes in; empty where it is not known."""
    return next((units for pattern, units in _COMPILED if pattern.search(plain)), [])


def _units_of_stem(stem: str) -> list[str]:
    return _units_of(stem) or (_OF_STEMS[1] if _OF_STEMS[0].search(stem) else [])


def _of_ending(code: str, ending: str, units: list[str], values: list[float]) -> tuple[str, bool]:
    """The unit of a name with an ending, and whether it is sure: the quantity in the name has to have it."""
    if not units:
        return code, ending not in _UNSURE
    for meant in (code, *_OTHER.get(ending, ())):
        if any(_same_quantity(meant, unit) for unit in units):
            return meant, True
    return (_usual(units[0], values) if ending in _UNSURE else code), False


def _same_quantity(code: str, other: str) -> bool:
    try:
        convert(code, other)
    except ValueError:
        return False
    return True


def _usual(unit: str, values: list[float]) -> str:
    """The usual unit, or the one that the size of the values speaks for."""
    largest = max((abs(v) for v in values), default=None)
    if largest is None:
        return unit
    if unit == "%" and 0 < largest <= 1:
        return "1"
    if unit == "Cel" and largest > 250 and min(values) > 200:
        return "K"
    if unit == "V" and largest > 1000:
        return "mV"
    if unit == "hPa" and largest < 20:
        return "bar"
    if unit == "hPa" and largest > 20_000:
        return "Pa"
    return unit


def unit_of_words(text: Any) -> str | None:
    """The UCUM code in a text about a quantity: ``Units: 'micrograms per cubic metre'``, ``in °C``, ``(kWh)``.

    Example:
        >>> unit_of_words("Property. Units:'Celsius degrees'. Air temperature"), unit_of_words("Energy (kWh)")
        ('Cel', 'kW.h')
    """
    if not isinstance(text, str):
        return None
    found = re.search(r"""[Uu]nits?(?:\s+(?:is|are|of))?\s*[:=]?\s*['"`]([^'"`]{1,60})['"`]""", text)
    tries = [found[1]] if found else []
    tries += re.findall(r"\(([^()]{1,20})\)", text) + re.findall(r"\bin ([^\s,.;]{1,20})", text)
    for one in tries:
        for spelled in (one, re.sub(r"(?i)^celsius degrees?$", "Cel", one.strip()), one.split(" ")[0]):
            if (code := canonical(spelled)) is not None:
                return code
    return None
