"""The conductor: stored pieces enter, steps of incidents leave.

``engine`` is pure: it cuts pieces at whole seconds of receipt time, gives marks, feeds scenes and lets the desk judge.
``live`` drives it from the store's log, with lease, checkpoint and fencing. ``codec`` turns states into bytes and back.
"""

from __future__ import annotations

from brain.pipeline.engine import Engine

__all__ = ["Engine"]
