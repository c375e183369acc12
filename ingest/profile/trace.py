"""Which parts of a document a profile looked at: for dry runs, that they can say what was ignored. Pure.

A traced document behaves like the plain one and notes each value that is taken out of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["traced"]

_MOST: Final = 20_000


class _Dict(dict[str, Any]):
    """An object that notes which of its values were taken."""

    __slots__ = ("path", "seen")

    def __init__(self, path: str, seen: set[str]) -> None:
        super().__init__()
        self.path = path
        self.seen = seen

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        _note(self.seen, _join(self.path, key), value)
        return value

    def __iter__(self) -> Iterator[str]:  # what copies it takes every value
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default

    def values(self) -> Any:
        return [self[k] for k in list(self)]

    def items(self) -> Any:
        return [(k, self[k]) for k in list(self)]


class _List(list[Any]):
    """A list that notes which of its values were taken."""

    __slots__ = ("path", "seen")

    def __init__(self, path: str, seen: set[str]) -> None:
        super().__init__()
        self.path = path
        self.seen = seen

    def __getitem__(self, at: Any) -> Any:
        value = super().__getitem__(at)
        if isinstance(at, int):
            _note(self.seen, f"{self.path}[{at % len(self)}]", value)
        else:
            for i, one in zip(range(*at.indices(len(self))), value, strict=True):
                _note(self.seen, f"{self.path}[{i}]", one)
        return value

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield self[i]


def _note(seen: set[str], path: str, value: Any) -> None:
    if not isinstance(value, (dict, list)):
        seen.add(path)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else str(key)


def traced(document: Any, seen: set[str], leaves: list[str]) -> Any:
    """The same document, noting in ``seen`` the paths of values that are taken; ``leaves`` gets the paths of all.

    Example:
        >>> seen, leaves = set(), []
        >>> document = traced({"a": {"b": 1, "c": 2}, "d": [3]}, seen, leaves)
        >>> document["a"]["b"], [x for x in leaves if x not in seen]
        (1, ['a.c', 'd[0]'])
    """
    return _wrap(document, "", seen, leaves)


def _wrap(value: Any, path: str, seen: set[str], leaves: list[str]) -> Any:
    if isinstance(value, dict) and len(leaves) < _MOST:
        made = _Dict(path, seen)
        for key, inner in value.items():
            dict.__setitem__(made, key, _wrap(inner, _join(path, key), seen, leaves))
        return made
    if isinstance(value, (list, tuple)) and len(leaves) < _MOST:
        row = _List(path, seen)
        for i, inner in enumerate(value):
            list.append(row, _wrap(inner, f"{path}[{i}]", seen, leaves))
        return row
    leaves.append(path)
    return value
