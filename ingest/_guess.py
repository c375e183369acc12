"""What names of keys and values of devices let guess: units, times, who speaks. Data and small functions; pure."""

from __future__ import annotations

import re
from typing import Any, Final

from ingest._draft import field_name
from ingest.profile.units import canonical

__all__ = ["unit_of_name", "unit_of_words"]

# The last word of a name: its unit is in the name.
_SPELLED: Final = """
c=Cel f=[degF] v=V a=A w=W l=L m=m s=s h=h g=g t=t j=J pct=% m3h=m3/h lph=L/h ugm3=ug/m3 mgm3=mg/m3 mgl=mg/L uscm=uS/cm ms=m/s
kmh=km/h mmh=mm/h wm2=W/m2 mw=MW mpa=MPa mj=MJ mwh=MW.h
"""  # noqa: E501 - a table
_SUFFIXES: Final = dict(pair.split("=") for pair in _SPELLED.split())
_BARE: Final = "count counts ratio none day days month year second minute hour time b d k p n x y z"
_NO_UNITS: Final = frozenset(_BARE.split())
# Names that say what is measured; the unit is the usual one, hence a guess.
_USUAL: Final = (
    (r"temp(erature)?|dew_?point|dewpoint", "Cel"),
    (r"(relative_?)?humidity|moisture|^hum|^rh$", "%"),
    (r"batt?(ery)?(_?(level|charge|percent(age)?))?$|^soc$|capacity_percent", "%"),
    (r"atmospheric_?pressure|barometric_?pressure|^pressure$|air_pressure", "hPa"),
    (r"volt(age)?", "V"),
    (r"(active_?)?power$|act_power|^p$", "W"),
    (r"energy|consumption", "kW.h"),
    (r"^current$|amp(erage|s)?$|_current$", "A"),
    (r"freq(uency)?$", "Hz"),
    (r"rssi|^signal(_strength)?$", "dB{mW}"),
    (r"snr", "dB"),
    (r"^co2|carbon_?dioxide|eco2", "[ppm]"),
    (r"^pm_?(1|2_?5|4|10)(_|$)|^(no2?|nox|so2|o3)$", "ug/m3"),
    (r"tvoc|voc", "[ppb]"),
    (r"illumin|luminosity|^light$|lux", "lx"),
    (r"noise|sound|la_?eq", "dB{A}"),
    (r"^deg$|heading|bearing|direction|azimuth|course|^cog$|yaw|angle", "deg"),
    (r"wind_?speed|windspeed", "m/s"),
    (r"^speed$|velocity|_speed$", "km/h"),
    (r"altitude|elevation|height|distance|depth|level_m|range$", "m"),
    (r"precipitation|rain(fall)?", "mm"),
    (r"flow(_?rate)?$", "m3/h"),
    (r"volume$|water_?(total|volume)", "m3"),
    (r"^ph$", "[pH]"),
    (r"turbidity", "{NTU}"),
    (r"conductivity", "uS/cm"),
    (r"radiation|irradiance", "W/m2"),
    (r"weight|mass$", "kg"),
    (r"^occupancy$|score|confidence|probability|likelihood|reliability", "1"),
    (r"uptime|duration|interval", "s"),
    (r"count|counter|cnt$|^number|_num$|quantity|index|^seq|link_?quality|^lqi$|port$|version|^code$|factor$", "1"),
)
_COMPILED: Final = [(re.compile(pattern), unit) for pattern, unit in _USUAL]


def unit_of_name(name: str, values: list[float]) -> tuple[str | None, bool]:
    """The unit that a key lets guess, and whether the name itself says it.

    Example:
        >>> unit_of_name("total_m3", []), unit_of_name("temperature", [21.5]), unit_of_name("gizmo", [])
        (('m3', True), ('Cel', False), (None, False))
        >>> unit_of_name("batteryLevel", [0.8]), unit_of_name("voltage", [3012.0])
        (('1', False), ('mV', False))
    """
    plain = field_name(name)
    last = plain.rsplit("_", 1)[-1]
    numbered = last[-1:].isdigit() and not last.endswith(("m2", "m3"))  # voltage_l1 is no litre
    if "_" in plain and last not in _NO_UNITS and not numbered and (code := _SUFFIXES.get(last) or canonical(last)):
        return code, True
    if last in ("type", "state", "mode", "status", "code", "id", "kind", "flag", "class", "index"):
        return "1", False
    for pattern, unit in _COMPILED:
        if pattern.search(plain):
            return _usual(unit, values), False
    return None, False


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
