"""The functions of profile expressions. Pure; each bounded in time and size.

A function answers ``None`` where what it was given is missing. It raises ``WrongValueError`` where a value is there and
wrong, in a sentence that shows the value.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import re2

from ingest.profile import conversions as to
from ingest.profile import elements as each
from ingest.profile.clock import time_reader, zone_named
from ingest.profile.limits import LONGEST, MENDED, MOST_STEPS, STEPS, Steps, WrongValueError, charge
from ingest.profile.phases import phase
from ingest.profile.values import counts, is_number, text_of

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "FUNCTIONS",
    "LAZY",
    "LONGEST",
    "MENDED",
    "MOST_STEPS",
    "OVER_ELEMENTS",
    "STEPS",
    "Function",
    "Steps",
    "WrongValueError",
    "compiled_pattern",
    "is_number",
    "text_of",
]

_NUMBER: Final = re.compile(
    r"\s*([+-]?(?:\d{1,3}(?:[ \u00a0_']\d{3})+|\d+)?(?:[.,]\d+)?(?:[eE][+-]?\d{1,3})?)\s*"
    r"((?![\d.,]|x[0-9a-fA-F]).*?)?\s*",
    re.DOTALL | re.ASCII,
)
_EITHER: Final = re.compile(r"\s*[+-]?[1-9]\d{0,2},\d{3}(?![\d.,])", re.ASCII)  # 12,345, but not 0,345 or 12,3456
_TWICE: Final = re.compile(r"\s*[+-]?[1-9]\d{0,2}(?:([.,])\d{3})(?:\1\d{3})+(?![\d.,])", re.ASCII)  # 1,234,567
_WIDE: Final = str.maketrans("０１２３４５６７８９．，－＋", "0123456789.,-+")
_MONEY: Final = " ¥￥$€£"  # in front of a number
_LONGEST_NUMBER: Final = 100
_LONGEST_NAME: Final = 128
_PATTERN_BYTES: Final = 1 << 20
_PLAIN_NUMBER: Final = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?\s*", re.ASCII)
_KINDS: Final[tuple[tuple[str, tuple[type, ...]], ...]] = (
    ("boolean", (bool,)),
    ("number", (int, float)),
    ("text", (str,)),
    ("list", (list, tuple)),
    ("bytes", (bytes,)),
)


def _replace(value: str, old: str, new: str) -> str:
    if not old:
        return value
    if len(value) + value.count(old) * max(0, len(new) - len(old)) > LONGEST:
        raise WrongValueError(f"a text of more than {LONGEST} characters is too long")
    return value.replace(old, new)


# -- functions ---------------------------------------------------------------------------------------------------------


class Function:
    """A function of expressions, with how many values it takes and one example that tests run.

    Example:
        >>> FUNCTIONS["number"]("21,5 °C"), FUNCTIONS["number"].arity
        (21.5, (1, 2))
    """

    __slots__ = ("_run", "arity", "example", "text")

    def __init__(self, run: Callable[..., Any], low: int, high: int, text: str, example: tuple[str, Any]) -> None:
        self._run = run
        self.arity = (low, high)
        self.text = text
        self.example = example

    def __call__(self, *values: Any) -> Any:
        """Run it; it was compiled with as many values as it takes."""
        for value in values:
            charge(value)
        return self._run(*values)


def _one_sign(text: str, decimals: str | None) -> str:
    """Without the signs between thousands: those that come twice, are not of the decimals, or come first of two kinds.

    Raises:
        WrongValueError: There is one comma, and it may be either.
    """
    if decimals is not None:
        if decimals not in (".", ","):
            raise WrongValueError(f"the sign of the decimals is a point or a comma, not {decimals!r:.20}")
        return text.replace("," if decimals == "." else ".", "")
    if _EITHER.match(text):
        told = "number(x, '.') where it is thousands, number(x, ',') where it is decimals"
        raise WrongValueError(f"{text[:60]!r:.62} may mean two numbers; write {told}")
    if (twice := _TWICE.match(text)) is not None:
        return text.replace(twice[1], "")
    if "," in text and "." in text:
        if re.match(r"\s*[+-]?\d{1,3}(\.\d{3})+,\d", text):
            return text.replace(".", "")
        if re.match(r"\s*[+-]?\d{1,3}(,\d{3})+\.\d", text):
            return text.replace(",", "")
    return text


def _quantity(value: Any, one_sign: Callable[[str], str]) -> tuple[float | None, str]:
    """A number and what stands behind it; ``one_sign`` leaves at most one point or comma in its text."""
    if value is None or value == "":
        return None, ""
    if isinstance(value, bool):
        raise WrongValueError(f"{value!r} is no number")
    if isinstance(value, (int, float)):
        return (None, "") if math.isnan(value) else (float(value), "")
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER:
        value = value.lstrip(_MONEY)
        found = _NUMBER.fullmatch(one_sign(value if value.isascii() else value.translate(_WIDE)))
        if found and any(c.isdigit() for c in re.split("[eE]", found[1])[0]):  # e1 is no number
            number = float(re.sub(r"[ \u00a0_']", "", found[1]).replace(",", "."))
            if math.isfinite(number):
                return number, found[2] or ""
    raise WrongValueError(f"{str(value)[:60]!r:.62} is no number, also without its unit")


def _number(value: Any, decimals: str | None = None) -> float | None:
    if decimals is None and type(value) is str and len(value) <= _LONGEST_NUMBER and _PLAIN_NUMBER.fullmatch(value):
        number = float(value)  # most texts hold nothing else
        if math.isfinite(number):
            return number
    return _quantity(value, lambda text: _one_sign(text, decimals))[0]


def _unit(value: Any) -> str | None:
    either = isinstance(value, str) and _EITHER.match(value)  # whichever it means, its unit is the same
    return _quantity(value, lambda text: text if either else _one_sign(text, None))[1] or None


def _of_text(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` for texts, ``None`` for ``None``."""

    def made(value: Any, *more: Any) -> Any:
        return None if value is None else run(text_of(value), *more)

    return made


def _of_number(run: Callable[..., Any]) -> Callable[..., Any]:
    """``run`` for numbers, ``None`` where one is missing or there is no result."""

    def made(*values: Any) -> Any:
        if any(v is None for v in values):
            return None
        if not all(is_number(v) for v in values):
            raise WrongValueError(f"{values[0]!r:.60} is no number")
        try:
            return run(*values)
        except (ValueError, OverflowError):
            raise WrongValueError(f"{values[0]!r:.60} has no such value") from None

    return made


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    for kind, types in _KINDS:
        if isinstance(value, types):
            return kind
    return "object"


def _only_number(value: Any) -> float | None:
    """A number, or a text that holds a number and nothing else; None for all else."""
    if isinstance(value, str) and len(value) <= _LONGEST_NUMBER and _PLAIN_NUMBER.fullmatch(value):
        value = float(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if number and math.isfinite(value) else None


def _only_text(value: Any) -> str | None:
    """What ``only_number`` leaves: texts and truth values as they are, lists and objects as JSON."""
    if value is None or value == "" or _only_number(value) is not None:
        return None
    return to.json_text(value) if isinstance(value, (dict, list, tuple)) else text_of(value)


def _split(value: str, separator: str | None = None) -> list[str]:
    if separator == "":
        raise WrongValueError("split() wants a separator, or none for blanks")
    return value.split(separator)


def _length(value: Any) -> int | None:
    return len(value) if isinstance(value, (str, bytes, list, tuple, dict)) else None


def _bearing(u: float, v: float) -> float:
    return math.degrees(math.atan2(-u, -v)) % 360.0


def _name_of(value: str) -> str | None:
    text = "".join(c for c in value if c.isprintable() or c.isspace())
    return re.sub(r"[\s/+#]+", "_", text.strip())[:_LONGEST_NAME].strip("_") or None


@lru_cache(maxsize=1024)
def compiled_pattern(pattern: str) -> Any:
    """A pattern of RE2, which takes time in proportion to the text whatever the pattern.

    Raises:
        WrongValueError: It is none.
    """
    options = re2.Options()
    options.max_mem, options.log_errors = _PATTERN_BYTES, False
    try:
        return re2.compile(pattern, options)
    except re2.error as e:
        told = e.args[0].decode(errors="replace") if e.args and isinstance(e.args[0], bytes) else str(e)
        raise WrongValueError(f"{pattern[:60]!r:.62} is no pattern: {told}") from None


def _match(value: str, pattern: str) -> list[str | None] | None:
    found = compiled_pattern(pattern).search(value)
    return None if found is None else [found.group(0), *found.groups()]


def _matches(value: str, pattern: str) -> list[list[str | None]]:
    out = []
    for found in compiled_pattern(pattern).finditer(value):
        STEPS.spend(1)
        out.append([found.group(0), *found.groups()])
    return out


@lru_cache(maxsize=256)
def _reader_of(zone: str | float | None) -> Callable[..., int]:
    return time_reader("auto", None if zone is None else zone_named(zone), "")


def _unix(value: Any, zone: Any = None) -> float | None:
    """Seconds since 1970 of a time in one of the usual forms."""
    if value is None or value == "":
        return None
    if zone is not None and not isinstance(zone, (str, int, float)):
        raise WrongValueError(f"{zone!r:.60} is no name of a zone and no offset", "bad_time")
    try:
        return _reader_of(zone)(value) / 1_000_000
    except ValueError as e:
        raise WrongValueError(str(e).replace("give the profile one, like zone:", "write unix(x,"), "bad_time") from None


def _increase(now: Any, last: Any) -> float | None:
    """How much a counter grew; one that fell has begun again from nothing."""
    if now is None or last is None:
        return None
    if not (counts(now) and counts(last)):
        raise WrongValueError(f"{now!r:.40} and {last!r:.40} are no counters")
    return float(now - last if now >= last else now)


LAZY: Final = frozenset({"first", "missing", "present"})
"""Functions whose values are computed one by one; what fails is as if missing."""
OVER_ELEMENTS: Final = frozenset({"find", "filter", "map", "max_by", "min_by", "count"})
"""Functions whose second value is computed of each element, as ``it``."""

FUNCTIONS: Final[dict[str, Function]] = {
    "first": Function(each.first_of, 1, 20, "the first value that is there", ("first(it.b, it.a, 0)", 1)),
    "missing": Function(
        each.is_missing, 1, 1, "whether a value is absent, null, empty or NaN",
        ("missing(it.b)", True),
    ),
    "present": Function(each.is_present, 1, 1, "the opposite of missing", ("present(it.a)", True)),
    "number": Function(
        _number, 1, 2,
        "the number of a text, also before a unit or with a comma; the second value is the sign of the decimals",
        ('number("1 021,5 hPa")', 1021.5),
    ),
    "unit": Function(
        _unit, 1, 1, "the unit behind a number", ('unit("1 021,5 hPa")', "hPa")
    ),
    "seconds": Function(
        to.seconds, 1, 1, "of a duration, like `PT1M30S` or `1:30:00`", ('seconds("PT1M30S")', 90.0)
    ),
    "unix": Function(
        _unix, 1, 2, "seconds since 1970 of a time, in a zone where it names none; to count from",
        ('unix("2026-07-01T14:00:00", "+08:00")', 1782885600.0),
    ),
    "int": Function(lambda v, base=10: to.whole(v, base), 1, 2, "a whole number, to a base", ('int("1f", 16)', 31)),
    "text": Function(_of_text(str), 1, 1, "a text of a number or truth value", ("text(7.0)", "7")),
    "lower": Function(_of_text(str.lower), 1, 1, "small letters", ('lower("AB")', "ab")),
    "upper": Function(_of_text(str.upper), 1, 1, "capital letters", ('upper("ab")', "AB")),
    "strip": Function(
        _of_text(lambda v, chars=None: v.strip(chars)), 1, 2, "without blanks, or characters, at the ends",
        ('strip(" x ")', "x"),
    ),
    "replace": Function(
        _of_text(_replace), 3, 3,
        "one text in place of another", ('replace("a-b", "-", ":")', "a:b"),
    ),
    "split": Function(_of_text(_split), 1, 2, "a list of the parts of a text", ('split("a,b", ",")[1]', "b")),
    "name_of": Function(
        _of_text(_name_of), 1, 1, "a text as the name of a device: blanks and / + # become _",
        ('name_of("Roof 1/north")', "Roof_1_north"),
    ),
    "match": Function(
        _of_text(_match), 2, 2,
        "what a pattern (RE2) finds in a text: the whole and its groups, or nothing",
        ('match("flow_m3", "^(.*)_(m3|kwh)$")[2]', "m3"),
    ),
    "matches": Function(
        _of_text(_matches), 2, 2, "all that a pattern finds in a text, each like match()",
        ('matches("0+21.5-3", "[+-][0-9.]+")[1][0]', "-3"),
    ),
    "join": Function(each.joined, 1, 2, "the parts of a list as one text", ('join([1, "b"], "-")', "1-b")),
    "list": Function(
        each.list_of, 1, 1, "one or several as a list, also a lone element of XML",
        ("length(list(it))", 1),
    ),
    "index": Function(each.index, 2, 2, "the place of a value in a list", ('index(["a", "b"], "b")', 1)),
    "zip": Function(each.zipped, 2, 2, "an object of names and values", ('zip(["a", "b"], [1, 2]).b', 2)),
    "keys": Function(each.keys_of, 1, 1, "the keys of an object as a list", ("length(keys(it))", 2)),
    "starts": Function(
        _of_text(lambda v, s: v.startswith(s)), 2, 2, "whether a text begins so", ('starts("em:0", "em:")', True)
    ),
    "ends": Function(
        _of_text(lambda v, s: v.endswith(s)), 2, 2, "whether a text ends so", ('ends("a.jpg", ".jpg")', True)
    ),
    "length": Function(_length, 1, 1, "of a text, bytes, a list or an object", ("length([1, 2, 3])", 3)),
    "json": Function(_of_text(to.json_of), 1, 1, "the document inside a text", ("""json('{"a": 2}').a""", 2)),
    "xml": Function(
        _of_text(to.xml_document), 1, 1, "the document of XML inside a text", ("""xml('<r><t>2</t></r>').r.t""", "2")
    ),
    "pairs": Function(
        _of_text(to.pairs_of), 1, 3, "an object of the pairs in a text, of the signs between pairs and inside of them",
        ('pairs("T=21.5;RH=40", ";", "=").RH', "40"),
    ),
    "json_text": Function(to.json_text, 1, 1, "the JSON of a value", ("json_text(it.l[0])", '{"n":1}')),
    "kind": Function(
        _kind, 1, 1, "number, text, boolean, list, object, bytes or nothing", ("kind(it.l)", "list"),
    ),
    "only_number": Function(
        _only_number, 1, 1, "a number, also of a text that holds nothing else; nothing of all else",
        ('only_number("21.5")', 21.5),
    ),
    "only_text": Function(
        _only_text, 1, 1, "what only_number leaves: texts, truth values, JSON of lists and objects",
        ('only_text("21 May")', "21 May"),
    ),
    "hex": Function(
        to.hex_text, 1, 1, "bytes as a hexadecimal text",
        ('hex(base64("AQI="))', "0102"),
    ),
    "base64": Function(
        _of_text(to.base64_bytes), 1, 1, "the bytes of a base64 text, both alphabets", ('base64("AQI=")[1]', 2)
    ),
    "hex_bytes": Function(
        _of_text(to.hex_bytes), 1, 1, "the bytes of a hexadecimal text", ('hex_bytes("01:ff")[1]', 255)
    ),
    "bytes": Function(to.bytes_of, 1, 1, "the bytes of a list of numbers", ("bytes([1, 255])[1]", 255)),
    "float32": Function(
        to.float32, 1, 1, "the number of 32 bits, e.g. of two registers", ("float32(17254 << 16 | 32768)", 230.5)
    ),
    "bits": Function(to.bits, 2, 3, "some bits of a number, the lowest is 0", ("bits(6, 1, 2)", 3)),
    "bits_at": Function(
        to.bits_at, 2, 3, "some bits of bytes as a number, counted from the front",
        ('bits_at(hex_bytes("0f"), 4, 2)', 3),
    ),
    "sixbit": Function(
        _of_text(to.sixbit), 1, 1, "the bytes of a text of six bits a character, as AIS has it",
        ('hex(sixbit("14eG"))', "044b57"),
    ),
    "signed": Function(to.signed, 2, 2, "two's complement of a width in bits", ("signed(65535, 16)", -1)),
    "degrees": Function(
        to.degrees, 1, 2, "degrees of ddmm.mmmm, as NMEA writes them, and N, S, E or W",
        ('degrees("3604.20", "S")', -36.07),
    ),
    "lookup": Function(
        each.lookup, 2, 3, "what a table of let has for a value, or the third value, or nothing",
        ('lookup(it, "a", 0)', 1),
    ),
    "phase": Function(
        phase, 1, 2, "start, update, end or pulse of a word; of a state and the one before, what became of it",
        ('phase("off", "on")', "end"),
    ),
    "find": Function(each.find, 2, 2, "the first element for which something holds", ("find(it.l, n == 2).n", 2)),
    "filter": Function(
        each.filtered, 2, 2, "the elements for which something holds",
        ("length(filter(it.l, n > 1))", 1),
    ),
    "map": Function(each.mapped, 2, 2, "something of each element", ("map(it.l, n * 10)[0]", 10)),
    "count": Function(
        each.count, 1, 2, "how many elements, or for how many something holds",
        ("count(it.l, n < 9)", 2),
    ),
    "max_by": Function(each.best(largest=True), 2, 2, "the element with the largest value", ("max_by(it.l, n).n", 2)),
    "min_by": Function(each.best(largest=False), 2, 2, "the element with the smallest value", ("min_by(it.l, n).n", 1)),
    "sum": Function(
        each.over(math.fsum), 1, 20, "of the numbers of a list, or of several values",
        ("sum(1, 2.5)", 3.5),
    ),
    "mean": Function(each.over(lambda n: math.fsum(n) / len(n)), 1, 20, "their mean", ("mean(1, 2)", 1.5)),
    "min": Function(each.over(min), 1, 20, "the smallest of them", ("min([3, 2])", 2)),
    "max": Function(each.over(max), 1, 20, "the largest of them", ("max(3, 2)", 3)),
    "increase": Function(
        _increase, 2, 2, "how much a counter grew since; one that fell has begun again from nothing",
        ("increase(7, 5)", 2.0),
    ),
    "abs": Function(_of_number(abs), 1, 1, "without its sign", ("abs(-2)", 2)),
    "round": Function(
        _of_number(lambda v, digits=0: round(float(v), max(-15, min(15, int(digits))))), 1, 2,
        "to digits behind the point", ("round(2.345, 1)", 2.3),
    ),
    "floor": Function(_of_number(math.floor), 1, 1, "down to a whole number", ("floor(2.9)", 2)),
    "sqrt": Function(_of_number(math.sqrt), 1, 1, "square root", ("sqrt(9)", 3.0)),
    "exp": Function(_of_number(math.exp), 1, 1, "e to a power", ("exp(0)", 1.0)),
    "log": Function(_of_number(math.log), 1, 1, "natural logarithm", ("log(1)", 0.0)),
    "sin": Function(_of_number(lambda d: math.sin(math.radians(d))), 1, 1, "of degrees", ("sin(0)", 0.0)),
    "cos": Function(_of_number(lambda d: math.cos(math.radians(d))), 1, 1, "of degrees", ("cos(0)", 1.0)),
    "hypot": Function(_of_number(math.hypot), 2, 20, "length of a vector", ("hypot(3, 4)", 5.0)),
    "wind_from": Function(
        _of_number(_bearing), 2, 2, "degrees the wind comes from, of its parts to the east and to the north",
        ("wind_from(0, -5)", 0.0),
    ),
}  # fmt: skip
