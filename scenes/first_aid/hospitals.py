"""Which hospital (rule F2): least travel plus expected wait of the open ones that can treat the complaint.

In a mass casualty each patient already bound for a hospital counts as load there, so that patients spread by capacity.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from scenes.toolkit.calls import complaint_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case
    from scenes.first_aid.town import Place

__all__ = ["Choice", "best_hospital", "hospital_scores", "load_of", "takes", "wait_s", "wanted_capability"]


class Choice(NamedTuple):
    """A hospital; ``able`` is False where none that can treat the complaint is open and this is the next best."""

    hospital: str | None
    able: bool


def wanted_capability(case: Case) -> str | None:
    """What the hospital must be able to do, None: any; injuries ask for a trauma centre at priority 1 only."""
    facts = complaint_of(case.complaint)
    return facts.hospital if not facts.major or case.priority == 1 else None


def best_hospital(ctx: Context, case: Case, origin: Place, now: int, bound: Mapping[str, int] | None = None) -> Choice:
    """The hospital to tell.

    Args:
        ctx: Of the step.
        case: The emergency.
        origin: Where the way to hospital begins.
        now: Microseconds.
        bound: Patients of the same mass casualty bound for each hospital already.
    """
    open_ones = {h: p for h, p in ctx.town.wards.items() if p is not None and takes(ctx, h, origin)}
    wanted = wanted_capability(case)
    able = {h: p for h, p in open_ones.items() if wanted is None or wanted in ctx.town.hospitals[h].capabilities}
    for group in (able, open_ones):
        score = hospital_scores(ctx, group, origin, now, bound)
        if score:
            return Choice(min(score, key=lambda h: (score[h], h)), group is able)
    return Choice(None, able=False)


def takes(ctx: Context, hospital: str, origin: Place) -> bool:
    """Whether it takes patients: it does not divert, nor lies in a hazard or closed area that the patient is not in."""
    return ctx.state.wards[hospital].state != "divert" and ctx.inside(ctx.town.wards[hospital]) <= ctx.inside(origin)


def hospital_scores(
    ctx: Context, wards: Mapping[str, Place], origin: Place, now: int, bound: Mapping[str, int] | None = None
) -> dict[str, float]:
    """Travel plus expected wait in seconds of the hospitals that can be reached."""
    score: dict[str, float] = {}
    for limit in (900.0, math.inf) if wards else ():
        travel = ctx.spread(wards, origin, limit, inward=False)
        score = {h: s + wait_s(ctx, h, now, (bound or {}).get(h, 0)) for h, s in travel.items() if math.isfinite(s)}
        if len(score) == len(wards) or (score and min(score.values()) <= limit):
            break  # what is farther than the limit cannot be better
    return score


def load_of(ctx: Context, hospital: str, now: int) -> float:
    """The load to reckon with: what was reported, or the assumed one when the report is too old."""
    ward = ctx.state.wards[hospital]
    stale = ward.time is not None and now - ward.time > ctx.parameters["hospital_load_valid_s"] * 1e6
    return ctx.parameters["hospital_load_unknown"] if stale else ward.load


def wait_s(ctx: Context, hospital: str, now: int, bound: int = 0) -> float:
    """Expected wait: 0 up to the free load, then linear to the full wait at load 1."""
    wait = ctx.town.city.ems.wait
    load = load_of(ctx, hospital, now) + bound * ctx.parameters["mass_load_step"]
    if load <= wait.free_load:
        return 0.0
    # Above load 1 patients of one happening still queue behind one another.
    share = (load - wait.free_load) / max(1e-9, 1.0 - wait.free_load)
    return wait.full_load_s * (share if bound else min(1.0, share))
