"""Where something may stand: on land, inside a district, away from the shore; and metres instead of degrees."""

from __future__ import annotations

import json
import math
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import shapely
from shapely.geometry import shape

import brain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

__all__ = ["GEO", "Ground", "to_degrees", "to_metres"]

GEO: Final = Path(brain.__file__).parent / "web" / "console" / "geo"
ORIGIN: Final = (120.38, 36.12)
_LAT_M: Final = 111_195.0
_LON_M: Final = _LAT_M * math.cos(math.radians(ORIGIN[1]))
SHORE_M: Final = 220.0  # the outlines are coarse (60 to 100 m), so keep well away from the water

DISTRICT_IDS: Final = {
    "370202": "shinan",
    "370203": "shibei",
    "370211": "huangdao",
    "370212": "laoshan",
    "370213": "licang",
    "370214": "chengyang",
    "370215": "jimo",
    "370281": "jiaozhou",
    "370283": "pingdu",
    "370285": "laixi",
}


def to_metres(lon: float, lat: float) -> tuple[float, float]:
    """East and north of the middle of the city, metres (flat; 0.2 % off at 30 km north)."""
    return (lon - ORIGIN[0]) * _LON_M, (lat - ORIGIN[1]) * _LAT_M


def to_degrees(east: float, north: float) -> tuple[float, float]:
    """The inverse of ``to_metres``, rounded to 1e-5 degrees (about a metre)."""
    return round(float(ORIGIN[0] + east / _LON_M), 5), round(float(ORIGIN[1] + north / _LAT_M), 5)


class Ground:
    """Outlines of districts and land.

    Attributes:
        outlines: District id -> its outline, all parts.
        labels: District id -> a place near its middle.
        names: District id -> (zh, en).
    """

    def __init__(self) -> None:
        self.outlines: dict[str, BaseGeometry] = {}
        self.labels: dict[str, tuple[float, float]] = {}
        self.names: dict[str, tuple[str, str]] = {}
        for feature in _features("districts.geojson"):
            about = feature["properties"]
            name = DISTRICT_IDS[about["adcode"]]
            self.outlines[name] = shape(feature["geometry"])
            self.labels[name] = (about["label"][0], about["label"][1])
            self.names[name] = (about["name"], about["name_en"].partition(" (")[0])
        self.land: BaseGeometry = shapely.union_all([shape(f["geometry"]) for f in _features("land.geojson")])

    def ring(self, district: str) -> list[list[float]]:
        """Outer ring of the largest part of a district."""
        outline = self.outlines[district]
        parts: Sequence[Any] = getattr(outline, "geoms", [outline])
        largest = max(parts, key=lambda p: p.area)
        return [[round(x, 6), round(y, 6)] for x, y in largest.exterior.coords[:-1]]

    @cached_property
    def solid(self) -> BaseGeometry:
        """Land of all districts, ``SHORE_M`` from the shore of either map; prepared for many questions."""
        margin = SHORE_M / _LAT_M
        together = shapely.union_all([o.buffer(1e-4) for o in self.outlines.values()])
        solid = together.buffer(-margin * 1.25).intersection(self.land.buffer(-margin * 1.25))
        shapely.prepare(solid)
        return solid

    def holds(self, lon: float, lat: float, lon_b: float | None = None, lat_b: float | None = None) -> bool:
        """True when a place, or the whole straight way between two places, is on safe ground."""
        what = (
            shapely.Point(lon, lat)
            if lon_b is None or lat_b is None
            else shapely.LineString([(lon, lat), (lon_b, lat_b)])
        )
        return bool(shapely.covers(self.solid, what))

    def district_of(self, lon: float, lat: float) -> str | None:
        """Id of the district a place lies in."""
        point = shapely.Point(lon, lat)
        return next((d for d, outline in self.outlines.items() if outline.covers(point)), None)


def _features(name: str) -> list[dict[str, Any]]:
    document = json.loads((GEO / name).read_text(encoding="utf-8"))
    features: list[dict[str, Any]] = document["features"]
    return features
