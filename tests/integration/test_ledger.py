"""The ledger adds up to the message: mixed traffic of a type registered meanwhile, over a kill -9 of ingest."""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import asyncpg

from ingest.service import wall_clock
from tests.integration.ledger_traffic import OVER, PROFILE, WIDER, Traffic, account
from tests.integration.tap import Tap

if TYPE_CHECKING:
    from tests.integration.tap import Delivery

MESSAGES = 5000
IN_DOUBT = 300  # committed and not acknowledged, and as many handed over and not committed
WAIT_FOR_A_LOCK = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


def refused(platform: Any) -> Counter[str]:
    """What waits in the quarantine for the type, by reason."""
    groups = platform.get("/api/v1/quarantine/summary")["items"]
    return Counter({g["reason"]: g["count"] for g in groups if g["sensor_type"] == "basin"})


def levels(platform: Any) -> Counter[int]:
    """Rows of the table by the level they hold, which tells their reading."""
    return Counter(round(r["level_m"] * 1000) for r in platform.rows(sensor_type="basin"))


async def test_the_ledger_adds_up_to_the_message(
    any_dsn: str, broker: str, make_platform: Any, sender: Any, until: Any
) -> None:
    seed = int(os.environ.get("CLOUDBRAIN_SEED", random.SystemRandom().randrange(10**6)))
    print(f"CLOUDBRAIN_SEED={seed}")
    traffic = Traffic(random.Random(seed), wall_clock())
    with Tap(broker) as tap:
        platform = make_platform("--dsn", any_dsn, "--mqtt", tap.url).start()
        status, made = platform.post("/api/v1/sensor-types", {"document": PROFILE})
        assert (status, made["version"]) == (201, 1)

        def ledger() -> dict[str, dict[str, int]]:
            told = (platform.try_get("/api/v1/statistics/ingest") or {"sensor_types": {}})["sensor_types"]
            return {k: told.get(k) for k in ("basin", "hydrant")}

        def books() -> dict[str, dict[str, int]]:
            return {k: a.numbers for k, a in account(traffic.plan, committed()).items()}

        lost: list[int] = []  # what came from here on over this connection died with ingest

        def committed() -> list[Delivery]:
            heard = list(tap.deliveries)
            return [d for i, d in enumerate(heard) if not lost or i < lost[0] or d.connection != lost[1]]

        def settled(messages: int, waiting: int = 0) -> bool:
            firsts = sum(not (d.dup or d.retain) for d in list(tap.deliveries))
            return (firsts, len(tap.waiting)) == (messages, waiting)

        with sender(broker) as mqtt:

            def send(n: int, phase: str) -> None:
                for i, m in enumerate(traffic.messages(n, phase)):
                    mqtt.send(i, m.topic, m.payload, retain=m.retain)
                mqtt.flush()

            half = MESSAGES // 2 - IN_DOUBT
            send(half, "a")
            until(partial(settled, half), 60, "all of the first half acknowledged")
            assert ledger() == books()

            tap.keeping_back = True
            send(IN_DOUBT, "b")
            until(partial(settled, half + IN_DOUBT), 60, "all committed, acknowledged to nobody")
            assert ledger() == books()

            holder, looker = await asyncpg.connect(any_dsn), await asyncpg.connect(any_dsn)
            holding = holder.transaction()
            await holding.start()
            await holder.execute("SELECT FROM brain.head FOR UPDATE")
            lost += len(tap.deliveries), tap.connection
            send(IN_DOUBT, "c")
            until(partial(settled, half + 2 * IN_DOUBT, IN_DOUBT), 60, "all handed over")
            async with asyncio.timeout(30):
                while not (stuck := await looker.fetch(WAIT_FOR_A_LOCK)):
                    await asyncio.sleep(0.01)
            platform.kill_part("ingest")
            for one in stuck:
                await looker.execute("SELECT pg_terminate_backend($1, 5000)", one["pid"])
            tap.keeping_back = False
            await holding.rollback()
            await holder.close()
            await looker.close()
            until(lambda: sum(d.dup for d in tap.deliveries) >= 2 * IN_DOUBT and not tap.waiting, 60, "all once more")
            until(lambda: ledger() == books(), 30, "the ledger after the crash")

            send(MESSAGES - half - 2 * IN_DOUBT, "d")
            until(partial(settled, MESSAGES), 60, "all acknowledged")
        book = account(traffic.plan, committed())
        assert ledger() == {k: a.numbers for k, a in book.items()}
        basin = book["basin"]
        assert min(basin.reasons.values()) > 3
        assert len(basin.reasons) == 11
        assert levels(platform) == basin.stored
        assert refused(platform) == basin.reasons

        status, made = platform.post("/api/v1/sensor-types", {"document": WIDER})
        assert (status, made["version"]) == (201, 2)
        mended = [n for reason, n in basin.refused if reason == "out_of_range"]
        waiting = basin.reasons
        records = waiting.pop("out_of_range")
        status, answer = platform.post("/api/v1/quarantine/retry?reason=out_of_range&sensor_type=basin", {})
        assert (status, answer["queued"]) == (202, records)
        until(lambda: not refused(platform)["out_of_range"], 30, "none of the reason waits")
        assert refused(platform) == waiting
        assert levels(platform) == basin.stored + Counter(OVER + n for n in mended)
        after = ledger()["basin"]
        assert after["stored"] == basin.stored.total() + len(mended)
        assert after["quarantined"] == basin.refused.total()
        assert after["received"] == after["stored"] + after["duplicate"] + after["quarantined"]
        assert platform.stop() == 0
