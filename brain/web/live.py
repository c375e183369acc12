"""The live channels: server-sent events of incidents and health, and a WebSocket of moving devices."""

import asyncio
import contextlib
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, WebSocket, WebSocketDisconnect
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from brain.errors import StoreError
from brain.web.context import Context, context_of
from brain.web.problems import Problem
from brain.web.reply import responses

__all__ = ["router"]

router = APIRouter(prefix="/api/v1", tags=["live"])

_RETRY_MS = 2000
_LOOK_ANYWAY_S = 15.0
_LAST_NUMBER = 10**18


class _EventStream(Response):
    """Sends events until the client goes or the server stops; a client that reads slowly waits here, not in memory."""

    def __init__(self, context: Context, after: int, opening: bytes) -> None:
        super().__init__(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache, no-store",
                "X-Accel-Buffering": "no",
            }
        )
        del self.headers["content-length"]
        self._context = context
        self._after = after
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        feed = self._context.feed
        feed.join()
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            pump = asyncio.create_task(self._pump(send))
            gone = asyncio.create_task(_gone(receive))
            try:
                await asyncio.wait({pump, gone}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (pump, gone):
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError, OSError):
                    await pump
            with contextlib.suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            feed.leave()

    async def _pump(self, send: Send) -> None:
        feed, stop = self._context.feed, self._context.stop
        after, health = self._after, 0
        chunk = self._opening
        while not stop.is_set():
            changed = feed.changed()
            if feed.health[0] > health:
                health, wire = feed.health
                chunk += wire
            try:
                steps = await feed.after(after)
            except StoreError:
                # The browser comes back with the number of the last step it has.
                return
            if steps:
                after = steps[-1].number
                chunk += b"".join(s.wire for s in steps)
            if chunk:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                chunk = b""
            if not steps:
                try:
                    async with asyncio.timeout(_LOOK_ANYWAY_S):
                        await changed.wait()
                except TimeoutError:
                    chunk = b": still here\n\n"


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get(
    "/live",
    operation_id="live_events",
    summary="Live stream of incidents and health",
    response_class=Response,
    responses=responses(None, 503)
    | {
        200: {
            "description": "Server-sent events",
            "content": {
                "text/event-stream": {
                    "schema": {"type": "string"},
                    "example": 'event: incident\nid: 7\ndata: {"log": {"op": "raise"}, "incident": {}}\n\n',
                }
            },
        },
    },
)
async def live_events(
    request: Request,
    after: Annotated[
        str | None, Query(description="Number of the last step known, as Last-Event-ID.", max_length=40)
    ] = None,
    last_event_id: Annotated[
        str | None, Header(description="Sent by browsers when they come back.", max_length=40)
    ] = None,
) -> Response:
    """Three kinds of events, resumable.

    - `event: incident` carries `{"log": LOG OBJECT, "incident": INCIDENT}`. Its `id` numbers all steps
      of all incidents; a client that comes back with `Last-Event-ID` gets every later step exactly once.
    - `event: health` (no id) comes every 5 s.
    - `event: reset` says that the number was unknown or too old: load the lists anew; it goes on from the `id`.

    Without a number the stream begins now.
    """
    context = context_of(request)
    if context.feed.listeners >= context.settings.streams:
        raise Problem(
            503,
            "too many live streams are open; close a page and try again",
            "实时连接过多；请关闭一些页面后再试",
            headers={"Retry-After": "5"},
        )
    last = await context.store.last_event()
    opening = f"retry: {_RETRY_MS}\n"
    wanted = last_event_id if last_event_id is not None else after
    if wanted is None or wanted == "":
        # An id without data: a browser that loses the line before the first step still knows where it was.
        return _EventStream(context, last, f"{opening}id: {last}\n\n".encode())
    number = int(wanted) if wanted.isascii() and wanted.isdigit() else _LAST_NUMBER
    if not last - context.settings.reset_after <= number <= last:
        reset = f'{opening}\nevent: reset\nid: {last}\ndata: {{"last": {last}}}\n\n'
        return _EventStream(context, last, reset.encode())
    return _EventStream(context, number, f"{opening}\n".encode())


@router.websocket("/live/tracks")
async def live_tracks(websocket: WebSocket) -> None:
    """Frames of moving devices; newest wins. What the client sends is read and dropped."""
    context = context_of(websocket)
    tracks = context.tracks
    if tracks.clients >= context.settings.streams:
        await websocket.close(1013)
        return
    await websocket.accept()
    tracks.join()
    try:
        frames = asyncio.create_task(_send_frames(websocket, context))
        gone = asyncio.create_task(_drain(websocket))
        try:
            await asyncio.wait({frames, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (frames, gone):
                task.cancel()
            await asyncio.gather(frames, gone, return_exceptions=True)
        if context.stop.is_set():
            with contextlib.suppress(RuntimeError, WebSocketDisconnect, OSError):
                await websocket.close(1001)
    finally:
        tracks.leave()


async def _send_frames(websocket: WebSocket, context: Context) -> None:
    after = 0
    while not context.stop.is_set():
        frame = await context.tracks.next_frame(after)
        if frame is not None:
            after, text = frame
            # Waits while the client's buffer is full; the next frame then holds all that moved meanwhile.
            await websocket.send_text(text)


async def _drain(websocket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
