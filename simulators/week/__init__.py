"""Days of the simulated city with a truth file: what really happened, and what only looked like it.

``programme`` puts plays (``plays/*.yaml``: true happenings, and hard negatives that come close to a threshold and must
stay without an incident) on stages and times by chance, far enough from each other to be told apart; ``traffic`` merges
them with the everyday city. The traffic goes into one file, the truth into another one, which no part of the platform
reads: a scorer (``brain.bench.week``) holds the incident log against it afterwards.
"""

from __future__ import annotations

from simulators.week.programme import Programme, make_programme
from simulators.week.traffic import write_week
from simulators.week.truth import Truth, read_truth

__all__ = ["Programme", "Truth", "make_programme", "read_truth", "write_week"]
