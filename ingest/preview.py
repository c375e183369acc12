"""A dry run of a sensor type over sample messages: the rows they would store, or why not, and what is ignored. Pure.

Used by ``cloudbrain sensor-type check`` and ``POST /api/v1/sensor-types?dry_run=true``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from brain.registry import Registry
from brain.store.rows import row_dicts
from ingest.decode import Decoder, Places
from ingest.envelope import Envelope
from ingest.profile.native import BOX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.model import SensorType

__all__ = ["Preview", "preview"]

_COMMON: Final = frozenset({"time", "lon", "lat", "alt_m", "height_m", "id", "status"})
_MOST_IGNORED: Final = 100


class Preview(NamedTuple):
    """What would become of one sample.

    Attributes:
        rows: ROW objects, ``received_at`` included.
        refused: (reason, detail) of the first refused reading, or None.
        ignored: Paths of keys that the sensor type does not know, like ``[3].rssi``.
    """

    rows: list[dict[str, Any]]
    refused: tuple[str, str] | None
    ignored: list[str]


def preview(
    sensor_type: SensorType,
    samples: Sequence[tuple[str, bytes]],
    received_at: int,
    places: Places | None = None,
) -> list[Preview]:
    """Decode samples, each by itself, as if received at that time; every device is admitted.

    Args:
        sensor_type: Declared, not necessarily registered.
        samples: (topic, payload).
        received_at: Microseconds.
        places: Where zones and road nodes are.

    Example:
        >>> from ingest.sensor_types import load_builtin
        >>> hydrant = next(t for t in load_builtin() if t.id == "hydrant")
        >>> got = preview(hydrant, [("city/hydrant/H1", b'{"pressure_mpa": 0.2, "rssi": 7}')], 0)[0]
        >>> got.rows[0]["pressure_mpa"], got.refused, got.ignored
        (0.2, None, ['rssi'])
    """
    out: list[Preview] = []
    for topic, payload in samples:
        decoder = Decoder(Registry([sensor_type], []), places, admit_all=True)
        decoded = decoder.decode([Envelope(topic, payload, received_at)])
        for type_id, name in decoded.unknown:
            decoder.registry.add(type_id, name)
        outcome = decoded.finish(decoder.registry, 1)
        rows = [row for batch in outcome.batches for row in row_dicts(batch, decoder.registry)]
        faults = [(q.reason, q.detail) for q in outcome.quarantined]
        out.append(Preview(rows, faults[0] if faults else None, _ignored(sensor_type, payload)))
    return out


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
