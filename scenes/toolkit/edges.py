"""A value on its threshold counts as having reached it, whatever the last bits of binary fractions say.

``0.6 * 48`` is 28.799999999999997, and 28.8 is not below it; nobody who writes "at most 0.6 of the usual speed" means
that. Both sides are compared to nine digits.
"""

from __future__ import annotations

from typing import Final

__all__ = ["at_least", "at_most"]

SHARE: Final = 1e-9


def at_least(value: float, threshold: float) -> bool:
    """Whether a value has reached a threshold from below.

    Example:
        >>> at_least(0.1 + 0.2 - 0.3 + 8, 8), at_least(28.4 - 20.4, 8), at_least(7.9, 8)
        (True, True, False)
    """
    return value >= threshold - SHARE * max(1.0, abs(threshold))


def at_most(value: float, threshold: float) -> bool:
    """Whether a value has reached a threshold from above.

    Example:
        >>> at_most(28.8, 0.6 * 48), at_most(28.9, 0.6 * 48)
        (True, False)
    """
    return value <= threshold + SHARE * max(1.0, abs(threshold))
