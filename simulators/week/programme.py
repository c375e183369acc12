"""The programme: which play, on which stage, when. Chance from a seed; nothing near anything else at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.errors import ConfigurationError
from simulators.actor import chance
from simulators.city import demo_city
from simulators.message import SECOND
from simulators.roads import RoadGraph
from simulators.stage import stages
from simulators.week.act import Act, load_plays

if TYPE_CHECKING:
    from collections.abc import Collection

    from simulators.week.act import Play
    from simulators.week.truth import Truth

__all__ = ["NEGATIVES_EACH", "Programme", "make_programme"]

NEGATIVES_EACH: Final = 6  # hard negatives a play, which may hold two true happenings: five at least for each
APART_M: Final = 1500.0  # beyond every gate
APART_S: Final = 1200  # so that an incident has cleared, and cannot re-open
QUIET_S: Final = 300  # at both ends
TRIES: Final = 400


class Programme(NamedTuple):
    """What is played, in order of time."""

    start_us: int
    end_us: int
    acts: list[Act]

    def truths(self) -> list[Truth]:
        """The truth file's lines, in order of time."""
        return sorted((t for a in self.acts for t in a.truths()), key=lambda t: (t.start_us, t.run))


def make_programme(
    start_us: int, seconds: int, seed: int, positives: int, kinds: Collection[str] | None = None
) -> Programme:
    """Put true happenings, and six hard negatives for each play of them, into a span of time.

    Args:
        start_us: Microseconds since 1970 UTC.
        seconds: Length of the span.
        seed: Of every chance.
        positives: How many true happenings.
        kinds: Plays to choose from; None: all.

    Raises:
        ConfigurationError: They do not fit into the span, or no such play.
    """
    plays = {k: p for k, p in load_plays().items() if kinds is None or k in kinds}
    if kinds is not None and (unknown := sorted(set(kinds) - plays.keys())):
        raise ConfigurationError(f'no play "{unknown[0]}"; the plays are {", ".join(load_plays())}')
    random = chance(seed, "programme")
    true, false = (_deck(plays, negative=n) for n in (False, True))
    turn: list[str] = []
    for i in range(positives):
        turn.append(true[i % len(true)])
        turn += [false[(NEGATIVES_EACH * i + k) % len(false)] for k in range(NEGATIVES_EACH)]
    city = demo_city()
    graph, count = RoadGraph(city), len(stages(city))
    acts: list[Act] = []
    for i, kind in enumerate(turn):
        room = seconds - 2 * QUIET_S - int(plays[kind].length_s)
        for _ in range(TRIES if room > 0 else 0):
            at_us = start_us + (QUIET_S + int(random.integers(room))) * SECOND
            busy = {a.unit for a in acts if a.unit and a.begins_us - APART_S * SECOND < at_us < a.ends_us}
            act = Act(kind, city, graph, int(random.integers(count)), at_us, seed, f"w{seed}-{i}", busy)
            if not any(act.clashes(other, APART_M, APART_S * SECOND) for other in acts):
                acts.append(act)
                break
        else:
            raise ConfigurationError(
                f"{len(turn)} plays do not fit into {seconds} s: take a longer span or fewer true happenings"
            )
    return Programme(start_us, start_us + seconds * SECOND, sorted(acts, key=lambda a: (a.begins_us, a.run)))


def _deck(plays: dict[str, Play], *, negative: bool) -> list[str]:
    """Names of the plays of one sort, mixed evenly by their shares."""
    mine = {k: p.share for k, p in plays.items() if p.is_negative is negative}
    return [k for turn in range(max(mine.values(), default=0)) for k, n in mine.items() if n > turn]
