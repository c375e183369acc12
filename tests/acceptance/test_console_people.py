"""What people do at the console, on a platform where only the test speaks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


@pytest.fixture
def incident(silent: Any, until: Callable[..., Any]) -> dict[str, Any]:
    """A fresh call to 120, as the API shows it."""
    known = {i["incident"] for i in silent.get("/api/v1/incidents?limit=1000")["items"]}
    silent.call_ambulance()

    def new() -> Any:
        items = silent.get("/api/v1/incidents?event=medical_emergency&limit=1000")["items"]
        return next((i for i in items if i["incident"] not in known), None)

    found: dict[str, Any] = until(new, 20, "the incident of the call")
    return found


def row_of(page: Any, incident: dict[str, Any]) -> Any:
    return page.locator(f"[data-testid=incident-row][data-id='{incident['incident']}']")


def log_of(platform: Any, incident: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = platform.get(f"/api/v1/incidents/{quote(incident['incident'])}/log")["items"]
    return items


def test_a_call_comes_into_the_queue_by_itself(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    desk = make_desk(silent)
    page = desk.open(sel=incident["incident"])
    expect(row_of(page, incident)).to_be_visible()
    rows = page.locator("[data-testid=incident-row][data-event=medical_emergency]")
    before = rows.count()
    silent.call_ambulance()
    expect(rows).to_have_count(before + 1)


def test_one_key_acknowledges_for_all_desks_with_one_line_in_the_log(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    first, second = make_desk(silent), make_desk(silent)
    page, other = first.open(sel=incident["incident"]), second.open()
    page.get_by_test_id("officer").click()
    page.get_by_test_id("officer-name").fill("Desk One")
    page.get_by_test_id("officer-save").click()
    expect(row_of(other, incident)).to_have_attribute("data-acknowledged", "false")
    expect(row_of(page, incident)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("a")
    expect(row_of(other, incident)).to_have_attribute("data-acknowledged", "true")
    expect(row_of(other, incident).get_by_test_id("row-by")).to_contain_text("Desk One")
    expect(page.get_by_test_id("acknowledged-by")).to_contain_text("Desk One")
    expect(page.locator("[data-testid=log-step][data-op=acknowledge]")).to_have_count(1)
    page.keyboard.press("a")
    expect(page.get_by_test_id("notice")).to_contain_text("Desk One")
    steps = [step for step in log_of(silent, incident) if step["op"] == "acknowledge"]
    assert [step["by"] for step in steps] == ["Desk One"]


def test_two_desks_that_acknowledge_at_once_make_one_line(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any], until: Callable[..., Any]
) -> None:
    desks = [make_desk(silent), make_desk(silent)]
    pages = [desk.open(sel=incident["incident"]) for desk in desks]
    # Neither hears of the other's step before it has sent its own.
    for page in pages:
        page.get_by_test_id("acknowledge").wait_for()
        page.route("**/acknowledge", lambda route: route.continue_())
    for page in pages:
        # on a slow machine the second page may have heard of the first one's step, and then offers nothing to click
        page.evaluate("() => document.querySelector('[data-testid=acknowledge]')?.click()")
    for page in pages:
        expect(page.get_by_test_id("detail-state")).to_have_attribute("data-state", "acknowledged")
    until(lambda: any(step["op"] == "acknowledge" for step in log_of(silent, incident)), 5, "the step")
    assert [step["op"] for step in log_of(silent, incident)].count("acknowledge") == 1


def test_an_action_ticked_off_shows_on_every_desk_and_stays_in_the_log(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    page, other = (
        make_desk(silent).open(sel=incident["incident"]),
        make_desk(silent).open(lang="zh", sel=incident["incident"]),
    )
    for one in (page, other):
        expect(one.get_by_test_id("log-step").first).to_be_visible()
    page.get_by_test_id("action").first.click()
    for one in (page, other):
        expect(one.get_by_test_id("action").first).to_have_attribute("aria-checked", "true")
        expect(one.get_by_test_id("action").nth(1)).to_have_attribute("aria-checked", "false")
    assert [step["op"] for step in log_of(silent, incident)].count("comment") == 1


def test_a_note_is_text_and_never_markup(silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]) -> None:
    page = make_desk(silent).open(sel=incident["incident"])
    note = "<img src=x onerror=alert(1)> & <b>bold</b>"
    page.get_by_test_id("note").fill(note)
    page.keyboard.press("Enter")
    step = page.locator("[data-testid=log-step][data-op=comment]")
    expect(step).to_contain_text(note)
    assert page.locator("[data-testid=log] img, [data-testid=log] q b").count() == 0
    expect(page.get_by_test_id("note")).to_have_value("")


def test_the_keyboard_alone_moves_opens_acknowledges_and_closes(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    silent.call_ambulance()
    page = make_desk(silent).open()
    expect(page.locator("[data-testid=incident-row][data-event=medical_emergency]").nth(1)).to_be_visible()
    page.keyboard.press("j")
    first = page.locator("[data-testid=incident-row][aria-selected=true]")
    expect(first).to_have_count(1)
    top = first.get_attribute("data-id")
    page.keyboard.press("j")
    expect(first).not_to_have_attribute("data-id", top)
    page.keyboard.press("k")
    expect(first).to_have_attribute("data-id", top)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("detail")).to_have_attribute("data-id", top)
    page.keyboard.press("a")
    expect(page.get_by_test_id("detail-state")).to_have_attribute("data-state", "acknowledged")
    page.keyboard.press("?")
    expect(page.get_by_test_id("panel-help")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("panel-help")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("detail")).to_have_count(0)
    before = page.evaluate("document.documentElement.lang")
    page.keyboard.press("l")
    expect(page.locator("html")).not_to_have_attribute("lang", before)


def test_what_nobody_has_acknowledged_comes_first_then_the_level(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    silent.call_ambulance("trauma_fall")
    page = make_desk(silent).open(sel=incident["incident"])
    expect(page.locator("[data-testid=incident-row]").nth(1)).to_be_visible()
    page.keyboard.press("a")
    expect(row_of(page, incident)).to_have_attribute("data-acknowledged", "true")
    rows = page.get_by_test_id("incident-row").evaluate_all(
        "all => all.map(e => [+e.getAttribute('aria-posinset'), e.dataset.acknowledged, e.dataset.level])"
    )
    number = {"red": 1, "orange": 2, "yellow": 3, "blue": 4}
    order = [(acknowledged == "true", number[level]) for _, acknowledged, level in sorted(rows)]
    assert order == sorted(order)
    assert order[0][0] is False


def test_a_new_incident_does_not_move_the_row_under_the_cursor(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    desk = make_desk(silent)
    page = desk.open(sel=incident["incident"])
    row = row_of(page, incident)
    before = row.bounding_box()
    known = desk.brain("incidents")
    silent.call_ambulance()
    bar = page.get_by_test_id("new-bar")
    expect(bar).to_be_visible()
    assert desk.brain("incidents") == known + 1
    assert row.bounding_box() == before
    bar.click()
    expect(bar).to_have_count(0)


def test_a_message_that_was_refused_is_in_the_quarantine_with_its_reason(
    silent: Any, make_desk: Callable[..., Any]
) -> None:
    silent.publish([("city/gas-detector/RQ-01-A", {"lel_pct": "much <b>"}), ("city/nonsense/X", {"a": 1})])
    page = make_desk(silent).open()
    expect(page.get_by_test_id("ledger-quarantined")).not_to_have_text("0", timeout=15_000)
    page.get_by_test_id("quarantine-open").click()
    expect(page.locator("[data-testid=quarantine-row][data-reason=wrong_type]").first).to_contain_text("lel_pct")
    expect(page.locator("[data-testid=quarantine-row][data-reason=unknown_sensor_type]").first).to_be_visible()
    page.get_by_test_id("ledger-open").click()
    expect(page.get_by_test_id("ledger-list")).to_contain_text("gas-detector")


def test_a_cut_line_shows_how_old_the_picture_is_and_then_catches_up(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any], until: Callable[..., Any]
) -> None:
    desk = make_desk(silent)
    page = desk.open()
    expect(row_of(page, incident)).to_be_visible()
    until(lambda: desk.brain("renderer") == "maplibre", 20, "the map")
    desk.context.set_offline(True)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "lost")
    expect(page.get_by_test_id("stale-age")).to_contain_text(re.compile(r"\d:\d\d"))
    known = desk.brain("incidents")
    for _ in range(3):
        silent.call_ambulance()
    until(lambda: len(silent.get("/api/v1/incidents?limit=1000")["items"]) >= known + 3, 20, "three more incidents")
    assert desk.brain("incidents") == known
    desk.context.set_offline(False)
    expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live", timeout=15_000)
    until(lambda: desk.brain("incidents") == known + 3, 10, "the incidents raised meanwhile")
    ids = page.get_by_test_id("incident-row").evaluate_all("all => all.map(e => e.dataset.id)")
    assert len(ids) == len(set(ids))
    # The browser itself reports each failed try; that is what this test provoked.
    desk.watch.errors[:] = [e for e in desk.watch.errors if "ERR_INTERNET_DISCONNECTED" not in e]


def test_the_open_list_can_be_narrowed_to_one_department_and_says_what_it_hides(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    page = make_desk(silent).open()
    expect(row_of(page, incident)).to_be_visible()
    page.locator("[data-testid=overview-department][data-department=health_120]").click()
    expect(page.get_by_test_id("filter")).to_contain_text("hidden")
    assert "dept=health_120" in page.url
    expect(row_of(page, incident)).to_be_visible()
    page.get_by_test_id("filter-clear").click()
    expect(page.get_by_test_id("filter")).to_have_count(0)


def test_a_drill_is_marked_wherever_it_is_shown(
    silent: Any, make_desk: Callable[..., Any], incident: dict[str, Any]
) -> None:
    silent.call_ambulance(device="exercise:120-TEST")
    page = make_desk(silent).open()
    drill = page.locator("[data-testid=incident-row]").filter(has=page.get_by_test_id("row-exercise"))
    expect(drill).to_have_count(1)
    expect(page.get_by_test_id("count-exercise")).to_have_text("1 in drills")
    expect(page.get_by_test_id("ledger-exercise")).to_have_text("1")
    found = silent.get("/api/v1/incidents?open=true&status=actual&limit=1000")["items"]
    real = [i["level"] for i in found if i["scene"] != "device_health"]
    for level in ("red", "orange", "yellow", "blue"):
        expect(page.get_by_test_id(f"count-{level}").locator("b")).to_have_text(str(real.count(level)))
    expect(row_of(page, incident).get_by_test_id("row-exercise")).to_have_count(0)
    drill.click()
    expect(page.get_by_test_id("detail-exercise")).to_have_text("DRILL")
