"""What the data identifiers of DL/T 645 mean: 2007 appendix A (tables A.1 to A.3), 1997 appendix A. Data only."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["ENERGY_1997", "ENERGY_2007", "FIXED_1997", "FIXED_2007", "PHASED_2007", "Quantity"]


class Quantity(NamedTuple):
    """A measured value as it stands in a frame.

    Attributes:
        name: Ours.
        unit: UCUM.
        size: Bytes.
        digits: Behind the decimal point.
        signed: Whether the top bit is a sign.
        first: Phase of the first value of a block, 0 is the total, 1 to 3 are A to C.
    """

    name: str
    unit: str
    size: int
    digits: int
    signed: bool = False
    first: int = 1


ENERGY_2007: Final = {
    0x00: Quantity("active_combined", "kW.h", 4, 2, True),
    0x01: Quantity("active_import", "kW.h", 4, 2),
    0x02: Quantity("active_export", "kW.h", 4, 2),
    0x03: Quantity("reactive_combined_1", "kV.A.h{reactive}", 4, 2, True),
    0x04: Quantity("reactive_combined_2", "kV.A.h{reactive}", 4, 2, True),
    **{0x04 + q: Quantity(f"reactive_quadrant_{q}", "kV.A.h{reactive}", 4, 2) for q in (1, 2, 3, 4)},
    0x09: Quantity("apparent_import", "kV.A.h", 4, 2),
    0x0A: Quantity("apparent_export", "kV.A.h", 4, 2),
    **{base + 0: Quantity("active_import", "kW.h", 4, 2) for base in (0x15, 0x29, 0x3D)},
    **{base + 1: Quantity("active_export", "kW.h", 4, 2) for base in (0x15, 0x29, 0x3D)},
}
"""DI2 of DI3 = 00: DI1 is the tariff (0 total), DI0 the settlement day (0 now). 15, 29, 3D begin phases A, B, C."""
PHASED_2007: Final = {
    0x01: Quantity("voltage", "V", 2, 1),
    0x02: Quantity("current", "A", 3, 3, True),
    0x03: Quantity("active_power", "kW", 3, 4, True, 0),
    0x04: Quantity("reactive_power", "kV.A{reactive}", 3, 4, True, 0),
    0x05: Quantity("apparent_power", "kV.A", 3, 4, True, 0),
    0x06: Quantity("power_factor", "1", 2, 3, True, 0),
    0x07: Quantity("phase_angle", "deg", 2, 1),
    0x08: Quantity("voltage_distortion", "%", 2, 2),
    0x09: Quantity("current_distortion", "%", 2, 2),
}
"""DI2 of DI3 = 02: DI1 is the phase (0 total, 1 to 3, FF all of them), DI0 is 0."""
FIXED_2007: Final = {
    0x02800001: Quantity("neutral_current", "A", 3, 3, True),
    0x02800002: Quantity("frequency", "Hz", 2, 2),
    0x02800003: Quantity("active_power_minute", "kW", 3, 4, True),
    0x02800004: Quantity("active_demand", "kW", 3, 4, True),
    0x02800005: Quantity("reactive_demand", "kV.A{reactive}", 3, 4, True),
    0x02800006: Quantity("apparent_demand", "kV.A", 3, 4, True),
    0x02800007: Quantity("meter_temperature", "Cel", 2, 1, True),
    0x02800008: Quantity("clock_battery", "V", 2, 2),
    0x02800009: Quantity("reading_battery", "V", 2, 2),
    0x0280000A: Quantity("battery_used", "min", 4, 0),
}
ENERGY_1997: Final = {
    0x1: Quantity("active_import", "kW.h", 4, 2),
    0x2: Quantity("active_export", "kW.h", 4, 2),
}
"""Second digit of 90xx (now), 94xx (last month), 98xx (the month before); the last digit is the tariff, F all."""
FIXED_1997: Final = {
    0xB611: (Quantity("voltage", "V", 2, 0), 1),
    0xB612: (Quantity("voltage", "V", 2, 0), 2),
    0xB613: (Quantity("voltage", "V", 2, 0), 3),
    0xB621: (Quantity("current", "A", 2, 2), 1),
    0xB622: (Quantity("current", "A", 2, 2), 2),
    0xB623: (Quantity("current", "A", 2, 2), 3),
    0xB630: (Quantity("active_power", "kW", 3, 4), 0),
    0xB631: (Quantity("active_power", "kW", 3, 4), 1),
    0xB632: (Quantity("active_power", "kW", 3, 4), 2),
    0xB633: (Quantity("active_power", "kW", 3, 4), 3),
    0xB640: (Quantity("reactive_power", "kV.A{reactive}", 2, 2), 0),
    0xB641: (Quantity("reactive_power", "kV.A{reactive}", 2, 2), 1),
    0xB642: (Quantity("reactive_power", "kV.A{reactive}", 2, 2), 2),
    0xB643: (Quantity("reactive_power", "kV.A{reactive}", 2, 2), 3),
    0xB650: (Quantity("power_factor", "1", 2, 3), 0),
    0xB651: (Quantity("power_factor", "1", 2, 3), 1),
    0xB652: (Quantity("power_factor", "1", 2, 3), 2),
    0xB653: (Quantity("power_factor", "1", 2, 3), 3),
}
"""Identifier -> the value and its phase."""
