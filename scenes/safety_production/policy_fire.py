"""What the witnesses of a fire mean together (S4): level, place, area, advice, words."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from brain.model import Level, Modality, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.safety_production.ground import hazard_plan, raised, site_conditions, site_seen
from scenes.safety_production.harm import area_round, effects_of
from scenes.toolkit.places import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.scene_api import Evidence, View, World

__all__ = ["Fire"]

SECOND: Final = 1_000_000
_ACTIONS: Final = (
    Text("立即报 119，消防到场处置", "Fire brigade to the spot"),
    Text("切断火场电源、气源，转移易燃易爆物品", "Cut power and gas; move what burns or explodes"),
    Text("疏散人员并清点人数", "Evacuate and count the people"),
    Text("交警封闭周边道路，保障消防通道", "Traffic police close the roads and keep the fire lane free"),
    Text("120 救护力量现场待命", "Ambulance stands by"),
    Text("无人机持续测温，监视蔓延方向", "A drone keeps watching the heat and where it spreads"),
    Text("1 小时内书面报告主管部门", "Report to the authority in writing within 1 hour"),
)
_WORSE: Final = {
    "people": Text("有人员", "people inside"),
    "explosives": Text("有易燃易爆物", "explosives near"),
    "unit_level": Text("重大危险源", "major hazard unit"),
    "spread_m2": Text("已蔓延", "it spreads"),
}


class Fire(Policy):
    """Flame is yellow, with a second kind of eye orange, with people, explosives, a major hazard or spread then red.

    Smoke on video becomes a fire only with a second kind of eye; a call alone is yellow.
    """

    event: ClassVar[str] = "fire"
    gate: ClassVar[Gate] = Gate(150.0, 900.0)

    def assess(self, view: View, world: World) -> Assessment:
        """See the class."""
        now = [w for w in view.witnesses if self._counts(w, view.witnesses)]
        holding = [w for w in now if w.holds]
        flames = [w for w in now if w.values.get("seen") == "flame"]
        level = self._level(now, world)
        claims = [w for w in view.witnesses if w.level is not None] or [w for w in view.witnesses if w.opens]
        first = (flames or claims or list(view.witnesses))[0]
        hot = [w for w in now if "heat" in w.values and w.lon is not None]
        place = (hot[0].lon, hot[0].lat) if hot and first.lon is None else (first.lon, first.lat)
        device = world.registry.find(first.sensor_type, first.device)
        site = site_seen(world, device, *place)
        if level is None and view.opened is not None and view.previous is not None:
            level = view.previous.level
        else:
            level = raised(level, site, world)
        worse = self._worse(now, world)
        where = name_of(site, first.device)
        area = area_round(*place, world.parameters["fire_radius_m"])
        kinds = [m for m in Modality if any(w.modality == m for w in now)]
        return Assessment(
            level=level,
            lon=place[0],
            lat=place[1],
            area=area,
            plan={
                "evacuate_m": world.parameters["fire_radius_m"],
                "worse": worse,
                "spread_m2": max((float(w.values.get("spread_m2") or 0.0) for w in now), default=0.0),
                "report_within_s": 3600,
                **hazard_plan(site),
            },
            headline=self._headline(where, bool(flames), len(kinds), worse, over=not holding),
            actions=_ACTIONS,
            ended=self._is_over(view.witnesses),
            conditions=frozenset({"fire", *site_conditions(site), *(("people",) if "people" in worse else ())}),
            effects=effects_of(level, view.certainty, area, Text(f"{where.zh}火灾", f"Fire at {where.en}")),
        )

    def _is_over(self, witnesses: Sequence[Evidence]) -> bool:
        """No eye sees it any more; what only a caller told of is for people to close."""
        return any(w.level is not None for w in witnesses) and not any(
            w.holds for w in witnesses if "called" not in w.values
        )

    def _counts(self, line: Evidence, witnesses: Sequence[Evidence]) -> bool:
        newest = max(w.time for w in witnesses)
        return line.holds or newest - (line.ended or line.time) <= self.gate.seconds * SECOND

    def _level(self, now: Sequence[Evidence], world: World) -> Level | None:
        """Size of the fire by what is seen of it."""
        flame = any(w.values.get("seen") == "flame" for w in now)
        call = any("called" in w.values for w in now)
        smoke = any(w.values.get("seen") == "smoke" for w in now)
        strong = {w.modality for w in now if w.values.get("seen") != "smoke"}
        if not (flame or call):
            return Level.YELLOW if smoke and strong else None
        if len(strong) < 2:
            return Level.YELLOW
        return Level.RED if self._worse(now, world) else Level.ORANGE

    def _worse(self, now: Sequence[Evidence], world: World) -> list[str]:
        """What makes it worse, by the words of ``_WORSE``."""
        spread = world.parameters["fire_spread_m2"]
        found = {
            "people": any(w.values.get("people") for w in now),
            "explosives": any(w.values.get("explosives") for w in now),
            "unit_level": any(w.values.get("unit_level") is not None for w in now),
            "spread_m2": any(float(w.values.get("spread_m2") or 0.0) > spread for w in now),
        }
        return [word for word, on in found.items() if on]

    def _headline(self, where: Text, flame: bool, kinds: int, worse: Sequence[str], *, over: bool) -> Text:
        if over:
            return Text(
                f"{where.zh}烟火已消失，请现场确认无复燃", f"No more fire seen at {where.en}; make sure it is out"
            )
        zh = f"{where.zh}{'发现明火' if flame else '疑似起火'}"
        en = f"{'Fire' if flame else 'Probable fire'} at {where.en}"
        if kinds > 1:
            zh, en = f"{zh}，经{kinds}类信源印证", f"{en}, confirmed by {kinds} kinds of eyes"
        if worse:
            zh += "，" + "、".join(_WORSE[w].zh for w in worse)
            en += ", " + ", ".join(_WORSE[w].en for w in worse)
        return Text(f"{zh}，请立即扑救疏散", f"{en}; fight it and evacuate")
