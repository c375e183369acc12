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
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from brain.model import Field, Modality, SensorType, Text
from ingest.profile.checks import duration, duration_text, mapping, only, plain_number, shown, text, texts
from ingest.profile.declared import BOX, declared_fields
from ingest.profile.documents import parsed
from ingest.profile.gather import Gather
from ingest.profile.mapping import KEYS, compile_mapping
from ingest.profile.sources import DECLARED_KEYS, SOURCE_KEYS
from ingest.profile.values import text_of
from ingest.topics import parse_topic

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BOX", "document_of", "kinds_of", "sensor_type_from"]

_DASHED: Final = re.compile(r"(?<![.\w])(?:it|msg|parent|topic)(?:\.\w++)++-[A-Za-z_]\w*+(?![\w(.\[])")
_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_LARGEST: Final = 1_048_576
_LAST_VERSION: Final = 2**31 - 1
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
    top = mapping("", parsed(document) if isinstance(document, (str, bytes)) else document)
    gather = Gather()
    with gather:
        only(top, _TOP, "")
    sensor_type_id = top.get("id")
    if not isinstance(sensor_type_id, str) or not _ID.fullmatch(sensor_type_id):
        gather.wrong("id", f"{shown(sensor_type_id)} is no identifier; use a to z, digits, _ and -, at most 48")
        sensor_type_id = ""
    version = top.get("version", 1)
    if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= _LAST_VERSION:
        gather.wrong("version", f"{shown(version)} is not a whole number from 1 to {_LAST_VERSION}")
    target = gather.tried(lambda: _target(top, known or {}), None)
    families = [m.value for m in Modality]
    family = target.family.value if target else top.get("family")
    if family not in families and "into" not in top:
        gather.wrong("family", f"{shown(family)} is none of {', '.join(families)}")
    bad = dict[str, str]()
    own = (lambda: declared_fields(top, told, gather, bad)) if "into" not in top else tuple[Field, ...]
    fields = target.fields if target else gather.tried(own, ())
    whole = bool(fields or bad)  # without any field that is known, each source would be refused for want of one
    profile = gather.tried(lambda: _profile(top, fields, bad), None) if whole else None
    topics = gather.tried(lambda: _topics(top, sensor_type_id, profile is not None or bool(gather.found)), ())
    names = {f.name for f in fields} | bad.keys()
    key = gather.tried(lambda: texts("key", top.get("key", [])), ())
    for i, name in enumerate(key if whole else ()):
        if name not in names:
            gather.wrong(f"key[{i}]", f"no field {shown(name)}; name one of {', '.join(sorted(names))}")
    accept = gather.tried(lambda: mapping("accept", top.get("accept", {})), {})
    with gather:
        only(accept, frozenset({"past", "future"}), "accept")
    past = gather.tried(lambda: duration("accept.past", accept.get("past", "7d")), timedelta())
    future = gather.tried(lambda: duration("accept.future", accept.get("future", "5min")), timedelta())
    late = gather.tried(lambda: duration("late", top.get("late", "30s")), timedelta())
    admission = top.get("admission", "open")
    if admission not in ("open", "closed"):
        gather.wrong("admission", f"{shown(admission)} is neither open nor closed")
    max_bytes = top.get("max_bytes", 65536)
    if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or not 1 <= max_bytes <= _LARGEST:
        gather.wrong("max_bytes", f"{shown(max_bytes)} is not a whole number from 1 to {_LARGEST}")
    moving = top.get("moving", False)
    if not isinstance(moving, bool):
        gather.wrong("moving", f"{shown(moving)} is neither true nor false")
    title = gather.tried(lambda: text("name", top.get("name"), told), Text("", ""))
    gather.end()
    if unnamed := [f.name for f in fields if not f.label.zh and f.name not in BOX[1:]]:
        example = "label: {zh: 水位, en: Water level}"
        told.append(f"fields: {', '.join(unnamed)[:300]} have no label; give one in both languages, like {example}")
    if profile is not None:
        told += _doubts(top, profile)
        told += _outside(profile, fields)
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
        family=Modality(str(family)),
        name=title,
        fields=fields,
        key=tuple(key),
        past=past,
        future=future,
        late=late,
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
        raise SensorTypeError("into", f"no sensor type {shown(into)} keeps rows here; `sensor-type list` names them")
    gather = Gather()
    for key in _OF_TARGET:
        if key in top:
            gather.wrong(key, f"rows go into {into}, whose {key} holds; leave it out here")
    raw = top.get("fields")
    for name, entry in (raw if isinstance(raw, dict) else {}).items():
        declared = sorted(DECLARED_KEYS & entry.keys()) if isinstance(entry, dict) else []
        if declared:
            gather.wrong(
                f"fields.{name}.{declared[0]}", f"{into} declares its fields; say only where the value comes from"
            )
    gather.end()
    return found


def _profile(top: Mapping[str, Any], fields: Sequence[Field], bad: Mapping[str, str]) -> str | None:
    """JSON of what the document says about its messages, compiled once to see that it is right; None: nothing.

    Fields whose declaration is wrong (``bad``, with their kinds) are looked at for their sources all the same.
    """
    gather = Gather()
    sources: dict[str, Any] = {}
    raw = top.get("fields")
    for name, entry in (raw if isinstance(raw, dict) else {}).items():
        if isinstance(entry, dict) and "from" in entry:
            sources[name] = {k: v for k, v in entry.items() if k in SOURCE_KEYS}
            if name in bad:
                sources[name].pop("unit_from", None)
        elif isinstance(entry, dict) and (stray := sorted(SOURCE_KEYS & entry.keys())):
            gather.wrong(f"fields.{name}.{stray[0]}", "is of no use without from; say where the value is")
        elif isinstance(entry, str):
            sources[name] = {"from": entry}
    said = {key: top[key] for key in sorted(KEYS - {"fields"}) if key in top}
    if not said and not sources:
        gather.end()
        if "topics" in top or "into" in top:
            raise SensorTypeError("fields", "no field says where it comes from; write like temp_c: {from: it.temp}")
        return None
    units = {f.name: f.unit for f in fields}
    if isinstance(said.get("observations"), list):
        said["observations"] = [_without_declared(o, units) for o in said["observations"]]
    said["fields"] = _with_units(sources, units)
    with gather:
        compile_mapping(said, {**kinds_of(fields), **bad})
    gather.end()
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
    gather = Gather()
    for i, filter_ in enumerate(raw):
        with gather:
            _topic(top, filter_, f"topics[{i}]", sensor_type_id)
    gather.end()
    return tuple(raw)


def _topic(top: Mapping[str, Any], filter_: Any, path: str, sensor_type_id: str) -> None:
    topic = parse_topic(filter_, path)
    if sensor_type_id and topic.filter.startswith("city/") and topic.levels[1:2] != ((sensor_type_id, ""),):
        raise SensorTypeError(path, f"below city/ only city/{sensor_type_id}/... is yours")
    if "device" not in top and "device" not in topic.names and not _all_forms_name_a_device(top):
        raise SensorTypeError(path, "names no {device}; capture it, or say device: with an expression like it.dev_id")


def _all_forms_name_a_device(top: Mapping[str, Any]) -> bool:
    forms = top.get("observations")
    return isinstance(forms, list) and all(isinstance(o, dict) and "device" in o for o in forms)


def _outside(profile: str, fields: Sequence[Field]) -> list[str]:
    """Words of tables that the list of their field does not have, so that each would be refused."""
    told, said = [], json.loads(profile)
    allowed = {f.name: f.values for f in fields if f.values is not None}
    forms = [("", said), *((f"observations[{i}].", o) for i, o in enumerate(said.get("observations") or ()))]
    for prefix, form in forms:
        for name, entry in form.get("fields", {}).items():
            table = entry.get("table") if isinstance(entry, dict) else None
            values = allowed.get(name)
            odd = [
                w
                for w in (table or {}).values()
                if values is not None and isinstance(w, (str, int, float)) and text_of(w) not in values
            ]
            if odd:
                words = ", ".join(map(str, odd[:5]))
                told.append(
                    f"{prefix}fields.{name}.table: {words} would be refused; values has {', '.join(values or ())}"
                )
    return told


def _doubts(top: Mapping[str, Any], profile: str) -> list[str]:
    """What is allowed and often forgotten."""
    told = []
    forms = [top, *(o for o in top.get("observations") or () if isinstance(o, dict))]
    if not any("time" in form for form in forms):
        told.append("time: none is read, so the time of receipt counts; say time: it.ts where the device tells it")
    if dashed := sorted({found[0] for found in _DASHED.finditer(profile)}):
        before, _, behind = dashed[0].rpartition("-")
        told.append(
            f"{dashed[0]}: is a subtraction of {behind}; a key with - in it is written "
            f'{before.rpartition(".")[0]}["{before.rpartition(".")[2]}-{behind}"]'
        )
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
            entry["range"] = [plain_number(f.low), plain_number(f.high)]
        if f.values is not None:
            entry["values"] = list(f.values)
        fields[f.name] = {**entry, "label": label}
    return {
        "id": sensor_type.id,
        "version": sensor_type.version,
        "family": sensor_type.family.value,
        "name": {"zh": sensor_type.name.zh, "en": sensor_type.name.en},
        "moving": sensor_type.moving,
        "late": duration_text(sensor_type.late),
        "accept": {"past": duration_text(sensor_type.past), "future": duration_text(sensor_type.future)},
        "admission": sensor_type.admission,
        "max_bytes": sensor_type.max_bytes,
        "key": list(sensor_type.key),
        "fields": fields,
    }
