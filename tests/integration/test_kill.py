"""Nothing acknowledged is lost, nothing is counted twice, and the incidents are those of an undisturbed run."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from brain.embedded import pick_port

# `CLOUDBRAIN_KILL_MESSAGES=10000` for the figure of the release note
MESSAGES = int(os.environ.get("CLOUDBRAIN_KILL_MESSAGES", "3000"))
DETECTORS = 20


def messages(seed: int) -> list[tuple[str, str]]:
    """Gas detectors sampled every ten seconds up to now; three of them see a leak, one in ten samples is sent twice."""
    chance = random.Random(seed)
    samples = MESSAGES // DETECTORS
    start = datetime.now(UTC) - timedelta(seconds=10 * min(samples, 340))
    step = timedelta(seconds=10) if samples <= 340 else timedelta(seconds=3400 / samples)
    out = []
    for i in range(samples):
        for d in range(DETECTORS):
            leaking = d < 3 and samples // 3 < i < samples // 2
            value = chance.uniform(52, 70) if leaking else chance.uniform(0.5, 3.0)
            body = {
                "time": (start + i * step).isoformat(),
                "lon": 120.30 + 0.01 * d,
                "lat": 36.08,
                "lel_pct": round(value, 3),
            }
            out.append((f"city/gas-detector/K-{d:02}", json.dumps(body)))
    return out


def live_log(platform: Any, until_at: str) -> list[bytes]:
    """The log of the engine's steps up to a time of receipt, renumbered without the steps of people."""
    lines = []
    for incident in platform.get("/api/v1/incidents", limit=1000)["items"]:
        steps = [
            s
            for s in platform.get(f"/api/v1/incidents/{incident['incident']}/log")["items"]
            if s["op"] in {"raise", "update", "clear", "merge", "cancel", "reopen"} and s["at"] <= until_at
        ]
        for number, step in enumerate(steps, 1):
            step["seq"] = number
            lines.append(msgspec.json.encode(step))
    return sorted(lines)


def backtest(platform: Any, city: Any, *arguments: str) -> list[bytes]:
    """The same from the command."""
    command = [
        *platform.arguments[:3],
        "backtest",
        "--city",
        str(city),
        "--data-dir",
        str(platform.data_dir),
        *arguments,
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    return sorted(done.stdout.splitlines())


@pytest.mark.parametrize("victim", ["ingest", "up"])
def test_acknowledged_messages_are_stored_once_over_kill_9(
    make_platform: Any, sender: Any, until: Any, tmp_path: Any, victim: str
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    print(f"seed {seed}")
    chance = random.Random(seed)
    city = tmp_path / "city.json"
    city.write_text("{}")
    port = str(pick_port(0, explicit=False))
    platform = make_platform("--mqtt-port", port, "--city", str(city)).start()
    began = datetime.now(UTC).isoformat()
    traffic = messages(seed)
    points = sorted(chance.sample(range(len(traffic) // 10, len(traffic) * 9 // 10), 3))
    twice = set(chance.sample(range(len(traffic)), len(traffic) // 10))
    with sender(platform.ready["mqtt"]) as s:
        for i, (topic, body) in enumerate(traffic):
            s.send(i, topic, body)
            if i in twice:
                s.send(i, topic, body)
            if points and i == points[0]:
                points.pop(0)
                if victim == "up":
                    platform.kill()
                    platform = make_platform("--mqtt-port", port, "--city", str(city)).start()
                else:
                    until(partial(platform.parts, "ingest"), 30, "a running ingest")
                    platform.kill_part("ingest")
        s.flush(120)
        acked = set(s.acked)
    assert acked == set(range(len(traffic)))
    until(lambda: platform.try_get("/api/v1/statistics/ingest"), 60, "the ledger's answer")
    until(lambda: platform.ledger()["stored"] >= len(traffic), 60, "every acknowledged message in the table")
    rows = Counter((r["device"], r["time"], r["lel_pct"]) for r in platform.rows(sensor_type="gas-detector"))
    wanted = {(t.rsplit("/", 1)[1], json.loads(b)["time"][:23], json.loads(b)["lel_pct"]) for t, b in traffic}
    assert {(d, t[:23], v) for d, t, v in rows} == wanted
    assert set(rows.values()) == {1}
    ledger = platform.ledger()
    assert ledger["received"] == ledger["stored"] + ledger["duplicate"] + ledger["quarantined"]
    assert ledger["stored"] == len(traffic)
    assert ledger["quarantined"] == 0

    last = max(r["received_at"] for r in platform.rows(sensor_type="gas-detector"))
    again = lambda: backtest(platform, city, "--start", began, "--end", datetime.now(UTC).isoformat())  # noqa: E731
    wanted_log = again()
    assert {json.loads(line)["event"] for line in wanted_log} >= {"gas_leak"}
    until(lambda: len(live_log(platform, last)) >= len(wanted_log), 60, "all steps of the incidents")
    assert live_log(platform, last) == wanted_log
