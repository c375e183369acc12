"""What the codes of HJ 212 stand for: HJ 212-2017 appendix B, HJ 524-2009 and HJ/T 212-2005. Data only.

The short names are ours. A frame carries no units: those of exhaust gas and waste water are the standards', those of
ambient air (ST 22) after GB 3095-2012, where carbon monoxide alone is in mg/m3.
"""

from __future__ import annotations

from typing import Final

__all__ = ["POLLUTANTS", "unit_of"]

POLLUTANTS: Final[dict[str, tuple[str, str | None]]] = {
    # exhaust and air, 2017
    "a00000": ("gas_flow", "m3/s"), "a01001": ("air_temperature", "Cel"), "a01002": ("air_humidity", "%"),
    "a01006": ("air_pressure", "kPa"), "a01007": ("wind_speed", "m/s"), "a01008": ("wind_direction", "deg"),
    "a01010": ("ringelmann", "1"), "a01011": ("gas_speed", "m/s"), "a01012": ("gas_temperature", "Cel"),
    "a01013": ("gas_pressure", "kPa"), "a01014": ("gas_humidity", "%"), "a01015": ("cooler_temperature", "Cel"),
    "a01016": ("duct_area", "m2"), "a01017": ("gas_dynamic_pressure", "kPa"), "a05001": ("co2", "mg/m3"),
    "a05002": ("ch4", "mg/m3"), "a05024": ("o3", "ug/m3"), "a19001": ("o2", "%"), "a20007": ("arsenic", "mg/m3"),
    "a20025": ("cadmium", "mg/m3"), "a20043": ("lead", "mg/m3"), "a20057": ("mercury", "mg/m3"),
    "a20063": ("nickel", "mg/m3"), "a21001": ("nh3", "mg/m3"), "a21002": ("nox", "mg/m3"), "a21003": ("no", "mg/m3"),
    "a21004": ("no2", "mg/m3"), "a21005": ("co", "mg/m3"), "a21017": ("cyanide", "mg/m3"),
    "a21018": ("fluoride", "mg/m3"), "a21022": ("cl2", "mg/m3"), "a21024": ("hcl", "mg/m3"), "a21026": ("so2", "mg/m3"),
    "a21028": ("h2s", "mg/m3"), "a23001": ("phenols", "mg/m3"), "a24087": ("total_hydrocarbons", "mg/m3"),
    "a24088": ("non_methane_hydrocarbons", "mg/m3"), "a25002": ("benzene", "mg/m3"), "a25003": ("toluene", "mg/m3"),
    "a25005": ("xylene", "mg/m3"), "a31001": ("formaldehyde", "mg/m3"), "a34001": ("tsp", "ug/m3"),
    "a34002": ("pm10", "ug/m3"), "a34004": ("pm2_5", "ug/m3"), "a34005": ("pm1", "ug/m3"),
    "a34013": ("smoke_dust", "mg/m3"), "a99054": ("voc", "mg/m3"),
    # water, 2017
    "w00000": ("water_flow", "L/s"), "w01001": ("ph", "[pH]"), "w01002": ("colour", "1"),
    "w01003": ("turbidity", "{NTU}"),
    "w01009": ("dissolved_oxygen", "mg/L"), "w01010": ("water_temperature", "Cel"),
    "w01012": ("suspended_solids", "mg/L"),
    "w01014": ("conductivity", "uS/cm"), "w01017": ("bod5", "mg/L"), "w01018": ("cod", "mg/L"),
    "w01019": ("permanganate_index", "mg/L"), "w01020": ("toc", "mg/L"), "w20111": ("mercury", "mg/L"),
    "w20115": ("cadmium", "mg/L"), "w20116": ("chromium", "mg/L"), "w20117": ("chromium_6", "mg/L"),
    "w20119": ("arsenic", "mg/L"), "w20120": ("lead", "mg/L"), "w20121": ("nickel", "mg/L"),
    "w20122": ("copper", "mg/L"),
    "w20123": ("zinc", "mg/L"), "w21001": ("total_nitrogen", "mg/L"), "w21003": ("ammonia_nitrogen", "mg/L"),
    "w21011": ("total_phosphorus", "mg/L"), "w21016": ("cyanide", "mg/L"), "w21017": ("fluoride", "mg/L"),
    "w22001": ("oil", "mg/L"), "w23002": ("volatile_phenols", "mg/L"),
    # noise: equal in both
    "LA": ("sound", "dB"), "Leq": ("sound_leq", "dB"), "L5": ("sound_l5", "dB"), "L10": ("sound_l10", "dB"),
    "L50": ("sound_l50", "dB"), "L90": ("sound_l90", "dB"), "L95": ("sound_l95", "dB"), "Ld": ("sound_day", "dB"),
    "Ln": ("sound_night", "dB"), "Ldn": ("sound_day_night", "dB"), "LMax": ("sound_max", "dB"),
    "LMin": ("sound_min", "dB"),
    # 2005
    "B01": ("water_flow", "L/s"), "B02": ("gas_flow", "m3/s"), "001": ("ph", "[pH]"), "002": ("colour", "1"),
    "003": ("suspended_solids", "mg/L"), "010": ("bod5", "mg/L"), "011": ("cod", "mg/L"), "015": ("toc", "mg/L"),
    "020": ("mercury", "mg/L"), "022": ("cadmium", "mg/L"), "023": ("chromium", "mg/L"), "024": ("chromium_6", "mg/L"),
    "026": ("arsenic", "mg/L"), "027": ("lead", "mg/L"), "028": ("nickel", "mg/L"), "029": ("copper", "mg/L"),
    "030": ("zinc", "mg/L"), "060": ("ammonia_nitrogen", "mg/L"), "065": ("total_nitrogen", "mg/L"),
    "080": ("oil", "mg/L"), "101": ("total_phosphorus", "mg/L"), "01": ("smoke_dust", "mg/m3"), "02": ("so2", "mg/m3"),
    "03": ("nox", "mg/m3"), "04": ("co", "mg/m3"), "05": ("h2s", "mg/m3"), "06": ("fluoride", "mg/m3"),
    "07": ("cyanide", "mg/m3"), "08": ("hcl", "mg/m3"), "10": ("nh3", "mg/m3"), "11": ("cl2", "mg/m3"),
    "S01": ("o2", "%"), "S02": ("gas_speed", "m/s"), "S03": ("gas_temperature", "Cel"),
    "S04": ("gas_dynamic_pressure", "kPa"), "S05": ("gas_humidity", "%"), "S06": ("cooler_temperature", "Cel"),
    "S07": ("duct_area", "m2"), "S08": ("gas_pressure", "kPa"),
}  # fmt: skip
"""Code -> (short name, UCUM unit)."""
_AMBIENT: Final = "22"
_MG_ALSO_IN_AIR: Final = frozenset({"a21005", "04"})


def unit_of(code: str, system: str | None) -> str | None:
    """The UCUM unit of a code in a system (ST) of monitoring; None where the code is not known.

    Example:
        >>> unit_of("a21026", "31"), unit_of("a21026", "22"), unit_of("a21005", "22")
        ('mg/m3', 'ug/m3', 'mg/m3')
    """
    unit = POLLUTANTS[code][1] if code in POLLUTANTS else None
    return "ug/m3" if unit == "mg/m3" and system == _AMBIENT and code not in _MG_ALSO_IN_AIR else unit
