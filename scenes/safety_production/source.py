"""S3: where gas comes from and how far it goes, by several detectors and the wind; searched now and then only."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from brain.city.index import METRES_PER_DEGREE, distance_m
from scenes.safety_production.state import OXYGEN, Source
from scenes.toolkit.area import circle, geojson, sector
from scenes.toolkit.plume import BOX_M, Sensor, contour, locate, pasquill, reach_m

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.scene_api import World
    from scenes.safety_production.detectors import Detectors
    from scenes.safety_production.state import SafetyState
    from scenes.toolkit.wind import Wind

__all__ = ["DENSE", "dense_area", "find_source", "is_day", "toxic_area", "toxic_reach"]

DENSE: Final = frozenset({"CL2"})  # outside the Gaussian model: published distances instead
GATE_US: Final = 600_000_000
ZERO_S: Final = 900.0
SEEING: Final = 0.05  # of the highest reading
MOST_SENSORS: Final = 64
_KEPT: Final = 256


def is_day(time: int, timezone: str) -> bool:
    """Whether it is between 6 and 18 o'clock local time.

    Example:
        >>> is_day(0, "Asia/Shanghai"), is_day(0, "UTC")
        (True, False)
    """
    local = datetime.fromtimestamp(time / 1e6, UTC).astimezone(ZoneInfo(timezone))
    return 6 <= local.hour < 18


def stability_of(wind: Wind, time: int, timezone: str) -> str:
    """The class the station tells, else Pasquill's for the wind and the time of day."""
    return wind.stability or pasquill(wind.speed_ms, is_day=is_day(time, timezone))


def find_source(
    state: SafetyState, table: Detectors, row: int, key: str, wind: Wind | None, world: World, *, may_tell: bool
) -> tuple[dict[str, Any] | None, str | None]:
    """The most likely source near a detector in alarm, and ``located`` when that is news.

    Args:
        state: Remembers what was found and told.
        table: Of the gas.
        row: Of the detector.
        key: Of the table.
        wind: Where the detector stands.
        world: For thresholds.
        may_tell: False while another reason is more urgent.
    """
    p = world.parameters
    time = int(table.time[row])
    known = state.sources.get((key, row))
    if known is None:
        known = state.sources[key, row] = Source()
    young = time - int(table.since[row]) <= p["located_within_s"] * 1e6
    if known.at is None or (young and abs(time - known.at) >= p["located_every_s"] * 1e6):
        known.at = time
        known.found = _search(table, row, wind, world) if key != OXYGEN else None
    if known.found is None:
        return None, None
    lon, lat = known.found["lon"], known.found["lat"]
    if not may_tell:
        return known.found, None
    said = [
        s.told
        for s in state.sources.values()
        if s.told is not None and s.at is not None and abs(time - s.at) <= GATE_US
    ]
    known.told = lon, lat
    return known.found, None if any(distance_m(*t, lon, lat) < p["located_moved_m"] for t in said) else "located"


def _search(table: Detectors, row: int, wind: Wind | None, world: World) -> dict[str, Any] | None:
    p = world.parameters
    if wind is None or not wind.steady or wind.speed_ms < p["calm_ms"]:
        return None
    lon, lat, time = float(table.lon[row]), float(table.lat[row]), int(table.time[row])
    used = table.slots.used
    up = BOX_M / METRES_PER_DEGREE
    side = up / max(0.01, float(np.cos(np.radians(lat))))
    near = (
        (np.abs(table.lat[:used] - lat) <= up)
        & (np.abs(table.lon[:used] - lon) <= side)
        & (np.abs(table.time[:used] - time) <= p["neighbour_fresh_s"] * 1e6)
        & table.good[:used]
        & ~table.held[:used]
        & ~table.dead[:used]
    )
    rows = np.flatnonzero(near).tolist()[:MOST_SENSORS]
    while_s = min(p["located_mean_s"], (time - int(table.since[row])) / 1e6)
    sensors = [_sensor(table, r, time, while_s) for r in rows]
    if len({(s.lon, s.lat) for s in sensors}) < p["located_sensors"]:
        return None
    top = max(s.value for s in sensors)
    if sum(s.value >= SEEING * top for s in sensors) < p["located_seeing"]:
        return None  # one reading fits a source anywhere upwind
    stability = stability_of(wind, time, world.city.timezone)
    found = locate(sensors, wind.from_deg, wind.speed_ms, stability)
    if found is None or found.misfit > p["located_misfit"] or found.semi_major_m > p["located_ellipse_m"]:
        return None
    return {
        "lon": round(found.lon, 6),
        "lat": round(found.lat, 6),
        "semi_major_m": round(found.semi_major_m, 1),
        "semi_minor_m": round(found.semi_minor_m, 1),
        "bearing_deg": round(found.bearing_deg),
        "sensors": len(sensors),
        "rate": float(f"{found.rate:.3g}"),
        "stability": stability,
    }


def _sensor(table: Detectors, row: int, time: int, while_s: float) -> Sensor:
    """A detector's mean reading over the last seconds, above the least it read lately, which is its zero.

    A mean takes the noise of single samples away, by the root of their number; the same seconds for all detectors keep
    their proportions.
    """
    zero = float(table.recent.window(row, time, ZERO_S).value.min(initial=np.inf))
    lately = table.recent.window(row, time, while_s)
    value = lately.mean() if len(lately.value) else float(table.value[row])
    return Sensor(float(table.lon[row]), float(table.lat[row]), max(0.0, value - min(zero, value)))


def toxic_reach(key: str, source: Mapping[str, Any], speed_ms: float, p: Mapping[str, float]) -> dict[str, int]:
    """How far downwind each AEGL of a toxic gas is reached for the rate found, metres by level.

    Example:
        >>> p = {"h2s_aegl3_ppm": 50.0, "h2s_aegl2_ppm": 27.0}
        >>> toxic_reach("H2S", {"rate": 1e5, "stability": "D"}, 2.0, p)["2"] > 100
        True
    """
    levels = {n: p.get(f"{key.lower()}_aegl{n}_ppm") for n in ("3", "2", "1")}
    return {n: round(reach_m(source["rate"], ppm, speed_ms, source["stability"])) for n, ppm in levels.items() if ppm}


@lru_cache(_KEPT)
def toxic_area(
    lon: float,
    lat: float,
    rate: float,
    ppm: float,
    stability: str,
    from_deg: float,
    speed_ms: float,
    circle_m: float,
) -> dict[str, Any]:
    """The contour of a concentration of toxic gas with a circle round its source: one polygon without holes.

    Example:
        >>> toxic_area(120.0, 36.0, 1e5, 27.0, "D", 270.0, 2.0, 100.0)["type"]
        'Polygon'
    """
    parts = [circle(lon, lat, circle_m)]
    ring = contour(lon, lat, rate, ppm, from_deg, speed_ms, stability)
    if len(ring) >= 4:
        parts.append(shapely.Polygon(ring).buffer(0))
    return geojson(*parts)


@lru_cache(_KEPT)
def dense_area(
    lon: float, lat: float, isolate_m: float, protect_m: float, toward_deg: float | None, half_deg: float
) -> dict[str, Any]:
    """Published distances for a gas heavier than air: isolate all round, protect downwind (all round in calm air)."""
    parts = [circle(lon, lat, isolate_m)]
    if toward_deg is not None:
        parts.append(sector(lon, lat, toward_deg, half_deg, protect_m))
    return geojson(*parts)
