"""What the platform makes of each story: the incidents its file promises, when it promises them, and no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import scenes
from brain.backtest import Progress, backtest_file
from simulators import demo_city
from simulators.file import write_traffic
from simulators.plan import Traffic
from simulators.run import story_names
from simulators.story import load_story

if TYPE_CHECKING:
    from pathlib import Path

START = 1_790_000_000_000_000
SLACK_S = 1.5  # the way of a message, and the whole second of a mark
KNOWN = {policy.event for scene in scenes.load() for policy in scene.policies}


class Step(NamedTuple):
    second: float
    document: dict[str, Any]


def incidents(path: Path, plan: Traffic) -> list[Step]:
    from brain.times import to_us

    write_traffic(path, plan)
    found = backtest_file(demo_city(), path, scenes.load(), {}, Progress(None))
    return [Step((to_us(d["at"]) - START) / 1e6, d) for d in found]


def is_reached(step: Step, promised: dict[str, Any], before: list[Step]) -> bool:
    """The step that raises an incident of this event to this level, or ends it."""
    document = step.document
    if document["event"] != promised["event"]:
        return False
    if promised.get("op") == "clear":
        return bool(document["op"] == "clear")
    former = [s.document["level"] for s in before if s.document["incident"] == document["incident"]]
    return bool(document["level"] == promised["level"] and promised["level"] not in former)


@pytest.mark.parametrize("name", story_names())
def test_the_story_becomes_the_incidents_it_promises(name: str, tmp_path: Path) -> None:
    story = load_story(name)
    promised = [p for p in story.expect if p["event"] in KNOWN]
    last = max([p["at_s"] for p in promised], default=300)
    steps = incidents(tmp_path / "traffic.jsonl", Traffic(name, None, START, None, last + 5))
    for promise in promised:
        times = [s.second for i, s in enumerate(steps) if is_reached(s, promise, steps[:i])]
        assert any(0 <= t - promise["at_s"] <= SLACK_S for t in times), (promise, times)
    assert {s.document["event"] for s in steps} == {p["event"] for p in promised}
    assert all(s.document["simulated"] for s in steps)


def test_repetitions_of_the_first_minute_never_touch_each_other(tmp_path: Path) -> None:
    steps = incidents(tmp_path / "traffic.jsonl", Traffic("first-minute", None, START, 250, 960))
    raised = [s for s in steps if s.document["op"] == "raise"]
    assert [s for s in steps if s.document["op"] in {"reopen", "merge"}] == []
    for event in {s.document["event"] for s in raised}:
        runs = [int(s.second // 300) for s in raised if s.document["event"] == event]
        assert runs == [0, 1, 2, 3]


def test_the_hour_of_history_holds_only_small_things(tmp_path: Path) -> None:
    plan = Traffic("history/last-hour", 1, START, 90, 3600, slower=6)
    steps = incidents(tmp_path / "traffic.jsonl", plan)
    assert steps
    levels = {s.document["level"] for s in steps}
    assert levels <= {"blue", "yellow"}
    leak = [s.document["op"] for s in steps if s.document["event"] == "gas_leak"]
    assert leak[0] == "raise"
    assert leak[-1] == "clear"
