"""What installs the platform: locked by hash, free of addresses, complete."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted([ROOT / "requirements.lock", ROOT / "requirements-dev.lock", *(ROOT / "tools" / "locks").glob("*.lock")])
ADDRESS = re.compile(r"https?://|file://|--(extra-)?index-url|--find-links")


def locked(path: Path) -> dict[str, str]:
    """Package -> version of a lock file."""
    return dict(re.findall(r"^([a-z0-9.-]+)==([^ ;\\]+)", path.read_text(), flags=re.MULTILINE))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_hashes_and_no_address(path: Path) -> None:
    text = path.read_text()
    assert not ADDRESS.search(text)
    entries = re.split(r"\n(?=[a-z0-9])", text.split("\n", 2)[2])
    assert len(entries) == len(locked(path)) > 0
    for entry in entries:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


def test_the_lock_files_hold_what_pyproject_asks_for_and_agree_with_each_other() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    names = {re.match(r"[A-Za-z0-9.-]+", text).group().lower() for text in wanted}  # type: ignore[union-attr]
    tools = project["project"]["optional-dependencies"]["dev"]
    run, dev = locked(ROOT / "requirements.lock"), locked(ROOT / "requirements-dev.lock")
    assert names <= run.keys()
    assert {re.match(r"[A-Za-z0-9.-]+", text).group().lower() for text in tools} <= dev.keys()  # type: ignore[union-attr]
    assert run.items() <= dev.items()


def test_the_browser_code_is_locked_by_hash_and_free_of_addresses() -> None:
    text = (ROOT / "package-lock.json").read_text()
    packages = {name: facts for name, facts in json.loads(text)["packages"].items() if name}
    assert packages
    for name, facts in packages.items():
        assert "resolved" not in facts, name
        assert facts["integrity"].startswith("sha512-"), name
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_every_target_that_help_names_exists() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    targets = re.findall(r"^  make ([a-z]+) ", listed, flags=re.MULTILINE)
    assert {"run", "test", "check", "newcomer", "lock"} <= set(targets)
    recipes = (ROOT / "Makefile").read_text()
    for script in set(re.findall(r"tools/[a-z_]+\.(?:py|sh)", recipes)):
        assert (ROOT / script).exists(), f"the Makefile calls {script}, which is not there"


@pytest.mark.parametrize("path", [".ci/run", "tools/timescale.sh", "tools/newcomer.sh", "tools/lock.sh"])
def test_shell_scripts_run_and_stop_at_the_first_error(path: str) -> None:
    script = ROOT / path
    assert script.stat().st_mode & 0o100
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", script], check=True)
