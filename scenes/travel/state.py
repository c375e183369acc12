"""What travel remembers: stations, pairs, tracks before cameras, sightings that support, and its open cases."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from scenes.travel.corridors import Along

__all__ = ["Case", "Jam", "PairState", "Report", "Support", "Track", "TravelState"]


class Report(NamedTuple):
    """One period of a station: end of the period in microseconds, NaN where it gave nothing."""

    time: int
    occupancy: float
    kmh: float


@dataclass(slots=True)
class PairState:
    """A detector pair.

    Attributes:
        seen: End of the last period for which both sides were compared, microseconds.
        count: Periods in a row in which the test held.
        case: Key of its case while the pair holds.
        periods: How many periods this finding lasted.
    """

    seen: int = 0
    count: int = 0
    case: str | None = None
    periods: int = 0
    level: str = "yellow"


@dataclass(slots=True)
class Track:
    """One object before one camera.

    Attributes:
        first, last: Microseconds, of sure enough sightings without a gap.
        case: Key of its case once it stood long enough.
        messages: Sightings of this finding.
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
        last: Latest event time of its evidence, microseconds.
        located: A camera showed the place.
        queue_m: Queue behind the source as far as known.
        told_m: ... as last told.
        queue_holds: The detectors' queue line stands.
    """

    key: str
    places: list[Along]
    lon: float
    lat: float
    last: int
    holding: list[str] = field(default_factory=list)
    located: bool = False
    queue_m: float = 0.0
    told_m: float = 0.0
    spilled: bool = False
    queue_holds: bool = False
    supports: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Jam:
    """A corridor that is slower than usual: since when, last compared (microseconds), and how much."""

    since: int
    last: int
    ratio: float
    raised: bool = False


@dataclass(slots=True)
class TravelState:
    """The whole of it."""

    stations: dict[str, list[Report]] = field(default_factory=dict)
    pairs: dict[str, PairState] = field(default_factory=dict)
    tracks: dict[str, Track] = field(default_factory=dict)
    supports: list[Support] = field(default_factory=list)
    cases: dict[str, Case] = field(default_factory=dict)
    jams: dict[str, Jam] = field(default_factory=dict)
