"""What the witnesses of a leak mean together: level, place, area, advice, words.

A first alarm is yellow, a second one orange, a pre-alarm blue. A second alarm that a second eye confirms (drone,
camera, or another detector near by in alarm) is red. The area is a circle round the place and, where the wind is known,
the sector downwind: the release rate is not known, so the published distances count, not a plume.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, ClassVar, Final

from brain.city.index import distance_m
from brain.model import LEVELS, Level, Modality, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.safety_production.ground import hazard_plan, raised, site_conditions
from scenes.safety_production.harm import area_round, effects_of
from scenes.safety_production.permits import confined_permit
from scenes.safety_production.source import DENSE, dense_area, is_day, toxic_area, toxic_reach
from scenes.safety_production.state import COMBUSTIBLE, OXYGEN
from scenes.safety_production.statements import gas_name
from scenes.safety_production.texts import actions_of, headline_of, told_of
from scenes.toolkit.places import name_of, site_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from brain.city import Site
    from brain.scene_api import Evidence, View, World

__all__ = ["GasLeak", "ToxicGasInAir"]

SECOND = 1_000_000
_CALLER: Final = Text("来电位置", "the caller's place")
_LEVELS = {1: Level.BLUE, 2: Level.YELLOW, 3: Level.ORANGE}


class _Gas(Policy):
    """Common to combustible and toxic gas."""

    gate: ClassVar[Gate] = Gate(150.0, 600.0)
    two_devices: ClassVar[bool] = True

    def second_witness(self, one: Evidence, other: Evidence, world: World) -> bool:
        """Two detectors at two places; for red they must also be near each other and both in alarm (``_pair``)."""
        return _apart_m(one, other) > 0

    def _pair(self, one: Evidence, other: Evidence, world: World) -> bool:
        return 0 < _apart_m(one, other) <= world.parameters["second_sensor_m"]

    def assess(self, view: View, world: World) -> Assessment:
        """See the module."""
        lines = [w for w in view.witnesses if _stage(w)]
        if not lines:
            return self._told(view, world)
        holding = [w for w in lines if w.holds]
        eyes = self._eyes(view.witnesses)
        level = max((_LEVELS[_stage(w)] for w in holding), key=LEVELS.index, default=None)
        if any(_stage(w) == 3 and (eyes or self._seconded(w, holding, world)) for w in holding):
            level = Level.RED
        first = max(lines, key=lambda w: (w.holds, _stage(w), w.values["peak"]))
        place = self._place(first, eyes)
        device = world.registry.find(first.sensor_type, first.device)
        site = site_of(world.city, device, *place)
        wind = first.values["wind"]
        level = raised(level, site, world)
        if level is None and view.previous is not None:
            level = view.previous.level  # nothing holds any more: the advice stays that of its height
        shown = level or Level.BLUE
        area = self._area(place, first, wind, world)
        site_name = name_of(site, first.device)
        modalities = [m for m in Modality if any(w.modality == m for w in [*holding, *eyes])]
        alarmed = [w for w in holding if _stage(w) >= 2]
        seconded = any(self._pair(a, b, world) for a, b in combinations(alarmed, 2))
        return Assessment(
            level=level,
            lon=place[0],
            lat=place[1],
            area=area,
            plan=self._plan(first, wind, shown, world) | hazard_plan(site),
            headline=headline_of(
                first,
                site_name,
                gas_name(first.values["key"]),
                shown,
                modalities,
                wind,
                self._near_m(first, world),
                world,
                seconded=seconded,
            ),
            actions=actions_of(first.values["key"], shown),
            conditions=self._conditions(site, eyes),
            ended=self._is_over(view.witnesses),
            effects=effects_of(level, view.certainty, area, self._effect(site_name)),
        )

    def _told(self, view: View, world: World) -> Assessment:
        """No detector speaks (yet): a caller who tells of a leak makes it yellow, one who smells gas blue."""
        calls = [w for w in view.witnesses if w.opens and "called" in w.values]
        if not calls:
            return view.previous or Assessment(level=None)
        first = next((w for w in calls if w.lon is not None), calls[0])
        site = site_of(world.city, None, first.lon, first.lat)
        is_leak = any(w.values["called"] == "gas_leak" for w in calls)
        level = raised(Level.YELLOW if is_leak else Level.BLUE, site, world)
        area = area_round(first.lon, first.lat, world.parameters["evacuate_m"])
        return Assessment(
            level=level,
            lon=first.lon,
            lat=first.lat,
            area=area,
            plan={"gas": COMBUSTIBLE, "calls": len(calls)} | hazard_plan(site),
            headline=told_of(_CALLER if site is None else name_of(site, ""), is_leak=is_leak),
            actions=actions_of(COMBUSTIBLE, level or Level.BLUE),
            conditions=self._conditions(site, self._eyes(view.witnesses)),
            ended=False,
        )

    def _is_over(self, witnesses: Sequence[Evidence]) -> bool:
        """No detector, camera or drone finds it any more; what only a caller told of is for people to close."""
        return not any(w.holds for w in witnesses if "called" not in w.values)

    def _effect(self, place: Text) -> Text:
        return Text(f"{place.zh}燃气泄漏", f"gas leak at {place.en}")

    def _eyes(self, witnesses: Sequence[Evidence]) -> list[Evidence]:
        """Cameras and drones whose finding holds, or ended not longer ago than the gate allows."""
        newest = max(w.time for w in witnesses)
        reach = self.gate.seconds * SECOND
        return [
            w
            for w in witnesses
            if not _stage(w) and w.weight > 0 and (w.holds or newest - (w.ended or w.time) <= reach)
        ]

    def _seconded(self, line: Evidence, holding: Sequence[Evidence], world: World) -> bool:
        return any(_stage(other) >= 2 and self._pair(line, other, world) for other in holding)

    def _place(self, first: Evidence, eyes: Sequence[Evidence]) -> tuple[float | None, float | None]:
        """The drone's place of most methane, else the source that fits the detectors best, else the detector."""
        smelt = [w for w in eyes if "methane" in w.values and w.lon is not None]
        if smelt:
            best = max(smelt, key=lambda w: float(w.values["methane"]))
            return best.lon, best.lat
        source = first.values["source"]
        return (first.lon, first.lat) if source is None else (source["lon"], source["lat"])

    def _area(
        self, place: tuple[float | None, float | None], first: Evidence, wind: Sequence[Any] | None, world: World
    ) -> dict[str, Any] | None:
        """Circle and sector where the rate is not known; for toxic gas contours, or distances of a dense one."""
        lon, lat = place
        p, key, source = world.parameters, first.values["key"], first.values["source"]
        if wind is None or lon is None or lat is None:
            return area_round(lon, lat, self._near_m(first, world))
        from_deg, speed, steady = wind
        toward, half = (from_deg + 180) % 360, p["downwind_half_deg"] if steady and speed >= p["calm_ms"] else 180.0
        if key in DENSE:
            return dense_area(lon, lat, p["erg_isolate_m"], self._far_m(first, world), toward, half)
        ppm = p.get(f"{key.lower()}_aegl2_ppm")
        if ppm is not None and source is not None:
            return toxic_area(lon, lat, source["rate"], ppm, source["stability"], from_deg, speed, p["evacuate_m"])
        return area_round(lon, lat, p["evacuate_m"], (toward, half, p["downwind_m"]))

    def _far_m(self, first: Evidence, world: World) -> float:
        """How far people downwind must act."""
        p = world.parameters
        if first.values["key"] not in DENSE:
            return p["downwind_m"]
        return p["erg_day_m" if is_day(first.time, world.city.timezone) else "erg_night_m"]

    def _near_m(self, first: Evidence, world: World) -> float:
        """How far people all round must act."""
        return world.parameters["erg_isolate_m" if first.values["key"] in DENSE else "evacuate_m"]

    def _plan(self, first: Evidence, wind: Sequence[Any] | None, level: Level, world: World) -> dict[str, Any]:
        p = world.parameters
        plan: dict[str, Any] = {
            "gas": first.values["key"],
            "value": first.values["value"],
            "peak": first.values["peak"],
            "evacuate_m": self._near_m(first, world) if level.rank >= 1 else 0.0,
        }
        if wind is not None:
            plan |= {"wind_from_deg": wind[0], "wind_ms": wind[1], "downwind_m": self._far_m(first, world)}
        source, key = first.values["source"], first.values["key"]
        permit = confined_permit(first.lon, first.lat, first.time, world) if key == OXYGEN else None
        if permit is not None:
            plan["permit"] = permit
        if source is not None:
            plan["source"] = {k: v for k, v in source.items() if k != "rate"}
        plan |= {k: first.values[k] for k in ("stel", "twa") if first.values.get(k) is not None}
        if key in DENSE:
            plan["model"] = "ERG"
        elif f"{key.lower()}_aegl2_ppm" in p and source is not None and wind is not None:
            plan |= {"model": "plume", "aegl_m": toxic_reach(key, source, wind[1], p)}
        if level.rank >= 1:
            plan["report_within_s"] = 3600
        return plan

    def _conditions(self, site: Site | None, eyes: Sequence[Evidence]) -> frozenset[str]:
        words = site_conditions(site)
        if self.event == "toxic_gas":
            words.add("toxic")
        if any(w.values.get("seen") == "flame" for w in eyes):
            words.add("fire")
        return frozenset(words)


class GasLeak(_Gas):
    """Combustible gas: event ``gas_leak``."""

    event: ClassVar[str] = "gas_leak"


class ToxicGasInAir(_Gas):
    """Toxic gas, or too little or too much oxygen: event ``toxic_gas``."""

    event: ClassVar[str] = "toxic_gas"

    def _effect(self, place: Text) -> Text:
        return Text(f"{place.zh}有毒气体", f"toxic gas at {place.en}")


def _apart_m(one: Evidence, other: Evidence) -> float:
    """Metres between two detectors; 0 for the same one, or where nobody knows."""
    if one.device == other.device or one.lon is None or one.lat is None or other.lon is None or other.lat is None:
        return 0.0
    return distance_m(one.lon, one.lat, other.lon, other.lat)


def _stage(evidence: Evidence) -> int:
    """Alarm step of a detector's line, 0 for the lines of cameras and drones."""
    return int(evidence.values.get("stage", 0))
