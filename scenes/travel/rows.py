"""Which rows matter to travel, in order of position, and what each is given to. Quiet rows fall out in arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from brain.model import microseconds
from scenes.toolkit.baseline import Learned, Usual
from scenes.toolkit.calls import calls_of
from scenes.travel import bunching, congestion, crowd, probes, weather
from scenes.travel.detectors import keep, on_report
from scenes.travel.single import on_single
from scenes.travel.state import Report, Support
from scenes.travel.streets import PARTS, LinkSpeeds
from scenes.travel.supports import FIRE, gather, on_support, take_back
from scenes.travel.ties import finite, place_of
from scenes.travel.video import RAISES, clear_tracks, has_tracks, on_sighting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from brain.model import Batch, Piece
    from brain.registry import Registry
    from brain.scene_api import Evidence, World
    from scenes.travel.state import Case, TravelState
    from scenes.travel.ties import Context

__all__ = ["FIELDS", "fresh_tables", "joined_of", "on_piece"]

SIGHTINGS: Final = ("congestion", "debris", "pedestrian_on_road", "wrong_way")
OFF: Final = ("calibrating", "maintenance", "fault")  # a device that says so bears no witness
CALLS: Final = {
    "trauma_road": "injury",
    "entrapment": "injury",
    "mass_casualty": "mass_casualty",
    "hazmat": "hazmat",
}
EVENTS: Final = frozenset({*RAISES, *SIGHTINGS, *weather.ICE, "smoke", "flame", "cleared", "crowd_count"})
#: field of a station -> one step of a learned sample
FIELDS: Final = {"occupancy_pct": 0.4, "speed_kmh": 1.0, "flow_vph": 40.0}


class Row(NamedTuple):
    """One row that matters; ``more`` is what arrays have found out about it."""

    position: int
    batch: Batch
    i: int
    more: Any = None


def fresh_tables(state: TravelState, zone: str, floor: float, most: float) -> None:
    """Give a new state (or one saved before there were any) its tables of what is usual."""
    for name, step in FIELDS.items():
        if name not in state.learned:
            state.learned[name] = Learned(zone, step, floor, int(most))


def joined_of(ctx: Context) -> Callable[[Case, int], Iterator[Evidence]]:
    """Tells first what waited for a new case."""
    return lambda case, at: gather(ctx, case, at)


def on_piece(ctx: Context, piece: Piece, world: World) -> Iterator[Evidence]:
    """Take the rows of a piece in order of position."""
    registry = world.registry
    rows: list[Row] = []
    for name, batch in piece.batches.items():
        rows += _MATTERS[name](ctx, batch, registry) if name in _MATTERS else ()
    rows.sort(key=lambda r: r.position)
    for row in rows:
        device = registry.by_id(int(row.batch.device[row.i]))
        if device is None or row.batch["status"][row.i] in OFF:
            continue
        if row.batch.sensor_type == "emergency-call":
            yield from _on_call(ctx, row, world)
        else:
            time = int(microseconds(row.batch.time)[row.i])
            yield from _TAKES[row.batch.sensor_type](ctx, row, device.name, time)


# -- which rows matter -----------------------------------------------------------------------------------------------


def _rows(batch: Batch, keep: NDArray[np.bool_]) -> list[Row]:
    return [Row(int(batch.position[i]), batch, i) for i in np.flatnonzero(keep).tolist()]


def _detectors(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    """Stations of corridors, and those of which something is usual; all are learned from."""
    time = microseconds(batch.time)
    off = np.array([s in OFF for s in batch["status"].tolist()], bool)
    told = {}
    stand, on_corridor = _stations(ctx, registry)
    known = stand.take(batch.device, mode="clip")
    any_value = np.zeros(len(batch), bool)
    for name in FIELDS:
        value = np.where(off, np.nan, batch[name])
        if name == "flow_vph":  # only pairs ask what flow is usual
            value = np.where(on_corridor.take(batch.device, mode="clip"), value, np.nan)
        told[name] = ctx.state.learned[name].observe(batch.device, time, value)
        if name != "flow_vph":
            any_value |= np.isfinite(batch[name])
            known = known | np.isfinite(told[name][0])
    chosen = np.flatnonzero(known & any_value).tolist()
    return [
        Row(int(batch.position[i]), batch, i, {k: (float(m[i]), float(s[i])) for k, (m, s) in told.items()})
        for i in chosen
    ]


def _vehicles(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    """Buses of routes, and vehicles on links that crawl or did so; all tell how fast the links flow."""
    p = ctx.parameters
    out: dict[int, Row] = {}
    kinds = batch["kind"]
    if (kinds == "bus").any():
        buses = (kinds == "bus") & (batch["route"] != None)  # noqa: E711 - of an array
        out = {i: Row(int(batch.position[i]), batch, i, (-1, 0.0)) for i in np.flatnonzero(buses).tolist()}
    streets = ctx.network.streets
    if not len(streets.way):
        return list(out.values())
    kmh = batch["speed_kmh"]
    arc, along = streets.match(batch["lon"], batch["lat"], batch["heading_deg"], p["match_m"], p["match_deg"])
    on = (arc >= 0) & np.isfinite(kmh)
    crawls = on & (kmh < p["probe_kmh"])
    if on.any():
        rows = np.flatnonzero(on)
        if ctx.state.links is None:
            ctx.state.links = LinkSpeeds()
        part = np.minimum(PARTS - 1, (PARTS * along[rows] / streets.way[arc[rows]]).astype(np.int64))
        free = kmh[rows] >= p["free_share"] * ctx.network.graph.usual_kmh[arc[rows]]
        ctx.state.links.wait(arc[rows], part, microseconds(batch.time)[rows], kmh[rows], free)
    if crawls.any() or ctx.state.probe_arc:
        followed = {n for v in ctx.state.probe_arc if (n := registry.ids("vehicle").get(v)) is not None}
        followed |= set(batch.device[crawls].tolist())
        mine = np.isin(batch.device, np.array(sorted(followed), np.int32)) & np.isfinite(kmh)
        for i in np.flatnonzero(mine).tolist():
            out[i] = Row(int(batch.position[i]), batch, i, (int(arc[i]), float(along[i])))
    return list(out.values())


def _videos(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    return _rows(batch, _is_one_of(batch["event"], EVENTS))


def _drones(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    hot = batch["thermal_max_c"] - batch["ambient_c"] >= ctx.parameters["thermal_over_ambient_c"]
    return _rows(batch, np.isfinite(batch["queue_length_m"]) | np.isfinite(batch["crowd_per_m2"]) | hot)


def _calls(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    return _rows(batch, _is_one_of(batch["complaint"], frozenset(CALLS)))


def _stations_of_weather(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    return _rows(batch, np.isfinite(batch["visibility_m"]) | np.isfinite(batch["road_surface_c"]))


def _roads(ctx: Context, batch: Batch, registry: Registry) -> list[Row]:
    if not ctx.state.ice:
        return _rows(batch, _is_one_of(batch["cause"], weather.ICE))
    return _rows(batch, np.ones(len(batch), bool))


_MATTERS: Final = {
    "traffic-detector": _detectors,
    "vehicle": _vehicles,
    "video-event": _videos,
    "drone": _drones,
    "emergency-call": _calls,
    "weather": _stations_of_weather,
    "road-status": _roads,
}


def _is_one_of(texts: NDArray[Any], words: frozenset[str]) -> NDArray[np.bool_]:
    found = texts.tolist()
    if words.isdisjoint(found):
        return np.zeros(len(found), bool)
    return np.array([t in words for t in found], bool)


def _stations(ctx: Context, registry: Registry) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which device ids stand on a corridor or have a baseline, and which the former; made anew with a new device.

    The last entry stands for all beyond.
    """
    known = _station_ids.get(registry)
    if known is None or known[0] is not ctx.network or known[1] != len(registry.puts):
        ids, on_corridor = registry.ids("traffic-detector"), np.zeros(registry.top + 2, bool)
        on_corridor[[ids[name] for name in ctx.network.corridors_of if name in ids]] = True
        stand = on_corridor.copy()
        stand[[ids[name] for name in ctx.profiles.devices("occupancy_pct", "speed_kmh") if name in ids]] = True
        known = _station_ids[registry] = ctx.network, len(registry.puts), stand, on_corridor
    return known[2:]


_Known = tuple[Any, int, "NDArray[np.bool_]", "NDArray[np.bool_]"]
_station_ids: WeakKeyDictionary[Registry, _Known] = WeakKeyDictionary()  # a cache only


# -- what is made of them --------------------------------------------------------------------------------------------


def _on_detector(ctx: Context, row: Row, name: str, time: int) -> Iterator[Evidence]:
    batch, i = row.batch, row.i
    usual = {field: ctx.profiles.usual(name, field, time) or _learned(*row.more[field]) for field in FIELDS}
    report = Report(
        time,
        float(batch["occupancy_pct"][i]),
        float(batch["speed_kmh"][i]),
        float(batch["flow_vph"][i]),
        usual["occupancy_pct"],
        usual["speed_kmh"],
        usual["flow_vph"],
    )
    keep(ctx, name, report)
    joined = joined_of(ctx)
    yield from on_report(ctx, name, report, row.position, joined)
    where = (float(batch["lon"][i]), float(batch["lat"][i]))
    yield from on_single(ctx, name, report, where, row.position, joined)
    for corridor in ctx.network.corridors_of.get(name, ()):
        yield from congestion.check(ctx, corridor, time, row.position)


def _learned(median: float, spread: float) -> Usual | None:
    return None if math.isnan(median) else Usual(median, spread)


def _on_vehicle(ctx: Context, row: Row, name: str, time: int) -> Iterator[Evidence]:
    batch, i = row.batch, row.i
    lon, lat = float(batch["lon"][i]), float(batch["lat"][i])
    if not finite(lon, lat):
        return
    if batch["kind"][i] == "bus" and batch["route"][i] is not None:
        fix = bunching.Fix(str(batch["route"][i]), name, lon, lat, time, row.position)
        yield from bunching.on_bus(ctx, fix)
    kmh = float(batch["speed_kmh"][i])
    if finite(kmh) and len(ctx.network.streets.way):
        arc, along = row.more
        if arc >= 0 or name in ctx.state.probe_arc:
            yield from probes.on_probe(
                ctx, probes.Fix(name, lon, lat, kmh, arc, along, time, row.position), joined_of(ctx)
            )


def _on_video(ctx: Context, row: Row, name: str, time: int) -> Iterator[Evidence]:
    batch, i = row.batch, row.i
    event, track, confidence = batch["event"][i], batch["track"][i], float(batch["confidence"][i])
    lon, lat = float(batch["lon"][i]), float(batch["lat"][i])
    if not finite(lon, lat) and name in ctx.network.watched:
        lon, lat = ctx.network.watched[name]
    nothing = f"video/{name}/nothing"
    if event == "cleared":
        stood = has_tracks(ctx, name)
        yield from clear_tracks(ctx, name, track, time, row.position)
        if not stood and finite(lon, lat):  # it ends nothing: it looked, and saw nothing
            place = place_of(ctx, lon, lat, ctx.parameters["corridor_width_m"], name)
            seen = Support("nothing", "video-event", name, nothing, time, lon, lat, 0.0, place.along)
            yield from on_support(ctx, seen, row.position)
        return
    if event == "crowd_count":
        target = batch["zone"][i] or ctx.network.watches.get(name)
        yield from _count(ctx, target, name, lon, lat, float(batch["count"][i]), time, row.position)
        return
    if not confidence >= ctx.parameters["video_confidence"] or not finite(lon, lat):
        return
    if event in weather.ICE:
        yield from weather.on_ice(ctx, weather.IceReport("video-event", name, name, lon, lat, time, row.position))
        return
    witness = f"video/{name}/{event}"
    known: list[Evidence] = []
    ripe, fresh = False, None
    if event not in SIGHTINGS or event in RAISES:
        known, ripe, fresh = on_sighting(ctx, name, event, track, confidence, time, lon, lat, row.position)
    if ripe:
        take_back(ctx, nothing)
    if fresh is not None:  # told before the line that opens, so that the raise knows it all; not what it says itself
        yield from gather(ctx, fresh, row.position, witness)
    yield from known
    if event in FIRE and ripe:
        support = Support(event, "video-event", name, witness, time, lon, lat, confidence, ())
        yield from on_support(ctx, support, row.position)
    elif event in SIGHTINGS and not ripe:
        place = place_of(ctx, lon, lat, ctx.parameters["corridor_width_m"], name)
        support = Support(event, "video-event", name, witness, time, lon, lat, confidence, place.along)
        yield from on_support(ctx, support, row.position)


def _count(
    ctx: Context, target: str | None, name: str, lon: float, lat: float, count: float, time: int, position: int
) -> Iterator[Evidence]:
    """A camera's count of people, by the area of its zone."""
    zone = crowd.zone_at(ctx.network.city, target, lon, lat)
    area = crowd.area_m2(zone) if zone is not None else 0.0
    if zone is not None and area > 0 and finite(count):
        frame = crowd.Frame(zone.id, name, False, count / area, time, position)
        yield from crowd.on_frame(ctx, frame)


def _on_drone(ctx: Context, row: Row, name: str, time: int) -> Iterator[Evidence]:
    batch, i = row.batch, row.i
    lon, lat, queue = float(batch["lon"][i]), float(batch["lat"][i]), float(batch["queue_length_m"][i])
    over = float(batch["thermal_max_c"][i]) - float(batch["ambient_c"][i])
    density = float(batch["crowd_per_m2"][i])
    zone = crowd.zone_at(ctx.network.city, batch["zone"][i], lon, lat) if finite(density) else None
    if zone is not None:
        yield from crowd.on_frame(ctx, crowd.Frame(zone.id, name, True, density, time, row.position))
    if not finite(lon, lat):
        return
    p = ctx.parameters
    along = place_of(ctx, lon, lat, p["drone_width_m"]).along
    if queue >= p["queue_min_m"]:
        yield from on_support(
            ctx, Support("queue", "drone", name, f"drone/{name}/queue", time, lon, lat, queue, along), row.position
        )
    elif queue == 0 and float(batch["height_m"][i]) <= p["drone_low_m"]:
        yield from on_support(
            ctx, Support("no_queue", "drone", name, f"drone/{name}/queue", time, lon, lat, 0.0, along), row.position
        )
    if over >= p["thermal_over_ambient_c"]:
        yield from on_support(
            ctx, Support("thermal", "drone", name, f"drone/{name}/heat", time, lon, lat, over, ()), row.position
        )


def _on_weather(ctx: Context, row: Row, name: str, time: int) -> Iterator[Evidence]:
    batch, i = row.batch, row.i
    lon, lat, visibility, surface, rain = (
        float(batch[c][i]) for c in ("lon", "lat", "visibility_m", "road_surface_c", "rain_mm_h")
    )
    yield from weather.on_reading(ctx, weather.Reading(name, lon, lat, visibility, surface, rain, time, row.position))


def _on_road(ctx: Context, row: Row, name: str, time: int) -> Iterator[Evidence]:
    batch, i = row.batch, row.i
    tail, head = batch["link_from"][i], batch["link_to"][i]
    g = ctx.network.graph
    ends = [g.index[n] for n in (tail, head) if n in g.index]
    if len(ends) < 2:
        return
    lon, lat = (float(np.mean(v[ends])) for v in (g.lon, g.lat))
    over = batch["cause"][i] not in weather.ICE
    yield from weather.on_ice(
        ctx, weather.IceReport("road-status", name, f"{tail}>{head}", lon, lat, time, row.position, over)
    )


def _on_call(ctx: Context, row: Row, world: World) -> Iterator[Evidence]:
    call = next(calls_of(row.batch.take(slice(row.i, row.i + 1)), world.registry))
    if finite(call.lon, call.lat):
        along = place_of(ctx, call.lon, call.lat, ctx.parameters["corridor_width_m"]).along
        kind, witness = CALLS[str(row.batch["complaint"][row.i])], f"call/{call.call_id}"
        support = Support(kind, "emergency-call", call.device, witness, call.time, call.lon, call.lat, 0.0, along)
        yield from on_support(ctx, support, call.position)


_TAKES: Final = {
    "traffic-detector": _on_detector,
    "vehicle": _on_vehicle,
    "video-event": _on_video,
    "drone": _on_drone,
    "weather": _on_weather,
    "road-status": _on_road,
}
