"""Why and why not: parameters in force, the rows a statement rests on, the state after each step, unmet conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser
INCIDENT_S = 90_000


@pytest.fixture
def desk(simulated: Any, make_desk: Callable[..., Any]) -> Any:
    return make_desk(simulated)


def test_an_incident_shows_every_parameter_in_force_and_the_rows_each_statement_rests_on(desk: Any) -> None:
    page = desk.open()
    leak = page.locator("[data-testid=incident-row][data-event=gas_leak]").first
    expect(leak).to_be_visible(timeout=INCIDENT_S)
    leak.click()
    page.locator("[data-testid=parameters] summary").click()
    log = desk.platform.get(f"/api/v1/incidents/{leak.get_attribute('data-id')}/log")["items"]
    shown = page.get_by_test_id("parameter").evaluate_all("all => all.map(e => e.dataset.name)")
    assert sorted(shown) == sorted(log[-1]["rule"]["parameters"])
    limit = page.locator("[data-testid=parameter][data-name=l1_pct] .measured")
    expect(limit).to_contain_text(f"{log[-1]['rule']['parameters']['l1_pct']:g}")
    expect(page.get_by_test_id("overlay")).to_have_text("defaults")
    for eye in ("camera", "drone"):
        expect(page.get_by_test_id(f"verify-{eye}")).to_be_visible()
    link = page.get_by_test_id("raw-link").first.get_attribute("href")
    witness = page.get_by_test_id("witness").first.get_attribute("data-device")
    rows = desk.platform.get(link)["items"]
    assert rows
    assert {r["device"] for r in rows} == {witness}


def test_a_step_of_the_log_shows_the_state_it_left(desk: Any) -> None:
    page = desk.open()
    leak = page.locator("[data-testid=incident-row][data-event=gas_leak][data-level=red]").first
    expect(leak).to_be_visible(timeout=INCIDENT_S)
    leak.click()
    log = desk.platform.get(f"/api/v1/incidents/{leak.get_attribute('data-id')}/log")["items"]
    assert len(log[0]["evidence"]) < len(log[-1]["evidence"])
    page.locator("[data-testid=log-step][data-seq='1'] [data-testid=log-choose]").click()
    expect(page.get_by_test_id("as-of")).to_contain_text("step 1")
    expect(page.get_by_test_id("witness")).to_have_count(len(log[0]["evidence"]))
    page.get_by_test_id("as-of-now").click()
    expect(page.get_by_test_id("as-of")).to_have_count(0)
    expect(page.get_by_test_id("witness").nth(len(log[0]["evidence"]))).to_be_visible()


def test_a_place_on_the_map_answers_which_conditions_are_not_met(desk: Any) -> None:
    device = next(d for d in desk.platform.get("/api/v1/devices?sensor_type=gas-detector&limit=1")["items"])
    page = desk.open()
    page.get_by_test_id("map-whynot").click()
    expect(page.get_by_test_id("whynot-picking")).to_be_visible()
    page.get_by_test_id("map-box").click(position={"x": 300, "y": 500})
    expect(page.get_by_test_id("whynot-picking")).to_have_count(0)
    expect(page.get_by_test_id("whynot-lat")).not_to_have_value("")
    expect(page.get_by_test_id("whynot-answer")).to_be_visible(timeout=60_000)
    page.get_by_test_id("whynot-lon").fill(str(device["lon"]))
    page.get_by_test_id("whynot-lat").fill(str(device["lat"]))
    page.get_by_test_id("whynot-scene").select_option("safety_production")
    item = page.locator(f"[data-testid=whynot-item][data-device='{device['id']}'][data-speaks=false]").first
    expect(item).to_be_visible(timeout=60_000)
    expect(item.locator("[data-testid=fact][data-met=false]").first).to_contain_text("≥")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("panel-whynot")).to_have_count(0)
