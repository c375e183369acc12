"""From the documents of a message to readings: the heart of a profile, compiled once into closures. Pure.

```yaml
let: {data: msg.uplink.data}          # names for the whole message; later ones may use earlier ones
ignore: msg.kind == "join"            # such messages are counted, not stored
each: data.values                     # a reading per element of a list or object; several levels as a list
when: it.valid                        # readings that do not hold it are left out
device: msg.dev_eui                   # default: the capture {device} of the topic
time: {from: it.ts, as: unix_s}       # default: the time of receipt
id: key                               # tells readings of one device and time apart
position: {lon: it.x, lat: it.y, datum: gcj02}
fields:
  temp_c: {from: it.t, scale: 0.1, missing: [9999]}
observations:                         # instead of one form several; each may say anew whatever stands above
  - {when: it.type == 1, fields: {temp_c: it.v}}
choose: first                         # of the forms that fit only the first      (default all)
```

Inside ``each``, ``it`` is the element, ``key`` its key or place in the list, ``parent`` the element round it, ``msg``
the whole message; ``topic`` holds the captures and ``received`` the microseconds of receipt.
"""

from __future__ import annotations

import math
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.errors import SensorTypeError
from ingest.profile.clock import time_reader, zone_of
from ingest.profile.datum import DATUMS, to_wgs84
from ingest.profile.expression import Expression, compile_expression
from ingest.profile.functions import MENDED, WrongValueError
from ingest.profile.stages import compile_input

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ingest.decoders import Message

__all__ = ["Mapped", "Refused", "compile_mapping"]

_MOST_ROWS: Final = 10_000
_NAMES: Final = ("topic", "key", "parent", "received")
_FORM_KEYS: Final = ("each", "when", "device", "time", "id", "status", "position", "fields")
KEYS: Final = frozenset({"input", "zone", "let", "ignore", "observations", "choose", *_FORM_KEYS})
"""What a profile says about its messages; the rest declares the sensor type."""
_FIELD_KEYS: Final = frozenset({"from", "table", "missing", "scale", "offset"})
_DECLARED: Final = frozenset({"kind", "unit", "range", "values", "label"})
_POSITION_KEYS: Final = frozenset({"lon", "lat", "alt_m", "height_m", "point", "order", "datum"})
_TRUTH: Final = {
    "true": True,
    "on": True,
    "yes": True,
    "1": True,
    "false": False,
    "off": False,
    "no": False,
    "0": False,
}
_WORST_DEPTH: Final = 6


class Refused(NamedTuple):
    """Why a message or one of its readings is refused: a word of the quarantine, and a sentence."""

    reason: str
    detail: str


class Mapped(NamedTuple):
    """One reading as a profile made it.

    Attributes:
        device: Its name.
        time: Microseconds since 1970 UTC, None where the time of receipt counts.
        values: ``id``, ``status``, ``lon``, ``lat``, ``alt_m``, ``height_m`` and fields, those that are there.
    """

    device: str
    time: int | None
    values: dict[str, Any]


def compile_mapping(
    document: Mapping[str, Any], kinds: Mapping[str, str]
) -> Callable[[Message], list[Mapped | Refused] | None]:
    """A function from a message to its readings.

    Args:
        document: The parsed profile.
        kinds: Field name -> ``number``, ``boolean`` or ``text``.

    Returns:
        The function. It gives readings and refusals in order, or None for a message that the profile ignores; it never
        raises.

    Raises:
        SensorTypeError: Something in the profile is wrong; names the path and says how to mend it.

    Example:
        >>> from ingest.decoders import Message
        >>> profile = {"each": "values", "id": "key", "fields": {"temp_c": {"from": "it.t", "scale": 0.1}}}
        >>> read = compile_mapping(profile, {"temp_c": "number"})
        >>> read(Message(b'{"values": {"a": {"t": 215}, "b": {"t": "?"}}}', {"device": "D1"}, 0))[0]
        Mapped(device='D1', time=None, values={'id': 'a', 'temp_c': 21.5})
    """
    read = compile_input(document.get("input", "json"), "input")
    zone = zone_of(_text(document["zone"], "zone"), "zone") if "zone" in document else None
    lets = _lets(document.get("let", {}))
    names = [*_NAMES, *(name for name, _ in lets)]
    ignore = compile_expression(_text(document["ignore"], "ignore"), "ignore", names) if "ignore" in document else None
    choose = document.get("choose", "all")
    if choose not in ("all", "first"):
        raise SensorTypeError("choose", f"{choose!r:.60} is neither all nor first")
    shared = {k: document[k] for k in _FORM_KEYS if k in document}
    listed = document.get("observations")
    if listed is None:
        forms = [_Form(shared, "", kinds, names, zone)]
    elif isinstance(listed, list) and listed and all(isinstance(o, dict) for o in listed):
        forms = []
        for i, own in enumerate(listed):
            for key in own:
                if key not in _FORM_KEYS:
                    raise SensorTypeError(
                        f"observations[{i}].{key}", f"no such key here; there are {', '.join(_FORM_KEYS)}"
                    )
            fields = {**_fields(shared, "fields"), **_fields(own, f"observations[{i}].fields")}
            merged = {**shared, **own, "fields": fields}
            forms.append(_Form(merged, f"observations[{i}].", kinds, names, zone))
    else:
        raise SensorTypeError("observations", "write a list of forms, like [{when: it.type == 1, fields: {...}}]")

    def run(message: Message) -> list[Mapped | Refused] | None:
        out: list[Mapped | Refused] = []
        ignored = 0
        try:
            documents = read(message)
        except WrongValueError as e:
            return [Refused(e.reason, str(e))]
        if not documents:
            return None
        for msg in documents:
            scope: dict[str, Any] = {
                "msg": msg,
                "topic": message.captures,
                "received": message.received,
                "key": None,
                "parent": None,
            }
            try:
                for name, expression in lets:
                    scope[name] = expression(msg, scope)
                if ignore is not None and ignore(msg, scope):
                    ignored += 1
                    continue
            except WrongValueError as e:
                out.append(Refused(e.reason, str(e)))
                continue
            for form in forms:
                made = list(form.rows(msg, scope))
                out += made
                if made and choose == "first":
                    break
            if len(out) > _MOST_ROWS:
                return [Refused("too_large", f"payload: more than {_MOST_ROWS} readings in one message")]
        if not out and ignored:
            return None
        return out or [Refused("no_match", "payload: no observation of the profile fits this message")]

    return run


def _text(value: Any, path: str) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return repr(value)
    if not isinstance(value, str) or not value.strip():
        raise SensorTypeError(path, f"{value!r:.60} is no expression; write one like it.temp")
    return value


def _has_source(field: Any) -> bool:
    return not isinstance(field, dict) or "from" in field


def _lets(raw: Any) -> list[tuple[str, Expression]]:
    if not isinstance(raw, dict):
        raise SensorTypeError("let", "write names and expressions, like {data: msg.uplink.data}")
    out: list[tuple[str, Expression]] = []
    for name, text in raw.items():
        path = f"let.{name!s:.60}"
        if not isinstance(name, str) or not name.isidentifier() or name in (*_NAMES, "it", "msg"):
            raise SensorTypeError(path, "a name is letters, digits and _, and none of it msg topic key parent received")
        out.append((name, compile_expression(_text(text, path), path, [*_NAMES, *(n for n, _ in out)])))
    return out


class _Form:
    """One form of observation: where its readings are, and what each of them holds."""

    def __init__(
        self, raw: Mapping[str, Any], prefix: str, kinds: Mapping[str, str], names: Sequence[str], zone: Any
    ) -> None:
        def compiled(value: Any, key: str) -> Expression:
            return compile_expression(_text(value, prefix + key), prefix + key, names)

        each = raw.get("each", [])
        levels = each if isinstance(each, list) else [each]
        if len(levels) > _WORST_DEPTH:
            raise SensorTypeError(f"{prefix}each", f"at most {_WORST_DEPTH} levels")
        self._each = [
            compiled(level, f"each[{i}]" if isinstance(each, list) else "each") for i, level in enumerate(levels)
        ]
        self._when = compiled(raw["when"], "when") if "when" in raw else None
        self._device = compiled(raw.get("device", "topic.device"), "device")
        self._time = _time(raw.get("time"), f"{prefix}time", compiled, zone)
        self._texts = [(key, compiled(raw[key], key)) for key in ("id", "status") if key in raw]
        self._position = _position(raw.get("position"), f"{prefix}position", compiled)
        self._fields = [
            _field(name, spec, f"{prefix}fields.{name}", kinds, names)
            for name, spec in _fields(raw, f"{prefix}fields").items()
        ]
        if not self._fields and self._position is None:
            raise SensorTypeError(
                f"{prefix}fields", "no field says where it comes from; write like temp_c: {from: it.temp}"
            )

    def rows(self, msg: Any, scope: dict[str, Any]) -> Iterator[Mapped | Refused]:
        """The readings of a document."""
        try:
            elements = list(islice(self._elements(msg, scope, self._each), _MOST_ROWS + 1))  # levels may multiply
        except WrongValueError as e:
            yield Refused(e.reason, str(e))
            return
        if len(elements) > _MOST_ROWS:
            yield Refused("too_large", f"{self._each[-1].path}: more than {_MOST_ROWS} elements in one message")
            return
        for it, names in elements:
            try:
                if self._when is None or self._when(it, names):
                    yield self._one(it, names)
            except WrongValueError as e:
                yield Refused(e.reason, str(e))
            except MENDED:  # a number of thousands of digits cannot even be printed
                yield Refused("wrong_type", "payload: a value is beyond what can be computed with")

    def _elements(
        self, it: Any, scope: dict[str, Any], levels: Sequence[Expression]
    ) -> Iterator[tuple[Any, dict[str, Any]]]:
        if not levels:
            yield it, scope
            return
        inner = levels[0](it, scope)
        if isinstance(inner, dict):
            pairs: Iterator[tuple[Any, Any]] = iter(inner.items())
        elif isinstance(inner, (list, tuple)):
            pairs = iter(enumerate(inner))
        elif inner is None:
            return
        else:
            raise WrongValueError(f"{levels[0].path}: {inner!r:.60} is neither a list nor an object")
        for key, element in pairs:
            yield from self._elements(element, {**scope, "key": key, "parent": it}, levels[1:])

    def _one(self, it: Any, scope: Mapping[str, Any]) -> Mapped | Refused:
        device = self._device(it, scope)
        if device is None or device == "":
            return Refused("missing", f"{self._device.path}: {self._device.text[:80]} names no device")
        values: dict[str, Any] = {}
        for key, expression in self._texts:
            if (value := expression(it, scope)) is not None:
                values[key] = _word(value, expression.path)
        if self._position is not None:
            self._position(it, scope, values)
        for name, read in self._fields:
            if (value := read(it, scope)) is not None:
                values[name] = value
        return Mapped(_word(device, self._device.path), self._time(it, scope), values)


def _fields(form: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Fields that say where they come from."""
    fields = form.get("fields", {})
    if not isinstance(fields, dict):
        raise SensorTypeError(path, "write fields as a mapping, like temp_c: {from: it.temp}")
    return {name: spec for name, spec in fields.items() if _has_source(spec)}


def _word(value: Any, path: str) -> str:
    """A text of a text, a number or a truth value."""
    if isinstance(value, (dict, list, tuple, bytes)):
        raise WrongValueError(f"{path}: {value!r:.60} stands where a text is wanted")
    return value if isinstance(value, str) else _key(value)


def _plain(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _time(
    raw: Any, path: str, compiled: Callable[[Any, str], Expression], zone: Any
) -> Callable[[Any, Mapping[str, Any]], int | None]:
    if raw is None:
        return lambda _, __: None
    spec = raw if isinstance(raw, dict) else {"from": raw}
    for key in spec:
        if key not in ("from", "as"):
            raise SensorTypeError(f"{path}.{key}", "no such key; a time has from and as")
    read = time_reader(_text(spec.get("as", "auto"), f"{path}.as"), zone, f"{path}.as")
    source = compiled(spec.get("from"), "time.from")

    def run(it: Any, scope: Mapping[str, Any]) -> int | None:
        value = source(it, scope)
        if value is None or value == "":
            return None
        try:
            return read(value)
        except ValueError as e:
            raise WrongValueError(f"{source.path}: {e}", "bad_time") from None

    return run


def _position(
    raw: Any, path: str, compiled: Callable[[Any, str], Expression]
) -> Callable[[Any, Mapping[str, Any], dict[str, Any]], None] | None:
    if raw is None:
        return None
    if not isinstance(raw, dict) or not raw:
        raise SensorTypeError(path, "write like {lon: it.x, lat: it.y} or {point: it.location.coordinates}")
    for key in raw:
        if key not in _POSITION_KEYS:
            raise SensorTypeError(f"{path}.{key}", f"no such key; a position has {', '.join(sorted(_POSITION_KEYS))}")
    datum, order = raw.get("datum", "wgs84"), raw.get("order", "lonlat")
    if datum not in DATUMS:
        raise SensorTypeError(f"{path}.datum", f"{datum!r:.60} is none of {', '.join(DATUMS)}")
    if order not in ("lonlat", "latlon"):
        raise SensorTypeError(f"{path}.order", f"{order!r:.60} is neither lonlat nor latlon")
    if ("lon" in raw) != ("lat" in raw) or ("lon" in raw) == ("point" in raw):
        raise SensorTypeError(path, "give lon and lat, or point")
    exprs = {k: compiled(raw[k], f"position.{k}") for k in ("lon", "lat", "alt_m", "height_m", "point") if k in raw}

    def run(it: Any, scope: Mapping[str, Any], values: dict[str, Any]) -> None:
        if "point" in exprs:
            point = exprs["point"](it, scope)
            if isinstance(point, dict):
                point = point.get("coordinates")
            pair = list(point[:2]) if isinstance(point, (list, tuple)) and len(point) >= 2 else [None, None]
            lon, lat = pair if order == "lonlat" else pair[::-1]
            where = exprs["point"].path
        else:
            lon, lat = exprs["lon"](it, scope), exprs["lat"](it, scope)
            where = exprs["lon"].path
        lon, lat = _number(lon, where), _number(lat, where)
        if lon is not None and lat is not None and not lon == lat == 0:  # no fix is sent as 0, 0
            values["lon"], values["lat"] = to_wgs84(lon, lat, datum)
        for key in ("alt_m", "height_m"):
            if key in exprs and (value := _number(exprs[key](it, scope), exprs[key].path)) is not None:
                values[key] = value

    return run


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
    raise WrongValueError(f"{path}: {value!r:.60} stands where a number is wanted; number(...) reads one before a unit")


def _field(
    name: str, spec: Any, path: str, kinds: Mapping[str, str], names: Sequence[str]
) -> tuple[str, Callable[[Any, Mapping[str, Any]], Any]]:
    kind = kinds.get(name)
    if kind is None:
        raise SensorTypeError(
            path, f"there is no such field; declare it in fields, with its unit: {name}: {{unit: ...}}"
        )
    entry = spec if isinstance(spec, dict) else {"from": spec}
    for key in entry:
        if key not in _FIELD_KEYS | _DECLARED:
            raise SensorTypeError(
                f"{path}.{key}", f"no such key; a field's source has {', '.join(sorted(_FIELD_KEYS))}"
            )
    source = compile_expression(_text(entry["from"], f"{path}.from"), f"{path}.from", names)
    missing, table = entry.get("missing", []), entry.get("table")
    if not isinstance(missing, list):
        raise SensorTypeError(f"{path}.missing", "write what means nothing as a list, like [65535, '--']")
    if table is not None and (not isinstance(table, dict) or not table):
        raise SensorTypeError(f"{path}.table", "write a look-up as a mapping, like {0: closed, 1: open}")
    scale, offset = entry.get("scale", 1), entry.get("offset", 0)
    for key, number in (("scale", scale), ("offset", offset)):
        if isinstance(number, bool) or not isinstance(number, (int, float)) or not abs(number) < 1e15:
            raise SensorTypeError(f"{path}.{key}", f"{number!r:.60} is no number")
        if key in entry and kind != "number":
            raise SensorTypeError(f"{path}.{key}", f"only numbers have a {key}; this field is {kind}")
    plain = scale == 1 and offset == 0
    words = {_key(k): v for k, v in table.items()} if table else None
    simple = kind == "number" and plain and not missing and not table  # most fields of most profiles

    def run(it: Any, scope: Mapping[str, Any]) -> Any:
        value = source(it, scope)
        if simple and type(value) is float:
            return None if math.isnan(value) else value
        if value is None or value == "" or (value in missing and not isinstance(value, bool)):
            return None
        if words is not None:
            found = words.get(_key(value), words.get("else"))
            if isinstance(value, bool):  # YAML's 1 and true are one key
                found = words.get(_key(value), words.get(str(int(value)), words.get("else")))
            if found is None and "else" not in words:
                known = ", ".join(list(words)[:10])
                raise WrongValueError(f"{path}.table: {value!r:.60} is not in the table of {known}", "not_in_list")
            value = found
            if value is None:
                return None
        if kind == "number":
            number = _number(value, source.path)
            return number if plain or number is None else round(number * scale + offset, 9)
        if kind == "boolean":
            truth = _TRUTH.get(_key(value).lower())
            if truth is None:
                raise WrongValueError(f"{source.path}: {value!r:.60} is neither true nor false")
            return truth
        return _word(value, source.path)

    return name, run


def _key(value: Any) -> str:
    """A value as a key of a table: true, 1, 1.0 and "1" are written in one way each."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return _plain(value)
