"""The catalogue: every resource of the platform in one list that the server searches and pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


def test_all_kinds_are_searched_and_devices_come_page_by_page(silent: Any, make_desk: Callable[..., Any]) -> None:
    page = make_desk(silent).open(view="catalogue")
    rows = page.get_by_test_id("resource")
    expect(rows.first).to_be_visible()
    page.get_by_test_id("catalogue-search").fill("gas-detector gas_company")
    expect(page.locator("[data-testid=resource][data-kind=sensor-type]")).to_have_count(1)
    page.get_by_test_id("catalogue-search").fill("")
    page.get_by_test_id("catalogue-kind").select_option("device")
    expect(page.locator("[data-testid=resource]:not([data-kind=device])")).to_have_count(0)
    expect(rows).to_have_count(100)
    page.get_by_test_id("catalogue-more").click()
    expect(rows).to_have_count(200)
    ids = rows.evaluate_all("all => all.map(e => e.dataset.id)")
    assert len(set(ids)) == 200
    page.get_by_test_id("catalogue-search").fill("no such thing anywhere")
    expect(page.get_by_test_id("catalogue-none")).to_be_visible()


def test_a_resource_says_who_owns_it_and_why_it_has_its_class(silent: Any, make_desk: Callable[..., Any]) -> None:
    page = make_desk(silent).open(view="catalogue", lang="zh")
    page.get_by_test_id("catalogue-search").fill("emergency_call")
    row = page.locator("[data-testid=resource][data-id='observations.emergency_call']")
    expect(row).to_have_attribute("data-access", "personal")
    expect(row.get_by_test_id("resource-owner")).to_have_text("急救 120")
    row.get_by_test_id("resource-open").click()
    expect(page.get_by_test_id("resource-more")).to_contain_text("敏感个人信息")
    page.get_by_test_id("catalogue-search").fill("ambulance")
    page.locator("[data-testid=resource][data-kind=sensor-type][data-id=ambulance] [data-testid=resource-open]").click()
    expect(page.get_by_test_id("sensor-type-detail")).to_have_attribute("data-id", "ambulance")


def test_the_devices_of_a_district_are_those_of_the_api(silent: Any, make_desk: Callable[..., Any]) -> None:
    district = silent.get("/api/v1/city")["districts"][0]["id"]
    page = make_desk(silent).open(view="catalogue")
    page.get_by_test_id("catalogue-district").select_option(district)
    expect(page.get_by_test_id("catalogue-count")).not_to_have_text("")
    expect(page.locator("[data-testid=resource]:not([data-kind=device])")).to_have_count(0)
    shown = page.get_by_test_id("resource").evaluate_all("all => all.map(e => e.dataset.id)")
    assert shown == [d["id"] for d in silent.get(f"/api/v1/devices?district={district}&limit=100")["items"]]
