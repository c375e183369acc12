"""Child processes that are watched: started, healed when they die, stopped in order, and never left behind.

A child is told by the kernel when its parent dies (`_launch.py`), so that kill -9 of the parent leaves nothing behind.
It has a session of its own, so that Ctrl-C in a terminal reaches the parent alone, which stops its children in order.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import signal
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from brain.errors import ServiceError

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["Child", "Emit", "run_once"]

Emit = Callable[[str, str], None]
"""Takes the name of a child and one line that it (or its watcher) wrote."""

_LAUNCH = Path(__file__).with_name("_launch.py")
_LONGEST_LINE = 8192
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 10.0
_SETTLED = 30.0  # a child that lived this long has recovered: its next death starts again with the shortest pause


def to_stderr(name: str, line: str) -> None:
    """The default `Emit`."""
    print(f"{name:>10} | {line}", file=sys.stderr, flush=True)  # noqa: T201 - stderr is where logs go


class Child:
    """One watched process. Enter to start it and wait until it is ready; leave to stop it.

    Lives on one event loop and must be started from a thread that lives as long as the process (the kernel ties a
    child to the thread that started it); the main thread does.

    Args:
        name: What its log lines are marked with.
        command: Program (an absolute path) and arguments.
        cwd: Its working folder.
        environment: Its whole environment; None passes on ours.
        user: The user to run as; only root may name one.
        stop_signal: What asks it to end.
        death_signal: What the kernel sends it when we die. Must end it soon.
        patience: How long it may take to end before it is killed.
        start_patience: How long it may take to become ready.
        before: Run before every start and restart.
        ready: Returns when the child can be used; raced against its death.
        emit: Takes its log lines.
        restart: Whether it is started again when it dies.

    Example:
        >>> async def main() -> int:
        ...     async with Child("echo", [sys.executable, "-c", "input()"], restart=False) as child:
        ...         await child.ended.wait()  # stdin is empty: input() fails and the child ends
        ...     return child.restarts
        >>> asyncio.run(main())
        0
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        patience: timedelta = timedelta(seconds=30),
        start_patience: timedelta = timedelta(seconds=60),
        before: Callable[[], Awaitable[None]] | None = None,
        ready: Callable[[Child], Awaitable[None]] | None = None,
        emit: Emit | None = None,
        restart: bool = True,
    ) -> None:
        self.name = name
        self.command = tuple(str(part) for part in command)
        self.restarts = 0
        self.ended = asyncio.Event()
        """Set when it has ended for good: it was stopped, or it died and is not restarted."""
        self._cwd, self._environment, self._user = cwd, environment, user
        self._stop_signal, self._death_signal = stop_signal, death_signal
        self._patience, self._start_patience = patience.total_seconds(), start_patience.total_seconds()
        self._before, self._ready = before, ready
        self._emit = emit or to_stderr
        self._restart = restart
        self._stopping = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._lines: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._recent: deque[str] = deque(maxlen=20)

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    @property
    def returncode(self) -> int | None:
        """How it ended last; None while it runs."""
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            ServiceError: It ended, or was not ready in time; names its last words.
        """
        try:
            await self._spawn()
        except BaseException:
            await self._end()
            self.ended.set()
            raise
        self._watch = asyncio.create_task(self._keep_alive(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """Ask it to end, wait, kill it when it does not. Does nothing when it has ended."""
        self._stopping.set()
        if self._watch:
            await self._watch
        self.ended.set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()

    async def _spawn(self) -> None:
        if self._before:
            await self._before()
        read, write = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *_launcher(self.command, self._user, self._death_signal),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                cwd=self._cwd,
                env=self._environment,
                start_new_session=True,
            )
        except BaseException:
            os.close(read)
            raise
        finally:
            os.close(write)
        # A pipe of our own, not asyncio's: a grandchild that holds it open must not hide that the child has died.
        self._lines = asyncio.create_task(self._forward(read), name=f"log of {self.name}")
        if self._ready:
            await self._until_ready(self._process, self._ready)

    async def _until_ready(
        self, process: asyncio.subprocess.Process, check: Callable[[Child], Awaitable[None]]
    ) -> None:
        ready = asyncio.ensure_future(check(self))
        died = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(self._stopping.wait())
        waiting: set[asyncio.Future[Any]] = {ready, died, stopped}
        try:
            await asyncio.wait(waiting, timeout=self._start_patience, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()
            if ready.done() or stopped.done():
                return
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        await self._end()
        what = (
            f"ended with status {self.returncode}" if died.done() and not died.cancelled() else "was not ready in time"
        )
        raise ServiceError(f"{self.name} {what}; its last words: {' / '.join(self._recent) or 'none'}")

    async def _keep_alive(self) -> None:
        """Start it again whenever it dies, with growing pauses, until it is told to stop."""
        stopped = asyncio.create_task(self._stopping.wait())
        pause = _FIRST_PAUSE
        try:
            while True:
                started = time.monotonic()
                if self._process:
                    died = asyncio.create_task(self._process.wait())
                    await asyncio.wait({died, stopped}, return_when=asyncio.FIRST_COMPLETED)
                    died.cancel()
                if stopped.done():
                    return
                await self._end()
                if not self._restart:
                    return
                pause = _FIRST_PAUSE if time.monotonic() - started > _SETTLED else pause
                self._emit(self.name, f"ended with status {self.returncode}; starting it again in {pause:.1f} s")
                await asyncio.wait({stopped}, timeout=pause)
                if stopped.done():
                    return
                pause = min(pause * 2, _LONGEST_PAUSE)
                self.restarts += 1
                try:
                    await self._spawn()
                except (ServiceError, OSError) as error:
                    self._emit(self.name, str(error))
        finally:
            stopped.cancel()
            await self._end()
            self.ended.set()

    async def _end(self) -> None:
        """The process is gone and its log is read to the end when this returns."""
        process, lines = self._process, self._lines
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(self._stop_signal)
            try:
                await asyncio.wait_for(process.wait(), self._patience)
            except TimeoutError:
                self._emit(self.name, f"did not end in {self._patience:.0f} s and is killed")
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if lines:
            await asyncio.wait({lines}, timeout=1)
            lines.cancel()
            await asyncio.gather(lines, return_exceptions=True)
            self._lines = None

    async def _forward(self, descriptor: int) -> None:
        stream = asyncio.StreamReader()
        pipe = os.fdopen(descriptor, "rb", buffering=0)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), pipe
        )
        rest = b""
        try:
            while chunk := await stream.read(65536):
                *whole, rest = (rest + chunk).split(b"\n")
                for line in whole:
                    self._take(line)
                if len(rest) > _LONGEST_LINE:
                    self._take(rest)
                    rest = b""
        finally:
            transport.close()
            if rest:
                self._take(rest)

    def _take(self, line: bytes) -> None:
        text = line[:_LONGEST_LINE].decode(errors="replace").rstrip()
        if text:
            self._recent.append(text)
            self._emit(self.name, text)


async def run_once(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    user: str | None = None,
    text: str = "",
) -> str:
    """Run a program to its end with a text as its input, and return what it printed. It, too, dies with us.

    Raises:
        ServiceError: It failed; names its last words.
    """
    process = await asyncio.create_subprocess_exec(
        *_launcher([str(part) for part in command], user, signal.SIGKILL),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=cwd,
        env=environment,
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate(text.encode())
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    said = output.decode(errors="replace").strip()
    if process.returncode:
        words = " / ".join(said.splitlines()[-8:]) or "none"
        raise ServiceError(f"{Path(command[0]).name} failed with status {process.returncode}; its last words: {words}")
    return said


def _launcher(command: Sequence[str], user: str | None, death_signal: signal.Signals) -> list[str]:
    account = pwd.getpwnam(user) if user else None
    who = [str(account.pw_uid), str(account.pw_gid)] if account else ["-", "-"]
    return [sys.executable, "-I", "-S", str(_LAUNCH), str(os.getpid()), str(int(death_signal)), *who, *command]
