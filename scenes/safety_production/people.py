"""S6: missing helmets and vests, and people where they must not be. One incident a camera and track, or a zone.

A violation counts once it was seen confidently for three seconds. The lines of one zone and event (missing helmets and
vests are one event), else of one track of one camera and type, belong to one incident with its count and last snapshot.
Who does it later joins while that incident is open; once it is over, the zone opens no other within ten minutes of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from brain.model import Level, Modality, Text
from brain.scene_api import Evidence, Fact, Policy
from scenes.safety_production.ground import zone_seen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.model import Device
    from brain.scene_api import World
    from scenes.safety_production.seen import Seen

__all__ = ["BREACHES", "Breach", "Conduct", "breach_facts", "end_breaches", "joins", "next_absence", "take_breach"]

#: what a camera says -> the event it speaks for
BREACHES: Final = {"no_helmet": "ppe_violation", "no_vest": "ppe_violation", "intrusion": "intrusion"}
EDGE_WORDS: Final = ("edge", "height")  # in the kind of a zone, like ``edge`` or ``work_at_height``
_WORDS: Final = {
    "no_helmet": Text("未戴安全帽", "without a helmet"),
    "no_vest": Text("未穿反光衣", "without a vest"),
    "intrusion": Text("闯入禁区", "where nobody may be"),
}
SECOND: Final = 1_000_000
MOST_REMEMBERED: Final = 4096


@dataclass(slots=True)
class Breach:
    """One violation before one camera: one track, or one zone where the camera tells no tracks apart.

    Attributes:
        first, last: Event times without a gap, microseconds.
        told, spoken, number: It has become evidence; event time and count of people of the last statement.
        group: Zone or camera and type, for counting workers.
    """

    kind: str
    subject: str
    group: str
    zone: str
    track: str
    first: int
    last: int
    received: int
    count: int = 0
    most: float = 1.0
    confidence: float = 0.0
    snapshot: str | None = None
    told: bool = False
    spoken: int = 0
    number: float = math.nan
    lon: float | None = None
    lat: float | None = None


@dataclass(slots=True)
class Conduct:
    """All violations now.

    Attributes:
        live: (device id, type, zone, track) -> violation.
        spoken: Subject -> time of receipt of its last opening.
        ended: Subject -> event time at which the last told violation of it was seen last.
    """

    live: dict[tuple[int, str, str, str], Breach] = field(default_factory=dict)
    spoken: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)


def take_breach(conduct: Conduct, seen: Seen, world: World) -> Iterator[Evidence]:
    """Take a row; a statement once it has lasted, unless its zone spoke a short while ago. A doubtful row breaks it."""
    p = world.parameters
    zone = zone_seen(world.city, seen.zone, seen.device)
    name = seen.zone or ("" if zone is None else zone.id)
    key = (seen.device.device_id, seen.kind, name, seen.track)
    gap = p["video_gap_s"] * 1e6
    breach = conduct.live.get(key)
    if not seen.sure:
        if breach is not None and not breach.told:
            del conduct.live[key]
        return
    if breach is None or (not breach.told and seen.time - breach.last > gap):
        camera = seen.device.name
        if name:
            subject = group = f"zone/{name}/{BREACHES[seen.kind]}"
        else:
            subject, group = f"camera/{camera}/{seen.track}/{seen.kind}", f"camera/{camera}/{seen.kind}"
        breach = Breach(seen.kind, subject, group, name, seen.track, seen.time, seen.time, seen.received)
        conduct.live[key] = breach
    breach.first, breach.last = min(breach.first, seen.time), max(breach.last, seen.time)
    breach.received = seen.received
    breach.count += 1
    breach.confidence = max(breach.confidence, seen.value)
    breach.snapshot = seen.snapshot or breach.snapshot
    if math.isfinite(seen.number):
        breach.most = max(breach.most, seen.number)
    if math.isfinite(seen.lon) and math.isfinite(seen.lat):
        breach.lon, breach.lat = seen.lon, seen.lat
    if not breach.told:
        if breach.last - breach.first < p["video_seconds"] * 1e6 or not _may_speak(conduct, breach, world):
            return
        breach.told = True
    elif 0 <= seen.time - breach.spoken < SECOND and (seen.number == breach.number or math.isnan(seen.number)):
        return  # a camera that speaks many times a second is heard once
    breach.spoken, breach.number = seen.time, seen.number
    yield _line(conduct, breach, seen.device, seen.position, world, holds=True)


def joins(conduct: Conduct, breach: Breach) -> bool:
    """Whether it belongs to what is told already: by a violation that goes on, or an incident no mark has cleared."""
    if any(b.told and b.subject == breach.subject for b in conduct.live.values()):
        return True
    ended = conduct.ended.get(breach.subject)
    return ended is not None and breach.received - ended < int(Policy.hold_s * SECOND)


def _may_speak(conduct: Conduct, breach: Breach, world: World) -> bool:
    """Whether this violation joins one that is told already, or its zone has been silent for long enough."""
    if joins(conduct, breach):
        return True
    wait = int(world.parameters["zone_message_s"] * 1e6)
    spoken = conduct.spoken.get(breach.subject)
    if spoken is not None and breach.received - spoken < wait:
        return False
    if len(conduct.spoken) >= MOST_REMEMBERED:
        conduct.spoken = {k: t for k, t in conduct.spoken.items() if breach.received - t < wait}
    conduct.spoken[breach.subject] = breach.received
    return True


def _workers(conduct: Conduct, breach: Breach, world: World) -> int:
    """How many people do it at a time: tracks of the zone (else of the camera), or as many as the camera counts.

    A track seen longer ago than a gap counts no more: cameras give one person a new track now and then.
    """
    span = world.parameters["video_gap_s"] * 1e6
    least = world.parameters["video_seconds"] * 1e6
    tracks = {
        b.track
        for b in conduct.live.values()
        if b.group == breach.group and breach.last - b.last <= span and b.last - b.first >= least
    }
    return max(len(tracks), int(breach.most))


def _zone_kind(breach: Breach, device: Device, world: World) -> str | None:
    zone = zone_seen(world.city, breach.zone, device)
    return None if zone is None else zone.kind


def _is_edge(kind: str | None) -> bool:
    return kind is not None and any(word in kind for word in EDGE_WORDS)


def next_absence(conduct: Conduct, world: World) -> int | None:
    """When the next violation may have ended by silence, microseconds of receipt; None for none."""
    wait = int(world.parameters["video_silence_s"] * 1e6)
    return min((b.received + wait for b in conduct.live.values()), default=None)


def end_breaches(conduct: Conduct, at: int, world: World) -> Iterator[Evidence]:
    """End what no camera has shown for long, at a mark."""
    wait = world.parameters["video_silence_s"] * 1e6
    for key, breach in list(conduct.live.items()):
        if at - breach.received >= wait:
            del conduct.live[key]
            device = world.registry.by_id(key[0])
            if breach.told and device is not None:
                conduct.ended[breach.subject] = max(breach.last, conduct.ended.get(breach.subject, breach.last))
                yield _line(conduct, breach, device, -1, world, holds=False)
    if len(conduct.ended) >= MOST_REMEMBERED:
        conduct.ended = {k: t for k, t in conduct.ended.items() if at - t < Policy.hold_s * SECOND}


def breach_facts(conduct: Conduct, breach: Breach, device: Device, world: World) -> tuple[Fact, ...]:
    """The conditions of a violation as they stand."""
    p = world.parameters
    seconds = (breach.last - breach.first) / 1e6
    workers = _workers(conduct, breach, world)
    kind = _zone_kind(breach, device, world)
    return (
        Fact("confidence", round(breach.confidence, 2), ">=", p["video_confidence"], "1", True),
        Fact("seconds_on_track", round(seconds, 3), ">=", p["video_seconds"], "s", seconds >= p["video_seconds"]),
        Fact("workers", float(workers), ">=", p["workers_yellow"], "1", workers >= p["workers_yellow"]),
        Fact("zone_kind", kind, "in", " ".join(EDGE_WORDS), "1", _is_edge(kind)),
    )


def _line(conduct: Conduct, breach: Breach, device: Device, position: int, world: World, *, holds: bool) -> Evidence:
    p = world.parameters
    word = _WORDS[breach.kind]
    workers = _workers(conduct, breach, world)
    is_edge = _is_edge(_zone_kind(breach, device, world))
    where = Text(f"（区域 {breach.zone}）", f" (zone {breach.zone})") if breach.zone else Text("", "")
    if holds:
        summary = Text(
            f"{device.name} 识别到{workers}人{word.zh}{where.zh}，共 {breach.count} 次",
            f"{device.name} sees {workers} {'person' if workers == 1 else 'people'} {word.en}{where.en}, "
            f"{breach.count} times",
        )
    else:
        summary = Text(f"{device.name} 不再识别到{word.zh}{where.zh}", f"{device.name} sees nobody {word.en} any more")
    return Evidence(
        event=BREACHES[breach.kind],
        rule=f"S6.{breach.kind}",
        witness=f"video-event/{device.name}/{breach.kind}/{breach.zone}/{breach.track}",
        modality=Modality.VIDEO,
        sensor_type=device.sensor_type,
        device=device.name,
        time=breach.last,
        position=position,
        weight=p["weight_breach"],
        summary=summary,
        holds=holds,
        ended=None if holds else breach.last,
        level=Level.YELLOW if is_edge or workers >= p["workers_yellow"] else Level.BLUE,
        lon=breach.lon,
        lat=breach.lat,
        subject=breach.subject,
        messages=breach.count,
        facts=breach_facts(conduct, breach, device, world),
        values={
            "kind": breach.kind,
            "zone": breach.zone or None,
            "track": breach.track or None,
            "workers": workers,
            "snapshot_url": breach.snapshot,
        },
        window=(breach.first, breach.last),
    )
