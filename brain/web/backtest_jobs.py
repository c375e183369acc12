"""Backtests that the web was asked for: one runs at a time, a few wait, the last ones are kept in memory.

The rows are read from the store in small pieces and judged in a thread, so that the page stays alive; a restart of the
web forgets them. Nothing of a backtest reaches the incident log or anybody who is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import structlog

from brain.backtest import Rivals, city_registry, compare, log_line, store_feeds, stored_log, take
from brain.errors import CloudBrainError, ConfigurationError, StoreError
from brain.pipeline.engine import Engine
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from brain.city import City
    from brain.scene_api import Scene
    from brain.store.base import Store

__all__ = ["MOST_WAITING", "Backtests", "Job", "Order"]

MOST_WAITING: Final = 8
KEPT: Final = 20
MOST_ROWS: Final = 5_000_000
MOST_STEPS: Final = 20_000
PIECE_ROWS: Final = 5000

_log = structlog.get_logger("web")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be run.

    Attributes:
        start, end: Of the times of receipt, microseconds; end not included.
        overrides: ``scene.parameter`` -> value.
        scenes: Names; empty: all.
        against: ``run``, ``log``, or None for no comparison.
    """

    start: int
    end: int
    overrides: Mapping[str, float]
    scenes: tuple[str, ...]
    against: str | None

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "start": iso(self.start),
            "end": iso(self.end),
            "set": dict(self.overrides),
            "scenes": list(self.scenes),
            "against": self.against,
        }


@dataclass(slots=True)
class Job:
    """One backtest, from the order to its result.

    Attributes:
        state: queued, running, done, failed or cancelled.
        progress: 0..1.
        log: Its incident log so far; the first ``MOST_STEPS`` steps are kept.
        steps: Number of all steps.
    """

    job_id: str
    order: Order
    created_at: int
    state: str = "queued"
    progress: float = 0.0
    rows: int = 0
    finished_at: int | None = None
    error: str | None = None
    log: list[dict[str, Any]] = field(default_factory=list)
    steps: int = 0
    difference: dict[str, Any] | None = None
    is_unwanted: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.state in ("done", "failed", "cancelled")

    def document(self) -> dict[str, Any]:
        """As JSON has it, without the log and the single incidents of the difference."""
        found = self.difference
        return {
            "id": self.job_id,
            "state": self.state,
            "progress": round(self.progress, 3),
            "order": self.order.document(),
            "created_at": iso(self.created_at),
            "finished_at": None if self.finished_at is None else iso(self.finished_at),
            "rows": self.rows,
            "steps": self.steps,
            "error": self.error,
            "difference": None if found is None else {k: v for k, v in found.items() if k != "items"},
        }


class _Unwanted(Exception):  # noqa: N818 - no error: somebody changed their mind
    pass


class Backtests:
    """Takes orders and works them off, one after another.

    Lifetime: one per application; ``close`` ends what runs. For one event loop.

    Args:
        store: Where history is.
        clock: Microseconds now.
    """

    def __init__(self, store: Store, clock: Callable[[], int]) -> None:
        self._store = store
        self._clock = clock
        self._worker: asyncio.Task[None] | None = None
        self._inputs: dict[str, tuple[City, Sequence[Scene[Any]]]] = {}
        self.jobs: dict[str, Job] = {}

    @property
    def waiting(self) -> int:
        """Number of jobs that are not over."""
        return sum(not job.is_over for job in self.jobs.values())

    def put(self, order: Order, city: City, scenes: Sequence[Scene[Any]]) -> Job:
        """Take an order; the caller has seen to it that fewer than ``MOST_WAITING`` wait."""
        job = Job(secrets.token_hex(8), order, self._clock())
        self.jobs[job.job_id] = job
        self._inputs[job.job_id] = city, scenes
        over = [k for k, j in self.jobs.items() if j.is_over]
        for job_id in over[: max(0, len(self.jobs) - KEPT)]:
            del self.jobs[job_id]
        if self._worker is None or self._worker.done():
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return job

    def drop(self, job_id: str) -> None:
        """Stop a job, or forget it when it is over."""
        job = self.jobs[job_id]
        job.is_unwanted = True
        if job.is_over:
            del self.jobs[job_id]
        elif job.state == "queued":
            self._end(job, "cancelled")

    async def close(self) -> None:
        """End what runs."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker

    async def _work(self) -> None:
        while (job := next((j for j in self.jobs.values() if j.state == "queued"), None)) is not None:
            job.state = "running"
            try:
                await self._run(job, *self._inputs[job.job_id])
            except _Unwanted:
                self._end(job, "cancelled")
            except StoreError as error:  # the sentence of a driver may name hosts and statements; it is for the log
                _log.warning("a backtest found no data base", job=job.job_id, error=str(error))
                self._end(job, "failed", "the data base did not answer; order it again in a few seconds")
            except CloudBrainError as error:
                self._end(job, "failed", str(error))
            except asyncio.CancelledError:
                self._end(job, "cancelled")
                raise
            except Exception as error:  # noqa: BLE001 - the next job must run, whatever this one met
                _log.exception("a backtest broke", job=job.job_id)
                self._end(job, "failed", f"something of ours broke ({type(error).__name__}); the log has it")
            else:
                self._end(job, "done")

    def _end(self, job: Job, state: str, error: str | None = None) -> None:
        job.state, job.error, job.finished_at = state, error, self._clock()
        job.progress = 1.0 if state == "done" else job.progress
        self._inputs.pop(job.job_id, None)

    async def _run(self, job: Job, city: City, scenes: Sequence[Scene[Any]]) -> None:
        order, store = job.order, self._store
        registry = city_registry((), city, await store.load_registry())
        rivals = Rivals(scenes, city, registry, order.overrides) if order.against == "run" else None
        engine = Engine(scenes, city, registry, order.overrides) if rivals is None else None
        after: list[dict[str, Any]] = [] if rivals is None else rivals.after
        async for feed in store_feeds(store, order.start, order.end, PIECE_ROWS):
            if job.is_unwanted:
                raise _Unwanted
            job.rows += feed.piece.rows
            if job.rows > MOST_ROWS:
                raise ConfigurationError(
                    f"that span holds more than {MOST_ROWS} rows; give a shorter one, or use `cloudbrain backtest`"
                )
            if rivals is not None:
                await asyncio.to_thread(rivals.take, feed)
            elif engine is not None:
                after += map(log_line, await asyncio.to_thread(take, engine, feed))
            job.steps, job.log = len(after), after[:MOST_STEPS]
            job.progress = min(0.999, feed.done / max(feed.total, 1))
        before: list[dict[str, Any]] | None = None if rivals is None else rivals.before
        if order.against == "log" and engine is not None:
            _, clock = await store.log_end()
            after += map(log_line, engine.advance(min(order.end - 1, clock)))
            before = await stored_log(store, order.start, order.end, scenes)
        job.steps, job.log = len(after), after[:MOST_STEPS]
        if before is not None:
            found = await asyncio.to_thread(compare, before, after)
            was: dict[str, Any] = {"set": {}} if order.against == "run" else {"log": "stored"}
            job.difference = found.document(was, {"set": dict(order.overrides)})
