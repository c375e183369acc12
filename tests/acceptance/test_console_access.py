"""The room for developers: a new sensor type is written, tried out, registered, and speaks; all from the page."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser

DOCUMENT = """id: {id}
family: meter
name: {{zh: 道路空气站, en: Street air station}}
topics: ["{id}/{{device}}/up"]
time: {{from: it.ts, as: unix_ms}}
fields:
  temp_c: {{unit: Cel, from: it.t, scale: 0.1, label: {{zh: 气温, en: Temperature}}}}
"""


def sensor_type(page: Any, name: str) -> Any:
    return page.locator(f"[data-testid=sensor-type][data-id='{name}']")


def write(page: Any, document: str, topic: str, payload: str) -> None:
    """A document and one sample into an empty draft."""
    page.get_by_test_id("access-add").click()
    page.get_by_test_id("document-text").fill(document)
    page.get_by_test_id("sample-add").click()
    page.get_by_test_id("sample-topic").fill(topic)
    page.get_by_test_id("sample-payload").fill(payload)


def test_a_new_type_is_tried_out_registered_and_its_first_message_arrives(
    silent: Any, make_desk: Callable[..., Any]
) -> None:
    page = make_desk(silent).open(view="access")
    page.get_by_test_id("access-add").click()
    page.get_by_test_id("start-example").click()
    expect(page.get_by_test_id("trial")).to_have_attribute("data-ok", "true")
    expect(page.get_by_test_id("sample-table").locator("[data-column=temp_c]")).to_have_text("21.5")
    expect(page.get_by_test_id("sample-ignored")).to_contain_text("rssi")
    known = {t["id"] for t in silent.get("/api/v1/sensor-types")["items"]}
    assert "street-air" not in known  # a dry run keeps nothing
    page.get_by_test_id("register").click()
    expect(page.get_by_test_id("arrival-waiting")).to_be_visible()
    expect(sensor_type(page, "street-air")).to_be_visible()
    now_ms = round(time.time() * 1000)
    silent.publish([("air/A-9/up", {"ts": now_ms, "pm25": 5000, "t": 1, "st": 0})])
    expect(page.get_by_test_id("arrival-refused")).to_be_visible()
    silent.publish([("air/A-9/up", {"ts": now_ms, "pm25": 33.5, "t": 198, "st": 1})])
    expect(page.get_by_test_id("arrival")).to_have_attribute("data-arrived", "true")
    row = page.get_by_test_id("arrival-table")
    expect(row.locator("[data-column=device]")).to_have_text("A-9")
    expect(row.locator("[data-column=pm25_ugm3]")).to_have_text("33.5")


def test_an_error_marks_its_line_and_leads_to_it(silent: Any, make_desk: Callable[..., Any]) -> None:
    page = make_desk(silent).open(view="access")
    broken = DOCUMENT.format(id="broken-air").replace("unit: Cel", "unti: Cel")
    write(page, broken, "broken-air/A/up", "{}")
    expect(page.get_by_test_id("trial")).to_have_attribute("data-ok", "false")
    marked = page.locator("[data-testid=document] .gutter .wrong")
    expect(marked).to_have_text("7")
    expect(page.get_by_test_id("register")).to_be_disabled()
    page.get_by_test_id("trial-errors").locator("button").first.click()
    selected = page.evaluate(
        "() => (({ value: v, selectionStart: a, selectionEnd: b }) => v.slice(a, b))(document.activeElement)"
    )
    assert "unti: Cel" in selected
    page.get_by_test_id("document-text").fill(broken.replace("unti", "unit"))
    expect(marked).to_have_count(0)
    expect(page.get_by_test_id("sample-refused")).to_contain_text("missing")


def test_bytes_may_be_written_in_hex_and_what_is_none_is_said(silent: Any, make_desk: Callable[..., Any]) -> None:
    page = make_desk(silent).open(view="access")
    document = (
        DOCUMENT.format(id="byte-air").replace("time: {from: it.ts, as: unix_ms}\n", "").replace("it.t,", "'it[1]',")
    )
    write(page, f"{document}input: bytes\n", "byte-air/A/up", "00 D7")
    page.get_by_test_id("sample-form").select_option("hex")
    expect(page.get_by_test_id("sample-table").locator("[data-column=temp_c]")).to_have_text("21.5")
    page.get_by_test_id("sample-payload").fill("00 D")
    expect(page.get_by_test_id("sample-bad")).to_be_visible()


def test_versions_show_their_difference_and_a_retired_type_takes_no_more(
    silent: Any, make_desk: Callable[..., Any], until: Callable[..., Any]
) -> None:
    page = make_desk(silent).open(view="access")
    write(page, DOCUMENT.format(id="short-air"), "short-air/A/up", '{"ts": 1, "t": 1}')
    expect(page.get_by_test_id("trial")).to_have_attribute("data-ok", "true")
    page.get_by_test_id("document-text").press("Control+Enter")
    expect(page.get_by_test_id("arrival")).to_be_visible()
    page.get_by_test_id("arrival-show").click()
    page.get_by_test_id("edit").click()
    text = page.get_by_test_id("document-text")
    expect(text).to_have_value(re.compile("short-air"))
    text.fill(text.input_value() + "  rssi_db: {unit: dB, from: it.r, label: {zh: 信号, en: Signal}}\n")
    expect(page.get_by_test_id("trial-changes")).to_contain_text("rssi_db")
    page.get_by_test_id("register").click()
    page.get_by_test_id("arrival-show").click()
    page.locator("[data-testid=version][data-version='2'] summary").click()
    expect(page.get_by_test_id("diff").locator(".plus").last).to_contain_text("rssi_db")
    page.get_by_test_id("retire").click()
    assert silent.get("/api/v1/sensor-types/short-air")["retired"] is False  # the first press only asks
    page.get_by_test_id("retire").click()
    expect(page.get_by_test_id("is-retired")).to_be_visible()
    assert silent.get("/api/v1/sensor-types/short-air")["retired"] is True
    page.get_by_test_id("access-retired").uncheck()
    expect(sensor_type(page, "short-air")).to_have_count(0)


def test_the_list_is_searched_by_name_field_and_family_and_says_when_nothing_fits(
    silent: Any, make_desk: Callable[..., Any]
) -> None:
    page = make_desk(silent).open(view="access", item="gas-detector")
    expect(page.get_by_test_id("fields")).to_contain_text("lel_pct")
    expect(page.get_by_test_id("sensor-type-detail")).to_have_attribute("data-id", "gas-detector")
    search = page.get_by_test_id("access-search")
    search.fill("lel_pct")
    expect(page.get_by_test_id("sensor-type")).to_have_count(1)
    page.get_by_test_id("access-family").select_option("video")
    expect(page.get_by_test_id("access-none")).to_be_visible()
    search.fill("")
    expect(sensor_type(page, "video-event")).to_be_visible()


def test_rooms_open_by_key_and_address_and_escape_leads_back(silent: Any, make_desk: Callable[..., Any]) -> None:
    desk = make_desk(silent)
    page = desk.open()
    page.keyboard.press("2")
    expect(page.get_by_test_id("room-access")).to_be_visible()
    assert "view=access" in page.url
    page.get_by_test_id("access-search").focus()
    page.keyboard.type("12")  # digits in a field are text
    expect(page.get_by_test_id("access-search")).to_have_value("12")
    page.keyboard.press("Escape")
    page.get_by_test_id("help").click()
    expect(page.get_by_test_id("panel-help")).to_contain_text("Quarantine")
    page.get_by_test_id("panel-close").click()  # nothing lies above it
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("room-access")).to_have_count(0)
    expect(page.get_by_test_id("map")).to_be_visible()
    assert page.request.get(f"{silent.http}/docs/profiles").text().startswith("# Profiles")
