"""Backtest: recorded traffic or stored history enters, the incident log leaves, at full speed. No broker, no clock.

The same decoder, the same rule for duplicates, the same engine, scenes and desk as live. ``traffic`` reads files,
``feeds`` makes pieces of them or of stored history, ``run`` drives the engine, ``difference`` compares two logs and
``why`` asks a rule why it keeps silent.
"""

from __future__ import annotations

from brain.backtest.difference import Difference, compare
from brain.backtest.feeds import AT_ONCE, Feed, Uniques, city_registry, file_feeds, store_feeds
from brain.backtest.run import (
    Progress,
    Rivals,
    backtest_file,
    backtest_store,
    choose_scenes,
    compare_file,
    compare_log,
    compare_store,
    log_line,
    stored_log,
    take,
)
from brain.backtest.traffic import Recorded, read_traffic
from brain.backtest.why import Question, explain_file, explain_now, explain_store

__all__ = [
    "AT_ONCE",
    "Difference",
    "Feed",
    "Progress",
    "Question",
    "Recorded",
    "Rivals",
    "Uniques",
    "backtest_file",
    "backtest_store",
    "choose_scenes",
    "city_registry",
    "compare",
    "compare_file",
    "compare_log",
    "compare_store",
    "explain_file",
    "explain_now",
    "explain_store",
    "file_feeds",
    "log_line",
    "read_traffic",
    "store_feeds",
    "stored_log",
    "take",
]
