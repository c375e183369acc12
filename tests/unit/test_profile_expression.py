"""Expressions of profiles: what they compute, what is missing, what is wrong, and what nobody can make them do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brain.errors import SensorTypeError
from ingest.profile.expression import compile_expression
from ingest.profile.functions import FUNCTIONS, WrongValueError

SAMPLE: dict[str, Any] = {"a": 1, "l": [{"n": 1}, {"n": 2}]}


def run(text: str, it: Any, **names: Any) -> Any:
    """The value of an expression that sees ``names`` besides ``msg``."""
    return compile_expression(text, "here", names)(it, {"msg": it, **names})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_each_function_holds(name: str) -> None:
    text, wanted = FUNCTIONS[name].example
    assert name in text
    assert run(text, SAMPLE) == wanted


@pytest.mark.parametrize(
    ("text", "it", "wanted"),
    [
        ("temp", {"temp": 3}, 3),
        ("it.a.b[1]", {"a": {"b": [1, 2]}}, 2),
        ('msg["em:0"].act', {"em:0": {"act": 7}}, 7),
        ('it["@timestamp"]', {"@timestamp": "x"}, "x"),
        ("list[-1].v", {"list": [{"v": 1}, {"v": 9}]}, 9),
        ("frame[2:4]", {"frame": "abcdef"}, "cd"),
        ('split(name, "_")[0]', {"name": "kwh_total"}, "kwh"),
        ("keys[index]", {"keys": {"x": 4}, "index": "x"}, 4),
        ("-t", {"t": 2}, -2),
        ("v / 10 if s == 1 else v", {"v": 50, "s": 1}, 5.0),
        ("1 < v <= 3", {"v": 3}, True),
        ('kind in ("up", "join")', {"kind": "up"}, True),
        ('kind not in ("up", "join")', {"kind": "ack"}, True),
        ("not missing(v) and v > 2", {"v": 3}, True),
        ('f"https://cameras.example/{id}/{n}.jpg"', {"id": "e-1", "n": 2.0}, "https://cameras.example/e-1/2.jpg"),
        ("raw >> 4 & 15", {"raw": 0xAB}, 0xA),
        ("first(b * 2, a)", {"a": 5}, 5),
        ('first(a.x.y, "none")', {"a": 5}, "none"),
        ("max_by(faces, score).who", {"faces": [{"who": "x", "score": 0.1}, {"who": "y", "score": 0.9}]}, "y"),
        ("find(params, _key == 'b').v", {"params": {"a": {"v": 1}, "b": {"v": 2}}}, 2),
        ("count(rows, ok)", {"rows": [{"ok": True}, {}, {"ok": True}]}, 2),
        ("length", {"length": 4}, 4),  # a function's name is a key like any other where nothing is called
    ],
)
def test_values(text: str, it: Any, wanted: Any) -> None:
    assert run(text, it) == wanted


@pytest.mark.parametrize(
    "text",
    ["gone", "gone.x[1]", "gone * 2", "gone + 1", "2.5 * gone", "-gone", 'f"{gone}"', "number(gone)", "round(gone)",
     "gone - there", "split(gone)[0]", "int(gone, 16)", "max_by(gone, x).y", "gone[1:2]"],
)  # fmt: skip
def test_what_needs_something_absent_is_missing(text: str) -> None:
    assert run(text, {"there": 1}) is None
    assert run(text, {"there": 1, "gone": None}) is None


@pytest.mark.parametrize("text", ["gone > 1", "gone <= 1", "1 < gone < 3", '"a" in gone', 'there > "a"'])
def test_a_comparison_with_something_absent_or_of_another_kind_is_false(text: str) -> None:
    assert run(text, {"there": 1}) is False


def test_one_side_of_or_does_not_hide_the_other() -> None:
    assert run("gone > 1 or there == 1", {"there": 1}) is True


@pytest.mark.parametrize(
    ("text", "it", "told"),
    [
        ("v * 2.5", {"v": "12"}, "here: cannot compute v * 2.5 with v = '12'"),
        ("v + 1", {"v": [1]}, "here: cannot compute v + 1 with v = [1]"),
        ("10 / v", {"v": 0}, "here: cannot compute 10 / v with v = 0"),
        ("number(v)", {"v": "warm"}, "here: 'warm' is no number"),
        ("number(v)", {"v": True}, "here: True is no number"),
        ("number(v)", {"v": "12,345 kWh"}, "may mean two numbers; write number(x, '.')"),
        ("number(v, ';')", {"v": "12,345"}, "the sign of the decimals is a point or a comma"),
        ("v + w", {"v": "x", "w": 1}, "a text and a number are joined in a template"),
        ("seconds(v)", {"v": "P1M"}, "'P1M' is no duration like PT1M30S or 1:30:00"),
        ("seconds(v)", {"v": "PT"}, "is no duration"),
        ("seconds(v)", {"v": "12:30"}, "is no duration"),
        ("xml(v)", {"v": "<r>"}, "'<r>' is no XML that can be read"),
        ("xml(v)", {"v": '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'}, "is no XML that can be read"),
        ("pairs(v, '')", {"v": "a=1"}, "wants the sign between pairs"),
        ("int(v, 16)", {"v": "xyz"}, "here: 'xyz' is no whole number to base 16"),
        ("sqrt(v)", {"v": -1}, "here: -1 has no such value"),
        ("base64(v)", {"v": "%%%"}, "here: '%%%' is no base64"),
        ("json(v)", {"v": "{"}, "here: '{' is no JSON"),
        ("1 << v", {"v": 70}, "here: a shift is by 0 to 63 bits"),
        ("v ** 1000", {"v": 9}, "here: an exponent beyond 64"),
    ],
)
def test_what_is_there_and_wrong_is_told(text: str, it: Any, told: str) -> None:
    with pytest.raises(WrongValueError) as e:
        run(text, it)
    assert told in str(e.value)


def test_inside_of_a_predicate_the_element_is_it_and_other_names_stay() -> None:
    it = {"want": 2, "list": [{"n": 1}, {"n": 2, "v": "here"}]}
    assert run("find(list, n == msg.want).v", it) == "here"
    assert run("find(list, n == topic.n).v", it, topic={"n": 2}) == "here"


def test_numbers_as_devices_write_them() -> None:
    for text, wanted in {
        "21.5": 21.5, "21,5 °C": 21.5, "-3": -3.0, " 7kWh": 7.0, "1'234.5": 1234.5, "1e3": 1000.0, ".5": 0.5, "": None,
    }.items():  # fmt: skip
        assert run("number(v)", {"v": text}) == wanted, text
    assert run("unit(v)", {"v": "21.5°C"}) == "°C"
    assert run("unit(v)", {"v": "21.5"}) is None


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "open('x')",
        "it.a()",
        "msg.items()",
        "().__class__.__bases__[0].__subclasses__()",
        "(lambda: 1)()",
        "[x for x in it]",
        "{'a': 1}",
        "{1, 2}",
        "a := 1",
        "*a",
        "f'{a!r}'",
        "f'{a:>1000000000}'",
        "a is None",
        "~a",
        "a @ b",
        "number(v=1)",
        "number(*a)",
        "number()",
        "number(1, 2, 3)",
        "a[1:2:3]",
        "b'x'",
        "1j",
        "...",
        "yield 1",
        "await a",
        "a; b",
        "import os",
        "",
        "a +",
        "(" * 500,
        "a" * 3000,
        "+".join(["a"] * 400),
        "1" * 100,
        "nothing\0",
    ],
)
def test_what_is_no_expression_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(SensorTypeError) as e:
        compile_expression(text, "fields.x.from")
    assert e.value.path == "fields.x.from"
    assert len(str(e.value)) < 300


def test_attributes_of_python_are_keys_that_are_not_there() -> None:
    for text in (
        "it.__class__",
        "msg.__class__.__mro__",
        "it.keys",
        "v.real",
        "t.__len__",
        "op_get",
        "scope_",
        "f_json",
    ):
        assert run(text, {"v": 1, "t": "x"}) is None, text


def test_a_key_may_bear_any_name() -> None:
    assert run("it.__class__", {"__class__": 3}) == 3
    assert run("None_ if class_ else 1", {"class_": 1, "None_": 2}) == 2


@pytest.mark.parametrize(
    "text",
    ["v * 1000000000", "v + v + v + v", "s * 9999999", "s % 5", "v ** 64 ** 64",
     "9 ** 64 * 9 ** 64 * 9 ** 64 * 9 ** 64",
     'replace(s, "a", s)', "f'{s}{s}{s}{s}{s}'", "1 << 63 << 63", "round(1.5, 999999999)"],
)  # fmt: skip
def test_nothing_grows_without_end(text: str) -> None:
    made = compile_expression(text, "here")
    try:
        value = made({"v": "x" * 100_000, "s": "a" * 60_000})
    except WrongValueError:
        value = None
    assert len(str(value)) <= 262_144


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcn"), inner, max_size=3),
    max_leaves=12,
)
_TEXTS = [f.example[0] for f in FUNCTIONS.values()] + [
    "it.a * it.b", "a + 1.5", "number(a)", "a.b[0].c", "int(a, 16)", "split(a)[0]", "json(a).b", "bits(a, 3, 2)",
    "signed(a, 12)", "max(a)", "sum(a, b)", "find(a, n > b)", "a << b", "a % b", "a // b", "a ** b", 'f"{a}-{b}"',
    "round(a, b)", "text(a)", "a[b]", "a[1:3]", "base64(a)", "hex_bytes(a)", "length(a) > b", "wind_from(a, b)",
]  # fmt: skip
_COMPILED = [compile_expression(text, "here") for text in _TEXTS]


@given(expression=st.sampled_from(_COMPILED), it=_JSON)
def test_whatever_comes_an_expression_ends_with_a_value_or_a_sentence(expression: Any, it: Any) -> None:
    try:
        expression(it)
    except WrongValueError as e:
        told = str(e)
    else:
        return
    assert told.startswith("here: ")


@pytest.mark.parametrize(
    "text", ["only_number(alt) * 0.3048", "-only_number(alt)", "1 - find(l, n == 9).n", "int('') + 1"]
)
def test_what_is_computed_with_what_a_function_did_not_find_is_missing(text: str) -> None:
    assert run(text, {"alt": "ground", "l": [{"n": 1}]}) is None


def test_an_exponent_alone_is_no_number() -> None:
    with pytest.raises(WrongValueError, match="'e1' is no number"):
        run("number(v)", {"v": "e1"})
    assert run("number(v)", {"v": "1.5e3 W"}) == 1500.0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('it.a.split(",")', "write split(x)"),
        ("it.get('a')", "write x.a, or first(x.a, otherwise)"),
        ("[x for x in it.a]", "write map(list, it.a)"),
        ("map(it.a, lambda x: x)", "write only what is computed"),
        ("{'a': 1}[it.b]", "a table stands in let"),
        ("len(it.a)", "write length(x)"),
        ("float(it.a)", "write number(x)"),
        ("coalesce(it.a, 1)", "write first(x, otherwise)"),
        ("lenght(it.a)", "did you mean length"),
        ("it.a && it.b", "write and"),
        ("it.a ? 1 : 2", "write a if test else b"),
        ("it.a = 1", "write == to compare"),
        ("$.a.b", "the whole message is msg"),
        ("it.list.0.v", "it.list[0]"),
        ("if(it.a, 1, 2)", "write a if test else b"),
    ],
)
def test_words_and_signs_of_other_languages_are_told_in_ours(text: str, hint: str) -> None:
    with pytest.raises(SensorTypeError) as told:
        compile_expression(text, "f")
    assert hint in str(told.value)


@pytest.mark.parametrize(
    ("text", "it", "wanted"),
    [
        ("unix(it.t)", {"t": "2026-07-01T06:00:00.5Z"}, 1782885600.5),
        ("unix(it.t)", {"t": 1782885600000}, 1782885600.0),
        ("unix(it.t, it.z)", {"t": "2026-07-01 14:00", "z": 8}, 1782885600.0),
        ("unix(it.t) + it.n * 60", {"t": ""}, None),
        ("matches(it.t, '(\\w)=(\\d)')[1][2]", {"t": "a=1,b=2"}, "2"),
        ("length(matches(it.t, 'z'))", {"t": "a"}, 0),
        ("match(it.t, '\\bT=(\\d+\\.\\d)\\b')[1]", {"t": "xT=1.0 T=2.5"}, "2.5"),
        ('match(it.t, "T=(\\\\d+)")[1]', {"t": "T=25"}, "25"),
    ],
)
def test_times_to_count_from_and_all_that_a_pattern_finds(text: str, it: Any, wanted: Any) -> None:
    assert compile_expression(text, "f")(it) == wanted


@pytest.mark.parametrize(
    ("text", "it", "told"),
    [
        ("unix(it.t)", {"t": "2026-07-01 14:00"}, "names no time zone; write unix(x, Asia/Shanghai"),
        ("unix(it.t, it.z)", {"t": "2026-07-01 14:00", "z": "Mars"}, "'Mars' is no time zone"),
        ("unix(it.t, it.z)", {"t": "2026-07-01 14:00", "z": []}, "is no name of a zone"),
    ],
)
def test_a_time_to_count_from_is_never_guessed(text: str, it: Any, told: str) -> None:
    with pytest.raises(WrongValueError) as refused:
        compile_expression(text, "f")(it)
    assert told in str(refused.value)
    assert refused.value.reason == "bad_time"


def test_a_sign_inside_of_a_text_is_no_hint() -> None:
    with pytest.raises(SensorTypeError) as told:
        compile_expression('it.a + "&&" +', "f")
    assert "write and" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "it", "wanted"),
    [
        ("it.a == true", {"a": True}, True),
        ("it.a != null", {"a": 1}, True),
        ("it.a if it.a else false", {}, False),
        ("it.true", {"true": 4}, 4),
        ('it["null"]', {"null": 5}, 5),
    ],
)
def test_json_words_are_constants_and_keys_of_such_names_stay_keys(text: str, it: Any, wanted: Any) -> None:
    assert compile_expression(text, "f")(it) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("number('12,345', '.')", 12345),
        ("number('12,345', ',')", 12.345),
        ("number('1.234,5', ',')", 1234.5),
        ("number('1.234 kWh', ',')", 1234),
        ("number('1,234,567')", 1234567),
        ("number('1.234.567 m3')", 1234567),
        ("number('0,345')", 0.345),
        ("number('12,3456')", 12.3456),
        ("number('1,5')", 1.5),
        ("number('1.234')", 1.234),
        ("number('２１．５℃')", 21.5),
        ("unit('12,345 kWh')", "kWh"),
        ("number('￥1,234.50元')", 1234.5),
        ("number('$ -3')", -3),
        ("seconds('PT0.5S')", 0.5),
        ("seconds('P1W')", 604800),
        ("seconds('-PT1M30S')", -90),
        ("seconds('1.02:00:00')", 93600),
        ("seconds('')", None),
        ("xml('<a:r xmlns:a=\"u\"><t u=\"K\">2</t></a:r>').r.t['@u']", "K"),
        ("pairs('a=1&b=2', '&').b", "2"),
        ("pairs('a:1', ';', ':').a", "1"),
        ("hypot(2, 3, 6)", 7),
        ("length([1] + it.l)", 3),
    ],
)
def test_numbers_durations_and_documents_in_texts(text: str, wanted: object) -> None:
    assert run(text, {"l": [1, 2]}) == wanted


def test_a_predicate_that_never_looks_at_its_element_is_refused() -> None:
    with pytest.raises(SensorTypeError, match=r"never looks at the element; its own key or parent is it\.key"):
        compile_expression('find(it.l, key == "host").value', "here", ["key"])
    assert run('find(it.l, it.key == "host").value', {"l": [{"key": "host", "value": 1}]}, key=0) == 1
    assert run("find(it.l, n == key).v", {"l": [{"n": 1, "v": 5}]}, key=1) == 5
    assert run("find(it.l, True)", {"l": [7]}) == 7
