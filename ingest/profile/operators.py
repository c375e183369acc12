"""The operators of profile expressions: Python's, but whatever could grow without end is looked at first. Pure."""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final

from ingest.profile.functions import LONGEST, WrongValueError, is_number, text_of
from ingest.profile.limits import STEPS, charge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Sentinels", "is_sentinel", "operators", "sentinels"]

Sentinels = tuple[frozenset[float], frozenset[str]]
"""Numbers and texts that mean nothing."""

_MOST_SHIFT: Final = 63
_MOST_POWER: Final = 64
_PLAIN_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_LONGEST_NUMBER: Final = 64


def _float_of(text: str) -> float | None:
    return float(text) if len(text) <= _LONGEST_NUMBER and _PLAIN_NUMBER.fullmatch(text) else None


def sentinels(values: Sequence[Any]) -> Sentinels:
    """What ``missing`` lists, ready to compare with; a number and the text of it are one.

    Example:
        >>> is_sentinel("-999.0", sentinels([-999, "--"])), is_sentinel(" --", sentinels([-999, "--"]))
        (True, True)
    """
    texts = frozenset(v.strip() for v in values if isinstance(v, str))
    numbers = [float(v) for v in values if isinstance(v, (int, float))]
    return frozenset([*numbers, *(n for t in texts if (n := _float_of(t)) is not None)]), texts


def is_sentinel(value: Any, known: Sentinels) -> bool:
    """Whether a value is one of those that mean nothing; a truth value never is."""
    numbers, texts = known
    if isinstance(value, (int, float)):
        return value in numbers and not isinstance(value, bool)
    if isinstance(value, str):
        text = value.strip()
        return text in texts or (bool(numbers) and _float_of(text) in numbers)
    return False


def _known(value: Any, known: Sentinels) -> Any:
    """A value of a message, nothing where it means nothing."""
    return None if is_sentinel(value, known) else value


def _get(value: Any, keys: Sequence[Any]) -> Any:
    """Into objects and lists by keys; ``None`` where there is nothing."""
    try:
        for key in keys:
            value = value[key]
    except (KeyError, IndexError, TypeError):
        return None
    return value


def _slice(value: Any, start: Any, end: Any) -> Any:
    if not isinstance(value, (str, bytes, list, tuple)):
        return None
    charge(value)
    return value[start:end]


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, (str, bytes)) and isinstance(b, (str, bytes)) and len(a) + len(b) > LONGEST:
        raise WrongValueError(f"a text of more than {LONGEST} characters is too long")
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        STEPS.spend((len(a) + len(b)) // 4)
        return [*a, *b]
    return a + b


def _multiply(a: Any, b: Any) -> Any:
    if not (is_number(a) and is_number(b)):
        raise TypeError
    return a * b if abs(a) < 1e300 and abs(b) < 1e300 else float(a) * float(b)


def _modulo(a: Any, b: Any) -> Any:
    if not (is_number(a) and is_number(b)):
        raise TypeError  # with a text it would be a format
    return a % b


def _power(a: Any, b: Any) -> Any:
    if abs(b) > _MOST_POWER:
        raise WrongValueError(f"an exponent beyond {_MOST_POWER} is not allowed")
    out = float(a) ** b
    if isinstance(out, complex):
        raise WrongValueError(f"{a!r} has no power {b!r}")
    return out


def _shift(way: Callable[[int, int], int]) -> Callable[[Any, Any], int]:
    def run(a: Any, b: Any) -> int:
        if not 0 <= b <= _MOST_SHIFT or abs(a) >= 1 << 64:
            raise WrongValueError(f"a shift is by 0 to {_MOST_SHIFT} bits, of a number of 64 bits")
        return way(a, b)

    return run


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def run(a: Any, b: Any) -> bool:
        try:
            return compare(a, b)
        except TypeError:
            return False

    return run


def _in(a: Any, b: Any) -> bool:
    charge(b)
    try:
        return a in b
    except TypeError:
        return False


def _join(*parts: Any) -> str | None:
    """A template; ``None`` where one of its values is missing."""
    if any(part is None for part in parts):
        return None
    texts = [part if isinstance(part, str) else text_of(part) for part in parts]
    if sum(map(len, texts)) > LONGEST:
        raise WrongValueError(f"a text of more than {LONGEST} characters is too long")
    return "".join(texts)


def operators() -> dict[str, Callable[..., Any]]:
    """What compiled expressions call for operators, by the names the compiler gives them."""
    return {
        "op_get": _get,
        "op_slice": _slice,
        "op_add": _add,
        "op_subtract": operator.sub,
        "op_multiply": _multiply,
        "op_divide": operator.truediv,
        "op_floor": operator.floordiv,
        "op_modulo": _modulo,
        "op_power": _power,
        "op_and": operator.and_,
        "op_or": operator.or_,
        "op_xor": operator.xor,
        "op_left": _shift(operator.lshift),
        "op_right": _shift(operator.rshift),
        "op_less": _ordered(operator.lt),
        "op_at_most": _ordered(operator.le),
        "op_more": _ordered(operator.gt),
        "op_at_least": _ordered(operator.ge),
        "op_in": _in,
        "op_join": _join,
        "op_known": _known,
    }
