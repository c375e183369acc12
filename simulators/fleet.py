"""All devices of a city as actors: who speaks in the background of every story."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from simulators import meters
from simulators.actor import Actor
from simulators.drones import Docked, Patrol
from simulators.roads import RoadGraph
from simulators.vehicles import Ambulance, Bus, Roamer, Shuttle

if TYPE_CHECKING:
    from collections.abc import Callable

    from brain.city import City, CityDevice

__all__ = ["muster"]

_SIMPLE: Final[dict[str, Callable[[int, str], Actor]]] = {
    "gas-detector": meters.GasDetector,
    "smoke-detector": meters.SmokeDetector,
    "traffic-detector": meters.TrafficDetector,
    "heat-station": meters.HeatStation,
    "hydrant": meters.Hydrant,
    "water-level": meters.WaterLevel,
    "rain-gauge": meters.RainGauge,
    "weather": meters.Weather,
    "elevator": meters.Elevator,
}
_CONSUMPTION: Final = frozenset({"water-meter", "gas-meter", "heat-meter", "power-meter"})


class _Placed(Actor):
    """An extra meter that no model knows: it says where it stands."""

    def __init__(self, inner: Actor, place: tuple[float, float]) -> None:
        self.sensor_type, self.device, self.random = inner.sensor_type, inner.device, inner.random
        self.period_us, self.phase_us = inner.period_us, inner.phase_us
        self._inner, self._place = inner, {"lon": place[0], "lat": place[1]}

    def body(self, at_us: int) -> dict[str, Any] | None:
        """As the meter, with its place."""
        body = self._inner.body(at_us)
        return None if body is None else self._place | body


def muster(city: City, seed: int, count: int | None = None) -> list[Actor]:
    """The actors of a city in a fixed order.

    Args:
        city: Whose devices they are. Cameras without a square, call desks and road centres speak in stories only.
        seed: Of every actor's chance.
        count: How many; fewer than the city has takes every type's first ones, more adds vehicles and meters named
            ``SIM-...`` that roam or stand on the same roads.
    """
    graph = RoadGraph(city)
    actors = [a for a in (_actor(city, graph, d, seed) for d in city.devices) if a is not None]
    if count is None or count == len(actors):
        return actors
    if count < len(actors):
        turn: dict[str, int] = {}
        order = []
        for i, actor in enumerate(actors):
            turn[actor.sensor_type] = rank = turn.get(actor.sensor_type, 0) + 1
            order.append((rank, i))
        return [actors[i] for i in sorted(i for _, i in sorted(order)[:count])]
    places = [graph.places[n] for n in sorted(graph.places)]
    for i in range(count - len(actors)):
        if i % 2 == 0:
            actors.append(Roamer(seed, f"SIM-{i:06d}", graph, "taxi"))
        else:
            kind = ("water-meter", "gas-detector", "power-meter", "gas-meter")[i // 2 % 4]
            name = f"SIM-{i:06d}"
            meter = meters.GasDetector(seed, name) if kind == "gas-detector" else meters.Consumption(seed, name, kind)
            lon, lat = places[i % len(places)]
            actors.append(_Placed(meter, (lon, lat)))
    return actors


def _actor(city: City, graph: RoadGraph, device: CityDevice, seed: int) -> Actor | None:
    kind, name = device.sensor_type, device.id
    if kind in _SIMPLE:
        return _SIMPLE[kind](seed, name)
    if kind in _CONSUMPTION:
        return meters.Consumption(seed, name, kind)
    if kind == "parking-lot":
        return meters.Parking(seed, name, device.capacity or 100)
    if kind == "hospital-status":
        load = next((h.load for h in city.ems.hospitals if h.id == name), 0.6)
        return meters.Hospital(seed, name, load)
    if kind == "video-event":
        zone = next((z for z in city.zones if z.id == device.watches and z.kind == "crowd"), None)
        return meters.Crowd(seed, name, zone.id, zone.area_m2 or 1000.0) if zone is not None else None
    if kind == "ambulance":
        unit = next((u for u in city.ems.units if u.id == name), None)
        return Ambulance(seed, name, graph.places[unit.node]) if unit is not None and unit.node is not None else None
    if kind == "drone":
        dock = next((s for s in city.sites if s.id == device.site), None)
        if dock is not None:
            return Docked(seed, name, (dock.lon, dock.lat))
        middles = [s for s in city.sites if s.kind == "drone_dock"]
        middle = middles[int(name.rpartition("-")[2]) * 4 % len(middles)]
        return Patrol(seed, name, (middle.lon, middle.lat))
    if kind == "vehicle":
        return _vehicle(city, graph, name, seed)
    return None


def _vehicle(city: City, graph: RoadGraph, name: str, seed: int) -> Actor:
    prefix, _, number = name.partition("-")
    if prefix != "GJ":
        return Roamer(seed, name, graph, "taxi" if prefix == "CZC" else "patrol")
    route, place = int(number[0]), int(number[1:])
    buses = sum(d.id.startswith(f"GJ-{route}") for d in city.devices)
    return Bus(seed, name, _shuttle(city, graph, route), (place - 1) / buses, f"R{route}")


def _shuttle(city: City, graph: RoadGraph, route: int) -> Shuttle:
    """A route runs the length of the road that a corridor lies on."""
    corridor = city.roads.corridors[(route - 1) % len(city.roads.corridors)]
    ends = [next(d for d in city.devices if d.id == corridor.stations[i].device) for i in (0, -1)]
    nodes = [graph.nearest(d.lon or 0.0, d.lat or 0.0) for d in ends]
    return Shuttle(graph, graph.way(nodes[0], nodes[1]))
