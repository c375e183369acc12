"""What an emergency and a coverage gap mean: level, texts, check list (rules F1, F4, F6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from brain.model import Certainty, Level, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.first_aid.statements import LEVELS_BY_PRIORITY
from scenes.first_aid.texts import actions, headline
from scenes.toolkit.area import circle, geojson

if TYPE_CHECKING:
    from brain.scene_api import Evidence, View, World

__all__ = ["CoverageGap", "MedicalEmergency"]

AREA_M = 100.0  # who is round the patient must act


class MedicalEmergency(Policy):
    """A patient somebody called for. The scene itself says which calls belong together, by subject."""

    event: ClassVar[str] = "medical_emergency"
    gate: ClassVar[Gate] = Gate(-1.0, 300.0)  # nothing joins by distance alone: complaint groups decide (F7)
    fused: ClassVar[bool] = False
    two_devices: ClassVar[bool] = True

    def assess(self, view: View, world: World) -> Assessment:
        """By priority; an arrest at least orange, it and a mass casualty red with two witnesses; too late: orange.

        A slip is yellow at least.
        """
        main = next((w for w in view.witnesses if "plan" in w.values), None)
        if main is None:
            return Assessment(level=None)
        v = max((w.values for w in view.witnesses if "plan" in w.values), key=lambda x: x.get("said", 0))
        plan = v["plan"]
        level = LEVELS_BY_PRIORITY[v["priority"]]
        if v["complaint"] == "cardiac_arrest":
            level = Level.ORANGE
        if (v["complaint"] == "cardiac_arrest" or v["mass"]) and view.certainty is Certainty.OBSERVED:
            level = Level.RED
        if v["slipped"]:
            level = max(level, Level.YELLOW, key=lambda x: x.rank)
        if v["help"] or v["mass"]:
            level = max(level, Level.ORANGE, key=lambda x: x.rank)
        radius = max(AREA_M, v["pos_err_m"])
        conditions = {"green_wave"} if plan["green_wave"] else set[str]()
        if v["complaint"] == "entrapment":
            conditions.add("entrapment")
        return Assessment(
            level=level,
            lon=main.lon,
            lat=main.lat,
            area=None if main.lon is None or main.lat is None else geojson(circle(main.lon, main.lat, radius)),
            plan=plan,
            headline=headline(v, plan),
            actions=actions(v, plan),
            conditions=frozenset(conditions),
            ended=not main.holds,
        )

    def second_witness(self, one: Evidence, other: Evidence, world: World) -> bool:
        """Two calls are two witnesses unless the same caller made both; so is what lies beside a mass casualty."""
        a, b = one.values.get("caller"), other.values.get("caller")
        if a is not None and a == b:
            return False
        if one.values.get("beside") or other.values.get("beside"):
            return bool(one.values.get("mass") or other.values.get("mass"))
        return bool(one.reports and other.reports) and one.witness != other.witness


class CoverageGap(Policy):
    """A zone without a free unit in reach; it clears at once when there is one."""

    event: ClassVar[str] = "coverage_gap"
    gate: ClassVar[Gate] = Gate(-1.0, 300.0)
    hold_s: ClassVar[float] = 0.0
    fused: ClassVar[bool] = False

    def assess(self, view: View, world: World) -> Assessment:
        """Blue, with the unit that should move up."""
        main = view.witnesses[0]
        v = main.values
        unit = v["move_up"]
        return Assessment(
            level=Level.BLUE,
            lon=main.lon,
            lat=main.lat,
            plan={"zone": v["zone"], "move_up": unit},
            headline=Text(
                f"急救力量空缺：{v['zh']}" + (f"，建议 {unit} 机动补位" if unit else "，暂无车可补位"),
                f"Coverage gap: {v['en']}" + (f", move up {unit}" if unit else ", no unit to move up"),
            ),
            actions=(
                Text(f"{unit} 前往 {v['zh']} 待命", f"Move {unit} up to {v['en']}")
                if unit
                else Text("请求邻区机动力量", "Ask the neighbouring centre for a standby unit"),
            ),
            ended=not main.holds,
        )
