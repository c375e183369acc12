"""What tests get for the asking: fresh data bases on both dialects, and brokers.

The services are real. They run on an event loop in a thread of their own, so that a test's loop may come and go.
What this machine cannot run is skipped with its reason; under CI=true that is a failure.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import uuid
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import asyncpg
import pytest
import structlog

from brain.embedded import Child, EmbeddedNats, EmbeddedPostgres, find_server, pick_port
from brain.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
DIALECTS = ("timescaledb", "postgresql")
MOSQUITTO = Path("/usr/sbin/mosquitto")


def unavailable(reason: str) -> NoReturn:
    """Skip, loudly; fail where everything must run."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and under CI everything must run")
    pytest.skip(reason)


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that a test runs in this process sets up logs that write to its own, soon closed, standard error."""
    yield
    structlog.reset_defaults()


def silent(name: str, line: str) -> None:
    """What the services say in tests is provoked by them."""


class ServiceLoop:
    """An event loop in a thread: enters context managers from any test, leaves all of them at the end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="services", daemon=True)
        self._thread.start()
        self._stack = AsyncExitStack()

    def run(self, work: Coroutine[object, object, T]) -> T:
        """Run something there to its end."""
        done: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return done.result(timeout=120)

    def enter(self, service: AbstractAsyncContextManager[T]) -> T:
        """Start a service that stops when the session ends."""
        return self.run(self._stack.enter_async_context(service))

    def close(self) -> None:
        """Stop all services, the last first."""
        self.run(self._stack.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def services() -> Iterator[ServiceLoop]:
    """The loop that the services of this session run on."""
    loop = ServiceLoop()
    yield loop
    loop.close()


class PostgresServers:
    """One server a dialect, started when first asked for."""

    def __init__(self, services: ServiceLoop, folder: Path) -> None:
        self._services, self._folder = services, folder
        self._running: dict[str, EmbeddedPostgres] = {}

    def get(self, dialect: str) -> EmbeddedPostgres:
        """The running server of a dialect; skips the test where there is none."""
        if dialect not in self._running:
            try:
                server = find_server(timescale=dialect == "timescaledb")
            except ServiceError as error:
                unavailable(f"no {dialect}: {error}")
            postgres = EmbeddedPostgres(self._folder / dialect, server=server, emit=silent)
            self._running[dialect] = self._services.enter(postgres)
        return self._running[dialect]

    @asynccontextmanager
    async def database(self, dialect: str) -> AsyncIterator[str]:
        """A fresh, empty data base (with the extension on TimescaleDB), dropped at the end. Yields its address."""
        postgres = self.get(dialect)
        name = f"t_{uuid.uuid4().hex[:12]}"
        admin = await asyncpg.connect(postgres.dsn)
        try:
            await admin.execute(f'CREATE DATABASE "{name}"')
            dsn = postgres.dsn.replace("/cloudbrain?", f"/{name}?")
            if dialect == "timescaledb":
                connection = await asyncpg.connect(dsn)
                await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
                await connection.close()
            yield dsn
            await admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        finally:
            await admin.close()


@pytest.fixture(scope="session")
def postgres_servers(services: ServiceLoop, tmp_path_factory: pytest.TempPathFactory) -> PostgresServers:
    """The session's data base servers."""
    return PostgresServers(services, tmp_path_factory.mktemp("postgres"))


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.timescale if name == "timescaledb" else ()) for name in DIALECTS]
)
async def dsn(request: pytest.FixtureRequest, postgres_servers: PostgresServers) -> AsyncIterator[str]:
    """The address of a fresh, empty data base; each test runs on both dialects."""
    async with postgres_servers.database(request.param) as address:
        yield address


@pytest.fixture
async def any_dsn(postgres_servers: PostgresServers) -> AsyncIterator[str]:
    """A fresh data base on the best dialect there is, for tests that are not about storage."""
    async with postgres_servers.database(find_server().dialect) as address:
        yield address


@pytest.fixture
def broker(services: ServiceLoop, tmp_path: Path) -> Iterator[str]:
    """The MQTT address of an embedded NATS of its own."""
    nats = EmbeddedNats(tmp_path / "nats", pick_port(0, explicit=False), emit=silent)
    services.run(nats.start())
    yield nats.url
    services.run(nats.stop())


@pytest.fixture
def mosquitto(services: ServiceLoop, tmp_path: Path) -> Iterator[str]:
    """The MQTT address of Debian's mosquitto, set up so that it loses nothing (default settings drop messages)."""
    program = MOSQUITTO if MOSQUITTO.exists() else shutil.which("mosquitto")
    if program is None:
        unavailable("mosquitto is not installed (Debian: apt-get install mosquitto)")
    port = pick_port(0, explicit=False)
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    configuration = folder / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {folder}/\n"
        "autosave_interval 1\nmax_queued_messages 0\nmax_queued_bytes 0\nmax_inflight_messages 2000\n"
        + ("user root\n" if os.geteuid() == 0 else "")  # else it would drop to a user that cannot write there
    )

    async def ready(child: Child) -> None:
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.01)
            else:
                writer.close()
                await writer.wait_closed()
                return

    child = Child("mosquitto", [program, "-c", configuration], ready=ready, emit=silent)
    services.run(child.start())
    yield f"mqtt://127.0.0.1:{port}"
    services.run(child.stop())
