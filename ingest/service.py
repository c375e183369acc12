"""Ingest as a process: messages of the broker and of the inbox in, committed flushes out, then acknowledgements.

One loop takes what waits, stamps it, decodes it while the flush before is being committed, then writes it. Nothing is
acknowledged before its rows or its quarantine records are committed; a crash anywhere only makes messages come again.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np
import structlog

from brain.city import read_stored_city
from brain.errors import CityError, FencedError, StoreError
from brain.model import Modality
from ingest._faults import Fault
from ingest._routes import OURS
from ingest._rows import count_of
from ingest._wire import DUP, RETAIN
from ingest.batcher import Batcher
from ingest.copies import KEPT_US, Copies
from ingest.decode import Decoder, Places
from ingest.envelope import Envelopes
from ingest.memory import Memories
from ingest.mqtt import AckingSource, client_id
from ingest.stamp import Stamper
from ingest.topics import covering, parse_topic

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from brain.registry import Registry
    from brain.store.base import Flush, InboxItem, Store, Written
    from ingest.mqtt import Messages
    from ingest.outcome import Decoded, Outcome

__all__ = ["run_ingest", "wall_clock"]

log = structlog.get_logger("ingest")
T = TypeVar("T")

_SECOND: Final = 1_000_000
_PLAIN: Final = 0x32  # first byte of a message at QoS 1, neither DUP nor retained
_MOST_MESSAGES: Final = 16_000
_MOST_BYTES: Final = 4_000_000
_MOST_INBOX: Final = 50
_LARGE: Final = 4000  # messages of a usual size; a flush of so many is decoded in a thread
_SWITCH_S: Final = 0.0005  # so often may threads take turns
_LOOK_S: Final = 0.02  # whether enough waits by now
_RELOAD_S: Final = 0.5  # after our own admissions the registry is read again at most so often
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 2.0
_PATIENCE_S: Final = 10.0  # for the data base, once we are told to stop


def wall_clock() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


async def run_ingest(
    store: Store,
    mqtt_url: str,
    data_dir: Path,
    stop: asyncio.Event,
    *,
    subscribe: str = "city/#",
    clock: Callable[[], int] = wall_clock,
) -> None:
    """Take messages in until told to stop.

    Becomes the writer of the log, fencing whoever was it before. The data base and the broker may come and go: both are
    tried again for ever. When ``stop`` is set: receive no more, write what was taken, acknowledge, disconnect and leave
    the session at the broker.

    Args:
        store: Migrated.
        mqtt_url: ``mqtt://[user:password@]host:port``.
        data_dir: Keeps the client id of the session.
        stop: Ends it.
        subscribe: Topic filter to ask the broker for, ``city/#`` or wider; the topics of profiles come to it while we
            run, messages of other topics are passed over. A broker of our own is asked for ``#``: NATS then keeps one
            queue for it instead of an index of all topics.
        clock: Wall clock, microseconds.

    Raises:
        ConfigurationError: The URL is none.
        FencedError: Another ingest has taken over; nothing of what it was writing is lost.
        StoreError: The data base was still out of reach 10 s after the stop.
    """
    wake = asyncio.Event()
    source = AckingSource(
        mqtt_url,
        client_id(data_dir),
        filters=(subscribe,),
        wanted=None if subscribe == OURS + "#" else (OURS,),
        arrived=wake.set,
    )
    sys.setswitchinterval(_SWITCH_S)  # the loop has to feed the data base while a thread decodes
    async with source:
        await _Ingest(store, source, stop, wake, clock, subscribe).run()


class _Ingest:
    """The loop and what it keeps between flushes."""

    def __init__(
        self,
        store: Store,
        source: AckingSource,
        stop: asyncio.Event,
        wake: asyncio.Event,
        clock: Callable[[], int],
        subscribe: str,
    ) -> None:
        self._store = store
        self._subscribe = subscribe
        self._source = source
        self._stop = stop
        self._wake = wake
        self._stamper = Stamper(clock, time.monotonic)
        self._batcher = Batcher()
        self._called = {"inbox", "registry"}  # channels to look at
        self._answering: set[int] = set()  # inbox ids in a flush that is not committed yet
        self._reloaded = self._admitted = -1e9
        self._city: bytes | None = None
        self._places = Places()
        self._copies = Copies()
        self._memories = Memories()
        self._revision = -1
        self._shed = 0
        self._gave_up = -1.0

    async def run(self) -> None:
        head = await self._persist(self._store.claim_head)
        self._epoch, self._position, self._stamper.last = head.epoch, head.position, head.received_at
        now = self._stamper.next()
        self._copies = Copies(await self._persist(lambda: self._store.timeless_since(now - KEPT_US)), now)
        self._memories = Memories(await self._persist(self._store.load_states))
        await self._reload()
        log.info("ingest_ready", epoch=head.epoch, position=head.position)
        helpers = [asyncio.create_task(self._listen()), asyncio.create_task(self._wake_when_stopped())]
        try:
            await self._loop()
        finally:
            for task in helpers:
                task.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _loop(self) -> None:
        writing: asyncio.Task[None] | None = None
        try:
            while True:
                stopping = self._stop.is_set()
                if not stopping:
                    await self._wait(writing)
                    stopping = self._stop.is_set()
                if stopping:
                    self._source.pause()
                self._source.check()
                if "registry" in self._called and self._may_reload():
                    await self._settle(writing)
                    writing = None
                    await self._reload()
                messages = self._source.take(_MOST_MESSAGES, _MOST_BYTES)
                items = [] if stopping else await self._inbox()
                if not messages and not items:
                    if stopping:
                        await self._settle(writing)
                        return
                    if self._stamper.due(_SECOND):
                        await self._settle(writing)
                        writing = None
                        await self._tick()
                    continue
                envelopes = self._stamp(messages, items)
                began = time.monotonic()
                load = messages.load
                if load >= _LARGE and writing is not None and not writing.done():
                    # The flush before is still going out to the data base, piece by piece as its line takes them.
                    decoded = await asyncio.to_thread(self._decoder.decode, envelopes)
                else:
                    decoded = self._decoder.decode(envelopes)
                received_at = self._stamper.last = max(self._stamper.last, decoded.make_room())
                self._batcher.decoded(load, time.monotonic() - began)
                if decoded.unknown:
                    await self._admit(decoded)
                await self._settle(writing)
                writing = asyncio.create_task(self._write(decoded, received_at, messages, items))
        finally:
            if writing is not None and not writing.done():
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)

    async def _wait(self, writing: asyncio.Task[None] | None) -> None:
        """Until there is something to do: messages, a call, or a whole second."""
        if not self._has_work():
            self._wake.clear()
            left = _SECOND - self._stamper.wall() % _SECOND
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left / _SECOND + 0.002):
                    await self._wake.wait()
        while writing is not None and not writing.done():
            waiting = self._source.load
            if waiting >= self._batcher.enough:
                left_s = max(0.0, self._batcher.time_to_fill(time.monotonic(), waiting))
                await asyncio.wait([writing], timeout=left_s)
                break
            await asyncio.wait([writing], timeout=_LOOK_S)  # while it is quiet nothing is gained by decoding ahead
        if len(self._source) and not self._stop.is_set():
            await self._for_company()

    async def _for_company(self) -> None:
        """Until what waits should be flushed; something urgent ends it."""
        hurry = self._source.hurry
        while (delay := self._batcher.delay(time.monotonic(), self._source.load, urgent=hurry.is_set())) > 0:
            if hurry.is_set():
                await asyncio.sleep(delay)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(delay):
                        await hurry.wait()

    def _has_work(self) -> bool:
        called = "inbox" in self._called or ("registry" in self._called and self._may_reload())
        return called or self._source.ready or self._stop.is_set()

    @staticmethod
    async def _settle(writing: asyncio.Task[None] | None) -> None:
        if writing is not None:
            await writing

    def _stamp(self, messages: Messages, items: list[InboxItem]) -> Envelopes:
        """Envelopes with times of receipt; a pack has room for its readings without time."""
        arrivals = messages.arrivals
        payloads = arrivals.payloads + [i.payload for i in items]
        room = np.array([1 if p[:1] == b"{" else 1 + count_of(p, b"{") for p in payloads], np.int64)
        at = self._stamper.next(int(room.sum())) + np.cumsum(room) - room
        out = Envelopes(arrivals.topics + [i.topic for i in items], payloads, at)
        if arrivals.heads.count(_PLAIN) < len(arrivals):
            out.dup = {i for i, head in enumerate(arrivals.heads) if head & DUP}
            out.retain = {i for i, head in enumerate(arrivals.heads) if head & RETAIN}
        for i, item in enumerate(items, len(arrivals)):
            out.asked[i] = item.inbox_id, item.retry_of
            if item.first_received_at is not None:
                out.again[i] = item.first_received_at, item.place
        return out

    async def _inbox(self) -> list[InboxItem]:
        if "inbox" not in self._called:
            return []
        self._called.discard("inbox")
        found = await self._persist(lambda: self._store.inbox_take(_MOST_INBOX + len(self._answering)))
        items = [i for i in found if i.inbox_id not in self._answering]
        self._answering.update(i.inbox_id for i in items)
        return items

    # -- registry ------------------------------------------------------------------------------------------------

    def _may_reload(self) -> bool:
        now = time.monotonic()
        return now - self._reloaded >= _RELOAD_S or self._admitted < self._reloaded

    async def _reload(self) -> None:
        """Read sensor types, devices and the city's places again."""
        self._called.discard("registry")
        registry = await self._persist(self._store.load_registry)
        document = await self._persist(self._store.load_city)
        if document != self._city:
            self._city = document
            try:
                self._places = Places.of(read_stored_city(document))
            except CityError as e:
                log.warning("city_unreadable", error=str(e))
        self._decoder = Decoder(registry, self._places, copies=self._copies, memories=self._memories)
        filters = covering([self._subscribe, *(t.filter for t in self._decoder.tree.topics)])
        await self._source.follow(filters, self._wanted(filters))
        self._source.urgent = _urgent(registry)
        if registry.revision != self._revision:
            await self._persist(lambda: self._store.note_registry_taken(registry.revision))
            self._revision = registry.revision
        self._reloaded = time.monotonic()

    def _wanted(self, filters: list[str]) -> tuple[str, ...] | None:
        """How the topics begin that somebody reads; None: all that the broker was asked for."""
        if "#" not in filters:
            return None
        starts = {t.filter.partition("+")[0].partition("#")[0] for t in self._decoder.tree.topics}
        return None if "" in starts else (OURS, *sorted(starts))

    async def _admit(self, decoded: Decoded) -> None:
        names = decoded.unknown
        self._admitted = time.monotonic()
        try:
            devices = await self._persist(lambda: self._store.admit(names))
        except StoreError as e:
            if not e.poison:
                raise
            devices = []
            for name in names:  # one of them is refused; its readings will be, too
                with contextlib.suppress(StoreError):
                    devices += await self._persist(lambda one=name: self._store.admit([one]))  # type: ignore[misc]
        for device in devices:
            self._decoder.registry.put(device)
        log.info("devices_admitted", count=len(devices))

    # -- writing -------------------------------------------------------------------------------------------------

    async def _tick(self) -> None:
        at = self._stamper.next()
        outcome = self._decoder.decode(()).finish(self._decoder.registry, self._position + 1)
        await self._commit(outcome.flush(self._epoch, at))
        if self._source.shed > self._shed:
            log.warning("messages_shed", qos=0, count=self._source.shed - self._shed)
            self._shed = self._source.shed

    async def _write(self, decoded: Decoded, received_at: int, messages: Messages, items: list[InboxItem]) -> None:
        """Commit a flush, in parts where the store refuses a value in it, then acknowledge its messages."""
        start = time.monotonic()
        self._source.linger(self._batcher.begun(start))
        await self._write_range(decoded, received_at, 0, len(decoded.envelopes))
        self._batcher.flushed(start, time.monotonic())
        self._source.ack(messages)
        self._source.peek()
        if items:
            self._answering.difference_update(i.inbox_id for i in items)
            self._called.add("inbox")  # there may be more than we took
            self._wake.set()

    async def _write_range(self, decoded: Decoded, received_at: int, low: int, high: int) -> None:
        """Commit messages ``low <= i < high``; ``received_at`` is the head after them."""
        outcome = decoded.finish(self._decoder.registry, self._position + 1, low, high)
        if await self._try(outcome, received_at, can_halve=high - low > 1):
            return
        if high - low > 1:
            middle = (low + high) // 2
            await self._write_range(decoded, int(decoded.envelopes.received_at[middle]) - 1, low, middle)
            await self._write_range(decoded, received_at, middle, high)
            return
        log.error("message_refused_by_store", topic=decoded.envelopes.topics[low])
        decoded.refuse(low, Fault("refused_by_store", "payload: the data base cannot keep a value of this message"))
        outcome = decoded.finish(self._decoder.registry, self._position + 1, low, high)
        if not await self._try(outcome, received_at):
            await self._try(_bare(outcome), received_at)

    async def _try(self, outcome: Outcome, received_at: int, *, can_halve: bool = False) -> bool:
        """Commit; False where the store refuses a value, or all at once is too much for it and less can be tried."""
        try:
            await self._commit(outcome.flush(self._epoch, received_at), can_halve=can_halve)
        except FencedError:
            raise
        except StoreError as e:
            if e.poison or e.too_much:
                return False
            raise
        self._position = outcome.position
        return True

    async def _commit(self, flush: Flush, *, can_halve: bool = False) -> Written:
        return await self._persist(lambda: self._store.write(flush), can_halve=can_halve)

    async def _persist(self, work: Callable[[], Awaitable[T]], *, can_halve: bool = False) -> T:
        """Try until the data base is in reach again; what is too much for it is tried again only if not ``can_halve``.

        Raises:
            FencedError: Another ingest has taken over.
            StoreError: A value was refused; or we have been told to stop, and the data base stayed out of reach.
        """
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return await work()
            except StoreError as e:
                if e.poison or (e.too_much and can_halve) or isinstance(e, FencedError):
                    raise
                now = time.monotonic()
                if self._stop.is_set():
                    self._gave_up = now + _PATIENCE_S if self._gave_up < 0 else self._gave_up
                    if now > self._gave_up:
                        raise
                log.warning("store_out_of_reach", error=str(e), again_in_s=pause)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    # -- wake-ups ------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        while True:
            try:
                async with self._store.listen("inbox", "registry") as calls:
                    async for channel in calls:
                        self._called.add(channel)
                        self._wake.set()
            except StoreError as e:
                log.warning("store_out_of_reach", error=str(e))
            await asyncio.sleep(_LONGEST_PAUSE_S)
            self._called.update(("inbox", "registry"))  # calls may have been lost meanwhile

    async def _wake_when_stopped(self) -> None:
        await self._stop.wait()
        self._wake.set()


def _urgent(registry: Registry) -> re.Pattern[str] | None:
    """The topics whose messages do not wait for company: calls and what else services report."""
    names: set[str] = set()
    filters: set[str] = set()
    for kind in registry.sensor_types.values():
        if kind.family is Modality.SERVICE and not kind.retired:
            names |= {kind.id, kind.table, kind.table.replace("_", "-")}
            filters.update(parse_topic(topic, "topics").filter for topic in kind.topics)
    if not names:
        return None
    matches = [f"{OURS}(?:{'|'.join(map(re.escape, sorted(names)))})/"]  # one that most topics leave early
    matches += [re.escape(f).replace(r"\+", "[^/]*").replace(r"\#", ".*") + "$" for f in sorted(filters)]
    return re.compile("|".join(matches), re.DOTALL)


def _bare(outcome: Outcome) -> Outcome:
    """The same with nothing in its quarantine records that a data base could refuse."""
    outcome.quarantined = [
        replace(q, topic=ascii(q.topic)[:200], device=None, detail="payload: it could not be kept", payload=b"")
        for q in outcome.quarantined
    ]
    return outcome
