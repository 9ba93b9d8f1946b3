"""The keys of the rows page, each by its character."""

import re

import pytest
from playwright.sync_api import expect

from tests.support.copies import COLUMNS, ROWS, copied

pytestmark = [pytest.mark.browser, pytest.mark.any_window]


@pytest.fixture
def path(table, kind) -> str:
    if kind == "copy":
        copied(table, COLUMNS, ROWS)
    return f"/sources/{table.datasource_id}/rows/"


def test_keys_of_buttons_in_the_panel_of_a_narrow_page_act(people, alice, path):
    page = people(alice, viewport={"width": 390, "height": 844}).new_page()
    page.goto(path)
    page.keyboard.press("y")
    expect(page.locator("#more-panel [data-copy-address]")).to_have_text(re.compile("Cop"))
    expect(page.locator("#announcer")).to_have_text(re.compile("Cop"))
    page.keyboard.press("Escape")
    expect(page.locator("#open-more")).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator("h1")).to_contain_text("Export")


@pytest.mark.slow
def test_each_key_of_the_rows_page_acts(page, path, kind):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{path}?limit=25")
    page.keyboard.press("?")
    terms = page.get_by_role("dialog").locator("[data-offered] dt")
    assert {"/", "f", "c", "s", "e", "y", "]", "g", "Enter", "Space"} <= {*terms.all_inner_texts()}
    page.keyboard.press("Escape")
    for key, panel in {"f": "filter", "c": "columns", "s": "sort"}.items():
        page.keyboard.press(key)
        expect(page.locator(f"#{panel}-panel")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(f"#{panel}-panel")).to_be_hidden()
    page.keyboard.press("]")
    expect(page.locator("#page-number")).to_have_value("2")
    page.keyboard.press("]")
    expect(page.locator("#page-number")).to_have_value("3")
    page.keyboard.press("[")
    expect(page.locator("#page-number")).to_have_value("2")
    page.keyboard.press("y")
    expect(page.locator("#announcer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == page.url
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    expect(page.locator("#go-to-row")).to_be_focused()
    page.keyboard.press("e")  # typed into the field
    page.locator("h1").click()
    page.keyboard.press("e")
    expect(page.locator("h1")).to_contain_text("Export")
