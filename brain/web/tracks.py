"""The hub of moving devices: where each of them is now, kept in arrays indexed by device id, told in frames.

The log is followed only while somebody is connected. A frame names the devices that moved since the frame before; a
client that is slow gets, in one frame, everything that moved since the last one it took (newest wins), so nothing
piles up anywhere.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from brain.errors import StoreError
from brain.store.base import ObservationQuery
from brain.times import iso, to_us

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from brain.model import Batch
    from brain.registry import Registry
    from brain.store.base import Store
    from brain.web.wakes import Wakes

__all__ = ["Tracks"]

_NUMBERS: Final = ("lon", "lat", "heading_deg", "height_m")
_PAUSE_S: Final = 1.0
_LOOK_ANYWAY_S: Final = 2.0
_SNAPSHOT: Final = 10_000
_encode = msgspec.json.Encoder().encode


class Tracks:
    """Positions of all moving devices; lives as ``run`` does.

    Attributes:
        clients: How many sockets are open.
        seq: Number of the newest frame.
    """

    def __init__(self, store: Store, wakes: Wakes, clock: Callable[[], int], frame_every_s: float) -> None:
        self._store = store
        self._wakes = wakes
        self._clock = clock
        self._every_s = frame_every_s
        self._wanted = asyncio.Event()
        self._framed = asyncio.Event()
        self._cached: tuple[int, int, bytes] | None = None
        self._registry: Registry | None = None
        self.clients = 0
        self.seq = 0
        self._forget()

    def _forget(self) -> None:
        self._value: NDArray[np.float64] = np.full((len(_NUMBERS), 64), np.nan)
        self._time: NDArray[np.int64] = np.full(64, np.iinfo(np.int64).min)
        self._moved: NDArray[np.int64] = np.zeros(64, np.int64)
        self._dirty: NDArray[np.bool_] = np.zeros(64, np.bool_)
        self._is_dirty = False
        self._ready = False

    def join(self) -> None:
        """A socket comes."""
        self.clients += 1
        self._wanted.set()

    def leave(self) -> None:
        """A socket goes; with the last one the following ends."""
        self.clients -= 1
        if not self.clients:
            self._wanted.clear()

    def stir(self) -> None:
        """Let every socket look again."""
        self._framed.set()
        self._framed = asyncio.Event()

    async def next_frame(self, after: int) -> tuple[int, str] | None:
        """The next frame for a client that has frame ``after`` (0: none yet), and its number; None: look again."""
        framed = self._framed
        if not self._ready or self.seq <= after:
            await framed.wait()
            if not self._ready or self.seq <= after:
                return None
        if self._cached is None or self._cached[:2] != (after, self.seq):
            self._cached = after, self.seq, self._frame(after)
        return self.seq, self._cached[2].decode()

    async def run(self) -> None:
        """Follow the log while somebody is connected, until cancelled."""
        while True:
            await self._wanted.wait()
            try:
                async with asyncio.TaskGroup() as tasks:
                    follower = tasks.create_task(self._follow())
                    await self._beat()
                    follower.cancel()
            except* StoreError:
                # Out of reach: the next round starts from a new snapshot.
                await asyncio.sleep(_PAUSE_S)
            self._forget()

    async def _beat(self) -> None:
        """Make frames out of what moved, at most one every ``frame_every_s``; ends with the last client."""
        while self.clients:
            if self._is_dirty:
                self._is_dirty = False
                self.seq += 1
                self._moved[self._dirty] = self.seq
                self._dirty[:] = False
                self._ready = True
                self.stir()
            await asyncio.sleep(self._every_s)

    async def _follow(self) -> None:
        entry, _ = await self._store.log_end()
        self._registry = await self._store.load_registry()
        await self._snapshot(self._registry)
        registered = self._wakes.count("registry")
        while True:
            seen = self._wakes.count("log")
            for found in await self._store.read_log(entry, 50):
                entry = found.entry
                for batch in found.piece.batches.values():
                    if len(batch) and int(batch.device.max()) > self._registry.top:
                        for device in await self._store.devices_after(self._registry.top):
                            self._registry.put(device)
                    self.take(batch)
            if self._wakes.count("registry") != registered:
                registered = self._wakes.count("registry")
                self._registry = await self._store.load_registry()
            if self._wakes.count("log") == seen:
                await self._wakes.wait("log", seen, _LOOK_ANYWAY_S)

    async def _snapshot(self, registry: Registry) -> None:
        moving = [t.id for t in registry.sensor_types.values() if t.moving]
        if moving:
            page = await self._store.observations(
                ObservationQuery(sensor_types=moving, latest=True, limit=_SNAPSHOT),
            )
            for row in page.items:
                device = registry.find(row["sensor_type"], row["device"])
                if device is not None and row.get("lon") is not None and row.get("lat") is not None:
                    values = np.array([[row.get(n)] for n in _NUMBERS], np.float64)
                    self._put(np.array([device.device_id]), np.array([to_us(row["time"])]), values)
        # Even an empty city gets its first frame, so that a page knows it is connected.
        self._is_dirty = True

    def take(self, batch: Batch) -> None:
        """Note the positions of a batch; of several rows of a device the newest counts."""
        registry = self._registry
        kind = None if registry is None else registry.sensor_type(batch.sensor_type)
        if kind is None or not kind.moving:
            return
        n = len(batch)
        absent = np.full(n, np.nan)
        values = np.stack([np.asarray(batch.columns.get(c, absent), np.float64) for c in _NUMBERS])
        time = batch.time.astype("M8[us]").astype(np.int64)
        there = np.flatnonzero(~np.isnan(values[0]) & ~np.isnan(values[1]))
        order = there[np.argsort(time[there], kind="stable")]
        self._put(batch.device[order].astype(np.int64), time[order], values[:, order])

    def _put(self, device: NDArray[np.int64], time: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        if not len(device):
            return
        top = int(device.max())
        if top >= len(self._time):
            more = max(top + 1, 2 * len(self._time)) - len(self._time)
            self._value = np.pad(self._value, ((0, 0), (0, more)), constant_values=np.nan)
            self._time = np.pad(self._time, (0, more), constant_values=np.iinfo(np.int64).min)
            self._moved = np.pad(self._moved, (0, more))
            self._dirty = np.pad(self._dirty, (0, more))
        newer = time >= self._time[device]
        device = device[newer]
        # Rows are in order of time, and of a repeated index numpy keeps the last.
        self._value[:, device] = values[:, newer]
        self._time[device] = time[newer]
        self._dirty[device] = True
        self._is_dirty = self._is_dirty or bool(len(device))

    def _frame(self, after: int) -> bytes:
        moved = np.flatnonzero((self._moved > after) & ~np.isnan(self._value[0]))
        registry = self._registry
        known = [(int(i), registry.by_id(int(i)) if registry else None) for i in moved]
        devices = [(i, d) for i, d in known if d is not None]
        at = np.array([i for i, _ in devices], np.int64)
        numbers = [_plain(self._value[k, at]) for k in range(len(_NUMBERS))]
        times = np.datetime_as_string(self._time[at].astype("M8[us]"), unit="ms").tolist()
        document: dict[str, Any] = {
            "type": "frame",
            "seq": self.seq,
            "at": iso(self._clock()),
            "id": [d.name for _, d in devices],
            "sensor_type": [d.sensor_type for _, d in devices],
            **dict(zip(_NUMBERS, numbers, strict=True)),
            "time": [t + "Z" for t in times],
            "simulated": [d.simulated for _, d in devices],
        }
        return _encode(document)


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    """Rounded to six places (a decimetre of a degree), None for NaN."""
    out: list[float | None] = np.round(values, 6).tolist()
    for i in np.flatnonzero(np.isnan(values)).tolist():
        out[i] = None
    return out
