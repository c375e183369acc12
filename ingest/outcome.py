"""What became of the messages of a flush: rows per sensor type with positions, refusals, copies, answers. Pure.

``Decoded`` is what the decoder found; ``finish`` gives positions and makes the parts of a ``Flush``, for all messages
or for a range of them (a flush that the store refuses is halved until the message it refuses stands alone).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from brain.model import Batch
from brain.printable import printable
from brain.store.base import Answer, Flush, Quarantined
from ingest._columns import has
from ingest._faults import Fault
from ingest._routes import UNKNOWN

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from brain.registry import Registry
    from ingest.envelope import Envelopes
    from ingest.memory import Change
    from ingest.places import Places

    _Rows = NDArray[np.int64] | slice

__all__ = ["Decoded", "Outcome", "Part", "Refusal"]

_WHOLE: Final = 262_144  # bytes of a refused message that are kept whole
_HEAD: Final = 10_240  # bytes kept of a longer one
_BUDGET: Final = 1_048_576  # bytes kept for all refused readings of one message; further ones keep their own bytes only
_ALL: Final = slice(None)
_RAW_LIST: Final = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(slots=True)
class Refusal:
    """One refused reading: which message, which place in its pack (-1: the message), and why.

    Attributes:
        copy: True where the broker delivered the message again and its refusal is in quarantine already.
    """

    message: int
    place: int
    sensor_type: str | None
    device: str | None
    fault: Fault
    copy: bool = False


@dataclass(slots=True)
class Part:
    """Readings of one sensor type in order of receipt; arrays of length n.

    Attributes:
        message, place: Index of the message in the flush, and place in its pack (-1: not a pack).
        names, device: Name of the device, and its id or 0 while it is not admitted.
        is_admitted: Whether all devices have been from the start.
        time, received_at: Microseconds.
        keep: False for readings that were refused, are copies, or are ignored.
        dedupe: Row -> what its copies share, where a profile says so.
        mapped: (message, place) of the readings that profiles made: their ids are no promise to be said once only.
    """

    sensor_type: str
    message: NDArray[np.int64]
    place: NDArray[np.int64]
    names: list[str]
    device: NDArray[np.int32]
    is_admitted: bool
    time: NDArray[np.int64]
    received_at: NDArray[np.int64]
    timeless: NDArray[np.bool_]
    columns: dict[str, NDArray[Any]]
    keep: NDArray[np.bool_]
    dedupe: dict[int, bytes] = field(default_factory=dict)
    mapped: frozenset[tuple[int, int]] = frozenset()


@dataclass(slots=True, kw_only=True)
class Outcome:
    """The parts of a flush.

    Attributes:
        position: Of the last row (or the one before the first, where there is none).
        exercise: Sensor type -> which of its rows are of a drill, where some are.
        known: Copies known before the store was asked: sensor type -> device -> n.
        ignored: Retained messages without time, and those that their profiles pass over.
        states: What profiles remember from here on: (sensor type, key) -> value, None where it is forgotten.
    """

    position: int
    batches: list[Batch]
    quarantined: list[Quarantined]
    known: dict[str, dict[str, int]]
    timeless: list[bytes]
    answers: dict[int, Answer]
    ignored: int
    states: dict[tuple[str, str], bytes | None] = field(default_factory=dict)
    exercise: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    def flush(self, epoch: int, received_at: int) -> Flush:
        """The flush to write under a head's epoch; ``received_at`` of the head after it."""
        return Flush(
            epoch=epoch,
            position=self.position,
            received_at=received_at,
            batches=self.batches,
            quarantined=self.quarantined,
            known=self.known,
            exercise=self.exercise,
            timeless=self.timeless,
            answers=self.answers,
            ignored=self.ignored,
            states=self.states,
        )


@dataclass(slots=True)
class Decoded:
    """What the decoder found in the messages of a flush.

    Attributes:
        refusals: Refused readings.
        copies: Copies of readings without time: (message, sensor type, device).
        hashes: Keys to remember readings by: (message, 16 bytes).
        ignored: Retained messages without time, and those that their profiles pass over.
        changes: What profiles remember from these messages on.
    """

    envelopes: Envelopes
    parts: list[Part]
    refusals: list[Refusal]
    places: Places
    copies: list[tuple[int, str, str]] = field(default_factory=list)
    hashes: list[tuple[int, bytes]] = field(default_factory=list)
    ignored: list[int] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def unknown(self) -> list[tuple[str, str]]:
        """(sensor type, name) of devices to admit before ``finish``, in order of first appearance."""
        out: dict[tuple[str, str], None] = {}
        for part in self.parts:
            if part.is_admitted:
                continue
            for j in _where((part.device == 0) & part.keep).tolist():
                out[part.sensor_type, part.names[j]] = None
        return list(out)

    def make_room(self) -> int:
        """Move messages on where readings without time that a profile made of one would reach into the next.

        Each further one of a message is a microsecond later (``_rows.spread``), and how many there are is known only
        now: without room for them a reading of the next message of the device would be taken for a copy. Refused ones
        count, too: their place is theirs when they are tried again.

        Returns:
            The last microsecond that is taken; 0 without messages.
        """
        at = self.envelopes.received_at
        if not len(at):
            return 0
        if not self.refusals and not any(part.mapped for part in self.parts):
            return int(at[-1])  # native packs have room already
        need = np.ones(len(at), np.int64)
        for part in self.parts:
            if part.mapped:
                spread = _where(part.timeless & (part.place > 0))
                spread = spread[[i is None for i in part.columns["id"][spread]]]
                np.maximum.at(need, part.message[spread], part.place[spread] + 1)
        for refusal in self.refusals:
            need[refusal.message] = max(need[refusal.message], refusal.place + 1)
        shift = np.zeros(len(at), np.int64)
        np.cumsum(np.maximum(need[:-1] - np.diff(at), 0), out=shift[1:])
        if shift[-1]:
            at += shift
            again = np.array(sorted(self.envelopes.again), np.int64)
            for part in self.parts:
                part.received_at += shift[part.message]
                moves = part.timeless & ~np.isin(part.message, again)
                part.time[moves] += shift[part.message[moves]]
        return int(at[-1] + need[-1] - 1)

    def refuse(self, message: int, fault: Fault) -> None:
        """Take back all readings of a message: the store refuses it."""
        for part in self.parts:
            for j in _where((part.message == message) & part.keep).tolist():
                part.keep[j] = False
                place = int(part.place[j])
                self.refusals.append(Refusal(message, place, part.sensor_type, part.names[j], fault))

    def finish(self, registry: Registry, first_position: int, low: int = 0, high: int | None = None) -> Outcome:
        """Give positions and make the parts of a flush.

        Args:
            registry: With the devices of ``unknown`` in it; readings of those that are not are refused.
            first_position: Of the first row.
            low: Only messages from this index on ...
            high: ... and before this one; None for all.
        """
        end = len(self.envelopes) if high is None else high
        is_whole = low == 0 and end == len(self.envelopes)
        chosen: list[tuple[Part, _Rows]] = []
        for part in self.parts:
            self._look_up(part, registry)
            rows: _Rows = _ALL
            if not is_whole or has(part.keep, False):
                rows = _where(part.keep & (part.message >= low) & (part.message < end))
                if not len(rows):
                    continue
            chosen.append((part, rows))
        messages = [p.message[r] for p, r in chosen] or [np.zeros(0, np.int64)]
        places = [p.place[r] for p, r in chosen] or [np.zeros(0, np.int64)]
        order = np.concatenate(messages) << 21 | np.concatenate(places) + 1
        rank = np.empty(len(order), dtype=np.int64)
        rank[np.argsort(order, kind="stable")] = np.arange(first_position, first_position + len(order))
        batches: list[Batch] = []
        positions: list[NDArray[np.int64]] = []
        start = 0
        for part, rows in chosen:
            stop = start + (len(part.keep) if rows is _ALL else len(rows))  # type: ignore[arg-type]
            positions.append(rank[start:stop])
            batches.append(self._batch(part, rows, rank[start:stop], registry))
            start = stop
        known: dict[str, dict[str, int]] = {}
        copies = [(t, d) for i, t, d in self.copies if low <= i < end]
        refused = sorted((r for r in self.refusals if low <= r.message < end), key=lambda r: (r.message, r.place))
        copies += [(r.sensor_type or UNKNOWN, r.device or "") for r in refused if r.copy]
        for sensor_type, device in copies:
            devices = known.setdefault(sensor_type, {})
            devices[device] = devices.get(device, 0) + 1
        return Outcome(
            position=first_position + len(order) - 1,
            batches=batches,
            quarantined=self._quarantined([r for r in refused if not r.copy], registry),
            known=known,
            timeless=[h for i, h in self.hashes if low <= i < end],
            answers=self._answers(chosen, positions, low, end),
            ignored=sum(low <= i < end for i in self.ignored),
            states={(c.sensor_type, c.key): c.value for c in self.changes if low <= c.message < end},
            exercise=_of_drills(batches, registry) if registry.has_exercise else {},
        )

    def _look_up(self, part: Part, registry: Registry) -> None:
        if part.is_admitted:
            return
        new = _where((part.device == 0) & part.keep)
        ids = registry.ids(part.sensor_type)
        for j in new.tolist():
            part.device[j] = ids.get(part.names[j], 0)
            if part.device[j] == 0:
                part.keep[j] = False
                fault = Fault("unknown_device", f"topic: device {part.names[j]!r} is not registered; register it first")
                message, place = int(part.message[j]), int(part.place[j])
                self.refusals.append(Refusal(message, place, part.sensor_type, part.names[j], fault))

    def _batch(self, part: Part, rows: _Rows, at: NDArray[np.int64], registry: Registry) -> Batch:
        columns = dict(part.columns) if rows is _ALL else {k: v[rows] for k, v in part.columns.items()}
        device = part.device[rows]
        absent = _where(np.isnan(columns["lon"]))
        if len(absent):
            lon, lat = columns["lon"].copy(), columns["lat"].copy()
            place = registry.places(device[absent])
            lon[absent], lat[absent] = place[:, 0], place[:, 1]
            for name, places in (("node", self.places.nodes), ("zone", self.places.zones)):  # the zone wins
                if places and name in columns:
                    for j in absent.tolist():
                        if (known := places.get(columns[name][j])) is not None:
                            lon[j], lat[j] = known
            columns["lon"], columns["lat"] = lon, lat
        return Batch(
            part.sensor_type,
            device,
            part.time[rows].view("M8[us]"),
            part.received_at[rows].view("M8[us]"),
            at,
            columns,
        )

    def _answers(
        self, chosen: list[tuple[Part, _Rows]], positions: list[NDArray[np.int64]], low: int, end: int
    ) -> dict[int, Answer]:
        asked = {i: inbox_id for i, (inbox_id, _) in self.envelopes.asked.items() if low <= i < end}
        answers: dict[int, Answer] = {}
        for i, inbox_id in asked.items():
            of_rows = [at[part.message[rows] == i] for (part, rows), at in zip(chosen, positions, strict=True)]
            refused = sorted((r for r in self.refusals if r.message == i), key=lambda r: r.place)
            answers[inbox_id] = Answer(
                positions=sorted(int(p) for some in of_rows for p in some),
                duplicates=sum(m == i for m, _, _ in self.copies) + sum(r.copy for r in refused),
                refused=[(r.fault.reason, printable(r.fault.detail)) for r in refused if not r.copy],
            )
        return answers

    def _quarantined(self, refused: list[Refusal], registry: Registry) -> list[Quarantined]:
        types = registry.sensor_types
        out: list[Quarantined] = []
        spent: dict[int, int] = {}
        cut: dict[int, list[bytes]] = {}
        for r in refused:
            envelope = self.envelopes[r.message]
            size = len(envelope.payload)
            payload = envelope.payload if size <= _WHOLE else envelope.payload[:_HEAD]
            if spent.get(r.message, 0) + len(payload) > _BUDGET and r.message in spent:
                if r.message not in cut:
                    cut[r.message] = _objects(envelope.payload)
                own = cut[r.message][r.place] if 0 <= r.place < len(cut[r.message]) else envelope.payload
                payload = (b"[" + own + b"]")[:_HEAD]
            spent[r.message] = spent.get(r.message, 0) + len(payload)
            out.append(
                Quarantined(
                    received_at=envelope.received_at,
                    topic=_storable(envelope.topic),
                    sensor_type=r.sensor_type,
                    device=r.device,
                    reason=r.fault.reason,
                    detail=printable(r.fault.detail),
                    payload=payload,
                    size=size,
                    retry_of=envelope.retry_of,
                    place=r.place,
                    version=types[r.sensor_type].version if r.sensor_type in types else None,
                    ledger_key=r.sensor_type or UNKNOWN,
                )
            )
        return out


def _of_drills(batches: list[Batch], registry: Registry) -> dict[str, NDArray[np.bool_]]:
    masks = {b.sensor_type: registry.in_exercise(b.device) for b in batches}
    return {name: mask for name, mask in masks.items() if mask.any()}


def _where(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Indices of True: as ``flatnonzero``, which costs more than what is in most of these."""
    return mask.nonzero()[0]


def _objects(payload: bytes) -> list[bytes]:
    """The readings of a pack, each by itself."""
    try:
        return [bytes(raw) for raw in _RAW_LIST.decode(payload)]
    except (ValueError, RecursionError):
        return []


def _storable(text: str) -> str:
    """Without what PostgreSQL cannot keep in a text: NUL and halves of surrogate pairs."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
