"""What a plan is worth to a patient in cardiac arrest (rule F5), by a published survival model.

Larsen et al. 1993 (Annals of Emergency Medicine, n = 1,667; ventricular fibrillation, witnessed): survival =
67 % - 2.3 a minute to CPR - 1.1 a minute to the shock - 2.1 a minute to advanced life support. The minutes count from
the collapse; the call is all we know, so the figure flatters. It is shown to compare plans, not to foretell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scenes.first_aid.context import Context
    from scenes.first_aid.state import Case

__all__ = ["benefit", "survival_pct"]


def survival_pct(cpr_s: float, shock_s: float, acls_s: float) -> float:
    """Survival to discharge in percent for seconds to CPR, shock and advanced life support (Larsen 1993).

    Example:
        >>> survival_pct(60, 300, 600)
        38.2
        >>> survival_pct(0, 0, 7200)
        0.0
    """
    return max(0.0, 67.0 - 2.3 * cpr_s / 60 - 1.1 * shock_s / 60 - 2.1 * acls_s / 60)


def benefit(ctx: Context, case: Case) -> tuple[float, float] | None:
    """Survival in percent with all that an arrest's plan sends, and how much of it the ambulance alone would not give.

    None for other complaints, and while nobody comes.
    """
    plan = case.plan
    if case.complaint != "cardiac_arrest" or plan.eta_s is None or plan.primary_unit is None:
        return None
    responder = plan.first_responder_eta_s if plan.first_responder is not None else None
    brings = responder is not None and ctx.town.units[plan.first_responder or ""].aed
    phone = ctx.parameters["phone_cpr_s"]
    cpr = min(x for x in (phone, responder, plan.eta_s) if x is not None)
    shock = min(x for x in (plan.aed_eta_s, responder if brings else None, plan.eta_s) if x is not None)
    whole = survival_pct(cpr, shock, plan.eta_s)
    return whole, whole - survival_pct(min(phone, plan.eta_s), plan.eta_s, plan.eta_s)
