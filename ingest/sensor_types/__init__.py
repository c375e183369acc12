"""The built-in sensor types, a folder each: profile, page, samples, and the rows the samples become."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brain.errors import SensorTypeError
from ingest.profile.native import sensor_type_from

if TYPE_CHECKING:
    from brain.model import SensorType

__all__ = ["FOLDER", "load_builtin"]

FOLDER: Final = Path(__file__).parent


@cache
def _builtin() -> tuple[SensorType, ...]:
    out: list[SensorType] = []
    for profile in sorted(FOLDER.glob("*/profile.yaml")):
        try:
            out.append(sensor_type_from(profile.read_bytes()))
        except SensorTypeError as e:
            raise SensorTypeError(f"{profile.parent.name}/profile.yaml {e.path}".strip(), str(e)) from e
    return tuple(out)


def load_builtin() -> list[SensorType]:
    """All built-in sensor types, ordered by id.

    Raises:
        SensorTypeError: A profile in this folder is wrong.

    Example:
        >>> [t.id for t in load_builtin()][:3]
        ['ambulance', 'drone', 'elevator']
    """
    return list(_builtin())
