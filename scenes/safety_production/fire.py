"""S4: smoke and flame on video, and what they mean: a look for the site, a fire, hot work, or a leak's second eye.

Smoke alone asks the site to look (``device_check``); with a second kind of eye it is a fire. Flame is a fire at once,
unless a hot-work permit covers its place: a valid one explains it, one that is not valid now makes it hot work without
permit (and a fire only when a second kind of eye sees it). At sites that live under permits and have none running a
flame is both: the hazard, for those who fight it, and the breach, for those who supervise the work. Beside a leak in
second alarm a flame is that leak's second eye and no incident of its own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import shapely

from brain.city.hazard import hazard_level_of
from brain.city.index import METRES_PER_DEGREE, distance_m
from brain.model import Certainty, Level, Modality, Text
from brain.scene_api import Evidence, Fact
from scenes.safety_production.ground import site_looked_at, site_seen
from scenes.safety_production.permits import Cover, cover_of, has_running_permit
from scenes.safety_production.state import COMBUSTIBLE, Sight
from scenes.safety_production.statements import seen_line
from scenes.toolkit.table import NEVER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.city import Site
    from brain.model import Device
    from brain.scene_api import World
    from scenes.safety_production.ground import PermitArea
    from scenes.safety_production.seen import Seen
    from scenes.safety_production.state import SafetyState

__all__ = ["end_sight", "fire_call", "look", "see_people", "sight_facts"]

SECOND: Final = 1_000_000
PERMIT_KINDS: Final = ("construction", "industrial", "hazardous", "gas_station")
EXPLOSIVE_KINDS: Final = ("hazardous", "gas_station")
MOST_TRACKS: Final = 32
MOST_PEOPLE: Final = 63
_SEEN: Final = {"smoke": Text("烟雾", "smoke"), "flame": Text("明火", "flame")}


def look(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take a row of smoke or flame; statements once a track was seen long enough. A doubtful row breaks its run."""
    p = world.parameters
    if not seen.sure:
        known = state.sights.get((seen.device.device_id, seen.kind))
        if known is not None and not known.confirmed:
            known.tracks.pop(seen.track or seen.zone, None)
        return
    gap = p["video_gap_s"] * 1e6
    sight = state.sights.setdefault((seen.device.device_id, seen.kind), Sight())
    track = seen.track or seen.zone
    first, last = sight.tracks.get(track, (seen.time, seen.time))
    if seen.time - last > gap or first - seen.time > gap:
        first, last = seen.time, seen.time
    first, last = min(first, seen.time), max(last, seen.time)
    if len(sight.tracks) > MOST_TRACKS:  # the tracker of a camera counts on for ever
        sight.tracks = {k: v for k, v in sight.tracks.items() if sight.last - v[1] <= gap}
        sight.places = {k: v for k, v in sight.places.items() if k in sight.tracks}
    sight.tracks[track] = first, last
    sight.first = min(sight.first, seen.time) if sight.count else seen.time
    sight.last, sight.received = max(sight.last, seen.time), seen.received
    sight.count += 1
    sight.confidence = max(sight.confidence, seen.value)
    if not math.isnan(seen.lon):
        sight.lon, sight.lat, sight.own_place = seen.lon, seen.lat, seen.own_place
        if seen.own_place:
            sight.places[track] = seen.lon, seen.lat
    sight.seconds = max(sight.seconds, (last - first) / 1e6)
    sight.confirmed |= last - first >= p["video_seconds"] * 1e6
    if sight.confirmed:
        yield from _speak(state, sight, seen.kind, seen.device, seen.time, seen.position, world)


def end_sight(sight: Sight, kind: str, device: Device, world: World) -> Iterator[Evidence]:
    """A camera has shown it no more for long, at a mark."""
    if not sight.confirmed:
        return
    yield from seen_line(sight, kind, device, -1, world, holds=False)
    site = site_seen(world, device, sight.lon, sight.lat)
    for word in [w for w in sight.told if w != "gas"]:
        yield _line(word, sight, kind, device, -1, site, None, world, holds=False)


def _speak(
    state: SafetyState, sight: Sight, kind: str, device: Device, time: int, position: int, world: World
) -> Iterator[Evidence]:
    lon, lat = sight.lon, sight.lat
    site = site_seen(world, device, lon, lat)
    cover = Cover("none")
    if lon is not None and lat is not None:
        places = list(sight.places.values()) or [(lon, lat)]
        cover = cover_of(state, places, time, site, world, own=sight.own_place)
    if cover.word == "valid" and cover.permit is not None:
        state.audit(time, device.name, kind, f"permit {cover.permit.permit_id}")
        wanted: tuple[str, ...] = ()
    elif kind == "smoke":
        wanted = ("gas", "check", "fire")
    else:
        wanted = ("gas", *_flame_is(state, sight, time, site, cover, world))
    told = tuple(sight.told)
    if wanted == told and sight.spoken is not None and 0 <= time - sight.spoken < SECOND:
        return  # a camera that speaks many times a second is heard once
    sight.spoken = time
    if "gas" in wanted:
        yield from seen_line(sight, kind, device, position, world, holds=True)
    for word in told:
        if word not in wanted and word != "gas":
            yield _line(word, sight, kind, device, position, site, cover.permit, world, holds=False)
    sight.told = list(wanted)
    for word in wanted:
        if word != "gas":
            extra = _surroundings(state, sight, time, site, world) if word == "fire" else {}
            yield _line(word, sight, kind, device, position, site, cover.permit, world, holds=True, extra=extra)


def _flame_is(
    state: SafetyState, sight: Sight, time: int, site: Site | None, cover: Cover, world: World
) -> Iterator[str]:
    """What a flame that no valid permit explains speaks for: hot work without permit, a fire, or only the leak."""
    if "fire" not in sight.told and _leaks(state, sight, world, 3, burns_on=sight.told == ["gas"]):
        return
    is_breach = (
        cover.word == "none"
        and site is not None
        and site.kind in PERMIT_KINDS
        and not has_running_permit(site, time, world)
        and not _leaks(state, sight, world, 2)
    )
    if cover.word == "expired" or is_breach:
        yield "hot_work"
    if cover.word != "expired" or _has_other_eye(state, sight, world):
        yield "fire"


def _near(sight: Sight, lon: float | None, lat: float | None, reach_m: float) -> bool:
    if sight.lon is None or sight.lat is None or lon is None or lat is None:
        return False
    return distance_m(sight.lon, sight.lat, lon, lat) <= reach_m


def _has_other_eye(state: SafetyState, sight: Sight, world: World) -> bool:
    """Whether a drone sees heat or a smoke detector is in alarm near by."""
    reach = world.parameters["fire_gate_m"]
    return any(_near(sight, h.lon, h.lat, reach) for h in state.heats.values()) or any(
        _near(sight, a.lon, a.lat, reach) for a in state.alarms.values()
    )


def _leaks(state: SafetyState, sight: Sight, world: World, stage: int, *, burns_on: bool = False) -> bool:
    """Whether a detector of combustible gas near by is at this step or above (2 first alarm, 3 second alarm).

    A flame that was the leak's only so far (``burns_on``) stays so while the leak's incident waits for its end.
    """
    table = state.tables.get(COMBUSTIBLE)
    if table is None:
        return False
    p, used = world.parameters, table.slots.used
    ended = table.ended[:used]
    goes_on = ended == NEVER
    if burns_on:
        goes_on |= sight.last - ended < int(p["exit_hold_s"] * 1e6)
    rows = np.flatnonzero((table.stage[:used] >= stage) & goes_on).tolist()
    return any(_near(sight, float(table.lon[r]), float(table.lat[r]), p["witness_m"]) for r in rows)


def _explosive(state: SafetyState, sight: Sight, site: Site | None, world: World) -> bool:
    """Whether there is something that explodes: by the kind of site, or gas in alarm near by."""
    return (site is not None and site.kind in EXPLOSIVE_KINDS) or _leaks(state, sight, world, 2)


def _surroundings(state: SafetyState, sight: Sight, time: int, site: Site | None, world: World) -> dict[str, object]:
    """What makes a confirmed fire worse: people, explosives, a major hazard unit, its spread."""
    p = world.parameters
    fresh = p["fire_gate_s"] * 1e6
    sight.peopled = any(abs(time - t) <= fresh and _near(sight, x, y, p["fire_gate_m"]) for t, x, y in state.people)
    return {
        "people": sight.peopled,
        "explosives": _explosive(state, sight, site, world),
        "unit_level": None if site is None else hazard_level_of(site),
        "spread_m2": round(spread_m2(list(sight.places.values())), 1),
    }


def spread_m2(places: list[tuple[float, float]]) -> float:
    """Area of the hull round places (lon, lat), square metres.

    Example:
        >>> round(spread_m2([(120.0, 36.0), (120.001, 36.0), (120.0, 36.001)]), -2)
        5000.0
    """
    if len(places) < 3:
        return 0.0
    lon, lat = places[0]
    across = METRES_PER_DEGREE * math.cos(math.radians(lat))
    points = [((x - lon) * across, (y - lat) * METRES_PER_DEGREE) for x, y in places]
    return float(shapely.MultiPoint(points).convex_hull.area)


def see_people(state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
    """Remember that people are there (a count of none says nothing); a fire near by that knew of nobody says so."""
    if math.isnan(seen.lon) or seen.number <= 0:
        return
    state.people = [*state.people[-MOST_PEOPLE:], (seen.time, seen.lon, seen.lat)]
    for (device_id, kind), sight in state.sights.items():
        device = world.registry.by_id(device_id)
        near = _near(sight, seen.lon, seen.lat, world.parameters["fire_gate_m"])
        if device is None or sight.peopled or "fire" not in sight.told or not near:
            continue
        site = site_seen(world, device, sight.lon, sight.lat)
        extra = _surroundings(state, sight, seen.time, site, world)
        yield _line("fire", sight, kind, device, seen.position, site, None, world, holds=True, extra=extra)


def sight_facts(sight: Sight, world: World) -> tuple[Fact, ...]:
    """The conditions of smoke or flame on video as they stand."""
    p = world.parameters
    return (
        Fact("confidence", round(sight.confidence, 2), ">=", p["video_confidence"], "1", True),
        Fact(
            "seconds_on_track", round(sight.seconds, 3), ">=", p["video_seconds"], "s",
            sight.seconds >= p["video_seconds"],
        ),
    )  # fmt: skip


def _line(
    word: str,
    sight: Sight,
    kind: str,
    device: Device,
    position: int,
    site: Site | None,
    permit: PermitArea | None,
    world: World,
    *,
    holds: bool,
    extra: dict[str, object] | None = None,
) -> Evidence:
    """What a camera says of a fire (``fire``), of hot work (``hot_work``), or asks the site to look at (``check``)."""
    p, what = world.parameters, _SEEN[kind]
    name, looked_at = device.name, site_looked_at(world, device)
    if holds:
        zh, en = (
            f"{name} 识别到{what.zh}，持续 {sight.seconds:.0f} 秒",
            f"{name} has seen {what.en} for {sight.seconds:.0f} s",
        )
    else:
        zh, en = f"{name} 不再识别到{what.zh}", f"{name} sees no more {what.en}"
    facts = sight_facts(sight, world)
    subject: str | None = None
    if word == "hot_work":
        if permit is not None:
            subject = f"permit/{permit.permit_id}"
            facts += (Fact("permit_valid", "false", "==", "false", "1", True),)
            zh, en = f"{zh}，动火票 {permit.permit_id} 不在有效期", f"{en}; permit {permit.permit_id} is not valid now"
        else:
            subject = f"site/{site.id}" if site is not None else f"camera/{name}"
            facts += (Fact("permits_here", 0.0, "==", 0.0, "1", True),)
            zh, en = f"{zh}，此处无动火票", f"{en}; no permit for this place"
    elif word == "check":
        subject = f"video-event/{name}/smoke"
        zh, en = (f"{zh}，请现场核实", f"{en}; please look") if holds else (zh, en)
    level = {"fire": Level.YELLOW, "hot_work": Level.YELLOW, "check": Level.BLUE}[word]
    return Evidence(
        event={"fire": "fire", "hot_work": "hot_work_without_permit", "check": "device_check"}[word],
        rule={"fire": f"S4.{kind}", "hot_work": "S5.no_permit", "check": "S4.smoke_check"}[word],
        witness=f"video-event/{name}/{kind}" + ("/check" if word == "check" else ""),
        modality=Modality.VIDEO,
        sensor_type=device.sensor_type,
        device=name,
        time=sight.last,
        position=position,
        weight=p["weight_smoke" if kind == "smoke" else "weight_flame"],
        summary=Text(zh, en),
        holds=holds,
        ended=None if holds else sight.last,
        level=level,
        lon=sight.lon,
        lat=sight.lat,
        subject=subject,
        messages=sight.count,
        facts=facts,
        values={"seen": kind, "permit": None if permit is None else permit.permit_id, **(extra or {})},
        window=(sight.first, sight.last),
        site=None if looked_at is None else looked_at.id,
    )


def fire_call(seen: Seen, world: World) -> Evidence:
    """A call that tells of a fire: likely by itself."""
    return Evidence(
        event="fire",
        rule="S4.call",
        witness=f"emergency-call/{seen.track}",
        modality=Modality.SERVICE,
        sensor_type=seen.device.sensor_type,
        device=seen.device.name,
        time=seen.time,
        position=seen.position,
        weight=world.parameters["weight_call"],
        summary=Text(f"{seen.device.name} 来电报告火情", f"{seen.device.name}: a caller tells of a fire"),
        certainty=Certainty.LIKELY,
        lon=None if math.isnan(seen.lon) else seen.lon,
        lat=None if math.isnan(seen.lat) else seen.lat,
        reports=1,
        facts=(Fact("complaint", seen.kind, "in", "fire smoke flame explosion", "1", True),),
        values={"called": seen.kind},
    )
