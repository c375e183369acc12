"""The cases of first aid against windows written by hand: ``expected.jsonl`` can be written anew, these cannot.

``windows.yaml`` beside a case says how many incidents there are and, in order, every step but the periodic ones: when
at the earliest and at the latest (seconds after 01:00:00), op, level, reason, and what of plan, departments, words and
area matters there. Incidents are numbered in order of their raise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

import scenes.first_aid
from brain.city.index import distance_m
from brain.times import to_us

FOLDER = Path(scenes.first_aid.__file__).parent / "cases"
CASES = sorted(p.parent for p in FOLDER.glob("*/windows.yaml"))
T0 = to_us("2026-07-01T01:00:00Z")


def log_of(case: Path) -> list[dict[str, Any]]:
    lines = (case / "expected.jsonl").read_text(encoding="utf-8").splitlines()
    return [s for s in map(json.loads, lines) if s["scene"] == "first_aid" and s["reason"] != "periodic"]


def radius_m(step: dict[str, Any]) -> float:
    lon, lat = step["position"]
    return max(distance_m(lon, lat, x, y) for x, y in step["area"]["coordinates"][0])


@pytest.mark.parametrize("case", CASES, ids=lambda p: p.name)
def test_every_step_falls_into_its_window(case: Path) -> None:
    wanted, log = yaml.safe_load((case / "windows.yaml").read_text(encoding="utf-8")), log_of(case)
    order = list(dict.fromkeys(s["incident"] for s in log))
    assert len(order) == wanted["incidents"]
    got = [(order.index(s["incident"]) + 1, s["op"], s["level"], s["reason"]) for s in log]
    assert got == [(w["incident"], w["op"], w["level"], w["reason"]) for w in wanted["steps"]]
    for step, window in zip(log, wanted["steps"], strict=True):
        low, high = window["within_s"]
        assert low <= (to_us(step["at"]) - T0) / 1e6 <= high, (step["at"], window)
        assert step["event"] == window.get("event", "medical_emergency")
        for key, value in window.get("plan", {}).items():
            if isinstance(value, float | int) and not isinstance(value, bool):
                assert step["plan"][key] == pytest.approx(value, abs=1), (key, window)
            else:
                assert step["plan"][key] == value, (key, window)
        if "act" in window:
            assert step["departments"]["act"] == window["act"]
        if "says" in window:
            assert any(window["says"] in text for text in step["actions"]["en"]), step["actions"]["en"]
        if "radius_m" in window:
            assert radius_m(step) == pytest.approx(window["radius_m"], rel=0.02)


def test_there_are_cases_enough_loud_and_silent_and_each_has_its_windows() -> None:
    folders = sorted(p.parent for p in FOLDER.glob("*/in.jsonl"))
    assert folders == CASES
    assert len(folders) >= 20
