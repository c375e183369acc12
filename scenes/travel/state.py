"""What travel remembers: stations, pairs, tracks before cameras, sightings that support, and its open cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from scenes.toolkit.baseline import Learned, Usual
    from scenes.travel.corridors import Along
    from scenes.travel.streets import LinkSpeeds

__all__ = [
    "Bus",
    "BusRoute",
    "Case",
    "Crowd",
    "Jam",
    "PairState",
    "Probe",
    "Report",
    "RouteGate",
    "Single",
    "Support",
    "Track",
    "TravelState",
    "Weather",
]


class Report(NamedTuple):
    """One period of a station: its end in microseconds, NaN where it gave nothing, and what was usual then."""

    time: int
    occupancy: float
    kmh: float
    flow: float = float("nan")
    usual_occupancy: Usual | None = None
    usual_kmh: Usual | None = None
    usual_flow: Usual | None = None


@dataclass(slots=True)
class PairState:
    """A detector pair.

    Attributes:
        seen: End of the last period for which both sides were compared, microseconds.
        count: Periods in a row in which the test held.
        case: Key of its case while the pair holds.
        periods: How many periods this finding lasted.
        second: Periods in a row in which the second opinion (McMaster) agreed.
    """

    up: str
    down: str
    seen: int = 0
    count: int = 0
    case: str | None = None
    periods: int = 0
    level: str = "yellow"
    second: int = 0


@dataclass(slots=True)
class Single:
    """A station without a partner downstream.

    Attributes:
        count: Periods in a row in which it was unusually slow.
        last: End of the newest period, microseconds.
        case: Key of its case while the finding holds.
    """

    count: int = 0
    last: int = 0
    case: str | None = None
    periods: int = 0


@dataclass(slots=True)
class Probe:
    """A slow vehicle on a link.

    Attributes:
        along_m: Metres from the start of the arc it drives.
        since, last: Microseconds, slow without a gap.
    """

    along_m: float
    lon: float
    lat: float
    since: int
    last: int


@dataclass(slots=True)
class Track:
    """One object before one camera.

    Attributes:
        first, last: Microseconds, of sure enough sightings without a gap.
        case: Key of its case once it stood long enough.
        messages: Sightings of this finding.
        in_queue: It stands in the queue of its case, not at the source.
    """

    event: str
    first: int
    last: int
    lon: float
    lat: float
    confidence: float
    messages: int = 1
    case: str | None = None
    ended: bool = False
    in_queue: bool = False


class Support(NamedTuple):
    """A sighting that only supports: debris, a call for an injured person, a queue seen from above ..."""

    kind: str
    sensor_type: str
    device: str
    witness: str
    time: int
    lon: float
    lat: float
    value: float
    places: tuple[Along, ...]


@dataclass(slots=True)
class Case:
    """One happening on the road, as this scene ties evidence together.

    Attributes:
        key: Subject of its evidence.
        places: Corridors its source may be on (one, as soon as the direction is known).
        lon, lat: Of the source.
        holding: Witnesses that claim it now.
        first, last: Earliest and latest event time of its evidence, microseconds.
        located: A camera showed the place.
        half_m: It is somewhere on this many metres to either side of the source: between the stations of a pair, until
            a camera shows it.
        queue_m: Queue behind the source as far as known.
        told_m: ... as last told.
        queue_holds: The detectors' queue line stands.
        spillback_s: Seconds until the queue reaches the signal upstream, as it grows now; None: not known.
        against: It is on the road of corridors, but in none of their directions.
        warned: The signal upstream was said to be reached soon.
    """

    key: str
    places: list[Along]
    lon: float
    lat: float
    last: int
    first: int = 0
    holding: list[str] = field(default_factory=list)
    located: bool = False
    half_m: float = 0.0
    queue_m: float = 0.0
    told_m: float = 0.0
    spilled: bool = False
    queue_holds: bool = False
    supports: list[str] = field(default_factory=list)
    warned: bool = False
    against: bool = False
    spillback_s: float | None = None


@dataclass(slots=True)
class Jam:
    """A corridor that is slower than usual: since when, last compared (microseconds), how much, in how many reports."""

    since: int
    last: int
    ratio: float
    kmh: float = float("nan")
    raised: bool = False
    messages: int = 1


@dataclass(slots=True)
class Crowd:
    """What one camera or drone says of a zone.

    Attributes:
        last: Time of the newest frame, microseconds.
        frames: People per square metre, of the last few frames.
        trend: (time, smoothed density) of the last minutes.
        since, seen: Since when each band has been reached (-1: it is not), and in how many frames.
        level: Band claimed, -1: none.
        messages: Frames of this finding.
    """

    zone: str
    device: str
    is_drone: bool
    last: int = -1
    frames: list[float] = field(default_factory=list)
    trend: list[tuple[int, float]] = field(default_factory=list)
    since: list[int] = field(default_factory=lambda: [-1] * 4)
    seen: list[int] = field(default_factory=lambda: [0] * 4)
    level: int = -1
    messages: int = 0


@dataclass(slots=True)
class Weather:
    """A weather station.

    Attributes:
        last, wet: Microseconds of the newest report and of the newest rain, -1: none.
        fog: Reports in a row below each visibility.
        fog_level: Band claimed, -1: none.
        freezing: Reports in a row with a wet surface at or below freezing.
        is_icy: Claimed.
    """

    lon: float
    lat: float
    last: int = -1
    wet: int = -1
    visibility_m: float = float("nan")
    surface_c: float = float("nan")
    fog: list[int] = field(default_factory=lambda: [0] * 3)
    fog_level: int = -1
    fog_messages: int = 0
    freezing: int = 0
    is_icy: bool = False


@dataclass(slots=True)
class RouteGate:
    """A place that buses of a route pass in one direction; stands for a stop.

    Attributes:
        dx, dy: Direction, east and north.
        bus: The bus that passed last, at ``previous`` (microseconds, -1: none).
        headways: The last ones, seconds.
    """

    lon: float
    lat: float
    dx: float
    dy: float
    bus: str | None = None
    previous: int = -1
    headways: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Bus:
    """A bus of a route.

    Attributes:
        gate: The gate passed last, -1: none.
        leader: The bus it follows closely, at the last ``close`` gates in a row.
        told: That has been said.
    """

    time: int
    lon: float
    lat: float
    gate: int = -1
    leader: str | None = None
    close: int = 0
    told: bool = False


@dataclass(slots=True)
class BusRoute:
    """A bus route as its buses show it.

    Attributes:
        cells: Cell of the ground -> gates in it.
        headways: The last ones at any gate, seconds.
        uneven: Gate with uneven headways -> when last seen so, microseconds.
        last: When a bus of it was last heard of, microseconds.
    """

    gates: list[RouteGate] = field(default_factory=list)
    cells: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    buses: dict[str, Bus] = field(default_factory=dict)
    headways: list[float] = field(default_factory=list)
    uneven: dict[int, int] = field(default_factory=dict)
    last: int = 0


@dataclass(slots=True)
class TravelState:
    """The whole of it.

    Attributes:
        stations: Station -> its last periods; ``flat`` -> how many repeated the one before exactly; ``gap`` ->
            microseconds of a period.
        learned: Field -> what is usual for each station.
        probes: Arc -> vehicle -> crawling on it; ``probe_arc`` is the way back, ``probe_cases`` the cases they opened.
        ice: Place -> (time, sensor type, device, lon, lat) of the last report.
    """

    stations: dict[str, list[Report]] = field(default_factory=dict)
    flat: dict[str, int] = field(default_factory=dict)
    gap: dict[str, int] = field(default_factory=dict)
    pairs: dict[str, PairState] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    supports: list[Support] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    jams: dict[str, Jam] = field(default_factory=dict)
    learned: dict[str, Learned] = field(default_factory=dict)
    singles: dict[str, Single] = field(default_factory=dict)
    probes: dict[int, dict[str, Probe]] = field(default_factory=dict)
    probe_arc: dict[str, int] = field(default_factory=dict)
    probe_cases: dict[int, str] = field(default_factory=dict)
    links: LinkSpeeds | None = None
    crowds: dict[str, Crowd] = field(default_factory=dict)
    weathers: dict[str, Weather] = field(default_factory=dict)
    ice: dict[str, tuple[int, str, str, float, float]] = field(default_factory=dict)
    routes: dict[str, BusRoute] = field(default_factory=dict)
