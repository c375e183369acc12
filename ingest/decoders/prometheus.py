r"""Prometheus text exposition format 0.0.4, and what OpenMetrics 1.0 adds to it. Pure.

``metric{label="value",...} value [timestamp]``

| part | is |
|---|---|
| metric, label names | letters, digits, ``_`` and ``:``; labels hold ``\"``, ``\\`` and ``\n`` |
| value | a number, ``NaN``, ``+Inf`` or ``-Inf``: the last three are None |
| timestamp | whole milliseconds since 1970; with a point, seconds (OpenMetrics) |
| ``# TYPE metric kind`` | counter, gauge, histogram, summary, untyped; other comments are passed over |
| ``# {...} value`` | an exemplar behind a value (OpenMetrics); passed over |

One document: the list of the samples, each ``name``, ``labels``, ``value``, ``time`` (ms or None) and ``type`` (None
where none is told), so that one row can take several metrics.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_MOST: Final = 5_000
_TYPE: Final = re.compile(r"#\s*TYPE\s+([a-zA-Z_:][\w:]*)\s+(\w+)\s*", re.ASCII)
_NAME: Final = re.compile(r"[a-zA-Z_:][\w:]*", re.ASCII)
_LABEL: Final = re.compile(r'\s*([a-zA-Z_][\w.]*)\s*=\s*"((?:[^"\\]|\\.)*+)"\s*(,|(?=\}))', re.ASCII)
_VALUE: Final = re.compile(
    r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?|[+-]?[Ii]nf(?:inity)?|[Nn]a[Nn])(?:\s+(-?\d{1,20}(?:\.\d{0,9})?))?\s*(?:\#.*)?",
    re.ASCII,
)
_ENDS: Final = ("_bucket", "_sum", "_count", "_total", "_created")
_ESCAPED: Final = {"n": "\n", '"': '"', "\\": "\\"}


def _labels(line: str, at: int) -> tuple[dict[str, str], int]:
    """The labels that begin behind ``{``, and where their ``}`` ends."""
    out: dict[str, str] = {}
    while (found := _LABEL.match(line, at)) is not None:
        out[found[1]] = re.sub(r"\\(.)", lambda m: _ESCAPED.get(m[1], m[0]), found[2])
        at = found.end()
    rest = line[at:].lstrip()
    if not rest.startswith("}"):
        raise WrongValueError(f'payload: {line[:60]!a:.62} has labels that are not like {{room="a"}}', "not_json")
    return out, len(line) - len(rest) + 1


def _sample(line: str, types: Mapping[str, str]) -> dict[str, Any]:
    name = _NAME.match(line)
    if name is None:
        raise WrongValueError(f'payload: {line[:60]!a:.62} is no sample like temp{{room="a"}} 21.5', "not_json")
    at, labels = name.end(), dict[str, str]()
    if line[at:].lstrip().startswith("{"):
        labels, at = _labels(line, line.index("{", at) + 1)
    value = _VALUE.fullmatch(line, at)
    if value is None:
        raise WrongValueError(f"payload: {line[:60]!a:.62} does not end in a value and a time", "not_json")
    number = float(value[1])
    time = value[2]
    family = next((name[0].removesuffix(e) for e in _ENDS if name[0].endswith(e)), name[0])
    return {
        "name": name[0],
        "labels": labels,
        "value": number if math.isfinite(number) else None,
        "time": None if time is None else round(float(time) * 1000) if "." in time else int(time),
        "type": types.get(name[0], types.get(family)),
    }


def _read(message: Message, _: Mapping[str, Any]) -> list[Any]:
    try:
        text = message.payload.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        raise WrongValueError(f"payload: byte {e.start} is not utf-8", "not_json") from None
    types: dict[str, str] = {}
    good: list[dict[str, Any]] = []
    bad: list[WrongValueError] = []
    for raw in text.split("\n"):
        line = raw.strip()
        if line.startswith("#"):
            if (told := _TYPE.fullmatch(line)) is not None:
                types[told[1]] = told[2]
            continue
        if not line:
            continue
        if len(good) + len(bad) == _MOST:
            raise WrongValueError(f"payload: more than {_MOST} samples in one message", "too_large")
        try:
            good.append(_sample(line, types))
        except WrongValueError as e:
            bad.append(e)
    if not good and not bad:
        raise WrongValueError("payload: there is no sample in it", "missing")
    return [*([good] if good else []), *bad]


FORMAT: Final = Format(name="prometheus", title="Prometheus text exposition format and OpenMetrics", read=_read)
