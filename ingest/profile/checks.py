"""Small checks of the values in a document, each with the sentence of what is wrong. Pure."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from brain.model import Text
from ingest.profile import hints
from ingest.profile.gather import Gather

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "duration", "duration_text", "key_text", "mapping", "only", "plain_number", "shown", "span", "text", "texts",
]  # fmt: skip

_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|min|h|d)")
_UNITS_OF_TIME: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}


def mapping(path: str, value: Any) -> Mapping[str, Any]:
    """A mapping of keys to values."""
    if not isinstance(value, dict):
        raise SensorTypeError(path, f"{shown(value)} stands where a mapping of keys to values is wanted")
    return value


def only(entry: Mapping[str, Any], allowed: frozenset[str], path: str) -> None:
    """See that there are no keys but these; near ones are proposed."""
    gather = Gather()
    for key in entry:
        if key not in allowed:
            where = f"{path}.{key_text(key)}" if path else key_text(key)
            if isinstance(key, str) and key.count(")") + key.count("]") > key.count("(") + key.count("["):
                raise SensorTypeError(path, "inside {...} put quotes round an expression with a comma or a bracket")
            gather.wrong(where, f"no such key; {hints.of_key(str(key), allowed)}")
    gather.end()


def text(path: str, value: Any, told: list[str]) -> Text:
    """A text in both languages; one that is missing is told."""
    if value is None:
        told.append(f"{path}: missing; give it in both languages, like {{zh: 水位, en: Water level}}")
        return Text("", "")
    entry = mapping(path, value)
    only(entry, frozenset({"zh", "en"}), path)
    for language in ("zh", "en"):
        part = entry.get(language)
        if not isinstance(part, str) or len(part) > 200 or not part.isprintable():
            raise SensorTypeError(f"{path}.{language}", f"{shown(part)} is no text of at most 200 printable characters")
    return Text(entry["zh"], entry["en"])


def texts(path: str, value: Any) -> Sequence[str]:
    """A list of different printable texts."""
    if not isinstance(value, list):
        raise SensorTypeError(path, f"{shown(value)} stands where a list of texts is wanted")
    for i, item in enumerate(value):
        if not isinstance(item, str) or not 1 <= len(item) <= 200 or not item.isprintable():
            raise SensorTypeError(f"{path}[{i}]", f"{shown(item)} is no printable text; put quotes round it")
    if len(set(value)) != len(value):
        raise SensorTypeError(path, "a value stands there twice")
    return value


def span(path: str, value: Any) -> tuple[float | None, float | None]:
    """A range, open where null stands."""
    if not isinstance(value, list) or len(value) != 2:
        raise SensorTypeError(path, f"{shown(value)} is no range; write [low, high], with null for an open end")
    ends: list[float | None] = []
    for i, end in enumerate(value):
        number = isinstance(end, (int, float)) and not isinstance(end, bool) and abs(end) <= sys.float_info.max
        if end is not None and not number:
            raise SensorTypeError(f"{path}[{i}]", f"{shown(end)} is no number")
        ends.append(None if end is None else float(end))
    low, high = ends
    if low is not None and high is not None and low > high:
        raise SensorTypeError(path, f"{plain_number(low)} is more than {plain_number(high)}; write the lower end first")
    return low, high


def duration(path: str, value: Any) -> timedelta:
    """A number and a unit of time."""
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise SensorTypeError(path, f"{shown(value)} is no duration; write a number and ms, s, min, h or d, like 30s")
    try:
        return timedelta(milliseconds=float(found[1]) * _UNITS_OF_TIME[found[2]])
    except OverflowError:
        raise SensorTypeError(path, f"{value} is longer than two million years") from None


def duration_text(value: timedelta) -> str:
    """A duration as documents write it."""
    ms = value / timedelta(milliseconds=1)
    for unit, size in _UNITS_OF_TIME.items():
        if ms % size == 0:
            return f"{int(ms // size)}{unit}"
    return f"{ms}ms"


def plain_number(value: float | None) -> float | int | None:
    """A whole number as one."""
    return int(value) if value is not None and value.is_integer() and abs(value) < 1e15 else value


def shown(value: Any) -> str:
    """A value as an error shows it."""
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return "a number of more than 300 digits"  # Python does not print those of thousands
    return "nothing" if value is None else repr(value)[:80]


def key_text(key: Any) -> str:
    """A key as part of a path."""
    return key if isinstance(key, str) and len(key) <= 80 and key.isprintable() else shown(key)
