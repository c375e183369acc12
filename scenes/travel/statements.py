"""What travel says to the desk: one line a camera track, a detector pair, a queue, a supporting sighting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from brain.model import Level, Modality, Text
from brain.scene_api import Evidence, Fact

if TYPE_CHECKING:
    from scenes.travel.corridors import Pair
    from scenes.travel.state import Case, Report, Support, Track
    from scenes.travel.ties import Context

__all__ = [
    "AGAINST",
    "KINDS",
    "TRACKS",
    "case_values",
    "pair_line",
    "probe_line",
    "queue_line",
    "second_line",
    "single_line",
    "support_line",
    "track_line",
]

#: kind of a supporting line -> modality, weight parameter, words
KINDS: Final[dict[str, tuple[Modality, str, Text]]] = {
    "congestion": (Modality.VIDEO, "weight_sighting", Text("视频发现拥堵", "Camera sees congestion")),
    "debris": (Modality.VIDEO, "weight_sighting", Text("视频发现抛洒物", "Camera sees debris")),
    "pedestrian_on_road": (
        Modality.VIDEO,
        "weight_sighting",
        Text("视频发现行人上路", "Camera sees people on the road"),
    ),
    "wrong_way": (Modality.VIDEO, "weight_sighting", Text("视频发现逆行", "Camera sees wrong-way driving")),
    "smoke": (Modality.VIDEO, "weight_smoke", Text("视频发现烟雾", "Camera sees smoke")),
    "flame": (Modality.VIDEO, "weight_flame", Text("视频发现明火", "Camera sees flame")),
    "queue": (
        Modality.LOW_ALTITUDE,
        "weight_queue",
        Text("无人机测得排队 {v:.0f} 米", "Drone measures a queue of {v:.0f} m"),
    ),
    "no_queue": (Modality.LOW_ALTITUDE, "weight_no_queue", Text("无人机低空未见排队", "Low drone sees no queue")),
    "nothing": (
        Modality.VIDEO,
        "weight_nothing_seen",
        Text("视频查看未见异常", "Camera looked and saw nothing"),
    ),
    "thermal": (
        Modality.LOW_ALTITUDE,
        "weight_thermal",
        Text("无人机发现热异常 +{v:.0f} ℃", "Drone sees heat, +{v:.0f} K"),
    ),
    "mass_casualty": (Modality.SERVICE, "weight_call", Text("120 来电：多人伤亡", "Emergency call: many are injured")),
    "hazmat": (Modality.SERVICE, "weight_call", Text("来电：危险品泄漏", "Call: dangerous goods leak")),
    "injury": (Modality.SERVICE, "weight_call", Text("120 来电：有人受伤", "Emergency call: somebody is injured")),
}

#: kinds that speak against an incident
AGAINST: Final = frozenset({"no_queue", "nothing"})

#: event of a track that may raise -> words
TRACKS: Final[dict[str, Text]] = {
    "crash": Text("碰撞", "a crash"),
    "stopped_vehicle": Text("车辆停驶", "a stopped vehicle"),
    "debris": Text("抛洒物", "debris on the road"),
    "wrong_way": Text("逆行", "a vehicle driving the wrong way"),
    "pedestrian_on_road": Text("行人上路", "a pedestrian on the road"),
}


def case_values(case: Case, **more: Any) -> dict[str, Any]:
    """What the policy needs to know of a case."""
    source = case.places[0] if case.places else None
    return {
        "corridor": None if source is None else source.corridor,
        "m": None if source is None else round(source.m, 1),
        "queue_m": round(case.queue_m),
        "spilled": case.spilled,
        "spillback_s": None if case.spillback_s is None else round(case.spillback_s),
        "arcs": [],
        **more,
    }


def track_line(
    ctx: Context,
    case: Case,
    camera: str,
    witness: str,
    track: Track,
    position: int,
    ended: int | None = None,
    reason: str | None = None,
) -> Evidence:
    """A vehicle that stands or has crashed, before one camera."""
    p, seconds = ctx.parameters, (track.last - track.first) / 1e6
    zh, en = TRACKS[track.event]
    return Evidence(
        event="traffic_incident",
        rule=f"T1.{track.event}",
        witness=witness,
        modality=Modality.VIDEO,
        sensor_type="video-event",
        device=camera,
        time=track.last,
        position=position,
        weight=p["weight_video"],
        summary=Text(f"视频发现{zh} {seconds:.0f} 秒", f"Camera sees {en} for {seconds:.0f} s"),
        holds=ended is None,
        ended=ended,
        level=Level.YELLOW,
        lon=track.lon,
        lat=track.lat,
        subject=case.key,
        messages=track.messages,
        window=(track.first, track.last),
        facts=(
            Fact("confidence", track.confidence, ">=", p["video_confidence"], "1", met=True),
            Fact("seconds_on_track", seconds, ">=", p["video_s"], "s", met=True),
        ),
        values=case_values(case, kind=track.event, seconds=seconds, in_queue=track.in_queue),
        reason=reason,
    )


def pair_line(
    ctx: Context,
    case: Case,
    pair: Pair,
    up: Report,
    down: Report,
    facts: tuple[Fact, ...],
    level: Level,
    periods: int,
    position: int,
    ended: int | None = None,
) -> Evidence:
    """Dense upstream, empty downstream: something stands between two stations."""
    line = ctx.network.lines[pair.corridor]
    lon, lat, half_m = line.between(pair.up, pair.down)
    return Evidence(
        event="traffic_incident",
        rule="T1.detector_pair",
        witness=f"pair/{pair.name}",
        modality=Modality.VEHICLE,
        sensor_type="traffic-detector",
        device=pair.up,
        time=max(up.time, down.time),
        position=position,
        weight=ctx.parameters["weight_pair"],
        summary=Text(
            f"检测站 {pair.up} 占有率 {_percent(up)}，下游 {pair.down} {_percent(down)}",
            f"Occupancy {_percent(up)} at {pair.up}, {_percent(down)} downstream at {pair.down}",
        ),
        holds=ended is None,
        ended=ended,
        level=level,
        lon=lon,
        lat=lat,
        subject=case.key,
        messages=periods,
        facts=facts,
        values=case_values(
            case,
            kind="pair",
            kmh=None if math.isnan(up.kmh) else up.kmh,
            half_m=half_m,
        ),
    )


def second_line(
    ctx: Context, case: Case, pair: Pair, up: Report, down: Report, position: int, *, holds: bool
) -> Evidence:
    """The second opinion on a pair: less flow downstream than usual, so an incident and no daily bottleneck."""
    p = ctx.parameters
    usual = math.nan if down.usual_flow is None else down.usual_flow.z(down.flow)
    return Evidence(
        event="traffic_incident",
        rule="T1.mcmaster",
        witness=f"mcmaster/{pair.name}",
        modality=Modality.VEHICLE,
        sensor_type="traffic-detector",
        device=pair.down,
        time=max(up.time, down.time),
        position=position,
        weight=p["weight_mcmaster"],
        summary=Text(
            f"下游 {pair.down} 流量低于同期，非常发瓶颈",
            f"Less traffic than usual downstream at {pair.down}: no daily bottleneck",
        ),
        holds=holds,
        ended=None if holds else max(up.time, down.time),
        level=Level.YELLOW,
        opens=False,
        subject=case.key,
        facts=(
            Fact("occupancy_upstream_pct", up.occupancy, ">=", p["mcmaster_occupancy_pct"], "%", holds),
            Fact(
                "z_flow_downstream", round(usual, 2), "<=", -p["mcmaster_flow_z"], "1", usual <= -p["mcmaster_flow_z"]
            ),
        ),
        values=case_values(case, kind="mcmaster"),
    )


def single_line(
    ctx: Context,
    case: Case,
    device: str,
    report: Report,
    facts: tuple[Fact, ...],
    periods: int,
    position: int,
    *,
    holds: bool,
) -> Evidence:
    """A station by itself is unusually slow, or full."""
    speed = "—" if math.isnan(report.kmh) else f"{report.kmh:.0f} km/h"
    return Evidence(
        event="traffic_incident",
        rule="T1.single_station",
        witness=f"single/{device}",
        modality=Modality.VEHICLE,
        sensor_type="traffic-detector",
        device=device,
        time=report.time,
        position=position,
        weight=ctx.parameters["weight_single"],
        summary=Text(
            f"检测站 {device} 异常：速度 {speed}，占有率 {_percent(report)}",
            f"Station {device} is unusual: {speed}, occupancy {_percent(report)}",
        ),
        holds=holds,
        ended=None if holds else report.time,
        level=Level.YELLOW,
        lon=None if math.isnan(case.lon) else case.lon,
        lat=None if math.isnan(case.lat) else case.lat,
        subject=case.key,
        messages=periods,
        facts=facts,
        values=case_values(case, kind="single", kmh=None if math.isnan(report.kmh) else report.kmh),
    )


def probe_line(
    ctx: Context,
    case: Case,
    link: str,
    vehicles: list[str],
    place: tuple[float, float],
    arcs: list[list[str]],
    time: int,
    position: int,
    *,
    holds: bool,
) -> Evidence:
    """Several vehicles crawl on one link while it flows downstream."""
    p = ctx.parameters
    return Evidence(
        event="traffic_incident",
        rule="T1.probes",
        witness=f"probes/{link}",
        modality=Modality.VEHICLE,
        sensor_type="vehicle",
        device=vehicles[0] if vehicles else link,
        time=time,
        position=position,
        weight=p["weight_probes"],
        summary=Text(f"{len(vehicles)} 辆浮动车在路段 {link} 缓行", f"{len(vehicles)} vehicles crawl on {link}"),
        holds=holds,
        ended=None if holds else time,
        level=Level.YELLOW,
        lon=place[0],
        lat=place[1],
        subject=case.key,
        facts=(Fact("slow_vehicles", len(vehicles), ">=", p["probe_vehicles"], "1", holds),),
        values=case_values(case, kind="probes", arcs=arcs),
    )


def _percent(report: Report) -> str:
    return "—" if math.isnan(report.occupancy) else f"{report.occupancy:.0f}%"


def queue_line(
    ctx: Context, case: Case, station: str, report: Report, position: int, *, holds: bool, reason: str | None = None
) -> Evidence:
    """The queue behind the source as the stations upstream show it; ``station`` is the last one in it."""
    p = ctx.parameters
    return Evidence(
        event="traffic_incident",
        rule="T1.queue",
        witness=f"queue/{case.key}",
        modality=Modality.VEHICLE,
        sensor_type="traffic-detector",
        device=station,
        time=report.time,
        position=position,
        weight=p["weight_detector_queue"],
        summary=Text(
            f"排队约 {case.queue_m:.0f} 米（至检测站 {station}）",
            f"Queue of about {case.queue_m:.0f} m, past {station}",
        ),
        holds=holds,
        ended=None if holds else report.time,
        opens=False,
        subject=case.key,
        facts=(
            Fact("speed_kmh", report.kmh, "<", p["queue_kmh"], "km/h", holds),
            Fact("queue_m", round(case.queue_m), ">", 0, "m", holds),
        ),
        values=case_values(case, kind="queue"),
        reason=reason,
    )


def support_line(ctx: Context, case: Case, support: Support, position: int, reason: str | None = None) -> Evidence:
    """A sighting that never raises alone."""
    modality, weight, words = KINDS[support.kind]
    sign = -1.0 if support.kind in AGAINST else 1.0
    return Evidence(
        event="traffic_incident",
        rule=f"T1.{support.kind}",
        witness=support.witness,
        modality=modality,
        sensor_type=support.sensor_type,
        device=support.device,
        time=support.time,
        position=position,
        weight=sign * ctx.parameters[weight],
        summary=Text(words.zh.format(v=support.value), words.en.format(v=support.value)),
        opens=False,
        lon=support.lon,
        lat=support.lat,
        subject=case.key,
        reports=1 if modality is Modality.SERVICE else 0,
        values=case_values(case, kind=support.kind),
        reason=reason,
    )
