"""What is watched after the dispatch (rule F6): the way, the arrival, the unit, the hospital.

Each function looks at one emergency after one row or mark, changes its plan where another one is better, and answers
with the words of the public surface for what changed, in order.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from scenes.first_aid.aed import plan_aed
from scenes.first_aid.dispatch import (
    FRESH_S,
    HOME_M,
    Where,
    elapsed_s,
    make_plan,
    patient_place,
    plan_responder,
    quickest,
    take_path,
    whereabouts,
)
from scenes.first_aid.hospitals import best_hospital, hospital_scores, takes
from scenes.first_aid.mass import bound_for
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case, Crew, Fix, Plan
    from scenes.first_aid.town import Place
    from scenes.toolkit.roads import Path

__all__ = [
    "assign",
    "believe",
    "change_stuck",
    "check_aed",
    "check_hospital",
    "check_responder",
    "check_stuck",
    "check_way",
    "drives_on",
    "redispatch",
    "replace_responder",
    "uses_link",
]


def assign(ctx: Context, case: Case, plan: Plan, now: int) -> None:
    """Put a plan in force: its crews belong to the emergency and cover no zone, those it no longer names are free."""
    ctx.state.touch(now)
    for crew in ctx.state.crews.values():
        if crew.case == case.key:
            crew.case, crew.offered = None, False
    if plan.primary_unit != case.plan.primary_unit and plan.primary_unit is not None:
        crew = ctx.state.crews[plan.primary_unit]
        crew.confirmed, crew.slow_since = crew.duty == "dispatched", None
        case.stuck = False
    for unit in (plan.primary_unit, plan.first_responder):
        if unit is not None:
            ctx.state.crews[unit].case = case.key
    case.plan = plan


def believe(ctx: Context, crew: Crew, fix: Fix) -> bool:
    """Take a position report unless it implies an impossible speed; three doubted ones that agree are believed."""
    if crew.fix is None:
        crew.fix = fix
        return True
    if fix.time <= crew.fix.time:
        return False
    if _possible(ctx, crew.fix, fix):
        crew.fix, crew.doubted = fix, []
        return True
    if crew.doubted and not _possible(ctx, crew.doubted[-1], fix):
        crew.doubted = []
    crew.doubted.append(fix)
    if len(crew.doubted) < 3:
        return False
    crew.fix, crew.doubted = fix, []
    return True


def _possible(ctx: Context, a: Fix, b: Fix) -> bool:
    seconds = (b.time - a.time) / 1e6
    return seconds > 0 and metres(a.lon, a.lat, b.lon, b.lat) <= ctx.parameters["fix_speed_max_ms"] * seconds


def uses_link(route: Sequence[str], key: str) -> bool:
    """Whether a driving direction ``FROM>TO`` is on a way."""
    return any(f"{a}>{b}" == key for a, b in pairwise(route))


def drives_on(ctx: Context, case: Case, key: str) -> bool:
    """Whether a driving direction is on the primary unit's way, or it or the patient stands on that link.

    Every one is where no way is known.
    """
    if uses_link(case.plan.route, key) or (case.plan.primary_unit is not None and case.plan.eta_s is None):
        return True
    place, graph = patient_place(ctx, case), ctx.town.graph
    arc = graph.arc_of.get(key)
    if arc is None or place is None or case.plan.primary_unit is None:
        return False
    fix = ctx.state.crews[case.plan.primary_unit].fix
    here = None if fix is None else ctx.town.place(fix.lon, fix.lat, None)
    return any(p is not None and p.spot is not None and p.spot.arc in (arc, graph.twin[arc]) for p in (place, here))


def check_responder(ctx: Context, case: Case, now: int) -> list[str]:
    """The first responder's arrival after a link of its way changed: ``eta_slip`` or nothing."""
    plan, place = case.plan, patient_place(ctx, case)
    unit, planned = plan.first_responder, plan.first_responder_eta_s
    if unit is None or planned is None or place is None or elapsed_s(case, now) >= planned:
        return []
    crew, station = ctx.state.crews[unit], ctx.town.stations[unit]
    here = station if crew.fix is None else ctx.town.place(crew.fix.lon, crew.fix.lat, None)
    path = None if here is None else quickest(ctx, here, place)
    if path is None:
        return []
    leaves = max(elapsed_s(case, now), ctx.town.city.ems.turnout_s if here == station else 0.0)
    if not _slips(ctx, planned, leaves + path.seconds):
        return []
    case.plan = replace(plan, first_responder_eta_s=leaves + path.seconds, responder_route=list(path.nodes))
    return ["eta_slip"]


def replace_responder(ctx: Context, case: Case, now: int) -> list[str]:
    """The first responder cannot go (its crew is released already): another one, or none: ``unit_change``."""
    place, due = patient_place(ctx, case), case.plan.first_responder_eta_s
    if case.arrived is not None or place is None or (due is not None and elapsed_s(case, now) >= due):
        return []  # it was there
    new = replace(case.plan)
    plan_responder(ctx, case, new, place, now)
    assign(ctx, case, new, now)
    return ["unit_change"]


def check_way(ctx: Context, case: Case, now: int) -> list[str]:
    """Compare the arrival as it looks now with the plan: ``reroute``, ``eta_slip``, ``unit_change`` or nothing."""
    plan, place = case.plan, patient_place(ctx, case)
    where = whereabouts(ctx, case, now)
    if case.arrived is not None or case.ended is not None or place is None or where is None:
        return []
    left = elapsed_s(case, now) + where.pending_s
    if plan.eta_s is None:
        return _opens_again(ctx, case, where, place, left)
    ahead = _ahead(ctx, plan, where, place)
    if ahead is not None and not _slips(ctx, plan.eta_s, left + ahead.seconds):
        return []
    best = quickest(ctx, where.place, place)
    if best is None:
        return _change_unit(ctx, case, now, math.inf) or _lost(case)
    off_way = ahead is None and not _chains(ctx, plan, where, place)
    gain = 0.0 if off_way else (math.inf if ahead is None else ahead.seconds) - best.seconds
    rerouted = gain >= ctx.parameters["reroute_gain_s"]
    eta = left + (best.seconds if rerouted or ahead is None else ahead.seconds)
    slipped = _slips(ctx, plan.eta_s, eta)
    if not rerouted and not slipped:
        return []
    changed = _change_unit(ctx, case, now, eta)
    if changed:
        return changed
    path = best if rerouted or ahead is None else ahead
    new = replace(plan)
    take_path(new, path, left, case.priority)
    if ctx.state.crews[plan.primary_unit or ""].fix is None:
        new.start = where.place[:2]  # where the plan has it is all that is known
    case.plan = new
    check_aed(ctx, case, now)  # a later ambulance may leave time for one; the same step tells it
    # A way that slips is yellow even where a new one makes up for it; a closed one only by what it costs.
    case.slipped = case.slipped or slipped or (ahead is not None and _slips(ctx, plan.eta_s, left + ahead.seconds))
    return ["reroute"] if rerouted else ["eta_slip"]


def check_aed(ctx: Context, case: Case, now: int) -> list[str]:
    """Who brings an AED, after the weather or the ambulance's arrival changed: ``aed_change`` or nothing."""
    place = patient_place(ctx, case)
    if case.arrived is not None or case.ended is not None or place is None:
        return []
    new = replace(case.plan)
    if not plan_aed(ctx, case, new, place, elapsed_s(case, now), now):
        return []
    case.plan = new
    return ["aed_change"]


def _lost(case: Case) -> list[str]:
    """No way to the patient is left: the arrival is unknown."""
    case.plan = replace(case.plan, eta_s=None, green_wave={})
    case.slipped = True
    return ["eta_slip"]


def _opens_again(ctx: Context, case: Case, where: Where, place: Place, left: float) -> list[str]:
    """A way to the patient, where there was none."""
    path = quickest(ctx, where.place, place)
    if path is None:
        return []
    new = replace(case.plan)
    take_path(new, path, left, case.priority)
    case.plan = new
    return ["reroute"]


def _slips(ctx: Context, planned: float, eta: float) -> bool:
    late = eta - planned
    return late >= ctx.parameters["eta_slip_s"] or late >= planned * ctx.parameters["eta_slip_pct"] / 100


def _chains(ctx: Context, plan: Plan, where: Where, place: Place) -> list[list[int]]:
    """Indices of the route nodes that may be still ahead, the fewest first; none when the unit is beside its way.

    A way that turns back on a link and comes to its other end by another side meets both ends of it.
    """
    graph, spot = ctx.town.graph, where.place.spot
    if spot is None or not plan.route:
        return []
    route = [graph.index[n] for n in plan.route]
    near = {n for n, _ in graph.ends(spot, graph.weights(ctx.speeds(place, where.place)), leaving=True)}
    return [route[k:] for k in reversed(range(len(route))) if route[k] in near]


def _ahead(ctx: Context, plan: Plan, where: Where, place: Place) -> Path | None:
    """The rest of the planned way from where the unit is; None when it left the way, or a part is closed."""
    graph, cost = ctx.town.graph, ctx.town.graph.weights(ctx.speeds(place, where.place))
    if where.place.spot is None or place.spot is None:
        return None
    direct = graph.direct(where.place.spot, place.spot, cost)
    if math.isfinite(direct):
        return graph.describe(where.place.spot, place.spot, [], cost, direct)
    paths = [graph.describe(where.place.spot, place.spot, c, cost) for c in _chains(ctx, plan, where, place)]
    return min((p for p in paths if p is not None), key=lambda p: p.seconds, default=None)


def _change_unit(ctx: Context, case: Case, now: int, eta: float) -> list[str]:
    """Another capable unit, when it would be much earlier than the present one."""
    present = case.plan.primary_unit
    assert present is not None
    crew = ctx.state.crews[present]
    duty, crew.duty = crew.duty, "excluded"
    plan = make_plan(ctx, case, now)
    crew.duty = duty
    if plan.primary_unit is None or plan.eta_s is None or plan.capable < case.plan.capable:
        return []
    if plan.eta_s > eta - ctx.parameters["unit_change_gain_s"]:
        return []
    assign(ctx, case, plan, now)
    return ["unit_change"]


def redispatch(ctx: Context, case: Case, now: int) -> list[str]:
    """Plan anew because the unit cannot go, or because none could before; the same one may be the best there is."""
    before = case.plan
    plan = make_plan(ctx, case, now)
    assign(ctx, case, plan, now)
    if plan.primary_unit != before.primary_unit:
        return ["unit_change"]
    if before.eta_s is None or plan.eta_s is None or not _slips(ctx, before.eta_s, plan.eta_s):
        return []
    case.slipped = True
    return ["eta_slip"]


def check_stuck(ctx: Context, case: Case, now: int) -> list[str]:
    """A unit under way that stands too long (at a mark)."""
    unit, plan, p = case.plan.primary_unit, case.plan, ctx.parameters
    if unit is None or case.arrived is not None or case.ended is not None or plan.start is None:
        return []
    crew = ctx.state.crews[unit]
    if crew.slow_since is None:
        case.stuck = False
        return []
    if case.stuck or crew.fix is None or now - crew.fix.time > FRESH_S * 1e6:
        return []
    if elapsed_s(case, now) < plan.left_s or metres(crew.fix.lon, crew.fix.lat, *plan.start) <= p["arrived_m"]:
        return []
    at_signal = ctx.town.near_signal(crew.fix.lon, crew.fix.lat, p["signal_near_m"])
    if now - crew.slow_since < p["stuck_signal_s" if at_signal else "stuck_s"] * 1e6:
        return []
    case.stuck = True
    where, place = whereabouts(ctx, case, now), patient_place(ctx, case)
    best = quickest(ctx, where.place, place) if where is not None and place is not None else None
    if where is not None and best is not None:
        new = replace(plan)
        take_path(new, best, elapsed_s(case, now), case.priority)
        case.plan = new
    return ["unit_stuck"]


def change_stuck(ctx: Context, case: Case, now: int) -> list[str]:
    """Another unit for one that stands, when that is much earlier even if the present one moved on at once."""
    return _change_unit(ctx, case, now, math.inf if case.plan.eta_s is None else case.plan.eta_s)


def check_hospital(ctx: Context, case: Case, now: int) -> list[str]:
    """Another hospital when the planned one takes nobody, or when its load makes another one much quicker."""
    place = patient_place(ctx, case)
    where = whereabouts(ctx, case, now) if case.hospital_bound else None
    origin = where.place if where is not None else place
    present = case.plan.hospital
    if origin is None or case.ended is not None or _delivered(ctx, case, origin):
        return []
    bound = bound_for(ctx, case)
    best, able = best_hospital(ctx, case, origin, now, bound)
    if best == present or best is None:
        return []
    if present is not None and takes(ctx, present, origin) and able == case.plan.able:
        score = {
            h: hospital_scores(ctx, {h: p}, origin, now, bound) for h in (present, best) if (p := ctx.town.wards[h])
        }
        if score[present].get(present, math.inf) - score[best][best] < ctx.parameters["hospital_gain_s"]:
            return []
    case.plan = replace(case.plan, hospital=best, able=able)
    return ["hospital_change"]


def _delivered(ctx: Context, case: Case, origin: Place) -> bool:
    """Whether the patient is in the hospital's yard: it can close its doors to others only."""
    ward = ctx.town.wards.get(case.plan.hospital or "")
    return case.hospital_bound and ward is not None and metres(*origin[:2], *ward[:2]) <= HOME_M
