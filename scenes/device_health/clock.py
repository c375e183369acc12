"""Wrong clocks (D1): a device whose last rows were all far ahead of, or all far behind, the time of receipt.

Its rows keep the time they carry; the notice asks for the clock to be set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from brain.model import Text, microseconds
from brain.scene_api import Fact
from scenes.device_health.notice import notice
from scenes.toolkit.table import grow, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from brain.model import Batch
    from brain.scene_api import Evidence, World
    from scenes.device_health.state import ClockState

__all__ = ["judge_clocks"]


def judge_clocks(state: ClockState, batch: Batch, world: World) -> Iterator[Evidence]:
    """Take the times of a batch."""
    p = world.parameters
    limit = int(p["clock_s"] * 1e6)
    skew = microseconds(batch.time) - microseconds(batch.received_at)
    if not state.slots.used and -limit <= skew.min() and skew.max() <= limit:
        return  # a clock that was never wrong takes no room
    sign = (skew > limit).astype(np.int32) - (skew < -limit).astype(np.int32)
    relevant = np.flatnonzero((sign != 0) | state.slots.have(batch.device))
    if not len(relevant):
        return
    device, sign = batch.device[relevant], sign[relevant]
    rows = state.slots.of(device).astype(np.intp)
    grow(state, state.slots.used)
    least = int(p["clock_rows"])
    for turn in turns(rows):
        row, way = rows[turn], sign[turn]
        streak = state.streak[row]
        state.streak[row] = np.where(way == 0, 0, np.where(streak * way > 0, streak + way, way))
        wrong = np.abs(state.streak[row]) >= least
        for k in np.flatnonzero(wrong != state.told[row]).tolist():
            state.told[row[k]] = wrong[k]
            evidence = _line(batch, int(relevant[turn[k]]), bool(wrong[k]), world)
            if evidence is not None:
                yield evidence


def _line(batch: Batch, i: int, wrong: bool, world: World) -> Evidence | None:
    device = world.registry.by_id(int(batch.device[i]))
    if device is None:
        return None
    p = world.parameters
    time = int(microseconds(batch.time)[i])
    seconds = round((time - int(microseconds(batch.received_at)[i])) / 1e6)
    zh, en = ("快", "ahead") if seconds > 0 else ("慢", "behind")
    if wrong:
        summary = Text(
            f"{device.name} 时钟{zh} {abs(seconds)} 秒，请校时",
            f"{device.name}: clock {abs(seconds)} s {en}; set it",
        )
    else:
        summary = Text(f"{device.name} 时钟已恢复", f"{device.name}: clock is right again")
    facts = (
        Fact("clock_error_s", float(abs(seconds)), ">", p["clock_s"], "s", wrong),
        Fact("rows_in_a_row", p["clock_rows"] if wrong else 0.0, ">=", p["clock_rows"], "1", wrong),
    )
    return notice(
        "device_check", "D1.clock", "clock", device, time, int(batch.position[i]), summary, facts, world, holds=wrong,
        messages=int(p["clock_rows"]), values={"seconds": seconds},
    )  # fmt: skip
