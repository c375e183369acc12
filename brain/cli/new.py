"""new scene: a folder to begin with, whose one failing case says what to do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from brain.errors import ConfigurationError

__all__ = ["make_scene", "register"]

TEMPLATES: Final = Path(__file__).parent / "templates"
_NAME: Final = re.compile(r"^[a-z][a-z0-9_]{0,47}$")


def make_scene(name: str, parent: Path) -> Path:
    """Write the folder of a new scene; the folder.

    Raises:
        ConfigurationError: The name does not fit, is taken by a scene, or the folder is there.
    """
    from scenes import built_in

    if not _NAME.match(name):
        raise ConfigurationError(f'"{name}" is no name for a scene: a-z, 0-9 and _, a letter first, at most 48')
    taken = {s.name for s in built_in()} | {p.event for s in built_in() for p in s.policies}
    if name in taken:
        raise ConfigurationError(f'a scene or event "{name}" is there already; take another name')
    folder = parent / name
    if folder.exists():
        raise ConfigurationError(f"{folder} is there already; take another name, or another --folder")
    kind = "".join(part.capitalize() for part in name.split("_"))
    for template in sorted((TEMPLATES / "scene").rglob("*.txt")):
        target = folder / template.relative_to(TEMPLATES / "scene").with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        text = template.read_text(encoding="utf-8")
        target.write_text(text.replace("CLASS", kind).replace("NAME", name), encoding="utf-8")
    return folder


def new_scene(
    name: Annotated[str, typer.Argument(help="Name of the scene and its folder: a-z, 0-9 and _.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where to make it.")] = Path(),
) -> None:
    """Make the folder of a new scene: rule, page and two cases, one of which fails until you write the condition.

    Example: `cloudbrain new scene bridge_water && cloudbrain scene check ./bridge_water`
    """
    made = make_scene(name, folder)
    typer.echo(f"{made}: write the condition at the TODO of scene.py, then `cloudbrain scene check {made}`")


def register(app: typer.Typer) -> None:
    """Add the command."""
    group = typer.Typer(no_args_is_help=True, help="Folders to begin with.")
    group.command("scene")(new_scene)
    app.add_typer(group, name="new")

    @group.callback()
    def _group() -> None:
        """Folders to begin with."""
