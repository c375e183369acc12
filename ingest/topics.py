"""Topic filters with captures, and the tree that finds those which a topic matches. Pure.

| in a filter | matches |
|---|---|
| ``tele/{device}/SENSOR`` | one level, known as ``topic.device`` |
| ``gw-{gw}/{rest*}`` | part of a level, known as ``topic.gw``; all levels that follow, known as ``topic.rest`` |
| ``+`` ``#`` | as in MQTT, without a name |

As MQTT has it, a wildcard in the first level does not match topics that begin with ``$``, and ``a/#`` matches ``a``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.errors import SensorTypeError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Topic", "TopicTree", "covering", "parse_topic"]

_LEVEL: Final = re.compile(r"([^{}+#]*)(?:\{([A-Za-z_][A-Za-z0-9_]*)(\*)?\}([^{}+#]*))?")
_LONGEST: Final = 512
_MOST_LEVELS: Final = 32


class Topic(NamedTuple):
    """A parsed filter.

    Attributes:
        filter: As MQTT wants it, with ``+`` and ``#``.
        levels: For each level what it must begin and end with: a whole text where there is no wildcard.
        captures: (level, name) of captures of one level; the last level ``#`` has its name in ``rest``.
        rest: Name of the levels that ``#`` stands for, None where they have none.
        names: Of all captures.
    """

    filter: str
    levels: tuple[tuple[str, str], ...]
    captures: tuple[tuple[int, str], ...]
    rest: str | None
    names: frozenset[str]

    def read(self, topic: str, parts: list[str]) -> dict[str, str] | None:
        """The captures of a topic whose levels fit the filter; None where the fixed parts of a level do not."""
        out = {"topic": topic}
        for i, name in self.captures:
            before, after = self.levels[i]
            part = parts[i]
            if before or after:
                if len(part) <= len(before) + len(after) or not (part.startswith(before) and part.endswith(after)):
                    return None
                part = part[len(before) : len(part) - len(after)]
            out[name] = part
        if self.rest is not None:
            out[self.rest] = "/".join(parts[len(self.levels) - 1 :])
        return out


def parse_topic(text: Any, path: str) -> Topic:
    """Read a filter with captures.

    Raises:
        SensorTypeError: It is none; says what is wrong.

    Example:
        >>> topic = parse_topic("v3/{app}@ttn/devices/{device}/{rest*}", "topics[0]")
        >>> topic.filter
        'v3/+/devices/+/#'
        >>> topic.read("v3/a@ttn/devices/d1/up", "v3/a@ttn/devices/d1/up".split("/"))["app"]
        'a'
    """
    if not isinstance(text, str) or not 1 <= len(text) <= _LONGEST or "\0" in text:
        raise SensorTypeError(path, f"{text!r:.60} is no topic; write one like meters/{{device}}/up")
    parts = text.split("/")
    if len(parts) > _MOST_LEVELS:
        raise SensorTypeError(path, f"more than {_MOST_LEVELS} levels")
    levels: list[tuple[str, str]] = []
    wire: list[str] = []
    captures: list[tuple[int, str]] = []
    names: list[str] = []
    rest: str | None = None
    for i, part in enumerate(parts):
        if part == "+":
            wire.append("+")
            levels.append(("", ""))
            continue
        if part == "#":
            if i != len(parts) - 1:
                raise SensorTypeError(path, "# stands for all levels that follow, so it can only be the last one")
            wire.append("#")
            levels.append(("", ""))
            continue
        found = _LEVEL.fullmatch(part)
        if found is None:
            raise SensorTypeError(path, f"{part[:60]!r:.62} is no level; write a text, {{name}}, {{name*}}, + or #")
        before, name, star, after = found.groups()
        if name is None:
            wire.append(part)
            levels.append((part, ""))
            continue
        if name in names:
            raise SensorTypeError(path, f"{{{name}}} stands twice in it")
        names.append(name)
        if star:
            if i != len(parts) - 1 or before or after:
                raise SensorTypeError(path, f"{{{name}*}} stands for all levels that follow, so it is the last, alone")
            rest = name
            wire.append("#")
            levels.append(("", ""))
        else:
            captures.append((i, name))
            wire.append("+")
            levels.append((before, after or ""))
    return Topic("/".join(wire), tuple(levels), tuple(captures), rest, frozenset(names))


@dataclass(slots=True)
class _Node:
    children: dict[str, _Node] = field(default_factory=dict)
    here: list[tuple[Topic, Any]] = field(default_factory=list)
    deeper: list[tuple[Topic, Any]] = field(default_factory=list)  # filters that end in # below this level


class TopicTree:
    """Filters by their levels; finding costs with the depth of a topic, not with the number of filters.

    Example:
        >>> tree = TopicTree()
        >>> tree.add(parse_topic("tele/{device}/#", ""), "tasmota")
        >>> [(what, captures["device"]) for what, captures in tree.match("tele/plug/SENSOR")]
        [('tasmota', 'plug')]
        >>> tree.match("stat/plug/RESULT")
        []
    """

    def __init__(self) -> None:
        self._root = _Node()
        self.topics: list[Topic] = []

    def __bool__(self) -> bool:
        return bool(self.topics)

    def add(self, topic: Topic, what: Any) -> None:
        """Find ``what`` for topics that match."""
        self.topics.append(topic)
        node = self._root
        for level in topic.filter.split("/"):
            if level == "#":
                node.deeper.append((topic, what))
                return
            node = node.children.setdefault(level, _Node())
        node.here.append((topic, what))

    def match(self, topic: str) -> list[tuple[Any, dict[str, str]]]:
        """Each ``what`` with the captures, in the order of adding within a level."""
        parts = topic.split("/")
        found: list[tuple[Topic, Any]] = []
        nodes = [self._root]
        private = topic.startswith("$")
        for i, part in enumerate(parts):
            following: list[_Node] = []
            for node in nodes:
                if node.deeper and not (private and i == 0):
                    found += node.deeper
                if (exact := node.children.get(part)) is not None:
                    following.append(exact)
                if not (private and i == 0) and (any_ := node.children.get("+")) is not None:
                    following.append(any_)
            nodes = following
            if not nodes:
                break
        for node in nodes:
            found += node.here
            found += node.deeper
        out = []
        for one, what in found:
            captures = one.read(topic, parts)
            if captures is not None:
                out.append((what, captures))
        return out


def covering(filters: Iterable[str]) -> list[str]:
    """Filters without those that another one covers, sorted: overlapping ones would bring a message twice.

    Example:
        >>> covering(["a/+", "a/b", "#", "$oc/x"])
        ['#', '$oc/x']
    """
    distinct = sorted(set(filters))
    return [f for f in distinct if not any(g != f and _covers(g, f) for g in distinct)]


def _covers(wide: str, narrow: str) -> bool:
    a, b = wide.split("/"), narrow.split("/")
    if b[0].startswith("$") and a[0] in ("+", "#"):
        return False
    for i, level in enumerate(a):
        if level == "#":
            return True
        if i >= len(b) or b[i] == "#" or (level not in ("+", b[i])):
            return False
    return len(a) == len(b)
