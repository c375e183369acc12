"""Major hazard units (重大危险源): how dangerous a site's stock of chemicals is by GB 18218-2018.

``S = sum(q / Q)`` over the substances of the unit; from 1 on it is a major hazard. ``R = alpha * sum(beta * q / Q)``
gives its class: 1 from 100 on, 2 from 50, 3 from 10, else 4. ``q`` is what is there, ``Q`` the threshold quantity, both
in tonnes; ``beta`` weighs how harmful the substance is, ``alpha`` how many people live within 500 m beyond the fence.

Sources: GB 18218-2018, tables 1 (threshold quantities), 3 and 4 (beta), 5 (alpha), 6 (classes), by secondary sources;
to be checked with the text. A site's own ``threshold_t`` and ``beta`` go before the list here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from brain.city.model import Site, Stock

__all__ = [
    "SUBSTANCES",
    "HazardUnit",
    "Substance",
    "alpha_of",
    "class_of",
    "hazard_level_of",
    "hazard_unit_of",
    "least_r",
]


class Substance(NamedTuple):
    """Threshold quantity in tonnes and weight of a substance."""

    threshold_t: float
    beta: float


#: name in a city model -> figures; beta of gases named in table 3, else of the class in table 4
SUBSTANCES: Final[dict[str, Substance]] = {
    "ammonia": Substance(10, 2),
    "sulfur_dioxide": Substance(20, 2),
    "ethylene_oxide": Substance(10, 2),
    "coal_gas": Substance(20, 2),  # carbon monoxide and its mixtures with hydrogen and methane
    "hydrogen_chloride": Substance(20, 3),
    "chlorine": Substance(5, 4),
    "hydrogen_sulfide": Substance(5, 5),
    "hydrogen_fluoride": Substance(1, 5),
    "nitrogen_dioxide": Substance(1, 10),
    "hydrogen_cyanide": Substance(1, 10),
    "phosgene": Substance(0.3, 20),
    "phosphine": Substance(1, 20),
    "methyl_isocyanate": Substance(0.75, 20),
    "methane": Substance(50, 1.5),  # natural gas and LNG too
    "lpg": Substance(50, 1.5),  # propane, butane and their mixtures
    "hydrogen": Substance(5, 1.5),
    "acetylene": Substance(1, 1.5),
    "ethylene": Substance(50, 1.5),
    "vinyl_chloride": Substance(50, 1.5),
    "oxygen": Substance(200, 1),
    "petrol": Substance(200, 1),
    "methanol": Substance(500, 1),
    "ethanol": Substance(500, 1),
    "acetone": Substance(500, 1),
    "benzene": Substance(50, 1),
    "toluene": Substance(500, 1),
    "ammonium_nitrate": Substance(50, 1),  # with at most 0.2 % of what burns
    "ammonium_nitrate_mixed": Substance(5, 2),  # with more than 0.2 % of what burns: an explosive
}

_ALPHA: Final = ((100, 2.0), (50, 1.5), (30, 1.2), (1, 1.0), (0, 0.5))
_CLASSES: Final = ((100.0, 1), (50.0, 2), (10.0, 3))


class HazardUnit(NamedTuple):
    """What the quantities of a site say.

    Attributes:
        s: Sum of q / Q.
        r: Weighted sum; None where nobody knows how many people live round it.
        alpha: Weight of those people, None likewise.
        level: Class 1 (worst) to 4, None below S = 1 or without R.
    """

    s: float
    r: float | None
    alpha: float | None
    level: int | None


def alpha_of(people: int) -> float:
    """Weight of the people within 500 m beyond the fence.

    Example:
        >>> [alpha_of(n) for n in (0, 1, 29, 30, 50, 100)]
        [0.5, 1.0, 1.0, 1.2, 1.5, 2.0]
    """
    return next(alpha for least, alpha in _ALPHA if people >= least)


def class_of(r: float) -> int:
    """Class of a major hazard by its R.

    Example:
        >>> [class_of(r) for r in (9.99, 10, 49.9, 50, 100)]
        [4, 3, 3, 2, 1]
    """
    return next((level for least, level in _CLASSES if r >= least), 4)


def least_r(level: float) -> float:
    """The R from which on a major hazard is of this class or a worse one.

    Example:
        >>> least_r(2), least_r(4)
        (50.0, 0.0)
    """
    return next((least for least, of in reversed(_CLASSES) if of <= level), math.inf) if level < 4 else 0.0


def _figures(stock: Stock) -> Substance:
    known = SUBSTANCES.get(stock.substance, Substance(math.inf, 1.0))
    return Substance(
        known.threshold_t if stock.threshold_t is None else stock.threshold_t,
        known.beta if stock.beta is None else stock.beta,
    )


def hazard_unit_of(site: Site) -> HazardUnit | None:
    """S, R and class by the quantities of a site; None where the city model tells none.

    Example:
        >>> from brain.city.model import Site, Stock
        >>> kept = [Stock("ammonia", 40.0), Stock("lpg", 60.0)]
        >>> hazard_unit_of(Site("T", "hazardous", 120.0, 36.0, inventory=kept, exposed_people=60))
        HazardUnit(s=5.2, r=14.7, alpha=1.5, level=3)
    """
    if not site.inventory:
        return None
    kept = [(stock.tonnes, _figures(stock)) for stock in site.inventory]
    s = round(sum(tonnes / figures.threshold_t for tonnes, figures in kept), 6)
    alpha = None if site.exposed_people is None else alpha_of(site.exposed_people)
    r = None if alpha is None else round(alpha * sum(f.beta * tonnes / f.threshold_t for tonnes, f in kept), 6)
    return HazardUnit(s, r, alpha, class_of(r) if r is not None and s >= 1 else None)


def hazard_level_of(site: Site) -> int | None:
    """Class of a site: the registered one, else the one its quantities give; None for no major hazard.

    Example:
        >>> from brain.city.model import Site, Stock
        >>> hazard_level_of(Site("T", "hazardous", 120.0, 36.0, hazard_level=4))
        4
        >>> hazard_level_of(Site("T", "hazardous", 120.0, 36.0, inventory=[Stock("chlorine", 300.0)], exposed_people=9))
        1
    """
    if site.hazard_level is not None:
        return site.hazard_level
    unit = hazard_unit_of(site)
    return None if unit is None else unit.level
