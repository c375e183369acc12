"""Follow every reference of a city model and every number with a range; the first wrong one is an error.

Devices that may speak without being listed (a drone with a flight plan, a device with a baseline) are not looked for:
they may be admitted by their first message. Stations of corridors and lifts need a place, so they must be listed.
"""

from __future__ import annotations

import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from brain.city.hazard import SUBSTANCES
from brain.errors import CityError
from brain.model import LEVELS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from brain.city.model import City, Ring, Stock

__all__ = ["DEPARTMENTS", "EVENTS", "SCENES", "check"]

EVENTS: Final[tuple[str, ...]] = tuple(
    """
    traffic_incident congestion crowd_density bus_bunching road_weather
    gas_leak toxic_gas fire hot_work_gas hot_work_without_permit ppe_violation intrusion drone_violation
    medical_emergency coverage_gap
    garbage_overflow street_occupation illegal_construction construction_dust manhole_cover
    elevator_entrapment waterlogging heating_pipe_burst parking_full fire_lane_blocked hydrant_low_pressure
    device_fault device_check
    """.split()  # noqa: SIM905 - a word list reads better than forty strings
)
SCENES: Final[tuple[str, ...]] = tuple(
    """
    travel safety_production first_aid fire_rescue elevator parking heating_gas flood city_management device_health
    """.split()  # noqa: SIM905 - a word list reads better than forty strings
)
DEPARTMENTS: Final[tuple[str, ...]] = tuple(
    """
    operations_centre public_security traffic_police transport emergency_management fire_rescue health_120
    city_management gas_company heat_company water_company power_company water_authority subdistrict
    ecology_environment meteorology marine_development market_regulation housing_construction culture_tourism
    site_operator maintenance_company
    """.split()  # noqa: SIM905 - a word list reads better than forty strings
)
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DUTIES: Final = ("available", "dispatched", "on_scene", "transporting", "off_duty")
_TYPE: Final = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_TIME: Final = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?|24:00(?::00)?")


def check(city: City, *, events: Collection[str] | None = EVENTS, scenes: Collection[str] | None = SCENES) -> None:
    """Raise ``CityError`` for the first thing wrong; answer nothing when all is well."""
    try:
        ZoneInfo(city.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        if not available_timezones():
            raise CityError("timezone", "this machine has no time zone data; install the package tzdata") from None
        raise CityError("timezone", f'no time zone "{city.timezone}"; use a name such as Asia/Shanghai') from None
    districts = _unique("districts", [d.id for d in city.districts])
    for i, district in enumerate(city.districts):
        _ring(f"districts[{i}].polygon", district.polygon)
    zones = _unique("zones", [z.id for z in city.zones])
    for i, zone in enumerate(city.zones):
        _ring(f"zones[{i}].polygon", zone.polygon)
        _within(f"zones[{i}].area_m2", zone.area_m2, 0, above=True)
        _within(f"zones[{i}].demand", zone.demand, 0, 1)
    _unique("grid_cells", [c.id for c in city.grid_cells])
    for i, cell in enumerate(city.grid_cells):
        _ring(f"grid_cells[{i}].polygon", cell.polygon, empty=False)
    sites = _unique("sites", [s.id for s in city.sites])
    for i, site in enumerate(city.sites):
        _place(f"sites[{i}]", site.lon, site.lat)
        _within(f"sites[{i}].radius_m", site.radius_m, 0, above=True)
        _within(f"sites[{i}].hazard_level", site.hazard_level, 1, 4)
        _within(f"sites[{i}].exposed_people", site.exposed_people, 0)
        for j, stock in enumerate(site.inventory):
            _stock(f"sites[{i}].inventory[{j}]", stock)
    devices = _devices(city, sites, zones)
    nodes = _roads(city, devices)
    for i, base in enumerate(city.baselines):
        at = f"baselines[{i}]"
        _within(f"{at}.mad", base.mad, 0)
        _within(f"{at}.median", base.median)
        for key, moment in (("from", base.from_), ("to", base.to)):
            if moment is not None and not _TIME.fullmatch(moment):
                raise CityError(f"{at}.{key}", f'"{moment}" is not a time of day; write it like "17:30"')
        for j, day in enumerate(base.days or ()):
            _word(f"{at}.days[{j}]", "day", day, DAYS)
    _ems(city, nodes, zones)
    for i, lift in enumerate(city.lifts):
        _known(f"lifts[{i}].device", "device", lift.device, devices)
        _within(f"lifts[{i}].maintainer_eta_s", lift.maintainer_eta_s, 0)
        _within(f"lifts[{i}].backup_eta_s", lift.backup_eta_s, 0)
    _unique("permits", [p.id for p in city.permits])
    for i, permit in enumerate(city.permits):
        at = f"permits[{i}]"
        _place(at, permit.lon, permit.lat)
        _within(f"{at}.radius_m", permit.radius_m, 0, above=True)
        _span(at, permit.start, permit.end)
        if permit.last_gas_test is not None:
            _moment(f"{at}.last_gas_test", permit.last_gas_test)
    for i, plan in enumerate(city.flight_plans):
        at = f"flight_plans[{i}]"
        _points(f"{at}.corridor", plan.corridor, 2)
        _within(f"{at}.half_width_m", plan.half_width_m, 0, above=True)
        _within(f"{at}.height_max_m", plan.height_max_m, 0, above=True)
        _span(at, plan.start, plan.end)
    departments = _unique("departments", [d.id for d in city.departments]) | set(DEPARTMENTS)
    for i, setting in enumerate(city.scenes):
        if scenes is not None:
            _word(f"scenes[{i}].name", "scene", setting.name, scenes)
        for j, district_id in enumerate(setting.districts or ()):
            _known(f"scenes[{i}].districts[{j}]", "district", district_id, districts)
        for key, value in setting.parameters.items():
            _within(f"scenes[{i}].parameters.{key}", value)
    for i, route in enumerate(city.routing):
        at = f"routing[{i}]"
        if events is not None:
            _word(f"{at}.event", "event", route.event, events)
        _word(f"{at}.from_level", "level", route.from_level, [str(x) for x in LEVELS])
        for key, named in (("act", route.act), ("inform", route.inform)):
            for j, department in enumerate(named):
                _word(f"{at}.{key}[{j}]", "department", department, sorted(departments))
        if route.district is not None:
            _known(f"{at}.district", "district", route.district, districts)


def _stock(at: str, stock: Stock) -> None:
    _within(f"{at}.tonnes", stock.tonnes, 0)
    _within(f"{at}.threshold_t", stock.threshold_t, 0, above=True)
    _within(f"{at}.beta", stock.beta, 0, above=True)
    if stock.substance not in SUBSTANCES and (stock.threshold_t is None or stock.beta is None):
        known = ", ".join(SUBSTANCES)
        raise CityError(
            f"{at}.substance", f'"{stock.substance}" is none of {known}; give its threshold_t and beta of GB 18218-2018'
        )


def _devices(city: City, sites: set[str], zones: set[str]) -> set[str]:
    seen: set[tuple[str, str]] = set()
    names = {d.id for d in city.devices}
    for i, device in enumerate(city.devices):
        at = f"devices[{i}]"
        _identifier(f"{at}.id", device.id)
        if not _TYPE.fullmatch(device.sensor_type):
            raise CityError(
                f"{at}.sensor_type",
                f'"{device.sensor_type}" is not a sensor type id; use small letters, digits, - and _, a letter first',
            )
        if (device.sensor_type, device.id) in seen:
            raise CityError(
                f"{at}.id",
                f'"{device.id}" stands twice among the {device.sensor_type} devices; ids are unique per type',
            )
        seen.add((device.sensor_type, device.id))
        _maybe_place(at, device.lon, device.lat)
        if device.site is not None:
            _known(f"{at}.site", "site", device.site, sites)
        if device.watches is not None and device.watches not in names | zones | sites:
            raise CityError(f"{at}.watches", f'no device, zone or site "{device.watches}"')
        _within(f"{at}.capacity", device.capacity, 0, above=True)
        for key, (low, high) in device.span.items():
            _within(f"{at}.span.{key}[0]", low)
            _within(f"{at}.span.{key}[1]", high)
            if low >= high:
                raise CityError(f"{at}.span.{key}", f"the lower end {low:g} is not below the upper end {high:g}")
    return names


def _roads(city: City, devices: set[str]) -> set[str]:
    roads = city.roads
    nodes = _unique("roads.nodes", [n.id for n in roads.nodes])
    for i, node in enumerate(roads.nodes):
        _place(f"roads.nodes[{i}]", node.lon, node.lat)
    lengths: dict[tuple[str, str], float] = {}
    for i, link in enumerate(roads.links):
        at = f"roads.links[{i}]"
        _known(f"{at}.from", "node", link.from_, nodes)
        _known(f"{at}.to", "node", link.to, nodes)
        if link.from_ == link.to:
            raise CityError(f"{at}.to", f'the link starts and ends at node "{link.to}"; name its other end')
        _within(f"{at}.length_m", link.length_m, 0, above=True)
        _within(f"{at}.speed_kmh", link.speed_kmh, 0, 400, above=True)
        _within(f"{at}.lanes", link.lanes, 1)
        for pair in ((link.from_, link.to), (link.to, link.from_))[: 1 if link.one_way else 2]:
            lengths[pair] = max(link.length_m, lengths.get(pair, 0.0))
    _unique("roads.signals", [s.id for s in roads.signals])
    for i, signal in enumerate(roads.signals):
        at = f"roads.signals[{i}]"
        _known(f"{at}.from", "node", signal.from_, nodes)
        _known(f"{at}.to", "node", signal.to, nodes)
        length = lengths.get((signal.from_, signal.to))
        if length is None:
            raise CityError(at, f'no link from "{signal.from_}" to "{signal.to}"')
        _within(f"{at}.at_m", signal.at_m, 0, length)
    _unique("roads.corridors", [c.id for c in roads.corridors])
    for i, corridor in enumerate(roads.corridors):
        at = f"roads.corridors[{i}]"
        _within(f"{at}.free_kmh", corridor.free_kmh, 0, 400, above=True)
        _within(f"{at}.direction_deg", corridor.direction_deg, 0, 360)
        for j, station in enumerate(corridor.stations):
            _known(f"{at}.stations[{j}].device", "device", station.device, devices)
    return nodes


def _ems(city: City, nodes: set[str], zones: set[str]) -> None:
    ems = city.ems
    _within("ems.turnout_s", ems.turnout_s, 0)
    _within("ems.target_s", ems.target_s, 0, above=True)
    units = _unique("ems.units", [u.id for u in ems.units])
    for i, unit in enumerate(ems.units):
        at = f"ems.units[{i}]"
        _identifier(f"{at}.id", unit.id)
        _maybe_place(at, unit.lon, unit.lat)
        if unit.node is not None:
            _known(f"{at}.node", "node", unit.node, nodes)
        _word(f"{at}.status", "crew status", unit.status, DUTIES)
    _unique("ems.drones", [d.id for d in ems.drones])
    for i, drone in enumerate(ems.drones):
        at = f"ems.drones[{i}]"
        _place(at, drone.lon, drone.lat)
        _within(f"{at}.speed_ms", drone.speed_ms, 0, above=True)
        _within(f"{at}.launch_s", drone.launch_s, 0)
        _within(f"{at}.lower_s", drone.lower_s, 0)
    _unique("ems.volunteers", [v.id for v in ems.volunteers])
    for i, volunteer in enumerate(ems.volunteers):
        at = f"ems.volunteers[{i}]"
        _place(at, volunteer.lon, volunteer.lat)
        _within(f"{at}.speed_ms", volunteer.speed_ms, 0, above=True)
        _within(f"{at}.distance_via_aed_m", volunteer.distance_via_aed_m, 0)
    _unique("ems.hospitals", [h.id for h in ems.hospitals])
    for i, hospital in enumerate(ems.hospitals):
        at = f"ems.hospitals[{i}]"
        _maybe_place(at, hospital.lon, hospital.lat)
        if hospital.node is not None:
            _known(f"{at}.node", "node", hospital.node, nodes)
        elif hospital.lon is None:
            raise CityError(at, "has no place; give its road node, or lon and lat")
        _within(f"{at}.load", hospital.load, 0, 1)
        _word(f"{at}.state", "state", hospital.state, ("open", "divert"))
    _within("ems.wait.free_load", ems.wait.free_load, 0, 1)
    _within("ems.wait.full_load_s", ems.wait.full_load_s, 0)
    for i, travel in enumerate(ems.travel_s):
        at = f"ems.travel_s[{i}]"
        _known(f"{at}.unit", "unit", travel.unit, units)
        _known(f"{at}.zone", "zone", travel.zone, zones)
        _within(f"{at}.seconds", travel.seconds, 0)


def _unique(path: str, ids: Sequence[str]) -> set[str]:
    seen: set[str] = set()
    for i, name in enumerate(ids):
        if not name:
            raise CityError(f"{path}[{i}].id", "is empty; give it a name")
        if name in seen:
            raise CityError(f"{path}[{i}].id", f'"{name}" stands twice; ids are unique')
        seen.add(name)
    return seen


def _known(path: str, kind: str, name: str, names: Collection[str]) -> None:
    if name not in names:
        raise CityError(path, f'no {kind} "{name}"')


def _word(path: str, kind: str, word: str, words: Iterable[str]) -> None:
    if word not in words:
        raise CityError(path, f'no {kind} "{word}"; one of {", ".join(words)}')


def _identifier(path: str, name: str) -> None:
    if not 1 <= len(name) <= 128 or not name.isprintable() or any(c.isspace() or c in "/+#" for c in name):
        raise CityError(path, f"{name!r} is not a device id; use 1 to 128 characters without blanks and / + #")


def _within(
    path: str, value: float | None, low: float = -math.inf, high: float = math.inf, *, above: bool = False
) -> None:
    if value is None:
        return
    if not math.isfinite(value):
        raise CityError(path, f"{value} is not a finite number")
    if above and value <= low:
        raise CityError(path, f"{value:g} is not above {low:g}")
    if not low <= value <= high:
        limits = f"below {low:g}" if math.isinf(high) else f"outside {low:g}..{high:g}"
        raise CityError(path, f"{value:g} is {limits}")


def _place(path: str, lon: float, lat: float) -> None:
    _within(f"{path}.lat", lat, -90, 90)
    _within(f"{path}.lon", lon, -180, 180)


def _maybe_place(path: str, lon: float | None, lat: float | None) -> None:
    if (lon is None) != (lat is None):
        missing = "lon" if lon is None else "lat"
        raise CityError(f"{path}.{missing}", "is missing; a place has both lon and lat, what moves has none")
    if lon is not None and lat is not None:
        _place(path, lon, lat)


def _points(path: str, ring: Ring, least: int) -> None:
    for j, (lon, lat) in enumerate(ring):
        _within(f"{path}[{j}][1]", lat, -90, 90)
        _within(f"{path}[{j}][0]", lon, -180, 180)
    if len(set(ring)) < least:
        raise CityError(path, f"has {len(set(ring))} different points; it needs {least} or more [lon, lat]")


def _ring(path: str, ring: Ring, *, empty: bool = True) -> None:
    if ring or not empty:
        _points(path, ring, 3)


def _moment(path: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise CityError(path, f'"{text}" is not a time with a zone; write it like 2026-07-01T14:00:00+08:00')
    return moment


def _span(path: str, start: str, end: str) -> None:
    if _moment(f"{path}.end", end) <= _moment(f"{path}.start", start):
        raise CityError(f"{path}.end", f"{end} is not after the start {start}")
