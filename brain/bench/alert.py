"""``bench alert``: from the scheduled time of an emergency call to its incident on the live stream, under load.

One call every 200 ms, each at another place, among quiet messages of an open loop; a client reads ``/api/v1/live``. A
call becomes an incident with its own row, without waiting rules, so the time is that of the whole way: broker, ingest,
commit, scenes, dispatch, commit, web, stream.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from brain.bench.accounting import snapshot, used
from brain.bench.figures import percentiles
from brain.bench.probe import Probe
from brain.bench.rig import Platform, Sender
from brain.bench.shapes import call_device
from brain.errors import ServiceError
from brain.model import Device
from brain.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from brain.bench.shapes import Shape

__all__ = ["Options", "Raises", "measure"]

_CALL: Final = re.compile(rb'"op":"raise".*?BENCH-(\d{6})')
_WARM_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured: background of ``rate`` messages a second and a call each ``every_ms``, for ``seconds``."""

    shape: Shape
    rate: int = 1000
    seconds: float = 20.0
    every_ms: int = 200


class Raises:
    r"""Cuts a stream of server-sent events and notes when each call was raised (CLOCK_MONOTONIC ns).

    Example:
        >>> raises = Raises()
        >>> raises.feed(b'event: incident\ndata: {"log":{"op":"raise","evidence":[{"device":"BENCH-0000', 5)
        >>> raises.feed(b'07"}]}}\n\n', 9)
        >>> raises.at
        {7: 9}
    """

    def __init__(self) -> None:
        self.at: dict[int, int] = {}
        self.came = asyncio.Event()
        self._rest = b""

    def feed(self, data: bytes, now: int) -> None:
        """Take bytes that came at a time."""
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for event in whole:
            found = _CALL.search(event)
            if found:
                self.at.setdefault(int(found[1]), now)
                self.came.set()


async def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it.

    Raises:
        ServiceError: The platform did not start, or rows did not arrive in time.
    """
    o = options
    async with contextlib.AsyncExitStack() as exits:
        say("starting the platform")
        platform = await exits.enter_async_context(Platform(say=say))
        probe = await exits.enter_async_context(Probe(platform.ready["dsn"]))
        store = await open_store(platform.ready["dsn"])
        try:
            calls = int((o.seconds + _WARM_S) * 1000 / o.every_ms) + 1
            speaking = [o.shape.device(d) for d in range(o.shape.devices)] + [call_device(k) for k in range(calls)]
            await store.put_devices([Device(device_id=0, sensor_type=t, name=n) for t, n in speaking])
        finally:
            await store.close()
        raises = Raises()
        listening = asyncio.create_task(_listen(platform.ready["http"], raises))
        exits.callback(listening.cancel)
        say("warming up")
        warm, _ = await _run(o, platform, probe, raises, _WARM_S, 0, 0)
        say(f"{o.rate} messages a second and a call every {o.every_ms} ms for {o.seconds:.0f} s")
        before = snapshot([platform.pid])
        began = time.monotonic()
        got, messages = await _run(o, platform, probe, raises, o.seconds, *warm["next"])
        seconds = time.monotonic() - began
        cores = {p: round((t.user + t.system) / seconds, 3) for p, t in used(before, snapshot([platform.pid])).items()}
        figures = {f"publish_to_push_{k}_ms": v for k, v in got["latency"].items() if k in ("p50", "p99", "p99_9")}
        return {
            "storage": platform.ready["storage"],
            "shape": {
                "rate": o.rate,
                "seconds": o.seconds,
                "every_ms": o.every_ms,
                "devices": o.shape.devices,
                "types": o.shape.types,
            },
            "figures": figures,
            "calls": got["calls"],
            "raised": got["latency"]["count"],
            "messages": messages,
            "ledger": await probe.ledger(),
            "details": {
                "publish_to_push_ms": got["latency"],
                "sent_late_p99_ms": got["late"],
                "cores": cores,
                "calls, raised": [got["calls"], got["latency"]["count"]],
            },
        }


async def _run(
    o: Options, platform: Platform, probe: Probe, raises: Raises, seconds: float, first: int, first_call: int
) -> tuple[dict[str, Any], int]:
    messages = int(o.rate * seconds)
    calls = int(messages / o.rate * 1000 / o.every_ms)
    job = {
        "form": o.shape.form,
        "devices": o.shape.devices,
        "types": o.shape.types,
        "messages": messages,
        "rate": o.rate,
        "calls_every_ms": o.every_ms,
        "first": first,
        "first_call": first_call,
    }
    async with Sender(platform.ready["mqtt"], job) as sender:
        await probe.start_watch()
        said = await sender.go()
        if await probe.committed(messages + calls, 60) is None:
            raise ServiceError(f"{messages + calls} messages were sent and not all were stored within a minute")
        await probe.stop_watch()
    wanted = range(first_call, first_call + calls)
    deadline = time.monotonic() + 10
    while not all(k in raises.at for k in wanted) and time.monotonic() < deadline:
        raises.came.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(raises.came.wait(), 1)
    due = {k: said["start_ns"] + round((k - first_call) * o.every_ms * 1e6) for k in wanted}
    latency = percentiles([(raises.at[k] - due[k]) / 1e6 for k in wanted if k in raises.at])
    return {
        "latency": latency,
        "calls": calls,
        "late": round(said["sent_late_p99_ns"] / 1e6, 3),
        "next": (first + messages, first_call + calls),
    }, messages


async def _listen(http: str, raises: Raises) -> None:
    """Read the live stream for ever. Pieces of the transfer may cut an event anywhere: their frames are taken out."""
    address = urlsplit(http)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        writer.write(
            f"GET /api/v1/live HTTP/1.1\r\nHost: {address.netloc}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise ServiceError(f"the live stream was refused: {head[:60]!r:.62}")
        while size := int(await reader.readline() or b"0", 16):
            data = await reader.readexactly(size + 2)
            raises.feed(data[:-2], time.monotonic_ns())
    finally:
        writer.close()
