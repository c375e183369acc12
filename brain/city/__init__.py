"""The city model. Enters: one YAML or JSON document; leaves: a checked, frozen ``City``, or a sentence saying why not.

``model`` holds the shapes, ``file`` reads bytes into them, ``check`` follows every reference, ``index`` answers "which
district, which site, which device" by ``fences`` (they need shapely, so those who ask import them).
"""

from __future__ import annotations

from brain.city.file import load_city, parse_city, read_stored_city
from brain.city.model import (
    Baseline,
    City,
    CityDevice,
    Corridor,
    Department,
    District,
    Drone,
    Ems,
    FlightPlan,
    GridCell,
    Hospital,
    Lift,
    Link,
    Name,
    Node,
    Permit,
    Ring,
    Roads,
    Route,
    SceneSetting,
    Signal,
    Site,
    Station,
    TravelTime,
    Unit,
    Volunteer,
    Wait,
    Zone,
)

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
    "load_city",
    "parse_city",
    "read_stored_city",
]
