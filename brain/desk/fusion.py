"""How sure the witnesses make us: log-odds with one term a modality, and the words and colours that follow from it.

``L = logit(prior) + sum over modalities of (best + 0.3 * each next)``, ``P = 1 / (1 + exp(-L))``. A line counts in full
while its condition holds and decays with ``TAU_S`` after it ended. Where a scene lets a second device of one modality
be a second witness, it adds ``SECOND_DEVICE`` in place of its 0.3 term. Negative lines ("looked and saw nothing") add
the most negative one of their modality. The numbers are our defaults, from published fusion studies. Pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

from brain.model import LEVELS, Certainty, Level, Modality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.scene_api import Evidence, Policy, World

__all__ = ["Fused", "cap_level", "certainty_of", "fuse", "weight_at"]

PRIOR: Final = 0.001
TAU_S: Final = 600.0
NEXT: Final = 0.3
SECOND_DEVICE: Final = 3.0
LARGEST: Final = 8.0
OBSERVED_FROM: Final = 0.9
LIKELY_FROM: Final = 0.5
POSSIBLE_FROM: Final = 0.25
_LOGIT_PRIOR: Final = math.log(PRIOR / (1 - PRIOR))
_CAPS: Final = {Certainty.POSSIBLE: Level.YELLOW, Certainty.LIKELY: Level.ORANGE, Certainty.OBSERVED: Level.RED}


class Fused(NamedTuple):
    """What the lines together say.

    Attributes:
        probability: 0..1.
        certainty: None where it is too little for an incident.
        modalities: With a positive line, in fixed order.
        second: A second device of one modality is a second witness.
    """

    probability: float
    certainty: Certainty | None
    modalities: tuple[Modality, ...]
    second: bool

    @property
    def witnesses(self) -> int:
        """Number of independent eyes."""
        return len(self.modalities) + self.second


def weight_at(line: Evidence, at: int) -> float:
    """Log-odds of a line at a time (microseconds): in full while it holds, decaying after it ended.

    Capped to ``LARGEST`` either way.
    """
    weight = max(-LARGEST, min(LARGEST, line.weight))
    if line.holds:
        return weight
    since = (at - (line.time if line.ended is None else line.ended)) / 1e6
    return weight * math.exp(-max(0.0, since) / TAU_S)


def certainty_of(probability: float, witnesses: int) -> Certainty | None:
    """The word for a probability and a number of independent witnesses; None: not raised.

    Example:
        >>> str(certainty_of(0.3, 1)), str(certainty_of(0.3, 2)), certainty_of(0.2, 1)
        ('possible', 'observed', None)
    """
    if probability < POSSIBLE_FROM:
        return None
    if probability >= OBSERVED_FROM or witnesses >= 2:
        return Certainty.OBSERVED
    return Certainty.LIKELY if probability >= LIKELY_FROM else Certainty.POSSIBLE


def cap_level(level: Level, certainty: Certainty, witnesses: int) -> Level:
    """The level that this certainty allows; red needs two independent witnesses.

    Example:
        >>> str(cap_level(Level.RED, Certainty.OBSERVED, 1))
        'orange'
    """
    cap = _CAPS[certainty]
    if witnesses < 2:
        cap = min(cap, Level.ORANGE, key=LEVELS.index)
    return min(level, cap, key=LEVELS.index)


def fuse(lines: Sequence[Evidence], at: int, policy: Policy, world: World) -> Fused:
    """Probability, certainty and independent witnesses of these lines at a time, microseconds."""
    total = _LOGIT_PRIOR
    modalities = []
    second = False
    for modality in Modality:
        weighed = [(weight_at(e, at), e) for e in lines if e.modality == modality]
        total += min((w for w, _ in weighed if w < 0), default=0.0)
        positive = sorted((p for p in weighed if p[0] > 0), key=lambda p: -p[0])
        if not positive:
            continue
        modalities.append(modality)
        best = positive[0][1]
        other = next((e for _, e in positive[1:] if policy.second_witness(best, e, world)), None)
        if not policy.two_devices:
            other = None
        second |= other is not None
        term = sum(w * (1.0 if e is best else NEXT) for w, e in positive if e is not other)
        total += min(LARGEST, term + (SECOND_DEVICE if other is not None else 0.0))
    probability = 1 / (1 + math.exp(-total))
    witnesses = len(modalities) + second
    floors = [e.certainty for e in lines if e.certainty is not None and e.weight > 0]
    if policy.fused:
        certainty = certainty_of(probability, witnesses)
    elif not modalities:
        certainty = None
    else:  # calls, state alarms and housekeeping say themselves how sure they are
        certainty = Certainty.OBSERVED if witnesses >= 2 else None if floors else Certainty.LIKELY
    if floors and modalities:
        top = max(floors, key=lambda c: c.rank)
        certainty = top if certainty is None or top.rank > certainty.rank else certainty
    return Fused(probability, certainty, tuple(modalities), second)
