"""Names of places for people, and the index of a city made once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.city.index import CityIndex
from brain.model import Text

if TYPE_CHECKING:
    from brain.city import City, Site
    from brain.model import Device

__all__ = ["index_of", "name_of", "site_of"]

_KEPT = 4
_indexes: list[CityIndex] = []  # a cache only: the same city always has the same index


def index_of(city: City) -> CityIndex:
    """The index of a city; the last few are kept."""
    for index in _indexes:
        if index.city is city:
            return index
    index = CityIndex(city)
    _indexes.append(index)
    del _indexes[:-_KEPT]
    return index


def site_of(city: City, device: Device | None, lon: float | None, lat: float | None) -> Site | None:
    """The site a device belongs to by the registry, else the nearest one whose radius reaches the place."""
    index = index_of(city)
    if device is not None and device.site is not None and device.site in index.sites:
        return index.sites[device.site]
    return index.site_at(lon, lat) if lon is not None and lat is not None else None


def name_of(site: Site | None, fallback: str) -> Text:
    """What to call a place: its name in both languages, its id, or the fallback."""
    if site is None:
        return Text(fallback, fallback)
    return Text(site.name.zh or site.id, site.name.en or site.name.zh or site.id)
