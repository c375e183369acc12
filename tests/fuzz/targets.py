"""What is fuzzed: plain functions of bytes that assert properties, and the seeds each starts from.

A target may be given any bytes. What it must hold to stands in its docstring; whatever it raises is a finding, and
becomes a case of ``tests/contract/bad_readings`` or of the test of its module.
"""

from __future__ import annotations

import contextlib
import json
import math
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from brain.city import parse_city
from brain.errors import CityError, SensorTypeError, StoreError
from brain.store.base import ObservationQuery
from brain.store.memory import MemoryStore
from brain.store.pieces import decode_piece, encode_piece
from brain.times import iso, to_us, to_us_many
from ingest._structs import kind_of
from ingest._wire import Arrivals, Packet, Splitter, WireError
from ingest.decode import Decoder
from ingest.decoders import formats
from ingest.envelope import Envelope
from ingest.profile.native import document_of, sensor_type_from
from ingest.sensor_types import FOLDER, load_builtin
from tests.contract.bad_readings.corpus import bad_readings, lines_of
from tests.contract.bad_readings.wire import bytes_of, connect
from tests.fuzz.formats import target_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from brain.model import Piece

NOW = 1_782_885_600_000_000
LONGEST_SENTENCE = 400
LONGEST_SEED = 4096
TOPIC = "city/gas-detector/F"
RECORD, UNIT = b"\x1e", b"\x1f"


class Target(NamedTuple):
    """A function of bytes, and where it starts from."""

    fuzz_one: Callable[[bytes], None]
    seeds: Callable[[], list[bytes]]


def is_a_sentence(text: str) -> bool:
    """Short and printable: it goes into the data base, into logs and before people."""
    return 0 < len(text) < LONGEST_SENTENCE and text.isprintable()


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    """The result of a coroutine that never waits, as those of the store in memory."""
    try:
        work.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("the store in memory waited")


# -- the decoder ---------------------------------------------------------------------------------------------------


@cache
def _types() -> tuple[Any, ...]:
    return tuple(load_builtin())


def _messages(data: bytes) -> list[Envelope]:
    """Records of flags, topic and payload; a record without a topic goes to a gas detector."""
    out: list[Envelope] = []
    at = NOW
    for record in data.split(RECORD)[:40]:
        head, mark, payload = record.partition(UNIT)
        flags, topic = (head[:1], head[1:].decode(errors="replace")) if mark else (b"", TOPIC)
        payload = payload if mark else record
        out.append(Envelope(topic or TOPIC, payload, at, flags in (b"d", b"b"), flags in (b"r", b"b")))
        at += 1 if payload[:1] == b"{" else 1 + payload.count(b"{")  # as ingest stamps them
    return out


def _readings(message: Envelope) -> int:
    """How many readings a message holds: the objects of a list, else one. By another decoder."""
    if _misroute(message.topic) is not None or len(message.payload) > 65536:
        return 1
    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(message.payload.decode(), parse_constant=_no_constant)
        if isinstance(found, list):
            return max(1, len(found))
    return 1


def _no_constant(word: str) -> float:
    raise ValueError(word)


def _misroute(topic: str) -> str | None:
    """Why a topic leads nowhere, by the words of the contract; None where it leads to a device."""
    parts = topic.split("/")
    if len(parts) != 3 or parts[0] != "city" or not parts[1]:
        return "bad_topic"
    device = parts[2]
    if not 1 <= len(device) <= 128 or not device.isprintable() or set(device) & set(" +#\ufffd"):
        return "bad_topic"
    known = {t.id.replace("_", "-") for t in _types()}
    return None if parts[1].replace("_", "-") in known else "unknown_sensor_type"


class _Run:
    """Messages through decoder and store in flushes; what became of them."""

    def __init__(self, flushes: list[list[Envelope]]) -> None:
        store = MemoryStore()
        for sensor_type in _types():
            _done(store.put_sensor_type(sensor_type))
        epoch, position = _done(store.claim_head()).epoch, 0
        decoder = Decoder(_done(store.load_registry()))
        self.refused: list[tuple[Any, ...]] = []
        self.ignored = 0
        self.pieces: list[Piece] = []
        for messages in flushes:
            decoded = decoder.decode(messages)
            for device in _done(store.admit(decoded.unknown)):
                decoder.registry.put(device)
            outcome = decoded.finish(decoder.registry, position + 1)
            position = outcome.position
            written = _done(store.write(outcome.flush(epoch, messages[-1].received_at)))
            self.pieces.append(written.piece)
            self.ignored += outcome.ignored
            for q in outcome.quarantined:
                assert is_a_sentence(q.detail), q.detail
                self.refused.append((q.received_at, q.topic, q.sensor_type, q.device, q.reason, q.detail, q.payload))
        self.rows = [repr(r) for r in _done(store.observations(ObservationQuery(limit=10_000))).items]
        self.ledger = _done(store.ledger())[0]


def fuzz_decoder(data: bytes) -> None:
    """It never raises; every reading is stored, a duplicate or refused; refusals are sentences; cuts change nothing."""
    messages = _messages(data)
    whole = _Run([messages])
    counts = whole.ledger.values()
    assert all(c.received == c.stored + c.duplicate + c.quarantined for c in counts)
    received = sum(c.received for c in counts)
    if whole.ignored:
        assert received <= sum(map(_readings, messages))
    else:
        assert received == sum(map(_readings, messages))
    assert sum(c.stored for c in counts) == len(whole.rows) or len(whole.rows) == 10_000
    assert sum(c.quarantined for c in counts) == len(whole.refused)
    cut = [messages[i : i + 1 + len(data) % 3] for i in range(0, len(messages), 1 + len(data) % 3)]
    parts = _Run(cut)
    assert parts.rows == whole.rows
    assert sorted(parts.refused, key=repr) == sorted(whole.refused, key=repr)
    assert parts.ledger == whole.ledger
    assert parts.ignored == whole.ignored


def _decoder_seeds() -> list[bytes]:
    out = []
    for bad in bad_readings(NOW):
        if bad.category not in ("bombs", "size") and bad.way != "decoder":
            records = [b" " + m.topic.encode(errors="replace") + UNIT + m.payload for m in bad.messages[:3]]
            out.append(RECORD.join(records))
    samples = sorted(FOLDER.glob("*/samples/*"))
    out += [b" city/" + path.parent.parent.name.encode() + b"/S" + UNIT + path.read_bytes() for path in samples]
    out.append(RECORD.join(b"d city/hydrant/H" + UNIT + b'{"pressure_mpa":1}' for _ in range(3)))
    out.append(b"rcity/hydrant/H" + UNIT + b'{"pressure_mpa":1}')
    return out


# -- the wire ------------------------------------------------------------------------------------------------------


def fuzz_splitter(data: bytes) -> None:
    """Any chunks give the same packets, or the same refusal; what is kept back is never more than what came."""
    cuts, wire = data[:8], data[8:]
    whole, parts = _Fed([wire]), _Fed(list(_chunks(cuts, wire)))
    assert parts.arrivals == whole.arrivals
    assert parts.unwanted == whole.unwanted
    assert parts.error == whole.error
    assert whole.error or parts.others == whole.others


def _chunks(cuts: bytes, wire: bytes) -> Iterator[bytes]:
    at, k = 0, 0
    while at < len(wire):
        size = 1 + cuts[k % len(cuts)] if cuts else 1
        yield wire[at : at + size]
        at, k = at + size, k + 1


class _Fed:
    def __init__(self, chunks: list[bytes]) -> None:
        splitter = Splitter(("city/",))
        self.arrivals, self.others, self.error = Arrivals(), list[Packet](), ""
        came = 0
        for chunk in chunks:
            came += len(chunk)
            try:
                self.others += splitter.feed(chunk, self.arrivals)
            except WireError as e:
                self.error = str(e)
                break
            assert len(splitter._rest) <= came
        self.unwanted = splitter.unwanted
        a = self.arrivals
        assert len(a.topics) == len(a.payloads) == len(a.packet_ids) == len(a.heads)
        assert sum(map(len, a.payloads)) <= came


def _wire_seeds() -> list[bytes]:
    cases = [*lines_of("mqtt_client"), *lines_of("mqtt_broker")]
    wires = [b"".join(map(bytes_of, case["send"])) for case in cases]
    wires += [b"\x20\x02\x00\x00\x90\x03\x00\x01\x01", connect(), b"\xd0\x00" * 5]
    return [b"\x00\x01\x02\x03\x07\x0f\x3f\xff" + wire for wire in wires]


# -- topics and times ----------------------------------------------------------------------------------------------


def fuzz_topic(data: bytes) -> None:
    """A topic leads to a sensor type and a device that its own levels name, or to a sentence."""
    topic = data.decode(errors="replace")
    messages = [Envelope(t, b"{}", NOW + i) for i, t in enumerate((topic, TOPIC, topic))]
    run = _Run([messages])
    refused = [r for r in run.refused if r[0] != NOW + 1]
    assert len(refused) == (2 if f"{topic}/".startswith("city/") else 0)  # other topics are passed over
    for _, shown, sensor_type, device, reason, _, _ in refused:
        assert shown == topic.replace("\0", "\ufffd")
        assert reason == (_misroute(topic) or "missing")
        if reason == "missing":
            assert sensor_type.replace("_", "-") == topic.split("/")[1].replace("_", "-")
            assert device == topic.split("/")[2]


def _topic_seeds() -> list[bytes]:
    return [b.messages[0].topic.encode(errors="replace") for b in bad_readings(NOW) if b.category == "topics"]


def fuzz_times(data: bytes) -> None:
    """One by one and by columns are the same; what is a time survives its own text; the standard library agrees."""
    text = data.decode(errors="surrogateescape")
    many, good = to_us_many([text] * 64)
    us, refusal = _outcome(to_us, text, ValueError)
    assert good.all() == (refusal is None)
    assert good.any() == good.all()
    if refusal is None:
        assert (many == us).all()
        assert to_us(iso(us)) == us
        if ":60" not in text:
            seen = datetime.fromisoformat(text.upper())
            assert abs((seen - datetime.fromisoformat(iso(us))).total_seconds()) < 1e-6
    for number in (int.from_bytes(data[:400], "big", signed=True), float(len(data)) * 1e12, math.nan, math.inf):
        with contextlib.suppress(ValueError):
            us = to_us(number)
            assert abs(us - number * 1000) <= 1


def _outcome(work: Callable[[Any], Any], given: Any, allowed: type[Exception]) -> tuple[Any, str | None]:
    """What came out, or the sentence of the one error that is allowed."""
    try:
        return work(given), None
    except allowed as e:
        sentence = str(e)
    assert is_a_sentence(sentence), sentence
    return None, sentence


def _times_seeds() -> list[bytes]:
    texts = "2026-07-01T14:00:00Z 2026-07-01T14:00:00.123456789+08:00 0001-01-01T00:00:00Z 9999-12-31T23:59:59.999999Z"
    return [t.encode() for t in [*texts.split(), "2016-12-31T23:59:60Z", "2026-07-01 14:00:00-00:00", "1e18", ""]]


# -- documents -----------------------------------------------------------------------------------------------------


def fuzz_city(data: bytes) -> None:
    """A city, or a ``CityError`` with a sentence; nothing else."""
    city, refusal = _outcome(parse_city, data, CityError)
    assert refusal or parse_city(data) == city


def _city_seeds() -> list[bytes]:
    return [
        b"name: {zh: \xe9\x9d\x92\xe5\xb2\x9b, en: Qingdao}\ntimezone: Asia/Shanghai\n",
        b"districts: [{id: a, name: A, polygon: [[120, 36], [120.5, 36], [120.5, 36.5], [120, 36]]}]",
        b"districts: [{id: a, polygon: [[0, 0], [1, 1], [1, 0], [0, 1]]}]",
        b"districts: [{id: a, polygon: [[.nan, 0], [1, 1], [1, 0]]}]",
        b'{"devices": [{"id": "G1", "sensor_type": "hydrant", "lon": 1, "lat": 2, "span": {"pressure_mpa": [0, 9]}}]}',
        b"sites: [{id: S, kind: school, lon: 120.4, lat: 91, radius_m: -1}]",
        b"roads: {nodes: [{id: A, lon: 1, lat: 2}, {id: B, lon: 1, lat: 3}], links: [{from: A, to: B, length_m: 1}]}",
        b"baselines: [{device: U, field: occupancy_pct, median: 34, mad: 4, from: 17:30, to: 18:30, days: [mon, fri]}]",
        b"scenes: [{name: travel, districts: [a], parameters: {pair_min_difference_pct: 10}}]",
        b"permits: [{id: HW-11, kind: hot_work, lon: 1, lat: 2, start: 2026-07-01T00:00:00Z, end: 1782885600000}]",
        b"a: &a [x, x]\nb: [*a, *a]\n",
        b"x: !!timestamp x",
        b"x: !!bool x",
        b"x: !!int ''",
        b"? [a]\n: b",
        b"",
    ]


def fuzz_profile(data: bytes) -> None:
    """A sensor type that its own document declares again and that can decode, or a sentence."""
    found, refusal = _outcome(sensor_type_from, data, SensorTypeError)
    if refusal:
        return
    if found.profile is None:  # else the text it was registered by is its document
        assert sensor_type_from(document_of(found)) == found
    kind = kind_of(found)
    assert kind.single.decode(b"{}") == kind.blank


def _profile_seeds() -> list[bytes]:
    own = [path.read_bytes() for path in sorted(FOLDER.glob("*/profile.yaml"))]
    short = b"id: a\nfamily: meter\nname: {zh: a, en: A}\nfields: {x_pct: {range: [0, %s], unit: '%%'}}\n"
    ends = [b"1e400", b"1" + b"0" * 400, b"!!int ''", b"!!timestamp x", b"!!bool x", b".inf", b".nan", b"null"]
    return [*own, *(short % end for end in ends), b"!!map [a]", b"version: 0x" + b"f" * 5000]


# -- pieces --------------------------------------------------------------------------------------------------------


def fuzz_piece(data: bytes) -> None:
    """What the log keeps of any messages is what was written; a part of it is refused, not misread."""
    for piece in _Run([_messages(data)]).pieces:
        raw = encode_piece(piece)
        again = decode_piece(raw)
        assert encode_piece(again) == raw
        assert again.rows == piece.rows
        assert list(again.batches) == list(piece.batches)
        for name, batch in piece.batches.items():
            other = again.batches[name]
            assert (other.device == batch.device).all()
            assert (other.time == batch.time).all()
            assert (other.received_at == batch.received_at).all()
            assert (other.position == batch.position).all()
            for column, values in batch.columns.items():
                assert repr(other.columns[column].tolist()) == repr(values.tolist()), column
        with contextlib.suppress(StoreError):
            decode_piece(raw[: len(data) % len(raw)])
            raise AssertionError("a part of a piece was read as a piece")


TARGETS = {
    "decoder": Target(fuzz_decoder, _decoder_seeds),
    "splitter": Target(fuzz_splitter, _wire_seeds),
    "topic": Target(fuzz_topic, _topic_seeds),
    "times": Target(fuzz_times, _times_seeds),
    "city": Target(fuzz_city, _city_seeds),
    "profile": Target(fuzz_profile, _profile_seeds),
    "piece": Target(fuzz_piece, _decoder_seeds),
    **{name: Target(*target_of(name)) for name in formats()},
}


def seeds_of(name: str) -> list[bytes]:
    """The seeds of a target that are not long, the short ones first."""
    return sorted({s for s in TARGETS[name].seeds() if len(s) <= LONGEST_SEED}, key=lambda s: (len(s), s))
