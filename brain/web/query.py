"""Reading what a request asks: times, boxes, cursors, bodies; what is wrong is refused with a sentence."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from brain.errors import CloudBrainError
from brain.times import LATEST, to_us
from brain.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

__all__ = [
    "checked_cursor",
    "decode_body",
    "open_cursor",
    "parse_bbox",
    "parse_choice",
    "parse_time",
    "seal_cursor",
    "split_list",
]

T = TypeVar("T")

_PLUS_LOST = re.compile(r"T[0-9:.]+ [0-9]{2}:?[0-9]{2}$")
_MS = re.compile(r"^-?[0-9]{1,15}$")
_FIRST, _LAST = -2_208_988_800_000_000, 32_503_680_000_000_000  # 1900-01-01 and 3000-01-01: what every storage can hold


def parse_time(name: str, text: str | None) -> int | None:
    """A time of the query, RFC 3339 with a zone or epoch milliseconds, as microseconds; None where none was given.

    A ``+`` that the caller forgot to encode arrives as a blank and is mended.

    Raises:
        Problem: Status 422.

    Example:
        >>> parse_time("start", "1970-01-01T08:00:01 08:00"), parse_time("start", "1000"), parse_time("start", None)
        (1000000, 1000000, None)
    """
    if text is None or text == "":
        return None
    mended = text.replace(" ", "+") if _PLUS_LOST.search(text) else text
    try:
        at = to_us(int(mended) if _MS.match(mended) else mended)
    except (ValueError, OverflowError, CloudBrainError):
        at = _LAST + 1
    if not _FIRST <= at <= _LAST:
        raise Problem.input(
            name,
            f"{text[:60]!r:.62} is not a time; write RFC 3339 with a zone (2026-05-01T08:00:00+08:00) or milliseconds",
            f"{text[:60]!r:.62} 不是时间；请写带时区的 RFC 3339（2026-05-01T08:00:00+08:00）或毫秒时间戳",
        )
    return at


def parse_bbox(text: str | None) -> tuple[float, float, float, float] | None:
    """A box ``west,south,east,north`` in WGS-84 degrees; None where none was given.

    Raises:
        Problem: Status 422.

    Example:
        >>> parse_bbox("120.1,35.9,120.6,36.3")
        (120.1, 35.9, 120.6, 36.3)
    """
    if text is None or text == "":
        return None
    parts = text.split(",")
    try:
        west, south, east, north = (float(p) for p in parts)
    except ValueError:
        raise Problem.input(
            "bbox",
            f"{text[:60]!r:.62} is not four numbers; write west,south,east,north, for example 120.1,35.9,120.6,36.3",
            f"{text[:60]!r:.62} 不是四个数；请写 西,南,东,北，例如 120.1,35.9,120.6,36.3",
        ) from None
    if not (-180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= 90 and -90 <= north <= 90):
        raise Problem.input(
            "bbox",
            "is outside the Earth; longitudes are -180..180, latitudes -90..90, longitude first",
            "超出地球范围；经度 -180..180，纬度 -90..90，经度在前",
        )
    if west > east or south > north:
        raise Problem.input(
            "bbox",
            "is turned round; write west,south,east,north with west <= east and south <= north",
            "次序颠倒；请写 西,南,东,北，且 西 <= 东、南 <= 北",
        )
    return west, south, east, north


def parse_choice(name: str, text: str | None, words: Sequence[str]) -> str | None:
    """One of a closed list of words; None where none was given.

    Raises:
        Problem: Status 422.
    """
    if text is None or text == "":
        return None
    if text not in words:
        listed = ", ".join(words)
        raise Problem.input(
            name, f"{text[:60]!r:.62} is not known; give one of {listed}", f"没有 {text[:60]!r:.62}；可用：{listed}"
        )
    return text


def split_list(values: Sequence[str] | None) -> list[str]:
    """Words of a parameter that may be repeated or hold a comma-separated list.

    Example:
        >>> split_list(["a,b", "c"])
        ['a', 'b', 'c']
    """
    return [w for v in values or () for w in (p.strip() for p in v.split(",")) if w]


def seal_cursor(*parts: str | int) -> str:
    """A cursor for lists this room pages itself.

    Example:
        >>> open_cursor(seal_cursor("gas-detector", "G1"), 2)
        ['gas-detector', 'G1']
    """
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).rstrip(b"=").decode()


def open_cursor(text: str, size: int | None) -> list[Any]:
    """The parts of a cursor of ``seal_cursor``, ``size`` of them (None: at least one).

    Raises:
        Problem: Status 422.
    """
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        parts = msgspec.json.decode(raw, type=list[str | int])
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        parts = []
    if not parts or len(parts) != (size or len(parts)):
        raise bad_cursor()
    return parts


def checked_cursor(text: str | None) -> str | None:
    """A cursor for a list of the store, refused here where no list can have given it.

    The store checks what its parts mean; numbers that no column can hold and NUL would be errors of the data base.

    Raises:
        Problem: Status 422.
    """
    if not text:
        return None
    for part in open_cursor(text, None):
        if (isinstance(part, str) and "\x00" in part) or (isinstance(part, int) and abs(part) > LATEST):
            raise bad_cursor()
    return text


def bad_cursor() -> Problem:
    """The refusal of a cursor that is none of ours."""
    return Problem.input(
        "cursor",
        "is not one of this list; take next_cursor of the page before, or leave it out to begin anew",
        "不是本列表的游标；请使用上一页的 next_cursor，或去掉它从头开始",
    )


async def decode_body(request: Request, kind: type[T]) -> T:
    """The JSON body as ``kind``; an empty body counts as ``{}``.

    Raises:
        Problem: Status 422, the path inside the body named.
    """
    body = await request.body() or b"{}"
    try:
        found = msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        sentence, _, path = str(error).partition(" - at `$")
        en = sentence[:1].lower() + sentence[1:]
        where = "body" + path.rstrip("`")
        raise Problem.input(where, f"{en}; see /docs for what it takes", "内容不符；格式见 /docs") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem.input(
            "body", "is not JSON; send one JSON object in UTF-8", "不是 JSON；请发送一个 UTF-8 的 JSON 对象"
        ) from None
    if b"\\u0000" in body and _holds_nul(msgspec.to_builtins(found)):
        raise Problem.input("body", "holds NUL in a text; leave it out", "文本中含 NUL；请去掉")
    return found


def _holds_nul(node: Any) -> bool:
    if isinstance(node, str):
        return "\x00" in node
    if isinstance(node, dict):
        return any(_holds_nul(x) for pair in node.items() for x in pair)
    return isinstance(node, list | tuple) and any(_holds_nul(x) for x in node)
