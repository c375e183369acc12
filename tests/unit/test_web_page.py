"""The page's files, the API's page, and the reference of every route."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute, APIWebSocketRoute

from brain.web.settings import WebSettings
from tests.websupport import Town, town

if TYPE_CHECKING:
    from collections.abc import Iterator

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
FIRST = '<!doctype html><script type="importmap">{"imports":{}}</script><script type=module src=/app/a.js></script>'


@pytest.fixture
def console(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text(FIRST)
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "a.js").write_text("export default 1;\n" * 100)
    (tmp_path / "app" / "a.js.gz").write_bytes(gzip.compress((tmp_path / "app" / "a.js").read_bytes(), mtime=0))
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "zh.json").write_text("{}")
    return tmp_path


async def test_files_have_their_types_and_are_not_asked_for_twice(console: Path) -> None:
    async with town(WebSettings(console=console)) as (_, client):
        page = await client.get("/")
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert page.text == FIRST
        script = await client.get("/app/a.js", headers={"Accept-Encoding": "identity"})
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
        assert script.headers["cache-control"] == "no-cache"
        again = await client.get("/app/a.js", headers={"If-None-Match": script.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert (await client.get("/texts/zh.json")).headers["content-type"] == "application/json"
        head = await client.head("/app/a.js", headers={"Accept-Encoding": "identity"})
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(script.content))
        assert (await client.get("/app")).status_code == 404
        assert (await client.get("/app/")).status_code == 404


async def test_a_changed_or_new_file_is_seen(console: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("brain.web.static._RESCAN_S", 0.0)
    async with town(WebSettings(console=console)) as (_, client):
        before = await client.get("/texts/zh.json")
        (console / "texts" / "zh.json").write_text('{"a": 1}')
        after = await client.get("/texts/zh.json", headers={"If-None-Match": before.headers["etag"]})
        assert after.json() == {"a": 1}
        assert (await client.get("/new.js")).status_code == 404
        (console / "new.js").write_text("1")
        assert (await client.get("/new.js")).text == "1"
        (console / "new.js").unlink()
        assert (await client.get("/new.js")).status_code == 404


async def test_who_takes_gzip_gets_the_sibling(console: Path) -> None:
    async with town(WebSettings(console=console)) as (_, client):
        plain = await client.get("/app/a.js", headers={"Accept-Encoding": "gzip;q=0"})
        packed = await client.get("/app/a.js", headers={"Accept-Encoding": "br, gzip"})
        assert "content-encoding" not in plain.headers
        assert packed.headers["content-encoding"] == "gzip"
        assert packed.headers["vary"] == "Accept-Encoding"
        assert packed.content == plain.content  # the client unpacks


async def test_the_import_map_and_nothing_else_may_stand_in_the_page(console: Path) -> None:
    async with town(WebSettings(console=console)) as (_, client):
        digest = base64.b64encode(hashlib.sha256(b'{"imports":{}}').digest()).decode()
        policy = (await client.get("/")).headers["content-security-policy"]
        assert f"script-src 'self' 'sha256-{digest}'" in policy
        assert "script-src" not in (await client.get("/api/v1/incidents")).headers["content-security-policy"]


async def test_the_api_page_needs_no_network_and_no_inline_script() -> None:
    async with town() as (_, client):
        page = (await client.get("/docs")).text
        sources = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert sources
        assert all(s.startswith("/") and not s.startswith("//") for s in sources)
        assert re.findall(r"<script[^>]*>([^<]+)<", page) == []
        for source in sources:
            assert (await client.get(source)).status_code == 200, source


async def test_without_its_libraries_the_api_page_says_how_to_get_them(console: Path) -> None:
    async with town(WebSettings(console=console)) as (_, client):
        answer = await client.get("/docs")
        assert answer.status_code == 503
        assert "make setup" in answer.json()["detail"]


def walk(routes: Any, prefix: str = "") -> Iterator[tuple[str, str, Any]]:
    """Method, path and route of everything the application answers."""
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "app", None)
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                yield method, prefix + route.path, route
        elif isinstance(route, APIWebSocketRoute):
            yield "WS", prefix + route.path, route
        elif inner is not None and hasattr(inner, "routes"):
            yield from walk(inner.routes, prefix)


OPEN = {"/docs/init.js", "/{name:page}"}  # parts of a page, described with it
ROUTES = [r for r in walk(Town().app.routes) if r[1] not in OPEN]


def test_the_walk_finds_the_routes() -> None:
    paths = {p for _, p, _ in ROUTES}
    assert len(ROUTES) > 20
    assert {"/api/v1/incidents/{incident_id}/log", "/api/v1/live", "/api/v1/live/tracks", "/metrics", "/docs"} <= paths


def heading(method: str, path: str) -> str:
    return f"{method} {path.replace('{topic:path}', '{topic}')}"


@pytest.mark.parametrize("name", ["http.md", "http.zh.md"])
def test_every_route_has_its_heading_and_no_heading_is_left_over(name: str) -> None:
    headings = re.findall(r"^### `([^`]+)`$", (REFERENCE / name).read_text(), re.MULTILINE)
    known = {heading(m, p) for m, p, _ in ROUTES} | {"GET /", "GET /openapi.json"}
    assert sorted(headings) == sorted(known)


async def test_the_openapi_document_tells_of_every_route_with_an_example() -> None:
    async with town() as (_, client):
        document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    ids = []
    for method, path, route in ROUTES:
        if method == "WS" or path == "/docs":
            continue
        told = document["paths"][path.replace("{topic:path}", "{topic}")][method.lower()]
        ids.append(told["operationId"])
        assert told["operationId"] == route.operation_id, path
        assert told["summary"]
        assert told["description"], path
        answers = {s: a for s, a in told["responses"].items() if s.startswith("2")}
        assert any("example" in c for a in answers.values() for c in a["content"].values()), path
        assert "HTTPValidationError" not in str(told), path
        for parameter in told.get("parameters", ()):
            assert parameter["in"] == "path" or parameter.get("description"), (path, parameter["name"])
        if method == "PUT" or (method == "POST" and not path.endswith("/retry")):
            content = told["requestBody"]["content"]
            assert "example" in content["application/json"], path
    assert len(ids) == len(set(ids))
    assert len(document["paths"]) == len({p for m, p, _ in ROUTES if m != "WS" and p != "/docs"})
