"""`cloudbrain up`: one command, one line, no orphans, no surprises."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from datetime import UTC, datetime
from typing import Any

import pytest

from brain.embedded import find_server


def now() -> str:
    return datetime.now(UTC).isoformat()


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=90)


def test_ready_line_names_its_parts_and_nothing_else_is_on_stdout(platform: Any) -> None:
    assert platform.ready["ready"] is True
    assert platform.ready["storage"] == find_server().storage
    assert platform.get("/health/ready")
    assert platform.stop() == 0
    assert len(platform.stdout) == 1


def test_a_message_sent_by_the_command_comes_back_as_a_row_or_a_reason(platform: Any) -> None:
    command = [*platform.arguments[:3], "send", "--data-dir", str(platform.data_dir), "city/gas-detector/MY-1"]
    good = run([*command, '{"lel_pct": 12.5, "lon": 120.38, "lat": 36.07}'])
    assert good.returncode == 0, good.stderr
    assert '"lel_pct": 12.5' in good.stdout
    bad = run([*command, '{"lel_pct": "much"}'])
    assert bad.returncode == 1
    assert "wrong_type" in bad.stderr


def test_a_second_up_on_the_same_folder_is_refused_with_a_sentence(platform: Any) -> None:
    second = run(platform.arguments)
    assert second.returncode == 1
    assert second.stdout == ""
    assert "already runs on the data folder" in second.stderr
    assert platform.get("/health/ready")


@pytest.mark.parametrize("option", ["--port", "--mqtt-port"])
def test_a_taken_explicit_port_is_one_sentence(make_platform: Any, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = list(make_platform().arguments)
        arguments[arguments.index(option) + 1] = port
        done = run(arguments)
    assert done.returncode == 1
    assert port in done.stderr
    assert option in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_city_model_is_one_sentence_that_names_the_place(make_platform: Any, tmp_path: Any) -> None:
    city = tmp_path / "city.yaml"
    city.write_text(
        "roads: {nodes: [{id: A, lon: 120, lat: 36}], links: [{from: A, to: N9, length_m: 1, speed_kmh: 1}]}"
    )
    done = run(make_platform("--city", str(city)).arguments)
    assert done.returncode == 1
    assert 'roads.links[0].to: no node "N9"' in done.stderr
    assert "Traceback" not in done.stderr


def test_children_never_outlive_a_killed_parent_and_the_folder_starts_again(
    make_platform: Any, until: Any, gone: Any
) -> None:
    p = make_platform().start()
    status, answer = p.post("/api/v1/messages/city/water-level/W-1", {"time": now(), "depth_cm": 3})
    assert status == 200, answer
    children = list(p.children())
    assert len(children) >= 5
    p.kill()
    until(lambda: all(gone(pid) for pid in children), 15, "the end of all children")
    again = make_platform().start()
    assert len(again.rows(sensor_type="water-level")) == 1
    assert again.stop() == 0


def test_killed_parts_come_back(platform: Any, until: Any) -> None:
    for name in ("ingest", "scenes", "serve"):
        dead = platform.kill_part(name)
        until(
            lambda name=name, dead=dead: [
                p for p, c in platform.children().items() if f"-m brain {name}" in c and p != dead
            ]
        )
    until(lambda: platform.try_get("/health/ready"), 30, "readiness after the kills")
    status, answer = platform.post("/api/v1/messages/city/water-level/W-2", {"time": now(), "depth_cm": 4})
    assert (status, len(answer["rows"])) == (200, 1)


def test_sigterm_while_starting_ends_it_and_its_children(make_platform: Any, until: Any, gone: Any) -> None:
    p = make_platform().start(wait=False)
    until(lambda: len(p.children()) >= 1, 30, "a first child")
    children = list(p.children())
    os.kill(p.process.pid, signal.SIGTERM)
    assert p.process.wait(30) == 0
    until(lambda: all(gone(pid) for pid in children), 15, "the end of all children")
