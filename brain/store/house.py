"""Cleaning up and making room once an hour, for the process that has the time."""

from __future__ import annotations

import asyncio
import contextlib
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import structlog

from brain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from brain.store.base import Store

__all__ = ["keep_house"]

_log = structlog.get_logger(__name__)


@contextlib.asynccontextmanager
async def keep_house(store: Store, every: timedelta = timedelta(hours=1)) -> AsyncIterator[None]:
    """Housekeeping at the start and then again and again, while the block runs.

    The data base out of reach is no reason to stop: the next hour comes. Ages are judged by this machine's clock.
    """

    async def clean() -> None:
        while True:
            try:
                deleted = await store.housekeeping(time.time_ns() // 1000)
                await store.make_room_ahead(time.time_ns() // 1000)
            except StoreError as error:
                _log.warning("housekeeping is put off", error=str(error))
            else:
                if any(deleted.values()):
                    _log.info("housekeeping", **deleted)
            await asyncio.sleep(every.total_seconds())

    task = asyncio.create_task(clean())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
