"""``bench ingest``: how many messages a second are stored and judged, what each costs, how soon a row is committed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from brain.bench.accounting import Memory, Times, memory, snapshot, used
from brain.bench.figures import summary
from brain.bench.fill import fill
from brain.bench.peers.compare import Peers
from brain.bench.probe import Probe
from brain.bench.rig import Mosquitto, Platform, Sender
from brain.bench.shapes import Shape, call_device, generated_type
from brain.bench.stages import measure as stages
from brain.errors import ServiceError
from brain.store import open_store
from scenes import load

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Options", "measure"]

_PATIENCE_S: Final = 300.0
_ADMITTED_AT_ONCE: Final = 5000
_FILLED: Final = 3  # tables that history goes into, and whose sizes are told


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What is measured.

    Attributes:
        shape: Of the messages.
        messages: Of one repeat.
        repeats: How often; a warm-up of a fifth comes before.
        window: Messages on their way without acknowledgement, at most.
        broker: ``nats`` (embedded) or ``mosquitto``.
        latency_s: Seconds at ``rate`` messages a second for the latency; 0 leaves it out.
        rate: See there.
        history_rows: Rows that lie in the tables before anything is measured.
        stages: Whether the stages of ingest are measured by themselves, too.
        peers: Who is measured in turn with ours, see ``brain.bench.peers.compare``.
    """

    shape: Shape
    messages: int = 50_000
    repeats: int = 3
    window: int = 2000
    broker: str = "nats"
    latency_s: float = 10.0
    rate: int = 1000
    history_rows: int = 0
    stages: bool = True
    peers: tuple[str, ...] = ()


async def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Run it.

    Args:
        options: What.
        say: Takes progress, a line at a time.

    Raises:
        ServiceError: The platform did not start, or messages did not arrive in time.
    """
    async with contextlib.AsyncExitStack() as exits:
        mosquitto = None
        if options.broker == "mosquitto":
            mosquitto = await exits.enter_async_context(Mosquitto())
        say("starting the platform")
        platform = await exits.enter_async_context(Platform(mqtt=mosquitto.url if mosquitto else None, say=say))
        roots = [platform.pid, *([mosquitto.pid] if mosquitto else [])]
        probe = await exits.enter_async_context(Probe(platform.ready["dsn"]))
        peers = None
        if options.peers:
            few = max(1000, options.messages // 10)
            turns = (
                list(options.peers),
                options.broker,
                few,
                options.messages * options.shape.readings,
                options.repeats,
            )
            peers = await exits.enter_async_context(Peers(*turns, say))
        result = await _Bench(options, platform, probe, roots, say).run(peers)
    if options.stages:
        say("stages of ingest, in this process")
        result["stages"] = await stages(
            options.shape, max(500, min(options.messages, 20_000) // options.shape.readings)
        )
        result["figures"]["ingest_stages_cpu_us"] = result["stages"]["all"]["cpu"]
    return result


class _Bench:
    """One platform and what is done to it."""

    def __init__(
        self, options: Options, platform: Platform, probe: Probe, roots: list[int], say: Callable[[str], None]
    ) -> None:
        self._o = options
        self._platform = platform
        self._probe = probe
        self._roots = roots
        self._say = say
        self._sent = 0
        self._calls = 0

    async def run(self, peers: Peers | None) -> dict[str, Any]:
        """Warm up, repeat in turn with the peers, then the latency; everything that is said of it."""
        o = self._o
        await self._register()
        self._say("warming up")
        await self._repeat(max(min(o.shape.devices, 5000), o.messages // 5))
        repeats = []
        for k in range(o.repeats):
            repeats.append(await self._repeat(o.messages))
            r = repeats[-1]
            self._say(f"repeat {k + 1}: {r['stored_per_s']:.0f}/s stored, {r['evaluated_per_s']:.0f}/s judged")
            if peers is not None:
                await peers.turn()
        latency = await self._latency() if o.latency_s > 0 else None
        found = summary(repeats)
        use = memory(self._roots)
        sizes = await self._sizes()
        result: dict[str, Any] = {
            "storage": self._platform.ready["storage"],
            "shape": self._shape(),
            "figures": _figures(found, latency, use, sizes),
            "repeats": repeats,
            "summary": found,
            "latency": latency,
            "memory_mb": {p: {"peak_rss": round(m.peak_rss, 1), "pss": round(m.pss, 1)} for p, m in use.items()},
            "bytes_a_row": sizes,
            "ledger": await self._probe.ledger(),
            "incidents": await self._probe.value("SELECT count(*) FROM brain.incident") - self._calls,
            "listening": _listening(o.shape),
        }
        if peers is not None:
            result["peers"] = peers.summary(found["rows_stored_per_s"]["median"])
            for name, peer in result["peers"].items():
                if "ours_times" in peer:
                    result["figures"][f"{name}_times"] = peer["ours_times"]
        return result

    def _shape(self) -> dict[str, Any]:
        o = self._o
        return {
            "form": o.shape.form,
            "devices": o.shape.devices,
            "types": o.shape.types,
            "messages": o.messages,
            "window": o.window,
            "broker": o.broker,
            "history_rows": o.history_rows,
            "rate": o.rate,
            "latency_s": o.latency_s,
            "peers": ",".join(o.peers),
        }

    async def _register(self) -> None:
        """Sensor types and devices are known before the first message."""
        shape = self._o.shape
        store = await open_store(self._platform.ready["dsn"])
        try:
            if shape.generated():
                self._say(f"registering {shape.types} sensor types")
                for k in range(shape.types):
                    await store.put_sensor_type(generated_type(k))
            for first in range(0, shape.devices, _ADMITTED_AT_ONCE):
                many = range(first, min(first + _ADMITTED_AT_ONCE, shape.devices))
                await store.admit([shape.device(d) for d in many])
            await store.admit([call_device(k) for k in range(self._o.repeats + 1)])
            registry = await store.load_registry()
        finally:
            await store.close()
        names = shape.names()[:_FILLED]
        for name in names if self._o.history_rows else ():
            mine = list(registry.ids(name).values())
            await fill(self._probe, registry.sensor_types[name], mine, self._o.history_rows // len(names), self._say)

    def _job(self, messages: int) -> dict[str, Any]:
        shape = self._o.shape
        job = {
            "form": shape.form,
            "devices": shape.devices,
            "types": shape.types,
            "messages": messages,
            "first": self._sent,
            "first_call": self._calls,
        }
        self._sent += messages
        return job

    async def _repeat(self, messages: int) -> dict[str, Any]:
        """As fast as acknowledged; a last call behind all messages shows when the scenes have judged them."""
        o = self._o
        rows = messages * o.shape.readings
        job = self._job(messages) | {
            "window": o.window,
            "sentinel": True,
            "step_us": 10 if o.shape.readings == 1 else 1,
        }
        self._calls += 1
        async with Sender(self._platform.ready["mqtt"], job) as sender:
            await self._probe.start_watch()
            before, ledger = snapshot(self._roots), await self._probe.ledger()
            going = asyncio.create_task(sender.go())
            stored = await self._probe.committed(rows, _PATIENCE_S)
            last = await self._probe.committed(rows + 1, 30)
            judged = None if last is None else await self._probe.evaluated(last[1], 60)
            if stored is None or judged is None:
                going.cancel()
                now = await self._probe.ledger()
                raise ServiceError(f"not all of {rows} rows came through in time; the ledger says {now} after {ledger}")
            after = snapshot(self._roots)
            said = await going
        await self._probe.stop_watch()
        now = await self._probe.ledger()
        grown = {k: now[k] - ledger[k] for k in now}
        again = grown["duplicate"]  # a broker sends again what it has waited for too long; it is known and only counted
        if grown != {"received": rows + 1 + again, "stored": rows + 1, "duplicate": again, "quarantined": 0}:
            raise ServiceError(f"{rows + 1} rows were sent and the ledger grew by {grown}; the figures would be wrong")
        start = said["start_ns"]
        seconds = {"stored": (stored[0] - start) / 1e9, "evaluated": (judged - start) / 1e9}
        cost = used(before, after) | {"generator": Times(said["user_s"], said["system_s"])}
        return {
            "messages": messages,
            "rows": rows,
            "bytes_a_message": round(said["bytes"] / said["messages"], 1),
            "acknowledged_per_s": round(messages / ((said["acked_ns"] - start) / 1e9), 1),
            "stored_per_s": round(messages / seconds["stored"], 1),
            "evaluated_per_s": round(messages / seconds["evaluated"], 1),
            "rows_stored_per_s": round(rows / seconds["stored"], 1),
            "flushes": len({s[2] for s in self._probe.watch.seen}),
            "cpu_us_a_message": _cost(cost, messages),
        }

    async def _latency(self) -> dict[str, Any]:
        """Open loop: from the scheduled time of a message to its commit."""
        o = self._o
        messages = int(o.rate * o.latency_s)
        self._say(f"latency at {o.rate} messages a second for {o.latency_s:.0f} s")
        async with Sender(self._platform.ready["mqtt"], self._job(messages) | {"rate": o.rate}) as sender:
            await self._probe.start_watch()
            before = snapshot(self._roots)
            said = await sender.go()
            done = await self._probe.committed(messages * o.shape.readings, 60)
            after = snapshot(self._roots)
        await self._probe.stop_watch()
        if done is None:
            raise ServiceError(f"the rows of {messages} messages were not committed in time")
        scheduled = [said["start_ns"] + round(i * 1e9 / o.rate) for i in range(messages)]
        seconds = (done[0] - said["start_ns"]) / 1e9
        return {
            "rate": o.rate,
            "seconds": round(seconds, 2),
            "publish_to_commit_ms": self._probe.watch.latencies_ms(scheduled, o.shape.readings),
            "sent_late_p99_ms": round(said["sent_late_p99_ns"] / 1e6, 3),
            "flushes": len(self._probe.watch.seen),
            "cores": {p: round((t.user + t.system) / seconds, 3) for p, t in used(before, after).items()},
        }

    async def _sizes(self) -> dict[str, Any]:
        names = self._o.shape.names()[:_FILLED]
        out: dict[str, Any] = {n: await self._probe.bytes_a_row(n.replace("-", "_")) for n in names}
        log = await self._probe.value(
            "SELECT pg_total_relation_size('brain.log') / greatest(sum(rows), 1) FROM brain.log"
        )
        out["log"] = {"total": round(float(log), 1)}
        return out


def _figures(
    found: dict[str, Any], latency: dict[str, Any] | None, use: dict[str, Memory], sizes: dict[str, Any]
) -> dict[str, float]:
    """What is compared with earlier runs."""
    rates = ("stored_per_s", "evaluated_per_s", "acknowledged_per_s", "rows_stored_per_s")
    out: dict[str, float] = {name: found[name]["median"] for name in rates}
    out |= {f"{part}_cpu_us": cost["total"]["median"] for part, cost in found["cpu_us_a_message"].items()}
    if latency is not None:
        out |= {f"publish_to_commit_{k}_ms": latency["publish_to_commit_ms"][k] for k in ("p50", "p99", "p99_9")}
        out["ingest_cores_at_rate"] = latency["cores"]["ingest"]
    out |= {
        "ingest_peak_rss_mb": round(use["ingest"].peak_rss, 1),
        "all_pss_mb": round(sum(m.pss for m in use.values()), 1),
    }
    first = next(iter(sizes.values()))
    return out | {"bytes_a_row": first["total"]}


def _listening(shape: Shape) -> dict[str, str]:
    """Sensor type -> the scenes that listen to it."""
    names = {
        t: [s.name for s in load() if any(i.sensor_type == t for i in s.interests)] for t in shape.names()[:_FILLED]
    }
    return {t: ", ".join(scenes) or "none" for t, scenes in names.items()}


def _cost(times: dict[str, Times], messages: int) -> dict[str, dict[str, float]]:
    def us(seconds: float) -> float:
        return round(seconds * 1e6 / messages, 2)

    out = {
        part: {"user": us(t.user), "system": us(t.system), "total": us(t.user + t.system)} for part, t in times.items()
    }
    both = [t for part, t in times.items() if part != "generator"]
    user, system = sum(t.user for t in both), sum(t.system for t in both)
    out["all_but_generator"] = {"user": us(user), "system": us(system), "total": us(user + system)}
    return out
