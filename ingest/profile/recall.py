"""What a profile keeps from one message to the next: merged documents and remembered values. Pure; memory is passed in.

Kept values carry the time of receipt at which they were last said; what is older than ``for`` is as if it had never
been said. The memory is committed together with the rows of the message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brain.errors import SensorTypeError
from ingest.profile.expression import compile_expression
from ingest.profile.functions import WrongValueError
from ingest.profile.sources import expression_text, word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.decoders import Message

__all__ = ["compile_merge", "compile_remember"]

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|h|d)")
_UNITS: Final = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_LONGEST_KEY: Final = 200
_LARGEST: Final = 65_536
_DEEPEST: Final = 16


def _spec(raw: Any, path: str, allowed: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(raw, dict) or "by" not in raw:
        raise SensorTypeError(path, f"write a mapping with by, like {path}: {{by: topic.device, for: 10min}}")
    for key in raw:
        if key not in allowed:
            raise SensorTypeError(f"{path}.{key}", f"no such key; there are {', '.join(allowed)}")
    return raw


def _span(raw: Any, path: str) -> int:
    """Microseconds of a duration."""
    found = _DURATION.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise SensorTypeError(path, f"{raw!r:.60} is no duration; write a number and ms, s, min, h or d, like 10min")
    return int(float(found[1]) * _UNITS[found[2]])


def _key_of(kind: str, value: Any, path: str) -> str | None:
    if value is None or value == "":
        return None
    text = word(value, path)
    if len(text) > _LONGEST_KEY:
        raise WrongValueError(f"{path}: {text[:60]!r:.62} is longer than {_LONGEST_KEY} characters", "bad_text")
    return f"{kind}/{text}"


def _plain(value: Any) -> Any:
    """The value as it can be kept.

    Raises:
        WrongValueError: It is larger than 64 KiB, or holds what cannot be kept.
    """
    try:
        packed = msgspec.msgpack.encode(value)
    except (OverflowError, TypeError, ValueError, RecursionError):
        raise WrongValueError(
            "payload: a value in it cannot be remembered, like a number of more than 64 bits"
        ) from None
    if len(packed) > _LARGEST:
        raise WrongValueError(f"payload: what is to be remembered of it is larger than {_LARGEST} bytes", "too_large")
    return msgspec.msgpack.decode(packed)


def compile_merge(raw: Any, path: str, names: Sequence[str]) -> Callable[[Any, Mapping[str, Any], Message], Any]:
    """A function that lays a document over those before it with the same key: objects key by key, all else anew.

    With ``as`` a message is one value of its topic, and stands under that name: ``{temperature: 21.5}``. A name that
    was not said again within ``for`` is forgotten.

    Raises:
        SensorTypeError: The profile is wrong there.

    Example:
        >>> from ingest.decoders import Message, Notes
        >>> notes, merge = Notes(), compile_merge({"by": "it.sn"}, "merge", ())
        >>> for doc in ({"sn": 1, "a": {"x": 1}}, {"sn": 1, "a": {"y": 2}}):
        ...     print(merge(doc, {"msg": doc}, Message(b"", {}, 0, notes)))
        {'sn': 1, 'a': {'x': 1}}
        {'sn': 1, 'a': {'x': 1, 'y': 2}}
    """
    spec = _spec(raw, path, ("by", "as", "for"))
    by = compile_expression(expression_text(spec["by"], f"{path}.by"), f"{path}.by", names)
    lasts = _span(spec.get("for", "10min"), f"{path}.for")
    name = compile_expression(expression_text(spec["as"], f"{path}.as"), f"{path}.as", names) if "as" in spec else None

    def run(document: Any, scope: Mapping[str, Any], message: Message) -> Any:
        key = _key_of("merge", by(document, scope), by.path)
        if name is not None and (told := name(document, scope)) is not None:
            document = {word(told, name.path): document}
        if key is None or not isinstance(document, dict):
            return document
        kept = message.memory.get(key) or {"doc": {}, "at": 0}
        times = kept.get("times", dict.fromkeys(kept["doc"], kept["at"]))
        before = {k: v for k, v in kept["doc"].items() if message.received - times[k] <= lasts}
        new = dict.fromkeys(document, message.received)
        document = _laid(before, document, 0) if before else document
        times = {k: times[k] for k in before} | new
        message.memory.put(key, {"at": message.received, "doc": _plain(document), "times": times})
        return document

    return run


def _laid(under: Any, over: Any, depth: int) -> Any:
    if not (isinstance(under, dict) and isinstance(over, dict)) or depth > _DEEPEST:
        return over
    out = dict(under)
    for key, value in over.items():
        out[key] = _laid(under[key], value, depth + 1) if key in under else value
    return out


def compile_remember(
    raw: Any, path: str, names: Sequence[str], kind: str = "last"
) -> Callable[[Any, dict[str, Any], Message], bool]:
    """A function that puts ``last`` into the scope: values of earlier messages, by name; then keeps those of this one.

    It says whether anything was kept. ``kind`` keeps apart what messages and what their elements remember.

    Raises:
        SensorTypeError: The profile is wrong there.

    Example:
        >>> from ingest.decoders import Message, Notes
        >>> spec = {"by": "it.mac", "values": {"uas": "it.uas"}}
        >>> notes, remember = Notes(), compile_remember(spec, "remember", ())
        >>> for doc in ({"mac": "m", "uas": "U1"}, {"mac": "m"}):
        ...     scope = {"msg": doc}
        ...     print(remember(doc, scope, Message(b"", {}, 0, notes)), scope["last"])
        True {}
        False {'uas': 'U1'}
    """
    spec = _spec(raw, path, ("by", "for", "values"))
    by = compile_expression(expression_text(spec["by"], f"{path}.by"), f"{path}.by", names)
    lasts = _span(spec.get("for", "1h"), f"{path}.for")
    named = spec.get("values")
    if not isinstance(named, dict) or not named:
        raise SensorTypeError(f"{path}.values", "name what is remembered, like {uas: it.uas_id}; it is last.uas then")
    values = []
    for name, text in named.items():
        here = f"{path}.values.{name!s:.60}"
        if not isinstance(name, str) or not name.isidentifier():
            raise SensorTypeError(here, "a name is letters, digits and _")
        values.append((name, compile_expression(expression_text(text, here), here, names)))

    def run(document: Any, scope: dict[str, Any], message: Message) -> bool:
        key = _key_of(kind, by(document, scope), by.path)
        scope["last"] = {}
        if key is None:
            return False
        kept = message.memory.get(key) or {}
        last = {n: v for n, (v, at) in kept.items() if message.received - at <= lasts}
        scope["last"] = last
        new = {n: v for n, expression in values if (v := expression(document, scope)) is not None}
        if new:
            fresh = {n: [v, message.received] for n, v in new.items()}
            message.memory.put(key, _plain({**{n: e for n, e in kept.items() if n in last}, **fresh}))
        return bool(new)

    return run
