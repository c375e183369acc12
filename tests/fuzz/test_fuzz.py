"""A few seconds of fuzzing a target: seeds and blind mutations. ``python -m tests.fuzz.run`` goes on for longer."""

from __future__ import annotations

import os
import random

import pytest

from tests.fuzz.mutate import fuzz, smallest
from tests.fuzz.run import NAMES
from tests.fuzz.targets import TARGETS, seeds_of

SECONDS = float(os.environ.get("CLOUDBRAIN_FUZZ_S", "5"))


def test_every_target_is_run():
    assert set(NAMES) == set(TARGETS)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_breaks(name: str):
    seed = int(os.environ.get("CLOUDBRAIN_SEED", random.SystemRandom().randrange(10**6)))
    print(f"CLOUDBRAIN_SEED={seed}")
    target, seeds = TARGETS[name], seeds_of(name)
    done, found = fuzz(target.fuzz_one, seeds, SECONDS, seed)
    if found is not None:
        pytest.fail(f"{type(found.error).__name__}: {found.error}\n{smallest(target.fuzz_one, found)!r}")
    assert done >= len(seeds)


def test_the_fuzzer_finds_what_is_there():
    def breaks(data: bytes) -> None:
        if b"NaN" in data and data.startswith(b"{"):
            raise KeyError(data)

    _, found = fuzz(breaks, [b'{"lel_pct": 5}'], 20.0, seed=1)
    assert found is not None
    assert smallest(breaks, found) == b"{NaN"
