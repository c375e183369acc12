"""A dry run of a sensor type over sample messages: the rows they would store, or why not, and what is ignored. Pure.

Used by ``cloudbrain sensor-type check`` and ``POST /api/v1/sensor-types?dry_run=true``. Samples come in order, as if
sent one after the other: what a profile remembers of one, the next may use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from brain.registry import Registry
from brain.store.rows import row_dicts
from ingest._profiled import Reader
from ingest.decode import Decoder, Places
from ingest.decoders import Notes
from ingest.envelope import Envelope
from ingest.memory import Memories
from ingest.profile.native import BOX
from ingest.profile.trace import traced

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from brain.model import SensorType

__all__ = ["Preview", "Sample", "preview"]

_COMMON: Final = frozenset({"time", "lon", "lat", "alt_m", "height_m", "id", "status"})
_MOST_IGNORED: Final = 100
_UNREAD: Final = ("missing", "no_match")
"""Refusals that names may be the cause of, so that what nothing was read from is worth telling."""


class Sample(NamedTuple):
    """A message to try.

    Attributes:
        received_at: Microseconds at which it counts as received; None: now.
        text: What was given as ``payload``, where that was a text: the JSON of it, or the message itself.
    """

    topic: str
    payload: bytes
    received_at: int | None = None
    text: str | None = None


class Preview(NamedTuple):
    """What would become of one sample.

    Attributes:
        rows: ROW objects, ``received_at`` included.
        refused: (reason, detail) of the first refused reading, or None.
        ignored: Paths of values that nothing was read from, like ``[3].rssi``.
    """

    rows: list[dict[str, Any]]
    refused: tuple[str, str] | None
    ignored: list[str]


def preview(
    sensor_type: SensorType,
    samples: Sequence[Sample | tuple[str, bytes]],
    received_at: int,
    places: Places | None = None,
    known: Iterable[SensorType] = (),
) -> list[Preview]:
    """Decode samples as if received at that time; every device is admitted.

    Args:
        sensor_type: Declared, not necessarily registered.
        samples: In order.
        received_at: Microseconds.
        places: Where zones and road nodes are.
        known: Sensor types that ``into`` may name.

    Example:
        >>> from ingest.sensor_types import load_builtin
        >>> hydrant = next(t for t in load_builtin() if t.id == "hydrant")
        >>> got = preview(hydrant, [("city/hydrant/H1", b'{"pressure_mpa": 0.2, "rssi": 7}')], 0)[0]
        >>> got.rows[0]["pressure_mpa"], got.refused, got.ignored
        (0.2, None, ['rssi'])
    """
    out: list[Preview] = []
    targets = [t for t in known if t.id == sensor_type.into]
    registry, memories, notes = Registry([*targets, sensor_type], []), Memories(), Notes()
    for sample in samples:
        topic, payload, at, _ = Sample(*sample)
        at = received_at if at is None else at
        decoder = Decoder(registry, places, admit_all=True, memories=memories)
        decoded = decoder.decode([Envelope(topic, payload, at, inbox_id=0)])
        for type_id, name in decoded.unknown:
            registry.add(type_id, name)
        outcome = decoded.finish(registry, 1)
        rows = [row for batch in outcome.batches for row in row_dicts(batch, registry)]
        faults = [(q.reason, q.detail) for q in outcome.quarantined]
        matches = [m for m in decoder.tree.match(topic) if isinstance(m[0], Reader)]
        ignored = _untouched(matches[0], payload, at, notes) if matches else _ignored(sensor_type, payload)
        out.append(
            Preview(
                rows,
                faults[0] if faults else None,
                [] if faults and not rows and faults[0][0] not in _UNREAD else ignored,
            )
        )
    return out


def _untouched(match: tuple[Reader, dict[str, str]], payload: bytes, received: int, notes: Notes) -> list[str]:
    """What the profile never looked at."""
    reader, captures = match
    seen: set[str] = set()
    leaves: list[str] = []
    reader.read(payload, captures, received, notes, lambda document: traced(document, seen, leaves))
    return [path for path in leaves if path and path not in seen][:_MOST_IGNORED]  # a text alone has no path


def _ignored(sensor_type: SensorType, payload: bytes) -> list[str]:
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError):
        return []
    is_pack = isinstance(document, list)
    fields = {f.name for f in sensor_type.fields}
    if fields >= set(BOX):
        fields = fields - set(BOX) | {"box"}
    known = _COMMON | fields | ({"device"} if is_pack else set())
    out: list[str] = []
    for i, reading in enumerate(document if is_pack else [document]):
        if isinstance(reading, dict):
            path = f"[{i}]." if is_pack else ""
            out += [f"{path}{key}" for key in reading if key not in known]
    return out[:_MOST_IGNORED]
