"""Why not: from a file, from history, from the running scenes, over the API; what is asked wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from typer.testing import CliRunner

from brain.backtest import Question, explain_file, explain_now, explain_store
from brain.city import parse_city
from brain.cli import app
from brain.errors import ConfigurationError
from brain.pipeline.engine import Engine
from brain.pipeline.live import Runner
from brain.times import iso
from brain.web.app import make_app
from brain.web.settings import WebSettings
from ingest.seed import seed
from scenes import load
from scenes.safety_production.scene import SafetyProduction
from tests.unit.engine_world import SECOND, T0
from tests.unit.test_engine_live import CITY, messages, run_until_read, store_with

if TYPE_CHECKING:
    from pathlib import Path

    from brain.city import City
    from brain.registry import Registry
    from brain.store.memory import MemoryStore

VALUES = [1.0, 1.0, 9.0, 27.0, 28.0]  # only two samples over the first level
ASKED = Question(scene="safety_production", lon=120.4, lat=36.1, at=T0 + 45 * SECOND)
SCENES = [SafetyProduction()]


def level_1(answer: dict[str, Any]) -> dict[str, Any]:
    return next(x for x in answer["items"] if x["rule"].endswith("level_1"))


def traffic(path: Path, values: list[float] = VALUES) -> Path:
    lines = [
        {"received_at": iso(m.at_us), "topic": m.topic, "payload": json.loads(m.payload)} for m in messages(values)
    ]
    path.write_text("".join(json.dumps(x) + "\n" for x in lines))
    return path


async def test_a_silent_rule_says_which_condition_failed_wherever_the_rows_come_from(tmp_path: Path) -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES))
    past = await explain_store(CITY, store, SCENES, ASKED)
    found = level_1(past)
    assert (found["device"], found["speaks"]) == ("G1", False)
    assert [f["value"] for f in found["facts"] if f["quantity"] == "samples_in_a_row"] == [2]
    assert "samples_in_a_row" in found["unmet"]
    assert all(f["met"] for f in found["facts"] if f["quantity"] not in found["unmet"])
    assert (past["basis"], past["incidents"], past["rows"]) == ("replay", [], 5)
    recorded = explain_file(CITY, traffic(tmp_path / "a.jsonl"), SCENES, ASKED)
    assert recorded["items"] == past["items"]
    await run_until_read(Runner(store, lambda city, registry: Engine(SCENES, city, registry)), store)
    assert (await store.load_checkpoint("city")) is not None
    now = await explain_now(CITY, store, SCENES, replace(ASKED, at=None))
    assert (now["basis"], now["items"]) == ("live", past["items"])


async def test_the_moment_is_that_which_was_asked_for() -> None:
    store = await store_with()
    await seed(store, CITY, messages([1.0, 27.0, 28.0, 29.0, 1.0, 1.0]))
    before = await explain_store(CITY, store, SCENES, replace(ASKED, at=T0 + 25 * SECOND))
    then = await explain_store(CITY, store, SCENES, replace(ASKED, at=T0 + 35 * SECOND))
    assert not level_1(before)["speaks"]
    assert level_1(then)["speaks"]
    assert len(then["incidents"]) == 1


async def test_the_log_after_the_checkpoint_counts_as_the_present() -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES[:3]))
    await run_until_read(Runner(store, lambda city, registry: Engine(SCENES, city, registry)), store)
    await seed(store, CITY, messages(VALUES[3:], start=T0 + 30 * SECOND))
    now = await explain_now(CITY, store, SCENES, replace(ASKED, at=None))
    assert (now["basis"], now["rows"]) == ("live", 2)
    assert [f["value"] for f in level_1(now)["facts"] if f["quantity"] == "samples_in_a_row"] == [2]


async def test_without_a_checkpoint_the_present_is_a_replay() -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES))
    assert (await explain_store(CITY, store, SCENES, replace(ASKED, at=None)))["basis"] == "replay"


async def test_a_replay_is_bounded() -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES))
    with pytest.raises(ConfigurationError, match="more than 4 rows; ask with a shorter window"):
        await explain_store(CITY, store, SCENES, replace(ASKED, most_rows=4))
    short = await explain_store(CITY, store, SCENES, replace(ASKED, window_s=15.0, most_rows=4))
    assert short["rows"] == 2


async def test_a_place_where_nothing_is_names_the_nearest_device() -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES))
    far = await explain_store(CITY, store, SCENES, replace(ASKED, lon=120.5))
    assert far["items"] == []
    assert far["devices"] == [{"sensor_type": "gas-detector", "device": "G1", "distance_m": pytest.approx(8984, abs=2)}]


def test_a_district_without_the_scene_is_told_and_one_with_its_own_thresholds_answers_with_them(tmp_path: Path) -> None:
    text = """
    devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1}]
    districts:
      - {id: west, polygon: [[120.0, 36.0], [120.5, 36.0], [120.5, 36.5], [120.0, 36.5]]}
      - {id: east, polygon: [[120.5, 36.0], [121.0, 36.0], [121.0, 36.5], [120.5, 36.5]]}
    scenes: [{name: safety_production, districts: [west], parameters: {l1_pct: 28}}]
    """
    city = parse_city(text)
    path = traffic(tmp_path / "a.jsonl")
    here = explain_file(city, path, SCENES, ASKED)
    assert here["runs_here"]
    assert level_1(here)["overlay"] == "west"
    assert level_1(here)["facts"][0]["threshold"] == 28.0
    assert not explain_file(city, path, SCENES, replace(ASKED, lon=120.7))["runs_here"]


def test_the_command_tells_it_in_words_and_as_json(tmp_path: Path) -> None:
    path = traffic(tmp_path / "a.jsonl")
    city = tmp_path / "city.yaml"
    city.write_text("devices: [{id: G1, sensor_type: gas-detector, lon: 120.4, lat: 36.1}]")
    asked = ["scene", "explain", "safety_production", "--place", "120.4,36.1", "--traffic", str(path)]
    asked += ["--city", str(city), "--at", iso(T0 + 45 * SECOND)]
    said = CliRunner().invoke(app, asked)
    assert said.exit_code == 0, said.output
    assert "gas-detector/G1  S1.LEL.level_1  silent: " in said.stdout
    assert "NO  samples_in_a_row 2 >= 3" in said.stdout
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert level_1(found)["unmet"]


@pytest.mark.parametrize("place", ["120.4", "a,b", "36.1,120.4", "1,2,3"])
def test_a_wrong_place_is_one_sentence(place: str) -> None:
    said = CliRunner().invoke(app, ["scene", "explain", "travel", "--place", place, "--traffic", "none.jsonl"])
    assert isinstance(said.exception, ConfigurationError)
    assert "is not LON,LAT in degrees" in str(said.exception)


def client_of(store: MemoryStore) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(make_app(store, CITY, WebSettings(), load()))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


async def test_the_api_answers_for_past_and_present_and_refuses_what_it_cannot() -> None:
    store = await store_with()
    await seed(store, CITY, messages(VALUES))

    def engine_of(city: City, registry: Registry) -> Engine:
        return Engine(load(), city, registry)

    await run_until_read(Runner(store, engine_of), store)
    async with client_of(store) as client:
        base = "/api/v1/scenes/safety_production/explain?lon=120.4&lat=36.1"
        past = (await client.get(f"{base}&at={iso(T0 + 45 * SECOND)}")).json()
        now = (await client.get(base)).json()
        assert (past["basis"], now["basis"]) == ("replay", "live")
        assert now["items"] == past["items"]
        assert level_1(past)["facts"][0].keys() == {"quantity", "value", "op", "threshold", "unit", "met"}
        for wrong, status, says in (
            ("/api/v1/scenes/nope/explain?lon=1&lat=1", 404, "one of travel, safety_production"),
            ("/api/v1/scenes/travel/explain?lon=1", 422, "lat"),
            ("/api/v1/scenes/travel/explain?lon=181&lat=1", 422, "lon"),
            ("/api/v1/scenes/travel/explain?lon=1&lat=1&at=soon", 422, "at"),
            ("/api/v1/scenes/travel/explain?lon=1&lat=1&window_s=86400", 422, "window_s"),
        ):
            answer = await client.get(wrong)
            assert (answer.status_code, says in answer.json()["detail"]) == (status, True), answer.text
