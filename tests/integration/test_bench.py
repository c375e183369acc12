"""The benchmarks run, their counts add up, and they leave nothing behind. No time is asserted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

COMMAND = [sys.executable, "-m", "brain", "bench"]


def bench(tmp_path: Path, *words: str, status: int = 0) -> dict[str, Any]:
    """The JSON of a run, made with scratch folders of its own: they must be empty again after it."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    command = [*COMMAND, *words, "--json", "--history", str(tmp_path / "bench.jsonl")]
    environment = os.environ | {"TMPDIR": str(scratch)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, env=environment, check=False)
    assert done.returncode == status, done.stderr[-3000:]
    assert [p.name for p in scratch.iterdir() if p.name.startswith("cloudbrain-bench-")] == []
    return json.loads(done.stdout)


def numbers(found: dict[str, Any]) -> list[float]:
    return [v for v in found.values() if not isinstance(v, dict)]


def test_ingest_counts_every_message_once(tmp_path: Path) -> None:
    found = bench(tmp_path, "ingest", "--messages", "2000", "--repeats", "1", "--seconds", "1", "--rate", "200")
    got = found["ingest"]
    assert got["ledger"]["received"] == got["ledger"]["stored"] > 2000
    assert got["ledger"]["duplicate"] == got["ledger"]["quarantined"] == 0
    assert got["incidents"] == 0
    assert [r["rows"] for r in got["repeats"]] == [2000]
    assert got["latency"]["publish_to_commit_ms"]["count"] == 200
    assert {"ingest", "nats", "postgresql", "scenes", "serve", "generator"} <= set(got["summary"]["cpu_us_a_message"])
    assert {"ingest", "nats", "postgresql"} <= set(got["memory_mb"])
    assert got["bytes_a_row"]["gas-detector"]["total"] > 50
    assert set(got["stages"]) == {"cut", "decode", "number", "write", "all"}
    assert "safety_production" in got["listening"]["gas-detector"]
    assert all(v >= 0 for v in numbers(got["figures"]))
    assert got["figures"]["stored_per_s"] > 0
    [line] = (tmp_path / "bench.jsonl").read_text().splitlines()
    assert json.loads(line)["figures"] == got["figures"]


def test_packs_and_generated_types_over_mosquitto_are_all_stored(tmp_path: Path) -> None:
    if not Path("/usr/sbin/mosquitto").exists():
        if os.environ.get("CI") == "true":
            pytest.fail("mosquitto is not installed, and under CI everything must run")
        pytest.skip("mosquitto is not installed")
    words = ("--messages", "200", "--repeats", "1", "--seconds", "0", "--shape", "pack", "--types", "5")
    got = bench(tmp_path, "ingest", "--broker", "mosquitto", "--history-rows", "3000", *words)["ingest"]
    assert got["repeats"][0]["rows"] == 200 * 50
    assert got["ledger"]["quarantined"] == 0
    assert got["latency"] is None
    assert "mosquitto" in got["summary"]["cpu_us_a_message"]
    assert got["bytes_a_row"]["bench-0000"]["rows"] > 1000


def test_alert_sees_every_call_on_the_live_stream(tmp_path: Path) -> None:
    got = bench(tmp_path, "alert", "--seconds", "3", "--rate", "100")["alert"]
    assert got["calls"] == got["raised"] == 15
    assert got["ledger"]["stored"] == got["ledger"]["received"]
    assert got["details"]["publish_to_push_ms"]["count"] == 15


def test_query_answers_every_question(tmp_path: Path) -> None:
    got = bench(tmp_path, "query", "--short", "--rows", "3000")["query"]
    assert set(got["queries"]) >= {"device_hour", "box_hour", "latest_100", "incidents_open", "quarantine", "metrics"}
    assert all(q["count"] >= 1 for q in got["queries"].values())


def test_scenes_say_what_they_did_and_a_regression_is_named_and_fails_only_when_asked(tmp_path: Path) -> None:
    found = bench(tmp_path, "scenes", "--short")
    details = found["scenes"]["details"]
    assert details["dispatch"]["raised"] == details["dispatch"]["calls"] > 0
    assert details["quiet"]["steps"] == 0
    assert details["flood"]["steps"] > 0
    assert details["demo"]["rows"] > 0
    assert found["regressions"] == []
    file = tmp_path / "bench.jsonl"
    run = json.loads(file.read_text())
    run["figures"] = {k: v * 1000 if k.endswith(("_per_s", "_times")) else v / 1000 for k, v in run["figures"].items()}
    file.write_text(json.dumps(run) + "\n")
    slower = bench(tmp_path, "scenes", "--short", "--fail-on-regression", "50", status=1)
    assert any("quiet_rows_per_s" in r for r in slower["regressions"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_takes_everything_down(tmp_path: Path, until: Callable[..., Any], number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*COMMAND, "ingest", "--messages", "200000", "--json", "--history", str(tmp_path / "h.jsonl")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    assert process.stderr is not None
    try:
        while "warming up" not in (line := process.stderr.readline()):
            assert line, "it ended before it began"
        below = set(_below(process.pid))
        assert len(below) >= 5
        process.send_signal(number)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.stderr.close()
    until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in below), 20, "the end of what it started")
    assert list(tmp_path.glob("cloudbrain-bench-*")) == []


def _below(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                cells = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(cells[1]) == pid:
                found += [int(entry.name), *_below(int(entry.name))]
    return found


def test_wrong_words_are_refused_with_a_sentence(tmp_path: Path) -> None:
    for words in (("dance",), ("ingest", "--broker", "pigeon"), ("ingest", "--peers", "me", "--messages", "100")):
        done = subprocess.run(
            [*COMMAND, *words, "--history", str(tmp_path / "h")],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert done.stderr.count("\n") <= 2
        assert "name " in done.stderr
