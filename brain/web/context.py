"""What every route needs: the store, the city, the scenes, the registry as it is now, and the live hubs."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

from brain.web.backtest_jobs import Backtests
from brain.web.catalogue_items import Catalogue
from brain.web.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from starlette.requests import HTTPConnection

    from brain.city import City
    from brain.model import Device, SensorType
    from brain.registry import Registry
    from brain.scene_api import Scene
    from brain.store.base import Store
    from brain.web.feed import Feed
    from brain.web.settings import WebSettings
    from brain.web.tracks import Tracks
    from brain.web.wakes import Wakes

__all__ = ["Context", "context_of", "now_us"]

_REGISTRY_MAX_AGE_S = 30.0


def now_us() -> int:
    """The clock of this machine, microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Context:
    """One per application; made by ``make_app``, alive between start and stop of the server.

    Attributes:
        stop: Set when the server is asked to end: live streams leave at once.
        requests: (route, method, status) -> number, for the metrics.
        catalogue: What the catalogue keeps for a while.
        replays: History is played again for one question at a time.
        backtests: Those that were asked for.
    """

    def __init__(
        self,
        store: Store,
        city: City,
        scenes: Sequence[Scene[Any] | type[Scene[Any]]],
        settings: WebSettings,
        wakes: Wakes,
        feed: Feed,
        tracks: Tracks,
    ) -> None:
        self.store = store
        self.city = city
        self.scenes = scenes
        self.settings = settings
        self.wakes = wakes
        self.feed = feed
        self.tracks = tracks
        self.stop = asyncio.Event()
        self.catalogue = Catalogue()
        self.replays = asyncio.Semaphore(1)
        self.backtests = Backtests(store, now_us)
        self.requests: dict[tuple[str, str, int], int] = {}
        self._registry: Registry | None = None
        self._devices: list[Device] = []
        self._seen = -1
        self._loaded = 0.0
        self._lock = asyncio.Lock()

    async def registry(self, *, fresh: bool = False) -> Registry:
        """Sensor types and devices.

        Read again after a wake-up of ``registry`` or ``devices``, every 30 s, and when ``fresh`` is wanted.

        Raises:
            StoreError: The data base is out of reach.
        """
        async with self._lock:
            seen = self.wakes.count("registry") + self.wakes.count("devices")
            is_old = seen != self._seen or time.monotonic() - self._loaded > _REGISTRY_MAX_AGE_S
            if self._registry is None or fresh or is_old:
                self._registry = await self.store.load_registry()
                self._devices = self._registry.devices()
                self._seen, self._loaded = seen, time.monotonic()
            return self._registry

    async def forget_registry(self) -> None:
        """It was changed here: who asks next reads it anew, also before the wake-up has come."""
        async with self._lock:  # whoever is reading it now has begun before the change
            self._registry = None

    async def devices(self) -> list[Device]:
        """All devices, ordered by sensor type and name."""
        await self.registry()
        return self._devices

    async def sensor_type(self, name: str) -> SensorType | None:
        """The sensor type of that id; one registered a moment ago is found too."""
        found = (await self.registry()).sensor_type(name)
        return found or (await self.registry(fresh=True)).sensor_type(name)

    async def known_types(self, names: Sequence[str]) -> list[SensorType]:
        """The sensor types that keep the rows of these: themselves, or what they store as.

        Raises:
            Problem: Status 422 for one that is not registered.
        """
        out = []
        for name in names:
            found = await self.sensor_type(name)
            if found is None:
                raise Problem.input(
                    "sensor_type",
                    f"{name[:60]!r:.62} is not registered; GET /api/v1/sensor-types lists those that are",
                    f"{name[:60]!r:.62} 未登记；可用 GET /api/v1/sensor-types 查看",
                )
            target = None if found.into is None else await self.sensor_type(found.into)
            out.append(target or found)
        return out

    def count_request(self, route: str, method: str, status: int) -> None:
        """For the metrics; the methods of strangers are not allowed to fill the memory."""
        known = method if method in {"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} else "other"
        key = (route, known, status)
        self.requests[key] = self.requests.get(key, 0) + 1


def context_of(connection: HTTPConnection) -> Context:
    """The context of the application that answers this request."""
    return cast("Context", connection.app.state.context)


def units_of(types: Sequence[SensorType]) -> Mapping[str, Mapping[str, str]]:
    """``units`` of a list of observations: sensor type -> field -> UCUM code."""
    return {t.id: {f.name: f.unit for f in t.fields if f.unit is not None} for t in types}
