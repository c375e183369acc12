"""Travel (出行服务): something blocks a road, seen by cameras, detector pairs, drones and callers.

Rows are taken in receipt order. A camera track that stands long enough, or a detector pair, opens a case; other
sightings support one, also one that comes later. Marks bring silence: a track that is gone, a station that is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

import numpy as np

from brain.model import Piece, Text, microseconds
from brain.scene_api import Bulletin, Fact, Interest, Mark, Parameter, Reasoning, Scene
from scenes.toolkit.calls import calls_of
from scenes.toolkit.roads import metres
from scenes.travel import congestion
from scenes.travel.corridors import network_of
from scenes.travel.detectors import on_report, pair_facts, silent_pairs
from scenes.travel.parameters import PARAMETERS
from scenes.travel.policy import FIRE, TrafficIncident
from scenes.travel.profile import profiles_of
from scenes.travel.state import Report, Support, TravelState
from scenes.travel.statements import support_line
from scenes.travel.ties import SECOND, Context, Place, finite, place_of, reaches
from scenes.travel.video import STOP, clear_tracks, on_sighting, silent_tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from brain.model import Batch
    from brain.registry import Registry
    from brain.scene_api import Evidence, Policy, World
    from scenes.travel.corridors import Network
    from scenes.travel.state import Case

__all__ = ["Travel"]

SIGHTINGS = ("congestion", "debris", "pedestrian_on_road", "wrong_way")
OFF = ("calibrating", "maintenance", "fault")  # a device that says so bears no witness
INJURED = frozenset({"trauma_road", "entrapment"})
CALL_LATE_S = 3600


class Travel(Scene[TravelState]):
    """What blocks the roads, and how far back the queue stands."""

    name: ClassVar[str] = "travel"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("出行服务", "Travel")
    interests: ClassVar[tuple[Interest, ...]] = (
        Interest("traffic-detector", ("occupancy_pct", "speed_kmh", "status")),
        Interest("video-event", ("event", "track", "confidence", "lon", "lat", "status")),
        Interest("drone", ("lon", "lat", "height_m", "queue_length_m", "thermal_max_c", "ambient_c", "status")),
        Interest("emergency-call", ("complaint", "lon", "lat", "node", "call_id", "priority", "caller")),
    )
    policies: ClassVar[tuple[Policy, ...]] = (TrafficIncident(), congestion.Congestion())
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
            return
        if isinstance(feed, Bulletin):
            return
        for _, batch, i in _in_order(ctx, feed, world.registry):
            device = world.registry.by_id(int(batch.device[i]))
            if device is None or batch["status"][i] in OFF:
                continue
            if batch.sensor_type == "emergency-call":
                yield from _on_call(ctx, batch, i, world)
            else:
                time, position = int(microseconds(batch.time)[i]), int(batch.position[i])
                yield from _ROW[batch.sensor_type](ctx, batch, i, device.name, time, position)

    def due(self, state: TravelState, world: World) -> int | None:
        """The next second at which somebody has been silent for too long."""
        p = world.parameters
        silent, stale, reach = (int(p[k] * SECOND) for k in ("track_silent_s", "station_stale_s", "reach_s"))
        times = [t.last + silent for t in state.tracks.values() if not t.ended]
        times += [s.seen + stale + 1 for s in state.pairs.values() if s.case is not None]
        times += [c.last + reach + 1 for c in state.cases.values() if not c.holding]
        for jam in state.jams.values():
            times.append(jam.last + stale + 1)
            if not jam.raised:
                times.append(jam.since + int(p["congestion_s"] * SECOND))
        return min(times, default=None)

    def explain(self, state: TravelState, lon: float, lat: float, radius_m: float, world: World) -> Iterable[Reasoning]:
        """Detector pairs and camera tracks near a place, with each condition."""
        ctx = _context(state, world)
        for place in ctx.network.locate(lon, lat, radius_m):
            line = ctx.network.lines[place.corridor]
            for station in line.order:
                for pair in ctx.network.pairs.get(station, ()):
                    up, down = state.stations.get(pair.up), state.stations.get(pair.down)
                    if pair.up == station and not pair.between and up and down:
                        facts, _ = pair_facts(ctx, pair, up[-1], down[-1])
                        yield Reasoning("T1.detector_pair", f"traffic-detector/{station}", facts)
        for witness, track in state.tracks.items():
            if track.event in STOP and metres(lon, lat, track.lon, track.lat) <= radius_m:
                seconds, least = (track.last - track.first) / 1e6, ctx.parameters["video_s"]
                queue = ctx.network.in_signal_queue(
                    list(place_of(ctx, track.lon, track.lat, ctx.parameters["corridor_width_m"]).along),
                    track.lon,
                    track.lat,
                    ctx.parameters["signal_queue_m"],
                )
                yield Reasoning(
                    f"T1.{track.event}",
                    f"video-event/{witness.split('/')[1]}",
                    (
                        Fact("seconds_on_track", seconds, ">=", least, "s", seconds >= least),
                        Fact("in_signal_queue", str(queue), "==", "False", "", not queue),
                    ),
                )


def _context(state: TravelState, world: World) -> Context:
    return Context(network_of(world.city), profiles_of(world.city), state, world.parameters)


def _in_order(ctx: Context, piece: Piece, registry: Registry) -> Iterator[tuple[int, Batch, int]]:
    """(position, batch, row) of the rows that matter here, in order of position; the others fall out in arrays."""
    rows: list[tuple[int, Batch, int]] = []
    for name, batch in piece.batches.items():
        if name == "traffic-detector":
            keep = np.isfinite(batch["occupancy_pct"]) | np.isfinite(batch["speed_kmh"])
            keep &= _stations(ctx.network, registry).take(batch.device, mode="clip")
        elif name == "video-event":
            keep = _is_one_of(batch["event"], _EVENTS)
        elif name == "drone":
            hot = batch["thermal_max_c"] - batch["ambient_c"] >= ctx.parameters["thermal_over_ambient_c"]
            keep = np.isfinite(batch["queue_length_m"]) | hot
        elif name == "emergency-call":
            keep = _is_one_of(batch["complaint"], INJURED)
        else:
            continue
        rows += [(int(batch.position[i]), batch, i) for i in np.flatnonzero(keep).tolist()]
    rows.sort(key=lambda r: r[0])
    return iter(rows)


def _is_one_of(texts: NDArray[Any], words: frozenset[str]) -> NDArray[np.bool_]:
    found = texts.tolist()
    if words.isdisjoint(found):
        return np.zeros(len(found), bool)
    return np.array([t in words for t in found], bool)


def _stations(network: Network, registry: Registry) -> NDArray[np.bool_]:
    """Which device ids stand on a corridor, the last entry for all beyond; made anew when the registry got a device."""
    known = _station_ids.get(registry)
    if known is None or known[0] is not network or known[1] != len(registry.puts):
        ids, stand = registry.ids("traffic-detector"), np.zeros(registry.top + 2, bool)
        stand[[ids[name] for name in network.corridors_of if name in ids]] = True
        known = _station_ids[registry] = network, len(registry.puts), stand
    return known[2]


_station_ids: WeakKeyDictionary[Registry, tuple[Network, int, NDArray[np.bool_]]] = WeakKeyDictionary()  # a cache only


# -- rows ------------------------------------------------------------------------------------------------------------


def _on_detector(ctx: Context, batch: Batch, i: int, name: str, time: int, position: int) -> Iterator[Evidence]:
    report = Report(time, float(batch["occupancy_pct"][i]), float(batch["speed_kmh"][i]))
    yield from on_report(ctx, name, report, position, lambda case, at: _gather(ctx, case, at))
    for corridor in ctx.network.corridors_of[name]:
        yield from congestion.check(ctx, corridor, time, position)


def _on_video(ctx: Context, batch: Batch, i: int, name: str, time: int, position: int) -> Iterator[Evidence]:
    event, track, confidence = batch["event"][i], batch["track"][i], float(batch["confidence"][i])
    lon, lat = float(batch["lon"][i]), float(batch["lat"][i])
    if not finite(lon, lat) and name in ctx.network.watched:
        lon, lat = ctx.network.watched[name]
    if event == "cleared":
        yield from clear_tracks(ctx, name, track, time, position)
        return
    if not confidence >= ctx.parameters["video_confidence"] or not finite(lon, lat):
        return
    if event in SIGHTINGS:
        place = place_of(ctx, lon, lat, ctx.parameters["corridor_width_m"], name)
        support = Support(event, "video-event", name, f"video/{name}/{event}", time, lon, lat, confidence, place.along)
        yield from _support(ctx, support, position)
        return
    known, ripe, fresh = on_sighting(ctx, name, event, track, confidence, time, lon, lat, position)
    if fresh is not None:
        yield from _gather(ctx, fresh, position)  # before the line that opens, so that the raise knows it all
    yield from known
    if event in FIRE and ripe:
        support = Support(event, "video-event", name, f"video/{name}/{event}", time, lon, lat, confidence, ())
        yield from _support(ctx, support, position)


def _on_drone(ctx: Context, batch: Batch, i: int, name: str, time: int, position: int) -> Iterator[Evidence]:
    lon, lat, queue = float(batch["lon"][i]), float(batch["lat"][i]), float(batch["queue_length_m"][i])
    over = float(batch["thermal_max_c"][i]) - float(batch["ambient_c"][i])
    if not finite(lon, lat):
        return
    p = ctx.parameters
    along = place_of(ctx, lon, lat, p["drone_width_m"]).along
    if queue >= p["queue_min_m"]:
        yield from _support(
            ctx, Support("queue", "drone", name, f"drone/{name}/queue", time, lon, lat, queue, along), position
        )
    elif queue == 0 and float(batch["height_m"][i]) <= p["drone_low_m"]:
        yield from _support(
            ctx, Support("no_queue", "drone", name, f"drone/{name}/queue", time, lon, lat, 0.0, along), position
        )
    if over >= p["thermal_over_ambient_c"]:
        yield from _support(
            ctx, Support("thermal", "drone", name, f"drone/{name}/heat", time, lon, lat, over, ()), position
        )


def _on_call(ctx: Context, batch: Batch, i: int, world: World) -> Iterator[Evidence]:
    call = next(calls_of(batch.take(slice(i, i + 1)), world.registry))
    if finite(call.lon, call.lat):
        along = place_of(ctx, call.lon, call.lat, ctx.parameters["corridor_width_m"]).along
        witness = f"call/{call.call_id}"
        support = Support("injury", "emergency-call", call.device, witness, call.time, call.lon, call.lat, 0.0, along)
        yield from _support(ctx, support, call.position)


# -- what supports ---------------------------------------------------------------------------------------------------


def _support(ctx: Context, support: Support, position: int) -> Iterator[Evidence]:
    """Tell a sighting to the case it belongs to, and keep it for one that may come."""
    ctx.state.supports = [s for s in ctx.state.supports if s.witness != support.witness]
    ctx.state.supports.append(support)
    hits = [
        (far, case.key, case) for case in ctx.state.cases.values() if (far := _belongs(ctx, case, support)) is not None
    ]
    if hits:
        yield from _tell(ctx, min(hits, key=lambda h: h[:2])[2], support, position)


def _belongs(ctx: Context, case: Case, support: Support) -> float | None:
    p = ctx.parameters
    if not case.holding and abs(support.time - case.last) > p["reach_s"] * SECOND:
        return None
    if support.kind in FIRE:
        far = metres(case.lon, case.lat, support.lon, support.lat)
        return far if far <= p["fire_radius_m"] else None
    place = Place(support.lon, support.lat, support.places)
    off = p["reach_upstream_m"] if support.kind in ("queue", "no_queue", "congestion") else None
    return reaches(ctx, case, place, off_m=off)


def _tell(ctx: Context, case: Case, support: Support, position: int) -> Iterator[Evidence]:
    reason = None
    if support.kind == "queue":
        case.queue_m = max(case.queue_m, support.value)
        behind = ctx.network.signal_behind_m(case.places, case.lon, case.lat)
        if not case.spilled and behind is not None and support.value >= behind:
            case.spilled, reason = True, "spillback_to_signal"
        elif support.witness in case.supports and case.queue_m - case.told_m >= ctx.parameters["queue_growth_m"]:
            reason = "queue"
        if reason is not None or support.witness not in case.supports:
            case.told_m = case.queue_m
    if support.witness not in case.supports:
        case.supports.append(support.witness)
    yield support_line(ctx, case, support, position, reason)


def _gather(ctx: Context, case: Case, position: int) -> Iterator[Evidence]:
    """What was seen before the case began and belongs to it."""
    reach = ctx.parameters["reach_s"] * SECOND
    for support in ctx.state.supports:
        if abs(case.last - support.time) <= reach and _belongs(ctx, case, support) is not None:
            yield from _tell(ctx, case, support, position)


_ROW = {"traffic-detector": _on_detector, "video-event": _on_video, "drone": _on_drone}
_EVENTS = frozenset({*STOP, *SIGHTINGS, "smoke", "flame", "cleared"})


# -- marks -----------------------------------------------------------------------------------------------------------


def _on_mark(ctx: Context, now: int) -> Iterator[Evidence]:
    yield from silent_tracks(ctx, now)
    yield from silent_pairs(ctx, now)
    yield from congestion.speak_up(ctx, now)
    reach, state = ctx.parameters["reach_s"] * SECOND, ctx.state
    for case in list(state.cases.values()):
        if not case.holding and now - case.last > reach:
            del state.cases[case.key]
    if state.supports and now - state.supports[0].time > reach + CALL_LATE_S * SECOND:
        state.supports = [s for s in state.supports if now - s.time <= reach + CALL_LATE_S * SECOND]
