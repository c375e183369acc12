"""What the false devices of the fault suite say: a seed enters, an endless plan of messages leaves. No I/O, no clock.

70 % meters, 20 % drones, 10 % video events, 200 B to 2 KB. In between, every few seconds, something happens that raises
an incident: a gas leak, a stopped vehicle, an emergency call. Some messages are sent twice, some carry no time or id,
some hold three readings, some come from a device whose clock is an hour off, and some are wrong.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROW, REFUSED = "row", "refused"
NAMELESS = "nameless"
"""A row without time and id: two messages that are alike may be two readings, so only a redelivery (DUP) is a copy."""
STORY_EVERY_S = 3.0
HOUR_S = 3600.0
TIMELESS = "timeless"
"""A row with id and without time: copies are known for ten minutes, by the clock of receipt."""
EITHER = "either"
"""From a clock that is an hour ahead: refused, or a row where the clock of the platform is ahead as well."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the plan.

    Attributes:
        n: Its number; a message that is sent twice on purpose comes twice with the same one.
        due_s: When it is to be sent, seconds after the beginning.
        kind: ``row``, ``timeless``, ``nameless``, ``refused`` or ``either``: what must become of each of its readings.
        rows: Where its rows are found: (sensor type, column, value) each.
        story: Tag of the happening that it completes, else empty.
    """

    n: int
    due_s: float
    topic: str
    payload: bytes
    kind: str = ROW
    rows: tuple[tuple[str, str, Any], ...] = ()
    story: str = ""


@dataclass(frozen=True, slots=True)
class Pace:
    """Messages a second, and bursts: (from second, seconds, times as many)."""

    rate: float
    bursts: tuple[tuple[float, float, float], ...] = ()

    def at(self, second: float) -> float:
        """Messages a second then."""
        for start, seconds, factor in self.bursts:
            if start <= second < start + seconds:
                return self.rate * factor
        return self.rate


@dataclass(slots=True)
class _Plan:
    seed: int
    start: datetime
    chance: random.Random
    n: int = 0
    stories: int = 0
    waiting: list[tuple[float, int, Message]] = field(default_factory=list)
    order: int = 0

    def clock(self, second: float) -> str:
        return (self.start + timedelta(seconds=second)).isoformat(timespec="milliseconds")

    def tag(self) -> str:
        return f"{self.seed}-{self.n}"

    def make(self, due: float, sensor_type: str, device: str, body: Any, rows: tuple[Any, ...], **more: Any) -> Message:
        message = Message(self.n, due, f"city/{sensor_type}/{device}", json.dumps(body).encode(), rows=rows, **more)
        self.n += 1
        return message

    def later(self, message: Message, second: float) -> None:
        self.order += 1
        heapq.heappush(self.waiting, (second, self.order, message))


def messages(seed: int, pace: Pace, start: datetime | None = None) -> Iterator[Message]:
    """Messages in order of ``due_s``, without end; ``start`` is the wall clock at second 0."""
    plan = _Plan(seed, start or datetime.now(UTC), random.Random(seed))
    second, next_story = 0.0, 0.5
    while True:
        while plan.waiting and plan.waiting[0][0] <= second:
            yield heapq.heappop(plan.waiting)[2]
        if second >= next_story:
            _story(plan, second)
            next_story += STORY_EVERY_S
        message = _ordinary(plan, second)
        yield message
        if message.kind in (ROW, TIMELESS) and plan.chance.random() < 0.03:
            plan.later(message, second + plan.chance.choice((0.0, 0.3, 2.0)))
        second += 1 / pace.at(second)


def _ordinary(plan: _Plan, at: float) -> Message:
    chance = plan.chance
    draw = chance.random()
    if draw < 0.02:
        return _bad(plan, at)
    if draw < 0.7:
        return _meter(plan, at)
    return _drone(plan, at) if draw < 0.9 else _video(plan, at)


def _padding(plan: _Plan) -> str:
    return "p" * plan.chance.choice((40, 60, 100, 300, 900, 1700))


def _meter(plan: _Plan, at: float) -> Message:
    chance, n = plan.chance, plan.n
    kind, counter = chance.choice(
        (("water-meter", "total_m3"), ("power-meter", "total_kwh"), ("gas-meter", "total_m3"))
    )
    device = f"M-{chance.randrange(200):03}"
    body: dict[str, Any] = {"time": plan.clock(at), "id": plan.tag(), counter: n, "pad": _padding(plan)}
    form = chance.random()
    if form < 0.05:
        del body["time"], body["id"]
        return plan.make(at, kind, device, body, ((kind, counter, n),), kind=NAMELESS)
    if form < 0.1:  # known by its id and its bytes
        del body["time"]
        return plan.make(at, kind, device, body, ((kind, "id", body["id"]),), kind=TIMELESS)
    if form < 0.25:  # known by device and time
        del body["id"]
        return plan.make(at, kind, f"N-{n % 400:03}", body, ((kind, counter, n),))
    if form < 0.3:
        pack = [{**body, "id": f"{plan.tag()}.{i}", "time": plan.clock(at - i)} for i in range(3)]
        return plan.make(at, kind, device, pack, tuple((kind, "id", b["id"]) for b in pack))
    if form < 0.32:  # its clock is an hour behind: history, not rules
        body["time"] = plan.clock(at - HOUR_S)
    return plan.make(at, kind, device, body, ((kind, "id", body["id"]),))


def _drone(plan: _Plan, at: float) -> Message:
    chance = plan.chance
    body = {
        "time": plan.clock(at),
        "id": plan.tag(),
        "lon": round(120.3 + chance.random() / 10, 6),
        "lat": round(36.0 + chance.random() / 10, 6),
        "height_m": round(chance.uniform(60, 120), 1),
        "speed_ms": round(chance.uniform(2, 15), 2),
        "battery_pct": chance.randrange(20, 100),
        "mission": "patrol",
        "pad": _padding(plan),
    }
    return plan.make(at, "drone", f"UAV-{chance.randrange(40):02}", body, (("drone", "id", body["id"]),))


def _video(plan: _Plan, at: float) -> Message:
    chance = plan.chance
    body = {"time": plan.clock(at), "event": "crowd_count", "count": chance.randrange(60), "confidence": 0.9}
    body |= {"track": plan.tag(), "pad": _padding(plan)}
    return plan.make(at, "video-event", f"CAM-{chance.randrange(40):02}", body, (("video-event", "track", plan.tag()),))


def _bad(plan: _Plan, at: float) -> Message:
    chance = plan.chance
    body = {"time": plan.clock(at), "id": plan.tag(), "total_m3": 1}
    topic = f"city/water-meter/B-{chance.randrange(20):02}"
    form = chance.randrange(5)
    if form == 0:
        body["time"] = plan.clock(at + HOUR_S)
        return plan.make(at, "water-meter", "B-00", body, (("water-meter", "id", plan.tag()),), kind=EITHER)
    if form == 1:
        body["total_m3"] = -5
    elif form == 2:
        topic = "city/no-such-type/X-1"
    elif form == 3:
        body["time"] = "yesterday"
    payload = json.dumps(body).encode()
    message = Message(plan.n, at, topic, payload[:-1] if form == 4 else payload, REFUSED)
    plan.n += 1
    return message


def _story(plan: _Plan, at: float) -> None:
    """Something happens, a kilometre or more from whatever happened before; its messages follow within a second."""
    number = plan.stories
    plan.stories += 1
    place = {"lon": round(110 + (number % 400) * 0.02, 6), "lat": round(30 + (number // 400) * 0.02, 6)}
    tag = f"S{plan.seed}x{number}"
    kind = number % 3
    if kind == 0:
        for i in range(6):
            value = 2.0 if i < 2 else round(plan.chance.uniform(55, 70), 3)
            body = {"time": plan.clock(at - 60 + 10 * i), "id": plan.tag(), **place, "lel_pct": value}
            rows = (("gas-detector", "id", plan.tag()),)
            due = at + 0.1 * i
            plan.later(plan.make(due, "gas-detector", tag, body, rows, story=tag if i == 4 else ""), due)
    elif kind == 1:
        for i in range(6):
            body = {"time": plan.clock(at - 15 + 3 * i), "id": plan.tag(), **place, "event": "stopped_vehicle"}
            body |= {"track": tag, "confidence": 0.9}
            rows = (("video-event", "id", plan.tag()),)
            due = at + 0.1 * i
            plan.later(plan.make(due, "video-event", tag, body, rows, story=tag if i == 4 else ""), due)
    else:
        body = {"time": plan.clock(at), "call_id": tag, "id": plan.tag(), **place, "complaint": "cardiac_arrest"}
        body |= {"priority": 1, "caller": f"k-{number}"}
        plan.later(plan.make(at, "emergency-call", tag, body, (("emergency-call", "id", plan.tag()),), story=tag), at)
