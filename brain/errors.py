"""The one error tree. Every error says in one sentence what is wrong and how to mend it.

```
CloudBrainError            CB-0000
├── ConfigurationError     CB-1000  a setting, file or argument of ours cannot be used
│   ├── CityError          CB-1100  the city model is wrong; names the path inside the file
│   ├── SensorTypeError    CB-1200  a sensor type's document is wrong
│   └── InUseError         CB-1300  a port or data folder is taken
├── RefusedReading         CB-2000  a reading goes to quarantine; carries the reason word
├── StoreError             CB-3000  the data base refused or is out of reach
│   ├── FencedError        CB-3100  another writer has taken over; this one must stop
│   └── NotFoundError      CB-3200  what was asked for does not exist
├── SceneError             CB-4000  a scene broke its contract
├── ServiceError           CB-5000  an embedded service did not start or died
└── Problem                CB-6000  an HTTP request cannot be answered as asked (brain/web/problems.py)
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from brain.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "CityError",
    "CloudBrainError",
    "ConfigurationError",
    "FencedError",
    "InUseError",
    "NotFoundError",
    "RefusedReading",
    "SceneError",
    "SensorTypeError",
    "ServiceError",
    "StoreError",
]


class CloudBrainError(Exception):
    """Root of all errors of this project.

    Example:
        >>> str(CloudBrainError("the moon is not a district; name one of the ten"))
        'the moon is not a district; name one of the ten'
        >>> CloudBrainError.code
        'CB-0000'
    """

    code: ClassVar[str] = "CB-0000"


class ConfigurationError(CloudBrainError):
    """A setting, file or argument cannot be used."""

    code = "CB-1000"


class CityError(ConfigurationError):
    """The city model is wrong.

    Attributes:
        path: Where in the document, e.g. ``roads.links[3].from``.
    """

    code = "CB-1100"

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(printable(f"{path}: {sentence}" if path else sentence))
        self.path = path


class SensorTypeError(ConfigurationError):
    """A sensor type's document is wrong.

    Attributes:
        path: Where in the document, e.g. ``fields.lel_pct.range``.
        others: What else is wrong in the same document.

    Example:
        >>> error = SensorTypeError.of(SensorTypeError("id", "is none"), [SensorTypeError("zone", "is none")])
        >>> str(error), [str(e) for e in error.every]
        ('id: is none', ['id: is none', 'zone: is none'])
    """

    code = "CB-1200"

    def __init__(self, path: str, sentence: str) -> None:
        super().__init__(printable(f"{path}: {sentence}" if path else sentence))
        self.path = path
        self.others: tuple[SensorTypeError, ...] = ()

    @classmethod
    def of(cls, first: SensorTypeError, others: Sequence[SensorTypeError]) -> SensorTypeError:
        """The first of several errors, with those that follow."""
        made = cls("", str(first))
        made.path, made.others = first.path, tuple(others)
        return made

    @property
    def every(self) -> tuple[SensorTypeError, ...]:
        """This error and the others."""
        return (self, *self.others)


class InUseError(ConfigurationError):
    """A port or a data folder is taken by another process."""

    code = "CB-1300"


class RefusedReading(CloudBrainError):  # noqa: N818 - a reading is refused, the program is not in error
    """A reading cannot be stored and goes to quarantine.

    Attributes:
        reason: One of the reason words of the quarantine, e.g. ``out_of_range``.
        detail: One sentence that names the path, e.g. ``lel_pct: 365 is outside 0..100``.
    """

    code = "CB-2000"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class StoreError(CloudBrainError):
    """The data base refused something or is out of reach.

    Attributes:
        poison: True where a value was refused: the same again will be refused again, so do not just retry.
        too_much: True where the data base ran out of room for locks or work: do it in smaller parts.
    """

    code = "CB-3000"

    poison: bool = False
    too_much: bool = False


class FencedError(StoreError):
    """Another writer holds the log now; the one that gets this must stop without writing."""

    code = "CB-3100"


class NotFoundError(StoreError):
    """What was asked for does not exist."""

    code = "CB-3200"


class SceneError(CloudBrainError):
    """A scene broke its contract: names the scene, the step, what was expected and what came."""

    code = "CB-4000"


class ServiceError(CloudBrainError):
    """An embedded service did not start or died."""

    code = "CB-5000"
