"""Gathers what is wrong in a document, so that all of it is told at once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from brain.errors import SensorTypeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Gather"]

_MOST: Final = 100  # a document of nothing but errors costs its length, not the square of it
T = TypeVar("T")
S = TypeVar("S")


class Gather:
    """Runs the parts of a check, keeps their errors, and raises them as one.

    Example:
        >>> gather = Gather()
        >>> with gather:
        ...     raise SensorTypeError("zone", "there is none")
        >>> gather.tried(lambda: int("7"), 0)
        7
        >>> gather.end()
        Traceback (most recent call last):
        brain.errors.SensorTypeError: zone: there is none
    """

    def __init__(self) -> None:
        self.found: list[SensorTypeError] = []

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, SensorTypeError):
            return False
        if len(self.found) < _MOST:
            told = {str(e) for e in self.found}
            self.found += [e for e in error.every if str(e) not in told]
        return True

    def tried(self, part: Callable[[], T], otherwise: S) -> T | S:
        """What a part gives; ``otherwise`` where something is wrong with it."""
        with self:
            return part()
        return otherwise

    def wrong(self, path: str, sentence: str) -> None:
        """Keep an error."""
        with self:
            raise SensorTypeError(path, sentence)

    def end(self) -> None:
        """Nothing where all is right.

        Raises:
            SensorTypeError: The first error; ``others`` has those that follow.
        """
        if self.found:
            first, *others = self.found
            raise SensorTypeError.of(first, others)
