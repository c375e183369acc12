"""What was probably meant by an expression that is none: words and signs of other languages. Pure."""

from __future__ import annotations

import ast
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["of_function", "of_key", "of_kind", "of_node", "of_text"]

_MEANT: Final = {
    **dict.fromkeys(("str", "tostring", "string", "format"), "text(x)"),
    **dict.fromkeys(("float", "tonumber", "parsefloat", "double", "num", "decimal"), "number(x)"),
    **dict.fromkeys(("parseint", "toint", "integer", "trunc"), "int(x)"),
    **dict.fromkeys(("hextoint", "fromhex", "unhex"), "int(x, 16) or hex_bytes(x)"),
    **dict.fromkeys(("len", "size", "strlen"), "length(x)"),
    **dict.fromkeys(("coalesce", "default", "ifnull", "nvl", "or_else", "get"), "first(x, otherwise)"),
    **dict.fromkeys(("isnull", "is_null", "empty", "isnan", "isnone"), "missing(x)"),
    **dict.fromkeys(("exists", "defined", "has", "notnull", "is_present"), "present(x)"),
    **dict.fromkeys(("contains", "includes", "any", "some", "indexof"), "'b' in x, or count(list, n == 1) > 0"),
    **dict.fromkeys(("concat", "cat", "append"), 'f"{a}-{b}"'),
    **dict.fromkeys(("substring", "substr", "slice", "left", "right", "mid"), "x[2:10]"),
    **dict.fromkeys(("regex", "regexp", "re_match", "search", "extract"), 'match(x, "^T=(.*)$")[1]'),
    **dict.fromkeys(("findall", "match_all", "scan"), "matches(x, pattern)"),
    **dict.fromkeys(("trim", "rstrip", "lstrip"), "strip(x)"),
    **dict.fromkeys(("startswith", "starts_with", "hasprefix"), "starts(x, 'a')"),
    **dict.fromkeys(("endswith", "ends_with", "hassuffix"), "ends(x, 'a')"),
    **dict.fromkeys(("tolower", "lowercase"), "lower(x)"),
    **dict.fromkeys(("toupper", "uppercase"), "upper(x)"),
    **dict.fromkeys(("if", "iif", "cond", "switch", "case"), "a if test else b, or table: {...}"),
    **dict.fromkeys(("avg", "average"), "mean(x)"),
    **dict.fromkeys(("pow", "power"), "x ** 2"),
    **dict.fromkeys(("delta", "diff", "difference"), "increase(now, last.x)"),
    **dict.fromkeys(("isinstance", "type", "typeof", "is_string"), 'kind(x) == "text"'),
    **dict.fromkeys(
        ("datetime", "date", "strptime", "todate", "parse_time", "timestamp", "epoch"),
        "unix(x), or time: {from: x, as: FORM}",
    ),
    **dict.fromkeys(("now", "utcnow"), "received, or leave time out"),
    **dict.fromkeys(("fromjson", "parsejson", "json_parse", "loads"), "json(x)"),
    **dict.fromkeys(("b64decode", "frombase64", "decode_base64", "atob"), "base64(x)"),
    **dict.fromkeys(("bool", "boolean"), "kind: boolean"),
    **dict.fromkeys(("radians", "degree"), "sin() and cos() take degrees"),
}
_SIGNS: Final = (
    (r"&&", "write and"),
    (r"\|\|", "write or"),
    (r"\?", "write a if test else b"),
    (r"\{\{|\$\{", "write the expression without braces"),
    (r"\$", "the whole message is msg: msg.a.b"),
    (r"(^|[\s(])!(?!=)", "write not"),
    (r"\.\[", "write it.a[0]"),
    (r"\.\d", 'places in lists and keys that begin with a digit stand in brackets: it.list[0], it["1m"]'),
    (r"(?<![=!<>])=(?!=)", "write == to compare"),
    (r"^\s*if\b", "write a if test else b"),
    (r"//|#", "a comment stands behind the value, not in it"),
)  # fmt: skip


_KEYS: Final = {
    **dict.fromkeys(("type", "datatype", "data_type"), "kind"),
    **dict.fromkeys(("path", "source", "src", "value", "expr", "expression", "jsonpath", "key", "field"), "from"),
    **dict.fromkeys(("enum", "options", "allowed"), "values"),
    **dict.fromkeys(("map", "mapping", "lookup", "enum_map", "translate"), "table"),
    **dict.fromkeys(("min", "max", "minimum", "maximum", "low", "high", "limits"), "range"),
    **dict.fromkeys(("factor", "multiplier", "multiply", "gain", "divide_by"), "scale"),
    **dict.fromkeys(("null", "nulls", "null_values", "na", "nan", "invalid", "sentinel"), "missing"),
    **dict.fromkeys(("description", "title", "display_name"), "label"),
    **dict.fromkeys(("timestamp", "ts", "datetime", "event_time"), "time"),
    **dict.fromkeys(("format", "pattern", "form"), "as"),
    **dict.fromkeys(("timezone", "tz", "time_zone", "utc_offset"), "zone"),
    **dict.fromkeys(("location", "geo", "coordinates", "gps", "lat", "lon", "latitude", "longitude"), "position"),
    **dict.fromkeys(("device_id", "device_name", "deviceid", "source_id"), "device"),
    **dict.fromkeys(("foreach", "for_each", "explode", "iterate", "items", "loop", "array"), "each"),
    **dict.fromkeys(("filter", "if", "condition", "where", "match"), "when"),
    **dict.fromkeys(("variables", "vars", "let_in", "define"), "let"),
    **dict.fromkeys(("decoder", "parser", "codec", "encoding", "payload"), "input"),
    **dict.fromkeys(("variants", "rules", "cases", "alternatives"), "observations"),
    **dict.fromkeys(("unique", "id_field", "row_key"), "row_id"),
    **dict.fromkeys(("convert", "unit_in", "source_unit", "from_unit"), "unit_from"),
    **dict.fromkeys(("mandatory", "optional"), "required"),
    **dict.fromkeys(("properties", "measurements", "columns"), "fields"),
    **dict.fromkeys(("drop", "skip", "exclude"), "ignore"),
    **dict.fromkeys(("topic", "topic_filter", "subscribe"), "topics"),
    **dict.fromkeys(("delimiter", "sep", "delim"), "separator"),
    **dict.fromkeys(("names", "head", "columns_names"), "header"),
    **dict.fromkeys(("skip_lines", "skiprows", "skip_rows"), "skip"),
    **dict.fromkeys(("endian", "endianness", "byte_order", "byteorder"), "order"),
}  # fmt: skip
_SAID_IN_FROM: Final = {
    **dict.fromkeys(("default", "fallback", "else"), "first(it.a, 0)"),
    **dict.fromkeys(("regex", "extract", "capture"), 'match(it.a, "T=([0-9.]+)")[1]'),
    **dict.fromkeys(("precision", "digits", "decimals"), "round(it.a, 1)"),
}
_LOOKED_AT: Final = 400  # characters of a payload
_TIMES: Final = {
    **dict.fromkeys(("unix", "epoch", "timestamp", "seconds", "s", "sec", "epoch_s", "posix"), "unix_s"),
    **dict.fromkeys(("ms", "millis", "milliseconds", "epoch_ms", "epoch_millis", "unixms", "unix_millis"), "unix_ms"),
    **dict.fromkeys(("us", "micros", "microseconds", "epoch_us"), "unix_us"),
    **dict.fromkeys(("ns", "nanos", "nanoseconds", "epoch_ns"), "unix_ns"),
    **dict.fromkeys(("iso8601", "iso_8601", "rfc3339", "iso-8601", "datetime", "rfc_3339"), "iso"),
}
_INPUTS: Final = {
    **dict.fromkeys(("plain", "raw", "string", "txt", "utf8", "utf-8"), "text"),
    **dict.fromkeys(("binary", "octets", "bin"), "bytes"),
    **dict.fromkeys(("jsonl", "ndjson", "jsonlines"), "json_lines"),
    **dict.fromkeys(("json5", "hjson"), "lenient_json"),
    **dict.fromkeys(("hexadecimal", "hexstring"), "hex"),
    **dict.fromkeys(("urlencoded", "form-urlencoded", "query"), "form"),
    **dict.fromkeys(("tsv", "delimited"), "csv"),
    **dict.fromkeys(("influx", "lineprotocol", "influxdb"), "line_protocol"),
    **dict.fromkeys(("messagepack",), "msgpack"),
}  # fmt: skip
_KINDS: Final = {
    **dict.fromkeys(("string", "str", "enum", "char", "varchar"), "text"),
    **dict.fromkeys(("int", "integer", "float", "double", "numeric", "long", "real"), "number"),
    **dict.fromkeys(("bool", "flag", "binary"), "boolean"),
}


def of_key(key: str, allowed: Collection[str]) -> str:
    """What to write in place of a key that there is not.

    Example:
        >>> of_key("enum", {"values", "kind"}), of_key("kindd", {"kind"}), of_key("x", {"kind"})
        ('write values', 'did you mean kind?', 'allowed are kind')
    """
    if (meant := _KEYS.get(key.lower())) in allowed:
        return f"write {meant}"
    if "from" in allowed and (said := _SAID_IN_FROM.get(key.lower())) is not None:
        return f"say it in from: {said}"
    near = get_close_matches(key, sorted(allowed), 1)
    return f"did you mean {near[0]}?" if near else f"allowed are {', '.join(sorted(allowed))}"


def of_time(form: str) -> str:
    """What to write in place of a form of time that there is not; empty where nothing is known.

    Example:
        >>> of_time("epoch_ms"), of_time("yyyy-MM-dd HH:mm:ss"), of_time("soon")
        ('; write unix_ms', '; write it with signs of per cent, like %Y-%m-%d %H:%M:%S', '')
    """
    if (meant := _TIMES.get(form.lower())) is not None:
        return f"; write {meant}"
    if re.search(r"yyyy|YYYY|HH|DD|dd/|MM", form):
        return "; write it with signs of per cent, like %Y-%m-%d %H:%M:%S"
    return ""


def of_input(name: object, known: Collection[str]) -> str:
    """What to write in place of an input that there is not; empty where nothing is known.

    Example:
        >>> of_input("JSON", ["json"]), of_input("ndjson", []), of_input("x", ["json"])
        ('; write json', '; write json_lines', '')
    """
    word = str(name).lower()
    meant = word if word in known else _INPUTS.get(word)
    return f"; write {meant}" if meant else ""


def of_payload(payload: str | bytes) -> str:
    """What input a payload wants that is no JSON, or not in its charset; empty where nothing is known.

    Example:
        >>> of_payload("<a/>"), of_payload('{"t": NaN}'), of_payload("soon")
        ('; is it input: xml?', '; input: lenient_json reads what is written by hand', '')
    """
    if isinstance(payload, bytes):
        if payload[:2] == b"\x1f\x8b" or payload[:2] in (b"\x78\x9c", b"\x78\x01", b"\x78\xda"):
            return "; it is compressed; write input: {format: json, compression: gzip}"
        wide = payload[:2] in (b"\xff\xfe", b"\xfe\xff")
        return f"; is it bytes, or another charset, like {'utf-16' if wide else 'gb18030'}?"
    payload = payload[:_LOOKED_AT].lstrip()
    start = payload[:1]
    if start == "<":
        return "; is it input: xml?"
    if start in ("{", "["):
        lines = [line for line in payload.splitlines()[:3] if line.strip()]
        if len(lines) > 1 and all(line.strip()[:1] == start and line.strip()[-1:] in "}]" for line in lines):
            return "; several documents, a line each, are input: json_lines"
        return "; input: lenient_json reads what is written by hand"
    if re.fullmatch(r"\s*(?:[0-9A-Fa-f]{2}[ :]?){4,}\s*", payload):
        return "; is it input: hex?"
    return ""


def of_kind(kind: str) -> str:
    """What to write in place of a kind that there is not."""
    meant = _KINDS.get(kind.lower())
    return f"; write {meant}" if meant else ""


def of_function(name: str, known: Collection[str]) -> str:
    """What to write in place of a function that there is not.

    Example:
        >>> of_function("len", ["length"]), of_function("strp", ["strip"])
        ('write length(x)', 'did you mean strip?')
    """
    if (meant := _MEANT.get(name.lower())) is not None:
        return f"write {meant}"
    near = get_close_matches(name, known, 3, 0.5)
    return f"did you mean {' or '.join(near)}?" if near else "see the functions of the profile reference"


def of_text(text: str) -> str:
    """What to write in place of signs of another language; empty where nothing is known.

    Example:
        >>> of_text("it.a && it.b"), of_text("it.a +")
        ('; write and', '')
    """
    bare = re.sub(r"\"[^\"]*\"|'[^']*'", "''", text)
    return next((f"; {told}" for sign, told in _SIGNS if re.search(sign, bare)), "")


def of_node(node: ast.AST, known: Collection[str]) -> str:
    """What to write in place of a thing of Python's that is not allowed; empty where nothing is known."""
    if isinstance(node, (ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        return "; write map(list, it.a) or filter(list, it.a > 1)"
    if isinstance(node, ast.Lambda):
        return "; write only what is computed: map(list, it.a * 2)"
    if isinstance(node, (ast.Dict, ast.DictComp, ast.Set)):
        return "; a table stands in let: {names: {table: {a: 1}}}, and lookup(names, x) looks into it"
    if isinstance(node, ast.Attribute):
        if node.attr == "get":
            return "; write x.a, or first(x.a, otherwise)"
        if node.attr in known or node.attr.lower() in _MEANT:
            return f"; write {node.attr}(x)" if node.attr in known else f"; {of_function(node.attr, known)}"
    return ""
