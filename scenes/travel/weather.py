"""Weather that makes roads dangerous (rule T5): fog, freezing wet surfaces, reported ice.

Two samples in a row count. Water that stands on a road is ``waterlogging`` of the flood scene and not told twice here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Final, NamedTuple

from brain.model import LEVELS, Level, Modality, Text
from brain.scene_api import Assessment, Evidence, Fact, Gate, Policy, Reasoning
from scenes.toolkit.area import circle, geojson
from scenes.toolkit.places import index_of
from scenes.toolkit.roads import metres
from scenes.travel.state import Weather
from scenes.travel.ties import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import View, World
    from scenes.travel.ties import Context

__all__ = ["ICE", "IceReport", "Reading", "RoadWeather", "explain", "next_due", "on_ice", "on_reading", "silent"]

FOG: Final = ("fog_blue_m", "fog_yellow_m", "fog_orange_m")
ICE: Final = frozenset({"ice", "icy", "icy_road", "road_ice", "black_ice", "结冰", "道路结冰"})


class Reading(NamedTuple):
    """One report of a weather station; NaN where it gave nothing."""

    device: str
    lon: float
    lat: float
    visibility_m: float
    surface_c: float
    rain_mm_h: float
    time: int
    position: int


class IceReport(NamedTuple):
    """Somebody saw ice on the road; ``over`` says that it is gone."""

    sensor_type: str
    device: str
    where: str
    lon: float
    lat: float
    time: int
    position: int
    over: bool = False


def on_reading(ctx: Context, r: Reading) -> Iterator[Evidence]:
    """Take a report of a station: visibility and surface are two findings."""
    known = ctx.state.weathers.setdefault(r.device, Weather(r.lon, r.lat))
    if r.time <= known.last:
        return
    known.last = r.time
    p = ctx.parameters
    if r.rain_mm_h > 0:
        known.wet = r.time
    if not math.isnan(r.visibility_m):
        known.visibility_m = r.visibility_m
        bands = [r.visibility_m < p[name] for name in FOG]
        known.fog = [n + 1 if hit else 0 for n, hit in zip(known.fog, bands, strict=True)]
        ripe = [b for b in range(3) if known.fog[b] >= p["weather_samples"]]
        over = r.visibility_m >= p["fog_blue_m"] * (1 + p["weather_dead_band"])
        if known.fog_level >= 0 and over:
            yield _fog(ctx, r, known, ended=r.time)
            known.fog_level, known.fog_messages = -1, 0
        else:
            known.fog_messages = known.fog_messages + 1 if known.fog_level >= 0 else known.fog[0]
            known.fog_level = max([known.fog_level, *ripe])
            if known.fog_level >= 0:
                yield _fog(ctx, r, known)
    if not math.isnan(r.surface_c):
        known.surface_c = r.surface_c
        wet = known.wet >= 0 and r.time - known.wet <= p["wet_after_rain_s"] * SECOND
        known.freezing = known.freezing + 1 if wet and r.surface_c <= p["surface_max_c"] else 0
        over = not wet or r.surface_c > p["surface_max_c"] + p["surface_dead_band_c"]
        if known.is_icy and over:
            known.is_icy = False
            yield _surface(ctx, r, known, ended=r.time)
        elif known.is_icy or known.freezing >= p["weather_samples"]:
            known.is_icy = True
            yield _surface(ctx, r, known)


def on_ice(ctx: Context, report: IceReport) -> Iterator[Evidence]:
    """Take a report of ice, or of its end."""
    last = ctx.state.ice.get(report.where)
    if report.over:
        if last is not None:
            del ctx.state.ice[report.where]
            yield _ice(ctx, report, ended=report.time)
        return
    ctx.state.ice[report.where] = (report.time, report.sensor_type, report.device, report.lon, report.lat)
    yield _ice(ctx, report)


def silent(ctx: Context, now: int) -> Iterator[Evidence]:
    """Reports of ice that nobody repeated (at a mark)."""
    for where, (time, kind, device, lon, lat) in list(ctx.state.ice.items()):
        if now - time >= ctx.parameters["ice_s"] * SECOND:
            del ctx.state.ice[where]
            yield _ice(ctx, IceReport(kind, device, where, lon, lat, time, -1), ended=now)


def next_due(ctx: Context) -> Iterator[int]:
    """Times at which a mark may say something here."""
    wait = int(ctx.parameters["ice_s"] * SECOND)
    return (time + wait for time, *_ in ctx.state.ice.values())


def _evidence(
    ctx: Context, r: Reading, kind: str, level: Level, text: Text, facts: tuple[Fact, ...], n: int, ended: int | None
) -> Evidence:
    p = ctx.parameters
    return Evidence(
        event="road_weather",
        rule=f"T5.{kind}",
        witness=f"weather/{r.device}/{kind}",
        modality=Modality.METER,
        sensor_type="weather",
        device=r.device,
        time=r.time,
        position=r.position,
        weight=p["weight_first_threshold"] if level is Level.BLUE else p["weight_second_threshold"],
        summary=text,
        holds=ended is None,
        ended=ended,
        level=level,
        lon=None if math.isnan(r.lon) else r.lon,
        lat=None if math.isnan(r.lat) else r.lat,
        messages=max(1, n),
        facts=facts,
        values={"kind": kind, "visibility_m": None if kind != "fog" else r.visibility_m},
    )


def _fog(ctx: Context, r: Reading, known: Weather, ended: int | None = None) -> Evidence:
    least = ctx.parameters[FOG[known.fog_level]]
    return _evidence(
        ctx,
        r,
        "fog",
        LEVELS[known.fog_level],
        Text(f"能见度 {r.visibility_m:.0f} 米", f"Visibility {r.visibility_m:.0f} m"),
        (
            Fact("visibility_m", r.visibility_m, "<", least, "m", r.visibility_m < least),
            Fact("samples", known.fog[known.fog_level], ">=", ctx.parameters["weather_samples"], "1", ended is None),
        ),
        known.fog_messages,
        ended,
    )


def _surface(ctx: Context, r: Reading, known: Weather, ended: int | None = None) -> Evidence:
    p = ctx.parameters
    return _evidence(
        ctx,
        r,
        "freezing",
        Level.BLUE,
        Text(f"路面湿，温度 {r.surface_c:.1f} ℃", f"Wet road surface at {r.surface_c:.1f} °C"),
        (
            Fact("road_surface_c", r.surface_c, "<=", p["surface_max_c"], "Cel", r.surface_c <= p["surface_max_c"]),
            Fact("seconds_since_rain", (r.time - known.wet) / 1e6, "<=", p["wet_after_rain_s"], "s", ended is None),
        ),
        known.freezing,
        ended,
    )


def _ice(ctx: Context, r: IceReport, ended: int | None = None) -> Evidence:
    modality = Modality.VIDEO if r.sensor_type == "video-event" else Modality.SERVICE
    return Evidence(
        event="road_weather",
        rule="T5.ice",
        witness=f"ice/{r.where}",
        modality=modality,
        sensor_type=r.sensor_type,
        device=r.device,
        time=r.time,
        position=r.position,
        weight=ctx.parameters["weight_second_threshold"],
        summary=Text("报告路面结冰", "Ice on the road reported"),
        holds=ended is None,
        ended=ended,
        level=Level.YELLOW,
        lon=None if math.isnan(r.lon) else r.lon,
        lat=None if math.isnan(r.lat) else r.lat,
        values={"kind": "ice", "visibility_m": None},
    )


def explain(ctx: Context, lon: float, lat: float, radius_m: float) -> Iterator[Reasoning]:
    """Stations near a place, each condition with its value."""
    p = ctx.parameters
    for device, known in ctx.state.weathers.items():
        if math.isnan(known.lon) or metres(lon, lat, known.lon, known.lat) > radius_m:
            continue
        facts = []
        if not math.isnan(known.visibility_m):
            least = p[FOG[min(known.fog_level + 1, 2)]]
            facts.append(Fact("visibility_m", known.visibility_m, "<", least, "m", known.visibility_m < least))
        if not math.isnan(known.surface_c):
            met = known.surface_c <= p["surface_max_c"]
            facts.append(Fact("road_surface_c", known.surface_c, "<=", p["surface_max_c"], "Cel", met))
        yield Reasoning("T5.road_weather", f"weather/{device}", tuple(facts))


class RoadWeather(Policy):
    """Fog or ice on the roads round one or more stations."""

    event: ClassVar[str] = "road_weather"
    gate: ClassVar[Gate] = Gate(5000.0, 3600.0)

    def assess(self, view: View, world: World) -> Assessment:
        """The highest claim; the area is what all who claimed it stand for."""
        claims = [w for w in view.witnesses if w.level is not None]
        if not claims:
            return Assessment(level=None)
        level = max((w.level for w in claims if w.level is not None), key=lambda x: x.rank)
        holding = [w for w in claims if w.holds] or claims[-1:]
        main = max(claims, key=lambda w: LEVELS.index(w.level) if w.level is not None else -1)
        radius = world.parameters["weather_radius_m"]
        places = sorted({(w.lon, w.lat) for w in claims if w.lon is not None and w.lat is not None})
        kinds = {str(w.values["kind"]) for w in holding}
        seen = [float(w.values["visibility_m"]) for w in holding if w.values["visibility_m"] is not None]
        return Assessment(
            level=level,
            lon=main.lon,
            lat=main.lat,
            area=geojson(*(circle(x, y, radius) for x, y in places)) if places else None,
            plan={"visibility_m": min(seen, default=None), "ice": bool(kinds & {"ice", "freezing"})},
            headline=_headline(main, kinds, min(seen, default=None), world),
            actions=_actions(kinds, level),
        )


def _headline(main: Evidence, kinds: set[str], visibility: float | None, world: World) -> Text:
    district = None
    if main.lon is not None and main.lat is not None:
        district = index_of(world.city).district_of(main.lon, main.lat)
    zh, en = [], []
    if visibility is not None:
        zh.append(f"能见度 {visibility:.0f} 米")
        en.append(f"visibility {visibility:.0f} m")
    if "ice" in kinds:
        zh.append("道路结冰")
        en.append("ice on the road")
    if "freezing" in kinds:
        zh.append("路面湿冷可能结冰")
        en.append("wet surface may freeze")
    place = Text("", "") if district is None else Text(district.name.zh, f" in {district.name.en}")
    return Text(f"{place.zh}道路气象：{'，'.join(zh)}", f"Road weather{place.en}: {', '.join(en)}")


def _actions(kinds: set[str], level: Level) -> tuple[Text, ...]:
    out = []
    if level.rank >= Level.ORANGE.rank:
        out.append(Text("封闭快速路和高架入口", "Close the ramps of expressways"))
    if kinds & {"ice", "freezing"}:
        out.append(Text("撒布融雪剂，桥面优先", "Spread de-icing agent, bridges first"))
    out.append(Text("可变情报板限速提示", "Lower speed limits on the message signs"))
    out.append(Text("交警上路带行疏导", "Police lead the traffic"))
    return tuple(out)
