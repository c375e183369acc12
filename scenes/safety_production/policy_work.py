"""Judgement of work under permits, of people at work, and of drones: S5, S6, S8. What belongs together is named."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from brain.model import LEVELS, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.safety_production.ground import hazard_plan, raised, site_conditions, site_seen
from scenes.toolkit.places import name_of

if TYPE_CHECKING:
    from brain.city import Site
    from brain.scene_api import Evidence, View, World

__all__ = ["DroneViolation", "HotWorkGas", "HotWorkWithoutPermit", "Intrusion", "PpeViolation"]


class _Named(Policy):
    """Lines belong together by their subject only; the highest level that a holding line claims counts."""

    gate: ClassVar[Gate] = Gate(-1.0, 300.0)
    fused: ClassVar[bool] = False
    actions: ClassVar[tuple[Text, ...]]
    raises_at_units: ClassVar[bool] = True

    def assess(self, view: View, world: World) -> Assessment:
        """See the class."""
        holding = [w for w in view.witnesses if w.holds]
        lead = max(holding or view.witnesses, key=lambda w: (w.level.rank if w.level else -1, w.time))
        lon, lat = self.place(lead)
        device = world.registry.find(lead.sensor_type, lead.device)
        site = site_seen(world, device, lon, lat)
        level = max((w.level for w in holding if w.level is not None), key=LEVELS.index, default=None)
        if level is None and view.previous is not None:
            level = view.previous.level
        elif self.raises_at_units:
            level = raised(level, site, world)
        where = name_of(site, lead.device)
        return Assessment(
            level=level,
            lon=lon,
            lat=lat,
            plan=self.plan(lead) | (hazard_plan(site) if self.raises_at_units else {}),
            headline=self.headline(lead, where, site, over=not holding),
            actions=self.actions,
            conditions=frozenset(site_conditions(site)),
        )

    def place(self, lead: Evidence) -> tuple[float | None, float | None]:
        """Where it is: the permit's place, or the line's own."""
        given = lead.values.get("place")
        return (given[0], given[1]) if given else (lead.lon, lead.lat)

    def plan(self, lead: Evidence) -> dict[str, Any]:
        """Advice for machines."""
        return {k: lead.values[k] for k in ("permit", "kind", "zone", "track", "workers") if k in lead.values}

    @abstractmethod
    def headline(self, lead: Evidence, where: Text, site: Site | None, *, over: bool) -> Text:
        """One line for people."""


class HotWorkGas(_Named):
    """Gas beside running hot work, or its gas test is too old: event ``hot_work_gas``."""

    event: ClassVar[str] = "hot_work_gas"
    actions: ClassVar[tuple[Text, ...]] = (
        Text("立即停止动火并熄灭火源", "Stop the hot work and put out every flame"),
        Text("撤离作业人员，查明气源并关阀", "Take the workers out; find the source and shut it"),
        Text("通风后重新检测，合格方可复工", "Ventilate and test again; work only when it is good"),
        Text("监护人现场值守并上报", "The attendant stays and reports"),
    )

    def headline(self, lead: Evidence, where: Text, site: Site | None, *, over: bool) -> Text:
        """Stop the work, or test again."""
        if over:
            return Text(
                f"{where.zh}动火点气体已恢复正常或作业结束", f"Hot work at {where.en}: gas is normal or work is over"
            )
        if lead.rule == "S5.test_too_old":
            return Text(f"{where.zh}：{lead.summary.zh}", f"{where.en}: {lead.summary.en}")
        return Text(
            f"{where.zh}动火点旁可燃气体超限，立即停止动火", f"Gas beside hot work at {where.en}: stop the work"
        )


class HotWorkWithoutPermit(_Named):
    """A flame where no permit, or none that is valid now, allows it: event ``hot_work_without_permit``."""

    event: ClassVar[str] = "hot_work_without_permit"
    gate: ClassVar[Gate] = Gate(-1.0, 900.0)
    fused: ClassVar[bool] = True
    actions: ClassVar[tuple[Text, ...]] = (
        Text("责任单位立即到场制止并熄灭明火", "The site stops it and puts out the flame at once"),
        Text("核查动火票，未办理或过期的一律停工", "Check the permit; without a valid one work stops"),
        Text("清理周边可燃物，派人看守", "Clear what burns and post a guard"),
        Text("视情况按火灾处置", "If it is a fire, treat it as one"),
    )

    def headline(self, lead: Evidence, where: Text, site: Site | None, *, over: bool) -> Text:
        """Who works there, and with what permit."""
        if over:
            return Text(f"{where.zh}动火已停止", f"Hot work at {where.en} has stopped")
        permit = lead.values.get("permit")
        if permit is not None:
            return Text(
                f"{where.zh}动火票 {permit} 不在有效期内动火",
                f"Hot work at {where.en} outside the hours of permit {permit}",
            )
        return Text(f"{where.zh}无票动火", f"Hot work without a permit at {where.en}")


class _Conduct(_Named):
    words: ClassVar[Text]
    done: ClassVar[Text]

    def headline(self, lead: Evidence, where: Text, site: Site | None, *, over: bool) -> Text:
        """Who does what where."""
        if over:
            return Text(f"{where.zh}{self.done.zh}", f"{self.done.en} at {where.en}")
        workers = lead.values.get("workers", 1)
        return Text(f"{where.zh}{self.words.zh}（{workers}人）", f"{self.words.en} at {where.en} ({workers})")

    def plan(self, lead: Evidence) -> dict[str, Any]:
        """With the last snapshot."""
        return super().plan(lead) | {"snapshot_url": lead.values.get("snapshot_url")}


class PpeViolation(_Conduct):
    """Work without helmet or vest: event ``ppe_violation``."""

    event: ClassVar[str] = "ppe_violation"
    words: ClassVar[Text] = Text("未按规定佩戴防护用品", "Protective equipment not worn")
    done: ClassVar[Text] = Text("防护用品佩戴已恢复正常", "Protective equipment is worn again")
    actions: ClassVar[tuple[Text, ...]] = (
        Text("现场负责人立即纠正", "The foreman corrects it at once"),
        Text("临边高处作业人员先撤离", "Whoever works at an edge or height leaves first"),
        Text("登记并纳入班前教育", "Record it for the next briefing"),
    )


class Intrusion(_Conduct):
    """People where nobody may be: event ``intrusion``."""

    event: ClassVar[str] = "intrusion"
    words: ClassVar[Text] = Text("有人闯入禁区", "Intrusion")
    done: ClassVar[Text] = Text("禁区内已无人", "Nobody is left in the restricted zone")
    actions: ClassVar[tuple[Text, ...]] = (
        Text("现场值守人员劝离", "The guard sends them away"),
        Text("排查围挡和门禁缺口", "Look for the gap in the fence"),
        Text("有人身危险时停止作业", "Stop work while anybody is in danger"),
    )


_BREACHES: Final = {
    "corridor": Text("偏离批准航线", "has left its corridor"),
    "no_fly": Text("进入禁飞区", "flies in a no-fly zone"),
    "ceiling": Text("超过限高飞行", "flies above its height limit"),
}


class DroneViolation(_Named):
    """A drone outside its corridor, in a no-fly zone or too high: event ``drone_violation``."""

    event: ClassVar[str] = "drone_violation"
    raises_at_units: ClassVar[bool] = False  # the drone is not the unit's own hazard
    actions: ClassVar[tuple[Text, ...]] = (
        Text("联系飞手或运营单位立即返航", "Call the pilot or the operator: come back at once"),
        Text("公安到场核查，必要时处置", "Police check on the spot and act where needed"),
        Text("核对飞行计划与空域批复", "Compare with the flight plan and the approval"),
    )

    def plan(self, lead: Evidence) -> dict[str, Any]:
        """Which drone and which rule; where it is now is in the evidence."""
        return {"drone": lead.device, "breach": lead.values.get("breach"), "zone": lead.values.get("zone")}

    def headline(self, lead: Evidence, where: Text, site: Site | None, *, over: bool) -> Text:
        """Which drone does what."""
        if over:
            return Text(
                f"无人机 {lead.device} 已恢复合规或降落", f"Drone {lead.device} keeps the rules again or has landed"
            )
        word = _BREACHES.get(str(lead.values.get("breach")), Text("违规飞行", "breaks the rules"))
        return Text(f"无人机 {lead.device} {word.zh}", f"Drone {lead.device} {word.en}")
