"""Small sums over measured values: percentiles, and median with the range. Pure."""

from __future__ import annotations

import math
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["percentile", "percentiles", "spread", "summary"]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least ``share`` of all do not exceed (nearest rank: always a value measured).

    Args:
        values: Sorted, one at least.
        share: 0 to 1.

    Example:
        >>> percentile([1, 2, 3, 4], 0.5), percentile([1, 2, 3, 4], 0.99), percentile([7], 0)
        (2, 4, 7)
    """
    return values[max(0, math.ceil(share * len(values)) - 1)]


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """Count, p50, p99, p99.9 and the highest, three digits behind the point; only the count where there are none.

    Example:
        >>> percentiles([3.0, 1.0, 2.0])
        {'count': 3, 'p50': 2.0, 'p99': 3.0, 'p99_9': 3.0, 'max': 3.0}
    """
    if not values:
        return {"count": 0}
    v = sorted(values)
    named = (("p50", 0.5), ("p99", 0.99), ("p99_9", 0.999), ("max", 1.0))
    return {"count": len(v)} | {name: round(percentile(v, share), 3) for name, share in named}


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, least and most.

    Example:
        >>> spread([3.0, 1.0, 2.0])
        {'median': 2.0, 'min': 1.0, 'max': 3.0}
    """
    return {"median": _round(statistics.median(values)), "min": _round(min(values)), "max": _round(max(values))}


def _round(value: float) -> float:
    """Four significant digits at least, whole numbers above a thousand."""
    return float(round(value)) if abs(value) >= 1000 else round(value, 3)


def summary(repeats: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """``spread`` of every number that all repeats have; dictionaries are gone into, all else is left out.

    Example:
        >>> summary([{"a": {"b": 1.0}, "c": "x"}, {"a": {"b": 3.0}, "c": "x"}])
        {'a': {'b': {'median': 2.0, 'min': 1.0, 'max': 3.0}}}
    """
    out: dict[str, Any] = {}
    first = repeats[0]
    for key, value in first.items():
        column = [r[key] for r in repeats if key in r]
        if len(column) < len(repeats):
            continue
        if isinstance(value, dict):
            if inner := summary(column):
                out[key] = inner
        elif isinstance(value, int | float) and not isinstance(value, bool):
            out[key] = spread(column)
    return out
