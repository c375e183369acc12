"""Drones: those that patrol a circle, those that wait in a dock, and the flight of one that is sent somewhere."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

from brain.city.index import distance_m
from simulators.actor import Actor, Walk
from simulators.message import SECOND
from simulators.roads import heading_deg

__all__ = ["Docked", "Flight", "Patrol"]

METRES_A_DEGREE: Final = 111_195.0


class Patrol(Actor):
    """Flies a circle at 85 m and senses nothing unusual."""

    sensor_type = "drone"
    moves = True
    SPEED_MS = 11.0

    def __init__(self, seed: int, device: str, middle: tuple[float, float], radius_m: float = 420.0) -> None:
        super().__init__(seed, device, 2)
        self._middle, self._radius_m = middle, radius_m
        self._start = float(self.random.uniform(0, 2 * math.pi))
        self._methane = Walk(self.random, 5.0, 0.3, 3.0, 8.0)
        self._warm = Walk(self.random, 27.0, 0.2, 24.0, 30.0)

    def body(self, at_us: int) -> dict[str, Any]:
        """One fix with what it senses."""
        angle = self._start + self.SPEED_MS / self._radius_m * (at_us / SECOND % 86_400)
        lon, lat = self._middle
        east, north = self._radius_m * math.sin(angle), self._radius_m * math.cos(angle)
        return {
            "lon": round(lon + east / METRES_A_DEGREE / math.cos(math.radians(lat)), 6),
            "lat": round(lat + north / METRES_A_DEGREE, 6),
            "height_m": 85.0,
            "speed_ms": self.SPEED_MS,
            "heading_deg": round(math.degrees(angle) + 90, 1) % 360,
            "battery_pct": float(95 - at_us // SECOND // 30 % 60),
            "mission": "patrol",
            "methane_ppm_m": self._methane.step(),
            "methane_background_ppm_m": 5.0,
            "thermal_max_c": self._warm.step(),
            "ambient_c": 21.0,
        }


class Docked(Actor):
    """Waits in its dock."""

    sensor_type = "drone"
    moves = True

    def __init__(self, seed: int, device: str, place: tuple[float, float]) -> None:
        super().__init__(seed, device, 30)
        self._place = place

    def body(self, at_us: int) -> dict[str, Any]:
        """A sign of life."""
        lon, lat = self._place
        return {"lon": lon, "lat": lat, "height_m": 0.0, "speed_ms": 0.0, "battery_pct": 100.0, "mission": "docked"}


class Flight(NamedTuple):
    """Dock, target and back; seconds count from the start of the story."""

    dock: tuple[float, float]
    target: tuple[float, float]
    leave_s: float
    over_s: float
    home_s: float
    back_s: float
    height_m: float

    def body(self, second: float) -> dict[str, Any]:
        """Position, height and speed; straight lines, climbing in the first and sinking in the last tenth of a leg."""
        if second < self.home_s:
            share = min(1.0, max(0.0, (second - self.leave_s) / (self.over_s - self.leave_s)))
            a, b, took = self.dock, self.target, self.over_s - self.leave_s
            height = self.height_m * min(1.0, share * 10)
        else:
            share = min(1.0, (second - self.home_s) / (self.back_s - self.home_s))
            a, b, took = self.target, self.dock, self.back_s - self.home_s
            height = self.height_m * min(1.0, (1 - share) * 10)
        moving = 0.0 < share < 1.0
        return {
            "lon": round(a[0] + (b[0] - a[0]) * share, 6),
            "lat": round(a[1] + (b[1] - a[1]) * share, 6),
            "height_m": round(height, 1),
            "speed_ms": round(distance_m(*a, *b) / took, 1) if moving else 0.0,
            "heading_deg": round(heading_deg(*a, *b), 1) % 360,
        }
