"""Tracks before cameras: how long one object has stood (rule T1). Rows come one by one, in order of receipt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scenes.travel.state import Case, Track
from scenes.travel.statements import track_line
from scenes.travel.ties import SECOND, find, found, narrow, place_of, reaches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.scene_api import Evidence
    from scenes.travel.ties import Context, Place

__all__ = ["RAISES", "STOP", "clear_tracks", "has_tracks", "on_sighting", "silent_tracks"]

STOP = ("stopped_vehicle", "crash")
RAISES = (*STOP, "debris", "wrong_way", "pedestrian_on_road")  # the last one where nobody may walk
NO_WALKING = frozenset({"expressway", "motorway", "freeway", "highway", "tunnel", "bridge"})


def on_sighting(
    ctx: Context,
    camera: str,
    event: str,
    track_id: str | None,
    confidence: float,
    time: int,
    lon: float,
    lat: float,
    position: int,
) -> tuple[list[Evidence], bool, Case | None]:
    """Take one sure enough sighting.

    Returns:
        Evidence; whether the track has lasted long enough; the case it founded, if any.
    """
    group = "stop" if event in STOP else event
    witness = f"video/{camera}/{group}/{track_id or '-'}"
    track = ctx.state.tracks.get(witness)
    out: list[Evidence] = []
    if track is not None and time - track.last > ctx.parameters["track_silent_s"] * SECOND:
        out += _end(ctx, camera, witness, track, track.last, position)
    if track is None or track.ended:
        track = ctx.state.tracks[witness] = Track(event, time, time, lon, lat, confidence)
    else:
        track.messages += 1
        track.first, track.last = min(track.first, time), max(track.last, time)
        track.confidence, track.lon, track.lat = confidence, lon, lat
        if event == "crash":
            track.event = event
    if not _ripe(ctx, camera, track):
        return out, False, None
    if event not in RAISES:
        return out, True, None
    case, founded, reason = ctx.state.cases.get(track.case or ""), None, None
    if case is None:
        place = place_of(ctx, lon, lat, ctx.parameters["corridor_width_m"], camera)
        case = find(ctx, place, time, crash=track.event == "crash")
        if case is None:
            case = founded = found(ctx, witness, place, track.first)
        else:
            narrow(case, [a.corridor for a in place.along])
        track.case = case.key
        track.in_queue = founded is None and track.event == "stopped_vehicle" and _is_behind(ctx, case, place)
        if not case.located and not track.in_queue:
            case.located, reason, case.half_m = True, None if founded is not None else "located", 0.0
            case.lon, case.lat = lon, lat
            if place.along:
                kept = [a for a in place.along if any(a.corridor == b.corridor for b in case.places)]
                case.places = kept or case.places
    case.last = max(case.last, time)
    if witness not in case.holding:
        case.holding = [*case.holding, witness]
    out.append(track_line(ctx, case, camera, witness, track, position, reason=reason))
    return out, True, founded


def _is_behind(ctx: Context, case: Case, place: Place) -> bool:
    """Whether a pair says that the source lies elsewhere: then who stands here stands in its queue."""
    far = reaches(ctx, case, place)
    return case.half_m > 0 and far is not None and far > max(case.half_m, ctx.parameters["reach_downstream_m"])


def _ripe(ctx: Context, camera: str, track: Track) -> bool:
    """Whether a track has lasted long enough; a stopped vehicle before a signal may be waiting for green."""
    p, lasted = ctx.parameters, (track.last - track.first) / 1e6
    if track.event not in RAISES:
        return lasted >= p["fire_s"]
    if lasted < p["video_s"]:
        return False
    if track.event == "pedestrian_on_road":
        return track.case is not None or bool(ctx.network.classes_at(track.lon, track.lat) & NO_WALKING)
    if track.event != "stopped_vehicle" or track.case is not None or lasted >= p["signal_red_s"]:
        return True
    place = place_of(ctx, track.lon, track.lat, p["corridor_width_m"], camera)
    return not ctx.network.in_signal_queue(list(place.along), track.lon, track.lat, p["signal_queue_m"])


def has_tracks(ctx: Context, camera: str) -> bool:
    """Whether a camera sees something now, or did so a moment ago."""
    return any(w.startswith(f"video/{camera}/") for w in ctx.state.tracks)


def clear_tracks(ctx: Context, camera: str, track_id: str | None, time: int, position: int) -> Iterator[Evidence]:
    """A camera says that the road is free again: of one track, or, where it names none that it knows, of all."""
    mine = [w for w in ctx.state.tracks if w.startswith(f"video/{camera}/")]
    named = [w for w in mine if track_id is not None and w.endswith(f"/{track_id}")]
    for witness in named or mine:
        yield from _end(ctx, camera, witness, ctx.state.tracks[witness], time, position)


def silent_tracks(ctx: Context, now: int) -> Iterator[Evidence]:
    """Tracks not seen any more (at a mark): what stood is gone since it was last seen."""
    silent = ctx.parameters["track_silent_s"] * SECOND
    for witness, track in list(ctx.state.tracks.items()):
        if not track.ended and now - track.last >= silent:
            yield from _end(ctx, witness.split("/")[1], witness, track, track.last, -1)
        if track.ended:
            del ctx.state.tracks[witness]


def _end(ctx: Context, camera: str, witness: str, track: Track, ended: int, position: int) -> Iterator[Evidence]:
    if track.ended:
        return
    track.ended = True
    case = ctx.state.cases.get(track.case or "")
    if case is not None:
        case.holding = [w for w in case.holding if w != witness]
        case.last = max(case.last, ended)
        yield track_line(ctx, case, camera, witness, track, position, ended=ended)
