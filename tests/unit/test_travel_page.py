"""The page of travel tells its parameters as they are; ``EXPECT=write`` writes the tables."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import scenes.travel
from brain.model import LEVELS
from scenes.travel.parameters import PARAMETERS
from scenes.travel.scene import Travel

PAGE = Path(scenes.travel.__file__).parent / "README.md"
HEADS = {
    "zh": "### 参数\n\n| 名称 | 默认值 | 单位 | 含义 | 来源 |\n|---|---|---|---|---|\n",
    "en": "### Parameters\n\n| name | default | unit | what | source |\n|---|---|---|---|---|\n",
}


def table(language: str) -> str:
    rows = (
        f"| `{name}` | {p.default:g} | {p.unit} | {getattr(p.text, language)} | {p.source} |\n"
        for name, p in PARAMETERS.items()
    )
    return HEADS[language] + "".join(rows)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_has_the_table_of_parameters(language: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    if os.environ.get("EXPECT") == "write":
        head = HEADS[language]
        page = re.sub(re.escape(head) + r"(\|.*\n)*", lambda _: table(language), page)
        PAGE.write_text(page, encoding="utf-8")
    assert table(language) in page


def test_the_page_names_every_event_and_level() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [p.event for p in Travel.policies if f"`{p.event}`" not in page] == []
    assert [level.value for level in LEVELS if level.value not in page.lower()] == []
