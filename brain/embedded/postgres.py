"""The embedded PostgreSQL: made, started, watched and stopped below a data folder.

```
DIR/storage.json          which dialect the data were made with; they keep it
DIR/postgresql/           the cluster, and the unix socket in it (0700: only its owner and root can reach it)
DIR/postgresql.password   the password for TCP on loopback, when that was asked for
```

The server refuses to run as root. Started by root it runs as `nobody`, in its data folder as *working folder*, named to
it as `/proc/self/cwd`: so it needs no right to the folders above, which may be private to root, and nobody opens them
(docs/decisions/0002-embedded-postgresql.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from brain.embedded.children import Child, Emit, to_stderr
from brain.embedded.cluster import DATABASE, DEFAULT_PORT, HERE, ROLE, configure, environment, make_cluster, prepare
from brain.embedded.server import PostgresServer, find_server
from brain.errors import ConfigurationError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

__all__ = ["EmbeddedPostgres"]

_LONGEST_SOCKET = 100  # the kernel takes 107 bytes
_LINE = re.compile(r"^(?P<state>[0-9A-Z]{5}) (?P<severity>[A-Z]+):  (?P<text>.*)$")
_EXPECTED = {
    "23505",  # unique violation: how the store learns that a batch holds duplicates, which it counts
    "57P01",  # a worker says that it ends, because the server is stopped
}


class EmbeddedPostgres:
    """One PostgreSQL server below a data folder. Enter to start it, leave to stop it.

    The caller holds the folder's lock (`FolderLock`): what is found running in it is a leftover and is ended.

    Args:
        data_dir: Where everything lies; made when missing.
        server: The programs; None takes the best there is. A folder keeps the dialect it was made with.
        port: Also listen on this TCP port of 127.0.0.1, with a password; None listens on the unix socket alone.
        run_as: The user of a new cluster when we are root; an existing one runs as its owner.
        emit: Takes the server's log lines (without its chatter).

    Raises:
        ConfigurationError: The folder was made with a dialect, version or user that is not to be had here.
        ServiceError: The server did not start; names its last words.

    Example:
        >>> async def main(folder: str) -> str:
        ...     async with EmbeddedPostgres(Path(folder), server=find_server(timescale=False)) as postgres:
        ...         return postgres.storage
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     asyncio.run(main(folder)).split(" ")[0]
        'postgresql'
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        server: PostgresServer | None = None,
        port: int | None = None,
        run_as: str = "nobody",
        emit: Emit | None = None,
    ) -> None:
        self.data_dir = data_dir.resolve()
        self.cluster = self.data_dir / "postgresql"
        self.port = port
        self._wanted, self._run_as = server, run_as
        self._server: PostgresServer | None = None
        self._emit = emit or to_stderr
        self._child: Child | None = None
        self._socket_link: Path | None = None

    @property
    def server(self) -> PostgresServer:
        """The programs in use, once started."""
        if self._server is None:
            raise ServiceError("the embedded PostgreSQL has not been started")
        return self._server

    @property
    def storage(self) -> str:
        """``timescaledb 2.19.3`` or ``postgresql 16.14``."""
        return self.server.storage

    @property
    def dsn(self) -> str:
        """An address by the unix socket for asyncpg, psql and others run by the same user or root."""
        folder = quote(str(self._socket_link or self.cluster), safe="/")
        port = f"&port={self.port}" if self.port else ""
        return f"postgresql://{ROLE}@/{DATABASE}?host={folder}{port}"

    @property
    def tcp_dsn(self) -> str | None:
        """An address by TCP on loopback, with its password; None when no port was asked for."""
        if not self.port:
            return None
        password = (self.data_dir / "postgresql.password").read_text().strip()
        return f"postgresql://{ROLE}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._child.pid if self._child else None

    @property
    def restarts(self) -> int:
        """How often it died and was started again."""
        return self._child.restarts if self._child else 0

    async def start(self) -> None:
        """Make the cluster when there is none, start the server, wait until it takes connections."""
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.data_dir} cannot be made ({error.strerror}); give another one with --data-dir"
            ) from error
        facts = self._facts()
        self._server = self._choose_server(facts)
        user = self._user()
        if user:
            self._server = await asyncio.to_thread(self._server.reachable)
        if not self.cluster.exists():
            await make_cluster(self.cluster, self._server, user)
        configure(self.cluster, self._server, self.port, user)
        self._shorten_socket()
        child = Child(
            "postgresql",
            [self.server.program("postgres"), "-D", HERE if user else self.cluster],
            cwd=self.cluster,
            environment=environment(),
            user=user,
            stop_signal=signal.SIGINT,  # SIGTERM would wait for open connections
            death_signal=signal.SIGQUIT,  # at once; what was committed is in the write-ahead log
            patience=timedelta(seconds=60),
            start_patience=timedelta(minutes=10),  # it may have much to recover
            before=self._clear_leftovers,
            ready=self._wait_ready,
            emit=self._filter,
        )
        await child.start()
        self._child = child
        if not facts.get("prepared"):
            try:
                await prepare(self.data_dir, self._server, self._socket_link or self.cluster, self.port)
            except BaseException:
                await self.stop()
                raise

    async def stop(self) -> None:
        """Stop the server: open connections are ended, everything is written out."""
        if self._child:
            await self._child.stop()
        if self._socket_link:
            shutil.rmtree(self._socket_link.parent, ignore_errors=True)
            (self.data_dir / "socket").unlink(missing_ok=True)
            self._socket_link = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    # --- what the folder was made with

    def _facts(self) -> dict[str, object]:
        try:
            facts: dict[str, object] = json.loads((self.data_dir / "storage.json").read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"{self.data_dir / 'storage.json'} cannot be read ({error}); put back the file that was there, "
                "or give another folder with --data-dir"
            ) from error
        return facts

    def _choose_server(self, facts: dict[str, object]) -> PostgresServer:
        server = self._wanted or find_server()
        made_with, version = facts.get("dialect"), str(facts.get("postgresql", server.version))
        if version.partition(".")[0] != server.version.partition(".")[0]:
            raise ConfigurationError(
                f"the data folder {self.data_dir} was made with PostgreSQL {version}, and this is {server.version}; "
                "export it with the old version, or give another folder with --data-dir"
            )
        if made_with == "timescaledb" and server.timescale != facts.get("timescaledb"):
            here = f"TimescaleDB {server.timescale}" if server.timescale else "plain PostgreSQL"
            raise ConfigurationError(
                f"the data folder {self.data_dir} was made with TimescaleDB {facts.get('timescaledb')}, and here is "
                f"only {here}; run `make setup` where gcc is installed and CLOUDBRAIN_TIMESCALE is not off, "
                "or give another folder with --data-dir"
            )
        return server.plain() if made_with == "postgresql" else server

    def _user(self) -> str | None:
        """The user to run the server as; None for ourselves."""
        owner = self.cluster.stat().st_uid if self.cluster.exists() else None
        if os.geteuid() == 0:
            return self._run_as if not owner else pwd.getpwuid(owner).pw_name
        if owner is not None and owner != os.geteuid():
            raise ConfigurationError(
                f"the data folder {self.cluster} belongs to another user (id {owner}); start as that user "
                "(or as root, if root made it), or give another folder with --data-dir"
            )
        return None

    # --- running

    def _shorten_socket(self) -> None:
        """Give a deep data folder a short name for its socket: a link in a private folder, gone when we stop."""
        note = self.data_dir / "socket"
        with contextlib.suppress(OSError):
            stale = Path(note.read_text())
            if stale.parent.name.startswith("cloudbrain-") and stale.readlink() == self.cluster:
                shutil.rmtree(stale.parent)
        note.unlink(missing_ok=True)
        if len(os.fsencode(self.cluster / f".s.PGSQL.{self.port or DEFAULT_PORT}")) <= _LONGEST_SOCKET:
            return
        runtime = os.environ.get("XDG_RUNTIME_DIR", "")
        base = runtime if 0 < len(runtime) < _LONGEST_SOCKET // 2 and os.access(runtime, os.W_OK) else "/tmp"  # noqa: S108
        self._socket_link = Path(tempfile.mkdtemp(prefix="cloudbrain-", dir=base)) / "db"
        self._socket_link.symlink_to(self.cluster)
        note.write_text(str(self._socket_link))

    async def _clear_leftovers(self) -> None:
        """End what an earlier server left in the folder, then its lock file, whose pid may be anybody's by now."""
        for signal_, rounds in ((signal.SIGQUIT, 100), (signal.SIGKILL, 250)):
            if not (left := list(_running_in(self.cluster))):
                break
            self._emit("postgresql", f"ending {len(left)} process(es) of an earlier server")
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal_)
            for _ in range(rounds):
                if not list(_running_in(self.cluster)):
                    break
                await asyncio.sleep(0.02)
        (self.cluster / "postmaster.pid").unlink(missing_ok=True)

    async def _wait_ready(self, child: Child) -> None:
        """The server writes its state into the last line of its lock file; pg_ctl looks there, too."""
        while True:
            with contextlib.suppress(OSError):
                lines = (self.cluster / "postmaster.pid").read_text().splitlines()
                if len(lines) >= 8 and lines[0] == str(child.pid) and lines[7].strip() == "ready":
                    return
            await asyncio.sleep(0.01)

    def _filter(self, name: str, line: str) -> None:
        match = _LINE.match(line)
        if " LOG:  " in line or (match and match["state"] in _EXPECTED):
            return
        self._emit(name, f"{match['severity']}: {match['text']}" if match else line)


def _running_in(folder: Path) -> Iterator[int]:
    """PostgreSQL processes whose working folder is this one."""
    here = folder.stat()
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile, or belongs to somebody else
                name = (process / "comm").read_text().strip()
                if name == "postgres" and os.path.samestat((process / "cwd").stat(), here):
                    yield int(process.name)
