"""When to flush: at once while it is quiet, in larger gulps the longer a commit takes. No I/O, the clock is passed in.

A commit costs about as much for one row as for fifty, so under load a flush waits until half of the last one's duration
has passed again, and flushes begin 10 to 50 ms apart, unless enough messages wait. After a pause the first message does
not wait at all, and nor does a call or what else is urgent, up to 50 times a second. While one flush is written the
next is decoded, but no sooner than it must be to be ready in time: what comes until then still comes into it.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Batcher"]


@dataclass(slots=True)
class Batcher:
    """Decides how long a flush may wait for company. What waits is counted in messages of a usual size.

    Attributes:
        enough: So much waiting makes a flush due.
        shortest_s: Seconds between the starts of two flushes under load, at least.
        longest_s: ... and at most.
        hurry_every_s: Seconds between two flushes that begin early for something urgent, at least.

    Example:
        >>> batcher = Batcher()
        >>> batcher.delay(10.0, waiting=1)
        0.0
        >>> batcher.flushed(10.0, 10.010)
        >>> round(batcher.delay(10.012, waiting=1), 3), batcher.delay(10.012, waiting=1000)
        (0.003, 0.0)
    """

    enough: int = 1000
    shortest_s: float = 0.01
    longest_s: float = 0.05
    hurry_every_s: float = 0.02
    _start: float = -1e9
    _pace: float = 0.0
    _writes_s: float = 0.0  # how long the last flush took to write
    _decodes_s: float = 0.0  # how long a message takes to decode
    _writing_since: float = -1e9
    _hurried: float = -1e9

    def delay(self, now: float, waiting: int, *, urgent: bool = False) -> float:
        """Seconds until the waiting messages should be flushed; 0 when now."""
        if waiting >= self.enough:
            return 0.0
        usual = max(0.0, self._start + self._pace - now)
        if not urgent or usual == 0.0:
            return usual
        soon = max(0.0, self._hurried + self.hurry_every_s - now)
        if soon == 0.0:
            self._hurried = now
        return min(usual, soon)

    def begun(self, start: float) -> float:
        """A flush begins to be written; when the next may begin, unless enough messages wait before."""
        self._writing_since = start
        return start + max(self._pace, self.shortest_s)

    def decoded(self, messages: int, took: float) -> None:
        """So many messages were decoded in so many seconds."""
        if messages >= self.enough:
            self._decodes_s = took / messages

    def time_to_fill(self, now: float, waiting: int) -> float:
        """Seconds that the next flush may still be filled while the one before is written."""
        return self._writing_since + self._writes_s - waiting * self._decodes_s - now

    def flushed(self, start: float, end: float) -> None:
        """A flush was made and committed."""
        self._start = start
        self._writes_s = end - start
        self._pace = min(max(1.5 * (end - start), self.shortest_s), self.longest_s)
