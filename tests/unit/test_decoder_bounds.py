"""What a message of the largest size may cost: no format makes much of little."""

from __future__ import annotations

import contextlib
import tracemalloc
from typing import Any

import pytest

from ingest.decoders import Message, Notes, formats
from ingest.profile.functions import WrongValueError
from tests.fuzz.formats import BARE, target_of

LARGEST = 65_000  # of 64 KiB, the largest message unless a sensor type allows more
MOST_MEMORY = 10_000_000
TOPIC = {"topic": "spBv1.0/G/NBIRTH/N", "mac": "m", "device": "d"}
WORST = {
    "hj212": (b"##0000FFFF", b"##0007CN=90146B00", b"##9999" + b";" * 9999),
    "dlt645": (b"\x68", b"\x68\x68\x68\x68\x68\x68\x68\x68\x68\x16", b"68"),
    "mbus": (b"\xe5", b"\x10\x5b\x01\x5c\x16", b"\x68\x16", b"\x68\xff\xff\x68"),
    "cbor": (b"\x81", b"\xa0", b"\x80", b"\xbf"),
    "senml": (b"[", b'{"n":"x","v":1},', b"\x81", b"\xa1\x00\x61x"),
    "sparkplug": (b"\x12\x00", b"\x12\x03\x0a\x01x", b"\x12\x02\x10\x01"),
    "protobuf": (b"\x2a\x00", b"\x32\x00", b"\x22\x01\x01", b"\x20\x01"),
    "gb26875": (b"@@",),
    "nmea": (b"$GPGGA,*00\n", b"$A\n", b"$", b"$GPX" + b"," * 900 + b"*00\n"),
    "line_protocol": (b"m a=1\n", b'"', b'\\"', b"m,a=1", b"m a=1,", b"a b\n", b'm a="\n'),
    "prometheus": (b"a 1\n", b'a{b="', b'a{b="c",', b"a{\n", b"#\n"),
    "jt808": (b"\x7e", b"\x7d\x01"),
}


def mbus_answer() -> bytes:
    """As many records as fit into a frame: two bytes each, without a value."""
    body = bytes.fromhex("0801 72 78563412 2d2c 08 04 01 00 0000".replace(" ", "")) + b"\x00\x06" * 118
    return bytes([0x68, len(body), len(body), 0x68]) + body + bytes([sum(body) & 0xFF, 0x16])


def payloads(name: str) -> list[bytes]:
    """The longest samples and small pieces, each over and over."""
    _, seeds = target_of(name)
    pieces = [*sorted((s for s in seeds() if s), key=len)[-3:], *WORST.get(name, ())]
    pieces += [mbus_answer()] if name == "mbus" else []
    out = [piece * (LARGEST // len(piece)) for piece in pieces if len(piece) <= LARGEST]
    if name == "senml":
        out += [b"[" + p + b'{"n":"y","v":1}]' for p in out]
    return [*out, *(b"\x9f" + p for p in out if name == "cbor")]


@pytest.mark.parametrize("name", sorted(formats()))
def test_a_large_message_costs_less_than_ten_megabytes(name: str):
    form = formats()[name]
    settings: dict[str, Any] = {**form.settings, **(BARE[name][0] if name in BARE else {})}
    tried = payloads(name)
    assert tried
    for payload in tried:
        tracemalloc.start()
        try:
            with contextlib.suppress(WrongValueError):
                form.read(Message(payload, TOPIC, 0, Notes()), settings)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < MOST_MEMORY, payload[:60]
