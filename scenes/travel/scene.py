"""Travel (出行服务): what blocks the roads, seen by cameras, detectors, vehicles, drones and callers.

Rows are taken in order of receipt. Evidence of one happening on a road is tied by ``ties``; crowds, weather and buses
stand for themselves. Marks bring silence and waits that are over: a track that is gone, a station that is off, a band
of density that has held for its minute.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from brain.model import Text
from brain.scene_api import Bulletin, Fact, Interest, Mark, Parameter, Reasoning, Scene
from scenes.toolkit.roads import metres
from scenes.travel import bunching, congestion, crowd, probes, single, weather
from scenes.travel.corridors import network_of
from scenes.travel.detectors import pair_facts, silent_pairs, stale_us
from scenes.travel.learning import learn
from scenes.travel.parameters import PARAMETERS
from scenes.travel.policy import TrafficIncident
from scenes.travel.profile import profiles_of
from scenes.travel.rows import FIELDS, fresh_tables, joined_of, on_piece
from scenes.travel.state import TravelState
from scenes.travel.supports import forget
from scenes.travel.ties import SECOND, Context, place_of
from scenes.travel.video import RAISES, silent_tracks
from scenes.travel.works import PLANNED, works_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from brain.model import Piece
    from brain.scene_api import Evidence, Policy, World

__all__ = ["Travel"]


class Travel(Scene[TravelState]):
    """What blocks the roads, how far back the queue stands, where it is too full, foggy, icy or bunched."""

    name: ClassVar[str] = "travel"
    version: ClassVar[str] = "3"
    title: ClassVar[Text] = Text("出行服务", "Travel")
    interests: ClassVar[tuple[Interest, ...]] = (
        Interest("traffic-detector", ("occupancy_pct", "speed_kmh", "flow_vph", "lon", "lat", "status")),
        Interest("vehicle", ("lon", "lat", "speed_kmh", "heading_deg", "kind", "route", "status")),
        Interest("video-event", ("event", "track", "confidence", "count", "zone", "lon", "lat", "status")),
        Interest(
            "drone",
            (
                "lon",
                "lat",
                "height_m",
                "queue_length_m",
                "crowd_per_m2",
                "zone",
                "thermal_max_c",
                "ambient_c",
                "status",
            ),
        ),
        Interest("emergency-call", ("complaint", "lon", "lat", "node", "call_id", "priority", "caller")),
        Interest("weather", ("visibility_m", "road_surface_c", "rain_mm_h", "lon", "lat", "status")),
        Interest("road-status", ("link_from", "link_to", "cause", "status")),
    )
    policies: ClassVar[tuple[Policy, ...]] = (
        TrafficIncident(),
        congestion.Congestion(),
        crowd.CrowdDensity(),
        bunching.BusBunching(),
        weather.RoadWeather(),
    )
    parameters: ClassVar[Mapping[str, Parameter]] = PARAMETERS
    state_type: ClassVar[type[Any]] = TravelState

    def initial(self, world: World) -> TravelState:
        """Nothing seen yet."""
        return TravelState()

    def step(self, state: TravelState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """Take rows in order of position, or a mark."""
        ctx = _context(state, world)
        if isinstance(feed, Mark):
            yield from _on_mark(ctx, feed.at)
        elif not isinstance(feed, Bulletin):
            yield from on_piece(ctx, feed, world)

    def due(self, state: TravelState, world: World) -> int | None:
        """The next second at which somebody has been silent, or something has held, for long enough."""
        if any(table.is_waiting for table in state.learned.values()) or (state.links and state.links.waiting):
            return 0
        ctx, p = _context(state, world), world.parameters
        silent, reach = (int(p[k] * SECOND) for k in ("track_silent_s", "reach_s"))
        times = [t.last + silent for t in state.tracks.values() if not t.ended]
        times += [
            s.seen + max(stale_us(ctx, s.up), stale_us(ctx, s.down)) + 1
            for s in state.pairs.values()
            if s.case is not None
        ]
        times += [c.last + reach + 1 for c in state.cases.values() if not c.holding]
        for rule in (congestion, crowd, weather, bunching, probes, single):
            times += rule.next_due(ctx)
        return min(times, default=None)

    def explain(self, state: TravelState, lon: float, lat: float, radius_m: float, world: World) -> Iterable[Reasoning]:
        """Pairs, stations, tracks, probes, corridors, crowds and weather near a place, with each condition."""
        ctx = _context(state, world)
        corridors = [a.corridor for a in ctx.network.locate(lon, lat, radius_m)]
        for name in corridors:
            line = ctx.network.lines[name]
            for station in line.order:
                for pair in ctx.network.pairs.get(station, ()):
                    up, down = state.stations.get(pair.up), state.stations.get(pair.down)
                    if pair.up == station and not pair.between and up and down:
                        facts, _ = pair_facts(ctx, pair, up[-1], down[-1])
                        east, north, half_m = line.between(pair.up, pair.down)
                        planned = works_facts(world.city, east, north, max(up[-1].time, down[-1].time), half_m)
                        yield Reasoning("T1.detector_pair", f"traffic-detector/{station}", (*facts, *planned))
        yield from single.explain(ctx, lon, lat, radius_m, world.registry)
        for witness, track in state.tracks.items():
            if track.event in RAISES and metres(lon, lat, track.lon, track.lat) <= radius_m:
                yield _why_track(ctx, witness)
        yield from probes.explain(ctx, lon, lat, radius_m)
        for name in corridors:
            yield from congestion.explain(ctx, name)
        yield from crowd.explain(ctx, lon, lat, radius_m)
        yield from weather.explain(ctx, lon, lat, radius_m)


def _why_track(ctx: Context, witness: str) -> Reasoning:
    track, p = ctx.state.tracks[witness], ctx.parameters
    seconds = (track.last - track.first) / 1e6
    facts = [Fact("seconds_on_track", seconds, ">=", p["video_s"], "s", seconds >= p["video_s"])]
    if track.event == "stopped_vehicle":
        along = list(place_of(ctx, track.lon, track.lat, p["corridor_width_m"]).along)
        queue = ctx.network.in_signal_queue(along, track.lon, track.lat, p["signal_queue_m"])
        facts.append(Fact("in_signal_queue", str(queue), "==", "False", "", not queue))
    if track.event in PLANNED:
        facts += works_facts(ctx.network.city, track.lon, track.lat, track.last)
    return Reasoning(f"T1.{track.event}", f"video-event/{witness.split('/')[1]}", tuple(facts))


def _context(state: TravelState, world: World) -> Context:
    p, city = world.parameters, world.city
    if len(state.learned) < len(FIELDS):
        fresh_tables(state, city.timezone, p["profile_floor"], p["baseline_series"])
    return Context(network_of(city), profiles_of(city, p["profile_floor"]), state, p, world.registry)


def _on_mark(ctx: Context, now: int) -> Iterator[Evidence]:
    learn(ctx)
    if ctx.state.links is not None:
        ctx.state.links.settle()
    yield from silent_tracks(ctx, now)
    yield from silent_pairs(ctx, now)
    yield from single.silent_singles(ctx, now)
    yield from probes.silent_probes(ctx, now, joined_of(ctx))
    yield from congestion.speak_up(ctx, now)
    yield from crowd.speak_up(ctx, now)
    yield from weather.silent(ctx, now)
    yield from bunching.silent(ctx, now)
    reach, state = ctx.parameters["reach_s"] * SECOND, ctx.state
    for case in list(state.cases.values()):
        if not case.holding and now - case.last > reach:
            del state.cases[case.key]
    forget(ctx, now)
