"""Messages of one flush -> typed columns, quarantine records, known copies. Pure: no clock, no I/O; it never raises.

All native messages of a sensor type are decoded together: typed structs in C (``msgspec``), then columns, then checks
of whole columns. Only what fails is looked at one by one (``_faults``). What a profile reads becomes the same structs
(``_profiled``) and goes the same way. Each object of a pack is a reading of its own; a message
that yields none counts as one. So ``received = stored + duplicate + quarantined`` holds reading by reading.

```python
decoder = Decoder(registry, places)
decoded = decoder.decode(envelopes)
...                                     # admit decoded.unknown, put the devices into the registry
outcome = decoded.finish(registry, first_position=head.position + 1)
```
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from ingest._columns import Readings, has, tables_of
from ingest._faults import Fault, examine, judge, valid_id
from ingest._profiled import Read, tree_of
from ingest._routes import OURS, fault_of, kind_at
from ingest._rows import Group, Rows, dedupe_keys, spread
from ingest.copies import Copies, digest
from ingest.envelope import Envelopes
from ingest.memory import Memories
from ingest.outcome import Decoded, Part, Refusal
from ingest.places import Places

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from brain.registry import Registry
    from ingest._columns import Table
    from ingest._profiled import Reader
    from ingest._structs import Kind
    from ingest.envelope import Envelope
    from ingest.memory import Change

    Match = tuple[Reader, dict[str, str]]

__all__ = ["Decoded", "Decoder", "Places", "decode"]


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


class Decoder:
    """Decodes flush after flush against one registry; keeps what it learnt about topics. One call at a time.

    Args:
        registry: Sensor types and devices; make a new decoder when a sensor type changes.
        places: Where zones and road nodes are.
        copies: Memory of readings without time; None: everything is new.
        admit_all: True lets every device in, whatever its sensor type says (backtests).
        memories: What profiles remember between messages; None: nothing yet.
    """

    def __init__(
        self,
        registry: Registry,
        places: Places | None = None,
        *,
        copies: Copies | None = None,
        admit_all: bool = False,
        memories: Memories | None = None,
    ) -> None:
        self.registry = registry
        self.places = places or Places()
        self.copies = copies or Copies()
        self.admit_all = admit_all
        self.memories = memories or Memories()
        self.tree = tree_of(registry)
        self._read_by_profile = {
            head for t in self.tree.topics if (head := t.filter.rpartition("/")[0]).startswith(OURS)
        }
        self._heads: dict[str, Kind] = {}

    def decode(self, envelopes: Envelopes | Sequence[Envelope]) -> Decoded:
        """Decode the messages of a flush, in order of receipt."""
        if not isinstance(envelopes, Envelopes):
            envelopes = Envelopes.of(envelopes)
        refusals: list[Refusal] = []
        changes: list[Change] = []
        ignored: list[int] = []
        said_at = _said_at(envelopes)
        groups, profiled = self._groups(envelopes, refusals)
        gathered: dict[Kind, Rows] = {}
        for group in groups:
            if group.payloads:
                rows = gathered.setdefault(group.kind, Rows(group.kind))
                self._take(group, rows, said_at, refusals)
        for i, matches in profiled:
            if not self._map(envelopes, i, matches, int(said_at[i]), gathered, refusals, changes):
                ignored.append(i)
        full = [rows for rows in gathered.values() if rows.readings]
        for rows in full:
            rows.sort()
        tables = tables_of([Readings(rows.kind, rows.readings, said_at[rows.message]) for rows in full])
        parts = [self._part(*one, envelopes.received_at, said_at, refusals) for one in zip(full, tables, strict=True)]
        decoded = Decoded(envelopes, parts, refusals, self.places, ignored=ignored, changes=changes)
        self._only_asked(decoded)
        self._find_copies(decoded)
        return decoded

    def _groups(
        self, envelopes: Envelopes, refusals: list[Refusal]
    ) -> tuple[list[Group], list[tuple[int, list[Match]]]]:
        """Native messages by sensor type, and those that profiles read; what leads nowhere is refused."""
        cut = [topic.rpartition("/") for topic in envelopes.topics]
        heads, payloads = self._heads, envelopes.payloads
        kinds = [heads.get(head) for head, _, _ in cut]
        if not all(kinds):
            kinds = [kind or self._learn(head) for kind, (head, _, _) in zip(kinds, cut, strict=True)]
        first = kinds[0] if kinds else None
        if first is not None and kinds.count(first) == len(kinds):
            whole = Group(first, list(range(len(kinds))), payloads, [device for _, _, device in cut])
            return [self._without_bad_ids(whole, envelopes.topics, refusals)], []
        members: dict[Kind | None, list[int]] = {}
        for i, kind in enumerate(kinds):
            if (others := members.get(kind)) is None:
                members[kind] = [i]
            else:
                others.append(i)
        profiled: list[tuple[int, list[Match]]] = []
        for i in members.pop(None, ()):
            topic = envelopes.topics[i]
            if matches := self._matches(topic):
                profiled.append((i, matches))
            elif topic.startswith(OURS) or topic == OURS[:-1] or i in envelopes.asked:
                refusals.append(_misrouted(i, topic, self.registry))
            else:
                profiled.append((i, matches))  # it was never for us: a filter that is wider than our topics brought it
        groups = (
            Group(kind, chosen, [payloads[i] for i in chosen], [cut[i][2] for i in chosen])
            for kind, chosen in members.items()
            if kind is not None
        )
        return [self._without_bad_ids(g, envelopes.topics, refusals) for g in groups], profiled

    def _matches(self, topic: str) -> list[Match]:
        """The profiles that read a topic."""
        if not self.tree:
            return []
        if topic.startswith(OURS):  # "-" and "_" of a sensor type count as the same
            parts = topic.split("/", 2)
            found = self.registry.sensor_type(parts[1])
            if found is not None and found.id != parts[1] and len(parts) == 3:
                topic = f"{OURS}{found.id}/{parts[2]}"
        return self.tree.match(topic)

    def _map(
        self,
        envelopes: Envelopes,
        i: int,
        matches: list[Match],
        said_at: int,
        gathered: dict[Kind, Rows],
        refusals: list[Refusal],
        changes: list[Change],
    ) -> bool:
        """Let all profiles of a topic read a message; one that fits is enough. False: they pass it over."""
        payload, place = envelopes.payloads[i], 0
        refused: list[tuple[int, Reader, str | None, Fault]] = []
        passed = fitted = False
        for reader, captures in matches:
            got = reader.read(payload, captures, said_at, self.memories.view(reader.type.id, i, changes))
            if got is None:
                passed = True
                continue
            for one in got:
                if isinstance(one, Read):
                    rows = gathered.setdefault(reader.target, Rows(reader.target))
                    rows.add(one.reading, i, place, one.mapped.device)
                    rows.origins[i, place] = reader, one.mapped
                    fitted = True
                else:
                    refused.append((place, reader, *one))
                place += 1
        if fitted or passed or any(fault.reason != "no_match" for *_, fault in refused):
            refused = [r for r in refused if r[3].reason != "no_match"]  # of several profiles one is enough
        else:
            refused = [r for r in refused if r[1] is refused[0][1]]  # none fits: one says so
        first: dict[Fault, Reader] = {}
        for at, reader, device, fault in refused:
            if first.setdefault(fault, reader) is reader:  # else another profile said so of the whole message
                refusals.append(Refusal(i, at, reader.type.id, device, fault))
        return fitted or bool(refused)

    def _only_asked(self, decoded: Decoded) -> None:
        """Of a pack that is tried again for one refused reading only that one counts; its neighbours had their turn."""
        for i, (_, place) in decoded.envelopes.again.items():
            if place is None or place < 0 or self._heads.get(decoded.envelopes.topics[i].rpartition("/")[0]) is None:
                continue
            for part in decoded.parts:
                part.keep &= (part.message != i) | (part.place == place)
            decoded.refusals[:] = [r for r in decoded.refusals if r.message != i or r.place in (place, -1)]

    def _learn(self, head: str) -> Kind | None:
        """The kind of topics that begin so, None where there is none, or a profile reads them."""
        kind = None if head in self._read_by_profile else kind_at(head, self.registry)
        if kind is not None:
            self._heads[head] = kind
        return kind

    def _without_bad_ids(self, group: Group, topics: list[str], refusals: list[Refusal]) -> Group:
        """A group without messages whose topics end in what is no device id; registered devices are not looked at."""
        known = list(map(self.registry.ids(group.kind.type.id).get, group.devices))
        if all(known):  # ids begin with 1
            return group
        bad = {j for j, i in enumerate(known) if i is None and not valid_id(group.devices[j])}
        if not bad:
            return group
        refusals += [_misrouted(group.messages[j], topics[group.messages[j]], self.registry) for j in sorted(bad)]
        good = [j for j in range(len(group.messages)) if j not in bad]
        return Group(
            group.kind,
            [group.messages[j] for j in good],
            [group.payloads[j] for j in good],
            [group.devices[j] for j in good],
        )

    def _take(self, group: Group, rows: Rows, said_at: NDArray[np.int64], refusals: list[Refusal]) -> None:
        """Decode native messages; what fails as a whole is looked at reading by reading."""
        kind = group.kind
        for j in rows.take(group, b"\n".join(group.payloads)):
            i, device = group.messages[j], group.devices[j]
            for place, found in examine(kind, group.payloads[j]):
                fault = found if isinstance(found, Fault) else judge(kind, found, int(said_at[i]), place)
                named = device if place < 0 or isinstance(found, Fault) else kind.device(found) or device
                if fault is None:
                    rows.add(found, i, place, named)
                else:
                    refusals.append(Refusal(i, place, kind.type.id, named, fault))

    def _part(
        self,
        rows: Rows,
        table: Table,
        received: NDArray[np.int64],
        said_at: NDArray[np.int64],
        refusals: list[Refusal],
    ) -> Part:
        kind = rows.kind
        keep = np.ones(len(rows.message), dtype=np.bool_)
        for j in table.suspect.nonzero()[0].tolist() if has(table.suspect, True) else ():
            i, place = int(rows.message[j]), int(rows.place[j])
            origin = rows.origins.get((i, place))
            fault = judge(kind, rows.readings[j], int(said_at[i]), place if origin is None else -1)
            if fault is not None:
                keep[j] = False
                sensor_type = kind.type.id
                if origin is not None:
                    sensor_type, fault = origin[0].type.id, Fault(fault.reason, origin[1].told(fault.detail))
                refusals.append(Refusal(i, place, sensor_type, rows.devices[j], fault))
        device_ids, is_admitted = self._devices(kind, rows, keep, refusals)
        spread(table, rows)
        return Part(
            sensor_type=kind.type.id,
            message=rows.message,
            place=rows.place,
            names=rows.devices,
            device=device_ids,
            is_admitted=is_admitted,
            time=table.time,
            received_at=received[rows.message],
            timeless=table.timeless,
            columns=table.columns,
            keep=keep,
            dedupe=dedupe_keys(rows),
            mapped=frozenset(rows.origins),
        )

    def _devices(
        self, kind: Kind, rows: Rows, keep: NDArray[np.bool_], refusals: list[Refusal]
    ) -> tuple[NDArray[np.int32], bool]:
        """Ids of the devices, 0 for those still to be admitted, and whether all are in; refuses those that may not."""
        ids = self.registry.ids(kind.type.id)
        with contextlib.suppress(TypeError):  # a None
            return np.fromiter(map(ids.get, rows.devices), np.int32, len(rows.devices)), True
        found = list(map(ids.get, rows.devices))
        device = np.array([i or 0 for i in found], dtype=np.int32)
        closed = kind.type.admission == "closed" and not self.admit_all
        for j in ((device == 0) & keep).nonzero()[0].tolist():
            name, i, place = rows.devices[j], int(rows.message[j]), int(rows.place[j])
            path = "" if place < 0 else f"[{place}]."
            if not valid_id(name):
                told = f"device: {name[:140]!r:.142} is no device id; use 1 to 128 characters without blanks and / + #"
                origin = rows.origins.get((i, place))
                mended = origin and f"{origin[1].told(told)}; name_of(...) makes one of it"
                fault = Fault("bad_text", mended or f"{path}{told}")
            elif closed:
                fault = Fault(
                    "unknown_device", f"{path or 'topic: '}device {name!r} is not registered; register it first"
                )
            else:
                continue
            keep[j] = False
            refusals.append(Refusal(i, place, kind.type.id, name if valid_id(name) else None, fault))
        return device, False

    def _find_copies(self, decoded: Decoded) -> None:
        """Readings without time: ignore retained ones, know copies. Refused ones: know redelivered copies."""
        self._find_told_copies(decoded)
        timeless: dict[int, list[tuple[Part, int]]] = {}
        for part in decoded.parts:
            for j in (part.timeless & part.keep).nonzero()[0].tolist():
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
                place = int(part.place[j])
                key = self.copies.key(message, place)
                named = part.columns["id"][j] is not None and (i, place) not in part.mapped
                if self.copies.seen(key, envelope.received_at) and (envelope.dup or named):
                    part.keep[j] = False
                    decoded.copies.append((i, part.sensor_type, part.names[j]))
                decoded.hashes.append((i, key))

    def _find_told_copies(self, decoded: Decoded) -> None:
        """Readings whose profile says what copies of them share."""
        told = sorted(
            (int(part.message[j]), int(part.place[j]), n, j, key)
            for n, part in enumerate(decoded.parts)
            for j, key in part.dedupe.items()
            if part.keep[j]
        )
        for i, _, n, j, key in told:
            part = decoded.parts[n]
            if self.copies.seen(key, int(decoded.envelopes.received_at[i])):
                part.keep[j] = False
                decoded.copies.append((i, part.sensor_type, part.names[j]))
            decoded.hashes.append((i, key))


def _said_at(envelopes: Envelopes) -> NDArray[np.int64]:
    """When each message was received at first: that counts for what it says; int64[n]."""
    if not envelopes.again:
        return envelopes.received_at
    out = envelopes.received_at.copy()
    for i, (first, _) in envelopes.again.items():
        out[i] = first
    return out
