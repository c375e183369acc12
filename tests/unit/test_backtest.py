"""Backtest: traffic files, duplicates, errors with line numbers, filters and overrides, history of a store."""

from __future__ import annotations

import base64
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

import scenes
from brain.backtest import Progress, backtest_file, backtest_store, choose_scenes
from brain.city import City, parse_city
from brain.errors import ConfigurationError
from brain.store.memory import MemoryStore
from brain.times import iso
from ingest.seed import seed
from ingest.sensor_types import load_builtin
from scenes.safety_production.scene import SafetyProduction
from tests.unit.engine_world import SECOND, T0

if TYPE_CHECKING:
    from pathlib import Path

CITY = parse_city("devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1, simulated: true}]")
RISE = [1, 1, 5, 12, 19, 26, 33, 40, 41, 41]


def line(k: int, value: float, device: str = "G1", **more: Any) -> dict[str, Any]:
    time = T0 + k * 10 * SECOND
    payload = {"time": iso(time), "lel_pct": value} | more
    return {"received_at": iso(time + 120_000), "topic": f"city/gas-detector/{device}", "payload": payload}


LEAK = [line(k, v) for k, v in enumerate(RISE)]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))
    return path


def run(path: Path, city: City = CITY, **more: Any) -> list[dict[str, Any]]:
    return list(backtest_file(city, path, [SafetyProduction()], **more))


def test_a_leak_is_raised_and_numbered(tmp_path: Path) -> None:
    log = run(write(tmp_path / "a.jsonl", LEAK))
    assert [(x["seq"], x["op"], x["level"]) for x in log] == [(1, "raise", "blue"), (2, "update", "yellow")]
    assert list(log[0])[:3] == ["at", "seq", "op"]
    assert all(x["simulated"] for x in log)


def test_packed_base64_and_packs_give_the_same_log(tmp_path: Path) -> None:
    expected = run(write(tmp_path / "a.jsonl", LEAK))
    raw = [{k: v for k, v in x.items() if k != "payload"} for x in LEAK]
    coded = [
        r | {"payload_base64": base64.b64encode(json.dumps(x["payload"]).encode()).decode()}
        for r, x in zip(raw, LEAK, strict=True)
    ]
    path = tmp_path / "b.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(json.dumps(x) for x in coded).encode()))
    assert run(path) == expected


def test_a_message_that_comes_twice_counts_once(tmp_path: Path) -> None:
    once = run(write(tmp_path / "a.jsonl", LEAK))
    twice = [x for one in LEAK for x in (one, one, one)]
    assert run(write(tmp_path / "b.jsonl", twice)) == once


def test_rows_with_different_ids_are_different(tmp_path: Path) -> None:
    spike = [line(0, 1), *(line(3, 60, id=str(k)) for k in range(5))]
    assert run(write(tmp_path / "a.jsonl", spike)) == []  # five at one time, but no time between them


def test_devices_outside_the_city_are_admitted(tmp_path: Path) -> None:
    log = run(write(tmp_path / "a.jsonl", [line(k, v, "NEW", lon=120.1, lat=36.2) for k, v in enumerate(RISE)]), City())
    assert log[0]["evidence"][0]["device"] == "NEW"
    assert log[0]["position"] == [120.1, 36.2]
    assert log[0]["simulated"] is False


def test_rules_that_wait_fall_due_up_to_the_last_message(tmp_path: Path) -> None:
    lines = [*LEAK, line(10, 5), line(39, 1), line(40, 1)]
    log = run(write(tmp_path / "a.jsonl", lines))
    assert [x["op"] for x in log] == ["raise", "update", "clear"]
    assert log[-1]["at"] == iso(T0 + 400 * SECOND)  # ended at 100 s of event time
    assert [x["op"] for x in run(write(tmp_path / "b.jsonl", lines[:-1]))] == ["raise", "update"]


def test_bad_messages_move_the_clock_too(tmp_path: Path) -> None:
    bad = {"received_at": iso(T0 + 400 * SECOND), "topic": "city/nothing/X", "payload": "?"}
    log = run(write(tmp_path / "a.jsonl", [*LEAK, line(10, 5), bad]))
    assert [x["op"] for x in log] == ["raise", "update", "clear"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "line 3: Input data was truncated"),
        ('{"received_at": "2026-07-01", "topic": "a", "payload": 1}', "line 3: '2026-07-01' is not RFC 3339"),
        ('{"received_at": 0, "payload": 1}', "line 3: Object missing required field `topic`"),
        ('{"received_at": 0, "topic": "a"}', "line 3: it has neither payload nor payload_base64"),
        ('{"received_at": 0, "topic": "a", "payload_base64": "?"}', "line 3: "),
        ("[" * 5000, "line 3: "),
    ],
)
def test_a_bad_line_is_one_sentence_with_its_number(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([json.dumps(LEAK[0]), "", text, json.dumps(LEAK[1])]))
    with pytest.raises(ConfigurationError, match=r"a.jsonl, line 3") as caught:
        run(path)
    assert str(caught.value).startswith(f"a.jsonl, {sentence}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_broken_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot read"):
        run(tmp_path / "none.jsonl")
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"received_at": 0, "topic": "a", "payload": 1}\n' * 100)[:-20])
    with pytest.raises(ConfigurationError, match="cannot read"):
        run(path)


def test_times_of_receipt_that_run_backwards_stand_still(tmp_path: Path) -> None:
    lines = [*LEAK]
    lines[3] = LEAK[3] | {"received_at": iso(T0)}
    log = run(write(tmp_path / "a.jsonl", lines))
    assert [x["op"] for x in log] == ["raise", "update"]


def test_overrides_change_the_rules_and_wrong_ones_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", LEAK)
    log = run(path, overrides={"safety_production.l1_pct": 90.0})
    assert [x["level"] for x in log] == ["blue"]
    assert log[0]["rule"]["overlay"] == "set"
    with pytest.raises(ConfigurationError, match=r'no parameter "l1"; it has .*l1_pct'):
        run(path, overrides={"safety_production.l1": 1.0})


def test_scenes_are_chosen_by_name() -> None:
    everything = scenes.load()
    assert choose_scenes(everything, []) == everything
    assert [s.name for s in choose_scenes(everything, ["safety_production"])] == ["safety_production"]
    with pytest.raises(ConfigurationError, match=r'no scene "savety"; one of .*safety_production'):
        choose_scenes(everything, ["savety"])


def test_progress_says_how_far_it_is(tmp_path: Path) -> None:
    stream = io.StringIO()
    run(write(tmp_path / "a.jsonl", LEAK), progress=Progress(stream))
    assert stream.getvalue().endswith("100 %\n")
    Progress(None)(1, 2)


async def test_the_history_of_a_store_gives_the_log_of_the_file(tmp_path: Path) -> None:
    lines = [*LEAK, *LEAK[3:5], line(10, 5), line(40, 1)]
    lines.sort(key=lambda x: x["received_at"])
    expected = run(write(tmp_path / "a.jsonl", lines))
    store = MemoryStore()
    for sensor_type in load_builtin():
        await store.put_sensor_type(sensor_type)
    from brain.backtest import city_registry
    from brain.times import to_us

    await store.put_devices(city_registry((), CITY).devices())

    class Planned(msgspec.Struct):
        at_us: int
        topic: str
        payload: bytes

    planned = [Planned(to_us(x["received_at"]), x["topic"], json.dumps(x["payload"]).encode()) for x in lines]
    await seed(store, CITY, planned)
    got = [x async for x in backtest_store(CITY, store, T0, T0 + 3600 * SECOND, [SafetyProduction()])]
    assert got == expected
    none = [x async for x in backtest_store(CITY, store, T0, T0 + 30 * SECOND, [SafetyProduction()])]
    assert none == []
