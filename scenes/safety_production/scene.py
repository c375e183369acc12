"""Safety production: gas, fire, work under permits, people at work, drones; broken detectors stay with the site."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np

from brain.model import Batch, Piece, Text, microseconds
from brain.scene_api import Bulletin, Evidence, Interest, Mark, Parameter, Policy, Reasoning, Scene, World
from scenes.safety_production.airspace import Fix, fixes_of, judge_fix
from scenes.safety_production.fire import fire_call, look, see_people
from scenes.safety_production.gas import next_release, release, release_due, take_sample, take_service
from scenes.safety_production.parameters import PARAMETERS
from scenes.safety_production.people import BREACHES, take_breach
from scenes.safety_production.permits import next_test, tests_due
from scenes.safety_production.policy import GasLeak, ToxicGasInAir
from scenes.safety_production.policy_fire import Fire
from scenes.safety_production.policy_work import (
    DroneViolation,
    HotWorkGas,
    HotWorkWithoutPermit,
    Intrusion,
    PpeViolation,
)
from scenes.safety_production.reading import Gas, Samples, gas_of
from scenes.safety_production.seen import (
    GAS_CALLS,
    PEOPLE,
    Seen,
    call_rows,
    heat_rows,
    methane_rows,
    smoke_rows,
    video_rows,
)
from scenes.safety_production.state import SafetyState
from scenes.safety_production.statements import called_line
from scenes.safety_production.watchers import fall_silent, feel, next_silence, smell, sniff
from scenes.safety_production.why import reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["SafetyProduction"]


MOST_CALLS = 63  # remembered
END = 2**62  # after all positions
_SILENT = Gas([], np.zeros(0, np.intp))


class _Item(NamedTuple):
    """Something that must be taken in its place of the order."""

    position: int
    kind: str  # wind, service, gas, seen, fix
    samples: Samples | None = None
    number: int = 0
    seen: Seen | None = None
    fix: Fix | None = None


class SafetyProduction(Scene[SafetyState]):
    """Gas (S1 to S3), fire (S4), permits (S5), people at work (S6), major hazard units (S7), drones (S8)."""

    name: ClassVar[str] = "safety_production"
    version: ClassVar[str] = "3"
    title: ClassVar[Text] = Text("安全生产", "Safety production")
    interests: ClassVar[tuple[Interest, ...]] = (
        Interest("gas-detector", ("lel_pct", "ppm", "gas", "status", "lon", "lat")),
        Interest("smoke-detector", ("smoke_pct", "alarm", "status", "lon", "lat")),
        Interest(
            "video-event",
            ("event", "track", "zone", "confidence", "count", "snapshot_url", "status", "lon", "lat"),
        ),
        Interest(
            "drone",
            (
                "methane_ppm_m",
                "methane_background_ppm_m",
                "thermal_max_c",
                "ambient_c",
                "mission",
                "height_m",
                "status",
                "lon",
                "lat",
            ),
        ),
        Interest("emergency-call", ("complaint", "call_id", "id", "status", "lon", "lat")),
        Interest("weather", ("wind_from_deg", "wind_ms", "stability", "lon", "lat")),
    )
    policies: ClassVar[tuple[Policy, ...]] = (
        GasLeak(),
        ToxicGasInAir(),
        Fire(),
        HotWorkGas(),
        HotWorkWithoutPermit(),
        PpeViolation(),
        Intrusion(),
        DroneViolation(),
    )
    parameters: ClassVar[Mapping[str, Parameter]] = PARAMETERS
    state_type: ClassVar[type[SafetyState]] = SafetyState

    def initial(self, world: World) -> SafetyState:
        """Nothing heard yet."""
        return SafetyState()

    def due(self, state: SafetyState, world: World) -> int | None:
        """Marks end what has fallen silent, let through what was held too long, and look at gas tests of permits."""
        times = (next_silence(state, world), next_release(state), next_test(state, world))
        return min((t for t in times if t is not None), default=None)

    def step(self, state: SafetyState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """See the module."""
        if isinstance(feed, Mark):
            state.clock = feed.at
            yield from fall_silent(state, feed.at, world)
            yield from release_due(state, feed.at, world)
            yield from tests_due(state, feed.at, world)
            return
        if isinstance(feed, Bulletin) or not feed.rows:
            return
        state.clock = max(int(microseconds(b.received_at)[-1]) for b in feed.batches.values() if len(b))
        gas, weather = feed.get("gas-detector"), feed.get("weather")
        said = _SILENT if gas is None else gas_of(gas, state, world.registry, world.parameters)
        items = [*_gas_items(said, gas), *_other_items(feed, state, world)]
        if weather is not None:
            items += (_Item(int(p), "wind", number=n) for n, p in enumerate(weather.position.tolist()))
        items.sort(key=lambda i: i.position)
        calm = _Calm(state, said.tables)
        for item in items:
            if item.kind == "wind" and weather is not None:
                self._hear_wind(state, weather, item.number, world)
                continue
            calm.until(item.position)
            if item.samples is not None:
                yield from take_sample(state, item.samples, item.number, world)
            elif item.kind == "service" and gas is not None:
                yield from self._service(state, gas, item.number, world)
            elif item.fix is not None:
                yield from judge_fix(state.flights, item.fix, world)
            elif item.seen is not None:
                yield from self._see(state, item.seen, world)
        calm.until(END)

    def _service(self, state: SafetyState, gas: Batch, i: int, world: World) -> Iterator[Evidence]:
        time, value = int(microseconds(gas.time)[i]), float(gas["lel_pct"][i])
        status = str(gas["status"][i] or "work_order")
        yield from take_service(state, int(gas.device[i]), int(gas.position[i]), time, status, value, world)

    def _see(self, state: SafetyState, seen: Seen, world: World) -> Iterator[Evidence]:
        """One row of a camera, drone, smoke detector or call."""
        if seen.kind in BREACHES:
            yield from take_breach(state.conduct, seen, world)
        elif seen.kind in PEOPLE:
            yield from see_people(state, seen, world)
        elif seen.kind == "heat":
            yield from feel(state, seen, world)
        elif seen.kind == "smoke_detector":
            yield from sniff(state, seen, world)
        elif seen.kind == "methane":
            yield from smell(state, seen, world)
            yield from release(state, seen, world)
        elif seen.device.sensor_type == "video-event":
            yield from look(state, seen, world)
            yield from release(state, seen, world)
        elif seen.kind in GAS_CALLS:
            state.calls = [*state.calls[-MOST_CALLS:], (seen.time, seen.lon, seen.lat)]
            yield from called_line(seen, world)
            yield from release(state, seen, world)
        else:
            yield fire_call(seen, world)

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
            weather["stability"][i],
        )

    def explain(self, state: SafetyState, lon: float, lat: float, radius_m: float, world: World) -> Iterable[Reasoning]:
        """Why not: each rule's conditions for the devices round a place, and what was held back on purpose."""
        return reasons(state, lon, lat, radius_m, world)


def _gas_items(said: Gas, gas: Batch | None) -> Iterator[_Item]:
    for samples in said.tables:
        yield from (_Item(int(samples.position[n]), "gas", samples, n) for n in samples.matters.tolist())
    if gas is not None:
        yield from (_Item(int(gas.position[i]), "service", number=i) for i in said.service.tolist())


def _other_items(feed: Piece, state: SafetyState, world: World) -> Iterator[_Item]:
    if (video := feed.get("video-event")) is not None:
        yield from (_Item(s.position, "seen", seen=s) for s in video_rows(video, world))
    if (calls := feed.get("emergency-call")) is not None:
        yield from (_Item(s.position, "seen", seen=s) for s in call_rows(calls, world))
    if (smoke := feed.get("smoke-detector")) is not None:
        yield from (_Item(s.position, "seen", seen=s) for s in smoke_rows(smoke, state, world))
    if (drones := feed.get("drone")) is not None:
        yield from (_Item(s.position, "seen", seen=s) for s in methane_rows(drones, state, world))
        yield from (_Item(s.position, "seen", seen=s) for s in heat_rows(drones, state, world))
        yield from (_Item(f.position, "fix", fix=f) for f in fixes_of(drones, state.flights, state.fixes, world))


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
