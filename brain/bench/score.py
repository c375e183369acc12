"""An incident log against a truth file: precision, recall, incidents per true happening, delay, levels, operator load.

Pure. An incident belongs to a true happening when it is about the same event, was raised between its first sign and ten
minutes after its end, and lies within its radius; the first such incident is its detection, any further one a split.
What belongs to none is a false alarm, and named after the hard negative that was near it in place and time, if one was.
Notices about devices and advice about coverage are no alarms: they are only counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from brain.bench.figures import percentiles
from brain.city.index import distance_m
from brain.model import LEVELS, Level
from brain.times import to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from simulators.week import Truth

__all__ = ["Incident", "incidents_of", "load", "score"]

SECOND: Final = 1_000_000
AFTER_S: Final = 600  # an incident about a happening may be raised so long after its end
EARLY_S: Final = 5
NEAR_S: Final = 900  # a false alarm is put down to a hard negative so long after it ended
ASIDE: Final = frozenset({"coverage_gap", "device_fault", "device_check"})


class Incident(NamedTuple):
    """An incident as its log tells it: first step, last step, highest level."""

    incident: str
    event: str
    raised_us: int
    lon: float | None
    lat: float | None
    level: Level
    steps: int


def incidents_of(log: Iterable[Mapping[str, Any]]) -> list[Incident]:
    """The incidents of a log in order of their raise."""
    known: dict[str, list[Mapping[str, Any]]] = {}
    for step in log:
        known.setdefault(step["incident"], []).append(step)
    out = []
    for name, steps in known.items():
        lon, lat = steps[0]["position"] or (None, None)
        top = max((Level(s["level"]) for s in steps), key=LEVELS.index)
        out.append(Incident(name, steps[0]["event"], to_us(steps[0]["at"]), lon, lat, top, len(steps)))
    return sorted(out, key=lambda i: (i.raised_us, i.incident))


def _belongs(incident: Incident, truth: Truth) -> bool:
    if incident.event != truth.event:
        return False
    low, high = truth.start_us - EARLY_S * SECOND, truth.end_us + AFTER_S * SECOND
    if not low <= incident.raised_us <= high:
        return False
    return incident.lon is None or distance_m(incident.lon, incident.lat or 0.0, truth.lon, truth.lat) <= truth.radius_m


def score(log: Iterable[Mapping[str, Any]], truths: Sequence[Truth]) -> dict[str, Any]:
    """Figures over all and for each event; the lists of names say what went wrong."""
    incidents = incidents_of(log)
    alarms = [i for i in incidents if i.event not in ASIDE]
    true, false = [t for t in truths if not t.is_negative], [t for t in truths if t.is_negative]
    found: dict[int, list[Incident]] = {k: [] for k in range(len(true))}
    stray: list[Incident] = []
    for incident in alarms:
        mine = [k for k, t in enumerate(true) if _belongs(incident, t)]
        if mine:
            found[min(mine, key=lambda k: (bool(found[k]), true[k].start_us))].append(incident)
        else:
            stray.append(incident)
    events = sorted({t.event for t in true} | {i.event for i in alarms})
    return {
        "true_happenings": len(true),
        "hard_negatives": len(false),
        **_figures(true, found, stray, None),
        "events": {e: _figures(true, found, stray, e) for e in events},
        "missed_names": [f"{true[k].kind} {true[k].run}" for k, some in found.items() if not some],
        "false_names": [f"{i.event} ({_near(i, false)}) {i.incident}" for i in stray],
        "split_names": [f"{true[k].kind} {true[k].run}: {len(some)}" for k, some in found.items() if len(some) > 1],
        "aside": dict(Counter(i.event for i in incidents if i.event in ASIDE)),
    }


def _figures(
    true: Sequence[Truth], found: Mapping[int, Sequence[Incident]], stray: Sequence[Incident], event: str | None
) -> dict[str, Any]:
    mine = {k: some for k, some in found.items() if event is None or true[k].event == event}
    hits = {k: some for k, some in mine.items() if some}
    alarms = sum(len(some) for some in mine.values())
    wrong = sum(event is None or i.event == event for i in stray)
    delays = [max(0.0, (some[0].raised_us - true[k].start_us) / SECOND) for k, some in hits.items()]
    right = [_level_fits(true[k], some[0]) for k, some in hits.items()]
    return {
        "true": len(mine),
        "detected": len(hits),
        "false": wrong,
        "precision": _share(alarms, alarms + wrong),
        "recall": _share(len(hits), len(mine)),
        "incidents_per_true_happening": _share(alarms, len(hits)),
        "delay_s": {k: v for k, v in percentiles(delays).items() if k in ("p50", "max")} if delays else None,
        "level_as_expected": _share(sum(right), len(right)),
    }


def _level_fits(truth: Truth, incident: Incident) -> bool:
    low, high = truth.levels or (LEVELS[0], LEVELS[-1])
    return LEVELS.index(Level(low)) <= LEVELS.index(incident.level) <= LEVELS.index(Level(high))


def _share(part: float, whole: float) -> float | None:
    return round(part / whole, 4) if whole else None


def _near(incident: Incident, negatives: Iterable[Truth]) -> str:
    for t in negatives:
        timely = t.start_us - EARLY_S * SECOND <= incident.raised_us <= t.end_us + NEAR_S * SECOND
        if timely and (
            incident.lon is None or distance_m(incident.lon, incident.lat or 0.0, t.lon, t.lat) <= 3 * t.radius_m
        ):
            return t.kind
    return "no play near"


def load(log: Iterable[Mapping[str, Any]], start_us: int, end_us: int) -> dict[str, Any]:
    """What an operator would see, beside the figures of EEMUA 191: at most 1 alarm in 10 min, 10 in 10 min is a flood.

    Every incident raised or re-opened counts as one alarm, those about devices too; updates are counted apart.
    """
    steps = list(log)
    raised = [to_us(s["at"]) for s in steps if s["op"] in ("raise", "reopen")]
    slots = Counter((t - start_us) // (600 * SECOND) for t in raised)
    hours = Counter((t - start_us) // (3600 * SECOND) for t in raised)
    ten_minutes = max(1, -(-(end_us - start_us) // (600 * SECOND)))
    levels = Counter(i.level.value for i in incidents_of(steps))
    total = sum(levels.values())
    return {
        "alarms": len(raised),
        "updates": sum(s["op"] in ("update", "merge") for s in steps),
        "alarms_a_day": round(len(raised) / ((end_us - start_us) / SECOND / 86_400), 1),
        "alarms_in_10_min": {"mean": round(len(raised) / ten_minutes, 3), "most": max(slots.values(), default=0)},
        "most_in_an_hour": max(hours.values(), default=0),
        "flood_share": round(sum(n >= 10 for n in slots.values()) / ten_minutes, 4),
        "levels": {str(level): _share(levels.get(level.value, 0), total) for level in LEVELS},
        "eemua_191": {"mean_in_10_min": 1.0, "flood_from": 10, "a_day": 120, "levels": "80 / 15 / 5 %"},
    }
