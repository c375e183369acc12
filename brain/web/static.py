"""The page: files of the console and of the vendored libraries, from a list, never from a path a caller wrote.

Every file below the console's folder is listed once (and again when something is asked for that is not in the list),
so a request can only name what is there: ``..``, encoded slashes and links that lead outside find nothing. Files
carry an ETag and are asked for again each time (304), so a new version of the platform is seen at once; a ``.gz``
sibling is sent to who takes gzip.
"""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import re
import time
from typing import TYPE_CHECKING, NamedTuple

from starlette.convertors import Convertor, register_url_convertor
from starlette.responses import Response

from brain.web.guard import CSP
from brain.web.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["Site"]

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".geojson": "application/geo+json",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}
_IMPORT_MAP = re.compile(rb"<script\s+type=[\"']?importmap[\"']?\s*>(.*?)</script>", re.DOTALL)
_RESCAN_S = 1.0


class _PagePath(Convertor[str]):
    """Everything that is not the API: a wrong method there must stay a 405, not become a missing file."""

    regex = r"(?!(?:api|health|metrics|docs|openapi\.json)(?:/|$)).*"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("page", _PagePath())


class _File(NamedTuple):
    path: Path
    stamp: tuple[int, int]
    etag: str
    body: bytes
    gzipped: bytes | None
    csp: str | None


class Site:
    """The files of a folder; for one event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}
        self._files: dict[str, _File] = {}
        self._scanned = float("-inf")

    def _scan(self) -> None:
        if time.monotonic() - self._scanned < _RESCAN_S:
            return
        self._scanned = time.monotonic()
        root = self._folder.resolve()
        paths = {}
        for path in sorted(root.rglob("*")):
            name = path.relative_to(root).as_posix()
            is_hidden = any(part.startswith(".") for part in name.split("/"))
            if path.is_file() and not is_hidden and path.resolve().is_relative_to(root):
                paths[name] = path
        self._paths = paths

    def find(self, name: str) -> _File | None:
        """The file of that name, or None."""
        if name not in self._paths:
            self._scan()
        path = self._paths.get(name)
        if path is None:
            return None
        try:
            facts = path.stat()
            stamp = facts.st_mtime_ns, facts.st_size
            known = self._files.get(name)
            if known is None or known.stamp != stamp:
                known = self._files[name] = self._read(name, path, stamp)
        except OSError:
            self._paths.pop(name, None)
            return None
        return known

    def _read(self, name: str, path: Path, stamp: tuple[int, int]) -> _File:
        body = path.read_bytes()
        sibling = path.with_name(path.name + ".gz")
        is_fresh = sibling.is_file() and sibling.stat().st_mtime_ns >= stamp[0]
        csp = None
        if path.suffix == ".html":
            # An import map cannot be a file of its own; its hash lets exactly this one stand in the page.
            digests = [base64.b64encode(hashlib.sha256(m).digest()).decode() for m in _IMPORT_MAP.findall(body)]
            if digests:
                csp = f"{CSP}; script-src 'self' " + " ".join(f"'sha256-{d}'" for d in digests)
        etag = '"' + hashlib.sha256(body).hexdigest()[:24] + '"'
        return _File(path, stamp, etag, body, sibling.read_bytes() if is_fresh else None, csp)

    def answer(self, request: Request, name: str) -> Response:
        """The file, or 304 when the caller has it.

        Raises:
            Problem: Status 404.
        """
        found = self.find(name or "index.html")
        if found is None:
            shown = repr(request.url.path[:80])
            raise Problem(404, f"nothing lives at {shown}; /docs lists every path", f"{shown} 不存在；所有路径见 /docs")
        kind = _TYPES.get(found.path.suffix) or mimetypes.guess_type(found.path.name)[0] or "application/octet-stream"
        headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if found.csp is not None:
            headers["Content-Security-Policy"] = found.csp
        known = {t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")}
        if found.etag in known:
            return Response(status_code=304, headers=headers)
        body = found.body
        if found.gzipped is not None and _takes_gzip(request.headers.get("accept-encoding", "")):
            body = found.gzipped
            headers["Content-Encoding"] = "gzip"
        if request.method == "HEAD":
            headers["Content-Length"] = str(len(body))
            body = b""
        return Response(body, media_type=kind, headers=headers)


def _takes_gzip(header: str) -> bool:
    for part in header.split(","):
        name, _, weight = part.partition(";")
        if name.strip().lower() in {"gzip", "*"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
