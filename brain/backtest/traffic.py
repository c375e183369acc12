"""Traffic files: JSON Lines of recorded messages, plain or gzip, read one at a time in order of receipt."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from brain.errors import ConfigurationError
from brain.times import to_us
from ingest.envelope import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Recorded", "read_traffic"]


class _Line(msgspec.Struct):
    received_at: str | int | float
    topic: str
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payload_base64: str | None = None


class Recorded(NamedTuple):
    """A line of a traffic file; ``done`` is how many bytes of the file were read for it."""

    envelope: Envelope
    done: int


_decoder: Final = msgspec.json.Decoder(_Line)


def read_traffic(path: Path) -> Iterator[Recorded]:
    """The messages of a traffic file in order of receipt, one at a time.

    A time of receipt that lies before that of the line above counts as that one, as it would live.

    Raises:
        ConfigurationError: The file cannot be read, or a line is wrong; the sentence names its number.
    """
    try:
        with path.open("rb") as raw:
            is_packed = raw.peek(2)[:2] == b"\x1f\x8b"
            lines: Iterable[bytes] = gzip.GzipFile(fileobj=raw) if is_packed else raw
            last: int | None = None
            for number, line in enumerate(lines, 1):
                if line.strip():
                    envelope = _envelope(path, number, line, last)
                    last = envelope.received_at
                    yield Recorded(envelope, raw.tell())
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigurationError(f"cannot read {path}: {error}; name a traffic file (.jsonl or .jsonl.gz)") from error


def _envelope(path: Path, number: int, line: bytes, last: int | None) -> Envelope:
    try:
        found = _decoder.decode(line)
        received_at = to_us(found.received_at)
        if found.payload_base64 is not None:
            payload = base64.b64decode(found.payload_base64, validate=True)
        elif isinstance(found.payload, msgspec.Raw):
            payload = bytes(found.payload)
        else:
            raise ValueError("it has neither payload nor payload_base64")  # noqa: TRY301 - one sentence for all
    except (ValueError, RecursionError, binascii.Error) as error:
        raise ConfigurationError(
            f"{path.name}, line {number}: {error}; a line is "
            '{"received_at": "2026-07-01T14:00:00.120+08:00", "topic": "city/...", "payload": ...}'
        ) from error
    return Envelope(found.topic, payload, received_at if last is None else max(last, received_at))
