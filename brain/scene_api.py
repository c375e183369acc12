"""All that the author of a scene needs: Scene, Interest, Evidence, Policy, World, Mark, rounds.

A scene is a pure rule. It gets rows in receipt order (``Piece``) and a ``Mark`` at each whole second of receipt time,
keeps a state, and answers with evidence: statements about what a stream shows. It never raises incidents: the desk
(``brain.desk``) associates the evidence of all scenes with incidents, fuses it, and asks the scene's ``Policy`` of that
event what the witnesses together mean (level, area, plan, texts). So one incident grows from many eyes and can say why.

Rules of the house, checked by the conformance suite: no clock, no I/O, no randomness, no set order; the result does not
depend on where pieces were cut; the state survives serialisation (``brain.pipeline.codec``: dataclasses, dict, list,
tuple, str, int, float, bool, None, numpy arrays); rows of unknown devices, NaN and empty pieces are survived.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np

from brain.model import Batch, Certainty, Level, Modality, Piece, Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from brain.city import City
    from brain.registry import Registry

__all__ = [
    "Assessment",
    "Bulletin",
    "Effect",
    "EffectKind",
    "Evidence",
    "Fact",
    "Gate",
    "Interest",
    "Mark",
    "Parameter",
    "Policy",
    "Reasoning",
    "Scene",
    "View",
    "World",
    "rounds",
]

S = TypeVar("S")


class Interest(NamedTuple):
    """What a scene asks for.

    Attributes:
        sensor_type: Id of the sensor type.
        columns: Columns it reads (documentation and pruning).
        late: True to be given late rows too.
    """

    sensor_type: str
    columns: tuple[str, ...]
    late: bool = False


class Mark(NamedTuple):
    """A whole second of receipt time has come: every row received before it was handed over.

    Attributes:
        at: Microseconds since 1970 UTC, a multiple of 1,000,000.
    """

    at: int


class EffectKind(StrEnum):
    """What an open incident does to the city, in words that scenes share.

    ``road_slow``: traffic on ``links`` goes at ``speed_kmh``. ``road_closed``: nobody passes ``links``, or the roads in
    ``area``. ``hazard``: people in ``area`` are in danger; who must go there goes warned.
    """

    ROAD_SLOW = "road_slow"
    ROAD_CLOSED = "road_closed"
    HAZARD = "hazard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing an open incident does to the city: how scenes meet without knowing each other. Immutable.

    Attributes:
        links: Directed links (from, to) of the road graph it holds for; empty where ``area`` says where.
        speed_kmh: Of ``road_slow``.
        area: GeoJSON geometry, lon and lat.
        text: For people, like "gas leak at RQ-07".

    Example:
        >>> Effect(kind=EffectKind.ROAD_SLOW, links=(("B2", "N5"),), speed_kmh=12.0).links
        (('B2', 'N5'),)
    """

    kind: EffectKind
    links: tuple[tuple[str, str], ...] = ()
    speed_kmh: float | None = None
    area: Mapping[str, Any] | None = None
    text: Text = Text("", "")  # noqa: RUF009 - a named tuple cannot be changed


class Bulletin(NamedTuple):
    """The effects of one incident as they are from now on; empty once it is over. Replaces its former bulletin.

    Comes to the scenes that ``hears`` its kinds at the first whole second after the step that changed the effects,
    before the mark of that second; so it does not depend on how the stream was cut.

    Attributes:
        at: Microseconds since 1970 UTC, a multiple of 1,000,000.
        level: Of the incident in force.
        effects: Of the kinds that the scene hears.
    """

    at: int
    incident: str
    scene: str
    event: str
    level: Level
    effects: tuple[Effect, ...]


class Parameter(NamedTuple):
    """A named number of a scene that a district may change.

    Attributes:
        default: The value used where nothing else is said.
        unit: UCUM code or "".
        text: What it does, both languages.
        source: Standard and clause, paper, or "default" for our own.
    """

    default: float
    unit: str
    text: Text
    source: str


class Reasoning(NamedTuple):
    """Why a rule speaks or keeps silent about a device now: its conditions with values against thresholds.

    Attributes:
        rule: Name of the rule within the scene.
        device: ``sensor type/name`` it is about.
        facts: Every condition; the rule speaks when all are met.
    """

    rule: str
    device: str
    facts: tuple[Fact, ...]


class Fact(NamedTuple):
    """One condition of a rule: what was measured against its threshold.

    Example:
        >>> Fact("lel_pct", 63.0, ">=", 50.0, "%", True).met
        True
    """

    quantity: str
    value: float | str | None
    op: str
    threshold: float | str | None
    unit: str
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One statement of a scene about what a stream shows; immutable.

    Attributes:
        event: The incident event it speaks for, e.g. ``gas_leak``.
        rule: Name of the rule within the scene, e.g. ``S1.level_1``.
        witness: Stable identity of this line in an incident, e.g. ``gas-detector/G1``; a later statement of the same
            witness replaces the former one in the same incident.
        time: Event time of the row, microseconds.
        position: Log position of the row it comes from; -1 for evidence given at a mark. Order only, never shown.
        holds: False when the condition has ended (beyond its dead band).
        ended: Event time from which the condition has not held any more, when ``holds`` is False.
        weight: Log-odds while it holds (SCENES.md 1.5); 0 < weight <= 8, negative for "looked and saw nothing".
        level: Level this line claims by itself; None for lines that only support.
        certainty: Floor of certainty for lines that bypass fusion (calls: likely), else None.
        opens: False for lines that never raise an incident alone but may join one (also one raised later, in the gate).
        lon, lat, pos_err_m: Where; None for what has no place.
        subject: Incidents and evidence with equal, non-None subject belong together regardless of distance (same lift,
            same call, same zone, same site); evidence with different non-None subjects never joins by subject.
        site: Of a fixed witness: the site it belongs to or looks at. Lines of two sites never join by distance.
        reports: How many calls or reports this line stands for (``report_count`` sums them).
        messages: How many messages of the finding so far (``count`` sums them over witnesses).
        facts: Values against thresholds, for "why".
        values: What the policy needs to judge and to write texts; JSON-able.
        reason: Why this statement should cause an update of its own (``located``, ``eta_slip`` ...), else None.
        window: First and last event time, microseconds, of the device's rows it rests on; None: the row at ``time``.
    """

    event: str
    rule: str
    witness: str
    modality: Modality
    sensor_type: str
    device: str
    time: int
    position: int
    weight: float
    summary: Text
    holds: bool = True
    ended: int | None = None
    level: Level | None = None
    certainty: Certainty | None = None
    opens: bool = True
    lon: float | None = None
    lat: float | None = None
    pos_err_m: float = 0.0
    subject: str | None = None
    reports: int = 0
    messages: int = 1
    facts: tuple[Fact, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None
    false_alarm: bool = False
    window: tuple[int, int] | None = None
    site: str | None = None


class Gate(NamedTuple):
    """Which evidence belongs to which incident (SCENES.md 1.4).

    Attributes:
        radius_m: Evidence within this distance of any witness of the incident joins it.
        seconds: ... when it came within this time of the last evidence, or while the incident is open.
    """

    radius_m: float
    seconds: float


@dataclass(slots=True)
class View:
    """What a policy sees of an incident: its witnesses so far, oldest first, and the fused certainty.

    Attributes:
        witnesses: The latest statement of each witness, in order of first appearance (also those that hold no more).
        probability: Fused, 0..1.
        certainty: Of the incident, never falling while it is open.
        modalities: Of the lines that hold, or held when the incident was at its height, in fixed order.
        opened: Microseconds of the raise, None for a candidate.
        previous: The last assessment of this incident, None for a candidate.
    """

    witnesses: Sequence[Evidence]
    probability: float
    certainty: Certainty
    modalities: tuple[Modality, ...]
    opened: int | None
    previous: Assessment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """What the witnesses together mean, by the scene's judgement.

    Attributes:
        level: Size of the hazard before the cap by certainty; None: not an incident (yet).
        lon, lat: Where.
        area: GeoJSON geometry of who must act, or None.
        plan: Machine-readable advice (``plan`` of the log object).
        headline, actions: Texts; actions are the check list of the duty officer, most urgent first.
        conditions: Words that steer routing: ``injury`` ``fire`` ``debris`` ``green_wave`` ``entrapment`` ``road``
            ``people`` ``site_only`` ``over_30_min`` ``construction_site`` ``hazardous_site`` ``toxic``.
        ended: True when the exit conditions hold now, so the clearing hold may run. None: the desk decides - ended when
            no witness that claims a level holds.
        effects: What it does to the city while it is open; other scenes hear of it (``Bulletin``).
    """

    level: Level | None
    lon: float | None = None
    lat: float | None = None
    area: Mapping[str, Any] | None = None
    plan: Mapping[str, Any] = field(default_factory=dict)
    headline: Text = Text("", "")  # noqa: RUF009 - a named tuple cannot be changed
    actions: tuple[Text, ...] = ()
    conditions: frozenset[str] = frozenset()
    ended: bool | None = None
    effects: tuple[Effect, ...] = ()


class Policy(ABC):
    """The judgement of one event of a scene: pure, no state of its own.

    Attributes:
        event: Incident event, unique over all scenes.
        gate: Which evidence joins.
        hold_s: Exit conditions must hold this long before the incident clears.
        reopen_s: Evidence within this time after the clear re-opens the same incident.
        fused: False for events that bypass fusion (calls, state alarms, housekeeping).
        two_devices: True where a second device of the same modality at another place counts as a second witness.
        latched: True (default): the level never falls while the incident is open.
        joins: Events whose incidents this event's evidence may support too (smoke for gas_leak): none by default.
        periodic_s: An open incident says itself again after this long without a step; 0: never.
        verifiable: False where no eye can confirm it (faults of devices): its plan names nobody who could look.
    """

    event: ClassVar[str]
    gate: ClassVar[Gate]
    hold_s: ClassVar[float] = 300.0
    reopen_s: ClassVar[float] = 300.0
    fused: ClassVar[bool] = True
    two_devices: ClassVar[bool] = False
    latched: ClassVar[bool] = True
    joins: ClassVar[tuple[str, ...]] = ()
    periodic_s: ClassVar[float] = 900.0
    verifiable: ClassVar[bool] = True

    @abstractmethod
    def assess(self, view: View, world: World) -> Assessment:
        """What these witnesses mean together. Pure: the same view gives the same answer.

        The colour in front of the headline (【黄色】, [YELLOW]) is put there by the desk, which knows the level after
        the cap by certainty; one that stands there already is replaced.
        """

    def second_witness(self, one: Evidence, other: Evidence, world: World) -> bool:
        """Whether two lines of one modality are two witnesses; asked only where ``two_devices``.

        By default: another device at another place, or another report.
        """
        if one.reports and other.reports:
            return one.witness != other.witness
        return one.device != other.device and (one.lon, one.lat) != (other.lon, other.lat)


@dataclass(slots=True)
class World:
    """What a scene may look at besides its rows: the city, the devices, its parameters. Read only.

    Attributes:
        parameters: Of this scene in force, by name.
        overlay: Name of the parameter overlay in force, or None.
    """

    city: City
    registry: Registry
    parameters: Mapping[str, float]
    overlay: str | None = None


class Scene(ABC, Generic[S]):
    """A pure rule: pieces and marks and a state in; evidence out.

    Attributes:
        name: Scene name of the public surface (``travel``).
        version: Raised with every change of a rule; stands in each incident.
        title: Name for people.
        interests: What it wants to be fed.
        policies: One for each event it can raise.
        parameters: Every threshold, by name.
        state_type: Class of the state, for serialisation.
        hears: Kinds of effects of other scenes' incidents that it is told of (none by default).
    """

    name: ClassVar[str]
    version: ClassVar[str]
    title: ClassVar[Text]
    interests: ClassVar[tuple[Interest, ...]]
    policies: ClassVar[tuple[Policy, ...]]
    parameters: ClassVar[Mapping[str, Parameter]]
    state_type: ClassVar[type[Any]]
    hears: ClassVar[frozenset[EffectKind]] = frozenset()

    @abstractmethod
    def initial(self, world: World) -> S:
        """The state before the first row."""

    @abstractmethod
    def step(self, state: S, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """Advance the state in place by a piece, a mark or a bulletin; yield evidence in order of position.

        Bulletins come only to scenes that hear some kind of effects.
        """

    def due(self, state: S, world: World) -> int | None:
        """Microseconds before which a mark changes nothing and says nothing; None: none is wanted before the next row.

        Saves the scene from being asked each second of a quiet night. The default wants every mark.
        """
        return 0

    def explain(self, state: S, lon: float, lat: float, radius_m: float, world: World) -> Iterable[Reasoning]:
        """Why not: each rule's conditions for the devices round a place, as the state stands. None by default."""
        return ()


def rounds(batch: Batch) -> Iterator[Batch]:
    """Split a batch so that each device occurs at most once per round, rows of a device in order.

    Per-device rules stay vectorised: state arrays indexed by ``round.device`` are updated once per row.

    Example:
        >>> b = Batch("x", *(np.array(v) for v in ([7, 7, 9], [0, 1, 2], [0, 1, 2], [0, 1, 2])), {})
        >>> [r.device.tolist() for r in rounds(b)]
        [[7, 9], [7]]
    """
    n = len(batch)
    if n <= 1:
        if n:
            yield batch
        return
    order = np.argsort(batch.device, kind="stable")
    device = batch.device[order]
    first = np.r_[True, device[1:] != device[:-1]]
    start = np.maximum.accumulate(np.where(first, np.arange(n), 0))
    rank = np.empty(n, dtype=np.int64)
    rank[order] = np.arange(n) - start
    top = int(rank.max())
    if top == 0:
        yield batch
        return
    for r in range(top + 1):
        yield batch.take(np.flatnonzero(rank == r))
