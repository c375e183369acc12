"""What the reader of city models accepts, and the sentence it gives for everything else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from brain.city import City, District, Site, load_city, parse_city
from brain.city.check import DEPARTMENTS, EVENTS
from brain.city.index import CityIndex, distance_m
from brain.errors import CityError

if TYPE_CHECKING:
    from pathlib import Path

WHOLE = """
name: {zh: 青岛, en: Qingdao}
timezone: Asia/Shanghai
districts: [{id: shinan, name: {zh: 市南区, en: Shinan}, polygon: [[120.3, 36.0], [120.5, 36.0], [120.5, 36.2]]}]
devices:
  - {id: G1, sensor_type: gas-detector, lon: 120.3702, lat: 36.0911, site: RQ-07, span: {lel_pct: [0, 100]}}
  - {id: P1, sensor_type: parking-lot, lon: 120.4, lat: 36.1, capacity: 400}
  - {id: L-88, sensor_type: elevator, lon: 120.4, lat: 36.1}
  - {id: U, sensor_type: traffic-detector, lon: 120.4, lat: 36.1}
  - {id: M, sensor_type: traffic-detector, lon: 120.41, lat: 36.1}
  - {id: CAR-88, sensor_type: video-event, watches: L-88}
sites: [{id: RQ-07, kind: gas_station, lon: 120.37, lat: 36.09, radius_m: 50, hazard_level: 2, name: {zh: 站, en: S}}]
zones:
  - {id: WSGC, kind: crowd, area_m2: 4000, polygon: [[120.38, 36.06], [120.39, 36.06], [120.39, 36.07]]}
  - {id: Z1, kind: coverage, demand: 0.6, polygon: [[120.38, 36.06], [120.39, 36.06], [120.39, 36.07], [120.38, 36.06]]}
roads:
  nodes: [{id: B2, lon: 120.38, lat: 36.07, signal: false}, {id: N5, lon: 120.39, lat: 36.07}]
  links: [{from: B2, to: N5, length_m: 1400, speed_kmh: 45, class: arterial, lanes: 3, one_way: false}]
  signals: [{id: X1, from: N5, to: B2, at_m: 500}]
  corridors:
    - {id: E, class: arterial, free_kmh: 50, direction_deg: 95, stations: [{device: U, signal: true}, {device: M}]}
baselines: [{device: U, field: occupancy_pct, median: 34, mad: 4, from: 17:30, to: 18:30, days: [mon, fri]}]
ems:
  turnout_s: 45
  units: [{id: A1, node: B2, capability: ALS, aed: false, status: available}, {id: A2, lon: 120.4, lat: 36.1}]
  drones: [{id: D1, lon: 120.4, lat: 36.1, speed_ms: 15, launch_s: 30, lower_s: 20, payload: AED}]
  volunteers: [{id: V1, lon: 120.4, lat: 36.1, speed_ms: 2.0, distance_via_aed_m: 460}]
  hospitals: [{id: H2, node: N5, capabilities: [pci, stroke, trauma], load: 0.95}]
  wait: {free_load: 0.85, full_load_s: 900}
  travel_s: [{unit: A1, zone: Z1, seconds: 200}]
lifts: [{device: L-88, maintainer_eta_s: 2100, backup_eta_s: 900}]
permits:
  - {id: HW-11, kind: hot_work, lon: 120.4, lat: 36.1, radius_m: 15,
     start: 2026-07-01T08:00:00+08:00, end: 1782892800000, last_gas_test: 2026-07-01T08:00:00+08:00}
flight_plans:
  - {device: UAV-7, corridor: [[120.4, 36.1], [120.41, 36.1]], half_width_m: 50, height_max_m: 110,
     start: 2026-07-01T08:00:00+08:00, end: 2026-07-01T18:00:00+08:00}
departments: [{id: harbour, name: 港口, contact: null}]
scenes: [{name: travel, districts: [shinan], parameters: {pair_min_difference_pct: 10}}]
grid_cells: [{id: g, subdistrict: s, polygon: [[120.38, 36.06], [120.39, 36.06], [120.39, 36.07]]}]
routing: [{event: gas_leak, from_level: orange, act: [fire_rescue, harbour], inform: [], district: shinan}]
"""


def broken(old: str, new: str) -> str:
    assert old in WHOLE
    return WHOLE.replace(old, new, 1)


def complaint(text: str | bytes, name: str = "city") -> str:
    with pytest.raises(CityError) as caught:
        parse_city(text, name)
    return str(caught.value)


def test_every_part_of_the_public_surface_is_read() -> None:
    city = parse_city(WHOLE)
    assert city.devices[0].span == {"lel_pct": (0.0, 100.0)}
    assert city.baselines[0].from_ == "17:30"
    assert city.permits[0].end == "2026-07-01T08:00:00Z"
    assert city.departments[0].name.en == "港口"
    assert [u.node for u in city.ems.units] == ["B2", None]


def test_json_and_yaml_of_one_document_are_the_same_city() -> None:
    city = parse_city(WHOLE)
    assert parse_city(msgspec.json.encode(city), "city.json") == city
    assert parse_city(json.dumps(msgspec.to_builtins(city)), "without-an-ending") == city


def test_an_empty_document_is_an_empty_city() -> None:
    assert parse_city("") == parse_city("{}") == parse_city("devices:\nroads:\n") == City()


def test_a_document_survives_its_own_output() -> None:
    city = parse_city(WHOLE)
    assert parse_city(json.dumps(city.document())) == city


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("to: N5, length_m", "to: N9, length_m", 'roads.links[0].to: no node "N9"'),
        ("from: B2, to: N5, length_m", "from: B9, to: N5, length_m", 'roads.links[0].from: no node "B9"'),
        ("lon: 120.4, lat: 36.1, capacity", "lon: 120.4, lat: 91, capacity", "devices[1].lat: 91 is outside -90..90"),
        ("lon: 120.4, lat: 36.1, capacity", "lon: 190, lat: 36.1, capacity", "devices[1].lon: 190 is outside -180"),
        ("radius_m: 50", "radius_m: wide", "sites[0].radius_m: expected a number, got text"),
        ("radius_m: 50", "radius_m: 0", "sites[0].radius_m: 0 is not above 0"),
        (
            "hazard_level: 2", "inventory: [{substance: ammonia, tonnes: -1}]",
            "sites[0].inventory[0].tonnes: -1 is below 0",
        ),
        (
            "hazard_level: 2", "inventory: [{substance: ether, tonnes: 1, threshold_t: 10}]",
            'sites[0].inventory[0].substance: "ether" is none of ammonia, ',
        ),
        ("hazard_level: 2", "exposed_people: -3", "sites[0].exposed_people: -3 is below 0"),
        ("capacity: 400", "capacity: 4.5", "devices[1].capacity: expected a whole number, got a number"),
        ("{id: P1,", "{id: G1, sensor_type: gas-detector}\n  - {id: P1,", 'devices[1].id: "G1" stands twice among'),
        ("{id: P1,", "{id: 'P 1',", "devices[1].id: 'P 1' is not a device id"),
        ("{id: P1,", "{id: 17,", "devices[1].id: expected text, got a whole number"),
        ("site: RQ-07", "site: RQ-08", 'devices[0].site: no site "RQ-08"'),
        ("watches: L-88", "watches: L-89", 'devices[5].watches: no device, zone or site "L-89"'),
        ("[0, 100]}", "[100, 0]}", "devices[0].span.lel_pct: the lower end 100 is not below the upper end 0"),
        ("[0, 100]}", "[0, 50, 100]}", "devices[0].span: expected a list of 2 numbers, got 3"),
        ("sensor_type: parking-lot", "sensor_type: Parking", 'devices[1].sensor_type: "Parking" is not a sensor'),
        ("lon: 120.4, lat: 36.1, capacity", "lon: 120.4, capacity", "devices[1].lat: is missing"),
        ("kind: gas_station, ", "", "sites[0].kind: is missing"),
        ("at_m: 500", "at_m: 1500", "roads.signals[0].at_m: 1500 is outside 0..1400"),
        ("{id: X1, from: N5, to: B2", "{id: X1, from: N5, to: N5", 'roads.signals[0]: no link from "N5" to "N5"'),
        ("one_way: false", "one_way: true", 'roads.signals[0]: no link from "N5" to "B2"'),
        ("[{device: U, signal: true}", "[{device: W}", 'roads.corridors[0].stations[0].device: no device "W"'),
        ("lifts: [{device: L-88", "lifts: [{device: L-8", 'lifts[0].device: no device "L-8"'),
        ("node: B2, capability", "node: B9, capability", 'ems.units[0].node: no node "B9"'),
        ("node: N5, capabilities", "capabilities", "ems.hospitals[0]: has no place; give its road node"),
        ("unit: A1, zone", "unit: A9, zone", 'ems.travel_s[0].unit: no unit "A9"'),
        ("zone: Z1, sec", "zone: Z9, sec", 'ems.travel_s[0].zone: no zone "Z9"'),
        ("load: 0.95", "load: 95", "ems.hospitals[0].load: 95 is outside 0..1"),
        ("status: available", "status: asleep", 'ems.units[0].status: no crew status "asleep"; one of available,'),
        ("districts: [shinan]", "districts: [shibei]", 'scenes[0].districts[0]: no district "shibei"'),
        ("name: travel", "name: travels", 'scenes[0].name: no scene "travels"; one of travel, safety_production,'),
        ("event: gas_leak", "event: gasleak", 'routing[0].event: no event "gasleak"; one of '),
        ("from_level: orange", "from_level: amber", 'routing[0].from_level: no level "amber"; one of blue, yellow,'),
        ("[fire_rescue, harbour]", "[fire]", 'routing[0].act[0]: no department "fire"; one of '),
        ("district: shinan}", "district: s}", 'routing[0].district: no district "s"'),
        ("from: 17:30", "from: 25:30", 'baselines[0].from: "25:30" is not a time of day; write it like "17:30"'),
        ("[mon, fri]", "[mon, friday]", 'baselines[0].days[1]: no day "friday"; one of mon, tue,'),
        ("end: 1782892800000", "end: 2026-07-01", 'permits[0].end: "2026-07-01" is not a time with a zone'),
        ("end: 1782892800000", "end: 2026-07-01T07:00:00+08:00", "permits[0].end: 2026-07-01T07:00:00+08:00 is"),
        ("polygon: [[120.3, 36.0], [120.5, 36.0], [120.5, 36.2]]", "polygon: [[120.3, 36.0], [120.5, 36.0]]",
         "districts[0].polygon: has 2 different points; it needs 3 or more"),
        ("[[120.3, 36.0],", "[[36.0, 120.3],", "districts[0].polygon[0][1]: 120.3 is outside -90..90"),
        ("timezone: Asia/Shanghai", "timezone: Asia/Qingdao", 'timezone: no time zone "Asia/Qingdao"; use a'),
        ("radius_m: 50,", "radius: 50,", 'sites[0].radius: no such key; did you mean "radius_m"?'),
        ("load: 0.95", "load: .nan", "ems.hospitals[0].load: expected a number, got text"),
        ("free_kmh: 50", "free_kmh: 1e999", "roads.corridors[0].free_kmh: inf is not a finite number"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_path(old: str, new: str, sentence: str) -> None:
    assert complaint(broken(old, new)).startswith(sentence)


def test_an_unknown_part_names_the_parts_there_are() -> None:
    said = complaint("device: []")
    assert said.startswith(
        'device: no such part of a city model; did you mean "devices"? The parts are name, timezone,'
    )
    assert "routing" in complaint("weather: {}")


def test_an_unknown_key_that_resembles_nothing_is_let_be() -> None:
    assert parse_city(broken("radius_m: 50,", "radius_m: 50, floors: 3,")) == parse_city(WHOLE)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[1, 2]", "expected an object with keys, got a list"),
        ("devices: [}", "c is not YAML: "),
        ("devices: []\ndevices: []", 'c, line 1: the key "devices" stands twice; put both parts into one'),
        ('{"devices": [], "devices": []}', 'the key "devices" stands twice in one object; put both parts into one'),
        ('{"timezone": NaN}', "NaN is not a number a city can have; leave the key out"),
        (b"name: \xff\xfe", "c is not UTF-8 at byte 6; save it as UTF-8"),
        ("devices: " + "[" * 200 + "]" * 200, "the document is nested deeper than 64 levels"),
        ('{"devices": ' + "[" * 100_000 + "]" * 100_000 + "}", "c is nested too deeply"),
        ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "\n".join(
            f"{chr(b)}: &{chr(b)} [" + ",".join([f"*{chr(b - 1)}"] * 10) + "]" for b in range(98, 108)),
         "the document has more than 5000000 values"),
        ("devices: &d [*d]", "the document is nested deeper than 64 levels"),
        ("name: !!python/object/apply:os.system [id]", "c is not YAML: could not determine a constructor"),
    ],
)  # fmt: skip
def test_a_document_that_cannot_be_a_city_is_refused_with_a_sentence(text: str | bytes, sentence: str) -> None:
    assert complaint(text, "c").startswith(sentence)


def test_broken_json_says_where() -> None:
    assert complaint('{"devices": [}', "c.json") == "c.json is not JSON: Expecting value at line 1, column 14"


def test_yaml_reads_times_and_words_as_they_stand() -> None:
    text = "zones: [{id: no, kind: yes}]\nsites: [{id: '1', kind: 17:30, lon: 1, lat: 010.5}]"
    city = parse_city(text)
    assert (city.zones[0].id, city.zones[0].kind, city.sites[0].kind, city.sites[0].lat) == ("no", "yes", "17:30", 10.5)


def test_words_of_new_scenes_and_events_can_be_admitted() -> None:
    text = "scenes: [{name: noise}]\nrouting: [{event: loud_night}]"
    assert parse_city(text, scenes=["noise"], events=[*EVENTS, "loud_night"]).scenes[0].name == "noise"


def test_a_machine_without_time_zones_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from brain.city import check

    def missing(name: str) -> None:
        raise check.ZoneInfoNotFoundError(name)

    monkeypatch.setattr(check, "ZoneInfo", missing)
    monkeypatch.setattr(check, "available_timezones", set)
    assert complaint("{}") == "timezone: this machine has no time zone data; install the package tzdata"


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(CityError, match=r"cannot read .*nothing.yaml: No such file or directory; name a readable"):
        load_city(tmp_path / "nothing.yaml")
    (tmp_path / "city.txt").write_text(WHOLE, encoding="utf-8")
    assert load_city(tmp_path / "city.txt") == parse_city(WHOLE)


def test_default_departments_are_those_of_the_routing_table() -> None:
    assert len(DEPARTMENTS) == len(set(DEPARTMENTS)) == 22


def test_index_answers_district_site_and_device() -> None:
    squares = [
        District("a", polygon=[(0, 0), (1, 0), (1, 1), (0, 1)]),
        District("b", polygon=[(1, 0), (2, 0), (2, 1), (1, 1)]),
        District("none"),
    ]
    sites = [Site("far", "x", 0.5, 0.5, 2000.0), Site("near", "x", 0.5005, 0.5, 60.0)]
    index = CityIndex(City(districts=squares, sites=sites))
    named = [d.id if (d := index.district_of(lon, 0.5)) else None for lon in (0.5, 1.0, 1.5, 2.5)]
    assert named == ["a", "a", "b", None]
    assert [s.id for s in index.sites_at(0.5005, 0.5)] == ["near", "far"]
    assert index.site_at(0.505, 0.5) is sites[0]
    assert index.site_at(0.6, 0.5) is None
    assert CityIndex(City()).site_at(0, 0) is None


def test_a_corner_of_a_large_radius_at_high_latitude_is_still_found() -> None:
    index = CityIndex(City(sites=[Site("s", "x", 25.0, 69.0, 5000.0)]))
    assert distance_m(25.12, 69.0, 25.0, 69.0) < 5000
    assert index.site_at(25.12, 69.0) is not None
