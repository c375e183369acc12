"""The short form: each fault once, several on one platform; nothing acknowledged is lost and nothing is told twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.faults import campaign
from tests.faults.inject import KillIngest
from tests.faults.world import World

if TYPE_CHECKING:
    from pathlib import Path


def test_one(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    with World(tmp_path) as world:
        result = campaign.run("kill -9 ingest", [KillIngest()], world, seed)
    assert result.broken == dict.fromkeys(result.broken, [])
