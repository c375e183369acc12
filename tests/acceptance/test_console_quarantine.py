"""The quarantine: what was refused is counted by reason, shown whole, and mended one by one or all at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser

DOCUMENT = """id: mend-air
family: meter
name: {zh: 空气站, en: Air station}
fields:
  temp_c: {unit: Cel, from: it.temp_c, label: {zh: 气温, en: Temperature}}
"""


def summary_row(page: Any, reason: str) -> Any:
    return page.locator(f"[data-testid=summary-row][data-reason={reason}]")


def test_a_message_is_shown_with_its_reason_and_its_bytes_as_text_and_hex(
    silent: Any, make_desk: Callable[..., Any]
) -> None:
    silent.publish([("city/gas-detector/RQ-01-A", {"lel_pct": 365, "note": "<b>x</b>"})])
    page = make_desk(silent).open()
    expect(page.get_by_test_id("ledger-quarantined")).not_to_have_text("0", timeout=15_000)
    page.get_by_test_id("quarantine-open").click()
    expect(summary_row(page, "out_of_range").get_by_test_id("summary-count")).to_have_text("1")
    page.locator("[data-testid=quarantine-row][data-reason=out_of_range]").click()
    expect(page.get_by_test_id("quarantine-sentence")).to_contain_text("lel_pct: 365 is outside 0..100")
    expect(page.get_by_test_id("quarantine-bytes")).to_have_text('{"lel_pct": 365, "note": "<b>x</b>"}')
    page.get_by_test_id("form-hex").click()
    expect(page.get_by_test_id("quarantine-bytes")).to_contain_text("7b 22 6c 65 6c 5f")
    record = page.get_by_test_id("quarantine-detail").get_attribute("data-id")
    assert f"item={record}" in page.url
    page.get_by_test_id("quarantine-retry").click()
    expect(page.get_by_test_id("retry-outcome")).to_contain_text("outside 0..100")
    expect(page.get_by_test_id("quarantine-retries")).to_have_text("1")


def test_all_of_a_reason_are_tried_again_once_the_cause_is_mended(silent: Any, make_desk: Callable[..., Any]) -> None:
    good = [(f"city/mend-air/A{i}", {"temp_c": 20 + i}) for i in range(3)]
    silent.publish([*good, ("city/mend-air/A9", {"temp_c": "warm"})])
    page = make_desk(silent).open(view="quarantine")
    row = summary_row(page, "unknown_sensor_type")
    expect(row.get_by_test_id("summary-count")).to_have_text("4")
    silent.post("/api/v1/sensor-types", {"document": DOCUMENT})
    row.get_by_test_id("retry-all").click()
    batch = page.get_by_test_id("batch")
    expect(batch).to_have_attribute("data-done", "true")
    assert (batch.get_attribute("data-queued"), batch.get_attribute("data-mended")) == ("4", "3")
    expect(row).to_have_count(0)
    expect(summary_row(page, "wrong_type")).to_be_visible()
    stored = silent.get("/api/v1/observations?sensor_type=mend-air")["items"]
    assert sorted(r["temp_c"] for r in stored) == [20, 21, 22]


def test_the_list_is_narrowed_by_reason_and_topic(silent: Any, make_desk: Callable[..., Any]) -> None:
    topics = [f"city/gas-detector/N{i}" for i in range(3)]
    silent.publish([(topic, {"lel_pct": [1]}) for topic in topics])
    page = make_desk(silent).open(view="quarantine")
    page.get_by_test_id("quarantine-topic").fill(topics[1])
    expect(page.get_by_test_id("quarantine-row")).to_have_count(1)
    page.get_by_test_id("quarantine-topic").fill("city/gas-detector/nobody")
    expect(page.get_by_test_id("quarantine-none")).to_be_visible()
    page.get_by_test_id("quarantine-topic").fill("")
    page.get_by_test_id("quarantine-reason").select_option("wrong_type")
    expect(page.locator("[data-testid=quarantine-row]:not([data-reason=wrong_type])")).to_have_count(0)
    expect(page.get_by_test_id("quarantine-row").nth(2)).to_be_visible()
