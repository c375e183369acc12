"""Safety production: gas detectors raise, cameras and drones bear witness, broken detectors stay with the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from brain.city.index import distance_m
from brain.model import Batch, Piece, Text, microseconds
from brain.scene_api import Bulletin, Evidence, Fact, Interest, Mark, Parameter, Policy, Reasoning, Scene, World
from scenes.safety_production.detectors import NONE
from scenes.safety_production.parameters import PARAMETERS
from scenes.safety_production.policy import GasLeak, ToxicGasInAir
from scenes.safety_production.reading import Gas, Samples, gas_of, limits_of
from scenes.safety_production.state import COMBUSTIBLE, SafetyState
from scenes.safety_production.statements import called_line, detector_facts, gas_line, held_line
from scenes.safety_production.watchers import (
    Seen,
    call_rows,
    drone_rows,
    fall_silent,
    look,
    next_silence,
    smell,
    video_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from scenes.safety_production.detectors import Detectors

__all__ = ["SafetyProduction"]


MOST_CALLS = 63  # remembered
END = 2**62  # after all positions
_SILENT = Gas([], np.zeros(0, np.intp))


class _Item(NamedTuple):
    """Something that must be taken in its place of the order."""

    position: int
    kind: str  # wind, service, gas, video, drone
    samples: Samples | None = None
    number: int = 0
    seen: Seen | None = None
    row: int = 0


class SafetyProduction(Scene[SafetyState]):
    """Gas in the air, with the second witnesses that make it certain (S1), and the faults that look like it (S2)."""

    name: ClassVar[str] = "safety_production"
    version: ClassVar[str] = "1"
    title: ClassVar[Text] = Text("安全生产", "Safety production")
    interests: ClassVar[tuple[Interest, ...]] = (
        Interest("gas-detector", ("lel_pct", "ppm", "gas", "status", "lon", "lat")),
        Interest("video-event", ("event", "track", "zone", "confidence", "status", "lon", "lat")),
        Interest("drone", ("methane_ppm_m", "methane_background_ppm_m", "status", "lon", "lat")),
        Interest("emergency-call", ("complaint", "call_id", "id", "status", "lon", "lat")),
        Interest("weather", ("wind_from_deg", "wind_ms", "lon", "lat")),
    )
    policies: ClassVar[tuple[Policy, ...]] = (GasLeak(), ToxicGasInAir())
    parameters: ClassVar[Mapping[str, Parameter]] = PARAMETERS
    state_type: ClassVar[type[SafetyState]] = SafetyState

    def initial(self, world: World) -> SafetyState:
        """Nothing heard yet."""
        return SafetyState()

    def due(self, state: SafetyState, world: World) -> int | None:
        """Marks only end what cameras and drones have fallen silent about."""
        return next_silence(state, world)

    def step(self, state: SafetyState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """See the module."""
        if isinstance(feed, Mark):
            yield from fall_silent(state, feed.at, world)
            return
        if isinstance(feed, Bulletin):
            return
        gas, said = feed.get("gas-detector"), _SILENT
        items: list[_Item] = []
        if gas is not None:
            said = gas_of(gas, state, world.registry, world.parameters)
            for samples in said.tables:
                items += (_Item(int(samples.position[n]), "gas", samples, n) for n in samples.matters.tolist())
            items += (
                _Item(int(gas.position[i]), "service", number=int(gas.device[i]), row=i) for i in said.service.tolist()
            )
        if (video := feed.get("video-event")) is not None:
            items += (_Item(s.position, "video", seen=s) for s in video_rows(video, world))
        if (calls := feed.get("emergency-call")) is not None:
            items += (_Item(s.position, "call", seen=s) for s in call_rows(calls, world))
        if (drones := feed.get("drone")) is not None:
            items += (_Item(s.position, "drone", seen=s) for s in drone_rows(drones, state, world))
        if (weather := feed.get("weather")) is not None:
            items += (_Item(int(p), "wind", number=n) for n, p in enumerate(weather.position.tolist()))
        items.sort(key=lambda i: i.position)
        calm = _Calm(state, said.tables)
        for item in items:
            if item.kind == "wind" and weather is not None:
                self._hear_wind(state, weather, item.number, world)
                continue
            calm.until(item.position)
            if item.samples is not None:
                yield from self._sample(state, item.samples, item.number, world)
            elif item.kind == "service" and gas is not None:
                yield from self._service(
                    state, item.number, item.position, int(microseconds(gas.time)[item.row]), world
                )
            elif item.seen is not None:
                if item.kind == "call":
                    state.calls = [*state.calls[-MOST_CALLS:], (item.seen.time, item.seen.lon, item.seen.lat)]
                    yield from called_line(item.seen, world)
                else:
                    take = look if item.kind == "video" else smell
                    yield from take(state, item.seen, world)
                yield from self._release(state, item.seen, world)
        calm.until(END)

    # -- wind ------------------------------------------------------------------------------------------------------
    def _hear_wind(self, state: SafetyState, weather: Batch, i: int, world: World) -> None:
        if world.registry.by_id(int(weather.device[i])) is None:
            return
        place = world.registry.places(weather.device[i : i + 1])[0]
        lon, lat = (float(weather[k][i]) for k in ("lon", "lat"))
        state.stations.hear(
            int(weather.device[i]),
            int(microseconds(weather.time)[i]),
            float(weather["wind_from_deg"][i]),
            float(weather["wind_ms"][i]),
            float(place[0]) if np.isnan(lon) else lon,
            float(place[1]) if np.isnan(lat) else lat,
        )

    # -- detectors -------------------------------------------------------------------------------------------------
    def _sample(self, state: SafetyState, samples: Samples, n: int, world: World) -> Iterator[Evidence]:
        table, row = state.tables[samples.key], int(samples.row[n])
        device = world.registry.by_id(int(table.slots.device[row]))
        if device is None:
            return
        position, time = int(samples.position[n]), int(samples.time[n])
        limits = limits_of(samples.key, world.parameters)
        was_dead, was_held = bool(table.dead[row]), bool(table.held[row])
        outcome = table.sample(
            row,
            time,
            float(samples.value[n]),
            float(samples.lon[n]),
            float(samples.lat[n]),
            limits,
            lambda r, t: samples.key == COMBUSTIBLE and self._is_doubtful(state, r, t, world),
        )
        if outcome.word == "dead" or (was_dead and not table.dead[row]):
            yield held_line(table, row, device, time, position, "fell", world, holds=outcome.word == "dead")
        if outcome.word == "held":
            yield held_line(table, row, device, time, position, "step_hold", world, holds=True)
            if table.is_stuck(row, time, limits):
                yield held_line(table, row, device, time, position, "stuck", world, holds=True)
        elif was_held:
            yield from self._let_go(table, row, time, position, world)
        if outcome.word in ("finding", "ended"):
            yield gas_line(table, row, samples.key, device, position, state, world)

    def _let_go(self, table: Detectors, row: int, time: int, position: int, world: World) -> Iterator[Evidence]:
        device = world.registry.by_id(int(table.slots.device[row]))
        if device is not None:
            for rule in ("step_hold", "stuck"):
                yield held_line(table, row, device, time, position, rule, world, holds=False)

    def _service(
        self, state: SafetyState, device_id: int, position: int, time: int, world: World
    ) -> Iterator[Evidence]:
        device = world.registry.by_id(device_id)
        for table in state.tables.values():
            if device is None or device_id >= len(table.slots.row) or table.slots.row[device_id] < 0:
                continue
            row = int(table.slots.row[device_id])
            was_dead = bool(table.dead[row])
            table.out_of_service(row)
            if was_dead:
                yield held_line(table, row, device, time, position, "fell", world, holds=False)

    # -- step-hold -------------------------------------------------------------------------------------------------
    def _is_doubtful(self, state: SafetyState, row: int, time: int, world: World) -> bool:
        """A step may be a broken detector: a healthy neighbour sees nothing, and nobody else bears witness."""
        table = state.tables[COMBUSTIBLE]
        lon, lat = float(table.lon[row]), float(table.lat[row])
        if np.isnan(lon) or np.isnan(lat):
            return False
        p = world.parameters
        if self._has_witness(state, row, lon, lat, world):
            return False
        used = table.slots.used
        fresh = np.abs(table.time[:used] - time) <= p["neighbour_fresh_s"] * 1e6
        healthy = table.good[:used] & ~table.dead[:used] & (table.value[:used] < p["neighbour_below_pct"]) & fresh
        healthy[row] = False
        return any(
            distance_m(lon, lat, float(table.lon[r]), float(table.lat[r])) <= p["neighbour_m"]
            for r in np.flatnonzero(healthy).tolist()
        )

    def _has_witness(self, state: SafetyState, row: int, lon: float, lat: float, world: World) -> bool:
        reach = world.parameters["witness_m"]
        seen = [(s.lon, s.lat) for s in state.sights.values() if s.confirmed]
        seen += [(w.lon, w.lat) for w in state.whiffs.values()]
        recent = GasLeak.gate.seconds * 1e6
        now = int(state.tables[COMBUSTIBLE].time[row])
        seen += [(a, b) for time, a, b in state.calls if abs(now - time) <= recent and not np.isnan(a)]
        for key, table in state.tables.items():
            active = np.flatnonzero((table.stage[: table.slots.used] > 0) & (table.ended[: table.slots.used] == NONE))
            seen += [
                (float(table.lon[r]), float(table.lat[r]))
                for r in active.tolist()
                if not (key == COMBUSTIBLE and r == row)
            ]
        return any(a is not None and b is not None and distance_m(lon, lat, a, b) <= reach for a, b in seen)

    def _release(self, state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
        """A camera or drone bears witness: what was held near by is no broken detector."""
        table = state.tables.get(COMBUSTIBLE)
        if table is None:
            return
        limits = limits_of(COMBUSTIBLE, world.parameters)
        for row in np.flatnonzero(table.held[: table.slots.used]).tolist():
            device = world.registry.by_id(int(table.slots.device[row]))
            if device is None or not self._has_witness(state, row, float(table.lon[row]), float(table.lat[row]), world):
                continue
            table.release(row, int(table.time[row]), limits)
            yield from self._let_go(table, row, seen.time, seen.position, world)
            yield gas_line(table, row, COMBUSTIBLE, device, seen.position, state, world)

    # -- why not ---------------------------------------------------------------------------------------------------
    def explain(self, state: SafetyState, lon: float, lat: float, radius_m: float, world: World) -> Iterable[Reasoning]:
        """Each alarm step's conditions for the detectors round a place, and whether they are held back."""
        for key, table in state.tables.items():
            for row in range(table.slots.used):
                device = world.registry.by_id(int(table.slots.device[row]))
                if device is None or not distance_m(lon, lat, float(table.lon[row]), float(table.lat[row])) <= radius_m:
                    continue
                held = Fact("held_back", str(bool(table.held[row])).lower(), "==", "false", "1", not table.held[row])
                serving = Fact(
                    "in_service", str(bool(table.good[row])).lower(), "==", "true", "1", bool(table.good[row])
                )
                for stage, word in ((1, "prealarm"), (2, "level_1"), (3, "level_2")):
                    if np.isfinite(limits_of(key, world.parameters).levels[stage - 1]):
                        facts = (*detector_facts(table, row, key, stage, world), held, serving)
                        yield Reasoning(f"S1.{key}.{word}", f"{device.sensor_type}/{device.name}", facts)


class _Calm:
    """Quiet samples of a piece, handed to their tables up to a position at a time."""

    def __init__(self, state: SafetyState, tables: list[Samples]) -> None:
        self._left = [(state.tables[s.key], s) for s in tables if len(s.quiet)]
        self._at = [0] * len(self._left)

    def until(self, position: int) -> None:
        """Take all before this position."""
        for k, (table, s) in enumerate(self._left):
            start = self._at[k]
            end = len(s.quiet) if position == END else int(np.searchsorted(s.position[s.quiet], position))
            if start == 0 and end == len(s.row):  # all of them: no copies
                table.calm(s.row, s.time, s.value, s.lon, s.lat)
            elif end > start:
                n = s.quiet[start:end]
                table.calm(s.row[n], s.time[n], s.value[n], s.lon[n], s.lat[n])
            self._at[k] = max(start, end)
