"""Vehicles on the road graph: taxis that roam, buses that keep their distance, ambulances at their stations."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from simulators.actor import Actor, Walk
from simulators.message import SECOND
from simulators.roads import Fix, Journey, RoadGraph

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Ambulance", "Bus", "Roamer", "Shuttle", "said"]

GPS_M: Final = 3.0  # the receivers' error, one sigma
_DEGREES_A_METRE: Final = 1 / 111_195


def said(fix: Fix, random: Any | None = None) -> dict[str, Any]:
    """Position, speed and heading as a vehicle reports them, with the receiver's error where a chance is given."""
    lon, lat = fix.lon, fix.lat
    if random is not None:
        east, north = random.standard_normal(2).tolist()
        lon += east * GPS_M * _DEGREES_A_METRE * 1.238
        lat += north * GPS_M * _DEGREES_A_METRE
    return {
        "lon": round(lon, 6),
        "lat": round(lat, 6),
        "speed_kmh": round(fix.speed_kmh, 1),
        "heading_deg": round(fix.heading_deg, 1) % 360,
    }


class Roamer(Actor):
    """A vehicle that drives from crossing to crossing without an aim and waits at some red lights, 20 s at most."""

    sensor_type = "vehicle"
    moves = True

    def __init__(self, seed: int, device: str, graph: RoadGraph, kind: str, period_s: float = 5) -> None:
        super().__init__(seed, device, period_s)
        self._graph, self._kind = graph, kind
        self._pace = Walk(self.random, 0.95, 0.02, 0.85, 1.05)
        nodes = sorted(graph.places)
        self._from = nodes[int(self.random.integers(len(nodes)))]
        self._to = self._next(self._from, None)
        self._done = float(self.random.random())
        self._wait_s = 0.0
        self._last_us: int | None = None

    def _next(self, here: str, came_from: str | None) -> str:
        ways = [n for n in self._graph.beside[here] if n != came_from] or self._graph.beside[here]
        return ways[int(self.random.integers(len(ways)))]

    def body(self, at_us: int) -> dict[str, Any]:
        """Drive on since the last call."""
        left = 0.0 if self._last_us is None else (at_us - self._last_us) / SECOND
        self._last_us = at_us
        pace = self._pace.step(3)
        while left > 0:
            if self._wait_s > 0:
                pause = min(self._wait_s, left)
                self._wait_s -= pause
                left -= pause
                continue
            whole = self._graph.leg(self._from, self._to).seconds / pace
            rest = (1 - self._done) * whole
            if left < rest:
                self._done += left / whole
                break
            left -= rest
            self._from, self._to, self._done = self._to, self._next(self._to, self._from), 0.0
            if self._from in self._graph.signalled and self.random.random() < 0.3:
                self._wait_s = float(self.random.uniform(6, 20))
        leg = self._graph.leg(self._from, self._to)
        fix = leg.fix(self._done * leg.seconds)
        speed = 0.0 if self._wait_s > 0 else fix.speed_kmh * pace
        return {**said(fix._replace(speed_kmh=speed), self.random), "kind": self._kind}


class Shuttle:
    """There and back along nodes, pausing at every second one; buses on it keep their headway."""

    PAUSE_S = 15.0

    def __init__(self, graph: RoadGraph, nodes: Sequence[str]) -> None:
        loop = [*nodes, *nodes[-2::-1]]
        self._legs = [Journey(graph, pair, 0.85) for pair in pairwise(loop)]
        self._leave = [0.0]
        for i, leg in enumerate(self._legs):
            self._leave.append(self._leave[-1] + leg.seconds + (self.PAUSE_S if i % 2 else 0.0))
        self.period_s = self._leave[-1]

    def fix(self, second: float) -> Fix:
        """Where the bus is at a second of its round; standing during pauses."""
        second %= self.period_s
        i = bisect_right(self._leave, second) - 1
        return self._legs[i].fix(second - self._leave[i])


class Bus(Actor):
    """One of several buses of a route, evenly spaced."""

    sensor_type = "vehicle"
    moves = True

    def __init__(self, seed: int, device: str, shuttle: Shuttle, share: float, route: str) -> None:
        super().__init__(seed, device, 5)
        self._shuttle, self._lead_s, self._route = shuttle, share * shuttle.period_s, route

    def body(self, at_us: int) -> dict[str, Any]:
        """Where the timetable has it."""
        fix = self._shuttle.fix(at_us / SECOND + self._lead_s)
        return {**said(fix, self.random), "kind": "bus", "route": self._route}


class Ambulance(Actor):
    """A crew waiting at its station."""

    sensor_type = "ambulance"
    moves = True

    def __init__(self, seed: int, device: str, place: tuple[float, float]) -> None:
        super().__init__(seed, device, 10)
        self._fix = Fix(*place, 0.0, 0.0)

    def body(self, at_us: int) -> dict[str, Any]:
        """Standing, available."""
        return {**said(self._fix, self.random), "duty": "available"}
