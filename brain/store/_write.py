"""Ingest's side of the SQL store: one flush is one transaction."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import asyncpg
import msgspec
import numpy as np

from brain.errors import FencedError, StoreError
from brain.model import Piece
from brain.store._answers import answer_json, count_flush, decode_outcome, device_tallies, encode_outcome
from brain.store._binary import copies_of
from brain.store._dialect import quoted, unique_key
from brain.store._exchange import Step, int4s, int8, int8s, moment, moments, octet_strings, text, texts
from brain.store._registry import RegistryPart
from brain.store._sql import load_queries
from brain.store.base import Head, InboxItem, Written
from brain.store.pieces import decode_piece, encode_piece
from brain.store.rows import batch_from_sql, columns_of, microseconds, row_of, storage_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from brain.model import Batch, SensorType
    from brain.store._dialect import Room
    from brain.store._door import Connection
    from brain.store._exchange import Line
    from brain.store.base import Flush

__all__ = ["WritePart"]

_Q: Final = load_queries("ingest")
_MINUTE: Final = 60_000_000
#: After a copy of a stored row, this many flushes of the sensor type are looked through before they are stored.
_WARY_FLUSHES: Final = 16
_BEGIN: Final = Step("BEGIN", keep=True)
_COMMIT: Final = Step("COMMIT", keep=True)
_NO_COPIES: Final[dict[str, Step]] = {}


class _MetACopyError(Exception):
    """A COPY met a row that is stored already: the transaction is lost, look first and do it again."""


class _HeadIsNotOursError(Exception):
    """The head is another's, or this flush was written already."""


class _RoomIsGoneError(Exception):
    """A part of a table that rows were sent to was dropped, or is no place for rows any more."""


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
        stretches = [(types[b.sensor_type], b.time.astype("M8[us]", copy=False).view(np.int64)) for b in batches]
        wary = {t for t, flushes in self._wary.items() if flushes > 0}
        trouble: Exception | None = None
        for _ in range(3):
            room = await self._dialect.make_room(self._door, stretches)
            try:
                return await self._write_once(flush, batches, types, wary, room)
            except _HeadIsNotOursError:
                return await self._repeated(flush)
            except _MetACopyError as error:
                wary, trouble = set(types), error.with_traceback(None)  # or it keeps this frame, and that the flush
            except _RoomIsGoneError as error:
                self._dialect.forget()
                trouble = error.with_traceback(None)
        raise StoreError("rows of this flush came into the data base by another way; try again") from trouble

    async def _write_once(
        self, flush: Flush, batches: list[Batch], types: dict[str, SensorType], wary: set[str], room: Room
    ) -> Written:
        """One try; batches of ``wary`` sensor types are looked through for rows that are stored already.

        Nobody else stores rows while the head is ours, so what is not there when we look is not there when we COPY.
        Where nothing has to be asked, the whole flush is one exchange with the server.
        """
        rows = {b.sensor_type: b for b in batches}
        fresh = {b.sensor_type: np.ones(len(b), np.bool_) for b in batches}
        async with self._door.standing() as line:
            first = [_advance_head(flush)]
            if flush.answers or not wary.isdisjoint(rows):
                await self._send(line, [_BEGIN, *first])
                first = []
            for name in [n for n in rows if n in wary]:
                fresh[name] = await self._look_through(line.connection, types[name], rows[name])
                rows[name] = rows[name].take(fresh[name])
            kept = {name: b for name, b in rows.items() if len(b)}
            written = Written(count_flush(flush, fresh), Piece(kept))
            copies = _copies([(types[name], b) for name, b in kept.items()], room.tables)
            checks = [] if room.check is None else [room.check]
            await self._send(line, first, copies, [*checks, *self._accounts(flush, batches, fresh, written)])
            if line.in_block:
                if flush.answers:
                    await self._answer(line.connection, flush, types, fresh)
                await self._send(line, [_COMMIT])
        self._minute = max(self._minute, flush.received_at // _MINUTE)
        return written

    async def _send(
        self, line: Line, first: list[Step], copies: Mapping[str, Step] = _NO_COPIES, rest: Sequence[Step] = ()
    ) -> None:
        try:
            await line.exchange([*first, *copies.values(), *rest])
        except asyncpg.DivisionByZeroError as error:  # only advance_head and the check of the room divide
            raise (_HeadIsNotOursError if line.done < len(first) else _RoomIsGoneError) from error
        except asyncpg.UndefinedTableError as error:
            if not len(first) <= line.done < len(first) + len(copies):
                raise
            raise _RoomIsGoneError from error
        except asyncpg.UniqueViolationError as error:
            met = line.done - len(first)
            if not 0 <= met < len(copies):
                raise
            self._wary[list(copies)[met]] = _WARY_FLUSHES
            raise _MetACopyError from error

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

    async def _repeated(self, flush: Flush) -> Written:
        """The answer got lost and the flush comes again: what it did then. Or the head is another's by now."""
        async with self._door.connection() as c:
            last = await c.fetchrow(_Q["last_flush"].text)
        if last is None or (last["epoch"], last["token"]) != (flush.epoch, flush.token) or last["outcome"] is None:
            raise FencedError("another process writes the log now; stop this one, or start it again to take over")
        return Written(decode_outcome(last["outcome"]), decode_piece(last["piece"]))

    async def _look_through(self, c: Connection, sensor_type: SensorType, rows: Batch) -> NDArray[np.bool_]:
        """Which rows are new; a sensor type whose flushes have held no copies for a while is not looked through."""
        new = await self._look(c, sensor_type, rows)
        self._wary[sensor_type.id] = self._wary.get(sensor_type.id, 0) - 1 if new.all() else _WARY_FLUSHES
        return new

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
        order = np.lexsort((rows.time, rows.device))  # as the index is: its pages are read one after the other
        for day in np.unique(days):
            at = order[days[order] == day].tolist()
            asked = [times[i] for i in at]
            found = await c.fetch(sql, asked, [devices[i] for i in at], [keys[i] for i in at], min(asked), max(asked))
            new[[at[r["n"] - 1] for r in found]] = False
        return new

    def _accounts(
        self, flush: Flush, batches: list[Batch], fresh: dict[str, NDArray[np.bool_]], written: Written
    ) -> list[Step]:
        """What is kept of a flush besides its rows."""
        counts = written.counts
        out = [
            Step(
                _Q["record_flush"].text,
                [
                    *(moment(flush.received_at), int8(flush.token), int8(written.piece.rows)),
                    *(text(encode_outcome(counts)), encode_piece(written.piece)),
                    *(texts(list(counts)), int8s([n.received for n in counts.values()])),
                    *(int8s([n.stored for n in counts.values()]), int8s([n.duplicate for n in counts.values()])),
                    int8s([n.quarantined for n in counts.values()]),
                ],
                keep=True,
            )
        ]
        if flush.received_at // _MINUTE > self._minute:
            before = min((int(b.position[0]) - 1 for b in batches), default=flush.position)
            out.append(Step(_Q["put_clock"].text, [moment(flush.received_at), int8(before)]))
        if copies := [int(d) for b in batches if not (f := fresh[b.sensor_type]).all() for d in b.device[~f]]:
            out.append(Step(_Q["tally_rows"].text, [int4s(copies)]))
        if tallies := device_tallies(flush):
            told = [texts([t for t, _ in tallies]), texts([d for _, d in tallies])]
            told += [int8s([n for n, _ in tallies.values()]), int8s([n for _, n in tallies.values()])]
            out.append(Step(_Q["tally_devices"].text, told))
        if new := [q for q in flush.quarantined if q.retry_of is None]:
            kept = [moments([q.received_at for q in new]), texts([q.topic for q in new])]
            kept += [texts([q.sensor_type for q in new]), texts([q.device for q in new])]
            kept += [texts([q.reason for q in new]), texts([q.detail for q in new])]
            kept += [octet_strings([q.payload for q in new]), int4s([q.size for q in new])]
            kept += [int4s([q.place for q in new]), int4s([q.version or 0 for q in new])]
            out.append(Step(_Q["put_quarantine"].text, kept))
        if flush.timeless:
            out.append(Step(_Q["put_timeless"].text, [octet_strings(flush.timeless), moment(flush.received_at)]))
        if held := [(t, k, v) for (t, k), v in flush.states.items() if v is not None]:
            names = [texts([t for t, _, _ in held]), texts([k for _, k, _ in held])]
            told = [*names, octet_strings([v for *_, v in held]), moment(flush.received_at)]
            out.append(Step(_Q["put_states"].text, told))
        if gone := [key for key, v in flush.states.items() if v is None]:
            out.append(Step(_Q["forget_states"].text, [texts([t for t, _ in gone]), texts([k for _, k in gone])]))
        return out

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
                reasons, details = [r for r, _ in answer.refused], [d for _, d in answer.refused]
                await c.execute(_Q["note_retry"].text, retry_of, reasons, details, flush.received_at)

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
                columns="".join(f', t."{c.stored}"' for c in columns_of(sensor_type).values()),
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


def _advance_head(flush: Flush) -> Step:
    numbers = int8(flush.epoch), int8(flush.position), moment(flush.received_at), int8(flush.token), int8(flush.ignored)
    return Step(_Q["advance_head"].text, numbers, keep=True)


def _copies(batches: list[tuple[SensorType, Batch]], tables: Mapping[str, str]) -> dict[str, Step]:
    """A COPY for each batch, by sensor type; into a part of its table where ``tables`` names one."""
    made = zip(batches, copies_of(batches), strict=True)
    return {t.id: Step(_copy_sql(tables.get(t.id) or quoted(t), copy.names), data=copy.data) for (t, _), copy in made}


@lru_cache(maxsize=16_384)
def _copy_sql(table: str, names: tuple[str, ...]) -> str:
    columns = ", ".join(f'"{n}"' for n in names)
    return f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)"
