"""What the stations teach: their samples become history, but for those of a time when something was wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenes.travel.ties import Context

__all__ = ["learn"]

FOREVER = 2**62


def learn(ctx: Context) -> None:
    """Let what was sampled become history (at a mark), without what fell into a case or a congestion."""
    tables = [t for t in ctx.state.learned.values() if t.is_waiting]
    if not tables:
        return
    ids = ctx.registry.ids("traffic-detector")
    spans: dict[int, list[tuple[int, int]]] = {}
    for name, first, last in _spans(ctx):
        if name in ids:
            spans.setdefault(ids[name], []).append((first, last))

    def is_busy(device: int, time: int) -> bool:
        return any(first <= time <= last for first, last in spans[device])

    for table in tables:
        table.commit(is_busy, spans.keys())


def _spans(ctx: Context) -> Iterator[tuple[str, int, int]]:
    """(station, from, until) of what went wrong lately, microseconds."""
    lines = ctx.network.lines
    for case in ctx.state.cases.values():
        until = FOREVER if case.holding else case.last
        for place in case.places:
            yield from ((name, case.first, until) for name in lines[place.corridor].order)
    for name, single in ctx.state.singles.items():
        case_of = ctx.state.cases.get(single.case or "")
        if case_of is not None:
            yield name, case_of.first, FOREVER
    for corridor, jam in ctx.state.jams.items():
        if jam.raised:
            yield from ((name, jam.since, FOREVER) for name in lines[corridor].order)
