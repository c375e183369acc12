"""Who goes, and by which way (rules F1 and F3). Pure functions of the state and the city."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from scenes.first_aid.aed import plan_aed
from scenes.first_aid.hospitals import best_hospital
from scenes.first_aid.state import Plan
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case, Crew
    from scenes.first_aid.town import Place
    from scenes.toolkit.calls import Call
    from scenes.toolkit.roads import Path

__all__ = [
    "FRESH_S",
    "HOME_M",
    "Where",
    "elapsed_s",
    "free_units",
    "in_reach",
    "make_plan",
    "needs_als",
    "needs_help",
    "patient_place",
    "place_of_call",
    "plan_responder",
    "quickest",
    "take_path",
    "target_s",
    "whereabouts",
    "zone_travel",
]

HOME_M = 200.0  # so near to its station a unit is at home: a hospital's yard is that wide
FRESH_S = 30.0  # a unit whose last report is older than this may have gone anywhere
MOVED_M = 50.0  # farther from where it stood at the plan than this, a unit has left


class Where(NamedTuple):
    """Where a unit is, and how long until it leaves from there; negative: so long ago it was there, under way."""

    place: Place
    pending_s: float


def needs_als(complaint: str, priority: int) -> bool:
    """Whether only an ALS crew is capable: priority 1, and heart complaints that ask for a catheter laboratory."""
    return priority == 1 or complaint in {"cardiac_arrest", "stemi"}


def target_s(ctx: Context, priority: int) -> float:
    """Call to arrival, by priority; the city's own target for the highest."""
    if priority == 1:
        return ctx.town.city.ems.target_s
    return ctx.parameters["target_p2_s" if priority == 2 else "target_p3_s"]


def patient_place(ctx: Context, case: Case) -> Place | None:
    """Where the patient is: the call's degrees, and on the roads at the node it names, else at the nearest road."""
    return place_of_call(ctx, case.call)


def place_of_call(ctx: Context, call: Call) -> Place | None:
    """Where a call comes from; None when neither degrees nor a node of the model are known."""
    place = ctx.town.place(call.lon, call.lat, call.node)
    if place is None or math.isnan(call.lon) or math.isnan(call.lat):
        return place
    return place._replace(lon=call.lon, lat=call.lat)


def elapsed_s(case: Case, now: int) -> float:
    """Seconds since the call; what reached us late could not be planned for earlier."""
    return max((now - case.call.time) / 1e6, case.delay_s)


def home(ctx: Context, unit: str, crew: Crew) -> Place | None:
    """A unit's place: its last believed position, else its station."""
    if crew.fix is not None:
        return ctx.town.place(crew.fix.lon, crew.fix.lat, None)
    return ctx.town.stations[unit]


def whereabouts(ctx: Context, case: Case, now: int) -> Where | None:
    """Where the primary unit of an emergency is now; without position reports it is where the plan has it."""
    unit, plan = case.plan.primary_unit, case.plan
    if unit is None:
        return None
    crew, turnout = ctx.state.crews[unit], ctx.town.city.ems.turnout_s
    elapsed, left = elapsed_s(case, now), plan.left_s
    if plan.start is None:
        return None
    if crew.fix is None:
        place = ctx.town.place(*plan.start, None)
        if place is None:
            return None
        if elapsed <= left or not plan.route:
            return Where(place, max(0.0, left - elapsed))
        ahead = next((k for k, s in enumerate(plan.route_s) if s >= elapsed), len(plan.route) - 1)
        node = ctx.town.place(None, None, plan.route[ahead])
        return None if node is None else Where(node, max(0.0, plan.route_s[ahead] - elapsed))
    place = ctx.town.place(crew.fix.lon, crew.fix.lat, None)
    if place is None:
        return None
    still_there = metres(crew.fix.lon, crew.fix.lat, *plan.start) <= MOVED_M
    if still_there and (elapsed < left or crew.slow_since is not None):
        return Where(place, max(0.0, min(left - elapsed, turnout)))
    if crew.slow_since is not None:
        return Where(place, 0.0)
    # It has driven on since its last report.
    return Where(place, min(FRESH_S, max(-FRESH_S, (crew.fix.time - now) / 1e6)))


def make_plan(ctx: Context, case: Case, now: int) -> Plan:
    """A fresh plan from the units that can be sent now; those planned for this emergency already count among them."""
    place = patient_place(ctx, case)
    if place is None:
        return Plan()
    elapsed, old = elapsed_s(case, now), case.plan
    origins: dict[str, Place] = {}
    ready: dict[str, float] = {}  # seconds after the call at which the unit leaves
    for unit, crew in ctx.state.crews.items():
        if not (crew.duty == "available" or (crew.case == case.key and crew.duty == "dispatched")):
            continue
        if crew.case not in (None, case.key):
            continue
        is_sent = unit == old.primary_unit and crew.case == case.key  # else it sets out anew, from where it is
        where = whereabouts(ctx, case, now) if is_sent else None
        origin = where.place if where is not None else home(ctx, unit, crew)
        if origin is not None:
            origins[unit] = origin
            ready[unit] = elapsed + (where.pending_s if where is not None else ctx.town.city.ems.turnout_s)
    plan = Plan(aed=old.aed, aed_eta_s=old.aed_eta_s, aed_options=dict(old.aed_options))
    als = {u for u in origins if ctx.town.units[u].capability == "ALS"}
    capable = als if needs_als(case.complaint, case.priority) else set(origins)
    limit = max(900.0, target_s(ctx, case.priority))
    travel = ctx.travel({u: origins[u] for u in capable}, place, limit)
    if not any(map(math.isfinite, travel.values())):
        travel, plan.capable = ctx.travel(origins, place), False
    if place.spot is None:  # a city without roads: given times are better than the crow's
        travel = {u: _given(ctx, u, place, s) for u, s in travel.items()}
    eta = {u: ready[u] + s for u, s in travel.items() if math.isfinite(s)}
    if eta:
        first = min(eta, key=lambda u: (eta[u], u))
        plan.primary_unit = first if case.priority == 1 else _sparing(ctx, case, eta, first)
        plan.eta_s, plan.left_s = eta[plan.primary_unit], ready[plan.primary_unit]
        path = quickest(ctx, origins[plan.primary_unit], place, limit)
        if path is not None:
            take_path(plan, path, plan.left_s, case.priority)
        plan.start = origins[plan.primary_unit][:2]
        _first_responder(ctx, case, plan, place, {u: p for u, p in origins.items() if u not in als}, ready)
    else:
        plan.capable = False
    plan_aed(ctx, case, plan, place, elapsed, now)
    plan.hospital, plan.able = best_hospital(ctx, case, place, now)
    return plan


def free_units(ctx: Context) -> list[str]:
    """Units that nobody waits for: on duty, and planned for no emergency."""
    return [u for u, c in ctx.state.crews.items() if c.duty == "available" and c.case is None]


def needs_help(ctx: Context, case: Case, plan: Plan) -> bool:
    """Whether nobody who can treat the complaint is there within the target: the neighbouring centre is asked."""
    return not plan.capable or plan.eta_s is None or plan.eta_s > target_s(ctx, case.priority)


def take_path(plan: Plan, path: Path, left_s: float, priority: int) -> None:
    """Put a way into a plan. A green wave is asked for the two higher priorities, which drive with lights and siren."""
    plan.eta_s, plan.left_s = left_s + path.seconds, left_s
    plan.route, plan.route_s = list(path.nodes), [left_s + s for s in path.at_s]
    plan.green_wave = {k: left_s + s for k, s in path.signals.items()} if priority <= 2 else {}


def quickest(ctx: Context, origin: Place, place: Place, first_limit_s: float = 900.0) -> Path | None:
    """The quickest way between two places with live speeds, or None; looks so far first, then everywhere."""
    if origin.spot is None or place.spot is None:
        return None
    live = ctx.speeds(place, origin)
    for limit in (first_limit_s, math.inf):
        path = ctx.town.graph.tree(place.spot, live, limit_s=limit).path(origin.spot)
        if path is not None:
            return path
    return None


def _first_responder(
    ctx: Context, case: Case, plan: Plan, place: Place, basic: Mapping[str, Place], ready: Mapping[str, float]
) -> None:
    """A BLS crew that is a minute or more ahead of the primary unit goes too (priority 1); once sent it stays."""
    sent = case.plan.first_responder
    if sent is not None and sent != plan.primary_unit and ctx.state.crews[sent].case == case.key:
        plan.first_responder, plan.first_responder_eta_s = sent, case.plan.first_responder_eta_s
        plan.responder_route = case.plan.responder_route
        return
    if case.priority != 1 or plan.eta_s is None or not plan.capable:
        return
    travel = ctx.travel(basic, place) if basic else {}
    eta = {u: ready[u] + s for u, s in travel.items() if math.isfinite(s) and u != plan.primary_unit}
    if eta:
        first = min(eta, key=lambda u: (eta[u], u))
        if eta[first] <= plan.eta_s - ctx.parameters["first_responder_gain_s"]:
            plan.first_responder, plan.first_responder_eta_s = first, eta[first]
            path = quickest(ctx, basic[first], place)
            plan.responder_route = [] if path is None else list(path.nodes)


def plan_responder(ctx: Context, case: Case, plan: Plan, place: Place, now: int) -> None:
    """Another first responder in place of one that cannot go, or none; the primary unit stays."""
    plan.first_responder, plan.first_responder_eta_s, plan.responder_route = None, None, []
    basic = {u: p for u in free_units(ctx) if (p := home(ctx, u, ctx.state.crews[u])) is not None}
    basic = {u: p for u, p in basic.items() if ctx.town.units[u].capability != "ALS"}
    leaves = elapsed_s(case, now) + ctx.town.city.ems.turnout_s
    _first_responder(ctx, case, plan, place, basic, dict.fromkeys(basic, leaves))


def _sparing(ctx: Context, case: Case, eta: Mapping[str, float], first: str) -> str:
    """The nearest unit, unless it leaves a zone bare and another one arrives well inside the target (DMEXCLP).

    Then, of all that meet the target, the one with the smallest loss of expected cover is sent: the sum over the zones
    it covers of d (1 - q) q^(k - 1), with k units covering a zone of demand d, and q the share of time one is busy.
    """
    target = target_s(ctx, case.priority)
    if not any(u != first and eta[u] <= target - ctx.parameters["target_margin_s"] for u in eta):
        return first
    free = free_units(ctx)
    if not _bares(ctx, first, free):
        return first
    q = ctx.parameters["busy_fraction"]
    zones = [(z.demand, set(in_reach(ctx, z.zone, free))) for z in ctx.town.zones]

    def loss(unit: str) -> float:
        return sum(d * (1 - q) * q ** (len(cover) - 1) for d, cover in zones if unit in cover)

    return min((u for u in eta if eta[u] <= target), key=lambda u: (loss(u), eta[u], u))


def _bares(ctx: Context, unit: str, free: list[str]) -> bool:
    """Whether a zone that must be covered has this free unit only."""
    zones = [z for z in ctx.town.zones if z.demand >= ctx.parameters["coverage_demand"]]
    place, home_given = home(ctx, unit, ctx.state.crews[unit]), _at_home(ctx, unit)
    middles = {z.zone: z.place for z in zones if z.place is not None}
    # One tree from the unit tells which zones are its own; only those are looked at from their side.
    far = ctx.spread(middles, place, ctx.town.city.ems.target_s, inward=False) if place is not None else {}
    for zone in zones:
        given = home_given and (unit, zone.zone) in ctx.town.given
        if given or math.isfinite(far.get(zone.zone, math.inf)):
            cover = in_reach(ctx, zone.zone, [unit])
            if cover and not in_reach(ctx, zone.zone, [u for u in free if u != unit]):
                return True
    return False


def in_reach(ctx: Context, zone: str, units: list[str]) -> dict[str, float]:
    """Units that reach a zone within the target, with their travel seconds."""
    ems = ctx.town.city.ems
    given, routed, middle = _ways_to(ctx, zone, units)
    if middle is not None and routed:  # looks no further than the target, so a tree a zone is small
        given |= ctx.spread(routed, middle, max(0.0, ems.target_s), inward=True)
    return {u: given[u] for u in units if u in given and ems.turnout_s + given[u] <= ems.target_s}


def zone_travel(ctx: Context, zone: str, units: list[str]) -> dict[str, float]:
    """Travel seconds of units to the middle of a zone, inf where there is no way.

    A time given in the city model stands for a unit at its station.
    """
    given, routed, middle = _ways_to(ctx, zone, units)
    if middle is not None and routed:
        given |= ctx.travel(routed, middle, max(900.0, ctx.town.city.ems.target_s))
    return given


def _ways_to(ctx: Context, zone: str, units: list[str]) -> tuple[dict[str, float], dict[str, Place], Place | None]:
    """Given times of units to a zone, places of those whose time is to be found, and the zone's middle."""
    middle = next(z.place for z in ctx.town.zones if z.zone == zone)
    out: dict[str, float] = {}
    routed: dict[str, Place] = {}
    for unit in units:
        crew = ctx.state.crews[unit]
        given = ctx.town.given.get((unit, zone)) if _at_home(ctx, unit) else None
        place = home(ctx, unit, crew)
        if given is not None:
            out[unit] = given
        elif place is not None and middle is not None:
            routed[unit] = place
    return out, routed, middle


def _at_home(ctx: Context, unit: str) -> bool:
    crew, station = ctx.state.crews[unit], ctx.town.stations[unit]
    if crew.fix is None:
        return True
    return station is not None and metres(crew.fix.lon, crew.fix.lat, station.lon, station.lat) <= HOME_M


def _given(ctx: Context, unit: str, place: Place, otherwise: float) -> float:
    """The given time of a unit at its station to the zone a place lies in."""
    here = {z.id for z in ctx.town.index.zones_at(place.lon, place.lat)}
    for zone in ctx.town.zones:
        seconds = ctx.town.given.get((unit, zone.zone))
        if seconds is not None and zone.zone in here and _at_home(ctx, unit):
            return seconds
    return otherwise
