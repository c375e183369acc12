"""What first aid hears of other scenes: slow and closed roads, hazards (rules F1 and F6).

A bulletin replaces what was known of its incident. Roads that it slows or closes count in every way from then on; where
a road also reports a speed itself, the slower one holds. Roads inside a closed area, and inside a hazard area from
orange on, are barred to who need not go there. Crews that are in a hazard, or drive into one, are warned. A patient in
a red incident makes it a mass casualty.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import shapely
from shapely.ops import nearest_points

from brain.model import Level
from brain.scene_api import EffectKind
from scenes.first_aid import mass, watch
from scenes.first_aid.context import AREA, area_of, bars
from scenes.first_aid.dispatch import home, patient_place
from scenes.first_aid.state import Notice
from scenes.first_aid.statements import call_line, mass_lines, red_line
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from brain.scene_api import Bulletin, Evidence
    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case
    from scenes.first_aid.town import Place

__all__ = ["hazards_of", "hear", "look_round"]


def hear(ctx: Context, bulletin: Bulletin) -> Iterator[Evidence]:
    """Take a bulletin: change the roads, look at every open emergency again."""
    changed = set(_take(ctx, bulletin))
    ctx.news()
    if changed:
        ctx.state.touch(bulletin.at)
    for case in list(ctx.state.cases.values()):
        if case.ended is None:
            yield from _look_again(ctx, case, changed, bulletin.at)


def _take(ctx: Context, bulletin: Bulletin) -> Iterable[str]:
    """Put a bulletin into the state; the driving directions whose speed changes by it."""
    incident, links = bulletin.incident, dict[str, float]()
    hazards: list[dict[str, Any]] = []
    closed: list[dict[str, Any]] = []
    for effect in bulletin.effects:
        keys = [f"{a}>{b}" for a, b in effect.links]
        if effect.kind is EffectKind.HAZARD and effect.area is not None:
            hazards.append(dict(effect.area))
        elif effect.kind is EffectKind.ROAD_CLOSED:
            links |= dict.fromkeys(keys, 0.0)
            if effect.area is not None and not keys:
                closed.append(dict(effect.area))
        elif effect.kind is EffectKind.ROAD_SLOW and effect.speed_kmh is not None:
            links |= {k: min(effect.speed_kmh, links.get(k, effect.speed_kmh)) for k in keys}
    ctx.state.notices.pop(incident, None)
    barred: dict[str, float] = {}
    if bulletin.effects:
        text = next((e.text for e in bulletin.effects if e.text.zh or e.text.en), None)
        words = (bulletin.event, bulletin.event) if text is None else (text.zh, text.en)
        notice = Notice(
            bulletin.at, bulletin.scene, bulletin.event, bulletin.level.value, hazards, closed, list(links), words
        )
        ctx.state.notices[incident] = notice
        if bars(notice):
            barred = dict.fromkeys(ctx.town.graph.links_in(area_of(notice, "barred")), 0.0)
    return [*ctx.state.live.tell(incident, links), *ctx.state.live.tell(incident + AREA, barred)]


def _look_again(ctx: Context, case: Case, changed: set[str], now: int) -> Iterator[Evidence]:
    reasons: list[str | None] = []
    if case.arrived is None and changed:
        if any(watch.drives_on(ctx, case, key) for key in sorted(changed)):
            reasons += watch.check_way(ctx, case, now)
        if not reasons and any(f"{a}>{b}" in changed for a, b in pairwise(case.plan.responder_route)):
            reasons += watch.check_responder(ctx, case, now)
    moved = watch.check_hospital(ctx, case, now) if changed else []
    reasons = reasons or [*moved]
    before = case.hazards
    yield from look_round(ctx, case, now, -1)
    grown = mass.gather(ctx, case, now) if case.red and not case.hospital_bound else []
    if case in grown:
        reasons = reasons or [None]  # it turns red: that is the reason
    elif not reasons and any(h not in before for h in case.hazards):
        reasons = ["hazard"]
    yield from mass_lines(ctx, case, -1) if grown else ()
    for reason in reasons:
        yield call_line(ctx, case, -1, reason)
    for other in grown:
        if other is not case:
            yield from mass_lines(ctx, other, -1)
            yield call_line(ctx, other, -1)


def look_round(ctx: Context, case: Case, now: int, position: int) -> Iterator[Evidence]:
    """Note the hazards round an emergency, and say which red incidents its patient is in."""
    case.hazards = hazards_of(ctx, case)
    place = patient_place(ctx, case)
    if place is None or case.hospital_bound:
        return
    for incident, notice in ctx.state.notices.items():
        if notice.level == Level.RED.value and incident not in case.red and _touches(ctx, notice, place):
            case.red.append(incident)
            yield red_line(ctx, case, incident, now, position)


def _touches(ctx: Context, notice: Notice, place: Place) -> bool:
    point, areas = shapely.Point(place.lon, place.lat), [*notice.hazards, *notice.closed]
    if areas and area_of(notice, "all").intersects(point):
        return True
    near = ctx.parameters["red_near_m"]
    lines = [line for key in notice.links if (line := ctx.town.graph.line_of(key)) is not None]
    for line in lines:
        nearest = nearest_points(shapely.LineString(line), point)[0]
        if metres(nearest.x, nearest.y, place.lon, place.lat) <= near:
            return True
    return False


def hazards_of(ctx: Context, case: Case) -> list[str]:
    """Incidents in whose hazard area the patient or a crew of the emergency is, or through which its way goes."""
    place = patient_place(ctx, case)
    if not ctx.state.notices or place is None or case.hospital_bound or case.ended is not None:
        return []
    points = [place[:2]]
    for unit in (case.plan.primary_unit, case.plan.first_responder):
        at = None if unit is None else home(ctx, unit, ctx.state.crews[unit])
        points += [] if at is None or case.arrived is not None else [at[:2]]
    shapes: list[Any] = [shapely.MultiPoint(points)]
    if case.arrived is None:
        graph = ctx.town.graph
        way = [(float(graph.lon[i]), float(graph.lat[i])) for n in case.plan.route for i in (graph.index[n],)]
        way += [place[:2]] if way else []
        shapes += [shapely.LineString(way)] if len(way) > 1 else []
    here = shapely.GeometryCollection(shapes)
    return [i for i, n in ctx.state.notices.items() if n.hazards and area_of(n, "hazards").intersects(here)]
