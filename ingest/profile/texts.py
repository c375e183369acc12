"""Inputs that take a text apart: pairs, forms, tables, columns, patterns. Compiled once. Pure.

Each is a function of the settings and of what reads the bytes, and gives a function from a payload to its documents.
What a text holds stays text; where a number is wanted it is read as one.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote_to_bytes

from brain.errors import SensorTypeError
from ingest.profile.functions import STEPS, WrongValueError, compiled_pattern

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Settings = Mapping[str, Any]
    Decode = Callable[[bytes], str]
    Read = Callable[[bytes], list[Any]]

__all__ = ["TEXT_INPUTS", "lines_of"]

_MOST_LINES: Final = 10_000
_MOST_PAIRS: Final = 2_000
_MOST_SKIPPED: Final = 1_000
_MOST_COLUMNS: Final = 200
_MOST_PATTERNS: Final = 20


def lines_of(text: str, skip: int = 0) -> list[str]:
    """The lines of a text that are not blank, without the first ``skip`` of all.

    Raises:
        WrongValueError: There is none, or there are more than 10,000.
    """
    lines = [line for line in text.splitlines()[skip:] if line.strip()]
    if len(lines) > _MOST_LINES:
        raise WrongValueError(f"payload: {len(lines)} lines are more than {_MOST_LINES}", "too_large")
    if not lines:
        raise WrongValueError("payload: there is no line in it", "missing")
    return lines


def _sign(settings: Settings, name: str, default: str, path: str) -> str:
    value = settings.get(name, default)
    if not isinstance(value, str) or not 1 <= len(value) <= 8:
        raise SensorTypeError(f"{path}.{name}", f"{value!r:.60} is no separator; write one like ';'")
    return value


def _skip(settings: Settings, path: str) -> int:
    value = settings.get("skip", 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_SKIPPED:
        raise SensorTypeError(f"{path}.skip", f"{value!r:.60} is no number of lines, like 1")
    return value


def _key_value(settings: Settings, path: str, decode: Decode) -> Read:
    pairs = _sign(settings, "pairs", "\n", path)
    equals = _sign(settings, "equals", "=", path)

    def run(payload: bytes) -> list[Any]:
        out: dict[str, str] = {}
        for pair in decode(payload).split(pairs):
            key, found, value = pair.partition(equals)
            if found and key.strip():
                out[key.strip()] = value.strip()
        if not out:
            raise WrongValueError(f"payload: there is no pair with {equals!r} in it", "missing")
        return [out]

    return run


def _form(_: Settings, __: str, decode: Decode) -> Read:
    """What browsers and weather stations send: ``a=1&b=x+y%21``; the address before ``?`` may stand in front."""

    def plain(text: str) -> str:
        return decode(unquote_to_bytes(text.replace("+", " ")))

    def run(payload: bytes) -> list[Any]:
        text = payload.decode("ascii", "replace").strip()
        if "?" in text.partition("=")[0]:
            text = text.partition("?")[2]
        pairs = text.split("&")
        if len(pairs) > _MOST_PAIRS:
            raise WrongValueError(f"payload: {len(pairs)} pairs are more than {_MOST_PAIRS}", "too_large")
        out: dict[str, Any] = {}
        for pair in pairs:
            key, found, value = pair.partition("=")
            if not found or not key:
                continue
            name, told = plain(key), plain(value)
            if name not in out:
                out[name] = told
            elif isinstance(out[name], list):
                out[name].append(told)
            else:
                out[name] = [out[name], told]
        if not out:
            raise WrongValueError("payload: there is no pair like temp=21.5 in it", "missing")
        return [out]

    return run


def _csv(settings: Settings, path: str, decode: Decode) -> Read:
    separator = _sign(settings, "separator", ",", path)
    blanks = separator == "blanks"
    if len(separator) != 1 and not blanks:
        raise SensorTypeError(
            f"{path}.separator", "the separator of csv is one character, or blanks for any number of them"
        )
    header, skip = settings.get("header"), _skip(settings, path)
    if header is not None and (not isinstance(header, list) or not all(isinstance(h, str) and h for h in header)):
        raise SensorTypeError(f"{path}.header", "write the names of the columns as a list, like [time, temp]")

    def run(payload: bytes) -> list[Any]:
        lines = lines_of(decode(payload), skip)
        try:
            rows = (
                [line.split() for line in lines]
                if blanks
                else list(csv.reader(lines, delimiter=separator, skipinitialspace=True))
            )
        except csv.Error as e:
            raise WrongValueError(f"payload: is no csv: {str(e)[:100]}", "not_json") from None
        names = header or [name.strip() for name in rows.pop(0)]
        if not rows:
            raise WrongValueError("payload: there is no line below the names of the columns", "missing")
        return [dict(zip(names, row, strict=False)) for row in rows]

    return run


def _columns(raw: Any, path: str) -> list[tuple[str, int, int]]:
    if not isinstance(raw, dict) or not 1 <= len(raw) <= _MOST_COLUMNS:
        raise SensorTypeError(path, "name the columns with first character (from 0) and width, like {temp: [8, 5]}")
    out = []
    for name, place in raw.items():
        good = isinstance(place, list) and len(place) == 2 and all(type(n) is int and 0 <= n < 65_536 for n in place)
        if not good or not place[1]:
            raise SensorTypeError(
                f"{path}.{name!s:.60}", f"{place!r:.60} is no place; write first character (from 0) and width"
            )
        out.append((str(name), place[0], place[0] + place[1]))
    return out


def _fixed_width(settings: Settings, path: str, decode: Decode) -> Read:
    columns, skip = _columns(settings.get("columns"), f"{path}.columns"), _skip(settings, path)

    def run(payload: bytes) -> list[Any]:
        lines = lines_of(decode(payload), skip)
        STEPS.spend(len(lines) * len(columns))
        return [{name: told for name, first, end in columns if (told := line[first:end].strip())} for line in lines]

    return run


def _patterns(raw: Any, path: str) -> list[Any]:
    texts = raw if isinstance(raw, list) else [raw]
    if not 1 <= len(texts) <= _MOST_PATTERNS:
        raise SensorTypeError(path, f"write 1 to {_MOST_PATTERNS} patterns")
    out = []
    for i, text in enumerate(texts):
        here = f"{path}[{i}]" if isinstance(raw, list) else path
        if not isinstance(text, str) or not text:
            raise SensorTypeError(here, f"{text!r:.60} is no pattern; write one like T=(?P<temp>[0-9.]+)")
        try:
            pattern = compiled_pattern(text)
        except WrongValueError as e:
            raise SensorTypeError(here, str(e)) from None
        if not pattern.groupindex:
            raise SensorTypeError(here, "the pattern names nothing; write what is wanted as (?P<temp>[0-9.]+)")
        out.append(pattern)
    return out


def _regex(settings: Settings, path: str, decode: Decode) -> Read:
    """The named groups of the first pattern that is found: in each line, or once in the whole text."""
    patterns = _patterns(settings.get("pattern"), f"{path}.pattern")
    per, others, skip = settings.get("per", "line"), settings.get("else", "refuse"), _skip(settings, path)
    if per not in ("line", "message"):
        raise SensorTypeError(f"{path}.per", f"{per!r:.60} is neither line nor message")
    if others not in ("refuse", "skip"):
        raise SensorTypeError(f"{path}.else", f"{others!r:.60} is neither refuse nor skip")

    def named(text: str) -> Any:
        for pattern in patterns:
            found = pattern.search(text)
            if found is not None:
                return {name: told.strip() for name, told in found.groupdict().items() if told is not None}
        return WrongValueError(f"payload: no pattern of the profile is found in {text[:60]!a:.62}", "no_match")

    def run(payload: bytes) -> list[Any]:
        text = decode(payload)
        parts = [text] if per == "message" else lines_of(text, skip)
        STEPS.spend(len(parts) * len(patterns))
        made = [named(part) for part in parts]
        kept = [one for one in made if others == "refuse" or not isinstance(one, WrongValueError)]
        return kept or made[:1]

    return run


TEXT_INPUTS: Final[Mapping[str, tuple[frozenset[str], Callable[[Settings, str, Decode], Read]]]] = {
    "key_value": (frozenset({"charset", "pairs", "equals"}), _key_value),
    "form": (frozenset({"charset"}), _form),
    "csv": (frozenset({"charset", "separator", "header", "skip"}), _csv),
    "fixed_width": (frozenset({"charset", "columns", "skip"}), _fixed_width),
    "regex": (frozenset({"charset", "pattern", "per", "else", "skip"}), _regex),
}
"""Input -> its settings, and what compiles it."""
