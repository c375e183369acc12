"""Why not: each unit, AED and hospital against the emergencies near a place, each condition with its figures."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from brain.scene_api import Fact, Reasoning
from scenes.first_aid import aed
from scenes.first_aid.dispatch import elapsed_s, home, needs_als, patient_place, whereabouts
from scenes.first_aid.hospitals import hospital_scores, load_of, wanted_capability
from scenes.first_aid.mass import bound_for
from scenes.toolkit.roads import metres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case
    from scenes.first_aid.town import Place

__all__ = ["reasons_near"]


def reasons_near(ctx: Context, lon: float, lat: float, radius_m: float) -> Iterator[Reasoning]:
    """Units near a place, and the choice of every open emergency near it, as the state stands."""
    for unit, crew in ctx.state.crews.items():
        at = home(ctx, unit, crew)
        if at is not None and metres(lon, lat, at.lon, at.lat) <= radius_m:
            free = Fact("planned_for", crew.case, "==", None, "", crew.case is None)
            duty = Fact("duty", crew.duty, "==", "available", "", crew.duty == "available")
            yield Reasoning("F1.dispatch", f"ambulance/{unit}", (duty, free))
    for case in ctx.state.cases.values():
        place = patient_place(ctx, case)
        if case.ended is None and place is not None and metres(lon, lat, place.lon, place.lat) <= radius_m:
            yield from _choice_of(ctx, case, place)


def _now(ctx: Context, case: Case) -> int:
    """The latest time the emergency has heard of; a state has no clock of its own."""
    fixes = [c.fix.time for c in ctx.state.crews.values() if c.fix is not None]
    return max([case.call.time, case.last_call, *fixes])


def _choice_of(ctx: Context, case: Case, place: Place) -> Iterator[Reasoning]:
    now = _now(ctx, case)
    yield from _units(ctx, case, place, now)
    yield from _hospitals(ctx, case, place, now)
    if case.complaint == "cardiac_arrest":
        yield from _aeds(ctx, case, place, now)


def _units(ctx: Context, case: Case, place: Place, now: int) -> Iterator[Reasoning]:
    """Each unit as it looks for this emergency: free, capable, reachable, and no later than the one that goes."""
    origins = {u: p for u, c in ctx.state.crews.items() if (p := home(ctx, u, c)) is not None}
    travel = ctx.spread(origins, place, math.inf, inward=True)
    als, planned = needs_als(case.complaint, case.priority), case.plan.eta_s
    for unit, crew in ctx.state.crews.items():
        word = ctx.town.units[unit].capability
        ours = crew.case == case.key
        pending = ctx.town.city.ems.turnout_s
        if unit == case.plan.primary_unit and (where := whereabouts(ctx, case, now)) is not None:
            pending = where.pending_s
        eta = elapsed_s(case, now) + pending + travel.get(unit, math.inf)
        shown = round(eta, 1) if math.isfinite(eta) else None
        yield Reasoning(
            f"F1.unit_for_{case.call.call_id}",
            f"ambulance/{unit}",
            (
                Fact("duty", crew.duty, "==", "available", "", crew.duty == "available" or ours),
                Fact("planned_for", crew.case, "in", f"none, {case.key}", "", crew.case is None or ours),
                Fact("capability", word, ">=", "ALS" if als else "BLS", "", word == "ALS" or not als),
                Fact("eta_s", shown, "<=", planned and round(planned, 1), "s", planned is not None and eta <= planned),
            ),
        )


def _hospitals(ctx: Context, case: Case, place: Place, now: int) -> Iterator[Reasoning]:
    wanted, chosen, bound = wanted_capability(case), case.plan.hospital, bound_for(ctx, case)
    wards = {h: p for h, p in ctx.town.wards.items() if p is not None}
    score = {h: hospital_scores(ctx, {h: p}, place, now, bound).get(h, math.inf) for h, p in wards.items()}
    best = score.get(chosen or "", math.inf)
    for hospital, ward in ctx.state.wards.items():
        has = ctx.town.hospitals[hospital].capabilities
        mine = score.get(hospital, math.inf)
        yield Reasoning(
            f"F2.hospital_for_{case.call.call_id}",
            f"hospital-status/{hospital}",
            (
                Fact("capabilities", ",".join(has), "has", wanted, "", wanted is None or wanted in has),
                Fact("state", ward.state, "==", "open", "", ward.state != "divert"),
                Fact("load", load_of(ctx, hospital, now), "<=", 1.0, "1", met=True),
                Fact(
                    "travel_and_wait_s",
                    round(mine, 1) if math.isfinite(mine) else None,
                    "<=",
                    round(best, 1) if math.isfinite(best) else None,
                    "s",
                    mine <= best and math.isfinite(mine),
                ),
            ),
        )


def _aeds(ctx: Context, case: Case, place: Place, now: int) -> Iterator[Reasoning]:
    latest = None if case.plan.eta_s is None else round(case.plan.eta_s - ctx.parameters["aed_gain_s"], 1)
    for option in aed.options(ctx, case, place, case.call.time):
        eta = round(case.delay_s + option.seconds, 1)
        yield Reasoning(
            f"F4.aed_for_{case.call.call_id}",
            f"{option.kind}/{option.name}",
            (
                Fact("kept_back_by", option.against, "==", None, "", option.against is None),
                Fact("eta_s", eta, "<=", latest, "s", latest is None or eta <= latest),
            ),
        )
