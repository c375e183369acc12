"""Runs the peers in turn with ours: each has a broker and a data base of its own, and the same generator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from brain.bench.accounting import snapshot, used
from brain.bench.peers import node_red
from brain.bench.peers.copy import Copier
from brain.bench.peers.tutorial import CREATE
from brain.bench.probe import Probe
from brain.bench.rig import Mosquitto, Sender
from brain.embedded import Child, EmbeddedNats, EmbeddedPostgres, pick_port
from brain.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NAMES", "Peers"]

NAMES: Final = ("tutorial", "node-red", "copy")
_PATIENCE_S: Final = 180.0
_COUNT: Final = "SELECT count(*) FROM readings"


class Peers:
    """The peers asked for, started and waiting. An async context manager.

    Args:
        names: Of ``NAMES``.
        broker: ``nats`` or ``mosquitto``, as ours.
        messages: Of one turn; they are slow, so fewer than ours.
        copy_rows: Rows of one turn of ``copy``.
        turns: How many turns will be asked for.
        say: Takes progress.

    Attributes:
        absent: Peers that cannot run here, each with a sentence.
        results: Name -> figures of each turn.
    """

    def __init__(
        self, names: list[str], broker: str, messages: int, copy_rows: int, turns: int, say: Callable[[str], None]
    ) -> None:
        for name in names:
            if name not in NAMES:
                raise ConfigurationError(f"there is no peer {name!r}; name some of {', '.join(NAMES)}")
        self._names = list(names)
        self._broker, self._messages, self._copy_rows, self._turns = broker, messages, copy_rows, turns
        self._say = say
        self._exits = contextlib.AsyncExitStack()
        self._sent = 0
        self.absent: dict[str, str] = {}
        self.results: dict[str, list[dict[str, Any]]] = {}

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
        self._folder = folder
        self._exits.callback(shutil.rmtree, folder, ignore_errors=True)
        enter = self._exits.enter_async_context
        postgres = await enter(EmbeddedPostgres(folder, emit=lambda *_: None))
        self._dsn = postgres.dsn
        service: Mosquitto | EmbeddedNats
        if self._broker == "mosquitto":
            service = await enter(Mosquitto())
        else:
            service = await enter(EmbeddedNats(folder, pick_port(0, explicit=False), emit=lambda *_: None))
        self._url = service.url
        self._roots = [p for p in (postgres.pid, service.pid) if p]
        self._probe = await enter(Probe(self._dsn))
        await self._probe.execute(CREATE)
        if "node-red" in self._names and (why := await node_red.install(self._say)) is not None:
            self.absent["node-red"] = why
            self._names.remove("node-red")
        if "copy" in self._names:
            self._say("preparing rows for copy")
            self._copier = Copier(self._dsn)
            await self._copier.prepare(self._copy_rows * self._turns)

    async def turn(self) -> None:
        """One turn of each peer."""
        for name in self._names:
            got = await (self._copier.run(self._copy_rows) if name == "copy" else self._subscriber(name))
            self.results.setdefault(name, []).append(got)
            self._say(f"{name}: {got['rows_stored_per_s']:.0f}/s stored")

    async def _subscriber(self, name: str) -> dict[str, Any]:
        """Start a subscriber, publish, wait until its table has everything, stop it."""
        async with contextlib.AsyncExitStack() as exits:
            child = await exits.enter_async_context(self._child(name))
            assert child.pid is not None
            await self._probe.execute("TRUNCATE readings")
            job = {"form": "single", "devices": 1000, "types": 1, "first": self._sent, "window": 2000, "step_us": 10}
            roots = [*self._roots, child.pid]
            await self._publish(job | {"messages": 200})
            await self._stored(200)
            sender = await exits.enter_async_context(Sender(self._url, job | {"messages": self._messages}))
            self._sent += self._messages
            before = snapshot(roots)
            going = asyncio.create_task(sender.go())
            end = await self._stored(200 + self._messages)
            after = snapshot(roots)
            said = await going
        seconds = (end - said["start_ns"]) / 1e9
        cost = {
            p: round((t.user + t.system) * 1e6 / self._messages, 1) for p, t in used(before, after).items() if p != "up"
        }
        return {"messages": self._messages, "rows_stored_per_s": round(self._messages / seconds, 1), "cpu_us": cost}

    async def _publish(self, job: dict[str, Any]) -> None:
        async with Sender(self._url, job) as sender:
            await sender.go()

    async def _stored(self, rows: int) -> int:
        """Wait until the table has so many rows: when (ns). Counting costs: what takes longer is done more rarely."""
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            began = time.monotonic()
            if int(await self._probe.value(_COUNT)) >= rows:
                return time.monotonic_ns()
            await asyncio.sleep(max(0.02, 20 * (time.monotonic() - began)))
        raise ServiceError(f"a peer did not store {rows} rows in {_PATIENCE_S:.0f} s")

    def _child(self, name: str) -> Child:
        address = urlsplit(self._url)
        host, port = address.hostname or "127.0.0.1", address.port or 1883
        started = asyncio.Event()
        word = "ready" if name == "tutorial" else "Connected to broker"

        def emit(_: str, line: str) -> None:
            if word in line:
                started.set()

        async def ready(_: Child) -> None:
            await started.wait()

        if name == "tutorial":
            command = [sys.executable, "-m", "brain.bench.peers.tutorial", host, str(port), self._dsn]
        else:
            own = self._folder / "node-red"
            own.mkdir(exist_ok=True)
            command = node_red.command(own, host, port, self._dsn, pick_port(0, explicit=False))
        return Child(name, command, environment=dict(os.environ), ready=ready, emit=emit, restart=False)

    def summary(self, ours: float) -> dict[str, Any]:
        """Median of each peer's turns, and how many times as fast ours is.

        Args:
            ours: Rows stored a second by ours.
        """
        out: dict[str, Any] = {}
        for name, turns in self.results.items():
            rates = [t["rows_stored_per_s"] for t in turns]
            median = statistics.median(rates)
            out[name] = {
                "rows_stored_per_s": {"median": median, "min": min(rates), "max": max(rates)},
                "ours_times": round(ours / median, 3),
            }
            if "cpu_us" in turns[0]:
                parts = turns[0]["cpu_us"]
                out[name]["cpu_us"] = {p: statistics.median(t["cpu_us"].get(p, 0) for t in turns) for p in parts}
        return out | {name: {"absent": why} for name, why in self.absent.items()}
