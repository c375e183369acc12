"""Who is told: the default table of the public surface, and what a city adds to it or puts in its place.

The table is data in the notation of the public page: groups parted by ``;``, a letter means from that level on (Y, O,
R), words after ``*`` are conditions that the scene's judgement names, ``not`` turns one round. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.city.check import DEPARTMENTS
from brain.model import LEVELS, Level

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from brain.city.index import CityIndex

__all__ = ["DEFAULT_TABLE", "Duty", "default_duties", "departments"]

#: event | act | inform
DEFAULT_TABLE: Final = """
traffic_incident | traffic_police, transport; fire_rescue, health_120 *injury or fire; city_management *debris | O emergency_management; R public_security
congestion | traffic_police, transport |
road_weather | traffic_police, transport |
bus_bunching | transport |
crowd_density | public_security, city_management, culture_tourism, site_operator; O traffic_police, emergency_management, health_120 | O fire_rescue
gas_leak | gas_company *not toxic; site_operator, emergency_management, city_management; O fire_rescue, traffic_police; R public_security, health_120 |
toxic_gas | site_operator, emergency_management, city_management; O fire_rescue, traffic_police; R public_security, health_120 |
fire | fire_rescue, emergency_management, public_security, traffic_police, health_120, city_management, site_operator |
hot_work_gas | site_operator, emergency_management, fire_rescue |
hot_work_without_permit | site_operator, emergency_management, fire_rescue |
ppe_violation | site_operator; housing_construction *construction site; emergency_management *hazardous site |
intrusion | site_operator; housing_construction *construction site; emergency_management *hazardous site |
drone_violation | public_security |
medical_emergency | health_120; traffic_police *green wave; fire_rescue *entrapment | public_security
coverage_gap | health_120 |
elevator_entrapment | market_regulation, maintenance_company, site_operator; fire_rescue *over 30 min or injury; health_120 *injury |
waterlogging | traffic_police, water_authority, city_management; Y emergency_management, public_security, transport; O fire_rescue *people | O health_120
heating_pipe_burst | heat_company, city_management; traffic_police *road | emergency_management
parking_full | city_management | traffic_police
fire_lane_blocked | fire_rescue, traffic_police | site_operator
hydrant_low_pressure | fire_rescue, water_company |
garbage_overflow | city_management |
street_occupation | city_management |
illegal_construction | city_management |
construction_dust | city_management, ecology_environment; housing_construction *construction site |
manhole_cover | city_management |
device_fault | operations_centre, site_operator, maintenance_company |
device_check | operations_centre, site_operator, maintenance_company |
"""  # noqa: E501 - lines as on the public page
_LETTERS: Final = {"Y": Level.YELLOW, "O": Level.ORANGE, "R": Level.RED}
_UNLISTED: Final = "operations_centre"  # an event of a new scene: somebody must look at it


class Duty(NamedTuple):
    """One department's part in an event.

    Attributes:
        level: From this level on.
        conditions: It has this part when one of them holds (``not x``: when x does not hold); empty: always.
    """

    department: str
    role: str
    level: Level
    conditions: tuple[str, ...]

    def falls_due(self, level: Level, conditions: Collection[str]) -> bool:
        """Whether the department is told at this level under these conditions."""
        if level.rank < self.level.rank:
            return False
        return not self.conditions or any(
            (c.removeprefix("not_") not in conditions) if c.startswith("not_") else (c in conditions)
            for c in self.conditions
        )


def _groups(role: str, cell: str) -> Iterator[Duty]:
    for group in filter(None, (g.strip() for g in cell.split(";"))):
        names, _, words = group.partition("*")
        conditions = tuple(w.strip().replace(" ", "_") for w in words.split(" or ") if w.strip())
        letter, _, rest = names.strip().partition(" ")
        level, names = (_LETTERS[letter], rest) if letter in _LETTERS else (Level.BLUE, names)
        for name in names.split(","):
            yield Duty(name.strip(), role, level, conditions)


def _table(text: str) -> dict[str, tuple[Duty, ...]]:
    rows = (tuple(cell.strip() for cell in line.split("|")) for line in text.strip().splitlines())
    return {event: (*_groups("act", act), *_groups("inform", inform)) for event, act, inform in rows}


_DUTIES: Final = _table(DEFAULT_TABLE)


def default_duties(event: str) -> tuple[Duty, ...]:
    """The default table's row of an event.

    Example:
        >>> [d.department for d in default_duties("parking_full")]
        ['city_management', 'traffic_police']
    """
    return _DUTIES.get(event) or (Duty(_UNLISTED, "act", Level.BLUE, ()),)


def departments(
    event: str, level: Level, conditions: Collection[str], lon: float | None, lat: float | None, index: CityIndex
) -> dict[str, list[str]]:
    """Who acts and who is informed, each list in the canonical order of departments.

    Args:
        event: Of the incident.
        level: As shown.
        conditions: Words of the scene's judgement; ``site_only`` leaves nobody but the site.
        lon: Its place, degrees; a route of a district counts when the place lies there.
        lat: The same.
        index: Of the city, for districts and its own ``routing``.
    """
    if "site_only" in conditions:
        return {"act": ["site_operator"], "inform": []}
    roles: dict[str, set[str]] = {"act": set(), "inform": set()}
    routes = [
        r
        for r in index.city.routing
        if r.event == event
        and level.rank >= LEVELS.index(Level(r.from_level))
        and (r.district is None or _lies_in(r.district, lon, lat, index))
    ]
    if not any(r.replace for r in routes):
        for duty in default_duties(event):
            if duty.falls_due(level, conditions):
                roles[duty.role].add(duty.department)
    for route in routes:
        roles["act"].update(route.act)
        roles["inform"].update(route.inform)
    order = [*DEPARTMENTS, *(d.id for d in index.city.departments if d.id not in DEPARTMENTS)]
    act = [d for d in order if d in roles["act"]]
    return {"act": act, "inform": [d for d in order if d in roles["inform"] and d not in roles["act"]]}


def _lies_in(district_id: str, lon: float | None, lat: float | None, index: CityIndex) -> bool:
    if lon is None or lat is None:
        return False
    district = index.district_of(lon, lat)
    return district is not None and district.id == district_id
