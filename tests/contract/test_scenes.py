"""Every scene keeps its contract: its cases give the log that lies beside them, and how it is fed changes nothing.

The looks are those of ``cloudbrain scene check`` (``brain/scene_check.py``). ``EXPECT=write`` writes what comes out of
a case beside what went in; read the difference before it is committed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import scenes
from brain import scene_check
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from pathlib import Path

    from brain.scene_api import Scene

SCENES = scenes.built_in()
CASES = [(scene, case) for scene in SCENES for case in scene_check.cases_of(scene)]
NAMES = [f"{scene.name}/{case.name}" for scene, case in CASES]
KEYS = [
    *("at", "seq", "op", "incident", "scene", "event", "level", "certainty", "reason", "position", "area"),
    *("departments", "evidence", "report_count", "count", "plan", "headline", "actions", "rule", "simulated"),
]
each_case = pytest.mark.parametrize(("scene", "case"), CASES, ids=NAMES)
each_scene = pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.name)


@each_case
def test_a_case_gives_the_log_beside_it(scene: Scene[Any], case: Path) -> None:
    if os.environ.get("EXPECT") == "write":
        scene_check.write_expected(scene, case)
    assert scene_check.check_case(scene, case) is None
    for line in (case / "expected.jsonl").read_bytes().splitlines():
        assert list(msgspec.json.decode(line)) == KEYS


@each_case
def test_where_pieces_are_cut_changes_nothing(scene: Scene[Any], case: Path) -> None:
    assert scene_check.check_cuts(scene, case) is None


@each_case
def test_saving_and_going_on_changes_nothing(scene: Scene[Any], case: Path) -> None:
    assert scene_check.check_saving(scene, case) is None


@each_scene
def test_hashes_of_texts_change_nothing(scene: Scene[Any]) -> None:
    largest = max(scene_check.cases_of(scene), key=lambda c: (c / "expected.jsonl").stat().st_size)
    assert scene_check.check_hashes(scene, largest) is None


@each_scene
def test_a_scene_survives_nothing_nan_and_unknown_devices(scene: Scene[Any]) -> None:
    assert scene_check.check_survival(scene) is None
    known = {t.id for t in load_builtin()}
    assert {i.sensor_type for i in scene.interests} <= known


@each_scene
def test_a_scene_has_a_page_and_reaches_nothing_outside(scene: Scene[Any]) -> None:
    assert scene_check.check_page(scene) is None
    assert scene_check.check_purity(scene) is None


@each_scene
def test_a_scene_has_a_loud_case_and_a_silent_one(scene: Scene[Any]) -> None:
    found = dict(scene_check.check_scene_itself(scene))
    assert [wrong for wrong in found.values() if wrong] == []


def test_events_belong_to_one_scene_each() -> None:
    events = [policy.event for scene in SCENES for policy in scene.policies]
    assert len(events) == len(set(events))
