"""Value information of M-Bus records: EN 13757-3 tables 10 (VIF), 12 (FB) and 14 (FD). Data and a look-up; pure.

Units are brought to one each: energy kW.h, power kW, flow m3/h, mass flow kg/h. A code is given by its range, the power
of ten of its first, and how that changes from code to code.
"""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["Kind", "kind_of"]


class Kind(NamedTuple):
    """What a value is.

    Attributes:
        name: Ours.
        unit: UCUM, None of texts, numbers and dates.
        power: The raw number is times ten to this ...
        divide: ... and divided by this.
        form: ``number``, ``date``, ``datetime`` or ``bits``.
    """

    name: str
    unit: str | None = None
    power: int = 0
    divide: float = 1.0
    form: str = "number"


_J_PER_KWH: Final = 3.6e6
_S, _MIN, _H, _D = "s", "min", "h", "d"
# first code, last code, kind of the first; the power of ten goes up by one a code
_PLAIN: Final = (
    (0x00, 0x07, Kind("energy", "kW.h", -6)),
    (0x08, 0x0F, Kind("energy", "kW.h", 0, _J_PER_KWH)),
    (0x10, 0x17, Kind("volume", "m3", -6)),
    (0x18, 0x1F, Kind("mass", "kg", -3)),
    (0x28, 0x2F, Kind("power", "kW", -6)),
    (0x30, 0x37, Kind("power", "kW", 0, _J_PER_KWH)),
    (0x38, 0x3F, Kind("volume_flow", "m3/h", -6)),
    (0x40, 0x47, Kind("volume_flow", "m3/h", -7, 1 / 60)),
    (0x48, 0x4F, Kind("volume_flow", "m3/h", -9, 1 / 3600)),
    (0x50, 0x57, Kind("mass_flow", "kg/h", -3)),
    (0x58, 0x5B, Kind("flow_temperature", "Cel", -3)),
    (0x5C, 0x5F, Kind("return_temperature", "Cel", -3)),
    (0x60, 0x63, Kind("temperature_difference", "K", -3)),
    (0x64, 0x67, Kind("external_temperature", "Cel", -3)),
    (0x68, 0x6B, Kind("pressure", "bar", -3)),
)
_PLAIN_ONE: Final = {
    **{0x20 + i: Kind("on_time", u) for i, u in enumerate((_S, _MIN, _H, _D))},
    **{0x24 + i: Kind("operating_time", u) for i, u in enumerate((_S, _MIN, _H, _D))},
    0x6C: Kind("date", form="date"),
    0x6D: Kind("datetime", form="datetime"),
    0x6E: Kind("heat_cost_units", "1"),
    **{0x70 + i: Kind("averaging_duration", u) for i, u in enumerate((_S, _MIN, _H, _D))},
    **{0x74 + i: Kind("actuality_duration", u) for i, u in enumerate((_S, _MIN, _H, _D))},
    0x78: Kind("fabrication_number"),
    0x79: Kind("enhanced_identification"),
    0x7A: Kind("bus_address"),
}
_FD: Final = (
    (0x40, 0x4F, Kind("voltage", "V", -9)),
    (0x50, 0x5F, Kind("current", "A", -12)),
)
_FD_ONE: Final = {
    0x08: Kind("access_number"), 0x09: Kind("medium"), 0x0A: Kind("manufacturer"), 0x0B: Kind("parameter_set"),
    0x0C: Kind("model_version"), 0x0D: Kind("hardware_version"), 0x0E: Kind("firmware_version"),
    0x0F: Kind("software_version"), 0x10: Kind("customer_location"), 0x11: Kind("customer"),
    0x17: Kind("error_flags", form="bits"), 0x1A: Kind("digital_output", form="bits"),
    0x1B: Kind("digital_input", form="bits"), 0x3A: Kind("dimensionless", "1"), 0x60: Kind("reset_counter", "1"),
    0x61: Kind("cumulation_counter", "1"), 0x6C: Kind("battery_time", _H), 0x6D: Kind("battery_time", _D),
    0x70: Kind("battery_replaced", form="date"), 0x71: Kind("rf_level", "dB{mW}"),
    0x74: Kind("battery_remaining", _D),
}  # fmt: skip
_FB: Final = (
    (0x00, 0x01, Kind("energy", "kW.h", 2)),
    (0x02, 0x03, Kind("reactive_energy", "kV.A.h{reactive}", 0)),
    (0x08, 0x09, Kind("energy", "kW.h", 8, _J_PER_KWH)),
    (0x10, 0x11, Kind("volume", "m3", 2)),
    (0x14, 0x17, Kind("reactive_power", "kV.A{reactive}", -3)),
    (0x18, 0x19, Kind("mass", "kg", 5)),
    (0x1A, 0x1B, Kind("relative_humidity", "%", -1)),
    (0x28, 0x29, Kind("power", "kW", 2)),
    (0x2C, 0x2F, Kind("frequency", "Hz", -3)),
    (0x30, 0x31, Kind("power", "kW", 8, _J_PER_KWH)),
    (0x34, 0x37, Kind("apparent_power", "kV.A", -3)),
    (0x78, 0x7F, Kind("power_max_cumulated", "kW", -6)),
)
_TABLES: Final = {None: (_PLAIN, _PLAIN_ONE), 0xFD: (_FD, _FD_ONE), 0xFB: (_FB, {})}


def kind_of(code: int, table: int | None = None) -> Kind | None:
    """What a code means; None where it is reserved or not known here.

    Args:
        code: Seven bits.
        table: None, or FB or FD for the extension tables.

    Example:
        >>> kind_of(0x06), kind_of(0x49, 0xFD)
        (Kind(name='energy', unit='kW.h', power=0, divide=1.0, form='number'), \
Kind(name='voltage', unit='V', power=0, divide=1.0, form='number'))
    """
    ranges, single = _TABLES[table]
    for first, last, kind in ranges:
        if first <= code <= last:
            return kind._replace(power=kind.power + code - first)
    return single.get(code)
