"""The desk asks only incidents that may be near; it decides as if it had asked all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.desk.neighbours import Neighbours
from brain.scene_api import Gate
from tests.unit.engine_world import SECOND, T0, Fire, desk, told

if TYPE_CHECKING:
    from brain.desk import Desk
    from brain.desk.incident import Incident
    from brain.scene_api import Evidence


class BySubject(Fire):
    """A policy whose evidence belongs together by subject only."""

    gate: ClassVar[Gate] = Gate(-1.0, 600.0)


class AskAll(Neighbours):
    """Asks every incident there is."""

    def of(self, *evidence: Evidence) -> list[Incident]:
        return [self._all[k] for k in sorted(self._all)]


@st.composite
def statements(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Statements in a town, or at a pole, near one another and far apart, with and without place and subject."""
    lat = draw(st.sampled_from([36.1, 0.0, 60.0, 79.999, 89.9]))
    lon = draw(st.sampled_from([120.4, 0.0, -0.0005]))
    out = []
    for k in range(draw(st.integers(2, 40))):
        at = 20.0 * k + draw(st.sampled_from([0.0, 500.0]))
        place = draw(st.one_of(st.none(), st.tuples(*[st.integers(-4, 4)] * 2)))
        # 150 m, the radius of the gate, is 0.00135 degrees
        where = {"lon": None, "lat": None}
        if place is not None:
            where = {"lon": lon + 0.0009 * place[0], "lat": lat + 0.0009 * place[1]}
        out.append(
            {
                "at": at,
                "witness": f"w{draw(st.integers(0, 8))}",
                "subject": draw(st.sampled_from([None, None, None, "s1", "s2"])),
                "holds": draw(st.sampled_from([True, True, True, False])),
                "weight": draw(st.sampled_from([1.0, 3.0, 7.5])),
                "opens": draw(st.sampled_from([True, True, False])),
                **where,
            }
        )
    return out


def log(this: Desk, traffic: list[dict[str, Any]]) -> list[bytes]:
    steps: list[Any] = []
    for row in traffic:
        at = T0 + round(row["at"] * SECOND)
        steps += this.hear("k", told(**row), at)
        steps += this.mark(at)
    return [msgspec.json.encode(s.document) for s in steps]


@pytest.mark.parametrize("policy", [Fire, BySubject])
@settings(max_examples=80, deadline=None)
@given(traffic=statements())
def test_asking_the_near_ones_is_asking_all(policy: type[Fire], traffic: list[dict[str, Any]]) -> None:
    asked, all_asked = desk(policy()), desk(policy())
    all_asked._near = {"k": AskAll(policy.gate)}
    assert log(asked, traffic) == log(all_asked, traffic)


def test_a_statement_does_not_ask_far_incidents() -> None:
    here = desk(Fire())
    for k in range(100):
        here.hear("k", told(at=k, witness=f"w{k}", lon=120.0 + 0.01 * k), T0 + k * SECOND)
    assert len(here.state.incidents["k"]) == 100
    assert len(here._near["k"].of(told(witness="new", lon=120.5))) == 1


def test_forgotten_incidents_are_not_found_again() -> None:
    here = desk(Fire())
    here.hear("k", told(weight=1.0), T0)
    assert len(here._near["k"].of(told())) == 1
    here.mark(T0 + 3600 * SECOND)
    assert here.state.incidents["k"] == []
    assert here._near["k"].of(told()) == []
