"""What a traffic incident means: level, place, area, texts (rule T1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from brain.model import Level, Text
from brain.scene_api import Assessment, Gate, Policy
from scenes.toolkit.area import circle, geojson
from scenes.toolkit.places import index_of
from scenes.travel import works
from scenes.travel.corridors import network_of
from scenes.travel.effects import effects
from scenes.travel.statements import TRACKS
from scenes.travel.supports import FIRE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.scene_api import Evidence, View, World

__all__ = ["TrafficIncident"]

ROAD_HALF_M = 15.0
BEHIND_QUEUE_M = 200.0  # who still can turn off
SEEN = ("crash", "stopped_vehicle", "debris", "wrong_way", "pedestrian_on_road")
NARROW = frozenset({"tunnel", "bridge"})
HURT = frozenset({"injury", "mass_casualty"})


class TrafficIncident(Policy):
    """Something blocks a road. The scene itself ties evidence along the road, by subject."""

    event: ClassVar[str] = "traffic_incident"
    gate: ClassVar[Gate] = Gate(-1.0, 900.0)  # nothing joins by distance alone: direction and road metres decide

    def assess(self, view: View, world: World) -> Assessment:
        """Yellow; orange where it blocks much or hurts somebody; red with two kinds of witness for a disaster.

        Orange: a queue past the signal upstream, half of the lanes closed for ten minutes, somebody injured, in a
        tunnel or on a bridge. Red: fire, dangerous goods or many injured. None while planned works explain it all.
        """
        claims = [w for w in view.witnesses if w.level is not None]
        if not claims or (view.opened is None and works.covers(world.city, claims)):
            return Assessment(level=None)
        kinds = {str(w.values.get("kind")) for w in view.witnesses}
        spilled = any(w.values.get("spilled") for w in view.witnesses)
        fire = bool(kinds & set(FIRE))
        level = max((w.level for w in claims if w.level is not None), key=lambda x: x.rank)
        # where a camera sees it, else where vehicles stand, else between the stations
        source = next(
            (
                w
                for kinds_of in (SEEN, ("probes",))
                for w in claims
                if w.values["kind"] in kinds_of and not w.values.get("in_queue")
            ),
            claims[0],
        )
        narrow = _is_narrow(source, world) and level.rank >= Level.YELLOW.rank
        spilled = spilled and (level.rank >= Level.YELLOW.rank or _seen_from_above(view))
        if spilled or kinds & HURT or narrow or _closes_half(view, source, world):
            level = Level.ORANGE
        disaster = fire or bool(kinds & {"mass_casualty", "hazmat"})
        if disaster and len(view.modalities) >= 2:
            level = Level.RED
        queue = max((w.values.get("queue_m", 0) for w in view.witnesses), default=0)
        conditions = {
            c for c, on in (("injury", bool(kinds & HURT)), ("fire", fire), ("debris", "debris" in kinds)) if on
        }
        return Assessment(
            level=level,
            lon=source.lon,
            lat=source.lat,
            area=_area(source, queue, world),
            plan={"queue_m": queue, "corridor": source.values["corridor"], "spillback_s": _soonest(view)},
            headline=_headline(source, kinds, queue, world),
            actions=_actions(kinds, spilled=spilled, fire=fire),
            conditions=frozenset(conditions),
            effects=effects(source, view, queue, level, world, closed=fire and level is Level.RED),
        )


def _seen_from_above(view: View) -> bool:
    """Whether more than stations without a baseline tells of the queue: those alone know no recurrent jam."""
    return any(w.values.get("kind") == "queue" and w.sensor_type == "drone" for w in view.witnesses)


def _soonest(view: View) -> float | None:
    """Seconds until the queue reaches the signal upstream, as last told."""
    told = [w for w in view.witnesses if w.values.get("spillback_s") is not None and w.holds]
    return max(told, key=lambda w: w.time).values["spillback_s"] if told else None


def _is_narrow(source: Evidence, world: World) -> bool:
    if source.lon is None or source.lat is None:
        return False
    return bool(network_of(world.city).classes_at(source.lon, source.lat) & NARROW)


def _closes_half(view: View, source: Evidence, world: World) -> bool:
    """Whether what one camera has seen standing for ten minutes takes half of the lanes; unknown for one lane."""
    if source.lon is None or source.lat is None:
        return False
    long = world.parameters["lanes_closed_s"]
    standing: dict[str, int] = {}
    for w in view.witnesses:
        if not w.holds or w.values.get("in_queue"):
            continue  # who waits in the queue closes no lane
        if w.values.get("kind") in SEEN and float(w.values.get("seconds", 0.0)) >= long:
            standing[w.device] = standing.get(w.device, 0) + 1
    if not standing:
        return False
    lanes = network_of(world.city).lanes_at(source.lon, source.lat)
    return lanes > 1 and max(standing.values()) / lanes >= world.parameters["lanes_closed_share"]


def _area(source: Evidence, queue: float, world: World) -> Mapping[str, Any] | None:
    """The road from the source to 200 m behind the tail of the queue; off the corridors a circle."""
    line = network_of(world.city).lines.get(source.values["corridor"] or "")
    if line is not None and source.lon is not None and source.lat is not None:
        m, _ = line.locate(source.lon, source.lat)
        return geojson(line.part(m - queue - BEHIND_QUEUE_M, m + ROAD_HALF_M, ROAD_HALF_M))
    if source.lon is None or source.lat is None:
        return None
    return geojson(circle(source.lon, source.lat, 50.0))


def _headline(source: Evidence, kinds: set[str], queue: float, world: World) -> Text:
    where = _where(source, world)
    zh, en = "交通事件", "Traffic incident"
    if "crash" in kinds:
        zh, en = "交通事故", "Crash"
    elif source.values["kind"] in TRACKS:
        words = TRACKS[source.values["kind"]]
        en = words.en.removeprefix("a ")
        zh, en = words.zh, en[0].upper() + en[1:]
    tail_zh = f"，排队约 {queue:.0f} 米" if queue else ""
    tail_en = f", queue of about {queue:.0f} m" if queue else ""
    if kinds & HURT:
        tail_zh, tail_en = f"{tail_zh}，有人受伤", f"{tail_en}, somebody injured"
    if kinds & set(FIRE):
        tail_zh, tail_en = f"{tail_zh}，有烟火", f"{tail_en}, fire"
    return Text(f"{where.zh}{zh}{tail_zh}", f"{en}, {where.en}{tail_en}")


def _where(source: Evidence, world: World) -> Text:
    network = network_of(world.city)
    line = network.lines.get(source.values["corridor"] or "")
    if line is not None:
        return line.text()
    if source.lon is None or source.lat is None:
        return Text("", "")
    street = network.graph.street(source.lon, source.lat)
    district = index_of(world.city).district_of(source.lon, source.lat)
    zh = "".join(x for x in (district.name.zh if district else "", f"{street.zh}附近" if street else "") if x)
    en = ", ".join(x for x in (f"near {street.en}" if street else "", district.name.en if district else "") if x)
    return Text(zh or f"{source.lon:.4f}, {source.lat:.4f} ", en or f"{source.lon:.4f}, {source.lat:.4f}")


def _actions(kinds: set[str], *, spilled: bool, fire: bool) -> tuple[Text, ...]:
    out = []
    if fire:
        out.append(Text("消防到场，封闭道路", "Fire and rescue to the scene, close the road"))
    if kinds & HURT:
        out.append(Text("120 到场救治伤员，保障救护车通道", "Ambulance for the injured, keep its way free"))
    out.append(Text("交警到场处置并分流", "Traffic police to the scene, divert traffic"))
    if spilled:
        out.append(
            Text("调整上游信号配时，防止路口锁死", "Change the signal upstream so that the junction does not lock")
        )
    out.append(Text("可变情报板发布诱导", "Warn on the message signs"))
    out.append(Text("清障车到场", "Tow truck to the scene"))
    if "debris" in kinds:
        out.append(Text("城管清理路面", "City management clears the road"))
    out.append(Text("公交视情改道，发布出行提示", "Divert buses if needed, tell travellers"))
    return tuple(out)
