"""Percentiles, accounts of processes, history and regressions of the benchmarks."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from brain.bench.accounting import Times, memory, parse_stat, part_of, snapshot, used
from brain.bench.alert import Raises
from brain.bench.fences import make_fences, measure
from brain.bench.figures import percentile, percentiles, spread, summary
from brain.bench.fill import fill_statement
from brain.bench.history import append, compare, like, read
from brain.bench.machine import facts
from brain.bench.peers.node_red import flow
from brain.bench.probe import End, Watch
from brain.bench.town import grid_city
from brain.errors import ConfigurationError
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from pathlib import Path

MACHINE: dict[str, Any] = {"cpu": "x", "cores": 2}
RESULT: dict[str, Any] = {
    "shape": {"n": 1},
    "storage": "timescaledb 2.19.3",
    "figures": {"stored_per_s": 100.0, "p99_ms": 10.0},
}


def test_a_percentile_is_always_a_value_that_was_measured() -> None:
    values = [float(v) for v in range(1, 1001)]
    assert [percentile(values, s) for s in (0, 0.5, 0.99, 0.999, 1)] == [1, 500, 990, 999, 1000]
    assert percentiles([]) == {"count": 0}
    assert percentiles([5.0])["p99_9"] == 5.0


def test_a_summary_has_the_range_of_every_number_and_leaves_out_what_is_not_in_all() -> None:
    found = summary([{"a": 1.0, "t": "x", "only": 3}, {"a": 4.0, "t": "y"}, {"a": 2.0, "t": "z"}])
    assert found == {"a": spread([1.0, 4.0, 2.0])} == {"a": {"median": 2.0, "min": 1.0, "max": 4.0}}


def test_the_account_of_this_process_grows_with_its_work() -> None:
    before = snapshot([os.getpid()])
    end = time.process_time() + 0.15
    while time.process_time() < end:
        pass
    grown = used(before, snapshot([os.getpid()]))
    assert 0.1 <= sum(t.user + t.system for t in grown.values()) <= 2.0
    assert sum(m.pss for m in memory([os.getpid()]).values()) > 1


def test_programs_with_strange_names_are_read_and_children_that_ended_count() -> None:
    stat = parse_stat("12 (x) R (y) S 3 1 1 0 -1 0 1 2 3 4 200 100 10 20 20 0 1 0 9 8 7", ticks=100)
    assert (stat.pid, stat.parent, stat.times) == (12, 3, Times(2.1, 1.2))


@pytest.mark.parametrize(
    ("command", "part"),
    [
        ("/x/bin/python -m brain scenes ", "scenes"),
        ("/x/bin/python -m brain up --port 0 ", "up"),
        ("postgres: cloudbrain cloudbrain [local] COPY ", "postgresql"),
        ("/usr/sbin/mosquitto -c x ", "mosquitto"),
        ("python -m brain.bench.peers.tutorial a b ", "tutorial"),
        ("", "other"),
    ],
)
def test_processes_belong_to_their_part(command: str, part: str) -> None:
    assert part_of(command) == part


def test_rows_are_committed_when_the_head_first_passed_them() -> None:
    watch = Watch(End(100, 7))
    watch.seen += [(1_000_000, 101, 8), (3_000_000, 103, 9)]
    assert watch.when(1) == (1_000_000, 8)
    assert watch.when(2) == (3_000_000, 9)
    assert watch.when(4) is None
    got = watch.latencies_ms([0, 0, 2_000_000, 9_000_000])
    assert got == {"count": 3, "p50": 1.0, "p99": 3.0, "p99_9": 3.0, "max": 3.0}


def test_a_raise_is_found_however_the_stream_is_cut() -> None:
    stream = (
        b'event: health\ndata: {}\n\nevent: incident\nid: 1\ndata: {"log":{"op":"raise","evidence":'
        b'[{"device":"BENCH-000042"}]}}\n\nevent: incident\ndata: {"log":{"op":"update","d":"BENCH-000043"}}\n\n'
    )
    for size in (1, 7, len(stream)):
        raises = Raises()
        for k, at in enumerate(range(0, len(stream), size)):
            raises.feed(stream[at : at + size], k)
        assert list(raises.at) == [42]


def test_history_compares_with_the_median_of_runs_like_it(tmp_path: Path) -> None:
    file = tmp_path / "state" / "bench.jsonl"
    for rate in (90.0, 100.0, 140.0):
        append(file, "ingest", RESULT | {"figures": {"stored_per_s": rate, "p99_ms": 10.0}}, MACHINE)
    append(file, "ingest", RESULT | {"shape": {"n": 2}, "figures": {"stored_per_s": 1.0}}, MACHINE)
    append(file, "ingest", RESULT | {"figures": {"stored_per_s": 1.0}}, MACHINE | {"cores": 64})
    append(file, "ingest", RESULT | {"storage": "postgresql 16", "figures": {"stored_per_s": 1.0}}, MACHINE)
    with file.open("a") as out:
        out.write('{"half a li')
    record = {
        "part": "ingest",
        "machine": MACHINE,
        **RESULT,
        "figures": {"stored_per_s": 75.0, "p99_ms": 9.0, "new": 1.0},
    }
    changes = {c.name: c for c in compare(record["figures"], like(record, read(file)))}
    assert (changes["stored_per_s"].before, changes["stored_per_s"].runs) == (100.0, 3)
    assert changes["stored_per_s"].worse_pct == 25.0
    assert changes["p99_ms"].worse_pct == -10.0
    assert (changes["new"].before, changes["new"].worse_pct) == (None, None)


def test_a_history_file_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="give another with --history"):
        append(tmp_path / "file" / "bench.jsonl", "ingest", RESULT, MACHINE)


def test_the_machine_says_what_it_is() -> None:
    found = facts()
    assert found["cores"] >= 1
    assert found["load_before"] >= 0
    json.dumps(found)


def test_all_ways_of_asking_for_fences_agree() -> None:
    found = measure(points=2000, fences=50, vertices=12)
    assert 0 < found["inside"] < 2000
    assert len(make_fences(50, 12)) == 50


def test_the_grid_is_a_city_whose_ways_can_be_searched() -> None:
    city = grid_city(400)
    assert len(city.roads.nodes) == 400
    nodes = {n.id for n in city.roads.nodes}
    assert all(u.node in nodes for u in city.ems.units)


def test_every_built_in_sensor_type_can_be_filled() -> None:
    for sensor_type in load_builtin():
        assert sensor_type.table in fill_statement(sensor_type)


def test_the_flow_of_node_red_is_wired() -> None:
    ids = {n["id"]: n for n in flow("127.0.0.1", 1883)}
    assert ids["in"]["wires"] == [["store"]]
    assert ids["in"]["broker"] in ids
