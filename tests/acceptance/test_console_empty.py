"""A platform that nothing has spoken to yet: the page is calm, empty, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("lang", "nothing"), [("zh", "没有未解除的事件"), ("en", "No open incident")])
def test_empty_lists_say_that_they_are_empty(
    silent: Any, make_desk: Callable[..., Any], lang: str, nothing: str
) -> None:
    desk = make_desk(silent)
    page = desk.open(lang=lang)
    expect(page.get_by_test_id("queue-empty")).to_contain_text(nothing)
    expect(page.get_by_test_id("overview-empty")).to_be_visible()
    expect(page.get_by_test_id("simulated-badge")).to_have_count(0)
    assert desk.brain("incidents") == 0
    assert desk.brain("tracks") == 0
    page.get_by_test_id("tab-ended").click()
    expect(page.get_by_test_id("queue-empty")).to_be_visible()
    expect(page.get_by_test_id("ledger-balance")).to_have_attribute("data-adds", "true")
    page.get_by_test_id("quarantine-open").click()
    expect(page.get_by_test_id("quarantine-none")).to_be_visible()


def test_an_unknown_incident_in_the_address_is_said_not_shown(silent: Any, make_desk: Callable[..., Any]) -> None:
    desk = make_desk(silent)
    page = desk.open(sel="gas_leak-nowhere")
    expect(page.get_by_test_id("detail-missing")).to_contain_text("gas_leak-nowhere")
    expect(page.get_by_test_id("notice")).to_be_visible()
    # The browser reports the 404 that this test asked for.
    desk.watch.errors[:] = [e for e in desk.watch.errors if "404" not in e]
