"""The desk itself: hears statements, keeps incidents, says when a step is due.

A statement joins the incident it belongs to, or founds a candidate, or (``opens=False``) waits loose for an incident of
its neighbourhood. After every statement the incident is judged anew: fused certainty, the policy's level and area, the
cap. A step comes from that at once, or falls due at a mark: updates held back, the periodic one, the end, forgetting.

Times are times of receipt in microseconds, except where a name says event time. Pure and deterministic.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.city.index import distance_m
from brain.desk.association import SECOND, nearest, within
from brain.desk.board import Board, Notice
from brain.desk.fusion import Fused, cap_level, fuse
from brain.desk.incident import Incident, Line, change, is_simulated, log_object
from brain.desk.lookout import Fixes, Lookout
from brain.desk.neighbours import Neighbours
from brain.desk.routing import departments
from brain.model import LEVELS, Modality, Step
from brain.scene_api import Evidence, View

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from brain.city.index import CityIndex
    from brain.registry import Registry
    from brain.scene_api import Assessment, Policy, World

__all__ = ["Desk", "DeskState", "Judge"]

UPDATES_APART: Final = 10 * SECOND
_FORGET_LOOSE_FROM: Final = 64  # loose lines of an event before the forgotten ones are swept out


class Judge(NamedTuple):
    """Who judges the incidents of one event: the policy, with the world of its scene.

    Attributes:
        scene, version: As shown in the log.
        is_exercise: Its incidents are those of a drill.
    """

    scene: str
    version: str
    policy: Policy
    world: World
    is_exercise: bool = False


@dataclass(slots=True)
class DeskState:
    """All the desk remembers; plain data that can be saved."""

    made: int = 0
    lines: int = 0
    incidents: dict[str, list[Incident]] = field(default_factory=dict)
    loose: dict[str, dict[str, Line]] = field(default_factory=dict)
    board: Board = field(default_factory=Board)
    fixes: Fixes = field(default_factory=Fixes)


class Desk:
    """Turns evidence into incidents.

    Args:
        judges: Key of a judge -> judge. Keys are the engine's; they are stable over restarts.
        registry: Tells which devices are simulated.
        index: Of the city, for routing and for who could look.

    Attributes:
        lookout: To be shown the rows of drones, as they come.
    """

    def __init__(self, judges: Mapping[str, Judge], registry: Registry, index: CityIndex) -> None:
        self._judges = dict(judges)
        self._index = index
        self._heap: list[tuple[int, int]] = []
        self._queued: dict[int, int] = {}  # order of an incident -> its earliest entry of the heap
        self._alive: dict[int, Incident] = {}
        self._near = {key: Neighbours(judge.policy.gate) for key, judge in judges.items()}
        self.lookout = Lookout(index, registry)
        self.state = DeskState(fixes=self.lookout.fixes)

    def seat(self, judges: Mapping[str, Judge]) -> None:
        """More judges sit down."""
        self._judges |= judges
        self._near |= {key: Neighbours(judge.policy.gate) for key, judge in judges.items()}

    # -- saving --------------------------------------------------------------------------------------------------
    def restore(self, state: DeskState) -> None:
        """Go on from a saved state; incidents whose judge is gone are dropped."""
        self.state = state
        state.incidents = {k: v for k, v in state.incidents.items() if k in self._judges}
        state.loose = {k: v for k, v in state.loose.items() if k in self._judges}
        self._heap, self._queued, self._alive = [], {}, {}
        self.lookout.restore(state.fixes)
        self._near = {key: Neighbours(judge.policy.gate) for key, judge in self._judges.items()}
        for incident in sorted((i for some in state.incidents.values() for i in some), key=lambda i: i.order):
            self._alive[incident.order] = incident
            for line in incident.lines.values():
                self._near[incident.judge].add(incident, line.evidence)
            self._schedule(incident)
        standing = {i.incident_id for i in self._alive.values()}
        for incident_id in [k for k in state.board.notices if k not in standing]:
            state.board.take_down(incident_id)

    def standing(self, keys: Collection[str], lon: float, lat: float, radius_m: float) -> list[str]:
        """Ids of the open incidents before these judges within a distance of a place, oldest first."""
        near = []
        for _, incident in sorted(self._alive.items()):
            x, y = incident.place()
            is_near = x is not None and y is not None and distance_m(lon, lat, x, y) <= radius_m
            if incident.judge in keys and incident.state == "open" and is_near:
                near.append(incident.incident_id)
        return near

    # -- hearing -------------------------------------------------------------------------------------------------
    def hear(self, key: str, evidence: Evidence, at: int) -> list[Step]:
        """Take a statement before a judge; the steps that follow from it at once."""
        policy = self._judges[key].policy
        self.state.incidents.setdefault(key, [])
        incident = nearest(self._near[key].of(evidence), evidence, at, policy.gate, policy.reopen_s)
        if incident is None:
            incident = self._found(key, evidence, at)
            if incident is None:
                return []
            report = False
        else:
            line = incident.lines.get(evidence.witness)
            report = evidence.reports > (line.evidence.reports if line is not None else 0)
            self._put(incident, evidence, at)
            if incident.state == "cancelled":  # those witnesses were found wrong; they may go on without effect
                incident.closed_at = max(incident.closed_at, at)
                self._schedule(incident)
                return []
            if evidence.false_alarm:
                return self._cancel(key, incident, at)
            if line is None:
                self._gather(key, incident, at)
        steps = self._judge(key, incident, evidence, at, report=report)
        self._schedule(incident)
        return steps

    def _found(self, key: str, evidence: Evidence, at: int) -> Incident | None:
        """A new candidate for a statement that belongs nowhere; None where it can only wait, or says nothing."""
        loose = self.state.loose.setdefault(key, {})
        waiting = loose.get(evidence.witness)
        if not evidence.opens or not evidence.holds:
            if evidence.false_alarm:
                loose.pop(evidence.witness, None)
            elif waiting is not None:
                waiting.say(evidence, at)
            elif evidence.holds:
                loose[evidence.witness] = self._line(evidence, at)
                self._sweep(key, at)
            return None
        if evidence.false_alarm:
            return None
        loose.pop(evidence.witness, None)
        incident = Incident(self.state.made, key, at, evidence.time)
        self.state.made += 1
        self.state.incidents[key].append(incident)
        self._alive[incident.order] = incident
        self._put(incident, evidence, at)
        self._gather(key, incident, at)
        return incident

    def _line(self, evidence: Evidence, at: int) -> Line:
        self.state.lines += 1
        return Line(evidence, self.state.lines, evidence.time, at)

    def _put(self, incident: Incident, evidence: Evidence, at: int) -> None:
        line = incident.lines.get(evidence.witness)
        if line is None:
            incident.lines[evidence.witness] = self._line(evidence, at)
        else:
            line.say(evidence, at)
        self._near[incident.judge].add(incident, evidence)
        incident.last_at = at
        incident.last_time = max(incident.last_time, evidence.time)

    def _sweep(self, key: str, at: int) -> None:
        loose = self.state.loose[key]
        if len(loose) >= _FORGET_LOOSE_FROM and not len(loose) & (len(loose) - 1):
            reach = int(self._judges[key].policy.gate.seconds * SECOND)
            self.state.loose[key] = {w: x for w, x in loose.items() if at - x.arrived <= reach}

    def _gather(self, key: str, incident: Incident, at: int) -> None:
        """Bring in loose lines and candidates that the incident's witnesses now reach, until none is left."""
        policy = self._judges[key].policy
        reach = policy.gate.seconds * SECOND
        loose, near = self.state.loose.get(key, {}), self._near[key]
        again = True
        while again:
            again = False
            here = [x.evidence for x in incident.lines.values()]
            for witness, line in list(loose.items()):
                if at - line.arrived > reach:
                    del loose[witness]
                elif witness not in incident.lines and within(line.evidence, here, policy.gate):
                    incident.lines[witness] = loose.pop(witness)
                    near.add(incident, line.evidence)
                    again = True
            for other in [i for i in near.of(*here) if i.state == "candidate" and i is not incident]:
                timely = abs(other.last_time - incident.last_time) <= reach or incident.state == "open"
                if timely and any(within(x.evidence, here, policy.gate) for x in other.lines.values()):
                    for witness, line in other.lines.items():
                        if witness not in incident.lines:
                            incident.lines[witness] = line
                            near.add(incident, line.evidence)
                    self._forget(key, other)
                    again = True

    # -- judging -------------------------------------------------------------------------------------------------
    def _judge(self, key: str, incident: Incident, evidence: Evidence, at: int, *, report: bool) -> list[Step]:
        judge = self._judges[key]
        policy = judge.policy
        is_open = incident.state == "open"
        if is_open:
            current = [x.evidence for x in incident.in_order()]
        else:
            reach = policy.gate.seconds * SECOND
            current = [
                x.evidence
                for x in incident.in_order()
                if x.evidence.holds or at - (x.evidence.ended or x.evidence.time) <= reach
            ]
        fused = fuse(current, at, policy, judge.world)
        if not is_open:
            return self._open(key, incident, current, fused, at)
        certainty = max(incident.certainty, fused.certainty or incident.certainty, key=lambda c: c.rank)
        union = {*incident.modalities, *fused.modalities}
        modalities = tuple(m for m in Modality if m in union)
        view = View(current, fused.probability, certainty, modalities, incident.opened, incident.assessment)
        assessment = policy.assess(view, judge.world)
        incident.assessment = assessment
        incident.certainty, incident.modalities = certainty, modalities
        incident.second |= fused.second
        former = incident.level
        if assessment.level is not None:
            level = cap_level(assessment.level, certainty, len(modalities) + incident.second)
            incident.level = max(level, former, key=LEVELS.index) if policy.latched else level
        self._note_end(incident, evidence, policy, assessment)
        if incident.ended_since is not None and policy.hold_s <= 0:
            return [self._step(key, incident, "clear", "ended", at)]
        word = change(incident.show(), incident.shown) if incident.shown is not None else None
        word = evidence.reason or word
        if report:
            return [self._step(key, incident, "merge", word or "evidence", at)]
        if word is None:
            return []
        rose = incident.level.rank > (incident.shown.level.rank if incident.shown is not None else -1)
        if rose:
            return [self._step(key, incident, "update", word, at)]
        word = evidence.reason or incident.waiting or word
        if incident.updated_at is None or at - incident.updated_at >= UPDATES_APART:
            return [self._step(key, incident, "update", word, at)]
        incident.waiting = word
        return []

    def _open(self, key: str, incident: Incident, current: list[Evidence], fused: Fused, at: int) -> list[Step]:
        """Raise a candidate, or re-open a cleared incident, when the witnesses that stand now are enough."""
        judge = self._judges[key]
        if fused.certainty is None or not any(e.opens and e.holds for e in current):
            return []
        view = View(current, fused.probability, fused.certainty, fused.modalities, incident.opened, incident.assessment)
        assessment = judge.policy.assess(view, judge.world)
        if assessment.level is None or assessment.ended:
            return []
        op = "reopen" if incident.state == "cleared" else "raise"
        incident.assessment = assessment
        incident.certainty, incident.modalities, incident.second = fused.certainty, fused.modalities, fused.second
        incident.level = cap_level(assessment.level, fused.certainty, fused.witnesses)
        incident.state, incident.ended_since, incident.waiting = "open", None, None
        if op == "raise":
            incident.opened = at
            incident.name(judge.scene, judge.policy.event, is_exercise=judge.is_exercise)
        return [self._step(key, incident, op, "evidence", at)]

    def _note_end(self, incident: Incident, evidence: Evidence, policy: Policy, assessment: Assessment) -> None:
        """Keep since which event time the exit conditions have held."""
        lines = [x.evidence for x in incident.in_order()]
        claims = [e for e in lines if e.level is not None] or [e for e in lines if e.opens]
        ended = assessment.ended
        if ended is None:
            ended = not any(e.holds for e in claims)
            since = max((e.time if e.ended is None else e.ended for e in claims if not e.holds), default=evidence.time)
        else:  # the last of those that ended counts, however late the silence of another is noticed
            since = evidence.time if evidence.ended is None else evidence.ended
            since = max([since, *(e.ended for e in lines if not e.holds and e.ended is not None)])
        if not ended:
            incident.ended_since = None
        elif incident.ended_since is None:
            incident.ended_since = since

    def _cancel(self, key: str, incident: Incident, at: int) -> list[Step]:
        if incident.state == "open":
            steps = [self._step(key, incident, "cancel", "false_alarm", at)]
            self._schedule(incident)
            return steps
        self._forget(key, incident)
        return []

    # -- time ----------------------------------------------------------------------------------------------------
    def due(self) -> int | None:
        """The earliest time at which a mark may do something, microseconds; None while nothing waits."""
        return self._heap[0][0] if self._heap else None

    def mark(self, at: int) -> list[Step]:
        """What falls due at a whole second, oldest incident first."""
        ripe: set[int] = set()
        while self._heap and self._heap[0][0] <= at:
            due, order = heapq.heappop(self._heap)
            if self._queued.get(order) == due:
                del self._queued[order]
                ripe.add(order)
        steps: list[Step] = []
        for order in sorted(ripe):
            incident = self._alive.get(order)
            if incident is None:
                continue
            if self._due_of(incident) <= at:
                steps += self._fall_due(incident, at)
            if order in self._alive:
                self._schedule(incident)
        return steps

    def _due_of(self, incident: Incident) -> int:
        policy = self._judges[incident.judge].policy
        if incident.state == "candidate":
            return incident.last_at + int(policy.gate.seconds * SECOND) + 1
        if incident.state in ("cleared", "cancelled"):
            return incident.closed_at + int(policy.reopen_s * SECOND) + 1
        times = []
        if policy.periodic_s > 0:
            times.append(incident.stepped_at + int(policy.periodic_s * SECOND))
        if incident.ended_since is not None:
            times.append(incident.ended_since + int(policy.hold_s * SECOND))
        if incident.waiting is not None:
            times.append((incident.updated_at or incident.stepped_at) + UPDATES_APART)
        return min(times, default=2**62)

    def _schedule(self, incident: Incident) -> None:
        if incident.order not in self._alive:
            return
        due = self._due_of(incident)
        if due < self._queued.get(incident.order, 2**62):
            self._queued[incident.order] = due
            heapq.heappush(self._heap, (due, incident.order))

    def _fall_due(self, incident: Incident, at: int) -> list[Step]:
        key = incident.judge
        policy = self._judges[key].policy
        if incident.state != "open":
            self._forget(key, incident)
            return []
        if incident.ended_since is not None and at >= incident.ended_since + int(policy.hold_s * SECOND):
            return [self._step(key, incident, "clear", "ended", at)]
        if incident.waiting is not None and at >= (incident.updated_at or 0) + UPDATES_APART:
            word = change(incident.show(), incident.shown) if incident.shown is not None else incident.waiting
            if word is not None or incident.waiting not in _COMPARED:  # else it is as it was shown: nothing to say
                return [self._step(key, incident, "update", incident.waiting, at)]
            incident.waiting = None
        if policy.periodic_s > 0 and at >= incident.stepped_at + int(policy.periodic_s * SECOND):
            return [self._step(key, incident, "update", "periodic", at)]
        return []

    def _forget(self, key: str, incident: Incident) -> None:
        known = self.state.incidents[key]
        del known[bisect_left(known, incident.order, key=lambda i: i.order)]  # they stand in order of making
        self._near[key].forget(incident)
        self._alive.pop(incident.order, None)
        self._queued.pop(incident.order, None)

    # -- telling -------------------------------------------------------------------------------------------------
    def _step(self, key: str, incident: Incident, op: str, reason: str, at: int) -> Step:
        judge = self._judges[key]
        incident.number += 1
        incident.stepped_at = at
        if op in ("clear", "cancel"):
            incident.state, incident.closed_at = ("cleared" if op == "clear" else "cancelled"), at
            incident.ended_since = None
        incident.updated_at = at if op == "update" else incident.updated_at
        incident.waiting = None
        incident.shown = incident.show()
        assessment = incident.assessment
        conditions = assessment.conditions if assessment is not None else frozenset()
        effects = assessment.effects if assessment is not None and incident.state == "open" else ()
        notice = Notice(judge.scene, judge.policy.event, incident.level, tuple(effects), judge.is_exercise)
        self.state.board.put(incident.incident_id, notice, at)
        told = departments(judge.policy.event, incident.level, conditions, *incident.place(), self._index)
        if judge.policy.verifiable and op not in ("clear", "cancel"):
            witnesses = (x.evidence for x in incident.lines.values())
            incident.verify = self.lookout.eyes(*incident.place(), witnesses, at, is_exercise=judge.is_exercise)
        rule: dict[str, Any] = {"scene": judge.scene, "version": judge.version, "overlay": judge.world.overlay}
        rule["parameters"] = dict(judge.world.parameters)
        simulated = is_simulated(incident.lines.values(), judge.world.registry)
        event, is_exercise = judge.policy.event, judge.is_exercise
        return log_object(incident, op, reason, at, told, rule, event, simulated=simulated, is_exercise=is_exercise)


#: reasons that a comparison with the last step gives; a held-back one is dropped when the change went back
_COMPARED: Final = frozenset(
    {"level", "certainty", "evidence", "area", "hospital_change", "unit_change", "aed_change", "reroute"}
)
