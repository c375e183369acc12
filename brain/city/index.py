"""Questions to a city: which district or site a place lies in, which device has a name."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from brain.city.fences import Fences, polygon_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.city.model import City, CityDevice, District, Node, Site, Zone

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
        self._sites = list(city.sites)
        self._site_place = np.array([(s.lon, s.lat) for s in self._sites], np.float64).reshape(-1, 2)
        self._reach_m = max((s.radius_m for s in self._sites), default=0.0)

    @cached_property
    def _districts(self) -> tuple[list[District], Fences]:
        some = [d for d in self.city.districts if d.polygon]
        return some, Fences([polygon_of(d.polygon) for d in some])

    @cached_property
    def _zones(self) -> tuple[list[Zone], Fences]:
        some = [z for z in self.city.zones if len(z.polygon) >= 3]
        return some, Fences([polygon_of(z.polygon) for z in some])

    def district_of(self, lon: float, lat: float) -> District | None:
        """The district of a place (the first listed one on a shared border), or None outside all of them."""
        districts, fences = self._districts
        found = fences.at(lon, lat)
        return districts[found[0]] if found else None

    def zones_at(self, lon: float, lat: float) -> list[Zone]:
        """The zones a place lies in, in the order of the model."""
        zones, fences = self._zones
        return [zones[k] for k in fences.at(lon, lat)]

    def sites_at(self, lon: float, lat: float) -> Sequence[Site]:
        """Sites whose radius reaches a place, nearest first."""
        up = (1 + 1e-9) * self._reach_m / METRES_PER_DEGREE
        side = up / max(math.cos(math.radians(min(abs(lat) + up, 89.0))), 0.01)
        found = np.flatnonzero((np.abs(self._site_place - (lon, lat)) <= (side, up)).all(axis=1))
        near = [(distance_m(lon, lat, s.lon, s.lat), s.id, s) for s in (self._sites[i] for i in found.tolist())]
        return [s for far, _, s in sorted(near, key=lambda n: n[:2]) if far <= s.radius_m]

    def site_at(self, lon: float, lat: float) -> Site | None:
        """The nearest site whose radius reaches a place, or None."""
        return next(iter(self.sites_at(lon, lat)), None)
