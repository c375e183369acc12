"""What a changed rule changes: two incident logs enter, the incidents that were added, removed or altered leave. Pure.

An incident of one log is that of the other when both have its id, else when they are of one event, share a witness or
a place within ``NEAR_M``, and were raised within ``APART_S`` of each other; the nearest in time go together first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from brain.city.index import distance_m
from brain.model import LEVELS, Level
from brain.times import iso, to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Difference", "Story", "compare", "stories_of"]

NEAR_M: Final = 300.0
APART_S: Final = 3600.0
KINDS: Final = ("added", "removed", "earlier", "later", "level_up", "level_down", "longer", "shorter")
_SIGNS: Final = {"added": "+", "removed": "-"}
_SECOND: Final = 1_000_000


@dataclass(slots=True)
class Story:
    """One incident of a log, in short.

    Attributes:
        raised_at, cleared_at: Microseconds; None while it is open at the end.
        level: The highest it reached.
        reached: Level -> when it was first at that level or above, microseconds.
        devices: ``sensor type/name`` of its witnesses.
    """

    incident: str
    scene: str
    event: str
    raised_at: int
    cleared_at: int | None
    level: Level
    steps: int
    position: Sequence[float] | None
    headline: Mapping[str, str]
    devices: set[str] = field(default_factory=set)
    reached: dict[Level, int] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "incident": self.incident,
            "raised_at": iso(self.raised_at),
            "cleared_at": None if self.cleared_at is None else iso(self.cleared_at),
            "level": self.level.value,
            "reached": {level.value: iso(at) for level, at in sorted(self.reached.items(), key=lambda x: x[0].rank)},
            "steps": self.steps,
            "position": self.position,
            "devices": sorted(self.devices),
            "headline": dict(self.headline),
        }


def stories_of(log: Iterable[Mapping[str, Any]]) -> list[Story]:
    """The incidents of a log by time of raise; steps by people change nothing.

    Args:
        log: Log objects; those of one incident in order.
    """
    stories: dict[str, Story] = {}
    for step in log:
        at, op, level = to_us(step["at"]), step["op"], Level(step["level"])
        story = stories.get(step["incident"])
        if story is None:
            story = stories[step["incident"]] = Story(
                step["incident"], step["scene"], step["event"], at, None, level, 0, step["position"], step["headline"]
            )
        if op in ("clear", "cancel"):
            story.cleared_at = at
        elif op == "reopen":
            story.cleared_at = None
        if level.rank > story.level.rank:
            story.level, story.headline = level, step["headline"]
        for lower in LEVELS[: level.rank + 1]:
            story.reached.setdefault(lower, at)
        story.steps += op in ("raise", "update", "merge", "clear", "cancel", "reopen")
        story.devices |= {f"{e['sensor_type']}/{e['device']}" for e in step["evidence"]}
    return sorted(stories.values(), key=lambda s: (s.raised_at, s.incident))


@dataclass(slots=True)
class Difference:
    """Two logs compared.

    Attributes:
        pairs: (before, after), None where one has none; by time.
    """

    pairs: list[tuple[Story | None, Story | None]]

    def document(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
        """As JSON has it; ``before`` and ``after`` say what was run (``{"set": {...}}``, ``{"log": "stored"}``)."""
        items = [self._item(a, b) for a, b in self.pairs]
        return {
            "before": {**before, **_count([a for a, _ in self.pairs])},
            "after": {**after, **_count([b for _, b in self.pairs])},
            "summary": {
                **{kind: sum(kind in i["changes"] for i in items) for kind in KINDS},
                "same": sum(not i["changes"] for i in items),
            },
            "items": [i for i in items if i["changes"]],
        }

    @staticmethod
    def _item(before: Story | None, after: Story | None) -> dict[str, Any]:
        story = after or before
        assert story is not None
        return {
            "changes": changes(before, after),
            "scene": story.scene,
            "event": story.event,
            "shift_s": shifts(before, after),
            "before": None if before is None else before.document(),
            "after": None if after is None else after.document(),
        }

    def lines(self) -> Iterator[str]:
        """As a person reads it: one line an incident that changed, then the sum."""
        counts = dict.fromkeys(KINDS, 0)
        same = 0
        for before, after in self.pairs:
            story = after or before
            assert story is not None
            found = changes(before, after)
            same += not found
            for kind in found:
                counts[kind] += 1
            if found:
                sign = _SIGNS.get(found[0], "~")
                what = ", ".join(_words(kind, before, after) for kind in found)
                place = next(iter(sorted(story.devices)), "")
                yield f"{sign} {iso(story.raised_at)} {story.event} {story.level} {place}: {what}"
        told = [f"{n} {kind.replace('_', ' ')}" for kind, n in counts.items() if n]
        yield f"{', '.join([*told, f'{same} the same'])} of {len(self.pairs)}"


def shifts(before: Story | None, after: Story | None) -> dict[str, float]:
    """By how many seconds each level that both reached came later (earlier: below 0); levels in order.

    Blue is the raise. Empty where only one log has the incident.
    """
    if before is None or after is None:
        return {}
    both = [level for level in LEVELS if level in before.reached and level in after.reached]
    return {level.value: _seconds(before.reached[level], after.reached[level]) for level in both}


def changes(before: Story | None, after: Story | None) -> list[str]:
    """The words of ``KINDS`` that tell two incidents apart; empty where they are the same to whoever is told.

    Earlier or later goes by the first level that came at another time.
    """
    if before is None:
        return ["added"]
    if after is None:
        return ["removed"]
    out = []
    shift = next((s for s in shifts(before, after).values() if s), 0.0)
    if shift:
        out.append("earlier" if shift < 0 else "later")
    if after.level is not before.level:
        out.append("level_up" if after.level.rank > before.level.rank else "level_down")
    if after.cleared_at != before.cleared_at:
        longer = after.cleared_at is None or (before.cleared_at is not None and after.cleared_at > before.cleared_at)
        out.append("longer" if longer else "shorter")
    return out


def compare(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> Difference:
    """The difference of two incident logs.

    Example:
        >>> compare([], []).document({}, {})["summary"]["same"]
        0
    """
    old, new = stories_of(before), stories_of(after)
    by_id = {s.incident: s for s in new}
    pairs: list[tuple[Story | None, Story | None]] = [(s, by_id[s.incident]) for s in old if s.incident in by_id]
    known = {s.incident for s in old} & by_id.keys()
    left, right = ([s for s in some if s.incident not in known] for some in (old, new))
    taken: set[str] = set()
    for _, _, _, a, b in sorted(_candidates(left, right), key=lambda c: c[:3]):
        if a.incident not in taken and b.incident not in taken:
            taken |= {a.incident, b.incident}
            pairs.append((a, b))
    pairs += [(s, None) for s in left if s.incident not in taken]
    pairs += [(None, s) for s in right if s.incident not in taken]
    return Difference(sorted(pairs, key=_when))


def _candidates(left: list[Story], right: list[Story]) -> Iterator[tuple[int, str, str, Story, Story]]:
    """Pairs that may be one happening, with how far apart in time; ``right`` is in order of time."""
    first = 0
    for a in left:
        while first < len(right) and _seconds(right[first].raised_at, a.raised_at) > APART_S:
            first += 1
        for b in right[first:]:
            if _seconds(a.raised_at, b.raised_at) > APART_S:
                break
            if a.event == b.event and (a.devices & b.devices or _is_near(a, b)):
                yield abs(a.raised_at - b.raised_at), a.incident, b.incident, a, b


def _is_near(a: Story, b: Story) -> bool:
    if a.position is None or b.position is None:
        return False
    return distance_m(a.position[0], a.position[1], b.position[0], b.position[1]) <= NEAR_M


def _when(pair: tuple[Story | None, Story | None]) -> tuple[int, str]:
    story = pair[1] or pair[0]
    assert story is not None
    return story.raised_at, story.incident


def _count(stories: Sequence[Story | None]) -> dict[str, Any]:
    some = [s for s in stories if s is not None]
    levels = {level.value: sum(s.level is level for s in some) for level in LEVELS}
    return {"incidents": len(some), "steps": sum(s.steps for s in some), "levels": levels}


def _seconds(before: int, after: int) -> float:
    return (after - before) / _SECOND


def _words(kind: str, before: Story | None, after: Story | None) -> str:
    if before is None or after is None:
        return kind
    if kind in ("earlier", "later"):
        moved = {level: s for level, s in shifts(before, after).items() if s}
        if len(set(moved.values())) == 1 and Level.BLUE.value in moved:  # all of it together
            return f"{abs(moved[Level.BLUE.value]):g} s {kind}"
        return ", ".join(f"{level} {abs(s):g} s {'earlier' if s < 0 else 'later'}" for level, s in moved.items())
    if kind in ("level_up", "level_down"):
        return f"{before.level} -> {after.level}"
    if before.cleared_at is None or after.cleared_at is None:
        return "stays open" if after.cleared_at is None else "clears"
    return f"{abs(_seconds(before.cleared_at, after.cleared_at)):g} s {kind}"
