"""From an NGSI entity, or the JSON Schema of its type, to the document of a sensor type: any Smart Data Model registers in a loop. Pure.

The document reads messages with the input ``ngsi`` (``ingest.decoders.ngsi``), so one document takes NGSIv2 and NGSI-LD,
normalized or as keys and values, alone, in lists and in notifications. Numbers, truth values and texts become fields of
their kind; lists and objects are kept as JSON text, Relationships as the id they point to. Units come from ``unitCode``
and from the words of the schema; what the name of an attribute lets guess is a doubt, and so is everything else that
nobody told. Doubts stand as comments in the document.
"""  # noqa: E501 - a table

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from ingest.decoders import Message
from ingest.decoders.ngsi import FORMAT, TIMES, entities_of
from ingest.infer.draft import Draft, DraftField, identifier, path_text
from ingest.infer.guess import unit_of_name, unit_of_words
from ingest.profile.functions import WrongValueError
from ingest.profile.units import canonical

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["document_from_entities", "document_from_schema"]

_NO_FIELDS: Final = frozenset(
    {"id", "type", "location", "context", "@context", *TIMES, "dateObservedFrom", "seeAlso", "dataProvider"}
)
_FAMILIES: Final = (
    (r"vehicle|traffic|bus|trip|transport", "vehicle"),
    (r"drone|uav|aircraft|flight", "low_altitude"),
    (r"camera|video|crowd", "video"),
    (r"alert|event|issue|report|alarm", "service"),
)


def document_from_entities(
    entities: Any, topics: Sequence[str] = (), sensor_type_id: str | None = None
) -> tuple[str, list[str]]:
    """The YAML document of a sensor type for entities like these, and its doubts.

    Args:
        entities: Parsed JSON: an entity, a list of entities of one type, or a notification.
        topics: That the document takes; default ``ngsi/TYPE`` and what is below it.
        sensor_type_id: Its id; default ``ngsi-`` and the type.

    Raises:
        SensorTypeError: There is no entity, or they are of several types.

    Example:
        >>> text, doubts = document_from_entities({"id": "t1", "type": "Tank", "fill": {"type": "Number", "value": 3,
        ...     "metadata": {"unitCode": {"value": "MTR"}}}})
        >>> text.splitlines()[-1][:43]
        '  fill: {unit: "m", from: "msg.values.fill"'
    """
    try:
        found = entities_of(entities)
        raw = Message(json.dumps(found).encode(), {}, 0)
        documents = FORMAT.read(raw, FORMAT.settings)
    except WrongValueError as e:
        raise SensorTypeError("", f"this is no NGSI entity: {e}") from None
    types = sorted({d["type"] for d in documents})
    if len(types) != 1:
        raise SensorTypeError("", f"entities of several types ({', '.join(types)[:200]}); make a document of each")
    values: dict[str, list[Any]] = {}
    units: dict[str, str] = {}
    for document in documents:
        for name, value in document["values"].items():
            values.setdefault(name, []).append(value)
        units |= document["units"]
    draft = _draft(types[0], "its messages")
    draft.said |= {k: v for k, v in (("topics", list(topics)), ("id", sensor_type_id)) if v}
    for name, seen in values.items():
        if name not in _NO_FIELDS:
            _add(draft, name, _entry_of(name, seen, units.get(name)), units.get(name))
    if any(d["location"] and d["location"].get("type") != "Point" for d in documents):
        _add_geometry(draft)
    times = [d["time"] for d in documents]
    if None in times:
        draft.doubts.append("some messages tell no time, that of receipt counts for them")
    if any(isinstance(t, str) and not re.search(r"(Z|[+-]\d\d:?\d\d)$", t) for t in times):
        draft.doubts.append("times without a zone are read as UTC; make zone that of the publisher, like Europe/Madrid")
    return _finished(draft)


def document_from_schema(schema: Mapping[str, Any], type_name: str | None = None) -> tuple[str, list[str]]:
    """The YAML document of a sensor type for entities that a JSON Schema describes, and its doubts.

    Args:
        schema: As Smart Data Models publish it (``allOf``, ``properties``, ``x-ngsi``); references to other files are
            left as they are: what only stands there (names, addresses, owners) makes no field.
        type_name: Type of the entities; default the schema's ``type`` enumeration or title.

    Raises:
        SensorTypeError: The schema names no properties.

    Example:
        >>> text, _ = document_from_schema({"title": "Tank", "properties": {"fill": {"type": "number", "minimum": 0,
        ...     "description": "Property. Units:'meters'. How full it is."}}})
        >>> text.splitlines()[-2][:43]
        '  fill: {unit: "m", from: "msg.values.fill"'
    """
    properties = dict(_properties(schema, 0))
    if not properties:
        raise SensorTypeError("", "the schema names no properties; give that of one type of entity")
    named = properties.get("type", {}).get("enum") or [properties.get("type", {}).get("const")]
    name = type_name or named[0] or str(schema.get("title", "entity")).split(" ")[-1]
    draft = _draft(str(name), "the schema")
    for key, entry in properties.items():
        if key not in _NO_FIELDS:
            _add(draft, key, _entry_of_schema(entry), None)
    _add_geometry(draft)
    return _finished(draft)


def _draft(type_name: str, source: str) -> Draft:
    name = identifier(type_name)
    lower = type_name.lower()
    family = next((f for pattern, f in _FAMILIES if re.search(pattern, lower)), "meter")
    title = json.loads(json.dumps(type_name))[:100]
    return Draft(
        said={
            "id": f"ngsi-{name}"[:48].rstrip("-"),
            "version": 1,
            "family": family,
            "name": {"zh": f"{title}（NGSI）", "en": f"{title} (NGSI)"},
            "topics": [f"ngsi/{type_name}/{{rest*}}"],
            "zone": "UTC",
            "late": "1h",
            "accept": {"past": "36500d", "future": "1h"},
            "max_bytes": 1_048_576,
            "device": "msg.device",
            "time": "msg.time",
            "position": {"point": "msg.location"},
            "ignore": f"msg.type != {json.dumps(type_name)}",
        },
        notes={"family": f"guessed from the name; fields are those of {source}", "accept": "also what was long ago"},
    )


def _entry_of(name: str, seen: Sequence[Any], unit: Any) -> DraftField:
    """A field for the values that were seen."""
    there = [v for v in seen if v is not None and v != ""]
    if there and all(isinstance(v, bool) for v in there):
        return DraftField("", kind="boolean")
    if there and all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in there):
        return _with_unit(DraftField(""), name, [float(v) for v in there], unit)
    doubt = "" if there else "no value was seen, a text is assumed"
    return DraftField("", kind="text", doubt=doubt)


def _entry_of_schema(entry: Mapping[str, Any]) -> DraftField:
    known = [e for e in (entry, *entry.get("anyOf", ()), *entry.get("oneOf", ())) if isinstance(e, dict)]
    kinds = {k for e in known for k in ([e["type"]] if isinstance(e.get("type"), str) else e.get("type") or ())}
    said = entry.get("description", "")
    label = re.sub(r"^(Geo)?(Property|Relationship)\.\s*(Model:\s*'[^']*'\.?)?\s*", "", said).strip()
    if kinds & {"number", "integer"} and not kinds & {"string", "object", "array"}:
        field = DraftField("", label=label)
        bounds = [next((e[k] for e in known if _is_number(e.get(k))), None) for k in ("minimum", "maximum")]
        if bounds != [None, None]:  # publishers break these (a wind direction of 186 where 180 is the most)
            field.doubt = f"DOUBT: the schema allows {bounds[0]}..{bounds[1]}; say range where that shall be refused"
        extra = entry.get("x-ngsi")
        words = [extra.get("units")] if isinstance(extra, dict) else []
        field.unit = next(
            (u for u in (*(unit_of_words(f"Units: '{w}'") for w in words if w), unit_of_words(said)) if u), None
        )
        return field
    if kinds == {"boolean"}:
        return DraftField("", kind="boolean", label=label)
    listed = entry.get("enum")
    doubt = (
        f"DOUBT: the schema allows {json.dumps(listed, ensure_ascii=False)[:100]}" if isinstance(listed, list) else ""
    )
    return DraftField("", kind="text", label=label, doubt=doubt)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _with_unit(field: DraftField, name: str, values: Sequence[float], unit: Any) -> DraftField:
    """The field with its unit: what the message says, else what the name lets guess."""
    code = canonical(unit) if isinstance(unit, str) else None
    if code is not None:
        field.unit = code
        return field
    guessed, sure = unit_of_name(name, list(values))
    field.unit = guessed
    doubt = ""
    if guessed is None:
        doubt = "nobody told the unit" + (f", {str(unit)[:20]} is not known here" if unit else "")
    elif not sure:
        doubt = f"{guessed} is guessed from the name"
    if doubt:
        field.doubt = f"{field.doubt}; {doubt}" if field.doubt else f"DOUBT: {doubt}"
    return field


def _add(draft: Draft, name: str, field: DraftField, unit: Any) -> None:
    path = path_text("msg.values", [name])
    field.name = draft.name_for(f"{draft.said['id'].removeprefix('ngsi-')}_{name}" if name == "status" else name)
    if field.kind == "number":
        field.source = path
        if field.unit is None and "unit" not in field.doubt:
            field = _with_unit(field, name, [], unit)
        if field.unit is not None:  # messages may tell another one
            field.unit_from = f"first({path_text('msg.units', [name])}, {json.dumps(field.unit)})"
    elif field.kind == "boolean":
        field.source = path
    else:
        field.source = f"first(only_text({path}), text({path}))[:1024]"
    field.label = " ".join(re.sub(r"[^\S ]+", " ", field.label).split()) or name
    field.label = "".join(c for c in field.label if c.isprintable())
    if field.doubt.startswith("DOUBT"):
        draft.doubts.append(f"{field.name}: {field.doubt.removeprefix('DOUBT: ')}")
    draft.fields.append(field)


def _add_geometry(draft: Draft) -> None:
    """Areas and lines beside their middle, as far as a text field holds them."""
    text = "json_text(msg.location)"
    source = f'{text} if msg.location.type != "Point" and length({text}) <= 1024 else None'
    draft.fields.append(DraftField(draft.name_for("geometry"), source=source, kind="text", label="location as GeoJSON"))


def _finished(draft: Draft) -> tuple[str, list[str]]:
    if not draft.fields:
        draft.fields.append(DraftField("entity", source="msg.id", kind="text", label="id of the entity"))
    first = ("id", "version", "family", "name", "topics")
    draft.said = {**{k: draft.said[k] for k in first}, "input": "ngsi", **draft.said}
    return draft.text(), draft.doubts


def _properties(schema: Any, depth: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The properties of a schema, also those inside ``allOf``."""
    if not isinstance(schema, dict) or depth > 4:
        return
    for part in schema.get("allOf", ()) if isinstance(schema.get("allOf"), list) else ():
        yield from _properties(part, depth + 1)
    inner = schema.get("properties")
    for name, entry in (inner if isinstance(inner, dict) else {}).items():
        if isinstance(entry, dict):
            yield str(name), entry
