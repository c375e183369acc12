"""States to bytes and back, exactly: what comes out is equal in value and in type to what went in.

MessagePack by msgspec; what MessagePack has no word for is a map of one key:

| key | stands for | content |
|---|---|---|
| ``t`` | tuple | items |
| ``d`` | dict | [key, value, key, value, ...] in order |
| ``s`` | frozenset | items, sorted by their bytes |
| ``m`` | set | items, sorted by their bytes |
| ``q`` | deque | [maxlen, items] |
| ``e`` | enum | [class number, value] |
| ``c`` | dataclass or named tuple | [class number, field, value, field, value, ...] |
| ``a`` | numpy array | [dtype, shape, bytes] |
| ``o`` | numpy array of objects | [shape, items] |
| ``z`` | something packed by itself, with a table of classes of its own | bytes |

Classes are named once, in a table. Only classes of the modules a reader allows are made again; dataclass fields with
``init=False`` are caches and stay out. A field that is missing takes its default, one that is gone is dropped: a state
survives a new version that only adds. Objects shared by two places come back as two.

A ``Memo`` keeps the bytes of objects that do not change, from one packing of a state to the next.
"""

from __future__ import annotations

import importlib
from collections import deque
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from brain.errors import SceneError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["Memo", "pack", "unpack"]

_PLAIN = frozenset({type(None), bool, int, float, str, bytes})
_MANY = 8  # items; of longer ones each becomes bytes at once, so that no tree of the whole state stands in memory


class Memo:
    """Bytes of objects that do not change once they are made, as of the last packing.

    Args:
        kinds: Classes of such objects. Whoever changes one after all finds its former self in the next state.
    """

    def __init__(self, kinds: Iterable[type]) -> None:
        self.kinds = frozenset(kinds)
        self._before: dict[int, tuple[object, msgspec.Raw]] = {}  # with the object, or another would take its id
        self._now: dict[int, tuple[object, msgspec.Raw]] = {}

    def of(self, value: object) -> msgspec.Raw:
        """Its bytes, made once."""
        known = self._now.get(id(value)) or self._before.get(id(value))
        if known is None:
            known = value, msgspec.Raw(msgspec.msgpack.encode({"z": pack(value)}))
        self._now[id(value)] = known
        return known[1]

    def turn(self) -> None:
        """A packing has ended: forget what was not in it."""
        self._before, self._now = self._now, {}


class _Numbers(dict[type, int]):
    """Classes by their number in the table of one packing."""

    memo: Memo | None = None


def pack(value: object, memo: Memo | None = None) -> bytes:
    """Bytes of a state.

    Args:
        value: Dataclasses, named tuples, enums, dict, list, tuple, set, frozenset, deque, numpy arrays and scalars,
            str, bytes, int, float, bool, None.
        memo: Of the packings of this state.

    Raises:
        SceneError: Something else is in it.

    Example:
        >>> unpack(pack({("a", 1): np.array([1.5, 2.5])}))
        {('a', 1): array([1.5, 2.5])}
    """
    classes = _Numbers()
    classes.memo = memo
    tree = _tree(value, classes)
    if memo is not None:
        memo.turn()
    names = [f"{c.__module__}:{c.__qualname__}" for c in classes]
    return msgspec.msgpack.encode([names, tree])


def _number(kind: type, classes: _Numbers) -> int:
    return classes.setdefault(kind, len(classes))


def _tree(value: Any, classes: _Numbers) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return _items(value, classes)
    if kind is dict:
        return {"d": _items([v for pair in value.items() for v in pair], classes)}
    if kind is tuple:
        return {"t": _items(value, classes)}
    if kind is np.ndarray:
        if value.dtype.hasobject:
            return {"o": [list(value.shape), _items(value.ravel().tolist(), classes)]}
        flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        return {"a": [value.dtype.str, list(value.shape), flat.data]}  # copied once, when it is encoded
    names = _names_of(kind)  # type: ignore[arg-type]  # every class has a hash
    if names is not None:
        if classes.memo is not None and kind in classes.memo.kinds:
            return classes.memo.of(value)
        out: list[Any] = [_number(kind, classes)]
        for name in names:
            v = getattr(value, name)
            out += (name, v if type(v) in _PLAIN else _tree(v, classes))
        return {"c": out}
    if isinstance(value, Enum):
        return {"e": [_number(kind, classes), value.value]}
    return _rare(value, kind, classes)


def _items(values: Sequence[Any], classes: _Numbers) -> list[Any]:
    if len(values) <= _MANY:
        return [v if type(v) in _PLAIN else _tree(v, classes) for v in values]
    encode, raw = msgspec.msgpack.encode, msgspec.Raw
    return [v if type(v) in _PLAIN else raw(encode(_tree(v, classes))) for v in values]


@cache
def _names_of(kind: type) -> tuple[str, ...] | None:
    """The fields of a dataclass or named tuple that are saved; None for other classes."""
    if is_dataclass(kind):
        return tuple(f.name for f in fields(kind) if f.init)
    return getattr(kind, "_fields", None) if issubclass(kind, tuple) else None


def _rare(value: Any, kind: type, classes: _Numbers) -> Any:
    if kind is frozenset or kind is set:
        items = sorted((_tree(v, classes) for v in value), key=msgspec.msgpack.encode)
        return {"s" if kind is frozenset else "m": items}
    if kind is deque:
        return {"q": [value.maxlen, _items(value, classes)]}
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, np.floating):
        return float(value)
    raise SceneError(
        f"a state holds a {kind.__module__}.{kind.__qualname__}, which cannot be saved; "
        "use dataclasses, dict, list, tuple, str, numbers and numpy arrays, or mark the field init=False as a cache"
    )


def unpack(data: bytes, modules: Collection[str] = ("brain", "scenes")) -> Any:
    """The state of these bytes.

    Args:
        data: From ``pack``.
        modules: Roots of the modules whose classes may be made again.

    Raises:
        SceneError: A class of it is not there any more, or lies outside the modules, or the bytes are of another form.
    """
    try:
        names, tree = msgspec.msgpack.decode(data)
        return _value(tree, _Classes(names, modules))
    except SceneError:
        raise
    except Exception as error:
        raise SceneError(f"a saved state cannot be read ({error}); start the scene afresh") from error


class _Classes(list[type]):
    """The classes of one packing, and the modules they may be of."""

    def __init__(self, names: Iterable[str], modules: Collection[str]) -> None:
        super().__init__(_class(name, modules) for name in names)
        self.modules = modules


def _class(name: str, modules: Collection[str]) -> type:
    module, _, qualname = name.partition(":")
    if module.partition(".")[0] not in modules:
        raise SceneError(f"a saved state names {name}, which is outside the scenes; start the scene afresh")
    found: Any = importlib.import_module(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, type):
        raise SceneError(f"a saved state names {name}, which is not there any more; start the scene afresh")
    return found


def _value(tree: Any, classes: _Classes) -> Any:
    kind = type(tree)
    if kind is list:
        return [_value(v, classes) for v in tree]
    if kind is not dict:
        return tree
    ((key, body),) = tree.items()
    match key:
        case "d":
            items = [_value(v, classes) for v in body]
            return dict(zip(items[::2], items[1::2], strict=True))
        case "t":
            return tuple(_value(v, classes) for v in body)
        case "a":
            dtype, shape, raw = body
            return np.frombuffer(raw, dtype=np.dtype(dtype)).reshape(shape).copy()
        case "c":
            return _made(classes[body[0]], dict(zip(body[1::2], body[2::2], strict=True)), classes)
        case "z":
            return unpack(body, classes.modules)
        case "e":
            return classes[body[0]](body[1])
        case "s":
            return frozenset(_value(v, classes) for v in body)
        case "m":
            return {_value(v, classes) for v in body}
        case "q":
            return deque((_value(v, classes) for v in body[1]), maxlen=body[0])
        case "o":
            out = np.empty(len(body[1]), dtype=object)
            out[:] = [_value(v, classes) for v in body[1]]
            return out.reshape(body[0])
    raise SceneError(f'a saved state has the unknown mark "{key}"; start the scene afresh')


def _made(kind: type, saved: dict[str, Any], classes: _Classes) -> Any:
    known = _names_of(kind) or ()
    return kind(**{k: _value(v, classes) for k, v in saved.items() if k in known})
