"""Ingest's side of the SQL store: one flush is one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec
import numpy as np

from brain.errors import FencedError, StoreError
from brain.model import Piece
from brain.store._answers import answer_json, count_flush, decode_outcome, device_tallies, encode_outcome
from brain.store._binary import copy_data
from brain.store._dialect import SCHEMA, quoted, unique_key
from brain.store._registry import RegistryPart
from brain.store._sql import load_queries
from brain.store.base import Head, InboxItem, Written
from brain.store.pieces import decode_piece, encode_piece
from brain.store.rows import batch_from_sql, columns_of, microseconds, row_of, storage_keys

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from numpy.typing import NDArray

    from brain.model import Batch, SensorType
    from brain.store._door import Connection
    from brain.store.base import Flush

__all__ = ["WritePart"]

_Q: Final = load_queries("ingest")
_MINUTE: Final = 60_000_000
#: After a copy of a stored row, this many flushes of the sensor type are looked through before they are stored.
_WARY_FLUSHES: Final = 16


class _MetACopyError(Exception):
    """A COPY met a row that is stored already: the transaction is lost, look first and do it again."""


class WritePart(RegistryPart):
    """Methods of the store that ingest uses."""

    def __init__(self) -> None:
        super().__init__()
        self._minute = -1
        self._wary: dict[str, int] = {}

    async def claim_head(self) -> Head:
        """Become the log's writer."""
        async with self._door.connection() as c:
            found = await c.fetchrow(_Q["claim_head"].text)
        if found is None:
            raise StoreError("the data base has no head row; run the migrations on an empty data base")
        return Head(found["epoch"], found["position"], found["received_at"])

    async def write(self, flush: Flush) -> Written:
        """Store a flush in one transaction; see ``Store.write``."""
        batches = [b for b in flush.batches if len(b)]
        types = await self._types_for(batches)
        for b in batches:
            await self._dialect.make_room(self._door, types[b.sensor_type], b.time.astype("M8[us]").astype(np.int64))
        wary = {t for t, flushes in self._wary.items() if flushes > 0}
        try:
            return await self._write_once(flush, batches, types, wary)
        except _MetACopyError:
            pass
        try:
            return await self._write_once(flush, batches, types, set(types))
        except _MetACopyError as error:
            raise StoreError("rows of this flush came into the data base by another way; try again") from error

    async def _write_once(
        self, flush: Flush, batches: list[Batch], types: dict[str, SensorType], wary: set[str]
    ) -> Written:
        """One try; batches of ``wary`` sensor types are looked through for rows that are stored already.

        Nobody else stores rows while the head is ours, so what is not there when we look is not there when we COPY.
        """
        async with self._door.standing_transaction() as c:
            head = flush.epoch, flush.position, flush.received_at, flush.token, flush.ignored
            entry = await c.fetchval(_Q["advance_head"].text, *head)
            if entry is None:
                return await self._repeated(c, flush)
            fresh = {
                b.sensor_type: await self._store_batch(c, types[b.sensor_type], b, look=b.sensor_type in wary)
                for b in batches
            }
            written = _outcome(flush, fresh)
            await self._record(c, entry, flush, written)
            await self._tally(c, flush, batches, fresh)
            if flush.quarantined:
                await self._keep_refused(c, flush)
            if flush.timeless:
                await c.execute(_Q["put_timeless"].text, list(flush.timeless), flush.received_at)
            if flush.states:
                await self._keep_states(c, flush)
            if flush.answers:
                await self._answer(c, flush, types, fresh)
        self._minute = max(self._minute, flush.received_at // _MINUTE)
        return written

    async def _types_for(self, batches: list[Batch]) -> dict[str, SensorType]:
        types = await self._known_types(b.sensor_type for b in batches)
        for b in batches:
            t = types.get(b.sensor_type)
            if t is not None and not b.columns.keys() <= columns_of(t).keys():
                types = await self._known_types([""])  # a field was added by another process: read again
                t = types.get(b.sensor_type)
            if t is None or not b.columns.keys() <= columns_of(t).keys():
                raise StoreError(f"the data base does not know {b.sensor_type} with these fields; register it first")
        return types

    async def _repeated(self, c: Connection, flush: Flush) -> Written:
        """The answer got lost and the flush comes again: what it did then. Or the head is another's by now."""
        last = await c.fetchrow(_Q["last_flush"].text)
        if last is None or last["epoch"] != flush.epoch or last["outcome"] is None:
            raise FencedError("another process writes the log now; stop this one, or start it again to take over")
        return Written(decode_outcome(last["outcome"]), decode_piece(last["piece"]))

    async def _store_batch(
        self, c: Connection, sensor_type: SensorType, batch: Batch, *, look: bool
    ) -> NDArray[np.bool_]:
        """Store rows; bool[n], which of them are new."""
        # Sorted as the unique index is: its pages are touched one after the other, a quarter less work for it. Rows
        # that are equal there stay in the order they came, so that of copies the first one is kept.
        order = np.lexsort((batch.time, batch.device))
        rows = batch if (order[1:] > order[:-1]).all() else batch.take(order)
        if look:
            new = await self._look(c, sensor_type, rows)
            clean = bool(new.all())
            self._wary[sensor_type.id] = self._wary.get(sensor_type.id, 0) - 1 if clean else _WARY_FLUSHES
            if not clean:
                rows = rows.take(new)
        else:
            new = np.ones(len(batch), np.bool_)
        if len(rows):
            await self._copy(c, sensor_type, rows)
        fresh = np.empty(len(batch), np.bool_)
        fresh[order] = new
        return fresh

    async def _copy(self, c: Connection, sensor_type: SensorType, rows: Batch) -> None:
        names, data = copy_data(sensor_type, rows)

        async def whole() -> AsyncIterator[bytes]:
            yield data

        try:
            await c.copy_to_table(sensor_type.table, schema_name=SCHEMA, source=whole(), columns=names, format="binary")
        except asyncpg.UniqueViolationError as error:
            self._wary[sensor_type.id] = _WARY_FLUSHES
            raise _MetACopyError from error

    async def _look(self, c: Connection, sensor_type: SensorType, rows: Batch) -> NDArray[np.bool_]:
        """Which rows are neither stored nor come earlier in the batch; bool[n]."""
        times, devices, keys = microseconds(rows.time), rows.device.tolist(), storage_keys(sensor_type, rows)
        first: dict[tuple[int, int, str | None], int] = {}
        for i, key in enumerate(zip(devices, times, keys, strict=True)):
            first.setdefault(key, i)
        new = np.zeros(len(rows), np.bool_)
        new[list(first.values())] = True
        sql = _Q["stored_already"].text.format(table=quoted(sensor_type), key=unique_key(sensor_type)[2])
        await c.execute(_Q["look_at_one_chunk"].text)
        days = rows.time.astype("M8[D]")
        for day in np.unique(days):
            at = np.flatnonzero(days == day).tolist()
            asked = [times[i] for i in at]
            found = await c.fetch(sql, asked, [devices[i] for i in at], [keys[i] for i in at], min(asked), max(asked))
            new[[at[r["n"] - 1] for r in found]] = False
        return new

    async def _record(self, c: Connection, entry: int, flush: Flush, written: Written) -> None:
        counts = written.counts
        await c.execute(
            _Q["record_flush"].text,
            entry,
            flush.received_at,
            flush.token,
            written.piece.rows,
            encode_outcome(counts),
            encode_piece(written.piece),
            list(counts),
            [n.received for n in counts.values()],
            [n.stored for n in counts.values()],
            [n.duplicate for n in counts.values()],
            [n.quarantined for n in counts.values()],
        )
        if flush.received_at // _MINUTE > self._minute:
            before = min((int(b.position[0]) - 1 for b in flush.batches if len(b)), default=flush.position)
            await c.execute(_Q["put_clock"].text, flush.received_at, before)

    async def _tally(
        self, c: Connection, flush: Flush, batches: list[Batch], fresh: dict[str, NDArray[np.bool_]]
    ) -> None:
        copies = [int(d) for b in batches for d in b.device[~fresh[b.sensor_type]]]
        if copies:
            await c.execute(_Q["tally_rows"].text, copies)
        if tallies := device_tallies(flush):
            await c.execute(
                _Q["tally_devices"].text,
                [t for t, _ in tallies],
                [d for _, d in tallies],
                [n for n, _ in tallies.values()],
                [n for _, n in tallies.values()],
            )

    async def _keep_refused(self, c: Connection, flush: Flush) -> None:
        new = [q for q in flush.quarantined if q.retry_of is None]
        if new:
            rows = [
                (q.received_at, q.topic, q.sensor_type, q.device, q.reason, q.detail, q.payload, q.size, q.place)
                for q in new
            ]
            await c.execute(_Q["put_quarantine"].text, *map(list, zip(*rows, strict=True)))

    async def _keep_states(self, c: Connection, flush: Flush) -> None:
        kept = [(t, k, v) for (t, k), v in flush.states.items() if v is not None]
        if kept:
            await c.execute(_Q["put_states"].text, *map(list, zip(*kept, strict=True)), flush.received_at)
        gone = [key for key, v in flush.states.items() if v is None]
        if gone:
            await c.execute(_Q["forget_states"].text, [t for t, _ in gone], [k for _, k in gone])

    async def load_states(self) -> list[tuple[str, str, bytes]]:
        """What profiles remember, longest unchanged first."""
        return [(r["sensor_type"], r["key"], r["value"]) for r in await self._door.fetch(_Q["load_states"].text)]

    async def _answer(
        self, c: Connection, flush: Flush, types: dict[str, SensorType], fresh: dict[str, NDArray[np.bool_]]
    ) -> None:
        wanted = {p for a in flush.answers.values() for p in a.positions}
        rows: dict[int, tuple[dict[str, Any], bool]] = {}
        for b in flush.batches:
            mask = np.isin(b.position, np.array(sorted(wanted), np.int64))
            if mask.any():
                t = types[b.sensor_type]
                rows.update(await self._rows_told(c, t, b.take(mask), fresh[b.sensor_type][mask]))
        for inbox_id, answer in flush.answers.items():
            text = msgspec.json.encode(answer_json(answer, rows.__getitem__)).decode()
            retry_of = await c.fetchval(_Q["put_answer"].text, inbox_id, text, flush.received_at)
            if retry_of is not None:
                reason, detail = answer.refused[0] if answer.refused else (None, None)
                await c.execute(_Q["note_retry"].text, retry_of, reason, detail, flush.received_at)

    async def _rows_told(
        self, c: Connection, sensor_type: SensorType, batch: Batch, fresh: NDArray[np.bool_]
    ) -> dict[int, tuple[dict[str, Any], bool]]:
        """Position -> (ROW, new?) for rows of an answer; where the row is a copy, the stored one is told."""
        names = {
            r["device_id"]: r["name"]
            for r in await c.fetch(load_queries("registry")["device_names"].text, np.unique(batch.device).tolist())
        }
        one = row_of(sensor_type, batch, names)
        out = {int(batch.position[i]): (one(i), True) for i in np.flatnonzero(fresh).tolist()}
        copies = batch.take(~fresh)
        if len(copies):
            columns = list(columns_of(sensor_type))
            sql = _Q["stored_twins"].text.format(
                table=quoted(sensor_type),
                columns="".join(f', t."{n}"' for n in columns),
                key=unique_key(sensor_type)[2],
            )
            keys = storage_keys(sensor_type, copies)
            found = await c.fetch(sql, microseconds(copies.time), copies.device.tolist(), keys)
            twin = row_of(sensor_type, batch_from_sql(sensor_type, [tuple(r) for r in found], columns), names)
            out.update({int(p): (twin(i), False) for i, p in enumerate(copies.position)})
        return out

    async def timeless_since(self, received_at: int) -> set[bytes]:
        """Hashes of messages without time received since."""
        return {r["hash"] for r in await self._door.fetch(_Q["timeless_since"].text, received_at)}

    async def inbox_put(self, topic: str, payload: bytes, retry_of: int | None = None) -> int:
        """Hand in a message over HTTP; notifies channel ``inbox``."""
        inbox_id: int = await self._door.value(_Q["inbox_put"].text, topic, payload, retry_of)
        return inbox_id

    async def inbox_take(self, limit: int) -> list[InboxItem]:
        """Unanswered messages, oldest first."""
        return [InboxItem(*r.values()) for r in await self._door.fetch(_Q["inbox_take"].text, limit)]

    async def inbox_answer(self, inbox_id: int) -> dict[str, Any] | None:
        """The answer once it is committed, else None."""
        text = await self._door.value(_Q["inbox_answer"].text, inbox_id)
        return None if text is None else msgspec.json.decode(text)


def _outcome(flush: Flush, fresh: dict[str, NDArray[np.bool_]]) -> Written:
    kept = {
        b.sensor_type: b if m.all() else b.take(m) for b in flush.batches if (m := fresh.get(b.sensor_type)) is not None
    }
    return Written(count_flush(flush, fresh), Piece({t: b for t, b in kept.items() if len(b)}))
