"""Reads the sender's log, also while it grows."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Key = tuple[str, str, Any]


@dataclass(slots=True)
class Sent:
    """What one message was: see ``tests/faults/generator.py``."""

    n: int
    at: int
    due: int
    topic: str
    kind: str
    rows: tuple[Key, ...]
    digest: str
    story: str
    again: int = 0


@dataclass(slots=True)
class SendLog:
    """What was sent and what was acknowledged. ``read`` takes in what was appended since."""

    path: Path
    seed: int = 0
    sent: dict[int, Sent] = field(default_factory=dict)
    acked: dict[int, int] = field(default_factory=dict)
    twice: int = 0
    again: int = 0
    ended: bool = False
    connections: int = 0
    _offset: int = 0

    def read(self) -> SendLog:
        """Take in new lines."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        for line in whole.splitlines():
            what, *rest = json.loads(line)
            if what == "sent":
                n, at, due, topic, kind, rows, digest, story = rest
                self.sent[n] = Sent(n, at, due, topic, kind, tuple((t, c, v) for t, c, v in rows), digest, story)
            elif what == "acked":
                for n in rest[0]:
                    self.acked.setdefault(n, rest[1])
            elif what == "twice":
                self.twice += 1
            elif what == "again":
                self.again += len(rest[0])
                for n in rest[0]:
                    self.sent[n].again += 1
            elif what == "begin":
                self.seed = rest[0]
            elif what == "end":
                self.ended, self.connections = True, rest[1]
        return self
