"""The hub of moving devices: newest wins, nothing piles up."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from brain.web.context import now_us
from brain.web.settings import WebSettings
from tests.websupport import TAXI, Town, town

if TYPE_CHECKING:
    from brain.web.tracks import Tracks

QUICK = WebSettings(frame_every_s=0.01)


async def frame_after(hub: Tracks, number: int) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            found = await hub.next_frame(number)
            if found is not None:
                frame: dict[str, Any] = json.loads(found[1])
                assert frame["seq"] == found[0]
                return frame


def hub_of(place: Town) -> Tracks:
    hub: Tracks = place.app.state.context.tracks
    return hub


async def test_a_client_that_missed_frames_gets_all_that_moved_since_in_one() -> None:
    async with town(QUICK) as (place, _):
        hub = hub_of(place)
        hub.join()
        whole = await frame_after(hub, 0)
        assert whole["id"] == []
        await place.drive("TAXI-1", 120.1, 36.0)
        one = await frame_after(hub, whole["seq"])
        await place.drive("TAXI-2", 120.2, 36.0)
        two = await frame_after(hub, one["seq"])
        await place.drive("TAXI-2", 120.3, 36.0)
        three = await frame_after(hub, two["seq"])
        assert [f["id"] for f in (one, two, three)] == [["TAXI-1"], ["TAXI-2"], ["TAXI-2"]]
        slow = await frame_after(hub, whole["seq"])
        assert slow["seq"] == three["seq"]
        assert dict(zip(slow["id"], slow["lon"], strict=True)) == {"TAXI-1": 120.1, "TAXI-2": 120.3}
        fresh = await frame_after(hub, 0)
        assert fresh["id"] == slow["id"]


async def test_of_several_rows_of_a_device_the_newest_counts_whatever_their_order() -> None:
    async with town(QUICK) as (place, _):
        hub = hub_of(place)
        hub.join()
        await frame_after(hub, 0)
        now = now_us()
        rows = [
            {"device": "TAXI-1", "time": now - age, "lon": 120.0 + age / 1e6, "lat": 36.0} for age in (2000, 0, 1000)
        ]
        rows.append({"device": "TAXI-1", "time": now + 1, "lon": None, "lat": None})
        await place.flush(place.batch(TAXI, rows))
        frame = await frame_after(hub, hub.seq)
        assert (frame["id"], frame["lon"]) == (["TAXI-1"], [120.0])


async def test_a_thousand_devices_beyond_the_first_arrays_are_kept() -> None:
    async with town(QUICK) as (place, _):
        hub = hub_of(place)
        made = await place.store.admit([("vehicle", f"T{n}") for n in range(1000)])
        place.devices.update({d.name: d for d in made})
        rows = [{"device": d.name, "time": now_us(), "lon": 120 + n / 1e4, "lat": 36.0} for n, d in enumerate(made)]
        await place.flush(place.batch(TAXI, rows))
        hub.join()
        frame = await frame_after(hub, 0)
        assert len(frame["id"]) == 1000
        assert frame["lon"] == [round(120 + n / 1e4, 6) for n in range(1000)]


async def test_the_log_is_followed_only_while_somebody_is_connected() -> None:
    async with town(QUICK) as (place, _):
        hub = hub_of(place)
        hub.join()
        first = await frame_after(hub, 0)
        hub.leave()
        async with asyncio.timeout(30):
            while hub._ready:  # the follower ends with its last client
                await asyncio.sleep(0.005)
        await place.drive("TAXI-1", 120.1, 36.0)
        assert hub.seq == first["seq"]
        hub.join()
        assert (await frame_after(hub, 0))["id"] == ["TAXI-1"]
