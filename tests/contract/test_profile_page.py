"""The pages on profiles are true: every document compiles, every message becomes what stands below it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from brain.times import to_us
from ingest.decoders import formats
from ingest.preview import Preview, preview
from ingest.profile.functions import FUNCTIONS
from ingest.profile.mapping import KEYS
from ingest.profile.native import sensor_type_from
from ingest.profile.quoting import quoted
from ingest.profile.sources import SOURCE_KEYS
from ingest.profile.stages import INPUTS
from ingest.sensor_types import load_builtin

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "reference" / "profiles.md").read_text()
CHINESE = (DOCS / "reference" / "profiles.zh.md").read_text()
TRIED = (DOCS / "howto" / "tried.md").read_text()
RECEIVED = to_us("2026-07-01T06:00:10Z")
BUILT_IN = {t.id: t for t in load_builtin()}
BLOCK = re.compile(
    r"^```(\w+) (document|fragment|message|rows|refused|ignored)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


class Example(NamedTuple):
    """A document, and its messages each with what is said of it."""

    line: int
    document: str
    steps: list[tuple[str, bytes, dict[str, Any]]]


def examples(page: str) -> list[Example]:
    out: list[Example] = []
    for found in BLOCK.finditer(page):
        _, what, topic, body = found.groups()
        if what in ("document", "fragment"):
            text = body
            if what == "fragment":
                text = "id: fragment\nfamily: meter\nname: {zh: 例, en: Example}\n" + body
                text += "" if "topics:" in body else 'topics: ["x/{device}"]\n'
            out.append(Example(page[: found.start()].count("\n") + 1, text, []))
        elif what == "message":
            out[-1].steps.append((topic, body.rstrip("\n").encode(), {}))
        else:
            out[-1].steps[-1][2][what] = json.loads(body)
    return out


EXAMPLES = examples(PAGE)
CHINESE_EXAMPLES = examples(CHINESE)
TRIED_EXAMPLES = examples(TRIED)


def agrees(got: Preview, said: dict[str, Any]) -> None:
    if "rows" in said:
        assert got.refused is None
        assert len(got.rows) == len(said["rows"])
        for row, wanted in zip(got.rows, said["rows"], strict=True):
            assert {k: row.get(k) for k in wanted} == wanted
    if "refused" in said:
        assert got.refused is not None, got.rows
        assert got.refused[0] == said["refused"]["reason"], got.refused
        assert said["refused"].get("detail", got.refused[1]) == got.refused[1]
    if "ignored" in said:
        assert got.ignored == said["ignored"]


@pytest.mark.parametrize(
    "example",
    [
        *(pytest.param(e, id=f"line-{e.line}") for e in EXAMPLES),
        *(pytest.param(e, id=f"chinese-line-{e.line}") for e in CHINESE_EXAMPLES),
        *(pytest.param(e, id=f"tried-line-{e.line}") for e in TRIED_EXAMPLES),
    ],
)
def test_an_example_becomes_what_the_page_says(example: Example) -> None:
    sensor_type = sensor_type_from(example.document, known=BUILT_IN)
    made = preview(sensor_type, [(t, p) for t, p, _ in example.steps], RECEIVED, known=BUILT_IN.values())
    for got, (_, _, said) in zip(made, example.steps, strict=True):
        assert said
        agrees(got, said)


def test_there_is_an_example_for_each_ability() -> None:
    used = set()
    for example in EXAMPLES:
        document = yaml.safe_load(quoted(example.document))
        used |= document.keys()
        used |= {k for o in document.get("observations", ()) for k in o}
        fields = [
            *document.get("fields", {}).values(),
            *(f for o in document.get("observations", ()) for f in o["fields"].values()),
        ]
        used |= {k for f in fields if isinstance(f, dict) for k in f}
    assert (KEYS | SOURCE_KEYS) - used == {"status", "offset"}  # told in a sentence each


def test_every_function_and_input_is_on_the_page() -> None:
    assert [n for n in FUNCTIONS if f"\n| `{n}` | {FUNCTIONS[n].text} |" not in PAGE] == []
    for page in (PAGE, CHINESE):
        assert [n for n in (*INPUTS, *formats()) if f"`{n}`" not in page] == []


def test_both_pages_tell_every_key_of_a_field() -> None:
    for page in (PAGE, CHINESE):
        assert [k for k in SOURCE_KEYS - {"form", "divide"} if not re.search(rf"`{k}[`:]", page)] == []
