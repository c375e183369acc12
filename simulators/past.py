"""An hour before now: everyday traffic, sampled more coarsely, with a few small incidents that have ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from simulators.message import SECOND, Planned, encode
from simulators.plan import Traffic

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["history"]

STORY: Final = "history/last-hour"
LENGTH_S: Final = 3600
SLOWER: Final = 6  # what moves every 5 s live is kept every 30 s


def history(seed: int, end_us: int, seconds: int = LENGTH_S) -> Iterator[Planned]:
    """Messages of the ``seconds`` before ``end_us``, in order of time.

    The incidents lie at fixed distances from the end; a shorter history leaves the older ones out.
    """
    start_us = end_us - LENGTH_S * SECOND
    for draft in Traffic(STORY, seed, start_us, None, LENGTH_S, slower=SLOWER):
        if draft.at_us >= end_us - seconds * SECOND:
            yield encode(draft)
