"""The embedded PostgreSQL under blows: kill -9, leftovers, foreign users, folders private to root."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from brain.embedded import EmbeddedPostgres, find_server, pick_port
from brain.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the user")


@pytest.fixture
def private() -> Iterator[Path]:
    """A folder that only its owner may enter, as `mktemp -d` makes them."""
    folder = Path(tempfile.mkdtemp(prefix="cb-check-"))
    yield folder
    shutil.rmtree(folder)


def silent(name: str, line: str) -> None:
    """What the server says here is provoked."""


def plain(folder: Path, port: int | None = None) -> EmbeddedPostgres:
    return EmbeddedPostgres(folder, server=find_server(timescale=False), port=port, emit=silent)


def open_to_all(path: Path) -> bool:
    """Whether every user can reach it."""
    path = path.resolve()
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.parents))


async def ask(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_what_was_committed_is_there_after_kill_9_and_the_server_comes_back_by_itself(private: Path) -> None:
    async with plain(private) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        await connection.execute("CREATE TABLE t (n int)")
        committed = 0
        for number in range(200):
            await connection.execute("INSERT INTO t VALUES ($1)", number)
            committed += 1
        assert postgres.pid is not None
        os.kill(postgres.pid, signal.SIGKILL)
        connection.terminate()
        async with asyncio.timeout(60):
            while True:
                try:
                    assert await ask(postgres.dsn, "SELECT count(*) FROM t") == committed
                    break
                except (OSError, asyncpg.PostgresError):
                    await asyncio.sleep(0.05)
        assert postgres.restarts == 1


async def test_a_parent_killed_with_9_leaves_nothing_and_the_next_start_is_whole(private: Path) -> None:
    holder = """
import asyncio, sys
from pathlib import Path
from brain.embedded import EmbeddedPostgres, find_server
async def main():
    async with EmbeddedPostgres(Path(sys.argv[1]), server=find_server(timescale=False)) as postgres:
        print(postgres.dsn, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    for times in range(3):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", holder, str(private), stdout=asyncio.subprocess.PIPE, cwd=ROOT
        )
        assert process.stdout is not None
        dsn = (await process.stdout.readline()).decode().strip()
        await ask(dsn, "CREATE TABLE IF NOT EXISTS t (n int)")
        await ask(dsn, f"INSERT INTO t VALUES ({times})")
        process.kill()
        await process.wait()
    async with plain(private) as postgres:
        assert await ask(postgres.dsn, "SELECT array_agg(n ORDER BY n) FROM t") == [0, 1, 2]


async def test_a_stale_lock_file_that_names_a_living_process_does_not_hinder(private: Path) -> None:
    async with plain(private):
        pass
    lines = [str(os.getpid()), str(private / "postgresql"), "1", "5432", ".", "", "0 0", "ready"]
    (private / "postgresql" / "postmaster.pid").write_text("\n".join(lines) + "\n")
    async with plain(private) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_a_first_start_that_was_cut_off_is_begun_anew(private: Path) -> None:
    (private / "postgresql.new" / "base").mkdir(parents=True)
    (private / "postgresql.new" / "PG_VERSION").write_text("16\n")
    async with plain(private) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1
    # Cut off after initdb and before the data base was made:
    (private / "storage.json").unlink()
    async with plain(private) as postgres:
        assert await ask(postgres.dsn, "SELECT 1") == 1


async def test_a_deep_data_folder_gets_a_short_socket_that_goes_away(private: Path) -> None:
    deep = private / ("城" * 20) / ("d" * 60)
    async with plain(deep) as postgres:
        link = Path(postgres.dsn.partition("host=")[2])
        assert len(str(link)) < 60
        assert await ask(postgres.dsn, "SELECT 1") == 1
    assert not link.parent.exists()
    # After a crash the next start clears the old one away.
    stale = Path(tempfile.mkdtemp(prefix="cloudbrain-")) / "db"
    stale.symlink_to(deep / "postgresql")
    (deep / "socket").write_text(str(stale))
    async with plain(deep):
        assert not stale.parent.exists()


@pytest.mark.timescale
async def test_a_folder_keeps_its_dialect(private: Path) -> None:
    async with plain(private) as postgres:
        assert postgres.storage.startswith("postgresql 16")
    async with EmbeddedPostgres(private, server=find_server(timescale=True), emit=silent) as postgres:
        assert postgres.storage.startswith("postgresql 16")
        assert await ask(postgres.dsn, "SHOW shared_preload_libraries") == ""


@pytest.mark.timescale
async def test_a_timescale_folder_without_timescale_is_refused_with_a_sentence(private: Path) -> None:
    async with EmbeddedPostgres(private, server=find_server(timescale=True), emit=silent) as postgres:
        version = await ask(postgres.dsn, "SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
        assert postgres.storage == f"timescaledb {version}"
    with pytest.raises(ConfigurationError, match=r"made with TimescaleDB .* only plain PostgreSQL; run `make setup`"):
        await plain(private).start()


async def test_a_folder_of_another_major_version_is_refused_with_a_sentence(private: Path) -> None:
    (private / "storage.json").write_text(json.dumps({"dialect": "postgresql", "postgresql": "15.3", "prepared": True}))
    with pytest.raises(ConfigurationError, match=r"made with PostgreSQL 15.3, and this is 16"):
        await plain(private).start()


async def test_tcp_is_there_when_asked_for_and_wants_the_password(private: Path) -> None:
    port = pick_port(0, explicit=False)
    async with plain(private, port) as postgres:
        assert postgres.tcp_dsn is not None
        assert await ask(postgres.tcp_dsn, "SELECT 1") == 1
        assert await ask(postgres.dsn, "SELECT 1") == 1
        with pytest.raises(asyncpg.InvalidPasswordError):
            await ask(f"postgresql://cloudbrain:guess@127.0.0.1:{port}/cloudbrain", "SELECT 1")
        assert (private / "postgresql.password").stat().st_mode & 0o077 == 0
    async with plain(private) as postgres:
        assert postgres.tcp_dsn is None
        with pytest.raises(OSError, match=r"refused|Connect call failed"):
            await ask(f"postgresql://cloudbrain:guess@127.0.0.1:{port}/cloudbrain", "SELECT 1")


async def test_stopping_ends_open_connections_and_is_quick(private: Path) -> None:
    async with plain(private) as postgres:
        connection = await asyncpg.connect(postgres.dsn)
        async with asyncio.timeout(10):
            await postgres.stop()
        connection.terminate()
    assert not (private / "postgresql" / "postmaster.pid").exists()


async def test_settings_are_durable_and_small(private: Path) -> None:
    async with plain(private) as postgres:
        for name, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "shared_buffers": "96MB",
            "max_connections": "40",
            "TimeZone": "UTC",
        }.items():
            assert await ask(postgres.dsn, f"SHOW {name}") == value
    (private / "postgresql" / "local.conf").write_text("work_mem = '9MB'\n")
    owner = (private / "postgresql").stat()
    os.chown(private / "postgresql" / "local.conf", owner.st_uid, owner.st_gid)
    async with plain(private) as postgres:
        assert await ask(postgres.dsn, "SHOW work_mem") == "9MB"


@as_root
async def test_as_root_the_server_is_nobody_and_the_folders_above_stay_private(private: Path) -> None:
    async with plain(private) as postgres:
        assert Path(f"/proc/{postgres.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        assert private.stat().st_mode & 0o777 == 0o700
        assert private.stat().st_uid == 0
        # Nobody else's `nobody` comes in: the folder is closed to it, and so is the server.
        psql = [str(postgres.server.program("psql")), "-d", postgres.dsn, "-c", "SELECT 1"]
        outsider = subprocess.run(psql, user="nobody", group="nogroup", capture_output=True, text=True, check=False)
        assert "Permission denied" in outsider.stderr
    private.chmod(0o755)
    async with plain(private) as postgres:
        outsider = subprocess.run(
            [*psql[:1], "-h", ".", *psql[1:-2], "-c", "SELECT 1"],
            user="nobody",
            group="nogroup",
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Peer authentication failed" in outsider.stderr


@as_root
async def test_an_ordinary_user_runs_the_server_as_itself_and_root_can_take_over(private: Path) -> None:
    account = pwd.getpwnam("nobody")
    os.chown(private, account.pw_uid, account.pw_gid)
    program = """
import asyncio, os, sys
from pathlib import Path
from brain.embedded import EmbeddedPostgres, find_server
async def main():
    async with EmbeddedPostgres(Path(sys.argv[1]), server=find_server(timescale=False)) as postgres:
        print(Path(f"/proc/{postgres.pid}").stat().st_uid == os.geteuid() != 0, postgres.storage)
asyncio.run(main())
"""
    packages = Path(asyncpg.__file__).parents[1]
    python = next((path for path in (sys.executable, "/usr/bin/python3") if open_to_all(Path(path))), None)
    if python is None or not open_to_all(ROOT / "brain") or not open_to_all(packages):
        pytest.skip("this checkout or its Python is private to root: no other user can run it")
    first = subprocess.run(
        [python, "-c", program, str(private)],
        user=account.pw_uid,
        group=account.pw_gid,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{packages}", "HOME": str(private)},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert first.stdout.startswith("True postgresql 16"), first.stderr
    async with plain(private) as postgres:
        assert Path(f"/proc/{postgres.pid}").stat().st_uid == account.pw_uid
        assert await ask(postgres.dsn, "SELECT 1") == 1


@as_root
async def test_a_folder_that_root_made_is_refused_to_others_with_a_sentence(
    private: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with plain(private):
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        await plain(private).start()


@as_root
async def test_a_link_laid_in_the_folder_does_not_make_root_write_elsewhere(private: Path) -> None:
    async with plain(private):
        pass
    victim = private / "victim"
    victim.write_text("untouched")
    (private / "postgresql" / "postgresql.conf.new").symlink_to(victim)
    async with plain(private):
        pass
    assert victim.read_text() == "untouched"
    assert victim.stat().st_uid == 0
