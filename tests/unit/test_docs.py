"""The reference pages name everything there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main

from brain import errors
from brain.cli import app

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "reference"


def commands() -> list[str]:
    def walk(group: object, path: str) -> list[str]:
        found = []
        for name, command in sorted(group.commands.items()):
            here = f"{path} {name}"
            found += walk(command, here) if hasattr(command, "commands") else [here]
        return found

    return walk(typer.main.get_command(app), "cloudbrain")


@pytest.mark.parametrize("command", commands())
def test_every_command_has_its_heading(command: str) -> None:
    assert f"## {command}\n" in (DOCS / "commands.md").read_text()


def test_no_heading_names_a_command_that_does_not_exist() -> None:
    headings = re.findall(r"^## (cloudbrain .+)$", (DOCS / "commands.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(commands())


def test_every_setting_has_its_heading() -> None:
    sources = [
        p.read_text() for room in ("brain", "ingest", "simulators", "tools") for p in (ROOT / room).rglob("*.py")
    ]
    sources += [p.read_text() for p in (ROOT / "tools").glob("*.sh")]
    named = {n for text in sources for n in re.findall(r"CLOUDBRAIN_[A-Z_]+[A-Z]", text)}
    page = (DOCS / "settings.md").read_text()
    assert named
    assert [n for n in sorted(named) if f"## {n}\n" not in page] == []


def test_every_error_code_is_on_the_page_and_unique() -> None:
    classes = [getattr(errors, name) for name in errors.__all__]
    codes = [c.code for c in classes]
    assert len(set(codes)) == len(codes)
    page = (DOCS / "errors.md").read_text()
    assert [c.__name__ for c in classes if f"| {c.code} | {c.__name__} |" not in page] == []


def test_links_of_the_pages_lead_somewhere() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    missing = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert missing == []


def test_both_readmes_name_the_two_commands_and_the_table() -> None:
    for name in ("README.md", "README.zh-CN.md"):
        text = (ROOT / name).read_text()
        assert "make run" in text
        assert "make test" in text
        assert text.count("|") > 30


def test_architecture_stays_under_300_lines_and_names_tests_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    assert len(text.splitlines()) < 300
    tests = "\n".join(p.read_text() for p in (ROOT / "tests").rglob("test_*.py"))
    named = re.findall(r"`(test_[a-z0-9_]+)`", text)
    assert len(named) >= 8
    assert [n for n in named if f"def {n}(" not in tests] == []


def test_no_python_file_is_over_600_lines() -> None:
    rooms = ("ingest", "brain", "scenes", "simulators", "tests", "tools")
    long = [str(p) for room in rooms for p in (ROOT / room).rglob("*.py") if len(p.read_text().splitlines()) > 600]
    assert long == []
