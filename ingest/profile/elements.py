"""Functions of expressions over lists and objects, bounded by the steps of a message. Pure."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any

from ingest.profile.limits import LONGEST, MENDED, STEPS, WrongValueError
from ingest.profile.values import counts, is_number, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "best",
    "count",
    "elements_of",
    "filtered",
    "find",
    "first_of",
    "index",
    "is_missing",
    "is_present",
    "joined",
    "keys_of",
    "list_of",
    "lookup",
    "mapped",
    "of_each",
    "over",
    "zipped",
]


def first_of(*later: Callable[[], Any]) -> Any:
    """The first value that is there; what fails is as if missing."""
    for one in later:
        try:
            value = one()
        except (*MENDED, WrongValueError):
            continue
        if value is not None and value != "" and not (isinstance(value, float) and math.isnan(value)):
            return value
    return None


def is_missing(one: Callable[[], Any]) -> bool:
    """Whether a value is absent, null, empty or NaN."""
    return first_of(one) is None


def is_present(one: Callable[[], Any]) -> bool:
    """The opposite."""
    return first_of(one) is not None


def elements_of(value: Any) -> list[Any]:
    """Elements of a list; values of an object, each with its key under ``_key`` where it is an object itself."""
    if isinstance(value, dict):
        return [{"_key": k, **v} if isinstance(v, dict) else v for k, v in value.items()]
    return list(value) if isinstance(value, (list, tuple)) else []


def of_each(elements: list[Any], each: Callable[[Any], Any]) -> list[Any]:
    """What is computed of each element; None where that fails."""
    STEPS.spend(len(elements))
    out = []
    for element in elements:
        try:
            out.append(each(element))
        except (*MENDED, WrongValueError):
            out.append(None)
    return out


def find(value: Any, each: Callable[[Any], Any]) -> Any:
    """The first element for which something holds."""
    for element in elements_of(value):
        if of_each([element], each)[0]:
            return element
    return None


def filtered(value: Any, each: Callable[[Any], Any]) -> list[Any] | None:
    """The elements for which something holds."""
    if value is None:
        return None
    elements = elements_of(value)
    return [e for e, good in zip(elements, of_each(elements, each), strict=True) if good]


def mapped(value: Any, each: Callable[[Any], Any]) -> list[Any] | None:
    """Something of each element, where there is something."""
    return None if value is None else [v for v in of_each(elements_of(value), each) if v is not None]


def best(largest: bool) -> Callable[[Any, Callable[[Any], Any]], Any]:
    """The element with the largest or smallest value."""

    def run(value: Any, each: Callable[[Any], Any]) -> Any:
        elements = elements_of(value)
        scored = [(s, e) for e, s in zip(elements, of_each(elements, each), strict=True) if counts(s)]
        if not scored:
            return None
        pick = max if largest else min
        return pick(scored, key=operator.itemgetter(0))[1]  # the first of equals

    return run


def over(run: Callable[[list[Any]], Any]) -> Callable[..., Any]:
    """``run`` of the numbers among several values, or among the elements of one list."""

    def made(*values: Any) -> Any:
        given = elements_of(values[0]) if len(values) == 1 and not is_number(values[0]) else list(values)
        numbers = [v for v in given if counts(v)]
        return run(numbers) if numbers else None

    return made


def count(value: Any, each: Callable[[Any], Any] | None = None) -> int | None:
    """How many elements, or for how many something holds."""
    if value is None:
        return None
    return len(elements_of(value)) if each is None else len(filtered(value, each) or ())


def lookup(table: Any, value: Any, other: Any = None) -> Any:
    """Keys are compared as they are written: 1, 1.0 and "1" are one."""
    if value is None or not isinstance(table, dict):
        return other
    found = table.get(text_of(value))
    if found is None and isinstance(value, bool):  # YAML's 1 and true are one key
        found = table.get(str(int(value)))
    found = table.get("else") if found is None else found
    return other if found is None else found


def index(value: Any, wanted: Any) -> int | None:
    """The place of a value in a list."""
    return next((i for i, v in enumerate(elements_of(value)) if v == wanted), None)


def zipped(names: Any, values: Any) -> dict[str, Any] | None:
    """An object of names and values."""
    if not isinstance(names, (list, tuple)) or not isinstance(values, (list, tuple)):
        return None
    return {text_of(n): v for n, v in zip(names, values, strict=False)}


def keys_of(value: Any) -> list[str] | None:
    """The keys of an object."""
    return None if value is None else list(value) if isinstance(value, dict) else []


def joined(value: Any, between: str = "") -> str | None:
    """The parts of a list as one text."""
    if value is None:
        return None
    texts = [text_of(v) for v in elements_of(value) if v is not None]
    if sum(map(len, texts)) + len(between) * len(texts) > LONGEST:
        raise WrongValueError(f"a text of more than {LONGEST} characters is too long")
    return between.join(texts)


def list_of(value: Any) -> list[Any] | None:
    """A list of what is one or several: XML tells a lone element from a list of one by nothing."""
    return None if value is None else list(value) if isinstance(value, (list, tuple)) else [value]
