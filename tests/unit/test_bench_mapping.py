"""The benchmark of the mapping measures what it says: our side gives the ten values."""

from __future__ import annotations

from tests.bench.mapping import DOCUMENT, PATHS, WANTED, ours


def test_our_side_of_the_benchmark_gives_every_field() -> None:
    got = ours()()
    assert got.keys() == PATHS.keys()
    assert {k: got[k] for k in WANTED} == WANTED
    assert got["solar_v"] == DOCUMENT["data"]["power"]["solar"]
