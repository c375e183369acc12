"""Areas of people who must act: circles and sectors on the ground, as GeoJSON polygons without holes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import mapping

from brain.city.index import METRES_PER_DEGREE
from brain.model import Text

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["circle", "compass", "destination", "geojson", "offset", "sector"]

_POINTS = 48  # of a full circle; the chord of 100 m misses the arc by 0.2 m
_COMPASS = (
    Text("北", "north"),
    Text("东北", "north-east"),
    Text("东", "east"),
    Text("东南", "south-east"),
    Text("南", "south"),
    Text("西南", "south-west"),
    Text("西", "west"),
    Text("西北", "north-west"),
)


def destination(lon: float, lat: float, bearing_deg: float, distance_m: float) -> tuple[float, float]:
    """Where one arrives from a place after this way in this direction; right to 0.1 % within a city.

    Example:
        >>> lon, lat = destination(120.0, 36.0, 90.0, 900.0)
        >>> round(lon, 3), round(lat, 3)
        (120.01, 36.0)
    """
    north = distance_m * math.cos(math.radians(bearing_deg))
    east = distance_m * math.sin(math.radians(bearing_deg))
    across = METRES_PER_DEGREE * max(0.01, math.cos(math.radians(lat)))
    return lon + east / across, lat + north / METRES_PER_DEGREE


def offset(lon: float, lat: float, to_lon: float, to_lat: float) -> tuple[float, float]:
    """How far a second place lies east and north of a first one, metres.

    Example:
        >>> [round(v) for v in offset(120.0, 36.0, 120.01, 36.0)]
        [900, 0]
    """
    across = METRES_PER_DEGREE * max(0.01, math.cos(math.radians(lat)))
    return (to_lon - lon) * across, (to_lat - lat) * METRES_PER_DEGREE


def circle(lon: float, lat: float, radius_m: float) -> shapely.Polygon:
    """A circle round a place."""
    return shapely.Polygon([destination(lon, lat, 360 * i / _POINTS, radius_m) for i in range(_POINTS)])


def sector(lon: float, lat: float, toward_deg: float, half_deg: float, radius_m: float) -> shapely.Polygon:
    """The part of a circle within ``half_deg`` of a direction; the whole circle from 180 on."""
    if half_deg >= 180:
        return circle(lon, lat, radius_m)
    steps = max(2, round(_POINTS * half_deg / 180))
    arc = [toward_deg - half_deg + 2 * half_deg * i / steps for i in range(steps + 1)]
    return shapely.Polygon([(lon, lat), *(destination(lon, lat, b, radius_m) for b in arc)])


def geojson(*parts: BaseGeometry) -> dict[str, Any]:
    """The union of the parts as a GeoJSON Polygon (or MultiPolygon where they do not touch), holes filled."""
    union = shapely.union_all(list(parts))
    polygons = [shapely.Polygon(p.exterior) for p in getattr(union, "geoms", [union])]
    solid = shapely.orient_polygons(polygons[0] if len(polygons) == 1 else shapely.union_all(polygons))
    out = mapping(solid)
    return {"type": out["type"], "coordinates": out["coordinates"]}


def compass(bearing_deg: float) -> Text:
    """The word for a direction, of eight.

    Example:
        >>> compass(200).zh
        '南'
    """
    return _COMPASS[round(bearing_deg / 45) % 8]
