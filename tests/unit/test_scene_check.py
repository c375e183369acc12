"""Scenes of others: a scaffold whose failing case says what to do, looks that find each fault, folders and packages."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

import scenes
from brain import scene_check
from brain.backtest import backtest_file
from brain.city import parse_city
from brain.cli import app
from brain.cli.new import make_scene
from brain.errors import ConfigurationError
from brain.scene_check import Finding, cases_of, check_scene
from brain.times import iso
from tests.unit.engine_world import SECOND, T0

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from brain.scene_api import Scene

CONDITION = 'depth >= world.parameters["least_cm"]'
TODO = f"np.zeros(len(rows), bool)  # TODO: {CONDITION}"


@pytest.fixture(autouse=True)
def _no_scene_stays() -> Iterator[None]:
    paths, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = paths
    for name in set(sys.modules) - modules:
        if name.partition(".")[0].startswith("own_"):
            del sys.modules[name]


def made(folder: Path, name: str = "own_water", *changes: tuple[str, str]) -> Path:
    """A scaffold with its condition written, and changes."""
    out = make_scene(name, folder)
    code = out / "scene.py"
    text = code.read_text()
    for before, after in ((TODO, CONDITION), *changes):
        assert before in text
        text = text.replace(before, after)
    code.write_text(text)
    return out


def loaded(folder: Path) -> Scene[Any]:
    (scene,) = scenes.load_folder(folder)
    return scene


def wrong(scene: Scene[Any], *, thorough: bool = False) -> list[Finding]:
    return [f for f in check_scene(scene, thorough=thorough) if f.wrong is not None]


def test_a_scaffold_fails_at_one_case_and_keeps_its_contract_once_the_condition_is_written(tmp_path: Path) -> None:
    folder = str(tmp_path / "own_water")
    assert CliRunner().invoke(app, ["new", "scene", "own_water", "--folder", str(tmp_path)]).exit_code == 0
    said = CliRunner().invoke(app, ["scene", "check", folder, "--quick"])
    assert said.exit_code == 1
    bad = [x for x in said.stdout.splitlines() if x.startswith("BAD")]
    assert len(bad) == 1
    assert "the first missing is the raise of own_water" in bad[0]
    code = tmp_path / "own_water" / "scene.py"
    code.write_text(code.read_text().replace(TODO, CONDITION))
    del sys.modules["own_water"], sys.modules["own_water.scene"]
    assert wrong(loaded(tmp_path / "own_water"), thorough=True) == []


def test_expected_logs_are_written_when_asked_for(tmp_path: Path) -> None:
    folder = made(tmp_path)
    said = CliRunner().invoke(app, ["scene", "check", str(folder), "--quick", "--write"])
    assert said.exit_code == 0, said.stdout
    (line,) = (folder / "cases" / "raises-above-the-threshold" / "expected.jsonl").read_text().splitlines()
    assert json.loads(line)["rule"]["parameters"] == {"least_cm": 20.0, "rows": 3.0}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("import numpy as np\n", "import random\n\nimport numpy as np\n"), "scene.py imports random"),
        (('"least_cm": Par', '"most_cm": Par'), "does not name the parameter `most_cm`"),
        (('"default"),\n        "rows"', '""),\n        "rows"'), "lacks a text in zh or en, or its source"),
        (('("depth_cm",)', '("depth_m",)'), 'column "depth_m"'),
        (("over: dict[int, int]", "over: dict[Any, Any]"), None),
        (("return CLASSState()".replace("CLASS", "OwnWater"), "return {}"), "not its state_type"),
        (("np.isnan(depth[i])", "int(depth[i]) < 0"), "ValueError at rows of NaN"),
        (('event: ClassVar[str] = "own_water"', 'event: ClassVar[str] = "gas_leak"'), "gas_leak is raised by"),
    ],
)  # fmt: skip
def test_each_fault_is_found_and_named(tmp_path: Path, change: tuple[str, str], says: str | None) -> None:
    found = wrong(loaded(made(tmp_path, "own_water", change)))
    if says is None:
        assert found == []
    else:
        assert says in " ".join(str(f.wrong) for f in found)


def test_what_counts_the_rows_of_a_piece_is_found(tmp_path: Path) -> None:
    folder = made(tmp_path, "own_water", ("before + 1 if over[i] else 0", "len(batch)"))
    case = folder / "cases" / "raises-above-the-threshold"
    rows = [json.loads(x) for x in (case / "in.jsonl").read_text().splitlines()]
    together = [r | {"received_at": f"2026-07-01T14:00:50.{k}00+08:00"} for k, r in enumerate(rows)]
    (case / "in.jsonl").write_text("".join(json.dumps(x) + "\n" for x in together))
    assert str(scene_check.check_cuts(loaded(folder), case)).startswith("cutting before rows [")


def test_a_state_that_cannot_be_saved_is_found(tmp_path: Path) -> None:
    change = ("return OwnWaterState()", "return OwnWaterState({0: object()})")
    found = wrong(loaded(made(tmp_path, "own_water", change)))
    assert any("cannot be saved" in str(f.wrong) for f in found)


def test_what_is_kept_outside_the_state_is_found(tmp_path: Path) -> None:
    changes = [("now = state.over[", "now = self.kept["), ("state.over.get(", "self.kept.get(")]
    own = "    def __init__(self) -> None:\n        self.kept: dict[int, int] = {}\n\n    def initial("
    changes.append(("    def initial(", own))
    assert any("saving the state" in str(f.wrong) for f in wrong(loaded(made(tmp_path, "own_water", *changes))))


def test_an_order_of_sets_is_found(tmp_path: Path) -> None:
    change = (
        'summary=Text(f"{device.name} 水位',
        'summary=Text(" ".join({"a", "b", "c", "d", "e", "f"}) + f"{device.name} 水位',
    )
    scene = loaded(made(tmp_path, "own_water", change))
    assert wrong(scene) == []  # one process has one order
    case = next(c for c in cases_of(scene) if c.name.startswith("raises"))
    assert "does it iterate over a set" in str(scene_check.check_hashes(scene, case))


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (['{"op": "raise", "level": "red"}'], 'step 1: level is "yellow", not "red"'),
        (['{"op": "raise"}', '{"op": "clear", "event": "x", "at": "t"}'], "the first missing is the clear of x at t"),
        ([], "one too many is the raise of own_water"),
        (["{"], "truncated"),
    ],
)
def test_a_case_that_differs_says_where(tmp_path: Path, lines: list[str], says: str) -> None:
    folder = made(tmp_path)
    case = folder / "cases" / "raises-above-the-threshold"
    (case / "expected.jsonl").write_text("\n".join(lines))
    assert says in str(scene_check.check_case(loaded(folder), case))


@pytest.mark.parametrize("name", ["Own", "1own", "own-water", "travel", "gas_leak", ""])
def test_a_name_that_does_not_fit_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        make_scene(name, tmp_path)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    make_scene("own_water", tmp_path)
    with pytest.raises(ConfigurationError, match="is there already"):
        make_scene("own_water", tmp_path)


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("own_none", None, "holds no scene.py"),
        ("own-bad", "", "cannot be imported; name the folder"),
        ("own_broken", "1/0", "ZeroDivisionError"),
        ("json", "", 'a package "json" is there already'),
        ("own_empty", "", "brings no scene"),
    ],
)
def test_a_folder_that_cannot_be_used_is_one_sentence(tmp_path: Path, name: str, code: str | None, says: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    if code is not None:
        (folder / "scene.py").write_text(code)
    with pytest.raises(ConfigurationError, match=says):
        scenes.load([folder])


def test_a_folder_and_an_installed_package_bring_scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path)
    monkeypatch.setenv("CLOUDBRAIN_SCENES", str(folder))
    assert scenes.load()[-1].name == "own_water"
    with pytest.raises(ConfigurationError, match='a scene "own_water", which is there already'):
        scenes.load([folder, folder])
    packages = tmp_path / "packages"
    made(packages, "own_noise")
    info = packages / "own_noise-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-noise\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cloudbrain.scenes]\nown_noise = own_noise.scene\n")
    monkeypatch.syspath_prepend(packages)
    assert [s.name for s in scenes.load()][-2:] == ["own_noise", "own_water"]
    (info / "entry_points.txt").write_text("[cloudbrain.scenes]\nown_noise = own_noise.nowhere\n")
    with pytest.raises(ConfigurationError, match=r"entry point own_noise \(own_noise.nowhere\) cannot be imported"):
        scenes.load()


def test_one_package_in_two_districts_judges_the_same_traffic_by_each_ones_thresholds(tmp_path: Path) -> None:
    scene = loaded(made(tmp_path))
    city = parse_city(
        """
        districts:
          - {id: west, polygon: [[120.0, 36.0], [120.5, 36.0], [120.5, 36.5], [120.0, 36.5]]}
          - {id: east, polygon: [[120.5, 36.0], [121.0, 36.0], [121.0, 36.5], [120.5, 36.5]]}
        devices:
          - {id: W-WEST, sensor_type: water-level, lon: 120.3, lat: 36.1}
          - {id: W-EAST, sensor_type: water-level, lon: 120.7, lat: 36.1}
        scenes:
          - {name: own_water, districts: [west], parameters: {least_cm: 15}}
          - {name: own_water, districts: [east], parameters: {least_cm: 30}}
        """,
        scenes=None,
    )
    path = tmp_path / "a.jsonl"
    lines = [
        {
            "received_at": iso(T0 + k * SECOND + 100_000),
            "topic": f"city/water-level/{name}",
            "payload": {"time": iso(T0 + k * SECOND), "depth_cm": 20},
        }
        for k in range(5)
        for name in ("W-WEST", "W-EAST")
    ]
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))
    (step,) = backtest_file(city, path, [scene])
    assert step["evidence"][0]["device"] == "W-WEST"
    assert step["rule"] == {
        "scene": "own_water",
        "version": "1",
        "overlay": "west",
        "parameters": {"least_cm": 15.0, "rows": 3.0},
    }
