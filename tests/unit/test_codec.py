"""What saving a state costs in memory."""

from __future__ import annotations

import tracemalloc
from collections import deque
from typing import Any

import numpy as np
import pytest

from brain.desk.lookout import Fixes
from brain.pipeline.codec import pack, unpack


def _one(i: int) -> tuple[Any, ...]:
    return (f"device-{i}", {"at": float(i), "seen": [(i, i + 0.5)] * 4})


def _objects() -> Any:
    out = np.empty(5_000, dtype=object)
    out[:] = [_one(i) for i in range(5_000)]
    return out


@pytest.mark.parametrize(
    "state",
    [
        [_one(i) for i in range(5_000)],
        {i: _one(i) for i in range(5_000)},
        deque((_one(i) for i in range(5_000)), maxlen=6_000),
        _objects(),
        {"desk": {"gas": tuple(_one(i) for i in range(5_000))}, "fixes": Fixes()},
    ],
    ids=["list", "dict", "deque", "objects", "nested"],
)
def test_no_tree_of_the_whole_state_stands_in_memory(state: Any) -> None:
    """A checkpoint a second that needs ten times its bytes makes the process grow with every open incident."""
    pack(state)  # classes are looked up once
    tracemalloc.start()
    try:
        saved = pack(state)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * len(saved)
    back = unpack(saved)
    assert type(back) is type(state)
    assert pack(back) == saved
