"""Expressions without the quotes that YAML wants are read as they are meant; whatever YAML reads rightly stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import ingest
from ingest.profile.quoting import quoted

ROOT = Path(ingest.__file__).parent


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: {from: it[2], unit: m}", {"a": {"from": "it[2]", "unit": "m"}}),
        ("a: {from: first(it.a, it.b), unit: m}", {"a": {"from": "first(it.a, it.b)", "unit": "m"}}),
        ("a: {from: it['em:0'].x}", {"a": {"from": "it['em:0'].x"}}),
        ('a: {from: it["em:0"].x, to: 1}', {"a": {"from": 'it["em:0"].x', "to": 1}}),
        ('a: {from: "on" if it.x else "off"}', {"a": {"from": '"on" if it.x else "off"'}}),
        ('a: "on" if it.x == 1 else "off"  # note', {"a": '"on" if it.x == 1 else "off"'}),
        ('a: f"{it.x}: {it.y}"', {"a": 'f"{it.x}: {it.y}"'}),
        ("a: {from: f'{it.x}, {it.y}', b: 1}", {"a": {"from": "f'{it.x}, {it.y}'", "b": 1}}),
        ('each: [msg.a, {in: it.b[0], when: match(key, "^a[b]{2}$")}]', None),
        ("each: [msg.a, first(it.b, it.c), it.d[0]]", {"each": ["msg.a", "first(it.b, it.c)", "it.d[0]"]}),
        ("each: [msg.a,\n  first(it.b, it.c)]", {"each": ["msg.a", "first(it.b, it.c)"]}),
        (
            'a: [65535, "--", "x" if it.y else "z", {b: c[0]}]',
            {"a": [65535, "--", '"x" if it.y else "z"', {"b": "c[0]"}]},
        ),
        ("topics: [plant/{area}/x, 'b, c', \"d\"]", {"topics": ["plant/{area}/x", "b, c", "d"]}),
        ("a: [[1, 2], [3, 4]]", {"a": [[1, 2], [3, 4]]}),
        ("a: it[0]", {"a": "it[0]"}),
        ("a: 'on' if it.x == 1 else 'off'  # note", {"a": "'on' if it.x == 1 else 'off'"}),
        ("a: 's' in it", {"a": "'s' in it"}),
        ("a: 'it''s [x]'  # note", {"a": "it's [x]"}),
        ("a: 'first\n  second'\nb: 1", {"a": "first second", "b": 1}),
        (
            "a: {zh: 表, en: A vendor's meter, x: it['a'][0]}",
            {"a": {"zh": "表", "en": "A vendor's meter", "x": "it['a'][0]"}},
        ),
        ("a: the site's  # owner's", {"a": "the site's"}),
        ("- {when: it.x in [1, 2], n: 3}", [{"when": "it.x in [1, 2]", "n": 3}]),
        ("a:\n  - when: 'x'\n    b: max_by(it.l, -it.n)", {"a": [{"when": "x", "b": "max_by(it.l, -it.n)"}]}),
        ('a: {"b": "c, d", e: [1, 2], f: {g: h}}', {"a": {"b": "c, d", "e": [1, 2], "f": {"g": "h"}}}),
        ("a: [0, null]  # [", {"a": [0, None]}),
        ("a: {b: [x, y],\n    c: first(p, q)}", {"a": {"b": ["x", "y"], "c": "first(p, q)"}}),
        ("a: >-\n  first(it.a,\n  {x})\nb: {c: d[0]}", {"a": "first(it.a, {x})", "b": {"c": "d[0]"}}),
        ('{"a": {"from": "it[2]", "l": [1, {"x": "y, z"}]}}', {"a": {"from": "it[2]", "l": [1, {"x": "y, z"}]}}),
    ],
)
def test_an_expression_is_one_text(text: str, wanted: Any) -> None:
    got = yaml.safe_load(quoted(text))
    assert got == (wanted or {"each": ["msg.a", {"in": "it.b[0]", "when": 'match(key, "^a[b]{2}$")'}]})
    assert quoted(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/*/profile.yaml")), ids=lambda p: p.parent.name)
def test_documents_that_yaml_reads_rightly_stay_as_they_are(path: Path) -> None:
    text = path.read_text("utf-8")
    assert yaml.safe_load(quoted(text)) == yaml.safe_load(text)
