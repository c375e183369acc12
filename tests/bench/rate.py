"""A first honest figure: QoS 1 messages a second from a publisher through broker and ingest into the table.

    .venv/bin/python tests/bench/rate.py --messages 50000

Starts the platform in a scratch folder, publishes pre-encoded ~150-byte messages of 1,000 gas detectors over one
connection as fast as the broker acknowledges, and ends when the ledger has them all. Generator, broker, data base,
ingest, scenes and page share the machine. A figure, never a test.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from datetime import UTC, datetime, timedelta


def remaining_length(n: int) -> bytes:
    out = bytearray()
    while True:
        n, digit = divmod(n, 128)
        out.append(digit | (0x80 if n else 0))
        if not n:
            return bytes(out)


def packets(messages: int) -> list[bytes]:
    start = datetime.now(UTC) - timedelta(seconds=600)
    out = []
    for i in range(messages):
        device = f"B-{i % 1000:04}"
        when = (start + timedelta(milliseconds=600_000 * i / messages)).isoformat(timespec="microseconds")
        body = json.dumps(
            {
                "time": when,
                "lon": 120.38,
                "lat": 36.07,
                "lel_pct": round(1 + i % 7 / 10, 2),
                "ppm": i % 500,
                "gas": "CH4",
            }
        ).encode()
        topic = f"city/gas-detector/{device}".encode()
        packet_id = struct.pack(">H", i % 65535 + 1)
        rest = struct.pack(">H", len(topic)) + topic + packet_id + body
        out.append(b"\x32" + remaining_length(len(rest)) + rest)
    return out


def publish(url: str, stream: list[bytes], window: int) -> float:
    """Seconds until every message is acknowledged by the broker."""
    address = urllib.parse.urlsplit(url)
    with socket.create_connection((address.hostname, address.port or 1883)) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = b"bench"
        rest = b"\x00\x04MQTT\x04\x02\x00\x3c" + struct.pack(">H", len(name)) + name
        s.sendall(b"\x10" + remaining_length(len(rest)) + rest)
        assert s.recv(4) == b"\x20\x02\x00\x00", "the broker did not accept the publisher"
        began = time.monotonic()
        sent = acked = 0
        pending = b""
        while acked < len(stream):
            free = min(window - (sent - acked), len(stream) - sent)
            if free > 0:
                s.sendall(b"".join(stream[sent : sent + free]))
                sent += free
            pending += s.recv(65536)
            acked += len(pending) // 4
            pending = pending[len(pending) - len(pending) % 4 :]
        return time.monotonic() - began


def stored(base: str) -> int:
    with urllib.request.urlopen(f"{base}/api/v1/statistics/ingest", timeout=30) as answer:
        return int(json.loads(answer.read())["total"]["stored"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--window", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "brain", "up", "--port", "0", "--mqtt-port", "0", "--data-dir", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as platform:
            assert platform.stdout is not None
            ready = json.loads(platform.stdout.readline())
            stream = packets(options.messages)
            size = sum(map(len, stream)) / len(stream)
            began = time.monotonic()
            acknowledged = publish(ready["mqtt"], stream, options.window)
            while stored(ready["http"]) < options.messages and time.monotonic() - began < 300:
                time.sleep(0.05)
            total = time.monotonic() - began
            done = stored(ready["http"])
            platform.terminate()
            platform.wait(60)
    figures = {
        "storage": ready["storage"],
        "messages": options.messages,
        "bytes_a_message": round(size, 1),
        "acknowledged_by_broker_per_s": round(options.messages / acknowledged),
        "stored_per_s": round(done / total),
        "stored": done,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
