"""The embedded broker: a NATS server with JetStream and its MQTT 3.1.1 listener, on loopback.

Its settings are facts found by trying: pending messages come again only after `ack_wait`; a message above `max_payload`
closes the connection; `sync_interval` bounds what a power cut may cost (kill -9 costs nothing).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self

from brain.embedded.children import Child, Emit, to_stderr
from brain.errors import ServiceError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["EmbeddedNats"]

# An MQTT 3.1.1 CONNECT, clean session, and the CONNACK that says yes.
_CONNECT = b"\x10\x16\x00\x04MQTT\x04\x02\x00\x0a\x00\x0acloudbrain"
_CONNACK = b"\x20\x02\x00\x00"

_FULL = "no space left on device"
_ROOM = 16 * 1024 * 1024
_LOOK_S = 1.0

_CONFIGURATION = """\
# Written anew at each start.
server_name: "cloudbrain"
# The native protocol is not used yet: a free port of loopback, and a password that nobody has.
listen: "127.0.0.1:-1"
authorization {{
  users: [
    {{ user: "native", password: "{native}" }}
    {{ user: "device", password: "{device}" }}
  ]
}}
max_payload: 2MB
max_connections: 8192
write_deadline: "10s"
lame_duck_duration: "30s"
lame_duck_grace_period: "1s"
jetstream {{
  store_dir: {store}
  sync_interval: "1s"
  max_memory_store: 64MB
  max_file_store: {file_store}
}}
mqtt {{
  listen: "127.0.0.1:{port}"
  no_auth_user: "device"
  ack_wait: "10s"
  max_ack_pending: 32000
}}
"""


class EmbeddedNats:
    """One broker below a data folder. Enter to start it, leave to stop it.

    Args:
        data_dir: Its store is ``data_dir/broker``.
        mqtt_port: The port of 127.0.0.1 to listen on; the caller has picked a free one.
        file_store: The most it keeps on disk, as NATS writes sizes.
        emit: Takes its log lines (warnings and errors only).

    Raises:
        ServiceError: The program is missing or did not start; names its last words.
    """

    def __init__(self, data_dir: Path, mqtt_port: int, *, file_store: str = "8GB", emit: Emit | None = None) -> None:
        self.data_dir = data_dir.resolve()
        self.mqtt_port = mqtt_port
        self._file_store = file_store
        self._emit = emit or to_stderr
        self._child: Child | None = None
        self._mending: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address for MQTT clients; works as it stands."""
        return f"mqtt://127.0.0.1:{self.mqtt_port}"

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def restarts(self) -> int:
        """How often it died and was started again."""
        return self._child.restarts if self._child else 0

    async def start(self) -> None:
        """Start it and wait until it lets MQTT clients in."""
        folder = self.data_dir / "broker"
        (folder / "store").mkdir(parents=True, exist_ok=True)
        configuration = folder / "nats.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            _CONFIGURATION.format(
                native=secrets.token_hex(16),
                device=secrets.token_hex(16),
                store=json.dumps(str(folder / "store"), ensure_ascii=False),
                file_store=self._file_store,
                port=self.mqtt_port,
            )
        )
        child = Child(
            "broker",
            [_program(), "--config", configuration],
            cwd=folder,
            stop_signal=signal.SIGTERM,
            death_signal=signal.SIGKILL,  # what it acknowledged is written; kill -9 is among its tests
            patience=timedelta(seconds=30),
            ready=self._wait_ready,
            emit=self._filter,
        )
        await child.start()
        self._child = child

    async def stop(self) -> None:
        """Stop it; what it keeps is there at the next start."""
        if self._mending:
            self._mending.cancel()
        if self._child:
            await self._child.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _wait_ready(self, child: Child) -> None:
        """Ready means: an MQTT client that says hello is let in."""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, TimeoutError):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.mqtt_port)
                try:
                    writer.write(_CONNECT)
                    if await asyncio.wait_for(reader.readexactly(4), 5) == _CONNACK:
                        writer.write(b"\xe0\x00")
                        return
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
            await asyncio.sleep(0.02)

    def _filter(self, name: str, line: str) -> None:
        """NATS marks its lines [INF], [WRN], [ERR], [FTL]; the first are chatter."""
        # Its two passwords are random, live as long as it runs, and lie in a file that only we can read.
        if "[INF]" not in line and "[DBG]" not in line and "Plaintext passwords" not in line:
            self._emit(name, line.rpartition("] ")[2])
        if _FULL in line and (self._mending is None or self._mending.done()):
            self._mending = asyncio.get_running_loop().create_task(self._mend(), name="mend the broker")

    async def _mend(self) -> None:
        """Start the broker again once there is room: a stream that met a full disk refuses every message till then.

        What it has acknowledged is on the disk.
        """
        while shutil.disk_usage(self.data_dir).free < _ROOM:  # noqa: ASYNC110 - nothing tells when a disk has room
            await asyncio.sleep(_LOOK_S)
        if self._child and (pid := self._child.pid):
            self._emit("broker", "there is room on its disk again; starting it again")
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        await asyncio.sleep(_LOOK_S)  # what it says while it ends is about the same trouble


def _program() -> Path:
    """The nats-server of the wheel, which lies beside this Python."""
    beside = Path(sys.executable).with_name("nats-server")
    if beside.exists():
        return beside
    if found := shutil.which("nats-server"):
        return Path(found)
    raise ServiceError("nats-server is not installed; `make setup` installs it, or give a broker by --mqtt")
