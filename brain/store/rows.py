"""Rows in their three dresses: columns of a batch, columns for SQL, and ROW objects of the public surface.

Numbers are NaN in batches where absent, NULL in SQL, left out of a ROW. Booleans are 0.0 or 1.0 in batches.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np

from brain.errors import SensorTypeError
from brain.model import COMMON_NUMBERS, COMMON_TEXTS, Batch, FieldKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from brain.model import SensorType
    from brain.registry import Registry

__all__ = [
    "BOX",
    "EPOCH_2000",
    "Column",
    "batch_from_packed",
    "batch_from_sql",
    "columns_of",
    "iso_many",
    "microseconds",
    "packed_columns",
    "plain_values",
    "row_dicts",
    "row_maker",
    "row_of",
    "storage_keys",
]

_TYPE_ID: Final = re.compile(r"[a-z][a-z0-9_-]{0,47}")
_FIELD_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,47}")
_COLUMN: Final = re.compile(r"[a-z][a-z0-9_]{0,47}__v[0-9]{1,10}")
_RESERVED: Final = frozenset(
    (
        *("time", "device", "device_id", "received_at", "position", "row_key", "sensor_type", "units"),
        *("tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"),
    )
)
#: PostgreSQL counts from 2000-01-01; microseconds between that and 1970.
EPOCH_2000: Final = 946_684_800_000_000
#: A box in a picture, 0..1: upper left corner, width, height.
BOX: Final = ("box_x", "box_y", "box_w", "box_h")
_SQL: Final = {FieldKind.NUMBER: "float8", FieldKind.BOOLEAN: "boolean", FieldKind.TEXT: "text"}


class Column(NamedTuple):
    """A column of observations.

    Attributes:
        name: Of the field, a validated identifier.
        stored: Of the column in the table: mostly the same.
    """

    name: str
    kind: FieldKind
    stored: str

    @property
    def sql(self) -> str:
        """Its type in SQL."""
        return _SQL[self.kind]


_COMMON: Final = {
    **{n: Column(n, FieldKind.TEXT, n) for n in ("id",)},
    **{n: Column(n, FieldKind.NUMBER, n) for n in COMMON_NUMBERS},
    **{n: Column(n, FieldKind.TEXT, n) for n in COMMON_TEXTS if n != "id"},
}
_NOTHING: Final[Mapping[str, None]] = dict.fromkeys(_COMMON)


@lru_cache(maxsize=8192)
def columns_of(sensor_type: SensorType) -> Mapping[str, Column]:
    """The columns besides time, device, received_at and position, in the order of a ROW.

    A field that bears the name of a common column (``height_m`` of drones) is that column.

    Raises:
        SensorTypeError: A field has a name the table needs for itself, or another kind than the common column.
    """
    if not _TYPE_ID.fullmatch(sensor_type.id):
        raise SensorTypeError(
            "id", f"{sensor_type.id[:60]!r:.62} is no identifier; use a-z, 0-9, _ and -, a letter first, 48 at most"
        )
    out = dict(_COMMON)
    for field in sensor_type.fields:
        if not _FIELD_NAME.fullmatch(field.name):
            raise SensorTypeError(
                "fields", f"{field.name[:60]!r:.62} is no identifier; use a-z, 0-9 and _, a letter first, 48 at most"
            )
        if field.column is not None and not _COLUMN.fullmatch(field.column):
            raise SensorTypeError(f"fields.{field.name}", f"{field.column[:60]!r:.62} can be no column")
        if field.name in _RESERVED:
            raise SensorTypeError(f"fields.{field.name}", "this name belongs to every observation; choose another one")
        common = _COMMON.get(field.name)
        if common is not None and common.kind is not field.kind:
            raise SensorTypeError(
                f"fields.{field.name}", f"every observation has this as a {common.kind}; choose another name"
            )
        out.setdefault(field.name, Column(field.name, field.kind, field.column or field.name))
    for name in sensor_type.key:
        if name not in out:
            raise SensorTypeError("key", f"there is no field {name!r}; name fields of this sensor type")
    return MappingProxyType(out)


def microseconds(times: NDArray[np.datetime64]) -> list[int]:
    """Times as integers, microseconds since 1970."""
    out: list[int] = times.astype("M8[us]").astype(np.int64).tolist()
    return out


def _numbers(values: NDArray[Any]) -> list[float | None] | None:
    absent = np.isnan(values)
    if not absent.any():
        return values.tolist()  # type: ignore[no-any-return]
    if absent.all():
        return None
    boxed = values.astype(object)
    boxed[absent] = None
    return boxed.tolist()  # type: ignore[no-any-return]


def plain_values(column: Column, values: NDArray[Any]) -> list[Any] | None:
    """Python values with None where absent; None instead of the list where all are absent."""
    if column.kind is FieldKind.TEXT:
        texts: list[Any] = values.tolist()
        return texts if any(v is not None for v in texts) else None
    numbers = _numbers(np.asarray(values, np.float64))
    if column.kind is FieldKind.BOOLEAN and numbers is not None:
        return [None if v is None else v != 0 for v in numbers]
    return numbers


def storage_keys(sensor_type: SensorType, batch: Batch) -> list[str | None]:
    """What tells rows of one device and time apart: the id, or for types with key fields ``row_key``.

    Example:
        >>> from brain.model import Field, Modality, SensorType, Text
        >>> t = SensorType(
        ...     id="v", family=Modality.VIDEO, name=Text("", ""), key=("track",),
        ...     fields=(Field(name="track", kind=FieldKind.TEXT),),
        ... )
        >>> o = lambda *v: np.array(v, object)
        >>> columns = {"id": o("a", None), "track": o("t", "t")}
        >>> b = Batch("v", *(np.zeros(2, k) for k in ("i4", "M8[us]", "M8[us]", "i8")), columns)
        >>> storage_keys(t, b)
        ['i:a', 'k:["t"]']
    """
    n = len(batch)
    given = batch.columns.get("id")
    ids: list[str | None] = [None] * n if given is None else given.tolist()
    if not sensor_type.key:
        return ids
    columns = columns_of(sensor_type)
    parts = [
        (plain_values(columns[k], batch.columns[k]) if k in batch.columns else None) or [None] * n
        for k in sensor_type.key
    ]
    return [
        "k:" + msgspec.json.encode(key).decode() if i is None else f"i:{i}" for i, *key in zip(ids, *parts, strict=True)
    ]


def batch_from_sql(sensor_type: SensorType, records: Sequence[Sequence[Any]], names: Sequence[str]) -> Batch:
    """A batch from rows of (time, device_id, received_at, position, *names)."""
    columns = columns_of(sensor_type)
    cells = list(zip(*records, strict=True)) or [()] * (4 + len(names))
    out: dict[str, NDArray[Any]] = {}
    for name, cell in zip(names, cells[4:], strict=True):
        if columns[name].kind is FieldKind.TEXT:
            texts = np.empty(len(cell), object)
            texts[:] = cell
            out[name] = texts
        else:
            out[name] = np.array(cell, np.float64)  # None becomes NaN, True 1.0
    return Batch(
        sensor_type.id,
        np.array(cells[1], np.int32),
        np.array(cells[0], np.int64).astype("M8[us]"),
        np.array(cells[2], np.int64).astype("M8[us]"),
        np.array(cells[3], np.int64),
        out,
    )


def packed_columns(sensor_type: SensorType) -> str:
    """SQL that packs the columns of many rows into one: numbers as bytes, texts as arrays, nothing where all are NULL.

    Decoding a value at a time would cost more than everything else on the way of history.
    """
    parts = ["count(*) AS n"]
    sends = {"time": "timestamptz_send(time)", "received_at": "timestamptz_send(received_at)"}
    sends |= {"device_id": "int4send(device_id)", "position": "int8send(position)"}
    for name, column in columns_of(sensor_type).items():
        held = f'"{column.stored}"'
        if column.kind is FieldKind.TEXT:
            parts.append(f'CASE WHEN count({held}) > 0 THEN array_agg({held}) END AS "{name}"')
        else:
            number = f"{held}::int" if column.kind is FieldKind.BOOLEAN else held
            packed = f"string_agg(float8send(coalesce({number}, 'NaN'::float8)), ''::bytea)"
            parts.append(f'CASE WHEN count({held}) > 0 THEN {packed} END AS "{name}"')
    return ", ".join([*(f"string_agg({f}, ''::bytea) AS {n}" for n, f in sends.items()), *parts])


def batch_from_packed(sensor_type: SensorType, packed: Mapping[str, Any]) -> Batch:
    """The batch of such a row."""
    n = packed["n"]
    out: dict[str, NDArray[Any]] = {}
    for name, column in columns_of(sensor_type).items():
        values = packed[name]
        if column.kind is FieldKind.TEXT:
            texts = np.full(n, None, object)
            if values is not None:
                texts[:] = values
            out[name] = texts
        else:
            out[name] = np.full(n, np.nan) if values is None else np.frombuffer(values, ">f8").astype(np.float64)

    def times(name: str) -> NDArray[np.datetime64]:
        return (np.frombuffer(packed[name], ">i8").astype(np.int64) + EPOCH_2000).view("M8[us]")

    return Batch(
        sensor_type.id,
        np.frombuffer(packed["device_id"], ">i4").astype(np.int32),
        times("time"),
        times("received_at"),
        np.frombuffer(packed["position"], ">i8").astype(np.int64),
        out,
    )


def iso_many(times: Sequence[int]) -> list[str]:
    """``brain.times.iso`` of many times at once.

    Example:
        >>> iso_many([1_500, 2_000])
        ['1970-01-01T00:00:00.001500Z', '1970-01-01T00:00:00.002Z']
    """
    texts = np.datetime_as_string(np.array(times, np.int64).view("M8[us]"), unit="us").tolist()
    return [f"{text}Z" if us % 1000 else f"{text[:-3]}Z" for us, text in zip(times, texts, strict=True)]


def row_maker(
    sensor_type: SensorType, names: Sequence[str]
) -> Callable[[str | None, str, str, Sequence[Any]], dict[str, Any]]:
    """Makes ROWs of the public surface from (device, time, received_at, values of ``names``); times as texts.

    Common keys are always there, fields where they have a value. A box of a picture that is stored as four numbers
    becomes the list that messages carry.

    Example:
        >>> from brain.model import Field, Modality, SensorType, Text
        >>> fields = tuple(Field(name=n) for n in BOX)
        >>> t = SensorType(id="video", family=Modality.VIDEO, name=Text("", ""), fields=fields)
        >>> row_maker(t, BOX)("CAM-1", "", "", [0.1, 0.2, 0.3, 0.4])["box"]
        [0.1, 0.2, 0.3, 0.4]
    """
    boxed = set(BOX) <= set(names)

    def one(device: str | None, time: str, received_at: str, values: Sequence[Any]) -> dict[str, Any]:
        out: dict[str, Any] = {
            "sensor_type": sensor_type.id,
            "device": device,
            "time": time,
            "received_at": received_at,
        }
        out.update(_NOTHING)
        out.update((n, v) for n, v in zip(names, values, strict=True) if v is not None)
        if boxed:
            box = [out.pop(n, None) for n in BOX]
            if None not in box:
                out["box"] = box
        return out

    return one


def row_of(sensor_type: SensorType, batch: Batch, names: Mapping[int, str]) -> Callable[[int], dict[str, Any]]:
    """Makes ROWs of a batch by index; ``names`` gives the names of its devices."""
    columns = columns_of(sensor_type)
    held = {n: plain_values(c, batch.columns[n]) for n, c in columns.items() if n in batch.columns}
    lists = {n: v for n, v in held.items() if v is not None}
    cells = list(lists.values())
    make = row_maker(sensor_type, list(lists))
    time, received_at = iso_many(microseconds(batch.time)), iso_many(microseconds(batch.received_at))
    device = batch.device.tolist()
    return lambda i: make(names.get(device[i]), time[i], received_at[i], [v[i] for v in cells])


def row_dicts(batch: Batch, registry: Registry) -> list[dict[str, Any]]:
    """ROWs of a batch, in its order. Devices that are not registered have no name (None)."""
    sensor_type = registry.sensor_types[batch.sensor_type]
    known = {int(i): registry.by_id(int(i)) for i in np.unique(batch.device)}
    one = row_of(sensor_type, batch, {i: d.name for i, d in known.items() if d is not None})
    return [one(i) for i in range(len(batch))]
