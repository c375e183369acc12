"""Pages of observations, oldest first, without an index that gives the order: by windows of time.

A BRIN index finds the rows of a stretch of time, not the next hundred rows. So the walk asks window after window until
the page is full. Of a window it asks for some rows, in whatever order they lie. If it holds no more than those, they
are in the page. If it holds more, they tell where to cut it: behind as many of them as the page needs, for that then
lies before the cut. Rows are stored nearly in order of time, so the first cut mostly fits; any cut is right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from brain.times import EARLIEST, LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CROWD", "Walk", "Window", "merged"]

#: Rows asked for that make a window crowded; twice the page where that is more.
CROWD: Final = 400
_FIRST: Final = 3_600_000_000
_FACTOR: Final = 8


class Window(NamedTuple):
    """A stretch of time [low, high), microseconds.

    Attributes:
        most: Rows to ask for; where there are that many the window is crowded. None: it cannot be cut further.
    """

    low: int
    high: int
    most: int | None


def merged(spans: Iterable[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    """Spans in order, cut to [low, high); those that touch or overlap become one.

    Example:
        >>> merged([(20, 30), (0, 10), (10, 12), (40, 50)], 5, 45)
        [(5, 12), (20, 30), (40, 45)]
    """
    out: list[tuple[int, int]] = []
    for a, b in sorted((max(a, low), min(b, high)) for a, b in spans):
        if a >= b:
            continue
        if out and a <= out[-1][1]:
            out[-1] = (out[-1][0], max(b, out[-1][1]))
        else:
            out.append((a, b))
    return out


class Walk:
    """The windows of one page, oldest first: ask ``window``, say what it held by ``passed`` or ``crowded``.

    Windows are measured in time that has room for rows (``spans``), so that a year without chunks is one step.

    Args:
        spans: Stretches outside of which there is no row.
        start, end: The stretch asked for; None where it is open.
        rows: What the page needs.

    Example:
        >>> hour = 3_600_000_000
        >>> walk = Walk([(0, 4 * hour), (50 * hour, 70 * hour)], None, None, 100)
        >>> [t / hour for t in walk.window[:2]], walk.window.most
        ([0.0, 1.0], 400)
        >>> walk.passed(7)
        >>> [t / hour for t in walk.window[:2]]
        [1.0, 55.0]
        >>> walk.crowded(2 * hour)
        >>> [t / hour for t in walk.window[:2]]
        [1.0, 2.0]
    """

    def __init__(self, spans: Iterable[tuple[int, int]], start: int | None, end: int | None, rows: int) -> None:
        low, high = EARLIEST if start is None else start, LATEST + 1 if end is None else end
        self._spans = merged(spans, low, high)
        self._most = max(CROWD, 2 * rows)
        self._at = self._spans[0][0] if self._spans else high
        self._high = self._at
        self._width = _FIRST
        self._open()

    @property
    def window(self) -> Window | None:
        """What to ask next; None at the end."""
        if self._high <= self._at:
            return None
        return Window(self._at, self._high, self._most if self._high - self._at > 1 else None)

    def passed(self, rows: int) -> None:
        """The window held this many rows; go on behind it."""
        if rows * _FACTOR < self._most:
            self._width *= _FACTOR
        self._at = self._high
        self._open()

    def crowded(self, cut: int) -> None:
        """The window holds too many rows; take what lies before a time, at least without its last instant."""
        self._high = max(self._at + 1, min(cut, self._high - 1))

    def _open(self) -> None:
        left = self._width
        for a, b in self._spans:
            if b <= self._at or not left:
                continue
            begin = max(a, self._at)
            self._high = min(b, begin + left)
            left -= self._high - begin
