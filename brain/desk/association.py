"""Which incident a statement belongs to: the same witness, else the same subject, else near enough. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.city.index import distance_m

if TYPE_CHECKING:
    from collections.abc import Iterable

    from brain.desk.incident import Incident
    from brain.scene_api import Evidence, Gate

__all__ = ["Match", "match", "nearest", "within"]

SECOND: Final = 1_000_000
_RANKS: Final = {"open": 0, "cleared": 2, "cancelled": 2, "candidate": 4}


class Match(NamedTuple):
    """How well a statement fits an incident; the smallest wins, the older incident where they are equal."""

    rank: int
    kind: int
    distance: float
    order: int


def within(evidence: Evidence, others: Iterable[Evidence], gate: Gate) -> tuple[int, float] | None:
    """Kind (1 same subject, 2 near) and distance in metres to the nearest of others, or None outside the gate.

    Equal subjects belong together at any distance; otherwise the distance decides, but never between two sites.
    """
    near: float | None = None
    stranger = acquainted = False
    for other in others:
        if evidence.subject is not None and evidence.subject == other.subject:
            return 1, 0.0
        if evidence.site is not None and other.site is not None:
            acquainted |= evidence.site == other.site
            stranger |= evidence.site != other.site
        if evidence.lon is None or evidence.lat is None or other.lon is None or other.lat is None:
            continue
        far = distance_m(evidence.lon, evidence.lat, other.lon, other.lat)
        if far <= gate.radius_m and (near is None or far < near):
            near = far
    return None if near is None or (stranger and not acquainted) else (2, near)


def match(incident: Incident, evidence: Evidence, at: int, gate: Gate, reopen_s: float) -> Match | None:
    """How well a statement received at ``at`` fits an incident of its event, or None where it does not."""
    line = incident.lines.get(evidence.witness)
    if not evidence.holds and line is None:
        return None  # an end can only end what stands there
    if incident.state == "candidate" and abs(evidence.time - incident.last_time) > gate.seconds * SECOND:
        return None
    if incident.state == "cleared" and at - incident.closed_at > reopen_s * SECOND:
        return None
    if incident.state == "cancelled" and (line is None or at > incident.closed_at + reopen_s * SECOND):
        return None
    found = within(evidence, (x.evidence for x in incident.lines.values()), gate)
    if line is not None and (
        not evidence.holds or line.evidence.holds or evidence.lon is None or line.evidence.lon is None
    ):
        found = (0, 0.0)  # the statement goes on; what moves may have left the gate meanwhile
    if found is None:
        return None
    kind, distance = found
    same = line is not None and (line.evidence.holds or evidence.holds)
    return Match(_RANKS[incident.state] + (not same), kind, distance, incident.order)


def nearest(incidents: Iterable[Incident], evidence: Evidence, at: int, gate: Gate, reopen_s: float) -> Incident | None:
    """The incident that a statement belongs to, or None."""
    best: tuple[Match, Incident] | None = None
    for incident in incidents:
        found = match(incident, evidence, at, gate, reopen_s)
        if found is not None and (best is None or found < best[0]):
            best = found, incident
    return None if best is None else best[1]
