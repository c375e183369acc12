"""From a sensor type to typed decoders: what ``msgspec`` checks in C is generated here once per sensor type. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec

from brain.model import FieldKind, SensorType
from ingest.profile.native import BOX

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["STATUSES", "Column", "Kind", "kind_of"]

STATUSES: Final = ("ok", "calibrating", "maintenance", "fault")
LONGEST_TEXT: Final = 1024
_COMMON_RANGES: Final = {
    "lon": (-180.0, 180.0),
    "lat": (-90.0, 90.0),
    "alt_m": (-1000.0, 100_000.0),
    "height_m": (-1000.0, 100_000.0),
}
_TEXT: Final = Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]


@dataclass(frozen=True, slots=True)
class Column:
    """One key of a message: how it is typed, bounded and read.

    Attributes:
        name: Key in the message; column of the batch, except for ``box``, which becomes four.
        kind: number, boolean, text or box.
        own: True for the sensor type's own fields, False for those every message may have.
        get: Reads it from a decoded reading.
        default: The object that stands where the key is absent.
        decoder: Decodes the value alone, with the same checks.
    """

    name: str
    kind: str
    own: bool
    low: float
    high: float
    values: tuple[str, ...] | None
    get: Callable[[Any], Any]
    default: float | None
    decoder: msgspec.json.Decoder[Any]


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A sensor type made ready for decoding.

    Attributes:
        single: Decodes a message of one object.
        pack: Decodes a message that is an array of objects.
        element: Decodes one object of a pack; has ``v_device`` besides.
        blank: A reading in which everything is absent, of the type ``single`` gives.
        columns: Keys of a message except ``time`` and ``device``, common ones first; in the order of the readings'
            fields, where ``time`` follows them.
        time: Reads ``time``; device: reads ``device`` of an element.
        content: Names of the columns of which one at least must be there.
        positioned: True where a position alone is content too (moving devices).
    """

    type: SensorType
    single: msgspec.json.Decoder[Any]
    pack: msgspec.json.Decoder[list[Any]]
    element: msgspec.json.Decoder[Any]
    blank: Any
    columns: tuple[Column, ...]
    time: Callable[[Any], Any]
    device: Callable[[Any], Any]
    content: tuple[str, ...]
    positioned: bool


@lru_cache(maxsize=8192)
def kind_of(sensor_type: SensorType) -> Kind:
    """The decoders of a sensor type; made once.

    Example:
        >>> from ingest.sensor_types import load_builtin
        >>> gas = next(t for t in load_builtin() if t.id == "gas-detector")
        >>> kind_of(gas).single.decode(b'{"lel_pct": 5, "more": [1]}').v_lel_pct
        5.0
    """
    wanted: list[tuple[str, str, float, float, tuple[str, ...] | None, bool]] = [
        *((n, "number", low, high, None, False) for n, (low, high) in _COMMON_RANGES.items()),
        ("id", "text", -math.inf, math.inf, None, False),
        ("status", "text", -math.inf, math.inf, STATUSES, False),
    ]
    boxed = {f.name for f in sensor_type.fields} >= set(BOX)
    for f in sensor_type.fields:
        if f.name in _COMMON_RANGES or f.name in ("id", "status"):
            continue  # declared again: the common column stands for it
        if boxed and f.name in BOX:
            if f.name == BOX[0]:
                wanted.append(("box", "box", 0.0, 1.0, None, True))
            continue
        low = -math.inf if f.low is None else f.low
        high = math.inf if f.high is None else f.high
        wanted.append((f.name, f.kind.value, low, high, f.values, True))
    columns, entries = [], []
    for name, kind, low, high, values, own in wanted:
        annotation = _annotation(kind, values)
        default = math.nan if kind == FieldKind.NUMBER.value else None
        entries.append((f"v_{name}", annotation, default))
        columns.append(
            Column(
                name,
                kind,
                own,
                low,
                high,
                values,
                attrgetter(f"v_{name}"),
                default,
                msgspec.json.Decoder(annotation),
            )
        )
    entries.append(("v_time", str | int | float | None, None))
    rename = {f"v_{name}": name for name in (*(c.name for c in columns), "time", "device")}
    reading = msgspec.defstruct("Reading", entries, gc=False, rename=rename)
    element = msgspec.defstruct("Element", [*entries, ("v_device", str | None, None)], gc=False, rename=rename)
    return Kind(
        type=sensor_type,
        single=msgspec.json.Decoder(reading),
        pack=msgspec.json.Decoder(list[element]),  # type: ignore[valid-type]
        element=msgspec.json.Decoder(element),
        blank=reading(),
        columns=tuple(columns),
        time=attrgetter("v_time"),
        device=attrgetter("v_device"),
        content=tuple(c.name for c in columns if c.own),
        positioned=sensor_type.moving,
    )


def _annotation(kind: str, values: tuple[str, ...] | None) -> Any:
    if kind == "box":
        return tuple[float, float, float, float] | None
    if kind == FieldKind.NUMBER.value:
        return float | None
    if kind == FieldKind.BOOLEAN.value:
        return bool | None
    return (_TEXT if values is None else Literal[values]) | None
