"""Trying other thresholds on stored history from the page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


def test_a_changed_threshold_shows_what_it_would_change(simulated: Any, make_desk: Callable[..., Any]) -> None:
    page = make_desk(simulated).open(view="backtest")
    expect(page.get_by_test_id("backtest-none")).to_be_visible()
    page.get_by_test_id("backtest-scene-safety_production").check()
    page.get_by_test_id("override-add").click()
    page.get_by_test_id("override-key").select_option("safety_production.l1_pct")
    page.get_by_test_id("override-value").fill("40")
    page.get_by_test_id("backtest-run").click()
    result = page.get_by_test_id("backtest")
    expect(result).to_have_attribute("data-state", "done", timeout=120_000)
    job = simulated.get(f"/api/v1/backtests/{result.get_attribute('data-id')}")
    assert job["order"]["set"] == {"safety_production.l1_pct": 40.0}
    difference = job["difference"]
    assert difference["before"]["incidents"] >= 1
    assert difference["items"]
    expect(page.get_by_test_id("backtest-item")).to_have_count(len(difference["items"]))
    for change, count in difference["summary"].items():
        if change != "same":
            expect(page.get_by_test_id(f"change-{change}")).to_have_attribute("data-count", str(count))
    chosen = next(c for c, n in difference["summary"].items() if n and c != "same")
    page.get_by_test_id(f"change-{chosen}").click()
    expect(page.get_by_test_id("backtest-item")).to_have_count(difference["summary"][chosen])
    page.get_by_test_id("backtest-drop").click()
    expect(page.get_by_test_id("backtest-none")).to_be_visible()


def test_a_period_that_is_none_is_refused_with_the_platforms_sentence(
    simulated: Any, make_desk: Callable[..., Any]
) -> None:
    desk = make_desk(simulated)
    page = desk.open(view="backtest")
    start = page.get_by_test_id("backtest-start")
    expect(start).not_to_have_value("")
    page.get_by_test_id("backtest-end").fill(start.input_value())
    page.get_by_test_id("backtest-run").click()
    expect(page.get_by_test_id("notice")).to_contain_text("is not after start")
    # The browser reports the 422 that this test asked for.
    desk.watch.errors[:] = [e for e in desk.watch.errors if "422" not in e]
