"""False devices that speak real MQTT: a seed and a start time enter, device messages leave, byte for byte the same.

``demo_city`` is the city they stand in, ``traffic`` what they say in a story, ``history`` what they said before now.
``simulators.run``, ``record`` and ``replay`` meet a broker; everything else is pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.message import Planned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.city import City

__all__ = ["Planned", "demo_bytes", "demo_city", "history", "traffic"]

# Imports are late, so that reading the demo city costs no numpy and a simulator's start no generator.


def demo_bytes() -> bytes:
    """The demo city as its file has it, JSON."""
    from simulators.city import demo_bytes as read  # noqa: PLC0415

    return read()


def demo_city() -> City:
    """The demo city, Qingdao, read and checked."""
    from simulators.city import demo_city as read  # noqa: PLC0415

    return read()


def traffic(
    story: str, seed: int | None, start_us: int, devices: int | None = None, duration_s: float | None = None
) -> Iterator[Planned]:
    """Messages of a story and the everyday city round it; see ``simulators.plan.traffic``."""
    from simulators.plan import traffic as play  # noqa: PLC0415

    return play(story, seed, start_us, devices, duration_s)


def history(seed: int, end_us: int, seconds: int = 3600) -> Iterator[Planned]:
    """What the city said before ``end_us``, with a few small incidents; see ``simulators.past.history``."""
    from simulators.past import history as tell  # noqa: PLC0415

    return tell(seed, end_us, seconds)
