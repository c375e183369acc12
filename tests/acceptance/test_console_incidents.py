"""Every kind of incident the built-in scenes tell, opened on the page from the scenes' own cases."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser
CASES = Path(__file__).parents[2] / "scenes"
WIDTHS = (1366, 1280, 1024)
OUTSIDE = """() => [...document.querySelectorAll('button, input, select, a, h1, h2, h3')]
  .filter((e) => e.checkVisibility() && !e.closest('.scroll, .scroll-x')).filter((e) => {
    const { left, right, width } = e.getBoundingClientRect();
    return width && (right > innerWidth + 1 || left < -1);
  }).map((e) => e.dataset.testid ?? e.textContent)"""


def shapes() -> list[dict[str, Any]]:
    """Steps of the cases until every event and every kind of value of every key of a plan was there."""
    chosen: list[dict[str, Any]] = []
    known: set[str] = set()
    for path in sorted(CASES.glob("*/cases/*/expected.jsonl")):
        for step in map(json.loads, path.read_text("utf-8").splitlines()):
            plan = {f"{key}: {type(value).__name__}" for key, value in step["plan"].items() if value is not None}
            if not plan | {step["event"]} <= known:
                chosen.append(step)
                known |= plan | {step["event"]}
    return chosen


def as_incident(step: dict[str, Any], name: str) -> dict[str, Any]:
    """The step as the API shows an incident, under another name."""
    later = {"incident": name, "state": "raised", "raised_at": step["at"], "updated_at": step["at"], "cleared_at": None}
    return {"status": "Actual", "acknowledged_by": None, "acknowledged_at": None} | step | later


def test_every_plan_is_said_in_words_and_the_map_goes_on(
    silent: Any, make_desk: Callable[..., Any], until: Callable[..., Any]
) -> None:
    given = {f"shape-{i:03d}": as_incident(step, f"shape-{i:03d}") for i, step in enumerate(shapes())}
    assert len({step["event"] for step in given.values()}) > 15
    assert any(isinstance(step["plan"].get("route"), str) for step in given.values())
    desk = make_desk(silent)
    page = desk.page
    everything = {"items": list(given.values()), "next": None}
    page.route(re.compile(r"/api/v1/incidents\?"), lambda route: route.fulfill(json=everything))
    page.route(re.compile(r"/incidents/shape-\d+/log$"), lambda route: route.fulfill(json={"items": [], "next": None}))
    seen: set[str] = set()
    for tab in ("open", "devices"):
        desk.open(tab=tab)
        until(lambda: desk.brain("incidents") == len(given), 10, "all of them")
        rows = int(page.get_by_test_id("incident-row").first.get_attribute("aria-setsize"))
        page.keyboard.press("j")
        page.keyboard.press("Enter")
        for _ in range(rows):
            name = page.get_by_test_id("detail").get_attribute("data-id")
            seen.add(name)
            plan = given[name]["plan"]
            until(lambda name=name: name in [mark["id"] for mark in desk.brain("marks")], 10, f"the mark of {plan}")
            said = page.get_by_test_id("part-plan").locator("dd").all_inner_texts()
            assert [text for text in said if re.search(r"[{}\[\]\"]|_|undefined", text)] == [], plan
            page.keyboard.press("j")
    assert seen == given.keys()
    assert desk.brain("missing") == []


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_nothing_leaves_a_narrow_window(silent: Any, make_desk: Callable[..., Any], lang: str) -> None:
    desk = make_desk(silent)
    for width in WIDTHS:
        desk.page.set_viewport_size({"width": width, "height": 768})
        for view in ("map", "access", "quarantine", "catalogue", "backtest"):
            page = desk.open(lang=lang, view=view)
            expect(page.get_by_test_id(f"view-{view}")).to_have_attribute("aria-current", "page")
            assert page.evaluate(OUTSIDE) == [], (width, view)


def test_an_incident_of_the_address_stands_in_its_place_of_the_list(
    silent: Any, make_desk: Callable[..., Any], until: Callable[..., Any]
) -> None:
    """What was there before the page opened is not new above it."""
    for _ in range(3):
        silent.call_ambulance()
    items = until(
        lambda: (found := silent.get("/api/v1/incidents?state=open&limit=1000")["items"]) and len(found) >= 3 and found,
        20,
        "three incidents",
    )
    oldest = min(items, key=lambda i: i["raised_at"])["incident"]
    desk = make_desk(silent)
    page = desk.open(sel=oldest)
    expect(page.locator("[data-testid=incident-row]")).to_have_count(len(items))
    expect(page.locator(f"[data-testid=incident-row][data-id='{oldest}']")).to_be_in_viewport()
    expect(page.get_by_test_id("new-bar")).to_have_count(0)


def test_a_counter_and_a_place_lose_no_figure(
    silent: Any, make_desk: Callable[..., Any], until: Callable[..., Any]
) -> None:
    silent.publish([("city/power-meter/PM-9", {"total_kwh": 123456.78, "lon": 120.384321, "lat": 36.067654})])
    until(lambda: silent.get("/api/v1/observations/latest?sensor_type=power-meter")["items"], 20, "the row")
    page = make_desk(silent).open(view="access", item="power-meter")
    for column, text in (("total_kwh", "123456.78"), ("lon", "120.384321"), ("lat", "36.067654")):
        expect(page.locator(f"[data-testid=row] [data-column={column}]").first).to_have_text(text)
