"""Serving the application on loopback until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING, Any

import uvicorn

from brain.errors import ConfigurationError, InUseError
from brain.web.app import make_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from brain.city import City
    from brain.scene_api import Scene
    from brain.store.base import Store
    from brain.web.settings import WebSettings

__all__ = ["run_serve"]

_PATIENCE_S = 2


def _bind(host: str, port: int) -> socket.socket:
    """A listening socket on loopback.

    Raises:
        ConfigurationError: The host is not this machine alone.
        InUseError: The port is taken.
    """
    name = "127.0.0.1" if host == "localhost" else host.strip("[]")
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        raise ConfigurationError(f"{host} is not an address; give 127.0.0.1 or ::1") from None
    if not address.is_loopback:
        raise ConfigurationError(
            f"{host} can be reached by others, and the page asks for no credentials yet; give 127.0.0.1, and let a "
            "proxy with TLS and log-in stand in front"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((name, port))
    except OSError as error:
        bound.close()
        raise InUseError(
            f"port {port} of {host} cannot be had ({error.strerror}); give another --port, or 0 for a free one"
        ) from None
    bound.setblocking(False)
    return bound


class _Server(uvicorn.Server):
    """Leaves the signals to who called it, and says when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        self.up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """None."""
        yield


async def run_serve(
    store: Store,
    city: City,
    scenes: Sequence[Scene[Any] | type[Scene[Any]]],
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    ready: Callable[[int], None] | None = None,
    settings: WebSettings | None = None,
) -> None:
    """Serve until ``stop`` is set; open live streams and sockets are ended at once, other requests get two seconds.

    Args:
        store: As for ``make_app``.
        city: As for ``make_app``.
        scenes: As for ``make_app``.
        settings: As for ``make_app``.
        host: A loopback address.
        port: 0 picks a free one.
        stop: Ends it.
        ready: Called with the port once requests are answered.

    Raises:
        ConfigurationError: The host is not loopback.
        InUseError: The port is taken.
    """
    app = make_app(store, city, settings, scenes)
    context = app.state.context
    bound = _bind(host, port)
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="websockets-sansio",
        # Frames are small and many; compressing them for each client costs more than it saves.
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=_PATIENCE_S,
    )
    server = _Server(config)

    async def watch() -> None:
        await server.up.wait()
        if ready is not None:
            ready(int(bound.getsockname()[1]))
        await stop.wait()
        context.stop.set()
        context.feed.stir()
        context.tracks.stir()
        server.should_exit = True

    watcher = asyncio.create_task(watch())
    try:
        await server.serve(sockets=[bound])
    finally:
        watcher.cancel()
        bound.close()
