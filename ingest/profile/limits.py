"""What bounds the work that a message may cause, and the error of a value that cannot be used. Pure."""

from __future__ import annotations

from typing import Final

__all__ = ["LONGEST", "MENDED", "MOST_STEPS", "STEPS", "Steps", "WrongValueError", "charge"]

LONGEST: Final = 262_144  # characters or bytes a value may grow to
MENDED: Final = (TypeError, KeyError, IndexError, AttributeError, ZeroDivisionError, OverflowError, ValueError)
"""What a computation with missing or wrong values raises; ``Expression`` tells which of the two it was."""


class WrongValueError(Exception):
    """A value is there and cannot be used; the text names it, ``reason`` is a word of the quarantine."""

    def __init__(self, detail: str, reason: str = "wrong_type") -> None:
        super().__init__(detail)
        self.reason = reason


class Steps:
    """How much a message may still cost: elements looked at and values taken, over all of its readings.

    A small document can make lists of lists grow without end in time; whoever reads a message starts anew, and what
    goes beyond is refused. One message is read at a time.

    Example:
        >>> STEPS.begin()
        >>> STEPS.spend(10)
        >>> STEPS.left == MOST_STEPS - 10
        True
    """

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MOST_STEPS

    def begin(self) -> None:
        """A new message."""
        self.left = MOST_STEPS

    def spend(self, steps: int) -> None:
        """Take some.

        Raises:
            WrongValueError: There are no more.
        """
        self.left -= steps
        if self.left < 0:
            raise WrongValueError(f"payload: needs more than {MOST_STEPS} steps; make the message smaller", "too_large")


_FREE: Final = 64  # elements or characters that cost no more than the reading itself
_SIZES: Final[dict[type, int]] = {list: 2, tuple: 2, dict: 2, str: 6, bytes: 6}
"""How many elements or characters a step is worth, as a power of two: a quarter of a microsecond each, about."""


def charge(value: object) -> None:
    """Take the steps of going once through a value: a list that every reading looks through costs its square.

    Raises:
        WrongValueError: There are no more.
    """
    shift = _SIZES.get(value.__class__)
    if shift is not None and (size := len(value)) > _FREE:  # type: ignore[arg-type]
        STEPS.spend(size >> shift)


MOST_STEPS: Final = 200_000
STEPS: Final = Steps()
