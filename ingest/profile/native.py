"""The document of a sensor type: YAML or JSON <-> ``SensorType``.

```yaml
id: gas-detector                    # ^[a-z][a-z0-9_-]{0,47}$, "-" and "_" count as the same
version: 1
family: meter                       # meter vehicle low_altitude video service
name: {zh: 燃气探测器, en: Gas detector}
moving: false                       # true: a message without fields but with a position is worth storing
late: 1h                            # older rows go to history only          (default 30s)
accept: {past: 7d, future: 5min}    # window of times                        (default as here)
admission: open                     # or closed: devices must be registered  (default open)
max_bytes: 65536                    # largest message, at most 1048576       (default 65536)
key: []                             # fields that tell rows of one device and time apart where there is no id
fields:
  lel_pct: {unit: "%", range: [0, 100], label: {zh: 爆炸下限百分比, en: Share of the lower explosive limit}}
  gas: {values: [CH4, CO], label: {zh: 气体, en: Gas}}   # kind: number, boolean, text or box
```

What says how a message becomes readings (``topics``, ``input``, ``each``, ``from`` of a field ...) is the profile's
own: ``ingest.profile.mapping``. ``into: power-meter`` stores as another sensor type, whose fields it fills.

``kind: box`` is the picture box ``[x, y, w, h]`` of a video event, under the name ``box`` only; inside it is the four
number fields ``box_x box_y box_w box_h``. A ``range`` may be open: ``[0, null]``. Anchors and keys that stand twice are
refused. Pure; no I/O.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import yaml

from brain.errors import SensorTypeError
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Field, FieldKind, Modality, SensorType, Text
from ingest.profile.mapping import KEYS, compile_mapping
from ingest.profile.quoting import quoted
from ingest.profile.sources import DECLARED_KEYS, SOURCE_KEYS
from ingest.profile.units import canonical
from ingest.topics import parse_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BOX", "document_of", "kinds_of", "sensor_type_from"]

BOX: Final = ("box_x", "box_y", "box_w", "box_h")
"""The number fields that stand for ``box`` of a message."""
_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|min|h|d)")
_UNITS_OF_TIME: Final = {"d": 86_400_000, "h": 3_600_000, "min": 60_000, "s": 1000, "ms": 1}
_RESERVED: Final = frozenset(
    {
        *COMMON_NUMBERS,
        *COMMON_TEXTS,
        *BOX,
        *("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"),  # PostgreSQL's own
        "device",
        "device_id",
        "position",
        "received_at",
        "row_key",
        "sensor_type",
        "time",
        "units",
    }
)
_LARGEST: Final = 1_048_576
_LAST_VERSION: Final = 2**31 - 1
_MOST_FIELDS: Final = 200
_LONGEST_DOCUMENT: Final = 262_144
_OWN: Final = frozenset(
    "id version family name moving late accept admission max_bytes key fields".split()  # noqa: SIM905
)
_TOP: Final = _OWN | KEYS | {"topics", "into"}
_OF_TARGET: Final = ("family", "moving", "late", "accept", "admission", "key")
_MOST_TOPICS: Final = 32


def sensor_type_from(
    document: Mapping[str, Any] | str | bytes,
    warnings: list[str] | None = None,
    known: Mapping[str, SensorType] | None = None,
) -> SensorType:
    """The sensor type that a document declares.

    Args:
        document: The parsed document, or its YAML or JSON text.
        known: Registered sensor types by id, for ``into``.
        warnings: Gets a sentence for each thing that is allowed and probably not meant (a number without a unit ...).

    Raises:
        SensorTypeError: Something is wrong; names the path inside the document and says how to mend it.

    Example:
        >>> t = sensor_type_from("{id: well, family: meter, name: {zh: 井, en: Well}, fields: {depth_cm: {unit: cm}}}")
        >>> t.id, t.fields[0].unit, t.late.total_seconds()
        ('well', 'cm', 30.0)
    """
    told: list[str] = [] if warnings is None else warnings
    top = _mapping("", _parsed(document) if isinstance(document, (str, bytes)) else document)
    _only(top, _TOP, "")
    sensor_type_id = top.get("id")
    if not isinstance(sensor_type_id, str) or not _ID.fullmatch(sensor_type_id):
        raise SensorTypeError(
            "id", f"{_shown(sensor_type_id)} is no identifier; use a to z, digits, _ and -, at most 48"
        )
    version = top.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= _LAST_VERSION:
        raise SensorTypeError("version", f"{_shown(version)} is not a whole number from 1 to {_LAST_VERSION}")
    target = _target(top, known or {})
    families = [m.value for m in Modality]
    family = target.family.value if target else top.get("family")
    if family not in families:
        raise SensorTypeError("family", f"{_shown(family)} is none of {', '.join(families)}")
    fields = target.fields if target else _fields(top, told)
    profile = _profile(top, fields)
    topics = _topics(top, sensor_type_id, profile is not None)
    names = {f.name for f in fields}
    key = _texts("key", top.get("key", []))
    for i, name in enumerate(key):
        if name not in names:
            raise SensorTypeError(f"key[{i}]", f"no field {_shown(name)}; name one of {', '.join(sorted(names))}")
    accept = _mapping("accept", top.get("accept", {}))
    _only(accept, frozenset({"past", "future"}), "accept")
    admission = top.get("admission", "open")
    if admission not in ("open", "closed"):
        raise SensorTypeError("admission", f"{_shown(admission)} is neither open nor closed")
    max_bytes = top.get("max_bytes", 65536)
    if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or not 1 <= max_bytes <= _LARGEST:
        raise SensorTypeError("max_bytes", f"{_shown(max_bytes)} is not a whole number from 1 to {_LARGEST}")
    moving = top.get("moving", False)
    if not isinstance(moving, bool):
        raise SensorTypeError("moving", f"{_shown(moving)} is neither true nor false")
    if unnamed := [f.name for f in fields if not f.label.zh and f.name not in BOX[1:]]:
        example = "label: {zh: 水位, en: Water level}"
        told.append(f"fields: {', '.join(unnamed)[:300]} have no label; give one in both languages, like {example}")
    if profile is not None:
        told += _doubts(top, profile)
    title = _text("name", top.get("name"), told)
    if target is not None:
        return replace(
            target,
            id=sensor_type_id,
            version=version,
            name=title,
            max_bytes=max_bytes,
            topics=topics,
            profile=profile,
            into=target.id,
        )
    return SensorType(
        id=sensor_type_id,
        version=version,
        family=Modality(family),
        name=title,
        fields=fields,
        key=tuple(key),
        past=_duration("accept.past", accept.get("past", "7d")),
        future=_duration("accept.future", accept.get("future", "5min")),
        late=_duration("late", top.get("late", "30s")),
        admission=admission,
        max_bytes=max_bytes,
        moving=moving,
        topics=topics,
        profile=profile,
    )


def _target(top: Mapping[str, Any], known: Mapping[str, SensorType]) -> SensorType | None:
    """The sensor type that the readings are stored as, None: this one."""
    into = top.get("into")
    if into is None:
        return None
    found = known.get(into) if isinstance(into, str) else None
    if found is None or found.into is not None or found.retired:
        raise SensorTypeError("into", f"no sensor type {_shown(into)} keeps rows here; `sensor-type list` names them")
    for key in _OF_TARGET:
        if key in top:
            raise SensorTypeError(key, f"rows go into {into}, whose {key} holds; leave it out here")
    for name, entry in (top.get("fields") or {}).items():
        declared = sorted(DECLARED_KEYS & entry.keys()) if isinstance(entry, dict) else []
        if declared:
            raise SensorTypeError(
                f"fields.{name}.{declared[0]}", f"{into} declares its fields; say only where the value comes from"
            )
    return found


def _profile(top: Mapping[str, Any], fields: Sequence[Field]) -> str | None:
    """JSON of what the document says about its messages, compiled once to see that it is right; None: nothing."""
    sources: dict[str, Any] = {}
    for name, entry in (top.get("fields") or {}).items():
        if isinstance(entry, dict) and "from" in entry:
            sources[name] = {k: v for k, v in entry.items() if k in SOURCE_KEYS}
        elif isinstance(entry, dict) and (stray := sorted(SOURCE_KEYS & entry.keys())):
            raise SensorTypeError(f"fields.{name}.{stray[0]}", "is of no use without from; say where the value is")
        elif isinstance(entry, str):
            sources[name] = {"from": entry}
    said = {key: top[key] for key in sorted(KEYS - {"fields"}) if key in top}
    if not said and not sources:
        if "topics" in top or "into" in top:
            raise SensorTypeError("fields", "no field says where it comes from; write like temp_c: {from: it.temp}")
        return None
    units = {f.name: f.unit for f in fields}
    if isinstance(said.get("observations"), list):
        said["observations"] = [_without_declared(o, units) for o in said["observations"]]
    said["fields"] = _with_units(sources, units)
    compile_mapping(said, kinds_of(fields))
    try:
        return json.dumps(said, ensure_ascii=False)
    except (TypeError, ValueError):
        raise SensorTypeError("", "a value in it is no text, number, list or mapping; put quotes round it") from None


def _with_units(sources: Mapping[str, Any], units: Mapping[str, str | None]) -> dict[str, Any]:
    """Sources that convert units, with the unit they convert to."""
    return {
        n: {**e, "unit_to": units.get(n)} if isinstance(e, dict) and "unit_from" in e else e for n, e in sources.items()
    }


def _without_declared(form: Any, units: Mapping[str, str | None]) -> Any:
    if not isinstance(form, dict) or not isinstance(form.get("fields"), dict):
        return form
    fields = {
        n: {k: v for k, v in e.items() if k not in DECLARED_KEYS} if isinstance(e, dict) and "from" in e else e
        for n, e in form["fields"].items()
    }
    return {**form, "fields": _with_units(fields, units)}


def kinds_of(fields: Sequence[Field]) -> dict[str, str]:
    """Field name -> kind, with ``box`` for the four fields that are one.

    Example:
        >>> kinds_of([Field(name=n) for n in BOX])
        {'box': 'box'}
    """
    kinds = {f.name: f.kind.value for f in fields}
    if kinds.keys() >= set(BOX):
        kinds = {n: k for n, k in kinds.items() if n not in BOX} | {"box": "box"}
    return kinds


def _topics(top: Mapping[str, Any], sensor_type_id: str, has_profile: bool) -> tuple[str, ...]:
    raw = top.get("topics")
    if raw is None:
        return (f"city/{sensor_type_id}/{{device}}",) if has_profile else ()
    if isinstance(raw, str):
        raw = [raw]
    if not isinstance(raw, list) or not 1 <= len(raw) <= _MOST_TOPICS:
        raise SensorTypeError("topics", f"write 1 to {_MOST_TOPICS} topics as a list, like ['meters/{{device}}/up']")
    for i, text in enumerate(raw):
        topic = parse_topic(text, f"topics[{i}]")
        if topic.filter.startswith("city/") and topic.levels[1:2] != ((sensor_type_id, ""),):
            raise SensorTypeError(f"topics[{i}]", f"below city/ only city/{sensor_type_id}/... is yours")
        if "device" not in top and "device" not in topic.names and not _all_forms_name_a_device(top):
            raise SensorTypeError(
                f"topics[{i}]", "names no {device}; capture it, or say device: with an expression like it.dev_id"
            )
    return tuple(raw)


def _all_forms_name_a_device(top: Mapping[str, Any]) -> bool:
    forms = top.get("observations")
    return isinstance(forms, list) and all(isinstance(o, dict) and "device" in o for o in forms)


def _doubts(top: Mapping[str, Any], profile: str) -> list[str]:
    """What is allowed and often forgotten."""
    told = []
    forms = [top, *(o for o in top.get("observations") or () if isinstance(o, dict))]
    if not any("time" in form for form in forms):
        told.append("time: none is read, so the time of receipt counts; say time: it.ts where the device tells it")
    if any("each" in form for form in forms) and not any("row_id" in form for form in forms):
        told.append(
            "row_id: several readings of a device may share a time; say row_id: key, or a track, to tell them apart"
        )
    return told


def document_of(sensor_type: SensorType) -> dict[str, Any]:
    """The document that declares this sensor type; ``sensor_type_from`` of it gives the same one.

    Example:
        >>> a = sensor_type_from("{id: a, family: meter, name: {zh: 甲, en: A}, fields: {x_pct: {range: [0, 1]}}}")
        >>> document_of(a)["fields"]
        {'x_pct': {'kind': 'number', 'range': [0, 1], 'label': {'zh': '', 'en': ''}}}
    """
    fields: dict[str, Any] = {}
    boxed = {f.name for f in sensor_type.fields} >= set(BOX)
    for f in sensor_type.fields:
        label = {"zh": f.label.zh, "en": f.label.en}
        if boxed and f.name in BOX:
            fields.setdefault("box", {"kind": "box", "label": label})
            continue
        entry: dict[str, Any] = {"kind": f.kind.value}
        if f.unit is not None:
            entry["unit"] = f.unit
        if f.low is not None or f.high is not None:
            entry["range"] = [_plain(f.low), _plain(f.high)]
        if f.values is not None:
            entry["values"] = list(f.values)
        fields[f.name] = {**entry, "label": label}
    return {
        "id": sensor_type.id,
        "version": sensor_type.version,
        "family": sensor_type.family.value,
        "name": {"zh": sensor_type.name.zh, "en": sensor_type.name.en},
        "moving": sensor_type.moving,
        "late": _shown_duration(sensor_type.late),
        "accept": {"past": _shown_duration(sensor_type.past), "future": _shown_duration(sensor_type.future)},
        "admission": sensor_type.admission,
        "max_bytes": sensor_type.max_bytes,
        "key": list(sensor_type.key),
        "fields": fields,
    }


def _fields(top: Mapping[str, Any], told: list[str]) -> tuple[Field, ...]:
    raw = top.get("fields", {})
    if not isinstance(raw, dict):
        raise SensorTypeError("fields", "name at least one field, like depth_cm: {unit: cm}")
    raw = {**_declared_in_forms(top, raw), **raw}
    if not raw:
        raise SensorTypeError("fields", "name at least one field, like depth_cm: {unit: cm}")
    if len(raw) > _MOST_FIELDS:
        raise SensorTypeError("fields", f"{len(raw)} fields are more than {_MOST_FIELDS}; make two sensor types of it")
    out: list[Field] = []
    for name, entry in raw.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise SensorTypeError(
                f"fields.{_key(name)}", "a field's name is a to z, digits and _, at most 48 characters"
            )
        if re.search(r"__v[0-9]+$", name):
            raise SensorTypeError(f"fields.{name}", "names that end in __v and a number are for columns of versions")
        if name in _RESERVED:
            raise SensorTypeError(
                f"fields.{name}", "every sensor type has this column already; leave it out or rename it"
            )
        if isinstance(entry, str):
            entry = {"from": entry}  # noqa: PLW2901 - a field in short
        out.extend(_field(name, _mapping(f"fields.{name}", {} if entry is None else entry), told))
    return tuple(out)


def _declared_in_forms(top: Mapping[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Fields that only forms of ``observations`` declare (with a unit, a kind ...)."""
    out: dict[str, Any] = {}
    for i, form in enumerate(top.get("observations") or () if isinstance(top.get("observations"), list) else ()):
        fields = form.get("fields") if isinstance(form, dict) else None
        for name, entry in (fields if isinstance(fields, dict) else {}).items():
            if name in raw:
                continue
            declared = {k: v for k, v in entry.items() if k in DECLARED_KEYS} if isinstance(entry, dict) else {}
            if name in out and declared and out[name] not in ({}, declared):
                raise SensorTypeError(
                    f"observations[{i}].fields.{name}", "is declared in another way above; declare it in fields, once"
                )
            out[name] = declared or out.get(name, {})
    return out


def _field(name: str, entry: Mapping[str, Any], told: list[str]) -> list[Field]:
    path = f"fields.{name}"
    _only(entry, DECLARED_KEYS | SOURCE_KEYS, path)
    label = _text(f"{path}.label", entry.get("label"), [])
    kind = entry.get("kind", "text" if "values" in entry else "number")
    if kind == "box":
        if name != "box" or set(entry) - {"kind", "label", "from", "form", "divide"}:
            raise SensorTypeError(path, "kind box is for the field box only, and takes nothing but a label")
        return [Field(name=part, low=0.0, high=1.0, label=label) for part in BOX]
    if kind not in [k.value for k in FieldKind]:
        raise SensorTypeError(f"{path}.kind", f"{_shown(kind)} is none of number, boolean, text, box")
    unit = entry.get("unit")
    if unit is not None and (not isinstance(unit, str) or not re.fullmatch(r"[!-~]{1,48}", unit)):
        raise SensorTypeError(f"{path}.unit", f"{_shown(unit)} is no UCUM code such as Cel, m3/h or %")
    low, high = _range(f"{path}.range", entry["range"]) if entry.get("range") is not None else (None, None)
    values = entry.get("values")
    if kind != "number":
        for word in ("unit", "range"):
            if entry.get(word) is not None:
                raise SensorTypeError(f"{path}.{word}", f"only numbers have a {word}; this field is {kind}")
    elif unit is None:
        told.append(f"{path}: a number without a unit; give its UCUM code, or 1 for a plain count or ratio")
    elif (known := canonical(unit)) != unit:
        hint = f"UCUM writes it {known}" if known else "no unit is known by it; give its UCUM code, like Cel, m3/h or %"
        told.append(f"{path}.unit: {unit}: {hint}")
    if values is not None:
        if kind != "text":
            raise SensorTypeError(f"{path}.values", f"only texts have a list of values; this field is {kind}")
        values = _texts(f"{path}.values", values)
        if not values:
            raise SensorTypeError(f"{path}.values", "an empty list refuses everything; name values or leave it out")
    return [
        Field(
            name=name,
            kind=FieldKind(kind),
            unit=unit,
            low=low,
            high=high,
            values=None if values is None else tuple(values),
            label=label,
        )
    ]


class _Loader(yaml.SafeLoader):
    """YAML without aliases (a short text could stand for a huge one) and without keys that replace each other."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias (*name) is not allowed; write the value out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(seen)) < len(seen):
            twice = next(key for key, count in Counter(seen).items() if count > 1)
            raise yaml.YAMLError(f"key {twice!r} stands there twice")
        return super().construct_mapping(node, deep)


# YAML 1.1 takes on, off, yes, no, y and n for truth values, and devices say them all the time; 1.2 and people do not.
_BOOL: Final = "tag:yaml.org,2002:bool"
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in pairs if tag != _BOOL]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))


def _parsed(text: str | bytes) -> Any:
    if len(text) > _LONGEST_DOCUMENT:
        raise SensorTypeError("", f"the document is longer than {_LONGEST_DOCUMENT} characters")
    try:
        text = quoted(text.decode() if isinstance(text, bytes) else text)
        return yaml.load(text, _Loader)  # noqa: S506 - a subclass of SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError, LookupError, AttributeError, TypeError) as e:
        # the last three come out of PyYAML where a tag does not fit its value, like !!timestamp x
        first = " ".join(str(e).split())[:200]
        if "flow mapping" in first or "flow sequence" in first:
            first += "; inside {...} and [...] put quotes round an expression that has a comma, a bracket or a colon"
        raise SensorTypeError("", f"the document is neither YAML nor JSON: {first}") from None


def _mapping(path: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise SensorTypeError(path, f"{_shown(value)} stands where a mapping of keys to values is wanted")
    return value


def _only(entry: Mapping[str, Any], allowed: frozenset[str], path: str) -> None:
    for key in entry:
        if key not in allowed:
            where = f"{path}.{_key(key)}" if path else _key(key)
            if isinstance(key, str) and key.count(")") + key.count("]") > key.count("(") + key.count("["):
                raise SensorTypeError(path, "inside {...} put quotes round an expression with a comma or a bracket")
            raise SensorTypeError(where, f"no such key; allowed are {', '.join(sorted(allowed))}")


def _text(path: str, value: Any, told: list[str]) -> Text:
    if value is None:
        told.append(f"{path}: missing; give it in both languages, like {{zh: 水位, en: Water level}}")
        return Text("", "")
    entry = _mapping(path, value)
    _only(entry, frozenset({"zh", "en"}), path)
    for language in ("zh", "en"):
        part = entry.get(language)
        if not isinstance(part, str) or len(part) > 200 or not part.isprintable():
            raise SensorTypeError(
                f"{path}.{language}", f"{_shown(part)} is no text of at most 200 printable characters"
            )
    return Text(entry["zh"], entry["en"])


def _texts(path: str, value: Any) -> Sequence[str]:
    if not isinstance(value, list):
        raise SensorTypeError(path, f"{_shown(value)} stands where a list of texts is wanted")
    for i, item in enumerate(value):
        if not isinstance(item, str) or not 1 <= len(item) <= 200 or not item.isprintable():
            raise SensorTypeError(f"{path}[{i}]", f"{_shown(item)} is no printable text; put quotes round it")
    if len(set(value)) != len(value):
        raise SensorTypeError(path, "a value stands there twice")
    return value


def _range(path: str, value: Any) -> tuple[float | None, float | None]:
    if not isinstance(value, list) or len(value) != 2:
        raise SensorTypeError(path, f"{_shown(value)} is no range; write [low, high], with null for an open end")
    ends: list[float | None] = []
    for i, end in enumerate(value):
        number = isinstance(end, (int, float)) and not isinstance(end, bool) and abs(end) <= sys.float_info.max
        if end is not None and not number:
            raise SensorTypeError(f"{path}[{i}]", f"{_shown(end)} is no number")
        ends.append(None if end is None else float(end))
    low, high = ends
    if low is not None and high is not None and low > high:
        raise SensorTypeError(path, f"{_plain(low)} is more than {_plain(high)}; write the lower end first")
    return low, high


def _duration(path: str, value: Any) -> timedelta:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise SensorTypeError(path, f"{_shown(value)} is no duration; write a number and ms, s, min, h or d, like 30s")
    try:
        return timedelta(milliseconds=float(found[1]) * _UNITS_OF_TIME[found[2]])
    except OverflowError:
        raise SensorTypeError(path, f"{value} is longer than two million years") from None


def _shown_duration(value: timedelta) -> str:
    ms = value / timedelta(milliseconds=1)
    for unit, size in _UNITS_OF_TIME.items():
        if ms % size == 0:
            return f"{int(ms // size)}{unit}"
    return f"{ms}ms"


def _plain(value: float | None) -> float | int | None:
    return int(value) if value is not None and value.is_integer() and abs(value) < 1e15 else value


def _shown(value: Any) -> str:
    if isinstance(value, int) and abs(value) > sys.float_info.max:
        return "a number of more than 300 digits"  # Python does not print those of thousands
    return "nothing" if value is None else repr(value)[:80]


def _key(key: Any) -> str:
    """A key as part of a path."""
    return key if isinstance(key, str) and len(key) <= 80 and key.isprintable() else _shown(key)
