"""AEDs that no crew brings (rule F4): drones and volunteers that are well ahead of the ambulance, for an arrest."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import shapely

from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case, Plan
    from scenes.first_aid.town import Place

__all__ = ["Option", "options", "plan_aed"]


class Option(NamedTuple):
    """A drone or a volunteer: seconds from now until the AED is there, and why it cannot come, if so."""

    name: str
    kind: str
    seconds: float
    against: str | None = None


def options(ctx: Context, case: Case, place: Place, now: int) -> Iterator[Option]:
    """Every drone and volunteer that could bring an AED to a place, with what speaks against it."""
    grounded, busy = _grounded(ctx, place, now), _busy(ctx, case, now)
    for d in ctx.town.drones:
        way = shapely.LineString([(d.lon, d.lat), place[:2]])
        seconds = d.launch_s + metres(d.lon, d.lat, place.lon, place.lat) / d.speed_ms + d.lower_s
        against = grounded
        if any(zone.intersects(way) for zone in ctx.town.no_fly):
            against = "no_fly"
        elif ctx.state.batteries.get(d.id, 100.0) < ctx.parameters["drone_battery_min_pct"]:
            against = "battery"
        elif d.id in busy:
            against = "busy"
        yield Option(d.id, "drone", seconds, against)
    for v in ctx.town.volunteers:
        if v.distance_via_aed_m is None:
            continue  # nobody knows which AED this volunteer would pass
        crow = metres(v.lon, v.lat, place.lon, place.lat)
        walk = v.distance_via_aed_m if crow <= v.distance_via_aed_m else crow * ctx.parameters["volunteer_detour"]
        yield Option(v.id, "volunteer", walk / v.speed_ms, "busy" if v.id in busy else None)


def plan_aed(ctx: Context, case: Case, plan: Plan, place: Place, elapsed: float, now: int) -> bool:
    """Send every AED that is well ahead of the ambulance; True when that changes the plan.

    What was sent once stays sent, but for a drone that is not there yet when wind or rain ground it.
    """
    if case.complaint != "cardiac_arrest":
        return False
    grounded = _grounded(ctx, place, now) is not None
    drones = {d.id for d in ctx.town.drones} if grounded else set[str]()
    sent = {k: s for k, s in plan.aed_options.items() if s <= elapsed or k not in drones}
    latest = None if plan.eta_s is None else plan.eta_s - ctx.parameters["aed_gain_s"]
    for o in options(ctx, case, place, now):
        arrival = elapsed + o.seconds
        if o.against is None and (latest is None or arrival <= latest):
            sent.setdefault(o.name, arrival)
    if sent.keys() == plan.aed_options.keys():
        return False
    plan.aed_options = dict(sorted(sent.items(), key=lambda x: (x[1], x[0])))
    plan.aed, plan.aed_eta_s = next(iter(plan.aed_options.items()), (None, None))
    return True


def _busy(ctx: Context, case: Case, now: int) -> set[str]:
    """Who was sent to another patient and cannot be back yet: the way there and the way back."""
    return {
        name
        for other in ctx.state.cases.values()
        if other.plan.aed_options and other.key != case.key
        for name, arrival in other.plan.aed_options.items()
        if now < other.call.time + 2e6 * arrival
    }


def _grounded(ctx: Context, place: Place, now: int) -> str | None:
    """Wind and rain of the nearest station that said something lately; where none did, flying is not forbidden.

    A station whose place nobody knows is farther than all others.
    """
    valid = now - ctx.parameters["weather_valid_s"] * 1e6
    known = [(w.metres_to(place), k) for k, w in ctx.state.winds.items() if w.time >= valid]
    if not known:
        return None
    wind = ctx.state.winds[min(known)[1]]
    if wind.wind_ms > ctx.parameters["drone_wind_max_ms"]:
        return "wind"
    return "rain" if wind.rain_mm_h > 0 else None
