"""The doorman in front of the application: who may ask from where, how much, and which headers every answer wears.

The platform listens on loopback, where every page of every browser tab can reach it. So a request must name this
machine in ``Host`` (a foreign name resolved to 127.0.0.1 is DNS rebinding), and what changes state, or opens a
WebSocket, must come from a page of the same host (``Origin``) or from a program that is no browser (no ``Origin``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from brain.web.problems import broken, problem_response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["CSP", "Guard", "is_allowed_host"]

CSP = (
    "default-src 'self'; img-src 'self' data: blob:; worker-src 'self'; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": CSP,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")


def is_allowed_host(host: str, names: Iterable[str] = ()) -> bool:
    """Whether a ``Host`` header names this machine, with any port.

    Example:
        >>> is_allowed_host("localhost:8080"), is_allowed_host("localhost.evil.example")
        (True, False)
    """
    match = _HOST.fullmatch(host.lower())
    return match is not None and (match[1] in _LOOPBACK or match[1] in {n.lower() for n in names})


def _is_same_origin(origin: str, host: str) -> bool:
    """Whether a page of ``origin`` is a page of ``host``."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc) and parts.netloc.lower() == host.lower()


def _holds_nul(scope: Scope) -> Response | None:
    """No text of a city holds NUL, no file system and no data base can look for it."""
    path = str(scope["path"])
    if "\x00" in path:
        shown = path.replace("\x00", "%00")
        return problem_response(404, f"nothing lives at {shown}; leave out %00", f"{shown} 不存在；请去掉 %00", shown)
    if b"%00" in scope["query_string"]:
        return problem_response(422, "the query holds NUL (%00); leave it out", "查询参数中含 NUL（%00）；请去掉", path)
    return None


class Guard:
    """ASGI middleware; the outermost, so that its headers are on every answer and nothing escapes it.

    Args:
        app: What it guards.
        hosts: Further allowed host names.
        body_limit: Bytes.
        seen: Called with (route path, method, status) after each request, for the metrics.
    """

    def __init__(
        self,
        app: ASGIApp,
        hosts: Iterable[str] = (),
        body_limit: int = 1 << 20,
        seen: Callable[[str, str, int], None] | None = None,
    ) -> None:
        self._app = app
        self._hosts = tuple(hosts)
        self._limit = body_limit
        self._seen = seen

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in, or answer with a problem."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            refusal = self._refusal(scope, Headers(scope=scope), is_change=True)
            if refusal is not None:
                # Closing before the handshake is accepted answers it with 403.
                await receive()
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers, *, is_change: bool) -> Response | None:
        path = str(scope["path"])
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_allowed_host(hosts[0], self._hosts):
            return problem_response(
                421,
                "this platform answers only to 127.0.0.1, localhost and [::1]; open it under one of these names",
                "本平台只接受 127.0.0.1、localhost、[::1] 这几个主机名；请用其中之一打开",
                path,
            )
        if is_change:
            origins = headers.getlist("origin")
            foreign = any(not _is_same_origin(o, hosts[0]) for o in origins)
            # A browser that hides the origin still says where a request comes from.
            if foreign or headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
                return problem_response(
                    403,
                    "a page of another origin may not change anything here; open the console of this platform",
                    "其他来源的页面不得在此更改数据；请使用本平台的控制台",
                    path,
                )
        return None

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        method, path = str(scope["method"]), str(scope["path"])
        status = 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                out = MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    out.setdefault(name, value)
                out.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            refusal = (
                self._refusal(scope, headers, is_change=method not in _SAFE)
                or self._too_large(headers, path)
                or _holds_nul(scope)
            )
            if refusal is not None:
                await refusal(scope, receive, dressed)
            else:
                await self._app(scope, self._counted(receive), dressed)
        except Exception as error:
            if status:
                raise
            await broken(path, error)(scope, receive, dressed)
        finally:
            if self._seen is not None:
                route: Any = scope.get("route")
                self._seen(str(getattr(route, "path", "other")), method, status or 499)

    def _too_large(self, headers: Headers, path: str) -> Response | None:
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or int(length) <= self._limit:
            return None
        return problem_response(
            413,
            f"the body is larger than {self._limit} bytes; send less at a time",
            f"请求体超过 {self._limit} 字节；请分批发送",
            path,
        )

    def _counted(self, receive: Receive) -> Receive:
        """Count what really comes: a body in chunks announces no length."""
        total = 0

        async def counted() -> Message:
            nonlocal total
            message = await receive()
            if message["type"] == "http.request":
                total += len(message.get("body", b""))
                if total > self._limit:
                    raise HTTPException(413)
            return message

        return counted
