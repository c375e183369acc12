"""Positions in the Chinese data GCJ-02 and BD-09 -> WGS-84. Pure.

Source: the published approximations of the GCJ-02 offset on the Krasovsky 1940 ellipsoid and of BD-09 over it. The way
back has no closed form; it is found by steps until the error is below a nanodegree, well under the offset's own error.
"""

from __future__ import annotations

import math
from typing import Final

__all__ = ["DATUMS", "to_wgs84"]

DATUMS: Final = ("wgs84", "gcj02", "bd09")
_A: Final = 6_378_245.0
_EE: Final = 0.006_693_421_622_965_943
_X_PI: Final = math.pi * 3000.0 / 180.0
_MOST_STEPS: Final = 20


def to_wgs84(lon: float, lat: float, datum: str) -> tuple[float, float]:
    """Longitude and latitude in WGS-84, degrees; unchanged outside of China, where the offset does not apply.

    Args:
        lon: Degrees.
        lat: Degrees.
        datum: ``wgs84``, ``gcj02`` or ``bd09``.

    Example:
        >>> [round(v, 5) for v in to_wgs84(116.41024, 39.91640, "gcj02")]
        [116.404, 39.915]
    """
    if datum == "wgs84" or not (72.004 <= lon <= 137.8347 and 0.8293 <= lat <= 55.8271):
        return lon, lat
    if datum == "bd09":
        lon, lat = _from_bd09(lon, lat)
    guess_lon, guess_lat = lon, lat
    for _ in range(_MOST_STEPS):
        made_lon, made_lat = _to_gcj02(guess_lon, guess_lat)
        off_lon, off_lat = lon - made_lon, lat - made_lat
        guess_lon, guess_lat = guess_lon + off_lon, guess_lat + off_lat
        if max(abs(off_lon), abs(off_lat)) < 1e-9:
            break
    return guess_lon, guess_lat


def _from_bd09(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 0.0065, lat - 0.006
    z = math.hypot(x, y) - 0.00002 * math.sin(y * _X_PI)
    theta = math.atan2(y, x) - 0.000003 * math.cos(x * _X_PI)
    return z * math.cos(theta), z * math.sin(theta)


def _to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    waves = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + waves
    north += (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + waves
    east += (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    angle = math.radians(lat)
    magic = 1.0 - _EE * math.sin(angle) ** 2
    root = math.sqrt(magic)
    return (
        lon + math.degrees(east / (_A / root * math.cos(angle))),
        lat + math.degrees(north / (_A * (1.0 - _EE) / (magic * root))),
    )
