"""The console in a real browser on the real platform.

A platform lives as long as its module. The browser is Debian's Chromium, driven by playwright; pages are watched: an
error on the console, an uncaught exception or a request to another origin fails the test that caused it.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Request

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    f"--{flag}"
    for flag in (
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
    )
]
START_S = 180.0
expect.set_options(timeout=20_000)  # a busy machine; what has a bound of its own says so
DESK = {"width": 1920, "height": 1080}


def unavailable(reason: str) -> NoReturn:
    """Skip, loudly; fail where everything must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and under CI everything must run")
    pytest.skip(reason)


class Platform:
    """`cloudbrain up` in a folder of its own, on free ports."""

    def __init__(self, data_dir: Path, *, simulate: bool) -> None:
        self.calls = 0
        self.errors: list[str] = []
        command = [sys.executable, "-m", "brain", "up", "--data-dir", str(data_dir), "--port", "0", "--mqtt-port", "0"]
        self.process = subprocess.Popen(
            [*command, "--simulate" if simulate else "--no-simulate"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        first: queue.Queue[str] = queue.Queue()

        def read_out() -> None:
            assert self.process.stdout is not None
            first.put(self.process.stdout.readline())
            self.process.stdout.read()

        def read_errors() -> None:
            assert self.process.stderr is not None
            self.errors.extend(self.process.stderr)

        self.readers = [threading.Thread(target=reader, daemon=True) for reader in (read_out, read_errors)]
        for reader in self.readers:
            reader.start()
        try:
            line = first.get(timeout=START_S)
        except queue.Empty:
            line = ""
        if not line:
            self.process.kill()
            pytest.fail("no ready line; last of stderr:\n" + "".join(self.errors[-30:]))
        ready = json.loads(line)
        self.http: str = ready["http"]
        self.mqtt: str = ready["mqtt"]

    def get(self, path: str) -> Any:
        """A JSON answer of the API."""
        with urllib.request.urlopen(self.http + path, timeout=15) as answer:
            return json.loads(answer.read())

    def post(self, path: str, document: Any) -> Any:
        """A JSON answer of the API to a JSON body."""
        body = json.dumps(document).encode()
        request = urllib.request.Request(self.http + path, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=15) as answer:
            return json.loads(answer.read())

    def publish(self, messages: list[tuple[str, dict[str, Any]]]) -> None:
        """Hand messages to the broker at QoS 1; returns once all are acknowledged."""
        import paho.mqtt.client as mqtt

        address = urlsplit(self.mqtt)
        client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)  # type: ignore[attr-defined]
        if address.username:
            client.username_pw_set(address.username, address.password)
        client.connect(address.hostname or "127.0.0.1", address.port or 1883)
        client.loop_start()
        try:
            for sent in [client.publish(topic, json.dumps(payload), qos=1) for topic, payload in messages]:
                sent.wait_for_publish(20)
                assert sent.is_published()
        finally:
            client.disconnect()
            client.loop_stop()

    def call_ambulance(self, complaint: str = "cardiac_arrest", device: str = "120-TEST") -> None:
        """A call to 120 from a road node of its own, far from the last one: an incident follows at once."""
        self.calls += 1
        nodes = self.get("/api/v1/city")["roads"]["nodes"]
        payload = {
            "call_id": f"C-{self.calls}",
            "caller": f"caller-{self.calls}",
            "complaint": complaint,
            "priority": 1,
            "node": nodes[self.calls * 53 % len(nodes)]["id"],
            "time": datetime.now(UTC).isoformat(),
        }
        self.publish([(f"city/emergency-call/{device}", payload)])

    def stop(self) -> None:
        """SIGTERM and wait."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for reader in self.readers:
            reader.join(10)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def wait_until(ask: Callable[[], Any], timeout: float = 30.0, what: str = "the condition") -> Any:
    """The first true answer; fails the test when none came in time."""
    deadline = time.monotonic() + timeout
    while not (answer := ask()):
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come true within {timeout:.0f} s")
        time.sleep(0.05)
    return answer


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition: ``until(ask, timeout, what)``."""
    return wait_until


@contextlib.contextmanager
def running(folder: Path, *, simulate: bool) -> Iterator[Platform]:
    if CHROMIUM is None:
        unavailable("no Chromium (Debian: apt-get install chromium fonts-noto-cjk)")
    platform = Platform(folder, simulate=simulate)
    try:
        yield platform
    finally:
        platform.stop()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with the simulated city running."""
    with running(tmp_path_factory.mktemp("simulated"), simulate=True) as platform:
        yield platform


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform that nobody speaks to but the test."""
    with running(tmp_path_factory.mktemp("silent"), simulate=False) as platform:
        yield platform


@dataclass
class Watch:
    """What a page did that it must not do."""

    origin: str
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def on(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(f"uncaught: {error}"))
        page.on("request", self._request)
        page.on("websocket", lambda socket: self._address(socket.url))

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in {"data", "blob"}:
            return
        self.requests.append(url)

    def foreign(self) -> list[str]:
        """Requests that left the origin."""
        return [url for url in self.requests if urlsplit(url).netloc != urlsplit(self.origin).netloc]


class Desk:
    """A browser's window on a platform; each has cookies and storage of its own."""

    def __init__(self, context: BrowserContext, platform: Platform) -> None:
        self.context = context
        self.platform = platform
        self.watch = Watch(platform.http)
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.watch.on(self.page)

    def open(self, **query: str) -> Page:
        """Load the page and wait until it shows the platform's state."""
        self.page.goto(f"{self.platform.http}/?{urlencode({'lang': 'en'} | query)}")
        self.page.get_by_test_id("page").wait_for()
        wait_until(lambda: self.brain("connection") == "live", 20, "the live stream")
        return self.page

    def brain(self, name: str) -> Any:
        """A value of the page's test hook."""
        return self.page.evaluate("name => window.__brain?.[name]", name)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for a module: playwright's own event loop must not outlive it."""
    if CHROMIUM is None:
        unavailable("no Chromium (Debian: apt-get install chromium fonts-noto-cjk)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def make_desk(browser: Browser) -> Iterator[Callable[..., Desk]]:
    """Opens desks; at the end none of them may have shown an error or left its origin."""
    desks: list[Desk] = []

    def make(platform: Platform, viewport: dict[str, int] | None = None) -> Desk:
        context = browser.new_context(viewport=viewport or DESK, locale="en-GB")  # type: ignore[arg-type]
        desks.append(Desk(context, platform))
        return desks[-1]

    yield make
    errors = [error for desk in desks for error in desk.watch.errors]
    foreign = [url for desk in desks for url in desk.watch.foreign()]
    for desk in desks:
        desk.context.close()
    assert errors == []
    assert foreign == []
