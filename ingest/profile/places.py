"""Coordinates in texts, as people, maps and data bases write them -> degrees. Pure.

| text | is |
|---|---|
| ``36.07,120.38`` ``36.07 120.38`` | two numbers, in the order that the profile says |
| ``36°04'12.0"N 120°22'48"E`` ``36.07N,120.38E`` ``北纬36°4′12″ 东经120°22′48″`` | degrees, minutes, seconds; letters tell which is which |
| ``POINT (120.38 36.07)`` ``SRID=4326;POINT Z (120.38 36.07 12)`` | well-known text: x before y, as the profile's order has it |
| ``+36.07+120.38/`` ``+36.0700+120.3800+012/`` | ISO 6709 in degrees: the latitude first |

Sources: ISO 6709:2022 annex H, OGC 06-103r4 (well-known text).
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from typing import Final

__all__ = ["coordinate", "point_of"]

_LONGEST: Final = 80
_NUMBER: Final = r"[+-]?\d{1,9}(?:\.\d{1,20})?"
_SIDES: Final = r"[NSEWnsew]|[东西]经|[南北]纬"
_SIGNS: Final = re.compile(r"[°º度NSEWnsew经纬]")
_COORDINATE: Final = re.compile(
    rf"(?P<head>{_SIDES})?\s*(?P<sign>[+-])?(?P<d>\d{{1,3}}(?:\.\d{{1,20}})?)\s*(?:[°º度]\s*"
    r"(?:(?P<m>\d{1,2}(?:\.\d{1,20})?)\s*['′’分]\s*(?:(?P<s>\d{1,2}(?:\.\d{1,20})?)\s*(?:[\"″”秒]|''))?\s*)?)?"
    rf"(?(head)|(?P<tail>{_SIDES})?)",
    re.ASCII,
)
_WKT: Final = re.compile(
    rf"(?:SRID=\d{{1,6}};)?\s*POINT\s*(?:ZM|Z|M)?\s*\(\s*({_NUMBER})\s+({_NUMBER})(?:\s+{_NUMBER}){{0,2}}\s*\)",
    re.IGNORECASE | re.ASCII,
)
_ISO_6709: Final = re.compile(
    r"([+-]\d{2}(?:\.\d{1,20})?)([+-]\d{3}(?:\.\d{1,20})?)(?:[+-]\d{1,9}(?:\.\d{1,9})?)?(?:CRS\w{1,20})?/?", re.ASCII
)


def coordinate(text: str) -> float | None:
    r"""Degrees of one coordinate with a sign of degrees or a letter, negative to the south and west; None: it is none.

    Example:
        >>> [coordinate(t) for t in ("120°22'48\"E", "36.07S", "西经120度30分", "36.07")]
        [120.38, -36.07, -120.5, None]
    """
    if len(text) > _LONGEST or not _SIGNS.search(text):
        return None
    found = _COORDINATE.fullmatch(text.strip())
    return None if found is None else _degrees(found)


def point_of(text: str) -> tuple[str | float, str | float, bool] | None:
    """Two coordinates of a text, None where it holds no such thing.

    Returns:
        Longitude, latitude and True where the text itself tells which is which; else both in their order, as texts or
        degrees, and False.

    Example:
        >>> point_of("36.07N, 120.38E"), point_of("POINT(120.38 36.07)"), point_of("+36.07+120.38/")
        ((120.38, 36.07, True), ('120.38', '36.07', False), ('+120.38', '+36.07', True))
    """
    text = text.strip()
    if len(text) > _LONGEST:
        return None
    if text[:1] in ("P", "p", "S", "s") and (wkt := _WKT.fullmatch(text)) is not None:
        return wkt[1], wkt[2], False
    if text[:1] in ("+", "-") and (iso := _ISO_6709.fullmatch(text)) is not None:
        return iso[2], iso[1], True
    if not _SIGNS.search(text):
        return None
    first = _COORDINATE.match(text)
    if first is None:
        return None
    second = _COORDINATE.fullmatch(text[first.end() :].lstrip(" ,;"))
    if second is None:
        return None
    a, b = _degrees(first), _degrees(second)
    across, along = (_is_longitude(found) for found in (first, second))
    if across is None or along is None or across is along:
        return a, b, False
    return (a, b, True) if across else (b, a, True)


def _degrees(found: re.Match[str]) -> float:
    value = float(found["d"]) + float(found["m"] or 0) / 60 + float(found["s"] or 0) / 3600
    side = (found["head"] or found["tail"] or "").upper()
    below = (found["sign"] == "-") != (side[:1] in ("S", "W", "南", "西") and bool(side))
    return round(-value if below else value, 9)


def _is_longitude(found: re.Match[str]) -> bool | None:
    side = (found["head"] or found["tail"] or "").upper()
    return side[:1] in ("E", "W", "东", "西") if side else None
