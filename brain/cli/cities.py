"""The city model in force: from a file, from the demo city, or as the store keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from brain.city import City, load_city, parse_city

if TYPE_CHECKING:
    from pathlib import Path

    from brain.store.base import Store

__all__ = ["parse_stored_city", "read_city"]


def read_city(path: Path | None) -> City:
    """The city of a file, or the built-in demo city.

    Raises:
        CityError: The file is wrong; the sentence names the path inside it.
    """
    if path is not None:
        return load_city(path)
    from simulators import demo_city

    return demo_city()


async def parse_stored_city(store: Store) -> City:
    """The city the store keeps; an empty one where nobody put any."""
    document = await store.load_city()
    return parse_city(document, "stored city") if document else City()
