"""What first aid needs of a city model, worked out once: where units, hospitals and zones are on the road graph."""

from __future__ import annotations

import math
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import shapely

from brain.city.fences import polygon_of
from brain.model import Text
from scenes.toolkit.places import index_of
from scenes.toolkit.roads import RoadGraph, Spot, graph_of, metres

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from brain.city import City, Drone, Hospital, Unit, Volunteer

__all__ = ["Place", "Town", "ZonePlace", "town_of"]


SNAPS_KEPT = 4096


class Place(NamedTuple):
    """A place in degrees and on the road graph (None where the city has no roads)."""

    lon: float
    lat: float
    spot: Spot | None


class ZonePlace(NamedTuple):
    """A coverage zone by its middle; a zone without a polygon is reached by given times only."""

    zone: str
    demand: float
    place: Place | None
    name: tuple[str, str]


class Town:
    """Units, hospitals, coverage zones, no-fly zones and signals of a city, snapped to its roads."""

    def __init__(self, city: City) -> None:
        self.city = city
        self._snapped: dict[tuple[float, float], Place] = {}  # places asked for lately: a unit is asked for often
        self.graph: RoadGraph = graph_of(city)
        self.units: dict[str, Unit] = {u.id: u for u in city.ems.units}
        self.drones: list[Drone] = [d for d in city.ems.drones if d.payload == "AED"]
        self.volunteers: list[Volunteer] = city.ems.volunteers
        self.hospitals: dict[str, Hospital] = {h.id: h for h in city.ems.hospitals}
        self.stations = {u.id: self.place(u.lon, u.lat, u.node) for u in city.ems.units}
        self.wards = {h.id: self.place(h.lon, h.lat, h.node) for h in city.ems.hospitals}
        self.given = {(t.unit, t.zone): t.seconds for t in city.ems.travel_s}
        self.zones: list[ZonePlace] = []
        for z in city.zones:
            if z.kind != "coverage" or z.demand is None:
                continue
            middle = shapely.Polygon(z.polygon).centroid if len(z.polygon) >= 3 else None
            place = None if middle is None else self.place(float(middle.x), float(middle.y), None)
            name = (z.name.zh or z.id, z.name.en or z.id) if z.name is not None else (z.id, z.id)
            self.zones.append(ZonePlace(z.id, z.demand, place, name))
        self.no_fly = [polygon_of(z.polygon) for z in city.zones if z.kind == "no_fly" and len(z.polygon) >= 3]
        self.index = index_of(city)
        self._signals = self._signal_places()

    def place(self, lon: float | None, lat: float | None, node: str | None) -> Place | None:
        """A place by its road node or its degrees; None when neither is known."""
        if node is not None and (spot := self.graph.at(node)) is not None:
            return Place(float(self.graph.lon[spot.node]), float(self.graph.lat[spot.node]), spot)
        if lon is None or lat is None or math.isnan(lon) or math.isnan(lat):
            return None
        known = self._snapped.get((lon, lat))
        if known is None:
            if len(self._snapped) >= SNAPS_KEPT:
                self._snapped.clear()
            known = self._snapped[lon, lat] = Place(lon, lat, self.graph.snap(lon, lat))
        return known

    def place_text(self, lon: float, lat: float, node: str | None) -> Text:
        """Words for a place: district and road where the model names them, else node or degrees."""
        place = self.place(lon, lat, node)
        if place is None:
            return Text("位置不明（请核实）", "an unknown place (ask the caller)")
        district, road = self.index.district_of(place.lon, place.lat), self.graph.street(place.lon, place.lat)
        zh = [district.name.zh or district.id] if district is not None else []
        en = [district.name.en or district.id] if district is not None else []
        if road is not None:
            zh.append(f"{road.zh}附近")
            en.insert(0, f"near {road.en}")
        elif node is not None:
            zh.append(f"路口 {node}")
            en.insert(0, f"node {node}")
        elif not zh:
            return Text(f"{place.lon:.4f}, {place.lat:.4f}", f"{place.lon:.4f}, {place.lat:.4f}")
        return Text("".join(zh), ", ".join(en))

    def hospital_text(self, hospital: str | None) -> Text:
        """Name of a hospital, or its id."""
        known = self.hospitals.get(hospital or "")
        name = None if known is None else known.name
        return Text(hospital or "", hospital or "") if name is None else Text(name.zh or name.en, name.en or name.zh)

    def _signal_places(self) -> NDArray[np.float64]:
        found = [(n.lon, n.lat) for n in self.city.roads.nodes if n.signal]
        lengths = {(k.from_, k.to): k.length_m for k in self.city.roads.links}
        for s in self.city.roads.signals:
            a, b = self.graph.index.get(s.from_), self.graph.index.get(s.to)
            length = lengths.get((s.from_, s.to)) or lengths.get((s.to, s.from_))
            if a is None or b is None or not length:
                continue
            share = min(1.0, s.at_m / length)
            lon, lat = self.graph.lon, self.graph.lat
            found.append((float(lon[a] + share * (lon[b] - lon[a])), float(lat[a] + share * (lat[b] - lat[a]))))
        return np.array(found, dtype=np.float64).reshape(-1, 2)

    def near_signal(self, lon: float, lat: float, radius_m: float) -> bool:
        """Whether a signal stands within a distance."""
        if not len(self._signals):
            return False
        east = (self._signals[:, 0] - lon) * math.cos(math.radians(lat))
        k = int(np.argmin(east**2 + (self._signals[:, 1] - lat) ** 2))
        return metres(lon, lat, float(self._signals[k, 0]), float(self._signals[k, 1])) <= radius_m


_TOWNS: OrderedDict[int, Town] = OrderedDict()


def town_of(city: City) -> Town:
    """The town of a city object, built once."""
    known = _TOWNS.get(id(city))
    if known is None or known.city is not city:
        known = Town(city)
        _TOWNS[id(city)] = known
        while len(_TOWNS) > 8:
            _TOWNS.popitem(last=False)
    return known
