"""First aid (智慧急救): from the call to a plan in one step, then watch over it.

A call raises an incident at once, with unit, first responder, AED, hospital, the way and its green wave.
Rows are taken in receipt order; unit positions, link speeds and hospital loads only update what is known, and are
compared with the open plans (``watch``). Marks bring time-outs, standing units and coverage gaps; bulletins bring what
other scenes' incidents do to roads and people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from brain.model import Text
from brain.scene_api import Bulletin, EffectKind, Interest, Mark, Parameter, Reasoning, Scene
from scenes.first_aid import coverage, notices, watch
from scenes.first_aid.context import Context
from scenes.first_aid.emergencies import end, forget_at
from scenes.first_aid.parameters import PARAMETERS
from scenes.first_aid.policy import CoverageGap, MedicalEmergency
from scenes.first_aid.reports import BAD_STATUS, ROWS
from scenes.first_aid.state import NEVER, Crew, FirstAidState, Ward
from scenes.first_aid.statements import call_line
from scenes.first_aid.town import town_of
from scenes.first_aid.why import reasons_near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from brain.model import Batch, Piece
    from brain.scene_api import Evidence, Policy, World
    from scenes.first_aid.town import Town

__all__ = ["FirstAid"]

SECOND = 1_000_000
EVERY_S = 10  # hospitals are compared this often while speeds change
INSTRUMENTS = frozenset({"road-status", "video-event", "weather", "drone"})
FALLS_KEPT_S = 3900  # calls may reach the rules an hour late


class FirstAid(Scene[FirstAidState]):
    """Who goes to whom, and whether they will be there in time."""

    name: ClassVar[str] = "first_aid"
    version: ClassVar[str] = "3"
    title: ClassVar[Text] = Text("智慧急救", "First aid")
    interests: ClassVar[tuple[Interest, ...]] = (
        Interest("emergency-call", ("call_id", "complaint", "priority", "caller", "node", "lon", "lat", "pos_err_m")),
        Interest("ambulance", ("lon", "lat", "speed_kmh", "duty", "status")),
        Interest("hospital-status", ("state", "load")),
        Interest("road-status", ("link_from", "link_to", "speed_kmh", "cause", "status")),
        Interest("video-event", ("event", "track", "confidence", "lon", "lat", "status")),
        Interest("weather", ("wind_ms", "rain_mm_h", "lon", "lat", "status")),
        Interest("drone", ("battery_pct", "status")),
    )
    policies: ClassVar[tuple[Policy, ...]] = (MedicalEmergency(), CoverageGap())
    parameters: ClassVar[Mapping[str, Parameter]] = PARAMETERS
    state_type: ClassVar[type[Any]] = FirstAidState
    hears: ClassVar[frozenset[EffectKind]] = frozenset(
        {EffectKind.ROAD_SLOW, EffectKind.ROAD_CLOSED, EffectKind.HAZARD}
    )

    def initial(self, world: World) -> FirstAidState:
        """Units at their stations, hospitals as the city model has them."""
        state, town = FirstAidState(), town_of(world.city)
        for unit in town.units.values():
            state.crews[unit.id] = Crew(duty=unit.status)
        for hospital in town.hospitals.values():
            state.wards[hospital.id] = Ward(hospital.state, hospital.load)
        return state

    def step(self, state: FirstAidState, feed: Piece | Mark | Bulletin, world: World) -> Iterable[Evidence]:
        """Take rows in order of position, a mark or a bulletin."""
        ctx = Context(town_of(world.city), state, world.parameters)
        if isinstance(feed, Mark):
            yield from _on_mark(ctx, feed.at)
        elif isinstance(feed, Bulletin):
            yield from notices.hear(ctx, feed)
        else:
            for _, batch, i in _in_order(ctx.town, feed, world):
                yield from ROWS[batch.sensor_type](ctx, batch, i, world)

    def due(self, state: FirstAidState, world: World) -> int | None:
        """The next second at which somebody waits for something."""
        is_stale = state.stale or state.stale_from is not None or state.looked == NEVER
        has_zones = is_stale and state.crews and town_of(world.city).zones
        has_new_ways = any(c.ways_seen != state.live.digest for c in state.cases.values())
        if has_zones or has_new_ways or any(c.slow_since is not None and c.case for c in state.crews.values()):
            return 0
        p = world.parameters
        times = [g.since + int(p["coverage_s"] * SECOND) for g in state.gaps.values() if not g.raised]
        wait = int(p["no_news_s"] * SECOND)
        times += [c.news + wait if c.ended is None else forget_at(c) for c in state.cases.values()]
        return min(times, default=None)

    def explain(
        self, state: FirstAidState, lon: float, lat: float, radius_m: float, world: World
    ) -> Iterable[Reasoning]:
        """Why not: which units and hospitals the emergencies near a place did not get, and which units are free."""
        yield from reasons_near(Context(town_of(world.city), state, world.parameters), lon, lat, radius_m)


def _in_order(town: Town, piece: Piece, world: World) -> Iterator[tuple[int, Batch, int]]:
    """(position, batch, row) of the rows that matter here, in order of position."""
    rows: list[tuple[int, Batch, int]] = []
    for name, batch in piece.batches.items():
        if name in ROWS and len(batch):
            rows += [(int(batch.position[i]), batch, int(i)) for i in _relevant(town, batch, world)]
    rows.sort(key=lambda r: r[0])
    return iter(rows)


def _relevant(town: Town, batch: Batch, world: World) -> Iterable[int]:
    """Rows of a batch that can matter: of cameras the falls, of drones those that carry an AED.

    Instruments that say they are not in order bear no witness; people are heard all the same.
    """
    if batch.sensor_type not in INSTRUMENTS:
        return range(len(batch))
    keep = ~np.isin(batch["status"], BAD_STATUS)
    if batch.sensor_type == "video-event":
        keep &= batch["event"] == "fall"
    if batch.sensor_type == "drone":
        known = [world.registry.find("drone", d.id) for d in town.drones]
        keep &= np.isin(batch.device, [d.device_id for d in known if d is not None])
    return np.flatnonzero(keep).tolist()


def _on_mark(ctx: Context, now: int) -> Iterator[Evidence]:
    state, p = ctx.state, ctx.parameters
    for case in list(state.cases.values()):
        if case.ended is not None:
            if now >= forget_at(case):
                del state.cases[case.key]
            continue
        if now - case.news >= p["no_news_s"] * SECOND:
            yield end(ctx, case, now, -1)
            continue
        for reason in watch.check_stuck(ctx, case, now):
            yield call_line(ctx, case, -1, reason)
            for further in watch.change_stuck(ctx, case, now):
                yield call_line(ctx, case, -1, further)
    for i, case in enumerate(list(state.cases.values())):
        # A tree each: a tenth of them every second, so that no call has to wait for all.
        if case.ways_seen != state.live.digest and i % EVERY_S == now // SECOND % EVERY_S:
            case.ways_seen = state.live.digest
            for reason in watch.check_hospital(ctx, case, now):
                yield call_line(ctx, case, -1, reason)
    if state.falls and state.falls[0].time < now - FALLS_KEPT_S * SECOND:
        state.falls = [f for f in state.falls if f.time >= now - FALLS_KEPT_S * SECOND]
    if ctx.town.zones and (state.stale or state.stale_from is not None or state.looked == NEVER):
        yield from coverage.look_round(ctx, now)
    yield from coverage.speak_up(ctx, now)
