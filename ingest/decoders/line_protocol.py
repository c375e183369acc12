r"""InfluxDB line protocol: a point a line. Pure.

``measurement,tag=value,... field=value,... timestamp``

| part | is |
|---|---|
| measurement, keys, tag values | texts; ``\`` stands before a comma, a blank and (but for the measurement) an equals sign that are meant |
| field value | ``1.5`` a number, ``1i`` ``1u`` a whole one, ``"text"`` with ``\"`` and ``\\``, ``t`` ``T`` ``true`` ``f`` ``F`` ``false`` ... |
| timestamp | a whole number of ns (default), us, ms or s since 1970, as the sender was told; may be absent |
| ``#`` | begins a line that is a comment |

A document a line: ``measurement``, ``tags``, ``fields``, ``time``: the number as it stands, None where there is none; the
form of the profile's time says the unit (``as: unix_ns``). A line that is wrong is refused by itself.

Source: the reference "Line protocol" of InfluxDB 2.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Message
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FORMAT"]

_MOST: Final = 5_000
_LINE: Final = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|\\.|[^\n"\\]|"(?!(?:[^"\\]|\\.)*+")|\\\Z)++', re.DOTALL)
_HEAD: Final = re.compile(r"((?:\\.|[^,\s\\]|\\\Z)++)")
_TAG: Final = re.compile(r",((?:\\.|[^,=\s\\])++)=((?:\\.|[^,=\s\\])*+)")
_FIELD: Final = re.compile(r'((?:\\.|[^,=\s\\])++)=("(?:[^"\\]|\\.)*+"|[^,\s"]+)(,|(?=\s)|\Z)', re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE: Final = re.compile(r"([+-]?\d{1,20})[iu]", re.ASCII)
_TIME: Final = re.compile(r"\s*(-?\d{1,20})?\s*", re.ASCII)
_TRUTHS: Final = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}


def _bare(text: str) -> str:
    return re.sub(r"\\([,= ])", r"\1", text) if "\\" in text else text


def _value(text: str) -> Any:
    if text[0] == '"':
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in _TRUTHS:
        return _TRUTHS[text]
    if (whole := _WHOLE.fullmatch(text)) is not None:
        return int(whole[1])
    if len(text) <= 64 and _NUMBER.fullmatch(text):
        return float(text)
    raise WrongValueError(
        f"payload: {text[:60]!a:.62} is no value of a field; texts stand in double quotes", "wrong_type"
    )


def _wrong(what: str, line: str) -> WrongValueError:
    return WrongValueError(f"payload: {line[:60]!a:.62} {what}", "not_json")


def _point(line: str) -> dict[str, Any]:
    head = _HEAD.match(line)
    if head is None:
        raise _wrong("has no measurement; a line is like weather,station=A temp=21.5 1782885600000000000", line)
    at, tags, fields = head.end(), dict[str, str](), dict[str, Any]()
    while (tag := _TAG.match(line, at)) is not None:
        tags[_bare(tag[1])] = _bare(tag[2])
        at = tag.end()
    blanks = len(line[at:]) - len(line[at:].lstrip(" "))
    if not blanks:
        raise _wrong("has no blank before its fields, or a tag that is none", line)
    at, more = at + blanks, True
    while more:
        field = _FIELD.match(line, at)
        if field is None:
            raise _wrong(f"has no field like temp=21.5 at character {at + 1}", line)
        fields[_bare(field[1])] = _value(field[2])
        at, more = field.end(), field[3] == ","
    time = _TIME.fullmatch(line, at)
    if time is None:
        raise _wrong("ends in what is no time; it is a whole number", line)
    return {
        "measurement": _bare(head[1]),
        "tags": tags,
        "fields": fields,
        "time": None if time[1] is None else int(time[1]),
    }


def _lines(text: str) -> Iterator[str]:
    for found in _LINE.finditer(text):
        line = found[0].strip(" \t\r")
        if line and line[0] != "#":
            yield line


def _read(message: Message, _: Mapping[str, Any]) -> list[Any]:
    try:
        text = message.payload.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as e:
        raise WrongValueError(f"payload: byte {e.start} is not utf-8", "not_json") from None
    out: list[Any] = []
    for line in _lines(text):
        if len(out) == _MOST:
            raise WrongValueError(f"payload: more than {_MOST} lines in one message", "too_large")
        try:
            out.append(_point(line))
        except WrongValueError as e:
            out.append(e)
    if not out:
        raise WrongValueError("payload: there is no point in it", "missing")
    return out


FORMAT: Final = Format(name="line_protocol", title="InfluxDB line protocol", read=_read)
