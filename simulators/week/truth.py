"""The truth file: one line for each incident that should come, one for each hard negative. JSON Lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["Truth", "read_truth", "write_truth"]


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, or did not.

    Attributes:
        run: The performance it belongs to; a crash with an injured person makes two lines of one run.
        kind: Name of the play.
        event, scene: Of the incident that should come; empty for a hard negative.
        start_us, end_us: When it can be known from the messages, and until when; microseconds since 1970 UTC.
        lon, lat, radius_m: Where an incident about it has its place.
        levels: Lowest and highest colour its incident should reach.
    """

    run: str
    kind: str
    event: str = ""
    scene: str = ""
    start_us: int
    end_us: int
    lon: float
    lat: float
    radius_m: float
    levels: tuple[str, str] | None = None

    @property
    def is_negative(self) -> bool:
        """Whether no incident should come of it."""
        return not self.event


def write_truth(path: Path, truths: Iterable[Truth]) -> int:
    """Write the lines; their number."""
    lines = [msgspec.json.encode(t) + b"\n" for t in truths]
    path.write_bytes(b"".join(lines))
    return len(lines)


def read_truth(path: Path) -> list[Truth]:
    """The lines of a truth file, in its order."""
    return [msgspec.json.decode(line, type=Truth) for line in path.read_bytes().splitlines() if line.strip()]
