"""Watched children: healed, stopped, never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from datetime import timedelta

import pytest

from brain.embedded import Child
from brain.embedded.children import run_once
from brain.errors import ServiceError

SLEEPER = [sys.executable, "-c", "import signal; print('up', flush=True); signal.pause()"]


class Said:
    """Collects what a child says; `until` waits for a line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._new = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append(line)
        self._new.set()

    async def until(self, text: str, times: int = 1) -> None:
        async with asyncio.timeout(30):
            while sum(text in line for line in self.lines) < times:
                self._new.clear()
                await self._new.wait()


async def gone(pid: int) -> None:
    """Wait until this process has ended."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(process, ended.set)
    try:
        async with asyncio.timeout(30):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(process)
        os.close(process)


async def test_a_killed_child_is_started_again_with_growing_pauses() -> None:
    said = Said()
    async with Child("sleeper", SLEEPER, emit=said) as child:
        for times in (1, 2, 3):
            await said.until("up", times)
            assert child.pid is not None
            os.kill(child.pid, signal.SIGKILL)
        await said.until("up", 4)
        assert child.restarts == 3
    pauses = [line.rpartition(" in ")[2] for line in said.lines if "starting it again" in line]
    assert pauses == ["0.2 s", "0.4 s", "0.8 s"]


async def test_a_child_that_cannot_start_is_a_sentence_with_its_last_words() -> None:
    async def never(child: Child) -> None:
        await asyncio.Event().wait()

    child = Child("broken", [sys.executable, "-c", "raise SystemExit('no such moon')"], ready=never, emit=Said())
    with pytest.raises(ServiceError, match="broken ended with status 1; its last words: no such moon"):
        await child.start()
    assert child.ended.is_set()


async def test_a_child_that_is_never_ready_is_ended() -> None:
    async def never(child: Child) -> None:
        await asyncio.Event().wait()

    child = Child("slow", SLEEPER, ready=never, emit=Said(), start_patience=timedelta(seconds=0.3))
    with pytest.raises(ServiceError, match="not ready in time"):
        await child.start()
    assert child.returncode == -signal.SIGTERM


async def test_a_child_that_ignores_the_stop_is_killed() -> None:
    said = Said()
    stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    stubborn += "while True: signal.pause()"
    child = Child("stubborn", [sys.executable, "-c", stubborn], emit=said, patience=timedelta(seconds=0.2))
    await child.start()
    await said.until("up")
    await child.stop()
    assert child.returncode == -signal.SIGKILL


async def test_a_child_has_a_session_of_its_own_so_that_ctrl_c_does_not_reach_it() -> None:
    async with Child("sleeper", SLEEPER, emit=Said()) as child:
        assert child.pid is not None
        assert os.getsid(child.pid) == child.pid != os.getsid(0)


async def test_a_line_without_an_end_is_cut_and_the_rest_still_flows() -> None:
    said = Said()
    text = "import sys; sys.stdout.write('x' * 300_000 + '\\nlast\\n')"
    async with Child("chatter", [sys.executable, "-c", text], emit=said, restart=False) as child:
        await said.until("last")
        await child.ended.wait()
    assert max(len(line) for line in said.lines) <= 8192


async def test_children_die_with_a_parent_that_is_killed() -> None:
    parent = f"""
import asyncio, sys
from brain.embedded import Child
async def main():
    async with Child("a", {SLEEPER!r}) as a:
        print(a.pid, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert process.stdout is not None
    pid = int(await process.stdout.readline())
    process.kill()
    await process.wait()
    await gone(pid)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may change the user")
async def test_a_child_of_another_user_dies_with_its_parent_too() -> None:
    parent = """
import asyncio
from brain.embedded import Child
async def main():
    command = ["/bin/sh", "-c", "echo $$; id -un; exec sleep 1000"]
    async with Child("a", command, user="nobody", emit=lambda name, line: print(line, flush=True)):
        await asyncio.Event().wait()
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    pid, user = int(await process.stdout.readline()), await process.stdout.readline()
    assert user == b"nobody\n"
    process.kill()
    await process.wait()
    await gone(pid)


async def test_a_program_run_once_gives_its_output_or_a_sentence() -> None:
    assert await run_once(["/bin/cat"], text="hello\n") == "hello"
    with pytest.raises(ServiceError, match="sh failed with status 3; its last words: no"):
        await run_once(["/bin/sh", "-c", "echo no; exit 3"])
