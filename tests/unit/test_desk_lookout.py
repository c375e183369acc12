"""Who could confirm an incident: cameras by what they watch, drones by where they were last."""

from __future__ import annotations

from typing import Any

import pytest

from brain.backtest import city_registry
from brain.city import parse_city
from brain.city.index import CityIndex
from brain.desk.lookout import Lookout
from brain.model import Level, Piece
from brain.pipeline.engine import Engine
from ingest.sensor_types import load_builtin
from tests.unit.engine_world import SECOND, T0, Echo, batch, piece, told

CITY = parse_city(
    """
    devices:
      - {id: GATE, sensor_type: video-event, lon: 120.4000, lat: 36.1009}
      - {id: SITE, sensor_type: video-event, lon: 120.4030, lat: 36.1000, watches: RQ-07}
      - {id: PARK, sensor_type: video-event, lon: 120.4102, lat: 36.1000, watches: SQUARE}
      - {id: PARK2, sensor_type: video-event, lon: 120.4104, lat: 36.1000, watches: SQUARE}
      - {id: CAR-88, sensor_type: video-event, lon: 120.4201, lat: 36.1000, watches: L-88}
      - {id: CAR-89, sensor_type: video-event, watches: L-89}
      - {id: L-88, sensor_type: elevator, lon: 120.42, lat: 36.1}
      - {id: L-89, sensor_type: elevator}
      - {id: G1, sensor_type: gas-detector, site: RQ-07}
    sites: [{id: RQ-07, kind: gas_station, lon: 120.4000, lat: 36.1000, radius_m: 60}]
    zones:
      - {id: SQUARE, kind: crowd, polygon: [[120.409, 36.099], [120.411, 36.099], [120.411, 36.101], [120.409, 36.101]]}
    ems: {drones: [{id: SLOW, lon: 120.4, lat: 36.1, speed_ms: 10}]}
    """
)


def lookout() -> Lookout:
    return Lookout(CityIndex(CITY), city_registry(load_builtin(), CITY))


@pytest.mark.parametrize(
    ("place", "witness", "camera"),
    [
        ((120.4000, 36.1000), {}, ("SITE", 269.5)),  # it watches the site, though another camera is nearer
        ((120.4100, 36.1000), {}, ("PARK", 18.0)),  # the nearest of those that watch the zone
        ((120.4203, 36.1000), {}, ("CAR-88", 18.0)),  # it watches a lift 27 m away
        ((120.4200, 36.1020), {}, None),  # nobody looks there, and the inside of a lift is no view of it
        ((120.3990, 36.1015), {}, ("GATE", 112.0)),  # watched by nobody, seen by one that stands near
        (
            (120.4500, 36.1000),
            {"device": "G1", "sensor_type": "gas-detector"},
            ("SITE", 4222.5),
        ),  # by the witness' site
        ((None, None), {"device": "L-89", "sensor_type": "elevator"}, ("CAR-89", None)),  # no places known at all
        ((None, None), {}, None),
    ],
)
def test_the_camera_is_the_nearest_that_watches_the_place(place: Any, witness: Any, camera: Any) -> None:
    found = lookout().eyes(*place, [told(**witness)], T0)["camera"]
    assert (found and tuple(found.values())) == (
        camera and (camera[0], camera[1] and pytest.approx(camera[1], abs=0.6))
    )


def fix(device: int, lon: float, seconds: float = 0, **columns: float) -> dict[str, Any]:
    return {"device": device, "time": T0 + round(seconds * SECOND), "lon": lon, "lat": 36.1, **columns}


def flown(*rows: dict[str, Any], at: float = 1.0, witness: dict[str, Any] | None = None) -> Any:
    out = lookout()
    registry = out._registry
    ids = [registry.add("drone", name).device_id for name in ("UAV-1", "UAV-2", "SLOW")]
    out.see(batch(registry, "drone", [r | {"device": ids[r["device"]]} for r in rows]))
    found = out.eyes(120.4, 36.1, [told(**(witness or {}))], T0 + round(at * SECOND))["drone"]
    return found and (found["device"], round(found["distance_m"]), round(found["eta_s"], 1))


def test_the_drone_is_the_nearest_in_the_air_by_its_last_row() -> None:
    near, far = fix(0, 120.41, height_m=60, speed_ms=10), fix(1, 120.42, height_m=60, speed_ms=10)
    assert flown(near, far) == ("UAV-1", 898, 89.8)
    assert flown(near, far, fix(1, 120.401, height_m=60, speed_ms=10)) == ("UAV-2", 90, 9.0)
    assert flown(near, far, witness={"sensor_type": "drone", "device": "UAV-1"}) == ("UAV-2", 1797, 179.7)


def test_a_drone_that_hovers_comes_at_its_nominal_speed() -> None:
    assert flown(fix(0, 120.41, height_m=60, speed_ms=0.3)) == ("UAV-1", 898, 59.9)
    assert flown(fix(2, 120.41, height_m=60)) == ("SLOW", 898, 89.8)


@pytest.mark.parametrize(
    ("columns", "flies"),
    [
        ({"height_m": 4.9, "speed_ms": 9}, False),
        ({"height_m": 5.0}, True),
        ({"speed_ms": 1.9}, False),
        ({"speed_ms": 2.0}, True),
        ({}, True),
    ],
)
def test_what_stands_on_the_ground_is_not_asked(columns: dict[str, float], flies: bool) -> None:
    assert (flown(fix(0, 120.41, **columns)) is not None) is flies


def test_a_drone_that_fell_silent_is_not_asked() -> None:
    assert flown(fix(0, 120.41, height_m=60), at=60) is not None
    assert flown(fix(0, 120.41, height_m=60), at=60.000001) is None


def test_of_two_at_one_place_the_first_by_name_is_told() -> None:
    assert flown(fix(1, 120.41), fix(0, 120.41)) == ("UAV-1", 898, 59.9)


def test_a_fleet_is_kept() -> None:
    out = lookout()
    ids = [out._registry.add("drone", f"F{k}").device_id for k in range(100)]
    out.see(batch(out._registry, "drone", [fix(d, 120.5 - 0.001 * k) for k, d in enumerate(ids)]))
    drone = out.eyes(120.4, 36.1, [], T0)["drone"]
    assert (drone["device"], drone["distance_m"]) == ("F99", pytest.approx(90, abs=1))


def test_a_step_names_who_could_look_and_who_was_there_when_it_was_made() -> None:
    registry = city_registry(load_builtin(), CITY)
    hydrant, drone = registry.add("hydrant", "H1").device_id, registry.add("drone", "UAV-1").device_id
    base = {"lon": 120.4, "lat": 36.1}
    engine = Engine([Echo()], CITY, registry)
    water = {"type": "hydrant", "device": hydrant, "pressure_mpa": 0.9, "received": T0} | base
    rows = [
        fix(drone, 120.41, height_m=60) | {"type": "drone", "received": T0},
        water | {"time": T0},
        fix(drone, 120.40, height_m=60) | {"type": "drone", "received": T0},
    ]
    (step,) = engine.feed(piece(registry, rows))
    assert step.document["plan"]["verify"]["drone"]["distance_m"] == pytest.approx(898.4, abs=0.1)
    assert step.document["plan"]["verify"]["camera"]["device"] == "SITE"


def test_a_drone_that_moves_makes_no_step_and_the_end_keeps_who_was_named() -> None:
    registry = city_registry(load_builtin(), CITY)
    drone = registry.add("drone", "UAV-1").device_id
    engine = Engine([Echo()], CITY, registry)
    hydrant = registry.add("hydrant", "H1").device_id
    water = {"type": "hydrant", "device": hydrant, "time": T0, "pressure_mpa": 0.9, "lon": 120.4, "lat": 36.1}
    engine.feed(piece(registry, [water]))
    later = [fix(drone, 120.41, k, height_m=60) | {"type": "drone", "position": 2 + k} for k in range(1, 200)]
    assert engine.feed(piece(registry, later)) == []
    assert engine.advance(T0 + 600 * SECOND) == []
    assert engine.feed(Piece({})) == []


def test_a_policy_may_want_no_eye() -> None:
    policy = Echo.policies[0]
    verifiable = type(policy).verifiable
    try:
        type(policy).verifiable = False
        registry = city_registry(load_builtin(), CITY)
        hydrant = registry.add("hydrant", "H1").device_id
        row = {"type": "hydrant", "device": hydrant, "time": T0, "pressure_mpa": 0.9, "lon": 120.4, "lat": 36.1}
        (step,) = Engine([Echo()], CITY, registry).feed(piece(registry, [row]))
        assert step.document["level"] == Level.YELLOW
        assert step.document["plan"] == {}
    finally:
        type(policy).verifiable = verifiable
