"""Reads the corpus of bad readings."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path

from brain.times import iso

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Bad:
    """One line of the corpus."""

    name: str
    topic: str
    payload: bytes
    refused: list[str]
    detail: str
    stored: int
    ledger: str


def bad_readings(now: int) -> list[Bad]:
    """The corpus, with times round ``now`` (microseconds)."""

    def moment(found: re.Match[str]) -> str:
        return iso(now + int(found[1]) * 1_000_000)

    out = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            entry = json.loads(line)
            if "base64" in entry:
                payload = base64.b64decode(entry["base64"])
            else:
                parts = entry.get("parts", [[entry.get("text"), 1]])
                text = "".join(part * times for part, times in parts)
                text = re.sub(r"@([+-][0-9]+)s", moment, text) if "@" in text else text
                payload = text.encode()
            name = f"{path.stem}: {entry['name']}"
            detail = entry.get("detail", "")
            out.append(Bad(name, entry["topic"], payload, entry["refused"], detail, entry["stored"], entry["ledger"]))
    return out
