"""What is measured: ``cloudbrain up`` in a scratch folder, the generator beside it, mosquitto where one is asked for.

Everything is an async context manager; left in any way, also by Ctrl-C, it has ended its processes and removed its
folder. All of it listens on loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from brain.embedded import Child, pick_port
from brain.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Mosquitto", "Platform", "Sender", "send"]

_MOSQUITTO = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 60
set_tcp_nodelay false
max_inflight_messages 20000
max_queued_messages 1000000
max_queued_bytes 0
max_packet_size 2097152
persistent_client_expiration 7d
log_dest none
"""


class Platform:
    """``cloudbrain up --no-simulate`` in a folder of its own.

    Args:
        mqtt: A broker to use instead of the embedded one.
        say: Takes log lines of the platform that are warnings or errors.

    Attributes:
        ready: Its line of JSON.
        pid: Of the supervisor; everything else is below it.
    """

    def __init__(self, *, mqtt: str | None = None, say: Callable[[str], None] = lambda _: None) -> None:
        self._mqtt = mqtt
        self._say = say
        self._exits = contextlib.AsyncExitStack()
        self.ready: dict[str, Any] = {}
        self.pid = 0

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    async def _start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="cloudbrain-bench-"))
        self._exits.callback(shutil.rmtree, folder, ignore_errors=True)
        told: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()

        def emit(_: str, line: str) -> None:
            if line.startswith('{"ready"') and not told.done():
                told.set_result(json.loads(line))
            elif "level=warning" in line or "level=error" in line or "Traceback" in line:
                self._say(line)

        async def ready(_: Child) -> None:
            self.ready = await told

        command = [sys.executable, "-m", "brain", "up", "--no-simulate", "--port", "0", "--data-dir", str(folder)]
        environment = {k: v for k, v in os.environ.items() if k not in ("CLOUDBRAIN_DSN", "CLOUDBRAIN_MQTT")}
        child = Child(
            "platform",
            [*command, *(("--mqtt", self._mqtt) if self._mqtt else ("--mqtt-port", "0"))],
            environment=environment,
            ready=ready,
            emit=emit,
            restart=False,
            patience=timedelta(seconds=60),
            start_patience=timedelta(seconds=120),
            death_signal=signal.SIGTERM,
        )
        await self._exits.enter_async_context(child)
        assert child.pid is not None
        self.pid = child.pid


class Mosquitto:
    """A mosquitto with long queues that writes in bulk and keeps, as far as it does, what it acknowledged; no login.

    Raises:
        ConfigurationError: It is not installed.
    """

    def __init__(self) -> None:
        self._exits = contextlib.AsyncExitStack()
        self.url = ""
        self.pid = 0

    async def __aenter__(self) -> Self:
        program = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise ConfigurationError("mosquitto is not installed; install it, or measure with --broker nats")
        folder = Path(tempfile.mkdtemp(prefix="cloudbrain-bench-"))
        self._exits.callback(shutil.rmtree, folder, ignore_errors=True)
        port = pick_port(0, explicit=False)
        settings = folder / "mosquitto.conf"
        # As root it would give its rights away and could not write into our folder.
        user = "user root\n" if os.geteuid() == 0 else ""
        settings.write_text(user + _MOSQUITTO.format(port=port, folder=folder))

        async def ready(_child: Child) -> None:
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

        child = Child("mosquitto", [program, "-c", settings], ready=ready, emit=lambda *_: None, restart=False)
        try:
            await self._exits.enter_async_context(child)
        except BaseException:
            await self._exits.aclose()
            raise
        assert child.pid is not None
        self.url, self.pid = f"mqtt://127.0.0.1:{port}", child.pid
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()


class Sender:
    """A generator that has everything encoded and waits for ``go``. An async context manager.

    Args:
        url: Of the broker.
        job: See ``brain.bench.sender.plan``.
    """

    def __init__(self, url: str, job: dict[str, Any]) -> None:
        address = urlsplit(url)
        self._job = job | {"host": address.hostname, "port": address.port or 1883}

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "brain.bench.sender"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(self._job).encode() + b"\n")
        try:
            await asyncio.wait_for(self._line(), 120)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise ServiceError("the generator ended without a result; its last words are above")
        return line

    async def go(self, patience_s: float = 600) -> dict[str, Any]:
        """Start its clock; what it says when everything is acknowledged."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"go\n")
        said: dict[str, Any] = json.loads(await asyncio.wait_for(self._line(), patience_s))
        return said

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
        await self._process.wait()


async def send(url: str, job: dict[str, Any]) -> dict[str, Any]:
    """Encode and publish a job at once."""
    async with Sender(url, job) as sender:
        return await sender.go()
