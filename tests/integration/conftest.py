"""The whole platform as a child process, looked at from outside: commands, HTTP, MQTT."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

COMMAND = [sys.executable, "-m", "brain"]
START_S = 90.0


def wait_until(ask: Callable[[], Any], timeout: float = 30.0, what: str = "the condition") -> Any:
    """The first true answer; fails the test when none came in time."""
    deadline = time.monotonic() + timeout
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {timeout:.0f} s")
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """No such process, or only its exit status is left."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


class Platform:
    """`cloudbrain up` in a folder of its own."""

    def __init__(self, data_dir: Path, *extra: str, simulate: bool = False) -> None:
        self.data_dir = data_dir
        self.arguments = [
            *COMMAND,
            "up",
            *("--data-dir", str(data_dir), "--port", "0", "--mqtt-port", "0"),
            "--simulate" if simulate else "--no-simulate",
            *extra,
        ]
        self.stderr: list[str] = []
        self.stdout: list[str] = []
        self.ready: dict[str, Any] = {}

    def start(self, *, wait: bool = True) -> Platform:
        self.process = subprocess.Popen(
            self.arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
        )
        lines: queue.Queue[str | None] = queue.Queue()

        def read_out() -> None:
            assert self.process.stdout is not None
            with self.process.stdout as stream:
                for line in stream:
                    self.stdout.append(line)
                    lines.put(line)
            lines.put(None)

        def read_err() -> None:
            assert self.process.stderr is not None
            with self.process.stderr as stream:
                self.stderr.extend(stream)

        self._readers = [threading.Thread(target=f, daemon=True) for f in (read_out, read_err)]
        for reader in self._readers:
            reader.start()
        if wait:
            try:
                first = lines.get(timeout=START_S)
            except queue.Empty:
                first = None
            if first is None:
                self.kill()
                pytest.fail("no ready line; last of stderr:\n" + "".join(self.stderr[-40:]))
            self.ready = json.loads(first)
        return self

    # -- asking ---------------------------------------------------------------------------------------------------
    def get(self, path: str, **query: Any) -> Any:
        """A JSON answer of the API."""
        text = urllib.parse.urlencode({k: v for k, v in query.items() if v is not None})
        with urllib.request.urlopen(f"{self.ready['http']}{path}" + (f"?{text}" if text else ""), timeout=15) as answer:
            return json.loads(answer.read())

    def try_get(self, path: str, **query: Any) -> Any:
        """The same while parts are being killed: None when nobody answers."""
        try:
            return self.get(path, **query)
        except (OSError, ValueError):
            return None

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Status and JSON of a POST."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        request = urllib.request.Request(self.ready["http"] + path, data=data, method="POST")
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=15) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def rows(self, **query: Any) -> list[dict[str, Any]]:
        """All observations of a query."""
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.get("/api/v1/observations", limit=10000, cursor=cursor, **query)
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def ledger(self) -> dict[str, int]:
        total: dict[str, int] = self.get("/api/v1/statistics/ingest")["total"]
        return total

    # -- hurting --------------------------------------------------------------------------------------------------
    def children(self) -> dict[int, str]:
        """Process ids below `up`, with their command lines."""
        parent: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                    if stat[0] != "Z":
                        parent[int(entry.name)] = int(stat[1])
                except OSError:
                    continue
        found: dict[int, str] = {}
        todo = [self.process.pid]
        while todo:
            one = todo.pop()
            for child, of in parent.items():
                if of == one and child not in found:
                    try:
                        found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                    except OSError:
                        found[child] = ""
                    todo.append(child)
        return found

    def parts(self, name: str) -> list[int]:
        """Process ids of a part."""
        return [pid for pid, line in self.children().items() if f"-m brain {name}" in line]

    def kill_part(self, name: str) -> int:
        """kill -9 of one part; its process id."""
        for pid in self.parts(name):
            os.kill(pid, signal.SIGKILL)
            return pid
        pytest.fail(f"no part {name} among {list(self.children().values())}")

    def kill(self) -> None:
        """kill -9 of `up` alone."""
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Wait until everything it said is read."""
        for reader in self._readers:
            reader.join(20)

    def stop(self, timeout: float = 30.0) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            pytest.fail("SIGTERM did not end it; last of stderr:\n" + "".join(self.stderr[-40:]))
        self.close()
        return status


class Sender:
    """A QoS 1 publisher that knows which messages were acknowledged, and sends the others again after a cut."""

    def __init__(self, url: str, window: int = 200) -> None:
        import paho.mqtt.client as mqtt

        self.address = urllib.parse.urlsplit(url)
        self.window = window
        self.acked: set[int] = set()
        self._keys: dict[int, int] = {}
        self._early: set[int] = set()
        self._lock = threading.Condition()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=f"sender-{os.getpid()}-{time.time_ns()}")
        self.client.max_inflight_messages_set(window)
        self.client.on_publish = self._published
        self.client.reconnect_delay_set(0.1, 0.5)  # type: ignore[arg-type]

    def _published(self, _c: Any, _u: Any, mid: int, _r: Any, _p: Any) -> None:
        with self._lock:
            if mid in self._keys:
                self.acked.add(self._keys.pop(mid))
            else:
                self._early.add(mid)
            self._lock.notify_all()

    def __enter__(self) -> Sender:
        self.client.connect(self.address.hostname or "127.0.0.1", self.address.port or 1883)
        self.client.loop_start()
        wait_until(self.client.is_connected, 10, "the broker's CONNACK")
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, key: int, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        with self._lock:
            while len(self._keys) >= self.window:
                self._lock.wait(0.2)
        # outside the lock: the client calls back with a lock of its own held
        mid = self.client.publish(topic, payload, qos=1, retain=retain).mid
        with self._lock:
            if mid in self._early:
                self._early.remove(mid)
                self.acked.add(key)
            else:
                self._keys[mid] = key

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until everything sent is acknowledged."""
        deadline = time.monotonic() + timeout
        with self._lock:
            while self._keys:
                if time.monotonic() > deadline:
                    pytest.fail(f"{len(self._keys)} messages were not acknowledged within {timeout:.0f} s")
                self._lock.wait(0.2)


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition: ``until(ask, timeout, what)``."""
    return wait_until


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Tells whether a process has ended."""
    return is_gone


@pytest.fixture
def sender() -> type[Sender]:
    """The publisher that knows what was acknowledged."""
    return Sender


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """A running platform without simulation, stopped at the end."""
    p = Platform(tmp_path / "data").start()
    yield p
    p.stop()


@pytest.fixture
def make_platform(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Platforms with options of their own; all stopped at the end."""
    made: list[Platform] = []

    def make(*extra: str, folder: str = "data", simulate: bool = False) -> Platform:
        made.append(Platform(tmp_path / folder, *extra, simulate=simulate))
        return made[-1]

    yield make
    for p in made:
        if hasattr(p, "process"):
            p.stop()
