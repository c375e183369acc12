"""What sensor types remember between messages, for all of them: read at start, changed message by message. No I/O.

Changes are noted with the message that made them, so that they are committed with its rows and with nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Change", "Memories"]

_LARGEST: Final = 65_536
_LONGEST_KEY: Final = 200
_MOST: Final = 500_000


class Change(NamedTuple):
    """A value kept or forgotten (None) by a message of the flush."""

    message: int
    sensor_type: str
    key: str
    value: bytes | None


class Memories:
    """Values by sensor type and key. One call at a time.

    Args:
        kept: (sensor type, key, MessagePack) as the store has them, longest unchanged first.
        most: So many are kept; then those are forgotten first that have not been changed for longest.

    Example:
        >>> memories, changes = Memories(), []
        >>> view = memories.view("dji", 0, changes)
        >>> view.put("last/1", {"lat": 36.07})
        >>> memories.view("dji", 1, changes).get("last/1"), changes[0].key
        ({'lat': 36.07}, 'last/1')
    """

    def __init__(self, kept: Iterable[tuple[str, str, bytes]] = (), most: int = _MOST) -> None:
        self._most = most
        self.values: dict[tuple[str, str], bytes] = {(t, k): v for t, k, v in kept}

    def view(self, sensor_type: str, message: int, changes: list[Change]) -> View:
        """The memory of a sensor type as one message sees it."""
        return View(self, sensor_type, message, changes)

    def put(self, sensor_type: str, key: str, value: bytes | None) -> None:
        """Keep or forget a value."""
        self.values.pop((sensor_type, key), None)
        if value is not None:
            self.values[sensor_type, key] = value
            if len(self.values) > self._most:
                del self.values[next(iter(self.values))]


class View:
    """``ingest.decoders.Memory`` of one message; made by ``Memories.view``."""

    __slots__ = ("_changes", "_memories", "_message", "_sensor_type")

    def __init__(self, memories: Memories, sensor_type: str, message: int, changes: list[Change]) -> None:
        self._memories = memories
        self._sensor_type = sensor_type
        self._message = message
        self._changes = changes

    def get(self, key: str) -> Any:
        """The value last put, None where there is none."""
        packed = self._memories.values.get((self._sensor_type, key))
        return None if packed is None else msgspec.msgpack.decode(packed)

    def put(self, key: str, value: Any) -> None:
        """Keep a value from this message on; None forgets the key.

        Raises:
            ValueError: It is too large, or no plain value: what a decoder or profile must not do.
        """
        packed = None if value is None else msgspec.msgpack.encode(value)
        if len(key) > _LONGEST_KEY or (packed is not None and len(packed) > _LARGEST):
            raise ValueError(f"what is to be remembered under {key[:40]!r:.42} is too large")
        self._memories.put(self._sensor_type, key, packed)
        self._changes.append(Change(self._message, self._sensor_type, key, packed))
