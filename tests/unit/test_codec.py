"""What saving a state costs in memory."""

from __future__ import annotations

import tracemalloc
import weakref
from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from brain.desk.lookout import Fixes
from brain.pipeline.codec import Memo, pack, unpack


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


@dataclass(frozen=True)
class Said:
    """Something that does not change."""

    text: str
    values: dict[str, float]


def test_what_does_not_change_is_packed_once_and_comes_back_equal() -> None:
    memo = Memo([Said])
    first, second = Said("a", {"x": 1.5}), Said("b", {})
    saved = pack({"said": [first, second, first]}, memo)
    assert unpack(saved, {__name__.partition(".")[0]}) == {"said": [first, second, first]}
    first.values["x"] = 9.0  # nobody does; it shows that the bytes are those of before
    assert pack({"said": [first, second, first]}, memo) == saved
    assert pack({"said": [second]}, memo) == pack({"said": [second]}, Memo([Said]))
    again = pack({"said": [first]}, memo)  # it was not in the packing before, so it is packed anew
    assert unpack(again, {__name__.partition(".")[0]}) == {"said": [Said("a", {"x": 9.0})]}


def test_a_memo_holds_only_what_the_last_packing_held() -> None:
    memo = Memo([Said])
    gone = Said("a", {})
    known = weakref.ref(gone)
    pack([gone], memo)
    del gone
    assert known() is not None
    pack([], memo)
    pack([], memo)
    assert known() is None
