"""The generator: a process of its own that publishes packets encoded beforehand, with as few calls as it can.

A job (JSON) comes as the first line on stdin; ``ready`` goes out when everything is encoded; the line ``go`` starts the
clock; one line of JSON says what happened. When stdin ends it ends, too. Times are CLOCK_MONOTONIC nanoseconds, which
all processes of a machine share.

* closed loop: at most ``window`` messages without acknowledgement, in chunks of a quarter of it;
* open loop: each message is due at its scheduled time, whether or not the one before was answered; what counts for
  latency is the scheduled time, so that a stall of the receiver is not hidden (no coordinated omission).
"""

from __future__ import annotations

import json
import os
import resource
import select
import socket
import struct
import sys
import threading
import time
from itertools import chain
from typing import Any, Final

from brain.bench.shapes import Shape, call_packet, packet

__all__ = ["main", "plan"]

_PATIENCE_S: Final = 120.0
_ACK: Final = 4  # bytes of a PUBACK
_CONNACK: Final = b"\x20\x02\x00\x00"


def plan(job: dict[str, Any]) -> tuple[list[bytes], list[int]]:
    """Packets of a job and, for an open loop, the nanoseconds after the start at which each is due.

    Keys of a job: ``form``, ``devices``, ``types``, ``messages``, ``first``; ``rate`` (a second; open loop), ``window``
    (closed loop), ``step_us``; ``calls_every_ms`` and ``first_call`` (emergency calls among the others); ``sentinel``
    (True: a last call behind all messages), ``refused`` (so many messages before all others that will be quarantined).
    """
    shape = Shape(form=job["form"], devices=job["devices"], types=job["types"])
    rate: float = job.get("rate", 0)
    now = time.time_ns() // 1000
    step = max(1, round(1e6 / rate / shape.readings)) if rate else job.get("step_us", 10)
    stream = list(shape.packets(job["messages"], now, step, job.get("first", 0)))
    due = [round(i * 1e9 / rate) for i in range(len(stream))] if rate else []
    number = job.get("first_call", 0)
    if every := job.get("calls_every_ms"):
        length = len(stream) / rate
        at = [round(k * every * 1e6) for k in range(int(length * 1000 / every))]
        calls = [call_packet(number + k, now + t // 1000, (number + k) % 65535 + 1) for k, t in enumerate(at)]
        both = sorted(chain(zip(due, stream, strict=True), zip(at, calls, strict=True)), key=lambda x: x[0])
        due, stream = [t for t, _ in both], [p for _, p in both]
    if refused := job.get("refused", 0):
        topic = b"\x00\x1acity/gas-detector/REFUSED-"
        wrong = [packet(topic, k % 65535 + 1, b'{"lel_pct": %d}' % (101 + k)) for k in range(refused)]
        stream, due = wrong + stream, [0] * refused + due
    if job.get("sentinel"):
        stream.append(call_packet(number, now, 65535))
        due += [due[-1]] if due else []
    return stream, due


class _Connection:
    """One MQTT connection that publishes and counts acknowledgements."""

    def __init__(self, host: str, port: int, name: str) -> None:
        self.socket = socket.create_connection((host, port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw = name.encode()
        rest = b"\x00\x04MQTT\x04\x02\x00\x00" + struct.pack(">H", len(raw)) + raw
        self.socket.sendall(b"\x10" + bytes([len(rest)]) + rest)
        if self._exactly(4) != _CONNACK:
            raise ConnectionError("the broker did not accept the generator")
        self._bytes = 0

    @property
    def acked(self) -> int:
        return self._bytes // _ACK

    def _exactly(self, n: int) -> bytes:
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                raise ConnectionError("the broker closed the connection")
            got += more
        return got

    def read(self) -> None:
        """Take in acknowledgements that have come; waits for one at least, 10 s at most."""
        got = len(self.socket.recv(1 << 18))
        if not got:
            raise ConnectionError("the broker closed the connection")
        self._bytes += got

    def close(self) -> None:
        self.socket.sendall(b"\xe0\x00")
        self.socket.close()


def _closed(c: _Connection, stream: list[bytes], window: int) -> list[int]:
    """Send as fast as acknowledged; nothing has a time, so nothing is late."""
    chunk = max(1, window // 4)
    sent, n = 0, len(stream)
    while c.acked < n:
        free = min(window - (sent - c.acked), n - sent)
        if free >= chunk or free == n - sent > 0:
            c.socket.sendall(b"".join(stream[sent : sent + free]))
            sent += free
        c.read()
    return []


def _open(c: _Connection, stream: list[bytes], due: list[int], start: int) -> list[int]:
    """Send each when due; how late each was sent, nanoseconds."""
    late: list[int] = []
    sent, n = 0, len(stream)
    while sent < n:
        now = time.monotonic_ns() - start
        last = sent
        while last < n and due[last] <= now:
            last += 1
        if last > sent:
            c.socket.sendall(b"".join(stream[sent:last]))
            late += [now - t for t in due[sent:last]]
            sent = last
        if sent == n:
            break
        wait = (start + due[sent] - time.monotonic_ns()) / 1e9
        if wait > 0 and select.select([c.socket], [], [], wait)[0]:
            c.read()
    while c.acked < n:
        c.read()
    return late


def _end_with_stdin() -> None:
    sys.stdin.readline()
    os._exit(1)


def main() -> None:
    """Do the job of the first line of stdin."""
    job = json.loads(sys.stdin.readline())
    stream, due = plan(job)
    connection = _Connection(job["host"], job["port"], job.get("name", f"bench-{os.getpid()}"))
    connection.socket.settimeout(_PATIENCE_S)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if sys.stdin.readline().strip() != "go":
        return
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.monotonic_ns()
    late = _open(connection, stream, due, start) if due else _closed(connection, stream, job["window"])
    end = time.monotonic_ns()
    after = resource.getrusage(resource.RUSAGE_SELF)
    connection.close()
    late.sort()
    said = {
        "start_ns": start,
        "acked_ns": end,
        "messages": len(stream),
        "bytes": sum(map(len, stream)),
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "peak_rss_kb": after.ru_maxrss,
        "sent_late_p99_ns": late[int(len(late) * 0.99)] if late else 0,
    }
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
