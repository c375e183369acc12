"""Makes a data base ready: schema, built-in sensor types, city model and devices, an hour of history for the demo."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from brain.cli.cities import read_city
from brain.errors import ConfigurationError, StoreError
from brain.model import Device
from brain.store import open_store
from ingest.sensor_types import load_builtin

if TYPE_CHECKING:
    from pathlib import Path

    from brain.city import City
    from brain.model import SensorType
    from brain.store.base import Store

__all__ = ["city_devices", "prepare"]


def city_devices(city: City) -> list[Device]:
    """The devices a city model names, without ids."""
    out = []
    for d in city.devices:
        plain = msgspec.to_builtins(d)
        extra = {k: v for k, v in plain.items() if k in {"span", "capacity", "watches", "name", "work_order"} and v}
        out.append(
            Device(
                device_id=0,
                sensor_type=d.sensor_type,
                name=d.id,
                lon=d.lon,
                lat=d.lat,
                site=d.site,
                simulated=d.simulated,
                extra=extra,
            )
        )
    return out


async def prepare(dsn: str, city_file: Path | None, *, history: bool) -> None:
    """Bring the data base of a DSN up to date; prints ``storage=...`` as its last line on stdout.

    Raises:
        CityError: The city model is wrong; nothing of it is kept.
        StoreError: The data base is out of reach.
    """
    city = read_city(city_file)
    try:
        store = await open_store(dsn)
    except StoreError as error:
        parts = urlsplit(dsn)
        where = f"{parts.hostname or 'the unix socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
        raise ConfigurationError(
            f"the data base {where} cannot be opened ({error}); start it, or mend the address after --dsn"
        ) from None
    try:
        await store.migrate()
        registered = (await store.load_registry()).sensor_types
        for sensor_type in load_builtin():
            if _is_newer(sensor_type, registered.get(sensor_type.id)):
                await store.put_sensor_type(sensor_type)
        await store.put_city(msgspec.json.encode(city))
        await store.put_devices(city_devices(city))
        if history:
            await _seed(store, city)
        sys.stdout.write(f"storage={store.storage}\n")
    finally:
        await store.close()


def _is_newer(built_in: SensorType, kept: SensorType | None) -> bool:
    """Whether a built-in type replaces what is registered: never a later version, and what is retired stays so."""
    if kept is None or kept.version != built_in.version:
        return kept is None or kept.version < built_in.version
    return replace(kept, retired=False) != built_in


async def _seed(store: Store, city: City) -> None:
    """An hour of simulated traffic as if it had been received, where the log is still empty."""
    if (await store.ledger())[0]:
        return
    from ingest.seed import seed
    from simulators.past import history

    began = time.monotonic()
    rows = await seed(store, city, history(seed=1, end_us=time.time_ns() // 1000))
    sys.stdout.write(f"an hour of simulated history: {rows} rows in {time.monotonic() - began:.1f} s\n")
