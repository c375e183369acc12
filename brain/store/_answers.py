"""What a flush did, counted and told: the ledger's change and the answers to messages that came over HTTP. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from brain.model import EXERCISE
from brain.store.base import Counts, drill_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from brain.store.base import Answer, Flush

__all__ = ["answer_json", "count_flush", "decode_outcome", "device_tallies", "encode_outcome"]


def count_flush(flush: Flush, fresh: Mapping[str, NDArray[np.bool_]]) -> dict[str, Counts]:
    """Ledger change per key; readings of a drill count under a key of their own.

    A new try of a quarantine record that is refused again is no new reading: only its rows count.

    Args:
        flush: What came.
        fresh: Which rows of each sensor type's batch were not stored before.
    """
    out: dict[str, Counts] = {}
    for batch in flush.batches:
        if n := len(batch):
            new, drill = fresh[batch.sensor_type], flush.exercise.get(batch.sensor_type)
            stored = int(np.count_nonzero(new))
            if drill is not None:
                m, of_drill = int(np.count_nonzero(drill)), int(np.count_nonzero(new & drill))
                _add(out, drill_key(batch.sensor_type), Counts(m, of_drill, m - of_drill, 0))
                n, stored = n - m, stored - of_drill
            if n:
                _add(out, batch.sensor_type, Counts(n, stored, n - stored, 0))
    for sensor_type, devices in flush.known.items():
        for device, n in devices.items():
            _add(out, _key(sensor_type, device), Counts(n, 0, n, 0))
    for refused in flush.quarantined:
        if refused.retry_of is None:
            _add(out, _key(refused.ledger_key, refused.device), Counts(1, 0, 0, 1))
    return out


def _key(key: str, device: str | None) -> str:
    return drill_key(key) if device is not None and device.startswith(EXERCISE) else key


def _add(ledger: dict[str, Counts], key: str, change: Counts) -> None:
    kept = ledger.setdefault(key, Counts())
    kept.received += change.received
    kept.stored += change.stored
    kept.duplicate += change.duplicate
    kept.quarantined += change.quarantined


def device_tallies(flush: Flush) -> dict[tuple[str, str], tuple[int, int]]:
    """(duplicates known before, refused readings) per (sensor type, device name)."""
    out: dict[tuple[str, str], tuple[int, int]] = {}
    for sensor_type, devices in flush.known.items():
        for device, n in devices.items():
            out[sensor_type, device] = (n, 0)
    for q in flush.quarantined:
        if q.retry_of is None and q.sensor_type is not None and q.device is not None:
            n, m = out.get((q.sensor_type, q.device), (0, 0))
            out[q.sensor_type, q.device] = (n, m + 1)
    return out


def encode_outcome(counts: Mapping[str, Counts]) -> str:
    """JSON of a ledger change."""
    return msgspec.json.encode(
        {k: (c.received, c.stored, c.duplicate, c.quarantined) for k, c in counts.items()}
    ).decode()


def decode_outcome(text: str) -> dict[str, Counts]:
    """The ledger change of such JSON.

    Example:
        >>> decode_outcome(encode_outcome({"a": Counts(2, 1, 1, 0)}))
        {'a': Counts(received=2, stored=1, duplicate=1, quarantined=0)}
    """
    return {k: Counts(*v) for k, v in msgspec.json.decode(text, type=dict[str, list[int]]).items()}


def answer_json(answer: Answer, row_at: Callable[[int], tuple[dict[str, Any], bool]]) -> dict[str, Any]:
    """The answer to one message.

    Args:
        answer: What ingest says of it.
        row_at: Position -> (ROW, whether it is new); the ROW of a duplicate is the one stored before.
    """
    rows = [row_at(p) for p in answer.positions]
    return {
        "rows": [r for r, _ in rows],
        "duplicates": answer.duplicates + sum(not fresh for _, fresh in rows),
        "refused": [{"reason": r, "detail": d} for r, d in answer.refused],
    }
