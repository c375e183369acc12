"""Reads the corpus of bad readings: recipes become bytes, expectations stay data. The format is told in README.md."""

from __future__ import annotations

import base64
import bz2
import json
import lzma
import random
import re
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FOLDER = Path(__file__).parent
CATEGORIES = (
    *("json_syntax", "numbers", "types", "missing_and_extra", "unicode", "depth", "size", "time"),
    *("units_and_ranges", "geo", "topics", "unknown_types", "replayed", "bombs", "binary"),
)
"""Kinds of readings; the packets of ``mqtt_client.jsonl`` and ``mqtt_broker.jsonl`` are the sixteenth."""
_AT_ONCE = 1 << 20
_MOMENT = re.compile(r"@(?:leap|(?:\{(?P<form>[^{}]*)\}|(?P<ms>ms)|)(?P<shift>[+-][0-9]+)s)")


class Message(NamedTuple):
    """What is sent."""

    topic: str
    payload: bytes
    dup: bool = False
    retain: bool = False


@dataclass(frozen=True)
class Bad:
    """A line of the corpus: messages, and what must become of them."""

    category: str
    number: int
    entry: Mapping[str, Any]
    now: int
    refused: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.category}: {self.entry['name']}"

    @property
    def device(self) -> str:
        """What stands for ``$D``: no other line has it."""
        return f"BAD-{self.number}"

    @property
    def way(self) -> str:
        return str(self.entry.get("way", "mqtt"))

    @property
    def stored(self) -> int:
        return int(self.entry["stored"])

    @property
    def duplicate(self) -> int:
        return int(self.entry.get("duplicate", 0))

    @property
    def ignored(self) -> int:
        return int(self.entry.get("ignored", 0))

    @property
    def ledger(self) -> str:
        return str(self.entry["ledger"])

    @property
    def detail(self) -> str:
        return str(self.entry.get("detail", ""))

    @property
    def row(self) -> Mapping[str, Any]:
        return dict(self.entry.get("row", {}))

    @property
    def received(self) -> int:
        """Readings that the ledger must count."""
        return self.stored + self.duplicate + len(self.refused)

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        topic = self.entry["topic"]
        topic = topic if isinstance(topic, str) else "".join(text * times for text, times in topic)
        topic = topic.replace("$D", self.device)
        once = [
            Message(topic, self._bytes(m), m.get("dup", False), m.get("retain", False))
            for m in self.entry.get("messages", [self.entry])
        ]
        return (*once,) * int(self.entry.get("times", 1))

    def _bytes(self, recipe: Mapping[str, Any]) -> bytes:
        if "base64" in recipe:
            return base64.b64decode(recipe["base64"], validate=True)
        if "random" in recipe:
            return random.Random(recipe["seed"]).randbytes(recipe["random"])
        chunks = (self._text(text, recipe) * n for text, times in _parts(recipe) for n in _cut(len(text), times))
        for method in recipe.get("compress", ()):
            chunks = _packed(method, chunks)
        return b"".join(chunks)[: recipe.get("cut")]

    def _text(self, text: str, recipe: Mapping[str, Any]) -> bytes:
        text = _MOMENT.sub(self._moment, text) if "@" in text else text
        return text.replace("$D", self.device).encode(recipe.get("encode", "utf-8"))

    def _moment(self, found: re.Match[str]) -> str:
        if found[0] == "@leap":
            day = datetime.fromtimestamp(self.now / 1e6, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return iso(int(day.timestamp()) * 1_000_000 - 1_000_000)[:17] + "60Z"
        at = self.now + int(found["shift"]) * 1_000_000
        if found["ms"]:
            return str(at // 1000)
        return iso(at) if found["form"] is None else datetime.fromtimestamp(at // 10**6, UTC).strftime(found["form"])


def _parts(recipe: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(text, times) for text, times in recipe.get("parts", [[recipe.get("text", ""), 1]])]


def _cut(size: int, times: int) -> Iterator[int]:
    """A number of times as parts of about a MiB: a bomb is never held whole."""
    most = max(1, _AT_ONCE // max(1, size))
    while times > 0:
        yield min(most, times)
        times -= most


def _packed(method: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer: Any = {
        "gzip": lambda: zlib.compressobj(wbits=31),
        "zlib": zlib.compressobj,
        "deflate": lambda: zlib.compressobj(wbits=-15),
        "bz2": bz2.BZ2Compressor,
        "xz": lzma.LZMACompressor,
        "lzma": lambda: lzma.LZMACompressor(lzma.FORMAT_ALONE),
    }[method]()
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def words_of(words: Iterable[str]) -> Iterator[str]:
    """``["missing*3"]`` is ``missing`` three times."""
    for word in words:
        name, _, times = word.partition("*")
        yield from [name] * int(times or 1)


def lines_of(name: str) -> list[dict[str, Any]]:
    """The objects of a file of this folder."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text("utf-8").splitlines()]


def bad_readings(now: int) -> list[Bad]:
    """The corpus, with times round ``now`` (microseconds; cut to seconds, so that several forms name one instant)."""
    now -= now % 1_000_000
    entries = [(category, entry) for category in CATEGORIES for entry in lines_of(category)]
    return [
        Bad(category, number, entry, now, tuple(words_of(entry["refused"])))
        for number, (category, entry) in enumerate(entries, 1)
    ]
