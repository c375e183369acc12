"""Questions to a city: which district or site a place lies in, which device has a name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import shapely

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shapely.geometry.base import BaseGeometry

    from brain.city.model import City, CityDevice, District, Node, Ring, Site, Zone

__all__ = ["CityIndex", "distance_m"]

METRES_PER_DEGREE = 111_195.0  # of latitude, on the mean sphere; within 0.6 % of the ellipsoid everywhere


def distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Distance of two places of one city, metres (equirectangular: right to 0.1 % within 100 km).

    Example:
        >>> round(distance_m(120.0, 36.0, 120.01, 36.0))
        900
    """
    east = (lon_b - lon_a) * math.cos(math.radians((lat_a + lat_b) / 2))
    return math.hypot(east, lat_b - lat_a) * METRES_PER_DEGREE


class CityIndex:
    """Look-ups over a city, made once; the city is frozen, so the answers stay right.

    Example:
        >>> from brain.city import City, District
        >>> index = CityIndex(City(districts=[District("a", polygon=[(0, 0), (2, 0), (2, 2), (0, 2)])]))
        >>> index.district_of(1, 1).id, index.district_of(3, 1)
        ('a', None)
    """

    def __init__(self, city: City) -> None:
        self.city = city
        self.devices: dict[tuple[str, str], CityDevice] = {(d.sensor_type, d.id): d for d in city.devices}
        self.nodes: dict[str, Node] = {n.id: n for n in city.roads.nodes}
        self.sites: dict[str, Site] = {s.id: s for s in city.sites}
        self.zones: dict[str, Zone] = {z.id: z for z in city.zones}
        self._districts = [d for d in city.districts if d.polygon]
        self._tree = shapely.STRtree([_polygon(d.polygon) for d in self._districts])
        self._sites = list(city.sites)
        self._site_tree = shapely.STRtree([shapely.Point(s.lon, s.lat) for s in self._sites])
        self._reach_m = max((s.radius_m for s in self._sites), default=0.0)

    def district_of(self, lon: float, lat: float) -> District | None:
        """The district of a place (the first listed one on a shared border), or None outside all of them."""
        found = self._tree.query(shapely.Point(lon, lat), predicate="intersects")
        return self._districts[int(found.min())] if len(found) else None

    def sites_at(self, lon: float, lat: float) -> Sequence[Site]:
        """Sites whose radius reaches a place, nearest first."""
        up = self._reach_m / METRES_PER_DEGREE
        side = up / max(math.cos(math.radians(min(abs(lat) + up, 89.0))), 0.01)
        found = self._site_tree.query(shapely.box(lon - side, lat - up, lon + side, lat + up))
        near = [(distance_m(lon, lat, s.lon, s.lat), s.id, s) for s in (self._sites[int(i)] for i in found)]
        return [s for far, _, s in sorted(near, key=lambda n: n[:2]) if far <= s.radius_m]

    def site_at(self, lon: float, lat: float) -> Site | None:
        """The nearest site whose radius reaches a place, or None."""
        return next(iter(self.sites_at(lon, lat)), None)


def _polygon(ring: Ring) -> BaseGeometry:
    polygon = shapely.Polygon(ring)
    return polygon if polygon.is_valid else shapely.make_valid(polygon)
