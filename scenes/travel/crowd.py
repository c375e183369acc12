"""Crowds (rule T3): people per square metre of a zone, counted by cameras or drones, band by band for a minute each.

A camera's count is divided by the area of its zone; a drone gives the density itself. Each source is smoothed by the
median of its last three frames. Red wants both a drone and a camera that see it. Bands after Fruin's level-of-service
chart; critical density of a moving crowd 2-3 a square metre, of a standing one 7.1.
"""

from __future__ import annotations

import math
from statistics import median_low
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import shapely

from brain.city.index import METRES_PER_DEGREE
from brain.model import LEVELS, Level, Modality, Text
from brain.scene_api import Assessment, Evidence, Fact, Gate, Policy, Reasoning
from scenes.toolkit.area import geojson
from scenes.toolkit.edges import at_least
from scenes.toolkit.places import index_of
from scenes.travel.state import Crowd
from scenes.travel.ties import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brain.city import City, Zone
    from brain.scene_api import View, World
    from scenes.travel.ties import Context

__all__ = ["CrowdDensity", "Frame", "explain", "next_due", "on_frame", "speak_up", "zone_at"]

BANDS: Final = ("crowd_blue_per_m2", "crowd_yellow_per_m2", "crowd_orange_per_m2", "crowd_red_per_m2")
TREND_KEPT: Final = 60  # smoothed values of a source


class Frame(NamedTuple):
    """One count of one source: people per square metre of a zone at a time, microseconds."""

    zone: str
    device: str
    is_drone: bool
    density: float
    time: int
    position: int


def zone_at(city: City, name: str | None, lon: float, lat: float) -> Zone | None:
    """The zone a source names, else the crowd zone a place lies in."""
    index = index_of(city)
    if name is not None and name in index.zones:
        return index.zones[name]
    if math.isnan(lon) or math.isnan(lat):
        return None
    return next((z for z in index.zones_at(lon, lat) if z.kind == "crowd"), None)


def area_m2(zone: Zone) -> float:
    """Square metres of a zone as the city gives them, else of its polygon; 0 where neither is known.

    Example:
        >>> from brain.city import Zone
        >>> area_m2(Zone(id="Z", kind="crowd", area_m2=4000))
        4000
    """
    if zone.area_m2 is not None:
        return zone.area_m2
    if len(zone.polygon) < 3:
        return 0.0
    east = math.cos(math.radians(zone.polygon[0][1])) * METRES_PER_DEGREE
    return float(shapely.Polygon([(x * east, y * METRES_PER_DEGREE) for x, y in zone.polygon]).area)


def on_frame(ctx: Context, frame: Frame) -> Iterator[Evidence]:
    """Take one count; late frames and frames of the same time say nothing new."""
    p = ctx.parameters
    key = f"{frame.zone}/{frame.device}"
    known = ctx.state.crowds.get(key)
    if known is None:
        known = ctx.state.crowds[key] = Crowd(frame.zone, frame.device, frame.is_drone)
    if frame.time <= known.last:
        return
    if frame.time - known.last > p["crowd_gap_s"] * SECOND:
        known.frames, known.trend = [], []
        known.since, known.seen = [-1] * 4, [0] * 4
    known.last = frame.time
    known.frames = [*known.frames, frame.density][-int(p["crowd_frames"]) :]
    smooth = median_low(known.frames)
    oldest = frame.time - p["crowd_trend_s"] * SECOND
    known.trend = [*(t for t in known.trend if t[0] >= oldest), (frame.time, smooth)][-TREND_KEPT:]
    for band, name in enumerate(BANDS):
        if not at_least(smooth, p[name]):
            known.since[band], known.seen[band] = -1, 0
        else:
            known.seen[band] += 1
            if known.since[band] < 0:
                known.since[band] = frame.time
    if known.level >= 0 and smooth < p["crowd_clear_per_m2"]:
        yield _line(ctx, known, frame.time, frame.position, ended=frame.time)
        known.level, known.messages = -1, 0
        return
    _rise(ctx, known, frame.time)
    if known.level >= 0:
        known.messages += 1
        yield _line(ctx, known, frame.time, frame.position)


def _rise(ctx: Context, known: Crowd, now: int) -> bool:
    """Whether a higher band has held for its minute, in two frames at least."""
    wait = ctx.parameters["crowd_s"] * SECOND
    ripe = [b for b in range(4) if known.since[b] >= 0 and known.seen[b] > 1 and now - known.since[b] >= wait]
    if not ripe or max(ripe) <= known.level:
        return False
    if known.level < 0:
        known.messages = known.seen[0] - 1
    known.level = max(ripe)
    return True


def speak_up(ctx: Context, now: int) -> Iterator[Evidence]:
    """Bands that have held long enough, and drones that have gone (at a mark)."""
    silent = ctx.parameters["crowd_drone_silent_s"] * SECOND
    for known in ctx.state.crowds.values():
        was = known.level
        if _rise(ctx, known, now):
            known.messages += was < 0  # the frames that rose with it
            yield _line(ctx, known, known.last, -1, now=now)
        if known.level >= 0 and known.is_drone and now - known.last >= silent:
            yield _line(ctx, known, known.last, -1, ended=known.last)
            known.level, known.messages = -1, 0
            known.since, known.seen, known.frames = [-1] * 4, [0] * 4, []


def next_due(ctx: Context) -> Iterator[int]:
    """Times at which a mark may say something here."""
    wait, silent = (int(ctx.parameters[k] * SECOND) for k in ("crowd_s", "crowd_drone_silent_s"))
    for known in ctx.state.crowds.values():
        for band in range(known.level + 1, 4):
            if known.since[band] >= 0 and known.seen[band] > 1:
                yield known.since[band] + wait
        if known.level >= 0 and known.is_drone:
            yield known.last + silent


def _trend_per_s(known: Crowd) -> float:
    """Least-squares slope of the smoothed density, people per square metre and second."""
    if len(known.trend) < 3:
        return 0.0
    times = [(t - known.trend[0][0]) / 1e6 for t, _ in known.trend]
    values = [v for _, v in known.trend]
    mean_t, mean_v = sum(times) / len(times), sum(values) / len(values)
    spread = sum((t - mean_t) ** 2 for t in times)
    return sum((t - mean_t) * (v - mean_v) for t, v in zip(times, values, strict=True)) / spread if spread else 0.0


def _projection(ctx: Context, known: Crowd, smooth: float) -> tuple[str, int] | None:
    """The next band and seconds until it is reached as the last five minutes go on, within ten minutes."""
    slope = _trend_per_s(known)
    above = next((b for b in range(4) if smooth < ctx.parameters[BANDS[b]]), None)
    if above is None or slope <= 0:
        return None
    seconds = (ctx.parameters[BANDS[above]] - smooth) / slope
    return (LEVELS[above].value, round(seconds)) if seconds <= ctx.parameters["crowd_projection_s"] else None


def _line(
    ctx: Context, known: Crowd, time: int, position: int, ended: int | None = None, now: int | None = None
) -> Evidence:
    p = ctx.parameters
    zone = index_of(ctx.network.city).zones.get(known.zone)
    smooth = median_low(known.frames)
    lon, lat = _middle(zone)
    holds = ended is None
    coming = _projection(ctx, known, smooth) if holds else None
    until = time if now is None else now
    seconds = max(0, (until - known.since[known.level]) // SECOND) if known.since[known.level] >= 0 else 0
    facts = (
        Fact("density_per_m2", round(smooth, 2), ">=", p[BANDS[known.level]], "/m2", smooth >= p[BANDS[known.level]]),
        Fact("seconds_in_band", seconds, ">=", p["crowd_s"], "s", met=True),
        Fact("clear_density_per_m2", round(smooth, 2), "<", p["crowd_clear_per_m2"], "/m2", not holds),
    )
    zh, en = ("无人机", "Drone") if known.is_drone else ("视频", "Camera")
    return Evidence(
        event="crowd_density",
        rule="T3.drone" if known.is_drone else "T3.video",
        witness=f"crowd/{known.zone}/{known.device}",
        modality=Modality.LOW_ALTITUDE if known.is_drone else Modality.VIDEO,
        sensor_type="drone" if known.is_drone else "video-event",
        device=known.device,
        time=time,
        position=position,
        weight=p["weight_first_threshold"] if known.level == 0 else p["weight_second_threshold"],
        summary=Text(f"{zh}测得人群密度 {smooth:.1f} 人/㎡", f"{en} sees {smooth:.1f} people a square metre"),
        holds=holds,
        ended=ended,
        level=LEVELS[known.level],
        lon=lon,
        lat=lat,
        subject=f"crowd/{known.zone}",
        window=(known.since[known.level], time) if known.since[known.level] >= 0 else None,
        messages=known.messages,
        facts=facts,
        values={"zone": known.zone, "density": round(smooth, 2), "next": coming},
    )


def _middle(zone: Zone | None) -> tuple[float | None, float | None]:
    if zone is None or len(zone.polygon) < 3:
        return None, None
    middle = shapely.Polygon(zone.polygon).centroid
    return float(middle.x), float(middle.y)


def explain(ctx: Context, lon: float, lat: float, radius_m: float) -> Iterator[Reasoning]:
    """Each source of the zones near a place: its density against the next band, and for how long."""
    p, index = ctx.parameters, index_of(ctx.network.city)
    reach = shapely.Point(lon, lat).buffer(radius_m / METRES_PER_DEGREE)
    for known in ctx.state.crowds.values():
        zone = index.zones.get(known.zone)
        if zone is None or not known.frames or len(zone.polygon) < 3:
            continue
        if not shapely.Polygon(zone.polygon).intersects(reach):
            continue
        band = min(known.level + 1, 3)
        smooth = median_low(known.frames)
        seconds = (known.last - known.since[band]) / SECOND if known.since[band] >= 0 else 0.0
        yield Reasoning(
            f"T3.{LEVELS[band].value}",
            f"{'drone' if known.is_drone else 'video-event'}/{known.device}",
            (
                Fact("density_per_m2", round(smooth, 2), ">=", p[BANDS[band]], "/m2", smooth >= p[BANDS[band]]),
                Fact("seconds_in_band", seconds, ">=", p["crowd_s"], "s", seconds >= p["crowd_s"]),
                Fact("frames_in_band", known.seen[band], ">=", 2, "1", known.seen[band] > 1),
            ),
        )


class CrowdDensity(Policy):
    """Too many people in a zone."""

    event: ClassVar[str] = "crowd_density"
    gate: ClassVar[Gate] = Gate(-1.0, 900.0)  # the zone is the subject

    def assess(self, view: View, world: World) -> Assessment:
        """The highest band that a source claims; red only where a camera and a drone both claim it."""
        claims = [w for w in view.witnesses if w.level is not None]
        if not claims:
            return Assessment(level=None)
        level = max((w.level for w in claims if w.level is not None), key=lambda x: x.rank)
        red = {w.modality for w in claims if w.level is Level.RED}
        if level is Level.RED and len(red) < 2:
            level = Level.ORANGE
        main = max((w for w in claims if w.holds), key=lambda w: float(w.values["density"]), default=claims[-1])
        zone = index_of(world.city).zones.get(main.values["zone"])
        density = float(main.values["density"])
        size = area_m2(zone) if zone is not None else 0.0
        ring = zone is not None and len(zone.polygon) >= 3
        plan: dict[str, Any] = {"zone": main.values["zone"], "density_per_m2": density, "area_m2": size}
        plan["persons"] = round(density * size)
        coming = main.values["next"]
        plan["next_level"], plan["next_level_in_s"] = coming or (None, None)
        where = _where(zone, str(main.values["zone"]))
        return Assessment(
            level=level,
            lon=main.lon,
            lat=main.lat,
            area=geojson(shapely.Polygon(zone.polygon)) if zone is not None and ring else None,
            plan=plan,
            headline=Text(
                f"{where.zh}人群密集，{density:.1f} 人/㎡",
                f"Crowd at {where.en}: {density:.1f} people a square metre",
            ),
            actions=_actions(level),
        )


def _where(zone: Zone | None, name: str) -> Text:
    if zone is None or zone.name is None:
        return Text(name, name)
    return Text(zone.name.zh or zone.name.en or name, zone.name.en or zone.name.zh or name)


_ACTIONS: Final[Mapping[Level, tuple[Text, ...]]] = {
    Level.BLUE: (Text("入口限流预案准备，加强巡查", "Prepare to limit the entrances, patrol"),),
    Level.YELLOW: (
        Text("入口限流，单向通行", "Limit the entrances, one-way walking"),
        Text("出动巡警疏导", "Send patrols to guide people"),
    ),
    Level.ORANGE: (
        Text("停止进入，单向疏散", "Stop the entrances, lead people out one way"),
        Text("地铁甩站、公交增援", "Trains pass the station, more buses away"),
        Text("120 现场待命", "Ambulances stand by"),
    ),
    Level.RED: (
        Text("立即疏散，交警清空周边道路", "Clear the place at once, free the roads around"),
        Text("120、消防到场", "Ambulances and fire and rescue to the scene"),
    ),
}


def _actions(level: Level) -> tuple[Text, ...]:
    """Most urgent first: those of the level, then those of the levels below."""
    return tuple(a for rank in range(level.rank, -1, -1) for a in _ACTIONS[LEVELS[rank]])
