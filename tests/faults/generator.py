"""The sender as a process of its own: it keeps an append-only log of what it sent and what the broker acknowledged.

    python -m tests.faults.generator --mqtt mqtt://127.0.0.1:1883 --seed 7 --rate 200 --log sent.jsonl

It sends by schedule (open loop): a message that could not go out in time keeps the time it was due at. SIGTERM ends the
schedule; it goes on until everything is acknowledged, then exits with status 0. A line of the log is a JSON array:

    ["begin", seed, rate, start_us]
    ["sent", n, at_us, due_us, topic, kind, rows, digest, story]   before the first byte leaves
    ["twice", n, at_us]                   a copy on purpose
    ["again", [n, ...], at_us]            not acknowledged before the connection ended: sent again with DUP
    ["acked", [n, ...], at_us]            PUBACK came
    ["end", at_us, connections]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.faults.publisher import Publisher
from tests.faults.traffic import Message, Pace, messages

TICK_S = 0.01


def now_us() -> int:
    """Wall clock."""
    return time.time_ns() // 1000


class Log:
    """Appends lines; ``flush`` hands them to the kernel, before what they tell of is sent."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lines: list[str] = []

    def add(self, *line: Any) -> None:
        """One line."""
        self._lines.append(json.dumps(line, separators=(",", ":")))

    def flush(self) -> None:
        """Write what was added."""
        if self._lines:
            os.write(self._file, ("\n".join(self._lines) + "\n").encode())
            self._lines.clear()


async def generate(url: str, seed: int, pace: Pace, path: Path, stop: asyncio.Event, seconds: float | None) -> None:
    """Send until stopped or for so many seconds, then until everything is acknowledged."""
    log = Log(path)
    start = datetime.now(UTC)
    start_us, began = now_us(), time.monotonic()
    log.add("begin", seed, pace.rate, start_us)
    address = urlsplit(url)

    def acknowledged(done: list[int]) -> None:
        log.add("acked", done, now_us())

    def again(numbers: list[int]) -> None:
        log.add("again", numbers, now_us())
        log.flush()

    name = f"faults-{seed}-{os.getpid()}"
    publisher = Publisher(address.hostname or "127.0.0.1", address.port or 1883, name, acknowledged, again)
    running = asyncio.create_task(publisher.run())
    plan = messages(seed, pace, start)
    message = next(plan)
    seen: set[int] = set()
    while not stop.is_set():
        elapsed = time.monotonic() - began
        if seconds is not None and elapsed >= seconds:
            break
        ready: list[Message] = []
        while message.due_s <= elapsed and len(ready) < min(publisher.room, 2000):
            at = now_us()
            if message.n not in seen:
                seen.add(message.n)
                due = start_us + int(message.due_s * 1e6)
                digest = hashlib.sha256(message.payload).hexdigest()[:32]
                log.add("sent", message.n, at, due, message.topic, message.kind, message.rows, digest, message.story)
            else:
                log.add("twice", message.n, at)
            ready.append(message)
            message = next(plan)
        log.flush()
        for one in ready:
            publisher.publish(one.n, one.topic, one.payload)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_S)
    while publisher.unacknowledged and not running.done():
        log.flush()
        await asyncio.sleep(TICK_S)
    await publisher.close()
    running.cancel()
    log.add("end", now_us(), publisher.connections)
    log.flush()


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mqtt", required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--rate", type=float, default=200.0)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--burst", action="append", default=[], help="from,seconds,factor")
    given = parser.parse_args()
    bursts = tuple(tuple(map(float, text.split(","))) for text in given.burst)
    pace = Pace(given.rate, bursts)  # type: ignore[arg-type]

    async def body() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await generate(given.mqtt, given.seed, pace, given.log, stop, given.seconds)

    sys.stderr.write(f"seed {given.seed}\n")
    asyncio.run(body())


if __name__ == "__main__":
    main()
