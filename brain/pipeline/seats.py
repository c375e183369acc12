"""Seats: a scene at work in the districts of one entry of the city model, with the parameters in force there.

Scenes, the city model and overrides enter; seats leave, each with a state of its own. Two entries of one scene are two
seats of it, and every place belongs to one of them: the last entry that names its district, else the last that names
none; what has no known place, to the one that names none, else to the first. So nothing is raised twice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from brain.errors import ConfigurationError
from brain.scene_api import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from brain.city import City, SceneSetting
    from brain.desk.board import Notice
    from brain.model import Level
    from brain.registry import Registry
    from brain.scene_api import Effect, Scene

__all__ = ["Heard", "Seat", "check_overrides", "seats_of"]


class Heard(NamedTuple):
    """What a seat was last told about an incident."""

    level: Level
    effects: tuple[Effect, ...]


@dataclass(slots=True)
class Seat:
    """A scene at work: one for each of its entries in the city model, one with defaults where there is none.

    Attributes:
        key: Stable name, also of its judges.
        districts: It hears only evidence of these; None: of everywhere.
        elsewhere: Districts that belong to other seats of its scene.
        is_home: What has no known place is heard here, and by no other seat of its scene.
        late: Sensor type -> whether its late rows are wanted too.
        due: Marks before this need not be given.
        error: Set when the scene broke its contract and was taken out of service.
        judges: Event -> key of the judge of this seat.
        heard: Incident -> what it was told about it; only those that do something.
        is_exercise: It judges the rows of a drill, and nothing else.
    """

    key: str
    scene: Scene[Any]
    world: World
    districts: frozenset[str] | None
    state: Any
    late: dict[str, bool]
    due: int = 0
    error: str | None = None
    judges: dict[str, str] = field(default_factory=dict)
    heard: dict[str, Heard] = field(default_factory=dict)
    is_exercise: bool = False
    elsewhere: frozenset[str] = frozenset()
    is_home: bool = True

    def listens(self, district: str | None) -> bool:
        """Whether it listens to a district (``""``: outside of all, None: no known place)."""
        if district is None:
            return self.is_home
        return district not in self.elsewhere and (self.districts is None or district in self.districts)

    def news(self, incident: str, notice: Notice) -> tuple[Effect, ...] | None:
        """The effects it is to be told of now; None when it knows, never asked, or they are its own scene's.

        What happens in a drill is told to the drill only.
        """
        if notice.scene == self.scene.name or notice.is_exercise != self.is_exercise:
            return None
        effects = tuple(e for e in notice.effects if e.kind in self.scene.hears)
        known = self.heard.get(incident)
        if (known is None and not effects) or known == Heard(notice.level, effects):
            return None
        if effects:
            self.heard[incident] = Heard(notice.level, effects)
        else:
            self.heard.pop(incident, None)
        return effects


def check_overrides(scenes: Sequence[Scene[Any]], overrides: Mapping[str, float]) -> None:
    """Refuse overrides that name no scene or no parameter.

    Raises:
        ConfigurationError: With the names there are.
    """
    by_name = {s.name: s for s in scenes}
    for name in overrides:
        scene_name, _, parameter = name.partition(".")
        scene = by_name.get(scene_name)
        if scene is None:
            raise ConfigurationError(f'{name}: no scene "{scene_name}" runs here; one of {", ".join(sorted(by_name))}')
        if parameter not in scene.parameters:
            names = ", ".join(sorted(scene.parameters)) or "none"
            raise ConfigurationError(f'{name}: {scene_name} has no parameter "{parameter}"; it has {names}')


def seats_of(
    scenes: Sequence[Scene[Any]], city: City, registry: Registry, overrides: Mapping[str, float]
) -> list[Seat]:
    """A seat for each entry of the city model, in order of scenes; one with defaults where a scene has none.

    Args:
        scenes: To run.
        city: Its ``scenes`` say where each runs and with which parameters.
        registry: For the world of each seat.
        overrides: ``scene.parameter`` -> value, stronger than the city's.

    Raises:
        ConfigurationError: An override or a parameter of the city names nothing.
    """
    check_overrides(scenes, overrides)
    seats: list[Seat] = []
    for scene in scenes:
        settings: list[SceneSetting | None] = [s for s in city.scenes if s.name == scene.name]
        own: list[Seat] = []
        for setting in settings or [None]:
            seat = _seat(scene, setting, city, registry, overrides)
            while any(s.key == seat.key for s in own):
                seat.key += "'"
            own.append(seat)
        _share_out(own)
        seats += own
    return seats


def _share_out(seats: Sequence[Seat]) -> None:
    """Give every place to one of the seats of a scene."""
    for number, seat in enumerate(seats):
        others = seats if seat.districts is None else seats[number + 1 :]
        seat.elsewhere = frozenset[str]().union(*(s.districts for s in others if s.districts is not None))
    wide = [s for s in seats if s.districts is None]
    for seat in wide[:-1]:
        seat.districts = frozenset()
    home = (wide or list(seats))[-1 if wide else 0]
    for seat in seats:
        seat.is_home = seat is home


def _seat(
    scene: Scene[Any],
    setting: SceneSetting | None,
    city: City,
    registry: Registry,
    overrides: Mapping[str, float],
) -> Seat:
    parameters = {name: float(p.default) for name, p in scene.parameters.items()}
    overlay: str | None = None
    key = scene.name
    districts: frozenset[str] | None = None
    if setting is not None:
        parameters |= dict(_own(scene, setting))
        overlay = "city" if setting.parameters else None
        if setting.districts is not None:
            districts = frozenset(setting.districts)
            overlay = "+".join(setting.districts) or "nowhere"
            key = f"{scene.name}@{overlay}"
    own = {n.partition(".")[2]: v for n, v in overrides.items() if n.partition(".")[0] == scene.name}
    if own:
        parameters |= own
        overlay = f"{overlay}+set" if overlay else "set"
    world = World(city, registry, parameters, overlay)
    late: dict[str, bool] = {}
    for interest in scene.interests:
        late[interest.sensor_type] = late.get(interest.sensor_type, False) or interest.late
    return Seat(key, scene, world, districts, scene.initial(world), late)


def _own(scene: Scene[Any], setting: SceneSetting) -> Iterator[tuple[str, float]]:
    for name, value in setting.parameters.items():
        if name not in scene.parameters:
            raise ConfigurationError(
                f'scenes: {scene.name} has no parameter "{name}"; it has {", ".join(sorted(scene.parameters))}'
            )
        yield name, float(value)
