"""A fuzz target for each format that needs code: bytes give plain documents or one sentence, and again the same."""

from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING, Any

import msgspec

from ingest.decoders import Message, Notes, formats
from ingest.profile.functions import WrongValueError
from ingest.profile.mapping import compile_mapping
from tests.contract.format_walk import FOLDER, captures, load, payload_of, samples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RECEIVED = 1_782_885_600_000_000
DEEPEST = 32
REASONS = {
    *("not_json", "wrong_type", "missing", "out_of_range", "not_in_list", "bad_time", "bad_text", "too_large"),
    *("too_deep", "bad_checksum", "no_match", "bad_topic", "encrypted"),
}
DESCRIPTOR = (
    "CqsBCgd4LnByb3RvEgAiggEKAVISCQoBcxgBIAEoCRIJCgFkGAIgASgBEg0KAWUYAyABKA4yAi5FEgkKAWwYBCADKAUSDQoBaxgF"
    "IAMoCzICLlISFAoBbRgGIAMoCzIJLlIuTUVudHJ5GigKBk1FbnRyeRILCgNrZXkYASABKAkSDQoFdmFsdWUYAiABKAE6AjgBKhEK"
    "AUUSBQoBQRAAEgUKAUIQAmIGcHJvdG8z"
)
BARE = {
    "cbor": (
        {},
        ("a1617801", "bf6178fb3ff8000000000000ff", "9f01f93c00c24101ff", "82a26178f56179f65f4101ff", "d81c81d81d00"),
    ),
    "protobuf": (
        {"descriptor": DESCRIPTOR, "message": "R"},
        ("0a0178", "1100000000000038401802", "2203010203", "2a050a0178 2a00", "320c0a016111000000000000f83f"),
    ),
    "nmea": (
        {},
        (
            b"$GPRMC,123519,A,4807.038,N,01131.000,E,022.4,084.4,230394,003.1,W*6A\r\n$PGRMZ,246,f,3*1B".hex(),
            b"\\s:a*00\\!AIVDM,1,1,,A,14eG;o@034o8sd<L9i:a;WF>062D,0*7D".hex(),
        ),
    ),
    "line_protocol": (
        {},
        (
            b'a\\ b,c=d\\,e f=1.5,g=2i,h="x \\" y",i=t 1782885600000000000'.hex(),
            b"# no\nm,h=1 v=-1e3 17828856\n".hex(),
        ),
    ),
    "prometheus": (
        {},
        (
            b'# TYPE a counter\na_total{b="c",d="e\\n\\"",} 1e3 1782885600000\n'.hex(),
            b'x NaN\ny{le="+Inf"} 3 1.5 # {z="1"} 2\n'.hex(),
        ),
    ),
}
"""Inputs without a folder of their own: settings, and what to start from."""
UNSEEN = [(c * 100).encode() for c in ("\U000e0001", "\u202e", "\x85", "\\", "'")] + [b"\xd7\xc1" * 50]
"""Seeds of every format: what becomes longer where a sentence quotes it."""
CUT = b"\x00\x1e\x00"
"""Between the messages of one input: what was remembered goes from one to the next."""


def _plain(value: Any, depth: int = 0) -> bool:
    if depth > DEEPEST:
        return False
    if isinstance(value, dict):
        return all(isinstance(k, str) and _plain(v, depth + 1) for k, v in value.items())
    if isinstance(value, list):
        return all(_plain(v, depth + 1) for v in value)
    return value is None or isinstance(value, (bool, int, float, str, bytes))


def _read(name: str, payloads: list[bytes], settings: dict[str, Any], topics: list[dict[str, str]]) -> list[Any]:
    """What a format makes of messages in a row: documents and refusals."""
    form, memory = formats()[name], Notes()
    out: list[Any] = []
    for i, payload in enumerate(payloads):
        message = Message(payload, topics[i % len(topics)], RECEIVED, memory)
        try:
            documents = form.read(message, {**form.settings, **settings})
        except WrongValueError as e:
            out.append((e.reason, str(e)))
        else:
            assert isinstance(documents, list)
            good = [d for d in documents if not isinstance(d, WrongValueError)]
            assert _plain(good)
            out.append(good)
            out += [(e.reason, str(e)) for e in documents if isinstance(e, WrongValueError)]
    for reason, told in (one for one in out if isinstance(one, tuple)):
        assert reason in REASONS, reason
        assert 0 < len(told) < 400, told
        assert told.isprintable(), told
    assert all(len(key) <= 200 for key in memory.kept)
    assert all(len(msgspec.msgpack.encode(value)) <= 65_536 for value in memory.kept.values())
    return out


def _folders(name: str) -> list[Path]:
    found = []
    for folder in sorted(p.parent for p in FOLDER.glob("*/profile.yaml")):
        given = load(folder).document.get("input", "json")
        if (given if isinstance(given, str) else given["format"]) == name:
            found.append(folder)
    return found


def _settings(folder: Path) -> dict[str, Any]:
    given = load(folder).document["input"]
    return {} if isinstance(given, str) else {k: v for k, v in given.items() if k != "format"}


def _topics(folder: Path) -> list[dict[str, str]]:
    """The topic of each sample of the first file, in order."""
    _, lines = next(samples(folder))
    found = [captures(load(folder).sensor_type.topics, sample["topic"]) for _, sample in lines]
    return [topic for topic in found if topic is not None]


def target_of(name: str) -> tuple[Callable[[bytes], None], Callable[[], list[bytes]]]:
    """The target of a format, and its seeds: its samples, each and all of a file in a row."""
    folders, check = _folders(name), formats()[name].check or bool
    reads = [(_settings(f), load(f).read, _topics(f)) for f in folders]
    if not reads:
        bare = BARE[name][0]
        document = {"input": {"format": name, **bare}, "fields": {"x": "it.x"}}
        reads = [(bare, compile_mapping(document, {"x": "number"}), [{"topic": "t"}])]

    def fuzz_one(data: bytes) -> None:
        payloads = data.split(CUT)[:20]
        if name == "protobuf":  # a descriptor, too, may hold anything
            with contextlib.suppress(ValueError):
                check({"descriptor": base64.b64encode(data).decode(), "message": "R"})
        for settings, read, topics in reads:
            got = _read(name, payloads, settings, topics)
            assert repr(got) == repr(_read(name, payloads, settings, topics))
            memory = Notes()
            for i, payload in enumerate(payloads):
                for one in read(Message(payload, topics[i % len(topics)], RECEIVED, memory)) or []:
                    assert len(one) >= 2

    def seeds() -> list[bytes]:
        out = [*UNSEEN]
        if not folders:
            out += [*(bytes.fromhex(text) for text in BARE[name][1]), base64.b64decode(DESCRIPTOR)]
        for folder in folders:
            for _, lines in samples(folder):
                payloads = [payload_of(sample) for _, sample in lines]
                out += [*payloads, CUT.join(payloads)]
        return out

    return fuzz_one, seeds
