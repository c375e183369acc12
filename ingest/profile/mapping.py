"""From the documents of a message to readings: the heart of a profile, compiled once into closures. Pure.

```yaml
let: {data: msg.uplink.data}          # names for the whole message; {of: base64(msg.data), frame: [...]} reads bytes
ignore: msg.kind == "join"            # such messages are counted, not stored
each: data.values                     # a reading per element of a list or object; several levels as a list
let_each: {v: it.raw.value}           # names for each element; may hold byte tables and tables as let may
when: it.valid                        # readings that do not hold it are left out
device: msg.dev_eui                   # default: the capture {device} of the topic
time: {from: it.ts, as: unix_s}       # default: the time of receipt
row_id: key                           # tells readings of one device and time apart
position: {lon: it.x, lat: it.y, datum: gcj02}
fields:
  temp_c: {from: it.t, scale: 0.1, missing: [9999]}
observations:                         # instead of one form several; each may say anew whatever stands above
  - {when: it.type == 1, fields: {temp_c: it.v}}
choose: first                         # of the forms that fit only the first      (default all)
```

Inside ``each``, ``it`` is the element, ``key`` its key or place in the list, ``parent`` the element round it, ``msg``
the whole message; ``keys`` are the keys from the outermost level on, ``up`` the elements round it, nearest first;
``topic`` holds the captures and ``received`` the microseconds of receipt.

What goes from one message to the next (kept with the rows of the message, so a crash loses neither alone):

```yaml
merge: {by: topic.sn, for: 10min}                     # a message is laid over those before it, key by key
remember: {by: it.mac, for: 1h, values: {uas: it.uas_id}}   # last.uas: the value of an earlier message, or of this one
remember_each: {by: it.id, values: {count: it.count}}       # the same for each element of a list
dedupe: {by: f"{it.dev}/{it.seq}"}                    # copies within 10 minutes count as duplicates
```
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from ingest.profile import hints
from ingest.profile.clock import is_zone, zone_of
from ingest.profile.expression import Expression, compile_expression
from ingest.profile.form import FORM_KEYS, MOST_ROWS, Form, Mapped, Refused, sourced_fields
from ingest.profile.functions import MOST_STEPS, STEPS, WrongValueError
from ingest.profile.gather import Gather
from ingest.profile.lets import NAMES, compile_lets
from ingest.profile.recall import compile_merge, compile_remember
from ingest.profile.sources import expression_text
from ingest.profile.stages import ONE_DOCUMENT, compile_input

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ingest.decoders import Message

__all__ = ["Mapped", "Refused", "compile_mapping"]

_LONGEST_WHY: Final = 400
KEYS: Final = frozenset(
    {"input", "zone", "let", "ignore", "observations", "choose", "merge", "remember", "dedupe", *FORM_KEYS}
)
"""What a profile says about its messages; the rest declares the sensor type."""


def compile_mapping(
    document: Mapping[str, Any], kinds: Mapping[str, str]
) -> Callable[..., list[Mapped | Refused] | None]:
    """A function from a message to its readings.

    Args:
        document: The parsed profile.
        kinds: Field name -> ``number``, ``boolean``, ``text`` or ``box``.

    Returns:
        The function of a message. It gives readings and refusals in order, or None for a message that the profile
        ignores; it never raises. With ``wrap`` as a second argument it reads what that makes of each document (a dry
        run sees so what was looked at).

    Raises:
        SensorTypeError: Something in the profile is wrong; names the path and says how to mend it.

    Example:
        >>> from ingest.decoders import Message
        >>> profile = {"each": "values", "row_id": "key", "fields": {"temp_c": {"from": "it.t", "scale": 0.1}}}
        >>> read = compile_mapping(profile, {"temp_c": "number"})
        >>> got = read(Message(b'{"values": {"a": {"t": 215}, "b": {"t": "?"}}}', {"device": "D1"}, 0))
        >>> got[0].device, got[0].values
        ('D1', {'id': 'a', 'temp_c': 21.5})
        >>> got[1].detail[:20]
        'values.b: fields.tem'
    """
    gather = Gather()

    def part(key: str, made: Callable[[Any], Any]) -> Any:
        """What a key of the profile compiles to; None where it is not there, or wrong."""
        return gather.tried(lambda: made(document[key]), None) if key in document else None

    reads = gather.tried(lambda: compile_input(document.get("input", "json"), "input"), None)
    lets = gather.tried(lambda: compile_lets(document.get("let", {}), "let"), [])
    names = [*NAMES, *(name for name, _ in lets)]
    zone = part("zone", lambda raw: _zone(raw, names))
    ignore = part("ignore", lambda raw: compile_expression(expression_text(raw, "ignore"), "ignore", names))
    merge = part("merge", lambda raw: compile_merge(raw, "merge", NAMES))
    told = document.get("let")
    for name, text in told.items() if "remember" in document and isinstance(told, dict) else ():
        if isinstance(text, str) and re.search(r"\blast\.", text):
            gather.wrong(f"let.{name}", "last is not known yet where let is read; use it in fields or in when")
    remember = part("remember", lambda raw: compile_remember(raw, "remember", names))
    choose = document.get("choose", "all")
    if choose not in ("all", "first"):
        gather.wrong("choose", f"{choose!r:.60} is neither all nor first")
    forms = gather.tried(lambda: _forms(document, kinds, names, zone), [])
    gather.end()
    assert reads is not None
    spec = document.get("input", "json")
    several = (spec if isinstance(spec, str) else spec["format"]) not in ONE_DOCUMENT

    def run(message: Message, wrap: Callable[[Any], Any] | None = None) -> list[Mapped | Refused] | None:
        STEPS.begin()
        try:
            return readings(message, wrap)
        finally:
            STEPS.begin()

    def readings(message: Message, wrap: Callable[[Any], Any] | None) -> list[Mapped | Refused] | None:
        out: list[Mapped | Refused] = []
        ignored = 0
        try:
            documents = reads(message)
        except WrongValueError as e:
            return [Refused(e.reason, str(e))]
        if not documents:
            return None
        for place, one in enumerate(documents):
            if isinstance(one, WrongValueError):  # of several frames one is bad
                out.append(Refused(one.reason, str(one)))
                continue
            msg = one if wrap is None else wrap(one)
            scope: dict[str, Any] = {
                "msg": msg,
                "topic": message.captures,
                "received": message.received,
                "key": place if several else None,
                "keys": (),
                "parent": None,
                "up": (),
                "last": None,
            }
            try:
                if merge is not None:
                    scope["msg"] = msg = merge(msg, scope, message)
                for name, expression in lets:
                    scope[name] = expression(msg, scope)
                if remember is not None:
                    remember(msg, scope, message)
                if ignore is not None and ignore(msg, scope):
                    ignored += 1
                    continue
            except WrongValueError as e:
                out.append(Refused(e.reason, str(e)))
                continue
            empty = False
            for form in forms:
                made = list(form.rows(msg, scope, message))
                out += made
                empty = empty or form.met_nothing
                if made and choose == "first":
                    break
            ignored += empty and not out  # a list without elements is right, and holds nothing
            if STEPS.left < 0:
                return [Refused("too_large", f"payload: needs more than {MOST_STEPS} steps; make the message smaller")]
            if len(out) > MOST_ROWS:
                return [Refused("too_large", f"payload: more than {MOST_ROWS} readings in one message")]
        if not out and ignored:
            return None
        if out:
            return out
        why = "; ".join(form.why for form in forms if form.why)[:_LONGEST_WHY]
        return [Refused("no_match", f"payload: no observation of the profile fits this message{why and ': '}{why}")]

    return run


def _zone(raw: Any, names: list[str]) -> Any:
    """A time zone, or the expression that gives the name or the offset of one."""
    text = expression_text(raw, "zone")
    if isinstance(raw, str) and not is_zone(text) and (text in names or re.search(r"[.(\['\"]", text)):
        return compile_expression(text, "zone", names)
    return zone_of(text, "zone")


def _forms(document: Mapping[str, Any], kinds: Mapping[str, str], names: list[str], zone: Any) -> list[Form]:
    """The forms of observation that a profile has: one, or those of ``observations``."""
    gather = Gather()
    dedupe = gather.tried(lambda: _dedupe(document["dedupe"], names), None) if "dedupe" in document else None
    told = document.get("let")
    lets = {name: text for name, text in told.items() if isinstance(text, str)} if isinstance(told, dict) else {}
    shared = {k: document[k] for k in FORM_KEYS if k in document}
    listed = document.get("observations")
    if listed is None:
        only = gather.tried(lambda: [Form(shared, "", kinds, names, zone, dedupe, lets)], [])
        gather.end()
        return only
    if not isinstance(listed, list) or not listed or not all(isinstance(o, dict) for o in listed):
        raise SensorTypeError("observations", "write a list of forms, like [{when: it.type == 1, fields: {...}}]")
    forms: list[Form] = []
    for i, own in enumerate(listed):
        for key in own:
            if key not in FORM_KEYS:
                gather.wrong(f"observations[{i}].{key}", f"no such key here; {hints.of_key(str(key), FORM_KEYS)}")
        with gather:
            above = sourced_fields(shared, "fields")
            fields = {**above, **sourced_fields(own, f"observations[{i}].fields")}
            said = {**shared, **own, "fields": fields}
            if isinstance(shared.get("let_each"), dict) and isinstance(own.get("let_each"), dict):
                said["let_each"] = {**shared["let_each"], **own["let_each"]}
            inherited = {k for k in shared if k not in own}
            inherited |= {f"fields.{n}" for n in above if n not in own.get("fields", {})}
            forms.append(Form(said, f"observations[{i}].", kinds, names, zone, dedupe, lets, inherited))
    gather.end()
    return forms


def _dedupe(raw: Any, names: list[str]) -> Expression:
    spec = raw if isinstance(raw, dict) else {"by": raw}
    for key in spec:
        if key != "by":
            raise SensorTypeError(f"dedupe.{key}", "no such key; write dedupe: {by: it.message_id}")
    return compile_expression(expression_text(spec.get("by"), "dedupe.by"), "dedupe.by", names)
