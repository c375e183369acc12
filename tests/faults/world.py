"""The places a fault happens in: a platform, its data base and broker, and how to reach them past the fault."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.integration.conftest import Platform, is_gone

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0


class FaultSuiteError(Exception):
    """The run itself failed: something that must come back did not. The sentence says what."""


class CannotRunError(Exception):
    """This machine lacks what a fault needs. The sentence says what, and how to get it."""


def until(ask: Callable[[], Any], what: str, timeout: float = PATIENCE_S) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + timeout
    while not (answer := ask()):
        if time.monotonic() > deadline:
            raise FaultSuiteError(f"{what} did not come true within {timeout:.0f} s")
        time.sleep(0.05)
    return answer


class World:
    """A platform with everything inside: the plain case. Enter to start, leave to stop.

    Attributes:
        platform: Of ``tests/integration/conftest.py``.
        dsn: The data base by a way that no fault touches.
        mqtt: Where the sender publishes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.city = folder / "city.json"
        self.dsn = self.mqtt = ""
        self.platform = Platform(folder / "data", "--city", str(self.city))

    def __enter__(self) -> World:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.city.write_text("{}")
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        """Start everything."""
        self.platform.start()
        self.dsn, self.mqtt = self.platform.ready["dsn"], self.platform.ready["mqtt"]

    def close(self) -> None:
        """Stop everything."""
        if hasattr(self.platform, "process"):
            self.platform.stop(90)

    def sender(self, seed: int, rate: float, log: Path) -> Sender:
        """Start the traffic."""
        return Sender(self.mqtt, seed, rate, log)

    def is_well(self) -> bool:
        """Whether the page answers that all parts are well."""
        return self.get("/health/ready") is not None

    def restart(self) -> None:
        """Start the same folder again, with the same ports, after the platform was killed."""
        ports = [str(urlsplit(self.platform.ready[k]).port) for k in ("http", "mqtt")]
        arguments = self.platform.arguments
        for option, port in zip(("--port", "--mqtt-port"), ports, strict=True):
            arguments[arguments.index(option) + 1] = port
        self.platform.start()

    # -- victims -------------------------------------------------------------------------------------------------
    def part(self, name: str) -> int:
        """Process id of ingest, scenes or serve."""
        return int(until(lambda: self.platform.parts(name), f"a running {name}")[0])

    def broker(self) -> int:
        """Process id of the broker."""
        return self._child("nats-server")

    def postmaster(self) -> int:
        """Process id of the data base's parent process."""
        return self._child("bin/postgres -D")

    def _child(self, words: str) -> int:
        def find() -> int:
            lines = self.platform.children()
            return next((pid for pid, line in lines.items() if words in line and "_launch.py" not in line), 0)

        return int(until(find, f"a running {words}"))

    def backends(self) -> list[int]:
        """Server processes that work for our parts."""
        lines = self.platform.children()
        return [pid for pid, line in lines.items() if line.startswith("postgres: ") and "cloudbrain cloudbrain" in line]

    def replaced(self, pid: int, find: Callable[[], int]) -> None:
        """Wait until another process stands where this one was."""
        until(lambda: is_gone(pid), f"the end of process {pid}")
        until(lambda: find() != pid, f"the successor of process {pid}")

    def get(self, path: str) -> Any:
        """A JSON answer of the API, None while nobody answers."""
        return self.platform.try_get(path)

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and answer of the API; (0, None) while nobody answers."""
        try:
            return self.platform.post(path, body)
        except (OSError, ValueError):
            return 0, None

    def backtest(self, start: str, end: str) -> list[bytes]:
        """The log of an uncrashed replay of what is stored."""
        command = [sys.executable, "-m", "brain", "backtest", "--city", str(self.city), "--dsn", self.dsn]
        done = subprocess.run([*command, "--start", start, "--end", end], capture_output=True, check=False, timeout=600)
        if done.returncode:
            raise FaultSuiteError(f"backtest ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
        return done.stdout.splitlines()


class Sender:
    """The generator's process."""

    def __init__(self, url: str, seed: int, rate: float, log: Path, *extra: str, prefix: tuple[str, ...] = ()) -> None:
        command = [*prefix, sys.executable, "-m", "tests.faults.generator", "--mqtt", url, "--seed", str(seed)]
        self.log = log
        with log.with_suffix(".err").open("w") as errors:
            self.process = subprocess.Popen(
                [*command, "--rate", str(rate), "--log", str(log), *extra], cwd=ROOT, stderr=errors
            )
        until(log.exists, "the sender's log", 30)

    def finish(self) -> None:
        """End the schedule; everything sent is acknowledged when this returns."""
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise FaultSuiteError(f"the sender was not done {PATIENCE_S:.0f} s after its end") from None
        if status:
            raise FaultSuiteError(f"the sender failed: {self.log.with_suffix('.err').read_text()[-2000:]}")

    def kill(self) -> None:
        """End it at once."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def is_root() -> bool:
    """Whether we may make namespaces and mounts."""
    return os.geteuid() == 0
