"""One `up` a data folder: a lock that the kernel frees when its holder dies, so that no stale one is ever left."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING, Self

from brain.errors import ConfigurationError, InUseError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["FolderLock"]


class FolderLock:
    """Holds a data folder while entered; makes the folder when it is missing.

    The lock belongs to this process alone: children do not inherit it, and it ends with the process, also by kill -9.

    Args:
        folder: The data folder.

    Raises:
        InUseError: Another process holds it.
        ConfigurationError: The folder cannot be made or written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: int | None = None

    def __enter__(self) -> Self:
        path = self.folder / "lock"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ConfigurationError(
                f"the data folder {self.folder} cannot be used ({error.strerror}); give another one with --data-dir"
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(file)
            raise InUseError(
                f"another cloudbrain (process {holder}) already runs on the data folder {self.folder}; "
                "stop it, or give another folder with --data-dir"
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
