"""Formats of real devices, a folder each: profile, page, samples and what they become.

They are off until somebody registers them: ``cloudbrain sensor-type add hj212``. Installed packages bring more under
the entry point group ``cloudbrain.sensor_types``: each names a package whose folder holds such folders.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FOLDER", "shipped"]

FOLDER: Final = Path(__file__).parent
GROUP: Final = "cloudbrain.sensor_types"


@cache
def shipped() -> Mapping[str, Path]:
    """The documents that are brought along, by name: ours, then those of installed packages.

    Raises:
        ConfigurationError: A package brings a name that is taken.

    Example:
        >>> shipped()["hj212"].name
        'profile.yaml'
    """
    out = {p.parent.name: p for p in sorted(FOLDER.glob("*/profile.yaml"))}
    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        for path in sorted(Path(str(files(point.load()))).glob("*/profile.yaml")):
            if path.parent.name in out:
                raise ConfigurationError(
                    f"entry point {point.name} ({point.value}) brings {path.parent.name}, which is there already; "
                    "rename its folder or remove the package"
                )
            out[path.parent.name] = path
    return out
