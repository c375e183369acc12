"""Which port to listen on: the wanted one, the next free one for a default, a sentence for an explicit one."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

from brain.errors import ConfigurationError, InUseError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["pick_port"]

_HIGHEST = 65535


def pick_port(
    wanted: int,
    *,
    explicit: bool,
    option: str = "--port",
    host: str = "127.0.0.1",
    avoid: Collection[int] = (),
    tries: int = 200,
) -> int:
    """Return a port that is free now. The caller compares it with ``wanted`` and says so when it moved.

    Args:
        wanted: The port asked for; 0 means any free one.
        explicit: Whether a person asked for exactly this one: then a taken one is an error.
        option: The option to name in the sentence.
        host: The address that will be listened on.
        avoid: Ports already promised to somebody else of this process.
        tries: How far a default moves on.

    Raises:
        InUseError: The explicit port is taken, or no free one was found near the default.
        ConfigurationError: The port is not one this process may use.
    """
    if not 0 <= wanted <= _HIGHEST:
        raise ConfigurationError(f"{option} {wanted} is not a port; give one of 1 to {_HIGHEST}, or 0 for any free one")
    if wanted == 0:
        while (port := _bind(host, 0)) in avoid or port is None:
            pass
        return port
    if explicit:
        if wanted in avoid or _bind(host, wanted, option) is None:
            raise InUseError(f"port {wanted} on {host} is taken; stop what uses it, or give another one with {option}")
        return wanted
    last = min(wanted + tries, _HIGHEST)
    for port in range(wanted, last + 1):
        if port not in avoid and _bind(host, port, option) is not None:
            return port
    raise InUseError(f"ports {wanted} to {last} on {host} are all taken; give a free one with {option}")


def _bind(host: str, port: int, option: str = "--port") -> int | None:
    """The port when it can be listened on, else None. A port in TIME_WAIT counts as free, as it does for servers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return None
            raise ConfigurationError(
                f"port {port} on {host} cannot be listened on ({error.strerror}); give another one with {option}"
            ) from error
        bound: int = probe.getsockname()[1]
        return bound
