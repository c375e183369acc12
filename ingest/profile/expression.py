"""Expressions of profiles: from text to a function, once, by a list of what is allowed. Pure.

The words are Python's: ``it.temp * 1.8 + 32``, ``msg.values[0]["em:0"]``, ``"on" if relay == 1 else "off"``,
``f"https://cameras.example/{it.id}.jpg"``. What an expression can see:

| name | is |
|---|---|
| ``it`` | the element at hand: the whole message, or one element of what is exploded |
| a bare name | the same key of ``it``: ``temp`` is ``it.temp`` |
| ``msg`` | the whole message |
| names given at compile time | ``topic``, ``key``, ``parent``, ``received`` and the profile's own ``let`` names |

``a.b`` and ``a["b"]`` look into objects and nothing else: there are no attributes of Python here, no methods, no names
but those above, no functions but those of ``ingest.profile.functions``. What is not there is ``None``; arithmetic with
``None`` gives ``None``, comparisons with it are false. Work and size are bounded: texts, exponents and shifts cannot
grow without end, and an expression is at most 2,000 characters and 300 nodes.
"""

from __future__ import annotations

import ast
import re
import warnings
from keyword import kwlist
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from ingest.profile import hints
from ingest.profile.functions import (
    FUNCTIONS,
    LAZY,
    MENDED,
    OVER_ELEMENTS,
    WrongValueError,
    compiled_pattern,
)
from ingest.profile.operators import Sentinels, operators

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

__all__ = ["Expression", "compile_expression"]

_LONGEST: Final = 2_000
_MOST_NODES: Final = 300
_OWN_WORD: Final = re.compile(rf"\.({'|'.join(kwlist)})\b(?!\()")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
"""JSON's words, that people write beside Python's; a key of such a name is ``it["true"]``."""
_IT: Final = "it"
_SCOPE: Final = "scope_"
_ARITHMETIC: Final[Mapping[type[ast.operator], str]] = {
    ast.Add: "op_add",
    ast.Sub: "op_subtract",
    ast.Mult: "op_multiply",
    ast.Div: "op_divide",
    ast.FloorDiv: "op_floor",
    ast.Mod: "op_modulo",
    ast.Pow: "op_power",
    ast.BitAnd: "op_and",
    ast.BitOr: "op_or",
    ast.BitXor: "op_xor",
    ast.LShift: "op_left",
    ast.RShift: "op_right",
}
_ORDER: Final[Mapping[type[ast.cmpop], str]] = {
    ast.Lt: "op_less",
    ast.LtE: "op_at_most",
    ast.Gt: "op_more",
    ast.GtE: "op_at_least",
    ast.In: "op_in",
}
_GLOBALS: Final[dict[str, Any]] = {"__builtins__": {}, **operators(), **{f"f_{n}": f for n, f in FUNCTIONS.items()}}


class Expression:
    """A compiled expression.

    Attributes:
        text: As it stands in the profile.

    Example:
        >>> warm = compile_expression("temp * 1.8 + 32", "fields.temp_f.from")
        >>> warm({"temp": 20}), warm({}), warm({"temp": None})
        (68.0, None, None)
    """

    __slots__ = ("_leaves", "_run", "path", "text")

    def __init__(
        self,
        text: str,
        path: str,
        run: Callable[[Any, Mapping[str, Any]], Any],
        leaves: tuple[tuple[str, Callable[[Any, Mapping[str, Any]], Any]], ...],
    ) -> None:
        self.text = text
        self.path = path
        self._run = run
        self._leaves = leaves

    def __call__(self, it: Any, scope: Mapping[str, Any] | None = None) -> Any:
        """The value for an element, ``None`` where something it needs is not there.

        Args:
            it: The element at hand.
            scope: Values of the other names, ``msg`` among them.

        Raises:
            WrongValueError: All it needs is there, and cannot be computed with; names the path and the value.
        """
        names = {"msg": it} if scope is None else scope
        try:
            return self._run(it, names)
        except WrongValueError as e:
            raise WrongValueError(f"{self.path}: {e}", e.reason) from None
        except MENDED:
            pass
        found = [(name, _leaf_value(leaf, it, names)) for name, leaf in self._leaves]
        if any(value is None for _, value in found):
            return None
        told = ", ".join(f"{name} = {_shown(value)}" for name, value in found[:4])
        mixed = "+" in self.text and any(isinstance(v, str) for _, v in found)
        hint = '; a text and a number are joined in a template: f"{it.a}-{it.b}"' if mixed else ""
        raise WrongValueError(f"{self.path}: cannot compute {self.text[:80]} with {told}{hint}")

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


def compile_expression(
    text: str, path: str, names: Collection[str] = (), missing: Sentinels | None = None
) -> Expression:
    """Compile an expression.

    Args:
        text: The expression.
        path: Where it stands in the profile, for errors.
        names: What it may see besides ``it`` and ``msg``; any other bare name is a key of ``it``.
        missing: Values of the message that count as not there, before anything is computed with them; where they are
            only compared they stay.

    Raises:
        SensorTypeError: It is none, or wants what is not allowed; says what, and what there is instead.

    Example:
        >>> first = compile_expression('find(list, type == "P1").value', "fields.pm10_ugm3.from")
        >>> first({"list": [{"type": "P2", "value": 3}, {"type": "P1", "value": 7.5}]})
        7.5
        >>> compile_expression("it.from + it.class", "f")({"from": 1, "class": 2})  # keys like any other
        3
        >>> compile_expression("it.__class__", "when")({})
        >>> compile_expression("__import__('os')", "when")
        Traceback (most recent call last):
        brain.errors.SensorTypeError: when: there is no function __import__; see the functions of the profile reference
    """
    if len(text) > _LONGEST:
        raise SensorTypeError(path, f"an expression of {len(text)} characters is longer than {_LONGEST}; use let")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" of a pattern stays as it is, which is what is meant
            tree = ast.parse(_with_words(text.strip()), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as e:
        at = getattr(e, "offset", None)
        where = f" at character {at}" if at else ""
        reason = getattr(e, "msg", None) or "too deep"
        raise SensorTypeError(
            path, f"{text[:80]!r:.82} is no expression{where}: {reason}{hints.of_text(text)}"
        ) from None
    if sum(1 for _ in ast.walk(tree)) > _MOST_NODES:
        raise SensorTypeError(path, f"an expression of more than {_MOST_NODES} parts is too much; use let")
    writer = _Writer(path, frozenset(names) | {"msg"}, missing)
    body = writer.value(tree.body)
    return Expression(
        text,
        path,
        _function(body),
        tuple((name, _function(leaf)) for name, leaf in writer.leaves.items()),
    )


def _with_words(text: str) -> str:
    """Keys that are Python's own words: ``it.from`` becomes ``it["from"]``; texts stay as they are."""
    if not _OWN_WORD.search(text):
        return text
    out, at = [], 0
    while at < len(text):
        if text[at] in "\"'":
            end = text.find(text[at], at + 1)
            end = len(text) if end < 0 else end + 1
            out.append(text[at:end])
            at = end
        elif text[at] == "." and (found := _OWN_WORD.match(text, at)) is not None:
            out.append(f'["{found[1]}"]')
            at = found.end()
        else:
            out.append(text[at])
            at += 1
    return "".join(out)


def _function(body: ast.expr) -> Callable[[Any, Mapping[str, Any]], Any]:
    """A lambda of our own nodes; nothing of the text itself is ever run."""
    module = ast.Expression(ast.Lambda(args=_arguments(_IT, _SCOPE), body=body))
    ast.fix_missing_locations(module)
    made: Callable[[Any, Mapping[str, Any]], Any] = eval(  # noqa: S307 - made of whitelisted nodes, no built-ins
        compile(module, "<profile>", "eval"), _GLOBALS
    )
    return made


def _arguments(*names: str) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[], args=[ast.arg(arg=n) for n in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )


def _load(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def _call(name: str, *args: ast.expr) -> ast.Call:
    return ast.Call(func=_load(name), args=list(args), keywords=[])


class _Writer:
    """Writes the nodes that run from the nodes that were read; gathers the paths it meets outside of predicates."""

    def __init__(self, path: str, names: frozenset[str], missing: Sentinels | None = None) -> None:
        self.path = path
        self.names = names
        self.missing = missing if missing and any(missing) else None
        self.leaves: dict[str, ast.expr] = {}
        self._inside = 0
        self._tests = 0  # how deep in what is only compared or looked up by

    def refuse(self, sentence: str) -> SensorTypeError:
        return SensorTypeError(self.path, sentence)

    def value(self, node: ast.expr) -> ast.expr:
        """The node that computes this one."""
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
            return self._path(node)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BoolOp):
            return ast.BoolOp(op=node.op, values=[self.value(v) for v in node.values])
        if isinstance(node, ast.Compare):
            return self._compare(node)
        if isinstance(node, ast.IfExp):
            return ast.IfExp(test=self._test(node.test), body=self.value(node.body), orelse=self.value(node.orelse))
        if isinstance(node, ast.Call):
            made = self._function(node)
            if not self._inside:  # what a function does not find is missing, like a path that leads nowhere
                self.leaves.setdefault(ast.unparse(node), made)
            return made
        if isinstance(node, (ast.List, ast.Tuple)):
            return ast.Tuple(elts=[self.value(e) for e in node.elts], ctx=ast.Load())
        if isinstance(node, ast.JoinedStr):
            return self._template(node)
        raise self.refuse(
            f"{ast.unparse(node)[:60]!r:.62} is not allowed in an expression{hints.of_node(node, FUNCTIONS)}"
        )

    def _test(self, node: ast.expr) -> ast.expr:
        self._tests += 1
        made = self.value(node)
        self._tests -= 1
        return made

    def _constant(self, node: ast.Constant) -> ast.expr:
        if node.value is None or isinstance(node.value, (bool, str, int, float)):
            if isinstance(node.value, int) and abs(node.value) >= 1 << 64:
                raise self.refuse("a whole number of more than 64 bits is not allowed in an expression")
            return node
        raise self.refuse(f"{ast.unparse(node)[:60]!r:.62} is neither a number nor a text")

    def _path(self, node: ast.expr) -> ast.expr:
        keys: list[ast.expr] = []
        at = node
        while isinstance(at, (ast.Attribute, ast.Subscript)):
            if isinstance(at, ast.Attribute):
                keys.append(ast.Constant(at.attr))
            elif isinstance(at.slice, ast.Slice):
                return self._slice(at, keys)
            else:
                keys.append(self._test(at.slice))
            at = at.value
        if isinstance(at, ast.Name):
            root, first = self._root(at.id)
            keys += first
        else:
            root = self.value(at)
        made = root if not keys else _call("op_get", root, ast.Tuple(elts=keys[::-1], ctx=ast.Load()))
        if self.missing is not None and not self._tests:
            made = _call("op_known", made, ast.Constant(self.missing))  # type: ignore[arg-type]  # the compiler takes sets
        if isinstance(at, ast.Name) and not self._inside:
            self.leaves.setdefault(ast.unparse(node), made)
        return made

    def _root(self, name: str) -> tuple[ast.expr, list[ast.expr]]:
        if name in _CONSTANTS:
            return ast.Constant(_CONSTANTS[name]), []
        if name == _IT:
            return _load(_IT), []
        if name in self.names:
            return _load(_SCOPE), [ast.Constant(name)]
        return _load(_IT), [ast.Constant(name)]

    def _slice(self, node: ast.Subscript, after: list[ast.expr]) -> ast.expr:
        cut = node.slice
        assert isinstance(cut, ast.Slice)
        if cut.step is not None:
            raise self.refuse("a slice has a start and an end, like text[2:10], and no step")
        ends = [ast.Constant(None) if e is None else self.value(e) for e in (cut.lower, cut.upper)]
        made = _call("op_slice", self.value(node.value), *ends)
        return _call("op_get", made, ast.Tuple(elts=after[::-1], ctx=ast.Load())) if after else made

    def _arithmetic(self, node: ast.BinOp) -> ast.expr:
        name = _ARITHMETIC.get(type(node.op))
        if name is None:
            raise self.refuse(f"{ast.unparse(node)[:60]!r:.62} has an operator that is not allowed")
        left, right = self.value(node.left), self.value(node.right)
        if any(_is_plain(node.op, side) for side in (left, right)):
            return ast.BinOp(left=left, op=node.op, right=right)
        return _call(name, left, right)

    def _unary(self, node: ast.UnaryOp) -> ast.expr:
        if isinstance(node.op, (ast.Not, ast.USub, ast.UAdd)):
            if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
                self._constant(node.operand)
            return ast.UnaryOp(op=node.op, operand=self.value(node.operand))
        raise self.refuse("~ is not allowed; use bits()")

    def _compare(self, node: ast.Compare) -> ast.expr:
        sides = [self._test(node.left), *(self._test(c) for c in node.comparators)]
        parts = [self._one(op, a, b) for op, a, b in zip(node.ops, sides, sides[1:], strict=False)]
        return parts[0] if len(parts) == 1 else ast.BoolOp(op=ast.And(), values=parts)

    def _one(self, op: ast.cmpop, a: ast.expr, b: ast.expr) -> ast.expr:
        if isinstance(op, (ast.Eq, ast.NotEq)):
            return ast.Compare(left=a, ops=[op], comparators=[b])
        if isinstance(op, ast.NotIn):
            return ast.UnaryOp(op=ast.Not(), operand=_call("op_in", a, b))
        name = _ORDER.get(type(op))
        if name is None:
            raise self.refuse("is and is not are not allowed; use missing(x) or ==")
        return _call(name, a, b)

    def _function(self, node: ast.Call) -> ast.expr:
        if not isinstance(node.func, ast.Name):
            hint = hints.of_node(node.func, FUNCTIONS)
            raise self.refuse(f"{ast.unparse(node.func)[:60]!r:.62} is not a function; there are no methods here{hint}")
        name = node.func.id
        if name not in FUNCTIONS:
            raise self.refuse(f"there is no function {name[:60]}; {hints.of_function(name, FUNCTIONS)}")
        if node.keywords or any(isinstance(a, ast.Starred) for a in node.args):
            raise self.refuse(f"{name}() takes its values in order, without names and stars")
        low, high = FUNCTIONS[name].arity
        if not low <= len(node.args) <= high:
            wanted = str(low) if low == high else f"{low} to {high}"
            raise self.refuse(f"{name}() takes {wanted} values, not {len(node.args)}")
        if name in ("match", "matches"):
            return _call(f"f_{name}", self.value(node.args[0]), self._pattern(node.args[1]))
        if name in LAZY:
            return _call(f"f_{name}", *(self._later(a) for a in node.args))
        if name in OVER_ELEMENTS and len(node.args) > 1:
            return _call(
                f"f_{name}", self.value(node.args[0]), self._each(name, node.args[1]), *map(self.value, node.args[2:])
            )
        return _call(f"f_{name}", *(self.value(a) for a in node.args))

    def _pattern(self, node: ast.expr) -> ast.Constant:
        r"""A pattern that is one; ``"\b"`` is the border of a word, as everywhere in patterns, and no backspace."""
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            raise self.refuse("the pattern of match() is a text that stands there, like match(key, '^delta_(.*)$')")
        pattern = node.value.replace("\b", "\\b")
        try:
            compiled_pattern(pattern)
        except WrongValueError as e:
            raise self.refuse(str(e)) from None
        return ast.Constant(pattern)

    def _later(self, node: ast.expr) -> ast.expr:
        """A value that is computed only when it is asked for; what fails in it is as if missing."""
        self._inside += 1
        body = self.value(node)
        self._inside -= 1
        return ast.Lambda(args=_arguments(), body=body)

    def _each(self, name: str, node: ast.expr) -> ast.expr:
        """What is computed of each element of a list: inside, ``it`` is the element."""
        self._inside += 1
        body = self._test(node)
        self._inside -= 1
        read = {part.id for part in ast.walk(body) if isinstance(part, ast.Name)}
        if _SCOPE in read and _IT not in read:  # find(list, True) is the first one
            raise self.refuse(
                f"{ast.unparse(node)!r:.62} in {name}() never looks at the element; its own key or parent is it.key"
                ", it.parent"
            )
        return ast.Lambda(args=_arguments(_IT), body=body)

    def _template(self, node: ast.JoinedStr) -> ast.expr:
        parts: list[ast.expr] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                if part.format_spec is not None or part.conversion != -1:
                    raise self.refuse("a template holds plain {values}; use round() or text() for their form")
                parts.append(self.value(part.value))
            else:
                parts.append(part)
        return _call("op_join", *parts)


def _leaf_value(leaf: Callable[[Any, Mapping[str, Any]], Any], it: Any, names: Mapping[str, Any]) -> Any:
    """What a path leads to; its own keys may be computed, and that may fail."""
    try:
        return leaf(it, names)
    except (*MENDED, WrongValueError):
        return "what cannot be computed"


def _is_plain(op: ast.operator, side: ast.expr) -> bool:
    """Whether, with this constant, Python's own operator fails by itself for all but numbers: nothing to look at first.

    A whole number times a text would repeat the text, hence fractions only.
    """
    if not isinstance(side, ast.Constant) or isinstance(side.value, bool):
        return False
    if isinstance(op, ast.Mult):
        return isinstance(side.value, float)
    return isinstance(op, (ast.Add, ast.Sub, ast.Div)) and isinstance(side.value, (int, float))


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except ValueError:  # Python does not print numbers of thousands of digits
        return "a very long number"
    return shown if len(shown) <= 60 else shown[:60] + "…"
