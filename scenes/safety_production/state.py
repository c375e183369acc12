"""What safety production remembers: detectors by kind of measurement, what cameras and drones see, the wind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from scenes.safety_production.airspace import Flight, LastFix  # noqa: TC001 - a state's types are there at run time
from scenes.safety_production.detectors import Detectors  # noqa: TC001
from scenes.safety_production.people import Conduct
from scenes.toolkit.wind import Stations

__all__ = [
    "COMBUSTIBLE",
    "OXYGEN",
    "Heat",
    "PermitGas",
    "SafetyState",
    "Sight",
    "SmokeAlarm",
    "Source",
    "Suppressed",
    "Whiff",
]

COMBUSTIBLE = "LEL"
OXYGEN = "O2"
MOST_SUPPRESSED = 256


@dataclass(slots=True)
class Sight:
    """Smoke or flame before one camera.

    Attributes:
        tracks: Track (or zone) -> first and last event time without a gap, microseconds.
        confirmed: A track was seen long enough.
        seconds: Of the longest track.
        received: Time of receipt of the last message.
        places: Of the tracks that tell their own place.
        told: What it speaks for now: ``gas``, a ``fire``, ``hot_work`` without permit; ``check`` asks the site to look.
        spoken, peopled: Event time of its last statement, and whether that knew of people near by.
    """

    tracks: dict[str, tuple[int, int]] = field(default_factory=dict)
    confirmed: bool = False
    seconds: float = 0.0
    confidence: float = 0.0
    first: int = 0
    last: int = 0
    received: int = 0
    count: int = 0
    lon: float | None = None
    lat: float | None = None
    own_place: bool = False
    places: dict[str, tuple[float, float]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    spoken: int | None = None
    peopled: bool = False


@dataclass(slots=True)
class Whiff:
    """Methane under one drone: where it was most, over background, ppm.m; ``said`` is the last place told."""

    peak: float
    lon: float
    lat: float
    first: int
    last: int
    received: int
    count: int = 1
    said: tuple[float, float] | None = None


@dataclass(slots=True)
class Heat:
    """Heat under one drone: where it was most, kelvin over ambient."""

    peak: float
    lon: float
    lat: float
    first: int
    last: int
    received: int
    count: int = 1


@dataclass(slots=True)
class SmokeAlarm:
    """A smoke detector in alarm."""

    first: int
    last: int
    received: int
    count: int = 1
    lon: float | None = None
    lat: float | None = None


@dataclass(slots=True)
class PermitGas:
    """Gas of one detector beside the running permits near it: samples in a row, and whether it was told."""

    run: int = 0
    told: bool = False
    count: int = 0
    first: int = 0
    last: int = 0
    value: float = 0.0


@dataclass(slots=True)
class Source:
    """The source found by a detector in alarm and those round it.

    Attributes:
        at: Event time of the last search.
        found: Place, ellipse and rate; None where nothing fits.
        told: The last place told.
    """

    at: int | None = None
    found: dict[str, Any] | None = None
    told: tuple[float, float] | None = None


@dataclass(slots=True)
class Suppressed:
    """An alarm that was held back on purpose, for the audit: event time, device, what, and why."""

    time: int
    device: str
    what: str
    why: str


@dataclass(slots=True)
class SafetyState:
    """Everything; plain data.

    Attributes:
        tables: ``LEL``, ``O2`` or a toxic formula -> detectors.
        sights: (device id, ``smoke`` or ``flame``) -> what the camera sees.
        whiffs: Device id of a drone -> what it smells.
        heats: Device id of a drone -> the heat it sees.
        alarms: Device id of a smoke detector -> its alarm.
        sources: (table, row) of a detector in alarm -> the source it found.
        calls: Event time and place of the last calls that told of gas.
        people: Event time and place where people were seen last.
        permit_gas: (device id, permit) -> gas beside the permit.
        stale: Permits whose gas test was told to be too old -> when they end.
        conduct, flights: Of people and of drones; ``fixes`` is the last row of every drone.
        suppressed: The last alarms held back on purpose.
        clock: Latest time of receipt, microseconds; None before the first row.
    """

    tables: dict[str, Detectors] = field(default_factory=dict)
    sights: dict[tuple[int, str], Sight] = field(default_factory=dict)
    whiffs: dict[int, Whiff] = field(default_factory=dict)
    heats: dict[int, Heat] = field(default_factory=dict)
    alarms: dict[int, SmokeAlarm] = field(default_factory=dict)
    sources: dict[tuple[str, int], Source] = field(default_factory=dict)
    calls: list[tuple[int, float, float]] = field(default_factory=list)
    people: list[tuple[int, float, float]] = field(default_factory=list)
    permit_gas: dict[tuple[int, str], PermitGas] = field(default_factory=dict)
    stale: dict[str, int] = field(default_factory=dict)
    conduct: Conduct = field(default_factory=Conduct)
    flights: dict[int, Flight] = field(default_factory=dict)
    fixes: dict[int, LastFix] = field(default_factory=dict)
    stations: Stations = field(default_factory=Stations)
    suppressed: list[Suppressed] = field(default_factory=list)
    clock: int | None = None

    def audit(self, time: int, device: str, what: str, why: str) -> None:
        """Remember that an alarm was held back on purpose; the same one in a row is kept once, at its latest time."""
        last = self.suppressed[-1] if self.suppressed else None
        if last is not None and (last.device, last.what, last.why) == (device, what, why):
            last.time = time
            return
        self.suppressed.append(Suppressed(time, device, what, why))
        del self.suppressed[:-MOST_SUPPRESSED]
