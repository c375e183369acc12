"""The fields that a document declares: kind, unit, range, values, label. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from brain.errors import SensorTypeError
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Field, FieldKind, Text
from ingest.profile import hints
from ingest.profile.checks import key_text, mapping, only, shown, span, text, texts
from ingest.profile.gather import Gather
from ingest.profile.sources import DECLARED_KEYS, SOURCE_KEYS
from ingest.profile.units import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["BOX", "declared_fields"]

BOX: Final = ("box_x", "box_y", "box_w", "box_h")
"""The number fields that stand for ``box`` of a message."""
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
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
_MOST_FIELDS: Final = 200


def declared_fields(top: Mapping[str, Any], told: list[str], gather: Gather, bad: dict[str, str]) -> tuple[Field, ...]:
    """The fields that are declared rightly; those that are not go to ``bad`` with their kinds."""
    raw = top.get("fields", {})
    if not isinstance(raw, dict):
        raise SensorTypeError("fields", "write a mapping from names to fields, like depth_cm: {unit: cm, from: it.d}")
    raw = {**_declared_in_forms(top, raw), **raw}
    if not raw:
        raise SensorTypeError("fields", "name at least one field, like depth_cm: {unit: cm}")
    if len(raw) > _MOST_FIELDS:
        raise SensorTypeError("fields", f"{len(raw)} fields are more than {_MOST_FIELDS}; make two sensor types of it")
    out: list[Field] = []
    for name, entry in raw.items():
        before = len(gather.found)
        with gather:
            _check_name(name)
            out.extend(_declared(name, {"from": entry} if isinstance(entry, str) else entry, told))
        if len(gather.found) > before:
            kind = entry.get("kind", "text" if "values" in entry else "number") if isinstance(entry, dict) else "number"
            bad[name] = kind if kind in (*(k.value for k in FieldKind), "box") else "text"
    return tuple(out)


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SensorTypeError(
            f"fields.{key_text(name)}", "a field's name is a to z, digits and _, at most 48 characters"
        )
    if re.search(r"__v[0-9]+$", name):
        raise SensorTypeError(f"fields.{name}", "names that end in __v and a number are for columns of versions")
    if name in _RESERVED:
        raise SensorTypeError(f"fields.{name}", "every sensor type has this column already; leave it out or rename it")


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


def _declared(name: str, raw: Any, told: list[str]) -> list[Field]:
    path = f"fields.{name}"
    entry = mapping(path, {} if raw is None else raw)
    gather = Gather()
    with gather:
        only(entry, DECLARED_KEYS | SOURCE_KEYS, path)
    label = gather.tried(lambda: text(f"{path}.label", entry.get("label"), []), Text("", ""))
    kind = entry.get("kind", "text" if "values" in entry else "number")
    if kind == "box":
        if name != "box" or set(entry) - {"kind", "label", "from", "form", "divide"}:
            gather.wrong(path, "kind box is for the field box only, and takes nothing but a label")
        gather.end()
        return [Field(name=part, low=0.0, high=1.0, label=label) for part in BOX]
    if kind not in [k.value for k in FieldKind]:
        gather.wrong(f"{path}.kind", f"{shown(kind)} is none of number, boolean, text, box{hints.of_kind(str(kind))}")
        gather.end()
    unit, values, ends = entry.get("unit"), entry.get("values"), entry.get("range")
    if unit == 1 and type(unit) is int:  # YAML reads unit: 1 as a number
        unit = "1"
    if unit is not None and (not isinstance(unit, str) or not re.fullmatch(r"[!-~]{1,48}", unit)):
        known = canonical(unit) if isinstance(unit, str) else None
        hint = f"UCUM writes it {known}" if known else "it is no UCUM code such as Cel, m3/h or %"
        gather.wrong(f"{path}.unit", f"{shown(unit)}: {hint}")
        unit = "1"
    low, high = gather.tried(lambda: (None, None) if ends is None else span(f"{path}.range", ends), (None, None))
    if kind != "number":
        for word in ("unit", "range"):
            if entry.get(word) is not None:
                gather.wrong(f"{path}.{word}", f"only numbers have a {word}; this field is {kind}")
    elif unit is None:
        told.append(f"{path}: a number without a unit; give its UCUM code, or 1 for a plain count or ratio")
    elif (known := canonical(unit)) != unit:
        hint = f"UCUM writes it {known}" if known else "no unit is known by it; give its UCUM code, like Cel, m3/h or %"
        told.append(f"{path}.unit: {unit}: {hint}")
    if values is not None:
        with gather:
            values = _values(f"{path}.values", values, kind)
    gather.end()
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


def _values(path: str, raw: Any, kind: str) -> Sequence[str]:
    if kind != "text":
        raise SensorTypeError(path, f"only texts have a list of values; this field is {kind}")
    values = texts(path, raw)
    if not values:
        raise SensorTypeError(path, "an empty list refuses everything; name values or leave it out")
    return values
