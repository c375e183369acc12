"""Congestion of a corridor (rule T2): much slower than it usually is at this time, for a quarter of an hour.

Travel time over a corridor is the sum of its stretches at the harmonic mean speed of the last five minutes; the daily
rush hour is in the baseline and therefore silent. While a traffic incident holds on the corridor, its queue is not told
twice.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from brain.model import Level, Modality, Text
from brain.scene_api import Assessment, Evidence, Fact, Gate, Policy
from scenes.toolkit.area import geojson
from scenes.travel.corridors import network_of
from scenes.travel.state import Jam
from scenes.travel.ties import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import View, World
    from scenes.travel.corridors import Line
    from scenes.travel.ties import Context

__all__ = ["Congestion", "Times", "check", "corridor_times", "speak_up"]

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
    places = [line.stations[s] for s in line.order]
    edges = [places[0], *((a + b) / 2 for a, b in pairwise(places)), places[-1]]
    live = usual = metres = 0.0
    for station, (start, end) in zip(line.order, pairwise(edges), strict=True):
        speeds = [
            max(r.kmh, SLOWEST_KMH)
            for r in ctx.state.stations.get(station, ())
            if now - window < r.time <= now and not math.isnan(r.kmh)
        ]
        base = ctx.profiles.at(station, "speed_kmh", now)
        if not speeds or base is None or base.median <= 0:
            continue
        metres += end - start
        live += (end - start) * 3.6 * sum(1 / v for v in speeds) / len(speeds)
        usual += (end - start) * 3.6 / base.median
    return Times(live, usual, metres)


def check(ctx: Context, corridor: str, now: int, position: int) -> Iterator[Evidence]:
    """Compare a corridor with what is usual, after a report of one of its stations."""
    line, p = ctx.network.lines[corridor], ctx.parameters
    times, jam = corridor_times(ctx, line, now), ctx.state.jams.get(corridor)
    if jam is not None and now < jam.last:
        return  # a late report: the newer ones have spoken
    known = times.metres >= p["congestion_known_share"] * line.length_m and times.usual_s > 0
    ratio = times.live_s / times.usual_s if known else 0.0
    incident = any(c.holding and any(a.corridor == corridor for a in c.places) for c in ctx.state.cases.values())
    if jam is None:
        if ratio >= p["congestion_ratio"] and not incident:
            ctx.state.jams[corridor] = Jam(now, now, ratio)
        return
    over = ratio < p["congestion_ratio"] * (1 - p["congestion_dead_band"])
    jam.last, jam.ratio = now, ratio
    if over or (incident and not jam.raised):
        del ctx.state.jams[corridor]
        if jam.raised:
            yield _line(ctx, corridor, jam, position, ended=now)


def speak_up(ctx: Context, now: int) -> Iterator[Evidence]:
    """Jams that have lasted long enough, and those nothing is known of any more (at a mark)."""
    p = ctx.parameters
    for corridor, jam in list(ctx.state.jams.items()):
        if now - jam.last > p["station_stale_s"] * SECOND:
            del ctx.state.jams[corridor]
            if jam.raised:
                yield _line(ctx, corridor, jam, -1, ended=jam.last)
        elif not jam.raised and now - jam.since >= p["congestion_s"] * SECOND:
            jam.raised = True
            yield _line(ctx, corridor, jam, -1)


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
        facts=(
            Fact("travel_time_ratio", round(jam.ratio, 2), ">=", p["congestion_ratio"], "1", ended is None),
            Fact("minutes", round(minutes, 1), ">=", p["congestion_s"] / 60, "min", met=True),
        ),
        values={"corridor": corridor, "ratio": round(jam.ratio, 2)},
    )


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
        )
