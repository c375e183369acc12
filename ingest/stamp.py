"""Times of receipt: strictly increasing, near the wall clock even where that jumps. The clocks are passed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Stamper"]


@dataclass(slots=True)
class Stamper:
    """Gives times of receipt, microseconds.

    While the wall clock is behind (it was set back, or an earlier ingest ran ahead), stamps go on at half speed until
    it has caught up: the scenes' clock never stands still and never goes back.

    Attributes:
        wall: The wall clock, microseconds since 1970 UTC.
        steady: A clock that only runs forward, seconds.
        last: The last stamp given, also by whoever wrote the log before.

    Example:
        >>> wall, steady = iter([100, 40, 160]), iter([0.0, 0.00001, 0.00003])
        >>> stamper = Stamper(lambda: next(wall), lambda: next(steady))
        >>> stamper.next(), stamper.next(room=3), stamper.next(), stamper.last
        (100, 105, 160, 160)
    """

    wall: Callable[[], int]
    steady: Callable[[], float]
    last: int = 0
    _seen: float | None = None

    def next(self, room: int = 1) -> int:
        """The next stamp; the ``room`` microseconds from it on are taken."""
        stamp, self._seen = self._peek()
        self.last = stamp + room - 1
        return stamp

    def due(self, period_us: int) -> bool:
        """Whether a whole period (a second) has begun since the last stamp."""
        return self._peek()[0] // period_us > self.last // period_us

    def _peek(self) -> tuple[int, float]:
        seen = self.steady()
        elapsed = 0.0 if self._seen is None else seen - self._seen
        return max(self.wall(), self.last + max(1, int(elapsed * 500_000))), seen
