"""Who is told: the default table by level and condition, and what a city changes."""

# ruff: noqa: E501 - a table
from __future__ import annotations

import pytest

from brain.city import City, parse_city
from brain.city.check import DEPARTMENTS, EVENTS
from brain.city.index import CityIndex
from brain.desk.routing import default_duties, departments
from brain.model import Level

INDEX = CityIndex(City())
POLYGON = "[[120.0, 36.0], [120.5, 36.0], [120.5, 36.5], [120.0, 36.5]]"


def told(event: str, level: str, *conditions: str, index: CityIndex = INDEX, lon: float = 120.4) -> tuple[str, str]:
    found = departments(event, Level(level), conditions, lon, 36.1, index)
    return " ".join(found["act"]), " ".join(found["inform"])


@pytest.mark.parametrize(
    ("event", "level", "conditions", "act", "inform"),
    [
        ("traffic_incident", "yellow", (), "traffic_police transport", ""),
        ("traffic_incident", "orange", ("injury",), "traffic_police transport fire_rescue health_120", "emergency_management"),
        ("traffic_incident", "red", ("debris",), "traffic_police transport city_management", "public_security emergency_management"),
        ("gas_leak", "yellow", (), "emergency_management city_management gas_company site_operator", ""),
        ("gas_leak", "orange", (), "traffic_police emergency_management fire_rescue city_management gas_company site_operator", ""),
        ("gas_leak", "red", (), "public_security traffic_police emergency_management fire_rescue health_120 city_management gas_company site_operator", ""),
        ("gas_leak", "yellow", ("toxic",), "emergency_management city_management site_operator", ""),
        ("toxic_gas", "yellow", ("toxic",), "emergency_management city_management site_operator", ""),
        ("medical_emergency", "yellow", (), "health_120", "public_security"),
        ("medical_emergency", "red", ("green_wave", "entrapment"), "traffic_police fire_rescue health_120", "public_security"),
        ("elevator_entrapment", "yellow", ("over_30_min",), "fire_rescue market_regulation site_operator maintenance_company", ""),
        ("waterlogging", "blue", ("people",), "traffic_police city_management water_authority", ""),
        ("waterlogging", "orange", ("people",), "public_security traffic_police transport emergency_management fire_rescue city_management water_authority", "health_120"),
        ("parking_full", "blue", (), "city_management", "traffic_police"),
        ("device_check", "blue", (), "operations_centre site_operator maintenance_company", ""),
        ("gas_leak", "red", ("site_only",), "site_operator", ""),
        ("martian_landing", "red", (), "operations_centre", ""),
    ],
)  # fmt: skip
def test_the_default_table(event: str, level: str, conditions: tuple[str, ...], act: str, inform: str) -> None:
    assert told(event, level, *conditions) == (act, inform)


def test_every_event_has_a_row_and_every_department_exists() -> None:
    for event in EVENTS:
        for duty in default_duties(event):
            assert duty.department in DEPARTMENTS
            assert duty.department != "operations_centre" or event.startswith("device_"), event


def test_a_city_adds_and_replaces_by_district_and_level() -> None:
    index = CityIndex(
        parse_city(
            f"""
            districts: [{{id: west, polygon: {POLYGON}}}]
            departments: [{{id: harbour_master}}]
            routing:
              - {{event: gas_leak, from_level: orange, act: [harbour_master], inform: [gas_company, meteorology]}}
              - {{event: parking_full, act: [traffic_police], district: west, replace: true}}
            """
        )
    )
    assert told("gas_leak", "yellow", index=index) == told("gas_leak", "yellow")
    act, inform = told("gas_leak", "orange", index=index)
    assert act.endswith("site_operator harbour_master")
    assert inform == "meteorology"  # who acts is not informed besides
    assert told("parking_full", "blue", index=index) == ("traffic_police", "")
    assert told("parking_full", "blue", index=index, lon=121.4) == ("city_management", "traffic_police")
