"""Where gas comes from and how far it goes: the Gaussian plume with Briggs' urban widths, and its inversion. Pure.

``C = Q / (2 pi u sy sz) exp(-y^2 / 2 sy^2) [exp(-(z-H)^2 / 2 sz^2) + exp(-(z+H)^2 / 2 sz^2)]`` at the ground from a
source at the ground. Widths: Briggs, urban, for 100 m to 10 km; nearer they are carried on, with a source of
``SOURCE_M`` across. Gases clearly heavier than air do not follow it: use published distances for them.

Sources: Briggs 1973 and Pasquill's table (Fundamentals of Air Pollution, tables 19-3, 19-6, 19-7).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from scenes.toolkit.area import destination, offset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["Located", "Sensor", "contour", "locate", "pasquill", "per_unit", "reach_m", "widths"]

SOURCE_M: Final = 1.0  # width of the source itself
NEAREST_M: Final = 1.0
FARTHEST_M: Final = 10_000.0
BOX_M: Final = 100.0  # half side of the box that is searched
GRID_M: Final = 5.0
FINE_M: Final = 1.0
REFINED: Final = 60
CHI2_95: Final = 5.991  # two degrees of freedom
#: sy and sz: (factor, factor within the root, exponent of the root)
_SY: Final = {"A": 0.32, "B": 0.32, "C": 0.22, "D": 0.16, "E": 0.11, "F": 0.11}
_SZ: Final = {
    "A": (0.24, 0.001, 0.5),
    "B": (0.24, 0.001, 0.5),
    "C": (0.20, 0.0, 0.0),
    "D": (0.14, 0.0003, -0.5),
    "E": (0.08, 0.0015, -0.5),
    "F": (0.08, 0.0015, -0.5),
}
#: wind below -> class at moderate insolation by day, and by night under clouds
_PASQUILL: Final = ((2.0, "B", "F"), (3.0, "B", "E"), (5.0, "C", "D"), (6.0, "D", "D"), (math.inf, "D", "D"))


class Sensor(NamedTuple):
    """A reading at a place: degrees, and a concentration in any unit (the same for all)."""

    lon: float
    lat: float
    value: float


class Located(NamedTuple):
    """The most likely source.

    Attributes:
        rate: Release rate, unit of the readings times m3/s.
        semi_major_m, semi_minor_m, bearing_deg: Ellipse that holds it with 95 %; direction of the long axis.
        misfit: Share of the readings' squares that it does not explain, 0..1.
    """

    lon: float
    lat: float
    rate: float
    semi_major_m: float
    semi_minor_m: float
    bearing_deg: float
    misfit: float


def pasquill(speed_ms: float, *, is_day: bool) -> str:
    """Stability class for a wind by day (moderate insolation) or night.

    Example:
        >>> pasquill(4.0, is_day=True), pasquill(1.5, is_day=False)
        ('C', 'F')
    """
    return next((day if is_day else night) for below, day, night in _PASQUILL if speed_ms < below or below == math.inf)


def widths(x_m: NDArray[np.float64], stability: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sigma y and sigma z at distances downwind, metres.

    Example:
        >>> sy, sz = widths(np.array([1000.0]), "D")
        >>> round(float(sy[0])), round(float(sz[0]))
        (135, 123)
    """
    x = np.maximum(x_m, NEAREST_M)
    sy = _SY[stability] * x / np.sqrt(1 + 0.0004 * x)
    factor, inner, power = _SZ[stability]
    sz = factor * x * (1 + inner * x) ** power
    return np.hypot(sy, SOURCE_M), np.hypot(sz, SOURCE_M)


def per_unit(
    x_m: NDArray[np.float64], y_m: NDArray[np.float64], speed_ms: float, stability: str
) -> NDArray[np.float64]:
    """Concentration at the ground for a release rate of 1, at places downwind and across; 0 upwind.

    Example:
        >>> per_unit(np.array([-10.0, 50.0]), np.zeros(2), 2.0, "D").round(5).tolist()
        [0.0, 0.00284]
    """
    sy, sz = widths(x_m, stability)
    out: NDArray[np.float64] = np.where(
        x_m <= 0, 0.0, np.exp(-(y_m**2) / (2 * sy**2)) / (math.pi * max(speed_ms, 0.5) * sy * sz)
    )
    return out


def locate(sensors: Sequence[Sensor], from_deg: float, speed_ms: float, stability: str) -> Located | None:
    """Search the source of readings on a grid round the highest one.

    For each candidate the best rate follows by least squares; the candidate with the least residual wins, and the
    likelihood of all of them gives the ellipse. None for fewer than three readings or where nothing is read.

    Example:
        >>> from scenes.toolkit.area import destination
        >>> places = [destination(120.0, 36.0, b, d) for b, d in ((80, 30), (95, 45), (110, 40), (270, 30))]
        >>> ahead = [(d * math.cos(math.radians(b - 90)), d * math.sin(math.radians(b - 90)))
        ...          for b, d in ((80, 30), (95, 45), (110, 40), (270, 30))]
        >>> c = per_unit(np.array([x for x, _ in ahead]), np.array([y for _, y in ahead]), 2.0, "D") * 1000
        >>> found = locate([Sensor(*p, float(v)) for p, v in zip(places, c)], 270.0, 2.0, "D")
        >>> abs(found.lon - 120.0) * 90000 < 5, abs(found.lat - 36.0) * 111000 < 5
        (True, True)
    """
    if len(sensors) < 3:
        return None
    top = max(sensors, key=lambda s: (s.value, s.lon, s.lat))
    if top.value <= 0:
        return None
    at = np.array([offset(top.lon, top.lat, s.lon, s.lat) for s in sensors])
    values = np.array([max(0.0, s.value) for s in sensors])
    east, north = _grid(0.0, 0.0, BOX_M, GRID_M)
    residual, _ = _residuals(east, north, at, values, from_deg, speed_ms, stability)
    best = int(np.argmin(residual))
    noise = max(float(residual[best]) / max(1, len(sensors) - 2), (0.05 * top.value) ** 2)
    major, minor, bearing = _ellipse(east, north, np.exp(-(residual - residual[best]) / (2 * noise)))
    for step in (FINE_M, FINE_M / 4):  # a narrow plume falls between the cells: look closer at the best of them
        some = np.argsort(residual, kind="stable")[:REFINED]
        de, dn = _grid(0.0, 0.0, 2.5 * step, step)
        east, north = (east[some][:, None] + de).ravel(), (north[some][:, None] + dn).ravel()
        residual, rates = _residuals(east, north, at, values, from_deg, speed_ms, stability)
    best = int(np.argmin(residual))
    lon, lat = _back(top.lon, top.lat, float(east[best]), float(north[best]))
    return Located(lon, lat, float(rates[best]), major, minor, bearing, float(residual[best] / (values**2).sum()))


def _back(lon: float, lat: float, east_m: float, north_m: float) -> tuple[float, float]:
    """The place that lies so far east and north of a place."""
    return destination(lon, lat, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m))


def _grid(east: float, north: float, half_m: float, step_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    line = np.arange(-half_m, half_m + step_m / 2, step_m)
    e, n = np.meshgrid(east + line, north + line)
    return e.ravel(), n.ravel()


def _residuals(
    east: NDArray[np.float64],
    north: NDArray[np.float64],
    at: NDArray[np.float64],
    values: NDArray[np.float64],
    from_deg: float,
    speed_ms: float,
    stability: str,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    toward = math.radians(from_deg + 180)
    de, dn = at[:, 0] - east[:, None], at[:, 1] - north[:, None]
    x = de * math.sin(toward) + dn * math.cos(toward)
    y = de * math.cos(toward) - dn * math.sin(toward)
    g = per_unit(x, y, speed_ms, stability)
    power = (g**2).sum(axis=1)
    rate = np.where(power > 0, (g * values).sum(axis=1) / np.where(power > 0, power, 1.0), 0.0)
    return ((values - rate[:, None] * g) ** 2).sum(axis=1), rate


def _ellipse(
    east: NDArray[np.float64], north: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, float, float]:
    share = weight / weight.sum()
    de, dn = east - (share * east).sum(), north - (share * north).sum()
    across = GRID_M**2 / 12  # a source within a cell is as likely anywhere in it
    spread = np.array(
        [
            [(share * de * de).sum() + across, (share * de * dn).sum()],
            [(share * de * dn).sum(), (share * dn * dn).sum() + across],
        ]
    )
    lengths, axes = np.linalg.eigh(spread)
    bearing = math.degrees(math.atan2(axes[0, 1], axes[1, 1])) % 180
    minor, major = np.sqrt(CHI2_95 * np.maximum(lengths, 0))
    return float(major), float(minor), bearing


def _line(rate: float, speed_ms: float, stability: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = np.geomspace(NEAREST_M, FARTHEST_M, 200)
    return x, rate * per_unit(x, np.zeros_like(x), speed_ms, stability)


def reach_m(rate: float, level: float, speed_ms: float, stability: str) -> float:
    """How far downwind the concentration is at least ``level``; 0 where it never is.

    Example:
        >>> 500 < reach_m(1e6, 20.0, 2.0, "D") < 5000
        True
    """
    x, c = _line(rate, speed_ms, stability)
    over = np.flatnonzero(c >= level)
    return float(x[over[-1]]) if len(over) else 0.0


def contour(
    lon: float, lat: float, rate: float, level: float, from_deg: float, speed_ms: float, stability: str
) -> list[tuple[float, float]]:
    """The outline, lon and lat, within which the concentration at the ground is at least ``level``; may be empty."""
    x, c = _line(rate, speed_ms, stability)
    over = c >= level
    if not over.any():
        return []
    x, c = x[over], c[over]
    sy, _ = widths(x, stability)
    half = sy * np.sqrt(2 * np.log(np.maximum(c / level, 1.0)))
    toward = math.radians(from_deg + 180)
    ahead, left = (math.sin(toward), math.cos(toward)), (-math.cos(toward), math.sin(toward))
    out = [(lon, lat)]
    for sign, order in ((1, slice(None)), (-1, slice(None, None, -1))):
        for d, h in zip(x[order].tolist(), (sign * half[order]).tolist(), strict=True):
            out.append(_back(lon, lat, d * ahead[0] + h * left[0], d * ahead[1] + h * left[1]))
    return out
