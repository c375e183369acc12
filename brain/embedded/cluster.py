"""How a PostgreSQL cluster is made and what it is told: its settings, who may connect, its first data base."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
from typing import TYPE_CHECKING

from brain.embedded.children import run_once

if TYPE_CHECKING:
    from pathlib import Path

    from brain.embedded.server import PostgresServer

__all__ = ["DATABASE", "DEFAULT_PORT", "HERE", "ROLE", "configure", "environment", "make_cluster", "prepare"]

ROLE = DATABASE = "cloudbrain"
DEFAULT_PORT = 5432
HERE = "/proc/self/cwd"
"""How a server that may not see the folders above its data folder is told where it is: there."""

_CONFIGURATION = """\
# Written anew at each start. Settings of your own go into local.conf beside this file.
listen_addresses = '{listen}'
port = {port}
unix_socket_directories = '.'
unix_socket_permissions = 0700
password_encryption = 'scram-sha-256'
timezone = 'UTC'
log_timezone = 'UTC'
cluster_name = 'cloudbrain'

# What is promised to devices is on the disk.
fsync = on
synchronous_commit = on
full_page_writes = on

# A small machine: the whole platform stays under 600 MB.
max_connections = 40
max_locks_per_transaction = 1024    # a flush may touch a thousand tables, each with its chunk and indexes
shared_buffers = '96MB'
effective_cache_size = '512MB'
work_mem = '8MB'
maintenance_work_mem = '48MB'
max_wal_size = '1GB'
max_worker_processes = 10
max_parallel_workers = 2
max_parallel_workers_per_gather = 1
autovacuum_max_workers = 2
jit = off
huge_pages = off

# A line carries its SQLSTATE, so that the watcher can tell the expected ones.
log_line_prefix = '%e '
log_error_verbosity = terse
log_min_error_statement = panic
log_checkpoints = off

{timescale}
include_if_exists 'local.conf'
"""
_TIMESCALE = """\
shared_preload_libraries = 'timescaledb'
timescaledb.max_background_workers = 4
timescaledb.telemetry_level = off
"""
_PREPARE = """\
SELECT 'CREATE DATABASE cloudbrain' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'cloudbrain') \\gexec
\\connect cloudbrain
{extension}
ALTER ROLE cloudbrain PASSWORD '{password}';
"""
# The Apache edition runs no background jobs; the one it is born with would only report that, every so often.
_EXTENSION = """\
BEGIN;
CREATE EXTENSION IF NOT EXISTS timescaledb;
DELETE FROM _timescaledb_config.bgw_job WHERE id < 1000;
COMMIT;
"""
_PLAIN = "shared_preload_libraries = ''\n"


def environment() -> dict[str, str]:
    """What a program of PostgreSQL gets: no PG* variable, no foreign libraries, messages in English."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


async def make_cluster(cluster: Path, server: PostgresServer, user: str | None) -> None:
    """Run `initdb` in a folder beside, renamed when whole: a start that was cut off leaves nothing to trip over."""
    new = cluster.with_name(f"{cluster.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if user:
        account = pwd.getpwnam(user)
        os.chown(new, account.pw_uid, account.pw_gid)
    await run_once(
        [
            server.program("initdb"),
            *("--pgdata", HERE if user else new),
            *("--username", ROLE, "--encoding", "UTF8", "--locale", "C", "--data-checksums"),
            *("--auth-local", "peer", "--auth-host", "reject"),
        ],
        cwd=new,
        environment=environment(),
        user=user,
    )
    new.rename(cluster)


def configure(cluster: Path, server: PostgresServer, port: int | None, user: str | None) -> None:
    """Write the settings anew. By the socket only we and root come in as ourselves; TCP asks for a password."""
    names = {"root", *([] if user else [pwd.getpwuid(os.geteuid()).pw_name])}
    files = {
        "postgresql.conf": _CONFIGURATION.format(
            listen="127.0.0.1" if port else "",
            port=port or DEFAULT_PORT,
            timescale=_TIMESCALE if server.timescale else _PLAIN,
        ),
        "pg_hba.conf": f"local all {ROLE} peer map=owner\nlocal all all scram-sha-256\n"
        "host all all 127.0.0.1/32 scram-sha-256\n",
        "pg_ident.conf": "".join(f'owner "{name}" {ROLE}\n' for name in sorted(names)),
    }
    owner = cluster.stat()
    for name, text in files.items():
        new = cluster / f"{name}.new"
        new.unlink(missing_ok=True)
        # The folder belongs to the server's user: as root, never follow a link that was laid there.
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w") as stream:
            stream.write(text)
            os.fchown(file, owner.st_uid, owner.st_gid)
        new.rename(cluster / name)


async def prepare(data_dir: Path, server: PostgresServer, socket_folder: Path, port: int | None) -> None:
    """Make the data base and the password, and remember the dialect. May be cut off and run again."""
    password = secrets.token_hex(24)
    secret = data_dir / "postgresql.password"
    secret.touch(mode=0o600)
    secret.write_text(password + "\n")
    script = _PREPARE.format(extension=_EXTENSION if server.timescale else "", password=password)
    options = ["-Xq", "-v", "ON_ERROR_STOP=1", "-U", ROLE, "-d", "postgres"]
    address = ["-h", str(socket_folder), "-p", str(port or DEFAULT_PORT)]
    await run_once([server.program("psql"), *options, *address], environment=environment(), text=script)
    facts = {
        "dialect": server.dialect,
        "postgresql": server.version,
        "timescaledb": server.timescale,
        "prepared": True,
    }
    new = data_dir / "storage.json.new"
    new.write_text(json.dumps(facts) + "\n")
    new.rename(data_dir / "storage.json")
