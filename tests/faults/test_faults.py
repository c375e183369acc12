"""The short form: each fault once, several on one platform, one check at the end of each platform.

What is asserted is what must hold whatever dies (docs/reference/faults.md); no time is. `make soak` does more of it.
"""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

from tests.faults import campaign, suite
from tests.faults.world import CannotRunError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.campaign import Result

GROUPS = {
    "parts and services die": (
        *("kill-ingest", "kill-postgres", "freeze-scenes", "kill-broker", "kill-scenes", "freeze-ingest", "kill-serve"),
        *("stop-postgres", "restart-broker", "kill-backend", "freeze-postgres", "two-ingest-scenes"),
        *("two-broker-postgres", "two-ingest-broker", "kill-all"),
    ),
    "the data base is far": ("db-reset", "db-slow", "db-narrow", "db-stall", "db-away"),
    "a cable": ("packet-loss", "cable"),
    "a full disk": ("disk-full-all",),
    "the clock jumps": ("clock-ahead", "clock-behind"),
}
"""Of `suite.FAULTS`; dead lines (`db-silent`) take over a minute to be known as dead, so only `make soak` has them."""


def told(result: Result) -> dict[str, list[str]]:
    """The invariants that do not hold, with the first sentences of each."""
    return {name: sentences[:5] for name, sentences in result.broken.items() if sentences}


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_acknowledged_is_lost_and_nothing_is_told_twice(group: str, tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
    faults = [suite.FAULTS[name](False) for name in GROUPS[group]]
    world = suite.WORLDS[faults[0].place](tmp_path)
    try:
        with world:
            result = campaign.run(group, faults, world, seed)
    except CannotRunError as error:
        if os.environ.get("CI") == "true" and os.geteuid() == 0:
            pytest.fail(f"{error}, and under CI as root everything must run")
        pytest.skip(str(error))
    assert told(result) == {}
    assert result.acknowledged == result.sent > 0
    assert result.raised == result.expected > 0


def test_every_fault_is_in_a_group_or_in_the_long_form_alone() -> None:
    grouped = {name for names in GROUPS.values() for name in names}
    assert set(suite.FAULTS) - grouped == {"db-silent", "db-silent-inside", "disk-full"}
