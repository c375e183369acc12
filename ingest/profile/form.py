"""One form of observation: where its readings are in a document, and what each of them holds. Pure.

A refusal names the place in the document (``flights[0].states[3]``) and the step of the profile.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.errors import SensorTypeError
from ingest.profile.expression import compile_expression
from ingest.profile.functions import MENDED, STEPS, WrongValueError
from ingest.profile.gather import Gather
from ingest.profile.lets import NAMES, compile_lets
from ingest.profile.recall import compile_remember
from ingest.profile.sources import (
    expression_text,
    field_source,
    position_source,
    time_source,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from ingest.decoders import Message
    from ingest.profile.expression import Expression
    from ingest.profile.operators import Sentinels

__all__ = ["FORM_KEYS", "MOST_ROWS", "Form", "Mapped", "Refused", "sourced_fields"]

FORM_KEYS: Final = (
    "each",
    "let_each",
    "remember_each",
    "when",
    "device",
    "time",
    "row_id",
    "status",
    "position",
    "fields",
)
"""What a form may say."""
MOST_ROWS: Final = 10_000
"""Readings of one message, at most."""
_STEPS_OF_MEMORY: Final = 20
_WORST_DEPTH: Final = 6
_STEPS: Final = r"""((?:\.\w+|\[(?:\d+|"[^"\]]*"|'[^'\]]*')\])*)"""
_PLAIN_PATH: Final = re.compile(rf"([A-Za-z_]\w*){_STEPS}")
_LISTED: Final = re.compile(r"list\((.*)\)")
_OF_NO_DOCUMENT: Final = ("topic", "received", "last", "keys")


_NOTHING: Final = compile_expression("None", "")
"""Stands for an expression that is wrong, until all errors are gathered."""


class Refused(NamedTuple):
    """Why a message or one of its readings is refused: a word of the quarantine, and a sentence."""

    reason: str
    detail: str


class Mapped(NamedTuple):
    """One reading as a profile made it.

    Attributes:
        device: Its name.
        time: Microseconds since 1970 UTC, None where the time of receipt counts.
        values: ``id``, ``status``, ``lon``, ``lat``, ``alt_m``, ``height_m`` and fields, those that are there.
        form: The form that made it, which knows where each value came from.
        keys: Of the elements it came from, outermost first.
        dedupe: Text that copies of this reading share, None: copies are known by time and id.
    """

    device: str
    time: int | None
    values: dict[str, Any]
    form: Form
    keys: tuple[Any, ...] = ()
    dedupe: str | None = None

    def told(self, detail: str) -> str:
        """A sentence that begins with the name of a value (``track: 365 is ...``), with its place in the document."""
        name, _, rest = detail.partition(":")
        if name == "payload":
            return f"{self.form.place_of_element(self.keys) or name}:{rest}"
        return f"{self.form.place_of(name, self.keys)}:{rest}"


def sourced_fields(form: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Fields of a form that say where they come from.

    Example:
        >>> sourced_fields({"fields": {"a": {"from": "it.a"}, "b": {"unit": "m"}, "c": "it.c"}}, "fields")
        {'a': {'from': 'it.a'}, 'c': 'it.c'}
    """
    fields = form.get("fields", {})
    if not isinstance(fields, dict):
        raise SensorTypeError(path, "write fields as a mapping, like temp_c: {from: it.temp}")
    return {name: spec for name, spec in fields.items() if not isinstance(spec, dict) or "from" in spec}


class Form:
    """Compiled once. ``rows`` gives the readings and refusals of a document in order.

    Args:
        raw: The form as the profile has it, with what stands above it.
        prefix: Its place in the profile, like ``observations[1].``.
        kinds: Field name -> ``number``, ``boolean``, ``text`` or ``box``.
        names: What expressions may see besides ``it`` and ``msg``.
        zone: Of times that name none.
        dedupe: The profile's ``dedupe.by``.
        lets: Texts of the profile's ``let`` that are expressions, by name.
        inherited: Keys, and ``fields.NAME``, that stand above the form and not in it.
    """

    def __init__(
        self,
        raw: Mapping[str, Any],
        prefix: str,
        kinds: Mapping[str, str],
        names: Sequence[str],
        zone: Any,
        dedupe: Expression | None = None,
        lets: Mapping[str, str] | None = None,
        inherited: Collection[str] = (),
    ) -> None:
        self._lets = lets or {}
        gather = Gather()

        def at(key: str) -> str:
            return key if re.split(r"[.\[]", key)[0] in inherited else prefix + key

        own = raw.get("let_each", {})
        self._own = gather.tried(lambda: compile_lets(own, at("let_each"), [n for n in names if n not in NAMES]), [])
        self._own_texts = {
            n: text for n, text in (own.items() if isinstance(own, dict) else ()) if isinstance(text, str)
        }
        whole, names = names, [*names, *(name for name, _ in self._own)]
        self._remember: Callable[[Any, dict[str, Any], Message], bool] | None = None
        if "remember_each" in raw:
            self._remember = gather.tried(
                lambda: compile_remember(raw["remember_each"], at("remember_each"), names, "each"), None
            )
            for name, text in self._own_texts.items():
                if re.search(r"\blast\.", text):
                    told = "last is not known yet where let_each is read; use it in fields or in when"
                    gather.wrong(at(f"let_each.{name}"), told)

        def compiled(value: Any, key: str, missing: Sentinels | None = None) -> Expression:
            known = whole if key.startswith("each") else names
            return compile_expression(expression_text(value, at(key)), at(key), known, missing)

        def part(value: Any, key: str) -> Expression:
            return gather.tried(lambda: compiled(value, key), _NOTHING)

        each = raw.get("each", [])
        levels = each if isinstance(each, list) else [each]
        if len(levels) > _WORST_DEPTH:
            gather.wrong(at("each"), f"at most {_WORST_DEPTH} levels")
        self._each: list[Expression] = []
        self._gates: list[Expression | None] = []
        for i, level in enumerate(levels):
            path = f"each[{i}]" if isinstance(each, list) else "each"
            spec = level if isinstance(level, dict) else {"in": level}
            for key in spec:
                if key not in ("in", "when"):
                    gather.wrong(at(f"{path}.{key}"), "no such key; a level has in and when")
            self._each.append(part(spec.get("in"), path if spec is not level else f"{path}.in"))
            self._gates.append(part(spec["when"], f"{path}.when") if "when" in spec else None)
        when = raw.get("when")
        self._when = None if when is None else part(when, "when")
        self._device = part(raw.get("device", "topic.device"), "device")
        time = gather.tried(lambda: time_source(raw.get("time"), at("time"), compiled, zone), None)
        self._texts = [
            (name, part(raw[key], key))
            for key, name in (("row_id", "id"), ("status", "status"))
            if raw.get(key) is not None
        ]
        self._position = gather.tried(lambda: position_source(raw.get("position"), at("position"), compiled), None)
        fields: list[tuple[str, Callable[[Any, Mapping[str, Any]], Any], Expression]] = []
        sourced = gather.tried(lambda: sourced_fields(raw, at("fields")), None)
        for name, spec in (sourced or {}).items():
            with gather:
                path = f"fields.{name}" if f"fields.{name}" in inherited else f"{prefix}fields.{name}"
                fields.append(field_source(name, spec, path, kinds, names))
        self._fields = [(name, read) for name, read, _ in fields]
        self._dedupe = dedupe
        self.why = ""  # why the document read last gave no reading
        self.met_nothing = False  # whether a level of the document read last was there and empty, or was kept
        self._cost = 3 + len(fields) + len(self._own)
        if sourced == {} and raw.get("position") is None:
            gather.wrong(f"{prefix}fields", "no field says where it comes from; write like temp_c: {from: it.temp}")
        gather.end()
        assert time is not None
        self._time, time_text = time
        self._sources = {name: source.text for name, _, source in fields}
        self._sources |= {key: expression.text for key, expression in self._texts}
        self._sources["device"] = self._device.text
        if time_text is not None:
            self._sources["time"] = time_text.text
        position = raw.get("position") or {}
        self._sources |= {k: str(position[k]) for k in ("lon", "lat", "alt_m", "height_m") if k in position}

    def rows(self, msg: Any, scope: dict[str, Any], message: Message) -> Iterator[Mapped | Refused]:
        """The readings of a document; what its elements remember is kept in the memory of the message."""
        self.met_nothing, self.why = False, ""
        try:
            elements = list(islice(self._elements(msg, scope, 0), MOST_ROWS + 1))  # levels may multiply
        except WrongValueError as e:
            yield Refused(e.reason, str(e))
            return
        if len(elements) > MOST_ROWS:
            yield Refused("too_large", f"{self._each[-1].path}: more than {MOST_ROWS} elements in one message")
            return
        for it, around in elements:
            names, keys = around, around["keys"]
            try:
                STEPS.spend(self._cost)
                if self._own:
                    names = dict(names)
                    for name, make in self._own:
                        names[name] = make(it, names)
                if self._remember is not None:
                    names = self._recalled(it, names, message)
                if self._when is None or self._when(it, names):
                    yield self._one(it, names, keys)
                else:
                    self.why = f"{self._when.path}: {self._when.text.strip()[:80]} fails"
            except WrongValueError as e:
                yield Refused(e.reason, self._placed(str(e), keys))
            except MENDED:  # a number of thousands of digits cannot even be printed
                yield Refused("wrong_type", self._placed("payload: a value is beyond what can be computed with", keys))

    def _recalled(self, it: Any, scope: Mapping[str, Any], message: Message) -> dict[str, Any]:
        """The names with ``last`` of this element; what it says itself is kept for later ones."""
        assert self._remember is not None
        STEPS.spend(_STEPS_OF_MEMORY)
        names = dict(scope)
        self.met_nothing = self._remember(it, names, message) or self.met_nothing
        names["last"] = {**(scope["last"] or {}), **names["last"]}
        return names

    def _elements(self, it: Any, scope: dict[str, Any], depth: int) -> Iterator[tuple[Any, dict[str, Any]]]:
        if depth == len(self._each):
            yield it, scope
            return
        level, gate = self._each[depth], self._gates[depth]
        inner = level(it, scope)
        if isinstance(inner, dict):
            pairs: Iterator[tuple[Any, Any]] = iter(inner.items())
        elif isinstance(inner, (list, tuple)):
            pairs = iter(enumerate(inner))
        elif inner is None:
            self.why = f"{level.path}: {level.text.strip()[:80]} is missing"
            return
        else:
            raise WrongValueError(f"{level.path}: {inner!r:.60} is neither a list nor an object")
        STEPS.spend(len(inner))
        if not inner:
            self.met_nothing = True
        keys, up = scope["keys"], (it, *scope["up"])
        for key, element in pairs:
            here = {**scope, "key": key, "parent": it, "keys": (*keys, key), "up": up}
            if gate is None or gate(element, here):
                yield from self._elements(element, here, depth + 1)
            else:
                self.why = f"{gate.path}: {gate.text.strip()[:80]} fails"

    def _one(self, it: Any, scope: Mapping[str, Any], keys: tuple[Any, ...]) -> Mapped | Refused:
        device = self._device(it, scope)
        if device is None or device == "":
            text = self._device.text.strip()[:80]
            hint = f"; a fixed text is written '\"{text}\"'" if text.isidentifier() else ""
            return Refused("missing", self._placed(f"{self._device.path}: {text} names no device{hint}", keys))
        values: dict[str, Any] = {}
        for key, expression in self._texts:
            if (value := expression(it, scope)) is not None:
                values[key] = word(value, expression.path)
        if self._position is not None:
            self._position(it, scope, values)
        for name, read in self._fields:
            if (value := read(it, scope)) is not None:
                values[name] = value
        dedupe = None
        if self._dedupe is not None and (told := self._dedupe(it, scope)) is not None:
            dedupe = word(told, self._dedupe.path)
        return Mapped(word(device, self._device.path), self._time(it, scope), values, self, keys, dedupe)

    def _placed(self, sentence: str, keys: tuple[Any, ...]) -> str:
        where = self._place(keys)
        return f"{where}: {sentence}" if where else sentence

    def _place(self, keys: tuple[Any, ...]) -> str:
        """The place of an element in the document, like ``flights[0].states[3]``."""
        if not keys or not self._each:
            return ""
        text = self._each[min(len(keys), len(self._each)) - 1].text.strip()
        listed = _LISTED.fullmatch(text)
        place = self._reached(listed[1] if listed else text, keys[:-1])
        if place is None:
            place = _joined(self._place(keys[:-1]), f".{text}")
        key = keys[-1]
        return (f"{place}[{key}]" if isinstance(key, int) else _joined(place, f".{key}"))[:400]

    def _reached(self, text: str, keys: tuple[Any, ...]) -> str | None:
        """Where a plain path leads to from the element with these keys; None: it is no plain path."""
        found = _PLAIN_PATH.fullmatch(text)
        for _ in range(_WORST_DEPTH):  # one name of let may stand for another
            if found is not None and (own := self._own_texts.get(found[1])) is not None:
                inner = _PLAIN_PATH.fullmatch(own.strip())
                if inner is None:
                    return None
                found = _PLAIN_PATH.fullmatch(inner[0] + found[2])
                continue
            if found is None or found[1] not in self._lets:
                break
            inner = _PLAIN_PATH.fullmatch(self._lets[found[1]].strip())
            if inner is None:
                return found[0]
            root = (
                inner[0]
                if inner[1] in (*self._lets, "msg")
                else "msg" + (inner[0].removeprefix("it") if inner[1] == "it" else f".{inner[0]}")
            )
            found = _PLAIN_PATH.fullmatch(root + found[2])
        if found is None:
            return None
        root, rest = found[1], found[2]
        if root in _OF_NO_DOCUMENT:
            return found[0]
        if root == "up":
            back = re.match(r"\[(\d+)\]", rest)
            return _joined(self._place(keys[: -1 - int(back[1])]), rest[back.end() :]) if back else found[0]
        if root == "parent":
            return _joined(self._place(keys[:-1]), rest)
        if root in ("it", "key"):
            return _joined(self._place(keys), rest)
        return _joined("", rest) if root == "msg" else _joined(self._place(keys), f".{found[0]}")

    def place_of_element(self, keys: tuple[Any, ...]) -> str:
        """The place of an element in the document; empty for the whole of it."""
        return self._place(keys)

    def place_of(self, name: str, keys: tuple[Any, ...]) -> str:
        """The place of a value in the document, as far as the profile reads it by a plain path."""
        place = self._reached(self._sources.get(name, name).strip(), keys)
        return _joined(self._place(keys), f".{name}") if place is None else place or name


def _joined(place: str, rest: str) -> str:
    return f"{place}{rest}" if place else rest.removeprefix(".")
