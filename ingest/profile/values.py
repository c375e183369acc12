"""What a value is: a number that is there, a text of it. Pure."""

from __future__ import annotations

import math
from typing import Any

from ingest.profile.limits import WrongValueError

__all__ = ["counts", "is_number", "text_of"]


def is_number(value: Any) -> bool:
    """Whether this is a number (a truth value counts as one, as in Python).

    Example:
        >>> is_number(2.5), is_number("2.5")
        (True, False)
    """
    return isinstance(value, (int, float))


def counts(value: Any) -> bool:
    """Whether this is a number that is there."""
    return isinstance(value, int) or (isinstance(value, float) and not math.isnan(value))


def text_of(value: Any) -> str:
    """The text of a text, a number or a truth value.

    Raises:
        WrongValueError: It is none of these.

    Example:
        >>> text_of(7.0), text_of(True)
        ('7', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, (str, int, float)):
        return str(value)
    raise WrongValueError(f"{str(value)[:60]!r:.62} is no text, number or truth value")
