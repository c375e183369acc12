"""Pure rules, one folder a city matter: rows and marks enter, evidence leaves. ``load()`` names the scenes that run.

They are those of this folder, those of installed packages (entry point group ``cloudbrain.scenes``, each naming a
module or a ``Scene`` class), and those of the folders that ``CLOUDBRAIN_SCENES`` names.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from brain.errors import ConfigurationError
from brain.scene_api import Scene
from brain.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["GROUP", "built_in", "folder_of", "load", "load_folder"]

GROUP: Final = "cloudbrain.scenes"

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


def built_in() -> list[Scene[Any]]:
    """One of each scene of this folder: every concrete ``Scene`` that a ``scenes/<name>/scene.py`` defines.

    Example:
        >>> [s.name for s in built_in() if s.name == "safety_production"]
        ['safety_production']
    """
    found: list[Scene[Any]] = []
    for folder in pkgutil.iter_modules(__path__):
        if not folder.ispkg or folder.name == "toolkit":
            continue
        package = importlib.import_module(f"{__name__}.{folder.name}")
        if any(m.name == "scene" for m in pkgutil.iter_modules(package.__path__)):
            found += _scenes_in(importlib.import_module(f"{__name__}.{folder.name}.scene"))
    return found


def load(folders: Sequence[str | Path] | None = None) -> list[Scene[Any]]:
    """One of each scene that runs here: built in, of installed packages, of folders.

    Args:
        folders: Of further scenes; those of ``CLOUDBRAIN_SCENES`` when left out.

    Raises:
        ConfigurationError: A package or folder brings no scene, or one whose name is taken; the sentence names it.
    """
    found = {scene.name: scene for scene in built_in()}

    def add(source: str, some: list[Scene[Any]]) -> None:
        if not some:
            raise ConfigurationError(f"{source} brings no scene: it must define a class derived from Scene; mend it")
        for scene in some:
            if scene.name in found:
                raise ConfigurationError(f'{source} brings a scene "{scene.name}", which is there already; rename it')
            found[scene.name] = scene

    for point in sorted(entry_points(group=GROUP), key=lambda p: p.name):
        source = f"entry point {point.name} ({point.value})"
        try:
            target = point.load()
        except Exception as error:
            raise ConfigurationError(
                f"{source} cannot be imported ({type(error).__name__}: {error}); mend or uninstall its package"
            ) from error
        add(source, [target()] if _is_scene(target) else _scenes_in(target) if inspect.ismodule(target) else [])
    for folder in Settings.from_environment().scene_folders if folders is None else folders:
        add(str(folder), load_folder(folder))
    rank = {name: i for i, name in enumerate(ORDER)}
    return sorted(found.values(), key=lambda s: (rank.get(s.name, len(ORDER)), s.name))


def load_folder(folder: str | Path) -> list[Scene[Any]]:
    """The scenes of a folder with a ``scene.py``; it is imported as a package named like the folder.

    Raises:
        ConfigurationError: There is none, its name cannot be imported or is taken, or it fails.
    """
    path = Path(folder).resolve()
    name = path.name
    if not (path / "scene.py").is_file():
        raise ConfigurationError(f"{folder} holds no scene.py; `cloudbrain new scene NAME` makes a folder that does")
    if not name.isidentifier():
        raise ConfigurationError(f'{folder}: "{name}" cannot be imported; name the folder with a-z, 0-9 and _')
    known = sys.modules.get(name)
    if known is not None and str(path) not in map(str, getattr(known, "__path__", ())):
        raise ConfigurationError(f'{folder}: a package "{name}" is there already; rename the folder')
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(f"{name}.scene")
    except Exception as error:
        raise ConfigurationError(f"{folder}/scene.py fails ({type(error).__name__}: {error}); mend it") from error
    if Path(inspect.getfile(module)).parent != path:
        raise ConfigurationError(f'{folder}: a package "{name}" is installed already; rename the folder')
    return _scenes_in(module)


def folder_of(scene: Scene[Any]) -> Path:
    """Where a scene's page and cases lie: beside the module that defines it."""
    return Path(inspect.getfile(type(scene))).parent


def _is_scene(kind: object) -> bool:
    return inspect.isclass(kind) and issubclass(kind, Scene) and not inspect.isabstract(kind)


def _scenes_in(module: ModuleType) -> list[Scene[Any]]:
    """One of each concrete scene that a module itself defines, in order of their names."""
    own = [k for k in vars(module).values() if _is_scene(k) and k.__module__ == module.__name__]
    return sorted((kind() for kind in dict.fromkeys(own)), key=lambda s: s.name)
