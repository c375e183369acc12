"""Mixed traffic of a storm basin, and what the ledger must say of it, by the words of docs/reference/http.md."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from brain.times import iso

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

    from tests.integration.tap import Delivery

PROFILE = """
id: basin
family: meter
name: {zh: 调蓄池, en: Storm basin}
topics: ["city/basin/{device}/up"]
max_bytes: 8192
accept: {past: 2h, future: 5min}
merge: {by: it.part, for: 1h}
ignore: it.kind == "heartbeat"
each: first(msg.list, list(msg))
when: it.valid != false
time: it.ts
row_id: it.id
fields:
  level_m: {unit: m, range: [0, 12], from: it.level}
  temp_c: {unit: Cel, range: [-30, 60], from: it.temp}
  gate: {values: [open, shut], from: it.gate}
"""
WIDER = PROFILE.replace("[0, 12]", "[0, 40]")
OVER = 20_000  # millimetres by which a level that is out of range exceeds the number of its reading
LATE_US = 3_600_000_000  # within the 2 h that are accepted, beyond the 30 s that rules see
STALE_US = 3 * LATE_US
AHEAD_US = 3_600_000_000


@dataclass(slots=True)
class Reading:
    """What must become of one reading: a row known by its number, or a refusal.

    Attributes:
        key: (device, time, id) of a row with time; None: the time of receipt counts.
        named: A native one with an id, which is said once only.
        reason: Why it is refused, None where it is stored.
        values: What the row holds besides its level.
    """

    number: int
    key: tuple[str, int, str | None] | None = None
    named: bool = False
    reason: str | None = None
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Message:
    """One message of the plan; without readings it is passed over."""

    topic: str
    payload: bytes
    readings: list[Reading]
    retain: bool = False


class Traffic:
    """Makes messages; the level of each reading is its number in millimetres, so every row can be told.

    Args:
        chance: Seeded.
        now: Microseconds, when the run begins.
    """

    def __init__(self, chance: random.Random, now: int) -> None:
        self.chance, self.now = chance, now
        self.plan: dict[tuple[str, bytes], Message] = {}
        self.numbers = 0
        self.retained = 0
        self.parts: dict[str, dict[str, Any]] = {}

    def messages(self, n: int, phase: str) -> list[Message]:
        """The next ``n`` messages; parts are merged with those of the same phase only."""
        out: list[Message] = []
        kinds = [self.good, self.bad, self.pack, self.timeless, self.timeless_pack, self.late, self.passed, self.native]
        kinds += [self.native_bad, self.native_pack, self.native_timeless, self.keep, self.neighbour]
        weights = [20, 10, 8, 8, 4, 6, 5, 14, 6, 6, 5, 1, 5]
        while len(out) < n:
            dice = self.chance.random()
            if dice < 0.1 and len(self.plan) > 50:
                same = self.chance.choice(list(self.plan.values())[-400:])
                out.append(Message(same.topic, same.payload, same.readings))
                continue
            made = self.part(phase) if dice < 0.16 else self.chance.choices(kinds, weights)[0]()
            self.plan[made.topic, made.payload] = made
            out.append(made)
        return out

    # -- one reading ----------------------------------------------------------------------------------------------
    def _number(self) -> int:
        self.numbers += 1
        return self.numbers

    def _device(self) -> str:
        return f"B{self.chance.randrange(40)}"

    def _ts(self, number: int) -> int:
        return self.now - 1_000_000 * self.chance.randrange(1, 20) - number  # unlike all others by its number

    def _said(self, device: str, *, reason: str | None = None, age: int = 0) -> tuple[dict[str, Any], Reading]:
        """A reading as the device writes it."""
        n = self._number()
        at = self._ts(n) - age
        body: dict[str, Any] = {"ts": iso(at), "id": f"r{n}", "level": n / 1000}
        if self.chance.random() < 0.5:
            body["gate"] = self.chance.choice(["open", "shut"])
        reading = Reading(n, (device, at, body["id"]), reason=reason, values={"gate": body.get("gate")})
        if reason is None:
            return body, reading
        if reason == "missing":
            body = {"ts": iso(at), "id": f"r{n}", "firmware": 3}
        wrong: dict[str, dict[str, Any]] = {
            "wrong_type": {"level": {"mm": n}},
            "out_of_range": {"level": (OVER + n) / 1000},
            "not_in_list": {"gate": "ajar"},
            "bad_time": {"ts": "yesterday"},
            "time_out_of_window": {"ts": iso(at + self.chance.choice([-STALE_US, AHEAD_US]))},
            "bad_text": {"id": "x" * 1025},
            "missing": {},
            "no_match": {"valid": False},
        }
        return {**body, **wrong[reason]}, reading

    def _native(self, device: str, *, reason: str | None = None, age: int = 0) -> tuple[dict[str, Any], Reading]:
        """The same in the platform's own words."""
        body, reading = self._said(device, reason=reason, age=age)
        words = {"ts": "time", "level": "level_m"}
        return {words.get(k, k): v for k, v in body.items()}, reading

    def _up(self, device: str, body: Any, readings: list[Reading], *, retain: bool = False) -> Message:
        payload = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return Message(f"city/basin/{device}/up", payload, readings, retain)

    def _city(self, device: str, body: Any, readings: list[Reading]) -> Message:
        return Message(f"city/basin/{device}", json.dumps(body).encode(), readings)

    # -- messages that the profile reads --------------------------------------------------------------------------
    def good(self) -> Message:
        device = self._device()
        body, reading = self._said(device)
        return self._up(device, body, [reading])

    def bad(self) -> Message:
        device, n = self._device(), self._number()
        reason = self.chance.choice([*_READING_REASONS, "out_of_range", "no_match", "not_json", "too_large"])
        if reason == "not_json":
            return self._up(device, b"{\xff%d" % n, [Reading(n, reason=reason)])
        if reason == "too_large":
            return self._up(device, {"n": n, "text": "x" * 9000}, [Reading(n, reason=reason)])
        body, reading = self._said(device, reason=reason)
        return self._up(device, body, [reading])

    def late(self) -> Message:
        device = self._device()
        body, reading = self._said(device, age=LATE_US)
        return self._up(device, body, [reading])

    def pack(self) -> Message:
        """Good and bad elements, and some that ``when`` leaves out."""
        device = self._device()
        made = [self._said(device)]
        for _ in range(self.chance.randrange(1, 5)):
            reason = self.chance.choice([None, None, *_READING_REASONS, "out_of_range", "no_match"])
            made.append(self._said(device, reason=reason))
        self.chance.shuffle(made)
        return self._up(device, {"list": [b for b, _ in made]}, [r for _, r in made if r.reason != "no_match"])

    def timeless(self) -> Message:
        device, n = self._device(), self._number()
        return self._up(device, {"level": n / 1000}, [Reading(n)])

    def timeless_pack(self) -> Message:
        """Of few devices, so that messages of one follow each other at once."""
        device = f"T{self.chance.randrange(2)}"
        numbers = [self._number() for _ in range(self.chance.randrange(2, 9))]
        return self._up(device, {"list": [{"level": n / 1000} for n in numbers]}, [Reading(n) for n in numbers])

    def passed(self) -> Message:
        body = self.chance.choice([{"kind": "heartbeat"}, {"list": []}])
        return self._up(self._device(), {**body, "n": self._number()}, [])

    def part(self, phase: str) -> Message:
        """A device that says its state in pieces: the row holds what was said before, too."""
        name = f"P{phase}-{self.chance.randrange(12)}"
        n = self._number()
        at = self._ts(n)
        body: dict[str, Any] = {"part": name, "ts": iso(at), "id": f"r{n}", "level": n / 1000}
        if self.chance.random() < 0.7:
            body["temp" if self.chance.random() < 0.5 else "gate"] = self.chance.choice(["open", "shut"])
        if "temp" in body:
            body["temp"] = self.chance.randrange(-30, 60)
        kept = self.parts.setdefault(name, {})
        kept.update({k: body[k] for k in ("temp", "gate") if k in body})
        values = {"gate": kept.get("gate"), "temp": kept.get("temp")}
        return self._up(name, body, [Reading(n, (name, at, body["id"]), values=values)])

    def keep(self) -> Message:
        """A retained message on a topic of its own: the broker sends it again to whoever subscribes."""
        self.retained += 1
        device = f"K{self.retained}"
        kind = self.retained % 3
        if kind == 0:
            n = self._number()
            return self._up(device, {"level": n / 1000}, [Reading(n)], retain=True)
        body, reading = self._said(device, reason="not_in_list" if kind == 1 else None)
        return self._up(device, body, [reading], retain=True)

    # -- native ones ----------------------------------------------------------------------------------------------
    def native(self) -> Message:
        device = self._device()
        body, reading = self._native(device, age=self.chance.choice([0, 0, LATE_US]))
        return self._city(device, body, [reading])

    def native_bad(self) -> Message:
        device = self._device()
        reason = self.chance.choice([*_READING_REASONS, "out_of_range", "bad_topic"])
        if reason == "bad_topic":
            n = self._number()
            return self._city("x" * 129, {"level_m": n / 1000}, [Reading(n, reason=reason)])
        body, reading = self._native(device, reason=reason)
        return self._city(device, body, [reading])

    def native_pack(self) -> Message:
        device = self._device()
        other = self._device()
        made = [self._native(device, reason=self.chance.choice([None, None, *_READING_REASONS])) for _ in range(4)]
        body, reading = self._native(other)
        return self._city(device, [*(b for b, _ in made), {**body, "device": other}], [*(r for _, r in made), reading])

    def native_timeless(self) -> Message:
        device, n = self._device(), self._number()
        named = self.chance.random() < 0.5
        return self._city(
            device, {"level_m": n / 1000, **({"id": f"r{n}"} if named else {})}, [Reading(n, named=named)]
        )

    def neighbour(self) -> Message:
        """Of another sensor type, in the same flushes."""
        n = self._number()
        return Message(f"city/hydrant/H{n % 7}", json.dumps({"pressure_mpa": 0.2, "n": n}).encode(), [Reading(n)])


_READING_REASONS = [
    "wrong_type",
    "out_of_range",
    "not_in_list",
    "bad_time",
    "time_out_of_window",
    "bad_text",
    "missing",
]


@dataclass(slots=True)
class Account:
    """What the ledger must say of a sensor type."""

    received: int = 0
    duplicate: int = 0
    stored: Counter[int] = field(default_factory=Counter)
    refused: Counter[tuple[str, int]] = field(default_factory=Counter)

    @property
    def reasons(self) -> Counter[str]:
        out: Counter[str] = Counter()
        for (reason, _), n in self.refused.items():
            out[reason] += n
        return out

    @property
    def numbers(self) -> dict[str, int]:
        return {
            "received": self.received,
            "stored": self.stored.total(),
            "duplicate": self.duplicate,
            "quarantined": self.refused.total(),
        }


def account(plan: dict[tuple[str, bytes], Message], deliveries: Iterable[Delivery]) -> dict[str, Account]:
    """What the ledger must say after these deliveries were committed, by sensor type."""
    out = {"basin": Account(), "hydrant": Account()}
    seen: set[tuple[str, bytes]] = set()
    stored: set[tuple[str, int, str | None]] = set()
    for d in deliveries:
        message = plan[d.topic, d.payload]
        book = out["hydrant" if d.topic.startswith("city/hydrant/") else "basin"]
        again = (d.topic, d.payload) in seen
        for r in message.readings:
            if r.reason is None and r.key is None and d.retain:
                continue  # nobody knows when it was said
            book.received += 1
            seen.add((d.topic, d.payload))
            if r.reason is not None:
                if again and (d.dup or d.retain):
                    book.duplicate += 1
                else:
                    book.refused[r.reason, r.number] += 1
            elif r.key in stored if r.key is not None else again and (d.dup or r.named):
                book.duplicate += 1
            else:
                book.stored[r.number] += 1
                if r.key is not None:
                    stored.add(r.key)
    return out
