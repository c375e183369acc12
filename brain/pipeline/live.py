"""Scenes live: log entries enter in order, steps of incidents are committed with the offset they follow from.

One process owns the scenes of a partition by a lease whose epoch fences a former owner. It reads the log after its last
checkpoint, feeds the engine, commits steps at once. A checkpoint of what is committed is made at most once a second and
for at most a twentieth of the time; steps do not wait until it is stored. After a crash the entries since the
checkpoint are fed again: the engine makes the same steps again and the store skips those it has. When the data base is
out of reach it waits and tries again; nothing is lost meanwhile, the log is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

import structlog

from brain.city import read_stored_city
from brain.errors import CloudBrainError, FencedError, SceneError, StoreError
from brain.pipeline.engine import Engine
from brain.store.base import ROWS_READ, Checkpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from brain.city import City
    from brain.model import Piece, Step
    from brain.registry import Registry
    from brain.scene_api import Scene
    from brain.store.base import Lease, Store

__all__ = ["Runner", "run_live", "run_scenes"]

AT_ONCE: Final = 200  # log entries read together
CHECKPOINT_S: Final = 1.0
CHECKPOINT_SHARE: Final = 0.05
LOOK_ANYWAY_S: Final = 1.0  # when no wake-up comes
RETRY_S: Final = (0.1, 5.0)

log: Final = structlog.get_logger(__name__)


async def run_live(store: Store, scenes: Sequence[Scene[Any]], stop: asyncio.Event, name: str = "city") -> None:
    """Run these scenes over the store's log until asked to stop.

    Args:
        store: Open and migrated.
        scenes: To run; one that fails is taken out of service, the others go on.
        stop: Set it to stop: what was read is committed with a checkpoint.
        name: Of the partition.

    Raises:
        FencedError: Another process has taken over.
        ConfigurationError: The city's parameters name nothing.
    """
    await run_scenes(store, lambda city, registry: Engine(scenes, city, registry, strict=False), name, stop)


async def run_scenes(
    store: Store, make_engine: Callable[[City, Registry], Engine], name: str, stop: asyncio.Event
) -> None:
    """As ``run_live``, with an engine of one's own; it is made anew when the city model changes."""
    await Runner(store, make_engine, name).run(stop)


class Runner:
    """The life of one partition's scenes. Make it, ``run`` it once.

    Attributes:
        entry: Number of the last log entry fed.
        committed: Number of the last one whose steps are committed.
    """

    def __init__(self, store: Store, make_engine: Callable[[City, Registry], Engine], name: str = "city") -> None:
        self._store = store
        self._make_engine = make_engine
        self._name = name
        self._lease: Lease | None = None
        self._document: bytes | None = None
        self._registry: Registry | None = None
        self._engine: Engine | None = None
        self._steps: list[Step] = []
        self._wake = asyncio.Event()
        self._registry_changed = False
        self._next_checkpoint = 0.0
        self._saved_entry = 0
        self._keeping: asyncio.Task[None] | None = None  # a checkpoint on its way to the data base
        self._failed: dict[str, str] = {}
        self.entry = 0
        self.committed = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until ``stop`` is set. Raises ``FencedError`` when another process has taken over."""
        async with self._listening():
            if not await self._patiently(self._begin, stop):
                return
            waiter = asyncio.create_task(self._wake_when(stop))
            try:
                while not stop.is_set():
                    self._wake.clear()
                    if not await self._patiently(self._read, stop):
                        break
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_ANYWAY_S):
                            await self._wake.wait()
                with contextlib.suppress(StoreError):
                    await self._kept()
                with contextlib.suppress(StoreError):  # what is not committed now is fed again at the next start
                    await self._commit()
                    if self.entry > self._saved_entry:
                        self._keep()
                        await self._kept()
            finally:
                for task in (waiter, self._keeping):
                    if task is not None:
                        task.cancel()
                        await asyncio.gather(task, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _listening(self) -> AsyncIterator[None]:
        async def hear() -> None:
            while True:
                with contextlib.suppress(StoreError):  # of the first connection; later ones come back by themselves
                    async with self._store.listen("log", "registry") as wake_ups:
                        async for channel in wake_ups:
                            self._registry_changed |= channel == "registry"
                            self._wake.set()
                await asyncio.sleep(LOOK_ANYWAY_S)

        task = asyncio.create_task(hear())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, StoreError):
                await task

    async def _wake_when(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _patiently(self, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> bool:
        """Do something with the store; while it is out of reach wait and try again. False: stopped meanwhile."""
        pause = RETRY_S[0]
        while True:
            try:
                await work()
            except FencedError:
                raise
            except StoreError as error:
                log.warning("the data base is out of reach; trying again", error=str(error), pause_s=pause)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), pause)
                if stop.is_set():
                    return False
                pause = min(2 * pause, RETRY_S[1])
            else:
                return True

    # -- beginning and registry --------------------------------------------------------------------------------------
    async def _begin(self) -> None:
        self._lease = await self._store.claim_lease(self._name)
        registry = self._registry = await self._store.load_registry()
        self._document = await self._store.load_city()
        engine = self._engine = self._make_engine(read_stored_city(self._document), registry)
        checkpoint = await self._store.load_checkpoint(self._name)
        if checkpoint is not None:
            self.entry = self.committed = self._saved_entry = checkpoint.entry
            try:
                for sentence in engine.restore(checkpoint.state):
                    log.warning(sentence)
            except SceneError as error:
                log.error("the checkpoint cannot be read; scenes begin afresh", error=str(error))  # noqa: TRY400
                self._engine = self._make_engine(read_stored_city(self._document), registry)
        log.info("scenes_ready", partition=self._name, after_entry=self.entry)

    async def _refresh(self) -> None:
        """Take in what changed in the registry and the city model."""
        self._registry_changed = False
        assert self._registry is not None
        assert self._engine is not None
        fresh = await self._store.load_registry()
        document = await self._store.load_city()
        for sensor_type in fresh.sensor_types.values():
            self._registry.put_sensor_type(sensor_type)
        for device in fresh.devices():
            if self._registry.by_id(device.device_id) != device:
                self._registry.put(device)
        if document != self._document:
            self._document = document
            try:
                engine = self._make_engine(read_stored_city(document), self._registry)
                engine.restore(self._engine.snapshot())
            except CloudBrainError as error:
                log.error("the new city model cannot be used; the former one goes on", error=str(error))  # noqa: TRY400
            else:
                self._engine = engine
                log.info("the city model changed; scenes go on with the new one")

    def _has_strange_type(self, piece: Piece) -> bool:
        """Whether a piece names a sensor type that came after the registry was read."""
        assert self._registry is not None
        return any(name not in self._registry.sensor_types for name in piece.batches)

    async def _meet(self, piece: Piece) -> None:
        """Take in devices that came after the registry was read, without reading all of them again."""
        registry = self._registry
        assert registry is not None
        if any(len(b) and int(b.device.max()) > registry.top for b in piece.batches.values()):
            for device in await self._store.devices_after(registry.top):
                registry.put(device)

    # -- the way of the data -----------------------------------------------------------------------------------------
    async def _read(self) -> None:
        """Feed all entries there are, committing after each reading."""
        while True:
            await self._commit()  # steps of a commit that failed
            if self._keeping is not None and self._keeping.done():
                await self._kept()
            entries = await self._store.read_log(self.entry, AT_ONCE)
            for entry in entries:
                if self._registry_changed or self._has_strange_type(entry.piece):
                    await self._refresh()
                await self._meet(entry.piece)
                assert self._engine is not None
                self._steps += self._engine.feed(entry.piece)
                self._steps += self._engine.advance(entry.received_at)
                self.entry = entry.entry
            self._tell_failed()
            await self._commit()
            if self._keeping is None and self.entry > self._saved_entry and time.monotonic() >= self._next_checkpoint:
                self._keep()
            if len(entries) < AT_ONCE and sum(e.piece.rows for e in entries) < ROWS_READ:
                return

    async def _commit(self) -> None:
        assert self._lease is not None
        if self._steps:
            await self._store.commit_steps(self._name, self._lease, self.entry, self._steps)
            self._steps = []
            self.committed = self.entry

    def _keep(self) -> None:
        """Make a checkpoint of what is committed; new steps do not wait until it is stored."""
        assert self._engine is not None
        began = time.monotonic()
        saved = Checkpoint(self.entry, self._engine.snapshot())
        self._keeping = asyncio.create_task(self._store_checkpoint(saved, began))

    async def _store_checkpoint(self, saved: Checkpoint, began: float) -> None:
        assert self._lease is not None
        try:
            await self._store.keep_checkpoint(self._name, self._lease, saved)
        finally:
            now = time.monotonic()
            self._next_checkpoint = now + max(CHECKPOINT_S, (now - began) / CHECKPOINT_SHARE)
        self._saved_entry = saved.entry
        self.committed = max(self.committed, saved.entry)

    async def _kept(self) -> None:
        """Wait until the checkpoint on its way is stored, if one is; raises what kept it from that."""
        keeping, self._keeping = self._keeping, None
        if keeping is not None:
            await keeping

    def _tell_failed(self) -> None:
        assert self._engine is not None
        for key, sentence in self._engine.failed.items():
            if self._failed.get(key) != sentence:
                self._failed[key] = sentence
                log.error("a scene was taken out of service", scene=key, error=sentence)
