"""The engine: rows in receipt order enter, steps of incidents leave. No clock, no I/O; live and backtest run this code.

It cuts what it is fed at each whole second of receipt time and gives a mark there, feeds every scene the rows it asked
for, puts the evidence of all scenes into one order and lets the desk judge it. How the stream was cut into pieces, and
when a state was saved and taken up again, never changes a result.

The clock starts with the first row: the first mark is the first whole second after it. Mark S comes after all rows
received before S and before all received at or after S.

What open incidents do to the city is told to the scenes that hear of it at the first whole second after the step that
changed it, before the marks of that second; a scene is not told of its own incidents.

Rows of devices that play a part in a drill (``exercise.py``) go to seats of their own, made with the first such row.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from brain.city.index import CityIndex
from brain.desk.desk import Desk, DeskState, Judge
from brain.desk.incident import Shown
from brain.errors import ConfigurationError, SceneError
from brain.model import Batch, Piece, is_late, microseconds
from brain.pipeline.codec import Memo, pack, unpack
from brain.pipeline.exercise import ExerciseRegistry
from brain.pipeline.seats import Seat, seats_of
from brain.scene_api import Assessment, Bulletin, Evidence, Mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from brain.city import City
    from brain.model import Step
    from brain.registry import Registry
    from brain.scene_api import Reasoning, Scene

__all__ = ["Engine"]

SECOND: Final = 1_000_000
NEVER: Final = 2**62
FORM: Final = 1  # of the saved state
_EXERCISE: Final = "exercise/"  # what the keys of the seats of a drill begin with


class Engine:
    """Scenes and the desk, driven by pieces.

    Args:
        scenes: To run; their events must be unique.
        city: Its ``scenes`` say where each runs and with which parameters.
        registry: Sensor types and devices; a live view, read only.
        overrides: ``scene.parameter`` -> value, stronger than the city's.
        strict: True: a scene that fails raises ``SceneError``. False: it is taken out of service, the others go on, and
            ``failed`` says so.

    Raises:
        ConfigurationError: An override or a parameter of the city names nothing; two scenes claim one event.

    Example:
        >>> from brain.city import City
        >>> from brain.registry import Registry
        >>> Engine([], City(), Registry([], [])).advance(5_000_000)
        []
    """

    def __init__(
        self,
        scenes: Sequence[Scene[Any]],
        city: City,
        registry: Registry,
        overrides: Mapping[str, float] | None = None,
        *,
        strict: bool = True,
    ) -> None:
        self._registry = registry
        self._strict = strict
        self._index = CityIndex(city)
        self._next: int | None = None
        self._exercise: ExerciseRegistry | None = None  # of the drill, once there is one
        self._is_behind = False  # scenes may have missed bulletins: at the next mark each hears what it does not know
        self.seats = seats_of(scenes, city, registry, overrides or {})
        self._policies: dict[str, Judge] = {}
        self._desk = Desk({}, registry, self._index)
        self._wanted: dict[str, list[Seat]] = {}
        self._scenes, self._overrides = scenes, overrides or {}
        self._packed = Memo((Evidence, Assessment, Shown))
        self._take_seats(self.seats)

    def _take_seats(self, seats: Sequence[Seat]) -> None:
        """Seats begin to hear, their policies to judge."""
        judges: dict[str, Judge] = {}
        claimed: dict[str, str] = {}
        for seat in seats:
            for policy in seat.scene.policies:
                if claimed.setdefault(policy.event, seat.scene.name) != seat.scene.name:
                    raise ConfigurationError(
                        f"scenes {claimed[policy.event]} and {seat.scene.name} both claim the event {policy.event}; "
                        "give one of them another event"
                    )
                key = f"{seat.key}/{policy.event}"
                seat.judges[policy.event] = key
                judges[key] = Judge(seat.scene.name, seat.scene.version, policy, seat.world, seat.is_exercise)
            for sensor_type in seat.late:
                self._wanted.setdefault(sensor_type, []).append(seat)
        self._policies |= judges
        self._desk.seat(judges)

    def _begin_exercise(self) -> None:
        """Seats for a drill sit down beside the others."""
        self._exercise = ExerciseRegistry(self._registry)
        seats = seats_of(self._scenes, self._index.city, self._exercise, self._overrides)
        for seat in seats:
            seat.key, seat.is_exercise = f"{_EXERCISE}{seat.key}", True
        self._take_seats(seats)
        self.seats += seats

    # -- driving -------------------------------------------------------------------------------------------------
    def feed(self, piece: Piece) -> list[Step]:
        """Take rows, all received at or after those of the pieces before; the steps that follow from them."""
        batches = {n: b for n, b in piece.batches.items() if len(b) and self._registry.sensor_type(n) is not None}
        if not batches:
            return []
        received = {n: microseconds(b.received_at) for n, b in batches.items()}
        if self._next is None:
            self._next = (int(min(r[0] for r in received.values())) // SECOND + 1) * SECOND
        steps: list[Step] = []
        left = {n: 0 for n in batches if n in self._wanted or self._desk.lookout.follows(n)}
        while left:
            first = int(min(received[n][i] for n, i in left.items()))
            steps += self._marks_until(first)
            boundary = (first // SECOND + 1) * SECOND
            part: dict[str, Batch] = {}
            for name, start in list(left.items()):
                rows, times = batches[name], received[name]
                if times[-1] < boundary:
                    end = len(rows)
                    del left[name]
                else:
                    end = left[name] = int(np.searchsorted(times, boundary, side="left"))
                if end > start:
                    part[name] = rows if end - start == len(rows) else rows.take(slice(start, end))
            steps += self._run(part)
        return steps + self._marks_until(int(max(r[-1] for r in received.values())))

    def advance(self, received_at: int) -> list[Step]:
        """The clock of receipt has come to this time (microseconds): no row received before it will come any more."""
        return [] if self._next is None else self._marks_until(received_at)

    def _marks_until(self, limit: int) -> list[Step]:
        if self._next is None or self._next > limit:
            return []
        steps: list[Step] = []
        while True:
            due = self._desk.due()
            due = min([NEVER if due is None else due, self._news_due(), *(s.due for s in self.seats)])
            at = max(self._next, -(-due // SECOND) * SECOND)
            if at > limit:
                break
            steps += self._mark(at)
            self._next = at + SECOND
        self._next = max(self._next, (limit // SECOND + 1) * SECOND)
        return steps

    def _mark(self, at: int) -> list[Step]:
        steps = self._tell(at) if self._news_due() <= at else []
        for seat in self.seats:
            if seat.due <= at:
                for evidence in self._ask(seat, Mark(at)):
                    steps += self._deliver(seat, evidence, at)
        return steps + self._desk.mark(at)

    def _news_due(self) -> int:
        """When the next bulletins are to be given, microseconds."""
        due = 0 if self._is_behind else self._desk.state.board.due
        return NEVER if due is None else due

    def _tell(self, at: int) -> list[Step]:
        """Bulletins of what changed, seat by seat; what scenes say to them may make news for the next second."""
        board = self._desk.state.board
        news = board.read(everything=self._is_behind)
        board.told()
        self._is_behind = False
        steps: list[Step] = []
        for seat in self.seats:
            for incident, notice in news if seat.scene.hears else ():
                effects = seat.news(incident, notice)
                if effects is None:
                    continue
                bulletin = Bulletin(at, incident, notice.scene, notice.event, notice.level, effects)
                for evidence in self._ask(seat, bulletin):
                    steps += self._deliver(seat, evidence, at)
        return steps

    def _run(self, part: Mapping[str, Batch]) -> list[Step]:
        """Feed rows of one second to the scenes, their evidence to the desk in order of position."""
        timely = {name: self._timely(name, batch) for name, batch in part.items()}
        heard: list[tuple[int, int, Seat, Evidence]] = []
        sides = {False: (part, timely)}
        if self._registry.has_exercise:
            sides = {drill: (self._side(part, drill=drill), self._side(timely, drill=drill)) for drill in (False, True)}
            self._follow_exercise(sides[True][0])
        for number, seat in enumerate(self.seats):
            rows, fresh = sides.get(seat.is_exercise, ({}, {}))
            mine = {n: rows[n] if seat.late[n] else fresh[n] for n in rows if n in seat.late}
            mine = {n: b for n, b in mine.items() if len(b)}
            if mine:
                heard += ((e.position, number, seat, e) for e in self._ask(seat, Piece(mine)))
        drones = [b for n, b in timely.items() if len(b) and self._desk.lookout.follows(n)]
        if not heard:
            self._look(drones, 0, NEVER)
            return []
        heard.sort(key=lambda h: h[:2])  # stable: a scene's own order stays within a position
        steps: list[Step] = []
        looked = 0
        for position, _, seat, evidence in heard:
            self._look(drones, looked, position + 1)  # a step knows the drones as they were, wherever pieces are cut
            looked = position + 1
            at = _received(part.values(), position)
            if at is None:
                self._fail(seat, f"{evidence.rule} names position {position}, which is not of the rows it was given")
            else:
                steps += self._deliver(seat, evidence, at)
        self._look(drones, looked, NEVER)
        return steps

    def _side(self, rows: Mapping[str, Batch], *, drill: bool) -> dict[str, Batch]:
        """The rows of the drill, or the others."""
        out: dict[str, Batch] = {}
        for name, batch in rows.items():
            mask = self._registry.in_exercise(batch.device)
            if drill or mask.any():
                batch = batch.take(mask if drill else ~mask)  # noqa: PLW2901 - the rows of this side
            out[name] = batch
        return out

    def _follow_exercise(self, rows: Mapping[str, Batch]) -> None:
        """The drill begins with its first row, and knows its devices."""
        if not any(len(b) for b in rows.values()):
            return
        if self._exercise is None:
            self._begin_exercise()
        else:
            self._exercise.follow()

    def _look(self, drones: Iterable[Batch], low: int, high: int) -> None:
        """Show the desk where drones were, by their rows with positions in ``[low, high)``."""
        for batch in drones:
            i, j = np.searchsorted(batch.position, [low, high]).tolist()
            if i < j:
                self._desk.lookout.see(batch if j - i == len(batch) else batch.take(slice(i, j)))

    def _timely(self, name: str, batch: Batch) -> Batch:
        """The rows that rules may see; the same batch where all may."""
        sensor_type = self._registry.sensor_type(name)
        assert sensor_type is not None
        late = is_late(sensor_type, batch.time, batch.received_at)
        return batch.take(~late) if late.any() else batch

    def _ask(self, seat: Seat, feed: Piece | Mark | Bulletin) -> list[Evidence]:
        if seat.error is not None:  # it failed at an earlier bulletin of this second
            return []
        try:
            evidence = list(seat.scene.step(seat.state, feed, seat.world))
            due = seat.scene.due(seat.state, seat.world)
        except Exception as error:  # noqa: BLE001 - whatever a plug-in does wrong becomes a sentence about it
            self._fail(seat, f"{type(error).__name__} at {_named(feed)}: {error}", error)
            return []
        seat.due = NEVER if due is None else due
        return evidence

    def _fail(self, seat: Seat, what: str, error: BaseException | None = None) -> None:
        sentence = f"scene {seat.scene.name} broke its contract: {what}"
        if self._strict:
            raise SceneError(sentence) from error
        seat.error = sentence
        seat.due = NEVER
        for seats in self._wanted.values():
            if seat in seats:
                seats.remove(seat)
        seat.late = {}

    @property
    def failed(self) -> dict[str, str]:
        """Scenes taken out of service, each with a sentence."""
        return {s.key: s.error for s in self.seats if s.error is not None}

    # -- to the desk ---------------------------------------------------------------------------------------------
    def _deliver(self, seat: Seat, evidence: Evidence, at: int) -> list[Step]:
        if not all(v is None or math.isfinite(v) for v in (evidence.lon, evidence.lat)):
            evidence = replace(evidence, lon=None, lat=None)
        district = self._district_of(seat, evidence) if self._index.city.districts else None
        if evidence.holds and not seat.listens(district):
            return []  # an end is heard from everywhere: what moves may have left the district
        steps: list[Step] = []
        for event in self._events_of(seat, evidence):
            key = self._judge_of(seat, event, district)
            if key is None:
                continue
            told = evidence if event == evidence.event else replace(evidence, event=event, opens=False, level=None)
            steps += self._desk.hear(key, told, at)
        return steps

    def _events_of(self, seat: Seat, evidence: Evidence) -> Iterable[str]:
        yield evidence.event
        key = seat.judges.get(evidence.event)
        if key is not None:
            yield from self._policies[key].policy.joins

    def _judge_of(self, seat: Seat, event: str, district: str | None) -> str | None:
        own = seat.judges.get(event)
        if own is not None:
            return own
        for other in self.seats:
            if event in other.judges and other.is_exercise is seat.is_exercise and other.listens(district):
                return other.judges[event]
        return None

    def _district_of(self, seat: Seat, evidence: Evidence) -> str | None:
        lon, lat = evidence.lon, evidence.lat
        if lon is None or lat is None:
            device = seat.world.registry.find(evidence.sensor_type, evidence.device)
            lon, lat = (None, None) if device is None else (device.lon, device.lat)
        if lon is None or lat is None:
            return None
        found = self._index.district_of(lon, lat)
        return "" if found is None else found.id

    # -- asking --------------------------------------------------------------------------------------------------
    def explain(self, name: str, lon: float, lat: float, radius_m: float) -> list[tuple[Seat, list[Reasoning]]]:
        """Why a scene speaks or keeps silent round a place now: its conditions, for each seat that listens there.

        Raises:
            SceneError: The scene cannot tell; the sentence says what it did.
        """
        found = self._index.district_of(lon, lat)
        district = found.id if found is not None else "" if self._index.city.districts else None
        out: list[tuple[Seat, list[Reasoning]]] = []
        for seat in self.seats:
            if seat.scene.name == name and not seat.is_exercise and seat.error is None and seat.listens(district):
                try:
                    out.append((seat, list(seat.scene.explain(seat.state, lon, lat, radius_m, seat.world))))
                except Exception as error:
                    raise SceneError(
                        f"scene {name} broke its contract: {type(error).__name__} when asked why: {error}"
                    ) from error
        return out

    def standing(self, name: str, lon: float, lat: float, radius_m: float) -> list[str]:
        """Ids of the open incidents of a scene within a distance of a place, oldest first."""
        own = {key for key, judge in self._policies.items() if judge.scene == name and not judge.is_exercise}
        return self._desk.standing(own, lon, lat, radius_m)

    # -- saving --------------------------------------------------------------------------------------------------
    def snapshot(self) -> bytes:
        """Everything needed to go on later, as bytes."""
        return pack(
            {
                "form": FORM,
                "next": self._next,
                "seats": {
                    s.key: (s.scene.version, s.due, pack(s.state), s.heard) for s in self.seats if s.error is None
                },
                "desk": self._desk.state,
            },
            self._packed,
        )

    def restore(self, data: bytes) -> list[str]:
        """Go on from a snapshot; sentences about scenes whose state could not be read and that begin afresh.

        Raises:
            SceneError: The bytes are no snapshot.
        """
        saved = unpack(data)
        if not isinstance(saved, dict) or saved.get("form") != FORM or not isinstance(saved["desk"], DeskState):
            raise SceneError("the saved state of the scenes is of another form; start them afresh")
        afresh: list[str] = []
        if self._exercise is None and any(key.startswith(_EXERCISE) for key in saved["seats"]):
            self._begin_exercise()
        modules = {"brain", "scenes", *(s.scene.state_type.__module__.partition(".")[0] for s in self.seats)}
        for seat in self.seats:
            known = saved["seats"].get(seat.key)
            if known is None:
                continue
            _, due, state, *hearing = known
            try:
                seat.state, seat.due = unpack(state, modules), due
                if not isinstance(seat.state, seat.scene.state_type):
                    raise SceneError(f"it is a {type(seat.state).__name__}, not a {seat.scene.state_type.__name__}")  # noqa: TRY301
            except SceneError as error:
                seat.state, seat.due = seat.scene.initial(seat.world), 0
                afresh.append(f"scene {seat.key} begins afresh: {error}")
            else:
                seat.heard = hearing[0] if hearing else {}
        self._next, self._is_behind = saved["next"], True
        self._desk.restore(saved["desk"])
        return afresh


def _named(feed: Piece | Mark | Bulletin) -> str:
    """What a scene was given, for a sentence."""
    if isinstance(feed, Mark):
        return f"the mark {feed.at}"
    if isinstance(feed, Bulletin):
        return f"the bulletin of {feed.incident}"
    return f"{feed.rows} rows of {', '.join(feed.batches)}"


def _received(batches: Iterable[Batch], position: int) -> int | None:
    """Time of receipt of the row at a position, microseconds."""
    for batch in batches:
        i = int(np.searchsorted(batch.position, position))
        if i < len(batch) and batch.position[i] == position:
            return int(microseconds(batch.received_at)[i])
    return None
