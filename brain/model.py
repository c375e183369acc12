"""Words and shapes that all rooms share: sensor type, device, batch, piece, mark, evidence, incident step.

Everything here is data without behaviour that needs the outside: no clock, no I/O. Times are integer **microseconds
since 1970-01-01 UTC** (``numpy.datetime64[us]`` in arrays), positions WGS-84 degrees, heights metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = [
    "COMMON_NUMBERS",
    "COMMON_TEXTS",
    "EXERCISE",
    "LEVELS",
    "Batch",
    "Certainty",
    "Device",
    "Field",
    "FieldKind",
    "Level",
    "Modality",
    "Piece",
    "SensorType",
    "Step",
    "Text",
    "is_late",
    "microseconds",
]


_US: Final = np.dtype("M8[us]")
_MICROSECOND: Final = timedelta(microseconds=1)


def microseconds(times: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Times as integers, microseconds since 1970. int64[n], of ``datetime64[us]`` a view.

    Example:
        >>> microseconds(np.array([5], "M8[us]")).tolist()
        [5]
    """
    out: NDArray[np.int64] = (times if times.dtype == _US else times.astype(_US)).view(np.int64)
    return out


class Text(NamedTuple):
    """A text for a person, in both languages.

    Example:
        >>> Text("燃气泄漏", "Gas leak").en
        'Gas leak'
    """

    zh: str
    en: str


_NO_TEXT: Final = Text("", "")


class Level(StrEnum):
    """Warning colour of an incident; ``LEVELS`` orders them from low to high."""

    BLUE = "blue"
    YELLOW = "yellow"
    ORANGE = "orange"
    RED = "red"

    @property
    def rank(self) -> int:
        """0 (blue) to 3 (red).

        Example:
            >>> Level.ORANGE.rank
            2
        """
        return LEVELS.index(self)


LEVELS: Final = (Level.BLUE, Level.YELLOW, Level.ORANGE, Level.RED)


class Certainty(StrEnum):
    """How sure the witnesses make us (CAP 1.2 words)."""

    POSSIBLE = "possible"
    LIKELY = "likely"
    OBSERVED = "observed"

    @property
    def rank(self) -> int:
        """0 (possible) to 2 (observed)."""
        return ("possible", "likely", "observed").index(self.value)


class Modality(StrEnum):
    """Family of a sensor type: the kind of eye that saw something."""

    METER = "meter"
    VEHICLE = "vehicle"
    LOW_ALTITUDE = "low_altitude"
    VIDEO = "video"
    SERVICE = "service"


class FieldKind(StrEnum):
    """What a field holds: ``number`` (float64, NaN absent), ``boolean`` (float64 0/1/NaN), ``text`` (str or None)."""

    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One observed property of a sensor type.

    Attributes:
        name: Identifier, ``^[a-z][a-z0-9_]{0,47}$``, with its unit in it (``speed_kmh``).
        unit: UCUM code, or None for what has no unit.
        low, high: Inclusive range of numbers; a value outside it is refused.
        values: The closed list of texts; None where any text is welcome.
        column: Column of the table that holds it, where it is not the name: a field that changed its kind or its unit
            goes on in a new column, what was stored stays in the one before.
    """

    name: str
    kind: FieldKind = FieldKind.NUMBER
    unit: str | None = None
    low: float | None = None
    high: float | None = None
    values: tuple[str, ...] | None = None
    label: Text = _NO_TEXT
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorType:
    """A declared kind of stream.

    Attributes:
        id: Identifier, ``^[a-z][a-z0-9_-]{0,47}$``; the table is ``observations.<id with _ for ->``.
        key: Fields that tell rows of one device and time apart where a reading has no ``id`` (empty for most).
        past, future: The window of accepted times round the time of receipt; outside it a reading is quarantined.
        late: A row older than this at receipt goes to history only, not to rules.
        admission: ``open`` lets a new device in by its first message, ``closed`` wants it registered first.
        max_bytes: Largest message, bytes.
        topics: Topic filters with captures whose messages the profile reads; empty: none but ``city/<id>/<device>``.
        profile: JSON of how a message becomes readings; None: native messages only.
        into: Sensor type whose table the readings go to; None: its own.
        retired: True: new messages are refused, what is stored stays.
    """

    id: str
    version: int = 1
    family: Modality
    name: Text
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    past: timedelta = timedelta(days=7)
    future: timedelta = timedelta(minutes=5)
    late: timedelta = timedelta(seconds=30)
    admission: str = "open"
    max_bytes: int = 65536
    moving: bool = False
    topics: tuple[str, ...] = ()
    profile: str | None = None
    into: str | None = None
    retired: bool = False

    def __hash__(self) -> int:
        return hash((self.id, self.version))  # of all fields it would cost more than what is looked up with it

    @property
    def table(self) -> str:
        """Name of the hypertable in schema ``observations``.

        Example:
            >>> SensorType(id="gas-detector", family=Modality.METER, name=Text("", ""), fields=()).table
            'gas_detector'
        """
        return self.id.replace("-", "_")


EXERCISE: Final = "exercise:"  # what the id of a device begins with that only plays a part in a drill

_NO_EXTRA: Final[Mapping[str, Any]] = {}  # one for all devices that have none


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One registered meter, drone, camera, lift, vehicle, with a place or a track.

    Attributes:
        device_id: Small dense integer of this installation; stands for the device in batches and tables.
        sensor_type, name: What topics and people call it; together unique.
        lon, lat: WGS-84 degrees, None for what moves.
        simulated: True for devices that exist only in a simulator.
        extra: Further keys of the city model (``watches``, ``capacity``, ``span`` ...).
    """

    device_id: int
    sensor_type: str
    name: str
    lon: float | None = None
    lat: float | None = None
    site: str | None = None
    simulated: bool = False
    extra: Mapping[str, Any] = field(default_factory=lambda: _NO_EXTRA)

    @property
    def is_exercise(self) -> bool:
        """Whether it plays a part in a drill; its rows are never judged with real ones.

        Example:
            >>> Device(device_id=1, sensor_type="gas-detector", name="exercise:G1").is_exercise
            True
        """
        return self.name.startswith(EXERCISE)


# Columns every batch has besides the type's own fields.
COMMON_NUMBERS: Final = ("lon", "lat", "alt_m", "height_m")  # float64, NaN where absent
COMMON_TEXTS: Final = ("id", "status")  # object arrays of str or None


@dataclass(frozen=True, slots=True)
class Batch:
    """Observations of one sensor type in order of receipt, one array per column, all of length n.

    Attributes:
        device: int32[n], registry ids.
        time: datetime64[us][n], when it happened (the device's clock).
        received_at: datetime64[us][n], when we learnt it; never decreasing.
        position: int64[n], strictly increasing log position.
        columns: ``COMMON_NUMBERS`` + ``COMMON_TEXTS`` + the type's fields. Numbers and booleans are float64 with NaN
            for absent, texts are object arrays of str or None.
    """

    sensor_type: str
    device: NDArray[np.int32]
    time: NDArray[np.datetime64]
    received_at: NDArray[np.datetime64]
    position: NDArray[np.int64]
    columns: Mapping[str, NDArray[Any]]

    def __len__(self) -> int:
        return len(self.device)

    def __getitem__(self, column: str) -> NDArray[Any]:
        return self.columns[column]

    def take(self, rows: NDArray[Any] | slice) -> Batch:
        """The batch of the given rows only (index array, mask or slice).

        Example:
            >>> b = Batch("x", *(np.array(v) for v in ([1, 2], [0, 1], [0, 1], [5, 6])), {"v": np.array([1.0, 2.0])})
            >>> b.take(b["v"] > 1).position.tolist()
            [6]
        """
        return Batch(
            self.sensor_type,
            self.device[rows],
            self.time[rows],
            self.received_at[rows],
            self.position[rows],
            {k: v[rows] for k, v in self.columns.items()},
        )


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows in receipt order, one batch per sensor type; rows of different types are ordered by ``position``.

    How the stream was cut into pieces must never change a result.
    """

    batches: Mapping[str, Batch]

    def get(self, sensor_type: str) -> Batch | None:
        """The batch of a sensor type, or None when no row of it is here."""
        b = self.batches.get(sensor_type)
        return b if b is not None and len(b) else None

    @property
    def rows(self) -> int:
        """Number of rows of all types."""
        return sum(len(b) for b in self.batches.values())

    def between(self, low: int, high: int) -> Piece:
        """Rows whose position is in ``[low, high)``."""
        out: dict[str, Batch] = {}
        for name, b in self.batches.items():
            i, j = np.searchsorted(b.position, [low, high])
            if i < j:
                out[name] = b.take(slice(int(i), int(j)))
        return Piece(out)

    def segments(self, *rare: str) -> Iterator[Piece]:
        """Cut so that each row of a ``rare`` sensor type comes alone, everything else between them together, in order.

        Lets a scene that must see, say, a call and the vehicles in exact order stay vectorised over the many vehicles.
        """
        cuts = sorted(int(p) for name in rare if (b := self.batches.get(name)) is not None for p in b.position)
        low = -1
        for p in cuts:
            if (before := self.between(low, p)).rows:
                yield before
            yield self.between(p, p + 1)
            low = p + 1
        if (rest := self.between(low, 2**63 - 1)).rows:
            yield rest


def is_late(sensor_type: SensorType, time: NDArray[Any], received_at: NDArray[Any]) -> NDArray[np.bool_]:
    """Which rows go to history only: older at receipt than the type's ``late``. bool[n].

    Example:
        >>> t = SensorType(id="a", family=Modality.METER, name=Text("", ""), fields=())
        >>> is_late(t, np.array([0], "M8[us]"), np.array([31_000_000], "M8[us]")).tolist()
        [True]
    """
    age = microseconds(received_at) - microseconds(time)
    late: NDArray[np.bool_] = age > sensor_type.late // _MICROSECOND
    return late


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an incident as the engine made it (steps by people are made elsewhere).

    Attributes:
        incident: Id derived from the incident's cause.
        number: 1, 2, ... within the incident, steps of the engine only; (incident, number) is unique.
        at: Microseconds; receipt time of the row that caused it, or the whole second of the mark.
        op: raise, update, clear, merge, cancel or reopen.
        document: The log object of the public surface without ``seq``; key order is the order of output.
    """

    incident: str
    number: int
    at: int
    op: str
    document: Mapping[str, Any]
