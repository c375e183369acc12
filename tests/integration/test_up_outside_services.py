"""`cloudbrain up` with a data base and a broker that somebody else runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any


async def test_an_existing_data_base_and_mosquitto_serve_as_well(
    any_dsn: str, mosquitto: str, make_platform: Any, sender: Any, until: Any
) -> None:
    platform = make_platform("--dsn", any_dsn, "--mqtt", mosquitto).start()
    assert platform.ready["dsn"] == any_dsn
    assert platform.ready["mqtt"] == mosquitto
    commands = list(platform.children().values())
    assert not [c for c in commands if "nats-server" in c or "bin/postgres" in c]
    with sender(mosquitto) as s:
        for i in range(50):
            body = {"time": datetime.now(UTC).isoformat(), "depth_cm": i}
            s.send(i, f"city/water-level/W-{i}", json.dumps(body))
        s.flush()
    until(lambda: platform.ledger()["stored"] >= 50, 30, "all rows")
    assert sorted(r["depth_cm"] for r in platform.rows(sensor_type="water-level")) == list(range(50))
    assert platform.stop() == 0


def test_a_data_base_that_is_not_there_is_one_sentence(make_platform: Any) -> None:
    import subprocess

    platform = make_platform("--dsn", "postgresql://nobody@127.0.0.1:1/none")
    done = subprocess.run(platform.arguments, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 1
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert "127.0.0.1" in done.stderr
