"""Handing a message in over HTTP: it goes the same way as one from MQTT, and the answer comes after the commit."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from brain.web.problems import Problem

if TYPE_CHECKING:
    from brain.web.context import Context

__all__ = ["hand_in"]

_LOOK_ANYWAY_S = 1.0


async def hand_in(context: Context, topic: str, payload: bytes, retry_of: int | None = None) -> dict[str, Any]:
    """Put a message into the inbox and wait until ingest has committed it.

    Returns:
        ``{"rows": [ROW], "refused": [{"reason", "detail"}], "duplicates": n}``.

    Raises:
        Problem: Status 503 when ingest does not answer in time; the message stays in the inbox and will be stored.
    """
    wakes, store = context.wakes, context.store
    seen = wakes.count("log")
    number = await store.inbox_put(topic, payload, retry_of)
    limit_s = context.settings.inbox_wait_s
    loop = asyncio.get_running_loop()
    until = loop.time() + limit_s
    while True:
        answer = await store.inbox_answer(number)
        if answer is not None:
            return {
                "rows": answer.get("rows", []),
                "refused": answer.get("refused", []),
                "duplicates": answer.get("duplicates", 0),
            }
        left = until - loop.time()
        if left <= 0 or context.stop.is_set():
            raise Problem(
                503,
                f"the message was kept, but ingest did not store it within {limit_s:g} s; it will be stored as soon as "
                "ingest runs, so do not send it again without its time",
                f"消息已收下，但 {limit_s:g} 秒内尚未入库；接入服务恢复后会自动入库，请勿在不带 time 的情况下重复发送",
                headers={"Retry-After": "10"},
            )
        seen = await wakes.wait("log", seen, min(left, _LOOK_ANYWAY_S))
