"""Shipped formats against payloads that are nearly right: whatever is broken, the answer is rows or a sentence."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.decoders import Message, Notes
from ingest.profile.mapping import Mapped, Refused
from tests.contract.format_walk import FOLDER, captures, load, payload_of, samples

ODD: list[Any] = [
    None,
    "",
    "x",
    -1,
    1e308,
    True,
    [],
    {},
    [None],
    {"value": None},
    "2026-13-45",
    10**30,
    "NaN",
    "\ud7ff",
]
FOLDERS = sorted(p.parent for p in FOLDER.glob("*/profile.yaml"))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all values inside of a document."""
    out = [path] if path else []
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        out += places(inner, (*path, key))
    return out


def changed(document: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The document with an odd value in one place."""
    if not path:
        return odd
    out = dict(document) if isinstance(document, dict) else list(document)
    out[path[0]] = changed(out[path[0]], path[1:], odd)
    return out


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda p: p.name)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_a_sample_with_one_thing_wrong_is_read_or_refused(folder: Any, data: st.DataObject) -> None:
    found = load(folder)
    sample = data.draw(st.sampled_from([s for _, lines in samples(folder) for _, s in lines]))
    taken = captures(found.sensor_type.topics, sample["topic"])
    assert taken is not None
    payload = payload_of(sample)
    kind = data.draw(st.sampled_from(["odd", "cut", "flip"]))
    document = sample.get("payload")
    if kind == "odd" and isinstance(document, (dict, list)) and places(document):
        path = data.draw(st.sampled_from(places(document)))
        payload = json.dumps(changed(document, path, data.draw(st.sampled_from(ODD)))).encode()
    elif kind == "cut":
        payload = payload[: data.draw(st.integers(0, len(payload)))]
    elif payload:
        at = data.draw(st.integers(0, len(payload) - 1))
        payload = payload[:at] + bytes([data.draw(st.integers(0, 255))]) + payload[at + 1 :]
    made = found.read(Message(payload, taken, 0, Notes()))
    for one in made or []:
        assert isinstance(one, (Mapped, Refused))
        if isinstance(one, Refused):
            assert re.fullmatch("[a-z_]{4,24}", one.reason), one
            assert len(one.detail) < 1000
            assert one.detail.isprintable() or "\n" not in one.detail


def test_a_number_of_more_than_64_bits_in_what_is_remembered_is_refused():
    found = load(FOLDER / "dji-aircraft")
    payload = b'{"timestamp": 1782885590000, "data": {"attitude_head": 1, "x": 1000000000000000000000000}}'
    made = found.read(Message(payload, {"sn": "S", "topic": "t"}, 0, Notes()))
    assert made is not None
    assert [m.reason for m in made if isinstance(m, Refused)] == ["wrong_type"]


@pytest.mark.parametrize("corner", [1e308, -1e308, 10**30, 0])
def test_a_geometry_beyond_reason_has_no_middle_and_warns_nobody(corner: float):
    found = load(FOLDER / "ngsi-entity")
    ring = [[120.0, 36.0], [120.2, corner], [corner, 36.2], [120.0, 36.0]]
    entity = {"id": "a", "type": "T", "x": 1, "location": {"type": "Polygon", "coordinates": [ring]}}
    made = found.read(Message(json.dumps(entity).encode(), {"rest": "T", "topic": "ngsi/T"}, 0, Notes()))
    assert made
    for one in made:
        assert isinstance(one, Refused) or all(one.values.get(k, 0) == one.values.get(k, 0) for k in ("lon", "lat"))
