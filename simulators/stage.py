"""Stages: the sets of places and devices that stories play on, and which of them is next.

A stage is a gas site with its two detectors and the drone in the dock beside it, a road camera, and a road node where
somebody falls ill. No two stages share one of them, and all gas sites, cameras and patients lie 700 m or more from
those of other stages: beyond every gate within which evidence joins an incident.

Stages change every 20 seconds of clock time, and there are 31 of them. A story that repeats every five minutes moves
on by 15 stages, so it meets every stage once in 155 minutes; and a second start is on another stage unless it comes
within 20 s, or about ten minutes (31 x 20 s) later, when the former incidents have ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.city.index import distance_m
from simulators.message import SECOND
from simulators.roads import RoadGraph

if TYPE_CHECKING:
    from brain.city import City, CityDevice, Site

__all__ = ["Stage", "Trip", "number_of", "plan_trip", "stages"]

TURN_S: Final = 20
APART_M: Final = 700.0
AWAY_M: Final = 1500.0  # the patient, the crash and the leak of one stage: so that no hazard closes the ambulance's way
RESPONSE_S: Final = (120.0, 330.0)


class Stage(NamedTuple):
    """Places and devices of one performance."""

    site: Site
    detector: CityDevice
    neighbour: CityDevice
    drone: CityDevice
    dock: tuple[float, float]
    camera: CityDevice
    patient: str


class Trip(NamedTuple):
    """The way of a unit to the patient, to a hospital, and home; ``planned`` is the hospital first thought of."""

    unit: str
    planned: str
    there: list[str]
    onward: list[str]
    home: list[str]


def number_of(start_us: int, count: int) -> int:
    """Which of ``count`` stages is on at a time."""
    return start_us // (TURN_S * SECOND) % count


_built: Final[dict[int, tuple[City, list[Stage]]]] = {}


def stages(city: City) -> list[Stage]:
    """All stages of a city, in order; made once per city."""
    known = _built.get(id(city))
    if known is None or known[0] is not city:
        known = _built[id(city)] = (city, _stages(city))
    return known[1]


def _stages(city: City) -> list[Stage]:
    graph = RoadGraph(city)
    sites = {s.id: s for s in city.sites}
    cameras = [d for d in city.devices if d.sensor_type == "video-event" and d.id.startswith("SXT-L")]
    patients = _patients(city, graph)
    out: list[Stage] = []
    for drone in (d for d in city.devices if d.sensor_type == "drone" and d.site is not None):
        dock = sites[drone.site or ""]
        site = min(
            (s for s in city.sites if s.id.startswith("RQ-")),
            key=lambda s: distance_m(s.lon, s.lat, dock.lon, dock.lat),
        )
        detectors = [d for d in city.devices if d.sensor_type == "gas-detector" and d.site == site.id]
        node = next(n for n in patients if _far(graph.places[n], (site.lon, site.lat)))
        camera = next(
            c
            for c in cameras
            if c.lon is not None
            and c.lat is not None
            and _far((c.lon, c.lat), (site.lon, site.lat))
            and _far((c.lon, c.lat), graph.places[node])
        )
        patients.remove(node)
        cameras.remove(camera)
        out.append(Stage(site, detectors[0], detectors[1], drone, (dock.lon, dock.lat), camera, node))
    return out


def _far(a: tuple[float, float], b: tuple[float, float], metres: float = AWAY_M) -> bool:
    return distance_m(*a, *b) >= metres


def _patients(city: City, graph: RoadGraph) -> list[str]:
    """Nodes with one clearly fastest unit, a signal or more on its way, and distance from each other."""
    reached = {u.id: graph.reach(u.node or "") for u in city.ems.units}
    times = {unit: seconds for unit, (seconds, _) in reached.items()}
    capable = {u.id for u in city.ems.units if u.capability == "ALS"}
    fit: list[tuple[bool, str, str]] = []
    for node in graph.places:
        ranked = sorted((times[u][node], u) for u in capable)
        first = min(times[u][node] for u in times if u not in capable)
        if not RESPONSE_S[0] <= ranked[0][0] <= RESPONSE_S[1] or ranked[1][0] - ranked[0][0] < 25:
            continue
        if ranked[0][0] - first >= 40:  # a basic crew would be sent ahead
            continue
        signals, here, before = 0, node, reached[ranked[0][1]][1]
        while here in before:
            signals += here in graph.signalled
            here = before[here]
        if signals:
            fit.append((signals < 2, node[::-1], node))
    chosen: list[str] = []
    for _, _, node in sorted(fit):
        if all(_far(graph.places[node], graph.places[c], APART_M) for c in chosen):
            chosen.append(node)
    return chosen


def plan_trip(
    city: City, graph: RoadGraph, patient: str, busy: set[str], needs: str = "pci", *, divert: bool = False
) -> Trip:
    """The fastest free unit that can treat the patient, the nearest hospital that can, and the way home.

    With ``divert`` that hospital turns the unit away, so that it goes to the second nearest.
    """
    free = [u for u in city.ems.units if u.capability == "ALS" and u.id not in busy] or list(city.ems.units)
    back, _ = graph.reach(patient)
    unit = min(free, key=lambda u: (back[u.node or patient], u.id))
    home = unit.node or patient
    able = sorted(
        (h for h in city.ems.hospitals if needs in h.capabilities), key=lambda h: (back[h.node or patient], h.id)
    )
    hospital = able[1 if divert else 0].node or patient
    return Trip(unit.id, able[0].id, graph.way(home, patient), graph.way(patient, hospital), graph.way(hospital, home))
