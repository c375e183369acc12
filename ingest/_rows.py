"""Readings gathered in a flush before they become columns: native messages in bulk, and what profiles made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.copies import Copies, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest._columns import Table
    from ingest._profiled import Reader
    from ingest._structs import Kind
    from ingest.profile.mapping import Mapped

__all__ = ["Group", "Rows", "dedupe_keys", "doubtful", "spread"]

_PLACE_BITS: Final = 21
_SPARE_BRACKETS: Final = 30  # a message with no more than these, beyond what its type needs, cannot be 32 levels deep


@dataclass(slots=True)
class Group:
    """Messages of one sensor type: indices into the flush, payloads, devices named by the topic."""

    kind: Kind
    messages: list[int]
    payloads: list[bytes]
    devices: list[str]


class Rows:
    """Readings gathered in any order, with the message, the place in its pack and the device of each."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.readings: list[Any] = []
        self.messages: list[int] = []
        self.places: list[int] = []
        self.devices: list[str] = []
        self.origins: dict[tuple[int, int], tuple[Reader, Mapped]] = {}  # of those that profiles made
        self._ordered = True  # certainly

    def add(self, reading: Any, message: int, place: int, device: str) -> None:
        self._ordered = False
        self.readings.append(reading)
        self.messages.append(message)
        self.places.append(place)
        self.devices.append(device)

    def take(self, group: Group, doubtful: set[int]) -> list[int]:
        """Decode what decodes at once; returns which messages (indices within the group) must be looked at closely."""
        slow = set(doubtful)
        begins = [payload[:1] for payload in group.payloads]
        if not slow and begins.count(b"{") == len(begins):
            self._ordered &= not self.readings
            return self._singles(group, range(len(begins)))
        self._ordered = False
        singles = [j for j, begin in enumerate(begins) if begin == b"{"]
        for j, payload in enumerate(group.payloads):
            first = payload[:1]
            if j not in slow and first != b"{" and (first != b"[" or not self._pack(group, j, payload)):
                slow.add(j)
        slow.update(self._singles(group, [j for j in singles if j not in slow]))
        return sorted(slow)

    def _singles(self, group: Group, singles: Sequence[int]) -> list[int]:
        """Decode messages of one object; returns those that failed."""
        readings: list[Any] = []
        failed: set[int] = set()
        whole = len(singles) == len(group.payloads)
        left = iter(group.payloads if whole else [group.payloads[j] for j in singles])
        while len(readings) < len(singles):
            try:
                readings.extend(map(self.kind.single.decode, left))
            except (ValueError, RecursionError, OverflowError):  # what was decoded before stays in the list
                failed.add(len(readings))
                readings.append(None)
        wrong = [singles[k] for k in sorted(failed)]
        if failed:
            whole = False
            readings = [r for r in readings if r is not None]
            singles = [j for k, j in enumerate(singles) if k not in failed]
        self.readings += readings
        self.messages += group.messages if whole else [group.messages[j] for j in singles]
        self.devices += group.devices if whole else [group.devices[j] for j in singles]
        self.places += [-1] * len(readings)
        return wrong

    def _pack(self, group: Group, j: int, payload: bytes) -> bool:
        try:
            readings = self.kind.pack.decode(payload)
        except (ValueError, RecursionError, OverflowError):
            return False
        needed = 1 + len(readings) * (2 if any(c.kind == "box" for c in self.kind.columns) else 1)
        if not readings or payload.count(b"{") + payload.count(b"[") > needed + _SPARE_BRACKETS:
            return False
        topic_device = group.devices[j]
        self.readings += readings
        self.messages += [group.messages[j]] * len(readings)
        self.places += range(len(readings))
        self.devices += [d or topic_device for d in map(self.kind.device, readings)]
        return True

    def sort(self) -> NDArray[np.int64]:
        """Bring the readings into order of receipt; the message of each."""
        messages = np.array(self.messages, dtype=np.int64)
        if self._ordered:
            return messages
        keys = messages << _PLACE_BITS | np.array(self.places, dtype=np.int64) + 1
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable")
            for name in ("readings", "messages", "places", "devices"):
                held = getattr(self, name)
                setattr(self, name, [held[k] for k in order.tolist()])
            messages = messages[order]
        return messages


def doubtful(group: Group, raw: bytes) -> set[int]:
    """Messages (indices within the group) whose bytes alone say that they need a close look."""
    payloads = group.payloads
    out: set[int] = set()
    if max(map(len, payloads)) > group.kind.type.max_bytes:
        out.update(j for j, p in enumerate(payloads) if len(p) > group.kind.type.max_bytes)
    if not raw.isascii():
        out.update(j for j, p in enumerate(payloads) if not _is_utf8(p))
    if b"\\u0000" in raw:
        out.update(j for j, p in enumerate(payloads) if b"\\u0000" in p)
    if raw[:1] == b"[" and b"\n{" not in raw:
        return out  # packs only: their brackets are counted where they are decoded
    if raw.count(b"{") + raw.count(b"[") > len(payloads) + _SPARE_BRACKETS:
        out.update(
            j for j, p in enumerate(payloads) if p[:1] == b"{" and p.count(b"{") + p.count(b"[") > _SPARE_BRACKETS
        )
    return out


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def spread(table: Table, rows: Rows) -> None:
    """Readings of a pack without time and id: a microsecond apart by their place, or they would be copies.

    By place, not by count: where a refused neighbour is mended and tried again, all find their times again.
    """
    timeless = table.timeless.nonzero()[0].tolist()
    if not timeless:
        return
    ids = table.columns["id"]
    for j in timeless:
        if rows.places[j] > 0 and ids[j] is None:
            table.time[j] += rows.places[j]


def dedupe_keys(rows: Rows) -> dict[int, bytes]:
    """Row -> 16 bytes that its copies share, for rows whose profile says so."""
    if not rows.origins:
        return {}
    out: dict[int, bytes] = {}
    for j, place in enumerate(zip(rows.messages, rows.places, strict=True)):
        origin = rows.origins.get(place)
        if origin is not None and origin[1].dedupe is not None:
            reader, mapped = origin
            out[j] = Copies.key(digest(f"{reader.type.id}/{mapped.device}", str(mapped.dedupe).encode()), 0)
    return out
