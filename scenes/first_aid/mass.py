"""Mass casualty (rule F6): three patients or more at one place, or a patient in a red incident of another scene.

Emergencies next door with other complaints are linked (F7); as many linked ones as the threshold says are one mass
casualty. Each stays an incident of its own, with its own crew; all turn red, and hospitals are chosen anew, one patient
after another, so that nobody fills the nearest one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from scenes.first_aid.dispatch import patient_place
from scenes.first_aid.hospitals import best_hospital

if TYPE_CHECKING:
    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case

__all__ = ["bound_for", "gather", "together"]


def together(ctx: Context, case: Case) -> list[Case]:
    """The open emergencies of one happening, this one among them: linked, or in one red incident; gravest first."""
    is_open = {k: c for k, c in ctx.state.cases.items() if c.ended is None}
    found, todo = {case.key: case}, [case]
    while todo:
        one = todo.pop()
        links, red = {x.key for x in one.linked}, set(one.red)
        for key, other in is_open.items():
            if key in found:
                continue
            linked = key in links or (other.linked and any(x.key == one.key for x in other.linked))
            if linked or not red.isdisjoint(other.red):
                found[key] = other
                todo.append(other)
    return sorted(found.values(), key=lambda c: (c.priority, c.call.time, c.key))


def bound_for(ctx: Context, case: Case) -> dict[str, int]:
    """How many of the other patients of its mass casualty each hospital has been told of; empty outside one."""
    if not case.mass:
        return {}
    return dict(Counter(c.plan.hospital for c in together(ctx, case) if c is not case and c.plan.hospital is not None))


def gather(ctx: Context, case: Case, now: int) -> list[Case]:
    """Declare a mass casualty where there is one and spread its patients; the emergencies that changed by it."""
    group = together(ctx, case)
    if len(group) < ctx.parameters["mass_patients"] and not case.red:
        return []
    bound: Counter[str] = Counter()
    changed = []
    for one in group:
        place, before = patient_place(ctx, one), (one.mass, one.plan.hospital)
        one.mass = len(group)
        if place is not None and not one.hospital_bound and len(group) > 1:
            choice = best_hospital(ctx, one, place, now, bound)
            if choice.hospital is not None:
                one.plan = replace(one.plan, hospital=choice.hospital, able=choice.able)
        if one.plan.hospital is not None:
            bound[one.plan.hospital] += 1
        if (one.mass, one.plan.hospital) != before:
            changed.append(one)
    return changed
