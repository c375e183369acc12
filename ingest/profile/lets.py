"""Names that a profile gives to what it reads: ``let`` once a message, ``let_each`` once an element. Pure.

```yaml
let:
  data: msg.uplink.data                                   # an expression
  p: {of: base64(msg.data), frame: [{name: t, type: i16}]}  # bytes inside of a document
  size: {of: msg.profile, table: {hd: [1920, 1080]}}      # a table, with what it has for a value
let_each:
  row: zip(msg.names, it)                                 # of each element
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from ingest.profile.expression import compile_expression
from ingest.profile.frame import compile_frame
from ingest.profile.functions import FUNCTIONS, STEPS, WrongValueError, text_of
from ingest.profile.gather import Gather
from ingest.profile.sources import expression_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Lets = list[tuple[str, Callable[[Any, Mapping[str, Any]], Any]]]

__all__ = ["NAMES", "compile_lets"]

NAMES: Final = ("topic", "key", "keys", "parent", "up", "received", "last")
"""What expressions see besides ``it`` and ``msg``, whatever the profile says."""
_BYTES_A_STEP: Final = 16


def compile_lets(raw: Any, path: str, before: Sequence[str] = ()) -> Lets:
    """Names with functions of an element and a scope, in their order: each may use those above it.

    Args:
        raw: What the profile says: a name and an expression, a byte table (``{of: ..., frame: [...]}``) or a table.
        path: Where it stands in the profile, for errors.
        before: Names that are taken already, and may be used.

    Raises:
        SensorTypeError: Something in it is wrong; names the path and says how to mend it.

    Example:
        >>> (name, twice), = compile_lets({"twice": "it.a * 2"}, "let")
        >>> name, twice({"a": 4}, {})
        ('twice', 8)
    """
    if not isinstance(raw, dict):
        raise SensorTypeError(path, "write names and expressions, like {data: msg.uplink.data}")
    out: Lets = []
    gather = Gather()
    for name, spec in raw.items():
        with gather:
            out.append((name, _let(name, spec, f"{path}.{name!s:.60}", [*before, *(n for n, _ in out)])))
    gather.end()
    return out


def _let(name: Any, spec: Any, path: str, before: Sequence[str]) -> Callable[[Any, Mapping[str, Any]], Any]:
    if not isinstance(name, str) or not name.isidentifier() or name in (*NAMES, "it", "msg"):
        raise SensorTypeError(path, f"a name is letters, digits and _, and none of it msg {' '.join(NAMES)}")
    if name in before:
        raise SensorTypeError(path, "stands in let already; give it another name")
    names = [*NAMES, *before]
    if isinstance(spec, dict):
        return (_table if "table" in spec else _framed)(spec, path, names)
    return compile_expression(expression_text(spec, path), path, names)


def _table(spec: Mapping[str, Any], path: str, names: list[str]) -> Callable[[Any, Mapping[str, Any]], Any]:
    """A table for ``lookup``; with ``of`` what it has for that value."""
    for key in spec:
        if key not in ("of", "table"):
            raise SensorTypeError(
                f"{path}.{key}", "no such key; write {table: {a: 1}}, or {of: it.kind, table: {a: 1}}"
            )
    raw = spec["table"]
    if not isinstance(raw, dict) or not raw:
        raise SensorTypeError(f"{path}.table", "write a table as a mapping, like {front: [1920, 1080]}")
    table = {text_of(k): v for k, v in raw.items()}
    if "of" not in spec:
        return lambda _, __: table
    source = compile_expression(expression_text(spec["of"], f"{path}.of"), f"{path}.of", names)
    find = FUNCTIONS["lookup"]
    return lambda it, scope: find(table, source(it, scope))


def _framed(spec: Mapping[str, Any], path: str, names: list[str]) -> Callable[[Any, Mapping[str, Any]], Any]:
    """The values of a byte table, of bytes that an expression gives."""
    for key in spec:
        if key not in ("of", "frame", "order"):
            raise SensorTypeError(f"{path}.{key}", "no such key; write {of: base64(msg.data), frame: [...]}")
    source = compile_expression(expression_text(spec.get("of"), f"{path}.of"), f"{path}.of", names)
    frame = compile_frame(spec.get("frame"), f"{path}.frame", spec.get("order", "big"))

    def run(it: Any, scope: Mapping[str, Any]) -> Any:
        data = source(it, scope)
        if data is None:
            return None
        if not isinstance(data, bytes):
            raise WrongValueError(f"{source.path}: {data!r:.60} is no bytes; put base64() or hex_bytes() round it")
        STEPS.spend(len(data) // _BYTES_A_STEP)
        return frame(data)

    return run
