"""The traffic of the demo city: its everyday devices and a story, merged in order of time.

Pure and deterministic: story, seed, start and options give the same messages, byte for byte, in every process.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Any

from simulators.city import demo_city
from simulators.fleet import muster
from simulators.message import SECOND, Draft, Planned, encode
from simulators.roads import RoadGraph
from simulators.stage import number_of, stages
from simulators.story import Performance, load_story

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Traffic", "traffic"]


def traffic(
    story: str, seed: int | None, start_us: int, devices: int | None = None, duration_s: float | None = None
) -> Iterator[Planned]:
    """Messages of a story and the everyday city round it, in order of time.

    Args:
        story: Name of a story (``simulators.story.story_names``).
        seed: Of every chance; it also chooses the stage and the ids. None: seed 0, and stage and ids follow the start
            time, so that a second start minutes later plays elsewhere.
        start_us: Time of the story's second 0, microseconds since 1970 UTC; cut to whole milliseconds.
        devices: How many devices speak besides those of the story; None: all of the demo city.
        duration_s: Where to stop; None: never.

    Raises:
        ConfigurationError: There is no such story.
    """
    return map(encode, Traffic(story, seed, start_us, devices, duration_s))


class Traffic:
    """As ``traffic``, before encoding: iterate once for drafts.

    Attributes:
        claims: (sensor type, device) -> from and until when a story speaks for it; grows with each performance.
    """

    def __init__(
        self,
        story: str,
        seed: int | None,
        start_us: int,
        devices: int | None = None,
        duration_s: float | None = None,
        *,
        slower: int = 1,
    ) -> None:
        self.claims: dict[tuple[str, str], tuple[int, int]] = {}
        self._script = load_story(story)
        self._start_us = start_us // 1000 * 1000
        self._end_us = 2**62 if duration_s is None else self._start_us + int(duration_s * SECOND)
        self._seed, self._slower = seed, slower
        self._city = demo_city()
        self._graph = RoadGraph(self._city)
        self._actors = muster(self._city, seed or 0, devices)
        self._count = 0
        self._busy: dict[str, int] = {}

    def __iter__(self) -> Iterator[Draft]:
        # Entries are (time, order, what); the order is unique, so that "what" is never compared.
        heap: list[tuple[int, int, Any]] = [(self._start_us + a.phase_us, i, a) for i, a in enumerate(self._actors)]
        heap.append((self._start_us, -1, None))
        heapq.heapify(heap)
        everyday = order = len(self._actors)
        while heap:
            at_us, rank, what = heap[0]
            if at_us >= self._end_us:
                return
            if rank == -1:
                for track in self._perform(at_us):
                    if (first := next(track, None)) is not None:
                        heapq.heappush(heap, (first.at_us, order, (first, track)))
                        order += 1
                repeat_s = self._script.repeat_s
                if repeat_s is None:
                    heapq.heappop(heap)
                else:
                    heapq.heapreplace(heap, (at_us + int(repeat_s * SECOND), -1, None))
            elif rank < everyday:
                heapq.heapreplace(heap, (at_us + what.period_us * (self._slower if what.moves else 1), rank, what))
                begins, ends = self.claims.get((what.sensor_type, what.device), (0, 0))
                if not begins <= at_us < ends and (body := what.body(at_us)) is not None:
                    yield Draft(at_us, what.sensor_type, what.device, body, everyday=True)
            else:
                draft, track = what
                following = next(track, None)
                if following is None:
                    heapq.heappop(heap)
                else:
                    heapq.heapreplace(heap, (following.at_us, rank, (following, track)))
                yield draft

    def _perform(self, at_us: int) -> list[Iterator[Draft]]:
        """The tracks of the next performance, on the next stage."""
        if not self._script.tracks:
            return []
        sets = stages(self._city)
        if self._seed is None:
            number, run = number_of(at_us, len(sets)), f"{at_us // SECOND:x}"
        else:
            # 15 and 31 have no common factor: every stage comes before one comes again.
            number, run = (self._seed + 15 * self._count) % len(sets), f"s{self._seed}-{self._count}"
        self._count += 1
        busy = {unit for unit, until in self._busy.items() if until > at_us}
        show = Performance(self._script, self._city, self._graph, sets[number], at_us, self._seed or 0, run, busy)
        self.claims = {k: v for k, v in self.claims.items() if v[1] > at_us} | show.claims
        if show.trip is not None:
            self._busy[show.trip.unit] = show.claims["ambulance", show.trip.unit][1]
        return show.tracks()
