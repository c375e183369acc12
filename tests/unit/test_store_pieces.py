"""The log's own format, and rows in their dresses."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from brain.errors import StoreError
from brain.model import Batch, Field, FieldKind, Modality, Piece, SensorType, Text
from brain.store import _binary
from brain.store._binary import CopyData, copies_of
from brain.store._cells import FEW
from brain.store.pieces import decode_piece, encode_piece
from brain.store.rows import EPOCH_2000, batch_from_sql, columns_of, iso_many, storage_keys
from brain.times import EARLIEST, LATEST, iso

TYPE = SensorType(
    id="a-b",
    family=Modality.METER,
    name=Text("", ""),
    fields=(Field(name="x"), Field(name="on", kind=FieldKind.BOOLEAN), Field(name="word", kind=FieldKind.TEXT)),
)
KEYED = SensorType(id="k", family=Modality.VIDEO, name=Text("", ""), fields=TYPE.fields, key=("word", "x", "on"))

times = st.integers(-(2**50), 2**51)
numbers = st.floats(allow_nan=True, allow_infinity=True, width=64)
texts = st.none() | st.text(max_size=8)
rows = st.lists(
    st.tuples(st.integers(0, 2**31 - 1), times, times, numbers, st.sampled_from([0.0, 1.0, np.nan]), texts, texts),
    max_size=12,
)


def batch_of(cells: list[tuple[int, int, int, float, float, str | None, str | None]], first: int, gap: int) -> Batch:
    n = len(cells)
    columns = list(zip(*cells, strict=True)) or [()] * 7

    def objects(values: tuple[object, ...]) -> np.ndarray:
        out = np.full(n, None, object)
        out[:] = list(values)
        return out

    return Batch(
        "a-b",
        np.array(columns[0], np.int32),
        np.array(columns[1], np.int64).view("M8[us]"),
        np.array(columns[2], np.int64).view("M8[us]"),
        first + np.arange(n, dtype=np.int64) * gap,
        {
            "lon": np.full(n, np.nan),
            "x": np.array(columns[3], np.float64),
            "on": np.array(columns[4], np.float64),
            "word": objects(columns[5]),
            "id": objects(columns[6]),
        },
    )


def assert_same(a: Batch, b: Batch) -> None:
    assert a.sensor_type == b.sensor_type
    for name in ("device", "time", "received_at", "position"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert getattr(a, name).dtype == getattr(b, name).dtype
    assert a.columns.keys() == b.columns.keys()
    for name in a.columns:
        assert a.columns[name].dtype == b.columns[name].dtype
        np.testing.assert_array_equal(a.columns[name], b.columns[name])


@given(rows, st.integers(1, 2**60), st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_a_piece_survives_the_log(
    cells: list[tuple[int, int, int, float, float, str | None, str | None]], first: int, gap: int
) -> None:
    batch = batch_of(cells, first, gap)
    back = decode_piece(encode_piece(Piece({"a-b": batch})))
    if not cells:
        assert back.rows == 0
    else:
        assert_same(back.batches["a-b"], batch)


def test_what_is_alike_in_a_piece_takes_no_room() -> None:
    n = 1000
    cells = [(1, i, 7, np.nan, np.nan, None, None) for i in range(n)]
    assert len(encode_piece(Piece({"a-b": batch_of(cells, 1, 1)}))) < 12 * n + 200


def read_copy(data: bytes) -> list[list[bytes | None]]:
    """Cells of a binary COPY, by the letter of PostgreSQL's documentation."""
    assert data[:19] == b"PGCOPY\n\xff\r\n\0" + bytes(8)
    at, out = 19, []
    while (count := struct.unpack_from(">h", data, at)[0]) != -1:
        at += 2
        row: list[bytes | None] = []
        for _ in range(count):
            (size,) = struct.unpack_from(">i", data, at)
            at += 4 + max(size, 0)
            row.append(None if size < 0 else data[at - size : at])
        out.append(row)
    assert at + 2 == len(data)
    return out


def cell(name: str, raw: bytes | None) -> Any:
    if raw is None:
        return None
    if name in ("time", "received_at"):
        return struct.unpack(">q", raw)[0] + EPOCH_2000
    if name == "on":
        return {b"\0": False, b"\1": True}[raw]
    forms = {"device_id": ">i", "position": ">q", "x": ">d", "lon": ">d"}
    return struct.unpack(forms[name], raw)[0] if name in forms else raw.decode()


def rows_told(copy: CopyData) -> list[dict[str, Any]]:
    """Rows as the server reads them, NULLs left out."""
    out = [dict(zip(copy.names, map(cell, copy.names, row), strict=True)) for row in read_copy(copy.data)]
    return [{k: v for k, v in row.items() if v is not None} for row in out]


def in_order(batch: Batch) -> Batch:
    """As the unique index is sorted."""
    return batch.take(np.lexsort((batch.time, batch.device)))


@given(rows.filter(bool), st.booleans(), st.sampled_from([0, FEW]))
@settings(max_examples=300, deadline=None)
def test_a_batch_survives_sql(
    cells: list[tuple[int, int, int, float, float, str | None, str | None]], alike: bool, few: int
) -> None:
    batch = batch_of([(*c[:3], 1.5, 1.0, "一", "x") for c in cells] if alike else cells, 1, 1)
    with mock.patch.object(_binary, "FEW", few):  # both ways to lay out rows
        (copy,) = copies_of([(TYPE, batch)])
    assert not any(isinstance(v, float) and np.isnan(v) for row in rows_told(copy) for v in row.values()), "NaN is NULL"
    fixed = ("time", "device_id", "received_at", "position")
    others = [n for n in columns_of(TYPE) if n in batch.columns]
    back = batch_from_sql(TYPE, [tuple(row.get(n) for n in (*fixed, *others)) for row in rows_told(copy)], others)
    assert_same(back, in_order(batch))


@given(st.lists(st.tuples(rows.filter(bool), st.sampled_from(["one", "two", "keyed", "other"])), min_size=1))
@settings(max_examples=100, deadline=None)
def test_batches_laid_out_together_are_those_laid_out_alone(
    parts: list[tuple[list[tuple[int, int, int, float, float, str | None, str | None]], str]],
) -> None:
    other = replace(TYPE, id="other", fields=(*TYPE.fields, Field(name="more")))
    types = {"one": TYPE, "two": replace(TYPE, id="two"), "keyed": KEYED, "other": other}
    batches = [(types[name], batch_of(cells, 1, 1)) for cells, name in parts]
    together = copies_of(batches)
    alone = [copies_of([one])[0] for one in batches]
    assert [rows_told(c) for c in together] == [rows_told(c) for c in alone]


def test_keys_go_to_sql_as_they_are_compared() -> None:
    batch = batch_of([(1, 5, 7, 1.0, 1.0, "w", None), (1, 5, 7, 1.0, 0.0, None, "own")], 1, 1)
    (copy,) = copies_of([(KEYED, batch)])
    at = copy.names.index("row_key")
    assert [(row[at] or b"").decode() for row in read_copy(copy.data)] == storage_keys(KEYED, batch)


@given(rows, rows)
@settings(max_examples=80, deadline=None)
def test_keys_are_equal_only_where_id_or_key_fields_are(
    one: list[tuple[int, int, int, float, float, str | None, str | None]],
    two: list[tuple[int, int, int, float, float, str | None, str | None]],
) -> None:
    cells = one + two
    keys = storage_keys(KEYED, batch_of(cells, 1, 1))

    def said(cell: tuple[int, int, int, float, float, str | None, str | None]) -> tuple[object, ...]:
        x = None if np.isnan(cell[3]) else cell[3]
        on = None if np.isnan(cell[4]) else cell[4]
        return ("id", cell[6]) if cell[6] is not None else ("key", cell[5], x, on)

    for i, a in enumerate(cells):
        for j, b in enumerate(cells):
            if said(a) == said(b):
                assert keys[i] == keys[j] or (a[3] == b[3] == 0.0), "0.0 and -0.0 may differ"
            elif not (np.isinf(a[3]) or np.isinf(b[3])):
                assert keys[i] != keys[j]


@given(st.lists(st.integers(EARLIEST, LATEST) | st.integers(-10_000, 10_000).map(lambda ms: ms * 1000), max_size=9))
@settings(max_examples=200, deadline=None)
def test_many_times_are_written_as_one_is(given_times: list[int]) -> None:
    assert iso_many(given_times) == [iso(t) for t in given_times]


@given(rows.filter(bool), st.data())
@settings(max_examples=200, deadline=None)
def test_a_damaged_piece_is_refused_or_has_columns_of_one_length(
    cells: list[tuple[int, int, int, float, float, str | None, str | None]], data: st.DataObject
) -> None:
    whole = bytearray(encode_piece(Piece({"a-b": batch_of(cells, 1, 2)})))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        piece = decode_piece(bytes(whole[: data.draw(st.integers(1, len(whole)))]))
    except StoreError:
        return
    for batch in piece.batches.values():
        n = len(batch)
        assert {len(v) for v in (batch.time, batch.received_at, batch.position, *batch.columns.values())} == {n}
