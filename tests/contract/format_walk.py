"""What the samples of a shipped format become: for the walker, and to write ``expected.jsonl`` anew for review.

``python -m tests.contract.format_walk FOLDER...`` prints the lines; a person reads them before they are kept.
"""

from __future__ import annotations

import base64
import json
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

import ingest
from brain.model import FieldKind
from brain.times import iso, to_us
from ingest.decoders import Message, Notes
from ingest.profile.mapping import Refused, compile_mapping
from ingest.profile.native import kinds_of, sensor_type_from
from ingest.sensor_types import load_builtin
from ingest.topics import TopicTree, parse_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from brain.model import SensorType
    from ingest.profile.mapping import Mapped

FOLDER = Path(ingest.__file__).parent / "formats"
RECEIVED_AT = "2026-07-01T06:00:00Z"
"""Of samples that do not say when they came."""
SOURCE = frozenset({"from", "table", "missing", "scale", "offset"})
STATUS = frozenset({"ok", "calibrating", "maintenance", "fault"})


class Format(NamedTuple):
    """A document of the folder, ready to read messages."""

    document: dict[str, Any]
    sensor_type: SensorType
    warnings: list[str]
    read: Callable[[Message], list[Mapped | Refused] | None]


@cache
def load(folder: Path) -> Format:
    """The format of a folder."""
    text = (folder / "profile.yaml").read_text("utf-8")
    warnings: list[str] = []
    sensor_type = sensor_type_from(text, warnings, {t.id: t for t in load_builtin()})
    assert sensor_type.profile is not None, folder
    read = compile_mapping(json.loads(sensor_type.profile), kinds_of(sensor_type.fields))
    return Format(yaml.safe_load(text), sensor_type, warnings, read)


def captures(filters: Iterable[str], topic: str) -> dict[str, str] | None:
    """The captures of the first filter that a topic matches; None where none does."""
    tree = TopicTree()
    for text in filters:
        tree.add(parse_topic(text, "topics"), None)
    found = tree.match(topic)
    return found[0][1] if found else None


def samples(folder: Path) -> Iterator[tuple[str, list[tuple[str, dict[str, Any]]]]]:
    """Files of samples, and of each the name and object of every line."""
    for path in sorted((folder / "samples").glob("*.jsonl")):
        lines = path.read_text("utf-8").splitlines()
        yield path.name, [(f"{path.name}:{i}", json.loads(line)) for i, line in enumerate(lines, 1)]


def payload_of(sample: dict[str, Any]) -> bytes:
    """The bytes of a sample: base64, a text as it stands, or JSON."""
    if "payload_base64" in sample:
        return base64.b64decode(sample["payload_base64"], validate=True)
    payload = sample["payload"]
    return payload.encode() if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False).encode()


def outcomes(folder: Path) -> list[dict[str, Any]]:
    """What becomes of all samples, in order; the messages of a file share a memory."""
    found, out = load(folder), []
    for _, lines in samples(folder):
        memory = Notes()
        for name, sample in lines:
            received = to_us(sample.get("received_at", RECEIVED_AT))
            taken = captures(found.sensor_type.topics, sample["topic"])
            assert taken is not None, f"{name}: the profile has no topic for {sample['topic']}"
            made = found.read(Message(payload_of(sample), taken, received, memory))
            if made is None:
                out.append({"sample": name, "ignored": True})
            out += [{"sample": name, **_row(found.sensor_type, one, received)} for one in made or []]
    return out


def _row(sensor_type: SensorType, one: Mapped | Refused, received: int) -> dict[str, Any]:
    """A row as it is stored, or why not; the checks that any reading goes through."""
    if isinstance(one, Refused):
        return {"refused": one.reason, "detail": one.detail}
    time = received if one.time is None else one.time
    past, future = (round(d.total_seconds() * 1e6) for d in (sensor_type.past, sensor_type.future))
    if not received - past <= time <= received + future:
        return {"refused": "time_out_of_window", "detail": f"time: {iso(time)}"}
    for field in sensor_type.fields:
        value = one.values.get(field.name)
        if value is None:
            continue
        if field.kind is FieldKind.NUMBER:
            low, high = (end if end is not None else value for end in (field.low, field.high))
            if not low <= value <= high:
                return {"refused": "out_of_range", "detail": f"{field.name}: {value} is outside {low}..{high}"}
        elif field.values is not None and value not in field.values:
            return {"refused": "not_in_list", "detail": f"{field.name}: {value}"}
    assert one.values.get("status", "ok") in STATUS, one
    return {"device": one.device, "time": iso(time), **one.values}


if __name__ == "__main__":
    for given in sys.argv[1:]:
        for line in outcomes(Path(given).resolve()):
            print(json.dumps(line, ensure_ascii=False))
