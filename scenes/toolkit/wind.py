"""The wind at a place, from weather stations: vector mean of the last minutes of the nearest station that is fresh."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from brain.city.index import distance_m

__all__ = ["Stations", "Wind"]

MEAN_US = 600_000_000


class Wind(NamedTuple):
    """Mean wind.

    Attributes:
        from_deg: Where it comes from.
        speed_ms: Mean speed.
        steady: False when it blew from all sides, so that a direction means nothing.
        stability: Pasquill class A to F as the station says; None where it does not.
    """

    from_deg: float
    speed_ms: float
    steady: bool
    stability: str | None = None


class Gust(NamedTuple):
    """One reading: microseconds, m/s toward east and north."""

    time: int
    east: float
    north: float


@dataclass(slots=True)
class Station:
    """Readings of the last ten minutes at a place; the last stability class it told."""

    lon: float
    lat: float
    stability: str | None = None
    gusts: list[Gust] = field(default_factory=list)


@dataclass(slots=True)
class Stations:
    """All weather stations, by device id."""

    known: dict[int, Station] = field(default_factory=dict)

    def hear(
        self,
        device: int,
        time: int,
        from_deg: float,
        speed_ms: float,
        lon: float,
        lat: float,
        stability: str | None = None,
    ) -> None:
        """Take a reading; one without direction, speed or place says nothing."""
        if not all(map(math.isfinite, (from_deg, speed_ms, lon, lat))):
            return
        station = self.known.setdefault(device, Station(lon, lat))
        station.lon, station.lat, station.stability = lon, lat, stability or station.stability
        way = math.radians(from_deg)
        station.gusts.append(Gust(time, -speed_ms * math.sin(way), -speed_ms * math.cos(way)))
        newest = max(g.time for g in station.gusts)
        station.gusts = [g for g in station.gusts if newest - g.time <= MEAN_US]

    def at(self, lon: float, lat: float, time: int, fresh_s: float) -> Wind | None:
        """The wind at a place and event time; None where no station has spoken within ``fresh_s`` of it."""
        best: tuple[float, int] | None = None
        for device, station in self.known.items():
            if min(abs(time - g.time) for g in station.gusts) <= fresh_s * 1e6:
                far = (distance_m(lon, lat, station.lon, station.lat), device)
                best = far if best is None or far[0] < best[0] else best
        if best is None:
            return None
        station = self.known[best[1]]
        gusts = station.gusts
        east, north = sum(g.east for g in gusts) / len(gusts), sum(g.north for g in gusts) / len(gusts)
        speed = sum(math.hypot(g.east, g.north) for g in gusts) / len(gusts)
        mean = math.hypot(east, north)
        from_deg = round(math.degrees(math.atan2(-east, -north)) % 360, 1) % 360
        return Wind(from_deg, round(speed, 2), mean >= 0.5 * speed, station.stability)
