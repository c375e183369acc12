"""What ingest's own work costs a reading, stage by stage, in this process: cut, decode, number, write (client's side).

The messages are those of the generator, cut from reads of 64 KiB and stored in flushes of 500 messages, as under load.
The write goes to a real data base of its own; what is counted of it is the processor time of this process (encoding and
talking), and beside it the wall time of the whole commit. Not in here: the event loop and the socket.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from brain.bench.shapes import generated_type
from brain.embedded import EmbeddedPostgres
from brain.store import open_store
from ingest import _wire
from ingest.decode import Decoder
from ingest.envelope import Envelopes
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from brain.bench.shapes import Shape
    from brain.store.base import Store

__all__ = ["cut", "measure"]

_READ: Final = 65536  # bytes
_FLUSH: Final = 500  # messages


def cut(stream: list[bytes]) -> _wire.Arrivals:
    """PUBLISH packets as ingest cuts them from reads of 64 KiB."""
    splitter, arrivals = _wire.Splitter(), _wire.Arrivals()
    data = b"".join(stream)
    for at in range(0, len(data), _READ):
        splitter.feed(data[at : at + _READ], arrivals)
    return arrivals


async def measure(shape: Shape, messages: int) -> dict[str, dict[str, float]]:
    """CPU microseconds a reading of each stage, and for the write its wall time too.

    Args:
        shape: Of the messages.
        messages: How many; a tenth more are used to warm up.
    """
    async with contextlib.AsyncExitStack() as exits:
        folder = Path(tempfile.mkdtemp(prefix="cloudbrain-bench-"))
        exits.callback(shutil.rmtree, folder, ignore_errors=True)
        postgres = await exits.enter_async_context(EmbeddedPostgres(folder, emit=lambda *_: None))
        store = await open_store(postgres.dsn)
        exits.push_async_callback(store.close)
        await store.migrate()
        types = {t.id: t for t in load_builtin()}
        for k, name in enumerate(shape.names()):
            await store.put_sensor_type(types.get(name) or generated_type(k))
        await store.admit([shape.device(d) for d in range(shape.devices)])
        return await _run(store, shape, messages)


async def _run(store: Store, shape: Shape, messages: int) -> dict[str, dict[str, float]]:
    registry = await store.load_registry()
    head = await store.claim_head()
    decoder = Decoder(registry)
    warm = max(1, messages // 10)
    start = time.time_ns() // 1000
    stream = list(shape.packets(warm + messages, start, 1))
    spent = dict.fromkeys(("cut", "decode", "number", "write"), 0.0)
    wall, position = 0.0, head.position
    for low, high in ((0, warm), (warm, warm + messages)):
        spent = dict.fromkeys(spent, 0.0)
        wall = 0.0
        t0 = time.process_time()
        arrivals = cut(stream[low:high])
        spent["cut"] = time.process_time() - t0
        for at in range(0, len(arrivals), _FLUSH):
            part = arrivals[at : at + _FLUSH]
            received = time.time_ns() // 1000 + np.arange(len(part), dtype=np.int64) * shape.readings
            t0 = time.process_time()
            decoded = decoder.decode(Envelopes(part.topics, part.payloads, received))
            t1 = time.process_time()
            outcome = decoded.finish(registry, position + 1)
            t2 = time.process_time()
            flush = outcome.flush(head.epoch, int(received[-1]) + shape.readings)
            began, t3 = time.perf_counter(), time.process_time()
            await store.write(flush)
            t4 = time.process_time()
            wall += time.perf_counter() - began
            position = outcome.position
            for name, took in (("decode", t1 - t0), ("number", t2 - t1), ("write", t4 - t3)):
                spent[name] += took
    readings = messages * shape.readings
    out: dict[str, dict[str, float]] = {name: {"cpu": round(s * 1e6 / readings, 3)} for name, s in spent.items()}
    out["write"]["wall"] = round(wall * 1e6 / readings, 3)
    out["all"] = {"cpu": round(sum(spent.values()) * 1e6 / readings, 3)}
    return out
