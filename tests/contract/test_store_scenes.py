"""What every store promises about steps, incidents, checkpoints and wake-ups."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from brain.errors import ConfigurationError, FencedError, NotFoundError, StoreError
from brain.store import open_store
from brain.store.base import Checkpoint, IncidentQuery
from brain.times import iso
from tests.contract.store_world import SECOND, T0, Writer, gas, step

if TYPE_CHECKING:
    from brain.store.base import Store

KEYS = ["at", "seq", "op", "incident", "scene", "event", "level", "certainty", "reason", "position", "area"]
AT = iso(T0)


async def raised(store: Store, *incidents: str, **changes: Any) -> None:
    """Incidents raised one second apart."""
    lease = await store.claim_lease("city")
    steps = [step(i, 1, T0 + n * SECOND, "raise", **changes) for n, i in enumerate(incidents)]
    await store.commit_steps("city", lease, 1, steps)


async def test_steps_become_a_log_with_its_key_order(store: Store) -> None:
    lease = await store.claim_lease("city")
    steps = [
        step("a", 1, T0, "raise"),
        step("b", 1, T0, "raise", position=None),
        step("a", 2, T0 + SECOND, "update", level="red"),
    ]
    await store.commit_steps("city", lease, 5, steps)
    log = await store.incident_log("a")
    assert [(s["seq"], s["op"], s["level"]) for s in log] == [(1, "raise", "yellow"), (2, "update", "red")]
    assert list(log[0])[: len(KEYS)] == KEYS
    assert log[0] == {**steps[0].document, "seq": 1}
    assert msgspec.json.encode(log[0]["headline"]).decode() == '{"zh":"燃气泄漏","en":"Gas leak"}'
    assert await store.incident_log("nothing") == []
    assert [(n, d["incident"], d["seq"]) for n, d, _ in await store.steps_after(0)] == [
        (1, "a", 1),
        (2, "b", 1),
        (3, "a", 2),
    ]
    assert [n for n, *_ in await store.steps_after(1, limit=1)] == [2]
    assert await store.last_event() == 3
    incident = await store.incident("a")
    assert incident is not None
    assert list(incident)[: len(KEYS)] == KEYS
    assert {k: incident[k] for k in ("state", "raised_at", "updated_at", "cleared_at", "level", "seq")} == {
        "state": "raised",
        "raised_at": AT,
        "updated_at": iso(T0 + SECOND),
        "cleared_at": None,
        "level": "red",
        "seq": 2,
    }
    assert await store.incident("nothing") is None


async def test_steps_computed_again_after_a_crash_are_taken_once(store: Store) -> None:
    lease = await store.claim_lease("city")
    steps = [step("a", n, T0 + n * SECOND, "raise" if n == 1 else "update") for n in (1, 2, 3)]
    await store.commit_steps("city", lease, 1, steps[:2])
    again = await store.claim_lease("city")
    await store.commit_steps("city", again, 2, steps)
    assert [s["seq"] for s in await store.incident_log("a")] == [1, 2, 3]
    assert await store.last_event() == 3
    assert (await store.statistics())["outbox_waiting"] == 9


async def test_a_former_owner_of_the_scenes_is_fenced_and_changes_nothing(store: Store) -> None:
    former = await store.claim_lease("city")
    now = await store.claim_lease("city")
    with pytest.raises(FencedError):
        await store.commit_steps("city", former, 3, [step("a", 1, T0, "raise")])
    with pytest.raises(FencedError):
        await store.keep_checkpoint("city", former, Checkpoint(3, b"x"))
    assert await store.last_event() == 0
    assert await store.load_checkpoint("city") is None
    other = await store.claim_lease("other")
    await store.commit_steps("other", other, 1, [])
    await store.commit_steps("city", now, 1, [])


async def test_new_incidents_are_numbered_after_everybodys_steps_and_taken_once(store: Store) -> None:
    lease = await store.claim_lease("city")

    async def commit(entry: int, *incidents: str) -> None:
        await store.commit_steps("city", lease, entry, [step(i, 1, T0, "raise") for i in incidents])

    await commit(1, "a")
    await commit(2, "b")
    await store.person_step("a", "comment", "Wang", T0, {"text": "seen"})
    await commit(3, "c")  # after a step that it did not know of
    await commit(4, "b", "c", "d")  # the answer got lost: two of them are known
    await commit(5, "d")
    await commit(6, "e")
    assert [(n, d["incident"], d["op"]) for n, d, _ in await store.steps_after(0)] == [
        *((1, "a", "raise"), (2, "b", "raise"), (3, "a", "comment"), (4, "c", "raise"), (5, "d", "raise")),
        (6, "e", "raise"),
    ]
    await store.claim_lease("city")
    with pytest.raises(FencedError):
        await commit(7, "f")
    assert await store.last_event() == 6


async def test_a_checkpoint_comes_back_and_the_offset_never_goes_back(store: Store) -> None:
    writer = await Writer.start(store)
    for _ in range(9):
        await writer.write()
    lease = await store.claim_lease("city")
    state = bytes(range(256)) * 4000
    await store.keep_checkpoint("city", lease, Checkpoint(7, state))
    await store.commit_steps("city", lease, 5, [])
    await store.commit_steps("city", lease, 8, [step("a", 1, T0, "raise")])
    await store.keep_checkpoint("city", lease, Checkpoint(6, b"of before"))
    assert await store.load_checkpoint("city") == Checkpoint(7, state)
    assert await store.load_checkpoint("other") is None
    assert (await store.statistics())["leases"]["city"] == {
        "entry": 8,
        "behind": 1,
        "checkpoint": 7,
        "checkpoint_behind": 2,
    }


async def test_people_and_engine_share_one_numbering(store: Store) -> None:
    await raised(store, "a")
    first, new = await store.person_step("a", "acknowledge", "王芳", T0 + SECOND, {})
    assert new
    assert (first["at"], first["seq"], first["op"], first["by"]) == (iso(T0 + SECOND), 2, "acknowledge", "王芳")
    assert list(first)[: len(KEYS)] == KEYS
    lease = await store.claim_lease("city")
    await store.commit_steps("city", lease, 2, [step("a", 2, T0 + 2 * SECOND, "update", level="orange")])
    second, new = await store.person_step("a", "comment", "Li", T0 + 3 * SECOND, {"text": "valve shut"})
    assert new
    assert (second["seq"], second["level"], second["text"], second["count"]) == (4, "orange", "valve shut", 2)
    log = await store.incident_log("a")
    assert [(s["seq"], s["op"]) for s in log] == [(1, "raise"), (2, "acknowledge"), (3, "update"), (4, "comment")]
    assert "by" not in log[2]
    assert log[1] == first
    assert [d["op"] for _, d, _ in await store.steps_after(2)] == ["update", "comment"]
    with pytest.raises(NotFoundError):
        await store.person_step("nothing", "comment", "Li", T0, {})
    assert await store.last_event() == 4


async def test_a_second_acknowledge_gives_the_first_one(store: Store) -> None:
    await raised(store, "a")
    first, new = await store.person_step("a", "acknowledge", "Wang", T0 + SECOND, {})
    await store.person_step("a", "comment", "Li", T0 + 2 * SECOND, {"text": "x"})
    again, new_again = await store.person_step("a", "acknowledge", "Li", T0 + 3 * SECOND, {})
    assert (new, new_again, again) == (True, False, first)
    assert len(await store.incident_log("a")) == 3


async def test_an_incident_lives_from_raise_to_close_and_again(store: Store) -> None:
    await raised(store, "a")
    lease = await store.claim_lease("city")
    at = T0

    async def now(*wanted: str) -> dict[str, Any]:
        incident = await store.incident("a")
        assert incident is not None
        return {k: incident[k] for k in wanted}

    async def engine(number: int, op: str, **changes: Any) -> None:
        nonlocal at
        at += SECOND
        await store.commit_steps("city", lease, number, [step("a", number, at, op, **changes)])

    async def person(op: str, **fields: Any) -> bool:
        nonlocal at
        at += SECOND
        return (await store.person_step("a", op, "Wang", at, fields))[1]

    await person("acknowledge")
    assert await now("state", "acknowledged_by", "acknowledged_at") == {
        "state": "acknowledged",
        "acknowledged_by": "Wang",
        "acknowledged_at": iso(at),
    }
    await person("assign", department="gas_company")
    await person("shelve", until="2026-07-01T15:00:00+08:00", reason="repair")
    await person("escalate", level="red")
    assert await now("state", "assigned_to", "shelved_until", "level") == {
        "state": "acknowledged",
        "assigned_to": "gas_company",
        "shelved_until": "2026-07-01T07:00:00.000Z",
        "level": "red",
    }
    await person("comment", text="still red")
    assert (await now("level"))["level"] == "red"
    await engine(2, "clear")
    assert await now("state", "cleared_at", "acknowledged_by") == {
        "state": "cleared",
        "cleared_at": iso(at),
        "acknowledged_by": "Wang",
    }
    assert await person("close", text="done")
    assert not await person("close", text="done")
    assert (await now("state"))["state"] == "closed"
    await engine(3, "update")
    assert (await now("state"))["state"] == "closed"
    await engine(4, "reopen")
    assert await now("state", "cleared_at", "closed_at", "acknowledged_at", "shelved_until") == {
        "state": "raised",
        "cleared_at": None,
        "closed_at": None,
        "acknowledged_at": None,
        "shelved_until": None,
    }
    assert await person("acknowledge"), "the second fire has to be acknowledged, too"
    await engine(5, "cancel")
    assert (await now("state"))["state"] == "cleared"


async def test_incidents_are_listed_newest_first_page_by_page(store: Store) -> None:
    await raised(store, *"abcde")
    everything = await store.incidents(IncidentQuery())
    assert [i["incident"] for i in everything.items] == list("edcba")
    assert everything.cursor is None
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = await store.incidents(IncidentQuery(limit=2, cursor=cursor))
        seen += [i["incident"] for i in page.items]
        cursor = page.cursor
    assert (seen, cursor) == (list("edcba"), None)
    with pytest.raises(ConfigurationError):
        await store.incidents(IncidentQuery(cursor="bm9uc2Vuc2U"))
    with pytest.raises(ConfigurationError):
        await store.incidents(IncidentQuery(state="happy"))


async def test_incidents_are_filtered(store: Store) -> None:
    lease = await store.claim_lease("city")
    fire = {"event": "fire", "scene": "fire_rescue", "level": "red", "position": [120.9, 36.5]}
    steps = [
        step("a", 1, T0, "raise"),
        step("b", 1, T0 + SECOND, "raise", **fire, departments={"act": ["fire_rescue"], "inform": []}),
        step("c", 1, T0 + 2 * SECOND, "raise", position=None),
        step("c", 2, T0 + 3 * SECOND, "clear", position=None),
        step("d", 1, T0 + 4 * SECOND, "raise", level="blue"),
        step("e", 1, T0 + 5 * SECOND, "raise"),
    ]
    await store.commit_steps("city", lease, 1, steps)
    await store.person_step("d", "acknowledge", "Wang", T0 + 6 * SECOND, {})
    await store.person_step("e", "close", "Wang", T0 + 6 * SECOND, {})

    async def found(**query: Any) -> str:
        return "".join(i["incident"] for i in (await store.incidents(IncidentQuery(**query))).items)

    assert await found(state="open") == "dba"
    assert await found(state="unacknowledged") == "ba"
    assert await found(state="acknowledged") == "d"
    assert await found(state="cleared") == "c"
    assert await found(state="closed") == "e"
    assert await found(level="red") == "b"
    assert await found(event="fire") == "b"
    assert await found(scene="safety_production") == "edca"
    assert await found(department="public_security") == "edca"
    assert await found(department="fire_rescue") == "b"
    assert await found(start=T0 + SECOND, end=T0 + 4 * SECOND) == "cb"
    assert await found(bbox=(120.8, 36.4, 121.0, 36.6)) == "b"
    assert await found(bbox=(120.0, 36.0, 120.5, 36.2), state="open") == "da"


async def test_every_department_is_owed_each_step_once(sql_store: Any, sql_dsn: str) -> None:
    lease = await sql_store.claim_lease("city")
    await sql_store.commit_steps("city", lease, 1, [step("a", 1, T0, "raise")])
    await sql_store.person_step("a", "acknowledge", "Wang", T0, {})
    both = {"act": ["gas_company"], "inform": ["gas_company", "transport"]}
    await sql_store.commit_steps("city", lease, 2, [step("a", 2, T0, "update", departments=both)])
    connection = await asyncpg.connect(sql_dsn)
    rows = await connection.fetch(
        "SELECT incident, seq, department, role, idempotency_key FROM brain.outbox ORDER BY seq, department"
    )
    await connection.close()
    assert [tuple(r) for r in rows] == [
        ("a", 1, "gas_company", "act", "a/1/gas_company"),
        ("a", 1, "public_security", "inform", "a/1/public_security"),
        ("a", 1, "site_operator", "act", "a/1/site_operator"),
        ("a", 3, "gas_company", "act", "a/2/gas_company"),
        ("a", 3, "transport", "inform", "a/2/transport"),
    ]


async def test_a_reader_of_steps_never_misses_one(sql_dsn: str) -> None:
    """Numbers are given while others write: one that is seen must mean that all lower ones are seen."""
    stores = [await open_store(sql_dsn, pool_size=3) for _ in range(3)]
    await stores[0].migrate()
    await raised(stores[0], "p")
    lease = await stores[0].claim_lease("city")
    writing = True
    seen: list[int] = []

    async def read() -> None:
        while True:
            last = not writing
            found = await stores[2].steps_after(seen[-1] if seen else 0)
            seen.extend(n for n, *_ in found)
            if last and not found:
                return
            await asyncio.sleep(0)

    async def engine() -> None:
        for i in range(60):
            steps = [step(f"e{i}-{k}", 1, T0, "raise") for k in range(3)]
            await stores[0].commit_steps("city", lease, i, steps)

    async def people(store: Store) -> None:
        for i in range(40):
            await store.person_step("p", "comment", "Wang", T0 + i, {"text": str(i)})

    reading = asyncio.create_task(read())
    await asyncio.gather(engine(), people(stores[1]), people(stores[1]), people(stores[2]))
    writing = False
    await reading
    assert seen == list(range(1, 1 + 60 * 3 + 3 * 40 + 1))
    assert [s["seq"] for s in await stores[0].incident_log("p")] == list(range(1, 122))
    for s in stores:
        await s.close()


async def test_a_flush_and_a_step_wake_up_who_listens(store: Store) -> None:
    writer = await Writer.start(store)
    lease = await store.claim_lease("city")
    async with store.listen() as wake_ups:
        await writer.write({"gas-detector": [gas(1, 0)]})
        assert await asyncio.wait_for(anext(wake_ups), 30) == "log"
        await store.commit_steps("city", lease, 1, [step("a", 1, T0, "raise")])
        assert await asyncio.wait_for(anext(wake_ups), 30) == "incidents"
        await store.person_step("a", "comment", "Wang", T0, {"text": "x"})
        assert await asyncio.wait_for(anext(wake_ups), 30) == "incidents"
    with pytest.raises(StoreError):
        async with store.listen("weather"):
            pass


async def test_many_calls_become_one_wake_up(store: Store) -> None:
    writer = await Writer.start(store)
    async with store.listen("log", "inbox") as wake_ups:
        for _ in range(20):
            await writer.write()
        await store.inbox_put("t", b"")
        woken = [await asyncio.wait_for(anext(wake_ups), 30)]
        while woken[-1] != "inbox":
            woken.append(await asyncio.wait_for(anext(wake_ups), 30))
        assert woken[0] == "log"
        assert len(woken) < 20


async def test_a_listener_comes_back_by_itself_and_then_calls_every_channel(sql_store: Any, sql_dsn: str) -> None:
    writer = await Writer.start(sql_store)
    async with sql_store.listen("log", "incidents") as wake_ups:
        admin = await asyncpg.connect(sql_dsn)
        ended = await admin.fetchval(
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity "
            "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        )
        await admin.close()
        assert ended == 1
        woken = {await asyncio.wait_for(anext(wake_ups), 10) for _ in range(2)}
        assert woken == {"log", "incidents"}
        await writer.write()
        assert await asyncio.wait_for(anext(wake_ups), 30) == "log"


async def test_a_drill_is_told_apart_and_owes_nobody_a_message(store: Store) -> None:
    await raised(store, "real", "exercise-real")
    waiting = (await store.statistics())["outbox_waiting"]
    assert waiting == 3  # of the real one
    found = {status: await store.incidents(IncidentQuery(status=status)) for status in (None, "actual", "exercise")}
    assert {k: [i["incident"] for i in v.items] for k, v in found.items()} == {
        None: ["exercise-real", "real"],
        "actual": ["real"],
        "exercise": ["exercise-real"],
    }
    statistics = await store.statistics()
    assert (statistics["incidents"], statistics["incidents_open"]) == (1, 1)
    assert found["actual"].items[0]["status"] == "Actual"
