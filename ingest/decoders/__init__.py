"""Formats that need code: bytes of a message in, plain documents out; what they mean is a profile's to say.

A decoder is one file here, named after its wire format, with the wire table in its docstring and a ``FORMAT``. A
profile asks for it by name (``input: hj212``, or ``input: {format: hj212, accept_bad_crc: true}``) and maps its
documents like those of any other input. Packages bring more under the entry point group ``cloudbrain.decoders``.

A decoder is pure and bounded: no clock, no I/O, no state of its own. What must be remembered from one message to the
next (a list of aliases, the first packet of several) goes through ``message.memory``; it is committed together with the
rows of the message, so a crash never leaves the one without the other.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["NO_MEMORY", "Format", "Memory", "Message", "Notes", "formats"]

GROUP: Final = "cloudbrain.decoders"


class Memory(Protocol):
    """What a sensor type remembers between messages: small plain documents under keys of at most 200 characters.

    Values are None, bool, int, float, str, bytes, lists and dicts of such with text keys; at most 64 KiB a key.
    """

    def get(self, key: str) -> Any:
        """The value last put, None where there is none. Not to be changed in place."""

    def put(self, key: str, value: Any) -> None:
        """Keep a value from this message on; None forgets the key."""


class Notes:
    """A memory in memory, for tests and dry runs.

    Example:
        >>> notes = Notes()
        >>> notes.put("a", 1)
        >>> notes.get("a"), notes.get("b")
        (1, None)
    """

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str) -> Any:
        """The value last put."""
        return self.kept.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keep or forget a value."""
        if value is None:
            self.kept.pop(key, None)
        else:
            self.kept[key] = value


class _Blank:
    def get(self, key: str) -> Any:
        return None

    def put(self, key: str, value: Any) -> None:
        return


NO_MEMORY: Final[Memory] = _Blank()
"""Forgets everything."""


class Message(NamedTuple):
    """What a decoder may look at.

    Attributes:
        payload: Bytes as they came.
        captures: Parts of the topic by the names of the profile's topic filter, ``topic`` being the whole.
        received: Microseconds of receipt, UTC.
        memory: Of the sensor type.
    """

    payload: bytes
    captures: Mapping[str, str]
    received: int
    memory: Memory = NO_MEMORY


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A wire format.

    Attributes:
        name: As ``input`` names it: ``[a-z][a-z0-9_]*``.
        title: One line for people: what it is and the standard.
        read: Message and settings -> documents (dicts of plain values), in order. It raises ``WrongValueError`` (of
            ``ingest.profile.functions``) with a sentence and a reason of the quarantine (``bad_checksum`` ...) for a
            message that cannot be read; never anything else. Where good frames stand beside a bad one, the exception
            stands among the documents in its place. A message that is right and holds nothing gives ``[]``
            (counted as ignored).
        settings: Setting -> default; the profile may give another value of the same type (``None``: any type).
        check: Raises ``ValueError`` with a sentence where settings do not go together; None: nothing to check.
    """

    name: str
    title: str
    read: Callable[[Message, Mapping[str, Any]], list[Any]]
    settings: Mapping[str, Any] = field(default_factory=dict)
    check: Callable[[Mapping[str, Any]], None] | None = None


@cache
def formats() -> Mapping[str, Format]:
    """All formats by name: those of this folder, then those of installed packages.

    Raises:
        ConfigurationError: An installed package brings what is no format, or a name that is taken.

    Example:
        >>> all(name == f.name for name, f in formats().items())
        True
    """
    out: dict[str, Format] = {}
    for module in sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")):
        found = importlib.import_module(f"{__name__}.{module}").FORMAT
        out[found.name] = found
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        found = point.load()
        if not isinstance(found, Format) or found.name in out:
            raise ConfigurationError(
                f"entry point {point.name} ({point.value}) is no new Format of ingest.decoders; mend its package"
            )
        out[found.name] = found
    return out
