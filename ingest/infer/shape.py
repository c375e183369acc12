"""What documents have in common: a tree of their keys with the values that were seen. Pure; for guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Leaf", "Shape", "is_meta", "leaves", "shape_of"]

_MOST_VALUES: Final = 200
_MOST_ITEMS: Final = 500
_DEEPEST: Final = 16
_NUMBER: Final = re.compile(r"[+-]?\d{1,9}\.\d{1,9}", re.ASCII)  # whole ones in texts are names and codes mostly
_META: Final = re.compile(
    r"[rt]x_?(info|metadata)|^settings$|gateways?(_|$)|correlation|uplink_token|schema|context|^update$|session_key|before$|firmware"
)


@dataclass(slots=True)
class Shape:
    """A place in documents: the scalars seen there, the keys of objects, the elements of lists.

    Attributes:
        values: Scalars, None among them, at most 200.
        keys: Of objects, in order of appearance.
        items: Of lists, all elements laid over each other.
        lists: The lists themselves, where they hold scalars only.
        objects: How many objects were seen.
    """

    values: list[Any] = field(default_factory=list)
    keys: dict[str, Shape] = field(default_factory=dict)
    items: Shape | None = None
    lists: list[list[Any]] = field(default_factory=list)
    objects: int = 0

    def add(self, value: Any, depth: int = 0) -> None:
        """Lay a value over those before it."""
        if isinstance(value, dict) and depth < _DEEPEST:
            self.objects += 1
            for key, inner in value.items():
                self.keys.setdefault(str(key), Shape()).add(inner, depth + 1)
        elif isinstance(value, list) and depth < _DEEPEST:
            self.items = self.items or Shape()
            self.lists.append(value)
            for inner in value[:_MOST_ITEMS]:
                self.items.add(inner, depth + 1)
        elif not isinstance(value, (dict, list)) and len(self.values) < _MOST_VALUES:
            self.values.append(value)

    @property
    def there(self) -> list[Any]:
        """The scalars that are neither null nor empty."""
        return [v for v in self.values if v is not None and v != ""]

    @property
    def is_records(self) -> bool:
        """Whether this is a list of objects."""
        return self.items is not None and self.items.objects > 0

    def moving(self) -> Shape | None:
        """Objects under keys that name like things (``em:0``, ``em:1``), laid over each other; None: there are none."""
        inner = {k: s for k, s in self.keys.items() if s.objects}
        stems: dict[str, list[Shape]] = {}
        for key, shape in inner.items():
            if re.search(r"\d", key):
                stems.setdefault(
                    "" if re.fullmatch(r"\w+:\d+", key) else re.sub(r"[0-9A-Fa-f]*\d[0-9A-Fa-f]*", "#", key), []
                ).append(shape)
        like = [name for name, shapes in stems.items() if len(shapes) > 1 and (name == "" or _are_like(shapes))]
        if not like:
            return None
        out = Shape()
        for one in inner.values():
            out.join(one)
        return out

    def join(self, other: Shape) -> None:
        """Lay another place over this one."""
        self.values += other.values[: _MOST_VALUES - len(self.values)]
        self.lists += other.lists
        self.objects += other.objects
        for key, inner in other.keys.items():
            self.keys.setdefault(key, Shape()).join(inner)
        if other.items is not None:
            self.items = self.items or Shape()
            self.items.join(other.items)

    def count(self) -> int:
        """Scalars below this place that could be measurements."""
        own = 1 if any(_is_number(v) for v in self.there) else 0
        inside = sum(s.count() for k, s in self.keys.items() if not is_meta(k))
        return own + inside + (self.items.count() if self.items else 0)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and _NUMBER.fullmatch(value) is not None)


def _are_like(shapes: list[Shape]) -> bool:
    common = set.intersection(*(set(s.keys) for s in shapes))
    return len(common) >= 0.5 * max(len(s.keys) for s in shapes)


@dataclass(slots=True)
class Leaf:
    """A scalar, or a list of scalars: the expression its path begins with, the path, what is there and beside it."""

    path: list[str]
    shape: Shape
    beside: Shape
    root: str = "msg"

    @property
    def name(self) -> str:
        """The key that says what it is: the last, or the one before a mere ``value``."""
        if len(self.path) > 1 and self.path[-1].lower() in ("value", "v", "val", "data"):
            return self.path[-2]
        return self.path[-1]


def is_meta(key: str) -> bool:
    """Whether a key leads to what is about the transport and not about the thing.

    Example:
        >>> is_meta("rxInfo"), is_meta("temperature")
        (True, False)
    """
    return _META.search(re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", key).lower()) is not None


def shape_of(documents: Iterable[Any]) -> Shape:
    """The documents laid over each other.

    Example:
        >>> s = shape_of([{"a": {"x": 1}}, {"a": {"x": 2, "y": "b"}}])
        >>> [(leaf.path, leaf.shape.values) for leaf in leaves(s)]
        [(['a', 'x'], [1, 2]), (['a', 'y'], ['b'])]
    """
    out = Shape()
    for document in documents:
        out.add(document)
    return out


def leaves(
    shape: Shape, path: tuple[str, ...] = (), skip: Iterable[tuple[str, ...]] = (), root: str = "msg"
) -> Iterator[Leaf]:
    """Scalars and lists of scalars below a place; lists of objects, transport and ``skip`` are left out."""
    skipped = set(skip)
    for key, inner in shape.keys.items():
        here = (*path, key)
        if here in skipped or is_meta(key):
            continue
        if inner.values or (inner.items is not None and not inner.is_records):
            yield Leaf(list(here), inner, shape, root)
        if inner.objects:
            yield from leaves(inner, here, skipped, root)
