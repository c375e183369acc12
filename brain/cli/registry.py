"""scene: what runs."""

from __future__ import annotations

import typer

__all__ = ["register"]


def scene_list() -> None:
    """Name the scenes that run, with their versions, events and parameters."""
    from scenes import load

    for scene in load():
        events = ", ".join(p.event for p in scene.policies)
        typer.echo(f"{scene.name} {scene.version}  {scene.title.zh} / {scene.title.en}  raises {events}")
        for name, p in scene.parameters.items():
            typer.echo(f"  {name:28} {p.default:g} {p.unit:8} {p.text.en} [{p.source}]")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    scenes = typer.Typer(no_args_is_help=True, help="The scenes.")
    scenes.command("list")(scene_list)
    app.add_typer(scenes, name="scene")

    @scenes.callback()
    def _group() -> None:
        """The scenes."""
