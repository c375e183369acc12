"""NGSIv2 and NGSI-LD entities, normalized, as keys and values or as GeoJSON, alone, in lists or in notifications.

| of an entity | becomes |
|---|---|
| ``id`` | ``id``; ``device`` is the same without a time at its end and without blanks and ``/ + #`` |
| ``type`` | ``type``, the last part of a long name |
| an attribute ``{"type": "Property", "value": 3}`` or ``3`` | ``values.name``; of a Relationship its ``object`` |
| ``unitCode`` (NGSI-LD), ``metadata.unitCode`` (NGSIv2) | ``units.name``, as it stands |
| ``observedAt``, ``metadata.timestamp``, ``metadata.TimeInstant`` | ``time`` of a document of its own: what was observed at one time goes together, what has no time goes with the newest |
| ``TimeInstant dateObserved observationDateTime ...`` (the first that is there; of ``a/b`` the end, ``start`` is the other) | ``time`` where no attribute has one |
| ``location`` (GeoJSON, ``geo:point``) | ``location``, GeoJSON |
| ``@context``, names that are addresses | left out; the last part of the address |

Source: ETSI GS CIM 009 (NGSI-LD), 4.5; FIWARE NGSIv2 specification, "JSON Entity Representation"; the order of times is
our own.
"""  # noqa: E501 - a table

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ingest.decoders import Format
from ingest.profile.clock import time_reader, zone_of
from ingest.profile.functions import WrongValueError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.decoders import Message

__all__ = ["FORMAT", "TIMES", "entities_of", "is_entity"]

TIMES: Final = (
    "TimeInstant",
    "dateObserved",
    "observationDateTime",
    "dateObservedTo",
    "dateLastValueReported",
    "timestamp",
    "dateIssued",
    "dateEnergyMeteringTo",
    "dateModified",
    "modifiedAt",
    "dateCreated",
)
"""Attributes that say when, the first that is there."""
_MOST_ENTITIES: Final = 10_000
_TYPES: Final = frozenset(
    "Property Relationship GeoProperty LanguageProperty JsonProperty ListProperty VocabProperty".split()  # noqa: SIM905
)
_GEOMETRIES: Final = frozenset("Point LineString Polygon MultiPoint MultiLineString MultiPolygon".split())  # noqa: SIM905
_MEMBERS: Final = ("value", "object", "languageMap", "json", "valueList", "vocab")
_TIME_AT_END: Final = re.compile(r"[-_:]\d{4}-?\d\d-?\d\dT\d\d[:.]?\d\d\S*$")
_read_time: Final = time_reader("iso", zone_of("UTC", ""), "time")


def entities_of(document: Any) -> list[dict[str, Any]]:
    """The entities of a document: itself, those of a list, or those of a notification.

    Raises:
        WrongValueError: There is none.

    Example:
        >>> [e["id"] for e in entities_of({"subscriptionId": "s", "data": [{"id": "a", "type": "T"}]})]
        ['a']
    """
    if isinstance(document, dict) and isinstance(document.get("data"), list) and "value" not in document:
        document = document["data"]
    if isinstance(document, dict) and document.get("type") == "FeatureCollection":
        document = document.get("features")
    listed = document if isinstance(document, list) else [document]
    if len(listed) > _MOST_ENTITIES:
        raise WrongValueError(f"payload: {len(listed)} entities are more than {_MOST_ENTITIES}", "too_large")
    out = []
    for i, one in enumerate(listed):
        where = f"[{i}]" if listed is document else "payload"
        entity = {_short(k): v for k, v in _unfolded(one).items()} if isinstance(one, dict) else {}
        for key in ("id", "type"):
            value = entity.get(key)
            value = value[0] if key == "type" and isinstance(value, list) and value else value
            if not isinstance(value, str) or not value:
                raise WrongValueError(f"{where}: an NGSI entity has an id and a type, {key} is missing", "missing")
            entity[key] = value
        out.append(entity)
    return out


def is_entity(entity: Mapping[str, Any]) -> bool:
    """Whether an object with id and type is surely an NGSI entity: by its attributes, its id, or how it tells times.

    Example:
        >>> is_entity({"id": "1", "type": "T", "x": {"type": "Number", "value": 3}})
        True
        >>> is_entity({"id": "1", "type": "com.example.reading", "data": {"x": 3}})
        False
    """
    attributes = {k: v for k, v in entity.items() if k not in ("id", "type", "context")}
    if not attributes:
        return False
    normalized = any(isinstance(v, dict) and "type" in v and any(m in v for m in _MEMBERS) for v in attributes.values())
    named = any(t in attributes for t in TIMES if t != "timestamp") or "context" in entity
    return normalized or named or entity["id"].startswith("urn:ngsi-ld:")


def _unfolded(entity: dict[str, Any]) -> dict[str, Any]:
    """An entity that comes as a GeoJSON feature, as the others come."""
    inner = entity.get("properties")
    if entity.get("type") != "Feature" or not isinstance(inner, dict) or "type" not in inner:
        return entity
    return {"id": entity.get("id"), "location": entity.get("geometry"), **inner}


def _short(name: str) -> str:
    """An attribute's name without the address before it (expanded JSON-LD)."""
    return re.split("[/#]", name.removeprefix("@"))[-1] or name if "/" in name or name.startswith("@") else name


def _plain(value: Any) -> Any:
    """A value without the wrappings of JSON-LD."""
    if isinstance(value, dict) and "@value" in value:
        return value["@value"]
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict) and "@value" in value[0]:
        return value[0]["@value"]
    return value


def _is_attribute(raw: Any) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("type"), str) and raw["type"] in _TYPES


def _is_normalized(raw: Mapping[str, Any]) -> bool:
    """Whether an object with a value is an attribute of NGSIv2, whose type some leave out."""
    return "type" in raw or raw.keys() <= {"value", "metadata", "observedAt", "unitCode"}


def _attribute(raw: Any) -> tuple[Any, Any, Any]:
    """Value, unit and time of an attribute in any of its forms."""
    if isinstance(raw, list) and raw and all(_is_attribute(r) for r in raw):
        raw = next((r for r in raw if "datasetId" not in r), raw[0])
    if not isinstance(raw, dict) or not (_is_attribute(raw) or ("value" in raw and _is_normalized(raw))):
        return _plain(raw), None, None
    value = next((_plain(raw[m]) for m in _MEMBERS if m in raw), None)
    if raw.get("type") == "geo:point" and isinstance(value, str):
        value = _geo_point(value)
    metadata = raw.get("metadata")
    noted = metadata if isinstance(metadata, dict) else {}
    noted = {k: v.get("value") if isinstance(v, dict) else v for k, v in noted.items()}
    time = _plain(raw.get("observedAt")) or noted.get("timestamp") or noted.get("TimeInstant")
    return value, raw.get("unitCode") or noted.get("unitCode"), time if isinstance(time, str) else None


def _geo_point(text: str) -> Any:
    """GeoJSON of ``latitude, longitude``."""
    try:
        lat, lon = (float(part) for part in text.split(","))
    except ValueError:
        raise WrongValueError(f"location: {text[:60]!r:.62} is no latitude and longitude") from None
    return {"type": "Point", "coordinates": [lon, lat]}


def _microseconds(time: Any) -> int:
    try:
        return _read_time(time)
    except ValueError:
        return -(1 << 62)


def _documents(entity: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A document for each time at which attributes were observed, oldest first."""
    base: dict[str, Any] = {
        "id": entity["id"],
        "device": re.sub(r"[\s/+#]", "_", _TIME_AT_END.sub("", entity["id"]))[:128],
        "type": _short(entity["type"]),
        "location": None,
    }
    values: dict[Any, dict[str, Any]] = {}
    units: dict[str, Any] = {}
    for name, raw in entity.items():
        if name in ("id", "type", "context"):
            continue
        value, unit, time = _attribute(raw)
        if (
            isinstance(value, dict)
            and str(value.get("type")) in _GEOMETRIES
            and (name == "location" or not base["location"])
        ):
            base["location"] = value
            if name == "location":
                continue
        if unit is not None:
            units[name] = unit
        values.setdefault(time, {})[name] = value
    undated = values.pop(None, {})
    times = sorted(values, key=_microseconds)
    if not times:
        told = next((undated[t] for t in TIMES if isinstance(undated.get(t), str)), None)
        start, slash, end = told.partition("/") if told else (None, "", None)
        return [
            {
                **base,
                "time": end if slash else told,
                "start": start if slash else None,
                "values": undated,
                "units": units,
            }
        ]
    last = times[-1]
    return [
        {**base, "time": t, "start": None, "values": {**(undated if t == last else {}), **values[t]}, "units": units}
        for t in times
    ]


def _read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    try:
        document = msgspec.json.decode(message.payload)
    except RecursionError:
        raise WrongValueError("payload: nested too deep", "too_deep") from None
    except (msgspec.DecodeError, ValueError) as e:
        raise WrongValueError(f"payload: {str(e)[:120]}", "not_json") from None
    return [d for entity in entities_of(document) for d in _documents(entity)]


FORMAT: Final = Format(
    name="ngsi",
    title="NGSIv2 and NGSI-LD entities (FIWARE, ETSI GS CIM 009)",
    read=_read,
)
