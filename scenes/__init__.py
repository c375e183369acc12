"""Pure rules, one folder a city matter: rows and marks enter, evidence leaves. ``load()`` names the scenes that run."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import Any

from brain.scene_api import Scene

__all__ = ["load"]

#: the order of the public page; scenes that are not on it follow by name
ORDER = (
    "travel",
    "safety_production",
    "first_aid",
    "fire_rescue",
    "elevator",
    "parking",
    "heating_gas",
    "flood",
    "city_management",
    "device_health",
)


def load() -> list[Scene[Any]]:
    """One of each scene of this folder: every concrete ``Scene`` that a ``scenes/<name>/scene.py`` defines.

    Example:
        >>> [s.name for s in load() if s.name == "safety_production"]
        ['safety_production']
    """
    found: dict[str, Scene[Any]] = {}
    for folder in pkgutil.iter_modules(__path__):
        if not folder.ispkg or folder.name == "toolkit":
            continue
        package = importlib.import_module(f"{__name__}.{folder.name}")
        if not any(m.name == "scene" for m in pkgutil.iter_modules(package.__path__)):
            continue
        module = importlib.import_module(f"{__name__}.{folder.name}.scene")
        for kind in vars(module).values():
            own = inspect.isclass(kind) and issubclass(kind, Scene) and kind.__module__ == module.__name__
            if own and not inspect.isabstract(kind):
                found[kind.name] = kind()
    rank = {name: i for i, name in enumerate(ORDER)}
    return sorted(found.values(), key=lambda s: (rank.get(s.name, len(ORDER)), s.name))
