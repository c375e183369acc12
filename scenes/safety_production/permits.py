"""S5: gas beside running hot work, gas tests that are too old, and flames that no valid permit covers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.city.index import distance_m
from brain.model import Certainty, Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.safety_production.ground import CONFINED_SPACE, HOT_WORK, ground_of
from scenes.safety_production.state import PermitGas

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from brain.city import Site
    from brain.model import Device
    from brain.scene_api import World
    from scenes.safety_production.detectors import Detectors
    from scenes.safety_production.ground import PermitArea
    from scenes.safety_production.state import SafetyState

__all__ = [
    "PERMIT_LEVEL",
    "Cover",
    "confined_permit",
    "cover_of",
    "gas_beside",
    "has_running_permit",
    "next_test",
    "permit_facts",
    "tests_due",
]

PERMIT_LEVEL: Final = 3  # index of the permit's gas level among a table's levels
TESTED: Final = (HOT_WORK, CONFINED_SPACE)


class Cover(NamedTuple):
    """What permits say about a flame.

    Attributes:
        word: ``valid`` (work goes on there), ``gassy`` (it does, but gas was found beside it), ``expired`` (there is a
            permit, but not for now), ``none``.
    """

    word: str
    permit: PermitArea | None = None


def cover_of(
    state: SafetyState, places: Sequence[tuple[float, float]], time: int, site: Site | None, world: World, *, own: bool
) -> Cover:
    """Which hot-work permit covers a flame.

    Args:
        state: For gas beside permits.
        places: Where the flame is; all of them must lie within the radius of a permit.
        time: Event time, microseconds.
        site: The site it is at, if any.
        world: For the permits.
        own: The camera tells these places. Else they are the camera's own, and a permit inside the site it looks at
            covers the flame too, or, without a site, one that reaches the camera's view.
    """
    ground = ground_of(world.city)
    view = 0.0 if own or site is not None else world.parameters["camera_view_m"]
    here = [p for p in ground.permits if p.kind == HOT_WORK and all(_reaches(p, *x, view) for x in places)]
    if not own and site is not None:
        here += [
            p
            for p in ground.permits
            if p.kind == HOT_WORK and p not in here and distance_m(p.lon, p.lat, site.lon, site.lat) <= site.radius_m
        ]
    running = [p for p in here if p.runs(time)]
    for permit in running:
        if not any(g.told and k[1] == permit.permit_id for k, g in state.permit_gas.items()):
            return Cover("valid", permit)
    if running:
        return Cover("gassy", running[0])
    return Cover("expired", here[0]) if here else Cover("none")


def has_running_permit(site: Site, time: int, world: World) -> bool:
    """Whether hot work is permitted anywhere in a site at a time."""
    return any(
        p.kind == HOT_WORK and p.runs(time) and distance_m(p.lon, p.lat, site.lon, site.lat) <= site.radius_m
        for p in ground_of(world.city).permits
    )


def confined_permit(lon: float | None, lat: float | None, time: int, world: World) -> str | None:
    """The running permit of confined space that a place lies in: people are inside."""
    if lon is None or lat is None:
        return None
    found = (p for p in ground_of(world.city).permits if p.kind == CONFINED_SPACE and p.runs(time))
    return next((p.permit_id for p in found if _reaches(p, lon, lat, 0.0)), None)


def _reaches(permit: PermitArea, lon: float, lat: float, more_m: float) -> bool:
    return distance_m(lon, lat, permit.lon, permit.lat) <= permit.radius_m + more_m


def gas_beside(
    state: SafetyState, table: Detectors, row: int, device: Device, position: int, world: World
) -> Iterator[Evidence]:
    """Take the last sample of a detector of combustible gas: begins, carries on or ends what it says of permits."""
    ground, p = ground_of(world.city), world.parameters
    if not ground.permits:
        return
    lon, lat, time, value = (
        float(table.lon[row]),
        float(table.lat[row]),
        int(table.time[row]),
        float(table.value[row]),
    )
    told = False
    for permit in ground.permits:
        if permit.kind != HOT_WORK or not distance_m(lon, lat, permit.lon, permit.lat) <= p["permit_gas_m"]:
            continue
        key = device.device_id, permit.permit_id
        known = state.permit_gas.get(key)
        runs = permit.runs(time)
        if known is None:
            if not runs or table.run[row, PERMIT_LEVEL] < p["permit_gas_samples"]:
                continue
            known = state.permit_gas[key] = PermitGas(told=True, count=int(table.run[row, PERMIT_LEVEL]) - 1)
            known.first = int(table.run_from[row, PERMIT_LEVEL])
        holds = runs and value >= p["permit_gas_pct"] * p["permit_gas_exit_share"]
        known.count, known.last, known.value = known.count + 1, time, value
        known.run = int(table.run[row, PERMIT_LEVEL])
        yield _gas_line(known, permit, device, lon, lat, position, world, holds=holds)
        if not holds:
            del state.permit_gas[key]
        told |= holds
    table.beside[row] = told


def _gas_line(
    gas: PermitGas,
    permit: PermitArea,
    device: Device,
    lon: float,
    lat: float,
    position: int,
    world: World,
    *,
    holds: bool,
) -> Evidence:
    p = world.parameters
    far = distance_m(lon, lat, permit.lon, permit.lat)
    if holds:
        summary = Text(
            f"动火票 {permit.permit_id} 旁 {far:.0f} 米处 {device.name} 测得 {gas.value:.1f} %LEL",
            f"{device.name}, {far:.0f} m from hot work {permit.permit_id}, reads {gas.value:.1f} %LEL",
        )
    else:
        summary = Text(
            f"动火票 {permit.permit_id} 旁 {device.name} 已恢复正常或作业已结束",
            f"{device.name} beside hot work {permit.permit_id} is back to normal, or the work is over",
        )
    return Evidence(
        event="hot_work_gas",
        rule="S5.hot_work_gas",
        witness=f"{device.sensor_type}/{device.name}/{permit.permit_id}",
        modality=Modality.METER,
        sensor_type=device.sensor_type,
        device=device.name,
        time=gas.last,
        position=position,
        weight=p["weight_l1"],
        summary=summary,
        holds=holds,
        ended=None if holds else gas.last,
        level=Level.ORANGE,
        certainty=Certainty.LIKELY,  # the permit says that there is a flame: no second eye is needed for that
        lon=lon,
        lat=lat,
        subject=f"permit/{permit.permit_id}",
        messages=gas.count,
        facts=(
            Fact("lel_pct", round(gas.value, 2), ">=", p["permit_gas_pct"], "%", gas.value >= p["permit_gas_pct"]),
            Fact("samples_in_a_row", float(gas.run), ">=", p["permit_gas_samples"], "1", True),
            Fact("distance_m", round(far, 1), "<=", p["permit_gas_m"], "m", far <= p["permit_gas_m"]),
        ),
        values={"permit": permit.permit_id, "value": round(gas.value, 2), "place": [permit.lon, permit.lat]},
        window=(gas.first, gas.last),
    )


def _test_due(permit: PermitArea, world: World) -> int | None:
    """When the gas test of a permit is too old for work that goes on; None: never."""
    if permit.tested is None or permit.kind not in TESTED:
        return None
    due = max(permit.start, permit.tested + int(world.parameters["gas_test_s"] * 1e6))
    return due if due < permit.end else None


def next_test(state: SafetyState, world: World) -> int | None:
    """When the next permit's test is too old, or a permit of which that was told ends; None for none."""
    if state.clock is None:
        return None
    times = list(state.stale.values())
    for permit in ground_of(world.city).permits:
        due = _test_due(permit, world)
        if due is not None and permit.permit_id not in state.stale and state.clock < permit.end:
            times.append(due)
    return min(times, default=None)


def tests_due(state: SafetyState, at: int, world: World) -> Iterator[Evidence]:
    """Permits whose gas test is too old from this mark on, and the end of those that are over."""
    for permit in ground_of(world.city).permits:
        due = _test_due(permit, world)
        if due is None:
            continue
        if permit.permit_id in state.stale:
            if at >= permit.end:
                del state.stale[permit.permit_id]
                yield _test_line(permit, permit.end, world, holds=False)
        elif due <= at < permit.end:
            state.stale[permit.permit_id] = permit.end
            yield _test_line(permit, at, world, holds=True)


def permit_facts(permit: PermitArea, time: int, world: World) -> tuple[Fact, ...]:
    """The conditions of a test that is too old, at an event time."""
    p = world.parameters
    running = permit.runs(time)
    age = None if permit.tested is None else round((time - permit.tested) / 1e6, 1)
    return (
        Fact("permit_runs", str(running).lower(), "==", "true", "1", running),
        Fact("gas_test_age_s", age, ">=", p["gas_test_s"], "s", age is not None and age >= p["gas_test_s"]),
    )


def _test_line(permit: PermitArea, time: int, world: World, *, holds: bool) -> Evidence:
    minutes = round((time - (permit.tested or time)) / 60e6)
    if holds:
        summary = Text(
            f"作业票 {permit.permit_id} 气体检测已过 {minutes} 分钟，须重新检测",
            f"The gas test of permit {permit.permit_id} is {minutes} minutes old; test again",
        )
    else:
        summary = Text(f"作业票 {permit.permit_id} 已结束", f"Permit {permit.permit_id} is over")
    return Evidence(
        event="hot_work_gas",
        rule="S5.test_too_old",
        witness=f"permit/{permit.permit_id}/test",
        modality=Modality.METER,  # a gas test is read from a meter; it is no second eye beside one
        sensor_type="permit",
        device=permit.permit_id,
        time=time,
        position=-1,
        weight=world.parameters["weight_permit"],
        summary=summary,
        holds=holds,
        ended=None if holds else time,
        level=Level.BLUE,
        certainty=Certainty.LIKELY,
        lon=permit.lon,
        lat=permit.lat,
        subject=f"permit/{permit.permit_id}",
        facts=permit_facts(permit, time, world),
        values={"permit": permit.permit_id, "kind": permit.kind, "place": [permit.lon, permit.lat]},
    )
