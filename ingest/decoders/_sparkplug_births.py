"""What the births of Sparkplug nodes and devices said, in the memory of the sensor type. Pure."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ingest.decoders import Memory

__all__ = ["Births", "key_of"]

_LONGEST_KEY: Final = 150
_LARGEST: Final = 40_000  # bytes under one key, names counted at four a character


def key_of(kind: str, *parts: str) -> str:
    """The key under which something is remembered; long names are hashed.

    Example:
        >>> key_of("node", "G", "N1"), len(key_of("node", "x" * 500))
        ('node/G/N1', 37)
    """
    text = "/".join((kind, *parts))
    return text if len(text) <= _LONGEST_KEY else f"{kind}/{blake2b(text.encode(), digest_size=16).hexdigest()}"


class Births:
    """Names, datatypes and units of the metrics of one node or device, in pieces that fit under a key each.

    Example:
        >>> from ingest.decoders import Notes
        >>> notes = Notes()
        >>> Births(notes, "b").keep([{"name": "T", "alias": 7, "type": 10, "unit": "Cel"}])
        >>> Births(notes, "b").find(None, 7), Births(notes, "b").find("T", None), Births(notes, "b").find(None, 8)
        (('T', 10, 'Cel'), ('T', 10, 'Cel'), None)
    """

    def __init__(self, memory: Memory, where: str) -> None:
        self._memory, self._where = memory, where
        self._count: int = memory.get(where) or 0
        self._all: dict[str, Any] | None = None

    def find(self, name: str | None, alias: int | None) -> tuple[str, int, str | None] | None:
        """Name, datatype and unit of a metric; by its alias where it has one."""
        if self._all is None:
            self._all = {}
            for i in range(self._count):
                self._all |= self._memory.get(f"{self._where}#{i}") or {}
        found = self._all.get(f"@{alias}" if alias is not None else f"={name}")
        return None if found is None else (found[0], found[1], found[2])

    def keep(self, metrics: Sequence[dict[str, Any]]) -> None:
        """Remember the metrics of a birth in place of those of the one before."""
        pieces: list[dict[str, Any]] = []
        left = 0
        for metric in metrics:
            said = [metric["name"], metric["type"], metric["unit"]]
            size = 4 * len(metric["name"]) + 4 * len(metric["unit"] or "") + 40
            for key in (f"={metric['name']}", None if metric["alias"] is None else f"@{metric['alias']}"):
                if key is None:
                    continue
                if left < size + 4 * len(key):
                    pieces.append({})
                    left = _LARGEST
                pieces[-1][key] = said
                left -= size + 4 * len(key)
        for i in range(max(self._count, len(pieces))):
            self._memory.put(f"{self._where}#{i}", pieces[i] if i < len(pieces) else None)
        self._memory.put(self._where, len(pieces))
