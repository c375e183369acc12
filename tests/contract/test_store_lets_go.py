"""What a store holds on to when its work is done: nothing."""

from __future__ import annotations

import gc
from typing import Any

from brain.store.base import Flush
from tests.contract.store_world import Writer, gas


async def test_a_flush_with_copies_is_let_go_when_it_is_written(sql_store: Any) -> None:
    """An error that holds on to its frames would keep the flush until the collector comes, minutes later."""
    await sql_store.admit([("gas-detector", "G1")])
    writer = await Writer.start(sql_store)
    await writer.write({"gas-detector": [gas(1, 1, lel_pct=1.0)]})
    gc.collect()
    gc.disable()
    try:
        written = await writer.write({"gas-detector": [gas(1, 1, lel_pct=1.0), gas(1, 2, lel_pct=1.0)]})
        assert (written.counts["gas-detector"].stored, written.counts["gas-detector"].duplicate) == (1, 1)
        assert not [o for o in gc.get_objects() if isinstance(o, Flush)]
    finally:
        gc.enable()
