"""Builds WHERE clauses: SQL text from this code only, every value an argument."""

from __future__ import annotations

from typing import Any

__all__ = ["Filter", "is_storable"]


def is_storable(*texts: str | None) -> bool:
    r"""Whether PostgreSQL could hold these texts; what it cannot hold need not be looked for.

    Example:
        >>> is_storable("G1", None), is_storable("G\0"), is_storable("\ud800")
        (True, False, False)
    """
    for text in texts:
        if text is None:
            continue
        if "\0" in text:
            return False
        try:
            text.encode()
        except UnicodeEncodeError:  # half a surrogate pair
            return False
    return True


class Filter:
    """Conditions joined by AND, with the arguments they number.

    Example:
        >>> f = Filter(10)
        >>> f.add("a = {}", 1)
        >>> f.add("b BETWEEN {} AND {}", 2, 3)
        >>> f.text, f.arguments
        ('a = $2 AND b BETWEEN $3 AND $4', [10, 1, 2, 3])
    """

    def __init__(self, *arguments: Any) -> None:
        self.arguments: list[Any] = list(arguments)
        self._parts: list[str] = []

    def add(self, condition: str, *values: Any) -> None:
        """One condition with ``{}`` for each value."""
        numbers = (f"${i}" for i in range(len(self.arguments) + 1, len(self.arguments) + 1 + len(values)))
        self._parts.append(condition.format(*numbers))
        self.arguments += values

    def add_where_given(self, condition: str, value: Any) -> None:
        """One condition, left out where the value is None."""
        if value is not None:
            self.add(condition, value)

    @property
    def text(self) -> str:
        """The clause; ``true`` without conditions."""
        return " AND ".join(self._parts) or "true"
