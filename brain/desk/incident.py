"""What the desk keeps of an incident, and the log object it shows of it.

States: ``candidate`` (not sure enough yet) -> ``open`` -> ``cleared`` (may re-open for a while) or ``cancelled`` (a
false alarm). A log object carries the whole state after its step. Pure.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import shapely
from shapely.geometry import shape

from brain.city.index import METRES_PER_DEGREE, distance_m
from brain.model import EXERCISE, Certainty, Level, Modality, Step, Text
from brain.scene_api import Assessment, Evidence
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from brain.registry import Registry

__all__ = ["Footprint", "Incident", "Line", "Shown", "footprint", "headline_of", "log_object"]

_COLOURS: Final = {Level.BLUE: "蓝色", Level.YELLOW: "黄色", Level.ORANGE: "橙色", Level.RED: "红色"}
_PREFIX_ZH: Final = re.compile(r"^【[^】]{0,12}】")
_PREFIX_EN: Final = re.compile(r"^\[[A-Z][A-Z, ]{0,20}\]\s*")
_ENDINGS: Final = {"clear": Text("·解除", ", CLEARED"), "cancel": Text("·撤销", ", CANCELLED")}
AREA_GREW: Final = 0.2
AREA_MOVED_M: Final = 50.0
PLACES_SHOWN: Final = 6  # decimals of a degree: a decimetre

#: keys of a plan whose change is worth an update, and the reason word it gets; the first changed one counts
PLAN_REASONS: Final = {
    "hospital": "hospital_change",
    "primary_unit": "unit_change",
    "first_responder": "unit_change",
    "aed": "aed_change",
    "move_up": "unit_change",
    "dispatch": "unit_change",
    "route": "reroute",
    "guide_to": "reroute",
}


@dataclass(slots=True)
class Line:
    """One witness of an incident: its latest statement.

    Attributes:
        order: Rank of its first appearance at the desk.
        first_time: Event time of its first statement, microseconds.
        base: Messages of its earlier findings, so that the count never falls.
        arrived: Time of receipt of the latest statement.
    """

    evidence: Evidence
    order: int
    first_time: int
    arrived: int
    base: int = 0

    def say(self, evidence: Evidence, at: int) -> None:
        """Take the next statement of this witness in place of the last."""
        if evidence.messages < self.evidence.messages:
            self.base += self.evidence.messages
        self.evidence, self.arrived = evidence, at

    @property
    def count(self) -> int:
        """Messages of this witness so far."""
        return self.base + self.evidence.messages


@dataclass(frozen=True, slots=True)
class Footprint:
    """Size and middle of an area, for telling whether it changed; metres and degrees."""

    size: float
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Shown:
    """What the last step showed, to compare with."""

    level: Level
    certainty: Certainty
    modalities: tuple[Modality, ...]
    second: bool
    lon: float | None
    lat: float | None
    area: Footprint | None
    geometry: Mapping[str, Any] | None
    plan: Mapping[str, Any]


@dataclass(slots=True)
class Incident:
    """One happening in the city.

    Attributes:
        order: Of making, to keep results in one order.
        judge: Key of the judge (scene and event) it stands before.
        lines: Witness -> line.
        last_at: Time of receipt of the last statement; ``last_time`` the largest event time of all.
        ended_since: Event time since which the exit conditions have held, or None.
        waiting: Reason word of an update that is held back, or None.
        verify: Who could confirm it, as of its last step while it was open; None where its policy wants no eye.
    """

    order: int
    judge: str
    last_at: int
    last_time: int
    lines: dict[str, Line] = field(default_factory=dict)
    state: str = "candidate"
    incident_id: str = ""
    number: int = 0
    opened: int | None = None
    closed_at: int = 0
    stepped_at: int = 0
    updated_at: int | None = None
    ended_since: int | None = None
    waiting: str | None = None
    level: Level = Level.BLUE
    certainty: Certainty = Certainty.POSSIBLE
    modalities: tuple[Modality, ...] = ()
    second: bool = False
    assessment: Assessment | None = None
    shown: Shown | None = None
    verify: dict[str, Any] | None = None

    def in_order(self) -> list[Line]:
        """Lines by first appearance."""
        return sorted(self.lines.values(), key=lambda x: x.order)

    def place(self) -> tuple[float | None, float | None]:
        """Where the scene says it is, else where its first witness with a place is."""
        a = self.assessment
        if a is not None and a.lon is not None and a.lat is not None:
            return a.lon, a.lat
        for line in self.in_order():
            if line.evidence.lon is not None and line.evidence.lat is not None:
                return line.evidence.lon, line.evidence.lat
        return None, None

    def name(self, scene: str, event: str, *, is_exercise: bool = False) -> None:
        """Give it its id, which follows from its cause alone; that of a drill begins with ``exercise-``."""
        first = next((x for x in self.in_order() if x.evidence.opens), self.in_order()[0])
        e = first.evidence
        cause = f"{scene}|{event}|{e.witness}|{first.first_time}|{e.subject or ''}"
        stamp = iso(first.first_time)[:19].replace("-", "").replace(":", "")
        self.incident_id = f"{event}-{stamp}-{hashlib.sha256(cause.encode()).hexdigest()[:10]}"
        if is_exercise:
            self.incident_id = f"exercise-{self.incident_id}"

    def show(self) -> Shown:
        """What a step would show now."""
        a = self.assessment or Assessment(level=None)
        before = self.shown
        area = before.area if before is not None and before.geometry == a.area else footprint(a.area)
        return Shown(
            self.level,
            self.certainty,
            self.modalities,
            self.second,
            *self.place(),
            area,
            a.area,
            {k: a.plan.get(k) for k in PLAN_REASONS if k in a.plan},
        )


def footprint(area: Mapping[str, Any] | None) -> Footprint | None:
    """Size (square metres; metres for lines) and middle of a GeoJSON geometry; None for none, or an empty one."""
    if area is None:
        return None
    geometry = shape(dict(area))
    if geometry.is_empty:
        return None
    middle = geometry.centroid
    east = METRES_PER_DEGREE * max(0.01, math.cos(math.radians(middle.y)))
    flat = shapely.transform(geometry, lambda p: p * np.array([east, METRES_PER_DEGREE]))
    return Footprint(float(flat.area or flat.length), float(middle.x), float(middle.y))


def change(now: Shown, before: Shown) -> str | None:
    """Reason word of an update for what changed since the last step, or None where nothing worth saying did."""
    if now.level != before.level:
        return "level"
    if now.certainty != before.certainty:
        return "certainty"
    if now.modalities != before.modalities or now.second != before.second:
        return "evidence"
    for key, word in PLAN_REASONS.items():
        if now.plan.get(key) != before.plan.get(key):
            return word
    if _moved(now, before):
        return "area"
    return None


def _moved(now: Shown, before: Shown) -> bool:
    if (now.area is None) != (before.area is None) or (now.lon is None) != (before.lon is None):
        return True
    if (
        now.lon is not None
        and now.lat is not None
        and before.lon is not None
        and before.lat is not None
        and distance_m(now.lon, now.lat, before.lon, before.lat) > AREA_MOVED_M
    ):
        return True
    a, b = now.area, before.area
    if a is None or b is None:
        return False
    return abs(a.size - b.size) > AREA_GREW * max(b.size, 1e-9) or distance_m(a.lon, a.lat, b.lon, b.lat) > AREA_MOVED_M


def headline_of(text: Text, level: Level, op: str, *, is_exercise: bool = False) -> Text:
    """The headline with the colour of the level as shown in front; the end of an incident and a drill are said there.

    Example:
        >>> headline_of(Text("燃气浓度升高", "[RED] Gas rising"), Level.YELLOW, "raise").en
        '[YELLOW] Gas rising'
    """
    ending = _ENDINGS.get(op, Text("", ""))
    drill = Text("演练·", "EXERCISE, ") if is_exercise else Text("", "")
    return Text(
        f"【{drill.zh}{_COLOURS[level]}{ending.zh}】{_PREFIX_ZH.sub('', text.zh)}",
        f"[{drill.en}{level.value.upper()}{ending.en}] {_PREFIX_EN.sub('', text.en)}",
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_rounded(v) for v in value]
    return round(float(value), PLACES_SHOWN)


def plain(value: Any) -> Any:
    """A value as JSON has it: numpy numbers become numbers, tuples lists, what is not finite null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _area(area: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if area is None:
        return None
    out = dict(area)
    if "coordinates" in out:
        out["coordinates"] = _rounded(out["coordinates"])
    if "geometries" in out:
        out["geometries"] = [_area(g) for g in out["geometries"]]
    return out


def _witness(e: Evidence, prefix: str) -> dict[str, Any]:
    return {
        "modality": e.modality.value,
        "sensor_type": e.sensor_type,
        "device": prefix + e.device,
        "at": iso(e.time),
        "summary": {"zh": e.summary.zh, "en": e.summary.en},
        "weight": float(e.weight),
        "rule": e.rule,
        "holds": e.holds,
        "facts": [plain(f._asdict()) for f in e.facts],
        "window": dict(zip(("from", "to"), map(iso, e.window or (e.time, e.time)), strict=True)),
    }


def is_simulated(lines: Iterable[Line], registry: Registry) -> bool:
    """Whether every device that bears witness exists only in a simulator."""
    devices = [registry.find(x.evidence.sensor_type, x.evidence.device) for x in lines]
    return bool(devices) and all(d is not None and d.simulated for d in devices)


def log_object(
    incident: Incident,
    op: str,
    reason: str,
    at: int,
    told: Mapping[str, list[str]],
    rule: Mapping[str, Any],
    event: str,
    *,
    simulated: bool,
    is_exercise: bool = False,
) -> Step:
    """The step as the public log shows it, without ``seq``."""
    a = incident.assessment or Assessment(level=None)
    lines = incident.in_order()
    lon, lat = incident.place()
    headline = headline_of(a.headline, incident.level, op, is_exercise=is_exercise)
    prefix = EXERCISE if is_exercise else ""
    document = {
        "at": iso(at),
        "op": op,
        "incident": incident.incident_id,
        "scene": rule["scene"],
        "event": event,
        "level": incident.level.value,
        "certainty": incident.certainty.value,
        "reason": reason,
        "position": None if lon is None or lat is None else _rounded([lon, lat]),
        "area": _area(a.area),
        "departments": told,
        "evidence": [_witness(x.evidence, prefix) for x in sorted(lines, key=lambda x: x.evidence.time)],
        "report_count": sum(x.evidence.reports for x in lines),
        "count": sum(x.count for x in lines),
        "plan": plain(dict(a.plan) if incident.verify is None else {**a.plan, "verify": incident.verify}),
        "headline": {"zh": headline.zh, "en": headline.en},
        "actions": {"zh": [t.zh for t in a.actions], "en": [t.en for t in a.actions]},
        "rule": rule,
        "simulated": simulated,
    }
    if is_exercise:
        document["status"] = "Exercise"
    return Step(incident.incident_id, incident.number, at, op, document)
