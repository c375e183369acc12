"""Shapes of the city model: districts, devices, sites, zones, roads, emergency medical service, permits, routing.

One YAML or JSON document (section 3 of the public surface); ``brain.city.load_city`` reads and checks it. Positions are
WGS-84 ``[lon, lat]``, lengths metres, times of day local, everything else as its name says.
"""

from __future__ import annotations

from typing import Any

import msgspec

__all__ = [
    "Baseline",
    "City",
    "CityDevice",
    "Corridor",
    "Department",
    "District",
    "Drone",
    "Ems",
    "FlightPlan",
    "GridCell",
    "Hospital",
    "Lift",
    "Link",
    "Name",
    "Node",
    "Permit",
    "Ring",
    "Roads",
    "Route",
    "SceneSetting",
    "Signal",
    "Site",
    "Station",
    "TravelTime",
    "Unit",
    "Volunteer",
    "Wait",
    "Zone",
]

Ring = list[tuple[float, float]]


class Name(msgspec.Struct, frozen=True):
    """A name in both languages."""

    zh: str = ""
    en: str = ""


class District(msgspec.Struct, frozen=True):
    """A district (区) with its outer ring; of several parts only the largest."""

    id: str
    name: Name = Name()
    polygon: Ring = []


class CityDevice(msgspec.Struct, frozen=True):
    """A device named by the model; ``span`` is the instrument's range per field."""

    id: str
    sensor_type: str
    lon: float | None = None
    lat: float | None = None
    site: str | None = None
    span: dict[str, tuple[float, float]] = {}
    capacity: int | None = None
    watches: str | None = None
    name: Name | None = None
    simulated: bool = False
    work_order: bool = False


class Stock(msgspec.Struct, frozen=True):
    """A hazardous chemical of a site: a substance of ``brain/city/hazard.py``, or any with figures of its own."""

    substance: str
    tonnes: float
    threshold_t: float | None = None
    beta: float | None = None


class Site(msgspec.Struct, frozen=True):
    """A place with a duty holder; evidence inside ``radius_m`` belongs to it.

    ``hazard_level`` is its registered class as a major hazard; ``inventory`` and ``exposed_people`` (who live within
    500 m beyond the fence) let it be computed.
    """

    id: str
    kind: str
    lon: float
    lat: float
    radius_m: float = 50.0
    hazard_level: int | None = None
    name: Name = Name()
    inventory: list[Stock] = []
    exposed_people: int | None = None


class Zone(msgspec.Struct, frozen=True):
    """An area with a meaning: ``crowd``, ``no_fly``, ``coverage`` ..."""

    id: str
    kind: str
    polygon: Ring = []
    area_m2: float | None = None
    demand: float | None = None
    name: Name | None = None


class Node(msgspec.Struct, frozen=True):
    """A road node."""

    id: str
    lon: float
    lat: float
    signal: bool = False


class Link(msgspec.Struct, frozen=True, rename={"from_": "from", "class_": "class"}):
    """A road link; both directions unless ``one_way``. ``speed_kmh`` is the usual speed."""

    from_: str
    to: str
    length_m: float
    speed_kmh: float
    class_: str = "branch"
    lanes: int = 1
    one_way: bool = False
    name: Name | None = None


class Signal(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """A traffic signal on a link, ``at_m`` from its start."""

    id: str
    from_: str
    to: str
    at_m: float


class Station(msgspec.Struct, frozen=True):
    """A detector of a corridor, in driving order."""

    device: str
    signal: bool = False


class Corridor(msgspec.Struct, frozen=True, rename={"class_": "class"}):
    """Detector stations along one driving direction."""

    id: str
    class_: str = "arterial"
    free_kmh: float | None = None
    direction_deg: float | None = None
    stations: list[Station] = []
    name: Name | None = None


class Roads(msgspec.Struct, frozen=True):
    """The road graph."""

    nodes: list[Node] = []
    links: list[Link] = []
    signals: list[Signal] = []
    corridors: list[Corridor] = []


class Baseline(msgspec.Struct, frozen=True, rename={"from_": "from"}):
    """What is usual for a device's field: median and median absolute deviation, in a local time of day."""

    device: str
    field: str
    median: float
    mad: float
    from_: str | None = None
    to: str | None = None
    days: list[str] | None = None


class Unit(msgspec.Struct, frozen=True):
    """An ambulance; ``id`` is also the id of its ``ambulance`` device."""

    id: str
    node: str | None = None
    lon: float | None = None
    lat: float | None = None
    capability: str = "BLS"
    aed: bool = False
    status: str = "available"


class Drone(msgspec.Struct, frozen=True):
    """A drone that can bring an AED."""

    id: str
    lon: float
    lat: float
    speed_ms: float = 15.0
    launch_s: float = 30.0
    lower_s: float = 20.0
    payload: str = "AED"


class Volunteer(msgspec.Struct, frozen=True):
    """A volunteer; ``distance_via_aed_m`` to the patient by way of the AED, where known."""

    id: str
    lon: float
    lat: float
    speed_ms: float = 2.0
    distance_via_aed_m: float | None = None


class Hospital(msgspec.Struct, frozen=True):
    """A hospital at a road node (or a place)."""

    id: str
    node: str | None = None
    lon: float | None = None
    lat: float | None = None
    capabilities: list[str] = []
    load: float = 0.7
    state: str = "open"
    name: Name | None = None


class Wait(msgspec.Struct, frozen=True):
    """Expected wait: 0 up to ``free_load``, then linear to ``full_load_s`` at load 1."""

    free_load: float = 0.85
    full_load_s: float = 900.0


class TravelTime(msgspec.Struct, frozen=True):
    """A given travel time of a unit to a coverage zone."""

    unit: str
    zone: str
    seconds: float


class Ems(msgspec.Struct, frozen=True):
    """The emergency medical service (120)."""

    turnout_s: float = 60.0
    target_s: float = 480.0
    units: list[Unit] = []
    drones: list[Drone] = []
    volunteers: list[Volunteer] = []
    hospitals: list[Hospital] = []
    wait: Wait = Wait()
    travel_s: list[TravelTime] = []


class Lift(msgspec.Struct, frozen=True):
    """Who comes to a lift, and how fast."""

    device: str
    maintainer_eta_s: float | None = None
    backup_eta_s: float | None = None


class Permit(msgspec.Struct, frozen=True):
    """A running work permit."""

    id: str
    kind: str
    lon: float
    lat: float
    radius_m: float
    start: str
    end: str
    last_gas_test: str | None = None


class FlightPlan(msgspec.Struct, frozen=True):
    """Where and how high a drone may fly."""

    device: str
    corridor: Ring
    half_width_m: float
    height_max_m: float
    start: str
    end: str


class Department(msgspec.Struct, frozen=True):
    """A department and how to reach it."""

    id: str
    name: Name = Name()
    contact: str | None = None


class SceneSetting(msgspec.Struct, frozen=True):
    """Where a scene runs and with which parameters."""

    name: str
    districts: list[str] | None = None
    parameters: dict[str, float] = {}


class GridCell(msgspec.Struct, frozen=True):
    """A cell of the city grid (网格)."""

    id: str
    polygon: Ring
    subdistrict: str | None = None


class Route(msgspec.Struct, frozen=True):
    """Who is told about an event from a level on; adds to the default, or replaces it."""

    event: str
    from_level: str = "blue"
    act: list[str] = []
    inform: list[str] = []
    district: str | None = None
    replace: bool = False


class City(msgspec.Struct, frozen=True):
    """The whole model; every part may be empty."""

    name: Name = Name("城市", "City")
    timezone: str = "Asia/Shanghai"
    districts: list[District] = []
    devices: list[CityDevice] = []
    sites: list[Site] = []
    zones: list[Zone] = []
    roads: Roads = Roads()
    baselines: list[Baseline] = []
    ems: Ems = Ems()
    lifts: list[Lift] = []
    permits: list[Permit] = []
    flight_plans: list[FlightPlan] = []
    departments: list[Department] = []
    scenes: list[SceneSetting] = []
    grid_cells: list[GridCell] = []
    routing: list[Route] = []

    def document(self) -> dict[str, Any]:
        """The model as plain JSON-able data, keys as in the file."""
        out: dict[str, Any] = msgspec.to_builtins(self)
        return out
