"""Stories: scripted happenings over several devices. A YAML file enters; for a start time and a stage, drafts leave.

A story is a list of tracks. A track says for one role (or one device) when it speaks, and what: constants, curves
over the story's own seconds, a little noise, a place, a flight or a drive. Stories know roles; the stage says which
devices play them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from brain.city import Name  # noqa: TC001 - msgspec reads the annotation
from brain.errors import ConfigurationError
from simulators.actor import chance
from simulators.drones import Flight
from simulators.message import SECOND, Draft
from simulators.roads import Journey, RoadGraph
from simulators.stage import Stage, Trip, plan_trip
from simulators.vehicles import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from brain.city import City

__all__ = ["STORIES", "Performance", "Story", "Track", "load_story", "story_names"]

STORIES: Final = Path(__file__).parent / "stories"


class Drive(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An ambulance's job: seconds of the story, and how long it stays at the scene and at the hospital.

    ``to`` is where the patient lies, ``needs`` what the hospital must be able to do; with ``divert`` the first one
    chosen turns the unit away.
    """

    accept_s: float
    leave_s: float
    to: str = "patient"
    needs: str = "pci"
    divert: bool = False
    scene_s: float = 150.0
    handover_s: float = 90.0
    factor: float = 1.04


class Fly(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A drone's job, in seconds of the story."""

    leave_s: float
    over_s: float
    home_s: float
    back_s: float
    height_m: float = 60.0


class Track(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one device says in a story.

    Attributes:
        role: Who plays it on every stage (``detector``, ``drone``, ``camera``, ``desk``, ``unit`` ...).
        device: ``sensor-type/id`` instead of a role.
        at_s: Moments; or ``every``: first, last, step.
        say: Constant fields; ``{run}`` and ``{node}`` in texts stand for this performance and the patient's road node.
        curve: Field -> points (second, value), straight between them.
        noise: Field -> standard deviation of what is added to its curve, cut at two of them.
        digits: Field -> digits after the point (default 1).
        place: Name of a place of the stage: ``patient``, ``site``, ``crash``.
        fly, drive: A flight of the stage's drone, an ambulance's job.
    """

    role: str | None = None
    device: str | None = None
    at_s: list[float] = []
    every: tuple[float, float, float] | None = None
    say: dict[str, Any] = {}
    curve: dict[str, list[tuple[float, float]]] = {}
    noise: dict[str, float] = {}
    digits: dict[str, int] = {}
    place: str | None = None
    fly: Fly | None = None
    drive: Drive | None = None

    def moments(self) -> list[float]:
        """Seconds of the story at which it speaks."""
        if self.every is None:
            return self.at_s
        first, last, step = self.every
        return [round(first + i * step, 6) for i in range(int((last - first) / step + 1e-9) + 1)]


class Story(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A story as its file tells it.

    Attributes:
        length_s: How long a performance matters, clearing included.
        repeat_s: Seconds after which it plays again on the next stage; None: once.
        expect: What the platform's default thresholds make of it, for people (tests hold it against the traffic).
    """

    title: Name
    about: Name
    length_s: float
    tracks: list[Track] = []
    repeat_s: float | None = None
    expect: list[dict[str, Any]] = []


def story_names() -> list[str]:
    """Names of all stories.

    Example:
        >>> "first-minute" in story_names()
        True
    """
    return sorted(p.stem for p in STORIES.glob("*.yaml"))


@cache
def load_story(name: str) -> Story:
    """The story of that name.

    Raises:
        ConfigurationError: There is none, or its file is wrong.
    """
    if name not in story_names() and name != "history/last-hour":
        raise ConfigurationError(f'no story "{name}"; the stories are {", ".join(story_names())}')
    try:
        return msgspec.yaml.decode((STORIES / f"{name}.yaml").read_bytes(), type=Story)
    except msgspec.ValidationError as e:
        raise ConfigurationError(f"story {name}: {e}") from None


class Performance:
    """One performance of a story: at a time, on a stage.

    Attributes:
        claims: (sensor type, device) -> from and until when its everyday self is silent, microseconds.
        run: The name ids are made of; equal for equal seed and start.
    """

    def __init__(
        self,
        story: Story,
        city: City,
        graph: RoadGraph,
        stage: Stage,
        start_us: int,
        seed: int,
        run: str,
        busy: set[str],
    ) -> None:
        self.run, self._start_us, self._seed = run, start_us, seed
        self._graph, self._stage = graph, stage
        self.trip: Trip | None = None
        self._cast = self._roles(city)
        self._places = self._scenery(city)
        drive = next((t.drive for t in story.tracks if t.drive is not None), None)
        if drive is not None:
            patient = stage.patient if drive.to == "patient" else graph.nearest(*self._places[drive.to])
            self.trip = plan_trip(city, graph, patient, busy, drive.needs, divert=drive.divert)
            self._cast["unit"] = ("ambulance", self.trip.unit)
            self._cast["hospital"] = ("hospital-status", self.trip.planned)
        self.claims: dict[tuple[str, str], tuple[int, int]] = {}
        self._tracks: list[tuple[int, str, str, Track]] = []
        for i, track in enumerate(story.tracks):
            sensor_type, device = self._player(track)
            self._tracks.append((i, sensor_type, device, track))
            first, last = self._span(track)
            known = self.claims.get((sensor_type, device), (2**62, 0))
            # A second more at both ends, so that no everyday value arrives between those of the story.
            claim = (start_us + int((first - 1) * SECOND), start_us + int((last + 1) * SECOND))
            self.claims[sensor_type, device] = (min(known[0], claim[0]), max(known[1], claim[1]))

    def tracks(self) -> list[Iterator[Draft]]:
        """The messages of each track, in order of time."""
        return [self._play(*t) for t in self._tracks]

    def _roles(self, city: City) -> dict[str, tuple[str, str]]:
        stage = self._stage
        corridor = city.roads.corridors[int(stage.detector.id.split("-")[1]) % len(city.roads.corridors)]
        cast = {
            "desk": ("emergency-call", "120-DESK"),
            "detector": ("gas-detector", stage.detector.id),
            "neighbour": ("gas-detector", stage.neighbour.id),
            "drone": ("drone", stage.drone.id),
            "camera": ("video-event", stage.camera.id),
            "corridor_camera": ("video-event", f"SXT-{corridor.id}"),
        }
        for i, station in enumerate(corridor.stations, 1):
            cast[f"station_{i}"] = ("traffic-detector", station.device)
        return cast

    def _scenery(self, city: City) -> Mapping[str, tuple[float, float]]:
        lon, lat = self._graph.places[self._stage.patient]
        camera = next(d for d in city.devices if d.id == self._cast["corridor_camera"][1])
        return {
            "patient": (round(lon + 0.00015, 6), round(lat + 0.0001, 6)),
            "site": (self._stage.site.lon, self._stage.site.lat),
            "crash": (camera.lon or 0.0, camera.lat or 0.0),
        }

    def _player(self, track: Track) -> tuple[str, str]:
        if track.device is not None:
            sensor_type, _, device = track.device.partition("/")
            return sensor_type, device
        return self._cast[track.role or ""]

    def _span(self, track: Track) -> tuple[float, float]:
        moments = track.moments()
        if track.drive is not None:
            return track.drive.accept_s, self._legs(track.drive)[-1][1]
        return moments[0], moments[-1]

    def _fields(self, track: Track, second: float, random: np.random.Generator) -> dict[str, Any]:
        out: dict[str, Any] = {}
        if track.place is not None:
            out["lon"], out["lat"] = self._places[track.place]
        for key, value in track.say.items():
            text = isinstance(value, str)
            out[key] = value.replace("{run}", self.run).replace("{node}", self._stage.patient) if text else value
        for key, points in track.curve.items():
            value = float(np.interp(second, [p[0] for p in points], [p[1] for p in points]))
            if key in track.noise:
                value += track.noise[key] * float(np.clip(random.standard_normal(), -2, 2))
            out[key] = round(value, track.digits.get(key, 1))
        return out

    def _play(self, number: int, sensor_type: str, device: str, track: Track) -> Iterator[Draft]:
        random = chance(self._seed, self.run, str(number))
        if track.drive is not None:
            for second, body in self._driven(track.drive, random):
                yield Draft(self._start_us + int(second * SECOND), sensor_type, device, body)
            return
        flight = None
        if track.fly is not None:
            f, detector = track.fly, self._stage.detector
            target = (detector.lon or 0.0, detector.lat or 0.0)
            flight = Flight(self._stage.dock, target, f.leave_s, f.over_s, f.home_s, f.back_s, f.height_m)
        for second in track.moments():
            body = self._fields(track, second, random)
            if flight is not None:
                body = flight.body(second) | body
            yield Draft(self._start_us + round(second * 1000) * 1000, sensor_type, device, body)

    def _legs(self, drive: Drive) -> list[tuple[float, float, str, Journey]]:
        """From, until, duty, way; gapless."""
        if self.trip is None:
            return []
        graph, trip, pace = self._graph, self.trip, drive.factor
        there, onward, home = (Journey(graph, w, pace) for w in (trip.there, trip.onward, trip.home))
        legs = [(drive.accept_s, drive.leave_s, "dispatched", Journey(graph, trip.there[:1]))]
        for duty, way, stay_s in (
            ("dispatched", there, 0.0),
            ("on_scene", Journey(graph, trip.there[-1:]), drive.scene_s),
            ("transporting", onward, 0.0),
            ("transporting", Journey(graph, trip.onward[-1:]), drive.handover_s),
            ("available", home, 0.0),
        ):
            legs.append((legs[-1][1], legs[-1][1] + (stay_s or way.seconds), duty, way))
        return legs

    def _driven(self, drive: Drive, random: np.random.Generator) -> Iterator[tuple[float, dict[str, Any]]]:
        legs = self._legs(drive)
        second = drive.accept_s
        while second < legs[-1][1]:
            start, _, duty, way = next(leg for leg in legs if leg[0] <= second < leg[1])
            yield second, {**said(way.fix(second - start), random), "duty": duty}
            second += 5.0
