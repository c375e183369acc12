"""Congestion of a corridor (rule T2): much slower than it usually is at this time, for a quarter of an hour.

Travel time over a corridor is the sum of its stretches at the harmonic mean speed of the last five minutes; the daily
rush hour is in the baseline and therefore silent. While a traffic incident holds on the corridor, its queue is not told
twice.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from brain.model import Level, Modality, Text
from brain.scene_api import Assessment, Effect, EffectKind, Evidence, Fact, Gate, Policy, Reasoning
from scenes.toolkit.area import geojson
from scenes.toolkit.edges import at_least
from scenes.travel.corridors import network_of
from scenes.travel.detectors import stale_us
from scenes.travel.state import Jam
from scenes.travel.ties import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import View, World
    from scenes.travel.corridors import Line
    from scenes.travel.ties import Context

__all__ = ["Congestion", "Times", "check", "corridor_times", "explain", "next_due", "speak_up"]

SLOWEST_KMH = 3.0  # a standing queue would make the time infinite
ROAD_HALF_M = 15.0


class Times(NamedTuple):
    """Seconds over the stretches of a corridor for which live and usual speeds are known."""

    live_s: float
    usual_s: float
    metres: float


def corridor_times(ctx: Context, line: Line, now: int) -> Times:
    """Live and usual travel time of a corridor; each station stands for half the way to its neighbours."""
    window = ctx.parameters["congestion_window_s"] * SECOND
    live = usual = metres = 0.0
    for station, start, end in line.stretches:
        pace, n, latest = 0.0, 0, None
        for r in ctx.state.stations.get(station, ()):
            if now - window < r.time <= now and r.kmh == r.kmh:  # a number
                pace += 1 / max(r.kmh, SLOWEST_KMH)
                n, latest = n + 1, r
        base = ctx.profiles.usual(station, "speed_kmh", now) or (latest.usual_kmh if latest is not None else None)
        if n == 0 or base is None or base.median <= 0:
            floating = _floating(ctx, line.corridor.id, start, end, now)
            if floating is not None:
                metres += end - start
                live += floating.live_s
                usual += floating.usual_s
            continue
        metres += end - start
        live += (end - start) * 3.6 * pace / n
        usual += (end - start) * 3.6 / base.median
    return Times(live, usual, metres)


def _floating(ctx: Context, corridor: str, start: float, end: float, now: int) -> Times | None:
    """The same stretch by vehicles that drive it, where its station says nothing; None where too few do.

    The live time of a link is blended with the usual one, ``(n live + 3 usual) / (n + 3)``, below three vehicles.
    """
    links, g, p = ctx.state.links, ctx.network.graph, ctx.parameters
    arcs = ctx.network.arcs(corridor, start, end) if links is not None else []
    live = usual = 0.0
    seen, least = 0, p["floating_fixes"]
    for arc in arcs:
        kmh, n = links.speed(arc, now, round(p["congestion_window_s"] * SECOND)) if links is not None else (math.nan, 0)
        seen += n > 0
        base = 1 / float(g.usual_kmh[arc])
        here = base if n == 0 else 1 / kmh if n >= least else (n / kmh + least * base) / (n + least)
        live += float(g.length_m[arc]) * 3.6 * here
        usual += float(g.length_m[arc]) * 3.6 * base
    if not arcs or 2 * seen < len(arcs):
        return None
    share = (end - start) * 3.6 / usual if usual > 0 else 0.0  # a stretch may be a part of its links
    return Times(live * share / 3.6, usual * share / 3.6, end - start) if share > 0 else None


def check(ctx: Context, corridor: str, now: int, position: int) -> Iterator[Evidence]:
    """Compare a corridor with what is usual, after a report of one of its stations."""
    line, p = ctx.network.lines[corridor], ctx.parameters
    times, jam = corridor_times(ctx, line, now), ctx.state.jams.get(corridor)
    if jam is not None and now < jam.last:
        return  # a late report: the newer ones have spoken
    known = times.metres >= p["congestion_known_share"] * line.length_m and times.usual_s > 0
    ratio = times.live_s / times.usual_s if known else 0.0
    kmh = times.metres * 3.6 / times.live_s if known else math.nan
    incident = _has_incident(ctx, corridor)
    if jam is None:
        if at_least(ratio, p["congestion_ratio"]) and not incident:
            ctx.state.jams[corridor] = Jam(now, now, ratio, kmh)
        return
    over = not at_least(ratio, p["congestion_ratio"] * (1 - p["congestion_dead_band"] * jam.raised))
    jam.last, jam.ratio, jam.kmh = now, ratio, kmh
    jam.messages += 1
    if over or (incident and not jam.raised):
        del ctx.state.jams[corridor]
        if jam.raised:
            yield _line(ctx, corridor, jam, position, ended=now)
    elif jam.raised:
        yield _line(ctx, corridor, jam, position)


def speak_up(ctx: Context, now: int) -> Iterator[Evidence]:
    """Jams that have lasted long enough, and those nothing is known of any more (at a mark)."""
    p = ctx.parameters
    for corridor, jam in list(ctx.state.jams.items()):
        if now - jam.last > _stale_us(ctx, corridor):
            del ctx.state.jams[corridor]
            if jam.raised:
                yield _line(ctx, corridor, jam, -1, ended=jam.last)
        elif not jam.raised and now - jam.since >= p["congestion_s"] * SECOND:
            jam.raised = True
            yield _line(ctx, corridor, jam, -1)


def _stale_us(ctx: Context, corridor: str) -> int:
    return max(stale_us(ctx, s) for s in ctx.network.lines[corridor].order)


def next_due(ctx: Context) -> Iterator[int]:
    """Times at which a mark may say something here."""
    wait = int(ctx.parameters["congestion_s"] * SECOND)
    for corridor, jam in ctx.state.jams.items():
        yield jam.last + _stale_us(ctx, corridor) + 1
        if not jam.raised:
            yield jam.since + wait


def explain(ctx: Context, corridor: str) -> Iterator[Reasoning]:
    """Travel time of a corridor against the usual, and for how long."""
    line, p = ctx.network.lines[corridor], ctx.parameters
    heard = [kept[-1].time for s in line.order if (kept := ctx.state.stations.get(s))]
    if not heard:
        return
    times, jam = corridor_times(ctx, line, max(heard)), ctx.state.jams.get(corridor)
    known = times.metres / line.length_m
    ratio = times.live_s / times.usual_s if times.usual_s > 0 else 0.0
    minutes = 0.0 if jam is None else (jam.last - jam.since) / 60e6
    incident, least, share = _has_incident(ctx, corridor), p["congestion_ratio"], p["congestion_known_share"]
    yield Reasoning(
        "T2.travel_time",
        f"traffic-detector/{line.order[0]}",
        (
            Fact("known_share", round(known, 2), ">=", share, "1", known >= share),
            Fact("travel_time_ratio", round(ratio, 2), ">=", least, "1", ratio >= least),
            Fact("minutes", round(minutes, 1), ">=", p["congestion_s"] / 60, "min", minutes * 60 >= p["congestion_s"]),
            Fact("incident_on_corridor", str(incident), "==", "False", "", not incident),
        ),
    )


def _has_incident(ctx: Context, corridor: str) -> bool:
    return any(c.holding and any(a.corridor == corridor for a in c.places) for c in ctx.state.cases.values())


def _line(ctx: Context, corridor: str, jam: Jam, position: int, ended: int | None = None) -> Evidence:
    line, p = ctx.network.lines[corridor], ctx.parameters
    lon, lat = line.degrees(line.length_m / 2)
    minutes = (jam.last - jam.since) / 60e6
    return Evidence(
        event="congestion",
        rule="T2.travel_time",
        witness=f"corridor/{corridor}",
        modality=Modality.VEHICLE,
        sensor_type="traffic-detector",
        device=line.order[0],
        time=jam.since,
        position=position,
        weight=p["weight_pair"],
        summary=Text(
            f"行程时间为同期的 {jam.ratio:.1f} 倍，已持续 {minutes:.0f} 分钟",
            f"Travel time {jam.ratio:.1f} times the usual for {minutes:.0f} min",
        ),
        holds=ended is None,
        ended=ended,
        level=Level.BLUE,
        lon=lon,
        lat=lat,
        subject=f"congestion/{corridor}",
        window=(jam.since, jam.last),
        messages=jam.messages,
        facts=(
            Fact("travel_time_ratio", round(jam.ratio, 2), ">=", p["congestion_ratio"], "1", ended is None),
            Fact("minutes", round(minutes, 1), ">=", p["congestion_s"] / 60, "min", met=True),
        ),
        values={"corridor": corridor, "ratio": round(jam.ratio, 2), "kmh": round(jam.kmh, 1)},
    )


def _effects(values: dict[str, Any], line: Line | None, world: World) -> tuple[Effect, ...]:
    """The links of the corridor go at its mean speed."""
    if line is None or not values["kmh"] > 0:
        return ()
    network = network_of(world.city)
    names = [network.streets.name(a).split(">") for a in network.arcs(line.corridor.id, 0.0, line.length_m)]
    where = line.text()
    return (
        Effect(
            kind=EffectKind.ROAD_SLOW,
            links=tuple((a, b) for a, b in names),
            speed_kmh=values["kmh"],
            text=Text(f"{where.zh}拥堵", f"congestion, {where.en}"),
        ),
    ) * bool(names)


class Congestion(Policy):
    """A corridor that is much slower than usual: information for those who steer traffic."""

    event: ClassVar[str] = "congestion"
    gate: ClassVar[Gate] = Gate(-1.0, 900.0)
    fused: ClassVar[bool] = False

    def assess(self, view: View, world: World) -> Assessment:
        """Blue, whatever the size."""
        main = view.witnesses[0]
        v: dict[str, Any] = dict(main.values)
        line = network_of(world.city).lines.get(v["corridor"])
        where = Text(v["corridor"], v["corridor"]) if line is None else line.text()
        return Assessment(
            level=Level.BLUE,
            lon=main.lon,
            lat=main.lat,
            area=None if line is None else geojson(line.part(0.0, line.length_m, ROAD_HALF_M)),
            plan={"corridor": v["corridor"], "travel_time_ratio": v["ratio"]},
            headline=Text(
                f"{where.zh}拥堵，行程时间为同期的 {v['ratio']:.1f} 倍",
                f"Congestion, {where.en}: {v['ratio']:.1f} times the usual travel time",
            ),
            actions=(
                Text("查看沿线视频，排除未发现的事件", "Look along the road for an incident that nobody saw"),
                Text("优化信号配时", "Adapt the signals"),
                Text("发布绕行诱导", "Advise other ways"),
            ),
            ended=not main.holds,
            effects=_effects(v, line, world),
        )
