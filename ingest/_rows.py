"""Readings gathered in a flush before they become columns: native messages in bulk, and what profiles made. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest._columns import has
from ingest.copies import Copies, digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ingest._columns import Table
    from ingest._profiled import Reader
    from ingest._structs import Kind
    from ingest.profile.mapping import Mapped

__all__ = ["Group", "Rows", "count_of", "dedupe_keys", "spread"]

_PLACE_BITS: Final = 21
_SHORT: Final = 4096  # bytes; what is longer is counted as an array
_SPARE_BRACKETS: Final = 30  # a message with no more than these, beyond what its type needs, cannot be 32 levels deep


@dataclass(slots=True)
class Group:
    """Messages of one sensor type: indices into the flush, payloads, devices named by the topic."""

    kind: Kind
    messages: list[int]
    payloads: list[bytes]
    devices: list[str]


class Rows:
    """Readings gathered in any order, with the message, the place in its pack and the device of each.

    Attributes:
        readings, devices: Of each.
        message, place: The same as arrays: index of the message, and place in its pack (-1: not a pack); int64[n], once
            they are sorted.
        origins: Of the readings that profiles made, by message and place.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.readings: list[Any] = []
        self.devices: list[str] = []
        self.message = self.place = np.zeros(0, np.int64)
        self.origins: dict[tuple[int, int], tuple[Reader, Mapped]] = {}
        self._runs: list[NDArray[np.int64]] = []  # messages and places of stretches of readings: int64[2, m]
        self._late: list[tuple[int, int]] = []  # ... of those added one by one since the last stretch
        self._ordered = True  # certainly

    def add(self, reading: Any, message: int, place: int, device: str) -> None:
        self._ordered = False
        self.readings.append(reading)
        self.devices.append(device)
        self._late.append((message, place))

    def _add_run(self, messages: NDArray[np.int64], places: NDArray[np.int64] | int) -> None:
        """Messages and places of readings just appended."""
        self._close()
        run = np.empty((2, len(messages)), np.int64)
        run[0], run[1] = messages, places
        self._runs.append(run)

    def _close(self) -> None:
        if self._late:
            self._runs.append(np.array(self._late, np.int64).T)
            self._late = []

    def take(self, group: Group, raw: bytes) -> list[int]:
        """Decode what decodes at once; returns which messages (indices within the group) must be looked at closely.

        Args:
            group: Messages of one sensor type.
            raw: All their payloads, joined.
        """
        brackets = count_of(raw, b"{") + count_of(raw, b"[")
        begins = [payload[:1] for payload in group.payloads]
        slow = _doubtful(group, raw, brackets - begins.count(b"{") - begins.count(b"["))
        if not slow and begins.count(b"{") == len(begins):
            self._ordered &= not self.readings
            return self._singles(group, range(len(begins)))
        self._ordered = False
        packs: dict[int, list[Any]] = {}
        singles: list[int] = []
        for j, begin in enumerate(begins):
            if j in slow:
                continue
            if begin == b"{":
                singles.append(j)
            elif begin != b"[" or (readings := self._pack(group.payloads[j])) is None:
                slow.add(j)
            else:
                packs[j] = readings
        if brackets > len(packs) + sum(map(len, packs.values())) + _SPARE_BRACKETS:
            for j in [j for j, readings in packs.items() if self._is_deep(group.payloads[j], len(readings))]:
                del packs[j]
                slow.add(j)
        self._add_packs(group, packs)
        slow.update(self._singles(group, singles))
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
        self.devices += group.devices if whole else [group.devices[j] for j in singles]
        self._add_run(np.array(group.messages if whole else [group.messages[j] for j in singles], np.int64), -1)
        return wrong

    def _pack(self, payload: bytes) -> list[Any] | None:
        """Readings of a pack, None where it holds none or one that is wrong."""
        try:
            return self.kind.pack.decode(payload) or None
        except (ValueError, RecursionError, OverflowError):
            return None

    def _is_deep(self, payload: bytes, readings: int) -> bool:
        """Whether a pack has more brackets than its readings explain."""
        needed = 1 + readings * (2 if any(c.kind == "box" for c in self.kind.columns) else 1)
        return count_of(payload, b"{") + count_of(payload, b"[") > needed + _SPARE_BRACKETS

    def _add_packs(self, group: Group, packs: dict[int, list[Any]]) -> None:
        if not packs:
            return
        device = self.kind.device
        for j, readings in packs.items():
            topic_device = group.devices[j]
            self.readings += readings
            self.devices += [d or topic_device for d in map(device, readings)]
        sizes = np.fromiter(map(len, packs.values()), np.int64, len(packs))
        places = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        self._add_run(np.repeat(np.array([group.messages[j] for j in packs], np.int64), sizes), places)

    def sort(self) -> None:
        """Bring the readings into order of receipt; called once, when all are there."""
        self._close()
        runs = self._runs[0] if len(self._runs) == 1 else np.concatenate(self._runs, axis=1)
        if not self._ordered:
            keys = runs[0] << _PLACE_BITS | runs[1] + 1
            if (keys[1:] < keys[:-1]).any():
                order = np.argsort(keys, kind="stable")
                self.readings = [self.readings[k] for k in order.tolist()]
                self.devices = [self.devices[k] for k in order.tolist()]
                runs = runs[:, order]
        self.message, self.place = runs


def _doubtful(group: Group, raw: bytes, inside: int) -> set[int]:
    """Messages (indices within the group) whose bytes alone say that they need a close look.

    Args:
        group: Messages of one sensor type.
        raw: All their payloads, joined.
        inside: Brackets besides those that messages begin with.
    """
    payloads = group.payloads
    out: set[int] = set()
    if max(map(len, payloads)) > group.kind.type.max_bytes:
        out.update(j for j, p in enumerate(payloads) if len(p) > group.kind.type.max_bytes)
    if not raw.isascii():
        out.update(j for j, p in enumerate(payloads) if not _is_utf8(p))
    if b"\\" in raw and b"\\u0000" in raw:  # one byte is found ten times as fast as six
        out.update(j for j, p in enumerate(payloads) if b"\\u0000" in p)
    if inside > _SPARE_BRACKETS:  # those of packs are counted once their readings are known
        out.update(
            j for j, p in enumerate(payloads) if p[:1] == b"{" and p.count(b"{") + p.count(b"[") > _SPARE_BRACKETS
        )
    return out


def count_of(raw: bytes, mark: bytes) -> int:
    """How often one byte is there; for many bytes five times as fast as their own ``count``."""
    if len(raw) < _SHORT:
        return raw.count(mark)
    return int(np.count_nonzero(np.frombuffer(raw, np.uint8) == ord(mark)))


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
    if not has(table.timeless, True):
        return
    ids = table.columns["id"]
    for j in table.timeless.nonzero()[0].tolist():
        place = int(rows.place[j])
        if place > 0 and ids[j] is None:
            table.time[j] += place


def dedupe_keys(rows: Rows) -> dict[int, bytes]:
    """Row -> 16 bytes that its copies share, for rows whose profile says so."""
    if not rows.origins:
        return {}
    out: dict[int, bytes] = {}
    for j, place in enumerate(zip(rows.message.tolist(), rows.place.tolist(), strict=True)):
        origin = rows.origins.get(place)
        if origin is not None and origin[1].dedupe is not None:
            reader, mapped = origin
            out[j] = Copies.key(digest(f"{reader.type.id}/{mapped.device}", str(mapped.dedupe).encode()), 0)
    return out
