"""Plays of the week: stories with the truth they make. A YAML file enters, a performance on a stage leaves."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from brain.city.index import distance_m
from simulators.message import SECOND
from simulators.stage import Trip, stages
from simulators.story import Performance, Story, load_story
from simulators.week.truth import Truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from brain.city import City
    from simulators.message import Draft
    from simulators.roads import RoadGraph

__all__ = ["PLAYS", "Act", "Expectation", "Play", "load_plays"]

PLAYS: Final = Path(__file__).parent / "plays"


class Expectation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An incident that a play should cause: where on its stage, between which of its seconds, how grave."""

    event: str
    scene: str
    place: str
    from_s: float
    to_s: float
    levels: tuple[str, str]
    radius_m: float = 300.0


class Play(Story, frozen=True, forbid_unknown_fields=True):
    """A story and what is true of it.

    Attributes:
        near: The place of the stage that it happens at.
        truth: The incidents it should cause; none: a hard negative.
        story: Name of a story whose tracks it plays.
        share: How often it is chosen among those of its sort.
    """

    near: str = "site"
    truth: list[Expectation] = []  # noqa: RUF012 - msgspec copies it
    story: str | None = None
    share: int = 1

    @property
    def is_negative(self) -> bool:
        """Whether nothing should come of it."""
        return not self.truth


@cache
def load_plays() -> dict[str, Play]:
    """All plays by name, in order of name.

    Example:
        >>> plays = load_plays()
        >>> plays["gas-spike"].is_negative, plays["gas-leak"].is_negative
        (True, False)
    """
    out: dict[str, Play] = {}
    for path in sorted(PLAYS.glob("*.yaml")):
        play = msgspec.yaml.decode(path.read_bytes(), type=Play)
        if play.story is not None:
            play = msgspec.structs.replace(play, tracks=load_story(play.story).tracks)
        out[path.stem] = play
    return out


class Act(Performance):
    """One performance of a play.

    Attributes:
        places: Where it happens, lon and lat; nothing else may happen near at the same time.
        begins_us, ends_us: From its first to its last message.
    """

    def __init__(
        self, kind: str, city: City, graph: RoadGraph, number: int, start_us: int, seed: int, run: str, busy: set[str]
    ) -> None:
        self.kind, self._number = kind, number
        self.play = load_plays()[kind]
        super().__init__(self.play, city, graph, stages(city)[number], start_us, seed, run, busy)
        self.begins_us = min(a for a, _ in self.claims.values())
        self.ends_us = max(start_us + int(self.play.length_s * SECOND), *(b for _, b in self.claims.values()))
        self.places = [self._places[p] for p in dict.fromkeys([self.play.near, *(t.place for t in self.play.truth)])]

    def _roles(self, city: City) -> dict[str, tuple[str, str]]:
        works = [d.id for d in city.devices if d.id.startswith("SXT-GD-")]
        units = [u.id for u in city.ems.units]
        hospitals = [h.id for h in city.ems.hospitals]
        return super()._roles(city) | {
            "works_camera": ("video-event", works[self._number % len(works)]),
            "idle_unit": ("ambulance", units[(7 * self._number + 3) % len(units)]),
            "idle_hospital": ("hospital-status", hospitals[self._number % len(hospitals)]),
            "roads": next((d.sensor_type, d.id) for d in city.devices if d.sensor_type == "road-status"),
        }

    def _scenery(self, city: City) -> Mapping[str, tuple[float, float]]:
        by_name = {(d.sensor_type, d.id): d for d in city.devices}
        found = {role: by_name.get(self._cast[role]) for role in ("camera", "works_camera", "station_3", "station_4")}
        here = {role: (d.lon or 0.0, d.lat or 0.0) for role, d in found.items() if d is not None}
        (ax, ay), (bx, by) = here["station_3"], here["station_4"]
        site = self._stage.site
        return {
            **super()._scenery(city),
            "camera": here["camera"],
            "works": here["works_camera"],
            "pair": ((ax + bx) / 2, (ay + by) / 2),
            "far": (round(site.lon + 0.2, 6), round(site.lat + 0.1, 6)),
        }

    def drafts(self) -> list[Draft]:
        """All its messages, in order of time."""
        return sorted((d for track in self.tracks() for d in track), key=lambda d: d.at_us)

    def truths(self) -> list[Truth]:
        """Its lines of the truth file."""
        if self.play.is_negative:
            lon, lat = self._places[self.play.near]
            span = (self.begins_us, self.ends_us)
            return [
                Truth(run=self.run, kind=self.kind, start_us=span[0], end_us=span[1], lon=lon, lat=lat, radius_m=300.0)
            ]
        return [self._truth(t) for t in self.play.truth]

    def _truth(self, t: Expectation) -> Truth:
        lon, lat = self._places[t.place]
        return Truth(
            run=self.run,
            kind=self.kind,
            event=t.event,
            scene=t.scene,
            start_us=self._start_us + int(t.from_s * SECOND),
            end_us=self._start_us + int(t.to_s * SECOND),
            lon=lon,
            lat=lat,
            radius_m=t.radius_m,
            levels=t.levels,
        )

    def clashes(self, other: Act, apart_m: float, apart_us: int) -> bool:
        """Whether two performances cannot be told apart: too near in place at about the same time, or of one device."""
        if self.begins_us > other.ends_us + apart_us or other.begins_us > self.ends_us + apart_us:
            return False
        if any(key in other.claims for key in self.claims if key[0] not in ("emergency-call", "road-status")):
            return True
        return any(distance_m(*a, *b) < apart_m for a in self.places for b in other.places)

    @property
    def unit(self) -> str | None:
        """The ambulance that drives in it."""
        trip: Trip | None = self.trip
        return None if trip is None else trip.unit
