"""How sure the witnesses make us: the published weights give the words that the levels are capped by."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from brain.desk.fusion import cap_level, fuse, weight_at
from brain.model import Certainty, Level, Modality
from tests.unit.engine_world import SECOND, T0, Fire, told, world

METER: dict[str, Any] = {"modality": Modality.METER, "sensor_type": "gas-detector", "witness": "m1", "device": "G1"}
SECOND_METER: dict[str, Any] = METER | {"witness": "m2", "device": "G2", "lon": 120.4003}
DRONE: dict[str, Any] = {"modality": Modality.LOW_ALTITUDE, "sensor_type": "drone", "witness": "d", "device": "U1"}


class Two(Fire):
    two_devices: ClassVar[bool] = True


class Call(Fire):
    fused: ClassVar[bool] = False


def fused(*lines: dict[str, Any], policy: Fire | None = None, at: int = T0) -> Any:
    return fuse([told(0, **line) for line in lines], at, policy or Fire(), world())


@pytest.mark.parametrize(
    ("lines", "certainty"),
    [
        ([METER | {"weight": 5.9}], "possible"),
        ([METER | {"weight": 6.2}], "possible"),
        ([METER | {"weight": 7.5}], "likely"),
        ([METER | {"weight": 4.5}], None),
        ([METER | {"weight": 3.7}], None),
        ([METER | {"weight": 6.0}], "possible"),
        ([METER | {"weight": 6.2}, DRONE | {"weight": 4.5}], "observed"),
        ([METER | {"weight": 7.5}, SECOND_METER | {"weight": 6.2}], "likely"),  # 0.3 of it, and no more than 8 in all
        ([METER | {"weight": 0.0}, DRONE | {"weight": 6.2}], "possible"),
    ],
)
def test_the_default_weights_give_these_words(lines: list[dict[str, Any]], certainty: str | None) -> None:
    found = fused(*lines).certainty
    assert (None if found is None else found.value) == certainty


def test_a_second_device_counts_as_a_witness_only_where_the_policy_says_so() -> None:
    lines = [METER | {"weight": 6.2}, SECOND_METER | {"weight": 6.2}]
    assert not fused(*lines).second
    got = fused(*lines, policy=Two())
    assert got.second
    assert (got.certainty, got.witnesses) == (Certainty.OBSERVED, 2)
    same_place = [METER | {"weight": 6.2}, SECOND_METER | {"weight": 6.2, "lon": 120.4}]
    assert not fused(*same_place, policy=Two()).second


def test_events_that_bypass_fusion_start_at_likely() -> None:
    assert fused(METER | {"weight": 0.1}, policy=Call()).certainty is Certainty.LIKELY
    assert fused(METER, DRONE, policy=Call()).certainty is Certainty.OBSERVED
    floor = METER | {"certainty": Certainty.POSSIBLE}
    assert fused(floor, policy=Call()).certainty is Certainty.POSSIBLE


def test_a_line_decays_only_after_its_condition_ended() -> None:
    holds = told(0, weight=7.5)
    assert weight_at(holds, T0 + 3600 * SECOND) == 7.5
    over = told(0, weight=7.5, holds=False, ended=T0)
    assert weight_at(over, T0 + 600 * SECOND) == pytest.approx(7.5 / 2.718281828)


def test_looked_and_saw_nothing_counts_against() -> None:
    alone = fused(METER | {"weight": 6.2}).probability
    against = fused(METER | {"weight": 6.2}, DRONE | {"weight": -2.5})
    assert against.probability < alone
    assert against.modalities == (Modality.METER,)


def test_no_single_weight_counts_for_more_than_eight() -> None:
    assert weight_at(told(0, weight=50.0), T0) == 8.0
    assert fused(METER | {"weight": 50.0}).probability < 0.9


@pytest.mark.parametrize(
    ("level", "certainty", "witnesses", "shown"),
    [
        ("red", "observed", 2, "red"),
        ("red", "observed", 1, "orange"),
        ("red", "likely", 2, "orange"),
        ("orange", "possible", 1, "yellow"),
        ("blue", "observed", 2, "blue"),
    ],
)
def test_the_level_is_capped_by_certainty_and_red_needs_two_eyes(
    level: str, certainty: str, witnesses: int, shown: str
) -> None:
    assert cap_level(Level(level), Certainty(certainty), witnesses).value == shown
