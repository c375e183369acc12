"""Worlds whose data base is outside: behind a proxy, a cable, on a small disk; and a world with a bent clock."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from brain.embedded import EmbeddedNats, EmbeddedPostgres, pick_port
from tests.faults.proxy import Proxy
from tests.faults.world import CannotRunError, FaultSuiteError, World, is_root
from tests.integration.conftest import Platform

if TYPE_CHECKING:
    from collections.abc import Coroutine

MIB = 1024 * 1024
FAKETIME = (
    Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"),
    Path("/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"),
)


class Services:
    """An event loop in a thread for services that are not the platform's children."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="services", daemon=True)
        self._stack = contextlib.AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.do(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something there to its end."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def enter(self, service: Any) -> Any:
        """Start what stops at the end."""
        return self.do(self._stack.enter_async_context(service))


class Outside(World):
    """The data base on another computer: a proxy lies between. The sampler and the check go past it.

    Attributes:
        proxy: The line; ``tests/faults/proxy.py``.
        postgres: The server.
    """

    address = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._exits = contextlib.ExitStack()

    def open(self) -> None:
        self._services = self._exits.enter_context(Services())
        self._said: list[str] = []
        port = pick_port(0, explicit=False)
        self.postgres = EmbeddedPostgres(self.folder / "outside", port=port, emit=self._emit)
        self._services.enter(self.postgres)
        self.proxy = self._exits.enter_context(Proxy(("127.0.0.1", port), self.address))
        self.dsn = str(self.postgres.tcp_dsn)
        self._make_platform(self.dsn.replace(f"@127.0.0.1:{port}/", f"@{self.address}:{self.proxy.port}/"))
        self.platform.start()
        self.mqtt = self.platform.ready["mqtt"]

    def _make_platform(self, dsn: str) -> None:
        self.platform = Platform(self.folder / "data", "--city", str(self.city), "--dsn", dsn)

    def close(self) -> None:
        try:
            super().close()
        finally:
            self._exits.close()

    def _emit(self, name: str, line: str) -> None:
        self._said.append(line)

    def postmaster(self) -> int:
        return int(self.postgres.pid or 0)

    def away(self) -> None:
        """Stop the data base in order."""
        self._services.do(self.postgres.stop())

    def back(self) -> None:
        """Start it again."""
        self._services.do(self.postgres.start())


class SmallDisk(World):
    """The embedded data base on a mount of its own with little room. Root only."""

    size = 320 * MIB
    whole = False
    """Whether the broker's store lies on the same mount."""

    def open(self) -> None:
        if not is_root():
            raise CannotRunError("a full disk needs a mount of its own, and only root may mount; run as root")
        data = self.folder / "data"
        if self.whole:
            data.mkdir()
            self._mount(data)
        else:
            self.platform.start()  # initdb wants to rename its folder, so the mount comes afterwards
            self.platform.stop(60)
            cluster, aside = data / "postgresql", data / "aside"
            cluster.rename(aside)
            cluster.mkdir()
            self._mount(cluster)
            shutil.copystat(aside, cluster)
            os.chown(cluster, aside.stat().st_uid, aside.stat().st_gid)
            subprocess.run(["cp", "-a", f"{aside}/.", str(cluster)], check=True)
            shutil.rmtree(aside)
        super().open()

    def _mount(self, target: Path) -> None:
        options = f"size={self.size},mode=0700"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "cloudbrain-faults", str(target)], capture_output=True, check=False
        )
        if done.returncode:
            raise CannotRunError(f"a full disk needs a mount of its own: {done.stderr.decode().strip()}")
        self._mounted = target

    def fill(self) -> None:
        """Leave no byte free."""
        target = self._mounted / "fill"
        with target.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                for size in (MIB, 4096, 1):
                    with contextlib.suppress(OSError):
                        while file.write(bytes(size)) == size:
                            pass
                raise OSError

    def free(self) -> None:
        """Give the room back."""
        (self._mounted / "fill").unlink()

    def close(self) -> None:
        try:
            super().close()
        finally:
            if hasattr(self, "_mounted"):
                subprocess.run(["umount", "-l", str(self._mounted)], check=True)


class SmallDiskForAll(SmallDisk):
    """The whole data folder, the broker's store too, on one small disk."""

    whole = True


class BentClock(World):
    """Our parts see a wall clock that can jump; the monotonic one runs on. Needs libfaketime."""

    def open(self) -> None:
        library = next((p for p in FAKETIME if p.exists()), None)
        if library is None:
            raise CannotRunError("a jumping clock needs libfaketime (Debian: apt-get install libfaketime)")
        self._file = self.folder / "clock"
        self.jump(0)
        bent = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }
        before = {name: os.environ.get(name) for name in bent}
        os.environ.update(bent)
        try:
            super().open()
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value

    def jump(self, seconds: float) -> None:
        """The clock is off by so many seconds from now on."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{seconds:+.0f}s\n")
        new.rename(self._file)


_RULES = """
table inet faults
delete table inet faults
table inet faults {{
  chain in {{ type filter hook input priority 0; iifname != "lo" numgen random mod 100 < {percent} drop; }}
  chain out {{ type filter hook output priority 0; oifname != "lo" numgen random mod 100 < {percent} drop; }}
}}
"""


def _run(command: list[str], text: str) -> str:
    """Empty where it worked, else what went wrong."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return f"{command[0]} is not installed"
    return done.stderr.strip() if done.returncode else ""


def ip(*words: str) -> None:
    """Run `ip`."""
    try:
        done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise CannotRunError("a cable needs ip (Debian: apt-get install iproute2)") from error
    if done.returncode:
        raise CannotRunError(f"a cable needs network namespaces (ip {' '.join(words)}: {done.stderr.strip()})")


class Cable(Outside):
    """The platform in a network namespace; data base and broker outside, at the other end of a cable. Root only."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.namespace, self.inner, self.outer = f"cbf{os.getpid()}", f"cbi{os.getpid()}"[:15], f"cbo{os.getpid()}"[:15]

    def open(self) -> None:
        if not is_root():
            raise CannotRunError("a cable needs a network namespace, and only root may make one; run as root")
        number = os.getpid() % 200 + 20
        self.address = f"10.213.{number}.1"
        ip("netns", "add", self.namespace)
        ip("link", "add", self.outer, "type", "veth", "peer", "name", self.inner, "netns", self.namespace)
        ip("addr", "add", f"{self.address}/30", "dev", self.outer)
        ip("link", "set", self.outer, "up")
        ip("-n", self.namespace, "addr", "add", f"10.213.{number}.2/30", "dev", self.inner)
        ip("-n", self.namespace, "link", "set", self.inner, "up")
        ip("-n", self.namespace, "link", "set", "lo", "up")
        super().open()
        self.mqtt = self._broker.url

    def _make_platform(self, dsn: str) -> None:
        self._broker = EmbeddedNats(self.folder / "outside", pick_port(0, explicit=False), emit=self._emit)
        self._services.enter(self._broker)
        self._mqtt_proxy = self._exits.enter_context(Proxy(("127.0.0.1", self._broker.mqtt_port), self.address))
        mqtt = f"mqtt://{self.address}:{self._mqtt_proxy.port}"
        self.platform = Platform(self.folder / "data", "--city", str(self.city), "--dsn", dsn, "--mqtt", mqtt)
        self.platform.arguments[:0] = ["ip", "netns", "exec", self.namespace]

    def cable(self, *, plugged: bool) -> None:
        """Pull the cable, or plug it in."""
        ip("link", "set", self.outer, "up" if plugged else "down")

    def loss(self, percent: int) -> None:
        """Lose so many of a hundred packets, each way; 0 loses none. netem where the kernel has it, else nftables."""
        inside = ["ip", "netns", "exec", self.namespace]
        netem = [
            [*prefix, "tc", "qdisc", "replace", "dev", device, "root", "netem", "loss", f"{percent}%"]
            for prefix, device in (([], self.outer), (inside, self.inner))
        ]
        tables = [[*inside, "nft", "-f", "-"]]
        for commands, text in ((netem, ""), (tables, _RULES.format(percent=percent))):
            done = [_run(command, text) for command in commands]
            if not any(done):
                return
        raise CannotRunError(
            f"losing packets needs tc with sch_netem, or nft (Debian: apt-get install nftables): {done}"
        )

    def get(self, path: str) -> Any:
        return self._curl(path)[1]

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        return self._curl(path, json.dumps(body))

    def _curl(self, path: str, body: str | None = None) -> tuple[int, Any]:
        """The page listens on the loopback inside the namespace."""
        code = (
            "import sys,urllib.request as u\n"
            "r=u.Request(sys.argv[1],data=sys.argv[2].encode() if len(sys.argv)>2 else None)\n"
            "r.add_header('Content-Type','application/json')\n"
            "a=u.urlopen(r,timeout=10);sys.stdout.write(str(a.status)+'\\n'+a.read().decode())"
        )
        python = self.platform.arguments[4]
        command = ["ip", "netns", "exec", self.namespace, python, "-c", code, self.platform.ready["http"] + path]
        done = subprocess.run([*command, *([body] if body else [])], capture_output=True, text=True, check=False)
        if done.returncode:
            return 0, None
        status, _, text = done.stdout.partition("\n")
        return int(status), json.loads(text)

    def close(self) -> None:
        try:
            super().close()
        finally:
            with contextlib.suppress(CannotRunError):
                ip("netns", "del", self.namespace)


__all__ = ["BentClock", "Cable", "FaultSuiteError", "Outside", "Services", "SmallDisk", "SmallDiskForAll", "time"]
