"""Several simulators on one broker: one of them plays the everyday city, each plays its story.

Without this, two of them would speak for the same taxis and detectors and contradict each other. Each says every two
seconds, on topics of their own that the platform does not read, whether it plays the everyday city and which devices
its story holds; the one that started first plays the everyday city, and no everyday message is sent for a device that
a story elsewhere holds. Best effort: a broker that forbids these topics only loses the courtesy.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

import msgspec

from simulators.message import SECOND, Draft

__all__ = ["FILTER", "Company"]

PREFIX: Final = "cloudbrain-simulators"
FILTER: Final = f"{PREFIX}/#"
EVERY_US: Final = 2 * SECOND
SILENT_US: Final = 6 * SECOND  # one that was not heard so long has left


class _Word(msgspec.Struct):
    """What a simulator says of itself."""

    started: int
    claims: list[tuple[str, str, int, int]] = []


class Company:
    """What this simulator knows of the others; all times are wall clock microseconds, given by the caller.

    Example:
        >>> company = Company(started_us=0)
        >>> company.plays_everyday(3_000_000)
        True
    """

    def __init__(self, started_us: int) -> None:
        self.name = secrets.token_hex(6)
        self._started = started_us
        self._others: dict[str, tuple[int, _Word]] = {}
        self._said: tuple[int, Any] = (0, None)

    def hear(self, topic: str, payload: bytes, now_us: int) -> None:
        """A word of some simulator, this one included."""
        name = topic.rpartition("/")[2]
        if name == self.name:
            return
        try:
            self._others[name] = (now_us, msgspec.json.decode(payload, type=_Word))
        except msgspec.DecodeError:
            return

    def word(self, claims: dict[tuple[str, str], tuple[int, int]], now_us: int) -> tuple[str, bytes] | None:
        """What to say now, if it is time or the claims are new."""
        if self._said[1] == claims and now_us - self._said[0] < EVERY_US:
            return None
        self._said = (now_us, dict(claims))
        word = _Word(self._started, [(*k, *v) for k, v in sorted(claims.items())])
        return f"{PREFIX}/{self.name}", msgspec.json.encode(word)

    def plays_everyday(self, now_us: int) -> bool:
        """Whether the everyday city is this one's part: after a moment of listening, the first that came plays it."""
        if now_us - self._started < EVERY_US + SECOND // 2:
            return False
        mine = (self._started, self.name)
        here = {n: w for n, (heard, w) in self._others.items() if now_us - heard <= SILENT_US}
        return all(mine < (word.started, name) for name, word in here.items())

    def holds_back(self, draft: Draft, now_us: int) -> bool:
        """True for an everyday message that another story speaks for."""
        return any(
            (kind, device) == (draft.sensor_type, draft.device) and begins <= now_us < ends
            for heard, word in self._others.values()
            if now_us - heard <= SILENT_US
            for kind, device, begins, ends in word.claims
        )
