"""What the samples of a shipped format become: for the walker, and to write ``expected.jsonl`` anew for review.

``python -m tests.contract.format_walk FOLDER...`` prints the lines; a person reads them before they are kept. With
``page`` in place of folders it writes the table of ``docs/reference/formats.md`` anew.
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
from brain.times import to_us
from ingest.preview import Sample, preview
from ingest.profile.mapping import compile_mapping
from ingest.profile.native import kinds_of, sensor_type_from
from ingest.sensor_types import load_builtin
from ingest.topics import TopicTree, parse_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from brain.model import SensorType
    from ingest.decoders import Message
    from ingest.profile.mapping import Mapped, Refused

FOLDER = Path(ingest.__file__).parent / "formats"
PAGE = Path(__file__).parents[2] / "docs" / "reference" / "formats.md"
RECEIVED_AT = "2026-07-01T06:00:00Z"
"""Of samples that do not say when they came."""
SOURCE = frozenset({"from", "table", "missing", "scale", "offset"})
NOT_TOLD = ("sensor_type", "received_at")
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
    """What becomes of all samples, in order: rows, the first refusal, or nothing. Those of a file share a memory."""
    sensor_type, out = load(folder).sensor_type, []
    for _, lines in samples(folder):
        given = []
        for name, sample in lines:
            assert captures(sensor_type.topics, sample["topic"]), f"{name}: no topic leads to {sample['topic']}"
            received = to_us(sample.get("received_at", RECEIVED_AT))
            given.append(Sample(sample["topic"], payload_of(sample), received))
        for (name, _), got in zip(lines, preview(sensor_type, given, 0, known=load_builtin()), strict=True):
            rows = [{k: v for k, v in row.items() if v is not None and k not in NOT_TOLD} for row in got.rows]
            assert all(row.get("status", "ok") in STATUS for row in rows), name
            told = [{"refused": got.refused[0], "detail": got.refused[1]}] if got.refused else []
            out += [{"sample": name, **one} for one in [*rows, *told] or [{"ignored": True}]]
    return out


def table() -> str:
    """The formats as ``docs/reference/formats.md`` lists them."""
    lines = ["| format | is | input | stored as | topics |", "|---|---|---|---|---|"]
    for folder in sorted(p.parent for p in FOLDER.glob("*/profile.yaml")):
        document, kept = load(folder).document, load(folder).sensor_type
        given = document.get("input", "json")
        topics = " ".join(f"`{t}`" for t in kept.topics[:3]) + (" ..." if len(kept.topics) > 3 else "")
        lines.append(
            f"| [`{folder.name}`](../../ingest/formats/{folder.name}/README.md) | {kept.name.en} · {kept.name.zh} "
            f"| `{given if isinstance(given, str) else given['format']}` | `{kept.into or kept.id}` | {topics} |"
        )
    return "\n".join(lines) + "\n"


def write_page() -> None:
    """Put the table into the page anew."""
    text = PAGE.read_text("utf-8")
    start, end = text.index("| format |"), text.index("\n## Decoders")
    PAGE.write_text(text[:start] + table() + text[end:], "utf-8")


if __name__ == "__main__":
    if sys.argv[1:] == ["page"]:
        write_page()
        sys.exit()
    for given in sys.argv[1:]:
        for line in outcomes(Path(given).resolve()):
            print(json.dumps(line, ensure_ascii=False))
