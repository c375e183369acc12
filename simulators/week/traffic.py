"""The traffic of the week: the programme over the everyday city, thinned where nothing happens."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final

from simulators.city import demo_city
from simulators.file import write_traffic
from simulators.fleet import muster
from simulators.message import Draft
from simulators.week.truth import write_truth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from simulators.week.programme import Programme

__all__ = ["THIN", "drafts_of", "write_week"]

OWN_RATE: Final = dict.fromkeys(("traffic-detector", "weather", "water-level", "heat-station", "road-status"), 1)
THIN: Final = OWN_RATE | {"gas-detector": 3, "ambulance": 6, "vehicle": 24, "drone": 20}
"""Sensor type -> how many times slower than live its devices speak while nothing happens; 10 for all others. Those
whose rules count periods, or look for values that stand still, keep their rate. Plays always speak at full rate."""
OTHERS: Final = 10


def drafts_of(programme: Programme, seed: int, devices: int | None = None) -> Iterator[Draft]:
    """Everyday messages and those of the plays, in order of time; a device in a play says nothing of its own."""
    claims: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for act in programme.acts:
        for key, span in act.claims.items():
            claims.setdefault(key, []).append(span)
    for spans in claims.values():
        spans.sort()
    # Buses keep a timetable that a thinned track does not show.
    actors = [a for a in muster(demo_city(), seed, devices) if not a.device.startswith("GJ-")]
    played = sorted((d for act in programme.acts for d in act.drafts()), key=lambda d: d.at_us)
    return heapq.merge(_everyday(actors, programme, claims), played, key=lambda d: d.at_us)


def _everyday(
    actors: list[Any], programme: Programme, claims: dict[tuple[str, str], list[tuple[int, int]]]
) -> Iterator[Draft]:
    heap = [(programme.start_us + a.phase_us, i, a) for i, a in enumerate(actors)]
    heapq.heapify(heap)
    while heap and heap[0][0] < programme.end_us:
        at_us, i, actor = heap[0]
        slower = THIN.get(actor.sensor_type, OTHERS)
        heapq.heapreplace(heap, (at_us + actor.period_us * slower, i, actor))
        spans = claims.get((actor.sensor_type, actor.device), [])
        k = bisect_right(spans, (at_us, 2**62)) - 1
        if (k < 0 or spans[k][1] < at_us) and (body := actor.body(at_us)) is not None:
            yield Draft(at_us, actor.sensor_type, actor.device, body, everyday=True)


def write_week(traffic: Path, truth: Path, programme: Programme, seed: int, devices: int | None = None) -> int:
    """Write the traffic file (``.gz`` compresses) and, apart from it, the truth; the number of messages."""
    write_truth(truth, programme.truths())
    return write_traffic(traffic, drafts_of(programme, seed, devices), seed)
