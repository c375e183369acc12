"""What the city model says about work permits, flight plans, no-fly zones and sites, made ready once for a city."""

from __future__ import annotations

import math
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import shapely

from brain.city.fences import Fences, polygon_of
from brain.city.hazard import hazard_level_of, hazard_unit_of, least_r
from brain.city.index import METRES_PER_DEGREE
from brain.model import LEVELS, Level
from brain.scene_api import Fact
from scenes.toolkit.places import index_of, site_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from brain.city import City, Site, Zone
    from brain.model import Device
    from brain.scene_api import World

__all__ = [
    "Ground",
    "PermitArea",
    "Plan",
    "ground_of",
    "hazard_facts",
    "hazard_plan",
    "raised",
    "site_conditions",
    "site_looked_at",
    "site_seen",
    "zone_seen",
]

HOT_WORK: Final = "hot_work"
CONFINED_SPACE: Final = "confined_space"
_KEPT: Final = 4


def _moment(text: str) -> int:
    """Microseconds of a time that the check of the city model let through."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000_000)


class PermitArea(NamedTuple):
    """A work permit with its times in microseconds; ``tested`` is the last gas test or None."""

    permit_id: str
    kind: str
    lon: float
    lat: float
    radius_m: float
    start: int
    end: int
    tested: int | None

    def runs(self, time: int) -> bool:
        """Whether work is permitted at this time, both ends included."""
        return self.start <= time <= self.end


class Plan(NamedTuple):
    """A flight plan: the middle line in metres round its first point, how far and how high, times in microseconds."""

    device: str
    lon: float
    lat: float
    line: shapely.LineString
    half_width_m: float
    height_max_m: float
    start: int
    end: int

    def away_m(self, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance of places from the middle line, metres, float64[n]; NaN where a place is unknown."""
        east = (lon - self.lon) * METRES_PER_DEGREE * math.cos(math.radians(self.lat))
        north = (lat - self.lat) * METRES_PER_DEGREE
        known = np.isfinite(east) & np.isfinite(north)
        out = np.full(len(lon), np.nan)
        out[known] = shapely.distance(self.line, shapely.points(east[known], north[known]))
        return out


class Ground:
    """Permits, plans and no-fly zones of one city; the city is frozen, so the answers stay right."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.permits = [
            PermitArea(
                p.id,
                p.kind,
                p.lon,
                p.lat,
                p.radius_m,
                _moment(p.start),
                _moment(p.end),
                None if p.last_gas_test is None else _moment(p.last_gas_test),
            )
            for p in city.permits
        ]

    @cached_property
    def plans(self) -> dict[str, list[Plan]]:
        """Name of a drone -> its flight plans."""
        out: dict[str, list[Plan]] = {}
        for p in self.city.flight_plans:
            lon, lat = p.corridor[0]
            across = METRES_PER_DEGREE * math.cos(math.radians(lat))
            line = shapely.LineString([((x - lon) * across, (y - lat) * METRES_PER_DEGREE) for x, y in p.corridor])
            plan = Plan(p.device, lon, lat, line, p.half_width_m, p.height_max_m, _moment(p.start), _moment(p.end))
            out.setdefault(p.device, []).append(plan)
        return out

    @cached_property
    def no_fly(self) -> tuple[list[str], Fences | None]:
        """Ids of the no-fly zones, and their fences (None where there is none)."""
        zones = [z for z in self.city.zones if z.kind == "no_fly" and len(z.polygon) >= 3]
        return [z.id for z in zones], Fences([polygon_of(z.polygon) for z in zones]) if zones else None


_grounds: list[Ground] = []  # a cache only: the same city always has the same ground


def ground_of(city: City) -> Ground:
    """The ground of a city; the last few are kept."""
    for ground in _grounds:
        if ground.city is city:
            return ground
    ground = Ground(city)
    _grounds.append(ground)
    del _grounds[:-_KEPT]
    return ground


def site_looked_at(world: World, device: Device) -> Site | None:
    """The site a device belongs to or looks at by the registry."""
    sites = index_of(world.city).sites
    return sites.get(str(device.site)) or sites.get(str(device.extra.get("watches")))


def site_seen(world: World, device: Device | None, lon: float | None, lat: float | None) -> Site | None:
    """The site a device belongs to or looks at, else the nearest one whose radius reaches the place."""
    if device is not None and device.site is None:
        watched = index_of(world.city).sites.get(str(device.extra.get("watches")))
        if watched is not None:
            return watched
    return site_of(world.city, device, lon, lat)


def zone_seen(city: City, zone: str | None, device: Device | None) -> Zone | None:
    """The zone a message names, else the one its camera looks at."""
    zones = index_of(city).zones
    return zones.get(zone or "") or (zones.get(str(device.extra.get("watches"))) if device is not None else None)


def raised(level: Level | None, site: Site | None, world: World) -> Level | None:
    """One level more inside a major hazard unit of the upper classes (S7)."""
    unit = None if site is None else hazard_level_of(site)
    if level is None or unit is None or unit > world.parameters["raising_unit_level"]:
        return level
    return LEVELS[min(level.rank + 1, len(LEVELS) - 1)]


def hazard_plan(site: Site | None) -> dict[str, Any]:
    """``major_hazard`` of a plan: S, R and class by the quantities of a site; empty where none are known (S7)."""
    unit = None if site is None else hazard_unit_of(site)
    return {} if site is None or unit is None else {"major_hazard": {**unit._asdict(), "registered": site.hazard_level}}


def hazard_facts(site: Site, world: World) -> tuple[Fact, ...]:
    """The conditions under which a site raises every level by one: a class that is high enough, and where from."""
    limit, level, unit = world.parameters["raising_unit_level"], hazard_level_of(site), hazard_unit_of(site)
    met = level is not None and level <= limit
    facts = (Fact("hazard_class", None if level is None else float(level), "<=", limit, "1", met),)
    if unit is None or site.hazard_level is not None:
        return facts
    r_met = unit.r is not None and unit.level is not None and unit.level <= limit
    return (
        *facts,
        Fact("sum_of_q_over_threshold", unit.s, ">=", 1.0, "1", unit.s >= 1),
        Fact("weighted_sum_r", unit.r, ">=", least_r(limit), "1", r_met),
    )


def site_conditions(site: Site | None) -> set[str]:
    """Words about a site that steer routing."""
    if site is None:
        return set()
    return {f"{site.kind}_site"} if site.kind in ("construction", "hazardous") else set()
