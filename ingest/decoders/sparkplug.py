"""Sparkplug B 3.0 (Eclipse Sparkplug, ISO/IEC 20237): edge nodes and devices of industrial sites over MQTT. Pure.

Topic ``spBv1.0/GROUP/TYPE/NODE[/DEVICE]`` (chapter 4); payload protocol buffers (chapter 6.4):

| message | fields |
|---|---|
| payload | 1 timestamp (ms), 2 metrics, 3 seq (0..255 of the node, births begin with 0) |
| metric | 1 name, 2 alias, 3 timestamp, 4 datatype, 5 is_historical, 6 is_transient, 7 is_null, 9 properties; value: 10 int, 11 long, 12 float, 13 double, 14 boolean, 15 string |
| properties | 1 keys, 2 values, each: 1 type, 3 int, 4 long, 5 float, 6 double, 7 boolean, 8 string |

| type | is |
|---|---|
| NBIRTH DBIRTH | all metrics with names, aliases, datatypes and properties: remembered |
| NDATA DDATA | what changed, by alias or name |
| NDEATH DDEATH | node or device is gone; NDEATH only of the birth that has its bdSeq |
| NCMD DCMD STATE | commands and hosts: nothing to store |

Whole numbers are unsigned on the wire; the datatype (table 6.4.16) says their width and sign. An alias that no birth named refuses the message: it can be
retried after a rebirth. A gap of seq does not: how many messages are missing is told (``seq_gap``). Data sets, templates, arrays and bytes have no value here.
"""  # noqa: E501 - tables

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ingest.decoders import Format, Memory, Message
from ingest.decoders._protobuf import as_double, as_float, as_text, fields_of
from ingest.decoders._sparkplug_births import Births, key_of
from ingest.profile.functions import WrongValueError
from ingest.profile.units import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FORMAT"]

_SIGNED: Final = {1: 8, 2: 16, 3: 32, 4: 64}
_UNSIGNED: Final = {5: 8, 6: 16, 7: 32, 8: 64, 13: 64}
_FLOATS, _BOOLEAN, _TEXTS = (9, 10), 11, (12, 14, 15)
_KINDS: Final = {"BIRTH": "birth", "DATA": "data", "DEATH": "death", "CMD": "command"}
_INNER: Final = ("bdSeq", "Node Control/", "Device Control/")
_GOOD, _STALE = 192, 500
_LONGEST_NAME, _LONGEST_UNIT = 512, 64
_MOST_METRICS: Final = 5_000
_MOST_DEVICES: Final = 500


def _properties(data: bytes) -> dict[str, Any]:
    keys, values = list[str](), list[Any]()
    for number, value in fields_of(data, "properties"):
        if number == 1:
            keys.append(as_text(value, "properties.key"))
        elif number == 2 and isinstance(value, bytes):
            found: Any = None
            for part, inner in fields_of(value, "properties.value"):
                if part in (3, 4, 7):
                    found = inner
                elif part == 8:
                    found = as_text(inner, "properties.value")
            values.append(found)
    return dict(zip(keys, values, strict=False))


def _metric(data: bytes) -> dict[str, Any]:
    """As on the wire: name, alias, timestamp, datatype, flags, unit, quality and the raw value."""
    out: dict[str, Any] = {"name": None, "alias": None, "timestamp": None, "type": None, "raw": None, "unit": None}
    out |= {"is_historical": False, "is_transient": False, "is_null": False, "quality": None}
    for number, value in fields_of(data, "metric"):
        if number == 1:
            out["name"] = as_text(value, "metric.name")
            if len(out["name"]) > _LONGEST_NAME:
                raise WrongValueError(f"metric.name: longer than {_LONGEST_NAME} characters", "bad_text")
        elif number in (2, 3, 4) and isinstance(value, int):
            out[("alias", "timestamp", "type")[number - 2]] = value
        elif number in (5, 6, 7):
            out[("is_historical", "is_transient", "is_null")[number - 5]] = bool(value)
        elif number == 9 and isinstance(value, bytes):
            told = _properties(value)
            unit = next((v for k, v in told.items() if k.lower() in ("engunit", "unit", "units")), None)
            unit = (canonical(unit) or unit[:_LONGEST_UNIT]) if isinstance(unit, str) else None
            out |= {"unit": unit, "quality": told.get("Quality")}
        elif number in (10, 11, 14):
            out["raw"] = value
        elif number == 12:
            out["raw"] = as_float(value, "metric.float_value")
        elif number == 13:
            out["raw"] = as_double(value, "metric.double_value")
        elif number == 15:
            out["raw"] = as_text(value, "metric.string_value")
    return out


def _value(raw: Any, datatype: int | None) -> Any:
    """The value by its datatype; None where it has none that can be stored."""
    if datatype in _SIGNED or datatype in _UNSIGNED:
        if not isinstance(raw, int):
            return None
        width = _SIGNED.get(datatype) or _UNSIGNED[datatype]
        low = raw & ((1 << width) - 1)
        return low - (1 << width) if datatype in _SIGNED and low >> (width - 1) else low
    if datatype in _FLOATS:
        return float(raw) if isinstance(raw, (int, float)) else None
    if datatype == _BOOLEAN:
        return bool(raw) if isinstance(raw, int) else None
    if datatype in _TEXTS:
        return raw if isinstance(raw, str) else None
    return None


def _sequence(memory: Memory, key: str, seq: int | None, birth: bool) -> int | None:
    """How many messages of the node are missing before this one; None where that cannot be told."""
    state = dict(memory.get(key) or {})
    if seq is None:
        return None
    last = state.get("seq")
    gap = None if last is None or birth else (seq - last - 1) % 256
    if gap is not None and gap >= 128:
        return 0  # the same once more, or an older one
    memory.put(key, {**state, "seq": seq})
    return gap


def _payload(data: bytes) -> tuple[int | None, int | None, list[dict[str, Any]]]:
    timestamp = seq = None
    metrics: list[dict[str, Any]] = []
    for number, value in fields_of(data, "payload"):
        if number == 1 and isinstance(value, int):
            timestamp = value
        elif number == 3 and isinstance(value, int):
            seq = value & 0xFF
        elif number == 2 and isinstance(value, bytes):
            if len(metrics) == _MOST_METRICS:
                raise WrongValueError(f"payload: more than {_MOST_METRICS} metrics", "too_large")
            metrics.append(_metric(value))
    return timestamp, seq, metrics


def _told(metric: dict[str, Any], births: list[Births], place: str) -> dict[str, Any]:
    """A metric with the name, datatype and unit of its birth, and its value."""
    found = None
    if metric["alias"] is not None or metric["type"] is None or metric["unit"] is None:
        found = next((f for b in births if (f := b.find(metric["name"], metric["alias"])) is not None), None)
    if metric["name"] is None and found is None:
        raise WrongValueError(
            f"metric: no birth of {place} named alias {metric['alias']}; ask the node for a rebirth"
            " (NCMD, Node Control/Rebirth = true), then retry this message",
            "missing",
        )
    name, datatype, unit = found or (None, None, None)
    datatype = metric["type"] or datatype
    raw = metric.pop("raw")
    value = None if metric["is_null"] else _value(raw, datatype)
    quality = metric["quality"]
    return {
        **metric,
        "name": metric["name"] if metric["name"] is not None else name,
        "type": datatype,
        "unit": metric["unit"] or unit,
        "number": value if isinstance(value, (int, float)) and not isinstance(value, bool) else None,
        "text": value if isinstance(value, str) else None,
        "flag": value if isinstance(value, bool) else None,
        "has_value": value is not None,
        "status": None if quality is None else "ok" if quality == _GOOD else "fault",
        "stale": quality == _STALE,
    }


def read(message: Message, settings: Mapping[str, Any]) -> list[Any]:
    """The document of a message; none of commands and of the state of hosts.

    Raises:
        WrongValueError: It cannot be read, or names an alias that no birth named; ``wrong_type``, ``bad_text``,
            ``missing``, ``bad_topic``, ``too_large``.

    Example:
        >>> data = bytes.fromhex("0801 1213 0a0454656d70 1801 200a 69 0000000000003540 1800")
        >>> got = read(Message(data, {"topic": "spBv1.0/G/NBIRTH/N1"}, 0), {})[0]
        >>> got["kind"], got["metrics"][0]["name"], got["metrics"][0]["number"]
        ('birth', 'Temp', 21.0)
    """
    topic = message.captures.get("topic", "")
    parts = topic.split("/")
    kind = _KINDS.get(parts[2][1:]) if len(parts) in (4, 5) and parts[2][:1] == "ND"[len(parts) - 4] else None
    if "STATE" in parts[1:3] or kind == "command":
        return []
    if kind is None:
        raise WrongValueError(f"topic: {topic[:100]!r:.102} is none of Sparkplug B", "bad_topic")
    group, node, device = parts[1], parts[3], parts[4] if len(parts) == 5 else None
    memory = message.memory
    state_key = key_of("node", group, node)
    place = "/".join([group, node, *([device] if device else [])])
    timestamp, seq, metrics = _payload(message.payload)
    bdseq = next((m["raw"] for m in metrics if m["name"] == "bdSeq"), None)
    out: dict[str, Any] = {
        "kind": kind,
        "id": ":".join(part.replace(" ", "_") for part in place.split("/")),
        "group": group,
        "node": node,
        "device": device,
        "timestamp": timestamp,
        "seq": seq,
        "seq_gap": None,
        "gone": [],
    }
    if kind == "death":
        return _death(out, memory, state_key, bdseq)
    out["seq_gap"] = _sequence(memory, state_key, seq, kind == "birth" and device is None)
    births = [Births(memory, key_of("birth", group, node, *([device] if device else [])))]
    if kind == "birth":
        named = [m for m in metrics if m["name"] is not None and m["type"] is not None]
        births[0].keep(named)
        _remember(memory, state_key, device, bdseq)
        births = []
    elif device:
        births.append(Births(memory, key_of("birth", group, node)))
    found = [_told(m, births, place) for m in metrics]
    return [{**out, "metrics": [m for m in found if not m["name"].startswith(_INNER)]}]


def _remember(memory: Memory, key: str, device: str | None, bdseq: Any) -> None:
    state = dict(memory.get(key) or {})
    if device is None:
        state |= {"bdseq": bdseq, "devices": []}
    elif device not in (known := state.get("devices", [])) and len(known) < _MOST_DEVICES:
        state["devices"] = [*known, device]
    memory.put(key, state)


def _death(out: dict[str, Any], memory: Memory, key: str, bdseq: Any) -> list[Any]:
    """A death; none of a birth before the last one. With a node go its devices."""
    state = memory.get(key) or {}
    born = state.get("bdseq")
    if out["device"] is None and None not in (bdseq, born) and bdseq != born:
        return []
    gone = [] if out["device"] else [f"{out['id']}:{d.replace(' ', '_')}" for d in state.get("devices", [])]
    return [{**out, "gone": [out["id"], *gone], "metrics": []}]


FORMAT: Final = Format(
    name="sparkplug",
    title="Sparkplug B 3.0, edge nodes of industrial sites",
    read=read,
)
