"""What can be set of the web; the defaults are those of a platform on loopback."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.model import Text

__all__ = ["WebSettings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Limits and places of the web.

    Attributes:
        hosts: Names besides 127.0.0.1, localhost and [::1] under which a browser may know this server.
        body_limit: Largest body of a request, bytes.
        inbox_wait_s: How long a message handed in over HTTP is waited for.
        health_every_s: Time between two health events of the live stream.
        frame_every_s: Time between two frames of moving devices.
        reset_after: A live stream that is further behind starts anew.
        streams: Most live streams and most track sockets at once.
        log_quiet_s: Ingest is called unwell when its log has not moved for so long.
        console: Folder of the page.
        stories: Names and titles of the stories that can be played, for the catalogue.

    Example:
        >>> WebSettings().body_limit
        1048576
    """

    hosts: tuple[str, ...] = ()
    body_limit: int = 1 << 20
    inbox_wait_s: float = 10.0
    health_every_s: float = 5.0
    frame_every_s: float = 0.5
    reset_after: int = 10_000
    streams: int = 500
    log_quiet_s: float = 10.0
    console: Path = field(default_factory=lambda: Path(__file__).parent / "console")
    stories: Mapping[str, Text] = field(default_factory=dict)
