"""What every store promises about sensor types that change, store as another one, and remember."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from brain.errors import SensorTypeError
from brain.model import Batch, Field, FieldKind, Modality, SensorType, Text
from brain.store.base import Flush, ObservationQuery
from tests.contract.store_world import T0, Writer

if TYPE_CHECKING:
    from brain.store.base import Store


async def test_a_field_that_changes_its_kind_goes_on_in_a_new_column(store: Store) -> None:
    def well(*fields: Field, version: int) -> SensorType:
        return SensorType(id="well", version=version, family=Modality.METER, name=Text("井", "Well"), fields=fields)

    await store.put_sensor_type(well(Field(name="depth", unit="m"), version=1), "v1")
    (device,) = await store.admit([("well", "W1")])
    writer = await Writer.start(store)
    number = {"lon": np.full(1, np.nan), "depth": np.array([1.5])}
    ids, at = np.array([device.device_id], np.int32), np.array([T0], "M8[us]")
    batch = Batch("well", ids, at, at, np.array([1]), number)
    await store.write(Flush(epoch=writer.epoch, position=1, received_at=T0, batches=[batch]))
    with pytest.raises(SensorTypeError, match=r"fields\.depth\.kind"):
        await store.put_sensor_type(well(Field(name="depth", kind=FieldKind.TEXT), version=2), "v2")
    await store.put_sensor_type(well(Field(name="depth", kind=FieldKind.TEXT, column="depth__v2"), version=2), "v2")
    text = {"lon": np.full(1, np.nan), "depth": np.array(["deep"], object)}
    later = np.array([T0 + 1], "M8[us]")
    batch = Batch("well", ids, later, later, np.array([2]), text)
    await store.write(Flush(epoch=writer.epoch, position=2, received_at=T0 + 1, batches=[batch]))
    rows = (await store.observations(ObservationQuery(sensor_types=["well"]))).items
    assert [r.get("depth") for r in rows] == [None, "deep"], "what was stored stays in its own column"
    pieces = [p async for p in store.history(0, T0 + 10)]
    assert pieces[0].batches["well"]["depth"].tolist() == [None, "deep"]
    assert [v["version"] for v in await store.sensor_type_versions("well")] == [1, 2]


async def test_a_type_that_stores_as_another_has_no_table_and_is_no_trouble(store: Store) -> None:
    await Writer.start(store)
    gas = (await store.load_registry()).sensor_types["gas-detector"]
    await store.put_sensor_type(replace(gas, id="vendor-gas", into="gas-detector", profile="{}"))
    assert (await store.observations(ObservationQuery(sensor_types=["vendor-gas"]))).items == []
    assert (await store.observations(ObservationQuery())).items == []
    assert "vendor-gas" not in (await store.statistics())["tables"]
    assert [p async for p in store.history(0, 10)] == []


async def test_what_profiles_remember_comes_back_longest_unchanged_first(store: Store) -> None:
    writer = await Writer.start(store)
    states: list[dict[tuple[str, str], bytes | None]] = [
        {("a", "x"): b"1", ("a", "y"): b"2"},
        {("a", "x"): b"3", ("b", "z"): b"4"},
        {("b", "z"): None},
    ]
    for n, state in enumerate(states):
        at = writer.now + n + 1
        await store.write(Flush(epoch=writer.epoch, position=writer.position, received_at=at, states=state))
    assert await store.load_states() == [("a", "y", b"2"), ("a", "x", b"3")]
