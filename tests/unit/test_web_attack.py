"""Attacks on the web that must come to nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from brain.web.settings import WebSettings
from tests.websupport import INCIDENT, gas_step, town

if TYPE_CHECKING:
    from collections.abc import Iterator

CONSOLE = Path(__file__).parents[2] / "brain" / "web" / "console"
EVIL = "http://evil.example"
POSTS = [f"/api/v1/incidents/{INCIDENT}/{name}" for name in ("acknowledge", "comment", "assign", "shelve", "close")] + [
    "/api/v1/messages/city/gas-detector/G1",
    "/api/v1/quarantine/1/retry",
]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "10.0.0.1", "localhost.evil.example", "127.0.0.1.nip.io"]
)
@pytest.mark.parametrize(
    "path", ["/", "/api/v1/incidents", "/health/ready", "/metrics", "/openapi.json", "/api/v1/live"]
)
async def test_a_foreign_host_reads_nothing(host: str, path: str) -> None:
    async with town() as (_, client):
        answer = await client.get(path, headers={"Host": host})
        assert answer.status_code == 421
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_named_host_is_let_in() -> None:
    async with town(WebSettings(hosts=("brain.city.example",))) as (_, client):
        assert (await client.get("/health/live", headers={"Host": "brain.city.example:443"})).status_code == 200


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Origin": "http://localhost:8080"},  # another name of the same machine is another origin
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
async def test_a_foreign_page_changes_nothing(path: str, headers: dict[str, str]) -> None:
    async with town() as (place, client):
        await place.steps(gas_step(1))
        answer = await client.post(path, json={"text": "x", "department": "x", "lel_pct": 1}, headers=headers)
        assert answer.status_code == 403
        assert len(await place.store.incident_log(INCIDENT)) == 1
        ledger, _ = await place.store.ledger()
        assert sum(c.received for c in ledger.values()) == 0


async def test_a_foreign_page_registers_no_device() -> None:
    async with town() as (place, client):
        answer = await client.put("/api/v1/devices/X", json={"sensor_type": "vehicle"}, headers={"Origin": EVIL})
        assert answer.status_code == 403
        assert (await place.store.load_registry()).find("vehicle", "X") is None


async def test_the_own_page_and_programs_may() -> None:
    async with town() as (place, client):
        await place.steps(gas_step(1))
        path = f"/api/v1/incidents/{INCIDENT}/comment"
        for headers in ({}, {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}):
            assert (await client.post(path, json={"text": "x"}, headers=headers)).status_code == 200


async def test_no_answer_invites_other_origins() -> None:
    async with town() as (_, client):
        for path in ("/", "/api/v1/incidents", "/api/v1/nothing"):
            answer = await client.get(path, headers={"Origin": EVIL})
            assert not [h for h in answer.headers if h.lower().startswith("access-control")]
        before = {"Origin": EVIL, "Access-Control-Request-Method": "POST"}
        assert (await client.options(POSTS[0], headers=before)).status_code == 405


@pytest.mark.parametrize("path", POSTS)
async def test_a_body_of_two_mebibytes_is_refused(path: str) -> None:
    async with town() as (_, client):
        answer = await client.post(path, content=b"x" * 2_097_152)
        assert answer.status_code == 413
        assert "1048576 bytes" in answer.json()["detail"]


async def test_a_body_of_one_mebibyte_is_let_in() -> None:
    async with town() as (_, client):
        body = b'{"lel_pct": 5}' + b" " * (1_048_576 - 14)
        answer = await client.post("/api/v1/messages/city/gas-detector/G1", content=body)
        assert answer.status_code == 200


TRAVERSALS = [
    "/../app.py",
    "/../../web/app.py",
    "/..%2fapp.py",
    "/%2e%2e/app.py",
    "/%2e%2e%2fapp.py",
    "/%252e%252e/app.py",
    "/%252e%252e%252fapp.py",
    "/..%5capp.py",
    "/..\\app.py",
    "/vendor/../../app.py",
    "/vendor/..%2f..%2fapp.py",
    "/vendor//../../app.py",
    "/./../app.py",
    "/....//app.py",
    "/..;/app.py",
    "/%c0%ae%c0%ae/app.py",
    "/%e0%80%ae%e0%80%ae/app.py",
    "/%uff0e%uff0e/app.py",
    "/..%00/app.py",
    "/app.py%00.js",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/file:///etc/passwd",
    "/..%ef%bc%8fapp.py",
    "/.gitignore",
    "/static/%2e%2e%2f%2e%2e%2fapp.py",
]


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_a_path_that_climbs_out_finds_nothing(path: str) -> None:
    async with town() as (place, _):
        raw, _, query = path.encode().partition(b"?")
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": httpx.URL("http://h" + path).path if "\\" not in path else path, "raw_path": raw,
            "query_string": query, "root_path": "", "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
        }  # fmt: skip
        # What a server does with the bytes, and the bytes as they are: neither may find a file outside.
        for form in {scope["path"], path}:
            sent.clear()
            await place.app({**scope, "path": form}, receive, send)
            assert sent[0]["status"] == 404, form
            body = b"".join(m.get("body", b"") for m in sent)
            assert b"make_app" not in body
            assert b"root:" not in body


async def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    console = tmp_path / "console"
    console.mkdir()
    (console / "index.html").write_text("<p>page")
    (console / "out.txt").symlink_to(tmp_path / "secret.txt")
    (console / ".hidden").write_text("hidden")
    async with town(WebSettings(console=console)) as (_, client):
        assert (await client.get("/")).text == "<p>page"
        assert (await client.get("/out.txt")).status_code == 404
        assert (await client.get("/.hidden")).status_code == 404


@pytest.mark.parametrize("name", ["incidents", "observations", "quarantine", "devices", "sensor-types"])
@pytest.mark.parametrize(
    "cursor",
    [
        "%0d%0aSet-Cookie:%20a=b",
        "abc%0d%0a%0d%0a<script>",
        "%00",
        "'; DROP TABLE brain.log; --",
        "W10",
        "bnVsbA",
        "A" * 3000,
        "é",
    ],
)
async def test_a_cursor_injects_nothing(name: str, cursor: str) -> None:
    async with town() as (place, client):
        await place.gas(1, 2, 3)
        answer = await client.get(f"/api/v1/{name}?limit=1&cursor={cursor}", headers={"Accept": "*/*"})
        assert answer.status_code == 422
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-type"] == "application/problem+json"


async def test_the_next_page_in_a_header_keeps_its_line() -> None:
    async with town() as (place, client):
        await place.gas(1, 2, 3)
        answer = await client.get(
            "/api/v1/observations?limit=1&device=G1&x=%0d%0aSet-Cookie:%20a=b", headers={"Accept": "text/csv"}
        )
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert "%0D%0ASet-Cookie" in answer.headers["link"]


SCRIPTS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "</script><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "\u2028alert(1)",
    "<!--<script>",
    "&lt;script&gt;",
    "\u202etxt.exe",
]


def strings(node: Any) -> Iterator[str]:
    """Every text in a JSON document."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict | list):
        for inner in node.values() if isinstance(node, dict) else node:
            yield from strings(inner)


@pytest.mark.parametrize("script", SCRIPTS)
async def test_what_somebody_wrote_comes_back_as_json_never_as_a_page(script: str) -> None:
    async with town() as (place, client):
        await place.steps(gas_step(1))
        path = f"/api/v1/incidents/{INCIDENT}"
        await client.post(f"{path}/comment", json={"text": script})
        await client.put("/api/v1/devices/evil", json={"sensor_type": "vehicle", "name": {"zh": script, "en": script}})
        await place.refuse(script)
        for one in (f"{path}/log", "/api/v1/devices", "/api/v1/quarantine", f"/api/v1/incidents/{INCIDENT}"):
            answer = await client.get(one, headers={"Accept": "text/html,*/*;q=0.8"})
            assert answer.headers["content-type"] == "application/json"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert script in set(strings(answer.json())), one
        wrong = await client.get("/api/v1/incidents", params={"level": script, "cursor": script})
        assert wrong.headers["content-type"] == "application/problem+json"
        missing = await client.get(f"/{script}")
        assert missing.headers["content-type"] == "application/problem+json"


async def test_every_answer_wears_its_headers() -> None:
    async with town() as (_, client):
        for path in (
            "/",
            "/docs",
            "/docs/init.js",
            "/api/v1/incidents",
            "/api/v1/nothing",
            "/metrics",
            "/openapi.json",
        ):
            answer = await client.get(path)
            policy = answer.headers["content-security-policy"]
            assert policy.startswith("default-src 'self';"), path
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "no-referrer"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "server" not in answer.headers


def test_no_page_of_ours_has_an_inline_script_but_its_import_map() -> None:
    for page in CONSOLE.rglob("*.html"):
        if "vendor" not in page.parts:
            text = page.read_text()
            scripts = [t for t in text.split("<script")[1:] if not t.split(">", 1)[1].startswith("</script>")]
            assert all("importmap" in t.split(">", 1)[0] for t in scripts), page
            assert " onload=" not in text
            assert " style=" not in text
