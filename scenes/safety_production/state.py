"""What safety production remembers: detectors by kind of measurement, what cameras and drones see, the wind."""

from __future__ import annotations

from dataclasses import dataclass, field

from scenes.safety_production.detectors import Detectors  # noqa: TC001 - a state's types are there at run time
from scenes.toolkit.wind import Stations

__all__ = ["COMBUSTIBLE", "OXYGEN", "SafetyState", "Sight", "Whiff"]

COMBUSTIBLE = "LEL"
OXYGEN = "O2"


@dataclass(slots=True)
class Sight:
    """Smoke or flame before one camera.

    Attributes:
        tracks: Track (or zone) -> first and last event time without a gap, microseconds.
        confirmed: A track was seen long enough.
        seconds: Of the longest track.
        received: Time of receipt of the last message.
    """

    tracks: dict[str, tuple[int, int]] = field(default_factory=dict)
    confirmed: bool = False
    seconds: float = 0.0
    confidence: float = 0.0
    last: int = 0
    received: int = 0
    count: int = 0
    lon: float | None = None
    lat: float | None = None


@dataclass(slots=True)
class Whiff:
    """Methane under one drone: where it was most, over background, ppm.m."""

    peak: float
    lon: float
    lat: float
    last: int
    received: int
    count: int = 1


@dataclass(slots=True)
class SafetyState:
    """Everything; plain data.

    Attributes:
        tables: ``LEL``, ``O2`` or a toxic formula -> detectors.
        sights: (device id, ``smoke`` or ``flame``) -> what the camera sees.
        whiffs: Device id of a drone -> what it smells.
        calls: Event time and place of the last calls that told of gas.
    """

    tables: dict[str, Detectors] = field(default_factory=dict)
    sights: dict[tuple[int, str], Sight] = field(default_factory=dict)
    whiffs: dict[int, Whiff] = field(default_factory=dict)
    calls: list[tuple[int, float, float]] = field(default_factory=list)
    stations: Stations = field(default_factory=Stations)
