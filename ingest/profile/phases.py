"""Words of devices for the life of an event -> start, update, end or pulse; the same of a state and the one before.

The words are our own collection of what makers write; a word that is in none of the lists is refused, so that nothing
is guessed: a ``table`` says then what it means. Pure.
"""

from __future__ import annotations

import math
from typing import Any, Final

from ingest.profile.limits import WrongValueError

__all__ = ["PHASES", "phase"]

PHASES: Final = ("start", "update", "end", "pulse")
_TEXTS: Final = {
    "start": """start started starting begin began begun new create created open opened enter entered entry raise raised
    set active activated appear appeared triggered on true yes 1 alarm alarming
    开始 发生 产生 新增 进入 触发 报警 告警 是""",
    "update": """update updated updating ongoing continue continued continuing progress in_progress change changed
    moving still 更新 持续 续报 进行中""",
    "end": """end ended ending stop stopped finish finished close closed clear cleared leave left exit exited lost gone
    delete deleted remove removed reset restore restored recover recovered inactive deactivated resolved
    cancel cancelled canceled off false no 0 normal 结束 解除 恢复 消失 离开 停止 取消 正常 否""",
    "pulse": "pulse once instant instantaneous single 脉冲 瞬时 单次",
}
_WORDS: Final = {word: told for told, words in _TEXTS.items() for word in words.split()}


def _word(value: Any) -> str:
    if isinstance(value, (int, float)) and not (isinstance(value, float) and math.isnan(value)):
        return "start" if value else "end"
    told = _WORDS.get(value.strip().lower().replace(" ", "_").replace("-", "_")) if isinstance(value, str) else None
    if told is None:
        raise WrongValueError(
            f"phase() does not know {value!r:.60}; say what it means with table: {{...: start, ...: update, ...: end}}",
            "not_in_list",
        )
    return told


def phase(value: Any, *before: Any) -> str | None:
    """``start``, ``update``, ``end`` or ``pulse`` of a word; of a state and the one before, what has become of it.

    Example:
        >>> phase("new"), phase("ended"), phase(True, None), phase("on", "on"), phase("off", "on"), phase(0, 0)
        ('start', 'end', 'start', 'update', 'end', None)
    """
    if value is None or value == "":
        return None
    now = _word(value)
    if not before:
        return now
    last = before[0]
    was = last is not None and last != "" and _word(last) in ("start", "update")
    if now == "pulse":
        return now
    if now == "end":
        return "end" if was else None
    return "update" if was else "start"
