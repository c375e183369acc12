"""Messages of one flush -> typed columns, quarantine records, known copies. Pure: no clock, no I/O; it never raises.

All messages of a sensor type are decoded together: typed structs in C (``msgspec``), then columns, then checks of whole
columns. Only what fails is looked at one by one (``_faults``). Each object of a pack is a reading of its own; a message
that yields none counts as one. So ``received = stored + duplicate + quarantined`` holds reading by reading.

```python
decoder = Decoder(registry, places)
decoded = decoder.decode(envelopes)
...                                     # admit decoded.unknown, put the devices into the registry
outcome = decoded.finish(registry, first_position=head.position + 1)
```
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest._columns import Table, table_of
from ingest._faults import Fault, examine, judge, valid_id
from ingest._routes import fault_of, kind_at
from ingest.copies import Copies, digest
from ingest.envelope import Envelopes
from ingest.outcome import Decoded, Part, Refusal
from ingest.places import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from brain.registry import Registry
    from ingest._structs import Kind
    from ingest.envelope import Envelope

__all__ = ["Decoded", "Decoder", "Places", "decode"]

_PLACE_BITS: Final = 21
_SPARE_BRACKETS: Final = 30  # a message with no more than these, beyond what its type needs, cannot be 32 levels deep


def decode(envelopes: Sequence[Envelope], registry: Registry, places: Places | None = None) -> Decoded:
    """Decode messages once; who decodes many flushes keeps a ``Decoder``.

    Example:
        >>> from brain.registry import Registry
        >>> from ingest.envelope import Envelope
        >>> from ingest.sensor_types import load_builtin
        >>> got = decode([Envelope("city/hydrant/H1", b'{"pressure_mpa": 0.2}', 0)], Registry(load_builtin(), []))
        >>> got.unknown
        [('hydrant', 'H1')]
    """
    return Decoder(registry, places).decode(envelopes)


def _misrouted(message: int, topic: str, registry: Registry) -> Refusal:
    sensor_type, device, fault = fault_of(topic, registry)
    return Refusal(message, -1, sensor_type, device, fault)


@dataclass(slots=True)
class _Group:
    """Messages of one sensor type: indices into the flush, payloads, devices named by the topic."""

    kind: Kind
    messages: list[int]
    payloads: list[bytes]
    devices: list[str]


class Decoder:
    """Decodes flush after flush against one registry; keeps what it learnt about topics. For use by one task.

    Args:
        registry: Sensor types and devices; make a new decoder when a sensor type changes.
        places: Where zones and road nodes are.
        copies: Memory of readings without time; None: everything is new.
        admit_all: True lets every device in, whatever its sensor type says (backtests).
    """

    def __init__(
        self,
        registry: Registry,
        places: Places | None = None,
        *,
        copies: Copies | None = None,
        admit_all: bool = False,
    ) -> None:
        self.registry = registry
        self.places = places or Places()
        self.copies = copies or Copies()
        self.admit_all = admit_all
        self._heads: dict[str, Kind] = {}

    def decode(self, envelopes: Envelopes | Sequence[Envelope]) -> Decoded:
        """Decode the messages of a flush, in order of receipt."""
        if not isinstance(envelopes, Envelopes):
            envelopes = Envelopes.of(envelopes)
        refusals: list[Refusal] = []
        parts = [
            p
            for g in self._groups(envelopes, refusals)
            if (p := self._part(g, envelopes.received_at, refusals)) is not None
        ]
        decoded = Decoded(envelopes, parts, refusals, self.places)
        self._find_copies(decoded)
        return decoded

    def _groups(self, envelopes: Envelopes, refusals: list[Refusal]) -> list[_Group]:
        """Messages by sensor type; those that lead nowhere are refused."""
        cut = [topic.rpartition("/") for topic in envelopes.topics]
        heads, payloads = self._heads, envelopes.payloads
        kinds = [heads.get(head) for head, _, _ in cut]
        if None in kinds:
            kinds = [kind or self._learn(head) for kind, (head, _, _) in zip(kinds, cut, strict=True)]
        first = kinds[0] if kinds else None
        if first is not None and kinds.count(first) == len(kinds):
            whole = _Group(first, list(range(len(kinds))), payloads, [device for _, _, device in cut])
            return [self._without_bad_ids(whole, envelopes.topics, refusals)]
        members: dict[Kind | None, list[int]] = {}
        for i, kind in enumerate(kinds):
            if (others := members.get(kind)) is None:
                members[kind] = [i]
            else:
                others.append(i)
        refusals += [_misrouted(i, envelopes.topics[i], self.registry) for i in members.pop(None, ())]
        groups = (
            _Group(kind, chosen, [payloads[i] for i in chosen], [cut[i][2] for i in chosen])
            for kind, chosen in members.items()
            if kind is not None
        )
        return [self._without_bad_ids(g, envelopes.topics, refusals) for g in groups]

    def _learn(self, head: str) -> Kind | None:
        """The kind of topics that begin so, None where there is none."""
        kind = kind_at(head, self.registry)
        if kind is not None:
            self._heads[head] = kind
        return kind

    def _without_bad_ids(self, group: _Group, topics: list[str], refusals: list[Refusal]) -> _Group:
        """A group without messages whose topics end in what is no device id; registered devices are not looked at."""
        known = list(map(self.registry.ids(group.kind.type.id).get, group.devices))
        if None not in known:
            return group
        bad = {j for j, i in enumerate(known) if i is None and not valid_id(group.devices[j])}
        if not bad:
            return group
        refusals += [_misrouted(group.messages[j], topics[group.messages[j]], self.registry) for j in sorted(bad)]
        good = [j for j in range(len(group.messages)) if j not in bad]
        return _Group(
            group.kind,
            [group.messages[j] for j in good],
            [group.payloads[j] for j in good],
            [group.devices[j] for j in good],
        )

    def _part(self, group: _Group, received: NDArray[np.int64], refusals: list[Refusal]) -> Part | None:
        kind = group.kind
        if not group.payloads:
            return None
        raw = b"\n".join(group.payloads)
        rows = _Rows(kind)
        slow = rows.take(group, _doubtful(group, raw))
        for j in slow:
            i, device = group.messages[j], group.devices[j]
            for place, found in examine(kind, group.payloads[j]):
                fault = found if isinstance(found, Fault) else judge(kind, found, int(received[i]), place)
                named = device if place < 0 or isinstance(found, Fault) else kind.device(found) or device
                if fault is None:
                    rows.add(found, i, place, named)
                else:
                    refusals.append(Refusal(i, place, kind.type.id, named, fault))
        if not rows.readings:
            return None
        rows.sort()
        message = np.array(rows.messages, dtype=np.int64)
        table = table_of(kind, rows.readings, received[message])
        keep = np.ones(len(message), dtype=np.bool_)
        for j in np.flatnonzero(table.suspect).tolist():
            i, place = rows.messages[j], rows.places[j]
            fault = judge(kind, rows.readings[j], int(received[i]), place)
            if fault is not None:
                keep[j] = False
                refusals.append(Refusal(i, place, kind.type.id, rows.devices[j], fault))
        device_ids = self._devices(kind, rows, keep, refusals)
        _spread(table, rows)
        return Part(
            sensor_type=kind.type.id,
            message=message,
            place=np.array(rows.places, dtype=np.int64),
            names=rows.devices,
            device=device_ids,
            time=table.time,
            received_at=received[message],
            timeless=table.timeless,
            columns=table.columns,
            keep=keep,
        )

    def _devices(self, kind: Kind, rows: _Rows, keep: NDArray[np.bool_], refusals: list[Refusal]) -> NDArray[np.int32]:
        """Ids of the devices, 0 for those still to be admitted; refuses what may not come in."""
        ids = self.registry.ids(kind.type.id)
        found = list(map(ids.get, rows.devices))
        if None not in found:
            return np.array(found, dtype=np.int32)
        device = np.array([i or 0 for i in found], dtype=np.int32)
        closed = kind.type.admission == "closed" and not self.admit_all
        for j in np.flatnonzero((device == 0) & keep).tolist():
            name, place = rows.devices[j], rows.places[j]
            path = "" if place < 0 else f"[{place}]."
            if not valid_id(name):
                fault = Fault(
                    "bad_text", f"{path}device: {name[:140]!r} is no device id; use 1 to 128 characters without / + #"
                )
            elif closed:
                fault = Fault(
                    "unknown_device", f"{path or 'topic: '}device {name!r} is not registered; register it first"
                )
            else:
                continue
            keep[j] = False
            refusals.append(Refusal(rows.messages[j], place, kind.type.id, name if valid_id(name) else None, fault))
        return device

    def _find_copies(self, decoded: Decoded) -> None:
        """Readings without time: ignore retained ones, know copies. Refused ones: know redelivered copies."""
        timeless: dict[int, list[tuple[Part, int]]] = {}
        for part in decoded.parts:
            for j in np.flatnonzero(part.timeless & part.keep).tolist():
                timeless.setdefault(int(part.message[j]), []).append((part, j))
        refused: dict[int, list[Refusal]] = {}
        for refusal in decoded.refusals:
            refused.setdefault(refusal.message, []).append(refusal)
        for i in sorted(timeless.keys() | refused.keys()):
            envelope = decoded.envelopes[i]
            message = digest(envelope.topic, envelope.payload)
            again = envelope.dup or envelope.retain
            for refusal in refused.get(i, ()):
                key = self.copies.key(message, refusal.place, refused=True)
                refusal.copy = self.copies.seen(key, envelope.received_at) and again
                decoded.hashes.append((i, key))
            rows = timeless.get(i, ())
            if envelope.retain:
                decoded.ignored += [i] if rows else []
                for part, j in rows:
                    part.keep[j] = False
                continue
            for part, j in rows:
                key = self.copies.key(message, int(part.place[j]))
                if self.copies.seen(key, envelope.received_at) and (envelope.dup or part.columns["id"][j] is not None):
                    part.keep[j] = False
                    decoded.copies.append((i, part.sensor_type, part.names[j]))
                decoded.hashes.append((i, key))


class _Rows:
    """Readings gathered in any order, with the message, the place in its pack and the device of each."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.readings: list[Any] = []
        self.messages: list[int] = []
        self.places: list[int] = []
        self.devices: list[str] = []

    def add(self, reading: Any, message: int, place: int, device: str) -> None:
        self.readings.append(reading)
        self.messages.append(message)
        self.places.append(place)
        self.devices.append(device)

    def take(self, group: _Group, doubtful: set[int]) -> list[int]:
        """Decode what decodes at once; returns which messages (indices within the group) must be looked at closely."""
        slow = set(doubtful)
        begins = [payload[:1] for payload in group.payloads]
        if not slow and begins.count(b"{") == len(begins):
            return self._singles(group, range(len(begins)))
        singles = [j for j, begin in enumerate(begins) if begin == b"{"]
        for j, payload in enumerate(group.payloads):
            first = payload[:1]
            if j not in slow and first != b"{" and (first != b"[" or not self._pack(group, j, payload)):
                slow.add(j)
        slow.update(self._singles(group, [j for j in singles if j not in slow]))
        return sorted(slow)

    def _singles(self, group: _Group, singles: Sequence[int]) -> list[int]:
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

    def _pack(self, group: _Group, j: int, payload: bytes) -> bool:
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

    def sort(self) -> None:
        """Bring the readings into order of receipt."""
        keys = np.array(self.messages, dtype=np.int64) << _PLACE_BITS | np.array(self.places, dtype=np.int64) + 1
        if (keys[1:] < keys[:-1]).any():
            order = np.argsort(keys, kind="stable").tolist()
            for name in ("readings", "messages", "places", "devices"):
                held = getattr(self, name)
                setattr(self, name, [held[k] for k in order])


def _doubtful(group: _Group, raw: bytes) -> set[int]:
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


def _spread(table: Table, rows: _Rows) -> None:
    """Several readings of a device in one pack without time and id: a microsecond apart, or they would be copies."""
    count: dict[tuple[int, str], int] = {}
    ids = table.columns["id"]
    for j in np.flatnonzero(table.timeless).tolist():
        if rows.places[j] >= 0 and ids[j] is None:
            key = (rows.messages[j], rows.devices[j])
            table.time[j] += count.get(key, 0)
            count[key] = count.get(key, 0) + 1
