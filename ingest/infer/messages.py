"""From messages of a device to a first profile: fields with kinds and units, time, device, place, lists, and doubts. Pure.

It reads any of JSON (strict, lenient, by lines), XML, pairs and CSV, finds lists of objects, keys that name like things
(``em:0``, ``em:1``) and lists of names with values, and writes a document that compiles and makes rows of the same
messages. What it had to guess stands as a doubt in a comment: a person reads them before the profile is registered.

| found | by |
|---|---|
| device | a part of the topic that changes, or a key like ``devEui``, ``sn``, ``mac``; a topic that was seen once is a doubt |
| time | a key like ``ts``, ``time``, ``event_time`` whose values are times; without a zone it is read as UTC, a doubt |
| place | keys like ``lat`` and ``lon`` side by side, or GeoJSON; never that of a gateway |
| unit | a unit beside the value or behind the number, the end of the name (``_kwh``), else the name (a doubt) |
"""  # noqa: E501 - a table

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from brain.printable import printable
from ingest.decoders import Message
from ingest.decoders.ngsi import entities_of, is_entity
from ingest.infer.draft import Draft, DraftField, DraftForm, identifier, path_text
from ingest.infer.fields import Fields, is_number, pair_keys, path_of
from ingest.infer.roles import device_of, position_of, time_of, topic_of
from ingest.infer.shape import Leaf, Shape, is_meta, leaves, shape_of
from ingest.ngsi import document_from_entities
from ingest.profile.functions import WrongValueError
from ingest.profile.mapping import Refused, compile_mapping
from ingest.profile.native import kinds_of, sensor_type_from
from ingest.profile.stages import compile_input

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["infer"]

_INPUTS: Final[tuple[Any, ...]] = (
    "json",
    "lenient_json",
    "json_lines",
    "xml",
    "line_protocol",
    "csv",
)
_PAIRS: Final[tuple[Any, ...]] = (
    "form",
    {"format": "key_value", "pairs": ";"},
    {"format": "key_value", "pairs": ","},
    {"format": "key_value", "pairs": "|"},
    {"format": "key_value", "pairs": " "},
    {"format": "key_value"},
    {"format": "key_value", "pairs": ";", "equals": ":"},
    {"format": "key_value", "pairs": ",", "equals": ":"},
    {"format": "key_value", "equals": ":"},
)
"""Of these the one that finds the most pairs; the first of equals."""
_DATE_ALONE: Final = 10  # characters
_MOST_FIELDS: Final = 150
_MOST_LEVELS: Final = 4
_DAY: Final = 86_400_000_000
_EAST: Final = _DAY // 3  # Beijing is eight hours ahead
_FUTURE: Final = 300_000_000
_PAST_DAYS: Final = 7


def infer(
    payloads: Sequence[tuple[str, bytes]], sensor_type_id: str | None = None, now: int | None = None
) -> tuple[str, list[str]]:
    """The YAML document of a sensor type for messages like these, and its doubts.

    Args:
        payloads: Topics and bytes; topics may be empty.
        sensor_type_id: Id to give it; default what the topics let guess.
        now: Microseconds; where it is given, the window of times is wide enough for these messages.

    Raises:
        SensorTypeError: There is no message, or none of the inputs reads them.

    Example:
        >>> text, doubts = infer([("plant/pump-7/data", b'{"ts": 1782914400, "flow_m3h": 3.2, "ok": true}')])
        >>> print(text[text.index("topics"):])
        topics: ["plant/{device}/data"]
        time: {from: "msg.ts", as: unix_s}
        fields:
          flow_m3h: {unit: "m3/h", from: "msg.flow_m3h", label: {zh: "flow_m3h", en: "flow_m3h"}}
          ok: {kind: boolean, from: "msg.ok", label: {zh: "ok", en: "ok"}}
        <BLANKLINE>
    """
    if not payloads:
        raise SensorTypeError("", "no message to learn from; give at least one")
    how, documents = _documents([payload for _, payload in payloads])
    flat = [d for per_message in documents for d in per_message]
    try:
        entities = [e for d in flat for e in entities_of(d)]
        if len({e["type"] for e in entities}) == 1 and all(map(is_entity, entities)):
            seen = topic_of([t for t, _ in payloads if t and not t.startswith("ngsi/")], wanted=False).filter
            return document_from_entities(entities, [seen] if seen else [], sensor_type_id)
    except (WrongValueError, SensorTypeError):
        pass
    text, doubts = _Guess(payloads, how, flat, sensor_type_id).document()
    return _tried(text, doubts, payloads, now)


def _documents(payloads: Sequence[bytes]) -> tuple[Any, list[list[Any]]]:
    """The first of the inputs that read most payloads, and what it reads."""
    best: tuple[Any, list[list[Any]]] | None = None
    for how in _INPUTS:
        read = compile_input(how, "input")
        found = [d for payload in payloads if (d := _read(read, payload))]
        if how == "line_protocol" and any("=" in point["measurement"] for points in found for point in points):
            continue  # x=1 y=2 are pairs
        if len(found) > (len(best[1]) if best else 0):
            best = how, found
        if len(found) == len(payloads):
            break
    if best is None or len(best[1]) < len(payloads):
        reads = ((how, compile_input(how, "input")) for how in _PAIRS)
        paired = [(how, [d for payload in payloads if (d := _read(read, payload))]) for how, read in reads]
        most = max(paired, key=lambda one: (len(one[1]), sum(len(d) for found in one[1] for d in found)))
        if len(most[1]) > (len(best[1]) if best else 0):
            best = most
    if best is not None:
        return best
    raise SensorTypeError(
        "", "none of JSON, XML, CSV and pairs reads all of these; bytes need a table, see input: bytes"
    )


def _read(read: Any, payload: bytes) -> list[Any]:
    """The objects and lists that an input makes of a payload; none where it cannot."""
    try:
        found = read(Message(payload, {}, 0))
    except WrongValueError:
        return []
    return found if all(isinstance(d, (dict, list)) and d for d in found) else []


def _tried(
    text: str, doubts: list[str], payloads: Sequence[tuple[str, bytes]], now: int | None
) -> tuple[str, list[str]]:
    """The document with what it makes of its own messages in the first line, and a window that takes their times."""
    rows, refused, times = _made(text, payloads)
    more: list[str] = []
    if times and now is not None:
        ahead = max(times) - now
        if "\nzone: UTC\n" in text and _FUTURE < ahead <= _EAST + _FUTURE:
            text = text.replace("\nzone: UTC\n", "\nzone: Asia/Shanghai\n", 1)
            more.append("read as UTC the times would lie ahead of now, so zone is taken to be Asia/Shanghai")
            ahead -= _EAST
        days = max(0, now - min(times)) // _DAY + 1
        if days > _PAST_DAYS or ahead > _FUTURE:
            window = (
                f"{{past: {max(days, _PAST_DAYS)}d, future: {max(0, ahead) // _DAY + 1 if ahead > _FUTURE else 0}d}}"
            )
            window = window.replace("future: 0d", "future: 5min")
            text = text.replace("\nfields:\n", f"\naccept: {window}\nfields:\n", 1)
            more.append("the times of the messages are far from now, so accept is wide; leave it out for live devices")
    more += [printable(f"refused: {detail[:200]}") for detail in dict.fromkeys(refused)]
    head = f"# Written by `sensor-type infer` from {len(payloads)} messages, which make {rows} rows. Read the doubts.\n"
    return head + "".join(f"# DOUBT: {' '.join(d.split())}\n" for d in more) + text, [*more, *doubts]


def _made(text: str, payloads: Sequence[tuple[str, bytes]]) -> tuple[int, list[str], list[int]]:
    """How many rows a document makes of messages, what it refuses, and the times of the rows."""
    made = sensor_type_from(text)
    read = compile_mapping(json.loads(made.profile or "{}"), kinds_of(made.fields))
    rows, refused, times = 0, list[str](), list[int]()
    for topic, payload in payloads:
        captures = dict.fromkeys(re.findall(r"\{(\w+)\*?\}", " ".join(made.topics)), "x") | {"topic": topic}
        for one in read(Message(payload, captures, 0)) or ():
            if isinstance(one, Refused):
                refused.append(one.detail)
            else:
                rows += 1
                times += [] if one.time is None else [one.time]
    return rows, refused, times


class _Guess:
    """Makes the document of one kind of message."""

    def __init__(self, payloads: Sequence[tuple[str, bytes]], how: Any, documents: list[Any], name: str | None) -> None:
        self.root = shape_of(documents)
        self.levels: list[Any] = []  # of each
        self.steps: list[Shape] = []  # elements of each level
        self.skips: list[list[tuple[str, ...]]] = [[]]  # what the root and each level leave to deeper ones
        self.doubts: list[str] = []
        self.fields = Fields()
        self.used: set[int] = set()
        self.topics = [topic for topic, _ in payloads if topic]
        self.how = how
        self.name = name
        self.draft = Draft(said={})

    def document(self) -> tuple[str, list[str]]:
        """The text and its doubts."""
        self._levels()
        scopes = [list(leaves(self.root, skip=self.skips[0]))]
        for i, step in enumerate(self.steps):
            scopes.append(list(leaves(step, skip=self.skips[i + 1], root=self._prefix(i))))
        for i, shape in enumerate([self.root, *self.steps]):
            self._passed_over(shape, (), set(self.skips[i]))
        own = self._said(scopes[:1], [("msg", self.root)])
        doubts, self.doubts = self.doubts, []
        outer = [x for x in scopes[0] if id(x.shape) not in self.used]
        pairs = self.fields.pairs(self.root, "msg")
        counted = pairs or any(is_number(v) for x in outer for v in x.shape.there)
        forms: list[tuple[dict[str, Any], list[DraftField]]] = []
        if not self.steps or counted:
            self.doubts = doubts
            forms.append((own, [*pairs, *self.fields.all_of(outer)]))
        if self.steps:
            shapes = [(self._prefix(i), step) for i, step in reversed(list(enumerate(self.steps)))]
            said = self._said([*reversed(scopes[1:]), scopes[0]], [*shapes, ("msg", self.root)])
            inner = [x for scope in reversed(scopes[1:]) for x in scope if id(x.shape) not in self.used]
            listed = inner if counted else [*inner, *(x for x in outer if id(x.shape) not in self.used)]
            fields = [*self.fields.pairs(self.steps[-1], "it"), *self.fields.all_of(listed)]
            forms.append(
                (
                    {"each": self.levels if len(self.levels) > 1 else self.levels[0], **said, **self._row_id(said)},
                    fields,
                )
            )
        self._write([(said, fields) for said, fields in forms if fields] or [(own, [])])
        return self.draft.text(), self.draft.doubts

    def _prefix(self, level: int) -> str:
        """How an expression of the innermost element reaches the element of a level."""
        back = len(self.steps) - 1 - level
        return "it" if back == 0 else "parent" if back == 1 else f"up[{back - 1}]"

    # -- lists of objects, and objects whose keys name like things

    def _levels(self) -> None:
        shape, where = self.root, "msg"
        if self.root.is_records and not self.root.objects and self.root.items is not None:
            self._level("msg", self.root.items, [])
            shape, where = self.root.items, "it"
        while len(self.levels) < _MOST_LEVELS:
            found = max(self._candidates(shape, ()), key=lambda c: c[2].count(), default=None)
            if found is None or found[2].count() == 0:
                break
            path, gate, inner = found
            text = path_text(where, list(path))
            place = shape
            for key in path:
                place = place.keys[key]
            left = [(*path, key) for key, s in place.keys.items() if s.objects] if gate else [path]
            self._level({"in": text, "when": gate} if gate else text, inner, left)
            shape, where = inner, "it"

    def _level(self, said: Any, inner: Shape, left: list[tuple[str, ...]]) -> None:
        self.levels.append(said)
        self.steps.append(inner)
        self.skips[-1] = left
        self.skips.append([])

    def _candidates(self, shape: Shape, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str | None, Shape]]:
        """Path, condition and elements of what could be a level."""
        out: list[tuple[tuple[str, ...], str | None, Shape]] = []
        moving = shape.moving()
        if moving is not None:
            out.append((path, 'kind(it) == "object"', moving))
            return out
        for key, inner in shape.keys.items():
            if is_meta(key):
                continue
            if inner.is_records and inner.items is not None:
                if pair_keys(inner) is None:
                    out.append(((*path, key), None, inner.items))
            elif inner.objects:
                out += self._candidates(inner, (*path, key))
        return out

    def _passed_over(self, shape: Shape, path: tuple[str, ...], taken: set[tuple[str, ...]]) -> None:
        """Note the lists of objects, and what is about the transport, that make neither rows nor fields."""
        for key, inner in shape.keys.items():
            here = (*path, key)
            if here in taken:
                continue
            if is_meta(key):
                self.fields.left.append(".".join(here))
            elif inner.is_records and pair_keys(inner) is None:
                self.fields.left.append(f"{'.'.join(here)} (a list; make rows of it with observations and each)")
            elif inner.objects:
                self._passed_over(inner, here, taken)

    # -- what tells device, time, place

    def _said(self, scopes: Sequence[Sequence[Leaf]], shapes: Sequence[tuple[str, Shape]]) -> dict[str, Any]:
        """Device, time and place of a form, from the innermost scope outwards."""
        out: dict[str, Any] = {}
        counts = [shape.objects for _, shape in shapes]
        found_in = list(zip(scopes, counts, strict=True))
        strong = next((x for scope, n in found_in if (x := device_of(scope, n, weak=False))), None)
        values = [str(v) for v in strong.shape.there] if strong else []
        guess = topic_of(self.topics, values)
        device = strong
        if strong is not None and guess.sure and set(values) <= {p for t in self.topics for p in t.split("/")}:
            device = None  # the topic says the same
            self.used.add(id(strong.shape))
        if strong is None and not guess.sure:
            device = next((x for scope, n in found_in if (x := device_of(scope, n, weak=True))), None)
            if device is not None and guess.filter is None:
                self._doubt(f"device is taken from {device.path[-1]}; is that the name of the device?")
            elif guess.filter is not None:
                device = None
                self._doubt(f"one topic was seen, so which level is the device is a guess: {guess.filter}")
        if device is not None:
            text = path_of(device)
            clean = not any(re.search(r"[\s/+#]", str(v)) for v in device.shape.there)
            out["device"] = text if clean else f"name_of({text})"
            self.used.add(id(device.shape))
        found = next((t for scope, n in found_in if (t := time_of(scope, n))), None)
        if found is None:
            out["time"] = None
            self._doubt("no time was found, so that of receipt counts")
        else:
            leaf, form, bare = found
            out["time"] = {"from": path_of(leaf), "as": form}
            self.used.add(id(leaf.shape))
            if form == "iso" and all(isinstance(v, str) and len(v) <= _DATE_ALONE for v in leaf.shape.there):
                self._doubt(
                    f"{leaf.path[-1]} is a date without a clock; join the clock to it: f'{{it.date}} {{it.time}}'"
                )
            if bare:
                self._doubt(
                    f"{leaf.path[-1]} has no zone and is read as UTC; make zone that of the device, like Asia/Shanghai"
                )
        for root, shape in shapes:
            place = position_of(shape)
            if place is not None:
                out["position"] = self._place(place, root, shape)
                break
        return out

    def _place(self, place: dict[str, Any], root: str, shape: Shape) -> dict[str, str]:
        if "point" in place:
            inner = shape
            for key in place["point"]:
                inner = inner.keys[key]
            self.used |= {id(s) for s in inner.keys.values()}
            return {"point": path_text(root, place["point"])}
        out = {}
        for key in ("lon", "lat", "alt_m"):
            if key in place:
                text = path_text(root, place[key])
                out[key] = f"{text} / 10000000" if place["divide"] > 1 and key != "alt_m" else text
                inner = shape
                for part in place[key]:
                    inner = inner.keys[part]
                self.used.add(id(inner))
        return out

    def _row_id(self, said: dict[str, Any]) -> dict[str, Any]:
        """What tells elements apart: their own times, else their keys."""
        time = said.get("time")
        if time is not None and time["from"].startswith("it"):
            return {"row_id": None}
        if len(self.levels) == 1:
            return {"row_id": "key"}
        return {"row_id": 'f"' + "/".join(f"{{keys[{i}]}}" for i in range(len(self.levels))) + '"'}

    # -- the whole

    def _doubt(self, sentence: str) -> None:
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def _write(self, forms: list[tuple[dict[str, Any], list[DraftField]]]) -> None:
        values = sorted({str(v) for v in self._device_values()})
        guess = topic_of(self.topics, values, wanted=any("device" not in said for said, _ in forms))
        levels = (self.topics[0] if self.topics else "").split("/")
        fixed = levels[1] if levels[0] == "city" and len(levels) > 2 else None
        name = identifier(self.name or fixed or guess.words or levels[0] or "device")
        said = self.draft.said
        said |= {"id": name, "version": 1, "family": "meter", "name": {"zh": name, "en": name}}
        said["topics"] = [f"city/{name}/{{device}}" if fixed or guess.filter is None else guess.filter]
        if self.how != "json":
            said["input"] = self.how
        if any("no zone" in d for d in self.doubts):
            said["zone"] = "UTC"
        if len(forms) == 1:
            said |= forms[0][0]
        for form, fields in forms:
            sources: dict[str, Any] = {}
            for field in fields[: _MOST_FIELDS - len(self.draft.fields)]:
                field.name = self.draft.name_for(field.name, "_".join(field.label.split(".")[-2:]))
                if field.doubt:
                    self.doubts.append(f"{field.name}: {field.doubt.removeprefix('DOUBT: ')}")
                self.draft.fields.append(field)
                if len(forms) > 1:
                    sources[field.name] = field.take_source()
            if len(forms) > 1:
                self.draft.forms.append(DraftForm(form, sources))
        if not self.draft.fields:
            self.draft.fields.append(
                DraftField("message", source="json_text(msg)[:1024]", kind="text", label="message")
            )
            self.doubts.append("nothing in it looks like a value, so the message is kept as JSON")
        if len(self.draft.fields) == _MOST_FIELDS:
            self.doubts.append(f"{_MOST_FIELDS} fields are taken, there are more; make several sensor types of it")
        if self.fields.unnamed:
            told = ", ".join(dict.fromkeys(self.fields.unnamed))[:300]
            self.doubts.append(f"these keys are not understood, give their fields names: {told}")
        if self.fields.left:
            self.doubts.append(f"left out: {', '.join(dict.fromkeys(self.fields.left))[:300]}")
        self.draft.doubts = [printable(doubt) for doubt in self.doubts]

    def _device_values(self) -> list[Any]:
        found = device_of(list(leaves(self.root)), self.root.objects, weak=False)
        return found.shape.there if found else []
