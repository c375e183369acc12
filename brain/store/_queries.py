"""The readers' side of the SQL store: observations, history, quarantine, ledger, statistics, and cleaning up."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from brain.errors import NotFoundError
from brain.model import Piece
from brain.store._cursor import decode_cursor, encode_cursor
from brain.store._dialect import quoted
from brain.store._filters import Filter, is_storable
from brain.store._paging import Walk
from brain.store._scenes import ScenesPart
from brain.store._sql import load_queries
from brain.store.base import Activity, Counts, InboxItem, Page, rows_stored
from brain.store.rows import batch_from_packed, columns_of, iso_many, packed_columns, row_maker
from brain.times import iso

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from brain.model import Device, SensorType
    from brain.store._door import Connection
    from brain.store.base import ObservationQuery, QuarantineQuery

__all__ = ["KEEP", "MOST_QUARANTINE", "MOST_RETRIES", "MOST_ROWS", "QueriesPart", "quarantine_item"]

_Q: Final = load_queries("web")
#: Rows and quarantine records a page may hold.
MOST_ROWS: Final = 10_000
MOST_QUARANTINE: Final = 1_000
#: (time, position, ROW).
Item = tuple[int, int, dict[str, Any]]
_MINUTE: Final = 60_000_000
#: How long before its first rows a table gets its room; a housekeeper comes every hour.
ROOM_AHEAD: Final = 12 * 60 * _MINUTE
#: What housekeeping leaves alone, by age in microseconds.
KEEP: Final = {
    "log": 24 * 60 * _MINUTE,
    "timeless": 10 * _MINUTE,
    "inbox": 60 * _MINUTE,
    "outbox": 7 * 24 * 60 * _MINUTE,
    "quarantine": 90 * 24 * 60 * _MINUTE,
    "states": 90 * 24 * 60 * _MINUTE,
}
MOST_RETRIES: Final = 10_000


def quarantine_item(record: Any) -> dict[str, Any]:
    """A quarantine record as the public surface shows it; ``mended_at`` once a new try of it was stored."""
    return {
        "id": str(record["quarantine_id"]),
        "received_at": iso(record["received_at"]),
        "topic": record["topic"],
        "sensor_type": record["sensor_type"],
        "device": record["device"],
        "reason": record["reason"],
        "detail": record["detail"],
        "payload_base64": base64.b64encode(record["payload"]).decode(),
        "size": record["size"],
        "retries": record["retries"],
        "version": record["version"],
        "mended_at": None if record["mended_at"] is None else iso(record["mended_at"]),
    }


class QueriesPart(ScenesPart):
    """Methods of the store for those who look."""

    async def observations(self, query: ObservationQuery) -> Page:
        """ROWs, oldest first; with ``latest`` the newest of each device, by sensor type and device."""
        types = await self._types_asked(query.sensor_types)
        if not is_storable(query.device):
            return Page([], None)
        if query.latest:
            return await self._latest(query, types)
        limit = _limit(query.limit, MOST_ROWS)
        after = None if query.cursor is None else (*decode_cursor(query.cursor, int, int),)
        if query.device is None:
            items = await self._by_windows(query, types, limit + 1, after)
        else:
            items = await self._of_device(query, query.device, types, limit + 1, after)
        items.sort(key=lambda i: i[:2])
        page = items[:limit]
        return Page([r for _, _, r in page], encode_cursor(*page[-1][:2]) if len(items) > limit else None)

    async def _by_windows(
        self, query: ObservationQuery, types: Sequence[SensorType], n: int, after: tuple[int, ...] | None
    ) -> list[Item]:
        """The next n rows of all devices, and perhaps a few more; see ``brain.store._paging``."""
        starts = [s for s in (query.start, after[0] if after else None) if s is not None]
        async with self._door.transaction() as c:
            await c.execute(_Q["plan_by_windows"].text)
            walk = Walk(await self._dialect.spans(c, types), max(starts, default=None), query.end, n)
            found = 0
            up_to: tuple[int, int] | None = None
            while found < n and (window := walk.window) is not None:
                f = _row_filter(query, 0, after, None, arguments=[n - found, window.most, window.low, window.high])
                keys = (_Q["window_keys"].text.format(table=quoted(t), conditions=f.text) for t in types)
                end = await c.fetchrow(_Q["end_in_window"].text.format(keys=" UNION ALL ".join(keys)), *f.arguments)
                if end is not None and window.most is not None and end["rows"] >= window.most:
                    walk.crowded(end["time"] + 1)
                    continue
                rows = 0 if end is None else end["rows"]
                walk.passed(rows)
                found += rows
                if end is not None:
                    up_to = end["time"], end["position"]
            if up_to is None:
                return []
            f = _row_filter(query, n, after, up_to)
            return [i for t in types for i in await self._rows(c, t, "observations", f)]

    async def _of_device(
        self, query: ObservationQuery, device: str, types: Sequence[SensorType], n: int, after: tuple[int, ...] | None
    ) -> list[Item]:
        """The next n rows of devices of this name, and perhaps a few more: in the order of the unique index."""
        async with self._door.connection() as c:
            found = await c.fetch(_Q["find_named"].text, device, [t.id for t in types])
            ids = {r["sensor_type"]: r["device_id"] for r in found}
            types = [t for t in types if t.id in ids]
            up_to = await self._end_of_page(c, query, types, ids, n, after) if len(types) > 1 else None
            items: list[Item] = []
            for t in types:
                f = _row_filter(query, n, after, up_to)
                f.add("device_id = {}", ids[t.id])
                items += await self._rows(c, t, "observations", f)
        return items

    async def _types_asked(self, wanted: Sequence[str]) -> list[SensorType]:
        """Sensor types of these ids (``-`` and ``_`` count as the same), all where none is asked for."""
        if not wanted:
            await self._known_types([""])  # another process may have registered one
            return [self._types[t] for t in sorted(self._types) if self._types[t].into is None]
        known = await self._known_types(wanted)
        folded = {t.table: known.get(t.into or t.id) for t in known.values()}  # who stores as another has no table
        found = {t.id: t for w in wanted if (t := folded.get(w.replace("-", "_"))) is not None}
        return [found[t] for t in sorted(found)]

    async def _end_of_page(
        self,
        connection: Connection,
        query: ObservationQuery,
        types: Sequence[SensorType],
        ids: dict[str, int],
        n: int,
        after: tuple[int, ...] | None,
    ) -> tuple[int, int] | None:
        """The (time, position) of row n of several sensor types together, so that no more is read than is shown."""
        f = _row_filter(query, n, after, None)
        parts = []
        for t in types:
            f.arguments.append(ids[t.id])
            conditions = f"{f.text} AND device_id = ${len(f.arguments)}"
            parts.append(_Q["observation_keys"].text.format(table=quoted(t), conditions=conditions))
        sql = _Q["end_of_page"].text.format(keys=" UNION ALL ".join(parts))
        found = await connection.fetchrow(sql, *f.arguments)
        return None if found is None else (found["time"], found["position"])

    async def _rows(
        self, connection: Connection, sensor_type: SensorType, name: str, f: Filter, **clauses: str
    ) -> list[Item]:
        """(time, position, ROW) of a query of one sensor type."""
        columns = list(columns_of(sensor_type))
        selected = "".join(f', t."{c.stored}"' for c in columns_of(sensor_type).values())
        sql = _Q[name].text.format(table=quoted(sensor_type), columns=selected, conditions=f.text, **clauses)
        make = row_maker(sensor_type, columns)
        found = [tuple(r) for r in await connection.fetch(sql, *f.arguments)]
        times, received = iso_many([r[0] for r in found]), iso_many([r[2] for r in found])
        return [
            (r[0], r[3], make(r[1], time, received_at, r[4:]))
            for r, time, received_at in zip(found, times, received, strict=True)
        ]

    async def _latest(self, query: ObservationQuery, types: Sequence[SensorType]) -> Page:
        limit = _limit(query.limit, MOST_ROWS)
        after_type, after_device = ("", "") if query.cursor is None else decode_cursor(query.cursor, str, str)
        items: list[dict[str, Any]] = []
        for t in types:
            if t.id < after_type:
                continue
            if len(items) > limit:
                break
            f = Filter(limit + 1 - len(items))
            f.add("sensor_type = {}", t.id)
            f.add_where_given("name = {}", query.device)
            if t.id == after_type:
                f.add("name > {}", after_device)
            devices = f.text
            conditions = _row_filter(query, 0, None, None, alias="t.", arguments=f.arguments)
            async with self._door.connection() as c:
                items += [r for _, _, r in await self._rows(c, t, "latest", conditions, devices=devices)]
        page = items[:limit]
        cursor = encode_cursor(page[-1]["sensor_type"], page[-1]["device"]) if len(items) > limit else None
        return Page(page, cursor)

    async def history(self, start: int, end: int, limit: int = 20_000) -> AsyncIterator[Piece]:
        """Stored rows received in [start, end) as pieces of at most ``limit`` rows, in order of position."""
        types = await self._types_asked(())
        async with self._door.connection() as c:
            bounds = await c.fetchrow(_Q["positions_between"].text, start, end)
        if bounds is None:
            return
        for low in range(bounds["after"], bounds["up_to"], limit):
            piece = await self._between(types, low, min(low + limit, bounds["up_to"]), start, end)
            if piece.rows:
                yield piece

    async def _between(self, types: Sequence[SensorType], low: int, high: int, start: int, end: int) -> Piece:
        batches = {}
        async with self._door.connection() as c:
            for t in types:
                columns = "".join(f', "{c.stored}"' for c in columns_of(t).values())
                sql = _Q["history"].text.format(table=quoted(t), columns=columns, packed=packed_columns(t))
                found = await c.fetchrow(sql, low, high, start, end)
                if found is not None and found["n"]:
                    batches[t.id] = batch_from_packed(t, dict(found.items()))
        return Piece(batches)

    async def quarantine(self, query: QuarantineQuery) -> Page:
        """Quarantine records, newest first."""
        if not is_storable(query.reason, query.topic, query.sensor_type):
            return Page([], None)
        limit = _limit(query.limit, MOST_QUARANTINE)
        f = _quarantine_filter(query, limit + 1)
        if query.cursor is not None:
            f.add("quarantine_id < {}", *decode_cursor(query.cursor, int))
        found = await self._door.fetch(_Q["quarantine"].text.format(conditions=f.text), *f.arguments)
        page = found[:limit]
        cursor = encode_cursor(page[-1]["quarantine_id"]) if len(found) > limit else None
        return Page([quarantine_item(r) for r in page], cursor)

    async def quarantine_summary(self) -> list[dict[str, Any]]:
        """What still waits, most first."""
        return [dict(r.items()) for r in await self._door.fetch(_Q["quarantine_summary"].text)]

    async def quarantine_retry(self, query: QuarantineQuery) -> int:
        """Hand in again what waits and passes the filters, oldest first."""
        if not is_storable(query.reason, query.topic, query.sensor_type):
            return 0
        f = _quarantine_filter(query, _limit(query.limit, MOST_RETRIES))
        queued: int = await self._door.value(_Q["quarantine_retry"].text.format(conditions=f.text), *f.arguments)
        return queued

    async def quarantine_payload(self, quarantine_id: int) -> InboxItem | None:
        """One record's topic and bytes, for a new try; None also where only its beginning was kept."""
        async with self._door.connection() as c:
            found = await c.fetchrow(_Q["quarantine_payload"].text, quarantine_id)
        return None if found is None else InboxItem(0, found["topic"], found["payload"], quarantine_id)

    async def ledger(self) -> tuple[dict[str, Counts], int]:
        """Counts per ledger key, and since when."""
        rows = await self._door.fetch(load_queries("ingest")["ledger"].text)
        counts = {
            r["key"]: Counts(r["received"], r["stored"], r["duplicate"], r["quarantined"])
            for r in rows
            if r["key"] is not None
        }
        return counts, rows[0]["since"]

    async def activity(self, since: int) -> dict[str, Activity]:
        """Per ledger key, rows stored since a time of receipt."""
        rows = await self._door.fetch(_Q["activity"].text, since)
        return {r["key"]: Activity(r["rows"], r["stored_at"]) for r in rows}

    async def device_activity(self, devices: Sequence[Device], since: int) -> dict[int, Activity]:
        """Per device id, rows since a time."""
        by_type: dict[str, list[int]] = {}
        for d in devices:
            by_type.setdefault(d.sensor_type, []).append(d.device_id)
        types = await self._known_types(by_type)
        out: dict[int, Activity] = {}
        async with self._door.connection() as c:
            for name, ids in by_type.items():
                if name in types:
                    sql = _Q["device_activity"].text.format(table=quoted(types[name]))
                    found = await c.fetch(sql, ids, since)
                    out |= {r["device_id"]: Activity(r["rows"], r["newest"], r["quarantined"]) for r in found}
        return out

    async def device_ledger(self, sensor_type: str, device: str) -> Counts:
        """The ledger of one device."""
        types = await self._types_asked([sensor_type]) if is_storable(device) else []
        async with self._door.transaction() as c:
            await c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            tally = await c.fetchrow(_Q["device_tally"].text, types[0].id, device) if types else None
            if tally is None:
                raise NotFoundError(
                    f"there is no device {device!r} of type {sensor_type!r}; take one from the list of devices"
                )
            stored = await c.fetchval(_Q["stored_of_device"].text.format(table=quoted(types[0])), tally["device_id"])
        duplicate, quarantined = tally["duplicate"], tally["quarantined"]
        return Counts(stored + duplicate + quarantined, stored, duplicate, quarantined)

    async def statistics(self) -> dict[str, Any]:
        """Sizes and counts for health."""
        counts, since = await self.ledger()
        types = await self._types_asked(())
        async with self._door.transaction() as c:
            row = await c.fetchrow(_Q["statistics"].text)
            leases = await c.fetch(_Q["leases"].text)
            sizes = await self._dialect.sizes(c, types)
        assert row is not None  # head has one row
        return {
            "storage": self.storage,
            "since": since,
            "tables": {t.id: {"rows": rows_stored(counts, t.id), "bytes": sizes.get(t.id, 0)} for t in types},
            "leases": {
                r["name"]: {
                    "entry": r["entry"],
                    "behind": row["log_last"] - r["entry"],
                    "checkpoint": r["checkpoint"],
                    "checkpoint_behind": row["log_last"] - r["checkpoint"],
                }
                for r in leases
            },
            **dict(row.items()),
        }

    async def housekeeping(self, now: int) -> dict[str, int]:
        """Delete what has served; see ``Store.housekeeping``."""
        return {name: await self._door.value(_Q[f"clean_{name}"].text, now - age) for name, age in KEEP.items()}

    async def make_room_ahead(self, now: int) -> int:
        """Make tables ready for the rows of half a day later; see ``Store.make_room_ahead``."""
        types = list((await self._known_types([""])).values())
        return await self._dialect.make_room_ahead(self._door, types, now + ROOM_AHEAD)


def _quarantine_filter(query: QuarantineQuery, limit: int) -> Filter:
    f = Filter(limit)
    f.add_where_given("reason = {}", query.reason)
    f.add_where_given("topic = {}", query.topic)
    f.add_where_given("sensor_type = {}", query.sensor_type)
    f.add_where_given("received_at >= {}", query.start)
    f.add_where_given("received_at < {}", query.end)
    f.add_where_given("(mended_at IS NOT NULL) = {}", query.mended)
    return f


def _limit(asked: int, most: int) -> int:
    return max(1, min(asked, most))


def _row_filter(
    query: ObservationQuery,
    limit: int,
    after: tuple[int, ...] | None,
    up_to: tuple[int, int] | None,
    *,
    alias: str = "",
    arguments: list[Any] | None = None,
) -> Filter:
    """The filters every table of observations knows; ``arguments`` continues those of another filter."""
    f = Filter(*([limit] if arguments is None else arguments))
    f.add_where_given(f"{alias}time >= {{}}", query.start)
    f.add_where_given(f"{alias}time < {{}}", query.end)
    if query.bbox is not None:
        west, south, east, north = query.bbox
        f.add(f"{alias}lon BETWEEN {{}} AND {{}} AND {alias}lat BETWEEN {{}} AND {{}}", west, east, south, north)
    if after is not None:
        f.add(f"({alias}time, {alias}position) > ({{}}, {{}})", *after)
        f.add(f"{alias}time >= {{}}", after[0])  # the pair alone would not spare chunks
    if up_to is not None:
        f.add(f"({alias}time, {alias}position) <= ({{}}, {{}})", *up_to)
        f.add(f"{alias}time <= {{}}", up_to[0])
    return f
