"""Sources of one value each: times, positions, boxes and fields of a profile, compiled once into closures. Pure.

Each takes the element at hand and the scope of names, and gives the value, or ``None`` where it is not there. A value
that is there and wrong raises ``WrongValueError`` with the place in the profile and the value.
"""

from __future__ import annotations

import math
from datetime import tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from shapely.errors import ShapelyError
from shapely.geometry import shape

from brain.errors import SensorTypeError
from ingest.profile import hints
from ingest.profile.clock import time_reader, zone_named
from ingest.profile.datum import DATUMS, to_wgs84
from ingest.profile.expression import compile_expression
from ingest.profile.functions import WrongValueError
from ingest.profile.gather import Gather
from ingest.profile.operators import is_sentinel, sentinels
from ingest.profile.places import coordinate, point_of
from ingest.profile.units import canonical, convert

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ingest.profile.expression import Expression
    from ingest.profile.operators import Sentinels

    Compiler = Callable[[Any, str, Sentinels | None], Expression]

__all__ = [
    "DECLARED_KEYS",
    "SOURCE_KEYS",
    "box_source",
    "expression_text",
    "field_source",
    "position_source",
    "time_source",
    "word",
]

SOURCE_KEYS: Final = frozenset(
    {"from", "table", "keep_unlisted", "missing", "scale", "offset", "unit_from", "required", "form", "divide"}
)
"""What an entry of ``fields`` says about where its value comes from ..."""
DECLARED_KEYS: Final = frozenset({"kind", "unit", "range", "values", "label"})
"""... and what declares the field itself."""
_TIME_KEYS: Final = frozenset({"from", "as", "required", "missing"})
_POSITION_KEYS: Final = frozenset({"lon", "lat", "alt_m", "height_m", "point", "order", "datum", "missing"})
_BOX_FORMS: Final = ("xywh", "xyxy", "cxcywh")
_TRUTH: Final = {
    **dict.fromkeys(("true", "on", "yes", "1", "open", "是"), True),
    **dict.fromkeys(("false", "off", "no", "0", "closed", "否"), False),
}
_MOST_VERTICES: Final = 10_000


def expression_text(value: Any, path: str) -> str:
    """The text of an expression; numbers stand for themselves.

    Raises:
        SensorTypeError: It is neither.

    Example:
        >>> expression_text("it.temp", "when"), expression_text(7, "when")
        ('it.temp', '7')
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    if not isinstance(value, str) or not value.strip():
        raise SensorTypeError(path, f"{value!r:.60} is no expression; write one like it.temp")
    return value


def word(value: Any, path: str) -> str:
    """A text of a text, a number or a truth value.

    Raises:
        WrongValueError: It is a list, an object or bytes.

    Example:
        >>> word(7.0, "id"), word(True, "id")
        ('7', 'true')
    """
    if isinstance(value, (dict, list, tuple, bytes)):
        raise WrongValueError(f"{path}: {value!r:.60} stands where a text is wanted")
    return value if isinstance(value, str) else _key(value)


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _key(value: Any) -> str:
    """A value as a key of a table: true, 1, 1.0 and "1" are written in one way each."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(value)


def _truth(spec: Mapping[str, Any], key: str, path: str) -> bool:
    value = spec.get(key, False)
    if not isinstance(value, bool):
        raise SensorTypeError(f"{path}.{key}", f"{value!r:.60} is neither true nor false")
    return value


def _missing(spec: Mapping[str, Any], path: str) -> Sentinels:
    """What means nothing where a value stands."""
    listed = spec.get("missing", [])
    if not isinstance(listed, list) or not all(
        v is None or (isinstance(v, (str, int, float)) and not isinstance(v, bool)) for v in listed
    ):
        raise SensorTypeError(
            f"{path}.missing", "write numbers and texts that mean nothing as a list, like [65535, '--']"
        )
    return sentinels(listed)


def time_source(
    raw: Any, path: str, compiled: Compiler, zone: Any
) -> tuple[Callable[[Any, Mapping[str, Any]], int | None], Expression | None]:
    """A function to microseconds since 1970 UTC (None: the time of receipt counts), and its expression.

    Raises:
        SensorTypeError: The profile is wrong there.
    """
    if raw is None:
        return (lambda _, __: None), None
    spec = raw if isinstance(raw, dict) else {"from": raw}
    gather = Gather()
    for key in spec:
        if key not in _TIME_KEYS:
            gather.wrong(f"{path}.{key}", f"no such key; {hints.of_key(str(key), _TIME_KEYS)}")
    form = gather.tried(lambda: expression_text(spec.get("as", "auto"), f"{path}.as"), "auto")
    fixed = zone if zone is None or isinstance(zone, tzinfo) else None
    read = gather.tried(lambda: time_reader(form, fixed, f"{path}.as"), None)
    zoned = None if zone is fixed else _zoned(form, zone)
    nothing = gather.tried(lambda: _missing(spec, path), sentinels([]))
    required = gather.tried(lambda: _truth(spec, "required", path), False)
    source = gather.tried(lambda: compiled(spec.get("from"), "time.from", nothing), None)
    gather.end()
    assert source is not None
    assert read is not None

    def run(it: Any, scope: Mapping[str, Any]) -> int | None:
        value = source(it, scope)
        if value is None or value == "" or is_sentinel(value, nothing):
            if required:
                raise WrongValueError(f"{source.path}: {source.text[:80]} is missing", "missing")
            return None
        try:
            return (read if zoned is None else zoned(it, scope))(value, scope.get("received"))
        except ValueError as e:
            raise WrongValueError(f"{source.path}: {e}", "bad_time") from None

    return run, source


def _zoned(form: str, zone: Expression) -> Callable[[Any, Mapping[str, Any]], Callable[..., int]]:
    """The reader of times for the zone that a message tells."""

    @lru_cache(maxsize=256)
    def reader(told: str | float | None) -> Callable[..., int]:
        return time_reader(form, None if told is None else zone_named(told), "time.as")

    def run(it: Any, scope: Mapping[str, Any]) -> Callable[..., int]:
        told = zone(it, scope)
        if told is not None and not isinstance(told, (str, int, float)):
            raise WrongValueError(f"{zone.path}: {told!r:.60} is neither a name of a zone nor an offset", "bad_time")
        try:
            return reader(told or None if isinstance(told, str) else told)
        except ValueError as e:
            raise WrongValueError(f"{zone.path}: {e}", "bad_time") from None

    return run


def position_source(
    raw: Any, path: str, compiled: Compiler
) -> Callable[[Any, Mapping[str, Any], dict[str, Any]], None] | None:
    """A function that puts ``lon lat alt_m height_m`` (WGS-84, metres) into the values, as far as they are there.

    Raises:
        SensorTypeError: The profile is wrong there.
    """
    if raw is None:
        return None
    if not isinstance(raw, dict) or not raw:
        raise SensorTypeError(path, "write like {lon: it.x, lat: it.y} or {point: it.location.coordinates}")
    gather = Gather()
    for key in raw:
        if key not in _POSITION_KEYS:
            gather.wrong(f"{path}.{key}", f"no such key; {hints.of_key(str(key), _POSITION_KEYS)}")
    datum, order = raw.get("datum", "wgs84"), raw.get("order", "lonlat")
    if datum not in DATUMS:
        gather.wrong(f"{path}.datum", f"{datum!r:.60} is none of {', '.join(DATUMS)}")
    if order not in ("lonlat", "latlon"):
        gather.wrong(f"{path}.order", f"{order!r:.60} is neither lonlat nor latlon")
    heights = {"alt_m", "height_m"} & raw.keys()
    if ("lon" in raw) != ("lat" in raw) or (("lon" in raw) == ("point" in raw) and not (heights and "lon" not in raw)):
        gather.wrong(path, "give lon and lat, or point")
    nothing = gather.tried(lambda: _missing(raw, path), sentinels([]))
    exprs: dict[str, Expression] = {}
    for key in ("lon", "lat", "alt_m", "height_m", "point"):
        if key in raw:
            with gather:
                exprs[key] = compiled(raw[key], f"position.{key}", nothing)
    gather.end()

    def run(it: Any, scope: Mapping[str, Any], values: dict[str, Any]) -> None:
        lon = lat = None
        where = path
        if "point" in exprs:
            where = exprs["point"].path
            lon, lat = _pair(exprs["point"](it, scope), order, where)
        elif "lon" in exprs:
            where = exprs["lon"].path
            lon, lat = exprs["lon"](it, scope), exprs["lat"](it, scope)
        lon, lat = _degrees(lon, where), _degrees(lat, where)
        if lon is not None and lat is not None and not lon == lat == 0:  # no fix is sent as 0, 0
            values["lon"], values["lat"] = to_wgs84(lon, lat, datum)
        for key in ("alt_m", "height_m"):
            if key in exprs and (value := _number(exprs[key](it, scope), exprs[key].path)) is not None:
                values[key] = value

    return run


def _pair(point: Any, order: str, path: str) -> tuple[Any, Any]:
    """Longitude and latitude of a pair, a GeoJSON geometry (its middle) or a text (``ingest.profile.places``)."""
    if isinstance(point, dict):
        if "coordinates" not in point and isinstance(point.get("geometry"), dict):
            point = point["geometry"]
        kind, inner = point.get("type"), point.get("coordinates")
        if kind in ("Polygon", "MultiPolygon", "LineString", "MultiLineString", "MultiPoint"):
            if _vertices(inner) > _MOST_VERTICES:
                raise WrongValueError(f"{path}: a geometry of more than {_MOST_VERTICES} numbers is too large")
            try:
                with np.errstate(all="ignore"):  # of numbers beyond reason NaN is made, which is no position
                    middle = shape(point).centroid
                point = [middle.x, middle.y]
            except (ShapelyError, ValueError, TypeError, IndexError, AttributeError):
                raise WrongValueError(f"{path}: {point!r:.60} is no GeoJSON geometry") from None
        else:
            point = inner
    if isinstance(point, str) and (found := point_of(point)) is not None:
        lon, lat, sure = found
        return (lon, lat) if sure or order == "lonlat" else (lat, lon)
    if isinstance(point, str):
        point = [part for part in point.replace(",", " ").replace(";", " ").split(" ") if part]
    pair = list(point[:2]) if isinstance(point, (list, tuple)) and len(point) >= 2 else [None, None]
    return (pair[0], pair[1]) if order == "lonlat" else (pair[1], pair[0])


def _degrees(value: Any, path: str) -> float | None:
    """Degrees, of a number or of a text with minutes, seconds or a letter."""
    told = coordinate(value) if isinstance(value, str) else None
    return _number(value, path) if told is None else told


def _vertices(value: Any) -> int:
    level, count = [value], 0
    while level and count <= _MOST_VERTICES:
        inner = [v for part in level if isinstance(part, (list, tuple)) for v in part]
        count += len(inner)
        level = [v for v in inner if isinstance(v, (list, tuple))]
    return count


def _number(value: Any, path: str) -> float | None:
    """A number, also of a text that holds nothing else; None where there is none."""
    if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and len(value) <= 64:
        try:
            number = float(value.replace("_", "x"))
        except ValueError:
            number = math.inf
        if math.isfinite(number):
            return number
    hint = "number(...) reads one before a unit"
    if isinstance(value, str) and not any(c.isdigit() for c in value):
        hint = "where it means nothing, list it in missing"
    raise WrongValueError(f"{path}: {value!r:.60} stands where a number is wanted; {hint}")


def box_source(
    spec: Any, path: str, names: Sequence[str]
) -> tuple[str, Callable[[Any, Mapping[str, Any]], tuple[float, ...] | None], Expression]:
    """The picture box ``[x, y, w, h]``, 0..1 of the picture, of four numbers in one of three forms.

    Raises:
        SensorTypeError: The profile is wrong there.
    """
    entry = spec if isinstance(spec, dict) else {"from": spec}
    form, divide = entry.get("form", "xywh"), entry.get("divide", [1, 1])
    if form not in _BOX_FORMS:
        raise SensorTypeError(f"{path}.form", f"{form!r:.60} is none of {', '.join(_BOX_FORMS)}")
    if not isinstance(divide, str) and (not isinstance(divide, list) or len(divide) != 2):
        raise SensorTypeError(
            f"{path}.divide", "write width and height of the picture, like [1920, 1080], or an expression of both"
        )
    source = compile_expression(expression_text(entry["from"], f"{path}.from"), f"{path}.from", names)
    both = [(divide, f"{path}.divide")] if isinstance(divide, str) else []
    parts = both or [(d, f"{path}.divide[{i}]") for i, d in enumerate(divide)]
    sizes = [compile_expression(expression_text(d, where), where, names) for d, where in parts]

    def run(it: Any, scope: Mapping[str, Any]) -> tuple[float, ...] | None:
        value = source(it, scope)
        if value is None or value == "":
            return None
        if not isinstance(value, (list, tuple)) or len(value) != 4:
            raise WrongValueError(f"{source.path}: {value!r:.60} is no list of four numbers")
        numbers = [_number(v, source.path) for v in value]
        told = [size(it, scope) for size in sizes]
        if both:
            told = list(told[0]) if isinstance(told[0], (list, tuple)) and len(told[0]) == 2 else [None, None]
        width, height = (_number(size, sizes[-1].path) for size in told)
        if None in numbers or not width or not height:
            return None
        a, b, c, d = (float(n) for n in numbers if n is not None)
        if form == "xyxy":
            c, d = c - a, d - b
        elif form == "cxcywh":
            a, b = a - c / 2, b - d / 2
        return tuple(round(v / s, 6) for v, s in ((a, width), (b, height), (c, width), (d, height)))

    return "box", run, source


def field_source(
    name: str, spec: Any, path: str, kinds: Mapping[str, str], names: Sequence[str]
) -> tuple[str, Callable[[Any, Mapping[str, Any]], Any], Expression]:
    """The name of a field, a function to its value, and its expression.

    Raises:
        SensorTypeError: The profile is wrong there.
    """
    kind = kinds.get(name)
    if kind is None:
        known = ", ".join(sorted(kinds)[:20])
        raise SensorTypeError(
            path, f"there is no such field; declare it in fields, with its unit: {name}: {{unit: ...}}; known: {known}"
        )
    entry = spec if isinstance(spec, dict) else {"from": spec}
    gather = Gather()
    for key in entry:
        if key not in SOURCE_KEYS | DECLARED_KEYS | {"unit_to"}:  # the last is ours: the unit that the field declares
            gather.wrong(f"{path}.{key}", f"no such key; {hints.of_key(str(key), SOURCE_KEYS | DECLARED_KEYS)}")
    if kind == "box":
        gather.end()
        return box_source(spec, path, names)
    for key in ("form", "divide"):
        if key in entry:
            gather.wrong(f"{path}.{key}", "only a box has this; use scale, or / in the expression")
    missing, table = gather.tried(lambda: _missing(entry, path), sentinels([])), entry.get("table")
    text = gather.tried(lambda: expression_text(entry["from"], f"{path}.from"), "None")
    source = gather.tried(lambda: compile_expression(text, f"{path}.from", names, missing), None)
    if table is not None and (not isinstance(table, dict) or not table):
        gather.wrong(f"{path}.table", "write a look-up as a mapping, like {0: closed, 1: open}")
        table = None
    keep = gather.tried(lambda: _truth(entry, "keep_unlisted", path), False)
    if keep and (table is None or "else" in table):
        gather.wrong(f"{path}.keep_unlisted", "stands beside a table without else, and keeps what is not in it")
    scale, offset = entry.get("scale", 1), entry.get("offset", 0)
    for key, number in (("scale", scale), ("offset", offset)):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < 1e15:
            gather.wrong(f"{path}.{key}", f"{number!r:.60} is no number")
        if key in entry and kind != "number":
            gather.wrong(f"{path}.{key}", f"only numbers have a {key}; this field is {kind}")
    turn = gather.tried(lambda: _conversion(entry, path, names), None) if "unit_from" in entry else None
    required = gather.tried(lambda: _truth(entry, "required", path), False)
    gather.end()
    assert source is not None
    plain = scale == 1 and offset == 0
    words = {_key(k): v for k, v in table.items()} if table else None
    simple = kind == "number" and plain and not any(missing) and not table and turn is None  # most fields
    read = _reader(kind, source, scale, offset, plain=plain)

    def run(it: Any, scope: Mapping[str, Any]) -> Any:
        value = source(it, scope)
        if simple and type(value) is float:
            return None if math.isnan(value) else value
        if value is None or value == "" or is_sentinel(value, missing):
            return None
        if words is not None:
            value = _looked_up(words, value, path, keep=keep)
            if value is None:
                return None
        return read(value) if turn is None else turn(read(value), it, scope)

    if not required:
        return name, run, source

    def demanding(it: Any, scope: Mapping[str, Any]) -> Any:
        value = run(it, scope)
        if value is None:
            raise WrongValueError(f"{source.path}: {source.text[:80]} is missing", "missing")
        return value

    return name, demanding, source


def _conversion(
    entry: Mapping[str, Any], path: str, names: Sequence[str]
) -> Callable[[float | None, Any, Mapping[str, Any]], float | None]:
    """From the unit that the device uses to that of the field: one that is known beforehand, or told in the message."""
    target, told = entry.get("unit_to"), entry["unit_from"]
    if target is None:
        raise SensorTypeError(
            f"{path}.unit_from", "the field declares no unit to convert to; give it one, like unit: Cel"
        )
    if not isinstance(told, str) or not told.strip():
        raise SensorTypeError(
            f"{path}.unit_from", f"{told!r:.60} is neither a unit like km/h nor an expression like it.unit"
        )
    if canonical(told) is not None and not told.startswith(("it.", "msg.")):
        try:
            factor, offset = convert(told, target)
        except ValueError as e:
            raise SensorTypeError(f"{path}.unit_from", str(e)) from None
        return lambda number, _, __: None if number is None else round(number * factor + offset, 9)
    source = compile_expression(told, f"{path}.unit_from", names)

    def run(number: float | None, it: Any, scope: Mapping[str, Any]) -> float | None:
        if number is None:
            return None
        unit = source(it, scope)
        if unit is None or unit == "":
            usual = f'; where the device leaves it out write first({told[:40]}, "{target}")'
            raise WrongValueError(f"{source.path}: {told[:60]} names no unit{usual}", "missing")
        try:
            factor, offset = convert(word(unit, source.path), target)
        except ValueError as e:
            raise WrongValueError(f"{source.path}: {e}", "not_in_list") from None
        return round(number * factor + offset, 9)

    return run


def _reader(kind: str, source: Expression, scale: float, offset: float, *, plain: bool) -> Callable[[Any], Any]:
    """From a value that is there to one of the field's kind."""
    if kind == "number":

        def read_number(value: Any) -> float | None:
            number = _number(value, source.path)
            return number if plain or number is None else round(number * scale + offset, 9)

        return read_number
    if kind == "boolean":

        def read_truth(value: Any) -> bool:
            truth = _TRUTH.get(_key(value).lower())
            if truth is None:
                told = (
                    f"{source.path}: {value!r:.60} is neither true nor false; say which it is in table: {{...: true}}"
                )
                raise WrongValueError(told)
            return truth

        return read_truth
    return lambda value: word(value, source.path)


def _looked_up(words: Mapping[str, Any], value: Any, path: str, *, keep: bool) -> Any:
    """The word of a table; ``else`` stands for what is not in it, or it is kept as it is."""
    found = words.get(_key(value), words.get("else"))
    if isinstance(value, bool):  # YAML's 1 and true are one key
        found = words.get(_key(value), words.get(str(int(value)), words.get("else")))
    if found is None and "else" not in words and _key(value) not in words:
        if keep:
            return value
        known = ", ".join(list(words)[:10])
        raise WrongValueError(f"{path}.table: {value!r:.60} is not in the table of {known}", "not_in_list")
    return found
