"""The registry's side of the SQL store: sensor types with their tables, devices, the city model."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from brain.errors import SensorTypeError, StoreError
from brain.model import Device, SensorType
from brain.registry import Registry
from brain.store._dialect import quoted
from brain.store._sql import load_migrations, load_queries
from brain.store.rows import columns_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from brain.store._dialect import Dialect
    from brain.store._door import Connection, Door

__all__ = ["RegistryPart", "check_change", "check_into", "check_spelling", "decode_sensor_type", "encode_sensor_type"]

_Q: Final = load_queries("registry")
#: A migration may read every row; the time a statement has otherwise would stop it, at every start again.
_MIGRATION_SECONDS: Final = 6 * 3600
_KINDS: Final = {"double precision": "number", "boolean": "boolean", "text": "text"}


def encode_sensor_type(sensor_type: SensorType) -> str:
    """JSON of a sensor type."""
    return msgspec.json.encode(sensor_type).decode()


@lru_cache(maxsize=8192)
def decode_sensor_type(document: str) -> SensorType:
    """The sensor type of such JSON; the same object each time, so that what is remembered by it is found at once."""
    return msgspec.json.decode(document, type=SensorType)


def check_spelling(sensor_type: SensorType, known: str | None) -> None:
    """A sensor type must not differ from another one by ``-`` and ``_`` only: they would share a table."""
    if known is not None and known != sensor_type.id:
        raise SensorTypeError("id", f"{sensor_type.id} and the registered {known} count as the same; choose another id")


def check_change(sensor_type: SensorType, kinds: dict[str, str], has_key: bool) -> None:
    """A registered sensor type may gain fields; what is stored already keeps its kind.

    Args:
        sensor_type: As it shall be.
        kinds: Column -> ``number``, ``boolean`` or ``text`` as stored.
        has_key: Whether stored rows are told apart by key fields.

    Raises:
        SensorTypeError: Says which field would change.
    """
    for name, column in columns_of(sensor_type).items():
        stored = kinds.get(column.stored)
        if stored is not None and stored != column.kind.value:
            raise SensorTypeError(
                f"fields.{name}.kind",
                f"stored rows have this field as a {stored}, not a {column.kind}; give the new field another name",
            )
    if bool(sensor_type.key) != has_key:
        raise SensorTypeError(
            "key",
            "stored rows are told apart in another way; key fields cannot be added or dropped, make a new sensor type",
        )


def check_into(sensor_type: SensorType, has_rows: bool) -> None:
    """A sensor type that stores as another one has no table of its own.

    Raises:
        SensorTypeError: It has one already.
    """
    if has_rows:
        raise SensorTypeError("into", f"{sensor_type.id} has rows of its own already; give the new one another id")


def device_of(record: Any) -> Device:
    """A device from its SQL row."""
    extra = record["extra"]
    return Device(
        device_id=record["device_id"],
        sensor_type=sys.intern(record["sensor_type"]),  # one text for a hundred thousand devices
        name=record["name"],
        lon=record["lon"],
        lat=record["lat"],
        site=record["site"],
        simulated=record["simulated"],
        **({} if extra == "{}" else {"extra": msgspec.json.decode(extra)}),
    )


class RegistryPart:
    """Methods of the store about the registry and the schema."""

    _door: Door
    _dialect: Dialect
    storage: str

    def __init__(self) -> None:
        #: Sensor types as this process last read them; refreshed when a batch has a type or column not in it.
        self._types: dict[str, SensorType] = {}

    async def migrate(self) -> None:
        """Bring the schema up to date; safe to call from several processes at once."""
        async with self._door.transaction() as c:
            await c.execute("SELECT pg_advisory_xact_lock(hashtext('brain.migrate'))")
            await c.execute("CREATE SCHEMA IF NOT EXISTS brain")
            await c.execute(
                "CREATE TABLE IF NOT EXISTS brain.migration "
                "(name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
            )
            done = {r["name"] for r in await c.fetch("SELECT name FROM brain.migration")}
            for name, sql in load_migrations():
                if name not in done:
                    await c.execute(sql, timeout=_MIGRATION_SECONDS)
                    await c.execute("INSERT INTO brain.migration (name) VALUES ($1)", name)
            kept = await c.fetchval(
                "INSERT INTO brain.setting AS s (name, value) VALUES ('dialect', $1) "
                "ON CONFLICT (name) DO UPDATE SET value = s.value RETURNING value",
                self._dialect.name,
            )
        if kept != self._dialect.name:
            raise StoreError(
                f"this data base was made with {kept} and is opened as {self._dialect.name}; "
                "install what it was made with, or export its traffic and replay it into a new one"
            )

    async def load_registry(self) -> Registry:
        """All sensor types and devices."""
        async with self._door.transaction() as c:
            await c.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            types = [decode_sensor_type(r["document"]) for r in await c.fetch(_Q["load_sensor_types"].text)]
            devices = [device_of(r) for r in await c.fetch(_Q["load_devices"].text, 0)]
            revision = await c.fetchval(_Q["setting"].text, "registry_revision")
        self._types = {t.id: t for t in types}
        registry = Registry(types, devices)
        registry.revision = int(revision or 0)
        return registry

    async def devices_after(self, device_id: int) -> list[Device]:
        """Devices with greater ids: those that came since."""
        return [device_of(r) for r in await self._door.fetch(_Q["load_devices"].text, device_id)]

    async def put_sensor_type(self, sensor_type: SensorType, source: str = "", samples: str = "[]") -> int:
        """Register a sensor type and make or extend its table; see ``Store.put_sensor_type``."""
        columns = columns_of(sensor_type)
        document = encode_sensor_type(sensor_type)
        async with self._door.transaction() as c:
            await c.execute(_Q["lock_registry"].text)
            known = await c.fetchrow(_Q["find_sensor_type"].text, sensor_type.table)
            if known is not None:
                check_spelling(sensor_type, known["sensor_type"])
                if known["document"] == document:
                    self._types[sensor_type.id] = sensor_type
                    return int(await c.fetchval(_Q["setting"].text, "registry_revision") or 0)
            stored = {r["name"]: r["kind"] for r in await c.fetch(_Q["table_columns"].text, quoted(sensor_type))}
            if sensor_type.into is not None:
                check_into(sensor_type, bool(stored))
            elif stored:
                used = {c.stored for c in columns.values()}
                kinds = {n: _KINDS[k] for n, k in stored.items() if n in used and k in _KINDS}
                check_change(sensor_type, kinds, "row_key" in stored)
                await self._add_columns(c, sensor_type, set(stored))
            else:
                await self._dialect.create_table(c, sensor_type, list(columns.values()))
            await c.execute(
                _Q["put_sensor_type"].text, sensor_type.id, sensor_type.table, sensor_type.version, document
            )
            if source:
                await c.execute(_Q["put_version"].text, sensor_type.id, sensor_type.version, source, samples)
            revision: int = await c.fetchval(_Q["next_revision"].text)
            await c.execute(_Q["notify"].text, "registry")
        self._types[sensor_type.id] = sensor_type
        return revision

    async def sensor_type_versions(self, sensor_type: str) -> list[dict[str, Any]]:
        """Versions with their documents, oldest first."""
        return [dict(r.items()) for r in await self._door.fetch(_Q["versions"].text, sensor_type)]

    async def note_registry_taken(self, revision: int) -> None:
        """Ingest reads messages by this revision from now on."""
        await self._door.value(_Q["put_setting"].text, "registry_taken", str(revision))

    async def registry_taken(self) -> int:
        """The revision that ingest reads by."""
        return int(await self._door.value(_Q["setting"].text, "registry_taken") or 0)

    async def _add_columns(self, connection: Connection, sensor_type: SensorType, stored: set[str]) -> None:
        new = [c for c in columns_of(sensor_type).values() if c.stored not in stored]
        if new:
            added = ", ".join(f'ADD COLUMN "{c.stored}" {c.sql}' for c in new)
            await connection.execute(f"ALTER TABLE {quoted(sensor_type)} {added}")

    async def _known_types(self, wanted: Iterable[str] = ()) -> dict[str, SensorType]:
        """Sensor types; read again where one of the wanted is not among those this process knows."""
        if not self._types or any(w not in self._types for w in wanted):
            rows = await self._door.fetch(_Q["load_sensor_types"].text)
            self._types = {t.id: t for t in (decode_sensor_type(r["document"]) for r in rows)}
        return self._types

    async def admit(self, names: Sequence[tuple[str, str]]) -> list[Device]:
        """Devices of these (sensor type, name), made where new, in the order asked; notifies ``devices``."""
        if not names:
            return []
        asked = [t for t, _ in names], [n for _, n in names]
        async with self._door.transaction() as c:
            found = await c.fetch(_Q["find_devices"].text, *asked)
            if len(found) < len(names):
                await c.execute(_Q["lock_registry"].text)
                if await c.fetch(_Q["admit"].text, *asked):
                    await c.execute(_Q["notify"].text, "devices")
                found = await c.fetch(_Q["find_devices"].text, *asked)
        return [device_of(r) for r in found]

    async def put_devices(self, devices: Sequence[Device]) -> list[Device]:
        """Insert or update devices by (sensor type, name); notifies ``registry`` when one changed."""
        if not devices:
            return []
        asked = [d.sensor_type for d in devices], [d.name for d in devices]
        async with self._door.transaction() as c:
            await c.execute(_Q["lock_registry"].text)
            changed = await c.fetch(
                _Q["put_devices"].text,
                *asked,
                [d.lon for d in devices],
                [d.lat for d in devices],
                [d.site for d in devices],
                [d.simulated for d in devices],
                [msgspec.json.encode(d.extra).decode() for d in devices],
            )
            if changed:
                await c.execute(_Q["notify"].text, "registry")
            found = await c.fetch(_Q["find_devices"].text, *asked)
        return [device_of(r) for r in found]

    async def put_city(self, document: bytes) -> None:
        """Keep the city model in force; notifies channel ``registry`` when it changed."""
        async with self._door.transaction() as c:
            if await c.fetchval(_Q["put_city"].text, document):
                await c.execute(_Q["notify"].text, "registry")

    async def load_city(self) -> bytes | None:
        """The city model in force."""
        document: bytes | None = await self._door.value(_Q["load_city"].text)
        return document
