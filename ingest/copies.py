"""The memory for copies of readings that carry no time: no unique key can know those, so their bytes do. No I/O."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KEPT_US", "Copies", "digest"]

KEPT_US: Final = 600_000_000
"""How long a reading without time is remembered: 10 minutes, in microseconds."""
_MOST: Final = 1_000_000
_REFUSED: Final = 1 << 31


def digest(topic: str, payload: bytes) -> bytes:
    """12 bytes that stand for a message.

    Example:
        >>> digest("city/a/1", b"{}") == digest("city/a/1", b"{} ")
        False
    """
    name = blake2b(topic.encode(errors="replace"), digest_size=32).digest()
    return blake2b(payload, digest_size=12, key=name).digest()


class Copies:
    """Which readings without time came within the last 10 minutes, and which were refused. One call at a time.

    A reading is known by its message's bytes and its place in the pack.

    Args:
        known: Keys the store still has from before a restart.
        at: When they count as received, microseconds: the start.
        most: So many are remembered; then the oldest are forgotten first.

    Example:
        >>> copies, message = Copies(), digest("city/a/1", b"{}")
        >>> [copies.seen(copies.key(message, 0), t) for t in (0, 600_000_000, 1_800_000_000)]
        [False, True, False]
    """

    def __init__(self, known: Iterable[bytes] = (), at: int = 0, most: int = _MOST) -> None:
        self._most = most
        self._at: dict[bytes, int] = dict.fromkeys(known, at)

    @staticmethod
    def key(message: bytes, place: int, *, refused: bool = False) -> bytes:
        """16 bytes that stand for a reading: refused ones apart, so that a good try after a bad one is no copy."""
        return message + ((place + 1) | (_REFUSED if refused else 0)).to_bytes(4, "big")

    def seen(self, key: bytes, received_at: int) -> bool:
        """Whether this reading came before; it is remembered from now on."""
        before = self._at.pop(key, None)
        self._at[key] = received_at  # at the end: the dict is in order of receipt
        while True:
            oldest = next(iter(self._at))
            if len(self._at) <= self._most and received_at - self._at[oldest] <= KEPT_US:
                break
            del self._at[oldest]
        return before is not None and received_at - before <= KEPT_US
