"""What a traffic incident does to the roads, in words that other scenes understand: links that are slow or closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.model import Level, Text
from brain.scene_api import Effect, EffectKind
from scenes.travel.corridors import network_of

if TYPE_CHECKING:
    from brain.scene_api import Evidence, View, World

__all__ = ["effects"]

SHORT_M = 40.0  # of road round a source without a queue


def effects(
    source: Evidence, view: View, queue_m: float, level: Level, world: World, *, closed: bool
) -> tuple[Effect, ...]:
    """Links from the source back to the tail of the queue, slow or closed; none below yellow or off the road graph.

    On a corridor the direction is known; what vehicles show names its link; else both directions of the link at the
    place are slow, since nobody can tell which one is.
    """
    if level.rank < Level.YELLOW.rank:
        return ()
    links = _links(source, view, queue_m, world)
    if not links:
        return ()
    kmh = min((float(w.values["kmh"]) for w in view.witnesses if w.holds and w.values.get("kmh") is not None),
              default=world.parameters["incident_kmh"])  # fmt: skip
    return (
        Effect(
            kind=EffectKind.ROAD_CLOSED if closed else EffectKind.ROAD_SLOW,
            links=links,
            speed_kmh=None if closed else max(kmh, 1.0),
            text=Text("交通事件", "traffic incident"),
        ),
    )


def _links(source: Evidence, view: View, queue_m: float, world: World) -> tuple[tuple[str, str], ...]:
    network = network_of(world.city)
    named = [tuple(a) for w in view.witnesses if w.holds for a in w.values.get("arcs", ())]
    found = [(str(a), str(b)) for a, b in named]
    corridor = source.values["corridor"]
    arcs: list[int] = []
    if source.lon is not None and source.lat is not None:
        if corridor in network.lines:
            m, _ = network.lines[corridor].locate(source.lon, source.lat)
            arcs = network.arcs(corridor, m - max(queue_m, SHORT_M), m + SHORT_M / 2)
        elif not found:
            arcs = network.link_at(source.lon, source.lat)
    found += [(a, b) for a, b in (network.streets.name(k).split(">", 1) for k in arcs)]
    return tuple(dict.fromkeys(found))
