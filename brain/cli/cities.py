"""The city model in force: from a file, from the demo city, or as the store keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.city import City, load_city, read_stored_city

if TYPE_CHECKING:
    from pathlib import Path

    from brain.store.base import Store

__all__ = ["parse_stored_city", "read_city"]


def read_city(path: Path | None) -> City:
    """The city of a file, or the built-in demo city; it may name every scene that runs here.

    Raises:
        CityError: The file is wrong; the sentence names the path inside it.
    """
    if path is not None:
        from brain.city.check import EVENTS, SCENES
        from scenes import load

        running = load()
        events = dict.fromkeys([*EVENTS, *(p.event for s in running for p in s.policies)])
        return load_city(path, events=events, scenes=dict.fromkeys([*SCENES, *(s.name for s in running)]))
    from simulators import demo_city

    return demo_city()


async def parse_stored_city(store: Store) -> City:
    """The city the store keeps; an empty one where nobody put any."""
    return read_stored_city(await store.load_city())
