"""What first aid remembers: units, hospitals, open emergencies with their plans, coverage. Plain data, serialisable."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from scenes.toolkit.roads import metres
from scenes.toolkit.speeds import LiveSpeeds

if TYPE_CHECKING:
    from scenes.first_aid.town import Place
    from scenes.toolkit.calls import Call

__all__ = ["NEVER", "Case", "Crew", "Fall", "FirstAidState", "Fix", "Gap", "Link", "Notice", "Plan", "Ward", "Wind"]


NEVER = -1  # no fingerprint of speeds


class Fix(NamedTuple):
    """A position report: microseconds, degrees."""

    time: int
    lon: float
    lat: float


@dataclass(slots=True)
class Crew:
    """A unit as last known.

    Attributes:
        fix: Last position believed, None: at its station.
        doubted: Positions in a row that were too far away to be believed.
        duty: Word of the crew; ``available`` ones can be sent.
        case: Key of the emergency it is planned for.
        confirmed: It has said since then that it is on its way.
        slow_since: When it began to stand, microseconds.
        offered: Since it is free, the emergencies that want for a crew have been planned with it once.
    """

    fix: Fix | None = None
    doubted: list[Fix] = field(default_factory=list)
    duty: str = "available"
    case: str | None = None
    confirmed: bool = False
    slow_since: int | None = None
    heard: int = 0
    offered: bool = False

    def release(self) -> None:
        """It belongs to no emergency any more."""
        self.case, self.confirmed, self.offered = None, False, False


@dataclass(slots=True)
class Ward:
    """A hospital's live status."""

    state: str
    load: float
    time: int | None = None


class Wind(NamedTuple):
    """Weather as last reported by one station; NaN where it never said so, or has no known place."""

    time: int
    wind_ms: float
    rain_mm_h: float
    lon: float
    lat: float

    def metres_to(self, place: Place) -> float:
        """Distance to a place, inf where its own is unknown."""
        return math.inf if math.isnan(self.lon + self.lat) else metres(self.lon, self.lat, place.lon, place.lat)


class Notice(NamedTuple):
    """What an open incident of another scene does to the city, as its last bulletin says.

    Attributes:
        at: Of the bulletin, microseconds.
        hazards: GeoJSON areas in which people are in danger.
        closed: GeoJSON areas whose roads are closed.
        links: Directions ``FROM>TO`` that are slow or closed.
        words: For people, zh and en.
    """

    at: int
    scene: str
    event: str
    level: str
    hazards: list[dict[str, Any]]
    closed: list[dict[str, Any]]
    links: list[str]
    words: tuple[str, str]


class Link(NamedTuple):
    """Another emergency next door: its key and what was called in."""

    key: str
    complaint: str


class Fall(NamedTuple):
    """A person seen to fall."""

    device: str
    time: int
    lon: float
    lat: float
    confidence: float
    track: str


@dataclass(slots=True)
class Plan:
    """Who goes, by which way, to which hospital. All seconds count from the call, turnout included.

    Attributes:
        left_s: When the unit leaves the start of ``route``.
        route_s: When it passes each node of ``route``.
        start: Where it stood when the plan was made (lon, lat).
        responder_route: Nodes of the first responder's way.
        capable: The primary unit can treat the complaint; False: the best there was.
        able: The hospital can treat the complaint; False: none that can is open.
        aed_options: Every AED that is sent, with its seconds; the fastest is ``aed``.
    """

    primary_unit: str | None = None
    eta_s: float | None = None
    first_responder: str | None = None
    first_responder_eta_s: float | None = None
    aed: str | None = None
    aed_eta_s: float | None = None
    hospital: str | None = None
    route: list[str] = field(default_factory=list)
    green_wave: dict[str, float] = field(default_factory=dict)
    left_s: float = 0.0
    route_s: list[float] = field(default_factory=list)
    start: tuple[float, float] | None = None
    responder_route: list[str] = field(default_factory=list)
    capable: bool = True
    able: bool = True
    aed_options: dict[str, float] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The plan as the public surface shows it; seconds to a tenth."""
        return {
            "primary_unit": self.primary_unit,
            "eta_s": _tenth(self.eta_s),
            "first_responder": self.first_responder,
            "first_responder_eta_s": _tenth(self.first_responder_eta_s),
            "aed": self.aed,
            "aed_eta_s": _tenth(self.aed_eta_s),
            "hospital": self.hospital,
            "route": list(self.route),
            "green_wave": {k: round(v, 1) for k, v in self.green_wave.items()},
        }


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


@dataclass(slots=True)
class Case:
    """One patient.

    Attributes:
        key: Subject of its evidence.
        call: The first call.
        complaint, priority: Of the gravest call so far.
        last_call: Event time of the latest call that joined, microseconds.
        calls: Call ids that joined, in order.
        messages: Messages of the first call.
        said: How often its plan was told to the desk.
        ways_seen: Fingerprint of the speeds at which its hospital was looked at last.
        delay_s: How late the call reached us, where it was late.
        arrived, ended: Event times, microseconds.
        hospital_bound: The patient is on the way to hospital.
        cancelled: The caller took it back.
        slipped, stuck: Words for the level and the texts.
        linked: Other emergencies called in from nearby with another complaint, for the dispatcher to look at.
        mass: How many patients the mass casualty has that this emergency belongs to; 0: none.
        red: Red incidents of other scenes in which it lies.
        hazards: Incidents of other scenes whose hazard area the crew, its way or the patient is in.
    """

    key: str
    call: Call
    complaint: str
    priority: int
    last_call: int
    calls: list[str]
    plan: Plan
    messages: int = 1
    said: int = 0
    ways_seen: int = 0
    delay_s: float = 0.0
    arrived: int | None = None
    ended: int | None = None
    hospital_bound: bool = False
    cancelled: bool = False
    slipped: bool = False
    stuck: bool = False
    news: int = 0
    falls: list[str] = field(default_factory=list)
    linked: list[Link] = field(default_factory=list)
    mass: int = 0
    red: list[str] = field(default_factory=list)
    hazards: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Gap:
    """A coverage zone without a unit in reach.

    Attributes:
        since: Event time, microseconds.
        unit: The unit whose change began it.
        raised: Said so.
        move_up: The unit advised.
    """

    since: int
    unit: str
    raised: bool = False
    move_up: str | None = None


@dataclass(slots=True)
class FirstAidState:
    """The whole of it.

    Attributes:
        roads_heard: Driving direction -> event time of its last report, microseconds.
        notices: Incidents of other scenes, as heard.
        batteries: Charge of the AED drones that told theirs, percent.
        covering: Coverage zone -> a free unit that reached it when it was last looked at.
        looked: Fingerprint of the speeds when all zones had been compared; ``NEVER`` before.
        stale: Coverage zone that is still to be compared -> since when, event time in microseconds.
        stale_from: When units, or speeds, changed for the first time since the last mark; all zones are to be compared.
    """

    crews: dict[str, Crew] = field(default_factory=dict)
    wards: dict[str, Ward] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    gaps: dict[str, Gap] = field(default_factory=dict)
    winds: dict[str, Wind] = field(default_factory=dict)
    falls: list[Fall] = field(default_factory=list)
    live: LiveSpeeds = field(default_factory=LiveSpeeds)
    roads_heard: dict[str, int] = field(default_factory=dict)
    notices: dict[str, Notice] = field(default_factory=dict)
    batteries: dict[str, float] = field(default_factory=dict)
    covering: dict[str, str] = field(default_factory=dict)
    looked: int = NEVER
    stale: dict[str, int] = field(default_factory=dict)
    stale_from: int | None = None

    def touch(self, now: int) -> None:
        """Something that coverage depends on has changed."""
        self.stale_from = now if self.stale_from is None else min(now, self.stale_from)
