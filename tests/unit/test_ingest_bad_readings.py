"""Every bad reading of the corpus is refused with its reason, and its good neighbours are kept."""

from __future__ import annotations

import pytest

from brain.registry import Registry
from ingest.decode import Decoder
from ingest.envelope import Envelope
from ingest.sensor_types import load_builtin
from tests.contract.bad_readings.corpus import Bad, bad_readings

NOW = 1_782_885_600_000_000
CORPUS = bad_readings(NOW)
GOOD = Envelope("city/gas-detector/GOOD", b'{"lel_pct": 5, "id": "good"}', NOW)


def test_the_corpus_is_large():
    assert len(CORPUS) >= 240
    assert len({b.name for b in CORPUS}) == len(CORPUS)
    reasons = {r for b in CORPUS for r in b.refused}
    assert reasons == {
        *("not_json", "wrong_type", "missing", "out_of_range", "not_in_list", "bad_time", "time_out_of_window"),
        *("bad_text", "too_large", "too_deep", "bad_topic", "unknown_sensor_type"),
    }


@pytest.mark.parametrize("bad", CORPUS, ids=lambda b: b.name)
def test_a_bad_reading_is_refused_with_its_reason(bad: Bad):
    decoder = Decoder(Registry(load_builtin(), []))
    messages = [GOOD, Envelope(bad.topic, bad.payload, NOW), GOOD._replace(payload=b'{"lel_pct": 6, "id": "2"}')]
    decoded = decoder.decode(messages)
    for sensor_type, name in decoded.unknown:
        decoder.registry.add(sensor_type, name)
    outcome = decoded.finish(decoder.registry, 1)
    assert [q.reason for q in outcome.quarantined] == bad.refused
    assert sum(len(b) for b in outcome.batches) == bad.stored + 2
    for q in outcome.quarantined:
        assert q.ledger_key == bad.ledger
        assert q.topic == bad.topic
        assert q.size == len(bad.payload)
        assert q.received_at == NOW
        assert ": " in q.detail
        assert q.detail.isprintable()
        assert len(q.detail) < 400
    assert bad.detail in outcome.quarantined[0].detail
    whole = bad.payload if len(bad.payload) <= 262_144 else bad.payload[:10_240]
    assert outcome.quarantined[0].payload == whole
