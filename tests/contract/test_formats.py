"""Walks the folders of the shipped formats: profile, page, samples and what they become."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ingest.decoders import formats
from tests.contract.format_walk import FOLDER, PAGE, load, outcomes, samples, table

if TYPE_CHECKING:
    from pathlib import Path

FOLDERS = sorted(p.parent for p in FOLDER.glob("*/profile.yaml"))


@pytest.mark.parametrize("folder", sorted(p for p in FOLDER.iterdir() if p.is_dir() and p.name != "__pycache__"))
def test_a_folder_is_complete(folder: Path):
    for name in ("profile.yaml", "README.md", "expected.jsonl"):
        assert (folder / name).is_file(), name
    assert [len(lines) for _, lines in samples(folder)]
    page = (folder / "README.md").read_text("utf-8")
    assert page.startswith("# ")
    assert f"cloudbrain sensor-type add {folder.name}" in page
    assert any("一" <= c <= "鿿" for c in page), "a paragraph in Chinese"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_a_profile_says_everything(folder: Path):
    found = load(folder)
    assert found.document["id"] == folder.name
    assert found.sensor_type.topics
    page = (folder / "README.md").read_text("utf-8")
    doubts = [w for w in found.warnings if not (w.startswith("time: none is read") and "time of receipt" in page)]
    if "unit" in {f.name for f in found.sensor_type.fields}:  # rows that tell their own unit have it in a field
        doubts = [w for w in doubts if "a number without a unit" not in w]
    assert doubts == []
    if "into" in found.document:
        return
    for field in found.sensor_type.fields:
        assert field.label.zh, field.name
        assert field.label.en, field.name
        assert f"`{field.name}`" in page


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_samples_become_what_is_expected(folder: Path):
    expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines()]
    assert outcomes(folder) == expected
    assert any("device" in line for line in expected), "a format that never yields a row shows nothing"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
def test_rows_of_a_message_can_be_told_apart(folder: Path):
    rows = [(r["sample"], r["device"], r["time"], r.get("id")) for r in outcomes(folder) if "device" in r]
    keyed = load(folder).sensor_type.key
    assert keyed or len(set(rows)) == len(rows)


def test_what_the_page_lists_is_so():
    listed = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| [`")]
    assert len(listed) > 20
    assert [line for line in listed if line not in table()] == [], "python -m tests.contract.format_walk page"


@pytest.mark.parametrize("name", formats())
def test_the_page_has_a_heading_for_every_decoder_and_says_its_settings(name: str):
    _, _, part = PAGE.read_text("utf-8").partition(f"\n### {name}\n")
    assert part
    told = part.partition("\n### ")[0]
    assert formats()[name].title in told
    assert [s for s in formats()[name].settings if f"`{s}`" not in told] == []
