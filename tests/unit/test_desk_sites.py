"""Which incident a witness of a site belongs to: lines of two sites never meet by distance alone."""

from __future__ import annotations

from dataclasses import replace

from brain.desk.association import within
from brain.model import Modality, Text
from brain.scene_api import Evidence, Gate

GATE = Gate(150.0, 600.0)


def line(witness: str, lon: float, site: str | None, subject: str | None = None) -> Evidence:
    return Evidence(
        event="gas_leak", rule="r", witness=witness, modality=Modality.METER, sensor_type="gas-detector",
        device=witness, time=0, position=1, weight=6.2, summary=Text("", ""), lon=lon, lat=36.1, site=site,
        subject=subject,
    )  # fmt: skip


def test_neighbouring_sites_keep_their_own_incidents() -> None:
    a, b = line("A1", 120.4100, "A"), line("B1", 120.4110, "B")
    assert within(b, [a], GATE) is None
    assert within(replace(b, site="A"), [a], GATE) is not None
    assert within(replace(b, site=None), [a], GATE) is not None


def test_a_drone_over_both_sites_does_not_bring_them_together() -> None:
    a, drone = line("A1", 120.4100, "A"), line("UAV", 120.4105, None)
    assert within(line("B1", 120.4110, "B"), [a, drone], GATE) is None
    assert within(line("A2", 120.4110, "A"), [a, drone], GATE) is not None


def test_an_equal_subject_is_stronger_than_the_site() -> None:
    assert within(line("B1", 120.4110, "B", "lift"), [line("A1", 120.4100, "A", "lift")], GATE) == (1, 0.0)
