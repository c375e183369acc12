"""Units as devices write them -> UCUM codes, and from one unit to another. Pure.

``canonical`` reads the spellings of devices (``℃``, ``m³/h``, ``kWh``, ``μg/m³``, ``mph``, ``立方米``), of people (``micrograms per cubic metre``),
the unit codes of NGSI (UN/CEFACT recommendation 20: ``CEL``, ``MTQ``, ``GQ``) and UCUM itself; ``convert`` tells the factor between two of them.
The tables lie in ``_units.py``. Annotations in braces say something to people and change nothing: ``mg/m3{norm}``
converts to ``mg/m3`` with factor 1. Where spellings are ambiguous the sensors' use counts: ``C`` is degrees Celsius, ``F`` a farad.

Source: UCUM 2.1; UN/ECE recommendation 20 rev. 17; the values of units that are no powers of ten are those of UCUM.
"""  # noqa: E501 - long words

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import cache, lru_cache
from typing import Final, NamedTuple

from ingest.profile._units import ATOMS, CODES, DEFINED, PREFIXES, SYMBOLS, WHOLE, WORD_PREFIXES

__all__ = ["canonical", "convert"]

_LONGEST: Final = 64
_PART: Final = re.compile(
    r"(?P<sign>[./])|(?P<open>\()|(?P<close>\))|(?P<note>\{[!-z|~]{1,32}\})"
    r"|(?P<atom>(?:\[[!-Z\\^-~]{1,16}\]|[^\s./(){}\[\]0-9+-])+)(?P<power>[+-]?[0-9])?|(?P<one>1)(?![0-9])"
)
_VOCABULARY: Final = re.compile(r"^(?:wmoUnit:|unit:|ucum:|obix:units/)(?=\w)")  # wmoUnit:degC
_SCALES: Final = {"c": "Cel", "f": "[degF]", "k": "K"}
_OFFSETS: Final = {"Cel": Fraction("273.15"), "[degF]": Fraction("459.67") * Fraction(5, 9)}
"""What the zero of a scale is in kelvin; only where the unit stands alone."""


class _Factor(NamedTuple):
    """One factor of a unit: its UCUM symbol with prefix, the power, and what is noted behind it."""

    symbol: str
    power: int
    note: str = ""


class _Measure(NamedTuple):
    """What a unit is in base units: a factor, and the powers of the bases that are not 0."""

    scale: Fraction
    bases: tuple[tuple[str, int], ...]


@lru_cache(maxsize=2048)
def canonical(text: str) -> str | None:
    """The UCUM code of a unit, None where it is none that is known here.

    Args:
        text: In any spelling, at most 64 characters.

    Example:
        >>> [canonical(t) for t in ("℃", "m³/h", "kWh", "μg/m³", "mph", "GQ", "mg/Nm3", "千瓦时", "apples")]
        ['Cel', 'm3/h', 'kW.h', 'ug/m3', '[mi_i]/h', 'ug/m3', 'mg/m3{norm}', 'kW.h', None]
        >>> canonical("micrograms per cubic metre"), canonical("W/(m2*K)"), canonical("m s-1"), canonical("1/min")
        ('ug/m3', 'W/m2/K', 'm/s', '/min')
    """
    factors = _read(text)
    return None if factors is None else _written(factors)


_OF_THE_TARGET: Final = {"F": ("[degF]",), "f": ("[degF]",), "°": ("Cel",), "度": ("Cel", "kW.h")}
"""Spellings that only the quantity tells apart: 70 F is no farad where a temperature is wanted, 度 may be a kWh."""


@lru_cache(maxsize=2048)
def convert(source: str, target: str) -> tuple[float, float]:
    """Factor and offset from one unit to another: ``value * factor + offset``.

    Args:
        source: Unit of the value, in any spelling.
        target: Unit that is wanted, in any spelling.

    Raises:
        ValueError: One is no unit, or they measure different things; a sentence that says which.

    Example:
        >>> convert("km/h", "m/s"), convert("°F", "Cel"), convert("kWh", "MJ"), convert("%", "1")
        ((0.2777777777777778, 0.0), (0.5555555555555556, -17.77777777777778), (3.6, 0.0), (0.01, 0.0))
        >>> convert("m3/h", "kW.h")
        Traceback (most recent call last):
        ValueError: m3/h is length3/time and kW.h is length2.mass/time2; give the field a unit of the same kind
    """
    (a, a_zero), (b, b_zero) = _measured(source), _measured(target)
    for meant in _OF_THE_TARGET.get(source, ()):
        if a.bases != b.bases:
            a, a_zero = _measured(meant)
    if a.bases != b.bases:
        raise ValueError(
            f"{source[:60]} is {_kind(a)} and {target[:60]} is {_kind(b)}; give the field a unit of the same kind"
        )
    return float(a.scale / b.scale), float((a_zero - b_zero) / b.scale)


def _measured(text: str) -> tuple[_Measure, Fraction]:
    factors = _read(text)
    if factors is None:
        raise ValueError(
            f"{text[:60]!r:.62} is no unit that is known here; write its UCUM code, like Cel, m3/h or ug/m3"
        )
    alone = len(factors) == 1 and factors[0].power == 1
    return _product(factors), _OFFSETS.get(factors[0].symbol, Fraction(0)) if alone else Fraction(0)


def _kind(measure: _Measure) -> str:
    over = ".".join(b + (str(p) if p > 1 else "") for b, p in measure.bases if p > 0)
    under = "".join(f"/{b}" + (str(-p) if p < -1 else "") for b, p in measure.bases if p < 0)
    return (over or "1") + under if measure.bases else "a plain number"


def _read(text: str) -> list[_Factor] | None:
    """The factors of a unit, None where it is none; an empty list is the unit 1."""
    if len(text) > _LONGEST:
        return None
    plain = _VOCABULARY.sub("", unicodedata.normalize("NFKC", text).strip())
    for old, new in (
        ("μ", "u"),
        ("−", "-"),
        ("**", ""),
        ("^", ""),
        ("×", "."),
        ("·", "."),
        ("⋅", "."),
        ("*", "."),
        ("每", "/"),
    ):
        plain = plain.replace(old, new)
    if not ("[" in plain or "{" in plain):
        plain = plain.replace("_", " ")  # km_h-1, liters_per_second
    lower = plain.lower().replace("-", " ")
    for known in (WHOLE.get(plain), CODES.get(plain), WHOLE.get(lower) if " " in lower else None):
        if known is not None:
            return _parsed(known)
    plain = re.sub(r"\bN(m3|L|l)\b", r"\1{norm}", plain)  # Nm is a newton metre, Nm3 a normal cubic metre
    plain = re.sub(r"(?<=[A-Za-z])-(?=[A-Za-z])", " ", plain)  # BACnet writes liters-per-second
    plain = re.sub(r"^deg(?:ree)?s? +(?=[cfk])|(?<=celsius) +degrees?$", "", plain, flags=re.IGNORECASE)
    plain = _SCALES.get(plain.lower(), plain) if plain.lower() != lower else plain  # Deg C; C alone was looked up above
    words = re.sub(r"\b([Cc]ubic|[Ss]quare) +(\w+)", lambda m: m[2] + ("3" if m[1].lower() == "cubic" else "2"), plain)
    words = re.sub(r"\s*(?:\bper\b|/)\s*", "/", words)
    words = re.sub(r"\s*\.\s*|\s+(?=[^\s+-])", ".", words.strip())
    for spelled in (words, WHOLE.get(lower), words.lower()):
        if spelled and (found := _parsed(spelled)) is not None:
            return found
    return None


def _parsed(text: str) -> list[_Factor] | None:
    factors: list[_Factor] = []
    sign, signs, at, wanted = 1, [1], 0, True  # wanted: a factor has to come now
    while at < len(text):
        found = _PART.match(text, at)
        if found is None:
            return None
        at = found.end()
        if found["sign"]:
            if wanted and (factors or found["sign"] == "."):
                return None
            sign, wanted = signs[-1] * (-1 if found["sign"] == "/" else 1), True
        elif found["open"]:
            signs.append(sign)
        elif found["close"]:
            if len(signs) == 1 or wanted:
                return None
            sign = signs[-1]
            signs.pop()
        elif found["note"]:
            if not wanted and factors and not factors[-1].note:
                factors[-1] = factors[-1]._replace(note=found["note"])
            elif wanted:
                own = found["note"] in DEFINED  # {NTU} measures what nothing else does
                factors.append(_Factor(found["note"] if own else "", sign, "" if own else found["note"]))
            else:
                return None
            wanted = False
        else:
            if not wanted:
                return None
            more = [] if found["one"] else _atom(found["atom"], sign * int(found["power"] or 1))
            if more is None:
                return None
            factors += more
            wanted = False
    return None if len(signs) > 1 or wanted else factors


def _atom(text: str, power: int) -> list[_Factor] | None:
    """A symbol with its prefix, in UCUM's spelling or another."""
    if _symbol(text) is not None:
        return [_Factor(text, power)]
    lower = text.lower()
    for word, prefix in WORD_PREFIXES.items():
        if lower.startswith(word) and (known := ATOMS.get(lower[len(word) :])) is not None:
            return _raised(prefix + known, power)
    known = ATOMS.get(text) or (ATOMS.get(lower) if len(text) > 2 else None)
    if known is not None:
        return _raised(known, power)
    for prefix in PREFIXES:  # kWh, mAh, kVA: prefix and a spelling that is no UCUM symbol
        if text.startswith(prefix) and (known := SYMBOLS.get(text[len(prefix) :])) is not None:
            return _raised(prefix + known, power)
    return None


def _raised(text: str, power: int) -> list[_Factor] | None:
    return [f._replace(power=f.power * power) for f in _parsed(text) or ()] or None


def _written(factors: list[_Factor]) -> str | None:
    def one(factor: _Factor) -> str:
        power = abs(factor.power)
        return factor.symbol + (str(power) if power > 1 else "") + factor.note

    out = ".".join(one(f) for f in factors if f.power > 0) + "".join(f"/{one(f)}" for f in factors if f.power < 0)
    return (out or "1") if len(out) <= 48 else None  # as long as a field's unit may be


@cache
def _symbol(text: str) -> _Measure | None:
    """What a UCUM symbol, with or without prefix, is in base units."""
    if text in DEFINED:
        value, unit, _ = DEFINED[text]
        if unit.startswith("="):
            return _Measure(Fraction(1), ((unit[1:], 1),))
        made = _product(_parsed(unit) or [])
        return _Measure(made.scale * Fraction(value), made.bases)
    for prefix, scale in PREFIXES.items():
        rest = text[len(prefix) :]
        if text.startswith(prefix) and rest in DEFINED and DEFINED[rest][2]:
            made = _symbol(rest) or _Measure(Fraction(1), ())
            return _Measure(made.scale * scale, made.bases)
    return None


def _product(factors: list[_Factor]) -> _Measure:
    scale, bases = Fraction(1), dict[str, int]()
    for factor in factors:
        if not factor.symbol:
            continue
        one = _symbol(factor.symbol)
        assert one is not None, factor.symbol
        scale *= one.scale**factor.power
        for base, power in one.bases:
            bases[base] = bases.get(base, 0) + power * factor.power
    return _Measure(scale, tuple(sorted((b, p) for b, p in bases.items() if p)))
