"""Registering sensor types: a document and its samples in; what would happen, or a new version, out.

One way for the API, the command line and the page. Pure but for ``register``, which writes to the store it is given.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import re
import time
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from brain.errors import NotFoundError, SensorTypeError
from brain.times import to_us
from ingest.formats import shipped
from ingest.preview import Preview, Sample, preview
from ingest.profile.functions import FUNCTIONS
from ingest.profile.lets import NAMES
from ingest.profile.lines import line_of
from ingest.profile.native import sensor_type_from
from ingest.profile.quoting import quoted
from ingest.topics import parse_topic

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from brain.model import Field, SensorType
    from brain.registry import Registry
    from brain.store.base import Store

__all__ = ["Checked", "check", "default_topic", "register", "retire", "samples_from", "sentence"]

_MOST_SAMPLES: Final = 200
_MOST_ERRORS: Final = 50
_JSON_INPUTS: Final = frozenset({"json", "lenient_json", "json_or_text", "ngsi", "senml"})
_TAKE_UP_S: Final = 2.0
_LONGEST_NAME: Final = 60


@dataclass(slots=True)
class Checked:
    """What a document and its samples come to.

    Attributes:
        sensor_type: With the version it would get; None where the document is wrong.
        errors: Sentences about all that is wrong, in the order of the document; empty where all is right.
        wrong: The same with the place of each.
        warnings: Sentences about what is allowed and probably not meant.
        samples: As their devices send them, with their topics.
        previews: What would become of each sample.
        changes: How it differs from the version in force.
    """

    source: str
    sensor_type: SensorType | None = None
    errors: list[str] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    samples: list[Sample] = field(default_factory=list)
    previews: list[Preview] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)


def sentence(source: str, error: SensorTypeError) -> str:
    """The error with the line of the document it is about."""
    line = line_of(source, error.path)
    return str(error) if line is None else f"line {line}: {error}"


def samples_from(raw: Any) -> list[Sample]:
    """Samples as the API takes them.

    Raises:
        SensorTypeError: One is none; names it.

    Example:
        >>> samples_from([{"topic": "a/1", "payload": {"t": 1}}])
        [Sample(topic='a/1', payload=b'{"t":1}', received_at=None, text=None)]
    """
    if not isinstance(raw, list) or len(raw) > _MOST_SAMPLES:
        raise SensorTypeError("samples", f"write at most {_MOST_SAMPLES} samples as a list")
    out = []
    for i, one in enumerate(raw):
        path = f"samples[{i}]"
        if not isinstance(one, dict) or not isinstance(one.get("topic"), str):
            raise SensorTypeError(path, 'write like {"topic": "meters/1/up", "payload": {...}}, or payload_base64')
        if ("payload" in one) == ("payload_base64" in one):
            raise SensorTypeError(path, "has payload or payload_base64, one of the two")
        if "payload" in one:
            payload = msgspec.json.encode(one["payload"])
        else:
            try:
                payload = base64.b64decode(one["payload_base64"], validate=True)
            except (binascii.Error, ValueError, TypeError):
                raise SensorTypeError(f"{path}.payload_base64", "is no base64") from None
        try:
            at = None if one.get("received_at") is None else to_us(one["received_at"])
        except ValueError as e:
            raise SensorTypeError(f"{path}.received_at", str(e)) from None
        text = one.get("payload")
        out.append(Sample(one["topic"], payload, at, text if isinstance(text, str) else None))
    return out


def _as_sent(sample: Sample, made: SensorType) -> Sample:
    """A sample as its device sends it: a text is the message itself where the profile reads anything but JSON."""
    if sample.text is None or made.profile is None:
        return sample
    said = json.loads(made.profile).get("input", "json")
    if (said.get("format") if isinstance(said, dict) else said) in _JSON_INPUTS:
        return sample
    return sample._replace(payload=sample.text.encode())


def default_topic(sensor_type: SensorType, device: str = "sample") -> str:
    """A topic under which the sensor type takes a message, for samples that name none.

    Example:
        >>> from ingest.sensor_types import load_builtin
        >>> default_topic(load_builtin()[0])
        'city/ambulance/sample'
    """
    if not sensor_type.topics:
        return f"city/{sensor_type.id}/{device}"
    topic = parse_topic(sensor_type.topics[0], "topics[0]")
    named = dict(topic.captures)
    parts = []
    for i, (before, after) in enumerate(topic.levels):
        wire = topic.filter.split("/")[i]
        parts.append(f"{before}{device if i in named or wire in '+#' else ''}{after}")
    return "/".join(parts)


def check(
    document: Any,
    samples: Sequence[Sample],
    registry: Registry,
    received_at: int,
    kept: Sequence[Mapping[str, Any]] = (),
) -> Checked:
    """What a document would do, without doing it.

    Args:
        document: Text (YAML or JSON), the parsed object, or the name of a format that is brought along.
        samples: To try; their topics may be empty: then the profile's own.
        registry: What is registered now.
        received_at: Microseconds: samples count as received then, unless they say when.
        kept: Samples of the version in force with what they became, to compare with.
    """
    document = _brought_along(document)
    source = document if isinstance(document, str) else json.dumps(document, ensure_ascii=False, indent=2)
    out = Checked(source)
    known = registry.sensor_types
    try:
        made = sensor_type_from(document, out.warnings, known)
        former = registry.sensor_type(made.id)
        if former is not None and former.id != made.id:
            raise SensorTypeError("id", f"{made.id} and the registered {former.id} count as the same")  # noqa: TRY301
    except SensorTypeError as e:
        out.wrong = _wrong(e, source if isinstance(document, str) else None)
        out.errors = [told for _, told in out.wrong]
        return out
    if former is not None:
        version = max(made.version, former.version + 1)
        made = replace(made, fields=_placed(former, made, version))
        if replace(former, version=made.version, retired=False) == made:
            version = former.version
        out.changes = _changes(former, made)
        out.warnings += _taken_over(former, made)
        made = replace(made, version=version)
    out.sensor_type = made
    out.samples = [_as_sent(s if s.topic else s._replace(topic=default_topic(made)), made) for s in samples]
    out.previews = preview(made, out.samples, received_at, known=known.values())
    for i, got in enumerate(out.previews):
        out.warnings += _about(f"samples[{i}]", got)
    out.warnings = _seen_rows(out.warnings, out.previews)
    out.warnings += _empty_columns(made, out.previews)
    out.warnings += _regressions(made, kept, known)
    return out


def _wrong(error: SensorTypeError, source: str | None) -> list[tuple[str, str]]:
    """Path and sentence of each error, in the order of the document's lines where it is a text."""
    found = [(e.path, sentence(source, e) if source else str(e)) for e in error.every[:_MOST_ERRORS]]
    if source is not None:
        found.sort(key=lambda one: line_of(source, one[0]) or 0)
    if (more := len(error.every) - len(found)) > 0:
        found.append(("", f"and {more} more errors; mend these first"))
    return found


def _brought_along(document: Any) -> Any:
    """The text of a format that is brought along, where the document is its name."""
    name = document.strip() if isinstance(document, str) and len(document) <= _LONGEST_NAME else None
    path = shipped().get(name) if name else None
    return document if path is None else path.read_text("utf-8")


def _placed(former: SensorType, made: SensorType, version: int) -> tuple[Field, ...]:
    """Fields with their columns: one that changes its kind or unit gets a new one, so that no column mixes two."""
    before = {f.name: f for f in former.fields}
    out = []
    for new in made.fields:
        old = before.get(new.name)
        if old is None or made.into is not None:
            out.append(new)
        elif (old.kind, old.unit) == (new.kind, new.unit):
            out.append(replace(new, column=old.column))
        else:
            out.append(replace(new, column=f"{new.name}__v{version}"))
    return tuple(out)


def _about(name: str, got: Preview) -> list[str]:
    if got.refused is not None:
        reason, detail = got.refused
        hint = ""
        if reason == "time_out_of_window":
            end = "future" if " after its receipt" in detail else "past"
            hint = f"; widen accept: {{{end}: ...}}, or say received_at in the sample"
        return [f"{name}: refused ({reason}): {detail}{hint}"]
    return [] if got.rows else [f"{name}: gives no row; the profile passes it over"]


def _seen_rows(warnings: list[str], previews: Sequence[Preview]) -> list[str]:
    """What the samples show of rows that share device and time, instead of the warning that they might."""
    if not any(got.rows for got in previews):
        return warnings
    out = [w for w in warnings if not w.startswith("row_id:")]
    for i, got in enumerate(previews):
        keys = [(r["sensor_type"], r["device"], r["time"], r.get("id")) for r in got.rows]
        if lost := len(keys) - len(set(keys)):
            out.append(
                f"samples[{i}]: {lost} of {len(keys)} rows share device, time and row_id with another one and would "
                "count as copies; say row_id: key, or a track, to tell them apart"
            )
    return out


def _empty_columns(made: SensorType, previews: Sequence[Preview]) -> list[str]:
    """What says where it comes from and is empty in all rows: mostly a name that is misspelt."""
    rows = [row for got in previews for row in got.rows]
    if made.profile is None or not rows:
        return []
    profile = json.loads(made.profile)
    forms = [profile, *profile.get("observations", ())]
    named = {name for form in forms for name in form.get("fields", {})}
    empty = sorted(n for n in named if all(row.get(n) is None for row in rows))
    unread = {path for got in previews for path in got.ignored}
    sources = {name: _source(form["fields"][name]) for form in forms for name in form.get("fields", {})}
    meant = [f"{n}: {near}?" for n in empty if (near := _meant(sources[n], unread))]
    hint = f" ({', '.join(meant)})" if meant else ""
    out = []
    if empty:
        out.append(f"fields: {', '.join(empty)} are empty in every sample; see whether their names are right{hint}")
    for key, column in (("position", "lon"), ("row_id", "id"), ("status", "status")):
        if any(form.get(key) is not None for form in forms) and all(row.get(column) is None for row in rows):
            out.append(f"{key}: no sample gives one; see whether the names in it are right")
    told = [str(form["time"]) for form in forms if form.get("time") is not None]
    if told and "received" not in "".join(told) and all(row["time"] == row["received_at"] for row in rows):
        out.append("time: no sample gives one, so that of receipt counts; see whether the names in it are right")
    return out


def _source(spec: Any) -> str:
    return str(spec.get("from", "")) if isinstance(spec, dict) else str(spec)


def _meant(source: str, unread: Collection[str]) -> str | None:
    """The value that nothing is read from and whose key is most like a word of an expression."""
    keys = {re.split(r"[.\[\]]+", path.rstrip("]"))[-1]: path for path in sorted(unread, reverse=True)}
    for word in re.findall(r"[\w-]{2,}", source):
        if word in FUNCTIONS or word in NAMES or word in ("it", "msg"):
            continue
        for key in get_close_matches(word, keys, 1, 0.6):
            return f'it["{key}"]' if word == key and not key.isidentifier() else keys[key]
    return None


def _regressions(made: SensorType, kept: Sequence[Mapping[str, Any]], known: Mapping[str, SensorType]) -> list[str]:
    """Samples of the version in force that would give something else now."""
    if not kept:
        return []
    asked = [Sample(k["topic"], base64.b64decode(k["payload_base64"]), k["received_at"]) for k in kept]
    out = []
    for i, (before, now) in enumerate(zip(kept, preview(made, asked, 0, known=known.values()), strict=True)):
        if [_bare(r) for r in before["rows"]] != [_bare(r) for r in now.rows]:
            out.append(f"kept sample {i} ({before['topic']}): gives other rows than in the version in force")
    return out


def _bare(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if v is not None and k != "received_at"}


def _taken_over(former: SensorType, made: SensorType) -> list[str]:
    """A built-in sensor type that a profile would replace, which is seldom meant: rules read its fields."""
    if made.profile is None or former.profile is not None or former.topics:
        return []
    told = (
        f"id: {made.id} is a built-in sensor type, and this becomes its next version: fields left out here are filled "
        f"no longer, and rules that read them stay silent; give it an id of its own, or say into: {made.id}"
    )
    return [told]


def _changes(former: SensorType, made: SensorType) -> list[str]:
    before, after = {f.name: f for f in former.fields}, {f.name: f for f in made.fields}
    out = [f"field {n} is new" for n in after if n not in before]
    out += [f"field {n} is no longer filled; what is stored stays" for n in before if n not in after]
    for name in after.keys() & before.keys():
        for what in ("kind", "unit", "low", "high", "values"):
            old, new = getattr(before[name], what), getattr(after[name], what)
            if old != new:
                where = f"; it goes on in column {after[name].column}" if what in ("kind", "unit") else ""
                out.append(f"field {name}: {what} {old} becomes {new}{where}")
    for what in ("topics", "into", "past", "future", "late", "admission", "key"):
        if getattr(former, what) != getattr(made, what):
            out.append(f"{what}: {getattr(former, what)} becomes {getattr(made, what)}")
    if former.profile != made.profile:
        out.append("how messages are read has changed")
    if former.retired:
        out.append("it was retired and is in force again")
    return sorted(out)


async def register(store: Store, document: Any, samples: Sequence[Sample] = ()) -> Checked:
    """Register a document as a new version, and wait until ingest reads messages by it (2 s at most).

    The same document again changes nothing and gives the version it has.

    Raises:
        SensorTypeError: The document is wrong; the sentence names its line, ``others`` all else that is wrong.
        StoreError: The data base is out of reach.
    """
    registry = await store.load_registry()
    document = _brought_along(document)
    now = time.time_ns() // 1000
    kept = []
    if isinstance(document, (str, dict)):
        kept = await _kept_samples(store, document, registry)
    checked = check(document, samples, registry, now, kept)
    if checked.sensor_type is None:
        raise _refusal(checked.wrong)
    keep = [
        {
            "topic": s.topic,
            "payload_base64": base64.b64encode(s.payload).decode(),
            "received_at": now if s.received_at is None else s.received_at,
            "rows": got.rows,
            "refused": got.refused,
        }
        for s, got in zip(checked.samples, checked.previews, strict=True)
    ]
    revision = await store.put_sensor_type(checked.sensor_type, checked.source, json.dumps(keep, ensure_ascii=False))
    until = time.monotonic() + _TAKE_UP_S
    while await store.registry_taken() < revision:
        if time.monotonic() > until:
            checked.warnings.append("ingest has not read it yet; what is sent now may come too early")
            break
        await asyncio.sleep(0.02)
    return checked


def _refusal(wrong: Sequence[tuple[str, str]]) -> SensorTypeError:
    """The errors of a document as one."""
    made = []
    for path, told in wrong:
        error = SensorTypeError("", told)
        error.path = path
        made.append(error)
    return SensorTypeError.of(made[0], made[1:])


async def _kept_samples(store: Store, document: Any, registry: Registry) -> list[Mapping[str, Any]]:
    try:
        parsed = yaml.safe_load(quoted(document)) if isinstance(document, str) else document
        found = registry.sensor_type(str(parsed["id"]))
    except (yaml.YAMLError, KeyError, TypeError, ValueError):
        return []
    if found is None:
        return []
    versions = await store.sensor_type_versions(found.id)
    samples: list[Mapping[str, Any]] = json.loads(versions[-1]["samples"]) if versions else []
    return samples


async def retire(store: Store, name: str) -> SensorType:
    """Take no more messages of a sensor type; what is stored stays and can be read.

    Raises:
        NotFoundError: It is not registered.
    """
    registry = await store.load_registry()
    found = registry.sensor_type(name)
    if found is None:
        raise NotFoundError(f"there is no sensor type {name[:60]!r:.62}; `cloudbrain sensor-type list` names them")
    gone = replace(found, retired=True)
    await store.put_sensor_type(gone)
    return gone
